//! Each edit: what it leaves behind, what it says, and that it can be taken back.

use super::*;
use crate::definition::shipped;

/// Does the edit, checks that it can be taken back and done again, and shows what is left: the edges, or why not.
fn done(document: &mut Document, edit: Edit) -> String {
    let before = document.clone();
    match apply(document, &edit) {
        Err(forbidden) => {
            assert_eq!(*document, before, "an edit that failed changes nothing");
            format!("no: {forbidden}")
        }
        Ok(change) => {
            let after = document.clone();
            change.inverse().apply(document);
            assert_eq!(*document, before, "taken back: {edit:?}");
            change.apply(document);
            assert_eq!(*document, after, "done again: {edit:?}");
            format!("{}: {}", change.sentence, edges(document).join(" "))
        }
    }
}

fn check(edit: Edit, expected: &str) {
    assert_eq!(done(&mut small(), edit.clone()), expected, "{edit:?}");
}

const AT: Point = (400.0, 500.0);

#[test]
fn nodes_are_added() {
    check(Edit::Add { kind: Kind::Timer, at: AT }, "Added Timer: ask.yes>done start.next>ask");
    check(Edit::Add { kind: Kind::Start, at: AT }, "no: There is a start already; a process has exactly one.");
    check(Edit::Add { kind: Kind::Unknown, at: AT }, "no: There are no nodes of that kind.");
    check(
        Edit::Append { from: port("ask.no"), kind: Kind::Command, at: AT },
        "Added Command after no of Ask: ask.no>command ask.yes>done start.next>ask",
    );
    check(
        Edit::Append { from: port("done.next"), kind: Kind::Command, at: AT },
        "no: Done is an end: nothing follows it.",
    );
    check(
        Edit::Append { from: port("ask.maybe"), kind: Kind::Command, at: AT },
        "no: Ask has no way out called `maybe`.",
    );
}

#[test]
fn nodes_are_put_into_edges() {
    check(
        Edit::Insert { edge: port("ask.yes"), kind: Kind::Timer, at: AT },
        "Added Timer between Ask and Done: ask.yes>timer start.next>ask timer.next>done",
    );
    check(
        Edit::Insert { edge: port("ask.yes"), kind: Kind::End, at: AT },
        "no: An end leads nowhere, so it cannot stand in the middle of an edge.",
    );
    check(Edit::Insert { edge: port("ask.no"), kind: Kind::Timer, at: AT }, "no: There is no edge to put it into.");
    check(
        Edit::DropOnEdge { node: "lone".into(), edge: port("ask.yes") },
        "Put Lone between Ask and Done: ask.yes>lone lone.next>done start.next>ask",
    );
    check(Edit::DropOnEdge { node: "ask".into(), edge: port("start.next") }, "no: It cannot be put into this edge.");
}

#[test]
fn nodes_are_removed_with_their_edges() {
    let remove = |names: &[&str]| Edit::Remove { nodes: names.iter().map(|name| (*name).to_owned()).collect() };
    check(remove(&["done"]), "Removed Done: start.next>ask");
    check(remove(&["ask", "done"]), "Removed 2 nodes: ");
    check(remove(&["ghost"]), "no: There is nothing to remove.");
    let mut document = small();
    done(&mut document, remove(&["ask"]));
    assert_eq!(document.value()["nodes"]["start"], json!({"kind": "start"}));
    assert_eq!(document.position("ask"), None);
    // Where branches come together is a name, too.
    let mut document =
        Document::new(json!({"nodes": {"f": {"kind": "fork", "branches": {}, "join": "j"}, "j": {"kind": "join"}}}));
    done(&mut document, remove(&["j"]));
    assert_eq!(document.value()["nodes"]["f"], json!({"kind": "fork", "branches": {}}));
}

#[test]
fn everything_follows_a_new_name() {
    let rename = |node: &str, to: &str| Edit::Rename { node: node.into(), to: to.into() };
    check(rename("ask", "really"), "Renamed ask to really: really.yes>done start.next>really");
    for bad in ["", "Ask", "a b", "-a", "a-", "a--b", "1a", "é", "a_b", &"a".repeat(101)] {
        assert!(done(&mut small(), rename("ask", bad)).starts_with("no: "), "`{bad}`");
    }
    check(rename("ask", "done"), "no: There is a node `done` already; names are unique.");
    check(rename("ask", "ask"), "no: That is what it is called.");
    let mut document = small();
    done(&mut document, rename("ask", "really"));
    assert_eq!(document.position("really"), Some((300.0, 100.0)));
    let mut document = Document::new(json!({"nodes": {
        "f": {"kind": "fork", "branches": {"a": {"next": "j"}}, "join": "j"},
        "j": {"kind": "join", "next": "j"},
        "l": {"kind": "for-each", "do": "j", "next": "j"},
        "d": {"kind": "decide", "cases": [{"next": "j"}], "default": {"next": "j"}},
        "w": {"kind": "command", "on": {"A": "j", "timeout": {"ask": {"send": "Q"}, "next": "j"}}},
    }}));
    done(&mut document, rename("j", "k"));
    assert!(!document.value().to_string().contains("\"j\""), "{}", document.value());
}

#[test]
fn titles_are_set_and_taken_away() {
    let title = |title: Option<&str>| Edit::SetTitle { node: "lone".into(), title: title.map(str::to_owned) };
    let mut document = small();
    assert!(done(&mut document, title(Some(" Sum "))).starts_with("Changed the title of Lone to Sum: "));
    assert_eq!(document.title("lone"), "Sum");
    assert!(done(&mut document, title(Some("  "))).starts_with("Changed the title of Sum to Lone: "));
    assert_eq!(document.node("lone"), small().node("lone"));
}

#[test]
fn edges_are_led_elsewhere() {
    let connect = |from: &str, to: &str| Edit::Connect { from: port(from), to: to.into() };
    check(connect("ask.no", "lone"), "Connected no of Ask to Lone: ask.no>lone ask.yes>done start.next>ask");
    check(connect("ask.yes", "lone"), "Connected yes of Ask to Lone: ask.yes>lone start.next>ask");
    check(connect("lone.next", "lone"), "Connected Lone to Lone: ask.yes>done lone.next>lone start.next>ask");
    check(connect("ask.no", "start"), "no: Nothing can lead back to the start; lead to the node after it.");
    check(connect("ask.no", "ghost"), "no: There is no node `ghost`.");
    check(connect("ghost.next", "done"), "no: There is no node `ghost`.");
    check(connect("done.next", "ask"), "no: Done is an end: nothing follows it.");
    check(connect("ask.yes", "done"), "no: They are connected already.");
    check(Edit::Disconnect { edge: port("ask.yes") }, "Disconnected yes of Ask from Done: start.next>ask");
    check(Edit::Disconnect { edge: port("ask.no") }, "no: There is no edge to remove.");
    let leave = |edge: &str, from: &str| Edit::ReconnectSource { edge: port(edge), from: port(from) };
    check(leave("ask.yes", "ask.no"), "Connected no of Ask to Done: ask.no>done start.next>ask");
    check(leave("ask.yes", "lone.next"), "Connected Lone to Done: lone.next>done start.next>ask");
    check(leave("ask.yes", "start.next"), "no: Start leads somewhere already.");
    check(leave("ask.yes", "ask.yes"), "no: It leaves there already.");
}

#[test]
fn kinds_are_replaced_and_what_fits_is_kept() {
    let replace = |node: &str, kind: Kind| Edit::ReplaceKind { node: node.into(), kind };
    check(replace("ask", Kind::Decide), "Made Ask a node of the kind decide: ask.case-1>done start.next>ask");
    check(replace("lone", Kind::Start), "no: There is a start already; a process has exactly one.");
    check(replace("lone", Kind::Compute), "no: It is of that kind already.");
    let mut document = Document::new(json!({"nodes": {"a": {
        "kind": "command", "title": "Book", "description": "d", "send": "S", "to": "t", "undo": {"send": "U"},
        "match": {"event": "=1", "with": "=1"},
        "on": {"Booked": {"set": {"x": 1}, "next": "b"}},
    }, "b": {"kind": "end"}}}));
    done(&mut document, replace("a", Kind::Wait));
    assert_eq!(
        document.node("a"),
        Some(&json!({
            "kind": "wait", "title": "Book", "description": "d", "match": {"event": "=1", "with": "=1"},
            "on": {"Booked": {"set": {"x": 1}, "next": "b"}},
        }))
    );
    done(&mut document, replace("a", Kind::Call));
    assert_eq!(edges(&document), ["a.completed>b"], "events are no ends of a process");
    done(&mut document, replace("a", Kind::Approval));
    assert_eq!(document.value()["nodes"]["a"]["title"], "Book");
    done(&mut document, replace("a", Kind::Timer));
    assert_eq!(document.value()["nodes"]["a"].get("title"), None, "the title of a task is no title of a node");
    assert_eq!(edges(&document), ["a.next>b"]);
}

#[test]
fn every_kind_can_become_every_other() {
    for from in Kind::ALL {
        for to in Kind::ALL {
            let mut document = Document::new(json!({"nodes": {}}));
            done(&mut document, Edit::Add { kind: from, at: AT });
            let text = done(&mut document, Edit::ReplaceKind { node: from.name().into(), kind: to });
            assert_eq!(text.starts_with("no: "), from == to, "{from:?} to {to:?}: {text}");
            assert_eq!(document.kind_of(from.name()), to);
        }
    }
}

fn waits() -> Document {
    Document::new(json!({"nodes": {
        "c": {
            "kind": "command", "fails": ["No", "Late"], "retry": {"on": "No", "attempts": 2, "delay": "PT1S"},
            "on": {"Yes": {"next": "e"}, "No": {"next": "e"}, "Late": {}},
        },
        "a": {"kind": "approval", "outcomes": {"yes": {"next": "e"}}},
        "d": {"kind": "decide", "cases": [{"when": "=a", "next": "e"}, {"when": "=b"}], "default": {}},
        "f": {"kind": "fork", "branches": {"left": {}}},
        "p": {"kind": "call", "on": {"completed": {}}},
        "l": {"kind": "for-each"},
        "t": {"kind": "timer"},
        "e": {"kind": "end"},
    }}))
}

fn ports_of(document: &Document, node: &str) -> String {
    document.ports(node).into_iter().map(|port| port.name).collect::<Vec<_>>().join(" ")
}

#[test]
fn ways_out_are_added() {
    for (node, name, expected) in [
        ("c", Some("Maybe"), "Late Maybe No Yes"),
        ("c", None, "Late No SomethingElse Yes"),
        ("c", Some("timeout"), "Late No Yes timeout"),
        ("a", Some("no"), "no yes"),
        ("a", None, "outcome yes"),
        ("a", Some("timeout"), "yes timeout"),
        ("d", None, "case-1 case-2 case-3 default"),
        ("f", None, "branch left"),
        ("f", Some("timeout"), "left timeout"),
        ("p", None, "completed failed"),
        ("p", Some("refused"), "completed refused"),
        ("l", Some("timeout"), "do next timeout"),
    ] {
        let mut document = waits();
        let text = done(&mut document, Edit::AddPort { node: node.into(), name: name.map(str::to_owned) });
        assert_eq!(ports_of(&document, node), expected, "{node} {name:?}: {text}");
    }
    for (node, name) in [
        ("c", Some("Yes")),
        ("c", Some("")),
        ("c", Some("baton.ProcessEnded")),
        ("a", Some("Not Kebab")),
        ("p", Some("exploded")),
        ("t", None),
        ("t", Some("timeout")),
        ("e", None),
        ("e", Some("timeout")),
        ("d", Some("timeout")),
        ("ghost", None),
    ] {
        let text = done(&mut waits(), Edit::AddPort { node: node.into(), name: name.map(str::to_owned) });
        assert!(text.starts_with("no: "), "{node} {name:?}: {text}");
    }
}

#[test]
fn ways_out_are_renamed_and_removed_wherever_they_are_named() {
    let mut document = waits();
    done(&mut document, Edit::RenamePort { port: port("c.No"), to: "Never".into() });
    let command = document.node("c").cloned().unwrap_or_default();
    assert_eq!((&command["fails"], &command["retry"]["on"]), (&json!(["Never", "Late"]), &json!("Never")));
    assert_eq!(edges(&document).join(" "), "a.yes>e c.Never>e c.Yes>e d.case-1>e");
    done(&mut document, Edit::RemovePort { port: port("c.Never") });
    let command = document.node("c").cloned().unwrap_or_default();
    assert_eq!((&command["fails"], command["retry"].get("on")), (&json!(["Late"]), None));
    done(&mut document, Edit::RemovePort { port: port("d.case-1") });
    assert_eq!(document.value()["nodes"]["d"]["cases"], json!([{"when": "=b"}]));
    for (edit, what) in [
        (Edit::RenamePort { port: port("d.default"), to: "x".into() }, "default"),
        (Edit::RenamePort { port: port("t.next"), to: "x".into() }, "next"),
        (Edit::RenamePort { port: port("a.yes"), to: "Yes!".into() }, "no name"),
        (Edit::RenamePort { port: port("c.Yes"), to: "Late".into() }, "taken"),
        (Edit::RenamePort { port: port("c.Yes"), to: "timeout".into() }, "a time-out"),
        (Edit::RemovePort { port: port("t.next") }, "next"),
        (Edit::RemovePort { port: port("d.default") }, "default"),
        (Edit::RemovePort { port: port("l.do") }, "do"),
    ] {
        assert!(done(&mut document, edit).starts_with("no: "), "{what}");
    }
    for node in ["c", "a", "f", "l", "p"] {
        let mut document = waits();
        let before = ports_of(&document, node);
        done(&mut document, Edit::AddPort { node: node.into(), name: Some("timeout".into()) });
        let text = done(&mut document, Edit::RemovePort { port: PortRef::new(node, "timeout") });
        assert_eq!(ports_of(&document, node), before, "{text}");
    }
}

#[test]
fn cases_change_places() {
    let mut document = waits();
    assert!(
        done(&mut document, Edit::MoveCase { node: "d".into(), from: 0, to: 1 })
            .starts_with("Moved case 1 of D to place 2")
    );
    assert_eq!(document.value()["nodes"]["d"]["cases"], json!([{"when": "=b"}, {"when": "=a", "next": "e"}]));
    for (from, to) in [(0, 0), (0, 2), (2, 0)] {
        assert!(done(&mut document, Edit::MoveCase { node: "d".into(), from, to }).starts_with("no: "));
    }
}

#[test]
fn only_positions_change_when_nodes_are_moved() {
    let move_to = |at: Point| Edit::Move { positions: [("ask".to_owned(), at), ("ghost".to_owned(), at)].into() };
    let mut document = small();
    let change = apply(&mut document, &move_to((12.0, 34.56))).expect("it can be moved");
    assert!(!change.changes_meaning());
    assert_eq!(change.sentence, "Moved Ask");
    assert_eq!(document.value()["layout"]["ask"], json!([12, 34.6]));
    let change = apply(&mut document, &Edit::Disconnect { edge: port("ask.yes") }).expect("it can be disconnected");
    assert!(change.changes_meaning());
    check(Edit::Move { positions: Default::default() }, "no: There is nothing to move.");
    let all = small().positions();
    check(Edit::Tidy { positions: all }, "Tidied the diagram: ask.yes>done start.next>ask");
}

#[test]
fn any_value_can_be_set() {
    let set = |pointer: &str, value: Value| Edit::Set { pointer: pointer.into(), value: Some(value) };
    check(set("/nodes/ask/due", json!("P1D")), "Changed due of Ask: ask.yes>done start.next>ask");
    check(set("/title", json!("T")), "Changed title: ask.yes>done start.next>ask");
    check(
        set("/nodes/ask/title/x", json!(1)),
        "no: `/nodes/ask/title` is no object, so nothing can be put into it. Mend it first.",
    );
    check(
        Edit::Set { pointer: "/nodes/ask/title".into(), value: None },
        "Changed title of Ask: ask.yes>done start.next>ask",
    );
}

#[test]
fn a_text_written_anew_keeps_the_places_of_nodes() {
    let mut document = small();
    let mut value = document.value().clone();
    value.as_object_mut().expect("an object").remove("layout");
    value["nodes"]["more"] = json!({"kind": "end"});
    done(&mut document, Edit::Rewrite { value });
    assert_eq!(document.position("ask"), Some((300.0, 100.0)));
    assert!(document.position("more").is_some());
    check(Edit::Rewrite { value: json!([]) }, "no: A definition is an object with `baton` and `name`.");
}

#[test]
fn new_names_take_no_name_that_is_taken_or_led_to() {
    let mut document = Document::new(json!({"nodes": {
        "timer": {"kind": "end"}, "timer-3": {"kind": "timer", "next": "timer-2"},
    }}));
    let change = apply(&mut document, &Edit::Add { kind: Kind::Timer, at: AT }).expect("it can be added");
    assert_eq!(change.select, ["timer-4"]);
}

#[test]
fn there_are_at_most_five_hundred_nodes() {
    let nodes: serde_json::Map<String, Value> =
        (0..500).map(|number| (format!("n{number}"), json!({"kind": "join", "next": "n1"}))).collect();
    let mut document = Document::new(json!({"nodes": nodes}));
    let most = "no: A process has at most 500 nodes.";
    assert_eq!(done(&mut document, Edit::Add { kind: Kind::End, at: AT }), most);
    assert_eq!(done(&mut document, Edit::Insert { edge: port("n0.next"), kind: Kind::Join, at: AT }), most);
}

#[test]
fn what_is_drawn_is_what_the_reader_accepts() {
    // Every shipped process survives being taken to pieces and put together again.
    for (name, text) in shipped().into_iter().filter(|(_, text)| text.contains("process/1")) {
        let value = crate::definition::parse(text).expect(name).value;
        let mut document = Document::new(value);
        let before = document.clone();
        let mut changes = Vec::new();
        let names: Vec<String> = document.names().map(str::to_owned).collect();
        for name in names {
            for edge in document.incoming(&name) {
                changes.push(apply(&mut document, &Edit::Disconnect { edge }).expect("it can be cut"));
            }
            let edit = Edit::Rename { to: format!("{name}-renamed"), node: name };
            changes.push(apply(&mut document, &edit).expect("it can be renamed"));
        }
        assert!(edges(&document).is_empty());
        for change in changes.iter().rev() {
            change.inverse().apply(&mut document);
        }
        assert_eq!(document, before);
    }
}
