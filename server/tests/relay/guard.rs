//! Requests go nowhere but where the operator wants them.

use baton_app::model::DestinationSettings;
use baton_server::destination::{HttpSender, Verdict};
use serde_json::json;

use crate::{sink::Sink, world::event};

fn settings(url: &str) -> DestinationSettings {
    serde_json::from_value(json!({"kind": "http", "url": url, "timeout_ms": 3_000})).unwrap()
}

/// The class of the failure, `accepted` if there is none.
async fn class(sender: &HttpSender, url: &str) -> String {
    match sender.send(&settings(url), &event("a", 1)).await {
        Verdict::Accepted { .. } => "accepted".into(),
        Verdict::Failed { failure, .. } | Verdict::Hopeless(failure) => {
            assert!(failure.error.len() > 20, "{}", failure.error);
            failure.class
        }
    }
}

#[tokio::test]
async fn private_addresses_are_refused_unless_allowed() {
    let sink = Sink::start().await;
    let port = sink.url.rsplit(':').next().unwrap().to_owned();
    let guarded = HttpSender::new(false).unwrap();
    for host in ["127.0.0.1", "127.1", "2130706433", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        assert_eq!(class(&guarded, &format!("http://{host}:{port}")).await, "private-address", "{host}");
    }
    assert!(sink.received().is_empty());
    let open = HttpSender::new(true).unwrap();
    for host in ["127.0.0.1", "localhost"] {
        assert_eq!(class(&open, &format!("http://{host}:{port}")).await, "accepted", "{host}");
    }
}

#[tokio::test]
async fn what_cannot_be_reached_says_why() {
    let sink = Sink::start().await;
    let sender = HttpSender::new(true).unwrap();
    let nobody = baton_testkit::free_port().unwrap();
    assert_eq!(class(&sender, &format!("http://127.0.0.1:{nobody}/")).await, "connect");
    assert_eq!(class(&sender, &sink.url.replace("http:", "https:")).await, "tls");
    assert_eq!(class(&sender, "http://no-such-host.invalid/").await, "dns");
    assert_eq!(class(&sender, "ftp://127.0.0.1/").await, "invalid-url");
    assert!(sink.received().is_empty());
}
