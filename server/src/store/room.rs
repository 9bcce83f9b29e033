//! Whether the database found its disk full a moment ago.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::port::StoreError;

/// For how long after the last write that found no room the store is not ready. One small write that fits (a lease, say)
/// does not prove that there is room, so success ends nothing; Baton itself writes more often than this, so a disk that
/// stays full is noticed again in time.
const REMEMBERED: Duration = Duration::from_secs(15);

#[derive(Debug, Clone, Default)]
pub(super) struct Room(Arc<Mutex<Option<Instant>>>);

impl Room {
    /// Takes note of how a write ended.
    pub(super) fn note<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        if outcome.as_ref().is_err_and(StoreError::is_disk_full) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        outcome
    }

    /// Fails as the write did that found no room, if there was one lately.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let full_at = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if full_at.is_some_and(|at| at.elapsed() < REMEMBERED) {
            let source = sqlx::Error::Io(io::ErrorKind::StorageFull.into());
            return Err(StoreError::Unavailable { operation: "ping", source });
        }
        Ok(())
    }
}
