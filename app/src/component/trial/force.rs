//! Publishing although scenarios fail.

use baton_domain::simulation::FAILED;
use leptos::prelude::*;

use crate::{
    erased::Erase,
    port::{Answer, AppError},
};

/// Offered once that was refused: a choice in the form that publishes, named `force`.
pub fn force_field(answer: Option<Answer<()>>) -> Option<AnyView> {
    let Some(Err(AppError::Invalid(found))) = answer else { return None };
    found.iter().any(|it| it.code == FAILED).then(|| {
        view! {
            <label class="choice"><input type="checkbox" name="force" value="true"/>"Publish it although scenarios fail. That stands in the audit."</label>
        }
        .erased()
    })
}
