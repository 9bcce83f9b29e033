//! All of the diagram, small, with what of it is seen; a press goes there.

use baton_domain::designer::{Minimap, Rect};
use leptos::{ev::PointerEvent, prelude::*};

use super::{number, studio::Studio};
use crate::erased::Erase;

const WIDTH: f64 = 150.0;
const HEIGHT: f64 = 100.0;
/// With fewer nodes one sees everything anyway.
const NODES_MIN: usize = 8;

pub fn minimap(studio: Studio) -> AnyView {
    let map = move || {
        let view = studio.view.get();
        studio.scene.with(|scene| {
            if scene.nodes().len() < NODES_MIN {
                return None;
            }
            let map = Minimap::of(scene.bounds(), &view, WIDTH, HEIGHT);
            let nodes = scene.nodes().iter().map(|node| rect("dot", &map.rect_to_map(&node.rect()))).collect_view();
            let seen = rect("seen", &map.rect_to_map(&view.visible()));
            Some(view! { {nodes}{seen} })
        })
    };
    let go = move |event: &PointerEvent| {
        event.stop_propagation();
        if event.buttons() & 1 == 0 {
            return;
        }
        let at = (f64::from(event.offset_x()), f64::from(event.offset_y()));
        let view = studio.view.get_untracked();
        let bounds = studio.scene.with_untracked(|scene| scene.bounds());
        let there = Minimap::of(bounds, &view, WIDTH, HEIGHT).to_diagram(at);
        studio.view.set(view.centred(there));
    };
    view! {
        <svg
            class="minimap floats"
            aria-hidden="true"
            width=number(WIDTH)
            height=number(HEIGHT)
            on:pointerdown=move |event| go(&event)
            on:pointermove=move |event| go(&event)
        >
            {map}
        </svg>
    }
    .erased()
}

fn rect(class: &'static str, rect: &Rect) -> AnyView {
    view! {
        <rect class=class x=number(rect.x) y=number(rect.y) width=number(rect.width) height=number(rect.height) rx="1"/>
    }
    .erased()
}
