//! The form of a destination, new or there already.

use leptos::prelude::*;

use super::Writes;
use crate::{
    component::{confirm::SubmitButton, failure::refusal, post::PostForm},
    erased::Erase,
    model::{CloudEventsMode, Destination, DestinationSettings, OrderPolicy},
};

/// The form of a new one.
pub const NEW_FORM: &str = "new-destination-form";

const POLICIES: [(OrderPolicy, &str); 3] = [
    (OrderPolicy::Park, "later messages of its key wait"),
    (OrderPolicy::Block, "everything waits until it is settled"),
    (OrderPolicy::Skip, "nothing waits once it is dead (order is lost)"),
];

pub fn destination_form(of: Option<&Destination>, writes: Writes) -> AnyView {
    let id = of.map_or("new".to_owned(), |destination| destination.name.clone());
    let name = of.map(|destination| destination.name.clone()).unwrap_or_default();
    let fixed = of.is_some();
    let settings = of.map_or_else(|| DestinationSettings::http(String::new()), |it| it.settings.clone());
    let secret = (!fixed).then(|| {
        let field = format!("{id}-secret");
        view! {
            <div class="field">
                <label for=field.clone()>"Signing key"</label>
                <input id=field type="password" name="settings[secret]" maxlength="2000" autocomplete="new-password" placeholder="optional: env:NAME, file:PATH or whsec_…"/>
            </div>
        }
        .erased()
    });
    let fields = [mode_field(&id, settings.mode), secret.erased(), limits(&id, &settings), failures(&id, &settings)];
    let url = settings.url;
    let form = if fixed { format!("{id}-form") } else { NEW_FORM.to_owned() };
    let text = move |field: &'static str| format!("{id}-{field}");
    view! {
        <PostForm action=writes.put id=form>
            <div class="field">
                <label for=text("name")>"Name"</label>
                <input id=text("name") name="name" value=name readonly=fixed required maxlength="63" pattern="[a-z0-9]([a-z0-9\\-]*[a-z0-9])?" title="Lower-case letters, digits and hyphens" autocomplete="off"/>
            </div>
            <div class="field">
                <label for=text("url")>"Address"</label>
                <input id=text("url") type="url" name="settings[url]" value=url required maxlength="2000" placeholder="https://hotels.example/events" autocomplete="off"/>
            </div>
            {fields.into_iter().collect_view()}
            {move || writes.put.value().get().and_then(Result::err).map(|error| refusal(&error))}
            <footer><SubmitButton label="Save" pending=writes.put.pending()/></footer>
        </PostForm>
    }
    .erased()
}

fn mode_field(id: &str, mode: CloudEventsMode) -> AnyView {
    let (id, binary) = (format!("{id}-mode"), mode == CloudEventsMode::Binary);
    view! {
        <div class="field">
            <label for=id.clone()>"CloudEvents"</label>
            <select id=id name="settings[mode]">
                <option value="structured" selected=!binary>"structured: one JSON document"</option>
                <option value="binary" selected=binary>"binary: attributes in headers"</option>
            </select>
        </div>
    }
    .erased()
}

/// How much at a time.
fn limits(id: &str, settings: &DestinationSettings) -> AnyView {
    let rate = settings.rate_per_s.map(|rate| rate.to_string()).unwrap_or_default();
    view! {
        <div class="field-row">
            {number(id, "concurrency", "Requests at a time", settings.concurrency, 1, 64)}
            {bounds(id, "rate_per_s", "Requests a second at most", rate, "0.01", "10000", "no limit")}
            {number(id, "timeout_ms", "Time-out (ms)", settings.timeout_ms, 1_000, 60_000)}
        </div>
    }
    .erased()
}

/// What happens when it does not work.
fn failures(id: &str, settings: &DestinationSettings) -> AnyView {
    let failures = settings.breaker_failures.map(|failures| failures.to_string()).unwrap_or_default();
    let order = format!("{id}-order");
    let options = POLICIES.map(|(policy, words)| {
        view! { <option value=policy.as_str() selected=policy == settings.order>{words}</option> }
    });
    view! {
        <div class="field-row">
            {number(id, "attempts_max", "Attempts at most", settings.attempts_max, 1, 50)}
            {number(id, "backoff_base_ms", "First back-off (ms)", settings.backoff_base_ms, 10, 60_000)}
        </div>
        <div class="field">
            <label for=order.clone()>"Behind a failed delivery"</label>
            <select id=order name="settings[order]">{options.collect_view()}</select>
        </div>
        <div class="field-row">
            {bounds(id, "breaker_failures", "Circuit breaker: failures in a row", failures, "1", "1000", "none")}
            {number(id, "breaker_pause_ms", "Tries again after (ms)", settings.breaker_pause_ms, 100, 900_000)}
        </div>
    }
    .erased()
}

fn number(id: &str, field: &'static str, label: &'static str, value: u32, min: u32, max: u32) -> AnyView {
    let id = format!("{id}-{field}");
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <input id=id type="number" name=format!("settings[{field}]") value=value.to_string() min=min.to_string() max=max.to_string() required/>
        </div>
    }
    .erased()
}

/// A number that may be left out; `without` says what that means.
fn bounds(
    id: &str,
    field: &'static str,
    label: &'static str,
    value: String,
    min: &'static str,
    max: &'static str,
    without: &'static str,
) -> AnyView {
    let id = format!("{id}-{field}");
    let step = if min.contains('.') { "any" } else { "1" };
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <input id=id type="number" name=format!("settings[{field}]") value=value min=min max=max step=step placeholder=without/>
        </div>
    }
    .erased()
}
