//! Documents with events in them: the settings as text, what they bring, and only then is anything stored.

use baton_domain::{diagnostic::Diagnostic, source::DocumentSource};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use super::preview::preview_table;
use crate::{
    call::{PreviewSource, PutSource},
    component::{confirm::SubmitButton, failure::refusal, post::PostForm},
    erased::Erase,
    model::{Source, SourcePreview, SourceSettings},
};

#[derive(Clone, Copy)]
struct Form {
    text: RwSignal<String>,
    look: ServerAction<PreviewSource>,
    put: ServerAction<PutSource>,
    named: RwSignal<String>,
    /// Of the source that is edited; empty for a new one.
    name: StoredValue<String>,
}

impl Form {
    /// What was found last, and the settings that it is about.
    fn found(self) -> Option<(String, SourcePreview)> {
        self.look.value().get()?.ok()?.decode().ok()
    }

    fn is_current(self) -> bool {
        self.found().is_some_and(|(settings, _)| settings == self.text.get())
    }
}

/// Settings to begin with, or those of a source.
pub fn documents_form(of: Option<Source>) -> AnyView {
    let name = of.as_ref().map(|source| source.name.clone()).unwrap_or_default();
    let example = || SourceSettings::Documents(DocumentSource::example("env:SHOP_DOCUMENTS", "shop", "orders"));
    let settings = of.map_or_else(example, |source| source.settings);
    let form = Form {
        text: RwSignal::new(serde_json::to_string_pretty(&settings).unwrap_or_default()),
        look: ServerAction::new(),
        put: ServerAction::new(),
        named: RwSignal::new(name.clone()),
        name: StoredValue::new(name),
    };
    let navigate = use_navigate();
    Effect::new(move |_| {
        if matches!(form.put.value().get(), Some(Ok(()))) {
            navigate("/sources", Default::default());
        }
    });
    let look = move |_| {
        let (name, settings) = (form.name.get_value(), form.text.get_untracked());
        form.look.dispatch(PreviewSource { name, settings });
    };
    let refused = move || form.look.value().get().and_then(Result::err).map(|error| refusal(&error));
    view! {
        <section class="card source-step" aria-labelledby="documents-settings-title">
            <h2 id="documents-settings-title">"Documents with their events in them"</h2>
            <div class="field">
                <label for="documents-settings">"Settings"</label>
                <p class="faint" id="documents-settings-help">
                    "JSON. The address of the server is a secret: name where it stands, as env:NAME or file:PATH. The mode pull takes events out of their document, mark leaves them in it."
                </p>
                <textarea id="documents-settings" class="mono" rows="24" spellcheck="false" aria-describedby="documents-settings-help" prop:value=move || form.text.get() on:input=move |event| form.text.set(event_target_value(&event))>{form.text.get_untracked()}</textarea>
            </div>
            {refused}
            <footer><button type="button" class="btn" on:click=look disabled=move || form.look.pending().get()>"Preview"</button></footer>
        </section>
        {move || brings(form)}
    }
    .erased()
}

/// What the settings bring; nothing before somebody looked.
fn brings(form: Form) -> Option<AnyView> {
    let (_, preview) = form.found()?;
    let found = preview.report.diagnostics.clone();
    let broken = found.iter().any(Diagnostic::is_error);
    let notes = found.into_iter().map(|one| {
        let class = if one.is_error() { "refusal" } else { "caution" };
        view! { <p class=class><span class="mono">{one.pointer}</span>" "{one.message}</p> }
    });
    let notes = notes.collect_view();
    let content = (!broken).then(|| view! { {preview_table(preview)}{store_form(form)} });
    let stale = move || {
        let note =
            || view! { <p class="caution">"Something was changed since: press Preview to see what it brings now."</p> };
        (!form.is_current()).then(note)
    };
    Some(
        view! {
            <section class="card source-step" aria-labelledby="documents-brings-title">
                <h2 id="documents-brings-title">"What that brings"</h2>
                {stale}{notes}{content}
            </section>
        }
        .erased(),
    )
}

fn store_form(form: Form) -> AnyView {
    let fixed = !form.name.get_value().is_empty();
    let word = if fixed { "Save" } else { "Take in from these documents" };
    view! {
        <PostForm action=form.put>
            <p class="faint">"Until now nothing was written, here or there."</p>
            <div class="field">
                <label for="documents-name">"Name of the source"</label>
                <input id="documents-name" name="name" readonly=fixed required maxlength="63" prop:value=move || form.named.get() on:input=move |event| form.named.set(event_target_value(&event)) pattern="[a-z0-9]([a-z0-9\\-]*[a-z0-9])?" title="Lower-case letters, digits and hyphens" autocomplete="off"/>
            </div>
            <input type="hidden" name="settings" prop:value=move || form.text.get()/>
            {move || form.put.value().get().and_then(Result::err).map(|error| refusal(&error))}
            <footer><fieldset class="bare" disabled=move || !form.is_current()><SubmitButton label=word pending=form.put.pending()/></fieldset></footer>
        </PostForm>
    }
    .erased()
}
