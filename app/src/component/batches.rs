//! Operations on many instances at once: the dialog that begins one, and how far those are that were begun.

use leptos::prelude::*;

use super::{
    badge::state_badge,
    confirm::{Dialog, DialogButton, ReasonField, SubmitButton, close_when_done},
    failure::refusal,
    post::PostForm,
    time::ago,
};
use crate::{
    call::{ControlBatch, StartBatch},
    clock::grouped,
    erased::Erase,
    form::humanised,
    link,
    model::{BatchControl, BatchFilter, BatchOperate, BatchView},
};

const DIALOG: &str = "batch-dialog";

/// The words for an operation, and what it means for many.
fn words(operation: &BatchOperate) -> String {
    match operation {
        BatchOperate::Retry => "Retry what failed".to_owned(),
        BatchOperate::Suspend => "Suspend".to_owned(),
        BatchOperate::Resume => "Resume".to_owned(),
        BatchOperate::Cancel => "Cancel".to_owned(),
        BatchOperate::Compensate => "Cancel, and undo what was done".to_owned(),
        BatchOperate::Abandon => "Abandon the undoing".to_owned(),
        BatchOperate::Skip(skip) => match &skip.port {
            Some(port) => format!("Skip {} by {}", humanised(&skip.node), humanised(port)),
            None => format!("Skip {}", humanised(&skip.node)),
        },
        BatchOperate::Move(go) => format!("Move from {} to {}", humanised(&go.node), humanised(&go.to)),
        BatchOperate::SetVariables(change) => {
            format!("Change variables: {}", serde_json::to_string(&change.set).unwrap_or_default())
        }
        BatchOperate::Restart(restart) => format!("Restart at {}", humanised(&restart.node)),
        BatchOperate::Migrate(to) => format!("Migrate to version {}", to.to_version),
    }
}

pub fn begin_button(filtered: Signal<bool>, start: ServerAction<StartBatch>) -> AnyView {
    let button = move || {
        let refused =
            (!filtered.get()).then(|| "Filter first: it is about all instances that pass the filter.".to_owned());
        let forget = Callback::new(move |()| start.clear());
        view! { <DialogButton opens=DIALOG label="Operate on all of these…" refused=refused on_open=forget/> }
    };
    view! { {button} }.erased()
}

pub fn begin_dialog(filter: Signal<BatchFilter>, start: ServerAction<StartBatch>) -> AnyView {
    close_when_done(DIALOG.to_owned(), move || (start.version().get(), matches!(start.value().get(), Some(Ok(())))));
    let simple = BatchOperate::SIMPLE.map(|operation| (operation.as_str(), words(&operation)));
    let telling = [
        ("skip", "Skip a step"),
        ("move", "Move a token"),
        ("set_variables", "Change variables"),
        ("restart", "Restart as new instances"),
    ];
    let operations = simple.into_iter().chain(telling.map(|(name, words)| (name, words.to_owned())));
    let options = operations.map(|(name, words)| view! { <option value=name>{words}</option> }).collect_view();
    let chosen = RwSignal::new(BatchOperate::SIMPLE[0].as_str().to_owned());
    let choose = move |event| chosen.set(event_target_value(&event));
    let field = move |name: &'static str, value: fn(&BatchFilter) -> Option<String>| {
        let value = move || filter.with(value);
        // An empty field would be a filter for nothing.
        move || {
            let name = format!("request[filter][{name}]");
            value().map(|value| view! { <input type="hidden" name=name value=value/> })
        }
    };
    let told = move || {
        let parts = filter.with(told);
        view! { <p>"All instances with "<b>{parts}</b>", those on other pages included. They are asked one after the other; one that cannot take it is counted and stays as it is."</p> }
    };
    view! {
        <Dialog id=DIALOG title="Operate on many instances">
            <PostForm action=start>
                {told}
                {field("kind", |it| it.kind.clone())}
                {field("definition", |it| it.definition.clone())}
                {field("version", |it| it.version.map(|version| version.to_string()))}
                {field("state", |it| it.state.clone())}
                {field("business_key", |it| it.business_key.clone())}
                {field("parent", |it| it.parent.map(|id| id.to_string()))}
                {field("q", |it| it.q.clone())}
                <div class="field">
                    <label for="batch-operation">"What to do"</label>
                    <select id="batch-operation" name="request[operation]" required on:change=choose>{options}</select>
                </div>
                {move || details(&chosen.get())}
                <ReasonField id="batch-reason" name="request[reason]"/>
                {move || start.value().get().and_then(Result::err).map(|error| refusal(&error))}
                <footer><SubmitButton label="Begin" pending=start.pending() class="danger"/></footer>
            </PostForm>
        </Dialog>
    }
    .erased()
}

/// What the operation needs besides the reason.
fn details(operation: &str) -> Option<AnyView> {
    let text = |id: &'static str, name: &'static str, label: &'static str, required: bool| {
        view! {
            <div class="field">
                <label for=id>{label}</label>
                <input id=id name=name type="text" class="mono" maxlength="200" required=required autocomplete="off" spellcheck="false"/>
            </div>
        }
        .erased()
    };
    let node = |label: &'static str| text("batch-node", "request[node]", label, true);
    let stands = "Node where the token stands";
    let set = |label: &'static str, required: bool| {
        view! {
            <div class="field">
                <label for="batch-set">{label}</label>
                <textarea id="batch-set" name="request[set]" class="mono" rows="3" spellcheck="false" required=required placeholder="{\"amount\": 3}"></textarea>
            </div>
        }
        .erased()
    };
    let said = |words: &'static str| view! { <p>{words}</p> }.erased();
    let fields = match operation {
        "skip" => {
            let port = text("batch-port", "request[port]", "Port (where there are several)", false);
            vec![node(stands), port, set("Variables to set, as JSON (optional)", false)]
        }
        "restart" => vec![
            said(
                "Of each, a new instance begins at the step, where it came to last, with the variables of then, and takes over what can be undone. What goes on by itself refuses: suspend or cancel it first.",
            ),
            node("Step to begin at"),
            set("Variables to change, as JSON (optional)", false),
        ],
        "move" => vec![node(stands), text("batch-to", "request[to]", "Node that it enters", true)],
        "set_variables" => vec![set("Variables, as JSON", true)],
        _ => return None,
    };
    Some(fields.collect_view().erased())
}

/// A filter in words.
fn told(filter: &BatchFilter) -> String {
    let parts = [
        ("kind", filter.kind.clone()),
        ("definition", filter.definition.clone()),
        ("version", filter.version.map(|version| version.to_string())),
        ("state", filter.state.clone()),
        ("business key", filter.business_key.clone()),
        ("caller", filter.parent.map(|id| id.to_string())),
        ("text", filter.q.clone()),
    ];
    let told: Vec<_> = parts.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", value?))).collect();
    told.join(", ")
}

/// Those that were begun, newest first; nothing when there are none.
pub fn batch_list(batches: &[BatchView], control: ServerAction<ControlBatch>) -> Option<AnyView> {
    if batches.is_empty() {
        return None;
    }
    let items = batches.iter().map(|batch| item(batch, control)).collect_view();
    let view = view! {
        <section class="card" aria-labelledby="batches-title">
            <h2 id="batches-title">"Operations on many instances"</h2>
            <ul class="batches">{items}</ul>
            <div role="status">{move || control.value().get().and_then(Result::err).map(|error| refusal(&error))}</div>
        </section>
    };
    Some(view.erased())
}

fn item(batch: &BatchView, control: ServerAction<ControlBatch>) -> AnyView {
    let asked = batch.done + batch.refused;
    // It may find a few more than there were when it began.
    let total = batch.total.max(asked);
    let label = format!("{} of {} asked", grouped(asked), grouped(total));
    let button = |what: BatchControl, word: &'static str| {
        let id = batch.id;
        let send = move |_| drop(control.dispatch(ControlBatch { id, control: what }));
        view! { <button type="button" class="btn small" on:click=send>{word}</button> }
    };
    let buttons = match batch.state.as_str() {
        "running" => Some((button(BatchControl::Pause, "Pause"), button(BatchControl::Cancel, "Stop"))),
        "paused" => Some((button(BatchControl::Resume, "Go on"), button(BatchControl::Cancel, "Stop"))),
        _ => None,
    };
    let refusals = (!batch.refusals.is_empty()).then(|| {
        let lines = batch.refusals.iter().map(|refusal| {
            let name: String = refusal.instance.simple().to_string().chars().take(12).collect();
            let more = (refusal.count > 1).then(|| format!(" and {} more", grouped(refusal.count - 1)));
            view! { <li><a class="mono" href=link::instance(refusal.instance)>{name}</a>{more}" "{refusal.message.clone()}</li> }
        });
        let words = format!("{} refused", grouped(batch.refused));
        view! { <details class="fact"><summary>{words}</summary><ul>{lines.collect_view()}</ul></details> }
    });
    view! {
        <li>
            <p>
                <b>{words(&batch.operation)}</b>" "{state_badge(&batch.state)}
                <span class="faint">{format!("{}, by {}: {}", told(&batch.filter), batch.by, batch.reason)}</span>
                <span class="faint">{ago(batch.created_at)}</span>
            </p>
            <p>
                <progress max=total.max(1).to_string() value=asked.to_string() aria-label=label.clone()></progress>
                <span>{label}</span>
                {buttons}
            </p>
            {refusals}
        </li>
    }
    .erased()
}
