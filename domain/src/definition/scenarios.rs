//! Scenarios put into the text of a definition, so that everything else in it, comments too, stays as it was written.

use serde_json::{Value, json};

use super::{text, write};
use crate::simulation::Scenario;

/// The text with these scenarios and no others; `None` when it cannot be read. Only where they cannot be put into the text
/// by themselves, all of it is written anew.
pub fn set_scenarios(source: &str, scenarios: &[Value]) -> Option<String> {
    let mut document = text::read(source, &mut Vec::new())?;
    let fields = document.as_object_mut()?;
    match scenarios {
        [] => drop(fields.remove("scenarios")),
        some => drop(fields.insert("scenarios".to_owned(), some.into())),
    }
    let block = if scenarios.is_empty() { String::new() } else { write(&json!({ "scenarios": scenarios })).ok()? };
    let put_in = put_in(source, &block);
    if text::read(&put_in, &mut Vec::new()).as_ref() == Some(&document) {
        return Some(put_in);
    }
    if source.trim_start().starts_with('{') {
        return serde_json::to_string_pretty(&document).ok();
    }
    write(&document).ok()
}

/// The text with a scenario more, in the place of one with the same name if there is one.
pub fn save_scenario(source: &str, scenario: &Scenario) -> Option<String> {
    let document = text::read(source, &mut Vec::new())?;
    let mut scenarios = document.get("scenarios").and_then(Value::as_array).cloned().unwrap_or_default();
    let named = |item: &Value| item.get("name").and_then(Value::as_str) == Some(&scenario.name);
    match scenarios.iter_mut().find(|item| named(item)) {
        Some(known) => *known = scenario.to_value(),
        None => scenarios.push(scenario.to_value()),
    }
    set_scenarios(source, &scenarios)
}

/// The text with `block` in the place of the lines from `scenarios:` up to the next field, or else at the end.
fn put_in(source: &str, block: &str) -> String {
    let begins_field =
        |line: &str| line.starts_with(|first: char| !first.is_whitespace() && first != '#' && first != '-');
    let (mut before, mut after, mut is_inside, mut is_found) = (String::new(), String::new(), false, false);
    for line in source.lines() {
        if line.starts_with("scenarios:") {
            (is_inside, is_found) = (true, true);
            continue;
        }
        is_inside = is_inside && !begins_field(line);
        // A comment at the margin is about what comes next.
        if !is_inside || line.starts_with('#') {
            let part = if is_found { &mut after } else { &mut before };
            part.push_str(line);
            part.push('\n');
        }
    }
    format!("{before}{block}{after}")
}

#[cfg(test)]
mod tests {
    use crate::{
        definition::{parse, shipped},
        simulation::{Move, Scenario, Step},
    };

    use super::*;

    fn scenario(name: &str) -> Scenario {
        let made = Move::Start { input: json!({"a": [1, {"b": "two lines\nof text"}]}), business_key: None };
        let steps = vec![Step::new(made)];
        Scenario { name: name.to_owned(), description: None, now: None, steps, expect: Default::default() }
    }

    #[test]
    fn everything_else_stays_as_it_was_written() {
        for (name, source) in shipped() {
            let before = parse(source).expect(name);
            let one = save_scenario(source, &scenario("a new one")).expect(name);
            let two = save_scenario(&one, &scenario("another one")).expect(name);
            let read = parse(&two).expect(name);
            assert_eq!(read.definition, before.definition);
            assert_eq!(read.scenarios.len(), before.scenarios.len() + 2);
            assert_eq!(read.scenarios.last(), Some(&scenario("another one")));
            let comments = |text: &str| text.lines().filter(|line| line.trim_start().starts_with('#')).count();
            assert_eq!(comments(&two), comments(source), "{two}");
            // Saved again, it takes the place of the one of that name.
            assert_eq!(save_scenario(&two, &scenario("a new one")).as_deref(), Some(two.as_str()));
            let none = set_scenarios(&two, &[]).expect(name);
            assert!(parse(&none).expect(name).scenarios.is_empty() && !none.contains("scenarios:"));
        }
    }

    #[test]
    fn a_text_in_json_stays_json_and_what_cannot_be_read_stays_alone() {
        let source = r#"{"baton": "process/1", "name": "n", "nodes": {}}"#;
        let saved = save_scenario(source, &scenario("s")).expect("it is JSON");
        assert!(saved.starts_with('{'), "{saved}");
        let read: Value = serde_json::from_str(&saved).expect("it is JSON still");
        assert_eq!(read["scenarios"][0]["name"], "s");
        assert_eq!(save_scenario("nodes: [", &scenario("s")), None);
        assert_eq!(save_scenario("just a text", &scenario("s")), None);
    }

    #[test]
    fn scenarios_in_flow_style_or_between_others_are_replaced_as_well() {
        let source = "baton: process/1\nscenarios: [{name: s, steps: []}]\n# The name\nname: n\nnodes: {}\n";
        let saved = save_scenario(source, &scenario("s")).expect("it is YAML");
        let document = text::read(&saved, &mut Vec::new()).expect("it is YAML still");
        assert_eq!(document["scenarios"], json!([scenario("s").to_value()]));
        assert_eq!((&document["name"], document.as_object().map(|it| it.len())), (&json!("n"), Some(4)));
    }
}
