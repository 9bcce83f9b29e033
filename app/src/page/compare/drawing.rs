//! Two versions on one drawing. What is different has a word beside its colour: `new`, `gone`, `changed`; on edges a
//! sign.

use baton_domain::designer::compare::{Drawing, Mark};
use leptos::prelude::*;

use crate::{
    component::diagram::{arrow, node_body, path},
    erased::Erase,
    model::{DiagramEdge, DiagramNode},
};

/// Space around the drawing, in pixels: for marks and the words beside edges, too.
const MARGIN: f64 = 32.0;

const MARKS: [Mark; 3] = [Mark::Added, Mark::Changed, Mark::Removed];

/// Its class, the word on nodes, and the sign on edges.
fn mark_words(mark: Mark) -> (&'static str, &'static str, &'static str) {
    match mark {
        Mark::Added => ("added", "new", "+"),
        Mark::Removed => ("removed", "gone", "−"),
        Mark::Changed => ("altered", "changed", "~"),
    }
}

pub fn legend() -> AnyView {
    let words = MARKS.map(|mark| {
        let (class, word, sign) = mark_words(mark);
        view! { <i class=class></i>{format!("{word} {sign}")} }
    });
    view! { <span class="legend">{words.collect_view()}</span> }.erased()
}

/// `of` says what is drawn, for those who do not see it.
pub fn drawn(drawing: &Drawing, of: &str) -> AnyView {
    let diagram = &drawing.diagram;
    if diagram.nodes.is_empty() {
        return view! { <p class="faint pad">"There are no nodes to draw."</p> }.erased();
    }
    let (width, height) = (diagram.width + 2.0 * MARGIN, diagram.height + 2.0 * MARGIN);
    let edges = diagram.edges.iter().zip(&drawing.edges).map(|(edge, mark)| edge_view(edge, *mark)).collect_view();
    let nodes = diagram.nodes.iter().map(|node| node_view(node, drawing.nodes.get(&node.id).copied())).collect_view();
    let arrows = ["plain", "added", "altered", "removed"].map(arrow).collect_view();
    view! {
        <div class="canvas" tabindex="0" role="region" aria-label=format!("Drawing of {of}")>
            <svg
                class="diagram compared"
                style=format!("--width:{width:.1}")
                viewBox=format!("{} {} {width:.1} {height:.1}", -MARGIN, -MARGIN)
                role="group"
                aria-label=format!("{of}: {} nodes", diagram.nodes.len())
            >
                <defs>{arrows}</defs>
                <g class="edges" aria-hidden="true">{edges}</g>
                <g class="nodes" role="list">{nodes}</g>
            </svg>
        </div>
    }
    .erased()
}

fn edge_view(edge: &DiagramEdge, mark: Option<Mark>) -> AnyView {
    let (class, sign) = mark.map_or(("plain", ""), |mark| (mark_words(mark).0, mark_words(mark).2));
    let words = [sign, edge.label.as_str()].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let at = edge.label_at.or_else(|| middle(&edge.points)).filter(|_| !words.is_empty());
    let label = at.map(|(x, y)| {
        view! { <text class=format!("port {class}") x=format!("{x:.1}") y=format!("{y:.1}")>{words}</text> }
    });
    view! {
        <path class=format!("edge {class}") d=path(&edge.points) marker-end=format!("url(#arrow-{class})")/>
        {label}
    }
    .erased()
}

/// The middle of the longest part of a line.
fn middle(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let length = |part: &[(f64, f64)]| (part[1].0 - part[0].0).hypot(part[1].1 - part[0].1);
    let longest = points.windows(2).max_by(|a, b| length(a).total_cmp(&length(b)))?;
    Some(((longest[0].0 + longest[1].0) / 2.0, (longest[0].1 + longest[1].1) / 2.0))
}

fn node_view(node: &DiagramNode, mark: Option<Mark>) -> AnyView {
    let (class, word) = mark.map_or(("", ""), |mark| (mark_words(mark).0, mark_words(mark).1));
    let comma = if word.is_empty() { "" } else { ", " };
    let label = format!("{} ({}{comma}{word}): {}", node.title, node.kind, node.subtitle);
    let tag = (!word.is_empty()).then(|| {
        // Six pixels a letter, and some room at both ends.
        let width = word.len() as f64 * 6.0 + 12.0;
        let x = node.width / 2.0 - width / 2.0;
        view! {
            <rect class="mark" x=format!("{x:.1}") y="-9" width=format!("{width:.1}") height="16" rx="8"/>
            <text class="mark" x=format!("{:.1}", node.width / 2.0) y="2.5">{word}</text>
        }
    });
    view! {
        <g class=format!("node {} {class}", node.kind) role="listitem" aria-label=label
            transform=format!("translate({:.1} {:.1})", node.x, node.y)>
            <title>{format!("{}\n{}", node.title, node.subtitle)}</title>
            {node_body(node)}
            {tag}
        </g>
    }
    .erased()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_stands_in_the_middle_of_the_longest_part() {
        assert_eq!(middle(&[(0.0, 0.0), (10.0, 0.0), (10.0, 40.0), (20.0, 40.0)]), Some((10.0, 20.0)));
        assert_eq!(middle(&[(1.0, 1.0)]), None);
    }

    #[test]
    fn every_mark_has_words_of_its_own() {
        for (index, mark) in MARKS.into_iter().enumerate() {
            for other in &MARKS[index + 1..] {
                let (one, another) = (mark_words(mark), mark_words(*other));
                assert!(one.0 != another.0 && one.1 != another.1 && one.2 != another.2);
            }
        }
    }
}
