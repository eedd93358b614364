//! Formats dates as Ruby's `strftime` does.

use std::fmt::Write;

use jiff::ZonedDateTime;

/// Formats the date. Text that is not a directive is copied.
pub(super) fn format(date: &ZonedDateTime, format: &str) -> String {
    let mut out = String::with_capacity(format.len() + 16);
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let directive = Directive::parse(rest);
        match directive.as_ref().and_then(|directive| directive.written(date)) {
            Some(text) => out.push_str(&text),
            None => {
                out.push_str(&rest[..directive.as_ref().map_or(1, |directive| directive.length)]);
            }
        }
        rest = &rest[directive.map_or(1, |directive| directive.length)..];
    }
    out.push_str(rest);
    out
}

/// `%`, flags, width, letter.
struct Directive {
    /// The padding: `-` for none, `_` for spaces, `0` for zeros; `None` for the default.
    padding: Option<char>,
    upper: bool,
    swap_case: bool,
    colons: usize,
    width: Option<usize>,
    letter: char,
    /// Its length in the format in bytes.
    length: usize,
}

/// A wider field than this is a mistake.
const MAX_WIDTH: usize = 200;

impl Directive {
    fn parse(text: &str) -> Option<Directive> {
        let mut directive = Directive {
            padding: None,
            upper: false,
            swap_case: false,
            colons: 0,
            width: None,
            letter: ' ',
            length: 0,
        };
        let mut characters = text.char_indices().skip(1);
        loop {
            let (at, c) = characters.next()?;
            directive.length = at + c.len_utf8();
            match (c, directive.width) {
                ('-' | '_' | '0', None) => directive.padding = Some(c),
                ('^', None) => directive.upper = true,
                ('#', None) => directive.swap_case = true,
                (':', _) => directive.colons += 1,
                ('0'..='9', width) => {
                    let digit = usize::try_from(c.to_digit(10)?).ok()?;
                    directive.width = Some((width.unwrap_or(0) * 10 + digit).min(MAX_WIDTH));
                }
                // Other calendars and digits, which Ruby does not have either.
                ('E' | 'O', _)
                    if text[directive.length..].starts_with(|c: char| c.is_ascii_alphabetic()) => {}
                _ => {
                    directive.letter = c;
                    return Some(directive);
                }
            }
        }
    }

    fn written(&self, date: &ZonedDateTime) -> Option<String> {
        let number = |number: i64, width: usize| self.padded(number, width, '0');
        let spaced = |number: i64, width: usize| self.padded(number, width, ' ');
        let hour12 = i64::from((date.hour() + 11).rem_euclid(12) + 1);
        let iso = date.date().iso_week_date();
        let year_day = i64::from(date.day_of_year());
        let from_sunday = i64::from(date.weekday().to_sunday_zero_offset());
        let from_monday = i64::from(date.weekday().to_monday_zero_offset());
        let composed = |format: &str| self.text(self::format(date, format));
        Some(match self.letter {
            'Y' => number(i64::from(date.year()), 1),
            'C' => number(i64::from(date.year().div_euclid(100)), 2),
            'y' => number(i64::from(date.year().rem_euclid(100)), 2),
            'm' => number(i64::from(date.month()), 2),
            'B' => self.text(MONTHS[usize::try_from(date.month() - 1).ok()?].to_owned()),
            'b' | 'h' => self.text(MONTHS[usize::try_from(date.month() - 1).ok()?][..3].to_owned()),
            'd' => number(i64::from(date.day()), 2),
            'e' => spaced(i64::from(date.day()), 2),
            'j' => number(year_day, 3),
            'H' => number(i64::from(date.hour()), 2),
            'k' => spaced(i64::from(date.hour()), 2),
            'I' => number(hour12, 2),
            'l' => spaced(hour12, 2),
            'P' => self.text(if date.hour() < 12 { "am" } else { "pm" }.to_owned()),
            'p' if self.swap_case => {
                self.text(if date.hour() < 12 { "am" } else { "pm" }.to_owned())
            }
            'p' => self.text(if date.hour() < 12 { "AM" } else { "PM" }.to_owned()),
            'M' => number(i64::from(date.minute()), 2),
            'S' => number(i64::from(date.second()), 2),
            'L' => self.fraction(date, 3),
            'N' => self.fraction(date, 9),
            'z' => self.offset(date),
            'Z' => self.text(zone_name(date)),
            'A' => self.text(DAYS[usize::try_from(from_sunday).ok()?].to_owned()),
            'a' => self.text(DAYS[usize::try_from(from_sunday).ok()?][..3].to_owned()),
            'u' => number(from_monday + 1, 1),
            'w' => number(from_sunday, 1),
            'G' => number(i64::from(iso.year()), 1),
            'g' => number(i64::from(iso.year().rem_euclid(100)), 2),
            'V' => number(i64::from(iso.week()), 2),
            'U' => number((year_day + 6 - from_sunday) / 7, 2),
            'W' => number((year_day + 6 - from_monday) / 7, 2),
            's' => number(date.timestamp().as_second(), 1),
            'n' => "\n".to_owned(),
            't' => "\t".to_owned(),
            '%' => "%".to_owned(),
            'c' => composed("%a %b %e %H:%M:%S %Y"),
            'D' | 'x' => composed("%m/%d/%y"),
            'F' => composed("%Y-%m-%d"),
            'v' => composed("%e-%^b-%Y"),
            'X' | 'T' => composed("%H:%M:%S"),
            'R' => composed("%H:%M"),
            'r' => composed("%I:%M:%S %p"),
            _ => return None,
        })
    }

    fn padded(&self, number: i64, usual: usize, fill: char) -> String {
        let width = self.width.unwrap_or(usual);
        match self.padding {
            Some('-') => number.to_string(),
            padding if padding == Some('_') || padding.is_none() && fill == ' ' => {
                format!("{number:>width$}")
            }
            _ => format!("{number:0>width$}"),
        }
    }

    fn text(&self, text: String) -> String {
        let text = if self.upper || self.swap_case && self.letter != 'p' {
            text.to_uppercase()
        } else {
            text
        };
        let width = self.width.unwrap_or(0);
        match self.padding {
            Some('-') => text,
            Some('0') => format!("{text:0>width$}"),
            _ => format!("{text:>width$}"),
        }
    }

    fn fraction(&self, date: &ZonedDateTime, usual: usize) -> String {
        let digits = format!("{:09}", date.subsec_nanosecond());
        let width = self.width.unwrap_or(usual);
        digits.chars().chain(std::iter::repeat('0')).take(width).collect()
    }

    fn offset(&self, date: &ZonedDateTime) -> String {
        let seconds = date.offset().seconds();
        let (sign, seconds) = (if seconds < 0 { '-' } else { '+' }, seconds.abs());
        let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let mut digits = String::new();
        let _ = match self.colons {
            0 => write!(digits, "{hours:02}{minutes:02}"),
            1 => write!(digits, "{hours:02}:{minutes:02}"),
            _ => write!(digits, "{hours:02}:{minutes:02}:{rest:02}"),
        };
        let width = self.width.unwrap_or(0).saturating_sub(1);
        match self.padding {
            Some('_') => {
                let width = (width + 1).max(digits.len() + 1);
                format!(
                    "{:>width$}",
                    format!("{sign}{}", digits.strip_prefix('0').unwrap_or(&digits))
                )
            }
            _ => format!("{sign}{digits:0>width$}"),
        }
    }
}

/// `UTC`, `CET`; empty for a fixed offset, which has no name.
fn zone_name(date: &ZonedDateTime) -> String {
    let name = jiff::fmt::strtime::format("%Z", date).unwrap_or_default();
    if name.starts_with(['+', '-']) { String::new() } else { name }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
