//! An HTTP endpoint that answers commands with CloudEvents, and remembers everything in the order of arrival.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Instant,
};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use uuid::Uuid;

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Receipt {
    pub id: Uuid,
    pub message_type: String,
    pub key: String,
    pub data: Value,
    pub at: Instant,
}

#[derive(Clone, Default)]
pub struct Participant {
    receipts: Arc<Mutex<Vec<Receipt>>>,
}

impl Participant {
    /// Listens on a free port of loopback for as long as the runtime lives.
    pub async fn start() -> (Self, SocketAddr) {
        let participant = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", post(receive)).with_state(participant.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (participant, address)
    }

    pub fn receipts(&self) -> Vec<Receipt> {
        self.receipts.lock().unwrap().clone()
    }
}

async fn receive(State(participant): State<Participant>, Json(event): Json<Value>) -> Response {
    let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let id: Uuid = text("id").parse().unwrap();
    let (message_type, key) = (text("type"), text("aggregateid"));
    participant.receipts.lock().unwrap().push(Receipt {
        id,
        message_type: message_type.clone(),
        key: key.clone(),
        data: event["data"].clone(),
        at: Instant::now(),
    });
    let Some(step) = message_type.strip_prefix("Do") else {
        return StatusCode::NO_CONTENT.into_response();
    };
    let answer = json!({
        "specversion": "1.0",
        // The same command always gets the same answer.
        "id": Uuid::new_v5(&Uuid::NAMESPACE_OID, id.as_bytes()),
        "source": "/test/participant",
        "type": format!("Did{step}"),
        "subject": format!("worker/{key}"),
        "aggregatetype": "worker",
        "aggregateid": key,
        "causationid": id,
        "data": {"step": step},
    });
    ([(header::CONTENT_TYPE, "application/cloudevents+json")], answer.to_string()).into_response()
}
