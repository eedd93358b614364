//! What one run produced: the record, a committed JSON file.
//!
//! `experiments/NAME/runs/VARIANT-sSEED-FINGERPRINT8.json`, one run a file, so that branches never conflict. Keys are
//! in order and floats in their shortest exact form, so the same result is the same bytes. Each record carries the
//! digest of its own content: one that was altered by hand is found out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fingerprint::Fingerprint;
use crate::diagnostic::{Diagnostic, Place, Position};
use crate::digest::{Digest, pretty};

/// The version of the record's format that this labpress writes and reads.
pub const FORMAT: u32 = 1;

/// What one run produced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Record {
    /// [`FORMAT`].
    pub format: u32,
    /// Name of the experiment.
    pub experiment: String,
    /// Name of the variant.
    pub variant: String,
    /// Seed of the run.
    pub seed: u64,
    /// What the result depends on.
    pub fingerprint: Fingerprint,
    /// What the result does not officially depend on and was the case: device, libtorch, CPU, threads.
    pub environment: BTreeMap<String, String>,
    /// When the run ended, in UTC to the second: `2026-11-23T14:05:00Z`.
    pub finished: jiff::Timestamp,
    /// The results, by name. All finite.
    pub metrics: BTreeMap<String, f64>,
    /// Durations and speeds, which no rerun repeats bit for bit.
    pub timing: BTreeMap<String, f64>,
    /// Numbers over the course of the run: name → (epoch, value) in order of epoch.
    pub series: BTreeMap<String, Vec<(u64, f64)>>,
    /// Files that the run made.
    pub artifacts: Vec<Artifact>,
}

/// A file that a run made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Artifact {
    /// Its name in posts.
    pub name: String,
    /// What it is, as the runner called it: `confusion-matrix`, `checkpoint`.
    pub kind: String,
    /// Digest of its content; its name in the store.
    pub digest: Digest,
    /// Its size.
    pub bytes: u64,
    /// Its path in the experiment's folder, if it is small enough to be committed beside the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

impl Record {
    /// Where the record belongs, from the site's root.
    pub fn path(&self) -> String {
        path(&self.experiment, &self.variant, self.seed, &self.fingerprint)
    }

    /// The record as the text of its file.
    pub fn to_text(&self) -> String {
        let mut value = serde_json::to_value(self).expect("keys are text and all numbers are finite");
        value["digest"] = Value::from(Digest::of_value(&value).to_string());
        pretty(&value)
    }

    /// The number of this name: a metric, a time, or the last value of a series.
    pub fn number(&self, name: &str) -> Option<f64> {
        let last = || self.series.get(name).and_then(|points| points.last()).map(|&(_, value)| value);
        self.metrics.get(name).or_else(|| self.timing.get(name)).copied().or_else(last)
    }

    /// The names that [`Record::number`] knows.
    pub fn number_names(&self) -> impl Iterator<Item = &str> {
        self.metrics.keys().chain(self.timing.keys()).chain(self.series.keys()).map(String::as_str)
    }
}

/// Where the record of a run belongs, from the site's root.
pub fn path(experiment: &str, variant: &str, seed: u64, fingerprint: &Fingerprint) -> String {
    format!("experiments/{experiment}/runs/{}.json", file_stem(variant, seed, fingerprint))
}

/// The name that a run has in files, within its experiment: `VARIANT-sSEED-FINGERPRINT8`.
pub fn file_stem(variant: &str, seed: u64, fingerprint: &Fingerprint) -> String {
    format!("{variant}-s{seed}-{}", fingerprint.digest().short())
}

/// Reads a record and checks it against its own digest and its place.
pub fn parse(path: &str, text: &str) -> Result<Record, Diagnostic> {
    let mend = |diagnostic: Diagnostic| match experiment_of(path) {
        Some(name) => {
            diagnostic.hint(format!("restore it from git, or delete it and run `labpress run {name}` to make it again"))
        }
        None => diagnostic,
    };
    if let Some(line) = text.lines().position(|line| line.starts_with("<<<<<<<")) {
        let place = Place::new(path, Position { line: line + 1, column: 1 });
        return Err(mend(Diagnostic::new(place, "the record holds an unresolved merge conflict")));
    }
    let at =
        |error: &serde_json::Error| Place::new(path, Position { line: error.line(), column: error.column().max(1) });
    let mut value: Value = serde_json::from_str(text).map_err(|error| {
        mend(Diagnostic::new(at(&error), format!("the record is damaged: {}", without_place(&error))))
    })?;
    let fault = |message: String| mend(Diagnostic::new(Place::file(path), message));
    let stated = value.as_object_mut().and_then(|map| map.remove("digest"));
    let actual = Digest::of_value(&value);
    match stated.as_ref().and_then(Value::as_str) {
        None => return Err(fault("the record has no digest of its own content".to_owned())),
        Some(stated) if stated != actual.to_string() => {
            return Err(fault("the record was altered: its content does not match its digest".to_owned()));
        }
        Some(_) => {}
    }
    if value["format"] != FORMAT {
        let format = &value["format"];
        return Err(fault(format!("the record has format {format}, this labpress reads format {FORMAT}")));
    }
    let record: Record =
        serde_json::from_value(value).map_err(|error| fault(format!("the record is damaged: {error}")))?;
    if record.path() != path {
        return Err(fault(format!("the record belongs at `{}`", record.path())));
    }
    Ok(record)
}

/// The experiment whose record lies at `path`.
fn experiment_of(path: &str) -> Option<&str> {
    path.strip_prefix("experiments/")?.split('/').next()
}

fn without_place(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rfind(" at line ") {
        Some(cut) => message[..cut].to_owned(),
        None => message,
    }
}
