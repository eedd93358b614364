//! Numbers in prose, each with its unit.

use std::ops::Range;

/// A number as its author wrote it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Number {
    /// Where it is, with its sign and without its unit.
    pub(super) range: Range<usize>,
    /// Where its unit ends.
    pub(super) end: usize,
    /// What it says, without its unit.
    pub(super) value: f64,
    /// How many digits follow the point.
    pub(super) decimals: usize,
    /// How many digits it has without leading zeros.
    pub(super) digits: usize,
    /// What it counts or measures.
    pub(super) unit: Unit,
}

/// What kind of unit follows a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    None,
    Percent,
    Points,
    Time,
    Factor,
    Measure,
    Size,
}

/// What may follow a number, the longer before the shorter. Those of one or two letters must not be
/// followed by another letter, as all others.
const UNITS: &[(&str, Unit)] = &[
    ("percentage points", Unit::Points),
    ("percentage point", Unit::Points),
    ("per cent", Unit::Percent),
    ("percent", Unit::Percent),
    ("points", Unit::Points),
    ("point", Unit::Points),
    ("pp", Unit::Points),
    ("%", Unit::Percent),
    ("milliseconds", Unit::Time),
    ("seconds", Unit::Time),
    ("second", Unit::Time),
    ("minutes", Unit::Time),
    ("minute", Unit::Time),
    ("hours", Unit::Time),
    ("hour", Unit::Time),
    ("secs", Unit::Time),
    ("sec", Unit::Time),
    ("mins", Unit::Time),
    ("min", Unit::Time),
    ("ms", Unit::Time),
    ("µs", Unit::Time),
    ("s", Unit::Time),
    ("h", Unit::Time),
    ("times", Unit::Factor),
    ("×", Unit::Factor),
    ("x", Unit::Factor),
    ("dB", Unit::Measure),
    ("BLEU", Unit::Measure),
    ("nats", Unit::Measure),
    ("kWh", Unit::Measure),
    ("Wh", Unit::Measure),
    ("mJ", Unit::Measure),
    ("GFLOPS", Unit::Measure),
    ("TFLOPS", Unit::Measure),
    ("images per second", Unit::Measure),
    ("images/s", Unit::Measure),
    ("tokens per second", Unit::Measure),
    ("tokens/s", Unit::Measure),
    ("samples per second", Unit::Measure),
    ("kB", Unit::Size),
    ("KB", Unit::Size),
    ("MB", Unit::Size),
    ("GB", Unit::Size),
    ("TB", Unit::Size),
    ("GiB", Unit::Size),
    ("MiB", Unit::Size),
    ("px", Unit::Size),
    ("k", Unit::Size),
    ("M", Unit::Size),
];

/// The numbers of a text. Those that are part of a name (`ResNet-50`), a version with two points, a
/// date, a fraction or a size (`224×224`) are left out.
pub(super) fn numbers(text: &str) -> Vec<Number> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(|c: char| c.is_ascii_digit()).map(|start| at + start) {
        let end = digits_end(bytes, start);
        at = end;
        if is_free_before(&text[..start]) {
            found.extend(number(text, start, end));
        } else {
            // The rest of a name or of a version.
            let is_rest = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '/'));
            at += text[end..].find(is_rest).unwrap_or(text.len() - end);
        }
    }
    found
}

/// Where the digits that start at `start` end, with commas between thousands, decimals and a power.
fn digits_end(bytes: &[u8], start: usize) -> usize {
    let digits =
        |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = start + digits(start);
    while bytes.get(end) == Some(&b',') && digits(end + 1) == 3 {
        end += 4;
    }
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'-' | b'+')));
        let power = if end + 1 + sign < bytes.len() { digits(end + 1 + sign) } else { 0 };
        end += if power > 0 { 1 + sign + power } else { 0 };
    }
    end
}

/// Whether a number can start after this text.
fn is_free_before(before: &str) -> bool {
    let mut chars = before.chars().rev();
    match chars.next() {
        Some('-') => !chars.next().is_some_and(char::is_alphanumeric),
        Some(':') => !chars.next().is_some_and(|c| c.is_ascii_digit()),
        Some(c) => !(c.is_alphanumeric() || matches!(c, '_' | '/' | '.' | '#' | '^' | '²')),
        None => true,
    }
}

fn number(text: &str, start: usize, end: usize) -> Option<Number> {
    let written = &text[start..end];
    let after = &text[end..];
    let is_dimension = |text: &str| {
        let rest = text.trim_start().strip_prefix('×');
        rest.is_some_and(|rest| rest.trim_start().starts_with(|c: char| c.is_ascii_digit()))
    };
    let before = text[..start].trim_end();
    let ends_dimension = before
        .strip_suffix('×')
        .is_some_and(|rest| rest.trim_end().ends_with(|c: char| c.is_ascii_digit()));
    let mut following = after.chars();
    let (first, second) = (following.next(), following.next());
    let continues = match first {
        Some('/' | ':' | '.') => second.is_some_and(|c| c.is_ascii_digit()),
        Some('-') => second.is_some_and(char::is_alphanumeric),
        _ => false,
    };
    if continues || is_dimension(after) || ends_dimension {
        return None;
    }
    let (unit, unit_end) = unit(after);
    if unit_end == 0 && first.is_some_and(|c| c.is_alphabetic() || c == '_') {
        return None;
    }
    let value: f64 = written.replace(',', "").parse().ok()?;
    let sign = ["−", "-", "+"].into_iter().find(|sign| text[..start].ends_with(sign));
    let is_negative = sign.is_some_and(|sign| sign != "+");
    let mantissa = written.split(['e', 'E']).next().unwrap_or(written);
    Some(Number {
        range: start - sign.map_or(0, str::len)..end,
        end: end + unit_end,
        value: if is_negative { -value } else { value },
        decimals: mantissa.split_once('.').map_or(0, |(_, decimals)| decimals.len()),
        digits: mantissa.trim_start_matches(['0', '.']).bytes().filter(u8::is_ascii_digit).count(),
        unit,
    })
}

/// The unit at the start of a text, and where it ends; 0 without one.
fn unit(after: &str) -> (Unit, usize) {
    let rest = after.trim_start_matches([' ', '\n', '\u{a0}', '\u{202f}']);
    let space = after.len() - rest.len();
    let is_whole = |name: &str, unit: Unit| {
        let mut following = rest[name.len()..].chars();
        let is_long = |c: char| c.is_alphanumeric() || c == '-';
        // `1.2 M` could be a million; `5 x` and `5 s` are units only where nothing follows.
        unit == Unit::Percent || name == "×" || !following.next().is_some_and(is_long)
    };
    let found = UNITS.iter().find(|(name, unit)| rest.starts_with(name) && is_whole(name, *unit));
    found.map_or((Unit::None, 0), |(name, unit)| (*unit, space + name.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, Unit)]) {
        let found = numbers(text);
        let found: Vec<(&str, Unit)> =
            found.iter().map(|number| (&text[number.range.clone()], number.unit)).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn numbers_have_signs_thousands_decimals_powers_and_units() {
        check(
            "87.4 % of 10,000, −1.5 pp, 3e-4",
            &[
                ("87.4", Unit::Percent),
                ("10,000", Unit::None),
                ("−1.5", Unit::Points),
                ("3e-4", Unit::None),
            ],
        );
        check(
            "1.9× faster, 4 s, 12 GB, 5.",
            &[("1.9", Unit::Factor), ("4", Unit::Time), ("12", Unit::Size), ("5", Unit::None)],
        );
    }

    #[test]
    fn names_versions_dates_fractions_and_dimensions_are_no_numbers() {
        check("ResNet-50, GPT-2, F1, v2, 1.2.3, 2024-05-06, 8/255, 80/10/10, 224×224", &[]);
        check("51 × 51 points, 10:30, 4f2a91c, 4-shot, 5th, top_3", &[]);
    }

    #[test]
    fn odd_ends_are_fine() {
        check("1e", &[]);
        check("1,", &[("1", Unit::None)]);
        check("3e-", &[]);
        check("é9", &[]);
        check("9é", &[]);
    }
}
