//! The text of a definition.

use baton_domain::{definition::DefinitionKind, designer::desk};
use leptos::{prelude::*, server_fn::ServerFn, web_sys::SubmitEvent};

use super::desk::Desk;
use crate::{call::SaveDraft, component::editor::SourceEditor, erased::Erase};

/// The form that the button "Save draft" in the head belongs to.
pub const DRAFT_FORM: &str = "draft-form";

/// With a desk the text is edited.
pub fn source_card(kind: DefinitionKind, text: Signal<String>, desk: Option<Desk>) -> AnyView {
    let locked = Signal::derive(move || match desk {
        Some(desk) => desk.ask(desk::Desk::text_locked).flatten().is_some(),
        None => true,
    });
    let changed = Callback::new(move |typed: String| {
        if let Some(desk) = desk {
            desk.typed(typed);
        }
    });
    let save = Callback::new(move |()| {
        if let Some(desk) = desk {
            desk.save();
        }
    });
    let editor = view! { <SourceEditor text changed save read_only=locked/> };
    let content = match desk {
        Some(desk) => {
            let submit = move |event: SubmitEvent| {
                event.prevent_default();
                desk.save();
            };
            // Without script it is an ordinary POST, over the draft that was read.
            let over = desk.ask(|state| state.mark().map(str::to_owned)).flatten().unwrap_or_default();
            view! {
                <form id=DRAFT_FORM method="post" action=SaveDraft::url() on:submit=submit>
                    <input type="hidden" name="kind" value=kind.as_str()/>
                    <input type="hidden" name="name" value=desk.name()/>
                    <input type="hidden" name="over" value=over/>
                    {editor}
                </form>
            }
            .erased()
        }
        None => editor.erased(),
    };
    let notes = match desk {
        Some(_) => "YAML or JSON. Drawing writes it anew, without its comments.",
        None => "YAML or JSON",
    };
    view! {
        <section class="card" aria-labelledby="source-title">
            <h2 id="source-title">"Definition"<small>{notes}</small></h2>
            {content}
        </section>
    }
    .erased()
}
