//! The search box in the header: Ctrl+K puts the cursor there.

use leptos::{ev, prelude::*};
use leptos_router::hooks::{use_navigate, use_query_map};
use uuid::Uuid;

use super::icon::{Icon, icon};
use crate::{dom, link};

const ID: &str = "search";

/// Enter searches messages; the suggestions below lead to instances, conversations and, for an id, straight to it.
#[component]
pub fn Search() -> impl IntoView {
    let query = use_query_map();
    let text = RwSignal::new(String::new());
    let navigate = use_navigate();
    Effect::new(move |_| {
        let keys = window_event_listener(ev::keydown, move |event| {
            let chord = (event.ctrl_key() || event.meta_key()) && event.key().eq_ignore_ascii_case("k");
            if chord || (event.key() == "/" && !dom::typing()) {
                event.prevent_default();
                dom::focus(ID);
            }
        });
        on_cleanup(move || keys.remove());
    });
    let submit = move |event: leptos::web_sys::SubmitEvent| {
        event.prevent_default();
        navigate(&link::link("/messages", &[("q", text.get_untracked().trim())]), Default::default());
    };
    let suggestions = move || {
        let words = text.get().trim().to_owned();
        (!words.is_empty()).then(|| {
            suggestions_for(&words)
                .into_iter()
                .map(|(what, href)| view! { <li><a href=href>{what}</a></li> })
                .collect_view()
        })
    };
    view! {
        <search class="search">
            <form action="/messages" method="get" on:submit=submit>
                {icon(Icon::Search)}
                <input
                    id=ID
                    type="search"
                    name="q"
                    aria-label="Search messages, instances, keys"
                    placeholder="Search messages, instances, keys…"
                    autocomplete="off"
                    prop:value=move || query.with(|query| query.get("q").unwrap_or_default())
                    on:input=move |event| text.set(event_target_value(&event))
                />
                <kbd aria-hidden="true">"Ctrl K"</kbd>
            </form>
            {suggestions}
        </search>
    }
}

fn suggestions_for(words: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if let Ok(id) = words.parse::<Uuid>() {
        found.push((format!("Message {id}"), link::message(id)));
        found.push((format!("Instance {id}"), link::instance(id)));
    }
    found.push((format!("Messages with “{words}”"), link::link("/messages", &[("q", words)])));
    found.push((format!("Instances with “{words}”"), link::link("/instances", &[("q", words)])));
    found.push((format!("Messages of the key “{words}”"), link::link("/messages", &[("aggregate_id", words)])));
    found.push((format!("Conversation “{words}”"), link::conversation(words)));
    found
}
