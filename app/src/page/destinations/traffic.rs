//! The table of how it goes: state, lag, rate and failures of the bus and of each destination.

use leptos::prelude::*;

use crate::{
    clock::grouped,
    component::{
        badge::{state_badge, toned},
        table::table,
        time::past,
    },
    erased::Erase,
    link,
    model::{BreakerState, BusCondition, BusView, Destination, Instant, Traffic},
};

pub fn traffic_table(bus: &BusView, destinations: &[Destination]) -> AnyView {
    let of_bus = row(
        view! { <span class="stack"><b>"bus"</b><small class="faint">{bus.bus.clone()}</small></span> }.erased(),
        bus_state(bus.condition.as_ref()),
        "bus",
        bus.oldest_open_at,
        &bus.traffic,
        [bus.queued, bus.retrying, bus.parked, bus.dead],
    );
    let rows = destinations.iter().map(|destination| {
        let href = format!("#destination-{}", destination.name);
        row(
            view! { <a href=href rel="external">{destination.name.clone()}</a> }.erased(),
            destination_state(destination),
            &destination.name,
            destination.oldest_open_at,
            &destination.traffic,
            [destination.queued, destination.retrying, destination.parked, destination.dead],
        )
    });
    let rows = std::iter::once(of_bus).chain(rows).collect_view();
    let columns = [
        ("Destination", ""),
        ("State", ""),
        ("Oldest open", ""),
        ("Delivered / min", "num"),
        ("Delivered / h", "num opt"),
        ("Failed / h", "num"),
        ("Open", "num"),
    ];
    let table = table("Traffic", &columns, rows.erased());
    view! { <section class="card" aria-labelledby="traffic-title"><h2 id="traffic-title">"Traffic"</h2>{table}</section> }
        .erased()
}

fn row(
    name: AnyView,
    state: AnyView,
    destination: &str,
    oldest: Option<Instant>,
    traffic: &Traffic,
    open: [u64; 4],
) -> AnyView {
    let open: u64 = open.iter().sum();
    let failed = traffic.failed_last_hour;
    let failures = link::link("/failures", &[]);
    let messages = link::link("/messages", &[("destination", destination)]);
    let oldest = match oldest {
        Some(at) => past(at).erased(),
        None => "—".erased(),
    };
    view! {
        <tr>
            <td>{name}</td>
            <td class="wrap state">{state}</td>
            <td>{oldest}</td>
            <td class="num">{grouped(traffic.delivered_per_min)}</td>
            <td class="num opt">{grouped(traffic.delivered_last_hour)}</td>
            <td class="num">{if failed > 0 { view! { <a class="bad" href=failures>{grouped(failed)}</a> }.erased() } else { "0".erased() }}</td>
            <td class="num">{if open > 0 { view! { <a href=messages>{grouped(open)}</a> }.erased() } else { "0".erased() }}</td>
        </tr>
    }
    .erased()
}

fn bus_state(condition: Option<&BusCondition>) -> AnyView {
    let Some(condition) = condition else { return toned("live", "in this process".to_owned()).erased() };
    let since = condition.since.map(|at| view! { <small class="faint">"since "{past(at)}</small> });
    let error = |words: &'static str| {
        let at = condition.error_at;
        let when = at.map(|at| view! { " "{past(at)} });
        condition.error.clone().map(|error| view! { <small class="faint">{words}{error}{when}</small> })
    };
    if condition.connected {
        view! { <span class="stack"><span class="stack-row">{toned("live", "connected".to_owned())}{since}</span>{error("Last error: ")}</span> }
            .erased()
    } else if condition.since.is_none() {
        toned("waiting", "not tried yet".to_owned()).erased()
    } else {
        view! { <span class="stack"><span class="stack-row">{toned("dead", "away".to_owned())}{since}</span>{error("")}</span> }
            .erased()
    }
}

/// What holds it up most comes first.
pub fn destination_state(destination: &Destination) -> AnyView {
    let breaker = match destination.breaker.state {
        BreakerState::Open => Some(toned("dead", "breaker open".to_owned()).erased()),
        BreakerState::HalfOpen => Some(toned("retrying", "trying one".to_owned()).erased()),
        BreakerState::Closed | BreakerState::Off => None,
    };
    let paused = destination.paused.then(|| state_badge("paused").erased());
    let blocked = destination.blocked.then(|| toned("stuck", "blocked".to_owned()).erased());
    let all: Vec<AnyView> = [paused, breaker, blocked].into_iter().flatten().collect();
    if all.is_empty() {
        return toned("live", "sending".to_owned()).erased();
    }
    view! { <span class="chips">{all}</span> }.erased()
}
