//! Tasks: what waits for people.

use crate::{erased::Erase, read::Read};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::parameter;
use crate::{
    call,
    component::{empty::Empty, loaded::loaded, page_head::PageHead, pager::pager, task_table::task_table},
    live::Live,
    model::{Page, TaskQuery, TaskSummary},
};

const PATH: &str = "/tasks";

/// Whose tasks, in which state; `view` in the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    Mine,
    All,
    Done,
}

impl View {
    fn from_name(name: &str) -> Self {
        match name {
            "all" => Self::All,
            "done" => Self::Done,
            _ => Self::Mine,
        }
    }

    fn query(self, cursor: Option<String>) -> TaskQuery {
        let (state, assignee) = match self {
            Self::Mine => ("open", Some("me".to_owned())),
            Self::All => ("open", None),
            Self::Done => ("done", None),
        };
        TaskQuery { state: Some(state.to_owned()), assignee, cursor, ..TaskQuery::default() }
    }
}

#[component]
pub fn TasksPage() -> AnyView {
    let live = Live::expect();
    let params = use_query_map();
    let (view_name, after) = (parameter("view"), parameter("after"));
    let view = Memo::new(move |_| View::from_name(&view_name.get()));
    let read = Read::new(
        move || (view.get(), params.with(|params| params.get("cursor")), live.tasks()),
        |(view, cursor, _)| call::list_tasks(view.query(cursor)),
    );
    let chip = move |of: View, href: &'static str, name: &'static str| {
        view! { <li><a class="chip" href=href aria-current=move || (view.get() == of).then_some("true")>{name}</a></li> }
    };
    let finished = move || {
        (!after.get().is_empty()).then(|| view! { <p class="notice">"Completed. No other task waits for you."</p> })
    };
    view! {
        <PageHead title="Tasks"/>
        <div class="content">
            <div role="status">{finished}</div>
            <ul class="chips" aria-label="Which tasks">
                {chip(View::Mine, "/tasks", "mine")}
                {chip(View::All, "/tasks?view=all", "all open")}
                {chip(View::Done, "/tasks?view=done", "done")}
            </ul>
            {loaded(read, move |page| draw(page, view.get()))}
        </div>
    }
    .erased()
}

fn draw(page: Page<TaskSummary>, view: View) -> AnyView {
    if !page.items.is_empty() {
        return view! {
            <section class="card">{task_table(page.items, "Tasks")}</section>
            {pager(PATH, page.next)}
        }
        .erased();
    }
    let (title, text) = match view {
        View::Mine => (
            "Nothing waits for you",
            "Tasks that are assigned to you or your groups appear here as soon as a process asks. The others are under “all open”.",
        ),
        View::All => ("No task is open", "A process opens a task where its definition has an approval."),
        View::Done => ("Nothing was completed yet", "Completed and withdrawn tasks stay here for their retention."),
    };
    view! { <section class="card"><Empty title=title text=text/></section> }.erased()
}
