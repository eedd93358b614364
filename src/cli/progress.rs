//! Progress of runs on standard error: bars on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{counted, duration};
use crate::experiment::plan::PlannedRun;
use crate::experiment::record::Record;
use crate::recipe::{Goal, Metric};
use crate::runner::local::Failure;
use crate::runner::protocol::Event;
use crate::runner::{Outcome, Update};

/// How fine the overall bar counts: parts of one run.
const PARTS: u64 = 1000;

/// Shows the progress of a list of runs.
pub(super) struct Progress<'a> {
    runs: &'a [PlannedRun<'a>],
    bars: MultiProgress,
    is_terminal: bool,
    overall: ProgressBar,
    running: BTreeMap<usize, Running>,
    ended: u64,
}

/// What is known of a run that goes on.
struct Running {
    bar: ProgressBar,
    epoch: Option<u64>,
    /// The metric that tells best how it goes, as text.
    metric: Option<String>,
    done: f64,
}

impl<'a> Progress<'a> {
    pub(super) fn of(runs: &'a [PlannedRun<'a>]) -> Progress<'a> {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        let is_terminal = !bars.is_hidden();
        let overall = bars.add(ProgressBar::new(runs.len() as u64 * PARTS).with_style(overall_style()));
        overall.set_message(format!("0/{} runs", runs.len()));
        overall.enable_steady_tick(Duration::from_millis(200));
        Progress { runs, bars, is_terminal, overall, running: BTreeMap::new(), ended: 0 }
    }

    pub(super) fn update(&mut self, number: usize, update: &Update<'_>) {
        match update {
            Update::Started => self.started(number),
            Update::Event(event) => self.event(number, event),
            Update::Ended(outcome) => self.ended(number, outcome),
        }
        let of_running: f64 = self.running.values().map(|running| running.done).sum();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share from 0 to 1 of each run")]
        let parts = (of_running * PARTS as f64) as u64;
        self.overall.set_position(self.ended * PARTS + parts);
    }

    pub(super) fn end(self) {
        self.overall.finish_and_clear();
    }

    fn started(&mut self, number: usize) {
        let label = self.runs[number].label();
        let bar = ProgressBar::new(1).with_style(run_style()).with_prefix(label.clone());
        let bar = self.bars.insert_before(&self.overall, bar);
        bar.enable_steady_tick(Duration::from_millis(200));
        self.running.insert(number, Running { bar, epoch: None, metric: None, done: 0.0 });
        if !self.is_terminal {
            self.line(&format!("start {label}"));
        }
    }

    fn event(&mut self, number: usize, event: &Event) {
        let run = &self.runs[number];
        let Some(running) = self.running.get_mut(&number) else { return };
        let line = match event {
            Event::Start { steps: Some(steps), .. } => {
                running.bar.set_length(*steps);
                None
            }
            Event::Progress { step, of } => {
                running.bar.set_length(*of);
                running.bar.set_position(*step);
                running.done = *step as f64 / (*of).max(1) as f64;
                None
            }
            Event::Metric { name, step: Some(step), value, .. } => {
                running.epoch = Some(*step);
                let declared = run.experiment.metrics.get(name);
                let tells_best =
                    name.starts_with("valid.") && declared.is_some_and(|metric| metric.goal == Some(Goal::Max));
                if tells_best || declared.is_none() && running.metric.is_none() {
                    running.metric = Some(shown(name, *value, declared));
                }
                tells_best.then(|| format!("      {} {}", run.label(), running.message(run)))
            }
            Event::Note { text } => Some(format!("note  {}: {text}", run.label())),
            Event::Start { .. } | Event::Metric { .. } | Event::Artifact { .. } | Event::Done => None,
        };
        running.bar.set_message(running.message(run));
        let is_note = matches!(event, Event::Note { .. });
        if let Some(line) = line.filter(|_| is_note || !self.is_terminal) {
            self.line(&line);
        }
    }

    fn ended(&mut self, number: usize, outcome: &Outcome) {
        if let Some(running) = self.running.remove(&number) {
            running.bar.finish_and_clear();
        }
        self.ended += 1;
        self.overall.set_message(format!("{}/{} runs", self.ended, self.runs.len()));
        let run = &self.runs[number];
        let line = match outcome {
            Outcome::Recorded(record) => format!("done  {} {}", run.label(), result(record, run)),
            Outcome::Shared(record) => {
                format!("done  {} {}, the result of a run that is the same", run.label(), result(record, run))
            }
            Outcome::Skipped(reason) => format!("skip  {}: {reason}", run.label()),
            Outcome::Failed(failure) => format!("FAIL  {} {}", run.label(), reason(failure)),
            Outcome::Interrupted(failure) => {
                format!(
                    "stop  {} {}\n      the next try goes on from its last checkpoint",
                    run.label(),
                    reason(failure)
                )
            }
            Outcome::Broken(error) => format!("FAIL  {}: {error}", run.label()),
        };
        self.line(&line);
    }

    /// Writes a line above the bars.
    fn line(&self, line: &str) {
        self.bars.suspend(|| super::tell(format_args!("{line}")));
    }
}

impl Running {
    fn message(&self, run: &PlannedRun<'_>) -> String {
        let of = run.variant.params["epochs"].as_u64().map(|epochs| format!("/{epochs}")).unwrap_or_default();
        let epoch = self.epoch.map(|epoch| format!("epoch {epoch}{of}"));
        epoch.into_iter().chain(self.metric.clone()).collect::<Vec<_>>().join("  ")
    }
}

/// The number that a finished run is known by, and how long it took.
fn result(record: &Record, run: &PlannedRun<'_>) -> String {
    let declared = |name: &str| run.experiment.metrics.get(name);
    let best =
        record.metrics.iter().find(|(name, _)| declared(name).is_some_and(|metric| metric.goal == Some(Goal::Max)));
    let number = best.or(record.metrics.iter().next()).map(|(name, value)| shown(name, *value, declared(name)));
    let time = record.timing.get("seconds").map(|seconds| duration(*seconds));
    number.into_iter().chain(time).collect::<Vec<_>>().join("  ")
}

fn reason(failure: &Failure) -> String {
    let log: Vec<String> = failure.log_end.lines().map(|line| format!("\n      | {line}")).collect();
    let shown = if log.is_empty() {
        "its log is empty".to_owned()
    } else {
        format!("the last {} of its log", counted(log.len(), "line"))
    };
    format!("{}; {shown} ({}):{}", failure.reason, failure.log.display(), log.concat())
}

fn shown(name: &str, value: f64, metric: Option<&Metric>) -> String {
    match metric.and_then(|metric| metric.unit.as_deref()) {
        Some("%") => format!("{name} {:.1} %", value * 100.0),
        Some(unit) => format!("{name} {value:.1} {unit}"),
        None => format!("{name} {value:.4}"),
    }
}

fn run_style() -> ProgressStyle {
    style("  {prefix:<40} {bar:24.cyan/dim} {msg}  {eta} left")
}

fn overall_style() -> ProgressStyle {
    style("  {msg:<40} {bar:24.green/dim} {elapsed} gone, {eta} left")
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is a constant of this file").progress_chars("━╸─")
}
