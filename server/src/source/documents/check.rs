//! Looks at what is there, and writes nothing.

use std::{collections::BTreeMap, time::Duration};

use baton_app::model::{SourceColumn, SourceReport};
use baton_domain::{
    diagnostic::Diagnostic,
    source::{DocumentSource, documents},
};
use futures::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};

use super::{
    client::Reached,
    error::code,
    query,
    reading::{at, kind_of},
    values::brief,
};
use crate::source::SourceError;

/// How many documents are looked at for what their events look like.
const SAMPLE: i64 = 20;
/// How long the server may look for documents whose events are no list; there is no index for that.
const LOOK: Duration = Duration::from_secs(2);
const NO_SUCH_COLLECTION: i32 = 26;
const UNAUTHORIZED: i32 = 13;

/// What is there, and every finding about the settings.
pub async fn report(settings: &DocumentSource, reached: &Reached) -> Result<SourceReport, SourceError> {
    let mut diagnostics = documents::check(settings);
    if diagnostics.iter().any(Diagnostic::is_error) {
        return Ok(SourceReport { diagnostics, ..SourceReport::default() });
    }
    let sample = sample(settings, reached).await?;
    diagnostics.extend(collection(settings, reached).await?);
    if diagnostics.iter().any(Diagnostic::is_error) {
        return Ok(SourceReport { diagnostics, ..SourceReport::default() });
    }
    if settings.push && !reached.tells_of_changes().await? {
        let message = "This server tells nobody of changes: it takes a replica set (one member is enough). Pending documents are \
                       asked for instead.";
        diagnostics.push(Diagnostic::warning("no-push", "/push", message));
    }
    if !has_index(settings, reached).await? {
        let message = format!(
            "There is no index for pending documents yet. It is made when reading begins, if the user may; or run this: {}",
            query::index(settings).command(settings)
        );
        diagnostics.push(Diagnostic::warning("no-index", "/collection", message));
    }
    diagnostics.extend(misshapen(settings, reached).await);
    let columns = columns(settings, &sample);
    Ok(SourceReport { columns, diagnostics, waiting: waiting(settings, reached).await? })
}

/// Pending documents, or any where there are none.
async fn sample(settings: &DocumentSource, reached: &Reached) -> Result<Vec<Document>, SourceError> {
    let reading = format!("read `{}`", reached.place.namespace);
    for filter in [query::pending(settings), doc! {}] {
        let collection = reached.collection.clone_with_type::<Document>();
        let found = async {
            let find = collection.find(filter).projection(query::projection(settings)).limit(SAMPLE);
            find.await?.try_collect::<Vec<Document>>().await
        };
        let found = reached.ask(&reading, found).await?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

async fn collection(settings: &DocumentSource, reached: &Reached) -> Result<Option<Diagnostic>, SourceError> {
    let name = &settings.collection;
    let listed = async { reached.database.list_collections().filter(doc! { "name": name }).await?.try_next().await };
    let found = match reached.ask("look at the collections", listed).await {
        // Who may read a collection need not be allowed to list them.
        Err(SourceError::Permission(_)) => return Ok(None),
        found => found?,
    };
    Ok(match found.map(|found| found.collection_type) {
        Some(mongodb::results::CollectionType::Collection) => None,
        Some(_) => {
            let message =
                format!("`{name}` is a view or a series of values, in which nothing can be marked or taken out.");
            Some(Diagnostic::error("missing-collection", "/collection", message))
        }
        None => {
            let message = format!(
                "There is no collection `{name}` in `{}` yet (names are taken as they are spelled).",
                settings.database
            );
            Some(Diagnostic::warning("missing-collection", "/collection", message))
        }
    })
}

/// Whether there is an index on what ours is on, whatever its name is.
pub async fn has_index(settings: &DocumentSource, reached: &Reached) -> Result<bool, SourceError> {
    let index = query::index(settings);
    let listed = async {
        match reached.collection.list_indexes().await {
            Ok(found) => found.try_collect::<Vec<_>>().await,
            Err(error) if matches!(code(&error), Some(NO_SUCH_COLLECTION | UNAUTHORIZED)) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    };
    let listed = reached.ask("look at the indexes", listed).await?;
    let filter =
        |options: Option<mongodb::options::IndexOptions>| options.and_then(|options| options.partial_filter_expression);
    Ok(listed.into_iter().any(|one| {
        brief_keys(&one.keys) == brief_keys(&index.keys) && filter(one.options).as_ref() == Some(&index.filter)
    }))
}

/// Servers give the direction of an index back as another type of number.
fn brief_keys(keys: &Document) -> Vec<(String, String)> {
    keys.iter().map(|(name, direction)| (name.clone(), brief(direction).trim_end_matches(".0").to_owned())).collect()
}

/// A warning about a document whose events are no list. That is looked for without an index, so only for a while.
async fn misshapen(settings: &DocumentSource, reached: &Reached) -> Option<Diagnostic> {
    let found = reached.collection.clone_with_type::<Document>();
    let found = found.find_one(query::misshapen(settings)).projection(query::projection(settings)).max_time(LOOK);
    let found = tokio::time::timeout(LOOK, async { found.await }).await.ok()?.ok()??;
    let (id, events) = (found.get("_id").map(brief).unwrap_or_default(), at(&found, &settings.events)?);
    let message = format!(
        "`{}` of the document {id} is {}, not a list: there are no events in it, and others may be like it.",
        settings.events,
        kind_of(events)
    );
    Some(Diagnostic::warning("wrong-type", "/events", message))
}

/// The fields of the events that were seen, and the document around them.
fn columns(settings: &DocumentSource, sample: &[Document]) -> Vec<SourceColumn> {
    let mut seen: BTreeMap<&str, &'static str> = BTreeMap::new();
    let lists = sample.iter().filter_map(|document| at(document, &settings.events)?.as_array());
    for event in lists.flatten().filter_map(Bson::as_document) {
        for (name, value) in event {
            seen.entry(name).or_insert(kind_of(value));
        }
    }
    let around = ("$document", "the document around an event");
    let all = seen.into_iter().chain([around]);
    all.map(|(name, kind)| SourceColumn { name: name.to_owned(), type_name: kind.to_owned() }).collect()
}

/// How many events wait.
pub async fn waiting(settings: &DocumentSource, reached: &Reached) -> Result<Option<u64>, SourceError> {
    let counted = async { reached.collection.aggregate(query::count(settings)).await?.try_next().await };
    let counted = reached.ask("count", counted).await?;
    let number = counted.and_then(|one| match one.get("number") {
        Some(Bson::Int32(number)) => u64::try_from(*number).ok(),
        Some(Bson::Int64(number)) => u64::try_from(*number).ok(),
        _ => None,
    });
    Ok(Some(number.unwrap_or_default()))
}
