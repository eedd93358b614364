//! How the learning rate goes over a run.

use std::f64::consts::PI;

use labpress::recipe::image_classification::Schedule;

/// Returns the learning rate of a step, counted from 0, of `steps`. `base` is the optimizer's own rate.
pub(crate) fn learning_rate(schedule: &Schedule, base: f64, step: u64, steps: u64) -> f64 {
    match *schedule {
        Schedule::Constant {} => base,
        Schedule::OneCycle { max_lr, warm_up, div, final_div } => {
            let (first, last) = (max_lr / div, max_lr / div / final_div);
            // As PyTorch's OneCycleLR does, the top is at this step, which need not be a whole number. A run too short
            // to warm up starts at the top.
            let top = (warm_up * steps as f64 - 1.0).max(0.0);
            let step = step as f64;
            if step < top {
                cosine(first, max_lr, step / top)
            } else {
                // At least 1, so that a run of one step has no division by zero.
                cosine(max_lr, last, (step - top) / (steps as f64 - 1.0 - top).max(1.0))
            }
        }
    }
}

/// Goes from `from` to `to` along half a cosine, as `share` goes from 0 to 1.
fn cosine(from: f64, to: f64, share: f64) -> f64 {
    to + (from - to) / 2.0 * (1.0 + (PI * share).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE_CYCLE: Schedule = Schedule::OneCycle { max_lr: 0.1, warm_up: 0.3, div: 25.0, final_div: 10_000.0 };

    /// Checks a rate of a one-cycle schedule against the number that the formula of PyTorch's `OneCycleLR` gives.
    #[track_caller]
    fn check_one_cycle(step: u64, steps: u64, expected: f64) {
        let rate = learning_rate(&ONE_CYCLE, 1.0, step, steps);
        assert!((rate - expected).abs() < 1e-12, "step {step} of {steps}: {rate}, expected {expected}");
    }

    #[test]
    fn a_constant_rate_stays() {
        assert_eq!(learning_rate(&Schedule::Constant {}, 0.05, 7, 10).to_bits(), 0.05_f64.to_bits());
    }

    #[test]
    fn one_cycle_is_that_of_pytorch() {
        check_one_cycle(0, 100, 0.004);
        check_one_cycle(10, 100, 0.029_516_394_846_410_08);
        check_one_cycle(29, 100, 0.1);
        check_one_cycle(64, 100, 0.050_000_2);
        check_one_cycle(99, 100, 4e-7);
    }

    #[test]
    fn a_very_short_cycle_has_finite_rates() {
        for steps in 1..5 {
            assert!((0..steps).all(|step| learning_rate(&ONE_CYCLE, 1.0, step, steps).is_finite()));
        }
    }
}
