//! Connections to other systems' databases, and what their errors mean to people.

use std::time::Duration;

use sqlx::{Connection, Executor, PgConnection, postgres::PgConnectOptions};

use crate::source::SourceError;

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How instants and bytes are written does not depend on how that database is set up. Nothing may take for ever.
const PREPARE: &str = "SET statement_timeout = '30s'; SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = \
                       '30s'; SET bytea_output = 'hex'; SET datestyle = 'ISO'; SET timezone = 'UTC'";

pub async fn open(options: &PgConnectOptions) -> Result<PgConnection, SourceError> {
    let connected = tokio::time::timeout(CONNECT_WITHIN, PgConnection::connect_with(options)).await;
    let mut connection = match connected {
        Ok(connected) => connected.map_err(|error| explain_connecting(options, &error))?,
        Err(_) => {
            return Err(SourceError::Unreachable(format!(
                "{} does not answer within {} s. Is PostgreSQL running there, and may this server reach it?",
                place(options),
                CONNECT_WITHIN.as_secs()
            )));
        }
    };
    connection.execute(PREPARE).await.map_err(|error| explain(&error))?;
    Ok(connection)
}

/// A connection that can write nothing.
pub async fn open_looking(options: &PgConnectOptions) -> Result<PgConnection, SourceError> {
    let mut connection = open(options).await?;
    connection.execute("SET default_transaction_read_only = on").await.map_err(|error| explain(&error))?;
    Ok(connection)
}

fn place(options: &PgConnectOptions) -> String {
    format!("PostgreSQL at {}:{}", options.get_host(), options.get_port())
}

fn explain_connecting(options: &PgConnectOptions, error: &sqlx::Error) -> SourceError {
    let database = options.get_database().unwrap_or(options.get_username());
    match code(error).as_deref() {
        Some("3D000") => SourceError::Address(format!(
            "{} has no database `{database}`. Correct the address, or create it.",
            place(options)
        )),
        Some(class) if class.starts_with("28") => SourceError::Credentials(format!(
            "{} does not let the user `{}` in. Correct user and password in the address.",
            place(options),
            options.get_username()
        )),
        Some("42501") => SourceError::Permission(format!(
            "The user `{}` may not connect to `{database}`: GRANT CONNECT ON DATABASE to it.",
            options.get_username()
        )),
        _ => SourceError::Unreachable(format!(
            "{} cannot be reached: {error}. Is it running there, and is the address right?",
            place(options)
        )),
    }
}

/// What an error of a statement means.
pub fn explain(error: &sqlx::Error) -> SourceError {
    let sqlx::Error::Database(answer) = error else {
        return SourceError::Unreachable(format!("The connection to PostgreSQL broke: {error}. It is tried again."));
    };
    let message = answer.message();
    match code(error).as_deref().unwrap_or_default() {
        "42501" => SourceError::Permission(format!(
            "PostgreSQL says: {message}. Grant this user what it needs: SELECT, and UPDATE or DELETE for the modes of that name."
        )),
        "42P01" | "42703" | "3F000" => {
            SourceError::Failed(format!("The table has changed: {message}. Look at the mapping again."))
        }
        class if class.starts_with("08") || class.starts_with("57P") || class.starts_with("53") => {
            SourceError::Unreachable(format!("PostgreSQL is not available: {message}. It is tried again."))
        }
        "25006" => SourceError::Failed(
            "That PostgreSQL takes no writes (a standby?). Take the mode read_only, or the address of the primary."
                .to_owned(),
        ),
        _ => SourceError::Failed(format!("PostgreSQL says: {message}. It is tried again.")),
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}
