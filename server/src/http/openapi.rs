//! The description of the API (OpenAPI 3.1), made from the handlers that serve it.
//!
//! What every call has in common is added here and nowhere else: the ways to authenticate, and problem details for
//! everything that is not a success.

use axum::{Json, extract::State};
use utoipa::ToSchema;
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathItem, Ref, RefOr,
    ResponseBuilder, SecurityRequirement, Tag,
    path::Operation,
    security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    tag::TagBuilder,
};

use super::{Api, auth, extract::Caller, problem};

/// What every description begins with.
pub fn base() -> OpenApi {
    let mut components = Components::new();
    components.add_security_scheme(
        "bearer",
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some("The admin token, or one that `baton token create` or `POST /tokens` made"))
                .build(),
        ),
    );
    components.add_security_scheme(
        "session",
        SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(auth::COOKIE, "A browser that signed in"))),
    );
    let mut schemas = Vec::new();
    problem::Problem::schemas(&mut schemas);
    components.schemas.extend(schemas);
    components.schemas.insert("Problem".to_owned(), <problem::Problem as utoipa::PartialSchema>::schema());
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Baton")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(
                    "Messages in and out, definitions, instances, tasks and repair. Errors are problem details \
                     (RFC 9457). Lists are pages: hand `next` back as `cursor` to get the one that follows.",
                ))
                .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").build()))
                .build(),
        )
        .components(Some(components))
        .tags(Some(tags()))
        .build()
}

fn tags() -> Vec<Tag> {
    [
        ("messages", "Handing messages in, browsing and repairing them"),
        ("repairs", "Repairing all failed deliveries that match"),
        ("processes", "Process definitions, and starting instances of them"),
        ("sagas", "Saga definitions"),
        ("instances", "Watching and operating instances"),
        ("migrations", "Having instances go on by another version of their definition"),
        ("tasks", "What waits for people"),
        ("destinations", "Where messages go beside the bus"),
        ("routes", "Which messages go there"),
        ("sources", "Where messages are taken in from, beside the outbox and the bus"),
        ("schemas", "JSON Schemas of definitions"),
        ("overview", "Numbers, live flow, audit"),
        ("access", "Tokens"),
        ("operation", "For whoever runs the server"),
    ]
    .map(|(name, description)| TagBuilder::new().name(name).description(Some(description)).build())
    .into()
}

/// Adds to each call what all calls share.
pub fn finish(mut document: OpenApi) -> OpenApi {
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            let problem = ResponseBuilder::new()
                .description("Problem details (RFC 9457)")
                .content(
                    problem::CONTENT_TYPE,
                    ContentBuilder::new().schema(Some(RefOr::Ref(Ref::from_schema_name("Problem")))).build(),
                )
                .build();
            operation.responses.responses.insert("default".to_owned(), RefOr::T(problem));
            if operation.security.is_none() {
                operation.security =
                    Some(["bearer", "session"].map(|name| SecurityRequirement::new(name, Vec::<String>::new())).into());
            }
        }
    }
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch]
        .into_iter()
        .filter_map(Option::as_mut)
}

/// This document
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    tag = "overview",
    operation_id = "openapi",
    responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value))
)]
pub async fn serve(State(api): State<Api>, _: Caller) -> Json<OpenApi> {
    Json(api.description.get().cloned().unwrap_or_else(base))
}
