//! The relay reads PostgreSQL's log, and something breaks: nothing is lost, order per key holds, and what comes twice has
//! the same id.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use baton_domain::ids::MessageId;
use baton_server::relay::Config;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::{
    arrivals::{self, Arrival},
    log::{Server, pool, until_reading},
    world::{Recorder, Setup, World, first_of_each, until},
};

const KEYS: usize = 5;
/// Small, so that what may come again is little.
const BATCH: u32 = 20;
/// Positions are told to the server every 250 ms: what one writer inserts meanwhile, and is in the log only, may come again.
const TOLD_AGAIN: usize = 300;

/// Inserts until it is told to stop; every other key as a pure log unless `rows_only`.
fn write(server: &Arc<Server>, stop: &Arc<AtomicBool>, rows_only: bool) -> JoinHandle<Vec<MessageId>> {
    let (server, stop) = (server.clone(), stop.clone());
    tokio::spawn(async move {
        let mut ids = Vec::new();
        for number in 0.. {
            for key in 0..KEYS {
                ids.push(server.insert(&format!("k{key}"), number, !rows_only && key.is_multiple_of(2)).await);
            }
            if stop.load(Ordering::SeqCst) {
                break;
            }
        }
        ids
    })
}

/// Nothing lost, order per key, and after each of so many `faults` not more again than was under way and not told to the server yet.
async fn check(recorder: &Recorder, sent: &[MessageId], faults: usize) {
    until("nothing is lost", async || first_of_each(recorder.taken()).len() >= sent.len()).await;
    let number =
        |index: usize| Arrival { id: sent[index].0, key: format!("k{}", index % KEYS), number: (index / KEYS) as u64 };
    let expected: Vec<Arrival> = (0..sent.len()).map(number).collect();
    let known: HashMap<Uuid, &Arrival> = expected.iter().map(|message| (message.id, message)).collect();
    let arrived: Vec<Arrival> = recorder.taken().iter().map(|id| known[&id.0].clone()).collect();
    arrivals::check(&expected, &arrived, faults * (2 * BATCH as usize + TOLD_AGAIN));
}

fn setup(recorder: &Arc<Recorder>, name: &str) -> Setup {
    Setup {
        recorder: recorder.clone(),
        node_name: name.into(),
        lease_ttl: Duration::from_millis(1_500),
        config: Config { batch: BATCH, ..Setup::default().config },
        ..Setup::default()
    }
}

async fn until_taken(recorder: &Recorder, count: usize) {
    until("some are taken", async || recorder.taken().len() >= count).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_killed_goes_on_where_it_confirmed() {
    let server = Arc::new(Server::start().await);
    let (recorder, stop) = (Arc::new(Recorder::default()), Arc::new(AtomicBool::new(false)));
    let mut world = server.reader(setup(&recorder, "one")).await;
    let writer = write(&server, &stop, false);
    for round in 1..=3 {
        until_taken(&recorder, round * 60).await;
        world.kill();
        world = server.reader(setup(&recorder, "one")).await;
    }
    stop.store(true, Ordering::SeqCst);
    check(&recorder, &writer.await.unwrap(), 3).await;
    world.until_quiet().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_stopped_in_order_publishes_nothing_twice() {
    let server = Arc::new(Server::start().await);
    let (recorder, stop) = (Arc::new(Recorder::default()), Arc::new(AtomicBool::new(false)));
    let mut world = server.reader(setup(&recorder, "one")).await;
    let writer = write(&server, &stop, false);
    until_taken(&recorder, 100).await;
    world.stop().await;
    let world = server.reader(setup(&recorder, "one")).await;
    stop.store(true, Ordering::SeqCst);
    let sent = writer.await.unwrap();
    check(&recorder, &sent, 0).await;
    world.until_quiet().await;
    assert_eq!(recorder.taken().len(), sent.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_cut_is_made_again() {
    let server = Arc::new(Server::start().await);
    let (recorder, stop) = (Arc::new(Recorder::default()), Arc::new(AtomicBool::new(false)));
    let world = server.reader(setup(&recorder, "one")).await;
    let writer = write(&server, &stop, false);
    for round in 1..=3 {
        until_taken(&recorder, round * 60).await;
        server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_replication");
    }
    stop.store(true, Ordering::SeqCst);
    check(&recorder, &writer.await.unwrap(), 3).await;
    until_reading(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_is_restarted_under_a_reader() {
    let mut server = Server::start().await;
    let recorder = Arc::new(Recorder::default());
    let world = server.reader(setup(&recorder, "one")).await;
    let mut sent = Vec::new();
    for number in 0..20 {
        for key in 0..KEYS {
            sent.push(server.insert(&format!("k{key}"), number, key.is_multiple_of(2)).await);
        }
        if number == 10 {
            server.pool.close().await;
            tokio::task::block_in_place(|| server.postgres.resume().unwrap());
            server.pool = pool(&server.url);
        }
    }
    check(&recorder, &sent, 1).await;
    until_reading(&world).await;
    world.until_quiet().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_is_dropped_is_made_again_and_rows_are_read_from_the_outbox_meanwhile() {
    let server = Arc::new(Server::start().await);
    let (recorder, stop) = (Arc::new(Recorder::default()), Arc::new(AtomicBool::new(false)));
    let world = server.reader(setup(&recorder, "one")).await;
    let writer = write(&server, &stop, true);
    until_taken(&recorder, 60).await;
    // Whoever reads is back at once, so it takes both in one go, and sometimes more than one.
    let drop_it = "DO $$ DECLARE s text; BEGIN
            SELECT slot_name INTO s FROM pg_replication_slots;
            PERFORM pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active_pid IS NOT NULL;
            FOR turn IN 1..2000 LOOP
                BEGIN
                    PERFORM pg_drop_replication_slot(s);
                    RETURN;
                EXCEPTION WHEN object_in_use THEN
                    PERFORM pg_sleep(0.001);
                END;
            END LOOP;
            RAISE 'it was never free';
        END $$";
    let made_before = server.sql("SELECT restart_lsn FROM pg_replication_slots");
    server.sql(drop_it);
    until("the slot is there again", async || {
        let slot = server.sql("SELECT restart_lsn FROM pg_replication_slots WHERE active");
        !slot.is_empty() && slot != made_before
    })
    .await;
    let taken = recorder.taken().len();
    until_taken(&recorder, taken + 60).await;
    stop.store(true, Ordering::SeqCst);
    let mut sent = writer.await.unwrap();
    check(&recorder, &sent, 1).await;
    until_reading(&world).await;
    let number = sent.len() / KEYS;
    for key in 0..KEYS {
        sent.push(server.insert(&format!("k{key}"), number, true).await);
    }
    check(&recorder, &sent, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_reads_and_the_next_one_takes_over() {
    let server = Arc::new(Server::start().await);
    let (recorder, stop) = (Arc::new(Recorder::default()), Arc::new(AtomicBool::new(false)));
    let mut first = server.reader(setup(&recorder, "one")).await;
    let second = World::start_with(server.store().await, Setup { log: true, ..setup(&recorder, "two") }).await;
    let lanes = |world: &World| world.leases.fence().map_or(0, |fence| fence.lanes.len());
    let writer = write(&server, &stop, false);
    until_taken(&recorder, 100).await;
    assert_eq!((lanes(&first), lanes(&second)), (64, 0), "one has them all");
    assert!(!second.log_status.is_reading());
    first.kill();
    until_reading(&second).await;
    let taken = recorder.taken().len();
    until_taken(&recorder, taken + 60).await;
    stop.store(true, Ordering::SeqCst);
    check(&recorder, &writer.await.unwrap(), 1).await;
    assert_eq!(lanes(&second), 64);
    second.until_quiet().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_node_that_polls_all_of_them_do() {
    let server = Arc::new(Server::start().await);
    let (recorder, stop) = (Arc::new(Recorder::default()), Arc::new(AtomicBool::new(false)));
    let reader = server.reader(setup(&recorder, "one")).await;
    let writer = write(&server, &stop, true);
    let mut polls = World::start_with(server.store().await, setup(&recorder, "two")).await;
    until("they share the lanes", async || polls.leases.fence().is_some_and(|fence| fence.lanes.len() == 32)).await;
    until("nobody reads the log", async || !reader.log_status.is_reading()).await;
    let taken = recorder.taken().len();
    until_taken(&recorder, taken + 60).await;
    polls.stop().await;
    until_reading(&reader).await;
    stop.store(true, Ordering::SeqCst);
    check(&recorder, &writer.await.unwrap(), 2).await;
    reader.until_quiet().await;
}
