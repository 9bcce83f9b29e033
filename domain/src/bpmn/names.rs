//! Names: from nodes to ids of XML, and from what people wrote beside shapes to names of nodes and messages.

use std::collections::BTreeSet;

/// Longer names are cut: a name of a node has at most 100 bytes, and a number may follow.
const NAME_CHARS_MAX: usize = 60;

/// Names that were given out.
#[derive(Debug, Default)]
pub struct Taken(BTreeSet<String>);

impl Taken {
    /// `wanted`, or `wanted-2` and so on.
    pub fn take(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        let mut number = 2_u32;
        while !self.0.insert(name.clone()) {
            name = format!("{wanted}-{number}");
            number += 1;
        }
        name
    }
}

/// An id as XML allows it, as near to `name` as can be.
pub fn xml_id(name: &str) -> String {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut id: String = name.chars().map(|c| if fine(c) { c } else { '_' }).collect();
    if !id.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
        id.insert(0, '_');
    }
    id
}

/// `Check the dates?` → `check-the-dates`; none when there is nothing to make a name of.
pub fn kebab(text: &str) -> Option<String> {
    let words = words(text);
    let mut name = words.join("-").to_ascii_lowercase();
    name.truncate(NAME_CHARS_MAX);
    let name = name.trim_matches('-').to_owned();
    let name = if name.starts_with(|first: char| first.is_ascii_digit()) { format!("n-{name}") } else { name };
    (!name.is_empty()).then_some(name)
}

/// `Book the flight` → `BookTheFlight`; none when there is nothing to make a name of.
pub fn camel(text: &str) -> Option<String> {
    let capital = |word: &String| {
        let (first, rest) = word.split_at(1);
        first.to_ascii_uppercase() + rest
    };
    let name: String = words(text).iter().map(capital).collect();
    let name: String = name.chars().take(NAME_CHARS_MAX).collect();
    name.starts_with(|first: char| first.is_ascii_alphabetic()).then_some(name)
}

/// Runs of ASCII letters and digits; a capital after a small letter begins another.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for c in text.chars() {
        if !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && was_small) {
            words.push(String::new());
        }
        if c.is_ascii_alphanumeric() {
            words.last_mut().expect("there is always one").push(c);
        }
        was_small = c.is_ascii_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_what_people_wrote() {
        for (text, expected) in [
            ("Check the dates?", Some("check-the-dates")),
            ("Activity_0x1fAb", Some("activity-0x1f-ab")),
            ("2nd try", Some("n-2nd-try")),
            ("예약", None),
            (" -- ", None),
        ] {
            assert_eq!(kebab(text).as_deref(), expected, "{text}");
        }
        assert_eq!(camel("book the flight").as_deref(), Some("BookTheFlight"));
        assert_eq!(camel("FlightBooked").as_deref(), Some("FlightBooked"));
        assert_eq!(camel("42"), None);
        assert!(kebab(&"very long ".repeat(40)).unwrap().len() <= 62);
    }

    #[test]
    fn names_are_given_out_once() {
        let mut taken = Taken::default();
        assert_eq!([taken.take("a"), taken.take("a"), taken.take("a")], ["a", "a-2", "a-3"]);
        assert_eq!(xml_id("7 days/week"), "_7_days_week");
    }
}
