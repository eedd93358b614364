//! `{% chart EXPERIMENT curves %}`: numbers over the course of training, a line a variant.

use std::collections::BTreeMap;

use super::arguments::{Arguments, Piece};
use super::html::{Chart, Csv, Table, escaped};
use super::lines::{self, Axis, Intervals, LineChart, Point, Span};
use super::measured::{self, Measured, Reading};
use super::number::{Unit, exact};
use super::provenance::provenance;
use super::svg::drawable;
use super::{Figure, chosen_variants, in_words, unit};
use crate::diagnostic::{Diagnostic, listed};
use crate::experiment::results::{ExperimentResults, VariantResults};
use crate::recipe::Goal;
use kramdown::embed::Embed;

/// One line of the chart.
struct Line {
    /// Its name for readers.
    name: String,
    /// Number of its colour and marker.
    color: usize,
    /// Number of its dash.
    dash: usize,
    /// Its points in order of step; none where a run diverged before all had a number.
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
    /// From where to where it goes; `None` where there is nothing to show.
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

/// Everything that is drawn, whatever the size.
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

/// Makes the figure of the tag `chart EXPERIMENT curves`.
pub(super) fn curves(
    arguments: &Arguments<'_>,
    results: &ExperimentResults<'_>,
    base_url: &str,
) -> Result<Figure, Diagnostic> {
    arguments.allow_options(&["band", "caption", "diverged", "id", "title", "variants", "y"])?;
    let band = band(arguments)?;
    let variants = chosen_variants(arguments, results)?;
    let names = series_names(arguments, results, &variants)?;
    let unit = unit(results, &names[0]);
    let shows_rest = measured::shows_rest(arguments)?;
    let lines = lines(results, &variants, &names, shows_rest);
    if lines.is_empty() {
        return Err(arguments.error_of_all(format!(
            "no run recorded {} in these variants",
            listed(names.iter().map(String::as_str))
        )));
    }
    let curves = Curves {
        band,
        shows_rest,
        y_name: y_name(&names),
        x_name: results.experiment.step_name(),
        unit,
        range: range(&lines, band),
        steps: steps(&lines),
        lines,
    };
    let subject = format!("{} by {}", curves.y_name, curves.x_name);
    let title = match arguments.option("title") {
        Some(title) => title.text.to_owned(),
        None => format!("{}: {subject}", results.experiment.title),
    };
    let (csv_path, csv) =
        csv(results, &variants, &names).file(results.experiment.name.as_str(), "curves");
    let chart = Chart {
        id: arguments.option("id").map(|id| id.text),
        drawings: curves.chart().drawings(),
        title: &title,
        description: &curves.description(),
        caption: arguments.option("caption").map_or(title.as_str(), |caption| caption.text),
        note: &(curves.note()
            + &measured::diverged_note(results, &variants, shows_rest)
            + &provenance(&variants)),
        table: curves.table(&format!("Numbers of the chart: {subject}")),
        csv: &csv_path,
    };
    let embed = Embed { html: chart.html(base_url), text: title.clone(), block: true };
    Ok(Figure { embed, files: vec![(csv_path, csv)] })
}

fn band(arguments: &Arguments<'_>) -> Result<Band, Diagnostic> {
    let Some(band) = arguments.option("band") else {
        return Ok(Band::Interval);
    };
    match band.text {
        "interval" => Ok(Band::Interval),
        "range" => Ok(Band::Range),
        _ => Err(arguments.unknown("band", band, ["interval", "range"])),
    }
}

/// The series to draw: those of the option `y`, or else the most telling one.
fn series_names(
    arguments: &Arguments<'_>,
    results: &ExperimentResults<'_>,
    variants: &[&VariantResults<'_>],
) -> Result<Vec<String>, Diagnostic> {
    let records = || variants.iter().flat_map(|variant| &variant.records);
    let has_points = |name: &&String| {
        records().any(|record| record.series.get(*name).is_some_and(|of| !of.is_empty()))
    };
    let mut known: Vec<&String> =
        records().flat_map(|record| record.series.keys()).filter(has_points).collect();
    known.sort_unstable();
    known.dedup();
    let Some(asked) = arguments.list("y")? else {
        let metric =
            |name: &str| results.experiment.metrics.get(name).and_then(|metric| metric.goal);
        // What is measured on images that were not learned from, and grows, tells most.
        let rank = |name: &&&String| {
            (!name.starts_with("valid."), metric(name).is_none(), metric(name) != Some(Goal::Max))
        };
        return known.iter().min_by_key(rank).map(|&name| vec![name.clone()]).ok_or_else(|| {
            let message = format!("the runs of `{}` recorded no series", results.experiment.name);
            arguments
                .error_of_all(message)
                .hint("`{% chart EXPERIMENT compare %}` shows numbers that are no series")
        });
    };
    let unit_of = |name: Piece<'_>| unit(results, name.text);
    for (index, &name) in asked.iter().enumerate() {
        if !known.iter().any(|known| *known == name.text) {
            let what = format!("series of `{}`", results.experiment.name);
            return Err(arguments.unknown(&what, name, known.iter().map(|name| name.as_str())));
        }
        if asked[..index].iter().any(|before| before.text == name.text) {
            return Err(arguments.error(name, format!("`{}` stands twice", name.text)));
        }
        if unit_of(name) != unit_of(asked[0]) {
            let message = format!("`{}` and `{}` have different units", asked[0].text, name.text);
            return Err(arguments.error(name, message).hint("make a chart of each"));
        }
    }
    Ok(asked.into_iter().map(|name| name.text.to_owned()).collect())
}

/// What the lines have in common: of `train.loss` and `valid.loss` that is "loss".
fn y_name(names: &[String]) -> String {
    let last_part = |name: &String| name.rsplit('.').next().unwrap_or_default().to_owned();
    match names {
        [only] => in_words(only),
        [first, rest @ ..] if rest.iter().all(|name| last_part(name) == last_part(first)) => {
            in_words(&last_part(first))
        }
        several => several.iter().map(|name| in_words(name)).collect::<Vec<_>>().join(", "),
    }
}

fn lines(
    results: &ExperimentResults<'_>,
    variants: &[&VariantResults<'_>],
    names: &[String],
    shows_rest: bool,
) -> Vec<Line> {
    let mut lines = Vec::new();
    for variant in variants {
        // A variant has its colour from its place in the experiment, so that it is the same in all
        // charts of it.
        let is_it = |other: &VariantResults<'_>| other.variant.name == variant.variant.name;
        let color = results.variants.iter().position(is_it).unwrap_or_default();
        for (index, name) in names.iter().enumerate() {
            let seeds: Vec<Vec<(u64, f64)>> = variant
                .records
                .iter()
                .filter_map(|record| record.series.get(name).cloned())
                .collect();
            let points = points(variant, name, &unit(results, name), shows_rest);
            let diverged = variant.diverged().count();
            let diverged =
                (diverged > 0).then(|| measured::diverged_phrase(diverged, variant.records.len()));
            let is_only_variant = variants.len() == 1;
            let line_name = match (names.len(), is_only_variant) {
                (1, _) => variant.variant.title.clone(),
                (_, true) => in_words(name),
                (_, false) => format!("{}, {}", variant.variant.title, in_words(name)),
            };
            // Several series of one variant share its colour and differ in their dashes; if there
            // is just one variant, colours may tell them apart as well.
            let (color, dash) = match (names.len(), is_only_variant) {
                (1, _) => (color, color),
                (_, true) => (index, index),
                (_, false) => (color, index),
            };
            if seeds.iter().any(|seed| !seed.is_empty()) {
                lines.push(Line { name: line_name, color, dash, points, seeds, diverged });
            }
        }
    }
    lines
}

/// The means of the series `name`. Where runs diverged, they end with the first of those: after it,
/// a mean would be one of the rest. If `shows_rest`, they are those of the rest from the start.
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

/// From the lowest to the highest number to show. Wide intervals, as three seeds have them early in
/// training, may take no more room above and below than the numbers themselves; the rest of them is
/// cut off.
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
    /// That all runs have the same numbers, with a space before it.
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

    /// What can be seen, in sentences.
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
        if all.clone().all(|one| one.values.len() < 2) {
            let is_single = self.lines.iter().all(|line| line.seeds.len() < 2);
            return if is_single {
                super::SINGLE_RUNS.to_owned()
            } else {
                "Thin lines: single seeds.".to_owned()
            };
        }
        let counts = super::seed_count(all.clone().map(|one| one.values.len()));
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

    fn table(&self, label: &str) -> Table {
        let sign = self.unit.sign();
        let head = |line: &Line| match sign {
            "" => escaped(&line.name),
            sign => format!("{} ({})", escaped(&line.name), escaped(sign)),
        };
        let mut rows: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for (index, line) in self.lines.iter().enumerate() {
            for point in &line.points {
                let row = rows
                    .entry(point.step)
                    .or_insert_with(|| vec!["–".to_owned(); self.lines.len()]);
                row[index] = escaped(&point.measured.number());
            }
        }
        let rows = rows
            .into_iter()
            .map(|(step, cells)| std::iter::once(step.to_string()).chain(cells).collect());
        Table {
            caption: None,
            label: label.to_owned(),
            heads: std::iter::once(self.x_name.to_owned())
                .chain(self.lines.iter().map(head))
                .collect(),
            rows: rows.collect(),
        }
    }
}

/// The numbers of all seeds.
fn csv(results: &ExperimentResults<'_>, variants: &[&VariantResults<'_>], names: &[String]) -> Csv {
    let step = results.experiment.step_name();
    let mut csv = Csv::new(&["experiment", "variant", "seed", step, "series", "value"]);
    for variant in variants {
        for record in &variant.records {
            for name in names {
                for &(step, value) in record.series.get(name).into_iter().flatten() {
                    csv.row([
                        record.experiment.clone(),
                        variant.variant.name.to_string(),
                        record.seed.to_string(),
                        step.to_string(),
                        name.clone(),
                        exact(value),
                    ]);
                }
            }
        }
    }
    csv
}
