//! Failures: what does not get through, grouped by where and why, and its repair.

use crate::{erased::Erase, read::Read};
use leptos::prelude::*;

use super::plural;
use crate::{
    call::{self, RepairMessages},
    clock::grouped,
    component::{
        badge::toned,
        confirm::{Dialog, DialogButton, ReasonField, SubmitButton, close_when_done},
        empty::Empty,
        failure::refusal,
        loaded::loaded,
        page_head::PageHead,
        post::PostForm,
        time::ago,
    },
    link,
    live::Live,
    model::FailureGroup,
};

#[component]
pub fn FailuresPage() -> AnyView {
    let live = Live::expect();
    let repair = ServerAction::<RepairMessages>::new();
    let read = Read::new(move || (live.messages(), repair.version().get()), |_| call::list_failures());
    let outcome = move || match repair.value().get() {
        Some(Ok(report)) => {
            view! { <p class="notice">{format!("Done for {}.", plural(report.touched, "delivery", "deliveries"))}</p> }
                .erased()
        }
        Some(Err(error)) => refusal(&error).erased(),
        None => ().erased(),
    };
    view! {
        <PageHead title="Failures"/>
        <div class="content">
            <div role="status">{outcome}</div>
            {loaded(read, move |groups| draw(groups, repair))}
        </div>
    }
    .erased()
}

fn draw(groups: Vec<FailureGroup>, repair: ServerAction<RepairMessages>) -> AnyView {
    if groups.is_empty() {
        return view! {
            <section class="card">
                <Empty title="Nothing fails" text="Deliveries that a destination refuses appear here, grouped by destination and error, with what waits behind them."/>
            </section>
        }
        .erased();
    }
    let cards = groups.into_iter().enumerate().map(|(index, group)| card(index, group, repair)).collect_view();
    view! { <div class="stacked">{cards}</div> }.erased()
}

fn card(index: usize, group: FailureGroup, repair: ServerAction<RepairMessages>) -> AnyView {
    let dialog = format!("discard-{index}");
    let heading = format!("failure-{index}");
    close_when_done(dialog.clone(), move || (repair.version().get(), matches!(repair.value().get(), Some(Ok(_)))));
    let pending = repair.pending();
    let parked = (group.parked_behind > 0).then(|| {
        view! { <span class="stuck-text">{format!("{} parked behind", grouped(group.parked_behind))}</span> }
    });
    let list = link::link(
        "/messages",
        &[("state", &group.state), ("type", &group.message_type), ("destination", &group.destination)],
    );
    let state_words = format!("{} {}", grouped(group.count), group.state);
    let all = plural(group.count, "delivery", "deliveries");
    let name = format!("{} at {}", group.message_type, group.destination);
    let label = format!("Retry all {all} of {name}");
    let words = format!("Retry all {}", grouped(group.count));
    let dialog_view = discard_dialog(dialog.clone(), index, &group, &name, &all, repair);
    let named = filter(&group);
    view! {
        <article class="card failure-group" aria-labelledby=heading>
            <header>
                {toned(&group.state, state_words)}
                <h2 id=heading.clone()><span class="mono">{group.message_type}</span>" → "{group.destination}</h2>
                <span class="actions">
                    <PostForm action=repair>
                        <input type="hidden" name="action" value="retry"/>
                        {named}
                        <button type="submit" class="btn" disabled=pending aria-label=label>{words}</button>
                    </PostForm>
                    <DialogButton opens=dialog label="Discard…" class="danger" on_open=Callback::new(move |()| repair.clear())/>
                </span>
            </header>
            <p class="error-text"><span class="mono">{group.failure_class}</span>" "{group.sample_error}</p>
            <p class="links">
                <span>"first "{ago(group.first_at)}", last "{ago(group.last_at)}</span>
                {parked}
                <a href=link::message(group.sample_message)>"A sample"</a>
                <a href=list>"All of them"</a>
            </p>
            {dialog_view}
        </article>
    }
    .erased()
}

fn discard_dialog(
    id: String,
    index: usize,
    group: &FailureGroup,
    name: &str,
    all: &str,
    repair: ServerAction<RepairMessages>,
) -> AnyView {
    let words = format!(
        "All failed deliveries of {name} are given up, and what waits behind them goes on. This cannot be undone."
    );
    let (named, label) = (filter(group), format!("Discard {all}"));
    view! {
        <Dialog id=id title=format!("Discard {all}?")>
            <PostForm action=repair>
                <p>{words}</p>
                <input type="hidden" name="action" value="discard"/>
                {named}
                <ReasonField id=format!("discard-reason-{index}")/>
                {move || repair.value().get().and_then(Result::err).map(|error| refusal(&error))}
                <footer><SubmitButton label=label pending=repair.pending() class="danger"/></footer>
            </PostForm>
        </Dialog>
    }
    .erased()
}

/// The fields that name a group.
fn filter(group: &FailureGroup) -> impl IntoView + use<> {
    view! {
        <input type="hidden" name="destination" value=group.destination.clone()/>
        <input type="hidden" name="failure_class" value=group.failure_class.clone()/>
        <input type="hidden" name="message_type" value=group.message_type.clone()/>
    }
}
