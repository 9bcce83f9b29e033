//! A million published rows must not matter: what the relay and the engine run never walks a table.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};

use crate::support::*;

/// The tables that grow.
const LARGE: [&str; 13] = [
    "outbox",
    "outbox_pending",
    "outbox_delayed",
    "outbox_published",
    "delivery",
    "attempt",
    "inbox",
    "process_instance",
    "process_history",
    "timer",
    "task",
    "wait",
    "message_buffer",
];
/// Published rows that are there already.
const PUBLISHED: i64 = 200_000;

macro_rules! hot {
    ($dialect:literal: $($name:literal => $arguments:expr),* $(,)?) => {
        [$(($name, include_str!(concat!("../../src/store/", $dialect, "/queries/", $name, ".sql")), $arguments)),*]
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_every_hot_statement_goes_by_an_index() {
    let fixture = filled().await;
    let mut connection = prepared(&fixture).await;
    const ID: &str = "'{01a20692-db7c-717f-ac06-df19a11aa88b}'";
    let statements = hot!("postgres":
        "read_unpublished" => "now(), NULL, 500, '{1,2}'".to_owned(),
        "find_any_unpublished" => "now()".to_owned(),
        "find_any_blocked" => String::new(),
        "mark_published" => "'{1,2}', now(), gen_random_uuid(), 1, '{0,1}', false".to_owned(),
        "delete_published" => "'{1,2}', now(), gen_random_uuid(), 1, '{0,1}', false".to_owned(),
        "find_next_deliver_after" => "now()".to_owned(),
        "find_any_open_delivery" => "'crm'".to_owned(),
        "find_open_deliveries" => "'{crm}', '{order}', '{1}'".to_owned(),
        "read_due_deliveries" => "'crm', now(), NULL, 100, '{1}'".to_owned(),
        "find_next_attempt" => "'crm'".to_owned(),
        "record_attempts" => "'{1}', '{0}', '{now}', '{1}', '{delivered}', '{NULL}', '{NULL}', '{NULL}'".to_owned(),
        "label_followers" => "'{1}'".to_owned(),
        "lock_instances" => ID.to_owned(),
        "find_claimed_instances" => format!("{ID}, {ID}, '{{Booked}}', '{{42}}'"),
        "read_waits" => format!("'{{Booked}}', '{{42}}', {ID}"),
        "read_claimed_timers" => ID.to_owned(),
        "lock_tasks" => ID.to_owned(),
        "find_started" => "'{trip}', '{k}'".to_owned(),
        "take_in_and_lock" => format!("'engine', {ID}, {ID}"),
        "write_step" => {
            let argument = |n| match n {
                31 => "now()",
                52 => "true",
                _ => "'{NULL}'",
            };
            (1..=52).map(argument).collect::<Vec<_>>().join(", ")
        },
        "stand_logged" => "'{1,2}', '{order,order}', '{1,2}', '{1000}'".to_owned(),
        "read_due_timers" => "now(), 100".to_owned(),
        "find_next_timer" => String::new(),
        "clean_attempts" => "now(), 100".to_owned(),
        "clean_outbox" => "now(), 100".to_owned(),
        "clean_inbox" => "now(), 100".to_owned(),
        "find_early" => format!("'{{Booked}}', '{{42}}', {ID}, now()"),
        "check_early" => format!("'{{Booked}}', '{{42}}', {ID}, 100"),
        "delete_early" => ID.to_owned(),
        "take_expired" => "now(), 100, 0".to_owned(),
        "report_unclaimed" => format!("{ID}, 'unclaimed', '{{why}}', now()"),
        "clean_instances" => "now(), 100".to_owned(),
    );
    for mode in ["force_generic_plan", "force_custom_plan"] {
        connection.execute(AssertSqlSafe(format!("SET plan_cache_mode = {mode}"))).await.unwrap();
        for (name, text, arguments) in &statements {
            let plan = explain(&mut connection, "", name, text, arguments).await;
            for table in LARGE {
                assert!(!plan.contains(&format!("Seq Scan on {table}")), "{name} ({mode}) walks {table}:\n{plan}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_reading_and_marking_visit_no_published_row() {
    let fixture = filled().await;
    let messages: Vec<_> = (0..100).map(|number| event(&number.to_string())).collect();
    fixture.append(&messages).await;
    let mut connection = prepared(&fixture).await;
    let read = include_str!("../../src/store/postgres/queries/read_unpublished.sql");
    for mode in ["force_generic_plan", "force_custom_plan"] {
        connection.execute(AssertSqlSafe(format!("SET plan_cache_mode = {mode}"))).await.unwrap();
        let plan =
            explain(&mut connection, "ANALYZE, BUFFERS,", "read_unpublished", read, "now(), NULL, 500, '{}'").await;
        assert!(plan.contains("outbox_pending_pkey"), "{plan}");
        let pages = pages(&plan);
        // Four for each: three of the index and the row itself.
        assert!(pages < 450, "{pages} pages for a hundred rows ({mode}):\n{plan}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_a_walk_would_be_noticed() {
    let fixture = Fixture::postgres().await;
    let mut connection = prepared(&fixture).await;
    let plan = explain(&mut connection, "", "bad", "SELECT count(*) FROM baton.outbox WHERE source = $1", "'x'").await;
    assert!(plan.contains("Seq Scan on outbox"), "or the test above could not fail:\n{plan}");
}

/// An outbox with many published rows, analysed.
async fn filled() -> Fixture {
    let fixture = Fixture::postgres().await;
    let rows = format!(
        "INSERT INTO baton.outbox (type, aggregate_type, aggregate_id, payload)
         SELECT 'A', 'order', (n % 1000)::text, '{{}}' FROM generate_series(1, {PUBLISHED}) n"
    );
    fixture.sql(&rows).await.unwrap();
    fixture.sql(PUBLISH_ALL).await.unwrap();
    for table in ["outbox", "outbox_pending", "outbox_published"] {
        fixture.sql(&format!("VACUUM ANALYZE baton.{table}")).await.unwrap();
    }
    fixture
}

/// A connection as the store makes them.
async fn prepared(fixture: &Fixture) -> PgConnection {
    let mut connection = PgConnection::connect(&fixture.url).await.unwrap();
    connection.execute(include_str!("../../src/store/postgres/queries/prepare_connection.sql")).await.unwrap();
    connection
}

async fn explain(connection: &mut PgConnection, options: &str, name: &str, text: &str, arguments: &str) -> String {
    connection.execute("DEALLOCATE ALL").await.unwrap();
    connection
        .execute(AssertSqlSafe(format!("PREPARE statement AS {text}")))
        .await
        .unwrap_or_else(|e| panic!("{name}: {e}"));
    let arguments = if arguments.is_empty() { String::new() } else { format!("({arguments})") };
    let explain = AssertSqlSafe(format!("EXPLAIN ({options} COSTS OFF) EXECUTE statement{arguments}"));
    let rows = connection.fetch_all(sqlx::raw_sql(explain)).await.unwrap_or_else(|e| panic!("{name}: {e}"));
    rows.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>().join("\n")
}

/// The pages that the whole plan touched: the first figure counts everything below it.
fn pages(plan: &str) -> u64 {
    let buffers = plan.lines().find(|line| line.trim_start().starts_with("Buffers:")).expect("buffers");
    let number = |name: &str| {
        let rest = buffers.split(name).nth(1)?;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u64>().ok()
    };
    number("hit=").unwrap_or(0) + number("read=").unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_every_hot_statement_goes_by_an_index() {
    let fixture = Fixture::sqlite().await;
    let mut connection = SqliteConnection::connect(&fixture.url).await.unwrap();
    let statements = hot!("sqlite":
        "read_unpublished" => "", "find_any_unpublished" => "", "mark_published" => "", "delete_published" => "", "find_next_deliver_after" => "",
        "insert_deliveries" => "", "find_any_open_delivery" => "", "find_open_deliveries" => "",
        "read_due_deliveries" => "", "find_next_attempt" => "", "record_attempts" => "", "insert_attempts" => "",
        "label_followers" => "", "find_any_blocked" => "", "unpark_followers" => "", "find_claimed_instances" => "",
        "read_instances" => "", "read_waits" => "", "read_claimed_timers" => "", "read_claimed_tasks" => "",
        "find_started" => "", "update_instances" => "", "delete_timers" => "", "close_tasks" => "",
        "delete_waits" => "", "delete_inbox" => "", "read_due_timers" => "", "find_next_timer" => "",
        "clean_attempts" => "", "clean_outbox" => "", "clean_inbox" => "", "find_removable_instances" => "",
        "clean_history" => "", "clean_timers" => "", "clean_instances" => "", "clean_audit" => "",
        "find_early" => "", "check_early" => "", "delete_early" => "", "report_unclaimed" => "",
    );
    for (name, text, _) in statements {
        let plan = sqlite_plan(&mut connection, text).await;
        let walks: Vec<_> = plan.iter().filter(|line| walks(line)).collect();
        assert!(walks.is_empty(), "{name} walks: {walks:?}\n{plan:#?}");
    }
    let bad = sqlite_plan(&mut connection, "SELECT count(*) FROM outbox o WHERE source = 'x'").await;
    assert!(bad.iter().any(|line| walks(line)), "or this test could not fail: {bad:?}");
}

async fn sqlite_plan(connection: &mut SqliteConnection, text: &str) -> Vec<String> {
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"));
    let rows = sqlx::query(explain).fetch_all(connection).await.unwrap_or_else(|error| panic!("{text}: {error}"));
    rows.iter().map(|row| row.get::<String, _>(3)).collect()
}

/// Whether this line of a plan walks a table, or an index over all of one. Partial indexes over what is open, and what a
/// subquery has made already, are short; an index in the order of time is left at the first row that is not due.
fn walks(line: &str) -> bool {
    const SHORT: [&str; 10] = [
        "CONSTANT ROW",
        "VIRTUAL TABLE",
        "(subquery",
        "INDEX outbox_unpublished",
        "INDEX outbox_delayed",
        "INDEX delivery_open",
        "INDEX delivery_blocking_key",
        "INDEX timer_due",
        "INDEX inbox_received_at",
        "INDEX attempt_at",
    ];
    line.starts_with("SCAN")
        && !SHORT.iter().any(|part| line.contains(part))
        && !["SCAN due", "SCAN k", "SCAN b"].contains(&line)
}
