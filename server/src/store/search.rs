//! How lists of messages are searched, alike in both databases.

use super::{
    cursor,
    rows::{MessageFilter, MessageState, Page},
};

/// How many messages one page of a text search looks through. Text is not indexed (it is anything, anywhere), so a
/// search goes back through the newest in steps: a page may come back short, or empty, with a cursor to go on.
const WINDOW: i64 = 20_000;

/// The part of the outbox that a page of a search looks through.
pub(super) struct Window {
    /// The lowest `seq` in it.
    pub from: i64,
    /// Whether there is anything below.
    more: bool,
}

pub(super) fn text(filter: &MessageFilter) -> Option<&str> {
    filter.q.as_deref().filter(|q| !q.is_empty())
}

/// Whether only the text narrows the list down; any of the others leads to few rows by an index.
pub(super) fn is_windowed(filter: &MessageFilter) -> bool {
    let narrow = filter.correlation_id.is_some()
        || filter.aggregate_id.is_some()
        || filter.state.is_some_and(|state| delivery_states(state).is_some());
    text(filter).is_some() && !narrow
}

/// The window that ends below `below`, given the lowest and highest `seq` there are.
pub(super) fn window(below: Option<i64>, bounds: (Option<i64>, Option<i64>)) -> Option<Window> {
    let (Some(lowest), Some(highest)) = bounds else { return None };
    let from = below.unwrap_or(highest + 1).min(highest + 1) - WINDOW;
    Some(Window { from, more: from > lowest })
}

/// A page that did not fill up goes on below its window.
pub(super) fn continued<T>(mut page: Page<T>, window: Option<Window>) -> Page<T> {
    if let Some(Window { from, more: true }) = window
        && page.next.is_none()
    {
        page.next = Some(cursor::from_number(from));
    }
    page
}

/// For a message state that an open delivery makes: that delivery's state, and the worse ones that would outweigh it.
pub(super) fn delivery_states(state: MessageState) -> Option<(&'static str, &'static str)> {
    match state {
        MessageState::Dead => Some(("dead", "")),
        MessageState::Retrying => Some(("retrying", "'dead'")),
        MessageState::Parked => Some(("parked", "'dead', 'retrying'")),
        MessageState::Delivering => Some(("queued", "'dead', 'retrying', 'parked'")),
        MessageState::Pending | MessageState::Published => None,
    }
}
