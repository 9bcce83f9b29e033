//! The steps of a saga's instance, each with the command that undoes it beside it.

use leptos::prelude::*;

use super::{badge::toned, table::table};
use crate::{
    erased::Erase,
    form::humanised,
    model::{StepState, StepUndo, StepView, UndoState},
};

/// Nothing for a process, which has none.
pub fn saga_steps(steps: &[StepView]) -> Option<AnyView> {
    if steps.is_empty() {
        return None;
    }
    let columns = [("Step", ""), ("Command", ""), ("State", ""), ("Undone by", ""), ("Undo", "")];
    let rows = steps.iter().map(row).collect_view();
    let view = view! {
        <section class="card" aria-labelledby="steps-title">
            <h2 id="steps-title">"Steps"<small>"undone from the last to the first"</small></h2>
            {table("Steps", &columns, rows.erased())}
        </section>
    };
    Some(view.erased())
}

fn row(step: &StepView) -> AnyView {
    let name = step.title.clone().unwrap_or_else(|| humanised(&step.name));
    let (undo, undoing) = match &step.undo {
        Some(undo) => (view! { <span class="mono">{undo.send.clone()}</span> }.erased(), undo_state(undo)),
        None => (view! { <span class="faint">"nothing; it stays"</span> }.erased(), None),
    };
    view! {
        <tr>
            <th scope="row">{name}</th>
            <td><span class="mono">{step.send.clone()}</span>" "<small class="faint">{format!("to {}", step.to)}</small></td>
            <td>{state(step.state)}</td>
            <td>{undo}</td>
            <td>{undoing}</td>
        </tr>
    }
    .erased()
}

fn state(state: StepState) -> AnyView {
    let (tone, words) = match state {
        StepState::Ahead => return view! { <span class="faint">"not begun"</span> }.erased(),
        StepState::UnderWay => ("running", "under way"),
        StepState::Done => ("completed", "done"),
        StepState::Refused => ("failed", "refused"),
        StepState::Unanswered => ("retrying", "unanswered"),
        StepState::Stuck => ("stuck", "stuck"),
    };
    toned(tone, words.to_owned()).erased()
}

fn undo_state(undo: &StepUndo) -> Option<AnyView> {
    let (tone, words) = match undo.state? {
        UndoState::Ahead => return Some(view! { <span class="faint">"ready"</span> }.erased()),
        UndoState::UnderWay => ("running", "under way"),
        UndoState::Stuck => ("stuck", "stuck"),
        UndoState::Done => ("compensated", "undone"),
        UndoState::Skipped => ("cancelled", "left as it is"),
    };
    Some(toned(tone, words.to_owned()).erased())
}
