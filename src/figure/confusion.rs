//! `{% chart EXPERIMENT confusion variant="…" %}`: which class was taken for which, summed over the
//! runs.
//!
//! The artifact is of kind `confusion-matrix`, JSON: `{"classes": ["cat", "dog"], "counts": [[45,
//! 5], [8, 42]]}`, a row for each true class. The larger its share of its row, the darker is a
//! cell. The share is also written in it if there is space, so that no information is in the colour
//! alone.

use serde::Deserialize;

use super::arguments::Arguments;
use super::artifact::{self, Committed};
use super::csv::Csv;
use super::html::{Cell, Table, escaped, write_to};
use super::number::{self, Unit, fixed_percent};
use super::parts::{Content, Parts};
use super::provenance::Run;
use super::request::Request;
use super::seed_count;
use super::svg::{Drawing, Ink, Role, TEXT, cut_to, text_width};
use crate::diagnostic::{Diagnostic, without_place};
use crate::experiment::spec::Variant;

/// A matrix as a run wrote it, or the sum of several.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Matrix {
    classes: Vec<String>,
    /// For each true class, how many were taken for each class.
    counts: Vec<Vec<u64>>,
}

/// What is written in the cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Percent,
    Counts,
}

/// The name of the artifact if none is given.
const USUAL: &str = "confusion";
/// With more classes than this, the cells have no numbers.
const MOST_WITH_NUMBERS: usize = 12;
/// With more classes than this, rows and columns have no names.
const MOST_WITH_NAMES: usize = 40;
/// The most classes that can be drawn.
const MOST: usize = 200;
/// The opacity of a cell that has all of its row. Text must be readable on it, in light and dark.
const STRONGEST: f64 = 0.5;

/// Makes the parts of `{% chart EXPERIMENT confusion %}`.
pub(super) fn confusion<'r>(request: &Request<'r>) -> Result<Parts<'r>, Diagnostic> {
    let arguments = request.arguments;
    arguments.allow_options(&[
        "artifact", "caption", "diverged", "id", "seed", "show", "title", "variant",
    ])?;
    let shown = match arguments.option("show") {
        None => Shown::Percent,
        Some(show) if show.text == "percent" => Shown::Percent,
        Some(show) if show.text == "counts" => Shown::Counts,
        Some(show) => {
            return Err(arguments.unknown_of("value", "show", show, ["counts", "percent"]));
        }
    };
    let name = request.option("artifact").unwrap_or(USUAL);
    let of = artifact::the_variant(request)?;
    let runs = artifact::runs(request, of)?;
    let matrices = matrices(request, name, of.variant, &runs)?;
    let matrix = sum(arguments, &matrices)?;
    let subject = match request.of.variants.len() {
        1 => "confusion".to_owned(),
        _ => format!("confusion of {}", of.variant.title),
    };
    Ok(Parts {
        request: *request,
        content: Content::Chart {
            drawings: [matrix.drawing(640, shown), matrix.drawing(360, shown)],
            description: matrix.description(),
            numbers: matrix.table(),
            numbers_of: request.title(&subject),
        },
        subject,
        note: matrix.note(shown, runs.len()) + &artifact::diverged_note(request, of),
        file: csv(of.variant.name.as_str(), &runs, &matrices).file(name),
        runs,
    })
}

/// The matrix of each of the runs.
fn matrices(
    request: &Request<'_>,
    name: &str,
    variant: &Variant,
    runs: &[Run<'_>],
) -> Result<Vec<Matrix>, Diagnostic> {
    let matrices = runs.iter().map(|run| {
        let committed = artifact::committed(request, name, variant, run.record)?;
        committed.expect_kind("confusion-matrix")?;
        Matrix::read(&committed).map_err(|message| committed.error(&message))
    });
    matrices.collect()
}

fn sum(arguments: &Arguments<'_>, matrices: &[Matrix]) -> Result<Matrix, Diagnostic> {
    let Some((first, rest)) = matrices.split_first() else {
        return Err(arguments.error_of_all("there is no run to show"));
    };
    let mut sum = first.clone();
    for matrix in rest {
        if matrix.classes != sum.classes {
            return Err(arguments.error_of_all(
                "the runs have different classes, so their matrices cannot be added",
            ));
        }
        let cells = sum.counts.iter_mut().flatten().zip(matrix.counts.iter().flatten());
        cells.for_each(|(sum, count)| *sum = sum.saturating_add(*count));
    }
    Ok(sum)
}

impl Matrix {
    /// Reads the artifact. The error says what is wrong with it.
    fn read(committed: &Committed<'_>) -> Result<Matrix, String> {
        let matrix: Matrix = serde_json::from_slice(committed.content)
            .map_err(|error| without_place(&error.to_string()).to_owned())?;
        let count = matrix.classes.len();
        if matrix.counts.len() != count || matrix.counts.iter().any(|row| row.len() != count) {
            return Err(format!("its {count} classes need {count} rows of {count} counts"));
        }
        match count {
            0 => Err("it has no classes".to_owned()),
            1..=MOST => Ok(matrix),
            _ => Err(format!("it has {count} classes, and at most {MOST} can be drawn")),
        }
    }

    /// The share of its row that a cell has, from 0 to 1; 0 in an empty row.
    fn share(&self, row: usize, column: usize) -> f64 {
        let total: u64 = self.counts[row].iter().fold(0, |sum, count| sum.saturating_add(*count));
        if total == 0 { 0.0 } else { self.counts[row][column] as f64 / total as f64 }
    }

    /// The text in a cell; empty if the count is 0.
    fn cell(&self, row: usize, column: usize, shown: Shown) -> String {
        match (self.counts[row][column], shown) {
            (0, _) => String::new(),
            (_, Shown::Percent) => fixed_percent(self.share(row, column)),
            (count, Shown::Counts) => number::alone(count as f64, &Unit::Plain),
        }
    }

    /// The drawing. It is a plain grid, so it is written without plotters.
    fn drawing(&self, width: u32, shown: Shown) -> Drawing {
        let is_wide = width > 500;
        let count = self.classes.len();
        let has_names = count <= MOST_WITH_NAMES;
        let size = if is_wide { TEXT } else { 11.0 };
        let widest = self.classes.iter().map(|class| text_width(class, size)).fold(0.0, f64::max);
        let most = if is_wide { 150.0 } else { 92.0 };
        let names = if has_names { widest.min(most) } else { 0.0 };
        let (left, right) = (names + size + 14.0, 6.0);
        // A square of 10 classes would fill the page on a wide screen.
        let cell = ((f64::from(width) - left - right) / count as f64).min(44.0);
        let grid = cell * count as f64;
        // The names of columns are slanted: their height is about 0.7 of their length.
        let top = size + 12.0 + names * 0.72 + if has_names { 8.0 } else { 0.0 };
        let view_width = if is_wide { width } else { 360 };
        let indent = ((f64::from(view_width) - left - right - grid) / 2.0).max(0.0)
            * if is_wide { 0.6 } else { 1.0 };
        let left = left + indent;
        let mut elements = String::new();
        let text = |elements: &mut String, role: Role, x: f64, y: f64, more: &str, text: &str| {
            let attributes = Ink::plain(role).attributes(1.0);
            let (x, y) = (tenths(x), tenths(y));
            write_to(
                elements,
                format_args!(
                    "<text {attributes} font-size=\"{size}\"{more} x=\"{x}\" y=\"{y}\">{}</text>\n",
                    escaped(text)
                ),
            );
        };
        text(&mut elements, Role::Name, left, size, "", "taken for →");
        let (x, y) = (tenths(left - names - 14.0), tenths(top + grid / 2.0));
        let upright = format!(" text-anchor=\"middle\" transform=\"rotate(-90 {x} {y})\"");
        text(
            &mut elements,
            Role::Name,
            left - names - 14.0,
            top + grid / 2.0,
            &upright,
            "← true class",
        );
        for (index, class) in self.classes.iter().enumerate().filter(|_| has_names) {
            let middle = (index as f64 + 0.5) * cell;
            let (x, y) = (tenths(left + middle), tenths(top - 7.0));
            let name = cut_to(class, most * 1.12);
            let slanted = format!(" transform=\"rotate(-45 {x} {y})\"");
            text(&mut elements, Role::Tick, left + middle, top - 7.0, &slanted, &name);
            text(
                &mut elements,
                Role::Tick,
                left - 7.0,
                top + middle + 0.35 * size,
                " text-anchor=\"end\"",
                &name,
            );
        }
        for row in 0..count {
            for column in 0..count {
                let share = self.share(row, column);
                let (x, y) = (left + column as f64 * cell, top + row as f64 * cell);
                if share > 0.0 {
                    // Shares of errors are small and matter most: square roots are easier to see.
                    let strength = share.sqrt() * STRONGEST;
                    let color = usize::from(row != column);
                    let attributes = Ink::of(Role::Cell, color).attributes(1.0);
                    let (x, y, edge) = (tenths(x), tenths(y), tenths(cell));
                    write_to(
                        &mut elements,
                        format_args!(
                            "<rect {attributes} fill-opacity=\"{strength:.3}\" \
                             x=\"{x}\" y=\"{y}\" width=\"{edge}\" height=\"{edge}\"/>\n"
                        ),
                    );
                }
                let written = self.cell(row, column, shown);
                if count <= MOST_WITH_NUMBERS && !written.is_empty() {
                    let (x, y) = (x + cell / 2.0, y + cell / 2.0 + 0.35 * size);
                    text(&mut elements, Role::Name, x, y, " text-anchor=\"middle\"", &written);
                }
            }
        }
        let line = Ink::plain(Role::Grid).attributes(1.0);
        for index in 0..=count {
            let at = index as f64 * cell;
            let (x, y) = (tenths(left + at), tenths(top + at));
            let (from_x, to_x, from_y, to_y) =
                (tenths(left), tenths(left + grid), tenths(top), tenths(top + grid));
            write_to(
                &mut elements,
                format_args!(
                    "<polyline {line} points=\"{from_x},{y} {to_x},{y}\"/>\n\
                     <polyline {line} points=\"{x},{from_y} {x},{to_y}\"/>\n"
                ),
            );
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most a few hundred"
        )]
        let height = (top + grid + 4.0).ceil() as u32;
        Drawing { elements, width: view_width, height }
    }

    /// The most frequent errors: true class, what it was taken for, share of the true class.
    fn errors(&self) -> Vec<(usize, usize, f64)> {
        let count = self.classes.len();
        let cells = (0..count).flat_map(|row| (0..count).map(move |column| (row, column)));
        let mut errors: Vec<(usize, usize, f64)> = cells
            .filter(|(row, column)| row != column)
            .map(|(row, column)| (row, column, self.share(row, column)))
            .filter(|&(.., share)| share > 0.0)
            .collect();
        errors.sort_by(|a, b| b.2.total_cmp(&a.2));
        errors
    }

    /// The alternative text.
    fn description(&self) -> String {
        let percent = |share: f64| format!("{} %", fixed_percent(share));
        let right = |row: usize| self.share(row, row);
        let rows = 0..self.classes.len();
        let right = rows
            .map(|row| format!("{} {}", self.classes[row], percent(right(row))))
            .collect::<Vec<_>>();
        let errors: Vec<String> = self
            .errors()
            .into_iter()
            .take(5)
            .map(|(row, column, share)| {
                format!("{} for {} {}", self.classes[row], self.classes[column], percent(share))
            })
            .collect();
        let errors = if errors.is_empty() {
            " Nothing was taken for another class.".to_owned()
        } else {
            format!(" Most often taken for another class: {}.", errors.join(", "))
        };
        let right = if self.classes.len() <= MOST_WITH_NUMBERS {
            format!(" Recognised: {}.", right.join(", "))
        } else {
            String::new()
        };
        format!("Confusion matrix of {} classes.{right}{errors}", self.classes.len())
    }

    /// How to read the cells.
    fn note(&self, shown: Shown, seeds: usize) -> String {
        let over = match seeds {
            1 => "of one run".to_owned(),
            several => format!("summed over {}", seed_count([several])),
        };
        let has_numbers = self.classes.len() <= MOST_WITH_NUMBERS;
        match (has_numbers, shown) {
            (true, Shown::Percent) => {
                format!(
                    "Per cent of each true class, {over}; an empty cell is none at all, \
                     0 less than a half per cent."
                )
            }
            (true, Shown::Counts) => format!("Counts, {over}; an empty cell is none."),
            (false, _) => format!("The darker, the larger the share of the true class, {over}."),
        }
    }

    fn table(&self) -> Table {
        let rows = self.classes.iter().zip(&self.counts).map(|(class, counts)| {
            let counts = counts.iter().map(|&count| number::alone(count as f64, &Unit::Plain));
            std::iter::once(class.clone()).chain(counts).map(Cell::from).collect()
        });
        let heads = self.classes.iter().map(|class| format!("taken for {class}"));
        Table {
            heads: std::iter::once("true class".to_owned()).chain(heads).collect(),
            rows: rows.collect(),
        }
    }
}

/// A length, rounded to tenths of a unit.
fn tenths(length: f64) -> f64 {
    (length * 10.0).round() / 10.0
}

/// The counts of all runs.
fn csv(variant: &str, runs: &[Run<'_>], matrices: &[Matrix]) -> Csv {
    let mut csv = Csv::new(&["experiment", "variant", "seed", "true", "taken-for", "count"]);
    for (Run { record, .. }, matrix) in runs.iter().zip(matrices) {
        for (class, counts) in matrix.classes.iter().zip(&matrix.counts) {
            for (other, count) in matrix.classes.iter().zip(counts) {
                csv.row([
                    record.experiment.to_string(),
                    variant.to_owned(),
                    record.seed.to_string(),
                    class.clone(),
                    other.clone(),
                    count.to_string(),
                ]);
            }
        }
    }
    csv
}
