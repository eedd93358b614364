//! HTML of the caller, inserted anywhere in a document.
//!
//! The tags of a template language must work anywhere text is allowed: in a sentence, a heading, a
//! table cell, a title. So a template only inserts a *marker*, which no rule of Markdown affects,
//! and the writer replaces it with HTML, or with plain text where only text is allowed.
//!
//! ```
//! use kramdown::embed::{self, Embed, Embeds};
//! use kramdown::{Options, html};
//!
//! let mut embeds = Embeds::default();
//! let marker = embeds.marker(Embed {
//!     html: "<b>93 %</b>".to_owned(),
//!     text: "93 %".to_owned(),
//!     block: false,
//! });
//! let text = format!("It got {marker} right, see [here](/a \"{marker}\").");
//! let mut document = kramdown::parse(&text, &Options::default());
//! embed::resolve(&mut document, &embeds);
//! assert_eq!(
//!     html::document(&document, html::Context::new(&embeds)),
//!     "<p>It got <b>93 %</b> right, see <a href=\"/a\" title=\"93 %\">here</a>.</p>\n"
//! );
//! ```

use std::borrow::Cow;

use crate::html::escape_attribute;
pub use crate::markers::{resolve, resolve_inline};

/// Starts a marker. It is a noncharacter of Unicode, which does not occur in text; if it does, it
/// is removed.
const OPEN: char = '\u{FDD0}';
/// Ends a marker.
const CLOSE: char = '\u{FDD1}';

/// What replaces a marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embed {
    /// As HTML: one element that is a block, or phrasing content if `block` is false.
    pub html: String,
    /// As plain text, for titles, alternative text and code.
    pub text: String,
    /// Whether it is a block.
    pub block: bool,
}

/// All embeds of a document, by number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Embeds(Vec<Embed>);

/// A piece of text that may contain markers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Text without markers.
    Text(&'a str),
    /// The marker of this embed.
    Embed(usize),
}

impl Embeds {
    /// Adds `embed` and returns its marker, for use in the text.
    pub fn marker(&mut self, embed: Embed) -> String {
        format!("{OPEN}{}{CLOSE}", self.add(embed))
    }

    /// Adds `embed` and returns its number, for a [`Kind::Embed`](crate::tree::Kind::Embed) that is
    /// put into the tree.
    pub fn add(&mut self, embed: Embed) -> usize {
        self.0.push(embed);
        self.0.len() - 1
    }

    /// How many embeds there are: the number of the next one.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The embed with this number, which is that of a [`Kind::Embed`](crate::tree::Kind::Embed).
    pub fn numbered(&self, number: usize) -> Option<&Embed> {
        self.0.get(number)
    }

    /// Replaces all markers with plain text.
    pub fn as_text(&self, text: &str) -> String {
        self.replaced(text, |embed| embed.text.as_str().into())
    }

    /// Replaces all markers in TeX with plain text in which TeX's own characters are escaped.
    pub fn in_tex(&self, tex: &str) -> String {
        self.replaced(tex, |embed| {
            let mut escaped = String::with_capacity(embed.text.len());
            for letter in embed.text.chars() {
                if matches!(letter, '%' | '#' | '&' | '$' | '_' | '{' | '}') {
                    escaped.push('\\');
                }
                escaped.push(letter);
            }
            escaped.into()
        })
    }

    /// Replaces all markers with what `shown` makes of their embeds.
    pub fn written(&self, text: &str, shown: impl Fn(&Embed) -> String) -> String {
        let written = |number| self.numbered(number).map(&shown).unwrap_or_default();
        pieces(text)
            .map(|piece| match piece {
                Piece::Text(text) => text.to_owned(),
                Piece::Embed(number) => written(number),
            })
            .collect()
    }

    /// Replaces all markers in HTML with their HTML, or inside a tag with plain text that is
    /// escaped for an attribute.
    pub fn in_html(&self, html: &str) -> String {
        let mut written = String::with_capacity(html.len());
        for piece in pieces(html) {
            match piece {
                Piece::Text(text) => written.push_str(text),
                Piece::Embed(number) => {
                    let Some(embed) = self.numbered(number) else { continue };
                    let inside_tag = written.rfind('<') > written.rfind('>');
                    if inside_tag {
                        escape_attribute(&mut written, &embed.text);
                    } else {
                        written.push_str(&embed.html);
                    }
                }
            }
        }
        written
    }

    fn replaced<'a>(&'a self, text: &'a str, shown: impl Fn(&'a Embed) -> Cow<'a, str>) -> String {
        pieces(text)
            .map(|piece| match piece {
                Piece::Text(text) => text.into(),
                Piece::Embed(number) => self.numbered(number).map_or("".into(), &shown),
            })
            .collect()
    }
}

/// Splits text at its markers.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                return None;
            }
            let Some(at) = marker_character(rest) else {
                return Some(Piece::Text(std::mem::take(&mut rest)));
            };
            if at > 0 {
                let (text, marker) = rest.split_at(at);
                rest = marker;
                return Some(Piece::Text(text));
            }
            let Some(after) = rest.strip_prefix(OPEN) else {
                rest = &rest[CLOSE.len_utf8()..];
                continue;
            };
            match after
                .split_once(CLOSE)
                .and_then(|(number, rest)| Some((number.parse().ok()?, rest)))
            {
                Some((number, behind)) => {
                    rest = behind;
                    return Some(Piece::Embed(number));
                }
                // Not a marker: the text itself contained the noncharacter.
                None => rest = after,
            }
        }
    })
}

/// Whether the text contains a marker, or a stray piece of one.
pub fn has_marker(text: &str) -> bool {
    marker_character(text).is_some()
}

/// The place of the first character of a marker.
fn marker_character(text: &str) -> Option<usize> {
    // Hardly any text contains the first byte of both characters, and finding a byte is fast.
    let first = memchr::memchr_iter(0xEF, text.as_bytes());
    first.into_iter().find(|&at| text[at..].starts_with([OPEN, CLOSE]))
}

/// Removes the characters of markers from an author's text, so that none of it can be mistaken for
/// a marker.
pub fn without_marker_characters(text: &str) -> Cow<'_, str> {
    if has_marker(text) { text.replace([OPEN, CLOSE], "").into() } else { text.into() }
}

/// The parts of an author's text between the characters of markers.
pub fn between_marker_characters(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (part, behind) = match marker_character(text) {
            Some(at) => (&text[..at], Some(&text[at + OPEN.len_utf8()..])),
            None => (text, None),
        };
        rest = behind;
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(embeds: &mut Embeds) -> String {
        embeds.marker(Embed {
            html: "<b>93 %</b>".to_owned(),
            text: "93 \"%\"".to_owned(),
            block: false,
        })
    }

    #[test]
    fn a_marker_becomes_html_between_tags_and_text_inside_one() {
        let mut embeds = Embeds::default();
        let marker = number(&mut embeds);
        let html = format!("<p title=\"{marker}\">{marker}</p>");
        assert_eq!(embeds.in_html(&html), "<p title=\"93 &quot;%&quot;\"><b>93 %</b></p>");
    }

    #[test]
    fn stray_marker_characters_are_removed() {
        assert_eq!(without_marker_characters("a\u{FDD0}b\u{FDD1}c"), "abc");
        assert_eq!(Embeds::default().as_text("a\u{FDD0}b\u{FDD1}c"), "abc");
    }

    #[test]
    fn an_unknown_number_shows_nothing() {
        assert_eq!(Embeds::default().as_text("a\u{FDD0}7\u{FDD1}c"), "ac");
    }
}
