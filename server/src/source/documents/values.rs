//! What stands in a document, as JSON: pure.
//!
//! | BSON | JSON |
//! | --- | --- |
//! | text, boolean, null, object, list, symbol | the same |
//! | int32, int64 | a number, exact (also above 2⁵³, where JavaScript rounds) |
//! | double | a number; NaN and the infinities are no numbers in JSON |
//! | decimal128 | a text, because a number would be rounded |
//! | date | a text, RFC 3339 in UTC with milliseconds |
//! | ObjectId | a text, 24 hexadecimal digits |
//! | binary | a text, base64; a UUID (subtype 4) in its usual form |
//! | undefined | null |
//! | anything else | has no meaning outside of the server |
//!
//! What has no place in JSON stands in the result as a text in angle brackets and is reported with where it stands; an event
//! that holds it is not taken for a message.

use std::ops::RangeInclusive;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use baton_domain::diagnostic::pointer_token;
use mongodb::bson::{Binary, Bson, Document, spec::BinarySubtype};
use serde_json::{Map, Value};
use uuid::Uuid;

/// How many things without a place in JSON are told of; one is enough to refuse the event.
const PROBLEMS_MAX: usize = 8;
/// The years that RFC 3339 can write, 0 to 9999, in milliseconds from 1970.
const WRITABLE_MS: RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;

/// A value as JSON, and what in it has no place there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Converted {
    pub value: Value,
    pub problems: Vec<Problem>,
}

/// Something without a place in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// JSON pointer into the value.
    pub pointer: String,
    pub what: String,
}

/// A document as a JSON object.
pub fn object(document: &Document) -> Converted {
    let mut problems = Vec::new();
    let value = Value::Object(members(document, "", &mut problems));
    Converted { value, problems }
}

/// Any value as JSON.
pub fn value(bson: &Bson) -> Converted {
    let mut problems = Vec::new();
    let value = convert(bson, "", &mut problems);
    Converted { value, problems }
}

/// A value in few characters, to say which document or event is meant.
pub fn brief(bson: &Bson) -> String {
    match value(bson).value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn members(document: &Document, pointer: &str, problems: &mut Vec<Problem>) -> Map<String, Value> {
    let member = |(name, value): (&String, &Bson)| {
        let pointer = format!("{pointer}/{}", pointer_token(name));
        (name.clone(), convert(value, &pointer, problems))
    };
    document.iter().map(member).collect()
}

fn convert(bson: &Bson, pointer: &str, problems: &mut Vec<Problem>) -> Value {
    let mut odd = |what: String| {
        if problems.len() < PROBLEMS_MAX {
            problems.push(Problem { pointer: pointer.to_owned(), what: what.clone() });
        }
        Value::String(format!("<{what}>"))
    };
    match bson {
        Bson::String(text) | Bson::Symbol(text) => Value::String(text.clone()),
        Bson::Boolean(truth) => Value::Bool(*truth),
        Bson::Null | Bson::Undefined => Value::Null,
        Bson::Int32(number) => (*number).into(),
        Bson::Int64(number) => (*number).into(),
        Bson::Double(number) => match serde_json::Number::from_f64(*number) {
            Some(number) => Value::Number(number),
            None => odd(number.to_string()),
        },
        Bson::Decimal128(number) => Value::String(number.to_string()),
        Bson::ObjectId(id) => Value::String(id.to_hex()),
        Bson::DateTime(instant) => match instant.try_to_rfc3339_string() {
            Ok(text) if WRITABLE_MS.contains(&instant.timestamp_millis()) => Value::String(text),
            _ => odd(format!("a date {} ms from 1970", instant.timestamp_millis())),
        },
        Bson::Binary(binary) => Value::String(text_of(binary)),
        Bson::Document(document) => Value::Object(members(document, pointer, problems)),
        Bson::Array(items) => {
            let item = |(index, item)| convert(item, &format!("{pointer}/{index}"), problems);
            Value::Array(items.iter().enumerate().map(item).collect())
        }
        Bson::RegularExpression(_) => odd("a regular expression".to_owned()),
        Bson::JavaScriptCode(_) | Bson::JavaScriptCodeWithScope(_) => odd("JavaScript".to_owned()),
        Bson::Timestamp(_) => odd("a timestamp of the server's own kind; use a date".to_owned()),
        Bson::DbPointer(_) => odd("a pointer of the server".to_owned()),
        Bson::MinKey => odd("MinKey".to_owned()),
        Bson::MaxKey => odd("MaxKey".to_owned()),
    }
}

fn text_of(binary: &Binary) -> String {
    match Uuid::from_slice(&binary.bytes) {
        Ok(id) if binary.subtype == BinarySubtype::Uuid => id.to_string(),
        _ => BASE64_STANDARD.encode(&binary.bytes),
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{
        DateTime, Decimal128, JavaScriptCodeWithScope, Regex, Timestamp, doc, oid::ObjectId, raw::CString,
    };
    use serde_json::json;

    use super::*;

    fn becomes(bson: impl Into<Bson>, expected: Value) {
        let bson = bson.into();
        assert_eq!(value(&bson), Converted { value: expected, problems: Vec::new() }, "{bson:?}");
    }

    fn is_refused(bson: impl Into<Bson>, what: &str) {
        let converted = object(&doc! { "a/b": [1, bson.into()] });
        let expected = Problem { pointer: "/a~1b/1".to_owned(), what: what.to_owned() };
        assert_eq!(converted.problems, [expected]);
        assert_eq!(converted.value["a/b"][1], format!("<{what}>"));
    }

    #[test]
    fn what_json_has_stays_what_it_is() {
        becomes("text", json!("text"));
        becomes(true, json!(true));
        becomes(Bson::Null, json!(null));
        becomes(Bson::Undefined, json!(null));
        becomes(Bson::Symbol("s".into()), json!("s"));
        becomes(-7_i32, json!(-7));
        becomes(1.5, json!(1.5));
        becomes(-0.0, json!(-0.0));
        becomes(doc! { "a": { "b": [1, "x", {}] } }, json!({"a": {"b": [1, "x", {}]}}));
    }

    #[test]
    fn whole_numbers_stay_exact() {
        for number in [i64::MIN, -9_007_199_254_740_993, 0, 9_007_199_254_740_993, i64::MAX] {
            becomes(number, json!(number));
            assert_eq!(value(&number.into()).value.to_string(), number.to_string());
        }
    }

    #[test]
    fn what_json_has_no_type_for_becomes_a_text() {
        becomes("1234567890.123456789012345678".parse::<Decimal128>().unwrap(), json!("1234567890.123456789012345678"));
        becomes(ObjectId::parse_str("65f0c0ffee65f0c0ffee65f0").unwrap(), json!("65f0c0ffee65f0c0ffee65f0"));
        becomes(DateTime::from_millis(1_790_000_000_123), json!("2026-09-21T14:13:20.123Z"));
        becomes(DateTime::from_millis(0), json!("1970-01-01T00:00:00Z"));
        let bytes = |subtype, bytes: &[u8]| Binary { subtype, bytes: bytes.to_vec() };
        becomes(bytes(BinarySubtype::Generic, &[0xff, 0x00]), json!("/wA="));
        let id = Uuid::from_u128(7);
        becomes(bytes(BinarySubtype::Uuid, id.as_bytes()), json!("00000000-0000-0000-0000-000000000007"));
        // Which of several orders the bytes of this one are in depends on the driver that wrote it.
        becomes(bytes(BinarySubtype::UuidOld, id.as_bytes()), json!("AAAAAAAAAAAAAAAAAAAABw=="));
        becomes(bytes(BinarySubtype::Uuid, &[1]), json!("AQ=="));
    }

    #[test]
    fn what_has_no_place_in_json_is_told_with_where_it_stands() {
        is_refused(f64::NAN, "NaN");
        is_refused(f64::INFINITY, "inf");
        is_refused(f64::NEG_INFINITY, "-inf");
        is_refused(Bson::MinKey, "MinKey");
        is_refused(Bson::MaxKey, "MaxKey");
        is_refused(Timestamp { time: 1, increment: 2 }, "a timestamp of the server's own kind; use a date");
        is_refused(Bson::JavaScriptCode("1".into()), "JavaScript");
        is_refused(JavaScriptCodeWithScope { code: "1".into(), scope: doc! {} }, "JavaScript");
        let text = |text: &str| CString::try_from(text.to_owned()).unwrap();
        is_refused(Regex { pattern: text("^a"), options: text("i") }, "a regular expression");
        is_refused(DateTime::from_millis(253_402_300_800_000), "a date 253402300800000 ms from 1970");
        is_refused(DateTime::MAX, &format!("a date {} ms from 1970", i64::MAX));
    }

    #[test]
    fn many_problems_are_told_of_once() {
        let converted = object(&doc! { "all": vec![Bson::MinKey; 1_000] });
        assert_eq!(converted.problems.len(), PROBLEMS_MAX);
        assert_eq!(converted.value["all"][999], "<MinKey>");
    }
}
