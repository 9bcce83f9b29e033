//! Filters of lists. They are GET forms: without script they work by a button, with script by every change.

use crate::erased::Erase;
use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};

use crate::dom;

/// A form whose fields become the query of `path`; empty fields leave it.
#[component]
pub fn FilterForm<C>(path: &'static str, #[prop(into)] label: String, children: TypedChildren<C>) -> AnyView
where
    C: IntoView + 'static,
{
    filter_form(path, label, children.into_inner()().erased())
}

fn filter_form(path: &'static str, label: String, fields: AnyView) -> AnyView {
    let navigate = use_navigate();
    let submit = move |event: leptos::web_sys::SubmitEvent| {
        event.prevent_default();
        let query = dom::form_of(&event).map(|form| dom::query_of(&form)).unwrap_or_default();
        let url = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        navigate(&url, NavigateOptions { scroll: false, ..Default::default() });
    };
    view! {
        <form class="filters" method="get" action=path aria-label=label on:submit=submit>
            {fields}
            <button class="btn" type="submit">"Filter"</button>
            <a class="btn quiet" href=path>"Clear"</a>
        </form>
    }
    .erased()
}

/// One of a few values; the first option is any.
#[component]
pub fn Choice(
    name: &'static str,
    #[prop(into)] label: String,
    options: Vec<(&'static str, &'static str)>,
    #[prop(into)] value: Signal<String>,
) -> impl IntoView {
    let options = options
        .into_iter()
        .map(|(option, words)| {
            let chosen = move || value.get() == option;
            view! { <option value=option selected=chosen>{words}</option> }
        })
        .collect_view();
    view! {
        <label class="field">
            <span>{label}</span>
            <select name=name prop:value=value on:change=|event| dom::submit_form_of(&event)>{options}</select>
        </label>
    }
}

/// Free words; sent with Enter.
#[component]
pub fn Words(
    name: &'static str,
    #[prop(into)] label: String,
    #[prop(optional)] placeholder: &'static str,
    #[prop(default = "text")] kind: &'static str,
    #[prop(into)] value: Signal<String>,
) -> impl IntoView {
    view! {
        <label class="field">
            <span>{label}</span>
            <input type=kind name=name placeholder=placeholder value=value.get_untracked() prop:value=value/>
        </label>
    }
}
