//! A table with one row per image.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use super::{Listing, Raw, content};
use crate::data::format::{Label, Separator, Table};
use crate::data::is_inner_path;
use crate::diagnostic::listed;

pub(super) fn read(
    folder: &Path,
    classes: &[String],
    labelled: &Table,
    label: &Label,
    unlabelled: Option<&Table>,
) -> anyhow::Result<(Listing, Raw)> {
    let cells = cells(folder, labelled)?;
    let labels = labels(&cells, label, classes).with_context(|| format!("`{}`", labelled.file))?;
    let (mut ids, mut files) = images(folder, labelled, &cells)?;
    if let Some(table) = unlabelled {
        let (more_ids, more_files) = images(folder, table, &self::cells(folder, table)?)?;
        ids.extend(more_ids);
        files.extend(more_files);
    }
    let unlabelled = ids.len() - labels.len();
    let columns = cells.columns.into_iter().zip(cells.of_columns).collect();
    Ok((
        Listing { labels, test_begins: None, unlabelled, ids: Some(ids), columns },
        Raw::Files(files),
    ))
}

/// The cells of a table, column by column.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cells {
    pub(crate) columns: Vec<String>,
    pub(crate) of_columns: Vec<Vec<String>>,
    /// The line of the first row.
    first_line: usize,
}

impl Cells {
    pub(crate) fn column(&self, name: &str) -> anyhow::Result<&[String]> {
        let index = self.columns.iter().position(|column| column == name);
        let index = index.with_context(|| {
            format!(
                "it has no column `{name}`, only {}",
                listed(self.columns.iter().map(String::as_str))
            )
        })?;
        Ok(&self.of_columns[index])
    }
}

fn cells(folder: &Path, table: &Table) -> anyhow::Result<Cells> {
    let text = String::from_utf8(content(folder, &table.file)?)
        .with_context(|| format!("`{}` is not UTF-8", table.file))?;
    parsed(&text, table.separator, table.columns.as_deref())
        .with_context(|| format!("`{}`", table.file))
}

/// Parses a table. Without `columns`, its first row names them.
pub(crate) fn parsed(
    text: &str,
    separator: Separator,
    columns: Option<&[String]>,
) -> anyhow::Result<Cells> {
    // Spreadsheets begin their files with a byte order mark.
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let (columns, first_line) = if let Some(columns) = columns {
        (columns.to_vec(), 1)
    } else {
        let (index, line) = lines.next().context("it is empty")?;
        (split(line, separator).with_context(|| format!("line {}", index + 1))?, index + 2)
    };
    let mut of_columns = vec![Vec::new(); columns.len()];
    for (index, line) in lines {
        let cells = split(line, separator).with_context(|| format!("line {}", index + 1))?;
        let expected = columns.len();
        ensure!(
            cells.len() == expected,
            "line {}: found {} cells, expected {expected}",
            index + 1,
            cells.len()
        );
        for (column, cell) in of_columns.iter_mut().zip(cells) {
            column.push(cell);
        }
    }
    Ok(Cells { columns, of_columns, first_line })
}

/// The cells of a line. A cell in double quotes may contain separators and doubled quotes, but not
/// line breaks.
fn split(line: &str, separator: Separator) -> anyhow::Result<Vec<String>> {
    let separator = match separator {
        Separator::Comma => ',',
        Separator::Semicolon => ';',
        Separator::Tab => '\t',
        Separator::Whitespace => return Ok(line.split_whitespace().map(str::to_owned).collect()),
    };
    let mut cells = Vec::new();
    let mut rest = line;
    loop {
        let (cell, after) = match rest.strip_prefix('"') {
            None => {
                let end = rest.find(separator).unwrap_or(rest.len());
                (rest[..end].trim().to_owned(), &rest[end..])
            }
            Some(quoted) => {
                let mut cell = String::new();
                let mut quoted = quoted;
                loop {
                    let end = quoted.find('"').context("unclosed quote")?;
                    cell.push_str(&quoted[..end]);
                    quoted = &quoted[end + 1..];
                    match quoted.strip_prefix('"') {
                        Some(more) => {
                            cell.push('"');
                            quoted = more;
                        }
                        None => break (cell, quoted),
                    }
                }
            }
        };
        cells.push(cell);
        match after.strip_prefix(separator) {
            Some(more) => rest = more,
            None if after.is_empty() => return Ok(cells),
            None => bail!("unexpected text after a closing quote"),
        }
    }
}

fn labels(cells: &Cells, label: &Label, classes: &[String]) -> anyhow::Result<Vec<u16>> {
    let column = cells.column(&label.column)?;
    let place = |index: usize| format!("row {} (from line {})", index + 1, cells.first_line);
    let number = |count: usize| u16::try_from(count).context("there are too many classes");
    if let Some(thresholds) = &label.thresholds {
        let class = |(index, cell): (usize, &String)| {
            let value: f64 =
                cell.parse().ok().filter(|value: &f64| value.is_finite()).with_context(|| {
                    format!(
                        "{}: invalid number `{cell}` in column `{}`",
                        place(index),
                        label.column
                    )
                })?;
            number(thresholds.iter().filter(|&&threshold| value > threshold).count())
        };
        return column.iter().enumerate().map(class).collect();
    }
    let values = label.values.as_deref().unwrap_or(classes);
    let known: BTreeMap<&str, usize> =
        values.iter().enumerate().map(|(class, value)| (value.as_str(), class)).collect();
    let class = |(index, cell): (usize, &String)| {
        let class = known.get(cell.as_str()).with_context(|| {
            let among = listed(values.iter().take(10).map(String::as_str));
            format!(
                "{}: unknown class `{cell}` in column `{}`, expected one of {among}",
                place(index),
                label.column
            )
        })?;
        number(*class)
    };
    column.iter().enumerate().map(class).collect()
}

/// The names and the files of the images of a table.
fn images(
    folder: &Path,
    table: &Table,
    cells: &Cells,
) -> anyhow::Result<(Vec<String>, Vec<PathBuf>)> {
    let at_file = || format!("`{}`", table.file);
    let ids = cells.column(&table.image.column).with_context(at_file)?.to_vec();
    let extension = table.image.extension.as_deref().unwrap_or_default();
    let inner =
        table.image.folder.as_ref().map_or_else(|| folder.to_owned(), |inner| folder.join(inner));
    let path = |id: &String| {
        let path = format!("{id}{extension}");
        if !is_inner_path(&path) {
            bail!("`{path}` is not a path inside the data set");
        }
        Ok(inner.join(path))
    };
    let files = ids.iter().map(path).collect::<anyhow::Result<_>>().with_context(at_file)?;
    Ok((ids, files))
}

#[cfg(test)]
mod tests {
    use super::super::check_error;
    use super::*;

    #[test]
    fn cells_may_be_quoted() {
        let row = |line| split(line, Separator::Comma).unwrap();
        assert_eq!(row(r#"a, b ,"c, ""d""",,"#), ["a", "b", "c, \"d\"", "", ""]);
        assert_eq!(split("a  b\tc", Separator::Whitespace).unwrap(), ["a", "b", "c"]);
        check_error(split("\"a", Separator::Comma), "unclosed quote");
        check_error(split("\"a\"b", Separator::Comma), "unexpected text after a closing quote");
    }

    #[test]
    fn the_first_row_names_the_columns() {
        let cells = parsed("\u{FEFF}id,label\r\n\r\n1,cat\r\n", Separator::Comma, None).unwrap();
        assert_eq!(cells.column("label").unwrap(), ["cat"]);
        check_error(
            cells.column("x").map(<[String]>::to_vec),
            "it has no column `x`, only `id`, `label`",
        );
        check_error(
            parsed("a,b\n1\n", Separator::Comma, None),
            "line 2: found 1 cells, expected 2",
        );
        check_error(parsed("", Separator::Comma, None), "it is empty");
    }

    #[test]
    fn a_class_is_named_or_between_thresholds() {
        let cells = parsed("y,p\ncat,0.5\ndog,0.9\n", Separator::Comma, None).unwrap();
        let label = |column: &str, thresholds: Option<Vec<f64>>| Label {
            column: column.to_owned(),
            values: None,
            thresholds,
        };
        let classes = ["cat".to_owned(), "dog".to_owned()];
        assert_eq!(labels(&cells, &label("y", None), &classes).unwrap(), [0, 1]);
        assert_eq!(labels(&cells, &label("p", Some(vec![0.5])), &classes).unwrap(), [0, 1]);
        let error =
            "row 1 (from line 2): unknown class `0.5` in column `p`, expected one of `cat`, `dog`";
        check_error(labels(&cells, &label("p", None), &classes), error);
        let error = "row 1 (from line 2): invalid number `cat` in column `y`";
        check_error(labels(&cells, &label("y", Some(vec![0.5])), &classes), error);
    }
}
