//! One step of training: images → inputs → scores → loss → updated weights.

use labpress::recipe::image_classification::{Params, Precision, Tta, Tuning};
use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind, Reduction, Tensor, no_grad};

use super::aten;
use super::augment::{Mix, augmented, mixed, views};
use super::model::{Net, channels_last};
use super::optimizer::Optimizer;
use super::samples::{Inputs, Samples, Scale};

/// What stays the same during a run.
pub(crate) struct Learning<'a> {
    pub(crate) params: &'a Params,
    pub(crate) device: Device,
    pub(crate) scale: Scale,
    /// The weight of each class in the loss; `None` if all count the same.
    pub(crate) class_weights: Option<Tensor>,
}

/// The numbers of one training step.
pub(crate) struct Step {
    /// The mean loss of the batch, one number on the device.
    pub(crate) loss: Tensor,
    /// How many images were classified correctly, one number on the device.
    pub(crate) correct: Tensor,
}

impl Learning<'_> {
    /// Trains the net on the samples at `chosen`. `changes` draws how images are augmented.
    pub(crate) fn learn(
        &self,
        net: &Net,
        optimizer: &mut Optimizer,
        train: &Samples,
        chosen: &Tensor,
        changes: &mut ChaCha8Rng,
        (rate, momentum): (f64, f64),
    ) -> Step {
        let labels = train.labels.index_select(0, chosen);
        let (scores, mix) = match &train.inputs {
            Inputs::Images(images) => {
                let images = images.index_select(0, chosen);
                let images = self.normalized(&augmented(images, &self.params.augment, changes));
                let (images, mix) = mixed(images, self.params.mixup, self.params.cutmix, changes);
                (self.computed(|| net.forward(&images, true)), mix)
            }
            Inputs::Features(features) => {
                let features = features.index_select(0, chosen);
                (self.computed(|| net.head(&features, true)), None)
            }
        };
        let loss = self.loss(&scores, &labels, mix.as_ref());
        loss.backward();
        if let Some(most) = self.params.clip_norm {
            optimizer.clip_norm(most);
        }
        optimizer.step(rate, momentum);
        let correct = scores.detach().argmax(1, false).eq_tensor(&labels).sum(Kind::Int64);
        Step { loss: loss.detach(), correct }
    }

    /// Runs `forward` in the precision of the run and returns its result as 32-bit floats.
    fn computed(&self, forward: impl FnOnce() -> Tensor) -> Tensor {
        aten::in_bfloat16(self.params.precision == Precision::Bf16, self.device, forward)
            .to_kind(Kind::Float)
    }

    /// The mean cross-entropy. Mixed images have two labels, each weighted by its share.
    fn loss(&self, scores: &Tensor, labels: &Tensor, mix: Option<&Mix>) -> Tensor {
        let smoothing = self.params.loss.label_smoothing;
        let against = |labels: &Tensor| {
            scores.cross_entropy_loss(
                labels,
                self.class_weights.as_ref(),
                Reduction::Mean,
                -100,
                smoothing,
            )
        };
        match mix {
            None => against(labels),
            Some(Mix { partners, share }) => {
                against(labels) * *share
                    + against(&labels.index_select(0, partners)) * (1.0 - *share)
            }
        }
    }

    /// The images as a net expects them. Bytes are rearranged before they become floats, which are
    /// four times as large.
    fn normalized(&self, images: &Tensor) -> Tensor {
        if self.params.channels_last {
            self.scale.normalized(&channels_last(images))
        } else {
            self.scale.normalized(images)
        }
    }

    /// Replaces images with their features if only the head of the net is trained.
    pub(crate) fn inputs(&self, net: &Net, samples: Samples) -> Samples {
        match samples.inputs {
            Inputs::Images(images) if self.params.tuning == (Tuning::Frozen {}) => {
                let features = by_parts(&images, |part| {
                    let part = self.normalized(part);
                    self.computed(|| net.features(&part, false))
                });
                Samples { inputs: Inputs::Features(features), labels: samples.labels }
            }
            _ => samples,
        }
    }

    /// Log-probabilities of images or features by class, `[image, class]`. For images, the
    /// probabilities are the means over their views.
    pub(crate) fn judged(&self, net: &Net, samples: &Samples, tta: &Tta) -> Tensor {
        let log_probabilities = |scores: Tensor| scores.log_softmax(-1, Kind::Float);
        match &samples.inputs {
            Inputs::Images(images) => by_parts(images, |part| {
                let views = views(&self.normalized(part), tta);
                let mut seen: Vec<Tensor> = views
                    .iter()
                    .map(|view| log_probabilities(self.computed(|| net.forward(view, false))))
                    .collect();
                match seen.len() {
                    1 => seen.remove(0),
                    count => Tensor::stack(&seen, 0).logsumexp([0], false) - (count as f64).ln(),
                }
            }),
            Inputs::Features(features) => by_parts(features, |part| {
                log_probabilities(self.computed(|| net.head(part, false)))
            }),
        }
    }
}

/// Concatenates the results of `of_part` for parts of the inputs, without gradients.
fn by_parts(inputs: &Tensor, of_part: impl Fn(&Tensor) -> Tensor) -> Tensor {
    let parts = inputs.split(at_once(inputs), 0);
    no_grad(|| Tensor::cat(&parts.iter().map(of_part).collect::<Vec<_>>(), 0))
}

/// How many images are evaluated at once: about a quarter of a million pixels, so that the maps
/// between two layers fit into a processor's cache; with a thousand images of 28 rows, each took
/// twice as long. The number affects memory, speed and the last bits of a loss.
fn at_once(inputs: &Tensor) -> i64 {
    let size = inputs.size();
    match size[..] {
        [_, _, rows, columns] => (262_144 / (rows * columns)).clamp(32, 256),
        _ => 1000,
    }
}

/// How many groups of layers, of `count`, are frozen in an epoch, counted from 0.
pub(crate) fn frozen_groups(tuning: &Tuning, epoch: u64, count: usize) -> usize {
    let body = count - 1;
    match *tuning {
        Tuning::All { .. } => 0,
        Tuning::Frozen {} => body,
        Tuning::LastBlocks { blocks, .. } => body.saturating_sub(blocks as usize),
        Tuning::Gradual { head_epochs, blocks, block_epochs, .. } => {
            let most = blocks.map_or(body, |blocks| body.min(blocks as usize));
            let learning =
                match (epoch.checked_sub(u64::from(head_epochs)), u64::from(block_epochs)) {
                    (None, _) => 0,
                    (Some(_), 0) => most,
                    (Some(since), each) => most.min((since / each) as usize + 1),
                };
            body - learning
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_frozen(tuning: &Tuning, expected: &[usize]) {
        let frozen: Vec<usize> =
            (0..expected.len()).map(|epoch| frozen_groups(tuning, epoch as u64, 5)).collect();
        assert_eq!(frozen, expected);
    }

    #[test]
    fn groups_are_unfrozen_one_after_another() {
        let gradual = |blocks, block_epochs| Tuning::Gradual {
            head_epochs: 1,
            blocks,
            block_epochs,
            rate_decay: 2.6,
        };
        check_frozen(&gradual(None, 1), &[4, 3, 2, 1, 0, 0]);
        check_frozen(&gradual(Some(2), 2), &[4, 3, 3, 2, 2, 2]);
        check_frozen(&gradual(Some(2), 0), &[4, 2, 2]);
        check_frozen(&Tuning::default(), &[0, 0]);
        check_frozen(&Tuning::Frozen {}, &[4, 4]);
        check_frozen(&Tuning::LastBlocks { blocks: 9, rate_decay: 1.0 }, &[0, 0]);
    }

    /// The numbers are PyTorch's, written by `tests/reference/reference.py`.
    #[test]
    fn losses_and_gradients_are_those_of_pytorch() {
        let reference: serde_json::Value =
            serde_json::from_str(include_str!("../tests/reference/losses.json")).unwrap();
        let numbers =
            |value: &serde_json::Value| serde_json::from_value::<Vec<f32>>(value.clone()).unwrap();
        let labels =
            |name: &str| Tensor::from_slice(&numbers(&reference[name])).to_kind(Kind::Int64);
        for case in reference["cases"].as_array().unwrap() {
            let mut params = Params::default();
            params.loss.label_smoothing = case["label-smoothing"].as_f64().unwrap();
            let weights = &case["class-weights"];
            let learning = Learning {
                params: &params,
                device: Device::Cpu,
                scale: Scale::given((0.0, 1.0), Device::Cpu),
                class_weights: weights.is_array().then(|| Tensor::from_slice(&numbers(weights))),
            };
            let partners = Tensor::from_slice(&[1_i64, 2, 0, 3]);
            assert_eq!(labels("labels").index_select(0, &partners), labels("others"));
            let mix = case["share"].as_f64().map(|share| Mix { partners, share });
            let scores = Tensor::from_slice(&numbers(&reference["scores"]))
                .view([4, 3])
                .set_requires_grad(true);
            let loss = learning.loss(&scores, &labels("labels"), mix.as_ref());
            loss.backward();
            assert!(
                (f64::try_from(&loss).unwrap() - case["loss"].as_f64().unwrap()).abs() < 1e-6,
                "{case}"
            );
            let expected = Tensor::from_slice(&numbers(&case["gradient"])).view([4, 3]);
            assert!(
                f64::try_from((scores.grad() - expected).abs().max()).unwrap() < 1e-6,
                "{case}"
            );
        }
    }
}
