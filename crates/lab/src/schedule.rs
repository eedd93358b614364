//! The learning rate and the momentum over a run: PyTorch's `StepLR`, `CosineAnnealingLR` and
//! `OneCycleLR`, each evaluated at every step.

use std::f64::consts::PI;

use labpress::recipe::image_classification::{Optimizer, Rate, Schedule};

/// A step, and how many there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct When {
    /// Counted from 0 over the whole run.
    pub(crate) step: u64,
    /// Of the whole run.
    pub(crate) steps: u64,
    /// Counted from 0.
    pub(crate) epoch: u64,
}

/// Returns the learning rate of a step. A rate that is still to be found counts as the optimizer's.
pub(crate) fn learning_rate(schedule: &Schedule, optimizer: &Optimizer, when: When) -> f64 {
    let (step, steps) = (when.step as f64, when.steps as f64);
    let of = |rate| match rate {
        Rate::Of(rate) => rate,
        Rate::Find => optimizer.lr(),
    };
    match *schedule {
        Schedule::Constant {} => optimizer.lr(),
        Schedule::Step { every, factor } => {
            let changes = when.epoch / u64::from(every.max(1));
            optimizer.lr() * factor.powf(changes as f64)
        }
        Schedule::Cosine { max_lr, warm_up, last } => {
            let (max_lr, warm_up) = (of(max_lr), (warm_up * steps).round());
            if step < warm_up {
                // The first step also moves.
                max_lr * (step + 1.0) / warm_up
            } else {
                cosine(max_lr, max_lr * last, (step - warm_up) / (steps - warm_up))
            }
        }
        Schedule::OneCycle { max_lr, warm_up, div, final_div, .. } => {
            let max_lr = of(max_lr);
            one_cycle(max_lr / div, max_lr, max_lr / div / final_div, warm_up, when)
        }
    }
}

/// Returns SGD's momentum, or Adam's `beta1`, of a step.
pub(crate) fn momentum(schedule: &Schedule, optimizer: &Optimizer, when: When) -> f64 {
    match *schedule {
        Schedule::OneCycle { warm_up, momentum_low, momentum_high, .. } => {
            let high = momentum_high.unwrap_or(optimizer.momentum());
            let low = momentum_low.unwrap_or((high - 0.1).max(0.0));
            one_cycle(high, low, high, warm_up, when)
        }
        _ => optimizer.momentum(),
    }
}

/// Goes from `first` to `top` in the share `warm_up` of the steps, then to `last`.
fn one_cycle(first: f64, top: f64, last: f64, warm_up: f64, when: When) -> f64 {
    let (step, steps) = (when.step as f64, when.steps as f64);
    // As PyTorch's OneCycleLR does, the top is at this step, which need not be a whole number. A
    // run too short to warm up starts at the top.
    let turn = (warm_up * steps - 1.0).max(0.0);
    if step < turn {
        cosine(first, top, step / turn)
    } else {
        // At least 1, so that a run of one step has no division by zero.
        cosine(top, last, (step - turn) / (steps - 1.0 - turn).max(1.0))
    }
}

/// Goes from `from` to `to` along half a cosine, as `share` goes from 0 to 1.
fn cosine(from: f64, to: f64, share: f64) -> f64 {
    to + (from - to) / 2.0 * (1.0 + (PI * share).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SGD: Optimizer = Optimizer::Sgd {
        lr: 0.05,
        momentum: 0.9,
        nesterov: false,
        weight_decay: 0.0,
        decay_norm_and_bias: false,
    };
    const ONE_CYCLE: Schedule = Schedule::OneCycle {
        max_lr: Rate::Of(0.1),
        warm_up: 0.3,
        div: 25.0,
        final_div: 10_000.0,
        momentum_low: Some(0.85),
        momentum_high: Some(0.95),
    };

    /// Epochs are of 10 steps here.
    fn at(step: u64, steps: u64) -> When {
        When { step, steps, epoch: step / 10 }
    }

    #[track_caller]
    fn check_close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found}, expected {expected}");
    }

    #[track_caller]
    fn check_rate(schedule: &Schedule, when: When, expected: f64) {
        check_close(learning_rate(schedule, &SGD, when), expected);
    }

    #[test]
    fn a_constant_rate_stays() {
        check_rate(&Schedule::Constant {}, at(7, 10), 0.05);
    }

    #[test]
    fn a_rate_by_steps_falls_after_every_so_many_epochs() {
        let schedule = Schedule::Step { every: 2, factor: 0.1 };
        check_rate(&schedule, at(19, 100), 0.05);
        check_rate(&schedule, at(20, 100), 0.005);
        check_rate(&schedule, at(59, 100), 0.000_5);
    }

    /// The numbers are those of PyTorch's `CosineAnnealingLR(T_max=100)`, which are the closed
    /// form.
    #[test]
    fn a_cosine_goes_down_to_its_last_rate() {
        let schedule = |warm_up, last| Schedule::Cosine { max_lr: Rate::Of(0.1), warm_up, last };
        check_rate(&schedule(0.0, 0.0), at(0, 100), 0.1);
        check_rate(&schedule(0.0, 0.0), at(50, 100), 0.05);
        check_rate(&schedule(0.0, 0.0), at(25, 100), 0.05 * (1.0 + 0.5_f64.sqrt()));
        check_rate(&schedule(0.0, 0.1), at(50, 100), 0.055);
        check_rate(&schedule(0.2, 0.0), at(0, 100), 0.005);
        check_rate(&schedule(0.2, 0.0), at(19, 100), 0.1);
        check_rate(&schedule(0.2, 0.0), at(60, 100), 0.05);
    }

    /// The numbers are those that the formula of PyTorch's `OneCycleLR` gives.
    #[test]
    fn one_cycle_is_that_of_pytorch() {
        check_rate(&ONE_CYCLE, at(0, 100), 0.004);
        check_rate(&ONE_CYCLE, at(10, 100), 0.029_516_394_846_410_08);
        check_rate(&ONE_CYCLE, at(29, 100), 0.1);
        check_rate(&ONE_CYCLE, at(64, 100), 0.050_000_2);
        check_rate(&ONE_CYCLE, at(99, 100), 4e-7);
    }

    #[test]
    fn momentum_goes_down_and_up_where_the_rate_goes_up_and_down() {
        for (step, expected) in [(0, 0.95), (29, 0.85), (64, 0.9), (99, 0.95)] {
            check_close(momentum(&ONE_CYCLE, &SGD, at(step, 100)), expected);
        }
        check_close(momentum(&Schedule::Constant {}, &SGD, at(29, 100)), 0.9);
    }

    #[test]
    fn the_optimizers_own_momentum_is_the_highest_unless_another_is_given() {
        let Schedule::OneCycle { max_lr, warm_up, div, final_div, .. } = ONE_CYCLE else {
            unreachable!()
        };
        let own = Schedule::OneCycle {
            max_lr,
            warm_up,
            div,
            final_div,
            momentum_low: None,
            momentum_high: None,
        };
        check_close(momentum(&own, &SGD, at(0, 100)), 0.9);
        check_close(momentum(&own, &SGD, at(29, 100)), 0.8);
    }

    #[test]
    fn a_very_short_cycle_has_finite_rates() {
        for steps in 1..5 {
            assert!(
                (0..steps).all(|step| learning_rate(&ONE_CYCLE, &SGD, at(step, steps)).is_finite())
            );
        }
    }

    /// The numbers are PyTorch's, written by `tests/reference/reference.py`.
    #[test]
    fn whole_schedules_are_those_of_pytorch() {
        let cases: serde_json::Value =
            serde_json::from_str(include_str!("../tests/reference/schedules.json")).unwrap();
        for name in ["one-cycle", "short-cycle", "cosine", "step"] {
            let case = &cases[name];
            let mut written = case.clone();
            for key in ["steps", "rates", "momenta", "lr"] {
                written.as_object_mut().unwrap().remove(key);
            }
            written["kind"] = if name == "short-cycle" { "one-cycle" } else { name }.into();
            let schedule: Schedule = serde_json::from_value(written).unwrap();
            let optimizer: Optimizer = serde_json::from_value(serde_json::json!({
                "kind": "sgd", "lr": case["lr"].as_f64().unwrap_or(0.05),
            }))
            .unwrap();
            let steps = case["steps"].as_u64().unwrap();
            for step in 0..steps {
                let when = When { step, steps, epoch: step };
                let (rate, momentum) = (
                    learning_rate(&schedule, &optimizer, when),
                    momentum(&schedule, &optimizer, when),
                );
                let expected =
                    |name: &str| case[name][usize::try_from(step).unwrap()].as_f64().unwrap();
                let is_close = |found: f64, expected: f64| (found - expected).abs() < 1e-9;
                assert!(is_close(rate, expected("rates")), "{name}, step {step}: {rate}");
                assert!(is_close(momentum, expected("momenta")), "{name}, step {step}: {momentum}");
            }
        }
    }
}
