//! Between JSON and CEL values, without losing what is a whole number.

use std::collections::HashMap;

use cel::{
    Value as Cel,
    common::{
        types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt},
        value::Val,
    },
    objects::OptionalValue,
};
use chrono::SecondsFormat;
use serde_json::{Map, Number, Value};

use super::DATA_BYTES_MAX;
use crate::duration;

/// What a value costs beside its text, roughly what punctuation and a number take in JSON.
const NODE_BYTES: usize = 4;

/// Converts JSON, taking its size from `bytes_left`; `None` when that does not suffice.
pub(super) fn from_json(json: &Value, bytes_left: &mut usize) -> Option<Box<dyn Val>> {
    *bytes_left = bytes_left.checked_sub(NODE_BYTES)?;
    Some(match json {
        Value::Null => Box::new(CelNull),
        Value::Bool(value) => Box::new(CelBool::from(*value)),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => Box::new(CelInt::from(value)),
            (None, Some(value)) => Box::new(CelUInt::from(value)),
            // A JSON number that is no whole one is always a double here: the feature for others is off.
            (None, None) => Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN))),
        },
        Value::String(text) => {
            *bytes_left = bytes_left.checked_sub(text.len())?;
            Box::new(CelString::from(text.clone()))
        }
        Value::Array(items) => {
            let items: Option<Vec<_>> = items.iter().map(|item| from_json(item, bytes_left)).collect();
            Box::new(CelList::from(items?))
        }
        Value::Object(map) => from_object(map, bytes_left)?,
    })
}

/// [`from_json`] for an object.
pub(super) fn from_object(map: &Map<String, Value>, bytes_left: &mut usize) -> Option<Box<dyn Val>> {
    let mut entries: HashMap<CelMapKey<'static>, Box<dyn Val>> = HashMap::with_capacity(map.len());
    for (key, value) in map {
        *bytes_left = bytes_left.checked_sub(key.len())?;
        entries.insert(CelMapKey::from(key.clone()), from_json(value, bytes_left)?);
    }
    Some(Box::new(CelMap::from(entries)))
}

/// Converts the result of an expression to JSON; the error says why that cannot be done.
pub(super) fn to_json(value: &Cel) -> Result<Value, String> {
    let mut bytes_left = DATA_BYTES_MAX;
    json_of(value, &mut bytes_left)
}

fn json_of(value: &Cel, bytes_left: &mut usize) -> Result<Value, String> {
    let mut take = |bytes: usize| {
        *bytes_left = bytes_left
            .checked_sub(bytes)
            .ok_or_else(|| format!("its result is larger than {DATA_BYTES_MAX} bytes of JSON"))?;
        Ok::<(), String>(())
    };
    take(NODE_BYTES)?;
    match value {
        Cel::Null => Ok(Value::Null),
        Cel::Bool(flag) => Ok(Value::from(*flag)),
        Cel::Int(number) => Ok(Value::from(*number)),
        Cel::UInt(number) => Ok(Value::from(*number)),
        Cel::Float(number) => {
            let number = Number::from_f64(*number);
            number.map(Value::Number).ok_or_else(|| "its result is no finite number".to_owned())
        }
        Cel::String(text) => {
            take(text.len())?;
            storable(text)?;
            Ok(Value::from(text.as_str()))
        }
        Cel::List(items) => items.iter().map(|item| json_of(item, bytes_left)).collect(),
        Cel::Map(map) => {
            let mut object = Map::new();
            for (key, item) in map.map.iter() {
                let key = key.to_string();
                storable(&key)?;
                object.insert(key, json_of(item, bytes_left)?);
            }
            Ok(Value::Object(object))
        }
        Cel::Timestamp(instant) => Ok(Value::from(instant.to_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true))),
        Cel::Duration(length) => Ok(Value::from(duration::format(*length))),
        Cel::Opaque(opaque) => match opaque.downcast_ref::<OptionalValue>() {
            Some(optional) => optional.value().map_or(Ok(Value::Null), |inner| json_of(inner, bytes_left)),
            None => Err("its result has no form in JSON".to_owned()),
        },
        other => Err(format!("its result, of type {}, has no form in JSON", other.type_of())),
    }
}

fn storable(text: &str) -> Result<(), String> {
    if text.contains('\0') {
        return Err("its result contains the NUL character, which databases refuse".to_owned());
    }
    Ok(())
}
