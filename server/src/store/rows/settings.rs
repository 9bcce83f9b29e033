//! What is set up: definitions, destinations, routes, access.

use baton_domain::{definition::DefinitionKind, message::MessageKind};
use serde_json::Value;

use super::Instant;

#[derive(Debug, Clone, PartialEq)]
pub struct VersionRow {
    pub kind: DefinitionKind,
    pub name: String,
    pub version: u32,
    /// The definition as JSON.
    pub document: Value,
    /// The text as it was written (JSON or YAML).
    pub source: String,
    pub note: Option<String>,
    pub published_by: String,
    pub published_at: Instant,
}

/// What the audit says where a version kept its number because only positions changed.
pub const LAYOUT_CHANGED: &str = "layout-changed";

/// Tells two states of the published definitions apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VersionsMark {
    pub count: i64,
    /// How often positions of nodes were changed.
    pub moves: i64,
    pub newest_at: Option<Instant>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DraftRow {
    pub kind: DefinitionKind,
    pub name: String,
    pub source: String,
    pub updated_by: String,
    pub updated_at: Instant,
    /// Another one with every saving.
    pub mark: String,
}

/// What somebody who replaces or removes a draft takes to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DraftSeen {
    /// Whatever it is.
    Any,
    None,
    /// The draft with this mark.
    Marked(String),
}

/// What somebody who publishes has seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublishSeen {
    /// The number of the newest version, 0 for none; absent: whatever it is.
    pub newest: Option<u32>,
    /// The mark of the draft that is published: only this one is taken away, or one that says just the same. Absent:
    /// whatever it is, if something new is published.
    pub draft: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DestinationRow {
    pub name: String,
    /// Settings by kind: `{"kind":"http","url":…}`; checked before they get here.
    pub settings: Value,
    pub paused: bool,
    pub updated_at: Instant,
}

/// A place of another system that messages are taken in from, and how that goes.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceRow {
    pub name: String,
    /// With the version of their form; checked before they get here.
    pub settings: Value,
    pub paused: bool,
    pub updated_at: Instant,
    /// Another one with every storing.
    pub mark: String,
    pub standing: SourceStanding,
}

/// How taking in from a source goes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SourceStanding {
    /// What its reader has to remember.
    pub position: Option<Value>,
    pub taken: u64,
    /// Those of them that were no messages.
    pub unreadable: u64,
    pub last_taken_at: Option<Instant>,
    /// When it worked last.
    pub seen_at: Option<Instant>,
    /// How many waited over there then, counted up to a bound.
    pub waiting: Option<u64>,
    /// How much of its log the server there keeps until it was read, in bytes.
    pub kept_bytes: Option<u64>,
    /// Why it does not work, and since when that is so.
    pub error: Option<(String, Instant)>,
}

/// What happened since the last time that something was written down about a source.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceProgress {
    pub name: String,
    /// Of the row that was read.
    pub mark: String,
    pub at: Instant,
    /// `None`: as before.
    pub position: Option<Value>,
    pub taken: u64,
    pub unreadable: u64,
    pub taken_at: Option<Instant>,
    /// `None`: not counted.
    pub waiting: Option<u64>,
    /// `None`: not looked at, or there is no log.
    pub kept_bytes: Option<u64>,
    /// Why it does not work; `None`: it works.
    pub error: Option<String>,
}

impl SourceProgress {
    /// It works, and nothing came.
    pub fn works(name: &str, mark: &str, at: Instant) -> Self {
        Self {
            name: name.to_owned(),
            mark: mark.to_owned(),
            at,
            position: None,
            taken: 0,
            unreadable: 0,
            taken_at: None,
            waiting: None,
            kept_bytes: None,
            error: None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteRow {
    pub name: String,
    pub kind: Option<MessageKind>,
    /// Patterns with `*`; `None` matches everything.
    pub message_type: Option<String>,
    pub aggregate_type: Option<String>,
    /// A destination's name.
    pub to: String,
}

/// A type of messages that was seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TypeRow {
    pub kind: MessageKind,
    pub message_type: String,
    pub aggregate_type: String,
}

/// A signed-in browser or an API token: only the hash of the secret is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialRow {
    pub kind: CredentialKind,
    /// SHA-256 of the secret.
    pub secret_hash: Vec<u8>,
    pub account: String,
    pub created_at: Instant,
    pub expires_at: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    Session,
    ApiToken,
    /// A one-time sign-in link: taking it removes it.
    SignInLink,
}

impl CredentialKind {
    pub const ALL: [Self; 3] = [Self::Session, Self::ApiToken, Self::SignInLink];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::ApiToken => "api_token",
            Self::SignInLink => "sign_in_link",
        }
    }
}
