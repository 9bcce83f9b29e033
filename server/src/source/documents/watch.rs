//! The change stream: which documents changed, told by the server.
//!
//! It says *where* to look; what is taken in is always read from the documents as they stand, so nothing depends on it but
//! how soon that happens. A task of its own reads it, because whoever waits for it may stop waiting at any moment.
//!
//! Where it was read up to (the resume token) is remembered with the source, so that a restart goes on from there. A token that
//! the server no longer knows (its log does not reach back that far, or the collection was dropped) is [`Lost`](Notice::Lost):
//! then the stream begins anew, now, and after that everything that is pending is read.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use mongodb::{
    Collection,
    bson::{Bson, Document, RawDocumentBuf, doc},
    change_stream::{
        ChangeStream,
        event::{ChangeStreamEvent, OperationType, ResumeToken},
    },
    error::{Error, ErrorKind},
};
use serde::{Deserialize, Serialize};
use tokio::{sync::mpsc, task::AbortHandle};

use super::error::{Place, code};
use crate::source::SourceError;

/// How long the server waits for a change before it answers that there is none.
const AWAIT: Duration = Duration::from_secs(1);
/// How many notices may wait for the reader; then the server waits too.
const NOTICES_MAX: usize = 1_000;
/// No replica set.
const NO_CHANGE_STREAMS: [i32; 3] = [40_573, 40_324, 115];
const UNAUTHORIZED: i32 = 13;

/// What the stream says.
#[derive(Debug)]
pub enum Notice {
    /// This document changed (none did, but time went on); everything up to here is told.
    Changed {
        id: Option<Bson>,
        upto: Option<Mark>,
    },
    /// It cannot be gone on with from where it was read up to.
    Lost(String),
    Failed(SourceError),
}

/// Where the stream was read up to.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark(ResumeToken);

#[derive(Serialize, Deserialize)]
struct Wrapped {
    token: ResumeToken,
}

impl Mark {
    /// For storing; the token may hold types that JSON has not.
    pub fn to_text(&self) -> Option<String> {
        let wrapped = Wrapped { token: self.0.clone() };
        let raw = mongodb::bson::serialize_to_vec(&wrapped).ok()?;
        Some(BASE64_STANDARD.encode(raw))
    }

    pub fn from_text(text: &str) -> Option<Self> {
        let raw = BASE64_STANDARD.decode(text).ok()?;
        let wrapped: Wrapped = mongodb::bson::deserialize_from_slice(&raw).ok()?;
        Some(Self(wrapped.token))
    }
}

/// A stream that is read by a task; dropping it ends both.
#[derive(Debug)]
pub struct Watch {
    notices: mpsc::Receiver<Notice>,
    task: AbortHandle,
    /// Where it began, if the server says so.
    pub began: Option<Mark>,
}

/// Why there is no stream.
#[derive(Debug)]
pub enum Refusal {
    /// Not from there: the server does not know the place any more.
    Lost(String),
    /// Not at all, whatever one tries.
    Never(String),
    Failed(SourceError),
}

impl Watch {
    /// When this returns, the server has begun to tell.
    pub async fn begin(
        collection: &Collection<RawDocumentBuf>,
        place: &Place,
        from: Option<Mark>,
    ) -> Result<Self, Refusal> {
        let resumes = from.is_some();
        let opened = collection
            .clone_with_type::<Document>()
            .watch()
            .pipeline([
                doc! { "$match": { "operationType": { "$ne": "delete" } } },
                doc! { "$project": { "operationType": 1, "ns": 1, "documentKey": 1 } },
            ])
            .max_await_time(AWAIT)
            .resume_after(from.map(|mark| mark.0))
            .await;
        let stream = opened.map_err(|error| refusal(&error, place, resumes))?;
        let began = stream.resume_token().map(Mark);
        let (sender, notices) = mpsc::channel(NOTICES_MAX);
        let task = tokio::spawn(tell(stream, sender, place.clone())).abort_handle();
        Ok(Self { notices, task, began })
    }

    /// May be dropped while it waits.
    pub async fn next(&mut self) -> Notice {
        let ended = || Notice::Lost("the stream of changes ended".to_owned());
        self.notices.recv().await.unwrap_or_else(ended)
    }

    /// What was told already.
    pub fn at_once(&mut self) -> Option<Notice> {
        self.notices.try_recv().ok()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Stream = ChangeStream<ChangeStreamEvent<Document>>;

async fn tell(mut stream: Stream, sender: mpsc::Sender<Notice>, place: Place) {
    let mut told = None;
    loop {
        // One by one: asking for another would wait for it.
        let notice = match stream.next_if_any().await {
            Ok(Some(event)) => of_event(event, stream.resume_token()),
            Ok(None) if !stream.is_alive() => Notice::Lost("the server ended the stream of changes".to_owned()),
            Ok(None) => Notice::Changed { id: None, upto: stream.resume_token().map(Mark) },
            Err(error) => trouble(&error, &place),
        };
        let ends = match &notice {
            Notice::Changed { id: None, upto } if *upto == told => continue,
            Notice::Changed { upto, .. } => {
                told.clone_from(upto);
                false
            }
            Notice::Lost(_) | Notice::Failed(_) => true,
        };
        if sender.send(notice).await.is_err() || ends {
            return;
        }
    }
}

fn of_event(event: ChangeStreamEvent<Document>, token: Option<ResumeToken>) -> Notice {
    match event.operation_type {
        OperationType::Invalidate | OperationType::Drop | OperationType::Rename | OperationType::DropDatabase => {
            Notice::Lost("the collection was dropped or renamed".to_owned())
        }
        _ => {
            let id = event.document_key.and_then(|mut key| key.remove("_id"));
            Notice::Changed { id, upto: token.map(Mark) }
        }
    }
}

fn trouble(error: &Error, place: &Place) -> Notice {
    match refusal(error, place, true) {
        Refusal::Lost(why) | Refusal::Never(why) => Notice::Lost(why),
        Refusal::Failed(error) => Notice::Failed(error),
    }
}

fn refusal(error: &Error, place: &Place, resumes: bool) -> Refusal {
    match (code(error), error.kind.as_ref()) {
        (Some(code), _) if NO_CHANGE_STREAMS.contains(&code) => Refusal::Never(format!(
            "MongoDB at {} tells nobody of changes: it takes a replica set (one member is enough).",
            place.hosts
        )),
        (Some(UNAUTHORIZED), _) => Refusal::Never(format!(
            "The user in `{}` may not follow the changes of `{}`: it needs the action changeStream, which the role read holds.",
            place.server, place.namespace
        )),
        // Whatever else the server has against it, it has against the place to go on from.
        (Some(_), _) | (None, ErrorKind::MissingResumeToken | ErrorKind::InvalidArgument { .. }) if resumes => {
            Refusal::Lost(error.kind.to_string())
        }
        (Some(_), _) => Refusal::Never(error.kind.to_string()),
        (None, _) => Refusal::Failed(place.error("follow the changes", error)),
    }
}
