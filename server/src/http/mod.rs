//! HTTP: the API, the door, live changes, assets and pages.
//!
//! A request passes, from the outside in: an id and security headers ([`guard::observe`]); problems written down
//! ([`problem::render`]); panics caught; the host's name checked; the body's size limited; who it is
//! ([`auth::guard`]); where it comes from (cross-site writes are refused); and then a handler, which delegates to the
//! backend. Handlers hold no rules and never see SQL. What to read next:
//!
//! - [`api`]: the calls under `/api/v1`, one file per resource
//! - [`auth`]: who may come in
//! - [`pages`]: the app
//! - [`problem`]: what goes wrong, as whoever called sees it

pub mod api;
pub mod assets;
pub mod auth;
mod extract;
mod guard;
mod html;
pub mod openapi;
mod ops;
pub mod pages;
pub mod problem;
mod stream;

use std::{
    net::SocketAddr,
    ops::Deref,
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRef},
    http::{StatusCode, header},
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post},
};
use baton_app::port::Backend;
use leptos::config::LeptosOptions;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer, csrf::CsrfLayer};
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::{
    assets::Assets,
    auth::{Access, attempts::Attempts},
    problem::Error,
};
use crate::{changes::Changes, settings::Settings, store::Store};

/// How long open connections have at shutdown.
const GRACE: Duration = Duration::from_secs(10);

/// What HTTP stands on.
pub struct Foundation {
    pub backend: Arc<dyn Backend>,
    pub store: Arc<dyn Store>,
    pub changes: Arc<Changes>,
    pub settings: Arc<Settings>,
    /// Ends streams and stops listening.
    pub shutdown: CancellationToken,
}

/// The state of all handlers. Cheap to clone.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

pub struct Inner {
    pub backend: Arc<dyn Backend>,
    pub store: Arc<dyn Store>,
    pub changes: Arc<Changes>,
    pub settings: Arc<Settings>,
    pub shutdown: CancellationToken,
    pub access: Access,
    pub attempts: Attempts,
    pub repairs: api::repairs::Repairs,
    assets: Assets,
    hosts: guard::Hosts,
    /// The finished description, set when the router is built.
    description: OnceLock<OpenApi>,
}

impl Deref for Api {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl FromRef<Api> for LeptosOptions {
    fn from_ref(_: &Api) -> Self {
        pages::options()
    }
}

impl Api {
    pub fn new(foundation: Foundation) -> Self {
        // Here and not later: what is counted before there is a recorder is lost.
        crate::metrics::install();
        let Foundation { backend, store, changes, settings, shutdown } = foundation;
        Self(Arc::new(Inner {
            access: Access::new(store.clone(), &settings),
            attempts: Attempts::default(),
            repairs: api::repairs::Repairs::default(),
            assets: Assets::new(&settings),
            hosts: guard::Hosts::new(&settings),
            description: OnceLock::new(),
            backend,
            store,
            changes,
            settings,
            shutdown,
        }))
    }
}

/// The description of all calls, and the router that serves them.
fn described() -> (Router<Api>, OpenApi) {
    let calls = api::router().layer(from_fn(guard::limit_time));
    let calls = calls.routes(routes!(stream::stream));
    let (router, document) = OpenApiRouter::with_openapi(openapi::base())
        .nest("/api/v1", calls)
        .routes(routes!(openapi::serve))
        .routes(routes!(ops::healthz))
        .routes(routes!(ops::readyz))
        .routes(routes!(ops::metrics))
        .split_for_parts();
    (router, openapi::finish(document))
}

/// The description of all calls.
pub fn description() -> OpenApi {
    described().1
}

pub fn router(api: Api) -> Router {
    let (described, document) = described();
    // Set once: a second router for the same state has the same description.
    let _ = api.description.set(document);
    let door = Router::new()
        .route("/sign-in", get(auth::pages::show).post(auth::pages::sign_in))
        .route("/sign-out", post(auth::pages::sign_out))
        .route("/door.css", get(assets::door_style));
    let assets = Router::new().route("/pkg/{*path}", get(assets::serve)).route("/favicon.ico", get(assets::icon));
    let nothing_here = || async { Error::not_found("There is nothing at this address. See /api/openapi.json.") };
    let unknown_calls =
        Router::new().route("/api", get(nothing_here)).route("/api/{*path}", axum::routing::any(nothing_here));
    let csrf = CsrfLayer::new().with_rejection_response(guard::refuse_cross_site);
    described
        .merge(door)
        .merge(assets)
        .merge(unknown_calls)
        .merge(pages::router(&api))
        .layer(from_fn(guard::measure))
        .layer(csrf)
        .layer(from_fn_with_state(api.clone(), auth::guard))
        .layer(from_fn_with_state(api.clone(), guard::limit_body))
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(api.clone(), guard::check_host))
        .layer(CatchPanicLayer::custom(guard::after_panic))
        .layer(from_fn(problem::render))
        .layer(CompressionLayer::new().compress_when(should_compress))
        .layer(from_fn(guard::observe))
        .with_state(api)
}

/// Text is compressed on the way out. Streams must not wait for a block to fill, and assets come compressed or are a
/// debug build on the same machine.
fn should_compress(
    status: StatusCode,
    _: axum::http::Version,
    headers: &axum::http::HeaderMap,
    _: &axum::http::Extensions,
) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_short = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok())
        .is_some_and(|length| length < 1_024);
    status == StatusCode::OK && !is_short && ["text/html", "application/json"].iter().any(|good| kind.starts_with(good))
}

/// Serves until the shutdown, then lets open requests end.
pub async fn serve(listener: TcpListener, api: Api) -> std::io::Result<()> {
    let shutdown = api.shutdown.clone();
    let service = router(api).into_make_service_with_connect_info::<SocketAddr>();
    let stopping = shutdown.clone();
    let serving = axum::serve(listener, service).with_graceful_shutdown(async move { stopping.cancelled().await });
    tokio::select! {
        result = serving => result,
        () = async { shutdown.cancelled().await; tokio::time::sleep(GRACE).await } => {
            tracing::warn!("some connections did not end in time and were closed");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{
        body::{Body, to_bytes},
        http::Request,
        response::Response,
    };
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;

    async fn crash() -> Response {
        panic!("the password is swordfish")
    }

    #[tokio::test]
    async fn a_panic_ends_one_request_and_is_not_shown() {
        let router: Router = Router::new()
            .route("/api/crash", get(crash))
            .layer(CatchPanicLayer::custom(guard::after_panic))
            .layer(from_fn(problem::render))
            .layer(from_fn(guard::observe));
        let response = router.oneshot(Request::get("/api/crash").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        let text = String::from_utf8(to_bytes(response.into_body(), 10_000).await.unwrap().into()).unwrap();
        assert!(!text.contains("swordfish"), "{text}");
        let problem: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(problem["code"], "internal");
        assert_eq!(problem["instance"], format!("urn:uuid:{id}"));
    }
}
