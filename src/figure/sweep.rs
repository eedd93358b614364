//! `{% chart EXPERIMENT sweep x="params.…" y="…" %}`: a number over a parameter in which variants
//! differ.
//!
//! A line consists of the variants that match one of the patterns in `series`, as in
//! `series="From scratch: scratch-*, Frozen: frozen-*"`, where `*` matches any characters and the
//! line is named before the colon. Without `series`, a line consists of the variants whose other
//! parameters are all the same. Its name is what their titles have in common; if nothing, the
//! parameters in which it differs from the other lines.

use std::collections::{BTreeMap, BTreeSet};

use globset::{GlobBuilder, GlobMatcher};

use super::arguments::{Arguments, Piece};
use super::csv::{Csv, seeds};
use super::html::{Cell, Table};
use super::in_words;
use super::lines::{self, Axis, Intervals, LineChart, Point, Span};
use super::measured::{self, Measured, Reading};
use super::number::{Unit, exact, short};
use super::parameters::{differing, parameters};
use super::parts::{Content, Parts};
use super::provenance::runs;
use super::request::Request;
use super::svg::drawable;
use crate::diagnostic::{Diagnostic, listed};
use crate::digest::Digest;
use crate::experiment::fingerprint::Part;
use crate::experiment::results::VariantResults;

/// One line of the chart.
struct Line {
    name: String,
    /// Its points in order of the parameter, at least one. Some may have no number because runs
    /// diverged.
    points: Vec<SweepPoint>,
}

/// One variant.
struct SweepPoint {
    x: f64,
    measured: Measured,
}

/// A line before its numbers are looked up: its name, and its variants with their values of the
/// parameter.
struct Group<'r> {
    name: String,
    members: Vec<(f64, &'r VariantResults<'r>)>,
}

/// Everything that is drawn, at any size.
struct Sweep {
    lines: Vec<Line>,
    x_name: String,
    y_name: String,
    unit: Unit,
    is_log: bool,
}

/// Makes the parts of `{% chart EXPERIMENT sweep x="params.…" y="…" %}`.
pub(super) fn sweep<'r>(request: &Request<'r>) -> Result<Parts<'r>, Diagnostic> {
    let Request { arguments, of, .. } = *request;
    arguments.allow_options(&[
        "caption", "diverged", "id", "scale", "series", "title", "variants", "x", "x-title", "y",
    ])?;
    let variants = request.chosen_variants()?;
    let x = parameter(request)?;
    let y = number_name(request)?;
    let is_log = is_log(arguments)?;
    let groups = groups(arguments, &variants, x)?;
    if let Some((value, of)) =
        groups.iter().flat_map(|group| &group.members).find(|(value, _)| is_log && *value <= 0.0)
    {
        let message = format!(
            "`{}` of `{}` is {value}, which is not on a logarithmic scale",
            x.text, of.variant.name
        );
        return Err(arguments.error(x, message));
    }
    let shows_rest = measured::shows_rest(arguments)?;
    let lines: Vec<Line> =
        groups.iter().filter_map(|group| line(request, group, y, shows_rest)).collect();
    if lines.is_empty() {
        return Err(arguments.error_of_all(format!("no run recorded `{y}` in these variants")));
    }
    let last_key = x.text.strip_prefix("params.").unwrap_or(x.text);
    let sweep = Sweep {
        lines,
        x_name: request.option("x-title").map_or_else(|| in_words(last_key), str::to_owned),
        y_name: in_words(y),
        unit: request.unit(y),
        is_log,
    };
    let subject = format!("{} by {}", sweep.y_name, sweep.x_name);
    let shown: Vec<&VariantResults<'_>> =
        groups.iter().flat_map(|group| group.members.iter().map(|&(_, of)| of)).collect();
    Ok(Parts {
        request: *request,
        subject: subject.clone(),
        content: Content::Chart {
            drawings: sweep.chart().drawings(),
            description: sweep.description(),
            numbers: sweep.table(),
            numbers_of: subject,
        },
        note: sweep.note() + &measured::diverged_note(of, &shown, shows_rest),
        file: csv(request, &groups, x.text, y).file("sweep"),
        runs: runs(shown).collect(),
    })
}

/// The parameter that the option `x` names; at least one variant has it.
fn parameter<'r>(request: &Request<'r>) -> Result<Piece<'r>, Diagnostic> {
    let Request { arguments, of, .. } = *request;
    let Some(x) = arguments.option("x") else {
        let error = arguments.error_of_all("a sweep needs the parameter that it goes over");
        return Err(error.hint("write `x=\"params.NAME\"`, such as `x=\"params.optimizer.lr\"`"));
    };
    let records = of.variants.iter().filter_map(|of| of.records.first());
    let is_number = |part: &Part| matches!(part, Part::Value(value) if value.is_number());
    let known: BTreeSet<&str> = records
        .flat_map(|record| record.fingerprint.parts())
        .filter(|(name, part)| name.starts_with("params.") && is_number(part))
        .map(|(name, _)| name)
        .collect();
    if known.contains(x.text) {
        return Ok(x);
    }
    Err(arguments.unknown_of("numeric parameter", of.experiment.name.as_str(), x, known))
}

/// The number that the option `y` names.
fn number_name<'r>(request: &Request<'r>) -> Result<&'r str, Diagnostic> {
    let Some(y) = request.arguments.option("y") else {
        let error = request.arguments.error_of_all("a sweep needs the number that it shows");
        return Err(error.hint("write `y=\"NAME\"`, such as `y=\"accuracy\"`"));
    };
    request.expect_number(y)?;
    Ok(y.text)
}

fn is_log(arguments: &Arguments<'_>) -> Result<bool, Diagnostic> {
    match arguments.option("scale") {
        None => Ok(false),
        Some(scale) if scale.text == "linear" => Ok(false),
        Some(scale) if scale.text == "log" => Ok(true),
        Some(scale) => Err(arguments.unknown_of("value", "scale", scale, ["linear", "log"])),
    }
}

/// The lines, each with its variants in order of the parameter `x`.
fn groups<'r>(
    arguments: &Arguments<'_>,
    variants: &[&'r VariantResults<'r>],
    x: Piece<'_>,
) -> Result<Vec<Group<'r>>, Diagnostic> {
    let named = match arguments.list("series")? {
        Some(patterns) => matching(arguments, &patterns, variants)?,
        None => alike(variants, x.text),
    };
    let mut groups = Vec::with_capacity(named.len());
    for (name, variants) in named {
        let mut members = Vec::with_capacity(variants.len());
        for of in variants {
            let value = value(of, x.text).ok_or_else(|| {
                let error = arguments
                    .error(x, format!("`{}` of `{}` is not a number", x.text, of.variant.name));
                error.hint("choose variants that have a number with `variants` or `series`")
            })?;
            members.push((value, of));
        }
        members.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let twice = members.windows(2).find(|pair| pair[0].0.total_cmp(&pair[1].0).is_eq());
        if let Some([(value, first), (_, second)]) = twice.map(|pair| [pair[0], pair[1]]) {
            let (first, second) = (&first.variant.name, &second.variant.name);
            let message = format!(
                "`{first}` and `{second}` are on one line and have the same `{}`, {value}",
                x.text
            );
            return Err(arguments
                .error(x, message)
                .hint("separate the lines with `series=\"NAME: PATTERN, …\"`"));
        }
        groups.push(Group { name, members });
    }
    Ok(groups)
}

/// The number that the variant's runs have for the parameter.
fn value(of: &VariantResults<'_>, parameter: &str) -> Option<f64> {
    let record = of.records.first()?;
    record.fingerprint.parts().find(|(name, _)| *name == parameter).and_then(|(_, part)| match part
    {
        Part::Value(value) => value.as_f64(),
        Part::Digest(_) => None,
    })
}

type Named<'r> = (String, Vec<&'r VariantResults<'r>>);

/// The variants that match each of the patterns.
fn matching<'r>(
    arguments: &Arguments<'_>,
    patterns: &[Piece<'_>],
    variants: &[&'r VariantResults<'r>],
) -> Result<Vec<Named<'r>>, Diagnostic> {
    let mut named = Vec::with_capacity(patterns.len());
    for &written in patterns {
        let (title, pattern) = match written.text.rsplit_once(':') {
            Some((title, pattern)) => (Some(title.trim()), pattern.trim()),
            None => (None, written.text),
        };
        let glob = glob(pattern);
        let found: Vec<&VariantResults<'_>> =
            variants.iter().copied().filter(|of| glob.is_match(of.variant.name.as_str())).collect();
        if found.is_empty() {
            let known = variants.iter().map(|of| of.variant.name.as_str());
            return Err(arguments
                .error(written, format!("no variant matches `{pattern}`"))
                .hint(format!("expected one of {}", listed(known))));
        }
        named.push((title.map_or_else(|| common_title(&found), str::to_owned), found));
    }
    Ok(named)
}

/// The glob of a pattern in which only `*` is special.
fn glob(pattern: &str) -> GlobMatcher {
    let is_plain = |c: char| c == '*' || c.is_alphanumeric();
    let escaped: String = pattern
        .chars()
        .flat_map(|c| (!is_plain(c)).then_some('\\').into_iter().chain([c]))
        .collect();
    let glob = GlobBuilder::new(&escaped).backslash_escape(true).build();
    glob.expect("all that could be invalid is escaped").compile_matcher()
}

/// The groups of variants that only differ in the parameter, in the order of the experiment.
fn alike<'r>(variants: &[&'r VariantResults<'r>], parameter: &str) -> Vec<Named<'r>> {
    let mut order: Vec<Digest> = Vec::new();
    let mut groups: BTreeMap<Digest, Vec<&VariantResults<'_>>> = BTreeMap::new();
    for &of in variants {
        let Some(record) = of.records.first() else { continue };
        let others: BTreeMap<&str, &Part> = record
            .fingerprint
            .parts()
            .filter(|(name, _)| *name != parameter && *name != "seed")
            .collect();
        let digest = Digest::of_value(&serde_json::to_value(others).unwrap_or_default());
        if !groups.contains_key(&digest) {
            order.push(digest);
        }
        groups.entry(digest).or_default().push(of);
    }
    let groups: Vec<Vec<&VariantResults<'_>>> =
        order.iter().filter_map(|digest| groups.remove(digest)).collect();
    let titles: Vec<String> = groups.iter().map(|variants| common_title(variants)).collect();
    let are_names = titles
        .iter()
        .all(|title| !title.is_empty() && titles.iter().filter(|one| *one == title).count() == 1);
    let names =
        if are_names || groups.len() == 1 { titles } else { by_parameters(&groups, parameter) };
    names.into_iter().zip(groups).collect()
}

/// Names each of the groups by the parameters, other than `parameter`, in which it differs from the
/// others: `hidden = 8, norm = true`.
fn by_parameters(groups: &[Vec<&VariantResults<'_>>], parameter: &str) -> Vec<String> {
    let own = |variants: &Vec<&VariantResults<'_>>| {
        let mut own = variants.first().map(|of| parameters(of)).unwrap_or_default();
        own.remove(parameter.strip_prefix("params.").unwrap_or(parameter));
        own
    };
    let parts: Vec<BTreeMap<String, String>> = groups.iter().map(own).collect();
    let differing = differing(&parts);
    let name = |(index, of): (usize, &BTreeMap<String, String>)| {
        let differences: Vec<String> = of
            .iter()
            .filter(|(name, _)| differing.contains(name))
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        if differences.is_empty() { format!("line {}", index + 1) } else { differences.join(", ") }
    };
    parts.iter().enumerate().map(name).collect()
}

/// What the titles of the variants have in common. That is the parts between commas: `hidden = [8]`
/// of `lr = 0.1, hidden = [8]` and `lr = 0.2, hidden = [8]`. If they share none, it is their start,
/// up to a whole word and without what joins it to the rest: "Frozen" of "Frozen 5" and "Frozen
/// 10".
fn common_title(variants: &[&VariantResults<'_>]) -> String {
    let titles: Vec<&str> = variants.iter().map(|of| of.variant.title.as_str()).collect();
    let [first, rest @ ..] = titles.as_slice() else { return String::new() };
    if rest.is_empty() {
        return (*first).to_owned();
    }
    let others: Vec<Vec<&str>> = rest.iter().map(|title| title_parts(title)).collect();
    let shared: Vec<&str> = title_parts(first)
        .into_iter()
        .filter(|part| others.iter().all(|of| of.contains(part)))
        .collect();
    if !shared.is_empty() {
        return shared.join(", ");
    }
    let is_shared = |end: usize| rest.iter().all(|title| title.starts_with(&first[..end]));
    let ends = first.char_indices().map(|(at, _)| at).chain([first.len()]);
    let shared = &first[..ends.rev().find(|&end| is_shared(end)).unwrap_or_default()];
    // Titles of grids join `NAME = VALUE` with commas.
    let shared = match shared.rfind(" = ").or_else(|| shared.strip_suffix(" =").map(str::len)) {
        Some(equals) => shared[..equals].rsplit_once(',').map_or("", |(before, _)| before),
        None => shared,
    };
    let joined =
        |c: char| c.is_whitespace() || matches!(c, ',' | ':' | ';' | '–' | '-' | '(' | '=');
    let is_joint = |rest: &str| rest.is_empty() || rest.starts_with(joined);
    let ends_with_word =
        shared.ends_with(joined) || titles.iter().all(|title| is_joint(&title[shared.len()..]));
    let whole_words = if ends_with_word {
        shared
    } else {
        shared.rsplit_once(joined).map_or("", |(before, _)| before)
    };
    whole_words.trim_end_matches(joined).to_owned()
}

/// The parts of a title between commas that are not inside brackets: lists of parameters also
/// contain commas.
fn title_parts(title: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let is_end = |c: char| {
        match c {
            '[' | '{' | '(' => depth += 1,
            ']' | '}' | ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    };
    title.split(is_end).map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn line(request: &Request<'_>, group: &Group<'_>, y: &str, shows_rest: bool) -> Option<Line> {
    let points: Vec<SweepPoint> = group
        .members
        .iter()
        .filter_map(|&(x, of)| {
            let measured = Measured::of(request, of, y, shows_rest);
            (measured.reading() != Reading::Nothing).then_some(SweepPoint { x, measured })
        })
        .collect();
    (!points.is_empty()).then(|| Line { name: group.name.clone(), points })
}

impl SweepPoint {
    /// The numbers of its runs, if they are shown one by one because there is no interval or no
    /// mean.
    fn dots(&self) -> Vec<(f64, f64)> {
        match self.measured.reading() {
            Reading::Pair(..) | Reading::Diverged => self
                .measured
                .values()
                .iter()
                .map(|&(_, value)| (drawable(self.x), drawable(value)))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// The ends of its interval.
    fn interval(&self) -> Option<(f64, f64)> {
        self.measured.interval().map(|(from, to)| (drawable(from), drawable(to)))
    }
}

impl Sweep {
    fn chart(&self) -> LineChart {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let ends = || {
            points().flat_map(|point| {
                [point.interval().map(|of| of.0), point.interval().map(|of| of.1)]
            })
        };
        let means = || points().filter_map(|point| point.measured.mean()).map(drawable);
        let dots = || points().flat_map(SweepPoint::dots).map(|(_, value)| value);
        let values = || means().chain(dots()).chain(ends().flatten());
        // Where all runs diverged, an axis without numbers.
        let (lowest, highest) =
            values().reduce(f64::min).zip(values().reduce(f64::max)).unwrap_or((0.0, 1.0));
        let mut places: Vec<f64> = points().map(|point| drawable(point.x)).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        let line = |(index, line): (usize, &Line)| lines::Line {
            name: line.name.clone(),
            color: index,
            dash: index,
            points: line
                .points
                .iter()
                .filter_map(|point| {
                    Some(Point {
                        x: drawable(point.x),
                        y: point.measured.mean()?,
                        interval: point.interval(),
                    })
                })
                .collect(),
            dots: line.points.iter().flat_map(SweepPoint::dots).collect(),
            crosses: line
                .points
                .iter()
                .filter(|point| point.measured.mean().is_none())
                .map(|point| drawable(point.x))
                .collect(),
            seeds: Vec::new(),
            has_markers: true,
        };
        LineChart {
            lines: self.lines.iter().enumerate().map(line).collect(),
            x: Axis {
                name: self.x_name.clone(),
                unit: Unit::Plain,
                span: Span::These(places, self.is_log),
            },
            y: Axis {
                name: self.y_name.clone(),
                unit: self.unit.clone(),
                span: Span::Numbers(lowest, highest),
            },
            intervals: Intervals::Whiskers,
            marks: Vec::new(),
        }
    }

    /// The alternative text.
    fn description(&self) -> String {
        let shown = |point: &SweepPoint| {
            format!("{} at {}", point.measured.phrase(), short(point.x, &Unit::Plain))
        };
        let lines = self.lines.iter().filter_map(|line| {
            let name =
                if line.name.is_empty() { String::new() } else { format!("{}: ", line.name) };
            let (first, last) = (line.points.first()?, line.points.last()?);
            match line.points.len() {
                1 => Some(format!("{name}{}", shown(first))),
                _ => Some(format!("{name}from {} to {}", shown(first), shown(last))),
            }
        });
        let scale = if self.is_log { ", on a logarithmic scale" } else { "" };
        let lines = lines.collect::<Vec<_>>().join("; ");
        format!("Line chart of {} by {}{scale}. {lines}.", self.y_name, self.x_name)
    }

    /// How to read the marks.
    fn note(&self) -> String {
        let all =
            self.lines.iter().flat_map(|line| line.points.iter().map(|point| &point.measured));
        let of_means =
            |seeds: &str| format!("Points: means over {seeds}; bars: their 95 % intervals.");
        let crosses = if all.clone().any(|one| one.mean().is_none()) {
            " × at the top: runs diverged."
        } else {
            ""
        };
        measured::note(&all, of_means) + &measured::remarks(all) + crosses
    }

    fn table(&self) -> Table {
        let head = |line: &Line| {
            let name = if line.name.is_empty() { &self.y_name } else { &line.name };
            self.unit.label(name)
        };
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let marks_single =
            !points().all(|point| matches!(point.measured.reading(), Reading::Single(_)));
        let mut places: Vec<f64> = points().map(|point| point.x).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        let rows = places.iter().map(|&place| {
            let cells = self.lines.iter().map(|line| {
                let point = line.points.iter().find(|point| point.x.total_cmp(&place).is_eq());
                point.map_or_else(Cell::none, |point| point.measured.cell(marks_single).into())
            });
            std::iter::once(short(place, &Unit::Plain).into()).chain(cells).collect()
        });
        Table {
            heads: std::iter::once(self.x_name.clone())
                .chain(self.lines.iter().map(head))
                .collect(),
            rows: rows.collect(),
        }
    }
}

/// The numbers of all runs.
fn csv(request: &Request<'_>, groups: &[Group<'_>], x: &str, y: &str) -> Csv {
    let mut csv = Csv::new(&["experiment", "line", "variant", x, "seed", "metric", "value"]);
    for group in groups {
        for &(place, of) in &group.members {
            for (seed, value) in seeds(of, y) {
                csv.row([
                    request.of.experiment.name.to_string(),
                    group.name.clone(),
                    of.variant.name.to_string(),
                    exact(place),
                    seed.to_string(),
                    y.to_owned(),
                    value,
                ]);
            }
        }
    }
    csv
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_matches_any_characters_and_nothing_else_is_special() {
        let matches = |pattern: &str, name: &str| glob(pattern).is_match(name);
        for (pattern, name) in
            [("frozen-*", "frozen-labels-5"), ("*-64*", "frozen-64-5"), ("a", "a"), ("*", "a")]
        {
            assert!(matches(pattern, name), "{pattern}");
        }
        for (pattern, name) in [
            ("frozen-*", "tuned-5"),
            ("frozen", "frozen-5"),
            ("*-6", "frozen-64"),
            ("[a]", "a"),
            ("?", "a"),
            ("{a,b}", "a"),
            ("[!", "a"),
            ("\\a", "a"),
            ("", "a"),
        ] {
            assert!(!matches(pattern, name), "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_pattern(pattern in "\\PC*|[*?!a\\[\\]{},\\\\-]*") {
            glob(&pattern).is_match("a");
        }
    }
}
