//! Formats numbers for readers: their digits, their sign, their unit.
//!
//! By English conventions: a point before the decimals, commas between thousands, a real minus
//! sign, and no-break spaces before a unit and around `±`.

use crate::recipe::Metric;
use crate::stats::{Estimate, Summary};

/// A no-break space.
pub(super) const SPACE: char = '\u{a0}';

/// The unit of a metric that is a share of 1.
const PERCENT: &str = "%";

/// The unit of a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unit {
    /// None: a count, a loss.
    Plain,
    /// A share of 1, shown as per cent.
    Share,
    /// A difference of shares, shown as percentage points.
    Points,
    /// Any other, written after the number.
    Named(String),
}

impl Unit {
    /// The unit that `metric` asks for.
    pub fn of(metric: Option<&Metric>) -> Unit {
        Unit::named(metric.and_then(|metric| metric.unit.as_deref()))
    }

    /// The unit with this name.
    pub(super) fn named(name: Option<&str>) -> Unit {
        match name {
            None | Some("") => Unit::Plain,
            Some(PERCENT) => Unit::Share,
            Some(named) => Unit::Named(named.to_owned()),
        }
    }

    /// What a number is multiplied by before it is shown.
    pub fn factor(&self) -> f64 {
        match self {
            Unit::Share | Unit::Points => 100.0,
            Unit::Plain | Unit::Named(_) => 1.0,
        }
    }

    /// Its sign, without a space; empty if it has none.
    pub fn sign(&self) -> &str {
        match self {
            Unit::Plain => "",
            Unit::Share => PERCENT,
            Unit::Points => "pp",
            Unit::Named(name) => name,
        }
    }

    /// A name followed by the unit in parentheses: `accuracy (%)`.
    pub(super) fn label(&self, name: &str) -> String {
        match self.sign() {
            "" => name.to_owned(),
            sign => format!("{name} ({sign})"),
        }
    }

    /// What follows a number.
    pub(super) fn suffix(&self) -> String {
        if self.sign().is_empty() { String::new() } else { format!("{SPACE}{}", self.sign()) }
    }
}

/// The interval of a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Interval {
    /// This far on both sides of its number.
    Around(f64),
    /// From one number to another: cut, or not symmetric.
    Between(f64, f64),
}

impl Interval {
    /// Its ends around `value`.
    pub(super) fn ends(self, value: f64) -> (f64, f64) {
        match self {
            Interval::Around(half_width) => (value - half_width, value + half_width),
            Interval::Between(from, to) => (from, to),
        }
    }
}

/// The bounds of numbers without bounds.
pub(super) const NO_BOUNDS: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

/// The bounds of a share; none if one of the numbers is outside them, such as growth by 120 %.
pub(super) fn share_bounds(summary: Summary) -> (f64, f64) {
    if summary.lowest >= 0.0 && summary.highest <= 1.0 { (0.0, 1.0) } else { NO_BOUNDS }
}

/// The interval around `value`, cut at the bounds.
pub(super) fn interval(value: f64, half_width: f64, (lowest, highest): (f64, f64)) -> Interval {
    let (from, to) = (value - half_width, value + half_width);
    // Rounding may move an end past a bound.
    let slack = 1e-9;
    if from < lowest - slack || to > highest + slack {
        Interval::Between(from.max(lowest), to.min(highest))
    } else {
        Interval::Around(half_width)
    }
}

/// `93.4 ± 0.6 %`, or `18 % (0 to 41 %)` where the interval is not symmetric.
pub(super) fn with_interval(value: f64, interval: Option<Interval>, unit: &Unit) -> String {
    match interval {
        None => alone(value, unit),
        Some(Interval::Around(half_width)) => {
            with_unit(Estimate { value, half_width: Some(half_width) }, unit)
        }
        Some(Interval::Between(from, to)) => {
            let [value, from, to] = alike([value, from, to], unit);
            let suffix = unit.suffix();
            format!("{value}{suffix} ({from} to {to}{suffix})")
        }
    }
}

/// `93.4 ± 0.6`, or `18 (0 to 41)`: like [`with_interval`], for where the unit is given elsewhere.
pub(super) fn without_unit_between(value: f64, interval: Option<Interval>, unit: &Unit) -> String {
    match interval {
        None => without_unit(Estimate { value, half_width: None }, unit),
        Some(Interval::Around(half_width)) => {
            without_unit(Estimate { value, half_width: Some(half_width) }, unit)
        }
        Some(Interval::Between(from, to)) => {
            let [value, from, to] = alike([value, from, to], unit);
            format!("{value} ({from} to {to})")
        }
    }
}

/// A number and the ends of its interval with the same decimals, as many as half the interval
/// leaves meaningful.
fn alike([value, from, to]: [f64; 3], unit: &Unit) -> [String; 3] {
    let numbers = [value, from, to].map(|number| scaled(number, unit));
    let half_width = (numbers[2] / 2.0 - numbers[1] / 2.0).abs();
    let largest = numbers.iter().fold(0.0, |largest: f64, number| largest.max(number.abs()));
    let power = shown_power(largest);
    let unpowered = 10_f64.powi(power);
    let last = last_digit(numbers[0] / unpowered, half_width / unpowered, unit, power);
    numbers.map(|number| powered(&fixed(number / unpowered, last), power))
}

/// Two numbers with as many digits as it takes to distinguish them, at least two: `71, 74`.
pub(super) fn pair(first: f64, second: f64, unit: &Unit) -> String {
    let (first, second) = (scaled(first, unit), scaled(second, unit));
    let power = shown_power(first.abs().max(second.abs()));
    let unpowered = 10_f64.powi(power);
    let (first, second) = (first / unpowered, second / unpowered);
    let second_digit = |value: f64| if value == 0.0 { i32::MAX } else { magnitude(value) - 1 };
    // Slightly more than the difference, whose digits subtracting has moved: 0.5001 − 0.5 is a
    // little below 0.0001.
    let difference = (first - second).abs() * (1.0 + 1e-9);
    let difference = if difference == 0.0 { i32::MAX } else { magnitude(difference) };
    let wanted = difference.min(second_digit(first)).min(second_digit(second)).min(0);
    // More than eight digits are of no use to readers.
    let last = wanted.max(magnitude(first.abs().max(second.abs())) - 7);
    format!("{}, {}", powered(&fixed(first, last), power), powered(&fixed(second, last), power))
}

fn powered(digits: &str, power: i32) -> String {
    if power == 0 { digits.to_owned() } else { format!("{digits}{}", times_ten_to(power)) }
}

/// `93.4 ± 0.6 %`: the number, its interval if it does not vanish in the digits shown, and its
/// unit.
pub fn with_unit(estimate: Estimate, unit: &Unit) -> String {
    without_unit(estimate, unit) + &unit.suffix()
}

/// `93.4 ± 0.6`: like [`with_unit`], for where the unit is given elsewhere.
pub(super) fn without_unit(estimate: Estimate, unit: &Unit) -> String {
    let value = scaled(estimate.value, unit);
    let half_width = estimate
        .half_width
        .map(|half_width| scaled(half_width, unit))
        .filter(|&half_width| half_width > 0.0);
    let power = shown_power(value.abs().max(half_width.unwrap_or(0.0)));
    let unpowered = 10_f64.powi(power);
    let value = value / unpowered;
    let half_width = half_width.map(|half_width| half_width / unpowered);
    let last = match half_width {
        Some(half_width) => last_digit(value, half_width, unit, power),
        None => last_digit_alone(value, unit),
    };
    let written_half_width =
        half_width.map(|half_width| fixed(half_width, last)).filter(|written| !is_zero(written));
    let value = fixed(value, last);
    match (written_half_width, power) {
        (None, 0) => value,
        (None, power) => format!("{value}{}", times_ten_to(power)),
        (Some(half_width), 0) => format!("{value}{SPACE}±{SPACE}{half_width}"),
        (Some(half_width), power) => {
            format!("({value}{SPACE}±{SPACE}{half_width}){}", times_ten_to(power))
        }
    }
}

/// The number with its unit, without an interval.
pub(super) fn alone(value: f64, unit: &Unit) -> String {
    with_unit(Estimate { value, half_width: None }, unit)
}

/// Half an interval, with its unit and as many digits as an error deserves.
pub(super) fn error(half_width: f64, unit: &Unit) -> String {
    let half_width = scaled(half_width, unit);
    let power = shown_power(half_width);
    let digits = half_width / 10_f64.powi(power);
    let powered = if power == 0 { String::new() } else { times_ten_to(power) };
    format!("{}{powered}{}", fixed(digits, last_digit_of_error(digits)), unit.suffix())
}

/// Adds a plus sign to a number above zero.
pub fn signed(value: f64, shown: String) -> String {
    let number = shown.split(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | ',')).next();
    // What is rounded to zero has no sign.
    let has_digits = number.is_some_and(|number| !is_zero(number));
    match (value > 0.0, shown.strip_prefix('(')) {
        (true, Some(inside)) => format!("(+{inside}"),
        (true, None) if has_digits => format!("+{shown}"),
        _ => shown,
    }
}

/// A tick of an axis. All have the same decimals; `step` is their distance.
pub(super) fn tick(value: f64, step: f64, unit: &Unit) -> String {
    let (value, step) = (scaled(value, unit), scaled(step, unit));
    // Rounding may move the tick at zero.
    let value = if value.abs() < step * 1e-6 { 0.0 } else { value };
    match shown_power(value.abs()) {
        0 => fixed(value, magnitude(step).clamp(-9, 0)),
        power => {
            let last = (magnitude(step) - power).clamp(-9, 0);
            format!("{}{}", fixed(value / 10_f64.powi(power), last), times_ten_to(power))
        }
    }
}

/// A number that somebody chose, such as a learning rate, with all of its digits.
pub(super) fn short(value: f64, unit: &Unit) -> String {
    // Twelve digits hide the error of multiplying by a hundred.
    let rounded: f64 = format!("{:.11e}", scaled(value, unit)).parse().unwrap_or(value);
    let power = shown_power(rounded.abs());
    // Rounded again because of the error of dividing.
    let shown: f64 = format!("{:.11e}", rounded / 10_f64.powi(power)).parse().unwrap_or(rounded);
    let digits = format!("{}", shown.abs());
    let decimals = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len().min(11));
    let written = fixed(shown, -i32::try_from(decimals).unwrap_or(0));
    if power == 0 { written } else { format!("{written}{}", times_ten_to(power)) }
}

/// A share of 1 in whole per cent, without the sign.
pub(super) fn fixed_percent(share: f64) -> String {
    fixed(share * 100.0, 0)
}

/// A number exactly, in the shortest form that reads back the same: for machines.
pub(super) fn exact(value: f64) -> String {
    // `+ 0.0` turns −0 into 0.
    format!("{:?}", value + 0.0)
}

/// How an author wants a number shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Format {
    /// By an example: `+0.0 ± 0.0 pp`.
    Pattern(Pattern),
    /// With the largest unit that it fills: `1.2 M`, `5 min 20 s`.
    Scaled(Scale),
    /// With this many significant digits.
    Significant(usize),
}

/// What units a number is shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// Milliseconds to days, of a time in seconds.
    Duration,
    /// Bytes to terabytes, by thousands.
    Bytes,
    /// The prefixes of the SI, n to T.
    Si,
}

/// An example of a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    is_signed: bool,
    decimals: usize,
    has_interval: bool,
    suffix: String,
}

/// The most decimals that a format may ask for.
const MOST_DECIMALS: usize = 12;

impl Format {
    /// What a format looks like, for messages.
    pub(super) const RULE: &str = "a format is an optional `+`, a `0` with as many decimals as \
                                   wanted, optionally ` ± 0.0` for the interval, and what follows \
                                   the number: `0.0 %`, `+0.0 ± 0.0 pp`, `0.00×`; or one of \
                                   `duration`, `bytes`, `si`, `3 digits`";

    /// Reads a format; `None` if it is invalid.
    pub(super) fn parse(text: &str) -> Option<Format> {
        let scale = match text.trim() {
            "duration" => Scale::Duration,
            "bytes" => Scale::Bytes,
            "si" => Scale::Si,
            text => {
                return match text.strip_suffix(" digits") {
                    Some(digits) => {
                        let digits = digits.parse().ok()?;
                        (1..=MOST_DECIMALS).contains(&digits).then_some(Format::Significant(digits))
                    }
                    None => Pattern::parse(text).map(Format::Pattern),
                };
            }
        };
        Some(Format::Scaled(scale))
    }

    /// Whether it asks for the interval.
    pub(super) fn has_interval(&self) -> bool {
        matches!(self, Format::Pattern(pattern) if pattern.has_interval)
    }

    /// The number in this format.
    pub(super) fn show(&self, value: f64, interval: Option<Interval>, unit: &Unit) -> String {
        match self {
            Format::Pattern(pattern) => pattern.show(value, interval, unit),
            Format::Scaled(scale) => scale.show(value, unit),
            Format::Significant(digits) => {
                let value = scaled(value, unit);
                let last = last_of_significant(value, *digits);
                let power = shown_power(value.abs());
                let digits = fixed(value / 10_f64.powi(power), last - power);
                powered(&digits, power) + &unit.suffix()
            }
        }
    }

    /// Two numbers in this format: `71.0, 74.0 %`.
    pub(super) fn show_pair(&self, first: f64, second: f64, unit: &Unit) -> String {
        match self {
            Format::Pattern(pattern) => pattern.show_pair(first, second, unit),
            _ => [first, second].map(|value| self.show(value, None, unit)).join(", "),
        }
    }
}

/// Seconds, with their parts: `5 min 20 s`.
const TIMES: [(f64, &str); 4] = [(86_400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s")];
const BYTES: [(f64, &str); 5] = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")];
const PREFIXES: [(f64, &str); 8] = [
    (1e12, "T"),
    (1e9, "G"),
    (1e6, "M"),
    (1e3, "k"),
    (1.0, ""),
    (1e-3, "m"),
    (1e-6, "\u{b5}"),
    (1e-9, "n"),
];

impl Scale {
    fn show(self, value: f64, unit: &Unit) -> String {
        let (units, name): (&[(f64, &str)], &str) = match self {
            Scale::Duration => return duration(value),
            Scale::Bytes => (&BYTES, ""),
            Scale::Si => (&PREFIXES, unit.sign()),
        };
        let value = if self == Scale::Si { scaled(value, unit) } else { value };
        let fills = |&&(size, _): &&(f64, &str)| value.abs() >= size * 0.9995;
        let &(size, prefix) =
            units.iter().find(fills).or(units.last()).expect("there are several units");
        let shown = value / size;
        // A count is shown as it is.
        let is_count = shown.fract() == 0.0 && (prefix.is_empty() || prefix == "B");
        let last = if is_count { 0 } else { last_of_significant(shown, 3).min(0) };
        let space = if prefix.is_empty() && name.is_empty() { "" } else { "\u{a0}" };
        format!("{}{space}{prefix}{name}", fixed(shown, last))
    }
}

/// The last of so many significant digits, by its power of ten: after rounding, which may add a digit.
fn last_of_significant(value: f64, digits: usize) -> i32 {
    let rounded = format!("{value:.*e}", digits - 1).parse().unwrap_or(value);
    magnitude(rounded) + 1 - i32::try_from(digits).unwrap_or(i32::MAX)
}

/// A time in seconds with its two largest units.
fn duration(seconds: f64) -> String {
    let minus = if seconds < 0.0 { "\u{2212}" } else { "" };
    let seconds = seconds.abs();
    if seconds < 0.9995 {
        return format!(
            "{minus}{}{SPACE}ms",
            fixed(seconds * 1e3, last_of_significant(seconds * 1e3, 2).min(0))
        );
    }
    if seconds < 59.95 {
        return format!(
            "{minus}{}{SPACE}s",
            fixed(seconds, last_of_significant(seconds, 2).min(0))
        );
    }
    // Rounded first, so that there are no 60 seconds beside minutes.
    let step = if seconds < 3599.5 { 1.0 } else { 60.0 };
    let mut rest = (seconds / step).round() * step;
    let mut parts = Vec::new();
    for (size, name) in TIMES {
        let count = (rest / size).floor();
        rest -= count * size;
        if count > 0.0 && parts.len() < 2 {
            parts.push(format!("{}{SPACE}{name}", fixed(count, 0)));
        }
    }
    format!("{minus}{}", parts.join(" "))
}

impl Pattern {
    /// Reads a pattern; `None` if it is invalid.
    fn parse(text: &str) -> Option<Pattern> {
        let (is_signed, rest) = match text.trim().strip_prefix('+') {
            Some(rest) => (true, rest),
            None => (false, text.trim()),
        };
        let (decimals, rest) = zeros(rest)?;
        let (has_interval, rest) = match rest.trim_start().strip_prefix('±') {
            Some(interval) => {
                let (again, rest) = zeros(interval.trim_start())?;
                (again == decimals).then_some(())?;
                (true, rest)
            }
            None => (false, rest),
        };
        let has_space = rest.starts_with(char::is_whitespace);
        let suffix = rest.trim_start();
        let is_suffix = !suffix.contains(['0', '±', '+', '.', ',']);
        let space = if has_space && !suffix.is_empty() { SPACE.to_string() } else { String::new() };
        is_suffix.then(|| Pattern {
            is_signed,
            decimals,
            has_interval,
            suffix: format!("{space}{suffix}"),
        })
    }

    /// The number in this format. A share is shown in per cent even if the format has no sign.
    fn show(&self, value: f64, interval: Option<Interval>, unit: &Unit) -> String {
        let shown = |value: f64| self.digits(value, unit);
        let suffix = &self.suffix;
        let signed = self.signed_digits(value, unit);
        match interval.filter(|_| self.has_interval) {
            None => format!("{signed}{suffix}"),
            Some(Interval::Around(half_width)) => {
                format!("{signed}{SPACE}±{SPACE}{}{suffix}", shown(half_width))
            }
            Some(Interval::Between(from, to)) => {
                format!("{signed}{suffix} ({} to {}{suffix})", shown(from), shown(to))
            }
        }
    }

    /// Two numbers in this format: `71.0, 74.0 %`.
    fn show_pair(&self, first: f64, second: f64, unit: &Unit) -> String {
        let [first, second] = [first, second].map(|value| self.signed_digits(value, unit));
        format!("{first}, {second}{}", self.suffix)
    }

    fn signed_digits(&self, value: f64, unit: &Unit) -> String {
        let digits = self.digits(value, unit);
        if self.is_signed && !is_zero(&digits) { signed(value, digits) } else { digits }
    }

    fn digits(&self, value: f64, unit: &Unit) -> String {
        let suffix = self.suffix.trim_start_matches(SPACE);
        let is_percent = [Unit::Share, Unit::Points].iter().any(|unit| unit.sign() == suffix);
        let unit = if is_percent { &Unit::Share } else { unit };
        fixed(scaled(value, unit), -i32::try_from(self.decimals).expect("at most 12 decimals"))
    }
}

/// Reads `0`, `0.0`, `0.00` … at the start of a string; returns the number of decimals and the
/// rest.
fn zeros(text: &str) -> Option<(usize, &str)> {
    let rest = text.strip_prefix('0')?;
    let Some(after_point) = rest.strip_prefix('.') else {
        return Some((0, rest));
    };
    let after = after_point.trim_start_matches('0');
    let decimals = after_point.len() - after.len();
    (1..=MOST_DECIMALS).contains(&decimals).then_some((decimals, after))
}

/// The number multiplied by the factor of its unit, kept finite; zero if it is too small for its
/// power of ten.
fn scaled(value: f64, unit: &Unit) -> f64 {
    let scaled = (value * unit.factor()).clamp(f64::MIN, f64::MAX);
    if scaled.abs() < 1e-300 { 0.0 } else { scaled }
}

/// The power of ten of the first digit: 0 for 1 to 9, −1 for 0.1 to 0.9; 0 for zero.
pub(super) fn magnitude(value: f64) -> i32 {
    if value == 0.0 {
        return 0;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the logarithm of a double is between −324 and 309"
    )]
    let magnitude = value.abs().log10().floor() as i32;
    magnitude
}

/// The power of ten that is factored out of a number before it is shown: 0 unless the number is
/// very large or very small.
fn shown_power(value: f64) -> i32 {
    let magnitude = magnitude(value);
    if (-4..12).contains(&magnitude) { 0 } else { magnitude }
}

/// The power of ten of the last digit that an error of this size leaves meaningful, by the rule of
/// the Particle Data Group (Review of Particle Physics, "Introduction", section 5.3): of its first
/// three digits, up to 354 keep two, up to 949 keep one, and more round up to 1000 and keep two.
fn last_digit_of_error(error: f64) -> i32 {
    let magnitude = magnitude(error);
    let first_three = (error / 10_f64.powi(magnitude) * 100.0).round();
    if first_three <= 354.0 { magnitude - 1 } else { magnitude }
}

/// The power of ten of the last digit of a number with an interval. It follows from the error by
/// the rule of the Particle Data Group, with three exceptions that keep digits of the number. If
/// the rule leaves it fewer than two digits, the interval gets two. A share or a difference of
/// shares is never rounded to more than whole per cent. And the number keeps its first digit unless
/// it is less than about a hundredth of the interval; then it is shown as 0.
fn last_digit(value: f64, half_width: f64, unit: &Unit, power: i32) -> i32 {
    let (first, first_of_error) = (magnitude(value), magnitude(half_width));
    let mut last = last_digit_of_error(half_width);
    if first - last < 1 {
        last = last.min(first_of_error - 1);
    }
    if value != 0.0 && first >= first_of_error - 2 {
        last = last.min(first);
    }
    if matches!(unit, Unit::Share | Unit::Points) && power == 0 {
        last = last.min(0);
    }
    // More than eight digits are of no use to readers.
    last.max(first.saturating_sub(7))
}

/// The power of ten of the last digit of a number without an error: whole numbers are whole, shares
/// have one decimal, all others three digits.
fn last_digit_alone(value: f64, unit: &Unit) -> i32 {
    let magnitude = magnitude(value);
    let is_whole = value.fract() == 0.0;
    match unit {
        Unit::Share | Unit::Points => (magnitude - 1).min(-1),
        Unit::Plain | Unit::Named(_) if is_whole => 0,
        Unit::Plain | Unit::Named(_) => (magnitude - 2).min(0),
    }
}

/// The number with its last digit at this power of ten.
fn fixed(value: f64, last_digit: i32) -> String {
    let decimals = usize::try_from(-last_digit).unwrap_or(0);
    let rounded = if last_digit > 0 {
        let unit = 10_f64.powi(last_digit);
        (value / unit).round() * unit
    } else {
        value
    };
    let digits = format!("{:.decimals$}", rounded.abs());
    let (whole, decimals_with_point) = match digits.split_once('.') {
        Some((whole, decimals_with_point)) => (whole, format!(".{decimals_with_point}")),
        None => (digits.as_str(), String::new()),
    };
    let minus = if value < 0.0 && !is_zero(&digits) { "\u{2212}" } else { "" };
    format!("{minus}{}{decimals_with_point}", with_commas(whole))
}

fn with_commas(digits: &str) -> String {
    let count = digits.len();
    let comma_before = |index: usize| index > 0 && (count - index).is_multiple_of(3);
    let mut written = String::with_capacity(count + count / 3);
    for (index, digit) in digits.chars().enumerate() {
        if comma_before(index) {
            written.push(',');
        }
        written.push(digit);
    }
    written
}

fn is_zero(digits: &str) -> bool {
    !digits.contains(|c: char| matches!(c, '1'..='9'))
}

/// ` × 10⁻⁵`.
fn times_ten_to(power: i32) -> String {
    const SUPERSCRIPTS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let power = power.to_string();
    let raised = power.chars().map(|c| match c.to_digit(10) {
        Some(digit) => SUPERSCRIPTS[digit as usize],
        None => '⁻',
    });
    format!("{SPACE}×{SPACE}10{}", raised.collect::<String>())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(value: f64, half_width: impl Into<Option<f64>>, unit: &Unit, expected: &str) {
        let shown = with_unit(Estimate { value, half_width: half_width.into() }, unit);
        assert_eq!(shown.replace(SPACE, " "), expected);
    }

    #[track_caller]
    fn check_format(format: &str, value: f64, expected: &str) {
        let format = Format::parse(format).expect("it is a format");
        let shown = format.show(value, Some(Interval::Around(0.0123)), &Unit::Plain);
        assert_eq!(shown.replace(SPACE, " "), expected);
    }

    #[test]
    fn the_interval_says_how_many_digits_are_shown() {
        check(0.9341, 0.0062, &Unit::Share, "93.4 ± 0.6 %");
        check(0.9341, 0.0021, &Unit::Share, "93.41 ± 0.21 %");
        check(0.9341, 0.000_98, &Unit::Share, "93.41 ± 0.10 %");
        check(12_345.6, 342.0, &Unit::Plain, "12,350 ± 340");
        check(12_345.6, 360.0, &Unit::Plain, "12,300 ± 400");
        check(0.5, 1234.0, &Unit::Plain, "0 ± 1,200");
    }

    #[test]
    fn a_number_without_interval_has_three_digits_or_is_whole() {
        check(101_770.0, None, &Unit::Plain, "101,770");
        check(101_770.0, 0.0, &Unit::Plain, "101,770");
        check(0.31234, None, &Unit::Plain, "0.312");
        check(62.345, None, &Unit::Named("s".to_owned()), "62.3 s");
        check(0.8812, None, &Unit::Share, "88.1 %");
        check(1.0, None, &Unit::Share, "100.0 %");
        check(0.000_56, None, &Unit::Share, "0.056 %");
    }

    #[test]
    fn very_large_and_very_small_numbers_have_a_power_of_ten() {
        check(3.96e-6, None, &Unit::Plain, "3.96 × 10⁻⁶");
        check(3.96e-6, 2e-7, &Unit::Plain, "(3.96 ± 0.20) × 10⁻⁶");
        check(-1.5e20, None, &Unit::Plain, "\u{2212}1.50 × 10²⁰");
    }

    #[test]
    fn an_interval_too_small_to_see_is_not_shown() {
        check(1.0, 1e-14, &Unit::Plain, "1.0000000");
    }

    #[test]
    fn no_number_is_minus_zero() {
        check(-0.000_04, 0.01, &Unit::Share, "0.0 ± 1.0 %");
    }

    #[test]
    fn a_number_that_somebody_chose_has_all_of_its_digits() {
        assert_eq!(short(0.05, &Unit::Plain), "0.05");
        assert_eq!(short(0.07, &Unit::Share), "7");
        assert_eq!(short(2500.0, &Unit::Plain), "2,500");
        assert_eq!(short(3e-7, &Unit::Plain).replace(SPACE, " "), "3 × 10⁻⁷");
        assert_eq!(short(1.748e-7, &Unit::Plain).replace(SPACE, " "), "1.748 × 10⁻⁷");
    }

    #[test]
    fn formats_say_sign_decimals_interval_and_suffix() {
        check_format("+0.0 pp", 0.0672, "+6.7 pp");
        check_format("+0.0 pp", -0.0672, "\u{2212}6.7 pp");
        check_format("+0.0 pp", 0.000_01, "0.0 pp");
        check_format("0.0 ± 0.0 %", 0.0672, "6.7 ± 1.2 %");
        check_format("0.00×", 1.5, "1.50×");
        check_format("0", 1234.5, "1,234");
    }

    #[test]
    fn a_format_shows_a_share_in_per_cent_with_and_without_the_sign() {
        let shown = |format: &str, unit| {
            let format = Format::parse(format).expect("it is a format");
            format.show(0.9591, Some(Interval::Between(0.9, 1.0)), &unit).replace(SPACE, " ")
        };
        assert_eq!(shown("0", Unit::Share), "96");
        assert_eq!(shown("0.0", Unit::Points), "95.9");
        assert_eq!(shown("0.0 %", Unit::Share), "95.9 %");
        assert_eq!(shown("0.00", Unit::Plain), "0.96");
        assert_eq!(shown("0.0 ± 0.0 %", Unit::Share), "95.9 % (90.0 to 100.0 %)");
    }

    #[test]
    fn a_number_keeps_its_own_digits_next_to_a_wide_interval() {
        check(0.757, 0.40, &Unit::Share, "76 ± 40 %");
        check(0.47, 0.98, &Unit::Plain, "0.47 ± 0.98");
        check(0.41, 0.87, &Unit::Plain, "0.41 ± 0.87");
        check(0.31, 0.87, &Unit::Points, "31 ± 87 pp");
        check(0.04, 9.3, &Unit::Plain, "0.04 ± 9.30");
        check(0.004, 9.3, &Unit::Plain, "0.0 ± 9.3");
        check(3.2, 45.0, &Unit::Plain, "3 ± 45");
    }

    #[test]
    fn an_interval_that_is_not_symmetric_names_its_ends() {
        let shown =
            |value, from, to| with_interval(value, Some(Interval::Between(from, to)), &Unit::Share);
        assert_eq!(shown(0.18, 0.0, 0.41).replace(SPACE, " "), "18 % (0 to 41 %)");
        assert_eq!(shown(0.9931, 0.9862, 1.0).replace(SPACE, " "), "99.3 % (98.6 to 100.0 %)");
    }

    #[test]
    fn two_numbers_have_enough_digits_to_distinguish_them() {
        let shown = |first, second, unit| pair(first, second, &unit).replace(SPACE, " ");
        assert_eq!(shown(0.71, 0.74, Unit::Plain), "0.71, 0.74");
        assert_eq!(shown(0.71, 0.74, Unit::Share), "71, 74");
        assert_eq!(shown(0.934_1, 0.937_9, Unit::Share), "93.4, 93.8");
        assert_eq!(shown(0.5, 0.500_1, Unit::Plain), "0.5000, 0.5001");
        assert_eq!(shown(20.0, 21.0, Unit::Plain), "20, 21");
        assert_eq!(shown(-1.0, 0.0, Unit::Plain), "\u{2212}1.0, 0.0");
        assert_eq!(shown(12_345.0, 99_999.0, Unit::Plain), "12,345, 99,999");
        assert_eq!(shown(0.1, 0.1, Unit::Plain), "0.10, 0.10");
    }

    #[test]
    fn formats_with_names_choose_the_unit() {
        let shown = |format: &str, value: f64, unit: &Unit| {
            let format = Format::parse(format).expect("it is a format");
            format.show(value, None, unit).replace(SPACE, " ")
        };
        let seconds = Unit::Named("s".to_owned());
        for (value, expected) in [
            (0.0, "0.0 ms"),
            (0.0142, "14 ms"),
            (0.9996, "1.0 s"),
            (6.34, "6.3 s"),
            (59.96, "1 min"),
            (320.0, "5 min 20 s"),
            (3599.9, "1 h"),
            (5000.0, "1 h 23 min"),
            (100_000.0, "1 d 3 h"),
            (-320.0, "−5 min 20 s"),
        ] {
            assert_eq!(shown("duration", value, &seconds), expected, "{value}");
        }
        assert_eq!(shown("bytes", 0.0, &Unit::Plain), "0 B");
        assert_eq!(shown("bytes", 999.0, &Unit::Plain), "999 B");
        assert_eq!(shown("bytes", 999_999.0, &Unit::Plain), "1.00 MB");
        assert_eq!(shown("bytes", 43_200_000.0, &Unit::Plain), "43.2 MB");
        assert_eq!(shown("si", 98_970.0, &Unit::Plain), "99.0 k");
        assert_eq!(shown("si", 0.0021, &seconds), "2.10 ms");
        assert_eq!(shown("si", 12.0, &Unit::Plain), "12");
        assert_eq!(shown("2 digits", 0.934_12, &Unit::Share), "93 %");
        assert_eq!(shown("3 digits", 98_970.0, &Unit::Plain), "99,000");
        assert_eq!(shown("3 digits", 0.001_234, &Unit::Plain), "0.00123");
    }

    #[test]
    fn an_invalid_format_is_refused() {
        for text in ["", "+", "1.0", "0.", "0.0 ± 0", "0.0.0", "0,0", "0.0000000000000"] {
            assert_eq!(Format::parse(text), None, "{text}");
        }
    }

    #[test]
    fn marks_of_an_axis_share_their_digits() {
        assert_eq!(tick(0.85, 0.05, &Unit::Share), "85");
        assert_eq!(tick(1.0, 0.05, &Unit::Plain), "1.00");
        assert_eq!(tick(2e13, 5e12, &Unit::Plain).replace(SPACE, " "), "2.0 × 10¹³");
        assert_eq!(tick(-1e-17, 0.1, &Unit::Plain), "0.0");
    }

    proptest! {
        #[test]
        fn any_finite_number_is_shown_in_few_characters(
            value in prop::num::f64::NORMAL,
            half_width in prop::num::f64::POSITIVE,
        ) {
            prop_assume!(half_width.is_finite());
            for unit in [Unit::Plain, Unit::Share] {
                let shown = with_unit(Estimate { value, half_width: Some(half_width) }, &unit);
                prop_assert!(shown.chars().count() < 60, "{}", shown);
                prop_assert!(!shown.contains("inf") && !shown.contains("NaN"), "{}", shown);
            }
            prop_assert!(tick(value, half_width, &Unit::Share).chars().count() < 60);
        }

        #[test]
        fn any_string_is_a_format_or_invalid(
            text in "\\PC*|[+0. ±%p]*",
            value in prop::num::f64::NORMAL,
        ) {
            if let Some(format) = Format::parse(&text) {
                format.show(value, Some(Interval::Around(1.0)), &Unit::Share);
                format.show_pair(value, -value, &Unit::Plain);
            }
        }
    }
}
