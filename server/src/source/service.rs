//! Sees to it that there is an intake for each source, on one node: the one that holds lane 0.

use std::{collections::HashMap, time::Duration};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::intake::{Intake, Parts};
use crate::{
    nudge::Nudge,
    store::{StoreError, rows::SourceRow},
};

/// How often sources that another node stored are looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(3);
/// How often a node that reads nothing looks whether it should.
const LOOK_WHETHER_OURS: Duration = Duration::from_millis(250);

pub struct Sources {
    pub parts: Parts,
    /// Somebody stored, paused or removed a source.
    pub nudge: Nudge,
}

struct Running {
    /// Of the settings that it reads with.
    mark: String,
    stop: CancellationToken,
    intake: JoinHandle<()>,
}

impl Running {
    /// Two intakes of one source would bring its messages out of order: the next one waits for the end of this one.
    async fn end(self) {
        self.stop.cancel();
        // One that panicked has been logged by its task already.
        let _ = self.intake.await;
    }
}

impl Sources {
    /// Works until `shutdown`, then waits until what was under way has been written down or given up.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut running: HashMap<String, Running> = HashMap::new();
        while !shutdown.is_cancelled() {
            let ours = self.parts.is_ours();
            if let Err(error) = self.adjust(&mut running, ours, &shutdown).await {
                tracing::warn!(%error, "sources stay as they are");
            }
            let wait = if ours { LOOK_AGAIN } else { LOOK_WHETHER_OURS };
            tokio::select! {
                () = shutdown.cancelled() => break,
                _ = self.nudge.wait(wait) => {}
                () = self.parts.leases.changed() => {}
            }
        }
        for (_, one) in running {
            one.end().await;
        }
    }

    async fn adjust(
        &self,
        running: &mut HashMap<String, Running>,
        ours: bool,
        shutdown: &CancellationToken,
    ) -> Result<(), StoreError> {
        let wanted: HashMap<String, SourceRow> = if ours {
            let rows = self.parts.store.list_sources().await?;
            rows.into_iter().filter(|row| !row.paused).map(|row| (row.name.clone(), row)).collect()
        } else {
            HashMap::new()
        };
        let over = |name: &String, one: &Running| {
            one.intake.is_finished() || wanted.get(name).is_none_or(|row| row.mark != one.mark)
        };
        let gone: Vec<String> =
            running.iter().filter(|(name, one)| over(name, one)).map(|(name, _)| name.clone()).collect();
        for name in gone {
            if let Some(one) = running.remove(&name) {
                one.end().await;
            }
        }
        for (name, row) in wanted {
            running.entry(name).or_insert_with(|| {
                let (stop, mark) = (shutdown.child_token(), row.mark.clone());
                let intake = tokio::spawn(Intake::new(self.parts.clone(), row).run(stop.clone()));
                Running { mark, stop, intake }
            });
        }
        Ok(())
    }
}
