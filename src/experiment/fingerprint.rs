//! What the result of a run depends on, part by part.
//!
//! | in the fingerprint | not in it |
//! |---|---|
//! | the format number of fingerprints | prose, charts, titles, questions, metric units |
//! | the recipe and its revision; or the command and the digest of each input file (line ends of texts aside) | comments, order and layout of the YAML; file times; absolute paths |
//! | each parameter of the variant, with defaults filled in | host, user, number of threads |
//! | the seed | library versions, CPU, driver, limits |
//! | the environment variables that it declares | all other environment variables |
//! | the fingerprints of the experiments that it needs | |
//! | the content digest of the data set | the name of the data set, where it was fetched from |
//! | the content digest of the weights that the net begins with | their path |
//! | for imported results: the kind of files, and the name of the variant | |
//! | the device, if the experiment asks for one | the device, if it does not |
//! | that it ran at toy scale (`--smoke`) | |
//!
//! What is left out on the right of the last rows can still move a number a little. It is recorded
//! with each result as its environment, and shown; it never causes a silent rerun.
//!
//! The parts are kept whole beside the result, values as values and files as digests, so that a
//! difference can be named: `params.epochs changed from 8 to 12`.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::spec::{Experiment, Runner, Variant};
use crate::digest::{Digest, canonical};

/// The format number: goes up when the meaning of the parts changes, which makes every result
/// stale.
const FORMAT: u32 = 1;

/// What the result of one run depends on: named parts in order of name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "BTreeMap<String, Part>")]
pub struct Fingerprint {
    parts: BTreeMap<String, Part>,
    /// That of all parts.
    digest: Digest,
}

impl From<BTreeMap<String, Part>> for Fingerprint {
    fn from(parts: BTreeMap<String, Part>) -> Fingerprint {
        let digest = digest_of(&parts);
        Fingerprint { parts, digest }
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.parts.serialize(serializer)
    }
}

/// BLAKE3 over the canonical JSON of the map (see [`canonical`]).
fn digest_of(parts: &impl Serialize) -> Digest {
    let value = serde_json::to_value(parts).expect("keys are strings and all values are JSON");
    Digest::of_value(&value)
}

/// One thing that a result depends on.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// A value, kept readable.
    Value(Value),
    /// The content of a file or of a data set.
    Digest(Digest),
}

/// Parts are equal when their digests are, so 0.0 is not -0.0.
impl PartialEq for Part {
    fn eq(&self, other: &Part) -> bool {
        match (self, other) {
            (Part::Value(a), Part::Value(b)) => a == b && canonical(a) == canonical(b),
            (Part::Digest(a), Part::Digest(b)) => a == b,
            (Part::Value(_), Part::Digest(_)) | (Part::Digest(_), Part::Value(_)) => false,
        }
    }
}

impl Eq for Part {}

/// A part that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Name of the part: `params.epochs`.
    pub part: String,
    /// What it was; `None` if there was no such part.
    pub before: Option<Part>,
    /// What it is; `None` if there is no such part any more.
    pub now: Option<Part>,
}

impl Fingerprint {
    /// What the run of `variant` with `seed` depends on.
    pub fn of(experiment: &Experiment, variant: &Variant, seed: u64) -> Fingerprint {
        let mut parts = BTreeMap::new();
        let mut value =
            |name: &str, value: Value| drop(parts.insert(name.to_owned(), Part::Value(value)));
        value("format", FORMAT.into());
        value("seed", seed.into());
        match &experiment.runner {
            Runner::Lab { recipe, revision } => {
                value("recipe", format!("{recipe} revision {revision}").into());
            }
            Runner::Command { command, .. } => value("command", command.clone().into()),
            // Nothing else may tell variants apart: their parameters can be unknown.
            Runner::Imported { from, .. } => {
                value("imported", from.as_str().into());
                value("variant", variant.name.as_str().into());
            }
        }
        if experiment.smoke {
            value("smoke", true.into());
        }
        if let Some(device) = &experiment.device {
            value("device", device.as_str().into());
        }
        if let Runner::Command { inputs, environment, .. } = &experiment.runner {
            parts.extend(
                inputs
                    .iter()
                    .map(|(path, digest)| (format!("inputs.{path}"), Part::Digest(*digest))),
            );
            parts.extend(
                environment
                    .iter()
                    .map(|(name, set)| (format!("env.{name}"), Part::Value(set.clone().into()))),
            );
        }
        parts.extend(
            experiment
                .needs
                .iter()
                .map(|(name, digest)| (format!("needs.{name}"), Part::Digest(*digest))),
        );
        if let Some(data) = &experiment.data {
            parts.insert("data".to_owned(), Part::Digest(data.digest));
        }
        if let Some(weights) = &variant.weights {
            parts.insert("weights".to_owned(), Part::Digest(weights.digest()));
        }
        insert_leaves("params".to_owned(), &variant.params, &mut parts);
        parts.into()
    }

    /// One digest of all parts.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// One digest of all parts but the seed: the same for all runs that are repetitions of each
    /// other.
    pub fn configuration(&self) -> Digest {
        let parts: BTreeMap<&String, &Part> =
            self.parts.iter().filter(|(name, _)| *name != "seed").collect();
        digest_of(&parts)
    }

    /// Which parts of `self`, a recorded fingerprint, are not what they are in `present`. In order
    /// of name.
    pub fn changed_since(&self, present: &Fingerprint) -> Vec<Changed> {
        let names: std::collections::BTreeSet<&String> =
            self.parts.keys().chain(present.parts.keys()).collect();
        names
            .into_iter()
            .filter(|&name| self.parts.get(name) != present.parts.get(name))
            .map(|name| Changed {
                part: name.clone(),
                before: self.parts.get(name).cloned(),
                now: present.parts.get(name).cloned(),
            })
            .collect()
    }

    /// The fingerprint with others for the experiments that the run needs: `renamed` takes the name
    /// of each and the digest of what its results depend on.
    #[must_use]
    pub(crate) fn with_needs(
        &self,
        renamed: impl Fn(&str, Digest) -> (String, Digest),
    ) -> Fingerprint {
        let parts =
            self.parts.iter().map(|(part, content)| match (part.strip_prefix("needs."), content) {
                (Some(name), Part::Digest(digest)) => {
                    let (name, digest) = renamed(name, *digest);
                    (format!("needs.{name}"), Part::Digest(digest))
                }
                _ => (part.clone(), content.clone()),
            });
        parts.collect::<BTreeMap<_, _>>().into()
    }

    /// Name and content of each part, in order of name.
    pub fn parts(&self) -> impl Iterator<Item = (&str, &Part)> {
        self.parts.iter().map(|(name, part)| (name.as_str(), part))
    }
}

/// Adds each leaf of `value` as a part of its own. A list is a leaf: its items mean nothing apart.
/// So is an empty map, but for the whole of the parameters, which is always there.
///
/// A key that could be mistaken for several, such as `a.b`, is quoted: `params."a.b"`.
fn insert_leaves(name: String, value: &Value, parts: &mut BTreeMap<String, Part>) {
    match value {
        Value::Object(map) if !map.is_empty() || name == "params" => {
            for (key, value) in map {
                let is_ambiguous = key.contains('.') || key.starts_with('"');
                let key =
                    if is_ambiguous { Value::from(key.as_str()).to_string() } else { key.clone() };
                insert_leaves(format!("{name}.{key}"), value, parts);
            }
        }
        leaf => drop(parts.insert(name, Part::Value(leaf.clone()))),
    }
}

impl fmt::Display for Part {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Value(Value::String(text)) => write!(out, "{text}"),
            Part::Value(value) => write!(out, "{}", canonical(value)),
            Part::Digest(digest) => write!(out, "{}", digest.short()),
        }
    }
}

impl fmt::Display for Changed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.before, &self.now) {
            (Some(before), Some(now)) => {
                write!(out, "{} changed from {before} to {now}", self.part)
            }
            (Some(before), None) => write!(out, "{} was {before} and is gone", self.part),
            (None, Some(now)) => write!(out, "{} is new: {now}", self.part),
            (None, None) => write!(out, "{}", self.part),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parts(params: &Value) -> BTreeMap<String, Part> {
        let mut parts = BTreeMap::new();
        insert_leaves("params".to_owned(), params, &mut parts);
        parts
    }

    #[test]
    fn different_parameters_never_have_the_same_parts() {
        let all = [
            json!({}),
            json!({"a": {}}),
            json!({"a": {"b": {}}}),
            json!({"a": []}),
            json!({"a": null}),
            json!({"a.b": 1}),
            json!({"a": {"b": 1}}),
            json!({"a": {"b": 2}, "a.b": 1}),
            json!({"a": {"b": 3}, "a.b": 1}),
            json!({"\"a": {"b\"": 1}}),
            json!({"\"a.b\"": 1}),
            json!({"a": 0.0}),
            json!({"a": -0.0}),
            json!({"a": 0}),
            json!({"a": [0.0]}),
            json!({"a": [-0.0]}),
            json!({"": 1}),
            json!({"": {"": 1}}),
            json!({".": 1}),
        ];
        for (index, one) in all.iter().enumerate() {
            for other in &all[..index] {
                assert_ne!(parts(one), parts(other), "{one} and {other}");
                let digest = |params| Fingerprint::from(parts(params)).digest();
                assert_ne!(digest(one), digest(other), "{one} and {other}");
                let changed = Fingerprint::from(parts(one)).changed_since(&parts(other).into());
                assert_ne!(changed, [], "{one} and {other}");
            }
        }
    }

    #[test]
    fn plain_parameters_have_a_part_for_each_leaf() {
        let names: Vec<String> =
            parts(&json!({"a": 1, "b": {"c": [1], "d-e": null}})).into_keys().collect();
        assert_eq!(names, ["params.a", "params.b.c", "params.b.d-e"]);
    }
}
