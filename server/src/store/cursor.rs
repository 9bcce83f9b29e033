//! Cursors of pages: opaque to whoever holds one, so that what is in them may change.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use super::rows::{Instant, Page};

/// The last `seq` of a page.
pub(super) fn from_number(last: i64) -> String {
    URL_SAFE_NO_PAD.encode(last.to_string())
}

/// A cursor that nobody handed out reads as `None`: the page starts at the beginning.
pub(super) fn to_number(cursor: Option<&str>) -> Option<i64> {
    decode(cursor?)?.parse().ok()
}

/// When the last row of a page was created, and its id.
pub(super) fn from_time_and_id(at: Instant, last: Uuid) -> String {
    URL_SAFE_NO_PAD.encode(format!("{} {last}", at.to_rfc3339()))
}

pub(super) fn to_time_and_id(cursor: Option<&str>) -> Option<(Instant, Uuid)> {
    let text = decode(cursor?)?;
    let (at, last) = text.split_once(' ')?;
    Some((at.parse().ok()?, last.parse().ok()?))
}

/// The last id of a page.
pub(super) fn from_id(last: Uuid) -> String {
    URL_SAFE_NO_PAD.encode(last.to_string())
}

pub(super) fn to_id(cursor: Option<&str>) -> Option<Uuid> {
    decode(cursor?)?.parse().ok()
}

/// A page of `limit` items out of up to one more: that one tells that there is another page.
pub(super) fn page<T>(mut items: Vec<T>, limit: u32, cursor: impl Fn(&T) -> String) -> Page<T> {
    let limit = limit as usize;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(cursor);
    Page { items, next }
}

fn decode(cursor: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_key() {
        assert_eq!(to_number(Some(&from_number(42))), Some(42));
        let id = Uuid::from_u128(7);
        assert_eq!(to_id(Some(&from_id(id))), Some(id));
        let at = "2026-11-23T09:00:00.123456Z".parse().unwrap();
        assert_eq!(to_time_and_id(Some(&from_time_and_id(at, id))), Some((at, id)));
    }

    #[test]
    fn a_foreign_cursor_is_none() {
        for cursor in ["", "42", "not base64!", &from_id(Uuid::nil())] {
            assert_eq!(to_number(Some(cursor)), None, "{cursor}");
        }
    }
}
