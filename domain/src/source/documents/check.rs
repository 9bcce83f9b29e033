//! What must be true of the settings before a document is read.

use super::{DOCUMENT, DocumentMode, DocumentSource, terms};
use crate::{
    diagnostic::Diagnostic,
    source::{
        settings::{BATCH_MAX, Encoding, POLL_MS_MAX, POLL_MS_MIN},
        term::Take,
    },
};

/// MongoDB's own limits of names, in bytes.
const DATABASE_BYTES_MAX: usize = 63;
const COLLECTION_BYTES_MAX: usize = 200;
const PATH_BYTES_MAX: usize = 400;

/// Every finding about `settings`; pointers lead into them. Nothing is asked over there for it.
pub fn check(settings: &DocumentSource) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    names(settings, &mut found);
    fields(settings, &mut found);
    mapping(settings, &mut found);
    bounds(settings, &mut found);
    found
}

fn names(settings: &DocumentSource, found: &mut Vec<Diagnostic>) {
    let DocumentSource { server, database, collection, .. } = settings;
    let place = server.strip_prefix("env:").or_else(|| server.strip_prefix("file:"));
    if place.is_none_or(str::is_empty) {
        let message = "The address holds a password, so it is kept elsewhere: name the environment variable (`env:NAME`) or the \
                       file (`file:PATH`) that holds it.";
        found.push(Diagnostic::error("no-reference", "/server", message));
    }
    let odd = |c: char| matches!(c, '/' | '\\' | '.' | ' ' | '"' | '$' | '\0');
    if database.is_empty() || database.len() > DATABASE_BYTES_MAX || database.contains(odd) {
        let message = format!(
            "`{database}` is no name of a database: 1 to {DATABASE_BYTES_MAX} bytes, none of / \\ . \" $ or a blank."
        );
        found.push(Diagnostic::error("wrong-name", "/database", message));
    }
    if collection.is_empty()
        || collection.len() > COLLECTION_BYTES_MAX
        || collection.contains(['$', '\0'])
        || collection.starts_with("system.")
    {
        let message = format!(
            "`{collection}` is no name of a collection that can be read: 1 to {COLLECTION_BYTES_MAX} bytes without $, and not one \
             of the server's own (system.…)."
        );
        found.push(Diagnostic::error("wrong-name", "/collection", message));
    }
}

fn fields(settings: &DocumentSource, found: &mut Vec<Diagnostic>) {
    path("/events", &settings.events, found);
    path("/mapping/key", &settings.mapping.key, found);
    if settings.events == "_id" || settings.events.starts_with("_id.") {
        found.push(Diagnostic::error("wrong-name", "/events", "The id of a document cannot hold its events."));
    }
    match (settings.mode, &settings.published_at) {
        (DocumentMode::Pull, Some(_)) => {
            found.push(Diagnostic::error("no-mark", "/published_at", "Only the mode mark has a field to mark."));
        }
        (DocumentMode::Mark, _) => {
            let name = settings.published_at();
            path("/published_at", name, found);
            if name == settings.mapping.key {
                let message = "The key of an event cannot also say when it was taken in.";
                found.push(Diagnostic::error("no-mark", "/published_at", message));
            }
        }
        (DocumentMode::Pull, None) => {}
    }
}

/// A path with dots to a field; parts that are numbers would mean places in lists.
fn path(pointer: &str, path: &str, found: &mut Vec<Diagnostic>) {
    let is_name = |part: &str| {
        !part.is_empty() && !part.starts_with('$') && !part.contains('\0') && !part.bytes().all(|b| b.is_ascii_digit())
    };
    if path.len() > PATH_BYTES_MAX || !path.split('.').all(is_name) {
        let message =
            format!("`{path}` is no path to a field: names with dots between them, none a number or beginning with $.");
        found.push(Diagnostic::error("wrong-name", pointer, message));
    }
}

fn mapping(settings: &DocumentSource, found: &mut Vec<Diagnostic>) {
    for (field, term) in terms(&settings.mapping) {
        let pointer = format!("/mapping/{field}");
        let take = match Take::parse(term) {
            Ok(take) => take,
            Err(error) => {
                found.push(Diagnostic::error("term", pointer, error.to_string()));
                continue;
            }
        };
        for (name, place) in take.columns() {
            if name == DOCUMENT && place.is_none_or(|place| place.len() < 2) {
                let message = format!("Name a place in the document, as in {DOCUMENT}#/_id.");
                found.push(Diagnostic::error("term", pointer.clone(), message));
            } else if name.starts_with('$') && name != DOCUMENT {
                let message = format!("No field begins with $; the document around an event is {DOCUMENT}.");
                found.push(Diagnostic::error("missing-column", pointer.clone(), message));
            }
        }
    }
    if settings.mapping.order.is_some() {
        let message = "Events stand in their list in the order that they happened in; leave this out.";
        found.push(Diagnostic::error("no-order", "/mapping/order", message));
    }
    if !matches!(settings.mapping.encoding, Encoding::Json | Encoding::Text) {
        let message = "What stands in a document is read as it is: json, or text for a payload that is kept as a text.";
        found.push(Diagnostic::error("wrong-type", "/mapping/encoding", message));
    }
}

fn bounds(settings: &DocumentSource, found: &mut Vec<Diagnostic>) {
    for (field, value, low, high) in
        [("poll_ms", settings.poll_ms, POLL_MS_MIN, POLL_MS_MAX), ("batch", settings.batch, 1, BATCH_MAX)]
    {
        if !(low..=high).contains(&value) {
            let message = format!("{field} is {value}; it goes from {low} to {high}");
            found.push(Diagnostic::error("range", format!("/{field}"), message));
        }
    }
}
