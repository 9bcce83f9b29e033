//! One message: what it says, where it went, what went wrong, and what can be done.

use crate::{erased::Erase, read::Read};
use leptos::prelude::*;

use uuid::Uuid;

use super::{id_of, plural, segment};
use crate::{
    call::{self, EditAndRetry, RepairMessages},
    clock::duration,
    component::{
        badge::{kind_badge, state_badge},
        code::CopyButton,
        confirm::{Dialog, DialogButton, ReasonField, SubmitButton, close_when_done},
        failure::refusal,
        json::{json_view, pretty},
        loaded::loaded,
        page_head::PageHead,
        post::PostForm,
        table::table,
        time::{ago, at_full, at_time},
    },
    html, link,
    live::Live,
    model::{Attempt, Delivery, Instant, MessageDetail},
    port::{Answer, AppError},
};

const EDIT: &str = "edit-dialog";
const DISCARD: &str = "discard-dialog";

/// The writes of the page; they outlive every redrawing.
#[derive(Clone, Copy)]
struct Repairs {
    repair: ServerAction<RepairMessages>,
    edit: ServerAction<EditAndRetry>,
}

#[component]
pub fn MessagePage() -> impl IntoView {
    let live = Live::expect();
    let id = segment("id");
    let repairs = Repairs { repair: ServerAction::new(), edit: ServerAction::new() };
    let read = Read::new(
        move || (id.get(), live.messages(), repairs.repair.version().get(), repairs.edit.version().get()),
        |(id, ..)| async move { call::get_message(id_of(&id, "message")?).await },
    );
    close_when_done(DISCARD.to_owned(), move || {
        (repairs.repair.version().get(), matches!(repairs.repair.value().get(), Some(Ok(_))))
    });
    close_when_done(EDIT.to_owned(), move || {
        (repairs.edit.version().get(), matches!(repairs.edit.value().get(), Some(Ok(_))))
    });
    loaded(read, move |message| draw(message, repairs))
}

fn draw(message: MessageDetail, repairs: Repairs) -> AnyView {
    let summary = message.summary.clone();
    let (kind, state) = (summary.kind.clone(), summary.state.clone());
    let failed = message.deliveries.iter().filter(|delivery| is_failed(delivery)).count();
    let refused =
        (failed == 0).then(|| "No delivery of this message has failed, so there is nothing to repair.".to_owned());
    let buttons = actions(summary.id, refused, repairs);
    view! {
        <PageHead
            title=summary.message_type.clone()
            crumbs=vec![("Messages".to_owned(), "/messages".to_owned())]
            beside=move || view! { {kind_badge(&kind)}{state_badge(&state)} }
        >
            {buttons}
        </PageHead>
        <div class="content">
            {outcome(repairs)}
            <div class="split wide-left">
                <div class="stacked">
                    {payload(&message)}
                    {deliveries(&message)}
                </div>
                <div class="stacked">
                    {facts(&message)}
                    {headers(&message)}
                </div>
            </div>
        </div>
        {dialogs(&message, repairs)}
    }
    .erased()
}

fn is_failed(delivery: &Delivery) -> bool {
    matches!(delivery.state.as_str(), "retrying" | "dead")
}

fn actions(id: Uuid, refused: Option<String>, repairs: Repairs) -> AnyView {
    let pending = repairs.repair.pending();
    let disabled = refused.is_some();
    let (title, why) = (refused.clone(), refused.clone());
    let forget = Callback::new(move |()| {
        repairs.repair.clear();
        repairs.edit.clear();
    });
    view! {
        <PostForm action=repairs.repair>
            <input type="hidden" name="action" value="retry"/>
            <input type="hidden" name="message" value=id.to_string()/>
            <button type="submit" class="btn primary" disabled=move || disabled || pending.get() title=title>
                "Retry now"
                {why.map(|why| view! { <span class="visually-hidden">{format!(" — {why}")}</span> })}
            </button>
        </PostForm>
        <DialogButton opens=EDIT label="Edit and retry…" refused=refused.clone() on_open=forget/>
        <DialogButton opens=DISCARD label="Discard…" class="danger" refused=refused on_open=forget/>
    }
    .erased()
}

/// What the last repair did.
fn outcome(repairs: Repairs) -> AnyView {
    let words = move || match (repairs.repair.value().get(), repairs.edit.value().get()) {
        (Some(Err(error)), _) | (_, Some(Err(error))) => refusal(&error).erased(),
        (Some(Ok(report)), _) | (_, Some(Ok(report))) => {
            let words = match report.touched {
                0 => "Nothing was open any more: somebody else was faster.".to_owned(),
                touched => format!("Done for {}.", plural(touched, "delivery", "deliveries")),
            };
            view! { <p class="notice">{words}</p> }.erased()
        }
        (None, None) => ().erased(),
    };
    view! { <div role="status">{words}</div> }.erased()
}

fn payload(message: &MessageDetail) -> AnyView {
    view! {
        <section class="card" aria-labelledby="payload-title">
            <h2 id="payload-title">"Payload"<small><CopyButton text=pretty(&message.payload) label="Copy payload"/></small></h2>
            {json_view(&message.payload, "Payload")}
        </section>
    }
    .erased()
}

fn headers(message: &MessageDetail) -> AnyView {
    let rows = message
        .headers
        .iter()
        .map(|(name, value)| view! { <div><dt class="mono">{name.clone()}</dt><dd class="mono">{value.clone()}</dd></div> })
        .collect_view();
    let content = if message.headers.is_empty() {
        view! { <p class="faint pad">"None."</p> }.erased()
    } else {
        view! { <dl class="facts">{rows}</dl> }.erased()
    };
    view! {
        <section class="card" aria-labelledby="headers-title"><h2 id="headers-title">"Headers"</h2>{content}</section>
    }
    .erased()
}

fn facts(message: &MessageDetail) -> AnyView {
    let summary = &message.summary;
    let key = format!("{}/{}", summary.aggregate_type, summary.aggregate_id);
    let of_key = link::link(
        "/messages",
        &[("aggregate_type", &summary.aggregate_type), ("aggregate_id", &summary.aggregate_id)],
    );
    let version = message.aggregate_version.map(|version| format!(" · version {version}"));
    let correlation = summary.correlation_id.clone().map(|id| {
        fact("Correlation", view! { <a class="mono" href=link::conversation(&id)>{id.clone()}</a> }.erased())
    });
    let causation = summary.causation_id.clone().map(|id| {
        fact("Caused by", view! { <a class="mono" href=format!("/messages/{id}")>{id.clone()}</a> }.erased())
    });
    let instance = message
        .instance
        .map(|id| fact("Instance", view! { <a class="mono" href=link::instance(id)>{id.to_string()}</a> }.erased()));
    let published = match summary.published_at {
        Some(at) => view! { {at_full(at)}<small class="faint">{after(summary.created_at, at)}</small> }.erased(),
        None => view! { <span class="faint">"not yet"</span> }.erased(),
    };
    view! {
        <section class="card" aria-labelledby="facts-title">
            <h2 id="facts-title">"Message"</h2>
            <dl class="facts">
                {fact("Id", view! { <span class="mono">{summary.id.to_string()}</span> }.erased())}
                {fact("Key", view! { <a class="mono" href=of_key>{key}</a>{version} }.erased())}
                {fact("Source", view! { {summary.source.clone()} }.erased())}
                {fact("Created", view! { {at_full(summary.created_at)}<small class="faint">{ago(summary.created_at)}</small> }.erased())}
                {fact("Published", published)}
                {message.deliver_after.map(|at| fact("Not before", view! { {at_full(at)} }.erased()))}
                {message.destination.clone().map(|to| fact("Destination", view! { {to} }.erased()))}
                {correlation}
                {causation}
                {instance}
            </dl>
        </section>
    }
    .erased()
}

fn after(from: Instant, to: Instant) -> String {
    format!("after {}", duration((to - from).num_milliseconds()))
}

fn fact(name: &'static str, value: AnyView) -> AnyView {
    view! { <div><dt>{name}</dt><dd>{value}</dd></div> }.erased()
}

fn deliveries(message: &MessageDetail) -> AnyView {
    if message.deliveries.is_empty() {
        let words = match message.summary.state.as_str() {
            "pending" => "It waits for the relay.",
            _ => "It was published to the bus at the first attempt; nothing had to be written down.",
        };
        return view! {
            <section class="card" aria-labelledby="deliveries-title">
                <h2 id="deliveries-title">"Deliveries"</h2>
                <p class="faint pad">{words}</p>
            </section>
        }
        .erased();
    }
    let cards = message.deliveries.iter().map(delivery).collect_view();
    view! {
        <section class="card" aria-labelledby="deliveries-title"><h2 id="deliveries-title">"Deliveries"</h2>{cards}</section>
    }
    .erased()
}

fn delivery(delivery: &Delivery) -> AnyView {
    let error = delivery.error.clone().map(|error| {
        let class = delivery.failure_class.clone().unwrap_or_default();
        view! { <p class="error-text"><span class="mono">{class}</span>" "{error}</p> }
    });
    let next = delivery
        .next_attempt_at
        .filter(|_| delivery.state == "retrying")
        .map(|at| view! { <span>"next attempt "{ago(at)}</span> });
    let followers = (delivery.followers > 0).then(|| {
        let words =
            plural(delivery.followers, "message of the key waits behind it", "messages of the key wait behind it");
        view! { <span class="stuck-text">{words}</span> }
    });
    let edited = delivery.edited_payload.as_ref().map(|payload| {
        view! {
            <details class="fact">
                <summary>"Sent with an edited payload"</summary>
                {json_view(payload, "Edited payload")}
            </details>
        }
    });
    let forgotten = (delivery.attempts > 0 && delivery.attempts_made.is_empty())
        .then(|| view! { <p class="faint">"The attempts themselves are no longer kept."</p> });
    view! {
        <div class="delivery">
            <header>
                <h3>{delivery.destination.clone()}</h3>
                {state_badge(&delivery.state)}
                <span class="faint">{plural(u64::from(delivery.attempts), "attempt", "attempts")}</span>
                {next}
                {followers}
            </header>
            {error}
            {edited}
            {attempts(&delivery.attempts_made, &delivery.destination)}
            {forgotten}
        </div>
    }
    .erased()
}

fn attempts(attempts: &[Attempt], destination: &str) -> Option<AnyView> {
    if attempts.is_empty() {
        return None;
    }
    let rows = attempts
        .iter()
        .map(|attempt| {
            let answer = match (&attempt.failure_class, &attempt.error) {
                (None, None) => state_badge("accepted").erased(),
                (class, error) => {
                    let (class, error) = (class.clone().unwrap_or_default(), error.clone().unwrap_or_default());
                    view! { <span class="error-text"><span class="mono">{class}</span>" "{error}</span> }.erased()
                }
            };
            view! {
                <tr>
                    <td class="num">{attempt.number}</td>
                    <td>{at_time(attempt.at)}</td>
                    <td class="num">{duration(attempt.duration_ms)}</td>
                    <td class="wrap">{answer}</td>
                </tr>
            }
        })
        .collect_view();
    let columns = [("#", "num"), ("Time (UTC)", ""), ("Took", "num"), ("Answer", "")];
    Some(table(&format!("Attempts at {destination}"), &columns, rows.erased()))
}

fn dialogs(message: &MessageDetail, repairs: Repairs) -> AnyView {
    let id = message.summary.id.to_string();
    let discarded = id.clone();
    let edited = message.deliveries.iter().find_map(|delivery| delivery.edited_payload.as_ref());
    let text = pretty(edited.unwrap_or(&message.payload));
    view! {
        <Dialog id=EDIT title="Edit and retry">
            <PostForm action=repairs.edit>
                <p>"The failed deliveries are tried again with this payload. The original is kept, and the message says which one was sent."</p>
                <input type="hidden" name="id" value=id/>
                <div class="field">
                    <label for="edit-payload">"Payload (JSON)"</label>
                    <textarea id="edit-payload" name="payload" class="mono" rows="16" spellcheck="false" required>{html::escaped(text)}</textarea>
                </div>
                {move || last_error(repairs.edit.value().get()).map(|error| refusal(&error))}
                <footer><SubmitButton label="Retry with this payload" pending=repairs.edit.pending()/></footer>
            </PostForm>
        </Dialog>
        <Dialog id=DISCARD title="Discard the failed deliveries?">
            <PostForm action=repairs.repair>
                <p>"They are not tried again, and what waits behind them goes on. This cannot be undone."</p>
                <input type="hidden" name="action" value="discard"/>
                <input type="hidden" name="message" value=discarded/>
                <ReasonField id="discard-reason"/>
                {move || last_error(repairs.repair.value().get()).map(|error| refusal(&error))}
                <footer><SubmitButton label="Discard" pending=repairs.repair.pending() class="danger"/></footer>
            </PostForm>
        </Dialog>
    }
    .erased()
}

fn last_error<T>(answer: Option<Answer<T>>) -> Option<AppError> {
    answer.and_then(Result::err)
}
