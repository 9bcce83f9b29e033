//! Instants on the screen.

use crate::erased::Erase;
use leptos::prelude::*;

use crate::{clock::Clock, model::Instant};

/// `2026-11-23 14:02:11.482 UTC`
pub fn in_full(at: Instant) -> String {
    at.format("%Y-%m-%d %H:%M:%S%.3f UTC").to_string()
}

fn machine(at: Instant) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// How long ago; the full instant as a tip.
pub fn ago(at: Instant) -> impl IntoView {
    let clock = Clock::expect();
    view! {
        <time datetime=machine(at) title=in_full(at)>
            {move || clock.relative(at)}
        </time>
    }
}

/// How long ago something that has happened was, also when it was a moment ago.
pub fn past(at: Instant) -> impl IntoView {
    let clock = Clock::expect();
    view! {
        <time datetime=machine(at) title=in_full(at)>
            {move || clock.relative_past(at)}
        </time>
    }
}

/// The time of day to the millisecond, for streams and histories; the full instant as a tip.
pub fn at_time(at: Instant) -> impl IntoView {
    view! {
        <time class="mono" datetime=machine(at) title=in_full(at)>
            {at.format("%H:%M:%S%.3f").to_string()}
        </time>
    }
}

/// Date and time to the second, for lists; the full instant as a tip. Narrow screens have no room for the date.
pub fn at_second(at: Instant) -> impl IntoView {
    view! {
        <time class="mono" datetime=machine(at) title=in_full(at)>
            <span class="opt">{at.format("%Y-%m-%d ").to_string()}</span>
            {at.format("%H:%M:%S").to_string()}
        </time>
    }
}

/// The whole instant.
pub fn at_full(at: Instant) -> impl IntoView {
    view! { <time class="mono" datetime=machine(at)>{in_full(at)}</time> }
}

/// An optional instant; a dash when there is none.
pub fn ago_or_dash(at: Option<Instant>) -> impl IntoView {
    match at {
        Some(at) => ago(at).erased(),
        None => view! { <span class="faint">"—"</span> }.erased(),
    }
}
