//! `--json`: what `build` and `run` do, for other programs: one JSON object a line on standard output.
//!
//! | `event` | when | other keys |
//! |---|---|---|
//! | `plan` | first | `runs`: for each, `run` (a number that later events refer to), `experiment`, `variant`, `seed`, `reason`, `seconds` (expected, or null); `left-out`: the same without the number, `reason` being why; `seconds` for all; `results`: the folder that records go to |
//! | `dry-run` | instead, with `--dry-run` | `runs`: for each, `experiment`, `variant`, `seed`, `state` (`fresh`, `diverged`, `stale`, `missing` or `failed`), `reason`, `then` (`run`, `left out` or null), `seconds` |
//! | `started` | a run starts | `run` |
//! | `runner` | a run reports an event | `run`; `said`: the event of the [runner protocol](labpress_runner::protocol::Event) |
//! | `memory` | a run's memory was measured, a few times a second | `run`; `bytes` |
//! | `ended` | a run is over | `run`; `outcome` (`recorded`, `shared`, `failed`, `interrupted`, `skipped` or `broken`), `reason`, `record` (path in the folder `results`), `metrics`, `diverged` (what diverged, or null), `log` |
//! | `runs-ended` | all runs are over | `recorded`, how many of these `diverged`, `without-result`; `seconds` |
//! | `written` | the site is written | `destination`; `written`, `unchanged`, `removed`: how many files |
//!
//! Errors in the site's files go to standard error as usual, and the exit code is not 0.

use serde_json::{Value, json};

use labpress::destination::Written;
use labpress::experiment::plan::PlannedRun;
use labpress::runner::{NoResult, Outcome, RunEvent};

/// Writes one event.
pub(super) fn write(event: &Value) {
    super::write_answer(&event.to_string());
}

/// What identifies a run.
pub(super) fn run(run: &PlannedRun<'_>) -> Value {
    json!({"experiment": run.experiment.name.as_str(), "variant": run.variant.name.as_str(), "seed": run.seed})
}

/// The entries of both objects.
pub(super) fn with(mut object: Value, more: Value) -> Value {
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    object
}

pub(super) fn of_run_event(number: usize, event: &RunEvent<'_>) -> Value {
    match event {
        RunEvent::Started => json!({"event": "started", "run": number}),
        RunEvent::Reported(said) => json!({"event": "runner", "run": number, "said": said}),
        RunEvent::Memory(bytes) => json!({"event": "memory", "run": number, "bytes": bytes}),
        RunEvent::Ended(outcome) => {
            with(json!({"event": "ended", "run": number}), of_outcome(outcome))
        }
    }
}

fn of_outcome(outcome: &Outcome) -> Value {
    match outcome {
        Ok(recorded) => {
            let record = recorded.record();
            json!({
                "outcome": if recorded.is_shared() { "shared" } else { "recorded" },
                "record": record.path(),
                "metrics": record.metrics,
                "diverged": record.diverged,
            })
        }
        Err(NoResult::Failed(failure)) => {
            json!({"outcome": "failed", "reason": failure.reason, "log": failure.log})
        }
        Err(NoResult::Interrupted(failure)) => {
            json!({"outcome": "interrupted", "reason": failure.reason, "log": failure.log})
        }
        Err(NoResult::Skipped(reason)) => json!({"outcome": "skipped", "reason": reason}),
        Err(NoResult::Broken(error)) => json!({"outcome": "broken", "reason": error.to_string()}),
    }
}

pub(super) fn of_written(written: Written, destination: &str) -> Value {
    let Written { written, unchanged, removed } = written;
    json!({
        "event": "written", "destination": destination, "written": written, "unchanged": unchanged, "removed": removed,
    })
}
