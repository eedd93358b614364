//! The recorded results that posts may show: of each experiment its variants, of each variant its
//! fresh records.

use std::collections::BTreeMap;

use labpress_runner::protocol::Diverged;

use super::Name;
use super::pin::Pinned;
use super::plan::{PlannedRun, RunState};
use super::record::{Artifact, Record};
use super::spec::{Experiment, Variant};
use super::verification::{self, ByRun, Verification};
use crate::diagnostic::{Diagnostic, Place, listed};

/// The results of all experiments, by name.
#[derive(Debug, Clone, Default)]
pub struct Results<'a> {
    /// Each experiment's, in order of name.
    pub experiments: BTreeMap<&'a str, ExperimentResults<'a>>,
    /// What posts and pages with pins show instead, by path of their source: all experiments,
    /// pinned or not.
    pub pinned: BTreeMap<&'a str, Results<'a>>,
    /// The contents of the files that lie beside records, by path from the site's root.
    pub files: BTreeMap<&'a str, &'a [u8]>,
}

/// The results of one experiment.
#[derive(Debug, Clone)]
pub struct ExperimentResults<'a> {
    /// What it asks.
    pub experiment: &'a Experiment,
    /// Its variants in the order they are written.
    pub variants: Vec<VariantResults<'a>>,
    /// Why runs have no fresh record, one phrase a run, in order; empty when all are there.
    pub lacking: Vec<String>,
    /// The name of the pin that they are held by; `None` for those of today.
    pub pin: Option<&'a str>,
}

/// The results of one variant.
#[derive(Debug, Clone)]
pub struct VariantResults<'a> {
    /// What it is.
    pub variant: &'a Variant,
    /// Its fresh records in the order of the seeds; fewer than the experiment's seeds if some are
    /// lacking.
    pub records: Vec<&'a Record>,
    /// Of each of the records, in the same order, its verifications in order of date.
    pub verifications: Vec<Vec<&'a Verification>>,
}

impl<'a> VariantResults<'a> {
    /// Results of which nothing is said by reruns.
    pub fn unverified(variant: &'a Variant, records: Vec<&'a Record>) -> VariantResults<'a> {
        let verifications = records.iter().map(|_| Vec::new()).collect();
        VariantResults { variant, records, verifications }
    }

    /// Whether there are several runs that ended, and all numbers of all of them are the same.
    fn is_same_for_all_seeds(&self) -> bool {
        let ended: Vec<&Record> =
            self.records.iter().copied().filter(|record| record.diverged.is_none()).collect();
        let [first, rest @ ..] = &ended[..] else { return false };
        // Counts, such as that of parameters, are the same by their nature.
        let can_vary = |value: &f64| value.fract() != 0.0;
        let of_series = first.series.values().flatten().map(|(_, value)| value);
        let is_telling = first.metrics.values().chain(of_series).any(can_vary);
        let is_same =
            |other: &&Record| other.metrics == first.metrics && other.series == first.series;
        !rest.is_empty() && is_telling && rest.iter().all(is_same)
    }

    /// Those of its records whose runs diverged, and how.
    pub fn diverged(&self) -> impl Iterator<Item = (&'a Record, &'a Diverged)> {
        self.records.iter().filter_map(|&record| Some((record, record.diverged.as_ref()?)))
    }
}

impl<'a> Results<'a> {
    /// Gathers what the planned runs have recorded, and what is known of those records.
    pub fn of(
        experiments: impl IntoIterator<Item = &'a Experiment>,
        planned: &[PlannedRun<'a>],
        verifications: &'a [Verification],
    ) -> Results<'a> {
        let mut of_experiment: BTreeMap<&Name, Vec<&PlannedRun<'a>>> = BTreeMap::new();
        for run in planned {
            of_experiment.entry(&run.experiment.name).or_default().push(run);
        }
        let verifications = verification::by_run(verifications);
        let experiments = experiments.into_iter().map(|experiment| {
            let runs = of_experiment.get(&experiment.name).map_or(&[][..], Vec::as_slice);
            (experiment.name.as_str(), experiment_results(experiment, runs, &verifications))
        });
        Results { experiments: experiments.collect(), ..Results::default() }
    }

    /// The same, with the files that lie beside records.
    #[must_use]
    pub fn with_files(self, files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Results<'a> {
        Results { files: files.into_iter().collect(), ..self }
    }

    /// The content of an artifact of this record, if it is committed beside it.
    pub fn content(&self, record: &Record, artifact: &Artifact) -> Option<&'a [u8]> {
        let path = format!("experiments/{}/{}", record.experiment, artifact.file.as_ref()?);
        self.files.get(path.as_str()).copied()
    }

    /// The same, with the pins of posts and pages by path of their source.
    #[must_use]
    pub fn with_pins(self, pins: &'a BTreeMap<&'a str, Vec<Pinned<'a>>>) -> Results<'a> {
        let pinned = pins.iter().map(|(&path, pins)| {
            let mut experiments = self.experiments.clone();
            experiments.extend(
                pins.iter().map(|pinned| (pinned.experiment.name.as_str(), pinned.results())),
            );
            (path, Results { experiments, pinned: BTreeMap::new(), files: self.files.clone() })
        });
        Results { pinned: pinned.collect(), ..self.clone() }
    }

    /// What the author should know of results that are there: variants whose seeds made no
    /// difference at all.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        let warning = |of: &ExperimentResults<'_>| {
            let equal = of.variants.iter().filter(|variant| variant.is_same_for_all_seeds());
            let equal: Vec<&str> = equal.map(|variant| variant.variant.name.as_str()).collect();
            let message = format!(
                "all seeds of {} gave the very same numbers",
                listed(equal.iter().copied())
            );
            let hint = "let the runner take all randomness from the `seed` in `run.json`; if there is none in it, write \
                        `seeds: 1`";
            (!equal.is_empty()).then(|| {
                Diagnostic::new(Place::file(&of.experiment.path), message).hint(hint).as_warning()
            })
        };
        self.experiments.values().filter_map(warning).collect()
    }

    /// What the post or page whose source is at `path` shows.
    pub fn shown_in(&self, path: &str) -> &Results<'a> {
        self.pinned.get(path).unwrap_or(self)
    }
}

fn experiment_results<'a>(
    experiment: &'a Experiment,
    runs: &[&PlannedRun<'a>],
    verifications: &ByRun<'a>,
) -> ExperimentResults<'a> {
    let mut of_variant: BTreeMap<&Name, Vec<&Record>> = BTreeMap::new();
    for run in runs {
        of_variant.entry(&run.variant.name).or_default().extend(run.fresh());
    }
    let variants = experiment.variants.iter().map(|variant| {
        let records = of_variant.remove(&variant.name).unwrap_or_default();
        let verifications =
            records.iter().map(|record| verification::of_record(record, verifications)).collect();
        VariantResults { variant, records, verifications }
    });
    let lacking = runs.iter().filter_map(|run| {
        let reason = run.reason()?;
        let how = if matches!(run.state, RunState::Missing) { "missing" } else { "stale" };
        Some(format!("{} is {how}: {reason}", run.label()))
    });
    ExperimentResults {
        experiment,
        variants: variants.collect(),
        lacking: lacking.collect(),
        pin: None,
    }
}
