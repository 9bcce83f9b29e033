//! Reads pending events on and on: told by the change stream where there is one, and by asking, always.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use baton_domain::source::{DocumentSource, documents};
use chrono::Utc;
use mongodb::{
    Cursor,
    bson::{Bson, DateTime, Document, RawDocumentBuf},
    options::Hint,
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::{
    client::Reached,
    error::is_about_the_index,
    query::{self, Taken},
    reading::{Handle, Reading},
    values::brief,
    watch::{Mark, Notice, Refusal, Watch},
};
use crate::source::{Batch, Found, Reader, SourceError};

/// The most bytes of documents that are held at once.
const HELD_BYTES_MAX: usize = 16 << 20;
/// The most documents that are asked for by id at once.
const IDS_MAX: usize = 500;
/// How many things that stay where they are (and documents with nothing else) are remembered.
const STAYING_MAX: usize = 10_000;
/// How often the same event may come back right after it was settled before it is left where it is.
const RETURNS_MAX: u8 = 3;
/// While the server tells of changes, it is asked this many times rarer.
const RARER: u32 = 20;
/// How often a position is written down while nothing is taken in.
const NOTE_EVERY: Duration = Duration::from_secs(30);
/// How long after the stream was refused it is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(60);
/// The version of what a position holds.
const POSITION_VERSION: u32 = 1;

pub struct DocumentReader {
    settings: DocumentSource,
    reading: Reading,
    reached: Arc<Reached>,
    /// Whether the index is there, so that queries may name it.
    indexed: Arc<AtomicBool>,
    watch: Option<Watch>,
    /// When the stream is tried again; only while there is none.
    watch_at: Option<Instant>,
    /// Up to where everything that the stream told was taken in, once `changed` is empty.
    upto: Option<Mark>,
    noted: Option<Mark>,
    noted_at: Instant,
    /// Documents that changed and were not looked at since.
    changed: VecDeque<Bson>,
    /// Whether all pending documents are being gone through.
    sweeping: bool,
    sweep_at: Instant,
    /// Documents without anything new in them, while all are gone through.
    passed: Vec<Bson>,
    /// The places of what stays where it is, and was told of.
    staying: HashSet<String>,
    /// What was returned last, and how often in a row.
    returned: HashMap<String, u8>,
    taken: Vec<Taken>,
}

/// A page of documents, read.
struct Page {
    found: Vec<Found>,
    /// Whether there is more where this came from.
    more: bool,
    /// Documents that were read to their end.
    done: Vec<Bson>,
}

impl DocumentReader {
    /// Listens first, then reads: what is added in between is told.
    pub async fn open(
        settings: DocumentSource,
        reading: Reading,
        reached: Arc<Reached>,
        indexed: Arc<AtomicBool>,
        position: Option<Value>,
    ) -> Result<Self, SourceError> {
        let now = Instant::now();
        let mut reader = Self {
            settings,
            reading,
            reached,
            indexed,
            watch: None,
            watch_at: None,
            upto: None,
            noted: None,
            noted_at: now,
            changed: VecDeque::new(),
            sweeping: true,
            sweep_at: now,
            passed: Vec::new(),
            staying: HashSet::new(),
            returned: HashMap::new(),
            taken: Vec::new(),
        };
        if reader.settings.push {
            let from = position.as_ref().and_then(|position| reader.mark_of(position));
            if from.is_none() && position.is_some() {
                reader.say_lost("what was remembered is about something else");
            }
            reader.listen(from).await?;
        }
        Ok(reader)
    }

    /// Where the stream was read up to, if `position` is about this collection.
    fn mark_of(&self, position: &Value) -> Option<Mark> {
        let is_ours =
            position["version"] == POSITION_VERSION && position["of"] == self.reached.place.namespace.as_str();
        position["resume_token"].as_str().filter(|_| is_ours).and_then(Mark::from_text)
    }

    fn position(&self, mark: &Mark) -> Option<Value> {
        let token = mark.to_text()?;
        Some(json!({"version": POSITION_VERSION, "of": self.reached.place.namespace, "resume_token": token}))
    }

    /// Follows the changes, from `from` or from now; all that is pending is read then, unless it goes on from `from`.
    async fn listen(&mut self, from: Option<Mark>) -> Result<(), SourceError> {
        self.watch = None;
        self.watch_at = None;
        let resumes = from.is_some();
        let begun = match Watch::begin(&self.reached.collection, &self.reached.place, from).await {
            Err(Refusal::Lost(why)) => {
                self.say_lost(&why);
                self.sweep();
                Watch::begin(&self.reached.collection, &self.reached.place, None).await
            }
            begun => {
                self.sweeping |= !resumes;
                if resumes && begun.is_ok() {
                    self.sweeping = false;
                    self.sweep_at = Instant::now() + self.every(true);
                }
                begun
            }
        };
        match begun {
            Ok(watch) => {
                self.upto.clone_from(&watch.began);
                self.watch = Some(watch);
                Ok(())
            }
            Err(Refusal::Failed(error)) => Err(error),
            Err(Refusal::Lost(why) | Refusal::Never(why)) => {
                tracing::warn!(of = %self.reached.place.namespace, "documents are asked for only: {why}");
                self.watch_at = Some(Instant::now() + TRY_AGAIN);
                self.sweep();
                Ok(())
            }
        }
    }

    fn say_lost(&self, why: &str) {
        metrics::counter!("baton_source_changes_lost_total", "of" => self.reached.place.namespace.clone()).increment(1);
        tracing::warn!(
            of = %self.reached.place.namespace,
            "the stream of changes cannot be gone on with ({why}): it begins anew, and all pending documents are read"
        );
    }

    fn sweep(&mut self) {
        self.sweeping = true;
        self.passed.clear();
    }

    /// How long until all is asked for again.
    fn every(&self, told: bool) -> Duration {
        let poll = Duration::from_millis(self.settings.poll_ms.into());
        if told { poll * RARER } else { poll }
    }

    /// Goes on through all that is pending; nothing when it is through.
    async fn go_through(&mut self, limit: usize) -> Result<Vec<Found>, SourceError> {
        while self.sweeping {
            let filter = query::without(&query::pending(&self.settings), &self.passed);
            let page = self.page(filter, limit, true).await?;
            self.passed.extend(page.done);
            if !page.found.is_empty() {
                return Ok(page.found);
            }
            if !page.more || self.passed.len() > STAYING_MAX {
                self.end_sweep(page.more);
            }
        }
        Ok(Vec::new())
    }

    fn end_sweep(&mut self, early: bool) {
        if early {
            let of = &self.reached.place.namespace;
            tracing::warn!(%of, "more documents than can be remembered hold only what cannot be read; correct them");
        }
        self.sweeping = false;
        self.passed.clear();
        self.sweep_at = Instant::now() + self.every(self.watch.is_some());
    }

    /// Looks at what changed.
    async fn look(&mut self, limit: usize) -> Result<Vec<Found>, SourceError> {
        while !self.changed.is_empty() {
            let ids: Vec<Bson> = self.changed.iter().take(IDS_MAX).cloned().collect();
            let filter = query::among(&query::pending(&self.settings), &ids);
            let page = self.page(filter, limit, false).await?;
            if page.more {
                self.changed.retain(|id| !page.done.contains(id));
            } else {
                self.changed.drain(..ids.len());
            }
            if !page.found.is_empty() {
                return Ok(page.found);
            }
        }
        Ok(Vec::new())
    }

    /// Reads documents until there are `limit` events, and remembers how to settle them.
    async fn page(&mut self, filter: Document, limit: usize, all: bool) -> Result<Page, SourceError> {
        let mut cursor = self.find(&filter, limit, all).await?;
        let mut page = Page { found: Vec::new(), more: false, done: Vec::new() };
        let (mut taken, mut returned) = (Vec::new(), HashMap::new());
        let (mut bytes, mut documents) = (0, 0);
        let reading = format!("read `{}`", self.reached.place.namespace);
        while self.reached.ask(&reading, cursor.advance()).await? {
            if page.found.len() >= limit || bytes > HELD_BYTES_MAX {
                page.more = true;
                break;
            }
            documents += 1;
            let raw = cursor.current();
            bytes += raw.as_bytes().len();
            let Ok(document) = Document::try_from(raw) else {
                let id = raw.get("_id").ok().flatten().and_then(|id| Bson::try_from(id).ok()).unwrap_or_default();
                page.found.extend(self.unreadable(&id));
                page.done.push(id);
                continue;
            };
            let id = document.get("_id").cloned().unwrap_or_default();
            let mut handles = Vec::new();
            let mut is_cut = false;
            for event in self.reading.events(&document, Utc::now()) {
                if self.staying.contains(&event.found.place) {
                    continue;
                }
                if page.found.len() >= limit {
                    is_cut = true;
                    break;
                }
                let times = self.returned.get(&event.found.place).map_or(1, |times| times + 1);
                if event.handle == Handle::Nothing || times > RETURNS_MAX {
                    self.stays(&event.found.place, times);
                }
                if times <= RETURNS_MAX {
                    returned.insert(event.found.place.clone(), times);
                    handles.push(event.handle);
                    page.found.push(event.found);
                }
            }
            page.more |= is_cut;
            if handles.is_empty() && !is_cut {
                page.done.push(id);
            } else {
                taken.push(Taken { document: id, handles });
            }
        }
        // The server stops at a limit too.
        page.more |= all && documents >= limit;
        (self.taken, self.returned) = (taken, returned);
        Ok(page)
    }

    async fn find(&self, filter: &Document, limit: usize, all: bool) -> Result<Cursor<RawDocumentBuf>, SourceError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let query = || {
            let find = self.reached.collection.find(filter.clone()).projection(query::projection(&self.settings));
            if all { find.limit(limit) } else { find }
        };
        let reading = format!("read `{}`", self.reached.place.namespace);
        if all && self.indexed.load(Ordering::Relaxed) {
            let hint = Hint::Keys(query::index(&self.settings).keys);
            match query().hint(hint).await {
                Err(error) if is_about_the_index(&error) => self.indexed.store(false, Ordering::Relaxed),
                answer => return self.reached.ask(&reading, async { answer }).await,
            }
        }
        self.reached.ask(&reading, async { query().await }).await
    }

    fn stays(&mut self, place: &str, times: u8) {
        if times > RETURNS_MAX {
            tracing::warn!(of = %self.reached.place.namespace, place, "an event comes back whenever it is settled; it is left there");
        }
        if self.staying.len() < STAYING_MAX {
            self.staying.insert(place.to_owned());
        }
    }

    /// A document that breaks the rules of its own format.
    fn unreadable(&mut self, id: &Bson) -> Option<Found> {
        let place = documents::place(&brief(id), "all of it");
        if !self.staying.insert(place.clone()) {
            return None;
        }
        let why = "This document holds bytes that are no text, or nothing that one can read. Write it anew.".to_owned();
        Some(Found { place, row: json!({ "_id": brief(id) }), message: Err(why) })
    }

    /// Takes note of what the stream says.
    async fn hear(&mut self, notice: Notice) -> Result<(), SourceError> {
        match notice {
            Notice::Changed { id, upto } => {
                self.changed.extend(id);
                if upto.is_some() {
                    self.upto = upto;
                }
                Ok(())
            }
            Notice::Lost(why) => {
                self.say_lost(&why);
                self.changed.clear();
                self.sweep();
                self.listen(None).await
            }
            Notice::Failed(error) => Err(error),
        }
    }

    async fn hear_all(&mut self) -> Result<(), SourceError> {
        while self.changed.len() < IDS_MAX {
            let Some(notice) = self.watch.as_mut().and_then(Watch::at_once) else { break };
            self.hear(notice).await?;
        }
        Ok(())
    }

    /// Waits for whatever comes first: news, or the time to ask.
    async fn wait(&mut self) -> Result<(), SourceError> {
        let again = self.watch_at.unwrap_or(self.sweep_at + TRY_AGAIN);
        let told = async {
            match &mut self.watch {
                Some(watch) => watch.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            notice = told => return self.hear(notice).await,
            () = sleep_until(self.sweep_at) => self.sweep(),
            () = sleep_until(again), if self.watch_at.is_some() => self.listen(None).await?,
        }
        Ok(())
    }

    /// What to write down with a batch: nothing before everything that was told is in it.
    fn note(&mut self, with_found: bool) -> Option<Value> {
        let is_due = with_found || self.noted.is_none() || self.noted_at.elapsed() >= NOTE_EVERY;
        if !is_due || self.sweeping || !self.changed.is_empty() || self.upto == self.noted {
            return None;
        }
        let position = self.upto.as_ref().and_then(|mark| self.position(mark));
        self.noted.clone_from(&self.upto);
        self.noted_at = Instant::now();
        position
    }
}

#[async_trait]
impl Reader for DocumentReader {
    async fn next(&mut self, limit: usize) -> Result<Batch, SourceError> {
        let limit = limit.max(1);
        loop {
            self.hear_all().await?;
            let mut found = self.go_through(limit).await?;
            if found.is_empty() {
                found = self.look(limit).await?;
            }
            let position = self.note(!found.is_empty());
            if !found.is_empty() || position.is_some() {
                return Ok(Batch { found, position });
            }
            self.wait().await?;
        }
    }

    async fn settle(&mut self) -> Result<(), SourceError> {
        let now = DateTime::from_millis(Utc::now().timestamp_millis());
        let doing = format!("take events out of `{}`", self.reached.place.namespace);
        for command in query::settle(&self.settings, &self.taken, now) {
            self.reached.update(&doing, command).await?;
        }
        self.taken.clear();
        Ok(())
    }

    async fn waiting(&mut self) -> Result<Option<u64>, SourceError> {
        super::check::waiting(&self.settings, &self.reached).await
    }
}
