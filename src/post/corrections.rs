//! Numbers of published posts that moved, for readers: `_data/corrections.yml`, which `labpress build`
//! writes and templates see as `site.data.corrections`.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::time::Date;

/// Where they are.
pub const PATH: &str = "_data/corrections.yml";

/// The lines above them.
const ABOUT: &str = "# Numbers of published posts that moved. `labpress build` adds what has changed since the last\n\
                     # commit; commit this file, so that readers see it.\n";

/// All corrections, by path of the post's source, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Corrections(BTreeMap<String, Vec<Correction>>);

/// A number that moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    /// The day, `2026-01-31`.
    pub date: String,
    /// The expression: `nets.wide.accuracy`.
    pub number: String,
    /// What readers saw before.
    pub from: String,
    /// What they see now.
    pub to: String,
    /// What has changed in the experiments.
    pub why: String,
}

impl Corrections {
    /// Reads the file; `None` if it is not ours.
    pub fn parse(text: &str) -> Option<Corrections> {
        let all: Option<Corrections> = serde_yaml::from_str(text).ok()?;
        Some(all.unwrap_or_default())
    }

    /// Adds one for a post.
    pub fn add(&mut self, post: &str, correction: Correction) {
        self.0.entry(post.to_owned()).or_default().push(correction);
    }

    /// The file.
    pub fn to_yaml(&self) -> String {
        format!("{ABOUT}{}", serde_yaml::to_string(self).expect("strings are YAML"))
    }

    /// The day of the last one of each post.
    pub(super) fn days(&self, zone: &TimeZone) -> BTreeMap<String, Date> {
        let last = |(post, all): (&String, &Vec<Correction>)| {
            let days = all.iter().filter_map(|one| Date::parse(&one.date, zone));
            Some((post.clone(), days.max()?))
        };
        self.0.iter().filter_map(last).collect()
    }
}
