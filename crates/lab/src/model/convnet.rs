//! Plain convolutional nets.

use anyhow::ensure;

use super::layer::{EPSILON, Kernel, Layer, Spread, Start};
use super::{Groups, InputShape};

/// The options of a convnet.
pub(super) struct Convnet<'a> {
    /// Channels of the blocks.
    pub(super) widths: &'a [u32],
    pub(super) batch_norm: bool,
    /// Width of the hidden layer on the flattened last map; `None` means global average pooling.
    pub(super) dense: Option<u32>,
}

impl Convnet<'_> {
    /// Blocks of 3×3 convolution, (BatchNorm,) ReLU and 2×2 max-pooling, then linear layers. Their
    /// names are numbers, as in PyTorch's `nn.Sequential` of the same layers. Each block and each
    /// linear layer is a group.
    pub(super) fn groups(
        &self,
        shape: InputShape,
        classes: i64,
        start: &mut Start,
    ) -> anyhow::Result<Groups> {
        let InputShape { channels, rows, columns } = shape;
        let halvings = u32::try_from(self.widths.len()).unwrap_or(u32::MAX);
        let halved = |length: usize| length.checked_shr(halvings).unwrap_or(0) as i64;
        let (rows_left, columns_left) = (halved(rows), halved(columns));
        ensure!(
            rows_left > 0 && columns_left > 0,
            "images of {rows}×{columns} pixels are too small for {halvings} blocks that halve \
             them each; give \
             `widths` fewer entries"
        );
        let (mut groups, mut index, mut inputs) = (Vec::new(), 0, channels as i64);
        for &width in self.widths {
            let width = i64::from(width);
            let block = self.block(index, [inputs, width], start);
            (index, inputs) = (index + block.len(), width);
            groups.push(block);
        }
        if let Some(width) = self.dense {
            let (flat, width) = (inputs * rows_left * columns_left, i64::from(width));
            let hidden = start.linear((index + 1).to_string(), flat, width, Spread::HeInputs);
            groups.push(vec![Layer::Flatten, hidden, Layer::Relu]);
            (index, inputs) = (index + 3, width);
        } else {
            groups
                .last_mut()
                .into_iter()
                .for_each(|block| block.extend([Layer::MeanOfMap, Layer::Flatten]));
            index += 2;
        }
        groups.push(vec![start.linear(index.to_string(), inputs, classes, Spread::Inputs)]);
        Ok(groups)
    }

    fn block(&self, index: usize, [inputs, width]: [i64; 2], start: &mut Start) -> Vec<Layer> {
        let kernel = Kernel { bias: !self.batch_norm, ..Kernel::new(inputs, width, 3) };
        let mut block = vec![start.convolution(index.to_string(), kernel)];
        if self.batch_norm {
            block.push(start.batch_norm((index + 1).to_string(), width, EPSILON));
        }
        block.extend([Layer::Relu, Layer::MaxPool { size: 2, stride: 2, padding: 0 }]);
        block
    }
}
