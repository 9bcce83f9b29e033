//! What can arrive at the engine, and what becomes of it.

use std::sync::Arc;

use baton_domain::{
    ids::{InstanceId, TaskId, TimerId},
    message::Message,
    process::{Input, Migration, Rejection, Replay, Restart},
};
use serde_json::Value;

use crate::store::{StoreError, rows::Failure};

/// One thing to handle.
#[derive(Debug, Clone)]
pub enum Item {
    Message(Arc<Message>),
    Start(Arc<Start>),
    Timer(TimerId),
    CompleteTask {
        task: TaskId,
        outcome: String,
        data: Value,
        by: String,
    },
    /// What an operator does, see [`Input::operation`].
    Operate {
        instance: InstanceId,
        input: Box<Input>,
    },
    /// An operator has an instance go on by another version of its definition.
    Migrate {
        instance: InstanceId,
        migration: Box<Migration>,
    },
    /// An event that an operator sent again is kept for this (event type, value): those that wait for it have their turn.
    Offer {
        wait: (String, String),
    },
    /// An operator has a new instance take over from an earlier point of another one's history.
    Restart(Arc<Restarting>),
}

impl Item {
    pub fn name(&self) -> String {
        match self {
            Self::Message(message) => format!("message/{}", message.id),
            Self::Start(start) => format!("start/{}", start.definition),
            Self::Timer(timer) => format!("timer/{timer}"),
            Self::CompleteTask { task, .. } => format!("task/{task}"),
            Self::Offer { wait: (event_type, _) } => format!("offer/{event_type}"),
            Self::Migrate { instance, .. } => format!("migrate/{instance}"),
            Self::Restart(asked) => format!("restart/{}", asked.original),
            Self::Operate { instance, input } => {
                format!("{}/{instance}", input.operation().map_or("operate", |(name, _)| name))
            }
        }
    }
}

/// An explicit start.
#[derive(Debug, Clone)]
pub struct Start {
    /// The id of the new instance, made before the step so that deciding again makes the same one.
    pub instance: InstanceId,
    pub definition: String,
    /// The newest version when absent.
    pub version: Option<u32>,
    pub input: Value,
    pub business_key: Option<String>,
    pub idempotency_key: Option<String>,
    pub by: String,
}

/// A restart.
#[derive(Debug)]
pub struct Restarting {
    pub original: InstanceId,
    /// The original's.
    pub definition: String,
    /// The id of the new instance, made before the step so that deciding again makes the same one.
    pub new: InstanceId,
    pub restart: Restart,
    /// What the original's history says, read to its end.
    pub replay: Replay,
    /// A second restart, or start, with the same key makes nothing.
    pub idempotency_key: Option<String>,
}

/// What became of an item.
pub type Outcome = Result<Done, Refusal>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// Handled; also when it concerned nobody, or had been handled before.
    Handled,
    Started {
        instance: InstanceId,
        /// `false`: the idempotency key was known, and this is the instance of the first start.
        created: bool,
    },
}

/// Why an item changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The rules say no.
    #[error("{0}")]
    Rejected(Rejection),
    #[error("{what} is not known")]
    Unknown { what: String },
    /// The database is away; try again later.
    #[error("{0}")]
    Unavailable(String),
    /// Handling it failed for a reason of its own; trying again will most likely fail again.
    #[error("{error}")]
    Failed { class: &'static str, error: String },
}

impl Refusal {
    pub fn stopping() -> Self {
        Self::Unavailable("the server is stopping; try again".to_owned())
    }

    pub fn unavailable(error: &StoreError) -> Self {
        Self::Unavailable(error.notice().map_or_else(|| error.to_string(), str::to_owned))
    }

    pub fn failed(error: &StoreError) -> Self {
        Self::Failed { class: "engine-failed", error: error.to_string() }
    }

    /// As a failed delivery. Class `unavailable` is about the database, not about the message.
    pub fn into_failure(self) -> Failure {
        let error = self.to_string();
        let class = match self {
            Self::Rejected(rejection) => rejection.code,
            Self::Unknown { .. } => "unknown",
            Self::Unavailable(_) => "unavailable",
            Self::Failed { class, .. } => class,
        };
        Failure { class: class.to_owned(), error }
    }
}
