//! Writing down what attempts met, and letting everybody know.

use baton_app::model::FlowItem;
use tokio_util::sync::CancellationToken;

use super::service::Parts;
use crate::{
    relay::Pace,
    store::rows::{AttemptOutcome, AttemptResult},
};

/// An attempt that ended.
#[derive(Clone)]
pub struct Ended {
    pub outcome: AttemptOutcome,
    pub flow: FlowItem,
}

/// Writes outcomes in one transaction. While the database is away, or after a deadlock, they are remembered and tried again
/// (an attempt must not be repeated only because its result could not be written), until `shutdown`.
pub async fn record(parts: &Parts, destination: &str, ended: Vec<Ended>, shutdown: &CancellationToken) {
    let (outcomes, flow): (Vec<_>, Vec<_>) = ended.into_iter().map(|ended| (ended.outcome, ended.flow)).unzip();
    let mut pace = Pace::new(Default::default());
    let parked = loop {
        match parts.store.record_attempts(outcomes.clone()).await {
            Ok(recorded) => {
                if !recorded.answers.accepted.is_empty() {
                    parts.relay_nudge.now();
                }
                break recorded.parked;
            }
            Err(error) if error.passes() && !shutdown.is_cancelled() => {
                let (wait, first) = pace.failed();
                if first {
                    tracing::warn!(destination, %error, "attempts were made, not written down yet");
                }
                let _ = shutdown.run_until_cancelled(tokio::time::sleep(wait)).await;
            }
            Err(error) => {
                // The deliveries stay open, so they are attempted again: at least once.
                tracing::error!(destination, %error, attempts = outcomes.len(), "attempts cannot be written down");
                let _ = shutdown.run_until_cancelled(tokio::time::sleep(pace.failed().0)).await;
                return;
            }
        }
    };
    tell(parts, destination, &outcomes, flow);
    parts.changes.parked(&parked);
}

fn tell(parts: &Parts, destination: &str, outcomes: &[AttemptOutcome], flow: Vec<FlowItem>) {
    let mut counts = [0u64; 3];
    let mut sweep = false;
    for outcome in outcomes {
        let (place, changes_labels) = match outcome.result {
            // A first attempt that succeeds had nobody parked behind it.
            AttemptResult::Delivered { .. } => (0, outcome.attempts > 0),
            AttemptResult::Failed { .. } => (1, true),
            AttemptResult::Dead { .. } => (2, true),
        };
        counts[place] += 1;
        sweep |= changes_labels;
    }
    if sweep {
        parts.sweeper.nudge().now();
    }
    for (count, result) in counts.into_iter().zip(["delivered", "failed", "dead"]).filter(|(count, _)| *count > 0) {
        metrics::counter!("baton_delivery_attempts_total", "destination" => destination.to_owned(), "result" => result)
            .increment(count);
    }
    parts.changes.messages(flow);
}
