//! Signing keys: which ones sign, another one, an end to the old ones. What is secret about them is never on the page.

use leptos::prelude::*;

use super::Writes;
use crate::{
    component::{
        confirm::{Dialog, ReasonField, SubmitButton, close_when_done, empty_when_done},
        failure::refusal,
        post::PostForm,
        time::ago,
    },
    erased::Erase,
    model::{Destination, SigningKey},
};

/// How long a key signs along after another took its place: seconds, and in words.
const OLD_FOR: [(u32, &str); 5] = [
    (3_600, "for an hour"),
    (86_400, "for a day"),
    (604_800, "for 7 days"),
    (2_592_000, "for 30 days"),
    (0, "no more"),
];

pub fn keys_dialog(destination: &Destination, writes: Writes) -> AnyView {
    let name = destination.name.clone();
    let id = format!("keys-{name}");
    close_when_done(id.clone(), move || {
        (writes.rotate.version().get(), matches!(writes.rotate.value().get(), Some(Ok(_))))
    });
    let form = format!("{id}-form");
    empty_when_done(form.clone(), move || {
        (writes.rotate.version().get(), matches!(writes.rotate.value().get(), Some(Ok(_))))
    });
    close_when_done(id.clone(), move || {
        (writes.drop_old_keys.version().get(), matches!(writes.drop_old_keys.value().get(), Some(Ok(_))))
    });
    let has_secret = destination.has_secret;
    let has_old = destination.keys.len() > 1;
    let (title, label) = if has_secret {
        (format!("Signing keys of {name}"), "New signing key")
    } else {
        (format!("Sign messages to {name}"), "Signing key")
    };
    let keys = destination.keys.clone().into_iter().map(key).collect_view();
    let keys = has_secret.then(|| view! { <ul class="keys" aria-label="Keys that sign now">{keys}</ul> });
    let old_for = has_secret.then(|| {
        let options = OLD_FOR.map(|(seconds, words)| {
            view! { <option value=seconds.to_string() selected=seconds == 86_400>{words}</option> }
        });
        let field = format!("{id}-old");
        view! {
            <div class="field">
                <label for=field.clone()>"The present key signs along"</label>
                <select id=field name="old_for_s">{options.collect_view()}</select>
            </div>
        }
        .erased()
    });
    let no_old = (!has_secret).then(|| view! { <input type="hidden" name="old_for_s" value="0"/> });
    let field = format!("{id}-secret");
    let drop_old = has_old.then(|| drop_old_form(&id, &destination.name, writes));
    let reason = format!("{id}-reason");
    view! {
        <Dialog id=id.clone() title=title>
            {keys}
            <PostForm action=writes.rotate id=form>
                <input type="hidden" name="name" value=name/>
                <div class="field">
                    <label for=field.clone()>{label}</label>
                    <input id=field type="password" name="secret" required maxlength="2000" autocomplete="new-password" placeholder="env:NAME, file:PATH or whsec_…"/>
                    <span class="help">"The name of an environment variable or a file of the server, or the key itself. It is not shown again. Messages carry a signature by each key, so receivers can change over one by one."</span>
                </div>
                {old_for}
                {no_old}
                <ReasonField id=reason required=false/>
                {move || writes.rotate.value().get().and_then(Result::err).map(|error| refusal(&error))}
                <footer><SubmitButton label="Sign with this key" pending=writes.rotate.pending()/></footer>
            </PostForm>
            {drop_old}
        </Dialog>
    }
    .erased()
}

fn key(key: SigningKey) -> AnyView {
    let source = if key.source == "stored" { "a key that Baton keeps".to_owned() } else { key.source };
    let until = match key.expires_at {
        None => "the present one".erased(),
        Some(at) => view! { "expires "{ago(at)} }.erased(),
    };
    let problem = key.problem.map(|problem| view! { <p class="refusal">{problem}"."</p> });
    view! { <li><span class="mono">{source}</span>" "<span class="faint">{until}</span>{problem}</li> }.erased()
}

fn drop_old_form(id: &str, name: &str, writes: Writes) -> AnyView {
    let name = name.to_owned();
    view! {
        <PostForm action=writes.drop_old_keys id=format!("{id}-drop")>
            <p>"When no receiver needs the old keys any more, or one of them has leaked:"</p>
            <input type="hidden" name="name" value=name/>
            {move || writes.drop_old_keys.value().get().and_then(Result::err).map(|error| refusal(&error))}
            <footer><SubmitButton label="Stop using the old keys" pending=writes.drop_old_keys.pending() class="danger"/></footer>
        </PostForm>
    }
    .erased()
}
