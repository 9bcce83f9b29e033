//! Destinations and routes as of now, in memory, and the question that the relay asks for every message: where to?
//!
//! Changes made on this node are seen at once ([`Directory::reload`]); those of other nodes within [`POLL`].

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use baton_app::model::DestinationSettings;
use baton_domain::{
    message::{Message, MessageKind},
    process::is_between_processes,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::pattern::matches;
use crate::store::{
    Store, StoreError,
    rows::{BUS, DestinationRow, RouteRow},
};

const POLL: Duration = Duration::from_secs(3);

pub struct Directory {
    store: Arc<dyn Store>,
    snapshot: watch::Sender<Arc<Snapshot>>,
}

/// All destinations and routes at one instant.
#[derive(Debug, Default, PartialEq)]
pub struct Snapshot {
    endpoints: BTreeMap<String, Arc<Endpoint>>,
    routes: Vec<RouteRow>,
}

#[derive(Debug, PartialEq)]
pub struct Endpoint {
    pub name: String,
    /// `None` when this version of Baton cannot read them: its deliveries wait.
    pub settings: Option<DestinationSettings>,
    pub paused: bool,
}

/// Where a message goes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Targets {
    pub bus: bool,
    pub destinations: Vec<Target>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    pub name: String,
    /// Whether there is such a destination.
    pub known: bool,
}

impl Directory {
    pub async fn load(store: Arc<dyn Store>) -> Result<Self, StoreError> {
        let snapshot = read(store.as_ref()).await?;
        Ok(Self { store, snapshot: watch::Sender::new(Arc::new(snapshot)) })
    }

    /// Reads everything again. Call it after every change made on this node.
    pub async fn reload(&self) -> Result<(), StoreError> {
        let fresh = read(self.store.as_ref()).await?;
        self.snapshot.send_if_modified(|snapshot| {
            let changed = **snapshot != fresh;
            if changed {
                *snapshot = Arc::new(fresh);
            }
            changed
        });
        Ok(())
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.borrow())
    }

    /// Hears about every change.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshot.subscribe()
    }

    /// Follows the changes of other nodes, until `shutdown`.
    pub async fn run(&self, shutdown: CancellationToken) {
        while shutdown.run_until_cancelled(tokio::time::sleep(POLL)).await.is_some() {
            if let Err(error) = self.reload().await {
                tracing::warn!(%error, "destinations and routes stay as they were");
            }
        }
    }
}

async fn read(store: &dyn Store) -> Result<Snapshot, StoreError> {
    let endpoints = store.list_destinations().await?;
    Ok(Snapshot::new(endpoints, store.list_routes().await?))
}

impl Snapshot {
    pub fn new(destinations: Vec<DestinationRow>, routes: Vec<RouteRow>) -> Self {
        let endpoints = destinations.into_iter().map(|row| (row.name.clone(), Arc::new(endpoint(row)))).collect();
        Self { endpoints, routes }
    }

    pub fn endpoint(&self, name: &str) -> Option<&Arc<Endpoint>> {
        self.endpoints.get(name)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.endpoints.keys().map(String::as_str)
    }

    /// An explicit destination is the only one. Else events go to the bus and wherever routes say, commands wherever
    /// routes say, and to the bus only when no route takes them.
    pub fn targets(&self, message: &Message) -> Targets {
        let mut targets = Targets::default();
        match &message.destination {
            // Between processes: the engine takes it, whatever routes say.
            _ if is_between_processes(message) => targets.bus = true,
            Some(name) => self.add(&mut targets, name),
            None => {
                for route in self.routes.iter().filter(|route| takes(route, message)) {
                    self.add(&mut targets, &route.to);
                }
                if message.kind == MessageKind::Event || targets.destinations.is_empty() {
                    targets.bus = true;
                }
            }
        }
        targets
    }

    /// Whether a route takes commands of this type for this aggregate type.
    pub fn takes_command(&self, message_type: &str, aggregate_type: &str) -> bool {
        self.routes.iter().any(|route| fits(route, MessageKind::Command, message_type, aggregate_type))
    }

    fn add(&self, targets: &mut Targets, name: &str) {
        if name == BUS {
            targets.bus = true;
        } else if targets.destinations.iter().all(|target| target.name != name) {
            targets.destinations.push(Target { name: name.to_owned(), known: self.endpoints.contains_key(name) });
        }
    }
}

fn takes(route: &RouteRow, message: &Message) -> bool {
    fits(route, message.kind, &message.message_type, &message.key.aggregate_type)
}

fn fits(route: &RouteRow, kind: MessageKind, message_type: &str, aggregate_type: &str) -> bool {
    let fits = |pattern: &Option<String>, text: &str| pattern.as_ref().is_none_or(|pattern| matches(pattern, text));
    route.kind.is_none_or(|only| only == kind)
        && fits(&route.message_type, message_type)
        && fits(&route.aggregate_type, aggregate_type)
}

fn endpoint(row: DestinationRow) -> Endpoint {
    let settings = serde_json::from_value(row.settings)
        .inspect_err(|error| tracing::error!(destination = row.name, %error, "cannot read a destination's settings"))
        .ok();
    Endpoint { name: row.name, settings, paused: row.paused }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::json;

    use super::*;
    use crate::relay::fixtures::a_message;

    fn snapshot() -> Snapshot {
        let destination = |name: &str| DestinationRow {
            name: name.into(),
            settings: json!({"kind": "http", "url": "https://example.com/"}),
            paused: false,
            updated_at: DateTime::UNIX_EPOCH,
        };
        let route = |name: &str, kind, message_type: Option<&str>, aggregate_type: Option<&str>, to: &str| RouteRow {
            name: name.into(),
            kind,
            message_type: message_type.map(Into::into),
            aggregate_type: aggregate_type.map(Into::into),
            to: to.into(),
        };
        Snapshot::new(
            vec![destination("flights"), destination("audit")],
            vec![
                route("all-flights", None, None, Some("flight*"), "flights"),
                route("again", None, Some("Book*"), Some("flights"), "flights"),
                route("audit", Some(MessageKind::Event), Some("*Placed"), None, "audit"),
                route("gone", None, Some("Lost"), None, "nowhere"),
            ],
        )
    }

    fn targets(kind: MessageKind, message_type: &str, aggregate_type: &str, destination: Option<&str>) -> String {
        let mut message = a_message(1, "k");
        message.kind = kind;
        message.message_type = message_type.into();
        message.key.aggregate_type = aggregate_type.into();
        message.destination = destination.map(Into::into);
        let targets = snapshot().targets(&message);
        let bus = targets.bus.then(|| "bus".to_owned());
        let names = targets.destinations.into_iter().map(|target| match target.known {
            true => target.name,
            false => format!("{}?", target.name),
        });
        bus.into_iter().chain(names).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_command_that_no_route_takes_is_known_before_it_is_sent() {
        let snapshot = snapshot();
        let taken = |message_type, aggregate_type| snapshot.takes_command(message_type, aggregate_type);
        assert!(taken("Any", "flight-1") && taken("Lost", "x"));
        assert!(!taken("OrderPlaced", "order"), "that route is for events");
    }

    #[test]
    fn routes_say_where_messages_go() {
        use MessageKind::{Command, Event};
        for (kind, message_type, aggregate_type, destination, expected) in [
            (Event, "Shipped", "order", None, "bus"),
            (Event, "OrderPlaced", "order", None, "bus audit"),
            (Command, "OrderPlaced", "order", None, "bus"),
            (Command, "BookFlight", "flights", None, "flights"),
            (Event, "FlightPlaced", "flights", None, "bus flights audit"),
            (Command, "Lost", "order", None, "nowhere?"),
            (Event, "OrderPlaced", "order", Some("flights"), "flights"),
            (Command, "baton.StartProcess", "baton.process", None, "bus"),
            (Event, "OrderPlaced", "order", Some("bus"), "bus"),
            (Event, "OrderPlaced", "order", Some("typo"), "typo?"),
        ] {
            assert_eq!(targets(kind, message_type, aggregate_type, destination), expected, "{kind} {message_type}");
        }
    }
}
