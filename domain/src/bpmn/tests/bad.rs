use super::{super::BPMN_BYTES_MAX, *};

fn refused(text: &str, code: &str, says: &str) {
    let imported = import(text);
    assert_eq!(imported.document, None, "{text:.200}");
    let found = &imported.findings;
    assert!(found.len() == 1 && found[0].code == code && found[0].message.contains(says), "{text:.200}\n{found:#?}");
}

#[test]
fn what_is_no_bpmn_is_refused_with_the_reason() {
    refused("<svg xmlns='http://www.w3.org/2000/svg'/>", "no-bpmn", "begins with");
    refused("<definitions/>", "no-bpmn", "no BPMN 2.0");
    refused("", "syntax", "no element");
    refused("<a><b></a>", "syntax", "line 1");
    refused("<a>\n<b>\n", "syntax", "not whole");
    refused("<a/><b/>", "syntax", "second element");
    refused("<x:a/>", "syntax", "prefix");
    refused("<a b='1' b='2'/>", "syntax", "attribute");
    refused(&file("", ""), "no-process", "no process");
    refused(&format!("<definitions xmlns='{BPMN}'/>"), "no-process", "no process");
}

#[test]
fn document_types_and_their_entities_are_refused() {
    let bomb = r#"<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;&x;">]><a>&y;</a>"#;
    refused(bomb, "syntax", "DOCTYPE");
    refused("<a>&lol;</a>", "syntax", "&lol;");
    refused("<a b='&lol;'/>", "syntax", "attribute");
}

#[test]
fn what_is_too_large_is_refused() {
    refused(&format!("<a>{}</a>", "x".repeat(5 << 20)), "too-large", &BPMN_BYTES_MAX.to_string());
    refused(&"<a>".repeat(70), "syntax", "nested");
    refused(&format!("<a>{}</a>", "<b/>".repeat(70_000)), "syntax", "elements");
    let many: String = (0..2_100).map(|number| format!("<task id='t{number}'/>")).collect();
    refused(&file(&many, ""), "too-large", "2000");
}

#[test]
fn references_that_lead_nowhere_break_nothing() {
    let process = r#"<startEvent id="s"/><task/><boundaryEvent id="b" attachedToRef="nobody"/>
        <sequenceFlow id="l" sourceRef="s" targetRef="nobody"/><subProcess id="sub"/><endEvent id="s"/>
        <intermediateThrowEvent id="x"/><intermediateThrowEvent id="y"/>"#;
    let imported = import(&file(&format!("{process}{}", flows("x>y;y>x")), ""));
    let (_, found) = told(&imported);
    assert!(imported.document.is_some());
    for expected in ["no-id", "same-id s", "loose-flow l"] {
        assert!(found.iter().any(|it| it == expected), "{expected}: {found:?}");
    }
}

#[test]
fn numbers_that_are_none_are_no_places() {
    let shapes = r#"<d:BPMNDiagram xmlns:d="http://www.omg.org/spec/BPMN/20100524/DI"><d:BPMNPlane><d:BPMNShape bpmnElement="s">
        <c:Bounds xmlns:c="http://www.omg.org/spec/DD/20100524/DC" x="NaN" y="1e300" width="inf" height="-"/></d:BPMNShape></d:BPMNPlane></d:BPMNDiagram>"#;
    let imported = import(&file("<startEvent id='s'/>", shapes));
    let document = imported.document.unwrap();
    assert!(document["layout"]["start"][0].is_number(), "{document}");
}
