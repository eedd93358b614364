//! Does the runs that a preview lacks in the background, for `labpress serve --train`.
//!
//! A thread takes *orders*: the site as it was read, and the runs that its pages lack. A newer order
//! lets the runs at work go on as long as they are still wanted. Their records are written as by
//! `build`, and the preview notices them as it notices any other file.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::environment::{self, Interrupts, Stopwatch};
use super::runs::{Wanted, data_folders, jobs, setup, wanted};
use super::{Error, Jobs, report};
use labpress::config::Config;
use labpress::diagnostic::Diagnostic;
use labpress::digest::Digest;
use labpress::experiment::Name;
use labpress::experiment::plan::{PlannedRun, plan};
use labpress::experiment::record::{self, Record};
use labpress::experiment::results::Need;
use labpress::inputs::Inputs;
use labpress::runner::{NoResult, Outcome, RunEvent, Stop, run_all};
use labpress::serve::runs::{Reporter, Runs};
use labpress::site::Site;
use labpress::store::Store;
use labpress_runner::protocol::Event;

/// How often news of runs are passed on.
const REPORT_EVERY: Duration = Duration::from_millis(100);
/// How long the preview may take to notice a record that was written.
const NOTICED_WITHIN: Duration = Duration::from_secs(5);

/// Does runs in the background.
pub(super) struct Trainer {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

/// What the thread and its owner share.
#[derive(Default)]
struct Shared {
    /// The newest order.
    order: Mutex<Option<Arc<Order>>>,
    changed: Condvar,
    /// How often it was asked to stop.
    stops: AtomicUsize,
    /// Whether runs are at work.
    is_at_work: AtomicBool,
}

/// Runs to be done, and the site that they belong to.
struct Order {
    number: u64,
    config: (Config, Vec<Diagnostic>),
    inputs: Inputs,
    experiments: BTreeSet<Name>,
    /// The digests of the fingerprints of the runs.
    wanted: BTreeSet<Digest>,
}

impl Trainer {
    /// Starts the thread. The site is at `root`.
    pub(super) fn start(root: &Path, jobs: Jobs, reporter: Reporter) -> Trainer {
        let shared = Arc::new(Shared::default());
        let worker = Worker {
            shared: Arc::clone(&shared),
            root: root.to_owned(),
            jobs,
            reporter,
            recorded: BTreeSet::new(),
            failed: BTreeMap::new(),
        };
        Trainer { shared, thread: std::thread::spawn(move || worker.work()) }
    }

    /// Orders the runs that pages of the site lack.
    pub(super) fn order(&self, site: &Site, needs: &[Need]) {
        let experiments: BTreeSet<Name> =
            needs.iter().map(|need| need.experiment.clone()).collect();
        let digests = if experiments.is_empty() {
            BTreeSet::new()
        } else {
            let planned = plan(&site.experiments, &site.records);
            let wanted = wanted_runs(&planned, &experiments, &site.results);
            wanted.runs.iter().map(|run| run.fingerprint.digest()).collect()
        };
        let mut order = self.shared.order();
        if order.as_ref().is_some_and(|order| order.wanted == digests) {
            return;
        }
        *order = Some(Arc::new(Order {
            number: order.as_ref().map_or(0, |order| order.number) + 1,
            config: (site.config.clone(), site.config_errors.clone()),
            inputs: site.inputs.clone(),
            experiments,
            wanted: digests,
        }));
        drop(order);
        self.shared.changed.notify_all();
    }

    /// Stops runs as Ctrl-C does: they write a checkpoint and exit, and are killed if it is pressed
    /// again.
    pub(super) fn stop(self, interrupts: &Interrupts) {
        while self.shared.is_at_work.load(Ordering::Relaxed) && !self.thread.is_finished() {
            let stops = match interrupts.stop() {
                Stop::AtOnce => 2,
                Stop::GoOn | Stop::StartNoMore | Stop::Gently => 1,
            };
            self.shared.stops.store(stops, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Shared {
    fn order(&self) -> MutexGuard<'_, Option<Arc<Order>>> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for an order newer than `number`, at most `most`.
    fn newer(&self, number: u64, most: Option<Duration>) -> Option<Arc<Order>> {
        let is_old = |order: &mut Option<Arc<Order>>| {
            order.as_ref().is_none_or(|order| order.number <= number)
        };
        let order = self.order();
        let order = match most {
            None => self.changed.wait_while(order, is_old).unwrap_or_else(PoisonError::into_inner),
            Some(most) => {
                let waited = self.changed.wait_timeout_while(order, most, is_old);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        order.clone().filter(|order| order.number > number)
    }
}

/// The runs to do so that these experiments are complete.
fn wanted_runs<'a>(
    planned: &[PlannedRun<'a>],
    experiments: &BTreeSet<Name>,
    results: &Path,
) -> Wanted<'a> {
    let is_needed = |run: &PlannedRun<'_>| experiments.contains(&run.experiment.name);
    wanted(planned, &is_needed, false, &Store::of(results))
}

/// The thread.
struct Worker {
    shared: Arc<Shared>,
    root: PathBuf,
    jobs: Jobs,
    reporter: Reporter,
    /// The runs that were recorded and that the preview has not noticed yet.
    recorded: BTreeSet<Digest>,
    /// The runs that failed, with a line about each. They are not tried again before they change.
    failed: BTreeMap<Digest, String>,
}

impl Worker {
    fn work(mut self) {
        let mut done = 0;
        while let Some(mut order) = self.shared.newer(done, None) {
            if order.wanted.iter().any(|run| self.recorded.contains(run)) {
                // Otherwise the record was removed again, so the run is wanted again.
                match self.shared.newer(order.number, Some(NOTICED_WITHIN)) {
                    Some(newer) => order = newer,
                    None => self.recorded.clear(),
                }
                if order.wanted.iter().any(|run| self.recorded.contains(run)) {
                    continue;
                }
            }
            done = order.number;
            self.recorded.retain(|run| order.wanted.contains(run));
            self.failed.retain(|run, _| order.wanted.contains(run));
            if let Err(error) = self.carry_out(&order) {
                self.shared.is_at_work.store(false, Ordering::Relaxed);
                let text = text_of(&error);
                report(format_args!("error: {text}"));
                self.reporter.report(Runs { failed: vec![text], ..Runs::default() });
            }
        }
    }

    fn carry_out(&mut self, order: &Order) -> Result<(), Error> {
        let (config, inputs) = (order.config.clone(), order.inputs.clone());
        let site = Site::parse(config, inputs, &environment::variable);
        let planned = plan(&site.experiments, &site.records);
        let Wanted { mut runs, fresh, .. } =
            wanted_runs(&planned, &order.experiments, &site.results);
        self.leave_out_failed(&mut runs);
        if runs.is_empty() {
            let failed = self.failed.values().cloned().collect();
            self.reporter.report(Runs { failed, ..Runs::default() });
            return Ok(());
        }
        let store = Store::of(&self.root);
        let _lock = store.lock(super::report_waiting)?;
        let data = data_folders(&runs, &self.root)?;
        let watched = RefCell::new(Watched::of(&runs, &self.failed));
        let stop = || self.stop(order, &watched.borrow());
        let jobs = jobs(&runs, self.jobs);
        let mut setup = setup(&runs, &site, store.clone(), data, jobs, None, &stop)?;
        self.shared.is_at_work.store(true, Ordering::Relaxed);
        let reporter = &self.reporter;
        let outcomes = run_all(&runs, &fresh, &mut setup, &mut |number, event| {
            watched.borrow_mut().update(number, &event, reporter);
        });
        self.shared.is_at_work.store(false, Ordering::Relaxed);
        for (run, outcome) in runs.iter().zip(outcomes) {
            let digest = run.fingerprint.digest();
            if outcome.is_ok() {
                self.recorded.insert(digest);
            } else if let Some(line) = failure(run, &outcome) {
                self.failed.insert(digest, line);
            }
        }
        let failed = self.failed.values().cloned().collect();
        let Watched { provisional, .. } = watched.into_inner();
        // They stay until the preview has noticed the records.
        let provisional = provisional.into_values().collect();
        self.reporter.report(Runs { failed, provisional, ..Runs::default() });
        Ok(())
    }

    /// Leaves out the runs that failed, and those that need one of them.
    fn leave_out_failed(&self, runs: &mut Vec<PlannedRun<'_>>) {
        let has_failed = |run: &PlannedRun<'_>| self.failed.contains_key(&run.fingerprint.digest());
        let failed = runs.iter().filter(|run| has_failed(run));
        let mut lost: BTreeSet<Name> = failed.map(|run| run.experiment.name.clone()).collect();
        loop {
            let needs_lost =
                |run: &&PlannedRun<'_>| run.experiment.needs.keys().any(|need| lost.contains(need));
            let more: BTreeSet<Name> =
                runs.iter().filter(needs_lost).map(|run| run.experiment.name.clone()).collect();
            if more.is_subset(&lost) {
                break;
            }
            lost.extend(more);
        }
        runs.retain(|run| {
            !has_failed(run) && !run.experiment.needs.keys().any(|need| lost.contains(need))
        });
    }

    /// Whether the runs of an order may go on.
    fn stop(&self, order: &Order, watched: &Watched<'_>) -> Stop {
        match self.shared.stops.load(Ordering::Relaxed) {
            0 => {}
            1 => return Stop::Gently,
            _ => return Stop::AtOnce,
        }
        let Some(newest) = self.shared.order().clone().filter(|one| one.number > order.number)
        else {
            return Stop::GoOn;
        };
        let is_wanted = |run: &PlannedRun<'_>| newest.wanted.contains(&run.fingerprint.digest());
        if !watched.in_stage(Stage::Running).all(is_wanted) {
            return Stop::Gently;
        }
        let is_new = |run: &Digest| !order.wanted.contains(run);
        if newest.wanted.iter().any(is_new) || !watched.in_stage(Stage::Waiting).all(is_wanted) {
            return Stop::StartNoMore;
        }
        Stop::GoOn
    }
}

fn text_of(error: &Error) -> String {
    match error {
        Error::Other(error) => format!("{error:#}"),
        _ => "the runs cannot be done".to_owned(),
    }
}

/// A line about a run that failed; `None` if it may be tried again.
fn failure(run: &PlannedRun<'_>, outcome: &Outcome) -> Option<String> {
    let label = run.label();
    match outcome {
        Ok(_) | Err(NoResult::Skipped(_) | NoResult::Interrupted(_)) => None,
        Err(NoResult::Failed(failure)) => {
            let last = failure.log_end.lines().last().map(|line| format!(": {line}"));
            let last = last.unwrap_or_default();
            Some(format!("{label}: {}{last} ({})", failure.reason, failure.log.display()))
        }
        Err(NoResult::Broken(error)) => Some(format!("{label}: {error}")),
    }
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Running,
    Ended,
}

/// What is known about the runs of an order.
struct Watched<'a> {
    runs: &'a [PlannedRun<'a>],
    stages: Vec<Stage>,
    /// How far each run is, in words.
    progress: Vec<String>,
    /// What each run has reported.
    provisional: BTreeMap<usize, Record>,
    failed: Vec<String>,
    reported: Option<Stopwatch>,
}

impl<'a> Watched<'a> {
    fn of(runs: &'a [PlannedRun<'a>], failed: &BTreeMap<Digest, String>) -> Watched<'a> {
        Watched {
            runs,
            stages: vec![Stage::Waiting; runs.len()],
            progress: vec![String::new(); runs.len()],
            provisional: BTreeMap::new(),
            failed: failed.values().cloned().collect(),
            reported: None,
        }
    }

    fn in_stage(&self, stage: Stage) -> impl Iterator<Item = &'a PlannedRun<'a>> {
        let runs = self.runs.iter().zip(&self.stages);
        runs.filter(move |(_, other)| **other == stage).map(|(run, _)| run)
    }

    fn update(&mut self, number: usize, event: &RunEvent<'_>, reporter: &Reporter) {
        let run = &self.runs[number];
        let mut is_pressing = true;
        match event {
            RunEvent::Started => {
                self.stages[number] = Stage::Running;
                report(format_args!("start {}", run.label()));
            }
            RunEvent::Reported(event) => {
                self.take(number, event);
                is_pressing = false;
            }
            RunEvent::Memory(_) => return,
            RunEvent::Ended(outcome) => {
                self.stages[number] = Stage::Ended;
                match outcome {
                    Ok(_) => report(format_args!("done  {}", run.label())),
                    Err(_) => drop(self.provisional.remove(&number)),
                }
                if let Some(line) = failure(run, outcome) {
                    report(format_args!("FAIL  {line}"));
                    self.failed.push(line);
                }
            }
        }
        let is_recent =
            self.reported.as_ref().is_some_and(|reported| reported.elapsed() < REPORT_EVERY);
        if is_pressing || !is_recent {
            self.reported = Some(Stopwatch::started());
            reporter.report(self.runs());
        }
    }

    /// Takes over what a run has reported.
    fn take(&mut self, number: usize, event: &Event) {
        let run = &self.runs[number];
        let record = self.provisional.entry(number).or_insert_with(|| provisional_record(run));
        match event {
            Event::Start { environment, .. } => record.environment.clone_from(environment),
            Event::Metric { name, step, value, timing } => {
                match step {
                    // A run that was resumed reports steps again.
                    Some(step) => {
                        let points = record.series.entry(name.clone()).or_default();
                        points.retain(|(other, _)| other < step);
                        points.push((*step, *value));
                        let of = run.variant.params["epochs"].as_u64();
                        let of = of.map(|of| format!(" of {of}")).unwrap_or_default();
                        let unit = run.experiment.step_name();
                        self.progress[number] = format!("{unit} {step}{of}");
                    }
                    None if *timing => drop(record.timing.insert(name.clone(), *value)),
                    None => drop(record.metrics.insert(name.clone(), *value)),
                }
            }
            Event::Progress { step, of } if self.progress[number].is_empty() => {
                self.progress[number] = format!("step {step} of {of}");
            }
            Event::Progress { .. }
            | Event::Note { .. }
            | Event::Artifact { .. }
            | Event::Diverged(_)
            | Event::Done => {}
        }
    }

    fn runs(&self) -> Runs {
        let running = (0..self.runs.len()).filter(|&number| self.stages[number] == Stage::Running);
        let running = running.map(|number| {
            let label = self.runs[number].label();
            match self.progress[number].as_str() {
                "" => label,
                progress => format!("{label}: {progress}"),
            }
        });
        Runs {
            running: running.collect(),
            waiting: self.in_stage(Stage::Waiting).count(),
            failed: self.failed.clone(),
            provisional: self.provisional.values().cloned().collect(),
        }
    }
}

/// The start of a record that is never written.
fn provisional_record(run: &PlannedRun<'_>) -> Record {
    Record {
        format: record::FORMAT,
        experiment: run.experiment.name.clone(),
        variant: run.variant.name.clone(),
        seed: run.seed,
        fingerprint: run.fingerprint.clone(),
        given: BTreeMap::new(),
        environment: BTreeMap::new(),
        finished: jiff::Timestamp::UNIX_EPOCH,
        metrics: BTreeMap::new(),
        timing: BTreeMap::new(),
        series: BTreeMap::new(),
        artifacts: Vec::new(),
        diverged: None,
        imported: None,
    }
}
