//! Looking around: viewport, minimap, what is where, and finding nodes.

use super::*;
use crate::designer::{
    Hit,
    scene::End,
    selection::{find, reading_order},
    snap::snap,
    viewport::{ZOOM_MAX, ZOOM_MIN},
};

fn near(a: Point, b: Point) -> bool {
    (a.0 - b.0).abs() < 1e-6 && (a.1 - b.1).abs() < 1e-6
}

#[test]
fn screen_and_diagram_are_each_others_inverse() {
    for (x, y, zoom) in [(0.0, 0.0, 1.0), (-50.0, 20.0, 0.25), (1e5, -1e5, 3.0)] {
        let viewport = Viewport { x, y, zoom, ..Viewport::default() };
        for point in [(0.0, 0.0), (17.0, 99.5), (-300.0, 1e4)] {
            assert!(near(viewport.to_screen(viewport.to_diagram(point)), point));
        }
    }
}

#[test]
fn zoom_has_limits() {
    let mut viewport = Viewport::default();
    for _ in 0..50 {
        viewport = viewport.zoomed_in();
    }
    assert_eq!(viewport.zoom, ZOOM_MAX);
    for _ in 0..100 {
        viewport = viewport.zoomed_out();
    }
    assert_eq!(viewport.zoom, ZOOM_MIN);
    assert_eq!(viewport.actual_size().zoom, 1.0);
    assert_eq!(viewport.zoomed_at((0.0, 0.0), f64::NAN), viewport);
}

#[test]
fn everything_fits() {
    let scene = Scene::of(&small());
    for (width, height) in [(1_000.0, 600.0), (300.0, 200.0), (40.0, 40.0)] {
        let viewport = Viewport::default().resized(width, height).fitted(scene.bounds());
        let bounds = scene.bounds().expect("there are nodes");
        assert!(near(viewport.centre(), bounds.centre()));
        assert!(viewport.zoom <= 1.0, "small things are not blown up");
        if width >= 300.0 {
            assert!(viewport.visible().encloses(&bounds), "{width}: {viewport:?}");
        }
    }
    assert_eq!(Viewport::default().fitted(None).zoom, 1.0);
}

#[test]
fn revealing_moves_no_more_than_it_must() {
    let viewport = Viewport::default();
    assert_eq!(viewport.revealing(&Rect::around((500.0, 300.0), 172.0, 56.0)), viewport);
    for at in [(2_000.0, 300.0), (-500.0, 300.0), (500.0, 900.0), (500.0, -900.0)] {
        let rect = Rect::around(at, 172.0, 56.0);
        let moved = viewport.revealing(&rect);
        assert!(moved.visible().encloses(&rect), "{at:?}");
        assert_eq!(moved.zoom, viewport.zoom);
    }
}

#[test]
fn a_minimap_shows_everything_and_what_one_sees() {
    let bounds = Scene::of(&small()).bounds();
    for viewport in [Viewport::default(), Viewport::default().panned(3_000.0, 0.0), Viewport::default().zoomed_in()] {
        let map = Minimap::of(bounds, &viewport, 160.0, 100.0);
        let frame = Rect { x: -0.01, y: -0.01, width: 160.02, height: 100.02 };
        assert!(frame.encloses(&map.rect_to_map(&viewport.visible())));
        assert!(frame.encloses(&map.rect_to_map(&bounds.expect("there are nodes"))));
        assert!(near(map.to_diagram(map.to_map((12.0, 34.0))), (12.0, 34.0)));
    }
}

#[test]
fn what_is_at_a_place() {
    let scene = Scene::of(&small());
    let yes = port("ask.yes");
    for (at, zoom, selected, expected) in [
        ((300.0, 100.0), 1.0, None, Hit::Node("ask".into())),
        ((386.0, 91.0), 1.0, None, Hit::Port(port("ask.no"))),
        ((386.0, 109.0), 1.0, None, Hit::Port(yes.clone())),
        ((450.0, 115.0), 1.0, None, Hit::Edge(yes.clone())),
        ((450.0, 125.0), 1.0, None, Hit::Nothing),
        ((450.0, 125.0), 0.5, None, Hit::Edge(yes.clone())),
        ((514.0, 109.0), 1.0, None, Hit::Node("done".into())),
        ((514.0, 109.0), 1.0, Some(&yes), Hit::EdgeEnd(yes.clone(), End::Target)),
        ((386.0, 109.0), 1.0, Some(&yes), Hit::EdgeEnd(yes.clone(), End::Source)),
        ((900.0, 900.0), 1.0, None, Hit::Nothing),
    ] {
        assert_eq!(scene.hit(at, zoom, selected), expected, "{at:?} at {zoom}");
    }
    assert_eq!(scene.nodes_in(&Rect { x: 200.0, y: 60.0, width: 500.0, height: 300.0 }), ["ask", "done", "lone"]);
    let place = scene.free_place((300.0, 100.0), (172.0, 56.0));
    assert!(scene.nodes().iter().all(|node| !node.rect().overlaps(&Rect::around(place, 172.0, 56.0))), "{place:?}");
    assert_eq!(scene.free_place((300.0, 600.0), (172.0, 56.0)), (300.0, 600.0));
}

#[test]
fn open_ports_are_those_that_lead_nowhere() {
    let mut document = small();
    document.value_mut()["nodes"]["lone"]["next"] = json!("ghost");
    let scene = Scene::of(&document);
    let open: Vec<String> = scene
        .nodes()
        .iter()
        .flat_map(|node| node.open_ports().map(|port| format!("{}.{}", node.id(), port.name)))
        .collect();
    assert_eq!(open, ["ask.no", "lone.next"]);
}

#[test]
fn nodes_are_found_by_what_is_written_in_them() {
    let document = small();
    for (text, expected) in [
        ("", vec![]),
        ("a", vec!["ask", "start", "lone"]),
        ("SURE", vec!["ask"]),
        ("approval", vec!["ask"]),
        ("yes", vec!["ask"]),
        ("outcomes", vec![]),
        ("zzz", vec![]),
    ] {
        assert_eq!(find(&document, text), expected, "`{text}`");
    }
    assert_eq!(reading_order(&Scene::of(&document)), ["start", "ask", "lone", "done"]);
}

#[test]
fn snapping_prefers_the_nearest_line_and_falls_back_to_the_grid() {
    let moving = Rect::around((0.0, 0.0), 100.0, 40.0);
    let other = Rect::around((300.0, 200.0), 60.0, 40.0);
    let snapped = |dx: f64, dy: f64| {
        let snapped = snap(moving, (0.0, 0.0), (dx, dy), &[other], 6.0);
        (snapped.dx, snapped.dy, snapped.guides.len())
    };
    assert_eq!(snapped(297.0, 100.0), (300.0, 100.0, 1), "centres");
    assert_eq!(snapped(318.0, 101.0), (320.0, 100.0, 1), "left borders, and the grid");
    assert_eq!(snapped(277.0, 203.0), (280.0, 200.0, 2), "right borders, and level");
    assert_eq!(snapped(150.0, 91.0), (152.0, 92.0, 0), "the grid alone");
    assert_eq!(snapped(222.0, 150.0), (220.0, 152.0, 1), "its right border at the left one");
}
