//! The allowed values of parameters.

use super::{Augment, Loss, Model, Optimizer, Params, Pretrained, Rate, Schedule, Tuning};

/// A parameter that is out of bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfBounds {
    /// Keys that lead to it: `["optimizer", "lr"]`.
    pub keys: Vec<&'static str>,
    /// A phrase such as ``must be above 0``.
    pub rule: &'static str,
}

/// The errors found so far.
struct Errors(Vec<OutOfBounds>);

impl Errors {
    fn require(&mut self, holds: bool, keys: &[&'static str], rule: &'static str) {
        if !holds {
            self.0.push(OutOfBounds { keys: keys.to_vec(), rule });
        }
    }
}

const POSITIVE: &str = "must be above 0";
const NOT_NEGATIVE: &str = "must be at least 0";
const DECAY: &str = "must be at least 0 and below 1";
const SIZE: &str = "must be from 8 to 1024";

fn is_positive(number: f64) -> bool {
    number > 0.0 && number.is_finite()
}

fn is_not_negative(number: f64) -> bool {
    number >= 0.0 && number.is_finite()
}

/// For running means and momentum.
fn is_decay(share: f64) -> bool {
    (0.0..1.0).contains(&share)
}

fn is_width(width: u32) -> bool {
    (1..=65536).contains(&width)
}

fn is_size(size: u32) -> bool {
    (8..=1024).contains(&size)
}

impl Params {
    /// Returns the parameters that are out of bounds, in the order of their declaration.
    pub fn out_of_bounds(&self) -> Vec<OutOfBounds> {
        let mut errors = Errors(Vec::new());
        self.check_data(&mut errors);
        check_model(&self.model, &mut errors);
        self.check_tuning(&mut errors);
        check_optimizer(&self.optimizer, &mut errors);
        self.check_schedule(&mut errors);
        check_loss(&self.loss, &mut errors);
        self.check_regularization(&mut errors);
        check_augment(&self.augment, &mut errors);
        self.check_progress(&mut errors);
        errors.0
    }

    fn check_data(&self, errors: &mut Errors) {
        errors.require(self.epochs >= 1, &["epochs"], "must be at least 1");
        errors.require(self.batch_size >= 2, &["batch-size"], "must be at least 2");
        errors.require(self.image_size.is_none_or(is_size), &["image-size"], SIZE);
        errors.require(!self.split.is_empty(), &["split"], "must be the name of a split");
        errors.require(
            self.train_images.is_none_or(|images| images >= 2),
            &["train-images"],
            "must be at least 2",
        );
        errors.require(
            self.labels_per_class != Some(0),
            &["labels-per-class"],
            "must be at least 1",
        );
        let is_one = self.train_images.is_none() || self.labels_per_class.is_none();
        errors.require(
            is_one,
            &["labels-per-class"],
            "cannot be combined with `train-images`: both set the number of images",
        );
        errors.require(self.valid_images != Some(0), &["valid-images"], "must be at least 1");
        errors.require(self.test_images != Some(0), &["test-images"], "must be at least 1");
    }

    fn check_tuning(&self, errors: &mut Errors) {
        let decay = self.tuning.rate_decay();
        errors.require(
            decay >= 1.0 && decay.is_finite(),
            &["tuning", "rate-decay"],
            "must be at least 1",
        );
        match self.tuning {
            Tuning::LastBlocks { blocks, .. } => {
                errors.require(
                    blocks >= 1,
                    &["tuning", "blocks"],
                    "must be at least 1; `kind: frozen` tunes no blocks",
                );
            }
            Tuning::Gradual { head_epochs, blocks, .. } => {
                let is_part = head_epochs >= 1 && head_epochs < self.epochs;
                errors.require(
                    is_part,
                    &["tuning", "head-epochs"],
                    "must be at least 1 and below `epochs`",
                );
                errors.require(blocks != Some(0), &["tuning", "blocks"], "must be at least 1");
            }
            Tuning::Frozen {} => {
                let rule = "has no effect if features are computed once (`tuning: {kind: frozen}`)";
                errors.require(self.augment == Augment::default(), &["augment"], rule);
                errors.require(self.mixup.is_none(), &["mixup"], rule);
                errors.require(self.cutmix.is_none(), &["cutmix"], rule);
                errors.require(self.progressive.is_empty(), &["progressive"], rule);
            }
            Tuning::All { .. } => {}
        }
    }

    fn check_schedule(&self, errors: &mut Errors) {
        if let Some(Rate::Of(rate)) = self.schedule.max_lr() {
            errors.require(is_positive(rate), &["schedule", "max-lr"], POSITIVE);
        }
        match self.schedule {
            Schedule::Constant {} => {}
            Schedule::Step { every, factor } => {
                errors.require(every >= 1, &["schedule", "every"], "must be at least 1");
                let is_factor = factor > 0.0 && factor <= 1.0;
                errors.require(is_factor, &["schedule", "factor"], "must be above 0 and at most 1");
            }
            Schedule::Cosine { warm_up, last, .. } => {
                errors.require(is_decay(warm_up), &["schedule", "warm-up"], DECAY);
                errors.require(
                    (0.0..=1.0).contains(&last),
                    &["schedule", "last"],
                    "must be from 0 to 1",
                );
            }
            Schedule::OneCycle { warm_up, div, final_div, momentum_low, momentum_high, .. } => {
                let is_share = warm_up > 0.0 && warm_up < 1.0;
                errors.require(is_share, &["schedule", "warm-up"], "must be above 0 and below 1");
                let is_divisor = |div: f64| div >= 1.0 && div.is_finite();
                errors.require(is_divisor(div), &["schedule", "div"], "must be at least 1");
                errors.require(
                    is_divisor(final_div),
                    &["schedule", "final-div"],
                    "must be at least 1",
                );
                let high = momentum_high.unwrap_or(self.optimizer.momentum());
                let is_low = momentum_low.is_none_or(|low| is_decay(low) && low <= high);
                let rule = "must be at least 0 and at most `momentum-high`, \
                     by default the optimizer's own";
                errors.require(is_low, &["schedule", "momentum-low"], rule);
                errors.require(
                    momentum_high.is_none_or(is_decay),
                    &["schedule", "momentum-high"],
                    DECAY,
                );
            }
        }
    }

    fn check_regularization(&self, errors: &mut Errors) {
        errors.require(self.clip_norm.is_none_or(is_positive), &["clip-norm"], POSITIVE);
        let is_share = |share: f64| share > 0.0 && share < 1.0;
        errors.require(self.ema.is_none_or(is_share), &["ema"], "must be above 0 and below 1");
        let is_alpha = |alpha: f64| alpha > 0.0 && alpha <= 100.0;
        errors.require(
            self.mixup.is_none_or(is_alpha),
            &["mixup"],
            "must be above 0 and at most 100",
        );
        errors.require(
            self.cutmix.is_none_or(is_alpha),
            &["cutmix"],
            "must be above 0 and at most 100",
        );
    }

    fn check_progress(&self, errors: &mut Errors) {
        let tta_is_small = self.tta.shift <= 64;
        errors.require(tta_is_small, &["tta", "shift"], "must be at most 64");
        let is_staged = !self.progressive.is_empty();
        let stages_are_whole =
            self.progressive.iter().all(|stage| stage.epochs >= 1 && is_size(stage.image_size));
        let rule = "must be stages of at least 1 epoch with images from 8 to 1024 pixels";
        errors.require(stages_are_whole, &["progressive"], rule);
        let staged =
            self.progressive.iter().fold(0_u32, |sum, stage| sum.saturating_add(stage.epochs));
        let rule = "must leave an epoch for images of the full size";
        errors.require(!is_staged || staged < self.epochs, &["progressive"], rule);
        let rule = "needs a net that accepts images of any size: neither an `mlp` nor `dense`";
        errors.require(!is_staged || self.model.takes_any_size(), &["progressive"], rule);
        let patience = self.early_stopping.map(|stopping| stopping.patience);
        errors.require(patience != Some(0), &["early-stopping", "patience"], "must be at least 1");
    }
}

fn check_model(model: &Model, errors: &mut Errors) {
    match model {
        Model::Mlp { hidden } => {
            errors.require(
                hidden.iter().copied().all(is_width),
                &["model", "hidden"],
                "must be widths from 1 to 65536",
            );
        }
        Model::Convnet { widths, dense, .. } => {
            let is_net = !widths.is_empty() && widths.iter().copied().all(is_width);
            errors.require(
                is_net,
                &["model", "widths"],
                "must be one or more widths from 1 to 65536",
            );
            errors.require(
                dense.iter().copied().all(is_width),
                &["model", "dense"],
                "must be from 1 to 65536",
            );
        }
        Model::Resnet9 { width, .. } => {
            errors.require(
                (1..=8192).contains(width),
                &["model", "width"],
                "must be from 1 to 8192",
            );
        }
        Model::Resnet18 { .. }
        | Model::EfficientnetLite0 { .. }
        | Model::EfficientnetLite1 { .. }
        | Model::EfficientnetLite2 { .. } => {}
    }
    let has_published = matches!(
        model,
        Model::EfficientnetLite0 { .. }
            | Model::EfficientnetLite1 { .. }
            | Model::EfficientnetLite2 { .. }
    );
    let is_there = has_published || model.pretrained() != Some(&Pretrained::Imagenet);
    let rule = "`imagenet` is only for the `efficientnet-lite` nets; give a `.safetensors` file";
    errors.require(is_there, &["model", "pretrained"], rule);
}

fn check_optimizer(optimizer: &Optimizer, errors: &mut Errors) {
    let weight_decay = match *optimizer {
        Optimizer::Sgd { momentum, nesterov, weight_decay, .. } => {
            errors.require(is_decay(momentum), &["optimizer", "momentum"], DECAY);
            let has_momentum = !nesterov || momentum > 0.0;
            errors.require(has_momentum, &["optimizer", "nesterov"], "needs a momentum above 0");
            weight_decay
        }
        Optimizer::Adam { beta1, beta2, weight_decay, .. }
        | Optimizer::Adamw { beta1, beta2, weight_decay, .. } => {
            errors.require(is_decay(beta1), &["optimizer", "beta1"], DECAY);
            errors.require(is_decay(beta2), &["optimizer", "beta2"], DECAY);
            weight_decay
        }
    };
    errors.require(is_positive(optimizer.lr()), &["optimizer", "lr"], POSITIVE);
    errors.require(is_not_negative(weight_decay), &["optimizer", "weight-decay"], NOT_NEGATIVE);
}

fn check_loss(loss: &Loss, errors: &mut Errors) {
    errors.require(is_decay(loss.label_smoothing), &["loss", "label-smoothing"], DECAY);
}

fn check_augment(augment: &Augment, errors: &mut Errors) {
    let Augment {
        crop_padding,
        rotate,
        scale,
        translate,
        shear,
        brightness,
        contrast,
        saturation,
        cutout,
        ..
    } = *augment;
    errors.require(crop_padding <= 64, &["augment", "crop-padding"], "must be at most 64");
    errors.require(
        (0.0..=180.0).contains(&rotate),
        &["augment", "rotate"],
        "must be from 0 to 180",
    );
    errors.require(is_decay(scale), &["augment", "scale"], DECAY);
    errors.require(is_decay(translate), &["augment", "translate"], DECAY);
    errors.require((0.0..=60.0).contains(&shear), &["augment", "shear"], "must be from 0 to 60");
    let share = "must be from 0 to 1";
    errors.require((0.0..=1.0).contains(&brightness), &["augment", "brightness"], share);
    errors.require((0.0..=1.0).contains(&contrast), &["augment", "contrast"], share);
    errors.require((0.0..=1.0).contains(&saturation), &["augment", "saturation"], share);
    errors.require(cutout <= 1024, &["augment", "cutout"], "must be at most 1024");
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Parses parameters and compares the errors.
    #[track_caller]
    fn check(params: Value, expected: &[&str]) {
        let params: Params = serde_json::from_value(params).unwrap();
        let errors: Vec<String> = params
            .out_of_bounds()
            .into_iter()
            .map(|error| format!("{} {}", error.keys.join("."), error.rule))
            .collect();
        assert_eq!(errors, expected);
    }

    #[test]
    fn defaults_and_toy_scales_are_within_bounds() {
        check(json!({}), &[]);
        let params = json!({
            "epochs": 9, "labels-per-class": 25, "model": {"kind": "resnet9"}, "image-size": 96,
            "tuning": {"kind": "gradual", "head-epochs": 3}, "progressive": [{"epochs": 4, "image-size": 32}],
        });
        check(params.clone(), &[]);
        let params: Params = serde_json::from_value(params).unwrap();
        check(super::super::at_toy_scale(&serde_json::to_value(params).unwrap()), &[]);
    }

    #[test]
    fn two_numbers_of_training_images_are_refused() {
        let expected = "labels-per-class cannot be combined with `train-images`: \
                        both set the number of images";
        check(json!({"train-images": 100, "labels-per-class": 5}), &[expected]);
    }

    #[test]
    fn parameters_without_effect_on_frozen_features_are_refused() {
        let why = "has no effect if features are computed once (`tuning: {kind: frozen}`)";
        check(
            json!({"tuning": {"kind": "frozen"}, "augment": {"flip": true}, "mixup": 0.2}),
            &[&format!("augment {why}"), &format!("mixup {why}")],
        );
    }

    #[test]
    fn stages_must_leave_an_epoch_and_fit_the_net() {
        check(
            json!({"epochs": 4, "progressive": [{"epochs": 4, "image-size": 16}]}),
            &[
                "progressive must leave an epoch for images of the full size",
                "progressive needs a net that accepts images of any size: neither an `mlp` nor `dense`",
            ],
        );
    }

    #[test]
    fn the_head_must_not_train_alone_to_the_end() {
        let tuning = json!({"kind": "gradual", "head-epochs": 5, "rate-decay": 0.5});
        check(
            json!({"epochs": 5, "tuning": tuning}),
            &[
                "tuning.rate-decay must be at least 1",
                "tuning.head-epochs must be at least 1 and below `epochs`",
            ],
        );
    }

    #[test]
    fn momentum_bounds_must_be_in_order() {
        let rule = "must be at least 0 and at most `momentum-high`, \
                     by default the optimizer's own";
        let schedule = json!({"kind": "one-cycle", "max-lr": "find", "momentum-low": 0.95});
        check(json!({"schedule": schedule}), &[&format!("schedule.momentum-low {rule}")]);
    }

    #[test]
    fn imagenet_weights_are_only_for_nets_that_have_them() {
        let rule = "model.pretrained `imagenet` is only for the `efficientnet-lite` nets; \
                    give a `.safetensors` file";
        check(json!({"model": {"kind": "efficientnet-lite0", "pretrained": "imagenet"}}), &[]);
        check(json!({"model": {"kind": "resnet18", "pretrained": "imagenet"}}), &[rule]);
    }
}
