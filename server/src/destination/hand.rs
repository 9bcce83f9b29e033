//! What a worker has in hand: the pure part of keeping the order per key.
//!
//! At any time at most one delivery of a key is being attempted. After a failure nothing more of its key is attempted
//! until the failure is written down (from then on the store withholds what follows it).

use std::collections::{HashMap, HashSet, VecDeque};

use baton_domain::message::Key;

use crate::store::rows::DueDelivery;

/// How many deliveries a worker takes into its hand at most.
pub const HELD_MAX: usize = 256;

#[derive(Default)]
pub struct Hand {
    keys: HashMap<Key, Lane>,
    /// Keys with something to attempt and nothing under way, longest waiting first.
    ready: VecDeque<Key>,
    held: usize,
    /// Failed, not written down yet.
    failing: HashSet<i64>,
}

/// One key's deliveries.
#[derive(Default)]
struct Lane {
    waiting: VecDeque<DueDelivery>,
    under_way: bool,
    /// Ended but not written down yet, then under way: while there is one, the store is told to withhold the key.
    unwritten: VecDeque<i64>,
}

impl Hand {
    /// Takes what the store says is due, in the store's order.
    pub fn take(&mut self, due: Vec<DueDelivery>) {
        for delivery in due {
            let key = delivery.message.key.clone();
            let lane = self.keys.entry(key.clone()).or_default();
            if lane.waiting.is_empty() && !lane.under_way {
                self.ready.push_back(key);
            }
            lane.waiting.push_back(delivery);
            self.held += 1;
        }
    }

    /// The next delivery to attempt.
    pub fn start_next(&mut self) -> Option<DueDelivery> {
        let key = self.ready.pop_front()?;
        let lane = self.keys.get_mut(&key)?;
        let delivery = lane.waiting.pop_front()?;
        lane.under_way = true;
        lane.unwritten.push_back(delivery.id);
        Some(delivery)
    }

    /// An attempt ended. What waits behind it may go on only if it succeeded.
    pub fn ended(&mut self, key: &Key, succeeded: bool) {
        let Some(lane) = self.keys.get_mut(key) else { return };
        lane.under_way = false;
        if !succeeded {
            self.failing.extend(lane.unwritten.back());
            self.held -= lane.waiting.len();
            lane.waiting.clear();
        } else if !lane.waiting.is_empty() {
            self.ready.push_back(key.clone());
        }
    }

    /// The outcome of an attempt is written down (or was refused for good).
    pub fn written(&mut self, key: &Key, id: i64) {
        let Some(lane) = self.keys.get_mut(key) else { return };
        self.failing.remove(&id);
        if let Some(at) = lane.unwritten.iter().position(|unwritten| *unwritten == id) {
            lane.unwritten.remove(at);
            self.held -= 1;
        }
        if lane.unwritten.is_empty() && lane.waiting.is_empty() {
            self.keys.remove(key);
        }
    }

    /// Gives back everything that is not under way: paused, or not ours any more.
    pub fn put_back(&mut self) {
        self.ready.clear();
        for lane in self.keys.values_mut() {
            self.held -= lane.waiting.len();
            lane.waiting.clear();
        }
        self.keys.retain(|_, lane| !lane.unwritten.is_empty());
    }

    /// Deliveries that the store must not return now, nor what follows them: the first of every key in hand.
    pub fn busy(&self) -> Vec<i64> {
        let first =
            |lane: &Lane| lane.unwritten.front().copied().or_else(|| lane.waiting.front().map(|first| first.id));
        self.keys.values().filter_map(first).collect()
    }

    /// How many more may be taken.
    pub fn room(&self) -> usize {
        self.room_within(HELD_MAX)
    }

    /// How many more may be taken when it may hold `held_max`.
    pub fn room_within(&self, held_max: usize) -> usize {
        held_max.min(HELD_MAX).saturating_sub(self.held)
    }

    /// Whether something failed that the store does not know of yet: where one failure blocks everything, nothing may be
    /// read or started before it does.
    pub fn is_failing(&self) -> bool {
        !self.failing.is_empty()
    }

    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::fixtures::a_message;

    fn due(id: i64, key: &str) -> DueDelivery {
        let message = a_message(id as u128, key);
        DueDelivery { id, seq: id, destination: "d".into(), attempts: 0, edited_payload: None, message }
    }

    fn started(hand: &mut Hand) -> Vec<i64> {
        std::iter::from_fn(|| hand.start_next()).map(|delivery| delivery.id).collect()
    }

    fn key(name: &str) -> Key {
        a_message(1, name).key
    }

    #[test]
    fn one_key_never_has_two_under_way() {
        let mut hand = Hand::default();
        hand.take(vec![due(1, "a"), due(2, "a"), due(3, "b")]);
        assert_eq!(started(&mut hand), [1, 3]);
        hand.take(vec![due(4, "b")]);
        assert_eq!(started(&mut hand), [0; 0]);
        hand.ended(&key("a"), true);
        hand.ended(&key("b"), true);
        assert_eq!(started(&mut hand), [2, 4]);
    }

    #[test]
    fn a_failure_drops_what_waits_behind_it_and_holds_the_key_until_it_is_written() {
        let mut hand = Hand::default();
        hand.take(vec![due(1, "a"), due(2, "a"), due(3, "a")]);
        assert_eq!(started(&mut hand), [1]);
        hand.ended(&key("a"), false);
        assert_eq!(started(&mut hand), [0; 0]);
        assert_eq!(hand.busy(), [1]);
        hand.written(&key("a"), 1);
        assert!(hand.is_empty());
        assert_eq!(hand.room(), HELD_MAX);
    }

    #[test]
    fn a_failure_is_remembered_until_the_store_knows_of_it() {
        let mut hand = Hand::default();
        hand.take(vec![due(1, "a"), due(2, "b"), due(3, "c")]);
        assert_eq!(started(&mut hand), [1, 2, 3]);
        hand.ended(&key("a"), true);
        assert!(!hand.is_failing());
        hand.ended(&key("b"), false);
        hand.ended(&key("c"), false);
        hand.written(&key("b"), 2);
        assert!(hand.is_failing());
        hand.written(&key("c"), 3);
        assert!(!hand.is_failing());
    }

    #[test]
    fn a_small_hand_takes_little() {
        let mut hand = Hand::default();
        assert_eq!((hand.room(), hand.room_within(1), hand.room_within(10_000)), (HELD_MAX, 1, HELD_MAX));
        hand.take(vec![due(1, "a"), due(2, "b")]);
        assert_eq!((hand.room_within(1), hand.room_within(3)), (0, 1));
    }

    #[test]
    fn a_key_stays_busy_until_its_last_outcome_is_written() {
        let mut hand = Hand::default();
        hand.take(vec![due(1, "a"), due(2, "a")]);
        started(&mut hand);
        hand.ended(&key("a"), true);
        assert_eq!(started(&mut hand), [2]);
        assert_eq!(hand.busy(), [1]);
        hand.written(&key("a"), 1);
        assert_eq!(hand.busy(), [2]);
        hand.ended(&key("a"), true);
        hand.written(&key("a"), 2);
        assert!(hand.is_empty());
    }

    #[test]
    fn what_is_put_back_may_come_again_but_not_what_is_under_way() {
        let mut hand = Hand::default();
        hand.take(vec![due(1, "a"), due(2, "a"), due(3, "b")]);
        assert_eq!(hand.start_next().map(|delivery| delivery.id), Some(1));
        hand.put_back();
        assert_eq!(hand.busy(), [1]);
        assert_eq!(hand.room(), HELD_MAX - 1);
        hand.ended(&key("a"), true);
        hand.written(&key("a"), 1);
        assert!(hand.is_empty());
    }
}
