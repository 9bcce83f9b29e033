//! What is under the pointer while something hangs at it, and what letting go there does.

use std::collections::BTreeMap;

use super::*;
use crate::designer::document::Document;

/// How near an edge the middle of a node has to come to be dropped into it, in pixels of the screen.
const DROP_REACH_PX: f64 = 20.0;

pub fn is_inside(canvas: &Canvas<'_>, (x, y): Point) -> bool {
    (0.0..=canvas.viewport.width).contains(&x) && (0.0..=canvas.viewport.height).contains(&y)
}

pub fn on_grid((x, y): Point) -> Point {
    ((x / snap::GRID).round() * snap::GRID, (y / snap::GRID).round() * snap::GRID)
}

/// How far what is dragged goes.
pub fn shift(canvas: &Canvas<'_>, hand: &Hand, held: &str, ids: &[String], from: Point) -> Snapped {
    let to = canvas.viewport.to_diagram(hand.at);
    let delta = (to.0 - from.0, to.1 - from.1);
    let plain = Snapped { dx: delta.0, dy: delta.1, guides: Vec::new() };
    let (Some(node), Some(moving)) = (canvas.scene.node(held), canvas.scene.bounds_of(ids)) else { return plain };
    if hand.modifiers.alt || canvas.document.is_saga() {
        return plain;
    }
    let seen = canvas.viewport.visible();
    let others: Vec<Rect> = canvas
        .scene
        .nodes()
        .iter()
        .filter(|node| !ids.iter().any(|id| id == node.id()))
        .map(|node| node.rect())
        .filter(|rect| rect.overlaps(&seen))
        .collect();
    // Of several, the one that is held is put in line.
    let moving = if ids.len() == 1 { moving } else { node.rect() };
    snap::snap(moving, node.centre(), delta, &others, snap::REACH_PX / canvas.viewport.zoom)
}

/// The edge that a dragged node would go into.
pub fn edge_under(canvas: &Canvas<'_>, ids: &[String], dx: f64, dy: f64) -> Option<Aim<PortRef>> {
    let [only] = ids else { return None };
    let (x, y) = canvas.scene.node(only)?.centre();
    let (edge, _) = canvas.scene.edge_at((x + dx, y + dy), DROP_REACH_PX / canvas.viewport.zoom)?;
    let on = edge.id();
    match rules::drop_on_edge(canvas.document, only, &on) {
        Verdict::Ignore => None,
        verdict => Some(Aim { on, verdict }),
    }
}

/// The edge that a new node would go into.
pub fn edge_for_kind(canvas: &Canvas<'_>, kind: Kind, at: Point) -> Option<Aim<PortRef>> {
    if canvas.document.is_saga() {
        return hands::aim_of(canvas, kind, at);
    }
    if canvas.scene.node_at(at).is_some() {
        return None;
    }
    let (edge, _) = canvas.scene.edge_at(at, DROP_REACH_PX.max(EDGE_REACH_PX) / canvas.viewport.zoom)?;
    let on = edge.id();
    Some(Aim { verdict: rules::insert(canvas.document, &on, kind), on })
}

pub fn dropped(canvas: &Canvas<'_>, hand: &Hand, held: &str, ids: &[String], from: Point) -> Vec<Outcome> {
    if canvas.document.is_saga() {
        return hands::dropped(canvas, ids, canvas.viewport.to_diagram(hand.at).0);
    }
    let Snapped { dx, dy, .. } = shift(canvas, hand, held, ids, from);
    let nodes = ids.iter().filter_map(|id| canvas.scene.node(id));
    let positions: BTreeMap<String, Point> = nodes
        .map(|node| {
            let (x, y) = node.centre();
            (node.id().to_owned(), (x + dx, y + dy))
        })
        .collect();
    if positions.is_empty() || (dx == 0.0 && dy == 0.0) {
        return Vec::new();
    }
    let mut edits = vec![Edit::Move { positions }];
    let mut outcomes = Vec::new();
    match edge_under(canvas, ids, dx, dy) {
        Some(Aim { on, verdict: Verdict::Allow }) => {
            edits.push(Edit::DropOnEdge { node: held.to_owned(), edge: on });
        }
        Some(Aim { verdict: Verdict::Forbid(reason), .. }) => outcomes.push(Outcome::Refuse(Forbidden(reason))),
        Some(Aim { verdict: Verdict::Ignore, .. }) | None => {}
    }
    outcomes.insert(0, Outcome::Commit(edits));
    outcomes
}

pub fn placed(canvas: &Canvas<'_>, hand: &Hand, kind: Kind) -> Vec<Outcome> {
    if !is_inside(canvas, hand.at) {
        return Vec::new();
    }
    let at = on_grid(canvas.viewport.to_diagram(hand.at));
    if canvas.document.is_saga() {
        return hands::placed(canvas, kind, at);
    }
    let (verdict, edit) = match edge_for_kind(canvas, kind, at) {
        Some(Aim { on, verdict }) => (verdict, Edit::Insert { edge: on, kind, at }),
        None => (rules::add(canvas.document, kind), Edit::Add { kind, at }),
    };
    match verdict {
        Verdict::Allow => vec![Outcome::Commit(vec![edit])],
        Verdict::Forbid(reason) => vec![Outcome::Refuse(Forbidden(reason))],
        Verdict::Ignore => Vec::new(),
    }
}

/// What a line would do where the pointer is: to which node it would lead, and by which edit.
fn aimed(canvas: &Canvas<'_>, hand: &Hand, line: &Line) -> Option<(Aim<String>, Edit)> {
    let at = canvas.viewport.to_diagram(hand.at);
    let reach = HANDLE_REACH_PX / canvas.viewport.zoom;
    match line {
        Line::From(port) | Line::Target(port) => {
            let to = canvas.scene.node_at(at)?.id().to_owned();
            let verdict = rules::connect(canvas.document, port, &to);
            Some((Aim { on: to.clone(), verdict }, Edit::Connect { from: port.clone(), to }))
        }
        Line::Source(edge) => {
            let port = canvas.scene.port_at(at, reach);
            let from = port.or_else(|| free_port(canvas.document, canvas.scene.node_at(at)?.id()))?;
            let verdict = rules::reconnect_source(canvas.document, edge, &from);
            let aim = Aim { on: from.node.clone(), verdict };
            Some((aim, Edit::ReconnectSource { edge: edge.clone(), from }))
        }
    }
}

/// The first way out that leads nowhere, or the first one.
fn free_port(document: &Document, node: &str) -> Option<PortRef> {
    let ports = document.ports(node);
    let free = ports.iter().find(|port| document.is_open(port)).or(ports.first());
    // A node without any is meant all the same, to be told that it has none.
    Some(PortRef::new(node, free.map_or("next", |port| port.name.as_str())))
}

pub fn line(canvas: &Canvas<'_>, hand: &Hand, line: &Line) -> Preview {
    let at = canvas.viewport.to_diagram(hand.at);
    let onto = aimed(canvas, hand, line).map(|(aim, _)| aim).filter(|aim| aim.verdict != Verdict::Ignore);
    match line {
        Line::From(port) | Line::Target(port) => {
            let from = canvas.scene.port(port).map_or(at, |port| port.at);
            let moving = canvas.scene.edge(port).map(|edge| edge.id());
            Preview::Line { from, to: at, moving, onto }
        }
        Line::Source(edge) => {
            let end = canvas.scene.edge(edge).and_then(|edge| edge.shape.points.last().copied());
            Preview::Line { from: at, to: end.unwrap_or(at), moving: Some(edge.clone()), onto }
        }
    }
}

pub fn connected(canvas: &Canvas<'_>, hand: &Hand, line: &Line) -> Vec<Outcome> {
    match (aimed(canvas, hand, line), line) {
        (Some((Aim { verdict: Verdict::Allow, .. }, edit)), _) => vec![Outcome::Commit(vec![edit])],
        (Some((Aim { verdict: Verdict::Forbid(reason), .. }, _)), _) => vec![Outcome::Refuse(Forbidden(reason))],
        (Some((Aim { verdict: Verdict::Ignore, .. }, _)), _) => Vec::new(),
        (None, Line::From(port) | Line::Target(port)) if is_inside(canvas, hand.at) => {
            let at = on_grid(canvas.viewport.to_diagram(hand.at));
            vec![Outcome::Offer(Offer::After { from: port.clone(), at: Some(at) })]
        }
        (None, _) => Vec::new(),
    }
}
