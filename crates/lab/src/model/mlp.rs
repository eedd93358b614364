//! Fully connected nets.

use super::Groups;
use super::layer::{Layer, Spread, Start};

/// Fully connected layers with ReLU between them, `hidden` wide. Their names are numbers, as in
/// PyTorch's `nn.Sequential` of the same layers. Each layer is a group.
pub(super) fn groups(mut inputs: i64, hidden: &[u32], classes: i64, start: &mut Start) -> Groups {
    let (mut groups, mut group, mut index) = (Vec::new(), vec![Layer::Flatten], 1);
    for &width in hidden {
        let width = i64::from(width);
        group.extend([
            start.linear(index.to_string(), inputs, width, Spread::HeInputs),
            Layer::Relu,
        ]);
        groups.push(std::mem::take(&mut group));
        (index, inputs) = (index + 2, width);
    }
    // Without hidden layers, the pixels themselves are the features.
    if !group.is_empty() {
        groups.push(group);
    }
    groups.push(vec![start.linear(index.to_string(), inputs, classes, Spread::Inputs)]);
    groups
}
