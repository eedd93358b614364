//! What the intervals and tests promise, on random numbers whose truth is known: `docs/evidence.md`
//! has the results.
//!
//!     cargo test --release --lib simulation -- --ignored --nocapture

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::{Pairing, Summary, bootstrap, compare};

/// How many times each case is drawn.
pub(crate) const DRAWS: usize = 10_000;

/// Normally distributed numbers.
pub(crate) struct Normal(ChaCha8Rng);

impl Normal {
    pub(crate) fn seeded(seed: u64) -> Normal {
        Normal(ChaCha8Rng::seed_from_u64(seed))
    }

    /// The next number, by Box and Muller's method.
    pub(crate) fn next(&mut self) -> f64 {
        let mut unit = || (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let (radius, angle) = ((-2.0 * (1.0 - unit()).ln()).sqrt(), std::f64::consts::TAU * unit());
        radius * angle.cos()
    }

    /// The numbers of `n` seeds, to which `shared` is added.
    pub(crate) fn of_seeds(&mut self, shared: &[f64]) -> Vec<(u64, f64)> {
        (0..).zip(shared).map(|(seed, shared)| (seed, shared + self.next())).collect()
    }
}

/// In how many of the draws something holds, in per cent.
pub(crate) fn rate(mut holds: impl FnMut() -> bool) -> f64 {
    (0..DRAWS).filter(|_| holds()).count() as f64 * 100.0 / DRAWS as f64
}

/// What a rate of `percent` may be above itself by chance: three standard errors.
pub(crate) fn simulation_error(percent: f64) -> f64 {
    3.0 * (percent * (100.0 - percent) / DRAWS as f64).sqrt()
}

/// Prints a result.
#[expect(clippy::print_stdout, reason = "the numbers are what these tests are run for")]
pub(crate) fn report(result: std::fmt::Arguments<'_>) {
    println!("{result}");
}

fn values(of: &[(u64, f64)]) -> Vec<f64> {
    of.iter().map(|&(_, value)| value).collect()
}

#[test]
#[ignore = "takes minutes"]
fn intervals_of_means_contain_the_mean_in_95_of_100_cases() {
    for n in [3, 5, 10] {
        let mut normal = Normal::seeded(n as u64);
        let covered = rate(|| {
            let sample = values(&normal.of_seeds(&vec![0.0; n]));
            let estimate = Summary::of(&sample).expect("there are values").estimate();
            estimate.value.abs() <= estimate.half_width.expect("there are three or more")
        });
        report(format_args!("interval of a mean, n = {n}: covers in {covered:.2} %"));
        assert!((94.0..=96.0).contains(&covered));
    }
}

#[test]
#[ignore = "takes minutes"]
fn intervals_of_differences_contain_the_difference_in_95_of_100_cases() {
    for pairing in [Pairing::BySeed, Pairing::None] {
        for n in [3, 5, 10] {
            let mut normal = Normal::seeded(100 + n as u64);
            let (mut covered, mut above) = (0, 0);
            for _ in 0..DRAWS {
                let shared: Vec<f64> = match pairing {
                    Pairing::BySeed => (0..n).map(|_| 3.0 * normal.next()).collect(),
                    Pairing::None => vec![0.0; n],
                };
                let (a, b) = (normal.of_seeds(&shared), normal.of_seeds(&shared));
                let found = compare(&a, &b, pairing).expect("there are values");
                let (from, to) = found.interval.expect("there are three or more");
                covered += usize::from(from <= 0.0 && 0.0 <= to);
                above += usize::from(from > 0.0);
            }
            let percent = |count: usize| count as f64 * 100.0 / DRAWS as f64;
            let (covered, above) = (percent(covered), percent(above));
            report(format_args!(
                "difference, {pairing:?}, n = {n}: covers in {covered:.2} %, `>` holds wrongly in \
                 {above:.2} %"
            ));
            // Welch's interval is slightly too wide for few seeds.
            assert!((94.0..=97.0).contains(&covered));
            assert!(above <= 2.5 + simulation_error(2.5));
        }
    }
}

#[test]
#[ignore = "takes minutes"]
fn bootstrap_intervals_are_too_narrow_for_few_seeds() {
    for n in [3, 5, 10, 20] {
        let mut normal = Normal::seeded(200 + n as u64);
        let draws = if n < 6 { DRAWS } else { 1000 };
        let covered = (0..draws).filter(|&seed| {
            let sample = values(&normal.of_seeds(&vec![0.0; n]));
            let (from, to) = bootstrap(&[(1.0, &sample)], seed as u64).expect("there is a spread");
            from <= 0.0 && 0.0 <= to
        });
        let covered = covered.count() as f64 * 100.0 / draws as f64;
        report(format_args!("bootstrap interval of a mean, n = {n}: covers in {covered:.1} %"));
        assert!(covered < 96.0);
    }
}
