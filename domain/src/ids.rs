//! Typed ids.
//!
//! An instance numbers whatever it creates (commands, timers, tasks) with one counter. The id of such a child is the
//! instance's id with the number in its lowest [`CHILD_BITS`] bits, so it is deterministic (the same decision taken
//! twice names the same command, and a receiver can deduplicate) and reversible (a reply that only carries the
//! command's id as its `causation_id` leads straight to the instance, with no table in between).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How many of the lowest bits of an id number an instance's children: 1,048,575 of them at most.
pub const CHILD_BITS: u32 = 20;
const CHILD_MASK: u128 = (1 << CHILD_BITS) - 1;
/// The highest number that a child of an instance can have.
pub const CHILD_MAX: u32 = CHILD_MASK as u32;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

id!(
    /// A message, everywhere: in the outbox, on the bus and in every receiver's inbox.
    MessageId
);
id!(
    /// An instance of a process (or, later, of a stateful saga). Its lowest [`CHILD_BITS`] bits are zero.
    InstanceId
);
id!(
    /// A timer of an instance.
    TimerId
);
id!(
    /// A human task of an instance.
    TaskId
);

impl InstanceId {
    /// The instance id made of a fresh UUIDv7: its lowest [`CHILD_BITS`] bits are cleared.
    pub fn from_uuid(fresh: Uuid) -> Self {
        Self(Uuid::from_u128(fresh.as_u128() & !CHILD_MASK))
    }

    /// The id of this instance's child number `number` (1 ..= [`CHILD_MAX`]).
    pub fn child(self, number: u32) -> Uuid {
        debug_assert!((1..=CHILD_MAX).contains(&number));
        Uuid::from_u128(self.0.as_u128() | (u128::from(number) & CHILD_MASK))
    }

    /// The number of `child` among this instance's children; `None` when it is not one of them.
    pub fn number_of(self, child: Uuid) -> Option<u32> {
        let number = (child.as_u128() & CHILD_MASK) as u32;
        (number > 0 && Self::from_uuid(child) == self).then_some(number)
    }

    /// The instance that `child` would belong to if it is the id of some instance's child at all.
    pub fn of_child(child: Uuid) -> Self {
        Self::from_uuid(child)
    }
}
