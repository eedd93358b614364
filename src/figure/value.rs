//! `{% value EXPERIMENT.VARIANT.METRIC %}`: a number in a sentence.
//!
//! The page shows the number, its interval, and a remark if there is only one run, if all runs have
//! the same number, or if some diverged. The `title` says what the number is and over how many
//! seeds. Keyboards and most screen readers cannot reach a title, so it contains nothing that
//! tables and captions do not also say.

use super::arguments::{Arguments, Piece};
use super::html::escaped;
use super::measured::{self, Measured, Reading};
use super::number::{self, Format, Interval, NO_BOUNDS, Unit, exact, signed};
use super::{Figure, Undrawn, request, seed_count};
use crate::diagnostic::Diagnostic;
use crate::experiment::results::Results;
use crate::stats::{RatioInterval, Summary, combined, ratio_interval};
use kramdown::embed::Embed;

/// One number of the expression.
struct Term<'a> {
    name: Piece<'a>,
    unit: Unit,
    measured: Measured,
}

/// How the numbers are combined.
enum Expression<'a> {
    /// A sum of terms, each with factor 1 or −1; at least one.
    Sum(Vec<(f64, Term<'a>)>),
    /// One number divided by another.
    Ratio(Box<Term<'a>>, Box<Term<'a>>),
}

/// What is shown: numbers, and a remark on them.
struct Shown {
    numbers: Numbers,
    /// `1 run`, `2 of 5 seeds diverged`.
    remark: Option<String>,
    /// What the title says of the interval.
    interval: String,
}

/// The numbers that are shown.
enum Numbers {
    /// None, because runs diverged.
    None,
    /// One, with its interval if it has one.
    One(f64, Option<Interval>),
    /// Those of two runs.
    Two(f64, f64),
}

/// Makes the figure of the tag `value`.
pub(super) fn value(arguments: &Arguments<'_>, results: &Results<'_>) -> Result<Figure, Undrawn> {
    arguments.allow_options(&["by", "diverged", "format", "seed"])?;
    let format = format(arguments)?;
    let seed = seed(arguments)?;
    let shows_rest = measured::shows_rest(arguments)?;
    let expression = expression(arguments, results, seed, shows_rest)?;
    let unit = shown_unit(arguments, &expression)?;
    let paired = paired(arguments, &expression, &unit)?;
    let shown = match (&expression, &paired) {
        (_, Some(paired)) => of_measured(paired),
        (Expression::Sum(terms), None) => match &terms[..] {
            [(_, only)] => of_measured(&only.measured),
            several => of_sum(several, &unit),
        },
        (Expression::Ratio(dividend, divisor), None) => of_ratio(dividend, divisor),
    };
    let is_finite = match shown.numbers {
        Numbers::None => true,
        Numbers::One(value, _) => value.is_finite(),
        Numbers::Two(first, second) => first.is_finite() && second.is_finite(),
    };
    if !is_finite {
        return Err(arguments.error_of_all("the result is not a finite number").into());
    }
    let text = text(&expression, &shown, format.as_ref(), &unit, seed.is_some());
    let title = escaped(&title(&expression, &shown, seed, paired.is_some()));
    let html = match mean(&shown.numbers) {
        Some(value) => format!(
            "<data class=\"labpress-value\" value=\"{}\" title=\"{title}\">{}</data>",
            exact(value),
            escaped(&text)
        ),
        None => {
            format!("<span class=\"labpress-value\" title=\"{title}\">{}</span>", escaped(&text))
        }
    };
    Ok(Figure { embed: Embed { html, text, block: false }, files: Vec::new() })
}

fn mean(numbers: &Numbers) -> Option<f64> {
    match *numbers {
        Numbers::None => None,
        Numbers::One(value, _) => Some(value),
        Numbers::Two(first, second) => Some(first / 2.0 + second / 2.0),
    }
}

/// The number and its remark, as the sentence shows them.
fn text(
    expression: &Expression<'_>,
    shown: &Shown,
    format: Option<&Format>,
    unit: &Unit,
    names_run: bool,
) -> String {
    let has_sign = matches!(expression, Expression::Sum(terms) if terms.len() > 1);
    let with_sign = |value: f64, text: String| if has_sign { signed(value, text) } else { text };
    // A format without an interval asks for the number only. Still, a single run is remarked on
    // unless the tag names it.
    let is_plain = format.is_some_and(|format| !format.has_interval());
    let (numbers, is_mean) = match (&shown.numbers, format) {
        (Numbers::None, _) => return shown.remark.clone().unwrap_or_default(),
        (Numbers::Two(first, second), Some(format)) if is_plain => {
            (format.show(first / 2.0 + second / 2.0, None, unit), true)
        }
        (Numbers::Two(first, second), Some(format)) => {
            (format.show_pair(*first, *second, unit), false)
        }
        (Numbers::Two(first, second), None) => {
            let pair = number::pair(*first, *second, unit) + &unit.suffix();
            (with_sign(*first, pair), false)
        }
        (Numbers::One(value, interval), Some(format)) => {
            (format.show(*value, *interval, unit), is_plain)
        }
        (Numbers::One(value, interval), None) => {
            let text = match expression {
                Expression::Sum(_) => number::with_interval(*value, *interval, unit),
                Expression::Ratio(..) => ratio_text(*value, *interval),
            };
            (with_sign(*value, text), false)
        }
    };
    match &shown.remark {
        Some(remark)
            if !is_mean
                || remark.contains("diverged")
                || remark.starts_with("1 run") && !names_run =>
        {
            format!("{numbers} ({remark})")
        }
        _ => numbers,
    }
}

/// `1.13× (1.12 to 1.14×)`.
fn ratio_text(value: f64, interval: Option<Interval>) -> String {
    let times = Unit::Named("×".to_owned());
    number::with_interval(value, interval, &times).replace(&times.suffix(), "×")
}

fn of_measured(measured: &Measured) -> Shown {
    let (numbers, interval) = match measured.reading() {
        Reading::Nothing | Reading::Diverged => {
            let remark = Some(measured.diverged_phrase());
            return Shown { numbers: Numbers::None, remark, interval: String::new() };
        }
        Reading::Single(value) => (Numbers::One(value, None), String::new()),
        Reading::Pair(first, second) => (Numbers::Two(first, second), String::new()),
        Reading::Identical(value) => (Numbers::One(value, None), ", all equal".to_owned()),
        Reading::Mean(value, interval) => {
            (Numbers::One(value, Some(interval)), interval_title(interval, measured.unit()))
        }
    };
    Shown { numbers, remark: measured.remark(), interval }
}

fn interval_title(interval: Interval, unit: &Unit) -> String {
    match interval {
        Interval::Around(half_width) => {
            format!(", 95 % interval ± {}", number::error(half_width, unit))
        }
        Interval::Between(..) => ", 95 % interval, cut at what is possible".to_owned(),
    }
}

/// A sum of several numbers. Its interval needs three runs of each.
fn of_sum(terms: &[(f64, Term<'_>)], unit: &Unit) -> Shown {
    let factors: Option<Vec<(f64, Summary)>> = terms
        .iter()
        .map(|(factor, term)| {
            Some((*factor, term.measured.mean().and_then(|_| term.measured.summary())?))
        })
        .collect();
    let Some(factors) = factors else {
        return of_diverged(terms.iter().map(|(_, term)| term));
    };
    let estimate = combined(&factors);
    let has_spread = factors.iter().any(|(_, summary)| !summary.is_identical());
    let has_interval = has_spread && factors.iter().all(|(_, summary)| summary.n > 2);
    let bounds = if terms.iter().all(|(_, term)| term.unit == Unit::Share) {
        sum_bounds(&factors)
    } else {
        NO_BOUNDS
    };
    let interval = estimate.half_width.filter(|_| has_interval);
    let interval = interval.map(|half_width| number::interval(estimate.value, half_width, bounds));
    Shown {
        numbers: Numbers::One(estimate.value, interval),
        remark: remark(terms.iter().map(|(_, term)| term)),
        interval: interval.map_or(String::new(), |interval| interval_title(interval, unit)),
    }
}

/// The bounds of a sum of shares.
fn sum_bounds(factors: &[(f64, Summary)]) -> (f64, f64) {
    factors.iter().fold((0.0, 0.0), |(lowest, highest), &(factor, summary)| {
        let (from, to) = number::share_bounds(summary);
        let (from, to) = if factor > 0.0 { (from, to) } else { (-to, -from) };
        (lowest + from, highest + to)
    })
}

/// A ratio, with its interval by Fieller's theorem; it needs three runs of both.
fn of_ratio(dividend: &Term<'_>, divisor: &Term<'_>) -> Shown {
    let terms = || [dividend, divisor].into_iter();
    let summary = |term: &Term<'_>| term.measured.mean().and_then(|_| term.measured.summary());
    let (Some(above), Some(below)) = (summary(dividend), summary(divisor)) else {
        return of_diverged(terms());
    };
    let value = above.mean / below.mean;
    let has_interval = above.n > 2 && below.n > 2;
    let found = if has_interval { ratio_interval(above, below) } else { RatioInterval::Unknown };
    let (interval, title, unbounded) = match found {
        RatioInterval::Between(from, to) => {
            (Some(Interval::Between(from, to)), ", 95 % interval by Fieller", None)
        }
        RatioInterval::Unbounded => {
            (None, ", 95 % interval by Fieller unbounded", Some("interval unbounded".to_owned()))
        }
        RatioInterval::Unknown => (None, "", None),
    };
    let remarks: Vec<String> = unbounded.into_iter().chain(remark(terms())).collect();
    Shown {
        numbers: Numbers::One(value, interval),
        remark: (!remarks.is_empty()).then(|| remarks.join("; ")),
        interval: title.to_owned(),
    }
}

fn of_diverged<'t, 'a: 't>(mut terms: impl Iterator<Item = &'t Term<'a>>) -> Shown {
    let diverged = terms
        .find(|term| term.measured.mean().is_none())
        .map(|term| format!("{}: {}", term.name.text, term.measured.diverged_phrase()));
    Shown { numbers: Numbers::None, remark: diverged, interval: String::new() }
}

/// The remark on several numbers: few runs, no spread, runs that diverged.
fn remark<'t, 'a: 't>(terms: impl Iterator<Item = &'t Term<'a>> + Clone) -> Option<String> {
    let counts: Vec<usize> = terms.clone().map(|term| term.measured.values().len()).collect();
    let (least, most) = (counts.iter().min()?, counts.iter().max()?);
    let is_identical = terms
        .clone()
        .all(|term| term.measured.summary().is_some_and(|summary| summary.is_identical()));
    let of_counts = match (least, most) {
        (1, 1) => Some("1 run each".to_owned()),
        _ if is_identical => Some("identical in all runs".to_owned()),
        (2, 2) => Some("2 runs each".to_owned()),
        (1 | 2, _) => Some(format!("{least} to {most} runs")),
        _ => None,
    };
    let diverged = terms
        .filter(|term| term.measured.diverged() > 0)
        .map(|term| format!("{}: {}", term.name.text, term.measured.diverged_phrase()));
    let remarks: Vec<String> = of_counts.into_iter().chain(diverged).collect();
    (!remarks.is_empty()).then(|| remarks.join("; "))
}

fn format(arguments: &Arguments<'_>) -> Result<Option<Format>, Diagnostic> {
    let Some(format) = arguments.option("format") else {
        return Ok(None);
    };
    let error =
        || arguments.error(format, format!("invalid format `{}`", format.text)).hint(Format::RULE);
    Format::parse(format.text).ok_or_else(error).map(Some)
}

fn seed<'a>(arguments: &Arguments<'a>) -> Result<Option<(u64, Piece<'a>)>, Diagnostic> {
    let Some(seed) = arguments.option("seed") else {
        return Ok(None);
    };
    let error = |_| {
        arguments
            .error(seed, format!("invalid seed `{}`", seed.text))
            .hint("a seed is a whole number from 0")
    };
    seed.text.parse().map_err(error).map(|number| Some((number, seed)))
}

fn expression<'a>(
    arguments: &Arguments<'a>,
    results: &Results<'_>,
    seed: Option<(u64, Piece<'_>)>,
    shows_rest: bool,
) -> Result<Expression<'a>, Undrawn> {
    let term = |name: Piece<'a>| term(arguments, name, results, seed, shows_rest);
    let hint = "write `A`, `A - B`, `A + B` or `A / B` with white space around the sign";
    let (first, rest) = arguments.words().split_first().ok_or_else(|| {
        arguments
            .error_of_all("a value needs a number")
            .hint("write `{% value EXPERIMENT.VARIANT.METRIC %}`")
    })?;
    if let [sign, divisor] = rest
        && sign.text == "/"
    {
        let (dividend, divisor) = (term(*first)?, term(*divisor)?);
        if divisor.measured.mean() == Some(0.0) {
            let message = format!("`{}` is 0, so nothing can be divided by it", divisor.name.text);
            return Err(arguments.error(divisor.name, message).into());
        }
        return Ok(Expression::Ratio(Box::new(dividend), Box::new(divisor)));
    }
    let mut terms = vec![(1.0, term(*first)?)];
    for pair in rest.chunks(2) {
        let error = |message: String| arguments.error(pair[0], message).hint(hint);
        let factor = match pair[0].text {
            "+" => 1.0,
            "-" | "\u{2212}" => -1.0,
            "/" => return Err(error("a ratio has only two numbers".to_owned()).into()),
            other => return Err(error(format!("expected a sign, not `{other}`")).into()),
        };
        let Some(name) = pair.get(1) else {
            return Err(error(format!("no number follows `{}`", pair[0].text)).into());
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
    shows_rest: bool,
) -> Result<Term<'a>, Undrawn> {
    // Names of experiments and variants contain no dots; those of metrics may.
    let mut parts = name.text.splitn(3, '.');
    let (Some(experiment), Some(of_variant), Some(metric)) =
        (parts.next(), parts.next(), parts.next())
    else {
        let error = arguments.error(name, format!("`{}` does not name a number", name.text));
        let hint = "write `EXPERIMENT.VARIANT.METRIC`, such as `digits.default.accuracy`";
        return Err(error.hint(hint).into());
    };
    let piece = |text: &'a str, before: usize| Piece { text, offset: name.offset + before };
    let request = request(arguments, piece(experiment, 0), results)?;
    let of_variant = piece(of_variant, experiment.len() + 1);
    let of = request.variant(of_variant)?;
    let metric = piece(metric, experiment.len() + of_variant.text.len() + 2);
    request.expect_number(metric)?;
    let measured = match seed {
        None => Measured::of(&request, of, metric.text, shows_rest),
        Some((seed, _)) if request.of.experiment.seeds.contains(&seed) => {
            Measured::of_seed(&request, of, metric.text, seed, shows_rest)
        }
        Some((_, given)) => {
            let known: Vec<String> =
                request.of.experiment.seeds.iter().map(ToString::to_string).collect();
            let known = known.iter().map(String::as_str);
            return Err(arguments.unknown_of("seed", experiment, given, known).into());
        }
    };
    if measured.reading() == Reading::Nothing {
        let message =
            format!("no run of `{experiment}.{}` recorded `{}`", of_variant.text, metric.text);
        return Err(arguments.error(metric, message).into());
    }
    Ok(Term { name, unit: request.unit(metric.text), measured })
}

/// With `by="seed"`, the sums of each seed, summarized. That is right if a seed decides something
/// that all variants share, such as the fold that is tested on: its effect then cancels out in the
/// interval of a difference.
fn paired(
    arguments: &Arguments<'_>,
    expression: &Expression<'_>,
    unit: &Unit,
) -> Result<Option<Measured>, Diagnostic> {
    let Some(by) = arguments.option("by") else {
        return Ok(None);
    };
    if by.text != "seed" {
        return Err(arguments.unknown_of("value", "by", by, ["seed"]));
    }
    let Expression::Sum(terms) = expression else {
        return Err(arguments.error(by, "`by` applies to sums, not to ratios"));
    };
    // If runs diverged, the sum of the means says so.
    if terms.iter().any(|(_, term)| term.measured.mean().is_none()) {
        return Ok(None);
    }
    let seeds =
        |term: &Term<'_>| term.measured.values().iter().map(|&(seed, _)| seed).collect::<Vec<_>>();
    if let Some((_, other)) = terms.iter().find(|(_, term)| seeds(term) != seeds(&terms[0].1)) {
        let message = format!(
            "`{}` and `{}` do not have the same seeds",
            terms[0].1.name.text, other.name.text
        );
        return Err(arguments.error(other.name, message));
    }
    let sum = |index: usize| {
        terms.iter().map(|(factor, term)| factor * term.measured.values()[index].1).sum::<f64>()
    };
    let sums = seeds(&terms[0].1).into_iter().enumerate().map(|(index, seed)| (seed, sum(index)));
    Ok(Some(Measured::of_values(sums.collect(), unit.clone())))
}

/// The unit of the result. Numbers of different units cannot be added.
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
        let message =
            format!("cannot add numbers of different units: {}, {}", named(first), named(other));
        return Err(arguments.error(other.name, message));
    }
    Ok(match &first.unit {
        Unit::Share if terms.len() > 1 => Unit::Points,
        unit => unit.clone(),
    })
}

/// The tooltip: what the number is.
fn title(
    expression: &Expression<'_>,
    shown: &Shown,
    seed: Option<(u64, Piece<'_>)>,
    is_paired: bool,
) -> String {
    let count = |term: &Term<'_>| term.measured.values().len();
    let (what, names) = match expression {
        Expression::Sum(terms) => {
            let names = terms.iter().enumerate().map(|(index, (factor, term))| {
                match (index, *factor > 0.0) {
                    (0, _) => term.name.text.to_owned(),
                    (_, true) => format!(" + {}", term.name.text),
                    (_, false) => format!(" \u{2212} {}", term.name.text),
                }
            });
            let what = match (&terms[..], seed) {
                ([_], Some((seed, _))) => format!("the run with seed {seed}"),
                (_, Some((seed, _))) => format!("the runs with seed {seed}"),
                ([(_, term)], None) if count(term) == 1 => "a single run".to_owned(),
                ([(_, term)], None) => format!("mean of {}", seed_count([count(term)])),
                (terms, None) if is_paired => {
                    format!("seed by seed, mean of {}", seed_count([count(&terms[0].1)]))
                }
                (terms, None) => format!(
                    "from means of {}",
                    seed_count(terms.iter().map(|(_, term)| count(term)))
                ),
            };
            (what, names.collect::<String>())
        }
        Expression::Ratio(dividend, divisor) => {
            let what = match seed {
                Some((seed, _)) => format!("ratio of the runs with seed {seed}"),
                None => {
                    format!("ratio of means of {}", seed_count([count(dividend), count(divisor)]))
                }
            };
            (what, format!("{} / {}", dividend.name.text, divisor.name.text))
        }
    };
    format!("{what}{}; {names}", shown.interval)
}
