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
    /// Reads a date as Jekyll's users write it: `2026-01-31`, `2026-01-31 18:30`, `2026-01-31 18:30:00`, with an offset
    /// (`+0100`, `+01:00`, `Z`, `UTC`) or without, and with `T` for the space. `None` if it is none.
    ///
    /// As in Jekyll, a day alone is its midnight in the site's zone, and a whole time without an offset is UTC: so
    /// YAML reads it.
    pub fn parse(text: &str, zone: &TimeZone) -> Option<Date> {
        let text = text.trim();
        let day: civil::Date = parse_day(text.get(..10)?)?;
        let rest = text[10..].trim_start_matches(['T', 't', ' ']);
        if rest.is_empty() {
            return Date::of_civil(day.to_datetime(civil::Time::midnight()), zone);
        }
        let time_end = rest.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.').unwrap_or(rest.len());
        let (time, offset) = rest.split_at(time_end);
        let (time, has_seconds) = parse_time(time)?;
        let moment = day.to_datetime(time);
        match (offset.trim(), has_seconds) {
            ("", false) => Date::of_civil(moment, zone),
            ("", true) => Date::of_civil_at(moment, Offset::UTC, zone),
            (offset, _) => Date::of_civil_at(moment, parse_offset(offset)?, zone),
        }
    }

    /// The midnight that starts a day in `zone`.
    pub fn midnight(day: civil::Date, zone: &TimeZone) -> Option<Date> {
        Date::of_civil(day.to_datetime(civil::Time::midnight()), zone)
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

/// Reads `2026-01-31`.
pub(super) fn parse_day(text: &str) -> Option<civil::Date> {
    let (year, month_day) = text.split_once('-')?;
    let (month, day) = month_day.split_once('-')?;
    civil::Date::new(digits(year, 4)?, digits(month, 2)?, digits(day, 2)?).ok()
}

fn parse_time(text: &str) -> Option<(civil::Time, bool)> {
    let mut parts = text.split(':');
    let hour: i8 = digits(parts.next()?, 2)?;
    let minute: i8 = digits(parts.next()?, 2)?;
    let second = parts.next();
    if parts.next().is_some() {
        return None;
    }
    let whole_second = second.map_or(Some("0"), |second| second.split('.').next())?;
    Some((civil::Time::new(hour, minute, digits(whole_second, 2)?, 0).ok()?, second.is_some()))
}

fn parse_offset(text: &str) -> Option<Offset> {
    if matches!(text, "Z" | "z" | "UTC" | "GMT") {
        return Some(Offset::UTC);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let number = text[1..].replace(':', "");
    let (hours, minutes): (i32, i32) = match number.len() {
        1 | 2 => (digits(&number, 2)?, 0),
        4 => (digits(number.get(..2)?, 2)?, digits(number.get(2..)?, 2)?),
        _ => return None,
    };
    (minutes < 60).then(|| Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok())?
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
        assert_eq!(Date::parse(text, &zone).map(|date| date.to_string()).as_deref(), expected);
    }

    #[test]
    fn a_day_is_its_midnight_in_the_zone_of_the_site() {
        check("2026-01-31", Some("2026-01-31 00:00:00 +0100"));
    }

    #[test]
    fn a_time_with_an_offset_is_shown_in_the_zone_of_the_site() {
        check("2026-01-31 23:30:00 +0000", Some("2026-02-01 00:30:00 +0100"));
        check("2026-01-31T23:30:00Z", Some("2026-02-01 00:30:00 +0100"));
        check("2026-01-31 18:30:00 -05:00", Some("2026-02-01 00:30:00 +0100"));
        check("2026-01-31 18:30:05.123 +1", Some("2026-01-31 18:30:05 +0100"));
    }

    #[test]
    fn a_whole_time_without_an_offset_is_utc_and_one_without_seconds_is_local() {
        check("2026-01-31 10:00:00", Some("2026-01-31 11:00:00 +0100"));
        check("2026-01-31 10:00", Some("2026-01-31 10:00:00 +0100"));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "2026",
            "2026-02-30",
            "2026-13-01",
            "31.01.2026",
            "2026-01-31 25:00",
            "2026-01-31 10:00 x",
            "é2026-01-31",
        ] {
            check(text, None);
        }
    }
}
