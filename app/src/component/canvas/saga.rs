//! The settings of the parts of a saga: what starts it, a step, what undoes it, a reaction. Their fields are those of the
//! nodes of processes ([`super::settings`]).

use baton_domain::{
    designer::{
        Edit, SagaEdit,
        sagas::{Part, Saga},
    },
    diagnostic::Diagnostic,
};
use leptos::prelude::*;

use super::{
    button::{Looks, button},
    sample::Sample,
    settings::{
        Field, How, NAME, SET, TITLE, enter, field, findings_of, head, input, input_as, named_field, of_nothing,
    },
    studio::Studio,
};
use crate::erased::Erase;

const START: &[Field] = &[field("correlate", "One instance for each", How::Text, "=event.payload.order_id")];
const STARTED_BY: Field = field("start", "Started by (several: A, B)", How::Names { is_list: false }, "OrderPlaced");
const STEP: &[Field] = &[
    field("when", "Only if", How::Text, "=input.amount > 0"),
    field("send", "Sends the command", How::Text, "ChargePayment"),
    field("to", "To", How::Text, "payments"),
    field("key", "Key", How::Text, "=instance.business_key"),
    field("payload", "Payload", How::Json, "=input"),
    field("done", "Done by", How::Names { is_list: false }, "PaymentCharged"),
    field("failed", "Failed by", How::Names { is_list: true }, "PaymentDeclined"),
    SET,
    field("timeout/after", "Time-out after", How::Text, "PT10M"),
    field("timeout/then", "and then", How::Choice(&["ask", "wait", "undo", "stuck"]), ""),
    field("timeout/ask", "Asks with", How::Json, "{\"send\": \"QueryChargePayment\"}"),
    field("retry", "Retry", How::Json, "{\"attempts\": 3, \"delay\": \"PT10S\"}"),
    field("description", "Description", How::Plain, ""),
];
const UNDO_SENDS: Field = field("send", "Sends the command", How::Text, "RefundPayment");
const UNDO: &[Field] = &[
    field("to", "To", How::Text, "as the step"),
    field("key", "Key", How::Text, "as the step"),
    field("payload", "Payload", How::Json, "{\"payment\": \"=event.payload.payment_id\"}"),
    field("done", "Undone by", How::Names { is_list: false }, "PaymentRefunded"),
    field("failed", "Not undone by", How::Names { is_list: true }, "RefundRefused"),
    field("timeout/after", "Time-out after", How::Text, "PT10M"),
    field("timeout/then", "and then", How::Choice(&["ask", "wait", "stuck"]), ""),
    field("timeout/ask", "Asks with", How::Json, "{\"send\": \"QueryRefundPayment\"}"),
];
const REACTION: &[Field] = &[
    field("when", "Only if", How::Text, "=event.payload.total > 100"),
    field("send", "Sends the command", How::Text, "SubmitAdvertisement"),
    field("to", "To", How::Text, "ad-publishing"),
    field("key", "Key", How::Text, "=event.aggregate_id"),
    field("payload", "Payload", How::Json, "as the event"),
];

/// What is shown of the part that is selected.
pub fn panel(studio: Studio, findings: Signal<Vec<Diagnostic>>) -> AnyView {
    // Another panel for another part, and where its fields stand elsewhere now; while one types, the fields stay.
    let chosen = move || {
        let id = studio.selection.with(|selection| selection.only_node().map(str::to_owned))?;
        let part = studio.editor.with(|editor| editor.document().part(&id))?;
        Some(format!("{}\n{id}", part.pointer()))
    };
    let chosen = Memo::new(move |_| chosen().unwrap_or_default());
    let content = move || {
        let of = |id: &str| studio.editor.with_untracked(|editor| editor.document().part(id));
        match chosen.get().split_once('\n').and_then(|(_, id)| Some((of(id)?, id.to_owned()))) {
            Some((part, id)) => of_part(studio, part, id, findings),
            None => of_nothing(studio),
        }
    };
    content.erased()
}

fn of_part(studio: Studio, part: Part, id: String, findings: Signal<Vec<Diagnostic>>) -> AnyView {
    let base = part.pointer();
    let all = |fields: &'static [Field]| fields.iter().map(|field| input(studio, &base, field)).collect::<Vec<_>>();
    let first = |field: &Field| input_as(studio, &base, field, Some(TITLE));
    let content = match &part {
        Part::Start => several(vec![first(&STARTED_BY)], all(START)),
        Part::Step(index) => {
            let step = *index;
            let rename = move |to| Edit::Saga(SagaEdit::RenameStep { step, to });
            let title = first(&field("title", "Title", How::Plain, ""));
            let name = named_field(studio, NAME, "Name in the text", id.clone(), Callback::new(rename));
            several(vec![title, name], vec![all(STEP).erased(), undo_of(studio, step)])
        }
        Part::Undo(index) => {
            let step = studio.editor.with_untracked(|editor| editor.document().title(&step_id(studio, *index)));
            let explained = explained(format!("What takes {step} back when a later step fails."));
            several(vec![explained, first(&UNDO_SENDS)], all(UNDO))
        }
        Part::Event(event) | Part::Reaction(event) => {
            let was = event.clone();
            let rename = move |to| Edit::Saga(SagaEdit::RenameEvent { event: was.clone(), to });
            let event = named_field(studio, TITLE, "When this happens", event.clone(), Callback::new(rename));
            several(vec![event], all(REACTION))
        }
        Part::Completed => explained("Reached when the last step is done.".to_owned()),
        Part::Compensated => {
            let words = "Reached when a step has failed and all that was done before it is undone, the last first.";
            explained(words.to_owned())
        }
    };
    let sample = use_context::<Sample>().map(Sample::editor);
    let head = head(studio, &id, part.kind());
    [head, findings_of(studio, id, findings), content].into_iter().chain(sample).collect::<Vec<_>>().erased()
}

fn several(mut first: Vec<AnyView>, rest: Vec<AnyView>) -> AnyView {
    first.extend(rest);
    first.erased()
}

fn explained(words: String) -> AnyView {
    view! { <p class="faint">{words}</p> }.erased()
}

fn step_id(studio: Studio, step: usize) -> String {
    studio.editor.with_untracked(|editor| Saga::of(editor.document()).ids().get(step).cloned()).unwrap_or_default()
}

/// The way to what undoes a step, or to have one.
fn undo_of(studio: Studio, step: usize) -> AnyView {
    let is_undone = Memo::new(move |_| studio.editor.with(|editor| Saga::of(editor.document()).undo(step).is_some()));
    let content = move || {
        let is_undone = is_undone.get();
        let words = if is_undone { "Go to what undoes it" } else { "Add what undoes it" };
        let looks = Looks { class: "btn small", words: words.to_owned(), ..Looks::default() };
        button(studio, looks, move || {
            if is_undone {
                studio.select(&format!("undo/{}", step_id(studio, step)));
            } else {
                studio.commit(vec![Edit::Saga(SagaEdit::AddUndo { step })]);
            }
            enter();
        })
    };
    content.erased()
}
