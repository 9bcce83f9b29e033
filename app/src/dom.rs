//! The few things that only the browser can do. Called from event handlers and effects, never while rendering.

use leptos::{
    ev,
    prelude::*,
    task::{spawn_local, tick},
    wasm_bindgen::JsCast,
    web_sys::{
        Element, FocusOptions, FormData, HtmlDialogElement, HtmlDocument, HtmlElement, HtmlFormElement,
        HtmlTextAreaElement, UrlSearchParams,
    },
};
use wasm_bindgen_futures::JsFuture;

/// How many effects may wait for one another until all of a change is drawn.
const DRAWING_ROUNDS: usize = 8;

fn by_id<T: JsCast>(id: &str) -> Option<T> {
    document().get_element_by_id(id)?.dyn_into().ok()
}

/// Opens the `<dialog>` with that id, unless it is open.
pub fn open_dialog(id: &str) {
    if let Some(dialog) = by_id::<HtmlDialogElement>(id).filter(|dialog| !dialog.open()) {
        let _ = dialog.show_modal();
    }
}

pub fn close_dialog(id: &str) {
    if let Some(dialog) = by_id::<HtmlDialogElement>(id) {
        dialog.close();
    }
}

/// Puts a text into a text area, in place of what was there.
pub fn set_text(id: &str, text: &str) {
    if let Some(area) = by_id::<HtmlTextAreaElement>(id) {
        area.set_value(text);
    }
}

/// Puts every field of a form back to what it was drawn with.
pub fn reset_form(id: &str) {
    if let Some(form) = form_by_id(id) {
        form.reset();
    }
}

pub fn hide_popover(id: &str) {
    if let Some(element) = by_id::<HtmlElement>(id) {
        // An error means that it was not shown.
        let _ = element.hide_popover();
    }
}

/// Focuses without scrolling: what is under the pointer stays there.
pub fn focus_in_place(id: &str) {
    if let Some(element) = by_id::<HtmlElement>(id) {
        let options = FocusOptions::new();
        options.set_prevent_scroll(true);
        let _ = element.focus_with_options(&options);
    }
}

/// `false`: there is no such element, or none that takes the keyboard now.
pub fn focus(id: &str) -> bool {
    by_id::<HtmlElement>(id).is_some_and(|element| {
        let _ = element.focus();
        document().active_element().is_some_and(|focused| focused.id() == id)
    })
}

/// Puts the keyboard somewhere as soon as that is drawn, so that keys pressed right after it belong to it; and again where
/// the drawing takes the focus away with what had it. `focus` says whether it found its place.
pub fn focus_when_drawn(focus: impl Fn() -> bool + 'static) {
    let mut is_there = focus();
    spawn_local(async move {
        // What draws runs between two events, one after the other: the next key finds all of it done.
        for _ in 0..DRAWING_ROUNDS {
            tick().await;
            if !is_there || is_focus_lost() {
                is_there = focus();
            }
        }
        request_animation_frame(move || {
            if !is_there || is_focus_lost() {
                focus();
            }
        });
    });
}

fn is_focus_lost() -> bool {
    document().active_element().is_none_or(|element| element.tag_name() == "BODY")
}

/// Whether what has the focus is, or is in, what a selector finds.
pub fn is_focus_in(selector: &str) -> bool {
    let focused = document().active_element();
    focused.is_some_and(|element| element.closest(selector).is_ok_and(|found| found.is_some()))
}

/// Focuses an element now, and once more after the next drawing if that took the focus away with what had it.
pub fn focus_after(id: &'static str) {
    focus(id);
    focus_if_lost(id.to_owned());
}

/// Focuses an element after the next drawing, if that took the focus away with what had it.
pub fn focus_if_lost(id: String) {
    request_animation_frame(move || {
        if is_focus_lost() {
            focus(&id);
        }
    });
}

/// Focuses the first element that a selector finds.
pub fn focus_first(selector: &str) -> bool {
    let found =
        document().query_selector(selector).ok().flatten().and_then(|found| found.dyn_into::<HtmlElement>().ok());
    found.is_some_and(|found| found.focus().is_ok())
}

/// Focuses what comes after (or before) the element with the focus among those that a selector finds.
pub fn focus_sibling(selector: &str, after: bool) -> bool {
    let Ok(all) = document().query_selector_all(selector) else { return false };
    let focused = document().active_element();
    let elements: Vec<HtmlElement> =
        (0..all.length()).filter_map(|index| all.item(index)?.dyn_into::<HtmlElement>().ok()).collect();
    let at = elements.iter().position(|element| focused.as_ref().is_some_and(|focused| **element == *focused));
    let next = match (at, after) {
        (None, _) => 0,
        (Some(at), true) => at + 1,
        (Some(at), false) => at.saturating_sub(1),
    };
    elements.get(next).is_some_and(|element| element.focus().is_ok())
}

/// Whether what has the focus takes text, so that single keys belong to it.
pub fn typing() -> bool {
    let Some(element) = document().active_element() else { return false };
    matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
}

/// Has the field with the focus say what was typed, as leaving it would, and stays in it.
pub fn take_over_field() {
    let focused = document().active_element().and_then(|element| element.dyn_into::<HtmlElement>().ok());
    if let Some(field) = focused {
        let _ = field.blur();
        let _ = field.focus();
    }
}

/// Sends the form that an element belongs to, as a press on its button would.
pub fn submit_form_of(event: &leptos::web_sys::Event) {
    let form = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let form = form.and_then(|element| element.closest("form").ok().flatten());
    if let Some(form) = form.and_then(|form| form.dyn_into::<HtmlFormElement>().ok()) {
        let _ = form.request_submit();
    }
}

/// The query that a GET form would send, without the fields that were left empty.
pub fn query_of(form: &HtmlFormElement) -> String {
    let params = FormData::new_with_form(form).and_then(|data| UrlSearchParams::new_with_str_sequence_sequence(&data));
    let query = params.ok().and_then(|params| params.to_string().as_string()).unwrap_or_default();
    let given: Vec<&str> = query.split('&').filter(|field| !field.is_empty() && !field.ends_with('=')).collect();
    given.join("&")
}

/// The form with that id.
pub fn form_by_id(id: &str) -> Option<HtmlFormElement> {
    by_id(id)
}

/// The form that a submit event is about.
pub fn form_of(event: &leptos::web_sys::SubmitEvent) -> Option<HtmlFormElement> {
    event.target()?.dyn_into().ok()
}

/// Puts a text on the clipboard, in answer to a press. On pages that came over plain HTTP there is no clipboard to write to:
/// there the browser is told to copy, and handed the text when it asks what.
pub fn copy(text: &str) {
    // Refused without permission; the text can still be selected by hand.
    if window().is_secure_context() {
        let _ = window().navigator().clipboard().write_text(text);
        return;
    }
    let text = text.to_owned();
    let asked = window_event_listener(ev::copy, move |event| {
        if let Some(data) = event.clipboard_data() {
            let _ = data.set_data("text/plain", &text);
            event.prevent_default();
        }
    });
    if let Ok(page) = document().dyn_into::<HtmlDocument>() {
        let _ = page.exec_command("copy");
    }
    asked.remove();
}

/// Hands over the text of the clipboard, in answer to a press; none where the browser does not say.
pub fn read_clipboard(then: impl FnOnce(Option<String>) + 'static) {
    if !window().is_secure_context() {
        return then(None);
    }
    let read = JsFuture::from(window().navigator().clipboard().read_text());
    spawn_local(async move { then(read.await.ok().and_then(|text| text.as_string())) });
}

/// Puts the cursor of a text area on a line (counted from 0) and selects it.
pub fn select_line(id: &str, line: usize) {
    let Some(area) = by_id::<HtmlTextAreaElement>(id) else { return };
    let text = area.value();
    // Positions in a text area count UTF-16 units.
    let start: usize = text.split('\n').take(line).map(|line| line.encode_utf16().count() + 1).sum();
    let length = text.split('\n').nth(line).map_or(0, |line| line.encode_utf16().count());
    let _ = area.focus();
    let (start, end) = (u32::try_from(start).unwrap_or(0), u32::try_from(start + length).unwrap_or(0));
    let _ = area.set_selection_range(start, end);
}

/// What this browser keeps under a name, over pages and sessions.
pub fn remembered(name: &str) -> Option<String> {
    window().local_storage().ok().flatten()?.get_item(name).ok().flatten()
}

/// `None` forgets it. Browsers may keep nothing, or not that much: then there is nothing to be done about it.
pub fn remember(name: &str, text: Option<&str>) {
    let Some(storage) = window().local_storage().ok().flatten() else { return };
    let _ = match text {
        Some(text) => storage.set_item(name, text),
        None => storage.remove_item(name),
    };
}

/// `light`, `dark`, or `None` when it follows the system.
pub fn theme() -> Option<String> {
    remembered(THEME).filter(|theme| theme == "light" || theme == "dark")
}

pub fn set_theme(theme: Option<&str>) {
    remember(THEME, theme);
    let Some(root) = document().document_element() else { return };
    let _ = match theme {
        Some(theme) => root.set_attribute("data-theme", theme),
        None => root.remove_attribute("data-theme"),
    };
}

const THEME: &str = "baton-theme";

/// How far an element is scrolled down, in pixels.
pub fn scrolled(event: &leptos::web_sys::Event) -> i32 {
    event.target().and_then(|target| target.dyn_into::<Element>().ok()).map_or(0, |element| element.scroll_top())
}

/// Scrolls a box so that a place of its content, as shares of its width and height, comes to the middle. Once for each
/// `mark`: then it stays where people scroll it.
pub fn centre(id: &str, (x, y): (f64, f64), mark: &str) {
    const MARK: &str = "data-centred";
    let Some(area) = document().get_element_by_id(id) else { return };
    if area.get_attribute(MARK).as_deref() == Some(mark) {
        return;
    }
    let start = |share: f64, whole: i32, seen: i32| (share * f64::from(whole)) as i32 - seen / 2;
    area.set_scroll_left(start(x, area.scroll_width(), area.client_width()));
    area.set_scroll_top(start(y, area.scroll_height(), area.client_height()));
    let _ = area.set_attribute(MARK, mark);
}

pub fn scroll_to_top(id: &str) {
    if let Some(element) = document().get_element_by_id(id) {
        element.set_scroll_top(0);
    }
}
