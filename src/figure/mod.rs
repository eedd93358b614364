//! What a post shows of its experiments: inline values, charts and tables, from recorded numbers.
//!
//! Figures are drawn when the site is built, so a change of their look never asks for a rerun. One
//! file a kind: `value`, `table`, `artifact_table`, the charts `compare`, `curves`, `sweep`,
//! `confusion` and `curve`, and `image`. What they share: `arguments` reads tags, `artifact` finds
//! what runs wrote, `number` writes numbers, `lines` and `svg` draw, `html` wraps. Colours and
//! sizes are the stylesheet's part, `assets/css/labpress.css`.
//!
//! No figure depends on another: the same tag gives the same bytes wherever it stands, and has no
//! `id` unless its author gives it one, so that it can stand many times on a page.

mod arguments;
mod artifact;
mod artifact_table;
mod compare;
mod confusion;
mod curve;
mod curves;
mod html;
mod image;
mod lines;
pub(crate) mod measured;
pub(crate) mod number;
mod provenance;
mod svg;
mod sweep;
mod table;
mod value;

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Place};
use crate::experiment::record::Record;
use crate::experiment::results::{ExperimentResults, Need, Results, VariantResults};
use arguments::{Arguments, Piece};
use kramdown::embed::Embed;
use number::Unit;

/// A figure: what stands in the page, and the files that it brings along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// What stands in the page.
    pub embed: Embed,
    /// The numbers behind it as files of the site, by path: `figures/EXPERIMENT/….csv`. The digest
    /// of the content is part of the path, so two figures that bring the same path bring the same
    /// bytes.
    pub files: Vec<(String, Vec<u8>)>,
}

/// The tags that make figures, in order.
pub const TAGS: [&str; 4] = ["chart", "figure", "table", "value"];

/// Why a tag has no figure.
enum Undrawn {
    /// The tag is invalid.
    Invalid(Diagnostic),
    /// The results that it shows are not recorded.
    Waiting(Need),
    /// Its experiment cannot be read, which is an error in the experiment's own file.
    Unreadable,
}

impl From<Diagnostic> for Undrawn {
    fn from(diagnostic: Diagnostic) -> Undrawn {
        Undrawn::Invalid(diagnostic)
    }
}

/// Makes the figure of `{% TAG ARGUMENTS %}`. `place` is where the arguments start: errors are
/// reported at their own word. `base_url` is the site's `baseurl` (`""` or `/blog`), for links to
/// the figure's files.
///
/// Where results are missing, the figure is a placeholder, and beside it comes the need for them.
pub fn figure(
    tag: &str,
    arguments: &str,
    place: &Place,
    results: &Results<'_>,
    base_url: &str,
) -> Result<(Figure, Option<Need>), Diagnostic> {
    let arguments = Arguments::parse(arguments, place)?;
    let drawn = match tag {
        "chart" => chart(&arguments, results, base_url),
        "figure" => image::image(&arguments, results, base_url),
        "table" => table::table(&arguments, results, base_url),
        "value" => value::value(&arguments, results, base_url),
        _ => {
            let unknown = Diagnostic::new(place.clone(), format!("unknown tag `{tag}`"));
            return Err(unknown.hint_nearest(tag, TAGS));
        }
    };
    match drawn {
        Ok(figure) => Ok((figure, None)),
        Err(Undrawn::Invalid(diagnostic)) => Err(diagnostic),
        Err(Undrawn::Waiting(need)) => Ok((placeholder(tag, &need.message()), Some(need))),
        Err(Undrawn::Unreadable) => Ok((placeholder(tag, "the experiment has errors"), None)),
    }
}

/// Stands in the page for a figure that cannot be drawn yet.
fn placeholder(tag: &str, reason: &str) -> Figure {
    let element = if tag == "value" { "span" } else { "p" };
    let reason = reason.replace('`', "");
    let html =
        format!("<{element} class=\"labpress-missing\">[{}]</{element}>", html::escaped(&reason));
    Figure {
        embed: Embed { html, text: format!("[{reason}]"), block: tag != "value" },
        files: Vec::new(),
    }
}

/// The experiments whose results the figure of `{% TAG ARGUMENTS %}` shows; none if the arguments
/// are at error.
pub fn experiments<'a>(tag: &str, arguments: &'a str, place: &Place) -> BTreeSet<&'a str> {
    named_experiments(tag, arguments, place).into_iter().map(|(_, name)| name).collect()
}

/// The names of experiments in the arguments of a tag, in order, each with the byte at which it
/// starts.
pub(crate) fn named_experiments<'a>(
    tag: &str,
    arguments: &'a str,
    place: &Place,
) -> Vec<(usize, &'a str)> {
    let Ok(arguments) = Arguments::parse(arguments, place) else {
        return Vec::new();
    };
    let words = arguments.words().iter();
    match tag {
        "value" => {
            words.filter_map(|word| Some((word.offset, word.text.split_once('.')?.0))).collect()
        }
        _ => words.take(1).map(|word| (word.offset, word.text)).collect(),
    }
}

/// The kinds of charts.
const CHARTS: [&str; 5] = ["compare", "confusion", "curve", "curves", "sweep"];

fn chart(
    arguments: &Arguments<'_>,
    results: &Results<'_>,
    base_url: &str,
) -> Result<Figure, Undrawn> {
    let (experiment, kind) = match arguments.words() {
        [experiment, kind] => (*experiment, *kind),
        // `{% chart EXPERIMENT artifact="lr-curve" %}`: what an artifact is drawn as is its kind.
        [experiment] if arguments.option("artifact").is_some() => {
            (*experiment, Piece { text: "curve", ..*experiment })
        }
        [_, _, more, ..] => {
            return Err(arguments
                .error(*more, format!("`{}` is one word too many", more.text))
                .into());
        }
        _ => {
            let error = arguments.error_of_all("a chart needs an experiment and a kind");
            return Err(error.hint(
                "write `{% chart EXPERIMENT KIND %}`, where KIND is one of compare, curves, sweep, confusion and curve",
            ).into());
        }
    };
    if !CHARTS.contains(&kind.text) {
        return Err(arguments.unknown("kind of chart", kind, CHARTS).into());
    }
    let of = complete(arguments, experiment, results)?;
    let drawn = match kind.text {
        "compare" => compare::compare(arguments, of, base_url),
        "confusion" => confusion::confusion(arguments, of, results, base_url),
        "curve" => curve::curve(arguments, of, results, base_url),
        "sweep" => sweep::sweep(arguments, of, base_url),
        _ => curves::curves(arguments, of, base_url),
    };
    drawn.map_err(Undrawn::from)
}

/// The results of the experiment that `name` names, all of them recorded and fresh.
fn complete<'r, 'e>(
    arguments: &Arguments<'_>,
    name: Piece<'_>,
    results: &'r Results<'e>,
) -> Result<&'r ExperimentResults<'e>, Undrawn> {
    let Some(found) = results.experiments.get(name.text) else {
        if results.unreadable.contains(name.text) {
            return Err(Undrawn::Unreadable);
        }
        let unknown = arguments.unknown("experiment", name, results.experiments.keys().copied());
        let is_first = results.experiments.is_empty();
        let hint = "write `experiments/NAME/experiment.yml` first: the site has no experiments";
        return Err(if is_first { unknown.hint(hint) } else { unknown }.into());
    };
    match found.need(|| arguments.place(name.offset)) {
        None => Ok(found),
        Some(need) => Err(Undrawn::Waiting(need)),
    }
}

/// The variants that the option `variants` names, in the order it names them; all if it is not
/// there.
fn chosen_variants<'r, 'e>(
    arguments: &Arguments<'_>,
    results: &'r ExperimentResults<'e>,
) -> Result<Vec<&'r VariantResults<'e>>, Diagnostic> {
    match arguments.list("variants")? {
        None => Ok(results.variants.iter().collect()),
        Some(names) => names.into_iter().map(|name| variant(arguments, name, results)).collect(),
    }
}

fn variant<'r, 'e>(
    arguments: &Arguments<'_>,
    name: Piece<'_>,
    results: &'r ExperimentResults<'e>,
) -> Result<&'r VariantResults<'e>, Diagnostic> {
    results.variants.iter().find(|variant| variant.variant.name.as_str() == name.text).ok_or_else(
        || {
            let what = format!("variant of `{}`", results.experiment.name);
            arguments.unknown(
                &what,
                name,
                results.variants.iter().map(|variant| variant.variant.name.as_str()),
            )
        },
    )
}

/// Makes sure that `name` is a number of at least one record.
fn known_number(
    arguments: &Arguments<'_>,
    name: Piece<'_>,
    results: &ExperimentResults<'_>,
) -> Result<(), Diagnostic> {
    let mut known = number_names(results);
    // A run that diverged may not have come to report what it would have.
    if results.variants.iter().any(|of| of.diverged().next().is_some()) {
        known.extend(results.experiment.metrics.keys().map(String::as_str));
    }
    if known.contains(name.text) {
        return Ok(());
    }
    Err(arguments.unknown(&format!("metric of `{}`", results.experiment.name), name, known))
}

/// All numbers that any record has, by name; those of a run that diverged included.
fn number_names<'r>(results: &'r ExperimentResults<'_>) -> BTreeSet<&'r str> {
    let records = results.variants.iter().flat_map(|variant| &variant.records);
    records.flat_map(|record| record.number_names()).collect()
}

/// The numbers of this name that the variant's runs recorded, with their seeds; none of runs that
/// diverged.
fn numbers(variant: &VariantResults<'_>, name: &str) -> Vec<(u64, f64)> {
    variant.records.iter().filter_map(|record| Some((record.seed, record.number(name)?))).collect()
}

/// The number of this name of each of the variant's runs, as a file of numbers has it: `NaN` of a
/// run that diverged.
fn seeds(variant: &VariantResults<'_>, name: &str) -> Vec<(u64, String)> {
    let shown = |record: &Record| match record.number(name) {
        Some(value) => Some(number::exact(value)),
        None => record.diverged.as_ref().map(|_| "NaN".to_owned()),
    };
    variant.records.iter().filter_map(|record| Some((record.seed, shown(record)?))).collect()
}

/// The unit of the number `name` of an experiment.
fn unit(results: &ExperimentResults<'_>, name: &str) -> Unit {
    Unit::of(results.experiment.metrics.get(name))
}

/// The name of a number in words: `valid.accuracy` is "valid accuracy".
fn in_words(name: &str) -> String {
    name.replace(['.', '-', '_'], " ")
}

/// "3 seeds", "1 seed", "2 to 3 seeds".
fn seed_count(counts: impl IntoIterator<Item = usize>) -> String {
    let counts: BTreeSet<usize> = counts.into_iter().collect();
    match (counts.first(), counts.last()) {
        (Some(1), Some(1)) => "1 seed".to_owned(),
        (Some(least), Some(most)) if least == most => format!("{most} seeds"),
        (Some(least), Some(most)) => format!("{least} to {most} seeds"),
        _ => "no seeds".to_owned(),
    }
}

/// Said where there is nothing to take a mean of.
const SINGLE_RUNS: &str = "1 run each: no interval.";

#[cfg(test)]
mod tests;
