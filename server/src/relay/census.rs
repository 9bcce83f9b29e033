//! Which types of messages there are: noted once a day each, so that editors know them without reading the outbox, and those that
//! are not seen any more can be told.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use baton_domain::message::Message;
use chrono::NaiveDate;

use crate::store::rows::TypeRow;

/// No more are noted: whoever makes types of random texts does not fill a table with them.
const TYPES_MAX: usize = 10_000;

/// What was seen by this relay today.
#[derive(Default)]
pub struct Census(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    day: NaiveDate,
    /// By message type: with which kinds and aggregate types. Looked up for each message, so nothing is allocated for
    /// one that is known.
    types: HashMap<String, Vec<TypeRow>>,
    count: usize,
}

impl Census {
    /// Those that were not seen before `today`.
    pub fn new_of<'a>(&self, messages: impl Iterator<Item = &'a Message>, today: NaiveDate) -> Vec<TypeRow> {
        let mut seen = self.lock();
        if seen.day != today {
            *seen = Seen { day: today, ..Seen::default() };
        }
        let mut new = Vec::new();
        for message in messages {
            let same = |row: &TypeRow| row.kind == message.kind && row.aggregate_type == message.key.aggregate_type;
            let is_known = seen.types.get(&message.message_type).is_some_and(|rows| rows.iter().any(same));
            if is_known || seen.count >= TYPES_MAX {
                continue;
            }
            let row = TypeRow {
                kind: message.kind,
                message_type: message.message_type.clone(),
                aggregate_type: message.key.aggregate_type.clone(),
            };
            seen.types.entry(row.message_type.clone()).or_default().push(row.clone());
            seen.count += 1;
            new.push(row);
        }
        new
    }

    /// They could not be written down; they count as new the next time.
    pub fn forget(&self, rows: &[TypeRow]) {
        let mut seen = self.lock();
        for row in rows {
            if let Some(known) = seen.types.get_mut(&row.message_type) {
                known.retain(|it| it != row);
            }
        }
        seen.count = seen.count.saturating_sub(rows.len());
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use baton_domain::message::MessageKind;

    use super::*;
    use crate::relay::fixtures::a_message;

    const DAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 11, 30).unwrap();

    #[test]
    fn each_type_is_new_once_a_day_unless_it_could_not_be_written_down() {
        let census = Census::default();
        let event = a_message(1, "a");
        let command = Message { kind: MessageKind::Command, ..a_message(2, "a") };
        let new = census.new_of([&event, &event, &command].into_iter(), DAY);
        assert_eq!(new.iter().map(|row| row.kind).collect::<Vec<_>>(), [MessageKind::Event, MessageKind::Command]);
        assert_eq!(census.new_of([&event, &command].into_iter(), DAY), []);
        census.forget(&new[..1]);
        assert_eq!(census.new_of([&command, &event].into_iter(), DAY), new[..1]);
        assert_eq!(census.new_of([&event].into_iter(), DAY.succ_opt().unwrap()), new[..1]);
    }

    #[test]
    fn there_is_an_end_to_new_types() {
        let census = Census::default();
        let many: Vec<Message> =
            (0..TYPES_MAX + 5).map(|n| Message { message_type: format!("T{n}"), ..a_message(1, "a") }).collect();
        assert_eq!(census.new_of(many.iter(), DAY).len(), TYPES_MAX);
    }
}
