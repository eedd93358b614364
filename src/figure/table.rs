//! `{% table EXPERIMENT %}`: the results of variants in a table, a row for each variant; with their
//! parameters, and with differences to one variant or from row to row, if the tag asks for them.

use super::arguments::Piece;
use super::best::{self, Comparisons};
use super::csv::Csv;
use super::html::{Cell, Table};
use super::measured::{self, Measured, Reading};
use super::number::{self, Unit};
use super::parameters::{differing, parameters};
use super::parts::{Content, Parts};
use super::provenance::runs;
use super::request::Request;
use super::{in_words, latex, table_json};
use crate::diagnostic::{Diagnostic, listed};
use crate::experiment::results::VariantResults;
use crate::recipe::Goal;
use crate::stats::{Difference, Pairing, Test, Untested, compare};

/// One column of numbers.
pub(super) struct Column<'n> {
    pub(super) name: &'n str,
    pub(super) unit: Unit,
    pub(super) goal: Option<Goal>,
    /// The numbers of each variant.
    pub(super) cells: Vec<Measured>,
    /// The difference of each variant to another, if the table shows them; `None` in the row of
    /// that variant, and where there is no number.
    pub(super) deltas: Option<Vec<Option<Difference>>>,
}

/// Makes the parts of `{% table EXPERIMENT %}`.
pub(super) fn table<'r>(request: &Request<'r>) -> Result<Parts<'r>, Diagnostic> {
    let Request { arguments, of, .. } = *request;
    arguments.allow_options(&[
        "artifact", "baseline", "by", "caption", "columns", "deltas", "diverged", "id", "interval",
        "params", "variants",
    ])?;
    let variants = request.chosen_variants()?;
    let shows_rest = measured::shows_rest(arguments)?;
    let pairing = request.pairing()?;
    let names = column_names(request)?;
    let columns = names.iter().map(|&name| column(request, &variants, name, shows_rest));
    let mut columns: Vec<Column<'_>> = columns.collect::<Result<_, _>>()?;
    if columns.is_empty() {
        return Err(request.no_numbers());
    }
    let ladder = ladder(request, &variants)?;
    if let Some(ladder) = &ladder {
        add_deltas(&mut columns, ladder, pairing);
    }
    let params = parameter_columns(request, &variants)?;
    let of_columns: Vec<(Option<Goal>, &[Measured])> =
        columns.iter().map(|column| (column.goal, &column.cells[..])).collect();
    let comparisons = Comparisons::of(&of_columns, pairing);
    let marked: Vec<Vec<bool>> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| comparisons.marked(index, column.goal, &column.cells))
        .collect();
    let table = shown(&variants, &params, &columns, &marked);
    let note = note(&columns, &comparisons, &marked, ladder.as_ref())
        + &measured::diverged_note(of, &variants, shows_rest);
    let json = table_json::file(request, &variants, &params, &columns, (&comparisons, &marked));
    Ok(Parts {
        request: *request,
        subject: String::new(),
        content: Content::Table {
            // Differences to the row above would be wrong in another order.
            is_sortable: variants.len() > 2 && !matches!(ladder, Some(Ladder::Above)),
            files: vec![json, latex::file(&table, &note, "table")],
            table,
        },
        note,
        file: Csv::of_numbers(request, &variants, &names).file("table"),
        runs: runs(variants).collect(),
    })
}

/// The table as readers see it.
fn shown(
    variants: &[&VariantResults<'_>],
    params: &[Parameter],
    columns: &[Column<'_>],
    marked: &[Vec<bool>],
) -> Table {
    let cells = || columns.iter().flat_map(|column| &column.cells);
    let has_single =
        |one: &Measured| matches!(one.reading(), Reading::Single(_) | Reading::Nothing);
    let marks_single = !cells().all(has_single);
    let rows = variants.iter().enumerate().map(|(row, of)| {
        let params = params.iter().map(|parameter| parameter.cell(row));
        let numbers = columns.iter().zip(marked).flat_map(|(column, marked)| {
            let measured = &column.cells[row];
            let cell = Cell {
                text: measured.cell(marks_single),
                is_best: marked[row],
                number: measured.mean(),
            };
            let delta = column.deltas.as_ref().map(|deltas| column.delta(deltas[row].as_ref()));
            std::iter::once(cell).chain(delta)
        });
        std::iter::once(of.variant.title.clone().into()).chain(params).chain(numbers).collect()
    });
    let heads = columns.iter().flat_map(|column| {
        std::iter::once(column.head()).chain(column.deltas.as_ref().map(|_| column.delta_head()))
    });
    let params = params.iter().map(|parameter| parameter.name.clone());
    let heads = std::iter::once("variant".to_owned()).chain(params).chain(heads);
    Table { heads: heads.collect(), rows: rows.collect() }
}

/// What the numbers of a row are compared with.
enum Ladder {
    /// Those of the row above.
    Above,
    /// Those of a variant: its row, and its title.
    Baseline(usize, String),
}

impl Ladder {
    /// The row that a row is compared with.
    fn other(&self, row: usize) -> Option<usize> {
        match *self {
            Ladder::Above => row.checked_sub(1),
            Ladder::Baseline(baseline, _) => (row != baseline).then_some(baseline),
        }
    }
}

/// What the options `baseline` and `deltas` ask for.
fn ladder(
    request: &Request<'_>,
    variants: &[&VariantResults<'_>],
) -> Result<Option<Ladder>, Diagnostic> {
    let arguments = request.arguments;
    match (arguments.option("baseline"), arguments.option("deltas")) {
        (None, None) => Ok(None),
        (None, Some(deltas)) if deltas.text == "above" => Ok(Some(Ladder::Above)),
        (None, Some(deltas)) => {
            let error = arguments.unknown_of("value", "deltas", deltas, ["above"]);
            Err(error.hint(
                "write `deltas=\"above\"` for differences to the row above, or \
                 `baseline=\"VARIANT\"` for those to one variant",
            ))
        }
        (Some(_), Some(deltas)) => {
            let message = "`baseline` and `deltas` cannot both be given";
            Err(arguments.error(deltas, message).hint("remove one of them"))
        }
        (Some(baseline), None) => {
            let name = &request.variant(baseline)?.variant.name;
            let row = variants.iter().position(|of| of.variant.name == *name).ok_or_else(|| {
                let message = format!("`{name}` is not in the table");
                arguments.error(baseline, message).hint("add it to `variants`")
            })?;
            Ok(Some(Ladder::Baseline(row, variants[row].variant.title.clone())))
        }
    }
}

/// Adds the differences to the columns that have a goal; to all if none has one.
fn add_deltas(columns: &mut [Column<'_>], ladder: &Ladder, pairing: Pairing) {
    let has_goals = columns.iter().any(|column| column.goal.is_some());
    for column in columns.iter_mut().filter(|column| column.goal.is_some() || !has_goals) {
        let delta = |row: usize| {
            let (cell, other) = (&column.cells[row], &column.cells[ladder.other(row)?]);
            cell.mean().and(other.mean())?;
            compare(cell.values(), other.values(), pairing)
        };
        column.deltas = Some((0..column.cells.len()).map(delta).collect());
    }
}

/// A column of parameters.
pub(super) struct Parameter {
    pub(super) name: String,
    /// Its value in each row; `None` in variants that do not have it.
    pub(super) values: Vec<Option<String>>,
}

impl Parameter {
    fn cell(&self, row: usize) -> Cell {
        let value = self.values[row].as_ref();
        let number = value.and_then(|value| value.parse().ok()).filter(|of: &f64| of.is_finite());
        value.map_or_else(Cell::none, |value| Cell { number, ..Cell::from(value.clone()) })
    }
}

/// The parameters that the option `params` names: `differing`, or names between commas.
fn parameter_columns(
    request: &Request<'_>,
    variants: &[&VariantResults<'_>],
) -> Result<Vec<Parameter>, Diagnostic> {
    let Some(asked) = request.arguments.list("params")? else { return Ok(Vec::new()) };
    let all: Vec<_> = variants.iter().map(|of| parameters(of)).collect();
    let names = match &asked[..] {
        [only] if only.text == "differing" => differing(&all),
        names => {
            let known = || all.iter().flat_map(|of| of.keys()).map(String::as_str);
            if let Some(unknown) = names.iter().find(|name| !known().any(|one| one == name.text)) {
                let known: std::collections::BTreeSet<&str> = known().collect();
                let message = format!("unknown parameter `{}`", unknown.text);
                let hint = format!("write `differing`, or some of {}", listed(known));
                return Err(request.arguments.error(*unknown, message).hint(hint));
            }
            names.iter().map(|name| name.text.to_owned()).collect()
        }
    };
    let parameter = |name: String| Parameter {
        values: all.iter().map(|of| of.get(&name).cloned()).collect(),
        name,
    };
    Ok(names.into_iter().map(parameter).collect())
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
) -> Result<Column<'n>, Diagnostic> {
    let cells = variants.iter().map(|of| {
        let variant = of.variant.name.as_str();
        Measured::of(request, of, name, shows_rest).with_chosen_interval(request.arguments, variant)
    });
    let cells = cells.collect::<Result<_, _>>()?;
    Ok(Column { name, unit: request.unit(name), goal: request.goal(name), cells, deltas: None })
}

impl Column<'_> {
    fn head(&self) -> String {
        let name = in_words(self.name);
        // "images per second (images/s)" would say it twice.
        let says_unit = self.name == "images-per-second" && self.unit.sign() == "images/s";
        if says_unit { name } else { self.unit.label(&name) }
    }

    /// The unit of its differences.
    fn delta_unit(&self) -> Unit {
        if self.unit == Unit::Share { Unit::Points } else { self.unit.clone() }
    }

    fn delta_head(&self) -> String {
        self.delta_unit().label("Δ")
    }

    /// A difference, with its interval if it has one.
    fn delta(&self, found: Option<&Difference>) -> Cell {
        let Some(found) = found else { return Cell::none() };
        let unit = self.delta_unit();
        let half_width = found.interval.map(|(from, to)| to / 2.0 - from / 2.0);
        let bounds = if unit == Unit::Points { (-1.0, 1.0) } else { number::NO_BOUNDS };
        let interval = half_width.map(|half| number::interval(found.difference, half, bounds));
        let text = number::without_unit_between(found.difference, interval, &unit);
        let text = number::signed(found.difference, text);
        let is_equal = found.test == Test::None { why: Untested::Equal };
        let text = if is_equal { format!("{text} (equal in all seeds)") } else { text };
        Cell { number: Some(found.difference), ..Cell::from(text) }
    }
}

/// A note on what the numbers, the marks and the differences mean.
fn note(
    columns: &[Column<'_>],
    comparisons: &Comparisons,
    marked: &[Vec<bool>],
    ladder: Option<&Ladder>,
) -> String {
    let cells = || columns.iter().flat_map(|column| &column.cells);
    let interval = measured::interval_name(cells());
    let numbers = measured::note(&cells(), |seeds| format!("Mean ± {interval} over {seeds}."));
    let numbers = numbers + &measured::remarks(cells());
    let has_marks = marked.iter().flatten().any(|&is_marked| is_marked);
    let marks = match comparisons.phrase() {
        Some(how) if has_marks => {
            format!(" Bold: the best, and what does not differ from it significantly ({how}).")
        }
        Some(how) => format!(" Nothing is bold: no variant is clearly the best ({how})."),
        None => String::new(),
    };
    let deltas = ladder.map_or(String::new(), |ladder| {
        let to = match ladder {
            Ladder::Above => "the row above",
            Ladder::Baseline(_, title) => title,
        };
        let all = columns.iter().filter_map(|column| column.deltas.as_ref()).flatten().flatten();
        let how = best::test_phrase(all).map_or(String::new(), |how| {
            format!(", with its 95 % interval, not corrected ({how})")
        });
        format!(" Δ: difference to {to}{how}.")
    });
    format!("{numbers}{marks}{deltas}")
}
