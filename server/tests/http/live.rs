//! The stream of changes.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use futures::StreamExt;
use tower::ServiceExt;

use crate::support::{Baton, admin};

#[tokio::test]
async fn the_stream_names_the_build_tells_changes_and_ends_at_shutdown() {
    let baton = Baton::start().await;
    let request = admin(Method::GET, "/api/v1/stream").header(header::HOST, "localhost:4400");
    let response = baton.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    let mut stream = response.into_body().into_data_stream();
    let mut text = String::new();
    let mut until = async |wanted: &str| {
        while !text.contains(wanted) {
            let next = tokio::time::timeout(Duration::from_secs(10), stream.next()).await;
            let chunk = next.unwrap_or_else(|_| panic!("no {wanted} in {text}")).expect("the stream goes on").unwrap();
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    };

    until("event: build\ndata: {\"id\":").await;
    baton.api.changes.tasks();
    until("data: {\"topic\":\"tasks\"}").await;

    baton.shutdown.cancel();
    let rest = tokio::time::timeout(Duration::from_secs(10), stream.for_each(async |_| ())).await;
    assert!(rest.is_ok(), "the stream goes on after shutdown");
    baton.stop().await;
}
