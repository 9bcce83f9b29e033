//! From BPMN to a definition.
//!
//! [`graph`] is what a file says: flow nodes, also those of embedded sub-processes, and the flows between them. [`roles`]
//! says what each becomes: a node, or a mere way to the next one. [`build`] makes the nodes, by [`foreign`] where no
//! extension of ours says what it was, and [`own`] takes over what was changed elsewhere about those that have one.

mod borders;
mod build;
mod conditions;
mod foreign;
mod graph;
mod own;
mod places;
mod roles;

use serde_json::{Map, Value, json};

use super::{
    BPMN_BYTES_MAX, Finding, Imported,
    names::kebab,
    xml::{self, Element},
};
use crate::diagnostic::Severity;

/// The most elements of a process that are read; a definition has fewer nodes.
const ITEMS_MAX: usize = 2_000;

/// Reads a process from BPMN 2.0 XML. What cannot be taken over is found and left out, so that there is a document unless
/// this is no BPMN at all.
pub fn import(text: &str) -> Imported {
    let nothing = |code: &str, message: String| {
        let mut found = Found::default();
        found.error(code, None, message);
        Imported { document: None, findings: found.0 }
    };
    if text.len() > BPMN_BYTES_MAX {
        let message = format!("A BPMN file has at most {BPMN_BYTES_MAX} bytes; this one has {}.", text.len());
        return nothing("too-large", message);
    }
    let root = match xml::read(text) {
        Ok(root) => root,
        Err(why) => return nothing("syntax", why),
    };
    if root.tag != "bpmn:definitions" {
        let message = format!(
            "This is XML, but no BPMN 2.0: it begins with <{}> instead of <definitions> of {}.",
            crate::fields::shorten(&root.tag, 80),
            xml::BPMN
        );
        return nothing("no-bpmn", message);
    }
    let mut found = Found::default();
    let Some(process) = choose(&root, &mut found) else {
        return nothing("no-process", "There is no process with anything in it in this file.".to_owned());
    };
    let graph = graph::Graph::of(&root, process, &mut found);
    if graph.items.len() > ITEMS_MAX {
        let message = format!("At most {ITEMS_MAX} elements of a process are read; there are {}.", graph.items.len());
        return nothing("too-large", message);
    }
    let document = build::document(&graph, beside(process), &mut found);
    found.extensions(&root);
    Imported { document: Some(document), findings: found.0 }
}

/// The process that has most in it; those that may run come first.
fn choose<'a>(root: &'a Element, found: &mut Found) -> Option<&'a Element> {
    for other in &root.children {
        if matches!(other.local(), "choreography" | "globalChoreographyTask" | "conversation") {
            found.error(other.local(), Some(other), "Choreographies and conversations are not imported.");
        }
    }
    let is_flow = |child: &&Element| graph::is_flow_node(child.local());
    let is_own = |process: &&Element| {
        let extensions = process.first("bpmn:extensionElements");
        extensions.is_some_and(|all| all.first("baton:definition").is_some())
    };
    let weight = |process: &&Element| {
        (process.children.iter().filter(is_flow).count(), process.get("isExecutable") == Some("true"))
    };
    let filled = || root.all("bpmn:process").filter(|process| weight(process).0 > 0 || is_own(process));
    let chosen = filled().max_by_key(|process| (weight(process).1, weight(process).0))?;
    for other in filled().filter(|other| !std::ptr::eq(*other, chosen)) {
        let message = "A file may have one process: this one is left out. Import it from a file of its own; what its pool \
                       and the other one tell each other are commands and events.";
        found.error("several-processes", Some(other), message);
    }
    for collaboration in root.all("bpmn:collaboration") {
        for flow in collaboration.all("bpmn:messageFlow") {
            let message = "Message flows are not imported: enter receiver and reply where the command is sent.";
            found.warn("message-flow", Some(flow), message);
        }
        let black_box = |participant: &&Element| participant.get("processRef").is_none();
        for participant in collaboration.all("bpmn:participant").filter(black_box) {
            let message = "A pool without a process is left out: its name may be the receiver of a command.";
            found.warn("empty-pool", Some(participant), message);
        }
    }
    Some(chosen)
}

/// What the definition says beside its nodes.
fn beside(process: &Element) -> Map<String, Value> {
    let text = |name: Option<&str>| name.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
    let name = text(process.get("name"));
    let extension = process.first("bpmn:extensionElements").and_then(|all| all.first("baton:definition"));
    if let Some(Ok(Value::Object(mut own))) = extension.map(|own| serde_json::from_str(&own.text)) {
        let was = own.get("title").or_else(|| own.get("name")).and_then(Value::as_str).map(own::shown);
        if let Some(name) = name.filter(|name| was.as_ref().is_none_or(|was| was.trim() != own::shown(name))) {
            own.insert("title".to_owned(), json!(name));
        }
        return own;
    }
    let mut beside = Map::new();
    beside.insert("baton".to_owned(), json!("process/1"));
    let id = process.get("id").unwrap_or_default();
    let called = name.as_deref().and_then(kebab).or_else(|| kebab(id)).unwrap_or_else(|| "imported".to_owned());
    beside.insert("name".to_owned(), json!(called));
    if let Some(name) = name {
        beside.insert("title".to_owned(), json!(crate::fields::shorten(&name, 200)));
    }
    let description = process.first("bpmn:documentation").and_then(|words| text(Some(&words.text)));
    if let Some(description) = description {
        beside.insert("description".to_owned(), json!(description));
    }
    beside
}

/// What is found while a file is read.
#[derive(Debug, Default)]
struct Found(Vec<Finding>);

/// More findings than that nobody reads; one more says so.
const FINDINGS_MAX: usize = 500;

impl Found {
    /// It was left out.
    fn error(&mut self, code: &str, element: Option<&Element>, message: impl Into<String>) {
        self.push(Severity::Error, code, element, message.into());
    }

    /// It was taken over, but has to be looked at.
    fn warn(&mut self, code: &str, element: Option<&Element>, message: impl Into<String>) {
        self.push(Severity::Warning, code, element, message.into());
    }

    fn push(&mut self, severity: Severity, code: &str, element: Option<&Element>, message: String) {
        let of = |attribute: &str| {
            let value = element.and_then(|element| element.get(attribute)).unwrap_or_default().trim();
            crate::fields::shorten(value, 120)
        };
        let (id, name) = (of("id"), of("name"));
        let finding = Finding { severity, code: code.to_owned(), element: id, name, message };
        match self.0.len() {
            count if count < FINDINGS_MAX => self.0.push(finding),
            FINDINGS_MAX => self.0.push(Finding {
                code: "too-many".to_owned(),
                element: String::new(),
                name: String::new(),
                message: "There are more findings; mend these first.".to_owned(),
                ..finding
            }),
            _ => {}
        }
    }

    /// One finding for each tool that left its own things in the file.
    fn extensions(&mut self, root: &Element) {
        let mut counts: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
        let mut open = vec![root];
        while let Some(element) = open.pop() {
            if element.local() == "extensionElements" {
                for child in element.children.iter().filter(|child| !child.tag.starts_with("baton:")) {
                    let namespace = child.tag.split_once('}').map_or("none", |(uri, _)| uri.trim_start_matches('{'));
                    *counts.entry(namespace.to_owned()).or_default() += 1;
                }
                continue;
            }
            open.extend(&element.children);
        }
        for (namespace, count) in counts {
            let message = format!(
                "Extensions of another tool ({}: {count}) are not read: what they configure has to be said again.",
                crate::fields::shorten(&namespace, 100)
            );
            self.warn("foreign-extension", None, message);
        }
    }
}
