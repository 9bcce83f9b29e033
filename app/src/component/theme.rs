//! Light, dark, or as the system has it.

use leptos::prelude::*;

use super::icon::{Icon, icon};
use crate::dom;

/// Goes from one theme to the next. The choice stays in this browser.
#[component]
pub fn ThemeSwitch() -> impl IntoView {
    // What is stored is known in the browser only, so it is looked up when the button is pressed.
    let said = RwSignal::new(String::new());
    let next = move |_| {
        let theme = match dom::theme().as_deref() {
            None => Some("light"),
            Some("light") => Some("dark"),
            _ => None,
        };
        dom::set_theme(theme);
        said.set(format!("Theme: {}", theme.unwrap_or("as the system")));
    };
    view! {
        <button type="button" class="btn quiet" aria-label="Switch theme" title="Switch theme: light, dark, as the system" on:click=next>
            {icon(Icon::Sun)}
        </button>
        <span class="visually-hidden" role="status">{said}</span>
    }
}

/// The same as a choice of three, for the settings page.
#[component]
pub fn ThemeChoice() -> impl IntoView {
    let chosen = RwSignal::new(None::<String>);
    Effect::new(move |_| chosen.set(dom::theme()));
    let option = move |value: Option<&'static str>, words: &'static str| {
        view! {
            <label class="choice">
                <input
                    type="radio"
                    name="theme"
                    prop:checked=move || chosen.get().as_deref() == value
                    on:change=move |_| {
                        dom::set_theme(value);
                        chosen.set(value.map(str::to_owned));
                    }
                />
                {words}
            </label>
        }
    };
    view! {
        <fieldset class="choices">
            <legend>"Theme"</legend>
            {option(None, "As the system")}
            {option(Some("light"), "Light")}
            {option(Some("dark"), "Dark")}
        </fieldset>
    }
}
