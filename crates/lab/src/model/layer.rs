//! The layers that nets are made of, and the initial values of their weights.

use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind, Tensor};

use super::super::random;

/// PyTorch's epsilon of BatchNorm.
pub(super) const EPSILON: f64 = 1e-5;

/// One step from images to scores. Layers with weights carry the name that their tensors have in
/// published checkpoints.
#[derive(Debug)]
pub(super) enum Layer {
    Flatten,
    Linear {
        name: String,
        weight: Tensor,
        bias: Option<Tensor>,
    },
    Convolution {
        name: String,
        weight: Tensor,
        bias: Option<Tensor>,
        stride: i64,
        padding: Padding,
        /// How many groups the channels are divided into: 1, or one per channel.
        groups: i64,
    },
    BatchNorm {
        name: String,
        weight: Tensor,
        bias: Tensor,
        running_mean: Tensor,
        running_var: Tensor,
        epsilon: f64,
    },
    Relu,
    /// ReLU, at most 6.
    Relu6,
    /// The maximum of each square of `size` pixels.
    MaxPool {
        size: i64,
        stride: i64,
        padding: i64,
    },
    /// The maximum of the whole map.
    MaxOfMap,
    /// The mean of the whole map.
    MeanOfMap,
    /// Multiplies by a constant.
    Scale(f64),
    /// The sum of what `body` and `shortcut` make of the input.
    Residual {
        body: Vec<Layer>,
        /// Empty for the input itself.
        shortcut: Vec<Layer>,
    },
}

/// The border of zeros around a map that is convolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Padding {
    /// This many on each side.
    Even(i64),
    /// TensorFlow's `SAME`: as many as the output needs to have 1/stride of the rows and columns,
    /// rounded up. If their number is odd, the right and the bottom get one more.
    Same,
}

/// Part of BatchNorm's running mean and variance that a batch replaces: PyTorch's default.
const BATCH_NORM_MOMENTUM: f64 = 0.1;

/// The same tensor (`[image, channel, row, column]`), laid out in memory with the channels beside
/// each other.
pub(crate) fn channels_last(tensor: &Tensor) -> Tensor {
    let size = tensor.size();
    let (channels, rows, columns) = (size[1], size[2], size[3]);
    let strides = [rows * columns * channels, 1, columns * channels, channels];
    // The strides are explicit because libtorch's kernels recognize the layout by them, and those of a
    // single channel are arbitrary.
    tensor.permute([0, 2, 3, 1]).contiguous().as_strided(&size, strides, None)
}

/// Applies layers in sequence. `training` makes BatchNorm use and track the mean and variance of
/// the batch.
pub(super) fn forward(layers: &[Layer], input: Tensor, training: bool) -> Tensor {
    layers.iter().fold(input, |input, layer| layer.forward(input, training))
}

impl Layer {
    /// Activations and sums change their input in place if its former values are not needed for
    /// gradients, as after a convolution or BatchNorm. So no list of layers may start with an
    /// activation.
    fn forward(&self, mut input: Tensor, training: bool) -> Tensor {
        match self {
            Layer::Flatten => input.flatten(1, -1),
            Layer::Linear { weight, bias, .. } => input.linear(weight, bias.as_ref()),
            Layer::Convolution { weight, bias, stride, padding, groups, .. } => {
                let (input, border) = padding.around(input, weight.size()[2], *stride);
                input.conv2d(weight, bias.as_ref(), [*stride, *stride], border, [1, 1], *groups)
            }
            Layer::BatchNorm { weight, bias, running_mean, running_var, epsilon, .. } => input
                .batch_norm(
                    Some(weight),
                    Some(bias),
                    Some(running_mean),
                    Some(running_var),
                    training,
                    BATCH_NORM_MOMENTUM,
                    *epsilon,
                    true,
                ),
            Layer::Relu => input.relu_(),
            Layer::Relu6 => input.relu6_(),
            Layer::MaxPool { size, stride, padding } => input.max_pool2d(
                [*size, *size],
                [*stride, *stride],
                [*padding, *padding],
                [1, 1],
                false,
            ),
            Layer::MaxOfMap => input.amax([2, 3], true),
            Layer::MeanOfMap => input.adaptive_avg_pool2d([1, 1]),
            Layer::Scale(factor) => input * *factor,
            Layer::Residual { body, shortcut } => {
                let mut sum = forward(body, input.shallow_clone(), training);
                let kept = forward(shortcut, input, training);
                match body.last() {
                    // The gradient of an activation depends on its output, which therefore has to
                    // stay.
                    Some(Layer::Relu | Layer::Relu6) => sum + kept,
                    _ => sum.g_add_(&kept),
                }
            }
        }
    }

    /// Lays the kernels of convolutions out in memory with their input channels beside each other.
    pub(super) fn use_channels_last(&self) {
        match self {
            Layer::Convolution { weight, .. } => {
                weight.shallow_clone().set_data(&channels_last(weight));
            }
            Layer::Residual { body, shortcut } => {
                body.iter().chain(shortcut).for_each(Layer::use_channels_last);
            }
            _ => {}
        }
    }

    /// The trainable parameters by name, in a fixed order.
    pub(super) fn parameters(&self) -> Vec<(String, Tensor)> {
        let named = |name: &str, weight: &Tensor, bias: Option<&Tensor>| {
            let weight = (format!("{name}.weight"), weight.shallow_clone());
            let bias = bias.map(|bias| (format!("{name}.bias"), bias.shallow_clone()));
            std::iter::once(weight).chain(bias).collect()
        };
        match self {
            Layer::Linear { name, weight, bias }
            | Layer::Convolution { name, weight, bias, .. } => named(name, weight, bias.as_ref()),
            Layer::BatchNorm { name, weight, bias, .. } => named(name, weight, Some(bias)),
            Layer::Residual { body, shortcut } => {
                body.iter().chain(shortcut).flat_map(Layer::parameters).collect()
            }
            Layer::Flatten
            | Layer::Relu
            | Layer::Relu6
            | Layer::MaxPool { .. }
            | Layer::MaxOfMap
            | Layer::MeanOfMap
            | Layer::Scale(_) => Vec::new(),
        }
    }

    /// Everything that makes up the trained layer, by name, in a fixed order: its parameters and
    /// the statistics of BatchNorm.
    pub(super) fn tensors(&self) -> Vec<(String, Tensor)> {
        match self {
            Layer::Residual { body, shortcut } => {
                body.iter().chain(shortcut).flat_map(Layer::tensors).collect()
            }
            Layer::BatchNorm { name, running_mean, running_var, .. } => {
                let mut tensors = self.parameters();
                tensors.push((format!("{name}.running_mean"), running_mean.shallow_clone()));
                tensors.push((format!("{name}.running_var"), running_var.shallow_clone()));
                tensors
            }
            _ => self.parameters(),
        }
    }
}

impl Padding {
    /// Returns the input of a convolution and the border that the convolution itself adds on each
    /// side.
    fn around(self, input: Tensor, size: i64, stride: i64) -> (Tensor, [i64; 2]) {
        let Padding::Same = self else {
            let Padding::Even(border) = self else {
                unreachable!("there are two kinds of padding")
            };
            return (input, [border, border]);
        };
        let lengths = input.size();
        let total = |length: i64| ((length - 1) / stride * stride + size - length).max(0);
        let (rows, columns) = (total(lengths[2]), total(lengths[3]));
        if rows % 2 == 0 && columns % 2 == 0 {
            return (input, [rows / 2, columns / 2]);
        }
        let sides = [columns / 2, columns - columns / 2, rows / 2, rows - rows / 2];
        (input.constant_pad_nd(sides), [0, 0])
    }
}

/// Makes layers with random weights from the run's seed.
///
/// Weights are drawn uniformly within ±√(spread / count): their variance is `spread` / 3 / `count`.
/// Publications that ask for a normal distribution get the uniform one of the same variance,
/// because it takes no function whose last bit differs between systems. Biases start at 0,
/// BatchNorm as the identity.
pub(super) struct Start<'a> {
    pub(super) generator: &'a mut ChaCha8Rng,
    pub(super) device: Device,
}

/// How widely initial weights are spread.
#[derive(Debug, Clone, Copy)]
pub(super) enum Spread {
    /// ±√(6 / inputs): a ReLU keeps the size of what goes forward (He et al. 2015, arXiv
    /// 1502.01852).
    HeInputs,
    /// ±√(6 / outputs): a ReLU keeps the size of the gradients that come back (ibid.).
    HeOutputs,
    /// ±√(1 / inputs), PyTorch's own choice for both kinds of layer.
    Inputs,
}

/// The shape of a convolution.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kernel {
    pub(super) inputs: i64,
    pub(super) outputs: i64,
    /// Rows and columns.
    pub(super) size: i64,
    pub(super) stride: i64,
    pub(super) padding: Padding,
    /// How many groups the channels are divided into.
    pub(super) groups: i64,
    pub(super) bias: bool,
    pub(super) spread: Spread,
}

impl Kernel {
    /// A kernel that keeps a map's rows and columns, without bias: BatchNorm has one of its own.
    pub(super) fn new(inputs: i64, outputs: i64, size: i64) -> Kernel {
        let padding = Padding::Even(size / 2);
        Kernel {
            inputs,
            outputs,
            size,
            stride: 1,
            padding,
            groups: 1,
            bias: false,
            spread: Spread::HeInputs,
        }
    }
}

impl Start<'_> {
    /// A fully connected layer with bias.
    pub(super) fn linear(
        &mut self,
        name: impl Into<String>,
        inputs: i64,
        outputs: i64,
        spread: Spread,
    ) -> Layer {
        let bias = Some(self.constant(outputs, 0.0).set_requires_grad(true));
        Layer::Linear {
            name: name.into(),
            weight: self.weight(&[outputs, inputs], spread, 1),
            bias,
        }
    }

    /// A fully connected layer without bias.
    pub(super) fn linear_without_bias(
        &mut self,
        name: impl Into<String>,
        inputs: i64,
        outputs: i64,
    ) -> Layer {
        let weight = self.weight(&[outputs, inputs], Spread::Inputs, 1);
        Layer::Linear { name: name.into(), weight, bias: None }
    }

    /// A convolution.
    pub(super) fn convolution(&mut self, name: impl Into<String>, kernel: Kernel) -> Layer {
        let Kernel { inputs, outputs, size, stride, padding, groups, bias, spread } = kernel;
        let weight = self.weight(&[outputs, inputs / groups, size, size], spread, groups);
        let bias = bias.then(|| self.constant(outputs, 0.0).set_requires_grad(true));
        Layer::Convolution { name: name.into(), weight, bias, stride, padding, groups }
    }

    /// BatchNorm (Ioffe and Szegedy 2015, arXiv 1502.03167).
    pub(super) fn batch_norm(&self, name: impl Into<String>, channels: i64, epsilon: f64) -> Layer {
        Layer::BatchNorm {
            name: name.into(),
            weight: self.constant(channels, 1.0).set_requires_grad(true),
            bias: self.constant(channels, 0.0).set_requires_grad(true),
            running_mean: self.constant(channels, 0.0),
            running_var: self.constant(channels, 1.0),
            epsilon,
        }
    }

    fn constant(&self, count: i64, value: f64) -> Tensor {
        Tensor::full([count], value, (Kind::Float, self.device))
    }

    /// Draws a weight `[output, input, …]` for a layer whose channels are divided into `groups`.
    fn weight(&mut self, shape: &[i64], spread: Spread, groups: i64) -> Tensor {
        let inputs: i64 = shape[1..].iter().product();
        let outputs = shape[0] / groups * shape[2..].iter().product::<i64>();
        let bound = match spread {
            Spread::HeInputs => 6.0 / inputs as f64,
            Spread::HeOutputs => 6.0 / outputs as f64,
            Spread::Inputs => 1.0 / inputs as f64,
        };
        let bound = bound.sqrt() as f32;
        let count = (shape[0] * inputs) as usize;
        let weights: Vec<f32> =
            (0..count).map(|_| random::symmetric(self.generator) * bound).collect();
        Tensor::from_slice(&weights).view(shape).to_device(self.device).set_requires_grad(true)
    }
}
