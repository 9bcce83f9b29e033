//! One instance: where it stands, how it got there, and what an operator can do about it.

use crate::{erased::Erase, read::Read};
use baton_domain::definition::DefinitionKind;
use leptos::prelude::*;

use super::{id_of, parameter, segment, some};
use crate::{
    call,
    clock::grouped,
    component::{
        badge::state_badge,
        code::CopyButton,
        compensation::compensation,
        diagram::{Journey, diagram_view},
        history::history_table,
        instance_table::{instance_list, name_of},
        json::{json_view, pretty},
        loaded::loaded,
        operate::{self, Operating},
        page_head::PageHead,
        saga_steps::saga_steps,
        scenario_made::{Making, scenario_button, scenario_refused},
        scrubber::{self, GoTo},
        task_table::task_list,
        time::{ago, at_full},
        tree::conversation_tree,
    },
    form::{self, humanised},
    link,
    live::Live,
    model::{IncidentView, InstanceDetail, OriginView},
    port::{Answer, AppError},
};

#[component]
pub fn InstancePage() -> impl IntoView {
    let live = Live::expect();
    let id = segment("id");
    let operating = Operating::idle();
    let making = Making::new();
    let at = parameter("at");
    let read = Read::new(
        move || ((id.get(), at.get()), live.instances(), live.messages(), live.tasks(), operating.answered()),
        |((id, at), .., answered)| async move {
            let instance = call::get_instance(id_of(&id, "instance")?, moment(&at)?).await?;
            Ok(instance.beside(answered))
        },
    );
    operate::close_dialogs(operating);
    let go_to = scrubber::go_to();
    loaded(read, move |(instance, answered)| {
        operating.draws(answered);
        draw(instance, (operating, making), at, go_to)
    })
}

fn moment(at: &str) -> Answer<Option<u64>> {
    let number =
        some(at.to_owned()).map(|at| at.parse().map_err(|_| AppError::NotFound(format!("There is no fact “{at}”."))));
    number.transpose()
}

fn draw(instance: InstanceDetail, (operating, making): (Operating, Making), at: Memo<String>, go_to: GoTo) -> AnyView {
    let summary = instance.summary.clone();
    let crumbs = vec![
        ("Instances".to_owned(), "/instances".to_owned()),
        (
            format!("{} v{}", summary.definition, summary.version),
            link::link(
                &link::definition(summary.kind, &summary.definition),
                &[("version", &summary.version.to_string())],
            ),
        ),
    ];
    let state = summary.state.clone();
    let journey = Journey { progress: instance.progress.clone(), walked: instance.walked.clone() };
    let diagram = instance.diagram.as_ref().map(|diagram| {
        view! {
            <section class="card" aria-labelledby="diagram-title">
                <h2 id="diagram-title">{if instance.past.is_some() { "Where it stood" } else { "Where it stands" }}<small>{legend()}</small></h2>
                {diagram_view(diagram, &summary.definition, Some(&journey))}
            </section>
        }
    });
    let made = scenario_button(&instance, making);
    let scrubber = scrubber::scrubber(&instance, at, go_to);
    let buttons = operate::buttons(&instance, operating);
    // A saga starts by itself, so nobody starts another one.
    let again = (summary.kind == DefinitionKind::Process)
        .then(|| view! { <a class="btn quiet" href=again(&instance)>"Start like this one"</a> });
    view! {
        <PageHead title=name_of(&summary) crumbs=crumbs beside=move || state_badge(&state)>
            {buttons}
            {again}
            {made}
        </PageHead>
        <div class="content">
            <div role="status">{move || operating.refused()}</div>
            {scenario_refused(making)}
            {successor(&instance)}
            {incidents(&instance.incidents)}
            {diagram}
            {saga_steps(&instance.steps)}
            <section class="card" aria-label="Time">{scrubber}</section>
            <div class="split wide-left">
                <div class="stacked">
                    {history(&instance)}
                    {messages(&instance)}
                </div>
                <div class="stacked">
                    {facts(&instance)}
                    {tasks(&instance)}
                    {compensation(&instance)}
                    {children(&instance)}
                    {values("Variables", "variables", &instance.variables)}
                    {values("Input", "input", &instance.input)}
                </div>
            </div>
        </div>
        {operate::dialogs(&instance, operating)}
    }
    .erased()
}

fn legend() -> AnyView {
    view! { <span class="legend"><i class="done"></i>"done"<i class="now"></i>"under way"<i class="failed"></i>"failed"<i class="ahead"></i>"ahead"</span> }.erased()
}

fn incidents(incidents: &[IncidentView]) -> Option<AnyView> {
    let item = |incident: &IncidentView| {
        let item = incident.index.map(|index| format!(", item {}", index + 1));
        view! {
            <div class="incident" role="alert">
                <p><b>"Stuck at "{humanised(&incident.node)}{item}": "</b>{incident.reason.clone()}" "<small>{ago(incident.at)}</small></p>
                <p>{incident.advice.clone()}</p>
                <details><summary>"The data then"</summary><pre class="json">{incident.data.clone()}</pre></details>
            </div>
        }
    };
    (!incidents.is_empty()).then(|| incidents.iter().map(item).collect_view().erased())
}

/// The start form with this instance's input in it.
fn again(instance: &InstanceDetail) -> String {
    let texts = form::texts_of(&instance.input);
    let named: Vec<(String, String)> =
        texts.into_iter().map(|(name, text)| (format!("fields[{name}]"), text)).collect();
    let params: Vec<(&str, &str)> = named.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    link::link(&format!("{}/start", link::process(&instance.summary.definition)), &params)
}

/// Who goes on in its place.
fn successor(instance: &InstanceDetail) -> Option<AnyView> {
    let id = instance.restarted_as?;
    let other = other(instance, id, link::instance(id));
    Some(view! { <p class="notice">"Restarted as "{other}", which goes on in its place."</p> }.erased())
}

/// Another instance, by its page at `href` if it is still kept.
fn other(instance: &InstanceDetail, id: uuid::Uuid, href: String) -> AnyView {
    if instance.gone.contains(&id) {
        return view! { <span class="mono">{short(id)}</span>" "<small class="faint">"no longer kept"</small> }
            .erased();
    }
    view! { <a class="mono" href=href>{short(id)}</a> }.erased()
}

fn short(id: uuid::Uuid) -> String {
    id.simple().to_string().chars().take(12).collect()
}

fn facts(instance: &InstanceDetail) -> AnyView {
    let summary = &instance.summary;
    let fact = |name: &'static str, value: AnyView| view! { <div><dt>{name}</dt><dd>{value}</dd></div> };
    let ended = summary
        .ended_at
        .map(|at| fact("Ended", view! { {at_full(at)}<small class="faint">{ago(at)}</small> }.erased()));
    let key = summary.business_key.clone().map(|key| fact("Business key", view! { {key} }.erased()));
    let at = summary.at.iter().map(|node| humanised(node)).collect::<Vec<_>>().join(", ");
    let at = (!at.is_empty()).then(|| fact("Stands at", view! { {at} }.erased()));
    let parent = summary.parent.map(|parent| fact("Called by", other(instance, parent, link::instance(parent))));
    let origin = instance.restarted_from.map(|OriginView { instance: id, at }| {
        let href = link::link(&link::instance(id), &[("at", &at.to_string())]);
        let place = format!(" at fact {at}");
        // The page of another instance at another moment: two things of the URL change at once, so it is loaded whole.
        let origin = match instance.gone.contains(&id) {
            true => other(instance, id, href),
            false => view! { <a class="mono" href=href rel="external">{short(id)}</a> }.erased(),
        };
        fact("Restarted from", view! { {origin}{place} }.erased())
    });
    let successor = instance.restarted_as.map(|id| fact("Restarted as", other(instance, id, link::instance(id))));
    let conversation = link::conversation(&summary.id.to_string());
    view! {
        <section class="card" aria-labelledby="facts-title">
            <h2 id="facts-title">"Instance"</h2>
            <dl class="facts">
                {fact("Id", view! { <span class="mono">{summary.id.to_string()}</span> }.erased())}
                {key}
                {at}
                {parent}
                {origin}
                {successor}
                {fact("Started by", view! { {summary.started_by.clone()} }.erased())}
                {fact("Started", view! { {at_full(summary.created_at)}<small class="faint">{ago(summary.created_at)}</small> }.erased())}
                {fact("Changed", view! { {at_full(summary.updated_at)}<small class="faint">{ago(summary.updated_at)}</small> }.erased())}
                {ended}
                {fact("Conversation", view! { <a href=conversation>"Tree and sequence"</a> }.erased())}
            </dl>
        </section>
    }
    .erased()
}

fn history(instance: &InstanceDetail) -> AnyView {
    let first = instance.history.first().map_or(1, |fact| fact.sequence.unsigned_abs());
    let left_out = first.checked_sub(1).filter(|count| *count > 0);
    view! {
        <section class="card" aria-labelledby="history-title">
            <h2 id="history-title">"History"<small>{format!("{} facts", grouped(instance.recorded))}</small></h2>
            {left_out.map(|count| view! { <p class="faint pad">{format!("The first {} are left out. Move the slider to see one of them.", grouped(count))}</p> })}
            {history_table(&instance.history)}
        </section>
    }
    .erased()
}

fn messages(instance: &InstanceDetail) -> AnyView {
    let content = if instance.messages.is_empty() {
        view! { <p class="faint pad">"None yet."</p> }.erased()
    } else {
        conversation_tree(&instance.messages, None)
    };
    view! { <section class="card" aria-labelledby="messages-title"><h2 id="messages-title">"Messages"</h2>{content}</section> }.erased()
}

fn tasks(instance: &InstanceDetail) -> Option<AnyView> {
    if instance.tasks.is_empty() {
        return None;
    }
    let list = task_list(instance.tasks.clone());
    Some(
        view! { <section class="card" aria-labelledby="tasks-title"><h2 id="tasks-title">"Tasks"</h2>{list}</section> }
            .erased(),
    )
}

fn children(instance: &InstanceDetail) -> Option<AnyView> {
    if instance.children.is_empty() {
        return None;
    }
    let all = link::link("/instances", &[("parent", &instance.summary.id.to_string())]);
    let list = instance_list(instance.children.clone());
    let view = view! {
        <section class="card" aria-labelledby="children-title">
            <h2 id="children-title">"Called from here"<small><a href=all>"All"</a></small></h2>
            {list}
        </section>
    };
    Some(view.erased())
}

fn values(title: &'static str, id: &'static str, value: &serde_json::Value) -> AnyView {
    let heading = format!("{id}-title");
    view! {
        <section class="card" aria-labelledby=heading>
            <h2 id=heading.clone()>{title}<small><CopyButton text=pretty(value) label=format!("Copy {id}")/></small></h2>
            {json_view(value, title)}
        </section>
    }
    .erased()
}
