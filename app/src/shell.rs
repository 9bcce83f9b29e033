//! The document around the app.

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::MetaTags;

/// Runs before the first paint, so that a chosen theme never flashes. Without script the system's theme applies.
const APPLY_THEME: &str =
    "try{const t=localStorage.getItem('baton-theme');if(t)document.documentElement.dataset.theme=t}catch{}";

/// The HTML document that every page is rendered into.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <script nonce=use_nonce()>{APPLY_THEME}</script>
                <link rel="preload" href="/pkg/fonts/inter-latin-wght-normal.woff2" r#as="font" r#type="font/woff2" crossorigin="anonymous"/>
                <link rel="stylesheet" href="/pkg/baton.css"/>
                <link rel="icon" href="/pkg/icons/baton.svg" r#type="image/svg+xml"/>
                <HydrationScripts options/>
                <MetaTags/>
            </head>
            <body>
                <crate::App/>
            </body>
        </html>
    }
}
