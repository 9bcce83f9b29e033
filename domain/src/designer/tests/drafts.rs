//! What is written by an edit, at the level of single values.

use super::*;
use crate::designer::change::Draft;

#[test]
fn a_draft_that_is_not_finished_gives_everything_back() {
    let mut document = small();
    let before = document.clone();
    {
        let mut draft = Draft::of(&mut document);
        draft.set("/nodes/ask/title", Some(json!("Other"))).expect("it can be set");
        draft.set("/nodes/new/deep/er", Some(json!(1))).expect("objects are made on the way");
        draft.set("/nodes/ask", None).expect("it can be removed");
        assert_ne!(*draft.document(), before);
    }
    assert_eq!(document, before);
}

#[test]
fn items_of_lists_are_put_in_and_taken_out() {
    let mut document = Document::new(json!({"a": [1, 2, 3]}));
    for (pointer, value, expected) in [
        ("/a/-", Some(json!(4)), json!([1, 2, 3, 4])),
        ("/a/0", None, json!([2, 3, 4])),
        ("/a/1", Some(json!(9)), json!([2, 9, 4])),
        ("/a/3", Some(json!(5)), json!([2, 9, 4, 5])),
    ] {
        apply(&mut document, &Edit::Set { pointer: pointer.into(), value }).expect(pointer);
        assert_eq!(document.value()["a"], expected, "after {pointer}");
    }
    for pointer in ["/a/17", "/a/x", "nonsense", "/a/0/b"] {
        let before = document.clone();
        assert!(
            apply(&mut document, &Edit::Set { pointer: pointer.into(), value: Some(json!(1)) }).is_err(),
            "{pointer}"
        );
        assert_eq!(document, before);
    }
}

#[test]
fn names_with_slashes_and_tildes_are_found_again() {
    let mut document =
        Document::new(json!({"nodes": {"a/b~c": {"kind": "wait", "on": {"x/y~z": {}}}, "d": {"kind": "end"}}}));
    let before = document.clone();
    let from = PortRef::new("a/b~c", "x/y~z");
    let change =
        apply(&mut document, &Edit::Connect { from: from.clone(), to: "d".into() }).expect("it can be connected");
    assert_eq!(document.target(&from).as_deref(), Some("d"));
    change.inverse().apply(&mut document);
    assert_eq!(document, before);
}
