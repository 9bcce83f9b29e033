use serde_json::json;

use super::*;
use crate::definition;

fn saga(text: &str) -> Definition {
    match definition::parse(text).unwrap_or_else(|found| panic!("{found:#?}")).definition {
        definition::Definition::Saga(saga) => saga,
        definition::Definition::Process(_) => panic!("this is a process"),
    }
}

fn campaign_publishing() -> Definition {
    saga(definition::shipped()[0].1)
}

fn now() -> DateTime<Utc> {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

fn event(event_type: &str, payload: Value) -> Message {
    Message {
        id: MessageId(Uuid::from_u128(7)),
        kind: MessageKind::Event,
        message_type: event_type.into(),
        source: "marketing".into(),
        key: Key { aggregate_type: "campaign".into(), aggregate_id: "c-1".into() },
        aggregate_version: Some(3),
        payload,
        headers: BTreeMap::new(),
        correlation_id: None,
        causation_id: None,
        deliver_after: None,
        destination: None,
        created_at: now(),
    }
}

fn react_once(definition: &Definition, event: &Message) -> Message {
    let mut commands = react(definition, event, now()).unwrap();
    assert_eq!(commands.len(), 1);
    commands.remove(0)
}

#[test]
fn an_activated_campaign_is_submitted_for_publishing() {
    let event = event("CampaignActivated", json!({"campaign_id": "c-1", "title": "Autumn", "budget": 500}));
    let command = react_once(&campaign_publishing(), &event);
    assert_eq!((command.kind, command.message_type.as_str()), (MessageKind::Command, "SubmitAdvertisement"));
    assert_eq!((command.key.aggregate_type.as_str(), command.key.aggregate_id.as_str()), ("ad-publishing", "c-1"));
    assert_eq!(command.payload, json!({"campaign_id": "c-1", "title": "Autumn", "budget": 500}));
    assert_eq!(command.source, "saga/campaign-publishing");
    assert_eq!(command.causation_id, Some(event.id.to_string()));
    assert_eq!(command.correlation_id, Some(event.id.to_string()));
}

#[test]
fn what_became_of_it_is_told_to_the_campaign() {
    for (happened, asked) in
        [("PublishingConfirmed", "TrackPublishingConfirmation"), ("PublishingRejected", "TrackPublishingRejection")]
    {
        let mut event = event(happened, json!({"campaign_id": "c-1", "reason": "too loud"}));
        event.correlation_id = Some("conversation".into());
        let command = react_once(&campaign_publishing(), &event);
        assert_eq!((command.message_type.as_str(), command.key.aggregate_type.as_str()), (asked, "campaign"));
        assert_eq!(command.payload, event.payload);
        assert_eq!(command.correlation_id.as_deref(), Some("conversation"));
    }
}

#[test]
fn the_same_event_always_leads_to_the_same_command_id() {
    let first = event("CampaignActivated", json!({"campaign_id": "c-1"}));
    let id = react_once(&campaign_publishing(), &first).id;
    // Receivers deduplicate by it, so it must not change with a new version of Baton either.
    assert_eq!(id.to_string(), "ce3498d8-7a4b-569e-a599-4efa0957490f");
    assert_eq!(react(&campaign_publishing(), &first, now() + chrono::TimeDelta::days(1)).unwrap()[0].id, id);
    let other = Message { id: MessageId(Uuid::from_u128(8)), ..first };
    assert_ne!(react_once(&campaign_publishing(), &other).id, id);
}

#[test]
fn other_events_and_commands_lead_to_nothing() {
    let saga = campaign_publishing();
    assert_eq!(react(&saga, &event("CampaignPaused", json!({})), now()), Ok(vec![]));
    let command = Message { kind: MessageKind::Command, ..event("CampaignActivated", json!({"campaign_id": "c"})) };
    assert_eq!(react(&saga, &command, now()), Ok(vec![]));
}

#[test]
fn a_condition_decides_whether_to_react() {
    let saga =
        saga("{baton: saga/1, name: big, on: {Ordered: {when: =event.payload.total > 10, send: Check, to: fraud}}}");
    assert_eq!(react(&saga, &event("Ordered", json!({"total": 10})), now()), Ok(vec![]));
    let command = react_once(&saga, &event("Ordered", json!({"total": 11})));
    assert_eq!(command.key.aggregate_id, "c-1");
    let failure = react(&saga, &event("Ordered", json!({})), now()).unwrap_err();
    assert!(matches!(failure, ReactionFailure::Condition { .. }), "{failure}");
}

#[test]
fn what_cannot_be_computed_is_a_failure_and_no_panic() {
    let saga = campaign_publishing();
    for payload in [json!(null), json!({}), json!([1]), json!({"campaign_id": {"a": 1}}), json!({"campaign_id": ""})] {
        assert!(react(&saga, &event("CampaignActivated", payload), now()).is_err());
    }
}

#[test]
fn traces_and_hops_go_along() {
    let mut event = event("CampaignActivated", json!({"campaign_id": 5}));
    for (name, value) in [("traceparent", "00-a-b-01"), (HOPS_HEADER, "3"), ("secret", "x")] {
        event.headers.insert(name.into(), value.into());
    }
    let command = react_once(&campaign_publishing(), &event);
    assert_eq!(command.key.aggregate_id, "5");
    assert_eq!(command.headers.keys().collect::<Vec<_>>(), [HOPS_HEADER, "traceparent"]);
}
