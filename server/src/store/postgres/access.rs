//! Credentials (hashes of secrets only), and the audit.

use sqlx::{Row, postgres::PgRow};

use super::{Postgres, sql};
use crate::store::{
    convert,
    error::During,
    port::StoreError,
    rows::{AuditRow, CredentialKind, CredentialRow, Instant},
};

pub(super) async fn put(store: &Postgres, row: &CredentialRow) -> Result<(), StoreError> {
    sqlx::query(sql!("upsert_credential"))
        .bind(row.kind.as_str())
        .bind(&row.secret_hash)
        .bind(&row.account)
        .bind(row.created_at)
        .bind(row.expires_at)
        .execute(&store.pool)
        .await
        .during("save a credential")?;
    Ok(())
}

pub(super) async fn find(
    store: &Postgres,
    kind: CredentialKind,
    secret_hash: &[u8],
    now: Instant,
) -> Result<Option<CredentialRow>, StoreError> {
    one(store, sql!("find_credential"), kind, secret_hash, now).await
}

pub(super) async fn take(
    store: &Postgres,
    kind: CredentialKind,
    secret_hash: &[u8],
    now: Instant,
) -> Result<Option<CredentialRow>, StoreError> {
    one(store, sql!("take_credential"), kind, secret_hash, now).await
}

async fn one(
    store: &Postgres,
    statement: &'static str,
    kind: CredentialKind,
    secret_hash: &[u8],
    now: Instant,
) -> Result<Option<CredentialRow>, StoreError> {
    let row = sqlx::query(statement)
        .bind(kind.as_str())
        .bind(secret_hash)
        .bind(now)
        .fetch_optional(&store.pool)
        .await
        .during("find a credential")?;
    row.as_ref().map(credential).transpose()
}

fn credential(row: &PgRow) -> Result<CredentialRow, StoreError> {
    let kind = convert::credential_kind(row.try_get(0).during("find a credential")?)?;
    let get = |row: &PgRow| {
        Ok::<_, sqlx::Error>(CredentialRow {
            kind,
            secret_hash: row.try_get(1)?,
            account: row.try_get(2)?,
            created_at: row.try_get(3)?,
            expires_at: row.try_get(4)?,
        })
    };
    get(row).during("find a credential")
}

pub(super) async fn has_any(store: &Postgres) -> Result<bool, StoreError> {
    sqlx::query_scalar(sql!("find_any_credential")).fetch_one(&store.pool).await.during("find a credential")
}

pub(super) async fn list_audit(
    store: &Postgres,
    subject: Option<&str>,
    limit: u32,
) -> Result<Vec<AuditRow>, StoreError> {
    let rows: Vec<(Instant, String, String, String, Option<String>, String)> = sqlx::query_as(sql!("list_audit"))
        .bind(subject)
        .bind(i64::from(limit))
        .fetch_all(&store.pool)
        .await
        .during("list the audit")?;
    rows.into_iter()
        .map(|(at, actor, action, subject, reason, detail)| {
            let detail = convert::json("the detail of an audit entry", &detail)?;
            Ok(AuditRow { at, actor, action, subject, reason, detail })
        })
        .collect()
}
