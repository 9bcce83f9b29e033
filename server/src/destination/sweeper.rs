//! Keeps the labels of parked deliveries true: whatever stands behind a failed delivery of its key is `parked`, and
//! nothing else is. Runs when somebody says so, and every now and then anyway (another node may have failed or
//! repaired something).

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::Nudges;
use crate::{
    changes::Changes,
    nudge::Nudge,
    store::{Store, StoreError},
};

const POLL: Duration = Duration::from_secs(5);
/// Many failures at a time make one sweep, not many.
const PAUSE: Duration = Duration::from_millis(15);

pub struct Sweeper {
    store: Arc<dyn Store>,
    nudges: Arc<Nudges>,
    changes: Arc<Changes>,
    nudge: Nudge,
}

impl Sweeper {
    pub fn new(store: Arc<dyn Store>, nudges: Arc<Nudges>, changes: Arc<Changes>) -> Self {
        Self { store, nudges, changes, nudge: Nudge::default() }
    }

    /// Nudge it after anything that lets a key's deliveries stand or go: a failure, a repair, a success after failures.
    pub fn nudge(&self) -> &Nudge {
        &self.nudge
    }

    pub async fn run(&self, shutdown: CancellationToken) {
        while shutdown.run_until_cancelled(self.nudge.wait(POLL)).await.is_some() {
            if let Err(error) = self.run_once().await {
                tracing::warn!(%error, "parked deliveries were not swept");
            }
            if shutdown.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
                break;
            }
        }
    }

    /// Returns how many labels changed.
    pub async fn run_once(&self) -> Result<u64, StoreError> {
        let swept = self.store.sweep_parked().await?;
        if swept.changed > 0 {
            self.nudges.all();
            self.changes.messages([]);
            self.changes.parked(&swept.parked);
        }
        Ok(swept.changed)
    }
}
