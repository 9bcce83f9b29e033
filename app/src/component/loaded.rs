//! A part of a page that is read from the server.

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
        read.get().map(|answer| match answer {
            Ok(value) => {
                last.set_value(Some((path.get_untracked(), value.clone())));
                draw(value)
            }
            Err(error) => match last.get_value() {
                Some((at, value)) if passing(&error) && at == path.get_untracked() => draw(value),
                _ => failure_note(error),
            },
        })
    }))
}

/// Draws something small that depends on a read; nothing stands there until it is known, and nothing if it fails.
pub fn when_known<T>(read: Read<T>, draw: impl Fn(T) -> AnyView + Send + Sync + 'static) -> AnyView
where
    T: DeserializeOwned + 'static,
{
    let content = Box::new(move || read.get().and_then(Result::ok).map(&draw)) as Content;
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
