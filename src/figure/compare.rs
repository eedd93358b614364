//! `{% chart EXPERIMENT compare %}`: the results of variants side by side, a dot for each seed.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::csv::Csv;
use super::html::{Cell, Table};
use super::in_words;
use super::measured::{self, Measured};
use super::number::{self, Unit};
use super::parts::{Content, Parts};
use super::provenance::runs;
use super::request::Request;
use super::svg::{
    self, Area, Drawing, Ink, Role, Scale, drawable, fill, marker, pixels, stroke, text_style,
};
use crate::diagnostic::Diagnostic;
use crate::experiment::results::VariantResults;
use crate::recipe::Goal;
use crate::stats::Estimate;

/// One row of the chart.
struct Row {
    /// Its name for readers.
    name: String,
    /// The number of its colour and marker.
    color: usize,
    measured: Measured,
}

/// Everything that is drawn, at any size.
struct Comparison {
    rows: Vec<Row>,
    /// The name of the number, in words.
    name: String,
    unit: Unit,
}

/// Makes the parts of `{% chart EXPERIMENT compare %}`.
pub(super) fn compare<'r>(request: &Request<'r>) -> Result<Parts<'r>, Diagnostic> {
    let Request { arguments, of, .. } = *request;
    arguments
        .allow_options(&["caption", "diverged", "id", "interval", "metric", "title", "variants"])?;
    let variants = request.chosen_variants()?;
    let metric = metric(request)?;
    let shows_rest = measured::shows_rest(arguments)?;
    let rows = variants.iter().filter_map(|of| row(request, of, metric, shows_rest).transpose());
    let rows: Vec<Row> = rows.collect::<Result<_, _>>()?;
    if rows.is_empty() {
        return Err(arguments.error_of_all(format!("no run recorded `{metric}` in these variants")));
    }
    let comparison = Comparison { rows, name: in_words(metric), unit: request.unit(metric) };
    Ok(Parts {
        request: *request,
        subject: comparison.name.clone(),
        note: comparison.note() + &measured::diverged_note(of, &variants, shows_rest),
        content: Content::Chart {
            drawings: [comparison.drawing(640), comparison.drawing(360)],
            description: comparison.description(),
            numbers: comparison.table(),
            numbers_of: comparison.name,
        },
        file: Csv::of_numbers(request, &variants, &[metric]).file("compare"),
        runs: runs(variants).collect(),
    })
}

/// The number to compare: that of the option `metric`; by default the first result with a goal,
/// preferring one to maximize.
fn metric<'r>(request: &Request<'r>) -> Result<&'r str, Diagnostic> {
    if let Some(metric) = request.arguments.option("metric") {
        request.expect_number(metric)?;
        return Ok(metric.text);
    }
    let rank = |name: &&str| {
        let goal = request.goal(name);
        (!request.is_result(name), goal.is_none(), goal != Some(Goal::Max))
    };
    request.number_names().into_iter().min_by_key(rank).ok_or_else(|| request.no_numbers())
}

fn row(
    request: &Request<'_>,
    of: &VariantResults<'_>,
    metric: &str,
    shows_rest: bool,
) -> Result<Option<Row>, Diagnostic> {
    let measured = Measured::of(request, of, metric, shows_rest);
    if measured.values().is_empty() && measured.diverged() == 0 {
        return Ok(None);
    }
    let measured = measured.with_chosen_interval(request.arguments, of.variant.name.as_str())?;
    Ok(Some(Row { name: of.variant.title.clone(), color: request.color(of), measured }))
}

/// The height of a row: its text, its dots, and the space below them.
const ROW: f64 = 58.0;
/// Where the mean is drawn, from the top of its row.
const MEAN: f64 = 30.0;
/// Where the dots are drawn, from the top of their row.
const DOTS: f64 = 42.0;
/// The space for the axis and its name.
const BOTTOM: f64 = 46.0;

impl Row {
    /// The ends of its interval.
    fn interval(&self) -> Option<(f64, f64)> {
        self.measured.interval().map(|(from, to)| (drawable(from), drawable(to)))
    }
}

impl Comparison {
    fn drawing(&self, width: u32) -> Drawing {
        let height = self.rows.len() as f64 * ROW + BOTTOM;
        let height = pixels(height).unsigned_abs() / svg::PIXELS.unsigned_abs();
        let intervals = || self.rows.iter().filter_map(Row::interval);
        let values = || {
            self.rows
                .iter()
                .flat_map(|row| row.measured.values())
                .map(|&(_, value)| drawable(value))
        };
        let lowest = values().chain(intervals().map(|(from, _)| from)).reduce(f64::min);
        let highest = values().chain(intervals().map(|(_, to)| to)).reduce(f64::max);
        // If all runs diverged, the axis has no numbers.
        let (lowest, highest) = lowest.zip(highest).unwrap_or((0.0, 1.0));
        let mut scale = Scale::around(lowest, highest, if width > 500 { 7 } else { 4 });
        scale.keep_possible((lowest, highest), &self.unit);
        svg::drawing((width, height), |area| self.draw(area, &scale))
    }

    fn draw(&self, area: &Area<'_>, x: &Scale) -> svg::Done {
        let (width, height) = area.dim_in_pixel();
        let (width, height) = (width.cast_signed(), height.cast_signed());
        let name = svg::cut_to(&self.unit.label(&self.name), svg::units(width));
        let name_style = text_style(Ink::plain(Role::Name), HPos::Center, VPos::Bottom);
        area.draw(&Text::new(name, (width / 2, height), name_style))?;

        // Marks at the ends need space for half of their text, and dots for their radius.
        let side = pixels((x.tick_width(&self.unit) / 2.0).max(8.0));
        let rows_height = self.rows.len() as f64 * ROW;
        let mut chart = ChartBuilder::on(area)
            .margin_left(side)
            .margin_right(side)
            .margin_bottom(pixels(BOTTOM - 24.0))
            .x_label_area_size(pixels(24.0))
            .build_cartesian_2d(x.clone(), rows_height..0.0)?;
        chart
            .configure_mesh()
            .disable_mesh()
            .axis_style(TRANSPARENT)
            .label_style(text_style(Ink::plain(Role::Tick), HPos::Left, VPos::Top))
            .x_label_formatter(&|&value| x.tick(value, &self.unit))
            .set_all_tick_mark_size(pixels(4.0))
            .draw()?;
        let axis = stroke(Ink::plain(Role::Axis), 1.0);
        chart
            .draw_series([PathElement::new([(x.from, rows_height), (x.to, rows_height)], axis)])?;
        let grid = stroke(Ink::plain(Role::Grid), 1.0);
        for index in 0..self.rows.len() {
            let top = index as f64 * ROW;
            let line =
                |&tick: &f64| PathElement::new([(tick, top + 20.0), (tick, top + ROW - 7.0)], grid);
            chart.draw_series(x.ticks.iter().map(line))?;
        }

        for (index, row) in self.rows.iter().enumerate() {
            let top = index as f64 * ROW;
            if let Some((from, to)) = row.interval() {
                let style = stroke(Ink::of(Role::Whisker, row.color), 2.2);
                let bar = |from: (f64, f64), to: (f64, f64)| PathElement::new([from, to], style);
                chart.draw_series([
                    bar((from, top + MEAN), (to, top + MEAN)),
                    bar((from, top + MEAN - 4.0), (from, top + MEAN + 4.0)),
                    bar((to, top + MEAN - 4.0), (to, top + MEAN + 4.0)),
                ])?;
            }
            let dot = fill(Ink::of(Role::Dot, row.color));
            // The dot of a single run would be at its mean.
            if row.measured.values().len() > 1 || row.measured.mean().is_none() {
                let dots =
                    row.measured.values().iter().map(|&(_, value)| (drawable(value), top + DOTS));
                chart.draw_series(dots.map(|at| Circle::new(at, pixels(3.2), dot)))?;
            }
            if let Some(mean) = row.measured.mean() {
                let shape =
                    Polygon::new(marker(row.color, 5.0), fill(Ink::of(Role::Mean, row.color)));
                chart.draw_series([EmptyElement::at((drawable(mean), top + MEAN)) + shape])?;
            }

            let shown = row.measured.phrase();
            let base = pixels(top + 14.0);
            let number_width = svg::label_width(&shown);
            let name = svg::cut_to(&row.name, svg::units(width) - number_width - 36.0);
            let marker_at = (side, base - pixels(4.6));
            let small = Polygon::new(marker(row.color, 4.0), fill(Ink::of(Role::Mean, row.color)));
            area.draw(&(EmptyElement::at(marker_at) + small))?;
            let label =
                |horizontal| text_style(Ink::of(Role::Label, row.color), horizontal, VPos::Center);
            area.draw(&Text::new(
                name,
                (side + pixels(12.0), base - pixels(4.6)),
                label(HPos::Left),
            ))?;
            area.draw(&Text::new(shown, (width - side, base - pixels(4.6)), label(HPos::Right)))?;
        }
        Ok(())
    }

    /// The alternative text.
    fn description(&self) -> String {
        let rows = self.rows.iter().map(|row| {
            let shown = |value: f64| number::alone(value, &self.unit);
            let number = row.measured.phrase();
            let Some(summary) =
                row.measured.summary().filter(|summary| summary.n > 2 && !summary.is_identical())
            else {
                return format!("{}: {number}", row.name);
            };
            let over = match row.measured.mean() {
                Some(_) => format!(" over {} seeds", summary.n),
                None => ", the others".to_owned(),
            };
            let (lowest, highest) = (shown(summary.lowest), shown(summary.highest));
            format!("{}: {number}{over}, from {lowest} to {highest}", row.name)
        });
        format!("Dot plot of {}. {}.", self.name, rows.collect::<Vec<_>>().join("; "))
    }

    /// How to read the marks.
    fn note(&self) -> String {
        let all = self.rows.iter().map(|row| &row.measured);
        let interval = measured::interval_name(all.clone());
        let of_means =
            |seeds: &str| format!("Bar: mean and its {interval} over {seeds}; dots: single seeds.");
        measured::note(&all, of_means) + &measured::remarks(all)
    }

    fn table(&self) -> Table {
        let rows = self.rows.iter().map(|row| {
            let shown =
                |value: f64| number::without_unit(Estimate { value, half_width: None }, &self.unit);
            let ends = row.measured.summary().map(|summary| [summary.lowest, summary.highest]);
            let [lowest, highest] =
                ends.map_or([Cell::none(), Cell::none()], |ends| ends.map(shown).map(Cell::from));
            let count = row.measured.values().len() + row.measured.diverged();
            vec![
                row.name.clone().into(),
                row.measured.cell(false).into(),
                lowest,
                highest,
                count.to_string().into(),
            ]
        });
        let head = self.unit.label(&self.name);
        Table {
            heads: ["variant", &head, "lowest", "highest", "seeds"].map(str::to_owned).to_vec(),
            rows: rows.collect(),
        }
    }
}
