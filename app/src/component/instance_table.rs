//! Instances as a table.

use crate::erased::Erase;
use baton_domain::definition::DefinitionKind;
use leptos::prelude::*;

use super::{badge::state_badge, table::table, time::ago};
use crate::{form::humanised, link, model::InstanceSummary};

/// What an instance is called: its business key, else the beginning of its id.
pub fn name_of(instance: &InstanceSummary) -> String {
    instance.business_key.clone().unwrap_or_else(|| instance.id.simple().to_string().chars().take(12).collect())
}

pub fn instance_table(instances: Vec<InstanceSummary>, label: &str) -> AnyView {
    let rows = instances.into_iter().map(row).collect_view();
    let columns = [
        ("Instance", ""),
        ("State", ""),
        ("At", ""),
        ("Definition", "opt"),
        ("Started by", "opt"),
        ("Started", ""),
        ("Changed", "opt"),
    ];
    table(label, &columns, rows.erased())
}

/// The same in a narrow place: what it is, and how it stands.
pub fn instance_list(instances: Vec<InstanceSummary>) -> AnyView {
    let item = |instance: InstanceSummary| {
        let definition = format!("{} v{}", instance.definition, instance.version);
        view! {
            <li>
                <a href=link::instance(instance.id)>{name_of(&instance)}</a>
                <span class="faint">{definition}</span>
                {state_badge(&instance.state)}
            </li>
        }
    };
    view! { <ul class="link-list">{instances.into_iter().map(item).collect_view()}</ul> }.erased()
}

fn row(instance: InstanceSummary) -> AnyView {
    let at = instance.at.iter().map(|node| humanised(node)).collect::<Vec<_>>().join(", ");
    let at = if at.is_empty() { "—".to_owned() } else { at };
    let incident = instance.incident.clone().map(|incident| view! { <small class="error-text">{incident}</small> });
    let saga = if instance.kind == DefinitionKind::Saga { ", saga" } else { "" };
    view! {
        <tr class="row">
            <td><a class="cover" href=link::instance(instance.id)>{name_of(&instance)}</a></td>
            <td>{state_badge(&instance.state)}</td>
            <td><span class="stack">{at}{incident}</span></td>
            <td class="opt">{instance.definition}" "<span class="faint">{format!("v{}{saga}", instance.version)}</span></td>
            <td class="opt">{instance.started_by}</td>
            <td>{ago(instance.created_at)}</td>
            <td class="opt">{ago(instance.updated_at)}</td>
        </tr>
    }
    .erased()
}
