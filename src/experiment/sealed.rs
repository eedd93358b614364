//! Committed JSON files with the digest of their own content, so that manual changes are detected.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::diagnostic::{Diagnostic, Place, Position, without_place};
use crate::digest::{Digest, pretty};

/// A kind of sealed file, for reading and for messages.
pub(super) struct Kind<'a> {
    /// The name of the kind: `record`.
    pub(super) name: &'a str,
    /// The only format that is accepted.
    pub(super) format: u32,
    /// How to replace an unusable file.
    pub(super) hint: Option<String>,
}

/// The digest of a file's content, which it has as `digest`.
pub(super) fn digest(content: &impl Serialize) -> Digest {
    Digest::of_value(&value(content))
}

/// The text of a file: its content with its digest.
pub(super) fn text(content: &impl Serialize) -> String {
    let mut value = value(content);
    value["digest"] = Value::from(Digest::of_value(&value).to_string());
    pretty(&value)
}

fn value(content: &impl Serialize) -> Value {
    serde_json::to_value(content).expect("keys are strings and all numbers are finite")
}

/// Parses the file at `path` and checks its digest and its format.
pub(super) fn parse<T: DeserializeOwned>(
    path: &str,
    text: &str,
    kind: &Kind<'_>,
) -> Result<T, Diagnostic> {
    let name = kind.name;
    if let Some(line) = text.lines().position(|line| line.starts_with("<<<<<<<")) {
        let place = Place::new(path, Position { line: line + 1, column: 1 });
        return Err(kind.error(place, format!("the {name} has an unresolved merge conflict")));
    }
    let mut value: Value = serde_json::from_str(text).map_err(|error| {
        let place =
            Place::new(path, Position { line: error.line(), column: error.column().max(1) });
        kind.error(place, format!("the {name} is damaged: {}", without_place(&error.to_string())))
    })?;
    let damaged = |message: String| kind.error(Place::file(path), message);
    let stated = value.as_object_mut().and_then(|map| map.remove("digest"));
    match stated.as_ref().and_then(Value::as_str) {
        None => return Err(damaged(format!("the {name} has no digest of its own content"))),
        Some(stated) if stated != Digest::of_value(&value).to_string() => {
            return Err(damaged(format!(
                "the {name} was altered: its content does not match its digest"
            )));
        }
        Some(_) => {}
    }
    if value["format"] != kind.format {
        let (format, known) = (&value["format"], kind.format);
        return Err(damaged(format!(
            "the {name} has format {format}, but this labpress reads format {known}"
        )));
    }
    serde_json::from_value(value)
        .map_err(|error| damaged(format!("the {name} is damaged: {error}")))
}

impl Kind<'_> {
    /// An error in a file of this kind.
    pub(super) fn error(&self, place: Place, message: String) -> Diagnostic {
        let error = Diagnostic::new(place, message);
        match &self.hint {
            Some(hint) => error.hint(hint.clone()),
            None => error,
        }
    }
}
