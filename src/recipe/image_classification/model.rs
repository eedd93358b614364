//! The nets, and which of their layers train.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A net, by kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum Model {
    /// Fully connected layers with ReLU between them.
    Mlp {
        /// Widths of the hidden layers.
        #[serde(default = "default_hidden")]
        hidden: Vec<u32>,
    },
    /// Blocks of 3×3 convolution, optional BatchNorm, ReLU and 2×2 max-pooling, then global average
    /// pooling (or, with `dense`, a hidden fully connected layer on the flattened map) and a linear
    /// layer.
    Convnet {
        /// Channels of the blocks.
        #[serde(default = "default_widths")]
        widths: Vec<u32>,
        /// Whether each block normalizes its batch (Ioffe and Szegedy 2015, arXiv 1502.03167).
        #[serde(default)]
        batch_norm: bool,
        /// Width of a hidden fully connected layer on the flattened last map; `None` is global
        /// average pooling.
        #[serde(default)]
        dense: Option<u32>,
    },
    /// Nine layers with two residual connections, for images of 32 pixels: the net of David Page's
    /// "How to train your ResNet" (2018), which set DAWNBench's record on CIFAR-10. It halves
    /// images three times and ends with global max-pooling.
    Resnet9 {
        /// Channels of the first layer; the others have twice, four times and eight times as many.
        #[serde(default = "default_resnet9_width")]
        width: u32,
        /// Pretrained weights; `None` is random initialization.
        #[serde(default)]
        pretrained: Option<Pretrained>,
    },
    /// The residual net of 18 layers (He et al. 2015, arXiv 1512.03385), as torchvision builds it.
    Resnet18 {
        /// The first layers.
        #[serde(default)]
        stem: Stem,
        /// Pretrained weights; `None` is random initialization.
        #[serde(default)]
        pretrained: Option<Pretrained>,
    },
    /// EfficientNet (Tan and Le 2019, arXiv 1905.11946) without operations that are slow on small
    /// devices, for 224 pixels.
    EfficientnetLite0 {
        /// Pretrained weights; `None` is random initialization.
        #[serde(default)]
        pretrained: Option<Pretrained>,
    },
    /// The same with 21 blocks instead of 16, for 240 pixels.
    EfficientnetLite1 {
        /// Pretrained weights; `None` is random initialization.
        #[serde(default)]
        pretrained: Option<Pretrained>,
    },
    /// The same with 21 blocks instead of 16, a tenth wider, for 260 pixels.
    EfficientnetLite2 {
        /// Pretrained weights; `None` is random initialization.
        #[serde(default)]
        pretrained: Option<Pretrained>,
    },
}

impl Model {
    /// The pretrained weights; `None` is random initialization.
    pub fn pretrained(&self) -> Option<&Pretrained> {
        match self {
            Model::Mlp { .. } | Model::Convnet { .. } => None,
            Model::Resnet9 { pretrained, .. }
            | Model::Resnet18 { pretrained, .. }
            | Model::EfficientnetLite0 { pretrained }
            | Model::EfficientnetLite1 { pretrained }
            | Model::EfficientnetLite2 { pretrained } => pretrained.as_ref(),
        }
    }

    /// Its name in `kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            Model::Mlp { .. } => "mlp",
            Model::Convnet { .. } => "convnet",
            Model::Resnet9 { .. } => "resnet9",
            Model::Resnet18 { .. } => "resnet18",
            Model::EfficientnetLite0 { .. } => "efficientnet-lite0",
            Model::EfficientnetLite1 { .. } => "efficientnet-lite1",
            Model::EfficientnetLite2 { .. } => "efficientnet-lite2",
        }
    }
}

/// The first layers of a [`Model::Resnet18`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stem {
    /// A 7×7 convolution and a pooling that reduce rows and columns to a quarter, for large images.
    #[default]
    Imagenet,
    /// A 3×3 convolution that keeps the size, as usual for CIFAR's 32 pixels.
    Small,
}

/// The source of a net's pretrained weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Pretrained {
    /// The published ones, trained on ImageNet's thousand classes.
    Imagenet,
    /// A `.safetensors` file, by its path in the site, inside `experiments/`.
    File(String),
}

impl TryFrom<String> for Pretrained {
    type Error = String;

    fn try_from(text: String) -> Result<Pretrained, String> {
        match text.as_str() {
            "imagenet" => Ok(Pretrained::Imagenet),
            path if path.ends_with(".safetensors") => Ok(Pretrained::File(text)),
            _ => Err(format!(
                "`{text}` is neither `imagenet` nor a path that ends in `.safetensors`"
            )),
        }
    }
}

impl From<Pretrained> for String {
    fn from(pretrained: Pretrained) -> String {
        match pretrained {
            Pretrained::Imagenet => "imagenet".to_owned(),
            Pretrained::File(path) => path,
        }
    }
}

impl JsonSchema for Pretrained {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Pretrained".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "The source of a net's pretrained weights: `imagenet`, or the path of a \
                            `.safetensors` file in the site.",
            "type": "string",
            "pattern": "^imagenet$|\\.safetensors$"
        })
    }
}

fn default_resnet9_width() -> u32 {
    64
}

fn default_hidden() -> Vec<u32> {
    vec![128]
}

fn default_widths() -> Vec<u32> {
    vec![16, 32, 64]
}

impl Model {
    /// Whether the net accepts images of other sizes than it was built for, which progressive
    /// resizing needs.
    pub(crate) fn takes_any_size(&self) -> bool {
        !matches!(self, Model::Mlp { .. } | Model::Convnet { dense: Some(_), .. })
    }
}

/// Which layers of the net train, and when. A net consists of groups of layers: the stem, the
/// blocks and the head, which is its last linear layer. Frozen groups keep their weights, and their
/// BatchNorm keeps its running mean and variance.
///
/// `rate-decay` makes the rate of each group so many times lower than that of the next group; the
/// head has the full rate (discriminative rates: Howard and Ruder 2018, arXiv 1801.06146, who use
/// 2.6).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum Tuning {
    /// All groups.
    All {
        /// How many times lower each group's rate is than the next one's.
        #[serde(default = "no_decay")]
        rate_decay: f64,
    },
    /// Only the head, on features that are computed once (Donahue et al. 2013, arXiv 1310.1531;
    /// Sharif Razavian et al. 2014, arXiv 1403.6382). Images are not augmented, because their
    /// features are the same in every epoch.
    Frozen {},
    /// The last blocks and the head (Yosinski et al. 2014, arXiv 1411.1792).
    LastBlocks {
        /// How many groups before the head train.
        blocks: u32,
        /// How many times lower each group's rate is than the next one's.
        #[serde(default = "no_decay")]
        rate_decay: f64,
    },
    /// First only the head, then block after block from the last one (gradual unfreezing: Howard
    /// and Ruder 2018, arXiv 1801.06146).
    Gradual {
        /// Epochs in which only the head trains.
        #[serde(default = "default_head_epochs")]
        head_epochs: u32,
        /// How many groups before the head train in the end; `None` is all.
        #[serde(default)]
        blocks: Option<u32>,
        /// Epochs from one block to the next; 0 trains all of `blocks` after `head-epochs`, as
        /// fast.ai's `fine_tune` does.
        #[serde(default = "default_block_epochs")]
        block_epochs: u32,
        /// How many times lower each group's rate is than the next one's.
        #[serde(default = "default_rate_decay")]
        rate_decay: f64,
    },
}

impl Default for Tuning {
    fn default() -> Tuning {
        Tuning::All { rate_decay: no_decay() }
    }
}

impl Tuning {
    /// How many times lower each group's rate is than the next one's.
    pub fn rate_decay(&self) -> f64 {
        match *self {
            Tuning::All { rate_decay }
            | Tuning::LastBlocks { rate_decay, .. }
            | Tuning::Gradual { rate_decay, .. } => rate_decay,
            Tuning::Frozen {} => no_decay(),
        }
    }
}

fn no_decay() -> f64 {
    1.0
}

fn default_head_epochs() -> u32 {
    1
}

fn default_block_epochs() -> u32 {
    1
}

fn default_rate_decay() -> f64 {
    2.6
}
