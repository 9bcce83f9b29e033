//! All of the diagram, small, with what of it is seen; a press goes there.

use std::fmt::Write;

use baton_domain::designer::{Minimap, Rect};
use leptos::{ev::PointerEvent, prelude::*};

use super::{number, studio::Studio};
use crate::erased::Erase;

const WIDTH: f64 = 150.0;
const HEIGHT: f64 = 100.0;
/// With fewer nodes one sees everything anyway.
const NODES_MIN: usize = 8;

pub fn minimap(studio: Studio) -> AnyView {
    let bounds = Memo::new(move |_| studio.scene.with(|scene| scene.bounds()));
    let map = move || Minimap::of(bounds.get(), &studio.view.get(), WIDTH, HEIGHT);
    // One path for all of them: it is written anew for each movement.
    let nodes = move || {
        studio.scene.with(|scene| {
            let mut dots = String::new();
            if scene.nodes().len() >= NODES_MIN {
                for node in scene.nodes() {
                    let Rect { x, y, width, height } = node.rect();
                    // Writing to a string does not fail.
                    let _ = write!(dots, "M{x:.0} {y:.0}h{width:.0}v{height:.0}h-{width:.0}z");
                }
            }
            dots
        })
    };
    let place = move || {
        let map = map();
        let (x, y) = map.to_map((0.0, 0.0));
        format!("translate({} {}) scale({:.5})", number(x), number(y), map.scale())
    };
    let seen = move || {
        let seen = map().rect_to_map(&studio.view.get().visible());
        format!("M{:.1} {:.1}h{:.1}v{:.1}h-{:.1}z", seen.x, seen.y, seen.width, seen.height, seen.width)
    };
    let hidden = Memo::new(move |_| studio.scene.with(|scene| scene.nodes().len() < NODES_MIN));
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
            class:away=hidden
            aria-hidden="true"
            width=number(WIDTH)
            height=number(HEIGHT)
            on:pointerdown=move |event| go(&event)
            on:pointermove=move |event| go(&event)
        >
            <path class="dot" d=nodes transform=place/>
            <path class="seen" d=seen/>
        </svg>
    }
    .erased()
}
