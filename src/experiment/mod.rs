//! Experiments: their declaration ([`spec`]), what their results depend on ([`fingerprint`]), the
//! recorded results ([`record`]), and whether these are current ([`plan`]). A [`verification`] is
//! the outcome of a re-run, an [`environment`] is where a record was made. Earlier results are the
//! [`history`], and a post can keep showing them with a [`pin`].
//!
//! Works on values only: [`inputs`](crate::inputs) reads files, and [`runner`](crate::runner)
//! starts runs.

pub mod attestation;
pub mod environment;
pub mod evidence;
pub mod fingerprint;
pub(crate) mod grid;
pub mod history;
pub(crate) mod needs;
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

/// The name of an experiment or a variant: lowercase words and digits joined by hyphens, because it
/// is also a folder, a file name and part of URLs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl std::ops::Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl Name {
    /// Checks a name; `None` if it breaks the rule.
    pub fn new(text: &str) -> Option<Name> {
        let starts_well = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        let goes_on_well = text.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-'));
        (starts_well && goes_on_well && !is_windows_device(text)).then(|| Name(text.to_owned()))
    }

    /// The name closest to `text`: in lowercase, with hyphens for other characters.
    pub(crate) fn nearest_to(text: &str) -> Name {
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

    /// The name as a string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Name, String> {
        Name::new(&text).ok_or_else(|| format!("invalid name `{text}`: {}", name_rule(&text)))
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

/// The rule that `text` breaks as a [`Name`] or as the name of a file, for messages.
pub fn name_rule(text: &str) -> &'static str {
    if is_windows_device(text) {
        "Windows reserves this name for a device and cannot check out files with it: \
         choose another name"
    } else {
        "use lowercase letters, digits and hyphens, such as `from-scratch`"
    }
}

/// Whether Windows reserves the file name for a device, ignoring everything after the first dot.
pub(crate) fn is_windows_device(name: &str) -> bool {
    let name = name.split('.').next().unwrap_or(name).trim_end().to_ascii_lowercase();
    let is_numbered = |port: &str| {
        name.strip_prefix(port).is_some_and(|number| matches!(number.as_bytes(), [b'1'..=b'9']))
    };
    matches!(name.as_str(), "con" | "prn" | "aux" | "nul" | "conin$" | "conout$")
        || is_numbered("com")
        || is_numbered("lpt")
}
