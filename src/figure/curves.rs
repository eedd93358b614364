//! `{% chart EXPERIMENT curves %}`: numbers over the course of training, a line a variant.

use std::collections::BTreeMap;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::arguments::{Arguments, Piece};
use super::html::{Chart, Csv, Drawing, Table, escaped};
use super::number::{self, Unit, exact};
use super::provenance::provenance;
use super::svg::{self, Area, Ink, Role, Scale, TEXT, drawable, fill, marker, pixels, stroke, text_style};
use super::{Figure, chosen_variants, in_words, seed_count, step_name, unit};
use crate::diagnostic::{Diagnostic, listed};
use crate::experiment::results::{ExperimentResults, VariantResults};
use crate::markdown::embed::Embed;
use crate::recipe::Goal;
use crate::stats::{Estimate, Summary};

/// One line of the chart.
struct Line {
    /// Its name for readers.
    name: String,
    /// Number of its colour and marker.
    color: usize,
    /// Number of its dash.
    dash: usize,
    /// Its points in order of step, at least one.
    points: Vec<Point>,
    /// Each seed's numbers, by step.
    seeds: Vec<Vec<(u64, f64)>>,
}

/// The numbers of all seeds at one step.
struct Point {
    step: u64,
    summary: Summary,
    estimate: Estimate,
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
    fn at(self, point: &Point) -> Option<(f64, f64)> {
        match self {
            Band::Interval => {
                let Estimate { value, half_width } = point.estimate;
                half_width.map(|half_width| (drawable(value - half_width), drawable(value + half_width)))
            }
            Band::Range => {
                (point.summary.n > 1).then_some((drawable(point.summary.lowest), drawable(point.summary.highest)))
            }
        }
    }
}

/// Everything that is drawn, whatever the size.
struct Curves<'a> {
    lines: Vec<Line>,
    band: Band,
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
    arguments.allow_options(&["band", "caption", "id", "title", "variants", "y"])?;
    let band = band(arguments)?;
    let variants = chosen_variants(arguments, results)?;
    let names = series_names(arguments, results, &variants)?;
    let unit = unit(results, &names[0]);
    let lines = lines(results, &variants, &names);
    if lines.is_empty() {
        return Err(arguments
            .fault_of_all(format!("no run recorded {} in these variants", listed(names.iter().map(String::as_str)))));
    }
    let curves = Curves {
        band,
        y_name: y_name(&names),
        x_name: step_name(results),
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
    let (csv_path, csv) = csv(results, &variants, &names).file(results.experiment.name.as_str(), "curves");
    let chart = Chart {
        id: arguments.option("id").map(|id| id.text),
        drawings: [curves.drawing((640, 340)), curves.drawing((360, 280))],
        title: &title,
        description: &curves.description(),
        caption: arguments.option("caption").map_or(title.as_str(), |caption| caption.text),
        note: &(curves.note() + &provenance(&variants)),
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
    let has_points = |name: &&String| records().any(|record| record.series.get(*name).is_some_and(|of| !of.is_empty()));
    let mut known: Vec<&String> = records().flat_map(|record| record.series.keys()).filter(has_points).collect();
    known.sort_unstable();
    known.dedup();
    let Some(asked) = arguments.list("y")? else {
        let metric = |name: &str| results.experiment.metrics.get(name).and_then(|metric| metric.goal);
        // What is measured on images that were not learned from, and grows, tells most.
        let rank =
            |name: &&&String| (!name.starts_with("valid."), metric(name).is_none(), metric(name) != Some(Goal::Max));
        return known.iter().min_by_key(rank).map(|&name| vec![name.clone()]).ok_or_else(|| {
            let message = format!("the runs of `{}` recorded no series", results.experiment.name);
            arguments.fault_of_all(message).hint("`{% chart EXPERIMENT compare %}` shows numbers that are no series")
        });
    };
    let unit_of = |name: Piece<'_>| unit(results, name.text);
    for (index, &name) in asked.iter().enumerate() {
        if !known.iter().any(|known| *known == name.text) {
            let what = format!("series of `{}`", results.experiment.name);
            return Err(arguments.unknown(&what, name, known.iter().map(|name| name.as_str())));
        }
        if asked[..index].iter().any(|before| before.text == name.text) {
            return Err(arguments.fault(name, format!("`{}` stands twice", name.text)));
        }
        if unit_of(name) != unit_of(asked[0]) {
            let message = format!("`{}` and `{}` have different units", asked[0].text, name.text);
            return Err(arguments.fault(name, message).hint("make a chart of each"));
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

fn lines(results: &ExperimentResults<'_>, variants: &[&VariantResults<'_>], names: &[String]) -> Vec<Line> {
    let mut lines = Vec::new();
    for variant in variants {
        // A variant has its colour from its place in the experiment, so that it is the same in all charts of it.
        let is_it = |other: &VariantResults<'_>| other.variant.name == variant.variant.name;
        let color = results.variants.iter().position(is_it).unwrap_or_default();
        for (index, name) in names.iter().enumerate() {
            let seeds: Vec<Vec<(u64, f64)>> =
                variant.records.iter().filter_map(|record| record.series.get(name).cloned()).collect();
            let points = points(&seeds);
            let is_only_variant = variants.len() == 1;
            let line_name = match (names.len(), is_only_variant) {
                (1, _) => variant.variant.title.clone(),
                (_, true) => in_words(name),
                (_, false) => format!("{}, {}", variant.variant.title, in_words(name)),
            };
            // Several series of one variant share its colour and differ in their dashes; if there is just one
            // variant, colours may tell them apart as well.
            let (color, dash) = match (names.len(), is_only_variant) {
                (1, _) => (color, color),
                (_, true) => (index, index),
                (_, false) => (color, index),
            };
            if !points.is_empty() {
                lines.push(Line { name: line_name, color, dash, points, seeds });
            }
        }
    }
    lines
}

fn points(seeds: &[Vec<(u64, f64)>]) -> Vec<Point> {
    let mut by_step: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for &(step, value) in seeds.iter().flatten() {
        by_step.entry(step).or_default().push(value);
    }
    by_step
        .into_iter()
        .filter_map(|(step, values)| {
            let summary = Summary::of(&values)?;
            Some(Point { step, summary, estimate: summary.estimate() })
        })
        .collect()
}

/// From the lowest to the highest number to show. Wide intervals, as three seeds have them early in training, may take
/// no more room above and below than the numbers themselves; the rest of them is cut off.
fn range(lines: &[Line], band: Band) -> (f64, f64) {
    let points = || lines.iter().flat_map(|line| &line.points);
    let lowest = points().map(|point| drawable(point.summary.lowest)).fold(f64::INFINITY, f64::min);
    let highest = points().map(|point| drawable(point.summary.highest)).fold(f64::NEG_INFINITY, f64::max);
    let bands = || points().filter_map(|point| band.at(point));
    let room = (highest - lowest) * 0.5;
    let room = if room > 0.0 { room } else { f64::INFINITY };
    let from = bands().map(|(from, _)| from).fold(lowest, f64::min).max(lowest - room);
    let to = bands().map(|(_, to)| to).fold(highest, f64::max).min(highest + room);
    (from, to)
}

fn steps(lines: &[Line]) -> (u64, u64) {
    let steps = || lines.iter().flat_map(|line| &line.points).map(|point| point.step);
    (steps().min().unwrap_or_default(), steps().max().unwrap_or_default())
}

/// How far the marks of a chart are from its edges, in units of the view.
struct Layout {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    /// Whether the lines' names stand at their ends; else they stand above the chart.
    names_at_ends: bool,
    /// Where the names above stand: of each line its left end and the row.
    legend: Vec<(f64, usize)>,
}

/// The height of a row of text.
const ROW: f64 = 19.0;
/// The room above the lines for the name of the axis.
const TOP: f64 = 28.0;
/// The space between the names above and the chart.
const LEGEND_GAP: f64 = 8.0;
/// How long the piece of line is that stands before a name.
const SAMPLE: f64 = 26.0;

impl Curves<'_> {
    fn drawing(&self, (width, height): (u32, u32)) -> Drawing {
        let is_wide = width > 500;
        let y = Scale::around(self.range.0, self.range.1, if is_wide { 5 } else { 4 });
        let x = Scale::of_steps(self.steps.0, self.steps.1, if is_wide { 10 } else { 5 });
        let layout = self.layout((f64::from(width), f64::from(height)), &y, &x, is_wide);
        // Names above do not take from the height of the lines.
        let added = pixels(layout.top - TOP).unsigned_abs() / svg::PIXELS.unsigned_abs();
        svg::drawing((width, height + added), |area| self.draw(area, &layout, &x, &y))
    }

    /// Whether the lines need names at all.
    fn has_names(&self) -> bool {
        self.lines.len() > 1
    }

    fn layout(&self, (width, height): (f64, f64), y: &Scale, x: &Scale, is_wide: bool) -> Layout {
        let left = y.tick_width(&self.unit) + 10.0;
        let last_tick = x.ticks.last().map_or(0.0, |&tick| svg::text_width(&x.tick(tick, &Unit::Plain), TEXT));
        let widest = self.lines.iter().map(|line| svg::label_width(&line.name)).fold(0.0, f64::max);
        let (top, bottom) = (TOP, 44.0);
        let fits = widest + 14.0 <= width * 0.36 && self.lines.len() as f64 * ROW <= height - top - bottom;
        let names_at_ends = is_wide && self.has_names() && fits;
        let right = if names_at_ends { widest + 18.0 } else { (last_tick / 2.0).max(8.0) };
        let legend = if names_at_ends || !self.has_names() { Vec::new() } else { self.legend(width) };
        let rows = legend.iter().map(|&(_, row)| row + 1).max().unwrap_or_default();
        Layout {
            left,
            right,
            top: top + if rows > 0 { rows as f64 * ROW + LEGEND_GAP } else { 0.0 },
            bottom,
            names_at_ends,
            legend,
        }
    }

    /// Places the names above the chart, row by row.
    fn legend(&self, width: f64) -> Vec<(f64, usize)> {
        let mut places = Vec::with_capacity(self.lines.len());
        let (mut left, mut row) = (0.0, 0);
        for line in &self.lines {
            let needed = (SAMPLE + 6.0 + svg::label_width(&line.name)).min(width);
            if left > 0.0 && left + needed > width {
                (left, row) = (0.0, row + 1);
            }
            places.push((left, row));
            left += needed + 18.0;
        }
        places
    }

    fn draw(&self, area: &Area<'_>, layout: &Layout, x: &Scale, y: &Scale) -> svg::Done {
        let (width, height) = area.dim_in_pixel();
        let sign = self.unit.sign();
        let y_name = if sign.is_empty() { self.y_name.clone() } else { format!("{} ({sign})", self.y_name) };
        let name = |horizontal, vertical| text_style(Ink::plain(Role::Name), horizontal, vertical);
        let y_name = svg::cut_to(&y_name, svg::units(width.cast_signed()));
        let below_legend = pixels(layout.top - TOP);
        area.draw(&Text::new(y_name, (0, below_legend + pixels(2.0)), name(HPos::Left, VPos::Top)))?;
        let middle = (pixels(layout.left) + width.cast_signed() - pixels(layout.right)) / 2;
        area.draw(&Text::new(self.x_name, (middle, height.cast_signed()), name(HPos::Center, VPos::Bottom)))?;

        let mut chart = ChartBuilder::on(area)
            .margin_top(pixels(layout.top))
            .margin_right(pixels(layout.right))
            .margin_bottom(pixels(layout.bottom) - pixels(24.0))
            .x_label_area_size(pixels(24.0))
            .y_label_area_size(pixels(layout.left))
            .build_cartesian_2d(x.clone(), y.clone())?;
        let ticks = text_style(Ink::plain(Role::Tick), HPos::Left, VPos::Top);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .axis_style(TRANSPARENT)
            .light_line_style(TRANSPARENT)
            .bold_line_style(stroke(Ink::plain(Role::Grid), 1.0))
            .label_style(ticks)
            .x_label_formatter(&|&value| x.tick(value, &Unit::Plain))
            .y_label_formatter(&|&value| y.tick(value, &self.unit))
            .set_all_tick_mark_size(pixels(4.0))
            .draw()?;
        let inside = |value: f64| drawable(value).clamp(y.from, y.to);
        let axis = stroke(Ink::plain(Role::Axis), 1.0);
        chart.draw_series([PathElement::new([(x.from, y.from), (x.to, y.from)], axis)])?;

        for line in &self.lines {
            for stretch in self.stretches(line) {
                let upper = stretch.iter().map(|&(step, (_, to))| (step, inside(to)));
                let lower = stretch.iter().rev().map(|&(step, (from, _))| (step, inside(from)));
                let band: Vec<(f64, f64)> = upper.chain(lower).collect();
                chart.draw_series([Polygon::new(band, fill(Ink::of(Role::Band, line.color)))])?;
            }
        }
        for line in self.lines.iter().filter(|line| line.seeds.len() > 1) {
            let style = stroke(Ink::of(Role::Seed, line.color), 1.0);
            for seed in &line.seeds {
                chart.draw_series(LineSeries::new(
                    seed.iter().map(|&(step, value)| (step as f64, inside(value))),
                    style,
                ))?;
            }
        }
        for line in &self.lines {
            let means = || line.points.iter().map(|point| (point.step as f64, inside(point.summary.mean)));
            let ink = Ink { role: Role::Line, color: line.color, dash: line.dash };
            chart.draw_series(LineSeries::new(means(), stroke(ink, 2.2)))?;
            // Markers on each of very many points would hide the line.
            let every = line.points.len().div_ceil(20);
            let marked = means().rev().step_by(every);
            chart.draw_series(marked.map(|at| EmptyElement::at(at) + mean_marker(line.color)))?;
        }

        if layout.names_at_ends {
            let ends: Vec<i32> = self
                .lines
                .iter()
                .map(|line| {
                    let last = line.points.last().map_or(y.from, |point| inside(point.summary.mean));
                    chart.backend_coord(&(x.to, last)).1
                })
                .collect();
            let bounds = (pixels(layout.top), height.cast_signed() - pixels(layout.bottom));
            for (line, end) in self.lines.iter().zip(apart(&ends, pixels(ROW), bounds)) {
                let at = (width.cast_signed() - pixels(layout.right) + pixels(12.0), end);
                let style = text_style(Ink::of(Role::Label, line.color), HPos::Left, VPos::Center);
                area.draw(&Text::new(line.name.as_str(), at, style))?;
            }
        }
        for (line, &(left, row)) in self.lines.iter().zip(&layout.legend) {
            let middle = pixels((row as f64 + 0.45) * ROW);
            let ink = Ink { role: Role::Line, color: line.color, dash: line.dash };
            let ends = [(pixels(left), middle), (pixels(left + SAMPLE), middle)];
            area.draw(&PathElement::new(ends, stroke(ink, 2.2)))?;
            area.draw(&(EmptyElement::at((pixels(left + SAMPLE / 2.0), middle)) + mean_marker(line.color)))?;
            let from = left + SAMPLE + 6.0;
            let text = svg::cut_to(&line.name, svg::units(width.cast_signed()) - from);
            let style = text_style(Ink::of(Role::Label, line.color), HPos::Left, VPos::Center);
            area.draw(&Text::new(text, (pixels(from), middle), style))?;
        }
        Ok(())
    }

    /// The stretches of a line along which there is a band: of each step from where to where it goes.
    fn stretches(&self, line: &Line) -> Vec<Vec<(f64, (f64, f64))>> {
        let bands: Vec<Option<(f64, (f64, f64))>> =
            line.points.iter().map(|point| Some((point.step as f64, self.band.at(point)?))).collect();
        let stretches = bands.split(Option::is_none).filter(|stretch| !stretch.is_empty());
        stretches
            .map(|stretch| match stretch.iter().flatten().copied().collect::<Vec<_>>().as_slice() {
                // A band of no length cannot be seen: a single step has one of some length.
                [(step, band)] => vec![(step - 0.04, *band), (step + 0.04, *band)],
                several => several.to_vec(),
            })
            .collect()
    }

    /// What can be seen, in sentences.
    fn description(&self) -> String {
        let (first, last) = self.steps;
        let steps = if first == last { first.to_string() } else { format!("{first} to {last}") };
        let ends = self.lines.iter().filter_map(|line| {
            let end = number::with_unit(line.points.last()?.estimate, &self.unit);
            Some(format!("{} ends at {end}", line.name))
        });
        format!("Line chart of {}, {} {steps}. {}.", self.y_name, self.x_name, ends.collect::<Vec<_>>().join("; "))
    }

    /// How to read the marks.
    fn note(&self) -> String {
        let counts = || self.lines.iter().flat_map(|line| line.points.iter().map(|point| point.summary.n));
        if counts().max() == Some(1) {
            return super::SINGLE_RUNS.to_owned();
        }
        let band = match self.band {
            Band::Interval => "95 % interval of the mean",
            Band::Range => "from the lowest to the highest seed",
        };
        let is_cut = self.lines.iter().flat_map(|line| &line.points).filter_map(|point| self.band.at(point));
        let is_cut = is_cut.into_iter().any(|(from, to)| from < self.range.0 || to > self.range.1);
        let cut = if is_cut { ", cut off where it leaves the chart" } else { "" };
        format!("Line: mean of {}; band: {band}{cut}; thin lines: single seeds.", seed_count(counts()))
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
                let row = rows.entry(point.step).or_insert_with(|| vec!["–".to_owned(); self.lines.len()]);
                row[index] = escaped(&number::without_unit(point.estimate, &self.unit));
            }
        }
        let rows = rows.into_iter().map(|(step, cells)| std::iter::once(step.to_string()).chain(cells).collect());
        Table {
            caption: None,
            label: label.to_owned(),
            heads: std::iter::once(self.x_name.to_owned()).chain(self.lines.iter().map(head)).collect(),
            rows: rows.collect(),
        }
    }
}

/// The marker of a mean, around the point that it is at.
fn mean_marker(color: usize) -> Polygon<(i32, i32)> {
    Polygon::new(marker(color, 3.6), fill(Ink::of(Role::Mean, color)))
}

/// Moves positions apart until they are at least `gap` from each other and inside of `bounds`, as long as there is
/// room. Their order stays.
fn apart(positions: &[i32], gap: i32, (from, to): (i32, i32)) -> Vec<i32> {
    let mut order: Vec<usize> = (0..positions.len()).collect();
    order.sort_by_key(|&index| (positions[index], index));
    let mut moved = positions.to_vec();
    let mut least = from;
    for &index in &order {
        moved[index] = moved[index].max(least);
        least = moved[index] + gap;
    }
    let mut most = to;
    for &index in order.iter().rev() {
        moved[index] = moved[index].min(most);
        most = moved[index] - gap;
    }
    moved
}

/// The numbers of all seeds.
fn csv(results: &ExperimentResults<'_>, variants: &[&VariantResults<'_>], names: &[String]) -> Csv {
    let step = step_name(results);
    let mut csv = Csv::new(&["experiment", "variant", "seed", step, "series", "value"]);
    for variant in variants {
        for record in &variant.records {
            for name in names {
                for &(step, value) in record.series.get(name).into_iter().flatten() {
                    csv.row([
                        record.experiment.clone(),
                        record.variant.clone(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_moved_apart_and_stay_inside() {
        assert_eq!(apart(&[100, 105, 50], 20, (0, 200)), [100, 120, 50]);
        assert_eq!(apart(&[195, 190], 20, (0, 200)), [200, 180]);
        assert_eq!(apart(&[5, 5, 5], 20, (0, 200)), [5, 25, 45]);
    }
}
