//! Whether a draft is saved, and whose goes on when two people changed it.

use baton_domain::designer::desk::{self, Conflict, Status};
use leptos::prelude::*;

use super::desk::Desk;
use crate::{
    component::{
        confirm::{Dialog, DialogButton, SubmitButton, close_when_done},
        failure::refusal,
        post::PostForm,
    },
    erased::Erase,
};

const DISCARD: &str = "discard-dialog";

/// Whether what was changed is saved.
pub fn status(desk: Desk) -> AnyView {
    let status = Memo::new(move |_| desk.ask(desk::Desk::status).unwrap_or(Status::Saved));
    let words = move || {
        match status.get() {
        Status::Saved => {
            view! { <span class="faint">"Saved. What you change is saved as the draft as you go."</span> }.erased()
        }
        Status::Gone => view! {
            <span class="refusal">"Not stored any more: somebody published or discarded this draft. What you change here becomes a new one."</span>
        }
        .erased(),
        Status::Unsaved => view! { <span class="faint">"Not saved yet"</span> }.erased(),
        Status::Saving => view! { <span class="faint">"Saving…"</span> }.erased(),
        Status::Failed(why) => view! { <span class="refusal">"Not saved: "{why}</span> }.erased(),
    }
    };
    view! { <p role="status" class="saved">{words}</p> }.erased()
}

/// What somebody else did to the draft meanwhile, and the two ways on.
pub fn conflict(desk: Desk) -> AnyView {
    let conflict = Memo::new(move |_| desk.ask(|state| state.conflict().cloned()).flatten());
    let content = move || {
        conflict.get().map(|conflict| {
            let (heading, words, theirs) = match conflict {
                Conflict::Changed(stored) => (
                    format!("{} changed this draft too", stored.by),
                    "Both are kept until you decide. Whichever goes on, the other one can be taken from here first.",
                    Some(stored.source),
                ),
                Conflict::Gone => (
                    "This draft is gone".to_owned(),
                    "Somebody published or discarded it while you were changing it. What you have here is not saved.",
                    None,
                ),
            };
            let mine = if theirs.is_some() { "Go on with mine" } else { "Save mine as a new draft" };
            let taken = theirs.is_some();
            let actions = view! {
                {taken.then(|| view! { <button type="button" class="btn" on:click=move |_| desk.take_theirs()>"Take theirs"</button> })}
                <button type="button" class="btn primary" on:click=move |_| desk.keep_mine()>{mine}</button>
            };
            card(heading, words, theirs.map(|text| ("Their text", text)), actions.erased())
        })
    };
    view! { <div aria-live="assertive">{content}</div> }.erased()
}

/// A decision that a person has to make, with the other text to look at.
fn card(heading: String, words: &'static str, other: Option<(&'static str, String)>, actions: AnyView) -> AnyView {
    let other = other.map(|(summary, text)| {
        view! { <details><summary>{summary}</summary><pre class="mono" tabindex="0">{text}</pre></details> }
    });
    view! {
        <section class="card conflict" role="alert">
            <h2>{heading}</h2>
            <div class="pad stacked">
                <p>{words}</p>
                {other}
                <p class="actions">{actions}</p>
            </div>
        </section>
    }
    .erased()
}

/// What could not be stored when the page was left, and whether it goes on.
pub fn left_before(desk: Desk) -> AnyView {
    let content = move || {
        desk.left_before.get().map(|text| {
            let actions = view! {
                <button type="button" class="btn" on:click=move |_| desk.settle_left(false)>"Give it up"</button>
                <button type="button" class="btn primary" on:click=move |_| desk.settle_left(true)>"Go on with it"</button>
            };
            let words = "When you left this draft, what you had changed could not be stored. This browser kept it; what stands below is what is stored.";
            card("Your last changes were not stored".to_owned(), words, Some(("What you had", text)), actions.erased())
        })
    };
    view! { <div aria-live="assertive">{content}</div> }.erased()
}

/// Shown while there is a stored draft.
pub fn discard_button(desk: Desk) -> AnyView {
    let is_stored = Memo::new(move |_| desk.ask(|state| state.mark().is_some()).unwrap_or_default());
    let forget = Callback::new(move |()| desk.discard.clear());
    let button = move || {
        is_stored.get().then(|| view! { <DialogButton opens=DISCARD label="Discard…" class="quiet" on_open=forget/> })
    };
    button.erased()
}

pub fn discard_dialog(desk: Desk, is_published: bool) -> AnyView {
    let done = move || matches!(desk.discard.value().get(), Some(Ok(())));
    close_when_done(DISCARD.to_owned(), move || (desk.discard.version().get(), done()));
    let mark = Memo::new(move |_| desk.ask(|state| state.mark().map(str::to_owned)).flatten().unwrap_or_default());
    let words = if is_published {
        "What was changed since the last version is lost, for everybody. The versions stay."
    } else {
        "Nothing of it was published: it is lost as a whole, for everybody."
    };
    view! {
        <Dialog id=DISCARD title="Discard this draft">
            <PostForm action=desk.discard>
                <p>{words}</p>
                <input type="hidden" name="kind" value=desk.kind.as_str()/>
                <input type="hidden" name="name" value=desk.name()/>
                <input type="hidden" name="mark" prop:value=mark value=mark.get_untracked()/>
                {move || desk.discard.value().get().and_then(Result::err).map(|error| refusal(&error))}
                <footer><SubmitButton label="Discard" pending=desk.discard.pending() class="danger"/></footer>
            </PostForm>
        </Dialog>
    }
    .erased()
}
