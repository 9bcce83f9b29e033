//! Instances as this node wrote them last, so that the next step need not read them.
//!
//! It is a guess that is checked: a step that begins with such a row writes only if the instance still has that sequence,
//! and begins again with what is stored if it has not (another node was there).

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use baton_domain::ids::InstanceId;
use serde_json::Value;

use crate::store::rows::{Claim, InstanceChange, InstanceRow, Loaded};

/// How much one generation holds at most, in bytes of about what JSON takes.
const GENERATION_BYTES_MAX: usize = 4 << 20;
/// Larger ones are read each time.
const ROW_BYTES_MAX: usize = 64 << 10;
/// What a row takes beside its snapshot.
const ROW_BYTES: usize = 300;

/// Two generations: what was written since the last change of generation, and what was written before it. So whatever is
/// not written any more goes, without a list of who was used when.
#[derive(Debug, Default)]
pub struct Recent(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<InstanceId, InstanceRow>,
    young_bytes: usize,
    old: HashMap<InstanceId, InstanceRow>,
}

impl Recent {
    /// What `claim` asks for, if it is known without a look: messages (held for new until they are written down) and
    /// instances, and nothing else. The instances are taken out: whoever succeeds keeps them again.
    pub fn take(&self, claim: &Claim) -> Option<Loaded> {
        let Claim { consumer: _, messages, instances, waits, timers, tasks, starts } = claim;
        // Messages without an instance may concern one that nobody named; and without messages an operator acts, who waits
        // for whoever is at it rather than being told to try again.
        let is_more = !waits.is_empty() || !timers.is_empty() || !tasks.is_empty() || !starts.is_empty();
        if is_more || instances.is_empty() != messages.is_empty() {
            return None;
        }
        let mut generations = self.lock();
        let is_known = |id: &InstanceId| generations.young.contains_key(id) || generations.old.contains_key(id);
        if !instances.iter().all(is_known) {
            return None;
        }
        let taken = instances.iter().filter_map(|id| generations.take(id)).map(|row| (row.id, row)).collect();
        Some(Loaded { fresh: messages.iter().copied().collect(), instances: taken, ..Loaded::default() })
    }

    /// What was committed. Ended instances are not asked for again, but for by those who come late.
    pub fn keep(&self, changes: Vec<InstanceChange>) {
        let mut generations = self.lock();
        for InstanceChange { row, .. } in changes {
            generations.take(&row.id);
            let bytes = ROW_BYTES + weight(&row.snapshot);
            if row.status.is_terminal() || bytes > ROW_BYTES_MAX {
                continue;
            }
            if generations.young_bytes + bytes > GENERATION_BYTES_MAX {
                generations.old = std::mem::take(&mut generations.young);
                generations.young_bytes = 0;
            }
            generations.young_bytes += bytes;
            generations.young.insert(row.id, row);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn take(&mut self, id: &InstanceId) -> Option<InstanceRow> {
        match self.young.remove(id) {
            Some(row) => {
                self.young_bytes = self.young_bytes.saturating_sub(ROW_BYTES + weight(&row.snapshot));
                Some(row)
            }
            None => self.old.remove(id),
        }
    }
}

/// About how many bytes a value is as JSON, without writing it.
pub(super) fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| weight(item) + 1).sum::<usize>() + 2,
        Value::Object(fields) => fields.iter().map(|(name, field)| name.len() + 4 + weight(field)).sum::<usize>() + 2,
    }
}

#[cfg(test)]
mod tests {
    use baton_domain::{definition::DefinitionKind, ids::MessageId, process::Status};
    use chrono::DateTime;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn change(id: u128, sequence: i64, status: Status, text: &str) -> InstanceChange {
        let row = InstanceRow {
            id: InstanceId(Uuid::from_u128(id)),
            kind: DefinitionKind::Process,
            definition: "it".to_owned(),
            version: 1,
            status,
            business_key: None,
            sequence,
            snapshot: json!({"text": text}),
            incident: None,
            started_by: "me".to_owned(),
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
            ended_at: None,
            parent: None,
        };
        InstanceChange { row, expected_sequence: None, idempotency_key: None, history: Vec::new() }
    }

    fn claim(instances: &[u128]) -> Claim {
        Claim {
            messages: vec![MessageId(Uuid::from_u128(9))],
            instances: instances.iter().map(|id| InstanceId(Uuid::from_u128(*id))).collect(),
            ..Claim::default()
        }
    }

    fn sequences(recent: &Recent, instances: &[u128]) -> Option<Vec<i64>> {
        let mut rows: Vec<i64> = recent.take(&claim(instances))?.instances.values().map(|row| row.sequence).collect();
        rows.sort_unstable();
        Some(rows)
    }

    #[test]
    fn what_was_written_last_is_known_once() {
        let recent = Recent::default();
        recent.keep(vec![change(1, 1, Status::Waiting, ""), change(2, 5, Status::Waiting, "")]);
        recent.keep(vec![change(1, 3, Status::Waiting, "")]);
        assert_eq!(sequences(&recent, &[1, 7]), None, "one of them is not known");
        assert_eq!(sequences(&recent, &[1, 2]), Some(vec![3, 5]));
        assert_eq!(sequences(&recent, &[1]), None, "it was taken");
        assert_eq!(sequences(&recent, &[]), None, "the message may be about any");
        assert!(recent.take(&Claim::default()).is_some_and(|loaded| loaded.instances.is_empty()), "a start needs none");
    }

    #[test]
    fn what_ended_or_is_large_is_not_kept_nor_what_was_kept_of_it() {
        let recent = Recent::default();
        recent.keep(vec![change(1, 1, Status::Waiting, ""), change(2, 1, Status::Waiting, "")]);
        recent
            .keep(vec![change(1, 2, Status::Completed, ""), change(2, 2, Status::Waiting, &"x".repeat(ROW_BYTES_MAX))]);
        assert_eq!(sequences(&recent, &[1]), None);
        assert_eq!(sequences(&recent, &[2]), None);
    }

    #[test]
    fn claims_of_more_than_messages_and_instances_are_read() {
        let recent = Recent::default();
        recent.keep(vec![change(1, 1, Status::Waiting, "")]);
        let more = Claim { waits: vec![("Done".to_owned(), "1".to_owned())], ..claim(&[1]) };
        assert!(recent.take(&more).is_none());
        assert!(recent.take(&claim(&[1])).is_some());
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let recent = Recent::default();
        let text = "x".repeat(10_000);
        for id in 0..5_000 {
            recent.keep(vec![change(id, 1, Status::Waiting, &text)]);
        }
        let kept = recent.lock();
        let bytes = |rows: &HashMap<InstanceId, InstanceRow>| {
            rows.values().map(|row| ROW_BYTES + weight(&row.snapshot)).sum::<usize>()
        };
        assert_eq!(bytes(&kept.young), kept.young_bytes);
        assert!(bytes(&kept.young) + bytes(&kept.old) <= 2 * GENERATION_BYTES_MAX);
        assert!(kept.old.len() > 300, "half of it is kept at least");
    }
}
