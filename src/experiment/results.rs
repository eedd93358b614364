//! The recorded results that posts may show: the variants of each experiment, and the fresh records
//! of each variant.

use std::collections::{BTreeMap, BTreeSet};

use labpress_runner::protocol::Diverged;

use super::Name;
use super::fingerprint::Changed;
use super::pin::Pinned;
use super::plan::{PlannedRun, RunState};
use super::record::{Artifact, Record};
use super::spec::{Experiment, Variant};
use super::verification::{self, ByRun, Verification};
use crate::diagnostic::{Diagnostic, Place, listed};
use crate::digest::Digest;

/// The results of all experiments, by name.
#[derive(Debug, Clone, Default)]
pub struct Results<'a> {
    /// The results of each experiment, in order of name.
    pub experiments: BTreeMap<&'a str, ExperimentResults<'a>>,
    /// The results that posts and pages with pins show instead, by path of their source. Contains
    /// all experiments, pinned or not.
    pub pinned: BTreeMap<&'a str, Results<'a>>,
    /// The contents of records' files, by path from the site's root.
    pub files: BTreeMap<&'a str, &'a [u8]>,
    /// All records, also those that are stale.
    pub recorded: &'a [Record],
    /// The names of experiments whose files have errors; they are not in `experiments`.
    pub unreadable: BTreeSet<&'a str>,
}

/// The results of one experiment.
#[derive(Debug, Clone)]
pub struct ExperimentResults<'a> {
    /// The experiment.
    pub experiment: &'a Experiment,
    /// Its variants, in the order of the declaration.
    pub variants: Vec<VariantResults<'a>>,
    /// The runs without a fresh record, in order.
    pub missing: Vec<MissingRun>,
    /// Records of the experiment that are not shown, because it or its inputs have changed since;
    /// none if it is pinned.
    pub replaced: Vec<&'a Record>,
    /// The pin that selects them; `None` for current results.
    pub pin: Option<&'a str>,
    /// What runs at work have reported so far, for a preview: figures may show it, marked.
    pub provisional: Option<Provisional<'a>>,
}

/// Results with those of runs that have not ended. They are not results.
#[derive(Debug, Clone)]
pub struct Provisional<'a> {
    /// The variants as in [`ExperimentResults`], each with what there is so far.
    pub variants: Vec<VariantResults<'a>>,
    /// How many runs are recorded.
    pub recorded: usize,
    /// How many there are.
    pub runs: usize,
}

/// A run without a fresh record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingRun {
    /// The run, as [`PlannedRun::label`] names it.
    pub label: String,
    /// What changed since the recorded run; empty if no run was recorded.
    pub changed: Vec<Changed>,
}

/// An experiment that a page shows and whose results are incomplete: it has to run before the page
/// is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The experiment.
    pub experiment: Name,
    /// Where the page shows it.
    pub place: Place,
    /// The runs without a fresh record; at least one.
    pub missing: Vec<MissingRun>,
    /// Whether any run of the experiment has a fresh record.
    pub has_some: bool,
    /// Whether labpress cannot do the runs, because their results are imported.
    pub is_imported: bool,
}

/// How many runs a message lists.
const MOST_RUNS: usize = 3;

impl Need {
    /// What is missing, and why.
    pub fn message(&self) -> String {
        let (name, runs) = (&self.experiment, &self.missing);
        if !self.has_some && runs.iter().all(|run| run.changed.is_empty()) {
            return format!("`{name}` has no results");
        }
        let first = runs.first().map_or(&[][..], |run| &run.changed);
        if !first.is_empty() && runs.iter().all(|run| run.changed == first) {
            return format!("the results of `{name}` are stale: {}", joined(first));
        }
        let phrase = |run: &MissingRun| match &run.changed[..] {
            [] => format!("{} is missing: no result is recorded", run.label),
            changed => format!("{} is stale: {}", run.label, joined(changed)),
        };
        let shown: Vec<String> = runs.iter().take(MOST_RUNS).map(phrase).collect();
        let more = match runs.len() - shown.len() {
            0 => String::new(),
            rest => format!("; and {rest} more"),
        };
        format!("the results of `{name}` are incomplete: {}{more}", shown.join("; "))
    }

    /// The needs as errors, for builds that may not run anything: one error for each experiment, at
    /// its first place, with a count of the other places.
    pub fn errors(needs: &[Need]) -> Vec<Diagnostic> {
        let mut places: BTreeMap<&Name, Vec<&Need>> = BTreeMap::new();
        for need in needs {
            places.entry(&need.experiment).or_default().push(need);
        }
        let error = |(name, mut needs): (&Name, Vec<&Need>)| {
            needs.sort_by_key(|need| &need.place);
            let first = needs.first()?;
            let message = match needs.len() - 1 {
                0 => first.message(),
                1 => format!("{} (and 1 more place)", first.message()),
                more => format!("{} (and {more} more places)", first.message()),
            };
            let hint = if first.is_imported {
                format!(
                    "labpress cannot do runs of another program: import them with \
                     `labpress record {name} --from PATH`, or undo the change"
                )
            } else {
                format!("run `labpress run {name}` and commit its records")
            };
            Some(Diagnostic::new(first.place.clone(), message).hint(hint))
        };
        places.into_iter().filter_map(error).collect()
    }
}

fn joined(changed: &[Changed]) -> String {
    changed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The results of one variant.
#[derive(Debug, Clone)]
pub struct VariantResults<'a> {
    /// The variant.
    pub variant: &'a Variant,
    /// Its fresh records in the order of the seeds; fewer than the experiment's seeds if some are
    /// missing.
    pub records: Vec<&'a Record>,
    /// The verifications of each record, in the order of the records, by date.
    pub verifications: Vec<Vec<&'a Verification>>,
}

impl<'a> VariantResults<'a> {
    /// Results without verifications.
    pub(crate) fn unverified(variant: &'a Variant, records: Vec<&'a Record>) -> VariantResults<'a> {
        let verifications = records.iter().map(|_| Vec::new()).collect();
        VariantResults { variant, records, verifications }
    }

    /// Whether several runs finished and all their numbers are the same.
    fn is_same_for_all_seeds(&self) -> bool {
        let ended: Vec<&Record> =
            self.records.iter().copied().filter(|record| record.diverged.is_none()).collect();
        let [first, rest @ ..] = &ended[..] else { return false };
        // Counts, such as the number of parameters, are expected to be the same.
        let can_vary = |value: &f64| value.fract() != 0.0;
        let of_series = first.series.values().flatten().map(|(_, value)| value);
        let is_telling = first.metrics.values().chain(of_series).any(can_vary);
        let is_same =
            |other: &&Record| other.metrics == first.metrics && other.series == first.series;
        !rest.is_empty() && is_telling && rest.iter().all(is_same)
    }

    /// The records of runs that diverged, and how they did.
    pub fn diverged(&self) -> impl Iterator<Item = (&'a Record, &'a Diverged)> {
        self.records.iter().filter_map(|&record| Some((record, record.diverged.as_ref()?)))
    }
}

impl ExperimentResults<'_> {
    /// The provisional results in place of the results, if there are any.
    pub(crate) fn with_provisional(&self) -> Option<Self> {
        let provisional = self.provisional.as_ref()?;
        let variants = provisional.variants.clone();
        Some(ExperimentResults { variants, missing: Vec::new(), provisional: None, ..self.clone() })
    }

    /// The need of a page that shows these results at `place`; `None` if all are recorded.
    pub fn need(&self, place: impl FnOnce() -> Place) -> Option<Need> {
        (!self.missing.is_empty()).then(|| Need {
            experiment: self.experiment.name.clone(),
            place: place(),
            missing: self.missing.clone(),
            is_imported: self.experiment.runner.imported_from().is_some(),
            has_some: self.variants.iter().any(|variant| !variant.records.is_empty()),
        })
    }
}

impl<'a> Results<'a> {
    /// Collects the records of planned runs and their verifications.
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

    /// The same, with what runs at work have reported so far.
    #[must_use]
    pub(crate) fn with_provisional(
        mut self,
        planned: &[PlannedRun<'a>],
        provisional: &'a [Record],
    ) -> Results<'a> {
        if provisional.is_empty() {
            return self;
        }
        let reported: BTreeMap<Digest, &Record> =
            provisional.iter().map(|record| (record.fingerprint.digest(), record)).collect();
        for runs in planned.chunk_by(|a, b| a.experiment.name == b.experiment.name) {
            let Some(results) = self.experiments.get_mut(runs[0].experiment.name.as_str()) else {
                continue;
            };
            let of_run = |run: &PlannedRun<'a>| {
                run.fresh().or_else(|| reported.get(&run.fingerprint.digest()).copied())
            };
            let recorded = runs.iter().filter(|run| run.fresh().is_some()).count();
            if runs.iter().filter_map(of_run).count() == recorded {
                continue;
            }
            let variants = results.experiment.variants.iter().map(|variant| {
                let records = runs.iter().filter(|run| run.variant.name == variant.name);
                VariantResults::unverified(variant, records.filter_map(of_run).collect())
            });
            let variants = variants.collect();
            results.provisional = Some(Provisional { variants, recorded, runs: runs.len() });
        }
        self
    }

    /// The same, with all records, also those that are stale.
    #[must_use]
    pub(crate) fn with_recorded(self, recorded: &'a [Record]) -> Results<'a> {
        Results { recorded, ..self }
    }

    /// The same, with those of `records` that are not shown.
    #[must_use]
    pub(crate) fn with_replaced(mut self, records: &'a [Record]) -> Results<'a> {
        for record in records {
            let of = self.experiments.get_mut(record.experiment.as_str());
            let is_shown = |of: &ExperimentResults<'_>| {
                let mut shown = of.variants.iter().flat_map(|variant| &variant.records);
                shown.any(|shown| std::ptr::eq(*shown, record))
            };
            if let Some(of) = of.filter(|of| !is_shown(of)) {
                of.replaced.push(record);
            }
        }
        self
    }

    /// The same, with the records' files.
    #[must_use]
    pub fn with_files(self, files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Results<'a> {
        Results { files: files.into_iter().collect(), ..self }
    }

    /// The same, with the names of experiments whose files have errors.
    #[must_use]
    pub(crate) fn with_unreadable(self, names: impl IntoIterator<Item = &'a str>) -> Results<'a> {
        Results { unreadable: names.into_iter().collect(), ..self }
    }

    /// The content of an artifact of the record, if it is committed.
    pub fn content(&self, record: &Record, artifact: &Artifact) -> Option<&'a [u8]> {
        let path = format!("experiments/{}/{}", record.experiment, artifact.file.as_ref()?);
        self.files.get(path.as_str()).copied()
    }

    /// The same, with the pins of posts and pages by path of their source.
    #[must_use]
    pub(crate) fn with_pins(self, pins: &'a BTreeMap<&'a str, Vec<Pinned<'a>>>) -> Results<'a> {
        let pinned = pins.iter().map(|(&path, pins)| {
            let mut experiments = self.experiments.clone();
            experiments.extend(
                pins.iter().map(|pinned| (pinned.experiment.name.as_str(), pinned.results())),
            );
            (path, Results { experiments, pinned: BTreeMap::new(), ..self.clone() })
        });
        Results { pinned: pinned.collect(), ..self.clone() }
    }

    /// Warns of variants whose results are the same for all seeds.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        let warning = |of: &ExperimentResults<'_>| {
            let equal = of.variants.iter().filter(|variant| variant.is_same_for_all_seeds());
            let equal: Vec<&str> = equal.map(|variant| variant.variant.name.as_str()).collect();
            let message = format!(
                "all seeds of {} gave exactly the same numbers",
                listed(equal.iter().copied())
            );
            let hint = "derive all randomness from the `seed` in `run.json`; if the experiment \
                        has no randomness, write \
                        `seeds: 1`";
            (!equal.is_empty()).then(|| {
                Diagnostic::new(Place::file(&of.experiment.path), message).hint(hint).into_warning()
            })
        };
        self.experiments.values().filter_map(warning).collect()
    }

    /// The results that the post or page with the source `path` shows.
    pub(crate) fn shown_in(&self, path: &str) -> &Results<'a> {
        self.pinned.get(path).unwrap_or(self)
    }

    /// The digest of everything that a figure can show of an experiment.
    pub(crate) fn digest(&self, name: &str) -> Digest {
        let Some(results) = self.experiments.get(name) else {
            return Digest::of(&[u8::from(self.unreadable.contains(name))]);
        };
        // All fields, also those that are added later. Files are in it by their digests, and here
        // by whether they are there.
        let mut text = format!("{results:?}");
        for record in results.variants.iter().flat_map(|variant| &variant.records) {
            for path in record.file_paths() {
                let is_there = self.files.contains_key(path.as_str());
                text.push(if is_there { '1' } else { '0' });
            }
        }
        Digest::of(text.as_bytes())
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
    let missing = runs.iter().filter_map(|run| {
        let changed = match &run.state {
            RunState::Fresh(_) => return None,
            RunState::Stale { changed, .. } => changed.clone(),
            RunState::Missing => Vec::new(),
        };
        Some(MissingRun { label: run.label(), changed })
    });
    ExperimentResults {
        experiment,
        variants: variants.collect(),
        missing: missing.collect(),
        replaced: Vec::new(),
        pin: None,
        provisional: None,
    }
}
