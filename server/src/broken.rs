//! Deliberate defects, to prove that the simulation and its checker find them. Never in a release.
//!
//! Each stands for a mistake that naive implementations make. They exist only with the feature `broken-builds`, and
//! then one at a time, on the thread that asked for it: `cargo nextest run --workspace --test simulation --features
//! baton-server/broken-builds`. Without the feature [`is`] is a constant `false`.
//!
//! Defects of the code here are built in where they belong; those of a database's adapter are built into the
//! simulation's own store, which asks the same switch.

#[cfg(all(feature = "broken-builds", any(not(debug_assertions), feature = "embed")))]
compile_error!("the feature `broken-builds` is for tests of the tests only: it must never be in a release");

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Messages are marked before they are published: a crash in between loses them.
    MarkBeforePublish,
    /// The outbox is read with `seq > last`: what commits late is skipped for ever.
    CursorReading,
    /// Results are written without looking whether the writer still has the right to it.
    NoFencing,
    /// Messages are handled without being taken in, so repeated ones are handled again.
    NoInbox,
    /// After a restart histories are replayed with their effects, so commands are issued again.
    EffectsOnReplay,
    /// A time-out is taken for an answer: what may still be done is undone at once.
    UndoOvertakes,
    /// Undoing waits only for commands that would be undone themselves, and overtakes the others.
    UndoOverlooks,
    /// Who keeps an event and who begins to wait for it do not take their turn: each looks before the other has written.
    BlindToEarly,
}

/// Whether this defect is switched on.
#[cfg(not(feature = "broken-builds"))]
pub const fn is(_: Fault) -> bool {
    false
}

#[cfg(feature = "broken-builds")]
pub use switch::{Broken, is};

#[cfg(feature = "broken-builds")]
mod switch {
    use std::cell::Cell;

    use super::Fault;

    thread_local! {
        static FAULT: Cell<Option<Fault>> = const { Cell::new(None) };
    }

    /// Whether this defect is switched on for this thread.
    pub fn is(fault: Fault) -> bool {
        FAULT.get() == Some(fault)
    }

    /// Breaks this thread's engine until dropped.
    pub struct Broken(());

    impl Broken {
        pub fn by(fault: Fault) -> Self {
            FAULT.set(Some(fault));
            Self(())
        }
    }

    impl Drop for Broken {
        fn drop(&mut self) {
            FAULT.set(None);
        }
    }
}
