//! One connection to NATS, from its beginning to the first thing that goes wrong with it.
//!
//! The client could connect again by itself, and would then send what it still holds. Here every break is an end: whoever
//! publishes hears of it at once and decides again what comes first.

use std::time::Duration;

use async_nats::{
    Client, ConnectErrorKind, ConnectOptions, Event, ServerError,
    jetstream::{Context, context::ContextBuilder},
};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::{
    bus::{target::BusTarget, unavailable},
    store::rows::Failure,
};

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long an acknowledgement may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// A connection that says nothing is found out after two of these.
const PING_EVERY: Duration = Duration::from_secs(10);
/// More than may wait for acknowledgements at a time, so that sending never waits for a permit.
const IN_FLIGHT_MAX: usize = 16_384;

pub struct Session {
    pub client: Client,
    pub jetstream: Context,
    /// The connection is of no use any more.
    pub gone: CancellationToken,
    /// Subjects that the server does not let this user publish to, as it says so.
    pub denied: broadcast::Sender<String>,
}

impl Session {
    pub async fn open(target: &BusTarget) -> Result<Self, Failure> {
        let (gone, denied) = (CancellationToken::new(), broadcast::Sender::new(1_024));
        let (heard_gone, heard_denied) = (gone.clone(), denied.clone());
        let mut options = ConnectOptions::new()
            .name("baton")
            .connection_timeout(CONNECT_WITHIN)
            .ping_interval(PING_EVERY)
            .max_reconnects(1)
            .event_callback(move |event| {
                match event {
                    Event::Disconnected | Event::Closed | Event::LameDuckMode => heard_gone.cancel(),
                    Event::ServerError(ServerError::Other(error)) => match denied_subject(&error) {
                        // Nobody may be waiting for it.
                        Some(subject) => _ = heard_denied.send(subject.to_owned()),
                        None => tracing::warn!(error, "NATS says"),
                    },
                    _ => {}
                }
                async {}
            });
        options = match (&target.user, &target.password) {
            (Some(user), Some(password)) => options.user_and_password(user.clone(), password.clone()),
            (Some(token), None) => options.token(token.clone()),
            (None, _) => options,
        };
        let addresses: Vec<String> = target.hosts.iter().map(|host| format!("nats://{host}")).collect();
        let client = options.connect(addresses).await.map_err(|error| {
            let hosts = target.hosts();
            unavailable(match error.kind() {
                ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                    format!(
                        "NATS at {hosts} does not let us in. Check user and password (or the token) in BATON_BUS_URL."
                    )
                }
                _ => format!("NATS at {hosts} cannot be reached ({error}). Is it running, and is the address right?"),
            })
        })?;
        let jetstream =
            ContextBuilder::new().timeout(ANSWER_WITHIN).max_ack_inflight(IN_FLIGHT_MAX).build(client.clone());
        Ok(Self { client, jetstream, gone, denied })
    }
}

/// The subject in `Permissions Violation for Publish to "subject"`.
fn denied_subject(error: &str) -> Option<&str> {
    let rest = error.strip_prefix("Permissions Violation for Publish to \"")?;
    rest.split('"').next()
}
