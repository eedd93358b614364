//! A number over the runs of a variant, as figures show it.
//!
//! | runs | shown |
//! |---|---|
//! | one | `78.0 % (1 run)` |
//! | two | both: `71, 74 % (2 runs)`; Student's interval of two numbers is nine deviations wide and says nothing |
//! | three or more | the mean with its 95 % interval, cut where a share cannot be: `18 % (0 to 41 %)` |
//! | equal numbers | `50.0 % (identical in all 5 runs)`: no spread is no certainty, and most often a seed that is not used |
//! | some diverged | `2 of 5 seeds diverged`; with `diverged="exclude"` the rest, and that as well |

use std::fmt::Write as _;

use super::arguments::Arguments;
use super::number::{self, Interval, Unit};
use super::request::Request;
use crate::diagnostic::Diagnostic;
use crate::experiment::record::Record;
use crate::experiment::results::{ExperimentResults, VariantResults};
use crate::stats::{Estimate, Summary};

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
}

/// What can be said of a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Reading {
    /// No run that ended reported it.
    Nothing,
    /// Runs diverged, and nobody asked for the rest.
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
    /// What can be said of numbers of which `summary` is all that is known: of two, the lower comes
    /// first.
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

/// From where to where numbers of a unit can go; without bounds where one of them is outside.
fn bounds(summary: Summary, unit: &Unit) -> (f64, f64) {
    match unit {
        Unit::Share => number::share_bounds(summary),
        Unit::Points if summary.lowest >= -1.0 && summary.highest <= 1.0 => (-1.0, 1.0),
        Unit::Points | Unit::Plain | Unit::Named(_) => number::NO_BOUNDS,
    }
}

/// The number that `summary` describes, with its unit and how many runs it is of.
pub(crate) fn over_runs(summary: Summary, unit: &Unit) -> String {
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

/// Whether the option `diverged` asks for the rest where runs diverged.
pub(super) fn shows_rest(arguments: &Arguments<'_>) -> Result<bool, Diagnostic> {
    match arguments.option("diverged") {
        None => Ok(false),
        Some(what) if what.text == "exclude" => Ok(true),
        Some(what) => Err(arguments.unknown("way to treat runs that diverged", what, ["exclude"])),
    }
}

impl Measured {
    /// The number `name` of the runs of a variant. If some diverged, the others are only shown if
    /// `shows_rest`.
    pub(super) fn of(
        request: &Request<'_>,
        of: &VariantResults<'_>,
        name: &str,
        shows_rest: bool,
    ) -> Measured {
        Measured::of_records(request, of.records.iter().copied(), name, shows_rest)
    }

    /// The number `name` of the run with this seed.
    pub(super) fn of_seed(
        request: &Request<'_>,
        of: &VariantResults<'_>,
        name: &str,
        seed: u64,
        shows_rest: bool,
    ) -> Measured {
        let records = of.records.iter().copied().filter(|record| record.seed == seed);
        Measured::of_records(request, records, name, shows_rest)
    }

    fn of_records<'r>(
        request: &Request<'_>,
        records: impl Iterator<Item = &'r Record> + Clone,
        name: &str,
        shows_rest: bool,
    ) -> Measured {
        let values: Vec<(u64, f64)> = records
            .clone()
            .filter_map(|record| Some((record.seed, record.number(name)?)))
            .collect();
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
        Measured { values, diverged, unit, is_judged, summary, reading }
    }

    /// The numbers of the runs that ended, with their seeds.
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

    /// The summary of the runs that ended; `None` if there are none.
    pub(super) fn summary(&self) -> Option<Summary> {
        self.summary
    }

    /// What can be said of the number.
    pub(super) fn reading(&self) -> Reading {
        self.reading
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

    /// From where to where its interval goes, where there is one.
    pub(super) fn interval(&self) -> Option<(f64, f64)> {
        match self.reading {
            Reading::Mean(value, interval) => Some(interval.ends(value)),
            _ => None,
        }
    }

    /// Whether its interval is cut.
    pub(super) fn is_cut(&self) -> bool {
        matches!(self.reading, Reading::Mean(_, Interval::Between(..)))
    }

    /// The number with its unit, and in words what is to be known of it: for sentences and labels.
    pub(super) fn phrase(&self) -> String {
        let text = self
            .text(|value, interval| number::with_interval(value, interval, &self.unit), &self.unit);
        match self.remark() {
            Some(remark) if !text.is_empty() => format!("{text} ({remark})"),
            _ => text,
        }
    }

    /// The number without its unit: for tables, whose notes say what all cells have in common.
    /// `marks_single` says whether a single run is marked.
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

    /// The number as `shown` writes it; `pair_unit` stands behind two numbers.
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

    /// What is to be known of the number; `None` where the number says it.
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

/// How to read the numbers: what `of_means` says of so many seeds, unless there is no mean at all.
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

/// Said where an interval is cut.
pub(super) const CUT: &str = " Intervals are cut at 0 and 100 %.";

/// That intervals are cut, with a space before it, if any is.
pub(super) fn cut_remark<'m>(mut all: impl Iterator<Item = &'m Measured>) -> &'static str {
    if all.any(Measured::is_cut) { CUT } else { "" }
}

/// Sentences on what is not a mean with a plain interval, each with a space before it.
pub(super) fn remarks<'m>(all: impl Iterator<Item = &'m Measured> + Clone) -> String {
    let is_pair = all.clone().any(|one| matches!(one.reading(), Reading::Pair(..)));
    let is_identical =
        all.clone().any(|one| one.is_judged && matches!(one.reading(), Reading::Identical(_)));
    let pair = if is_pair { " Of 2 runs both numbers, without an interval." } else { "" };
    let identical = if is_identical { " Identical: no spread to judge by." } else { "" };
    format!("{}{pair}{identical}", cut_remark(all))
}

/// Sentences on the runs that diverged, each with a space before it; empty if none did.
pub(super) fn diverged_note(
    results: &ExperimentResults<'_>,
    variants: &[&VariantResults<'_>],
    shows_rest: bool,
) -> String {
    /// How many runs are told of each by itself.
    const TOLD: usize = 2;
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
        let more = diverged.len().saturating_sub(TOLD);
        let more = if more > 0 { format!("; {more} more") } else { String::new() };
        let told = diverged[..diverged.len().min(TOLD)].join("; ");
        let phrase = diverged_phrase(diverged.len(), of.records.len());
        write!(note, " {}: {phrase} ({told}{more}).", of.variant.title)
            .expect("a string takes all that is written");
    }
    match (note.is_empty(), shows_rest) {
        (true, _) => note,
        (false, true) => note + " Means are of the other seeds.",
        (false, false) => note + " There is no mean of the other seeds.",
    }
}
