//! The screens of Baton: Leptos components, rendered on the server and hydrated in the browser.
//!
//! `app` knows the server only through the trait [`port::Backend`], whose implementation the server puts into the
//! Leptos context; it never sees a database. What to read next: [`port`] and [`model`].

pub mod model;
pub mod port;
