//! Patterns of routes: `*` stands for any characters, none included; everything else for itself.

/// Whether the whole `text` matches `pattern`. Takes at most `pattern.len() * text.len()` steps.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at_pattern, mut at_text) = (0, 0);
    // Where the last star stands, and up to where it has swallowed the text.
    let mut star: Option<(usize, usize)> = None;
    while at_text < text.len() {
        match pattern.get(at_pattern) {
            Some(b'*') => {
                star = Some((at_pattern, at_text));
                at_pattern += 1;
            }
            Some(byte) if *byte == text[at_text] => {
                at_pattern += 1;
                at_text += 1;
            }
            _ => {
                let Some((star_at, swallowed)) = star else { return false };
                star = Some((star_at, swallowed + 1));
                at_pattern = star_at + 1;
                at_text = swallowed + 1;
            }
        }
    }
    pattern[at_pattern..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::matches;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "OrderPlaced", true),
            ("", "", true),
            ("", "a", false),
            ("Order*", "OrderPlaced", true),
            ("Order*", "Order", true),
            ("Order*", "NewOrder", false),
            ("*Placed", "OrderPlaced", true),
            ("*Placed", "OrderPlacedTwice", false),
            ("*a*b", "xxaxxbxxab", true),
            ("*a*b", "xxaxxbxxac", false),
            ("Order.Placed", "OrderxPlaced", false),
            ("order*", "OrderPlaced", false),
            ("**", "x", true),
            ("*호텔*", "서울호텔예약", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern:?} on {text:?}");
        }
    }

    /// The obvious, exponential way to say what a pattern means.
    fn meaning(pattern: &[u8], text: &[u8]) -> bool {
        match pattern {
            [] => text.is_empty(),
            [b'*', rest @ ..] => (0..=text.len()).any(|swallowed| meaning(rest, &text[swallowed..])),
            [byte, rest @ ..] => text.first() == Some(byte) && meaning(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_meaning(pattern in "[ab*]{0,8}", text in "[ab]{0,8}") {
            prop_assert_eq!(matches(&pattern, &text), meaning(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
