//! What an edit did to the document: the values that it replaced, and those that it put there.
//!
//! That is enough to take back any edit, without a thought to what kind of edit it was. While an edit is being made, a
//! [`Draft`] collects it, and gives everything back when the edit turns out to be impossible.

use serde_json::{Map, Value};

use super::document::Document;

/// One value of the document, before and after; `None` where there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// A JSON pointer.
    pub pointer: String,
    pub old: Option<Value>,
    pub new: Option<Value>,
}

/// What an edit did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Change {
    pub writes: Vec<Write>,
    /// The nodes that look or lead differently now, those that are gone too.
    pub touched: Vec<String>,
    /// The nodes that one wants to see selected now, if any.
    pub select: Vec<String>,
    /// What happened, for those who do not see it: `Moved Book flight`.
    pub sentence: String,
    /// Of the same kind as another one with the same text: both can be one step (typing, nudging).
    pub coalesces: Option<String>,
}

impl Change {
    /// Whether anything but positions changed.
    pub fn changes_meaning(&self) -> bool {
        self.writes.iter().any(|write| write.pointer != "/layout" && !write.pointer.starts_with("/layout/"))
    }

    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// What takes it back.
    pub fn inverse(&self) -> Self {
        let back =
            |write: &Write| Write { pointer: write.pointer.clone(), old: write.new.clone(), new: write.old.clone() };
        Self {
            writes: self.writes.iter().rev().map(back).collect(),
            touched: self.touched.clone(),
            select: Vec::new(),
            sentence: format!("Undone: {}", self.sentence),
            coalesces: None,
        }
    }

    /// Does it again, or takes it back when it is an inverse.
    pub fn apply(&self, document: &mut Document) {
        for write in &self.writes {
            put(document.value_mut(), &write.pointer, write.new.clone());
        }
    }
}

/// Why something cannot be done, in a sentence for the person who tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Forbidden(pub String);

impl Forbidden {
    pub fn because(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// A document that is being edited. What it was is restored unless [`Draft::finish`] is called.
pub(super) struct Draft<'a> {
    document: &'a mut Document,
    writes: Vec<Write>,
    finished: bool,
}

impl<'a> Draft<'a> {
    pub fn of(document: &'a mut Document) -> Self {
        Self { document, writes: Vec::new(), finished: false }
    }

    pub fn document(&self) -> &Document {
        self.document
    }

    pub fn get(&self, pointer: &str) -> Option<&Value> {
        self.document.value().pointer(pointer)
    }

    /// Puts a value there, or removes what is there. Objects on the way that are missing are made.
    pub fn set(&mut self, pointer: &str, new: Option<Value>) -> Result<(), Forbidden> {
        let (parent, token) = match pointer.rsplit_once('/') {
            None if pointer.is_empty() => return self.write(String::new(), new),
            None => return Err(Forbidden::because(format!("`{pointer}` is no place in the definition."))),
            Some(split) => split,
        };
        match self.get(parent) {
            Some(Value::Object(_)) => self.write(pointer.to_owned(), new),
            Some(Value::Array(items)) => {
                let mut items = items.clone();
                let index = if token == "-" { Some(items.len()) } else { token.parse::<usize>().ok() };
                match (index.filter(|index| *index <= items.len()), new) {
                    (Some(index), Some(value)) if index == items.len() => items.push(value),
                    (Some(index), Some(value)) => items[index] = value,
                    (Some(index), None) if index < items.len() => {
                        items.remove(index);
                    }
                    _ => return Err(Forbidden::because(format!("There is no item {token} in `{parent}`."))),
                }
                self.write(parent.to_owned(), Some(Value::Array(items)))
            }
            None | Some(Value::Null) => match new {
                None => Ok(()),
                Some(value) => self.set(parent, Some(Value::Object(Map::from_iter([(unescaped(token), value)])))),
            },
            Some(_) => Err(Forbidden::because(format!(
                "`{parent}` is no object, so nothing can be put into it. Mend it first."
            ))),
        }
    }

    fn write(&mut self, pointer: String, new: Option<Value>) -> Result<(), Forbidden> {
        let old = self.get(&pointer).cloned();
        if old == new {
            return Ok(());
        }
        put(self.document.value_mut(), &pointer, new.clone());
        self.writes.push(Write { pointer, old, new });
        Ok(())
    }

    pub fn finish(mut self) -> Vec<Write> {
        self.finished = true;
        std::mem::take(&mut self.writes)
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if !self.finished {
            for write in self.writes.iter().rev() {
                put(self.document.value_mut(), &write.pointer, write.old.clone());
            }
        }
    }
}

/// Puts a value at a place whose parent is there. A parent that is not is left alone: the document was changed by
/// something else than its history, and guessing would make it worse.
fn put(document: &mut Value, pointer: &str, new: Option<Value>) {
    let Some((parent, token)) = pointer.rsplit_once('/') else {
        *document = new.unwrap_or(Value::Null);
        return;
    };
    match (document.pointer_mut(parent), new) {
        (Some(Value::Object(map)), Some(value)) => {
            map.insert(unescaped(token), value);
        }
        (Some(Value::Object(map)), None) => {
            map.remove(&unescaped(token));
        }
        (Some(Value::Array(items)), Some(value)) => {
            if let Some(item) = token.parse::<usize>().ok().and_then(|index| items.get_mut(index)) {
                *item = value;
            }
        }
        _ => {}
    }
}

fn unescaped(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}
