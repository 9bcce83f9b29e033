//! Dialogs that ask before something cannot be undone, or for a reason.
//!
//! They open without script where the browser knows `commandfor`; the click handler serves the others.

use crate::erased::Erase;
use leptos::prelude::*;

use super::icon::{Icon, icon};
use crate::{dom, model::REASON_CHARS_MAX};

/// Opens the dialog `opens`. `refused` disables it and says why.
#[component]
pub fn DialogButton(
    #[prop(into)] opens: String,
    #[prop(into)] label: String,
    #[prop(optional)] class: &'static str,
    #[prop(optional_no_strip, into)] refused: Option<String>,
    /// Whether the reason stands below the word for everybody to read; else it is read out, and shown to pointers.
    #[prop(optional)]
    explains: bool,
    /// Forgets what was said when the dialog was open before: every dialog that says something needs it.
    #[prop(optional, into)]
    on_open: Option<Callback<()>>,
) -> impl IntoView {
    let id = opens.clone();
    let class = format!("btn {class}");
    let disabled = refused.is_some();
    let title = refused.clone();
    view! {
        <button
            type="button"
            class=class
            commandfor=opens
            command="show-modal"
            disabled=disabled
            title=title
            on:click=move |_| {
                if let Some(forget) = on_open {
                    forget.run(());
                }
                dom::open_dialog(&id);
            }
        >
            {label}
            {refused.map(|why| match explains {
                true => view! { " "<small class="why">{why}</small> }.erased(),
                false => view! { <span class="visually-hidden">{format!(" — {why}")}</span> }.erased(),
            })}
        </button>
    }
}

/// A modal dialog with a heading and a button that closes it. Its children are usually a form.
#[component]
pub fn Dialog<C>(#[prop(into)] id: String, #[prop(into)] title: String, children: TypedChildren<C>) -> AnyView
where
    C: IntoView + 'static,
{
    dialog(id, title, children.into_inner()().erased())
}

fn dialog(id: String, title: String, content: AnyView) -> AnyView {
    let heading = format!("{id}-title");
    let (closes, closed) = (id.clone(), id.clone());
    view! {
        <dialog id=id aria-labelledby=heading>
            <header>
                <h2 id=heading.clone()>{title}</h2>
                <button
                    type="button"
                    class="btn quiet small"
                    aria-label="Close"
                    commandfor=closes
                    command="close"
                    on:click=move |_| dom::close_dialog(&closed)
                >
                    {icon(Icon::Close)}
                </button>
            </header>
            {content}
        </dialog>
    }
    .erased()
}

/// The field for the reason; it stands in the history and in the audit.
#[component]
pub fn ReasonField(
    #[prop(into)] id: String,
    #[prop(default = true)] required: bool,
    #[prop(default = "reason")] name: &'static str,
) -> impl IntoView {
    view! {
        <div class="field">
            <label for=id.clone()>"Reason"</label>
            <input
                id=id
                name=name
                type="text"
                maxlength=REASON_CHARS_MAX.to_string()
                required=required
                autocomplete="off"
                placeholder="Stands in the history and in the audit"
            />
        </div>
    }
}

/// Closes the dialog as soon as the action that it sent was answered well. `answered` gives the action's version and
/// whether its last answer was a good one; an answer from before (the page is drawn again) closes nothing.
pub fn close_when_done(id: String, answered: impl Fn() -> (usize, bool) + 'static) {
    when_done(answered, move || dom::close_dialog(&id));
}

/// Empties the form as soon as what it sent was answered well, as [`close_when_done`] closes: for forms with secrets.
pub fn empty_when_done(form: String, answered: impl Fn() -> (usize, bool) + 'static) {
    when_done(answered, move || dom::reset_form(&form));
}

fn when_done(answered: impl Fn() -> (usize, bool) + 'static, then: impl Fn() + 'static) {
    Effect::new(move |before: Option<usize>| {
        let (version, well) = answered();
        if well && before.is_some_and(|before| before != version) {
            then();
        }
        version
    });
}

/// A button that sends its form once: it is disabled while the answer is awaited.
#[component]
pub fn SubmitButton(
    #[prop(into)] label: String,
    #[prop(into)] pending: Signal<bool>,
    #[prop(default = "primary")] class: &'static str,
) -> impl IntoView {
    view! {
        <button type="submit" class=format!("btn {class}") disabled=pending aria-busy=move || pending.get().then_some("true")>
            {label}
        </button>
    }
}
