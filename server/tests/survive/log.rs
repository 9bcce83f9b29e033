//! The log of PostgreSQL as operators see it: what a start without the rights says, and how a slot is given up.

use std::{
    process::{Command, Output},
    time::Duration,
};

use baton_testkit::postgres::{Durability, Postgres, psql};
use reqwest::Method;
use serde_json::json;

use crate::support::baton::Baton;

fn log_command(url: &str, what: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_baton")).args(["log", what, "--database-url", url]).output().unwrap()
}

async fn health(baton: &Baton) -> serde_json::Value {
    baton.request(Method::GET, "/readyz", None).await.unwrap().1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_without_the_rights_ends_and_says_what_to_run() {
    let postgres = tokio::task::spawn_blocking(|| Postgres::start(Durability::Throwaway).unwrap()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    psql(&postgres.url(), "CREATE ROLE plain LOGIN").unwrap();
    psql(&postgres.url(), "CREATE DATABASE plain OWNER plain").unwrap();
    let url = postgres.url().replace("postgres://postgres@", "postgres://plain@").replace("/postgres", "/plain");
    let output = Command::new(env!("CARGO_BIN_EXE_baton"))
        .args(["serve", "--database-url", &url, "--listen", "127.0.0.1:0", "--relay-source", "log"])
        .env("BATON_ADMIN_TOKEN", "0123456789abcdef0123456789abcdef")
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("ALTER ROLE \"plain\" REPLICATION"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_is_seen_kept_from_being_dropped_under_its_reader_and_given_up() {
    let postgres = tokio::task::spawn_blocking(|| Postgres::start(Durability::Throwaway).unwrap()).await.unwrap();
    let url = postgres.fresh_database().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut baton = Baton::new(url.clone(), folder.path().join("baton.log"));
    baton.extra_env = vec![("BATON_RELAY_SOURCE".into(), "log".into())];
    baton.start().await;
    until("it is read", async || health(&baton).await["log"] == "read").await;
    until("its lag is told", async || health(&baton).await["log_lag_bytes"].is_u64()).await;
    let (status, answer) = baton.request(Method::DELETE, "/api/v1/log/slot", Some((&json!(null), &[]))).await.unwrap();
    assert_eq!(status, 409, "{answer}");
    assert!(answer["detail"].as_str().unwrap().contains("BATON_RELAY_SOURCE=poll"), "{answer}");

    // With another way to read it is an alarm, and may be dropped.
    baton.kill();
    baton.extra_env.clear();
    baton.start().await;
    assert!(health(&baton).await["log"].is_null());
    let shown = String::from_utf8(log_command(&url, "show").stdout).unwrap();
    assert!(shown.contains("nobody reads from it") && shown.contains("can be read"), "{shown}");
    let (status, answer) = baton.request(Method::DELETE, "/api/v1/log/slot", Some((&json!(null), &[]))).await.unwrap();
    assert_eq!(status, 204, "{answer}");
    let audit = baton.request(Method::GET, "/api/v1/audit?subject=relay", None).await.unwrap().1;
    assert_eq!(audit["items"][0]["action"], "drop log slot", "{audit}");
    let shown = String::from_utf8(log_command(&url, "show").stdout).unwrap();
    assert!(shown.contains("no place in the log"), "{shown}");
    let dropped = String::from_utf8(log_command(&url, "drop").stdout).unwrap();
    assert!(dropped.contains("nothing to drop"), "{dropped}");
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let end = tokio::time::Instant::now() + Duration::from_secs(40);
    while !holds().await {
        assert!(tokio::time::Instant::now() < end, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
