//! The wizard: where, which table, what its columns mean, what that brings; and only then is anything stored.

use baton_domain::{
    diagnostic::Diagnostic,
    source::{Encoding, Mapping, Mark, Mode, PRESETS, Preset, TableSource, Take, default_batch, default_poll_ms},
};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use super::{
    controls::{COLUMNS, encoding_field, field, mode_field},
    documents::documents_form,
    fields::{Field, MAPPING, MARK, ROWS, TRANSACTION},
    preview::{findings, preview_table},
};
use crate::{
    call::{self, PreviewSource, PutSource, SourceTables},
    component::{
        confirm::SubmitButton,
        failure::{failure_note, refusal},
        loaded::loaded,
        page_head::PageHead,
        post::PostForm,
    },
    erased::Erase,
    model::{Source, SourcePreview, SourceSettings, SourceTable},
    page::parameter,
    port::AppError,
    read::Read,
};

#[derive(Clone, Copy)]
pub struct Wizard {
    pub settings: RwSignal<TableSource>,
    tables: ServerAction<SourceTables>,
    look: ServerAction<PreviewSource>,
    put: ServerAction<PutSource>,
    /// Of the source that is edited; empty for a new one.
    name: StoredValue<String>,
    /// What a new one is to be called.
    named: RwSignal<String>,
}

impl Wizard {
    pub fn change(self, change: impl FnOnce(&mut TableSource)) {
        self.settings.update(change);
    }

    /// The settings as they would be stored.
    fn json(self) -> String {
        let mut settings = self.settings.get();
        match settings.mode {
            Mode::Mark => {
                settings.mark.get_or_insert_with(|| Mark { column: String::new(), from: None, to: None });
                settings.transaction = None;
            }
            Mode::Delete | Mode::Log => (settings.mark, settings.transaction) = (None, None),
            Mode::ReadOnly => settings.mark = None,
        }
        serde_json::to_string(&SourceSettings::Table(settings)).unwrap_or_default()
    }

    fn look_now(self) {
        let (name, settings) = (self.name.get_value(), untrack(move || self.json()));
        self.look.dispatch(PreviewSource { name, settings });
    }

    /// What was found last, and the settings that it is about.
    fn found(self) -> Option<(String, SourcePreview)> {
        self.look.value().get()?.ok()?.decode().ok()
    }

    /// Whether what was found last is about the settings as they are.
    pub fn is_current(self) -> bool {
        self.found().is_some_and(|(settings, _)| settings == self.json())
    }

    pub fn columns(self) -> Vec<String> {
        let found = self.found().map(|(_, preview)| preview.report.columns).unwrap_or_default();
        found.into_iter().map(|column| column.name).collect()
    }

    pub fn findings(self) -> Vec<Diagnostic> {
        self.found().map(|(_, preview)| preview.report.diagnostics).unwrap_or_default()
    }
}

#[component]
pub fn NewSourcePage() -> AnyView {
    let (edited, kind) = (parameter("edit"), parameter("kind"));
    let content = move || {
        let name = edited.get();
        if name.is_empty() {
            return if kind.get() == "documents" { documents_form(None) } else { wizard(None) };
        }
        let sources = Read::new(|| (), |()| call::list_sources());
        loaded(sources, move |sources| match sources.into_iter().find(|source| source.name == name) {
            Some(source) => wizard(Some(source)),
            None => failure_note(AppError::NotFound(format!("There is no source “{name}”."))),
        })
        .erased()
    };
    view! {
        <PageHead title="Set up a source" crumbs=vec![("Sources".to_owned(), "/sources".to_owned())]/>
        <div class="content"><div class="stacked">{content}</div></div>
    }
    .erased()
}

fn blank() -> TableSource {
    let nothing = String::new;
    TableSource {
        database: None,
        schema: None,
        table: nothing(),
        mode: Mode::Mark,
        mark: None,
        transaction: None,
        mapping: Mapping {
            key: nothing(),
            order: None,
            id: None,
            kind: None,
            message_type: nothing(),
            type_after: None,
            aggregate_type: nothing(),
            aggregate_id: nothing(),
            aggregate_version: None,
            payload: nothing(),
            encoding: Encoding::Json,
            headers: None,
            correlation_id: None,
            causation_id: None,
            created_at: None,
        },
        poll_ms: default_poll_ms(),
        batch: default_batch(),
    }
}

fn wizard(of: Option<Source>) -> AnyView {
    let (name, settings) = match of {
        None => (String::new(), blank()),
        Some(Source { name, settings: SourceSettings::Table(table), .. }) => (name, table),
        Some(documents) => return documents_form(Some(documents)),
    };
    let wizard = Wizard {
        settings: RwSignal::new(settings),
        tables: ServerAction::new(),
        look: ServerAction::new(),
        put: ServerAction::new(),
        named: RwSignal::new(name.clone()),
        name: StoredValue::new(name),
    };
    let navigate = use_navigate();
    Effect::new(move |_| {
        if matches!(wizard.put.value().get(), Some(Ok(()))) {
            navigate("/sources", Default::default());
        }
    });
    // The fields stay as they are, and where the keyboard is, while the table does.
    let columns = Memo::new(move |_| wizard.columns());
    let mapping = move || {
        let columns = columns.get();
        (!columns.is_empty()).then(|| untrack(|| mapping_step(wizard, &columns)))
    };
    view! { {place_step(wizard)}{table_step(wizard)}{mapping}{move || confirm_step(wizard)} }.erased()
}

/// 1: the database.
fn place_step(wizard: Wizard) -> AnyView {
    let reference = move || wizard.settings.with(|settings| settings.database.clone().unwrap_or_default());
    let list = move |_| {
        let database = reference();
        wizard.tables.dispatch(SourceTables { database });
    };
    let refused = move || wizard.tables.value().get().and_then(Result::err).map(|error| refusal(&error));
    view! {
        <section class="card source-step" aria-labelledby="source-step-1">
            <h2 id="source-step-1">"1. Where the table is"</h2>
            <div class="field">
                <label for="source-database">"Where the address of its database stands"</label>
                <input
                    id="source-database" type="text" maxlength="1000" autocomplete="off" placeholder="empty: Baton's own database"
                    aria-describedby="source-database-help"
                    prop:value=reference
                    on:input=move |event| {
                        let text = event_target_value(&event).trim().to_owned();
                        wizard.change(|settings| settings.database = Some(text).filter(|text| !text.is_empty()));
                    }
                />
                <span class="help" id="source-database-help">"env:NAME for a variable of the server, or file:PATH. What stands there is an address such as postgres://reader:…@host/shop; it is never shown."</span>
            </div>
            <p class="row"><button type="button" class="btn" on:click=list disabled=wizard.tables.pending()>"Show its tables"</button></p>
            <div role="status">{refused}</div>
        </section>
    }
    .erased()
}

/// 2: the table, and what it is known as.
fn table_step(wizard: Wizard) -> AnyView {
    let presets =
        PRESETS.iter().map(|preset| view! { <option value=preset.name>{preset.title}</option> }).collect_view();
    let note = RwSignal::new(String::new());
    let choose_preset = move |event| {
        let preset = Preset::find(&event_target_value(&event));
        note.set(preset.map(|preset| preset.note.to_owned()).unwrap_or_default());
        let Some(preset) = preset else { return };
        let tables = listed(wizard);
        wizard.change(|settings| {
            let before = std::mem::replace(settings, preset.settings());
            settings.database = before.database;
            // The table keeps its name where the preset's is not there.
            let named = tables.iter().find(|table| table.name == settings.table);
            if let Some(table) = named {
                settings.schema.clone_from(&table.schema);
            } else if !before.table.is_empty() {
                (settings.schema, settings.table) = (before.schema, before.table);
            }
        });
    };
    let text = move |of: fn(&TableSource) -> String| move || wizard.settings.with(of);
    let refused = move || wizard.look.value().get().and_then(Result::err).map(|error| refusal(&error));
    view! {
        <section class="card source-step" aria-labelledby="source-step-2">
            <h2 id="source-step-2">"2. The table"</h2>
            <div class="field-row">
                <div class="field">
                    <label for="source-preset">"Made by"</label>
                    <select id="source-preset" on:change=choose_preset>
                        <option value="">"our own program"</option>
                        {presets}
                    </select>
                </div>
                <div class="field">
                    <label for="source-schema">"Schema"</label>
                    <input
                        id="source-schema" type="text" maxlength="200" autocomplete="off" placeholder="public; none on SQLite"
                        prop:value=text(|settings| settings.schema.clone().unwrap_or_default())
                        on:input=move |event| {
                            let text = event_target_value(&event);
                            wizard.change(|settings| settings.schema = Some(text).filter(|text| !text.is_empty()));
                        }
                    />
                </div>
                <div class="field">
                    <label for="source-table">"Table"</label>
                    <input
                        id="source-table" type="text" maxlength="200" autocomplete="off" list="source-tables"
                        prop:value=text(|settings| settings.table.clone())
                        on:input=move |event| choose_table(wizard, event_target_value(&event))
                    />
                    <datalist id="source-tables">{move || table_options(wizard)}</datalist>
                </div>
            </div>
            {move || table_list(wizard)}
            {move || Some(note.get()).filter(|note| !note.is_empty()).map(|note| view! { <p class="caution">{note}</p> })}
            <p class="row">
                <button type="button" class="btn" on:click=move |_| wizard.look_now()
                    disabled=move || wizard.look.pending().get() || wizard.settings.with(|settings| settings.table.is_empty())>
                    "Look at its columns"
                </button>
            </p>
            <div role="status">{refused}{move || elsewhere(wizard, "/table")}</div>
        </section>
    }
    .erased()
}

fn listed(wizard: Wizard) -> Vec<SourceTable> {
    wizard
        .tables
        .value()
        .get_untracked()
        .and_then(Result::ok)
        .and_then(|tables| tables.decode().ok())
        .unwrap_or_default()
}

/// A table that was listed brings its schema along.
fn choose_table(wizard: Wizard, name: String) {
    let known = listed(wizard).into_iter().find(|table| table.name == name);
    wizard.change(|settings| {
        if let Some(table) = known {
            settings.schema = table.schema;
        }
        settings.table = name;
    });
}

fn table_options(wizard: Wizard) -> AnyView {
    wizard.tables.version().track();
    listed(wizard).into_iter().map(|table| view! { <option value=table.name></option> }).collect_view().erased()
}

fn table_list(wizard: Wizard) -> Option<AnyView> {
    wizard.tables.version().track();
    let answered = matches!(wizard.tables.value().get(), Some(Ok(_)));
    let tables = listed(wizard);
    answered.then(|| {
        if tables.is_empty() {
            return view! { <p class="faint">"There are no tables that this user may read."</p> }.erased();
        }
        let buttons = tables.into_iter().take(60).map(|table| {
            let words =
                table.schema.as_ref().map_or_else(|| table.name.clone(), |schema| format!("{schema}.{}", table.name));
            let choose = move |_| {
                wizard.change(|settings| {
                    settings.schema.clone_from(&table.schema);
                    settings.table.clone_from(&table.name);
                });
                wizard.look_now();
            };
            view! { <button type="button" class="btn small" on:click=choose>{words}</button> }
        });
        view! { <div class="chips" role="group" aria-label="Tables that were found">{buttons.collect_view()}</div> }
            .erased()
    })
}

/// Findings that no field of the mapping shows, at the step that they are about.
fn elsewhere(wizard: Wizard, at: &'static str) -> AnyView {
    findings(
        wizard
            .findings()
            .into_iter()
            .filter(move |one| one.pointer == at || (at == "/table" && one.pointer == "/schema")),
    )
}

/// 3: what the columns mean.
fn mapping_step(wizard: Wizard, columns: &[String]) -> AnyView {
    let options = columns.iter().map(|column| view! { <option value=Take::of_column(column).to_string()></option> });
    let options = options.collect_view();
    let draw = move |fields: &'static [Field]| fields.iter().map(|one| field(wizard, *one)).collect_view();
    let mode_fields = move || match wizard.settings.with(|settings| settings.mode) {
        Mode::Mark => view! { <div class="field-row">{draw(&MARK)}</div> }.erased(),
        Mode::ReadOnly => view! { <div class="field-row">{field(wizard, TRANSACTION)}</div> }.erased(),
        Mode::Delete | Mode::Log => ().erased(),
    };
    let rest = move || {
        let shown = |pointer: &str| {
            let of = |fields: &[Field]| fields.iter().any(|field| field.pointer == pointer);
            of(&ROWS)
                || of(&MAPPING)
                || of(&MARK)
                || pointer == TRANSACTION.pointer
                || pointer == "/table"
                || pointer == "/schema"
        };
        findings(wizard.findings().into_iter().filter(move |one| !shown(&one.pointer)))
    };
    view! {
            <section class="card source-step" aria-labelledby="source-step-3">
                <h2 id="source-step-3">"3. What its columns mean"</h2>
                <p class="faint">"A value is a column, a place in its JSON (body#/type), a header (header:type), a 'fixed text', or the first of several that is there (header:key | id)."</p>
                <datalist id=COLUMNS>{options}</datalist>
                <div class="field-row">{mode_field(wizard)}{draw(&ROWS)}</div>
                {mode_fields}
                <div class="field-row">{draw(&MAPPING)}{encoding_field(wizard)}</div>
                <div role="status">{rest}</div>
                <p class="row"><button type="button" class="btn" on:click=move |_| wizard.look_now() disabled=wizard.look.pending()>"Preview"</button></p>
            </section>
    }
    .erased()
}

/// 4: what that brings, and the word that stores it.
fn confirm_step(wizard: Wizard) -> Option<AnyView> {
    let (_, preview) = wizard.found()?;
    if preview.report.columns.is_empty() {
        return None;
    }
    let broken = preview.report.diagnostics.iter().any(Diagnostic::is_error);
    let current = move || wizard.is_current();
    let content = if broken {
        view! { <p class="refusal">"Correct what is wrong above, then look again. Nothing is stored."</p> }.erased()
    } else {
        preview_table(preview)
    };
    let form = (!broken).then(|| store_form(wizard));
    Some(
        view! {
            <section class="card source-step" aria-labelledby="source-step-4">
                <h2 id="source-step-4">"4. What that brings"</h2>
                {move || (!current()).then(|| view! { <p class="caution">"Something was changed since: press Preview to see what it brings now."</p> })}
                {content}
                {form}
            </section>
        }
        .erased(),
    )
}

fn store_form(wizard: Wizard) -> AnyView {
    let name = wizard.name.get_value();
    let fixed = !name.is_empty();
    let word = if fixed { "Save" } else { "Take in from this table" };
    let stale = move || !wizard.is_current();
    view! {
        <PostForm action=wizard.put>
            <p class="faint">"Until now nothing was written, here or there."</p>
            <div class="field">
                <label for="source-name">"Name of the source"</label>
                <input id="source-name" name="name" readonly=fixed required maxlength="63" prop:value=move || wizard.named.get() on:input=move |event| wizard.named.set(event_target_value(&event)) pattern="[a-z0-9]([a-z0-9\\-]*[a-z0-9])?" title="Lower-case letters, digits and hyphens" autocomplete="off"/>
            </div>
            <input type="hidden" name="settings" prop:value=move || wizard.json()/>
            {move || wizard.put.value().get().and_then(Result::err).map(|error| refusal(&error))}
            <footer><fieldset class="bare" disabled=stale><SubmitButton label=word pending=wizard.put.pending()/></fieldset></footer>
        </PostForm>
    }
    .erased()
}
