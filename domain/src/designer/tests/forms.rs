//! Forms that are drawn field by field.

use proptest::prelude::*;

use super::{
    super::form::{Change, Shape, change, drawn},
    *,
};
use crate::schema::Schema;

fn names(schema: &Value) -> Vec<String> {
    drawn(Some(schema)).expect("it can be drawn").into_iter().map(|it| it.name).collect()
}

fn after(schema: &Value, changes: &[Change]) -> Value {
    changes.iter().fold(schema.clone(), |schema, it| change(Some(&schema), it).expect("it is allowed"))
}

fn of(field: &str) -> String {
    field.to_owned()
}

#[test]
fn a_form_is_drawn_from_nothing() {
    assert_eq!(drawn(None), Some(Vec::new()));
    let one = change(None, &Change::Add).expect("there is room");
    let schema = after(
        &one,
        &[
            Change::Rename { field: of("field_1"), to: of("code") },
            Change::Require { field: of("code"), is: true },
            Change::Add,
            Change::Rename { field: of("field_1"), to: of("class") },
            Change::Reshape { field: of("class"), to: Shape::Choice },
            Change::Choices { field: of("class"), to: vec![of(" economy"), of(""), of("business"), of("economy")] },
            Change::Title { field: of("class"), to: of("Class of travel ") },
        ],
    );
    assert_eq!(
        schema,
        json!({"type": "object", "required": ["code"], "properties": {
            "code": {"type": "string"}, "class": {"enum": ["economy", "business"], "title": "Class of travel"},
        }})
    );
    assert_eq!(names(&schema), ["code", "class"]);
    assert_eq!(
        after(&schema, &[Change::Remove(of("class")), Change::Remove(of("code"))]),
        json!({"type": "object", "properties": {}})
    );
}

#[test]
fn what_a_schema_says_beyond_fields_stays() {
    let schema = json!({"type": "object", "description": "it", "additionalProperties": false, "required": ["b", "a"],
        "properties": {"a": {"type": "integer", "minimum": 1, "description": "how many"}, "b": true, "c": {"type": "object"}}});
    assert_eq!(names(&schema), ["b", "a", "c"]);
    let renamed = after(
        &schema,
        &[Change::Rename { field: of("b"), to: of("z") }, Change::Title { field: of("z"), to: of("Zet") }],
    );
    assert_eq!(renamed["required"], json!(["z", "a"]));
    assert_eq!(renamed["properties"]["a"], schema["properties"]["a"]);
    assert_eq!(renamed["properties"]["z"], json!({"title": "Zet"}));
    let reshaped = after(&schema, &[Change::Reshape { field: of("a"), to: Shape::Date }]);
    assert_eq!(reshaped["properties"]["a"], json!({"type": "string", "format": "date", "description": "how many"}));
    assert_eq!(after(&schema, &[Change::Require { field: of("a"), is: false }])["required"], json!(["b"]));
}

#[test]
fn what_cannot_be_drawn_is_left_to_json_and_what_is_wrong_is_refused() {
    for other in
        [json!("=vars.schema"), json!({"anyOf": []}), json!({"type": "string"}), json!({"properties": 3}), json!([])]
    {
        assert_eq!(drawn(Some(&other)), None, "{other}");
    }
    let schema = json!({"properties": {"a": {}, "b": {}}});
    for (wrong, why) in [
        (Change::Rename { field: of("a"), to: of("b") }, "already"),
        (Change::Rename { field: of("a"), to: of("order id") }, "no name"),
        (Change::Rename { field: of("a"), to: String::new() }, "no name"),
        (Change::Title { field: of("x"), to: of("X") }, "any more"),
        (Change::Choices { field: of("a"), to: vec![of(" ")] }, "choose from"),
    ] {
        let said = change(Some(&schema), &wrong).expect_err("it is refused");
        assert!(said.contains(why), "{wrong:?}: {said}");
    }
}

#[test]
fn every_shape_is_drawn_as_what_it_is() {
    for shape in Shape::ALL {
        let schema = after(&json!({"properties": {"a": {}}}), &[Change::Reshape { field: of("a"), to: shape }]);
        assert_eq!(drawn(Some(&schema)).expect("it can be drawn")[0].shape, shape);
        assert_eq!(Shape::of(shape.word()), Some(shape));
    }
}

proptest! {
    #[test]
    fn whatever_is_changed_it_stays_a_schema_that_can_be_drawn(
        steps in proptest::collection::vec((0..7_usize, 0..4_usize, 0..10_usize, any::<bool>()), 0..30)
    ) {
        let mut schema = json!({"type": "object"});
        for (what, which, other, is) in steps {
            let there = names(&schema);
            let field = there.get(which).cloned().unwrap_or_else(|| of("field_1"));
            let wanted = match what {
                0 => Change::Add,
                1 => Change::Remove(field),
                2 => Change::Rename { field, to: format!("f{other}") },
                3 => Change::Title { field, to: format!("{other}") },
                4 => Change::Reshape { field, to: Shape::ALL[other] },
                5 => Change::Require { field, is },
                _ => Change::Choices { field, to: vec![other.to_string()] },
            };
            if let Ok(after) = change(Some(&schema), &wanted) {
                schema = after;
            }
            prop_assert!(Schema::compile(&schema).is_ok(), "{schema}");
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            prop_assert!(required.iter().all(|it| schema["properties"].get(it.as_str().unwrap_or_default()).is_some()));
        }
    }
}
