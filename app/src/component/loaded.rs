//! A part of a page that is read from the server.
//!
//! Drawing tracks nothing: the effect that reads the resource must depend on nothing else. One that depends on a
//! resource *and* on what the resource is read by (a filter in the URL) can swallow the resource's note that it has to
//! be read again: asking whether it must run, it asks the resource, which forgets that it was out of date
//! (reactive_graph 0.2). A filter set while the list was under way then changed nothing. What follows the URL beside a
//! read is a closure of its own in the drawing.
//!
//! Nor does the drawing stand in a closure: it would be thrown away at every reading, and with it open dialogs, what was
//! typed, the focus and the place that somebody scrolled to. As it is, only what differs is changed.

use leptos::prelude::*;
use leptos_router::hooks::use_location;
use serde::de::DeserializeOwned;

use super::failure::failure_note;
use crate::{erased::Erase, port::AppError, read::Read};

/// Draws what `read` answers. While it is read again the old drawing stays, and so it does when the server is away for
/// a moment: the indicator in the header says so.
pub fn loaded<T>(read: Read<T>, draw: impl Fn(T) -> AnyView + Send + Sync + 'static) -> AnyView
where
    T: DeserializeOwned + Clone + Send + Sync + 'static,
{
    let path = use_location().pathname;
    let last = StoredValue::new(None::<(String, T)>);
    waiting(Box::new(move || {
        let answer = read.get()?;
        Some(untrack(|| match answer {
            Ok(value) => {
                last.set_value(Some((path.get_untracked(), value.clone())));
                draw(value)
            }
            Err(error) => match last.get_value() {
                Some((at, value)) if passing(&error) && at == path.get_untracked() => draw(value),
                _ => failure_note(error),
            },
        }))
    }))
}

/// Draws something small that depends on a read; nothing stands there until it is known, and nothing if it fails.
pub fn when_known<T>(read: Read<T>, draw: impl Fn(T) -> AnyView + Send + Sync + 'static) -> AnyView
where
    T: DeserializeOwned + 'static,
{
    let content = Box::new(move || {
        let value = read.get()?.ok()?;
        Some(untrack(|| draw(value)))
    }) as Content;
    view! { <Transition>{content}</Transition> }.erased()
}

type Content = Box<dyn Fn() -> Option<AnyView> + Send + Sync>;

fn waiting(content: Content) -> AnyView {
    view! { <Transition fallback=|| view! { <div class="loading" aria-hidden="true"></div> }>{content}</Transition> }
        .erased()
}

fn passing(error: &AppError) -> bool {
    matches!(error, AppError::Unavailable(_) | AppError::Transport(_))
}
