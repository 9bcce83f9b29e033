//! Definitions as files: the menu that exports one, and the button that imports another.

use baton_domain::{definition::DefinitionKind, diagnostic::Severity};
use leptos::{
    prelude::*,
    task::spawn_local,
    web_sys::{DragEvent, File},
};

use super::icon::{Icon, icon};
use crate::{
    call,
    erased::Erase,
    files, link,
    model::{FILE_BYTES_MAX, Finding, Imported},
    port::AppError,
};

/// What can be chosen.
const ACCEPT: &str = ".yaml,.yml,.json,.bpmn,.xml";

/// A file that is imported. Made once for a page, so that what was found outlives its being drawn again.
#[derive(Clone, Copy)]
pub struct Importing {
    kind: DefinitionKind,
    state: RwSignal<State>,
    done: StoredValue<Option<Callback<Imported>>>,
}

#[derive(Debug, Clone, PartialEq)]
enum State {
    Idle,
    Reading(String),
    Refused { file: String, why: Vec<String> },
    Read { file: String, findings: Vec<Finding> },
}

impl Importing {
    pub fn new(kind: DefinitionKind) -> Self {
        Self { kind, state: RwSignal::new(State::Idle), done: StoredValue::new(None) }
    }

    /// What happens with a file that is a definition.
    pub fn then(self, done: impl Fn(Imported) + Send + Sync + 'static) {
        self.done.set_value(Some(Callback::new(done)));
    }

    /// Whether the last file was a definition.
    pub fn has_read(self) -> bool {
        self.state.with(|state| matches!(state, State::Read { .. }))
    }

    pub fn forget(self) {
        self.state.set(State::Idle);
    }

    fn refuse(self, file: String, why: Vec<String>) {
        self.state.set(State::Refused { file, why });
    }

    /// Reads a file and asks the server what it means. `name` is what the definition is to be called.
    fn take(self, file: &File, name: Option<String>) {
        let called = file.name();
        let size = file.size();
        if size > FILE_BYTES_MAX as f64 {
            let mib = |bytes: f64| format!("{:.1} MiB", bytes / f64::from(1 << 20));
            let why = format!("It has {}; a file has at most {}.", mib(size), mib(FILE_BYTES_MAX as f64));
            return self.refuse(called, vec![why]);
        }
        self.state.set(State::Reading(called.clone()));
        files::read(file, move |text| {
            let Some(text) = text else { return self.refuse(called, vec!["It cannot be read.".to_owned()]) };
            spawn_local(async move {
                let answer = call::import_file(self.kind, text, name).await.and_then(|answer| answer.decode());
                // The page may be gone by now.
                let Some(State::Reading(newest)) = self.state.try_get_untracked() else { return };
                match answer {
                    _ if newest != called => {}
                    Ok(imported) => {
                        self.state.set(State::Read { file: called, findings: imported.findings.clone() });
                        if let Some(done) = self.done.try_get_value().flatten() {
                            done.run(imported);
                        }
                    }
                    Err(AppError::Invalid(found)) => {
                        let mut why: Vec<String> = found.into_iter().map(|found| capital(&found.message)).collect();
                        why.truncate(5);
                        self.refuse(called, why);
                    }
                    Err(error) => self.refuse(called, vec![capital(&error.to_string())]),
                }
            });
        });
    }

    /// Lets files be dropped onto what stands inside.
    pub fn drop_zone(self, name: Signal<Option<String>>, class: &'static str, content: AnyView) -> AnyView {
        let over = move |event: DragEvent| {
            if files::drags_files(&event) {
                event.prevent_default();
            }
        };
        let dropped = move |event: DragEvent| {
            if let Some(file) = files::dropped(&event) {
                event.prevent_default();
                self.take(&file, name.get_untracked());
            }
        };
        view! { <div class=class on:dragover=over on:drop=dropped>{content}</div> }.erased()
    }
}

/// A sentence that may stand alone.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let sentence =
        letters.next().map_or(String::new(), |first| first.to_uppercase().collect::<String>() + letters.as_str());
    if sentence.ends_with(['.', '!', '?']) { sentence } else { format!("{sentence}.") }
}

/// A button that asks for a file.
pub fn import_button(importing: Importing, name: Signal<Option<String>>) -> AnyView {
    let changed = move |event: leptos::ev::Event| {
        if let Some(file) = files::chosen(&event) {
            importing.take(&file, name.get_untracked());
        }
    };
    let title = "YAML, JSON or BPMN 2.0";
    view! {
        <label class="btn file" title=title>
            "Import…"
            <input type="file" class="visually-hidden" accept=ACCEPT aria-label="Import a file: YAML, JSON or BPMN" on:change=changed/>
        </label>
    }
    .erased()
}

/// What became of the file that was imported last.
pub fn import_report(importing: Importing) -> AnyView {
    let content = move || match importing.state.get() {
        State::Idle => ().erased(),
        State::Reading(file) => view! { <p class="faint">{format!("Reading {file}…")}</p> }.erased(),
        State::Refused { file, why } => refused(importing, &file, why),
        State::Read { file, findings } => read(importing, &file, findings),
    };
    view! { <div role="status" class="imported">{content}</div> }.erased()
}

fn refused(importing: Importing, file: &str, why: Vec<String>) -> AnyView {
    let lines = why.into_iter().map(|why| view! { <li>{why}</li> }).collect_view();
    view! {
        <section class="card failure">
            <h2>{format!("{file} was not imported")}{dismiss(importing)}</h2>
            <ul>{lines}</ul>
            <p>"Nothing was changed here."</p>
        </section>
    }
    .erased()
}

fn read(importing: Importing, file: &str, mut findings: Vec<Finding>) -> AnyView {
    findings.sort_by_key(|finding| finding.severity);
    let count = match findings.len() {
        0 => "all of it is in the definition".to_owned(),
        1 => "1 finding".to_owned(),
        several => format!("{several} findings"),
    };
    let items = findings.into_iter().map(finding).collect_view();
    view! {
        <section class="card" aria-labelledby="imported-title">
            <h2 id="imported-title">{format!("Imported from {file}")}<small>{count}</small>{dismiss(importing)}</h2>
            <ul class="diagnostics">{items}</ul>
        </section>
    }
    .erased()
}

fn finding(finding: Finding) -> AnyView {
    let (class, word) = match finding.severity {
        Severity::Error => ("tag bad", "left out"),
        Severity::Warning => ("tag warn", "look at"),
    };
    let place = match (finding.name.as_str(), finding.element.as_str()) {
        ("", "") => "whole file".to_owned(),
        ("", id) => id.to_owned(),
        (name, id) => format!("{name} ({id})"),
    };
    view! {
        <li>
            <span class=class>{word}</span>
            <div><p>{finding.message}</p><span class="code mono">{place}</span></div>
        </li>
    }
    .erased()
}

fn dismiss(importing: Importing) -> AnyView {
    view! {
        <button type="button" class="btn quiet small end" aria-label="Close this" on:click=move |_| importing.forget()>
            {icon(Icon::Close)}
        </button>
    }
    .erased()
}

/// The formats that a definition can be saved in: a version, or the draft.
pub fn export_menu(kind: DefinitionKind, name: &str, version: Option<u32>) -> AnyView {
    let collection = if kind == DefinitionKind::Process { "processes" } else { "sagas" };
    let address = move |name: &str, format: &str, theme: Option<&str>| {
        let number = version.map(|version| version.to_string());
        let mut query = vec![("format", format)];
        match number.as_deref() {
            Some(number) => query.push(("version", number)),
            None => query.push(("draft", "true")),
        }
        query.extend(theme.map(|theme| ("theme", theme)));
        link::link(&format!("/api/v1/{collection}/{name}/export"), &query)
    };
    let files = [
        ("YAML", "yaml", None),
        ("JSON", "json", None),
        ("BPMN 2.0", "bpmn", None),
        ("SVG", "svg", None),
        ("SVG, dark", "svg", Some("dark")),
    ];
    let links = files.into_iter().filter(|(_, format, _)| kind == DefinitionKind::Process || *format != "bpmn");
    let links = links.map(|(label, format, theme)| {
        let href = address(name, format, theme);
        view! { <a class="btn small" href=href download="" rel="external">{label}</a> }
    });
    let stem = version.map_or_else(|| format!("{name}-draft"), |version| format!("{name}-v{version}"));
    let failed = RwSignal::new(false);
    let pictures = [("PNG", "light"), ("PNG, dark", "dark")].map(|(label, theme)| {
        let (href, file) = (address(name, "svg", Some(theme)), format!("{stem}.png"));
        let save = move |_| {
            failed.set(false);
            // The page may be gone by then.
            files::save_picture(&href, file.clone(), move || {
                let _ = failed.try_set(true);
            });
        };
        view! { <button type="button" class="btn small" on:click=save>{label}</button> }
    });
    view! {
        <details class="dropdown export">
            <summary class="btn">"Export"</summary>
            <div class="dropdown-items">
                {links.collect_view()}
                {pictures.collect_view()}
                {move || failed.get().then(|| view! { <p class="refusal" role="alert">"The picture could not be made. Save the draft or mend its errors, then try again."</p> })}
            </div>
        </details>
    }
    .erased()
}
