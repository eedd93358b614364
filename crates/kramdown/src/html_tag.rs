//! HTML tags, and what their elements may contain.

use crate::entity;
use crate::scan::{count, is_space};
use crate::tree::Attributes;

/// A tag that opens an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OpenTag<'t> {
    /// The element's name, in lower case if HTML knows it.
    pub(super) name: String,
    /// The text between the name and the end.
    pub(super) attributes: &'t str,
    /// Whether it ends with `/>`.
    pub(super) closed: bool,
    /// The length of the whole tag.
    pub(super) length: usize,
}

/// How the content of an element is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// As HTML.
    Raw,
    /// As blocks.
    Blocks,
    /// As spans.
    Spans,
}

/// Reads a tag that opens an element. Values may be quoted or single words; an attribute may have
/// no value.
pub(super) fn open_tag(text: &str) -> Option<OpenTag<'_>> {
    let inside = text.strip_prefix('<')?;
    let name = name_length(inside)?;
    let attributes = attributes_length(&inside[name..]);
    let after = name + attributes + count(&inside[name + attributes..], is_space);
    let rest = &inside[after..];
    let closed = rest.starts_with('/');
    let length = 1 + after + usize::from(closed) + 1;
    rest[usize::from(closed)..].starts_with('>').then(|| OpenTag {
        name: known_name(&inside[..name]),
        attributes: &inside[name..name + attributes],
        closed,
        length,
    })
}

/// Reads a tag that closes an element: its name and the length of the tag.
pub(super) fn close_tag(text: &str) -> Option<(String, usize)> {
    let inside = text.strip_prefix("</")?;
    let name = name_length(inside)?;
    let spaces = count(&inside[name..], is_space);
    inside[name + spaces..]
        .starts_with('>')
        .then(|| (known_name(&inside[..name]), 2 + name + spaces + 1))
}

/// The length of the tag that closes the element `name`, if one starts here. Case matters only for
/// elements that kramdown does not know.
pub(super) fn closes(text: &str, name: &str) -> Option<usize> {
    let inside = text.strip_prefix("</")?;
    let found = inside.get(..name.len())?;
    let spaces = count(&inside[name.len()..], is_space);
    let is_same = found == name || found.eq_ignore_ascii_case(name) && is_known(name);
    (is_same && inside[name.len() + spaces..].starts_with('>'))
        .then_some(2 + name.len() + spaces + 1)
}

/// The position and the length of the next tag that closes the element `name`.
pub(super) fn find_close(text: &str, name: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    loop {
        let at = from + text[from..].find("</")?;
        if let Some(length) = closes(&text[at..], name) {
            return Some((at, length));
        }
        from = at + 2;
    }
}

/// Reads the attributes of a tag. Names of attributes of known elements become lower case.
pub(super) fn attributes(text: &str, known: bool) -> Attributes {
    let mut attributes = Attributes::default();
    let mut rest = text;
    loop {
        rest = &rest[count(rest, is_space)..];
        let Some(name) = name_length(rest) else { break };
        let (name, after) = rest.split_at(name);
        let (value, after) = match value(after) {
            Some((value, length)) => (value, &after[length..]),
            None => ("", after),
        };
        let name = if known { name.to_ascii_lowercase() } else { name.to_owned() };
        attributes.set(name, entity::decoded(value));
        rest = after;
    }
    attributes
}

/// Whether a paragraph ends before this: before what looks like the start of an opening tag, or is
/// a closing tag, of an element that is not a span.
pub(super) fn ends_lazy(text: &str) -> bool {
    let inside = text.strip_prefix('<').unwrap_or(text);
    let name = match (name_length(inside), close_tag(text)) {
        (Some(length), _) => inside[..length].to_ascii_lowercase(),
        (None, Some((name, _))) => name.to_ascii_lowercase(),
        (None, None) => return false,
    };
    let first = name.split([':', '-', '.']).next().unwrap_or_default();
    !is_span(first) && first != "script"
}

/// The length of the name of an element or attribute: a letter or `_`, then also digits, `.` and
/// `-`, with at most one prefix before a colon.
fn name_length(text: &str) -> Option<usize> {
    let first = plain_name_length(text)?;
    let second = text[first..].strip_prefix(':').and_then(plain_name_length);
    Some(first + second.map_or(0, |length| 1 + length))
}

fn plain_name_length(text: &str) -> Option<usize> {
    let starts = text.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_');
    let goes_on =
        |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '.');
    starts.then(|| text.find(|character| !goes_on(character)).unwrap_or(text.len()))
}

/// The length of the attributes that follow a name, each preceded by white space.
fn attributes_length(text: &str) -> usize {
    let mut length = 0;
    loop {
        let rest = &text[length..];
        let spaces = count(rest, is_space);
        let Some(name) = name_length(&rest[spaces..]).filter(|_| spaces > 0) else { return length };
        length += spaces + name;
        length += value(&text[length..]).map_or(0, |(_, length)| length);
    }
}

/// The value after the name of an attribute, without quotes, and its length with the equals sign
/// and quotes.
fn value(text: &str) -> Option<(&str, usize)> {
    let spaces = count(text, is_space);
    let after = text[spaces..].strip_prefix('=')?;
    let value = &after[count(after, is_space)..];
    let at = text.len() - value.len();
    if let quote @ ('"' | '\'') = value.chars().next()? {
        let length = value[1..].find(quote)?;
        Some((&value[1..=length], at + length + 2))
    } else {
        let length = value.find(|c: char| !crate::scan::is_word_char(c)).unwrap_or(value.len());
        (length > 0).then(|| (&value[..length], at + length))
    }
}

fn known_name(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    if is_known(&lower) { lower } else { name.to_owned() }
}

/// Whether kramdown knows the element, so that the case of its name does not matter.
pub(super) fn is_known(name: &str) -> bool {
    is_span(name)
        || is_block(name)
        || is_void(name)
        || default_content(name) != Content::Raw
        || OTHER_KNOWN.contains(&name)
}

const OTHER_KNOWN: [&str; 3] = ["script", "style", "textarea"];

/// Whether the element is a span, and so does not start an HTML block.
pub(super) fn is_span(name: &str) -> bool {
    matches!(
        name,
        "a" | "abbr"
            | "acronym"
            | "b"
            | "bdo"
            | "big"
            | "br"
            | "button"
            | "cite"
            | "code"
            | "del"
            | "dfn"
            | "em"
            | "i"
            | "img"
            | "input"
            | "ins"
            | "kbd"
            | "label"
            | "mark"
            | "option"
            | "q"
            | "rb"
            | "rbc"
            | "rp"
            | "rt"
            | "rtc"
            | "ruby"
            | "samp"
            | "select"
            | "small"
            | "span"
            | "strong"
            | "sub"
            | "sup"
            | "tt"
            | "u"
            | "var"
    )
}

/// Whether the element is a block: inside a line, its tags are text.
pub(super) fn is_block(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "applet"
            | "article"
            | "aside"
            | "blockquote"
            | "body"
            | "caption"
            | "col"
            | "colgroup"
            | "dd"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "footer"
            | "form"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "head"
            | "header"
            | "hgroup"
            | "hr"
            | "html"
            | "iframe"
            | "legend"
            | "li"
            | "main"
            | "map"
            | "menu"
            | "nav"
            | "ol"
            | "optgroup"
            | "p"
            | "pre"
            | "section"
            | "summary"
            | "table"
            | "tbody"
            | "td"
            | "tfoot"
            | "th"
            | "thead"
            | "tr"
            | "ul"
    )
}

/// Whether the element has no content and no closing tag.
pub(super) fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area"
            | "base"
            | "br"
            | "col"
            | "command"
            | "embed"
            | "hr"
            | "img"
            | "input"
            | "keygen"
            | "link"
            | "meta"
            | "param"
            | "source"
            | "track"
            | "wbr"
    )
}

/// How the content of the element is parsed if it is Markdown.
pub(super) fn default_content(name: &str) -> Content {
    match name {
        "address" | "applet" | "article" | "aside" | "blockquote" | "body" | "dd" | "details"
        | "div" | "dl" | "fieldset" | "figcaption" | "figure" | "footer" | "form" | "header"
        | "hgroup" | "iframe" | "li" | "main" | "map" | "menu" | "nav" | "noscript" | "object"
        | "section" | "summary" | "td" => Content::Blocks,
        "a" | "abbr" | "acronym" | "b" | "bdo" | "big" | "button" | "caption" | "cite" | "del"
        | "dfn" | "dt" | "em" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "i" | "ins" | "label"
        | "legend" | "optgroup" | "p" | "q" | "rb" | "rbc" | "rp" | "rt" | "rtc" | "ruby"
        | "select" | "small" | "span" | "strong" | "sub" | "sup" | "th" | "tt" => Content::Spans,
        _ => Content::Raw,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the name, the attributes and the text after the tag.
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let found = open_tag(text).map_or("none".to_owned(), |tag| {
            let attributes = attributes(tag.attributes, is_known(&tag.name));
            let pairs: Vec<_> =
                attributes.iter().flat_map(|(name, value)| [" ", name, "=", value]).collect();
            format!(
                "{}{}{} {}",
                tag.name,
                pairs.concat(),
                if tag.closed { "/" } else { "" },
                &text[tag.length..]
            )
        });
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn attributes_may_be_quoted_words_or_bare() {
        check("<DIV CLASS='a b' x=1 y>z", "div class=a b x=1 y= z");
        check("<br />z", "br/ z");
        check("<My-Tag Key=\"&amp;\">", "My-Tag Key=& ");
    }

    #[test]
    fn what_is_not_well_formed_is_no_tag() {
        for text in [
            "<div width=50%>",
            "<a href=\"x\"target=\"y\">",
            "<div class=\"a>",
            "< b>",
            "<1>",
            "<div",
        ] {
            check(text, "none");
        }
    }

    #[test]
    fn a_closing_tag_is_found_in_any_case() {
        assert_eq!(find_close("a </b> </DIV >", "div"), Some((7, 7)));
        assert_eq!(close_tag("</P>"), Some(("p".to_owned(), 4)));
    }
}
