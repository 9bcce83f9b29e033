//! CHECK constraints mirror the enums of the code: every value of an enum is allowed, and nothing else.

use baton_domain::process::Status;
use baton_server::store::rows::{Changes, Claim, CredentialKind, DeliveryState, TaskState};

use crate::support::*;

on_both!(
    the_states_of_deliveries_are_those_of_the_code,
    the_states_of_instances_are_those_of_the_code,
    the_states_of_tasks_are_those_of_the_code,
    the_kinds_of_messages_definitions_and_credentials_are_those_of_the_code,
);

/// Tries every value and a wrong one in a statement with `{value}` in it; says for each whether it was taken.
async fn check(fixture: &Fixture, statement: &str, values: &[&str]) {
    for value in values {
        fixture.sql(&statement.replace("{value}", value)).await.unwrap_or_else(|error| panic!("{value}: {error}"));
    }
    let error = fixture.sql(&statement.replace("{value}", "wrong")).await.expect_err("a wrong value is refused");
    let error = error.to_string().to_lowercase();
    assert!(error.contains("check constraint"), "{error}");
}

async fn the_states_of_deliveries_are_those_of_the_code(fixture: Fixture) {
    let fence = fixture.fence().await;
    fixture.queue(&fence, "crm", &[event("1")]).await;
    let instant = "'2026-01-31T12:00:00.000Z'";
    let statement = format!(
        "UPDATE {{baton}}delivery SET state = '{{value}}', failure_class = 'x',
            next_attempt_at = CASE WHEN '{{value}}' = 'retrying' THEN {instant} END,
            ended_at = CASE WHEN '{{value}}' IN ('delivered', 'discarded') THEN {instant} END"
    );
    let statement =
        if fixture.is_postgres() { statement.replace(instant, &format!("{instant}::timestamptz")) } else { statement };
    check(&fixture, &statement, &DeliveryState::ALL.map(DeliveryState::as_str)).await;
}

async fn the_states_of_instances_are_those_of_the_code(fixture: Fixture) {
    for status in Status::ALL {
        let mut row = instance(new_instance());
        row.status = status;
        row.ended_at = status.is_terminal().then(now);
        let change = creation(row);
        fixture.step(Claim::default(), |_| Changes { instances: vec![change], ..Changes::default() }).await.unwrap();
        let mut row = instance(new_instance());
        row.status = status;
        row.ended_at = (!status.is_terminal()).then(now);
        let change = creation(row);
        let changes = Changes { instances: vec![change], ..Changes::default() };
        fixture.step(Claim::default(), |_| changes).await.expect_err("ended_at says whether it has ended");
    }
    let error =
        fixture.sql("UPDATE {baton}process_instance SET status = 'wrong' WHERE ended_at IS NULL").await.unwrap_err();
    assert!(error.to_string().contains("process_instance_status"), "{error}");
}

async fn the_states_of_tasks_are_those_of_the_code(fixture: Fixture) {
    let id = new_instance();
    let created = Changes { instances: vec![creation(instance(id))], ..Changes::default() };
    fixture.step(Claim::default(), |_| created).await.unwrap();
    for (number, state) in (1..).zip(TaskState::ALL) {
        let mut row = task(id, number);
        row.state = state;
        row.outcome = Some("approve".to_owned());
        row.ended_at = matches!(state, TaskState::Completed | TaskState::Withdrawn).then(now);
        let changes = Changes { tasks_opened: vec![row], ..Changes::default() };
        fixture.step(Claim::default(), |_| changes).await.unwrap();
    }
    let error = fixture.sql("UPDATE {baton}task SET state = 'wrong' WHERE ended_at IS NULL").await.unwrap_err();
    assert!(error.to_string().contains("task_state"), "{error}");
}

async fn the_kinds_of_messages_definitions_and_credentials_are_those_of_the_code(fixture: Fixture) {
    let insert = "INSERT INTO {baton}outbox (kind, type, aggregate_type, aggregate_id, payload) VALUES ('{value}', 'A', 'b', 'c', '{}')";
    check(&fixture, insert, &["event", "command"]).await;
    let at = "'2026-01-31T12:00:00.000Z'";
    let insert = format!(
        "INSERT INTO {{baton}}definition_draft (kind, name, source, updated_by, updated_at, mark) \
         VALUES ('{{value}}', 'a', '', '', {at}, '')"
    );
    check(&fixture, &insert, &["process", "saga"]).await;
    let hash = if fixture.is_postgres() {
        r"'\x0000000000000000000000000000000000000000000000000000000000000000'"
    } else {
        "zeroblob(32)"
    };
    let insert = format!(
        "INSERT INTO {{baton}}credential (kind, secret_hash, account, created_at) VALUES ('{{value}}', {hash}, '', {at})"
    );
    check(&fixture, &insert, &CredentialKind::ALL.map(CredentialKind::as_str)).await;
}
