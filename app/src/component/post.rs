//! Forms that write. Without script they are ordinary POSTs; with it the page stays.

use leptos::{form::FromFormData, prelude::*, server_fn::ServerFn, web_sys::SubmitEvent};
use serde::de::DeserializeOwned;

use crate::{erased::Erase, port::AppError};

/// A form of a server function; the names of its controls are the function's arguments. It does what Leptos' own
/// `ActionForm` does, with less code per function.
#[component]
pub fn PostForm<S, C>(
    action: ServerAction<S>,
    #[prop(optional, into)] id: Option<String>,
    children: TypedChildren<C>,
) -> AnyView
where
    S: ServerFn<Error = AppError> + DeserializeOwned + Clone + Send + Sync + 'static,
    S::Output: Send + Sync + 'static,
    C: IntoView + 'static,
{
    let send = move |event: SubmitEvent| match S::from_event(&event) {
        // A second press while the first one is under way sends nothing.
        Ok(_) if action.pending().get_untracked() => {}
        Ok(arguments) => drop(action.dispatch(arguments)),
        Err(error) => action.value().set(Some(Err(AppError::Transport(error.to_string())))),
    };
    form(S::url(), id, Box::new(send), children.into_inner()().erased())
}

fn form(url: &'static str, id: Option<String>, send: Box<dyn Fn(SubmitEvent)>, content: AnyView) -> AnyView {
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        send(event);
    };
    view! { <form id=id method="post" action=url on:submit=submit>{content}</form> }.erased()
}
