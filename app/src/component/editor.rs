//! The text of a definition: a text area with line numbers.

use leptos::prelude::*;

use crate::{dom, html};

pub const EDITOR_ID: &str = "definition-source";

/// `text` is what it shows; every change goes to `changed`. Ctrl+S saves; Tab stays with the keyboard's order, and two
/// spaces are easily typed.
#[component]
pub fn SourceEditor(
    text: Signal<String>,
    changed: Callback<String>,
    save: Callback<()>,
    #[prop(into)] read_only: Signal<bool>,
) -> impl IntoView {
    let lines = Memo::new(move |_| text.with(|text| text.split('\n').count().max(12)));
    let numbers = move || (1..=lines.get()).map(|line| line.to_string()).collect::<Vec<_>>().join("\n");
    let keys = move |event: leptos::ev::KeyboardEvent| {
        if (event.ctrl_key() || event.meta_key()) && event.key().eq_ignore_ascii_case("s") {
            event.prevent_default();
            save.run(());
        }
    };
    view! {
        <div class="editor">
            <pre class="numbers" aria-hidden="true">{numbers}</pre>
            <textarea
                id=EDITOR_ID
                class="mono"
                name="source"
                aria-label="Definition source"
                spellcheck="false"
                autocomplete="off"
                wrap="off"
                rows=move || lines.get().to_string()
                readonly=read_only
                prop:value=text
                on:input=move |event| changed.run(event_target_value(&event))
                on:keydown=keys
            >
                {html::escaped(text.get_untracked())}
            </textarea>
        </div>
    }
}

/// Puts the cursor into the editor.
pub fn focus_editor() {
    dom::focus(EDITOR_ID);
}
