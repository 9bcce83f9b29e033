//! The words on the canvas: the same as on the diagram of a definition that could be read, made from JSON.

use serde_json::Value;

use super::{Kind, document::kind, ports};
pub use crate::diagram::text::{SUBTITLE_CHARS_MAX, TITLE_CHARS_MAX, humanise, shorten};
use crate::{diagram::text::length_words, duration};

/// The most characters of a condition beside an edge.
const CONDITION_CHARS_MAX: usize = 20;
/// Items under way at once in a parallel loop that does not say how many.
const LIMIT: u64 = 10;

/// What people call a node. The title of an approval is for whoever gets the task, and computed.
pub fn title(name: &str, node: &Value) -> String {
    let own = (kind(node) != Kind::Approval).then(|| text(node, "title")).flatten();
    own.map_or_else(|| humanise(name), str::to_owned)
}

/// The second line of a node: what it does.
pub fn subtitle(node: &Value) -> String {
    let size = |field: &str| node.get(field).map_or(0, |value| value.as_object().map_or(0, serde_json::Map::len));
    match kind(node) {
        Kind::Start => String::new(),
        Kind::Command => match (text(node, "send"), text(node, "to")) {
            (Some(send), Some(to)) => format!("{send} → {to}"),
            (Some(send), None) => send.to_owned(),
            (None, _) => "sends nothing yet".to_owned(),
        },
        Kind::Wait => {
            let types: Vec<&str> = keys(node, "on").filter(|key| *key != ports::TIMEOUT).collect();
            if types.is_empty() { "for nothing yet".to_owned() } else { format!("for {}", types.join(", ")) }
        }
        Kind::Decide => match node.get("cases").and_then(Value::as_array).map_or(0, Vec::len) {
            1 => "one condition".to_owned(),
            several => format!("{several} conditions"),
        },
        Kind::Compute => {
            let names: Vec<&str> = keys(node, "set").collect();
            if names.is_empty() { "sets nothing yet".to_owned() } else { format!("sets {}", names.join(", ")) }
        }
        Kind::Approval => match given(node, "assignee").or_else(|| given(node, "group")) {
            Some(who) => expression(who).map_or_else(|| "a fixed name".to_owned(), str::to_owned),
            None => "anybody".to_owned(),
        },
        Kind::Timer => match text(node, "for").or_else(|| text(node, "until")) {
            Some(moment) => moment_words(moment),
            None => "until when?".to_owned(),
        },
        Kind::Call => match text(node, "process") {
            Some(process) => format!("calls {process}"),
            None => "calls nothing yet".to_owned(),
        },
        Kind::Fork => match size("branches") {
            1 => "one branch".to_owned(),
            several => format!("{several} branches at once"),
        },
        Kind::Join => "waits for all branches".to_owned(),
        Kind::ForEach => {
            let item = text(node, "as").unwrap_or("item");
            let parallel = text(node, "mode") == Some("parallel");
            match node.get("limit").and_then(Value::as_u64).unwrap_or(LIMIT) {
                limit if parallel && limit > 1 => format!("each {item}, {limit} at once"),
                _ => format!("each {item}, one by one"),
            }
        }
        Kind::Compensate => "undoes what was done".to_owned(),
        Kind::End => format!("end · {}", text(node, "outcome").unwrap_or("completed")),
        Kind::Event | Kind::Step | Kind::Undo | Kind::Reaction => String::new(),
        Kind::Unknown => match text(node, "kind") {
            Some(kind) => format!("unknown kind {}", shorten(kind, 12)),
            None => "of no kind".to_owned(),
        },
    }
}

/// What stands beside an edge: nothing where there is only one way to go.
pub fn port_label(kind: Kind, node: &Value, port: &str) -> String {
    match kind {
        Kind::Start | Kind::Compute | Kind::Timer | Kind::Compensate | Kind::Join | Kind::End => String::new(),
        Kind::ForEach => match port {
            "do" => "each".to_owned(),
            "next" => "then".to_owned(),
            other => other.to_owned(),
        },
        Kind::Decide => {
            let case = ports::case_index(port).and_then(|index| node.get("cases")?.get(index));
            match case {
                None => "otherwise".to_owned(),
                Some(case) => match text(case, "when") {
                    Some(when) => shorten(when.strip_prefix('=').unwrap_or(when), CONDITION_CHARS_MAX),
                    None => port.to_owned(),
                },
            }
        }
        Kind::Command | Kind::Wait | Kind::Approval | Kind::Fork | Kind::Call => port.to_owned(),
        Kind::Event | Kind::Step | Kind::Undo | Kind::Reaction | Kind::Unknown => port.to_owned(),
    }
}

fn given<'a>(node: &'a Value, field: &str) -> Option<&'a Value> {
    node.get(field).filter(|value| !value.is_null())
}

fn text<'a>(node: &'a Value, field: &str) -> Option<&'a str> {
    node.get(field)?.as_str().filter(|text| !text.is_empty())
}

fn keys<'a>(node: &'a Value, field: &str) -> impl Iterator<Item = &'a str> {
    node.get(field).and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key.as_str())
}

/// The last expression of a template, without its `=`; `==` begins a literal.
fn expression(template: &Value) -> Option<&str> {
    match template {
        Value::String(text) => text.strip_prefix('=').filter(|source| !source.starts_with('=')),
        Value::Array(items) => items.iter().rev().find_map(expression),
        Value::Object(map) => map.values().rev().find_map(expression),
        _ => None,
    }
}

fn moment_words(moment: &str) -> String {
    if let Some(source) = moment.strip_prefix('=') {
        return format!("until {source}");
    }
    match duration::parse(moment) {
        Ok(length) => length_words(length),
        // An instant as people write it, without its seconds.
        Err(_) => match (moment.get(..10), moment.get(10..11), moment.get(11..16)) {
            (Some(date), Some("T"), Some(time)) => format!("until {date} {time}"),
            _ => format!("until {moment}"),
        },
    }
}
