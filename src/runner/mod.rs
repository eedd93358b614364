//! Starts what an experiment's results come from, follows it and records what it made.
//!
//! A runner is a program that speaks the [protocol](labpress_runner::protocol). [`run_all`] does the
//! runs of a plan: `queue` decides which run is next, an [`executor`] does it, and its `claim` is
//! the permission to record the result. [`local`] is the executor of this machine.

pub mod child;
mod claim;
pub mod collect;
pub mod executor;
mod guard;
pub mod local;
pub mod processes;
mod queue;
mod sources;
pub mod supervisor;
mod tail;
pub mod trace;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use labpress_runner::protocol::Event;

use self::claim::Claim;
pub use self::claim::Recorded;
use self::executor::Executor;
use self::queue::{Queue, Work};
use crate::experiment::plan::PlannedRun;
use crate::experiment::record::Record;
use crate::store::{ObjectState, Store};

/// Identifies the code that `labpress` and its runner `lab` have in common: the version and a digest
/// of the sources. Programs of different builds may not understand each other or train differently.
pub const BUILD: &str = env!("LABPRESS_BUILD");

/// What runs are done with.
pub struct Setup<'a> {
    /// Where they take place.
    pub executor: Box<dyn Executor>,
    /// Where records are written and artifacts are kept: in the site, or in another folder for
    /// results that are not to enter it.
    pub store: Store,
    /// Whether to continue; asked again and again while runs are at work.
    pub stop: &'a dyn Fn() -> Stop,
}

/// Whether runs are to continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// They are.
    GoOn,
    /// Those that have been started are; no more are started.
    StartNoMore,
    /// They are to write a checkpoint and exit; no more are started.
    Gently,
    /// They are to be killed.
    AtOnce,
}

/// Something that happened to a run.
#[derive(Debug)]
pub enum RunEvent<'a> {
    /// It was handed to the executor.
    Started,
    /// The runner reported an event.
    Reported(Event),
    /// It and the processes it started take this many bytes of memory.
    Memory(u64),
    /// It is over.
    Ended(&'a Outcome),
}

/// How a run ended.
pub type Outcome = Result<Recorded, NoResult>;

/// Why a run has no record.
#[derive(Debug)]
pub enum NoResult {
    /// It failed; trying again starts from the beginning.
    Failed(Failure),
    /// It was interrupted; trying again resumes from its last checkpoint.
    Interrupted(Failure),
    /// It was not started, for this reason.
    Skipped(String),
    /// This machine could not start it or could not store its result: the program is not there, the
    /// disk is full.
    Broken(io::Error),
}

/// What is known about a run that failed or was interrupted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A phrase such as `exited with status 1`.
    pub reason: String,
    /// The last lines of its log.
    pub log_end: String,
    /// The whole log.
    pub log: PathBuf,
}

impl From<io::Error> for NoResult {
    fn from(error: io::Error) -> NoResult {
        NoResult::Broken(error)
    }
}

/// Does all `runs`, and calls `watch` with the number of a run and what happened to it. A run that
/// fails stops only those that need it. `fresh` are runs with records, which others may need or
/// share.
///
/// Returns one outcome a run, in the same order.
pub fn run_all(
    runs: &[PlannedRun<'_>],
    fresh: &[PlannedRun<'_>],
    setup: &mut Setup<'_>,
    watch: &mut dyn FnMut(usize, RunEvent<'_>),
) -> Vec<Outcome> {
    let Setup { executor, store, stop } = setup;
    let mut queue = Queue::of(runs, fresh, executor.slots());
    let mut claims: BTreeMap<usize, Claim<'_>> = BTreeMap::new();
    loop {
        while let Some((number, work)) = queue.next(stop(), store) {
            match work {
                Work::Skip(reason) => queue.ended(number, Err(NoResult::Skipped(reason)), watch),
                Work::Share(record, claim) => {
                    watch(number, RunEvent::Started);
                    queue.ended(number, claim.share(&record, store).map_err(NoResult::from), watch);
                }
                Work::Start(task, claim) => {
                    watch(number, RunEvent::Started);
                    claims.insert(number, claim);
                    executor.start(number, *task);
                }
            }
        }
        if claims.is_empty() {
            return queue.outcomes();
        }
        executor.stop(stop());
        for (number, ended) in executor.poll(watch) {
            let claim = claims.remove(&number).expect("an executor ends each run once");
            let recorded = ended.and_then(|finished| Ok(claim.commit(finished, store)?));
            if recorded.is_ok() {
                executor.clean_up(number);
            }
            queue.ended(number, recorded, watch);
        }
    }
}

/// Why what a record refers to cannot be used on this machine, if it cannot: it is not there, or
/// not what it was.
pub fn lost_artifact(record: &Record, store: &Store) -> Option<String> {
    record.artifacts.iter().find_map(|artifact| match store.objects.state(artifact.digest) {
        ObjectState::Intact => None,
        ObjectState::Missing => Some("its artifacts are needed and not on this machine".to_owned()),
        ObjectState::Damaged => {
            let path = store.objects.path(artifact.digest);
            Some(format!(
                "its artifact `{}` is needed and damaged: `{}`",
                artifact.name,
                path.display()
            ))
        }
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::executor::{Finished, Slots, Task};
    use super::*;
    use crate::experiment::plan::plan;
    use crate::experiment::spec::parse_all;
    use crate::inputs::Inputs;

    /// An executor whose runs report many events and end one after the other.
    struct Talkative {
        running: Vec<usize>,
    }

    impl Executor for Talkative {
        fn slots(&self) -> Slots {
            Slots { cores: 4, jobs: None }
        }

        fn start(&mut self, number: usize, _: Task) {
            self.running.push(number);
        }

        fn poll(
            &mut self,
            watch: &mut dyn FnMut(usize, RunEvent<'_>),
        ) -> Vec<(usize, Result<Finished, NoResult>)> {
            let number = self.running.remove(0);
            for _ in 0..300 {
                watch(number, RunEvent::Reported(Event::Note { text: "still here".to_owned() }));
            }
            let collected = collect::Collected {
                metrics: BTreeMap::from([("accuracy".to_owned(), 0.5)]),
                ..collect::Collected::default()
            };
            vec![(number, Ok(Finished { collected, objects: BTreeMap::new() }))]
        }

        fn stop(&mut self, _: Stop) {}

        fn clean_up(&mut self, _: usize) {}
    }

    #[test]
    fn what_starts_next_is_decided_once_for_each_start_and_end() {
        let yaml = "title: T\nrunner: {command: [train]}\nseeds: 50\n";
        let inputs = Inputs::default().with("experiments/a/experiment.yml", yaml);
        let experiments = parse_all(&inputs, &|_| None).0;
        let runs = plan(&experiments, &[]);
        let folder = tempfile::tempdir().unwrap();
        let (asked, events) = (Cell::new(0), Cell::new(0));
        let stop = || {
            asked.set(asked.get() + 1);
            Stop::GoOn
        };
        let mut setup = Setup {
            executor: Box::new(Talkative { running: Vec::new() }),
            store: Store::of(folder.path()),
            stop: &stop,
        };
        let outcomes = run_all(&runs, &[], &mut setup, &mut |_, _| events.set(events.get() + 1));
        assert!(outcomes.iter().all(Result::is_ok));
        assert_eq!(events.get(), 50 * 302);
        // Each start, the question after it that finds no room, and the executor.
        assert!(asked.get() <= 3 * 50 + 1, "{}", asked.get());
    }
}
