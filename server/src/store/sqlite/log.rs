//! SQLite has no log that others could read.

use std::sync::Arc;

use super::Sqlite;
use crate::store::log::Log;

pub(super) fn log(_: &Sqlite, _: Option<&str>) -> Option<Arc<dyn Log>> {
    None
}
