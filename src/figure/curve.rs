//! `{% chart EXPERIMENT curve artifact="…" %}`: a curve that a run wrote itself, such as that of a
//! learning-rate finder.
//!
//! The artifact is of kind `curve`, JSON:
//!
//! ```json
//! {
//!   "x": {"title": "learning rate", "scale": "log"},
//!   "y": {"title": "loss"},
//!   "series": [{"name": "smoothed", "points": [[0.001, 2.3], [0.01, 1.9]]}],
//!   "marks": [{"x": 0.01, "title": "suggested"}]
//! }
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;

use super::artifact::{self, Committed};
use super::csv::Csv;
use super::html::{Cell, Table};
use super::lines::{self, Axis, Intervals, LineChart, Mark, Point, Span};
use super::number::{self, Unit, exact, short};
use super::parts::{Content, Parts};
use super::request::Request;
use super::svg::drawable;
use crate::diagnostic::{Diagnostic, without_place};
use crate::stats::Estimate;

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

/// Makes the parts of `{% chart EXPERIMENT curve artifact="…" %}`.
pub(super) fn curve<'r>(request: &Request<'r>) -> Result<Parts<'r>, Diagnostic> {
    let arguments = request.arguments;
    arguments.allow_options(&["artifact", "caption", "id", "seed", "title", "variant"])?;
    let Some(name) = request.option("artifact") else {
        let error = arguments.error_of_all("a curve needs the artifact that it is in");
        return Err(error.hint("write `{% chart EXPERIMENT curve artifact=\"lr-curve\" %}`"));
    };
    let of = artifact::the_variant(request)?;
    let run = artifact::run(request, of)?;
    let committed = artifact::committed(request, name, of.variant, run.record)?;
    committed.expect_kind("curve")?;
    let curve = Curve::read(&committed).map_err(|message| committed.error(&message))?;
    let subject = format!("{} by {}", curve.y.title, curve.x.title);
    Ok(Parts {
        request: *request,
        subject: subject.clone(),
        content: Content::Chart {
            drawings: curve.chart().drawings(),
            description: curve.description(),
            numbers: curve.table(),
            numbers_of: subject,
        },
        note: format!("The run of {} with seed {}.", of.variant.title, run.record.seed),
        file: curve.csv(&committed).file(name),
        runs: vec![run],
    })
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
            return Err("its x axis is logarithmic, but not all of its x are above zero".to_owned());
        }
        if curve.y.scale == Scale::Log && points().any(|&(_, y)| y <= 0.0) {
            return Err("its y axis is logarithmic, but not all of its y are above zero".to_owned());
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

    /// The alternative text.
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

    fn table(&self) -> Table {
        let (x_unit, y_unit) = (self.x.unit(), self.y.unit());
        let mut rows: BTreeMap<u64, (f64, Vec<Cell>)> = BTreeMap::new();
        for (index, series) in self.series.iter().enumerate() {
            for &(x, y) in &series.points {
                let (_, row) = rows
                    .entry(in_order(x))
                    .or_insert_with(|| (x, vec![Cell::none(); self.series.len()]));
                let y = number::without_unit(Estimate { value: y, half_width: None }, &y_unit);
                row[index] = y.into();
            }
        }
        let head = |series: &Series| {
            let name = if series.name.is_empty() { &self.y.title } else { &series.name };
            y_unit.label(name)
        };
        let rows = rows.into_values().map(|(x, cells)| {
            // The steps of a finder have many digits that mean nothing.
            let x = format!("{x:.3e}").parse().unwrap_or(x);
            std::iter::once(short(x, &x_unit).into()).chain(cells).collect()
        });
        Table {
            heads: std::iter::once(x_unit.label(&self.x.title))
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
                    of.record.experiment.to_string(),
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

/// The bits of a number, changed so that they have the order of the numbers.
fn in_order(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if value.is_sign_negative() && value != 0.0 { !bits } else { bits | (1 << 63) }
}
