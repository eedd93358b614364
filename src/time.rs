//! Dates of posts: a point in time and the time zone that it is shown in.

use jiff::civil::{self, DateTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan, ZonedDateTime};

/// A point in time in the site's time zone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(ZonedDateTime);

/// The accepted forms, for messages.
pub(crate) const DATE_FORMS: &str = "write it as `2026-01-31` or `2026-01-31 18:30:00 +0100`";

impl Date {
    /// Parses a date as Ruby does, in the forms that people write: `2026-01-31`, `2026/1/31`,
    /// `31.1.2026`, `January 31, 2026`, `Sat, 31 Jan 2026`; optionally followed by a time (`18:30`,
    /// `6:30 pm`, `T18:30:00.5`) and an offset (`+0100`, `Z`, `EST`), which is by default that of
    /// the site's zone; and the output of the command `date`, `Sat Jan 31 18:30:00 CET 2026`. Like
    /// Ruby, ignores everything else after the day, including an invalid offset (`-400`, `UTC+1`),
    /// and reads a day past the end of a month as one in the next month. `None` if it is none of
    /// those.
    ///
    /// In YAML, a time without an offset is UTC; that is handled in [`psych`](crate::psych).
    pub fn parse(text: &str, zone: &TimeZone) -> Option<Date> {
        if let Some(date) = Date::parse_plain(text, zone) {
            return Some(date);
        }
        let mut words = Words::of(text);
        if let Some((day, time)) = words.as_written_by_date() {
            return Date::of_civil(day.to_datetime(time), zone);
        }
        let is_compact = words
            .peek(0)
            .is_some_and(|word| word.len() >= 8 && word.starts_with(|c: char| c.is_ascii_digit()));
        let day = words.day()?;
        let rest = words.rest();
        let clock = if is_compact {
            Clock::compact(&rest).or_else(|| Clock::find(&rest))
        } else {
            Clock::find(&rest)
        };
        let Some(clock) = clock else {
            return Date::of_civil(day.to_datetime(civil::Time::midnight()), zone);
        };
        let moment = clock.on(day)?;
        match clock.offset()? {
            Some(offset) => Date::of_civil_at(moment, offset, zone),
            None => Date::of_civil(moment, zone),
        }
    }

    /// Parses `2026-01-31 18:30:00 +0100`, the form in which templates see dates, at once.
    fn parse_plain(text: &str, zone: &TimeZone) -> Option<Date> {
        let [day, time, offset] = [text.get(..10)?, text.get(11..19)?, text.get(20..25)?];
        let signs = [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':'), (19, b' ')];
        let is_plain = text.len() == 25
            && signs.iter().all(|&(at, sign)| text.as_bytes()[at] == sign)
            && offset.starts_with(['+', '-']);
        if !is_plain {
            return None;
        }
        let day =
            civil::Date::new(digits(&day[..4], 4)?, digits(&day[5..7], 2)?, digits(&day[8..], 2)?)
                .ok()?;
        let time = civil::Time::new(
            digits(&time[..2], 2)?,
            digits(&time[3..5], 2)?,
            digits(&time[6..], 2)?,
            0,
        )
        .ok()?;
        let seconds: i32 =
            digits::<i32>(&offset[1..3], 2)? * 3600 + digits::<i32>(&offset[3..], 2)? * 60;
        let seconds = if offset.starts_with('-') { -seconds } else { seconds };
        Date::of_civil_at(day.to_datetime(time), Offset::from_seconds(seconds).ok()?, zone)
    }

    /// A point in time in `zone`.
    pub(crate) fn of_timestamp(moment: Timestamp, zone: &TimeZone) -> Date {
        Date(moment.to_zoned_datetime(zone.clone()))
    }

    fn of_civil(moment: DateTime, zone: &TimeZone) -> Option<Date> {
        moment.to_zoned_datetime(zone.clone()).ok().map(Date)
    }

    fn of_civil_at(moment: DateTime, offset: Offset, zone: &TimeZone) -> Option<Date> {
        let moment = offset.to_timestamp(moment).ok()?;
        Some(Date(moment.to_zoned_datetime(zone.clone())))
    }

    /// The point in time.
    pub(crate) fn timestamp(&self) -> Timestamp {
        self.0.timestamp()
    }

    /// Whether its day comes after that of another date.
    pub(crate) fn is_later_day(&self, other: &Date) -> bool {
        self.civil().date() > other.civil().date()
    }

    /// The point in time with its time zone.
    pub(crate) fn zoned(&self) -> &ZonedDateTime {
        &self.0
    }

    /// The local date and time in the site's time zone.
    pub(crate) fn civil(&self) -> DateTime {
        self.0.datetime()
    }

    /// `2026-01-31T18:30:00+01:00`, for feeds and `<time datetime>`.
    pub(crate) fn to_xml_schema(&self) -> String {
        self.0.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// Formats the date with a strftime format; `None` if the format has an unknown directive.
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

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// The zones that Ruby knows by name, in hours.
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
/// The unread words, numbers and signs of a date, in reverse order.
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

    fn rest(mut self) -> String {
        self.0.reverse();
        self.0.concat()
    }

    fn skip_space(&mut self) {
        while self
            .peek(0)
            .is_some_and(|word| word.starts_with(|c: char| c.is_whitespace() || c == ','))
        {
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

    /// `Sat Jan 31 18:30:00 CET 2026`. The zone's name is ignored. In any other form, nothing is
    /// consumed.
    fn as_written_by_date(&mut self) -> Option<(civil::Date, civil::Time)> {
        let words: Vec<&str> = self
            .0
            .iter()
            .rev()
            .copied()
            .filter(|word| !word.starts_with(char::is_whitespace))
            .collect();
        let [weekday, month, day, hour, ":", minute, ":", second, rest @ ..] = words.as_slice()
        else {
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
        let time =
            civil::Time::new(digits(hour, 2)?, digits(minute, 2)?, digits(second, 2)?, 0).ok()?;
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
            let is_number = first.bytes().all(|byte| byte.is_ascii_digit());
            if let (true, 8 | 12 | 14) = (is_number, first.len()) {
                // 20260131
                self.0.pop();
                self.0.extend((first.len() > 8).then(|| &first[8..]));
                (digits(&first[..4], 4)?, digits(&first[4..6], 2)?, digits(&first[6..8], 2)?)
            } else {
                self.0.pop();
                self.skip_ordinal();
                self.numbered_day(first)?
            }
        };
        day_of(year, month, day)
    }

    /// A day whose first number was already read.
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
                return (first.len() == 4 && separator != ".").then_some((
                    digits(first, 4)?,
                    second,
                    1,
                ));
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
}

/// A time of day, and the text after it.
struct Clock<'a> {
    hour: i64,
    minute: i64,
    second: i64,
    rest: &'a str,
}

impl<'a> Clock<'a> {
    /// The first `18:30`, `18h30` or `6 pm` in the text, or an hour that is the whole text.
    fn find(text: &'a str) -> Option<Clock<'a>> {
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
            rest = &rest[start..];
            if let Some(clock) = Clock::at_start(rest) {
                return Some(clock);
            }
            rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        }
        let hour = digits(text.trim(), 2).filter(|hour| *hour <= 24)?;
        Some(Clock { hour, minute: 0, second: 0, rest: "" })
    }

    fn at_start(text: &'a str) -> Option<Clock<'a>> {
        let (hour, behind) = leading_number(text)?;
        let mut clock = Clock { hour, minute: 0, second: 0, rest: behind };
        let spaceless = behind.trim_start();
        let mut is_time = true;
        if let Some((minute, rest)) = after_colon(behind) {
            (clock.minute, clock.rest) = (minute, rest);
            if let Some((second, rest)) = after_colon(rest) {
                let fraction = rest
                    .strip_prefix(['.', ','])
                    .map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
                (clock.second, clock.rest) = (second, fraction.unwrap_or(rest));
            }
        } else if let Some(rest) = spaceless.strip_prefix(['h', 'H']) {
            clock.rest = rest;
            if let Some((minute, rest)) = leading_number(rest.trim_start()) {
                (clock.minute, clock.rest) =
                    (minute, rest.strip_prefix(['m', 'M']).unwrap_or(rest));
            }
        } else {
            is_time = false;
        }
        let spaceless = clock.rest.trim_start();
        let half: String =
            spaceless.chars().take_while(|c| c.is_alphabetic() || *c == '.').collect();
        if let "am" | "pm" | "a.m." | "p.m." = half.to_ascii_lowercase().as_str() {
            clock.hour = clock.hour % 12 + if half.starts_with(['p', 'P']) { 12 } else { 0 };
            clock.rest = &spaceless[half.len()..];
            is_time = true;
        }
        is_time.then_some(clock)
    }

    /// `183000` or `1830` after a day such as `20260131`.
    fn compact(text: &'a str) -> Option<Clock<'a>> {
        let text = text.trim_start().trim_start_matches(['t', 'T']);
        let (_, rest) = leading_number(text)?;
        let number = &text[..text.len() - rest.len()];
        let (4 | 6) = number.len() else {
            return None;
        };
        let second = digits(&number[4..], 2).unwrap_or(0);
        Some(Clock {
            hour: digits(&number[..2], 2)?,
            minute: digits(&number[2..4], 2)?,
            second,
            rest,
        })
    }

    /// This time on a day; `None` if it is invalid. 24:00 is on the next day.
    fn on(&self, day: civil::Date) -> Option<DateTime> {
        let is_right = self.hour < 24 && self.minute < 60 && self.second <= 60;
        let is_end = (self.hour, self.minute, self.second) == (24, 0, 0);
        let seconds = self.hour * 3600 + self.minute * 60 + self.second;
        let midnight = day.to_datetime(civil::Time::midnight());
        (is_right || is_end).then(|| midnight.checked_add(seconds.seconds()).ok())?
    }

    /// The offset after the time. The inner `None` means there is none that Ruby knows; the outer
    /// that it is out of range.
    ///
    /// Ruby also knows the names of the machine's own zone; here they count as no offset.
    #[expect(clippy::option_option, reason = "no offset and an invalid offset differ")]
    fn offset(&self) -> Option<Option<Offset>> {
        let zone = self.rest.trim_start();
        let (sign, number) = match zone.chars().next() {
            Some('+') => (1, &zone[1..]),
            Some('-') => (-1, &zone[1..]),
            _ => return Some(named_offset(zone)),
        };
        let end = number.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(number.len());
        let number = number[..end].trim_end_matches(':');
        let parts: Vec<&str> = match number.len() {
            _ if number.contains(':') => number.split(':').collect(),
            2 => vec![number],
            4 => vec![&number[..2], &number[2..]],
            6 => vec![&number[..2], &number[2..4], &number[4..]],
            _ => return Some(None),
        };
        if parts.len() > 3 || parts.iter().any(|part| part.len() != 2) {
            return Some(None);
        }
        let seconds = [3600, 60, 1]
            .iter()
            .zip(parts)
            .map(|(unit, part)| digits::<i32>(part, 2).map(|part| part * unit));
        Offset::from_seconds(sign * seconds.sum::<Option<i32>>()?).ok().map(Some)
    }
}

/// The number at the start of the text, and the text after it.
fn leading_number(text: &str) -> Option<(i64, &str)> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    Some((digits(&text[..text.len() - rest.len()], 9)?, rest))
}

fn after_colon(text: &str) -> Option<(i64, &str)> {
    leading_number(text.trim_start().strip_prefix(':')?.trim_start())
}

/// `Z`, `EST`, or the letter of a military time zone. Ruby does not accept `UTC+1`.
fn named_offset(zone: &str) -> Option<Offset> {
    let end = zone.find(|c: char| !c.is_alphabetic()).unwrap_or(zone.len());
    if zone[end..].starts_with(['+', '-']) {
        return None;
    }
    let name = zone[..end].to_ascii_lowercase();
    let known = ZONES.iter().find(|(known, _)| *known == name).map(|(_, hours)| *hours);
    let hours = match name.as_bytes() {
        [letter @ b'a'..=b'i'] => i8::try_from(letter - b'a').ok().map(|hours| hours + 1),
        [letter @ b'k'..=b'm'] => i8::try_from(letter - b'k').ok().map(|hours| hours + 10),
        [letter @ b'n'..=b'y'] => i8::try_from(letter - b'n').ok().map(|hours| -hours - 1),
        _ => known,
    };
    hours.map(Offset::constant)
}

/// A day of the calendar. In a shorter month, the days up to the 31st are in the next month.
fn day_of(year: i16, month: i8, day: i8) -> Option<civil::Date> {
    let first = civil::Date::new(year, month, 1).ok()?;
    let over =
        (29..=31).contains(&day).then(|| day - first.days_in_month()).filter(|over| *over > 0);
    match over {
        Some(over) => {
            let next = first.last_of_month().tomorrow().ok()?;
            civil::Date::new(next.year(), next.month(), over).ok()
        }
        None => civil::Date::new(year, month, day).ok(),
    }
}

/// The index of the three-letter name that the word starts with, as `Sept` and `September` do.
fn position_of(names: &[&str], word: &str) -> Option<i8> {
    let start = word.get(..3)?.to_ascii_lowercase();
    let position = names.iter().position(|name| *name == start)?;
    i8::try_from(position).ok().filter(|_| word.chars().all(char::is_alphabetic))
}

/// As in Ruby, `26` is 2026 and `99` is 1999.
fn full_year(text: &str) -> Option<i16> {
    let year: i16 = digits(text, 4)?;
    Some(match (text.len(), year) {
        (1 | 2, 69..) => year + 1900,
        (1 | 2, _) => year + 2000,
        _ => year,
    })
}

/// Parses a text of one to `most` digits.
fn digits<T: std::str::FromStr>(text: &str, most: usize) -> Option<T> {
    let is_number =
        !text.is_empty() && text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let zone = TimeZone::fixed(Offset::constant(1));
        assert_eq!(
            Date::parse(text, &zone).map(|date| date.to_string()).as_deref(),
            expected,
            "{text}"
        );
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
        check("2026-01-31 6 pm EST", Some("2026-02-01 00:00:00 +0100"));
        check("20260131T233000Z", Some("2026-02-01 00:30:00 +0100"));
        check("2026-01-31 23:30 z", Some("2026-02-01 00:30:00 +0100"));
        check("2026-01-31 23:30 +00:00:30", Some("2026-02-01 00:29:30 +0100"));
        check("2026-01-31 18:30 EST", Some("2026-02-01 00:30:00 +0100"));
        check("Sat, 31 Jan 2026 18:30:00 GMT", Some("2026-01-31 19:30:00 +0100"));
    }

    #[test]
    fn a_time_without_an_offset_is_in_the_zone_of_the_site() {
        check("2026-01-31 10:00:00", Some("2026-01-31 10:00:00 +0100"));
        check("2026-01-31 10:00", Some("2026-01-31 10:00:00 +0100"));
        check("2026-01-31 6:30pm", Some("2026-01-31 18:30:00 +0100"));
        check("2026-01-31 18", Some("2026-01-31 18:00:00 +0100"));
        check("2026-01-31 24:00", Some("2026-02-01 00:00:00 +0100"));
        check("20260131183000", Some("2026-01-31 18:30:00 +0100"));
        check("2026-01-31_10:00", Some("2026-01-31 10:00:00 +0100"));
        check("2026-01-31 12:05 AM", Some("2026-01-31 00:05:00 +0100"));
    }

    #[test]
    fn what_ruby_ignores_is_ignored() {
        check("2026-01-31 (optional)", Some("2026-01-31 00:00:00 +0100"));
        check("2026-01-31 12:00-400", Some("2026-01-31 12:00:00 +0100"));
        check("2026-01-31 18:30 UTC+2", Some("2026-01-31 18:30:00 +0100"));
        check("2026-01-31 18:30 -4:00", Some("2026-01-31 18:30:00 +0100"));
        check("2026-01-31 18:30:22 2026 -0800", Some("2026-01-31 18:30:22 +0100"));
        check("2026-01-31 -0800", Some("2026-01-31 00:00:00 +0100"));
        check("2026-01-31 1830", Some("2026-01-31 00:00:00 +0100"));
        check("2026-01-31, 18h30 in Berlin", Some("2026-01-31 18:30:00 +0100"));
        check("2026-01-31 +", Some("2026-01-31 00:00:00 +0100"));
        check("2026-01-31 18:30 CEST", Some("2026-01-31 18:30:00 +0100"));
        check("2026-01-31 00:10::00 -03:00", Some("2026-01-31 00:10:00 +0100"));
        check("Sat Jan 31 11:21:31 CEST 2026", Some("2026-01-31 11:21:31 +0100"));
        check("Sat Jan  3 11:21:31 2026", Some("2026-01-03 11:21:31 +0100"));
    }

    #[test]
    fn days_past_the_end_of_a_month_are_in_the_next() {
        check("2011-02-29", Some("2011-03-01 00:00:00 +0100"));
        check("2011-04-31 10:00", Some("2011-05-01 10:00:00 +0100"));
        check("2012-12-31", Some("2012-12-31 00:00:00 +0100"));
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            "2026",
            "soon",
            "2026-02-32",
            "2026-13-01",
            "2026-01-31 25:00",
            "2026-01-31 24:01",
            "2026-01-31 10:60",
            "2026-01-31 10:00 +9999",
            "é2026-01-31",
            "3-",
            "1/2",
            "31 Jan",
        ] {
            check(text, None);
        }
    }
}
