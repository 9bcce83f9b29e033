//! The bell: an advisory lock says that somebody sleeps, NOTIFY wakes it (see `migrations/postgres/0005_outbox_bell.sql`).

use async_trait::async_trait;
use sqlx::{
    Executor,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};

use super::{ACQUIRE_TIMEOUT, Postgres, sql};
use crate::store::{bell::Bell, error::During, port::StoreError};

const CHANNEL: &str = "baton_outbox";

/// On a connection of its own: dropping it closes that, which gives the lock back.
struct Ring {
    listener: PgListener,
}

/// `None` on a server that has prepared transactions: those cannot notify, so inserts in them must never have to.
pub(super) async fn bell(store: &Postgres) -> Result<Option<Box<dyn Bell>>, StoreError> {
    let possible: bool =
        sqlx::query_scalar(sql!("may_notify")).fetch_one(&store.pool).await.during("ask what the server allows")?;
    if !possible {
        return Ok(None);
    }
    Ok(Some(Box::new(Ring { listener: listen(&store.connect).await.during("listen")? })))
}

async fn listen(connect: &PgConnectOptions) -> Result<PgListener, sqlx::Error> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(connect.clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    // Another connection would not have the lock: a lost one is an error here, and another bell is made.
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

#[async_trait]
impl Bell for Ring {
    async fn arm(&mut self) -> Result<bool, StoreError> {
        let armed =
            sqlx::query_scalar(sql!("try_bell_lock")).fetch_one(&mut self.listener).await.during("arm the bell")?;
        // What rang until now is committed, and found by the look that follows.
        while self.listener.next_buffered().is_some() {}
        Ok(armed)
    }

    async fn wait(&mut self) -> Result<(), StoreError> {
        match self.listener.try_recv().await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => {
                Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into()).during("wait for the bell")
            }
            Err(error) => Err(error).during("wait for the bell"),
        }
    }

    async fn disarm(&mut self) -> Result<(), StoreError> {
        self.listener.execute(sql!("release_bell_lock")).await.during("disarm the bell")?;
        Ok(())
    }
}
