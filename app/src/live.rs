//! What keeps pages live: one stream of server-sent events that says what changed, and a counter per topic that the
//! reads of visible pages depend on.
//!
//! The stream carries no truth but the lines of the flow; a page that hears of a change asks again. Counters move at
//! most a few times a second, however fast changes come.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use leptos::{
    prelude::*,
    wasm_bindgen::{JsCast, closure::Closure},
    web_sys::{EventSource, MessageEvent},
};

use crate::model::{Change, FlowItem};

const ADDRESS: &str = "/api/v1/stream";
/// Changes that come within this time are one refetch.
const THROTTLE: Duration = Duration::from_millis(350);
/// The browser reconnects by itself, except after an answer that is no stream (a server that is starting).
const REOPEN: Duration = Duration::from_secs(3);
/// How often it is looked whether all of the page has been taken over.
const WHOLE_POLL: Duration = Duration::from_millis(20);
/// How many lines of the flow are kept.
pub const FLOW_MAX: usize = 300;

/// All of the page has been taken over. Some of it comes later (see [`crate::lazy`]): a read that is made after the counters
/// moved would take what the server drew for the newest there is.
static IS_WHOLE: AtomicBool = AtomicBool::new(false);

/// From now on reads hear of changes, and of those before.
pub fn page_is_whole() {
    IS_WHOLE.store(true, Ordering::Relaxed);
}

/// How the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    Connecting,
    Live,
    Reconnecting,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Topic {
    Messages,
    Instances,
    Tasks,
    Definitions,
    Destinations,
}

const TOPICS: [Topic; 5] = [Topic::Messages, Topic::Instances, Topic::Tasks, Topic::Definitions, Topic::Destinations];

/// In the context of every page. Reads depend on a topic by reading its counter.
#[derive(Debug, Clone, Copy)]
pub struct Live {
    link: RwSignal<Link>,
    counters: [RwSignal<u64>; TOPICS.len()],
    /// Moves when something was missed and the flow has to be read again.
    missed: RwSignal<u64>,
    /// The lines that came since the page was opened, oldest first.
    flow: RwSignal<Vec<FlowItem>>,
    waiting: StoredValue<[bool; TOPICS.len()]>,
}

impl Live {
    pub fn expect() -> Self {
        expect_context()
    }

    pub fn link(self) -> Link {
        self.link.get()
    }

    pub fn messages(self) -> u64 {
        self.counter(Topic::Messages)
    }

    pub fn instances(self) -> u64 {
        self.counter(Topic::Instances)
    }

    pub fn tasks(self) -> u64 {
        self.counter(Topic::Tasks)
    }

    pub fn definitions(self) -> u64 {
        self.counter(Topic::Definitions)
    }

    pub fn destinations(self) -> u64 {
        self.counter(Topic::Destinations)
    }

    pub fn missed(self) -> u64 {
        self.missed.get()
    }

    /// `read` (oldest first) and what came since, newest first, one line per message.
    pub fn flow_after(self, read: Vec<FlowItem>) -> Vec<FlowItem> {
        self.flow.with(|came| merged(read, came))
    }

    fn counter(self, topic: Topic) -> u64 {
        self.counters[topic as usize].get()
    }

    fn take(self, change: Change) {
        match change {
            Change::Messages { flow } => {
                if !flow.is_empty() {
                    self.flow.update(|lines| {
                        lines.extend(flow);
                        let surplus = lines.len().saturating_sub(FLOW_MAX);
                        lines.drain(..surplus);
                    });
                }
                self.note(&[Topic::Messages]);
            }
            Change::Instances { .. } => self.note(&[Topic::Instances]),
            Change::Tasks => self.note(&[Topic::Tasks]),
            Change::Definitions => self.note(&[Topic::Definitions]),
            Change::Destinations => self.note(&[Topic::Destinations]),
            Change::Lagged => self.catch_up(),
        }
    }

    /// Something may have been missed: everything is read again.
    fn catch_up(self) {
        self.flow.set(Vec::new());
        self.missed.update(|count| *count += 1);
        self.note(&TOPICS);
    }

    fn note(self, topics: &[Topic]) {
        let armed = self.waiting.with_value(|waiting| waiting.contains(&true));
        self.waiting.update_value(|waiting| topics.iter().for_each(|topic| waiting[*topic as usize] = true));
        if !armed {
            set_timeout(move || self.tell(), THROTTLE);
        }
    }

    fn tell(self) {
        if !IS_WHOLE.load(Ordering::Relaxed) {
            set_timeout(move || self.tell(), THROTTLE);
            return;
        }
        let waiting = self.waiting.get_value();
        self.waiting.set_value([false; TOPICS.len()]);
        for (counter, _) in self.counters.iter().zip(waiting).filter(|(_, waits)| *waits) {
            counter.update(|count| *count += 1);
        }
    }
}

/// Puts [`Live`] into the context and, in the browser, opens the stream; called once, by the app.
pub fn provide_live() {
    let live = Live {
        link: RwSignal::new(Link::Connecting),
        counters: TOPICS.map(|_| RwSignal::new(0)),
        missed: RwSignal::new(0),
        flow: RwSignal::new(Vec::new()),
        waiting: StoredValue::new([false; TOPICS.len()]),
    };
    provide_context(live);
    Effect::new(move |_| open(live));
}

/// Says that the page is live, as soon as all of it is: what is pressed before that would be lost.
fn say_live(live: Live, stream: &EventSource) {
    if stream.ready_state() != EventSource::OPEN {
        return;
    }
    if IS_WHOLE.load(Ordering::Relaxed) {
        return live.link.set(Link::Live);
    }
    let stream = stream.clone();
    set_timeout(move || say_live(live, &stream), WHOLE_POLL);
}

fn open(live: Live) {
    let Ok(source) = EventSource::new(ADDRESS) else { return };
    let opened = source.clone();
    let on_open = Closure::<dyn FnMut()>::new(move || {
        // At the first opening too: what changed between the drawing on the server and now was told to nobody.
        live.catch_up();
        say_live(live, &opened);
    });
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let data = event.data().as_string().unwrap_or_default();
        // A kind of change that this page does not know yet (an older page at a newer server) is no change to it.
        if let Ok(change) = serde_json::from_str(&data) {
            live.take(change);
        }
    });
    let stream = source.clone();
    let on_error = Closure::<dyn FnMut()>::new(move || {
        live.link.set(Link::Reconnecting);
        if stream.ready_state() == EventSource::CLOSED {
            set_timeout(move || open(live), REOPEN);
        }
    });
    source.set_onopen(Some(on_open.as_ref().unchecked_ref()));
    source.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    source.set_onerror(Some(on_error.as_ref().unchecked_ref()));
    // The handlers live as long as the page.
    on_open.forget();
    on_message.forget();
    on_error.forget();
}

/// Lines newest first; of several lines of one message the newest stands, where its first one stood.
fn merged(read: Vec<FlowItem>, came: &[FlowItem]) -> Vec<FlowItem> {
    let mut lines: Vec<FlowItem> = Vec::with_capacity(FLOW_MAX);
    for line in read.iter().chain(came) {
        match lines.iter_mut().rev().find(|known| known.id == line.id) {
            Some(known) => *known = line.clone(),
            None => lines.push(line.clone()),
        }
    }
    lines.reverse();
    lines.truncate(FLOW_MAX);
    lines
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn a_line(id: u128, state: &str) -> FlowItem {
        FlowItem {
            id: Uuid::from_u128(id),
            at: chrono::DateTime::UNIX_EPOCH,
            kind: "event".to_owned(),
            message_type: "Happened".to_owned(),
            aggregate_type: "thing".to_owned(),
            aggregate_id: "1".to_owned(),
            source: "test".to_owned(),
            to: Vec::new(),
            state: state.to_owned(),
            took_ms: None,
            correlation_id: None,
        }
    }

    #[test]
    fn a_message_has_one_line_in_its_newest_state() {
        let lines =
            merged(vec![a_line(1, "pending"), a_line(2, "pending")], &[a_line(1, "published"), a_line(3, "pending")]);
        let seen: Vec<_> = lines.iter().map(|line| (line.id.as_u128(), line.state.as_str())).collect();
        assert_eq!(seen, [(3, "pending"), (2, "pending"), (1, "published")]);
    }
}
