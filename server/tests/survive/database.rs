//! A PostgreSQL that crashes, cuts connections, or has none left.

use std::time::{Duration, Instant};

use baton_testkit::{Durability, Postgres};
use sqlx::{Connection, PgConnection};

use crate::{
    MINIMUM,
    support::{
        baton::Baton,
        load::{Load, Minimum},
    },
};

const KEYS: u64 = 8;

async fn under_load(url: String, folder: &tempfile::TempDir) -> (Baton, Load) {
    let mut baton = Baton::new(url, folder.path().join("baton.log"));
    baton.start().await;
    let load = Load::begin(&baton, Load::define(&baton).await, vec![baton.port], KEYS).await;
    load.until(Minimum { messages: 40, instances: 10 }, Duration::from_secs(30)).await;
    (baton, load)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_crashes_again_and_again_loses_nothing() {
    // A crash may take only what was not confirmed, so this one writes to disk.
    let mut postgres = Postgres::start(Durability::Durable).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (mut baton, load) = under_load(postgres.fresh_database().unwrap(), &folder).await;

    const CRASHES: u64 = 4;
    for crash in 0..CRASHES {
        // As `pg_ctl stop -m immediate`: no checkpoint, nobody is told, recovery from the log at the next start.
        postgres.interrupt().unwrap();
        tokio::time::sleep(Duration::from_millis(200 + crash * 300)).await;
        postgres.resume().unwrap();
        baton.until_ready(Duration::from_secs(30)).await;
        tokio::time::sleep(Duration::from_millis(400)).await;
    }

    let ended = load.end(&baton, MINIMUM).await;
    println!("{CRASHES} crashes, {} messages, {} instances", ended.messages, ended.instances);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_again_and_again_lose_nothing() {
    let url = baton_testkit::postgres::fresh_database().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (mut baton, load) = under_load(url.clone(), &folder).await;

    // All connections to this database but our own: the server's, and those of the program that inserts.
    let mut admin = PgConnection::connect(&url).await.unwrap();
    let (mut cuts, begun) = (0, Instant::now());
    while begun.elapsed() < Duration::from_secs(6) {
        let cut: i64 = sqlx::query_scalar(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity
             where datname = current_database() and pid <> pg_backend_pid()",
        )
        .fetch_one(&mut admin)
        .await
        .unwrap();
        cuts += cut;
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
    assert!(cuts >= 50, "only {cuts} connections were cut");

    baton.until_ready(Duration::from_secs(30)).await;
    let ended = load.end(&baton, MINIMUM).await;
    println!("{cuts} connections cut, {} messages, {} instances", ended.messages, ended.instances);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_without_free_connections_is_waited_for() {
    let postgres = Postgres::start(Durability::Throwaway).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let url = postgres.fresh_database().unwrap();
    let (mut baton, load) = under_load(url.clone(), &folder).await;

    // Others take every connection that there is, also those that the server had.
    let mut taken = Vec::new();
    let begun = Instant::now();
    let mut refused = 0;
    while begun.elapsed() < Duration::from_secs(8) {
        match PgConnection::connect(&postgres.url()).await {
            Ok(connection) => taken.push(connection),
            Err(_) => {
                refused += 1;
                let first = taken.first_mut().expect("some connections were free");
                let database = url.rsplit('/').next().unwrap();
                sqlx::query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1")
                    .bind(database)
                    .execute(first)
                    .await
                    .unwrap();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    assert!(refused > 10 && taken.len() > 100, "{} connections were taken, {refused} refused", taken.len());
    let (alive, _) = baton.request(reqwest::Method::GET, "/healthz", None).await.unwrap();
    assert_eq!(alive, 200, "the server is alive although it has no database");
    let held = taken.len();
    drop(taken);

    baton.until_ready(Duration::from_secs(30)).await;
    let ended = load.end(&baton, MINIMUM).await;
    println!("{held} connections held by others, {} messages, {} instances", ended.messages, ended.instances);
}
