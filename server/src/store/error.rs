//! What an error of the database means to a caller: try later, decide again, or never mind.

use sqlx::error::DatabaseError;

use super::port::StoreError;

/// Names the operation that an error of the database happened in.
pub(super) trait During<T> {
    fn during(self, operation: &'static str) -> Result<T, StoreError>;
}

impl<T> During<T> for Result<T, sqlx::Error> {
    fn during(self, operation: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| classify(operation, source))
    }
}

/// Tells errors that pass by themselves from those that do not.
pub(super) fn classify(operation: &'static str, source: sqlx::Error) -> StoreError {
    use sqlx::Error as E;
    match &source {
        E::Database(error) => match meaning(error.as_ref()) {
            Meaning::Unavailable => StoreError::Unavailable { operation, source },
            Meaning::Conflict => StoreError::Conflict { what: "the same rows" },
            Meaning::Refused => StoreError::Refused { operation, source },
        },
        E::Io(_)
        | E::Tls(_)
        | E::Protocol(_)
        | E::PoolTimedOut
        | E::PoolClosed
        | E::WorkerCrashed
        | E::BeginFailed
        | E::Configuration(_) => StoreError::Unavailable { operation, source },
        _ => StoreError::Refused { operation, source },
    }
}

impl StoreError {
    /// Whether the database found no room to write: PostgreSQL's `disk_full`, SQLite's `SQLITE_FULL`.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Unavailable { source: sqlx::Error::Database(error), .. } => {
                let code = error.code().unwrap_or_default();
                if is_of_postgres(error.as_ref()) {
                    code == "53100"
                } else {
                    code.parse::<u32>().is_ok_and(|it| it & 0xff == 13)
                }
            }
            Self::Unavailable { source: sqlx::Error::Io(error), .. } => error.kind() == std::io::ErrorKind::StorageFull,
            _ => false,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    Unavailable,
    Conflict,
    Refused,
}

fn meaning(error: &dyn DatabaseError) -> Meaning {
    let code = error.code().unwrap_or_default().into_owned();
    if is_of_postgres(error) { postgres(&code) } else { sqlite(code.parse().unwrap_or(1)) }
}

fn is_of_postgres(error: &dyn DatabaseError) -> bool {
    error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some()
}

/// By SQLSTATE: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn postgres(code: &str) -> Meaning {
    match code {
        // serialization_failure, deadlock_detected
        "40001" | "40P01" => Meaning::Conflict,
        // read_only_sql_transaction (a standby), lock_not_available, query_canceled (statement_timeout)
        "25006" | "55P03" | "57014" => Meaning::Unavailable,
        // connection, authorization and catalogue errors of a reconnect, resources (disk full, too many connections),
        // operator intervention (shutdown, crash recovery), system errors, internal errors
        _ if ["08", "28", "3D", "53", "57", "58", "XX"].iter().any(|class| code.starts_with(class)) => {
            Meaning::Unavailable
        }
        _ => Meaning::Refused,
    }
}

/// By primary result code, which the low byte of every extended one is: <https://www.sqlite.org/rescode.html>.
fn sqlite(code: u32) -> Meaning {
    match code & 0xff {
        // BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL, NOTADB: the file, not the data.
        5..=11 | 13..=15 | 26 => Meaning::Unavailable,
        _ => Meaning::Refused,
    }
}

/// Whether the error is the violation of the unique constraint or index `name` (PostgreSQL), or of a unique constraint
/// over `columns` (`table.column, table.column`; what SQLite says instead of a name).
pub(super) fn violates_unique(error: &sqlx::Error, name: &str, columns: &str) -> bool {
    let sqlx::Error::Database(error) = error else { return false };
    if !error.is_unique_violation() {
        return false;
    }
    match error.constraint() {
        Some(constraint) => constraint == name,
        None => error.message().contains(columns),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_unavailable() {
        for code in ["08006", "53100", "53300", "57P01", "57P03", "57014", "25006", "58030", "3D000"] {
            assert_eq!(postgres(code), Meaning::Unavailable, "{code}");
        }
        // SQLITE_BUSY, SQLITE_BUSY_SNAPSHOT, SQLITE_IOERR_FSYNC, SQLITE_FULL, SQLITE_CANTOPEN
        for code in [5, 517, 1034, 13, 14] {
            assert_eq!(sqlite(code), Meaning::Unavailable, "{code}");
        }
    }

    #[test]
    fn a_deadlock_is_a_conflict_and_bad_data_is_refused() {
        assert_eq!(postgres("40P01"), Meaning::Conflict);
        for code in ["23505", "23514", "22P05", "42501"] {
            assert_eq!(postgres(code), Meaning::Refused, "{code}");
        }
        // SQLITE_CONSTRAINT_CHECK, SQLITE_CONSTRAINT_UNIQUE, SQLITE_MISMATCH, SQLITE_TOOBIG
        for code in [275, 2067, 20, 18] {
            assert_eq!(sqlite(code), Meaning::Refused, "{code}");
        }
    }
}
