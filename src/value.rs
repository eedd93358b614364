//! Values as templates see them: what front matter and configuration hold, and what pages are made of.
//!
//! They are [`tera::Value`]: texts, lists and maps in it are shared, not copied, so that one list of all posts can stand
//! in the context of every page. Liquid bodies and Tera layouts work on the same values. Texts are never marked as safe
//! here; a layout says `{{ content | safe }}`.

use tera::Map;
pub use tera::Value;
use tera::value::Key;

use crate::markdown::embed::without_marker_characters;

/// Turns YAML into a value. Keys become text, tags (`!x`) are dropped, numbers stay numbers.
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
        // A value may be written into a body, where a marker in it would be taken for one of ours.
        serde_yaml::Value::String(text) => Value::from(without_marker_characters(text).as_ref()),
        serde_yaml::Value::Sequence(items) => Value::from(items.iter().map(of_yaml).collect::<Vec<Value>>()),
        serde_yaml::Value::Mapping(mapping) => Value::from(map_of_yaml(mapping)),
        serde_yaml::Value::Tagged(tagged) => of_yaml(&tagged.value),
    }
}

/// Turns a YAML mapping into a map with texts as keys.
pub fn map_of_yaml(mapping: &serde_yaml::Mapping) -> Map {
    mapping.iter().map(|(key, value)| (Key::from(as_text(&of_yaml(key))), of_yaml(value))).collect()
}

/// The value at `key`, if `value` is a map that has it.
pub fn entry<'a>(value: &'a Value, key: &'a str) -> Option<&'a Value> {
    value.as_map()?.get(&Key::Str(key))
}

/// Sets `key` of `map`.
pub fn set(map: &mut Map, key: &'static str, value: impl Into<Value>) {
    map.insert(Key::Str(key), value.into());
}

/// Sets `key` of `map`, unless it is there already.
pub fn set_default(map: &mut Map, key: &'static str, value: impl Into<Value>) {
    map.entry(Key::Str(key)).or_insert_with(|| value.into());
}

/// The value as Liquid writes it: nothing for nil, `1.0` for a whole number with a point, lists without anything
/// between their items.
pub fn as_text(value: &Value) -> String {
    if let Some(text) = value.as_str() {
        return text.to_owned();
    }
    if is_nil(value) {
        return String::new();
    }
    if let Some(items) = value.as_array() {
        return items.iter().map(as_text).collect();
    }
    if let Some(map) = value.as_map() {
        let entries = map.iter().map(|(key, value)| format!("{:?} => {}", as_text(&key.as_value()), inspected(value)));
        return format!("{{{}}}", entries.collect::<Vec<_>>().join(", "));
    }
    match value.as_f64() {
        Some(float) if is_float(value) => float_text(float),
        _ => value.to_string(),
    }
}

fn inspected(value: &Value) -> String {
    match value.as_str() {
        Some(text) => format!("{text:?}"),
        None if is_nil(value) => "nil".to_owned(),
        None => as_text(value),
    }
}

/// Whether the value is a number with a point, even if nothing stands behind it.
pub fn is_float(value: &Value) -> bool {
    value.is_f64()
}

fn float_text(float: f64) -> String {
    if float.is_finite() && float.fract() == 0.0 && float.abs() < 1e16 {
        format!("{float:.1}")
    } else {
        float.to_string()
    }
}

/// Whether the value is nil, or was never there.
pub fn is_nil(value: &Value) -> bool {
    value.is_none() || value.is_undefined()
}

/// The value as a number, whole numbers that only nearly fit included.
pub fn as_number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_i128().map(|whole| whole as f64))
}

/// The value as JSON, keys in their order, as `jsonify` writes it.
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
        let yaml: serde_yaml::Value = serde_yaml::from_str(yaml).expect("it is YAML");
        assert_eq!(as_text(&of_yaml(&yaml)), expected);
    }

    #[test]
    fn values_are_written_as_liquid_writes_them() {
        check("1", "1");
        check("1.0", "1.0");
        check("0.25", "0.25");
        check("true", "true");
        check("~", "");
        check("[a, b, 3]", "ab3");
        check("{a: 1, b: x}", "{\"a\" => 1, \"b\" => \"x\"}");
    }

    #[test]
    fn json_keeps_the_order_of_keys() {
        let yaml: serde_yaml::Value = serde_yaml::from_str("{b: [1, 2.5, ~], a: 'x \"y\"'}").expect("it is YAML");
        assert_eq!(json(&of_yaml(&yaml)), r#"{"b":[1,2.5,null],"a":"x \"y\""}"#);
    }

    #[test]
    fn keys_that_are_no_text_become_text() {
        let yaml: serde_yaml::Value = serde_yaml::from_str("{2: two, true: yes}").expect("it is YAML");
        let value = of_yaml(&yaml);
        assert_eq!(entry(&value, "2").and_then(Value::as_str), Some("two"));
        assert_eq!(entry(&value, "true").and_then(Value::as_str), Some("yes"));
    }
}
