//! Ends at every point between reading a row and writing down that it was read.

use std::time::Duration;

use serde_json::{Value, json};

use crate::fixture::{OUTBOX, World, eventually, insert, outbox, texts};

/// Taken in, and then nothing more: the next reader finds the rows again, and nothing is there twice.
async fn crash_before_settling(changes: Value, open: &str) {
    let mut world = World::on_postgres().await;
    world.sql(OUTBOX).await;
    for number in 1..=3 {
        world.sql(&insert("Placed", &number.to_string())).await;
    }
    let settings = world.settings(outbox(), &changes);
    world.put(&settings).await;
    assert_eq!(world.take_without_settling(&settings).await, 3);
    assert_eq!(world.messages().await.len(), 3);
    assert_eq!(world.take_without_settling(&settings).await, 0, "the inbox knows them");

    world.sql(&insert("Placed", "4")).await;
    world.run();
    assert_eq!(texts(&world.taken(4).await), ["Placed 1", "Placed 2", "Placed 3", "Placed 4"]);
    let count = format!("SELECT count(*)::text FROM outbox WHERE {open}");
    eventually("no row is open", async || world.ask(&count).await == "0").await;
    assert_eq!(world.standing().await.taken, 1, "only what was new is counted");
    world.stop().await;
}

#[tokio::test]
async fn a_crash_before_marking_repeats_without_effect() {
    crash_before_settling(json!({"mode": "mark", "mark": {"column": "sent"}}), "NOT sent").await;
}

#[tokio::test]
async fn a_crash_before_deleting_repeats_without_effect() {
    crash_before_settling(json!({"mode": "delete"}), "true").await;
}

#[tokio::test]
async fn a_crash_before_the_position_is_written_repeats_without_effect() {
    crash_before_settling(json!({}), "sent").await;
}

#[tokio::test]
async fn readers_that_are_killed_again_and_again_lose_nothing_and_repeat_nothing() {
    for changes in [json!({"mode": "delete", "batch": 3}), json!({"batch": 3})] {
        let mut world = World::new().await;
        world.sql(OUTBOX).await;
        let settings = world.settings(outbox(), &changes);
        world.put(&settings).await;
        for round in 0..12_u64 {
            world
                .sql("INSERT INTO outbox (type, aggregate_id, payload) SELECT 'T', 'one', '{}' FROM generate_series(1, 10)")
                .await;
            world.run();
            tokio::time::sleep(Duration::from_millis(5 * round)).await;
            world.kill();
        }
        world.run();
        let messages = world.taken(120).await;
        let ids: std::collections::HashSet<_> = messages.iter().map(|message| message.id).collect();
        assert_eq!(ids.len(), 120);
        world.stop().await;
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_is_made_again_and_its_error_is_seen() {
    let mut world = World::new().await;
    world.sql(OUTBOX).await;
    let settings = world.settings(outbox(), &json!({"mode": "delete"}));
    world.put(&settings).await;
    world.run();
    world.sql(&insert("Placed", "1")).await;
    world.taken(1).await;
    let cut = "SELECT count(pg_terminate_backend(pid))::text FROM pg_stat_activity WHERE application_name = 'baton-source' \
               AND datname = current_database()";
    eventually("a connection is cut", async || world.ask(cut).await != "0").await;
    world.sql(&insert("Placed", "2")).await;
    world.taken(2).await;
    eventually("its error is forgotten", async || world.standing().await.error.is_none()).await;
    world.stop().await;
}
