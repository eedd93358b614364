//! Does the stale runs of a plan and reports their results, for `build` and `run`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::environment::{self, Interrupts, Stopwatch, cores};
use super::progress::Progress;
use super::{Error, Jobs, counted, data as data_sets, duration, events, report};
use labpress::experiment::Name;
use labpress::experiment::plan::PlannedRun;
use labpress::experiment::predict::{self, Expected, Fit, Predictor};
use labpress::experiment::record::Record;
use labpress::experiment::spec::{self, Runner, Weights};
use labpress::runner::executor::Slots;
use labpress::runner::local::{Local, Machine};
use labpress::runner::{Recorded, Setup, Stop, lost_artifact, run_all};
use labpress::site::Site;
use labpress::store::Store;

/// How runs are done, for commands that run experiments.
#[derive(Args, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Work {
    #[command(flatten)]
    pub(super) jobs: Jobs,
    /// Report the state of each run and what would be done, without doing it
    #[arg(long, short = 'n')]
    pub(super) dry_run: bool,
    /// Do only the runs that are expected to finish within this time (`90s`, `15m`, `2h`), judging
    /// by earlier ones
    #[arg(long, value_name = "TIME", value_parser = budget)]
    pub(super) budget: Option<Duration>,
    /// Run stale experiments at toy scale, only to see whether they work: nothing is recorded in the
    /// site
    #[arg(long)]
    pub(super) smoke: bool,
    /// Print errors only
    #[arg(long, short)]
    quiet: bool,
    /// Print everything that runs report
    #[arg(long, short, conflicts_with = "quiet")]
    verbose: bool,
    /// Write events to standard output as JSON, one object per line
    #[arg(long, conflicts_with_all = ["quiet", "verbose"])]
    json: bool,
}

/// How much is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verbosity {
    /// Errors.
    Quiet,
    /// What is done, and the results.
    Usual,
    /// Everything that runs report.
    Verbose,
    /// Errors, and everything else as JSON, see [`events`].
    Json,
}

impl Work {
    pub(super) fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose, self.json) {
            (true, _, _) => Verbosity::Quiet,
            (_, true, _) => Verbosity::Verbose,
            (_, _, true) => Verbosity::Json,
            _ => Verbosity::Usual,
        }
    }
}

impl Verbosity {
    /// Writes a line to standard error, unless only errors are printed there.
    pub(super) fn report(self, line: std::fmt::Arguments<'_>) {
        if matches!(self, Verbosity::Usual | Verbosity::Verbose) {
            report(line);
        }
    }
}

fn budget(text: &str) -> Result<Duration, String> {
    let seconds = spec::quantity(text, spec::TIME_UNITS).filter(|seconds| *seconds > 0);
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| "expected a time such as `90s`, `15m` or `2h`".to_owned())
}

/// Runs to be done.
#[derive(Debug, Default)]
pub(super) struct Wanted<'a> {
    pub(super) runs: Vec<PlannedRun<'a>>,
    /// Why each of them is done, in the same order.
    pub(super) reasons: Vec<String>,
    /// All other runs that are fresh.
    pub(super) fresh: Vec<PlannedRun<'a>>,
}

/// The runs to do for the selected runs to be fresh, including those that they need.
///
/// A fresh run is repeated if it is selected and `force` is set, or if a stale one needs it and its
/// artifacts are not on this machine, as in a new clone. Imported runs are never done.
pub(super) fn wanted<'a>(
    planned: &[PlannedRun<'a>],
    is_asked: &dyn Fn(&PlannedRun<'_>) -> bool,
    force: bool,
    store: &Store,
) -> Wanted<'a> {
    let reason = |run: &PlannedRun<'a>, is_needed: bool| match run.fresh() {
        _ if run.experiment.runner.imported_from().is_some() => None,
        None => run.reason().filter(|_| is_needed || is_asked(run)),
        Some(_) if force && is_asked(run) => {
            let how = run.diverged().unwrap_or_else(|| "is fresh".to_owned());
            Some(format!("it {how}, and `--force` repeats it"))
        }
        // This reads the artifacts, which can be large.
        Some(record) if is_needed => lost_artifact(record, store),
        Some(_) => None,
    };
    let of_experiment = numbers_of_experiments(planned);
    let mut reasons: Vec<Option<String>> = planned.iter().map(|run| reason(run, false)).collect();
    let stale = planned.iter().zip(&reasons).filter(|(_, reason)| reason.is_some());
    let mut unseen: BTreeSet<&Name> =
        stale.flat_map(|(run, _)| run.experiment.needs.keys()).collect();
    let mut needed: BTreeSet<&Name> = BTreeSet::new();
    while let Some(name) = unseen.pop_first() {
        if !needed.insert(name) {
            continue;
        }
        for &number in of_experiment.get(name).into_iter().flatten() {
            let run = &planned[number];
            reasons[number] = reasons[number].take().or_else(|| reason(run, true));
            if reasons[number].is_some() {
                unseen.extend(run.experiment.needs.keys());
            }
        }
    }
    let mut wanted = Wanted::default();
    for (run, reason) in planned.iter().zip(reasons) {
        match reason {
            Some(reason) => {
                wanted.runs.push(run.clone());
                wanted.reasons.push(reason);
            }
            None if run.fresh().is_some() => wanted.fresh.push(run.clone()),
            None => {}
        }
    }
    wanted
}

/// The indices of each experiment's runs.
fn numbers_of_experiments<'p>(runs: &'p [PlannedRun<'_>]) -> BTreeMap<&'p Name, Vec<usize>> {
    let mut numbers: BTreeMap<&Name, Vec<usize>> = BTreeMap::new();
    for (number, run) in runs.iter().enumerate() {
        numbers.entry(&run.experiment.name).or_default().push(number);
    }
    numbers
}

/// How long each run is expected to take, and whether it fits into the budget.
pub(super) struct Forecast {
    pub(super) expected: Vec<Expected>,
    pub(super) fits: Vec<Fit>,
    /// How many runs run at once.
    pub(super) slots: usize,
    jobs: Option<usize>,
    budget: Option<Duration>,
}

impl Forecast {
    pub(super) fn of(runs: &[PlannedRun<'_>], records: &[Record], work: &Work) -> Forecast {
        Forecast::at_most(jobs(runs, work.jobs), runs, records, work.budget)
    }

    /// The forecast with at most `jobs` runs at once; `None` means as many as there are cores for.
    pub(super) fn at_most(
        jobs: Option<usize>,
        runs: &[PlannedRun<'_>],
        records: &[Record],
        budget: Option<Duration>,
    ) -> Forecast {
        let mut predictor = Predictor::of(records);
        let of_experiment = numbers_of_experiments(runs);
        let expected: Vec<Expected> = runs
            .iter()
            .map(|run| {
                let needs = run
                    .experiment
                    .needs
                    .keys()
                    .filter_map(|need| of_experiment.get(need))
                    .flatten();
                Expected { seconds: predictor.seconds(run), needs: needs.copied().collect() }
            })
            .collect();
        let threads = runs.iter().map(|run| run.experiment.limits.threads).max().unwrap_or(1);
        let by_cores = (cores() / threads.max(1)).max(1);
        let slots = jobs.map_or(by_cores, |jobs| jobs.min(by_cores));
        let fits = predict::fit(&expected, slots, budget.map(|budget| budget.as_secs_f64()));
        Forecast { expected, fits, slots, jobs, budget }
    }

    /// Seconds until the last run that fits has ended; `None` if the duration of one is unknown.
    pub(super) fn seconds(&self) -> Option<f64> {
        let fitting = self.fits.iter().zip(&self.expected);
        let ends = fitting.filter_map(|(fit, expected)| match fit {
            Fit::Ends(end) => Some(expected.seconds.map(|_| *end)),
            Fit::TooLong(_) | Fit::NeedsLeftOut(_) => None,
        });
        ends.collect::<Option<Vec<f64>>>().map(|ends| ends.into_iter().fold(0.0, f64::max))
    }

    /// Why a run is left out; `None` if it fits.
    pub(super) fn left_out(&self, number: usize, runs: &[PlannedRun<'_>]) -> Option<String> {
        let budget = duration(self.budget.unwrap_or_default().as_secs_f64());
        match self.fits[number] {
            Fit::Ends(_) => None,
            Fit::TooLong(end) => {
                let takes = duration(self.expected[number].seconds.unwrap_or_default());
                let end = duration(end);
                Some(format!(
                    "it takes about {takes} and would end after {end}, beyond the budget of \
                     {budget}"
                ))
            }
            Fit::NeedsLeftOut(need) => {
                Some(format!("{}, which it needs, is left out", runs[need].label()))
            }
        }
    }
}

/// What [`do_runs`] has done.
pub(super) struct Done {
    /// The records of the runs.
    pub(super) records: Vec<Record>,
    /// How many runs did not fit into the budget.
    pub(super) left_out: usize,
}

/// Does the runs, with progress on standard error. A failed run does not stop the others; it is
/// reported as an error when all have finished.
pub(super) fn do_runs(
    wanted: &Wanted<'_>,
    site: &Site,
    work: &Work,
    strace: Option<PathBuf>,
) -> Result<Done, Error> {
    let verbosity = work.verbosity();
    let forecast = Forecast::of(&wanted.runs, &site.records, work);
    let left_out: Vec<Option<String>> =
        (0..wanted.runs.len()).map(|number| forecast.left_out(number, &wanted.runs)).collect();
    let chosen: Vec<usize> =
        (0..wanted.runs.len()).filter(|&number| left_out[number].is_none()).collect();
    let runs: Vec<PlannedRun<'_>> =
        chosen.iter().map(|&number| wanted.runs[number].clone()).collect();
    report_plan(wanted, &left_out, &forecast, &site.results, verbosity);
    let left = wanted.runs.len() - runs.len();
    if runs.is_empty() {
        return Ok(Done { records: Vec::new(), left_out: left });
    }
    // Before signals are caught, so that Ctrl-C interrupts downloads as usual.
    let data = data_folders(&runs, site.inputs.root())?;
    let interrupts = Interrupts::counted()?;
    let stopwatch = Stopwatch::started();
    let is_used_up = || work.budget.is_some_and(|budget| stopwatch.elapsed() >= budget);
    let stop = || match interrupts.stop() {
        Stop::GoOn if is_used_up() => Stop::StartNoMore,
        stop => stop,
    };
    let store = Store::of(&site.results);
    let mut setup = setup(&runs, site, store, data, forecast.jobs, strace, &stop)?;
    let forecast = Forecast::at_most(forecast.jobs, &runs, &site.records, None);
    let mut progress = Progress::of(&runs, forecast, verbosity);
    let outcomes = run_all(&runs, &wanted.fresh, &mut setup, &mut |number, event| {
        progress.update(number, &event);
    });
    progress.end();
    let count = outcomes.len();
    let records: Vec<Record> = outcomes.into_iter().flatten().map(Recorded::into_record).collect();
    let (recorded, failed) = (records.len(), count - records.len());
    let diverged = records.iter().filter(|record| record.diverged.is_some()).count();
    let seconds = stopwatch.elapsed().as_secs_f64();
    if verbosity == Verbosity::Json {
        events::write(&json!({
            "event": "runs-ended", "recorded": recorded, "diverged": diverged, "without-result": failed,
            "seconds": seconds,
        }));
    }
    let at_toy_scale = if work.smoke { " at toy scale" } else { "" };
    let of_them =
        if diverged > 0 { format!(", {diverged} of them diverged") } else { String::new() };
    verbosity.report(format_args!(
        "{} recorded{at_toy_scale} in {}{of_them}",
        counted(recorded, "run"),
        duration(seconds)
    ));
    match failed {
        0 => Ok(Done { records, left_out: left }),
        failed => Err(Error::RunsWithoutResult(failed)),
    }
}

/// How runs are done on this machine; `data` are the folders of their data sets.
pub(super) fn setup<'a>(
    runs: &[PlannedRun<'_>],
    site: &Site,
    store: Store,
    data: BTreeMap<String, PathBuf>,
    jobs: Option<usize>,
    strace: Option<PathBuf>,
    stop: &'a dyn Fn() -> Stop,
) -> Result<Setup<'a>, Error> {
    let lab = environment::lab();
    if needs_lab(runs) && lab.is_none() {
        let runs = if runs.len() == 1 {
            "1 run has".to_owned()
        } else {
            format!("{} runs have", runs.len())
        };
        return Err(anyhow::anyhow!(
            "{runs} to be trained, but the program `lab` was not found\n\
            hint: `make lab` builds it; `labpress build --locked` uses only the committed results"
        )
        .into());
    }
    if let Some(lab) = lab.as_deref().filter(|_| needs_lab(runs)) {
        warn_of_other_build(lab);
    }
    let root = site.inputs.root().to_owned();
    let machine = Machine { root, store: store.clone(), data, lab, strace };
    let executor = Box::new(Local::new(machine, Slots { cores: cores(), jobs }));
    Ok(Setup { executor, store, stop })
}

/// Warns of a `lab` from a different build, whose results may not match the fingerprints. One that
/// does not start fails with its first run.
fn warn_of_other_build(lab: &Path) {
    let Ok(info) = environment::lab_info(lab) else { return };
    if let Some(difference) = environment::other_build(lab, &info) {
        report(format_args!(
            "warning: {difference}\nhint: `make lab` builds `lab` from the same source"
        ));
    }
}

fn needs_lab(runs: &[PlannedRun<'_>]) -> bool {
    runs.iter().any(|run| matches!(run.experiment.runner, Runner::Lab { .. }))
}

/// How many runs may run at once; `None` means as many as there are cores for.
pub(super) fn jobs(runs: &[PlannedRun<'_>], Jobs { jobs }: Jobs) -> Option<usize> {
    // Concurrent runs on one GPU are not faster, and may need more memory than it has.
    let on_gpu = || {
        needs_lab(runs)
            && runs.iter().any(may_use_gpu)
            && environment::lab().is_some_and(|lab| has_gpu(&lab))
    };
    jobs.map(usize::from).or_else(|| on_gpu().then_some(1))
}

fn may_use_gpu(run: &PlannedRun<'_>) -> bool {
    run.experiment.device != Some(labpress::experiment::spec::Device::Cpu)
}

fn has_gpu(lab: &Path) -> bool {
    environment::lab_info(lab).is_ok_and(|info| info["cuda"] == true)
}

/// Fetches the data sets of the runs and returns the folder of each.
pub(super) fn data_folders(
    runs: &[PlannedRun<'_>],
    root: &Path,
) -> Result<BTreeMap<String, PathBuf>, Error> {
    let mut folders = BTreeMap::new();
    let of_runs = runs.iter().flat_map(|run| {
        let weights = run.variant.weights.as_ref().and_then(Weights::data);
        run.experiment.data.iter().chain(weights)
    });
    for data in of_runs {
        if folders.contains_key(&data.name) {
            continue;
        }
        let folder = data_sets::fetched(&data.name, &data.set, Some(root))?;
        folders.insert(data.name.clone(), folder);
    }
    Ok(folders)
}

/// Reports which runs are done or left out, and why.
fn report_plan(
    wanted: &Wanted<'_>,
    left_out: &[Option<String>],
    forecast: &Forecast,
    results: &Path,
    verbosity: Verbosity,
) {
    if verbosity == Verbosity::Json {
        let (mut runs, mut left) = (Vec::new(), Vec::new());
        for (number, run) in wanted.runs.iter().enumerate() {
            let seconds = forecast.expected[number].seconds;
            let of_run = events::with(events::run(run), json!({"seconds": seconds}));
            match &left_out[number] {
                None => {
                    let more = json!({"run": runs.len(), "reason": wanted.reasons[number]});
                    runs.push(events::with(of_run, more));
                }
                Some(reason) => left.push(events::with(of_run, json!({"reason": reason}))),
            }
        }
        let seconds = forecast.seconds();
        events::write(
            &json!({"event": "plan", "runs": runs, "left-out": left, "seconds": seconds, "results": results}),
        );
    }
    let lines = (0..wanted.runs.len()).map(|number| match &left_out[number] {
        None => ("stale", wanted.reasons[number].as_str()),
        Some(reason) => ("left ", reason.as_str()),
    });
    let lines: Vec<((&str, &str), &PlannedRun<'_>)> = lines.zip(&wanted.runs).collect();
    // One line for all seeds of a variant with the same reason.
    let alike = |(a_why, a): &((&str, &str), &PlannedRun<'_>),
                 (b_why, b): &((&str, &str), &PlannedRun<'_>)| {
        a_why == b_why && a.experiment.name == b.experiment.name && a.variant.name == b.variant.name
    };
    for lines in lines.chunk_by(alike) {
        let seeds: Vec<String> = lines.iter().map(|(_, run)| run.seed.to_string()).collect();
        let [((how, why), run), ..] = lines else { continue };
        let (experiment, variant) = (&run.experiment.name, &run.variant.name);
        let seeds =
            format!("{} {}", if lines.len() == 1 { "seed" } else { "seeds" }, seeds.join(" "));
        verbosity.report(format_args!("{how} {experiment}/{variant} {seeds}: {why}"));
    }
}
