//! Names that are offered while an expression is typed.

use super::{
    super::complete::{Candidate, Completion, Known, Place, accept, byte_of, complete, types, units_of},
    *,
};
use crate::definition::wire::Wire;

fn trip() -> Document {
    Document::new(json!({
        "baton": "process/1", "name": "trip",
        "input": {"type": "object", "properties": {
            "employee": {"type": "string", "title": "Employee"}, "address": {"type": "object", "properties": {"city": {"type": "string"}}},
            "not a name": {},
        }},
        "nodes": {
            "start": {"kind": "start", "set": {"begun": "=now"}, "next": "quotes"},
            "quotes": {"kind": "command", "on": {"Quoted": {"set": {"quotes": "=event.payload.quotes"}, "next": "pick"}}},
            "pick": {"kind": "compute", "set": {"route": "=vars.quotes.min_by('price')"}, "next": "ask"},
            "ask": {"kind": "approval", "outcomes": {
                "other": {"form": {"type": "object", "properties": {"code": {"type": "string"}}}, "set": {}, "next": "each"},
            }},
            "each": {"kind": "for-each", "as": "hotel", "into": "prices", "do": "done", "next": "done"},
            "done": {"kind": "end", "reason": "='Booked ' + vars.route.code + vars.route.carrier.trim()"},
        },
    }))
}

/// `|` is the caret. What is offered, in its order, and what the text is once the first is accepted.
fn offered(node: &str, field: &str, is_json: bool, typed: &str) -> Option<(Vec<String>, String)> {
    let caret = typed.find('|').expect("there is a caret");
    let text = typed.replacen('|', "", 1);
    let pointer = format!("/nodes/{node}/{field}");
    let place = Place { node, pointer: &pointer, is_json };
    let completion = complete(&trip(), place, &text, caret)?;
    let (after, caret) = accept(&text, &completion, &completion.candidates[0]);
    let names = completion.candidates.into_iter().map(|candidate| candidate.text).collect();
    Some((names, format!("{}|{}", &after[..caret], &after[caret..])))
}

#[test]
fn types_that_were_seen_are_offered_where_one_is_named() {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let wire = Wire {
        events: set(&["FlightBooked", "FlightRefused"]),
        commands: set(&["BookFlight", "BookHotel", "CancelFlight"]),
        aggregate_types: set(&["flights", "hotels"]),
    };
    let offered = |pointer: &str, text: &str| {
        types(&wire, pointer, text, text.len()).map(|it| {
            let names: Vec<String> = it.candidates.iter().map(|candidate| candidate.text.clone()).collect();
            (names.join(" "), accept(text, &it, &it.candidates[0]).0)
        })
    };
    let some = |names: &str, then: &str| Some((names.to_owned(), then.to_owned()));
    assert_eq!(offered("/nodes/a/send", "Book"), some("BookFlight BookHotel", "BookFlight"));
    assert_eq!(offered("/nodes/a/send", "bho"), some("BookHotel", "BookHotel"));
    assert_eq!(offered("/nodes/a/to", ""), some("flights hotels", "flights"));
    assert_eq!(offered("/steps/0/undo/done", "fr"), some("FlightRefused", "FlightRefused"));
    for (pointer, text) in
        [("/nodes/a/send", "BookHotel"), ("/nodes/a/send", "=vars"), ("/nodes/a/title", "Book"), ("/nodes/a/to", "x")]
    {
        assert_eq!(offered(pointer, text), None, "{pointer} {text}");
    }
}

fn check(node: &str, field: &str, typed: &str, names: &[&str], then: &str) {
    let is_json = typed.starts_with(['{', '[']);
    let (is_names, is_then) = offered(node, field, is_json, typed).unwrap_or_else(|| panic!("nothing at {typed}"));
    assert_eq!(is_names, names, "{typed}");
    assert_eq!(is_then, then, "{typed}");
}

fn nothing(node: &str, field: &str, is_json: bool, typed: &str) {
    assert_eq!(offered(node, field, is_json, typed), None, "{typed}");
}

#[test]
fn roots_are_those_that_the_place_can_see() {
    check("pick", "set", "=in|", &["input", "instance", "int"], "=input|");
    check("pick", "set", "=v|", &["vars"], "=vars|");
    check("quotes", "on/Quoted/set", r#"{"a": "=ev|"}"#, &["event"], r#"{"a": "=event|"}"#);
    nothing("pick", "set", false, "=ev|");
    check("ask", "outcomes/other/set", r#"{"a": "=fo|"}"#, &["form"], r#"{"a": "=form|"}"#);
    nothing("ask", "assignee", false, "=fo|");
    let (all, _) = offered("done", "reason", false, "=|").unwrap();
    assert_eq!(all[..4], ["input", "instance", "now", "vars"]);
}

#[test]
fn fields_come_from_schemas() {
    check("done", "reason", "=input.|", &["address", "employee"], "=input.address|");
    check("done", "reason", "=1 + input.emp| + 2", &["employee"], "=1 + input.employee| + 2");
    check("done", "reason", "=input.e|xx", &["employee"], "=input.employee|");
    check("done", "reason", "=input.address.ci|", &["city", "contains"], "=input.address.city|");
    check("ask", "outcomes/other/set", r#"{"wanted": "=form.|"}"#, &["code"], r#"{"wanted": "=form.code|"}"#);
}

#[test]
fn variables_are_those_that_are_set_on_the_way() {
    check("pick", "set", "=vars.|", &["begun", "quotes"], "=vars.begun|");
    check("done", "reason", "=vars.|", &["begun", "hotel", "prices", "quotes", "route"], "=vars.begun|");
    check("done", "reason", "=vars.ro|", &["route"], "=vars.route|");
    nothing("start", "set", false, "=vars.|");
}

#[test]
fn what_others_read_is_offered_and_functions_behind_values() {
    check("done", "reason", "=vars.route.c|", &["carrier", "code", "contains"], "=vars.route.carrier|");
    check(
        "quotes",
        "on/Quoted/set",
        r#"{"a": "=event.payload.q|"}"#,
        &["quotes"],
        r#"{"a": "=event.payload.quotes|"}"#,
    );
    check("pick", "set", "=vars.quotes.mb|", &["max_by", "min_by"], "=vars.quotes.max_by(|");
    check("pick", "set", "=vars.quotes.mi|(x)", &["min_by"], "=vars.quotes.min_by|(x)");
    check("pick", "set", "=[1, 2].su|", &["sum"], "=[1, 2].sum(|");
    check("pick", "set", "=vars.quotes[0].fir|", &["first", "filter"], "=vars.quotes[0].first(|");
    check("pick", "set", "=siz|", &["size"], "=size(|");
}

#[test]
fn nothing_is_offered_where_no_name_is_typed() {
    for typed in [
        "|",
        "vars.|",
        "==in|",
        "='in|",
        "=\"vars.|",
        "=12|",
        "=1.|",
        "=x + .|",
        "=nothing_like_that|",
        "=input|",
        "=size(x)|",
        "=vars.route |",
        "=vars.quotes[0]|",
        "=input.address.size|",
    ] {
        nothing("done", "reason", false, typed);
    }
    for typed in [r#"{"in|"#, r#"{"a": "in|"}"#, r#"{"a": in|}"#, r#"{"a": "='in|'"}"#] {
        nothing("done", "set", true, typed);
    }
    check("done", "set", r#"{"a": ["=\"x\" + inp|"]}"#, &["input"], r#"{"a": ["=\"x\" + input|"]}"#);
    check("done", "input", "=inp|", &["input"], "=input|");
}

#[test]
fn carets_are_counted_as_browsers_do() {
    let text = "='😀é' + vars.";
    for (at, _) in text.char_indices().chain([(text.len(), ' ')]) {
        assert_eq!(byte_of(text, units_of(text, at)), at);
    }
    assert_eq!(byte_of(text, 4), 6, "inside of a pair: before or behind it, never within");
    assert_eq!(byte_of(text, 1_000), text.len());
    let completion =
        complete(&trip(), Place { node: "done", pointer: "/nodes/done/reason", is_json: false }, text, text.len());
    assert_eq!(completion.unwrap().candidates.len(), 5);
}

proptest::proptest! {
    #[test]
    fn nothing_that_is_typed_panics(text in "(=|\\{\"a\": \"=)?[a-z\\.\"'\\\\(\\[é😀 =]{0,14}", at in 0_usize..20) {
        let at = byte_of(&text, at);
        for is_json in [false, true] {
            let place = Place { node: "done", pointer: "/nodes/done/set", is_json };
            if let Some(completion) = complete(&trip(), place, &text, at) {
                let Completion { candidates, .. } = &completion;
                let known = |candidate: &Candidate| !candidate.text.is_empty() && candidate.known.word() != "";
                proptest::prop_assert!(candidates.iter().all(known));
                let (after, caret) = accept(&text, &completion, &candidates[0]);
                proptest::prop_assert!(after.is_char_boundary(caret));
                proptest::prop_assert!(candidates[0].known != Known::Root || after.contains(&candidates[0].text));
            }
        }
    }
}
