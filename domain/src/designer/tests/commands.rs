//! What keys do.

use super::{played::Page, *};
use crate::designer::{
    command::{offered, targets},
    keys::{self, BINDINGS, Modifiers},
};

fn check(script: &str, expected: &[&str]) {
    let mut page = Page::of(small());
    page.play(script);
    assert_eq!(page.told, expected, "{script}");
}

const ASK: &str = "down 300,100; up; ";
const LONE: &str = "down 300,300; up; ";

/// After something was selected.
fn check_on(selected: &str, keys: &str, expected: &[&str]) {
    let mut page = Page::of(small());
    page.play(selected);
    page.told.clear();
    page.play(keys);
    assert_eq!(page.told, expected, "{keys}");
}

#[test]
fn keys_look_around() {
    check("key +", &["view 100,60 1.25"]);
    check("key -", &["view -125,-75 0.80"]);
    check("key +; key 0", &["view 100,60 1.25", "view 0,0 1.00"]);
    check("key 1", &["view -118,-100 1.00"]);
    check("key Ctrl+ArrowRight", &["view 80,0 1.00"]);
    check("key Ctrl+ArrowUp", &["view 0,-80 1.00"]);
    check("key ArrowDown", &["view 0,80 1.00"]);
    check("key Ctrl+f", &["Find"]);
    check("key ?", &["Help"]);
}

#[test]
fn keys_select() {
    check("key Ctrl+a", &["select ask done lone start ask.yes start.next"]);
    check("key Tab; key Tab; key Tab; key Tab; key Tab", &["select start", "select ask", "select lone", "select done"]);
    check("key Shift+Tab; key Shift+Tab", &["select done", "select lone"]);
    check("key Escape", &[]);
    check_on(ASK, "key Escape", &["select"]);
    check_on(ASK, "key Alt+ArrowRight", &["select done"]);
    check_on(ASK, "key Alt+ArrowLeft", &["select start"]);
    check_on(ASK, "key Alt+ArrowDown", &["select lone"]);
    check_on(ASK, "key Alt+ArrowUp", &[]);
    check("key Alt+ArrowUp", &["select start"]);
}

#[test]
fn keys_move_what_is_selected() {
    check_on(LONE, "key ArrowRight; key ArrowRight", &["Moved Lone", "Moved Lone"]);
    let mut page = Page::of(small());
    page.play(&format!("{LONE} key ArrowRight; key ArrowRight; key Shift+ArrowDown"));
    assert_eq!(page.editor.document().position("lone"), Some((308.0, 340.0)));
    assert_eq!(page.editor.history().len(), 1);
    page.play("key Ctrl+z");
    assert_eq!(page.editor.document(), &small());
    page.play("key Ctrl+Shift+z; key Ctrl+z; key Ctrl+y");
    assert_eq!(page.editor.document().position("lone"), Some((308.0, 340.0)));
}

#[test]
fn keys_edit() {
    check_on(ASK, "key Enter", &["settings of ask"]);
    check_on(ASK, "key F2", &["rename ask"]);
    check_on(ASK, "key a", &["offer after ask.no"]);
    check_on(ASK, "key A", &["offer after ask.no"]);
    check_on(ASK, "key r", &["offer instead of ask"]);
    check_on(ASK, "key c", &["choose where ask leads"]);
    check_on(ASK, "key Delete", &["Removed Ask"]);
    check_on(ASK, "key Backspace", &["Removed Ask"]);
    check_on(ASK, "key t; key Ctrl+s", &["Tidy", "Save"]);
    check_on("down 450,110; up", "key Delete", &["Disconnected yes of Ask from Done"]);
    check_on("down 450,110; up", "key a", &["offer into ask.yes"]);
    check_on("down 450,110; up", "key Enter", &["settings of ask"]);
    check_on("down 600,100; up", "key c", &["no: Nothing follows Done: it has no way out."]);
    check_on("down 600,100; up", "key a", &["no: Done has no way out, so nothing can follow it."]);
    check_on(
        "down 100,100; up",
        "key a",
        &["no: Every way out of Start leads somewhere already. Select an edge to insert a node into it."],
    );
    check("key a", &["offer at 500,300"]);
    check("key Enter", &["settings of the definition"]);
    for nothing in ["key F2", "key r", "key c", "key Delete", "key Ctrl+c", "key Ctrl+x", "key Ctrl+d"] {
        check(nothing, &[]);
    }
    check_on("key Ctrl+a", "key Delete", &["Removed 4 nodes"]);
    check_on(LONE, "key Ctrl+d", &["Pasted Lone 2"]);
    check_on("down 100,100; up", "key Ctrl+d", &["no: There is a start already; a process has exactly one."]);
    check_on(LONE, "key Ctrl+v", &["read the clipboard"]);
    let mut page = Page::of(small());
    page.play(&format!("{LONE} key Ctrl+x"));
    assert!(page.told[1].starts_with("copy ") && page.told[2] == "Removed Lone", "{:?}", page.told);
}

#[test]
fn no_key_fires_while_one_types() {
    for binding in &BINDINGS {
        let key = binding.chord.rsplit_once('+').map_or(binding.chord, |(_, key)| key);
        assert_eq!(keys::command(key, Modifiers::default(), true), None, "{}", binding.chord);
        assert_eq!(keys::command(key, Modifiers { ctrl: true, ..Modifiers::default() }, true), None);
    }
}

#[test]
fn keys_with_other_modifiers_are_not_ours() {
    let held = |ctrl, shift, alt| Modifiers { ctrl, shift, alt, space: false };
    for (key, modifiers) in [
        ("a", held(false, false, true)),
        ("a", held(false, true, false)),
        ("c", held(true, true, false)),
        ("r", held(true, false, false)),
        ("Delete", held(true, false, false)),
        ("ArrowLeft", held(true, true, false)),
        ("F5", held(false, false, false)),
        ("q", held(false, false, false)),
    ] {
        assert_eq!(keys::command(key, modifiers, false), None, "{key} {modifiers:?}");
    }
    let shifted = Modifiers { shift: true, ..Modifiers::default() };
    assert_eq!(keys::command("?", shifted, false), Some(Command::Help));
    assert_eq!(keys::command("+", shifted, false), Some(Command::ZoomIn));
    assert_eq!(keys::command("+", Modifiers::default(), false), Some(Command::ZoomIn));
    assert_eq!(keys::command("Z", held(true, true, false), false), Some(Command::Redo));
}

#[test]
fn the_help_has_every_key_once() {
    let help = keys::help(false);
    let chords: usize = help.iter().map(|line| line.chords.len()).sum();
    assert_eq!(chords, BINDINGS.len());
    for (index, binding) in BINDINGS.iter().enumerate() {
        assert!(!binding.description.is_empty());
        assert!(BINDINGS[..index].iter().all(|other| other.chord != binding.chord), "{} twice", binding.chord);
        let shown = help.iter().filter(|line| line.description == binding.description);
        assert_eq!(shown.count(), 1);
    }
    let undo = help.iter().find(|line| line.description == "Redo").expect("it is there");
    assert_eq!(undo.chords, ["Ctrl+Y", "Ctrl+Shift+Z"]);
}

#[test]
fn menus_say_what_can_be_chosen_and_do_it() {
    let mut page = Page::of(small());
    let after = Offer::After { from: port("ask.no"), at: None };
    for (kind, verdict) in offered(&after, page.editor.document()) {
        assert_eq!(verdict.is_allowed(), kind != Kind::Start, "{kind:?}");
    }
    page.choose(&after, Kind::Command);
    assert_eq!(page.told, ["Added Command after no of Ask"]);
    let place = page.editor.document().position("command").expect("it has a place");
    assert!(place.0 > 500.0 && place.1 != 100.0, "beside the node, not on top of done: {place:?}");
    let place = |page: &Page, node: &str| page.editor.document().position(node).expect("it has a place");
    page.choose(&Offer::After { from: port("lone.next"), at: Some((500.0, 420.0)) }, Kind::Wait);
    assert_eq!(place(&page, "wait"), (586.0, 420.0), "its left border where the edge was dropped");
    page.choose(&Offer::Into { edge: port("start.next") }, Kind::Timer);
    assert_eq!(page.editor.document().target(&port("timer.next")).as_deref(), Some("ask"));
    page.choose(&Offer::Replace { node: "lone".into() }, Kind::Timer);
    page.choose(&Offer::New { at: (300.0, 300.0) }, Kind::End);
    let scene = page.editor.scene();
    for (index, a) in scene.nodes().iter().enumerate() {
        for b in &scene.nodes()[index + 1..] {
            assert!(!a.rect().overlaps(&b.rect()), "{} lies on {}", a.id(), b.id());
        }
    }
    assert_eq!(page.editor.history().len(), 5, "each choice is one step");
    let verdicts = targets(page.editor.document(), &port("ask.no"));
    let forbidden: Vec<&str> =
        verdicts.iter().filter(|(_, it)| matches!(it, Verdict::Forbid(_))).map(|(name, _)| name.as_str()).collect();
    assert_eq!(forbidden, ["start"]);
}
