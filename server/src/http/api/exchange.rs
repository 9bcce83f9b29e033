//! Definitions as files: export and import. Nothing is stored.

use axum::{
    extract::State,
    http::{HeaderName, header},
    response::IntoResponse,
};
use baton_app::model::{ExportRequest, Format, Imported, Theme};
use baton_domain::definition::DefinitionKind;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::http::{
    Api,
    extract::{Caller, Json, Name, Params, Raw, Result},
    problem::Error,
};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    #[param(inline)]
    format: Format,
    /// The newest one when absent, or the draft while there is none.
    #[param(minimum = 1)]
    version: Option<u32>,
    /// The draft, whatever versions there are; the newest of them while there is no draft.
    #[serde(default)]
    draft: bool,
    /// The colours of an SVG.
    #[serde(default)]
    #[param(inline)]
    theme: Theme,
}

/// A process as a file
///
/// YAML, JSON, BPMN 2.0 XML with diagram data, or the diagram as SVG.
#[utoipa::path(
    get,
    path = "/processes/{name}/export",
    tag = "processes",
    operation_id = "export_process",
    params(("name" = String, Path), Wanted),
    responses((
        status = 200, description = "The file",
        content((String = "application/yaml"), (serde_json::Value = "application/json"), (String = "application/xml"), (String = "image/svg+xml"))
    ))
)]
pub async fn process(
    State(api): State<Api>,
    _: Caller,
    Name(name): Name,
    Params(wanted): Params<Wanted>,
) -> Result<impl IntoResponse> {
    export(&api, DefinitionKind::Process, name, wanted).await
}

/// A saga as a file
///
/// YAML, JSON, or the diagram as SVG. BPMN has no place for sagas.
#[utoipa::path(
    get,
    path = "/sagas/{name}/export",
    tag = "sagas",
    operation_id = "export_saga",
    params(("name" = String, Path), Wanted),
    responses((
        status = 200, description = "The file",
        content((String = "application/yaml"), (serde_json::Value = "application/json"), (String = "image/svg+xml"))
    ))
)]
pub async fn saga(
    State(api): State<Api>,
    _: Caller,
    Name(name): Name,
    Params(wanted): Params<Wanted>,
) -> Result<impl IntoResponse> {
    export(&api, DefinitionKind::Saga, name, wanted).await
}

async fn export(api: &Api, kind: DefinitionKind, name: String, wanted: Wanted) -> Result<impl IntoResponse + use<>> {
    let Wanted { format, version, draft, theme } = wanted;
    if draft && version.is_some() {
        return Err(Error::malformed("invalid-query", "Ask for a `version` or for the `draft`, not for both."));
    }
    let file = api.backend.export(ExportRequest { kind, name, version, draft, format, theme }).await?;
    let headers: [(HeaderName, String); 2] = [
        (header::CONTENT_TYPE, file.content_type.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", file.file_name)),
    ];
    Ok((headers, file.text))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Called {
    /// What the definition is to be called; its own name when absent.
    #[param(max_length = 100)]
    name: Option<String>,
}

/// Read a definition from a file
///
/// The body is the file itself: YAML, JSON, or BPMN 2.0 XML, whatever its content type says. The answer has the text of the
/// definition, what of a BPMN file it does not say, and what the rules say about it. Nothing is stored: save it as a draft,
/// or publish it.
#[utoipa::path(
    post,
    path = "/import",
    tag = "processes",
    operation_id = "import_definition",
    params(Called),
    request_body(content((String = "application/yaml"), (serde_json::Value = "application/json"), (String = "application/xml"))),
    responses((status = 200, description = "What the file means", body = Imported))
)]
pub async fn import(
    State(api): State<Api>,
    _: Caller,
    Params(wanted): Params<Called>,
    raw: Raw,
) -> Result<Json<Imported>> {
    let text = String::from_utf8(raw.bytes.into())
        .map_err(|_| Error::malformed("not-utf-8", "The file is not valid UTF-8: save it as UTF-8, then try again."))?;
    Ok(Json(api.backend.import(text, wanted.name).await?))
}
