//! What a hand does on the canvas of a saga.

use super::*;
use played::Page;

/// A page on [`small`], wide enough to see all of it: the view is not moved, so places are those of the diagram.
fn page(document: Document) -> Page {
    let mut page = Page::of(document);
    page.viewport = Viewport { x: -50.0, y: -50.0, zoom: 1.0, width: 2_000.0, height: 900.0 };
    page
}

/// Where a node is on the screen.
fn on(page: &Page, id: &str) -> String {
    let node = page.editor.scene().node(id).unwrap_or_else(|| panic!("no {id}"));
    let (x, y) = page.viewport.to_screen(node.centre());
    format!("{x:.0},{y:.0}")
}

fn handle(page: &Page, id: &str, name: &str) -> String {
    let port = page.editor.scene().port(&PortRef::new(id, name)).unwrap_or_else(|| panic!("no {name} of {id}"));
    let (x, y) = page.viewport.to_screen(port.at);
    format!("{x:.0},{y:.0}")
}

fn play(page: &mut Page, script: &str) {
    page.play(script);
}

#[test]
fn a_step_is_dragged_to_another_place_in_the_row() {
    for finger in ["", "touch"] {
        let mut page = page(small());
        let (a, c) = (on(&page, "a"), on(&page, "c"));
        let beyond =
            format!("{},{}", c.split(',').next().and_then(|x| x.parse::<i32>().ok()).map_or(0, |x| x + 30), 80);
        play(&mut page, &format!("down {a} {finger}; move {beyond} {finger}"));
        let Preview::Move { onto: Some(aim), .. } = &page.preview else { panic!("{:?}", page.preview) };
        assert_eq!((aim.on.node.as_str(), aim.verdict.is_allowed()), ("c", true));
        play(&mut page, &format!("up {beyond} {finger}"));
        assert_eq!(steps(page.editor.document()), "b! c a!");
        assert_eq!(page.selection, Selection::of_node("a"));
        play(&mut page, "key Ctrl+z");
        assert_eq!(steps(page.editor.document()), "a! b! c");
        // Let go where it was, nothing happens; nor after Escape.
        let b = on(&page, "b");
        play(&mut page, &format!("down {b} {finger}; move 700,300 {finger}; move {b} {finger}; up {b} {finger}"));
        let a = on(&page, "a");
        play(&mut page, &format!("down {b} {finger}; move {a} {finger}; esc; up {a} {finger}"));
        assert_eq!(steps(page.editor.document()), "a! b! c");
        assert!(page.editor.history().undoable().is_none());
    }
}

#[test]
fn what_has_no_order_is_not_dragged_but_the_canvas_is() {
    let mut page = page(small());
    let start = on(&page, "start");
    play(&mut page, &format!("down {start}; move 200,300; up 200,300"));
    assert_eq!(steps(page.editor.document()), "a! b! c");
    assert!(page.told.iter().all(|told| told.starts_with("view")), "{:?}", page.told);
}

#[test]
fn a_handle_between_steps_inserts_one() {
    let mut page = page(small());
    let at = handle(&page, "a", "next");
    play(&mut page, &format!("down {at}; up {at}"));
    assert_eq!(steps(page.editor.document()), "a! step b! c");
    assert_eq!(page.selection, Selection::of_node("step"));
    let at = handle(&page, "start", "next");
    play(&mut page, &format!("down {at}; up {at}"));
    assert_eq!(steps(page.editor.document()), "step-2 a! step b! c");
    let at = handle(&page, "c", "undo");
    play(&mut page, &format!("down {at}; up {at}"));
    assert_eq!(steps(page.editor.document()), "step-2 a! step b! c!");
    // Dragging from a handle moves the canvas.
    let at = handle(&page, "a", "next");
    play(&mut page, &format!("down {at}; move 10,10; up 10,10"));
    assert_eq!(steps(page.editor.document()), "step-2 a! step b! c!");
}

#[test]
fn the_palette_adds_by_click_and_by_drag() {
    let mut page = page(empty());
    play(&mut page, "pick step -30,80; up -30,80");
    assert_eq!(steps(page.editor.document()), "step");
    play(&mut page, "pick undo -30,80; up -30,80");
    assert_eq!(steps(page.editor.document()), "step!");
    play(&mut page, "pick undo -30,80; up -30,80");
    assert_eq!(page.told.last().map(String::as_str), Some("no: Step has its undo already."));
    let before = on(&page, "step");
    let left = format!("{},200", before.split(',').next().and_then(|x| x.parse::<i32>().ok()).map_or(0, |x| x - 60));
    play(&mut page, &format!("pick step -30,80; move {left}"));
    let Preview::Ghost { kind: Kind::Step, onto: Some(aim), .. } = &page.preview else { panic!("{:?}", page.preview) };
    assert_eq!(aim.on, PortRef::new("start", "next"));
    play(&mut page, &format!("up {left}"));
    assert_eq!(steps(page.editor.document()), "step-2 step!");
    let there = on(&page, "step-2");
    play(&mut page, &format!("pick undo -30,80; move {there}; up {there}"));
    assert_eq!(steps(page.editor.document()), "step-2! step!");
    play(&mut page, "pick undo -30,80; move 30,200; up 30,200");
    assert_eq!(page.told.last().map(String::as_str), Some("no: Drop it on the step that it undoes."));
    play(&mut page, "pick reaction -30,80; move 300,200; up 300,200");
    assert!(page.told.last().is_some_and(|told| told.starts_with("no: A saga either has steps or reacts")));
}

#[test]
fn keys_do_all_of_it() {
    let mut page = page(small());
    play(&mut page, "key Tab; key Tab");
    assert_eq!(page.selection, Selection::of_node("compensated"), "in reading order");
    play(&mut page, "key Escape; key Tab; key Alt+ArrowRight");
    assert_eq!(page.selection, Selection::of_node("a"));
    play(&mut page, "key ArrowRight");
    assert_eq!(steps(page.editor.document()), "b! a! c");
    play(&mut page, "key ArrowRight; key ArrowRight");
    assert_eq!(steps(page.editor.document()), "b! c a!");
    play(&mut page, "key Shift+ArrowLeft");
    assert_eq!(steps(page.editor.document()), "a! b! c");
    assert!(page.editor.history().undoable().is_none(), "there and back is no step");
    play(&mut page, "key ArrowUp");
    assert!(page.told.last().is_some_and(|told| told.starts_with("no: Steps stand in a row")));
    play(&mut page, "key Ctrl+d");
    assert_eq!(steps(page.editor.document()), "a! a-2! b! c");
    play(&mut page, "key Delete");
    assert_eq!(steps(page.editor.document()), "a! b! c");
    play(&mut page, "key Ctrl+a; key Delete");
    assert_eq!(page.editor.document(), &Document::new(json!({"baton": "saga/1", "name": "small"})));
    play(&mut page, "key Ctrl+z; key t");
    assert!(page.told.last().is_some_and(|told| told.contains("always tidy")));
}

#[test]
fn a_menu_offers_what_can_follow() {
    let mut page = page(small());
    let offer = Offer::After { from: PortRef::new("c", "next"), at: None };
    let offered = |page: &Page, offer: &Offer| -> Vec<String> {
        let all = command::offered(offer, page.editor.document()).into_iter();
        all.filter(|(_, verdict)| verdict.is_allowed()).map(|(kind, _)| kind.name().to_owned()).collect()
    };
    assert_eq!(offered(&page, &offer), ["step", "undo"]);
    page.choose(&offer, Kind::Undo);
    assert_eq!(steps(page.editor.document()), "a! b! c!");
    assert_eq!(offered(&page, &offer), ["step"]);
    page.choose(&Offer::Into { edge: PortRef::new("a", "next") }, Kind::Step);
    page.choose(&Offer::New { at: (0.0, 0.0) }, Kind::Step);
    assert_eq!(steps(page.editor.document()), "a! step b! c! step-2");
    let nothing = Page::of(empty());
    assert_eq!(offered(&nothing, &Offer::New { at: (0.0, 0.0) }), ["step", "reaction"]);
}

#[test]
fn parts_are_copied_from_one_saga_to_another() {
    let from = page(small());
    let canvas = Canvas { selection: &Selection::of_nodes(["a", "undo/b"]), ..from.canvas() };
    let copied = command::perform(Command::Copy, &canvas);
    let [Outcome::Copy(text)] = copied.as_slice() else { panic!("{copied:?}") };
    let mut into = page(empty());
    let pasted = command::paste(text, None, &into.canvas());
    let [Outcome::Commit(edits)] = pasted.as_slice() else { panic!("{pasted:?}") };
    into.editor.commit(edits).expect("it can be pasted");
    assert_eq!(steps(into.editor.document()), "a! b!");
    let refused = |text: &str, document: Document| match command::paste(text, None, &page(document).canvas()).as_slice()
    {
        [Outcome::Refuse(why)] => why.0.clone(),
        other => panic!("{other:?}"),
    };
    assert!(refused(text, reactions()).contains("either reacts or has steps"));
    assert!(refused("{\"baton\": \"nodes/1\", \"nodes\": {\"a\": {}}}", small()).contains("nodes of a process"));
    assert!(refused("steps: []", small()).contains("not JSON"));
    let whole = small().value().to_string();
    let asked = command::paste(&whole, None, &page(empty()).canvas());
    let [Outcome::AskDefinition { instead, .. }] = asked.as_slice() else { panic!("{asked:?}") };
    let mut editor = Editor::open(empty());
    editor.commit(instead).expect("it can take its place");
    assert_eq!(editor.document(), &small());
}
