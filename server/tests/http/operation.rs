//! What operators and scripts do: definitions, starts, instances, tasks, destinations, repair, metrics.
//!
//! Long because it is one list of cases, each on both databases, around the same few definitions.

use std::time::{Duration, Instant};

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use serde_json::{Value, json};

use crate::support::{Baton, admin};

/// Makes two tests of each case.
macro_rules! on_both {
    ($($case:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(crate::support::Baton::start().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(crate::support::Baton::on_postgres().await).await;
            })*
        }
    };
}

on_both!(
    a_definition_is_drafted_published_and_read_back,
    moving_nodes_makes_no_new_version_and_instances_are_drawn_anew,
    scenarios_are_run_and_a_failing_one_has_to_be_forced,
    instances_migrate_or_say_what_is_in_the_way,
    an_instance_is_restarted_or_says_what_is_in_the_way,
    a_start_is_checked_and_happens_once_for_one_key,
    everything_that_is_wrong_with_an_input_is_told_with_its_place,
    a_task_is_claimed_completed_once_and_never_after_the_end,
    operations_say_where_they_are_wrong_and_change_nothing,
    destinations_and_routes_are_created_read_and_removed,
    a_repair_is_remembered_and_repairing_nothing_is_said,
    housekeeping_is_told,
    metrics_show_what_is_stored_and_readiness_asks_the_database,
    schemas_of_definitions_are_published,
    a_draft_is_replaced_or_discarded_only_by_who_has_seen_it,
    a_version_is_not_published_over_one_that_was_not_seen,
    a_reason_has_up_to_a_thousand_characters,
    an_ended_instance_takes_no_operation,
    what_is_no_process_is_refused_with_its_place,
    an_operation_on_many_is_held_let_go_on_and_ended,
);

const APPROVAL: &str = r#"
baton: process/1
name: refund
input: {type: object, required: [order], properties: {order: {type: string}}, additionalProperties: false}
nodes:
  start:   {kind: start, next: approve}
  approve:
    kind: approval
    title: ='Refund order ' + input.order
    assignee: mina
    outcomes: {approve: {title: Pay it back, next: done}, refuse: {next: refused}}
  done:    {kind: end, outcome: completed}
  refused: {kind: end, outcome: failed}
"#;

async fn publish(baton: &Baton, name: &str, source: &str) {
    let answer = baton.post(&format!("/api/v1/processes/{name}/versions"), json!({"source": source})).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
}

async fn start(baton: &Baton, key: Option<&str>, body: Value) -> crate::support::Answer {
    let mut request =
        admin(Method::POST, "/api/v1/processes/refund/instances").header(header::CONTENT_TYPE, "application/json");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    baton.send(request.body(Body::from(body.to_string())).unwrap()).await
}

pub async fn a_definition_is_drafted_published_and_read_back(baton: Baton) {
    // A draft with errors is kept, and says what is wrong.
    let yaml = admin(Method::PUT, "/api/v1/processes/refund/draft").header(header::CONTENT_TYPE, "application/yaml");
    let draft = baton.send(yaml.body(Body::from(APPROVAL.replace("next: approve", "next: nowhere"))).unwrap()).await;
    assert_eq!(draft.status, StatusCode::OK, "{}", draft.text());
    let diagnostics = draft.json()["diagnostics"].as_array().unwrap().clone();
    assert!(diagnostics.iter().any(|one| one["severity"] == "error" && one["pointer"] != ""), "{diagnostics:?}");
    let refused = baton.call(Method::POST, "/api/v1/processes/refund/versions", None).await;
    let problem = refused.problem(422, "invalid");
    assert!(!problem["errors"].as_array().unwrap().is_empty());

    // Mended, as a text in JSON.
    let draft = baton.put("/api/v1/processes/refund/draft", json!({"source": APPROVAL})).await;
    assert_eq!(draft.status, StatusCode::OK, "{}", draft.text());
    let published = baton.post("/api/v1/processes/refund/versions", json!({"note": "first"})).await;
    assert_eq!((published.status, published.json()), (StatusCode::CREATED, json!({"version": 1})));
    assert_eq!(published.header(header::LOCATION), "/api/v1/processes/refund/versions/1");

    let detail = baton.get("/api/v1/processes/refund/versions/1").await.json();
    assert_eq!(detail["source"], APPROVAL);
    let versions = baton.get("/api/v1/processes/refund/versions").await.json();
    assert_eq!(versions["items"][0]["note"], "first");
    baton.get("/api/v1/processes/refund/versions/9").await.problem(404, "not-found");
    baton.get("/api/v1/processes/refund/versions/x").await.problem(404, "not-found");
    baton.get("/api/v1/processes/nothing").await.problem(404, "not-found");
    baton.get("/api/v1/sagas/refund").await.problem(404, "not-found");
    baton.stop().await;
}

pub async fn moving_nodes_makes_no_new_version_and_instances_are_drawn_anew(baton: Baton) {
    let at = |x: u32| {
        format!("{APPROVAL}layout: {{start: [0, 0], approve: [{x}, 0], done: [900, 0], refused: [900, 90]}}\n")
    };
    let versions = "/api/v1/processes/refund/versions";
    publish(&baton, "refund", &at(300)).await;
    let id = start(&baton, None, json!({"input": {"order": "42"}})).await.json()["id"].as_str().unwrap().to_owned();
    let drawn = async || {
        let detail = baton.get(&format!("/api/v1/instances/{id}")).await.json();
        let nodes = detail["diagram"]["nodes"].as_array().unwrap().clone();
        nodes.iter().find(|node| node["id"] == "approve").unwrap()["x"].as_f64().unwrap()
    };
    let before = drawn().await;

    baton.put("/api/v1/processes/refund/draft", json!({"source": at(500)})).await;
    let moved = baton.post(versions, json!({"note": "tidied"})).await;
    assert_eq!((moved.status, moved.json()), (StatusCode::CREATED, json!({"version": 1})));
    assert_eq!(baton.get(versions).await.json()["items"].as_array().unwrap().len(), 1);
    assert_eq!(baton.get("/api/v1/processes/refund/versions/1").await.json()["source"], at(500));
    assert!((drawn().await - before - 200.0).abs() < 0.5, "{before}");

    let meant = baton.post(versions, json!({"source": at(500).replace("Pay it back", "Pay")})).await;
    assert_eq!(meant.json(), json!({"version": 2}));
    baton.stop().await;
}

pub async fn scenarios_are_run_and_a_failing_one_has_to_be_forced(baton: Baton) {
    let with = |expect: &str| {
        format!(
            "{APPROVAL}scenarios:\n  - {{name: begun, steps: [{{start: {{order: '42'}}}}], expect: {{{expect}}}}}\n"
        )
    };
    let report = baton.post("/api/v1/scenarios/run", json!({"source": with("at: [approve]")})).await;
    assert_eq!(report.status, StatusCode::OK, "{}", report.text());
    let report = report.json();
    assert_eq!(report["scenarios"], json!([{"name": "begun", "steps": 1, "failures": []}]));
    assert!(report["coverage"]["nodes"].as_array().unwrap().contains(&json!("approve")), "{report}");
    let broken = baton.post("/api/v1/scenarios/run", json!({"source": with("at: approve")})).await;
    assert_eq!(broken.problem(422, "invalid")["errors"][0]["pointer"], "/scenarios/0/expect/at");

    let failing = with("status: completed");
    let versions = "/api/v1/processes/refund/versions";
    let refused = baton.post(versions, json!({"source": failing})).await.problem(422, "invalid");
    let told: Vec<&Value> = refused["errors"].as_array().unwrap().iter().map(|one| &one["pointer"]).collect();
    assert_eq!(told, ["/scenarios", "/scenarios/0/expect/status"]);
    assert_eq!(refused["errors"][1]["code"], "scenario-failed");
    let forced = baton.post(versions, json!({"source": failing, "force": true})).await;
    assert_eq!((forced.status, forced.json()), (StatusCode::CREATED, json!({"version": 1})));

    let id = start(&baton, None, json!({"input": {"order": "42"}})).await.json()["id"].as_str().unwrap().to_owned();
    baton.post(&format!("/api/v1/instances/{id}/scenario"), json!({})).await.problem(409, "not-ended");
    baton.stop().await;
}

pub async fn instances_migrate_or_say_what_is_in_the_way(baton: Baton) {
    publish(&baton, "refund", APPROVAL).await;
    let id = start(&baton, None, json!({"input": {"order": "42"}})).await.json()["id"].as_str().unwrap().to_owned();
    publish(&baton, "refund", &APPROVAL.replace("approve:\n", "decide:\n").replace("next: approve", "next: decide"))
        .await;
    let many = async |body: Value| baton.post("/api/v1/migrations", body).await;
    let place = |problem: Value| problem["errors"][0]["pointer"].as_str().unwrap().to_owned();

    for (body, pointer) in [
        (json!({"to_version": 2, "reason": "r"}), "/definition"),
        (json!({"definition": "refund", "reason": "r"}), "/to_version"),
        (json!({"definition": "refund", "to_version": 2}), "/reason"),
        (json!({"definition": "refund", "to_version": 3, "reason": "r"}), "/to_version"),
        (json!({"definition": "refund", "to_version": 2, "from_version": 4, "reason": "r"}), "/from_version"),
        (json!({"definition": "refund", "to_version": 2, "kind": "saga", "reason": "r"}), "/definition"),
    ] {
        assert_eq!(place(many(body.clone()).await.problem(422, "invalid")), pointer, "{body}");
    }
    let dry = many(json!({"definition": "refund", "to_version": 2, "dry_run": true})).await;
    assert_eq!(dry.status, StatusCode::OK, "{}", dry.text());
    let report = dry.json();
    assert_eq!((&report["can"], &report["migrated"], &report["next"]), (&json!(0), &json!(0), &Value::Null));
    assert_eq!(report["cannot"][0]["instance"], id);
    assert_eq!(report["cannot"][0]["diagnostics"][0]["pointer"], "/mapping/approve");

    let path = format!("/api/v1/instances/{id}/migrate");
    let refused = baton.post(&path, json!({"to_version": 2, "reason": "r"})).await.problem(422, "invalid");
    assert_eq!(place(refused), "/mapping/approve");
    let mapping = json!({"approve": "decide"});
    let late = json!({"to_version": 2, "mapping": mapping, "reason": "r", "expected": 1});
    baton.post(&path, late).await.problem(409, "changed-meanwhile");
    let migrated = baton.post(&path, json!({"to_version": 2, "mapping": mapping, "reason": "r"})).await;
    assert_eq!(migrated.status, StatusCode::OK, "{}", migrated.text());
    assert_eq!((&migrated.json()["version"], &migrated.json()["at"]), (&json!(2), &json!(["decide"])));
    let again = many(json!({"definition": "refund", "to_version": 2, "reason": "r"})).await.json();
    assert_eq!(again, json!({"can": 0, "migrated": 0, "cannot": [], "next": null}));

    // In the background.
    let batch = async |migrate: Value, filter: Value| {
        let body = json!({"operation": {"migrate": migrate}, "filter": filter, "reason": "back again"});
        baton.post("/api/v1/batches", body).await
    };
    let refund = json!({"definition": "refund"});
    for (migrate, filter, pointer) in [
        (json!({"to_version": 7}), refund.clone(), "/operation/migrate/to_version"),
        (json!({"to_version": 1, "mapping": {"decide": "x"}}), refund.clone(), "/operation/migrate/mapping/decide"),
        (json!({"to_version": 1}), json!({"state": "waiting"}), "/filter/definition"),
    ] {
        assert_eq!(place(batch(migrate, filter).await.problem(422, "invalid")), pointer);
    }
    let odd = batch(json!({"to_version": 1, "colour": 2}), refund.clone()).await.problem(422, "invalid");
    assert_eq!(place(odd), "/operation/migrate/colour");
    let begun = batch(json!({"to_version": 1, "mapping": {"decide": "approve"}}), refund).await;
    assert_eq!(begun.status, StatusCode::ACCEPTED, "{}", begun.text());
    let path = format!("/api/v1/batches/{}", begun.json()["id"].as_str().unwrap());
    let ended = loop {
        let batch = baton.get(&path).await.json();
        if batch["state"] != "running" {
            break batch;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!((&ended["state"], &ended["done"], &ended["refused"]), (&json!("ended"), &json!(1), &json!(0)));
    assert_eq!(ended["operation"], json!({"migrate": {"to_version": 1, "mapping": {"decide": "approve"}}}));
    assert_eq!(ended["filter"], json!({"kind": "process", "definition": "refund"}));
    assert_eq!(baton.get(&format!("/api/v1/instances/{id}")).await.json()["version"], 1);
    baton.stop().await;
}

pub async fn an_instance_is_restarted_or_says_what_is_in_the_way(baton: Baton) {
    publish(&baton, "refund", APPROVAL).await;
    let body = json!({"input": {"order": "42"}, "business_key": "order 42"});
    let id = start(&baton, None, body).await.json()["id"].as_str().unwrap().to_owned();
    let instance = format!("/api/v1/instances/{id}");
    let restart = async |key: Option<&str>, mut body: Value| {
        let mut request =
            admin(Method::POST, &format!("{instance}/restart")).header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if body.get("reason").is_none() {
            body["reason"] = "a test".into();
        }
        baton.send(request.body(Body::from(body.to_string())).unwrap()).await
    };
    let busy = restart(None, json!({"at": 1})).await.problem(409, "not-at-rest");
    assert!(busy["detail"].as_str().unwrap().contains("suspend"), "{busy}");
    baton.post(&format!("{instance}/suspend"), json!({"reason": "to look"})).await;
    let before = baton.get(&instance).await.json();
    let last = before["recorded"].as_u64().unwrap();

    for (body, pointer) in [
        (json!({}), "/at"),
        (json!({"at": 0}), "/at"),
        (json!({"at": last + 1}), "/at"),
        (json!({"at": "first"}), "/at"),
        (json!({"at": -1}), "/at"),
        (json!({"at": 2, "reason": ""}), "/reason"),
        (json!({"at": 2, "input": {"order": 7}}), "/input/order"),
        (json!({"at": 2, "input": []}), "/input"),
        (json!({"at": 2, "variables": {"a b": 1}}), "/variables/a b"),
        (json!({"at": 2, "variables": [1]}), "/variables"),
        (json!({"at": 2, "sequence": 3}), "/sequence"),
    ] {
        let problem = restart(None, body.clone()).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}: {problem}");
    }
    restart(None, json!({"at": 2, "expected": 1})).await.problem(409, "changed-meanwhile");
    restart(Some(""), json!({"at": 2})).await.problem(400, "invalid-idempotency-key");
    let nobody =
        baton.post("/api/v1/instances/018f0000-0000-7000-8000-000000000000/restart", json!({"at": 1, "reason": "r"}));
    nobody.await.problem(404, "not-found");
    assert_eq!(baton.get(&instance).await.json()["history"], before["history"]);

    let history = before["history"].as_array().unwrap();
    let at = history.iter().find(|fact| fact["point"] == "approve").unwrap()["sequence"].clone();
    let body = json!({"at": at, "variables": {"vip": true}, "input": {"order": "43"}, "expected": last});
    let made = restart(Some("r-1"), body.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let new = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(made.header(header::LOCATION), format!("/api/v1/instances/{new}"));
    let again = restart(Some("r-1"), body).await;
    assert_eq!((again.status, &again.json()["id"]), (StatusCode::OK, &json!(new)));
    restart(Some("r-1"), json!({"at": 1})).await.problem(422, "idempotency-key-reused");
    let twice = restart(None, json!({"at": at})).await.problem(409, "already-restarted");
    assert!(twice["detail"].as_str().unwrap().contains(&new), "{twice}");

    let next = baton.get(&format!("/api/v1/instances/{new}")).await.json();
    assert_eq!((&next["variables"], &next["input"]), (&json!({"vip": true}), &json!({"order": "43"})));
    assert_eq!((&next["business_key"], &next["at"]), (&json!("order 42"), &json!(["approve"])));
    assert_eq!(next["restarted_from"], json!({"instance": id, "at": at}));
    let original = baton.get(&instance).await.json();
    assert_eq!((&original["restarted_as"], &original["state"]), (&json!(new), &json!("cancelled")));
    open_task(&baton, &new).await;
    let audit = baton.get(&format!("/api/v1/audit?subject=instance/{id}")).await.json();
    let done = &audit["items"][0];
    assert_eq!((&done["action"], &done["reason"]), (&json!("restart-instance"), &json!("a test")), "{audit}");
    baton.stop().await;
}

pub async fn a_start_is_checked_and_happens_once_for_one_key(baton: Baton) {
    let unknown = start(&baton, None, json!({"input": {}})).await.problem(404, "not-found");
    assert!(unknown["detail"].as_str().unwrap().contains("baton definition apply"), "{unknown}");
    publish(&baton, "refund", APPROVAL).await;

    let problem = start(&baton, None, json!({"input": {"order": 42}})).await.problem(422, "invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/input/order", "{problem}");
    start(&baton, Some(""), json!({"input": {"order": "42"}})).await.problem(400, "invalid-idempotency-key");

    let first = start(&baton, Some("k-1"), json!({"input": {"order": "42"}, "business_key": "order 42"})).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.text());
    let second = start(&baton, Some("k-1"), json!({"input": {"order": "42"}, "business_key": "order 42"})).await;
    assert_eq!((second.status, &second.json()["id"]), (StatusCode::OK, &first.json()["id"]));
    let other = start(&baton, Some("k-1"), json!({"input": {"order": "43"}, "business_key": "order 42"})).await;
    let problem = other.problem(422, "idempotency-key-reused");
    assert!(problem["detail"].as_str().unwrap().contains(first.json()["id"].as_str().unwrap()), "{problem}");
    let listed = baton.get("/api/v1/instances?definition=refund").await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    baton.stop().await;
}

pub async fn everything_that_is_wrong_with_an_input_is_told_with_its_place(baton: Baton) {
    let (_, trip) = baton_domain::definition::shipped().into_iter().find(|(name, _)| *name == "trip-booking").unwrap();
    publish(&baton, "trip-booking", trip).await;
    let input = json!({"employee": 7, "manager": "sora", "from": "ICN",
        "depart": "tomorrow", "return": "2026-12-08", "hotels": ["Lumen"]});

    let answer = baton.post("/api/v1/processes/trip-booking/instances", json!({"input": input})).await;

    let problem = answer.problem(422, "invalid");
    let mut pointers: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/input/depart", "/input/employee", "/input/to"], "{problem}");
    for error in problem["errors"].as_array().unwrap() {
        assert!(!error["message"].as_str().unwrap().contains("/input"), "a place is said once: {error}");
    }
    baton.stop().await;
}

pub async fn a_task_is_claimed_completed_once_and_never_after_the_end(baton: Baton) {
    publish(&baton, "refund", APPROVAL).await;
    let started = start(&baton, None, json!({"input": {"order": "42"}})).await.json();
    let instance = started["id"].as_str().unwrap();
    let task = open_task(&baton, instance).await;

    let complete = format!("/api/v1/tasks/{task}/complete");
    let offered = baton.get(&format!("/api/v1/tasks/{task}")).await.json();
    assert_eq!(offered["outcomes"][0]["title"], "Pay it back", "{offered}");
    assert_eq!(offered["outcomes"][1]["title"], Value::Null, "{offered}");
    baton.post(&complete, json!({"outcome": "perhaps"})).await.problem(422, "invalid");
    let claimed = baton.call(Method::POST, &format!("/api/v1/tasks/{task}/claim"), None).await;
    assert_eq!(claimed.status, StatusCode::OK, "{}", claimed.text());
    let done = baton.post(&complete, json!({"outcome": "approve"})).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text());
    let twice = baton.post(&complete, json!({"outcome": "refuse"})).await;
    assert_eq!(twice.status, StatusCode::CONFLICT, "{}", twice.text());
    let by = done.json()["completed_by"].as_str().unwrap().to_owned();
    assert!(twice.text().contains(&format!("{by} completed it with `approve`")), "{}", twice.text());
    let detail = baton.get(&format!("/api/v1/instances/{instance}")).await.json();
    assert_eq!(detail["state"], "completed", "{detail}");
    let history = baton.get(&format!("/api/v1/instances/{instance}/history")).await.json();
    assert!(history["items"].as_array().unwrap().len() >= 3, "{history}");

    // given another one, cancelled with its task open
    let other = start(&baton, None, json!({"input": {"order": "43"}})).await.json();
    let other = other["id"].as_str().unwrap();
    let task = open_task(&baton, other).await;
    let cancel = format!("/api/v1/instances/{other}/cancel");
    let problem = baton.call(Method::POST, &cancel, None).await.problem(422, "invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/reason");
    let cancelled = baton.post(&cancel, json!({"reason": "ordered twice"})).await;
    assert_eq!(cancelled.status, StatusCode::OK, "{}", cancelled.text());
    let late = baton.post(&format!("/api/v1/tasks/{task}/complete"), json!({"outcome": "approve"})).await;
    assert_eq!(late.status, StatusCode::CONFLICT, "{}", late.text());
    baton.stop().await;
}

/// Waits for the instance's open task.
pub async fn operations_say_where_they_are_wrong_and_change_nothing(baton: Baton) {
    publish(&baton, "refund", APPROVAL).await;
    let started = start(&baton, None, json!({"input": {"order": "42"}})).await.json();
    let instance = format!("/api/v1/instances/{}", started["id"].as_str().unwrap());
    open_task(&baton, started["id"].as_str().unwrap()).await;
    let before = baton.get(&instance).await.json();

    let refused = [
        ("skip", json!({"port": "perhaps"}), 422, "/port"),
        ("skip", json!({"prot": "approve"}), 422, ""),
        ("move", json!({}), 422, "/to"),
        ("move", json!({"to": "nowhere"}), 422, "/to"),
        ("move", json!({"to": "paid", "token": 9}), 422, "/token"),
        ("variables", json!({}), 422, "/set"),
        ("variables", json!({"set": {"no name": 1}}), 422, "/set/no name"),
        ("settle", json!({"succeeded": true}), 422, "/command"),
        ("settle", json!({"command": started["id"]}), 422, "/succeeded"),
        ("abandon", json!({}), 409, ""),
        ("resume", json!({}), 409, ""),
        ("suspend", json!({"expected": 99}), 409, ""),
    ];
    for (operation, mut body, status, pointer) in refused {
        body["reason"] = "a test".into();
        let answer = baton.post(&format!("{instance}/{operation}"), body.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{operation} {body}: {}", answer.text());
        if !pointer.is_empty() {
            assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{operation} {body}");
        }
        let unexplained = baton.post(&format!("{instance}/{operation}"), json!({})).await;
        assert!(unexplained.status.is_client_error(), "{operation} without a reason");
    }
    assert_eq!(baton.get(&instance).await.json()["history"], before["history"]);

    let set =
        baton.post(&format!("{instance}/variables"), json!({"set": {"vip": true}, "reason": "they called"})).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text());
    let after = baton.get(&instance).await.json();
    assert_eq!(
        (&after["variables"]["vip"], &after["recorded"]),
        (&json!(true), &json!(before["recorded"].as_u64().unwrap() + 1))
    );
    let audit = baton.get(&format!("/api/v1/audit?subject=instance/{}", started["id"].as_str().unwrap())).await.json();
    assert_eq!(audit["items"][0]["reason"], "they called", "{audit}");
    baton.stop().await;
}

async fn open_task(baton: &Baton, instance: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let tasks = baton.get(&format!("/api/v1/tasks?instance={instance}")).await.json();
        if let Some(task) = tasks["items"].as_array().and_then(|tasks| tasks.first()) {
            return task["id"].as_str().unwrap().to_owned();
        }
        assert!(Instant::now() < deadline, "no task was opened: {tasks}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub async fn destinations_and_routes_are_created_read_and_removed(baton: Baton) {
    let settings =
        json!({"kind": "http", "url": "http://127.0.0.1:9/in", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"});
    let made = baton.put("/api/v1/destinations/shop", settings).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text());
    assert_eq!(made.json()["has_secret"], true);
    for path in ["/api/v1/destinations/shop", "/api/v1/destinations"] {
        assert!(!baton.get(path).await.text().contains("whsec_"), "the secret is shown at {path}");
    }
    let bad = baton.put("/api/v1/destinations/shop", json!({"kind": "http", "url": "ftp://x"})).await;
    assert_eq!(bad.problem(422, "invalid")["errors"][0]["pointer"], "/url");
    let route = baton.put("/api/v1/routes/orders", json!({"type": "Order*", "to": "shop"})).await;
    assert_eq!((route.status, &route.json()["type"]), (StatusCode::OK, &json!("Order*")), "{}", route.text());
    let paused = baton.call(Method::POST, "/api/v1/destinations/shop/pause", None).await;
    assert_eq!((paused.status, &paused.json()["paused"]), (StatusCode::OK, &json!(true)));
    let resumed = baton.call(Method::POST, "/api/v1/destinations/shop/resume", None).await;
    assert_eq!(resumed.json()["paused"], false);
    let tested = baton.call(Method::POST, "/api/v1/destinations/shop/test", None).await;
    assert_eq!((tested.status, &tested.json()["accepted"]), (StatusCode::OK, &json!(false)), "{}", tested.text());

    assert_eq!(baton.call(Method::DELETE, "/api/v1/routes/orders", None).await.status, StatusCode::NO_CONTENT);
    baton.get("/api/v1/routes/orders").await.problem(404, "not-found");
    baton.call(Method::DELETE, "/api/v1/routes/orders", None).await.problem(404, "not-found");
    assert_eq!(baton.call(Method::DELETE, "/api/v1/destinations/shop", None).await.status, StatusCode::NO_CONTENT);
    baton.get("/api/v1/destinations/shop").await.problem(404, "not-found");
    baton.stop().await;
}

pub async fn a_repair_is_remembered_and_repairing_nothing_is_said(baton: Baton) {
    let message = json!({"type": "A", "aggregate_type": "a", "aggregate_id": "1", "payload": null});
    let id = baton.post("/api/v1/messages", message).await.json()["accepted"][0].as_str().unwrap().to_owned();
    for action in ["retry", "discard"] {
        let answer = baton.call(Method::POST, &format!("/api/v1/messages/{id}/{action}"), None).await;
        answer.problem(409, "nothing-failed");
    }
    let made = baton.post("/api/v1/repairs", json!({"action": "retry", "filter": {}, "reason": "tried again"})).await;
    assert_eq!(made.status, StatusCode::ACCEPTED, "{}", made.text());
    let read = baton.get(made.header(header::LOCATION)).await;
    assert_eq!((read.status, read.json()), (StatusCode::OK, made.json()));
    assert_eq!(made.json()["touched"], 0);
    baton.stop().await;
}

pub async fn housekeeping_is_told(baton: Baton) {
    let told = baton.get("/api/v1/housekeeping").await;
    assert_eq!(told.status, StatusCode::OK, "{}", told.text());
    let told = told.json();
    let kept = told["kept"].as_array().unwrap();
    let days = |what: &str| kept.iter().find(|it| it["what"] == what).unwrap()["seconds"].as_u64().unwrap() / 86_400;
    assert_eq!(["messages", "attempts", "inbox", "instances", "audit"].map(days), [30, 30, 30, 30, 365]);
    assert_eq!(told["last"], Value::Null, "there was no round yet");
    assert!(told["tables"][0]["bytes"].as_u64().unwrap() > 10_000, "{told}");
    baton.stop().await;
}

pub async fn metrics_show_what_is_stored_and_readiness_asks_the_database(baton: Baton) {
    publish(&baton, "refund", APPROVAL).await;
    let started = start(&baton, None, json!({"input": {"order": "42"}})).await.json();
    open_task(&baton, started["id"].as_str().unwrap()).await;

    let metrics = baton.get("/metrics").await;

    assert_eq!(metrics.status, StatusCode::OK);
    for line in
        ["baton_tasks_open 1", "baton_instances{state=\"waiting\"} 1", "baton_orphans 0", "baton_outbox_pending "]
    {
        assert!(metrics.text().lines().any(|given| given.starts_with(line)), "{line} is missing:\n{}", metrics.text());
    }
    assert!(metrics.text().contains("route=\"/api/v1/processes/{name}/instances\""), "{}", metrics.text());
    assert_eq!(baton.get("/readyz").await.json(), json!({"status": "ready"}));
    baton.stop().await;
}

pub async fn schemas_of_definitions_are_published(baton: Baton) {
    for kind in ["process", "saga"] {
        let answer = baton.get(&format!("/api/v1/schemas/{kind}.json")).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.json()["type"], "object");
    }
    baton.stop().await;
}

pub async fn a_draft_is_replaced_or_discarded_only_by_who_has_seen_it(baton: Baton) {
    let path = "/api/v1/processes/refund/draft";
    let send = async |method: Method, seen: Option<(header::HeaderName, &str)>, text: &str| {
        let mut request = admin(method, path).header(header::CONTENT_TYPE, "application/yaml");
        if let Some((name, value)) = seen {
            request = request.header(name, value);
        }
        baton.send(request.body(Body::from(text.to_owned())).unwrap()).await
    };
    let other = APPROVAL.replace("Refund", "Return");

    let first = send(Method::PUT, Some((header::IF_NONE_MATCH, "*")), APPROVAL).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    let mark = first.header(header::ETAG).to_owned();
    assert_eq!(baton.get(path).await.header(header::ETAG), mark);
    send(Method::PUT, Some((header::IF_NONE_MATCH, "*")), &format!("{APPROVAL}# other\n"))
        .await
        .problem(409, "draft-changed");
    let same = send(Method::PUT, Some((header::IF_NONE_MATCH, "*")), APPROVAL).await;
    assert_eq!((same.status, same.header(header::ETAG)), (StatusCode::OK, mark.as_str()), "it says the same");

    let second = send(Method::PUT, Some((header::IF_MATCH, &mark)), &format!("{other}# 2\n")).await;
    assert_eq!(second.status, StatusCode::OK, "{}", second.text());
    assert_ne!(second.header(header::ETAG), mark);
    let refused = send(Method::PUT, Some((header::IF_MATCH, &mark)), &format!("{other}# 3\n")).await;
    let problem = refused.problem(409, "draft-changed");
    assert!(problem["detail"].as_str().unwrap().contains("saved another draft of refund"), "{problem}");
    send(Method::PUT, Some((header::IF_MATCH, "unquoted")), APPROVAL).await.problem(400, "precondition");
    assert!(baton.get(path).await.json()["source"].as_str().unwrap().ends_with("# 2\n"));

    send(Method::DELETE, Some((header::IF_MATCH, &mark)), "").await.problem(409, "draft-changed");
    assert_eq!(send(Method::DELETE, None, "").await.status, StatusCode::NO_CONTENT);
    baton.get(path).await.problem(404, "not-found");
    send(Method::DELETE, None, "").await.problem(404, "not-found");
    baton.stop().await;
}

pub async fn a_version_is_not_published_over_one_that_was_not_seen(baton: Baton) {
    let publish = async |after: u32, source: &str| {
        baton.post("/api/v1/processes/refund/versions", json!({"source": source, "after": after})).await
    };
    publish(1, APPROVAL).await.problem(409, "version-changed");
    assert_eq!(publish(0, APPROVAL).await.status, StatusCode::CREATED);
    let other = APPROVAL.replace("Pay it back", "Pay back");
    publish(0, &other).await.problem(409, "version-changed");
    assert_eq!(publish(1, &other).await.status, StatusCode::CREATED);
    baton.stop().await;
}

pub async fn a_reason_has_up_to_a_thousand_characters(baton: Baton) {
    publish(&baton, "refund", APPROVAL).await;
    let id = start(&baton, None, json!({"input": {"order": "42"}})).await.json()["id"].as_str().unwrap().to_owned();
    let (most, more) = ("é".repeat(1_000), "é".repeat(1_001));
    let suspend = format!("/api/v1/instances/{id}/suspend");
    let batch = |reason: &str| json!({"operation": "resume", "filter": {"definition": "refund"}, "reason": reason});
    for (path, body) in [
        (suspend.as_str(), json!({"reason": more})),
        ("/api/v1/batches", batch(&more)),
        ("/api/v1/migrations", json!({"definition": "refund", "to_version": 1, "reason": more})),
    ] {
        let problem = baton.post(path, body).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], "/reason", "{path}: {problem}");
    }
    assert_eq!(baton.post(&suspend, json!({"reason": most})).await.status, StatusCode::OK);
    let audit = baton.get(&format!("/api/v1/audit?subject=instance/{id}")).await.json();
    assert_eq!(audit["items"][0]["reason"], most);
    let begun = baton.post("/api/v1/batches", batch(&most)).await;
    assert_eq!((begun.status, &begun.json()["reason"]), (StatusCode::ACCEPTED, &json!(most)));
    let described = baton.get("/api/openapi.json").await.json();
    assert_eq!(described["components"]["schemas"]["BatchRequest"]["properties"]["reason"]["maxLength"], 1_000);
    baton.stop().await;
}

pub async fn an_ended_instance_takes_no_operation(baton: Baton) {
    publish(&baton, "refund", APPROVAL).await;
    let id = start(&baton, None, json!({"input": {"order": "42"}})).await.json()["id"].as_str().unwrap().to_owned();
    let task = open_task(&baton, &id).await;
    let instance = format!("/api/v1/instances/{id}");
    let operate = async |operation: &str, mut body: Value| {
        body["reason"] = "a test".into();
        baton.post(&format!("{instance}/{operation}"), body).await
    };
    assert_eq!(operate("cancel", json!({})).await.json()["state"], "cancelled");
    publish(&baton, "refund", &APPROVAL.replace("Refund order", "Return order")).await;
    let before = baton.get(&instance).await.json();
    for (operation, body) in [
        ("suspend", json!({})),
        ("resume", json!({})),
        ("cancel", json!({})),
        ("cancel", json!({"compensate": true})),
        ("retry", json!({})),
        ("skip", json!({"port": "approve"})),
        ("move", json!({"to": "done"})),
        ("variables", json!({"set": {"a": 1}})),
        ("settle", json!({"command": id, "succeeded": false})),
        ("abandon", json!({})),
        ("migrate", json!({"to_version": 2})),
    ] {
        let problem = operate(operation, body).await.problem(409, "instance-ended");
        assert!(problem["detail"].as_str().unwrap().contains("cancelled"), "{operation}: {problem}");
    }
    let complete = format!("/api/v1/tasks/{task}/complete");
    baton.post(&complete, json!({"outcome": "approve"})).await.problem(409, "task-closed");
    let after = baton.get(&instance).await.json();
    assert_eq!((&after["history"], &after["state"]), (&before["history"], &json!("cancelled")));
    for offered in before["operations"].as_array().unwrap().iter().filter(|it| it["name"] != "restart") {
        assert!(offered["refused"].as_str().is_some_and(|why| why.contains("cancelled")), "{offered}");
    }
    baton.stop().await;
}

pub async fn what_is_no_process_is_refused_with_its_place(baton: Baton) {
    let process = |nodes: &str| {
        format!(
            "baton: process/1\nname: bad\nnodes:\n  start: {{kind: start, next: first}}\n  done: {{kind: end}}\n{nodes}\n"
        )
    };
    let call = |name: &str, calls: &str| {
        process(&format!("  first: {{kind: call, process: {calls}, on: {{completed: {{next: done}}}}}}"))
            .replace("name: bad", &format!("name: {name}"))
    };
    publish(&baton, "there", &call("there", "back")).await;
    for (name, source, code, pointer) in [
        (
            "bad",
            process(
                "  first: {kind: approval, title: x, outcomes: {yes: {next: done}}, escalate: []}\n  lost: {kind: end}",
            ),
            "unreachable",
            "/nodes/lost",
        ),
        (
            "bad",
            process("  first: {kind: wait, on: {Came: {next: nowhere}}}"),
            "unknown-node",
            "/nodes/first/on/Came/next",
        ),
        (
            "bad",
            process(
                "  first: {kind: fork, branches: {a: {next: nap}, b: {next: meet}}, join: meet}\n  \
                 nap: {kind: wait, on: {Came: {next: nap}}}\n  meet: {kind: join, next: done}",
            ),
            "join-never",
            "/nodes/first/branches/a/next",
        ),
        ("bad", call("bad", "bad"), "calls-itself", "/nodes/first/process"),
        ("back", call("back", "there"), "call-circle", "/nodes/first/process"),
        (
            "bad",
            process(
                "  first: {kind: for-each, over: 7, as: item, do: each, next: done}\n  each: {kind: compute, set: {a: 1}, next: first}",
            ),
            "no-list",
            "/nodes/first/over",
        ),
    ] {
        let answer = baton.post(&format!("/api/v1/processes/{name}/versions"), json!({"source": source})).await;
        let problem = answer.problem(422, "invalid");
        let errors = problem["errors"].as_array().unwrap();
        let told = errors.iter().any(|one| one["code"] == code && one["pointer"] == pointer);
        assert!(told, "{code} at {pointer} is not in {problem}");
        baton.get(&format!("/api/v1/processes/{name}/versions/1")).await.problem(404, "not-found");
    }
    // What only an instance can know makes that one stuck, with the place and the reason.
    let each = "  first: {kind: for-each, over: =input.list, as: item, do: each, next: done}\n  each: {kind: compute, set: {a: 1}, next: first}";
    publish(&baton, "refund", &process(each).replace("name: bad", "name: refund")).await;
    let long = vec![0; 100_001];
    for (list, why) in [(json!({"a": 1}), "list"), (json!(long), "100001 items")] {
        let id = start(&baton, None, json!({"input": {"list": list}})).await.json()["id"].as_str().unwrap().to_owned();
        let instance = baton.get(&format!("/api/v1/instances/{id}")).await.json();
        assert_eq!((&instance["state"], &instance["at"]), (&json!("stuck"), &json!(["first"])));
        assert!(instance["incident"].as_str().unwrap().contains(why), "{}", instance["incident"]);
    }
    baton.stop().await;
}

pub async fn an_operation_on_many_is_held_let_go_on_and_ended(baton: Baton) {
    publish(&baton, "refund", APPROVAL).await;
    const MANY: usize = 300;
    for _ in 0..MANY {
        start(&baton, None, json!({"input": {"order": "42"}})).await;
    }
    let begin = async |operation: Value| {
        let body = json!({"operation": operation, "filter": {"definition": "refund"}, "reason": "a test"});
        baton.post("/api/v1/batches", body).await
    };
    let place = |problem: Value| problem["errors"][0]["pointer"].as_str().unwrap().to_owned();
    for (operation, pointer) in [
        (json!("dance"), "/operation"),
        (json!({"skip": {"port": "approve"}}), "/operation/skip/node"),
        (json!({"skip": {"node": "approve", "colour": 1}}), "/operation/skip/colour"),
        (json!({"move": {"node": "approve"}}), "/operation/move/to"),
        (json!({"move": {"node": "approve", "to": "approve"}}), "/operation/move/to"),
        (json!({"restart": {"variables": {}}}), "/operation/restart/node"),
        (json!({"restart": {"node": ""}}), "/operation/restart/node"),
        (json!({"restart": {"node": "approve", "variables": [1]}}), "/operation/restart/variables"),
        (json!({"set_variables": {"set": {}}}), "/operation/set_variables/set"),
        (json!({"set_variables": {"set": [1]}}), "/operation/set_variables/set"),
    ] {
        assert_eq!(place(begin(operation.clone()).await.problem(422, "invalid")), pointer, "{operation}");
    }
    let begun = begin(json!({"set_variables": {"set": {"vip": true}}})).await.json();
    let batch = format!("/api/v1/batches/{}", begun["id"].as_str().unwrap());
    let control = async |what: &str| baton.call(Method::POST, &format!("{batch}/{what}"), None).await;
    let held = control("pause").await;
    assert_eq!((held.status, &held.json()["state"]), (StatusCode::OK, &json!("paused")));
    control("pause").await.problem(409, "batch-state");
    // The part that was under way is not written down any more; then nothing moves.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let resting = baton.get(&batch).await.json();
    assert_eq!((&resting["state"], &resting["ended_at"]), (&json!("paused"), &Value::Null));
    assert!(resting["done"].as_u64().unwrap() < MANY as u64, "{resting}");
    assert_eq!(control("resume").await.json()["state"], "running");
    let ended = loop {
        let batch = baton.get(&batch).await.json();
        if batch["state"] != "running" {
            break batch;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!((&ended["state"], &ended["done"]), (&json!("ended"), &json!(MANY)));
    for what in ["pause", "resume", "cancel"] {
        control(what).await.problem(409, "batch-state");
    }
    control("dance").await.problem(404, "not-found");

    let begun = begin(json!("suspend")).await.json();
    let stopped =
        baton.call(Method::POST, &format!("/api/v1/batches/{}/cancel", begun["id"].as_str().unwrap()), None).await;
    assert_eq!((stopped.status, &stopped.json()["state"]), (StatusCode::OK, &json!("cancelled")));
    let suspended = baton.get("/api/v1/instances?state=suspended&limit=200").await.json();
    assert!(suspended["items"].as_array().unwrap().len() < 200, "what was not asked stays as it is");
    baton.stop().await;
}
