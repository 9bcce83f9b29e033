//! What must be true of a table and its mapping before a row is read.

use super::{
    settings::{BATCH_MAX, Encoding, Mapping, Mark, Mode, POLL_MS_MAX, POLL_MS_MIN, TableSource},
    term::Take,
};
use crate::diagnostic::{Diagnostic, pointer_token};

/// How alike two names are at least, 0 to 1, for one to be suggested instead of the other.
const ALIKE: f64 = 0.6;

/// A table as it is in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    pub dialect: Dialect,
    pub columns: Vec<Column>,
    /// The columns of each unique index (without a condition) and of the primary key.
    pub unique: Vec<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dialect {
    Postgres,
    /// With the column that is the row's number, where no number is ever given twice.
    Sqlite {
        numbers: Option<String>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// In the words of the database.
    pub type_name: String,
    pub kind: ColumnKind,
    pub nullable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    Text,
    Json,
    Uuid,
    Integer,
    Number,
    Bytes,
    Boolean,
    Instant,
    /// PostgreSQL's `xid8`.
    Transaction,
    Other,
}

/// Every finding about `settings` for a table of this shape; pointers lead into the settings.
pub fn check(settings: &TableSource, shape: &Shape) -> Vec<Diagnostic> {
    let mut checking = Checking { shape, found: Vec::new() };
    checking.bounds(settings);
    checking.mapping(&settings.mapping);
    checking.key(settings);
    checking.order(settings);
    checking.log(settings.mode);
    checking.mark(settings.mode, settings.mark.as_ref());
    checking.transaction(settings);
    checking.found
}

struct Checking<'a> {
    shape: &'a Shape,
    found: Vec<Diagnostic>,
}

impl<'a> Checking<'a> {
    fn error(&mut self, code: &str, pointer: impl Into<String>, message: impl Into<String>) {
        self.found.push(Diagnostic::error(code, pointer, message));
    }

    fn bounds(&mut self, settings: &TableSource) {
        for (field, value, low, high) in
            [("poll_ms", settings.poll_ms, POLL_MS_MIN, POLL_MS_MAX), ("batch", settings.batch, 1, BATCH_MAX)]
        {
            if !(low..=high).contains(&value) {
                self.error("range", format!("/{field}"), format!("{field} is {value}; it goes from {low} to {high}"));
            }
        }
    }

    fn mapping(&mut self, mapping: &Mapping) {
        use ColumnKind as K;
        const PLAIN: [K; 7] = [K::Text, K::Uuid, K::Integer, K::Number, K::Boolean, K::Instant, K::Other];
        let payload: &[K] = match mapping.encoding {
            Encoding::Json => &[K::Json, K::Text],
            Encoding::Text => &[K::Text, K::Json, K::Uuid, K::Integer, K::Number, K::Boolean, K::Instant, K::Other],
            Encoding::Bytes => &[K::Bytes, K::Text],
            Encoding::Wolverine => &[K::Bytes],
        };
        self.take("type", Some(&mapping.message_type), &PLAIN);
        self.take("aggregate_type", Some(&mapping.aggregate_type), &PLAIN);
        self.take("aggregate_id", Some(&mapping.aggregate_id), &PLAIN);
        self.take("payload", Some(&mapping.payload), payload);
        self.take("id", mapping.id.as_deref(), &PLAIN);
        self.take("kind", mapping.kind.as_deref(), &[K::Text, K::Other]);
        self.take("aggregate_version", mapping.aggregate_version.as_deref(), &[K::Integer, K::Number, K::Text]);
        self.take("correlation_id", mapping.correlation_id.as_deref(), &PLAIN);
        self.take("causation_id", mapping.causation_id.as_deref(), &PLAIN);
        self.take("created_at", mapping.created_at.as_deref(), &[K::Instant, K::Text, K::Integer, K::Other]);
        if let Some(name) = &mapping.headers
            && let Some(column) = self.column("/mapping/headers", name)
            && !matches!(column.kind, K::Json | K::Text)
        {
            self.wrong_type("/mapping/headers", column, "an object of names and values, as JSON or text");
        }
    }

    fn take(&mut self, field: &str, text: Option<&str>, kinds: &[ColumnKind]) {
        let Some(text) = text else { return };
        let pointer = format!("/mapping/{field}");
        let take = match Take::parse(text) {
            Ok(take) => take,
            Err(error) => return self.error("term", pointer, error.to_string()),
        };
        for (name, inside) in take.columns() {
            let Some(column) = self.column(&pointer, name) else { continue };
            let in_json = [ColumnKind::Json, ColumnKind::Text, ColumnKind::Bytes];
            match inside {
                Some(_) if !in_json.contains(&column.kind) => {
                    self.wrong_type(&pointer, column, "JSON, to find places in it")
                }
                None if !kinds.contains(&column.kind) => {
                    let hint = expected(field, kinds, column.kind);
                    self.wrong_type(&pointer, column, &hint);
                }
                _ => {}
            }
        }
    }

    fn wrong_type(&mut self, pointer: &str, column: &Column, expected: &str) {
        let message = format!("`{}` is of the type {}; this needs {expected}.", column.name, column.type_name);
        self.error("wrong-type", pointer, message);
    }

    /// The column of that name; without one, the finding says which may be meant.
    fn column(&mut self, pointer: &str, name: &str) -> Option<&'a Column> {
        let found = self.shape.columns.iter().find(|column| column.name == name);
        if found.is_none() {
            let message = if name.is_empty() {
                "Choose a column.".to_owned()
            } else {
                format!("The table has no column `{name}`.{}", nearest(name, self.shape))
            };
            self.error("missing-column", pointer, message);
        }
        found
    }

    fn key(&mut self, settings: &TableSource) {
        const AT: &str = "/mapping/key";
        let Some(column) = self.column(AT, &settings.mapping.key) else { return };
        if matches!(column.kind, ColumnKind::Json | ColumnKind::Bytes) {
            return self.wrong_type(AT, column, "a number, a text or a UUID, to tell rows apart");
        }
        let with = settings.transaction.as_deref().filter(|_| settings.mode == Mode::ReadOnly);
        let tells_apart = |columns: &Vec<String>| {
            columns.contains(&column.name)
                && columns.iter().all(|name| *name == column.name || Some(name.as_str()) == with)
        };
        if !self.shape.unique.iter().any(tells_apart) {
            let single = self.shape.unique.iter().find(|columns| columns.len() == 1);
            let instead = single.map_or_else(
                || "Add a primary key or a unique index on one column to the table.".to_owned(),
                |columns| format!("`{}` is: take that.", columns[0]),
            );
            let message = format!("`{}` is not unique, so rows cannot be told apart by it. {instead}", column.name);
            self.error("no-key", AT, message);
        } else if column.nullable {
            let message =
                format!("`{}` may be empty, and such a row could not be told apart. Make it NOT NULL.", column.name);
            self.error("no-key", AT, message);
        }
    }

    fn order(&mut self, settings: &TableSource) {
        const AT: &str = "/mapping/order";
        match &settings.mapping.order {
            Some(name) => {
                let Some(column) = self.column(AT, name) else { return };
                if matches!(column.kind, ColumnKind::Json | ColumnKind::Bytes | ColumnKind::Boolean | ColumnKind::Uuid) {
                    return self.wrong_type(AT, column, "something that grows with every insertion: a number, an instant");
                }
                if column.nullable && matches!(settings.mode, Mode::ReadOnly | Mode::Log) {
                    let message = format!(
                        "`{name}` may be empty; with the mode {} every row needs its place.",
                        settings.mode.as_str()
                    );
                    self.error("wrong-type", AT, message);
                }
            }
            // The log has the order of the commits.
            None if matches!(self.shape.dialect, Dialect::Sqlite { .. }) || settings.mode == Mode::Log => {}
            None => self.found.push(Diagnostic::warning(
                "no-order",
                AT,
                "Without a column that grows with every insertion, rows come in the order of their transactions: two \
                 transactions of one aggregate at the same time may change places. Add a column from a sequence, if order \
                 matters.",
            )),
        }
        if let Dialect::Sqlite { numbers } = &self.shape.dialect
            && settings.mode == Mode::ReadOnly
            && numbers.as_ref() != Some(&settings.mapping.key)
        {
            self.error(
                "no-order",
                "/mode",
                "With the mode read_only the key must be INTEGER PRIMARY KEY AUTOINCREMENT: SQLite may give any other number a \
                 second time, and that row would be left out. Declare it so, or take the mode mark or delete.",
            );
        }
    }

    fn log(&mut self, mode: Mode) {
        if mode == Mode::Log && self.shape.dialect != Dialect::Postgres {
            self.error(
                "no-log",
                "/mode",
                "SQLite has no log that others could read: take the mode mark, delete or read_only.",
            );
        }
    }

    fn mark(&mut self, mode: Mode, mark: Option<&Mark>) {
        const AT: &str = "/mark/column";
        let mark = match (mode, mark) {
            (Mode::Mark, Some(mark)) => mark,
            (Mode::Mark, None) => {
                return self.error(
                    "no-mark",
                    "/mark",
                    "The mode mark needs the column that says which rows were taken in.",
                );
            }
            (_, Some(_)) => return self.error("no-mark", "/mark", "Only the mode mark has a column to mark."),
            (_, None) => return,
        };
        let Some(column) = self.column(AT, &mark.column) else { return };
        let has_values = mark.from.is_some() || mark.to.is_some();
        match column.kind {
            ColumnKind::Boolean | ColumnKind::Instant if has_values => {
                self.error(
                    "wrong-type",
                    "/mark",
                    "A truth value or an instant is marked by itself: leave from and to out.",
                );
            }
            ColumnKind::Instant if !column.nullable => {
                let message = format!(
                    "`{}` is never empty, so it cannot say which rows were not taken in. Make it nullable, or take a boolean.",
                    column.name
                );
                self.error("no-mark", AT, message);
            }
            ColumnKind::Boolean | ColumnKind::Instant => {}
            ColumnKind::Integer => {
                for (field, value) in [("from", &mark.from), ("to", &mark.to)] {
                    if value.as_ref().is_some_and(|value| value.parse::<i64>().is_err()) {
                        let message = format!("`{}` holds whole numbers.", column.name);
                        self.error("wrong-type", format!("/mark/{}", pointer_token(field)), message);
                    }
                }
            }
            ColumnKind::Text | ColumnKind::Other => {
                if mark.to.is_none() {
                    self.error("no-mark", "/mark/to", "Say what the column holds when the row was taken in.");
                }
                if mark.from.is_none() && !column.nullable {
                    self.error("no-mark", "/mark/from", "Say what the column holds before: it is never empty.");
                }
                if mark.to.is_some() && mark.from == mark.to {
                    self.error("no-mark", "/mark/to", "Before and afterwards it must hold something different.");
                }
            }
            _ => self.wrong_type(AT, column, "a boolean, a number, an instant or a text"),
        }
    }

    fn transaction(&mut self, settings: &TableSource) {
        const AT: &str = "/transaction";
        match &settings.transaction {
            Some(_) if settings.mode != Mode::ReadOnly => {
                self.error("transaction", AT, "Only the mode read_only asks for the transaction of a row.");
            }
            Some(name) => {
                let Some(column) = self.column(AT, name) else { return };
                if column.kind != ColumnKind::Transaction {
                    self.wrong_type(AT, column, "xid8, set by DEFAULT pg_current_xact_id()");
                }
            }
            None if settings.mode == Mode::ReadOnly && self.shape.dialect == Dialect::Postgres => {
                self.found.push(Diagnostic::warning(
                    "scan",
                    "/mode",
                    "Each look reads the whole table, whenever something was written on that server: fine for a table that is \
                     kept short. A column xid8 with an index, named under transaction, makes it cheap.",
                ));
            }
            None => {}
        }
    }
}

fn expected(field: &str, kinds: &[ColumnKind], is: ColumnKind) -> String {
    match (field, is) {
        ("payload", ColumnKind::Bytes) => "JSON or text; for bytes choose the encoding bytes".to_owned(),
        ("payload", _) if kinds == [ColumnKind::Bytes] => "bytes (bytea), as Wolverine writes them".to_owned(),
        ("payload", _) if kinds.contains(&ColumnKind::Bytes) => "bytes".to_owned(),
        ("payload", _) => "JSON or text".to_owned(),
        ("created_at", _) => "an instant, or a number of seconds or milliseconds".to_owned(),
        ("aggregate_version", _) => "a whole number".to_owned(),
        (_, ColumnKind::Json) => "a text or a number; name a place in the JSON, as in body#/id".to_owned(),
        _ => "a text or a number".to_owned(),
    }
}

fn nearest(name: &str, shape: &Shape) -> String {
    let lower = name.to_lowercase();
    let alike = |column: &Column| strsim::normalized_damerau_levenshtein(&column.name.to_lowercase(), &lower);
    let best = shape.columns.iter().map(|column| (alike(column), column)).max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((likeness, column)) if likeness >= ALIKE => format!(" Is `{}` meant?", column.name),
        _ => {
            let names: Vec<&str> = shape.columns.iter().take(20).map(|column| column.name.as_str()).collect();
            format!(" It has: {}.", names.join(", "))
        }
    }
}
