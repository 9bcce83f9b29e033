//! What went wrong, and what to do next.

use crate::erased::Erase;
use leptos::prelude::*;

use crate::port::{AppError, Respond};

/// Stands where the content would be when it could not be read.
pub fn failure_note(error: AppError) -> AnyView {
    if let (AppError::NotFound(_), Some(respond)) = (&error, use_context::<Respond>()) {
        (respond.status)(404);
    }
    let next = match &error {
        AppError::SignedOut => view! { <p><a href="/sign-in" rel="external">"Sign in"</a></p> }.erased(),
        AppError::NotFound(_) => {
            view! { <p>"It may have been removed after its retention, or the address is mistyped."</p> }.erased()
        }
        AppError::Unavailable(_) | AppError::Transport(_) => {
            view! { <p>"Nothing was changed. The page tries again as soon as something moves; you can also reload it."</p> }
                .erased()
        }
        AppError::Internal => {
            view! { <p>"The server's log has the details, with the time of this request."</p> }.erased()
        }
        AppError::Invalid(_) | AppError::Conflict { .. } | AppError::KeyReused(_) => ().erased(),
    };
    view! {
        <div class="card failure" role="alert">
            <h2>{heading(&error)}</h2>
            <p>{error.to_string()}</p>
            {next}
        </div>
    }
    .erased()
}

fn heading(error: &AppError) -> &'static str {
    match error {
        AppError::SignedOut => "You are signed out",
        AppError::NotFound(_) => "Not found",
        AppError::Invalid(_) => "This is not valid",
        AppError::Conflict { .. } | AppError::KeyReused(_) => "This cannot be done now",
        AppError::Unavailable(_) => "The database is not available",
        AppError::Internal => "Something went wrong",
        AppError::Transport(_) => "The server cannot be reached",
    }
}

/// One line beside a button, after an action that was refused.
pub fn refusal(error: &AppError) -> impl IntoView + use<> {
    view! { <p class="refusal" role="alert">{error.to_string()}</p> }
}
