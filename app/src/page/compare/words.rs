//! What is different, in words: nodes, ways, and what stands beside them; apart from that what was only moved.

use baton_domain::designer::compare::{
    Comparison, EdgeChange, EdgeDifference, FieldChange, NodeChange, NodeDifference, ScenarioChange, ScenarioDifference,
};
use leptos::prelude::*;
use serde_json::Value;

use crate::{component::changes::short, erased::Erase, page::plural};

/// Longer values are cut; the text of each version has the whole.
const VALUE_CHARS_MAX: usize = 400;
/// More differences of one kind than this are counted and not listed.
const ITEMS_MAX: usize = 500;

pub fn in_words(comparison: &Comparison) -> AnyView {
    let same = comparison.is_empty().then(|| view! { <p class="all-well">"Both mean the same."</p> });
    let nodes = comparison.nodes.iter().take(ITEMS_MAX).map(node).collect();
    let ways = comparison.edges.iter().take(ITEMS_MAX).map(way).collect();
    let fields = comparison.fields.iter().take(ITEMS_MAX).map(alone).collect();
    let scenarios = comparison.scenarios.iter().take(ITEMS_MAX).map(scenario).collect();
    let total = comparison.nodes.len() + comparison.edges.len() + comparison.fields.len() + comparison.scenarios.len();
    view! {
        <section class="card differences" aria-labelledby="differences-title">
            <h2 id="differences-title">"What is different"<small>{counted(total)}</small></h2>
            {same}
            {group("Nodes", nodes, comparison.nodes.len())}
            {group("Ways", ways, comparison.edges.len())}
            {group("Beside the nodes", fields, comparison.fields.len())}
            {group("Scenarios", scenarios, comparison.scenarios.len())}
            <p class="layout faint">{layout(comparison)}</p>
        </section>
    }
    .erased()
}

pub fn of_sagas(fields: &[FieldChange]) -> AnyView {
    let same = fields.is_empty().then(|| view! { <p class="all-well">"Both mean the same."</p> });
    let items = fields.iter().take(ITEMS_MAX).map(alone).collect();
    view! {
        <section class="card differences" aria-labelledby="differences-title">
            <h2 id="differences-title">"What is different"<small>{counted(fields.len())}</small></h2>
            {same}
            {group("Fields", items, fields.len())}
        </section>
    }
    .erased()
}

fn counted(total: usize) -> String {
    plural(total as u64, "difference", "differences")
}

fn group(title: &'static str, items: Vec<AnyView>, total: usize) -> Option<AnyView> {
    let more = total.saturating_sub(items.len());
    let more = (more > 0).then(|| view! { <li class="faint">{format!("… and {more} more")}</li> });
    (total > 0).then(|| view! { <h3>{title}</h3><ul aria-label=title>{items}{more}</ul> }.erased())
}

/// A word in the colour of what happened.
fn tag(class: &'static str, word: &'static str) -> AnyView {
    view! { <span class=format!("tag {class}")>{word}</span> }.erased()
}

fn node(change: &NodeChange) -> AnyView {
    let (tag, more) = match &change.what {
        NodeDifference::Added => (tag("ok", "new"), ().erased()),
        NodeDifference::Removed => (tag("bad", "gone"), ().erased()),
        NodeDifference::Renamed { from } => {
            (tag("warn", "renamed"), view! { <p>"It was called "<code>{from.clone()}</code>"."</p> }.erased())
        }
        NodeDifference::Changed { fields } => {
            let items = fields.iter().take(ITEMS_MAX).map(|it| view! { <li>{field(it)}</li> }).collect_view();
            (tag("warn", "changed"), view! { <ul class="changes">{items}</ul> }.erased())
        }
    };
    let (title, name) = (change.node.title.clone(), change.node.name.clone());
    view! { <li>{tag}<div><b>{title}</b>" "<code>{name}</code>" "<span class="faint">{change.kind.clone()}</span>{more}</div></li> }
        .erased()
}

fn way(change: &EdgeChange) -> AnyView {
    let (tag, to) = match &change.what {
        EdgeDifference::Added { to } => (tag("ok", "new"), view! { " leads to "<b>{to.title.clone()}</b> }.erased()),
        EdgeDifference::Removed { to } => (tag("bad", "gone"), view! { " led to "<b>{to.title.clone()}</b> }.erased()),
        EdgeDifference::Led { from, to } => (
            tag("warn", "elsewhere"),
            view! { " led to "<del>{from.title.clone()}</del>" and leads to "<b>{to.title.clone()}</b> }.erased(),
        ),
    };
    view! { <li>{tag}<div>{change.words.clone()}{to}</div></li> }.erased()
}

fn scenario(change: &ScenarioChange) -> AnyView {
    let tag = match change.what {
        ScenarioDifference::Added => tag("ok", "new"),
        ScenarioDifference::Removed => tag("bad", "gone"),
        ScenarioDifference::Changed => tag("warn", "changed"),
    };
    view! { <li>{tag}<div><b>{change.name.clone()}</b></div></li> }.erased()
}

/// A field as a line of its own.
fn alone(change: &FieldChange) -> AnyView {
    let tag = match (&change.old, &change.new) {
        (None, _) => tag("ok", "new"),
        (_, None) => tag("bad", "gone"),
        _ => tag("warn", "changed"),
    };
    view! { <li>{tag}<div class="changes">{field(change)}</div></li> }.erased()
}

fn field(change: &FieldChange) -> AnyView {
    let place = change.pointer.strip_prefix('/').unwrap_or("everything").to_owned();
    let value = |value: &Option<Value>| value.as_ref().map(|value| short(value, VALUE_CHARS_MAX));
    let (old, new) = (value(&change.old), value(&change.new));
    let arrow = (old.is_some() && new.is_some()).then_some(" → ");
    let (old, new) = (old.map(|old| view! { <del>{old}</del> }), new.map(|new| view! { <ins>{new}</ins> }));
    view! { <b>{place}</b>" "{old}{arrow}{new} }.erased()
}

/// Where nodes stand means nothing, and is told in one line.
fn layout(comparison: &Comparison) -> String {
    let told = |number: usize, one: &str, many: &str| {
        (number > 0)
            .then(|| format!("{} {}", plural(number as u64, "node", "nodes"), if number == 1 { one } else { many }))
    };
    let moved = told(comparison.moved.len(), "was moved", "were moved");
    let placed = told(
        comparison.placed.len(),
        "has a saved place in one of the two only",
        "have a saved place in one of the two only",
    );
    let parts: Vec<String> = [moved, placed].into_iter().flatten().collect();
    match parts.as_slice() {
        [] => "No node was moved.".to_owned(),
        parts => format!("Layout: {}.", parts.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_one_line() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let mut comparison = Comparison::default();
        assert_eq!(layout(&comparison), "No node was moved.");
        comparison.moved = names(&["a", "b", "c"]);
        assert_eq!(layout(&comparison), "Layout: 3 nodes were moved.");
        comparison.placed = names(&["d"]);
        assert_eq!(layout(&comparison), "Layout: 3 nodes were moved, 1 node has a saved place in one of the two only.");
    }
}
