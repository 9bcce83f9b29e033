//! How fast messages reach an HTTP endpoint that answers at once.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::ensure;
use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use baton_app::{
    model::{DestinationSettings, RouteSettings},
    port::Backend as _,
};
use serde_json::Value;

use super::{Database, process::actor, start};

const GIVE_UP: Duration = Duration::from_secs(300);
/// As many requests at a time as a destination may have.
const CONCURRENCY: u32 = 64;

/// An endpoint in this program, which shares its cores with the server.
#[derive(Default)]
struct Endpoint {
    received: AtomicU64,
    out_of_order: AtomicU64,
    versions: Mutex<HashMap<String, i64>>,
}

/// Messages per second from a full outbox until the last one is accepted by an endpoint on loopback and written down, over
/// many keys, in order per key.
pub async fn per_s(url: &str, database: &Database, count: usize) -> anyhow::Result<f64> {
    let endpoint = Arc::new(Endpoint::default());
    let app = Router::new().route("/", post(receive)).with_state(endpoint.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}/", listener.local_addr()?);
    let server = tokio::spawn(axum::serve(listener, app).into_future());

    // What is routed stands in the database before there is anything to send.
    let node = start(url, Vec::new()).await?;
    let settings = DestinationSettings { concurrency: CONCURRENCY, ..DestinationSettings::http(address) };
    node.service.put_destination(actor(), "sink".to_owned(), settings).await?;
    let to_sink = RouteSettings {
        kind: None,
        message_type: None,
        aggregate_type: Some("counter".to_owned()),
        to: "sink".to_owned(),
    };
    node.service.put_route(actor(), "to-sink".to_owned(), to_sink).await?;
    node.stop().await;
    database.seed_pending(count).await?;

    let begun = Instant::now();
    let node = start(url, Vec::new()).await?;
    while endpoint.received.load(Ordering::Relaxed) < count as u64 || database.undelivered().await? > 0 {
        ensure!(begun.elapsed() < GIVE_UP, "{} of {count} arrived", endpoint.received.load(Ordering::Relaxed));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let elapsed = begun.elapsed();
    node.service.delete_route(actor(), "to-sink".to_owned()).await?;
    node.service.delete_destination(actor(), "sink".to_owned()).await?;
    node.stop().await;
    server.abort();
    let out_of_order = endpoint.out_of_order.load(Ordering::Relaxed);
    ensure!(out_of_order == 0, "{out_of_order} messages came out of order");
    Ok(count as f64 / elapsed.as_secs_f64())
}

async fn receive(State(endpoint): State<Arc<Endpoint>>, Json(event): Json<Value>) -> StatusCode {
    let (Some(key), Some(version)) = (event["subject"].as_str(), event["aggregateversion"].as_i64()) else {
        return StatusCode::BAD_REQUEST;
    };
    {
        let mut versions = endpoint.versions.lock().unwrap_or_else(PoisonError::into_inner);
        let last = versions.insert(key.to_owned(), version);
        if last.is_some_and(|last| last >= version) {
            endpoint.out_of_order.fetch_add(1, Ordering::Relaxed);
        }
    }
    endpoint.received.fetch_add(1, Ordering::Relaxed);
    StatusCode::NO_CONTENT
}
