//! Scenarios name nodes, so a node that is renamed is renamed in them.

use serde_json::{Value, json};

/// The scenarios of a document with a node called otherwise; `None` when they do not name it.
pub fn renamed(scenarios: &Value, node: &str, to: &str) -> Option<Value> {
    let mut after = scenarios.clone();
    let rename = |value: Option<&mut Value>| {
        if let Some(value) = value.filter(|value| value.as_str() == Some(node)) {
            *value = json!(to);
        }
    };
    let in_expectation = |holder: &mut Value| {
        for field in ["at", "path"] {
            let names = holder.get_mut("expect").and_then(|expect| expect.get_mut(field)).and_then(Value::as_array_mut);
            names.into_iter().flatten().for_each(|name| rename(Some(name)));
        }
    };
    for scenario in after.as_array_mut()? {
        in_expectation(scenario);
        for step in scenario.get_mut("steps").and_then(Value::as_array_mut).into_iter().flatten() {
            ["answer", "at", "timer"].into_iter().for_each(|field| rename(step.get_mut(field)));
            in_expectation(step);
        }
    }
    (after != *scenarios).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wherever_a_scenario_names_a_node_it_is_renamed_and_nowhere_else() {
        let scenarios = json!([{"name": "ask", "steps": [
            {"answer": "ask", "with": "ask", "payload": {"at": "ask"}, "expect": {"at": ["ask", "other"], "sent": ["ask"]}},
            {"choose": "ask", "at": "ask"}, {"timer": "ask"}, {"timer": "other"}, "ask"],
            "expect": {"path": ["start", "ask"], "vars": {"at": "ask"}}}]);
        let expected = json!([{"name": "ask", "steps": [
            {"answer": "q", "with": "ask", "payload": {"at": "ask"}, "expect": {"at": ["q", "other"], "sent": ["ask"]}},
            {"choose": "ask", "at": "q"}, {"timer": "q"}, {"timer": "other"}, "ask"],
            "expect": {"path": ["start", "q"], "vars": {"at": "ask"}}}]);
        assert_eq!(renamed(&scenarios, "ask", "q"), Some(expected));
        assert_eq!(renamed(&scenarios, "nobody", "q"), None);
        assert_eq!(renamed(&json!({"ask": 1}), "ask", "q"), None);
    }
}
