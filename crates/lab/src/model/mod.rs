//! The nets, one file per family; [`layer`] has their layers.

mod convnet;
mod efficientnet;
mod layer;
mod mlp;
#[cfg(test)]
mod reference;
mod resnet;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::ensure;
use labpress::recipe::image_classification::Model;
use rand_chacha::ChaCha8Rng;
use tch::{Device, Tensor, no_grad};

use self::convnet::Convnet;
pub(crate) use self::layer::channels_last;
use self::layer::{Layer, Start, forward};

/// A net: a sequence of layers, in groups from the stem to the head. The last group, the head,
/// classifies images by the features that the other groups, the body, compute.
#[derive(Debug)]
pub(crate) struct Net {
    groups: Groups,
    /// How many groups from the stem on are frozen.
    frozen: usize,
    input_scaling: Option<(f64, f64)>,
}

type Groups = Vec<Vec<Layer>>;

/// The shape of the images that a net is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InputShape {
    pub(crate) channels: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

/// The weights of the head after weights were loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    /// The loaded weights.
    Loaded,
    /// Random ones: the loaded ones were for a different number of classes.
    Fresh,
}

impl Net {
    /// Makes a net whose weights are drawn from the generator, as its family requires.
    ///
    /// # Errors
    ///
    /// If the images are too small for the net's pooling layers.
    pub(crate) fn new(
        model: &Model,
        shape: InputShape,
        classes: usize,
        generator: &mut ChaCha8Rng,
        device: Device,
    ) -> anyhow::Result<Net> {
        let classes = classes as i64;
        let start = &mut Start { generator, device };
        let groups = match model {
            Model::Mlp { hidden } => {
                let InputShape { channels, rows, columns } = shape;
                mlp::groups((channels * rows * columns) as i64, hidden, classes, start)
            }
            &Model::Convnet { ref widths, batch_norm, dense } => {
                Convnet { widths, batch_norm, dense }.groups(shape, classes, start)?
            }
            &Model::Resnet9 { width, .. } => resnet::nine(shape, i64::from(width), classes, start)?,
            &Model::Resnet18 { stem, .. } => {
                resnet::eighteen(shape.channels as i64, stem, classes, start)
            }
            Model::EfficientnetLite0 { .. } => {
                efficientnet::LITE0.groups(shape.channels as i64, classes, start)
            }
            Model::EfficientnetLite1 { .. } => {
                efficientnet::LITE1.groups(shape.channels as i64, classes, start)
            }
            Model::EfficientnetLite2 { .. } => {
                efficientnet::LITE2.groups(shape.channels as i64, classes, start)
            }
        };
        let input_scaling = match model {
            Model::Mlp { .. }
            | Model::Convnet { .. }
            | Model::Resnet9 { .. }
            | Model::Resnet18 { .. } => None,
            Model::EfficientnetLite0 { .. }
            | Model::EfficientnetLite1 { .. }
            | Model::EfficientnetLite2 { .. } => Some(efficientnet::INPUT_SCALING),
        };
        Ok(Net { groups, frozen: 0, input_scaling })
    }

    /// Returns a score for each image of a batch (`[image, channel, row, column]`) and class.
    /// `training` makes BatchNorm use and track the mean and variance of the batch, except in
    /// frozen groups.
    pub(crate) fn forward(&self, images: &Tensor, training: bool) -> Tensor {
        self.through(0..self.groups.len(), images, training)
    }

    /// Returns the features that the head sees, the output of all groups except the last, `[image,
    /// feature]`. `training` as in [`forward`](Net::forward).
    pub(crate) fn features(&self, images: &Tensor, training: bool) -> Tensor {
        self.through(0..self.groups.len() - 1, images, training)
    }

    /// Returns a score for each image and class by the image's features.
    pub(crate) fn head(&self, features: &Tensor, training: bool) -> Tensor {
        self.through(self.groups.len() - 1..self.groups.len(), features, training)
    }

    fn through(&self, groups: std::ops::Range<usize>, input: &Tensor, training: bool) -> Tensor {
        let frozen = self.frozen.clamp(groups.start, groups.end);
        let go = |groups: &[Vec<Layer>], input: Tensor, training: bool| {
            groups.iter().fold(input, |input, group| forward(group, input, training))
        };
        let input = input.shallow_clone();
        let input = no_grad(|| go(&self.groups[groups.start..frozen], input, false));
        go(&self.groups[frozen..groups.end], input, training)
    }

    /// Freezes the first `count` groups and unfreezes the others. Frozen parameters require no
    /// gradient, and BatchNorm in frozen groups uses its running mean and variance without updating
    /// them. So a frozen body maps an image to the same features at every step, regardless of the
    /// rest of its batch, and they can be computed once. (fast.ai trains BatchNorm in frozen
    /// groups; then they cannot.)
    pub(crate) fn freeze(&mut self, groups: usize) {
        self.frozen = groups.min(self.groups.len());
        for (index, group) in self.groups.iter().enumerate() {
            for (_, parameter) in group.iter().flat_map(Layer::parameters) {
                let _ = parameter.set_requires_grad(index >= self.frozen);
            }
        }
    }

    /// Lays out the kernels of convolutions in memory as [`channels_last`] does for images, for
    /// inputs with that layout. Must be called before an optimizer is created, which copies the
    /// layout of the parameters.
    pub(crate) fn use_channels_last(&mut self) {
        no_grad(|| self.groups.iter().flatten().for_each(Layer::use_channels_last));
    }

    /// The parameters of each group, from the stem to the head.
    pub(crate) fn groups(&self) -> Vec<Vec<Tensor>> {
        let parameters = |group: &Vec<Layer>| {
            group.iter().flat_map(Layer::parameters).map(|(_, tensor)| tensor).collect()
        };
        self.groups.iter().map(parameters).collect()
    }

    /// The trainable parameters, frozen or not, in a fixed order.
    pub(crate) fn parameters(&self) -> Vec<Tensor> {
        self.groups().into_iter().flatten().collect()
    }

    /// Everything that makes up the trained net, by name, in a fixed order.
    pub(crate) fn tensors(&self) -> Vec<(String, Tensor)> {
        self.groups.iter().flatten().flat_map(Layer::tensors).collect()
    }

    /// Copies trained weights into the net and converts them to float32. If they are for a different
    /// number of classes, the head keeps its random weights and this returns [`Head::Fresh`].
    ///
    /// # Errors
    ///
    /// If the other names or shapes are not exactly those of the net. No tensor was changed then.
    pub(crate) fn load(&self, weights: &[(String, Tensor)]) -> anyhow::Result<Head> {
        // How many batches BatchNorm has seen; nothing depends on it.
        let weights: BTreeMap<&str, &Tensor> = weights
            .iter()
            .map(|(name, tensor)| (name.as_str(), tensor))
            .filter(|(name, _)| !name.ends_with("num_batches_tracked"))
            .collect();
        let tensors = self.tensors();
        let is_missing = |(name, _): &&(String, Tensor)| !weights.contains_key(name.as_str());
        let missing: Vec<&str> =
            tensors.iter().filter(is_missing).map(|(name, _)| name.as_str()).collect();
        let names: BTreeSet<&str> = tensors.iter().map(|(name, _)| name.as_str()).collect();
        let unexpected: Vec<&str> =
            weights.keys().copied().filter(|name| !names.contains(name)).collect();
        ensure!(
            missing.is_empty() && unexpected.is_empty(),
            "the weights are of another net: {} of the {} tensors are missing{}, {} are not of \
             this net{}",
            missing.len(),
            tensors.len(),
            examples(&missing),
            unexpected.len(),
            examples(&unexpected),
        );
        let head: BTreeSet<String> = self
            .groups
            .last()
            .into_iter()
            .flatten()
            .flat_map(Layer::tensors)
            .map(|(name, _)| name)
            .collect();
        let differs =
            |(name, tensor): &&(String, Tensor)| weights[name.as_str()].size() != tensor.size();
        let mut fresh = false;
        for (name, tensor) in tensors.iter().filter(differs) {
            let (found, wanted) = (weights[name.as_str()].size(), tensor.size());
            let is_other_classes = head.contains(name) && found.get(1..) == wanted.get(1..);
            ensure!(
                is_other_classes,
                "the weights are of another net: `{name}` is {found:?}, this net's is {wanted:?}"
            );
            fresh = true;
        }
        no_grad(|| {
            for (name, tensor) in tensors.iter().filter(|(name, _)| !(fresh && head.contains(name)))
            {
                tensor.shallow_clone().copy_(weights[name.as_str()]);
            }
        });
        Ok(if fresh { Head::Fresh } else { Head::Loaded })
    }

    /// The mean and standard deviation with which the net expects pixels from 0 to 255 to be
    /// scaled; `None` means those of the data.
    pub(crate) fn input_scaling(&self) -> Option<(f64, f64)> {
        self.input_scaling
    }
}

/// The first few of some names, to be printed after their number.
fn examples(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [name] => format!(" (`{name}`)"),
        [name, other] => format!(" (`{name}`, `{other}`)"),
        [name, other, ..] => format!(" (`{name}`, `{other}`…)"),
    }
}

#[cfg(test)]
mod tests {
    use labpress::recipe::image_classification::Stem;
    use tch::Kind;

    use super::super::random::{Purpose, generator};
    use super::*;

    fn square(side: usize) -> InputShape {
        InputShape { channels: 1, rows: side, columns: side }
    }

    fn net(model: &Model, side: usize) -> anyhow::Result<Net> {
        Net::new(model, square(side), 10, &mut generator(0, Purpose::Weights), Device::Cpu)
    }

    fn check_parameters(model: &Model, side: usize, expected: usize) {
        check_size(model, square(side), 10, expected);
    }

    #[track_caller]
    fn check_size(model: &Model, shape: InputShape, classes: usize, expected: usize) {
        let net = Net::new(model, shape, classes, &mut generator(0, Purpose::Weights), Device::Cpu)
            .unwrap();
        assert_eq!(net.parameters().iter().map(Tensor::numel).sum::<usize>(), expected);
        let InputShape { channels, rows, columns } = shape;
        let images = [2, channels as i64, rows as i64, columns as i64];
        let scores =
            no_grad(|| net.forward(&Tensor::zeros(images, (Kind::Float, Device::Cpu)), true));
        assert_eq!(scores.size(), [2, classes as i64]);
    }

    fn colour(side: usize) -> InputShape {
        InputShape { channels: 3, rows: side, columns: side }
    }

    #[test]
    fn nets_have_the_expected_number_of_parameters() {
        check_parameters(&Model::Mlp { hidden: vec![] }, 8, 64 * 10 + 10);
        check_parameters(
            &Model::Mlp { hidden: vec![5, 4] },
            8,
            64 * 5 + 5 + 5 * 4 + 4 + 4 * 10 + 10,
        );
        let plain = Model::Convnet { widths: vec![2, 3], batch_norm: false, dense: None };
        check_parameters(&plain, 9, 9 * 2 + 2 + 9 * 2 * 3 + 3 + 3 * 10 + 10);
        let dense = Model::Convnet { widths: vec![2], batch_norm: true, dense: Some(6) };
        check_parameters(&dense, 9, 9 * 2 + 4 + 2 * 16 * 6 + 6 + 6 * 10 + 10);
    }

    #[test]
    fn published_nets_have_their_published_size() {
        check_size(&Model::EfficientnetLite0 { pretrained: None }, colour(64), 1000, 4_652_008);
        check_size(&Model::EfficientnetLite1 { pretrained: None }, colour(33), 1000, 5_416_680);
        check_size(&Model::EfficientnetLite2 { pretrained: None }, colour(32), 1000, 6_092_072);
        check_size(
            &Model::Resnet18 { stem: Stem::Imagenet, pretrained: None },
            colour(64),
            1000,
            11_689_512,
        );
        // Less by the 7×7 stem and a thousand classes, more by a 3×3 stem and ten.
        let small = 11_689_512 - 3 * 64 * (49 - 9) - 513 * 990;
        check_size(&Model::Resnet18 { stem: Stem::Small, pretrained: None }, colour(32), 10, small);
    }

    #[test]
    fn resnet9_has_the_expected_number_of_parameters() {
        let convolutions =
            9 * (3 * 64 + 64 * 128 + 2 * 128 * 128 + 128 * 256 + 256 * 512 + 2 * 512 * 512);
        let batch_norms = 2 * (64 + 3 * 128 + 256 + 3 * 512);
        let model = Model::Resnet9 { width: 64, pretrained: None };
        check_size(&model, colour(32), 10, convolutions + batch_norms + 512 * 10);
        assert_eq!(convolutions + batch_norms + 512 * 10, 6_573_120);
    }

    #[test]
    fn batch_norm_has_buffers_in_addition_to_parameters() {
        let net =
            net(&Model::Convnet { widths: vec![2], batch_norm: true, dense: None }, 8).unwrap();
        let names: Vec<String> = net.tensors().into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "0.weight",
                "1.weight",
                "1.bias",
                "1.running_mean",
                "1.running_var",
                "6.weight",
                "6.bias"
            ]
        );
        assert_eq!(net.parameters().len(), 5);
    }

    #[test]
    fn too_many_blocks_for_the_image_are_refused() {
        let model = Model::Convnet { widths: vec![2; 4], batch_norm: false, dense: None };
        let error = net(&model, 8).unwrap_err().to_string();
        assert!(error.starts_with("images of 8×8 pixels are too small for 4 blocks"), "{error}");
        assert!(
            net(&Model::Convnet { widths: vec![2; 200], batch_norm: false, dense: None }, 8)
                .is_err()
        );
    }

    fn convnet(seed: u64, classes: usize) -> Net {
        let model = Model::Convnet { widths: vec![2, 3], batch_norm: true, dense: None };
        Net::new(&model, square(8), classes, &mut generator(seed, Purpose::Weights), Device::Cpu)
            .unwrap()
    }

    fn scores(net: &Net) -> Tensor {
        net.forward(&Tensor::arange(64, (Kind::Float, Device::Cpu)).view([1, 1, 8, 8]), false)
    }

    #[test]
    fn loaded_weights_make_the_same_net() {
        let (one, other) = (convnet(1, 10), convnet(2, 10));
        let mut weights = one.tensors();
        weights.push(("1.num_batches_tracked".to_owned(), Tensor::from(3)));
        assert_ne!(scores(&one), scores(&other));
        assert_eq!(other.load(&weights).unwrap(), Head::Loaded);
        assert_eq!(scores(&one), scores(&other));
    }

    #[test]
    fn a_head_for_other_classes_stays_random() {
        let (one, other) = (convnet(1, 10), convnet(2, 4));
        let head = other.tensors().pop().unwrap().1.copy();
        assert_eq!(other.load(&one.tensors()).unwrap(), Head::Fresh);
        let images = Tensor::ones([1, 1, 8, 8], (Kind::Float, Device::Cpu));
        assert_eq!(one.features(&images, false), other.features(&images, false));
        assert_eq!(other.tensors().pop().unwrap().1, head);
    }

    #[track_caller]
    fn check_refused(change: impl FnOnce(&mut Vec<(String, Tensor)>), expected: &str) {
        let (one, other) = (convnet(1, 10), convnet(2, 10));
        let (mut weights, before) = (one.tensors(), scores(&other));
        change(&mut weights);
        assert_eq!(other.load(&weights).unwrap_err().to_string(), expected);
        assert_eq!(scores(&other), before, "nothing was loaded");
    }

    #[test]
    fn weights_of_another_net_are_refused_by_name() {
        check_refused(
            |weights| weights[0].0 = "stem".to_owned(),
            "the weights are of another net: 1 of the 12 tensors are missing (`0.weight`), 1 are \
             not of this net (`stem`)",
        );
        check_refused(
            |weights| weights.truncate(3),
            "the weights are of another net: 9 of the 12 tensors are missing (`1.running_mean`, \
             `1.running_var`…), 0 are \
             not of this net",
        );
        check_refused(
            |weights| weights[1].1 = Tensor::zeros([3], (Kind::Float, Device::Cpu)),
            "the weights are of another net: `1.weight` is [3], this net's is [2]",
        );
    }

    #[test]
    fn frozen_groups_learn_nothing() {
        let mut net = convnet(1, 10);
        net.freeze(1);
        let running =
            net.tensors().into_iter().find(|(name, _)| name == "1.running_mean").unwrap().1;
        let before = running.copy();
        let images = Tensor::arange(128, (Kind::Float, Device::Cpu)).view([2, 1, 8, 8]);
        net.forward(&images, true).sum(Kind::Float).backward();
        assert_eq!(running, before);
        let has_gradient: Vec<bool> =
            net.parameters().iter().map(|parameter| parameter.grad().defined()).collect();
        assert_eq!(has_gradient, [false, false, false, true, true, true, true, true]);
        net.freeze(0);
        net.forward(&images, true).sum(Kind::Float).backward();
        assert_ne!(running, before);
        assert!(net.parameters().iter().all(|parameter| parameter.grad().defined()));
    }

    #[test]
    fn groups_go_from_the_stem_to_the_head() {
        let sizes = |model: &Model, shape| {
            let net = Net::new(model, shape, 10, &mut generator(0, Purpose::Weights), Device::Cpu)
                .unwrap();
            net.groups().iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(sizes(&Model::Mlp { hidden: vec![3] }, square(8)), [2, 2]);
        assert_eq!(
            sizes(&Model::Resnet9 { width: 2, pretrained: None }, colour(8)),
            [3, 9, 3, 9, 1]
        );
        let blocks = [3, 6, 6, 9, 6, 9, 6, 9, 6, 2];
        assert_eq!(
            sizes(&Model::Resnet18 { stem: Stem::Small, pretrained: None }, colour(8)),
            blocks
        );
        let blocks = [3, 6, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 12, 2];
        assert_eq!(sizes(&Model::EfficientnetLite0 { pretrained: None }, colour(8)), blocks);
    }

    #[test]
    fn the_seed_decides_the_weights() {
        let model = Model::Mlp { hidden: vec![4] };
        let first = |seed| {
            let net = Net::new(
                &model,
                square(8),
                10,
                &mut generator(seed, Purpose::Weights),
                Device::Cpu,
            )
            .unwrap();
            net.parameters()[0].detach()
        };
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
    }
}
