//! The first page: is all well, and what needs somebody?

use crate::{erased::Erase, read::Read};
use leptos::prelude::*;

use super::plural;
use crate::{
    call,
    clock::{duration, grouped},
    component::{
        badge::toned, chart::minute_chart, empty::FirstMessage, flow_table::FlowTable, instance_table::name_of,
        loaded::loaded, page_head::PageHead, table::scrolls, task_table::waits_for, time::ago,
    },
    link,
    live::Live,
    model::{FailureGroup, FlowItem, Overview},
};

/// How many lines of the flow the overview shows.
const FLOW_LINES: usize = 10;

#[component]
pub fn OverviewPage() -> AnyView {
    let live = Live::expect();
    let read = Read::new(move || (live.messages(), live.instances(), live.tasks()), |_| call::get_overview());
    view! {
        <PageHead title="Overview"/>
        <div class="content">{loaded(read, move |overview| draw(overview, live))}</div>
    }
    .erased()
}

fn draw(overview: Overview, live: Live) -> AnyView {
    let flow = overview.flow.clone();
    let lines = Signal::derive(move || {
        let mut lines = live.flow_after(flow.clone());
        lines.truncate(FLOW_LINES);
        lines
    });
    view! {
        {figures(&overview)}
        <div class="split">
            {needs(&overview)}
            <section class="card" aria-labelledby="chart-title">
                <h2 id="chart-title">"Published and failed"<small>"last hour"</small></h2>
                {minute_chart(&overview.minutes)}
            </section>
        </div>
        {flow_card(lines)}
    }
    .erased()
}

fn flow_card(lines: Signal<Vec<FlowItem>>) -> impl IntoView {
    let table = move || {
        if lines.with(Vec::is_empty) {
            view! { <FirstMessage/> }.erased()
        } else {
            let label = "Live flow, newest first";
            scrolls(label, view! { <FlowTable lines=lines label=label/> }.erased())
        }
    };
    view! {
        <section class="card" aria-labelledby="flow-title">
            <h2 id="flow-title">"Live flow"<small><a href="/flow">"Open"</a></small></h2>
            {table}
        </section>
    }
}

fn figures(overview: &Overview) -> AnyView {
    let oldest =
        overview.oldest_pending_ms.map_or_else(|| "nothing waits".to_owned(), |ms| format!("oldest {}", duration(ms)));
    let rate = overview.published_per_s;
    let rate = if rate >= 10.0 || rate == 0.0 { grouped(rate.round() as u64) } else { format!("{rate:.1}") };
    let parked = match overview.parked {
        0 => "nothing parked".to_owned(),
        parked => format!("{} parked behind {}", grouped(parked), plural(overview.parked_keys, "key", "keys")),
    };
    let orphans = (overview.orphans > 0).then(|| {
        figure("Orphans", grouped(overview.orphans), "must be 0: please report it".to_owned(), "/instances", "bad")
    });
    let bad = |number: u64, class: &'static str| if number > 0 { class } else { "" };
    view! {
        <section class="card figures" aria-label="Figures">
            {figure("Pending", grouped(overview.pending), oldest, "/messages?state=pending", "")}
            {figure("Published", format!("{rate}/s"), plural(overview.messages_total, "message kept", "messages kept"), "/messages", "")}
            {figure("Dead letters", grouped(overview.dead), parked, "/failures", bad(overview.dead, "bad"))}
            {figure("Retrying", grouped(overview.retrying), "by themselves".to_owned(), "/messages?state=retrying", bad(overview.retrying, "warn"))}
            {figure("Running", grouped(overview.running), format!("{} waiting", grouped(overview.waiting)), "/instances", "")}
            {figure("Stuck", grouped(overview.stuck), "need an operator".to_owned(), "/instances?state=stuck", bad(overview.stuck, "stuck"))}
            {figure("Open tasks", grouped(overview.tasks_open), format!("{} overdue", grouped(overview.tasks_overdue)), "/tasks?view=all", bad(overview.tasks_overdue, "warn"))}
            {orphans}
        </section>
    }
    .erased()
}

fn figure(name: &'static str, number: String, below: String, href: &'static str, class: &'static str) -> AnyView {
    view! {
        <a class=format!("figure {class}") href=href>
            <span class="name">{name}</span>
            <b>{number}</b>
            <span class="below">{below}</span>
        </a>
    }
    .erased()
}

/// What waits for a person, worst first.
fn needs(overview: &Overview) -> AnyView {
    let failures = overview.failures.iter().map(failure_row);
    let stuck = overview.stuck_instances.iter().map(|instance| {
        let detail = instance.incident.clone().unwrap_or_else(|| instance.at.join(", "));
        need_row(
            toned("stuck", "stuck".to_owned()).erased(),
            instance.definition.clone(),
            name_of(instance),
            detail,
            ago(instance.updated_at).erased(),
            link::instance(instance.id),
        )
    });
    let tasks = overview.overdue_tasks.iter().map(|task| {
        let since = task.due_at.unwrap_or(task.created_at);
        need_row(
            toned("overdue", "overdue".to_owned()).erased(),
            task.title.clone(),
            task.definition.clone(),
            waits_for(task),
            ago(since).erased(),
            link::task(task.id),
        )
    });
    let rows: Vec<AnyView> = failures.chain(stuck).chain(tasks).collect();
    let content = if rows.is_empty() {
        view! { <p class="all-well">"Nothing needs you. Failures, stuck instances and overdue tasks appear here."</p> }
            .erased()
    } else {
        let table = view! {
            <table>
                <caption class="visually-hidden">"What needs somebody"</caption>
                <thead class="visually-hidden">
                    <tr><th scope="col">"Why"</th><th scope="col">"What"</th><th scope="col">"Since"</th></tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        };
        scrolls("What needs somebody", table.erased())
    };
    view! {
        <section class="card" aria-labelledby="needs-title">
            <h2 id="needs-title">"Needs you"</h2>
            {content}
        </section>
    }
    .erased()
}

fn failure_row(group: &FailureGroup) -> AnyView {
    let words = format!("{} {}", grouped(group.count), group.state);
    let what = format!("{} · {}", group.message_type, group.failure_class);
    need_row(
        toned(&group.state, words).erased(),
        group.destination.clone(),
        what,
        group.sample_error.clone(),
        ago(group.first_at).erased(),
        "/failures".to_owned(),
    )
}

fn need_row(why: AnyView, name: String, more: String, detail: String, since: AnyView, href: String) -> AnyView {
    view! {
        <tr class="row">
            <td>{why}</td>
            <td class="cut fills">
                <span class="more-below">
                    <span class="cut"><a class="cover" href=href><b>{name}</b></a>" · "{more}</span>
                    <small class="faint" title=detail.clone()>{detail.clone()}</small>
                </span>
            </td>
            <td class="faint num">{since}</td>
        </tr>
    }
    .erased()
}
