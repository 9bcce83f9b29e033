//! The dialog that has the instances of a definition go on by another version of it: first it says which can.

use leptos::prelude::*;

use super::{
    confirm::{Dialog, DialogButton, ReasonField, SubmitButton},
    failure::refusal,
    operate::mapping_field,
    post::PostForm,
};
use crate::{
    call::MigrateInstances,
    clock::grouped,
    erased::Erase,
    model::{DefinitionDetail, MigrationSum, NotMigrated},
};

const DIALOG: &str = "migrate-dialog";

/// Those in which an instance can migrate.
const STATES: [&str; 4] = ["running", "waiting", "suspended", "stuck"];

pub type Migrating = ServerAction<MigrateInstances>;

/// Opens the dialog; nothing while there is no version to come from.
pub fn migrate_button(detail: &DefinitionDetail, migrate: Migrating) -> Option<AnyView> {
    (detail.versions.len() > 1).then(|| {
        let forget = Callback::new(move |()| migrate.clear());
        view! { <DialogButton opens=DIALOG label="Migrate instances…" on_open=forget/> }.erased()
    })
}

pub fn migrate_dialog(detail: &DefinitionDetail, migrate: Migrating) -> Option<AnyView> {
    if detail.versions.len() < 2 {
        return None;
    }
    let (kind, name) = (detail.summary.kind.as_str().to_owned(), detail.summary.name.clone());
    let option = |version: u32, live: u64| {
        let label = format!("v{version} ({} live)", grouped(live));
        view! { <option value=version.to_string()>{label}</option> }
    };
    let versions = || detail.versions.iter().map(|it| option(it.version, it.live)).collect_view();
    let next = move || outcome(migrate).and_then(|sum| sum.next).unwrap_or_default();
    let answer = move || match migrate.value().get()? {
        Ok(encoded) => encoded.decode().ok().map(|sum| said(&sum)),
        Err(error) => Some(refusal(&error).into_view().erased()),
    };
    let (to, from) = (versions(), versions());
    let states = STATES.map(|state| view! { <option value=state>{state}</option> }).into_iter().collect_view();
    Some(
        view! {
            <Dialog id=DIALOG title="Migrate instances">
                <PostForm action=migrate>
                    <p>"What they wait for stays as it is; only what follows is new. Those that cannot go on stay as they are."</p>
                    <input type="hidden" name="request[kind]" value=kind/>
                    <input type="hidden" name="request[definition]" value=name/>
                    <input type="hidden" name="request[cursor]" value="" prop:value=next/>
                    <div class="field">
                        <label for="migrate-to">"To version"</label>
                        <select id="migrate-to" name="request[to]" required>{to}</select>
                    </div>
                    <div class="field">
                        <label for="migrate-from">"Instances of"</label>
                        <select id="migrate-from" name="request[from]"><option value="">"every other version"</option>{from}</select>
                    </div>
                    <div class="field">
                        <label for="migrate-state">"In the state"</label>
                        <select id="migrate-state" name="request[state]"><option value="">"any"</option>{states}</select>
                    </div>
                    <div class="field">
                        <label for="migrate-key">"Business key (optional)"</label>
                        <input id="migrate-key" name="request[business_key]" spellcheck="false"/>
                    </div>
                    {mapping_field("migrate-many-mapping", "request[mapping]")}
                    <div class="field">
                        <label for="migrate-dry-run">"What to do"</label>
                        <select id="migrate-dry-run" name="request[dry_run]">
                            <option value="true">"Only say which can, and why the others cannot"</option>
                            <option value="false">"Migrate those that can"</option>
                        </select>
                    </div>
                    <ReasonField id="migrate-reason" name="request[reason]" required=false/>
                    <div aria-live="polite">{answer}</div>
                    <footer><SubmitButton label="Go" pending=migrate.pending()/></footer>
                </PostForm>
            </Dialog>
        }
        .erased(),
    )
}

fn outcome(migrate: Migrating) -> Option<MigrationSum> {
    migrate.value().get()?.ok()?.decode().ok()
}

fn said(sum: &MigrationSum) -> AnyView {
    if let Some(total) = sum.begun {
        let begun = format!("It is begun: {} are asked, one after the other.", grouped(total));
        return view! { <p><strong>{begun}</strong>" "<a href="/instances">"See how far it is"</a></p> }.erased();
    }
    let done = format!("{} can go on, {} cannot.", grouped(sum.can), grouped(sum.cannot));
    let more = sum.next.is_some().then_some(" There are more: press the button again to go on from here.");
    let examples = sum.examples.iter().map(not_migrated).collect_view();
    view! { <p><strong>{done}</strong>{more}</p><ul class="plain">{examples}</ul> }.erased()
}

/// One that cannot, and what is in the way.
pub fn not_migrated(instance: &NotMigrated) -> AnyView {
    let id = instance.instance.to_string();
    let name = instance.business_key.clone().unwrap_or_else(|| id.clone());
    let why: Vec<&str> = instance.diagnostics.iter().map(|it| it.message.as_str()).collect();
    view! { <li><a href=format!("/instances/{id}")>{name}</a>" (v"{instance.version}"): "{why.join(" ")}</li> }.erased()
}
