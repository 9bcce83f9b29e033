//! Definitions as files, out and in. Nothing is stored here.

use baton_app::{
    model::{ExportRequest, Exported, FILE_BYTES_MAX, Format, Imported},
    port::{Answer, AppError},
};
use baton_domain::{
    bpmn,
    definition::{self, DefinitionKind},
    designer::Document,
    diagnostic::Diagnostic,
    diagram,
};
use serde_json::{Value, json};

use super::{Service, invalid};

impl Service {
    pub(super) async fn export_definition(&self, request: ExportRequest) -> Answer<Exported> {
        let ExportRequest { kind, name, version, draft, format, theme } = request;
        let mut detail = self.read_definition(kind, name.clone(), version, draft).await;
        if draft && matches!(detail, Err(AppError::NotFound(_))) {
            // A draft begins as the newest version.
            detail = self.read_definition(kind, name.clone(), None, false).await;
        }
        let detail = detail?;
        let stem = detail.shown.map_or_else(|| format!("{name}-draft"), |version| format!("{name}-v{version}"));
        let called = name.clone();
        let unreadable = move || AppError::Conflict {
            code: "unreadable".into(),
            message: format!(
                "{called} cannot be read as it is. Mend its errors first, or export it as YAML: the text as it stands."
            ),
        };
        let document = detail.check.document;
        let text = blocking(move || match format {
            Format::Yaml if !detail.source.trim_start().starts_with('{') => Ok(detail.source),
            Format::Yaml => match document {
                Some(document) => definition::write(&document).map_err(|_| unreadable()),
                None => Ok(detail.source),
            },
            Format::Json => {
                let document = document.ok_or_else(unreadable)?;
                serde_json::to_string_pretty(&document).map(|text| text + "\n").map_err(|_| AppError::Internal)
            }
            Format::Bpmn => {
                let document = document.ok_or_else(unreadable)?;
                bpmn::export(&document).map_err(|why| AppError::Conflict {
                    code: "no-process".into(),
                    message: format!("{}: {why}.", name),
                })
            }
            Format::Svg => {
                let drawn = match (kind, document) {
                    (DefinitionKind::Process, Some(document)) => diagram::of_document(&Document::new(document)),
                    _ => detail.check.diagram.ok_or_else(unreadable)?,
                };
                Ok(diagram::svg(&drawn, &name, theme))
            }
        })
        .await??;
        let content_type = match format {
            Format::Yaml => "application/yaml",
            Format::Json => "application/json",
            Format::Bpmn => "application/xml",
            Format::Svg => "image/svg+xml",
        };
        Ok(Exported { file_name: format!("{stem}.{}", format.as_str()), content_type, text })
    }

    pub(super) async fn import_definition(&self, text: String, name: Option<String>) -> Answer<Imported> {
        if text.len() > FILE_BYTES_MAX {
            let message = format!("a file has at most {FILE_BYTES_MAX} bytes; this one has {}", text.len());
            return Err(invalid("too-large", "", message));
        }
        let (read, findings) =
            blocking(move || if bpmn::is_xml(&text) { from_bpmn(&text) } else { from_text(text) }).await??;
        let Read { mut source, mut document } = read;
        let kind = match document.get("baton").and_then(Value::as_str) {
            Some("process/1") => DefinitionKind::Process,
            Some("saga/1") => DefinitionKind::Saga,
            _ => {
                let message = "This is no definition: it does not begin with `baton: process/1` or `baton: saga/1`, and is no BPMN.";
                return Err(invalid("no-definition", "", message));
            }
        };
        if let Some(name) = name.filter(|name| document.get("name").and_then(Value::as_str) != Some(name)) {
            document["name"] = json!(name);
            source = renamed(&source, &document, &name)?;
        }
        let name = document.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let check = self.check_source(kind, source.clone()).await?;
        Ok(Imported { kind, name, source, findings, check })
    }
}

struct Read {
    source: String,
    document: Value,
}

fn from_bpmn(text: &str) -> Answer<(Read, Vec<bpmn::Finding>)> {
    let imported = bpmn::import(text);
    let Some(document) = imported.document else {
        let about = |found: bpmn::Finding| Diagnostic::error(&found.code, "", found.message);
        return Err(AppError::Invalid(imported.findings.into_iter().map(about).collect()));
    };
    let source = definition::write(&document).map_err(|error| invalid("unwritable", "", error.to_string()))?;
    Ok((Read { source, document }, imported.findings))
}

fn from_text(source: String) -> Answer<(Read, Vec<bpmn::Finding>)> {
    let checked = definition::check(&source);
    match checked.value {
        Some(document @ Value::Object(_)) => Ok((Read { source, document }, Vec::new())),
        Some(_) => Err(invalid(
            "no-definition",
            "",
            "This is no definition: it is YAML or JSON, but no object with `baton` and `name`.",
        )),
        None => Err(AppError::Invalid(checked.diagnostics)),
    }
}

/// The text with another name: in its line, if that is enough, else written anew.
fn renamed(source: &str, document: &Value, name: &str) -> Answer<String> {
    let rename = |line: &str| if line.starts_with("name:") { format!("name: {name}\n") } else { format!("{line}\n") };
    let text: String = source.lines().map(rename).collect();
    if definition::check(&text).value.as_ref() == Some(document) {
        return Ok(text);
    }
    definition::write(document).map_err(|error| invalid("unwritable", "", error.to_string()))
}

/// Reading, compiling and laying out take a while, so they have a thread that may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Answer<T> {
    tokio::task::spawn_blocking(work).await.map_err(|panic| {
        tracing::error!(%panic, "reading or writing a definition panicked");
        AppError::Internal
    })
}
