//! What labpress's own tags leave in a body, between Liquid and Markdown.
//!
//! A tag such as `{% value … %}` must work wherever text can stand: in a sentence, a heading, a
//! table cell, a title. So Liquid leaves only a *marker* in the text, which no Markdown rule
//! touches, and the writer puts the HTML (or, where only text can stand, the plain text) in its
//! place.

use crate::html::escape_attribute;

/// Starts a marker. A noncharacter of Unicode, never part of a text; a body that holds one all the
/// same loses it.
const OPEN: char = '\u{FDD0}';
/// Ends a marker.
const CLOSE: char = '\u{FDD1}';

/// What a tag shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embed {
    /// As HTML: phrasing content if `block` is false, else one element that may stand among blocks.
    pub html: String,
    /// As plain text, for titles, alternative texts and code.
    pub text: String,
    /// Whether it stands among blocks.
    pub block: bool,
}

/// All embeds of one body, by number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Embeds(Vec<Embed>);

/// A piece of text that may hold markers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Text without markers.
    Text(&'a str),
    /// The marker of this embed.
    Embed(usize),
}

impl Embeds {
    /// Keeps `embed` and returns the marker that stands for it in the text.
    pub fn marker(&mut self, embed: Embed) -> String {
        self.0.push(embed);
        format!("{OPEN}{}{CLOSE}", self.0.len() - 1)
    }

    /// The embed with this number, as a marker or [`Kind::Embed`](crate::tree::Kind::Embed) names
    /// it.
    pub fn numbered(&self, number: usize) -> Option<&Embed> {
        self.0.get(number)
    }

    /// Puts plain text in the place of all markers.
    pub fn as_text(&self, text: &str) -> String {
        self.replaced(text, |embed| &embed.text)
    }

    /// Puts HTML in the place of all markers in raw HTML; inside of a tag, plain text escaped for
    /// an attribute.
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

    fn replaced(&self, text: &str, shown: impl Fn(&Embed) -> &str) -> String {
        pieces(text)
            .map(|piece| match piece {
                Piece::Text(text) => text,
                Piece::Embed(number) => self.numbered(number).map_or("", &shown),
            })
            .collect()
    }
}

/// Splits a text at its markers.
pub fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                return None;
            }
            let Some(at) = rest.find([OPEN, CLOSE]) else {
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
                // Not one of ours: the body itself held the noncharacter. Drop it.
                None => rest = after,
            }
        }
    })
}

/// Whether the text holds a marker, or a stray piece of one.
pub fn has_marker(text: &str) -> bool {
    text.contains([OPEN, CLOSE])
}

/// Takes the characters that markers are made of out of an author's text, so that no text can be
/// taken for a marker.
pub fn without_marker_characters(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains([OPEN, CLOSE]) { text.replace([OPEN, CLOSE], "").into() } else { text.into() }
}

/// The parts of an author's text between the characters that markers are made of.
pub fn between_marker_characters(text: &str) -> impl Iterator<Item = &str> {
    text.split([OPEN, CLOSE])
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
    fn a_marker_becomes_html_among_elements_and_text_inside_a_tag() {
        let mut embeds = Embeds::default();
        let marker = number(&mut embeds);
        let html = format!("<p title=\"{marker}\">{marker}</p>");
        assert_eq!(embeds.in_html(&html), "<p title=\"93 &quot;%&quot;\"><b>93 %</b></p>");
    }

    #[test]
    fn stray_marker_characters_are_dropped() {
        assert_eq!(without_marker_characters("a\u{FDD0}b\u{FDD1}c"), "abc");
        assert_eq!(Embeds::default().as_text("a\u{FDD0}b\u{FDD1}c"), "abc");
    }

    #[test]
    fn an_unknown_number_shows_nothing() {
        assert_eq!(Embeds::default().as_text("a\u{FDD0}7\u{FDD1}c"), "ac");
    }
}
