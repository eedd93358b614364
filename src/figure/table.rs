//! `{% table EXPERIMENT %}`: the results of variants in a table, a row a variant.

use super::arguments::{Arguments, Piece};
use super::html::{Csv, Table, download, escaped, id_attribute};
use super::measured::{self, Measured, Reading};
use super::number::Unit;
use super::provenance::provenance;
use super::{
    Figure, Undrawn, artifact_table, chosen_variants, complete, in_words, known_number,
    number_names, seeds, unit,
};
use crate::diagnostic::Diagnostic;
use crate::experiment::results::{ExperimentResults, Results, VariantResults};
use crate::recipe::Goal;
use kramdown::embed::Embed;

/// One column of numbers.
struct Column {
    name: String,
    unit: Unit,
    goal: Option<Goal>,
    /// Of each variant its numbers.
    cells: Vec<Measured>,
}

/// Makes the figure of the tag `table`.
pub(super) fn table(
    arguments: &Arguments<'_>,
    results: &Results<'_>,
    base_url: &str,
) -> Result<Figure, Undrawn> {
    let all_results = results;
    let results = match arguments.words() {
        [experiment] => complete(arguments, *experiment, results)?,
        [_, more, ..] => {
            return Err(arguments
                .error(*more, format!("`{}` is one word too many", more.text))
                .into());
        }
        [] => {
            let error = arguments.error_of_all("a table needs an experiment");
            return Err(error.hint("write `{% table EXPERIMENT %}`").into());
        }
    };
    if let Some(artifact) = arguments.option("artifact") {
        return Ok(artifact_table::table(arguments, artifact, results, all_results, base_url)?);
    }
    arguments.allow_options(&["artifact", "caption", "columns", "diverged", "id", "variants"])?;
    let variants = chosen_variants(arguments, results)?;
    let shows_rest = measured::shows_rest(arguments)?;
    let names = column_names(arguments, results)?;
    let columns: Vec<Column> =
        names.into_iter().map(|name| column(results, &variants, name, shows_rest)).collect();
    if columns.is_empty() {
        return Err(arguments
            .error_of_all(format!("the runs of `{}` recorded no numbers", results.experiment.name))
            .into());
    }
    let title = arguments
        .option("caption")
        .map_or(results.experiment.title.as_str(), |caption| caption.text);
    let cells = || columns.iter().flat_map(|column| &column.cells);
    let has_single =
        |one: &Measured| matches!(one.reading(), Reading::Single(_) | Reading::Nothing);
    let marks_single = !cells().all(has_single);
    let marks: Vec<Option<usize>> = columns.iter().map(Column::clear_best).collect();
    let rows = variants.iter().enumerate().map(|(row, variant)| {
        let cells = columns
            .iter()
            .zip(&marks)
            .map(|(column, best)| column.cell(row, *best == Some(row), marks_single));
        std::iter::once(escaped(&variant.variant.title)).chain(cells).collect()
    });
    let note = note(&columns, marks.iter().any(Option::is_some))
        + &measured::diverged_note(results, &variants, shows_rest)
        + &provenance(&variants);
    let table = Table {
        caption: Some(format!(
            "{}<br><span class=\"labpress-note\">{}</span>",
            escaped(title),
            escaped(&note)
        )),
        label: title.to_owned(),
        heads: std::iter::once("variant".to_owned())
            .chain(columns.iter().map(Column::head))
            .collect(),
        rows: rows.collect(),
    };
    let (path, bytes) = csv(results, &variants, &columns);
    let html = format!(
        "<div class=\"labpress-table\"{}>\n{}\n<p>{}</p>\n</div>",
        id_attribute(arguments.option("id").map(|id| id.text)),
        table.html(),
        download(&path, base_url)
    );
    Ok(Figure {
        embed: Embed { html, text: title.to_owned(), block: true },
        files: vec![(path, bytes)],
    })
}

/// The columns that the option `columns` names; or else the results with a goal, the number of
/// parameters and the time.
fn column_names(
    arguments: &Arguments<'_>,
    results: &ExperimentResults<'_>,
) -> Result<Vec<String>, Diagnostic> {
    if let Some(asked) = arguments.list("columns")? {
        for (index, &name) in asked.iter().enumerate() {
            known_number(arguments, name, results)?;
            if asked[..index].iter().any(|before| before.text == name.text) {
                return Err(
                    arguments.error(name, format!("the column `{}` stands twice", name.text))
                );
            }
        }
        return Ok(asked.into_iter().map(|Piece { text, .. }| text.to_owned()).collect());
    }
    let records = || results.variants.iter().flat_map(|variant| &variant.records);
    let is_result = |name: &str| records().any(|record| record.metrics.contains_key(name));
    let has_goal = |name: &str| {
        results.experiment.metrics.get(name).is_some_and(|metric| metric.goal.is_some())
    };
    let known = number_names(results);
    let mut names: Vec<&str> =
        known.iter().copied().filter(|name| is_result(name) && has_goal(name)).collect();
    let always = ["parameters", "seconds"]
        .into_iter()
        .filter(|name| known.contains(name) && !names.contains(name));
    names.extend(always.collect::<Vec<_>>());
    // A program's own experiment may declare no goals: then all of its results are worth showing.
    if names.is_empty() {
        names = known.into_iter().filter(|name| is_result(name)).collect();
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

fn column(
    results: &ExperimentResults<'_>,
    variants: &[&VariantResults<'_>],
    name: String,
    shows_rest: bool,
) -> Column {
    let cells =
        variants.iter().map(|variant| Measured::of(results, variant, &name, shows_rest)).collect();
    let goal = results.experiment.metrics.get(&name).and_then(|metric| metric.goal);
    Column { unit: unit(results, &name), goal, cells, name }
}

impl Column {
    /// The row of the best mean, if it is clearly the best: its interval overlaps that of no other
    /// row. `None` too where the column has no goal, or a number has no interval, as where all runs
    /// have the same or one diverged.
    fn clear_best(&self) -> Option<usize> {
        let goal = self.goal?;
        let intervals: Vec<(f64, f64)> = self
            .cells
            .iter()
            .map(|cell| cell.interval().filter(|_| cell.diverged == 0))
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
        let name = escaped(&in_words(&self.name));
        match self.unit.sign() {
            "" => name,
            // "images per second (images/s)" would say it twice.
            "images/s" if self.name == "images-per-second" => name,
            sign => format!("{name} ({})", escaped(sign)),
        }
    }

    fn cell(&self, row: usize, is_best: bool, marks_single: bool) -> String {
        let number = escaped(&self.cells[row].cell(marks_single));
        if is_best {
            format!("<strong>{number}<span class=\"labpress-hidden\"> (best)</span></strong>")
        } else {
            number
        }
    }
}

/// What the numbers and the marks mean.
fn note(columns: &[Column], has_marks: bool) -> String {
    let cells = || columns.iter().flat_map(|column| &column.cells);
    let numbers = measured::note(&cells(), |seeds| format!("Mean ± 95 % interval over {seeds}."));
    let numbers = numbers + &measured::remarks(cells());
    let marks =
        if has_marks { " Bold: best, with an interval that overlaps no other." } else { "" };
    format!("{numbers}{marks}")
}

/// The numbers of all seeds.
fn csv(
    results: &ExperimentResults<'_>,
    variants: &[&VariantResults<'_>],
    columns: &[Column],
) -> (String, Vec<u8>) {
    let mut csv = Csv::new(&["experiment", "variant", "seed", "metric", "value"]);
    for variant in variants {
        for column in columns {
            for (seed, value) in seeds(variant, &column.name) {
                csv.row([
                    results.experiment.name.to_string(),
                    variant.variant.name.to_string(),
                    seed.to_string(),
                    column.name.clone(),
                    value,
                ]);
            }
        }
    }
    csv.file(results.experiment.name.as_str(), "table")
}
