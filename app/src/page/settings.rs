//! Settings: what runs here, what is kept for how long, the look, who did what, and the way out.

use crate::{erased::Erase, read::Read};
use leptos::prelude::*;

use crate::{
    call,
    clock::Clock,
    component::{
        badge::toned,
        empty::Empty,
        housekeeping::housekeeping_card,
        loaded::loaded,
        page_head::PageHead,
        size::bytes,
        table::table,
        theme::ThemeChoice,
        time::{ago, at_full},
    },
    model::{About, AuditEntry, BusCondition, LogCondition, NodeView},
    port::Actor,
};

#[component]
pub fn SettingsPage() -> AnyView {
    let about = Read::new(|| (), |()| call::get_about());
    let audit = Read::new(|| (), |()| call::get_audit(None));
    let clock = Clock::expect();
    let nodes = Read::new(move || clock.tick(), |_| call::get_nodes());
    let housekeeping = Read::new(move || clock.tick(), |_| call::get_housekeeping());
    let actor = Read::new(|| (), |()| call::whoami());
    view! {
        <PageHead title="Settings"/>
        <div class="content">
            <div class="split">
                <section class="card" aria-labelledby="you-title">
                    <h2 id="you-title">"You"</h2>
                    <div class="pad stacked">
                        {loaded(actor, you)}
                        <ThemeChoice/>
                    </div>
                </section>
                {loaded(about, draw_about)}
            </div>
            {loaded(nodes, draw_nodes)}
            {loaded(housekeeping, housekeeping_card)}
            {loaded(about, draw_settings)}
            {loaded(audit, draw_audit)}
        </div>
    }
    .erased()
}

fn you(actor: Actor) -> AnyView {
    view! {
        <form class="inline-form" method="post" action="/sign-out">
            <p>"Signed in as "<b>{actor.name}</b></p>
            <button type="submit" class="btn">"Sign out"</button>
        </form>
    }
    .erased()
}

fn draw_about(about: About) -> AnyView {
    let bus = match about.bus_condition {
        None => about.bus,
        Some(BusCondition { connected: true, .. }) => about.bus + ", connected",
        Some(BusCondition { error, .. }) => {
            about.bus + ", not connected. " + error.as_deref().unwrap_or("It was not tried yet.")
        }
    };
    let log = about.log.map(|log| view! { <div><dt>"Log"</dt><dd>{log_line(&log)}</dd></div> });
    let fact = |name: &'static str, value: String| view! { <div><dt>{name}</dt><dd>{value}</dd></div> };
    view! {
        <section class="card" aria-labelledby="about-title">
            <h2 id="about-title">"About"</h2>
            <dl class="facts">
                {fact("Version", about.version)}
                {fact("Store", about.store)}
                {fact("Bus", bus)}
                {log}
                {fact("Node", about.node)}
                <div><dt>"API"</dt><dd><a href="/api/openapi.json" rel="external">"OpenAPI description"</a></dd></div>
            </dl>
        </section>
    }
    .erased()
}

/// How the relay reads the database's log, in a line.
fn log_line(log: &LogCondition) -> String {
    let lag = format!("{} behind, {} kept", bytes(log.lag_bytes), bytes(log.retained_bytes));
    let alarm = if log.behind { ". This is further than it should be" } else { "" };
    match log {
        LogCondition { reading: true, .. } => format!("read by this node, {lag}{alarm}"),
        LogCondition { read_by_another: true, .. } => format!("read by another node, {lag}{alarm}"),
        LogCondition { wanted: false, .. } => {
            format!("kept for nobody ({}): `baton log drop` gives it up", bytes(log.retained_bytes))
        }
        LogCondition { error: Some(error), .. } => format!("not read; the outbox is read instead. {error}"),
        LogCondition { .. } => "not read yet".to_owned(),
    }
}

fn draw_nodes(nodes: Vec<NodeView>) -> AnyView {
    let row = |node: NodeView| {
        let here = node.here.then(|| view! { <small class="faint">"this one"</small> });
        let state = match node.alive {
            true => toned("completed", "alive".to_owned()).erased(),
            false => toned("failed", "silent".to_owned()).erased(),
        };
        let lease = if node.alive { "runs out" } else { "ran out" };
        view! {
            <tr>
                <td><span class="stack">{node.name}{here}</span></td>
                <td>{state}</td>
                <td class="num">{node.lanes}</td>
                <td>{ago(node.started_at)}</td>
                <td class="opt">{lease}" "{ago(node.expires_at)}</td>
                <td class="mono faint opt">{node.id.to_string()}</td>
            </tr>
        }
    };
    let rows = nodes.into_iter().map(row).collect_view();
    let columns =
        [("Node", ""), ("State", ""), ("Lanes of 64", "num"), ("Started", ""), ("Lease", "opt"), ("Id", "opt")];
    let table = table("Nodes", &columns, rows.erased());
    view! { <section class="card" aria-labelledby="nodes-title"><h2 id="nodes-title">"Nodes"</h2>{table}</section> }
        .erased()
}

fn draw_settings(about: About) -> AnyView {
    let rows = about
        .settings
        .into_iter()
        .map(|(name, value, origin)| {
            view! { <tr><td class="mono">{name}</td><td class="mono value">{value}</td><td class="faint">{origin}</td></tr> }
        })
        .collect_view();
    let table = table("Settings in force", &[("Setting", ""), ("Value", ""), ("From", "")], rows.erased());
    view! { <section class="card" aria-labelledby="settings-title"><h2 id="settings-title">"Settings in force"</h2>{table}</section> }
        .erased()
}

fn draw_audit(entries: Vec<AuditEntry>) -> AnyView {
    let content = if entries.is_empty() {
        view! { <Empty title="Nothing yet" text="Every repair, operation and change of a definition or destination is written down here, with who did it and why."/> }.erased()
    } else {
        let rows = entries
            .into_iter()
            .map(|entry| {
                view! {
                    <tr>
                        <td>{at_full(entry.at)}</td>
                        <td>{entry.actor}</td>
                        <td>{entry.action}</td>
                        <td class="mono cut">{entry.subject}</td>
                        <td class="wrap">{entry.reason}</td>
                    </tr>
                }
            })
            .collect_view();
        let columns = [("Time (UTC)", ""), ("Who", ""), ("What", ""), ("Of", ""), ("Reason", "")];
        table("Audit, newest first", &columns, rows.erased())
    };
    view! { <section class="card" aria-labelledby="audit-title"><h2 id="audit-title">"Audit"</h2>{content}</section> }
        .erased()
}
