//! A saga as a table that is edited: the same parts without the canvas. What stands in a row is edited in the settings,
//! which its buttons open.

use baton_domain::{
    designer::{
        Edit, SagaEdit,
        sagas::{Part, Saga},
    },
    diagnostic::Diagnostic,
};
use leptos::prelude::*;
use serde_json::Value;

use super::{
    STAGE, about,
    button::{Looks, button},
    settings,
    studio::Studio,
};
use crate::{
    component::{
        saga_table::{command, text, time_out},
        table::{UNSEEN, table},
    },
    dom,
    erased::Erase,
};

pub fn outline(studio: Studio, findings: Signal<Vec<Diagnostic>>) -> AnyView {
    // Drawn anew when the saga is another one, not for every look at it.
    let document = Memo::new(move |_| studio.editor.with(|editor| editor.document().value().to_string()));
    let content = move || {
        document.with(|_| ());
        studio.editor.with_untracked(|editor| {
            let document = editor.document();
            let saga = Saga::of(document);
            let ids = saga.ids();
            if saga.is_stateful() {
                of_steps(studio, saga, &ids, findings)
            } else {
                of_reactions(studio, saga, findings)
            }
        })
    };
    view! {
        <details class="outline" open>
            <summary>"Table"<small class="faint">" the same without the canvas"</small></summary>
            {content}
        </details>
    }
    .erased()
}

/// Selects a part and goes to its settings.
fn open(studio: Studio, id: String, words: String) -> AnyView {
    let looks = Looks { class: "place", words, of: Some(id.clone()), ..Looks::default() };
    button(studio, looks, move || studio.go_to(&id))
}

/// A button with what it does to the saga; none: it cannot just now. Rows are drawn over each other, so where the focus
/// goes then is said: to the first of `after` that can have it.
fn act(
    studio: Studio,
    (sign, label, id): (&str, String, String),
    edit: Option<SagaEdit>,
    after: Vec<String>,
) -> AnyView {
    let looks = Looks {
        class: "btn quiet small",
        id: Some(id),
        words: sign.to_owned(),
        label: Some(label),
        is_disabled: edit.is_none(),
        ..Looks::default()
    };
    button(studio, looks, move || {
        studio.commit(edit.clone().map(Edit::Saga).into_iter().collect());
        let after = after.clone();
        request_animation_frame(move || {
            if !after.iter().any(|id| dom::focus(id)) {
                dom::focus_if_lost(STAGE.to_owned());
            }
        });
    })
}

fn count(studio: Studio, findings: Signal<Vec<Diagnostic>>, ids: Vec<String>) -> AnyView {
    let count = move || {
        let count: usize = findings.with(|all| ids.iter().map(|id| about(studio, all, id).count()).sum());
        if count > 0 { format!("{count} !") } else { String::new() }
    };
    view! { <b class="count" title="findings">{count}</b> }.erased()
}

/// Adds something and goes to its settings.
fn add(studio: Studio, words: &str, edit: SagaEdit) -> AnyView {
    let looks = Looks { class: "btn small", words: words.to_owned(), ..Looks::default() };
    button(studio, looks, move || {
        studio.commit(vec![Edit::Saga(edit.clone())]);
        settings::enter();
    })
}

fn remove(studio: Studio, id: &str, title: &str) -> AnyView {
    let edit = SagaEdit::Remove { parts: vec![id.to_owned()] };
    act(studio, ("×", format!("Remove {title}"), format!("remove-{id}")), Some(edit), Vec::new())
}

/// A row of cells; what is no button is text.
fn row(cells: Vec<(&'static str, AnyView)>) -> AnyView {
    let cell = |(class, content): (&'static str, AnyView)| view! { <td class=class>{content}</td> }.erased();
    view! { <tr>{cells.into_iter().map(cell).collect::<Vec<_>>()}</tr> }.erased()
}

/// With a note below.
fn stacked(content: AnyView, note: Option<String>) -> AnyView {
    view! { <span class="stack">{content}<small class="mono faint">{note}</small></span> }.erased()
}

fn word(text: Option<String>) -> (&'static str, AnyView) {
    ("mono", text.unwrap_or_default().erased())
}

fn of_steps(studio: Studio, saga: Saga<'_>, ids: &[String], findings: Signal<Vec<Diagnostic>>) -> AnyView {
    let last = ids.len();
    let title = |id: &str| studio.editor.with_untracked(|editor| editor.document().title(id));
    let of_step = |(at, step): (usize, &Value)| {
        let id = ids.get(at).cloned().unwrap_or_default();
        let name = title(&id);
        let undo_id = Part::Undo(at).id(ids);
        let undo = match saga.undo(at) {
            Some(undo) => open(studio, undo_id.clone(), command(undo).unwrap_or_else(|| "nothing yet".to_owned())),
            None => {
                let words = ("+", format!("Add what undoes {name}"), format!("undo-of-{id}"));
                act(studio, words, Some(SagaEdit::AddUndo { step: at }), vec![settings::TITLE.to_owned()])
            }
        };
        let (earlier, later) = (format!("earlier-{id}"), format!("later-{id}"));
        let to = |to: usize| SagaEdit::MoveSteps { steps: vec![at], to };
        let up = ("↑", format!("Move {name} before the step before"), earlier.clone());
        let down = ("↓", format!("Move {name} behind the next step"), later.clone());
        let actions = vec![
            count(studio, findings, vec![id.clone(), undo_id]),
            act(studio, up, (at > 0).then(|| to(at - 1)), vec![earlier.clone(), later.clone()]),
            act(studio, down, (at + 1 < last).then(|| to(at + 2)), vec![later, earlier]),
            remove(studio, &id, &name),
        ];
        row(vec![
            ("num", (at + 1).to_string().erased()),
            ("", stacked(open(studio, id, name), text(step, "when"))),
            word(command(step)),
            word(text(step, "done")),
            word(text(step, "failed")),
            word(time_out(step)),
            ("", stacked(undo, saga.undo(at).and_then(time_out))),
            ("end", actions.erased()),
        ])
    };
    let columns = [
        ("#", "num"),
        ("Step", ""),
        ("Command", ""),
        ("Done by", ""),
        ("Failed by", ""),
        ("Time-out", ""),
        ("Undone by", ""),
        ("Actions", UNSEEN),
    ];
    let rows = saga.steps().iter().enumerate().map(of_step).collect::<Vec<_>>();
    let start = format!("Starts with {}", title("start"));
    vec![
        bar(vec![open(studio, "start".to_owned(), start), count(studio, findings, vec!["start".to_owned()])]),
        table("Steps", &columns, rows.erased()),
        bar(vec![add(studio, "Add a step", SagaEdit::AddStep { at: last })]),
    ]
    .erased()
}

fn bar(content: Vec<AnyView>) -> AnyView {
    view! { <p class="row pad">{content}</p> }.erased()
}

fn of_reactions(studio: Studio, saga: Saga<'_>, findings: Signal<Vec<Diagnostic>>) -> AnyView {
    let of_reaction = |(event, reaction): (&str, &Value)| {
        let id = Part::Reaction(event.to_owned()).id(&[]);
        let removes = remove(studio, &id, &format!("the reaction to {event}"));
        row(vec![
            ("", open(studio, id.clone(), event.to_owned())),
            word(text(reaction, "when")),
            word(command(reaction)),
            word(text(reaction, "key")),
            ("end", vec![count(studio, findings, vec![id]), removes].erased()),
        ])
    };
    let columns = [("When this happens", ""), ("and", ""), ("send", ""), ("with the key", ""), ("Actions", UNSEEN)];
    let rows = saga.reactions().into_iter().map(of_reaction).collect::<Vec<_>>();
    let react = add(studio, "Add a reaction", SagaEdit::AddReaction);
    if rows.is_empty() {
        return bar(vec![add(studio, "Add a step", SagaEdit::AddStep { at: 0 }), react]);
    }
    vec![table("Reactions", &columns, rows.erased()), bar(vec![react])].erased()
}
