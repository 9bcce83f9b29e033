//! The messages of PostgreSQL's `pgoutput` plug-in, protocol version 1, as far as readers of it need them: pure.
//!
//! Begin and Commit are taken apart by the client library. See "Logical Replication Message Formats" in PostgreSQL's
//! manual.

/// One message of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    /// Comes before the first row of a table, and again when the table changed.
    Relation(Relation),
    /// A row as it was inserted; the values are in the order of the relation's columns.
    Insert { relation: u32, values: Vec<Value<'a>> },
    /// Updates, deletes, truncations, types, origins: nothing that a reader acts on.
    Other,
}

/// A table of the publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Relation {
    pub id: u32,
    pub schema: String,
    pub table: String,
    pub columns: Vec<String>,
}

/// A column's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Null,
    Text(&'a str),
}

/// Why bytes are no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error("the message ends in the middle of {0}")]
    Truncated(&'static str),
    #[error("{0} is not UTF-8")]
    Encoding(&'static str),
    #[error("a message of the unknown kind {0:?}")]
    Kind(char),
    #[error("{what} cannot be {found:?}")]
    Unexpected { what: &'static str, found: char },
    #[error("{0} bytes are left over")]
    LeftOver(usize),
    #[error("{0} cannot be negative")]
    Negative(&'static str),
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Message<'_>, DecodeError> {
    let mut bytes = Bytes(bytes);
    let message = match bytes.byte("the kind of message")? {
        b'R' => Message::Relation(relation(&mut bytes)?),
        b'I' => {
            let relation = bytes.number("a relation's number")?;
            match bytes.byte("the kind of tuple")? {
                b'N' => {}
                other => return Err(DecodeError::Unexpected { what: "the tuple of an insert", found: other.into() }),
            }
            Message::Insert { relation, values: tuple(&mut bytes)? }
        }
        b'U' | b'D' | b'T' | b'Y' | b'O' | b'M' => return Ok(Message::Other),
        other => return Err(DecodeError::Kind(other.into())),
    };
    match bytes.0.len() {
        0 => Ok(message),
        left => Err(DecodeError::LeftOver(left)),
    }
}

fn relation(bytes: &mut Bytes<'_>) -> Result<Relation, DecodeError> {
    let id = bytes.number("a relation's number")?;
    let schema = bytes.text("a schema's name")?.to_owned();
    let table = bytes.text("a table's name")?.to_owned();
    bytes.byte("a replica identity")?;
    let count = bytes.count("the number of columns")?;
    let mut columns = Vec::with_capacity(count);
    for _ in 0..count {
        bytes.byte("a column's flags")?;
        columns.push(bytes.text("a column's name")?.to_owned());
        bytes.number("a column's type")?;
        bytes.number("a column's modifier")?;
    }
    Ok(Relation { id, schema, table, columns })
}

fn tuple<'a>(bytes: &mut Bytes<'a>) -> Result<Vec<Value<'a>>, DecodeError> {
    let count = bytes.count("the number of values")?;
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        values.push(match bytes.byte("the kind of a value")? {
            b'n' => Value::Null,
            b't' => {
                let length = bytes.number("a value's length")?;
                let length =
                    usize::try_from(length.cast_signed()).map_err(|_| DecodeError::Negative("a value's length"))?;
                let value = bytes.take(length, "a value")?;
                Value::Text(str::from_utf8(value).map_err(|_| DecodeError::Encoding("a value"))?)
            }
            // 'u' (unchanged and stored elsewhere) is for updates, 'b' (binary) was not asked for.
            other => return Err(DecodeError::Unexpected { what: "the kind of a value", found: other.into() }),
        });
    }
    Ok(values)
}

/// What is left to read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self.0.split_at_checked(length).ok_or(DecodeError::Truncated(what))?;
        self.0 = rest;
        Ok(head)
    }

    fn byte(&mut self, what: &'static str) -> Result<u8, DecodeError> {
        Ok(self.take(1, what)?[0])
    }

    fn number(&mut self, what: &'static str) -> Result<u32, DecodeError> {
        let (head, rest) = self.0.split_first_chunk::<4>().ok_or(DecodeError::Truncated(what))?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*head))
    }

    fn count(&mut self, what: &'static str) -> Result<usize, DecodeError> {
        let (head, rest) = self.0.split_first_chunk::<2>().ok_or(DecodeError::Truncated(what))?;
        self.0 = rest;
        usize::try_from(i16::from_be_bytes(*head)).map_err(|_| DecodeError::Negative(what))
    }

    /// Ends with a zero byte.
    fn text(&mut self, what: &'static str) -> Result<&'a str, DecodeError> {
        let end = self.0.iter().position(|byte| *byte == 0).ok_or(DecodeError::Truncated(what))?;
        let text = self.take(end, what)?;
        self.take(1, what)?;
        str::from_utf8(text).map_err(|_| DecodeError::Encoding(what))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `R`, number 16390, baton.outbox, replica identity `d`, the columns `seq` (bigint, a key) and `type` (text), as
    /// PostgreSQL 15 sends them.
    const RELATION: &[u8] =
        b"R\0\0\x40\x06baton\0outbox\0d\0\x02\x01seq\0\0\0\0\x14\xff\xff\xff\xff\0type\0\0\0\0\x19\xff\xff\xff\xff";
    /// (41, 'Paid').
    const INSERT: &[u8] = b"I\0\0\x40\x06N\0\x02t\0\0\0\x0241t\0\0\0\x04Paid";

    #[test]
    fn a_relation_names_its_columns() {
        let relation = Relation {
            id: 16390,
            schema: "baton".into(),
            table: "outbox".into(),
            columns: vec!["seq".into(), "type".into()],
        };
        assert_eq!(decode(RELATION), Ok(Message::Relation(relation)));
    }

    #[test]
    fn an_insert_has_its_values_in_order() {
        let values = vec![Value::Text("41"), Value::Text("Paid")];
        assert_eq!(decode(INSERT), Ok(Message::Insert { relation: 16390, values }));
        let null = b"I\0\0\0\x01N\0\x02nt\0\0\0\0";
        assert_eq!(decode(null), Ok(Message::Insert { relation: 1, values: vec![Value::Null, Value::Text("")] }));
    }

    #[test]
    fn what_no_reader_acts_on_is_passed_over() {
        for kind in [b'U', b'D', b'T', b'Y', b'O', b'M'] {
            assert_eq!(decode(&[kind, 1, 2, 3]), Ok(Message::Other));
        }
    }

    #[test]
    fn every_cut_is_noticed() {
        for whole in [RELATION, INSERT] {
            for end in 0..whole.len() {
                assert!(matches!(decode(&whole[..end]), Err(DecodeError::Truncated(_))), "cut at {end}");
            }
            assert_eq!(decode(&[whole, b"x"].concat()), Err(DecodeError::LeftOver(1)));
        }
    }

    #[test]
    fn bad_bytes_are_told() {
        let check = |bytes: &[u8], expected: &str| {
            assert_eq!(decode(bytes).unwrap_err().to_string(), expected);
        };
        check(b"", "the message ends in the middle of the kind of message");
        check(b"Z", "a message of the unknown kind 'Z'");
        check(b"I\0\0\0\x01O\0\0", "the tuple of an insert cannot be 'O'");
        check(b"I\0\0\0\x01N\0\x01u", "the kind of a value cannot be 'u'");
        check(b"I\0\0\0\x01N\xff\xff", "the number of values cannot be negative");
        check(b"I\0\0\0\x01N\0\x01t\xff\xff\xff\xff", "a value's length cannot be negative");
        check(b"I\0\0\0\x01N\0\x01t\0\0\0\x02\xff\xfe", "a value is not UTF-8");
        check(b"R\0\0\0\x01\xff\0", "a schema's name is not UTF-8");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in prop::sample::select(b"RIUDTYOMZ".to_vec())) {
            let _ = decode(&bytes);
            let _ = decode(&[&[kind], bytes.as_slice()].concat());
        }
    }
}
