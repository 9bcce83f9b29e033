//! Brings the schema up to date at start, and explains why a database cannot be used.

use sqlx::{
    PgConnection,
    migrate::{MigrateError, Migrator},
    postgres::PgConnectOptions,
};

use crate::store::open::OpenError;

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/postgres");

/// Nodes that start at the same time take turns (an advisory lock of sqlx).
pub(super) async fn run(connection: &mut PgConnection) -> Result<(), OpenError> {
    let mut migrator = Migrator { migrations: MIGRATIONS.migrations.clone(), ..Migrator::DEFAULT };
    // Beside the tables that it is about, so that `DROP SCHEMA baton CASCADE` leaves nothing behind.
    migrator.create_schema("baton");
    migrator.dangerous_set_table_name("baton.migration");
    migrator.run_direct(None, connection, false).await.map_err(|error| match error {
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) if lacks_privilege(&source) => {
            OpenError::Privileges { source }
        }
        other => OpenError::from_migration(other, &MIGRATIONS),
    })
}

fn lacks_privilege(error: &sqlx::Error) -> bool {
    code(error).as_deref() == Some("42501")
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

/// Why there is no connection, and what to do about it.
pub(super) fn explain(options: &PgConnectOptions, source: sqlx::Error) -> OpenError {
    let database = options.get_database().unwrap_or(options.get_username()).to_owned();
    match code(&source).as_deref() {
        Some("3D000") => OpenError::DatabaseMissing { database, source },
        Some(class) if class.starts_with("28") => {
            OpenError::Credentials { user: options.get_username().to_owned(), source }
        }
        _ => {
            let address = format!("{}:{}", options.get_host(), options.get_port());
            OpenError::Unreachable { address, source }
        }
    }
}
