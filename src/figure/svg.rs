//! A backend of plotters that writes SVG whose colours come from the stylesheet, and the axes that
//! charts share.
//!
//! The SVG backend of plotters rounds to whole pixels and writes fixed colours, but here the page
//! chooses them, light or dark. So what plotters is given as a colour is an [`Ink`], the role of a
//! mark in its chart, which is written as a class: `lp-line lp-s2`. For pages without the
//! stylesheet, each element also has attributes, in colours that are readable on white and on
//! black.

use std::convert::Infallible;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind,
};

use super::html::{escaped, write_to};
use super::number::{self, Unit};

/// Pixels per unit of the view: plotters draws on whole pixels.
pub(super) const PIXELS: i32 = 10;

/// The size of text, in units of the view.
pub(super) const TEXT: f64 = 13.0;

/// The colours of series; with more series, they repeat.
const COLORS: [&str; 6] = ["#3b7dd8", "#c8641b", "#16936f", "#a45bb5", "#987a12", "#c9457a"];

/// The dashes of lines, the first one solid. With markers and labels, they distinguish lines
/// without colour.
const DASHES: [&str; 5] = ["", "7 4", "2 3", "10 3 2 3", "5 2"];

/// The role of a mark in its chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Role {
    /// A line of the grid.
    Grid,
    /// The line of an axis.
    Axis,
    /// A number at an axis.
    Tick,
    /// The name of an axis, and other text that is not a number.
    Name,
    /// The name of a line or a row.
    Label,
    /// The numbers of one seed, as a line.
    Seed,
    /// An interval, as an area.
    Band,
    /// A mean, as a line.
    Line,
    /// An interval, as a bar.
    Whisker,
    /// The number of one seed, as a dot.
    Dot,
    /// A mean, as a marker.
    Mean,
    /// A line at a place that has a name.
    Mark,
    /// A cell of a grid, filled.
    Cell,
}

const ROLES: [(Role, &str); 13] = [
    (Role::Grid, "lp-grid"),
    (Role::Axis, "lp-axis"),
    (Role::Tick, "lp-tick"),
    (Role::Name, "lp-name"),
    (Role::Label, "lp-label"),
    (Role::Seed, "lp-seed"),
    (Role::Band, "lp-band"),
    (Role::Line, "lp-line"),
    (Role::Whisker, "lp-whisker"),
    (Role::Dot, "lp-dot"),
    (Role::Mean, "lp-mean"),
    (Role::Mark, "lp-mark"),
    (Role::Cell, "lp-cell"),
];

/// What a mark is drawn with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ink {
    /// The role of the mark.
    pub(super) role: Role,
    /// The number of its colour, from 0; of no effect for the grid and the axes.
    pub(super) color: usize,
    /// The number of its dash, from 0; only lines have one.
    pub(super) dash: usize,
}

impl Ink {
    /// The ink of a mark outside all series.
    pub(super) fn plain(role: Role) -> Ink {
        Ink { role, color: 0, dash: 0 }
    }

    /// The ink of a mark of series `color`.
    pub(super) fn of(role: Role, color: usize) -> Ink {
        Ink { role, color, dash: 0 }
    }

    /// The colour that represents it in plotters.
    pub(super) fn as_color(self) -> RGBColor {
        let byte = |number: usize, count: usize| {
            u8::try_from(number % count).expect("there are few of each")
        };
        RGBColor(self.role as u8, byte(self.color, COLORS.len()), byte(self.dash, DASHES.len()))
    }

    /// The ink that a colour of plotters represents.
    fn from_color(BackendColor { rgb: (role, color, dash), .. }: BackendColor) -> Ink {
        let (role, _) = ROLES[usize::from(role) % ROLES.len()];
        Ink { role, color: usize::from(color), dash: usize::from(dash) }
    }

    /// The attributes of the mark: classes for the stylesheet, and its look without one.
    pub(super) fn attributes(self, stroke_width: f64) -> String {
        let (_, class) = ROLES[self.role as usize];
        let series = format!("lp-s{}", self.color % COLORS.len() + 1);
        let color = COLORS[self.color % COLORS.len()];
        let dash = match DASHES[self.dash % DASHES.len()] {
            "" => String::new(),
            dashes => format!(" stroke-dasharray=\"{dashes}\""),
        };
        match self.role {
            Role::Grid => format!("class=\"{class}\" stroke=\"#808080\" stroke-opacity=\"0.3\""),
            Role::Axis => format!("class=\"{class}\" stroke=\"#808080\""),
            Role::Mark => format!(
                "class=\"{class}\" fill=\"none\" stroke=\"#767676\" \
                 stroke-width=\"{stroke_width}\"{dash}"
            ),
            Role::Tick | Role::Name => format!("class=\"{class}\" fill=\"#767676\""),
            Role::Seed => format!(
                "class=\"{class} {series}\" fill=\"none\" stroke=\"{color}\" \
                 stroke-opacity=\"0.4\" stroke-width=\"{stroke_width}\""
            ),
            Role::Band => {
                format!("class=\"{class} {series}\" fill=\"{color}\" fill-opacity=\"0.15\"")
            }
            Role::Line | Role::Whisker => format!(
                "class=\"{class} {series}\" fill=\"none\" stroke=\"{color}\" \
                 stroke-width=\"{stroke_width}\"{dash}"
            ),
            Role::Dot => format!(
                "class=\"{class} {series}\" fill=\"{color}\" fill-opacity=\"0.35\" \
                 stroke=\"{color}\""
            ),
            Role::Label | Role::Mean | Role::Cell => {
                format!("class=\"{class} {series}\" fill=\"{color}\"")
            }
        }
    }
}

/// A drawing: the content of an `svg` element, and the size of its view.
pub(super) struct Drawing {
    /// SVG elements, one per line.
    pub(super) elements: String,
    /// The width of the view, in units of which text is [`TEXT`] high.
    pub(super) width: u32,
    /// The height of the view.
    pub(super) height: u32,
}

/// The SVG that plotters draws on.
pub(super) struct Canvas<'a> {
    elements: &'a mut String,
    size: (u32, u32),
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// A length in units of the view.
pub(super) fn units(pixels: i32) -> f64 {
    f64::from(pixels) / f64::from(PIXELS)
}

/// Writes a length as [`units`] has it. Most of a chart is coordinates, so this does without
/// formatting.
fn push_units(text: &mut String, pixels: i32) {
    if pixels < 0 {
        text.push('-');
    }
    let pixels = pixels.unsigned_abs();
    push_whole(text, pixels / PIXELS.unsigned_abs());
    match pixels % PIXELS.unsigned_abs() {
        0 => {}
        tenths => {
            text.push('.');
            push_whole(text, tenths);
        }
    }
}

fn push_whole(text: &mut String, number: u32) {
    if number >= 10 {
        push_whole(text, number / 10);
    }
    text.push(char::from_digit(number % 10, 10).expect("it is a digit"));
}

impl Canvas<'_> {
    /// Adds an element with points.
    fn add_path(
        &mut self,
        element: &str,
        attributes: &str,
        path: impl IntoIterator<Item = BackendCoord>,
    ) {
        write_to(self.elements, format_args!("<{element} {attributes} points=\""));
        for (index, (x, y)) in path.into_iter().enumerate() {
            if index > 0 {
                self.elements.push(' ');
            }
            push_units(self.elements, x);
            self.elements.push(',');
            push_units(self.elements, y);
        }
        self.elements.push_str("\"/>\n");
    }
}

impl DrawingBackend for Canvas<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, point: BackendCoord, color: BackendColor) -> Drawn {
        self.draw_rect(point, (point.0 + 1, point.1 + 1), &color, true)
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
        _fill: bool,
    ) -> Drawn {
        self.fill_polygon([from, (to.0, from.1), to, (from.0, to.1)], style)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        if style.color().alpha > 0.0 {
            let attributes =
                Ink::from_color(style.color()).attributes(f64::from(style.stroke_width()) / 10.0);
            self.add_path("polyline", &attributes, path);
        }
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        (x, y): BackendCoord,
        radius: u32,
        style: &S,
        _fill: bool,
    ) -> Drawn {
        let attributes = Ink::from_color(style.color()).attributes(1.0);
        let radius = f64::from(radius) / f64::from(PIXELS);
        let (x, y) = (units(x), units(y));
        write_to(
            self.elements,
            format_args!("<circle {attributes} cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"/>\n"),
        );
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        if style.color().alpha > 0.0 {
            let attributes = Ink::from_color(style.color()).attributes(1.0);
            self.add_path("polygon", &attributes, path);
        }
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        (x, y): BackendCoord,
    ) -> Drawn {
        let size = style.size() / f64::from(PIXELS);
        let anchor = match style.anchor().h_pos {
            HPos::Left => "",
            HPos::Center => " text-anchor=\"middle\"",
            HPos::Right => " text-anchor=\"end\"",
        };
        // The distance from the top, the middle and the bottom of a line of text to its base line.
        let down = match style.anchor().v_pos {
            VPos::Top => 0.8,
            VPos::Center => 0.35,
            VPos::Bottom => -0.2,
        };
        let base_line = ((units(y) + down * size) * 10.0).round() / 10.0;
        let attributes = Ink::from_color(style.color()).attributes(1.0);
        write_to(
            self.elements,
            format_args!(
                "<text {attributes} font-size=\"{size}\"{anchor} \
                 x=\"{}\" y=\"{base_line}\">{}</text>\n",
                units(x),
                escaped(text)
            ),
        );
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an estimate in pixels"
        )]
        let size = (text_width(text, style.size()) as u32, style.size() as u32);
        Ok(size)
    }
}

/// How much wider labels are than other text because they are bold.
const BOLD: f64 = 1.12;

/// The approximate width of a label, see [`text_width`].
pub(super) fn label_width(text: &str) -> f64 {
    text_width(text, TEXT) * BOLD
}

/// The approximate width of text in a sans-serif font. Readers have many fonts, so it is rather too
/// wide than too narrow.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    let ems = text.chars().map(|c| match c {
        number::SPACE => 0.4,
        c if "ijltfrI.,:;'| ()".contains(c) => 0.4,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.98,
        'A'..='Z' => 0.72,
        // Chinese, Japanese and Korean characters are as wide as they are high.
        '\u{2e80}'.. => 1.05,
        _ => 0.63,
    });
    ems.sum::<f64>() * size
}

/// The text, truncated with an ellipsis if it is wider than `width`.
pub(super) fn cut_to(text: &str, width: f64) -> String {
    if label_width(text) <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    for c in text.chars() {
        cut.push(c);
        if label_width(&cut) + TEXT > width {
            cut.pop();
            break;
        }
    }
    format!("{}…", cut.trim_end())
}

/// A length of the view in pixels.
pub(super) fn pixels(length: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "the lengths of a view are small")]
    let pixels = (length * f64::from(PIXELS)).round() as i32;
    pixels
}

/// The style of text: its ink, and the point of it that is given.
pub(super) fn text_style(ink: Ink, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    ("sans-serif", TEXT * f64::from(PIXELS))
        .into_font()
        .color(&ink.as_color())
        .pos(Pos::new(horizontal, vertical))
}

/// The style of a line of this width, in units of the view.
pub(super) fn stroke(ink: Ink, width: f64) -> ShapeStyle {
    ShapeStyle {
        color: ink.as_color().to_rgba(),
        filled: false,
        stroke_width: pixels(width).unsigned_abs(),
    }
}

/// The style of an area.
pub(super) fn fill(ink: Ink) -> ShapeStyle {
    ShapeStyle { color: ink.as_color().to_rgba(), filled: true, stroke_width: 0 }
}

/// What charts draw on: a whole view.
pub(super) type Area<'a> = DrawingArea<Canvas<'a>, plotters::coord::Shift>;

/// The result of drawing, which never fails on a [`Canvas`].
pub(super) type Done = Result<(), DrawingAreaErrorKind<Infallible>>;

/// Draws a view of this size, in units.
pub(super) fn drawing(
    (width, height): (u32, u32),
    draw: impl FnOnce(&Area<'_>) -> Done,
) -> Drawing {
    let mut elements = String::new();
    let scale = PIXELS.unsigned_abs();
    {
        let area = Canvas { elements: &mut elements, size: (width * scale, height * scale) }
            .into_drawing_area();
        draw(&area).expect("areas are inside the view, and writing to a string never fails");
    }
    Drawing { elements, width, height }
}

/// The polygon of a marker around its middle, in pixels. The shapes differ so that series can be
/// distinguished without colour.
pub(super) fn marker(shape: usize, radius: f64) -> Vec<(i32, i32)> {
    let at = |x: f64, y: f64| (pixels(x * radius), pixels(y * radius));
    let circle =
        || (0..16).map(|corner| (f64::from(corner) * std::f64::consts::TAU / 16.0).sin_cos());
    match shape % 5 {
        0 => circle().map(|(x, y)| at(x, y)).collect(),
        1 => vec![at(-0.9, -0.9), at(0.9, -0.9), at(0.9, 0.9), at(-0.9, 0.9)],
        2 => vec![at(0.0, -1.2), at(1.1, 0.8), at(-1.1, 0.8)],
        3 => vec![at(0.0, -1.3), at(1.3, 0.0), at(0.0, 1.3), at(-1.3, 0.0)],
        _ => vec![at(0.0, 1.2), at(1.1, -0.8), at(-1.1, -0.8)],
    }
}

/// A range of numbers and the ticks on it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    /// Where the axis starts.
    pub(super) from: f64,
    /// Where it ends, above `from`.
    pub(super) to: f64,
    /// The ticks, in order, inside the range.
    pub(super) ticks: Vec<f64>,
    /// The distance of the ticks; `None` if it varies.
    step: Option<f64>,
    /// Whether the scale is logarithmic. If so, `from` is above zero.
    is_log: bool,
}

/// Numbers beyond this are drawn here: the distance of any two must be finite.
const EXTREME: f64 = 1e300;

/// The number, or the nearest one that can be drawn.
pub(super) fn drawable(value: f64) -> f64 {
    value.clamp(-EXTREME, EXTREME)
}

impl Scale {
    /// The scale for numbers from `lowest` to `highest`, with about `count` ticks.
    pub(super) fn around(lowest: f64, highest: f64, count: usize) -> Scale {
        let (lowest, highest) = (drawable(lowest), drawable(highest));
        let size = lowest.abs().max(highest.abs());
        // Equal numbers, or numbers so close that doubles cannot represent ticks between them.
        let is_point = highest - lowest <= (size * 1e-9).max(1e-250);
        let margin = if !is_point {
            (highest - lowest) * 0.05
        } else if size < 1e-240 {
            1.0
        } else {
            size * 0.05
        };
        Scale::exactly(lowest - margin, highest + margin, count)
    }

    /// The scale for whole steps, such as epochs.
    pub(super) fn of_steps(first: u64, last: u64, count: usize) -> Scale {
        let (first, last) = (first as f64, last as f64);
        if first >= last {
            return Scale {
                from: first - 1.0,
                to: last + 1.0,
                ticks: vec![first],
                step: Some(1.0),
                is_log: false,
            };
        }
        let scale = Scale::exactly(first, last, count);
        if scale.step < Some(1.0) { Scale::with_step(first, last, 1.0) } else { scale }
    }

    /// The logarithmic scale for numbers above zero, with about `count` ticks at powers of ten; if
    /// there are few, also at 2 and 5 times those.
    pub(super) fn of_powers(lowest: f64, highest: f64, count: usize) -> Scale {
        let (from, to) = with_log_margin(lowest, highest);
        let powers = number::magnitude(from)..=number::magnitude(to);
        let every = powers.clone().count().div_ceil(count.max(1));
        let at_powers: Vec<f64> =
            powers.clone().step_by(every).map(|power| 10_f64.powi(power)).collect();
        let is_inside = |tick: &f64| (from..=to).contains(tick);
        let mut ticks: Vec<f64> = at_powers.into_iter().filter(is_inside).collect();
        if ticks.len() < 3 {
            let digits = |power: i32| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power));
            ticks = powers.flat_map(digits).filter(is_inside).collect();
        }
        Scale { from, to, ticks, step: None, is_log: true }
    }

    /// The scale for these numbers, in order, with a tick at each of them.
    pub(super) fn at(values: &[f64], is_log: bool) -> Scale {
        let (lowest, highest) = match values {
            [] => (1.0, 1.0),
            [first, ..] => (*first, values[values.len() - 1]),
        };
        let (from, to) = if is_log {
            with_log_margin(lowest, highest)
        } else {
            let around = Scale::around(lowest, highest, 1);
            (around.from, around.to)
        };
        Scale { from, to, ticks: values.to_vec(), step: None, is_log }
    }

    /// Removes ticks whose text would touch that of the previous one on a scale of this length, in
    /// units of the view.
    pub(super) fn thin_out(&mut self, length: f64, unit: &Unit) {
        let mut end = f64::NEG_INFINITY;
        let mut ticks = std::mem::take(&mut self.ticks);
        ticks.retain(|&tick| {
            let middle = self.share(tick) * length;
            let half = text_width(&self.tick(tick, unit), TEXT) / 2.0;
            let has_room = self.step.is_some() || middle - half > end;
            if has_room {
                end = middle + half + 2.0;
            }
            has_room
        });
        self.ticks = ticks;
    }

    /// Removes ticks outside 0 and 100 % if the numbers from `lowest` to `highest` are shares.
    pub(super) fn keep_possible(&mut self, (lowest, highest): (f64, f64), unit: &Unit) {
        let are_shares = *unit == Unit::Share && lowest >= 0.0 && highest <= 1.0;
        let slack = 1e-9;
        self.ticks.retain(|tick| !are_shares || (-slack..=1.0 + slack).contains(tick));
    }

    fn exactly(from: f64, to: f64, count: usize) -> Scale {
        let rough = (to - from) / count.max(1) as f64;
        let power = 10_f64.powi(number::magnitude(rough));
        // Steps of up to 1.6 times the wanted distance are better than too many ticks.
        let steps = [10.0, 5.0, 2.0].into_iter().map(|digit| digit * power);
        Scale::with_step(
            from,
            to,
            steps.into_iter().find(|&step| step <= rough * 1.6).unwrap_or(power),
        )
    }

    fn with_step(from: f64, to: f64, step: f64) -> Scale {
        let first = (from / step - 1e-9).ceil();
        let ticks = (0..32).map(|index| (first + f64::from(index)) * step);
        let ticks = ticks.take_while(|&tick| tick <= to + step * 1e-9).collect();
        Scale { from, to, ticks, step: Some(step), is_log: false }
    }

    /// The text of a tick.
    pub(super) fn tick(&self, value: f64, unit: &Unit) -> String {
        self.step.map_or_else(|| number::short(value, unit), |step| number::tick(value, step, unit))
    }

    /// The position of the number, from 0 at the start of the axis to 1 at its end.
    fn share(&self, value: f64) -> f64 {
        if self.is_log {
            let value = value.max(f64::MIN_POSITIVE);
            (value.ln() - self.from.ln()) / (self.to.ln() - self.from.ln())
        } else {
            (value - self.from) / (self.to - self.from)
        }
    }

    /// The width of the widest tick's text, in units of the view.
    pub(super) fn tick_width(&self, unit: &Unit) -> f64 {
        self.ticks.iter().map(|&tick| text_width(&self.tick(tick, unit), TEXT)).fold(0.0, f64::max)
    }
}

/// The range of numbers above zero with a margin on both sides, for a logarithmic scale.
fn with_log_margin(lowest: f64, highest: f64) -> (f64, f64) {
    let lowest = lowest.clamp(1.0 / EXTREME, EXTREME);
    let highest = highest.clamp(lowest, EXTREME);
    let margin = (highest / lowest).powf(0.05).max(1.05);
    (lowest / margin, highest * margin)
}

impl Ranged for Scale {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (first, last): (i32, i32)) -> i32 {
        let share = self.share(*value);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a number beyond all pixels is drawn at the last one"
        )]
        let moved = (share * f64::from(last - first)).round() as i32;
        first.saturating_add(moved)
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.from..self.to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(scale: &Scale, unit: &Unit, expected: &str) {
        let ticks: Vec<String> = scale.ticks.iter().map(|&tick| scale.tick(tick, unit)).collect();
        assert_eq!(ticks.join(" "), expected);
    }

    #[test]
    fn ticks_are_round_numbers() {
        check(&Scale::around(0.712, 0.883, 5), &Unit::Share, "75 80 85");
        check(&Scale::around(-1.0, 1.0, 5), &Unit::Plain, "\u{2212}1.0 \u{2212}0.5 0.0 0.5 1.0");
        check(
            &Scale::around(0.0, 101_770.0, 4),
            &Unit::Plain,
            "0 20,000 40,000 60,000 80,000 100,000",
        );
    }

    #[test]
    fn ticks_of_epochs_are_whole() {
        check(&Scale::of_steps(1, 3, 8), &Unit::Plain, "1 2 3");
        check(&Scale::of_steps(1, 40, 8), &Unit::Plain, "5 10 15 20 25 30 35 40");
        check(&Scale::of_steps(4, 4, 8), &Unit::Plain, "4");
    }

    #[test]
    fn ticks_of_a_logarithmic_scale_are_powers_of_ten_or_multiples_of_them() {
        check(&Scale::of_powers(2e-5, 3.0, 6), &Unit::Plain, "0.0001 0.001 0.01 0.1 1");
        check(&Scale::of_powers(1e-8, 1.0, 4), &Unit::Plain, "1\u{a0}×\u{a0}10⁻⁶ 0.001 1");
        check(&Scale::of_powers(0.8, 60.0, 6), &Unit::Plain, "1 2 5 10 20 50");
    }

    #[test]
    fn ticks_that_would_touch_are_omitted() {
        let mut scale = Scale::at(&[5.0, 10.0, 25.0, 50.0, 100.0, 200.0], false);
        scale.thin_out(200.0, &Unit::Plain);
        check(&scale, &Unit::Plain, "5 25 50 100 200");
        let mut scale = Scale::at(&[5.0, 10.0, 25.0, 50.0, 100.0, 200.0], true);
        scale.thin_out(200.0, &Unit::Plain);
        check(&scale, &Unit::Plain, "5 10 25 50 100 200");
    }

    #[test]
    fn equal_numbers_have_a_scale_around_them() {
        let scale = Scale::around(0.5, 0.5, 5);
        assert!(scale.from < 0.5 && 0.5 < scale.to && !scale.ticks.is_empty());
        let scale = Scale::around(0.0, 0.0, 5);
        assert!(scale.from < 0.0 && 0.0 < scale.to && !scale.ticks.is_empty());
    }

    #[test]
    fn inks_survive_plotters() {
        for (index, (role, _)) in ROLES.into_iter().enumerate() {
            assert_eq!(role as usize, index);
            let ink = Ink { role, color: 3, dash: 2 };
            let RGBColor(r, g, b) = ink.as_color();
            assert_eq!(Ink::from_color(BackendColor { alpha: 1.0, rgb: (r, g, b) }), ink);
        }
    }

    #[test]
    fn coordinates_are_written_as_numbers_are() {
        for pixels in [0, 1, -1, 10, -15, 120, 6_399, i32::MIN, i32::MAX] {
            let mut written = String::new();
            push_units(&mut written, pixels);
            assert_eq!(written, units(pixels).to_string());
        }
    }

    #[test]
    fn long_names_are_truncated() {
        assert_eq!(cut_to("short", 100.0), "short");
        let cut = cut_to("a name that goes on for far too long", 100.0);
        assert!(cut.ends_with('…') && text_width(&cut, TEXT) <= 100.0, "{cut}");
    }
}
