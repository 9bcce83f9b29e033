//! What stands for a row that is no message: visible among the failures, and in nobody's way. Pure.

use baton_domain::{message::Message, source::nothing_of};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Found;
use crate::bus::{
    ORIGIN_HEADER,
    reading::{KEPT_BYTES_MAX, stand_in},
};

/// The message of `found`, or what stands for it.
pub fn message_of(source: &str, found: &Found, now: DateTime<Utc>) -> Message {
    match &found.message {
        Ok(message) => {
            let mut message = message.clone();
            message.headers.insert(ORIGIN_HEADER.to_owned(), origin(source));
            message
        }
        Err(why) => note(source, found, why, now),
    }
}

/// The event that stands for a row, with the reason. The same each time it is read.
pub fn note(source: &str, found: &Found, why: &str, now: DateTime<Utc>) -> Message {
    // As text: what cannot be stored in one piece is in no way of anything there.
    let whole = match &found.row {
        Value::String(text) => text.replace('\0', "\u{fffd}"),
        row => row.to_string(),
    };
    let kept = whole.get(..whole.floor_char_boundary(KEPT_BYTES_MAX)).unwrap_or_default();
    let payload = json!({
        "error": why,
        "bus": "source",
        "address": source,
        "place": found.place,
        "row": kept,
        "row_bytes": whole.len(),
    });
    stand_in(nothing_of(source, &found.place), &origin(source), payload, now)
}

fn origin(source: &str) -> String {
    format!("source {source}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::reading::failure_of;

    #[test]
    fn a_row_that_is_no_message_says_why_and_is_the_same_each_time() {
        let row = json!({"id": 7, "payload": "a\0b"});
        let found = Found { place: "7".into(), row, message: Err("payload: this is not JSON".into()) };
        let message = message_of("shop", &found, DateTime::UNIX_EPOCH);
        assert_eq!(message.id, message_of("shop", &found, Utc::now()).id);
        assert_ne!(message.id, message_of("other", &found, DateTime::UNIX_EPOCH).id);
        assert!(!message.payload.to_string().contains("\\u0000\\u0000"));
        let failure = failure_of(&message).unwrap();
        assert!(failure.error.contains("`shop`") && failure.error.contains("not JSON"), "{}", failure.error);
    }
}
