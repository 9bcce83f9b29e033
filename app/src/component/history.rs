//! The history of an instance, a row for each thing that came in: what was received, what changed, what was issued.

use crate::erased::Erase;
use leptos::prelude::*;

use super::{changes::changes, json::json_view, table::table, time::at_time};
use crate::model::HistoryItem;

/// What a fact of the history is about, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Received,
    Changed,
    Issued,
}

fn column(event: &str) -> Column {
    match event {
        "started" | "message_received" | "message_buffered" | "message_late" | "held" | "timer_fired"
        | "task_completed" | "retried" | "skipped" | "relocated" | "variables_set" | "abandoned" | "suspended"
        | "resumed" | "cancelled" | "restarted_from" | "restarted_as" => Column::Received,
        "command_sent" | "asked" | "undo_sent" | "called" | "child_given_up" | "parent_told" | "task_opened"
        | "task_escalated" | "timer_set" => Column::Issued,
        // `moved`, `wait_began`, `incident_raised`, `ended`, and whatever a newer server writes.
        _ => Column::Changed,
    }
}

/// Facts of one transaction: they have one instant, and the first is what came in.
fn rows(history: &[HistoryItem]) -> Vec<&[HistoryItem]> {
    history.chunk_by(|before, after| before.at == after.at && column(&after.event) != Column::Received).collect()
}

/// Oldest first.
pub fn history_table(history: &[HistoryItem]) -> AnyView {
    let rows = rows(history).into_iter().map(row).collect_view();
    let columns = [("#", ""), ("Time (UTC)", ""), ("Received", ""), ("Changed", ""), ("Issued", "")];
    let table = table("History, oldest first", &columns, rows.erased());
    view! { <div class="history">{table}</div> }.erased()
}

fn row(items: &[HistoryItem]) -> AnyView {
    let first = items.first().map(|item| (item.sequence, item.at));
    let cell = |wanted: Column| {
        let facts: Vec<_> = items.iter().filter(|item| column(&item.event) == wanted).map(fact).collect();
        view! { <td>{facts}</td> }
    };
    view! {
        <tr>
            <td class="mono faint">{first.map(|(sequence, _)| sequence)}</td>
            <td>{first.map(|(_, at)| at_time(at))}</td>
            {cell(Column::Received)}
            {cell(Column::Changed)}
            {cell(Column::Issued)}
        </tr>
    }
    .erased()
}

/// A sentence that opens to the whole fact; what it changed stands below in any case.
fn fact(item: &HistoryItem) -> AnyView {
    view! {
        <details class="fact">
            <summary><span>{item.title.clone()}</span></summary>
            <p class="mono faint">{format!("{} · {}", item.sequence, item.event)}</p>
            {json_view(&item.data, &format!("Fact {}", item.sequence))}
        </details>
        {changes(&item.changes)}
    }
    .erased()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn an_item(sequence: i64, second: i64, event: &str) -> HistoryItem {
        HistoryItem {
            sequence,
            at: chrono::DateTime::from_timestamp(second, 0).unwrap(),
            event: event.to_owned(),
            title: event.to_owned(),
            node: None,
            point: None,
            changes: Vec::new(),
            data: Value::Null,
        }
    }

    #[test]
    fn a_row_begins_with_what_came_in() {
        let history = [
            an_item(1, 1, "started"),
            an_item(2, 1, "moved"),
            an_item(3, 1, "command_sent"),
            an_item(4, 2, "message_received"),
            an_item(5, 2, "moved"),
            an_item(6, 2, "message_received"),
        ];
        let sizes: Vec<_> = rows(&history).into_iter().map(<[HistoryItem]>::len).collect();
        assert_eq!(sizes, [3, 2, 1]);
    }
}
