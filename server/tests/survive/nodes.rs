//! Three nodes on one PostgreSQL: one is killed, one is frozen for longer than its lease and wakes up again.

use std::time::{Duration, Instant};

use crate::{
    MINIMUM,
    support::{
        baton::Baton,
        load::{Load, Minimum},
    },
};

/// Spread over the lanes of all nodes.
const KEYS: u64 = 96;
/// Others must have taken over by then.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(10);
/// Longer than a lease.
const FROZEN: Duration = Duration::from_secs(9);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_three_nodes_one_is_killed_and_one_is_frozen() {
    // given: three nodes that share the work
    let url = baton_testkit::postgres::fresh_database().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut nodes: Vec<Baton> =
        (0..3).map(|number| Baton::new(url.clone(), folder.path().join(format!("{number}.log")))).collect();
    nodes[0].start().await;
    let participant = Load::define(&nodes[0]).await;
    nodes[1].start().await;
    nodes[2].start().await;
    let ports = nodes.iter().map(|node| node.port).collect();
    let load = Load::begin(&nodes[0], participant, ports, KEYS).await;
    load.until(Minimum { messages: 100, instances: 20 }, Duration::from_secs(30)).await;
    let database = crate::support::database::Database::connect(&url).await;
    let holders =
        "select count(distinct node) from lane_lease l join node n on n.id = l.node where n.expires_at > now()";
    let deadline = Instant::now() + Duration::from_secs(15);
    while database.count(holders).await < 3 {
        assert!(Instant::now() < deadline, "the lanes are not shared by three nodes");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    // when: one is lost for good, and one stands still for longer than its lease
    let lost = Instant::now();
    nodes[1].kill();
    nodes[2].freeze();
    tokio::time::sleep(FROZEN).await;
    nodes[2].thaw();
    let thawed = Instant::now();
    tokio::time::sleep(Duration::from_secs(2)).await;

    // then: nothing is lost or doubled, and nobody had to wait for long
    let ended = load.end(&nodes[0], MINIMUM).await;
    let waited = ended.longest_wait(lost, thawed);
    println!(
        "{} messages, {} instances; others took over within {:.1} s",
        ended.messages,
        ended.instances,
        waited.as_secs_f64()
    );
    assert!(waited < TAKEN_OVER_WITHIN, "others took over only after {waited:?}");
    let fenced = std::fs::read_to_string(&nodes[2].log).unwrap();
    assert!(!fenced.contains("panicked"), "{fenced}");
}
