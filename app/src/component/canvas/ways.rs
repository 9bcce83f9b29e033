//! The ways out of a node in its settings: what each is called, where it leads, and what it sets.

use baton_domain::designer::{
    Edit, Kind,
    command::Offer,
    document::{Port, PortRef, node_pointer},
};
use leptos::prelude::*;

use super::{
    menu::target_options,
    seen::EVENTS,
    settings::{self, Field, How, SET, field, input},
    studio::{Asking, Studio},
};
use crate::{dom, erased::Erase};

/// The button that adds a way out.
const ADD_WAY: &str = "settings-add-way";

pub fn ways(studio: Studio, name: String, kind: Kind) -> AnyView {
    let of = name.clone();
    // Drawn anew when ports come and go, not when one of their fields changes.
    let names = Memo::new(move |_| {
        let ports = studio.editor.with(|editor| editor.document().ports(&of));
        ports.into_iter().map(|port| port.name).collect::<Vec<_>>().join("\n")
    });
    let of = name.clone();
    let list = move || {
        let names = names.get();
        names.lines().map(|port| port_view(studio, PortRef::new(of.clone(), port), kind)).collect_view()
    };
    let adds = match kind {
        Kind::Command | Kind::Wait | Kind::Call => Some("Add a reply"),
        Kind::Decide => Some("Add a condition"),
        Kind::Approval => Some("Add an outcome"),
        Kind::Fork => Some("Add a branch"),
        _ => None,
    };
    let add = adds.map(|label| {
        let (node, timed) = (name.clone(), name.clone());
        let add = move |_| add_way(studio, &node, None);
        let timeout = move |_| add_way(studio, &timed, Some("timeout".to_owned()));
        let can_time = move || kind != Kind::Decide && names.with(|names| !names.lines().any(|name| name == "timeout"));
        view! {
            <p class="row">
                <button type="button" id=ADD_WAY class="btn small" on:click=add>{label}</button>
                {move || can_time().then(|| {
                    let timeout = timeout.clone();
                    view! { <button type="button" class="btn small" on:click=timeout>"Add a time-out"</button> }
                })}
            </p>
        }
    });
    let is_end = kind == Kind::End;
    view! { {(!is_end).then(|| view! { <h3>"Ways out"</h3> })}{list}{add} }.erased()
}

/// Adds a way out, and goes to it.
fn add_way(studio: Studio, node: &str, name: Option<String>) {
    let ways = || -> Vec<String> {
        let ports = studio.editor.with_untracked(|editor| editor.document().ports(node));
        ports.into_iter().map(|port| port.name).collect()
    };
    let before = ways();
    studio.commit(vec![Edit::AddPort { node: node.to_owned(), name }]);
    if let Some(added) = ways().into_iter().find(|way| !before.contains(way)) {
        dom::focus_when_drawn(move || dom::focus(&way_id(&added)));
    }
}

/// The first field of a way out: its name, else where it leads.
fn way_id(port: &str) -> String {
    format!("settings-way-{port}")
}

/// Into a way out, once it is drawn; the first field of the settings where they have none of ways.
pub fn enter(port: String) {
    dom::focus_when_drawn(move || dom::focus(&way_id(&port)) || dom::focus(settings::TITLE));
}

fn port_view(studio: Studio, port: PortRef, kind: Kind) -> AnyView {
    let Some(Port { pointer, .. }) = studio.editor.with_untracked(|editor| editor.document().port(&port)) else {
        return ().erased();
    };
    let base = pointer.rsplit_once('/').map_or(String::new(), |(base, _)| base.to_owned());
    let is_own = base == node_pointer(&port.node);
    let extra = if is_own { Vec::new() } else { extra_fields(kind, &port.port) };
    let extra = extra.iter().map(|field| input(studio, &base, field)).collect_view();
    let named = renamable(kind, &port.port).then(|| rename_port(studio, &port, kind));
    let removable = (!is_own && !matches!(port.port.as_str(), "default" | "do")).then(|| {
        let port = port.clone();
        let label = format!("Remove {}", port.port);
        let remove = move |_| {
            studio.commit(vec![Edit::RemovePort { port: port.clone() }]);
            dom::focus_if_lost(ADD_WAY.to_owned());
        };
        view! { <button type="button" class="btn quiet small" aria-label=label title="Remove this way out" on:click=remove>"×"</button> }
    });
    let heading = named.unwrap_or_else(|| view! { <b class="mono">{port.port.clone()}</b> }.erased());
    view! {
        <fieldset class="way">
            <legend class="visually-hidden">{format!("Way out {}", port.port)}</legend>
            <p class="row">{heading}{removable}</p>
            {target(studio, port, kind)}
            {extra}
        </fieldset>
    }
    .erased()
}

fn extra_fields(kind: Kind, port: &str) -> Vec<Field> {
    let mut fields = Vec::new();
    if port == "timeout" {
        fields.push(field("after", "After", How::Text, "PT5M"));
    }
    if kind == Kind::Decide && port != "default" {
        fields.push(field("when", "When", How::Text, "=vars.total > 100"));
    }
    if kind == Kind::Approval && port != "timeout" {
        fields.push(field("title", "Button", How::Text, "Approve"));
        fields.push(field("form", "Form", How::Schema, "{\"type\": \"object\", \"properties\": {}}"));
    }
    fields.push(SET);
    fields
}

fn renamable(kind: Kind, port: &str) -> bool {
    matches!(kind, Kind::Command | Kind::Wait | Kind::Approval | Kind::Fork) && port != "timeout"
}

fn rename_port(studio: Studio, port: &PortRef, kind: Kind) -> AnyView {
    let (value, id, port) = (port.port.clone(), way_id(&port.port), port.clone());
    let changed = move |typed: String| {
        let to = typed.trim().to_owned();
        if to != port.port {
            let id = way_id(&to);
            studio.commit(vec![Edit::RenamePort { port: port.clone(), to }]);
            dom::focus_if_lost(id);
        }
    };
    view! {
        <input id=id class="mono" type="text" aria-label="Name of this way out" autocomplete="off" spellcheck="false" value=value
            list=matches!(kind, Kind::Command | Kind::Wait).then_some(EVENTS)
            on:change=move |event| changed(event_target_value(&event))/>
    }
    .erased()
}

fn target(studio: Studio, port: PortRef, kind: Kind) -> AnyView {
    let id = (!renamable(kind, &port.port)).then(|| way_id(&port.port));
    let of = port.clone();
    let leads = Memo::new(move |_| studio.editor.with(|editor| editor.document().target(&of)).unwrap_or_default());
    let of = port.clone();
    let options = move || {
        let now = leads.get();
        target_options(studio, &of)
            .into_iter()
            .map(|(name, title)| {
                let selected = name == now;
                view! { <option value=name selected=selected>{title}</option> }
            })
            .collect_view()
    };
    let label = format!("{} leads to", port.port);
    let add_label = format!("Put a new node behind {}", port.port);
    let of = port.clone();
    let add = move |_| {
        let offer = match leads.with_untracked(String::is_empty) {
            true => Offer::After { from: of.clone(), at: None },
            false => Offer::Into { edge: of.clone() },
        };
        studio.asking.set(Some(Asking::Kind(offer)));
    };
    let changed = move |to: String| {
        let port = port.clone();
        studio.commit(vec![if to.is_empty() {
            Edit::Disconnect { edge: port }
        } else {
            Edit::Connect { from: port, to }
        }]);
    };
    view! {
        <p class="row">
            <select id=id aria-label=label prop:value=move || leads.get() on:change=move |event| changed(event_target_value(&event))>
                <option value="">"leads nowhere yet"</option>
                {options}
            </select>
            <button type="button" class="btn quiet small" aria-label=add_label.clone() title=add_label on:click=add>"+"</button>
        </p>
    }
    .erased()
}
