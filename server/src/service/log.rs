//! The log that the relay reads, for people.

use std::sync::Arc;

use baton_app::{
    model::LogCondition,
    port::{Actor, Answer, AppError},
};

use super::{Service, store_error};
use crate::{
    relay::LogStatus,
    store::log::{Log, LogError},
};

/// The database's log, and how reading it goes.
pub struct LogView {
    pub log: Arc<dyn Log>,
    pub status: Arc<LogStatus>,
    /// Whether this node wants to read it.
    pub wanted: bool,
    /// Further behind than this is too far.
    pub lag_max_bytes: u64,
}

impl LogView {
    /// `None` where the log is not read, and nothing of it is kept for anybody.
    pub(super) fn condition(&self) -> Option<LogCondition> {
        let slot = self.status.slot();
        if !self.wanted && slot.is_none() {
            return None;
        }
        let (lag_bytes, retained_bytes) = slot.as_ref().map_or((0, 0), |slot| (slot.lag_bytes, slot.retained_bytes));
        Some(LogCondition {
            wanted: self.wanted,
            reading: self.status.is_reading(),
            read_by_another: !self.status.is_reading() && slot.as_ref().is_some_and(|slot| slot.active),
            behind: lag_bytes > self.lag_max_bytes,
            lag_bytes,
            retained_bytes,
            error: self.status.error(),
            slot: slot.map(|slot| slot.name),
        })
    }
}

impl Service {
    pub(super) async fn give_log_up(&self, actor: Actor) -> Answer<()> {
        let Some(view) = &self.log else { return Err(AppError::NotFound(LogError::NoLog.to_string())) };
        let audit = self.audit(&actor, "drop log slot", "relay".to_owned(), None);
        match view.log.drop_slot(Some(audit)).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(AppError::NotFound("There is no place in the log to drop.".to_owned())),
            Err(LogError::Store(error)) => Err(store_error(error)),
            Err(error) => Err(AppError::Conflict { code: "log-slot".into(), message: error.to_string() }),
        }
    }
}
