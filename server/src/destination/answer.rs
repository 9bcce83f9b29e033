//! What comes back from an endpoint: CloudEvents in a 2xx answer are messages of the participant, as good as an insert.
//!
//! A participant is one small HTTP handler that way: it takes a command and answers with the event.

use axum::http::HeaderMap;
use baton_domain::{
    diagnostic::Diagnostic,
    message::{HOPS_HEADER, Message},
};
use chrono::{DateTime, Utc};

use crate::{cloudevents, store::rows::Failure};

/// How often answers may cause answers before it is taken for a loop of routes.
pub const HOPS_MAX: u32 = 16;

/// The messages in an answer to `delivered`. An answer that is not about CloudEvents has none.
pub fn take_in(
    delivered: &Message,
    headers: &HeaderMap,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<Vec<Message>, Failure> {
    let Some(form) = cloudevents::form_of(headers) else { return Ok(Vec::new()) };
    let mut answers = cloudevents::read(form, headers, body, now).map_err(|found| invalid(&found))?;
    if answers.is_empty() {
        return Ok(answers);
    }
    let hops = delivered.headers.get(HOPS_HEADER).and_then(|hops| hops.parse::<u32>().ok()).unwrap_or(0);
    if hops >= HOPS_MAX {
        return Err(looped());
    }
    for answer in &mut answers {
        answer.headers.insert(HOPS_HEADER.to_owned(), (hops + 1).to_string());
        answer.causation_id.get_or_insert_with(|| delivered.id.to_string());
        if answer.correlation_id.is_none() {
            answer.correlation_id.clone_from(&delivered.correlation_id);
        }
    }
    Ok(answers)
}

fn invalid(found: &[Diagnostic]) -> Failure {
    let mut error = "The endpoint accepted the message, but the CloudEvents in its answer are not valid:".to_owned();
    for diagnostic in found.iter().take(3) {
        error.push_str(&format!(" {}: {}", diagnostic.pointer, diagnostic.message));
    }
    Failure { class: "answer-invalid".to_owned(), error }
}

fn looped() -> Failure {
    Failure {
        class: "loop".to_owned(),
        error: format!(
            "This message is the end of {HOPS_MAX} answers to answers, so its answer was not taken in. Routes probably \
             send an endpoint's answers back to it; narrow the route, then retry or discard."
        ),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use serde_json::json;

    use super::*;
    use crate::relay::fixtures::a_message;

    fn answer_to(delivered: &Message, extra: serde_json::Value) -> Result<Vec<Message>, Failure> {
        let mut event =
            json!({"specversion": "1.0", "id": "1", "source": "/flights", "type": "Booked", "subject": "f/1"});
        event.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static(cloudevents::STRUCTURED));
        take_in(delivered, &headers, event.to_string().as_bytes(), DateTime::UNIX_EPOCH)
    }

    #[test]
    fn an_answer_belongs_to_the_conversation_of_what_it_answers() {
        let mut delivered = a_message(1, "k");
        delivered.correlation_id = Some("trip-1".into());
        let answer = answer_to(&delivered, json!({})).unwrap().remove(0);
        assert_eq!(answer.causation_id, Some(delivered.id.to_string()));
        assert_eq!(answer.correlation_id.as_deref(), Some("trip-1"));
        assert_eq!(answer.headers[HOPS_HEADER], "1");
        let own = answer_to(&delivered, json!({"causationid": "x", "correlationid": "y"})).unwrap().remove(0);
        assert_eq!((own.causation_id.as_deref(), own.correlation_id.as_deref()), (Some("x"), Some("y")));
    }

    #[test]
    fn the_seventeenth_hop_is_a_loop() {
        let mut delivered = a_message(1, "k");
        delivered.headers.insert(HOPS_HEADER.into(), "15".into());
        assert_eq!(answer_to(&delivered, json!({"batonhops": 0})).unwrap()[0].headers[HOPS_HEADER], "16");
        delivered.headers.insert(HOPS_HEADER.into(), "16".into());
        assert_eq!(answer_to(&delivered, json!({})).unwrap_err().class, "loop");
    }

    #[test]
    fn a_plain_answer_is_only_an_acknowledgement_and_a_broken_one_a_failure() {
        let delivered = a_message(1, "k");
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        assert_eq!(take_in(&delivered, &headers, b"{}", DateTime::UNIX_EPOCH), Ok(Vec::new()));
        let broken = answer_to(&delivered, json!({"subject": null})).unwrap_err();
        assert_eq!(broken.class, "answer-invalid");
        assert!(broken.error.contains("/subject"), "{}", broken.error);
    }
}
