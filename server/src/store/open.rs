//! Opening a store by its URL, and saying plainly why that is not possible.

use std::{path::PathBuf, sync::Arc};

use sqlx::migrate::{MigrateError, Migrator};

use super::{Store, postgres::Postgres, sqlite::Sqlite};

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// PostgreSQL: the most connections. SQLite: the most readers beside the one writer.
    pub connections_max: u32,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { connections_max: 10 }
    }
}

/// Why a store cannot be opened; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "{url:?} is not a database address ({reason}): use sqlite://FILE or postgres://USER:PASSWORD@HOST/DATABASE"
    )]
    Url { url: String, reason: String },
    #[error("PostgreSQL at {address} cannot be reached: {source}. Is it running, and is the address right?")]
    Unreachable { address: String, source: sqlx::Error },
    #[error("PostgreSQL does not let user {user:?} in: {source}. Check user and password in the database address.")]
    Credentials { user: String, source: sqlx::Error },
    #[error("the database {database:?} does not exist: create it first, for example with `createdb {database}`")]
    DatabaseMissing { database: String, source: sqlx::Error },
    #[error(
        "the database user may not create Baton's tables: {source}. Let the owner of the database run \
         `CREATE SCHEMA baton AUTHORIZATION` for this user"
    )]
    Privileges { source: sqlx::Error },
    #[error(
        "another baton is using {path}: a SQLite file serves one at a time. Stop that one, or give this one another \
         file, or use PostgreSQL for several"
    )]
    InUse { path: PathBuf },
    #[error(
        "{path} has {names} names (hard links), and SQLite keeps a log for each name: two of them in use at once destroy \
         the database. Leave it one name, or make a copy (`cp`) and use that; `find FOLDER -samefile {path}` lists the \
         names. Nothing was changed"
    )]
    SeveralNames { path: PathBuf, names: u64 },
    #[error("the folder {folder} for {path} does not exist: create it first (`mkdir -p {folder}`)")]
    FolderMissing { path: PathBuf, folder: PathBuf },
    #[error("{path} cannot be opened: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("{path} cannot be used as a SQLite database: {source}")]
    Sqlite { path: PathBuf, source: sqlx::Error },
    #[error(
        "the database was made by a newer baton (its schema is at {found}, this one knows {known}): start that version, \
         or restore a backup from before the upgrade. Nothing was changed"
    )]
    Newer { found: i64, known: i64 },
    #[error(
        "{path} has a table {table:?} that another program made: give Baton a file of its own (sqlite://FILE). No table was \
         made or changed"
    )]
    Foreign { path: PathBuf, table: String },
    #[error(
        "step {version} of the schema of this database is not the one that this baton knows: another build made it. Start \
         that build, or give this one another database. Nothing was changed"
    )]
    Altered { version: i64 },
    #[error("the schema cannot be brought up to date: {0}")]
    Migration(#[source] MigrateError),
}

impl OpenError {
    pub(super) fn from_migration(error: MigrateError, known: &Migrator) -> Self {
        match error {
            // Applied there, unknown here.
            MigrateError::VersionMissing(found) => {
                Self::Newer { found, known: known.iter().map(|migration| migration.version).max().unwrap_or(0) }
            }
            MigrateError::VersionMismatch(version) => Self::Altered { version },
            other => Self::Migration(other),
        }
    }
}

/// Opens the store that `url` names and brings its schema up to date.
///
/// `postgres://…` (or `postgresql://…`), or `sqlite://PATH`: relative to the working directory unless PATH begins with
/// `/`. The file is created if it is not there; its folder must be.
pub async fn open(url: &str, options: OpenOptions) -> anyhow::Result<Arc<dyn Store>> {
    let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
    match scheme {
        "postgres" | "postgresql" => Ok(Arc::new(Postgres::connect(url, &options).await?)),
        "sqlite" => Ok(Arc::new(Sqlite::connect(url, &options).await?)),
        other => {
            let reason = format!("there is no store for {other:?}");
            Err(OpenError::Url { url: without_password(url), reason }.into())
        }
    }
}

/// For messages and logs.
pub fn without_password(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(mut parsed) if parsed.password().is_some() => {
            // Fails only for addresses without a host, and those have no password.
            parsed.set_password(Some("***")).ok();
            parsed.to_string()
        }
        _ => url.to_owned(),
    }
}
