//! EfficientNet-Lite: EfficientNet (Tan and Le 2019, arXiv 1905.11946) without
//! squeeze-and-excitation and with ReLU6, as published with TensorFlow's `tpu` models in 2020.
//!
//! Shapes, names and constants are those of the published nets, so that their weights fit:
//! TensorFlow's `SAME` borders, and BatchNorm with their epsilon. Two regularizers of their
//! training on ImageNet are left out, dropout before the classifier and dropped residual branches;
//! neither affects what a trained net computes.

use super::Groups;
use super::layer::{Kernel, Layer, Padding, Spread, Start};

/// BatchNorm's epsilon, a hundred times PyTorch's.
const EPSILON: f64 = 1e-3;

/// Mean and standard deviation by which pixels of 0 to 255 are scaled.
pub(super) const INPUT_SCALING: (f64, f64) = (127.0, 128.0);

/// Channels after the stem and before the classifier. Unlike in EfficientNet, they do not grow with
/// the width.
const STEM: i64 = 32;
const FEATURES: i64 = 1280;

/// Blocks of the same kind, the first of which may halve the map.
struct Stage {
    repeats: i64,
    /// Rows and columns of the depthwise convolution.
    size: i64,
    stride: i64,
    /// How many times more channels there are inside a block than at its input.
    expansion: i64,
    outputs: i64,
}

const STAGES: [Stage; 7] = [
    Stage { repeats: 1, size: 3, stride: 1, expansion: 1, outputs: 16 },
    Stage { repeats: 2, size: 3, stride: 2, expansion: 6, outputs: 24 },
    Stage { repeats: 2, size: 5, stride: 2, expansion: 6, outputs: 40 },
    Stage { repeats: 3, size: 3, stride: 2, expansion: 6, outputs: 80 },
    Stage { repeats: 3, size: 5, stride: 1, expansion: 6, outputs: 112 },
    Stage { repeats: 4, size: 5, stride: 2, expansion: 6, outputs: 192 },
    Stage { repeats: 1, size: 3, stride: 1, expansion: 6, outputs: 320 },
];

/// How much wider and deeper a net is than the smallest one, in tenths.
pub(super) struct Lite {
    width: i64,
    depth: i64,
}

/// For images of 224 pixels.
pub(super) const LITE0: Lite = Lite { width: 10, depth: 10 };
/// For images of 240 pixels.
pub(super) const LITE1: Lite = Lite { width: 10, depth: 11 };
/// For images of 260 pixels.
pub(super) const LITE2: Lite = Lite { width: 11, depth: 12 };

impl Lite {
    /// Groups: the stem, the blocks (the last with the 1×1 convolution and the pooling that follow
    /// it), the classifier. Convolutions start as in the published code, by He's rule for
    /// gradients.
    pub(super) fn groups(&self, channels: i64, classes: i64, start: &mut Start) -> Groups {
        let stem = Kernel { stride: 2, ..kernel(channels, STEM, 3) };
        let stem = start.convolution("_conv_stem", stem);
        let mut groups = vec![vec![stem, start.batch_norm("_bn0", STEM, EPSILON), Layer::Relu6]];
        let mut inputs = STEM;
        for (index, stage) in STAGES.iter().enumerate() {
            let outputs = self.wide(stage.outputs);
            // The first and the last stage stay as deep as they are.
            let is_inner = index > 0 && index + 1 < STAGES.len();
            let repeats =
                if is_inner { (stage.repeats * self.depth + 9) / 10 } else { stage.repeats };
            for repeat in 0..repeats {
                let stride = if repeat == 0 { stage.stride } else { 1 };
                let name = format!("_blocks.{}", groups.len() - 1);
                groups.push(block(&name, [inputs, outputs], &Stage { stride, ..*stage }, start));
                inputs = outputs;
            }
        }
        let features = start.convolution("_conv_head", kernel(inputs, FEATURES, 1));
        let features = [features, start.batch_norm("_bn1", FEATURES, EPSILON), Layer::Relu6];
        if let Some(last) = groups.last_mut() {
            last.extend(features);
            last.extend([Layer::MeanOfMap, Layer::Flatten]);
        }
        groups.push(vec![start.linear("_fc", FEATURES, classes, Spread::Inputs)]);
        groups
    }

    /// Widens by the net's factor to the nearest multiple of 8 that loses no more than a tenth.
    fn wide(&self, channels: i64) -> i64 {
        let tenths = channels * self.width;
        let rounded = (tenths / 10 + 4) / 8 * 8;
        if rounded * 100 < tenths * 9 { rounded + 8 } else { rounded }
    }
}

fn kernel(inputs: i64, outputs: i64, size: i64) -> Kernel {
    Kernel {
        padding: Padding::Same,
        spread: Spread::HeOutputs,
        ..Kernel::new(inputs, outputs, size)
    }
}

/// An inverted residual (Sandler et al. 2018, arXiv 1801.04381): a 1×1 convolution to more
/// channels, a depthwise one, and a 1×1 convolution, without activation, to few.
fn block(name: &str, [inputs, outputs]: [i64; 2], stage: &Stage, start: &mut Start) -> Vec<Layer> {
    let inner = inputs * stage.expansion;
    let mut body = Vec::new();
    if stage.expansion > 1 {
        body.push(start.convolution(format!("{name}._expand_conv"), kernel(inputs, inner, 1)));
        body.extend([start.batch_norm(format!("{name}._bn0"), inner, EPSILON), Layer::Relu6]);
    }
    let depthwise =
        Kernel { stride: stage.stride, groups: inner, ..kernel(inner, inner, stage.size) };
    body.push(start.convolution(format!("{name}._depthwise_conv"), depthwise));
    body.extend([start.batch_norm(format!("{name}._bn1"), inner, EPSILON), Layer::Relu6]);
    body.push(start.convolution(format!("{name}._project_conv"), kernel(inner, outputs, 1)));
    body.push(start.batch_norm(format!("{name}._bn2"), outputs, EPSILON));
    if stage.stride == 1 && inputs == outputs {
        body = vec![Layer::Residual { body, shortcut: Vec::new() }];
    }
    body
}
