//! Kill -9 at any moment under load loses nothing and doubles no step.
//!
//! A real server is killed at least twenty times while another program inserts into its outbox and while processes of
//! five commands run. Afterwards the tables and what the participant received are held against what was committed, by
//! the same checker that the simulation uses.

mod support;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use support::{
    baton::Baton,
    load::{Load, Minimum},
};

const KILLS: u32 = 20;
const MINIMUM: Minimum = Minimum { messages: 400, instances: 150 };
const KEYS: u64 = 8;
/// Killing goes on until that much was handed in, however slow the machine is.
const LOAD_WITHIN: Duration = Duration::from_secs(240);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_twenty_times_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("baton.db").display());
    survive(url, folder.path().join("baton.log")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_twenty_times_on_postgres() {
    let folder = tempfile::tempdir().unwrap();
    let url = baton_testkit::postgres::fresh_database().unwrap();
    survive(url, folder.path().join("baton.log")).await;
}

async fn survive(database_url: String, log: PathBuf) {
    // given: a server under load
    let mut baton = Baton::new(database_url, log);
    baton.start().await;
    let load = Load::begin(&baton, Load::define(&baton).await, vec![baton.port], KEYS).await;

    // when: it is killed again and again, at moments that differ from run to run of the loop
    let begun = Instant::now();
    let mut kills = 0;
    while kills < KILLS || !load.has(MINIMUM) {
        assert!(begun.elapsed() < LOAD_WITHIN, "too little was achieved in time");
        tokio::time::sleep(Duration::from_millis(150 + u64::from(kills * 7919 % 11) * 90)).await;
        baton.kill();
        kills += 1;
        baton.spawn();
        // Every other time it is killed again while it starts.
        if kills.is_multiple_of(2) {
            baton.until_ready(Duration::from_secs(60)).await;
        }
    }
    baton.until_ready(Duration::from_secs(60)).await;

    // then
    let ended = load.end(&baton, MINIMUM).await;
    println!("{kills} kills, {} messages, {} instances", ended.messages, ended.instances);
}
