//! Cursors of pages: opaque to whoever holds one, so that what is in them may change.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use super::{
    port::StoreError,
    rows::{Instant, Page},
};

/// The last `seq` of a page.
pub(super) fn from_number(last: i64) -> String {
    URL_SAFE_NO_PAD.encode(last.to_string())
}

/// Where the page begins; `None` without a cursor. One that this list did not hand out is [`StoreError::Cursor`].
pub(super) fn to_number(cursor: Option<&str>) -> Result<Option<i64>, StoreError> {
    read(cursor, |text| text.parse().ok())
}

/// When the last row of a page was created, and its id.
pub(super) fn from_time_and_id(at: Instant, last: Uuid) -> String {
    URL_SAFE_NO_PAD.encode(format!("{} {last}", at.to_rfc3339()))
}

pub(super) fn to_time_and_id(cursor: Option<&str>) -> Result<Option<(Instant, Uuid)>, StoreError> {
    read(cursor, |text| {
        let (at, last) = text.split_once(' ')?;
        Some((at.parse().ok()?, last.parse().ok()?))
    })
}

/// The last id of a page.
pub(super) fn from_id(last: Uuid) -> String {
    URL_SAFE_NO_PAD.encode(last.to_string())
}

pub(super) fn to_id(cursor: Option<&str>) -> Result<Option<Uuid>, StoreError> {
    read(cursor, |text| text.parse().ok())
}

/// A page of `limit` items out of up to one more: that one tells that there is another page.
pub(super) fn page<T>(mut items: Vec<T>, limit: u32, cursor: impl Fn(&T) -> String) -> Page<T> {
    let limit = limit as usize;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(cursor);
    Page { items, next }
}

fn read<T>(cursor: Option<&str>, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, StoreError> {
    // A form without a choice sends an empty one.
    let Some(cursor) = cursor.filter(|cursor| !cursor.is_empty()) else { return Ok(None) };
    let text = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.and_then(|text| parse(&text)).map(Some).ok_or(StoreError::Cursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_key() {
        assert_eq!(to_number(Some(&from_number(42))).unwrap(), Some(42));
        let id = Uuid::from_u128(7);
        assert_eq!(to_id(Some(&from_id(id))).unwrap(), Some(id));
        let at = "2026-11-23T09:00:00.123456Z".parse().unwrap();
        assert_eq!(to_time_and_id(Some(&from_time_and_id(at, id))).unwrap(), Some((at, id)));
    }

    #[test]
    fn a_foreign_cursor_is_refused() {
        for cursor in ["42", "zzz", "not base64!", &from_id(Uuid::nil())] {
            assert!(matches!(to_number(Some(cursor)), Err(StoreError::Cursor)), "{cursor}");
        }
        assert!(matches!(to_id(Some(&from_number(1))), Err(StoreError::Cursor)));
        assert!(matches!(to_time_and_id(Some(&from_number(1))), Err(StoreError::Cursor)));
        assert_eq!(to_number(Some("")).unwrap(), None);
        assert_eq!(to_number(None).unwrap(), None);
    }
}
