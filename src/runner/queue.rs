//! Decides which run starts next: runs that others need come first, as many run at once as there is
//! room for, and of several runs with the same fingerprint only one is done.

use std::collections::{BTreeMap, BTreeSet};

use super::claim::Claim;
use super::executor::{NeededResult, Slots, Task};
use super::{NoResult, Outcome, RunEvent, Stop, lost_artifact};
use crate::digest::Digest;
use crate::experiment::Name;
use crate::experiment::needs::results_digest;
use crate::experiment::plan::PlannedRun;
use crate::experiment::record::Record;
use crate::store::Store;

/// How a run gets its record.
pub(super) enum Work<'a> {
    /// It has to be done.
    Start(Box<Task>, Claim<'a>),
    /// It has the same fingerprint as the run of this record.
    Share(Box<Record>, Claim<'a>),
    /// It cannot be started, for this reason.
    Skip(String),
}

/// The runs in order, and the state of each.
pub(super) struct Queue<'a> {
    runs: &'a [PlannedRun<'a>],
    slots: Slots,
    digests: Vec<Digest>,
    outcomes: Vec<Option<Outcome>>,
    /// The runs whose needs are done, by the number of threads that each uses.
    ready: BTreeMap<usize, BTreeSet<usize>>,
    /// The runs that wait for a running one with the same fingerprint, by its digest.
    twins: BTreeMap<Digest, Vec<usize>>,
    needed: BTreeMap<&'a Name, NeededExperiment<'a>>,
    /// For each run, how many of the experiments that it needs are not finished.
    lacking: Vec<usize>,
    /// All records so far, by the digest of their fingerprint.
    known: BTreeMap<Digest, Record>,
    /// How many runs are running, and how many threads they use together.
    running: usize,
    threads: usize,
}

/// An experiment that a run in the list needs.
#[derive(Default)]
struct NeededExperiment<'a> {
    needed_by: Vec<usize>,
    /// How many of its runs in the list have not ended.
    left: usize,
    /// The first one that ended without a record.
    lost: Option<usize>,
    /// Its records by the positions of their variant and seed in `experiment.yml`, with both.
    records: BTreeMap<(usize, usize), (&'a Name, u64, Record)>,
}

impl<'a> Queue<'a> {
    pub(super) fn of(
        runs: &'a [PlannedRun<'a>],
        fresh: &'a [PlannedRun<'a>],
        slots: Slots,
    ) -> Queue<'a> {
        let mut needed: BTreeMap<&Name, NeededExperiment<'a>> = BTreeMap::new();
        for (number, run) in runs.iter().enumerate() {
            for need in run.experiment.needs.keys() {
                needed.entry(need).or_default().needed_by.push(number);
            }
        }
        for run in runs {
            if let Some(needed) = needed.get_mut(&run.experiment.name) {
                needed.left += 1;
            }
        }
        let is_lacking = |need: &&Name| needed.get(*need).is_some_and(|needed| needed.left > 0);
        let lacking =
            runs.iter().map(|run| run.experiment.needs.keys().filter(is_lacking).count()).collect();
        let mut queue = Queue {
            runs,
            slots,
            digests: runs.iter().map(|run| run.fingerprint.digest()).collect(),
            outcomes: runs.iter().map(|_| None).collect(),
            ready: BTreeMap::new(),
            twins: BTreeMap::new(),
            needed,
            lacking,
            known: BTreeMap::new(),
            running: 0,
            threads: 0,
        };
        for run in fresh {
            if let Some(record) = run.fresh() {
                queue.learn(run, record.clone(), run.fingerprint.digest());
            }
        }
        for number in 0..runs.len() {
            queue.offer(number);
        }
        queue
    }

    /// Adds a record to those that are known.
    fn learn(&mut self, run: &'a PlannedRun<'a>, record: Record, digest: Digest) {
        if let Some(needed) = self.needed.get_mut(&run.experiment.name) {
            let variant =
                run.experiment.variants.iter().position(|variant| variant.name == run.variant.name);
            let seed = run.experiment.seeds.iter().position(|&seed| seed == run.seed);
            let place = (variant.unwrap_or(usize::MAX), seed.unwrap_or(usize::MAX));
            needed.records.insert(place, (&run.variant.name, run.seed, record.clone()));
        }
        self.known.insert(digest, record);
    }

    /// Queues a run if everything that it needs is done.
    fn offer(&mut self, number: usize) {
        if self.lacking[number] == 0 {
            let threads = self.threads_of(number);
            self.ready.entry(threads).or_default().insert(number);
        }
    }

    /// Takes the first run that can start now, marks it as running and returns how it gets its
    /// record; `None` if all others are done or have to wait.
    pub(super) fn next(&mut self, stop: Stop, store: &Store) -> Option<(usize, Work<'a>)> {
        let number = self.first_ready()?;
        self.running += 1;
        self.threads += self.threads_of(number);
        self.twins.insert(self.digests[number], Vec::new());
        if let Some(reason) = self.reason_to_skip(number, stop) {
            return Some((number, Work::Skip(reason)));
        }
        let run = &self.runs[number];
        let (needs, digests) = self.given(number);
        let claim = Claim::of(run, digests);
        let same = self.known.get(&self.digests[number]);
        let same = same.filter(|record| lost_artifact(record, store).is_none());
        let work = if let Some(record) = same {
            Work::Share(Box::new(record.clone()), claim)
        } else {
            let task = Task::of(run.experiment, run.variant, run.seed, run.stem());
            Work::Start(Box::new(Task { needs, ..task }), claim)
        };
        Some((number, work))
    }

    fn reason_to_skip(&self, number: usize, stop: Stop) -> Option<String> {
        match stop {
            Stop::GoOn => {}
            Stop::StartNoMore => return Some("the budget is used up".to_owned()),
            Stop::Gently | Stop::AtOnce => return Some("labpress was asked to stop".to_owned()),
        }
        let needs = self.runs[number].experiment.needs.keys();
        let lost = needs.filter_map(|need| self.needed.get(need)?.lost).min();
        lost.map(|lost| format!("{}, which it needs, has no result", self.runs[lost].label()))
            .or_else(|| self.diverged_need(number))
    }

    /// Takes the first run that is ready, for which there is room, and of which no twin is running.
    fn first_ready(&mut self) -> Option<usize> {
        let Slots { cores, jobs } = self.slots;
        if self.running > 0 && jobs.is_some_and(|jobs| self.running >= jobs) {
            return None;
        }
        loop {
            let has_room = |threads: usize| self.running == 0 || self.threads + threads <= cores;
            let firsts = self.ready.iter().filter(|(threads, _)| has_room(**threads));
            let (number, threads) =
                firsts.filter_map(|(threads, ready)| Some((*ready.first()?, *threads))).min()?;
            self.ready.get_mut(&threads)?.remove(&number);
            match self.twins.get_mut(&self.digests[number]) {
                // It is queued again when the twin has ended.
                Some(twins) => twins.push(number),
                None => return Some(number),
            }
        }
    }

    fn threads_of(&self, number: usize) -> usize {
        self.runs[number].experiment.limits.threads.min(self.slots.cores)
    }

    /// Which of the runs that this one needs diverged, if one did: it has no result to use.
    fn diverged_need(&self, number: usize) -> Option<String> {
        let needs = self.runs[number].experiment.needs.keys();
        let needed = needs.filter_map(|need| self.needed.get_key_value(need));
        let mut records =
            needed.flat_map(|(need, needed)| needed.records.values().map(move |one| (need, one)));
        records.find_map(|(need, (variant, seed, record))| {
            let diverged = record.diverged.as_ref()?.phrase("step");
            Some(format!("{need}/{variant} seed {seed}, which it needs, {diverged}"))
        })
    }

    /// What a run is given: the results of the experiments that it needs, by name and then in the
    /// order of `experiment.yml`, and a digest of the results of each experiment.
    fn given(&self, number: usize) -> (Vec<NeededResult>, BTreeMap<String, Digest>) {
        let (mut results, mut digests) = (Vec::new(), BTreeMap::new());
        let needs = self.runs[number].experiment.needs.keys();
        for (need, needed) in needs.filter_map(|need| self.needed.get_key_value(need)) {
            let records =
                needed.records.values().map(|(variant, seed, record)| (*variant, *seed, record));
            digests.insert(need.to_string(), results_digest(records.clone()));
            results.extend(records.map(|(variant, seed, record)| {
                NeededResult {
                    experiment: (*need).clone(),
                    variant: variant.clone(),
                    seed,
                    metrics: record.metrics.clone(),
                    artifacts: record
                        .artifacts
                        .iter()
                        .map(|artifact| (artifact.name.clone(), artifact.digest))
                        .collect(),
                }
            }));
        }
        (results, digests)
    }

    /// Reports how a run ended, and queues the runs that waited for it.
    pub(super) fn ended(
        &mut self,
        number: usize,
        outcome: Outcome,
        watch: &mut dyn FnMut(usize, RunEvent<'_>),
    ) {
        watch(number, RunEvent::Ended(&outcome));
        let run = &self.runs[number];
        self.running -= 1;
        self.threads -= self.threads_of(number);
        if let Ok(recorded) = &outcome {
            self.learn(run, recorded.record().clone(), self.digests[number]);
        }
        for twin in self.twins.remove(&self.digests[number]).unwrap_or_default() {
            self.offer(twin);
        }
        if let Some(needed) = self.needed.get_mut(&run.experiment.name) {
            needed.left -= 1;
            if outcome.is_err() {
                needed.lost = Some(needed.lost.map_or(number, |lost| lost.min(number)));
            }
            if needed.left == 0 {
                for other in std::mem::take(&mut needed.needed_by) {
                    self.lacking[other] -= 1;
                    self.offer(other);
                }
            }
        }
        self.outcomes[number] = Some(outcome);
    }

    pub(super) fn outcomes(self) -> Vec<Outcome> {
        // These are in a cycle of needs, which `experiment::needs` rejects.
        let never = || Err(NoResult::Skipped("what it needs was never recorded".to_owned()));
        self.outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(never)).collect()
    }
}
