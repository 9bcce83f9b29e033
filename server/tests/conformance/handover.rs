//! From a writer to the relay of the same node: whoever writes beside it, and however it is read, every key goes in order,
//! once, and nothing is lost.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use baton_server::store::rows::{BUS, DeliveryState, Fence, NewDelivery, Outbound, Settlement};

use crate::support::*;

on_both!(
    every_key_goes_in_order_whoever_writes_and_however_it_is_read,
    what_did_not_go_out_is_read_again,
    what_is_behind_a_failure_says_so,
    what_is_behind_a_delayed_one_waits,
    what_others_wrote_goes_first,
);

/// What a look takes in quiet times, at most.
const QUICK: Duration = Duration::from_millis(10);
const KEYS: i64 = 4;
const VERSIONS: i64 = 60;

async fn every_key_goes_in_order_whoever_writes_and_however_it_is_read(fixture: Fixture) {
    let fence = fixture.fence().await;
    let mut writers = tokio::task::JoinSet::new();
    for key in 0..KEYS {
        let (store, mut other) = (fixture.store.clone(), fixture.foreign().await);
        writers.spawn(async move {
            for version in 0..VERSIONS {
                match (version + key) % 5 {
                    0 => foreign(&mut other, key, version).await,
                    1 => {
                        other.run("BEGIN").await.unwrap();
                        foreign(&mut other, key, version).await;
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        other.run("COMMIT").await.unwrap();
                    }
                    how => {
                        let mut message = event(&key.to_string());
                        message.aggregate_version = Some(version);
                        let audit = (how == 2).then(|| audit("append", "outbox"));
                        store.append(&[message], audit).await.unwrap();
                    }
                }
            }
        });
    }
    let (mut out, mut arrived): (Vec<i64>, HashMap<String, Vec<i64>>) = Default::default();
    for turn in 0.. {
        let is_over = writers.is_empty();
        let (rows, ()) = tokio::join!(read(&fixture, &fence, &out), settle(&fixture, &fence, &out));
        // Of every third batch the bus takes a part only.
        let taken = if turn % 3 == 0 && !is_over { rows.len() / 2 } else { rows.len() };
        for row in &rows[..taken] {
            let versions = arrived.entry(row.message.key.aggregate_id.clone()).or_default();
            versions.extend(row.message.aggregate_version);
        }
        out = rows[..taken].iter().map(|row| row.seq).collect();
        if is_over && rows.is_empty() {
            break;
        }
        while let Some(written) = writers.try_join_next() {
            written.unwrap();
        }
        tokio::time::sleep(Duration::from_micros(300)).await;
    }
    assert_eq!(arrived.len() as i64, KEYS);
    for (key, versions) in arrived {
        assert_eq!(versions, (0..VERSIONS).collect::<Vec<_>>(), "of key {key}");
    }
}

async fn foreign(other: &mut Foreign, key: i64, version: i64) {
    let columns = "type, aggregate_type, aggregate_id, aggregate_version, payload";
    let insert = format!("INSERT INTO {{baton}}outbox ({columns}) VALUES ('It', 'order', '{key}', {version}, '1')");
    other.run(&insert).await.unwrap();
}

async fn read(fixture: &Fixture, fence: &Fence, except: &[i64]) -> Vec<Outbound> {
    fixture.store.read_unpublished(fence, now(), 100, except).await.unwrap()
}

async fn settle(fixture: &Fixture, fence: &Fence, published: &[i64]) {
    let settlement = Settlement { published: published.to_vec(), now: Some(now()), ..Settlement::default() };
    fixture.store.settle(fence, settlement).await.unwrap();
}

/// A store whose relay has just looked and found nothing.
async fn quiet(fixture: &Fixture) -> Fence {
    let fence = fixture.fence().await;
    look(fixture, &fence).await;
    fence
}

/// Looks until that is quick: a slow look says that there is much to do, and here it is other tests that do it.
async fn look(fixture: &Fixture, fence: &Fence) {
    for _ in 0..1_000 {
        let began = Instant::now();
        assert!(read(fixture, fence, &[]).await.is_empty());
        if began.elapsed() < QUICK {
            return;
        }
    }
    panic!("no look took less than {QUICK:?}");
}

fn orders(rows: &[Outbound]) -> Vec<&str> {
    rows.iter().map(|row| row.message.key.aggregate_id.as_str()).collect()
}

async fn what_did_not_go_out_is_read_again(fixture: Fixture) {
    let fence = quiet(&fixture).await;
    fixture.append(&[event("1")]).await;
    let first = read(&fixture, &fence, &[]).await;
    assert_eq!(orders(&first), ["1"]);
    // The bus was away: nothing is said to have gone out.
    fixture.append(&[event("2")]).await;
    assert_eq!(orders(&read(&fixture, &fence, &[]).await), ["1", "2"]);
    fixture.append(&[event("3")]).await;
    assert_eq!(orders(&read(&fixture, &fence, &[first[0].seq]).await), ["2", "3"], "one of them went out");
    settle(&fixture, &fence, &[first[0].seq]).await;
    assert_eq!(orders(&read(&fixture, &fence, &[]).await), ["2", "3"]);
}

async fn what_is_behind_a_failure_says_so(fixture: Fixture) {
    let fence = quiet(&fixture).await;
    let first = event("1");
    fixture.append(std::slice::from_ref(&first)).await;
    let row = read(&fixture, &fence, &[]).await.remove(0);
    // One is written before the failure is written down, one after it.
    fixture.append(&[event("1")]).await;
    let failed = NewDelivery {
        state: DeliveryState::Retrying,
        attempts: 1,
        next_attempt_at: Some(in_seconds(60)),
        failure: Some(failure("refused")),
        ..delivery(row.seq, &first, BUS)
    };
    let settlement = Settlement { published: vec![row.seq], deliveries: vec![failed], delete: false, now: Some(now()) };
    fixture.store.settle(&fence, settlement).await.unwrap();
    fixture.append(&[event("1")]).await;
    let behind = read(&fixture, &fence, &[]).await;
    assert_eq!(behind.iter().map(|row| row.bus_waits).collect::<Vec<_>>(), [true, true]);
}

async fn what_is_behind_a_delayed_one_waits(fixture: Fixture) {
    let fence = quiet(&fixture).await;
    let mut delayed = event("1");
    delayed.deliver_after = Some(in_seconds(60));
    fixture.append(&[delayed]).await;
    fixture.append(&[event("1"), event("2")]).await;
    assert_eq!(orders(&read(&fixture, &fence, &[]).await), ["2"]);
}

async fn what_others_wrote_goes_first(fixture: Fixture) {
    let fence = quiet(&fixture).await;
    foreign(&mut fixture.foreign().await, 1, 1).await;
    fixture.append(&[event("1")]).await;
    let types: Vec<_> = read(&fixture, &fence, &[]).await.into_iter().map(|row| row.message.message_type).collect();
    assert_eq!(types, ["It", "OrderPlaced"]);
}

/// Where what is handed over differs from what stands in the database, one sees where it comes from.
mod postgres_only {
    use baton_domain::ids::MessageId;

    use super::*;

    const CHANGE: &str = "UPDATE baton.outbox SET type = 'Read'";

    /// Appends one, and says where the relay has it from.
    async fn is_handed_over(fixture: &Fixture, fence: &Fence) -> bool {
        let message = event("1");
        fixture.append(std::slice::from_ref(&message)).await;
        fixture.sql(CHANGE).await.unwrap();
        let rows = read(fixture, fence, &[]).await;
        let of = |id: MessageId| rows.iter().find(|row| row.message.id == id).expect("it is there");
        of(message.id).message.message_type != "Read"
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn in_quiet_times_nothing_is_read() {
        let fixture = Fixture::postgres().await;
        let fence = fixture.fence().await;
        assert!(!is_handed_over(&fixture, &fence).await, "nobody has read yet");
        settle(&fixture, &fence, &[1]).await;
        look(&fixture, &fence).await;
        for _ in 0..3 {
            let message = event("1");
            fixture.append(std::slice::from_ref(&message)).await;
            fixture.sql(CHANGE).await.unwrap();
            let rows = read(&fixture, &fence, &[]).await;
            assert_eq!(rows.iter().map(|row| &row.message).collect::<Vec<_>>(), [&message]);
            settle(&fixture, &fence, &[rows[0].seq]).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_may_have_gone_out_elsewhere_is_read() {
        let fixture = Fixture::postgres().await;
        let fence = quiet(&fixture).await;
        assert!(is_handed_over(&fixture, &fence).await);
        let lost = Fence { token: fence.token + 1, ..fence.clone() };
        assert!(!is_handed_over(&fixture, &lost).await, "the lanes were somebody else's meanwhile");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn with_much_to_do_batches_are_read() {
        let fixture = Fixture::postgres().await;
        let fence = quiet(&fixture).await;
        let many: Vec<_> = (0..100).map(|order| event(&order.to_string())).collect();
        fixture.append(&many).await;
        let rows = read(&fixture, &fence, &[]).await;
        assert_eq!(rows.len(), 100);
        settle(&fixture, &fence, &rows.iter().map(|row| row.seq).collect::<Vec<_>>()).await;
        assert!(!is_handed_over(&fixture, &fence).await);
    }
}
