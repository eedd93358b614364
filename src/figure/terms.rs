//! The numbers that an expression names: which runs, and which value of a series.

use super::arguments::{Arguments, Piece};
use super::expression::{Named, Parsed};
use super::measured::{Measured, Reading};
use super::number::Unit;
use super::{Undrawn, request};
use crate::diagnostic::Diagnostic;
use crate::experiment::record::Record;
use crate::experiment::results::{Results, VariantResults};
use crate::recipe::Goal;
use crate::stats::Pairing;

/// A number of an experiment over the runs of a variant.
#[derive(Debug, Clone)]
pub(super) struct Term<'a> {
    pub(super) name: Piece<'a>,
    pub(super) unit: Unit,
    pub(super) measured: Measured,
    pub(super) experiment: &'a str,
    pub(super) pairing: Pairing,
}

/// The numbers that an expression names.
pub(super) fn terms<'a>(
    arguments: &Arguments<'a>,
    parsed: &Parsed<'a>,
    results: &Results<'_>,
    choice: Choice<'_>,
) -> Result<Vec<Term<'a>>, Undrawn> {
    parsed.names.iter().map(|named| term(arguments, named, results, choice)).collect()
}

/// Which runs count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice<'a> {
    /// The only seed that counts.
    pub(super) seed: Option<(u64, Piece<'a>)>,
    /// Whether the other seeds count if some diverged.
    pub(super) shows_rest: bool,
}

fn term<'a>(
    arguments: &Arguments<'a>,
    named: &Named<'a>,
    results: &Results<'_>,
    choice: Choice<'_>,
) -> Result<Term<'a>, Undrawn> {
    let name = named.name;
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
    let selected = |key: &str| {
        named.selectors.iter().find(|(known, _)| known.text == key).map(|&(_, value)| value)
    };
    let seed = match selected("seed") {
        Some(seed) => Some((seed_of(arguments, seed)?, seed)),
        None => choice.seed,
    };
    if let Some((seed, given)) = seed
        && !request.of.experiment.seeds.contains(&seed)
    {
        let known: Vec<String> =
            request.of.experiment.seeds.iter().map(ToString::to_string).collect();
        let known = known.iter().map(String::as_str);
        return Err(arguments.unknown_of("seed", experiment, given, known).into());
    }
    let counts = |record: &Record| seed.is_none_or(|(seed, _)| record.seed == seed);
    let epoch = match selected("epoch") {
        Some(epoch) => Some(Epoch::parse(arguments, epoch, |metric| request.goal(metric))?),
        None => None,
    };
    let measured = Measured::of_some(&request, of, metric.text, choice.shows_rest, |record| {
        if !counts(record) {
            return None;
        }
        Some(match &epoch {
            None => record.number(metric.text),
            Some(epoch) => epoch.of(record, metric.text),
        })
    });
    if measured.reading() == Reading::Nothing {
        let recorded = nothing_recorded(of, metric.text, epoch.is_some());
        let message = format!("no run of `{experiment}.{}` recorded {recorded}", of_variant.text);
        return Err(arguments.error(metric, message).into());
    }
    let pairing = request.of.experiment.pairing;
    let (name, unit) = (named.written, request.unit(metric.text));
    Ok(Term { name, unit, measured, experiment, pairing })
}

fn nothing_recorded(of: &VariantResults<'_>, metric: &str, at_epoch: bool) -> String {
    let is_series = of.records.iter().any(|record| record.series.contains_key(metric));
    match (at_epoch, is_series) {
        (true, true) => format!("`{metric}` at that epoch"),
        (true, false) => format!("`{metric}` by epoch"),
        (false, _) => format!("`{metric}`"),
    }
}

/// The seed that an option or a selector names.
pub(super) fn seed_of(arguments: &Arguments<'_>, seed: Piece<'_>) -> Result<u64, Diagnostic> {
    seed.text.parse().map_err(|_| {
        arguments
            .error(seed, format!("invalid seed `{}`", seed.text))
            .hint("a seed is a whole number from 0")
    })
}

/// Which value of a series counts.
enum Epoch {
    Last,
    At(u64),
    Lowest,
    Highest,
    Mean,
    /// That of the epoch at which another number is best.
    Best {
        metric: String,
        goal: Goal,
    },
}

impl Epoch {
    fn parse(
        arguments: &Arguments<'_>,
        given: Piece<'_>,
        goal: impl Fn(&str) -> Option<Goal>,
    ) -> Result<Epoch, Diagnostic> {
        match given.text {
            "last" => return Ok(Epoch::Last),
            "min" => return Ok(Epoch::Lowest),
            "max" => return Ok(Epoch::Highest),
            "mean" => return Ok(Epoch::Mean),
            _ => {}
        }
        if let Ok(epoch) = given.text.parse() {
            return Ok(Epoch::At(epoch));
        }
        let Some(metric) = given.text.strip_prefix("best:") else {
            let error = arguments.error(given, format!("unknown epoch `{}`", given.text));
            return Err(error
                .hint("write a number, `last`, `min`, `max`, `mean`, or `best:valid.accuracy`"));
        };
        if !metric.split(['.', '-', '_', '/']).any(|part| part.starts_with("val")) {
            let message = format!("`{metric}` is not a number of validation");
            let hint = "choose an epoch by what was measured on validation data, such as \
                        `valid.accuracy`: choosing it by a result makes the result look better";
            return Err(arguments.error(given, message).hint(hint));
        }
        let Some(goal) = goal(metric) else {
            let message = format!("`{metric}` has no goal, so no epoch is best");
            let hint = format!("write `metrics: {{{metric}: {{goal: max}}}}` in the experiment");
            return Err(arguments.error(given, message).hint(hint));
        };
        Ok(Epoch::Best { metric: metric.to_owned(), goal })
    }

    fn of(&self, record: &Record, name: &str) -> Option<f64> {
        if record.diverged.is_some() {
            return None;
        }
        let points = record.series.get(name)?;
        let values = || points.iter().map(|&(_, value)| value);
        match self {
            Epoch::Last => values().next_back(),
            Epoch::Lowest => values().reduce(f64::min),
            Epoch::Highest => values().reduce(f64::max),
            Epoch::Mean => Some(values().sum::<f64>() / points.len() as f64),
            Epoch::At(epoch) => at(points, *epoch),
            Epoch::Best { metric, goal } => {
                let by = record.series.get(metric)?;
                // Of several best ones, the first, as early stopping does.
                let best = by.iter().copied().reduce(|best, next| {
                    let is_better = match goal {
                        Goal::Max => next.1 > best.1,
                        Goal::Min => next.1 < best.1,
                    };
                    if is_better { next } else { best }
                });
                at(points, best?.0)
            }
        }
    }
}

fn at(points: &[(u64, f64)], epoch: u64) -> Option<f64> {
    points.iter().find(|(step, _)| *step == epoch).map(|&(_, value)| value)
}
