//! The history of an instance: what happened, one event after the other.
//!
//! Events carry all that [`evolve`](super::evolve) and [`effects`](super::effects) need, so that neither has to look at
//! anything else. They are stored for ever: a variant is never changed, only added.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    Arrival, Cause, Closed, DueTimer, Forward, Incident, OpenedTask, Origin, Parent, Status, Undoable, Unsettled,
    ValueWait, Watched,
};
use crate::{
    format::V1,
    ids::{InstanceId, MessageId, TaskId, TimerId},
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
        /// The event that started it, if it was started by one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trigger: Option<Box<Message>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<Parent>,
    },
    /// A token left a node by a port, setting variables on the way, and came to the next one.
    Moved {
        token: u32,
        from: String,
        port: String,
        to: String,
        set: Map<String, Value>,
    },
    /// A command was issued; the token waits for a reply. When it waited for one already, this is another attempt.
    CommandSent {
        token: u32,
        node: String,
        command: Box<Message>,
        timer: Option<DueTimer>,
        /// What is awaited by value from now on; nothing new with another attempt.
        waits: Vec<ValueWait>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        forward: Option<Box<Forward>>,
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
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        handovers: Vec<Handover>,
    },
    /// Nobody completed a task in time: it goes to somebody else.
    TaskEscalated {
        token: u32,
        node: String,
        task: TaskId,
        timer: TimerId,
        assignee: Option<String>,
        candidate_group: Option<String>,
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
        /// Until when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timer: Option<DueTimer>,
    },
    /// An event that came early was not taken in time; it is dropped.
    MessageExpired {
        message: MessageId,
        message_type: String,
        timer: TimerId,
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
    /// What an incident was about has come to an end by itself; the token is where it was before.
    Resolved {
        token: u32,
        node: String,
    },
    /// An operator has a failed step tried again.
    Retried {
        token: u32,
        node: String,
        by: String,
        reason: String,
    },
    /// A command was refused, or not answered in time, and will be sent again.
    RetryPlanned {
        token: u32,
        node: String,
        /// The number of the next attempt; the first was 1.
        attempt: u32,
        /// The reply that refused it; `None` after a time-out.
        message: Option<Box<Message>>,
        timer: DueTimer,
        closed: Closed,
    },
    /// Another process was called; the token waits until that has ended.
    Called {
        token: u32,
        node: String,
        child: InstanceId,
        command: Box<Message>,
        timer: Option<DueTimer>,
    },
    /// A called process is not waited for any more, and told so.
    ChildGivenUp {
        token: u32,
        node: String,
        child: InstanceId,
        command: Box<Message>,
    },
    /// The instance that called this one is told how it ended.
    ParentTold {
        message: Box<Message>,
    },
    /// A question about a command under way was sent.
    Asked {
        /// The token that waits for the command's reply, or the undo's; `None` for an unsettled command.
        token: Option<u32>,
        node: String,
        /// The first attempt of the command that it is about.
        about: MessageId,
        query: Box<Message>,
        timer: Option<DueTimer>,
    },
    /// Time is up, and it is waited on.
    TimeNoted {
        /// As in `Asked`.
        token: Option<u32>,
        node: String,
        about: MessageId,
        timer: TimerId,
    },
    /// A token went on along several branches, each with a token of its own.
    Forked {
        token: u32,
        node: String,
        join: String,
        branches: Vec<Branch>,
        timer: Option<DueTimer>,
    },
    /// The token of a branch came to the join, and is no more.
    Joined {
        token: u32,
        node: String,
    },
    /// A loop over these items began.
    LoopBegan {
        token: u32,
        node: String,
        /// The variable that has the item.
        item: String,
        items: Vec<Value>,
        timer: Option<DueTimer>,
    },
    /// The next item has a token of its own now.
    ItemBegan {
        token: u32,
        node: String,
        /// The item's token.
        inner: u32,
        index: u32,
        /// The first node of the body.
        to: String,
    },
    /// The body was gone through for an item; its token is no more.
    ItemEnded {
        token: u32,
        node: String,
        index: u32,
        result: Option<Value>,
    },
    /// What a token waited for inside is over; its time limit is, too.
    Gathered {
        token: u32,
        node: String,
        closed: Closed,
    },
    /// A loop has gone through many items in one go and takes a breath before it goes on.
    LoopPaused {
        token: u32,
        node: String,
        timer: DueTimer,
    },
    /// The breath is over.
    LoopWentOn {
        token: u32,
        node: String,
        timer: TimerId,
    },
    /// A step succeeded that can be undone.
    StepSucceeded {
        token: u32,
        node: String,
        undo: Box<Undoable>,
    },
    /// A command was left without an answer; before anything is undone, it has to be known whether it was done.
    StepUnsettled {
        token: u32,
        node: String,
        unsettled: Box<Unsettled>,
    },
    /// It is known now what became of an unsettled command.
    StepSettled {
        node: String,
        command: MessageId,
        succeeded: bool,
        /// The reply that said so; `None` when it was an operator, or when the reply is told of by another event, too.
        message: Option<Box<Message>>,
        /// What will undo it.
        undo: Option<Box<Undoable>>,
        /// Why what would undo it cannot be made out; it stays unsettled then.
        failure: Option<String>,
        /// The operator who said so.
        by: Option<String>,
        reason: Option<String>,
        closed: Closed,
    },
    /// Everything else is given up, and what was done is being undone.
    CompensationBegan {
        token: u32,
        node: String,
        cause: Cause,
        at: DateTime<Utc>,
        closed: Closed,
    },
    /// While undoing: until when the answer of an unsettled command is waited for.
    SettlementAwaited {
        node: String,
        command: MessageId,
        timer: DueTimer,
    },
    /// The command that undoes the last step that is not undone; when one was under way already, another attempt.
    UndoSent {
        token: u32,
        /// The step's node.
        node: String,
        command: Box<Message>,
        timer: Option<DueTimer>,
        waits: Vec<ValueWait>,
    },
    /// The step's effects are undone.
    Undone {
        token: u32,
        node: String,
        command: MessageId,
    },
    /// An operator leaves a step as it is, not undone.
    UndoSkipped {
        token: u32,
        node: String,
        command: MessageId,
        by: String,
        reason: String,
        closed: Closed,
    },
    /// All is undone; the token goes on.
    Compensated {
        token: u32,
        node: String,
    },
    /// An operator stopped the undoing: the instance ends as failed.
    Abandoned {
        by: String,
        reason: String,
        at: DateTime<Utc>,
        closed: Closed,
    },
    /// An operator changed variables: those of a token's own, or those of the instance.
    VariablesSet {
        token: Option<u32>,
        set: Map<String, Value>,
        by: String,
        reason: String,
    },
    /// An operator has a step left that did not happen.
    Skipped {
        token: u32,
        node: String,
        port: String,
        by: String,
        reason: String,
        closed: Closed,
    },
    /// An operator took a token to another node.
    Relocated {
        token: u32,
        node: String,
        to: String,
        by: String,
        reason: String,
        closed: Closed,
    },
    /// An operator has it go on by another version of its definition.
    Migrated {
        from_version: u32,
        to_version: u32,
        /// Nodes that are called otherwise from now on.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        nodes: BTreeMap<String, String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        waits: Vec<Watched>,
        by: String,
        reason: String,
    },
    /// The first event of an instance that takes over from another one: it begins at `node`, where token 1 stands now.
    RestartedFrom {
        instance: InstanceId,
        origin: Origin,
        definition: String,
        input: Value,
        vars: Map<String, Value>,
        business_key: Option<String>,
        /// Who started the one that it goes back to at first, and when.
        started_by: String,
        started_at: DateTime<Utc>,
        node: String,
        /// What of the original is still in force, and is undone by this one if at all.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        done: Vec<Undoable>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unsettled: Vec<Unsettled>,
        /// The operation on many instances that asked for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        batch: Option<Uuid>,
        by: String,
        reason: String,
        at: DateTime<Utc>,
    },
    /// Another instance took over from a point of this history. This one ends, if it had not ended before.
    RestartedAs {
        instance: InstanceId,
        /// The event of this history, counted from 1, after which the other one begins.
        sequence: u64,
        by: String,
        reason: String,
        at: DateTime<Utc>,
        closed: Closed,
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
        /// What was open elsewhere.
        #[serde(default)]
        closed: Closed,
    },
}

/// To whom an open task goes, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    pub due: DueTimer,
    pub assignee: Option<String>,
    pub candidate_group: Option<String>,
}

/// A branch of a fork, begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Branch {
    pub name: String,
    pub token: u32,
    /// Its first node.
    pub to: String,
    pub set: Map<String, Value>,
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
