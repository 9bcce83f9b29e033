//! Going on to the next page of a list.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::link::with_param;

/// `next` is the cursor of the next page. Going back is the browser's.
pub fn pager(path: &'static str, next: Option<String>) -> impl IntoView {
    let query = use_query_map().get();
    let first = query.get("cursor").is_some().then(|| {
        view! { <a class="btn" href=with_param(path, &query, "cursor", "")>"First page"</a> }
    });
    let next = next.map(|cursor| {
        let mut href = with_param(path, &query, "cursor", "");
        href = crate::link::link(&href, &[("cursor", &cursor)]);
        view! { <a class="btn" rel="next" href=href>"Next page"</a> }
    });
    (first.is_some() || next.is_some()).then(|| view! { <nav class="pager" aria-label="Pages">{first}{next}</nav> })
}
