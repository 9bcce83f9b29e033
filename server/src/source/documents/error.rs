//! What went wrong over there, in words that say what to do.

use baton_domain::source::DocumentSource;
use mongodb::error::{Error, ErrorKind, WriteFailure};

use crate::source::SourceError;

/// How much of what the server said is shown.
const SAID_CHARS_MAX: usize = 400;

const UNAUTHORIZED: i32 = 13;
const AUTHENTICATION_FAILED: i32 = 18;
/// What MongoDB Atlas says to a wrong password.
const ATLAS: i32 = 8_000;
const VALIDATION_FAILED: i32 = 121;
const NOT_A_LIST: i32 = 2;
const NO_SUCH_HINT: i32 = 2;

/// Where what failed was tried.
#[derive(Debug, Clone)]
pub struct Place {
    /// The hosts of the address, never its user and password.
    pub hosts: String,
    /// The reference to the address.
    pub server: String,
    pub namespace: String,
    pub database: String,
}

impl Place {
    pub fn new(settings: &DocumentSource, hosts: String) -> Self {
        Self {
            hosts,
            server: settings.server.clone(),
            namespace: format!("{}.{}", settings.database, settings.collection),
            database: settings.database.clone(),
        }
    }

    /// `doing` is what was tried, as in "read `shop.orders`".
    pub fn error(&self, doing: &str, error: &Error) -> SourceError {
        match (code(error), error.kind.as_ref()) {
            (Some(UNAUTHORIZED), _) => self.permission(doing),
            (Some(AUTHENTICATION_FAILED | ATLAS), _) | (_, ErrorKind::Authentication { .. }) => {
                SourceError::Credentials(format!(
                    "MongoDB at {} does not accept the user and password in `{}`. Correct them there (and the database that the \
                     user was made in: ?authSource=…).",
                    self.hosts, self.server
                ))
            }
            (
                _,
                ErrorKind::ServerSelection { .. }
                | ErrorKind::Io(_)
                | ErrorKind::ConnectionPoolCleared { .. }
                | ErrorKind::DnsResolve { .. }
                | ErrorKind::InvalidTlsConfig { .. },
            ) => self.unreachable(&said(error)),
            (Some(code), _) => self.refused(doing, code, &said(error)),
            (None, _) => SourceError::Failed(format!("MongoDB at {} could not {doing}: {}", self.hosts, said(error))),
        }
    }

    /// What a statement of a command was answered with.
    pub fn refused(&self, doing: &str, code: i32, said: &str) -> SourceError {
        match code {
            UNAUTHORIZED => self.permission(doing),
            VALIDATION_FAILED => SourceError::Failed(format!(
                "The validation rules of `{}` do not let Baton {doing}: {said} Allow it in the rules (`collMod`).",
                self.namespace
            )),
            _ => SourceError::Failed(format!("MongoDB at {} refused to {doing}: {said}", self.hosts)),
        }
    }

    pub fn unreachable(&self, why: &str) -> SourceError {
        SourceError::Unreachable(format!(
            "MongoDB at {} cannot be reached ({why}). Is it running, and is the address in `{}` right?",
            self.hosts, self.server
        ))
    }

    fn permission(&self, doing: &str) -> SourceError {
        SourceError::Permission(format!(
            "The user in `{}` may not {doing}. Give it the role readWrite on `{}`.",
            self.server, self.database
        ))
    }
}

/// The server's own number of what went wrong, if it answered at all.
pub fn code(error: &Error) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(error)) => Some(error.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => Some(error.code),
        _ => None,
    }
}

/// Whether an update failed because what it was about is no list (any more): nothing to settle there.
pub fn is_about_no_list(code: i32, said: &str) -> bool {
    code == NOT_A_LIST && said.contains("non-array")
}

/// Whether the index that a query names is not there (any more).
pub fn is_about_the_index(error: &Error) -> bool {
    code(error) == Some(NO_SUCH_HINT) && error.to_string().contains("hint")
}

fn said(error: &Error) -> String {
    let text = match error.kind.as_ref() {
        ErrorKind::Command(command) => command.message.clone(),
        other => other.to_string(),
    };
    shorten(&text)
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(SAID_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
