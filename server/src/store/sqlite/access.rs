//! Credentials (hashes of secrets only), and the audit.

use sqlx::{Row, sqlite::SqliteRow};

use super::{Sqlite, sql, types::At};
use crate::store::{
    convert,
    error::During,
    port::StoreError,
    rows::{AuditRow, CredentialKind, CredentialRow, Instant},
};

pub(super) async fn put(store: &Sqlite, row: &CredentialRow) -> Result<(), StoreError> {
    let mut transaction = store.writer.begin("save a credential").await?;
    sqlx::query(sql!("upsert_credential"))
        .bind(row.kind.as_str())
        .bind(&row.secret_hash)
        .bind(&row.account)
        .bind(At(row.created_at))
        .bind(row.expires_at.map(At))
        .execute(&mut *transaction)
        .await
        .during("save a credential")?;
    transaction.commit().await
}

pub(super) async fn find(
    store: &Sqlite,
    kind: CredentialKind,
    secret_hash: &[u8],
    now: Instant,
) -> Result<Option<CredentialRow>, StoreError> {
    let row = sqlx::query(sql!("find_credential"))
        .bind(kind.as_str())
        .bind(secret_hash)
        .bind(At(now))
        .fetch_optional(&store.readers)
        .await
        .during("find a credential")?;
    row.as_ref().map(credential).transpose()
}

pub(super) async fn take(
    store: &Sqlite,
    kind: CredentialKind,
    secret_hash: &[u8],
    now: Instant,
) -> Result<Option<CredentialRow>, StoreError> {
    let mut transaction = store.writer.begin("take a credential").await?;
    let row = sqlx::query(sql!("take_credential"))
        .bind(kind.as_str())
        .bind(secret_hash)
        .bind(At(now))
        .fetch_optional(&mut *transaction)
        .await
        .during("take a credential")?;
    transaction.commit().await?;
    row.as_ref().map(credential).transpose()
}

fn credential(row: &SqliteRow) -> Result<CredentialRow, StoreError> {
    let kind = convert::credential_kind(row.try_get(0).during("find a credential")?)?;
    let get = |row: &SqliteRow| {
        Ok::<_, sqlx::Error>(CredentialRow {
            kind,
            secret_hash: row.try_get(1)?,
            account: row.try_get(2)?,
            created_at: row.try_get::<At, _>(3)?.0,
            expires_at: row.try_get::<Option<At>, _>(4)?.map(|at| at.0),
        })
    };
    get(row).during("find a credential")
}

pub(super) async fn has_any(store: &Sqlite) -> Result<bool, StoreError> {
    sqlx::query_scalar(sql!("find_any_credential")).fetch_one(&store.readers).await.during("find a credential")
}

pub(super) async fn list_audit(store: &Sqlite, subject: Option<&str>, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
    let rows: Vec<(At, String, String, String, Option<String>, String)> = sqlx::query_as(sql!("list_audit"))
        .bind(subject)
        .bind(i64::from(limit))
        .fetch_all(&store.readers)
        .await
        .during("list the audit")?;
    rows.into_iter()
        .map(|(at, actor, action, subject, reason, detail)| {
            let detail = convert::json("the detail of an audit entry", &detail)?;
            Ok(AuditRow { at: at.0, actor, action, subject, reason, detail })
        })
        .collect()
}
