//! Lanes: the outbox is split by key into a fixed number of them, so that nodes can share the work and still keep the
//! order of every key.

use md5::{Digest, Md5};

use crate::message::Key;

/// How many lanes there are. Fixed: it is stored with every message.
pub const LANES: u16 = 64;

/// The lane of a key: the first two bytes of the MD5 of `aggregate_type/aggregate_id`, modulo [`LANES`].
///
/// MD5 is chosen because every database has it, so that a foreign insert gets its lane from a generated column. On
/// PostgreSQL: `('x' || substr(md5(aggregate_type || '/' || aggregate_id), 1, 4))::bit(16)::int & 63`.
pub fn lane_of(key: &Key) -> u16 {
    let mut hash = Md5::new();
    hash.update(key.aggregate_type.as_bytes());
    hash.update(b"/");
    hash.update(key.aggregate_id.as_bytes());
    let digest = hash.finalize();
    u16::from_be_bytes([digest[0], digest[1]]) & (LANES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(aggregate_type: &str, aggregate_id: &str) -> u16 {
        lane_of(&Key { aggregate_type: aggregate_type.into(), aggregate_id: aggregate_id.into() })
    }

    #[test]
    fn agrees_with_what_postgresql_computes() {
        // select ('x' || substr(md5('campaign/42'), 1, 4))::bit(16)::int & 63, and so on
        assert_eq!(lane("campaign", "42"), GOLDEN[0]);
        assert_eq!(lane("flights", "00000000-0000-0000-0000-000000000001"), GOLDEN[1]);
        assert_eq!(lane("호텔", "서울/1"), GOLDEN[2]);
    }

    const GOLDEN: [u16; 3] = [62, 2, 36];

    #[test]
    fn keys_are_spread_over_all_lanes() {
        let mut counts = [0u32; LANES as usize];
        for number in 0..6_400 {
            counts[usize::from(lane("order", &number.to_string()))] += 1;
        }
        assert!(counts.iter().all(|count| (50..160).contains(count)), "{counts:?}");
    }
}
