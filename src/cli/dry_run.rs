//! `--dry-run`: the state of each run and what would be done about it, for `build` and `run`.

use std::collections::BTreeMap;

use serde_json::json;

use super::runs::{Forecast, Verbosity, Wanted, Work};
use super::table::table;
use super::{answer, counted, duration, events};
use labpress::experiment::plan::{PlannedRun, RunState};
use labpress::runner::child;
use labpress::site::Site;
use labpress::store::Store;

/// Reports the state of the runs that `wanted` was chosen from.
pub(super) fn report(planned: &[PlannedRun<'_>], wanted: &Wanted<'_>, site: &Site, work: &Work) {
    let forecast = Forecast::of(&wanted.runs, &site.records, work);
    let store = Store::of(&site.results);
    let key =
        |run: &PlannedRun<'_>| (run.experiment.name.clone(), run.variant.name.clone(), run.seed);
    let numbers: BTreeMap<_, usize> =
        wanted.runs.iter().enumerate().map(|(number, run)| (key(run), number)).collect();
    let line = |run| line(run, numbers.get(&key(run)).copied(), wanted, &forecast, &store);
    let lines: Vec<Line<'_>> = planned.iter().map(line).collect();
    match work.verbosity() {
        Verbosity::Json => {
            let runs: Vec<_> = lines.iter().map(Line::as_event).collect();
            events::write(&json!({"event": "dry-run", "runs": runs}));
        }
        Verbosity::Quiet | Verbosity::Usual | Verbosity::Verbose => {
            let rows: Vec<Vec<String>> = lines.iter().map(Line::as_row).collect();
            if !rows.is_empty() {
                answer(&table(&["RUN", "STATE", "THEN", "WHY"], &rows));
            }
            let count = lines.iter().filter(|line| line.then == Some("run")).count();
            let time = forecast
                .seconds()
                .filter(|_| count > 0)
                .map(|time| format!(", in about {}", duration(time)));
            answer(&format!("{} would be done{}", counted(count, "run"), time.unwrap_or_default()));
        }
    }
}

/// The state of one run.
struct Line<'a> {
    run: &'a PlannedRun<'a>,
    state: &'static str,
    then: Option<&'static str>,
    why: String,
    seconds: Option<f64>,
}

impl Line<'_> {
    fn as_row(&self) -> Vec<String> {
        let time = self
            .seconds
            .map(|seconds| format!(", about {}", duration(seconds)))
            .unwrap_or_default();
        let then = match self.then {
            Some("run") => format!("run{time}"),
            Some(then) => then.to_owned(),
            None => "-".to_owned(),
        };
        vec![self.run.label(), self.state.to_owned(), then, self.why.clone()]
    }

    fn as_event(&self) -> serde_json::Value {
        let Line { state, then, why, seconds, .. } = self;
        events::with(
            events::run(self.run),
            json!({"state": state, "then": then, "reason": why, "seconds": seconds}),
        )
    }
}

fn line<'a>(
    run: &'a PlannedRun<'a>,
    number: Option<usize>,
    wanted: &Wanted<'_>,
    forecast: &Forecast,
    store: &Store,
) -> Line<'a> {
    let stem = run.stem();
    let folder = store.run_folder(run.experiment.name.as_str(), &stem);
    let failure = child::failure_before(&folder).filter(|_| run.fresh().is_none());
    let state = match (&run.state, &failure) {
        (RunState::Fresh(record), _) if record.diverged.is_some() => "diverged",
        (RunState::Fresh(_), _) => "fresh",
        (_, Some(_)) => "failed",
        (RunState::Stale { .. }, None) => "stale",
        (RunState::Missing, None) => "missing",
    };
    let failed = failure.map(|failure| format!("the last try {}", failure.reason));
    let (then, reason, seconds) = match number {
        None => (None, run.reason().or_else(|| run.diverged()), None),
        Some(number) => match forecast.left_out(number, &wanted.runs) {
            None => (
                Some("run"),
                Some(wanted.reasons[number].clone()),
                forecast.expected[number].seconds,
            ),
            Some(reason) => (Some("left out"), Some(reason), forecast.expected[number].seconds),
        },
    };
    let why = reason.into_iter().chain(failed).collect::<Vec<_>>().join("; ");
    Line { run, state, then, why, seconds }
}
