//! `{% table EXPERIMENT %}`: the results of variants in a table, a row for each variant.

use super::arguments::Piece;
use super::csv::Csv;
use super::html::{Cell, Table};
use super::in_words;
use super::measured::{self, Measured, Reading};
use super::number::Unit;
use super::parts::{Content, Parts};
use super::provenance::runs;
use super::request::Request;
use crate::diagnostic::Diagnostic;
use crate::experiment::results::VariantResults;
use crate::recipe::Goal;

/// One column of numbers.
struct Column<'n> {
    name: &'n str,
    unit: Unit,
    goal: Option<Goal>,
    /// The numbers of each variant.
    cells: Vec<Measured>,
}

/// Makes the parts of `{% table EXPERIMENT %}`.
pub(super) fn table<'r>(request: &Request<'r>) -> Result<Parts<'r>, Diagnostic> {
    let Request { arguments, of, .. } = *request;
    arguments.allow_options(&["artifact", "caption", "columns", "diverged", "id", "variants"])?;
    let variants = request.chosen_variants()?;
    let shows_rest = measured::shows_rest(arguments)?;
    let names = column_names(request)?;
    let columns: Vec<Column<'_>> =
        names.iter().map(|&name| column(request, &variants, name, shows_rest)).collect();
    if columns.is_empty() {
        return Err(request.no_numbers());
    }
    let cells = || columns.iter().flat_map(|column| &column.cells);
    let has_single =
        |one: &Measured| matches!(one.reading(), Reading::Single(_) | Reading::Nothing);
    let marks_single = !cells().all(has_single);
    let best: Vec<Option<usize>> = columns.iter().map(Column::clear_best).collect();
    let rows = variants.iter().enumerate().map(|(row, of)| {
        let cells = columns.iter().zip(&best).map(|(column, best)| Cell {
            text: column.cells[row].cell(marks_single),
            is_best: *best == Some(row),
        });
        std::iter::once(of.variant.title.clone().into()).chain(cells).collect()
    });
    let heads = std::iter::once("variant".to_owned()).chain(columns.iter().map(Column::head));
    Ok(Parts {
        request: *request,
        subject: String::new(),
        content: Content::Table(Table { heads: heads.collect(), rows: rows.collect() }),
        note: note(&columns, best.iter().any(Option::is_some))
            + &measured::diverged_note(of, &variants, shows_rest),
        file: Csv::of_numbers(request, &variants, &names).file("table"),
        runs: runs(variants).collect(),
    })
}

/// The columns that the option `columns` names; by default the results with a goal, the number of
/// parameters and the time.
fn column_names<'r>(request: &Request<'r>) -> Result<Vec<&'r str>, Diagnostic> {
    if let Some(asked) = request.arguments.list("columns")? {
        for (index, &name) in asked.iter().enumerate() {
            request.expect_number(name)?;
            if asked[..index].iter().any(|before| before.text == name.text) {
                let message = format!("the column `{}` is given twice", name.text);
                return Err(request.arguments.error(name, message));
            }
        }
        return Ok(asked.into_iter().map(|Piece { text, .. }| text).collect());
    }
    let known = request.number_names();
    let results: Vec<&str> = known.iter().copied().filter(|name| request.is_result(name)).collect();
    let mut names: Vec<&str> =
        results.iter().copied().filter(|name| request.goal(name).is_some()).collect();
    for name in ["parameters", "seconds"] {
        if known.contains(name) && !names.contains(&name) {
            names.push(name);
        }
    }
    // The author's own program may declare no goals: then all of its results are worth showing.
    Ok(if names.is_empty() { results } else { names })
}

fn column<'n>(
    request: &Request<'_>,
    variants: &[&VariantResults<'_>],
    name: &'n str,
    shows_rest: bool,
) -> Column<'n> {
    let cells = variants.iter().map(|of| Measured::of(request, of, name, shows_rest)).collect();
    Column { name, unit: request.unit(name), goal: request.goal(name), cells }
}

impl Column<'_> {
    /// The row of the best mean if it is clearly the best: its interval overlaps that of no other
    /// row. Also `None` if the column has no goal or a number has no interval, for example because
    /// all runs have the same number or one diverged.
    fn clear_best(&self) -> Option<usize> {
        let goal = self.goal?;
        let intervals: Vec<(f64, f64)> = self
            .cells
            .iter()
            .map(|cell| cell.interval().filter(|_| cell.diverged() == 0))
            .collect::<Option<_>>()?;
        let is_clear = |&(row, (from, to)): &(usize, (f64, f64))| {
            let mut others = intervals.iter().enumerate().filter(|&(other, _)| other != row);
            others.all(|(_, &(other_from, other_to))| match goal {
                Goal::Max => from > other_to,
                Goal::Min => to < other_from,
            })
        };
        let has_others = intervals.len() > 1;
        let rows = intervals.iter().copied().enumerate();
        rows.into_iter().find(is_clear).map(|(row, _)| row).filter(|_| has_others)
    }

    fn head(&self) -> String {
        let name = in_words(self.name);
        // "images per second (images/s)" would say it twice.
        let says_unit = self.name == "images-per-second" && self.unit.sign() == "images/s";
        if says_unit { name } else { self.unit.label(&name) }
    }
}

/// A note on what the numbers and the marks mean.
fn note(columns: &[Column<'_>], has_marks: bool) -> String {
    let cells = || columns.iter().flat_map(|column| &column.cells);
    let numbers = measured::note(&cells(), |seeds| format!("Mean ± 95 % interval over {seeds}."));
    let numbers = numbers + &measured::remarks(cells());
    let marks =
        if has_marks { " Bold: best, with an interval that overlaps no other." } else { "" };
    format!("{numbers}{marks}")
}
