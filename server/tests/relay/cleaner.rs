//! Old messages go, what is open stays.

use baton_domain::message::Message;
use baton_server::{
    cleaner::{Cleaner, Config},
    retention::Days,
    store::rows::{CleanKind, DeliveryState, NewDelivery, Settlement},
};
use chrono::{TimeDelta, Utc};

use crate::{
    on_both,
    world::{Database, Setup, World, event},
};

on_both!(old_messages_are_removed_and_open_ones_kept);

async fn old_messages_are_removed_and_open_ones_kept(database: Database) {
    let world = World::build(database.open().await, Setup::default()).await;
    let fence = world.leases.fence().unwrap();
    let messages: Vec<Message> = (0..30).map(|number| event("a", number)).collect();
    world.append(&messages).await;
    let rows = world.store.read_unpublished(&fence, Utc::now(), 100, &[]).await.unwrap();
    let settle = async |rows: &[baton_server::store::rows::Outbound], days_ago: i64, open: bool| {
        let delivery = |row: &baton_server::store::rows::Outbound| NewDelivery {
            seq: row.seq,
            message_id: row.message.id,
            key: row.message.key.clone(),
            destination: "sink".into(),
            state: DeliveryState::Queued,
            attempts: 0,
            next_attempt_at: None,
            failure: None,
        };
        let settlement = Settlement {
            published: rows.iter().map(|row| row.seq).collect(),
            deliveries: rows.iter().filter(|_| open).map(delivery).collect(),
            delete: false,
            now: Some(Utc::now() - TimeDelta::days(days_ago)),
        };
        world.store.settle(&fence, settlement).await.unwrap();
    };
    settle(&rows[..20], 8, false).await;
    settle(&rows[20..25], 8, true).await;
    settle(&rows[25..28], 6, false).await;

    let days = Days { messages: 7, attempts: None, inbox: None, instances: None, audit: 0 };
    let retention = days.retention().unwrap();
    let config = Config { retention, batch: 6, breath: std::time::Duration::ZERO, ..Config::default() };
    let report = Cleaner::new(world.store.clone(), config.clone()).run_once().await;
    assert_eq!((report.removed[&CleanKind::Messages], report.more), (20, false));
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    let mut left: Vec<_> = world.list().await.into_iter().map(|row| row.seq).collect();
    left.sort_unstable();
    assert_eq!(left, rows[20..].iter().map(|row| row.seq).collect::<Vec<_>>());
    assert_eq!(Cleaner::new(world.store.clone(), config).run_once().await.total(), 0);
}
