//! The command line, as a person or a script uses it: the real program, a real server, on both databases.

mod support;

use std::{
    path::Path,
    process::{Command, Output},
    time::{Duration, Instant},
};

use reqwest::Method;
use support::baton::{Baton, TOKEN};

const PROCESS: &str = "
baton: process/1
name: greet
input: {type: object, required: [who], properties: {who: {type: string}}}
nodes:
  start: {kind: start, next: pause}
  pause: {kind: timer, for: PT1H, next: done}
  done:  {kind: end, outcome: completed}
";

/// A saga that covers for a wrong boundary: all that it does is about orders.
const NARROW: &str = "
baton: saga/1
name: narrow
correlate: =event.payload.order
start: OrderPlaced
steps:
  - {name: pack, send: Pack, to: order, done: Packed, undo: {send: Unpack, done: Unpacked}}
  - {name: send, send: Dispatch, to: order, done: Dispatched}
";

/// The same test against a server on each database.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let folder = tempfile::tempdir().unwrap();
                let url = format!("sqlite://{}", folder.path().join("baton.db").display());
                super::$name(folder.path(), url).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let folder = tempfile::tempdir().unwrap();
                super::$name(folder.path(), baton_testkit::postgres::fresh_database().unwrap()).await;
            })+
        }
    };
}

on_both!(
    definitions_are_applied_and_instances_started_against_a_running_server,
    definitions_leave_as_files_and_come_back_as_drafts,
    instances_are_migrated_one_and_many_with_a_dry_run_before,
    an_instance_is_restarted_from_an_earlier_point,
    everything_that_operators_do_is_a_command,
);

/// Polls until `done`.
async fn until(what: &str, within: Duration, mut done: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !done().await {
        assert!(Instant::now() < deadline, "waited {within:?} for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Runs the program to its end in `folder`.
fn baton(folder: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_baton"))
        .args(arguments)
        .env_remove("BATON_TOKEN")
        .env_remove("BATON_ADMIN_TOKEN")
        .envs(environment.iter().copied())
        .current_dir(folder)
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_command_line_that_is_not_understood_ends_with_2_and_help_with_0() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["--listn", "x"][..], &["serve", "--listen", "here"], &["retry"], &["start"]] {
        let output = baton(folder.path(), &[], arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
    }
    std::fs::write(folder.path().join("baton.toml"), "listne = 1").unwrap();
    let output = baton(folder.path(), &[], &["serve"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("baton.toml"), "{}", stderr(&output));
    std::fs::remove_file(folder.path().join("baton.toml")).unwrap();
    let output = baton(folder.path(), &[], &["--help"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains("BATON_DATABASE_URL"));
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "something was created");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_made_in_the_database_opens_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("baton.db").display());
    let environment = [("BATON_DATABASE_URL", url.as_str())];
    let migrated = baton(folder.path(), &environment, &["migrate"]);
    assert_eq!(migrated.status.code(), Some(0), "{}", stderr(&migrated));
    let made = baton(folder.path(), &environment, &["token", "create", "--name", "shop"]);
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let token = stdout(&made).trim().to_owned();
    assert!(token.starts_with("baton_") && !token.contains(char::is_whitespace), "{token}");

    let mut server = Baton::new(url.clone(), folder.path().join("baton.log"));
    server.start().await;
    let address = format!("http://127.0.0.1:{}", server.port);
    let answer = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .get(format!("{address}/api/v1/overview"))
        .bearer_auth(&token)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);

    // While the server holds the file, the command says what to do, and goes through the server with a token.
    let refused = baton(folder.path(), &environment, &["token", "create", "--name", "other"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("BATON_TOKEN"), "{}", stderr(&refused));
    let through = baton(
        folder.path(),
        &[("BATON_DATABASE_URL", &url), ("BATON_URL", &address), ("BATON_TOKEN", &token)],
        &["token", "create", "--name", "other"],
    );
    assert_eq!(through.status.code(), Some(0), "{}", stderr(&through));
    assert!(stdout(&through).starts_with("baton_"));
}

async fn definitions_are_applied_and_instances_started_against_a_running_server(folder: &Path, url: String) {
    let mut server = Baton::new(url, folder.join("baton.log"));
    server.start().await;
    let address = format!("http://127.0.0.1:{}", server.port);
    let environment = [("BATON_URL", address.as_str()), ("BATON_TOKEN", TOKEN)];
    std::fs::write(folder.join("greet.yaml"), PROCESS).unwrap();
    std::fs::write(folder.join("broken.yaml"), PROCESS.replace("next: done", "next: nowhere")).unwrap();

    let broken = baton(folder, &environment, &["definition", "apply", "greet.yaml", "broken.yaml"]);
    assert_eq!(broken.status.code(), Some(1));
    let text = stderr(&broken);
    assert!(text.contains("broken.yaml") && text.contains("/nodes/pause/next"), "{text}");
    let known = server.request(Method::GET, "/api/v1/processes", None).await.unwrap().1;
    assert_eq!(known["items"].as_array().unwrap().len(), 0, "one bad file keeps all of them out");

    let applied = baton(folder, &environment, &["definition", "apply", "greet.yaml", "--note", "first"]);
    assert_eq!(applied.status.code(), Some(0), "{}", stderr(&applied));
    assert_eq!(stdout(&applied), "process greet: version 1\n");

    let input = r#"{"who": "mina"}"#;
    let start = ["start", "greet", "--input", input, "--business-key", "m", "--idempotency-key", "k"];
    let (first, second) = (baton(folder, &environment, &start), baton(folder, &environment, &start));
    assert_eq!(first.status.code(), Some(0), "{}", stderr(&first));
    assert_eq!(stdout(&first), stdout(&second), "the same key starts once");
    let refused = baton(folder, &environment, &["start", "greet", "--input", "{}"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("who"), "{}", stderr(&refused));
    let unknown = baton(folder, &environment, &["start", "nothing"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(stderr(&unknown).contains("nothing"), "{}", stderr(&unknown));
    let stranger = [("BATON_URL", address.as_str()), ("BATON_TOKEN", "not-a-token")];
    let refused = stderr(&baton(folder, &stranger, &["start", "greet"]));
    assert!(refused.contains("BATON_TOKEN") && refused.contains("does not know this token"), "{refused}");
    assert!(refused.contains("http://127.0.0.1:"), "{refused}");

    // What may be a mistake is said, and published.
    std::fs::write(folder.join("narrow.yaml"), NARROW).unwrap();
    let applied = baton(folder, &environment, &["definition", "apply", "narrow.yaml"]);
    assert_eq!((applied.status.code(), stdout(&applied).as_str()), (Some(0), "saga narrow: version 1\n"));
    assert!(
        stderr(&applied).contains("warning: /steps: All commands go to one aggregate type."),
        "{}",
        stderr(&applied)
    );
    let (_, narrow) = server.request(Method::GET, "/api/v1/sagas/narrow", None).await.unwrap();
    let found = narrow["check"]["diagnostics"].as_array().unwrap();
    assert!(found.iter().any(|it| it["code"] == "one-aggregate" && it["pointer"] == "/steps"), "{narrow}");

    let retried = baton(folder, &environment, &["retry", "--all", "--reason", "a test"]);
    assert_eq!((retried.status.code(), stdout(&retried).as_str()), (Some(0), "Nothing has failed there.\n"));
}

async fn definitions_leave_as_files_and_come_back_as_drafts(folder: &Path, url: String) {
    let mut server = Baton::new(url, folder.join("baton.log"));
    server.start().await;
    let address = format!("http://127.0.0.1:{}", server.port);
    let environment = [("BATON_URL", address.as_str()), ("BATON_TOKEN", TOKEN)];
    std::fs::write(folder.join("greet.yaml"), PROCESS).unwrap();
    let applied = baton(folder, &environment, &["definition", "apply", "greet.yaml"]);
    assert_eq!(applied.status.code(), Some(0), "{}", stderr(&applied));

    let printed = baton(folder, &environment, &["definition", "export", "greet"]);
    assert_eq!(stdout(&printed), PROCESS, "{}", stderr(&printed));
    let written =
        baton(folder, &environment, &["definition", "export", "greet", "--format", "bpmn", "-o", "greet.bpmn"]);
    assert_eq!(written.status.code(), Some(0), "{}", stderr(&written));
    let imported = baton(folder, &environment, &["definition", "import", "greet.bpmn", "--name", "greet-again"]);
    assert_eq!(stdout(&imported), "process greet-again: saved as the draft\n", "{}", stderr(&imported));
    let (_, draft) = server.request(Method::GET, "/api/v1/processes/greet-again/draft", None).await.unwrap();
    assert_eq!(draft["check"]["document"]["nodes"]["pause"]["kind"], "timer", "{draft}");

    std::fs::write(folder.join("bad.bpmn"), "<a>").unwrap();
    let refused = baton(folder, &environment, &["definition", "import", "bad.bpmn"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).contains("bad.bpmn was not imported") && stderr(&refused).contains("not whole"),
        "{}",
        stderr(&refused)
    );
    let nobody = baton(folder, &environment, &["definition", "export", "nobody"]);
    assert!(stderr(&nobody).contains("There is no process"), "{}", stderr(&nobody));
}

async fn instances_are_migrated_one_and_many_with_a_dry_run_before(folder: &Path, url: String) {
    let mut server = Baton::new(url, folder.join("baton.log"));
    server.start().await;
    let address = format!("http://127.0.0.1:{}", server.port);
    let environment = [("BATON_URL", address.as_str()), ("BATON_TOKEN", TOKEN)];
    let run = |arguments: &[&str]| {
        let output = baton(folder, &environment, arguments);
        (output.status.code().unwrap(), stdout(&output), stderr(&output))
    };
    std::fs::write(folder.join("greet.yaml"), PROCESS).unwrap();
    std::fs::write(folder.join("next.yaml"), PROCESS.replace("pause", "rest")).unwrap();
    assert_eq!(run(&["definition", "apply", "greet.yaml"]).0, 0);
    let start =
        |who: &str| run(&["start", "greet", "--input", &format!("{{\"who\": {who:?}}}"), "--business-key", who]).1;
    let (first, _) = (start("mina"), start("sora"));
    let first = first.split_whitespace().last().unwrap();
    assert_eq!(run(&["definition", "apply", "next.yaml"]).1, "process greet: version 2\n");

    let many = |more: &[&str]| run(&[&["definition", "migrate", "greet", "--to", "2"], more].concat());
    let (code, said, why) = many(&["--dry-run"]);
    assert_eq!((code, why.as_str()), (1, "error: 2 cannot, for the reasons above\n"));
    assert!(
        said.contains("(mina), version 1\n  /mapping/pause: ") && said.ends_with("0 can go on by version 2\n"),
        "{said}"
    );
    assert_eq!(
        many(&["--dry-run", "--map", "pause=rest"]),
        (0, "2 can go on by version 2\n".to_owned(), String::new())
    );
    assert_eq!(many(&["--map", "pause=rest"]).0, 2, "it says why");
    assert_eq!(many(&["--map", "pause", "--reason", "r"]).0, 2);

    let one = ["instance", "migrate", first, "--to", "2", "--map", "pause=rest", "--reason", "it is better"];
    assert_eq!(run(&one), (0, "waiting\n".to_owned(), String::new()));
    let (code, said, why) = many(&["--map", "pause=rest", "--from", "1", "--reason", "the others too"]);
    assert_eq!((code, said.as_str()), (0, "1 go on by version 2\n"), "{why}");
    assert!(run(&one).2.contains("/to_version"), "it runs that version already");
    let back = ["instance", "many", "migrate", "--definition", "greet", "--to", "1", "--reason", "back again"];
    let (code, said, why) = run(&back);
    assert!(
        code == 0 && said.starts_with("ended: 0 done, 2 refused\n") && said.contains(" and 1 more: "),
        "{said}{why}"
    );
    let (code, said, why) = run(&[&back[..], &["--map", "rest=pause", "--version", "2"]].concat());
    assert_eq!((code, said.as_str()), (0, "ended: 2 done, 0 refused\n"), "{why}");
    assert_eq!(
        run(&["instance", "many", "migrate", "--definition", "greet", "--reason", "r"]).0,
        2,
        "to which version"
    );
    let (code, _, why) = many(&["--reason", "without the mapping"]);
    assert_eq!((code, why.as_str()), (1, "error: 2 cannot, for the reasons above\n"));
    let unknown = run(&["definition", "migrate", "greet", "--kind", "saga", "--to", "2", "--dry-run"]);
    assert!(unknown.0 == 1 && unknown.2.contains("/definition"), "{unknown:?}");
}

async fn an_instance_is_restarted_from_an_earlier_point(folder: &Path, url: String) {
    let mut server = Baton::new(url, folder.join("baton.log"));
    server.start().await;
    let address = format!("http://127.0.0.1:{}", server.port);
    let environment = [("BATON_URL", address.as_str()), ("BATON_TOKEN", TOKEN)];
    let run = |arguments: &[&str]| {
        let output = baton(folder, &environment, arguments);
        (output.status.code().unwrap(), stdout(&output), stderr(&output))
    };
    std::fs::write(folder.join("greet.yaml"), PROCESS).unwrap();
    assert_eq!(run(&["definition", "apply", "greet.yaml"]).0, 0);
    let first = run(&["start", "greet", "--input", "{\"who\": \"mina\"}"]).1;
    let first = first.trim();
    let restart = |more: &[&str]| run(&[&["instance", "restart", first, "--reason", "for sora"], more].concat());
    assert_eq!(restart(&[]).0, 2, "it takes a point");
    let busy = restart(&["--at", "1"]);
    assert!(busy.0 == 1 && busy.2.contains("suspend or cancel it first"), "{busy:?}");
    assert_eq!(run(&["instance", "cancel", first, "--reason", "for sora"]).0, 0);
    for (arguments, why) in [
        (&["--at", "9"][..], "/at"),
        (&["--at", "1", "--input", "{\"who\": 7}"], "/input/who"),
        (&["--at", "1", "--variables", "7"], "--variables is no JSON object"),
        (&["--at", "1", "--variables", "{"], "--variables is not valid JSON"),
    ] {
        let refused = restart(arguments);
        assert!(refused.0 == 1 && refused.2.contains(why), "{arguments:?}: {refused:?}");
    }
    let right = ["--at", "2", "--variables", "{\"a\": 1}", "--input", "{\"who\": \"sora\"}", "--idempotency-key", "k"];
    let (code, id, said) = restart(&right);
    assert_eq!((code, said.as_str()), (0, ""));
    let again = restart(&right);
    assert_eq!((again.0, &again.1, again.2.as_str()), (0, &id, "It was restarted before with this key.\n"));
    let shown: serde_json::Value = serde_json::from_str(&run(&["instance", "show", id.trim()]).1).unwrap();
    assert_eq!(
        (&shown["input"]["who"], &shown["variables"]["a"], &shown["at"][0]),
        (&"sora".into(), &1.into(), &"pause".into())
    );
    assert_eq!(shown["restarted_from"]["instance"], first);
}

const ORDER: &str = "
baton: process/1
name: order
nodes:
  start: {kind: start, next: reserve}
  reserve:
    kind: command
    send: ReserveStock
    to: stock
    undo: {send: ReleaseStock, done: StockReleased, failed: ReleaseRefused}
    on: {StockReserved: {next: price}, timeout: {after: PT1H, next: take-back}}
  price: {kind: compute, set: {total: =vars.amount * 2}, next: sign}
  sign: {kind: approval, title: Sign, assignee: mina, outcomes: {yes: {next: done}, no: {next: take-back}}}
  take-back: {kind: compensate, next: taken-back}
  taken-back: {kind: end, outcome: compensated}
  done: {kind: end}
";

async fn everything_that_operators_do_is_a_command(folder: &Path, url: String) {
    let mut server = Baton::new(url, folder.join("baton.log"));
    server.start().await;
    let address = format!("http://127.0.0.1:{}", server.port);
    let environment = [("BATON_URL", address.as_str()), ("BATON_TOKEN", TOKEN)];
    let run = |arguments: &[&str]| {
        let output = baton(folder, &environment, arguments);
        (output.status.code().unwrap(), stdout(&output), stderr(&output))
    };
    std::fs::write(folder.join("order.yaml"), ORDER).unwrap();
    assert_eq!(run(&["definition", "apply", "order.yaml"]).0, 0);
    let start = |key: &str| {
        let (code, said, why) = run(&["start", "order", "--input", "{}", "--business-key", key]);
        assert_eq!(code, 0, "{why}");
        said.split_whitespace().last().unwrap().to_owned()
    };
    let operate = |id: &str, operation: &str, more: &[&str]| {
        run(&[&["instance", operation, id, "--reason", "by hand"], more].concat())
    };
    let done = |outcome: (i32, String, String), state: &str| {
        assert_eq!(outcome, (0, format!("{state}\n"), String::new()));
    };
    let refused = |outcome: (i32, String, String), why: &str| {
        assert!(outcome.0 == 1 && outcome.1.is_empty() && outcome.2.contains(why), "{why}: {outcome:?}");
    };
    let shown = |id: &str, more: &[&str]| -> serde_json::Value {
        let (code, text, why) = run(&[&["instance", "show", id], more].concat());
        assert_eq!(code, 0, "{why}");
        serde_json::from_str(&text).unwrap()
    };

    // A step is skipped without what the next one reads; variables mend that, and the rest is decided by a person.
    let first = start("one");
    done(operate(&first, "suspend", &[]), "suspended");
    refused(operate(&first, "suspend", &[]), "suspended already");
    done(operate(&first, "resume", &[]), "running");
    refused(operate(&first, "skip", &["--port", "Delivered"]), "/port");
    refused(operate(&first, "skip", &["--node", "sign"]), "/node");
    refused(operate(&first, "skip", &["--set", "[1]"]), "--set is no JSON object");
    done(operate(&first, "skip", &["--node", "reserve", "--port", "StockReserved"]), "stuck");
    refused(operate(&first, "set", &["--to", "{"]), "--to is not valid JSON");
    refused(operate(&first, "set", &["--to", "{\"no name\": 1}"]), "/set/no name");
    let recorded = shown(&first, &[])["recorded"].to_string();
    done(operate(&first, "set", &["--to", "{\"amount\": 4}", "--expected", &recorded]), "stuck");
    refused(operate(&first, "retry", &["--expected", &recorded]), "since you looked");
    refused(operate(&first, "retry", &["--at", "9"]), "/token");
    done(operate(&first, "retry", &[]), "waiting");
    refused(operate(&first, "retry", &[]), "Nothing failed");
    assert_eq!(shown(&first, &[])["variables"]["total"], 8);
    assert_eq!(shown(&first, &["--at", "1"])["variables"], serde_json::json!({}));
    refused(run(&["instance", "show", &first, "--at", "999"]), "/at");
    let tasks = run(&["task", "list", "--instance", &first]).1;
    assert!(tasks.contains("\topen\t") && tasks.trim_end().ends_with("\tmina\tSign"), "{tasks}");
    let task = tasks.split('\t').next().unwrap().to_owned();
    done(run(&["task", "claim", &task]), "claimed");
    refused(run(&["task", "complete", &task, "--outcome", "perhaps"]), "perhaps");
    done(run(&["task", "complete", &task, "--outcome", "yes"]), "completed");
    refused(operate(&first, "cancel", &[]), "has ended as completed");
    assert_eq!(operate(&first, "hop", &[]).0, 2);
    assert_eq!(run(&["instance", "suspend", &first]).0, 2, "it takes a reason");

    // What nobody answered is settled, and undone; the undoing is given up.
    let second = start("two");
    refused(operate(&second, "move", &["--to", "nowhere"]), "/to");
    refused(operate(&second, "abandon", &[]), "Nothing is being undone");
    done(operate(&second, "move", &["--node", "reserve", "--to", "take-back"]), "compensating");
    let command = shown(&second, &[])["unanswered"][0]["command"].as_str().unwrap().to_owned();
    refused(operate(&second, "settle", &["--command", &second, "--done"]), "/command");
    assert_eq!(operate(&second, "settle", &["--command", &command]).0, 2, "what became of it");
    done(operate(&second, "settle", &["--command", &command, "--done"]), "compensating");
    done(operate(&second, "abandon", &[]), "failed");
    let third = start("three");
    done(operate(&third, "cancel", &["--compensate"]), "compensating");
    done(operate(&third, "cancel", &[]), "cancelled");

    // Many at once, and what lists say.
    let many = |arguments: &[&str]| {
        run(&[&["instance", "many"], arguments, &["--definition", "order", "--reason", "all of them"]].concat())
    };
    (4..7).for_each(|n| drop(start(&format!("key {n}"))));
    done(many(&["suspend", "--state", "running", "--kind", "process"]), "ended: 3 done, 0 refused");
    done(many(&["resume", "--state", "suspended"]), "ended: 3 done, 0 refused");
    let skip =
        ["skip", "--node", "reserve", "--port", "StockReserved", "--set", "{\"amount\": 1}", "--state", "running"];
    done(many(&skip), "ended: 3 done, 0 refused");
    done(many(&["set", "--to", "{\"amount\": 2}", "--state", "waiting"]), "ended: 3 done, 0 refused");
    done(many(&["move", "--node", "sign", "--to", "price", "--state", "waiting"]), "ended: 3 done, 0 refused");
    let refusals = many(&["retry", "--state", "waiting"]);
    assert!(refusals.0 == 0 && refusals.1.starts_with("ended: 0 done, 3 refused\n"), "{refusals:?}");
    done(many(&["compensate", "--state", "waiting"]), "ended: 3 done, 0 refused");
    done(many(&["abandon", "--state", "compensating"]), "ended: 3 done, 0 refused");
    let restart = ["restart", "--node", "reserve", "--set", "{\"amount\": 5}", "--state", "failed"];
    let restarted = many(&restart);
    assert!(restarted.0 == 0 && restarted.1.starts_with("ended: 4 done, 0 refused\n"), "{restarted:?}");
    assert_eq!(run(&["instance", "list", "--state", "running"]).1.lines().count(), 4);
    for (arguments, why) in [
        (&["suspend", "--to", "2"][..], "--to is not for `many suspend`"),
        (&["set", "--to", "7"], "--to is no JSON object"),
        (&["migrate", "--to", "price"], "--to is no version"),
        (&["move", "--node", "sign", "--to", "sign"], "/operation/move/to"),
        (&["restart", "--node", "reserve", "--port", "a"], "--port is not for `many restart`"),
        (&["skip", "--node", "sign", "--map", "a=b"], "--map is not for `many skip`"),
        (&["cancel", "--state", "asleep"], "/filter/state"),
    ] {
        refused(many(arguments), why);
    }
    assert_eq!(run(&["instance", "many", "cancel", "--reason", "r"]).0, 2, "it takes a filter");
    assert_eq!(many(&["skip"]).0, 2, "it takes a node");
    assert_eq!(many(&["restart"]).0, 2, "it takes a node");
    let batches = run(&["batch", "list"]).1;
    let last = batches.lines().next().unwrap();
    assert!(last.contains("\tended\trestart\t4/4\tall of them"), "{batches}");
    let batch = last.split('\t').next().unwrap();
    done(run(&["batch", "show", batch]), "ended: 4 done, 0 refused");
    refused(run(&["batch", "pause", batch]), "cannot be told to pause");
    let listed = run(&["instance", "list", "--state", "failed", "--q", "key"]).1;
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(listed.lines().next().unwrap().ends_with("\tfailed\torder v1\tkey 6"), "{listed}");
    let (code, few, more) = run(&["instance", "list", "--limit", "2"]);
    assert_eq!((code, few.lines().count(), more.contains("--limit")), (0, 2, true));
    let nodes = run(&["nodes"]).1;
    assert!(nodes.contains("\talive\t64 lanes\tanswers"), "{nodes}");
}

#[test]
fn settings_that_contradict_each_other_are_refused_before_anything_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("baton.toml"), "instance_retention_days = 10").unwrap();
    let environment = [("BATON_DATABASE_URL", "sqlite://baton.db"), ("BATON_LISTEN", "127.0.0.1:0")];

    let output = baton(folder.path(), &environment, &["serve", "--retention-days", "20"]);

    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    for part in ["BATON_INSTANCE_RETENTION_DAYS) is 10", "BATON_INBOX_RETENTION_DAYS) is 20", "20 or more"] {
        assert!(stderr(&output).contains(part), "{part} is missing in: {}", stderr(&output));
    }
    assert!(!folder.path().join("baton.db").exists());
}

#[test]
fn a_folder_that_is_not_there_is_said_once_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let output = baton(folder.path(), &[("BATON_DATABASE_URL", "sqlite://nowhere/baton.db")], &["migrate"]);
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.contains("mkdir -p nowhere"), "{text}");
    assert_eq!(text.matches("does not exist").count(), 1, "{text}");
}

#[test]
fn a_server_that_is_not_there_is_said_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let address = format!("http://{free}");
    let output =
        baton(folder.path(), &[("BATON_URL", &address), ("BATON_TOKEN", "x")], &["start", "greet", "--input", "{}"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("baton serve") && stderr(&output).contains(&address), "{}", stderr(&output));
    let output = baton(folder.path(), &[("BATON_URL", &address)], &["start", "greet"]);
    assert!(stderr(&output).contains("BATON_TOKEN"), "{}", stderr(&output));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_start_prints_a_link_and_sigterm_ends_the_server_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("out");
    let mut child = Command::new(env!("CARGO_BIN_EXE_baton"))
        .args(["--listen", "127.0.0.1:0"])
        .env_remove("BATON_ADMIN_TOKEN")
        .current_dir(folder.path())
        .stdout(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    until("a sign-in link", Duration::from_secs(30), async || {
        std::fs::read_to_string(&log).unwrap().contains("/sign-in?link=")
    })
    .await;
    assert!(folder.path().join("baton.db").exists(), "the default database is a file in the working folder");

    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    until("the end of the server", Duration::from_secs(20), async || child.try_wait().unwrap().is_some()).await;
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn scenarios_are_run_without_a_server_and_say_what_they_cover() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = baton(folder.path(), &[], arguments);
        (output.status.code().unwrap(), stdout(&output), stderr(&output))
    };
    for name in ["trip-booking", "order-fulfilment", "campaign-publishing"] {
        std::fs::write(folder.path().join(format!("{name}.yaml")), run(&["definition", "example", name]).1).unwrap();
    }
    let (code, said, why) =
        run(&["definition", "test", "trip-booking.yaml", "order-fulfilment.yaml", "campaign-publishing.yaml"]);
    assert_eq!((code, why.as_str()), (0, ""));
    assert!(said.contains("trip-booking: 10 of 10 scenarios passed; 18 of 18 nodes, 25 of 25 edges\n"), "{said}");
    assert!(said.contains("  passed the dates make no sense\n"), "{said}");
    assert!(said.contains("order-fulfilment: 4 of 4 scenarios passed"), "{said}");

    let text = std::fs::read_to_string(folder.path().join("trip-booking.yaml")).unwrap();
    std::fs::write(folder.path().join("other.yaml"), text.replace("{timer: quotes}", "{timer: employee}")).unwrap();
    let (code, said, why) = run(&["definition", "test", "other.yaml"]);
    assert_eq!((code, why.as_str()), (1, "error: 1 scenario came out otherwise\n"));
    let told = "  FAILED nobody quotes in time\n    /scenarios/5/steps/1/timer: nobody quotes in time, step 2: ";
    assert!(said.contains(told) && said.contains("  not taken: quotes by timeout\n"), "{said}");

    std::fs::write(folder.path().join("broken.yaml"), text.replace("{timer: quotes}", "{timer: 1}")).unwrap();
    let (code, _, why) = run(&["definition", "test", "broken.yaml"]);
    assert!(code == 1 && why.contains("/scenarios/5/steps/1/timer"), "{why}");
}
