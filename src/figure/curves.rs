//! `{% chart EXPERIMENT curves %}`: numbers over the course of training, a line for each variant.

use std::collections::{BTreeMap, BTreeSet};

use super::arguments::Arguments;
use super::csv::Csv;
use super::html::{Cell, Table};
use super::in_words;
use super::lines::{self, Axis, Intervals, LineChart, Point, Span};
use super::measured::{self, Measured, Reading};
use super::number::{Unit, exact};
use super::parts::{Content, Parts};
use super::provenance::runs;
use super::request::Request;
use super::svg::drawable;
use crate::diagnostic::{Diagnostic, listed};
use crate::experiment::results::VariantResults;
use crate::recipe::Goal;

/// One line of the chart.
struct Line {
    /// Its name for readers.
    name: String,
    /// The number of its colour and marker.
    color: usize,
    /// The number of its dash.
    dash: usize,
    /// Its points in order of step; none if a run diverged before all had a number.
    points: Vec<Moment>,
    /// Each seed's numbers, by step.
    seeds: Vec<Vec<(u64, f64)>>,
    /// `2 of 5 seeds diverged`, if some did.
    diverged: Option<String>,
}

/// The numbers of all seeds at one step.
struct Moment {
    step: u64,
    measured: Measured,
}

/// What the area around a line shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Band {
    /// The 95 % interval of the mean.
    Interval,
    /// From the lowest seed to the highest.
    Range,
}

impl Band {
    /// Its ends at this point; `None` if there is nothing to show.
    fn at(self, point: &Moment) -> Option<(f64, f64)> {
        match self {
            Band::Interval => {
                point.measured.interval().map(|(from, to)| (drawable(from), drawable(to)))
            }
            Band::Range => {
                let summary = point.measured.summary().filter(|summary| summary.n > 1)?;
                Some((drawable(summary.lowest), drawable(summary.highest)))
            }
        }
    }
}

/// Everything that is drawn, at any size.
struct Curves<'a> {
    lines: Vec<Line>,
    band: Band,
    /// Whether means are those of the runs that did not diverge.
    shows_rest: bool,
    y_name: String,
    x_name: &'a str,
    unit: Unit,
    /// The lowest and the highest number to show.
    range: (f64, f64),
    /// The first and the last step.
    steps: (u64, u64),
}

/// Makes the parts of `{% chart EXPERIMENT curves %}`.
pub(super) fn curves<'r>(request: &Request<'r>) -> Result<Parts<'r>, Diagnostic> {
    let Request { arguments, of, .. } = *request;
    arguments.allow_options(&["band", "caption", "diverged", "id", "title", "variants", "y"])?;
    let band = band(arguments)?;
    let variants = request.chosen_variants()?;
    let names = series_names(request, &variants)?;
    let shows_rest = measured::shows_rest(arguments)?;
    let lines = lines(request, &variants, &names, shows_rest);
    if lines.is_empty() {
        let names = listed(names.iter().copied());
        return Err(arguments.error_of_all(format!("no run recorded {names} in these variants")));
    }
    let curves = Curves {
        band,
        shows_rest,
        y_name: y_name(&names),
        x_name: of.experiment.step_name(),
        unit: request.unit(names[0]),
        range: range(&lines, band),
        steps: steps(&lines),
        lines,
    };
    let subject = format!("{} by {}", curves.y_name, curves.x_name);
    Ok(Parts {
        request: *request,
        subject: subject.clone(),
        content: Content::Chart {
            drawings: curves.chart().drawings(),
            description: curves.description(),
            numbers: curves.table(),
            numbers_of: subject,
        },
        note: curves.note() + &measured::diverged_note(of, &variants, shows_rest),
        file: csv(request, &variants, &names).file("curves"),
        runs: runs(variants).collect(),
    })
}

fn band(arguments: &Arguments<'_>) -> Result<Band, Diagnostic> {
    let Some(band) = arguments.option("band") else {
        return Ok(Band::Interval);
    };
    match band.text {
        "interval" => Ok(Band::Interval),
        "range" => Ok(Band::Range),
        _ => Err(arguments.unknown_of("value", "band", band, ["interval", "range"])),
    }
}

/// The series to draw: those of the option `y`; by default the one that is likely to matter most.
fn series_names<'r>(
    request: &Request<'r>,
    variants: &[&'r VariantResults<'r>],
) -> Result<Vec<&'r str>, Diagnostic> {
    let arguments = request.arguments;
    let experiment = &request.of.experiment.name;
    let known = known_series(variants);
    let Some(asked) = arguments.list("y")? else {
        // A metric of images that were not trained on, and one to maximize, matters most.
        let rank = |name: &&str| {
            let goal = request.goal(name);
            (!name.starts_with("valid."), goal.is_none(), goal != Some(Goal::Max))
        };
        return known.into_iter().min_by_key(rank).map(|name| vec![name]).ok_or_else(|| {
            arguments
                .error_of_all(format!("the runs of `{experiment}` recorded no series"))
                .hint("`{% chart EXPERIMENT compare %}` shows numbers that are not series")
        });
    };
    for (index, &name) in asked.iter().enumerate() {
        if !known.contains(name.text) {
            return Err(arguments.unknown_of("series", experiment.as_str(), name, known));
        }
        if asked[..index].iter().any(|before| before.text == name.text) {
            return Err(arguments.error(name, format!("`{}` is given twice", name.text)));
        }
        if request.unit(name.text) != request.unit(asked[0].text) {
            let message = format!("`{}` and `{}` have different units", asked[0].text, name.text);
            return Err(arguments.error(name, message).hint("make a chart of each"));
        }
    }
    Ok(asked.into_iter().map(|name| name.text).collect())
}

/// The names of all series with points.
fn known_series<'r>(variants: &[&'r VariantResults<'r>]) -> BTreeSet<&'r str> {
    let records = variants.iter().flat_map(|of| &of.records);
    let series = records.flat_map(|record| &record.series);
    series.filter(|(_, points)| !points.is_empty()).map(|(name, _)| name.as_str()).collect()
}

/// What the lines have in common: for `train.loss` and `valid.loss`, "loss".
fn y_name(names: &[&str]) -> String {
    fn last_part(name: &str) -> &str {
        name.rsplit('.').next().unwrap_or_default()
    }
    match names {
        [only] => in_words(only),
        [first, rest @ ..] if rest.iter().all(|name| last_part(name) == last_part(first)) => {
            in_words(last_part(first))
        }
        several => several.iter().map(|name| in_words(name)).collect::<Vec<_>>().join(", "),
    }
}

fn lines(
    request: &Request<'_>,
    variants: &[&VariantResults<'_>],
    names: &[&str],
    shows_rest: bool,
) -> Vec<Line> {
    let mut lines = Vec::new();
    let is_only_variant = variants.len() == 1;
    for of in variants {
        let title = &of.variant.title;
        let of_variant = request.color(of);
        let diverged = of.diverged().count();
        let diverged =
            (diverged > 0).then(|| measured::diverged_phrase(diverged, of.records.len()));
        for (index, &name) in names.iter().enumerate() {
            let seeds: Vec<Vec<(u64, f64)>> =
                of.records.iter().filter_map(|record| record.series.get(name).cloned()).collect();
            if seeds.iter().all(Vec::is_empty) {
                continue;
            }
            // Several series of one variant share its colour and differ in their dashes; if there
            // is only one variant, their colours may also differ.
            let (line_name, color, dash) = match (names.len(), is_only_variant) {
                (1, _) => (title.clone(), of_variant, of_variant),
                (_, true) => (in_words(name), index, index),
                (_, false) => (format!("{title}, {}", in_words(name)), of_variant, index),
            };
            lines.push(Line {
                name: line_name,
                color,
                dash,
                points: points(of, name, &request.unit(name), shows_rest),
                seeds,
                diverged: diverged.clone(),
            });
        }
    }
    lines
}

/// The means of the series `name`. If runs diverged, they end with the first of those, because
/// later means would be of the other runs only. If `shows_rest`, they are means of the other runs
/// from the start.
fn points(of: &VariantResults<'_>, name: &str, unit: &Unit, shows_rest: bool) -> Vec<Moment> {
    let has_diverged = of.diverged().next().is_some();
    let records = of.records.iter().filter(|record| !(shows_rest && record.diverged.is_some()));
    let mut by_step: BTreeMap<u64, Vec<(u64, f64)>> = BTreeMap::new();
    for record in records {
        for &(step, value) in record.series.get(name).into_iter().flatten() {
            by_step.entry(step).or_default().push((record.seed, value));
        }
    }
    by_step
        .into_iter()
        .filter(|(_, values)| !has_diverged || shows_rest || values.len() == of.records.len())
        .map(|(step, values)| Moment { step, measured: Measured::of_values(values, unit.clone()) })
        .collect()
}

/// The lowest and the highest number to show. Wide intervals, such as those of three seeds early in
/// training, extend the range of the numbers by at most half on either side; the rest is cut off.
fn range(lines: &[Line], band: Band) -> (f64, f64) {
    let points = || lines.iter().flat_map(|line| &line.points);
    let values = || {
        lines.iter().flat_map(|line| line.seeds.iter().flatten()).map(|&(_, value)| drawable(value))
    };
    let lowest = values().fold(f64::INFINITY, f64::min);
    let highest = values().fold(f64::NEG_INFINITY, f64::max);
    let bands = || points().filter_map(|point| band.at(point));
    let room = (highest - lowest) * 0.5;
    let room = if room > 0.0 { room } else { f64::INFINITY };
    let from = bands().map(|(from, _)| from).fold(lowest, f64::min).max(lowest - room);
    let to = bands().map(|(_, to)| to).fold(highest, f64::max).min(highest + room);
    (from, to)
}

fn steps(lines: &[Line]) -> (u64, u64) {
    let steps = || lines.iter().flat_map(|line| line.seeds.iter().flatten()).map(|&(step, _)| step);
    (steps().min().unwrap_or_default(), steps().max().unwrap_or_default())
}

impl Line {
    /// A sentence if all runs have the same numbers, preceded by a space.
    fn identical(&self) -> Option<String> {
        let are_same = self
            .points
            .iter()
            .all(|point| matches!(point.measured.reading(), Reading::Identical(_)));
        let count = self.seeds.len();
        (are_same && !self.points.is_empty())
            .then(|| format!(" {}: identical in all {count} runs.", self.name))
    }
}

impl Curves<'_> {
    /// The lines as they are drawn.
    fn chart(&self) -> LineChart {
        let line = |line: &Line| lines::Line {
            name: line.name.clone(),
            color: line.color,
            dash: line.dash,
            points: line
                .points
                .iter()
                .filter_map(|point| {
                    let y = point.measured.mean()?;
                    Some(Point { x: point.step as f64, y, interval: self.band.at(point) })
                })
                .collect(),
            dots: Vec::new(),
            crosses: Vec::new(),
            seeds: line
                .seeds
                .iter()
                .map(|seed| seed.iter().map(|&(step, value)| (step as f64, value)).collect())
                .collect(),
            has_markers: true,
        };
        LineChart {
            lines: self.lines.iter().map(line).collect(),
            x: Axis {
                name: self.x_name.to_owned(),
                unit: Unit::Plain,
                span: Span::Steps(self.steps.0, self.steps.1),
            },
            y: Axis {
                name: self.y_name.clone(),
                unit: self.unit.clone(),
                span: Span::Numbers(self.range.0, self.range.1),
            },
            intervals: Intervals::Bands,
            marks: Vec::new(),
        }
    }

    /// The alternative text.
    fn description(&self) -> String {
        let (first, last) = self.steps;
        let steps = if first == last { first.to_string() } else { format!("{first} to {last}") };
        let ends = self.lines.iter().filter_map(|line| {
            let end =
                || Some(format!("{} ends at {}", line.name, line.points.last()?.measured.phrase()));
            match &line.diverged {
                Some(diverged) if !self.shows_rest => Some(format!("{}: {diverged}", line.name)),
                Some(diverged) => Some(format!("{} ({diverged})", end()?)),
                None => end(),
            }
        });
        format!(
            "Line chart of {}, {} {steps}. {}.",
            self.y_name,
            self.x_name,
            ends.collect::<Vec<_>>().join("; ")
        )
    }

    /// How to read the marks.
    fn note(&self) -> String {
        let all =
            self.lines.iter().flat_map(|line| line.points.iter().map(|point| &point.measured));
        if all.clone().all(|one| one.values().len() < 2) {
            let is_single = self.lines.iter().all(|line| line.seeds.len() < 2);
            return if is_single {
                super::SINGLE_RUNS.to_owned()
            } else {
                "Thin lines: single seeds.".to_owned()
            };
        }
        let counts = super::seed_count(all.clone().map(|one| one.values().len()));
        let band = match self.band {
            Band::Interval => "95 % interval of the mean",
            Band::Range => "from the lowest to the highest seed",
        };
        let is_cut =
            self.lines.iter().flat_map(|line| &line.points).filter_map(|point| self.band.at(point));
        let is_cut = is_cut.into_iter().any(|(from, to)| from < self.range.0 || to > self.range.1);
        let cut = if is_cut { ", cut off where it leaves the chart" } else { "" };
        let has_band = self
            .lines
            .iter()
            .flat_map(|line| &line.points)
            .any(|point| self.band.at(point).is_some());
        let band = if has_band { format!(" band: {band}{cut};") } else { String::new() };
        let bounds = if self.band == Band::Interval { measured::cut_remark(all) } else { "" };
        let identical: String = self.lines.iter().filter_map(Line::identical).collect();
        format!("Line: mean of {counts};{band} thin lines: single seeds.{bounds}{identical}")
    }

    fn table(&self) -> Table {
        let mut rows: BTreeMap<u64, Vec<Cell>> = BTreeMap::new();
        for (index, line) in self.lines.iter().enumerate() {
            for point in &line.points {
                let row =
                    rows.entry(point.step).or_insert_with(|| vec![Cell::none(); self.lines.len()]);
                row[index] = point.measured.number().into();
            }
        }
        let rows = rows
            .into_iter()
            .map(|(step, cells)| std::iter::once(step.to_string().into()).chain(cells).collect());
        let heads = self.lines.iter().map(|line| self.unit.label(&line.name));
        Table {
            heads: std::iter::once(self.x_name.to_owned()).chain(heads).collect(),
            rows: rows.collect(),
        }
    }
}

/// The numbers of all runs.
fn csv(request: &Request<'_>, variants: &[&VariantResults<'_>], names: &[&str]) -> Csv {
    let step = request.of.experiment.step_name();
    let mut csv = Csv::new(&["experiment", "variant", "seed", step, "series", "value"]);
    for variant in variants {
        for record in &variant.records {
            let seed = record.seed.to_string();
            for &name in names {
                for &(step, value) in record.series.get(name).into_iter().flatten() {
                    let (experiment, variant) = (record.experiment.as_str(), &variant.variant.name);
                    let (step, value) = (step.to_string(), exact(value));
                    csv.row([experiment, variant.as_str(), &seed, &step, name, &value]);
                }
            }
        }
    }
    csv
}
