//! Content digests, and the canonical encoding of values.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A BLAKE3 digest, written as 64 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(with = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(*blake3::hash(bytes).as_bytes())
    }

    /// The digest of a value's [`canonical`] text.
    pub fn of_value(value: &Value) -> Digest {
        Digest::of(canonical(value).as_bytes())
    }

    /// Its bytes.
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first eight hex digits: enough to distinguish the results of one blog in file names.
    pub fn short(&self) -> String {
        self.to_string()[..8].to_owned()
    }

    /// Parses 64 hex digits.
    pub(crate) fn from_hex(text: &str) -> Option<Digest> {
        let is_hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex
            .then(|| blake3::Hash::from_hex(text).ok())
            .flatten()
            .map(|hash| Digest(*hash.as_bytes()))
    }
}

impl From<blake3::Hash> for Digest {
    fn from(hash: blake3::Hash) -> Digest {
        Digest(*hash.as_bytes())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        if !deserializer.is_human_readable() {
            return <[u8; 32]>::deserialize(deserializer).map(Digest);
        }
        let text = String::deserialize(deserializer)?;
        Digest::from_hex(&text).ok_or_else(|| {
            serde::de::Error::custom(format!("invalid digest `{text}`: expected 64 hex digits"))
        })
    }
}

/// Writes a JSON value so that equal values have equal bytes: sorted keys, no white space, numbers
/// in the shortest form that parses to the same value.
pub(crate) fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            text.push('{');
            for (index, (key, value)) in sorted(map).into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_canonical(value, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_canonical(item, text);
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

/// Writes a JSON value for people and line-by-line diffs: sorted keys, one line per entry of an
/// object (except an object with a single scalar), and lists without objects in one line.
pub fn pretty(value: &Value) -> String {
    let mut text = String::new();
    write_pretty(value, 0, &mut text);
    text.push('\n');
    text
}

fn write_pretty(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(map) if !is_small(map) => {
            text.push_str("{\n");
            let entries = sorted(map);
            let last = entries.len() - 1;
            for (index, (key, value)) in entries.into_iter().enumerate() {
                indent(depth + 1, text);
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push_str(": ");
                write_pretty(value, depth + 1, text);
                text.push_str(if index < last { ",\n" } else { "\n" });
            }
            indent(depth, text);
            text.push('}');
        }
        Value::Array(items) if items.iter().any(holds_object) => {
            text.push_str("[\n");
            for (index, item) in items.iter().enumerate() {
                indent(depth + 1, text);
                write_pretty(item, depth + 1, text);
                text.push_str(if index + 1 < items.len() { ",\n" } else { "\n" });
            }
            indent(depth, text);
            text.push(']');
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(canonical).collect();
            text.push('[');
            text.push_str(&items.join(", "));
            text.push(']');
        }
        other => write_canonical(other, text),
    }
}

/// Whether an object is empty, or has a single scalar.
fn is_small(map: &serde_json::Map<String, Value>) -> bool {
    map.len() <= 1 && map.values().all(|value| !value.is_object() && !value.is_array())
}

fn holds_object(value: &Value) -> bool {
    match value {
        Value::Object(_) => true,
        Value::Array(items) => items.iter().any(holds_object),
        _ => false,
    }
}

fn indent(depth: usize, text: &mut String) {
    text.extend(std::iter::repeat_n("  ", depth));
}

/// The entries in order of key, whatever order serde_json's map keeps (a dependency may switch on
/// `preserve_order`).
fn sorted(map: &serde_json::Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    entries
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn canonical_text_does_not_depend_on_the_order_of_keys() {
        assert_eq!(
            canonical(&json!({"b": [1, 2.5], "a": {"d": null, "c": "é\n"}})),
            r#"{"a":{"c":"é\n","d":null},"b":[1,2.5]}"#
        );
    }

    #[test]
    fn pretty_text_keeps_a_list_of_numbers_in_one_line() {
        let value =
            json!({"series": {"loss": [[1, 0.5], [2, 0.25]]}, "artifacts": [{"name": "a"}]});
        let expected = "{\n  \"artifacts\": [\n    {\"name\":\"a\"}\n  ],\n  \"series\": {\n    \"loss\": [[1,0.5], [2,0.25]]\n  }\n}\n";
        assert_eq!(pretty(&value), expected);
    }

    #[test]
    fn a_digest_survives_a_round_trip() {
        let digest = Digest::of(b"x");
        assert_eq!(Digest::from_hex(&digest.to_string()), Some(digest));
        assert_eq!(Digest::from_hex("zz"), None);
    }
}
