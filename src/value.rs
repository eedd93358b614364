//! Values as templates see them: front matter, configuration and pages.
//!
//! They are [`tera::Value`]s: strings, lists and maps in them are shared, not copied, so that one
//! list of all posts can be in the context of every page. Liquid bodies and Tera layouts use the
//! same values. Strings are never marked as safe here; a layout writes `{{ content | safe }}`.

use tera::Map;
pub use tera::Value;
use tera::value::Key;

use kramdown::embed::without_marker_characters;

/// Converts YAML to a value. Keys become strings, tags (`!x`) are dropped.
pub fn of_yaml(yaml: &serde_yaml::Value) -> Value {
    match yaml {
        serde_yaml::Value::Null => Value::none(),
        serde_yaml::Value::Bool(bool) => Value::from(*bool),
        serde_yaml::Value::Number(number) => {
            if let Some(number) = number.as_i64() {
                Value::from(number)
            } else if let Some(number) = number.as_u64() {
                Value::from(number)
            } else {
                Value::from(number.as_f64().unwrap_or(f64::NAN))
            }
        }
        // A value may be written into a body, where a marker in it would be mistaken for ours.
        serde_yaml::Value::String(text) => Value::from(without_marker_characters(text).as_ref()),
        serde_yaml::Value::Sequence(items) => {
            Value::from(items.iter().map(of_yaml).collect::<Vec<Value>>())
        }
        serde_yaml::Value::Mapping(mapping) => Value::from(map_of_yaml(mapping)),
        serde_yaml::Value::Tagged(tagged) => of_yaml(&tagged.value),
    }
}

/// Converts a YAML mapping to a map with string keys.
pub(crate) fn map_of_yaml(mapping: &serde_yaml::Mapping) -> Map {
    mapping.iter().map(|(key, value)| (Key::from(as_text(&of_yaml(key))), of_yaml(value))).collect()
}

/// Reads and writes a value that is a string, for serde.
pub(crate) mod text {
    use serde::de::{Deserializer, Visitor};
    use serde::{Serialize, Serializer};

    use super::Value;

    pub(crate) fn serialize<S: Serializer>(value: &Value, to: S) -> Result<S::Ok, S::Error> {
        value.as_str().unwrap_or_default().serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Value, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Value;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("a string")
            }

            fn visit_str<E>(self, text: &str) -> Result<Value, E> {
                Ok(Value::from(text))
            }
        }

        from.deserialize_str(Text)
    }
}

/// The value at `key`, if `value` is a map that has it.
pub fn entry<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    let map = value.as_map()?;
    // By index, so that the value does not borrow from the key.
    let index = map.get_index_of(&Key::Str(key))?;
    map.get_index(index).map(|(_, value)| value)
}

/// Sets `key` of `map`.
pub fn set(map: &mut Map, key: &'static str, value: impl Into<Value>) {
    map.insert(Key::Str(key), value.into());
}

/// Sets `key` of `map`, unless it is there already.
pub(crate) fn set_default(map: &mut Map, key: &'static str, value: impl Into<Value>) {
    map.entry(Key::Str(key)).or_insert_with(|| value.into());
}

/// The value as Liquid prints it: nothing for nil, `1.0` for a whole float, lists without
/// separators, maps as in Ruby.
pub fn as_text(value: &Value) -> String {
    let mut text = String::new();
    write_text(&mut text, value);
    text
}

/// Writes the value as [`as_text`] does.
pub fn write_text(out: &mut String, value: &Value) {
    if let Some(text) = value.as_str() {
        out.push_str(text);
    } else if let Some(items) = value.as_array() {
        for item in items {
            write_text(out, item);
        }
    } else if !is_nil(value) {
        write_inspected(out, value);
    }
}

/// The value as converted by Ruby's `to_s`: as [`as_text`], except that lists are as in Ruby.
pub(crate) fn to_ruby(value: &Value) -> String {
    if value.as_array().is_some() { inspected(value) } else { as_text(value) }
}

/// The value as printed by Ruby's `inspect`: `{"a"=>[1, nil, "b"]}`.
pub(crate) fn inspected(value: &Value) -> String {
    let mut text = String::new();
    write_inspected(&mut text, value);
    text
}

fn write_inspected(out: &mut String, value: &Value) {
    if let Some(text) = value.as_str() {
        write_ruby_string(out, text);
    } else if let Some(items) = value.as_array() {
        out.push('[');
        for (index, item) in items.iter().enumerate() {
            out.push_str(if index > 0 { ", " } else { "" });
            write_inspected(out, item);
        }
        out.push(']');
    } else if let Some(map) = value.as_map() {
        out.push('{');
        for (index, (key, item)) in map.iter().enumerate() {
            out.push_str(if index > 0 { ", " } else { "" });
            write_inspected(out, &key.as_value());
            out.push_str("=>");
            write_inspected(out, item);
        }
        out.push('}');
    } else if is_nil(value) {
        out.push_str("nil");
    } else {
        match value.as_f64() {
            Some(float) if is_float(value) => out.push_str(&float_text(float)),
            _ => out.push_str(&value.to_string()),
        }
    }
}

/// A quoted string, as in Ruby.
fn write_ruby_string(out: &mut String, text: &str) {
    use std::fmt::Write;
    out.push('"');
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{1b}' => out.push_str("\\e"),
            '#' if matches!(characters.peek(), Some('{' | '$' | '@')) => out.push_str("\\#"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Whether the value is a float, even if it is whole.
pub(crate) fn is_float(value: &Value) -> bool {
    value.is_f64()
}

/// A float as Ruby prints it: `1.0`, `0.1`, `1.0e+20`, `1.0e-07`.
fn float_text(float: f64) -> String {
    let size = float.abs();
    if !float.is_finite() {
        return if float.is_nan() {
            "NaN"
        } else if float > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned();
    }
    if size == 0.0 || (1e-4..1e16).contains(&size) {
        return if float.fract() == 0.0 { format!("{float:.1}") } else { float.to_string() };
    }
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let point = if digits.contains('.') { "" } else { ".0" };
    let (sign, exponent) =
        exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}{point}e{sign}{exponent:0>2}")
}

/// A number truncated to an integer, saturating.
#[expect(clippy::cast_possible_truncation, reason = "`as` saturates, as intended")]
pub(crate) fn truncated(number: f64) -> i64 {
    number as i64
}

/// Whether the value is nil or undefined.
pub(crate) fn is_nil(value: &Value) -> bool {
    value.is_none() || value.is_undefined()
}

/// The value as a number; large integers are rounded.
pub(crate) fn as_number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_i128().map(|whole| whole as f64))
}

/// The value as JSON with keys in their order, as `jsonify` prints it.
pub fn json(value: &Value) -> String {
    let mut text = String::new();
    write_json(&mut text, value);
    text
}

fn write_json(out: &mut String, value: &Value) {
    if let Some(items) = value.as_array() {
        out.push('[');
        for (index, item) in items.iter().enumerate() {
            out.push_str(if index > 0 { "," } else { "" });
            write_json(out, item);
        }
        out.push(']');
    } else if let Some(map) = value.as_map() {
        out.push('{');
        for (index, (key, item)) in map.iter().enumerate() {
            out.push_str(if index > 0 { "," } else { "" });
            out.push_str(&quoted(&as_text(&key.as_value())));
            out.push(':');
            write_json(out, item);
        }
        out.push('}');
    } else if let Some(text) = value.as_str() {
        out.push_str(&quoted(text));
    } else if is_nil(value) || value.as_f64().is_some_and(|number| !number.is_finite()) {
        out.push_str("null");
    } else {
        out.push_str(&as_text(value));
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(yaml: &str, expected: &str) {
        let yaml: serde_yaml::Value = serde_yaml::from_str(yaml).expect("valid YAML");
        assert_eq!(as_text(&of_yaml(&yaml)), expected);
    }

    #[test]
    fn values_are_printed_as_in_liquid() {
        check("1", "1");
        check("1.0", "1.0");
        check("0.25", "0.25");
        check("true", "true");
        check("~", "");
        check("[a, b, 3]", "ab3");
        check("{a: 1, b: x}", "{\"a\"=>1, \"b\"=>\"x\"}");
    }

    #[test]
    fn json_keeps_the_order_of_keys() {
        let yaml: serde_yaml::Value =
            serde_yaml::from_str("{b: [1, 2.5, ~], a: 'x \"y\"'}").expect("valid YAML");
        assert_eq!(json(&of_yaml(&yaml)), r#"{"b":[1,2.5,null],"a":"x \"y\""}"#);
    }

    #[test]
    fn keys_become_strings() {
        let yaml: serde_yaml::Value =
            serde_yaml::from_str("{2: two, true: yes}").expect("valid YAML");
        let value = of_yaml(&yaml);
        assert_eq!(entry(&value, "2").and_then(Value::as_str), Some("two"));
        assert_eq!(entry(&value, "true").and_then(Value::as_str), Some("yes"));
    }
}
