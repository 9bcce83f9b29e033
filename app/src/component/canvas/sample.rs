//! What expressions are tried with, and what the one that is typed yields for it.

use std::time::Duration;

use baton_domain::designer::sample;
use leptos::{prelude::*, task::spawn_local};

use super::studio::Studio;
use crate::{call, component::exchange::capital, erased::Erase, html};

/// Typing rests this long before an expression is tried.
const TRY_AFTER: Duration = Duration::from_millis(350);
/// The most characters of a value that are shown.
const VALUE_CHARS_MAX: usize = 400;

/// Of one page: what a person enters is kept until it is left.
#[derive(Clone, Copy)]
pub struct Sample {
    studio: Studio,
    /// As JSON; made from the schema of the input until somebody writes another.
    text: RwSignal<Option<String>>,
    /// The pointer of the field that was tried last, and what it yields.
    tried: RwSignal<Option<(String, Result<String, String>)>>,
    /// Goes up with everything that is to be tried.
    asked: StoredValue<u64>,
}

impl Sample {
    pub fn new(studio: Studio) -> Self {
        Self { studio, text: RwSignal::new(None), tried: RwSignal::new(None), asked: StoredValue::new(0) }
    }

    fn read(self) -> String {
        self.text.get().unwrap_or_else(|| {
            let sample = self.studio.editor.with(|editor| sample::sample_of(editor.document()));
            serde_json::to_string_pretty(&sample).unwrap_or_default()
        })
    }

    /// Has the server evaluate what stands in a field, once typing rests.
    pub fn try_out(self, pointer: &str, text: &str) {
        let asked = self.asked.get_value() + 1;
        self.asked.set_value(asked);
        if !text.contains('=') {
            return self.tried.set(None);
        }
        let (pointer, text) = (pointer.to_owned(), text.to_owned());
        set_timeout(
            move || {
                let is_newest = move || self.asked.try_get_value() == Some(asked);
                if !is_newest() {
                    return;
                }
                spawn_local(async move {
                    let answer = call::evaluate(text, untrack(|| self.read())).await;
                    if is_newest() {
                        self.tried.set(Some((pointer, answer.map_err(|error| capital(&error.to_string())))));
                    }
                });
            },
            TRY_AFTER,
        );
    }

    /// What the field there yields, below it.
    pub fn value_of(self, pointer: String) -> AnyView {
        let line = move || {
            self.tried.with(|tried| match tried {
                Some((of, Ok(value))) if *of == pointer => {
                    let value: String = value.chars().take(VALUE_CHARS_MAX).collect();
                    view! { <span class="yields mono">"→ "{value}</span> }.erased()
                }
                Some((of, Err(why))) if *of == pointer => {
                    view! { <span class="yields wrong">{why.clone()}</span> }.erased()
                }
                _ => ().erased(),
            })
        };
        view! { <p class="yield" aria-live="polite">{line}</p> }.erased()
    }

    /// Where it is read and written.
    pub fn editor(self) -> AnyView {
        let changed = move |event: leptos::ev::Event| {
            let text = event_target_value(&event);
            self.text.set(Some(text).filter(|text| !text.trim().is_empty()));
        };
        let hint = match self.studio.is_saga() {
            true => {
                "What expressions are tried with while you type. Made from the scenarios; empty it to have it made anew."
            }
            false => {
                "What expressions are tried with while you type. Made from the input's schema; empty it to have it made anew."
            }
        };
        view! {
            <details class="sample">
                <summary>"Sample for expressions"</summary>
                <label class="visually-hidden" for="expression-sample">"Sample as JSON"</label>
                <textarea id="expression-sample" class="mono" rows="8" spellcheck="false" prop:value=move || self.read() on:change=changed>
                    {html::escaped(untrack(|| self.read()))}
                </textarea>
                <p class="faint">{hint}</p>
            </details>
        }
        .erased()
    }
}
