//! The app: Leptos pages and their server functions.
//!
//! Both run with the backend and the signed-in account in their context, put there from what
//! [`auth::guard`](super::auth::guard) found out, so a page and the calls that it makes have the same rights.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::{Method, StatusCode, header, request::Parts},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use baton_app::port::{Actor, AppError, Backend, Respond};
use leptos::{
    WasmSplitManifest,
    config::LeptosOptions,
    nonce::Nonce,
    prelude::{ArcStoredValue, provide_context, use_context},
    server_fn::error::SERVER_FN_ERROR_HEADER,
};
use leptos_axum::{LeptosRoutes, ResponseOptions, generate_route_list, render_app_to_stream_with_context};

use super::{Api, guard::PageNonce, problem::Error};

/// What the app is built as; the same names stand in the build of the bundle.
pub fn options() -> LeptosOptions {
    // Nothing is read from a folder of the server's: what pages need of the site is in their context.
    LeptosOptions::builder().output_name("baton").site_pkg_dir("pkg").site_root("").build()
}

/// The file that loads the parts of the bundle.
const PARTS_LINK: &str = "__wasm_split.______________________.js";

/// The paths of the app's pages, as axum writes them.
pub fn paths() -> Vec<String> {
    generate_route_list(baton_app::App).into_iter().map(|route| route.path().to_owned()).collect()
}

/// Pages, server functions, and the app's own page for whatever does not exist.
pub fn router(api: &Api) -> Router<Api> {
    let context = context(api.clone());
    let shell = || baton_app::shell(options());
    let render = render_app_to_stream_with_context(context.clone(), shell);
    Router::new()
        .leptos_routes_with_context(api, generate_route_list(baton_app::App), context, shell)
        .layer(from_fn(say_status))
        .fallback(move |request: Request| {
            let render = render.clone();
            async move { not_found(render, request).await }
        })
}

/// Leptos answers whatever a server function refuses with 500. Whose fault it was stands in the answer, so this says
/// it: a form that breaks the rules is 422, as it is in the API.
async fn say_status(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let is_error = response.status() == StatusCode::INTERNAL_SERVER_ERROR
        && response.headers().contains_key(SERVER_FN_ERROR_HEADER);
    if !is_error {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // It was in memory before it became a body.
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    if let Ok(error) = serde_json::from_slice::<AppError>(&bytes) {
        parts.status = Error::from(error).status;
    }
    Response::from_parts(parts, Body::from(bytes))
}

async fn not_found<R, F>(render: R, request: Request) -> Response
where
    R: FnOnce(Request) -> F,
    F: Future<Output = Response>,
{
    let wants_page = matches!(*request.method(), Method::GET | Method::HEAD)
        && request.headers().get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/html"));
    if !wants_page {
        return Error::not_found("There is nothing at this address.").into_response();
    }
    let mut response = render(request).await;
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// What pages and server functions find in their context.
fn context(api: Api) -> impl Fn() + Clone + Send + Sync + 'static {
    let parts = WasmSplitManifest(ArcStoredValue::new(("/pkg".to_owned(), api.assets.parts(), PARTS_LINK.to_owned())));
    move || {
        provide_context(parts.clone());
        provide_context::<Arc<dyn Backend>>(api.backend.clone());
        provide_context(respond());
        let parts = use_context::<Parts>();
        let extensions = parts.as_ref().map(|parts| &parts.extensions);
        let actor = extensions.and_then(|extensions| extensions.get::<Actor>()).cloned();
        if let Some(actor) = &actor {
            provide_context(actor.clone());
        }
        provide_context::<Option<Actor>>(actor);
        if let Some(nonce) = extensions.and_then(|extensions| extensions.get::<PageNonce>()) {
            provide_context(Nonce::from_value(nonce.0.clone()));
        }
    }
}

fn respond() -> Respond {
    let options = use_context::<ResponseOptions>();
    Respond {
        redirect: Arc::new(leptos_axum::redirect),
        status: Arc::new(move |status| {
            if let (Some(options), Ok(status)) = (&options, StatusCode::from_u16(status)) {
                options.set_status(status);
            }
        }),
    }
}
