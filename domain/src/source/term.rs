//! How a mapping names a value: `column`, `"Column"`, `column#/place/in/json`, `header:name`, `'text'`, and alternatives of
//! these between bars.

use std::fmt;

/// One value, or the first of several that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Take {
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// A column, or the value at a JSON pointer in it.
    Column {
        name: String,
        pointer: Option<String>,
    },
    Header(String),
    Text(String),
}

/// Why a text names no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TermError {
    #[error("nothing is named here: give a column, `header:NAME`, or a fixed text in 'quotes'")]
    Empty,
    #[error("a quote is opened and never closed: `{0}`")]
    Open(String),
    #[error("`{0}` goes on after its closing quote; put alternatives between bars: a | b")]
    Trailing(String),
    #[error("`{0}` is no JSON pointer: it begins with a slash, as in body#/type")]
    Pointer(String),
}

impl Take {
    pub fn parse(text: &str) -> Result<Self, TermError> {
        let mut terms = Vec::new();
        let mut rest = text.trim();
        loop {
            let (term, after) = read(rest)?;
            terms.push(term);
            let after = after.trim_start();
            match after.strip_prefix('|') {
                Some(next) => rest = next.trim_start(),
                None if after.is_empty() => return Ok(Self { terms }),
                None => return Err(TermError::Trailing(text.trim().to_owned())),
            }
        }
    }

    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// The columns that it reads.
    pub fn columns(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.terms.iter().filter_map(|term| match term {
            Term::Column { name, pointer } => Some((name.as_str(), pointer.as_deref())),
            Term::Header(_) | Term::Text(_) => None,
        })
    }

    /// The term for a column of that name, with quotes where it needs them.
    pub fn of_column(name: &str) -> Self {
        Self { terms: vec![Term::Column { name: name.to_owned(), pointer: None }] }
    }
}

impl fmt::Display for Take {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, term) in self.terms.iter().enumerate() {
            f.write_str(if index > 0 { " | " } else { "" })?;
            match term {
                Term::Text(text) => write!(f, "'{}'", text.replace('\'', "''"))?,
                Term::Header(name) => write!(f, "header:{name}")?,
                Term::Column { name, pointer } => {
                    let plain = !name.is_empty()
                        && !name.starts_with("header:")
                        && name.trim() == name
                        && !name.contains(['"', '\'', '|', '#']);
                    if plain {
                        f.write_str(name)?
                    } else {
                        write!(f, "\"{}\"", name.replace('"', "\"\""))?
                    }
                    if let Some(pointer) = pointer {
                        write!(f, "#{pointer}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// One term, and what follows it.
fn read(text: &str) -> Result<(Term, &str), TermError> {
    if text.starts_with('\'') {
        let (literal, rest) = quoted(text, '\'')?;
        return Ok((Term::Text(literal), rest));
    }
    let (name, rest) = if text.starts_with('"') {
        quoted(text, '"')?
    } else {
        let end = text.find(['|', '#']).unwrap_or(text.len());
        if let Some(header) = text[..text.find('|').unwrap_or(text.len())].strip_prefix("header:") {
            let header = header.trim();
            let rest = &text[text.find('|').unwrap_or(text.len())..];
            return if header.is_empty() { Err(TermError::Empty) } else { Ok((Term::Header(header.to_owned()), rest)) };
        }
        (text[..end].trim().to_owned(), &text[end..])
    };
    if name.is_empty() {
        return Err(TermError::Empty);
    }
    let Some(behind) = rest.trim_start().strip_prefix('#') else {
        return Ok((Term::Column { name, pointer: None }, rest));
    };
    let end = behind.find('|').unwrap_or(behind.len());
    let pointer = behind[..end].trim();
    if !pointer.starts_with('/') {
        return Err(TermError::Pointer(pointer.to_owned()));
    }
    Ok((Term::Column { name, pointer: Some(pointer.to_owned()) }, &behind[end..]))
}

/// The text between quotes (a doubled quote is one), and what follows them.
fn quoted(text: &str, quote: char) -> Result<(String, &str), TermError> {
    let mut inside = String::new();
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character != quote {
            inside.push(character);
        } else if characters.peek().is_some_and(|(_, next)| *next == quote) {
            inside.push(quote);
            characters.next();
        } else {
            return Ok((inside, &text[at + quote.len_utf8()..]));
        }
    }
    Err(TermError::Open(text.to_owned()))
}
