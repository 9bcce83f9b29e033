use proptest::prelude::*;
use serde_json::json;

use super::{
    super::{export, is_xml},
    *,
};
use crate::{definition, strategies::any_json};

const EVERYTHING: &str = include_str!("../../definition/tests/everything.yaml");

fn processes() -> Vec<(&'static str, Value)> {
    let shipped = definition::shipped().into_iter().chain([("everything", EVERYTHING)]);
    let read = shipped.map(|(name, text)| (name, definition::parse(text).expect(name).value));
    read.filter(|(_, value)| value["baton"] == "process/1").collect()
}

fn comes_back(document: &Value) {
    let xml = export(document).unwrap();
    assert!(is_xml(&xml));
    let imported = import(&xml);
    assert_eq!(imported.document.as_ref(), Some(document), "{xml}\n{:#?}", imported.findings);
    assert_eq!(imported.findings, [], "{xml}");
}

#[test]
fn every_process_comes_back_as_it_was() {
    let processes = processes();
    assert!(processes.len() >= 2);
    for (_, process) in processes {
        comes_back(&process);
        let mut placed = crate::designer::Document::new(process);
        placed.place_missing(&crate::diagram::tidied(&placed));
        comes_back(placed.value());
    }
}

#[test]
fn a_process_is_written_like_this() {
    let text = "
baton: process/1
name: parcel
title: Parcel
nodes:
  start: {kind: start, next: pack}
  pack:
    kind: command
    send: Pack
    to: warehouse
    on: {Packed: {next: heavy}, Missing: {next: left}, timeout: {after: PT5M, next: left}}
  heavy: {kind: decide, cases: [{when: =input.grams > 2000, next: ask}], default: {next: done}}
  ask: {kind: approval, title: Send it?, outcomes: {yes: {next: done}, no: {next: left}}}
  done: {kind: end}
  left: {kind: end, outcome: failed, reason: No.}
layout: {start: [80, 120], pack: [260, 120], heavy: [500, 120], ask: [740, 240], done: [980, 120], left: [980, 300]}
";
    insta::assert_snapshot!(export(&definition::parse(text).unwrap().value).unwrap());
}

#[test]
fn a_saga_is_no_process() {
    let why = export(&json!({"baton": "saga/1"})).unwrap_err().to_string();
    assert_eq!(why, "only processes can be written as BPMN; this is saga");
    assert!(export(&json!([1])).is_err());
}

/// The XML of a process after somebody replaced things in it.
fn edited(replaced: &[(&str, &str)]) -> Imported {
    let text = "
baton: process/1
name: parcel
nodes:
  start: {kind: start, next: pack}
  pack: {kind: command, title: Pack, send: Pack, to: warehouse, on: {Packed: {next: heavy}, timeout: {after: PT5M, next: left}}}
  heavy: {kind: decide, cases: [{when: =input.grams > 2000, next: left}], default: {next: done}}
  done: {kind: end}
  left: {kind: end, outcome: failed}
layout: {start: [80, 120], pack: [260, 120], heavy: [500, 120], done: [980, 120], left: [980, 300]}
";
    let mut xml = export(&definition::parse(text).unwrap().value).unwrap();
    for (from, to) in replaced {
        assert!(xml.contains(from), "{from}\n{xml}");
        xml = xml.replacen(from, to, 1);
    }
    import(&xml)
}

#[test]
fn what_another_tool_changed_is_taken_over() {
    let changed = |replaced: &[(&str, &str)], pointer: &str, expected: Value| {
        let imported = edited(replaced);
        assert_eq!(imported.findings, [], "{replaced:?}");
        let document = imported.document.unwrap();
        assert_eq!(document.pointer(pointer), Some(&expected).filter(|it| !it.is_null()), "{document:#}");
    };
    changed(&[("name=\"Pack\"", "name=\"Pack &amp; seal\"")], "/nodes/pack/title", json!("Pack & seal"));
    changed(&[("targetRef=\"heavy\"", "targetRef=\"done\"")], "/nodes/pack/on/Packed/next", json!("done"));
    changed(
        &[(">input.grams &gt; 2000<", ">input.grams &gt; 5<")],
        "/nodes/heavy/cases/0/when",
        json!("=input.grams > 5"),
    );
    changed(&[(">PT5M<", ">PT7M<")], "/nodes/pack/on/timeout/after", json!("PT7M"));
    changed(&[("name=\"parcel\"", "name=\"Parcels\"")], "/title", json!("Parcels"));
    let moved = [("x=\"62\" y=\"102\" width=\"36\" height=\"36\"", "x=\"162\" y=\"102\" width=\"36\" height=\"36\"")];
    changed(&moved, "/layout/start", json!([180, 120]));
    let flow = "sourceRef=\"heavy\" targetRef=\"done\"";
    let gone = [(flow, "sourceRef=\"heavy\" targetRef=\"nobody\"")];
    let imported = edited(&gone);
    assert_eq!(told(&imported).1, ["loose-flow heavy.default"]);
    assert_eq!(imported.document.unwrap().pointer("/nodes/heavy/default"), Some(&json!({})));
}

#[test]
fn what_another_tool_added_is_mapped() {
    let task = "<bpmn:task id=\"extra\" name=\"Weigh\"/><bpmn:sequenceFlow id=\"n\" sourceRef=\"extra\" targetRef=\"heavy\"/></bpmn:process>";
    let imported = edited(&[("targetRef=\"heavy\"", "targetRef=\"extra\""), ("</bpmn:process>", task)]);
    let document = imported.document.clone().unwrap();
    assert_eq!(told(&imported).1, ["placeholder extra"]);
    assert_eq!(document["nodes"]["pack"]["on"]["Packed"]["next"], "weigh");
    assert_eq!(document["nodes"]["weigh"]["on"]["WeighDone"]["next"], "heavy");
    let way = "<bpmn:sequenceFlow id=\"n\" name=\"light\" sourceRef=\"heavy\" targetRef=\"left\"/></bpmn:process>";
    let imported = edited(&[("</bpmn:process>", way)]);
    assert_eq!(told(&imported).1, ["new-way n"]);
    let document = imported.document.clone().unwrap();
    assert_eq!(document["nodes"]["heavy"]["cases"][1]["next"], "left", "{document} {:?}", imported.findings);
    let timer = "<bpmn:boundaryEvent id=\"t\" attachedToRef=\"pack\"><bpmn:errorEventDefinition/></bpmn:boundaryEvent>\
                 <bpmn:sequenceFlow id=\"n\" sourceRef=\"t\" targetRef=\"left\"/></bpmn:process>";
    let imported = edited(&[("</bpmn:process>", timer)]);
    assert_eq!(imported.document.unwrap()["nodes"]["pack"]["on"]["SomethingFailed"]["next"], "left");
}

/// Nodes of all kinds, whole and broken, under any names.
fn any_process() -> impl Strategy<Value = Value> {
    let everything = definition::parse(EVERYTHING).expect("it is right").value;
    let whole = everything["nodes"].as_object().expect("they are").values().cloned().collect::<Vec<_>>();
    let node = prop_oneof![3 => prop::sample::select(whole), 1 => any_json()];
    let name = prop_oneof![
        "[a-c]",
        prop::sample::select(vec!["failed", "done", "gather", "start", "x/y", "A ~"]).prop_map(str::to_owned),
        ".{0,6}"
    ];
    let position = prop::option::of((-900_i32..900, -900_i32..900));
    let nodes = prop::collection::btree_map(name, (node, position), 0..7);
    (nodes, prop::option::of(any_json()), ".{0,9}").prop_map(|(nodes, input, title)| {
        let mut process = json!({"baton": "process/1", "name": "any", "title": title, "nodes": {}, "layout": {}});
        for (name, (node, position)) in nodes {
            process["layout"].as_object_mut().unwrap().extend(position.map(|(x, y)| (name.clone(), json!([x, y]))));
            process["nodes"][name] = node;
        }
        process.as_object_mut().unwrap().extend(input.map(|input| ("input".to_owned(), input)));
        process
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_drawn_comes_back(process in any_process()) {
        let xml = export(&process).unwrap();
        let imported = import(&xml);
        prop_assert_eq!(imported.document.as_ref(), Some(&process), "{}\n{:?}", xml, imported.findings);
    }

    #[test]
    fn nothing_that_is_cut_or_mixed_up_panics(process in any_process(), at in 0.0..1.0_f64, text in ".{0,8}") {
        let xml = export(&process).unwrap();
        let mut cut = (xml.len() as f64 * at) as usize;
        while !xml.is_char_boundary(cut) { cut -= 1 }
        import(&format!("{}{text}{}", &xml[..cut], &xml[cut..]));
        import(&xml[..cut]);
    }
}
