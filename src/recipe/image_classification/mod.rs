//! The parameters of the recipe `image-classification`: a net learns to tell the classes of images
//! apart.
//!
//! One file a subject: the nets and what of them learns (`model`), how weights follow gradients
//! (`optimizer`), how the rate goes (`schedule`), random changes to images (`augment`), what all of
//! them may be (`bounds`).

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

/// Goes up whenever the recipe computes other numbers from the same parameters, data and seed. It
/// is part of every fingerprint. A golden test trains a few steps and fails if the numbers moved
/// while this did not.
pub const REVISION: u32 = 2;

/// The numbers of a run that are more than plain numbers: shares, losses, times.
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

/// Everything that an author may set. What is left out takes the value in [`Params::default`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Params {
    /// Passes over the training images.
    pub epochs: u32,
    /// Images a step.
    pub batch_size: u32,
    /// Rows and columns that the square in the middle of each image is resized to as it is read
    /// (bilinear, with antialiasing); `None` leaves images as they are.
    pub image_size: Option<u32>,
    /// Which of the splits that the data set declares.
    pub split: String,
    /// How many training images to use, the first of a shuffle by the seed; `None` is all that are
    /// not set aside.
    pub train_images: Option<u32>,
    /// How many training images of each class to use, the first of a shuffle by the seed. In place
    /// of `train-images`.
    pub labels_per_class: Option<u32>,
    /// How many images of the training split are set aside to measure `valid.loss` and
    /// `valid.accuracy` on: the last of a shuffle by the seed, of each class in proportion to its
    /// share; or whole groups, where the split keeps groups of images together. `None` is a tenth
    /// of the split.
    pub valid_images: Option<u32>,
    /// How many images of the test split to test on, the first ones; `None` is all.
    pub test_images: Option<u32>,
    /// The net.
    pub model: Model,
    /// What of the net learns, and when.
    pub tuning: Tuning,
    /// How weights follow gradients.
    pub optimizer: Optimizer,
    /// How the learning rate goes over the run.
    pub schedule: Schedule,
    /// What is minimized.
    pub loss: Loss,
    /// The longest that the gradient of all parameters together may be; a longer one is shortened
    /// to it (Pascanu, Mikolov and Bengio 2012, arXiv 1211.5063). `None` leaves gradients as they
    /// are.
    pub clip_norm: Option<f64>,
    /// Judges the exponential moving average of the weights instead of the weights (Polyak and
    /// Juditsky 1992): the share of the average that is kept each step, in its first steps less: (1
    /// + step) / (10 + step).
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
    /// Test-time augmentation: how the test images are changed, once the training is over.
    pub tta: Tta,
    /// Smaller images in the first epochs (progressive resizing: Howard 2018, fast.ai's DAWNBench
    /// entry; Karras et al. 2017, arXiv 1710.10196, for generators). The epochs that are left take
    /// images of the whole size.
    pub progressive: Vec<Stage>,
    /// Ends the training when images that are set aside are no longer told better, and takes the
    /// best weights (Prechelt 1998). `None` trains all epochs and takes the last weights.
    pub early_stopping: Option<EarlyStopping>,
    /// The numbers that nets compute with.
    pub precision: Precision,
    /// Lays images, maps and kernels out in memory with the channels of a pixel beside each other,
    /// which makes most of what convolutional nets do faster (docs/performance.md). It moves no
    /// more than last bits.
    pub channels_last: bool,
    /// Writes grids of test images, `worst` (highest loss) and `most-confused`, which are committed
    /// with the record. Not asked for, they are not written: they take up to 128 KiB a run, and a
    /// figure shows those of one.
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

/// What is minimized: the cross-entropy of the classes' scores.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Loss {
    /// Share of each label that is spread over all classes alike (Szegedy et al. 2015, arXiv
    /// 1512.00567).
    pub label_smoothing: f64,
    /// How much an image counts by its class.
    pub class_weights: ClassWeights,
}

/// How much an image counts in the loss by its class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeights {
    /// All alike.
    #[default]
    None,
    /// As many times as its class is rarer than the mean class among the training images: images /
    /// (classes × images of the class) (King and Zeng 2001).
    Balanced,
}

/// Some of the first epochs, and the size of the images in them.
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
    /// What is watched.
    #[serde(default)]
    pub metric: Watched,
    /// How many epochs in a row may be no better than the best one before.
    #[serde(default = "default_patience")]
    pub patience: u32,
}

fn default_patience() -> u32 {
    3
}

/// A number of each epoch that may end the training.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Watched {
    /// The loss on the images that are set aside; less is better.
    #[default]
    #[serde(rename = "valid.loss")]
    ValidLoss,
    /// The accuracy on the images that are set aside; more is better.
    #[serde(rename = "valid.accuracy")]
    ValidAccuracy,
}

/// The numbers that nets compute with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// 32 bits throughout.
    #[default]
    F32,
    /// Convolutions and matrix products in bfloat16, weights and sums in 32 bits (libtorch's
    /// autocast; Micikevicius et al. 2017, arXiv 1710.03740). Faster where the hardware has it.
    Bf16,
}

/// The parameters of a run that only shows that an experiment works: one epoch (two, if the head
/// alone learns in the first) over a few small images. What cannot be read as parameters stays as
/// it is.
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
    serde_json::to_value(&toy).expect("parameters are numbers, texts and lists")
}
