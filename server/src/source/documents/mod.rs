//! Documents that hold their outgoing events, over MongoDB's protocol; with the cargo feature `mongodb`.
//!
//! An application writes an aggregate and its events in one update of one document; here the events are read, and once they
//! are safe, taken out of the list or marked in it. What to read next: [`reader`] for how pending documents are found,
//! [`watch`] for how the server tells of them, [`query`] for what it is asked and told, and why nothing that others write
//! meanwhile is lost. [`reading`] and [`values`] say what a document means; they and [`query`] are pure.

mod check;
mod client;
mod error;
mod query;
mod reader;
mod reading;
mod values;
mod watch;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use baton_app::model::SourceReport;
use baton_domain::{
    diagnostic::Diagnostic,
    source::{DocumentSource, Plan},
};
use chrono::Utc;
use futures::TryStreamExt;
use mongodb::{IndexModel, bson::Document, options::IndexOptions};
use serde_json::Value;

pub use self::client::Address;
use self::{client::Reached, reader::DocumentReader, reading::Reading};
use super::{Found, Reader, Source, SourceError};

/// A collection whose documents hold events.
pub struct Documents {
    /// The source's name.
    pub name: String,
    pub settings: DocumentSource,
    pub address: Address,
}

impl Documents {
    fn reading(&self) -> Result<Reading, SourceError> {
        let (mapping, shape) = self.settings.for_plan();
        let plan = Plan::of(&self.name, &mapping, &shape).map_err(SourceError::Mapping)?;
        Ok(Reading::new(self.settings.clone(), plan))
    }

    /// Reaches the collection, unless there is something wrong with the settings for it.
    async fn reach_sound(&self) -> Result<Arc<Reached>, SourceError> {
        let reached = self.address.reach(&self.settings)?;
        let report = check::report(&self.settings, &reached).await?;
        match report.diagnostics.iter().any(Diagnostic::is_error) {
            true => Err(SourceError::Mapping(report.diagnostics)),
            false => Ok(reached),
        }
    }
}

#[async_trait]
impl Source for Documents {
    async fn check(&self) -> Result<SourceReport, SourceError> {
        check::report(&self.settings, &*self.address.reach(&self.settings)?).await
    }

    async fn preview(&self, limit: u32) -> Result<Vec<Found>, SourceError> {
        let reached = self.reach_sound().await?;
        let reading = self.reading()?;
        let doing = format!("read `{}`", reached.place.namespace);
        let found = async {
            let collection = reached.collection.clone_with_type::<Document>();
            let find = collection.find(query::pending(&self.settings)).limit(i64::from(limit));
            find.projection(query::projection(&self.settings)).await?.try_collect::<Vec<Document>>().await
        };
        let documents = reached.ask(&doing, found).await?;
        let events = documents.iter().flat_map(|document| reading.events(document, Utc::now()));
        Ok(events.take(limit as usize).map(|event| event.found).collect())
    }

    async fn open(&self, position: Option<Value>) -> Result<Box<dyn Reader>, SourceError> {
        let reached = self.reach_sound().await?;
        let indexed = Arc::new(AtomicBool::new(check::has_index(&self.settings, &reached).await?));
        if !indexed.load(Ordering::Relaxed) {
            // However long that takes, reading begins; asking is dear until then.
            tokio::spawn(make_index(self.settings.clone(), Arc::clone(&reached), Arc::clone(&indexed)));
        }
        let reader = DocumentReader::open(self.settings.clone(), self.reading()?, reached, indexed, position).await?;
        Ok(Box::new(reader))
    }
}

async fn make_index(settings: DocumentSource, reached: Arc<Reached>, indexed: Arc<AtomicBool>) {
    let index = query::index(&settings);
    let options =
        IndexOptions::builder().name(index.name.clone()).partial_filter_expression(index.filter.clone()).build();
    let model = IndexModel::builder().keys(index.keys.clone()).options(options).build();
    match reached.collection.create_index(model).await {
        Ok(_) => {
            tracing::info!(of = %reached.place.namespace, index = index.name, "made the index for pending documents");
            indexed.store(true, Ordering::Relaxed);
        }
        Err(error) => tracing::warn!(
            of = %reached.place.namespace,
            "the index for pending documents could not be made ({}), so asking for them reads the whole collection; run this: {}",
            error.kind,
            index.command(&settings)
        ),
    }
}
