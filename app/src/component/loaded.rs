//! A part of a page that is read from the server.
//!
//! What is drawn stands in a reactive closure of its own, so that the effect which reads the resource depends on nothing
//! else. An effect that depends on a resource *and* on what the resource is read by (a filter in the URL) can swallow the
//! resource's note that it has to be read again: asking whether it must run, it asks the resource, which forgets that it
//! was out of date (reactive_graph 0.2). A filter set while the list was under way then changed nothing.

use std::sync::Arc;

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
    let draw = Arc::new(draw);
    let drawn = move |value: T| apart(draw.clone(), value);
    waiting(Box::new(move || {
        read.get().map(|answer| match answer {
            Ok(value) => {
                last.set_value(Some((path.get_untracked(), value.clone())));
                drawn(value)
            }
            Err(error) => match last.get_value() {
                Some((at, value)) if passing(&error) && at == path.get_untracked() => drawn(value),
                _ => failure_note(error),
            },
        })
    }))
}

/// Draws something small that depends on a read; nothing stands there until it is known, and nothing if it fails.
pub fn when_known<T>(read: Read<T>, draw: impl Fn(T) -> AnyView + Send + Sync + 'static) -> AnyView
where
    T: DeserializeOwned + Clone + Send + Sync + 'static,
{
    let draw = Arc::new(draw);
    let content = move || read.get().and_then(Result::ok).map(|value| apart(draw.clone(), value));
    let content = Box::new(content) as Content;
    view! { <Transition>{content}</Transition> }.erased()
}

/// The drawing of `value` as an effect of its own.
fn apart<T>(draw: Arc<impl Fn(T) -> AnyView + Send + Sync + 'static>, value: T) -> AnyView
where
    T: Clone + Send + Sync + 'static,
{
    reactive(Box::new(move || draw(value.clone())))
}

/// The one place where a drawing becomes reactive.
fn reactive(drawing: Box<dyn Fn() -> AnyView + Send + Sync>) -> AnyView {
    (move || drawing()).erased()
}

type Content = Box<dyn Fn() -> Option<AnyView> + Send + Sync>;

fn waiting(content: Content) -> AnyView {
    view! { <Transition fallback=|| view! { <div class="loading" aria-hidden="true"></div> }>{content}</Transition> }
        .erased()
}

fn passing(error: &AppError) -> bool {
    matches!(error, AppError::Unavailable(_) | AppError::Transport(_))
}
