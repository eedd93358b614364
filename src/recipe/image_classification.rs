//! The parameters of the recipe `image-classification`: a net learns to tell the classes of images apart.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Goal, Metric};

/// The recipe's name in `experiment.yml`.
pub const NAME: &str = "image-classification";

/// Goes up whenever the recipe computes other numbers from the same parameters, data and seed. It is part of every
/// fingerprint. A golden test trains a few steps and fails if the numbers moved while this did not.
pub const REVISION: u32 = 1;

/// The numbers of a run that are more than plain numbers: shares, losses, times.
pub fn metrics() -> BTreeMap<String, Metric> {
    let metric = |name: &str, goal, unit: Option<&str>| {
        (name.to_owned(), Metric { goal, unit: unit.map(str::to_owned), tolerance: None })
    };
    BTreeMap::from([
        metric("accuracy", Some(Goal::Max), Some("%")),
        metric("train.accuracy", Some(Goal::Max), Some("%")),
        metric("valid.accuracy", Some(Goal::Max), Some("%")),
        metric("loss", Some(Goal::Min), None),
        metric("train.loss", Some(Goal::Min), None),
        metric("valid.loss", Some(Goal::Min), None),
        metric("seconds", Some(Goal::Min), Some("s")),
        metric("images-per-second", Some(Goal::Max), Some("images/s")),
    ])
}

/// Everything that an author may set. What is left out takes the value in [`Params::default`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Params {
    /// Passes over the training images.
    pub epochs: u32,
    /// Images a step.
    pub batch_size: u32,
    /// How many training images to use, the first of a shuffle by the seed; `None` is all that are not set aside.
    pub train_images: Option<u32>,
    /// How many images of the training split are set aside to measure `valid.loss` and `valid.accuracy` on: the last
    /// of a shuffle by the seed. `None` is a tenth of the split.
    pub valid_images: Option<u32>,
    /// The net.
    pub model: Model,
    /// How weights follow gradients.
    pub optimizer: Optimizer,
    /// How the learning rate goes over the run.
    pub schedule: Schedule,
    /// Random changes to the training images.
    pub augment: Augment,
}

impl Default for Params {
    fn default() -> Params {
        Params {
            epochs: 5,
            batch_size: 64,
            train_images: None,
            valid_images: None,
            model: Model::Mlp { hidden: vec![128] },
            optimizer: Optimizer::Sgd { lr: 0.05, momentum: 0.9, nesterov: false, weight_decay: 0.0 },
            schedule: Schedule::Constant {},
            augment: Augment::default(),
        }
    }
}

/// The parameters of a run that only shows that an experiment works: one epoch over a few images. What cannot be read as
/// parameters stays as it is.
pub fn at_toy_scale(params: &serde_json::Value) -> serde_json::Value {
    let Ok(params) = serde_json::from_value::<Params>(params.clone()) else { return params.clone() };
    let toy = Params {
        epochs: 1,
        batch_size: params.batch_size.min(64),
        train_images: Some(params.train_images.unwrap_or(u32::MAX).min(256)),
        valid_images: Some(params.valid_images.unwrap_or(u32::MAX).min(64)),
        ..params
    };
    serde_json::to_value(&toy).expect("parameters are numbers, texts and lists")
}

/// A net, by kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Model {
    /// Fully connected layers with ReLU between them.
    Mlp {
        /// Widths of the hidden layers.
        #[serde(default = "default_hidden")]
        hidden: Vec<u32>,
    },
    /// Blocks of 3×3 convolution, (BatchNorm,) ReLU and 2×2 max-pooling, then global average pooling (or, with
    /// `dense`, a hidden fully connected layer on the flattened map) and a linear layer.
    Convnet {
        /// Channels of the blocks.
        #[serde(default = "default_widths")]
        widths: Vec<u32>,
        /// Whether each block normalizes its batch (Ioffe and Szegedy 2015, arXiv 1502.03167).
        #[serde(default)]
        batch_norm: bool,
        /// Width of a hidden fully connected layer on the flattened last map; `None` is global average pooling.
        #[serde(default)]
        dense: Option<u32>,
    },
    /// Nine layers with two residual connections, for images of 32 pixels: the net of David Page's "How to train your
    /// ResNet" (2018), which set DAWNBench's record on CIFAR-10. It halves images three times and then takes what is
    /// strongest of each map.
    Resnet9 {
        /// Channels of the first layer; the others have twice, four times and eight times as many.
        #[serde(default = "default_resnet9_width")]
        width: u32,
        /// Weights to begin with; `None` is random ones.
        #[serde(default)]
        pretrained: Option<Pretrained>,
    },
    /// The residual net of 18 layers (He et al. 2015, arXiv 1512.03385), as torchvision builds it.
    Resnet18 {
        /// What the images meet first.
        #[serde(default)]
        stem: Stem,
        /// Weights to begin with; `None` is random ones.
        #[serde(default)]
        pretrained: Option<Pretrained>,
    },
    /// EfficientNet (Tan and Le 2019, arXiv 1905.11946) without what is slow on small devices, for 224 pixels.
    EfficientnetLite0 {
        /// Weights to begin with; `None` is random ones.
        #[serde(default)]
        pretrained: Option<Pretrained>,
    },
    /// The same, a tenth deeper, for 240 pixels.
    EfficientnetLite1 {
        /// Weights to begin with; `None` is random ones.
        #[serde(default)]
        pretrained: Option<Pretrained>,
    },
    /// The same, a tenth wider and a fifth deeper, for 260 pixels.
    EfficientnetLite2 {
        /// Weights to begin with; `None` is random ones.
        #[serde(default)]
        pretrained: Option<Pretrained>,
    },
}

impl Model {
    /// The weights that the net begins with; `None` is random ones.
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
}

/// What the images meet first in a [`Model::Resnet18`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stem {
    /// A 7×7 convolution and a pooling that leave a quarter of the rows and columns, for large images.
    #[default]
    Imagenet,
    /// A 3×3 convolution that leaves all of them, as is usual for CIFAR's 32 pixels.
    Small,
}

/// Where the weights come from that a net begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Pretrained {
    /// The published ones, learnt on ImageNet's thousand classes.
    Imagenet,
    /// A `.safetensors` file, by its path in the site.
    File(String),
}

impl TryFrom<String> for Pretrained {
    type Error = String;

    fn try_from(text: String) -> Result<Pretrained, String> {
        match text.as_str() {
            "imagenet" => Ok(Pretrained::Imagenet),
            path if path.ends_with(".safetensors") => Ok(Pretrained::File(text)),
            _ => Err(format!("`{text}` is neither `imagenet` nor a path that ends in `.safetensors`")),
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
            "description": "Where the weights come from that a net begins with: `imagenet`, or the path of a \
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

/// An optimizer, by kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Optimizer {
    /// Stochastic gradient descent, with PyTorch's form of momentum.
    Sgd {
        /// Learning rate of the schedule `constant`.
        #[serde(default = "default_sgd_lr")]
        lr: f64,
        /// Share of the last step's direction that is kept.
        #[serde(default = "default_momentum")]
        momentum: f64,
        /// Whether the gradient is taken ahead of the step (Sutskever et al. 2013).
        #[serde(default)]
        nesterov: bool,
        /// L2 penalty, added to the gradient.
        #[serde(default)]
        weight_decay: f64,
    },
    /// Adam (Kingma and Ba 2014, arXiv 1412.6980).
    Adam {
        /// Learning rate of the schedule `constant`.
        #[serde(default = "default_adam_lr")]
        lr: f64,
        /// Decay of the mean of gradients.
        #[serde(default = "default_beta1")]
        beta1: f64,
        /// Decay of the mean of squared gradients.
        #[serde(default = "default_beta2")]
        beta2: f64,
        /// L2 penalty, added to the gradient.
        #[serde(default)]
        weight_decay: f64,
    },
}

fn default_sgd_lr() -> f64 {
    0.05
}

fn default_momentum() -> f64 {
    0.9
}

fn default_adam_lr() -> f64 {
    0.001
}

fn default_beta1() -> f64 {
    0.9
}

fn default_beta2() -> f64 {
    0.999
}

/// A learning-rate schedule, by kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// The optimizer's rate throughout.
    Constant {},
    /// Up to `max-lr` and down again, each along half a cosine (Smith and Topin 2017, arXiv 1708.07120; PyTorch's
    /// `OneCycleLR`). The optimizer's own rate is not used, and its momentum stays as it is.
    OneCycle {
        /// The highest rate.
        max_lr: f64,
        /// Share of the steps that go up.
        #[serde(default = "default_warm_up")]
        warm_up: f64,
        /// `max-lr` is this many times the first rate.
        #[serde(default = "default_div")]
        div: f64,
        /// The first rate is this many times the last.
        #[serde(default = "default_final_div")]
        final_div: f64,
    },
}

fn default_warm_up() -> f64 {
    0.3
}

fn default_div() -> f64 {
    25.0
}

fn default_final_div() -> f64 {
    10_000.0
}

/// Random changes to each training image, drawn anew every epoch from the run's seed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Augment {
    /// Mirrors half of the images left to right.
    pub flip: bool,
    /// Pads by this many black pixels on each side, then crops back at a random place.
    pub crop_padding: u32,
}

/// A parameter out of its bounds: which, and what it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfBounds {
    /// Keys that lead to it: `["optimizer", "lr"]`.
    pub keys: Vec<&'static str>,
    /// A phrase such as ``must be above 0``.
    pub rule: &'static str,
}

impl Params {
    /// Says which parameters are out of bounds, in the order they are declared.
    pub fn out_of_bounds(&self) -> Vec<OutOfBounds> {
        let mut faults = Vec::new();
        let mut require = |holds: bool, keys: &[&'static str], rule: &'static str| {
            if !holds {
                faults.push(OutOfBounds { keys: keys.to_vec(), rule });
            }
        };
        let is_width = |width: &u32| (1..=65536).contains(width);
        let is_decay = |share: f64| (0.0..1.0).contains(&share);
        require(self.epochs >= 1, &["epochs"], "must be at least 1");
        require(self.batch_size >= 2, &["batch-size"], "must be at least 2");
        require(self.train_images.is_none_or(|images| images >= 2), &["train-images"], "must be at least 2");
        require(self.valid_images != Some(0), &["valid-images"], "must be at least 1");
        match &self.model {
            Model::Mlp { hidden } => {
                require(hidden.iter().all(is_width), &["model", "hidden"], "must be widths from 1 to 65536");
            }
            Model::Convnet { widths, dense, .. } => {
                let is_net = !widths.is_empty() && widths.iter().all(is_width);
                require(is_net, &["model", "widths"], "must be one or more widths from 1 to 65536");
                require(dense.iter().all(is_width), &["model", "dense"], "must be from 1 to 65536");
            }
            Model::Resnet9 { width, .. } => {
                require((1..=8192).contains(width), &["model", "width"], "must be from 1 to 8192");
            }
            Model::Resnet18 { .. }
            | Model::EfficientnetLite0 { .. }
            | Model::EfficientnetLite1 { .. }
            | Model::EfficientnetLite2 { .. } => {}
        }
        let has_published = matches!(
            self.model,
            Model::EfficientnetLite0 { .. } | Model::EfficientnetLite1 { .. } | Model::EfficientnetLite2 { .. }
        );
        if !has_published {
            let is_known = self.model.pretrained() != Some(&Pretrained::Imagenet);
            let rule = "`imagenet` is only for the `efficientnet-lite` nets; give a `.safetensors` file";
            require(is_known, &["model", "pretrained"], rule);
        }
        let (lr, weight_decay) = match self.optimizer {
            Optimizer::Sgd { lr, momentum, nesterov, weight_decay } => {
                require(is_decay(momentum), &["optimizer", "momentum"], "must be at least 0 and below 1");
                let has_momentum = !nesterov || momentum > 0.0;
                require(has_momentum, &["optimizer", "nesterov"], "needs a momentum above 0");
                (lr, weight_decay)
            }
            Optimizer::Adam { lr, beta1, beta2, weight_decay } => {
                require(is_decay(beta1), &["optimizer", "beta1"], "must be at least 0 and below 1");
                require(is_decay(beta2), &["optimizer", "beta2"], "must be at least 0 and below 1");
                (lr, weight_decay)
            }
        };
        require(lr > 0.0 && lr.is_finite(), &["optimizer", "lr"], "must be above 0");
        require(weight_decay >= 0.0 && weight_decay.is_finite(), &["optimizer", "weight-decay"], "must be at least 0");
        if let Schedule::OneCycle { max_lr, warm_up, div, final_div } = self.schedule {
            require(max_lr > 0.0 && max_lr.is_finite(), &["schedule", "max-lr"], "must be above 0");
            let is_share = warm_up > 0.0 && warm_up < 1.0;
            require(is_share, &["schedule", "warm-up"], "must be above 0 and below 1");
            require(div >= 1.0 && div.is_finite(), &["schedule", "div"], "must be at least 1");
            require(final_div >= 1.0 && final_div.is_finite(), &["schedule", "final-div"], "must be at least 1");
        }
        require(self.augment.crop_padding <= 64, &["augment", "crop-padding"], "must be at most 64");
        faults
    }
}
