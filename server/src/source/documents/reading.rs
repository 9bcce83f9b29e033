//! A document, read as the events in it: pure.

use baton_domain::source::{DocumentMode, DocumentSource, Plan, documents};
use chrono::{DateTime, Utc};
use mongodb::bson::{Bson, Document, doc};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::values::{self, Converted, brief};
use crate::source::Found;

/// One event, and how it is named when it is settled.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub found: Found,
    pub handle: Handle,
}

/// How an event is named to the server.
#[derive(Debug, Clone, PartialEq)]
pub enum Handle {
    /// By the value of its key.
    Key(Bson),
    /// By its whole value, because it has no key.
    Whole(Bson),
    /// Not at all: it stays where it is, and is told of once.
    Nothing,
}

impl Handle {
    pub fn key(&self) -> Option<&Bson> {
        if let Self::Key(key) = self { Some(key) } else { None }
    }

    pub fn whole(&self) -> Option<&Bson> {
        if let Self::Whole(whole) = self { Some(whole) } else { None }
    }
}

/// Reads the documents of one source.
#[derive(Debug)]
pub struct Reading {
    settings: DocumentSource,
    plan: Plan,
}

impl Reading {
    pub fn new(settings: DocumentSource, plan: Plan) -> Self {
        Self { settings, plan }
    }

    /// The events of a document that were not taken in, in their order.
    pub fn events(&self, document: &Document, now: DateTime<Utc>) -> Vec<Event> {
        let around = Around::of(document, &self.settings.events);
        match at(document, &self.settings.events) {
            None | Some(Bson::Null | Bson::Undefined) => Vec::new(),
            Some(Bson::Array(items)) => {
                let open = items.iter().filter(|item| !self.is_marked(item));
                open.map(|item| self.event(&around, item, now)).collect()
            }
            Some(other) => {
                let path = &self.settings.events;
                let why = format!(
                    "`{path}` of this document is {}, not a list, so there are no events in it. Make it a list; it is read then.",
                    kind_of(other)
                );
                vec![Event { found: around.refused(path, other, why), handle: Handle::Nothing }]
            }
        }
    }

    fn is_marked(&self, item: &Bson) -> bool {
        let mark = |event| at(event, self.settings.published_at());
        self.settings.mode == DocumentMode::Mark
            && item.as_document().and_then(mark).is_some_and(|mark| !matches!(mark, Bson::Null))
    }

    fn event(&self, around: &Around, item: &Bson, now: DateTime<Utc>) -> Event {
        let Bson::Document(event) = item else {
            let why = format!("This is {}, not an event with fields.", kind_of(item));
            // Nothing can be set in it.
            let marks = self.settings.mode == DocumentMode::Mark;
            let handle = if marks { Handle::Nothing } else { Handle::Whole(item.clone()) };
            return Event { found: around.refused(&digest(item), item, why), handle };
        };
        let path = &self.settings.mapping.key;
        let key = match at(event, path) {
            Some(key) if tells_apart(key) => key,
            other => {
                let what = other.map_or("nothing", kind_of);
                let why = format!(
                    "There is {what} under `{path}`, by which the events of a document are told apart; every event needs a text, \
                     a number, an ObjectId or a UUID there."
                );
                return Event { found: around.refused(&digest(item), item, why), handle: Handle::Whole(item.clone()) };
            }
        };
        Event { found: self.found(around, event, &brief(key), now), handle: Handle::Key(key.clone()) }
    }

    fn found(&self, around: &Around, event: &Document, key: &str, now: DateTime<Utc>) -> Found {
        let Converted { value, problems } = values::object(event);
        let mut row = match value {
            Value::Object(row) => row,
            _ => Map::new(),
        };
        let problem = problems.first().map(|one| format!("{}: {}", one.pointer, one.what));
        let message = match problem.or_else(|| around.problem()) {
            Some(problem) => Err(format!("{problem}. That has no place in a message.")),
            None => {
                row.insert(documents::DOCUMENT.to_owned(), around.document.value.clone());
                row.insert(documents::KEY.to_owned(), documents::key_text(&around.id, key).into());
                let message = self.plan.convert(&row, now);
                row.remove(documents::DOCUMENT);
                row.remove(documents::KEY);
                message
            }
        };
        Found { place: documents::place(&around.id, key), row: Value::Object(row), message }
    }
}

/// What is around the events of a document.
struct Around {
    id: String,
    document: Converted,
}

impl Around {
    fn of(document: &Document, events: &str) -> Self {
        let id = document.get("_id").map_or_else(|| "?".to_owned(), brief);
        Self { id, document: values::object(&without(document, events)) }
    }

    fn problem(&self) -> Option<String> {
        self.document.problems.first().map(|one| format!("{}{}: {}", documents::DOCUMENT, one.pointer, one.what))
    }

    fn refused(&self, key: &str, what: &Bson, why: String) -> Found {
        let row = match values::value(what).value {
            Value::Object(row) => Value::Object(row),
            other => json!({ "value": other }),
        };
        Found { place: documents::place(&self.id, key), row, message: Err(why) }
    }
}

/// What stands at a path with dots.
pub fn at<'a>(document: &'a Document, path: &str) -> Option<&'a Bson> {
    let mut parts = path.split('.');
    let first = document.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.as_document()?.get(part))
}

/// The document without what stands at `path`, which may be most of it.
fn without(document: &Document, path: &str) -> Document {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let mut kept = Document::new();
    for (name, value) in document {
        match (name == first, rest, value) {
            (false, ..) => _ = kept.insert(name, value.clone()),
            (true, Some(rest), Bson::Document(inner)) => _ = kept.insert(name, without(inner, rest)),
            (true, ..) => {}
        }
    }
    kept
}

/// Whether events can be named by it: equal to itself and to nothing else, and no pattern.
fn tells_apart(key: &Bson) -> bool {
    match key {
        Bson::String(text) => !text.is_empty(),
        Bson::Double(number) => number.is_finite(),
        Bson::Int32(_) | Bson::Int64(_) | Bson::Decimal128(_) | Bson::ObjectId(_) | Bson::Binary(_) => true,
        _ => false,
    }
}

/// Something short that is the same for the same value.
fn digest(value: &Bson) -> String {
    let bytes = doc! { "": value }.to_vec().unwrap_or_default();
    let hash = Sha256::digest(bytes);
    let short: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("without a key, {short}")
}

pub fn kind_of(value: &Bson) -> &'static str {
    match value {
        Bson::Null | Bson::Undefined => "nothing",
        Bson::String(text) if text.is_empty() => "an empty text",
        Bson::String(_) | Bson::Symbol(_) => "a text",
        Bson::Boolean(_) => "a truth value",
        Bson::Double(number) if !number.is_finite() => "no number",
        Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) | Bson::Decimal128(_) => "a number",
        Bson::DateTime(_) => "a date",
        Bson::ObjectId(_) => "an ObjectId",
        Bson::Binary(_) => "binary data",
        Bson::Array(_) => "a list",
        Bson::Document(_) => "an object",
        _ => "a value of a special kind",
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::oid::ObjectId;

    use super::*;

    fn reading(change: impl FnOnce(&mut DocumentSource)) -> Reading {
        let mut settings = DocumentSource::example("env:SHOP", "shop", "orders");
        change(&mut settings);
        assert_eq!(documents::check(&settings), []);
        let (mapping, shape) = settings.for_plan();
        let plan = Plan::of("shop", &mapping, &shape).unwrap();
        Reading::new(settings, plan)
    }

    fn events(reading: &Reading, document: Document) -> Vec<Event> {
        reading.events(&document, DateTime::UNIX_EPOCH)
    }

    fn refusal(event: &Event) -> &str {
        event.found.message.as_ref().unwrap_err()
    }

    #[test]
    fn events_come_in_their_order_with_the_id_of_their_document() {
        let id = ObjectId::parse_str("65f0c0ffee65f0c0ffee65f0").unwrap();
        let list = [("b", 1), ("a", 2)].map(|(id, n)| doc! { "id": id, "type": "Placed", "payload": { "n": n } });
        let found = events(&reading(|_| {}), doc! { "_id": id, "outbox": list.to_vec() });
        let messages: Vec<_> = found.iter().map(|event| event.found.message.as_ref().unwrap()).collect();
        assert_eq!(messages.iter().map(|message| &message.payload["n"]).collect::<Vec<_>>(), [1, 2]);
        assert!(messages.iter().all(|message| message.key.aggregate_id == "65f0c0ffee65f0c0ffee65f0"));
        assert_eq!(found[0].handle, Handle::Key("b".into()));
        assert_eq!(found[0].found.place, "65f0c0ffee65f0c0ffee65f0 / b");
        assert_eq!(found[0].found.row, json!({"id": "b", "type": "Placed", "payload": {"n": 1}}));
    }

    #[test]
    fn ids_of_documents_are_texts_whatever_they_are() {
        let uuid = mongodb::bson::Uuid::from_bytes([7; 16]);
        for (id, expected) in [
            (Bson::from("o-1"), "o-1"),
            (Bson::from(12_i64), "12"),
            (Bson::from(uuid), "07070707-0707-0707-0707-070707070707"),
        ] {
            let found = events(&reading(|_| {}), doc! { "_id": id, "outbox": [{ "id": 1, "type": "T" }] });
            assert_eq!(found[0].found.message.as_ref().unwrap().key.aggregate_id, expected);
        }
    }

    #[test]
    fn values_of_the_document_around_are_at_hand() {
        let deep = reading(|s| {
            s.events = "meta.outbox".into();
            s.mapping.key = "head.id".into();
            s.mapping.message_type = "head#/type".into();
            s.mapping.aggregate_id = "$document#/meta/number".into();
            s.mapping.aggregate_version = Some("head#/version | $document#/version".into());
        });
        let document = doc! { "_id": 1, "version": 9, "meta": {
            "number": "N-1", "outbox": [{ "head": { "id": 5, "type": "T" } }, { "head": { "id": 6, "type": "T", "version": 8 } }],
        } };
        let found = events(&deep, document);
        let messages: Vec<_> = found.iter().map(|event| event.found.message.as_ref().unwrap()).collect();
        assert_eq!(messages[0].key.aggregate_id, "N-1");
        assert_eq!(messages.iter().map(|message| message.aggregate_version).collect::<Vec<_>>(), [Some(9), Some(8)]);
        assert_eq!(found[1].handle, Handle::Key(6.into()));
    }

    #[test]
    fn marked_events_are_left_out() {
        let marks = reading(|s| s.mode = DocumentMode::Mark);
        let list = doc! { "_id": 1, "outbox": [
            { "id": 1, "type": "T", "published_at": mongodb::bson::DateTime::MIN },
            { "id": 2, "type": "T", "published_at": Bson::Null },
            { "id": 3, "type": "T" },
        ] };
        let keys = |events: Vec<Event>| events.into_iter().map(|event| event.handle).collect::<Vec<_>>();
        let expected = [2, 3].map(|n| Handle::Key(n.into()));
        assert_eq!(keys(events(&marks, list.clone())), expected);
        // To who pulls, the field means nothing.
        assert_eq!(events(&reading(|_| {}), list).len(), 3);
    }

    #[test]
    fn documents_without_events_are_passed_over() {
        for document in [doc! { "_id": 1 }, doc! { "_id": 1, "outbox": Bson::Null }, doc! { "_id": 1, "outbox": [] }] {
            assert_eq!(events(&reading(|_| {}), document), []);
        }
    }

    #[test]
    fn what_is_no_list_is_told_of() {
        for (value, kind) in [(Bson::from("x"), "a text"), (Bson::from(doc! { "0": 1 }), "an object")] {
            let found = events(&reading(|_| {}), doc! { "_id": 1, "outbox": value });
            assert_eq!(found[0].handle, Handle::Nothing);
            assert!(refusal(&found[0]).contains(kind), "{}", refusal(&found[0]));
        }
    }

    #[test]
    fn what_is_no_event_is_told_of_and_the_others_are_read() {
        let nan = doc! { "id": 4, "type": "T", "payload": { "n": f64::NAN } };
        let list: Vec<Bson> = vec![
            "text".into(),
            doc! { "type": "T" }.into(),
            doc! { "id": Bson::MinKey, "type": "T" }.into(),
            doc! { "id": 3 }.into(),
            nan.into(),
            doc! { "id": 5, "type": "T" }.into(),
        ];
        let found = events(&reading(|_| {}), doc! { "_id": 1, "outbox": list.clone() });
        let expected = [
            ("a text, not an event", Handle::Whole(list[0].clone())),
            ("nothing under `id`", Handle::Whole(list[1].clone())),
            ("a value of a special kind under `id`", Handle::Whole(list[2].clone())),
            ("type: nothing is there", Handle::Key(3.into())),
            ("/payload/n: NaN", Handle::Key(4.into())),
        ];
        for ((why, handle), event) in expected.into_iter().zip(&found) {
            assert!(refusal(event).contains(why), "{}", refusal(event));
            assert_eq!(event.handle, handle);
        }
        assert!(found[5].found.message.is_ok());
        assert_eq!(found[0].found.row, json!({"value": "text"}));
        // Where a field would have to be set in it, a text stays.
        let marks = reading(|s| s.mode = DocumentMode::Mark);
        assert_eq!(events(&marks, doc! { "_id": 1, "outbox": ["text"] })[0].handle, Handle::Nothing);
    }

    #[test]
    fn an_id_of_a_document_that_has_no_place_in_json_is_told_of() {
        let found = events(&reading(|_| {}), doc! { "_id": Bson::MaxKey, "outbox": [{ "id": 1, "type": "T" }] });
        assert!(refusal(&found[0]).contains("$document/_id: MaxKey"), "{}", refusal(&found[0]));
    }

    #[test]
    fn a_place_is_the_same_whatever_stands_before_it() {
        let odd = doc! { "type": "T" };
        let first = events(&reading(|_| {}), doc! { "_id": 1, "outbox": [{ "id": 1, "type": "T" }, odd.clone()] });
        let later = events(&reading(|_| {}), doc! { "_id": 1, "outbox": [odd, { "id": 2, "type": "T" }] });
        assert_eq!(first[1].found.place, later[0].found.place);
        assert_ne!(later[0].found.place, later[1].found.place);
    }
}
