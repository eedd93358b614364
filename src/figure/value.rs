//! `{% value EXPERIMENT.VARIANT.METRIC %}`: a number in a sentence.
//!
//! The page shows the number, its interval, and a remark if there is only one run, if all runs have
//! the same number, or if some diverged. The `title` says what the number is and over how many
//! seeds. Keyboards and most screen readers cannot reach a title, so it contains nothing that
//! tables and captions do not also say.

use super::arguments::{Arguments, Piece};
use super::evaluate::{self, How};
use super::expression::{self, Sign};
use super::html::escaped;
use super::measured::{self, Measured, Reading};
use super::number::{self, Format, Interval, NO_BOUNDS, Unit, exact, signed};
use super::numeric::Numeric;
use super::terms::{self, Choice, Term, seed_of};
use super::units::Compiler;
use super::{Figure, Undrawn, seed_count};
use crate::diagnostic::Diagnostic;
use crate::experiment::results::Results;
use crate::stats::{Pairing, RatioInterval, Summary, combined, ratio_interval};
use kramdown::embed::Embed;

/// How the numbers are combined.
enum Expression<'a> {
    /// A sum of terms, each with factor 1 or −1; at least one.
    Sum(Vec<(f64, Term<'a>)>),
    /// One number divided by another.
    Ratio(Box<Term<'a>>, Box<Term<'a>>),
    /// Anything else, with its text.
    Other { numeric: Numeric, terms: Vec<Term<'a>>, text: &'a str },
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

/// Makes the figure of the tag `value`; the string says what the number is.
pub(super) fn value(
    arguments: &Arguments<'_>,
    results: &Results<'_>,
) -> Result<(Figure, String), Undrawn> {
    arguments.allow_options(&["by", "diverged", "format", "seed"])?;
    let format = format(arguments)?;
    let seed = seed(arguments)?;
    let shows_rest = measured::shows_rest(arguments)?;
    let parsed = expression::parse(arguments)?;
    let terms = terms::terms(arguments, &parsed, results, Choice { seed, shows_rest })?;
    if terms.is_empty() {
        let error = arguments.error_of_all("a value needs a number of an experiment");
        return Err(error.hint("write `{% value EXPERIMENT.VARIANT.METRIC %}`").into());
    }
    let compiler = Compiler { arguments, terms: &terms };
    let (numeric, dimension) = compiler.compile(&parsed.expression)?;
    let unit = dimension.unit();
    let by = arguments.pairing()?;
    let expression = Expression::of(arguments, numeric, terms)?;
    let paired = paired(arguments, &expression, by, &unit)?;
    let shown = match (&expression, &paired) {
        (_, Some(paired)) => of_measured(paired),
        (Expression::Sum(terms), None) => match &terms[..] {
            [(_, only)] => of_measured(&only.measured),
            several => of_sum(several, &unit),
        },
        (Expression::Ratio(dividend, divisor), None) => of_ratio(dividend, divisor),
        (Expression::Other { numeric, terms, .. }, None) => {
            of_other(numeric, terms, by.map(|(by, _)| by), &unit)
        }
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
    let found = title(&expression, &shown, seed, paired.is_some());
    let title = escaped(&found);
    let shown_text = escaped(&text);
    let attributes = format!("title=\"{title}\" tabindex=\"0\"");
    let html = if let Some(value) = mean(&shown.numbers) {
        let value = exact(value);
        format!("<data class=\"labpress-value\" value=\"{value}\" {attributes}>{shown_text}</data>")
    } else {
        format!("<span class=\"labpress-value\" {attributes}>{shown_text}</span>")
    };
    Ok((Figure { embed: Embed { html, text, block: false }, files: Vec::new() }, found))
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
    let has_sign =
        *unit == Unit::Points || matches!(expression, Expression::Sum(terms) if terms.len() > 1);
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
                Expression::Sum(_) | Expression::Other { .. } => {
                    number::with_interval(*value, *interval, unit)
                }
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
    let Some(seed) = arguments.option("seed") else { return Ok(None) };
    Ok(Some((seed_of(arguments, seed)?, seed)))
}

impl<'a> Expression<'a> {
    fn of(
        arguments: &Arguments<'a>,
        numeric: Numeric,
        terms: Vec<Term<'a>>,
    ) -> Result<Expression<'a>, Diagnostic> {
        if let Numeric::Arithmetic(Sign::Over, above, below) = &numeric
            && let [dividend, divisor] = &terms[..]
            && (&**above, &**below) == (&Numeric::Term(0), &Numeric::Term(1))
        {
            if divisor.measured.mean() == Some(0.0) {
                let message =
                    format!("`{}` is 0, so nothing can be divided by it", divisor.name.text);
                return Err(arguments.error(divisor.name, message));
            }
            return Ok(Expression::Ratio(Box::new(dividend.clone()), Box::new(divisor.clone())));
        }
        let linear = numeric.linear(terms.len());
        let is_sum = |(factors, constant): &(Vec<f64>, f64)| {
            constant.to_bits() == 0
                && factors.iter().all(|factor| factor.abs().to_bits() == 1.0_f64.to_bits())
        };
        Ok(if let Some((factors, _)) = linear.filter(is_sum) {
            Expression::Sum(factors.into_iter().zip(terms).collect())
        } else {
            Expression::Other { numeric, terms, text: arguments.phrase() }
        })
    }

    fn terms(&self) -> Vec<&Term<'a>> {
        match self {
            Expression::Sum(terms) => terms.iter().map(|(_, term)| term).collect(),
            Expression::Ratio(dividend, divisor) => vec![dividend, divisor],
            Expression::Other { terms, .. } => terms.iter().collect(),
        }
    }
}

/// An expression that is neither a sum nor a ratio.
fn of_other(numeric: &Numeric, terms: &[Term<'_>], by: Option<Pairing>, unit: &Unit) -> Shown {
    if terms.iter().any(|term| term.measured.mean().is_none()) {
        return of_diverged(terms.iter());
    }
    let Some(outcome) = evaluate::outcome(numeric, terms, evaluate::pairing(terms, by)) else {
        return of_diverged(terms.iter());
    };
    let interval = outcome.interval.map(|(from, to)| Interval::Around((to - from) / 2.0));
    let how = match outcome.how {
        How::BySeed => ", seed by seed",
        How::OfMeans => ", of independent runs",
        How::FewRuns | How::NoSpread | How::Undefined => "",
    };
    let title = interval.map_or(String::new(), |interval| interval_title(interval, unit) + how);
    Shown {
        numbers: Numbers::One(outcome.value, interval),
        remark: remark(terms.iter()).filter(|_| !terms.iter().all(|term| term.measured.is_exact())),
        interval: title,
    }
}

/// The sums of each seed, summarized, if the numbers belong together by seed: if a seed decides
/// something that all variants share, such as the fold that is tested on, its effect cancels out in
/// the interval of a difference.
fn paired(
    arguments: &Arguments<'_>,
    expression: &Expression<'_>,
    by: Option<(Pairing, Piece<'_>)>,
    unit: &Unit,
) -> Result<Option<Measured>, Diagnostic> {
    let Expression::Sum(terms) = expression else {
        return match (by, expression) {
            (Some((Pairing::BySeed, by)), Expression::Ratio(..)) => {
                Err(arguments.error(by, "`by` applies to sums, not to ratios"))
            }
            _ => Ok(None),
        };
    };
    let all = expression.terms();
    let owned: Vec<Term<'_>> = all.iter().map(|term| (*term).clone()).collect();
    let is_single = terms.len() == 1 && by.is_none();
    if is_single || evaluate::pairing(&owned, by.map(|(by, _)| by)) == Pairing::None {
        return Ok(None);
    }
    // If runs diverged, the sum of the means says so.
    if all.iter().any(|term| term.measured.mean().is_none()) {
        return Ok(None);
    }
    let seeds =
        |term: &Term<'_>| term.measured.values().iter().map(|&(seed, _)| seed).collect::<Vec<_>>();
    let is_asked = by.is_some();
    match all.iter().find(|term| seeds(term) != seeds(all[0])) {
        Some(other) if is_asked => {
            let message = format!(
                "`{}` and `{}` do not have the same seeds",
                all[0].name.text, other.name.text
            );
            return Err(arguments.error(other.name, message));
        }
        None if is_asked || seeds(all[0]).len() > 2 => {}
        _ => return Ok(None),
    }
    let sum = |index: usize| {
        terms.iter().map(|(factor, term)| factor * term.measured.values()[index].1).sum::<f64>()
    };
    let sums = seeds(all[0]).into_iter().enumerate().map(|(index, seed)| (seed, sum(index)));
    Ok(Some(Measured::of_values(sums.collect(), unit.clone())))
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
        Expression::Other { terms, text, .. } => {
            let what = match seed {
                Some((seed, _)) => format!("from the runs with seed {seed}"),
                None => format!("over {}", seed_count(terms.iter().map(&count))),
            };
            (what, (*text).to_owned())
        }
    };
    format!("{what}{}; {names}", shown.interval)
}
