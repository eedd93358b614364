//! `{% table EXPERIMENT artifact="…" variant="…" %}`: a table that runs wrote, as CSV, with means
//! over the seeds.
//!
//! The first column names the rows. If all runs have the same rows and columns, a cell that is a
//! number in each of them shows the mean with its interval. Otherwise one run must be named with
//! `seed`.

use super::arguments::{Arguments, Piece};
use super::artifact;
use super::csv::Csv;
use super::html::{Cell, Table};
use super::latex;
use super::measured::{self, Measured};
use super::parts::{Content, Parts};
use super::provenance::Run;
use super::request::Request;
use super::{in_words, seed_count};
use crate::diagnostic::Diagnostic;
use crate::experiment::spec::Variant;

/// A table as a run wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Written {
    heads: Vec<String>,
    /// As many fields in each row as there are heads, at least one.
    rows: Vec<Vec<String>>,
}

/// The most rows that a page shows.
const MOST_ROWS: usize = 100;

/// Makes the parts of `{% table EXPERIMENT artifact="…" %}`.
pub(super) fn table<'r>(request: &Request<'r>, name: Piece<'_>) -> Result<Parts<'r>, Diagnostic> {
    let arguments = request.arguments;
    arguments
        .allow_options(&["artifact", "caption", "columns", "diverged", "id", "seed", "variant"])?;
    let of = artifact::the_variant(request)?;
    let runs = artifact::runs(request, of)?;
    let written = written(request, name.text, of.variant, &runs)?;
    let Some(first) = written.first() else {
        return Err(arguments.error_of_all("there is no run to show"));
    };
    if written.iter().any(|other| other.heads != first.heads || !has_rows_of(other, first)) {
        let message = format!("the runs of `{}` have different rows", of.variant.name);
        return Err(arguments.error_of_all(message).hint("name one with `seed=`"));
    }
    if first.rows.len() > MOST_ROWS {
        let count = first.rows.len();
        let message =
            format!("`{}` has {count} rows, and a page shows at most {MOST_ROWS}", name.text);
        return Err(arguments.error(name, message));
    }
    let columns = columns(arguments, first)?;
    let mut is_cut = false;
    let mut rows = Vec::with_capacity(first.rows.len());
    for row in 0..first.rows.len() {
        let cells = columns.iter().map(|&column| cell(request, &runs, &written, (row, column)));
        let Some(cells) = cells.collect::<Option<Vec<Shown>>>() else {
            let (variant, row) = (&of.variant.name, &first.rows[row][0]);
            let message = format!("not all runs of `{variant}` have a number in the row `{row}`");
            return Err(arguments.error_of_all(message).hint("name one run with `seed=`"));
        };
        is_cut |= cells.iter().any(|cell| cell.is_cut);
        rows.push(cells.into_iter().map(Shown::cell).collect());
    }
    let numbers = match &runs[..] {
        [only] => format!("The run of {} with seed {}.", of.variant.title, only.record.seed),
        [_, _] => format!("{}: both numbers of 2 runs.", of.variant.title),
        several => format!(
            "{}: mean ± 95 % interval over {}.",
            of.variant.title,
            seed_count([several.len()])
        ),
    };
    let cut = if is_cut { measured::CUT } else { "" };
    let heads = columns.iter().map(|&column| {
        let head = &first.heads[column];
        request.unit(head).label(&in_words(head))
    });
    let table = Table { heads: heads.collect(), rows };
    let note = numbers + cut + &artifact::diverged_note(request, of);
    Ok(Parts {
        request: *request,
        subject: in_words(name.text),
        content: Content::Table {
            is_sortable: first.rows.len() > 2,
            files: vec![latex::file(&table, &note, name.text)],
            table,
        },
        note,
        file: csv(of.variant.name.as_str(), &runs, &written).file(name.text),
        runs,
    })
}

/// The table of each of the runs.
fn written(
    request: &Request<'_>,
    name: &str,
    variant: &Variant,
    runs: &[Run<'_>],
) -> Result<Vec<Written>, Diagnostic> {
    let tables = runs.iter().map(|run| {
        let committed = artifact::committed(request, name, variant, run.record)?;
        committed.expect_kind("table")?;
        Written::read(committed.content).map_err(|message| committed.error(&message))
    });
    tables.collect()
}

fn has_rows_of(table: &Written, other: &Written) -> bool {
    table.rows.len() == other.rows.len()
        && table.rows.iter().zip(&other.rows).all(|(a, b)| a[0] == b[0])
}

/// The indices of the columns to show: the first one, and those that the option `columns` names; by
/// default all.
fn columns(arguments: &Arguments<'_>, table: &Written) -> Result<Vec<usize>, Diagnostic> {
    let Some(asked) = arguments.list("columns")? else {
        return Ok((0..table.heads.len()).collect());
    };
    let found = asked.into_iter().map(|name| {
        let column = table.heads.iter().position(|head| head == name.text);
        column.ok_or_else(|| {
            arguments.unknown("column", name, table.heads.iter().map(String::as_str))
        })
    });
    let found: Vec<usize> = found.collect::<Result<_, _>>()?;
    Ok(std::iter::once(0).chain(found.into_iter().filter(|&column| column != 0)).collect())
}

/// What is shown of a cell.
struct Shown {
    text: String,
    /// Its mean, if it is a number.
    mean: Option<f64>,
    /// Whether an interval in it is cut.
    is_cut: bool,
}

impl Shown {
    fn cell(self) -> Cell {
        Cell { number: self.mean, ..Cell::from(self.text) }
    }
}

/// What is shown of a cell in all of the tables; `None` if it is neither a number in each nor the
/// same text.
fn cell(
    request: &Request<'_>,
    runs: &[Run<'_>],
    tables: &[Written],
    (row, column): (usize, usize),
) -> Option<Shown> {
    let texts = || tables.iter().map(|table| table.rows[row][column].trim());
    let first = texts().next()?;
    let numbers: Option<Vec<f64>> =
        texts().map(|text| text.parse().ok().filter(|number: &f64| number.is_finite())).collect();
    let Some(numbers) = numbers.filter(|_| column > 0) else {
        let is_same = texts().all(|text| text == first);
        return is_same.then(|| Shown { text: first.to_owned(), mean: None, is_cut: false });
    };
    let values = runs.iter().map(|run| run.record.seed).zip(numbers).collect();
    let measured = Measured::of_values(values, request.unit(&tables[0].heads[column]));
    // Without the remark on identical numbers: that all runs have the same count of images in a
    // class is no surprise.
    Some(Shown { text: measured.number(), mean: measured.mean(), is_cut: measured.is_cut() })
}

/// The tables of all seeds below each other.
fn csv(variant: &str, runs: &[Run<'_>], tables: &[Written]) -> Csv {
    let heads =
        tables.first().map(|table| table.heads.iter().map(String::as_str)).into_iter().flatten();
    let heads: Vec<&str> = ["experiment", "variant", "seed"].into_iter().chain(heads).collect();
    let mut csv = Csv::new(&heads);
    for (Run { record, .. }, table) in runs.iter().zip(tables) {
        for row in &table.rows {
            let run = [record.experiment.to_string(), variant.to_owned(), record.seed.to_string()];
            csv.row(run.into_iter().chain(row.iter().cloned()));
        }
    }
    csv
}

impl Written {
    /// Reads CSV as RFC 4180 defines it. The error says what is wrong with it.
    fn read(bytes: &[u8]) -> Result<Written, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())?;
        let mut rows = records(text)?.into_iter();
        let heads = rows.next().ok_or_else(|| "it is empty".to_owned())?;
        let rows: Vec<Vec<String>> = rows.collect();
        match rows.iter().position(|row| row.len() != heads.len()) {
            Some(row) => {
                Err(format!("row {} has {} fields, not {}", row + 2, rows[row].len(), heads.len()))
            }
            None if rows.is_empty() => Err("it has no rows".to_owned()),
            None => Ok(Written { heads, rows }),
        }
    }
}

/// The rows of a CSV file, each with at least one field. Empty lines are skipped.
fn records(text: &str) -> Result<Vec<Vec<String>>, String> {
    let mut rows = vec![vec![String::new()]];
    let mut chars = text.chars().peekable();
    let mut is_quoted = false;
    while let Some(c) = chars.next() {
        let row = rows.last_mut().expect("there is always a row");
        let field = row.last_mut().expect("a row has at least one field");
        match c {
            '"' if is_quoted && chars.peek() == Some(&'"') => field.extend(chars.next()),
            '"' if is_quoted || field.is_empty() => is_quoted = !is_quoted,
            ',' if !is_quoted => row.push(String::new()),
            '\r' if !is_quoted && chars.peek() == Some(&'\n') => {}
            '\n' if !is_quoted => rows.push(vec![String::new()]),
            c => field.push(c),
        }
    }
    rows.retain(|row| row.len() > 1 || !row[0].is_empty());
    if is_quoted { Err("a quote is not closed".to_owned()) } else { Ok(rows) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&[&[&str]], &str>) {
        let rows = records(text);
        let rows = rows.as_deref().map(<[_]>::to_vec).map_err(String::as_str);
        let expected = expected.map(|rows| {
            rows.iter().map(|row| row.iter().map(|&field| field.to_owned()).collect()).collect()
        });
        assert_eq!(rows, expected);
    }

    #[test]
    fn fields_may_be_quoted() {
        check(
            "a,b\n\"x, \"\"y\"\"\",1\r\n\nc,\n",
            Ok(&[&["a", "b"], &["x, \"y\"", "1"], &["c", ""]]),
        );
        check("a,\"b", Err("a quote is not closed"));
    }

    #[test]
    fn rows_have_as_many_fields_as_there_are_heads() {
        assert_eq!(Written::read(b"a,b\n1,2\n3\n"), Err("row 3 has 1 fields, not 2".to_owned()));
        assert_eq!(Written::read(b"a,b\n"), Err("it has no rows".to_owned()));
    }
}
