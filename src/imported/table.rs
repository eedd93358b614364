//! Tables of results: CSV with a header, or a JSON object on each line. A row has the results of a run,
//! or those of a step of a run.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Files, Found, Logged, Options, flattened, log_json, value_of};
use crate::diagnostic::{Diagnostic, Place, Position};

/// Columns that are steps, the first that a table has.
const STEPS: [&str; 6] = ["step", "_step", "global_step", "epoch", "iteration", "iter"];
/// Columns that are neither results nor parameters.
const IGNORED: [&str; 6] = ["_timestamp", "_runtime", "timestamp", "time", "wall_time", "epoch"];

/// A row: its line, and the values of its cells by column. Empty cells are left out.
struct Row {
    line: usize,
    cells: BTreeMap<String, Value>,
}

pub(super) fn read(files: &Files, options: &Options) -> Result<Found, Diagnostic> {
    let mut found = Found::default();
    for (path, bytes) in files {
        let text = std::str::from_utf8(bytes)
            .map_err(|_| Diagnostic::new(Place::file(path), "the file is not UTF-8"))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let ending = path.rsplit('.').next().unwrap_or_default();
        let rows = match ending {
            "csv" => rows_of_csv(path, text, b',')?,
            "tsv" => rows_of_csv(path, text, b'\t')?,
            _ => rows_of_json(path, text)?,
        };
        if rows.is_empty() {
            return Err(Diagnostic::new(Place::file(path), "the file has no rows"));
        }
        found.runs.extend(runs(path, bytes, rows, options)?);
    }
    Ok(found)
}

fn at_line(path: &str, line: usize, message: String) -> Diagnostic {
    Diagnostic::new(Place::new(path, Position { line, column: 1 }), message)
}

fn rows_of_csv(path: &str, text: &str, delimiter: u8) -> Result<Vec<Row>, Diagnostic> {
    let invalid = |error: &csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        let line = usize::try_from(line).unwrap_or(1);
        let message = match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("the row has {len} cells, but the header has {expected_len}")
            }
            _ => format!("invalid CSV: {error}"),
        };
        at_line(path, line, message)
    };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| invalid(&error))?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| invalid(&error))?;
        let line = record.position().map_or(1, csv::Position::line);
        let cells =
            header.iter().zip(&record).filter(|(name, cell)| !name.is_empty() && !cell.is_empty());
        rows.push(Row {
            line: usize::try_from(line).unwrap_or(1),
            cells: cells.map(|(name, cell)| (name.to_owned(), value_of(cell))).collect(),
        });
    }
    Ok(rows)
}

fn rows_of_json(path: &str, text: &str) -> Result<Vec<Row>, Diagnostic> {
    let mut rows = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let invalid = |message: &str| at_line(path, index + 1, message.to_owned());
        let value: Value = match serde_json::from_str(line) {
            Ok(value) => value,
            // Python writes numbers that JSON does not have.
            Err(error) => serde_json::from_str(&with_quoted_numbers(line)).map_err(|_| {
                let message = format!("invalid JSON: {error}");
                Diagnostic::new(
                    Place::new(path, Position { line: index + 1, column: error.column().max(1) }),
                    crate::diagnostic::without_place(&message),
                )
            })?,
        };
        if !value.is_object() {
            return Err(invalid("expected a JSON object, such as `{\"step\": 1, \"loss\": 0.5}`"));
        }
        rows.push(Row { line: index + 1, cells: flattened(value).into_iter().collect() });
    }
    Ok(rows)
}

/// The line with quotes around `NaN`, `Infinity` and `-Infinity` outside of strings.
fn with_quoted_numbers(line: &str) -> String {
    let mut quoted = String::new();
    let (mut rest, mut is_inside) = (line, false);
    while let Some(c) = rest.chars().next() {
        let name = ["NaN", "-Infinity", "Infinity"].into_iter().find(|name| rest.starts_with(name));
        if let Some(name) = name.filter(|_| !is_inside) {
            quoted.extend(["\"", name, "\""]);
            rest = &rest[name.len()..];
            continue;
        }
        let length = if is_inside && c == '\\' {
            rest.chars().take(2).map(char::len_utf8).sum()
        } else {
            is_inside ^= c == '"';
            c.len_utf8()
        };
        quoted.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    quoted
}

/// The runs of a file: the rows with the same variant and seed.
fn runs(
    path: &str,
    bytes: &[u8],
    rows: Vec<Row>,
    options: &Options,
) -> Result<Vec<Logged>, Diagnostic> {
    let has = |column: &str| rows.iter().any(|row| row.cells.contains_key(column));
    for column in options.step.iter().chain(&options.params).chain(&options.variant_from) {
        if !has(column) {
            let columns: Vec<&str> =
                rows.iter().flat_map(|row| row.cells.keys()).map(String::as_str).collect();
            let message = format!("there is no column `{column}`");
            return Err(Diagnostic::new(Place::file(path), message).hint_nearest(column, columns));
        }
    }
    let step = options.step.as_deref().or_else(|| STEPS.into_iter().find(|step| has(step)));
    let seed = options.seed_from.as_deref().unwrap_or("seed");
    let identifies = |column: &str| {
        column == seed
            || column == "variant"
            || column == "run"
            || options.variant_from.iter().any(|one| one == column)
    };
    let file_name = path.rsplit_once('.').map_or(path, |(name, _)| name);
    let mut runs: Vec<(BTreeMap<String, Value>, Logged, Vec<Row>)> = Vec::new();
    for row in rows {
        let key: BTreeMap<String, Value> = row
            .cells
            .iter()
            .filter(|(column, _)| identifies(column))
            .map(|(a, b)| (a.clone(), b.clone()))
            .collect();
        if let Some((.., of_run)) = runs.iter_mut().find(|(known, ..)| *known == key) {
            of_run.push(row);
            continue;
        }
        let named = key.get("variant").or_else(|| key.get("run")).map(text_of);
        let mut run = Logged::of(path, named.as_deref().unwrap_or(file_name));
        run.has_name_of_variant = key.contains_key("variant");
        run.add_source(bytes);
        run.params.extend(
            key.iter()
                .filter(|(column, _)| !matches!(column.as_str(), "variant" | "run"))
                .map(|(a, b)| (a.clone(), b.clone())),
        );
        runs.push((key, run, vec![row]));
    }
    let filled =
        runs.into_iter().map(|(_, run, rows)| filled(path, run, rows, step, &identifies, options));
    filled.collect()
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The run with the numbers and the parameters of its rows.
fn filled(
    path: &str,
    mut run: Logged,
    rows: Vec<Row>,
    step: Option<&str>,
    identifies: &dyn Fn(&str) -> bool,
    options: &Options,
) -> Result<Logged, Diagnostic> {
    if step.is_none() && rows.len() > 1 {
        let message = "several rows belong to the same run, and no column has its steps";
        return Err(at_line(path, rows[1].line, message.to_owned()).hint(
            "name the column of steps with `--step`, or that of the variants with `--variant-from`",
        ));
    }
    for row in rows {
        let at = match step.and_then(|step| row.cells.get(step)) {
            None => None,
            Some(value) => Some(whole(value).ok_or_else(|| {
                let message =
                    format!("`{}` is not a step: expected a whole number from 0", text_of(value));
                at_line(path, row.line, message)
            })?),
        };
        for (column, value) in row.cells {
            if Some(column.as_str()) == step || identifies(&column) {
                continue;
            }
            let is_param = options.params.contains(&column);
            if is_param || super::as_number(&value).is_none() {
                match run.params.insert(column.clone(), value.clone()) {
                    // A parameter has one value in a run; other texts are notes.
                    Some(before) if before != value && is_param => {
                        let message = format!(
                            "the parameter `{column}` changes from {before} to {value} in a run"
                        );
                        return Err(at_line(path, row.line, message));
                    }
                    Some(before) if before != value => drop(run.notes.insert(column)),
                    _ => {}
                }
            } else if !IGNORED.contains(&column.as_str()) {
                log_json(&mut run, &column, at, &value);
            }
        }
    }
    let notes = std::mem::take(&mut run.notes);
    run.params.retain(|name, _| !notes.contains(name));
    Ok(run)
}

fn whole(value: &Value) -> Option<u64> {
    let is_whole = |number: &f64| number.fract() == 0.0 && (0.0..1e15).contains(number);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was checked")]
    value.as_u64().or_else(|| value.as_f64().filter(is_whole).map(|number| number as u64))
}
