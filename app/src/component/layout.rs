//! The frame of every page: navigation, header, and the place for the page.

use crate::erased::Erase;
use leptos::prelude::*;
use leptos_router::{components::A, hooks::use_location};

use super::{
    icon::{Icon, icon},
    loaded::when_known,
    search::Search,
    theme::ThemeSwitch,
};
use crate::{
    call,
    clock::short,
    dom,
    live::{Link, Live},
    model::Badges,
    read::Read,
};

const NAV: &str = "navigation";
const MAIN: &str = "main";

#[component]
pub fn Layout<C>(children: TypedChildren<C>) -> AnyView
where
    C: IntoView + 'static,
{
    // Here and below not erased: the page waits for its code before it is hydrated.
    layout(children.into_inner()().into_any())
}

fn layout(page: AnyView) -> AnyView {
    let path = use_location().pathname;
    // Who navigates with the keyboard or a screen reader goes on at the new page, not at the link that led there.
    Effect::new(move |before: Option<String>| {
        let now = path.get();
        if before.is_some_and(|before| before != now) {
            dom::hide_popover(NAV);
            dom::focus(MAIN);
        }
        now
    });
    view! {
        <a class="skip" href="#main">"Skip to the content"</a>
        <div class="app">
            <Navigation/>
            <div class="column">
                <header class="bar">
                    <button type="button" class="btn quiet menu" popovertarget=NAV aria-label="Menu">{icon(Icon::Menu)}</button>
                    <Search/>
                    <LiveIndicator/>
                    <ThemeSwitch/>
                    <a class="btn primary start" href="/processes">"Start a process"</a>
                </header>
                <main id=MAIN tabindex="-1">{page}</main>
            </div>
        </div>
    }
    .into_any()
}

#[component]
fn Navigation() -> impl IntoView {
    let live = Live::expect();
    let badges = Read::new(move || (live.messages(), live.instances(), live.tasks()), |_| call::get_badges());
    view! {
        <nav id=NAV class="navigation" popover="auto" aria-label="Main">
            <a class="brand" href="/" aria-label="Baton, overview">
                <svg viewBox="0 0 22 22" aria-hidden="true"><rect width="22" height="22" rx="6"/><path d="M5 15 13 6M11 16 17 9"/></svg>
                "Baton"
            </a>
            <ul>
                {entry("/", "Overview", Icon::Overview, ().erased())}
                {entry("/flow", "Flow", Icon::Flow, ().erased())}
            </ul>
            <h2 id="nav-outbox">"Outbox"</h2>
            <ul aria-labelledby="nav-outbox">
                {entry("/messages", "Messages", Icon::Messages, count(badges, |badges| badges.messages, ""))}
                {entry("/failures", "Failures", Icon::Failures, count(badges, |badges| badges.dead, "bad"))}
                {entry("/destinations", "Destinations", Icon::Destinations, ().erased())}
                {entry("/sources", "Sources", Icon::Sources, ().erased())}
            </ul>
            <h2 id="nav-workflows">"Workflows"</h2>
            <ul aria-labelledby="nav-workflows">
                {entry("/instances", "Instances", Icon::Instances, count(badges, |badges| badges.live, ""))}
                {entry("/processes", "Processes", Icon::Processes, ().erased())}
                {entry("/sagas", "Sagas", Icon::Sagas, ().erased())}
                {entry("/tasks", "Tasks", Icon::Tasks, count(badges, |badges| badges.tasks, ""))}
            </ul>
            <h2 id="nav-system">"System"</h2>
            <ul aria-labelledby="nav-system">{entry("/settings", "Settings", Icon::Settings, ().erased())}</ul>
        </nav>
    }
}

fn entry(href: &'static str, name: &'static str, picture: Icon, beside: AnyView) -> AnyView {
    view! { <li><A href=href exact={href == "/"}>{icon(picture)}<span>{name}</span>{beside}</A></li> }.erased()
}

/// A number beside an entry; nothing while it is 0 or unknown.
fn count(badges: Read<Badges>, of: fn(&Badges) -> u64, class: &'static str) -> AnyView {
    when_known(badges, move |badges| {
        let number = of(&badges);
        (number > 0).then(|| view! { <span class=format!("n {class}")>{short(number)}</span> }).erased()
    })
}

/// Whether the page is live.
#[component]
fn LiveIndicator() -> impl IntoView {
    let live = Live::expect();
    let (class, words) = (
        move || match live.link() {
            Link::Connecting => "live connecting",
            Link::Live => "live",
            Link::Reconnecting => "live reconnecting",
        },
        move || match live.link() {
            Link::Connecting => "connecting",
            Link::Live => "live",
            Link::Reconnecting => "reconnecting",
        },
    );
    view! { <span class=class role="status">{words}</span> }
}
