//! Charts of lines between two axes, as several kinds of charts show them: their layout and their
//! drawing. What the lines are, and the text about them, is left to those kinds.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::number::Unit;
use super::svg::{
    self, Area, Drawing, Ink, Role, Scale, TEXT, drawable, fill, marker, pixels, stroke, text_style,
};

/// A chart of lines, at any size.
pub(super) struct LineChart {
    pub(super) lines: Vec<Line>,
    pub(super) x: Axis,
    pub(super) y: Axis,
    /// How the points' intervals are drawn.
    pub(super) intervals: Intervals,
    /// The places on the x axis that have a name.
    pub(super) marks: Vec<Mark>,
}

/// One line of a chart.
pub(super) struct Line {
    /// Its name for readers.
    pub(super) name: String,
    /// The number of its colour and marker.
    pub(super) color: usize,
    /// The number of its dash.
    pub(super) dash: usize,
    /// Its points from left to right.
    pub(super) points: Vec<Point>,
    /// The numbers of single runs.
    pub(super) dots: Vec<(f64, f64)>,
    /// The places at which there is no number because runs diverged.
    pub(super) crosses: Vec<f64>,
    /// Thinner lines that belong to it.
    pub(super) seeds: Vec<Vec<(f64, f64)>>,
    /// Whether its points are marked.
    pub(super) has_markers: bool,
}

/// A point of a line.
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    /// The ends of its interval.
    pub(super) interval: Option<(f64, f64)>,
}

/// How intervals are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intervals {
    /// As an area along the line.
    Bands,
    /// As a bar at each point.
    Whiskers,
}

/// An axis.
pub(super) struct Axis {
    pub(super) name: String,
    pub(super) unit: Unit,
    pub(super) span: Span,
}

/// The range of an axis, and where its ticks may be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Span {
    /// Whole steps, from the first to the last.
    Steps(u64, u64),
    /// Numbers, with a margin around them.
    Numbers(f64, f64),
    /// Numbers above zero on a logarithmic scale.
    Powers(f64, f64),
    /// These numbers only, in order, with a tick at each of them. The flag says whether the scale
    /// is logarithmic.
    These(Vec<f64>, bool),
}

impl Span {
    /// The scale, with about `count` ticks.
    fn scale(&self, count: usize) -> Scale {
        match self {
            Span::Steps(first, last) => Scale::of_steps(*first, *last, count),
            Span::Numbers(from, to) => Scale::around(*from, *to, count),
            Span::Powers(from, to) => Scale::of_powers(*from, *to, count),
            Span::These(values, is_log) => Scale::at(values, *is_log),
        }
    }
}

/// A place on the x axis that has a name.
pub(super) struct Mark {
    pub(super) x: f64,
    pub(super) title: String,
}

/// The margins between the edges of a chart and its lines, in units of the view.
struct Layout {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    names: Names,
}

/// Where the names of the lines are.
enum Names {
    /// A single line needs no name.
    None,
    /// At the right ends of the lines.
    AtEnds,
    /// Above the chart: the left end of each name, and its row.
    Above(Vec<(f64, usize)>),
}

/// The height of a row of text.
const ROW: f64 = 19.0;
/// The space above the lines for the name of the axis.
const TOP: f64 = 28.0;
/// The space between the names above and the chart.
const LEGEND_GAP: f64 = 8.0;
/// The length of the sample of the line that precedes a name.
const SAMPLE: f64 = 26.0;

impl LineChart {
    /// The chart in its two sizes, wide and narrow.
    pub(super) fn drawings(&self) -> [Drawing; 2] {
        [self.drawing((640, 340)), self.drawing((360, 280))]
    }

    fn drawing(&self, (width, height): (u32, u32)) -> Drawing {
        let is_wide = width > 500;
        let mut y = self.y.span.scale(if is_wide { 5 } else { 4 });
        if let Span::Numbers(lowest, highest) = self.y.span {
            y.keep_possible((lowest, highest), &self.y.unit);
        }
        let mut x = self.x.span.scale(if is_wide { 10 } else { 5 });
        let layout = self.layout((f64::from(width), f64::from(height)), &y, &x, is_wide);
        x.thin_out(f64::from(width) - layout.left - layout.right, &self.x.unit);
        // Names above the chart make it higher: the lines keep their height.
        let added = pixels(layout.top - TOP).unsigned_abs() / svg::PIXELS.unsigned_abs();
        svg::drawing((width, height + added), |area| self.draw(area, &layout, &x, &y))
    }

    fn layout(&self, (width, height): (f64, f64), y: &Scale, x: &Scale, is_wide: bool) -> Layout {
        let left = y.tick_width(&self.y.unit) + 10.0;
        let last_tick =
            x.ticks.last().map_or(0.0, |&tick| svg::text_width(&x.tick(tick, &self.x.unit), TEXT));
        let widest = self.lines.iter().map(|line| svg::label_width(&line.name)).fold(0.0, f64::max);
        let marks_height = self.marks.len() as f64 * ROW;
        let (top, bottom) = (TOP + marks_height, 44.0);
        let fits =
            widest + 14.0 <= width * 0.36 && self.lines.len() as f64 * ROW <= height - top - bottom;
        let names = if self.lines.len() < 2 {
            Names::None
        } else if is_wide && fits {
            Names::AtEnds
        } else {
            Names::Above(self.legend(width))
        };
        let right = match names {
            Names::AtEnds => widest + 18.0,
            Names::None | Names::Above(_) => (last_tick / 2.0).max(8.0),
        };
        let legend_height = match &names {
            Names::Above(places) => {
                let rows = places.last().map_or(0, |&(_, row)| row + 1);
                rows as f64 * ROW + LEGEND_GAP
            }
            Names::None | Names::AtEnds => 0.0,
        };
        Layout { left, right, top: top + legend_height, bottom, names }
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

    #[expect(clippy::too_many_lines, reason = "it draws one layer after the other")]
    fn draw(&self, area: &Area<'_>, layout: &Layout, x: &Scale, y: &Scale) -> svg::Done {
        let (width, height) = area.dim_in_pixel();
        let name = |horizontal, vertical| text_style(Ink::plain(Role::Name), horizontal, vertical);
        let y_name = svg::cut_to(&self.y.full_name(), svg::units(width.cast_signed()));
        let below_legend = pixels(layout.top - TOP - self.marks.len() as f64 * ROW);
        area.draw(&Text::new(
            y_name,
            (0, below_legend + pixels(2.0)),
            name(HPos::Left, VPos::Top),
        ))?;
        let middle = (pixels(layout.left) + width.cast_signed() - pixels(layout.right)) / 2;
        area.draw(&Text::new(
            self.x.full_name(),
            (middle, height.cast_signed()),
            name(HPos::Center, VPos::Bottom),
        ))?;

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
            .x_label_formatter(&|&value| x.tick(value, &self.x.unit))
            .y_label_formatter(&|&value| y.tick(value, &self.y.unit))
            .set_all_tick_mark_size(pixels(4.0))
            .draw()?;
        let inside = |value: f64| drawable(value).clamp(y.from, y.to);
        let axis = stroke(Ink::plain(Role::Axis), 1.0);
        chart.draw_series([PathElement::new([(x.from, y.from), (x.to, y.from)], axis)])?;

        let bottom = chart.backend_coord(&(x.from, y.from)).1;
        let places = self
            .marks
            .iter()
            .map(|mark| (chart.backend_coord(&(mark.x, y.from)).0, mark.title.as_str()));
        draw_marks(area, places.collect(), (below_legend + pixels(TOP - 6.0), bottom))?;

        if self.intervals == Intervals::Bands {
            for line in &self.lines {
                for stretch in stretches(line) {
                    let upper = stretch.iter().map(|&(x, (_, to))| (x, inside(to)));
                    let lower = stretch.iter().rev().map(|&(x, (from, _))| (x, inside(from)));
                    let band: Vec<(f64, f64)> = upper.chain(lower).collect();
                    chart
                        .draw_series([Polygon::new(band, fill(Ink::of(Role::Band, line.color)))])?;
                }
            }
        }
        for line in self.lines.iter().filter(|line| line.seeds.len() > 1 || line.points.is_empty())
        {
            let style = stroke(Ink::of(Role::Seed, line.color), 1.0);
            for seed in &line.seeds {
                chart.draw_series(LineSeries::new(
                    seed.iter().map(|&(x, value)| (x, inside(value))),
                    style,
                ))?;
            }
        }
        if self.intervals == Intervals::Whiskers {
            for line in &self.lines {
                for (x, (from, to)) in
                    line.points.iter().filter_map(|point| Some((point.x, point.interval?)))
                {
                    let (left, top) = chart.backend_coord(&(x, inside(to)));
                    let (_, bottom) = chart.backend_coord(&(x, inside(from)));
                    draw_whisker(area, left, (top, bottom), line.color)?;
                }
            }
        }
        for line in &self.lines {
            let means = || line.points.iter().map(|point| (point.x, inside(point.y)));
            let ink = Ink { role: Role::Line, color: line.color, dash: line.dash };
            // No line crosses a place without a number.
            let is_joined =
                |a: &(f64, f64), b: &(f64, f64)| !line.crosses.iter().any(|&x| a.0 < x && x < b.0);
            for stretch in means().collect::<Vec<_>>().chunk_by(is_joined) {
                chart.draw_series(LineSeries::new(stretch.iter().copied(), stroke(ink, 2.2)))?;
            }
            let dot = fill(Ink::of(Role::Dot, line.color));
            chart.draw_series(
                line.dots.iter().map(|&(x, y)| Circle::new((x, inside(y)), pixels(3.2), dot)),
            )?;
            for &x in &line.crosses {
                draw_cross(area, chart.backend_coord(&(x, y.to)), line.color)?;
            }
            if line.has_markers {
                // Markers on each of very many points would hide the line.
                let every = line.points.len().div_ceil(20).max(1);
                let marked = means().rev().step_by(every);
                chart
                    .draw_series(marked.map(|at| EmptyElement::at(at) + mean_marker(line.color)))?;
            }
        }

        match &layout.names {
            Names::None => Ok(()),
            Names::AtEnds => {
                let end = |line: &Line| {
                    let last = line.points.last().map_or(y.from, |point| inside(point.y));
                    chart.backend_coord(&(x.to, last)).1
                };
                let ends: Vec<i32> = self.lines.iter().map(end).collect();
                let bounds = (pixels(layout.top), height.cast_signed() - pixels(layout.bottom));
                let left = width.cast_signed() - pixels(layout.right) + pixels(12.0);
                for (line, end) in self.lines.iter().zip(apart(&ends, pixels(ROW), bounds)) {
                    let ink = Ink::of(Role::Label, line.color);
                    let style = text_style(ink, HPos::Left, VPos::Center);
                    area.draw(&Text::new(line.name.as_str(), (left, end), style))?;
                }
                Ok(())
            }
            Names::Above(places) => self.draw_legend(area, places),
        }
    }

    /// Draws the names above the chart.
    fn draw_legend(&self, area: &Area<'_>, places: &[(f64, usize)]) -> svg::Done {
        let width = area.dim_in_pixel().0.cast_signed();
        for (line, &(left, row)) in self.lines.iter().zip(places) {
            let middle = pixels((row as f64 + 0.45) * ROW);
            let ink = Ink { role: Role::Line, color: line.color, dash: line.dash };
            let ends = [(pixels(left), middle), (pixels(left + SAMPLE), middle)];
            area.draw(&PathElement::new(ends, stroke(ink, 2.2)))?;
            if line.has_markers {
                area.draw(
                    &(EmptyElement::at((pixels(left + SAMPLE / 2.0), middle))
                        + mean_marker(line.color)),
                )?;
            }
            let from = left + SAMPLE + 6.0;
            let text = svg::cut_to(&line.name, svg::units(width) - from);
            let style = text_style(Ink::of(Role::Label, line.color), HPos::Left, VPos::Center);
            area.draw(&Text::new(text, (pixels(from), middle), style))?;
        }
        Ok(())
    }
}

impl Axis {
    /// Its name with its unit.
    fn full_name(&self) -> String {
        self.unit.label(&self.name)
    }
}

/// A mark where it is drawn.
struct PlacedMark<'a> {
    at: i32,
    title: &'a str,
    /// Whether its title is on its left.
    is_left: bool,
}

/// Places the titles of marks in rows from the top, and returns each with its row. No title crosses
/// the line of another mark: all are on the same side, and those that would reach over other marks
/// come first.
fn placed(mut marks: Vec<(i32, &str)>, width: i32) -> Vec<(PlacedMark<'_>, usize)> {
    let end = |&(at, title): &(i32, &str)| at + pixels(svg::text_width(title, TEXT) + 8.0);
    let is_left = marks.iter().any(|mark| end(mark) > width);
    marks.sort_by_key(|&(at, _)| if is_left { -at } else { at });
    let marks = marks.into_iter().enumerate();
    marks.map(|(row, (at, title))| (PlacedMark { at, title, is_left }, row)).collect()
}

/// Draws an interval as a bar with caps.
fn draw_whisker(area: &Area<'_>, left: i32, (top, bottom): (i32, i32), color: usize) -> svg::Done {
    let style = stroke(Ink::of(Role::Whisker, color), 1.4);
    let cap = pixels(3.5);
    for bar in [
        [(left, top), (left, bottom)],
        [(left - cap, top), (left + cap, top)],
        [(left - cap, bottom), (left + cap, bottom)],
    ] {
        area.draw(&PathElement::new(bar, style))?;
    }
    Ok(())
}

/// Draws the cross of a point without a number.
fn draw_cross(area: &Area<'_>, (middle, top): (i32, i32), color: usize) -> svg::Done {
    let arm = pixels(4.0);
    for side in [-arm, arm] {
        let ends = [(middle - side, top - arm), (middle + side, top + arm)];
        area.draw(&PathElement::new(ends, stroke(Ink::of(Role::Whisker, color), 1.8)))?;
    }
    Ok(())
}

/// Draws lines with names at these places, in pixels from the left. The names start at `top`, the
/// lines end at `bottom`.
fn draw_marks(area: &Area<'_>, places: Vec<(i32, &str)>, (top, bottom): (i32, i32)) -> svg::Done {
    let width = area.dim_in_pixel().0.cast_signed();
    for (mark, row) in placed(places, width) {
        let middle = top + pixels((row as f64 + 0.5) * ROW);
        let line = stroke(Ink { role: Role::Mark, color: 0, dash: 2 }, 1.4);
        area.draw(&PathElement::new([(mark.at, middle - pixels(6.0)), (mark.at, bottom)], line))?;
        let (side, gap) = if mark.is_left { (HPos::Right, -6.0) } else { (HPos::Left, 6.0) };
        let style = text_style(Ink::plain(Role::Name), side, VPos::Center);
        area.draw(&Text::new(mark.title, (mark.at + pixels(gap), middle), style))?;
    }
    Ok(())
}

/// The stretches of a line along which there is a band: the x of each point, and the ends of the
/// band there.
fn stretches(line: &Line) -> Vec<Vec<(f64, (f64, f64))>> {
    let bands: Vec<Option<(f64, (f64, f64))>> =
        line.points.iter().map(|point| Some((point.x, point.interval?))).collect();
    let stretches = bands.split(Option::is_none).filter(|stretch| !stretch.is_empty());
    stretches
        .map(|stretch| match stretch.iter().flatten().copied().collect::<Vec<_>>().as_slice() {
            // A band without length would be invisible.
            [(x, band)] => vec![(x - 0.04, *band), (x + 0.04, *band)],
            several => several.to_vec(),
        })
        .collect()
}

/// The marker of a mean, relative to its point.
fn mean_marker(color: usize) -> Polygon<(i32, i32)> {
    Polygon::new(marker(color, 3.6), fill(Ink::of(Role::Mean, color)))
}

/// Moves positions apart, without changing their order, until they are at least `gap` from each
/// other and inside `bounds`, as far as there is space.
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
