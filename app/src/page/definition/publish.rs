//! Publishing a draft.

use baton_domain::{designer::desk, diagnostic::Diagnostic};
use leptos::prelude::*;

use super::desk::Desk;
use crate::{
    clock::grouped,
    component::{
        confirm::{Dialog, DialogButton, SubmitButton, close_when_done},
        failure::refusal,
        migrate::not_migrated,
        post::PostForm,
        trial::force_field,
    },
    erased::Erase,
    model::{CheckReport, DefinitionSummary, MigrationSum},
};

const PUBLISH: &str = "publish-dialog";

/// Disabled, with the reason, while it would be refused or would leave out what was just drawn.
pub fn publish_button(report: Signal<CheckReport>, desk: Desk) -> AnyView {
    let refused = Memo::new(move |_| {
        let broken = report.with(|report| report.diagnostics.iter().any(Diagnostic::is_error));
        let broken = broken.then_some("Mend the errors first; a draft with errors can be saved, not published.");
        broken.or_else(|| desk.ask(desk::Desk::unpublishable).flatten())
    });
    let begin = Callback::new(move |()| {
        desk.publish.clear();
        desk.look_before_publishing();
    });
    let button = move || {
        let refused = refused.get().map(str::to_owned);
        view! { <DialogButton opens=PUBLISH label="Publish…" class="primary" refused=refused on_open=begin/> }
    };
    button.erased()
}

pub fn publish_dialog(summary: DefinitionSummary, text: Signal<String>, desk: Desk) -> AnyView {
    let published = move || matches!(desk.publish.value().get(), Some(Ok(())));
    close_when_done(PUBLISH.to_owned(), move || (desk.publish.version().get(), published()));
    let newest = summary.version.unwrap_or(0);
    let running = match summary.live {
        0 => "No instance runs on an older version.".to_owned(),
        live => format!("{} live instances stay on their version until somebody migrates them.", grouped(live)),
    };
    let stays = move || desk.movable.with(|sum| sum.as_ref()?.as_ref().ok()?.stays);
    let words = move || match stays() {
        Some(version) => {
            format!("Only positions changed: version {version} stays, and is drawn like this from now on.")
        }
        None => format!("{running} What a published version does never changes."),
    };
    let mark = Memo::new(move |_| desk.ask(|state| state.mark().map(str::to_owned)).flatten().unwrap_or_default());
    view! {
        <Dialog id=PUBLISH title=format!("Publish {}", summary.name)>
            <PostForm action=desk.publish>
                <p>{words}</p>
                {(summary.live > 0).then(|| could_migrate(desk))}
                <input type="hidden" name="kind" value=desk.kind.as_str()/>
                <input type="hidden" name="name" value=summary.name/>
                <input type="hidden" name="after" value=newest.to_string()/>
                <input type="hidden" name="draft" prop:value=mark value=mark.get_untracked()/>
                <input type="hidden" name="source" prop:value=text value=text.get_untracked()/>
                <div class="field">
                    <label for="publish-note">"What changed (optional)"</label>
                    <input id="publish-note" name="note" maxlength="500" autocomplete="off"/>
                </div>
                {move || desk.publish.value().get().and_then(Result::err).map(|error| refusal(&error))}
                {move || force_field(desk.publish.value().get())}
                <footer><SubmitButton label="Publish" pending=desk.publish.pending()/></footer>
            </PostForm>
        </Dialog>
    }
    .erased()
}

/// Which of the live instances could come along.
fn could_migrate(desk: Desk) -> AnyView {
    let content = move || {
        desk.movable.get().map(|answer| match answer {
            Err(error) => refusal(&error).erased(),
            Ok(MigrationSum { stays: Some(_), .. }) => ().erased(),
            Ok(sum) => {
                let all = sum.can + sum.cannot;
                let more = if sum.next.is_some() { " of those looked at" } else { "" };
                let words = match (all, sum.cannot) {
                    (0, _) => "None of them is live any more.".to_owned(),
                    (_, 0) => format!("All {}{more} could migrate to it as they are.", grouped(all)),
                    _ => format!(
                        "{} of {}{more} could migrate to it as they are. In the way of the others:",
                        grouped(sum.can),
                        grouped(all)
                    ),
                };
                let examples = sum.examples.iter().map(not_migrated).collect_view();
                view! { <p>{words}</p><ul class="plain">{examples}</ul> }.erased()
            }
        })
    };
    view! { <div aria-live="polite" class="movable">{content}</div> }.erased()
}
