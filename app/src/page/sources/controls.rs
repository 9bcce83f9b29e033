//! The controls of a mapping, each with what is found about it.

use baton_domain::source::{Encoding, Mode};
use leptos::prelude::*;

use super::{
    fields::{Choice, Field},
    preview::findings,
    wizard::Wizard,
};
use crate::erased::Erase;

/// The list of columns that terms are chosen from.
pub const COLUMNS: &str = "source-columns";

pub fn mode_field(wizard: Wizard) -> AnyView {
    let words = |mode: Mode| match mode {
        Mode::Mark => "a column is set",
        Mode::Delete => "it is deleted",
        Mode::ReadOnly => "nothing: only read",
        Mode::Log => "nothing: read by PostgreSQL's log",
    };
    let options = Mode::ALL.map(|mode| {
        let selected = move || wizard.settings.with(|settings| settings.mode == mode);
        view! { <option value=mode.as_str() selected=selected>{words(mode)}</option> }
    });
    let choose = move |event| {
        let text = event_target_value(&event);
        if let Some(mode) = Mode::ALL.into_iter().find(|mode| mode.as_str() == text) {
            wizard.change(|settings| settings.mode = mode);
        }
    };
    view! {
        <div class="field">
            <label for="source-mode">"When a row was taken in"</label>
            <select id="source-mode" on:change=choose>{options.collect_view()}</select>
        </div>
    }
    .erased()
}

pub fn encoding_field(wizard: Wizard) -> AnyView {
    let words = |encoding: Encoding| match encoding {
        Encoding::Json => "JSON",
        Encoding::Text => "a text",
        Encoding::Bytes => "bytes",
        Encoding::Wolverine => "an envelope of Wolverine",
    };
    let options = Encoding::ALL.map(|encoding| {
        let selected = move || wizard.settings.with(|settings| settings.mapping.encoding == encoding);
        view! { <option value=encoding.as_str() selected=selected>{words(encoding)}</option> }
    });
    let choose = move |event| {
        let text = event_target_value(&event);
        if let Some(encoding) = Encoding::ALL.into_iter().find(|encoding| encoding.as_str() == text) {
            wizard.change(|settings| settings.mapping.encoding = encoding);
        }
    };
    view! {
        <div class="field">
            <label for="source-encoding">"The payload is"</label>
            <select id="source-encoding" on:change=choose>{options.collect_view()}</select>
        </div>
    }
    .erased()
}

/// A field with the findings about it.
pub fn field(wizard: Wizard, field: Field) -> AnyView {
    let (id, help) = (field.id(), format!("{}-help", field.id()));
    let value = move || wizard.settings.with(field.get);
    let invalid = move || {
        let wrong = wizard.findings().iter().any(|one| one.pointer == field.pointer && one.is_error());
        (wrong && wizard.is_current()).then_some("true")
    };
    let set = move |text: String| wizard.change(|settings| (field.set)(settings, text));
    let control = match field.choice {
        Choice::Column => {
            let columns = untrack(move || wizard.columns());
            let present = untrack(value);
            let missing = (!present.is_empty() && !columns.contains(&present)).then(|| present.clone());
            let options = columns.into_iter().map(move |column| {
                let chosen = column.clone();
                let selected = move || value() == chosen;
                view! { <option value=column.clone() selected=selected>{column.clone()}</option> }
            });
            let missing = missing.map(
                |name| view! { <option value=name.clone() selected=true>{format!("{name} (not there)")}</option> },
            );
            view! {
                <select id=id.clone() aria-describedby=help.clone() aria-invalid=invalid on:change=move |event| set(event_target_value(&event))>
                    <option value="">{if field.required { "choose…" } else { "none" }}</option>
                    {missing}
                    {options.collect_view()}
                </select>
            }
            .erased()
        }
        Choice::Term | Choice::Text => {
            let list = (field.choice == Choice::Term).then_some(COLUMNS);
            view! {
                <input
                    id=id.clone() type="text" class="mono" maxlength="1000" autocomplete="off" list=list aria-describedby=help.clone()
                    aria-invalid=invalid prop:value=value on:input=move |event| set(event_target_value(&event))
                />
            }
            .erased()
        }
    };
    let said = move || findings(wizard.findings().into_iter().filter(move |one| one.pointer == field.pointer));
    view! {
        <div class="field">
            <label for=id>{field.label}{field.required.then(|| view! { <span class="required" aria-hidden="true">" *"</span> })}</label>
            {control}
            <div id=help><span class="help">{field.help}</span>{said}</div>
        </div>
    }
    .erased()
}
