//! The direction of quotes.
//!
//! The rules are those of SmartyPants in kramdown's version. They look at one character before the
//! quote, if it was plain text, and at one or two after it.

use crate::scan::{is_space, is_word_byte, is_word_char};

/// A quote's direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Facing {
    Left,
    Right,
}

/// What quotes at the start of a text become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    /// The first character is a quote with this direction.
    One(Facing),
    /// The first two characters are different quotes, both opening.
    TwoLeft,
    /// The first character is unchanged and the second is a quote.
    PlainThen(Facing),
}

/// Determines the quote that `text` starts with. `before` is the character before it; `None` if
/// there is none or it is not part of text.
pub(super) fn quotes(text: &str, before: Option<char>) -> Quotes {
    let bytes = text.as_bytes();
    let quote = bytes[0];
    let next = bytes.get(1).copied();
    let next_is_quote = matches!(next, Some(b'"' | b'\''));
    let other_quote = next_is_quote && next != Some(quote);
    let two_before_word = other_quote && bytes.get(2).copied().is_some_and(is_word_byte);
    let Some(before) = before else {
        return if opens_emphasis(&text[1..]) {
            Quotes::One(Facing::Left)
        } else if closes_before_punctuation(&text[1..]) {
            Quotes::One(Facing::Right)
        } else if two_before_word {
            Quotes::TwoLeft
        } else if quote == b'\'' && is_decade(&text[1..]) {
            Quotes::One(Facing::Right)
        } else if next_is_quote {
            Quotes::PlainThen(Facing::Right)
        } else if ends_word(&text[1..]) {
            Quotes::One(Facing::Right)
        } else {
            Quotes::One(Facing::Left)
        };
    };
    let after_space = before.is_ascii() && is_space(before as u8);
    if after_space && two_before_word {
        return Quotes::TwoLeft;
    }
    if after_space && quote == b'\'' && is_decade(&text[1..]) {
        return Quotes::One(Facing::Right);
    }
    let may_close = !matches!(before, ' ' | '\\' | '\t' | '\r' | '\n' | '[' | '{' | '(' | '-');
    let opens = after_space && next.is_some_and(is_word_byte);
    Quotes::One(if may_close && !opens { Facing::Right } else { Facing::Left })
}

/// Whether emphasis opens here: one or two `*` or `_`, then no space.
fn opens_emphasis(text: &str) -> bool {
    let marks = text.bytes().take(2).take_while(|byte| matches!(byte, b'*' | b'_')).count();
    (1..=marks).any(|marks| text[marks..].bytes().next().is_some_and(|byte| !is_space(byte)))
}

/// Whether closing punctuation follows: not dots, and no word right after it.
fn closes_before_punctuation(text: &str) -> bool {
    let Some(mark) =
        text.bytes().next().filter(|byte| byte.is_ascii_punctuation() && *byte != b'&')
    else {
        return false;
    };
    let after = &text[1..];
    let word_follows = after.chars().next().is_some_and(is_word_char);
    !after.starts_with("..") && word_follows == (mark == b'_')
}

/// Whether a decade follows: `80s`.
fn is_decade(text: &str) -> bool {
    matches!(text.as_bytes(), [a, b, b's', ..] if a.is_ascii_digit() && b.is_ascii_digit())
}

/// Whether the word ends here or after an `s`: white space, the end, or `s` alone.
fn ends_word(text: &str) -> bool {
    match text.strip_prefix('s') {
        Some(after) => !after.chars().next().is_some_and(is_word_char),
        None => text.bytes().next().is_none_or(is_space),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEFT: Quotes = Quotes::One(Facing::Left);
    const RIGHT: Quotes = Quotes::One(Facing::Right);

    #[track_caller]
    fn check(before: Option<char>, text: &str, expected: Quotes) {
        assert_eq!(quotes(text, before), expected, "{before:?} {text}");
    }

    #[test]
    fn quotes_open_before_words_and_close_after_them() {
        check(None, "\"a\"", LEFT);
        check(Some(' '), "'a'", LEFT);
        check(Some('a'), "\" b", RIGHT);
        check(Some('t'), "'s", RIGHT);
        check(Some('('), "\"한", LEFT);
    }

    #[test]
    fn after_an_element_a_quote_closes_before_space_and_s() {
        check(None, "'s last", RIGHT);
        check(None, "\" b", RIGHT);
        check(None, "\".", RIGHT);
        check(None, "'ll", LEFT);
    }

    #[test]
    fn decades_get_apostrophes() {
        check(Some(' '), "'80s", RIGHT);
        check(Some(' '), "'90", LEFT);
    }

    #[test]
    fn a_quote_in_a_quote_opens_with_it() {
        check(Some(' '), "\"'a", Quotes::TwoLeft);
        check(None, "\"\"a", Quotes::PlainThen(Facing::Right));
    }
}
