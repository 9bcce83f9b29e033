//! The history on a line: a tick for each fact, long waits folded.

use crate::erased::Erase;
use leptos::prelude::*;

use crate::{
    clock::duration,
    component::time::in_full,
    model::{HistoryItem, Instant},
};

const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 30.0;
/// Space between facts of one instant.
const TICK: f64 = 6.0;
/// A wait longer than this is folded: it says how long it was.
const IDLE_MS: i64 = 60_000;

/// A wait between two instants, in units of the line; a folded one takes three.
fn weight(gap_ms: i64) -> f64 {
    if gap_ms > IDLE_MS { 3.0 } else { 1.0 }
}

/// Where each instant stands (0 to `width`), and the folded waits: from, to, how long.
fn places(instants: &[(Instant, usize)], width: f64) -> (Vec<f64>, Vec<(f64, f64, i64)>) {
    let gaps: Vec<i64> = instants.windows(2).map(|pair| (pair[1].0 - pair[0].0).num_milliseconds()).collect();
    let ticks: f64 = instants.iter().map(|(_, facts)| *facts as f64 * TICK).sum();
    let total: f64 = gaps.iter().map(|gap| weight(*gap)).sum();
    let unit = ((width - ticks) / total.max(1.0)).clamp(0.0, 110.0);
    let (mut x, mut places, mut folded) = (0.0, Vec::new(), Vec::new());
    for (index, (_, facts)) in instants.iter().enumerate() {
        places.push(x);
        x += *facts as f64 * TICK;
        if let Some(gap) = gaps.get(index) {
            let end = x + weight(*gap) * unit;
            if *gap > IDLE_MS {
                folded.push((x, end, *gap));
            }
            x = end;
        }
    }
    (places, folded)
}

/// Oldest first. What came after the fact `at` is pale.
pub fn timeline(history: &[HistoryItem], at: Option<i64>) -> Option<AnyView> {
    let (first, last) = history.first().zip(history.last())?;
    let moments: Vec<&[HistoryItem]> = history.chunk_by(|before, after| before.at == after.at).collect();
    let instants: Vec<_> = moments.iter().map(|moment| (moment[0].at, moment.len())).collect();
    let (places, folded) = places(&instants, WIDTH - 20.0);
    let folded = folded.into_iter().map(|(from, to, gap_ms)| {
        let middle = (from + to) / 2.0;
        view! {
            <rect class="idle" x=number(from + 2.0) y="7" width=number((to - from - 6.0).max(1.0)) height=number(HEIGHT - 14.0) rx="4"/>
            {(to - from > 70.0).then(|| view! { <text x=number(middle) y=number(HEIGHT / 2.0 + 3.5)>{duration(gap_ms)}</text> })}
        }
    });
    let ticks = moments.iter().zip(places).flat_map(|(moment, x)| {
        moment.iter().enumerate().map(move |(index, item)| {
            let title = format!("{} {}: {}", item.sequence, in_full(item.at), item.title);
            let later = if at.is_some_and(|at| item.sequence > at) { " later" } else { "" };
            view! {
                <rect class=format!("tick {}{later}", tone(&item.event)) x=number(x + index as f64 * TICK) y="3" width="3" height=number(HEIGHT - 6.0) rx="1.5">
                    <title>{title}</title>
                </rect>
            }
        })
    });
    let took = duration((last.at - first.at).num_milliseconds());
    let label = format!("Timeline: {} facts in {took}", history.len());
    let view = view! {
        <svg class="timeline" viewBox=format!("-10 0 {WIDTH} {HEIGHT}") role="img" aria-label=label>
            {folded.collect_view()}
            {ticks.collect_view()}
        </svg>
    };
    Some(view.erased())
}

/// The colour of a fact.
fn tone(event: &str) -> &'static str {
    match event {
        "message_received" | "message_buffered" | "message_late" | "held" => "event",
        "command_sent" | "asked" | "undo_sent" | "called" | "child_given_up" | "parent_told" => "command",
        "task_opened" | "task_escalated" | "task_completed" | "timer_set" | "timer_fired" => "human",
        "incident_raised" | "cancelled" => "bad",
        "ended" => "ok",
        _ => "plain",
    }
}

fn number(coordinate: f64) -> String {
    format!("{coordinate:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Instant {
        chrono::DateTime::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn long_waits_are_folded_and_everything_fits() {
        let (places, folded) = places(&[(at(0), 3), (at(1), 2), (at(6_481), 1)], 200.0);
        assert_eq!(places.len(), 3);
        assert_eq!(folded.iter().map(|(_, _, gap)| *gap).collect::<Vec<_>>(), [6_480_000]);
        assert!(places[2] + TICK <= 200.0 + f64::EPSILON, "{places:?}");
        assert!(
            folded[0].1 - folded[0].0 > places[1] - places[0] - 3.0 * TICK,
            "a folded wait is wider than a short one"
        );
    }
}
