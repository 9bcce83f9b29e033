//! Messages as a table.

use crate::erased::Erase;
use leptos::prelude::*;

use super::{
    badge::{kind_badge, state_badge},
    table::table,
    time::{ago, at_second},
};
use crate::{link, model::MessageSummary};

pub fn message_table(messages: Vec<MessageSummary>, label: &str) -> AnyView {
    let rows = messages.into_iter().map(row).collect_view();
    let columns = [
        ("Created (UTC)", ""),
        ("Kind", "opt"),
        ("Type", ""),
        ("Aggregate", "opt"),
        ("Source", "opt"),
        ("State", ""),
        ("Last error", "opt"),
    ];
    table(label, &columns, rows.erased())
}

fn row(message: MessageSummary) -> AnyView {
    // One attempt is how it should be; it says something only while there is more to come.
    let worth_telling = message.attempts > 1 || message.attempts == 1 && message.state != "published";
    let attempts = worth_telling.then(|| {
        let words =
            if message.attempts == 1 { "1 attempt".to_owned() } else { format!("{} attempts", message.attempts) };
        let next = message.next_attempt_at.map(|at| view! { ", next "{ago(at)} });
        view! { <small class="faint opt">{words}{next}</small> }
    });
    let error = message.last_error.unwrap_or_default();
    let key = format!("{}/{}", message.aggregate_type, message.aggregate_id);
    view! {
        <tr class="row">
            <td>{at_second(message.created_at)}</td>
            <td class="opt">{kind_badge(&message.kind)}</td>
            <td class="mono"><a class="cover" href=link::message(message.id)>{message.message_type}</a></td>
            <td class="mono cut opt" title=key.clone()>{key.clone()}</td>
            <td class="opt">{message.source}</td>
            <td><span class="stack-row">{state_badge(&message.state)}{attempts}</span></td>
            <td class="opt cut fills error-text" title=error.clone()>{error.clone()}</td>
        </tr>
    }
    .erased()
}
