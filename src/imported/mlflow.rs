//! The folder that MLflow keeps runs in without a server, `mlruns/`: a folder with `meta.yaml` and
//! `metrics/` is a run.

use serde::Deserialize;

use super::{Files, Found, LeftOut, Logged, number_of, value_of};
use crate::diagnostic::{Diagnostic, Place, Position};

/// MLflow's number for runs that have ended without an error.
const FINISHED: i64 = 3;

/// The part of a run's `meta.yaml` that matters here.
#[derive(Deserialize)]
struct Meta {
    run_id: String,
    run_name: Option<String>,
    status: Option<i64>,
    lifecycle_stage: Option<String>,
    start_time: Option<i64>,
    end_time: Option<i64>,
}

pub(super) fn is_file(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    parts.last() == Some(&"meta.yaml")
        || parts.iter().any(|part| matches!(*part, "metrics" | "params"))
}

pub(super) fn read(files: &Files) -> Result<Found, Diagnostic> {
    let mut found = Found::default();
    for (path, bytes) in files {
        let folder = match path.strip_suffix("meta.yaml") {
            Some("") => "",
            Some(folder) if folder.ends_with('/') => folder,
            _ => continue,
        };
        let text = text(path, bytes)?;
        // Experiments have such files, too.
        if !text.lines().any(|line| line.starts_with("run_id:")) {
            continue;
        }
        let meta: Meta = serde_yaml::from_str(text).map_err(|error| {
            Diagnostic::new(Place::file(path), format!("invalid meta.yaml: {error}"))
        })?;
        let reason = match (meta.status, meta.lifecycle_stage.as_deref()) {
            (_, Some("deleted")) => Some("it was deleted"),
            (Some(FINISHED) | None, _) => None,
            (Some(4 | 5), _) => Some("it failed"),
            _ => Some("it has not ended"),
        };
        if let Some(reason) = reason {
            found.left_out.push(LeftOut { source: path.clone(), reason: reason.to_owned() });
            continue;
        }
        found.runs.push(run(files, folder, meta)?);
    }
    Ok(found)
}

fn run(files: &Files, folder: &str, meta: Meta) -> Result<Logged, Diagnostic> {
    let source =
        if folder.is_empty() { meta.run_id.as_str() } else { folder.trim_end_matches('/') };
    let name = meta.run_name.filter(|name| !name.is_empty()).unwrap_or_else(|| meta.run_id.clone());
    let mut run = Logged::of(source, &name);
    for (path, bytes) in files.range(folder.to_owned()..) {
        let Some(inner) = path.strip_prefix(folder) else { break };
        run.add_source(bytes);
        if let Some(name) = inner.strip_prefix("params/") {
            run.params.insert(name.to_owned(), value_of(text(path, bytes)?.trim_end_matches('\n')));
        } else if let Some(name) = inner.strip_prefix("metrics/") {
            add_metric(path, text(path, bytes)?, name, &mut run)?;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are far below 2^53")]
    if let (Some(start), Some(end)) = (meta.start_time, meta.end_time) {
        run.seconds = Some((end - start) as f64 / 1000.0);
        run.ended_at(end as f64 / 1000.0);
    }
    run.params.retain(|_, value| value.as_str() != Some("None"));
    Ok(run)
}

/// Lines of `timestamp value step`, and in newer versions the data set after that.
fn add_metric(path: &str, text: &str, name: &str, run: &mut Logged) -> Result<(), Diagnostic> {
    if !text.ends_with('\n') {
        let message = "the file is cut: its last line has no end";
        return Err(Diagnostic::new(Place::new(path, Position::at(text, text.len())), message));
    }
    for (index, line) in text.lines().enumerate() {
        let mut parts = line.split_whitespace();
        let _time = parts.next();
        let value = parts.next().and_then(number_of);
        let step = parts.next().map(str::parse::<u64>);
        let (Some(value), Some(Ok(step))) = (value, step) else {
            let place = Place::new(path, Position { line: index + 1, column: 1 });
            let message = "expected a line of MLflow: a time, a number and a step from 0";
            return Err(Diagnostic::new(place, message));
        };
        run.log(name, Some(step), value);
    }
    Ok(())
}

fn text<'a>(path: &str, bytes: &'a [u8]) -> Result<&'a str, Diagnostic> {
    std::str::from_utf8(bytes)
        .map_err(|_| Diagnostic::new(Place::file(path), "the file is not UTF-8"))
}
