//! Starts what an experiment's results come from, follows it and records what it made.
//!
//! A runner is a program that speaks the [`protocol`]; [`local`] starts it on this machine, [`collect`] reads what it
//! says. [`run_all`] does the runs of a plan: those that others need first, as many at once as the machine has cores
//! for, and runs that depend on the very same things only once.

pub mod collect;
mod guard;
pub mod local;
pub(crate) mod processes;
pub mod protocol;
pub mod reporter;
mod sources;
pub mod supervisor;
mod tail;
pub mod trace;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use self::collect::Collected;
use self::local::{Ended, Failure, Heard, Launch};
use self::protocol::{Event, Job, JobData, Needed};
use self::sources::Sources;
use crate::digest::Digest;
use crate::experiment::plan::PlannedRun;
use crate::experiment::record::{self, Artifact, Record};
use crate::experiment::spec::{ExperimentData, Runner, Weights};
use crate::store::{Object, Store, open_inside};

/// What is known about this machine and where things are on it.
pub struct Setup<'a> {
    /// The site's folder.
    pub root: PathBuf,
    /// Where results and working folders go: that of the site, or another for results that are not to enter it.
    pub store: Store,
    /// The program `strace`, to note which files commands open; see [`trace`].
    pub strace: Option<PathBuf>,
    /// The program `lab`; `None` if it was not found.
    pub lab: Option<PathBuf>,
    /// Folder of each data set that the runs need, by name.
    pub data: BTreeMap<String, PathBuf>,
    /// How many CPU threads all runs together may use.
    pub cores: usize,
    /// How many runs may go on at once; `None` is as many as there are cores for.
    pub jobs: Option<usize>,
    /// Whether to go on; asked again and again while runs go on.
    pub stop: &'a (dyn Fn() -> Stop + Sync),
}

/// Whether runs are to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// They are.
    GoOn,
    /// Those that run are; no more are started.
    StartNoMore,
    /// They are to write a checkpoint and leave; no more are started.
    Gently,
    /// They are to be killed.
    AtOnce,
}

/// Something that happened to a run.
#[derive(Debug)]
pub enum Update<'a> {
    /// Its process is being started.
    Started,
    /// The runner said something.
    Event(&'a Event),
    /// It takes this many bytes of memory.
    Memory(u64),
    /// It is over.
    Ended(&'a Outcome),
}

/// How a run ended, for whoever asked for it.
#[derive(Debug)]
pub enum Outcome {
    /// It has a record now.
    Recorded(Box<Record>),
    /// It has a record now, the copy of that of a run which depends on the very same things.
    Shared(Box<Record>),
    /// It has none.
    Failed(Failure),
    /// It has none yet; the next try goes on from its last checkpoint.
    Interrupted(Failure),
    /// It was not started, for this reason.
    Skipped(String),
    /// It could not be started, or its result not be kept.
    Broken(io::Error),
}

impl Outcome {
    /// The record, if the run has one now.
    pub fn record(&self) -> Option<&Record> {
        match self {
            Outcome::Recorded(record) | Outcome::Shared(record) => Some(record),
            Outcome::Failed(_) | Outcome::Interrupted(_) | Outcome::Skipped(_) | Outcome::Broken(_) => None,
        }
    }
}

/// Does all `runs`, and calls `watch` with the number of a run and what happened to it, from this thread. A run that
/// fails stops only those that need it. `fresh` are the records that runs may need or share.
///
/// Returns one outcome a run, in the same order.
pub fn run_all(
    runs: &[PlannedRun<'_>],
    fresh: &[Cow<'_, Record>],
    setup: &Setup<'_>,
    watch: &mut dyn FnMut(usize, Update<'_>),
) -> Vec<Outcome> {
    let mut queue = Queue::of(runs, fresh, setup);
    std::thread::scope(|threads| {
        let (report, reports) = mpsc::channel();
        loop {
            while let Some(step) = queue.next() {
                let (number, record, needed) = match step {
                    Step::Skip(number, reason) => {
                        queue.ended(number, Outcome::Skipped(reason), watch);
                        continue;
                    }
                    Step::Share(number, record) => (number, Some(record), Vec::new()),
                    Step::Start(number, needed) => (number, None, needed),
                };
                watch(number, Update::Started);
                let report = report.clone();
                threads.spawn(move || {
                    let say = |news| report.send((number, news)).expect("the receiver waits for every run's end");
                    let run = &runs[number];
                    let outcome = match record {
                        Some(record) => shared(run, &record, setup),
                        None => run_one(run, needed, setup, &mut |heard| match heard {
                            Heard::Event(event) => say(News::Event(event.clone())),
                            Heard::Memory(bytes) => say(News::Memory(bytes)),
                        }),
                    };
                    say(News::Ended(outcome));
                });
            }
            if queue.is_done() {
                break;
            }
            match reports.recv().expect("a sender lives as long as this loop") {
                (number, News::Event(event)) => watch(number, Update::Event(&event)),
                (number, News::Memory(bytes)) => watch(number, Update::Memory(bytes)),
                (number, News::Ended(outcome)) => queue.ended(number, outcome, watch),
            }
        }
    });
    queue.outcomes()
}

enum News {
    Event(Event),
    Memory(u64),
    Ended(Outcome),
}

/// Where each run is on its way.
enum Stage {
    Waiting,
    Running,
    Ended(Outcome),
}

/// What to do next.
enum Step {
    Start(usize, Vec<Needed>),
    Share(usize, Record),
    Skip(usize, String),
}

/// The runs in their order, and how far each is.
struct Queue<'a> {
    runs: &'a [PlannedRun<'a>],
    digests: Vec<Digest>,
    stages: Vec<Stage>,
    known: Vec<Record>,
    setup: &'a Setup<'a>,
}

impl<'a> Queue<'a> {
    fn of(runs: &'a [PlannedRun<'a>], fresh: &[Cow<'_, Record>], setup: &'a Setup<'a>) -> Queue<'a> {
        Queue {
            runs,
            digests: runs.iter().map(|run| run.fingerprint.digest()).collect(),
            stages: runs.iter().map(|_| Stage::Waiting).collect(),
            known: fresh.iter().map(|record| record.as_ref().clone()).collect(),
            setup,
        }
    }

    /// The first run that can go on now, marked as running; `None` if all others have to wait or are done.
    fn next(&mut self) -> Option<Step> {
        let number = (0..self.runs.len()).find(|&number| self.is_ready(number))?;
        self.stages[number] = Stage::Running;
        match (self.setup.stop)() {
            Stop::GoOn => {}
            Stop::StartNoMore => return Some(Step::Skip(number, "the budget is used up".to_owned())),
            Stop::Gently | Stop::AtOnce => {
                return Some(Step::Skip(number, "labpress was asked to stop".to_owned()));
            }
        }
        if let Some(lost) = self.needed_runs(number).find(|&other| self.has_no_record(other)) {
            return Some(Step::Skip(number, format!("{}, which it needs, has no result", self.runs[lost].label())));
        }
        let store = &self.setup.store;
        let same = self.known.iter().find(|record| record.fingerprint == self.runs[number].fingerprint);
        if let Some(record) = same.filter(|record| lost_artifact(record, store).is_none()) {
            return Some(Step::Share(number, record.clone()));
        }
        Some(Step::Start(number, self.needed(number, store)))
    }

    fn is_ready(&self, number: usize) -> bool {
        let is_waiting = matches!(self.stages[number], Stage::Waiting);
        let needs_are_done = || self.needed_runs(number).all(|other| matches!(self.stages[other], Stage::Ended(_)));
        let twin_runs = || self.running().any(|other| self.digests[other] == self.digests[number]);
        is_waiting && needs_are_done() && !twin_runs() && self.has_room_for(number)
    }

    fn has_room_for(&self, number: usize) -> bool {
        let cores = self.setup.cores;
        let threads = |number: usize| self.runs[number].experiment.limits.threads.min(cores);
        let used: usize = self.running().map(threads).sum();
        let running = self.running().count();
        let has_cores = used + threads(number) <= cores;
        running == 0 || has_cores && self.setup.jobs.is_none_or(|jobs| running < jobs)
    }

    fn running(&self) -> impl Iterator<Item = usize> {
        (0..self.runs.len()).filter(|&number| matches!(self.stages[number], Stage::Running))
    }

    /// The other runs of the list that are of an experiment which this one needs.
    fn needed_runs(&self, number: usize) -> impl Iterator<Item = usize> {
        let needs = &self.runs[number].experiment.needs;
        (0..self.runs.len()).filter(|&other| needs.contains_key(&self.runs[other].experiment.name))
    }

    fn has_no_record(&self, number: usize) -> bool {
        matches!(&self.stages[number], Stage::Ended(outcome) if outcome.record().is_none())
    }

    fn needed(&self, number: usize, store: &Store) -> Vec<Needed> {
        let needs = &self.runs[number].experiment.needs;
        let records = self.known.iter().filter(|record| needs.keys().any(|name| name.as_str() == record.experiment));
        records
            .map(|record| Needed {
                experiment: record.experiment.clone(),
                variant: record.variant.clone(),
                seed: record.seed,
                metrics: record.metrics.clone(),
                artifacts: record
                    .artifacts
                    .iter()
                    .map(|one| (one.name.clone(), store.object_path(one.digest)))
                    .collect(),
            })
            .collect()
    }

    fn ended(&mut self, number: usize, outcome: Outcome, watch: &mut dyn FnMut(usize, Update<'_>)) {
        watch(number, Update::Ended(&outcome));
        self.known.extend(outcome.record().cloned());
        self.stages[number] = Stage::Ended(outcome);
    }

    fn is_done(&self) -> bool {
        self.running().next().is_none()
    }

    fn outcomes(self) -> Vec<Outcome> {
        let outcome = |stage| match stage {
            Stage::Ended(outcome) => outcome,
            // A loop of needs, which `experiment::needs` does not let through.
            Stage::Waiting | Stage::Running => Outcome::Skipped("what it needs never came".to_owned()),
        };
        self.stages.into_iter().map(outcome).collect()
    }
}

/// Why what a record refers to cannot be used on this machine, if it cannot: it is not there, or not what it was.
pub fn lost_artifact(record: &Record, store: &Store) -> Option<String> {
    record.artifacts.iter().find_map(|artifact| match store.object(artifact.digest) {
        Object::Intact => None,
        Object::Missing => Some("its artifacts are needed and not on this machine".to_owned()),
        Object::Damaged => {
            let path = store.object_path(artifact.digest);
            Some(format!("its artifact `{}` is needed and damaged: `{}`", artifact.name, path.display()))
        }
    })
}

/// Records for `run` what a run that depends on the very same things has found.
fn shared(run: &PlannedRun<'_>, record: &Record, setup: &Setup<'_>) -> Outcome {
    let store = &setup.store;
    let record = Record {
        experiment: run.experiment.name.to_string(),
        variant: run.variant.name.to_string(),
        seed: run.seed,
        ..record.clone()
    };
    match write(&record, store) {
        Ok(()) => Outcome::Shared(Box::new(record)),
        Err(error) => Outcome::Broken(error),
    }
}

/// Does one run and records it.
fn run_one(run: &PlannedRun<'_>, needed: Vec<Needed>, setup: &Setup<'_>, watch: &mut dyn FnMut(Heard<'_>)) -> Outcome {
    let store = &setup.store;
    let stem = record::file_stem(run.variant.name.as_str(), run.seed, &run.fingerprint);
    let folder = store.run_folder(run.experiment.name.as_str(), &stem);
    let sources = Sources::of(run, setup);
    let seen = match sources.look() {
        Ok(seen) => seen,
        Err(changed) => return Outcome::Skipped(format!("{changed} since labpress read the site: call it again")),
    };
    let ended = launch(run, needed, setup, &folder).and_then(|launch| local::run(&launch, setup.stop, watch));
    let outcome = match ended {
        Ok(Ended::Done(collected)) => match sources.look_again(&seen) {
            Ok(()) => match commit(run, &collected, &folder, setup) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    let reason = "has ended, and was asked to stop before its artifacts were kept".to_owned();
                    Ok(Outcome::Interrupted(local::failure(&folder, reason)))
                }
                committed => committed.map(|record| Outcome::Recorded(Box::new(record))),
            },
            Err(changed) => {
                let reason = format!("has a result that is not recorded, as nobody knows what it has read: {changed}");
                local::discard(&folder, reason).map(Outcome::Failed)
            }
        },
        Ok(Ended::Failed(failure)) => Ok(Outcome::Failed(failure)),
        Ok(Ended::Interrupted(failure)) => Ok(Outcome::Interrupted(failure)),
        Err(error) => Err(error),
    };
    outcome.unwrap_or_else(Outcome::Broken)
}

fn launch<'a>(
    run: &PlannedRun<'_>,
    needed: Vec<Needed>,
    setup: &Setup<'_>,
    folder: &'a Path,
) -> io::Result<Launch<'a>> {
    let experiment = run.experiment;
    let (command, recipe): (Vec<OsString>, Option<String>) = match &experiment.runner {
        Runner::Lab { recipe, .. } => {
            let lab = setup.lab.as_ref().ok_or_else(|| io::Error::other("the program `lab` was not found"))?;
            (vec![lab.into()], Some(recipe.clone()))
        }
        Runner::Command { command, .. } => {
            let strace = setup.strace.iter().flat_map(|strace| trace::command(strace, folder));
            (strace.chain(command.iter().map(OsString::from)).collect(), None)
        }
    };
    let data_folder = |data: &ExperimentData| {
        let folder = setup.data.get(&data.name);
        folder.ok_or_else(|| io::Error::other(format!("the data set `{}` is not there", data.name)))
    };
    let data = experiment.data.as_ref().map(|data| {
        let folder = data_folder(data)?.clone();
        Ok::<_, io::Error>(JobData { name: data.name.clone(), folder, declaration: data.set.clone() })
    });
    let weights = run.variant.weights.as_ref().map(|weights| match weights {
        Weights::Published { data, file } => Ok::<_, io::Error>(data_folder(data)?.join(file)),
        Weights::File { path, .. } => Ok(setup.root.join(path)),
    });
    let job = Job {
        protocol: protocol::VERSION,
        seed: run.seed,
        recipe,
        params: run.variant.params.clone(),
        data: data.transpose()?,
        weights: weights.transpose()?,
        needs: needed,
        device: experiment.device.map_or("auto", |device| device.as_str()).to_owned(),
        threads: experiment.limits.threads,
        resume: false,
        smoke: experiment.smoke,
    };
    let working_folder = setup.root.join("experiments").join(experiment.name.as_str());
    Ok(Launch { command, working_folder, run_folder: folder, limits: experiment.limits.clone(), job })
}

/// Keeps the artifacts, then writes the record: whoever sees the record can rely on all of it.
fn commit(run: &PlannedRun<'_>, collected: &Collected, folder: &Path, setup: &Setup<'_>) -> io::Result<Record> {
    let store = &setup.store;
    // Pictures of a data set that must not be handed on stay out of what is committed.
    let may_show = run.experiment.data.as_ref().is_none_or(|data| data.set.redistribute);
    let artifacts = collected.artifacts.iter().map(|(name, (path, kind))| {
        let is_committed = kind != "checkpoint" && (may_show || kind != "image");
        let mut source = open_inside(folder, path)?;
        let stop = || (setup.stop)() == Stop::AtOnce;
        let (digest, bytes) = store
            .add_object(&mut source, &stop)
            .map_err(|error| io::Error::new(error.kind(), format!("cannot keep the artifact `{name}`: {error}")))?;
        Ok(artifact(name, kind, Path::new(path), is_committed, (digest, bytes)))
    });
    let record = Record {
        format: record::FORMAT,
        experiment: run.experiment.name.to_string(),
        variant: run.variant.name.to_string(),
        seed: run.seed,
        fingerprint: run.fingerprint.clone(),
        environment: collected.environment.clone(),
        finished: now(),
        metrics: collected.metrics.clone(),
        timing: collected.timing.clone(),
        series: collected.series.clone(),
        artifacts: artifacts.collect::<io::Result<_>>()?,
    };
    write(&record, store)?;
    let stem = record::file_stem(&record.variant, record.seed, &record.fingerprint);
    store.keep_log(&folder.join(local::LOG_FILE), &record.experiment, &stem);
    if setup.strace.is_some() {
        store.keep_log(&folder.join(trace::FILE), &record.experiment, &format!("{stem}.trace"));
    }
    store.remove_run_folder(folder);
    Ok(record)
}

fn artifact(name: &str, kind: &str, path: &Path, is_committed: bool, (digest, bytes): (Digest, u64)) -> Artifact {
    let file = (is_committed && bytes <= record::COMMITTED_UP_TO).then(|| {
        let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
        format!("files/{}-{name}{ending}", digest.short())
    });
    Artifact { name: name.to_owned(), kind: kind.to_owned(), digest, bytes, file }
}

/// Writes the files beside a record, then the record.
fn write(record: &Record, store: &Store) -> io::Result<()> {
    for artifact in &record.artifacts {
        if let Some(file) = &artifact.file {
            store.copy_object(artifact.digest, &format!("experiments/{}/{file}", record.experiment))?;
        }
    }
    store.write(&record.path(), record.to_text().as_bytes())
}

#[expect(clippy::disallowed_methods, reason = "when a run ended is a fact about the run; no build reads the clock")]
fn now() -> jiff::Timestamp {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_second(now.as_second()).unwrap_or(now)
}
