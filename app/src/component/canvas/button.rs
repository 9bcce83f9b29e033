//! One kind of button for all that is pressed around the canvas of a saga, for a small bundle.

use leptos::prelude::*;

use super::studio::Studio;
use crate::erased::Erase;

#[derive(Default)]
pub struct Looks {
    pub class: &'static str,
    pub id: Option<String>,
    pub words: String,
    /// Where the words alone do not say it.
    pub label: Option<String>,
    /// The part that it stands for: it is the current one while that is selected.
    pub of: Option<String>,
    pub is_disabled: bool,
}

pub fn button(studio: Studio, looks: Looks, press: impl Fn() + Send + Sync + 'static) -> AnyView {
    drawn(studio, looks, Callback::new(move |()| press()))
}

fn drawn(studio: Studio, looks: Looks, press: Callback<()>) -> AnyView {
    let Looks { class, id, words, label, of, is_disabled } = looks;
    let current = move || {
        let is_chosen = |of: &String| studio.selection.with(|selection| selection.nodes.contains(of));
        of.as_ref().is_some_and(is_chosen).then_some("true")
    };
    view! {
        <button type="button" class=class id=id aria-label=label.clone() title=label aria-current=current disabled=is_disabled
            on:click=move |_| press.run(())>{words}</button>
    }
    .erased()
}
