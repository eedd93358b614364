//! String filters.

use std::fmt::Write;

use super::super::token::is_space;
use super::{Arguments, integer};
use crate::html::escaped;
use crate::slug;
use crate::value::{Value, as_text};

pub(super) fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    first + &characters.as_str().to_lowercase()
}

/// As [`escaped`], but leaves existing character references alone.
pub(super) fn escaped_once(text: &str) -> String {
    let mut written = String::with_capacity(text.len() + text.len() / 8);
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        written.push_str(&escaped(&rest[..at]));
        let name = rest[at + 1..].strip_prefix('#').map_or(&rest[at + 1..], |number| number);
        let is_numeric = name.len() < rest.len() - at - 1;
        let length = name.find(|c: char| {
            !(if is_numeric { c.is_ascii_digit() } else { c.is_ascii_alphabetic() })
        });
        let is_reference =
            length.is_some_and(|length| length > 0 && name[length..].starts_with(';'));
        written.push_str(if is_reference { "&" } else { "&amp;" });
        rest = &rest[at + 1..];
    }
    written + &escaped(rest)
}

pub(super) fn with_last_replaced(text: &str, from: &str, to: &str) -> String {
    match text.rfind(from) {
        Some(at) => format!("{}{to}{}", &text[..at], &text[at + from.len()..]),
        None => text.to_owned(),
    }
}

pub(super) fn split(text: &str, at: &str) -> Value {
    let mut parts: Vec<Value> = match at {
        "" => text.chars().map(Value::from).collect(),
        " " => text.split(is_space).filter(|word| !word.is_empty()).map(Value::from).collect(),
        at => text.split(at).map(Value::from).collect(),
    };
    // As in Ruby, drop empty parts at the end.
    while parts.last().is_some_and(|part| part.as_str() == Some("")) {
        parts.pop();
    }
    Value::from(parts)
}

pub(super) fn truncated(text: &str, arguments: &Arguments<'_>) -> String {
    let length = count(arguments, 0).unwrap_or(50);
    let end = if arguments.values.len() > 1 { arguments.text(1) } else { "...".to_owned() };
    if text.chars().count() <= length {
        return text.to_owned();
    }
    let kept = length.saturating_sub(end.chars().count());
    text.chars().take(kept).chain(end.chars()).collect()
}

pub(super) fn truncated_words(text: &str, arguments: &Arguments<'_>) -> String {
    let words = count(arguments, 0).unwrap_or(15).max(1);
    let end = if arguments.values.len() > 1 { arguments.text(1) } else { "...".to_owned() };
    let mut all = text.split(is_space).filter(|word| !word.is_empty());
    let kept: Vec<&str> = all.by_ref().take(words).collect();
    if all.next().is_none() { text.to_owned() } else { kept.join(" ") + &end }
}

fn count(arguments: &Arguments<'_>, index: usize) -> Option<usize> {
    let number = arguments.value(index).and_then(integer)?;
    Some(usize::try_from(number).unwrap_or(0))
}

pub(super) fn form_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => encoded.push('+'),
            byte if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) => {
                encoded.push(char::from(byte));
            }
            byte => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

pub(super) fn form_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(..2).filter(|code| code.iter().all(u8::is_ascii_hexdigit));
        let code = code.and_then(|digits| std::str::from_utf8(digits).ok());
        match (byte, code.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(decoded)) => {
                bytes.push(decoded);
                rest = &after[2..];
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(byte),
        }
        rest = after;
    }
    kramdown::embed::without_marker_characters(&String::from_utf8_lossy(&bytes)).into_owned()
}

pub(super) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut written = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for part in bytes.chunks(3) {
        let group = part.iter().fold(0_u32, |group, &byte| group << 8 | u32::from(byte))
            << (8 * (3 - part.len()));
        for digit in 0..4 {
            let index = usize::try_from(group >> (18 - 6 * digit) & 63).unwrap_or(0);
            written.push(if digit <= part.len() { char::from(DIGITS[index]) } else { '=' });
        }
    }
    written
}

pub(super) fn slice(input: &Value, arguments: &Arguments<'_>) -> Result<Value, String> {
    let number = |index: usize, default: i64| match arguments.value(index) {
        None => Ok(default),
        Some(value) => {
            integer(value).ok_or_else(|| format!("`{}` is not a whole number", as_text(value)))
        }
    };
    let (start, length) = (number(0, 0)?, usize::try_from(number(1, 1)?).unwrap_or(0));
    let start_in = |count: usize| {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let start = if start < 0 { start.saturating_add(count) } else { start };
        usize::try_from(start).ok().filter(|_| start <= count)
    };
    if let Some(items) = input.as_array() {
        let part = start_in(items.len())
            .map(|start| items.iter().skip(start).take(length).cloned().collect::<Vec<_>>());
        return Ok(Value::from(part.unwrap_or_default()));
    }
    let text = as_text(input);
    let part = start_in(text.chars().count())
        .map(|start| text.chars().skip(start).take(length).collect::<String>());
    Ok(Value::from(part.unwrap_or_default()))
}

pub(super) fn slugified(text: &str, mode: &str) -> String {
    match mode {
        "" | "default" => slug::slugify(text),
        "pretty" => slug::slugify_pretty(text),
        "ascii" => slug::slugify_ascii(text),
        "latin" => slug::slugify_ascii(&transliterated(text)),
        "raw" => text
            .split(is_space)
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join("-")
            .to_lowercase(),
        // As in Jekyll, `none` and unknown modes only change the case.
        _ => text.to_lowercase(),
    }
}

/// Transliterates Latin letters: `Größe` is `Grosse`, as in Ruby's I18n.
fn transliterated(text: &str) -> String {
    const LETTERS: [(&str, &str); 30] = [
        ("ÀÁÂÃÄÅĀĂĄ", "A"),
        ("àáâãäåāăą", "a"),
        ("ÇĆĈĊČ", "C"),
        ("çćĉċč", "c"),
        ("ÐĎĐ", "D"),
        ("ðďđ", "d"),
        ("ÈÉÊËĒĔĖĘĚ", "E"),
        ("èéêëēĕėęě", "e"),
        ("ĜĞĠĢ", "G"),
        ("ĝğġģ", "g"),
        ("ÌÍÎÏĨĪĬĮİ", "I"),
        ("ìíîïĩīĭįı", "i"),
        ("ŁĹĻĽ", "L"),
        ("łĺļľ", "l"),
        ("ÑŃŅŇ", "N"),
        ("ñńņň", "n"),
        ("ÒÓÔÕÖØŌŎŐ", "O"),
        ("òóôõöøōŏő", "o"),
        ("ŔŖŘ", "R"),
        ("ŕŗř", "r"),
        ("ŚŜŞŠ", "S"),
        ("śŝşš", "s"),
        ("ŢŤŦ", "T"),
        ("ţťŧ", "t"),
        ("ÙÚÛÜŨŪŬŮŰŲ", "U"),
        ("ùúûüũūŭůűų", "u"),
        ("ÝŶŸ", "Y"),
        ("ýÿŷ", "y"),
        ("ŹŻŽ", "Z"),
        ("źżž", "z"),
    ];
    let mut written = String::with_capacity(text.len());
    for c in text.chars() {
        match LETTERS.iter().find(|(letters, _)| letters.contains(c)) {
            Some((_, plain)) if !c.is_ascii() => written.push_str(plain),
            _ => match c {
                'ß' => written.push_str("ss"),
                'Æ' => written.push_str("AE"),
                'æ' => written.push_str("ae"),
                'Œ' => written.push_str("OE"),
                'œ' => written.push_str("oe"),
                'Þ' => written.push_str("Th"),
                'þ' => written.push_str("th"),
                c => written.push(c),
            },
        }
    }
    written
}

/// The number of words. In the mode `cjk`, and in `auto` if there are any, each Chinese, Japanese
/// or Korean character is a word.
pub(super) fn number_of_words(text: &str, mode: &str) -> usize {
    let words = || text.split(is_space).filter(|word| !word.is_empty());
    if !matches!(mode, "cjk" | "auto") {
        return words().count();
    }
    let is_cjk = |c: char| {
        matches!(c, '\u{2E80}'..='\u{2FDF}' | '\u{3005}' | '\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3038}'..='\u{303B}'
            | '\u{3041}'..='\u{30FF}' | '\u{3105}'..='\u{312F}' | '\u{31A0}'..='\u{31BF}' | '\u{31F0}'..='\u{31FF}'
            | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7AF}' | '\u{F900}'..='\u{FAFF}'
            | '\u{1100}'..='\u{11FF}' | '\u{20000}'..='\u{2FA1F}')
    };
    let characters = text.chars().filter(|&c| is_cjk(c)).count();
    // Everything else is split into words as usual.
    let others =
        words().flat_map(|word| word.split(is_cjk)).filter(|word| !word.is_empty()).count();
    characters + others
}
