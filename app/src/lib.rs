//! The screens of Baton: Leptos components, rendered on the server and hydrated in the browser.
//!
//! `app` knows the server only through the trait [`port::Backend`], whose implementation the server puts into the
//! Leptos context; it never sees a database. Pages are complete without script: links and GET forms carry every
//! filter in the URL, writes are POST forms. With script the same pages are live ([`live`]).
//!
//! What to read next: [`root`] for the routes, [`page`] for one file per page, [`component`] for what pages are made
//! of, [`call`] for the server functions, then [`port`] and [`model`].

#![recursion_limit = "256"]

pub mod call;
pub mod clock;
pub mod component;
mod dom;
mod erased;
mod files;
pub mod form;
mod html;
mod lazy;
pub mod link;
pub mod live;
pub mod model;
pub mod page;
pub mod port;
pub mod read;
pub mod root;
pub mod shell;

pub use root::App;
pub use shell::shell;

/// Takes over the page that the server rendered.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    // What `mount::hydrate_lazy` does, and then it is known that all of the page is there. An error says that there is an
    // executor already.
    let _ = any_spawner::Executor::init_wasm_bindgen();
    leptos::task::spawn_local(async {
        leptos::mount::hydrate_from_async(leptos::tachys::dom::body(), App).await.forget();
        live::page_is_whole();
    });
}
