//! Text to copy.

use leptos::prelude::*;

use super::icon::{Icon, icon};
use crate::dom;

/// Copies `text`; says so for a moment.
#[component]
pub fn CopyButton(#[prop(into)] text: Signal<String>, #[prop(into)] label: String) -> impl IntoView {
    let copied = RwSignal::new(false);
    let copy = move |_| {
        dom::copy(&text.get_untracked());
        copied.set(true);
        // The page may be gone by then.
        set_timeout(move || _ = copied.try_set(false), std::time::Duration::from_millis(1_500));
    };
    let words = label.clone();
    view! {
        <button type="button" class="btn quiet small" on:click=copy aria-label=label>
            {icon(Icon::Copy)}
            <span aria-live="polite">{move || if copied.get() { "Copied".to_owned() } else { short(&words) }}</span>
        </button>
    }
}

/// `Copy payload` is the button's label; `Copy` is enough to see.
fn short(label: &str) -> String {
    label.split(' ').next().unwrap_or_default().to_owned()
}

/// A few lines of code with a button that copies them.
#[component]
pub fn Snippet(#[prop(into)] label: String, #[prop(into)] text: String) -> impl IntoView {
    let copy = text.clone();
    view! {
        <figure class="snippet">
            <figcaption>{label.clone()}<CopyButton text=copy label=format!("Copy {label}")/></figcaption>
            <pre tabindex="0"><code>{text}</code></pre>
        </figure>
    }
}
