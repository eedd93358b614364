//! Starts what an experiment's results come from, follows it and records what it made.
//!
//! A runner is a program that speaks the [`protocol`]; [`local`] starts it on this machine,
//! [`collect`] reads what it says. [`run_all`] does the runs of a plan: those that others need
//! first, as many at once as the machine has cores for, and runs that depend on the very same
//! things only once.

pub mod collect;
mod guard;
pub mod local;
pub(crate) mod processes;
mod sources;
pub mod supervisor;
mod tail;
pub mod trace;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use labpress_runner::protocol::{self, ArtifactKind, Event, Job, JobData, Needed};

use self::collect::Collected;
use self::local::{Ended, Failure, Heard, Launch};
use self::sources::Sources;
use crate::digest::Digest;
use crate::experiment::Name;
use crate::experiment::needs::results_digest;
use crate::experiment::plan::PlannedRun;
use crate::experiment::record::{self, Artifact, Record};
use crate::experiment::spec::{ExperimentData, Runner, Weights};
use crate::store::{Object, Store, open_inside};

/// What is known about this machine and where things are on it.
pub struct Setup<'a> {
    /// The site's folder.
    pub root: PathBuf,
    /// Where results and working folders go: that of the site, or another for results that are not
    /// to enter it.
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
            Outcome::Failed(_)
            | Outcome::Interrupted(_)
            | Outcome::Skipped(_)
            | Outcome::Broken(_) => None,
        }
    }
}

/// Does all `runs`, and calls `watch` with the number of a run and what happened to it, from this
/// thread. A run that fails stops only those that need it. `fresh` are runs with records, which
/// others may need or share.
///
/// Returns one outcome a run, in the same order.
pub fn run_all(
    runs: &[PlannedRun<'_>],
    fresh: &[PlannedRun<'_>],
    setup: &Setup<'_>,
    watch: &mut dyn FnMut(usize, Update<'_>),
) -> Vec<Outcome> {
    let mut queue = Queue::of(runs, fresh, setup);
    std::thread::scope(|threads| {
        // Bounded, so that a runner that never stops talking waits for who listens, instead of
        // filling the memory.
        let (report, reports) = mpsc::sync_channel(1024);
        loop {
            while let Some(step) = queue.next() {
                let (number, work) = match step {
                    Step::Skip(number, reason) => {
                        queue.ended(number, Outcome::Skipped(reason), watch);
                        continue;
                    }
                    Step::Do(number, work) => (number, work),
                };
                watch(number, Update::Started);
                let report = report.clone();
                threads.spawn(move || {
                    let say = |news| {
                        report.send((number, news)).expect("the receiver waits for every run's end")
                    };
                    let run = &runs[number];
                    let outcome = match work {
                        Work::Share(record) => shared(run, &record, setup),
                        Work::Start(given) => {
                            run_one(run, given, setup, &mut |heard| match heard {
                                Heard::Event(event) => say(News::Event(event.clone())),
                                Heard::Memory(bytes) => say(News::Memory(bytes)),
                            })
                        }
                    };
                    say(News::Ended(outcome));
                });
            }
            if queue.running == 0 {
                break;
            }
            // Only the end of a run lets another one start.
            loop {
                match reports.recv().expect("a sender lives as long as this loop") {
                    (number, News::Event(event)) => watch(number, Update::Event(&event)),
                    (number, News::Memory(bytes)) => watch(number, Update::Memory(bytes)),
                    (number, News::Ended(outcome)) => {
                        queue.ended(number, outcome, watch);
                        break;
                    }
                }
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

/// What to do next.
enum Step {
    Do(usize, Work),
    Skip(usize, String),
}

/// How a run comes to its record.
enum Work {
    Start(Given),
    Share(Box<Record>),
}

/// What a run is given of the experiments that it needs.
#[derive(Default)]
struct Given {
    runs: Vec<Needed>,
    /// By name of the experiment, a digest of it all.
    digests: BTreeMap<String, Digest>,
}

/// The runs in their order, and how far each is.
struct Queue<'a> {
    runs: &'a [PlannedRun<'a>],
    setup: &'a Setup<'a>,
    digests: Vec<Digest>,
    outcomes: Vec<Option<Outcome>>,
    /// The runs whose needs are done, by the number of threads that each takes.
    ready: BTreeMap<usize, BTreeSet<usize>>,
    /// Of each digest that a run at work has: the runs that have the same.
    twins: BTreeMap<Digest, Vec<usize>>,
    needed: BTreeMap<&'a Name, NeededExperiment<'a>>,
    /// Of how many experiments that each run needs not all runs have ended.
    lacking: Vec<usize>,
    /// The records that there are, by the digest of their fingerprint.
    known: BTreeMap<Digest, Record>,
    /// How many runs are at work, and how many threads they take together.
    running: usize,
    threads: usize,
}

/// An experiment that a run of the list needs.
#[derive(Default)]
struct NeededExperiment<'a> {
    needed_by: Vec<usize>,
    /// How many of its runs in the list have not ended.
    left: usize,
    /// The first one that ended without a record.
    lost: Option<usize>,
    /// Its records by the places of variant and seed in what is written, with both.
    records: BTreeMap<(usize, usize), (&'a Name, u64, Record)>,
}

impl<'a> Queue<'a> {
    fn of(
        runs: &'a [PlannedRun<'a>],
        fresh: &'a [PlannedRun<'a>],
        setup: &'a Setup<'a>,
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
            setup,
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

    /// Takes note of a record.
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

    /// Lets a run start once there is room for it, if nothing that it needs is lacking.
    fn offer(&mut self, number: usize) {
        if self.lacking[number] == 0 {
            let threads = self.threads_of(number);
            self.ready.entry(threads).or_default().insert(number);
        }
    }

    /// The first run that can go on now, marked as running; `None` if all others have to wait or
    /// are done.
    fn next(&mut self) -> Option<Step> {
        let number = self.first_ready()?;
        self.running += 1;
        self.threads += self.threads_of(number);
        self.twins.insert(self.digests[number], Vec::new());
        match (self.setup.stop)() {
            Stop::GoOn => {}
            Stop::StartNoMore => {
                return Some(Step::Skip(number, "the budget is used up".to_owned()));
            }
            Stop::Gently | Stop::AtOnce => {
                return Some(Step::Skip(number, "labpress was asked to stop".to_owned()));
            }
        }
        let needs = self.runs[number].experiment.needs.keys();
        if let Some(lost) = needs.filter_map(|need| self.needed.get(need)?.lost).min() {
            return Some(Step::Skip(
                number,
                format!("{}, which it needs, has no result", self.runs[lost].label()),
            ));
        }
        if let Some(reason) = self.diverged_need(number) {
            return Some(Step::Skip(number, reason));
        }
        let store = &self.setup.store;
        let same = self.known.get(&self.digests[number]);
        let work = match same.filter(|record| lost_artifact(record, store).is_none()) {
            Some(record) => Work::Share(Box::new(record.clone())),
            None => Work::Start(self.given(number)),
        };
        Some(Step::Do(number, work))
    }

    /// Takes the first run that is ready, that there is room for and that has no twin at work.
    fn first_ready(&mut self) -> Option<usize> {
        let Setup { cores, jobs, .. } = self.setup;
        if self.running > 0 && jobs.is_some_and(|jobs| self.running >= jobs) {
            return None;
        }
        loop {
            let has_room = |threads: usize| self.running == 0 || self.threads + threads <= *cores;
            let firsts = self.ready.iter().filter(|(threads, _)| has_room(**threads));
            let (number, threads) =
                firsts.filter_map(|(threads, ready)| Some((*ready.first()?, *threads))).min()?;
            self.ready.get_mut(&threads)?.remove(&number);
            match self.twins.get_mut(&self.digests[number]) {
                // It gets its turn when that one has ended.
                Some(twins) => twins.push(number),
                None => return Some(number),
            }
        }
    }

    fn threads_of(&self, number: usize) -> usize {
        self.runs[number].experiment.limits.threads.min(self.setup.cores)
    }

    /// Which of the runs that this one needs diverged, if one did: there is nothing to go on from.
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

    /// What a run is given: of each experiment that it needs, in order of name, the runs as they
    /// are written.
    fn given(&self, number: usize) -> Given {
        let mut given = Given::default();
        let needs = self.runs[number].experiment.needs.keys();
        for (need, needed) in needs.filter_map(|need| self.needed.get_key_value(need)) {
            let records =
                needed.records.values().map(|(variant, seed, record)| (*variant, *seed, record));
            let records: Vec<(&Name, u64, &Record)> = records.collect();
            given.digests.insert(need.to_string(), results_digest(records.iter().copied()));
            given.runs.extend(records.into_iter().map(|(variant, seed, record)| {
                Needed {
                    experiment: need.to_string(),
                    variant: variant.to_string(),
                    seed,
                    metrics: record.metrics.clone(),
                    artifacts: record
                        .artifacts
                        .iter()
                        .map(|one| (one.name.clone(), self.setup.store.object_path(one.digest)))
                        .collect(),
                }
            }));
        }
        given
    }

    fn ended(&mut self, number: usize, outcome: Outcome, watch: &mut dyn FnMut(usize, Update<'_>)) {
        watch(number, Update::Ended(&outcome));
        let run = &self.runs[number];
        self.running -= 1;
        self.threads -= self.threads_of(number);
        if let Some(record) = outcome.record() {
            self.learn(run, record.clone(), self.digests[number]);
        }
        for twin in self.twins.remove(&self.digests[number]).unwrap_or_default() {
            self.offer(twin);
        }
        if let Some(needed) = self.needed.get_mut(&run.experiment.name) {
            needed.left -= 1;
            if outcome.record().is_none() {
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

    fn outcomes(self) -> Vec<Outcome> {
        // What is left waits in a loop of needs, which `experiment::needs` does not let through.
        let never = || Outcome::Skipped("what it needs never came".to_owned());
        self.outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(never)).collect()
    }
}

/// Why what a record refers to cannot be used on this machine, if it cannot: it is not there, or
/// not what it was.
pub fn lost_artifact(record: &Record, store: &Store) -> Option<String> {
    record.artifacts.iter().find_map(|artifact| match store.object(artifact.digest) {
        Object::Intact => None,
        Object::Missing => Some("its artifacts are needed and not on this machine".to_owned()),
        Object::Damaged => {
            let path = store.object_path(artifact.digest);
            Some(format!(
                "its artifact `{}` is needed and damaged: `{}`",
                artifact.name,
                path.display()
            ))
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
fn run_one(
    run: &PlannedRun<'_>,
    given: Given,
    setup: &Setup<'_>,
    watch: &mut dyn FnMut(Heard<'_>),
) -> Outcome {
    let store = &setup.store;
    let stem = run.stem();
    let folder = store.run_folder(run.experiment.name.as_str(), &stem);
    let sources = Sources::of(run, setup);
    let seen = match sources.look() {
        Ok(seen) => seen,
        Err(changed) => {
            return Outcome::Skipped(format!(
                "{changed} since labpress read the site: call it again"
            ));
        }
    };
    let Given { runs: needed, digests: given } = given;
    let ended = launch(run, needed, setup, &folder)
        .and_then(|launch| local::run(&launch, setup.stop, watch));
    let outcome = match ended {
        Ok(Ended::Done(collected)) => match sources.look_again(&seen) {
            Ok(()) => match commit(run, &collected, given, &folder, setup) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    let reason = "has ended, and was asked to stop before its artifacts were kept"
                        .to_owned();
                    Ok(Outcome::Interrupted(local::failure(&folder, reason)))
                }
                committed => committed.map(|record| Outcome::Recorded(Box::new(record))),
            },
            Err(changed) => {
                let reason = format!(
                    "has a result that is not recorded, as nobody knows what it has read: {changed}"
                );
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
            let lab = setup
                .lab
                .as_ref()
                .ok_or_else(|| io::Error::other("the program `lab` was not found"))?;
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
        Ok::<_, io::Error>(JobData {
            name: data.name.clone(),
            folder,
            declaration: serde_json::to_value(&data.set).map_err(io::Error::other)?,
        })
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
        device: experiment.device.map_or(protocol::Device::Auto, Into::into),
        threads: experiment.limits.threads,
        resume: false,
        smoke: experiment.smoke,
    };
    let working_folder = setup.root.join("experiments").join(experiment.name.as_str());
    Ok(Launch {
        command,
        working_folder,
        run_folder: folder,
        limits: experiment.limits.clone(),
        job,
    })
}

/// Keeps the artifacts, then writes the record: whoever sees the record can rely on all of it.
fn commit(
    run: &PlannedRun<'_>,
    collected: &Collected,
    given: BTreeMap<String, Digest>,
    folder: &Path,
    setup: &Setup<'_>,
) -> io::Result<Record> {
    let store = &setup.store;
    // Pictures of a data set that must not be handed on stay out of what is committed.
    let may_show = run.experiment.data.as_ref().is_none_or(|data| data.set.redistribute);
    let artifacts = collected.artifacts.iter().map(|(name, (path, kind))| {
        let is_committed = match kind {
            ArtifactKind::Checkpoint => false,
            ArtifactKind::Image => may_show,
            _ => true,
        };
        let mut source = open_inside(folder, path)?;
        let stop = || (setup.stop)() == Stop::AtOnce;
        let (digest, bytes) = store.add_object(&mut source, &stop).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot keep the artifact `{name}`: {error}"))
        })?;
        Ok(artifact(name, kind, Path::new(path), is_committed, (digest, bytes)))
    });
    let record = Record {
        format: record::FORMAT,
        experiment: run.experiment.name.to_string(),
        variant: run.variant.name.to_string(),
        seed: run.seed,
        fingerprint: run.fingerprint.clone(),
        given,
        environment: collected.environment.clone(),
        finished: now(),
        metrics: collected.metrics.clone(),
        timing: collected.timing.clone(),
        series: collected.series.clone(),
        artifacts: artifacts.collect::<io::Result<_>>()?,
        diverged: collected.diverged.clone(),
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

fn artifact(
    name: &str,
    kind: &ArtifactKind,
    path: &Path,
    is_committed: bool,
    (digest, bytes): (Digest, u64),
) -> Artifact {
    let file = (is_committed && bytes <= record::COMMITTED_UP_TO).then(|| {
        let ending = path
            .extension()
            .map(|ending| format!(".{}", ending.to_string_lossy()))
            .unwrap_or_default();
        format!("files/{}-{name}{ending}", digest.short())
    });
    Artifact { name: name.to_owned(), kind: kind.clone(), digest, bytes, file }
}

/// Writes the files beside a record, then the record.
fn write(record: &Record, store: &Store) -> io::Result<()> {
    for artifact in &record.artifacts {
        if let Some(file) = &artifact.file {
            store.copy_object(
                artifact.digest,
                &format!("experiments/{}/{file}", record.experiment),
            )?;
        }
    }
    store.write(&record.path(), record.to_text().as_bytes())
}

#[expect(
    clippy::disallowed_methods,
    reason = "when a run ended is a fact about the run; no build reads the clock"
)]
fn now() -> jiff::Timestamp {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_second(now.as_second()).unwrap_or(now)
}
