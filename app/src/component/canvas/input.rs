//! What the browser's events say, as inputs of the canvas.

use baton_domain::designer::{
    Kind, Point,
    gesture::{Button, Input, Pointer, PointerKind},
    keys::{self, Command, Modifiers},
};
use leptos::{
    ev::{self, ClipboardEvent, KeyboardEvent, PointerEvent, WheelEvent},
    prelude::*,
    wasm_bindgen::JsCast,
    web_sys::{Element, MouseEvent},
};

use super::{STAGE, studio::Studio};
use crate::dom;

/// Two clicks within this time and distance are a double click. Fingers do not hit the same place twice.
const DOUBLE_MS: f64 = 400.0;
const DOUBLE_PX: f64 = 6.0;
const DOUBLE_TOUCH_PX: f64 = 24.0;
/// How far a wheel that counts in lines goes for one of them, in pixels.
const LINE_PX: f64 = 16.0;

/// Where and when the last click was, and how many there were in a row.
#[derive(Debug, Clone, Copy, Default)]
pub struct LastClick {
    at: Point,
    ms: f64,
    count: u8,
}

impl LastClick {
    fn and(&mut self, at: Point, ms: f64, kind: PointerKind) -> u8 {
        let far = (at.0 - self.at.0).hypot(at.1 - self.at.1);
        let near = if kind == PointerKind::Touch { DOUBLE_TOUCH_PX } else { DOUBLE_PX };
        let follows = ms - self.ms < DOUBLE_MS && far < near && self.count > 0;
        *self = Self { at, ms, count: if follows { self.count + 1 } else { 1 } };
        self.count
    }
}

fn stage() -> Option<Element> {
    document().get_element_by_id(STAGE)
}

/// Relative to the stage.
fn place(event: &MouseEvent) -> Point {
    let origin = stage().map_or((0.0, 0.0), |stage| {
        let rect = stage.get_bounding_client_rect();
        (rect.left(), rect.top())
    });
    (f64::from(event.client_x()) - origin.0, f64::from(event.client_y()) - origin.1)
}

pub fn measure(studio: Studio) {
    if let Some(stage) = stage() {
        studio.measured(f64::from(stage.client_width()), f64::from(stage.client_height()));
    }
}

fn modifiers(event: &MouseEvent, studio: Studio) -> Modifiers {
    Modifiers {
        ctrl: event.ctrl_key() || event.meta_key(),
        shift: event.shift_key(),
        alt: event.alt_key(),
        space: studio.space.get_value(),
    }
}

fn kind_of(event: &PointerEvent) -> PointerKind {
    match event.pointer_type().as_str() {
        "touch" => PointerKind::Touch,
        "pen" => PointerKind::Pen,
        _ => PointerKind::Mouse,
    }
}

fn pointer(event: &PointerEvent, studio: Studio, clicks: u8) -> Pointer {
    let held = modifiers(event, studio);
    Pointer {
        id: event.pointer_id(),
        kind: kind_of(event),
        button: match event.button() {
            1 => Button::Middle,
            2 => Button::Right,
            _ => Button::Left,
        },
        // Fingers have no Shift to hold.
        modifiers: Modifiers { shift: held.shift || studio.selects_several.get_untracked(), ..held },
        at: place(event),
        clicks,
    }
}

/// The stage gets all further events of the pointer, wherever it goes.
fn capture(event: &PointerEvent) {
    if let Some(stage) = stage() {
        // It fails only for a pointer that is gone.
        let _ = stage.set_pointer_capture(event.pointer_id());
    }
}

pub fn down(studio: Studio, event: &PointerEvent) {
    // What floats over the canvas has its own events.
    if is_on_top(event) {
        return;
    }
    if event.button() == 1 || kind_of(event) == PointerKind::Touch {
        // No scrolling by the middle button; and after a finger no mouse, which would take the keyboard from where it went.
        event.prevent_default();
    }
    dom::focus_in_place(STAGE);
    capture(event);
    studio.refused.set(None);
    studio.asking.set(None);
    studio.input(&Input::Down(pointer(event, studio, 0)));
}

fn is_on_top(event: &PointerEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    target.is_some_and(|target| target.closest(".floats").ok().flatten().is_some())
}

pub fn moved(studio: Studio, event: &PointerEvent) {
    if studio.is_busy() {
        studio.input(&Input::Move(pointer(event, studio, 0)));
    }
}

pub fn up(studio: Studio, event: &PointerEvent) {
    if studio.is_busy() {
        // What came out of the palette is on the canvas now, and so is the keyboard.
        if studio.is_placing() {
            dom::focus_in_place(STAGE);
        }
        let click = |last: &mut LastClick| last.and(place(event), event.time_stamp(), kind_of(event));
        let clicks = studio.last_click.try_update_value(click).unwrap_or(1);
        studio.input(&Input::Up(pointer(event, studio, clicks)));
    }
}

pub fn cancelled(studio: Studio, event: &PointerEvent) {
    studio.input(&Input::Cancel(event.pointer_id()));
}

pub fn picked_up(studio: Studio, event: &PointerEvent, kind: Kind) {
    if event.button() == 0 {
        if kind_of(event) == PointerKind::Touch {
            event.prevent_default();
        }
        capture(event);
        studio.input(&Input::PickUp { kind, pointer: pointer(event, studio, 0) });
    }
}

pub fn wheel(studio: Studio, event: &WheelEvent) {
    // The canvas zooms and pans, not the page.
    event.prevent_default();
    let unit = if event.delta_mode() == WheelEvent::DOM_DELTA_LINE { LINE_PX } else { 1.0 };
    let (dx, dy) = (event.delta_x() * unit, event.delta_y() * unit);
    studio.input(&Input::Wheel { at: place(event), dx, dy, modifiers: modifiers(event, studio) });
}

pub fn key_down(studio: Studio, event: &KeyboardEvent) {
    if dom::typing() {
        return;
    }
    // A click, a key and another click are no double click.
    studio.last_click.set_value(LastClick::default());
    if event.key() == " " {
        studio.space.set_value(true);
        event.prevent_default();
        return;
    }
    let pressed = Modifiers {
        ctrl: event.ctrl_key() || event.meta_key(),
        shift: event.shift_key(),
        alt: event.alt_key(),
        space: false,
    };
    let Some(command) = keys::command(&event.key(), pressed, false) else { return };
    // The browser makes events of its own out of these, which alone may use the clipboard on every page: `follow_clipboard`.
    if matches!(command, Command::Copy | Command::Cut | Command::Paste) {
        return;
    }
    let is_done = studio.perform(command);
    // What has nothing to do here just now must not go back a page, or make a bookmark.
    if is_done || pressed.alt || pressed.ctrl {
        event.prevent_default();
    }
}

/// Whoever presses a button with a pointer has the keyboard on the canvas afterwards. With a key, on the button.
pub fn pressed_beside(event: &MouseEvent) {
    if event.detail() > 0 {
        dom::focus_in_place(STAGE);
    }
}

/// The same on a button beside the canvas, which has the keyboard after it was pressed. What presses buttons and goes from
/// one to the next stays theirs.
pub fn key_beside(studio: Studio, event: &KeyboardEvent) {
    let key = event.key();
    if key != " " && key != "Enter" && key != "Tab" && !key.starts_with("Arrow") {
        key_down(studio, event);
    }
}

pub fn key_up(studio: Studio, event: &KeyboardEvent) {
    if event.key() == " " {
        studio.space.set_value(false);
    }
}

/// Copies, cuts and pastes with the browser's events, wherever around the canvas the keyboard is. Browsers send them to the
/// element with the focus or to the page as a whole, so they are caught there.
pub fn follow_clipboard(studio: Studio) {
    Effect::new(move || {
        let copying = window_event_listener(ev::copy, move |event| copied(studio, &event, Command::Copy));
        let cutting = window_event_listener(ev::cut, move |event| copied(studio, &event, Command::Cut));
        let pasting = window_event_listener(ev::paste, move |event| pasted(studio, &event));
        on_cleanup(move || [copying, cutting, pasting].into_iter().for_each(WindowListenerHandle::remove));
    });
}

/// Whether the keyboard is on the canvas or on what stands around it, and not in a field.
fn has_keyboard() -> bool {
    dom::is_focus_in(".studio") && !dom::typing()
}

/// With nothing selected, copying is the browser's.
fn copied(studio: Studio, event: &ClipboardEvent, command: Command) {
    let Some(data) = event.clipboard_data().filter(|_| has_keyboard()) else { return };
    if let Some(text) = studio.copy(command) {
        // It fails only for a clipboard that is read-only, which that of these events is not.
        let _ = data.set_data("text/plain", &text);
        event.prevent_default();
    }
}

fn pasted(studio: Studio, event: &ClipboardEvent) {
    if !has_keyboard() {
        return;
    }
    let text = event.clipboard_data().and_then(|data| data.get_data("text/plain").ok());
    event.prevent_default();
    studio.paste(text.filter(|text| !text.is_empty()));
}
