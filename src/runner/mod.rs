//! Starts what an experiment's results come from, follows it and records what it made.
//!
//! A runner is a program that speaks the [`protocol`]; [`local`] starts it on this machine, [`collect`] reads what it
//! says. [`run_all`] does the runs of a plan, as many at once as the machine has cores for.

pub mod collect;
pub mod local;
pub mod protocol;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use self::collect::Collected;
use self::local::{Ended, Failure, Launch};
use self::protocol::{Event, Job, JobData};
use crate::experiment::plan::PlannedRun;
use crate::experiment::record::{self, Artifact, Record};
use crate::experiment::spec::Runner;
use crate::store::Store;

/// What is known about this machine and where things are on it.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The site's folder.
    pub root: PathBuf,
    /// The program `lab`; `None` if it was not found.
    pub lab: Option<PathBuf>,
    /// Folder of each data set that the runs need, by name.
    pub data: BTreeMap<String, PathBuf>,
    /// How many CPU threads all runs together may use.
    pub cores: usize,
    /// How many runs may go on at once; `None` is as many as there are cores for.
    pub jobs: Option<usize>,
}

/// Something that happened to a run: its number in the list given to [`run_all`], and what.
#[derive(Debug)]
pub enum Update<'a> {
    /// Its process is being started.
    Started,
    /// The runner said something.
    Event(&'a Event),
    /// It is over.
    Ended(&'a Outcome),
}

/// How a run ended, for whoever asked for it.
#[derive(Debug)]
pub enum Outcome {
    /// It has a record now.
    Recorded(Box<Record>),
    /// It has none.
    Failed(Failure),
    /// It has none yet; the next try goes on from its last checkpoint.
    Interrupted(Failure),
    /// It could not be started, or its result not be kept.
    Broken(io::Error),
}

/// Does all `runs`, and calls `watch` with what happens, from this thread. A run that fails does not stop the others.
/// Returns one outcome a run, in the same order.
pub fn run_all(runs: &[PlannedRun<'_>], setup: &Setup, watch: &mut dyn FnMut(usize, Update<'_>)) -> Vec<Outcome> {
    let mut outcomes: Vec<Option<Outcome>> = runs.iter().map(|_| None).collect();
    std::thread::scope(|threads| {
        let (report, reports) = mpsc::channel();
        let mut waiting = runs.iter().enumerate().peekable();
        let mut free = setup.cores;
        let mut running = 0;
        loop {
            while let Some(&(number, run)) = waiting.peek() {
                let needs = run.experiment.limits.threads.min(setup.cores);
                if running > 0 && (needs > free || setup.jobs.is_some_and(|jobs| running >= jobs)) {
                    break;
                }
                waiting.next();
                free = free.saturating_sub(needs);
                running += 1;
                watch(number, Update::Started);
                let report = report.clone();
                threads.spawn(move || {
                    let say = |news| report.send((number, news)).expect("the receiver waits for every run's end");
                    let outcome = run_one(run, setup, &mut |event| say(News::Event(event.clone())));
                    say(News::Ended(outcome));
                });
            }
            if running == 0 {
                break;
            }
            match reports.recv().expect("a sender lives as long as this loop") {
                (number, News::Event(event)) => watch(number, Update::Event(&event)),
                (number, News::Ended(outcome)) => {
                    running -= 1;
                    free += runs[number].experiment.limits.threads.min(setup.cores);
                    watch(number, Update::Ended(&outcome));
                    outcomes[number] = Some(outcome);
                }
            }
        }
    });
    outcomes.into_iter().map(|outcome| outcome.expect("every run was started and has ended")).collect()
}

enum News {
    Event(Event),
    Ended(Outcome),
}

/// Does one run and records it.
fn run_one(run: &PlannedRun<'_>, setup: &Setup, watch: &mut dyn FnMut(&Event)) -> Outcome {
    let store = Store::of(&setup.root);
    let stem = record::file_stem(run.variant.name.as_str(), run.seed, &run.fingerprint);
    let folder = store.run_folder(run.experiment.name.as_str(), &stem);
    let ended = launch(run, setup, &folder).and_then(|launch| local::run(&launch, watch));
    let outcome = match ended {
        Ok(Ended::Done(collected)) => {
            commit(run, &collected, &folder, &store).map(|record| Outcome::Recorded(Box::new(record)))
        }
        Ok(Ended::Failed(failure)) => Ok(Outcome::Failed(failure)),
        Ok(Ended::Interrupted(failure)) => Ok(Outcome::Interrupted(failure)),
        Err(error) => Err(error),
    };
    outcome.unwrap_or_else(Outcome::Broken)
}

fn launch<'a>(run: &PlannedRun<'_>, setup: &'a Setup, folder: &'a Path) -> io::Result<Launch<'a>> {
    let experiment = run.experiment;
    let (command, recipe): (Vec<OsString>, Option<String>) = match &experiment.runner {
        Runner::Lab { recipe, .. } => {
            let lab = setup.lab.as_ref().ok_or_else(|| io::Error::other("the program `lab` was not found"))?;
            (vec![lab.into()], Some(recipe.clone()))
        }
        Runner::Command { command, .. } => (command.iter().map(OsString::from).collect(), None),
    };
    let data = experiment.data.as_ref().map(|data| {
        let folder = setup
            .data
            .get(&data.name)
            .ok_or_else(|| io::Error::other(format!("the data set `{}` is not there", data.name)))?;
        Ok::<_, io::Error>(JobData { name: data.name.clone(), folder: folder.clone(), declaration: data.set.clone() })
    });
    let job = Job {
        protocol: protocol::VERSION,
        experiment: experiment.name.to_string(),
        variant: run.variant.name.to_string(),
        seed: run.seed,
        recipe,
        params: run.variant.params.clone(),
        data: data.transpose()?,
        device: experiment.device.map_or("auto", |device| device.as_str()).to_owned(),
        threads: experiment.limits.threads,
        resume: false,
    };
    let working_folder = setup.root.join("experiments").join(experiment.name.as_str());
    Ok(Launch { command, working_folder, run_folder: folder, job })
}

/// Artifacts up to this size are committed beside the record, so that a clone can show them.
const COMMITTED_UP_TO: u64 = 64 * 1024;

/// Keeps the artifacts, then writes the record: whoever sees the record can rely on all of it.
fn commit(run: &PlannedRun<'_>, collected: &Collected, folder: &Path, store: &Store) -> io::Result<Record> {
    let artifacts =
        collected.artifacts.iter().map(|(name, (path, kind))| artifact(name, kind, &folder.join(path), run, store));
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
    store.write(&record.path(), record.to_text().as_bytes())?;
    store.remove_run_folder(folder);
    Ok(record)
}

fn artifact(name: &str, kind: &str, path: &Path, run: &PlannedRun<'_>, store: &Store) -> io::Result<Artifact> {
    let (digest, bytes) = store.add_object(path)?;
    let file = (kind != "checkpoint" && bytes <= COMMITTED_UP_TO).then(|| {
        let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
        format!("files/{}-{name}{ending}", digest.short())
    });
    if let Some(file) = &file {
        store.copy_object(digest, &format!("experiments/{}/{file}", run.experiment.name))?;
    }
    Ok(Artifact { name: name.to_owned(), kind: kind.to_owned(), digest, bytes, file })
}

#[expect(clippy::disallowed_methods, reason = "when a run ended is a fact about the run; no build reads the clock")]
fn now() -> jiff::Timestamp {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_second(now.as_second()).unwrap_or(now)
}
