//! A number over the runs of a variant, as figures show it.
//!
//! | runs | shown |
//! |---|---|
//! | one | `78.0 % (1 run)` |
//! | two | both numbers: `71, 74 % (2 runs)` |
//! | three or more | the mean with its 95 % interval: `18 % (0 to 41 %)` |
//! | equal numbers | `50.0 % (identical in all 5 runs)` |
//! | some diverged | `2 of 5 seeds diverged`; with `diverged="exclude"` also the others |
//!
//! Two runs have no interval, because Student's would be nine deviations wide. Intervals of shares
//! are cut at 0 and 100 %. Equal numbers do not mean certainty; most often the seed is not used.

use std::fmt::Write as _;

use super::arguments::Arguments;
use super::number::{self, Interval, Unit};
use super::request::Request;
use crate::diagnostic::Diagnostic;
use crate::experiment::record::Record;
use crate::experiment::results::{ExperimentResults, VariantResults};
use crate::stats::{Estimate, Summary, bootstrap};

/// A number over the runs of a variant.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    values: Vec<(u64, f64)>,
    diverged: usize,
    unit: Unit,
    /// Whether the number is one to judge by, so that it is worth a remark if all runs have the
    /// same.
    is_judged: bool,
    summary: Option<Summary>,
    reading: Reading,
    /// Whether its interval is that of the bootstrap.
    is_bootstrap: bool,
}

/// What is known about a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Reading {
    /// No completed run reported it.
    Nothing,
    /// Runs diverged, and the tag does not ask for the others.
    Diverged,
    /// A single run.
    Single(f64),
    /// Two runs.
    Pair(f64, f64),
    /// The same in all runs, two or more.
    Identical(f64),
    /// The mean of three runs or more.
    Mean(f64, Interval),
}

impl Reading {
    /// What `summary` says about numbers. Of two, the lower comes first.
    fn of(summary: Summary, unit: &Unit) -> Reading {
        match summary.n {
            1 => Reading::Single(summary.mean),
            _ if summary.is_identical() => Reading::Identical(summary.mean),
            2 => Reading::Pair(summary.lowest, summary.highest),
            _ => {
                let Estimate { value, half_width } = summary.estimate();
                Reading::Mean(
                    value,
                    number::interval(value, half_width.unwrap_or(0.0), bounds(summary, unit)),
                )
            }
        }
    }
}

/// The range of numbers of a unit; unbounded if one of them is outside.
fn bounds(summary: Summary, unit: &Unit) -> (f64, f64) {
    match unit {
        Unit::Share => number::share_bounds(summary),
        Unit::Points if summary.lowest >= -1.0 && summary.highest <= 1.0 => (-1.0, 1.0),
        Unit::Points | Unit::Plain | Unit::Named(_) => number::NO_BOUNDS,
    }
}

/// The number that `summary` describes, with its unit and the number of runs.
pub fn over_runs(summary: Summary, unit: &Unit) -> String {
    match Reading::of(summary, unit) {
        Reading::Nothing | Reading::Diverged => String::new(),
        Reading::Single(value) => format!("{} (1 run)", number::alone(value, unit)),
        Reading::Pair(lower, higher) => {
            format!("{}{} (2 runs)", number::pair(lower, higher, unit), unit.suffix())
        }
        Reading::Identical(value) => {
            format!("{} (identical in all {} runs)", number::alone(value, unit), summary.n)
        }
        Reading::Mean(value, interval) => {
            format!("{} (n = {})", number::with_interval(value, Some(interval), unit), summary.n)
        }
    }
}

/// Whether the option `diverged` asks for the other runs if some diverged.
pub(super) fn shows_rest(arguments: &Arguments<'_>) -> Result<bool, Diagnostic> {
    match arguments.option("diverged") {
        None => Ok(false),
        Some(what) if what.text == "exclude" => Ok(true),
        Some(what) => Err(arguments.unknown_of("value", "diverged", what, ["exclude"])),
    }
}

/// What notes call the intervals.
pub(super) fn interval_name<'m>(mut all: impl Iterator<Item = &'m Measured>) -> &'static str {
    let is_bootstrap = all.any(|one| one.is_bootstrap);
    if is_bootstrap { "95 % interval by the bootstrap (BCa)" } else { "95 % interval" }
}

impl Measured {
    /// The number with the interval that the option `interval` asks for, if it has one. `variant` is
    /// named in the error if there are too few seeds.
    pub(super) fn with_chosen_interval(
        self,
        arguments: &Arguments<'_>,
        variant: &str,
    ) -> Result<Measured, Diagnostic> {
        /// From fewer, it contains the mean in less than 80 % of cases.
        const FEWEST: usize = 5;
        let Some(option) = arguments.option("interval") else { return Ok(self) };
        if option.text != "bootstrap" {
            return Err(arguments.unknown_of("value", "interval", option, ["bootstrap"]));
        }
        let Reading::Mean(value, _) = self.reading else { return Ok(self) };
        let numbers: Vec<f64> = self.values.iter().map(|&(_, value)| value).collect();
        if numbers.len() < FEWEST {
            let message = format!(
                "an interval by the bootstrap needs {FEWEST} seeds, but `{variant}` has {}",
                numbers.len()
            );
            let hint = "add seeds, or remove `interval` for the interval by Student's t";
            return Err(arguments.error(option, message).hint(hint));
        }
        // The seed only decides which resamples are drawn: always the same ones.
        let Some((from, to)) = bootstrap(&[(1.0, &numbers)], 0) else { return Ok(self) };
        let reading = Reading::Mean(value, Interval::Between(from, to));
        Ok(Measured { reading, is_bootstrap: true, ..self })
    }

    /// The number `name` of the runs of a variant. If some diverged, the others are only shown if
    /// `shows_rest`.
    pub(super) fn of(
        request: &Request<'_>,
        of: &VariantResults<'_>,
        name: &str,
        shows_rest: bool,
    ) -> Measured {
        let number = |record: &Record| record.number(name);
        Measured::of_records(request, of.records.iter().copied(), name, shows_rest, number)
    }

    /// What `number` says of the runs of a variant; the runs for which it is `None` do not count, and
    /// those for which it is `Some(None)` have no number.
    pub(super) fn of_some(
        request: &Request<'_>,
        of: &VariantResults<'_>,
        name: &str,
        shows_rest: bool,
        number: impl Fn(&Record) -> Option<Option<f64>>,
    ) -> Measured {
        let records = of.records.iter().copied().filter(|record| number(record).is_some());
        let number = |record: &Record| number(record).flatten();
        Measured::of_records(request, records, name, shows_rest, number)
    }

    fn of_records<'r>(
        request: &Request<'_>,
        records: impl Iterator<Item = &'r Record> + Clone,
        name: &str,
        shows_rest: bool,
        number: impl Fn(&Record) -> Option<f64>,
    ) -> Measured {
        let values: Vec<(u64, f64)> =
            records.clone().filter_map(|record| Some((record.seed, number(record)?))).collect();
        let diverged = records.filter(|record| record.diverged.is_some()).count();
        // A count, such as that of parameters, is the same in all runs by its nature.
        let is_judged =
            request.goal(name).is_some() || values.iter().any(|(_, value)| value.fract() != 0.0);
        Measured::new(values, request.unit(name), diverged, shows_rest, is_judged)
    }

    /// Numbers without a name, of runs of which none diverged.
    pub(super) fn of_values(values: Vec<(u64, f64)>, unit: Unit) -> Measured {
        Measured::new(values, unit, 0, false, true)
    }

    fn new(
        values: Vec<(u64, f64)>,
        unit: Unit,
        diverged: usize,
        shows_rest: bool,
        is_judged: bool,
    ) -> Measured {
        let numbers: Vec<f64> = values.iter().map(|&(_, value)| value).collect();
        let summary = Summary::of(&numbers);
        let reading = match summary {
            _ if diverged > 0 && !shows_rest => Reading::Diverged,
            None if diverged > 0 => Reading::Diverged,
            None => Reading::Nothing,
            Some(summary) => match (Reading::of(summary, &unit), &numbers[..]) {
                (Reading::Pair(..), &[first, second]) => Reading::Pair(first, second),
                (reading, _) => reading,
            },
        };
        Measured { values, diverged, unit, is_judged, summary, reading, is_bootstrap: false }
    }

    /// The numbers of the completed runs, with their seeds.
    pub(super) fn values(&self) -> &[(u64, f64)] {
        &self.values
    }

    /// How many runs diverged.
    pub(super) fn diverged(&self) -> usize {
        self.diverged
    }

    pub(super) fn unit(&self) -> &Unit {
        &self.unit
    }

    /// The summary of the completed runs; `None` if there are none.
    pub(super) fn summary(&self) -> Option<Summary> {
        self.summary
    }

    /// What is known about the number.
    pub(super) fn reading(&self) -> Reading {
        self.reading
    }

    /// Whether it is the same in all runs by its nature, such as a number of parameters.
    pub(super) fn is_exact(&self) -> bool {
        !self.is_judged && matches!(self.reading, Reading::Single(_) | Reading::Identical(_))
    }

    /// The mean, if it is shown.
    pub(super) fn mean(&self) -> Option<f64> {
        match self.reading {
            Reading::Nothing | Reading::Diverged => None,
            Reading::Single(_) | Reading::Pair(..) | Reading::Identical(_) | Reading::Mean(..) => {
                Some(self.summary?.mean)
            }
        }
    }

    /// The ends of its interval, if it has one.
    pub(super) fn interval(&self) -> Option<(f64, f64)> {
        match self.reading {
            Reading::Mean(value, interval) => Some(interval.ends(value)),
            _ => None,
        }
    }

    /// Whether its interval is cut.
    pub(super) fn is_cut(&self) -> bool {
        matches!(self.reading, Reading::Mean(_, Interval::Between(..))) && !self.is_bootstrap
    }

    /// The number with its unit and its remark: for sentences and labels.
    pub(super) fn phrase(&self) -> String {
        let text = self
            .text(|value, interval| number::with_interval(value, interval, &self.unit), &self.unit);
        match self.remark() {
            Some(remark) if !text.is_empty() => format!("{text} ({remark})"),
            _ => text,
        }
    }

    /// The number without its unit: for tables, whose notes say what all cells have in common. A
    /// single run is only marked if `marks_single`.
    pub(super) fn cell(&self, marks_single: bool) -> String {
        let text = self.number();
        let is_known = match self.reading {
            Reading::Single(_) => !marks_single,
            Reading::Pair(..) => true,
            _ => false,
        };
        match self.remark() {
            _ if text.is_empty() => "–".to_owned(),
            Some(remark) if !is_known || self.diverged > 0 => format!("{text} ({remark})"),
            _ => text,
        }
    }

    /// The number without its unit and without remarks: for tables of many steps.
    pub(super) fn number(&self) -> String {
        self.text(
            |value, interval| number::without_unit_between(value, interval, &self.unit),
            &Unit::Plain,
        )
    }

    /// The number as `shown` writes it. `pair_unit` follows two numbers.
    fn text(&self, shown: impl Fn(f64, Option<Interval>) -> String, pair_unit: &Unit) -> String {
        match self.reading {
            Reading::Nothing => String::new(),
            Reading::Diverged => self.diverged_phrase(),
            Reading::Single(value) | Reading::Identical(value) => shown(value, None),
            Reading::Pair(first, second) => {
                number::pair(first, second, &self.unit) + &pair_unit.suffix()
            }
            Reading::Mean(value, interval) => shown(value, Some(interval)),
        }
    }

    /// What readers should know about the number; `None` if the number itself says it.
    pub(super) fn remark(&self) -> Option<String> {
        let of_reading = match self.reading {
            Reading::Nothing | Reading::Diverged => return None,
            Reading::Single(_) => Some("1 run".to_owned()),
            Reading::Pair(..) => Some("2 runs".to_owned()),
            Reading::Identical(_) => self.is_judged.then(|| match self.values.len() {
                2 => "identical in both runs".to_owned(),
                count => format!("identical in all {count} runs"),
            }),
            Reading::Mean(..) => None,
        };
        let diverged = (self.diverged > 0).then(|| self.diverged_phrase());
        let remarks: Vec<String> = of_reading.into_iter().chain(diverged).collect();
        (!remarks.is_empty()).then(|| remarks.join("; "))
    }

    /// `2 of 5 seeds diverged`.
    pub(super) fn diverged_phrase(&self) -> String {
        diverged_phrase(self.diverged, self.values.len() + self.diverged)
    }
}

/// `2 of 5 seeds diverged`.
pub(super) fn diverged_phrase(diverged: usize, all: usize) -> String {
    match (diverged, all) {
        (1, 1) => "diverged".to_owned(),
        (diverged, all) if diverged == all => format!("all {all} seeds diverged"),
        (diverged, all) => format!("{diverged} of {all} seeds diverged"),
    }
}

/// A note on how to read the numbers: what `of_means` says about that many seeds, unless there is
/// no mean at all.
pub(super) fn note<'m>(
    all: &(impl Iterator<Item = &'m Measured> + Clone),
    of_means: impl FnOnce(&str) -> String,
) -> String {
    let counts = || all.clone().filter(|one| one.mean().is_some()).map(|one| one.values().len());
    match counts().max() {
        None => String::new(),
        Some(1) => super::SINGLE_RUNS.to_owned(),
        _ if all.clone().any(|one| matches!(one.reading(), Reading::Mean(..))) => {
            of_means(&super::seed_count(counts()))
        }
        _ => format!("{}.", super::seed_count(counts())),
    }
}

/// The remark if an interval is cut.
pub(super) const CUT: &str = " Intervals are cut at 0 and 100 %.";

/// [`CUT`] if any interval is cut.
pub(super) fn cut_remark<'m>(mut all: impl Iterator<Item = &'m Measured>) -> &'static str {
    if all.any(Measured::is_cut) { CUT } else { "" }
}

/// Sentences about what is not a mean with a plain interval, each preceded by a space.
pub(super) fn remarks<'m>(all: impl Iterator<Item = &'m Measured> + Clone) -> String {
    let is_pair = all.clone().any(|one| matches!(one.reading(), Reading::Pair(..)));
    let is_identical =
        all.clone().any(|one| one.is_judged && matches!(one.reading(), Reading::Identical(_)));
    let pair = if is_pair { " Of 2 runs both numbers, without an interval." } else { "" };
    let identical = if is_identical { " Identical: no spread to judge by." } else { "" };
    format!("{}{pair}{identical}", cut_remark(all))
}

/// Sentences about the runs that diverged, each preceded by a space; empty if none did.
pub(super) fn diverged_note(
    results: &ExperimentResults<'_>,
    variants: &[&VariantResults<'_>],
    shows_rest: bool,
) -> String {
    /// How many runs are listed for each variant.
    const LISTED: usize = 2;
    let step = results.experiment.step_name();
    let mut note = String::new();
    for of in variants {
        let diverged: Vec<String> = of
            .diverged()
            .map(|(record, diverged)| format!("seed {}: {}", record.seed, diverged.became(step)))
            .collect();
        if diverged.is_empty() {
            continue;
        }
        let more = diverged.len().saturating_sub(LISTED);
        let more = if more > 0 { format!("; {more} more") } else { String::new() };
        let listed = diverged[..diverged.len().min(LISTED)].join("; ");
        let phrase = diverged_phrase(diverged.len(), of.records.len());
        write!(note, " {}: {phrase} ({listed}{more}).", of.variant.title)
            .expect("writing to a string never fails");
    }
    match (note.is_empty(), shows_rest) {
        (true, _) => note,
        (false, true) => note + " Means are of the other seeds.",
        (false, false) => note + " There is no mean of the other seeds.",
    }
}
