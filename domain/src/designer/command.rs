//! What commands do on a canvas: from keys, from buttons, and from the menus that gestures open.

use std::collections::BTreeMap;

use super::{
    Kind,
    change::Forbidden,
    clipboard::{self, Clip, Pasted},
    document::{Document, PortRef},
    edit::Edit,
    geometry::{Point, Rect},
    keys::Command,
    rules::{self, Verdict},
    sagas,
    scene::{Scene, node_size},
    selection::{Direction, Selection},
    snap::{GRID, Guide},
    viewport::{PAN_STEP_PX, Viewport},
};

/// What a person looks at, and has a hand on.
#[derive(Clone, Copy)]
pub struct Canvas<'a> {
    pub document: &'a Document,
    /// Of the document as it is, without what is being dragged.
    pub scene: &'a Scene,
    pub viewport: &'a Viewport,
    pub selection: &'a Selection,
    /// Whether one may change anything; one can always look around.
    pub is_editable: bool,
}

/// What is to be done about an input.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Commit these as one step.
    Commit(Vec<Edit>),
    /// Draw this over the scene, in place of what was drawn so before.
    Preview(Preview),
    Select(Selection),
    View(Viewport),
    /// Say why not.
    Refuse(Forbidden),
    /// Show a menu of kinds; [`offered`] says which, [`chosen`] what a choice does.
    Offer(Offer),
    /// Of a node; `None`: of the definition itself.
    OpenSettings(Option<String>),
    /// Let the person type another title for a node.
    Rename(String),
    /// Let the person choose a port of the node and where it leads; [`targets`] says where it may.
    ChooseTarget(String),
    /// Put a text on the clipboard.
    Copy(String),
    /// Read the clipboard and hand it to [`paste`].
    ReadClipboard,
    /// A whole definition was pasted: take its nodes, or put it in place of this one?
    AskDefinition {
        nodes: Vec<Edit>,
        instead: Vec<Edit>,
    },
    /// Whoever holds the history, or the page, does these: undo, redo, find, save, tidy, help.
    Do(Command),
}

/// What is drawn only while a gesture lasts.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Preview {
    #[default]
    None,
    /// Nodes elsewhere: draw [`Scene::moved`].
    Move { ids: Vec<String>, dx: f64, dy: f64, guides: Vec<Guide>, onto: Option<Aim<PortRef>> },
    /// A box over what will be selected, in the diagram.
    Box(Rect),
    /// A line from a port (or from a node, when it is the other end that moves) to the pointer, in the diagram.
    Line { from: Point, to: Point, moving: Option<PortRef>, onto: Option<Aim<String>> },
    /// A node that is not there yet.
    Ghost { kind: Kind, at: Point, onto: Option<Aim<PortRef>> },
}

/// What something would be dropped on, and whether that is allowed.
#[derive(Debug, Clone, PartialEq)]
pub struct Aim<T> {
    pub on: T,
    pub verdict: Verdict,
}

/// What a menu of kinds is for.
#[derive(Debug, Clone, PartialEq)]
pub enum Offer {
    /// A node with its centre there.
    New {
        at: Point,
    },
    /// A node that a port leads to, beginning at a place; without one, beside the port's node.
    After {
        from: PortRef,
        at: Option<Point>,
    },
    Into {
        edge: PortRef,
    },
    Replace {
        node: String,
    },
}

/// How far one press of an arrow moves, and one with Shift.
const NUDGE: f64 = GRID;
const NUDGE_FAR: f64 = 10.0 * GRID;
/// Between a node and one that is appended to it: room for the label of an edge.
const GAP: f64 = 108.0;
/// How far a duplicate lies from what it was made of.
const DUPLICATE_OFFSET: f64 = 32.0;

/// What a command does. Nothing at all means that the key is not for the canvas just now, and goes on to the browser.
pub fn perform(command: Command, canvas: &Canvas<'_>) -> Vec<Outcome> {
    let Canvas { document, scene, viewport, selection, is_editable } = *canvas;
    let see = |viewport: Viewport| vec![Outcome::View(viewport)];
    match command {
        Command::ZoomIn => see(viewport.zoomed_in()),
        Command::ZoomOut => see(viewport.zoomed_out()),
        Command::ActualSize => see(viewport.actual_size()),
        Command::Fit => see(viewport.fitted(scene.bounds())),
        Command::Pan(direction) => see(panned(viewport, direction)),
        Command::Walk(direction) => go_to(canvas, selection.neighbour(scene, direction)),
        Command::Next => go_to(canvas, selection.traversed(scene, false)),
        Command::Previous => go_to(canvas, selection.traversed(scene, true)),
        Command::SelectAll => vec![Outcome::Select(Selection::all(scene))],
        Command::Escape if selection.is_empty() => Vec::new(),
        Command::Escape => vec![Outcome::Select(Selection::none())],
        Command::OpenSettings => {
            let edge_of = selection.only_edge().map(|edge| edge.node.as_str());
            match selection.only_node().or(edge_of) {
                None if !selection.is_empty() => Vec::new(),
                node => vec![Outcome::OpenSettings(node.map(str::to_owned))],
            }
        }
        Command::Copy if selection.nodes.is_empty() => Vec::new(),
        Command::Copy if document.is_saga() => sagas::hands::perform(command, canvas),
        Command::Copy => vec![Outcome::Copy(selected(canvas).to_text())],
        Command::Find | Command::Help => vec![Outcome::Do(command)],
        _ if !is_editable => Vec::new(),
        Command::Nudge(direction) | Command::NudgeFar(direction) if selection.nodes.is_empty() => {
            see(panned(viewport, direction))
        }
        _ if document.is_saga() => sagas::hands::perform(command, canvas),
        Command::Nudge(direction) => vec![Outcome::Commit(vec![nudge(canvas, direction, NUDGE)])],
        Command::NudgeFar(direction) => vec![Outcome::Commit(vec![nudge(canvas, direction, NUDGE_FAR)])],
        Command::Rename => on_node(selection, Outcome::Rename),
        Command::Replace => on_node(selection, |node| Outcome::Offer(Offer::Replace { node })),
        Command::Connect => match selection.only_node() {
            Some(node) if document.ports(node).is_empty() => {
                refuse(format!("Nothing follows {}: it has no way out.", document.title(node)))
            }
            _ => on_node(selection, Outcome::ChooseTarget),
        },
        Command::Append => append(canvas),
        Command::Delete => removal(canvas).map(Outcome::Commit).into_iter().collect(),
        Command::Cut if selection.nodes.is_empty() => Vec::new(),
        Command::Cut => {
            let copied = Outcome::Copy(selected(canvas).to_text());
            [copied].into_iter().chain(removal(canvas).map(Outcome::Commit)).collect()
        }
        Command::Paste => vec![Outcome::ReadClipboard],
        Command::Duplicate if selection.nodes.is_empty() => Vec::new(),
        Command::Duplicate => {
            let clip = selected(canvas);
            let (x, y) = clip.middle();
            pasted(document, clip, (x + DUPLICATE_OFFSET, y + DUPLICATE_OFFSET))
        }
        Command::Undo | Command::Redo | Command::Save | Command::Tidy => vec![Outcome::Do(command)],
    }
}

fn refuse(reason: impl Into<String>) -> Vec<Outcome> {
    vec![Outcome::Refuse(Forbidden::because(reason))]
}

fn on_node(selection: &Selection, outcome: impl FnOnce(String) -> Outcome) -> Vec<Outcome> {
    match selection.only_node() {
        Some(node) => vec![outcome(node.to_owned())],
        None if selection.nodes.len() > 1 => refuse("That is done with one node at a time: select it alone."),
        None => Vec::new(),
    }
}

fn go_to(canvas: &Canvas<'_>, node: Option<String>) -> Vec<Outcome> {
    let Some(node) = node.and_then(|name| canvas.scene.node(&name)) else { return Vec::new() };
    let mut outcomes = vec![Outcome::Select(Selection::of_node(node.id()))];
    let viewport = canvas.viewport.revealing(&node.rect());
    if viewport != *canvas.viewport {
        outcomes.push(Outcome::View(viewport));
    }
    outcomes
}

/// The arrow says where one wants to look, so the paper goes the other way.
fn panned(viewport: &Viewport, direction: Direction) -> Viewport {
    let (x, y) = direction.unit();
    viewport.panned(-x * PAN_STEP_PX, -y * PAN_STEP_PX)
}

fn nudge(canvas: &Canvas<'_>, direction: Direction, by: f64) -> Edit {
    let (ux, uy) = direction.unit();
    let nodes = canvas.selection.nodes.iter().filter_map(|name| canvas.scene.node(name));
    let positions = nodes.map(|node| {
        let (x, y) = node.centre();
        (node.id().to_owned(), (x + ux * by, y + uy * by))
    });
    Edit::Move { positions: positions.collect() }
}

fn selected(canvas: &Canvas<'_>) -> Clip {
    let names: Vec<&String> = canvas.selection.nodes.iter().collect();
    clipboard::copy(canvas.document, &names)
}

/// Removes what is selected: nodes with their edges, and edges for themselves.
fn removal(canvas: &Canvas<'_>) -> Option<Vec<Edit>> {
    let Selection { nodes, edges } = canvas.selection;
    let is_left = |edge: &&PortRef| {
        let leads_to_gone = || canvas.document.target(edge).is_none_or(|target| nodes.contains(&target));
        !nodes.contains(&edge.node) && !leads_to_gone()
    };
    let mut edits: Vec<Edit> =
        edges.iter().filter(is_left).map(|edge| Edit::Disconnect { edge: edge.clone() }).collect();
    if !nodes.is_empty() {
        edits.push(Edit::Remove { nodes: nodes.iter().cloned().collect() });
    }
    (!edits.is_empty()).then_some(edits)
}

fn append(canvas: &Canvas<'_>) -> Vec<Outcome> {
    if let Some(edge) = canvas.selection.only_edge() {
        return vec![Outcome::Offer(Offer::Into { edge: edge.clone() })];
    }
    let Some(node) = canvas.selection.only_node().and_then(|name| canvas.scene.node(name)) else {
        return vec![Outcome::Offer(Offer::New { at: canvas.viewport.centre() })];
    };
    match node.open_ports().next() {
        Some(port) => {
            vec![Outcome::Offer(Offer::After { from: PortRef::new(node.id(), port.name.clone()), at: None })]
        }
        None if node.ports.is_empty() => {
            refuse(format!("{} has no way out, so nothing can follow it.", canvas.document.title(node.id())))
        }
        None => refuse(format!(
            "Every way out of {} leads somewhere already. Select an edge to insert a node into it.",
            canvas.document.title(node.id())
        )),
    }
}

/// The kinds that the palette has for a document.
pub fn palette(document: &Document) -> &'static [Kind] {
    if document.is_saga() { &sagas::hands::KINDS } else { &Kind::ALL }
}

/// All kinds, and whether each can be chosen.
pub fn offered(offer: &Offer, document: &Document) -> Vec<(Kind, Verdict)> {
    if document.is_saga() {
        return sagas::hands::offered(offer, document);
    }
    let verdict = |kind: Kind| match offer {
        Offer::New { .. } => rules::add(document, kind),
        Offer::After { from, .. } => rules::append(document, from, kind),
        Offer::Into { edge } => rules::insert(document, edge, kind),
        Offer::Replace { node } => rules::replace(document, node, kind),
    };
    Kind::ALL.into_iter().map(|kind| (kind, verdict(kind))).collect()
}

/// What choosing a kind does, as one step.
pub fn chosen(offer: &Offer, kind: Kind, canvas: &Canvas<'_>) -> Vec<Edit> {
    if canvas.document.is_saga() {
        return sagas::hands::chosen(offer, kind, canvas);
    }
    let size = node_size(kind);
    match offer {
        Offer::New { at } => vec![Edit::Add { kind, at: canvas.scene.free_place(*at, size) }],
        // The edge was drawn to there, so that is where the node begins.
        Offer::After { from, at: Some((x, y)) } => {
            vec![Edit::Append { from: from.clone(), kind, at: (x + size.0 / 2.0, *y) }]
        }
        Offer::After { from, at: None } => {
            let beside = canvas.scene.node(&from.node).map_or_else(
                || canvas.viewport.centre(),
                |node| (node.rect().right() + GAP + size.0 / 2.0, node.centre().1),
            );
            vec![Edit::Append { from: from.clone(), kind, at: canvas.scene.free_place(beside, size) }]
        }
        Offer::Into { edge } => inserted(canvas, edge, kind),
        Offer::Replace { node } => vec![Edit::ReplaceKind { node: node.clone(), kind }],
    }
}

/// A node into an edge; what follows makes room for it when there is none.
fn inserted(canvas: &Canvas<'_>, edge: &PortRef, kind: Kind) -> Vec<Edit> {
    let target = canvas.document.target(edge);
    let nodes = canvas.scene.node(&edge.node).zip(target.and_then(|target| canvas.scene.node(&target)));
    let size = node_size(kind);
    let insert = |at: Point| Edit::Insert { edge: edge.clone(), kind, at };
    let Some((from, to)) = nodes else { return vec![insert(canvas.viewport.centre())] };
    let (from, to) = (from.rect(), to.rect());
    let middle = ((from.right() + to.x) / 2.0, (from.centre().1 + to.centre().1) / 2.0);
    if to.x <= from.right() {
        // It leads back: there is no room to make, only to find.
        return vec![insert(canvas.scene.free_place(((from.x + to.right()) / 2.0, middle.1), size))];
    }
    let missing = size.0 + 2.0 * GAP - (to.x - from.right());
    if missing <= 0.0 {
        return vec![insert(canvas.scene.free_place(middle, size))];
    }
    let shift = (missing / GRID).ceil() * GRID;
    let behind = canvas.scene.nodes().iter().filter(|node| node.shape.x >= to.x - 0.5 && node.id() != edge.node);
    let positions: BTreeMap<String, Point> = behind
        .map(|node| {
            let (x, y) = node.centre();
            (node.id().to_owned(), (x + shift, y))
        })
        .collect();
    vec![Edit::Move { positions }, insert((middle.0 + shift / 2.0, middle.1))]
}

/// A node from the palette, without a place: after what is selected where that has a free way out, else where one looks.
pub fn added(kind: Kind, canvas: &Canvas<'_>) -> Vec<Edit> {
    if canvas.document.is_saga() {
        return sagas::hands::added(kind, canvas);
    }
    let node = canvas.selection.only_node().and_then(|name| canvas.scene.node(name));
    let open = node.and_then(|node| Some(PortRef::new(node.id(), node.open_ports().next()?.name.clone())));
    match open.filter(|from| rules::append(canvas.document, from, kind).is_allowed()) {
        Some(from) => chosen(&Offer::After { from, at: None }, kind, canvas),
        None => chosen(&Offer::New { at: canvas.viewport.centre() }, kind, canvas),
    }
}

/// All nodes with what the rules say about leading a port to them.
pub fn targets(document: &Document, from: &PortRef) -> Vec<(String, Verdict)> {
    document.names().map(|name| (name.to_owned(), rules::connect(document, from, name))).collect()
}

/// What a text from the clipboard does: at `at` if that is known, else in the middle of what one sees.
pub fn paste(text: &str, at: Option<Point>, canvas: &Canvas<'_>) -> Vec<Outcome> {
    if !canvas.is_editable {
        return Vec::new();
    }
    if canvas.document.is_saga() {
        return sagas::hands::paste(text, canvas);
    }
    let at = |clip: &Clip| {
        at.unwrap_or_else(|| {
            let (seen, middle) = (canvas.viewport.visible(), clip.middle());
            // Pasted where it was copied, it lies beside the original, not on top of it.
            let offset = (middle.0 + DUPLICATE_OFFSET, middle.1 + DUPLICATE_OFFSET);
            if seen.contains(offset) { offset } else { seen.centre() }
        })
    };
    match clipboard::read(text) {
        Err(forbidden) => vec![Outcome::Refuse(forbidden)],
        Ok(Pasted::Nodes(clip)) => {
            let at = at(&clip);
            pasted(canvas.document, clip, at)
        }
        Ok(Pasted::Definition { clip, value }) => {
            let nodes = vec![Edit::Paste { at: at(&clip), clip }];
            vec![Outcome::AskDefinition { nodes, instead: vec![Edit::Rewrite { value }] }]
        }
    }
}

fn pasted(document: &Document, clip: Clip, at: Point) -> Vec<Outcome> {
    match clipboard::can_paste(document, &clip) {
        Verdict::Forbid(reason) => refuse(reason),
        Verdict::Allow | Verdict::Ignore => vec![Outcome::Commit(vec![Edit::Paste { clip, at }])],
    }
}
