//! An HTTP endpoint on loopback that keeps what it got and answers as it is told.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Response, StatusCode},
    routing::post,
};
use baton_domain::{
    ids::MessageId,
    message::{Key, Message},
};
use baton_server::cloudevents;
use chrono::Utc;
use serde_json::{Value, json};

/// A request, and what it was answered.
#[derive(Clone)]
pub struct Received {
    pub message: Message,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub status: StatusCode,
}

#[derive(Clone)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    pub delay: Duration,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap(),
            headers: Vec::new(),
            body: Vec::new(),
            delay: Duration::ZERO,
        }
    }

    pub fn ok() -> Self {
        Self::status(204)
    }

    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn event(event: &Value) -> Self {
        let reply = Self::status(200).header("content-type", cloudevents::STRUCTURED);
        Self { body: event.to_string().into_bytes(), ..reply }
    }
}

type Judge = dyn Fn(&Message, u32) -> Reply + Send + Sync;

pub struct Sink {
    pub url: String,
    shared: Arc<Shared>,
    server: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    received: Mutex<Vec<Received>>,
    offered: Mutex<HashMap<MessageId, u32>>,
    judge: Mutex<Option<Box<Judge>>>,
    under_way: Mutex<UnderWay>,
}

#[derive(Default)]
struct UnderWay {
    keys: HashMap<Key, u32>,
    now: u32,
    max: u32,
    max_of_a_key: u32,
}

impl Sink {
    pub async fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let app = Router::new().route("/", post(receive)).with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, shared, server }
    }

    /// `judge` gets the message and how often it came before.
    pub fn judge(&self, judge: impl Fn(&Message, u32) -> Reply + Send + Sync + 'static) {
        *self.shared.judge.lock().unwrap() = Some(Box::new(judge));
    }

    /// Settings of a destination that leads here, quick to try again and without a circuit breaker; `extra` overrides.
    pub fn settings(&self, extra: Value) -> Value {
        let mut settings = json!({"kind": "http", "url": self.url, "attempts_max": 50, "backoff_base_ms": 10,
            "breaker_failures": null});
        settings.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        settings
    }

    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// The ids that were answered with 2xx, in order, repeats included.
    pub fn accepted(&self) -> Vec<MessageId> {
        let received = self.shared.received.lock().unwrap();
        received.iter().filter(|one| one.status.is_success()).map(|one| one.message.id).collect()
    }

    /// The most requests at a time, in all and of one key.
    pub fn most_at_a_time(&self) -> (u32, u32) {
        let under_way = self.shared.under_way.lock().unwrap();
        (under_way.max, under_way.max_of_a_key)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A task of its own: it goes on when the client has given up.
async fn receive(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    tokio::spawn(handle(shared, headers, body)).await.unwrap()
}

async fn handle(shared: Arc<Shared>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let form = cloudevents::form_of(&headers).expect("Baton sends CloudEvents");
    let message = cloudevents::read(form, &headers, &body, Utc::now()).expect("Baton's events are valid").remove(0);
    let reply = {
        let mut offered = shared.offered.lock().unwrap();
        let before = offered.entry(message.id).or_default();
        *before += 1;
        shared.judge.lock().unwrap().as_ref().map_or_else(Reply::ok, |judge| judge(&message, *before - 1))
    };
    shared.under_way.lock().unwrap().begin(&message.key);
    if !reply.delay.is_zero() {
        tokio::time::sleep(reply.delay).await;
    }
    shared.under_way.lock().unwrap().end(&message.key);
    shared.received.lock().unwrap().push(Received { message, headers, body, status: reply.status });
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(reply.body)).unwrap()
}

impl UnderWay {
    fn begin(&mut self, key: &Key) {
        self.now += 1;
        self.max = self.max.max(self.now);
        let of_key = self.keys.entry(key.clone()).or_default();
        *of_key += 1;
        self.max_of_a_key = self.max_of_a_key.max(*of_key);
    }

    fn end(&mut self, key: &Key) {
        self.now -= 1;
        *self.keys.get_mut(key).unwrap() -= 1;
    }
}
