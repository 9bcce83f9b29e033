//! What can be undone and how far that is, and what nobody knows yet.

use leptos::prelude::*;

use super::{badge::toned, json::json_view};
use crate::{
    erased::Erase,
    form::humanised,
    model::{InstanceDetail, UndoState, UndoView},
};

/// The steps in the order of undoing, below the commands that have to be settled before.
pub fn compensation(instance: &InstanceDetail) -> Option<AnyView> {
    if instance.undo.is_empty() && instance.unanswered.is_empty() {
        return None;
    }
    let unanswered = instance.unanswered.iter().map(|it| {
        let state = if it.answered { "done, undo unclear" } else { "unanswered" };
        view! { <li><span>{humanised(&it.node)}</span>{toned("retrying", state.to_owned())}</li> }
    });
    let unanswered = unanswered.collect_view();
    let steps = instance.undo.iter().map(step).collect_view();
    let view = view! {
        <section class="card" aria-labelledby="undo-title">
            <h2 id="undo-title">"Steps and what undoes them"<small>"last first"</small></h2>
            <ol class="undo-list">{unanswered}{steps}</ol>
        </section>
    };
    Some(view.erased())
}

fn step(step: &UndoView) -> AnyView {
    let state = match step.state {
        UndoState::Ahead => None,
        UndoState::UnderWay => Some(toned("running", "under way".to_owned()).erased()),
        UndoState::Stuck => Some(toned("stuck", "stuck".to_owned()).erased()),
        UndoState::Done => Some(toned("compensated", "undone".to_owned()).erased()),
        UndoState::Skipped => Some(toned("cancelled", "left as it is".to_owned()).erased()),
    };
    let label = format!("Payload of {}", step.send);
    view! {
        <li>
            <span>{humanised(&step.node)}</span>
            {state}
            <details class="fact">
                <summary><span>{format!("{} to {}", step.send, step.to)}</span></summary>
                <p class="mono faint">{format!("key {}", step.key)}</p>
                {json_view(&step.payload, &label)}
            </details>
        </li>
    }
    .erased()
}
