//! Diagram data: where shapes stand, and the ways of flows between them. Shapes of BPMN are smaller than our boxes, so
//! ways are led on from the border of the box to that of the shape.

use super::{
    export::{Export, is_catch_event},
    xml::Element,
};
use crate::designer::{Kind, Point, Rect, labels};

const GATEWAY: f64 = 50.0;
const EVENT: f64 = 36.0;
/// Of a timer on a border.
const BORDER_EVENT: f64 = 24.0;

pub fn diagram(export: &Export, process: &str) -> Element {
    let mut plane = Element::new("bpmndi:BPMNPlane").with("id", "baton.plane").with("bpmnElement", process);
    for node in export.scene.nodes() {
        let id = export.id(node.id());
        let mut shape = Element::new("bpmndi:BPMNShape").with("id", format!("{id}.shape")).with("bpmnElement", id);
        if matches!(node.kind, Kind::Decide | Kind::ForEach) {
            shape = shape.with("isMarkerVisible", "true");
        }
        plane = plane.child(shape.child(bounds(&rect(export, node.id()))));
    }
    for (node, id) in &export.timers {
        let Some(at) = timer_at(export, node) else { continue };
        let shape = Element::new("bpmndi:BPMNShape").with("id", format!("{id}.shape")).with("bpmnElement", id);
        plane = plane.child(shape.child(bounds(&Rect::around(at, BORDER_EVENT, BORDER_EVENT))));
    }
    for (id, edge) in export.flows() {
        let shape = &edge.shape;
        let mut points = shape.points.clone();
        if let Some(first) = points.first_mut() {
            if export.timers.contains_key(&shape.from) && shape.port == "timeout" {
                first.0 += BORDER_EVENT / 2.0;
            } else {
                let outer = export.scene.node(&shape.from).map(|node| node.rect());
                lead_on(&mut points, true, outer, &rect(export, &shape.from));
            }
        }
        let outer = export.scene.node(&shape.to).map(|node| node.rect());
        lead_on(&mut points, false, outer, &rect(export, &shape.to));
        let mut drawn = Element::new("bpmndi:BPMNEdge").with("id", format!("{id}.edge")).with("bpmnElement", id);
        drawn = drawn.children(
            points.into_iter().map(|(x, y)| Element::new("di:waypoint").with("x", number(x)).with("y", number(y))),
        );
        if let Some(at) = shape.label_at {
            let (width, height) = labels::size(&shape.label);
            drawn = drawn.child(Element::new("bpmndi:BPMNLabel").child(bounds(&Rect::around(at, width, height))));
        }
        plane = plane.child(drawn);
    }
    Element::new("bpmndi:BPMNDiagram").with("id", "baton.diagram").child(plane)
}

/// Where the shape of a node stands: around the centre of its box.
fn rect(export: &Export, name: &str) -> Rect {
    let Some(node) = export.scene.node(name) else { return Rect::around((0.0, 0.0), 1.0, 1.0) };
    let value = export.document.node(name);
    let size = match node.kind {
        Kind::Decide | Kind::ForEach | Kind::Fork | Kind::Join => GATEWAY,
        Kind::Start | Kind::End | Kind::Timer | Kind::Compensate => EVENT,
        Kind::Wait if value.is_some_and(is_catch_event) => EVENT,
        _ => return node.rect(),
    };
    Rect::around(node.centre(), size, size)
}

/// The port is on the border already.
fn timer_at(export: &Export, node: &str) -> Option<Point> {
    let node = export.scene.node(node)?;
    node.ports.iter().find(|port| port.name == "timeout").map(|port| port.at)
}

/// Goes on (or begins earlier) at the middle of the side of the inner shape.
fn lead_on(points: &mut Vec<Point>, is_begin: bool, outer: Option<Rect>, inner: &Rect) {
    let Some(outer) = outer.filter(|outer| outer != inner) else { return };
    let end = if is_begin { points.first().copied() } else { points.last().copied() };
    let Some((x, y)) = end else { return };
    let centre = inner.centre();
    let side = if x > outer.centre().0 { inner.right() } else { inner.x };
    // A few pixels off are on the curve or the slope still; more would hang in the air.
    let knee = ((y - centre.1).abs() > 0.5).then_some((x, centre.1));
    let new = knee.into_iter().chain([(side, centre.1)]);
    if is_begin {
        for point in new {
            points.insert(0, point);
        }
    } else {
        points.extend(new);
    }
}

fn bounds(rect: &Rect) -> Element {
    Element::new("dc:Bounds")
        .with("x", number(rect.x))
        .with("y", number(rect.y))
        .with("width", number(rect.width))
        .with("height", number(rect.height))
}

fn number(number: f64) -> String {
    let tenths = (number * 10.0).round() / 10.0;
    // Without a sign for zero.
    format!("{}", if tenths == 0.0 { 0.0 } else { tenths })
}
