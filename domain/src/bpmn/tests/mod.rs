//! What is exported comes back; what is foreign is mapped or found; what is broken is refused.

mod bad;
mod foreign;
mod round;

use serde_json::Value;

use super::{Imported, import, xml::BPMN};

/// A file with one process of these elements, and beside it these others.
fn file(process: &str, beside: &str) -> String {
    format!(
        r#"<?xml version="1.0"?><definitions xmlns="{BPMN}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
        xmlns:camunda="http://camunda.org/schema/1.0/bpmn">{beside}<process id="p" name="Pack it">{process}</process></definitions>"#
    )
}

/// `a>b` or `a>b[condition]`, separated by spaces, as sequence flows.
fn flows(flows: &str) -> String {
    let flow = |(number, flow): (usize, &str)| {
        let (from, rest) = flow.split_once('>').expect("a>b");
        let (to, condition) = rest.split_once('[').unwrap_or((rest, ""));
        let condition = match condition.trim_end_matches(']') {
            "" => String::new(),
            text => format!(
                "<conditionExpression>{}</conditionExpression>",
                text.replace('&', "&amp;").replace('<', "&lt;")
            ),
        };
        format!(r#"<sequenceFlow id="f{number}" sourceRef="{from}" targetRef="{to}">{condition}</sequenceFlow>"#)
    };
    flows.split(';').map(str::trim).filter(|flow| !flow.is_empty()).enumerate().map(flow).collect()
}

/// The nodes in a line each, with what is worth comparing, and the codes of all findings with their elements.
fn told(imported: &Imported) -> (Vec<String>, Vec<String>) {
    let document = imported.document.clone().unwrap_or_default();
    let nodes = document["nodes"].as_object().cloned().unwrap_or_default();
    let node = |(name, mut node): (String, Value)| {
        let map = node.as_object_mut().expect("a node is an object");
        map.remove("title");
        let kind = map.remove("kind").unwrap_or_default();
        format!("{name}: {} {}", kind.as_str().unwrap_or_default(), Value::Object(map.clone()))
    };
    let mut codes: Vec<String> =
        imported.findings.iter().map(|it| format!("{} {}", it.code, it.element).trim().to_owned()).collect();
    codes.sort();
    (nodes.into_iter().map(node).collect(), codes)
}

/// Imports a process of these elements and flows; what comes out of it, a line each.
fn check(process: &str, way: &str, beside: &str, nodes: &[&str], found: &[&str]) {
    let imported = import(&file(&format!("{process}{}", flows(way)), beside));
    let (is_nodes, is_found) = told(&imported);
    assert_eq!(is_nodes, nodes, "{process}\n{:#?}", imported.findings);
    assert_eq!(is_found, found, "{process}\n{:#?}", imported.findings);
}
