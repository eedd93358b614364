//! Residual nets (He et al. 2015, arXiv 1512.03385).

use anyhow::ensure;
use labpress::recipe::image_classification::Stem;

use super::layer::{EPSILON, Kernel, Layer, Spread, Start};
use super::{Groups, InputShape};

/// The net of nine layers in David Page's "How to train your ResNet" (2018). Initial weights follow
/// PyTorch's own rule, as there, but are drawn from our generator. Groups: the first layer, the
/// three that halve the map (two of them followed by a residual connection), and the classifier,
/// whose scores are scaled by 1/8.
pub(super) fn nine(
    shape: InputShape,
    width: i64,
    classes: i64,
    start: &mut Start,
) -> anyhow::Result<Groups> {
    let InputShape { channels, rows, columns } = shape;
    ensure!(
        rows >= 8 && columns >= 8,
        "images of {rows}×{columns} pixels are too small for `resnet9`, which halves them three \
         times; they need 8×8"
    );
    let stem = convolution_norm_relu("prep", [channels as i64, width], start);
    let mut groups = vec![stem];
    for (index, is_residual) in [(1, true), (2, false), (3, true)] {
        let (name, width) = (format!("layer{index}"), width << index);
        let mut group = convolution_norm_relu(&name, [width / 2, width], start);
        group.push(Layer::MaxPool { size: 2, stride: 2, padding: 0 });
        if is_residual {
            let inner = |index| format!("{name}.residual.{index}");
            let mut body = convolution_norm_relu(&inner(0), [width, width], start);
            body.extend(convolution_norm_relu(&inner(1), [width, width], start));
            group.push(Layer::Residual { body, shortcut: Vec::new() });
        }
        groups.push(group);
    }
    // Of 32 pixels, 4 are left: Page's pooling of 4×4 is that of the whole map.
    groups.last_mut().into_iter().for_each(|group| group.extend([Layer::MaxOfMap, Layer::Flatten]));
    groups.push(vec![
        start.linear_without_bias("classifier", width << 3, classes),
        Layer::Scale(0.125),
    ]);
    Ok(groups)
}

fn convolution_norm_relu(name: &str, [inputs, outputs]: [i64; 2], start: &mut Start) -> Vec<Layer> {
    let kernel = Kernel { spread: Spread::Inputs, ..Kernel::new(inputs, outputs, 3) };
    let convolution = start.convolution(format!("{name}.conv"), kernel);
    vec![convolution, start.batch_norm(format!("{name}.bn"), outputs, EPSILON), Layer::Relu]
}

/// The net of 18 layers, as torchvision builds and names it. Convolutions start by He's rule for
/// gradients, as there. Groups: the stem, the eight blocks, the classifier.
pub(super) fn eighteen(channels: i64, stem: Stem, classes: i64, start: &mut Start) -> Groups {
    let (size, stride) = match stem {
        Stem::Imagenet => (7, 2),
        Stem::Small => (3, 1),
    };
    let kernel = Kernel { stride, spread: Spread::HeOutputs, ..Kernel::new(channels, 64, size) };
    let convolution = start.convolution("conv1", kernel);
    let mut group = vec![convolution, start.batch_norm("bn1", 64, EPSILON), Layer::Relu];
    if stem == Stem::Imagenet {
        group.push(Layer::MaxPool { size: 3, stride: 2, padding: 1 });
    }
    let mut groups = vec![group];
    let mut inputs = 64;
    for stage in 0..4_i64 {
        let outputs = 64 << stage;
        for index in 0..2 {
            let name = format!("layer{}.{index}", stage + 1);
            // Each stage except the first halves the map.
            let stride = if stage > 0 && index == 0 { 2 } else { 1 };
            groups.push(basic_block(&name, [inputs, outputs], stride, start));
            inputs = outputs;
        }
    }
    groups
        .last_mut()
        .into_iter()
        .for_each(|group| group.extend([Layer::MeanOfMap, Layer::Flatten]));
    groups.push(vec![start.linear("fc", inputs, classes, Spread::Inputs)]);
    groups
}

/// Two 3×3 convolutions with a shortcut; if sizes differ, the shortcut is a 1×1 convolution.
fn basic_block(
    name: &str,
    [inputs, outputs]: [i64; 2],
    stride: i64,
    start: &mut Start,
) -> Vec<Layer> {
    let kernel = |inputs, size, stride| {
        let spread = Spread::HeOutputs;
        Kernel { stride, spread, ..Kernel::new(inputs, outputs, size) }
    };
    let body = vec![
        start.convolution(format!("{name}.conv1"), kernel(inputs, 3, stride)),
        start.batch_norm(format!("{name}.bn1"), outputs, EPSILON),
        Layer::Relu,
        start.convolution(format!("{name}.conv2"), kernel(outputs, 3, 1)),
        start.batch_norm(format!("{name}.bn2"), outputs, EPSILON),
    ];
    let shortcut = if stride == 1 && inputs == outputs {
        Vec::new()
    } else {
        let name = format!("{name}.downsample");
        let convolution = start.convolution(format!("{name}.0"), kernel(inputs, 1, stride));
        vec![convolution, start.batch_norm(format!("{name}.1"), outputs, EPSILON)]
    };
    vec![Layer::Residual { body, shortcut }, Layer::Relu]
}
