//! What keys, menus, the palette and the pointer do to a saga. It yields the same outcomes as for processes.

use super::{
    clip::{self, Pasted},
    edit::SagaEdit,
    parts::{Part, Saga},
    rules,
    scene::{column, edge_to, slot},
};
use crate::designer::{
    Kind,
    change::Forbidden,
    command::{Aim, Canvas, Offer, Outcome},
    document::{Document, PortRef},
    edit::Edit,
    geometry::Point,
    keys::Command,
    rules::Verdict,
    selection::Direction,
};

/// What can be chosen for a new part.
pub const KINDS: [Kind; 3] = [Kind::Step, Kind::Undo, Kind::Reaction];

fn commit(edit: SagaEdit) -> Vec<Outcome> {
    vec![Outcome::Commit(vec![Edit::Saga(edit)])]
}

fn refuse(reason: &str) -> Vec<Outcome> {
    vec![Outcome::Refuse(Forbidden::because(reason))]
}

/// Does it when it is allowed, and says why not else.
fn attempt(verdict: Verdict, edit: SagaEdit) -> Vec<Outcome> {
    match verdict {
        Verdict::Allow => commit(edit),
        Verdict::Forbid(reason) => vec![Outcome::Refuse(Forbidden(reason))],
        Verdict::Ignore => Vec::new(),
    }
}

fn selected(canvas: &Canvas<'_>) -> Vec<Part> {
    canvas.selection.nodes.iter().filter_map(|id| Part::of(canvas.document, id)).collect()
}

/// The steps among what is selected; an undo stands for its step.
fn selected_steps(canvas: &Canvas<'_>) -> Vec<usize> {
    clip::steps_of(&selected(canvas))
}

/// What commands do that change something, or copy.
pub fn perform(command: Command, canvas: &Canvas<'_>) -> Vec<Outcome> {
    let Canvas { document, selection, .. } = *canvas;
    match command {
        Command::Copy => match clip::copy(document, &selected(canvas)) {
            clip if clip.is_empty() => refuse("Only steps and reactions are copied; what undoes a step goes with it."),
            clip => vec![Outcome::Copy(clip.to_text())],
        },
        Command::Nudge(direction) => nudged(canvas, direction, false),
        Command::NudgeFar(direction) => nudged(canvas, direction, true),
        Command::Rename => selection.only_node().map(|id| Outcome::Rename(id.to_owned())).into_iter().collect(),
        Command::Append => match (selection.only_edge(), selection.only_node()) {
            (Some(edge), _) => vec![Outcome::Offer(Offer::Into { edge: edge.clone() })],
            (None, Some(id)) => vec![Outcome::Offer(Offer::After { from: PortRef::new(id, "next"), at: None })],
            (None, None) => vec![Outcome::Offer(Offer::New { at: canvas.viewport.centre() })],
        },
        Command::Delete if selection.is_empty() => Vec::new(),
        Command::Delete if selection.nodes.is_empty() => {
            refuse("The order of the steps draws these lines. Move or remove a step instead.")
        }
        Command::Delete => remove(canvas),
        Command::Cut if selection.nodes.is_empty() => Vec::new(),
        Command::Cut => perform(Command::Copy, canvas).into_iter().chain(remove(canvas)).collect(),
        Command::Paste => vec![Outcome::ReadClipboard],
        Command::Duplicate if selection.nodes.is_empty() => Vec::new(),
        Command::Duplicate => {
            let clip = clip::copy(document, &selected(canvas));
            let at = selected_steps(canvas).last().map_or(0, |last| last + 1);
            attempt(clip::can_paste(document, &clip), SagaEdit::Paste { clip, at })
        }
        Command::Connect => refuse("A step leads to the next one by itself. Drag it, or press ← and →, to move it."),
        Command::Replace => refuse("There is nothing that it could be instead."),
        Command::Tidy => refuse("A saga is always tidy: the order of its steps says where they stand."),
        Command::Undo | Command::Redo | Command::Save => vec![Outcome::Do(command)],
        _ => Vec::new(),
    }
}

fn remove(canvas: &Canvas<'_>) -> Vec<Outcome> {
    let parts = canvas.selection.nodes.iter().cloned().collect();
    attempt(rules::remove(canvas.document, &selected(canvas)), SagaEdit::Remove { parts })
}

/// To the place before or behind; far: to the first or the last.
fn nudged(canvas: &Canvas<'_>, direction: Direction, is_far: bool) -> Vec<Outcome> {
    let steps = selected_steps(canvas);
    let (Some(first), Some(last)) = (steps.first().copied(), steps.last().copied()) else {
        return refuse("Only steps have an order.");
    };
    let count = Saga::of(canvas.document).steps().len();
    let to = match direction {
        Direction::Left if is_far => 0,
        Direction::Left => first.saturating_sub(1),
        Direction::Right if is_far => count,
        Direction::Right => (last + 2).min(count),
        Direction::Up | Direction::Down => return refuse("Steps stand in a row: ← and → move them."),
    };
    attempt(rules::move_steps(canvas.document, &steps, to), SagaEdit::MoveSteps { steps, to })
}

/// Where a new step would stand after a node; behind all when it is none of the row.
fn place_after(document: &Document, id: &str) -> usize {
    match Part::of(document, id) {
        Some(Part::Start | Part::Compensated) => 0,
        Some(Part::Step(index) | Part::Undo(index)) => index + 1,
        _ => Saga::of(document).steps().len(),
    }
}

/// The kinds that can be chosen, and whether each may be.
pub fn offered(offer: &Offer, document: &Document) -> Vec<(Kind, Verdict)> {
    let verdict = |kind: Kind| match (offer, kind) {
        (Offer::After { from, .. }, Kind::Undo) => match Part::of(document, &from.node).and_then(|part| part.step()) {
            Some(step) => rules::add_undo(document, step),
            None => Verdict::Ignore,
        },
        (_, Kind::Undo) => Verdict::Ignore,
        _ => rules::add(document, kind),
    };
    KINDS.into_iter().map(|kind| (kind, verdict(kind))).collect()
}

/// What choosing a kind does.
pub fn chosen(offer: &Offer, kind: Kind, canvas: &Canvas<'_>) -> Vec<Edit> {
    let document = canvas.document;
    let from = match offer {
        Offer::After { from, .. } => Some(&from.node),
        Offer::Into { edge } => Some(&edge.node),
        Offer::Replace { node } => Some(node),
        Offer::New { .. } => None,
    };
    let edit = match kind {
        Kind::Undo => {
            let step = from.and_then(|id| Part::of(document, id)?.step());
            SagaEdit::AddUndo { step: step.unwrap_or(usize::MAX) }
        }
        Kind::Reaction => SagaEdit::AddReaction,
        _ => {
            let last = Saga::of(document).steps().len();
            SagaEdit::AddStep { at: from.map_or(last, |id| place_after(document, id)) }
        }
    };
    vec![Edit::Saga(edit)]
}

/// From the palette, without a place: after what is selected; an undo for the step that is selected, or for the last one
/// that has none.
pub fn added(kind: Kind, canvas: &Canvas<'_>) -> Vec<Edit> {
    let document = canvas.document;
    let edit = match kind {
        Kind::Undo => {
            let saga = Saga::of(document);
            let last = || (0..saga.steps().len()).rev().find(|step| saga.undo(*step).is_none());
            let step = selected_steps(canvas).last().copied().or_else(last);
            SagaEdit::AddUndo { step: step.unwrap_or(saga.steps().len().saturating_sub(1)) }
        }
        Kind::Reaction => SagaEdit::AddReaction,
        _ => {
            let last = Saga::of(document).steps().len();
            SagaEdit::AddStep { at: canvas.selection.only_node().map_or(last, |id| place_after(document, id)) }
        }
    };
    vec![Edit::Saga(edit)]
}

/// The same for a click, which is told at once when it cannot be.
pub fn clicked_in_palette(kind: Kind, canvas: &Canvas<'_>) -> Vec<Outcome> {
    let edits = added(kind, canvas);
    let verdict = match edits.as_slice() {
        [Edit::Saga(SagaEdit::AddUndo { step })] if !Saga::of(canvas.document).steps().is_empty() => {
            rules::add_undo(canvas.document, *step)
        }
        _ => rules::add(canvas.document, kind),
    };
    match verdict {
        Verdict::Forbid(reason) => vec![Outcome::Refuse(Forbidden(reason))],
        Verdict::Allow | Verdict::Ignore => vec![Outcome::Commit(edits)],
    }
}

/// A click on a handle.
pub fn pressed(port: &PortRef, document: &Document) -> Vec<Outcome> {
    let step = Part::of(document, &port.node).and_then(|part| part.step());
    match (port.port.as_str(), step) {
        ("undo", Some(step)) => attempt(rules::add_undo(document, step), SagaEdit::AddUndo { step }),
        _ => {
            let at = place_after(document, &port.node);
            attempt(rules::steps(document, 1), SagaEdit::AddStep { at })
        }
    }
}

/// What a drag that begins on a node takes along; none: it cannot be moved.
pub fn grabbed(canvas: &Canvas<'_>, held: &str) -> Option<Vec<String>> {
    let document = canvas.document;
    let held = match Part::of(document, held)? {
        Part::Step(index) | Part::Undo(index) => index,
        _ => return None,
    };
    let mut steps = selected_steps(canvas);
    if !steps.contains(&held) {
        steps = vec![held];
    }
    let (saga, ids) = (Saga::of(document), Saga::of(document).ids());
    let with_undo = |step: usize| [Part::Step(step)].into_iter().chain(saga.undo(step).map(|_| Part::Undo(step)));
    Some(steps.into_iter().flat_map(with_undo).map(|part| part.id(&ids)).collect())
}

fn moved(canvas: &Canvas<'_>, ids: &[String], x: f64) -> (Verdict, SagaEdit) {
    let parts: Vec<Part> = ids.iter().filter_map(|id| Part::of(canvas.document, id)).collect();
    let steps = clip::steps_of(&parts);
    let to = slot(canvas.scene, canvas.document, x);
    (rules::move_steps(canvas.document, &steps, to), SagaEdit::MoveSteps { steps, to })
}

/// The edge that dragged steps would be put into, with the pointer at `x`.
pub fn aimed(canvas: &Canvas<'_>, ids: &[String], x: f64) -> Option<Aim<PortRef>> {
    let (verdict, edit) = moved(canvas, ids, x);
    let SagaEdit::MoveSteps { to, .. } = edit else { return None };
    (verdict != Verdict::Ignore).then(|| Aim { on: edge_to(canvas.document, to), verdict })
}

/// Dragged steps are let go.
pub fn dropped(canvas: &Canvas<'_>, ids: &[String], x: f64) -> Vec<Outcome> {
    let (verdict, edit) = moved(canvas, ids, x);
    attempt(verdict, edit)
}

/// Where a kind from the palette would go to.
pub fn aim_of(canvas: &Canvas<'_>, kind: Kind, (x, _): Point) -> Option<Aim<PortRef>> {
    let document = canvas.document;
    match kind {
        Kind::Step if !Saga::of(document).is_stateful() => None,
        Kind::Step => {
            let on = edge_to(document, slot(canvas.scene, document, x));
            Some(Aim { on, verdict: rules::steps(document, 1) })
        }
        Kind::Undo => {
            let step = column(canvas.scene, document, x)?;
            let on = PortRef::new(Saga::of(document).ids().get(step)?, "undo");
            Some(Aim { on, verdict: rules::add_undo(document, step) })
        }
        _ => None,
    }
}

/// A kind from the palette is let go.
pub fn placed(canvas: &Canvas<'_>, kind: Kind, (x, _): Point) -> Vec<Outcome> {
    let document = canvas.document;
    match kind {
        Kind::Undo => match column(canvas.scene, document, x) {
            Some(step) => attempt(rules::add_undo(document, step), SagaEdit::AddUndo { step }),
            None => refuse("Drop it on the step that it undoes."),
        },
        Kind::Reaction => attempt(rules::add(document, kind), SagaEdit::AddReaction),
        _ => attempt(rules::add(document, kind), SagaEdit::AddStep { at: slot(canvas.scene, document, x) }),
    }
}

/// What a text from the clipboard does: after what is selected, else at the end.
pub fn paste(text: &str, canvas: &Canvas<'_>) -> Vec<Outcome> {
    let last = Saga::of(canvas.document).steps().len();
    let at = selected_steps(canvas).last().map_or(last, |step| step + 1);
    match clip::read(text) {
        Err(forbidden) => vec![Outcome::Refuse(forbidden)],
        Ok(Pasted::Parts(clip)) => attempt(clip::can_paste(canvas.document, &clip), SagaEdit::Paste { clip, at }),
        Ok(Pasted::Definition { clip, value }) => {
            let nodes = vec![Edit::Saga(SagaEdit::Paste { clip, at })];
            vec![Outcome::AskDefinition { nodes, instead: vec![Edit::Rewrite { value }] }]
        }
    }
}
