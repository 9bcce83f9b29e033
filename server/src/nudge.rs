//! A nudge: "there may be work". Its content is nothing, it may be lost or repeated; polling always stands behind it.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;

#[derive(Debug, Clone, Default)]
pub struct Nudge(Arc<Notify>);

impl Nudge {
    /// Wakes the one that waits, or lets its next wait end at once.
    pub fn now(&self) {
        self.0.notify_one();
    }

    /// Waits for a nudge.
    pub async fn heard(&self) {
        self.0.notified().await;
    }

    /// Waits for a nudge, at most `timeout`. Returns whether it was nudged.
    pub async fn wait(&self, timeout: Duration) -> bool {
        tokio::time::timeout(timeout, self.0.notified()).await.is_ok()
    }
}
