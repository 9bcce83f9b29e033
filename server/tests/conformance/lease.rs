//! Leases: every lane has one node, and whoever lost a lane cannot write about it any more.

use baton_server::store::{
    StoreError,
    rows::{Fence, Settlement},
};
use uuid::Uuid;

use crate::support::*;

on_both!(
    a_lone_node_has_every_lane_and_keeps_its_token,
    a_restarted_node_takes_its_own_lanes_back_at_once,
    a_node_that_lost_its_lanes_cannot_settle,
    released_lanes_are_free_at_once,
    nodes_are_told_with_their_lanes,
    a_fence_without_lanes_settles_nothing,
);

async fn renew(fixture: &Fixture, node: Uuid, name: &str) -> Fence {
    fixture.store.renew_leases(node, name, 60_000, false).await.unwrap()
}

async fn a_lone_node_has_every_lane_and_keeps_its_token(fixture: Fixture) {
    let node = Uuid::now_v7();
    let first = renew(&fixture, node, "a").await;
    let second = renew(&fixture, node, "a").await;

    assert_eq!(first.lanes, (0..64).collect::<Vec<u16>>());
    assert!(first.token > 0);
    assert_eq!(first, second);
}

async fn a_restarted_node_takes_its_own_lanes_back_at_once(fixture: Fixture) {
    let before = renew(&fixture, Uuid::now_v7(), "host:4400").await;
    let after = renew(&fixture, Uuid::now_v7(), "host:4400").await;

    assert!(after.is_whole());
    assert!(after.token > before.token);
    assert_eq!(fixture.number("SELECT count(*) FROM {baton}node").await, 1);
}

async fn a_node_that_lost_its_lanes_cannot_settle(fixture: Fixture) {
    let stale = renew(&fixture, Uuid::now_v7(), "host:4400").await;
    let message = event("1");
    fixture.append(std::slice::from_ref(&message)).await;
    let seq = fixture.unpublished(&stale).await[0].0;
    let settlement =
        Settlement { published: vec![seq], deliveries: vec![delivery(seq, &message, "crm")], ..Settlement::default() };
    let fresh = renew(&fixture, Uuid::now_v7(), "host:4400").await;

    for delete in [false, true] {
        let error = fixture.store.settle(&stale, Settlement { delete, ..settlement.clone() }).await.unwrap_err();
        assert!(matches!(error, StoreError::Fenced), "{error}");
        let plain = Settlement { deliveries: vec![], delete, ..settlement.clone() };
        let error = fixture.store.settle(&stale, plain).await.unwrap_err();
        assert!(matches!(error, StoreError::Fenced), "{error}");
    }

    assert_eq!(fixture.unpublished(&fresh).await, [(seq, message.id)], "nothing was written");
    assert_eq!(fixture.number("SELECT count(*) FROM {baton}delivery").await, 0);
    assert_eq!(fixture.store.minutes(in_seconds(-120)).await.unwrap(), []);
    fixture.store.settle(&fresh, settlement).await.unwrap();
}

async fn released_lanes_are_free_at_once(fixture: Fixture) {
    let first = renew(&fixture, Uuid::now_v7(), "a").await;
    fixture.store.release_leases(first.node).await.unwrap();
    let second = renew(&fixture, Uuid::now_v7(), "b").await;

    assert!(second.is_whole());
    let error =
        fixture.store.settle(&first, Settlement { published: vec![1], ..Settlement::default() }).await.unwrap_err();
    assert!(matches!(error, StoreError::Fenced), "{error}");
}

async fn a_fence_without_lanes_settles_nothing(fixture: Fixture) {
    let whole = renew(&fixture, Uuid::now_v7(), "a").await;
    fixture.append(&[event("1")]).await;
    let seq = fixture.unpublished(&whole).await[0].0;
    let none = Fence { lanes: vec![], ..whole.clone() };

    assert_eq!(fixture.unpublished(&none).await, []);
    assert!(fixture.due(&none, "crm").await.is_empty());
    let error =
        fixture.store.settle(&none, Settlement { published: vec![seq], ..Settlement::default() }).await.unwrap_err();

    assert!(matches!(error, StoreError::Fenced), "{error}");
    assert_eq!(fixture.unpublished(&whole).await.len(), 1);
}

/// Several nodes: PostgreSQL only, a lock file keeps a second process off a SQLite file.
mod several {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn share_the_lanes_evenly_and_never_one_lane() {
        let fixture = Fixture::postgres().await;
        let nodes: Vec<Uuid> = (0..3).map(|_| Uuid::now_v7()).collect();
        let mut fences = Vec::new();
        for _ in 0..3 {
            fences.clear();
            for (number, node) in nodes.iter().enumerate() {
                fences.push(renew(&fixture, *node, &number.to_string()).await);
            }
        }

        let mut all: Vec<u16> = fences.iter().flat_map(|fence| fence.lanes.clone()).collect();
        all.sort_unstable();
        assert_eq!(all, (0..64).collect::<Vec<u16>>());
        assert!(fences.iter().all(|fence| (20..=22).contains(&fence.lanes.len())), "{fences:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn read_and_deliver_only_what_is_theirs() {
        let fixture = Fixture::postgres().await;
        let (one, two) = (Uuid::now_v7(), Uuid::now_v7());
        renew(&fixture, one, "a").await;
        renew(&fixture, two, "b").await;
        let first = renew(&fixture, one, "a").await;
        let second = renew(&fixture, two, "b").await;
        let messages: Vec<_> = (0..200).map(|number| event(&number.to_string())).collect();
        fixture.append(&messages).await;

        let mut seen = Vec::new();
        for fence in [&first, &second] {
            let rows = fixture.store.read_unpublished(fence, now(), 1_000, &[]).await.unwrap();
            assert!(!rows.is_empty() && rows.iter().all(|row| fence.lanes.contains(&row.lane)));
            let settlement = Settlement {
                published: rows.iter().map(|row| row.seq).collect(),
                deliveries: rows.iter().map(|row| delivery(row.seq, &row.message, "crm")).collect(),
                ..Settlement::default()
            };
            fixture.store.settle(fence, settlement).await.unwrap();
            let due = fixture.store.read_due_deliveries(fence, "crm", now(), 1_000, &[]).await.unwrap();
            assert_eq!(due.len(), rows.len());
            seen.extend(due.iter().map(|delivery| delivery.seq));
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 200);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_lane_that_was_lost_is_left_and_the_others_are_settled() {
        let fixture = Fixture::postgres().await;
        let one = Uuid::now_v7();
        let before = renew(&fixture, one, "a").await;
        let messages: Vec<_> = (0..100).map(|number| event(&number.to_string())).collect();
        fixture.append(&messages).await;
        let published: Vec<i64> = fixture.unpublished(&before).await.iter().map(|row| row.0).collect();
        // A second node comes, the first gives half of its lanes back.
        let two = Uuid::now_v7();
        renew(&fixture, two, "b").await;
        renew(&fixture, one, "a").await;
        let other = renew(&fixture, two, "b").await;

        let error = fixture.store.settle(&before, Settlement { published, ..Settlement::default() }).await.unwrap_err();

        assert!(matches!(error, StoreError::Fenced), "{error}");
        let left = fixture
            .store
            .read_unpublished(&Fence { lanes: (0..64).collect(), ..before }, now(), 1_000, &[])
            .await
            .unwrap();
        assert!(!left.is_empty() && left.len() < 100);
        assert!(left.iter().all(|row| other.lanes.contains(&row.lane)));
    }

    /// One row instead of all of the lanes, for as long as nobody comes or goes.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_renewal_that_changes_nothing_is_quiet_and_one_that_has_to_is_not() {
        let fixture = Fixture::postgres().await;
        let (one, two) = (Uuid::now_v7(), Uuid::now_v7());
        let first = renew(&fixture, one, "a").await;
        let before = expires_at(&fixture, one).await;
        let again = renew(&fixture, one, "a").await;
        assert_eq!(again, first);
        assert!(expires_at(&fixture, one).await > before, "it lives on");

        // Somebody comes: half of the lanes are given back, and taken.
        assert!(renew(&fixture, two, "b").await.lanes.is_empty());
        let half = renew(&fixture, one, "a").await;
        assert_eq!((half.lanes.len(), renew(&fixture, two, "b").await.lanes.len()), (32, 32));
        assert_eq!(renew(&fixture, one, "a").await, half);

        // It goes without a word: its lanes are taken as soon as it is not alive any more.
        fixture.store.renew_leases(two, "b", -1_000, false).await.unwrap();
        assert!(renew(&fixture, one, "a").await.is_whole());
        // And a later start of the same node has them all at once.
        let three = Uuid::now_v7();
        assert!(renew(&fixture, three, "a").await.is_whole());
    }

    async fn expires_at(fixture: &Fixture, node: Uuid) -> chrono::DateTime<chrono::Utc> {
        fixture.store.list_nodes().await.unwrap().into_iter().find(|it| it.id == node).unwrap().expires_at
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_expired_lease_is_taken_and_fences_its_former_node() {
        let fixture = Fixture::postgres().await;
        let paused = fixture.store.renew_leases(Uuid::now_v7(), "a", 1, false).await.unwrap();
        fixture.append(&[event("1")]).await;
        let seq = fixture.unpublished(&paused).await[0].0;

        let two = Uuid::now_v7();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
        let taken = loop {
            let fence = renew(&fixture, two, "b").await;
            if fence.is_whole() {
                break fence;
            }
            assert!(std::time::Instant::now() < deadline, "expired leases are free");
        };

        assert!(taken.token > paused.token);
        let error = fixture
            .store
            .settle(&paused, Settlement { published: vec![seq], ..Settlement::default() })
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::Fenced), "{error}");
        fixture.store.settle(&taken, Settlement { published: vec![seq], ..Settlement::default() }).await.unwrap();
    }
}

async fn nodes_are_told_with_their_lanes(fixture: Fixture) {
    let node = Uuid::now_v7();
    renew(&fixture, node, "a").await;
    let nodes = fixture.store.list_nodes().await.unwrap();
    let told: Vec<_> = nodes.iter().map(|it| (it.id, it.name.as_str(), it.alive, it.lanes)).collect();
    assert_eq!(told, [(node, "a", true, 64)]);
    assert!(nodes[0].expires_at > nodes[0].started_at);
    // One that let its lease run out is told as silent, without a lane.
    fixture.store.renew_leases(node, "a", -1_000, false).await.unwrap();
    let nodes = fixture.store.list_nodes().await.unwrap();
    assert_eq!((nodes[0].alive, nodes[0].lanes), (false, 0));
}
