//! The one checker of what arrived of what was sent: nothing lost, nothing foreign, order per key by first arrival, and no more
//! repeats than the faults of the test allow, always with the same id.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

/// A message on its way: `number` grows within its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    pub id: Uuid,
    pub key: String,
    pub number: u64,
}

pub fn check(sent: &[Arrival], arrived: &[Arrival], repeats_max: usize) {
    let known: HashMap<Uuid, &Arrival> = sent.iter().map(|message| (message.id, message)).collect();
    let mut seen: HashSet<Uuid> = HashSet::new();
    let mut last: HashMap<&str, u64> = HashMap::new();
    let mut repeats = 0;
    for message in arrived {
        assert_eq!(known.get(&message.id), Some(&message), "it is not what was sent");
        if !seen.insert(message.id) {
            repeats += 1;
            continue;
        }
        let before = last.insert(&message.key, message.number);
        assert!(
            before.is_none_or(|before| before < message.number),
            "{} came after {before:?} of {}",
            message.number,
            message.key
        );
    }
    let lost: Vec<_> = sent.iter().filter(|message| !seen.contains(&message.id)).collect();
    assert!(lost.is_empty(), "{} of {} messages are lost, such as {:?}", lost.len(), sent.len(), lost[0]);
    assert!(repeats <= repeats_max, "{repeats} repeats, where {repeats_max} are to be expected at most");
}

#[test]
fn every_defect_is_noticed() {
    let message = |id: u128, number| Arrival { id: Uuid::from_u128(id), key: "a".into(), number };
    let sent = [message(1, 0), message(2, 1), message(3, 2)];
    let refuses = |arrived: &[Arrival]| std::panic::catch_unwind(|| check(&sent, arrived, 1)).is_err();
    assert!(!refuses(&[message(1, 0), message(2, 1), message(1, 0), message(3, 2)]));
    assert!(refuses(&[message(1, 0), message(3, 2)]), "lost");
    assert!(refuses(&[message(1, 0), message(3, 2), message(2, 1)]), "out of order");
    assert!(refuses(&[message(1, 0), message(2, 1), message(3, 2), message(4, 3)]), "foreign");
    assert!(refuses(&[message(1, 0), message(2, 1), message(3, 3)]), "changed");
    assert!(refuses(&[message(1, 0), message(1, 0), message(1, 0), message(2, 1), message(3, 2)]), "too often");
}
