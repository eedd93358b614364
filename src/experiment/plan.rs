//! Decides the state of each run: one rule for `build`, `run`, `status` and `why`.
//!
//! A run's result is looked up by fingerprint among the records of its experiment, regardless of
//! the variant it was recorded for: a variant that was renamed, or that a grid names differently,
//! keeps its results.

use std::collections::{BTreeMap, BTreeSet};

use super::fingerprint::{Changed, Fingerprint, Part};
use super::needs::results_digest;
use super::record::{self, Record};
use super::spec::{Experiment, Variant};
use crate::digest::Digest;

/// The state of a run compared to the records.
#[derive(Debug, Clone, PartialEq)]
pub enum RunState<'a> {
    /// A record matches the run as it is currently declared. Its variant may have had another name.
    Fresh(&'a Record),
    /// There is a record of the same variant and seed with a different fingerprint.
    Stale {
        /// The closest record: the one with the fewest changed parts, or the newest of several
        /// such.
        record: &'a Record,
        /// What changed, in order of name. Never empty.
        changed: Vec<Changed>,
    },
    /// Nothing is recorded for this variant and seed.
    Missing,
}

/// One run that an experiment declares.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedRun<'a> {
    /// Its experiment.
    pub experiment: &'a Experiment,
    /// Its variant.
    pub variant: &'a Variant,
    /// Its seed.
    pub seed: u64,
    /// What its result currently depends on.
    pub fingerprint: Fingerprint,
    /// Its state.
    pub state: RunState<'a>,
}

/// The part of a [`Changed`] for a needed experiment whose results changed.
fn results_of(need: &str) -> String {
    format!("the results of `{need}`")
}

/// The runs of all `experiments`, by experiment, variant and seed in the order they are declared.
/// If one needs another that is not among them, the other's results are ignored.
pub fn plan<'a>(
    experiments: impl IntoIterator<Item = &'a Experiment>,
    records: &'a [Record],
) -> Vec<PlannedRun<'a>> {
    let mut of_run: BTreeMap<(&str, &str, u64), Vec<&Record>> = BTreeMap::new();
    let mut of_fingerprint: BTreeMap<(&str, Digest), Vec<&Record>> = BTreeMap::new();
    for record in records {
        of_run.entry((&record.experiment, &record.variant, record.seed)).or_default().push(record);
        of_fingerprint
            .entry((&record.experiment, record.fingerprint.digest()))
            .or_default()
            .push(record);
    }
    let mut planned = Vec::new();
    for experiment in experiments {
        for variant in &experiment.variants {
            for &seed in experiment.seeds.iter().filter(|seed| experiment.has_run(variant, **seed))
            {
                let key = (experiment.name.as_str(), variant.name.as_str(), seed);
                let fingerprint = Fingerprint::of(experiment, variant, seed);
                // Of several records with the same fingerprint, prefer one with the current name of
                // the variant, then the newest.
                let same = of_fingerprint.get(&(experiment.name.as_str(), fingerprint.digest()));
                let rank =
                    |record: &&&Record| (record.variant == variant.name.as_str(), record.finished);
                let state = match same.into_iter().flatten().max_by_key(rank) {
                    Some(record) => RunState::Fresh(record),
                    None => nearest(&fingerprint, of_run.get(&key).map_or(&[][..], Vec::as_slice)),
                };
                planned.push(PlannedRun { experiment, variant, seed, fingerprint, state });
            }
        }
    }
    compare_needs(&mut planned);
    planned
}

/// Marks runs as stale whose needed experiments have since been re-run with different results.
/// Incomplete results, and records that do not say what they were given, are not compared.
fn compare_needs(planned: &mut [PlannedRun<'_>]) {
    let needed: BTreeSet<String> = planned
        .iter()
        .flat_map(|run| run.experiment.needs.keys().map(ToString::to_string))
        .collect();
    if needed.is_empty() {
        return;
    }
    let mut waiting: Vec<&mut [PlannedRun<'_>]> =
        planned.chunk_by_mut(|a, b| a.experiment.name == b.experiment.name).collect();
    // What runs are currently given from each experiment; `None` if unknown.
    let mut given: BTreeMap<String, Option<Part>> = BTreeMap::new();
    let here: BTreeSet<String> =
        waiting.iter().map(|runs| runs[0].experiment.name.to_string()).collect();
    loop {
        let is_known = |need: &str| given.contains_key(need) || !here.contains(need);
        let (now, later): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|runs| runs[0].experiment.needs.keys().all(|need| is_known(need.as_str())));
        waiting = later;
        if now.is_empty() {
            // The rest are cycles of needs, which `experiment::needs` reports.
            return;
        }
        for runs in now {
            let mut are_made_again = false;
            for run in runs.iter_mut() {
                let RunState::Fresh(record) = run.state else { continue };
                let changed = record.given.iter().filter_map(|(need, before)| {
                    let (before, now) = (Part::Digest(*before), given.get(need)?.clone()?);
                    (before != now).then(|| Changed {
                        part: results_of(need),
                        before: Some(before),
                        now: Some(now),
                    })
                });
                let changed: Vec<Changed> = changed.collect();
                if !changed.is_empty() {
                    run.state = RunState::Stale { record, changed };
                    are_made_again = true;
                }
            }
            let name = runs[0].experiment.name.as_str();
            if needed.contains(name) {
                let fresh =
                    runs.iter().map(|run| Some((&run.variant.name, run.seed, run.fresh()?)));
                let fresh: Option<Vec<_>> = fresh.collect();
                let today = match fresh {
                    _ if are_made_again => Some(Part::Value("ones that are stale".into())),
                    fresh => fresh.map(|fresh| Part::Digest(results_digest(fresh))),
                };
                given.insert(name.to_owned(), today);
            } else {
                given.insert(name.to_owned(), None);
            }
        }
    }
}

/// The state of a run without a fresh record, given the records of its variant and seed.
fn nearest<'a>(present: &Fingerprint, records: &[&'a Record]) -> RunState<'a> {
    let changed = records.iter().map(|record| (record.fingerprint.changed_since(present), *record));
    let nearest =
        changed.min_by_key(|(changed, record)| (changed.len(), std::cmp::Reverse(record.finished)));
    nearest.map_or(RunState::Missing, |(changed, record)| RunState::Stale { record, changed })
}

impl<'a> PlannedRun<'a> {
    /// The record, if it is fresh.
    pub fn fresh(&self) -> Option<&'a Record> {
        match self.state {
            RunState::Fresh(record) => Some(record),
            RunState::Stale { .. } | RunState::Missing => None,
        }
    }

    /// How it diverged, if its fresh record says so: ``diverged: `loss` became NaN at step 300``.
    pub fn diverged(&self) -> Option<String> {
        Some(self.fresh()?.diverged.as_ref()?.phrase(self.experiment.step_name()))
    }

    /// Why the run is needed: `params.epochs changed from 3 to 4`; `None` if it is not.
    pub fn reason(&self) -> Option<String> {
        match &self.state {
            RunState::Fresh(_) => None,
            RunState::Stale { changed, .. } => {
                Some(changed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
            }
            RunState::Missing => Some("no result is recorded".to_owned()),
        }
    }

    /// The name of the run in files, within its experiment: `VARIANT-sSEED-FINGERPRINT8`.
    pub fn stem(&self) -> String {
        record::file_stem(self.variant.name.as_str(), self.seed, &self.fingerprint)
    }

    /// `EXPERIMENT/VARIANT seed N`, for messages.
    pub fn label(&self) -> String {
        format!("{}/{} seed {}", self.experiment.name, self.variant.name, self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::record;
    use crate::experiment::spec::parse_all;
    use crate::inputs::Inputs;

    /// `top` needs `middle`, which needs `base`; every experiment comes before the one it needs.
    fn chain() -> Vec<Experiment> {
        let yaml =
            |needs: &str| format!("title: T\nrunner: {{command: [train]}}\nneeds: [{needs}]\n");
        let inputs = Inputs::default()
            .with("experiments/a-top/experiment.yml", yaml("b-middle"))
            .with("experiments/b-middle/experiment.yml", yaml("c-base"))
            .with("experiments/c-base/experiment.yml", yaml(""));
        parse_all(&inputs, &|_| None).0
    }

    /// A record of the only run of an experiment, which was given the results `given`.
    fn record(experiment: &Experiment, accuracy: f64, seconds: f64, given: &[&Record]) -> Record {
        let variant = &experiment.variants[0].name;
        let given = given
            .iter()
            .map(|needed| (needed.experiment.to_string(), results_digest([(variant, 0, *needed)])));
        Record {
            format: record::FORMAT,
            experiment: experiment.name.clone(),
            variant: variant.clone(),
            seed: 0,
            fingerprint: Fingerprint::of(experiment, &experiment.variants[0], 0),
            given: given.collect(),
            environment: BTreeMap::new(),
            finished: jiff::Timestamp::UNIX_EPOCH,
            metrics: BTreeMap::from([("accuracy".to_owned(), accuracy)]),
            timing: BTreeMap::from([("seconds".to_owned(), seconds)]),
            series: BTreeMap::new(),
            artifacts: Vec::new(),
            diverged: None,
            imported: None,
        }
    }

    /// Checks why the runs of the chain are stale after `base` was re-run.
    #[track_caller]
    fn check(base: &Record, again: Record, old: bool, expected: [Option<&str>; 3]) {
        let chain = chain();
        let mut middle = record(&chain[1], 0.5, 1.0, &[base]);
        if old {
            middle.given.clear();
        }
        let top = record(&chain[0], 0.5, 1.0, &[&middle]);
        let records = [top, middle, again];
        let reasons: Vec<Option<String>> =
            plan(&chain, &records).iter().map(PlannedRun::reason).collect();
        for (reason, expected) in reasons.iter().zip(expected) {
            match (reason, expected) {
                (None, None) => {}
                (Some(reason), Some(expected)) => assert!(reason.starts_with(expected), "{reason}"),
                _ => panic!("{reasons:?}"),
            }
        }
    }

    #[test]
    fn a_need_with_new_numbers_makes_all_dependents_stale() {
        let base = &chain()[2];
        let first = record(base, 0.25, 1.0, &[]);
        let middle = "the results of `c-base` changed from ";
        let top = "the results of `b-middle` changed from ";
        check(&first, record(base, 0.75, 1.0, &[]), false, [Some(top), Some(middle), None]);
    }

    #[test]
    fn a_need_with_the_same_numbers_in_another_time_changes_nothing() {
        let base = &chain()[2];
        check(&record(base, 0.25, 1.0, &[]), record(base, 0.25, 9.0, &[]), false, [None; 3]);
    }

    #[test]
    fn a_record_that_does_not_say_what_it_was_given_stays_fresh() {
        let base = &chain()[2];
        check(&record(base, 0.25, 1.0, &[]), record(base, 0.75, 1.0, &[]), true, [None; 3]);
    }
}
