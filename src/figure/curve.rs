//! `{% chart EXPERIMENT curve artifact="…" %}`: a curve that a run wrote by itself, as a
//! learning-rate finder does.
//!
//! The artifact is of kind `curve`, JSON:
//!
//! ```json
//! {"x": {"title": "learning rate", "scale": "log"}, "y": {"title": "loss"},
//!  "series": [{"name": "smoothed", "points": [[0.001, 2.3], [0.01, 1.9]]}], "marks": [{"x": 0.01, "title": "suggested"}]}
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Figure;
use super::arguments::Arguments;
use super::artifact::{self, Committed};
use super::html::{Chart, Csv, Table, escaped};
use super::lines::{self, Axis, Intervals, LineChart, Mark, Point, Span};
use super::number::{self, Unit, exact, short};
use super::provenance::provenance;
use super::svg::drawable;
use crate::diagnostic::{Diagnostic, without_place};
use crate::experiment::results::{ExperimentResults, Results};
use kramdown::embed::Embed;

/// A curve as a run wrote it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Curve {
    x: WrittenAxis,
    y: WrittenAxis,
    series: Vec<Series>,
    #[serde(default)]
    marks: Vec<WrittenMark>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(expecting = "an axis with a `title`")]
struct WrittenAxis {
    title: String,
    #[serde(default)]
    unit: Option<String>,
    #[serde(default)]
    scale: Scale,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Scale {
    #[default]
    Linear,
    Log,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(expecting = "a series with `points`")]
struct Series {
    #[serde(default)]
    name: String,
    points: Vec<(f64, f64)>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(expecting = "a mark with `x` and `title`")]
struct WrittenMark {
    x: f64,
    title: String,
}

/// Makes the figure of the tag `chart EXPERIMENT curve artifact="…"`.
pub(super) fn curve(
    arguments: &Arguments<'_>,
    of_experiment: &ExperimentResults<'_>,
    results: &Results<'_>,
    base_url: &str,
) -> Result<Figure, Diagnostic> {
    arguments.allow_options(&["artifact", "caption", "id", "seed", "title", "variant"])?;
    let Some(name) = arguments.option("artifact") else {
        let error = arguments.error_of_all("a curve needs the artifact that it is in");
        return Err(error.hint("write `{% chart EXPERIMENT curve artifact=\"lr-curve\" %}`"));
    };
    let of = artifact::the_variant(arguments, of_experiment)?;
    let record = artifact::record(arguments, of, of_experiment)?;
    let committed = artifact::committed(arguments, name.text, (of.variant, record), results)?;
    committed.expect_kind(arguments, &["curve"])?;
    let curve = Curve::read(&committed).map_err(|message| committed.error(arguments, &message))?;
    let subject = format!("{} by {}", curve.y.title, curve.x.title);
    let title = match arguments.option("title") {
        Some(title) => title.text.to_owned(),
        None => format!("{}: {subject}", of_experiment.experiment.title),
    };
    let (csv_path, csv) =
        curve.csv(&committed).file(of_experiment.experiment.name.as_str(), name.text);
    let shown = artifact::of_run(of, record);
    let chart = Chart {
        id: arguments.option("id").map(|id| id.text),
        drawings: curve.chart().drawings(),
        title: &title,
        description: &curve.description(),
        caption: arguments.option("caption").map_or(title.as_str(), |caption| caption.text),
        note: &(format!("The run of {} with seed {}.", of.variant.title, record.seed)
            + &provenance(&[&shown])),
        table: curve.table(&format!("Numbers of the chart: {subject}")),
        csv: &csv_path,
    };
    let embed = Embed { html: chart.html(base_url), text: title.clone(), block: true };
    Ok(Figure { embed, files: vec![(csv_path, csv)] })
}

impl Curve {
    /// Reads the artifact. The error says what is wrong with it.
    fn read(committed: &Committed<'_>) -> Result<Curve, String> {
        let curve: Curve = serde_json::from_slice(committed.content)
            .map_err(|error| without_place(&error.to_string()).to_owned())?;
        if curve.series.is_empty() || curve.series.iter().any(|series| series.points.is_empty()) {
            return Err("it has no points".to_owned());
        }
        let points = || curve.series.iter().flat_map(|series| &series.points);
        if curve.x.scale == Scale::Log
            && points().map(|of| of.0).chain(curve.marks.iter().map(|of| of.x)).any(|x| x <= 0.0)
        {
            return Err("its x axis is logarithmic, and not all of its x are above zero".to_owned());
        }
        if curve.y.scale == Scale::Log && points().any(|&(_, y)| y <= 0.0) {
            return Err("its y axis is logarithmic, and not all of its y are above zero".to_owned());
        }
        Ok(curve)
    }

    fn chart(&self) -> LineChart {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let xs = points().map(|of| of.0).chain(self.marks.iter().map(|mark| mark.x));
        let line = |(index, series): (usize, &Series)| lines::Line {
            name: series.name.clone(),
            color: index,
            dash: index,
            points: series
                .points
                .iter()
                .map(|&(x, y)| Point { x: drawable(x), y: drawable(y), interval: None })
                .collect(),
            dots: Vec::new(),
            crosses: Vec::new(),
            seeds: Vec::new(),
            has_markers: self.series.len() > 1,
        };
        LineChart {
            lines: self.series.iter().enumerate().map(line).collect(),
            x: self.x.axis(xs),
            y: self.y.axis(points().map(|of| of.1)),
            intervals: Intervals::Bands,
            marks: self
                .marks
                .iter()
                .map(|mark| Mark { x: drawable(mark.x), title: mark.title.clone() })
                .collect(),
        }
    }

    /// What can be seen, in sentences.
    fn description(&self) -> String {
        let y_unit = self.y.unit();
        let series = self.series.iter().filter_map(|series| {
            let (first, last) = (series.points.first()?, series.points.last()?);
            let lowest = series.points.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1))?;
            let highest = series.points.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))?;
            let at = |(x, y): (f64, f64)| {
                format!("{} at {}", number::alone(y, &y_unit), number::alone(x, &self.x.unit()))
            };
            let name =
                if series.name.is_empty() { String::new() } else { format!("{}: ", series.name) };
            let (first, last, lowest, highest) = (at(*first), at(*last), at(lowest), at(highest));
            Some(format!("{name}from {first} to {last}, lowest {lowest}, highest {highest}"))
        });
        let marks = self
            .marks
            .iter()
            .map(|mark| format!("{}: {}", mark.title, number::alone(mark.x, &self.x.unit())));
        let scale = if self.x.scale == Scale::Log { ", on a logarithmic scale" } else { "" };
        let series = series.collect::<Vec<_>>().join("; ");
        let marks: String = marks.map(|mark| format!(" Marked: {mark}.")).collect();
        format!("Line chart of {} by {}{scale}. {series}.{marks}", self.y.title, self.x.title)
    }

    fn table(&self, label: &str) -> Table {
        let mut rows: BTreeMap<u64, (f64, Vec<String>)> = BTreeMap::new();
        for (index, series) in self.series.iter().enumerate() {
            for &(x, y) in &series.points {
                let (_, row) = rows
                    .entry(in_order(x))
                    .or_insert_with(|| (x, vec!["–".to_owned(); self.series.len()]));
                let y = number::without_unit(
                    crate::stats::Estimate { value: y, half_width: None },
                    &self.y.unit(),
                );
                row[index] = escaped(&y);
            }
        }
        let head = |series: &Series| {
            let name = if series.name.is_empty() { &self.y.title } else { &series.name };
            escaped(&with_sign(name, &self.y.unit()))
        };
        let x_unit = self.x.unit();
        let rows = rows.into_values().map(|(x, cells)| {
            // Steps of a finder have many digits that say nothing.
            let x = format!("{x:.3e}").parse().unwrap_or(x);
            std::iter::once(escaped(&short(x, &x_unit))).chain(cells).collect()
        });
        Table {
            caption: None,
            label: label.to_owned(),
            heads: std::iter::once(escaped(&with_sign(&self.x.title, &x_unit)))
                .chain(self.series.iter().map(head))
                .collect(),
            rows: rows.collect(),
        }
    }

    fn csv(&self, of: &Committed<'_>) -> Csv {
        let mut csv =
            Csv::new(&["experiment", "variant", "seed", "series", &self.x.title, &self.y.title]);
        for series in &self.series {
            for &(x, y) in &series.points {
                csv.row([
                    of.record.experiment.clone(),
                    of.variant.name.to_string(),
                    of.record.seed.to_string(),
                    series.name.clone(),
                    exact(x),
                    exact(y),
                ]);
            }
        }
        csv
    }
}

impl WrittenAxis {
    fn unit(&self) -> Unit {
        Unit::named(self.unit.as_deref())
    }

    /// The axis for these values.
    fn axis(&self, values: impl Iterator<Item = f64>) -> Axis {
        let (lowest, highest) = values
            .map(drawable)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(lowest, highest), value| {
                (lowest.min(value), highest.max(value))
            });
        let span = match self.scale {
            Scale::Linear => Span::Numbers(lowest, highest),
            Scale::Log => Span::Powers(lowest, highest),
        };
        Axis { name: self.title.clone(), unit: self.unit(), span }
    }
}

fn with_sign(name: &str, unit: &Unit) -> String {
    if unit.sign().is_empty() { name.to_owned() } else { format!("{name} ({})", unit.sign()) }
}

/// The bits of a number, such that they have the order of the numbers.
fn in_order(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if value.is_sign_negative() && value != 0.0 { !bits } else { bits | (1 << 63) }
}
