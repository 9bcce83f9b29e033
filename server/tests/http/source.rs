//! Sources by API: the preview that writes nothing, pausing with a reason, what is refused and where.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{Connection, Executor, Row, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::support::Baton;

const OUTBOX: &str = "CREATE TABLE shop_outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, key TEXT NOT NULL, payload \
                      TEXT, sent BOOLEAN NOT NULL DEFAULT 0)";

fn settings(changes: &Value) -> Value {
    let mut settings = json!({
        "kind": "table", "table": "shop_outbox", "mode": "mark", "mark": {"column": "sent"}, "poll_ms": 20,
        "mapping": {"key": "id", "order": "id", "type": "type", "aggregate_type": "'order'", "aggregate_id": "key", "payload":
            "payload"},
    });
    for (name, change) in changes.as_object().unwrap() {
        if let Value::Object(inner) = change {
            settings[name].as_object_mut().unwrap().extend(inner.clone());
        } else {
            settings[name] = change.clone();
        }
    }
    settings
}

/// Baton's own file, as another program sees it.
async fn file(baton: &Baton) -> SqliteConnection {
    let path = baton.site().with_file_name("baton.db");
    let mut file = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap();
    file.execute(OUTBOX).await.unwrap();
    for (message_type, payload) in [("Placed", "{\"n\": 1}"), ("Broken", "not json"), ("Paid", "{\"n\": 2}")] {
        let insert = sqlx::query("INSERT INTO shop_outbox (type, key, payload) VALUES (?1, 'o-1', ?2)");
        insert.bind(message_type).bind(payload).execute(&mut file).await.unwrap();
    }
    file
}

async fn unsent(file: &mut SqliteConnection) -> i64 {
    sqlx::query("SELECT count(*) FROM shop_outbox WHERE NOT sent").fetch_one(file).await.unwrap().get(0)
}

#[tokio::test]
async fn a_source_is_looked_at_stored_paused_resumed_and_removed() {
    let baton = Baton::start().await;
    let mut file = file(&baton).await;

    // given a look, which writes nothing
    let seen = baton.post("/api/v1/sources/preview", json!({"settings": settings(&json!({}))})).await;
    assert_eq!(seen.status, StatusCode::OK, "{}", seen.text());
    let seen = seen.json();
    assert_eq!(seen["report"]["diagnostics"], json!([]));
    assert_eq!(
        (&seen["report"]["waiting"], &seen["report"]["columns"][0]),
        (&json!(3), &json!({"name": "id", "type": "INTEGER"}))
    );
    assert_eq!(seen["rows"][0]["message"]["type"], "Placed");
    assert_eq!(seen["rows"][0]["message"]["payload"], json!({"n": 1}));
    assert!(seen["rows"][1]["problem"].as_str().unwrap().contains("not JSON"), "{}", seen["rows"][1]);
    assert_eq!(unsent(&mut file).await, 3);
    assert_eq!(baton.get("/api/v1/sources").await.json()["items"], json!([]));
    assert_eq!(baton.get("/api/v1/messages").await.json()["items"], json!([]));
    let tables = baton.post("/api/v1/sources/tables", json!({})).await.json();
    assert_eq!(tables["items"], json!([{"schema": null, "name": "shop_outbox"}]), "Baton's own are left out");

    // when it is stored
    let made = baton.put("/api/v1/sources/shop", settings(&json!({}))).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text());
    let mut shown = made.json();
    for _ in 0..400 {
        shown = baton.get("/api/v1/sources/shop").await.json();
        if shown["taken"] == 3 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    // then everything is taken in, and what is no message stands among the failures
    assert_eq!((&shown["taken"], &shown["unreadable"], &shown["state"]), (&json!(3), &json!(1), &json!("reading")));
    assert_eq!(unsent(&mut file).await, 0);
    assert_eq!(baton.put("/api/v1/sources/shop", shown["settings"].clone()).await.status, StatusCode::OK);

    let why = json!({"reason": "their migration"});
    let paused = baton.post("/api/v1/sources/shop/pause", why.clone()).await.json();
    assert_eq!((&paused["state"], &paused["paused_by"]["reason"]), (&json!("paused"), &why["reason"]));
    let again = baton.post("/api/v1/sources/shop/pause", json!({"reason": "another"})).await.json();
    assert_eq!(again["paused_by"]["reason"], why["reason"], "the first reason stands");
    let resumed = baton.post("/api/v1/sources/shop/resume", json!({})).await.json();
    assert_eq!(resumed["paused"], false);
    assert_eq!(baton.call(Method::DELETE, "/api/v1/sources/shop", Some(why)).await.status, StatusCode::NO_CONTENT);
    baton.get("/api/v1/sources/shop").await.problem(404, "not-found");
    let audit = baton.get("/api/v1/audit?subject=source/shop").await.json();
    let actions: Vec<&str> =
        audit["items"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["delete-source", "resume-source", "pause-source", "put-source", "put-source"]);
    assert_eq!(audit["items"][0]["reason"], "their migration");
    baton.stop().await;
}

#[tokio::test]
async fn what_does_not_fit_is_refused_where_it_stands_and_nothing_is_stored() {
    let baton = Baton::start_with(|settings| {
        settings.admin_token = Some(crate::support::ADMIN_TOKEN.to_owned());
        settings.allow_private_destinations = false;
    })
    .await;
    let mut file = file(&baton).await;
    let folder = tempfile::tempdir().unwrap();
    let address = folder.path().join("address");
    std::fs::write(&address, "postgres://reader:swordfish@127.0.0.1:9/shop").unwrap();
    let private = format!("file:{}", address.display());
    for (changes, pointer, says) in [
        (json!({"mapping": {"payload": "body"}}), "/mapping/payload", "no column `body`"),
        (json!({"mapping": {"aggregate_id": "keys"}}), "/mapping/aggregate_id", "Is `key` meant?"),
        (json!({"mapping": {"key": "type"}}), "/mapping/key", "not unique"),
        (json!({"mapping": {"encoding": "wolverine"}}), "/mapping/payload", "bytes"),
        (json!({"mapping": {"encoding": "xml"}}), "", "xml"),
        (json!({"mapping": {"typ": "x"}}), "", "typ"),
        (json!({"mode": "delete"}), "/mark", "Only the mode mark"),
        (json!({"mode": "sometimes"}), "", "sometimes"),
        (json!({"table": "nowhere"}), "/table", "no table"),
        (json!({"table": "outbox"}), "/table", "Baton's own"),
        (json!({"batch": 0}), "/batch", "1 to 1000"),
        (json!({"database": "postgres://reader:swordfish@shop.example/"}), "/database", "env:NAME"),
        (json!({"database": "env:BATON_TEST_NO_SUCH_VARIABLE"}), "/database", "not set"),
        (json!({"database": private}), "/database", "loopback"),
        (json!({"colour": "red"}), "", "colour"),
    ] {
        let answer = baton.put("/api/v1/sources/shop", settings(&changes)).await;
        let problem = answer.json();
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{changes}: {problem}");
        let text = problem.to_string();
        let errors = problem["errors"].as_array().unwrap();
        let found = errors
            .iter()
            .any(|one| one["pointer"].as_str().unwrap().starts_with(pointer) && one.to_string().contains(says));
        assert!(found, "{changes}: {text}");
        assert!(!text.contains("swordfish"), "{text}");
    }
    baton.put("/api/v1/sources/No%20Name", settings(&json!({}))).await.problem(422, "invalid");
    assert_eq!(baton.get("/api/v1/sources").await.json()["items"], json!([]));
    assert_eq!(unsent(&mut file).await, 3);
    // A look says the same, as findings.
    let look = json!({"settings": settings(&json!({"mapping": {"payload": "body"}}))});
    let seen = baton.post("/api/v1/sources/preview", look).await.json();
    assert_eq!((&seen["report"]["diagnostics"][0]["pointer"], &seen["rows"]), (&json!("/mapping/payload"), &json!([])));
    let presets = baton.get("/api/v1/sources/presets").await.json();
    let names: Vec<&str> =
        presets["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["debezium", "eventuate-tram", "masstransit", "wolverine", "watermill"]);
    baton.stop().await;
}
