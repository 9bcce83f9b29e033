//! What operators do to one instance: buttons, and a dialog for each operation that asks for what it needs and for a
//! reason. What is not possible now stays visible and says why.

use leptos::prelude::*;
use serde_json::Value;

use super::{
    confirm::{Dialog, DialogButton, ReasonField, SubmitButton, close_when_done},
    failure::refusal,
    icon::{Icon, icon},
    json::pretty,
    post::PostForm,
};
use crate::{
    call::OperateInstance,
    dom,
    erased::Erase,
    form::humanised,
    html,
    model::{InstanceDetail, OperationName, TokenView, UndoState},
};

/// What the dialogs of a page send, and what was to be seen when one of them was opened.
#[derive(Clone, Copy)]
pub struct Operating {
    action: ServerAction<OperateInstance>,
    /// How many facts the history had. The page goes on changing while somebody thinks, and what they decide is about what
    /// they looked at.
    seen: RwSignal<Option<u64>>,
    /// Which answer the page was drawn after, see [`Operating::answered`].
    drawn: RwSignal<usize>,
}

impl Operating {
    pub fn idle() -> Self {
        Self { action: ServerAction::new(), seen: RwSignal::new(None), drawn: RwSignal::new(0) }
    }

    /// Goes up with each answer.
    pub fn answered(self) -> usize {
        self.action.version().get()
    }

    /// The page is drawn with what was read after that answer.
    pub fn draws(self, answered: usize) {
        if self.drawn.get_untracked() != answered {
            self.drawn.set(answered);
        }
    }

    fn is_done(self) -> bool {
        self.action.value().with(|answer| matches!(answer, Some(Ok(_))))
    }

    /// Whether what was done is to be seen by now. What somebody does next is about that, so the dialog stays until then.
    fn is_drawn(self) -> bool {
        self.drawn.get() == self.answered()
    }

    /// Why the last one was not done.
    pub fn refused(self) -> Option<AnyView> {
        self.action.value().get().and_then(Result::err).map(|error| refusal(&error).erased())
    }

    /// A dialog opens: what was said and typed when it was open before is forgotten.
    fn begin(self, name: OperationName, recorded: u64) {
        self.action.clear();
        self.seen.set(Some(recorded));
        dom::reset_form(&form_id(name));
    }
}

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

/// The field for variables.
const VARIABLES: &str = "variables-set";

/// Those that have a button of their own; the others stand under "More".
const FIRST: [OperationName; 4] =
    [OperationName::Retry, OperationName::Suspend, OperationName::Resume, OperationName::Cancel];

fn dialog_id(name: OperationName) -> String {
    format!("{}-dialog", name.as_str().replace('_', "-"))
}

fn form_id(name: OperationName) -> String {
    format!("{}-form", name.as_str().replace('_', "-"))
}

/// Closes each dialog when what it sent was done, and is to be seen.
pub fn close_dialogs(operate: Operating) {
    for (name, ..) in DIALOGS {
        close_when_done(dialog_id(name), move || (operate.drawn.get(), operate.is_done() && operate.is_drawn()));
    }
}

fn refused(instance: &InstanceDetail, name: OperationName) -> Option<String> {
    instance.operations.iter().find(|it| it.name == name).and_then(|it| it.refused.clone())
}

pub fn buttons(instance: &InstanceDetail, operate: Operating) -> AnyView {
    let recorded = instance.recorded;
    let button = |name: OperationName, word: &str, explains: bool| {
        let class = if matches!(name, OperationName::Cancel | OperationName::Abandon) { "danger" } else { "" };
        let variables = (name == OperationName::SetVariables).then(|| pretty(&instance.variables));
        view! {
            <DialogButton
                opens=dialog_id(name)
                label=format!("{word}…")
                class=class
                refused=refused(instance, name)
                explains=explains
                on_open=Callback::new(move |()| {
                    operate.begin(name, recorded);
                    // What it was drawn with at first may be long gone; from here on it stays as it was seen.
                    if let Some(variables) = &variables {
                        dom::set_text(VARIABLES, variables);
                    }
                })
            />
        }
    };
    // Of suspending and resuming, the one that would be refused says nothing.
    let resting = refused(instance, OperationName::Resume).is_none();
    let hidden = if resting { OperationName::Suspend } else { OperationName::Resume };
    let first = DIALOGS.iter().filter(|(name, ..)| FIRST.contains(name) && *name != hidden);
    let more = DIALOGS.iter().filter(|(name, ..)| !FIRST.contains(name));
    view! {
        {first.map(|(name, word, _)| button(*name, word, false)).collect_view()}
        <details class="dropdown">
            <summary class="btn">"More"{icon(Icon::Down)}</summary>
            <div class="dropdown-items">{more.map(|(name, word, _)| button(*name, word, true)).collect_view()}</div>
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
    let (id, recorded) = (instance.summary.id.to_string(), instance.recorded);
    let expected = move || operate.seen.get().unwrap_or(recorded).to_string();
    let action = operate.action;
    let pending = Signal::derive(move || action.pending().get() || (operate.is_done() && !operate.is_drawn()));
    let fields = fields(instance, name);
    view! {
        <Dialog id=dialog_id(name) title=title>
            <PostForm action=action id=form_id(name)>
                <p>{meaning}</p>
                <input type="hidden" name="request[id]" value=id/>
                <input type="hidden" name="request[operation]" value=name.as_str()/>
                <input type="hidden" name="request[expected]" value=expected/>
                {fields}
                <ReasonField id=format!("{}-reason", name.as_str()) name="request[reason]"/>
                {move || operate.refused()}
                <footer><SubmitButton label=done_by pending=pending class=class/></footer>
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
        OperationName::Retry => retry_field(instance),
        OperationName::SetVariables => Some(variables_fields(instance)),
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

/// Where there is more than one thing to try again.
fn retry_field(instance: &InstanceDetail) -> Option<AnyView> {
    let failed = instance.tokens.iter().filter(|token| token.incident.is_some());
    let choices: Vec<_> = failed.map(|token| (token.token.to_string(), place_of(token, &instance.tokens))).collect();
    let all = ("".to_owned(), "Everything that failed".to_owned());
    (choices.len() > 1).then(|| {
        let choices = std::iter::once(all).chain(choices).collect();
        select_field("retry-token", "request[token]", "What", choices, None)
    })
}

/// Those of the instance, or those that an item of a loop has for itself.
fn variables_fields(instance: &InstanceDetail) -> AnyView {
    let text = pretty(&instance.variables);
    let own = instance.tokens.iter().filter(|token| !token.own.is_empty()).map(|token| {
        let place = place_of(token, &instance.tokens);
        (token.token.to_string(), place, pretty(&Value::Object(token.own.clone())))
    });
    let mut whose = vec![(String::new(), "All of the instance".to_owned(), text.clone())];
    whose.extend(own);
    let choices: Vec<_> = whose.iter().map(|(token, place, _)| (token.clone(), place.clone())).collect();
    let choose = Callback::new(move |token: String| {
        if let Some((.., text)) = whose.iter().find(|(it, ..)| *it == token) {
            dom::set_text(VARIABLES, text);
        }
    });
    let select =
        (choices.len() > 1).then(|| select_field("variables-token", "request[token]", "Whose", choices, Some(choose)));
    let hint = "Only what you change is set.";
    view! { {select}{json_field(VARIABLES, "request[set]", "Variables", Some(text), hint)} }.erased()
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
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <select id=id name="request[choice]" required>{options(choices)}</select>
        </div>
    }
    .erased()
}

/// A choice that is made already; `on_change` gets another one.
fn select_field(
    id: &'static str,
    name: &'static str,
    label: &'static str,
    choices: Vec<(String, String)>,
    on_change: Option<Callback<String>>,
) -> AnyView {
    let changed = move |event| {
        if let Some(on_change) = on_change {
            on_change.run(event_target_value(&event));
        }
    };
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <select id=id name=name on:change=changed>{options(choices)}</select>
        </div>
    }
    .erased()
}

fn options(choices: Vec<(String, String)>) -> AnyView {
    choices.into_iter().map(|(value, label)| view! { <option value=value>{label}</option> }).collect_view().erased()
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
