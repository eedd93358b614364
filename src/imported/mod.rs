//! Results that other programs have recorded, as the runs of an experiment: TensorBoard, MLflow, Weights &
//! Biases, and tables.
//!
//! Works on values only: finding and reading files, and writing records, is `cli::record`'s part. What
//! is damaged is an error, with the file and where in it; nothing is skipped in silence.

mod mapping;
mod mlflow;
mod table;
mod tensorboard;
mod wandb;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use labpress_runner::protocol::{Diverged, NotFinite};
use serde_json::Value;

use crate::diagnostic::{Diagnostic, Place};
use crate::digest::Digest;
use crate::experiment::Name;
use crate::experiment::fingerprint::Fingerprint;
use crate::experiment::record::{self, Imported, Record};
use crate::experiment::spec::{Experiment, Format, Variant};

/// Files by their path in the folder that was given, or by their own name.
pub type Files = BTreeMap<String, Vec<u8>>;

/// How runs become variants and seeds, where the files do not say so.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// All runs are of this variant.
    pub variant: Option<Name>,
    /// The parameters or columns whose values make the variant.
    pub variant_from: Vec<String>,
    /// The seed of the only run.
    pub seed: Option<u64>,
    /// The parameter or column that is the seed; `seed` and the like by default.
    pub seed_from: Option<String>,
    /// The column of a table that counts steps.
    pub step: Option<String>,
    /// Columns of a table with numbers that are parameters.
    pub params: Vec<String>,
}

/// What was found in files.
#[derive(Debug, Default)]
pub struct Found {
    /// The runs that have ended.
    runs: Vec<Logged>,
    /// The others.
    pub left_out: Vec<LeftOut>,
}

/// A run that is not imported.
#[derive(Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its file.
    pub source: String,
    /// `it failed`
    pub reason: String,
}

/// A run as another program has logged it.
#[derive(Debug, Default)]
struct Logged {
    /// Its file or folder.
    source: String,
    /// What it is called there.
    name: String,
    /// Whether the name is that of a variant, without a seed.
    has_name_of_variant: bool,
    params: BTreeMap<String, Value>,
    /// Numbers by name and step, the last of several.
    points: BTreeMap<String, BTreeMap<Option<u64>, f64>>,
    /// Columns of text that changes in the run.
    notes: BTreeSet<String>,
    seconds: Option<f64>,
    ended: Option<Timestamp>,
    /// The digests of its files.
    digests: Vec<String>,
}

impl Logged {
    fn of(source: &str, name: &str) -> Logged {
        Logged { source: source.to_owned(), name: name.to_owned(), ..Logged::default() }
    }

    fn add_source(&mut self, bytes: &[u8]) {
        self.digests.push(Digest::of(bytes).to_string());
    }

    fn log(&mut self, name: &str, step: Option<u64>, value: f64) {
        self.points.entry(name_of_metric(name)).or_default().insert(step, value);
    }

    /// Notes a time in seconds since 1970: the last one is when the run has ended.
    fn ended_at(&mut self, seconds: f64) {
        #[expect(clippy::cast_possible_truncation, reason = "to the second; a float saturates")]
        let time = Timestamp::from_second(seconds as i64).ok().filter(|_| seconds > 0.0);
        self.ended = self.ended.max(time);
    }
}

/// A run with its place in an experiment.
#[derive(Debug)]
pub struct Run {
    /// The variant.
    pub variant: Name,
    /// The seed.
    pub seed: u64,
    /// The file or folder that it was read from.
    pub source: String,
    /// Its parameters, the same for all runs of the variant.
    pub params: BTreeMap<String, Value>,
    metrics: BTreeMap<String, f64>,
    series: BTreeMap<String, Vec<(u64, f64)>>,
    diverged: Option<Diverged>,
    seconds: Option<f64>,
    ended: Option<Timestamp>,
    digest: Digest,
}

/// The format that a file has by its name; `None` if it is none of ours.
pub fn format_of(path: &str) -> Option<Format> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending {
        _ if name.contains("tfevents") => Some(Format::Tensorboard),
        "wandb" => Some(Format::Wandb),
        "csv" | "tsv" => Some(Format::Csv),
        "jsonl" | "ndjson" => Some(Format::Jsonl),
        _ if mlflow::is_file(path) => Some(Format::Mlflow),
        _ => None,
    }
}

/// Reads the runs in files of a format. The runs of one experiment are in order of variant and seed.
pub fn read(
    format: Format,
    files: &Files,
    options: &Options,
) -> Result<(Vec<Run>, Vec<LeftOut>), Diagnostic> {
    let found = match format {
        Format::Csv | Format::Jsonl => table::read(files, options)?,
        Format::Tensorboard => tensorboard::read(files)?,
        Format::Mlflow => mlflow::read(files)?,
        Format::Wandb => wandb::read(files)?,
    };
    for run in &found.runs {
        if run.points.is_empty() {
            return Err(Diagnostic::new(Place::file(&run.source), "the run has no numbers")
                .hint("images, texts and histograms are not imported"));
        }
    }
    Ok((mapping::mapped(found.runs, options)?, found.left_out))
}

/// The record of a run in an experiment that has its variant. `now` is when it was imported, for runs
/// that do not say when they ended.
pub fn record(experiment: &Experiment, variant: &Variant, run: &Run, now: Timestamp) -> Record {
    let from = experiment.runner.imported_from().unwrap_or(Format::Csv);
    Record {
        format: record::FORMAT,
        experiment: experiment.name.clone(),
        variant: variant.name.clone(),
        seed: run.seed,
        fingerprint: Fingerprint::of(experiment, variant, run.seed),
        given: BTreeMap::new(),
        environment: BTreeMap::new(),
        finished: run.ended.unwrap_or(now),
        metrics: run.metrics.clone(),
        timing: run.seconds.map(|seconds| ("seconds".to_owned(), seconds)).into_iter().collect(),
        series: run.series.clone(),
        artifacts: Vec::new(),
        diverged: run.diverged.clone(),
        imported: Some(Imported { from, source: run.source.clone(), digest: run.digest }),
    }
}

impl Run {
    /// How much it has, for reports: `3 results, 2 series`.
    pub fn contents(&self) -> String {
        let counted = |count: usize, one: &str, many: &str| {
            format!("{count} {}", if count == 1 { one } else { many })
        };
        let of = [
            counted(self.metrics.len(), "result", "results"),
            counted(self.series.len(), "series", "series"),
        ];
        let diverged = self.diverged.as_ref().map(|diverged| diverged.phrase("step"));
        of.into_iter().chain(diverged).collect::<Vec<_>>().join(", ")
    }

    /// The names of its numbers.
    pub fn number_names(&self) -> impl Iterator<Item = &str> {
        self.metrics.keys().chain(self.series.keys()).map(String::as_str)
    }
}

/// The numbers of a run as a record has them: those with one point are results, the others series, whose
/// last values are results, as the summaries of these programs show them. From the first number that is
/// not finite on, nothing counts.
#[derive(Default)]
struct Numbers {
    metrics: BTreeMap<String, f64>,
    series: BTreeMap<String, Vec<(u64, f64)>>,
    diverged: Option<Diverged>,
}

fn numbers(points: BTreeMap<String, BTreeMap<Option<u64>, f64>>) -> Numbers {
    let not_finite = points.iter().flat_map(|(name, points)| {
        points
            .iter()
            .filter(|(_, value)| !value.is_finite())
            .map(move |(step, value)| (step, name, *value))
    });
    // A result comes after all steps.
    let first = not_finite.min_by_key(|(step, name, _)| (step.is_none(), **step, *name));
    let diverged = first.map(|(step, name, value)| Diverged {
        metric: name.clone(),
        step: *step,
        value: Some(match value {
            _ if value.is_nan() => NotFinite::NaN,
            _ if value > 0.0 => NotFinite::Infinity,
            _ => NotFinite::NegativeInfinity,
        }),
    });
    let end = diverged.as_ref().and_then(|diverged| diverged.step);
    let mut numbers = Numbers { diverged, ..Numbers::default() };
    for (name, points) in points {
        let is_series = points.keys().flatten().count() > 1;
        for (step, value) in points {
            let is_before = end.is_none_or(|end| step.is_some_and(|step| step < end));
            match step.filter(|_| is_series) {
                _ if !is_before || !value.is_finite() => {}
                Some(step) => numbers.series.entry(name.clone()).or_default().push((step, value)),
                None => drop(numbers.metrics.insert(name.clone(), value)),
            }
        }
    }
    if numbers.diverged.is_none() {
        let last =
            |(name, points): (&String, &Vec<(u64, f64)>)| Some((name.clone(), points.last()?.1));
        numbers.metrics.extend(numbers.series.iter().filter_map(last).collect::<Vec<_>>());
    }
    numbers
}

/// The name of a number in posts: `valid/loss` → `valid.loss`, `top 5 (%)` → `top-5`.
fn name_of_metric(name: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in name.split(['/', '.']) {
        let mut cleaned = String::new();
        for c in part.chars() {
            if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '@') {
                cleaned.push(c);
            } else if !cleaned.is_empty() && !cleaned.ends_with('-') {
                cleaned.push('-');
            }
        }
        let cleaned = cleaned.trim_end_matches('-');
        if !cleaned.is_empty() {
            parts.push(cleaned.to_owned());
        }
    }
    if parts.is_empty() { "x".to_owned() } else { parts.join(".") }
}

/// Logs a value of JSON: a number, the numbers of a map, or nothing.
fn log_json(run: &mut Logged, name: &str, step: Option<u64>, value: &Value) {
    if let Some(number) = as_number(value) {
        run.log(name, step, number);
    } else if let Value::Object(map) = value
        // A picture, a table or another file.
        && !map.contains_key("_type")
    {
        for (key, value) in map {
            log_json(run, &format!("{name}.{key}"), step, value);
        }
    }
}

/// A number, also one that JSON does not have.
fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) if number_of(text).is_some_and(|number| !number.is_finite()) => {
            number_of(text)
        }
        _ => None,
    }
}

fn number_of(text: &str) -> Option<f64> {
    text.parse().ok()
}

fn number_as_json(number: f64) -> Value {
    let name = match number {
        _ if number.is_nan() => "NaN",
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => return Value::from(number),
    };
    name.into()
}

/// The value of a cell or a parameter that was written as text.
fn value_of(text: &str) -> Value {
    match (text, text.parse::<i64>(), number_of(text)) {
        ("True" | "true", ..) => true.into(),
        ("False" | "false", ..) => false.into(),
        (_, Ok(whole), _) => whole.into(),
        (_, _, Some(number)) => number_as_json(number),
        _ => text.into(),
    }
}

/// The leaves of a JSON object, with dots between keys. A list is a leaf.
fn flattened(value: Value) -> Vec<(String, Value)> {
    let Value::Object(map) = value else { return Vec::new() };
    let mut leaves = Vec::new();
    for (key, value) in map {
        match value {
            Value::Null => {}
            Value::Object(_) => {
                let inner = flattened(value).into_iter();
                leaves.extend(inner.map(|(name, value)| (format!("{key}.{name}"), value)));
            }
            value => leaves.push((key, value)),
        }
    }
    leaves
}

/// The error of a damaged file, with the offset.
fn damaged(path: &str, at: usize, what: &str) -> Diagnostic {
    Diagnostic::new(Place::file(path), format!("the file is damaged at byte {at}: {what}"))
        .hint("nothing was imported; copy the file again, or leave it out")
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}
