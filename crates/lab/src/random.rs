//! All randomness of a run, drawn from its seed.
//!
//! Each purpose, and within it each epoch or step, has its own stream of ChaCha with 8 rounds, so that
//! a resumed run draws the same numbers. libtorch's generators are not used because their numbers
//! differ between devices.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What random numbers are for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// The weights before the first step.
    Weights,
    /// Which training images are held out.
    Split,
    /// The order of the images in an epoch, counted from 0.
    Order { epoch: u64 },
    /// The changes to the images of a step, counted from 0 over the whole run.
    Augment { step: u64 },
    /// The order of the images of the learning-rate finder.
    FinderOrder,
    /// The changes to the images of a step of the learning-rate finder.
    FinderAugment { step: u64 },
}

/// Returns the generator for a purpose.
pub(crate) fn generator(seed: u64, purpose: Purpose) -> ChaCha8Rng {
    let (kind, number) = match purpose {
        Purpose::Weights => (0, 0),
        Purpose::Split => (1, 0),
        Purpose::Order { epoch } => (2, epoch),
        Purpose::Augment { step } => (3, step),
        Purpose::FinderOrder => (4, 0),
        Purpose::FinderAugment { step } => (5, step),
    };
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut generator = ChaCha8Rng::from_seed(key);
    generator.set_stream(kind << 56 | number);
    generator
}

/// Draws a number from 0 to below `limit`, uniformly except for a bias of `limit` / 2⁶⁴.
pub(crate) fn below(generator: &mut ChaCha8Rng, limit: u64) -> u64 {
    // The quotient is below `limit`, so it fits.
    ((u128::from(generator.next_u64()) * u128::from(limit)) >> 64) as u64
}

/// Draws a number from -1 to below 1, in steps of 2⁻²³.
pub(crate) fn symmetric(generator: &mut ChaCha8Rng) -> f32 {
    (generator.next_u32() >> 8) as f32 / (1_u32 << 23) as f32 - 1.0
}

/// Draws a number from 0 to below 1, in steps of 2⁻⁵³.
pub(crate) fn unit(generator: &mut ChaCha8Rng) -> f64 {
    (generator.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Draws from the normal distribution (Box and Muller's method; the second number is discarded).
fn normal(generator: &mut ChaCha8Rng) -> f64 {
    // Above 0, for the logarithm.
    let radius = (-2.0 * (1.0 - unit(generator)).ln()).sqrt();
    radius * (std::f64::consts::TAU * unit(generator)).cos()
}

/// Draws from the gamma distribution with a shape above 0 (Marsaglia and Tsang 2000).
fn gamma(generator: &mut ChaCha8Rng, shape: f64) -> f64 {
    if shape < 1.0 {
        let boost = (1.0 - unit(generator)).powf(1.0 / shape);
        return gamma(generator, shape + 1.0) * boost;
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(generator);
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && (1.0 - unit(generator)).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

/// Draws from the beta distribution with both parameters `alpha`, above 0.
pub(crate) fn beta(generator: &mut ChaCha8Rng, alpha: f64) -> f64 {
    let (one, other) = (gamma(generator, alpha), gamma(generator, alpha));
    // With a very small `alpha`, both may underflow to 0.
    if one + other > 0.0 { one / (one + other) } else { unit(generator).round() }
}

/// Returns 0 to `count` - 1 in random order (Fisher and Yates' shuffle).
pub(crate) fn shuffled(generator: &mut ChaCha8Rng, count: usize) -> Vec<i64> {
    let mut order: Vec<i64> = (0..).take(count).collect();
    for last in (1..count).rev() {
        let other = below(generator, last as u64 + 1) as usize;
        order.swap(last, other);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shuffle_contains_every_number_once() {
        let mut order = shuffled(&mut generator(1, Purpose::Split), 100);
        assert_ne!(order, (0..100).collect::<Vec<i64>>());
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<i64>>());
    }

    #[test]
    fn every_seed_and_every_epoch_has_an_order_of_its_own() {
        let order = |seed, epoch| shuffled(&mut generator(seed, Purpose::Order { epoch }), 20);
        assert_eq!(order(1, 2), order(1, 2));
        assert_ne!(order(1, 2), order(1, 3));
        assert_ne!(order(1, 2), order(2, 2));
    }

    #[test]
    fn numbers_stay_in_their_bounds() {
        let mut generator = generator(0, Purpose::Weights);
        assert!((0..1000).all(|_| below(&mut generator, 3) < 3));
        assert!((0..1000).all(|_| (-1.0..1.0).contains(&symmetric(&mut generator))));
        assert!((0..1000).all(|_| (0.0..1.0).contains(&unit(&mut generator))));
        assert!((0..1000).all(|_| (0.0..=1.0).contains(&beta(&mut generator, 1e-4))));
    }

    #[test]
    fn beta_has_its_mean_and_variance() {
        for alpha in [0.2, 1.0, 3.0] {
            let mut generator = generator(0, Purpose::Augment { step: 0 });
            let numbers: Vec<f64> = (0..20_000).map(|_| beta(&mut generator, alpha)).collect();
            let mean = numbers.iter().sum::<f64>() / 20_000.0;
            let variance =
                numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / 20_000.0;
            assert!((mean - 0.5).abs() < 0.01, "alpha {alpha}: mean {mean}");
            let expected = 0.25 / (2.0 * alpha + 1.0);
            assert!(
                (variance - expected).abs() < 0.005,
                "alpha {alpha}: variance {variance}, expected {expected}"
            );
        }
    }
}
