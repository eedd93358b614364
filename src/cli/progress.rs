//! Progress of runs: bars on a terminal or plain lines elsewhere, both on standard error, or JSON on
//! standard output.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::environment::Stopwatch;
use super::runs::{Forecast, Verbosity};
use super::{counted, duration, events};
use labpress::experiment::plan::PlannedRun;
use labpress::experiment::predict::{self, Expected, Fit};
use labpress::experiment::record::Record;
use labpress::figure::number::Unit;
use labpress::recipe::{Goal, Metric};
use labpress::runner::{Failure, NoResult, Outcome, RunEvent};
use labpress_runner::protocol::Event;

/// The resolution of the overall bar: parts of one run.
const PARTS: u64 = 1000;
/// How often the overall bar is updated at most.
const SHOW_EVERY: Duration = Duration::from_millis(100);
/// The widest label in front of a bar, in characters.
const WIDEST_LABEL: usize = 34;

/// Shows the progress of a list of runs.
pub(super) struct Progress<'a> {
    runs: &'a [PlannedRun<'a>],
    verbosity: Verbosity,
    bars: MultiProgress,
    is_terminal: bool,
    overall: ProgressBar,
    overall_end: End,
    label_width: usize,
    forecast: Forecast,
    stages: Vec<Stage>,
    running: BTreeMap<usize, Running>,
    /// How many runs have ended.
    ended: usize,
    /// For each experiment, the seconds of the run that was recorded last.
    took: BTreeMap<&'a str, f64>,
    /// When the overall bar was last updated.
    shown: Option<Stopwatch>,
    /// The label of the first run that failed for a reason with a log, by both.
    failures: BTreeMap<(String, String), String>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Waiting,
    Running,
    Ended,
}

/// What is known about a run in progress.
struct Running {
    bar: ProgressBar,
    stopwatch: Stopwatch,
    end: End,
    /// How far it was, and when, at the first progress report: a resumed run does not start at 0.
    first: Option<(f64, f64)>,
    done: f64,
    /// Whether it reports its progress itself.
    shows_progress: bool,
    epoch: Option<u64>,
    /// The most informative metric, formatted.
    metric: Option<String>,
    device: Option<String>,
    /// In bytes, when it was last measured.
    memory: Option<u64>,
}

/// When a bar is expected to be full: seconds from its start. Shared with the bar, which is redrawn
/// at regular intervals.
type End = Arc<Mutex<Option<f64>>>;

impl<'a> Progress<'a> {
    /// The progress of `runs`; `forecast` is theirs.
    pub(super) fn of(
        runs: &'a [PlannedRun<'a>],
        forecast: Forecast,
        verbosity: Verbosity,
    ) -> Progress<'a> {
        let target = match verbosity {
            Verbosity::Usual | Verbosity::Verbose => ProgressDrawTarget::stderr_with_hz(10),
            Verbosity::Quiet | Verbosity::Json => ProgressDrawTarget::hidden(),
        };
        let bars = MultiProgress::with_draw_target(target);
        let is_terminal = !bars.is_hidden();
        let overall_end = End::default();
        let widest = runs.iter().map(|run| run.label().chars().count()).max().unwrap_or_default();
        let label_width = widest.clamp(12, WIDEST_LABEL);
        let overall = bars.add(
            ProgressBar::new(runs.len() as u64 * PARTS).with_style(style("green", &overall_end)),
        );
        overall.set_prefix(padded(&format!("0 of {}", counted(runs.len(), "run")), label_width));
        if is_terminal {
            overall.enable_steady_tick(Duration::from_millis(200));
        }
        let stages = vec![Stage::Waiting; runs.len()];
        let running = BTreeMap::new();
        let mut progress = Progress {
            runs,
            verbosity,
            bars,
            is_terminal,
            overall,
            overall_end,
            label_width,
            forecast,
            stages,
            running,
            ended: 0,
            took: BTreeMap::new(),
            shown: None,
            failures: BTreeMap::new(),
        };
        progress.show_overall();
        progress
    }

    pub(super) fn update(&mut self, number: usize, event: &RunEvent<'_>) {
        if self.verbosity == Verbosity::Json {
            events::write(&events::of_run_event(number, event));
        }
        match event {
            RunEvent::Started => self.started(number),
            RunEvent::Reported(event) => self.event(number, event),
            RunEvent::Memory(bytes) => self.memory(number, *bytes),
            RunEvent::Ended(outcome) => self.ended(number, outcome),
        }
        self.show_overall();
    }

    pub(super) fn end(self) {
        self.overall.finish_and_clear();
    }

    fn started(&mut self, number: usize) {
        let label = self.runs[number].label();
        let end = End::default();
        let bar = ProgressBar::new(1)
            .with_style(style("cyan", &end))
            .with_prefix(padded(&label, self.label_width));
        let bar = self.bars.insert_before(&self.overall, bar);
        if self.is_terminal {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        set(&end, self.forecast.expected[number].seconds);
        let running = Running {
            bar,
            stopwatch: Stopwatch::started(),
            end,
            first: None,
            done: 0.0,
            shows_progress: false,
            epoch: None,
            metric: None,
            device: None,
            memory: None,
        };
        self.running.insert(number, running);
        self.stages[number] = Stage::Running;
        if !self.is_terminal {
            self.line(&format!("start {label}"));
        }
    }

    fn memory(&mut self, number: usize, bytes: u64) {
        if let Some(running) = self.running.get_mut(&number) {
            running.memory = Some(bytes);
            running
                .bar
                .set_message(super::printable(&running.state(&self.runs[number])).into_owned());
        }
    }

    fn event(&mut self, number: usize, event: &Event) {
        let run = &self.runs[number];
        let Some(running) = self.running.get_mut(&number) else { return };
        let mut is_for_terminals = false;
        let line = match event {
            Event::Start { environment, steps } => {
                running.bar.set_length(steps.unwrap_or(1));
                running.device = environment.get("device").cloned();
                let facts: Vec<String> =
                    environment.iter().map(|(name, fact)| format!("{name} {fact}")).collect();
                (self.verbosity == Verbosity::Verbose).then(|| facts.join(", "))
            }
            Event::Progress { step, of } => {
                running.shows_progress = true;
                running.progress(*step, *of, self.forecast.expected[number].seconds);
                None
            }
            Event::Metric { name, step: Some(step), value, .. } => {
                running.epoch = Some(*step);
                let epochs = run.variant.params["epochs"].as_u64();
                // A runner that reports no progress still reports its epochs.
                if let Some(epochs) = epochs.filter(|_| !running.shows_progress) {
                    running.progress(*step, epochs, self.forecast.expected[number].seconds);
                }
                let declared = run.experiment.metrics.get(name);
                let is_informative = name.starts_with("valid.")
                    && declared.is_some_and(|metric| metric.goal == Some(Goal::Max));
                if is_informative || declared.is_none() && running.metric.is_none() {
                    running.metric = Some(shown(name, *value, declared));
                }
                if self.verbosity == Verbosity::Verbose {
                    Some(format!(
                        "{}  {}",
                        running.epoch_text(run).unwrap_or_default(),
                        shown(name, *value, declared)
                    ))
                } else {
                    is_informative.then(|| running.message(run))
                }
            }
            Event::Metric { name, step: None, value, .. } => {
                let declared = run.experiment.metrics.get(name);
                (self.verbosity == Verbosity::Verbose).then(|| shown(name, *value, declared))
            }
            Event::Artifact { name, path, .. } => {
                (self.verbosity == Verbosity::Verbose).then(|| format!("artifact {name}: {path}"))
            }
            Event::Note { text } => {
                is_for_terminals = true;
                Some(format!("note: {text}"))
            }
            // Reported when the run ends.
            Event::Diverged(_) | Event::Done => None,
        };
        if self.is_terminal {
            running.bar.set_message(super::printable(&running.state(run)).into_owned());
        }
        is_for_terminals |= self.verbosity == Verbosity::Verbose;
        if let Some(line) = line.filter(|_| is_for_terminals || !self.is_terminal) {
            self.line(&format!("      {} {line}", run.label()));
        }
    }

    fn ended(&mut self, number: usize, outcome: &Outcome) {
        let running = self.running.remove(&number);
        let took = running.as_ref().map(|running| running.stopwatch.elapsed().as_secs_f64());
        if let Some(running) = running {
            running.bar.finish_and_clear();
            self.bars.remove(&running.bar);
        }
        self.stages[number] = Stage::Ended;
        self.ended += 1;
        let run = &self.runs[number];
        if let Some(took) = took
            && outcome.as_ref().is_ok_and(|recorded| !recorded.is_shared())
        {
            self.took.insert(run.experiment.name.as_str(), took);
        }
        let label = run.label();
        match outcome {
            Ok(recorded) => {
                let record = recorded.record();
                let result = match &record.diverged {
                    Some(diverged) => diverged.phrase(run.experiment.step_name()),
                    None if recorded.is_shared() => {
                        result(record, run) + ", copied from an identical run"
                    }
                    None => result(record, run),
                };
                self.line(&format!("done  {label} {result}"));
            }
            Err(NoResult::Skipped(reason)) => self.error(&format!("skip  {label}: {reason}")),
            Err(NoResult::Failed(failure)) => {
                let reason = self.reason(failure, &label);
                self.error(&format!("FAIL  {label} {reason}"));
            }
            Err(NoResult::Interrupted(failure)) => {
                let reason = self.reason(failure, &label);
                self.error(&format!(
                    "stop  {label} {reason}\n      the next try resumes from its last checkpoint"
                ));
            }
            Err(NoResult::Broken(error)) => self.error(&format!("FAIL  {label}: {error}")),
        }
    }

    /// Updates the overall bar, unless that was done very recently.
    fn show_overall(&mut self) {
        if self.shown.as_ref().is_some_and(|shown| shown.elapsed() < SHOW_EVERY)
            && self.ended < self.runs.len()
        {
            return;
        }
        self.shown = Some(Stopwatch::started());
        let ended = self.ended;
        let of_running: f64 = self.running.values().map(|running| running.done).sum();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share from 0 to 1 of each run"
        )]
        let parts = (of_running * PARTS as f64) as u64;
        self.overall.set_position(ended as u64 * PARTS + parts);
        let all = counted(self.runs.len(), "run");
        self.overall.set_prefix(padded(&format!("{ended} of {all}"), self.label_width));
        let elapsed = self.overall.elapsed().as_secs_f64();
        if self.is_terminal {
            set(&self.overall_end, self.left().map(|left| elapsed + left));
            self.overall.set_message(format!("{} so far", duration(elapsed)));
        }
    }

    /// Seconds until all runs have ended; `None` as long as the duration of one of them is unknown.
    fn left(&self) -> Option<f64> {
        let number_of =
            |stage: Stage| (0..self.runs.len()).filter(move |&number| self.stages[number] == stage);
        // Those that are running come first, and keep their places.
        let order: Vec<usize> =
            number_of(Stage::Running).chain(number_of(Stage::Waiting)).collect();
        let places: BTreeMap<usize, usize> =
            order.iter().enumerate().map(|(place, &number)| (number, place)).collect();
        let expected = order.iter().map(|&number| {
            let needs = &self.forecast.expected[number].needs;
            let needs = needs.iter().filter_map(|need| places.get(need).copied()).collect();
            self.seconds_left(number).map(|seconds| Expected { seconds: Some(seconds), needs })
        });
        let expected: Vec<Expected> = expected.collect::<Option<_>>()?;
        let ends =
            predict::fit(&expected, self.forecast.slots, None).into_iter().map(|fit| match fit {
                Fit::Ends(end) => end,
                Fit::TooLong(_) | Fit::NeedsLeftOut(_) => 0.0,
            });
        Some(ends.fold(0.0, f64::max))
    }

    fn seconds_left(&self, number: usize) -> Option<f64> {
        if let Some(running) = self.running.get(&number) {
            let end = *running.end.lock().ok()?;
            if let Some(end) = end {
                return Some((end - running.stopwatch.elapsed().as_secs_f64()).max(0.0));
            }
        }
        // A run without records takes as long as the run of its experiment that ended last, or as
        // one in progress seems to take.
        let name = &self.runs[number].experiment.name;
        let will_take = || {
            let mut others = self
                .running
                .iter()
                .rev()
                .filter(|(other, _)| self.runs[**other].experiment.name == *name);
            others.find_map(|(_, running)| *running.end.lock().ok()?)
        };
        let expected = self.forecast.expected[number].seconds;
        expected.or_else(|| self.took.get(name.as_str()).copied()).or_else(will_take)
    }

    /// Why a run has no result, with the end of its log, unless another run has failed in exactly the
    /// same way.
    fn reason(&mut self, failure: &Failure, label: &str) -> String {
        let Failure { reason, log_end, log } = failure;
        let log = log.display();
        if log_end.is_empty() {
            return format!("{reason}; its log is empty ({log})");
        }
        match self.failures.entry((reason.clone(), log_end.clone())) {
            Entry::Occupied(first) => {
                format!("{reason}; its log ends like that of {} ({log})", first.get())
            }
            Entry::Vacant(first) => {
                first.insert(label.to_owned());
                let lines: Vec<String> =
                    log_end.lines().map(|line| format!("\n      | {line}")).collect();
                format!(
                    "{reason}; the last {} of its log ({log}):{}",
                    counted(lines.len(), "line"),
                    lines.concat()
                )
            }
        }
    }

    /// Writes a line above the bars.
    fn line(&self, line: &str) {
        self.bars.suspend(|| self.verbosity.report(format_args!("{line}")));
    }

    /// Writes a line about something that went wrong, even with `--quiet`.
    fn error(&self, line: &str) {
        if self.verbosity == Verbosity::Json {
            return;
        }
        self.bars.suspend(|| super::report(format_args!("{line}")));
    }
}

impl Running {
    /// Updates the bar of a run that is at `step` of `of`; `expected` is how long such a run takes.
    fn progress(&mut self, step: u64, of: u64, expected: Option<f64>) {
        self.bar.set_length(of);
        self.bar.set_position(step);
        self.done = (step as f64 / of.max(1) as f64).min(1.0);
        let elapsed = self.stopwatch.elapsed().as_secs_f64();
        let (first_done, first_at) = *self.first.get_or_insert((self.done, elapsed));
        let gained = self.done - first_done;
        let by_speed =
            (gained > 0.0).then(|| elapsed + (elapsed - first_at) / gained * (1.0 - self.done));
        set(&self.end, by_speed.or(expected));
    }

    fn epoch_text(&self, run: &PlannedRun<'_>) -> Option<String> {
        let of = run.variant.params["epochs"]
            .as_u64()
            .map(|epochs| format!("/{epochs}"))
            .unwrap_or_default();
        self.epoch.map(|epoch| format!("epoch {epoch}{of}"))
    }

    fn message(&self, run: &PlannedRun<'_>) -> String {
        self.epoch_text(run).into_iter().chain(self.metric.clone()).collect::<Vec<_>>().join("  ")
    }

    /// The message, its device and its memory.
    fn state(&self, run: &PlannedRun<'_>) -> String {
        let message = Some(self.message(run)).filter(|message| !message.is_empty());
        let memory = self.memory.map(|bytes| format!("{} MiB", bytes >> 20));
        message.into_iter().chain(self.device.clone()).chain(memory).collect::<Vec<_>>().join("  ")
    }
}

/// The most important number of a finished run, and how long it took.
fn result(record: &Record, run: &PlannedRun<'_>) -> String {
    let declared = |name: &str| run.experiment.metrics.get(name);
    let best = record
        .metrics
        .iter()
        .find(|(name, _)| declared(name).is_some_and(|metric| metric.goal == Some(Goal::Max)));
    let number = best
        .or(record.metrics.iter().next())
        .map(|(name, value)| shown(name, *value, declared(name)));
    let time = record.timing.get("seconds").map(|seconds| duration(*seconds));
    number.into_iter().chain(time).collect::<Vec<_>>().join("  ")
}

fn shown(name: &str, value: f64, metric: Option<&Metric>) -> String {
    match Unit::of(metric) {
        Unit::Plain => format!("{name} {value:.4}"),
        unit => format!("{name} {:.1} {}", value * unit.factor(), unit.sign()),
    }
}

/// A label of the same width as all others: padded, or without its middle, since the start and the end
/// are the most informative.
fn padded(label: &str, width: usize) -> String {
    let length = label.chars().count();
    if length <= width {
        return format!("{label:width$}");
    }
    let tail = (width - 1) / 2;
    let head: String = label.chars().take(width - 1 - tail).collect();
    let tail: String = label.chars().skip(length - tail).collect();
    format!("{head}…{tail}")
}

fn set(end: &End, seconds: Option<f64>) {
    if let Ok(mut end) = end.lock() {
        *end = seconds;
    }
}

/// The style of a bar. The message comes last, where a narrow terminal truncates it.
fn style(colour: &str, end: &End) -> ProgressStyle {
    let end = Arc::clone(end);
    let left = move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        let end = end.lock().ok().and_then(|end| *end);
        let left = end.map(|end| (end - state.elapsed().as_secs_f64()).max(0.0));
        let text = left.map(|left| format!("{} left", duration(left))).unwrap_or_default();
        // Writing to the bar cannot fail.
        let _ = write!(out, "{text:>15}");
    };
    ProgressStyle::with_template(&format!(
        "  {{prefix}} {{bar:14.{colour}/dim}} {{left}}  {{wide_msg}}"
    ))
    .expect("the template is a constant of this file")
    .with_key("left", left)
    .progress_chars("━╸─")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_label_loses_its_middle() {
        assert_eq!(padded("abc", 5), "abc  ");
        assert_eq!(padded("abcdefgh", 6), "abc…gh");
        assert_eq!(padded("abcdefgh", 8), "abcdefgh");
    }
}
