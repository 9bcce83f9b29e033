//! Human tasks: list, claim, complete.

use leptos::{prelude::*, server_fn::codec::Json};
use uuid::Uuid;

#[cfg(feature = "ssr")]
use super::context::{go_on_at, signed_in, texts_to_value};
#[cfg(feature = "ssr")]
use crate::link;
use crate::{
    form::Texts,
    model::{Page, TaskDetail, TaskQuery, TaskSummary},
    port::Answer,
    read::Encoded,
};

#[server(prefix = "/sfn", endpoint = "tasks", input = Json)]
pub async fn list_tasks(query: TaskQuery) -> Answer<Encoded<Page<TaskSummary>>> {
    let (backend, actor) = signed_in()?;
    backend.tasks(actor, query).await.and_then(Encoded::of)
}

#[server(prefix = "/sfn", endpoint = "task", input = Json)]
pub async fn get_task(id: Uuid) -> Answer<Encoded<TaskDetail>> {
    signed_in()?.0.task(id).await.and_then(Encoded::of)
}

#[server(prefix = "/sfn", endpoint = "claim-task")]
pub async fn claim_task(id: Uuid) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    backend.claim_task(actor, id).await.map(drop)
}

/// Completes a task with what the texts of the outcome's form mean. Goes on at
/// the account's next task, or at the list when there is none.
#[server(prefix = "/sfn", endpoint = "complete-task")]
pub async fn complete_task(id: Uuid, outcome: String, #[server(default)] fields: Texts) -> Answer<()> {
    let (backend, actor) = signed_in()?;
    let respond = use_context();
    let detail = backend.task(id).await?;
    let form = detail.outcomes.iter().find(|known| known.name == outcome).and_then(|known| known.form.as_ref());
    let data = texts_to_value(form, &fields)?;
    backend.complete_task(actor.clone(), id, outcome, data).await?;
    let mine = TaskQuery { assignee: Some("me".to_owned()), limit: Some(1), ..TaskQuery::default() };
    let next = backend.tasks(actor, mine).await.ok().and_then(|page| page.items.first().map(|task| task.id));
    go_on_at(
        respond,
        &next.map_or_else(|| "/tasks?after=1".to_owned(), |next| format!("{}?after=1", link::task(next))),
    );
    Ok(())
}
