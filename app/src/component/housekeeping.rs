//! What is kept for how long, what went in the last round, and how large the tables are.

use leptos::prelude::*;

use super::{
    size::bytes,
    table::table,
    time::{ago, past},
};
use crate::{
    erased::Erase,
    model::{CleaningRound, Housekeeping, Kept, TableView},
    page::plural,
};

const DAY_S: u64 = 24 * 3_600;

pub fn housekeeping_card(housekeeping: Housekeeping) -> AnyView {
    let kept = housekeeping.kept.iter().map(kept_fact).collect_view();
    let last = housekeeping.last.map_or_else(
        || view! { <div><dt>"Last round"</dt><dd>"None by this node yet"</dd></div> }.erased(),
        round_facts,
    );
    let tables = (!housekeeping.tables.is_empty()).then(|| tables(housekeeping.tables));
    view! {
        <section class="card" aria-labelledby="housekeeping-title">
            <h2 id="housekeeping-title">"Housekeeping"</h2>
            <dl class="facts">{kept}{last}</dl>
            {tables}
        </section>
    }
    .erased()
}

fn kept_fact(kept: &Kept) -> AnyView {
    let what = match kept.what.as_str() {
        "messages" => "Published messages",
        "attempts" => "Attempts",
        "inbox" => "What was taken in",
        "instances" => "Ended instances",
        "audit" => "Audit",
        other => other,
    };
    view! { <div><dt>{what.to_owned()}</dt><dd>{span(kept.seconds)}</dd></div> }.erased()
}

fn span(seconds: Option<u64>) -> String {
    match seconds {
        None => "kept for ever".to_owned(),
        Some(seconds) if seconds % DAY_S == 0 => format!("kept for {}", plural(seconds / DAY_S, "day", "days")),
        Some(seconds) => format!("kept for {}", plural(seconds, "second", "seconds")),
    }
}

fn round_facts(round: CleaningRound) -> AnyView {
    let errors = round.errors.iter().map(|error| view! { <p class="error-text">{error.clone()}</p> }).collect_view();
    view! {
        <div><dt>"Last round"</dt><dd>{past(round.began_at)}": "{removed(&round)}{errors}</dd></div>
        <div><dt>"Next round"</dt><dd>{ago(round.next_at)}</dd></div>
    }
    .erased()
}

/// `500 messages, 3 instances and 1 month of the audit went`.
fn removed(round: &CleaningRound) -> String {
    let word = |what: &str| match what {
        "messages" => ("message", "messages"),
        "attempts" => ("attempt", "attempts"),
        "inbox" => ("entry of the inbox", "entries of the inbox"),
        "instances" => ("instance", "instances"),
        "audit" => ("entry of the audit", "entries of the audit"),
        "batches" => ("operation on many", "operations on many"),
        "types" => ("message type", "message types"),
        "minutes" => ("minute of the charts", "minutes of the charts"),
        _ => ("expired session or token", "expired sessions or tokens"),
    };
    let counted = round.removed.iter().filter(|(_, rows)| **rows > 0).map(|(what, rows)| {
        let (one, many) = word(what);
        plural(*rows, one, many)
    });
    let months = (round.partitions_dropped > 0)
        .then(|| plural(round.partitions_dropped, "month of the audit", "months of the audit"));
    let parts: Vec<String> = counted.chain(months).collect();
    match parts.as_slice() {
        [] => "nothing was old enough".to_owned(),
        [one] => format!("{one} went"),
        [first @ .., last] => format!("{} and {last} went", first.join(", ")),
    }
}

fn tables(tables: Vec<TableView>) -> AnyView {
    let number = |count: Option<u64>| count.map_or_else(|| "—".to_owned(), |count| count.to_string());
    let rows = tables
        .into_iter()
        .map(|it| {
            view! {
                <tr>
                    <td class="mono">{it.name}</td>
                    <td class="num">{bytes(it.bytes)}</td>
                    <td class="num">{number(it.rows)}</td>
                    <td class="num opt">{number(it.dead)}</td>
                </tr>
            }
        })
        .collect_view();
    let columns = [("Table", ""), ("Size", "num"), ("Rows, about", "num"), ("Dead rows", "num opt")];
    table("The largest tables", &columns, rows.erased())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(removed: &[(&str, u64)], partitions_dropped: u64) -> CleaningRound {
        let at = crate::model::Instant::from_timestamp(0, 0).unwrap();
        CleaningRound {
            began_at: at,
            took_ms: 3,
            removed: removed.iter().map(|(what, rows)| ((*what).to_owned(), *rows)).collect(),
            partitions_dropped,
            errors: Vec::new(),
            next_at: at,
        }
    }

    #[test]
    fn what_went_is_said_in_a_sentence() {
        assert_eq!(removed(&round(&[], 0)), "nothing was old enough");
        assert_eq!(removed(&round(&[("messages", 1), ("audit", 0)], 0)), "1 message went");
        assert_eq!(
            removed(&round(&[("instances", 3), ("messages", 500)], 1)),
            "3 instances, 500 messages and 1 month of the audit went"
        );
    }

    #[test]
    fn spans_are_told_in_days_where_they_are_days() {
        assert_eq!(span(None), "kept for ever");
        assert_eq!(span(Some(30 * DAY_S)), "kept for 30 days");
        assert_eq!(span(Some(45)), "kept for 45 seconds");
    }
}
