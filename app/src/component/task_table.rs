//! Tasks as a table.

use crate::erased::Erase;
use leptos::prelude::*;

use super::{
    badge::{state_badge, toned},
    table::table,
    time::{ago, ago_or_dash},
};
use crate::{link, model::TaskSummary};

pub fn task_table(tasks: Vec<TaskSummary>, label: &str) -> AnyView {
    let rows = tasks.into_iter().map(row).collect_view();
    let columns = [("Task", ""), ("State", ""), ("For", ""), ("Due", ""), ("Process", "opt"), ("Opened", "opt")];
    table(label, &columns, rows.erased())
}

/// The same in a narrow place: what is asked, and how it stands.
pub fn task_list(tasks: Vec<TaskSummary>) -> AnyView {
    let items = tasks
        .into_iter()
        .map(|task| view! { <li><a href=link::task(task.id)>{task.title.clone()}</a><span class="faint">{waits_for(&task)}</span>{state_of(&task)}</li> })
        .collect_view();
    view! { <ul class="link-list">{items}</ul> }.erased()
}

fn state_of(task: &TaskSummary) -> AnyView {
    match &task.outcome {
        Some(outcome) => toned("completed", outcome.clone()).erased(),
        None if task.overdue => toned("overdue", "overdue".to_owned()).erased(),
        None => state_badge(&task.state).erased(),
    }
}

/// Whom a task waits for.
pub fn waits_for(task: &TaskSummary) -> String {
    match (&task.claimed_by, &task.assignee, &task.candidate_group) {
        (Some(claimed_by), _, _) => claimed_by.clone(),
        (None, Some(assignee), _) => assignee.clone(),
        (None, None, Some(group)) => format!("group {group}"),
        (None, None, None) => "anybody".to_owned(),
    }
}

fn row(task: TaskSummary) -> AnyView {
    let state = state_of(&task);
    view! {
        <tr class="row">
            <td class="wrap"><a class="cover" href=link::task(task.id)>{task.title.clone()}</a></td>
            <td>{state}</td>
            <td>{waits_for(&task)}</td>
            <td>{ago_or_dash(task.due_at)}</td>
            <td class="opt">{task.definition.clone()}</td>
            <td class="opt">{ago(task.created_at)}</td>
        </tr>
    }
    .erased()
}
