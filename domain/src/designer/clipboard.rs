//! Parts of a diagram as text, to be pasted here or in another tab.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{
    Kind,
    change::{Change, Draft, Forbidden},
    document::{Document, kind, layout_pointer, node_pointer, position_value},
    edit::fresh,
    geometry::Point,
    ports,
    rules::{self, Verdict},
};

/// What the text says that it is.
pub const FORMAT: &str = "nodes/1";
/// The most bytes of a text that is looked at.
pub const CLIP_BYTES_MAX: usize = 1_000_000;

/// Some nodes with the edges between them, and where they stood.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Clip {
    pub nodes: BTreeMap<String, Value>,
    pub positions: BTreeMap<String, Point>,
}

/// What a pasted text was.
#[derive(Debug, Clone, PartialEq)]
pub enum Pasted {
    Nodes(Clip),
    /// A whole definition: somebody has to say whether its nodes are meant, or that it takes the place of this one.
    Definition {
        clip: Clip,
        value: Value,
    },
}

/// Copies nodes. Edges that lead out of the selection are cut, and come back as ports that lead nowhere.
pub fn copy<S: AsRef<str>>(document: &Document, names: &[S]) -> Clip {
    let mut nodes = BTreeMap::new();
    for name in names.iter().map(AsRef::as_ref) {
        nodes.extend(document.node(name).map(|node| (name.to_owned(), node.clone())));
    }
    let all = document.positions();
    let positions = all.into_iter().filter(|(name, _)| nodes.contains_key(name)).collect();
    Clip { nodes, positions }.cut_off()
}

impl Clip {
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The middle of where the nodes stood.
    pub fn middle(&self) -> Point {
        let middle = |axis: fn(&Point) -> f64| {
            let low = self.positions.values().map(axis).reduce(f64::min).unwrap_or_default();
            let high = self.positions.values().map(axis).reduce(f64::max).unwrap_or_default();
            (low + high) / 2.0
        };
        (middle(|at| at.0), middle(|at| at.1))
    }

    /// As text for the clipboard.
    pub fn to_text(&self) -> String {
        let layout: Map<String, Value> =
            self.positions.iter().map(|(name, at)| (name.clone(), position_value(*at))).collect();
        let nodes: Map<String, Value> = self.nodes.clone().into_iter().collect();
        format!("{:#}", json!({"baton": FORMAT, "nodes": nodes, "layout": layout}))
    }

    fn of(value: &Value) -> Self {
        let document = Document::new(value.clone());
        let nodes = document.nodes().map(|(name, node)| (name.to_owned(), node.clone())).collect();
        Self { nodes, positions: document.positions() }.cut_off()
    }

    /// Without edges to nodes that are not in it.
    fn cut_off(self) -> Self {
        let names: BTreeSet<String> = self.nodes.keys().cloned().collect();
        self.renamed(|name| names.contains(name).then(|| name.to_owned()))
    }

    /// With other names; edges to what has none are cut.
    fn renamed(mut self, new_name: impl Fn(&str) -> Option<String>) -> Self {
        let mut nodes = BTreeMap::new();
        for (name, mut node) in std::mem::take(&mut self.nodes) {
            let Some(to) = new_name(&name) else { continue };
            for port in ports::of("", &node) {
                let Some(target) = port.target else { continue };
                // The pointer is one of a document: `/nodes//…`.
                let pointer = port.pointer.strip_prefix("/nodes/").unwrap_or_default().to_owned();
                lead(&mut node, &pointer, new_name(&target));
            }
            if kind(&node) == Kind::Fork
                && let Some(join) = node.get("join").and_then(Value::as_str).map(str::to_owned)
            {
                lead(&mut node, "/join", new_name(&join));
            }
            nodes.insert(to, node);
        }
        let positions = std::mem::take(&mut self.positions).into_iter();
        let positions = positions.filter_map(|(name, at)| Some((new_name(&name)?, at))).collect();
        Self { nodes, positions }
    }
}

/// Puts the name of a node where one stands already, or takes it away.
fn lead(node: &mut Value, pointer: &str, target: Option<String>) {
    let Some((parent, field)) = pointer.rsplit_once('/') else { return };
    match (node.pointer_mut(parent), target) {
        (Some(parent), Some(target)) => {
            let field = field.replace("~1", "/").replace("~0", "~");
            match parent {
                Value::Object(map) => {
                    map.insert(field, json!(target));
                }
                Value::Array(items) => {
                    if let Some(item) = field.parse::<usize>().ok().and_then(|index| items.get_mut(index)) {
                        *item = json!(target);
                    }
                }
                _ => {}
            }
        }
        (Some(Value::Object(map)), None) => {
            let field = field.replace("~1", "/").replace("~0", "~");
            // A port that is a mere name stays a port.
            if field == "next" || field == "do" || field == "join" {
                map.remove(&field);
            } else {
                map.insert(field, json!({}));
            }
        }
        (Some(Value::Array(items)), None) => {
            if let Some(item) = field.parse::<usize>().ok().and_then(|index| items.get_mut(index)) {
                *item = json!({});
            }
        }
        _ => {}
    }
}

/// What a text from the clipboard means.
///
/// # Errors
///
/// It is none of ours: the sentence says what it is instead.
pub fn read(text: &str) -> Result<Pasted, Forbidden> {
    if text.len() > CLIP_BYTES_MAX {
        let (size, most) = (text.len() as f64 / 1e6, CLIP_BYTES_MAX as f64 / 1e6);
        return Err(Forbidden::because(format!("The clipboard has {size:.1} MB; at most {most:.0} MB can be pasted.")));
    }
    if text.trim().is_empty() {
        return Err(Forbidden::because("The clipboard is empty."));
    }
    let value: Value = serde_json::from_str(text).map_err(|_| {
        Forbidden::because("The clipboard has no nodes in it: it is not JSON. Copy nodes of a diagram first; a definition in YAML goes into the text.")
    })?;
    if !value.get("nodes").is_some_and(Value::is_object) {
        return Err(Forbidden::because("The clipboard has JSON, but no nodes in it. Copy nodes of a diagram first."));
    }
    match value.get("baton").and_then(Value::as_str) {
        Some(FORMAT) => {
            let clip = Clip::of(&value);
            if clip.is_empty() {
                Err(Forbidden::because("The clipboard has no nodes in it."))
            } else {
                Ok(Pasted::Nodes(clip))
            }
        }
        Some("process/1") => Ok(Pasted::Definition { clip: Clip::of(&value), value }),
        Some(other) if other.starts_with("nodes/") || other.starts_with("process/") => Err(Forbidden::because(
            format!("The clipboard has `{}`, which a newer Baton wrote.", crate::diagram::text::shorten(other, 40)),
        )),
        _ => Err(Forbidden::because("The clipboard has JSON that is not of Baton: it does not say `baton: nodes/1`.")),
    }
}

/// Whether the nodes can be pasted. A start among others is left out where there is one already.
pub fn can_paste(document: &Document, clip: &Clip) -> Verdict {
    let starts = clip.nodes.values().filter(|node| kind(node) == Kind::Start).count();
    let others = clip.nodes.len() - starts;
    if others == 0 && starts > 0 {
        return rules::add(document, Kind::Start);
    }
    if others == 0 {
        return Verdict::Forbid("There is nothing to paste.".to_owned());
    }
    rules::room_for(document, others + usize::from(starts > 0 && document.start().is_none()))
}

pub(super) fn paste(draft: &mut Draft<'_>, clip: &Clip, at: Point) -> Result<Change, Forbidden> {
    can_paste(draft.document(), clip).or_forbid("")?;
    let has_start = draft.document().start().is_some();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut taken = fresh::taken(draft.document());
    let mut starts = 0;
    for (name, node) in &clip.nodes {
        if kind(node) == Kind::Start {
            starts += 1;
            if has_start || starts > 1 {
                continue;
            }
        }
        let base = if rules::name(name).is_allowed() { name.as_str() } else { kind(node).name() };
        let fresh = fresh::name(base, &taken);
        taken.insert(fresh.clone());
        names.insert(name.clone(), fresh);
    }
    let left_out = clip.nodes.len() - names.len();
    let middle = clip.middle();
    let renamed = clip.clone().renamed(|name| names.get(name).cloned());
    for (name, node) in renamed.nodes {
        draft.set(&node_pointer(&name), Some(node))?;
        let (x, y) = renamed.positions.get(&name).copied().unwrap_or(middle);
        let place = (x - middle.0 + at.0, y - middle.1 + at.1);
        draft.set(&layout_pointer(&name), Some(position_value(place)))?;
    }
    let touched: Vec<String> = names.into_values().collect();
    let mut sentence = match touched.as_slice() {
        [one] => format!("Pasted {}", draft.document().title(one)),
        several => format!("Pasted {} nodes", several.len()),
    };
    if left_out > 0 {
        sentence.push_str(", without the start: there is one already");
    }
    Ok(Change { select: touched.clone(), touched, sentence, ..Change::default() })
}
