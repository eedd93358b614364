//! Experiments: what they are ([`spec`]), what their results depend on ([`fingerprint`]), what came
//! out ([`record`]), and whether the two still belong together ([`plan`]). What a rerun said of a
//! record is its [`verification`]; where it was made, its [`environment`]. What was before is
//! [`history`], and a post may hold on to it by a [`pin`].
//!
//! Works on values only: files are read by [`source`](crate::source), runs are started by
//! [`runner`](crate::runner).

pub mod environment;
pub mod fingerprint;
pub mod grid;
pub mod history;
pub mod needs;
pub mod pin;
pub mod plan;
pub mod predict;
pub mod record;
pub mod rename;
pub mod results;
mod sealed;
pub mod spec;
pub mod verification;

use std::fmt;

use serde::{Deserialize, Serialize};

/// A name of an experiment or a variant: lowercase words and digits joined by hyphens, because it
/// is also a folder, a file name and part of addresses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// Checks a name; `None` if it breaks the rule.
    pub fn new(text: &str) -> Option<Name> {
        let starts_well = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        let goes_on_well = text.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-'));
        (starts_well && goes_on_well && !is_windows_device(text)).then(|| Name(text.to_owned()))
    }

    /// The name most like `text`: capitals are lowered, and what a name cannot hold becomes one
    /// hyphen.
    pub fn nearest_to(text: &str) -> Name {
        let mut name = String::new();
        for c in text.to_lowercase().chars() {
            if c.is_ascii_lowercase() || c.is_ascii_digit() {
                name.push(c);
            } else if !name.is_empty() && !name.ends_with('-') {
                name.push('-');
            }
        }
        let name = name.trim_end_matches('-');
        Name(match name {
            "" => "x".to_owned(),
            name if is_windows_device(name) => format!("{name}-x"),
            name => name.to_owned(),
        })
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Name, String> {
        Name::new(&text).ok_or_else(|| format!("`{text}` is not a name: {}", name_rule(&text)))
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// The rule that `text` breaks, which is to be a [`Name`] or that of a file; for messages.
pub fn name_rule(text: &str) -> &'static str {
    if is_windows_device(text) {
        "Windows keeps this name for a device and cannot check out a file of this name: choose another"
    } else {
        "a name is lowercase letters, digits and hyphens, such as `from-scratch`"
    }
}

/// Whether Windows takes a file of this name for a device, whatever follows its first point.
pub fn is_windows_device(name: &str) -> bool {
    let name = name.split('.').next().unwrap_or(name).trim_end().to_ascii_lowercase();
    let is_numbered = |port: &str| {
        name.strip_prefix(port).is_some_and(|number| matches!(number.as_bytes(), [b'1'..=b'9']))
    };
    matches!(name.as_str(), "con" | "prn" | "aux" | "nul" | "conin$" | "conout$")
        || is_numbered("com")
        || is_numbered("lpt")
}
