//! Files in the browser: read one that was chosen or dropped, and make a picture of a drawing. Called from event handlers
//! only.

use leptos::{
    prelude::*,
    wasm_bindgen::{JsCast, JsValue, closure::Closure},
    web_sys::{
        CanvasRenderingContext2d, DataTransfer, DragEvent, Event, File, FileReader, HtmlAnchorElement,
        HtmlCanvasElement, HtmlImageElement, HtmlInputElement,
    },
};

/// Pixels of a picture for each pixel of the drawing, for sharp screens and paper.
const SCALE: f64 = 2.0;
/// Browsers make no canvas that is larger than this in either direction.
const PICTURE_PIXELS_MAX: f64 = 16_000.0;

/// The file that was chosen in an `<input type="file">`. It can be chosen again afterwards.
pub fn chosen(event: &Event) -> Option<File> {
    let input: HtmlInputElement = event.target()?.dyn_into().ok()?;
    let file = input.files()?.get(0);
    input.set_value("");
    file
}

/// Whether files are dragged over something.
pub fn drags_files(event: &DragEvent) -> bool {
    let types = event.data_transfer().map(|data: DataTransfer| data.types());
    types.is_some_and(|types| types.includes(&JsValue::from_str("Files"), 0))
}

/// The first file that was dropped.
pub fn dropped(event: &DragEvent) -> Option<File> {
    event.data_transfer()?.files()?.get(0)
}

/// Reads a file as text; none when it cannot be read.
pub fn read(file: &File, then: impl FnOnce(Option<String>) + 'static) {
    let Ok(reader) = FileReader::new() else { return then(None) };
    let ended = reader.clone();
    let ended = Closure::once_into_js(move || then(ended.result().ok().and_then(|text| text.as_string())));
    reader.set_onloadend(Some(ended.unchecked_ref()));
    // An error is told by the same event, without a result.
    let _ = reader.read_as_text(file);
}

/// Draws the SVG at `url` as a PNG, and has the browser save it. `failed` when that is not possible.
pub fn save_picture(url: &str, file_name: String, failed: impl FnOnce() + 'static) {
    let Ok(image) = HtmlImageElement::new() else { return failed() };
    let loaded = image.clone();
    let ended = Closure::once_into_js(move |event: Event| {
        if event.type_() != "load" || picture(&loaded).and_then(|data| save(&data, &file_name)).is_none() {
            failed();
        }
    });
    image.set_onload(Some(ended.unchecked_ref()));
    image.set_onerror(Some(ended.unchecked_ref()));
    image.set_src(url);
}

/// The picture as a `data:` URL.
fn picture(image: &HtmlImageElement) -> Option<String> {
    let (width, height) = (f64::from(image.natural_width()), f64::from(image.natural_height()));
    if width < 1.0 || height < 1.0 {
        return None;
    }
    let scale = SCALE.min(PICTURE_PIXELS_MAX / width).min(PICTURE_PIXELS_MAX / height);
    let canvas: HtmlCanvasElement = document().create_element("canvas").ok()?.dyn_into().ok()?;
    canvas.set_width((width * scale) as u32);
    canvas.set_height((height * scale) as u32);
    let context: CanvasRenderingContext2d = canvas.get_context("2d").ok()??.dyn_into().ok()?;
    context.draw_image_with_html_image_element_and_dw_and_dh(image, 0.0, 0.0, width * scale, height * scale).ok()?;
    canvas.to_data_url().ok().filter(|data| data.starts_with("data:image/png"))
}

fn save(data: &str, file_name: &str) -> Option<()> {
    let link: HtmlAnchorElement = document().create_element("a").ok()?.dyn_into().ok()?;
    link.set_href(data);
    link.set_download(file_name);
    link.click();
    Some(())
}
