//! Whether two variants differ.

use std::collections::BTreeMap;

use statrs::function::gamma::ln_gamma;

use super::summary::{StandardError, standard_error};
use super::{Summary, permutation, power, student};

/// Which numbers of two variants belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairing {
    /// Those of the same seed: it decides something that the variants share, such as the order of
    /// the data or the fold that is tested on, whose effect cancels out in the difference.
    BySeed,
    /// None.
    None,
}

/// How a difference was tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    /// By Student's t-test of the pairs' differences (Student 1908, "The probable error of a
    /// mean").
    PairedT,
    /// By Welch's t-test, which allows for unequal variances (Welch 1947, "The generalization of
    /// Student's problem when several different population variances are involved").
    Welch,
    /// Not at all.
    None {
        /// Why not.
        why: Untested,
    },
}

/// Why a difference cannot be tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Untested {
    /// A side has fewer than three numbers, or there are fewer than three pairs.
    FewSeeds,
    /// Each number is the same as that of the other side: nothing differs. The p-value is 1.
    Equal,
    /// Each side has the same number in all seeds, another than the other side: there is no spread
    /// to judge the difference by.
    NoSpread,
}

/// Why numbers were not compared in pairs, although that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// Fewer than three seeds are those of both sides.
    FewPairs,
    /// All pairs differ by the same number, so that the differences have no spread to judge them
    /// by, although the numbers have one.
    EqualDifferences,
}

/// The difference of two variants in a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// The mean of one minus that of the other; of the pairs, if they are compared in pairs.
    pub difference: f64,
    /// Its 95 % interval.
    pub interval: Option<(f64, f64)>,
    /// The two-sided p-value.
    pub p: Option<f64>,
    /// How it was tested.
    pub test: Test,
    /// Why not in pairs, although that was asked for.
    pub fallback: Option<Fallback>,
    /// The two-sided p-value of the exact permutation test: of twelve pairs or fewer, if they are
    /// compared in pairs.
    pub permutation: Option<f64>,
    /// The effect size: Cohen's d_z of pairs, the difference in standard deviations of the pairs'
    /// differences (Cohen 1988, "Statistical power analysis for the behavioral sciences"), else
    /// the difference in pooled standard deviations. Both with Hedges' correction for small samples
    /// (1981, "Distribution theory for Glass's estimator of effect size and related estimators").
    pub effect: Option<f64>,
    /// How many numbers of each side were compared. Those of other seeds than the other side's are
    /// not if they are compared in pairs.
    pub n: (usize, usize),
    /// The standard error of the difference; `None` if it was not tested.
    error: Option<StandardError>,
}

/// Whether two variants are the same within a margin, by two one-sided tests (Schuirmann 1987, "A
/// comparison of the two one-sided tests procedure and the power approach").
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Equivalence {
    /// The one-sided p-value of the difference being above minus the margin.
    pub above_lower: f64,
    /// The one-sided p-value of the difference being below the margin.
    pub below_upper: f64,
}

impl Equivalence {
    /// The p-value of both: the variants are the same within the margin if it is below 0.05.
    pub fn p(self) -> f64 {
        self.above_lower.max(self.below_upper)
    }
}

/// Compares `a` with `b`, each a list of seeds and their numbers, which are finite. Numbers of runs
/// that diverged are the caller's to leave out. `None` if a side has no number at all.
///
/// What is not a plain comparison of spreads: with fewer than three numbers there is neither an
/// interval nor a p-value. Equal numbers are a difference of 0 with p = 1, without an interval.
/// Numbers that only differ by rounding count as equal.
pub fn compare(a: &[(u64, f64)], b: &[(u64, f64)], pairing: Pairing) -> Option<Difference> {
    let unpaired = |fallback| unpaired(&values(a), &values(b), fallback);
    if pairing == Pairing::None {
        return unpaired(None);
    }
    let of_b: BTreeMap<u64, f64> = b.iter().copied().collect();
    let pairs: Vec<(f64, f64)> =
        a.iter().filter_map(|(seed, of_a)| Some((*of_a, *of_b.get(seed)?))).collect();
    if pairs.len() < FEWEST && a.len().min(b.len()) >= FEWEST {
        return unpaired(Some(Fallback::FewPairs));
    }
    if pairs.is_empty() {
        return unpaired(None);
    }
    let differences: Vec<f64> = pairs.iter().map(|(of_a, of_b)| of_a - of_b).collect();
    let slack = rounding(pairs.iter().flat_map(|(of_a, of_b)| [of_a, of_b]));
    let summary = Summary::of(&differences)?;
    let n = (pairs.len(), pairs.len());
    if pairs.len() < FEWEST {
        return Some(Difference::untested(summary.mean, Untested::FewSeeds, n));
    }
    if summary.lowest >= -slack && summary.highest <= slack {
        return Some(Difference::untested(0.0, Untested::Equal, n));
    }
    if summary.highest - summary.lowest <= slack {
        return unpaired(Some(Fallback::EqualDifferences));
    }
    let effect = summary.deviation.map(|deviation| summary.mean / deviation * hedges(n.0 - 1));
    Some(Difference {
        permutation: permutation::sign_flips(&differences),
        ..Difference::tested(&[(1.0, summary)], Test::PairedT, effect, n)
    })
}

/// The fewest numbers, or pairs, that say something about their spread. The interval of two would
/// be nine standard deviations wide.
const FEWEST: usize = 3;

fn values(of: &[(u64, f64)]) -> Vec<f64> {
    of.iter().map(|&(_, value)| value).collect()
}

/// How far numbers may be apart and still be equal except for rounding.
fn rounding<'v>(values: impl Iterator<Item = &'v f64>) -> f64 {
    values.fold(0.0_f64, |largest, value| largest.max(value.abs())) * 8.0 * f64::EPSILON
}

fn unpaired(a: &[f64], b: &[f64], fallback: Option<Fallback>) -> Option<Difference> {
    let (of_a, of_b) = (Summary::of(a)?, Summary::of(b)?);
    let (difference, n) = (of_a.mean - of_b.mean, (of_a.n, of_b.n));
    let slack = rounding(a.iter().chain(b));
    let has_spread = |of: Summary| of.highest - of.lowest > slack;
    let found = if of_a.n.min(of_b.n) < FEWEST {
        Difference::untested(difference, Untested::FewSeeds, n)
    } else if has_spread(of_a) || has_spread(of_b) {
        let effect = pooled(of_a, of_b).map(|deviation| difference / deviation);
        let effect = effect.map(|effect| effect * hedges(of_a.n + of_b.n - 2));
        Difference::tested(&[(1.0, of_a), (-1.0, of_b)], Test::Welch, effect, n)
    } else if difference.abs() <= slack {
        Difference::untested(0.0, Untested::Equal, n)
    } else {
        Difference::untested(difference, Untested::NoSpread, n)
    };
    Some(Difference { fallback, ..found })
}

/// The pooled standard deviation.
fn pooled(a: Summary, b: Summary) -> Option<f64> {
    let scale = a.deviation?.max(b.deviation?);
    let squares = |of: Summary| Some((of.deviation? / scale).powi(2) * (of.n - 1) as f64);
    Some(((squares(a)? + squares(b)?) / (a.n + b.n - 2) as f64).sqrt() * scale)
}

/// Hedges' correction: by how much an effect size with so many degrees of freedom is too large.
fn hedges(freedom: usize) -> f64 {
    let half = freedom as f64 / 2.0;
    (ln_gamma(half) - ln_gamma(half - 0.5)).exp() / half.sqrt()
}

impl Difference {
    fn untested(difference: f64, why: Untested, n: (usize, usize)) -> Difference {
        Difference {
            difference,
            interval: None,
            p: (why == Untested::Equal).then_some(1.0),
            test: Test::None { why },
            fallback: None,
            permutation: None,
            effect: None,
            n,
            error: None,
        }
    }

    fn tested(
        terms: &[(f64, Summary)],
        test: Test,
        effect: Option<f64>,
        n: (usize, usize),
    ) -> Difference {
        let difference = terms.iter().map(|(factor, of)| factor * of.mean).sum::<f64>();
        let error = standard_error(terms).filter(|of| of.error > 0.0 && of.error.is_finite());
        let half_width = error.and_then(|of| Some(student::quantile(of.freedom)? * of.error));
        Difference {
            difference,
            interval: half_width.map(|half| (difference - half, difference + half)),
            p: error.and_then(|of| student::both_tails(difference / of.error, of.freedom)),
            test,
            fallback: None,
            permutation: None,
            effect: effect.filter(|effect| effect.is_finite()),
            n,
            error,
        }
    }

    /// Whether the variants are the same within ± `margin`, which is above zero; `None` if the
    /// difference was not tested.
    pub fn equivalence(&self, margin: f64) -> Option<Equivalence> {
        let StandardError { error, freedom } = self.error?;
        Some(Equivalence {
            above_lower: student::tail((self.difference + margin) / error, freedom)?,
            below_upper: student::tail((margin - self.difference) / error, freedom)?,
        })
    }

    /// The smallest difference that so many seeds, with such a spread, would have found with a
    /// probability of 80 %; `None` if the difference was not tested.
    pub fn detectable(&self) -> Option<f64> {
        let StandardError { error, freedom } = self.error?;
        Some(power::detectable(freedom)? * error).filter(|found| found.is_finite())
    }
}

impl Test {
    /// What the test is called, for sentences: `paired t-test`.
    pub fn name(self) -> &'static str {
        match self {
            Test::PairedT => "t-test paired by seed",
            Test::Welch => "Welch's t-test",
            Test::None { .. } => "no test",
        }
    }
}
