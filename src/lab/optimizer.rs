//! How weights follow gradients: the update rules of PyTorch's `SGD` and `Adam`, on tensors, because tch's optimizers
//! cannot save their state.

use labpress::recipe::image_classification::Optimizer as Rule;
use tch::{Tensor, no_grad};

/// PyTorch's default; keeps Adam from dividing by zero.
const ADAM_EPSILON: f64 = 1e-8;

/// An update rule with what it remembers of earlier gradients.
#[derive(Debug)]
pub(crate) struct Optimizer {
    rule: Rule,
    parameters: Vec<Tensor>,
    /// Of each parameter, SGD's momentum, or Adam's mean of gradients.
    first: Vec<Tensor>,
    /// Of each parameter, Adam's mean of squared gradients; empty for SGD.
    second: Vec<Tensor>,
}

impl Optimizer {
    /// Starts with no memory.
    pub(crate) fn new(rule: &Rule, parameters: Vec<Tensor>) -> Optimizer {
        let zeros = || parameters.iter().map(|parameter| parameter.zeros_like().set_requires_grad(false)).collect();
        let second = match rule {
            Rule::Sgd { .. } => Vec::new(),
            Rule::Adam { .. } | Rule::Adamw { .. } => zeros(),
        };
        Optimizer { rule: rule.clone(), first: zeros(), second, parameters }
    }

    /// Moves the parameters by their gradients and forgets these. `step` counts from 0; `momentum` is
    /// SGD's, or Adam's `beta1`, at this step.
    pub(crate) fn step(&mut self, step: u64, rate: f64, momentum: f64) {
        no_grad(|| match self.rule {
            Rule::Sgd { nesterov, weight_decay, .. } => {
                for (parameter, direction) in self.parameters.iter_mut().zip(&mut self.first) {
                    let gradient = decayed_gradient(parameter, weight_decay);
                    // `direction` starts at zero, so the first direction is the gradient, as in PyTorch.
                    let _ = direction.g_mul_scalar_(momentum);
                    let _ = direction.g_add_(&gradient);
                    let change = if nesterov { gradient + &*direction * momentum } else { direction.shallow_clone() };
                    let _ = parameter.g_sub_(&(change * rate));
                    parameter.zero_grad();
                }
            }
            Rule::Adam { beta2, weight_decay, .. } | Rule::Adamw { beta2, weight_decay, .. } => {
                let is_beside = matches!(self.rule, Rule::Adamw { .. });
                let (steps, beta1) = (step as f64 + 1.0, momentum);
                let (correction1, correction2) = (1.0 - beta1.powf(steps), 1.0 - beta2.powf(steps));
                let moments = self.first.iter_mut().zip(&mut self.second);
                for (parameter, (mean, square)) in self.parameters.iter_mut().zip(moments) {
                    let gradient = decayed_gradient(parameter, if is_beside { 0.0 } else { weight_decay });
                    if is_beside {
                        let _ = parameter.g_mul_scalar_(1.0 - rate * weight_decay);
                    }
                    let _ = mean.lerp_(&gradient, 1.0 - beta1);
                    let _ = square.g_mul_scalar_(beta2);
                    let _ = square.g_add_(&(gradient.square() * (1.0 - beta2)));
                    let spread = square.sqrt() / correction2.sqrt() + ADAM_EPSILON;
                    let _ = parameter.g_sub_(&(&*mean / spread * (rate / correction1)));
                    parameter.zero_grad();
                }
            }
        });
    }

    /// Everything that the rule remembers, by name, in a fixed order.
    pub(crate) fn tensors(&self) -> Vec<(String, Tensor)> {
        let named = |name: &'static str, tensors: &[Tensor]| {
            let tensors = tensors.iter().enumerate();
            tensors.map(|(index, tensor)| (format!("{name}.{index}"), tensor.shallow_clone())).collect::<Vec<_>>()
        };
        let mut tensors = named("first", &self.first);
        tensors.extend(named("second", &self.second));
        tensors
    }
}

fn decayed_gradient(parameter: &Tensor, weight_decay: f64) -> Tensor {
    if weight_decay > 0.0 { parameter.grad() + parameter * weight_decay } else { parameter.grad() }
}

#[cfg(test)]
mod tests {
    use tch::nn::{self, OptimizerConfig};
    use tch::{Device, Kind};

    use super::*;

    /// Minimizes a curved valley with our rule and with that of libtorch, and compares.
    #[track_caller]
    fn check_as_libtorch(rule: &Rule, libtorch: impl OptimizerConfig) {
        let loss =
            |x: &Tensor| ((x.get(0) - 1.0).square() + (x.get(1) * 3.0 + x.get(0)).square() * 0.5).sum(Kind::Float);
        let ours = Tensor::from_slice(&[0.5_f32, -0.7]).set_requires_grad(true);
        let mut optimizer = Optimizer::new(rule, vec![ours.shallow_clone()]);
        let store = nn::VarStore::new(Device::Cpu);
        let theirs = store.root().var_copy("x", &ours);
        let mut reference = libtorch.build(&store, 0.02).unwrap();
        for step in 0..10 {
            loss(&ours).backward();
            optimizer.step(step, 0.02, rule.momentum());
            reference.backward_step(&loss(&theirs));
        }
        let difference = f64::try_from((&ours - &theirs).abs().max()).unwrap();
        assert!(difference < 1e-6, "{ours} and {theirs}");
        assert_ne!(ours, Tensor::from_slice(&[0.5_f32, -0.7]));
    }

    #[test]
    fn sgd_is_that_of_libtorch() {
        let sgd = |momentum, nesterov, weight_decay| Rule::Sgd {
            lr: 0.02,
            momentum,
            nesterov,
            weight_decay,
            decay_norm_and_bias: true,
        };
        check_as_libtorch(&sgd(0.0, false, 0.0), nn::sgd(0.0, 0.0, 0.0, false));
        check_as_libtorch(&sgd(0.9, false, 0.0), nn::sgd(0.9, 0.0, 0.0, false));
        check_as_libtorch(&sgd(0.9, true, 0.1), nn::sgd(0.9, 0.0, 0.1, true));
    }

    #[test]
    fn adam_is_that_of_libtorch() {
        let adam =
            |weight_decay| Rule::Adam { lr: 0.02, beta1: 0.9, beta2: 0.99, weight_decay, decay_norm_and_bias: true };
        check_as_libtorch(&adam(0.0), nn::adam(0.9, 0.99, 0.0));
        check_as_libtorch(&adam(0.1), nn::adam(0.9, 0.99, 0.1));
    }
}
