//! HTML: escaping, and tokens for rewriting finished pages, such as their URLs and ids.
//!
//! The rules are those of browsers (WHATWG, "Tokenization"), as far as they determine where a tag
//! and its attributes start and end. Any text can be tokenized; all tokens together are the same
//! text.

use std::ops::Range;

/// A piece of HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// Text, a comment, or the content of an element that contains no elements, such as `script`.
    Text(&'a str),
    /// A tag.
    Tag(Tag<'a>),
}

/// A start tag or an end tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag<'a> {
    /// All of it, from `<` to `>`.
    pub(crate) text: &'a str,
    /// The name of its element, as written.
    pub(crate) name: &'a str,
    /// Whether it is an end tag.
    pub(crate) is_end: bool,
}

/// An attribute of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attribute<'a> {
    /// All of it, with the preceding white space.
    pub(crate) text: &'a str,
    /// Its name, as written.
    pub(crate) name: &'a str,
    /// Its value without quotes, still escaped; empty if it has none.
    pub(crate) value: &'a str,
}

/// Elements whose content is text up to their end tag.
const RAW: [&str; 8] =
    ["iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp"];

/// The tokens of a text.
pub(crate) fn tokens(html: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = html;
    // The element whose raw content follows.
    let mut raw: Option<&str> = None;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(name) = raw.take() {
            let end = end_of_raw(rest, name);
            if end > 0 {
                return Some(Token::Text(taken(&mut rest, end)));
            }
        }
        if let Some(tag) = tag_at(rest) {
            rest = &rest[tag.text.len()..];
            raw = Some(tag.name)
                .filter(|name| !tag.is_end && RAW.iter().any(|raw| raw.eq_ignore_ascii_case(name)));
            return Some(Token::Tag(tag));
        }
        let end = end_of_text(rest);
        Some(Token::Text(taken(&mut rest, end)))
    })
}

/// The tags of a text that start with a string, such as `<img`. Much faster than [`placed_tags`], but
/// finds also what is inside of comments, scripts and attributes.
pub(crate) fn tags_that_start<'a>(html: &'a str, start: &str) -> impl Iterator<Item = Tag<'a>> {
    html.match_indices(start).filter_map(|(at, _)| tag_at(&html[at..]))
}

/// The tags of a text, each with the byte at which it starts.
pub(crate) fn placed_tags(html: &str) -> impl Iterator<Item = (usize, Tag<'_>)> {
    let mut at = 0;
    tokens(html).filter_map(move |token| {
        let start = at;
        match token {
            Token::Text(text) => {
                at += text.len();
                None
            }
            Token::Tag(tag) => {
                at += tag.text.len();
                Some((start, tag))
            }
        }
    })
}

/// Rewrites each tag of a text with `change`.
pub(crate) fn with_tags<'a>(
    html: &'a str,
    mut change: impl FnMut(&Tag<'a>, &mut String),
) -> String {
    let mut written = String::with_capacity(html.len() + html.len() / 16);
    for token in tokens(html) {
        match token {
            Token::Text(text) => written.push_str(text),
            Token::Tag(tag) => change(&tag, &mut written),
        }
    }
    written
}

/// Leaves out the elements whose start tag `is_left_out`, and writes all other tags with `write`.
pub(crate) fn without_elements(
    html: &str,
    is_left_out: impl Fn(&Tag<'_>) -> bool,
    mut write: impl FnMut(&Tag<'_>, &mut String),
) -> String {
    // The omitted element, and how many of its name are open.
    let mut left_out: Option<(&str, usize)> = None;
    let mut kept = String::with_capacity(html.len());
    for token in tokens(html) {
        match (token, left_out) {
            (Token::Text(text), None) => kept.push_str(text),
            (Token::Text(_), Some(_)) => {}
            (Token::Tag(tag), Some((name, open))) => {
                let is_closed = tag.text.ends_with("/>");
                let open = match tag.is(name) {
                    true if tag.is_end => open - 1,
                    true if !is_closed => open + 1,
                    _ => open,
                };
                left_out = (open > 0).then_some((name, open));
            }
            (Token::Tag(tag), None) if !tag.is_end && is_left_out(&tag) => {
                left_out = Some((tag.name, 1));
            }
            (Token::Tag(tag), None) => write(&tag, &mut kept),
        }
    }
    kept
}

impl<'a> Tag<'a> {
    /// Whether its element is `name`.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Whether it is a start tag with this class.
    pub(crate) fn has_class(&self, class: &str) -> bool {
        self.value("class")
            .is_some_and(|value| value.split_ascii_whitespace().any(|one| one == class))
    }

    /// Its attributes, in order. Read anew by each call: most tags are only passed over.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = Attribute<'a>> {
        let text = self.text;
        let mut at = self.name.len() + if self.is_end { 2 } else { 1 };
        std::iter::from_fn(move || match next_in_tag(text.as_bytes(), at)? {
            InTag::Attribute { name, value, end } => {
                let start = std::mem::replace(&mut at, end);
                Some(Attribute { text: &text[start..end], name: &text[name], value: &text[value] })
            }
            InTag::End(_) => None,
        })
    }

    /// The value of the attribute `name`.
    pub(crate) fn value(&self, name: &str) -> Option<&'a str> {
        self.attributes()
            .find(|attribute| attribute.name.eq_ignore_ascii_case(name))
            .map(|found| found.value)
    }

    /// Writes the tag with the attribute values that `change` returns; `None` removes the
    /// attribute.
    pub(crate) fn write(
        &self,
        written: &mut String,
        mut change: impl FnMut(&Attribute<'a>) -> Option<String>,
    ) {
        let mut rest = self.text;
        for attribute in self.attributes() {
            // Anything between attributes is kept, such as a slash.
            if let Some((before, after)) = rest.split_once(attribute.text) {
                written.push_str(before);
                rest = after;
            }
            match change(&attribute) {
                None => {}
                Some(value) if value == attribute.value => written.push_str(attribute.text),
                Some(value) => {
                    let quote = if value.contains('"') { '\'' } else { '"' };
                    written.extend([" ", attribute.name, "="]);
                    written.push(quote);
                    written.push_str(&value);
                    written.push(quote);
                }
            }
        }
        written.push_str(rest);
    }
}

fn taken<'a>(rest: &mut &'a str, end: usize) -> &'a str {
    let (taken, after) = rest.split_at(end);
    *rest = after;
    taken
}

/// The end of the raw content of the element `name`.
fn end_of_raw(text: &str, name: &str) -> usize {
    let is_end = |at: usize| {
        let behind = text[at..].strip_prefix("</").unwrap_or_default();
        let is_name =
            behind.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        is_name
            && behind[name.len()..]
                .starts_with(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>'))
    };
    text.match_indices("</").map(|(at, _)| at).find(|&at| is_end(at)).unwrap_or(text.len())
}

/// The end of the text or comment at the start: at least one character.
fn end_of_text(text: &str) -> usize {
    let closed = |end: &str, open: usize| {
        text[open..].find(end).map_or(text.len(), |at| open + at + end.len())
    };
    if text.starts_with("<!--") {
        return closed("-->", "<!--".len());
    }
    if text.starts_with("<!") || text.starts_with("<?") {
        return closed(">", 1);
    }
    // A `<` that does not start a tag is text.
    let start = text.chars().next().map_or(0, char::len_utf8);
    memchr::memchr(b'<', &text.as_bytes()[start..]).map_or(text.len(), |at| start + at)
}

/// The tag at the start of the text, if there is one and it is closed.
fn tag_at(text: &str) -> Option<Tag<'_>> {
    let bytes = text.as_bytes();
    let is_end = bytes.get(1) == Some(&b'/');
    let start = if is_end { 2 } else { 1 };
    if bytes.first() != Some(&b'<') || !bytes.get(start)?.is_ascii_alphabetic() {
        return None;
    }
    let is_after_name = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>');
    let mut at = start + bytes[start..].iter().position(is_after_name)?;
    let name = &text[start..at];
    loop {
        match next_in_tag(bytes, at)? {
            InTag::Attribute { end, .. } => at = end,
            InTag::End(end) => return Some(Tag { text: &text[..end], name, is_end }),
        }
    }
}

/// What comes next in a tag, by byte. All of these are between characters, because only ASCII has a
/// meaning in tags.
enum InTag {
    /// An attribute.
    Attribute { name: Range<usize>, value: Range<usize>, end: usize },
    /// The `>` of the tag, and what is behind it.
    End(usize),
}

fn next_in_tag(tag: &[u8], mut at: usize) -> Option<InTag> {
    let after_space = |at: usize| {
        let length = tag[at..].iter().position(|byte| !byte.is_ascii_whitespace())?;
        Some(at + length)
    };
    at = after_space(at)?;
    while tag[at] == b'/' {
        at = after_space(at + 1)?;
    }
    if tag[at] == b'>' {
        return Some(InTag::End(at + 1));
    }
    // A name may start with `=`.
    let is_after_name =
        |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>' | b'=');
    let name = at..at + 1 + tag[at + 1..].iter().position(is_after_name)?;
    let behind = after_space(name.end)?;
    if tag[behind] != b'=' {
        return Some(InTag::Attribute { value: name.end..name.end, end: name.end, name });
    }
    let start = after_space(behind + 1)?;
    let quote = tag[start];
    if matches!(quote, b'"' | b'\'') {
        let end = start + 1 + memchr::memchr(quote, &tag[start + 1..])?;
        return Some(InTag::Attribute { name, value: start + 1..end, end: end + 1 });
    }
    let is_after_value = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'>';
    let end = start + tag[start..].iter().position(is_after_value)?;
    Some(InTag::Attribute { name, value: start..end, end })
}

/// Escapes the five characters that are special in HTML and XML.
pub(crate) fn escaped(text: &str) -> String {
    let mut written = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '"' => written.push_str("&quot;"),
            '\'' => written.push_str("&#39;"),
            _ => written.push(c),
        }
    }
    written
}

/// Escapes a value for use between double quotes: as [`escaped`], but keeps single quotes.
pub(crate) fn escaped_attribute(value: &str) -> String {
    let mut written = String::with_capacity(value.len() + value.len() / 8);
    kramdown::html::escape_attribute(&mut written, value);
    written
}

/// Undoes [`escaped`].
pub(crate) fn unescaped(text: &str) -> String {
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'");
    text.replace("&amp;", "&")
}

/// Removes tags, comments, scripts and styles from HTML.
pub(crate) fn without_html(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    // Search for a missing end only once.
    let mut unclosed = [false; 4];
    while let Some(open) = rest.find('<') {
        text.push_str(&rest[..open]);
        let tag = &rest[open..];
        let (kind, end) = if tag.starts_with("<script") {
            (0, "</script>")
        } else if tag.starts_with("<!--") {
            (1, "-->")
        } else if tag.starts_with("<style") {
            (2, "</style>")
        } else {
            (3, ">")
        };
        let mut length =
            if unclosed[kind] { None } else { tag.find(end).map(|found| found + end.len()) };
        unclosed[kind] |= length.is_none();
        if length.is_none() && kind != 3 && !unclosed[3] {
            // A block without its end is still a tag.
            length = tag.find('>').map(|found| found + 1);
            unclosed[3] |= length.is_none();
        }
        let Some(length) = length else {
            text.push('<');
            rest = &tag[1..];
            continue;
        };
        rest = &tag[length..];
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each tag as its name and its attributes.
    fn shown(html: &str) -> String {
        let shown = tokens(html).map(|token| match token {
            Token::Text(text) => text.to_owned(),
            Token::Tag(tag) => {
                let attributes =
                    tag.attributes().map(|one| format!(" {}=[{}]", one.name, one.value));
                format!(
                    "{{{}{}{}}}",
                    if tag.is_end { "/" } else { "" },
                    tag.name,
                    attributes.collect::<String>()
                )
            }
        });
        shown.collect()
    }

    #[track_caller]
    fn check(html: &str, expected: &str) {
        assert_eq!(shown(html), expected);
    }

    #[test]
    fn attributes_are_in_double_quotes_single_quotes_or_none() {
        check("<a href=\"x>y\" b='z' c=w d>t</a>", "{a href=[x>y] b=[z] c=[w] d=[]}t{/a}");
        check("<IMG\n src = 'a' /><br/>", "{IMG src=[a]}{br}");
        check("<a b=c/>", "{a b=[c/]}");
    }

    #[test]
    fn text_that_only_looks_like_a_tag_is_text() {
        check("1 < 2 <3 <é> </ <", "1 < 2 <3 <é> </ <");
        check(
            "<!-- <a href=x> --><!doctype html><?php <b>?>",
            "<!-- <a href=x> --><!doctype html><?php <b>?>",
        );
        check(
            "<script>if (a < b) \"<a href=x>\"</script><b>",
            "{script}if (a < b) \"<a href=x>\"{/script}{b}",
        );
        check("<a href=\"never closed", "<a href=\"never closed");
    }

    #[test]
    fn attributes_of_a_tag_can_be_changed() {
        let change = |attribute: &Attribute<'_>| match attribute.name {
            "href" => Some(format!("/{}", attribute.value)),
            "id" => None,
            _ => Some(attribute.value.to_owned()),
        };
        let written =
            with_tags("<a  id=x href='y' class='z' />", |tag, written| tag.write(written, change));
        assert_eq!(written, "<a href=\"/y\" class='z' />");
    }

    proptest! {
        #[test]
        fn tokens_are_the_whole_text(html in "(<|>|/|=|\"|'|a|script|é| |!--|\\PC){0,24}") {
            let whole: String = tokens(&html)
                .map(|token| match token { Token::Text(text) => text, Token::Tag(tag) => tag.text })
                .collect();
            prop_assert_eq!(&whole, &html);
            let same = |one: &Attribute<'_>| Some(one.value.to_owned());
            prop_assert_eq!(with_tags(&html, |tag, written| tag.write(written, same)), html);
        }
    }
}
