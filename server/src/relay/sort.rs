//! What to do with messages that the log told of: pure.
//!
//! Most go out at once. What has to wait, or has work left to do that is written down beside its row, is left to the pass
//! over the outbox; a message that is in no table is put into the outbox for that.

use std::collections::HashSet;

use baton_domain::message::{Key, Message};

use crate::{
    bus::reading::failure_of,
    destination::directory::Snapshot,
    store::{
        log::{Logged, Standing},
        rows::{Instant, Outbound},
    },
};

/// What was caught, sorted by what happens to it.
#[derive(Debug, Default)]
pub struct Sorted {
    /// To be published now, in this order.
    pub go: Vec<Outbound>,
    /// Those of them, by `seq`, that are in no table.
    pub alone: HashSet<i64>,
    /// To be put into the outbox, in this order.
    pub back: Vec<Message>,
    /// Something is in the outbox that should be read from there now.
    pub look: bool,
    /// When the earliest of those that wait for their instant is due.
    pub due: Option<Instant>,
    /// In no table, and nothing that we can represent: the row's number, and why.
    pub unreadable: Vec<(i64, String)>,
}

/// What is known when messages are sorted.
pub struct Known<'a> {
    pub snapshot: &'a Snapshot,
    /// Keys with an earlier message that the bus has not taken yet.
    pub parked: &'a HashSet<Key>,
    pub now: Instant,
}

/// `polled` are rows that went out by way of the outbox and were deleted there; they are taken out as they are met.
pub fn sort(rows: Vec<Logged>, standing: &[Standing], known: &Known<'_>, polled: &mut HashSet<i64>) -> Sorted {
    let mut sorted = Sorted::default();
    // Keys with a message that does not go out now: what comes behind it does not either.
    let mut behind: HashSet<Key> = HashSet::new();
    for (row, standing) in rows.into_iter().zip(standing) {
        let Logged { seq, message } = row;
        match (standing, message) {
            (Standing::Published, _) => {}
            (Standing::Alone { .. }, _) if polled.remove(&seq) => {}
            (Standing::Alone { .. }, Err(why)) => sorted.unreadable.push((seq, why)),
            // The pass over the outbox puts it away, visibly.
            (_, Err(_)) => sorted.look = true,
            (Standing::Delayed, Ok(row)) => {
                sorted.due = [sorted.due, row.message.deliver_after].into_iter().flatten().min();
                behind.insert(row.message.key);
            }
            (_, Ok(row)) if behind.contains(&row.message.key) => match standing {
                Standing::Alone { .. } => sorted.back.push(row.message),
                _ => sorted.look = true,
            },
            (Standing::Pending, Ok(row)) => sorted.go.push(row),
            (Standing::Alone { behind: waits }, Ok(row)) => {
                if *waits || needs_a_row(&row.message, known) {
                    behind.insert(row.message.key.clone());
                    sorted.back.push(row.message);
                } else {
                    sorted.alone.insert(seq);
                    sorted.go.push(row);
                }
            }
        }
    }
    sorted.look |= !sorted.back.is_empty();
    sorted
}

/// Whether something will be written down beside the message's row.
fn needs_a_row(message: &Message, known: &Known<'_>) -> bool {
    let targets = known.snapshot.targets(message);
    message.deliver_after.is_some_and(|at| at > known.now)
        || !targets.bus
        || !targets.destinations.is_empty()
        || known.parked.contains(&message.key)
        || failure_of(message).is_some()
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;
    use crate::relay::fixtures::a_message;

    const ALONE: Standing = Standing::Alone { behind: false };
    const NOW: Instant = DateTime::UNIX_EPOCH;

    /// `go 1 2 alone 2 back 3 look` of rows 1, 2, … with these keys, places, and changes.
    fn check(rows: &[(&str, Standing)], change: impl Fn(i64, &mut Message), parked: &[&str], expected: &str) {
        let logged = |((key, _), seq): (&(&str, Standing), i64)| {
            let mut message = a_message(seq.unsigned_abs().into(), key);
            change(seq, &mut message);
            Logged { seq, message: Ok(Outbound { seq, lane: 0, message, bus_waits: true }) }
        };
        let standing: Vec<Standing> = rows.iter().map(|(_, standing)| *standing).collect();
        let snapshot = Snapshot::new(Vec::new(), Vec::new());
        let parked: HashSet<Key> = parked.iter().map(|key| a_message(1, key).key).collect();
        let known = Known { snapshot: &snapshot, parked: &parked, now: NOW };
        let mut polled = HashSet::from([99]);
        let sorted = sort(rows.iter().zip(1..).map(logged).collect(), &standing, &known, &mut polled);
        let mut text = String::from("go");
        sorted.go.iter().for_each(|row| text += &format!(" {}", row.seq));
        let mut alone: Vec<i64> = sorted.alone.into_iter().collect();
        alone.sort_unstable();
        alone.iter().for_each(|seq| text += &format!(" alone {seq}"));
        sorted.back.iter().for_each(|message| text += &format!(" back {}", message.id.0.as_u128()));
        if sorted.look {
            text += " look";
        }
        assert_eq!(text, expected);
    }

    #[test]
    fn what_waits_goes_and_what_went_out_does_not() {
        use Standing::{Pending, Published};
        check(&[("a", Pending), ("a", Published), ("b", ALONE)], |_, _| {}, &[], "go 1 3 alone 3");
    }

    #[test]
    fn what_comes_behind_a_delayed_message_waits_too() {
        use Standing::{Delayed, Pending};
        let rows = [("a", Delayed), ("a", Pending), ("a", ALONE), ("b", Pending)];
        check(&rows, |_, _| {}, &[], "go 4 back 3 look");
        check(&[("a", Standing::Alone { behind: true }), ("a", ALONE)], |_, _| {}, &[], "go back 1 back 2 look");
    }

    #[test]
    fn a_message_without_a_row_gets_one_when_there_is_something_to_write_down() {
        let delayed = |seq, message: &mut Message| {
            message.deliver_after = (seq == 1).then(|| NOW + TimeDelta::seconds(1));
        };
        check(&[("a", ALONE), ("a", ALONE), ("b", ALONE)], delayed, &[], "go 3 alone 3 back 1 back 2 look");
        let addressed = |_, message: &mut Message| message.destination = Some("audit".into());
        check(&[("a", ALONE)], addressed, &[], "go back 1 look");
        check(&[("a", ALONE), ("b", ALONE)], |_, _| {}, &["a"], "go 2 alone 2 back 1 look");
    }

    #[test]
    fn what_cannot_be_read_is_left_to_the_outbox_or_told() {
        let unreadable = |seq| Logged { seq, message: Err("odd".into()) };
        let snapshot = Snapshot::new(Vec::new(), Vec::new());
        let known = Known { snapshot: &snapshot, parked: &HashSet::new(), now: NOW };
        let sorted = sort(vec![unreadable(1), unreadable(2)], &[Standing::Pending, ALONE], &known, &mut HashSet::new());
        assert_eq!((sorted.look, sorted.unreadable), (true, vec![(2, "odd".to_owned())]));
    }

    #[test]
    fn what_went_out_by_way_of_the_outbox_and_was_deleted_is_met_once() {
        let snapshot = Snapshot::new(Vec::new(), Vec::new());
        let known = Known { snapshot: &snapshot, parked: &HashSet::new(), now: NOW };
        let mut polled = HashSet::from([7]);
        let row =
            Logged { seq: 7, message: Ok(Outbound { seq: 7, lane: 0, message: a_message(7, "a"), bus_waits: true }) };
        assert!(sort(vec![row], &[ALONE], &known, &mut polled).go.is_empty());
        assert!(polled.is_empty());
    }
}
