//! Destinations and routes, and how they are: what is open there, what goes through, the circuit breaker, the bus.

mod keys;
mod traffic;

use std::collections::HashMap;

use baton_app::{
    model::*,
    port::{Actor, Answer, AppError},
};
use chrono::Utc;

use super::{Service, convert, invalid, store_error};
use crate::{
    destination::{check::check, signature},
    store::rows,
};

/// How far back the audit is searched for who paused a destination.
const AUDIT_MAX: u32 = 100;

/// What the audit calls pausing.
const PAUSE: &str = "pause-destination";

/// What is known about all destinations at an instant.
struct Known {
    counts: HashMap<String, rows::DestinationCounts>,
    minutes: Vec<rows::DestinationMinuteRow>,
    now: Instant,
}

impl Service {
    pub(super) async fn list_destinations(&self) -> Answer<Vec<Destination>> {
        let (rows, known) = tokio::try_join!(self.destination_rows(), self.known())?;
        let mut destinations = Vec::with_capacity(rows.len());
        for row in rows {
            destinations.push(self.read(row, &known).await?);
        }
        Ok(destinations)
    }

    pub(super) async fn read_bus(&self) -> Answer<BusView> {
        let now = Utc::now();
        let (mut known, minutes, everything) = tokio::try_join!(
            self.known(),
            async { self.store.minutes(now - traffic::WINDOW).await.map_err(store_error) },
            async { self.store.counts(now).await.map_err(store_error) },
        )?;
        let counts = known.counts.remove(rows::BUS).unwrap_or_default();
        let published = minutes.into_iter().map(|row| (row.minute, row.published, 0));
        let refused = known.minutes.iter().filter(|row| row.destination == rows::BUS);
        let refused = refused.map(|row| (row.minute, 0, row.failed));
        Ok(BusView {
            bus: self.about.bus.clone(),
            condition: self.bus_status.as_ref().map(|status| convert::bus_condition(status.now())),
            queued: counts.queued,
            retrying: counts.retrying,
            parked: counts.parked,
            dead: counts.dead,
            oldest_open_at: counts.oldest_open_at.into_iter().chain(everything.oldest_pending_at).min(),
            traffic: traffic::sum(published.chain(refused), now),
        })
    }

    pub(super) async fn store_destination(
        &self,
        actor: Actor,
        name: String,
        settings: DestinationSettings,
    ) -> Answer<Destination> {
        check_name(&name, "/name")?;
        if name == rows::BUS {
            return Err(invalid("reserved", "/name", "bus is the bus itself; choose another name"));
        }
        if name == rows::ENGINE {
            return Err(invalid("reserved", "/name", "engine is Baton's own engine; choose another name"));
        }
        let before = self.destination_row(&name).await?;
        let stored = before.as_ref().map(parse).transpose()?;
        let (settings, mut found) = keys::merge(settings, stored, Utc::now()).await;
        found.extend(check(&settings, self.allow_private));
        if !found.is_empty() {
            return Err(AppError::Invalid(found));
        }
        let row = rows::DestinationRow {
            name,
            settings: to_value(&settings)?,
            paused: before.is_some_and(|row| row.paused),
            updated_at: Utc::now(),
        };
        self.write(&actor, "put-destination", row, None).await
    }

    pub(super) async fn remove_destination(&self, actor: Actor, name: String) -> Answer<()> {
        let routes = self.store.list_routes().await.map_err(store_error)?;
        let used: Vec<&str> = routes.iter().filter(|route| route.to == name).map(|route| route.name.as_str()).collect();
        if !used.is_empty() {
            return Err(AppError::Conflict {
                code: "destination-in-use".into(),
                message: format!("Routes lead here: {}. Remove or change them first.", used.join(", ")),
            });
        }
        let audit = self.audit(&actor, "delete-destination", subject(&name), None);
        if !self.store.delete_destination(&name, audit).await.map_err(store_error)? {
            return Err(unknown_destination(&name));
        }
        self.destinations_changed().await
    }

    pub(super) async fn set_paused(
        &self,
        actor: Actor,
        name: String,
        paused: bool,
        reason: Option<String>,
    ) -> Answer<Destination> {
        let mut row = self.destination_row(&name).await?.ok_or_else(|| unknown_destination(&name))?;
        if row.paused == paused {
            // Somebody did it already: their name and reason stand.
            return self.destination(&name).await;
        }
        row.paused = paused;
        let verb = if paused { PAUSE } else { "resume-destination" };
        self.write(&actor, verb, row, reason).await
    }

    pub(super) async fn rotate_keys(&self, actor: Actor, name: String, rotation: KeyRotation) -> Answer<Destination> {
        let mut row = self.destination_row(&name).await?.ok_or_else(|| unknown_destination(&name))?;
        let settings = keys::rotate(parse(&row)?, &rotation, Utc::now()).await?;
        row.settings = to_value(&settings)?;
        self.write(&actor, "rotate-key", row, rotation.reason).await
    }

    pub(super) async fn remove_old_keys(
        &self,
        actor: Actor,
        name: String,
        reason: Option<String>,
    ) -> Answer<Destination> {
        let mut row = self.destination_row(&name).await?.ok_or_else(|| unknown_destination(&name))?;
        let mut settings = parse(&row)?;
        if signature::valid(&settings, Utc::now()).next().is_none() {
            return Err(AppError::Conflict {
                code: "no-old-keys".into(),
                message: format!("No key from before signs for {name:?} any more."),
            });
        }
        settings.old_secrets = None;
        row.settings = to_value(&settings)?;
        self.write(&actor, "remove-old-keys", row, reason).await
    }

    pub(super) async fn send_test(&self, _actor: Actor, name: String) -> Answer<TestReport> {
        // Another node may have stored it a moment ago.
        self.directory.reload().await.map_err(store_error)?;
        self.deliveries.test(&name).await.ok_or_else(|| unknown_destination(&name))
    }

    pub(super) async fn list_routes(&self) -> Answer<Vec<Route>> {
        let rows = self.store.list_routes().await.map_err(store_error)?;
        Ok(rows.into_iter().map(route).collect())
    }

    pub(super) async fn store_route(&self, actor: Actor, name: String, settings: RouteSettings) -> Answer<Route> {
        check_name(&name, "/name")?;
        let kind = settings.kind.as_deref().map(convert::parse_kind).transpose()?;
        for (pointer, pattern) in [("/type", &settings.message_type), ("/aggregate_type", &settings.aggregate_type)] {
            if pattern.as_ref().is_some_and(|pattern| pattern.is_empty() || pattern.len() > 200) {
                return Err(invalid(
                    "pattern",
                    pointer,
                    "a pattern has 1 to 200 characters; * stands for any; leave it out to match everything",
                ));
            }
        }
        if self.destination_row(&settings.to).await?.is_none() {
            return Err(invalid(
                "unknown-destination",
                "/to",
                format!("there is no destination {:?}; create it first", settings.to),
            ));
        }
        let row = rows::RouteRow {
            name: name.clone(),
            kind,
            message_type: settings.message_type,
            aggregate_type: settings.aggregate_type,
            to: settings.to,
        };
        let audit = self.audit(&actor, "put-route", format!("route/{name}"), None);
        self.store.put_route(&row, audit).await.map_err(store_error)?;
        self.destinations_changed().await?;
        Ok(route(row))
    }

    pub(super) async fn remove_route(&self, actor: Actor, name: String) -> Answer<()> {
        let audit = self.audit(&actor, "delete-route", format!("route/{name}"), None);
        if !self.store.delete_route(&name, audit).await.map_err(store_error)? {
            return Err(AppError::NotFound(format!("There is no route {name:?}.")));
        }
        self.destinations_changed().await
    }

    async fn destinations_changed(&self) -> Answer<()> {
        self.directory.reload().await.map_err(store_error)?;
        self.changes.destinations();
        self.nudges.all();
        // What waits behind a failure may not have to wait any more.
        self.deliveries.sweep();
        Ok(())
    }

    async fn write(
        &self,
        actor: &Actor,
        verb: &str,
        row: rows::DestinationRow,
        reason: Option<String>,
    ) -> Answer<Destination> {
        let row = rows::DestinationRow { updated_at: Utc::now(), ..row };
        let audit = self.audit(actor, verb, subject(&row.name), reason);
        self.store.put_destination(&row, audit).await.map_err(store_error)?;
        self.destinations_changed().await?;
        self.destination(&row.name).await
    }

    async fn known(&self) -> Answer<Known> {
        let now = Utc::now();
        let (counts, minutes) =
            tokio::try_join!(self.store.count_deliveries(), self.store.destination_minutes(now - traffic::WINDOW))
                .map_err(store_error)?;
        let counts = counts.into_iter().map(|counts| (counts.destination.clone(), counts)).collect();
        Ok(Known { counts, minutes, now })
    }

    async fn read(&self, row: rows::DestinationRow, known: &Known) -> Answer<Destination> {
        let settings = parse(&row)?;
        let keys = signature::keys(&settings, known.now).await;
        let paused_by = if row.paused { self.paused_by(&row.name).await? } else { None };
        let counts = known.counts.get(&row.name).cloned().unwrap_or_default();
        let minutes = known.minutes.iter().filter(|minute| minute.destination == row.name);
        let minutes = minutes.map(|row| (row.minute, row.delivered, row.failed));
        Ok(Destination {
            has_secret: settings.secret.is_some(),
            keys,
            paused: row.paused,
            paused_by,
            breaker: self.deliveries.breaker(&row.name),
            blocked: settings.order == OrderPolicy::Block && counts.retrying + counts.dead > 0,
            queued: counts.queued,
            retrying: counts.retrying,
            parked: counts.parked,
            dead: counts.dead,
            oldest_open_at: counts.oldest_open_at,
            traffic: traffic::sum(minutes, known.now),
            updated_at: row.updated_at,
            settings: DestinationSettings { secret: None, old_secrets: None, ..settings },
            name: row.name,
        })
    }

    async fn paused_by(&self, name: &str) -> Answer<Option<PausedBy>> {
        let entries = self.store.list_audit(Some(&subject(name)), AUDIT_MAX).await.map_err(store_error)?;
        let entry = entries.into_iter().find(|entry| entry.action == PAUSE);
        Ok(entry.map(|entry| PausedBy { actor: entry.actor, at: entry.at, reason: entry.reason }))
    }

    async fn destination(&self, name: &str) -> Answer<Destination> {
        let row = self.destination_row(name).await?.ok_or_else(|| unknown_destination(name))?;
        self.read(row, &self.known().await?).await
    }

    async fn destination_row(&self, name: &str) -> Answer<Option<rows::DestinationRow>> {
        Ok(self.destination_rows().await?.into_iter().find(|row| row.name == name))
    }

    async fn destination_rows(&self) -> Answer<Vec<rows::DestinationRow>> {
        self.store.list_destinations().await.map_err(store_error)
    }
}

/// What the audit calls a destination.
fn subject(name: &str) -> String {
    format!("destination/{name}")
}

fn unknown_destination(name: &str) -> AppError {
    AppError::NotFound(format!("There is no destination {name:?}."))
}

/// Names stand in addresses: lower-case letters, digits and single hyphens.
pub(super) fn check_name(name: &str, pointer: &str) -> Answer<()> {
    let fine = (1..=63).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    if fine {
        Ok(())
    } else {
        Err(invalid(
            "name",
            pointer,
            "a name has 1 to 63 lower-case letters, digits and hyphens, and neither begins nor ends with a hyphen",
        ))
    }
}

fn parse(row: &rows::DestinationRow) -> Answer<DestinationSettings> {
    serde_json::from_value(row.settings.clone()).map_err(|error| {
        tracing::error!(%error, destination = row.name, "the settings of a destination cannot be read");
        AppError::Internal
    })
}

fn to_value(settings: &DestinationSettings) -> Answer<serde_json::Value> {
    serde_json::to_value(settings).map_err(|_| AppError::Internal)
}

fn route(row: rows::RouteRow) -> Route {
    Route {
        name: row.name,
        settings: RouteSettings {
            kind: row.kind.map(|kind| kind.as_str().to_owned()),
            message_type: row.message_type,
            aggregate_type: row.aggregate_type,
            to: row.to,
        },
    }
}
