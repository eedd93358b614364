//! What may be defined anywhere in a text: link targets, footnotes, abbreviations, attribute lists.

use crate::attributes::{self, List};
use crate::block::{self, Block, BlockKind, Parser, is_ascii_space};
use crate::scan::{self, count, is_blank, line, line_length, unindented};
use std::collections::{BTreeMap, BTreeSet};

/// All definitions of a text, by name.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    pub(super) links: BTreeMap<String, LinkTarget>,
    pub(super) footnotes: BTreeMap<String, FootnoteText>,
    /// The index of each footnote. Set when all are known.
    pub(super) footnote_numbers: BTreeMap<String, usize>,
    pub(super) abbreviations: BTreeMap<String, Abbreviation>,
    /// The distinct lengths of abbreviations, the longest first. Set when all are known.
    pub(super) abbreviation_lengths: Vec<usize>,
    pub(super) attribute_lists: attributes::Definitions,
}

/// The target of a link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LinkTarget {
    pub(super) url: String,
    pub(super) title: Option<String>,
    pub(super) list: List,
}

/// The content of a footnote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FootnoteText {
    pub(super) blocks: Vec<Block>,
}

/// The meaning of an abbreviation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Abbreviation {
    pub(super) title: String,
    pub(super) list: List,
}

/// The definition on a line, for the attribute list that may follow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Defined {
    Link(String),
    /// A footnote, which has no attributes.
    Footnote,
    Abbreviation(String),
}

impl Definitions {
    /// Computes what is needed once all definitions are known.
    pub(super) fn complete(&mut self) {
        self.footnote_numbers = self.footnotes.keys().cloned().zip(0..).collect();
        let lengths: BTreeSet<usize> = self.abbreviations.keys().map(String::len).collect();
        self.abbreviation_lengths = lengths.into_iter().rev().collect();
    }

    /// Adds attributes to a definition.
    pub(super) fn add(&mut self, defined: &Defined, list: &List) {
        let known = match defined {
            Defined::Link(name) => self.links.get_mut(name).map(|link| &mut link.list),
            Defined::Footnote => None,
            Defined::Abbreviation(name) => {
                self.abbreviations.get_mut(name).map(|abbreviation| &mut abbreviation.list)
            }
        };
        if let Some(known) = known {
            known.merge(list);
        }
    }
}

/// The name of a link as it is looked up: in lower case, with a space for any white space.
pub(super) fn link_name(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for character in text.chars().flat_map(char::to_lowercase) {
        match is_ascii_space(character) {
            true if name.ends_with(' ') => {}
            true => name.push(' '),
            false => name.push(character),
        }
    }
    name
}

impl Parser<'_, '_, '_> {
    /// `[name]: url "title"`. The title may be on a line of its own.
    pub(super) fn link_definition(&mut self, blocks: &mut Vec<Block>) -> bool {
        let Some((name, after)) = bracketed_name(unindented(self.rest()), "[") else {
            return false;
        };
        let Some((url, title, length)) = link_target(after) else { return false };
        let target = LinkTarget { url, title, list: List::default() };
        self.position = self.text.len() - after.len() + length;
        let name = link_name(name);
        self.context.definitions.links.insert(name.clone(), target);
        self.define(blocks, Defined::Link(name));
        true
    }

    /// `[^name]: text`, with the indented lines that belong to it.
    pub(super) fn footnote_definition(&mut self, blocks: &mut Vec<Block>) -> bool {
        let Some((name, after)) = bracketed_name(unindented(self.rest()), "[^") else {
            return false;
        };
        if scan::name_length(name) != name.len() {
            return false;
        }
        let first = line(after);
        let length = first.len() + block::indented_length(&after[first.len()..]);
        let mut text = first.trim_start_matches([' ', '\t']).to_owned();
        for line in after[first.len()..length].split_inclusive('\n') {
            text.push_str(scan::without_indentation(line));
        }
        self.position = self.text.len() - after.len() + length;
        let inside = block::blocks(&text, self.context, self.depth + 2);
        let footnote = FootnoteText { blocks: inside };
        self.context.definitions.footnotes.insert(name.to_owned(), footnote);
        self.define(blocks, Defined::Footnote);
        true
    }

    /// `*[abbreviation]: meaning`.
    pub(super) fn abbreviation_definition(&mut self, blocks: &mut Vec<Block>) -> bool {
        let Some((name, after)) = bracketed_name(unindented(self.rest()), "*[") else {
            return false;
        };
        let title = line(after).trim_matches(is_ascii_space).to_owned();
        self.position = self.text.len() - after.len() + line_length(after);
        let abbreviation = Abbreviation { title, list: List::default() };
        self.context.definitions.abbreviations.insert(name.to_owned(), abbreviation);
        self.define(blocks, Defined::Abbreviation(name.to_owned()));
        true
    }

    fn define(&mut self, blocks: &mut Vec<Block>, defined: Defined) {
        if let Some(list) = self.pending.take() {
            self.context.definitions.add(&defined, &list);
        }
        blocks.push(Block::new(BlockKind::Definition(defined)));
    }
}

/// The name between `open` and `]:`, on one line, and the rest.
fn bracketed_name<'t>(text: &'t str, open: &str) -> Option<(&'t str, &'t str)> {
    let inside = text.strip_prefix(open)?;
    let (name, after) = inside.split_at(inside.find([']', '\n'])?);
    let after = after.strip_prefix("]:")?;
    (!name.is_empty()).then_some((name, after))
}

/// The address and title after the colon of a link definition, and their length with the line end.
fn link_target(text: &str) -> Option<(String, Option<String>, usize)> {
    let first = line(text);
    let spaces = count(text, is_blank);
    let start = &first[spaces..];
    let pointed = start.strip_prefix('<').and_then(|inside| inside.split_once('>'));
    if let Some((url, after)) = pointed
        && let Some((title, length)) = title_or_end(&text[first.len() - after.len()..])
    {
        return Some((url.to_owned(), title, first.len() - after.len() + length));
    }
    // After a space, a quote must start a title, or this is not a definition.
    let bytes = start.as_bytes();
    let is_title =
        |at: usize| is_blank(bytes[at]) && matches!(bytes.get(at + 1), Some(b'"' | b'\''));
    let length = (0..bytes.len()).find(|&at| is_title(at)).unwrap_or(bytes.len());
    let url = start[..length].trim_matches(is_ascii_space);
    if url.is_empty() {
        return None;
    }
    let after = spaces + url.len();
    let (title, length) = title_or_end(&text[after..])?;
    Some((url.to_owned(), title, after + length))
}

/// An optional title in quotes, on this line or the next, up to the end of the line.
fn title_or_end(text: &str) -> Option<(Option<String>, usize)> {
    let spaces = count(text, is_blank);
    let ended = text[spaces..].starts_with('\n') || text.len() == spaces;
    let start = if ended {
        line_length(text) + count(text.get(line_length(text)..)?, is_blank)
    } else {
        spaces
    };
    let quoted = || {
        let title = text.get(start..)?;
        let quote = title.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let line = line(title);
        let inside = line[1..].trim_end_matches(is_ascii_space).strip_suffix(quote)?;
        (!inside.is_empty()).then(|| (inside.to_owned(), start + line.len()))
    };
    match quoted() {
        Some((title, length)) if ended || spaces > 0 => Some((Some(title), length)),
        _ if ended => Some((None, line_length(text))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, Option<&str>, usize)>) {
        let expected =
            expected.map(|(url, title, length)| (url.to_owned(), title.map(str::to_owned), length));
        assert_eq!(link_target(text), expected);
    }

    #[test]
    fn an_address_may_have_spaces_and_a_title() {
        check(" http://x y \"t\"\nz", Some(("http://x y", Some("t"), 16)));
        check(" <http://x y> 't'\n", Some(("http://x y", Some("t"), 18)));
        check(" x\n   'T'\nz", Some(("x", Some("T"), 10)));
        check(" x\nz\n", Some(("x", None, 3)));
    }

    #[test]
    fn an_open_quote_or_no_address_is_no_definition() {
        check(" x 't\n", None);
        check(" it's\n", Some(("it's", None, 6)));
        check("\n", None);
    }

    #[test]
    fn a_link_name_ignores_case_and_the_amount_of_space() {
        assert_eq!(link_name("Foo \n BAR"), "foo bar");
    }
}
