//! `{% value EXPERIMENT.VARIANT.METRIC %}`: a number in a sentence.
//!
//! The page says the number and its interval; the `title` says over how many seeds, and of what. A title is out of
//! reach for keyboards and most screen readers, so nothing stands in it that tables and captions do not say as well.

use super::arguments::{Arguments, Piece};
use super::html::escaped;
use super::number::{self, Format, Unit, exact, signed};
use super::{Figure, complete, known_number, numbers, seed_count, unit, variant};
use crate::diagnostic::Diagnostic;
use crate::experiment::results::Results;
use crate::markdown::embed::Embed;
use crate::stats::{Estimate, Summary, combined};

/// One number of the expression.
struct Term<'a> {
    name: Piece<'a>,
    unit: Unit,
    summary: Summary,
    /// Of each seed its number.
    numbers: Vec<(u64, f64)>,
}

/// What is done with the numbers.
enum Expression<'a> {
    /// A sum of terms, each with factor 1 or −1; at least one.
    Sum(Vec<(f64, Term<'a>)>),
    /// One number divided by another.
    Ratio(Box<Term<'a>>, Box<Term<'a>>),
}

/// Makes the figure of the tag `value`.
pub(super) fn value(arguments: &Arguments<'_>, results: &Results<'_>, _: &str) -> Result<Figure, Diagnostic> {
    arguments.allow_options(&["by", "format", "seed"])?;
    let format = format(arguments)?;
    let seed = seed(arguments)?;
    let expression = expression(arguments, results, seed)?;
    let paired = paired(arguments, &expression)?;
    let estimate = paired.map_or_else(|| estimate(&expression), |summary| summary.estimate());
    if !estimate.value.is_finite() {
        return Err(arguments.fault_of_all("the result is not a finite number"));
    }
    let unit = shown_unit(arguments, &expression)?;
    let text = match format {
        Some(format) => format.show(estimate),
        None => match &expression {
            Expression::Sum(terms) if terms.len() == 1 => number::with_unit(estimate, &unit),
            Expression::Sum(_) => signed(estimate.value, number::with_unit(estimate, &unit)),
            Expression::Ratio(..) => format!("{}×", number::without_unit(estimate, &unit)),
        },
    };
    let title = title(&expression, estimate, &unit, seed, paired.is_some());
    let html = format!(
        "<data class=\"labpress-value\" value=\"{}\" title=\"{}\">{}</data>",
        exact(estimate.value),
        escaped(&title),
        escaped(&text)
    );
    Ok(Figure { embed: Embed { html, text, block: false }, files: Vec::new() })
}

fn format(arguments: &Arguments<'_>) -> Result<Option<Format>, Diagnostic> {
    let Some(format) = arguments.option("format") else {
        return Ok(None);
    };
    let fault = || arguments.fault(format, format!("`{}` is no format", format.text)).hint(Format::RULE);
    Format::parse(format.text).ok_or_else(fault).map(Some)
}

fn seed<'a>(arguments: &Arguments<'a>) -> Result<Option<(u64, Piece<'a>)>, Diagnostic> {
    let Some(seed) = arguments.option("seed") else {
        return Ok(None);
    };
    let fault =
        |_| arguments.fault(seed, format!("`{}` is no seed", seed.text)).hint("a seed is a whole number from 0");
    seed.text.parse().map_err(fault).map(|number| Some((number, seed)))
}

fn expression<'a>(
    arguments: &Arguments<'a>,
    results: &Results<'_>,
    seed: Option<(u64, Piece<'_>)>,
) -> Result<Expression<'a>, Diagnostic> {
    let term = |name: Piece<'a>| term(arguments, name, results, seed);
    let hint = "write `A`, `A - B`, `A + B` or `A / B` with white space around the sign";
    let (first, rest) = arguments.words().split_first().ok_or_else(|| {
        arguments.fault_of_all("a value needs a number").hint("write `{% value EXPERIMENT.VARIANT.METRIC %}`")
    })?;
    if let [sign, divisor] = rest
        && sign.text == "/"
    {
        let (dividend, divisor) = (term(*first)?, term(*divisor)?);
        if divisor.summary.mean == 0.0 {
            return Err(arguments.fault(divisor.name, format!("`{}` is 0 and cannot divide", divisor.name.text)));
        }
        return Ok(Expression::Ratio(Box::new(dividend), Box::new(divisor)));
    }
    let mut terms = vec![(1.0, term(*first)?)];
    for pair in rest.chunks(2) {
        let factor = match pair[0].text {
            "+" => 1.0,
            "-" | "\u{2212}" => -1.0,
            "/" => return Err(arguments.fault(pair[0], "a ratio has just two numbers").hint(hint)),
            other => return Err(arguments.fault(pair[0], format!("`{other}` is no sign")).hint(hint)),
        };
        let Some(name) = pair.get(1) else {
            return Err(arguments.fault(pair[0], format!("no number follows `{}`", pair[0].text)).hint(hint));
        };
        terms.push((factor, term(*name)?));
    }
    Ok(Expression::Sum(terms))
}

fn term<'a>(
    arguments: &Arguments<'a>,
    name: Piece<'a>,
    results: &Results<'_>,
    seed: Option<(u64, Piece<'_>)>,
) -> Result<Term<'a>, Diagnostic> {
    // Names of experiments and variants hold no points; those of metrics may.
    let mut parts = name.text.splitn(3, '.');
    let (Some(experiment), Some(of_variant), Some(metric)) = (parts.next(), parts.next(), parts.next()) else {
        let fault = arguments.fault(name, format!("`{}` does not name a number", name.text));
        return Err(fault.hint("write `EXPERIMENT.VARIANT.METRIC`, such as `digits.default.accuracy`"));
    };
    let piece = |text: &'a str, before: usize| Piece { text, offset: name.offset + before };
    let results = complete(arguments, piece(experiment, 0), results)?;
    let of_variant = piece(of_variant, experiment.len() + 1);
    let variant = variant(arguments, of_variant, results)?;
    let metric = piece(metric, experiment.len() + of_variant.text.len() + 2);
    known_number(arguments, metric, results)?;
    let mut numbers = numbers(variant, metric.text);
    if let Some((seed, place)) = seed {
        numbers.retain(|&(of_seed, _)| of_seed == seed);
        if numbers.is_empty() && !results.experiment.seeds.contains(&seed) {
            let known: Vec<String> = results.experiment.seeds.iter().map(ToString::to_string).collect();
            return Err(arguments.unknown(&format!("seed of `{experiment}`"), place, known.iter().map(String::as_str)));
        }
    }
    let summary = super::summary(&numbers).ok_or_else(|| {
        let message = format!("no run of `{experiment}.{}` recorded `{}`", of_variant.text, metric.text);
        arguments.fault(metric, message)
    })?;
    Ok(Term { name, unit: unit(results, metric.text), summary, numbers })
}

fn estimate(expression: &Expression<'_>) -> Estimate {
    match expression {
        Expression::Sum(terms) => {
            combined(&terms.iter().map(|(factor, term)| (*factor, term.summary)).collect::<Vec<_>>())
        }
        // There is no good interval of a ratio for a handful of seeds, so none is made up.
        Expression::Ratio(dividend, divisor) => {
            Estimate { value: dividend.summary.mean / divisor.summary.mean, half_width: None }
        }
    }
}

/// With `by="seed"`, the sum of each seed by itself, in short: right where a seed decides something that all variants
/// share, such as the fold that is tested on, which then takes no part in the interval of a difference.
fn paired(arguments: &Arguments<'_>, expression: &Expression<'_>) -> Result<Option<Summary>, Diagnostic> {
    let Some(by) = arguments.option("by") else {
        return Ok(None);
    };
    if by.text != "seed" {
        return Err(arguments.unknown("pairing", by, ["seed"]));
    }
    let Expression::Sum(terms) = expression else {
        return Err(arguments.fault(by, "a ratio is not taken seed by seed"));
    };
    let seeds = |term: &Term<'_>| term.numbers.iter().map(|&(seed, _)| seed).collect::<Vec<_>>();
    if let Some((_, other)) = terms.iter().find(|(_, term)| seeds(term) != seeds(&terms[0].1)) {
        let message = format!("`{}` and `{}` do not have the same seeds", terms[0].1.name.text, other.name.text);
        return Err(arguments.fault(other.name, message));
    }
    let sum = |index: usize| terms.iter().map(|(factor, term)| factor * term.numbers[index].1).sum();
    Ok(Summary::of(&(0..terms[0].1.numbers.len()).map(sum).collect::<Vec<f64>>()))
}

/// The unit of the result. Numbers of different units have no sum.
fn shown_unit(arguments: &Arguments<'_>, expression: &Expression<'_>) -> Result<Unit, Diagnostic> {
    let terms = match expression {
        Expression::Sum(terms) => terms,
        Expression::Ratio(..) => return Ok(Unit::Plain),
    };
    let first = &terms[0].1;
    if let Some((_, other)) = terms.iter().find(|(_, term)| term.unit != first.unit) {
        let named = |term: &Term<'_>| match term.unit.sign() {
            "" => format!("`{}` has none", term.name.text),
            sign => format!("`{}` is in `{sign}`", term.name.text),
        };
        let message = format!("numbers of different units have no sum: {}, {}", named(first), named(other));
        return Err(arguments.fault(other.name, message));
    }
    Ok(match &first.unit {
        Unit::Share if terms.len() > 1 => Unit::Points,
        unit => unit.clone(),
    })
}

/// What the number is, for a tooltip.
fn title(
    expression: &Expression<'_>,
    estimate: Estimate,
    unit: &Unit,
    seed: Option<(u64, Piece<'_>)>,
    is_paired: bool,
) -> String {
    let (what, names) = match expression {
        Expression::Sum(terms) => {
            let names = terms.iter().enumerate().map(|(index, (factor, term))| match (index, *factor > 0.0) {
                (0, _) => term.name.text.to_owned(),
                (_, true) => format!(" + {}", term.name.text),
                (_, false) => format!(" \u{2212} {}", term.name.text),
            });
            let what = match (&terms[..], seed) {
                ([_], Some((seed, _))) => format!("the run with seed {seed}"),
                (_, Some((seed, _))) => format!("the runs with seed {seed}"),
                ([(_, term)], None) if term.summary.n == 1 => "a single run".to_owned(),
                ([(_, term)], None) => format!("mean of {}", seed_count([term.summary.n])),
                (terms, None) if is_paired => {
                    format!("seed by seed, mean of {}", seed_count([terms[0].1.summary.n]))
                }
                (terms, None) => format!("from means of {}", seed_count(terms.iter().map(|(_, term)| term.summary.n))),
            };
            (what, names.collect::<String>())
        }
        Expression::Ratio(dividend, divisor) => {
            let what = match seed {
                Some((seed, _)) => format!("ratio of the runs with seed {seed}"),
                None => format!("ratio of means of {}", seed_count([dividend.summary.n, divisor.summary.n])),
            };
            (what, format!("{} / {}", dividend.name.text, divisor.name.text))
        }
    };
    let interval = match estimate.half_width {
        Some(0.0) => ", all equal".to_owned(),
        Some(half_width) => format!(", 95 % interval ± {}", number::error(half_width, unit)),
        None => String::new(),
    };
    format!("{what}{interval}; {names}")
}
