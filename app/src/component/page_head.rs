//! The head of a page: where one is, what it is called, what can be done.

use crate::erased::Erase;
use leptos::prelude::*;
use leptos_meta::Title;

/// `crumbs` are the pages above this one: name and address.
#[component]
pub fn PageHead(
    /// Text, not a signal: leptos_meta keeps the title of a page that was drawn again until the page is left, and would
    /// then ask a signal that is long gone.
    #[prop(into)]
    title: String,
    #[prop(optional)] crumbs: Vec<(String, String)>,
    /// Stands beside the title: state, version.
    #[prop(optional, into)]
    beside: ViewFn,
    /// What can be done, on the right.
    #[prop(optional)]
    children: Option<Children>,
) -> AnyView {
    let above = (!crumbs.is_empty()).then(|| {
        let links = crumbs.into_iter().map(|(name, href)| view! { <li><a href=href>{name}</a></li> }).collect_view();
        view! { <nav class="crumbs" aria-label="Breadcrumb"><ol>{links}</ol></nav> }
    });
    view! {
        <Title text=title.clone()/>
        <div class="page-head">
            {above}
            <h1>{title}</h1>
            <div class="beside">{beside.run()}</div>
            <div class="actions">{children.map(|children| children())}</div>
        </div>
    }
    .erased()
}
