use std::{ffi::OsString, fs};

use clap::{CommandFactory, FromArgMatches};

use super::*;

#[derive(Debug, clap::Parser)]
struct Program {
    #[command(flatten)]
    settings: Settings,
}

/// Parses with `file` as the settings file.
fn read(file: &str, arguments: &[&str]) -> Result<Settings, ParseError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("baton.toml");
    fs::write(&path, file).unwrap();
    let mut all: Vec<OsString> = vec!["baton".into(), "--config".into(), path.into()];
    all.extend(arguments.iter().map(Into::into));
    let (matches, origins) = parse(Program::command(), &all)?;
    let mut settings = Program::from_arg_matches(&matches).unwrap().settings;
    settings.origins = origins;
    Ok(settings)
}

fn source(settings: &Settings, name: &str) -> (String, String) {
    let found = settings.sources().into_iter().find(|(key, ..)| key == name).expect(name);
    (found.1, found.2)
}

#[test]
fn a_flag_beats_the_file_and_the_file_beats_the_default() {
    let settings = read(
        "relay_batch = 77\nretention_days = 3\nhosts = [\"a.example\", \"b.example\"]",
        &["--retention-days", "9"],
    )
    .unwrap();
    assert_eq!(source(&settings, "relay_batch"), ("77".into(), "file".into()));
    assert_eq!(source(&settings, "retention_days"), ("9".into(), "flag".into()));
    assert_eq!(source(&settings, "listen"), ("127.0.0.1:4400".into(), "default".into()));
    assert_eq!(settings.hosts, ["a.example", "b.example"]);
}

#[test]
fn an_unknown_key_or_a_bad_value_in_the_file_names_the_file_and_the_key() {
    let unknown = read("listne = \"127.0.0.1:1\"", &[]).unwrap_err().to_string();
    assert!(unknown.contains("baton.toml") && unknown.contains("`listne`") && unknown.contains("listen"), "{unknown}");
    let bad = read("listen = \"here\"", &[]).unwrap_err().to_string();
    assert!(bad.contains("baton.toml") && bad.contains("`listen`"), "{bad}");
    let syntax = read("listen = ", &[]).unwrap_err().to_string();
    assert!(syntax.contains("not valid TOML"), "{syntax}");
}

#[test]
fn a_file_that_was_named_has_to_be_there() {
    let arguments: Vec<OsString> = vec!["baton".into(), "--config=/nowhere/baton.toml".into()];
    let error = parse(Program::command(), &arguments).unwrap_err();
    assert!(matches!(error, ParseError::Unreadable { .. }), "{error}");
}

#[test]
fn secrets_are_masked_in_the_sources() {
    let settings =
        read("admin_token = \"swordfish\"\ndatabase_url = \"postgres://baton:hunter2@db/baton\"", &[]).unwrap();
    let shown = format!("{:?}", settings.sources());
    assert!(!shown.contains("swordfish") && !shown.contains("hunter2"), "{shown}");
    assert_eq!(source(&settings, "database_url").0, format!("postgres://baton:{MASK}@db/baton"));
}

#[test]
fn every_setting_is_shown() {
    let settings = read("", &[]).unwrap();
    assert_eq!(settings.sources().len(), file::names().len());
}

#[test]
fn a_switch_needs_no_value_and_takes_one() {
    assert!(read("", &["--demo"]).unwrap().demo);
    assert!(!read("demo = true", &["--demo=false"]).unwrap().demo);
}

#[test]
fn a_bus_is_chosen_by_its_address_and_its_password_is_never_shown() {
    let settings = read("", &["--bus-url", "nats://me:hunter2@127.0.0.1:4222"]).unwrap();
    assert_eq!(settings.shown("bus_url"), "nats://me:••••••@127.0.0.1:4222");
    let error = read("", &["--bus-url", "redis://127.0.0.1"]).unwrap_err().to_string();
    assert!(error.contains("nats://HOST:PORT"), "{error}");
    // What is wrong in one with a password is told by whoever uses it: clap would repeat it.
    let settings = read("", &["--bus-url", "nats://me:hunter2@"]).unwrap();
    assert!(settings.bus_url.is_err_and(|error| !error.contains("hunter2")));
    assert!(read("", &["--bus-prefix", "a b"]).is_err());
}

#[test]
fn an_https_address_makes_the_cookie_secure() {
    assert!(!read("", &[]).unwrap().cookie_is_secure());
    assert!(read("public_url = \"https://baton.example.com\"", &[]).unwrap().cookie_is_secure());
    assert!(read("", &["--secure-cookie"]).unwrap().cookie_is_secure());
}

#[test]
fn retention_is_set_by_kind_and_what_contradicts_is_refused() {
    let settings = read("retention_days = 10\naudit_retention_days = 0", &["--instance-retention-days", "90"]).unwrap();
    let kept = settings.retention().unwrap();
    let days = |span: Option<chrono::TimeDelta>| span.map(|span| span.num_days());
    assert_eq!(
        [kept.messages, kept.attempts, kept.inbox, kept.instances, kept.audit].map(days),
        [Some(10), Some(10), Some(10), Some(90), None]
    );
    assert_eq!(source(&settings, "inbox_retention_days"), (String::new(), "default".into()));

    let error = read("inbox_retention_days = 8", &[]).unwrap().retention().unwrap_err().to_string();
    assert!(error.contains("BATON_INBOX_RETENTION_DAYS") && error.contains("BATON_RETENTION_DAYS"), "{error}");
    let error = read("", &["--inbox-retention-days", "3"]).unwrap_err().to_string();
    assert!(error.contains("7 to 36500"), "{error}");
}
