//! The fields of a form that a JSON Schema describes.

use crate::erased::Erase;
use baton_domain::{
    diagnostic::Diagnostic,
    form::{Field, FieldKind},
};
use leptos::prelude::*;

use crate::{
    form::text_of,
    html,
    port::{Answer, AppError},
};

/// The inputs of `fields`. Each is named `fields[name]`; `prefix` makes ids unique on a page with several forms.
/// `value_of` gives the text that a field starts with, `findings` what was wrong with the last sending.
#[component]
pub fn SchemaFields(
    fields: Vec<Field>,
    #[prop(into)] prefix: String,
    value_of: impl Fn(&str) -> Option<String>,
    findings: Signal<Vec<Diagnostic>>,
) -> AnyView {
    fields
        .into_iter()
        .map(|field| {
            let value =
                value_of(&field.name).unwrap_or_else(|| field.default.as_ref().map(text_of).unwrap_or_default());
            one_field(field, &prefix, value, findings)
        })
        .collect_view()
        .erased()
}

fn one_field(field: Field, prefix: &str, value: String, findings: Signal<Vec<Diagnostic>>) -> AnyView {
    let id = format!("{prefix}-{}", field.name);
    let (help_id, wrong_id) = (format!("{id}-help"), format!("{id}-wrong"));
    let name = field.name.clone();
    let wrong = Memo::new(move |_| findings.with(|findings| finding_at(findings, &name)));
    let described = {
        let (help_id, wrong_id, has_help) = (help_id.clone(), wrong_id.clone(), field.help.is_some());
        Signal::derive(move || match (has_help, wrong.with(Option::is_some)) {
            (true, true) => Some(format!("{help_id} {wrong_id}")),
            (true, false) => Some(help_id.clone()),
            (false, true) => Some(wrong_id.clone()),
            (false, false) => None,
        })
    };
    let invalid = Signal::derive(move || wrong.with(Option::is_some).then_some("true"));
    let help = field.help.clone().map(|help| view! { <p class="help" id=help_id>{help}</p> });
    let mark = field.required.then(|| view! { <span class="required" aria-hidden="true">" *"</span> });
    let control = control(&field, id.clone(), value, described, invalid);
    let flag = field.kind == FieldKind::Boolean;
    view! {
        <div class="field" class:flag=flag>
            <label for=id>{field.label.clone()}{mark}</label>
            {control}
            {help}
            {move || wrong.get().map(|wrong| view! { <p class="refusal" id=wrong_id.clone()>{wrong}</p> })}
        </div>
    }
    .erased()
}

fn control(
    field: &Field,
    id: String,
    value: String,
    described: Signal<Option<String>>,
    invalid: Signal<Option<&'static str>>,
) -> AnyView {
    let name = format!("fields[{}]", field.name);
    let required = field.required;
    match &field.kind {
        FieldKind::LongText | FieldKind::List(_) | FieldKind::Json => {
            let (rows, class) = if field.kind == FieldKind::Json { ("5", "mono") } else { ("3", "") };
            view! {
                <textarea
                    id=id
                    name=name
                    rows=rows
                    class=class
                    required=required
                    aria-describedby=described
                    aria-invalid=invalid
                >
                    {html::escaped(value)}
                </textarea>
            }
            .erased()
        }
        FieldKind::Boolean => view! {
            <input id=id type="checkbox" name=name value="true" checked=value == "true" aria-describedby=described aria-invalid=invalid/>
        }
        .erased(),
        FieldKind::Choice(options) => {
            let options = options
                .iter()
                .map(|option| view! { <option value=option.clone() selected=*option == value>{option.clone()}</option> })
                .collect_view();
            let none = (!required || value.is_empty()).then(|| view! { <option value="">"Choose…"</option> });
            view! {
                <select id=id name=name required=required aria-describedby=described aria-invalid=invalid>{none}{options}</select>
            }
            .erased()
        }
        FieldKind::Text | FieldKind::Date | FieldKind::DateTime | FieldKind::Integer | FieldKind::Number => {
            let (kind, step) = input_kind(&field.kind);
            let value = if field.kind == FieldKind::DateTime { value.trim_end_matches('Z').to_owned() } else { value };
            view! {
                <input
                    id=id
                    type=kind
                    step=step
                    name=name
                    value=value
                    required=required
                    autocomplete="off"
                    aria-describedby=described
                    aria-invalid=invalid
                />
            }
            .erased()
        }
    }
}

fn input_kind(kind: &FieldKind) -> (&'static str, Option<&'static str>) {
    match kind {
        FieldKind::Date => ("date", None),
        FieldKind::DateTime => ("datetime-local", Some("1")),
        FieldKind::Integer => ("number", Some("1")),
        FieldKind::Number => ("number", Some("any")),
        _ => ("text", None),
    }
}

/// What was wrong with a field. Pointers lead into the form, or into the request that the form is a part of.
fn finding_at(findings: &[Diagnostic], name: &str) -> Option<String> {
    let found = findings.iter().find(|finding| place(&finding.pointer) == Some(name));
    found.map(|finding| finding.message.clone())
}

/// The field that a pointer leads to or into.
fn place(pointer: &str) -> Option<&str> {
    let inner = ["/input/", "/data/", "/"].into_iter().find_map(|root| pointer.strip_prefix(root))?;
    inner.split('/').next().filter(|name| !name.is_empty())
}

/// The findings of an answer, for [`SchemaFields`].
pub fn findings_of<T>(answer: &Option<Answer<T>>) -> Vec<Diagnostic> {
    match answer {
        Some(Err(AppError::Invalid(findings))) => findings.clone(),
        _ => Vec::new(),
    }
}

/// What was wrong with the form as a whole: findings at no field, or another error.
pub fn whole_error<T>(answer: &Option<Answer<T>>, fields: &[Field]) -> Option<String> {
    match answer {
        Some(Err(AppError::Invalid(findings))) => {
            let elsewhere = |finding: &&Diagnostic| {
                !fields.iter().any(|field| place(&finding.pointer) == Some(field.name.as_str()))
            };
            findings.iter().find(elsewhere).map(|finding| finding.message.clone())
        }
        Some(Err(error)) => Some(error.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use baton_domain::form::fields;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_field_that_a_finding_leads_to_is_marked_and_the_rest_stands_below() {
        let at = |pointer: &str| Diagnostic::error("invalid-input", pointer, pointer);
        let findings = vec![at("/input/employee"), at("/input/to"), at("/input/hotels/0"), at("/business_key")];
        let schema = json!({"properties": {"employee": {}, "to": {}, "hotels": {}, "from": {}}});
        let marked: Vec<_> =
            fields(&schema).into_iter().filter(|field| finding_at(&findings, &field.name).is_some()).collect();
        assert_eq!(marked.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["employee", "hotels", "to"]);
        let answer: Option<Answer<()>> = Some(Err(AppError::Invalid(findings)));
        assert_eq!(whole_error(&answer, &fields(&schema)).as_deref(), Some("/business_key"));
    }
}
