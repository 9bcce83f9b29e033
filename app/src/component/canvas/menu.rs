//! What floats over the canvas and asks: which kind of node, which target, which node was meant, what to do with a paste.

use baton_domain::designer::{
    Point, PortRef, Verdict,
    command::{self, Offer},
    document::Document,
    edit::Edit,
    selection,
};
use leptos::{ev::KeyboardEvent, prelude::*};

use super::{
    number,
    palette::{glyph, purpose},
    stage::back,
    studio::{Asking, Studio},
};
use crate::{dom, erased::Erase};

/// Found nodes shown at most.
const FOUND_MAX: usize = 12;

pub fn menu(studio: Studio, asking: Asking) -> AnyView {
    match asking {
        Asking::Kind(offer) => kinds(studio, offer),
        Asking::Target(node) => targets(studio, node),
        Asking::Definition { nodes, instead } => pasted(studio, nodes, instead),
        Asking::Find => find(studio),
    }
}

fn floating(studio: Studio, label: String, at: Point, content: AnyView) -> AnyView {
    let (width, height) = studio.view.with_untracked(|view| (view.width, view.height));
    // It stays on the stage, whatever it is about.
    let x = at.0.clamp(8.0, (width - 268.0).max(8.0));
    let y = at.1.clamp(8.0, (height - 330.0).max(8.0));
    let name = label.clone();
    let keys = move |event: KeyboardEvent| {
        event.stop_propagation();
        match event.key().as_str() {
            "Escape" => back(studio),
            "ArrowDown" => step(&event, true),
            "ArrowUp" => step(&event, false),
            _ => {}
        }
    };
    view! {
        <div
            class="asks floats"
            role="dialog"
            aria-label=name
            style=format!("left:{}px;top:{}px", number(x), number(y))
            on:keydown=keys
            on:pointerdown=|event| event.stop_propagation()
            on:wheel=|event| event.stop_propagation()
        >
            <p class="faint">{label}</p>
            {content}
        </div>
    }
    .erased()
}

/// The arrows go from choice to choice. In a list of its own they choose there.
fn step(event: &KeyboardEvent, down: bool) {
    if !dom::is_focus_in("select") && dom::focus_sibling(".asks button:not(:disabled)", down) {
        event.prevent_default();
    }
}

fn kinds(studio: Studio, offer: Offer) -> AnyView {
    let (label, at) = studio.editor.with_untracked(|editor| {
        let title = |node: &str| editor.document().title(node);
        match &offer {
            Offer::New { at } if editor.document().is_saga() => ("Add to the saga".to_owned(), *at),
            Offer::New { at } => ("Add a node".to_owned(), *at),
            Offer::After { from, at } => {
                let beside = editor.scene().node(&from.node).map(|node| (node.rect().right() + 16.0, node.rect().y));
                (format!("What follows {}?", title(&from.node)), at.or(beside).unwrap_or_default())
            }
            Offer::Into { edge } => {
                let points = editor.scene().edge(edge).map(|edge| edge.shape.points.clone()).unwrap_or_default();
                ("Insert a node".to_owned(), points.get(points.len() / 2).copied().unwrap_or_default())
            }
            Offer::Replace { node } => {
                let below = editor.scene().node(node).map(|node| (node.rect().x, node.rect().bottom() + 8.0));
                (format!("Replace {} by", title(node)), below.unwrap_or_default())
            }
        }
    });
    let offered = studio.editor.with_untracked(|editor| command::offered(&offer, editor.document()));
    let items = offered
        .into_iter()
        .filter(|(_, verdict)| *verdict != Verdict::Ignore)
        .map(|(kind, verdict)| {
            let why = match &verdict {
                Verdict::Forbid(why) => Some(why.clone()),
                Verdict::Allow | Verdict::Ignore => None,
            };
            let offer = offer.clone();
            let forbidden = why.is_some();
            view! {
                <li>
                    <button type="button" disabled=forbidden title=why on:click=move |_| studio.choose(&offer, kind)>
                        <span class=format!("kind {}", kind.name())>{glyph(kind)}</span>
                        {kind.name()}
                        <span class="faint">{purpose(kind)}</span>
                    </button>
                </li>
            }
        })
        .collect_view();
    focus_first();
    floating(studio, label, studio.on_stage(at), view! { <ul>{items}</ul> }.erased())
}

fn focus_first() {
    dom::focus_when_drawn(|| dom::focus_first(".asks input, .asks select, .asks button:not(:disabled)"));
}

fn targets(studio: Studio, node: String) -> AnyView {
    let (title, ports, at) = studio.editor.with_untracked(|editor| {
        let ports = editor.document().ports(&node);
        let at = editor.scene().node(&node).map(|node| (node.rect().x, node.rect().bottom() + 8.0));
        (editor.document().title(&node), ports, at.unwrap_or_default())
    });
    let first = ports.iter().find(|port| port.target.is_none()).or(ports.first()).map(|port| port.name.clone());
    let chosen = RwSignal::new(first.unwrap_or_default());
    let choices = ports
        .iter()
        .map(|port| {
            let name = port.name.clone();
            let selected = chosen.with_untracked(|chosen| *chosen == name);
            view! { <option value=name.clone() selected=selected>{name.clone()}</option> }
        })
        .collect_view();
    let list = {
        let node = node.clone();
        move || {
            let from = PortRef::new(node.clone(), chosen.get());
            target_options(studio, &from)
                .into_iter()
                .map(|(to, title)| {
                    let from = from.clone();
                    let connect = move |_| {
                        studio.asking.set(None);
                        studio.commit(vec![Edit::Connect { from: from.clone(), to: to.clone() }]);
                        back(studio);
                    };
                    view! { <li><button type="button" on:click=connect>{title}</button></li> }
                })
                .collect_view()
        }
    };
    focus_first();
    // With one way out there is nothing to choose.
    let way = (ports.len() > 1).then(|| {
        view! { <select aria-label="Way out" on:change=move |event| chosen.set(event_target_value(&event))>{choices}</select> }
    });
    let content = view! { {way}<ul>{list}</ul> };
    floating(studio, format!("Where does {title} lead?"), studio.on_stage(at), content.erased())
}

/// The nodes that a port may lead to, with what people call them.
pub fn target_options(studio: Studio, from: &PortRef) -> Vec<(String, String)> {
    studio.editor.with(|editor| {
        let document: &Document = editor.document();
        // Where it leads now is no news, and no less possible.
        let possible = |verdict: &Verdict| !matches!(verdict, Verdict::Forbid(_));
        let targets = command::targets(document, from).into_iter().filter(|(_, verdict)| possible(verdict));
        targets.map(|(name, _)| (name.clone(), document.title(&name))).collect()
    })
}

fn pasted(studio: Studio, nodes: Vec<Edit>, instead: Vec<Edit>) -> AnyView {
    let middle = studio.view.with_untracked(|view| (view.width / 2.0 - 130.0, view.height / 3.0));
    let choice = move |edits: Vec<Edit>| {
        move |_| {
            studio.asking.set(None);
            studio.commit(edits.clone());
            back(studio);
        }
    };
    focus_first();
    let add = if studio.is_saga() { "Add its parts to this one" } else { "Add its nodes to this one" };
    let content = view! {
        <ul>
            <li><button type="button" on:click=choice(nodes)>{add}</button></li>
            <li><button type="button" on:click=choice(instead)>"Put it in place of this one"</button></li>
        </ul>
    };
    floating(studio, "A whole definition was pasted".to_owned(), middle, content.erased())
}

fn find(studio: Studio) -> AnyView {
    let text = RwSignal::new(String::new());
    let found = move || {
        let names = studio.editor.with(|editor| {
            let found = text.with(|text| selection::find(editor.document(), text));
            found.into_iter().take(FOUND_MAX).map(|name| (editor.document().title(&name), name)).collect::<Vec<_>>()
        });
        let go = move |name: String| {
            move |_| {
                back(studio);
                studio.select(&name);
            }
        };
        names
            .into_iter()
            .map(|(title, name)| view! { <li><button type="button" on:click=go(name)>{title}</button></li> })
            .collect_view()
    };
    let enter = move |event: KeyboardEvent| {
        if event.key() == "Enter" {
            // The menu is gone before the key would come to it, and then the canvas would take it too.
            event.stop_propagation();
            let first = studio.editor.with_untracked(|editor| {
                text.with_untracked(|text| selection::find(editor.document(), text)).into_iter().next()
            });
            if let Some(name) = first {
                back(studio);
                studio.select(&name);
            }
        }
    };
    focus_first();
    let content = view! {
        <input type="search" aria-label="Find a node" placeholder="Title, name, kind or message type"
            on:input=move |event| text.set(event_target_value(&event)) on:keydown=enter/>
        <ul>{found}</ul>
    };
    let at = studio.view.with_untracked(|view| (view.width - 280.0, 12.0));
    floating(studio, "Find a node".to_owned(), at, content.erased())
}
