//! Attribute lists: `{: #id .class key="value" name}`.
//!
//! ```
//! let list = kramdown::attributes::parse_list("#a .b key='c d' toc");
//! assert_eq!(list.attributes.value("key"), Some("c d"));
//! assert!(list.refers_to("toc"));
//! ```

use std::collections::BTreeMap;

use crate::tree::Attributes;

/// The content of an attribute list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct List {
    /// Its own attributes. Classes are joined; for other names, the last value wins.
    pub attributes: Attributes,
    /// Names of lists that are defined elsewhere by `{:name: …}`, and words of kramdown such as
    /// `toc`.
    pub references: Vec<String>,
}

/// How many other lists a list may include.
const MAX_REFERENCES: usize = 64;

/// Lists defined by `{:name: …}`, by name.
pub type Definitions = BTreeMap<String, List>;

impl List {
    /// Whether the list contains this word.
    pub fn refers_to(&self, name: &str) -> bool {
        self.references.iter().any(|reference| reference == name)
    }

    /// All attributes: those of the lists that it refers to, directly or indirectly, then its own.
    pub fn resolved(&self, definitions: &Definitions) -> Attributes {
        if self.references.is_empty() {
            return self.attributes.clone();
        }
        let mut attributes = Attributes::default();
        self.collect(definitions, &mut Vec::new(), &mut attributes);
        attributes
    }

    fn collect<'a>(
        &'a self,
        definitions: &'a Definitions,
        seen: &mut Vec<&'a str>,
        into: &mut Attributes,
    ) {
        for name in &self.references {
            // Lists may refer to each other in cycles, and there may be very many.
            if seen.len() >= MAX_REFERENCES || seen.contains(&name.as_str()) {
                continue;
            }
            seen.push(name);
            if let Some(list) = definitions.get(name) {
                list.collect(definitions, seen, into);
            }
        }
        into.merge(&self.attributes);
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &List) {
        for name in &other.references {
            if !self.refers_to(name) {
                self.references.push(name.clone());
            }
        }
        self.attributes.merge(&other.attributes);
    }
}

/// Reads an attribute list, given without its braces and first colon. Anything invalid in it is
/// skipped.
pub fn parse_list(text: &str) -> List {
    let mut list = List::default();
    for part in parts(text) {
        match part {
            Part::Id(id) => list.attributes.set("id", id),
            Part::Class(class) => list.attributes.add_class(class),
            Part::Pair("class", value) => list.attributes.add_class(&value),
            Part::Pair(name, value) => list.attributes.set(name.to_owned(), value),
            Part::Reference(name) => list.references.push(name.to_owned()),
            Part::Other => {}
        }
    }
    list
}

/// One part of an attribute list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part<'a> {
    /// `#id`.
    Id(&'a str),
    /// `.class`.
    Class(&'a str),
    /// `key="value"`.
    Pair(&'a str, String),
    /// A name alone.
    Reference(&'a str),
    /// Anything else.
    Other,
}

/// Splits an attribute list, given without its braces and first colon, into its parts.
pub fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let first = rest.chars().next()?;
        let (part, length) = match first {
            '.' | '#' => class_or_id(rest),
            _ => pair_or_reference(rest),
        };
        rest = &rest[length..];
        Some(part)
    })
}

/// Reads `.class` or `#id` at the start of `text`; returns it with its length in bytes.
fn class_or_id(text: &str) -> (Part<'_>, usize) {
    let end = text[1..]
        .find(|c: char| c.is_whitespace() || c == '.' || c == '#')
        .map_or(text.len(), |at| at + 1);
    let name = &text[1..end];
    let part = match name {
        "" => Part::Other,
        _ if text.starts_with('.') => Part::Class(name),
        _ => Part::Id(name),
    };
    (part, end)
}

/// Reads `key="value"`, `key='value'` or a name at the start of `text`; returns it with its length
/// in bytes.
fn pair_or_reference(text: &str) -> (Part<'_>, usize) {
    let name_end = text.find(|c| !is_name_character(c)).unwrap_or(text.len());
    let (name, after) = text.split_at(name_end);
    let is_name = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let word_end = || text.find(char::is_whitespace).unwrap_or(text.len());
    if !is_name {
        return (Part::Other, word_end());
    }
    if after.is_empty() || after.starts_with(char::is_whitespace) {
        return (Part::Reference(name), name_end);
    }
    let quote = after
        .strip_prefix('=')
        .and_then(|value| value.chars().next())
        .filter(|c| matches!(c, '"' | '\''));
    match quote.and_then(|quote| quoted(&after[2..], quote)) {
        Some((value, length)) => (Part::Pair(name, value), name_end + 2 + length),
        None => (Part::Other, word_end()),
    }
}

/// Reads up to the closing `quote`; returns the value and the number of bytes read, including the
/// quote. A backslash escapes a quote or a closing brace.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => match letters.next_if(|&(_, next)| next == quote || next == '}') {
                Some((_, escaped)) => value.push(escaped),
                None => value.push('\\'),
            },
            _ if letter == quote => return Some((value, at + quote.len_utf8())),
            _ => value.push(letter),
        }
    }
    None
}

/// Whether a name in an attribute list may contain the character.
pub fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_list(text: &str, expected: &[(&str, &str)]) {
        let list = parse_list(text);
        assert_eq!(list.attributes.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn ids_classes_and_pairs_are_read() {
        check_list(" .center-image", &[("class", "center-image")]);
        check_list(
            " #id .a.b key='v' data-x=\"1 2\"",
            &[("id", "id"), ("class", "a b"), ("key", "v"), ("data-x", "1 2")],
        );
        check_list(".a class=\"b c\"", &[("class", "a b c")]);
    }

    #[test]
    fn quotes_and_braces_can_be_escaped_in_values() {
        check_list(r#"title="a \"b\" {c\}""#, &[("title", "a \"b\" {c}")]);
    }

    #[test]
    fn invalid_parts_of_a_list_are_skipped() {
        check_list(".a = ,b \"x\" c=d . #", &[("class", "a")]);
    }

    #[test]
    fn words_are_references() {
        assert_eq!(parse_list("toc .a no_toc").references, ["toc", "no_toc"]);
    }

    #[test]
    fn lists_may_refer_to_each_other() {
        let mut definitions = Definitions::new();
        definitions.insert("a".to_owned(), parse_list("b .x"));
        definitions.insert("b".to_owned(), parse_list("a .y"));
        let attributes = parse_list("a title='t'").resolved(&definitions);
        assert_eq!(attributes.iter().collect::<Vec<_>>(), [("class", "y x"), ("title", "t")]);
    }
}
