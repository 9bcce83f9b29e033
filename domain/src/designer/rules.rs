//! What may be done: asked while the pointer hovers, and again by every edit, so that both always agree.
//!
//! Only what makes a definition impossible and cannot be mended by drawing on is forbidden. Everything else is for the
//! diagnostics: a drawing is unfinished most of the time.

use serde_json::Value;

use super::{
    Kind,
    change::Forbidden,
    document::{Document, PortRef},
    edit::fresh,
    ports, sagas,
};

/// What a rule says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Allow,
    /// No, and why, for the person who tries.
    Forbid(String),
    /// It would change nothing, or nobody means it.
    Ignore,
}

impl Verdict {
    fn forbid(reason: impl Into<String>) -> Self {
        Self::Forbid(reason.into())
    }

    pub fn is_allowed(&self) -> bool {
        *self == Self::Allow
    }

    /// For edits: they are only made when they are allowed. `ignored` says what to answer when there is nothing to do.
    pub(super) fn or_forbid(self, ignored: &str) -> Result<(), Forbidden> {
        match self {
            Self::Allow => Ok(()),
            Self::Forbid(reason) => Err(Forbidden(reason)),
            Self::Ignore => Err(Forbidden::because(ignored)),
        }
    }
}

/// The most nodes of a definition.
pub const NODES_MAX: usize = 500;
/// The most bytes of a node's name.
pub const NAME_BYTES_MAX: usize = 100;
/// The most characters of the name of a message type.
pub const TYPE_CHARS_MAX: usize = 200;
/// How a called process can end.
pub const ENDINGS: [&str; 5] = ["completed", "failed", "cancelled", "compensated", "refused"];
const TO_START: &str = "Nothing can lead back to the start; lead to the node after it.";

/// Whether an edge may lead from a port to a node.
pub fn connect(document: &Document, from: &PortRef, to: &str) -> Verdict {
    let Some(port) = document.port(from) else { return no_port(document, from) };
    if !document.contains(to) {
        return Verdict::forbid(format!("There is no node `{to}`."));
    }
    if document.kind_of(to) == Kind::Start {
        return Verdict::forbid(TO_START);
    }
    if port.target.as_deref() == Some(to) { Verdict::Ignore } else { Verdict::Allow }
}

/// Whether an edge may leave by another port from now on.
pub fn reconnect_source(document: &Document, edge: &PortRef, from: &PortRef) -> Verdict {
    let Some(target) = document.port(edge).and_then(|port| port.target) else { return no_port(document, edge) };
    if edge == from {
        return Verdict::Ignore;
    }
    match document.port(from) {
        None => no_port(document, from),
        Some(port) if document.is_open(&port) => connect(document, from, &target),
        Some(_) => Verdict::forbid(format!("{} leads somewhere already.", port_words(document, from))),
    }
}

/// Whether a node of this kind can be added at all.
pub fn add(document: &Document, kind: Kind) -> Verdict {
    match kind {
        kind if document.is_saga() => sagas::rules::add(document, kind),
        Kind::Event | Kind::Step | Kind::Undo | Kind::Reaction => Verdict::forbid("That is for sagas."),
        Kind::Unknown => Verdict::forbid("There are no nodes of that kind."),
        Kind::Start if document.start().is_some() => {
            Verdict::forbid("There is a start already; a process has exactly one.")
        }
        _ => room_for(document, 1),
    }
}

pub(super) fn room_for(document: &Document, more: usize) -> Verdict {
    if document.len() + more > NODES_MAX {
        return Verdict::forbid(format!("A process has at most {NODES_MAX} nodes."));
    }
    Verdict::Allow
}

/// Whether a new node of this kind may follow after a port.
pub fn append(document: &Document, from: &PortRef, kind: Kind) -> Verdict {
    if document.port(from).is_none() {
        return no_port(document, from);
    }
    match kind {
        Kind::Start => Verdict::forbid(TO_START),
        kind => add(document, kind),
    }
}

/// Whether a new node of this kind can be put into an edge.
pub fn insert(document: &Document, edge: &PortRef, kind: Kind) -> Verdict {
    if document.target(edge).is_none() {
        return Verdict::forbid("There is no edge to put it into.");
    }
    match kind {
        Kind::End => Verdict::forbid("An end leads nowhere, so it cannot stand in the middle of an edge."),
        kind => append(document, edge, kind),
    }
}

/// Whether a node may be dropped on an edge, to stand in the middle of it.
pub fn drop_on_edge(document: &Document, node: &str, edge: &PortRef) -> Verdict {
    let Some(target) = document.target(edge) else { return Verdict::Ignore };
    if !document.contains(node) || edge.node == node || target == node {
        return Verdict::Ignore;
    }
    let ports = document.ports(node);
    if ports.iter().any(|port| !document.is_open(port)) || !document.incoming(node).is_empty() {
        // It has its place already; whoever moves it across an edge only moves it.
        return Verdict::Ignore;
    }
    match document.kind_of(node) {
        Kind::Start => Verdict::forbid(TO_START),
        _ if ports.is_empty() => Verdict::forbid(format!(
            "{} leads nowhere, so it cannot stand in the middle of an edge.",
            document.title(node)
        )),
        _ => Verdict::Allow,
    }
}

/// Whether a node may become one of another kind.
pub fn replace(document: &Document, node: &str, kind: Kind) -> Verdict {
    if !document.contains(node) {
        return Verdict::forbid(format!("There is no node `{node}`."));
    }
    let is = document.kind_of(node);
    match kind {
        Kind::Unknown => Verdict::forbid("There are no nodes of that kind."),
        kind if kind == is => Verdict::Ignore,
        Kind::Start if document.start().is_some() => add(document, Kind::Start),
        Kind::Start if !document.incoming(node).is_empty() => Verdict::forbid(TO_START),
        _ => Verdict::Allow,
    }
}

/// Whether a node can be called that.
pub fn rename(document: &Document, node: &str, name: &str) -> Verdict {
    if !document.contains(node) {
        return Verdict::forbid(format!("There is no node `{node}`."));
    }
    if node == name {
        return Verdict::Ignore;
    }
    match self::name(name) {
        Verdict::Allow if document.contains(name) => {
            Verdict::forbid(format!("There is a node `{name}` already; names are unique."))
        }
        verdict => verdict,
    }
}

/// Whether that can be the name of a node, an outcome or a branch: lower-case words with hyphens between them.
pub fn name(name: &str) -> Verdict {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if name.is_empty() {
        return Verdict::forbid("A name cannot be empty.");
    }
    if name.len() > NAME_BYTES_MAX {
        return Verdict::forbid(format!("A name has at most {NAME_BYTES_MAX} characters."));
    }
    if !name.split('-').all(is_word) || !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Verdict::forbid(
            "Use lower-case letters, digits and single hyphens, beginning with a letter, as in `book-flight`.",
        );
    }
    Verdict::Allow
}

/// Whether a node can have a port of that name besides those that it has.
pub fn port_name(document: &Document, node: &str, port: &str) -> Verdict {
    if document.ports(node).iter().any(|it| it.name == port) {
        return Verdict::forbid(format!("{} has `{port}` already.", document.title(node)));
    }
    let is_map = |field: &str| document.node(node).and_then(|node| node.get(field)).is_some_and(Value::is_object);
    match document.kind_of(node) {
        _ if port == ports::TIMEOUT => match document.kind_of(node) {
            Kind::Command | Kind::Wait | Kind::Approval | Kind::Fork | Kind::Call | Kind::ForEach => Verdict::Allow,
            _ => Verdict::forbid(format!("{} does not wait, so it has no time-out.", document.title(node))),
        },
        Kind::Command | Kind::Wait => message_type(port),
        Kind::Approval | Kind::Fork => name(port),
        Kind::Call if ENDINGS.contains(&port) => Verdict::Allow,
        Kind::Call => Verdict::forbid(format!("`{port}` is no end of a process; known are: {}.", ENDINGS.join(", "))),
        Kind::Decide => Verdict::forbid("Cases have numbers, not names; write their condition instead."),
        Kind::Unknown if ports::MAPS.into_iter().any(is_map) => message_type(port),
        _ => Verdict::forbid(format!("There is only one way out of {}.", document.title(node))),
    }
}

pub(super) fn message_type(text: &str) -> Verdict {
    if text.is_empty() {
        return Verdict::forbid("The name of an event cannot be empty.");
    }
    if text.chars().count() > TYPE_CHARS_MAX {
        return Verdict::forbid(format!("The name of an event has at most {TYPE_CHARS_MAX} characters."));
    }
    if text.starts_with("baton.") {
        return Verdict::forbid("Message types that begin with `baton.` are Baton's own.");
    }
    Verdict::Allow
}

/// Whether a port can be given another name.
pub fn rename_port(document: &Document, port: &PortRef, name: &str) -> Verdict {
    if document.port(port).is_none() {
        return no_port(document, port);
    }
    if port.port == name {
        return Verdict::Ignore;
    }
    match fresh::port_map(document, port) {
        Some(_) if name == ports::TIMEOUT => {
            Verdict::forbid("`timeout` is a time-out; add one instead of renaming this.")
        }
        Some(_) => port_name(document, &port.node, name),
        None => Verdict::forbid(format!("`{}` is what this way is always called.", port.port)),
    }
}

/// Whether a port can be taken away, with the edge that leaves it.
pub fn remove_port(document: &Document, port: &PortRef) -> Verdict {
    if document.port(port).is_none() {
        return no_port(document, port);
    }
    if fresh::port_map(document, port).is_some()
        || port.port == ports::TIMEOUT
        || (document.kind_of(&port.node) == Kind::Decide && ports::case_index(&port.port).is_some())
    {
        return Verdict::Allow;
    }
    Verdict::forbid(format!("{} always has this way out; remove its edge instead.", document.title(&port.node)))
}

fn no_port(document: &Document, port: &PortRef) -> Verdict {
    if !document.contains(&port.node) {
        return Verdict::forbid(format!("There is no node `{}`.", port.node));
    }
    let title = document.title(&port.node);
    match document.kind_of(&port.node) {
        Kind::End => Verdict::forbid(format!("{title} is an end: nothing follows it.")),
        _ => Verdict::forbid(format!("{title} has no way out called `{}`.", port.port)),
    }
}

/// `approve of Employee`, or the node alone where there is one way only.
pub fn port_words(document: &Document, port: &PortRef) -> String {
    let title = document.title(&port.node);
    match document.port(port) {
        Some(found) if !found.label.is_empty() => format!("{} of {title}", found.label),
        _ => title,
    }
}
