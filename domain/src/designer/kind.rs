//! The kinds of nodes, and of the parts of a saga, as far as a canvas has to know them.

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Start,
    Command,
    Wait,
    Decide,
    Compute,
    Approval,
    Timer,
    Call,
    Fork,
    Join,
    ForEach,
    Compensate,
    End,
    /// In a saga: an event that starts it, or that is reacted to.
    Event,
    /// A step of a saga.
    Step,
    /// What undoes a step.
    Undo,
    /// What a saga sends because of an event.
    Reaction,
    /// What the definition says is no kind; it is drawn and kept all the same.
    Unknown,
}

impl Kind {
    /// All that can be drawn in a process, in the order of the palette.
    pub const ALL: [Kind; 13] = [
        Kind::Start,
        Kind::Command,
        Kind::Wait,
        Kind::Decide,
        Kind::Compute,
        Kind::Approval,
        Kind::Timer,
        Kind::Call,
        Kind::Fork,
        Kind::Join,
        Kind::ForEach,
        Kind::Compensate,
        Kind::End,
    ];

    /// As definitions write it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Start => "start",
            Kind::Command => "command",
            Kind::Wait => "wait",
            Kind::Decide => "decide",
            Kind::Compute => "compute",
            Kind::Approval => "approval",
            Kind::Timer => "timer",
            Kind::Call => "call",
            Kind::Fork => "fork",
            Kind::Join => "join",
            Kind::ForEach => "for-each",
            Kind::Compensate => "compensate",
            Kind::End => "end",
            Kind::Event => "event",
            Kind::Step => "step",
            Kind::Undo => "undo",
            Kind::Reaction => "reaction",
            Kind::Unknown => "unknown",
        }
    }

    /// The kind of a node of a process.
    pub fn of(name: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or(Kind::Unknown)
    }

    /// The fields of such a node that are its own; `kind`, `title` and `description` have all of them.
    pub fn fields(self) -> &'static [&'static str] {
        match self {
            Kind::Start | Kind::Compute | Kind::Join | Kind::Compensate => &["set", "next"],
            Kind::Command => &["send", "to", "key", "payload", "match", "on", "fails", "undo", "retry"],
            Kind::Wait => &["match", "on"],
            Kind::Decide => &["cases", "default"],
            Kind::Approval => &["assignee", "group", "due", "escalate", "outcomes", "timeout"],
            Kind::Timer => &["for", "until", "set", "next"],
            Kind::Call => &["process", "version", "input", "business_key", "on", "timeout", "undo"],
            Kind::Fork => &["branches", "join", "timeout"],
            Kind::ForEach => &["over", "as", "mode", "limit", "do", "collect", "into", "timeout", "set", "next"],
            Kind::End => &["outcome", "set", "reason"],
            Kind::Event | Kind::Step | Kind::Undo | Kind::Reaction | Kind::Unknown => &[],
        }
    }
}
