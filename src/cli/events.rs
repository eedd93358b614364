//! `--json`: what `build` and `run` do, for other programs: one JSON object a line on standard output.
//! docs/events.md lists all events with their keys.
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
