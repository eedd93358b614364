//! The nets.

use anyhow::ensure;
use labpress::recipe::image_classification::Model;
use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind, Tensor};

use super::random;

/// PyTorch's defaults for BatchNorm.
const BATCH_NORM_EPSILON: f64 = 1e-5;
const BATCH_NORM_MOMENTUM: f64 = 0.1;

/// Layers one after another. Its tensors are named as those of PyTorch's `nn.Sequential` with the same layers.
#[derive(Debug)]
pub(crate) struct Net {
    layers: Vec<Layer>,
}

#[derive(Debug)]
enum Layer {
    Flatten,
    Linear {
        weight: Tensor,
        bias: Tensor,
    },
    /// 3×3, with a border of zeros.
    Convolution {
        weight: Tensor,
        bias: Option<Tensor>,
    },
    BatchNorm {
        weight: Tensor,
        bias: Tensor,
        running_mean: Tensor,
        running_var: Tensor,
    },
    Relu,
    /// 2×2.
    MaxPool,
    /// Of the whole map.
    AveragePool,
}

impl Net {
    /// Makes a net for images of one channel, `rows` × `columns`. Weights are drawn from the generator, uniformly:
    /// in front of a ReLU within ±√(6 / inputs) (He et al. 2015, arXiv 1502.01852), of the last layer within
    /// ±√(1 / inputs). Biases start at 0.
    ///
    /// # Errors
    ///
    /// When the images are too small for the net's poolings.
    pub(crate) fn new(
        model: &Model,
        [rows, columns]: [usize; 2],
        classes: usize,
        generator: &mut ChaCha8Rng,
        device: Device,
    ) -> anyhow::Result<Net> {
        let classes = classes as i64;
        let mut layers = Vec::new();
        match model {
            Model::Mlp { hidden } => {
                layers.push(Layer::Flatten);
                let inputs = hidden_layers(&mut layers, (rows * columns) as i64, hidden, generator, device);
                layers.push(linear(inputs, classes, 1.0, generator, device));
            }
            Model::Convnet { widths, batch_norm, dense } => {
                let halvings = u32::try_from(widths.len()).unwrap_or(u32::MAX);
                let halved = |length: usize| length.checked_shr(halvings).unwrap_or(0) as i64;
                let (rows_left, columns_left) = (halved(rows), halved(columns));
                ensure!(
                    rows_left > 0 && columns_left > 0,
                    "images of {rows}×{columns} pixels are too small for {halvings} blocks that halve them each; give \
                     `widths` fewer entries"
                );
                let mut channels = 1;
                for &width in widths {
                    let width = i64::from(width);
                    let weight = uniform(&[width, channels, 3, 3], 6.0, generator, device);
                    // BatchNorm has a bias of its own.
                    let bias =
                        (!batch_norm).then(|| Tensor::zeros([width], (Kind::Float, device)).set_requires_grad(true));
                    layers.push(Layer::Convolution { weight, bias });
                    if *batch_norm {
                        layers.push(batch_norm_layer(width, device));
                    }
                    layers.extend([Layer::Relu, Layer::MaxPool]);
                    channels = width;
                }
                let inputs = match dense {
                    None => {
                        layers.extend([Layer::AveragePool, Layer::Flatten]);
                        channels
                    }
                    Some(width) => {
                        layers.push(Layer::Flatten);
                        let inputs = channels * rows_left * columns_left;
                        hidden_layers(&mut layers, inputs, &[*width], generator, device)
                    }
                };
                layers.push(linear(inputs, classes, 1.0, generator, device));
            }
        }
        Ok(Net { layers })
    }

    /// Returns a score for each image of a batch (`[image, channel, row, column]`) and class. `training` makes
    /// BatchNorm use, and follow, the batch's own mean and variance.
    pub(crate) fn forward(&self, images: &Tensor, training: bool) -> Tensor {
        self.layers.iter().fold(images.shallow_clone(), |input, layer| layer.forward(&input, training))
    }

    /// What training changes by gradients, in a fixed order.
    pub(crate) fn parameters(&self) -> Vec<Tensor> {
        self.tensors().into_iter().map(|(_, tensor)| tensor).filter(Tensor::requires_grad).collect()
    }

    /// Everything that makes up the trained net, by name, in a fixed order.
    pub(crate) fn tensors(&self) -> Vec<(String, Tensor)> {
        let named = |(index, layer): (usize, &Layer)| {
            let tensors = layer.tensors().into_iter();
            tensors.map(move |(name, tensor)| (format!("{index}.{name}"), tensor)).collect::<Vec<_>>()
        };
        self.layers.iter().enumerate().flat_map(named).collect()
    }
}

impl Layer {
    fn forward(&self, input: &Tensor, training: bool) -> Tensor {
        match self {
            Layer::Flatten => input.flatten(1, -1),
            Layer::Linear { weight, bias } => input.linear(weight, Some(bias)),
            Layer::Convolution { weight, bias } => input.conv2d(weight, bias.as_ref(), [1, 1], [1, 1], [1, 1], 1),
            Layer::BatchNorm { weight, bias, running_mean, running_var } => input.batch_norm(
                Some(weight),
                Some(bias),
                Some(running_mean),
                Some(running_var),
                training,
                BATCH_NORM_MOMENTUM,
                BATCH_NORM_EPSILON,
                true,
            ),
            Layer::Relu => input.relu(),
            Layer::MaxPool => input.max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false),
            Layer::AveragePool => input.adaptive_avg_pool2d([1, 1]),
        }
    }

    fn tensors(&self) -> Vec<(&'static str, Tensor)> {
        match self {
            Layer::Linear { weight, bias } => {
                vec![("weight", weight.shallow_clone()), ("bias", bias.shallow_clone())]
            }
            Layer::Convolution { weight, bias } => {
                let bias = bias.iter().map(|bias| ("bias", bias.shallow_clone()));
                std::iter::once(("weight", weight.shallow_clone())).chain(bias).collect()
            }
            Layer::BatchNorm { weight, bias, running_mean, running_var } => vec![
                ("weight", weight.shallow_clone()),
                ("bias", bias.shallow_clone()),
                ("running_mean", running_mean.shallow_clone()),
                ("running_var", running_var.shallow_clone()),
            ],
            Layer::Flatten | Layer::Relu | Layer::MaxPool | Layer::AveragePool => Vec::new(),
        }
    }
}

/// Adds fully connected layers with ReLU; returns how many numbers come out.
fn hidden_layers(
    layers: &mut Vec<Layer>,
    mut inputs: i64,
    widths: &[u32],
    generator: &mut ChaCha8Rng,
    device: Device,
) -> i64 {
    for &width in widths {
        layers.extend([linear(inputs, i64::from(width), 6.0, generator, device), Layer::Relu]);
        inputs = i64::from(width);
    }
    inputs
}

fn linear(inputs: i64, outputs: i64, spread: f64, generator: &mut ChaCha8Rng, device: Device) -> Layer {
    Layer::Linear {
        weight: uniform(&[outputs, inputs], spread, generator, device),
        bias: Tensor::zeros([outputs], (Kind::Float, device)).set_requires_grad(true),
    }
}

fn batch_norm_layer(channels: i64, device: Device) -> Layer {
    let options = (Kind::Float, device);
    Layer::BatchNorm {
        weight: Tensor::ones([channels], options).set_requires_grad(true),
        bias: Tensor::zeros([channels], options).set_requires_grad(true),
        running_mean: Tensor::zeros([channels], options),
        running_var: Tensor::ones([channels], options),
    }
}

/// Draws a weight within ±√(spread / inputs), where each of `shape[0]` outputs has the other dimensions as inputs.
fn uniform(shape: &[i64], spread: f64, generator: &mut ChaCha8Rng, device: Device) -> Tensor {
    let inputs: i64 = shape[1..].iter().product();
    let bound = (spread / inputs as f64).sqrt() as f32;
    let count = (shape[0] * inputs) as usize;
    let weights: Vec<f32> = (0..count).map(|_| random::symmetric(generator) * bound).collect();
    Tensor::from_slice(&weights).view(shape).to_device(device).set_requires_grad(true)
}

#[cfg(test)]
mod tests {
    use super::super::random::{Purpose, generator};
    use super::*;

    fn net(model: &Model, side: usize) -> anyhow::Result<Net> {
        Net::new(model, [side, side], 10, &mut generator(0, Purpose::Weights), Device::Cpu)
    }

    #[track_caller]
    fn check_parameters(model: &Model, side: usize, expected: usize) {
        let net = net(model, side).unwrap();
        assert_eq!(net.parameters().iter().map(Tensor::numel).sum::<usize>(), expected);
        let images = Tensor::zeros([3, 1, side as i64, side as i64], (Kind::Float, Device::Cpu));
        assert_eq!(net.forward(&images, true).size(), [3, 10]);
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
            let net = Net::new(&model, [8, 8], 10, &mut generator(seed, Purpose::Weights), Device::Cpu).unwrap();
            net.parameters()[0].detach()
        };
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
    }
}
