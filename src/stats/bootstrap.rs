//! Intervals by resampling.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use statrs::distribution::{ContinuousCDF, Normal};

use super::CONFIDENCE;

/// How many times the numbers are drawn again, at most.
const RESAMPLES: usize = 10_000;

/// The bias-corrected and accelerated bootstrap interval (Efron 1987, "Better bootstrap confidence
/// intervals") of a sum of means of independent samples, each times its factor: `[(1, a)]` is the
/// mean of a, `[(1, a), (-1, b)]` the difference a − b.
///
/// It does not assume a distribution, but numbers that were not observed cannot be drawn: of few
/// seeds it is too narrow. If there are at most 10,000 ways to draw, all of them are used, else
/// 10,000 drawn from `seed`. `None` if the numbers have no spread, or a sample has fewer than three.
pub fn bootstrap(terms: &[(f64, &[f64])], seed: u64) -> Option<(f64, f64)> {
    if terms.is_empty() || terms.iter().any(|(_, values)| values.len() < 3) {
        return None;
    }
    let sizes: Vec<usize> = terms.iter().map(|(_, values)| values.len()).collect();
    let mut sums: Vec<f64> = if let Some(ways) = all_ways(&sizes) {
        (0..ways).map(|way| drawn(terms, &mut WayOf(way))).collect()
    } else {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        (0..RESAMPLES).map(|_| drawn(terms, &mut generator)).collect()
    };
    sums.sort_by(f64::total_cmp);
    let observed: f64 = terms.iter().map(|(factor, values)| factor * mean(values)).sum();
    let normal = Normal::standard();
    let bias = normal.inverse_cdf(share_below(&sums, observed));
    let acceleration = acceleration(terms)?;
    let end = |z: f64| {
        let z = bias + z;
        let share = normal.cdf(bias + z / (1.0 - acceleration * z));
        share.is_finite().then(|| quantile(&sums, share))
    };
    let z = normal.inverse_cdf(f64::midpoint(1.0, CONFIDENCE));
    Some((end(-z)?, end(z)?))
}

/// What chooses the numbers of a resample.
trait Draw {
    /// A number from 0 to below `count`.
    fn below(&mut self, count: usize) -> usize;
}

impl Draw for ChaCha8Rng {
    fn below(&mut self, count: usize) -> usize {
        // The bias is `count` / 2⁶⁴.
        let quotient = (u128::from(self.next_u64()) * count as u128) >> 64;
        usize::try_from(quotient).expect("it is below `count`")
    }
}

/// One of all ways to draw, by its number, whose digits are the choices.
struct WayOf(usize);

impl Draw for WayOf {
    fn below(&mut self, count: usize) -> usize {
        let choice = self.0 % count;
        self.0 /= count;
        choice
    }
}

/// In how many ways samples of these sizes can be drawn, if there are few.
fn all_ways(sizes: &[usize]) -> Option<usize> {
    let ways = sizes.iter().try_fold(1_usize, |ways, &size| {
        ways.checked_mul(size.checked_pow(u32::try_from(size).ok()?)?)
    });
    ways.filter(|&ways| ways <= RESAMPLES)
}

/// The sum of means of the samples that `draw` chooses.
fn drawn(terms: &[(f64, &[f64])], draw: &mut impl Draw) -> f64 {
    let of = |values: &[f64], draw: &mut _| {
        let sum: f64 = (0..values.len()).map(|_| values[Draw::below(draw, values.len())]).sum();
        sum / values.len() as f64
    };
    terms.iter().map(|(factor, values)| factor * of(values, draw)).sum()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The share of `sorted` that is below `value`; what is equal counts half.
fn share_below(sorted: &[f64], value: f64) -> f64 {
    // Means that are equal except for rounding count as equal.
    let slack = value.abs() * 1e-13;
    let below = sorted.partition_point(|&one| one < value - slack);
    let not_above = sorted.partition_point(|&one| one <= value + slack);
    (below + not_above) as f64 / (2 * sorted.len()) as f64
}

/// How the spread of the sum changes with the sum, from the sums without each of the numbers;
/// `None` without a spread.
fn acceleration(terms: &[(f64, &[f64])]) -> Option<f64> {
    let influences = terms.iter().flat_map(|&(factor, values)| {
        let (center, count) = (mean(values), values.len() as f64);
        values.iter().map(move |value| factor * (value - center) / count)
    });
    let cubes: f64 = influences.clone().map(|one| one.powi(3)).sum();
    let squares: f64 = influences.map(|one| one.powi(2)).sum();
    let acceleration = cubes / (6.0 * squares.powf(1.5));
    acceleration.is_finite().then_some(acceleration)
}

/// The quantile of `sorted`, interpolated.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the place is between 0 and the last index"
)]
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    below + (above - below) * at.fract()
}
