//! Leases: which node works on which lanes.

use sqlx::Executor;
use uuid::Uuid;

use super::{Postgres, sql};
use crate::store::{
    error::During,
    port::StoreError,
    rows::{Fence, Instant, NodeRow},
};

pub(super) async fn renew(
    store: &Postgres,
    node: Uuid,
    name: &str,
    ttl_ms: i64,
    reads_log: bool,
) -> Result<Fence, StoreError> {
    if let Some(fence) = renew_quietly(store, node, name, ttl_ms, reads_log).await? {
        return Ok(fence);
    }
    let mut transaction = store.pool.begin().await.during("renew leases")?;
    transaction.execute(sql!("lock_leases")).await.during("renew leases")?;
    sqlx::query(sql!("take_over_from_namesake"))
        .bind(name)
        .bind(node)
        .execute(&mut *transaction)
        .await
        .during("renew leases")?;
    sqlx::query(sql!("register_node"))
        .bind(node)
        .bind(name)
        .bind(ttl_ms)
        .bind(reads_log)
        .execute(&mut *transaction)
        .await
        .during("renew leases")?;
    let rows: Vec<(i16, i64, bool)> =
        sqlx::query_as(sql!("renew_leases")).bind(node).fetch_all(&mut *transaction).await.during("renew leases")?;
    transaction.execute(sql!("remove_dead_nodes")).await.during("renew leases")?;
    transaction.commit().await.during("renew leases")?;

    let held = || rows.iter().filter(|(_, _, held)| *held);
    let mut lanes: Vec<u16> = held().map(|(lane, _, _)| lane.unsigned_abs()).collect();
    lanes.sort_unstable();
    let token = held().map(|(_, token, _)| *token).max().unwrap_or_default();
    Ok(Fence { node, token, lanes })
}

/// `None` when there is more to do than to say that one is still there.
async fn renew_quietly(
    store: &Postgres,
    node: Uuid,
    name: &str,
    ttl_ms: i64,
    reads_log: bool,
) -> Result<Option<Fence>, StoreError> {
    let mut connection = store.shelf.take().await.during("renew leases")?;
    let renewed: Option<(Option<Vec<i16>>, Option<i64>)> = sqlx::query_as(sql!("renew_quietly"))
        .bind(node)
        .bind(name)
        .bind(ttl_ms)
        .bind(reads_log)
        .fetch_optional(&mut *connection)
        .await
        .during("renew leases")?;
    connection.put_back();
    Ok(renewed.map(|(lanes, token)| Fence {
        node,
        token: token.unwrap_or_default(),
        lanes: lanes.unwrap_or_default().into_iter().map(i16::unsigned_abs).collect(),
    }))
}

pub(super) async fn release(store: &Postgres, node: Uuid) -> Result<(), StoreError> {
    sqlx::query(sql!("release_leases")).bind(node).execute(&store.pool).await.during("release leases")?;
    Ok(())
}

pub(super) async fn nodes(store: &Postgres) -> Result<Vec<NodeRow>, StoreError> {
    let rows: Vec<(Uuid, String, Instant, Instant, bool, i64)> =
        sqlx::query_as(sql!("list_nodes")).fetch_all(&store.pool).await.during("list nodes")?;
    let node = |(id, name, started_at, expires_at, alive, lanes): (_, _, _, _, _, i64)| NodeRow {
        id,
        name,
        started_at,
        expires_at,
        alive,
        lanes: u32::try_from(lanes).unwrap_or_default(),
    };
    Ok(rows.into_iter().map(node).collect())
}
