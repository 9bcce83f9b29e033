//! What the server is asked and told: pure.
//!
//! **Pending** are documents with an event that was not taken in. A partial index holds just those, so that a look costs next to
//! nothing however many documents there are, and writing a document without events costs nothing more than before.
//!
//! **Settling** names each event by its key (or, where it has none, by its whole value) and says nothing about the rest of the
//! document or of the list: what somebody else added, changed or removed meanwhile stays as it is.

use baton_domain::source::{DocumentMode, DocumentSource};
use mongodb::bson::{Bson, DateTime, Document, doc};

use super::reading::Handle;

/// The most bytes of updates in one command; a document of the protocol has 16 MB at most.
const COMMAND_BYTES_MAX: usize = 8 << 20;
/// The most documents and seconds that counting looks at.
const COUNTED_MAX: i64 = 10_000;

/// The filter of documents with something to take in; the index has the same condition.
pub fn pending(settings: &DocumentSource) -> Document {
    let events = &settings.events;
    // That the list holds something: an `$exists` on its first place, since partial indexes take neither `$size` nor `$ne`.
    let mut filter = doc! { format!("{events}.0"): { "$exists": true } };
    if settings.mode == DocumentMode::Mark {
        // In a list, this is about any event of it; null also stands for what is missing.
        filter.insert(format!("{events}.{}", settings.published_at()), Bson::Null);
    }
    filter
}

/// `filter`, but only the documents with these ids.
pub fn among(filter: &Document, ids: &[Bson]) -> Document {
    with_ids(filter, "$in", ids)
}

/// `filter`, without the documents with these ids.
pub fn without(filter: &Document, ids: &[Bson]) -> Document {
    if ids.is_empty() { filter.clone() } else { with_ids(filter, "$nin", ids) }
}

fn with_ids(filter: &Document, operator: &str, ids: &[Bson]) -> Document {
    let mut filter = filter.clone();
    filter.insert("_id", doc! { operator: ids });
    filter
}

/// What of a document is read.
pub fn projection(settings: &DocumentSource) -> Document {
    settings.fields().into_iter().map(|field| (field, Bson::Int32(1))).collect()
}

/// A partial index.
#[derive(Debug, Clone, PartialEq)]
pub struct Index {
    pub name: String,
    pub keys: Document,
    pub filter: Document,
}

/// The index that makes looking for pending documents cheap.
pub fn index(settings: &DocumentSource) -> Index {
    let events = &settings.events;
    // What is indexed is of no matter, only the condition is; so it is something short.
    let field = match settings.mode {
        DocumentMode::Pull => &settings.mapping.key,
        DocumentMode::Mark => settings.published_at(),
    };
    Index {
        name: format!("baton_{}_{}", settings.mode.as_str(), events.replace('.', "_")),
        keys: doc! { format!("{events}.{field}"): 1 },
        filter: pending(settings),
    }
}

impl Index {
    /// The command for a person to run in `mongosh`.
    pub fn command(&self, settings: &DocumentSource) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        format!(
            "db.getSiblingDB({}).getCollection({}).createIndex({}, {{name: {}, partialFilterExpression: {}}})",
            quoted(&settings.database),
            quoted(&settings.collection),
            super::values::object(&self.keys).value,
            quoted(&self.name),
            super::values::object(&self.filter).value,
        )
    }
}

/// How many events wait, in at most [`COUNTED_MAX`] documents.
pub fn count(settings: &DocumentSource) -> [Document; 4] {
    let list = format!("${}", settings.events);
    let waiting = match settings.mode {
        DocumentMode::Pull => doc! { "$size": &list },
        DocumentMode::Mark => {
            let mark = format!("$$event.{}", settings.published_at());
            let open = doc! { "$eq": [{ "$ifNull": [mark, Bson::Null] }, Bson::Null] };
            doc! { "$size": { "$filter": { "input": &list, "as": "event", "cond": open } } }
        }
    };
    let number = doc! { "$cond": [{ "$isArray": &list }, waiting, 0] };
    [
        doc! { "$match": pending(settings) },
        doc! { "$limit": COUNTED_MAX },
        doc! { "$project": { "number": number } },
        doc! { "$group": { "_id": Bson::Null, "number": { "$sum": "$number" } } },
    ]
}

/// The first document whose events are no list: the filter finds none of those.
pub fn misshapen(settings: &DocumentSource) -> Document {
    let events = &settings.events;
    doc! { events: { "$exists": true, "$ne": Bson::Null, "$not": { "$type": "array" } } }
}

/// What was taken in of one document.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    pub document: Bson,
    pub handles: Vec<Handle>,
}

/// The updates that settle what was taken in, as commands of a bounded size; `now` is what events are marked with.
pub fn settle(settings: &DocumentSource, taken: &[Taken], now: DateTime) -> Vec<Document> {
    let mut commands = Vec::new();
    let mut updates: Vec<Document> = Vec::new();
    let mut bytes = 0;
    for update in taken.iter().flat_map(|taken| updates_of(settings, taken, now)) {
        // What cannot be measured cannot be sent either, and the driver says why.
        let size = update.to_vec().map_or(0, |bytes| bytes.len());
        if bytes + size > COMMAND_BYTES_MAX && !updates.is_empty() {
            commands.push(command(settings, std::mem::take(&mut updates)));
            bytes = 0;
        }
        bytes += size;
        updates.push(update);
    }
    if !updates.is_empty() {
        commands.push(command(settings, updates));
    }
    commands
}

fn command(settings: &DocumentSource, updates: Vec<Document>) -> Document {
    doc! { "update": &settings.collection, "ordered": false, "updates": updates }
}

fn updates_of(settings: &DocumentSource, taken: &Taken, now: DateTime) -> Vec<Document> {
    let keys: Vec<Bson> = taken.handles.iter().filter_map(Handle::key).cloned().collect();
    let wholes: Vec<Bson> = taken.handles.iter().filter_map(Handle::whole).cloned().collect();
    let (events, key) = (&settings.events, &settings.mapping.key);
    let this = |update: Document| doc! { "q": { "_id": &taken.document }, "u": update };
    let mut updates = Vec::new();
    match settings.mode {
        DocumentMode::Pull => {
            if !keys.is_empty() {
                updates.push(this(doc! { "$pull": { events: { key: { "$in": keys } } } }));
            }
            if !wholes.is_empty() {
                updates.push(this(doc! { "$pullAll": { events: wholes } }));
            }
        }
        DocumentMode::Mark => {
            let mark = settings.published_at();
            let path = format!("{events}.$[event].{mark}");
            let mut marked = |filter: Document| {
                let mut update = this(doc! { "$set": { &path: now } });
                update.insert("arrayFilters", vec![filter]);
                updates.push(update);
            };
            if !keys.is_empty() {
                marked(doc! { format!("event.{key}"): { "$in": keys }, format!("event.{mark}"): Bson::Null });
            }
            if !wholes.is_empty() {
                marked(doc! { "event": { "$in": wholes } });
            }
        }
    }
    updates
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(mode: DocumentMode) -> DocumentSource {
        let mut settings = DocumentSource::example("env:SHOP", "shop", "orders");
        (settings.mode, settings.events, settings.mapping.key) = (mode, "meta.outbox".into(), "head.id".into());
        settings
    }

    fn taken(handles: Vec<Handle>) -> Taken {
        Taken { document: Bson::Int32(7), handles }
    }

    #[test]
    fn pending_documents_are_those_of_the_index() {
        let pull = settings(DocumentMode::Pull);
        assert_eq!(pending(&pull), doc! { "meta.outbox.0": { "$exists": true } });
        assert_eq!(index(&pull).keys, doc! { "meta.outbox.head.id": 1 });
        assert_eq!(index(&pull).name, "baton_pull_meta_outbox");
        let mark = settings(DocumentMode::Mark);
        let filter = doc! { "meta.outbox.0": { "$exists": true }, "meta.outbox.published_at": Bson::Null };
        assert_eq!(index(&mark).filter, filter);
        assert_eq!(index(&mark).keys, doc! { "meta.outbox.published_at": 1 });
        assert_eq!(
            index(&mark).command(&mark),
            r#"db.getSiblingDB("shop").getCollection("orders").createIndex({"meta.outbox.published_at":1}, {name: "baton_mark_meta_outbox", partialFilterExpression: {"meta.outbox.0":{"$exists":true},"meta.outbox.published_at":null}})"#
        );
    }

    #[test]
    fn documents_are_asked_for_and_left_out_by_id() {
        let filter = pending(&settings(DocumentMode::Pull));
        let ids = [Bson::Int32(1)];
        assert_eq!(among(&filter, &ids), doc! { "meta.outbox.0": { "$exists": true }, "_id": { "$in": [1] } });
        assert_eq!(without(&filter, &ids), doc! { "meta.outbox.0": { "$exists": true }, "_id": { "$nin": [1] } });
        assert_eq!(without(&filter, &[]), filter);
    }

    #[test]
    fn only_what_is_needed_of_a_document_is_read() {
        assert_eq!(projection(&settings(DocumentMode::Pull)), doc! { "_id": 1, "meta": 1 });
    }

    #[test]
    fn what_was_taken_in_is_pulled_out_by_its_key() {
        let all =
            taken(vec![Handle::Key("a".into()), Handle::Whole("odd".into()), Handle::Key(2.into()), Handle::Nothing]);
        let commands = settle(&settings(DocumentMode::Pull), &[all], DateTime::MIN);
        let expected = doc! { "update": "orders", "ordered": false, "updates": [
            { "q": { "_id": 7 }, "u": { "$pull": { "meta.outbox": { "head.id": { "$in": ["a", 2] } } } } },
            { "q": { "_id": 7 }, "u": { "$pullAll": { "meta.outbox": ["odd"] } } },
        ] };
        assert_eq!(commands, [expected]);
    }

    #[test]
    fn what_was_taken_in_is_marked_unless_it_is() {
        let now = DateTime::from_millis(5);
        let all = taken(vec![Handle::Key("a".into()), Handle::Whole(doc! { "x": 1 }.into())]);
        let commands = settle(&settings(DocumentMode::Mark), &[all], now);
        let set = doc! { "$set": { "meta.outbox.$[event].published_at": now } };
        let expected = doc! { "update": "orders", "ordered": false, "updates": [
            { "q": { "_id": 7 }, "u": set.clone(), "arrayFilters": [
                { "event.head.id": { "$in": ["a"] }, "event.published_at": Bson::Null },
            ] },
            { "q": { "_id": 7 }, "u": set, "arrayFilters": [{ "event": { "$in": [{ "x": 1 }] } }] },
        ] };
        assert_eq!(commands, [expected]);
    }

    #[test]
    fn commands_are_no_larger_than_the_protocol_takes() {
        let large = || taken(vec![Handle::Whole("x".repeat(3 << 20).into())]);
        let commands =
            settle(&settings(DocumentMode::Pull), &[large(), large(), large(), taken(vec![])], DateTime::MIN);
        let sizes: Vec<usize> = commands.iter().map(|command| command.get_array("updates").unwrap().len()).collect();
        assert_eq!(sizes, [2, 1]);
        assert!(settle(&settings(DocumentMode::Pull), &[], DateTime::MIN).is_empty());
    }
}
