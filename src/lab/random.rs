//! All randomness of a run, drawn from its seed.
//!
//! Each purpose, and within it each epoch or step, has a stream of its own of ChaCha with 8 rounds, so that a run that
//! goes on from a checkpoint draws what it would have drawn. libtorch's generators are not used: theirs differ between
//! devices.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What random numbers are for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// The weights before the first step.
    Weights,
    /// Which training images are set aside.
    Split,
    /// The order of the images in an epoch, counted from 0.
    Order { epoch: u64 },
    /// The changes to the images of a step, counted from 0 over the whole run.
    Augment { step: u64 },
}

/// Returns the generator for a purpose.
pub(crate) fn generator(seed: u64, purpose: Purpose) -> ChaCha8Rng {
    let (kind, number) = match purpose {
        Purpose::Weights => (0, 0),
        Purpose::Split => (1, 0),
        Purpose::Order { epoch } => (2, epoch),
        Purpose::Augment { step } => (3, step),
    };
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut generator = ChaCha8Rng::from_seed(key);
    generator.set_stream(kind << 56 | number);
    generator
}

/// Draws a number from 0 to below `limit`. It is uniform but for a bias of `limit` / 2⁶⁴.
pub(crate) fn below(generator: &mut ChaCha8Rng, limit: u64) -> u64 {
    // The quotient is below `limit`, so it fits.
    ((u128::from(generator.next_u64()) * u128::from(limit)) >> 64) as u64
}

/// Draws a number from -1 to below 1, in steps of 2⁻²³.
pub(crate) fn symmetric(generator: &mut ChaCha8Rng) -> f32 {
    (generator.next_u32() >> 8) as f32 / (1_u32 << 23) as f32 - 1.0
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
    fn a_shuffle_holds_every_number_once() {
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
    }
}
