//! What is open, and the ways on.

use baton_domain::{
    diagnostic::Diagnostic,
    form,
    simulation::{Choice, Question, QuestionKind},
};
use leptos::{
    prelude::*,
    web_sys::{FormData, SubmitEvent},
};
use serde_json::{Value, json};

use super::{
    bench::{Bench, sentence},
    lab,
};
use crate::{
    component::{
        badge::toned,
        json::{json_view, pretty},
        schema_form::SchemaFields,
    },
    dom,
    erased::Erase,
    form::texts_of,
    html,
};

pub fn questions_view(questions: &[Question], bench: Bench) -> AnyView {
    if questions.is_empty() {
        return view! { <p class="faint pad">"Nothing is open: it has come to its end."</p> }.erased();
    }
    let items = questions.iter().enumerate().map(|(index, question)| one(index, question, bench)).collect_view();
    view! { <ul class="trial-questions">{items}</ul> }.erased()
}

fn one(index: usize, question: &Question, bench: Bench) -> AnyView {
    let word = match question.kind {
        QuestionKind::Start => ("open", "start"),
        QuestionKind::Command => ("running", "command"),
        QuestionKind::Undo => ("compensating", "undo"),
        QuestionKind::Call => ("running", "call"),
        QuestionKind::Wait => ("waiting", "wait"),
        QuestionKind::Approval => ("waiting", "approval"),
        QuestionKind::Timer => ("plain", "time"),
    };
    let payload = (!question.payload.is_null()).then(|| {
        view! { <details><summary>"What was sent"</summary>{json_view(&question.payload, "What was sent")}</details> }
    });
    // One way on is enough to be open at first.
    let first = question.choices.iter().position(|choice| !choice.data.is_empty());
    let choices = question.choices.iter().enumerate().map(|(number, choice)| {
        let id = format!("choice-{index}-{number}");
        match choice.data.is_empty() {
            true => press(choice.clone(), bench),
            false => fill(id, choice, first == Some(number) && index == 0, bench),
        }
    });
    let title = if question.node.is_empty() { None } else { Some(question.node.clone()) };
    view! {
        <li>
            <p class="trial-asked">{toned(word.0, word.1.to_owned())}<b>{question.title.clone()}</b><span class="faint mono">{title}</span></p>
            {payload}
            <div class="trial-choices">{choices.collect_view()}</div>
        </li>
    }
    .erased()
}

fn press(choice: Choice, bench: Bench) -> AnyView {
    let made = choice.made;
    view! { <button type="button" class="btn" on:click=move |_| bench.make(made.clone())>{choice.title}</button> }
        .erased()
}

/// A way on with data to be made up: as a form where there is a schema, else as JSON.
fn fill(id: String, choice: &Choice, open: bool, bench: Bench) -> AnyView {
    let data = choice.made[choice.data.as_str()].clone();
    let fields = choice.schema.as_ref().map(form::fields).filter(|fields| !fields.is_empty());
    let findings = RwSignal::new(Vec::<Diagnostic>::new());
    let wrong = RwSignal::new(None::<String>);
    let wrong_id = format!("{id}-wrong");
    let (content, names) = match fields {
        Some(fields) => {
            let names: Vec<String> = fields.iter().map(|field| field.name.clone()).collect();
            let texts = texts_of(&data);
            let value_of = move |name: &str| texts.get(name).cloned();
            let fields = view! { <SchemaFields fields prefix=id.clone() value_of findings=findings.into()/> };
            (fields.erased(), Some(names))
        }
        None => {
            let text = pretty(&if data.is_null() { json!({}) } else { data });
            let rows = text.lines().count().clamp(2, 12).to_string();
            let label = format!("Data of {}", choice.title);
            let described = wrong_id.clone();
            let area = view! {
                <textarea class="mono" name="data" rows=rows spellcheck="false" aria-label=label aria-describedby=described>{html::escaped(text)}</textarea>
            };
            (area.erased(), None)
        }
    };
    let choice = choice.clone();
    let title = choice.title.clone();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(data) = dom::form_of(&event).and_then(|form| FormData::new_with_form(&form).ok()) else { return };
        let text = |name: &str| data.get(name).as_string();
        wrong.set(None);
        let choice = choice.clone();
        match &names {
            None => match serde_json::from_str(&text("data").unwrap_or_default()) {
                Ok(value) => bench.make(with(choice, value)),
                Err(error) => wrong.set(Some(format!("This is not JSON: {error}."))),
            },
            Some(names) => {
                let texts: Vec<(String, String)> =
                    names.iter().filter_map(|name| Some((name.clone(), text(&format!("fields[{name}]"))?))).collect();
                let question = json!({"ask": "fill", "schema": choice.schema, "texts": texts});
                let took = move |answer: Result<String, Vec<Diagnostic>>| match answer {
                    Ok(value) => bench.make(with(choice, serde_json::from_str(&value).unwrap_or_default())),
                    Err(found) => {
                        wrong.set(Some(sentence(&found)));
                        findings.set(found);
                    }
                };
                lab::ask(&question, Box::new(took));
            }
        }
    };
    view! {
        <details class="trial-fill" open=open>
            <summary>{title.clone()}</summary>
            <form on:submit=submit novalidate="novalidate">
                {content}
                <p class="refusal" id=wrong_id role="alert">{move || wrong.get()}</p>
                <button type="submit" class="btn primary">{title.clone()}</button>
            </form>
        </details>
    }
    .erased()
}

fn with(choice: Choice, data: Value) -> Value {
    let mut made = choice.made;
    made[choice.data.as_str()] = data;
    made
}
