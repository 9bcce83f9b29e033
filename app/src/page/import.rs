//! Files on the lists of processes and sagas: one becomes the draft of a new definition.

use baton_domain::definition::DefinitionKind;
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use crate::{
    call::SaveImported,
    component::{
        confirm::SubmitButton,
        exchange::{Importing, import_button, import_report},
        failure::refusal,
        post::PostForm,
    },
    erased::Erase,
    link,
    model::Imported,
};

/// The button, what was found in the file, and how the definition is to be called.
pub fn import_section(kind: DefinitionKind) -> AnyView {
    let importing = Importing::new(kind);
    let imported = RwSignal::new(None::<Imported>);
    let save = ServerAction::<SaveImported>::new();
    importing.then(move |read| {
        save.clear();
        imported.set(Some(read));
    });
    let navigate = use_navigate();
    let sent = StoredValue::new(String::new());
    Effect::new(move |_| {
        if let Some(input) = save.input().get() {
            sent.set_value(input.name);
        }
    });
    Effect::new(move |_| {
        if matches!(save.value().get(), Some(Ok(()))) {
            navigate(&format!("{}?draft=1", link::definition(kind, &sent.get_value())), Default::default());
        }
    });
    let form = move || {
        let imported = imported.get().filter(|_| importing.has_read())?;
        Some(view! {
            <PostForm action=save id="import-form">
                <input type="hidden" name="kind" value=kind.as_str()/>
                <input type="hidden" name="source" value=imported.source/>
                <div class="inline-form">
                    <div class="field">
                        <label for="import-name">{format!("Name of the {}", kind.as_str())}</label>
                        <input id="import-name" name="name" required pattern="[a-z][a-z0-9\\-]*" maxlength="100" autocomplete="off"
                            title="Lower-case letters, digits and hyphens" value=imported.name/>
                    </div>
                    <SubmitButton label="Save as draft" pending=save.pending()/>
                </div>
                {move || save.value().get().and_then(Result::err).map(|error| refusal(&error))}
            </PostForm>
        })
    };
    let hint = "or drop a file here: YAML, JSON or BPMN 2.0. Nothing is saved before you say so.";
    let content = view! {
        <p class="row">{import_button(importing, Signal::stored(None))}<span class="faint">{hint}</span></p>
        {import_report(importing)}
        {form}
    };
    importing.drop_zone(Signal::stored(None), "import-zone", content.erased())
}
