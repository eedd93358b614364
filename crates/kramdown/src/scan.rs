//! What a line is, by its first characters.
//!
//! All functions take the text from the place in question on. "Space" is ASCII white space. A line
//! ends with `\n`, including the last one.

use crate::html_tag;
use std::borrow::Cow;

/// The text with `\n` as its only line end, and one at its end.
pub(super) fn normalised(text: &str) -> Cow<'_, str> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut text = if memchr::memchr(b'\r', text.as_bytes()).is_some() {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    };
    if !text.ends_with('\n') {
        text.to_mut().push('\n');
    }
    text
}

/// The length of the first line, with its end.
pub(super) fn line_length(text: &str) -> usize {
    memchr::memchr(b'\n', text.as_bytes()).map_or(text.len(), |end| end + 1)
}

/// The first line, with its end.
pub(super) fn line(text: &str) -> &str {
    &text[..line_length(text)]
}

/// Whether the character is white space that does not end a line.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c)
}

/// Whether the character is white space.
pub(super) fn is_space(byte: u8) -> bool {
    is_blank(byte) || byte == b'\n'
}

/// The number of bytes at the start for which `wanted` returns true.
pub(super) fn count(text: &str, wanted: impl Fn(u8) -> bool) -> usize {
    text.bytes().position(|byte| !wanted(byte)).unwrap_or(text.len())
}

/// Whether the first line contains only white space.
pub(super) fn is_blank_line(text: &str) -> bool {
    matches!(text.as_bytes().get(count(text, is_blank)), None | Some(b'\n'))
}

/// The length of the blank lines at the start.
pub(super) fn blank_lines(text: &str) -> usize {
    let spaces = count(text, is_space);
    match text.get(..spaces).and_then(|blank| blank.rfind('\n')) {
        _ if spaces == text.len() => spaces,
        Some(end) => end + 1,
        None => 0,
    }
}

/// The text after up to three spaces.
pub(super) fn unindented(text: &str) -> &str {
    &text[text.bytes().take(3).take_while(|&byte| byte == b' ').count()..]
}

/// Whether the first line is indented as code: by a tab or four spaces.
pub(super) fn is_indented(text: &str) -> bool {
    text.starts_with('\t') || text.starts_with("    ")
}

/// The text after the indentation of code.
pub(super) fn without_indentation(text: &str) -> &str {
    text.strip_prefix('\t').or_else(|| text.strip_prefix("    ")).unwrap_or(text)
}

/// Whether the first line is only a `^`: the end of the open block.
pub(super) fn is_end_marker(text: &str) -> bool {
    text.strip_prefix('^').is_some_and(is_blank_line)
}

/// The content of the attribute list of a block (`{: … }` alone on the line), if the first line is
/// one, and the text after the line.
pub(super) fn block_attribute_list(text: &str) -> Option<(&str, &str)> {
    let inside = unindented(text).strip_prefix("{:")?;
    let (list, rest) = attribute_list(inside)?;
    is_blank_line(rest).then(|| (list, &rest[line_length(rest)..]))
}

/// Whether the first line is an attribute list or the definition of one, and nothing else.
pub(super) fn is_attribute_line(text: &str) -> bool {
    let inside =
        unindented(text).strip_prefix("{:").filter(|inside| !inside.starts_with(['/', ':', '}']));
    inside.and_then(braced).is_some_and(|(_, after)| is_blank_line(after))
}

/// Splits the text after `{:` into the content of an attribute list and the text after its brace.
/// Definitions (`{:name: …}`) and extensions (`{::name}`, `{:/name}`) are not attribute lists.
pub(super) fn attribute_list(inside: &str) -> Option<(&str, &str)> {
    let is_other = inside.starts_with(['/', ':']) || inside[..name_length(inside)].contains(':');
    braced(inside).filter(|(list, _)| !is_other && !list.is_empty())
}

/// Splits at the first `}` without a backslash before it.
pub(super) fn braced(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += bytes[at..].iter().position(|&byte| matches!(byte, b'}' | b'\\'))?;
        if bytes[at] == b'}' {
            return Some((&text[..at], &text[at + 1..]));
        }
        at += if bytes.get(at + 1) == Some(&b'}') { 2 } else { 1 };
    }
}

/// The length of the name at the start: a word character, then word characters, `:` and `-`; 0 for
/// none.
pub(super) fn name_length(text: &str) -> usize {
    match text.bytes().next() {
        Some(byte) if is_word_byte(byte) => count(text, is_name_byte),
        _ => 0,
    }
}

fn is_name_byte(byte: u8) -> bool {
    is_word_byte(byte) || byte == b':' || byte == b'-'
}

/// Whether the byte is an ASCII letter, a digit or `_`.
pub(super) fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether the character is part of a word in any script.
pub(super) fn is_word_char(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Whether a block must end before this line: the end of the text, a blank line, an attribute list
/// or a `^`.
pub(super) fn is_boundary(text: &str) -> bool {
    text.is_empty() || is_blank_line(text) || is_end_marker(text) || is_attribute_line(text)
}

/// Whether a block with lazy lines ends before this one: at a boundary or at the tag of a block
/// element.
pub(super) fn ends_lazy(text: &str) -> bool {
    match unindented(text).bytes().next() {
        Some(b'<') => html_tag::ends_lazy(unindented(text)),
        Some(b'{') => is_attribute_line(text),
        Some(b'^') => is_end_marker(text),
        Some(byte) if !is_space(byte) => false,
        _ => is_blank_line(text),
    }
}

/// Whether the first line is a rule: three or more `*`, `-` or `_`, with spaces between.
pub(super) fn is_rule(text: &str) -> bool {
    let text = unindented(text);
    let Some(mark @ (b'*' | b'-' | b'_')) = text.bytes().next() else { return false };
    let rest = text.trim_start_matches([char::from(mark), ' ', '\t']);
    let marks = text.len() - rest.len();
    let enough = || text.bytes().take(marks).filter(|&byte| byte == mark).nth(2).is_some();
    (rest.is_empty() || rest.starts_with('\n')) && enough()
}

/// The length of the list marker at the start of the line, with up to `indentation` spaces before
/// it: a bullet, or a number with a period, followed by white space (or a bar).
pub(super) fn list_marker(text: &str, indentation: usize) -> Option<Marker> {
    let spaces = text.bytes().take(indentation).take_while(|&byte| byte == b' ').count();
    let rest = &text[spaces..];
    let (ordered, length) = match rest.bytes().next()? {
        b'*' | b'+' | b'-' => (false, 1),
        b'0'..=b'9' => {
            let digits = count(rest, |byte| byte.is_ascii_digit());
            rest[digits..].starts_with('.').then_some((true, digits + 1))?
        }
        _ => return None,
    };
    matches!(rest.as_bytes().get(length), Some(b'\t' | b' ' | b'|'))
        .then_some(Marker { ordered, length: spaces + length })
}

/// What starts a list item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marker {
    /// Whether it is a number.
    pub(super) ordered: bool,
    /// Its length, with the spaces before it.
    pub(super) length: usize,
}

/// The length of the marker of a definition: a colon with up to `indentation` spaces before it and
/// white space after it.
pub(super) fn definition_marker(text: &str, indentation: usize) -> Option<usize> {
    let spaces = text.bytes().take(indentation).take_while(|&byte| byte == b' ').count();
    let bytes = &text.as_bytes()[spaces..];
    (bytes.first() == Some(&b':') && matches!(bytes.get(1), Some(b'\t' | b' ' | b'|')))
        .then_some(spaces + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_are_normalised() {
        assert_eq!(normalised("\u{FEFF}a\r\nb\rc"), "a\nb\nc\n");
        assert_eq!(normalised(""), "\n");
    }

    #[test]
    fn a_rule_has_three_equal_marks_and_nothing_else() {
        for (line, rule) in [
            ("***\n", true),
            (" - - -\n", true),
            ("--\n", false),
            ("**-\n", false),
            ("---a\n", false),
        ] {
            assert_eq!(is_rule(line), rule, "{line}");
        }
    }

    #[test]
    fn a_list_marker_needs_space_after_it() {
        assert_eq!(list_marker("  - a\n", 3), Some(Marker { ordered: false, length: 3 }));
        assert_eq!(list_marker("12. a\n", 3), Some(Marker { ordered: true, length: 3 }));
        assert_eq!(list_marker("-a\n", 3), None);
        assert_eq!(list_marker("1) a\n", 3), None);
        assert_eq!(list_marker("   - a\n", 2), None);
    }

    #[test]
    fn blank_lines_are_taken_as_a_whole() {
        assert_eq!(blank_lines(" \n\n  a"), 3);
        assert_eq!(blank_lines("a\n"), 0);
        assert_eq!(blank_lines(" \n "), 3);
    }

    #[test]
    fn an_attribute_list_is_alone_on_its_line() {
        assert_eq!(block_attribute_list("  {: .x}  \nz"), Some((" .x", "z")));
        assert_eq!(block_attribute_list("{:.x} y\n"), None);
        assert_eq!(block_attribute_list("{:name: .x}\n"), None);
        assert_eq!(block_attribute_list("{:/comment}\n"), None);
    }
}
