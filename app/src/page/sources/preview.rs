//! What a source would bring: rows as they stand there, and as messages.

use baton_domain::diagnostic::Diagnostic;
use leptos::prelude::*;
use serde_json::Value;

use crate::{
    component::table::table,
    erased::Erase,
    model::{SourcePreview, SourceRow},
};

pub fn preview_table(preview: SourcePreview) -> AnyView {
    if preview.rows.is_empty() {
        return view! { <p class="faint pad">"The table has no rows that would be taken in now. What comes later is."</p> }.erased();
    }
    let rows = preview.rows.into_iter().map(row).collect_view();
    let columns = [("Row", ""), ("Type", ""), ("Aggregate", ""), ("Payload", "")];
    table("Live rows as messages", &columns, rows.erased())
}

fn row(row: SourceRow) -> AnyView {
    let text = |message: &Value, field: &str| message[field].as_str().unwrap_or_default().to_owned();
    let Some(message) = row.message else {
        return view! {
            <tr>
                <td class="mono">{row.place}</td>
                <td class="wrap" colspan="3">
                    <span class="stack">
                        <span class="bad">{row.problem.unwrap_or_default()}</span>
                        <small class="faint">"It would stand among the failures, and hold up nobody."</small>
                    </span>
                </td>
            </tr>
        }
        .erased();
    };
    let aggregate = format!("{} {}", text(&message, "aggregate_type"), text(&message, "aggregate_id"));
    let payload: String = message["payload"].to_string().chars().take(300).collect();
    view! {
        <tr>
            <td class="mono">{row.place}</td>
            <td><b>{text(&message, "type")}</b></td>
            <td>{aggregate}</td>
            <td class="mono wrap">{payload}</td>
        </tr>
    }
    .erased()
}

/// Findings, those of one field or those of none that is shown.
pub fn findings(found: impl Iterator<Item = Diagnostic>) -> AnyView {
    found
        .map(|one| {
            let class = if one.is_error() { "refusal" } else { "caution" };
            view! { <p class=class>{one.message}</p> }
        })
        .collect_view()
        .erased()
}
