//! A database that goes away and comes back.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use baton_domain::message::Message;
use baton_server::{
    bus::{Bus, MemoryBus},
    store::{
        OpenOptions, open,
        rows::{Failure, Repair, RepairFilter},
    },
};
use baton_testkit::{Postgres, postgres::Durability};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool};
use tokio::sync::{Notify, Semaphore};

use crate::{
    log::pool,
    sink::{Reply, Sink},
    world::{Database, Recorder, Setup, World, addressed, event, first_of_each, until},
};

/// A bus that answers only when it has been told to.
struct Held {
    inner: MemoryBus,
    calls: Semaphore,
    entered: Notify,
}

#[async_trait]
impl Bus for Held {
    fn name(&self) -> &'static str {
        "held"
    }

    async fn publish(&self, messages: &[Arc<Message>]) -> Vec<Result<(), Failure>> {
        let results = self.inner.publish(messages).await;
        self.entered.notify_one();
        self.calls.acquire().await.unwrap().forget();
        results
    }
}

/// The database stops after messages were published and requests made, before that is written down. When it is back
/// the results are written as they were: nothing is published again, nothing lost, and everybody goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_away_loses_nothing() {
    let mut postgres = Postgres::start(Durability::Throwaway).unwrap();
    let store = open(&postgres.fresh_database().unwrap(), OpenOptions::default()).await.unwrap();
    let recorder = Arc::new(Recorder::default());
    let inner = MemoryBus::default();
    inner.subscribe(recorder.clone());
    let bus = Arc::new(Held { inner, calls: Semaphore::new(0), entered: Notify::new() });
    let setup = Setup {
        recorder: recorder.clone(),
        bus: Some(bus.clone()),
        lease_ttl: Duration::from_secs(4),
        ..Setup::default()
    };
    let world = World::start_with(store, setup).await;
    let sink = Sink::start().await;
    world.put_destination("sink", sink.settings(json!({}))).await;
    let messages: Vec<Message> = (0..50).map(|number| event(&format!("k{}", number % 7), number)).collect();
    world.append(&messages).await;
    bus.entered.notified().await;

    tokio::task::block_in_place(|| postgres.interrupt().unwrap());
    bus.calls.add_permits(1_000);
    until("the lease has run out", async || world.leases.fence().is_none()).await;
    assert_eq!(recorder.taken().len(), 50);
    tokio::task::block_in_place(|| postgres.resume().unwrap());

    let later = [event("k0", 100), addressed("sink", "k0", 101)];
    until("the database takes messages again", async || world.store.append(&later, None).await.is_ok()).await;
    world.until_quiet().await;
    until("the endpoint has its message", async || sink.accepted() == [later[1].id]).await;
    let taken = recorder.taken();
    assert_eq!(first_of_each(taken.iter().copied()).len(), 51);
    assert_eq!(taken.len(), 51, "what had been published was not published again");
}

/// PostgreSQL ends transactions that wait for each other. What was to be written down of messages that went out, and of
/// requests that were made, is written down all the same: nothing goes out twice only because of that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_repeats_nothing() {
    let database = Database::postgres();
    let world = World::start(&database).await;
    let sink = Sink::start().await;
    world.put_destination("sink", sink.settings(json!({}))).await;
    world.route("order", "sink").await;
    let pool = pool(&database.url);
    let tables = [("outbox_published", "INSERT"), ("delivery", "UPDATE")];
    for (table, change) in tables {
        deadlock(&pool, table, change).await;
    }

    let messages: Vec<Message> = (0..50).map(|number| event(&format!("k{}", number % 7), number)).collect();
    world.append(&messages).await;
    world.until_quiet().await;
    assert_eq!(world.recorder.taken().len(), 50, "what had been published was not published again");
    assert_eq!(sink.accepted().len(), 50, "no request was made again");
    for (table, _) in tables {
        assert!(changes_of(&pool, table).await > 50, "{table}: the test is worth something only if writing failed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repair_that_meets_a_deadlock_is_made_again() {
    let database = Database::postgres();
    let world = World::start(&database).await;
    let sink = Sink::start().await;
    sink.judge(|_, before| if before == 0 { Reply::status(503) } else { Reply::ok() });
    world.put_destination("sink", sink.settings(json!({"attempts_max": 1}))).await;
    let message = addressed("sink", "k", 1);
    world.append(std::slice::from_ref(&message)).await;
    world.until_state(message.id, "sink", "dead").await;

    let pool = pool(&database.url);
    deadlock(&pool, "delivery", "UPDATE").await;
    let filter = RepairFilter { message_id: Some(message.id), ..RepairFilter::default() };
    assert_eq!(world.repair(filter, Repair::Retry { edited_payload: None }).await, 1);
    assert!(changes_of(&pool, "delivery").await > 3, "the test is worth something only if writing failed");
    world.until_state(message.id, "sink", "delivered").await;
}

/// The first three changes of rows of `table` end as in a deadlock. Sequences know no transactions, so they are counted
/// all the same.
async fn deadlock(pool: &PgPool, table: &str, change: &str) {
    let deadlocks = format!(
        "CREATE SEQUENCE changes_of_{table};
        CREATE FUNCTION deadlock_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF nextval('changes_of_{table}') <= 3 THEN
                RAISE EXCEPTION 'deadlock detected' USING ERRCODE = 'deadlock_detected';
            END IF;
            RETURN NULL;
        END $$;
        CREATE TRIGGER deadlock AFTER {change} ON baton.{table} FOR EACH ROW EXECUTE FUNCTION deadlock_{table}()"
    );
    sqlx::raw_sql(AssertSqlSafe(deadlocks)).execute(pool).await.unwrap();
}

async fn changes_of(pool: &PgPool, table: &str) -> i64 {
    let sql = AssertSqlSafe(format!("SELECT last_value FROM changes_of_{table}"));
    sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
}
