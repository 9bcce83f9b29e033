//! Small words with a colour: states and kinds.

use leptos::prelude::*;

/// The class that gives a state its colour. States of messages, deliveries, instances and tasks share one meaning of
/// colours: green is done, blue under way, amber needs patience or people, red failed, violet stuck.
fn tone(state: &str) -> &'static str {
    match state {
        "published" | "delivered" | "completed" | "live" | "accepted" | "done" => "ok",
        "running" | "delivering" | "claimed" | "open" => "run",
        "retrying" | "waiting" | "suspended" | "compensating" | "compensated" | "overdue" | "paused" | "warning" => {
            "warn"
        }
        "dead" | "failed" | "error" | "refused" => "bad",
        "stuck" | "parked" => "stuck",
        _ => "plain",
    }
}

/// The state as a word in its colour.
pub fn state_badge(state: &str) -> impl IntoView + use<> {
    view! { <span class=format!("tag {}", tone(state))>{state.to_owned()}</span> }
}

/// Any words in the colour of a state.
pub fn toned(state: &str, words: String) -> impl IntoView + use<> {
    view! { <span class=format!("tag {}", tone(state))>{words}</span> }
}

/// `event` or `command`.
pub fn kind_badge(kind: &str) -> impl IntoView + use<> {
    let class = if kind == "command" { "kind command" } else { "kind event" };
    view! { <span class=class>{kind.to_owned()}</span> }
}
