//! Lines of the live flow.

use leptos::prelude::*;

use super::{
    badge::{kind_badge, state_badge},
    time::at_time,
};
use crate::{clock::duration, link, model::FlowItem};

/// `lines` newest first; `label` is the caption.
#[component]
pub fn FlowTable(#[prop(into)] lines: Signal<Vec<FlowItem>>, #[prop(into)] label: String) -> impl IntoView {
    view! {
        <table class="flow">
            <caption class="visually-hidden">{label}</caption>
            <thead>
                <tr>
                    <th scope="col">"Time (UTC)"</th>
                    <th scope="col" class="opt">"Kind"</th>
                    <th scope="col">"Type"</th>
                    <th scope="col" class="opt">"Aggregate"</th>
                    <th scope="col" class="opt">"From → to"</th>
                    <th scope="col">"State"</th>
                    <th scope="col" class="opt num">"Took"</th>
                </tr>
            </thead>
            <tbody>
                // A line whose state changed is another line at the same place.
                <For each=move || lines.get() key=|line| (line.id, line.state.clone(), line.to.clone()) children=row/>
            </tbody>
        </table>
    }
}

fn row(line: FlowItem) -> impl IntoView {
    let href = match &line.correlation_id {
        Some(correlation_id) => link::conversation(correlation_id),
        None => link::message(line.id),
    };
    let to = if line.to.is_empty() { "…".to_owned() } else { line.to.join(", ") };
    let way = format!("{} → {to}", line.source);
    let took = line.took_ms.map_or_else(|| "—".to_owned(), duration);
    view! {
        <tr class="row">
            <td>{at_time(line.at)}</td>
            <td class="opt">{kind_badge(&line.kind)}</td>
            <td class="mono"><a class="cover" href=href>{line.message_type}</a></td>
            <td class="mono cut opt" title=format!("{}/{}", line.aggregate_type, line.aggregate_id)>
                {format!("{}/{}", line.aggregate_type, line.aggregate_id)}
            </td>
            <td class="opt cut" title=way.clone()>{way.clone()}</td>
            <td>{state_badge(&line.state)}</td>
            <td class="opt num">{took}</td>
        </tr>
    }
}
