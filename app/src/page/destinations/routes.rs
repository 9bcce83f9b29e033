//! Routes: which messages go to which destination.

use leptos::prelude::*;

use super::Writes;
use crate::{
    component::{
        confirm::SubmitButton,
        failure::refusal,
        icon::{Icon, icon},
        post::PostForm,
        table::{UNSEEN, table},
    },
    erased::Erase,
    model::Route,
};

pub fn draw_routes(routes: Vec<Route>, writes: Writes) -> AnyView {
    let pending = writes.delete_route.pending();
    let any = |pattern: Option<String>| pattern.unwrap_or_else(|| "any".to_owned());
    let rows = routes
        .into_iter()
        .map(|route| {
            let label = format!("Delete route {}", route.name);
            view! {
                <tr>
                    <td><b>{route.name.clone()}</b></td>
                    <td>{any(route.settings.kind)}</td>
                    <td class="mono">{any(route.settings.message_type)}</td>
                    <td class="mono">{any(route.settings.aggregate_type)}</td>
                    <td><span class="stack-row">{icon(Icon::Arrow)}{route.settings.to}</span></td>
                    <td class="end">
                        <PostForm action=writes.delete_route>
                            <input type="hidden" name="name" value=route.name/>
                            <button type="submit" class="btn small quiet" disabled=pending aria-label=label title="Delete">{icon(Icon::Close)}</button>
                        </PostForm>
                    </td>
                </tr>
            }
        })
        .collect::<Vec<_>>();
    let content = if rows.is_empty() {
        view! { <p class="faint pad">"No routes: every message goes to the bus. A route leads the messages that match its patterns to a destination."</p> }.erased()
    } else {
        let columns =
            [("Name", ""), ("Kind", ""), ("Type", ""), ("Aggregate type", ""), ("To", ""), ("Actions", UNSEEN)];
        table("Routes", &columns, rows.erased())
    };
    view! { <section class="card" aria-labelledby="routes-title"><h2 id="routes-title">"Routes"</h2>{content}</section> }.erased()
}

pub fn route_form(writes: Writes) -> AnyView {
    let field = |name: &'static str, label: &'static str, placeholder: &'static str, required: bool| {
        let id = format!("route-{name}");
        view! {
            <div class="field">
                <label for=id.clone()>{label}</label>
                <input id=id name=name required=required maxlength="200" autocomplete="off" placeholder=placeholder/>
            </div>
        }
    };
    view! {
        <PostForm action=writes.put_route>
            {field("name", "Name", "hotel-commands", true)}
            <div class="field">
                <label for="route-kind">"Kind"</label>
                <select id="route-kind" name="kind">
                    <option value="">"any"</option>
                    <option value="event">"event"</option>
                    <option value="command">"command"</option>
                </select>
            </div>
            {field("message_type", "Type (pattern)", "Book*; empty for any", false)}
            {field("aggregate_type", "Aggregate type (pattern)", "hotels; empty for any", false)}
            {field("to", "To (destination)", "hotels-http", true)}
            {move || writes.put_route.value().get().and_then(Result::err).map(|error| refusal(&error))}
            <footer><SubmitButton label="Save" pending=writes.put_route.pending()/></footer>
        </PostForm>
    }
    .erased()
}
