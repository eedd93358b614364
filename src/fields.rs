//! Fields of a loosely typed YAML mapping, each checked when it is read: `_config.yml` and front
//! matter, which may have the author's own keys.

use jiff::tz::TimeZone;
use serde_yaml::{Mapping, Value};

use crate::diagnostic::{Diagnostic, Place};
use crate::psych;
use crate::value;
use crate::yaml::Yaml;

/// A mapping whose fields are being read, and the errors found so far.
pub(crate) struct Fields<'a> {
    yaml: Yaml<'a>,
    mapping: Mapping,
    errors: Vec<Diagnostic>,
}

impl<'a> Fields<'a> {
    /// Parses YAML that is a mapping, or empty, as Psych does.
    pub(crate) fn read(yaml: Yaml<'a>) -> Result<Fields<'a>, Diagnostic> {
        Fields::read_in(yaml, &TimeZone::UTC)
    }

    /// As [`read`](Fields::read), with times converted to a zone.
    pub(crate) fn read_in(yaml: Yaml<'a>, zone: &TimeZone) -> Result<Fields<'a>, Diagnostic> {
        let mapping = match psych::read(&yaml, zone)? {
            Value::Null => Mapping::new(),
            Value::Mapping(mapping) => mapping,
            _ => {
                let place = Place { position: None, ..yaml.place(&[]) };
                return Err(
                    Diagnostic::new(place, "is not a mapping").hint("write `key: value` lines")
                );
            }
        };
        Ok(Fields { yaml, mapping, errors: Vec::new() })
    }

    /// The fields of an empty file.
    pub(crate) fn empty(path: &'a str) -> Fields<'a> {
        Fields { yaml: Yaml::file(path, ""), mapping: Mapping::new(), errors: Vec::new() }
    }

    /// The mapping as it is.
    pub(crate) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Adds defaults for missing keys, and merges mappings that are in both. With `keeps_null`, a
    /// null value is kept; otherwise the default replaces it.
    pub(crate) fn add_defaults(&mut self, defaults: &Mapping, keeps_null: bool) {
        add_missing(&mut self.mapping, defaults, keeps_null);
    }

    /// Sets the value at a key.
    pub(crate) fn set(&mut self, key: &str, value: Value) {
        self.mapping.insert(key.into(), value);
    }

    /// The place of a key.
    pub(crate) fn place(&self, key: &str) -> Place {
        self.yaml.place(&[key])
    }

    /// Records an error in the value at `key`.
    pub(crate) fn error(&mut self, key: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.errors.push(Diagnostic::new(self.place(key), message).hint(hint));
    }

    /// Removes and returns the errors found so far.
    pub(crate) fn take_errors(&mut self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.errors)
    }

    /// All errors found.
    pub(crate) fn errors(self) -> Vec<Diagnostic> {
        self.errors
    }

    /// The value at `key`, if it exists and is not null.
    pub(crate) fn value(&self, key: &str) -> Option<&Value> {
        self.mapping.get(key).filter(|value| !value.is_null())
    }

    /// A string; a number or a boolean is taken as written.
    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        match self.value(key)? {
            value @ (Value::String(_) | Value::Number(_) | Value::Bool(_)) => {
                Some(scalar_text(value))
            }
            other => {
                let message = format!("`{key}` must be a string, not {}", kind(other));
                self.error(key, message, format!("write `{key}: some text`"));
                None
            }
        }
    }

    /// A boolean.
    pub(crate) fn bool(&mut self, key: &str) -> Option<bool> {
        match self.value(key)? {
            Value::Bool(bool) => Some(*bool),
            other => {
                let message = format!("`{key}` must be true or false, not {}", kind(other));
                self.error(key, message, format!("write `{key}: true` or `{key}: false`"));
                None
            }
        }
    }

    /// A whole number from 0.
    pub(crate) fn count(&mut self, key: &str) -> Option<usize> {
        let value = self.value(key)?;
        let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
        if count.is_none() {
            let found = match value {
                Value::Number(number) => format!("`{number}`"),
                other => kind(other).to_owned(),
            };
            let message = format!("`{key}` must be a whole number, not {found}");
            self.error(key, message, format!("write `{key}: 10`"));
        }
        count
    }

    /// Strings by name, if there is a mapping; anything else is the author's own.
    pub(crate) fn named_texts(&mut self, key: &str) -> Option<Vec<(String, String)>> {
        match self.value(key).filter(|value| value.is_mapping())? {
            Value::Mapping(mapping)
                if mapping.iter().all(|(key, value)| key.is_string() && is_scalar(value)) =>
            {
                Some(
                    mapping
                        .iter()
                        .map(|(key, value)| (scalar_text(key), scalar_text(value)))
                        .collect(),
                )
            }
            _ => {
                let hint = format!("write `{key}: {{NAME: \"some text\"}}`");
                self.error(key, format!("`{key}` must have a string for each name"), hint);
                None
            }
        }
    }

    /// Strings: a list, or one string, which is split at spaces if `split`.
    pub(crate) fn texts(&mut self, key: &str, split: bool) -> Option<Vec<String>> {
        match self.value(key)? {
            Value::Sequence(items) if items.iter().all(is_scalar) => {
                Some(items.iter().filter(|item| !item.is_null()).map(scalar_text).collect())
            }
            value if is_scalar(value) => {
                let text = scalar_text(value);
                Some(if split {
                    text.split_whitespace().map(str::to_owned).collect()
                } else {
                    vec![text]
                })
            }
            other => {
                let message = format!("`{key}` must be a list of strings, not {}", kind(other));
                self.error(key, message, format!("write `{key}: [one, two]`"));
                None
            }
        }
    }
}

/// Adds missing keys to `mapping`.
pub(crate) fn add_missing(mapping: &mut Mapping, defaults: &Mapping, keeps_null: bool) {
    for (key, default) in defaults {
        match (mapping.get_mut(key), default) {
            (Some(Value::Mapping(own)), Value::Mapping(default)) => {
                add_missing(own, default, keeps_null);
            }
            (Some(Value::Null), _) if !keeps_null => {
                drop(mapping.insert(key.clone(), default.clone()));
            }
            (Some(_), _) => {}
            (None, _) => drop(mapping.insert(key.clone(), default.clone())),
        }
    }
}

fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null)
}

pub(crate) fn scalar_text(value: &Value) -> String {
    value::as_text(&value::of_yaml(value))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "empty",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Sequence(_) => "a list",
        Value::Mapping(_) => "a mapping",
        Value::Tagged(_) => "a value with a tag",
    }
}
