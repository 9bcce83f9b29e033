//! The drawing: edges, nodes with their handles, and what hangs at the pointer.

use std::sync::Arc;

use baton_domain::{
    designer::{
        Edit, Kind, Point, PortRef, Rect, Role, SagaEdit, SceneNode, Verdict,
        command::{Aim, Preview},
        outline,
        scene::node_size,
        snap::Axis,
    },
    diagnostic::{Diagnostic, Severity},
};
use leptos::prelude::*;

use super::{
    STAGE, about,
    button::{Looks, button},
    edge_key, edge_of, input, menu, minimap, number,
    studio::{Asking, Home, Studio},
    translate,
};
use crate::{
    component::diagram::{arrow, card_body, path},
    dom,
    erased::Erase,
};

/// Between two dots, at 100 %.
const GRID_PX: f64 = 20.0;

/// Smaller than this, nobody can read what is left out.
const FAR_ZOOM: f64 = 0.22;

pub fn stage(studio: Studio, name: String, findings: Signal<Vec<Diagnostic>>) -> AnyView {
    Effect::new(move || {
        input::measure(studio);
        let resized = window_event_listener(leptos::ev::resize, move |_| input::measure(studio));
        on_cleanup(move || resized.remove());
    });
    // A style of the layer, not an attribute in the drawing: the browser then moves what it has painted.
    let transform = move || {
        let view = studio.view.get();
        let (x, y) = view.to_screen((0.0, 0.0));
        format!("transform:translate({}px,{}px) scale({:.4})", number(x), number(y), view.zoom)
    };
    // On an element without children: what stands on it is handed down to all of them.
    let grid = move || {
        let view = studio.view.get();
        let (x, y) = view.to_screen((0.0, 0.0));
        // From far away every second dot is left out, and so on.
        let dots = 2_f64.powi((14.0 / (GRID_PX * view.zoom)).log2().ceil().max(0.0) as i32);
        let size = number(GRID_PX * view.zoom * dots);
        format!("background-size:{size}px {size}px;background-position:{}px {}px", number(x), number(y))
    };
    let far = Memo::new(move |_| studio.view.with(|view| view.zoom < FAR_ZOOM));
    let active = move || studio.selection.with(|selection| selection.only_node().map(node_id));
    view! {
        <div
            id=STAGE
            class="stage"
            class:aiming=move || studio.preview.with(|preview| *preview != Preview::None)
            tabindex="0"
            role="application"
            aria-roledescription="canvas"
            aria-label=format!("Canvas of {name}. Tab goes from node to node, question mark lists the keys.")
            aria-activedescendant=active
            on:pointerdown=move |event| input::down(studio, &event)
            on:pointermove=move |event| input::moved(studio, &event)
            on:pointerup=move |event| input::up(studio, &event)
            on:pointercancel=move |event| input::cancelled(studio, &event)
            on:wheel=move |event| input::wheel(studio, &event)
            on:keydown=move |event| input::key_down(studio, &event)
            on:keyup=move |event| input::key_up(studio, &event)
            on:focus=move |_| studio.work_from(Home::Stage)
            on:focusout=move |_| studio.space.set_value(false)
        >
            <div class="grid" style=grid></div>
            <div class="layer" class:moving=move || studio.is_moving.get() style=transform>
                <svg class="drawing" class:far=far role="presentation">
                    <defs>{arrow("plain")}{arrow("chosen")}{arrow("back")}</defs>
                    <g class="edges">{edges(studio)}</g>
                    <g class="nodes">{nodes(studio, findings)}</g>
                    {move || studio.preview.with(|preview| preview_view(preview, studio))}
                </svg>
            </div>
            {move || {
                studio.scene.with(|scene| scene.nodes().is_empty()).then(|| hint(studio))
            }}
            {move || studio.asking.get().map(|asking| menu::menu(studio, asking))}
            {move || studio.refused.get().map(|why| view! { <p class="refused floats" role="alert">{why}</p> })}
            {minimap::minimap(studio)}
        </div>
    }
    .erased()
}

/// What an empty canvas says.
fn hint(studio: Studio) -> AnyView {
    if !studio.is_saga() {
        return view! { <p class="hint">"Drag a node from the left, or paste nodes or a definition in JSON. YAML goes into the text below."</p> }.erased();
    }
    let add = |words: &str, edit: SagaEdit| {
        let looks = Looks { class: "btn", words: words.to_owned(), ..Looks::default() };
        button(studio, looks, move || {
            studio.commit(vec![Edit::Saga(edit.clone())]);
            dom::focus_after(STAGE);
        })
    };
    view! {
        <div class="begin floats">
            <p>"Begin with "<b>"steps"</b>": each sends a command, and what was done is undone in reverse when a later one fails."</p>
            {add("Begin with a step", SagaEdit::AddStep { at: 0 })}
            <p>"Or with "<b>"reactions"</b>": an event leads to a command, and nothing is remembered."</p>
            {add("Begin with a reaction", SagaEdit::AddReaction)}
        </div>
    }
    .erased()
}

fn node_id(node: &str) -> String {
    format!("node-{node}")
}

fn nodes(studio: Studio, findings: Signal<Vec<Diagnostic>>) -> AnyView {
    let names =
        move || studio.scene.with_untracked(|scene| scene.nodes().iter().map(|node| node.id().to_owned()).collect());
    keyed(studio, Arc::new(names), Arc::new(move |name| node(studio, name, findings)))
}

/// A view for each key, kept for as long as its key is there. One kind of list for all, for a small bundle.
fn keyed(
    studio: Studio,
    keys: Arc<dyn Fn() -> Vec<String> + Send + Sync>,
    draw: Arc<dyn Fn(String) -> AnyView + Send + Sync>,
) -> AnyView {
    let each = move || {
        studio.members.track();
        keys()
    };
    view! { <For each=each key=String::clone let(key)>{draw(key)}</For> }.erased()
}

/// What of a node does not change while it is moved.
struct Face {
    /// At the origin.
    node: SceneNode,
    severity: Option<Severity>,
}

impl Face {
    fn fingerprint(&self) -> String {
        let SceneNode { shape, ports, notes, .. } = &self.node;
        let mut text = format!("{}|{}|{}|{:?}", shape.kind, shape.title, shape.subtitle, self.severity);
        notes.iter().for_each(|note| text.push_str(note));
        for port in ports {
            let words = [if port.is_open { "|o" } else { "|c" }, &port.label, &number(port.at.1)];
            words.into_iter().for_each(|word| text.push_str(word));
        }
        text
    }
}

fn face_of(studio: Studio, name: &str, findings: Signal<Vec<Diagnostic>>) -> Option<Face> {
    let mut node = studio.scene.with_untracked(|scene| scene.node(name).cloned())?;
    let (x, y) = (node.shape.x, node.shape.y);
    (node.shape.x, node.shape.y) = (0.0, 0.0);
    for port in &mut node.ports {
        port.at = (tenth(port.at.0 - x), tenth(port.at.1 - y));
    }
    let severity = findings.with(|all| about(studio, all, name).map(|finding| finding.severity).min());
    Some(Face { node, severity })
}

fn node(studio: Studio, name: String, findings: Signal<Vec<Diagnostic>>) -> AnyView {
    let watch = studio.watch.follow(&name);
    let (id, moved) = (name.clone(), watch.clone());
    let place = move || {
        moved.track();
        let place = |node: &SceneNode| (node.shape.x, node.shape.y);
        translate(studio.scene.with_untracked(|scene| scene.node(&id).map_or((0.0, 0.0), place)))
    };
    let id = name.clone();
    let face = move || face_of(studio, &id, findings);
    // Drawn anew only when it looks different; moving it changes nothing here. It has to be read where it is followed: what
    // nobody ever reads follows nothing.
    let look = {
        let (face, changed) = (face.clone(), watch.clone());
        Memo::new(move |_| {
            changed.track();
            face().map_or_else(String::new, |face| face.fingerprint())
        })
    };
    let (id, changed) = (name.clone(), watch.clone());
    let class = move || {
        changed.track();
        let chosen = studio.selection.with_untracked(|selection| selection.nodes.contains(&id));
        let kind = studio.scene.with_untracked(|scene| scene.node(&id).map_or("unknown", |node| node.kind.name()));
        format!("node {kind}{}", if chosen { " chosen" } else { "" })
    };
    let id = name.clone();
    let label = move || {
        look.with(|_| ());
        let named = studio.editor.with_untracked(|editor| outline::node_name(editor.document(), &id));
        match findings.with(|findings| about(studio, findings, &id).count()) {
            0 => named,
            1 => format!("{named}; one finding"),
            several => format!("{named}; {several} findings"),
        }
    };
    let body = move || {
        look.with(|_| ());
        untrack(&face).as_ref().map(face_view)
    };
    view! {
        <g id=node_id(&name) class=class role="img" aria-label=label transform=place>
            {body}
        </g>
    }
    .erased()
}

fn tenth(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

fn face_view(face: &Face) -> AnyView {
    let SceneNode { shape, ports, notes, kind } = &face.node;
    let mark = face.severity.map(|severity| {
        let class = if severity == Severity::Error { "mark bad" } else { "mark warn" };
        view! {
            <g class=class transform=translate((shape.width - 4.0, 4.0))>
                <circle r="7.500"/>
                <text y="3.500">"!"</text>
            </g>
        }
    });
    // Those of sagas do something when they are pressed; nothing is drawn from them.
    let is_button = matches!(kind, Kind::Step | Kind::Event);
    let handles = ports.iter().map(|port| {
        if is_button {
            return button_view(&port.label, port.at).erased();
        }
        let class = if port.is_open { "handle open" } else { "handle" };
        let label = (port.is_open && !port.label.is_empty())
            .then(|| view! { <text class="port open" x=number(port.at.0 + 10.0) y=number(port.at.1)>{port.label.clone()}</text> });
        view! { <circle class=class cx=number(port.at.0) cy=number(port.at.1) r="4.500"/>{label} }.erased()
    });
    let handles = handles.collect_view();
    view! { {card_body(shape, notes)}{handles}{mark} }.erased()
}

/// A plus, with what it adds where that is not the next step.
fn button_view(label: &str, at: Point) -> impl IntoView {
    let words = (!label.is_empty()).then(|| view! { <text x="13">{label.to_owned()}</text> });
    view! { <g class="handle plus" transform=translate(at)><circle r="8"/><path d="M-3.500 0h7M0-3.500v7"/>{words}</g> }
}

fn edges(studio: Studio) -> AnyView {
    let ids =
        move || studio.scene.with_untracked(|scene| scene.edges().iter().map(|edge| edge_key(&edge.id())).collect());
    let draw = move |key: String| edge(studio, &key);
    keyed(studio, Arc::new(ids), Arc::new(draw))
}

fn edge(studio: Studio, key: &str) -> AnyView {
    let id = edge_of(key).unwrap_or_else(|| PortRef::new("", ""));
    let watch = studio.watch.follow(key);
    let name = {
        let (watch, id) = (watch.clone(), id.clone());
        move || {
            watch.track();
            studio.edge_name(&id)
        }
    };
    // One thing follows the edge; what is drawn of it follows that one.
    let drawn = Memo::new(move |_| {
        watch.track();
        let edge = studio.scene.with_untracked(|scene| scene.edge(&id).map(|edge| (edge.shape.clone(), edge.role)));
        let (shape, role) = edge.unzip();
        (shape, role.unwrap_or_default(), studio.selection.with_untracked(|selection| selection.edges.contains(&id)))
    });
    let line = move || drawn.with(|(shape, ..)| shape.as_ref().map(|shape| path(&shape.points)).unwrap_or_default());
    let look = move || drawn.with(|(_, role, chosen)| (*role, *chosen));
    let class = move || match look() {
        (_, true) => "edge chosen",
        (Role::Way, _) => "edge plain",
        (Role::Back, _) => "edge back",
        (Role::Tie, _) => "edge tie",
    };
    let end = move || match look() {
        (Role::Tie, _) => "",
        (_, true) => "url(#arrow-chosen)",
        (Role::Way, _) => "url(#arrow-plain)",
        (Role::Back, _) => "url(#arrow-back)",
    };
    let label = move || {
        drawn.with(|(shape, ..)| {
            let shape = shape.as_ref().filter(|shape| !shape.label.is_empty())?;
            let (x, y) = shape.label_at?;
            Some(view! { <text class="port" x=number(x) y=number(y)>{shape.label.clone()}</text> })
        })
    };
    let ends = move || {
        drawn.with(|(shape, _, chosen)| {
            // The ends of a saga's edges are not taken elsewhere.
            let shape = shape.as_ref().filter(|_| *chosen && !studio.is_saga())?;
            let ends = [*shape.points.first()?, *shape.points.last()?];
            let grip = |(x, y)| view! { <circle class="grip" cx=number(x) cy=number(y) r="5"/> };
            Some(ends.map(grip).into_iter().collect_view())
        })
    };
    view! {
        <path class="reach" d=line/>
        <path class=class d=line marker-end=end role="img" aria-label=name/>
        {label}
        {ends}
    }
    .erased()
}

fn preview_view(preview: &Preview, studio: Studio) -> AnyView {
    match preview {
        Preview::None => ().erased(),
        Preview::Move { guides, onto, .. } => {
            let guides = guides
                .iter()
                .map(|guide| {
                    let (a, b) = match guide.axis {
                        Axis::Upright => ((guide.at, guide.from), (guide.at, guide.to)),
                        Axis::Level => ((guide.from, guide.at), (guide.to, guide.at)),
                    };
                    line("guide", a, b)
                })
                .collect_view();
            view! { {guides}{onto.as_ref().map(|aim| edge_aim(studio, aim))} }.erased()
        }
        Preview::Box(rect) => rect_view("lasso", rect, 2.0),
        Preview::Line { from, to, onto, .. } => {
            let aim = onto.as_ref().and_then(|aim| {
                let rect = studio.scene.with_untracked(|scene| scene.node(&aim.on).map(SceneNode::rect))?;
                Some(rect_view(verdict_class(&aim.verdict), &rect.grown(5.0), 12.0))
            });
            view! { {aim}{line("loose", *from, *to)} }.erased()
        }
        Preview::Ghost { kind, at, onto } => {
            let (width, height) = node_size(*kind);
            let ghost = rect_view("ghost", &Rect::around(*at, width, height), 9.0);
            view! { {onto.as_ref().map(|aim| edge_aim(studio, aim))}{ghost}{ghost_name(*kind, *at)} }.erased()
        }
    }
}

fn ghost_name(kind: Kind, (x, y): Point) -> impl IntoView {
    view! { <text class="ghost-name" x=number(x) y=number(y + 4.0)>{kind.name()}</text> }
}

fn edge_aim(studio: Studio, aim: &Aim<PortRef>) -> AnyView {
    let class = verdict_class(&aim.verdict);
    studio.scene.with_untracked(|scene| match scene.edge(&aim.on) {
        Some(edge) => view! { <path class=class d=path(&edge.shape.points)/> }.erased(),
        // Something is added to the node itself.
        None => match scene.node(&aim.on.node) {
            Some(node) => rect_view(class, &node.rect().grown(5.0), 12.0),
            None => ().erased(),
        },
    })
}

fn verdict_class(verdict: &Verdict) -> &'static str {
    if verdict.is_allowed() { "aim" } else { "aim never" }
}

fn line(class: &'static str, a: Point, b: Point) -> AnyView {
    view! { <line class=class x1=number(a.0) y1=number(a.1) x2=number(b.0) y2=number(b.1)/> }.erased()
}

fn rect_view(class: &'static str, rect: &Rect, round: f64) -> AnyView {
    view! {
        <rect class=class x=number(rect.x) y=number(rect.y) width=number(rect.width) height=number(rect.height) rx=number(round)/>
    }
    .erased()
}

/// Puts the keyboard back to where it came from, once nothing is asked any more.
pub fn back(studio: Studio) {
    studio.asking.set(None::<Asking>);
    studio.go_home();
}
