//! An address that leads nowhere.

use crate::erased::Erase;
use leptos::prelude::*;

use crate::{component::page_head::PageHead, port::Respond};

#[component]
pub fn NotFound() -> AnyView {
    if let Some(respond) = use_context::<Respond>() {
        (respond.status)(404);
    }
    view! {
        <PageHead title="Page not found"/>
        <div class="content">
            <div class="empty">
                <p>"There is no page at this address. Search above, or go on at one of these:"</p>
                <p><a href="/">"Overview"</a>" · "<a href="/messages">"Messages"</a>" · "<a href="/instances">"Instances"</a></p>
            </div>
        </div>
    }
    .erased()
}
