//! Definitions: their numbered versions, and drafts.

use baton_domain::definition::{self, DefinitionKind, Difference};
use sqlx::{Row, sqlite::SqliteRow};

use super::{Sqlite, outbox, sql, types::At};
use crate::store::{
    convert,
    error::During,
    port::StoreError,
    rows::{AuditRow, DraftRow, DraftSeen, LAYOUT_CHANGED, PublishSeen, VersionRow, VersionsMark},
};

pub(super) async fn save_draft(store: &Sqlite, draft: &DraftRow, seen: &DraftSeen) -> Result<(), StoreError> {
    let statement = match seen {
        DraftSeen::Any => sql!("upsert_draft"),
        DraftSeen::None => sql!("insert_draft"),
        DraftSeen::Marked(_) => sql!("update_draft"),
    };
    let mut saving = sqlx::query(statement)
        .bind(convert::definition_kind_text(draft.kind))
        .bind(&draft.name)
        .bind(&draft.source)
        .bind(&draft.updated_by)
        .bind(At(draft.updated_at))
        .bind(&draft.mark);
    if let DraftSeen::Marked(mark) = seen {
        saving = saving.bind(mark);
    }
    let mut transaction = store.writer.begin("save a draft").await?;
    let saved = saving.execute(&mut *transaction).await.during("save a draft")?.rows_affected();
    transaction.commit().await?;
    if saved == 1 { Ok(()) } else { Err(StoreError::Conflict { what: "the draft" }) }
}

pub(super) async fn discard_draft(
    store: &Sqlite,
    kind: DefinitionKind,
    name: &str,
    mark: &str,
    audit: AuditRow,
) -> Result<bool, StoreError> {
    let mut transaction = store.writer.begin("discard a draft").await?;
    let gone = sqlx::query(sql!("delete_draft"))
        .bind(convert::definition_kind_text(kind))
        .bind(name)
        .bind(None::<&str>)
        .bind(mark)
        .execute(&mut *transaction)
        .await
        .during("discard a draft")?
        .rows_affected();
    if gone == 1 {
        outbox::insert_audit(&mut transaction, &[audit]).await?;
    }
    transaction.commit().await?;
    Ok(gone == 1)
}

pub(super) async fn read_draft(
    store: &Sqlite,
    kind: DefinitionKind,
    name: &str,
) -> Result<Option<DraftRow>, StoreError> {
    let row = sqlx::query(sql!("read_draft"))
        .bind(convert::definition_kind_text(kind))
        .bind(name)
        .fetch_optional(&store.readers)
        .await
        .during("read a draft")?;
    row.as_ref().map(draft).transpose()
}

pub(super) async fn list_drafts(store: &Sqlite) -> Result<Vec<DraftRow>, StoreError> {
    let rows = sqlx::query(sql!("list_drafts")).fetch_all(&store.readers).await.during("list drafts")?;
    rows.iter().map(draft).collect()
}

fn draft(row: &SqliteRow) -> Result<DraftRow, StoreError> {
    let kind = convert::definition_kind(row.try_get(0).during("read a draft")?)?;
    let get = |row: &SqliteRow| {
        Ok::<_, sqlx::Error>(DraftRow {
            kind,
            name: row.try_get(1)?,
            source: row.try_get(2)?,
            updated_by: row.try_get(3)?,
            updated_at: row.try_get::<At, _>(4)?.0,
            mark: row.try_get(5)?,
        })
    };
    get(row).during("read a draft")
}

pub(super) async fn publish_version(
    store: &Sqlite,
    version: VersionRow,
    seen: &PublishSeen,
    audit: AuditRow,
) -> Result<u32, StoreError> {
    let (read_newest, insert, redraw) = match version.kind {
        DefinitionKind::Process => {
            (sql!("read_newest_process_version"), sql!("insert_process_version"), sql!("move_process_version"))
        }
        DefinitionKind::Saga => {
            (sql!("read_newest_saga_version"), sql!("insert_saga_version"), sql!("move_saga_version"))
        }
    };
    let mut transaction = store.writer.begin("publish a version").await?;
    let newest: Option<(u32, String)> = sqlx::query_as(read_newest)
        .bind(&version.name)
        .fetch_optional(&mut *transaction)
        .await
        .during("publish a version")?;
    let newest_number = newest.as_ref().map_or(0, |(number, _)| *number);
    if seen.newest.is_some_and(|seen| seen != newest_number) {
        return Err(StoreError::Conflict { what: "the definition" });
    }
    let changes = match &newest {
        Some((_, document)) => definition::difference(&convert::json("a definition", document)?, &version.document),
        None => Difference::Meaning,
    };
    let number = if changes == Difference::Meaning { newest_number + 1 } else { newest_number };
    match changes {
        Difference::None => {}
        Difference::Layout => {
            sqlx::query(redraw)
                .bind(&version.name)
                .bind(number)
                .bind(version.document.to_string())
                .bind(&version.source)
                .execute(&mut *transaction)
                .await
                .during("publish a version")?;
            let audit = AuditRow { action: LAYOUT_CHANGED.to_owned(), ..audit };
            outbox::insert_audit(&mut transaction, &[audit]).await?;
        }
        Difference::Meaning => {
            sqlx::query(insert)
                .bind(&version.name)
                .bind(number)
                .bind(version.document.to_string())
                .bind(&version.source)
                .bind(&version.note)
                .bind(&version.published_by)
                .bind(At(version.published_at))
                .execute(&mut *transaction)
                .await
                .during("publish a version")?;
            outbox::insert_audit(&mut transaction, &[audit]).await?;
        }
    }
    sqlx::query(sql!("delete_draft"))
        .bind(convert::definition_kind_text(version.kind))
        .bind(&version.name)
        // Publishing what is published already is no reason to take away what somebody is writing.
        .bind((changes == Difference::None || seen.draft.is_some()).then_some(&version.source))
        .bind(&seen.draft)
        .execute(&mut *transaction)
        .await
        .during("publish a version")?;
    transaction.commit().await?;
    Ok(number)
}

pub(super) async fn read_versions(store: &Sqlite) -> Result<Vec<VersionRow>, StoreError> {
    let rows = sqlx::query(sql!("read_versions")).fetch_all(&store.readers).await.during("read definitions")?;
    rows.iter().map(version).collect()
}

pub(super) async fn versions_mark(store: &Sqlite) -> Result<VersionsMark, StoreError> {
    let (count, moves, newest_at): (i64, i64, Option<At>) = sqlx::query_as(sql!("read_newest_publishing"))
        .fetch_one(&store.readers)
        .await
        .during("look for definitions")?;
    Ok(VersionsMark { count, moves, newest_at: newest_at.map(|at| at.0) })
}

fn version(row: &SqliteRow) -> Result<VersionRow, StoreError> {
    let kind = convert::definition_kind(row.try_get(0).during("read definitions")?)?;
    let document = convert::json("a definition", row.try_get(3).during("read definitions")?)?;
    let get = |row: &SqliteRow| {
        Ok::<_, sqlx::Error>(VersionRow {
            kind,
            name: row.try_get(1)?,
            version: row.try_get(2)?,
            document,
            source: row.try_get(4)?,
            note: row.try_get(5)?,
            published_by: row.try_get(6)?,
            published_at: row.try_get::<At, _>(7)?.0,
        })
    };
    get(row).during("read definitions")
}
