//! Destinations and routes.

use std::collections::HashMap;

use baton_app::{
    model::*,
    port::{Actor, Answer, AppError},
};
use chrono::Utc;

use super::{Service, convert, invalid, store_error};
use crate::{destination::check::check, store::rows};

impl Service {
    pub(super) async fn list_destinations(&self) -> Answer<Vec<Destination>> {
        let (rows, counts) =
            tokio::try_join!(self.store.list_destinations(), self.store.count_deliveries()).map_err(store_error)?;
        let counts: HashMap<String, rows::DestinationCounts> =
            counts.into_iter().map(|counts| (counts.destination.clone(), counts)).collect();
        rows.into_iter().map(|row| read(row, &counts)).collect()
    }

    pub(super) async fn store_destination(
        &self,
        actor: Actor,
        name: String,
        mut settings: DestinationSettings,
    ) -> Answer<Destination> {
        check_name(&name, "/name")?;
        if name == rows::BUS {
            return Err(invalid("reserved", "/name", "bus is the bus itself; choose another name"));
        }
        let before = self.destination_row(&name).await?;
        // A secret is never shown, so an edit that leaves it out keeps it.
        let DestinationSettings::Http { secret, .. } = &mut settings;
        if secret.is_none()
            && let Some(row) = &before
        {
            let DestinationSettings::Http { secret: kept, .. } = parse(row)?;
            *secret = kept;
        }
        let found = check(&settings, self.allow_private);
        if !found.is_empty() {
            return Err(AppError::Invalid(found));
        }
        let row = rows::DestinationRow {
            name: name.clone(),
            settings: serde_json::to_value(&settings).map_err(|_| AppError::Internal)?,
            paused: before.is_some_and(|row| row.paused),
            updated_at: Utc::now(),
        };
        let audit = self.audit(&actor, "put-destination", format!("destination/{name}"), None);
        self.store.put_destination(&row, audit).await.map_err(store_error)?;
        self.destinations_changed().await?;
        self.destination(&name).await
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
        let audit = self.audit(&actor, "delete-destination", format!("destination/{name}"), None);
        if !self.store.delete_destination(&name, audit).await.map_err(store_error)? {
            return Err(unknown_destination(&name));
        }
        self.destinations_changed().await
    }

    pub(super) async fn set_paused(&self, actor: Actor, name: String, paused: bool) -> Answer<Destination> {
        let mut row = self.destination_row(&name).await?.ok_or_else(|| unknown_destination(&name))?;
        row.paused = paused;
        row.updated_at = Utc::now();
        let verb = if paused { "pause-destination" } else { "resume-destination" };
        let audit = self.audit(&actor, verb, format!("destination/{name}"), None);
        self.store.put_destination(&row, audit).await.map_err(store_error)?;
        self.destinations_changed().await?;
        self.destination(&name).await
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
        Ok(())
    }

    async fn destination(&self, name: &str) -> Answer<Destination> {
        let found = self.list_destinations().await?.into_iter().find(|destination| destination.name == name);
        found.ok_or_else(|| unknown_destination(name))
    }

    async fn destination_row(&self, name: &str) -> Answer<Option<rows::DestinationRow>> {
        let rows = self.store.list_destinations().await.map_err(store_error)?;
        Ok(rows.into_iter().find(|row| row.name == name))
    }
}

fn unknown_destination(name: &str) -> AppError {
    AppError::NotFound(format!("There is no destination {name:?}."))
}

/// Names stand in addresses: lower-case letters, digits and single hyphens.
fn check_name(name: &str, pointer: &str) -> Answer<()> {
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

fn read(row: rows::DestinationRow, counts: &HashMap<String, rows::DestinationCounts>) -> Answer<Destination> {
    let mut settings = parse(&row)?;
    let DestinationSettings::Http { secret, .. } = &mut settings;
    let has_secret = secret.take().is_some();
    let counts = counts.get(&row.name).cloned().unwrap_or_default();
    Ok(Destination {
        settings,
        has_secret,
        paused: row.paused,
        queued: counts.queued,
        retrying: counts.retrying,
        parked: counts.parked,
        dead: counts.dead,
        oldest_open_at: counts.oldest_open_at,
        updated_at: row.updated_at,
        name: row.name,
    })
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
