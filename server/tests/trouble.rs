//! When the surroundings fail: a database that goes away, a full disk, a second server, a port in use.
//!
//! Each time the server says what is wrong and what to do, stays alive or ends cleanly, and nothing is lost.

mod support;

use std::{
    process::{Command, Output},
    time::{Duration, Instant},
};

use baton_testkit::{Durability, Postgres, postgres::psql};
use reqwest::Method;
use serde_json::{Value, json};
use support::{baton::Baton, database::Database, participant::Participant};
use uuid::Uuid;

fn event(n: usize) -> Value {
    json!({"id": Uuid::new_v5(&Uuid::NAMESPACE_OID, &n.to_be_bytes()), "type": "Counted",
        "aggregate_type": "counter", "aggregate_id": format!("k{}", n % 3), "payload": {"n": n}})
}

async fn route_to(baton: &Baton, address: std::net::SocketAddr) {
    let settings =
        json!({"kind": "http", "url": format!("http://{address}/"), "backoff_base_ms": 10, "attempts_max": 50});
    baton.api(Method::PUT, "/destinations/participant", settings).await;
    baton.api(Method::PUT, "/routes/all", json!({"type": "Counted", "to": "participant"})).await;
}

async fn until(what: &str, within: Duration, mut done: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !done().await {
        assert!(Instant::now() < deadline, "{what} did not happen within {within:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_away_for_ten_seconds_is_survived() {
    // given: a server on a PostgreSQL of its own that keeps what it confirmed, with messages under way
    let mut postgres = Postgres::start(Durability::Durable).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut baton = Baton::new(postgres.fresh_database().unwrap(), folder.path().join("baton.log"));
    baton.start().await;
    let (participant, address) = Participant::start().await;
    route_to(&baton, address).await;
    for n in 0..50 {
        baton.api(Method::POST, "/messages", event(n)).await;
    }

    // when: the database stops for ten seconds
    postgres.interrupt().unwrap();
    let away = Instant::now();
    let (status, refused) =
        baton.request(Method::POST, "/api/v1/messages", Some((&event(50), &[]))).await.expect("the server answers");
    assert_eq!(status, 503, "{refused}");
    assert!(refused["detail"].as_str().unwrap().contains("database"), "{refused}");
    let (alive, _) = baton.request(Method::GET, "/healthz", None).await.unwrap();
    assert_eq!(alive, 200, "the server is alive while its database is not");
    let (ready, _) = baton.request(Method::GET, "/readyz", None).await.unwrap();
    assert_eq!(ready, 503, "and says that it is not ready");
    tokio::time::sleep(Duration::from_secs(10).saturating_sub(away.elapsed())).await;
    postgres.resume().unwrap();

    // then: it goes on by itself, and everything accepted arrives
    baton.until_ready(Duration::from_secs(30)).await;
    baton.api(Method::POST, "/messages", event(51)).await;
    until("delivery of all 51 messages", Duration::from_secs(30), async || {
        let ids: std::collections::HashSet<Uuid> = participant.receipts().iter().map(|receipt| receipt.id).collect();
        ids.len() == 51
    })
    .await;
}

/// A file system of its own that is too small; needs the right to mount, as root or in a user namespace.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(size: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size},mode=0777"), "tmpfs"])
            .arg(folder.path())
            .status()
            .expect("the command mount is there");
        assert!(
            mounted.success(),
            "this test mounts a small tmpfs: run it as root, or inside `unshare --map-root-user --mount`"
        );
        Self(folder)
    }

    fn grow(&self, size: &str) {
        let size = format!("remount,size={size}");
        assert!(Command::new("mount").args(["-o", &size]).arg(self.0.path()).status().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

/// Sends messages of 60 KB until one is refused: the ids that were accepted, and the refusal.
async fn fill(baton: &Baton) -> (Vec<String>, u16, Value) {
    let filler = noise(60_000);
    let mut accepted = Vec::new();
    for n in 0..400 {
        let mut message = event(n);
        message["payload"] = json!({"filler": filler});
        let (status, answer) =
            baton.request(Method::POST, "/api/v1/messages", Some((&message, &[]))).await.expect("the server answers");
        match status {
            202 => accepted.push(message["id"].as_str().unwrap().to_owned()),
            _ => return (accepted, status, answer),
        }
    }
    panic!("a small disk is full before 24 MB");
}

/// Text that a database cannot make much smaller.
fn noise(length: usize) -> String {
    let parts = (0_u64..).map(|n| Uuid::new_v5(&Uuid::NAMESPACE_OID, &n.to_be_bytes()).simple().to_string());
    parts.take(length / 32).collect()
}

/// The refusal says what is wrong and what to do, the server lives, is not ready, and has what it accepted.
async fn is_full(baton: &Baton, accepted: &[String], status: u16, answer: &Value, stored: &[String]) {
    assert_eq!(status, 503, "{answer}");
    let says = |answer: &Value| {
        let detail = answer["detail"].as_str().unwrap_or_default();
        ["disk of the database is full", "nothing was changed", "Free space"].iter().all(|words| detail.contains(words))
    };
    assert!(says(answer), "{answer}");
    assert_eq!(baton.request(Method::GET, "/healthz", None).await.unwrap().0, 200);
    let (ready, why) = baton.request(Method::GET, "/readyz", None).await.unwrap();
    assert_eq!(ready, 503, "{why}");
    assert!(says(&why), "{why}");
    assert!(!accepted.is_empty());
    for id in accepted {
        assert!(stored.contains(id), "{id} was accepted and is gone");
    }
}

async fn goes_on(baton: &mut Baton) {
    until("an accepted message", Duration::from_secs(20), async || {
        let sent = baton.request(Method::POST, "/api/v1/messages", Some((&event(1000), &[]))).await.unwrap();
        sent.0 == 202
    })
    .await;
    baton.until_ready(Duration::from_secs(30)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_said_and_nothing_accepted_is_lost() {
    // given: a server whose SQLite file stands on a small disk
    let disk = SmallDisk::mount("3m");
    let logs = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", disk.0.path().join("baton.db").display());
    let mut baton = Baton::new(url.clone(), logs.path().join("baton.log"));
    baton.start().await;

    // when: it is filled until it is refused
    let (accepted, status, answer) = fill(&baton).await;

    // then: that is said, and with room again it goes on
    let database = Database::connect(&url).await;
    let stored: Vec<String> = database.rows::<1>("select id from outbox").await.into_iter().map(|[id]| id).collect();
    is_full(&baton, &accepted, status, &answer, &stored).await;
    disk.grow("64m");
    goes_on(&mut baton).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_postgresql_is_said_and_nothing_accepted_is_lost() {
    // given: a server whose database stands on a small disk of its own, beside that of the cluster
    let disk = SmallDisk::mount("16m");
    let postgres = Postgres::start(Durability::Throwaway).unwrap();
    let folder = disk.0.path().join("space");
    std::fs::create_dir(&folder).unwrap();
    if let Some(user) = baton_testkit::user::unprivileged() {
        std::os::unix::fs::chown(&folder, Some(user.uid), Some(user.gid)).unwrap();
    }
    std::fs::set_permissions(disk.0.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let admin = postgres.url();
    psql(&admin, &format!("create tablespace small location '{}'", folder.display())).unwrap();
    psql(&admin, "create database small tablespace small").unwrap();
    let url = format!("{}/small", admin.strip_suffix("/postgres").unwrap());
    let logs = tempfile::tempdir().unwrap();
    let mut baton = Baton::new(url.clone(), logs.path().join("baton.log"));
    baton.start().await;

    // when: it is filled until it is refused
    let (accepted, status, answer) = fill(&baton).await;

    // then: that is said, and with room again it goes on
    let database = Database::connect(&url).await;
    let stored: Vec<String> =
        database.rows::<1>("select id::text from baton.outbox").await.into_iter().map(|[id]| id).collect();
    is_full(&baton, &accepted, status, &answer, &stored).await;
    disk.grow("64m");
    goes_on(&mut baton).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_on_the_same_sqlite_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("baton.db").display());
    let mut first = Baton::new(url.clone(), folder.path().join("baton.log"));
    first.start().await;

    let output = run_to_the_end(&url, "127.0.0.1:0", folder.path());

    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("another baton"), "it names the reason: {text}");
    assert!(text.contains("baton.db"), "it names the file: {text}");
    assert_eq!(first.request(Method::GET, "/readyz", None).await.unwrap().0, 200, "the first one is untouched");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_in_use_is_said_with_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("baton.db").display());

    let output = run_to_the_end(&url, &address, folder.path());

    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains(&address) && text.contains("in use"), "it names the address: {text}");
    assert!(text.contains("--listen") || text.contains("BATON_LISTEN"), "it says what to do: {text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("baton.db").display());
    let mut baton = Baton::new(url.clone(), folder.path().join("baton.log"));
    baton.start().await;
    baton.kill();
    let database = Database::connect(&url).await;
    database
        .execute(
            "insert into migration (version, description, success, checksum, execution_time)
             values (9999, 'from the future', true, x'00', 0)",
        )
        .await;

    let output = run_to_the_end(&url, "127.0.0.1:0", folder.path());

    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("newer"), "it says that the database is newer: {text}");
    assert_eq!(database.count("select count(*) from migration where version = 9999").await, 1);
}

/// Runs `baton serve` where it must not come up, and gives it ten seconds to say so.
fn run_to_the_end(url: &str, listen: &str, folder: &std::path::Path) -> Output {
    let child = Command::new(env!("CARGO_BIN_EXE_baton"))
        .arg("serve")
        .env("BATON_DATABASE_URL", url)
        .env("BATON_LISTEN", listen)
        .env("BATON_ADMIN_TOKEN", support::baton::TOKEN)
        .current_dir(folder)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output().unwrap()));
    receiver.recv_timeout(Duration::from_secs(20)).unwrap_or_else(|_| {
        let _ = Command::new("kill").arg(pid.to_string()).status();
        panic!("the server came up although it must not");
    })
}
