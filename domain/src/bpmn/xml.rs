//! XML as a tree of elements, read within bounds and written with indentation.
//!
//! Document types are refused, and with them every entity that a file could define: nothing grows while it is read.

use std::io;

use quick_xml::{
    NsReader, Writer, XmlVersion,
    escape::partial_escape,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event},
    name::{Namespace, ResolveResult},
};

/// How deep elements may be nested.
const DEPTH_MAX: usize = 64;
/// How many elements a file may have.
const ELEMENTS_MAX: usize = 60_000;

pub const BPMN: &str = "http://www.omg.org/spec/BPMN/20100524/MODEL";
pub const BPMNDI: &str = "http://www.omg.org/spec/BPMN/20100524/DI";
pub const DC: &str = "http://www.omg.org/spec/DD/20100524/DC";
pub const DI: &str = "http://www.omg.org/spec/DD/20100524/DI";
pub const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// Of the extension that holds what BPMN has no place for.
pub const BATON: &str = "urn:baton:bpmn:1";

/// The prefixes that elements are known by here, whatever those of a file are.
const PREFIXES: [(&str, &str); 5] = [("bpmn", BPMN), ("bpmndi", BPMNDI), ("dc", DC), ("di", DI), ("baton", BATON)];

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Element {
    /// With the prefix of [`PREFIXES`]; of any other namespace, `{namespace}name`.
    pub tag: String,
    /// As they are written, with the prefixes of the file.
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Element>,
    /// All text directly in it.
    pub text: String,
}

impl Element {
    pub fn new(tag: &str) -> Self {
        Self { tag: tag.to_owned(), ..Self::default() }
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.attributes.push((name.to_owned(), value.into()));
        self
    }

    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    #[must_use]
    pub fn child(mut self, child: Element) -> Self {
        self.children.push(child);
        self
    }

    #[must_use]
    pub fn children(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        self.children.extend(children);
        self
    }

    pub fn get(&self, attribute: &str) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name == attribute).map(|(_, value)| value.as_str())
    }

    pub fn first(&self, tag: &str) -> Option<&Element> {
        self.all(tag).next()
    }

    pub fn all(&self, tag: &str) -> impl Iterator<Item = &Element> {
        self.children.iter().filter(move |child| child.tag == tag)
    }

    /// The name without `bpmn:`; other prefixes stay.
    pub fn local(&self) -> &str {
        self.tag.strip_prefix("bpmn:").unwrap_or(&self.tag)
    }
}

/// Reads a whole document: its one element.
///
/// # Errors
///
/// A sentence that says what is wrong, and in which line.
pub fn read(text: &str) -> Result<Element, String> {
    let mut reader = NsReader::from_str(text.trim_start_matches('\u{feff}'));
    reader.config_mut().enable_all_checks(true);
    reader.config_mut().expand_empty_elements = true;
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    let mut count = 0;
    loop {
        let at = |position: u64| {
            let line =
                text.bytes().take(usize::try_from(position).unwrap_or(usize::MAX)).filter(|b| *b == b'\n').count();
            format!("(line {})", line + 1)
        };
        let before = reader.buffer_position();
        let (namespace, event) = reader
            .read_resolved_event()
            .map_err(|error| format!("This is no well-formed XML {}: {error}.", at(before)))?;
        match event {
            Event::Start(tag) => {
                count += 1;
                if root.is_some() {
                    return Err(format!("A second element follows the first one {}.", at(before)));
                }
                if open.len() >= DEPTH_MAX || count > ELEMENTS_MAX {
                    return Err(format!(
                        "At most {ELEMENTS_MAX} elements are read, nested {DEPTH_MAX} deep; there are more {}.",
                        at(before)
                    ));
                }
                let element = begun(&namespace, &tag).map_err(|why| format!("{why} {}.", at(before)))?;
                open.push(element);
            }
            Event::End(_) => {
                let Some(element) = open.pop() else {
                    return Err(format!("Nothing is open to be closed {}.", at(before)));
                };
                match open.last_mut() {
                    Some(parent) => parent.children.push(element),
                    None => root = Some(element),
                }
            }
            Event::Text(words) => {
                let words = words.xml10_content();
                match open.last_mut() {
                    Some(element) => element.text.push_str(&words),
                    None if words.trim().is_empty() => {}
                    None => return Err(format!("Text stands outside of all elements {}.", at(before))),
                }
            }
            Event::CData(words) => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&words.xml10_content());
                }
            }
            Event::GeneralRef(reference) => {
                let name = reference.xml10_content();
                let known = quick_xml::escape::unescape(&format!("&{name};")).map(|text| text.into_owned());
                let (Ok(known), Some(element)) = (known, open.last_mut()) else {
                    return Err(format!("The entity &{name}; is not known {}.", at(before)));
                };
                element.text.push_str(&known);
            }
            Event::DocType(_) => {
                return Err(format!("Document types (<!DOCTYPE …>) are not read {}: take it out.", at(before)));
            }
            Event::Eof if open.is_empty() => return root.ok_or_else(|| "There is no element in it.".to_owned()),
            Event::Eof => return Err("It ends before its elements do: it is not whole.".to_owned()),
            Event::Empty(_) => unreachable!("empty elements were asked to be expanded"),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

fn begun(namespace: &ResolveResult<'_>, tag: &BytesStart<'_>) -> Result<Element, String> {
    let local = tag.local_name().into_inner().to_owned();
    let name = match namespace {
        ResolveResult::Bound(Namespace(uri)) => match PREFIXES.iter().find(|(_, known)| known == uri) {
            Some((prefix, _)) => format!("{prefix}:{local}"),
            None => format!("{{{uri}}}{local}"),
        },
        ResolveResult::Unbound => local,
        ResolveResult::Unknown(prefix) => return Err(format!("The prefix `{prefix}` stands for nothing")),
    };
    let mut element = Element::new(&name);
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| format!("An attribute cannot be read: {error}"))?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| format!("An attribute cannot be read: {error}"))?;
        element.attributes.push((attribute.key.into_inner().to_owned(), value.into_owned()));
    }
    Ok(element)
}

/// A document with `root` as its element.
pub fn write(root: &Element) -> String {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    let written = writer
        .write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))
        .and_then(|()| write_element(&mut writer, root));
    written.expect("writing into memory cannot fail");
    let mut text = String::from_utf8(writer.into_inner()).expect("what was written are texts");
    text.push('\n');
    text
}

fn write_element(writer: &mut Writer<Vec<u8>>, element: &Element) -> io::Result<()> {
    let mut tag = BytesStart::new(element.tag.as_str());
    for (name, value) in &element.attributes {
        let value = storable(value);
        tag.push_attribute((name.as_str(), value.as_str()));
    }
    if element.children.is_empty() && element.text.is_empty() {
        return writer.write_event(Event::Empty(tag));
    }
    writer.write_event(Event::Start(tag))?;
    if !element.text.is_empty() {
        // Quotes may stand in text as they are; most of it is JSON.
        let text = storable(&element.text);
        writer.write_event(Event::Text(BytesText::from_escaped(partial_escape(text.as_str()))))?;
    }
    for child in &element.children {
        write_element(writer, child)?;
    }
    writer.write_event(Event::End(BytesEnd::new(element.tag.as_str())))
}

/// What XML has no way to say becomes a sign that says so. What has to come back unchanged has escaped it before
/// ([`json`]).
fn storable(text: &str) -> String {
    let sign = |c: char| match c {
        '\r' => '\n',
        c if is_allowed(c) => c,
        _ => '\u{fffd}',
    };
    text.chars().map(sign).collect()
}

/// XML 1.0, section 2.2.
fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// JSON that survives being XML: characters that XML cannot hold, or turns into others, are escaped.
pub fn json(value: &serde_json::Value) -> String {
    let text = value.to_string();
    if text.chars().all(|c| is_allowed(c) && c != '\u{85}' && c != '\u{2028}') {
        return text;
    }
    // Outside of strings JSON is plain ASCII, so these stand in strings, where an escape means the same.
    let escaped = text.chars().map(|c| match c {
        c if is_allowed(c) && c != '\u{85}' && c != '\u{2028}' => c.to_string(),
        c => format!("\\u{:04x}", u32::from(c)),
    });
    escaped.collect()
}
