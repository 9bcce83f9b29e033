//! Where the nodes stand.

use serde_json::{Value, json};

use super::graph::Graph;
use crate::{
    designer::{Document, Point, Scene},
    diagram,
};

/// Our boxes are wider than the shapes of other tools, which stand closer together.
const STRETCH: f64 = 1.8;
/// How far a node that was added stands beside the one that it was added for.
const STEP: f64 = 230.0;

/// Saves the positions of shapes. Without them all, or where boxes would lie on each other, the layout is computed.
pub fn place(document: &mut Document, graph: &Graph<'_>, names: &[String], beside: &[(String, usize, f64)]) {
    let stretch = if graph.is_own { 1.0 } else { STRETCH };
    let at = |number: usize| graph.place(graph.items[number].id).map(|(x, y)| (x * stretch, y));
    let mut places: Vec<(String, Point)> = Vec::new();
    for (number, name) in names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        let item = &graph.items[number];
        let Some(at) = at(number) else { continue };
        // Where it was left, the layout says already what it said.
        let is_where_it_was = item
            .own
            .as_ref()
            .is_some_and(|own| own.name == *name && (own.at.0 - at.0).abs() < 0.2 && (own.at.1 - at.1).abs() < 0.2);
        if !is_where_it_was {
            places.push((name.clone(), at));
        }
    }
    for (name, number, steps) in beside {
        places.extend(at(*number).map(|(x, y)| (name.clone(), (x + steps * STEP, y + 70.0))));
    }
    if places.is_empty() && graph.is_own {
        return;
    }
    write(document, &places);
    let is_whole = document.names().all(|name| document.position(name).is_some());
    if !graph.is_own && (!is_whole || overlaps(document)) {
        let tidied = diagram::tidied(document);
        write(document, &tidied.into_iter().collect::<Vec<_>>());
    }
}

fn write(document: &mut Document, places: &[(String, Point)]) {
    let tenths = |number: f64| json!((number * 10.0).round() / 10.0);
    let whole = |number: f64| if number.fract() == 0.0 { json!(number as i64) } else { tenths(number) };
    let Some(definition) = document.value_mut().as_object_mut().filter(|_| !places.is_empty()) else { return };
    let layout = definition.entry("layout").or_insert_with(|| json!({}));
    if let Value::Object(layout) = layout {
        for (name, (x, y)) in places {
            let (x, y) = ((x * 10.0).round() / 10.0, (y * 10.0).round() / 10.0);
            layout.insert(name.clone(), json!([whole(x), whole(y)]));
        }
    }
}

fn overlaps(document: &Document) -> bool {
    let scene = Scene::of(document);
    let boxes: Vec<_> = scene.nodes().iter().map(|node| node.rect()).collect();
    boxes.iter().enumerate().any(|(index, one)| boxes[index + 1..].iter().any(|other| one.overlaps(other)))
}
