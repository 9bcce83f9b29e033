//! How values are named.

use super::super::{Take, TermError};

/// The text that a term is written as when it is read.
fn check(text: &str, expected: &str) {
    let take = Take::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(take.to_string(), expected, "{text}");
    assert_eq!(Take::parse(expected).unwrap(), take, "{text}");
}

#[test]
fn terms_are_read() {
    for (text, expected) in [
        ("type", "type"),
        ("  type ", "type"),
        ("event type", "event type"),
        ("\"Type\"", "Type"),
        ("MessageType", "MessageType"),
        ("\"a | b\"", "\"a | b\""),
        ("\"say \"\"hi\"\"\"", "\"say \"\"hi\"\"\""),
        ("'order'", "'order'"),
        ("'it''s'", "'it''s'"),
        ("''", "''"),
        ("'a | b'|c", "'a | b' | c"),
        ("header:event-type", "header:event-type"),
        ("header: event-type ", "header:event-type"),
        ("\"header:x\"", "\"header:x\""),
        ("body#/type", "body#/type"),
        ("body #/messageType/0", "body#/messageType/0"),
        ("\"Body\"#/a b/c", "Body#/a b/c"),
        ("\"a#b\"#/c", "\"a#b\"#/c"),
        ("header:type | type|'Message'", "header:type | type | 'Message'"),
        ("a#/b | c", "a#/b | c"),
        ("größe", "größe"),
    ] {
        check(text, expected);
    }
}

#[test]
fn what_names_nothing_says_why() {
    for text in ["", "  ", "|", "a |", "| a", "a || b", "header:", "header: | a", "\"\""] {
        assert_eq!(Take::parse(text), Err(TermError::Empty), "{text}");
    }
    for text in ["'order", "\"order", "a | 'b", "'a''"] {
        assert!(matches!(Take::parse(text), Err(TermError::Open(_))), "{text}");
    }
    for text in ["'a' b", "\"a\" b", "'a''b' c"] {
        assert!(matches!(Take::parse(text), Err(TermError::Trailing(_))), "{text}");
    }
    for text in ["a#", "a#b", "\"a\"#b/c"] {
        assert!(matches!(Take::parse(text), Err(TermError::Pointer(_))), "{text}");
    }
}

#[test]
fn a_column_of_any_name_has_a_term() {
    for name in ["id", "Id", "a b", "a|b", "a#b", "it's", "say \"hi\"", "header:x", " x"] {
        let text = Take::of_column(name).to_string();
        assert_eq!(Take::parse(&text).unwrap().columns().collect::<Vec<_>>(), [(name, None)], "{text}");
    }
}
