//! `{% chart EXPERIMENT heatmap x="params.…" y="params.…" metric="…" %}`: a number over two parameters
//! of a grid, a cell for each variant.
//!
//! The larger the mean of a cell, the stronger its colour; the mean is also written in it, so that no
//! information is in the colour alone. The best cell has a frame if a goal says which way is better.

use std::collections::BTreeSet;

use super::arguments::Piece;
use super::csv::Csv;
use super::html::{Cell, Table, escaped, write_to};
use super::in_words;
use super::measured::{self, Measured};
use super::number::{self, Unit, short};
use super::parts::{Content, Parts};
use super::provenance::runs;
use super::request::Request;
use super::svg::{Drawing, Ink, Role, TEXT, cut_to, text_width};
use crate::diagnostic::Diagnostic;
use crate::experiment::fingerprint::Part;
use crate::experiment::results::VariantResults;
use crate::recipe::Goal;

/// The opacity of the strongest and of the weakest cell. Text must be readable on them.
const STRONGEST: f64 = 0.5;
const WEAKEST: f64 = 0.04;
/// The most values of a parameter that can be drawn.
const MOST: usize = 40;
/// With more columns than this, the cells have no numbers.
const MOST_WITH_NUMBERS: usize = 12;

/// A value of a parameter.
#[derive(Clone, PartialEq)]
struct Value {
    /// What it is sorted by, if it is a number.
    number: Option<f64>,
    text: String,
}

/// An axis: a parameter with its values, in order.
struct Axis {
    name: String,
    values: Vec<Value>,
}

/// Everything that is drawn.
struct Heatmap {
    x: Axis,
    y: Axis,
    /// For each value of `y`, the cells by value of `x`; `None` where there is no variant.
    rows: Vec<Vec<Option<Measured>>>,
    metric: String,
    unit: Unit,
    goal: Option<Goal>,
}

/// Makes the parts of `{% chart EXPERIMENT heatmap %}`.
pub(super) fn heatmap<'r>(request: &Request<'r>) -> Result<Parts<'r>, Diagnostic> {
    let arguments = request.arguments;
    arguments.allow_options(&[
        "caption", "diverged", "id", "metric", "title", "variants", "x", "x-title", "y", "y-title",
    ])?;
    let variants = request.chosen_variants()?;
    let (x, y) = (parameter(request, "x")?, parameter(request, "y")?);
    if x.text == y.text {
        return Err(arguments.error(y, "`x` and `y` are the same parameter"));
    }
    let Some(metric) = arguments.option("metric") else {
        let error = arguments.error_of_all("a heat map needs the number that it shows");
        return Err(error.hint("write `metric=\"NAME\"`, such as `metric=\"accuracy\"`"));
    };
    request.expect_number(metric)?;
    let shows_rest = measured::shows_rest(arguments)?;
    let map = Heatmap {
        x: axis(request, x, "x-title", &variants)?,
        y: axis(request, y, "y-title", &variants)?,
        rows: Vec::new(),
        metric: in_words(metric.text),
        unit: request.unit(metric.text),
        goal: request.goal(metric.text),
    };
    let map = with_cells(map, request, [x, y], metric.text, &variants, shows_rest)?;
    let subject = format!("{} by {} and {}", map.metric, map.x.name, map.y.name);
    Ok(Parts {
        request: *request,
        content: Content::Chart {
            drawings: [map.drawing(640), map.drawing(360)],
            description: map.description(),
            numbers: map.table(),
            numbers_of: request.title(&subject),
        },
        subject,
        note: map.note() + &measured::diverged_note(request.of, &variants, shows_rest),
        file: Csv::of_numbers(request, &variants, &[metric.text]).file("heatmap"),
        runs: runs(variants).collect(),
    })
}

/// The parameter that the option names; at least one variant has it.
fn parameter<'r>(request: &Request<'r>, option: &str) -> Result<Piece<'r>, Diagnostic> {
    let Request { arguments, of, .. } = *request;
    let Some(given) = arguments.option(option) else {
        let error = arguments.error_of_all("a heat map needs two parameters, `x` and `y`");
        let hint =
            "write `x=\"params.NAME\" y=\"params.NAME\"`, such as `x=\"params.optimizer.lr\"`";
        return Err(error.hint(hint));
    };
    let records = of.variants.iter().filter_map(|of| of.records.first());
    let known: BTreeSet<&str> = records
        .flat_map(|record| record.fingerprint.parts())
        .map(|(name, _)| name)
        .filter(|name| name.starts_with("params."))
        .collect();
    if known.contains(given.text) {
        return Ok(given);
    }
    Err(arguments.unknown_of("parameter", of.experiment.name.as_str(), given, known))
}

/// The value that the variant's runs have for the parameter.
fn value(of: &VariantResults<'_>, parameter: &str) -> Option<Value> {
    let record = of.records.first()?;
    let (_, part) = record.fingerprint.parts().find(|(name, _)| *name == parameter)?;
    let number = match part {
        Part::Value(value) => value.as_f64(),
        Part::Digest(_) => None,
    };
    let text = number.map_or_else(|| part.to_string(), |number| short(number, &Unit::Plain));
    Some(Value { number, text })
}

fn axis(
    request: &Request<'_>,
    parameter: Piece<'_>,
    title: &str,
    variants: &[&VariantResults<'_>],
) -> Result<Axis, Diagnostic> {
    let mut values: Vec<Value> = Vec::new();
    for of in variants {
        let value = value(of, parameter.text).ok_or_else(|| {
            let message = format!("`{}` has no `{}`", of.variant.name, parameter.text);
            let error = request.arguments.error(parameter, message);
            error.hint("choose variants that have it with `variants`")
        })?;
        if !values.contains(&value) {
            values.push(value);
        }
    }
    // Numbers first; other values stay in the order of the variants.
    values.sort_by(|a, b| match (a.number, b.number) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (a, b) => a.is_none().cmp(&b.is_none()),
    });
    if values.len() > MOST {
        let message = format!(
            "`{}` has {} values, and at most {MOST} can be drawn",
            parameter.text,
            values.len()
        );
        return Err(request.arguments.error(parameter, message));
    }
    let last_key = parameter.text.strip_prefix("params.").unwrap_or(parameter.text);
    let name = request.option(title).map_or_else(|| in_words(last_key), str::to_owned);
    Ok(Axis { name, values })
}

fn with_cells(
    map: Heatmap,
    request: &Request<'_>,
    [x, y]: [Piece<'_>; 2],
    metric: &str,
    variants: &[&VariantResults<'_>],
    shows_rest: bool,
) -> Result<Heatmap, Diagnostic> {
    let mut rows: Vec<Vec<Option<(Measured, &str)>>> =
        vec![vec![None; map.x.values.len()]; map.y.values.len()];
    for of in variants {
        let at = |axis: &Axis, parameter: &str| {
            let value = value(of, parameter)?;
            axis.values.iter().position(|known| *known == value)
        };
        let (Some(column), Some(row)) = (at(&map.x, x.text), at(&map.y, y.text)) else { continue };
        let cell = &mut rows[row][column];
        if let Some((_, other)) = cell {
            let message = format!("`{other}` and `{}` belong into the same cell", of.variant.name);
            let error = request.arguments.error(x, message);
            return Err(
                error.hint("choose variants that differ in these two only, with `variants`")
            );
        }
        *cell = Some((Measured::of(request, of, metric, shows_rest), of.variant.name.as_str()));
    }
    let rows = rows.into_iter().map(|row| row.into_iter().map(|cell| Some(cell?.0)).collect());
    Ok(Heatmap { rows: rows.collect(), ..map })
}

impl Heatmap {
    /// The means with their rows and columns.
    fn means(&self) -> Vec<(usize, usize, f64)> {
        let cells = self.rows.iter().enumerate().flat_map(|(row, cells)| {
            cells.iter().enumerate().map(move |(column, cell)| (row, column, cell))
        });
        cells
            .filter_map(|(row, column, cell)| Some((row, column, cell.as_ref()?.mean()?)))
            .collect()
    }

    /// The cells with the lowest and the highest mean.
    fn ends(&self) -> Option<[(usize, usize, f64); 2]> {
        let means = self.means();
        let lowest = means.iter().min_by(|a, b| a.2.total_cmp(&b.2))?;
        let highest = means.iter().max_by(|a, b| a.2.total_cmp(&b.2))?;
        Some([*lowest, *highest])
    }

    /// The row and the column of the best cell; `None` without a goal.
    fn best(&self) -> Option<(usize, usize)> {
        let [lowest, highest] = self.ends()?;
        let (row, column, _) = match self.goal? {
            Goal::Min => lowest,
            Goal::Max => highest,
        };
        (self.means().len() > 1 && lowest.2 < highest.2).then_some((row, column))
    }

    fn drawing(&self, width: u32) -> Drawing {
        let is_wide = width > 500;
        let size = if is_wide { TEXT } else { 11.0 };
        let columns = self.x.values.len();
        let most = if is_wide { 150.0 } else { 80.0 };
        let widest = |axis: &Axis| {
            axis.values
                .iter()
                .map(|value| text_width(&value.text, size))
                .fold(0.0, f64::max)
                .min(most)
        };
        let (names, heads) = (widest(&self.y), widest(&self.x));
        let left = names + size + 16.0;
        let cell_width = ((f64::from(width) - left - 6.0) / columns as f64).min(110.0);
        let cell_height = (size * 2.4).min(cell_width.max(size * 1.6));
        // Names of columns that are wider than these are slanted.
        let is_slanted = heads > cell_width - 6.0;
        let top = size + 12.0 + if is_slanted { heads * 0.72 + 8.0 } else { size + 6.0 };
        let (grid_width, grid_height) =
            (cell_width * columns as f64, cell_height * self.y.values.len() as f64);
        let mut elements = String::new();
        text(&mut elements, Role::Name, size, [left, size], "", &format!("{} →", self.x.name));
        let [x, y] = [size, top + grid_height / 2.0];
        let upright = format!(
            " text-anchor=\"middle\" transform=\"rotate(-90 {} {})\"",
            tenths(x),
            tenths(y)
        );
        let room = grid_height.max(f64::from(width) / 4.0);
        text(&mut elements, Role::Name, size, [x, y], &upright, &cut_to(&self.y.name, room));
        for (index, value) in self.x.values.iter().enumerate() {
            let [x, y] = [left + (index as f64 + 0.5) * cell_width, top - 7.0];
            let name = cut_to(&value.text, most);
            let more = if is_slanted {
                format!(" transform=\"rotate(-45 {} {})\"", tenths(x), tenths(y))
            } else {
                " text-anchor=\"middle\"".to_owned()
            };
            text(&mut elements, Role::Tick, size, [x, y], &more, &name);
        }
        for (index, value) in self.y.values.iter().enumerate() {
            let y = top + (index as f64 + 0.5) * cell_height + 0.35 * size;
            let name = cut_to(&value.text, most);
            text(&mut elements, Role::Tick, size, [left - 7.0, y], " text-anchor=\"end\"", &name);
        }
        let (lowest, highest) = self.ends().map_or((0.0, 1.0), |[low, high]| (low.2, high.2));
        for (row, cells) in self.rows.iter().enumerate() {
            for (column, cell) in cells.iter().enumerate() {
                let Some(cell) = cell else { continue };
                let (x, y) = (left + column as f64 * cell_width, top + row as f64 * cell_height);
                let (width, height) = (tenths(cell_width), tenths(cell_height));
                if let Some(mean) = cell.mean() {
                    let share =
                        if highest > lowest { (mean - lowest) / (highest - lowest) } else { 0.5 };
                    let strength = WEAKEST + (STRONGEST - WEAKEST) * share;
                    let attributes = Ink::of(Role::Cell, 0).attributes(1.0);
                    write_to(
                        &mut elements,
                        format_args!(
                            "<rect {attributes} fill-opacity=\"{strength:.3}\" x=\"{}\" y=\"{}\" \
                             width=\"{width}\" height=\"{height}\"/>\n",
                            tenths(x),
                            tenths(y)
                        ),
                    );
                }
                let shown = self.shown(cell);
                if columns <= MOST_WITH_NUMBERS && text_width(&shown, size) < cell_width - 2.0 {
                    let middle = [x + cell_width / 2.0, y + cell_height / 2.0 + 0.35 * size];
                    text(
                        &mut elements,
                        Role::Name,
                        size,
                        middle,
                        " text-anchor=\"middle\"",
                        &shown,
                    );
                }
            }
        }
        let line = Ink::plain(Role::Grid).attributes(1.0) + " fill=\"none\"";
        frame(&mut elements, &line, [left, top], [grid_width, grid_height]);
        if let Some((row, column)) = self.best() {
            let line = Ink::of(Role::Line, 0).attributes(2.0);
            let at = [left + column as f64 * cell_width, top + row as f64 * cell_height];
            frame(&mut elements, &line, at, [cell_width, cell_height]);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most a few thousand"
        )]
        let height = (top + grid_height + 4.0).ceil() as u32;
        Drawing { elements, width, height }
    }

    /// The text in a cell: its mean, without a unit.
    fn shown(&self, cell: &Measured) -> String {
        let bare =
            |mean| number::alone(mean, &self.unit).trim_end_matches(&self.unit.suffix()).to_owned();
        match cell.mean() {
            Some(mean) => bare(mean),
            None if cell.diverged() > 0 => "×".to_owned(),
            None => String::new(),
        }
    }

    fn place(&self, row: usize, column: usize) -> String {
        let (x, y) = (&self.x, &self.y);
        format!("{} {} and {} {}", x.name, x.values[column].text, y.name, y.values[row].text)
    }

    /// The alternative text.
    fn description(&self) -> String {
        let what = format!(
            "Heat map of {} by {} ({} values) and {} ({} values).",
            self.metric,
            self.x.name,
            self.x.values.len(),
            self.y.name,
            self.y.values.len()
        );
        let Some([lowest, highest]) = self.ends() else {
            return format!("{what} No run has the number.");
        };
        let phrase = |(row, column, _): (usize, usize, f64)| {
            let cell = self.rows[row][column].as_ref().map(Measured::phrase).unwrap_or_default();
            format!("{cell} at {}", self.place(row, column))
        };
        if lowest.2 >= highest.2 {
            return format!("{what} All cells are the same: {}.", phrase(highest));
        }
        let (low, high) = match self.goal {
            Some(Goal::Min) => ("Lowest and best", "highest"),
            Some(Goal::Max) => ("Highest and best", "lowest"),
            None => ("Highest", "lowest"),
        };
        let (first, second) =
            if self.goal == Some(Goal::Min) { (lowest, highest) } else { (highest, lowest) };
        format!("{what} {low}: {}; {high}: {}.", phrase(first), phrase(second))
    }

    /// How to read the cells.
    fn note(&self) -> String {
        let all = self.rows.iter().flatten().flatten();
        let unit = match self.unit.suffix().trim() {
            "" => String::new(),
            unit => format!(" in {unit}"),
        };
        let counts =
            || all.clone().filter(|cell| cell.mean().is_some()).map(|cell| cell.values().len());
        let cells = match counts().max() {
            None => return "No run has the number.".to_owned(),
            Some(1) => "1 run each".to_owned(),
            Some(_) => format!("means over {}", super::seed_count(counts())),
        };
        let cells = format!("Cells: {cells}{unit}; the larger, the stronger the colour.");
        let frame = match self.best() {
            Some(_) => " The frame: the best mean, without a test.",
            None => "",
        };
        let crosses = if all.clone().any(|cell| cell.mean().is_none() && cell.diverged() > 0) {
            " ×: runs diverged."
        } else {
            ""
        };
        cells + frame + crosses
    }

    fn table(&self) -> Table {
        let heads = self.x.values.iter().map(|value| format!("{} {}", self.x.name, value.text));
        let rows = self.y.values.iter().zip(&self.rows).map(|(value, cells)| {
            let cells = cells.iter().map(|cell| match cell {
                Some(cell) => Cell::from(cell.cell(true)),
                None => Cell::none(),
            });
            std::iter::once(Cell::from(value.text.clone())).chain(cells).collect()
        });
        Table {
            heads: std::iter::once(self.y.name.clone()).chain(heads).collect(),
            rows: rows.collect(),
        }
    }
}

/// A rectangle without an inside.
fn frame(elements: &mut String, line: &str, [x, y]: [f64; 2], [width, height]: [f64; 2]) {
    let (from_x, to_x) = (tenths(x), tenths(x + width));
    let (from_y, to_y) = (tenths(y), tenths(y + height));
    write_to(
        elements,
        format_args!(
            "<polyline {line} points=\"{from_x},{from_y} {to_x},{from_y} {to_x},{to_y} \
             {from_x},{to_y} {from_x},{from_y}\"/>\n"
        ),
    );
}

/// A length, rounded to tenths of a unit.
fn tenths(length: f64) -> f64 {
    (length * 10.0).round() / 10.0
}

fn text(elements: &mut String, role: Role, size: f64, [x, y]: [f64; 2], more: &str, text: &str) {
    let attributes = Ink::plain(role).attributes(1.0);
    let (x, y) = (tenths(x), tenths(y));
    let text = escaped(text);
    write_to(
        elements,
        format_args!(
            "<text {attributes} font-size=\"{size}\"{more} x=\"{x}\" y=\"{y}\">{text}</text>\n"
        ),
    );
}
