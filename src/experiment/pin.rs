//! A pin: the results of an experiment at one time, so that a post can keep showing them.
//!
//! `experiments/NAME/pins/DIGEST8.json`, committed. It names each run's record by fingerprint, and
//! keeps what readers saw but no record contains: titles, units, the order of the variants. The
//! file is named by the digest of its content, so pins never conflict and changes are detected. A
//! post refers to it by that name: `pin: {NAME: "DIGEST8"}`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Name;
use super::record::{self, Record};
use super::results::{ExperimentResults, VariantResults};
use super::spec::{Experiment, Variant};
use crate::diagnostic::{Diagnostic, Place};
use crate::digest::{Digest, pretty};
use crate::recipe::Metric;
use crate::stats::Pairing;

/// The version of the pin format that this labpress reads and writes.
const FORMAT: u32 = 1;

/// The results of an experiment at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Pin {
    format: u32,
    experiment: Name,
    title: String,
    metrics: BTreeMap<String, Metric>,
    /// Whether runs are compared in pairs; absent if that was its runner's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    paired: Option<bool>,
    variants: Vec<PinnedVariant>,
}

/// A variant as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct PinnedVariant {
    name: Name,
    title: String,
    runs: Vec<PinnedRun>,
}

/// A run, identified by its fingerprint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct PinnedRun {
    seed: u64,
    fingerprint: Digest,
}

/// A pin with its records.
#[derive(Debug, Clone)]
pub struct Pinned<'a> {
    /// The name of the pin: eight hex digits.
    pub id: String,
    /// The experiment as readers saw it. Parameters are omitted: they are in the records'
    /// fingerprints.
    pub experiment: Experiment,
    /// The records of each of its variants, in the order of the seeds.
    records: Vec<Vec<&'a Record>>,
}

impl Pin {
    /// Pins the present results; `None` if runs have no fresh record.
    pub fn of(results: &ExperimentResults<'_>) -> Option<Pin> {
        let experiment = results.experiment;
        let variants = results.variants.iter().map(|of| PinnedVariant {
            name: of.variant.name.clone(),
            title: of.variant.title.clone(),
            runs: of
                .records
                .iter()
                .map(|record| PinnedRun {
                    seed: record.seed,
                    fingerprint: record.fingerprint.digest(),
                })
                .collect(),
        });
        results.missing.is_empty().then(|| Pin {
            format: FORMAT,
            experiment: experiment.name.clone(),
            title: experiment.title.clone(),
            metrics: experiment.metrics.clone(),
            paired: (experiment.pairing != experiment.runner.pairing())
                .then_some(experiment.pairing == Pairing::BySeed),
            variants: variants.collect(),
        })
    }

    /// The experiment that it pins.
    pub fn experiment(&self) -> &Name {
        &self.experiment
    }

    /// The pin with another name of the experiment and other fingerprints of the same runs.
    #[must_use]
    pub fn renamed(&self, experiment: &Name, fingerprint: impl Fn(Digest) -> Digest) -> Pin {
        let mut renamed = Pin { experiment: experiment.clone(), ..self.clone() };
        for run in renamed.variants.iter_mut().flat_map(|variant| &mut variant.runs) {
            run.fingerprint = fingerprint(run.fingerprint);
        }
        renamed
    }

    fn value(&self) -> Value {
        serde_json::to_value(self).expect("keys are strings and all numbers are finite")
    }

    /// Its name: the first eight hex digits of the digest of its content.
    pub fn id(&self) -> String {
        Digest::of_value(&self.value()).short()
    }

    /// Where it belongs, from the site's root.
    pub fn path(&self) -> String {
        path(self.experiment.as_str(), &self.id())
    }

    /// The content of its file.
    pub fn to_text(&self) -> String {
        pretty(&self.value())
    }

    /// Its runs, in order: the path of each record if its variant was never renamed, and its
    /// fingerprint.
    fn runs(&self) -> impl Iterator<Item = (String, Digest)> {
        let runs = self
            .variants
            .iter()
            .flat_map(|variant| variant.runs.iter().map(move |run| (variant, run)));
        runs.map(|(variant, run)| {
            let stem = record::stem_of(variant.name.as_str(), run.seed, run.fingerprint);
            (format!("experiments/{}/runs/{stem}.json", self.experiment), run.fingerprint)
        })
    }

    /// The number of runs that it pins.
    pub fn run_count(&self) -> usize {
        self.runs().count()
    }

    /// The records that it pins, in order; the error is the path of a missing one. Of several
    /// records with one fingerprint, the one at the variant's own path, or else the newest.
    pub fn records<'a>(
        &self,
        records: &'a [Record],
    ) -> impl Iterator<Item = Result<&'a Record, String>> {
        let mut by_fingerprint: BTreeMap<Digest, Vec<&Record>> = BTreeMap::new();
        for record in records.iter().filter(|record| record.experiment == self.experiment.as_str())
        {
            by_fingerprint.entry(record.fingerprint.digest()).or_default().push(record);
        }
        self.runs().map(move |(path, fingerprint)| {
            let same = by_fingerprint.get(&fingerprint).into_iter().flatten();
            same.copied().max_by_key(|record| (record.path() == path, record.finished)).ok_or(path)
        })
    }

    /// The pin with its records. The error is the path of the first missing one.
    ///
    /// `experiment` is the experiment as it is now.
    pub fn with_records<'a>(
        &self,
        experiment: &Experiment,
        records: &'a [Record],
    ) -> Result<Pinned<'a>, String> {
        let found: Vec<&Record> = self.records(records).collect::<Result<_, _>>()?;
        let mut found = found.into_iter();
        let records =
            self.variants.iter().map(|variant| found.by_ref().take(variant.runs.len()).collect());
        let variants = self.variants.iter().map(|variant| Variant {
            name: variant.name.clone(),
            title: variant.title.clone(),
            params: Value::Null,
            weights: None,
        });
        let mut seeds: Vec<u64> = Vec::new();
        for run in self.variants.iter().flat_map(|variant| &variant.runs) {
            if !seeds.contains(&run.seed) {
                seeds.push(run.seed);
            }
        }
        Ok(Pinned {
            id: self.id(),
            records: records.collect(),
            experiment: Experiment {
                title: self.title.clone(),
                metrics: self.metrics.clone(),
                variants: variants.collect(),
                seeds,
                pairing: match self.paired {
                    Some(true) => Pairing::BySeed,
                    Some(false) => Pairing::None,
                    None => experiment.runner.pairing(),
                },
                ..experiment.clone()
            },
        })
    }
}

impl<'a> Pinned<'a> {
    /// All of its records, each with the name of its variant.
    pub fn records(&self) -> impl Iterator<Item = (&str, &'a Record)> {
        let variants = self.experiment.variants.iter().zip(&self.records);
        variants.flat_map(|(variant, records)| {
            records.iter().map(|&record| (variant.name.as_str(), record))
        })
    }

    /// The pinned results.
    pub fn results(&'a self) -> ExperimentResults<'a> {
        let variants = self.experiment.variants.iter().zip(&self.records);
        ExperimentResults {
            replaced: Vec::new(),
            experiment: &self.experiment,
            variants: variants
                .map(|(variant, records)| VariantResults::unverified(variant, records.clone()))
                .collect(),
            missing: Vec::new(),
            pin: Some(&self.id),
            provisional: None,
        }
    }
}

/// Where the pin `id` of an experiment belongs, from the site's root.
pub fn path(experiment: &str, id: &str) -> String {
    format!("experiments/{experiment}/pins/{id}.json")
}

/// Parses a pin and checks it against its name.
pub fn parse(path: &str, text: &str) -> Result<Pin, Diagnostic> {
    let damaged = |message: String| {
        Diagnostic::new(Place::file(path), message)
            .hint("restore it from git, or pin the post again")
    };
    let value: Value = serde_json::from_str(text)
        .map_err(|error| damaged(format!("the pin is damaged: {error}")))?;
    if value["format"] != FORMAT {
        let format = &value["format"];
        return Err(damaged(format!(
            "the pin has format {format}, but this labpress reads format {FORMAT}"
        )));
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    if name != format!("{}.json", Digest::of_value(&value).short()) {
        return Err(damaged(
            "the pin was altered: its content does not match the digest in its name".to_owned(),
        ));
    }
    let pin: Pin = serde_json::from_value(value)
        .map_err(|error| damaged(format!("the pin is damaged: {error}")))?;
    if pin.path() != path {
        return Err(damaged(format!("the pin belongs at `{}`", pin.path())));
    }
    Ok(pin)
}
