//! A definition drawn: nodes, edges, and how far an instance is in it. Positions come with the model.

use std::{collections::BTreeMap, fmt::Write};

use crate::erased::Erase;
use baton_domain::diagram::NODE_HEIGHT;
use leptos::prelude::*;

use crate::{
    dom,
    model::{Diagram, DiagramEdge, DiagramNode, Progress},
};

/// The box that the drawing scrolls in.
const CANVAS: &str = "diagram";
/// Space around the drawing, in pixels.
const MARGIN: f64 = 20.0;
/// The radius of the corners of edges.
const CORNER: f64 = 9.0;

/// How far an instance is; a definition alone has no journey.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Journey {
    pub progress: BTreeMap<String, Progress>,
    /// `from/port` of the edges that were walked.
    pub walked: Vec<String>,
}

/// `name` says what is drawn, for those who do not see it.
pub fn diagram_view(diagram: &Diagram, name: &str, journey: Option<&Journey>) -> AnyView {
    diagram_in(CANVAS, diagram, name, journey)
}

/// The same in a box with another id, for pages that have two.
pub fn diagram_in(id: &'static str, diagram: &Diagram, name: &str, journey: Option<&Journey>) -> AnyView {
    if diagram.nodes.is_empty() {
        return view! { <p class="faint pad">"Nothing to draw yet."</p> }.erased();
    }
    let (width, height) = (diagram.width + 2.0 * MARGIN, diagram.height + 2.0 * MARGIN);
    let edges = diagram.edges.iter().map(|edge| edge_view(edge, journey)).collect_view();
    let nodes = diagram.nodes.iter().map(|node| node_view(node, journey)).collect_view();
    if let Some(node) = journey.and_then(|journey| in_focus(diagram, journey)) {
        let at = ((node.x + node.width / 2.0 + MARGIN) / width, (node.y + node.height / 2.0 + MARGIN) / height);
        let mark = node.id.clone();
        Effect::new(move |_| dom::centre(id, at, &mark));
    }
    let label = format!("{name}: {} nodes", diagram.nodes.len());
    view! {
        <div id=id class="canvas" tabindex="0" role="region" aria-label=format!("Diagram of {name}")>
            <svg
                class="diagram"
                style=format!("--width:{}", number(width))
                viewBox=format!("{} {} {} {}", -MARGIN, -MARGIN, number(width), number(height))
                role="group"
                aria-label=label
            >
                <defs>{["plain", "walked", "ahead"].map(arrow).collect_view()}</defs>
                <g class="edges" aria-hidden="true">{edges}</g>
                <g class="nodes" role="list">{nodes}</g>
            </svg>
        </div>
    }
    .erased()
}

/// The node to look at first: one under way, else one that failed, else the end that was reached.
fn in_focus<'a>(diagram: &'a Diagram, journey: &Journey) -> Option<&'a DiagramNode> {
    let first = |wanted: Progress| diagram.nodes.iter().find(|node| journey.progress.get(&node.id) == Some(&wanted));
    let ends = |node: &&DiagramNode| node.kind == "end" && journey.progress.contains_key(&node.id);
    first(Progress::UnderWay).or_else(|| first(Progress::Failed)).or_else(|| diagram.nodes.iter().find(ends))
}

pub fn arrow(kind: &'static str) -> impl IntoView {
    view! {
        <marker id=format!("arrow-{kind}") class=format!("arrow {kind}") viewBox="0 0 8 8" refX="7" refY="4"
            markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">
            <path d="M0 .5 8 4 0 7.500z"/>
        </marker>
    }
}

fn edge_view(edge: &DiagramEdge, journey: Option<&Journey>) -> AnyView {
    let kind = match journey {
        None => "plain",
        Some(journey) if journey.walked.iter().any(|walked| is(walked, edge)) => "walked",
        Some(_) => "ahead",
    };
    let label = edge.label_at.filter(|_| !edge.label.is_empty()).map(|(x, y)| {
        view! { <text class="port" x=number(x) y=number(y)>{edge.label.clone()}</text> }
    });
    view! {
        <path class=format!("edge {kind}") d=path(&edge.points) marker-end=format!("url(#arrow-{kind})")/>
        {label}
    }
    .erased()
}

fn is(walked: &str, edge: &DiagramEdge) -> bool {
    walked.strip_prefix(edge.from.as_str()).and_then(|rest| rest.strip_prefix('/')) == Some(edge.port.as_str())
}

fn node_view(node: &DiagramNode, journey: Option<&Journey>) -> AnyView {
    let (class, word) = match journey.map(|journey| journey.progress.get(&node.id)) {
        None => ("", ""),
        Some(None) => ("ahead", ", ahead"),
        Some(Some(Progress::Done)) => ("done", ", done"),
        Some(Some(Progress::UnderWay)) => ("now", ", under way"),
        Some(Some(Progress::Failed)) => ("failed", ", failed"),
    };
    let label = format!("{} ({}{word}): {}", node.title, node.kind, node.subtitle);
    let body = node_body(node);
    let title =
        if node.subtitle.is_empty() { node.title.clone() } else { format!("{}\n{}", node.title, node.subtitle) };
    view! {
        <g class=format!("node {} {class}", node.kind) role="listitem" aria-label=label
            transform=format!("translate({} {})", number(node.x), number(node.y))>
            <title>{title}</title>
            {body}
        </g>
    }
    .erased()
}

/// What a node looks like, its upper left corner at the origin.
pub fn node_body(node: &DiagramNode) -> AnyView {
    if matches!(node.kind.as_str(), "start" | "end") && node.width < 90.0 {
        let (middle_x, middle_y) = (node.width / 2.0, node.height / 2.0);
        let radius = middle_x.min(middle_y) - 1.0;
        view! {
            <circle class="body" cx=number(middle_x) cy=number(middle_y) r=number(radius)/>
            <text class="title round" x=number(middle_x) y=number(middle_y + 4.0)>{shortened(&node.title, node.width - 8.0, 6.4)}</text>
        }
        .erased()
    } else {
        let middle = node.height / 2.0;
        let (title_y, subtitle) =
            if node.subtitle.is_empty() { (middle + 4.0, None) } else { (middle - 4.0, Some(middle + 13.0)) };
        let subtitle = subtitle.map(|y| {
            view! { <text class="sub" x="16" y=number(y)>{shortened(&node.subtitle, node.width - 26.0, 5.6)}</text> }
        });
        view! {
            <rect class="body" width=number(node.width) height=number(node.height) rx="9"/>
            <rect class="strip" x="0" y="10" width="4" height=number(node.height - 20.0) rx="2"/>
            <text class="title" x="16" y=number(title_y)>{shortened(&node.title, node.width - 26.0, 6.7)}</text>
            {subtitle}
        }
        .erased()
    }
}

/// The same with further lines, below those two; the node is as high as they need.
pub fn card_body(node: &DiagramNode, notes: &[String]) -> AnyView {
    if node.height <= NODE_HEIGHT {
        return node_body(node);
    }
    let lines = std::iter::once(&node.subtitle).chain(notes).enumerate().map(|(line, text)| {
        let (class, y) = (if line == 0 { "sub" } else { "sub note" }, 41.0 + 16.0 * line as f64);
        view! { <text class=class x="16" y=number(y)>{shortened(text, node.width - 26.0, 5.6)}</text> }
    });
    view! {
        <rect class="body" width=number(node.width) height=number(node.height) rx="9"/>
        <rect class="strip" x="0" y="10" width="4" height=number(node.height - 20.0) rx="2"/>
        <text class="title" x="16" y="24">{shortened(&node.title, node.width - 26.0, 6.7)}</text>
        {lines.collect_view()}
    }
    .erased()
}

/// `text` cut to a width, at `letter` pixels a letter: SVG text neither wraps nor ends by itself.
fn shortened(text: &str, width: f64, letter: f64) -> String {
    let letters_max = (width / letter).max(1.0) as usize;
    if text.chars().count() <= letters_max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(letters_max.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// A line through the points with round corners.
pub fn path(points: &[(f64, f64)]) -> String {
    let mut path = String::new();
    let [first, .., last] = points else { return path };
    let at = |(x, y): (f64, f64)| format!("{} {}", number(x), number(y));
    write!(path, "M{}", at(*first)).expect("writing into a string cannot fail");
    for corner in points.windows(3) {
        let (enter, leave) = (towards(corner[1], corner[0]), towards(corner[1], corner[2]));
        write!(path, "L{}Q{} {}", at(enter), at(corner[1]), at(leave)).expect("writing into a string cannot fail");
    }
    write!(path, "L{}", at(*last)).expect("writing into a string cannot fail");
    path
}

/// The point on the way from `corner` to `other` where the rounding begins.
fn towards(corner: (f64, f64), other: (f64, f64)) -> (f64, f64) {
    let (dx, dy) = (other.0 - corner.0, other.1 - corner.1);
    let length = dx.hypot(dy).max(f64::EPSILON);
    let share = (CORNER / length).min(0.5);
    (corner.0 + dx * share, corner.1 + dy * share)
}

/// A coordinate to a tenth of a pixel.
fn number(coordinate: f64) -> String {
    format!("{coordinate:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_are_round_and_ends_are_exact() {
        assert_eq!(path(&[(0.0, 0.0), (20.0, 0.0)]), "M0.0 0.0L20.0 0.0");
        assert_eq!(path(&[(0.0, 0.0), (20.0, 0.0), (20.0, 40.0)]), "M0.0 0.0L11.0 0.0Q20.0 0.0 20.0 9.0L20.0 40.0");
        assert_eq!(path(&[]), "");
    }

    #[test]
    fn long_titles_end_in_an_ellipsis() {
        assert_eq!(shortened("Request quotes", 160.0, 7.0), "Request quotes");
        assert_eq!(shortened("Request quotes from everybody", 70.0, 7.0), "Request q…");
    }
}
