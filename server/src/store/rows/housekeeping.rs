//! What is removed once it is old, and how large the tables are.

/// What is removed once it is old, in the order in which a round goes through it: what belongs to something goes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CleanKind {
    /// Attempts of deliveries that have ended.
    Attempts,
    /// Published messages, with their deliveries and attempts.
    Messages,
    /// That a message was taken in.
    Inbox,
    /// Instances that have ended, with their history, tasks, timers and waits.
    Instances,
    Audit,
    /// Operations on many instances that have ended.
    Batches,
    /// Types of messages that were not seen any more.
    Types,
    /// What the charts count by minute.
    Minutes,
    /// Sessions, tokens and links that have expired.
    Credentials,
}

impl CleanKind {
    pub const ALL: [Self; 9] = [
        Self::Attempts,
        Self::Messages,
        Self::Inbox,
        Self::Instances,
        Self::Audit,
        Self::Batches,
        Self::Types,
        Self::Minutes,
        Self::Credentials,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attempts => "attempts",
            Self::Messages => "messages",
            Self::Inbox => "inbox",
            Self::Instances => "instances",
            Self::Audit => "audit",
            Self::Batches => "batches",
            Self::Types => "types",
            Self::Minutes => "minutes",
            Self::Credentials => "credentials",
        }
    }
}

/// What one small transaction removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// How many of the kind went; what went along with them is not counted.
    pub rows: u64,
    /// Partitions that were dropped as a whole; their rows are not counted.
    pub partitions: u64,
}

impl Cleaned {
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

/// How much room a table takes, its indexes included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSize {
    pub name: String,
    pub bytes: u64,
    /// About how many rows it has; `None` where that is not known without counting.
    pub rows: Option<u64>,
    /// About how many dead versions of rows wait for vacuum.
    pub dead: Option<u64>,
}
