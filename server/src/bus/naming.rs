//! How messages are called on a broker: one naming for all of them.
//!
//! `<kind>.<aggregate type>.<type>`, such as `event.order.OrderPlaced`, with the prefix in front where the broker has
//! only one space of names (NATS). Words are separated by dots; the type comes last and keeps its own dots, so that
//! `event.order.com.example.>` selects as one would expect.

use baton_domain::message::Message;
use sha2::{Digest, Sha256};

/// RabbitMQ's routing keys have 255 bytes at most; the two words that producers choose get a share each.
const AGGREGATE_TYPE_BYTES_MAX: usize = 100;
const TYPE_BYTES_MAX: usize = 130;

/// The routing key of a message.
///
/// Letters, digits, `-` and `_` stay; every other byte becomes `%` and two hexadecimal digits. A word that is too long is
/// cut, and ends in `~` and a part of its SHA-256 instead.
pub fn routing_key(message: &Message) -> String {
    let aggregate_type = escaped(&message.key.aggregate_type, false);
    // Dots that would make an empty word are no separators.
    let parted = message.message_type.split('.').all(|word| !word.is_empty());
    let message_type = escaped(&message.message_type, parted);
    format!(
        "{}.{}.{}",
        message.kind.as_str(),
        bounded(aggregate_type, AGGREGATE_TYPE_BYTES_MAX),
        bounded(message_type, TYPE_BYTES_MAX)
    )
}

/// Whether one of the subjects that `pattern` selects is selected by `other` too; both may hold `*` (one word) and `>`
/// (one word or more, at the end), as in NATS.
pub fn overlap(pattern: &str, other: &str) -> bool {
    let (mut one, mut two) = (pattern.split('.'), other.split('.'));
    loop {
        match (one.next(), two.next()) {
            (None, None) => return true,
            (None, _) | (_, None) => return false,
            (Some(">"), _) | (_, Some(">")) => return true,
            (Some("*"), _) | (_, Some("*")) => {}
            (Some(left), Some(right)) if left == right => {}
            _ => return false,
        }
    }
}

fn escaped(word: &str, keep_dots: bool) -> String {
    let mut text = String::with_capacity(word.len());
    for byte in word.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || (keep_dots && byte == b'.') {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

fn bounded(word: String, bytes_max: usize) -> String {
    if word.len() <= bytes_max {
        return word;
    }
    let hash = Sha256::digest(word.as_bytes());
    let mark: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    // Only ASCII is left in it.
    format!("{}~{mark}", word[..bytes_max - 17].trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::fixtures::a_message;

    fn key(aggregate_type: &str, message_type: &str) -> String {
        let mut message = a_message(1, "k");
        message.key.aggregate_type = aggregate_type.into();
        message.message_type = message_type.into();
        routing_key(&message)
    }

    #[test]
    fn names_say_kind_aggregate_and_type() {
        assert_eq!(key("order", "OrderPlaced"), "event.order.OrderPlaced");
        assert_eq!(key("order", "com.example.placed"), "event.order.com.example.placed");
        assert_eq!(key("baton.process", "a..b"), "event.baton%2Eprocess.a%2E%2Eb");
        assert_eq!(key("a*b >", "é"), "event.a%2Ab%20%3E.%C3%A9");
    }

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let (one, two) = (key(&"ü".repeat(200), &"x.".repeat(150).replace("..", ".")), key(&"ü".repeat(201), "T"));
        assert!(one.len() <= 255, "{}", one.len());
        assert_ne!(one.split('.').nth(1), two.split('.').nth(1));
    }

    #[test]
    fn patterns_overlap_where_one_subject_fits_both() {
        for (one, two, expected) in [
            ("baton.>", "baton.event.order.Placed", true),
            ("orders.*", "baton.>", false),
            (">", "baton.>", true),
            ("*.event.>", "baton.>", true),
            ("baton", "baton.>", false),
            ("baton-in.>", "baton.>", false),
        ] {
            assert_eq!(overlap(one, two), expected, "{one} and {two}");
            assert_eq!(overlap(two, one), expected, "{two} and {one}");
        }
    }
}
