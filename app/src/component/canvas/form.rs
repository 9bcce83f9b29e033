//! A form made field by field: the JSON Schema behind it is written along.

use baton_domain::designer::{
    Edit,
    form::{Change, Drawn, Shape, change, drawn},
};
use leptos::prelude::*;

use super::studio::Studio;
use crate::{dom, erased::Erase};

/// The form whose schema stands at `pointer`; `id` begins the ids of its controls, and the first one has it. `json` is the
/// field for what only JSON can say.
pub fn form(studio: Studio, id: &str, pointer: &str, json: AnyView) -> AnyView {
    let form = Form {
        studio,
        id: StoredValue::new(id.to_owned()),
        pointer: StoredValue::new(pointer.to_owned()),
        why: RwSignal::new(None),
        fields: {
            let pointer = pointer.to_owned();
            Memo::new(move |_| drawn(studio.value(&pointer).as_ref()))
        },
    };
    // Drawn anew when fields come and go, not when one is written into.
    let names = Memo::new(move |_| {
        let names = |fields: &Vec<Drawn>| fields.iter().map(|field| field.name.clone()).collect::<Vec<_>>();
        form.fields.with(|fields| fields.as_ref().map(names))
    });
    let rows = move || match names.get() {
        Some(names) => {
            let rows = names.into_iter().map(|name| form.row(name)).collect_view();
            let add = move |_| form.add();
            view! { {rows} <button type="button" id=form.part("", "add") class="btn small" on:click=add>"Add a field"</button> }
                .erased()
        }
        None => {
            view! { <p class="faint">"There is more to this schema than fields: it is written as JSON."</p> }.erased()
        }
    };
    let said = move || form.why.get().map(|why| view! { <p class="finding bad" role="alert">{why}</p> });
    let is_json = names.with_untracked(Option::is_none);
    view! {
        <div class="form-made">{rows}{said}</div>
        <details class="as-json" open=is_json><summary>"As JSON"</summary>{json}</details>
    }
    .erased()
}

#[derive(Clone, Copy)]
struct Form {
    studio: Studio,
    id: StoredValue<String>,
    pointer: StoredValue<String>,
    why: RwSignal<Option<String>>,
    fields: Memo<Option<Vec<Drawn>>>,
}

impl Form {
    fn part(self, field: &str, part: &str) -> String {
        self.id.with_value(|id| format!("{id}-{part}-{field}"))
    }

    /// Whether it was done.
    fn commit(self, wanted: Change) -> bool {
        let pointer = self.pointer.get_value();
        let before = self.studio.editor.with_untracked(|editor| editor.document().value().pointer(&pointer).cloned());
        let after = match change(before.as_ref(), &wanted) {
            Ok(after) => after,
            Err(why) => {
                self.why.set(Some(why));
                return false;
            }
        };
        self.why.set(None);
        if before.as_ref() != Some(&after) {
            self.studio.commit(vec![Edit::Set { pointer, value: Some(after) }]);
        }
        true
    }

    fn names(self) -> Vec<String> {
        let fields = self.fields.get_untracked().unwrap_or_default();
        fields.into_iter().map(|field| field.name).collect()
    }

    fn add(self) {
        let before = self.names();
        if self.commit(Change::Add)
            && let Some(new) = self.names().into_iter().find(|name| !before.contains(name))
        {
            dom::focus_when_drawn(move || dom::focus(&self.part(&new, "name")));
        }
    }

    /// What a field is now, as one text.
    fn of(self, name: &str, what: fn(&Drawn) -> String) -> Signal<String> {
        let name = name.to_owned();
        Signal::derive(move || {
            self.fields.with(|fields| {
                let field = fields.iter().flatten().find(|field| field.name == name);
                field.map(what).unwrap_or_default()
            })
        })
    }

    fn row(self, name: String) -> AnyView {
        let legend = format!("Field {name}");
        let (shape, of) = (self.of(&name, |field| field.shape.word().to_owned()), name.clone());
        let is_choice = Memo::new(move |_| shape.with(|shape| shape == Shape::Choice.word()));
        let choices = move || is_choice.get().then(|| self.choices(&of));
        let required = self.of(&name, |field| field.required.to_string());
        let (field, box_id) = (name.clone(), self.part(&name, "required"));
        let require = move |event| {
            self.commit(Change::Require { field: field.clone(), is: event_target_checked(&event) });
        };
        view! {
            <fieldset class="made">
                <legend class="visually-hidden">{legend}</legend>
                <p class="row">{self.name_of(&name)}{self.remove(&name)}</p>
                <p class="row">
                    {self.shape_of(&name)}
                    <input id=box_id.clone() type="checkbox" prop:checked=move || required.with(|it| it == "true") on:change=require/>
                    <label for=box_id>"needed"</label>
                </p>
                {self.title_of(&name)}
                {choices}
            </fieldset>
        }
        .erased()
    }

    fn name_of(self, name: &str) -> AnyView {
        let (field, value) = (name.to_owned(), name.to_owned());
        let changed = move |event: leptos::ev::Event| {
            let to = event_target_value(&event).trim().to_owned();
            if to != field && self.commit(Change::Rename { field: field.clone(), to: to.clone() }) {
                dom::focus_if_lost(self.part(&to, "name"));
            }
        };
        view! {
            <input id=self.part(name, "name") class="mono" type="text" aria-label="Name of this field" autocomplete="off"
                spellcheck="false" value=value on:change=changed/>
        }
        .erased()
    }

    fn remove(self, name: &str) -> AnyView {
        let (field, label) = (name.to_owned(), format!("Remove {name}"));
        let remove = move |_| {
            self.commit(Change::Remove(field.clone()));
            dom::focus_if_lost(self.part("", "add"));
        };
        view! { <button type="button" class="btn quiet small" aria-label=label title="Remove this field" on:click=remove>"×"</button> }
            .erased()
    }

    fn shape_of(self, name: &str) -> AnyView {
        let (field, shape) = (name.to_owned(), self.of(name, |field| field.shape.word().to_owned()));
        let options = Shape::ALL.map(|it| {
            view! { <option value=it.word() selected=move || shape.with(|shape| shape == it.word())>{it.word()}</option> }
        });
        let changed = move |event: leptos::ev::Event| {
            if let Some(to) = Shape::of(&event_target_value(&event)) {
                self.commit(Change::Reshape { field: field.clone(), to });
            }
        };
        view! {
            <select aria-label=format!("{name} takes") prop:value=shape on:change=changed>{options.collect_view()}</select>
        }
        .erased()
    }

    fn title_of(self, name: &str) -> AnyView {
        let (field, text) = (name.to_owned(), self.of(name, |field| field.title.clone()));
        let changed = move |event: leptos::ev::Event| {
            self.commit(Change::Title { field: field.clone(), to: event_target_value(&event) });
        };
        view! {
            <input type="text" aria-label=format!("Label of {name}") placeholder="Label" autocomplete="off"
                value=text.get_untracked() prop:value=text on:change=changed/>
        }
        .erased()
    }

    fn choices(self, name: &str) -> AnyView {
        let (field, text) = (name.to_owned(), self.of(name, |field| field.choices.join(", ")));
        let changed = move |event: leptos::ev::Event| {
            let to = event_target_value(&event).split(',').map(str::to_owned).collect();
            self.commit(Change::Choices { field: field.clone(), to });
        };
        view! {
            <input type="text" aria-label=format!("Choices of {name}, with commas between") placeholder="economy, business"
                autocomplete="off" value=text.get_untracked() prop:value=text on:change=changed/>
        }
        .erased()
    }
}
