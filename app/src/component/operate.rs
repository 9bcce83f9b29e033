//! What operators do to one instance: buttons, and a dialog for each operation that asks for what it needs and for a
//! reason. What is not possible now stays visible and says why.

use leptos::prelude::*;

use super::{
    confirm::{Dialog, DialogButton, ReasonField, SubmitButton, close_when_done},
    failure::refusal,
    icon::{Icon, icon},
    json::pretty,
    post::PostForm,
};
use crate::{
    call::OperateInstance,
    erased::Erase,
    form::humanised,
    html,
    model::{InstanceDetail, OperationName, TokenView, UndoState},
};

type Operating = ServerAction<OperateInstance>;

/// The dialogs, with the word that their button says and what the operation means.
const DIALOGS: [(OperationName, &str, &str); 11] = [
    (OperationName::Retry, "Retry", "What failed is tried again, from where it failed."),
    (
        OperationName::Suspend,
        "Suspend",
        "It stops at once and takes nothing in until it is resumed; what arrives meanwhile waits.",
    ),
    (OperationName::Resume, "Resume", "It goes on where it was suspended, and takes in what arrived meanwhile."),
    (
        OperationName::Skip,
        "Skip a step",
        "The step is left without its having happened. What it sent is not taken back, and a late answer is only recorded.",
    ),
    (
        OperationName::Move,
        "Move a token",
        "The token is taken from where it stands and enters the other node, which then happens.",
    ),
    (
        OperationName::SetVariables,
        "Change variables",
        "Later steps see the new values. What was sent already stays as it was.",
    ),
    (
        OperationName::Migrate,
        "Migrate",
        "It goes on by another version of its definition. What it waits for stays as it is; only what follows is new.",
    ),
    (
        OperationName::Restart,
        "Restart",
        "A new instance begins at a step that this one came to, and takes over from it. What this one did is not taken back; \
         what can be undone goes along. This one ends, if it has not.",
    ),
    (
        OperationName::Settle,
        "Settle a command",
        "Nobody answered this command. Say whether it was done; if it was, it is undone with the rest.",
    ),
    (
        OperationName::Abandon,
        "Abandon the undoing",
        "Undoing stops, and the instance ends as failed with what could not be undone. This cannot be undone.",
    ),
    (OperationName::Cancel, "Cancel", "It ends, and open tasks are withdrawn. This cannot be undone."),
];

/// Those that have a button of their own; the others stand under "More".
const FIRST: [OperationName; 4] =
    [OperationName::Retry, OperationName::Suspend, OperationName::Resume, OperationName::Cancel];

fn dialog_id(name: OperationName) -> String {
    format!("{}-dialog", name.as_str().replace('_', "-"))
}

/// Closes each dialog when what it sent was done.
pub fn close_dialogs(operate: Operating) {
    for (name, ..) in DIALOGS {
        close_when_done(dialog_id(name), move || {
            (operate.version().get(), matches!(operate.value().get(), Some(Ok(_))))
        });
    }
}

fn refused(instance: &InstanceDetail, name: OperationName) -> Option<String> {
    instance.operations.iter().find(|it| it.name == name).and_then(|it| it.refused.clone())
}

pub fn buttons(instance: &InstanceDetail, operate: Operating) -> AnyView {
    let button = |name: OperationName, word: &str| {
        let class = if matches!(name, OperationName::Cancel | OperationName::Abandon) { "danger" } else { "" };
        view! {
            <DialogButton
                opens=dialog_id(name)
                label=format!("{word}…")
                class=class
                refused=refused(instance, name)
                on_open=Callback::new(move |()| operate.clear())
            />
        }
    };
    // Of suspending and resuming, the one that would be refused says nothing.
    let resting = refused(instance, OperationName::Resume).is_none();
    let hidden = if resting { OperationName::Suspend } else { OperationName::Resume };
    let first = DIALOGS.iter().filter(|(name, ..)| FIRST.contains(name) && *name != hidden);
    let more = DIALOGS.iter().filter(|(name, ..)| !FIRST.contains(name));
    view! {
        {first.map(|(name, word, _)| button(*name, word)).collect_view()}
        <details class="dropdown">
            <summary class="btn">"More"{icon(Icon::Down)}</summary>
            <div class="dropdown-items">{more.map(|(name, word, _)| button(*name, word)).collect_view()}</div>
        </details>
    }
    .erased()
}

pub fn dialogs(instance: &InstanceDetail, operate: Operating) -> AnyView {
    DIALOGS.iter().map(|(name, word, meaning)| dialog(instance, operate, *name, word, meaning)).collect_view().erased()
}

fn dialog(
    instance: &InstanceDetail,
    operate: Operating,
    name: OperationName,
    word: &'static str,
    meaning: &'static str,
) -> AnyView {
    let danger =
        matches!(name, OperationName::Cancel | OperationName::Abandon | OperationName::Move | OperationName::Skip);
    let class = if danger { "danger" } else { "primary" };
    let title = match name {
        OperationName::Retry
        | OperationName::Suspend
        | OperationName::Resume
        | OperationName::Restart
        | OperationName::Cancel => {
            format!("{word} this instance?")
        }
        _ => word.to_owned(),
    };
    // A button that says "Cancel" would look like the way out of the dialog.
    let done_by = if name == OperationName::Cancel { "Cancel the instance" } else { word };
    let (id, expected) = (instance.summary.id.to_string(), instance.recorded.to_string());
    let fields = fields(instance, name);
    view! {
        <Dialog id=dialog_id(name) title=title>
            <PostForm action=operate>
                <p>{meaning}</p>
                <input type="hidden" name="request[id]" value=id/>
                <input type="hidden" name="request[operation]" value=name.as_str()/>
                <input type="hidden" name="request[expected]" value=expected/>
                {fields}
                <ReasonField id=format!("{}-reason", name.as_str()) name="request[reason]"/>
                {move || operate.value().get().and_then(Result::err).map(|error| refusal(&error))}
                <footer><SubmitButton label=done_by pending=operate.pending() class=class/></footer>
            </PostForm>
        </Dialog>
    }
    .erased()
}

/// What the operation needs besides the reason.
fn fields(instance: &InstanceDetail, name: OperationName) -> Option<AnyView> {
    match name {
        OperationName::Skip => Some(skip_fields(instance)),
        OperationName::Move => {
            let choices = instance.tokens.iter().flat_map(|token| {
                token.targets.iter().map(move |to| {
                    let label = format!("{} → {}", place_of(token, &instance.tokens), humanised(to));
                    (format!("{}/{to}", token.token), label)
                })
            });
            Some(choice_field("move-choice", "From where, to where", choices.collect()))
        }
        OperationName::SetVariables => {
            let text = pretty(&instance.variables);
            let hint = "Only what you change is set.";
            Some(json_field("variables-set", "request[set]", "Variables", Some(text), hint))
        }
        OperationName::Settle => Some(settle_fields(instance)),
        OperationName::Migrate => {
            let version = instance.summary.version;
            let choices = instance.versions.iter().map(|other| (other.to_string(), format!("v{version} → v{other}")));
            let choice = choice_field("migrate-choice", "Version", choices.collect());
            Some(view! { {choice}{mapping_field("migrate-mapping", "request[mapping]")} }.erased())
        }
        OperationName::Restart => Some(restart_fields(instance)),
        OperationName::Cancel => Some(compensate_field(instance)),
        _ => None,
    }
}

/// Where a token stands, with what tells it from the others there.
fn place_of(token: &TokenView, all: &[TokenView]) -> String {
    let node = humanised(&token.node);
    let alone = all.iter().filter(|other| other.node == token.node).count() < 2;
    match token.index {
        _ if alone => node,
        Some(index) => format!("{node}, item {}", index + 1),
        None => format!("{node}, token {}", token.token),
    }
}

fn skip_fields(instance: &InstanceDetail) -> AnyView {
    let choices = instance.tokens.iter().flat_map(|token| {
        let place = place_of(token, &instance.tokens);
        let undo = token.skips_undo.then(|| (format!("{}/", token.token), format!("{place}: leave the undo out")));
        let ports = token
            .ports
            .iter()
            .map(move |port| (format!("{}/{port}", token.token), format!("{place} → {}", humanised(port))));
        ports.collect::<Vec<_>>().into_iter().chain(undo)
    });
    let choices = choices.collect();
    let hint = "What the step would have set, as JSON. Needed where later steps read it.";
    view! {
        {choice_field("skip-choice", "Which step, and how to go on", choices)}
        {json_field("skip-set", "request[set]", "Variables to set", Some("{}".to_owned()), hint)}
    }
    .erased()
}

/// The points to begin at, the last one first: that is most often the step that failed.
fn restart_fields(instance: &InstanceDetail) -> AnyView {
    let points = instance.history.iter().rev().filter_map(|fact| {
        let node = fact.point.as_ref()?;
        Some((fact.sequence.to_string(), format!("{}, fact {}", humanised(node), fact.sequence)))
    });
    let variables = "As they were then, but for those named here, as JSON.";
    let input = "What you leave as it is stays so.";
    view! {
        {choice_field("restart-choice", "The step to begin at", points.collect())}
        {json_field("restart-set", "request[set]", "Variables to change", Some("{}".to_owned()), variables)}
        {json_field("restart-input", "request[input]", "Input", Some(pretty(&instance.input)), input)}
    }
    .erased()
}

fn settle_fields(instance: &InstanceDetail) -> AnyView {
    let choices = instance.unanswered.iter().map(|it| {
        let note = if it.answered { " (answered; its undo could not be made out)" } else { "" };
        (it.command.to_string(), format!("{}{note}", humanised(&it.node)))
    });
    let hint = "What the reply would have said, as JSON, where its undo reads it.";
    view! {
        {choice_field("settle-choice", "Command", choices.collect())}
        <fieldset class="field">
            <legend>"What became of it"</legend>
            <label class="check"><input type="radio" name="request[succeeded]" value="true" required/>"It was done"</label>
            <label class="check"><input type="radio" name="request[succeeded]" value="false"/>"It was not done"</label>
        </fieldset>
        {json_field("settle-payload", "request[payload]", "Reply", None, hint)}
    }
    .erased()
}

fn compensate_field(instance: &InstanceDetail) -> AnyView {
    let refused = refused(instance, OperationName::Compensate);
    let disabled = refused.is_some();
    let steps: Vec<String> =
        instance.undo.iter().filter(|step| step.state == UndoState::Ahead).map(|step| humanised(&step.node)).collect();
    let help = refused.unwrap_or_else(|| match steps.as_slice() {
        [] => "Nothing succeeded yet; what is under way is waited for.".to_owned(),
        steps => format!("In this order: {}.", steps.join(", ")),
    });
    view! {
        <div class="field flag">
            <label for="cancel-compensate">"Undo what was done first"</label>
            <input id="cancel-compensate" type="checkbox" name="request[compensate]" value="true" disabled=disabled/>
            <p class="help">{help}</p>
        </div>
    }
    .erased()
}

/// Which nodes are called otherwise in the new version.
pub fn mapping_field(id: &'static str, name: &'static str) -> AnyView {
    let help = format!("{id}-help");
    view! {
        <div class="field">
            <label for=id>"Nodes with another name (optional)"</label>
            <textarea
                id=id name=name class="mono" rows="3" spellcheck="false"
                placeholder="old-name=new-name" aria-describedby=help.clone()
            ></textarea>
            <p class="help" id=help>"A line each. Nodes that are not named here keep their name."</p>
        </div>
    }
    .erased()
}

fn choice_field(id: &'static str, label: &'static str, choices: Vec<(String, String)>) -> AnyView {
    let options =
        choices.into_iter().map(|(value, label)| view! { <option value=value>{label}</option> }).collect_view();
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <select id=id name="request[choice]" required>{options}</select>
        </div>
    }
    .erased()
}

fn json_field(
    id: &'static str,
    name: &'static str,
    label: &'static str,
    text: Option<String>,
    hint: &'static str,
) -> AnyView {
    let help = format!("{id}-help");
    let rows = text.as_ref().map_or(3, |text| text.lines().count().clamp(3, 14)).to_string();
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <textarea id=id name=name class="mono" rows=rows spellcheck="false" aria-describedby=help.clone()>{text.map(html::escaped)}</textarea>
            <p class="help" id=help>{hint}</p>
        </div>
    }
    .erased()
}
