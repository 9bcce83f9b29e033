//! The history of an instance: what happened, one event after the other.
//!
//! Events carry all that [`evolve`](super::evolve) and [`effects`](super::effects) need, so that neither has to look at
//! anything else. They are stored for ever: a variant is never changed, only added.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{OpenedTask, Status};
use crate::{
    format::V1,
    ids::{InstanceId, TaskId, TimerId},
    message::Message,
};

/// Something that happened to an instance. As JSON: `{"v": 1, "event": "moved", …}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", tag = "event", rename_all = "snake_case")]
pub enum Event {
    Started {
        instance: InstanceId,
        definition: String,
        input: Value,
        business_key: Option<String>,
        by: String,
        at: DateTime<Utc>,
        /// The start node, where token 1 stands now.
        node: String,
    },
    /// A token left a node by a port, setting variables on the way, and came to the next one.
    Moved {
        token: u32,
        from: String,
        port: String,
        to: String,
        set: Map<String, Value>,
    },
    /// A command was issued; the token waits for a reply.
    CommandSent {
        token: u32,
        node: String,
        command: Box<Message>,
        timer: Option<DueTimer>,
        waits: Vec<ValueWait>,
    },
    /// The token waits for an event.
    WaitBegan {
        token: u32,
        node: String,
        timer: Option<DueTimer>,
        waits: Vec<ValueWait>,
    },
    /// The token waits for a person.
    TaskOpened {
        token: u32,
        node: String,
        task: Box<OpenedTask>,
        timer: Option<DueTimer>,
    },
    /// The token waits for an instant.
    TimerSet {
        token: u32,
        node: String,
        timer: DueTimer,
    },
    /// What a token waited for came. `early` when it had come before the token did.
    MessageReceived {
        token: u32,
        node: String,
        message: Box<Message>,
        early: bool,
        closed: Closed,
    },
    TimerFired {
        token: u32,
        node: String,
        timer: TimerId,
        closed: Closed,
    },
    TaskCompleted {
        token: u32,
        node: String,
        task: TaskId,
        outcome: String,
        data: Value,
        by: String,
        closed: Closed,
    },
    /// An event came that a later node waits for; it is kept until then.
    MessageBuffered {
        message: Box<Message>,
    },
    /// Something came while the instance was suspended; it takes effect when it is resumed.
    Held {
        arrival: Arrival,
    },
    /// A reply came too late: its command was given up, or the instance has ended. Nothing follows from it.
    MessageLate {
        message: Box<Message>,
    },
    /// The instance cannot go on by itself.
    IncidentRaised {
        token: u32,
        node: String,
        incident: Box<Incident>,
    },
    /// An operator has a failed step tried again.
    Retried {
        token: u32,
        node: String,
        by: String,
        reason: String,
    },
    Suspended {
        by: String,
        reason: String,
        at: DateTime<Utc>,
    },
    Resumed {
        by: String,
        reason: String,
        at: DateTime<Utc>,
    },
    Cancelled {
        by: String,
        reason: String,
        at: DateTime<Utc>,
        closed: Closed,
    },
    Ended {
        token: u32,
        node: String,
        status: Status,
        set: Map<String, Value>,
        reason: Option<String>,
        at: DateTime<Utc>,
    },
}

/// A timer and when it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueTimer {
    pub timer: TimerId,
    pub due_at: DateTime<Utc>,
}

/// Events of a type whose correlation value is this one are awaited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueWait {
    pub event_type: String,
    pub value: String,
}

/// What was open at a place and is taken back because the token leaves it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Closed {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timers: Vec<TimerId>,
    /// Tasks that nobody completed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<TaskId>,
    /// Tokens that awaited something by value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<u32>,
}

/// Something that came while the instance was suspended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Arrival {
    Message { message: Box<Message> },
    Timer { timer: TimerId },
}

/// Why a token cannot go on, and what is tried again when an operator says so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    pub node: String,
    /// A sentence for people.
    pub reason: String,
    pub attempt: Attempt,
    /// The beginning of the variables as they were, for a first look.
    pub excerpt: String,
    pub at: DateTime<Utc>,
}

/// What failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Attempt {
    /// Entering the node. Nothing was sent: a retry enters it again.
    Enter,
    /// Leaving it by a port, after what it waited for had come. A retry leaves again and repeats no command.
    Leave { port: String, message: Option<Box<Message>>, form: Option<Value> },
}

impl Event {
    /// Its name in snake_case, as in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Moved { .. } => "moved",
            Self::CommandSent { .. } => "command_sent",
            Self::WaitBegan { .. } => "wait_began",
            Self::TaskOpened { .. } => "task_opened",
            Self::TimerSet { .. } => "timer_set",
            Self::MessageReceived { .. } => "message_received",
            Self::TimerFired { .. } => "timer_fired",
            Self::TaskCompleted { .. } => "task_completed",
            Self::MessageBuffered { .. } => "message_buffered",
            Self::Held { .. } => "held",
            Self::MessageLate { .. } => "message_late",
            Self::IncidentRaised { .. } => "incident_raised",
            Self::Retried { .. } => "retried",
            Self::Suspended { .. } => "suspended",
            Self::Resumed { .. } => "resumed",
            Self::Cancelled { .. } => "cancelled",
            Self::Ended { .. } => "ended",
        }
    }

    /// The node that it happened at; for a move, the one that was left.
    pub fn node(&self) -> Option<&str> {
        match self {
            Self::Started { node, .. }
            | Self::CommandSent { node, .. }
            | Self::WaitBegan { node, .. }
            | Self::TaskOpened { node, .. }
            | Self::TimerSet { node, .. }
            | Self::MessageReceived { node, .. }
            | Self::TimerFired { node, .. }
            | Self::TaskCompleted { node, .. }
            | Self::IncidentRaised { node, .. }
            | Self::Retried { node, .. }
            | Self::Ended { node, .. } => Some(node),
            Self::Moved { from, .. } => Some(from),
            Self::MessageBuffered { .. }
            | Self::Held { .. }
            | Self::MessageLate { .. }
            | Self::Suspended { .. }
            | Self::Resumed { .. }
            | Self::Cancelled { .. } => None,
        }
    }

    /// A short sentence for people.
    pub fn sentence(&self) -> String {
        match self {
            Self::Started { by, .. } => format!("Started by {by}"),
            Self::Moved { from, port, to, .. } => format!("Went from {from} by {port} to {to}"),
            Self::CommandSent { command, .. } => {
                format!("Sent {} to {}", command.message_type, command.key.aggregate_type)
            }
            Self::WaitBegan { node, .. } => format!("Waits at {node}"),
            Self::TaskOpened { task, .. } => match (&task.assignee, &task.candidate_group) {
                (Some(assignee), _) => format!("Asked {assignee}: {}", task.title),
                (None, Some(group)) => format!("Asked the group {group}: {}", task.title),
                (None, None) => format!("Asked: {}", task.title),
            },
            Self::TimerSet { timer, .. } => format!("Waits until {}", timer.due_at.format("%Y-%m-%d %H:%M:%S UTC")),
            Self::MessageReceived { message, early: false, .. } => format!("Received {}", message.message_type),
            Self::MessageReceived { message, early: true, .. } => {
                format!("Took {}, which had come early", message.message_type)
            }
            Self::TimerFired { node, .. } => format!("Time is up at {node}"),
            Self::TaskCompleted { outcome, by, .. } => format!("{by} chose {outcome}"),
            Self::MessageBuffered { message } => format!("{} came early and is kept", message.message_type),
            Self::Held { arrival: Arrival::Message { message } } => {
                format!("{} came while suspended and is kept", message.message_type)
            }
            Self::Held { arrival: Arrival::Timer { .. } } => "A timer fired while suspended and is kept".to_owned(),
            Self::MessageLate { message } => format!("{} came too late; nothing follows", message.message_type),
            Self::IncidentRaised { node, incident, .. } => format!("Stuck at {node}: {}", incident.reason),
            Self::Retried { node, by, .. } => format!("{by} tried {node} again"),
            Self::Suspended { by, .. } => format!("Suspended by {by}"),
            Self::Resumed { by, .. } => format!("Resumed by {by}"),
            Self::Cancelled { by, .. } => format!("Cancelled by {by}"),
            Self::Ended { status, reason: Some(reason), .. } => format!("Ended as {}: {reason}", status.as_str()),
            Self::Ended { status, reason: None, .. } => format!("Ended as {}", status.as_str()),
        }
    }
}

// The derives above make functions, not implementations (that is what `remote = "Self"` does), so that the version can be
// put around them here.

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Bare<'a>(&'a Event);
        impl Serialize for Bare<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                Event::serialize(self.0, serializer)
            }
        }
        #[derive(Serialize)]
        struct Stored<'a> {
            v: V1,
            #[serde(flatten)]
            event: Bare<'a>,
        }
        Stored { v: V1, event: Bare(self) }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bare(Event);
        impl<'de> Deserialize<'de> for Bare {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Event::deserialize(deserializer).map(Self)
            }
        }
        #[derive(Deserialize)]
        struct Stored {
            #[serde(rename = "v")]
            _v: V1,
            #[serde(flatten)]
            event: Bare,
        }
        Stored::deserialize(deserializer).map(|stored| stored.event.0)
    }
}
