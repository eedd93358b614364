//! Adds kramdown's attribute lists, `{: #id .class key="value" name}`, to CommonMark, whose parser
//! does not know them.
//!
//! Before the parser runs, each list is replaced with a mark that Markdown ignores
//! ([`Lists::take_out`]); the marks are then found in the parser's events. A list on a line of its
//! own becomes an HTML comment. A comment ends paragraphs, lists, quotes and tables exactly where
//! kramdown's list would end them, so it becomes a block after the one that it belongs to.

use std::borrow::Cow;
use std::fmt::Write;

use kramdown::attributes::{Definitions, Part, is_name_character, parse_list, parts};
use kramdown::tree::Attributes;

/// The words with a meaning that need no definition.
const KNOWN_WORDS: [&str; 2] = ["toc", "no_toc"];

/// Starts the mark of a list, after a comma. It is a noncharacter of Unicode, like those of
/// [`embed`](kramdown::embed).
const MARK: char = '\u{FDD2}';

/// The attribute lists that were taken out of a text.
#[derive(Debug, Default)]
pub(super) struct Lists {
    found: Vec<Found>,
}

/// A list and its place.
#[derive(Debug)]
pub(super) struct Found {
    /// The source of the list, with braces.
    source: String,
    /// The attributes to add to the node that it belongs to. Empty for a definition, `{:name: …}`.
    pub(super) attributes: Attributes,
    /// Whether it turns a list into the table of contents.
    pub(super) is_toc: bool,
    /// Whether the line above is empty, so that a list on a line of its own belongs to the block
    /// below.
    pub(super) after_blank: bool,
}

impl Lists {
    /// Replaces each attribute list with a mark. Braces around anything else are kept.
    pub(super) fn take_out(text: &str) -> (Cow<'_, str>, Lists) {
        let text: Cow<'_, str> =
            if text.contains(MARK) { text.replace(MARK, "").into() } else { text.into() };
        let mut lists = Lists::default();
        if !text.contains("{:") {
            return (text, lists);
        }
        let definitions = definitions(&text);
        let mut out = String::with_capacity(text.len());
        let mut after_blank = true;
        for line in text.split_inclusive('\n') {
            let body = line.trim_start_matches([' ', '\t', '>']);
            let whole_line = braced(body).filter(|braced| body[braced.len()..].trim().is_empty());
            match whole_line.and_then(|braced| found(braced, &definitions, after_blank)) {
                Some(found) => {
                    out.push_str(&line[..line.len() - body.len()]);
                    out.push_str("<!--");
                    lists.push_mark(&mut out, found);
                    out.push_str("-->");
                    out.push_str(if line.ends_with('\n') { "\n" } else { "" });
                }
                None => lists.take_out_of_line(&mut out, line, &definitions),
            }
            after_blank = body.trim().is_empty();
        }
        (out.into(), lists)
    }

    fn take_out_of_line(&mut self, out: &mut String, line: &str, definitions: &Definitions) {
        let mut rest = line;
        while let Some(at) = rest.find("{:") {
            let (before, from) = rest.split_at(at);
            out.push_str(before);
            let is_escaped = before.ends_with('\\');
            let found = braced(from)
                .filter(|_| !is_escaped)
                .and_then(|braced| found(braced, definitions, false));
            let length = found.as_ref().map_or(2, |found| found.source.len());
            match found {
                Some(found) => self.push_mark(out, found),
                None => out.push_str("{:"),
            }
            rest = &from[length..];
        }
        out.push_str(rest);
    }

    fn push_mark(&mut self, out: &mut String, found: Found) {
        // Like the list, a mark starts and ends with punctuation, so that `_em_{: .a}` stays
        // emphasis. It has no braces, which would have to be balanced in TeX.
        write!(out, ",{MARK}{},", self.found.len()).expect("writing to a string never fails");
        self.found.push(found);
    }

    /// Splits text at its marks.
    pub(super) fn pieces<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Piece<'a>> {
        let mut rest = text;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            match self.first_mark(rest) {
                None => Some(Piece::Text(std::mem::take(&mut rest))),
                Some((0, length, found)) => {
                    rest = &rest[length..];
                    Some(Piece::List(found))
                }
                Some((at, ..)) => {
                    let (text, after) = rest.split_at(at);
                    rest = after;
                    Some(Piece::Text(text))
                }
            }
        })
    }

    /// The list whose mark is the only content of this HTML.
    pub(super) fn in_comment(&self, html: &str) -> Option<&Found> {
        let inside = html.trim().strip_prefix("<!--")?.strip_suffix("-->")?;
        match self.first_mark(inside)? {
            (0, length, found) if length == inside.len() => Some(found),
            _ => None,
        }
    }

    /// Restores the source of the lists in text where they are not attribute lists: code, TeX,
    /// addresses, HTML.
    pub(super) fn restored<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut restored = String::new();
        let mut rest = text;
        while let Some((at, length, found)) = self.first_mark(rest) {
            let (before, after) = (&rest[..at], &rest[at + length..]);
            let (before, after) = match (before.strip_suffix("<!--"), after.strip_prefix("-->")) {
                (Some(before), Some(after)) => (before, after),
                _ => (before, after),
            };
            restored.push_str(before);
            restored.push_str(&found.source);
            rest = after;
        }
        if restored.is_empty() {
            return text.into();
        }
        restored.push_str(rest);
        restored.into()
    }

    /// Finds the first mark: its position, its length and its list.
    fn first_mark(&self, text: &str) -> Option<(usize, usize, &Found)> {
        if self.found.is_empty() {
            return None;
        }
        let sign = text.find(MARK)?;
        let at = sign.checked_sub(1).filter(|&at| text.as_bytes()[at] == b',')?;
        let (number, _) = text[sign + MARK.len_utf8()..].split_once(',')?;
        let length = 1 + MARK.len_utf8() + number.len() + 1;
        Some((at, length, self.found.get(number.parse::<usize>().ok()?)?))
    }
}

/// A piece of text with marks.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    /// Text without marks.
    Text(&'a str),
    /// A list.
    List(&'a Found),
}

impl Found {
    /// The source of the list.
    pub(super) fn source(&self) -> &str {
        &self.source
    }
}

/// The attribute list at the start of `text`, up to its closing brace, on one line.
fn braced(text: &str) -> Option<&str> {
    let inside = text.strip_prefix("{:")?;
    let mut after_backslash = false;
    for (at, letter) in inside.char_indices() {
        match letter {
            '\n' => return None,
            // Searching for the same closing brace from each of many opening ones would take
            // quadratic time.
            '{' if !after_backslash => return None,
            '}' if !after_backslash => return Some(&text[..=2 + at]),
            _ => after_backslash = letter == '\\' && !after_backslash,
        }
    }
    None
}

fn found(braced: &str, definitions: &Definitions, after_blank: bool) -> Option<Found> {
    let inside = &braced[2..braced.len() - 1];
    if definition(inside).is_some() {
        let source = braced.to_owned();
        return Some(Found {
            source,
            attributes: Attributes::default(),
            is_toc: false,
            after_blank,
        });
    }
    // Braces with a colon also occur in TeX and code (`A_{:j}`), so a list must consist only of
    // valid parts and defined names.
    let is_part = |part: Part<'_>| match part {
        Part::Reference(name) => definitions.contains_key(name) || KNOWN_WORDS.contains(&name),
        Part::Other => false,
        Part::Id(_) | Part::Class(_) | Part::Pair(..) => true,
    };
    let is_list = !inside.trim().is_empty() && parts(inside).all(is_part);
    is_list.then(|| {
        let list = parse_list(inside);
        let mut attributes = list.resolved(definitions);
        if list.refers_to("no_toc") {
            attributes.add_class("no_toc");
        }
        Found { source: braced.to_owned(), attributes, is_toc: list.refers_to("toc"), after_blank }
    })
}

/// All definitions `{:name: …}` of a text. A later one adds to an earlier one of the same name.
fn definitions(text: &str) -> Definitions {
    let mut definitions = Definitions::new();
    for line in text.lines() {
        let Some(braced) = braced(line.trim_start()) else { continue };
        let Some((name, inside)) = definition(&braced[2..braced.len() - 1]) else { continue };
        let attributes = parse_list(inside).resolved(&definitions);
        definitions.entry(name.to_owned()).or_default().attributes.merge(&attributes);
    }
    definitions
}

/// Splits `name: .class` of a definition.
fn definition(inside: &str) -> Option<(&str, &str)> {
    let (name, list) = inside.split_once(':')?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(is_name_character);
    is_name.then_some((name, list))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_round_trip(text: &str) {
        let (marked, lists) = Lists::take_out(text);
        assert!(marked.contains(MARK), "nothing was taken out of {text:?}");
        assert_eq!(lists.restored(&marked), text);
    }

    #[test]
    fn references_come_before_own_attributes() {
        let definitions = definitions("{:ref: .a key='1'}\n");
        let attributes = parse_list(".b key='2' ref").resolved(&definitions);
        assert_eq!(attributes.iter().collect::<Vec<_>>(), [("class", "a b"), ("key", "2")]);
    }

    #[test]
    fn lists_are_restored_unchanged() {
        check_round_trip("a{: .b} and\n  {: #c}\n> {: .d}\n\n{:name: .x}\n{: name}");
    }

    #[test]
    fn braces_that_are_not_lists_are_kept() {
        for text in
            ["$A_{:j}$", "{: }", "{:}", r"\{: .a}", "{: .a", "{:key 1}", "x[{:,0}]", "{: .a\n}"]
        {
            let (marked, _) = Lists::take_out(text);
            assert_eq!(marked, text);
        }
    }

    #[test]
    fn marks_typed_by_the_author_are_removed() {
        let (marked, lists) = Lists::take_out("a,\u{FDD2}0, *b*{: .c}");
        assert_eq!(lists.restored(&marked), "a,0, *b*{: .c}");
    }
}
