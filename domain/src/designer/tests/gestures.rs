//! What movements of the hand do, on [`small`] at 100 %, with the diagram's origin in the upper left corner.

use super::{played::Page, *};
use crate::designer::{command::Aim, gesture::Gesture};

/// Plays a script and compares what was told, line by line.
fn check(script: &str, expected: &[&str]) {
    let mut page = Page::of(small());
    page.play(script);
    assert_eq!(page.told, expected, "{script}");
    assert_eq!(page.gesture, Gesture::Idle, "{script}");
    assert_eq!(page.preview, Preview::None, "{script}: nothing is left over");
}

fn played(script: &str) -> Page {
    let mut page = Page::of(small());
    page.play(script);
    page
}

#[test]
fn clicks_select() {
    check("down 300,100; up", &["select ask"]);
    check("down 300,100; move 302,101; up", &["select ask"]);
    check("down 450,110; up", &["select ask.yes"]);
    check("down 450,115; up", &["select ask.yes"]);
    check("down 450,130; up", &[]);
    check("down 300,100; up; down 800,500; up", &["select ask", "select"]);
    check("down 300,100; up; down 300,300 shift; up shift", &["select ask", "select ask lone"]);
    check("down 300,100; up; down 300,100 ctrl; up ctrl", &["select ask", "select"]);
    check("down 300,100; up; down 450,110 ctrl; up ctrl", &["select ask", "select ask ask.yes"]);
    check("down 300,100; up; down 800,500 shift; up shift", &["select ask"]);
    check("down 300,100; up; down 300,100; up", &["select ask"]);
    check("down 300,100 right; up right", &[]);
}

#[test]
fn double_clicks_open() {
    check("down 300,100; up; down 300,100; up x2", &["select ask", "select ask", "settings of ask"]);
    check("down 450,110; up; down 450,110; up x2", &["select ask.yes", "select ask.yes", "offer into ask.yes"]);
}

#[test]
fn a_handle_that_leads_nowhere_offers_what_follows() {
    check("down 386,91; up", &["select ask", "offer after ask.no"]);
    check("down 386,109; up", &["select ask"]);
    check("down 386,300; up", &["select lone", "offer after lone.next"]);
}

#[test]
fn nodes_are_dragged() {
    check("down 300,300; move 340,360; move 400,400; up", &["select lone", "Moved Lone"]);
    let page = played("down 300,300; move 400,440; up");
    assert_eq!(page.editor.document().position("lone"), Some((400.0, 440.0)));
    let page = played("down 300,300; move 401,441; up");
    assert_eq!(page.editor.document().position("lone"), Some((400.0, 440.0)), "on the grid");
    let page = played("down 300,300; move 401,443 alt; up alt");
    assert_eq!(page.editor.document().position("lone"), Some((401.0, 443.0)), "freely");
    check("down 300,300; move 340,360; move 300,300; up", &["select lone"]);
    check("down 300,300; move 340,360; esc", &["select lone"]);
    check("down 300,300; move 340,360; cancel", &["select lone"]);
    check("down 300,300; move 340,360; esc; move 400,400; up", &["select lone"]);
}

#[test]
fn all_that_is_selected_is_dragged_together() {
    let page = played("down 300,100; up; down 300,300 shift; up shift; down 300,300; move 400,400; up");
    assert_eq!(page.told.last().map(String::as_str), Some("Moved 2 nodes"));
    let document = page.editor.document();
    assert_eq!((document.position("ask"), document.position("lone")), (Some((400.0, 200.0)), Some((400.0, 400.0))));
    let page = played("down 300,100; up; down 300,300; move 400,400; up");
    assert_eq!(page.editor.document().position("ask"), Some((300.0, 100.0)), "only the one that is held");
}

#[test]
fn nodes_come_in_line_with_others() {
    let page = played("down 300,300; move 597,300");
    let Preview::Move { dx, dy, guides, .. } = &page.preview else { panic!("{:?}", page.preview) };
    assert_eq!((*dx, *dy), (300.0, 0.0), "with the middle of done");
    assert_eq!(guides.len(), 1);
    assert_eq!((guides[0].at, guides[0].from, guides[0].to), (600.0, 72.0, 328.0));
    let page = played("down 300,300; move 590,300");
    let Preview::Move { dx, guides, .. } = &page.preview else { panic!("{:?}", page.preview) };
    assert_eq!((*dx, guides.len()), (292.0, 0), "too far away");
}

#[test]
fn a_node_dropped_on_an_edge_is_put_into_it() {
    let page = played("down 300,300; move 450,110");
    let Preview::Move { onto: Some(Aim { on, verdict }), .. } = &page.preview else { panic!("{:?}", page.preview) };
    assert_eq!((on, verdict), (&port("ask.yes"), &Verdict::Allow));
    let page = played("down 300,300; move 450,110; up");
    assert_eq!(page.told, ["select lone", "Put Lone between Ask and Done"]);
    assert_eq!(edges(page.editor.document()), ["ask.yes>lone", "lone.next>done", "start.next>ask"]);
    assert_eq!(page.editor.history().len(), 1);
    // What is connected is only moved.
    check("down 600,100; move 450,120; up", &["select done", "Moved Done"]);
}

#[test]
fn edges_are_drawn_from_handles() {
    check("down 386,91; move 400,200; move 300,300; up", &["Connected no of Ask to Lone"]);
    check("down 386,109; move 400,200; move 300,300; up", &["Connected yes of Ask to Lone"]);
    check("down 386,91; move 100,100; up", &["no: Nothing can lead back to the start; lead to the node after it."]);
    check("down 386,109; move 500,109; move 600,100; up", &[]);
    check("down 386,91; move 450,400; up", &["offer after ask.no at 452,400"]);
    check("down 386,91; move 450,-40; up", &[]);
    check("down 386,91; move 300,300; esc", &[]);
    check("down 386,300; move 320,320; up", &["Connected Lone to Lone"]);
    let page = played("down 386,91; move 300,300");
    let Preview::Line { from, to, onto, moving } = &page.preview else { panic!("{:?}", page.preview) };
    assert_eq!((from.0, *to, moving), (386.0, (300.0, 300.0), &None));
    assert_eq!(onto, &Some(Aim { on: "lone".to_owned(), verdict: Verdict::Allow }));
    let page = played("down 386,91; move 100,100");
    let Preview::Line { onto: Some(onto), .. } = &page.preview else { panic!("{:?}", page.preview) };
    assert!(matches!(&onto.verdict, Verdict::Forbid(reason) if reason.contains("start")));
}

#[test]
fn the_ends_of_a_selected_edge_are_led_elsewhere() {
    let select = "down 450,110; up; ";
    let checked = |script: &str, expected: &str| {
        let page = played(&format!("{select}{script}"));
        assert_eq!(page.told[1..].join("; "), expected, "{script}");
    };
    checked("down 514,109; move 400,250; move 300,300; up", "Connected yes of Ask to Lone");
    checked("down 514,109; move 500,400; up", "offer after ask.yes at 500,400");
    checked("down 514,109; move 100,100; up", "no: Nothing can lead back to the start; lead to the node after it.");
    checked("down 386,109; move 386,200; move 386,300; up", "Connected Lone to Done");
    checked("down 386,109; move 386,92; up", "Connected no of Ask to Done");
    checked("down 386,109; move 300,310; up", "Connected Lone to Done");
    checked("down 386,109; move 100,100; up", "no: Start leads somewhere already.");
    checked("down 386,109; move 560,110; up", "no: Done is an end: nothing follows it.");
    checked("down 386,109; move 500,400; up", "");
    checked("down 514,109; up", "");
}

#[test]
fn the_canvas_is_pushed_around() {
    check("down 800,500; move 790,480; up", &["view 10,20 1.00"]);
    check("down 300,100 middle; move 310,100; up", &["view -10,0 1.00"]);
    check("down 300,100 space; move 310,130; up", &["view -10,-30 1.00"]);
    check("down 800,500; move 790,480; move 780,480; up", &["view 10,20 1.00", "view 20,20 1.00"]);
    check("wheel 5,10 at 300,100", &["view 5,10 1.00"]);
    check("wheel 0,10 at 300,100 shift", &["view 10,0 1.00"]);
    check("down 450,110; move 460,110; up", &["view -10,0 1.00"]);
}

#[test]
fn zooming_keeps_what_is_under_the_pointer() {
    for delta in [-100, 100, -1_000, 1_000_000] {
        let mut page = Page::of(small());
        let before = page.viewport.to_diagram((300.0, 100.0));
        page.play(&format!("wheel 0,{delta} at 300,100 ctrl"));
        let after = page.viewport.to_diagram((300.0, 100.0));
        assert!((before.0 - after.0).abs() < 1e-6 && (before.1 - after.1).abs() < 1e-6);
        assert_ne!(page.viewport.zoom, 1.0);
    }
}

#[test]
fn two_fingers_pan_and_zoom() {
    let mut page = Page::of(small());
    page.play("down 800,400 touch #1; down 900,400 touch #2; move 1000,400 #2");
    assert_eq!(page.viewport.zoom, 2.0);
    assert_eq!(page.viewport.to_diagram((900.0, 400.0)), (850.0, 400.0), "the middle between the fingers moved by 50");
    page.play("up #2; move 810,400 touch #1; up #1");
    assert_eq!(page.gesture, Gesture::Idle);
    // A second finger ends what the first began.
    let mut page = Page::of(small());
    page.play("down 300,300 touch #1; move 330,330 touch #1; down 600,300 touch #2");
    assert_eq!(page.preview, Preview::None);
    page.play("move 620,300 touch #2; up #2; up #1");
    assert_eq!(page.editor.document(), &small());
}

#[test]
fn a_finger_shakes_more_than_a_mouse() {
    check("down 300,300 touch; move 306,300; up", &["select lone"]);
    check("down 300,300 touch; move 312,300; up", &["select lone", "Moved Lone"]);
    check("down 800,500 touch; move 780,500; up", &["view 20,0 1.00"]);
}

#[test]
fn a_box_selects_what_lies_in_it() {
    check("down 200,400 shift; move 400,250 shift; up", &["select lone"]);
    check("down 60,60 shift; move 700,140 shift; up", &["select ask done start ask.yes start.next"]);
    check("down 300,300; up; down 60,60 shift; move 130,140 shift; up", &["select lone", "select lone start"]);
    check("down 200,400 shift; move 300,250 shift; up", &["select"]);
    check("down 200,400 shift; move 400,250 shift; esc", &[]);
    let page = played("down 200,400 shift; move 400,250 shift");
    assert_eq!(page.preview, Preview::Box(Rect { x: 200.0, y: 250.0, width: 200.0, height: 150.0 }));
}

#[test]
fn nodes_come_from_the_palette() {
    check("pick timer -30,50; move 500,401; up", &["Added Timer"]);
    let page = played("pick timer -30,50; move 500,401; up");
    assert_eq!(page.editor.document().position("timer"), Some((500.0, 400.0)));
    assert_eq!(page.selection, Selection::of_node("timer"));
    check("pick timer -30,50; move 450,110; up", &["Added Timer between Ask and Done"]);
    check("pick timer -30,50; move 500,400; move -30,50; up", &[]);
    check("pick timer -30,50; move 500,400; esc", &[]);
    check("pick start -30,50; move 500,400; up", &["no: There is a start already; a process has exactly one."]);
    check(
        "pick end -30,50; move 450,110; up",
        &["no: An end leads nowhere, so it cannot stand in the middle of an edge."],
    );
    check("pick timer -30,50; up", &["Added Timer"]);
    check("pick start -30,50; up", &["no: There is a start already; a process has exactly one."]);
    check("down 300,300; up; pick timer -30,50; up", &["select lone", "Added Timer after Lone"]);
    let page = played("pick timer -30,50; move 450,110");
    let Preview::Ghost { kind: Kind::Timer, at, onto: Some(onto) } = &page.preview else {
        panic!("{:?}", page.preview)
    };
    assert_eq!((*at, &onto.on), ((452.0, 112.0), &port("ask.yes")));
}

#[test]
fn dragging_near_the_border_pans() {
    let mut page = played("down 300,300; move 995,300");
    let before = page.viewport;
    page.play("frame");
    assert!(page.viewport.x > before.x);
    let Preview::Move { dx, .. } = page.preview else { panic!("{:?}", page.preview) };
    assert!(dx > 695.0, "it goes along: {dx}");
    check("frame", &[]);
    check("down 300,300; move 500,300; frame; up", &["select lone", "Moved Lone"]);
    let mut page = played("pick timer -30,50; move -20,50");
    page.play("frame");
    assert_eq!(page.viewport, Viewport::default(), "it has not come in yet");
}

#[test]
fn who_may_only_look_changes_nothing() {
    for script in [
        "down 300,300; move 400,400; up",
        "down 386,91; move 300,300; up",
        "down 386,91; up",
        "pick timer -30,50; move 500,400; up",
        "down 450,110; up; down 514,109; move 300,300; up",
        "down 300,100; up; key Delete; key ArrowLeft; key Ctrl+d; key a; key r; key c; key F2; key Ctrl+z; key Ctrl+s",
        "down 450,110; up x2",
    ] {
        let mut page = Page::of(small());
        page.is_editable = false;
        page.play(script);
        assert_eq!(page.editor.document(), &small(), "{script}");
        assert!(page.told.iter().all(|told| told.starts_with("select") || told.starts_with("view")), "{:?}", page.told);
    }
}

#[test]
fn other_pointers_and_late_events_do_no_harm() {
    check("move 300,300; up", &[]);
    check("up 300,300", &[]);
    check("cancel", &[]);
    check("esc", &[]);
    check("down 300,300; move 400,400 #7; up #7; up", &["select lone"]);
    check("down 300,300; down 600,100 #7; up #7; up", &["select lone"]);
    check("down 300,300; pick timer 5,5; up", &["select lone"]);
}

#[test]
fn it_works_at_every_zoom() {
    for zoom in [0.1, 0.5, 1.0, 2.0, 4.0] {
        let mut page = Page::of(small());
        page.viewport = Viewport { zoom, x: -37.0, y: 51.0, ..page.viewport };
        let screen = |at: Point| {
            let (x, y) = page.viewport.to_screen(at);
            format!("{x},{y}")
        };
        let script = format!("down {} ; move {} ; up", screen((300.0, 300.0)), screen((440.0, 480.0)));
        page.play(&script);
        let (x, y) = page.editor.document().position("lone").expect("it has a place");
        let off = 8.0 / zoom;
        assert!((x - 440.0).abs() <= off && (y - 480.0).abs() <= off, "at {zoom}: {x},{y}");
    }
}
