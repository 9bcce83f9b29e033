//! A diagram as a file: SVG that stands by itself, with every colour and size written where it is used, so that any program
//! draws it the same.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::{Diagram, DiagramEdge, DiagramNode};

/// Space around the drawing.
const MARGIN: f64 = 20.0;
/// The radius of the corners of edges.
const CORNER: f64 = 9.0;
const SANS: &str = "Inter, system-ui, sans-serif";
const MONO: &str = "'JetBrains Mono', ui-monospace, monospace";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    #[default]
    Light,
    Dark,
}

/// The colours of `style/tokens.css`.
struct Colours {
    background: &'static str,
    surface: &'static str,
    line: &'static str,
    ink: &'static str,
    muted: &'static str,
    faint: &'static str,
    event: &'static str,
    command: &'static str,
    human: &'static str,
    ok: &'static str,
    bad: &'static str,
}

const LIGHT: Colours = Colours {
    background: "#f6f6f3",
    surface: "#ffffff",
    line: "#cfcfc8",
    ink: "#17191e",
    muted: "#585d67",
    faint: "#696d76",
    event: "#0b7069",
    command: "#3346d3",
    human: "#955300",
    ok: "#1a7038",
    bad: "#b3261e",
};
const DARK: Colours = Colours {
    background: "#121316",
    surface: "#1a1b1f",
    line: "#3d4048",
    ink: "#eceae4",
    muted: "#a9acb4",
    faint: "#9498a2",
    event: "#4cc9c0",
    command: "#93a0ff",
    human: "#f0b24e",
    ok: "#5fcf82",
    bad: "#ff9a91",
};

/// The diagram as one file. `title` says what it is, for those who do not see it.
pub fn svg(diagram: &Diagram, title: &str, theme: Theme) -> String {
    let colours = if theme == Theme::Dark { &DARK } else { &LIGHT };
    let (left, top, width, height) = frame(diagram);
    let mut out = String::new();
    let mut write = |line: String| {
        out.push_str(&line);
        out.push('\n');
    };
    write(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"{left} {top} {width} {height}\" \
         role=\"img\" aria-labelledby=\"title\" font-family=\"{SANS}\">"
    ));
    write(format!("<title id=\"title\">{}</title>", escaped(title)));
    write(format!(
        "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" \
         markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 .5 8 4 0 7.5z\" fill=\"{}\"/></marker></defs>",
        colours.faint
    ));
    write(format!(
        "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"{}\"/>",
        colours.background
    ));
    for edge in &diagram.edges {
        write(line(edge, colours));
    }
    for node in &diagram.nodes {
        write(shape(node, colours));
    }
    // Above the lines of others.
    for edge in &diagram.edges {
        if let Some((x, y)) = edge.label_at.filter(|_| !edge.label.is_empty()) {
            write(format!(
                "<text x=\"{}\" y=\"{}\" font-family=\"{MONO}\" font-size=\"10.5\" font-weight=\"500\" text-anchor=\"middle\" \
                 fill=\"{}\" stroke=\"{}\" stroke-width=\"4\" stroke-linejoin=\"round\" paint-order=\"stroke\">{}</text>",
                number(x),
                number(y + 3.5),
                colours.muted,
                colours.background,
                escaped(&edge.label)
            ));
        }
    }
    write("</svg>".to_owned());
    out
}

/// What is seen: everything, and a margin.
fn frame(diagram: &Diagram) -> (String, String, String, String) {
    let mut boxes: Vec<(f64, f64, f64, f64)> =
        diagram.nodes.iter().map(|node| (node.x, node.y, node.x + node.width, node.y + node.height)).collect();
    for edge in &diagram.edges {
        boxes.extend(edge.points.iter().map(|(x, y)| (*x, *y, *x, *y)));
        let half = edge.label.chars().count() as f64 * 3.3 + 6.0;
        boxes.extend(edge.label_at.map(|(x, y)| (x - half, y - 9.0, x + half, y + 9.0)));
    }
    if boxes.is_empty() {
        boxes.push((0.0, 0.0, 0.0, 0.0));
    }
    let left = boxes.iter().map(|it| it.0).fold(f64::INFINITY, f64::min) - MARGIN;
    let top = boxes.iter().map(|it| it.1).fold(f64::INFINITY, f64::min) - MARGIN;
    let right = boxes.iter().map(|it| it.2).fold(f64::NEG_INFINITY, f64::max) + MARGIN;
    let bottom = boxes.iter().map(|it| it.3).fold(f64::NEG_INFINITY, f64::max) + MARGIN;
    (number(left), number(top), number(right - left), number(bottom - top))
}

fn line(edge: &DiagramEdge, colours: &Colours) -> String {
    let path = path(&edge.points);
    format!(
        "<path d=\"{path}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.4\" marker-end=\"url(#arrow)\"/>",
        colours.faint
    )
}

fn shape(node: &DiagramNode, colours: &Colours) -> String {
    let mut shape = format!("<g transform=\"translate({} {})\">", number(node.x), number(node.y));
    let words =
        if node.subtitle.is_empty() { node.title.clone() } else { format!("{}\n{}", node.title, node.subtitle) };
    let mut add = |text: String| shape.push_str(&text);
    add(format!("<title>{}</title>", escaped(&words)));
    let body = format!("fill=\"{}\" stroke=\"{}\" stroke-width=\"1.2\"", colours.surface, colours.line);
    let (middle_x, middle_y) = (node.width / 2.0, node.height / 2.0);
    if matches!(node.kind.as_str(), "start" | "end") && node.width < 90.0 {
        let (x, y, radius) = (number(middle_x), number(middle_y), number(middle_x.min(middle_y) - 1.0));
        add(format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" {body}/>"));
        let title = fitted(&node.title, node.width - 8.0, 6.4);
        add(text(&title, (middle_x, middle_y + 4.0), "11", "580", colours.ink, " text-anchor=\"middle\""));
    } else {
        add(format!("<rect width=\"{}\" height=\"{}\" rx=\"9\" {body}/>", number(node.width), number(node.height)));
        let strip = match node.kind.as_str() {
            "command" | "call" | "receiver" => colours.command,
            "wait" | "event" => colours.event,
            "approval" | "timer" => colours.human,
            "compensate" => colours.bad,
            "end" => colours.ok,
            _ => colours.muted,
        };
        add(format!(
            "<rect y=\"10\" width=\"4\" height=\"{}\" rx=\"2\" fill=\"{strip}\"/>",
            number(node.height - 20.0)
        ));
        let title_y = if node.subtitle.is_empty() { middle_y + 4.0 } else { middle_y - 4.0 };
        add(text(&fitted(&node.title, node.width - 26.0, 6.7), (16.0, title_y), "12.5", "580", colours.ink, ""));
        if !node.subtitle.is_empty() {
            let subtitle = fitted(&node.subtitle, node.width - 26.0, 5.6);
            add(text(&subtitle, (16.0, middle_y + 13.0), "11", "450", colours.muted, ""));
        }
    }
    shape.push_str("</g>");
    shape
}

fn text(words: &str, (x, y): (f64, f64), size: &str, weight: &str, colour: &str, more: &str) -> String {
    let (x, y) = (number(x), number(y));
    format!(
        "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" font-weight=\"{weight}\" fill=\"{colour}\"{more}>{}</text>",
        escaped(words)
    )
}

/// Cut to a width, at so many pixels a letter: text in SVG neither wraps nor ends by itself.
fn fitted(text: &str, width: f64, letter: f64) -> String {
    super::text::shorten(text, (width / letter).max(2.0) as usize)
}

/// A line through the points with round corners.
fn path(points: &[(f64, f64)]) -> String {
    let mut path = String::new();
    let [first, .., last] = points else { return path };
    let at = |(x, y): (f64, f64)| format!("{} {}", number(x), number(y));
    let towards = |corner: (f64, f64), other: (f64, f64)| {
        let (dx, dy) = (other.0 - corner.0, other.1 - corner.1);
        let share = (CORNER / dx.hypot(dy).max(f64::EPSILON)).min(0.5);
        (corner.0 + dx * share, corner.1 + dy * share)
    };
    write!(path, "M{}", at(*first)).expect("writing into a string cannot fail");
    for corner in points.windows(3) {
        let (enter, leave) = (towards(corner[1], corner[0]), towards(corner[1], corner[2]));
        write!(path, "L{}Q{} {}", at(enter), at(corner[1]), at(leave)).expect("writing into a string cannot fail");
    }
    write!(path, "L{}", at(*last)).expect("writing into a string cannot fail");
    path
}

/// To a tenth of a pixel.
fn number(number: f64) -> String {
    let tenths = (number * 10.0).round() / 10.0;
    format!("{}", if tenths == 0.0 { 0.0 } else { tenths })
}

/// As text of XML. What XML cannot hold becomes a sign that says so.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bpmn::is_xml, definition, diagram};

    #[test]
    fn a_diagram_is_a_file_of_its_own() {
        for (name, text) in definition::shipped() {
            let drawn = match definition::parse(text).unwrap().definition {
                definition::Definition::Process(process) => diagram::of_process(&process),
                definition::Definition::Saga(saga) => diagram::of_saga(&saga),
            };
            let light = svg(&drawn, name, Theme::Light);
            assert!(is_xml(&light) && quick_xml_reads(&light), "{light}");
            assert_eq!(light.matches("marker-end").count(), drawn.edges.len());
            assert_eq!(light.matches("<g ").count(), drawn.nodes.len());
            assert!(!light.contains("class=") && !light.contains("style") && !light.contains("var("), "{light}");
            assert_ne!(light, svg(&drawn, name, Theme::Dark));
        }
    }

    #[test]
    fn nothing_of_a_name_gets_out_of_its_place() {
        let node = DiagramNode {
            id: "a".into(),
            kind: "command".into(),
            title: "<script>&\u{0}\"".into(),
            subtitle: "]]>".into(),
            x: 0.0,
            y: 0.0,
            width: 172.0,
            height: 56.0,
        };
        let file = svg(&Diagram { nodes: vec![node], ..Diagram::default() }, "</title>", Theme::Light);
        assert!(!file.contains("<script") && !file.contains("</title></title>") && quick_xml_reads(&file), "{file}");
        assert!(quick_xml_reads(&svg(&Diagram::default(), "", Theme::Dark)));
    }

    fn quick_xml_reads(text: &str) -> bool {
        let mut reader = quick_xml::Reader::from_str(text);
        loop {
            match reader.read_event() {
                Ok(quick_xml::events::Event::Eof) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }
}
