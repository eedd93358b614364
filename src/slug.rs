//! Converts text to parts of a URL.

use std::fmt::Write;
use std::sync::OnceLock;

use regex_syntax::hir::{Class, ClassUnicode, HirKind};

/// Converts text as Jekyll's `slugify` does by default: keeps letters and digits of all scripts in
/// lower case, with one hyphen for everything in between.
pub fn slugify(text: &str) -> String {
    joined(text, is_word).to_lowercase()
}

/// As [`slugify`], but also keeps other characters that are valid in a URL.
pub(crate) fn slugify_pretty(text: &str) -> String {
    slugify_keeping_case(text).to_lowercase()
}

/// As [`slugify`], but keeps only ASCII letters and digits.
pub(crate) fn slugify_ascii(text: &str) -> String {
    joined(text, |c| c.is_ascii_alphanumeric()).to_lowercase()
}

/// Converts a file's name, keeping its case, as Jekyll does for `:title`.
pub(crate) fn slugify_keeping_case(text: &str) -> String {
    joined(text, |c| is_word(c) || "._~!$&'()+,;=@".contains(c))
}

/// Whether Unicode classifies the character as a letter, a mark or a decimal digit.
fn is_word(c: char) -> bool {
    static WORDS: OnceLock<ClassUnicode> = OnceLock::new();
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    let words = WORDS.get_or_init(|| {
        let class =
            regex_syntax::parse(r"[\p{M}\p{L}\p{Nd}]").expect("the pattern is valid").into_kind();
        let HirKind::Class(Class::Unicode(class)) = class else {
            unreachable!("brackets make a class")
        };
        class
    });
    let ranges = words.ranges();
    let after = ranges.partition_point(|range| range.start() <= c);
    after > 0 && c <= ranges[after - 1].end()
}

/// Keeps some characters, with one hyphen for everything in between. As in Jekyll, one hyphen is
/// removed at either end.
fn joined(text: &str, is_kept: impl Fn(char) -> bool) -> String {
    let mut slug = String::with_capacity(text.len());
    let mut is_gap = false;
    for c in text.chars() {
        if is_kept(c) {
            slug.push(c);
        } else if !is_gap {
            slug.push('-');
        }
        is_gap = !is_kept(c);
    }
    let inside = slug.strip_prefix('-').unwrap_or(&slug);
    inside.strip_suffix('-').unwrap_or(inside).to_owned()
}

/// Percent-encodes everything except the characters that are valid in a URL's path, and `%`.
pub(crate) fn percent_encoded(path: &str) -> String {
    encoded(path, b"/-._~!$&'()*+,;=:@%")
}

/// Percent-encodes a part of a URL as Jekyll does: also encodes `%`, and keeps `?`.
pub(crate) fn part_encoded(part: &str) -> String {
    encoded(part, b"/-._~!$&'()*+,;=:@?")
}

/// Percent-encodes everything that is not the same everywhere in a URL: for values in a query.
pub(crate) fn value_encoded(text: &str) -> String {
    encoded(text, b"-._~")
}

fn encoded(text: &str, kept: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_joined_by_one_hyphen() {
        assert_eq!(slugify("  What's new -- in C++?  "), "what-s-new-in-c");
        assert_eq!(slugify("Über Größe 日本"), "über-größe-日本");
        assert_eq!(slugify("!!!"), "");
    }

    #[test]
    fn a_file_name_keeps_its_case_and_its_dots() {
        assert_eq!(slugify_keeping_case("Release v1.2 notes"), "Release-v1.2-notes");
    }

    #[test]
    fn urls_are_ascii() {
        assert_eq!(percent_encoded("/tags/größe x/"), "/tags/gr%C3%B6%C3%9Fe%20x/");
    }
}
