//! Tables, and the box that they scroll in.

use leptos::prelude::*;

use crate::erased::Erase;

/// A heading that nobody has to see, such as the one above buttons.
pub const UNSEEN: &str = "unseen";

/// A table with `label` as its caption. Each column is a heading and the class of its cell; `rows` are what stands in
/// its body.
pub fn table(label: &str, columns: &[(&'static str, &'static str)], rows: AnyView) -> AnyView {
    let headings = columns
        .iter()
        .map(|(heading, class)| {
            let words = match *class {
                UNSEEN => view! { <span class="visually-hidden">{*heading}</span> }.erased(),
                _ => (*heading).erased(),
            };
            view! { <th scope="col" class=*class>{words}</th> }
        })
        .collect_view();
    let table = view! {
        <table>
            <caption class="visually-hidden">{label.to_owned()}</caption>
            <thead><tr>{headings}</tr></thead>
            <tbody>{rows}</tbody>
        </table>
    };
    scrolls(label, table.erased())
}

/// A box that scrolls sideways where its content is wider than the screen; the keyboard reaches and scrolls it too.
pub fn scrolls(label: &str, content: AnyView) -> AnyView {
    view! { <div class="scroll" tabindex="0" role="group" aria-label=label.to_owned()>{content}</div> }.erased()
}
