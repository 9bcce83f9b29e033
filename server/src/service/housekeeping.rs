//! What is kept for how long, and what the cleaner did.

use std::sync::Arc;

use baton_app::{model::*, port::Answer};

use super::{Service, store_error};
use crate::{
    cleaner::{Round, Status},
    retention::Retention,
    store::rows::{CleanKind, TableSize},
};

/// How many tables are told.
const TABLES_MAX: u32 = 12;
/// What an operator can set a span for; the others follow.
const TOLD: [CleanKind; 5] =
    [CleanKind::Messages, CleanKind::Attempts, CleanKind::Inbox, CleanKind::Instances, CleanKind::Audit];

/// What housekeeping is told to do, and how it goes.
pub struct HousekeepingView {
    pub retention: Retention,
    pub status: Arc<Status>,
}

impl Service {
    pub(super) async fn read_housekeeping(&self) -> Answer<Housekeeping> {
        let HousekeepingView { retention, status } = &self.housekeeping;
        let tables = self.store.table_sizes(TABLES_MAX).await.map_err(store_error)?;
        let kept = |kind: CleanKind| Kept {
            what: kind.as_str().to_owned(),
            seconds: retention.span(kind).map(|span| span.num_seconds().unsigned_abs()),
        };
        Ok(Housekeeping {
            kept: TOLD.map(kept).into(),
            last: status.last().map(round),
            tables: tables.into_iter().map(table).collect(),
        })
    }
}

fn round(round: Round) -> CleaningRound {
    CleaningRound {
        began_at: round.began_at,
        took_ms: (round.ended_at - round.began_at).num_milliseconds().unsigned_abs(),
        removed: round.removed.into_iter().map(|(kind, rows)| (kind.as_str().to_owned(), rows)).collect(),
        partitions_dropped: round.partitions_dropped,
        errors: round.errors,
        next_at: round.next_at,
    }
}

fn table(TableSize { name, bytes, rows, dead }: TableSize) -> TableView {
    TableView { name, bytes, rows, dead }
}
