//! Dates of posts: a moment and the time zone that it is shown in.

use jiff::civil::{self, DateTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ZonedDateTime};

/// A moment, seen in the site's time zone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(ZonedDateTime);

/// What is accepted, for messages.
pub const DATE_FORMS: &str = "write it as `2026-01-31` or `2026-01-31 18:30:00 +0100`";

impl Date {
    /// Reads a date as Ruby does, in the forms that people write: `2026-01-31`, `2026/1/31`, `31.1.2026`,
    /// `January 31, 2026`, `Sat, 31 Jan 2026`; then nothing or a time (`18:30`, `6:30 pm`, `T18:30:00.5`), with an
    /// offset (`+0100`, `Z`, `EST`) or without, which means the site's zone; and as the command `date` writes it,
    /// `Sat Jan 31 18:30:00 CET 2026`. As Ruby does, it passes over a note in parentheses and over an offset that is
    /// none (`-400`, `UTC+1`, `: -03:00`), and takes the 30th of February for the day that follows. `None` if it is none of those.
    ///
    /// A time without an offset that YAML reads is UTC; that is [`psych`](crate::psych)'s part.
    pub fn parse(text: &str, zone: &TimeZone) -> Option<Date> {
        let mut words = Words::of(text);
        let (day, time) = match words.as_written_by_date() {
            Some((day, time)) => (day, Some(time)),
            None => (words.day()?, words.time()?),
        };
        let offset = words.offset()?;
        let moment = day.to_datetime(time.unwrap_or(civil::Time::midnight()));
        if !words.is_empty() {
            return None;
        }
        match offset {
            Some(offset) => Date::of_civil_at(moment, offset, zone),
            None => Date::of_civil(moment, zone),
        }
    }

    /// A moment, seen in `zone`.
    pub fn of_timestamp(moment: Timestamp, zone: &TimeZone) -> Date {
        Date(moment.to_zoned_datetime(zone.clone()))
    }

    fn of_civil(moment: DateTime, zone: &TimeZone) -> Option<Date> {
        moment.to_zoned_datetime(zone.clone()).ok().map(Date)
    }

    fn of_civil_at(moment: DateTime, offset: Offset, zone: &TimeZone) -> Option<Date> {
        let moment = offset.to_timestamp(moment).ok()?;
        Some(Date(moment.to_zoned_datetime(zone.clone())))
    }

    /// The moment.
    pub fn timestamp(&self) -> Timestamp {
        self.0.timestamp()
    }

    /// The moment with its time zone.
    pub(crate) fn zoned(&self) -> &ZonedDateTime {
        &self.0
    }

    /// The moment as a calendar and a clock in the site's time zone show it.
    pub fn civil(&self) -> DateTime {
        self.0.datetime()
    }

    /// `2026-01-31T18:30:00+01:00`, as feeds and `<time datetime>` want it.
    pub fn to_xml_schema(&self) -> String {
        self.0.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// Writes the date by a format of strftime; `None` if the format has a directive that is not known.
    pub fn format(&self, format: &str) -> Option<String> {
        jiff::fmt::strtime::format(format, &self.0).ok()
    }
}

/// `2026-01-31 18:30:00 +0100`, as Jekyll writes a date.
impl std::fmt::Display for Date {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}", self.0.strftime("%Y-%m-%d %H:%M:%S %z"))
    }
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// Zones by the names that Ruby knows, in hours.
const ZONES: [(&str, i8); 12] = [
    ("z", 0),
    ("ut", 0),
    ("utc", 0),
    ("gmt", 0),
    ("est", -5),
    ("edt", -4),
    ("cst", -6),
    ("cdt", -5),
    ("mst", -7),
    ("mdt", -6),
    ("pst", -8),
    ("pdt", -7),
];
/// Names that Ruby knows only where they are those of the site's own zone; elsewhere they count for nothing.
const LOCAL_ZONES: [&str; 9] = ["wet", "west", "bst", "ist", "cet", "cest", "eet", "eest", "jst"];

/// The words, numbers and signs of a date, as far as they are not read.
struct Words<'a>(Vec<&'a str>);

impl<'a> Words<'a> {
    fn of(text: &'a str) -> Words<'a> {
        let kind = |c: char| match c {
            _ if c.is_ascii_digit() => 0,
            _ if c.is_alphabetic() => 1,
            _ if c.is_whitespace() || c == ',' => 2,
            _ => 3,
        };
        let mut words = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let end = if kind(first) == 3 {
                first.len_utf8()
            } else {
                rest.find(|c| kind(c) != kind(first)).unwrap_or(rest.len())
            };
            words.push(&rest[..end]);
            rest = &rest[end..];
        }
        words.reverse();
        Words(words)
    }

    fn is_empty(&mut self) -> bool {
        self.skip_space();
        self.0.is_empty()
    }

    fn skip_space(&mut self) {
        while self.peek(0).is_some_and(|word| word.starts_with(|c: char| c.is_whitespace() || c == ',')) {
            self.0.pop();
        }
    }

    fn peek(&self, ahead: usize) -> Option<&'a str> {
        self.0.len().checked_sub(ahead + 1).map(|at| self.0[at])
    }

    fn takes(&mut self, word: &str) -> bool {
        let is_it = self.peek(0) == Some(word);
        if is_it {
            self.0.pop();
        }
        is_it
    }

    fn number<T: std::str::FromStr>(&mut self, most: usize) -> Option<T> {
        let number = digits(self.peek(0)?, most)?;
        self.0.pop();
        Some(number)
    }

    fn month_name(&mut self) -> Option<i8> {
        let month = position_of(&MONTHS, self.peek(0)?)?;
        self.0.pop();
        self.takes(".");
        Some(month + 1)
    }

    /// `Sat Jan 31 18:30:00 CET 2026`. The zone's name counts for nothing. Reads nothing else.
    fn as_written_by_date(&mut self) -> Option<(civil::Date, civil::Time)> {
        let words: Vec<&str> =
            self.0.iter().rev().copied().filter(|word| !word.starts_with(char::is_whitespace)).collect();
        let [weekday, month, day, hour, ":", minute, ":", second, rest @ ..] = words.as_slice() else {
            return None;
        };
        let year = match rest {
            [year] => year,
            [zone, year] if zone.starts_with(char::is_alphabetic) => year,
            _ => return None,
        };
        let _ = position_of(&DAYS, weekday)?;
        let month = position_of(&MONTHS, month)? + 1;
        let day = day_of(full_year(year).filter(|_| year.len() == 4)?, month, digits(day, 2)?)?;
        let time = civil::Time::new(digits(hour, 2)?, digits(minute, 2)?, digits(second, 2)?, 0).ok()?;
        self.0.clear();
        Some((day, time))
    }

    fn day(&mut self) -> Option<civil::Date> {
        self.skip_space();
        if self.peek(0).and_then(|word| position_of(&DAYS, word)).is_some() {
            self.0.pop();
            self.takes(".");
            self.skip_space();
        }
        let (year, month, day) = if let Some(month) = self.month_name() {
            // January 31st, 2026
            self.skip_space();
            let day: i8 = self.number(2)?;
            self.skip_ordinal();
            self.skip_space();
            (self.year()?, month, day)
        } else {
            let first = self.peek(0)?;
            if first.len() == 8 {
                // 20260131
                self.0.pop();
                (digits(&first[..4], 4)?, digits(&first[4..6], 2)?, digits(&first[6..], 2)?)
            } else {
                self.0.pop();
                self.skip_ordinal();
                self.numbered_day(first)?
            }
        };
        day_of(year, month, day)
    }

    /// A day whose first number is read.
    fn numbered_day(&mut self, first: &str) -> Option<(i16, i8, i8)> {
        let separator = self.peek(0)?;
        if let "-" | "/" | "." = separator {
            self.0.pop();
            if let Some(month) = self.month_name() {
                // 31-Jan-2026
                self.takes(separator);
                let last = self.peek(0)?;
                if first.len() > 2 {
                    return Some((digits(first, 4)?, month, self.number(2)?));
                }
                self.0.pop();
                return Some((full_year(last)?, month, digits(first, 2)?));
            }
            let second = self.number(2)?;
            if !self.takes(separator) {
                // 2026-01
                return (first.len() == 4 && separator != ".").then_some((digits(first, 4)?, second, 1));
            }
            let last = self.peek(0)?;
            self.0.pop();
            return if last.len() > 2 && first.len() <= 2 {
                Some((digits(last, 4)?, second, digits(first, 2)?))
            } else {
                Some((full_year(first)?, second, digits(last, 2)?))
            };
        }
        // 31 January 2026
        self.skip_space();
        let month = self.month_name()?;
        self.skip_space();
        Some((self.year()?, month, digits(first, 2)?))
    }

    fn year(&mut self) -> Option<i16> {
        let year = full_year(self.peek(0)?)?;
        self.0.pop();
        Some(year)
    }

    fn skip_ordinal(&mut self) {
        if self.peek(0).is_some_and(|word| ["st", "nd", "rd", "th"].contains(&word)) {
            self.0.pop();
        }
    }

    /// The inner `None` if there is no time, the outer if there is a wrong one.
    #[expect(clippy::option_option, reason = "no time and no right time are two things")]
    fn time(&mut self) -> Option<Option<civil::Time>> {
        self.skip_space();
        if self.peek(0).is_some_and(|word| word.eq_ignore_ascii_case("t") || word == "at") {
            self.0.pop();
            self.skip_space();
        }
        // What follows may be the offset.
        if self.peek(0).is_none_or(|word| !word.starts_with(|c: char| c.is_ascii_digit())) {
            return Some(None);
        }
        let compact = self.peek(0).filter(|word| matches!(word.len(), 4 | 6));
        let (mut hour, minute, second): (i8, i8, i8) = if let Some(compact) = compact {
            self.0.pop();
            (
                digits(&compact[..2], 2)?,
                digits(&compact[2..4], 2)?,
                digits(compact.get(4..).unwrap_or("0"), 2).unwrap_or(0),
            )
        } else {
            let hour = self.number(2)?;
            let minute = if self.takes(":") { self.number(2)? } else { 0 };
            let has_seconds = self.peek(0) == Some(":") && self.peek(1) != Some(":");
            let second = if has_seconds && self.takes(":") { self.number(2)? } else { 0 };
            if matches!(self.peek(0), Some("." | ","))
                && self.peek(1).is_some_and(|word| digits::<u128>(word, 30).is_some())
            {
                self.0.pop();
                self.0.pop();
            }
            (hour, minute, second)
        };
        let is_spaced = self.peek(0).is_some_and(|word| word.starts_with(char::is_whitespace));
        let half = self.peek(usize::from(is_spaced)).map(str::to_ascii_lowercase);
        if let Some(half @ ("am" | "pm" | "a" | "p")) = half.as_deref() {
            hour = hour % 12 + if half.starts_with('p') { 12 } else { 0 };
            self.skip_space();
            self.0.pop();
        }
        if hour == 24 && minute == 0 && second == 0 {
            return None;
        }
        civil::Time::new(hour, minute, second.min(59), 0).ok().map(Some)
    }

    /// The inner `None` if there is no offset, the outer if there is a wrong one.
    #[expect(clippy::option_option, reason = "no offset and no right offset are two things")]
    fn offset(&mut self) -> Option<Option<Offset>> {
        self.skip_space();
        let Some(word) = self.peek(0) else {
            return Some(None);
        };
        let sign = match word {
            "+" => 1,
            "-" => -1,
            // A note behind the date, and an offset behind a colon too many: Ruby passes over them.
            "(" if self.0.first() == Some(&")") => {
                self.0.clear();
                return Some(None);
            }
            ":" => {
                self.0.clear();
                return Some(None);
            }
            name => {
                let name = name.to_ascii_lowercase();
                if LOCAL_ZONES.contains(&name.as_str()) {
                    self.0.pop();
                    return Some(None);
                }
                let &(_, hours) = ZONES.iter().find(|(known, _)| *known == name)?;
                self.0.pop();
                if hours == 0 && matches!(self.peek(0), Some("+" | "-")) {
                    // `UTC+1` is no zone to Ruby.
                    return self.offset().map(|_| None);
                }
                return Some(Some(Offset::constant(hours)));
            }
        };
        self.0.pop();
        let number = self.peek(0)?;
        self.0.pop();
        let (hours, minutes): (i32, i32) = match number.len() {
            2 if self.takes(":") => (digits(number, 2)?, self.number(2)?),
            2 => (digits(number, 2)?, 0),
            // `-400`, `-4` and `-4:00` are no offsets to Ruby.
            1 | 3 => {
                if self.takes(":") {
                    self.number::<u8>(2)?;
                }
                return digits::<u16>(number, 3).map(|_| None);
            }
            4 => (digits(&number[..2], 2)?, digits(&number[2..], 2)?),
            _ => return None,
        };
        let offset = (minutes < 60).then(|| Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok())?;
        // (CET), as e-mail has it
        while self.peek(0).is_some_and(|word| word.starts_with(char::is_whitespace) || word == "(") {
            self.0.pop();
            if self.peek(0).is_some_and(|word| word.starts_with(char::is_alphabetic)) {
                self.0.pop();
                self.takes(")");
            }
        }
        offset.map(Some)
    }
}

/// A day of the calendar. Of a month that is shorter, the days up to the 31st are the first of the next.
fn day_of(year: i16, month: i8, day: i8) -> Option<civil::Date> {
    let first = civil::Date::new(year, month, 1).ok()?;
    let over = (29..=31).contains(&day).then(|| day - first.days_in_month()).filter(|over| *over > 0);
    match over {
        Some(over) => {
            let next = first.last_of_month().tomorrow().ok()?;
            civil::Date::new(next.year(), next.month(), over).ok()
        }
        None => civil::Date::new(year, month, day).ok(),
    }
}

/// Which of the names, of three letters, the word is or begins with: `Sept`, `September`.
fn position_of(names: &[&str], word: &str) -> Option<i8> {
    let start = word.get(..3)?.to_ascii_lowercase();
    let position = names.iter().position(|name| *name == start)?;
    i8::try_from(position).ok().filter(|_| word.chars().all(char::is_alphabetic))
}

/// `26` is 2026, and `99` is 1999, as Ruby reads it.
fn full_year(text: &str) -> Option<i16> {
    let year: i16 = digits(text, 4)?;
    Some(match (text.len(), year) {
        (1 | 2, 69..) => year + 1900,
        (1 | 2, _) => year + 2000,
        _ => year,
    })
}

/// Reads a number of one to `most` digits, nothing else.
fn digits<T: std::str::FromStr>(text: &str, most: usize) -> Option<T> {
    let is_number = !text.is_empty() && text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let zone = TimeZone::fixed(Offset::constant(1));
        assert_eq!(Date::parse(text, &zone).map(|date| date.to_string()).as_deref(), expected, "{text}");
    }

    #[test]
    fn a_day_is_its_midnight_in_the_zone_of_the_site() {
        for text in [
            "2026-01-31",
            "2026-1-31",
            "2026/01/31",
            "26-1-31",
            "20260131",
            "31.01.2026",
            "31/1/2026",
            "January 31, 2026",
            "Jan. 31st 2026",
            "31 January 2026",
            "31-Jan-2026",
            "Sat, 31 Jan 2026",
        ] {
            check(text, Some("2026-01-31 00:00:00 +0100"));
        }
        check("2026-01", Some("2026-01-01 00:00:00 +0100"));
        check("99-1-2", Some("1999-01-02 00:00:00 +0100"));
    }

    #[test]
    fn a_time_with_an_offset_is_shown_in_the_zone_of_the_site() {
        check("2026-01-31 23:30:00 +0000", Some("2026-02-01 00:30:00 +0100"));
        check("2026-01-31T23:30:00Z", Some("2026-02-01 00:30:00 +0100"));
        check("2026-01-31T23:30:00.000Z", Some("2026-02-01 00:30:00 +0100"));
        check("2026-01-31 18:30:00 -05:00", Some("2026-02-01 00:30:00 +0100"));
        check("2026-01-31 18:30:05.123 +1", Some("2026-01-31 18:30:05 +0100"));
        check("2026-01-31 18:30 EST", Some("2026-02-01 00:30:00 +0100"));
        check("Sat, 31 Jan 2026 18:30:00 GMT", Some("2026-01-31 19:30:00 +0100"));
    }

    #[test]
    fn a_time_without_an_offset_is_in_the_zone_of_the_site() {
        check("2026-01-31 10:00:00", Some("2026-01-31 10:00:00 +0100"));
        check("2026-01-31 10:00", Some("2026-01-31 10:00:00 +0100"));
        check("2026-01-31 6:30pm", Some("2026-01-31 18:30:00 +0100"));
        check("2026-01-31 12:05 AM", Some("2026-01-31 00:05:00 +0100"));
    }

    #[test]
    fn what_ruby_passes_over_is_passed_over() {
        check("2026-01-31 (optional)", Some("2026-01-31 00:00:00 +0100"));
        check("2026-01-31 12:00-400", Some("2026-01-31 12:00:00 +0100"));
        check("2026-01-31 18:30 UTC+2", Some("2026-01-31 18:30:00 +0100"));
        check("2026-01-31 18:30 -4:00", Some("2026-01-31 18:30:00 +0100"));
        check("2026-01-31 18:30 CEST", Some("2026-01-31 18:30:00 +0100"));
        check("2026-01-31 00:10::00 -03:00", Some("2026-01-31 00:10:00 +0100"));
        check("Sat Jan 31 11:21:31 CEST 2026", Some("2026-01-31 11:21:31 +0100"));
        check("Sat Jan  3 11:21:31 2026", Some("2026-01-03 11:21:31 +0100"));
    }

    #[test]
    fn days_that_a_month_lacks_are_in_the_next() {
        check("2011-02-29", Some("2011-03-01 00:00:00 +0100"));
        check("2011-04-31 10:00", Some("2011-05-01 10:00:00 +0100"));
        check("2012-12-31", Some("2012-12-31 00:00:00 +0100"));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "2026",
            "soon",
            "2026-02-32",
            "2026-13-01",
            "2026-01-31 25:00",
            "2026-01-31 10:00 x",
            "é2026-01-31",
            "3-",
            "1/2",
            "31 Jan",
            "2026-01-31 +",
        ] {
            check(text, None);
        }
    }
}
