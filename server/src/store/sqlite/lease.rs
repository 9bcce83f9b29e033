//! Leases: that this node works on the lanes, and under which token.

use chrono::{Duration, Utc};
use uuid::Uuid;

use super::{
    Sqlite, sql,
    types::{At, Id},
};
use crate::store::{
    error::During,
    port::StoreError,
    rows::{Fence, NodeRow},
};

/// It serves one node, which gets every lane whatever it reads.
pub(super) async fn renew(
    store: &Sqlite,
    node: Uuid,
    name: &str,
    ttl_ms: i64,
    _reads_log: bool,
) -> Result<Fence, StoreError> {
    let expires_at = At(Utc::now() + Duration::milliseconds(ttl_ms));
    let mut transaction = store.writer.begin("renew leases").await?;
    sqlx::query(sql!("register_node"))
        .bind(Id(node))
        .bind(name)
        .bind(expires_at)
        .execute(&mut *transaction)
        .await
        .during("renew leases")?;
    sqlx::query(sql!("remove_dead_nodes")).bind(Id(node)).execute(&mut *transaction).await.during("renew leases")?;
    let rows: Vec<(u16, i64)> = sqlx::query_as(sql!("renew_leases"))
        .bind(Id(node))
        .bind(expires_at)
        .fetch_all(&mut *transaction)
        .await
        .during("renew leases")?;
    transaction.commit().await?;

    let mut lanes: Vec<u16> = rows.iter().map(|(lane, _)| *lane).collect();
    lanes.sort_unstable();
    let token = rows.iter().map(|(_, token)| *token).max().unwrap_or_default();
    Ok(Fence { node, token, lanes })
}

pub(super) async fn release(store: &Sqlite, node: Uuid) -> Result<(), StoreError> {
    let mut transaction = store.writer.begin("release leases").await?;
    for statement in [sql!("remove_node"), sql!("release_leases")] {
        sqlx::query(statement).bind(Id(node)).execute(&mut *transaction).await.during("release leases")?;
    }
    transaction.commit().await
}

pub(super) async fn nodes(store: &Sqlite) -> Result<Vec<NodeRow>, StoreError> {
    let rows: Vec<(Id, String, At, At, bool, u32)> =
        sqlx::query_as(sql!("list_nodes")).bind(At(Utc::now())).fetch_all(&store.readers).await.during("list nodes")?;
    let node = |(Id(id), name, At(started_at), At(expires_at), alive, lanes)| NodeRow {
        id,
        name,
        started_at,
        expires_at,
        alive,
        lanes,
    };
    Ok(rows.into_iter().map(node).collect())
}
