//! What people ask about messages.

use baton_domain::message::{Message, MessageKind};
use baton_server::store::{
    StoreError,
    rows::{AttemptResult, DeliveryState, InstanceFilter, MessageFilter, MessageState, Settlement, TaskFilter},
};
use serde_json::json;

use crate::{
    delivery::{dead, delivered, failed, outcome},
    support::*,
};

on_both!(
    messages_are_listed_newest_first_in_pages,
    messages_are_found_by_each_field,
    messages_are_found_by_text_anywhere,
    a_text_search_goes_back_in_steps_and_never_misses,
    a_message_is_as_well_as_its_worst_delivery,
    messages_are_found_by_state_and_destination,
    a_message_shows_its_deliveries_and_who_waits_behind_them,
    failures_are_grouped_by_how_they_failed,
    the_overview_counts_what_is_there,
    the_oldest_pending_message_is_known,
    a_cursor_that_nobody_gave_out_is_refused,
);

async fn list(fixture: &Fixture, filter: MessageFilter) -> Vec<Message> {
    let filter = MessageFilter { limit: if filter.limit == 0 { 100 } else { filter.limit }, ..filter };
    fixture.store.list_messages(&filter).await.unwrap().items.into_iter().map(|row| row.message).collect()
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

async fn messages_are_listed_newest_first_in_pages(fixture: Fixture) {
    let messages: Vec<_> = (0..5).map(|number| event(&number.to_string())).collect();
    fixture.append(&messages).await;
    let mut filter = MessageFilter { limit: 2, ..MessageFilter::default() };
    let mut pages = Vec::new();
    loop {
        let page = fixture.store.list_messages(&filter).await.unwrap();
        pages.push(page.items.into_iter().map(|row| row.message.key.aggregate_id).collect::<Vec<_>>());
        // What is inserted meanwhile does not shift the pages.
        fixture.append(&[event("new")]).await;
        let Some(next) = page.next else { break };
        filter.cursor = Some(next);
    }
    assert_eq!(pages, [vec!["4", "3"], vec!["2", "1"], vec!["0"]]);
}

async fn messages_are_found_by_each_field(fixture: Fixture) {
    let mut odd = event("2");
    odd.kind = MessageKind::Command;
    odd.message_type = "Book".to_owned();
    odd.key.aggregate_type = "flights".to_owned();
    odd.correlation_id = text("c");
    odd.created_at = at("2026-01-31T12:00:00Z");
    let plain = event("1");
    fixture.append(&[plain.clone(), odd.clone()]).await;

    let none = MessageFilter::default();
    for filter in [
        MessageFilter { kind: Some(MessageKind::Command), ..none.clone() },
        MessageFilter { message_type: text("Book"), ..none.clone() },
        MessageFilter { aggregate_type: text("flights"), ..none.clone() },
        MessageFilter { aggregate_id: text("2"), ..none.clone() },
        MessageFilter { correlation_id: text("c"), ..none.clone() },
        MessageFilter { to: Some(at("2026-02-01T00:00:00Z")), ..none.clone() },
        MessageFilter {
            from: Some(at("2026-01-31T12:00:00Z")),
            to: Some(at("2026-01-31T12:00:00.001Z")),
            ..none.clone()
        },
    ] {
        assert_eq!(list(&fixture, filter.clone()).await, [odd.clone()], "{filter:?}");
    }
    assert_eq!(list(&fixture, MessageFilter { from: Some(at("2026-02-01T00:00:00Z")), ..none.clone() }).await, [plain]);
    assert_eq!(list(&fixture, MessageFilter { message_type: text("Book"), aggregate_id: text("1"), ..none }).await, []);
}

async fn messages_are_found_by_text_anywhere(fixture: Fixture) {
    let fence = fixture.fence().await;
    let mut messages: Vec<Message> = (0..5).map(|number| event(&format!("order-{number}"))).collect();
    messages[1].message_type = "PaymentCharged".to_owned();
    messages[2].payload = json!({"note": "100%_ sure 'quoted'"});
    let ids = fixture.queue(&fence, "crm", &messages).await;
    let error = AttemptResult::Dead {
        failure: baton_server::store::rows::Failure { class: "x".to_owned(), error: "Out of Cheese".to_owned() },
    };
    fixture.store.record_attempts(vec![outcome(ids[3], 0, error)]).await.unwrap();

    for (q, number) in
        [("paymentch", 1), ("100%_ SURE 'q", 2), ("of cheese", 3), ("ORDER-4", 4), (&messages[0].id.to_string(), 0)]
    {
        assert_eq!(
            list(&fixture, MessageFilter { q: text(q), ..MessageFilter::default() }).await,
            [messages[number].clone()],
            "{q}"
        );
    }
    assert_eq!(
        list(&fixture, MessageFilter { q: text("%"), ..MessageFilter::default() }).await.len(),
        1,
        "no wildcard"
    );
    assert_eq!(list(&fixture, MessageFilter { q: text(""), ..MessageFilter::default() }).await.len(), 5);
}

async fn a_text_search_goes_back_in_steps_and_never_misses(fixture: Fixture) {
    let needle = event("needle");
    fixture.append(std::slice::from_ref(&needle)).await;
    // 45,000 messages later (numbers are given as if they had been there).
    let series = if fixture.is_postgres() {
        "INSERT INTO baton.outbox (type, aggregate_type, aggregate_id, payload)
            SELECT 'A', 'b', 'c', '{}' FROM generate_series(1, 45000)"
    } else {
        "INSERT INTO outbox (type, aggregate_type, aggregate_id, payload, published_at)
            WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 45000)
            SELECT 'A', 'b', 'c', '{}', '2026-01-01T00:00:00.000Z' FROM n"
    };
    fixture.sql(series).await.unwrap();

    let mut filter = MessageFilter { q: text("needle"), limit: 10, ..MessageFilter::default() };
    let (mut pages, mut found) = (0, Vec::new());
    loop {
        let page = fixture.store.list_messages(&filter).await.unwrap();
        pages += 1;
        found.extend(page.items.into_iter().map(|row| row.message.id));
        let Some(next) = page.next else { break };
        filter.cursor = Some(next);
    }
    assert_eq!((pages, found), (3, vec![needle.id]));
}

async fn a_message_is_as_well_as_its_worst_delivery(fixture: Fixture) {
    let fence = fixture.fence().await;
    let message = event("1");
    fixture.append(std::slice::from_ref(&message)).await;
    let state = async || fixture.store.read_message(message.id).await.unwrap().unwrap().0.state;
    assert_eq!(state().await, MessageState::Pending);
    let seq = fixture.unpublished(&fence).await[0].0;
    let deliveries = ["a", "b", "c"].map(|destination| delivery(seq, &message, destination)).to_vec();
    fixture
        .store
        .settle(&fence, Settlement { published: vec![seq], deliveries, ..Settlement::default() })
        .await
        .unwrap();
    assert_eq!(state().await, MessageState::Delivering);
    let ids: Vec<i64> =
        fixture.store.read_message(message.id).await.unwrap().unwrap().1.iter().map(|row| row.id).collect();

    let steps = [
        (ids[0], 0, delivered(), MessageState::Delivering),
        (ids[1], 0, failed(60), MessageState::Retrying),
        (ids[2], 0, dead(), MessageState::Dead),
    ];
    for (id, attempts, result, expected) in steps {
        fixture.store.record_attempts(vec![outcome(id, attempts, result)]).await.unwrap();
        assert_eq!(state().await, expected);
    }
    let row = fixture.store.read_message(message.id).await.unwrap().unwrap().0;
    assert!(row.next_attempt_at.is_some() && row.attempts == 1 && row.last_error.is_some());
}

/// One message in each state, named by it.
async fn one_in_each_state(fixture: &Fixture) -> Vec<(MessageState, Message)> {
    let fence = fixture.fence().await;
    let (published, delivering, retrying, parked, dead_one) =
        (event("p"), event("q"), event("r"), event("r"), event("d"));
    let ids = fixture
        .queue(
            &fence,
            "crm",
            &[published.clone(), delivering.clone(), retrying.clone(), parked.clone(), dead_one.clone()],
        )
        .await;
    let outcomes = vec![outcome(ids[0], 0, delivered()), outcome(ids[2], 0, failed(60)), outcome(ids[4], 0, dead())];
    fixture.store.record_attempts(outcomes).await.unwrap();
    let pending = event("w");
    let mut delayed = event("x");
    delayed.deliver_after = Some(in_seconds(60));
    fixture.append(&[pending.clone(), delayed.clone()]).await;
    vec![
        (MessageState::Published, published),
        (MessageState::Delivering, delivering),
        (MessageState::Retrying, retrying),
        (MessageState::Parked, parked),
        (MessageState::Dead, dead_one),
        (MessageState::Pending, delayed),
        (MessageState::Pending, pending),
    ]
}

async fn messages_are_found_by_state_and_destination(fixture: Fixture) {
    let messages = one_in_each_state(&fixture).await;
    let none = MessageFilter::default();
    for state in MessageState::ALL {
        let expected: Vec<_> =
            messages.iter().filter(|(is, _)| *is == state).map(|(_, message)| message.clone()).collect();
        let filter = MessageFilter { state: Some(state), ..none.clone() };
        assert_eq!(list(&fixture, filter.clone()).await, expected, "{state:?}");
        let page = fixture.store.list_messages(&MessageFilter { limit: 100, ..filter.clone() }).await.unwrap();
        assert!(page.items.iter().all(|row| row.state == state), "shown as what it was found by");
        let at_crm = list(&fixture, MessageFilter { destination: text("crm"), ..filter.clone() }).await;
        assert_eq!(at_crm, if state == MessageState::Pending { vec![] } else { expected }, "{state:?} at crm");
        assert_eq!(list(&fixture, MessageFilter { destination: text("shop"), ..filter }).await, []);
    }
    assert_eq!(list(&fixture, MessageFilter { destination: text("crm"), ..none }).await.len(), 5);
}

async fn a_message_shows_its_deliveries_and_who_waits_behind_them(fixture: Fixture) {
    let fence = fixture.fence().await;
    let first = event("1");
    let ids = fixture.queue(&fence, "crm", &[first.clone(), event("1"), event("1"), event("2")]).await;
    fixture.store.record_attempts(vec![outcome(ids[0], 0, dead())]).await.unwrap();

    let (_, deliveries) = fixture.store.read_message(first.id).await.unwrap().unwrap();

    assert_eq!(deliveries.len(), 1);
    let delivery = &deliveries[0];
    assert_eq!((delivery.id, delivery.message_id, delivery.destination.as_str()), (ids[0], first.id, "crm"));
    assert_eq!((delivery.state, delivery.attempts, delivery.followers), (DeliveryState::Dead, 1, 2));
    assert_eq!(delivery.failure, Some(failure("http-400")));
    assert!(fixture.store.read_message(event("9").id).await.unwrap().is_none());
}

async fn failures_are_grouped_by_how_they_failed(fixture: Fixture) {
    let fence = fixture.fence().await;
    let messages = [event("1"), event("1"), event("2"), event("3"), event("4")];
    let ids = fixture.queue(&fence, "crm", &messages).await;
    let outcomes = vec![outcome(ids[0], 0, dead()), outcome(ids[2], 0, dead()), outcome(ids[3], 0, failed(60))];
    fixture.store.record_attempts(outcomes).await.unwrap();

    let groups = fixture.store.list_failures().await.unwrap();

    let found: Vec<_> = groups.iter().map(|g| (g.failure_class.as_str(), g.state, g.count, g.parked_behind)).collect();
    assert_eq!(found, [("http-400", DeliveryState::Dead, 2, 1), ("http-503", DeliveryState::Retrying, 1, 0)]);
    let dead = &groups[0];
    assert_eq!((dead.destination.as_str(), dead.message_type.as_str()), ("crm", "OrderPlaced"));
    assert_eq!(dead.sample_error, "http-400 happened");
    assert!([messages[0].id, messages[2].id].contains(&dead.sample_message));
    assert!(dead.first_at <= dead.last_at && dead.last_at <= now());
}

async fn the_overview_counts_what_is_there(fixture: Fixture) {
    assert_eq!(fixture.store.counts(now()).await.unwrap(), Default::default(), "nothing yet");
    one_in_each_state(&fixture).await;

    let counts = fixture.store.counts(now()).await.unwrap();

    assert_eq!((counts.pending, counts.messages_total, counts.parked_keys), (2, 7, 2));
    assert_eq!(counts.deliveries, [("queued", 1), ("retrying", 1), ("parked", 1), ("dead", 1)].into());
    assert!(counts.oldest_pending_at.is_some());
}

async fn the_oldest_pending_message_is_known(fixture: Fixture) {
    let mut first = event("1");
    first.created_at = at("2026-01-31T12:00:00Z");
    let mut was_due = event("2");
    was_due.deliver_after = Some(at("2026-01-31T11:00:00Z"));
    let oldest = async || fixture.store.counts(now()).await.unwrap().oldest_pending_at;
    fixture.append(&[first, event("3")]).await;
    assert_eq!(oldest().await, Some(at("2026-01-31T12:00:00Z")));
    fixture.append(&[was_due]).await;
    assert_eq!(oldest().await, Some(at("2026-01-31T11:00:00Z")), "it waits since it was due");
}

async fn a_cursor_that_nobody_gave_out_is_refused(fixture: Fixture) {
    fixture.append(&[event("1")]).await;
    for cursor in ["x", "zzz", "'; DROP TABLE outbox; --"] {
        let outcomes = [
            fixture
                .store
                .list_messages(&MessageFilter { cursor: text(cursor), limit: 10, ..Default::default() })
                .await
                .map(drop),
            fixture
                .store
                .list_instances(&InstanceFilter { cursor: text(cursor), limit: 10, ..Default::default() })
                .await
                .map(drop),
            fixture
                .store
                .list_tasks(&TaskFilter { cursor: text(cursor), limit: 10, ..Default::default() })
                .await
                .map(drop),
        ];
        assert!(outcomes.iter().all(|it| matches!(it, Err(StoreError::Cursor))), "{cursor}: {outcomes:?}");
    }
}
