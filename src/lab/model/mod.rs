//! The nets: one file a family; [`layer`] holds what they are made of.

mod convnet;
mod efficientnet;
mod layer;
mod mlp;
mod resnet;

use labpress::recipe::image_classification::Model;
use rand_chacha::ChaCha8Rng;
use tch::{Device, Tensor, no_grad};

use self::convnet::Convnet;
use self::layer::{Layer, Start, forward};

/// A net: layers one after another, in groups from the stem to the head. The last group, the head, is what tells the
/// classes apart by the features that the others, the body, find.
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

impl Net {
    /// Makes a net whose weights are drawn from the generator; each family says how.
    ///
    /// # Errors
    ///
    /// When the images are too small for the net's poolings.
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
            &Model::Resnet18 { stem, .. } => resnet::eighteen(shape.channels as i64, stem, classes, start),
            Model::EfficientnetLite0 { .. } => efficientnet::LITE0.groups(shape.channels as i64, classes, start),
            Model::EfficientnetLite1 { .. } => efficientnet::LITE1.groups(shape.channels as i64, classes, start),
            Model::EfficientnetLite2 { .. } => efficientnet::LITE2.groups(shape.channels as i64, classes, start),
        };
        let input_scaling = match model {
            Model::Mlp { .. } | Model::Convnet { .. } | Model::Resnet9 { .. } | Model::Resnet18 { .. } => None,
            Model::EfficientnetLite0 { .. } | Model::EfficientnetLite1 { .. } | Model::EfficientnetLite2 { .. } => {
                Some(efficientnet::INPUT_SCALING)
            }
        };
        Ok(Net { groups, frozen: 0, input_scaling })
    }

    /// Returns a score for each image of a batch (`[image, channel, row, column]`) and class. `training` makes
    /// BatchNorm use, and follow, the batch's own mean and variance; not in frozen groups.
    pub(crate) fn forward(&self, images: &Tensor, training: bool) -> Tensor {
        self.through(0..self.groups.len(), images, training)
    }

    /// Returns what the head decides by: all layers but the last group, `[image, feature]`. `training` as in
    /// [`forward`](Net::forward).
    #[allow(dead_code, reason = "the training loop is about to use it")]
    pub(crate) fn features(&self, images: &Tensor, training: bool) -> Tensor {
        self.through(0..self.groups.len() - 1, images, training)
    }

    /// Returns a score for each image and class by the image's features.
    #[allow(dead_code, reason = "the training loop is about to use it")]
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

    /// Freezes the first so many groups and thaws the others. Frozen parameters ask for no gradient, and BatchNorm in
    /// frozen groups uses its running mean and variance and leaves them as they are: so a frozen body maps an image to
    /// the same features at every step, whatever else is in its batch, and they can be computed once. (fast.ai trains
    /// BatchNorm in frozen groups; then they cannot.)
    #[allow(dead_code, reason = "the training loop is about to use it")]
    pub(crate) fn freeze(&mut self, groups: usize) {
        self.frozen = groups.min(self.groups.len());
        for (index, group) in self.groups.iter().enumerate() {
            for (_, parameter) in group.iter().flat_map(Layer::parameters) {
                let _ = parameter.set_requires_grad(index >= self.frozen);
            }
        }
    }

    /// The parameters of each group, from the stem to the head.
    pub(crate) fn groups(&self) -> Vec<Vec<Tensor>> {
        let parameters =
            |group: &Vec<Layer>| group.iter().flat_map(Layer::parameters).map(|(_, tensor)| tensor).collect();
        self.groups.iter().map(parameters).collect()
    }

    /// What training changes by gradients, in a fixed order; frozen or not.
    pub(crate) fn parameters(&self) -> Vec<Tensor> {
        self.groups().into_iter().flatten().collect()
    }

    /// Everything that makes up the trained net, by name, in a fixed order.
    pub(crate) fn tensors(&self) -> Vec<(String, Tensor)> {
        self.groups.iter().flatten().flat_map(Layer::tensors).collect()
    }

    /// Mean and standard deviation by which the net wants pixels of 0 to 255 to be scaled; `None` is those of the data.
    #[allow(dead_code, reason = "the training loop is about to use it")]
    pub(crate) fn input_scaling(&self) -> Option<(f64, f64)> {
        self.input_scaling
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
        let net = Net::new(model, shape, classes, &mut generator(0, Purpose::Weights), Device::Cpu).unwrap();
        assert_eq!(net.parameters().iter().map(Tensor::numel).sum::<usize>(), expected);
        let InputShape { channels, rows, columns } = shape;
        let images = [2, channels as i64, rows as i64, columns as i64];
        let scores = no_grad(|| net.forward(&Tensor::zeros(images, (Kind::Float, Device::Cpu)), true));
        assert_eq!(scores.size(), [2, classes as i64]);
    }

    fn colour(side: usize) -> InputShape {
        InputShape { channels: 3, rows: side, columns: side }
    }

    #[test]
    fn nets_have_the_size_that_one_reckons() {
        check_parameters(&Model::Mlp { hidden: vec![] }, 8, 64 * 10 + 10);
        check_parameters(&Model::Mlp { hidden: vec![5, 4] }, 8, 64 * 5 + 5 + 5 * 4 + 4 + 4 * 10 + 10);
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
        check_size(&Model::Resnet18 { stem: Stem::Imagenet, pretrained: None }, colour(64), 1000, 11_689_512);
        // Less by the 7×7 stem and a thousand classes, more by a 3×3 stem and ten.
        let small = 11_689_512 - 3 * 64 * (49 - 9) - 513 * 990;
        check_size(&Model::Resnet18 { stem: Stem::Small, pretrained: None }, colour(32), 10, small);
    }

    #[test]
    fn resnet9_has_the_size_that_one_reckons() {
        let convolutions = 9 * (3 * 64 + 64 * 128 + 2 * 128 * 128 + 128 * 256 + 256 * 512 + 2 * 512 * 512);
        let batch_norms = 2 * (64 + 3 * 128 + 256 + 3 * 512);
        let model = Model::Resnet9 { width: 64, pretrained: None };
        check_size(&model, colour(32), 10, convolutions + batch_norms + 512 * 10);
        assert_eq!(convolutions + batch_norms + 512 * 10, 6_573_120);
    }

    #[test]
    fn batch_norm_has_buffers_beside_its_parameters() {
        let net = net(&Model::Convnet { widths: vec![2], batch_norm: true, dense: None }, 8).unwrap();
        let names: Vec<String> = net.tensors().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["0.weight", "1.weight", "1.bias", "1.running_mean", "1.running_var", "6.weight", "6.bias"]);
        assert_eq!(net.parameters().len(), 5);
    }

    #[test]
    fn too_many_blocks_for_the_image_are_refused() {
        let model = Model::Convnet { widths: vec![2; 4], batch_norm: false, dense: None };
        let error = net(&model, 8).unwrap_err().to_string();
        assert!(error.starts_with("images of 8×8 pixels are too small for 4 blocks"), "{error}");
        assert!(net(&Model::Convnet { widths: vec![2; 200], batch_norm: false, dense: None }, 8).is_err());
    }

    #[test]
    fn the_seed_decides_the_weights() {
        let model = Model::Mlp { hidden: vec![4] };
        let first = |seed| {
            let net = Net::new(&model, square(8), 10, &mut generator(seed, Purpose::Weights), Device::Cpu).unwrap();
            net.parameters()[0].detach()
        };
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
    }
}
