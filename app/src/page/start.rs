//! The start form of a process, drawn from its input schema. What is typed stands in the URL, so that a form can be
//! sent to somebody or kept.

use crate::{erased::Erase, read::Read};
use baton_domain::form::fields as fields_of;
use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};

use super::{parameter, segment};
use crate::{
    call::{self, StartProcess},
    component::{
        confirm::SubmitButton,
        loaded::loaded,
        page_head::PageHead,
        post::PostForm,
        schema_form::{SchemaFields, findings_of, whole_error},
    },
    dom, link,
    model::StartForm,
};

const FORM: &str = "start-form";

#[component]
pub fn StartPage() -> impl IntoView {
    let name = segment("name");
    let version = parameter("version");
    let start = ServerAction::<StartProcess>::new();
    let read = Read::new(
        move || (name.get(), version.get().parse::<u32>().ok()),
        |(name, version)| call::get_start_form(name, version),
    );
    loaded(read, move |form| draw(form, start))
}

fn draw(form: StartForm, start: ServerAction<StartProcess>) -> AnyView {
    let summary = form.definition.summary.clone();
    let base = link::process(&summary.name);
    let crumbs = vec![("Processes".to_owned(), "/processes".to_owned()), (summary.name.clone(), base.clone())];
    let content = match summary.version {
        None => view! {
            <p>"Nothing of this process is published yet, so it cannot be started. "<a href=format!("{base}?draft=1")>"Open the draft"</a></p>
        }
        .erased(),
        Some(newest) => fields(&form, newest, start),
    };
    view! {
        <PageHead title=format!("Start {}", summary.name) crumbs=crumbs/>
        <div class="content narrow">{content}</div>
    }
    .erased()
}

fn fields(form: &StartForm, newest: u32, start: ServerAction<StartProcess>) -> AnyView {
    let query = use_query_map();
    let navigate = use_navigate();
    let name = form.definition.summary.name.clone();
    let path = format!("{}/start", link::process(&name));
    let fields = form.definition.input_schema.as_ref().map(fields_of).unwrap_or_default();
    let known = fields.clone();
    let whole = move || {
        whole_error(&start.value().get(), &known).map(|error| view! { <p class="refusal" role="alert">{error}</p> })
    };
    let findings = Signal::derive(move || findings_of(&start.value().get()));
    let keep = move |_| {
        let kept = dom::form_by_id(FORM).map(|form| dom::query_of(&form)).unwrap_or_default();
        let kept: Vec<&str> = kept
            .split('&')
            .filter(|field| !field.starts_with("idempotency_key=") && !field.starts_with("definition="))
            .collect();
        navigate(
            &format!("{path}?{}", kept.join("&")),
            NavigateOptions { replace: true, scroll: false, ..Default::default() },
        );
    };
    let given = query.get_untracked();
    let chosen = form.definition.shown.unwrap_or(newest);
    let versions = form
        .definition
        .versions
        .iter()
        .map(|version| {
            let number = version.version;
            let words = if number == newest { format!("v{number} (newest)") } else { format!("v{number}") };
            view! { <option value=number.to_string() selected=number == chosen>{words}</option> }
        })
        .collect_view();
    let none = fields.is_empty().then(|| view! { <p class="faint">"This process takes no input."</p> });
    let (texts, idempotency_key) = (given.clone(), form.idempotency_key.clone());
    view! {
        <section class="card pad">
            <PostForm action=start id=FORM on:change=keep>
                <input type="hidden" name="definition" value=name/>
                <input type="hidden" name="idempotency_key" value=idempotency_key/>
                {none}
                <SchemaFields
                    fields=fields
                    prefix="input"
                    value_of=move |field| texts.get(&format!("fields[{field}]"))
                    findings=findings
                />
                <div class="field-row">
                    <div class="field">
                        <label for="business-key">"Business key"</label>
                        <input id="business-key" name="business_key" maxlength="200" autocomplete="off" value=given.get("business_key").unwrap_or_default() aria-describedby="business-key-help"/>
                        <p class="help" id="business-key-help">"Optional: what people call this one, to find it again."</p>
                    </div>
                    <div class="field">
                        <label for="version">"Version"</label>
                        <select id="version" name="version">{versions}</select>
                    </div>
                </div>
                {whole}
                <footer><SubmitButton label="Start" pending=start.pending()/></footer>
            </PostForm>
        </section>
    }
    .erased()
}
