//! A field that takes an expression: names are offered while one types, and what it yields for a sample stands below.
//!
//! The pattern is WAI-ARIA's combobox with a list and manual selection: the focus stays in the field, arrows walk the list,
//! Enter and Tab take over what was walked to, Escape closes it. Who walks nowhere types and leaves as in any field.

use baton_domain::designer::complete::{self, Candidate, Completion, Place};
use leptos::{
    prelude::*,
    wasm_bindgen::JsCast,
    web_sys::{Element, HtmlInputElement, HtmlTextAreaElement},
};

use super::{sample::Sample, seen::Seen, studio::Studio};
use crate::{erased::Erase, html};

/// What is offered at the moment.
#[derive(Debug, Clone, PartialEq)]
struct Offered {
    completion: Completion,
    /// The one that was walked to.
    chosen: Option<usize>,
}

/// The element that is typed into.
enum Control {
    Line(HtmlInputElement),
    Area(HtmlTextAreaElement),
}

impl Control {
    fn of(event: &leptos::ev::Event) -> Option<Self> {
        let element: Element = event.target()?.dyn_into().ok()?;
        match element.dyn_into::<HtmlInputElement>() {
            Ok(line) => Some(Self::Line(line)),
            Err(other) => other.dyn_into().ok().map(Self::Area),
        }
    }

    fn by_id(id: &str) -> Option<Self> {
        let element = document().get_element_by_id(id)?;
        match element.dyn_into::<HtmlInputElement>() {
            Ok(line) => Some(Self::Line(line)),
            Err(other) => other.dyn_into().ok().map(Self::Area),
        }
    }

    /// The text, and the byte where the caret stands.
    fn read(&self) -> (String, usize) {
        let (text, caret) = match self {
            Self::Line(line) => (line.value(), line.selection_end()),
            Self::Area(area) => (area.value(), area.selection_end()),
        };
        let caret = caret.ok().flatten().map_or(text.len(), |units| complete::byte_of(&text, units as usize));
        (text, caret)
    }

    fn write(&self, text: &str, caret: usize) {
        let units = u32::try_from(complete::units_of(text, caret)).unwrap_or(0);
        // The caret can always be set in fields of text.
        let _ = match self {
            Self::Line(line) => {
                line.set_value(text);
                line.set_selection_range(units, units)
            }
            Self::Area(area) => {
                area.set_value(text);
                area.set_selection_range(units, units)
            }
        };
    }
}

/// What the field is.
pub struct Typed {
    pub id: String,
    /// Of the field in the document.
    pub pointer: String,
    pub is_json: bool,
    pub hint: &'static str,
}

/// The control of a field. `changed` is called when one leaves it; it is one step of the history.
pub fn expression(studio: Studio, typed: Typed, text: Signal<String>, changed: Callback<String>) -> AnyView {
    let Typed { id, pointer, is_json, hint } = typed;
    let list = format!("{id}-names");
    let offered = RwSignal::new(None::<Offered>);
    let node = pointer.split('/').nth(2).unwrap_or_default().replace("~1", "/").replace("~0", "~");
    let (sample, seen) = (use_context::<Sample>(), use_context::<Seen>());
    let ask = {
        let (node, pointer) = (node.clone(), pointer.clone());
        move |control: &Control| {
            let (text, caret) = control.read();
            let place = Place { node: &node, pointer: &pointer, is_json };
            let completion =
                studio.editor.with_untracked(|editor| complete::complete(editor.document(), place, &text, caret));
            let completion = completion.or_else(|| seen?.offered(&pointer, &text, caret));
            offered.set(completion.map(|completion| Offered { completion, chosen: None }));
            if let Some(sample) = sample {
                sample.try_out(&pointer, &text);
            }
        }
    };
    let ask = StoredValue::new(ask);
    let take = {
        let id = id.clone();
        move |index: usize| {
            let Some(Offered { completion, .. }) = offered.get_untracked() else { return };
            let (Some(candidate), Some(control)) = (completion.candidates.get(index), Control::by_id(&id)) else {
                return;
            };
            let (before, _) = control.read();
            // Typed on, and not asked again yet.
            if completion.to > before.len()
                || !before.is_char_boundary(completion.from)
                || !before.is_char_boundary(completion.to)
            {
                return offered.set(None);
            }
            let (text, caret) = complete::accept(&before, &completion, candidate);
            control.write(&text, caret);
            offered.set(None);
            ask.with_value(|ask| ask(&control));
        }
    };
    let take = StoredValue::new(take);
    // A text that was written for the person makes no change event of its own. What nobody changed is not written: a line
    // shows less than a text of several lines has.
    let before = StoredValue::new(String::new());
    let settle = move |event: &leptos::ev::Event| {
        let Some((now, _)) = Control::of(event).map(|control| control.read()) else { return };
        if before.with_value(|before| *before != now) {
            before.set_value(now.clone());
            changed.run(now);
        }
    };
    let keys = move |event: leptos::ev::KeyboardEvent| {
        let walk = |by: isize| {
            offered.update(|offered| {
                if let Some(Offered { completion, chosen }) = offered {
                    let count = completion.candidates.len() as isize;
                    let from = chosen.map_or(if by > 0 { -1 } else { count }, |chosen| chosen as isize);
                    *chosen = Some((from + by).rem_euclid(count) as usize);
                }
            });
        };
        let Some(Offered { chosen, .. }) = offered.get_untracked() else {
            if event.key() == "Enter" && !is_json {
                settle(&event);
            }
            if event.key() == " " && event.ctrl_key() {
                event.prevent_default();
                if let Some(control) = Control::of(&event) {
                    ask.with_value(|ask| ask(&control));
                }
            }
            return;
        };
        match event.key().as_str() {
            "ArrowDown" => walk(1),
            "ArrowUp" => walk(-1),
            "Enter" | "Tab" if chosen.is_some() => take.with_value(|take| take(chosen.unwrap_or_default())),
            "Enter" if !is_json => {
                offered.set(None);
                settle(&event);
            }
            "Escape" => offered.set(None),
            _ => return,
        }
        // Neither the field nor the panel around it sees these.
        event.prevent_default();
        event.stop_propagation();
    };
    let typed = move |event: leptos::ev::Event| {
        if let Some(control) = Control::of(&event) {
            ask.with_value(|ask| ask(&control));
        }
    };
    let focused = {
        let pointer = pointer.clone();
        move |event: leptos::ev::FocusEvent| {
            let Some(control) = Control::of(&event) else { return };
            before.set_value(control.read().0);
            if let Some(sample) = sample {
                sample.try_out(&pointer, &control.read().0);
            }
        }
    };
    let left = move |event: leptos::ev::FocusEvent| {
        offered.set(None);
        settle(&event);
    };
    let is_open = move || offered.with(Option::is_some);
    let active = {
        let list = list.clone();
        move || offered.with(|offered| Some(format!("{list}-{}", offered.as_ref()?.chosen?)))
    };
    let control = if is_json {
        view! {
            <textarea id=id.clone() class="mono" rows="3" spellcheck="false" placeholder=hint prop:value=text
                aria-autocomplete="list" aria-controls=list.clone() aria-activedescendant=active
                on:input=typed on:keydown=keys on:focus=focused on:blur=left>{html::escaped(text.get_untracked())}</textarea>
        }
        .erased()
    } else {
        view! {
            <input id=id.clone() class="mono" type="text" spellcheck="false" autocomplete="off" placeholder=hint
                role="combobox" aria-autocomplete="list" aria-controls=list.clone() aria-activedescendant=active
                aria-expanded=move || is_open().to_string()
                value=text.get_untracked() prop:value=text on:input=typed on:keydown=keys on:focus=focused on:blur=left/>
        }
        .erased()
    };
    let options = {
        let list = list.clone();
        move || {
            let Offered { completion, chosen } = offered.get()?;
            let item = |(index, candidate): (usize, Candidate)| {
                let take = move |event: leptos::ev::PointerEvent| {
                    // The field keeps the focus.
                    event.prevent_default();
                    take.with_value(|take| take(index));
                };
                view! {
                    <li id=format!("{list}-{index}") role="option" aria-selected=(Some(index) == chosen).to_string() on:pointerdown=take>
                        <b class="mono">{candidate.text}</b>
                        <span class="faint">{if candidate.detail.is_empty() { candidate.known.word().to_owned() } else { candidate.detail }}</span>
                    </li>
                }
            };
            Some(completion.candidates.into_iter().enumerate().map(item).collect_view())
        }
    };
    let value = sample.map(|sample| sample.value_of(pointer));
    view! {
        <div class="expression">
            {control}
            <ul id=list.clone() role="listbox" aria-label="Names" hidden=move || !is_open()>{options}</ul>
            {value}
        </div>
    }
    .erased()
}
