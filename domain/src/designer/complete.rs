//! Completing names while an expression is typed: what a place can see, as far as the document says it.
//!
//! It is work on texts, since CEL is not in the browser: the path before the caret is found backwards, and what the document
//! knows about it is offered. Whether the whole is an expression is said by the check.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Map, Value};

use super::{document::Document, sagas};
use crate::definition::wire::Wire;

/// What is offered at most: as much as is seen at once.
const CANDIDATES_MAX: usize = 12;
/// How deep schemas and values are looked into for names.
const DEPTH_MAX: usize = 12;

/// What a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known {
    /// `input`, `vars` and so on.
    Root,
    Variable,
    Field,
    /// Written behind a dot, with parentheses.
    Method,
    Function,
    /// Of messages or aggregates: no expression.
    Type,
}

impl Known {
    pub fn word(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Variable => "variable",
            Self::Field => "field",
            Self::Method | Self::Function => "function",
            Self::Type => "type",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What is written.
    pub text: String,
    pub known: Known,
    /// What it is, in a few words; may be empty.
    pub detail: String,
}

/// What can stand at the caret, and which part of the text it takes the place of, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    pub from: usize,
    pub to: usize,
    pub candidates: Vec<Candidate>,
}

const ROOTS: [(&str, &str); 6] = [
    ("input", "what it was started with"),
    ("vars", "its variables"),
    ("event", "the event that came"),
    ("form", "what the person entered"),
    ("instance", "this instance"),
    ("now", "this instant"),
];
const INSTANCE: [&str; 5] = ["id", "definition", "business_key", "started_by", "started_at"];
const EVENT: [&str; 11] = [
    "type",
    "payload",
    "id",
    "source",
    "aggregate_type",
    "aggregate_id",
    "correlation_id",
    "causation_id",
    "headers",
    "aggregate_version",
    "created_at",
];
const FUNCTIONS: [(&str, &str); 9] = [
    ("size", "how many, or how long"),
    ("string", "as a text"),
    ("int", "as a whole number"),
    ("double", "as a number"),
    ("bool", "as yes or no"),
    ("duration", "a length of time, such as duration('5m')"),
    ("timestamp", "an instant"),
    ("has", "whether there is such a field"),
    ("matches", "whether a text fits a pattern"),
];
const METHODS: [(&str, &str); 16] = [
    ("size", "how many, or how long"),
    ("first", "the first item"),
    ("min_by", "the item whose field is smallest"),
    ("max_by", "the item whose field is largest"),
    ("sort_by", "in the order of a field"),
    ("sum", "the sum"),
    ("map", "each item changed: map(x, …)"),
    ("filter", "the items for which: filter(x, …)"),
    ("all", "whether for each item: all(x, …)"),
    ("exists", "whether for one item: exists(x, …)"),
    ("exists_one", "whether for exactly one item"),
    ("contains", "whether a text has another in it"),
    ("startsWith", "whether a text begins with another"),
    ("endsWith", "whether a text ends with another"),
    ("matches", "whether a text fits a pattern"),
    ("getFullYear", "the year of an instant"),
];

/// The field that is typed into.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub node: &'a str,
    /// Of the field in the document.
    pub pointer: &'a str,
    /// Whether it is JSON with expressions in its strings, rather than a text or an expression.
    pub is_json: bool,
}

/// What can stand at byte `caret` of the text of a field. None where no expression is typed, or nothing fits.
pub fn complete(document: &Document, place: Place<'_>, text: &str, caret: usize) -> Option<Completion> {
    let Place { node, pointer, is_json } = place;
    let before = text.get(..caret)?;
    let source = if is_json { in_json(before)? } else { before.trim_start().strip_prefix('=')? };
    // `==` begins a text; so do quotes that are not closed.
    let plain = if is_json { source.replace("\\\"", "\"") } else { source.to_owned() };
    if source.starts_with('=') || is_quoted(&plain) {
        return None;
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let prefix = &source[source
        .rfind(|c: char| !is_part(c))
        .map_or(0, |at| at + source[at..].chars().next().map_or(1, char::len_utf8))..];
    if prefix.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let rest = &source[..source.len() - prefix.len()];
    // Behind a value no other begins, and what Tab would take over there nobody asked for.
    let is_behind =
        rest.trim_end().ends_with(|c: char| c.is_alphanumeric() || matches!(c, ')' | ']' | '\'' | '"' | '_'));
    let mut candidates = match rest.strip_suffix('.') {
        None if is_behind => return None,
        None => roots(document, node, pointer),
        Some(owner) => members(document, node, pointer, owner)?,
    };
    candidates.retain(|candidate| is_like(&candidate.text, prefix));
    candidates.sort_by_key(|candidate| (!candidate.text.starts_with(prefix), candidate.known, candidate.text.clone()));
    candidates.dedup_by(|a, b| a.text == b.text && a.known == b.known);
    candidates.truncate(CANDIDATES_MAX);
    let after = text[caret..].find(|c: char| !is_part(c)).unwrap_or(text.len() - caret);
    let (from, to) = (caret - prefix.len(), caret + after);
    // Whoever has typed a whole name leaves the field by Tab.
    let is_done = candidates.iter().any(|candidate| text[from..to] == candidate.text);
    (!candidates.is_empty() && !is_done).then_some(Completion { from, to, candidates })
}

/// Types that can stand in the field at `pointer`: of commands where one is sent, of aggregates where it goes to, of events
/// where they are told by. None for an expression, and where nothing fits.
pub fn types(wire: &Wire, pointer: &str, text: &str, caret: usize) -> Option<Completion> {
    let (known, word) = match pointer.rsplit('/').next()? {
        "send" => (&wire.commands, "command"),
        "to" => (&wire.aggregate_types, "aggregate type"),
        "done" | "failed" => (&wire.events, "event"),
        _ => return None,
    };
    let typed = text.get(..caret)?;
    if text.starts_with(['=', '[']) || known.contains(text) {
        return None;
    }
    let mut names: Vec<&String> = known.iter().filter(|name| is_like(name, typed)).collect();
    names.sort_by_key(|name| !name.starts_with(typed));
    let candidates: Vec<Candidate> = names
        .into_iter()
        .take(CANDIDATES_MAX)
        .map(|name| Candidate { text: name.clone(), known: Known::Type, detail: word.to_owned() })
        .collect();
    (!candidates.is_empty()).then_some(Completion { from: 0, to: text.len(), candidates })
}

/// The text with a candidate in its place, and where the caret is then, in bytes.
pub fn accept(text: &str, completion: &Completion, candidate: &Candidate) -> (String, usize) {
    let (before, after) = (&text[..completion.from], &text[completion.to..]);
    let call = match candidate.known {
        Known::Method | Known::Function if !after.starts_with('(') => "(",
        _ => "",
    };
    let written = format!("{before}{}{call}", candidate.text);
    let caret = written.len();
    (written + after, caret)
}

/// A caret as browsers count it, in UTF-16 units, as a byte of the text.
pub fn byte_of(text: &str, units: usize) -> usize {
    let mut seen = 0;
    for (at, c) in text.char_indices() {
        if seen >= units {
            return at;
        }
        seen += c.len_utf16();
    }
    text.len()
}

/// And back.
pub fn units_of(text: &str, byte: usize) -> usize {
    text.get(..byte).map_or(0, |before| before.encode_utf16().count())
}

/// Letters in the order of the name, the first one first: `mb` finds `min_by`.
fn is_like(name: &str, prefix: &str) -> bool {
    if prefix.is_empty() {
        return true;
    }
    let (name, prefix) = (name.to_ascii_lowercase(), prefix.to_ascii_lowercase());
    let mut letters = name.chars();
    name.chars().next() == prefix.chars().next() && prefix.chars().all(|wanted| letters.any(|letter| letter == wanted))
}

/// The expression in the string of JSON that is open at the end, if it is one.
fn in_json(before: &str) -> Option<&str> {
    let mut open = None;
    let mut is_escaped = false;
    for (at, c) in before.char_indices() {
        match (open, c) {
            (Some(_), _) if is_escaped => is_escaped = false,
            (Some(_), '\\') => is_escaped = true,
            (Some(_), '"') => open = None,
            (None, '"') => open = Some(at + 1),
            _ => {}
        }
    }
    match open {
        Some(at) => before[at..].strip_prefix('='),
        // The whole field may be an expression.
        None => before.trim_start().strip_prefix('='),
    }
}

/// Whether a quote is open at the end.
fn is_quoted(source: &str) -> bool {
    let mut open = None;
    let mut is_escaped = false;
    for c in source.chars() {
        match (open, c) {
            (Some(_), _) if is_escaped => is_escaped = false,
            (Some(quote), c) if c == quote => open = None,
            (Some(_), '\\') => is_escaped = true,
            (None, '\'' | '"') => open = Some(c),
            _ => {}
        }
    }
    open.is_some()
}

fn roots(document: &Document, node: &str, pointer: &str) -> Vec<Candidate> {
    let sees = |root: &str| match root {
        root if document.is_saga() => sagas::sees(pointer, root),
        "event" => sees_event(pointer),
        "form" => form_of(document, node, pointer).is_some(),
        "input" | "vars" | "instance" | "now" => true,
        _ => false,
    };
    let roots = ROOTS.iter().filter(|(root, _)| sees(root)).map(|(text, detail)| candidate(text, Known::Root, detail));
    roots.chain(FUNCTIONS.iter().map(|(text, detail)| candidate(text, Known::Function, detail))).collect()
}

/// What stands behind a dot; none behind something that is no value.
fn members(document: &Document, node: &str, pointer: &str, owner: &str) -> Option<Vec<Candidate>> {
    let is_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let path = &owner[owner
        .rfind(|c: char| !is_path(c))
        .map_or(0, |at| at + owner[at..].chars().next().map_or(1, char::len_utf8))..];
    // `1.` is a number; behind nothing, a dot is nothing.
    if path.starts_with(|c: char| c.is_ascii_digit()) || (path.is_empty() && !owner.ends_with([')', ']', '"', '\''])) {
        return None;
    }
    let names: Vec<&str> = path.split('.').collect();
    let fields = |names: &[&str], known: Known| names.iter().map(|name| candidate(name, known, "")).collect::<Vec<_>>();
    let schema = document.value().get("input");
    let mut found = match names.as_slice() {
        [root, ..] if document.is_saga() && !sagas::sees(pointer, root) && is_root(root) => Vec::new(),
        ["event"] if document.is_saga() => fields(&EVENT, Known::Field),
        ["vars"] if document.is_saga() => sagas::variables(document, pointer),
        // What a saga was started with has no schema; other expressions know something of it.
        ["input", ..] if document.is_saga() => mentioned(document, &names),
        ["input", rest @ ..] => of_schema(schema, rest),
        ["form", rest @ ..] => of_schema(form_of(document, node, pointer), rest),
        ["vars"] => variables(document, node),
        ["instance"] => fields(&INSTANCE, Known::Field),
        ["event"] if sees_event(pointer) => fields(&EVENT, Known::Field),
        // What other expressions read of payloads, and of variables, they probably have.
        ["event", "payload", ..] | ["vars", _, ..] => mentioned(document, &names),
        _ => Vec::new(),
    };
    if !matches!(names.as_slice(), ["input" | "vars" | "event" | "form" | "instance"]) {
        found.extend(METHODS.iter().map(|(text, detail)| candidate(text, Known::Method, detail)));
    }
    Some(found)
}

pub(super) fn candidate(text: &str, known: Known, detail: &str) -> Candidate {
    Candidate { text: text.to_owned(), known, detail: detail.to_owned() }
}

fn is_root(name: &str) -> bool {
    ROOTS.iter().any(|(root, _)| *root == name)
}

/// Where a reply or an awaited event has just come.
fn sees_event(pointer: &str) -> bool {
    let parts: Vec<&str> = pointer.split('/').skip(3).collect();
    matches!(parts.as_slice(), ["on", _, field, ..] if *field != "after")
        || matches!(parts.first(), Some(&("undo" | "match")))
}

/// The form that was filled in where an outcome sets variables.
fn form_of<'a>(document: &'a Document, node: &str, pointer: &str) -> Option<&'a Value> {
    let parts: Vec<&str> = pointer.split('/').skip(3).collect();
    let ["outcomes", outcome, "set", ..] = parts.as_slice() else { return None };
    let outcome = outcome.replace("~1", "/").replace("~0", "~");
    document.node(node)?.get("outcomes")?.get(&outcome)?.get("form")
}

/// The properties at a path of a schema, with what they are.
fn of_schema(schema: Option<&Value>, path: &[&str]) -> Vec<Candidate> {
    let mut schema = schema;
    for name in path.iter().take(DEPTH_MAX) {
        schema = schema.and_then(|schema| schema.get("properties")?.get(name));
    }
    let properties = schema.and_then(|schema| schema.get("properties")).and_then(Value::as_object);
    let property = |(name, property): (&String, &Value)| {
        let text = |field: &str| property.get(field).and_then(Value::as_str).unwrap_or_default();
        let detail = [text("type"), text("title")].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        candidate(name, Known::Field, &detail.join(", "))
    };
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    properties.into_iter().flatten().filter(|(name, _)| is_name(name)).map(property).collect()
}

/// The variables that are set on some way to a node, and who sets them.
fn variables(document: &Document, node: &str) -> Vec<Candidate> {
    let mut seen: HashSet<String> = HashSet::new();
    let mut open = vec![node.to_owned()];
    let mut found = Vec::new();
    while let Some(name) = open.pop() {
        for port in document.incoming(&name) {
            let Some(value) = document.node(&port.node).filter(|_| seen.insert(port.node.clone())) else { continue };
            let title = document.title(&port.node);
            let mut names = BTreeSet::new();
            set_in(value, 0, &mut names);
            for field in ["as", "into"] {
                names.extend(value.get(field).and_then(Value::as_str).map(str::to_owned));
            }
            found.extend(names.into_iter().map(|name| candidate(&name, Known::Variable, &format!("set at {title}"))));
            open.push(port.node);
        }
    }
    found.sort_by(|a, b| a.text.cmp(&b.text));
    found.dedup_by(|a, b| a.text == b.text);
    found
}

/// The names that `set` assigns, in a node and in its ports.
fn set_in(value: &Value, depth: usize, names: &mut BTreeSet<String>) {
    let inside = |value: &Value, names: &mut BTreeSet<String>| {
        if depth < 3 {
            set_in(value, depth + 1, names);
        }
    };
    match value {
        Value::Object(map) => {
            names.extend(map.get("set").and_then(Value::as_object).into_iter().flat_map(Map::keys).cloned());
            let ports = map.iter().filter(|(key, _)| !matches!(key.as_str(), "set" | "payload" | "input" | "form"));
            ports.for_each(|(_, value)| inside(value, names));
        }
        Value::Array(items) => items.iter().for_each(|item| inside(item, names)),
        _ => {}
    }
}

/// What follows a path in the expressions of the document.
pub(super) fn mentioned(document: &Document, path: &[&str]) -> Vec<Candidate> {
    let path = format!("{}.", path.join("."));
    let mut names = BTreeSet::new();
    let mut open: Vec<&Value> = match document.is_saga() {
        true => vec![document.value()],
        false => document.nodes().map(|(_, node)| node).collect(),
    };
    while let Some(value) = open.pop() {
        match value {
            Value::Object(map) => open.extend(map.values()),
            Value::Array(items) => open.extend(items),
            Value::String(text) if text.starts_with('=') => {
                for (at, _) in text.match_indices(&path) {
                    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
                    let is_whole = !text[..at].ends_with(|c: char| is_part(c) || c == '.');
                    let rest = &text[at + path.len()..];
                    let name = &rest[..rest.find(|c: char| !is_part(c)).unwrap_or(rest.len())];
                    let is_call = rest[name.len()..].starts_with('(');
                    if is_whole && !is_call && !name.is_empty() {
                        names.insert(name.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    names.iter().map(|name| candidate(name, Known::Field, "read elsewhere")).collect()
}
