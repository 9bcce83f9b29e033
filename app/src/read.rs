//! Reads: what a page shows, asked of the server when its source changes.
//!
//! Answers travel as JSON text and become values where they are drawn: the value that the server put into the page and
//! the one that the browser fetches are decoded by the same code, and every read is one type of resource. That, too,
//! keeps the bundle small.

use std::{fmt::Debug, future::Future, marker::PhantomData, pin::Pin};

use leptos::prelude::*;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::port::{Answer, AppError};

/// A value as JSON text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent, bound = "")]
pub struct Encoded<T> {
    json: String,
    #[serde(skip)]
    of: PhantomData<fn() -> T>,
}

impl<T: Serialize> Encoded<T> {
    pub fn of(value: T) -> Answer<Self> {
        let json = serde_json::to_string(&value).map_err(|_| AppError::Internal)?;
        Ok(Self { json, of: PhantomData })
    }
}

impl<T> Encoded<T> {
    /// The same with a number beside it that the server knows nothing of.
    pub fn beside(self, number: usize) -> Encoded<(T, usize)> {
        Encoded { json: format!("[{},{number}]", self.json), of: PhantomData }
    }
}

impl<T: DeserializeOwned> Encoded<T> {
    pub fn decode(&self) -> Answer<T> {
        decode(&self.json)
    }
}

fn decode<T: DeserializeOwned>(json: &str) -> Answer<T> {
    // Text of another version's server; the page that matches it is one reload away.
    serde_json::from_str(json).map_err(|error| AppError::Transport(format!("its answer is not understood: {error}")))
}

type Fetched = Pin<Box<dyn Future<Output = Answer<String>> + Send>>;

/// One thing that a page shows.
pub struct Read<T> {
    resource: Resource<Answer<String>>,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Read<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Read<T> {}

impl<T: DeserializeOwned + 'static> Read<T> {
    /// Fetches at once, and again whenever what `source` gives has changed.
    pub fn new<S, F>(
        source: impl Fn() -> S + Copy + Send + Sync + 'static,
        fetch: impl Fn(S) -> F + Send + Sync + 'static,
    ) -> Self
    where
        S: Debug,
        F: Future<Output = Answer<Encoded<T>>> + Send + 'static,
    {
        let key = Box::new(move || format!("{:?}", source()));
        let fetch = Box::new(move || -> Fetched {
            let fetched = fetch(untrack(source));
            Box::pin(async move { fetched.await.map(|encoded| encoded.json) })
        });
        Self { resource: resource(key, fetch), of: PhantomData }
    }

    /// The newest answer; `None` until the first one came.
    pub fn get(self) -> Option<Answer<T>> {
        self.resource.get().map(|answer| answer.and_then(|json| decode(&json)))
    }
}

/// The one place where resources are made.
fn resource(
    key: Box<dyn Fn() -> String + Send + Sync>,
    fetch: Box<dyn Fn() -> Fetched + Send + Sync>,
) -> Resource<Answer<String>> {
    Resource::new(key, move |_| fetch())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_travels_as_text() {
        let encoded = Encoded::of(vec![1, 2]).unwrap();
        let sent = serde_json::to_string(&encoded).unwrap();
        assert_eq!(sent, "\"[1,2]\"");
        assert_eq!(serde_json::from_str::<Encoded<Vec<u8>>>(&sent).unwrap().decode(), Ok(vec![1, 2]));
    }
}
