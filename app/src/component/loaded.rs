//! A part of a page that is read from the server.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::failure::failure_note;
use crate::port::{Answer, AppError};

/// Draws what `read` answers. While it is read again the old drawing stays, and so it does when the server is away for
/// a moment: the indicator in the header says so.
pub fn loaded<T>(
    read: Resource<Answer<T>>,
    draw: impl Fn(T) -> AnyView + Clone + Send + Sync + 'static,
) -> impl IntoView
where
    T: Clone + Send + Sync + 'static,
{
    let path = use_location().pathname;
    let last = StoredValue::new(None::<(String, T)>);
    let content = move || {
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
    };
    view! {
        <Transition fallback=|| view! { <div class="loading" aria-hidden="true"></div> }>{content.clone()}</Transition>
    }
}

fn passing(error: &AppError) -> bool {
    matches!(error, AppError::Unavailable(_) | AppError::Transport(_))
}
