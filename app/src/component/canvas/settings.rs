//! The settings of what is selected: fields by kind, and the ways out with where they lead.

use baton_domain::{
    designer::{Edit, Kind, Selection, document::node_pointer, keys::Command},
    diagnostic::{Diagnostic, Severity},
};
use leptos::{ev::KeyboardEvent, prelude::*};
use serde_json::Value;

use super::{
    STAGE, about, actions,
    expression::{Typed, expression},
    form::form,
    input::key_beside,
    saga,
    sample::Sample,
    seen,
    studio::Studio,
    ways::ways,
};
use crate::{dom, erased::Erase};

/// The first field; it gets the focus when settings are opened.
pub const TITLE: &str = "settings-title";
/// The first field of the process itself, as [`id_of`] calls it.
pub const OWN: &str = "set-title";
pub const NAME: &str = "settings-name";

/// How a field is written.
#[derive(Clone, Copy, PartialEq)]
pub enum How {
    /// Plain text, or an expression after `=`.
    Text,
    /// Text that is never an expression.
    Plain,
    Number,
    Json,
    /// A JSON Schema, drawn as a form.
    Schema,
    Choice(&'static [&'static str]),
    /// One name, or several with commas between them. `is_list`: one alone is written as a list too.
    Names {
        is_list: bool,
    },
}

/// Into the settings.
pub fn enter() {
    dom::focus_when_drawn(|| dom::focus(TITLE));
}

pub struct Field {
    key: &'static str,
    label: &'static str,
    how: How,
    hint: &'static str,
}

pub const fn field(key: &'static str, label: &'static str, how: How, hint: &'static str) -> Field {
    Field { key, label, how, hint }
}

pub const SET: Field = field("set", "Sets", How::Json, "{\"variable\": \"=expression\"}");

fn fields(kind: Kind) -> &'static [Field] {
    use How::*;
    match kind {
        Kind::Start | Kind::Compute | Kind::Join | Kind::Compensate => const { &[SET] },
        Kind::Command => {
            const {
                &[
                    field("send", "Sends the command", Text, "BookFlight"),
                    field("to", "To", Text, "flights"),
                    field("key", "Key", Text, "=instance.id"),
                    field("payload", "Payload", Json, "{\"code\": \"=vars.route.code\"}"),
                    field(
                        "match",
                        "Match replies by",
                        Json,
                        "{\"event\": \"=event.payload.id\", \"with\": \"=vars.id\"}",
                    ),
                    field("undo", "Undone by", Json, "{\"send\": \"CancelFlight\", \"done\": \"FlightCancelled\"}"),
                    field("retry", "Retry", Json, "{\"attempts\": 3, \"delay\": \"PT10S\"}"),
                ]
            }
        }
        Kind::Wait => {
            const { &[field("match", "Match by", Json, "{\"event\": \"=event.payload.id\", \"with\": \"=vars.id\"}")] }
        }
        Kind::Decide | Kind::Unknown | Kind::Event | Kind::Step | Kind::Undo | Kind::Reaction => &[],
        Kind::Approval => {
            const {
                &[
                    field("assignee", "Assignee", Text, "=input.manager"),
                    field("group", "Group", Text, "managers"),
                    field("due", "Due", Text, "P2D"),
                    field("escalate", "Escalate", Json, "{\"after\": \"P3D\", \"assignee\": \"=input.boss\"}"),
                ]
            }
        }
        Kind::Timer => {
            const { &[field("for", "For", Text, "PT1H"), field("until", "Until", Text, "=input.depart"), SET] }
        }
        Kind::Call => {
            const {
                &[
                    field("process", "Process", Text, "trip-booking"),
                    field("version", "Version", Number, "the newest"),
                    field("input", "Input", Json, "{\"employee\": \"=input.employee\"}"),
                    field("business_key", "Business key", Text, "=vars.order"),
                    field(
                        "undo",
                        "Undone by",
                        Json,
                        "{\"send\": \"CancelTrip\", \"to\": \"trips\", \"done\": \"TripCancelled\"}",
                    ),
                ]
            }
        }
        Kind::Fork => const { &[field("join", "Joined at", Text, "the join's name")] },
        Kind::ForEach => {
            const {
                &[
                    field("over", "Over", Text, "=input.hotels"),
                    field("as", "Each one called", Text, "hotel"),
                    field("mode", "Mode", Choice(&["sequential", "parallel"]), ""),
                    field("limit", "At most at once", Number, "10"),
                    field("collect", "Collects", Text, "=vars.price"),
                    field("into", "Into", Text, "prices"),
                    SET,
                ]
            }
        }
        Kind::End => {
            const {
                &[
                    field("outcome", "Outcome", Choice(&["completed", "failed", "compensated"]), ""),
                    field("reason", "Reason", Text, "No flight was offered."),
                    SET,
                ]
            }
        }
    }
}

pub fn panel(studio: Studio, findings: Signal<Vec<Diagnostic>>) -> AnyView {
    provide_context(Sample::new(studio));
    let names = seen::provide();
    let keys = move |event: KeyboardEvent| match event.key().as_str() {
        "Escape" => studio.go_home(),
        // The browser would save the page.
        "s" | "S" if (event.ctrl_key() || event.meta_key()) && dom::typing() => {
            event.prevent_default();
            dom::take_over_field();
            studio.press(Command::Save);
        }
        // On its buttons the keys are those of the canvas; with what they change, the button may go.
        _ if !dom::typing() => {
            key_beside(studio, &event);
            if event.default_prevented() {
                dom::focus_if_lost(STAGE.to_owned());
            }
        }
        _ => {}
    };
    let content = if studio.is_saga() { saga::panel(studio, findings) } else { nodes(studio, findings) };
    view! { <aside class="settings" aria-label="Settings" on:keydown=keys>{content}{names}</aside> }.erased()
}

fn nodes(studio: Studio, findings: Signal<Vec<Diagnostic>>) -> AnyView {
    // Only another node makes another panel: while one types, the fields stay.
    let chosen = move || {
        let selected = studio.selection.with(|selection| selection.only_node().map(str::to_owned))?;
        let kind = studio
            .editor
            .with(|editor| editor.document().contains(&selected).then(|| editor.document().kind_of(&selected)))?;
        Some(format!("{}\n{selected}", kind.name()))
    };
    let node = Memo::new(move |_| chosen().unwrap_or_default());
    let content = move || match node.get().split_once('\n') {
        Some((kind, name)) => of_node(studio, name.to_owned(), Kind::of(kind), findings),
        None => of_nothing(studio),
    };
    content.erased()
}

/// While no part is selected alone.
pub fn of_nothing(studio: Studio) -> AnyView {
    let is_saga = studio.is_saga();
    let words = move || {
        studio.selection.with(|selection| match (selection.nodes.len(), selection.edges.len()) {
            (0, 0) if is_saga => {
                "Select a step or a reaction to see its settings. Press ? on the canvas for its keys.".to_owned()
            }
            (0, 0) => {
                "Select a node to see its settings, or drag one from the left. Press ? on the canvas for its keys."
                    .to_owned()
            }
            (0, _) if is_saga => "The order of the steps draws these lines. Press A to insert a step here.".to_owned(),
            (several, _) if is_saga => format!("{several} parts. They are moved, copied and removed together."),
            (0, 1) => {
                "An edge. Drag its ends elsewhere, press Enter for its settings, A to insert a node into it, Delete to remove it."
                    .to_owned()
            }
            (nodes, edges) => format!("{nodes} nodes and {edges} edges. They move, are copied and removed together."),
        })
    };
    let is_nothing = Memo::new(move |_| studio.selection.with(Selection::is_empty));
    // Of the definition itself, while nothing of it is selected.
    let own = move || {
        is_nothing.get().then(|| {
            let (title, fields) = if is_saga { ("The saga", &OWN_FIELDS[..2]) } else { ("The process", OWN_FIELDS) };
            let fields = fields.iter().map(|field| input(studio, "", field)).collect_view();
            view! { <header><h2>{title}</h2></header>{fields} }
        })
    };
    let does = (!is_saga).then(|| actions::of_others(studio));
    view! { <p class="faint">{words}</p>{does}{own} }.erased()
}

/// Of a definition itself; sagas have the first two.
const OWN_FIELDS: &[Field] = &[
    field("title", "Title", How::Plain, "Business trip"),
    field("description", "Description", How::Plain, "What it is for"),
    field(
        "input",
        "Form of the start",
        How::Schema,
        "{\"type\": \"object\", \"properties\": {\"customer\": {\"type\": \"string\"}}}",
    ),
];

/// What it is called, and of which kind it is.
pub fn head(studio: Studio, name: &str, kind: Kind) -> AnyView {
    let name = name.to_owned();
    let heading = move || studio.editor.with(|editor| editor.document().title(&name));
    view! { <header><h2>{heading}</h2><span class=format!("tag {}", kind.name())>{kind.name()}</span></header> }
        .erased()
}

/// What is wrong with the part that is shown.
pub fn findings_of(studio: Studio, name: String, findings: Signal<Vec<Diagnostic>>) -> AnyView {
    let own = move || {
        let own = findings.with(|findings| about(studio, findings, &name).cloned().collect::<Vec<_>>());
        own.into_iter()
            .map(|finding| {
                let class = if finding.severity == Severity::Error { "finding bad" } else { "finding warn" };
                view! { <p class=class>{finding.message}</p> }
            })
            .collect_view()
    };
    view! { <div aria-live="polite">{own}</div> }.erased()
}

fn of_node(studio: Studio, name: String, kind: Kind, findings: Signal<Vec<Diagnostic>>) -> AnyView {
    let base = node_pointer(&name);
    let rest = fields(kind).iter().map(|field| input(studio, &base, field)).collect_view();
    view! {
        {head(studio, &name, kind)}
        {actions::of_node(studio, kind)}
        {findings_of(studio, name.clone(), findings)}
        {title_field(studio, &name)}
        {name_field(studio, &name)}
        {rest}
        {input(studio, &base, &field("description", "Description", How::Plain, ""))}
        {ways(studio, name, kind)}
        {use_context::<Sample>().map(Sample::editor)}
    }
    .erased()
}

/// `=vars.x` as it is, everything else as JSON.
fn written(value: Option<Value>, how: How) -> String {
    match (value, how) {
        (None | Some(Value::Null), _) => String::new(),
        (Some(Value::String(text)), How::Text | How::Plain | How::Choice(_) | How::Names { .. }) => text,
        (Some(Value::Array(names)), How::Names { .. }) => {
            let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
            names.join(", ")
        }
        (Some(value), How::Json | How::Schema) => serde_json::to_string_pretty(&value).unwrap_or_default(),
        (Some(value), _) => value.to_string(),
    }
}

/// `was` is what stands there: one name stays a text or a list.
fn read(text: &str, how: How, was: Option<&Value>) -> Result<Option<Value>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    match how {
        How::Text | How::Plain | How::Choice(_) => Ok(Some(Value::String(text.to_owned()))),
        How::Names { is_list } => {
            let names: Vec<&str> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
            Ok(match names.as_slice() {
                [] => None,
                [one] if !was.map_or(is_list, Value::is_array) => Some(Value::String((*one).to_owned())),
                several => Some(several.iter().map(|name| Value::String((*name).to_owned())).collect()),
            })
        }
        How::Number => {
            text.parse::<u64>().map(|number| Some(number.into())).map_err(|_| format!("{text} is no number."))
        }
        // An expression may stand for the whole.
        How::Json | How::Schema if text.starts_with('=') => Ok(Some(Value::String(text.to_owned()))),
        How::Json | How::Schema => {
            serde_json::from_str(text).map(Some).map_err(|error| format!("This is no JSON: {error}."))
        }
    }
}

fn id_of(pointer: &str) -> String {
    format!("set{}", pointer.replace(['/', '~', ' '], "-"))
}

/// One field of the document. It is written when one leaves it: one step of the history.
pub fn input(studio: Studio, base: &str, field: &Field) -> AnyView {
    input_as(studio, base, field, None)
}

/// The same with another id, for the first field of a panel.
pub fn input_as(studio: Studio, base: &str, field: &Field, id: Option<&str>) -> AnyView {
    let pointer = format!("{base}/{}", field.key);
    let (how, label, hint) = (field.how, field.label, field.hint);
    let id = id.map_or_else(|| id_of(&pointer), str::to_owned);
    let wrong = RwSignal::new(None::<String>);
    let (of, at) = (pointer.clone(), pointer.clone());
    let text = Signal::derive(move || written(studio.value(&of), how));
    let changed = move |typed: String| {
        let was = studio.editor.with_untracked(|editor| editor.document().value().pointer(&pointer).cloned());
        match read(&typed, how, was.as_ref()) {
            Ok(value) => {
                wrong.set(None);
                if value != was {
                    studio.commit(vec![Edit::Set { pointer: pointer.clone(), value }]);
                }
            }
            Err(why) => wrong.set(Some(why)),
        }
    };
    let control = match how {
        How::Text | How::Json | How::Schema => {
            let typed = Typed { id: id.clone(), pointer: at.clone(), is_json: how != How::Text, hint };
            let control = expression(studio, typed, text, Callback::new(changed));
            match how {
                How::Schema => form(studio, &id, &at, control),
                _ => control,
            }
        }
        How::Choice(choices) => {
            let options = choices
                .iter()
                .map(|choice| view! { <option value=*choice selected=move || text.with(|text| text == choice)>{*choice}</option> })
                .collect_view();
            view! {
                <select id=id.clone() prop:value=text on:change=move |event| changed(event_target_value(&event))>
                    <option value=""></option>
                    {options}
                </select>
            }
            .erased()
        }
        How::Number | How::Plain | How::Names { .. } => view! {
            <input id=id.clone() class="mono" type="text" spellcheck="false" autocomplete="off" placeholder=hint
                list=matches!(how, How::Names { .. }).then_some(seen::EVENTS)
                value=text.get_untracked() prop:value=text on:change=move |event| changed(event_target_value(&event))/>
        }
        .erased(),
    };
    view! {
        <div class="field">
            <label for=id>{label}</label>
            {control}
            {move || wrong.get().map(|why| view! { <p class="finding bad" role="alert">{why}</p> })}
        </div>
    }
    .erased()
}

fn title_field(studio: Studio, name: &str) -> AnyView {
    let (node, pointer) = (name.to_owned(), format!("{}/title", node_pointer(name)));
    let text = Signal::derive(move || written(studio.value(&pointer), How::Text));
    let changed = move |typed: String| {
        let title = Some(typed.trim().to_owned()).filter(|title| !title.is_empty());
        studio.commit(vec![Edit::SetTitle { node: node.clone(), title }]);
    };
    view! {
        <div class="field">
            <label for=TITLE>"Title"</label>
            <input id=TITLE type="text" autocomplete="off" value=text.get_untracked() prop:value=text
                on:change=move |event| changed(event_target_value(&event))/>
        </div>
    }
    .erased()
}

fn name_field(studio: Studio, name: &str) -> AnyView {
    let node = name.to_owned();
    let rename = move |to| Edit::Rename { node: node.clone(), to };
    named_field(studio, NAME, "Name in the text", name.to_owned(), Callback::new(rename))
}

/// The field of a name: another one is an edit of its own.
pub fn named_field(
    studio: Studio,
    id: &'static str,
    label: &'static str,
    value: String,
    rename: Callback<String, Edit>,
) -> AnyView {
    let was = value.clone();
    let changed = move |typed: String| {
        let to = typed.trim().to_owned();
        if to != was {
            studio.commit(vec![rename.run(to)]);
            // The panel of another name is another panel.
            dom::focus_if_lost(id.to_owned());
        }
    };
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <input id=id class="mono" type="text" autocomplete="off" spellcheck="false" value=value
                on:change=move |event| changed(event_target_value(&event))/>
        </div>
    }
    .erased()
}
