//! What an expression can see.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
};

use cel::{
    common::{
        types::CelTimestamp,
        value::{CowVal, Val},
    },
    context::VariableResolver,
};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{DATA_BYTES_MAX, value};

/// One name that expressions can use, and what it stands for.
#[derive(Debug, Clone, Copy)]
pub enum Root<'a> {
    Json(&'a Value),
    Object(&'a Map<String, Value>),
    Instant(DateTime<Utc>),
}

/// A root and, once an expression has asked for it, its value for CEL.
type Entry<'a> = (&'static str, Root<'a>, OnceLock<Box<dyn Val>>);

/// The roots of one moment. They are converted for CEL when an expression first asks for them, and only once, so one
/// scope should serve all expressions of a moment.
#[derive(Debug, Default)]
pub struct Scope<'a> {
    roots: Vec<Entry<'a>>,
    bytes: AtomicUsize,
    too_large: AtomicBool,
}

impl<'a> Scope<'a> {
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, root: Root<'a>) -> Self {
        self.roots.push((name, root, OnceLock::new()));
        self
    }

    /// Whether an expression asked for more data than [`DATA_BYTES_MAX`].
    pub(super) fn is_too_large(&self) -> bool {
        self.too_large.load(Relaxed)
    }

    fn convert(&self, root: Root<'a>) -> Option<Box<dyn Val>> {
        let mut left = DATA_BYTES_MAX.saturating_sub(self.bytes.load(Relaxed));
        let before = left;
        let converted: Option<Box<dyn Val>> = match root {
            Root::Json(json) => value::from_json(json, &mut left),
            Root::Object(map) => value::from_object(map, &mut left),
            Root::Instant(instant) => Some(Box::new(CelTimestamp::from(instant.fixed_offset()))),
        };
        self.bytes.fetch_add(before - left, Relaxed);
        if converted.is_none() {
            self.too_large.store(true, Relaxed);
        }
        converted
    }
}

impl VariableResolver for Scope<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let (_, root, cell) = self.roots.iter().find(|(name, ..)| *name == variable)?;
        if cell.get().is_none() {
            // Two threads never share a scope; should they, the first conversion wins and both are equal.
            let _ = cell.set(self.convert(*root)?);
        }
        cell.get().map(|value| CowVal::Borrowed(value.as_ref()))
    }
}
