//! Whole processes drawn from nothing; the reader of definitions has the last word.

use super::{played::Page, *};
use crate::{definition, diagnostic::Diagnostic};

fn errors(document: &Document) -> Vec<String> {
    let checked = definition::check(&document.value().to_string());
    let errors = checked.diagnostics.into_iter().filter(Diagnostic::is_error);
    errors.map(|it| format!("{} {}", it.pointer, it.code)).collect()
}

fn commit(page: &mut Page, edits: &[Edit]) {
    page.editor.commit(edits).unwrap_or_else(|forbidden| panic!("{edits:?}: {forbidden}"));
}

/// Leads every way out that leads nowhere to `end`.
fn lead_all_to(page: &mut Page, end: &str) {
    let scene = page.editor.scene().clone();
    for node in scene.nodes() {
        for open in node.open_ports() {
            let from = PortRef::new(node.id(), open.name.clone());
            commit(page, &[Edit::Connect { from, to: end.to_owned() }]);
        }
    }
}

#[test]
fn a_new_node_of_any_kind_is_right_once_its_ways_lead_somewhere() {
    for kind in Kind::ALL.into_iter().filter(|kind| !matches!(kind, Kind::Start | Kind::End)) {
        let mut page = Page::of(Document::empty("drawn"));
        page.play("key Tab");
        page.choose(&Offer::After { from: port("start.next"), at: None }, kind);
        let name = kind.name();
        match kind {
            // The body of a loop leads back to it.
            Kind::ForEach => {
                page.choose(&Offer::After { from: port("for-each.do"), at: None }, Kind::Timer);
                commit(&mut page, &[Edit::Connect { from: port("timer.next"), to: name.into() }]);
            }
            Kind::Fork => {
                page.choose(&Offer::New { at: (900.0, 100.0) }, Kind::Join);
                for branch in ["fork.first", "fork.second"] {
                    page.choose(&Offer::After { from: port(branch), at: None }, Kind::Timer);
                }
                for timer in ["timer.next", "timer-2.next"] {
                    commit(&mut page, &[Edit::Connect { from: port(timer), to: "join".into() }]);
                }
                let join = Edit::Set { pointer: "/nodes/fork/join".into(), value: Some(json!("join")) };
                commit(&mut page, &[join]);
            }
            _ => {}
        }
        page.choose(&Offer::New { at: (1_500.0, 100.0) }, Kind::End);
        lead_all_to(&mut page, "end");
        let expected: &[&str] = if kind == Kind::Join { &["/nodes/join"] } else { &[] };
        let found = errors(page.editor.document());
        // A join without a fork is an error, of course.
        assert_eq!(found.len(), expected.len(), "{name}: {found:?}");
        assert!(found.iter().zip(expected).all(|(found, expected)| found.starts_with(expected)), "{found:?}");
    }
}

#[test]
fn what_is_missing_is_said_of_the_right_place() {
    let mut page = Page::of(Document::empty("drawn"));
    page.choose(&Offer::After { from: port("start.next"), at: None }, Kind::Approval);
    assert_eq!(
        errors(page.editor.document()),
        [
            "/nodes/approval/outcomes/approve/next missing-field",
            "/nodes/approval/outcomes/reject/next missing-field",
            "/nodes no-end"
        ]
    );
}

/// The shipped trip booking, drawn with the mouse's menus and the settings alone, node by node along its edges; what comes
/// out is the shipped one.
#[test]
fn the_trip_booking_can_be_drawn_from_an_empty_canvas() {
    let shipped = definition::parse(include_str!("../../../definitions/trip-booking.yaml")).expect("it is right").value;
    let wanted = Document::new(shipped.clone());
    let mut page = Page::of(Document::empty("trip-booking"));
    let mut open = vec!["start".to_owned()];
    while let Some(name) = open.pop() {
        for way in wanted.ports(&name) {
            let target = way.target.expect("it leads somewhere");
            let from = PortRef::new(name.clone(), way.name);
            if page.editor.document().contains(&target) {
                commit(&mut page, &[Edit::Connect { from, to: target }]);
                continue;
            }
            page.choose(&Offer::After { from, at: None }, wanted.kind_of(&target));
            let drawn = page.selection.only_node().expect("the new node is selected").to_owned();
            if drawn != target {
                commit(&mut page, &[Edit::Rename { node: drawn, to: target.clone() }]);
            }
            // The settings: all fields but where the ways lead.
            let mut node = wanted.node(&target).cloned().unwrap_or_default();
            for port in wanted.ports(&target) {
                let pointer =
                    port.pointer.strip_prefix(&document::node_pointer(&target)).expect("a field of it").to_owned();
                let (parent, _) = pointer.rsplit_once('/').expect("a pointer");
                if let Some(Value::Object(map)) = node.pointer_mut(parent) {
                    map.remove("next");
                }
            }
            commit(&mut page, &[Edit::Set { pointer: document::node_pointer(&target), value: Some(node) }]);
            open.push(target);
        }
    }
    for field in ["title", "description", "input", "scenarios"] {
        commit(&mut page, &[Edit::Set { pointer: format!("/{field}"), value: Some(shipped[field].clone()) }]);
    }
    let mut drawn = page.editor.document().value().clone();
    assert_eq!(errors(page.editor.document()), [""; 0]);
    drawn.as_object_mut().expect("an object").remove("layout");
    assert_eq!(drawn, shipped);
    let scene = page.editor.scene();
    for (index, a) in scene.nodes().iter().enumerate() {
        for b in &scene.nodes()[index + 1..] {
            assert!(!a.rect().overlaps(&b.rect()), "{} lies on {}", a.id(), b.id());
        }
    }
    while page.editor.undo().is_some() {}
    assert_eq!(page.editor.document(), &Document::empty("trip-booking"));
}
