//! `GET /api/v1/stream`: what changed, as server-sent events.
//!
//! The first event is `build` with `{"id": …}` of the web bundle, so that a page left open over an upgrade knows;
//! then one unnamed event per [`Change`]. A comment every 15 s keeps proxies from closing the line. The stream ends
//! at shutdown and when its session ended; the browser connects again by itself.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::{HeaderName, HeaderValue, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use baton_app::model::Change;
use futures::{Stream, StreamExt, stream};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::{Api, auth, extract::Caller};

const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often a stream looks whether its session is still there.
const RECHECK: Duration = Duration::from_secs(60);

/// Follow what changes
///
/// Server-sent events. The first is named `build` and carries `{"id": "…"}`; the others are unnamed and carry one
/// change each: pages refetch what they show of it. `lagged` says that some were left out.
#[utoipa::path(
    get,
    path = "/stream",
    tag = "overview",
    responses((status = 200, description = "The stream", body = Change, content_type = "text/event-stream"))
)]
pub async fn stream(State(api): State<Api>, _: Caller, headers: axum::http::HeaderMap) -> Response {
    let build =
        Event::default().event("build").data(serde_json::json!({"id": api.assets.build_id().await}).to_string());
    let session = auth::session_secret(&headers);
    let receiver = api.changes.subscribe();
    let events = stream::once(async { Ok::<_, Infallible>(build) }).chain(changes(api, receiver, session));
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Asks nginx not to hold events back.
    response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

fn changes(
    api: Api,
    receiver: Receiver<Change>,
    session: Option<String>,
) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold((api, receiver, session), |(api, mut receiver, session)| async move {
        loop {
            let change = tokio::select! {
                () = api.shutdown.cancelled() => return None,
                change = receiver.recv() => match change {
                    Ok(change) => change,
                    Err(RecvError::Lagged(_)) => Change::Lagged,
                    Err(RecvError::Closed) => return None,
                },
                () = tokio::time::sleep(RECHECK) => {
                    // A database that is away for a moment is no reason to hang up.
                    if let Some(secret) = &session
                        && let Ok(None) = api.access.by_session(secret).await
                    {
                        return None;
                    }
                    continue;
                }
            };
            if let Ok(event) = Event::default().json_data(&change) {
                return Some((Ok(event), (api, receiver, session)));
            }
        }
    })
}
