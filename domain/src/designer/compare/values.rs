//! Differences of JSON values, as small as a reader wants them: objects by their keys, lists by what was put into them
//! or taken out of them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diagnostic::pointer_token;

/// One value, before and after; `None` where there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// A JSON pointer into the new value; where nothing is there any more, into the old one.
    pub pointer: String,
    #[serde(default, deserialize_with = "there", skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    #[serde(default, deserialize_with = "there", skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
}

/// A `null` that is there is a value.
fn there<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

pub fn differences(old: Option<&Value>, new: Option<&Value>) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    walk(String::new(), old, new, &mut changes);
    changes
}

fn walk(pointer: String, old: Option<&Value>, new: Option<&Value>, into: &mut Vec<FieldChange>) {
    match (old, new) {
        _ if old == new => {}
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
            keys.sort_unstable();
            keys.dedup();
            for key in keys {
                walk(format!("{pointer}/{}", pointer_token(key)), before.get(key), after.get(key), into);
            }
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) => lists(pointer, before, after, into),
        _ => into.push(FieldChange { pointer, old: old.cloned(), new: new.cloned() }),
    }
}

/// What both begin and end with is the same. Between, items are the same by their index if there are as many of them;
/// or they were only put in, or only taken out. Anything else is told as the whole list.
fn lists(pointer: String, before: &[Value], after: &[Value], into: &mut Vec<FieldChange>) {
    let start = before.iter().zip(after).take_while(|(old, new)| old == new).count();
    let end = before[start..].iter().rev().zip(after[start..].iter().rev()).take_while(|(old, new)| old == new).count();
    let (old, new) = (&before[start..before.len() - end], &after[start..after.len() - end]);
    let at = |index: usize| format!("{pointer}/{}", start + index);
    match (old, new) {
        ([], new) => {
            let put_in = new.iter().enumerate();
            into.extend(put_in.map(|(index, item)| FieldChange {
                pointer: at(index),
                old: None,
                new: Some(item.clone()),
            }));
        }
        (old, []) => {
            let taken_out = old.iter().enumerate();
            into.extend(taken_out.map(|(index, item)| FieldChange {
                pointer: at(index),
                old: Some(item.clone()),
                new: None,
            }));
        }
        (old, new) if old.len() == new.len() && !is_other_order(old, new) => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                walk(at(index), Some(old), Some(new), into);
            }
        }
        _ => into.push(FieldChange { pointer, old: Some(before.into()), new: Some(after.into()) }),
    }
}

fn is_other_order(old: &[Value], new: &[Value]) -> bool {
    let sorted = |items: &[Value]| {
        let mut texts: Vec<String> = items.iter().map(Value::to_string).collect();
        texts.sort_unstable();
        texts
    };
    old.len() > 1 && sorted(old) == sorted(new)
}
