//! The value of an expression over the runs, with its unit and its interval.
//!
//! | numbers | interval |
//! |---|---|
//! | paired by seed, or a single one | Student's, of the expression seed by seed |
//! | a sum of numbers of independent runs | Welch's |
//! | any other of independent runs | to first order, by the derivatives at the means (Cramér 1946, "Mathematical methods of statistics", section 28.4) |
//! | `min` and `max` of independent runs | none: they have no derivative where two numbers meet |

use std::collections::BTreeMap;

use super::numeric::{Dual, Numeric};
use super::terms::Term;
use crate::stats::{Pairing, Summary, combined};

/// What an expression is over the runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Outcome {
    pub(super) value: f64,
    /// The ends of its 95 % interval.
    pub(super) interval: Option<(f64, f64)>,
    pub(super) how: How,
    /// Of how many runs of each number, at least and at most.
    pub(super) runs: (usize, usize),
}

/// How an interval was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// From the expression seed by seed.
    BySeed,
    /// From the means of independent runs.
    OfMeans,
    /// There is none: fewer than three runs of a number.
    FewRuns,
    /// There is none: all runs gave the same.
    NoSpread,
    /// There is none for this expression.
    Undefined,
}

/// Whether the numbers of the same seed belong together: by default, if all are of one experiment
/// whose seeds do. `by` overrides that.
pub(super) fn pairing(terms: &[Term<'_>], by: Option<Pairing>) -> Pairing {
    let first = terms.first();
    let is_one = first.is_some_and(|first| {
        terms
            .iter()
            .all(|term| term.experiment == first.experiment && term.pairing == Pairing::BySeed)
    });
    by.unwrap_or(if is_one { Pairing::BySeed } else { Pairing::None })
}

/// The expression for each seed that all numbers have.
pub(super) fn by_seed(numeric: &Numeric, terms: &[Term<'_>]) -> Vec<(u64, f64)> {
    let maps: Vec<BTreeMap<u64, f64>> =
        terms.iter().map(|term| term.measured.values().iter().copied().collect()).collect();
    let Some(first) = maps.first() else { return Vec::new() };
    let seeds = first.keys().filter(|seed| maps.iter().all(|map| map.contains_key(seed)));
    seeds.map(|seed| (*seed, numeric.at(&|index| maps[index][seed]))).collect()
}

/// The expression over the runs, none of which diverged, or with the others left out.
pub(super) fn outcome(numeric: &Numeric, terms: &[Term<'_>], pairing: Pairing) -> Option<Outcome> {
    let summaries: Vec<Summary> =
        terms.iter().map(|term| term.measured.summary()).collect::<Option<_>>()?;
    let counts = || summaries.iter().map(|summary| summary.n);
    let runs = (counts().min()?, counts().max()?);
    if pairing == Pairing::BySeed || terms.len() == 1 {
        let values: Vec<f64> = by_seed(numeric, terms).iter().map(|&(_, value)| value).collect();
        let summary = Summary::of(&values);
        // Too few seeds in common are compared as independent runs.
        if let Some(summary) = summary.filter(|summary| summary.n > 2 || runs.0 <= 2) {
            // A spread as small as errors of rounding is none.
            let rounding = 1e-12
                * summaries.iter().fold(summary.mean.abs(), |most, of| most.max(of.mean.abs()));
            let half_width = summary.estimate().half_width.filter(|half| *half > rounding);
            let how = match half_width {
                _ if summary.n <= 2 => How::FewRuns,
                None => How::NoSpread,
                Some(_) => How::BySeed,
            };
            let around = |half_width| (summary.mean - half_width, summary.mean + half_width);
            let interval = half_width.filter(|_| how == How::BySeed).map(around);
            let runs = (summary.n, summary.n);
            return Some(Outcome { value: summary.mean, interval, how, runs });
        }
    }
    let means: Vec<f64> = summaries.iter().map(|summary| summary.mean).collect();
    let Dual { value, slopes } = numeric.dual(&means);
    let half_width = slopes.as_ref().and_then(|slopes| {
        let weighted: Vec<(f64, Summary)> =
            slopes.iter().copied().zip(summaries.iter().copied()).collect();
        combined(&weighted).half_width
    });
    let how = match half_width {
        _ if runs.0 <= 2 => How::FewRuns,
        None => How::Undefined,
        Some(0.0) => How::NoSpread,
        Some(_) => How::OfMeans,
    };
    let interval = half_width
        .filter(|_| how == How::OfMeans)
        .map(|half_width| (value - half_width, value + half_width));
    Some(Outcome { value, interval, how, runs })
}
