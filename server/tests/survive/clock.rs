//! Clocks that jump by an hour, forward and back, under load.
//!
//! The server's own clock is set, not the machine's: a small library stands between it and the system, as it would see
//! the world after somebody has set the clock. (PostgreSQL has its own clock, as it has on another machine.)

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use reqwest::{Method, header};
use serde_json::json;

use crate::support::{
    baton::{Baton, TOKEN},
    load::{Load, Minimum},
};

const HOUR_S: i64 = 3_600;
const KEYS: u64 = 8;
const MINIMUM: Minimum = Minimum { messages: 80, instances: 40 };

/// Adds the number of seconds in a mapped file to what the system says about the time of day.
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile long *offset;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("TEST_CLOCK_OFFSET");
    int file = path ? open(path, O_RDONLY) : -1;
    if (file < 0) return;
    void *mapped = mmap(0, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (mapped != MAP_FAILED) offset = mapped;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    int result = syscall(SYS_clock_gettime, clock, at);
    if (result == 0 && offset && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) at->tv_sec += *offset;
    return result;
}

int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
"#;

/// A clock that the test sets.
struct Clock(PathBuf);

impl Clock {
    /// Builds the library and puts it before `baton`.
    fn of(baton: &mut Baton, folder: &Path) -> Self {
        let (source, library) = (folder.join("clock.c"), folder.join("clock.so"));
        std::fs::write(&source, SHIM).unwrap();
        let built = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&source).status();
        assert!(built.expect("a C compiler, which building Baton needs too").success());
        let clock = Self(folder.join("offset"));
        clock.set(0);
        baton.extra_env.push(("LD_PRELOAD".to_owned(), library.display().to_string()));
        baton.extra_env.push(("TEST_CLOCK_OFFSET".to_owned(), clock.0.display().to_string()));
        clock
    }

    fn set(&self, offset_s: i64) {
        use std::os::unix::fs::FileExt as _;
        let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(&self.0).unwrap();
        file.write_all_at(&offset_s.to_ne_bytes(), 0).unwrap();
    }
}

const NAP: &str = r#"
baton: process/1
name: nap
nodes:
  start: {kind: start, next: sleep}
  sleep: {kind: timer, for: PT30M, next: awake}
  awake: {kind: end, outcome: completed}
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_that_jump_lose_nothing_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("baton.db").display());
    jump(url, &folder).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_that_jump_lose_nothing_on_postgres() {
    let folder = tempfile::tempdir().unwrap();
    jump(baton_testkit::postgres::fresh_database().unwrap(), &folder).await;
}

async fn jump(url: String, folder: &tempfile::TempDir) {
    // given: a server under load, somebody signed in, and an instance that sleeps for half an hour
    let mut baton = Baton::new(url, folder.path().join("baton.log"));
    let clock = Clock::of(&mut baton, folder.path());
    baton.start().await;
    let load = Load::begin(&baton, Load::define(&baton).await, vec![baton.port], KEYS).await;
    let session = sign_in(&baton).await;
    load.until(Minimum { messages: 20, instances: 10 }, Duration::from_secs(30)).await;

    // when: the clock jumps an hour forward, two back, and forward again
    for offset_s in [HOUR_S, -HOUR_S, 0] {
        let before = load.handed_in();
        clock.set(offset_s);
        // then: work goes on within seconds, and nobody is signed out
        let more = Minimum { messages: before.messages + 20, instances: before.instances + 10 };
        load.until(more, Duration::from_secs(15)).await;
        assert_eq!(overview(&baton, &session).await, 200, "the session does not survive {offset_s} s");
    }
    let ended = load.end(&baton, MINIMUM).await;
    println!("3 jumps, {} messages, {} instances", ended.messages, ended.instances);

    // and a timer that was far away is due after a jump, once
    baton.api(Method::PUT, "/processes/nap/draft", json!({"source": NAP})).await;
    baton.api(Method::POST, "/processes/nap/versions", json!({})).await;
    let nap = baton.api(Method::POST, "/processes/nap/instances", json!({"input": {}})).await;
    let path = format!("/instances/{}", nap["id"].as_str().unwrap());
    assert_eq!(baton.api(Method::GET, &path, json!(null)).await["state"], "waiting");
    clock.set(HOUR_S);
    let deadline = Instant::now() + Duration::from_secs(10);
    while baton.api(Method::GET, &path, json!(null)).await["state"] != "completed" {
        assert!(Instant::now() < deadline, "the timer did not fire");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let history = baton.api(Method::GET, &format!("{path}/history"), json!(null)).await;
    let fired = history["items"].as_array().unwrap().iter().filter(|event| event["event"] == "timer_fired").count();
    assert_eq!(fired, 1, "{history}");
}

/// Signs in as a browser does; returns its cookie.
async fn sign_in(baton: &Baton) -> String {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let origin = format!("http://127.0.0.1:{}", baton.port);
    let answer = client
        .post(format!("{origin}/sign-in"))
        .header(header::ORIGIN, &origin)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(format!("token={TOKEN}&name=mina"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 303, "signing in");
    let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

async fn overview(baton: &Baton, session: &str) -> u16 {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://127.0.0.1:{}/api/v1/overview", baton.port);
    client.get(url).header(header::COOKIE, session).send().await.unwrap().status().as_u16()
}
