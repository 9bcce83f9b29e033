//! What a person can do to a definition. [`apply`] does it, and yields what takes it back.
//!
//! Whoever adds an edit: add it to [`Edit`], its rule to [`super::rules`], and its doing to the file here that it belongs
//! to. The inverse comes by itself, from the values that were replaced.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Kind,
    change::{Change, Draft, Forbidden},
    clipboard::Clip,
    document::{Document, PortRef, layout_pointer, position_value},
    geometry::Point,
    sagas::{self, SagaEdit},
};

pub(super) mod fresh;
mod nodes;
mod ports;
pub(super) mod scenarios;

#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// A new node with its centre there.
    Add {
        kind: Kind,
        at: Point,
    },
    /// A new node that a port leads to.
    Append {
        from: PortRef,
        kind: Kind,
        at: Point,
    },
    /// A new node in the middle of an edge.
    Insert {
        edge: PortRef,
        kind: Kind,
        at: Point,
    },
    /// A node that nothing is connected to, put into the middle of an edge.
    DropOnEdge {
        node: String,
        edge: PortRef,
    },
    /// With all their edges.
    Remove {
        nodes: Vec<String>,
    },
    /// New centres.
    Move {
        positions: BTreeMap<String, Point>,
    },
    /// New centres for all, by the automatic layout.
    Tidy {
        positions: BTreeMap<String, Point>,
    },
    /// All that lead to it follow.
    Rename {
        node: String,
        to: String,
    },
    /// None takes it away.
    SetTitle {
        node: String,
        title: Option<String>,
    },
    /// Leads a port to a node, wherever it led before.
    Connect {
        from: PortRef,
        to: String,
    },
    Disconnect {
        edge: PortRef,
    },
    /// An edge leaves by another port.
    ReconnectSource {
        edge: PortRef,
        from: PortRef,
    },
    /// Keeps what a node of the new kind can have.
    ReplaceKind {
        node: String,
        kind: Kind,
    },
    /// An event, outcome, branch, case, end or `timeout`, by what the node has; without a name one that is free.
    AddPort {
        node: String,
        name: Option<String>,
    },
    RenamePort {
        port: PortRef,
        to: String,
    },
    /// With its edge.
    RemovePort {
        port: PortRef,
    },
    /// Cases are tried in their order: moves one to another place among them, counted from 0.
    MoveCase {
        node: String,
        from: usize,
        to: usize,
    },
    /// Any value of the document by its JSON pointer; none removes it.
    Set {
        pointer: String,
        value: Option<Value>,
    },
    /// The whole document, as somebody wrote it.
    Rewrite {
        value: Value,
    },
    /// Nodes of elsewhere with new names, their middle at a place.
    Paste {
        clip: Clip,
        at: Point,
    },
    /// Of a saga. Of the others only [`Edit::Set`] and [`Edit::Rewrite`] are for sagas too.
    Saga(SagaEdit),
}

/// Does it, or says why not and changes nothing.
///
/// # Errors
///
/// The rules forbid it, or the document is broken at the place.
pub fn apply(document: &mut Document, edit: &Edit) -> Result<Change, Forbidden> {
    let mut draft = Draft::of(document);
    let is_saga = draft.document().is_saga();
    let mut change = match edit {
        Edit::Set { pointer, value } => set(&mut draft, pointer, value.clone()),
        Edit::Rewrite { value } => rewrite(&mut draft, value),
        Edit::Saga(edit) if is_saga => sagas::apply(&mut draft, edit),
        Edit::Saga(_) => Err(Forbidden::because("That is for sagas; this is a process.")),
        _ if is_saga => Err(Forbidden::because("That is for processes; this is a saga.")),
        Edit::Add { kind, at } => nodes::add(&mut draft, *kind, *at),
        Edit::Append { from, kind, at } => nodes::append(&mut draft, from, *kind, *at),
        Edit::Insert { edge, kind, at } => nodes::insert(&mut draft, edge, *kind, *at),
        Edit::DropOnEdge { node, edge } => nodes::drop_on_edge(&mut draft, node, edge),
        Edit::Remove { nodes } => nodes::remove(&mut draft, nodes),
        Edit::Move { positions } => place(&mut draft, positions, false),
        Edit::Tidy { positions } => place(&mut draft, positions, true),
        Edit::Rename { node, to } => nodes::rename(&mut draft, node, to),
        Edit::SetTitle { node, title } => nodes::set_title(&mut draft, node, title.as_deref()),
        Edit::Connect { from, to } => ports::connect(&mut draft, from, to),
        Edit::Disconnect { edge } => ports::disconnect(&mut draft, edge),
        Edit::ReconnectSource { edge, from } => ports::reconnect_source(&mut draft, edge, from),
        Edit::ReplaceKind { node, kind } => nodes::replace_kind(&mut draft, node, *kind),
        Edit::AddPort { node, name } => ports::add(&mut draft, node, name.as_deref()),
        Edit::RenamePort { port, to } => ports::rename(&mut draft, port, to),
        Edit::RemovePort { port } => ports::remove(&mut draft, port),
        Edit::MoveCase { node, from, to } => ports::move_case(&mut draft, node, *from, *to),
        Edit::Paste { clip, at } => super::clipboard::paste(&mut draft, clip, *at),
    }?;
    change.writes = draft.finish();
    Ok(change)
}

/// All of them as one step, or none.
///
/// # Errors
///
/// As [`apply`], of the first that cannot be done.
pub fn apply_all(document: &mut Document, edits: &[Edit]) -> Result<Vec<Change>, Forbidden> {
    let mut changes: Vec<Change> = Vec::with_capacity(edits.len());
    for edit in edits {
        match apply(document, edit) {
            Ok(change) => changes.push(change),
            Err(forbidden) => {
                for change in changes.iter().rev() {
                    change.inverse().apply(document);
                }
                return Err(forbidden);
            }
        }
    }
    Ok(changes)
}

fn place(draft: &mut Draft<'_>, positions: &BTreeMap<String, Point>, is_tidy: bool) -> Result<Change, Forbidden> {
    let known: Vec<(&String, &Point)> = positions.iter().filter(|(name, _)| draft.document().contains(name)).collect();
    let touched: Vec<String> = known.iter().map(|(name, _)| (*name).clone()).collect();
    for (name, at) in known {
        draft.set(&layout_pointer(name), Some(position_value(*at)))?;
    }
    let (sentence, coalesces) = match touched.as_slice() {
        [] => return Err(Forbidden::because("There is nothing to move.")),
        _ if is_tidy => ("Tidied the diagram".to_owned(), None),
        [one] => (format!("Moved {}", draft.document().title(one)), Some(format!("move {one}"))),
        several => (format!("Moved {} nodes", several.len()), Some(format!("move {}", several.join(" ")))),
    };
    Ok(Change { touched, sentence, coalesces, ..Change::default() })
}

fn set(draft: &mut Draft<'_>, pointer: &str, value: Option<Value>) -> Result<Change, Forbidden> {
    draft.set(pointer, value)?;
    if draft.document().is_saga() {
        return sagas::set(draft, pointer);
    }
    let mut tokens = pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~"));
    let node = match (tokens.next().as_deref(), tokens.next()) {
        (Some("nodes"), Some(name)) => Some(name),
        _ => None,
    };
    let field = pointer.rsplit('/').next().unwrap_or_default().to_owned();
    let sentence = match &node {
        Some(node) => format!("Changed {field} of {}", draft.document().title(node)),
        None => format!("Changed {field}"),
    };
    let coalesces = Some(format!("set {pointer}"));
    Ok(Change { touched: node.into_iter().collect(), sentence, coalesces, ..Change::default() })
}

fn rewrite(draft: &mut Draft<'_>, value: &Value) -> Result<Change, Forbidden> {
    if !value.is_object() {
        return Err(Forbidden::because("A definition is an object with `baton` and `name`."));
    }
    // Those that nobody placed stay where they were.
    let before = draft.document().positions();
    let mut written = Document::new(value.clone());
    written.place_missing(&before);
    let touched = draft.document().names().chain(written.names()).map(str::to_owned).collect();
    draft.set("", Some(written.into_value()))?;
    Ok(Change { touched, sentence: "Changed the text".to_owned(), ..Change::default() })
}

/// Leads a port to a node, or nowhere.
fn lead(draft: &mut Draft<'_>, from: &PortRef, to: Option<&str>) -> Result<(), Forbidden> {
    match draft.document().port(from) {
        Some(port) => draft.set(&port.pointer, to.map(|to| json!(to))),
        None => Err(Forbidden::because(format!("There is no way out called `{}`.", from.port))),
    }
}
