//! Sources: messages taken in from outbox tables (and documents) of other systems.
//!
//! [`port`] is what a source is; [`postgres`] and [`sqlite`] are tables, `documents` are documents. [`intake`] takes in from one source, [`service`] sees
//! to it that there is an intake for each. What a row means is pure: `baton_domain::source`. Why it is as it is: ADR 0028.

pub mod address;
#[cfg(feature = "mongodb")]
pub mod documents;
pub mod intake;
pub mod port;
pub mod postgres;
mod rows;
pub mod service;
pub mod sqlite;
mod stored;
mod unreadable;

use baton_app::model::{SourceSettings, SourceTable};

pub use address::{Place, Surroundings};
pub use port::{Batch, Found, Reader, Source, SourceError};
pub use service::Sources;
pub use stored::{begins_anew, leaves_a_log, parse, to_value};

/// The source that settings describe; follows the reference to its address, connects to nothing.
pub async fn build(
    name: &str,
    settings: &SourceSettings,
    surroundings: &Surroundings,
) -> Result<Box<dyn Source>, SourceError> {
    match settings {
        SourceSettings::Table(table) => {
            let (name, settings) = (name.to_owned(), table.clone());
            Ok(match Place::find(table.database.as_deref(), surroundings).await? {
                Place::Postgres(options) => {
                    let owner = surroundings.owner();
                    Box::new(postgres::PgTable { name, settings, options: *options, owner })
                }
                Place::Sqlite(path) => Box::new(sqlite::SqliteTable { name, settings, path }),
            })
        }
        #[cfg(feature = "mongodb")]
        SourceSettings::Documents(settings) => {
            let address = documents::Address::find(&settings.server, surroundings).await?;
            Ok(Box::new(documents::Documents { name: name.to_owned(), settings: settings.clone(), address }))
        }
        #[cfg(not(feature = "mongodb"))]
        SourceSettings::Documents(_) => Err(SourceError::Failed(
            "This program was built without documents as sources: build it with --features mongodb.".to_owned(),
        )),
    }
}

/// The tables of a database that could be sources.
pub async fn tables(database: Option<&str>, surroundings: &Surroundings) -> Result<Vec<SourceTable>, SourceError> {
    match Place::find(database, surroundings).await? {
        Place::Postgres(options) => postgres::tables(&options).await,
        Place::Sqlite(path) => sqlite::tables(&path).await,
    }
}
