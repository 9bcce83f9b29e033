//! A node with HTTP in front of it, called without a socket.

use std::{path::PathBuf, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use baton_app::model::About;
use baton_server::{
    cleaner,
    http::{self, Api, Foundation},
    node::{Node, Options},
    relay,
    settings::Settings,
    store::OpenOptions,
};
use futures::StreamExt;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

pub const ADMIN_TOKEN: &str = "correct horse battery staple";

pub struct Baton {
    pub router: Router,
    pub api: Api,
    pub shutdown: CancellationToken,
    node: Node,
    folder: tempfile::TempDir,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The problem, checked to be a whole one.
    pub fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.header(header::CONTENT_TYPE), "application/problem+json", "{}", self.text());
        let problem = self.json();
        assert_eq!((self.status.as_u16(), problem["code"].as_str()), (status, Some(code)), "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("/problems/{code}"));
        assert_eq!(problem["instance"], format!("urn:uuid:{}", self.header("x-request-id")));
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{problem}");
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{problem}");
        problem
    }

    /// The `baton_session=…` pair that the answer sets.
    pub fn session(&self) -> String {
        let cookie = self.header(header::SET_COOKIE);
        assert!(cookie.starts_with("baton_session="), "{:?}", self.headers);
        cookie.split(';').next().unwrap().to_owned()
    }
}

impl Baton {
    pub async fn start() -> Self {
        Self::start_with(|settings| settings.admin_token = Some(ADMIN_TOKEN.to_owned())).await
    }

    pub async fn on_postgres() -> Self {
        let url = baton_testkit::postgres::fresh_database().unwrap();
        Self::start_with(|settings| {
            settings.admin_token = Some(ADMIN_TOKEN.to_owned());
            settings.database_url = url;
        })
        .await
    }

    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::defaults();
        settings.database_url = format!("sqlite://{}", folder.path().join("baton.db").display());
        settings.site_dir = Some(folder.path().join("site"));
        settings.allow_private_destinations = true;
        change(&mut settings);
        let node = Node::start(Options {
            database_url: settings.database_url.clone(),
            store: OpenOptions::default(),
            relay: relay::Config::default(),
            cleaner: cleaner::Config::default(),
            allow_private: settings.allow_private_destinations,
            lease_ttl: std::time::Duration::from_secs(15),
            node_name: "test".to_owned(),
            about: About {
                version: "0".to_owned(),
                store: "SQLite".to_owned(),
                bus: "memory:".to_owned(),
                bus_condition: None,
                log: None,
                node: "test".to_owned(),
                settings: settings.sources(),
            },
            bus: baton_server::bus::Config::memory(),
            subscribers: Vec::new(),
        })
        .await
        .unwrap();
        let shutdown = CancellationToken::new();
        let api = Api::new(Foundation {
            backend: node.service.clone(),
            store: node.store.clone(),
            changes: node.service.changes.clone(),
            settings: Arc::new(settings),
            shutdown: shutdown.clone(),
        });
        Self { router: http::router(api.clone()), api, shutdown, node, folder }
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        self.node.stop().await;
    }

    pub fn site(&self) -> PathBuf {
        self.folder.path().join("site")
    }

    /// Every byte that the database keeps on disk.
    pub fn stored(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                bytes.extend(std::fs::read(path).unwrap());
            }
        }
        bytes
    }

    /// Sends a request as it is; only the host's name is added where it is missing.
    pub async fn send(&self, mut request: Request<Body>) -> Answer {
        request.headers_mut().entry(header::HOST).or_insert("localhost:4400".parse().unwrap());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let mut bytes = Vec::new();
        let mut stream = body.into_data_stream();
        while let Some(chunk) = stream.next().await {
            bytes.extend(chunk.unwrap());
        }
        Answer { status: parts.status, headers: parts.headers, body: bytes.into() }
    }

    /// A call with the admin token.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = admin(method, path);
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path, Some(body)).await
    }

    /// A body as it is, with the admin token.
    pub async fn post_raw(&self, path: &str, content_type: &str, body: impl Into<Body>) -> Answer {
        let request = admin(Method::POST, path).header(header::CONTENT_TYPE, content_type);
        self.send(request.body(body.into()).unwrap()).await
    }

    /// Posts the sign-in form.
    pub async fn sign_in(&self, fields: &[(&str, &str)]) -> Answer {
        let form: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post("/sign-in").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(form.into()).unwrap()).await
    }
}

/// A request with the admin token.
pub fn admin(method: Method, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path).header(header::AUTHORIZATION, format!("Bearer {ADMIN_TOKEN}"))
}

/// What a browser's navigation looks like.
pub fn browser(path: &str) -> axum::http::request::Builder {
    Request::get(path).header(header::ACCEPT, "text/html,application/xhtml+xml")
}
