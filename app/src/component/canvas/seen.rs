//! The types of messages that were seen, offered where one is named.

use baton_domain::{
    definition::wire::Wire,
    designer::complete::{self, Completion},
};
use leptos::{prelude::*, task::spawn_local};

use crate::{call, erased::Erase};

/// The list of the events' types.
pub const EVENTS: &str = "seen-events";

#[derive(Clone, Copy)]
pub struct Seen(RwSignal<Wire>);

/// Asks for the types once the page has come to life, and lets everything below use them. What it yields has to be part
/// of the page.
pub fn provide() -> AnyView {
    let seen = Seen(RwSignal::new(Wire::default()));
    provide_context(seen);
    Effect::new(move || {
        spawn_local(async move {
            // Without them nothing is offered; that is all.
            if let Ok(wire) = call::message_types().await {
                seen.0.try_set(wire);
            }
        });
    });
    let options = move || {
        let events = seen.0.with(|wire| wire.events.iter().cloned().collect::<Vec<_>>());
        events.into_iter().map(|event| view! { <option value=event></option> }).collect_view()
    };
    view! { <datalist id=EVENTS>{options}</datalist> }.erased()
}

impl Seen {
    /// What was seen that can stand in the field at `pointer`.
    pub fn offered(self, pointer: &str, text: &str, caret: usize) -> Option<Completion> {
        self.0.with_untracked(|wire| complete::types(wire, pointer, text, caret))
    }
}
