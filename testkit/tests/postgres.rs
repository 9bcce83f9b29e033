//! The throw-away PostgreSQL: it starts, keeps databases apart, comes back after a crash and leaves nothing behind.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use baton_testkit::{
    Durability, Postgres,
    postgres::{URL_VARIABLE, fresh_database, psql},
};

#[test]
fn a_cluster_serves_separate_databases_and_leaves_nothing_behind() {
    let postgres = Postgres::start(Durability::Throwaway).unwrap();
    let (one, other) = (postgres.fresh_database().unwrap(), postgres.fresh_database().unwrap());
    psql(&one, "CREATE TABLE only_here (n integer); INSERT INTO only_here VALUES (7)").unwrap();
    assert_eq!(psql(&one, "SELECT n FROM only_here").unwrap(), "7");
    let error = psql(&other, "SELECT n FROM only_here").unwrap_err().to_string();
    assert!(error.contains("does not exist"), "{error}");

    let folder = psql(&one, "SHOW unix_socket_directories").unwrap();
    let process = format!("/proc/{}", postgres.pid().unwrap());
    assert!(Path::new(&folder).exists() && Path::new(&process).exists());
    drop(postgres);
    assert!(!Path::new(&folder).exists() && !Path::new(&process).exists());
}

#[test]
fn a_cluster_comes_back_after_an_interruption_with_its_data() {
    let mut postgres = Postgres::start(Durability::Durable).unwrap();
    let url = postgres.fresh_database().unwrap();
    psql(&url, "CREATE TABLE kept (n integer); INSERT INTO kept VALUES (7)").unwrap();
    postgres.interrupt().unwrap();
    psql(&url, "SELECT 1").unwrap_err();
    postgres.resume().unwrap();
    assert_eq!(psql(&url, "SELECT n FROM kept").unwrap(), "7");
    assert_eq!(psql(&url, "SHOW fsync").unwrap(), "on");
}

#[test]
fn a_test_gets_an_empty_database_of_its_own() {
    let url = fresh_database().unwrap();
    assert_eq!(psql(&url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").unwrap(), "0");
    assert_ne!(url, fresh_database().unwrap());
}

#[test]
fn a_cluster_ends_with_the_process_that_started_it() {
    // Given a folder for temporary files that the unprivileged user of the cluster may enter.
    let folder = std::env::temp_dir().join(format!("baton-testkit-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
    // When this program runs the test above with a cluster of its own, and ends without dropping it.
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_test_gets_an_empty_database_of_its_own"])
        .env_remove(URL_VARIABLE)
        .env("TMPDIR", &folder)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    // Then the cluster goes away all the same.
    let deadline = Instant::now() + Duration::from_secs(10);
    while fs::read_dir(&folder).unwrap().next().is_some() {
        assert!(Instant::now() < deadline, "the cluster is still there");
        thread::sleep(Duration::from_millis(20));
    }
    fs::remove_dir(&folder).unwrap();
}
