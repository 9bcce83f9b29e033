//! Scenarios: run those of a definition, or make one of what an instance went through.

use axum::{
    extract::State,
    http::{StatusCode, header},
};
use baton_app::model::{ScenarioMade, ScenarioReport};
use serde::Deserialize;
use utoipa::ToSchema;

use super::definitions::text;
use crate::http::{
    Api,
    extract::{Caller, Id, Json, Raw, Result, parse_json},
};

/// Run the scenarios of a definition
///
/// The body is a process or saga as JSON or YAML, or `{"source": "…"}` with either as text. Nothing is stored. A definition
/// with errors is refused; scenarios that come out otherwise than expected are in the answer.
#[utoipa::path(
    post,
    path = "/scenarios/run",
    tag = "processes",
    operation_id = "run_scenarios",
    request_body(content((serde_json::Value = "application/json"), (String = "application/yaml"))),
    responses((status = 200, description = "How each came out, and what they cover", body = ScenarioReport))
)]
pub async fn run(State(api): State<Api>, _: Caller, raw: Raw) -> Result<Json<ScenarioReport>> {
    Ok(Json(api.backend.run_scenarios(text(&raw)?).await?))
}

/// What to call a scenario.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NewScenario {
    #[schema(max_length = 200)]
    name: Option<String>,
}

/// Make a scenario of an instance that has ended
///
/// What came from outside becomes its steps, with texts, numbers and dates masked, unless the instance would go another way
/// without them. It is put into the draft of the definition (of the newest version where there is no draft), in the place of
/// one with the same name. An instance that operators interfered with is refused (409 `no-scenario`).
#[utoipa::path(
    post,
    path = "/instances/{id}/scenario",
    tag = "instances",
    operation_id = "make_scenario",
    params(("id" = Uuid, Path)),
    request_body = Option<NewScenario>,
    responses((status = 201, description = "It is in the draft", body = ScenarioMade))
)]
pub async fn make(
    State(api): State<Api>,
    Caller(actor): Caller,
    Id(id): Id,
    raw: Raw,
) -> Result<(StatusCode, [(header::HeaderName, String); 1], Json<ScenarioMade>)> {
    let NewScenario { name } = if raw.bytes.is_empty() { NewScenario::default() } else { parse_json(&raw.bytes)? };
    let made = api.backend.make_scenario(actor, id, name).await?;
    let collection = match made.kind {
        baton_domain::definition::DefinitionKind::Process => "processes",
        baton_domain::definition::DefinitionKind::Saga => "sagas",
    };
    let location = format!("/api/v1/{collection}/{}/draft", made.definition);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(made)))
}
