//! What this node wrote a moment ago, handed to its own relay without a look at the database.
//!
//! A chain of messages, such as the steps of a process, would otherwise wait for one more round trip at each: written here,
//! read here. The database stays what is true; this is a guess that is dropped at the slightest doubt, and then the relay
//! reads. What may not be guessed, and what guards it:
//!
//! - **The order of a key.** The statement that inserts says what was unpublished at that moment ([`Noted::before`]), what
//!   is delayed, and what waits at the bus ([`Noted::is_held`]). Messages go from here only if everything before them went
//!   out by this relay, or goes with them. Whoever commits while the statement runs is beside it, not before it.
//! - **Who may publish.** Only what was written while the relay read with the same fence; a lane that was lost and comes
//!   back has another token.
//! - **Once each.** What a read of the database returned does not come from here as well, however the two overlap.
//! - **Nothing is forgotten.** Nothing stands here that does not stand in the database. What is dropped here is found there
//!   by the next read, and until then it is before whatever is written after it.
//!
//! It is for quiet times. With much to do batches are read, and that is cheaper than to keep books for each message.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use baton_domain::{ids::MessageId, message::Message};
use chrono::SubsecRound as _;

use super::recent::weight;
use crate::store::rows::{Fence, Outbound};

/// At most this many rows wait here.
const WAITING_MAX: usize = 64;
/// Messages with a larger payload, in bytes of about what JSON takes, are read.
const PAYLOAD_MAX: usize = 64 << 10;
/// What the inserting statement says of the rows before it, at most; one more says that there are too many.
pub(super) const BEFORE_MAX: usize = 32;
/// A read that returns more, or takes longer, says that these are no quiet times.
const QUIET_ROWS_MAX: usize = 16;
const QUIET_READ_MAX: Duration = Duration::from_millis(10);
/// How many rows are remembered of what was settled, and of what reads returned.
const REMEMBERED: usize = 1024;
/// So many reads, each with [`QUIET_ROWS_MAX`] rows at most, are remembered in full.
const READS_REMEMBERED: u64 = (REMEMBERED / QUIET_ROWS_MAX) as u64;

#[derive(Debug, Default)]
pub struct HandOver(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Somebody reads the log instead.
    is_closed: bool,
    is_quiet: bool,
    /// The relay's, at its last read.
    fence: Option<Fence>,
    /// Tickets of an earlier epoch are void.
    epoch: u64,
    reads: u64,
    waiting: Vec<Waiting>,
    settled: Last,
    returned: Last,
}

#[derive(Debug)]
struct Waiting {
    outbound: Outbound,
    before: std::sync::Arc<[i64]>,
}

/// Taken before an inserting statement begins.
#[derive(Debug, Clone, Copy)]
pub struct Ticket {
    epoch: u64,
    reads: u64,
}

/// What an inserting statement says when it is asked.
#[derive(Debug, Default)]
pub struct Noted {
    /// Id, place in the order of insertion and lane of each row that was inserted.
    pub rows: Vec<(MessageId, i64, u16)>,
    /// What was unpublished and not delayed when the statement began: the first [`BEFORE_MAX`] and one more.
    pub before: Vec<i64>,
    /// Something is delayed or waits at the bus, maybe of the same key.
    pub is_held: bool,
}

impl HandOver {
    /// `None`: the statement need not say anything, nothing would be kept.
    pub fn ticket(&self) -> Option<Ticket> {
        let state = self.lock();
        (!state.is_closed && state.is_quiet && state.fence.is_some())
            .then_some(Ticket { epoch: state.epoch, reads: state.reads })
    }

    /// Keeps what was committed. `messages` are those that the statement was given.
    pub fn keep(&self, ticket: Option<Ticket>, noted: Option<Noted>, messages: &[Message]) {
        let (Some(ticket), Some(noted)) = (ticket, noted) else { return };
        if noted.is_held || noted.rows.is_empty() || noted.before.len() > BEFORE_MAX {
            return;
        }
        if messages.iter().any(|message| message.deliver_after.is_some() || weight(&message.payload) > PAYLOAD_MAX) {
            return;
        }
        let places: HashMap<MessageId, (i64, u16)> =
            noted.rows.iter().map(|(id, seq, lane)| (*id, (*seq, *lane))).collect();
        let before: std::sync::Arc<[i64]> = noted.before.into();
        let mut state = self.lock();
        let is_void = ticket.epoch != state.epoch || state.reads - ticket.reads > READS_REMEMBERED;
        if state.is_closed || is_void || state.waiting.len() + places.len() > WAITING_MAX {
            return;
        }
        for message in messages {
            let Some((seq, lane)) = places.get(&message.id).copied() else { continue };
            let is_ours = state.fence.as_ref().is_some_and(|fence| fence.lanes.contains(&lane));
            let is_there = |row: &Waiting| row.outbound.seq == seq;
            if !is_ours || state.returned.contains(seq) || state.waiting.iter().any(is_there) {
                continue;
            }
            // As the database has it.
            let message = Message { created_at: message.created_at.trunc_subsecs(6), ..message.clone() };
            let outbound = Outbound { seq, lane, message, bus_waits: false };
            state.waiting.push(Waiting { outbound, before: before.clone() });
        }
    }

    /// What goes next, in the order of insertion; `None`: the database has to be read. `except` went out, and is not written
    /// down yet.
    pub fn take(&self, fence: &Fence, limit: u32, except: &[i64]) -> Option<Vec<Outbound>> {
        let mut state = self.lock();
        if state.fence.as_ref() != Some(fence) {
            state.fence = Some(fence.clone());
            state.forget();
        }
        let waiting = std::mem::take(&mut state.waiting);
        if waiting.is_empty() || waiting.len() > limit as usize {
            return None;
        }
        let with_them: HashSet<i64> = waiting.iter().map(|row| row.outbound.seq).collect();
        let is_out = |seq: &i64| with_them.contains(seq) || except.contains(seq) || state.settled.contains(*seq);
        if !waiting.iter().all(|row| row.before.iter().all(is_out)) {
            return None;
        }
        let mut rows: Vec<Outbound> = waiting.into_iter().map(|row| row.outbound).collect();
        rows.sort_unstable_by_key(|row| row.seq);
        Some(rows)
    }

    /// The relay has read these from the database.
    pub fn read(&self, rows: &[Outbound], took: Duration) {
        let mut state = self.lock();
        state.reads += 1;
        state.is_quiet = rows.len() <= QUIET_ROWS_MAX && took <= QUIET_READ_MAX;
        if !state.is_quiet {
            return state.forget();
        }
        rows.iter().for_each(|row| state.returned.push(row.seq));
        state.waiting.retain(|waiting| rows.iter().all(|row| row.seq != waiting.outbound.seq));
    }

    /// The relay has written down that these went out; `is_all`: whole, so that nothing of them waits at the bus.
    pub fn settled(&self, rows: &[i64], is_all: bool) {
        let mut state = self.lock();
        match is_all {
            true => rows.iter().rev().take(REMEMBERED).for_each(|seq| state.settled.push(*seq)),
            false => state.forget(),
        }
    }

    /// Nothing is kept any more.
    pub fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        state.forget();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn forget(&mut self) {
        self.epoch += 1;
        self.waiting.clear();
    }
}

/// The last [`REMEMBERED`] of what was put in.
#[derive(Debug, Default)]
struct Last {
    order: VecDeque<i64>,
    known: HashSet<i64>,
}

impl Last {
    fn push(&mut self, seq: i64) {
        if !self.known.insert(seq) {
            return;
        }
        self.order.push_back(seq);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    fn contains(&self, seq: i64) -> bool {
        self.known.contains(&seq)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use baton_domain::message::{Key, MessageKind};
    use chrono::{DateTime, TimeDelta, Utc};
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;

    const LANE: u16 = 3;

    fn fence(token: i64) -> Fence {
        Fence { node: Uuid::nil(), token, lanes: vec![LANE] }
    }

    fn message(seq: i64) -> Message {
        Message {
            id: MessageId(Uuid::from_u128(seq.unsigned_abs().into())),
            kind: MessageKind::Event,
            message_type: "It".to_owned(),
            source: "me".to_owned(),
            key: Key { aggregate_type: "a".to_owned(), aggregate_id: "1".to_owned() },
            aggregate_version: None,
            payload: Value::Null,
            headers: BTreeMap::new(),
            correlation_id: None,
            causation_id: None,
            deliver_after: None,
            destination: None,
            created_at: DateTime::<Utc>::UNIX_EPOCH + TimeDelta::nanoseconds(1_999),
        }
    }

    fn outbound(seq: i64) -> Outbound {
        Outbound { seq, lane: LANE, message: message(seq), bus_waits: false }
    }

    fn noted(seq: i64, before: &[i64]) -> Option<Noted> {
        Some(Noted { rows: vec![(message(seq).id, seq, LANE)], before: before.to_vec(), is_held: false })
    }

    /// After a read that found nothing.
    fn quiet() -> HandOver {
        let hand = HandOver::default();
        assert!(hand.take(&fence(1), 100, &[]).is_none());
        hand.read(&[], Duration::ZERO);
        hand
    }

    fn write(hand: &HandOver, seq: i64, before: &[i64]) {
        hand.keep(hand.ticket(), noted(seq, before), &[message(seq)]);
    }

    fn taken(hand: &HandOver, except: &[i64]) -> Option<Vec<i64>> {
        Some(hand.take(&fence(1), 100, except)?.into_iter().map(|row| row.seq).collect())
    }

    #[test]
    fn what_is_written_after_a_quiet_read_is_handed_over_once_as_the_database_has_it() {
        let hand = quiet();
        write(&hand, 1, &[]);
        let rows = hand.take(&fence(1), 100, &[]).unwrap();
        assert_eq!(rows[0].message.created_at, DateTime::<Utc>::UNIX_EPOCH + TimeDelta::microseconds(1));
        assert_eq!(taken(&hand, &[]), None);
    }

    #[test]
    fn nothing_is_asked_before_the_first_read_nor_after_one_with_much_to_do() {
        let hand = HandOver::default();
        assert!(hand.ticket().is_none());
        hand.take(&fence(1), 100, &[]);
        assert!(hand.ticket().is_none());
        hand.read(&[], QUIET_READ_MAX);
        assert!(hand.ticket().is_some());
        let many: Vec<Outbound> = (1..=QUIET_ROWS_MAX as i64 + 1).map(outbound).collect();
        for (rows, took) in [(&many[..], Duration::ZERO), (&[][..], QUIET_READ_MAX + Duration::from_millis(1))] {
            let hand = quiet();
            let ticket = hand.ticket();
            write(&hand, 100, &[]);
            hand.read(rows, took);
            assert!(hand.ticket().is_none());
            hand.keep(ticket, noted(101, &[]), &[message(101)]);
            assert_eq!(taken(&hand, &[]), None, "neither what was kept nor what comes with an earlier ticket");
        }
    }

    #[test]
    fn all_before_it_has_to_be_out_or_go_with_it() {
        let hand = quiet();
        write(&hand, 5, &[4]);
        assert_eq!(taken(&hand, &[]), None, "4 is not known");
        write(&hand, 5, &[4]);
        assert_eq!(taken(&hand, &[4]), Some(vec![5]), "4 went out just now");
        write(&hand, 6, &[4, 5]);
        hand.settled(&[4], true);
        assert_eq!(taken(&hand, &[5]), Some(vec![6]), "4 is written down by now");
        write(&hand, 8, &[7]);
        write(&hand, 7, &[]);
        assert_eq!(taken(&hand, &[]), Some(vec![7, 8]), "together, in their order");
        write(&hand, 9, &[8]);
        write(&hand, 10, &[9]);
        assert_eq!(taken(&hand, &[]), None, "8 did not go out, so neither goes");
    }

    #[test]
    fn what_failed_at_the_bus_is_not_out() {
        let hand = quiet();
        let ticket = hand.ticket();
        write(&hand, 2, &[1]);
        hand.settled(&[1], false);
        assert_eq!(taken(&hand, &[]), None, "2 was forgotten");
        hand.keep(ticket, noted(3, &[1]), &[message(3)]);
        assert_eq!(taken(&hand, &[]), None, "begun before the failure was written down");
        write(&hand, 4, &[1]);
        assert_eq!(taken(&hand, &[]), None);
    }

    #[test]
    fn what_is_held_or_delayed_or_large_or_behind_many_is_read() {
        let held = Noted { is_held: true, ..noted(1, &[]).unwrap() };
        let many: Vec<i64> = (100..=100 + BEFORE_MAX as i64).collect();
        let delayed = Message { deliver_after: Some(Utc::now()), ..message(1) };
        let large = Message { payload: json!("x".repeat(PAYLOAD_MAX)), ..message(1) };
        for (noted, message) in [
            (Some(held), message(1)),
            (noted(1, &many), message(1)),
            (noted(1, &[]), delayed),
            (noted(1, &[]), large),
            (None, message(1)),
        ] {
            let hand = quiet();
            hand.settled(&many, true);
            hand.keep(hand.ticket(), noted, &[message]);
            assert_eq!(taken(&hand, &[]), None);
        }
    }

    #[test]
    fn other_lanes_and_another_fence_are_not_ours() {
        let hand = quiet();
        let elsewhere = Noted { rows: vec![(message(1).id, 1, LANE + 1)], ..Noted::default() };
        hand.keep(hand.ticket(), Some(elsewhere), &[message(1)]);
        assert_eq!(taken(&hand, &[]), None);
        let ticket = hand.ticket();
        write(&hand, 2, &[]);
        assert!(hand.take(&fence(2), 100, &[]).is_none());
        hand.read(&[], Duration::ZERO);
        hand.keep(ticket, noted(3, &[]), &[message(3)]);
        assert!(hand.take(&fence(2), 100, &[]).is_none(), "written under the other one");
        write(&hand, 4, &[]);
        assert!(hand.take(&fence(2), 100, &[]).is_some());
    }

    #[test]
    fn what_a_read_returned_does_not_come_again() {
        let hand = quiet();
        // Kept before the read ends, and after it.
        write(&hand, 1, &[]);
        let ticket = hand.ticket();
        hand.read(&[outbound(1), outbound(2)], Duration::ZERO);
        hand.keep(ticket, noted(2, &[]), &[message(2)]);
        assert_eq!(taken(&hand, &[]), None);
        // So many reads ago that not all are remembered.
        let ticket = hand.ticket();
        (0..=READS_REMEMBERED).for_each(|_| hand.read(&[], Duration::ZERO));
        hand.keep(ticket, noted(3, &[]), &[message(3)]);
        assert_eq!(taken(&hand, &[]), None);
        write(&hand, 4, &[]);
        write(&hand, 4, &[]);
        assert_eq!(taken(&hand, &[]), Some(vec![4]));
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let hand = quiet();
        for seq in 0..10 * REMEMBERED as i64 {
            hand.settled(&[seq], true);
            hand.read(&[outbound(seq)], Duration::ZERO);
        }
        for seq in 0..10 * WAITING_MAX as i64 {
            write(&hand, 1_000_000 + seq, &[]);
        }
        let state = hand.lock();
        assert_eq!((state.settled.order.len(), state.settled.known.len()), (REMEMBERED, REMEMBERED));
        assert_eq!((state.returned.order.len(), state.returned.known.len()), (REMEMBERED, REMEMBERED));
        assert_eq!(state.waiting.len(), WAITING_MAX);
    }

    #[test]
    fn where_the_log_is_read_nothing_is_kept() {
        let hand = quiet();
        let ticket = hand.ticket();
        write(&hand, 1, &[]);
        hand.close();
        hand.keep(ticket, noted(2, &[]), &[message(2)]);
        hand.read(&[], Duration::ZERO);
        assert!(hand.ticket().is_none());
        assert_eq!(taken(&hand, &[]), None);
    }
}
