//! Optimizers: PyTorch's `SGD`, `Adam` and `AdamW` over groups of parameters, gradient clipping, and
//! an average of the weights. Everything kept between steps is in named tensors, so that a run
//! resumed from a checkpoint reproduces the same bits; tch's own optimizers cannot save theirs.

use labpress::recipe::image_classification::Optimizer as Rule;
use tch::{Kind, Tensor, no_grad};

use super::aten;

/// PyTorch's default; keeps Adam from dividing by zero.
const ADAM_EPSILON: f64 = 1e-8;

/// Parameters that are treated the same.
#[derive(Debug)]
pub(crate) struct Group {
    /// The parameters.
    pub(crate) parameters: Vec<Tensor>,
    /// The group's learning rate is the schedule's times this.
    pub(crate) rate_factor: f64,
    /// Whether the rule's weight decay applies.
    pub(crate) decays: bool,
}

/// Groups a net's layers, given from the first to the last. The last layer learns at the full rate,
/// and each other layer at the rate of the next one divided by `rate_decay` (discriminative rates:
/// Howard and Ruder 2018, arXiv 1801.06146; 1 means one rate for all). As usual, biases and
/// normalization weights are the tensors with one dimension.
pub(crate) fn groups(rule: &Rule, layers: Vec<Vec<Tensor>>, rate_decay: f64) -> Vec<Group> {
    let last = layers.len().saturating_sub(1);
    let mut groups = Vec::new();
    for (index, layer) in layers.into_iter().enumerate() {
        let rate_factor = rate_decay.powi(index as i32 - last as i32);
        let (decayed, plain): (Vec<Tensor>, Vec<Tensor>) = layer
            .into_iter()
            .partition(|parameter| decays_norm_and_bias(rule) || parameter.dim() > 1);
        for (parameters, decays) in [(decayed, true), (plain, false)] {
            if !parameters.is_empty() {
                groups.push(Group { parameters, rate_factor, decays });
            }
        }
    }
    groups
}

/// Whether weight decay also applies to biases and normalization weights.
fn decays_norm_and_bias(rule: &Rule) -> bool {
    match *rule {
        Rule::Sgd { decay_norm_and_bias, .. }
        | Rule::Adam { decay_norm_and_bias, .. }
        | Rule::Adamw { decay_norm_and_bias, .. } => decay_norm_and_bias,
    }
}

/// An update rule and its state.
#[derive(Debug)]
pub(crate) struct Optimizer {
    rule: Rule,
    groups: Vec<(Group, Memory)>,
}

/// The state of a rule for a group.
#[derive(Debug)]
struct Memory {
    /// For each parameter, SGD's direction or Adam's mean of gradients.
    first: Vec<Tensor>,
    /// For each parameter, Adam's mean of squared gradients; empty for SGD.
    second: Vec<Tensor>,
    /// One number: Adam's steps. A group that was frozen at first has made fewer than the others.
    steps: Option<Tensor>,
}

impl Memory {
    fn of(rule: &Rule, parameters: &[Tensor]) -> Memory {
        let zeros = || {
            parameters
                .iter()
                .map(|parameter| parameter.zeros_like().set_requires_grad(false))
                .collect()
        };
        match rule {
            Rule::Sgd { .. } => Memory { first: zeros(), second: Vec::new(), steps: None },
            Rule::Adam { .. } | Rule::Adamw { .. } => {
                let device = parameters[0].device();
                Memory {
                    first: zeros(),
                    second: zeros(),
                    steps: Some(Tensor::zeros([1], (Kind::Float, device))),
                }
            }
        }
    }
}

impl Optimizer {
    /// Starts with empty state.
    pub(crate) fn new(rule: &Rule, groups: Vec<Group>) -> Optimizer {
        let groups = groups.into_iter().filter(|group| !group.parameters.is_empty());
        let groups = groups.map(|group| {
            let memory = Memory::of(rule, &group.parameters);
            (group, memory)
        });
        Optimizer { rule: rule.clone(), groups: groups.collect() }
    }

    /// Scales all gradients by one factor so that their common norm is at most `most` (Pascanu,
    /// Mikolov and Bengio 2012, arXiv 1211.5063), like PyTorch's `clip_grad_norm_`. Must be called
    /// before a step.
    pub(crate) fn clip_norm(&self, most: f64) {
        let parameters: Vec<Tensor> = self.learning().map(Tensor::shallow_clone).collect();
        no_grad(|| aten::clip_norm(&parameters, most));
    }

    /// Moves the parameters along their gradients and clears the gradients. `momentum` is SGD's, or
    /// Adam's `beta1`, at this step. Parameters that require no gradient are left alone.
    pub(crate) fn step(&mut self, rate: f64, momentum: f64) {
        no_grad(|| {
            for (group, memory) in self.groups.iter().filter(|(group, _)| group.is_learning()) {
                let Group { parameters, rate_factor, decays } = group;
                let rate = rate * rate_factor;
                match self.rule {
                    Rule::Sgd { nesterov, weight_decay, .. } => {
                        let weight_decay = if *decays { weight_decay } else { 0.0 };
                        aten::sgd(
                            parameters,
                            &memory.first,
                            rate,
                            momentum,
                            nesterov,
                            weight_decay,
                        );
                    }
                    Rule::Adam { beta2, weight_decay, .. }
                    | Rule::Adamw { beta2, weight_decay, .. } => {
                        let numbers = aten::Adam {
                            beta1: momentum,
                            beta2,
                            epsilon: ADAM_EPSILON,
                            weight_decay: if *decays { weight_decay } else { 0.0 },
                            is_decoupled: matches!(self.rule, Rule::Adamw { .. }),
                        };
                        let steps = memory.steps.as_ref().expect("made for Adam");
                        aten::adam(parameters, &memory.first, &memory.second, steps, rate, numbers);
                    }
                }
                aten::forget_gradients(parameters);
            }
        });
    }

    /// The state of the rule by name, in a fixed order.
    pub(crate) fn tensors(&self) -> Vec<(String, Tensor)> {
        let mut tensors = Vec::new();
        let mut index = 0;
        for (number, (group, memory)) in self.groups.iter().enumerate() {
            let mut named = |name: &str, memories: &[Tensor]| {
                for (offset, memory) in memories.iter().enumerate() {
                    tensors.push((format!("{name}.{}", index + offset), memory.shallow_clone()));
                }
            };
            named("first", &memory.first);
            named("second", &memory.second);
            if let Some(steps) = &memory.steps {
                tensors.push((format!("steps.{number}"), steps.shallow_clone()));
            }
            index += group.parameters.len();
        }
        tensors
    }

    fn learning(&self) -> impl Iterator<Item = &Tensor> {
        let groups = self.groups.iter().map(|(group, _)| group);
        groups.filter(|group| group.is_learning()).flat_map(|group| &group.parameters)
    }
}

impl Group {
    fn is_learning(&self) -> bool {
        self.parameters.iter().any(Tensor::requires_grad)
    }
}

/// An exponential moving average of a net's tensors, including BatchNorm's statistics (Polyak and
/// Juditsky 1992; in the form of TensorFlow's `ExponentialMovingAverage`).
#[derive(Debug)]
pub(crate) struct Ema {
    decay: f64,
    names: Vec<String>,
    net: Vec<Tensor>,
    averages: Vec<Tensor>,
}

impl Ema {
    /// Starts at the net's current tensors.
    pub(crate) fn new(decay: f64, net: Vec<(String, Tensor)>) -> Ema {
        let (names, net): (Vec<String>, Vec<Tensor>) = net.into_iter().unzip();
        let averages = no_grad(|| net.iter().map(|tensor| tensor.detach().copy()).collect());
        Ema { decay, names, net, averages }
    }

    /// Updates the average after a step, counted from 0. Early updates are larger, so that the
    /// initial weights are forgotten soon: after `n` steps, at most n / (n + 9) of the average is
    /// kept.
    pub(crate) fn follow(&mut self, step: u64) {
        let steps = step as f64 + 1.0;
        let decay = self.decay.min(steps / (steps + 9.0));
        no_grad(|| aten::lerp(&self.averages, &self.net, 1.0 - decay));
    }

    /// Exchanges the net's tensors and the averages. Must be called before the net is evaluated,
    /// and again after.
    pub(crate) fn swap(&mut self) {
        no_grad(|| {
            for (tensor, average) in self.net.iter_mut().zip(&mut self.averages) {
                let kept = tensor.detach().copy();
                tensor.copy_(average);
                average.copy_(&kept);
            }
        });
    }

    /// The averages, by the names of the net's tensors, in their order.
    pub(crate) fn tensors(&self) -> Vec<(String, Tensor)> {
        self.names.iter().cloned().zip(self.averages.iter().map(Tensor::shallow_clone)).collect()
    }
}

#[cfg(test)]
mod tests {
    use labpress::recipe::image_classification::{Rate, Schedule};
    use tch::Device;
    use tch::nn::{self, OptimizerConfig};

    use super::super::schedule::{When, learning_rate, momentum};
    use super::*;

    fn sgd(momentum: f64, nesterov: bool, weight_decay: f64) -> Rule {
        Rule::Sgd { lr: 0.02, momentum, nesterov, weight_decay, decay_norm_and_bias: true }
    }

    fn adam(weight_decay: f64) -> Rule {
        Rule::Adam { lr: 0.02, beta1: 0.9, beta2: 0.99, weight_decay, decay_norm_and_bias: true }
    }

    fn adamw(weight_decay: f64) -> Rule {
        Rule::Adamw { lr: 0.02, beta1: 0.9, beta2: 0.99, weight_decay, decay_norm_and_bias: true }
    }

    fn parameter(values: &[f32]) -> Tensor {
        Tensor::from_slice(values).set_requires_grad(true)
    }

    fn one_group(parameters: Vec<Tensor>) -> Vec<Group> {
        vec![Group { parameters, rate_factor: 1.0, decays: true }]
    }

    /// A curved valley.
    fn loss(x: &Tensor) -> Tensor {
        ((x.get(0) - 1.0).square() + (x.get(1) * 3.0 + x.get(0)).square() * 0.5).sum(Kind::Float)
    }

    /// Compares our rule with libtorch's at minimizing a curved valley.
    #[track_caller]
    fn check_as_libtorch(rule: &Rule, libtorch: impl OptimizerConfig) {
        let ours = parameter(&[0.5, -0.7]);
        let mut optimizer = Optimizer::new(rule, one_group(vec![ours.shallow_clone()]));
        let store = nn::VarStore::new(Device::Cpu);
        let theirs = store.root().var_copy("x", &ours);
        let mut reference = libtorch.build(&store, 0.02).unwrap();
        for _ in 0..10 {
            loss(&ours).backward();
            optimizer.step(0.02, rule.momentum());
            reference.backward_step(&loss(&theirs));
        }
        let difference = f64::try_from((&ours - &theirs).abs().max()).unwrap();
        assert!(difference < 1e-6, "{ours} and {theirs}");
        assert_ne!(ours, Tensor::from_slice(&[0.5_f32, -0.7]));
    }

    #[test]
    fn sgd_is_that_of_libtorch() {
        check_as_libtorch(&sgd(0.0, false, 0.0), nn::sgd(0.0, 0.0, 0.0, false));
        check_as_libtorch(&sgd(0.9, false, 0.0), nn::sgd(0.9, 0.0, 0.0, false));
        check_as_libtorch(&sgd(0.9, true, 0.1), nn::sgd(0.9, 0.0, 0.1, true));
    }

    #[test]
    fn adam_is_that_of_libtorch() {
        check_as_libtorch(&adam(0.0), nn::adam(0.9, 0.99, 0.0));
        check_as_libtorch(&adam(0.1), nn::adam(0.9, 0.99, 0.1));
        check_as_libtorch(&adamw(0.1), nn::adamw(0.9, 0.99, 0.1));
    }

    #[test]
    fn a_group_has_a_rate_and_a_decay_of_its_own() {
        let layer = || {
            vec![
                parameter(&[1.0, 1.0]).view([2, 1]).detach().set_requires_grad(true),
                parameter(&[1.0]),
            ]
        };
        let layers = vec![layer(), layer(), layer()];
        let flat: Vec<Tensor> = layers.iter().flatten().map(Tensor::shallow_clone).collect();
        let rule = Rule::Sgd {
            lr: 0.1,
            momentum: 0.0,
            nesterov: false,
            weight_decay: 0.5,
            decay_norm_and_bias: false,
        };
        let groups = groups(&rule, layers, 2.0);
        let factors: Vec<f64> = groups.iter().map(|group| group.rate_factor).collect();
        assert_eq!(factors, [0.25, 0.25, 0.5, 0.5, 1.0, 1.0]);
        let mut optimizer = Optimizer::new(&rule, groups);
        // Without a gradient of its own, a parameter moves only by its decay.
        flat.iter()
            .fold(Tensor::zeros([], (Kind::Float, Device::Cpu)), |sum, x| {
                sum + x.sum(Kind::Float) * 0.0
            })
            .backward();
        optimizer.step(0.1, rule.momentum());
        let after: Vec<f64> = flat.iter().map(|x| f64::try_from(x.max()).unwrap()).collect();
        let expected = [1.0 - 0.0125, 1.0, 1.0 - 0.025, 1.0, 1.0 - 0.05, 1.0];
        assert!(
            after.iter().zip(expected).all(|(after, expected)| (after - expected).abs() < 1e-6),
            "{after:?}"
        );
    }

    #[test]
    fn a_frozen_group_starts_later_as_if_at_the_first_step() {
        let (early, late) = (parameter(&[0.5, -0.7]), parameter(&[0.5, -0.7]));
        let group = |x: &Tensor| Group {
            parameters: vec![x.shallow_clone()],
            rate_factor: 1.0,
            decays: true,
        };
        let rule = adam(0.0);
        let mut optimizer = Optimizer::new(&rule, vec![group(&early), group(&late)]);
        let late = late.set_requires_grad(false);
        loss(&early).backward();
        optimizer.step(0.02, rule.momentum());
        assert_eq!(late, Tensor::from_slice(&[0.5_f32, -0.7]));
        let after_one_step = early.detach().copy();
        let late = late.set_requires_grad(true);
        (loss(&early) + loss(&late)).backward();
        optimizer.step(0.02, rule.momentum());
        assert_eq!(late.detach(), after_one_step);
        assert_ne!(early.detach(), after_one_step);
    }

    #[test]
    fn clipping_keeps_the_direction_and_bounds_the_norm() {
        let (x, y) = (parameter(&[3.0]), parameter(&[4.0]));
        let optimizer = Optimizer::new(
            &sgd(0.0, false, 0.0),
            one_group(vec![x.shallow_clone(), y.shallow_clone()]),
        );
        let gradients = |most| {
            (x.square() * 0.5 + y.square() * 0.5).sum(Kind::Float).backward();
            optimizer.clip_norm(most);
            let found = [&x, &y].map(|x| f64::try_from(x.grad()).unwrap());
            aten::forget_gradients(&[x.shallow_clone(), y.shallow_clone()]);
            found
        };
        for (most, expected) in [(10.0, [3.0, 4.0]), (1.0, [0.6, 0.8])] {
            let found = gradients(most);
            assert!(
                found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-6),
                "{found:?}"
            );
        }
    }

    #[test]
    fn state_is_restored_bit_for_bit() {
        for rule in [sgd(0.9, true, 0.1), adam(0.1), adamw(0.1)] {
            let x = parameter(&[0.5, -0.7]);
            let mut optimizer = Optimizer::new(&rule, one_group(vec![x.shallow_clone()]));
            let step = |x: &Tensor, optimizer: &mut Optimizer| {
                loss(x).backward();
                optimizer.step(0.02, rule.momentum());
            };
            step(&x, &mut optimizer);
            let other = x.detach().copy().set_requires_grad(true);
            let mut restored = Optimizer::new(&rule, one_group(vec![other.shallow_clone()]));
            for ((name, mut into), (same_name, from)) in
                restored.tensors().into_iter().zip(optimizer.tensors())
            {
                assert_eq!(name, same_name);
                into.copy_(&from);
            }
            step(&x, &mut optimizer);
            step(&other, &mut restored);
            assert_eq!(x.detach(), other.detach());
        }
    }

    #[test]
    fn an_average_follows_the_net_and_is_exchanged_with_it() {
        let mut weight = Tensor::from_slice(&[0.0_f32]);
        let mut ema = Ema::new(0.5, vec![("weight".to_owned(), weight.shallow_clone())]);
        let _ = weight.fill_(1.0);
        // After one step, only a tenth of the start is left; after ten steps, the decay is 0.5.
        ema.follow(0);
        assert_eq!(ema.tensors()[0].1, Tensor::from_slice(&[0.9_f32]));
        let _ = weight.fill_(1.9);
        ema.follow(10);
        let average = f64::try_from(&ema.tensors()[0].1).unwrap();
        assert!((average - 1.4).abs() < 1e-6, "{average}");
        ema.swap();
        assert!((f64::try_from(&weight).unwrap() - 1.4).abs() < 1e-6);
        ema.swap();
        assert_eq!(weight, Tensor::from_slice(&[1.9_f32]));
    }

    /// `count` numbers from -1 to below 1 that look random: those of
    /// `tests/reference/reference.py`.
    fn noise(count: u32, number: u32) -> Vec<f32> {
        let numbers = (0..count).map(|index| {
            let mut value = index.wrapping_mul(2_654_435_761).wrapping_add(number * 974_711);
            value ^= value >> 16;
            value = value.wrapping_mul(2_246_822_519);
            value ^= value >> 13;
            (f64::from(value) / f64::from(1_u32 << 31) - 1.0) as f32
        });
        numbers.collect()
    }

    fn numbers(value: &serde_json::Value) -> Vec<f64> {
        serde_json::from_value(value.clone()).unwrap()
    }

    #[track_caller]
    fn check_numbers(what: &serde_json::Value, found: &Tensor, expected: &serde_json::Value) {
        let found =
            Vec::<f64>::try_from(found.detach().flatten(0, -1).to_kind(Kind::Double)).unwrap();
        let expected = numbers(expected);
        assert_eq!(found.len(), expected.len());
        let is_close =
            found.iter().zip(&expected).all(|(found, expected)| (found - expected).abs() < 2e-6);
        assert!(is_close, "{what}: {found:?}, PyTorch has {expected:?}");
    }

    /// Ten steps of a weight and a bias along given gradients: by PyTorch's own optimizers,
    /// `clip_grad_norm_` and `OneCycleLR`, written by `tests/reference/reference.py`.
    #[test]
    fn ten_steps_of_every_rule_are_those_of_pytorch() {
        let cases: Vec<serde_json::Value> =
            serde_json::from_str(include_str!("../tests/reference/optimizers.json")).unwrap();
        for case in &cases {
            let rule: Rule = serde_json::from_value(case["optimizer"].clone()).unwrap();
            let one_cycle = Schedule::OneCycle {
                max_lr: Rate::Of(0.2),
                warm_up: 0.3,
                div: 25.0,
                final_div: 1e4,
                momentum_low: Some(0.7),
                momentum_high: Some(0.9),
            };
            let schedule =
                if case["one-cycle"] == true { one_cycle } else { Schedule::Constant {} };
            let gradient = |parameter: &Tensor, number| {
                Tensor::from_slice(&noise(parameter.numel() as u32, number))
            };
            let weight = parameter(&noise(6, 1)).view([2, 3]).detach().set_requires_grad(true);
            let bias = parameter(&noise(3, 2));
            let layer = vec![weight.shallow_clone(), bias.shallow_clone()];
            let mut optimizer = Optimizer::new(&rule, groups(&rule, vec![layer], 1.0));
            for step in 0..10 {
                // The gradient of a product with constants is those constants.
                let weight_loss =
                    (&weight.flatten(0, -1) * gradient(&weight, 10 + step)).sum(Kind::Float);
                (weight_loss + (&bias * gradient(&bias, 30 + step)).sum(Kind::Float)).backward();
                if let Some(most) = case["clip-norm"].as_f64() {
                    optimizer.clip_norm(most);
                }
                let when = When { step: step.into(), steps: 10, epoch: 0 };
                // PyTorch does not cycle momentum if there is none.
                let momentum =
                    if rule.momentum() > 0.0 { momentum(&schedule, &rule, when) } else { 0.0 };
                optimizer.step(learning_rate(&schedule, &rule, when), momentum);
            }
            check_numbers(case, &weight, &case["weight"]);
            check_numbers(case, &bias, &case["bias"]);
        }
        assert_eq!(cases.len(), 48);
    }

    /// The averages are those of PyTorch's `AveragedModel`, written by
    /// `tests/reference/reference.py`.
    #[test]
    fn averages_of_weights_and_statistics_are_those_of_pytorch() {
        let reference: serde_json::Value =
            serde_json::from_str(include_str!("../tests/reference/averages.json")).unwrap();
        let names = ["weight", "bias", "running_mean", "running_var"];
        // The initial values of BatchNorm.
        let starts = [[1.0_f32; 2], [0.0; 2], [0.0; 2], [1.0; 2]];
        let mut tensors: Vec<(String, Tensor)> = names
            .iter()
            .zip(starts)
            .map(|(name, start)| ((*name).to_owned(), Tensor::from_slice(&start)))
            .collect();
        let shared =
            tensors.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect();
        let mut ema = Ema::new(reference["decay"].as_f64().unwrap(), shared);
        for step in 0..reference["steps"].as_u64().unwrap() {
            for (index, (_, tensor)) in (0..).zip(&mut tensors) {
                tensor.copy_(&Tensor::from_slice(&noise(2, 4 * step as u32 + index)));
            }
            ema.follow(step);
        }
        for (name, average) in ema.tensors() {
            check_numbers(&name.as_str().into(), &average, &reference[&name]);
        }
    }
}
