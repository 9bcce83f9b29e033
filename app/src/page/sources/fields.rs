//! The fields of a mapping: what each is called, and where it stands in the settings.

use baton_domain::source::{Mark, TableSource};

/// How a field is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// One of the columns.
    Column,
    /// A term: a column, or something else that names a value.
    Term,
    /// Anything.
    Text,
}

/// One field of the form.
#[derive(Clone, Copy)]
pub struct Field {
    pub label: &'static str,
    /// Its pointer in the settings, to which findings lead.
    pub pointer: &'static str,
    pub choice: Choice,
    pub required: bool,
    pub help: &'static str,
    pub get: fn(&TableSource) -> String,
    pub set: fn(&mut TableSource, String),
}

impl Field {
    /// The id of its control.
    pub fn id(&self) -> String {
        format!("source{}", self.pointer.replace(['/', '_'], "-"))
    }
}

fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.trim().is_empty())
}

fn told(text: &Option<String>) -> String {
    text.clone().unwrap_or_default()
}

fn mark(settings: &mut TableSource) -> &mut Mark {
    settings.mark.get_or_insert_with(|| Mark { column: String::new(), from: None, to: None })
}

macro_rules! field {
    ($label:literal, $pointer:literal, $choice:ident, $required:literal, $help:literal, $get:expr, $set:expr) => {
        Field {
            label: $label,
            pointer: $pointer,
            choice: Choice::$choice,
            required: $required,
            help: $help,
            get: $get,
            set: $set,
        }
    };
}

/// What tells rows apart and in which order they come.
pub const ROWS: [Field; 2] = [
    field!(
        "Key",
        "/mapping/key",
        Column,
        true,
        "Tells rows apart: unique, never empty.",
        |s| s.mapping.key.clone(),
        |s, text| {
            s.mapping.key = text;
        }
    ),
    field!(
        "Order",
        "/mapping/order",
        Column,
        false,
        "Grows with every insertion.",
        |s| told(&s.mapping.order),
        |s, text| s.mapping.order = given(text)
    ),
];

/// What the parts of a message are taken from.
pub const MAPPING: [Field; 11] = [
    field!(
        "Type",
        "/mapping/type",
        Term,
        true,
        "What happened, or what is asked for.",
        |s| s.mapping.message_type.clone(),
        |s, text| s.mapping.message_type = text
    ),
    field!(
        "Type: only behind the last",
        "/mapping/type_after",
        Text,
        false,
        "A dot makes OrderPlaced of com.shop.OrderPlaced.",
        |s| told(&s.mapping.type_after),
        |s, text| s.mapping.type_after = given(text)
    ),
    field!(
        "Aggregate type",
        "/mapping/aggregate_type",
        Term,
        true,
        "A fixed text stands in 'quotes'.",
        |s| s.mapping.aggregate_type.clone(),
        |s, text| s.mapping.aggregate_type = text
    ),
    field!(
        "Aggregate id",
        "/mapping/aggregate_id",
        Term,
        true,
        "Messages with the same one stay in order.",
        |s| s.mapping.aggregate_id.clone(),
        |s, text| s.mapping.aggregate_id = text
    ),
    field!(
        "Payload",
        "/mapping/payload",
        Term,
        true,
        "A place in JSON: body#/message.",
        |s| s.mapping.payload.clone(),
        |s, text| s.mapping.payload = text
    ),
    field!(
        "Message id",
        "/mapping/id",
        Term,
        false,
        "Empty: made of the key, the same each time.",
        |s| told(&s.mapping.id),
        |s, text| s.mapping.id = given(text)
    ),
    field!(
        "Headers",
        "/mapping/headers",
        Column,
        false,
        "An object; its values are named header:NAME.",
        |s| told(&s.mapping.headers),
        |s, text| s.mapping.headers = given(text)
    ),
    field!(
        "Kind",
        "/mapping/kind",
        Term,
        false,
        "event or command; empty: event.",
        |s| told(&s.mapping.kind),
        |s, text| s.mapping.kind = given(text)
    ),
    field!(
        "Correlation id",
        "/mapping/correlation_id",
        Term,
        false,
        "",
        |s| told(&s.mapping.correlation_id),
        |s, text| s.mapping.correlation_id = given(text)
    ),
    field!(
        "Aggregate version",
        "/mapping/aggregate_version",
        Term,
        false,
        "",
        |s| told(&s.mapping.aggregate_version),
        |s, text| s.mapping.aggregate_version = given(text)
    ),
    field!(
        "Created at",
        "/mapping/created_at",
        Term,
        false,
        "Empty: when it is taken in.",
        |s| told(&s.mapping.created_at),
        |s, text| s.mapping.created_at = given(text)
    ),
];

/// Only with the mode `mark`.
pub const MARK: [Field; 3] = [
    field!(
        "Column to mark",
        "/mark/column",
        Column,
        true,
        "A truth value, a number, an instant or a text.",
        |s| s.mark.as_ref().map(|mark| mark.column.clone()).unwrap_or_default(),
        |s, text| mark(s).column = text
    ),
    field!(
        "Before",
        "/mark/from",
        Text,
        false,
        "Of a number or a text; empty: nothing, or 0.",
        |s| s.mark.as_ref().map(|mark| told(&mark.from)).unwrap_or_default(),
        |s, text| mark(s).from = given(text)
    ),
    field!(
        "Afterwards",
        "/mark/to",
        Text,
        false,
        "Of a number (empty: 1) or a text.",
        |s| s.mark.as_ref().map(|mark| told(&mark.to)).unwrap_or_default(),
        |s, text| mark(s).to = given(text)
    ),
];

/// Only with the mode `read_only`.
pub const TRANSACTION: Field = field!(
    "Transaction",
    "/transaction",
    Column,
    false,
    "A column xid8 with an index; without one the whole table is read each time.",
    |s| told(&s.transaction),
    |s, text| s.transaction = given(text)
);
