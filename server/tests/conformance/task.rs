//! Human tasks: claimed by one person, listed for whom they concern.

use std::sync::Arc;

use baton_domain::ids::TaskId;
use baton_server::store::{
    StoreError,
    rows::{Changes, Claim, TaskClosing, TaskFilter, TaskReassignment, TaskRow, TaskState},
};

use crate::support::*;

on_both!(
    a_task_comes_back_as_it_was_written,
    a_task_is_claimed_by_one_person,
    an_ended_task_cannot_be_claimed,
    an_open_task_goes_to_somebody_else,
    tasks_are_listed_by_person_state_and_instance_newest_first,
    tasks_are_listed_in_pages,
    an_ended_task_never_changes_its_state,
);

async fn open(fixture: &Fixture, tasks: Vec<TaskRow>) {
    let instances = tasks.iter().map(|task| task.instance).collect::<std::collections::HashSet<_>>();
    let instances = instances.into_iter().map(|id| creation(instance(id))).collect();
    let changes = Changes { instances, tasks_opened: tasks, ..Changes::default() };
    fixture.step(Claim::default(), |_| changes).await.unwrap();
}

async fn withdraw(fixture: &Fixture, id: TaskId) {
    let closing = TaskClosing { id, state: TaskState::Withdrawn, outcome: None, data: None, by: None };
    fixture.step(Claim::default(), |_| Changes { tasks_closed: vec![closing], ..Changes::default() }).await.unwrap();
}

async fn a_task_comes_back_as_it_was_written(fixture: Fixture) {
    let mut row = task(new_instance(), 1);
    row.candidate_group = Some("managers".to_owned());
    row.due_at = Some(in_seconds(3_600));
    open(&fixture, vec![row.clone()]).await;

    assert_eq!(fixture.store.read_task(row.id).await.unwrap(), Some(row.clone()));
    assert_eq!(fixture.store.read_task(TaskId(row.instance.child(2))).await.unwrap(), None);
}

async fn an_open_task_goes_to_somebody_else(fixture: Fixture) {
    let row = task(new_instance(), 1);
    open(&fixture, vec![row.clone()]).await;
    assert!(fixture.store.claim_task(row.id, "ann", audit("claim-task", "ann")).await.unwrap());
    let hand_over = async || {
        let to = TaskReassignment { id: row.id, assignee: None, candidate_group: Some("bosses".to_owned()) };
        fixture.step(Claim::default(), |_| Changes { tasks_reassigned: vec![to], ..Changes::default() }).await
    };
    hand_over().await.unwrap();

    let after = fixture.store.read_task(row.id).await.unwrap().unwrap();
    let expected = TaskRow { assignee: None, candidate_group: Some("bosses".to_owned()), ..row.clone() };
    assert_eq!(after, expected, "whoever had claimed it has it no longer");
    withdraw(&fixture, row.id).await;
    assert!(matches!(hand_over().await, Err(StoreError::Conflict { what: "task" })));
}

async fn a_task_is_claimed_by_one_person(fixture: Fixture) {
    let row = task(new_instance(), 1);
    open(&fixture, vec![row.clone()]).await;
    let clicks: Vec<_> = ["ann", "bob", "cem", "dan"]
        .into_iter()
        .map(|person| {
            let store = Arc::clone(&fixture.store);
            let id = row.id;
            tokio::spawn(
                async move { (person, store.claim_task(id, person, audit("claim-task", person)).await.unwrap()) },
            )
        })
        .collect();
    let mut claimed = Vec::new();
    for click in clicks {
        let (person, got_it) = click.await.unwrap();
        claimed.extend(got_it.then_some(person));
    }

    let [person] = claimed[..] else { panic!("claimed by {claimed:?}") };
    let read = fixture.store.read_task(row.id).await.unwrap().unwrap();
    assert_eq!((read.state, read.claimed_by.as_deref()), (TaskState::Claimed, Some(person)));
    assert!(fixture.store.claim_task(row.id, person, audit("claim-task", "again")).await.unwrap(), "it is theirs");
    assert_eq!(fixture.store.list_audit(Some(person), 10).await.unwrap().len(), 1);
}

async fn an_ended_task_cannot_be_claimed(fixture: Fixture) {
    let row = task(new_instance(), 1);
    open(&fixture, vec![row.clone()]).await;
    withdraw(&fixture, row.id).await;

    assert!(!fixture.store.claim_task(row.id, "ann", audit("claim-task", "x")).await.unwrap());
    assert!(!fixture.store.claim_task(TaskId(new_instance().child(1)), "ann", audit("claim-task", "x")).await.unwrap());
    assert_eq!(fixture.store.list_audit(Some("x"), 10).await.unwrap(), []);
}

async fn tasks_are_listed_by_person_state_and_instance_newest_first(fixture: Fixture) {
    let (first, second) = (new_instance(), new_instance());
    let mut tasks = vec![task(first, 1), task(first, 2), task(second, 1)];
    tasks[1].assignee = None;
    tasks[2].assignee = Some("bob".to_owned());
    open(&fixture, tasks.clone()).await;
    fixture.store.claim_task(tasks[1].id, "ann", audit("claim-task", "x")).await.unwrap();
    withdraw(&fixture, tasks[0].id).await;
    let ids = async |filter: TaskFilter| {
        let page = fixture.store.list_tasks(&TaskFilter { limit: 10, ..filter }).await.unwrap();
        page.items.iter().map(|task| task.id).collect::<Vec<_>>()
    };

    let none = TaskFilter::default();
    assert_eq!(ids(none.clone()).await, [tasks[2].id, tasks[1].id, tasks[0].id]);
    assert_eq!(ids(TaskFilter { open: Some(true), ..none.clone() }).await, [tasks[2].id, tasks[1].id]);
    assert_eq!(ids(TaskFilter { open: Some(false), ..none.clone() }).await, [tasks[0].id]);
    assert_eq!(
        ids(TaskFilter { assignee: Some("ann".to_owned()), ..none.clone() }).await,
        [tasks[1].id, tasks[0].id],
        "assigned or claimed"
    );
    assert_eq!(ids(TaskFilter { instance: Some(first), ..none }).await, [tasks[1].id, tasks[0].id]);
}

async fn tasks_are_listed_in_pages(fixture: Fixture) {
    let instance = new_instance();
    open(&fixture, (1..=5).map(|number| task(instance, number)).collect()).await;
    let mut found = Vec::new();
    let mut cursor = None;
    let mut pages = 0;
    loop {
        let page = fixture.store.list_tasks(&TaskFilter { limit: 2, cursor, ..TaskFilter::default() }).await.unwrap();
        found.extend(page.items.iter().map(|task| task.id));
        pages += 1;
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(pages, 3);
    assert_eq!(found, (1..=5).rev().map(|number| TaskId(instance.child(number))).collect::<Vec<_>>());
}

async fn an_ended_task_never_changes_its_state(fixture: Fixture) {
    let row = task(new_instance(), 1);
    open(&fixture, vec![row.clone()]).await;
    withdraw(&fixture, row.id).await;

    let error = fixture.sql("UPDATE {baton}task SET state = 'open', ended_at = NULL").await.unwrap_err();

    assert!(error.to_string().contains("has ended"), "{error}");
}
