//! The record: a committed JSON file with what one run produced.
//!
//! `experiments/NAME/runs/VARIANT-sSEED-FINGERPRINT8.json`, one file per run, so that branches
//! never conflict. Keys are sorted and floats in their shortest exact form, so that equal results
//! are equal bytes. Each record has the digest of its own content, so that manual changes are
//! detected.

use std::collections::BTreeMap;

use labpress_runner::protocol::{ArtifactKind, Diverged};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fingerprint::Fingerprint;
use super::spec::Format;
use super::{Name, sealed};
use crate::diagnostic::{Diagnostic, Place};
use crate::digest::Digest;

/// The version of the record format that this labpress reads and writes.
pub const FORMAT: u32 = 1;

pub use crate::inputs::COMMITTED_UP_TO;

/// What one run produced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Record {
    /// [`FORMAT`].
    pub format: u32,
    /// Name of the experiment.
    #[schemars(with = "String")]
    pub experiment: Name,
    /// Name of the variant.
    #[schemars(with = "String")]
    pub variant: Name,
    /// Seed of the run.
    pub seed: u64,
    /// What the result depends on.
    pub fingerprint: Fingerprint,
    /// Digests of the results that the run was given, by name of the needed experiment. Absent in
    /// records older than this field, and if nothing is needed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub given: BTreeMap<String, Digest>,
    /// The environment, on which the result does not officially depend: device, libtorch, CPU,
    /// threads.
    pub environment: BTreeMap<String, String>,
    /// When the run ended, in UTC to the second: `2026-11-23T14:05:00Z`.
    #[schemars(with = "String")]
    pub finished: jiff::Timestamp,
    /// The results, by name. All are finite.
    pub metrics: BTreeMap<String, f64>,
    /// Durations and speeds, which no rerun reproduces exactly.
    pub timing: BTreeMap<String, f64>,
    /// Numbers over the course of the run: name → (epoch, value) in order of epoch.
    pub series: BTreeMap<String, Vec<(u64, f64)>>,
    /// Files that the run made.
    pub artifacts: Vec<Artifact>,
    /// Which number became non-finite, if one did. The run ended there, and what it reported before
    /// is not a result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diverged: Option<Diverged>,
    /// Where it was imported from, if another program recorded it: labpress did not do the run, and
    /// cannot repeat it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<Imported>,
}

/// Where a record was imported from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Imported {
    /// The kind of files.
    pub from: Format,
    /// The file or folder of the run, relative to what was imported.
    pub source: String,
    /// Digest of the files' contents.
    pub digest: Digest,
}

/// A file that a run made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Artifact {
    /// Its name in posts.
    pub name: String,
    /// Its kind, as reported by the runner: `confusion-matrix`, `checkpoint`.
    #[schemars(with = "String")]
    pub kind: ArtifactKind,
    /// Digest of its content; its name in the store.
    pub digest: Digest,
    /// Its size.
    pub bytes: u64,
    /// Its path in the experiment's folder, if it is small enough to be committed next to the
    /// record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

impl Record {
    /// Where the record belongs, from the site's root.
    pub fn path(&self) -> String {
        path(&self.experiment, &self.variant, self.seed, &self.fingerprint)
    }

    /// The content of its file.
    pub fn to_text(&self) -> String {
        sealed::text(self)
    }

    /// The digest of its content, which is part of its file.
    pub fn digest(&self) -> Digest {
        sealed::digest(self)
    }

    /// The paths of the files that are committed next to it, from the site's root.
    pub(crate) fn file_paths(&self) -> impl Iterator<Item = String> {
        let files = self.artifacts.iter().filter_map(|artifact| artifact.file.as_ref());
        files.map(|file| format!("experiments/{}/{file}", self.experiment))
    }

    /// The number with this name: a metric, a time, or the last value of a series; `None` if the
    /// run diverged, because its numbers are those of an unfinished run.
    pub fn number(&self, name: &str) -> Option<f64> {
        if self.diverged.is_some() {
            return None;
        }
        let last =
            || self.series.get(name).and_then(|points| points.last()).map(|&(_, value)| value);
        self.metrics.get(name).or_else(|| self.timing.get(name)).copied().or_else(last)
    }

    /// The names that [`Record::number`] knows.
    pub(crate) fn number_names(&self) -> impl Iterator<Item = &str> {
        self.metrics.keys().chain(self.timing.keys()).chain(self.series.keys()).map(String::as_str)
    }
}

/// Where the record of a run belongs, from the site's root.
pub fn path(experiment: &str, variant: &str, seed: u64, fingerprint: &Fingerprint) -> String {
    format!("experiments/{experiment}/runs/{}.json", file_stem(variant, seed, fingerprint))
}

/// The name of a run's files in its experiment: `VARIANT-sSEED-FINGERPRINT8`.
pub fn file_stem(variant: &str, seed: u64, fingerprint: &Fingerprint) -> String {
    stem_of(variant, seed, fingerprint.digest())
}

/// [`file_stem`] for the digest of a fingerprint.
pub(crate) fn stem_of(variant: &str, seed: u64, fingerprint: Digest) -> String {
    format!("{variant}-s{seed}-{}", fingerprint.short())
}

/// The JSON Schema of a record's file.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Record).to_value();
    schema["title"] = "labpress record".into();
    schema["properties"]["digest"] = serde_json::json!({
        "type": "string",
        "description": "BLAKE3 of the canonical JSON of everything else.",
    });
    schema
}

/// Parses a record and checks its digest and its path.
pub fn parse(path: &str, text: &str) -> Result<Record, Diagnostic> {
    let hint = |name| {
        format!("restore it from git, or delete it and run `labpress run {name}` to recreate it")
    };
    let kind = sealed::Kind { name: "record", format: FORMAT, hint: experiment_of(path).map(hint) };
    let record: Record = sealed::parse(path, text, &kind)?;
    if record.path() != path {
        let error =
            kind.error(Place::file(path), format!("the record belongs at `{}`", record.path()));
        let (old, new) = (&record.experiment, experiment_of(path).unwrap_or_default());
        let hint = format!(
            "if you renamed the folder, change it back to `{old}` and run `labpress mv {old} {new}`"
        );
        return Err(if old == new { error } else { error.hint(hint) });
    }
    Ok(record)
}

/// The errors of the files next to a record, one for each file.
#[derive(Debug, Default)]
pub struct Damage {
    /// Missing files.
    pub missing: Vec<Diagnostic>,
    /// Files whose content is not what the run made.
    pub altered: Vec<Diagnostic>,
}

/// Checks the files next to a record; `digest_of` returns the digest of the site's file at a path.
pub(crate) fn damaged_files(record: &Record, digest_of: impl Fn(&str) -> Option<Digest>) -> Damage {
    let mut damage = Damage::default();
    for artifact in &record.artifacts {
        let Some(file) = &artifact.file else { continue };
        let path = format!("experiments/{}/{file}", record.experiment);
        let (found, message) = match digest_of(&path) {
            Some(digest) if digest == artifact.digest => continue,
            Some(_) => (
                &mut damage.altered,
                format!("the file was altered: it is not what `{}` refers to", record.path()),
            ),
            None => (
                &mut damage.missing,
                format!("the file is missing: `{}` refers to it", record.path()),
            ),
        };
        let name = &record.experiment;
        let hint = format!(
            "restore it from git, or delete the record and run `labpress run {name}` \
             to recreate both"
        );
        found.push(Diagnostic::new(Place::file(path), message).hint(hint));
    }
    damage
}

/// The experiment of the record at `path`.
fn experiment_of(path: &str) -> Option<&str> {
    path.strip_prefix("experiments/")?.split('/').next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::pretty;

    fn record() -> Record {
        Record {
            format: FORMAT,
            experiment: Name::nearest_to("spiral"),
            variant: Name::nearest_to("plain"),
            seed: 3,
            fingerprint: Fingerprint::from(BTreeMap::new()),
            given: BTreeMap::new(),
            environment: BTreeMap::from([("device".to_owned(), "cpu".to_owned())]),
            finished: "2026-11-23T14:05:00Z".parse().unwrap(),
            metrics: BTreeMap::from([
                ("accuracy".to_owned(), 0.1 + 0.2),
                ("loss".to_owned(), 1e-300),
            ]),
            timing: BTreeMap::from([("seconds".to_owned(), 8.0)]),
            series: BTreeMap::from([("train.loss".to_owned(), vec![(1, 0.5), (2, 0.25)])]),
            artifacts: Vec::new(),
            diverged: None,
            imported: None,
        }
    }

    #[track_caller]
    fn check_error(text: &str, expected: &str) {
        let error = parse(&record().path(), text).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
        assert!(error.ends_with("`labpress run spiral` to recreate it"), "{error}");
    }

    #[test]
    fn a_record_survives_a_round_trip() {
        assert_eq!(parse(&record().path(), &record().to_text()).unwrap(), record());
    }

    #[test]
    fn given_results_are_recorded_if_there_are_any() {
        assert!(!record().to_text().contains("given"));
        let given = Record {
            given: BTreeMap::from([("base".to_owned(), Digest::of(b"numbers"))]),
            ..record()
        };
        assert_eq!(parse(&given.path(), &given.to_text()).unwrap(), given);
    }

    #[test]
    fn a_number_altered_by_hand_is_detected() {
        let text = record().to_text().replace("8.0", "7.0");
        check_error(&text, "error: the record was altered: its content does not match its digest");
    }

    #[test]
    fn a_truncated_record_is_an_error() {
        let text = record().to_text();
        check_error(&text[..text.len() / 2], "error: the record is damaged: EOF while parsing");
    }

    #[test]
    fn a_merge_conflict_is_an_error() {
        let text = record().to_text().replacen('\n', "\n<<<<<<< ours\n", 1);
        let expected = format!(
            "error: the record has an unresolved merge conflict\n --> {}:2:1",
            record().path()
        );
        check_error(&text, &expected);
    }

    #[test]
    fn a_record_of_a_later_labpress_is_refused() {
        let mut value: Value = serde_json::from_str(&record().to_text()).unwrap();
        value.as_object_mut().unwrap().remove("digest");
        value["format"] = 2.into();
        value["digest"] = Digest::of_value(&value).to_string().into();
        check_error(
            &pretty(&value),
            "error: the record has format 2, but this labpress reads format 1",
        );
    }

    #[test]
    fn records_of_a_folder_renamed_by_hand_suggest_the_command() {
        let path = record().path().replace("spiral", "spirals");
        let error = parse(&path, &record().to_text()).unwrap_err().to_string();
        assert!(
            error.ends_with("change it back to `spiral` and run `labpress mv spiral spirals`"),
            "{error}"
        );
    }

    #[test]
    fn a_record_that_was_moved_is_refused() {
        let error = parse("experiments/spiral/runs/plain-s4-00000000.json", &record().to_text())
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("error: the record belongs at `experiments/spiral/runs/plain-s3-"),
            "{error}"
        );
    }
}
