//! Where the parts of a saga stand: their order says it.
//!
//! Steps stand in a row, from what starts the saga to where it completes. What undoes a step stands below it, and the way
//! back leads through those from the right to the left, as compensation goes. A step that fails leads down to what undoes
//! the steps before it. Reactions stand one below the other, the event left of what is sent.

use super::{
    parts::{Part, Saga, fails},
    words::{names, notes, subtitle, text, title},
};
use crate::{
    designer::{
        Kind,
        document::Document,
        geometry::Point,
        scene::{Role, Scene, SceneEdge, SceneNode, ScenePort},
        words::{SUBTITLE_CHARS_MAX, TITLE_CHARS_MAX, shorten},
    },
    diagram::{DiagramEdge, DiagramNode, NODE_HEIGHT, NODE_WIDTH},
};

/// Edges run along the middle of the two lines that every part has.
const LEVEL: f64 = NODE_HEIGHT / 2.0;
const NOTE_HEIGHT: f64 = 16.0;
/// Where the first part begins: a new saga is seen from the corner.
const ORIGIN: Point = (48.0, 72.0);
const END_WIDTH: f64 = 132.0;
const END_HEIGHT: f64 = 44.0;
const REACTION_WIDTH: f64 = 212.0;
/// Between two steps: at least that, and room for what stands beside the edges.
const GAP_MIN: f64 = 80.0;
/// Between the row of steps and the row of what undoes them.
const ROWS_APART: f64 = 76.0;
const REACTIONS_APART: f64 = 84.0;
/// How far left of a part the handle is that inserts one before it.
const HANDLE: f64 = 30.0;
/// How far right of an undo, and of the left border of a step, failures go up and down.
const ASIDE: f64 = 20.0;
const LABEL_CHARS_MAX: usize = 26;
const CHAR_WIDTH: f64 = 6.6;

pub fn scene(document: &Document) -> Scene {
    let mut drawing = Drawing { document, saga: Saga::of(document), nodes: Vec::new(), edges: Vec::new() };
    let below = if drawing.saga.is_stateful() { drawing.steps() } else { 0.0 };
    drawing.reactions(below);
    drawing.begin_at(ORIGIN);
    Scene::fixed(drawing.nodes, drawing.edges)
}

struct Drawing<'a> {
    document: &'a Document,
    saga: Saga<'a>,
    nodes: Vec<SceneNode>,
    edges: Vec<SceneEdge>,
}

fn width_of(label: &str) -> f64 {
    label.chars().count() as f64 * CHAR_WIDTH
}

fn label_of(types: &[&str]) -> String {
    shorten(&types.join(", "), LABEL_CHARS_MAX)
}

/// What leads from a step to undoing.
fn failures(step: &serde_json::Value) -> String {
    let mut types = names(step.get("failed"));
    if step.get("timeout").and_then(|timeout| text(timeout, "then")) == Some("undo") {
        types.push("time-out");
    }
    label_of(&types)
}

impl<'a> Drawing<'a> {
    fn node(&mut self, part: &Part, id: &str, (x, y): Point, (width, height): (f64, f64), ports: Vec<ScenePort>) {
        let shape = DiagramNode {
            id: id.to_owned(),
            kind: part.kind().name().to_owned(),
            title: shorten(&title(self.document, part), TITLE_CHARS_MAX + if width > NODE_WIDTH { 8 } else { 0 }),
            subtitle: shorten(&subtitle(self.document, part), SUBTITLE_CHARS_MAX + 4),
            x,
            y,
            width,
            height,
        };
        let notes = notes(self.document, part);
        self.nodes.push(SceneNode { shape, kind: part.kind(), ports, notes });
    }

    fn edge(&mut self, (from, port): (&str, &str), to: &str, role: Role, points: Vec<Point>, label: (String, Point)) {
        let (label, at) = label;
        let label_at = (!label.is_empty()).then_some(at);
        let (from, port, to) = (from.to_owned(), port.to_owned(), to.to_owned());
        self.edges.push(SceneEdge::fixed(DiagramEdge { from, port, to, label, points, label_at }, role));
    }

    fn begin_at(&mut self, (dx, dy): Point) {
        let moved = |at: &mut Point| *at = (at.0 + dx, at.1 + dy);
        for node in &mut self.nodes {
            (node.shape.x, node.shape.y) = (node.shape.x + dx, node.shape.y + dy);
            node.ports.iter_mut().for_each(|port| moved(&mut port.at));
        }
        for edge in &mut self.edges {
            edge.shape.points.iter_mut().chain(&mut edge.shape.label_at).for_each(moved);
        }
    }

    /// The highest that parts of a kind are, with their notes.
    fn height(&self, parts: impl Iterator<Item = Part>) -> f64 {
        let notes = parts.map(|part| notes(self.document, &part).len()).max().unwrap_or(0);
        NODE_HEIGHT + notes as f64 * NOTE_HEIGHT
    }

    /// Answers where there is room below.
    fn steps(&mut self) -> f64 {
        let saga = self.saga;
        let (ids, steps) = (saga.ids(), saga.steps());
        let size = (NODE_WIDTH, self.height((0..steps.len()).map(Part::Step)));
        let undo_size = (NODE_WIDTH, self.height((0..steps.len()).map(Part::Undo)));
        let below = size.1 + ROWS_APART;
        let port = |name: &str, label: &str, at: Point| ScenePort {
            name: name.to_owned(),
            label: label.to_owned(),
            at,
            is_open: true,
        };
        // What stands beside the edge that leads to each place, and how far that is from what is before.
        let done: Vec<String> =
            std::iter::once(String::new()).chain(steps.iter().map(|step| label_of(&names(step.get("done"))))).collect();
        let failed: Vec<String> = steps.iter().map(failures).collect();
        let mut left = Vec::with_capacity(steps.len() + 1);
        let mut x = NODE_WIDTH;
        for (index, label) in done.iter().enumerate() {
            let down = failed.get(index).map_or(0.0, |label| width_of(label) + 12.0);
            x += GAP_MIN.max(width_of(label) + HANDLE + 28.0).max(down);
            left.push(x);
            x += NODE_WIDTH;
        }
        let handle = |index: usize| port("next", "", (left[index] - HANDLE, LEVEL));
        self.node(&Part::Start, "start", (0.0, 0.0), (NODE_WIDTH, NODE_HEIGHT), vec![handle(0)]);
        let mut undoable: Option<usize> = None;
        let end = Part::Compensated.id(&ids);
        let centre = below + LEVEL;
        for (index, step) in steps.iter().enumerate() {
            let (id, x) = (ids[index].as_str(), left[index]);
            // Where a way back leads from here: to what undoes the nearest step before.
            let target = |undoable: Option<usize>| match undoable {
                Some(before) => (Part::Undo(before).id(&ids), left[before] + NODE_WIDTH),
                None => (end.clone(), END_WIDTH),
            };
            let mut ports = vec![handle(index + 1)];
            let middle = x + NODE_WIDTH / 2.0;
            if saga.undo(index).is_some() {
                let own = Part::Undo(index).id(&ids);
                self.node(&Part::Undo(index), &own, (x, below), undo_size, Vec::new());
                self.edge((id, "undo"), &own, Role::Tie, vec![(middle, size.1), (middle, below)], no_label());
                let (to, right) = target(undoable);
                self.edge((&own, "back"), &to, Role::Back, vec![(x, centre), (right, centre)], no_label());
            } else {
                ports.push(port("undo", "undo", (middle - 22.0, size.1 + 16.0)));
            }
            if fails(step) {
                let (to, right) = target(undoable);
                let (down, up, half) = (x + ASIDE, right + ASIDE, size.1 + ROWS_APART / 2.0);
                let points = vec![(down, size.1), (down, half), (up, half), (up, centre), (right, centre)];
                let at = (x - width_of(&failed[index]) / 2.0 - 4.0, half);
                self.edge((id, "failed"), &to, Role::Back, points, (failed[index].clone(), at));
            }
            if saga.undo(index).is_some() {
                undoable = Some(index);
            }
            self.node(&Part::Step(index), id, (x, 0.0), size, ports);
        }
        for (index, label) in done.into_iter().enumerate() {
            let from = if index == 0 { "start" } else { ids[index - 1].as_str() };
            let to = ids.get(index).map_or("completed", String::as_str);
            let begin = if index == 0 { NODE_WIDTH } else { left[index - 1] + NODE_WIDTH };
            let at = ((begin + left[index] - HANDLE - 8.0) / 2.0, LEVEL);
            self.edge((from, "next"), to, Role::Way, vec![(begin, LEVEL), (left[index], LEVEL)], (label, at));
        }
        let level = LEVEL - END_HEIGHT / 2.0;
        self.node(&Part::Completed, "completed", (left[steps.len()], level), (END_WIDTH, END_HEIGHT), Vec::new());
        if !saga.compensates() {
            return size.1 + ROWS_APART;
        }
        self.node(&Part::Compensated, &end, (0.0, below + level), (END_WIDTH, END_HEIGHT), Vec::new());
        below + undo_size.1 + ROWS_APART
    }

    fn reactions(&mut self, top: f64) {
        let reactions = self.saga.reactions();
        let condition = |reaction: &serde_json::Value| match text(reaction, "when") {
            Some(when) => format!("if {}", shorten(when.strip_prefix('=').unwrap_or(when), LABEL_CHARS_MAX)),
            None => String::new(),
        };
        let widest = reactions.iter().map(|(_, reaction)| width_of(&condition(reaction))).fold(0.0, f64::max);
        let gap = GAP_MIN.max(widest + 48.0);
        for (row, (event, reaction)) in reactions.into_iter().enumerate() {
            let y = top + row as f64 * REACTIONS_APART;
            let (on, reacts) = (Part::Event(event.to_owned()), Part::Reaction(event.to_owned()));
            let (from, to) = (on.id(&[]), reacts.id(&[]));
            let size = (REACTION_WIDTH, NODE_HEIGHT);
            self.node(&on, &from, (0.0, y), size, Vec::new());
            self.node(&reacts, &to, (REACTION_WIDTH + gap, y), size, Vec::new());
            let ends = vec![(REACTION_WIDTH, y + LEVEL), (REACTION_WIDTH + gap, y + LEVEL)];
            let label = condition(reaction);
            self.edge((&from, "next"), &to, Role::Way, ends, (label, (REACTION_WIDTH + gap / 2.0 - 4.0, y + LEVEL)));
        }
    }
}

fn no_label() -> (String, Point) {
    (String::new(), Point::default())
}

/// The place among the steps that a place of the diagram is nearest to: before the first step whose middle is right of it.
pub fn slot(scene: &Scene, document: &Document, x: f64) -> usize {
    let ids = Saga::of(document).ids();
    ids.iter().filter(|id| scene.node(id).is_some_and(|node| node.centre().0 < x)).count()
}

/// The step in whose column a place of the diagram is.
pub fn column(scene: &Scene, document: &Document, x: f64) -> Option<usize> {
    let ids = Saga::of(document).ids();
    ids.iter().position(|id| {
        scene.node(id).is_some_and(|node| node.kind == Kind::Step && node.rect().x <= x && x <= node.rect().right())
    })
}

/// The edge that leads to a place among the steps.
pub fn edge_to(document: &Document, slot: usize) -> crate::designer::PortRef {
    let ids = Saga::of(document).ids();
    let before = slot.checked_sub(1).and_then(|before| ids.get(before));
    crate::designer::PortRef::new(before.map_or("start", String::as_str), "next")
}
