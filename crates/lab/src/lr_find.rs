//! The learning-rate finder (Smith 2015, arXiv 1506.01186): a short training with a rate that rises
//! from step to step. Rates are good where the loss falls, and too high where it rises.

use labpress::recipe::image_classification::Schedule;
use tch::{Tensor, no_grad};

use super::checkpoint::Found;
use super::learning::Learning;
use super::model::Net;
use super::optimizer::Optimizer;
use super::random::{Purpose, generator, shuffled};
use super::samples::Samples;

/// The rates of the first and the last step, as in fast.ai.
const FIRST: f64 = 1e-7;
const LAST: f64 = 10.0;
const STEPS: u64 = 100;
/// How much of the smoothed loss is kept at each step.
const SMOOTHING: f64 = 0.98;
/// The training has diverged if the smoothed loss is this many times the minimum.
const DIVERGED: f64 = 4.0;

/// Trains the net with rising rates, then restores its weights. `optimizer` is consumed, because it
/// remembers these steps. `None` if it was asked to stop.
pub(crate) fn found(
    learning: &Learning<'_>,
    net: &Net,
    mut optimizer: Optimizer,
    train: &Samples,
    seed: u64,
    is_stop_asked: &dyn Fn() -> bool,
) -> anyhow::Result<Option<Found>> {
    let before: Vec<(Tensor, Tensor)> = no_grad(|| {
        net.tensors().into_iter().map(|(_, tensor)| (tensor.detach().copy(), tensor)).collect()
    });
    let batch_size = (learning.params.batch_size as usize).min(train.count());
    let order = shuffled(&mut generator(seed, Purpose::FinderOrder), train.count());
    // Start over if there are too few images; a batch never crosses the end.
    let batches = (train.count() / batch_size).max(1) as u64;
    let order = Tensor::from_slice(&order).to_device(learning.device);
    let (mut smoothed, mut least) = (Smoothed::default(), f64::INFINITY);
    let mut curve = Vec::new();
    for step in 0..STEPS {
        if is_stop_asked() {
            return Ok(None);
        }
        let chosen =
            order.narrow(0, (step % batches) as i64 * batch_size as i64, batch_size as i64);
        let changes = &mut generator(seed, Purpose::FinderAugment { step });
        let rate = rate_of(step);
        let momentum = learning.params.optimizer.momentum();
        let learnt = learning.learn(net, &mut optimizer, train, &chosen, changes, (rate, momentum));
        let loss = smoothed.with(f64::try_from(&learnt.loss)?);
        if !loss.is_finite() || (loss > DIVERGED * least && step > 0) {
            break;
        }
        least = least.min(loss);
        curve.push([rate, loss]);
    }
    no_grad(|| before.into_iter().for_each(|(before, mut tensor)| tensor.copy_(&before)));
    Ok(Some(Found { rate: suggestion(&curve), curve }))
}

/// Rates rise by the same factor each step.
fn rate_of(step: u64) -> f64 {
    FIRST * (LAST / FIRST).powf(step as f64 / (STEPS - 1) as f64)
}

/// An exponential mean without bias towards its start.
#[derive(Default)]
struct Smoothed {
    mean: f64,
    count: i32,
}

impl Smoothed {
    fn with(&mut self, value: f64) -> f64 {
        self.mean = SMOOTHING * self.mean + (1.0 - SMOOTHING) * value;
        self.count += 1;
        self.mean / (1.0 - SMOOTHING.powi(self.count))
    }
}

/// The rate in the middle of the longest valley: the longest sequence of points, not all
/// neighbours, with falling losses. The first tenth of the curve, where rates are too low to
/// matter, and its last five points, where it diverges, are left out. This is fast.ai's default
/// rule ("valley").
fn suggestion(curve: &[[f64; 2]]) -> f64 {
    let last = curve.len().saturating_sub(5).max(1).min(curve.len());
    let first = (curve.len() / 10).min(last - 1);
    let points = &curve[first..last];
    // For each point, how many precede it in the longest falling sequence that ends there.
    let mut before = vec![0_usize; points.len()];
    for point in 0..points.len() {
        let earlier = (0..point).filter(|&earlier| points[earlier][1] > points[point][1]);
        before[point] = earlier.map(|earlier| before[earlier] + 1).max().unwrap_or(0);
    }
    let length = before.iter().copied().max().unwrap_or(0);
    let end = before.iter().position(|&count| count == length).unwrap_or(0);
    // The sequence skips points where the curve rises for a while, so it starts at or before
    // `end - length`.
    points[end - length + length / 2][0]
}

/// The schedule with the suggested rate.
pub(crate) fn settled(schedule: &Schedule, found: Option<&Found>) -> Schedule {
    found.map_or_else(|| schedule.clone(), |found| schedule.clone().up_to(found.rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_rise_by_a_factor_from_first_to_last() {
        assert!((rate_of(0) / FIRST - 1.0).abs() < 1e-12);
        assert!((rate_of(STEPS - 1) / LAST - 1.0).abs() < 1e-9);
        assert!((rate_of(50) / rate_of(49) - rate_of(20) / rate_of(19)).abs() < 1e-9);
    }

    #[test]
    fn the_suggestion_is_in_the_middle_of_the_valley() {
        // Flat, then falling from step 40 to 80, then rising.
        let loss = |step: u64| match step {
            0..=40 => 2.0 + step as f64 * 1e-3,
            41..=80 => 2.0 - (step - 40) as f64 * 0.04,
            _ => 0.4 + (step - 80) as f64,
        };
        let curve: Vec<[f64; 2]> = (0..100).map(|step| [rate_of(step), loss(step)]).collect();
        let suggestion = suggestion(&curve);
        assert!((rate_of(57)..=rate_of(63)).contains(&suggestion), "{suggestion}");
    }

    #[test]
    fn the_shortest_curves_have_a_suggestion() {
        for length in 1..8 {
            let curve: Vec<[f64; 2]> = (0..length).map(|step| [rate_of(step), 1.0]).collect();
            assert!(suggestion(&curve) > 0.0);
        }
    }

    #[test]
    fn smoothing_is_not_biased_towards_its_start() {
        let mut smoothed = Smoothed::default();
        assert!((smoothed.with(3.0) - 3.0).abs() < 1e-12);
        assert!((smoothed.with(3.0) - 3.0).abs() < 1e-12);
    }
}
