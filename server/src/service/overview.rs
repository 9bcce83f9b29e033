//! The numbers of the first page, and the audit.

use baton_app::{model::*, port::Answer};
use baton_domain::process::Status;
use chrono::{Duration, Utc};

use super::{Service, convert, store_error};
use crate::store::rows;

/// How many lines of each list the overview shows.
const LINES_MAX: u32 = 8;
const AUDIT_MAX: u32 = 200;

impl Service {
    pub(super) async fn read_overview(&self) -> Answer<Overview> {
        let now = Utc::now();
        let from = now - Duration::minutes(60);
        let stuck = rows::InstanceFilter { status: Some(Status::Stuck), limit: LINES_MAX, ..Default::default() };
        let open = rows::TaskFilter { open: Some(true), limit: 200, ..Default::default() };
        let (counts, minutes, failures, stuck, tasks) = tokio::try_join!(
            self.store.counts(now),
            self.store.minutes(from),
            self.store.list_failures(),
            self.store.list_instances(&stuck),
            self.store.list_tasks(&open),
        )
        .map_err(store_error)?;
        let deliveries = |name| convert::total(&counts.deliveries, &[name]);
        let instances = |name| convert::total(&counts.instances, &[name]);
        let overdue_tasks = tasks
            .items
            .iter()
            .map(|row| convert::task_summary(row, now))
            .filter(|task| task.overdue)
            .take(LINES_MAX as usize)
            .collect();
        Ok(Overview {
            pending: counts.pending,
            oldest_pending_ms: counts.oldest_pending_at.map(|at| (now - at).num_milliseconds().max(0)),
            messages_total: counts.messages_total,
            published_per_s: self.meter.per_s(),
            dead: deliveries("dead"),
            retrying: deliveries("retrying"),
            parked: deliveries("parked"),
            parked_keys: counts.parked_keys,
            running: instances("running"),
            waiting: instances("waiting"),
            stuck: instances("stuck"),
            tasks_open: counts.tasks_open,
            tasks_overdue: counts.tasks_overdue,
            orphans: counts.orphans,
            minutes: fill_minutes(minutes, from, now),
            failures: failures.into_iter().take(LINES_MAX as usize).map(convert::failure_group).collect(),
            stuck_instances: stuck.items.iter().map(super::instances::summary).collect::<Answer<_>>()?,
            overdue_tasks,
            flow: self.changes.recent().into_iter().rev().take(20).rev().collect(),
        })
    }

    pub(super) async fn read_badges(&self) -> Answer<Badges> {
        let counts = self.store.counts(Utc::now()).await.map_err(store_error)?;
        Ok(Badges {
            messages: counts.messages_total,
            pending: counts.pending,
            retrying: convert::total(&counts.deliveries, &["retrying"]),
            parked: convert::total(&counts.deliveries, &["parked"]),
            dead: convert::total(&counts.deliveries, &["dead"]),
            stuck: convert::total(&counts.instances, &["stuck"]),
            live: counts.instances.iter().filter(|(name, _)| is_live(name)).map(|(_, count)| count).sum(),
            tasks: counts.tasks_open,
        })
    }

    pub(super) async fn list_nodes(&self) -> Answer<Vec<NodeView>> {
        let nodes = self.store.list_nodes().await.map_err(store_error)?;
        let view = |row: rows::NodeRow| NodeView {
            here: row.name == self.about.node,
            id: row.id,
            name: row.name,
            started_at: row.started_at,
            expires_at: row.expires_at,
            alive: row.alive,
            lanes: row.lanes,
        };
        Ok(nodes.into_iter().map(view).collect())
    }

    pub(super) async fn read_audit(&self, subject: Option<String>) -> Answer<Vec<AuditEntry>> {
        let entries = self.store.list_audit(subject.as_deref(), AUDIT_MAX).await.map_err(store_error)?;
        Ok(entries
            .into_iter()
            .map(|row| AuditEntry {
                at: row.at,
                actor: row.actor,
                action: row.action,
                subject: row.subject,
                reason: row.reason,
            })
            .collect())
    }
}

fn is_live(name: &str) -> bool {
    Status::ALL.iter().any(|status| status.as_str() == name && !status.is_terminal())
}

/// A point for every minute, also for those in which nothing happened.
fn fill_minutes(rows: Vec<rows::MinuteRow>, from: Instant, now: Instant) -> Vec<Minute> {
    let minute_of = |at: Instant| at.timestamp() / 60;
    (minute_of(from) + 1..=minute_of(now))
        .filter_map(|minute| {
            let found = rows.iter().find(|row| minute_of(row.minute) == minute);
            Some(Minute {
                minute: Instant::from_timestamp(minute * 60, 0)?,
                published: found.map_or(0, |row| row.published),
                failed: found.map_or(0, |row| row.failed),
            })
        })
        .collect()
}
