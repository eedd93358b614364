//! Number filters. As in Ruby, a string counts as the number it starts with, and integers stay
//! integers.

use super::Arguments;
use crate::value::{self, Value, is_float, truncated};

/// The value as an integer, if it is one or a string that parses as one.
pub(in super::super) fn integer(value: &Value) -> Option<i64> {
    match value.as_str() {
        Some(text) => text.trim().parse().ok(),
        None if is_float(value) => value.as_f64().map(truncated),
        None => value.as_i64(),
    }
}

#[derive(Debug, Clone, Copy)]
enum Number {
    Whole(i64),
    Float(f64),
}

impl Number {
    fn of(value: &Value) -> Number {
        match value.as_str() {
            Some(text) => Number::of_text(text.trim()),
            None if is_float(value) => Number::Float(value.as_f64().unwrap_or(0.0)),
            None => match value.as_i64() {
                Some(whole) => Number::Whole(whole),
                None => value::as_number(value).map_or(Number::Whole(0), Number::Float),
            },
        }
    }

    /// A string of digits with a point inside is a float; any other is the integer that it starts
    /// with, or 0.
    fn of_text(text: &str) -> Number {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let is_digit = |c: char| c.is_ascii_digit();
        let is_float = unsigned.split_once('.').is_some_and(|(whole, part)| {
            [whole, part].iter().all(|digits| !digits.is_empty() && digits.chars().all(is_digit))
        });
        if is_float {
            return Number::Float(text.parse().unwrap_or(0.0));
        }
        let digits = unsigned.find(|c| !is_digit(c)).unwrap_or(unsigned.len());
        let number = &text[..text.len() - unsigned.len() + digits];
        match number.parse() {
            Ok(whole) => Number::Whole(whole),
            Err(_) => Number::Float(number.parse().unwrap_or(0.0)).whole_if_zero(),
        }
    }

    fn whole_if_zero(self) -> Number {
        match self {
            Number::Float(0.0) => Number::Whole(0),
            number => number,
        }
    }

    fn float(self) -> f64 {
        match self {
            Number::Whole(whole) => of_whole(whole),
            Number::Float(float) => float,
        }
    }

    fn is_zero(self) -> bool {
        matches!(self, Number::Whole(0))
    }
}

#[expect(clippy::cast_precision_loss, reason = "large numbers are rounded to a float")]
fn of_whole(whole: i64) -> f64 {
    whole as f64
}

pub(super) fn abs(input: &Value) -> Value {
    match Number::of(input) {
        Number::Whole(whole) => {
            whole.checked_abs().map_or_else(|| Value::from(of_whole(whole).abs()), Value::from)
        }
        Number::Float(float) => Value::from(float.abs()),
    }
}

pub(super) fn rounded(input: &Value, how: impl Fn(f64) -> f64) -> Value {
    match Number::of(input) {
        Number::Whole(whole) => Value::from(whole),
        Number::Float(float) => Value::from(truncated(how(float))),
    }
}

/// Rounds half away from zero, to this many decimal places, or before the point if negative.
pub(super) fn round(input: &Value, arguments: &Arguments<'_>) -> Value {
    let places = arguments.value(0).map_or(0, |places| match Number::of(places) {
        Number::Whole(places) => places.clamp(-18, 15),
        Number::Float(places) => truncated(places).clamp(-18, 15),
    });
    let scale = |places: i64| 10_f64.powi(i32::try_from(places).unwrap_or(0));
    match Number::of(input) {
        Number::Whole(whole) if places >= 0 => Value::from(whole),
        number if places <= 0 => {
            let scale = scale(-places);
            Value::from(truncated((number.float() / scale).round() * scale))
        }
        number => {
            // Ruby rounds the exact value: 1.005 is stored as slightly less, and becomes 1.0.
            let float = number.float();
            let rounded = (float * scale(places)).round() / scale(places);
            Value::from(if rounded.is_finite() { rounded } else { float })
        }
    }
}

pub(super) fn calculated(
    input: &Value,
    by: &Value,
    whole: impl Fn(i64, i64) -> Option<i64>,
    float: impl Fn(f64, f64) -> f64,
) -> Value {
    let (left, right) = (Number::of(input), Number::of(by));
    if let (Number::Whole(left), Number::Whole(right)) = (left, right) {
        return whole(left, right)
            .map_or_else(|| Value::from(float(of_whole(left), of_whole(right))), Value::from);
    }
    let result = float(left.float(), right.float());
    Value::from(decimal(result, left.float(), right.float()))
}

/// Ruby's Liquid calculates with decimal numbers: 0.1 plus 0.2 is 0.3. Rounds off errors below the
/// precision of the inputs.
fn decimal(result: f64, left: f64, right: f64) -> f64 {
    if !result.is_finite() || !left.is_finite() || !right.is_finite() {
        return result;
    }
    let shortened: f64 = format!("{result:.15e}").parse().unwrap_or(result);
    let shorter: f64 = format!("{result:.14e}").parse().unwrap_or(result);
    let digits = |number: f64| number.to_string().len();
    if digits(shorter) + 3 < digits(result) {
        shorter
    } else if digits(shortened) + 3 < digits(result) {
        shortened
    } else {
        result
    }
}

pub(super) fn divided(input: &Value, by: &Value) -> Result<Value, String> {
    refuse_zero(input, by)?;
    Ok(calculated(input, by, floor_division, |a, b| a / b))
}

pub(super) fn remainder(input: &Value, by: &Value) -> Result<Value, String> {
    refuse_zero(input, by)?;
    Ok(calculated(input, by, floor_remainder, |a, b| a - b * (a / b).floor()))
}

fn refuse_zero(input: &Value, by: &Value) -> Result<(), String> {
    let is_whole = matches!(Number::of(input), Number::Whole(_));
    if is_whole && Number::of(by).is_zero() { Err("division by zero".to_owned()) } else { Ok(()) }
}

fn floor_division(left: i64, right: i64) -> Option<i64> {
    let quotient = left.checked_div(right)?;
    let is_exact = left.checked_rem(right)? == 0;
    if !is_exact && (left < 0) != (right < 0) { quotient.checked_sub(1) } else { Some(quotient) }
}

fn floor_remainder(left: i64, right: i64) -> Option<i64> {
    let remainder = left.checked_rem(right)?;
    if remainder != 0 && (remainder < 0) != (right < 0) {
        remainder.checked_add(right)
    } else {
        Some(remainder)
    }
}

pub(super) fn to_integer(input: &Value) -> Value {
    match input.as_bool() {
        Some(bool) => Value::from(i64::from(bool)),
        None => match Number::of(input) {
            Number::Whole(whole) => Value::from(whole),
            Number::Float(float) => Value::from(truncated(float)),
        },
    }
}
