//! One task: what is asked, what it is about, and the answers as buttons.

use crate::{erased::Erase, read::Read};
use baton_domain::form::fields as fields_of;
use leptos::prelude::*;

use super::{id_of, parameter, segment};
use crate::{
    call::{self, ClaimTask, CompleteTask},
    component::{
        badge::{state_badge, toned},
        failure::refusal,
        json::json_view,
        loaded::loaded,
        page_head::PageHead,
        post::PostForm,
        schema_form::{SchemaFields, findings_of, whole_error},
        task_table::waits_for,
        time::{ago, at_full},
    },
    form::humanised,
    link,
    live::Live,
    model::{TaskDetail, TaskOutcome, TaskSummary},
};

#[derive(Clone, Copy)]
struct Actions {
    claim: ServerAction<ClaimTask>,
    complete: ServerAction<CompleteTask>,
}

#[component]
pub fn TaskPage() -> impl IntoView {
    let live = Live::expect();
    let id = segment("id");
    let after = parameter("after");
    let actions = Actions { claim: ServerAction::new(), complete: ServerAction::new() };
    let read = Read::new(
        move || (id.get(), live.tasks(), actions.claim.version().get(), actions.complete.version().get()),
        |(id, ..)| async move { call::get_task(id_of(&id, "task")?).await },
    );
    loaded(read, move |task| draw(task, !after.get().is_empty(), actions))
}

fn draw(task: TaskDetail, follows: bool, actions: Actions) -> AnyView {
    let summary = task.summary.clone();
    let open = matches!(summary.state.as_str(), "open" | "claimed");
    let (state, overdue) = (summary.state.clone(), summary.overdue);
    let beside = move || {
        if overdue { toned("overdue", "overdue".to_owned()).erased() } else { state_badge(&state).erased() }
    };
    let answers = if open { answers(&task, actions) } else { ended(&task) };
    view! {
        <PageHead title=summary.title.clone() crumbs=vec![("Tasks".to_owned(), "/tasks".to_owned())] beside=beside>
            {open.then(|| claim(&summary, actions))}
        </PageHead>
        <div class="content">
            <div role="status">{(follows && open).then(|| view! { <p class="notice">"Completed. This is your next task."</p> })}</div>
            <div class="split">
                <div class="stacked">{answers}{facts(&task)}</div>
                <div class="stacked">{context("Variables", &task.variables)}{context("Input", &task.input)}</div>
            </div>
        </div>
    }
    .erased()
}

fn claim(summary: &TaskSummary, actions: Actions) -> AnyView {
    let pending = actions.claim.pending();
    let (label, why) = match &summary.claimed_by {
        Some(by) => ("Claim", Some(format!("{by} has claimed it."))),
        None => ("Claim", None),
    };
    let disabled = why.is_some();
    let id = summary.id.to_string();
    view! {
        <PostForm action=actions.claim>
            <input type="hidden" name="id" value=id/>
            <button type="submit" class="btn" disabled=move || disabled || pending.get() title=why>{label}</button>
        </PostForm>
    }
    .erased()
}

fn answers(task: &TaskDetail, actions: Actions) -> AnyView {
    let forms = task
        .outcomes
        .iter()
        .enumerate()
        .map(|(index, outcome)| answer(task, outcome, index == 0, actions))
        .collect_view();
    let claim_error = move || actions.claim.value().get().and_then(Result::err).map(|error| refusal(&error));
    view! {
        <section class="card pad" aria-labelledby="answer-title">
            <h2 id="answer-title" class="plain">"Your answer"</h2>
            {claim_error}
            <div class="answers">{forms}</div>
        </section>
    }
    .erased()
}

/// One outcome: a button, and the form that goes with it where there is one.
fn answer(task: &TaskDetail, outcome: &TaskOutcome, first: bool, actions: Actions) -> AnyView {
    let fields = outcome.form.as_ref().map(fields_of).unwrap_or_default();
    let (known, name, words) = (fields.clone(), outcome.name.clone(), called(outcome));
    // One action serves all outcomes; what was wrong is told at the one that was sent.
    let sent = RwSignal::new(false);
    let findings =
        Signal::derive(move || if sent.get() { findings_of(&actions.complete.value().get()) } else { Vec::new() });
    let whole = move || {
        let error = sent.get().then(|| whole_error(&actions.complete.value().get(), &known)).flatten();
        error.map(|error| view! { <p class="refusal" role="alert">{error}</p> })
    };
    let pending = actions.complete.pending();
    let class = if first { "btn primary" } else { "btn" };
    let id = task.summary.id.to_string();
    let with_form = !fields.is_empty();
    view! {
        <div class="answer" class:with-form=with_form on:submit=move |_| sent.set(true)>
            <PostForm action=actions.complete>
                <input type="hidden" name="id" value=id/>
                <input type="hidden" name="outcome" value=name.clone()/>
                <SchemaFields fields=fields prefix=format!("answer-{name}") value_of=|_| None findings=findings/>
                {whole}
                <button type="submit" class=class disabled=pending>{words}</button>
            </PostForm>
        </div>
    }
    .erased()
}

/// The outcome as people call it.
fn called(outcome: &TaskOutcome) -> String {
    outcome.title.clone().unwrap_or_else(|| humanised(&outcome.name))
}

fn ended(task: &TaskDetail) -> AnyView {
    let summary = &task.summary;
    let chosen = summary
        .outcome
        .as_ref()
        .map(|name| task.outcomes.iter().find(|outcome| outcome.name == *name).map_or_else(|| humanised(name), called));
    let words = match (chosen, &summary.completed_by) {
        (Some(outcome), Some(by)) => format!("{by} answered “{outcome}”."),
        (Some(outcome), None) => format!("It was answered “{outcome}”."),
        _ => "It was withdrawn: the instance went on or ended without it.".to_owned(),
    };
    let data = task
        .data
        .as_ref()
        .filter(|data| data.as_object().is_none_or(|data| !data.is_empty()))
        .map(|data| json_view(data, "The form"));
    view! {
        <section class="card pad"><p>{words}" "{summary.ended_at.map(ago)}</p>{data}</section>
    }
    .erased()
}

fn facts(task: &TaskDetail) -> AnyView {
    let summary = &task.summary;
    let fact = |name: &'static str, value: AnyView| view! { <div><dt>{name}</dt><dd>{value}</dd></div> };
    let instance = task.business_key.clone().unwrap_or_else(|| summary.instance.to_string());
    let due =
        summary.due_at.map(|at| fact("Due", view! { {at_full(at)}<small class="faint">{ago(at)}</small> }.erased()));
    view! {
        <section class="card" aria-labelledby="facts-title">
            <h2 id="facts-title">"Task"</h2>
            <dl class="facts">
                {fact("For", view! { {waits_for(summary)} }.erased())}
                {due}
                {fact("Process", view! { <a href=link::process(&summary.definition)>{summary.definition.clone()}</a>" at "{humanised(&summary.node)} }.erased())}
                {fact("Instance", view! { <a href=link::instance(summary.instance)>{instance}</a> }.erased())}
                {fact("Opened", view! { {at_full(summary.created_at)}<small class="faint">{ago(summary.created_at)}</small> }.erased())}
            </dl>
        </section>
    }
    .erased()
}

/// What the decision is about.
fn context(title: &'static str, value: &serde_json::Value) -> AnyView {
    view! { <section class="card"><h2>{title}</h2>{json_view(value, title)}</section> }.erased()
}
