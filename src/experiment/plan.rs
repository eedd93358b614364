//! Decides how each run stands: one rule for `build`, `run`, `status` and `why`.
//!
//! A run's result is found by its fingerprint among the records of its experiment, whatever variant it was recorded for:
//! a variant that was renamed, or that a grid names otherwise, keeps its results.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::fingerprint::{Changed, Fingerprint};
use super::record::Record;
use super::spec::{Experiment, Variant};
use crate::digest::Digest;

/// How a run stands to what is recorded.
#[derive(Debug, Clone, PartialEq)]
pub enum RunState<'a> {
    /// A record belongs to the run as it is written today. Its variant may have had another name.
    Fresh(&'a Record),
    /// There is a record of the same variant and seed, made from something else.
    Stale {
        /// The record nearest to the present: with the fewest changed parts, the newest among equals.
        record: &'a Record,
        /// What is not as it was, in order of name. Never empty.
        changed: Vec<Changed>,
    },
    /// Nothing is recorded for this variant and seed.
    Missing,
}

/// One run that the experiments ask for.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedRun<'a> {
    /// Its experiment.
    pub experiment: &'a Experiment,
    /// Its variant.
    pub variant: &'a Variant,
    /// Its seed.
    pub seed: u64,
    /// What its result depends on, today.
    pub fingerprint: Fingerprint,
    /// How it stands.
    pub state: RunState<'a>,
}

/// The runs of all `experiments`, by experiment, variant and seed in the order they are written.
pub fn plan<'a>(experiments: impl IntoIterator<Item = &'a Experiment>, records: &'a [Record]) -> Vec<PlannedRun<'a>> {
    let mut of_run: BTreeMap<(&str, &str, u64), Vec<&Record>> = BTreeMap::new();
    let mut of_fingerprint: BTreeMap<(&str, Digest), Vec<&Record>> = BTreeMap::new();
    for record in records {
        of_run.entry((&record.experiment, &record.variant, record.seed)).or_default().push(record);
        of_fingerprint.entry((&record.experiment, record.fingerprint.digest())).or_default().push(record);
    }
    let mut planned = Vec::new();
    for experiment in experiments {
        for variant in &experiment.variants {
            for &seed in &experiment.seeds {
                let key = (experiment.name.as_str(), variant.name.as_str(), seed);
                let fingerprint = Fingerprint::of(experiment, variant, seed);
                // Of several with the same fingerprint, one that was recorded for the variant under its name of today
                // counts, or else the newest.
                let same = of_fingerprint.get(&(experiment.name.as_str(), fingerprint.digest()));
                let rank = |record: &&&Record| (record.variant == variant.name.as_str(), record.finished);
                let state = match same.into_iter().flatten().max_by_key(rank) {
                    Some(record) => RunState::Fresh(record),
                    None => nearest(&fingerprint, of_run.get(&key).map_or(&[][..], Vec::as_slice)),
                };
                planned.push(PlannedRun { experiment, variant, seed, fingerprint, state });
            }
        }
    }
    planned
}

/// How a run without a fresh record stands to the records of its variant and seed.
fn nearest<'a>(present: &Fingerprint, records: &[&'a Record]) -> RunState<'a> {
    let changed = records.iter().map(|record| (record.fingerprint.changed_since(present), *record));
    let nearest = changed.min_by_key(|(changed, record)| (changed.len(), std::cmp::Reverse(record.finished)));
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

    /// The record, if it is fresh, as one of the variant's name of today: for runs that are told of it.
    pub fn fresh_by_its_name(&self) -> Option<Cow<'a, Record>> {
        let record = self.fresh()?;
        if record.variant == self.variant.name.as_str() {
            return Some(Cow::Borrowed(record));
        }
        Some(Cow::Owned(Record { variant: self.variant.name.to_string(), ..record.clone() }))
    }

    /// Why the run has to be done: `params.epochs changed from 3 to 4`; `None` if it has not.
    pub fn reason(&self) -> Option<String> {
        match &self.state {
            RunState::Fresh(_) => None,
            RunState::Stale { changed, .. } => {
                Some(changed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
            }
            RunState::Missing => Some("no result is recorded".to_owned()),
        }
    }

    /// `EXPERIMENT/VARIANT seed N`, for messages.
    pub fn label(&self) -> String {
        format!("{}/{} seed {}", self.experiment.name, self.variant.name, self.seed)
    }
}
