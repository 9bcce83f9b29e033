//! What an idle relay does instead of reading the outbox again and again.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::{
    clock::Clock,
    store::{Bell, Store, StoreError},
};

/// Where a database tells cheaply that nobody else wrote to it, it is still asked in full this often.
const FULL_LOOK: Duration = Duration::from_secs(1);
/// And this long an idle relay waits at most between two such questions: a write of another process is seen by then.
const CHEAP_WAIT: Duration = Duration::from_millis(40);
/// How long there must have been nothing to do before the relay relies on the bell.
const DROWSY: Duration = Duration::from_secs(1);
/// How often it looks all the same.
const DOZE: Duration = Duration::from_secs(1);
/// How long to do without a bell that broke, or that there is none of.
const WITHOUT_BELL: Duration = Duration::from_secs(30);

/// Knows when an idle relay has to read: when a cheap question says that something waits, or, where the database tells even
/// more cheaply that no other process wrote to it, when one did or a message's time has come.
#[derive(Default)]
pub(super) struct Watch {
    /// Since when there has been nothing to do.
    idle_since: Option<Instant>,
    last_look: Option<Instant>,
    /// The database tells cheaply whether another process wrote to it.
    tells: bool,
    seen: Option<i64>,
    due: Option<DateTime<Utc>>,
    bell: Option<Box<dyn Bell>>,
    /// Not before then is another bell made.
    bell_at: Option<Instant>,
}

impl Watch {
    /// A look found nothing.
    pub(super) fn looked(&mut self) {
        let now = Instant::now();
        self.last_look = Some(now);
        self.idle_since.get_or_insert(now);
    }

    /// A look found something.
    pub(super) fn found(&mut self) {
        self.idle_since = None;
    }

    /// Whether there has been nothing to do for so long that the bell is worth its while.
    pub(super) fn is_drowsy(&self) -> bool {
        self.idle_since.is_some_and(|since| since.elapsed() >= DROWSY)
    }

    /// Something was written on this node: what is due may have changed.
    pub(super) fn forget(&mut self) {
        self.seen = None;
    }

    /// `wait`, or less where asking costs next to nothing.
    pub(super) fn at_most(&self, wait: Duration) -> Duration {
        if self.tells { wait.min(CHEAP_WAIT) } else { wait }
    }

    pub(super) async fn must_look(&mut self, store: &dyn Store, now: DateTime<Utc>) -> bool {
        // Any error here will be met again, and told, by the look itself.
        let version = match store.foreign_writes().await {
            Ok(Some(version)) => version,
            Ok(None) => return store.has_unpublished(now).await.unwrap_or(true),
            Err(_) => return true,
        };
        self.tells = true;
        let unchanged = self.seen.replace(version) == Some(version);
        let recent = self.last_look.is_some_and(|look| look.elapsed() < FULL_LOOK);
        if !unchanged || !recent {
            self.due = store.next_deliver_after(now).await.unwrap_or(None);
            return true;
        }
        self.due.is_some_and(|due| due <= now)
    }

    /// Sleeps until `woken` ends, the bell rings, or it is time to look; `false` when that is not possible now. There is
    /// one bell, so a node sleeps only while it is `alone`.
    pub(super) async fn doze(
        &mut self,
        store: &dyn Store,
        clock: &Clock,
        alone: impl Fn() -> bool + Send,
        woken: impl Future<Output = ()> + Send,
    ) -> bool {
        match self.try_doze(store, clock, alone, woken).await {
            Ok(slept) => slept,
            Err(error) => {
                tracing::debug!(%error, "the bell is broken; polling goes on without it");
                self.bell = None;
                self.bell_at = Some(Instant::now() + WITHOUT_BELL);
                false
            }
        }
    }

    async fn try_doze(
        &mut self,
        store: &dyn Store,
        clock: &Clock,
        alone: impl Fn() -> bool + Send,
        woken: impl Future<Output = ()> + Send,
    ) -> Result<bool, StoreError> {
        if self.bell.is_none() && self.bell_at.is_none_or(|at| at <= Instant::now()) {
            self.bell = store.bell().await?;
            self.bell_at = Some(Instant::now() + WITHOUT_BELL);
        }
        let Some(bell) = &mut self.bell else { return Ok(false) };
        if !bell.arm().await? {
            return Ok(false);
        }
        tokio::pin!(woken);
        // From here on every insert rings. What was committed before is found by these looks.
        let due = store.next_deliver_after(clock.now()).await?;
        while alone() && !store.has_unpublished(clock.now()).await? {
            let wait = due.map_or(DOZE, |due| (due - clock.now()).to_std().unwrap_or_default().min(DOZE));
            tokio::select! {
                () = &mut woken => break,
                rung = bell.wait() => {
                    rung?;
                    break;
                }
                () = tokio::time::sleep(wait) => {}
            }
        }
        bell.disarm().await?;
        Ok(true)
    }
}
