//! A saga as a table: what it reacts to, or its steps with what undoes them. Read from the document, so that it follows
//! along while the text is written.

use leptos::prelude::*;
use serde_json::Value;

use super::table::table;
use crate::erased::Erase;

/// Nothing when there is nothing to show.
pub fn saga_table(document: &Value) -> Option<AnyView> {
    let (title, content) = match (document.get("steps"), document.get("on")) {
        (Some(Value::Array(steps)), _) => ("Steps", steps_table(document, steps)),
        (_, Some(Value::Object(on))) => {
            ("Reactions", reactions_table(on.iter().map(|(event, reaction)| (event.as_str(), reaction))))
        }
        _ => return None,
    };
    let view = view! {
        <section class="card" aria-labelledby="table-title"><h2 id="table-title">{title}</h2>{content}</section>
    };
    Some(view.erased())
}

fn reactions_table<'a>(reactions: impl Iterator<Item = (&'a str, &'a Value)>) -> AnyView {
    let row = |(event, reaction): (&str, &Value)| {
        view! {
            <tr>
                <td class="mono">{event.to_owned()}</td>
                <td class="mono">{text(reaction, "when")}</td>
                <td class="mono">{command(reaction)}</td>
                <td class="mono">{text(reaction, "key")}</td>
            </tr>
        }
    };
    let columns = [("When this happens", ""), ("and", ""), ("send", ""), ("with the key", "")];
    table("Reactions", &columns, reactions.map(row).collect_view().erased())
}

fn steps_table(document: &Value, steps: &[Value]) -> AnyView {
    let row = |(at, step): (usize, &Value)| {
        let undo = step.get("undo");
        view! {
            <tr>
                <td class="num">{at + 1}</td>
                <td><span class="stack">{text(step, "title").or_else(|| text(step, "name"))}<small class="mono faint">{text(step, "when")}</small></span></td>
                <td class="mono">{command(step)}</td>
                <td class="mono">{text(step, "done")}</td>
                <td class="mono">{text(step, "failed")}</td>
                <td class="mono">{time_out(step)}</td>
                <td class="mono">{undo.and_then(command)}</td>
                <td class="mono opt">{undo.and_then(time_out)}</td>
            </tr>
        }
    };
    let starts = text(document, "start").map(|events| format!("Starts with {events}"));
    let columns = [
        ("#", "num"),
        ("Step", ""),
        ("Command", ""),
        ("Done by", ""),
        ("Failed by", ""),
        ("Time-out", ""),
        ("Undone by", ""),
        ("Its time-out", "opt"),
    ];
    let rows = steps.iter().enumerate().map(row).collect_view();
    view! {
        {starts.map(|starts| view! { <p class="pad faint">{starts}", one instance for each "<code>{text(document, "correlate")}</code></p> })}
        {table("Steps", &columns, rows.erased())}
    }
    .erased()
}

/// `Send → receiver`.
pub fn command(of: &Value) -> Option<String> {
    let send = text(of, "send")?;
    Some(text(of, "to").map_or_else(|| send.clone(), |to| format!("{send} → {to}")))
}

pub fn time_out(of: &Value) -> Option<String> {
    let timeout = of.get("timeout")?;
    let after = text(timeout, "after")?;
    Some(text(timeout, "then").map_or_else(|| after.clone(), |then| format!("{after}, then {then}")))
}

/// A text, or a list of texts.
pub fn text(of: &Value, field: &str) -> Option<String> {
    match of.get(field)? {
        Value::String(text) => Some(text.clone()),
        Value::Array(texts) => Some(texts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_is_shown_whether_it_is_one_text_or_several() {
        let step = json!({"send": "Reserve", "to": "stock", "failed": ["OutOfStock", "Gone"], "timeout": {"after": "PT1M", "then": "ask"}});
        assert_eq!(command(&step).as_deref(), Some("Reserve → stock"));
        assert_eq!(text(&step, "failed").as_deref(), Some("OutOfStock, Gone"));
        assert_eq!(time_out(&step).as_deref(), Some("PT1M, then ask"));
        assert_eq!(command(&json!({"done": "X"})), None);
    }
}
