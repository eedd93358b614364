//! The parameters of the recipe `image-classification`, which trains a net to classify images.
//!
//! One file per subject: nets and which of their layers train (`model`), optimizers (`optimizer`),
//! learning rates (`schedule`), random changes to images (`augment`), allowed values (`bounds`).

mod augment;
mod bounds;
mod model;
mod optimizer;
mod schedule;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Goal, Metric};

pub use augment::{Augment, Tta};
pub use bounds::OutOfBounds;
pub use model::{Model, Pretrained, Stem, Tuning};
pub use optimizer::Optimizer;
pub use schedule::{Rate, Schedule};

/// The recipe's name in `experiment.yml`.
pub const NAME: &str = "image-classification";

/// Increases whenever the recipe computes other numbers from the same parameters, data and seed. It
/// is part of every fingerprint. A golden test trains a few steps and fails if the numbers change
/// and this does not.
pub const REVISION: u32 = 2;

/// The metrics that have a unit or a goal: shares, losses, times.
pub fn metrics() -> BTreeMap<String, Metric> {
    let metric = |name: &str, goal, unit: Option<&str>| {
        (name.to_owned(), Metric { goal, unit: unit.map(str::to_owned), tolerance: None })
    };
    BTreeMap::from([
        metric("accuracy", Some(Goal::Max), Some("%")),
        metric("top-5", Some(Goal::Max), Some("%")),
        metric("macro-f1", Some(Goal::Max), None),
        metric("auc", Some(Goal::Max), None),
        metric("average-precision", Some(Goal::Max), None),
        metric("loss", Some(Goal::Min), None),
        metric("ece", Some(Goal::Min), Some("%")),
        metric("train.accuracy", Some(Goal::Max), Some("%")),
        metric("valid.accuracy", Some(Goal::Max), Some("%")),
        metric("train.loss", Some(Goal::Min), None),
        metric("valid.loss", Some(Goal::Min), None),
        metric("seconds", Some(Goal::Min), Some("s")),
        metric("images-per-second", Some(Goal::Max), Some("images/s")),
    ])
}

/// All parameters that an author can set. Omitted ones have the value in [`Params::default`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Params {
    /// Passes over the training images.
    pub epochs: u32,
    /// Images per step.
    pub batch_size: u32,
    /// Rows and columns that the central square of each image is resized to when it is read
    /// (bilinear, with antialiasing); `None` leaves images as they are.
    pub image_size: Option<u32>,
    /// The name of a split that the data set declares.
    pub split: String,
    /// How many training images to use, the first of a shuffle by the seed; `None` is all that are
    /// not held out for validation.
    pub train_images: Option<u32>,
    /// How many training images of each class to use, the first of a shuffle by the seed. Replaces
    /// `train-images`.
    pub labels_per_class: Option<u32>,
    /// How many images of the training split are held out to measure `valid.loss` and
    /// `valid.accuracy` on: the last of a shuffle by the seed, of each class in proportion to its
    /// share; or whole groups, if the split keeps groups of images together. `None` is a tenth of
    /// the split.
    pub valid_images: Option<u32>,
    /// How many images of the test split to test on, the first ones; `None` is all.
    pub test_images: Option<u32>,
    /// The net.
    pub model: Model,
    /// Which layers of the net train, and when.
    pub tuning: Tuning,
    /// The optimizer.
    pub optimizer: Optimizer,
    /// The learning rate over the course of the run.
    pub schedule: Schedule,
    /// What is minimized.
    pub loss: Loss,
    /// The maximum norm of the gradient of all parameters together; a longer one is clipped to it
    /// (Pascanu, Mikolov and Bengio 2012, arXiv 1211.5063). `None` leaves gradients as they are.
    pub clip_norm: Option<f64>,
    /// Evaluates the exponential moving average of the weights instead of the weights (Polyak and
    /// Juditsky 1992): the share of the average that is kept each step, at most (1 + step) / (10 +
    /// step).
    pub ema: Option<f64>,
    /// Mixes pairs of images and of their labels by a share drawn from the Beta distribution with
    /// this parameter twice (Zhang et al. 2017, arXiv 1710.09412).
    pub mixup: Option<f64>,
    /// Puts a rectangle of one image into another, and mixes their labels by its area, which is
    /// drawn as that of `mixup` is (Yun et al. 2019, arXiv 1905.04899). With both, each step takes
    /// one of them, with equal chances.
    pub cutmix: Option<f64>,
    /// Random changes to the training images.
    pub augment: Augment,
    /// Test-time augmentation: how the test images are modified after training.
    pub tta: Tta,
    /// Smaller images in the first epochs (progressive resizing: Howard 2018, fast.ai's DAWNBench
    /// entry; Karras et al. 2017, arXiv 1710.10196, for generators). The remaining epochs use
    /// images of the full size.
    pub progressive: Vec<Stage>,
    /// Ends the training when the validation metric stops improving, and keeps the best weights
    /// (Prechelt 1998). `None` trains all epochs and keeps the last weights.
    pub early_stopping: Option<EarlyStopping>,
    /// The precision of computations.
    pub precision: Precision,
    /// Stores images, maps and kernels with the channels of a pixel next to each other (channels
    /// last), which makes most operations of convolutional nets faster (docs/performance.md). It
    /// affects only the last bits of results.
    pub channels_last: bool,
    /// Writes grids of test images, `worst` (highest loss) and `most-confused`, which are committed
    /// with the record. Off by default, because they take up to 128 KiB per run, and a figure shows
    /// those of one run.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub images: bool,
}

impl Default for Params {
    fn default() -> Params {
        Params {
            epochs: 5,
            batch_size: 64,
            image_size: None,
            split: "default".to_owned(),
            train_images: None,
            labels_per_class: None,
            valid_images: None,
            test_images: None,
            model: Model::Mlp { hidden: vec![128] },
            tuning: Tuning::default(),
            optimizer: Optimizer::default(),
            schedule: Schedule::Constant {},
            loss: Loss::default(),
            clip_norm: None,
            ema: None,
            mixup: None,
            cutmix: None,
            augment: Augment::default(),
            tta: Tta::default(),
            progressive: Vec::new(),
            early_stopping: None,
            precision: Precision::F32,
            channels_last: true,
            images: false,
        }
    }
}

/// The loss: the cross-entropy of the classes' scores.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Loss {
    /// Share of each label that is spread evenly over all classes (Szegedy et al. 2015, arXiv
    /// 1512.00567).
    pub label_smoothing: f64,
    /// The weight of an image by its class.
    pub class_weights: ClassWeights,
}

/// The weight of an image in the loss by its class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeights {
    /// All the same.
    #[default]
    None,
    /// Inversely proportional to the frequency of its class among the training images: images /
    /// (classes × images of the class) (King and Zeng 2001).
    Balanced,
}

/// A number of epochs, and the size of the images in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Stage {
    /// How many epochs.
    pub epochs: u32,
    /// Rows and columns of the images, resized from those of `image-size` (bilinear, with
    /// antialiasing).
    pub image_size: u32,
}

/// When training ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EarlyStopping {
    /// The watched metric.
    #[serde(default)]
    pub metric: Watched,
    /// How many epochs in a row may fail to improve on the best one.
    #[serde(default = "default_patience")]
    pub patience: u32,
}

fn default_patience() -> u32 {
    3
}

/// A metric that can end the training.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Watched {
    /// The validation loss; lower is better.
    #[default]
    #[serde(rename = "valid.loss")]
    ValidLoss,
    /// The validation accuracy; higher is better.
    #[serde(rename = "valid.accuracy")]
    ValidAccuracy,
}

/// The precision of computations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// 32 bits throughout.
    #[default]
    F32,
    /// Convolutions and matrix products in bfloat16, weights and sums in 32 bits (libtorch's
    /// autocast; Micikevicius et al. 2017, arXiv 1710.03740). Faster if the hardware supports it.
    Bf16,
}

/// The parameters of a smoke run, which only shows that an experiment works: one epoch (two, if
/// only the head trains in the first) over a few small images. Returns invalid parameters
/// unchanged.
pub fn at_toy_scale(params: &serde_json::Value) -> serde_json::Value {
    let Ok(params) = serde_json::from_value::<Params>(params.clone()) else {
        return params.clone();
    };
    let at_most = |count: Option<u32>, most: u32| Some(count.unwrap_or(u32::MAX).min(most));
    let (tuning, epochs) = match params.tuning {
        Tuning::Gradual { blocks, block_epochs, rate_decay, .. } => {
            (Tuning::Gradual { head_epochs: 1, blocks, block_epochs, rate_decay }, 2)
        }
        other => (other, 1),
    };
    let labels_per_class = params.labels_per_class.map(|labels| labels.min(4));
    let toy = Params {
        epochs,
        batch_size: params.batch_size.min(64),
        image_size: params.image_size.map(|size| size.min(64)),
        train_images: if labels_per_class.is_some() {
            None
        } else {
            at_most(params.train_images, 256)
        },
        labels_per_class,
        valid_images: at_most(params.valid_images, 64),
        test_images: at_most(params.test_images, 256),
        tuning,
        progressive: Vec::new(),
        ..params
    };
    serde_json::to_value(&toy).expect("parameters are numbers, strings and lists")
}
