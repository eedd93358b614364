//! Date filters, and a parser for the many ways to write a date.

use jiff::civil::{self, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ZonedDateTime};

use super::super::Read;
use super::super::render::Run;
use super::{Arguments, strftime};
use crate::time::Date;
use crate::value::{Value, as_text, is_float, is_nil};

/// The filter `date`, which returns anything except a date unchanged.
pub(super) fn date(input: Value, format: &str, run: &Run<'_, '_>) -> Value {
    if format.is_empty() {
        return input;
    }
    of_value(&input, run).map_or(input, |date| Value::from(strftime::format(&date, format)))
}

/// A filter that prints a date in the zone of the site. Returns nil and an empty string unchanged,
/// and refuses anything else that is not a date.
pub(super) fn shown(
    input: Value,
    run: &Run<'_, '_>,
    shown: impl FnOnce(&ZonedDateTime) -> String,
) -> Result<Value, String> {
    if is_nil(&input) || input.as_str() == Some("") {
        return Ok(input);
    }
    match of_value(&input, run) {
        Some(date) => Ok(Value::from(shown(&date.with_time_zone(run.environment.zone.clone())))),
        None => Err(format!("`{}` is not a date", as_text(&input))),
    }
}

/// `31 Jan 2026`, or with an ordinal `31st Jan 2026` or, in American style, `Jan 31st, 2026`.
pub(super) fn day(date: &ZonedDateTime, month: &str, arguments: &Arguments<'_>) -> String {
    if arguments.text(0) != "ordinal" {
        return strftime::format(date, &format!("%d {month} %Y"));
    }
    let day = date.day();
    let ending = match (day % 10, day) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    let is_american = arguments.text(1) == "US";
    let format = if is_american {
        format!("{month} {day}{ending}, %Y")
    } else {
        format!("{day}{ending} {month} %Y")
    };
    strftime::format(date, &format)
}

fn of_value(value: &Value, run: &Run<'_, '_>) -> Option<ZonedDateTime> {
    let zone = run.environment.zone;
    let of_seconds =
        |seconds| Some(Timestamp::from_second(seconds).ok()?.to_zoned_datetime(zone.clone()));
    let Some(text) = value.as_str() else {
        return value.as_i64().filter(|_| !is_float(value)).and_then(of_seconds);
    };
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return of_seconds(text.parse().ok()?);
    }
    let now = run.environment.now.as_ref();
    if ["now", "today"].iter().any(|word| text.eq_ignore_ascii_case(word)) {
        run.scope.note(Read::Now);
        return Some(now?.zoned().clone());
    }
    let date = Date::parse(text, zone).map(|date| date.zoned().clone());
    let date = date.or_else(|| {
        run.scope.note(Read::Now);
        loose(text, zone, now)
    })?;
    // A date with its own offset keeps it, unless the site's zone has the same.
    match own_offset(text).filter(|&offset| date.offset() != offset) {
        Some(offset) => Some(date.with_time_zone(TimeZone::fixed(offset))),
        None => Some(date),
    }
}

/// The offset at the end of a text: `+0100`, `-05:30`, `EST`.
fn own_offset(text: &str) -> Option<Offset> {
    let end = text.rsplit([' ', 'T', 't']).next()?;
    let sign = end.rfind(['+', '-'])?;
    if !text.contains(':') {
        return None;
    }
    offset(&end[sign..])
}

/// The zones used in dates of emails, with their hours.
const ZONES: [(&str, i8); 14] = [
    ("utc", 0),
    ("gmt", 0),
    ("z", 0),
    ("est", -5),
    ("edt", -4),
    ("cst", -6),
    ("cdt", -5),
    ("mst", -7),
    ("mdt", -6),
    ("pst", -8),
    ("pdt", -7),
    ("cet", 1),
    ("cest", 2),
    ("bst", 1),
];

fn offset(text: &str) -> Option<Offset> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits = text[1..].replace(':', "");
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |range: std::ops::Range<usize>| digits.get(range)?.parse::<i32>().ok();
    let seconds = match digits.len() {
        1 | 2 => number(0..digits.len())? * 3600,
        4 => number(0..2)? * 3600 + number(2..4)? * 60,
        _ => return None,
    };
    Offset::from_seconds(sign * seconds).ok()
}

/// A token of a written date.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Piece<'a> {
    /// A number and its number of digits.
    Number(u32, usize),
    Word(&'a str),
    Sign(char),
}

/// Longer strings are not dates.
const LONGEST: usize = 64;

/// Parses a date as people write it: `January 2nd, 2020 5:06 PM`, `2 Jan 2020`, `2020/1/2`,
/// `1/2/2020` (the first of February), `02.01.2020`.
fn loose(text: &str, zone: &TimeZone, now: Option<&Date>) -> Option<ZonedDateTime> {
    if text.len() > LONGEST {
        return None;
    }
    let lower = text.to_lowercase();
    let mut pieces = pieces(&lower);
    let time = take_time(&mut pieces);
    let zone = match time.and_then(|(_, offset)| offset) {
        Some(offset) => TimeZone::fixed(offset),
        None => zone.clone(),
    };
    let year = now.map_or(1970, |now| now.civil().year());
    let day = numeric_day(&pieces).or_else(|| named_day(&pieces, year));
    let day = match (day, time) {
        (Some(day), _) => day,
        (None, Some(_)) => now?.civil().date(),
        (None, None) => return None,
    };
    let time = time.map_or(Time::midnight(), |(time, _)| time);
    day.to_datetime(time).to_zoned_datetime(zone).ok()
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let is_digit = |c: char| c.is_ascii_digit();
        let length = if is_digit(c) {
            rest.find(|c| !is_digit(c)).unwrap_or(rest.len())
        } else if c.is_alphabetic() {
            rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len())
        } else {
            c.len_utf8()
        };
        let (piece, after) = rest.split_at(length);
        match c {
            c if is_digit(c) => {
                pieces.extend(piece.parse().ok().map(|number| Piece::Number(number, length)));
            }
            c if c.is_alphabetic() => pieces.push(Piece::Word(piece)),
            c if c.is_whitespace() || c == ',' => {}
            c => pieces.push(Piece::Sign(c)),
        }
        rest = after;
    }
    pieces
}

/// Removes the time of day and the offset after it from the tokens.
fn take_time(pieces: &mut Vec<Piece<'_>>) -> Option<(Time, Option<Offset>)> {
    let is_half = |piece: Option<&Piece<'_>>| matches!(piece, Some(Piece::Word("am" | "pm")));
    let start = (0..pieces.len()).find(|&at| {
        let is_number = matches!(pieces[at], Piece::Number(_, 1 | 2));
        let has_minutes =
            matches!(pieces.get(at + 1..at + 3), Some([Piece::Sign(':'), Piece::Number(..)]));
        is_number && (has_minutes || is_half(pieces.get(at + 1)))
    })?;
    let number = |at: usize| match pieces.get(at) {
        Some(&Piece::Number(number, _)) => Some(number),
        _ => None,
    };
    let mut hour = number(start)?;
    let (mut minute, mut second) = (0, 0);
    let mut end = start + 1;
    if pieces.get(end) == Some(&Piece::Sign(':')) {
        minute = number(end + 1)?;
        end += 2;
        if pieces.get(end) == Some(&Piece::Sign(':')) {
            second = number(end + 1)?;
            end += 2;
            if pieces.get(end) == Some(&Piece::Sign('.')) && number(end + 1).is_some() {
                end += 2;
            }
        }
    }
    if is_half(pieces.get(end)) {
        let is_afternoon = pieces.get(end) == Some(&Piece::Word("pm"));
        hour = hour % 12 + if is_afternoon { 12 } else { 0 };
        end += 1;
    }
    let mut found = None;
    match pieces.get(end) {
        Some(Piece::Word(word)) => {
            if let Some((_, hours)) = ZONES.iter().find(|(name, _)| name == word) {
                found = Some(Offset::constant(*hours));
                end += 1;
            }
        }
        Some(Piece::Sign(sign @ ('+' | '-'))) => {
            if let Some(&Piece::Number(digits, length @ (2 | 4))) = pieces.get(end + 1) {
                let minutes = if length == 2 && pieces.get(end + 2) == Some(&Piece::Sign(':')) {
                    number(end + 3)
                } else {
                    None
                };
                end += if minutes.is_some() { 4 } else { 2 };
                let digits = minutes.map_or(format!("{digits:0length$}"), |minutes| {
                    format!("{digits:02}{minutes:02}")
                });
                found = offset(&format!("{sign}{digits}"));
            }
        }
        _ => {}
    }
    let [hour, minute, second] =
        [hour, minute, second].map(|number| i8::try_from(number).unwrap_or(i8::MAX));
    let time = Time::new(hour, minute, second.min(59), 0).ok()?;
    pieces.drain(start..end);
    Some((time, found))
}

/// Three numbers separated by `-`, `/` or `.`: year first if it has four digits, otherwise day
/// first.
fn numeric_day(pieces: &[Piece<'_>]) -> Option<civil::Date> {
    pieces.windows(5).find_map(|window| match window {
        &[
            Piece::Number(a, a_digits),
            Piece::Sign(first),
            Piece::Number(b, _),
            Piece::Sign(second),
            Piece::Number(c, c_digits),
        ] if first == second && matches!(first, '-' | '/' | '.') => {
            if a_digits >= 3 {
                day_of(a, b, c)
            } else {
                day_of(whole_year(c, c_digits), b, a)
            }
        }
        _ => None,
    })
}

/// A month by name, with a day and a year.
fn named_day(pieces: &[Piece<'_>], this_year: i16) -> Option<civil::Date> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let (at, month) = pieces.iter().enumerate().find_map(|(at, piece)| match piece {
        Piece::Word(word) => Some((at, MONTHS.iter().position(|month| word.starts_with(month))?)),
        _ => None,
    })?;
    let month = u32::try_from(month + 1).ok()?;
    let (mut day, mut year) = (None, None);
    let before = pieces[..at].iter().rev();
    for piece in before.chain(&pieces[at + 1..]) {
        match *piece {
            Piece::Number(number, digits) if digits <= 2 && number <= 31 && day.is_none() => {
                day = Some(number);
            }
            Piece::Number(number, digits) if year.is_none() => {
                year = Some(whole_year(number, digits));
            }
            _ => {}
        }
    }
    day_of(year.unwrap_or(u32::try_from(this_year).unwrap_or(0)), month, day.unwrap_or(1))
}

/// A two-digit year is in this century up to 68, otherwise in the last.
fn whole_year(year: u32, digits: usize) -> u32 {
    match (digits, year) {
        (1 | 2, 0..=68) => 2000 + year,
        (1 | 2, _) => 1900 + year,
        _ => year,
    }
}

fn day_of(year: u32, month: u32, day: u32) -> Option<civil::Date> {
    civil::Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?)
        .ok()
}
