//! What a movement of the hand means: one state, one input, and what follows. Nothing is changed here: what follows is
//! returned as [`Outcome`]s, and a gesture that is cancelled leaves no trace but a preview taken away.

use super::{
    Kind,
    change::Forbidden,
    command::{Aim, Canvas, Offer, Outcome, Preview, added},
    document::PortRef,
    edit::Edit,
    geometry::{Point, Rect, distance},
    rules::{self, Verdict},
    sagas::hands,
    scene::{EDGE_REACH_PX, End, HANDLE_REACH_PX, Hit},
    selection::Selection,
    snap::{self, Snapped},
};

mod aim;
mod pointer;

pub use pointer::{Button, Hand, Input, Pointer, PointerKind};

/// What is going on.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Gesture {
    #[default]
    Idle,
    /// Down, and not moved far: a click so far.
    Pressed {
        hand: Hand,
        on: Hit,
    },
    Panning {
        hand: Hand,
    },
    Pinching {
        hands: [Hand; 2],
    },
    /// From a place of the diagram, together with what was selected before.
    Boxing {
        hand: Hand,
        from: Point,
    },
    /// From a place of the diagram; `held` is the node under the pointer.
    Dragging {
        hand: Hand,
        held: String,
        ids: Vec<String>,
        from: Point,
    },
    Connecting {
        hand: Hand,
        line: Line,
    },
    /// A kind from the palette.
    Placing {
        hand: Hand,
        kind: Kind,
        has_moved: bool,
    },
}

/// What hangs at the pointer while connecting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// From a port; it may have an edge, which then leads elsewhere.
    From(PortRef),
    /// The end at the target of an edge.
    Target(PortRef),
    /// The end at the source of an edge.
    Source(PortRef),
}

impl Gesture {
    /// Whether frames are of interest.
    pub fn is_dragging(&self) -> bool {
        matches!(self, Self::Boxing { .. } | Self::Dragging { .. } | Self::Connecting { .. } | Self::Placing { .. })
    }

    fn hand(&self) -> Option<Hand> {
        match self {
            Self::Idle | Self::Pinching { .. } => None,
            Self::Pressed { hand, .. }
            | Self::Panning { hand }
            | Self::Boxing { hand, .. }
            | Self::Dragging { hand, .. }
            | Self::Connecting { hand, .. }
            | Self::Placing { hand, .. } => Some(*hand),
        }
    }

    fn with_hand(mut self, new: Hand) -> Self {
        match &mut self {
            Self::Idle | Self::Pinching { .. } => {}
            Self::Pressed { hand, .. }
            | Self::Panning { hand }
            | Self::Boxing { hand, .. }
            | Self::Dragging { hand, .. }
            | Self::Connecting { hand, .. }
            | Self::Placing { hand, .. } => *hand = new,
        }
        self
    }
}

type Stepped = (Gesture, Vec<Outcome>);

/// The next state, and what follows from the input.
pub fn step(gesture: Gesture, input: &Input, canvas: &Canvas<'_>) -> Stepped {
    match input {
        Input::Wheel { at, dx, dy, modifiers } => {
            let viewport = if modifiers.ctrl {
                canvas.viewport.zoomed_by_wheel(*at, *dy)
            } else if modifiers.shift && *dx == 0.0 {
                canvas.viewport.panned(-dy, 0.0)
            } else {
                canvas.viewport.panned(-dx, -dy)
            };
            (gesture, vec![Outcome::View(viewport)])
        }
        Input::Escape => cancelled(gesture),
        Input::Cancel(id) => match &gesture {
            Gesture::Pinching { hands } if hands.iter().any(|hand| hand.id == *id) => cancelled(gesture),
            _ if gesture.hand().is_some_and(|hand| hand.id == *id) => cancelled(gesture),
            _ => (gesture, Vec::new()),
        },
        Input::Frame => frame(gesture, canvas),
        Input::PickUp { kind, pointer } => match gesture {
            Gesture::Idle if canvas.is_editable && pointer.button == Button::Left => {
                (Gesture::Placing { hand: Hand::of(pointer), kind: *kind, has_moved: false }, Vec::new())
            }
            busy => (busy, Vec::new()),
        },
        Input::Down(pointer) => down(gesture, pointer, canvas),
        Input::Move(pointer) => moved(gesture, pointer, canvas),
        Input::Up(pointer) => up(gesture, pointer, canvas),
    }
}

fn cancelled(gesture: Gesture) -> Stepped {
    let outcomes = if gesture.is_dragging() { vec![Outcome::Preview(Preview::None)] } else { Vec::new() };
    (Gesture::Idle, outcomes)
}

fn down(gesture: Gesture, pointer: &Pointer, canvas: &Canvas<'_>) -> Stepped {
    if let Some(hand) = gesture.hand() {
        if hand.kind == PointerKind::Touch && pointer.kind == PointerKind::Touch && hand.id != pointer.id {
            let (_, outcomes) = cancelled(gesture);
            return (Gesture::Pinching { hands: [Hand { down: hand.at, ..hand }, Hand::of(pointer)] }, outcomes);
        }
        return (gesture, Vec::new());
    }
    let Gesture::Idle = gesture else { return (gesture, Vec::new()) };
    let hand = Hand::of(pointer);
    match pointer.button {
        Button::Right => (Gesture::Idle, Vec::new()),
        Button::Middle => (Gesture::Panning { hand }, Vec::new()),
        Button::Left if pointer.modifiers.space => (Gesture::Panning { hand }, Vec::new()),
        Button::Left => {
            let at = canvas.viewport.to_diagram(pointer.at);
            // Fingers are broader than arrows.
            let scale =
                if pointer.kind == PointerKind::Touch { canvas.viewport.zoom / 2.0 } else { canvas.viewport.zoom };
            let on = canvas.scene.hit(at, scale, canvas.selection.only_edge());
            (Gesture::Pressed { hand, on }, Vec::new())
        }
    }
}

fn moved(gesture: Gesture, pointer: &Pointer, canvas: &Canvas<'_>) -> Stepped {
    if let Gesture::Pinching { hands } = gesture {
        return pinched(hands, pointer, canvas);
    }
    let Some(before) = gesture.hand().filter(|hand| hand.id == pointer.id) else { return (gesture, Vec::new()) };
    let hand = Hand { at: pointer.at, modifiers: pointer.modifiers, ..before };
    match gesture.with_hand(hand) {
        Gesture::Pressed { hand, on } if hand.has_left() => begun(hand, on, canvas),
        Gesture::Panning { hand } => {
            let by = (hand.at.0 - before.at.0, hand.at.1 - before.at.1);
            (Gesture::Panning { hand }, vec![Outcome::View(canvas.viewport.panned(by.0, by.1))])
        }
        Gesture::Placing { hand, kind, has_moved } => {
            let placing = Gesture::Placing { hand, kind, has_moved: has_moved || hand.has_left() };
            let preview = preview(&placing, canvas);
            (placing, preview.into_iter().map(Outcome::Preview).collect())
        }
        gesture => {
            let preview = preview(&gesture, canvas);
            (gesture, preview.into_iter().map(Outcome::Preview).collect())
        }
    }
}

/// A press becomes a drag.
fn begun(hand: Hand, on: Hit, canvas: &Canvas<'_>) -> Stepped {
    let from = canvas.viewport.to_diagram(hand.down);
    let mut outcomes = Vec::new();
    let is_saga = canvas.document.is_saga();
    let gesture = match on {
        Hit::Node(held) if canvas.is_editable && is_saga && hands::grabbed(canvas, &held).is_some() => {
            let ids = hands::grabbed(canvas, &held).unwrap_or_default();
            if !canvas.selection.nodes.contains(&held) {
                outcomes.push(Outcome::Select(Selection::of_node(held.clone())));
            }
            Gesture::Dragging { hand, held, ids, from }
        }
        Hit::Node(held) if canvas.is_editable && !is_saga => {
            let adds = hand.modifiers.shift || hand.modifiers.ctrl;
            let mut selection = canvas.selection.clone();
            if !selection.nodes.contains(&held) {
                selection = selection.clicked(&Hit::Node(held.clone()), adds);
                outcomes.push(Outcome::Select(selection.clone()));
            }
            Gesture::Dragging { hand, held, ids: selection.nodes.into_iter().collect(), from }
        }
        Hit::Port(port) if canvas.is_editable && !is_saga => Gesture::Connecting { hand, line: Line::From(port) },
        Hit::EdgeEnd(edge, End::Target) if canvas.is_editable && !is_saga => {
            Gesture::Connecting { hand, line: Line::Target(edge) }
        }
        Hit::EdgeEnd(edge, End::Source) if canvas.is_editable && !is_saga => {
            Gesture::Connecting { hand, line: Line::Source(edge) }
        }
        _ if hand.modifiers.shift => Gesture::Boxing { hand, from },
        _ => {
            let by = (hand.at.0 - hand.down.0, hand.at.1 - hand.down.1);
            outcomes.push(Outcome::View(canvas.viewport.panned(by.0, by.1)));
            Gesture::Panning { hand }
        }
    };
    outcomes.extend(preview(&gesture, canvas).map(Outcome::Preview));
    (gesture, outcomes)
}

fn pinched(mut hands: [Hand; 2], pointer: &Pointer, canvas: &Canvas<'_>) -> Stepped {
    let before = hands;
    for hand in hands.iter_mut().filter(|hand| hand.id == pointer.id) {
        hand.at = pointer.at;
    }
    let middle = |hands: &[Hand; 2]| ((hands[0].at.0 + hands[1].at.0) / 2.0, (hands[0].at.1 + hands[1].at.1) / 2.0);
    let (was, is) = (middle(&before), middle(&hands));
    let spread = |hands: &[Hand; 2]| distance(hands[0].at, hands[1].at).max(1.0);
    let viewport = canvas.viewport.panned(is.0 - was.0, is.1 - was.1).zoomed_at(is, spread(&hands) / spread(&before));
    (Gesture::Pinching { hands }, vec![Outcome::View(viewport)])
}

fn up(gesture: Gesture, pointer: &Pointer, canvas: &Canvas<'_>) -> Stepped {
    if let Gesture::Pinching { hands } = &gesture {
        // The other finger goes on.
        return match hands.iter().find(|hand| hand.id != pointer.id) {
            Some(other) if hands.iter().any(|hand| hand.id == pointer.id) => {
                (Gesture::Panning { hand: *other }, Vec::new())
            }
            _ => (gesture, Vec::new()),
        };
    }
    let Some(before) = gesture.hand().filter(|hand| hand.id == pointer.id) else { return (gesture, Vec::new()) };
    let hand = Hand { at: pointer.at, modifiers: pointer.modifiers, ..before };
    let mut outcomes = match gesture.clone().with_hand(hand) {
        Gesture::Idle | Gesture::Pinching { .. } | Gesture::Panning { .. } => Vec::new(),
        Gesture::Pressed { hand, on } => clicked(&hand, &on, pointer.clicks, canvas),
        Gesture::Boxing { hand, from } => {
            let area = Rect::spanning(from, canvas.viewport.to_diagram(hand.at));
            vec![Outcome::Select(canvas.selection.boxed(canvas.scene, &area))]
        }
        Gesture::Dragging { hand, held, ids, from } => aim::dropped(canvas, &hand, &held, &ids, from),
        Gesture::Connecting { hand, line } => aim::connected(canvas, &hand, &line),
        Gesture::Placing { kind, has_moved: false, .. } if canvas.document.is_saga() => {
            hands::clicked_in_palette(kind, canvas)
        }
        Gesture::Placing { kind, has_moved: false, .. } => match rules::add(canvas.document, kind) {
            Verdict::Forbid(reason) => vec![Outcome::Refuse(Forbidden(reason))],
            Verdict::Allow | Verdict::Ignore => vec![Outcome::Commit(added(kind, canvas))],
        },
        Gesture::Placing { hand, kind, .. } => aim::placed(canvas, &hand, kind),
    };
    if gesture.is_dragging() {
        outcomes.insert(0, Outcome::Preview(Preview::None));
    }
    (Gesture::Idle, outcomes)
}

fn clicked(hand: &Hand, on: &Hit, clicks: u8, canvas: &Canvas<'_>) -> Vec<Outcome> {
    let adds = hand.modifiers.shift || hand.modifiers.ctrl;
    if let (Hit::Port(port), false, true) = (on, adds, canvas.is_editable)
        && canvas.scene.port(port).is_some_and(|port| port.is_open)
    {
        if canvas.document.is_saga() {
            return hands::pressed(port, canvas.document);
        }
        let selected = Outcome::Select(Selection::of_node(port.node.clone()));
        return vec![selected, Outcome::Offer(Offer::After { from: port.clone(), at: None })];
    }
    match on {
        Hit::Node(node) if clicks == 2 && !adds => {
            vec![Outcome::Select(Selection::of_node(node.clone())), Outcome::OpenSettings(Some(node.clone()))]
        }
        Hit::Edge(edge) if clicks == 2 && !adds && canvas.is_editable => {
            vec![Outcome::Select(Selection::of_edge(edge.clone())), Outcome::Offer(Offer::Into { edge: edge.clone() })]
        }
        // A click on the end of the selected edge leaves it selected.
        Hit::EdgeEnd(..) => Vec::new(),
        Hit::Nothing if adds => Vec::new(),
        on => {
            let selection = canvas.selection.clicked(on, adds);
            if selection == *canvas.selection { Vec::new() } else { vec![Outcome::Select(selection)] }
        }
    }
}

fn frame(gesture: Gesture, canvas: &Canvas<'_>) -> Stepped {
    let hand = gesture.hand().filter(|_| gesture.is_dragging());
    // What is still in the palette has not come near a border, it has not come in yet.
    let is_outside = matches!(&gesture, Gesture::Placing { hand, .. } if !aim::is_inside(canvas, hand.at));
    let Some((dx, dy)) = hand.filter(|_| !is_outside).and_then(|hand| canvas.viewport.pan_near_border(hand.at)) else {
        return (gesture, Vec::new());
    };
    let viewport = canvas.viewport.panned(dx, dy);
    let there = Canvas { viewport: &viewport, ..*canvas };
    let preview = preview(&gesture, &there).map(Outcome::Preview);
    (gesture, [Outcome::View(viewport)].into_iter().chain(preview).collect())
}

fn preview(gesture: &Gesture, canvas: &Canvas<'_>) -> Option<Preview> {
    match gesture {
        Gesture::Idle | Gesture::Pressed { .. } | Gesture::Panning { .. } | Gesture::Pinching { .. } => None,
        Gesture::Boxing { hand, from } => {
            Some(Preview::Box(Rect::spanning(*from, canvas.viewport.to_diagram(hand.at))))
        }
        Gesture::Dragging { hand, held, ids, from } => {
            let Snapped { dx, dy, guides } = aim::shift(canvas, hand, held, ids, *from);
            let onto = match canvas.document.is_saga() {
                true => hands::aimed(canvas, ids, canvas.viewport.to_diagram(hand.at).0),
                false => aim::edge_under(canvas, ids, dx, dy),
            };
            Some(Preview::Move { ids: ids.clone(), dx, dy, guides, onto })
        }
        Gesture::Connecting { hand, line } => Some(aim::line(canvas, hand, line)),
        Gesture::Placing { has_moved: false, .. } => None,
        Gesture::Placing { hand, kind, .. } => {
            let at = canvas.viewport.to_diagram(hand.at);
            if !aim::is_inside(canvas, hand.at) {
                return Some(Preview::None);
            }
            Some(Preview::Ghost { kind: *kind, at: aim::on_grid(at), onto: aim::edge_for_kind(canvas, *kind, at) })
        }
    }
}
