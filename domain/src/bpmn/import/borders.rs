//! Events on the border of something: ways out of it.

use serde_json::{Value, json};

use super::{
    build::{Build, way},
    foreign,
};
use crate::bpmn::names::camel;

/// Adds what stands on the border of an item to its node.
pub fn add(build: &mut Build<'_, '_>, host: usize, node: &mut Value) {
    for border in build.graph.borders(host).collect::<Vec<_>>() {
        add_one(build, border, node);
    }
}

/// One event on the border of a node, whoever made that.
pub fn add_one(build: &mut Build<'_, '_>, border: usize, node: &mut Value) {
    let item = build.item(border);
    let kind = node.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    let event = item.event().map_or("", |event| event.local().trim_end_matches("EventDefinition"));
    if item.element.get("cancelActivity") == Some("false") && event != "compensate" {
        let message = "What goes on beside the step is left out: use a fork, or have the approval escalate.";
        return build.found.error("non-interrupting", Some(item.element), message);
    }
    let is_whole = node.get("on").is_none_or(Value::is_object);
    match (event, kind.as_str()) {
        (_, "command" | "wait" | "call") if !is_whole => {}
        ("timer", "command" | "wait" | "approval" | "call" | "for-each") => {
            let mut timeout = json!({"after": foreign::length(build, border)});
            if let Some(next) = build.after(border) {
                timeout["next"] = json!(next);
            }
            if matches!(kind.as_str(), "command" | "wait") {
                node["on"]["timeout"] = timeout;
            } else {
                node["timeout"] = timeout;
            }
        }
        ("error", "call") => {
            let next = build.after(border);
            node["on"]["failed"] = way(next);
        }
        ("error" | "message", "command") | ("message", "wait") => {
            let reply = match item.event().and_then(|event| build.graph.referred(event, "errorRef")).and_then(camel) {
                Some(name) => name,
                None if event == "error" => camel(item.name()).unwrap_or_else(|| "SomethingFailed".to_owned()),
                None => foreign::awaited(build, border),
            };
            let next = build.after(border);
            if event == "error" {
                let message = format!("The error is the event {reply} here, one of the answers to the command.");
                build.found.warn("error-event", Some(item.element), message);
                match node.get_mut("fails").and_then(Value::as_array_mut) {
                    Some(fails) => fails.push(json!(reply)),
                    None => node["fails"] = json!([reply]),
                }
            }
            node["on"][reply] = way(next);
        }
        ("compensate", "command") => {
            let handler = build.graph.associated(item.id).map(|handler| build.item(handler));
            let Some(handler) = handler else {
                let message = "Nothing is associated with this: say how the command is undone.";
                return build.found.error("no-handler", Some(item.element), message);
            };
            let send =
                camel(handler.name()).or_else(|| camel(handler.id)).unwrap_or_else(|| "UndoSomething".to_owned());
            let done = format!("{send}Done");
            let message =
                format!("The command {send} was put here to undo it, and {done} as its answer: enter the right ones.");
            build.found.warn("placeholder", Some(handler.element), message);
            node["undo"] = json!({"send": send, "done": done});
        }
        (what, kind) => {
            let what = if what.is_empty() { "event" } else { what };
            let message = format!("A {what} cannot interrupt a {kind} here; it is left out, and where it leads to.");
            build.found.error("border-event", Some(item.element), message);
        }
    }
}
