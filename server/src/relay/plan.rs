//! What to do with a batch of the outbox, and what to write down after the bus has answered: pure.
//!
//! A message goes out in one pass. Its row is marked (or deleted) together with whatever is left to do about it, which
//! stands in deliveries: for every destination beside the bus, and for the bus where it failed.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use baton_domain::{
    message::{Key, Message},
    retry::Policy,
};
use chrono::{DateTime, Utc};

use crate::{
    bus::{UNAVAILABLE, reading::failure_of},
    destination::{
        directory::Snapshot,
        outcome::{seed, storable},
        unknown_destination,
    },
    store::rows::{BUS, DeliveryState, Failure, NewDelivery, Outbound, Settlement},
};

/// A batch, sorted by what happens to each message.
#[derive(Default)]
pub struct Plan {
    pub rows: Vec<Row>,
    /// For the bus, in order; `positions` are their places in `rows`.
    pub publish: Vec<Arc<Message>>,
    pub positions: Vec<usize>,
    /// What is to be written down whatever the bus says.
    pub deliveries: Vec<NewDelivery>,
    /// Some message names a destination that is not in the snapshot.
    pub has_unknown: bool,
}

pub struct Row {
    pub seq: i64,
    pub message: Arc<Message>,
    /// Beside the bus: how many destinations.
    pub destinations: usize,
    pub bus: bool,
}

/// Says where each message goes. Messages whose key is in `parked` have an earlier one that failed at the bus; they
/// queue behind it.
pub fn plan(batch: Vec<Outbound>, snapshot: &Snapshot, parked: &HashSet<Key>) -> Plan {
    let mut plan = Plan {
        rows: Vec::with_capacity(batch.len()),
        publish: Vec::with_capacity(batch.len()),
        positions: Vec::with_capacity(batch.len()),
        ..Plan::default()
    };
    for outbound in batch {
        let message = Arc::new(outbound.message);
        let targets = snapshot.targets(&message);
        plan.rows.push(Row {
            seq: outbound.seq,
            message: Arc::clone(&message),
            destinations: targets.destinations.len(),
            bus: targets.bus,
        });
        for target in targets.destinations {
            let mut delivery = delivery(outbound.seq, &message, &target.name, DeliveryState::Queued);
            if !target.known {
                plan.has_unknown = true;
                delivery.state = DeliveryState::Dead;
                delivery.failure = Some(unknown_destination(&target.name));
            }
            plan.deliveries.push(delivery);
        }
        if let Some(failure) = failure_of(&message) {
            let mut dead = delivery(outbound.seq, &message, BUS, DeliveryState::Dead);
            dead.failure = Some(storable(failure));
            plan.deliveries.push(dead);
        } else if targets.bus && !parked.is_empty() && parked.contains(&message.key) {
            plan.deliveries.push(delivery(outbound.seq, &message, BUS, DeliveryState::Parked));
        } else if targets.bus {
            plan.positions.push(plan.rows.len() - 1);
            plan.publish.push(message);
        }
    }
    plan
}

/// What became of a batch.
pub struct Settled {
    pub settlement: Settlement,
    /// Why some messages stay unpublished: the bus as a whole does not work.
    pub unavailable: Option<Failure>,
}

/// What a key's first failure in this pass was.
#[derive(Clone, Copy, PartialEq)]
enum Stopped {
    Failed,
    Unavailable,
}

/// Combines the plan with the answers of the bus (one for each of `plan.publish`).
pub fn settle(
    plan: &mut Plan,
    results: Vec<Result<(), Failure>>,
    policy: &Policy,
    now: DateTime<Utc>,
    delete: bool,
) -> Settled {
    let mut stopped: HashMap<&Key, Stopped> = HashMap::new();
    let mut untaken: HashSet<i64> = HashSet::new();
    let mut unavailable = None;
    let mut deliveries = std::mem::take(&mut plan.deliveries);
    for (position, result) in plan.positions.iter().zip(results) {
        let Err(failure) = result else { continue };
        let row = &plan.rows[*position];
        let before = stopped.get(&row.message.key).copied();
        match before {
            Some(Stopped::Failed) => {
                deliveries.push(delivery(row.seq, &row.message, BUS, DeliveryState::Parked));
            }
            None if failure.class != UNAVAILABLE => {
                deliveries.push(first_failure(row, failure, policy, now));
                stopped.insert(&row.message.key, Stopped::Failed);
            }
            None | Some(Stopped::Unavailable) => {
                untaken.insert(row.seq);
                stopped.insert(&row.message.key, Stopped::Unavailable);
                unavailable.get_or_insert(failure);
            }
        }
    }
    let mut published: Vec<i64> = plan.rows.iter().map(|row| row.seq).collect();
    if !untaken.is_empty() {
        published.retain(|seq| !untaken.contains(seq));
        deliveries.retain(|delivery| !untaken.contains(&delivery.seq));
    }
    Settled { settlement: Settlement { published, deliveries, delete, now: Some(now) }, unavailable }
}

fn first_failure(row: &Row, failure: Failure, policy: &Policy, now: DateTime<Utc>) -> NewDelivery {
    let mut delivery = delivery(row.seq, &row.message, BUS, DeliveryState::Dead);
    delivery.attempts = 1;
    delivery.failure = Some(storable(failure));
    if policy.allows_another(1) {
        delivery.state = DeliveryState::Retrying;
        delivery.next_attempt_at = Some(now + policy.delay(1, seed(row.seq, now)));
    }
    delivery
}

fn delivery(seq: i64, message: &Message, destination: &str, state: DeliveryState) -> NewDelivery {
    NewDelivery {
        seq,
        message_id: message.id,
        key: message.key.clone(),
        destination: destination.to_owned(),
        state,
        attempts: 0,
        next_attempt_at: None,
        failure: None,
    }
}

#[cfg(test)]
mod tests {
    use baton_domain::message::MessageKind;
    use chrono::DateTime;
    use serde_json::json;

    use super::*;
    use crate::{
        bus::{behind_failure, unavailable},
        relay::fixtures::a_message,
        store::rows::{DestinationRow, RouteRow},
    };

    const POLICY: Policy = Policy { attempts_max: 3, base_ms: 100, cap_ms: 1_000 };

    /// Commands go to the destination `audit`, events to the bus.
    fn snapshot() -> Snapshot {
        let audit = DestinationRow {
            name: "audit".into(),
            settings: json!({"kind": "http", "url": "https://example.com"}),
            paused: false,
            updated_at: DateTime::UNIX_EPOCH,
        };
        let to_audit = RouteRow {
            name: "commands".into(),
            kind: Some(MessageKind::Command),
            message_type: None,
            aggregate_type: None,
            to: "audit".into(),
        };
        Snapshot::new(vec![audit], vec![to_audit])
    }

    fn batch(keys: &[&str]) -> Vec<Outbound> {
        let rows = keys.iter().zip(1..);
        rows.map(|(key, seq)| Outbound { seq, lane: 0, message: a_message(seq as u128, key), bus_waits: true })
            .collect()
    }

    fn refused() -> Result<(), Failure> {
        Err(Failure { class: "refused".into(), error: "no".into() })
    }

    /// `published | seq destination state attempts, …` after the bus answered `results`.
    fn settled(mut plan: Plan, results: Vec<Result<(), Failure>>) -> String {
        let settled = settle(&mut plan, results, &POLICY, DateTime::UNIX_EPOCH, false);
        let deliveries: Vec<String> = (settled.settlement.deliveries.iter())
            .map(|new| format!("{} {} {} {}", new.seq, new.destination, new.state.as_str(), new.attempts))
            .collect();
        format!("{:?} | {}", settled.settlement.published, deliveries.join(", "))
    }

    #[test]
    fn what_the_bus_took_is_only_marked() {
        let plan = plan(batch(&["a", "b"]), &snapshot(), &HashSet::new());
        assert_eq!(settled(plan, vec![Ok(()), Ok(())]), "[1, 2] | ");
    }

    #[test]
    fn followers_of_a_failure_are_parked_and_other_keys_go_on() {
        let plan = plan(batch(&["a", "a", "b", "a"]), &snapshot(), &HashSet::new());
        let results = vec![refused(), Err(behind_failure()), Ok(()), refused()];
        assert_eq!(settled(plan, results), "[1, 2, 3, 4] | 1 bus retrying 1, 2 bus parked 0, 4 bus parked 0");
    }

    #[test]
    fn a_key_with_a_failure_of_before_is_not_published() {
        let parked = HashSet::from([a_message(1, "a").key]);
        let plan = plan(batch(&["a", "b"]), &snapshot(), &parked);
        assert_eq!(plan.publish.len(), 1);
        assert_eq!(settled(plan, vec![Ok(())]), "[1, 2] | 1 bus parked 0");
    }

    #[test]
    fn nothing_is_written_about_what_an_absent_bus_did_not_take() {
        let plan = plan(batch(&["a", "a", "b"]), &snapshot(), &HashSet::new());
        let results = vec![Err(unavailable("gone")), Err(behind_failure()), Ok(())];
        assert_eq!(settled(plan, results), "[3] | ");
    }

    #[test]
    fn destinations_are_queued_and_unknown_ones_dead() {
        let mut rows = batch(&["a", "b", "c"]);
        rows[0].message.kind = MessageKind::Command;
        rows[1].message.destination = Some("typo".into());
        let plan = plan(rows, &snapshot(), &HashSet::new());
        assert!(plan.has_unknown);
        assert_eq!(settled(plan, vec![Ok(())]), "[1, 2, 3] | 1 audit queued 0, 2 typo dead 0");
    }
}
