//! Optimizers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An optimizer, by kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum Optimizer {
    /// Stochastic gradient descent, with PyTorch's form of momentum.
    Sgd {
        /// Learning rate of the schedules `constant` and `step`.
        #[serde(default = "default_sgd_lr")]
        lr: f64,
        /// Momentum: the share of the last step's direction that is kept.
        #[serde(default = "default_momentum")]
        momentum: f64,
        /// Whether to use Nesterov momentum, which takes the gradient ahead of the step (Sutskever
        /// et al. 2013).
        #[serde(default)]
        nesterov: bool,
        /// L2 penalty, added to the gradient.
        #[serde(default)]
        weight_decay: f64,
        /// Whether `weight-decay` also applies to biases and the parameters of normalization layers
        /// (not recommended: He et al. 2018, arXiv 1812.01187).
        #[serde(default)]
        decay_norm_and_bias: bool,
    },
    /// Adam (Kingma and Ba 2014, arXiv 1412.6980).
    Adam {
        /// Learning rate of the schedules `constant` and `step`.
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
        /// Whether `weight-decay` also applies to biases and the parameters of normalization
        /// layers.
        #[serde(default)]
        decay_norm_and_bias: bool,
    },
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2017, arXiv 1711.05101).
    Adamw {
        /// Learning rate of the schedules `constant` and `step`.
        #[serde(default = "default_adam_lr")]
        lr: f64,
        /// Decay of the mean of gradients.
        #[serde(default = "default_beta1")]
        beta1: f64,
        /// Decay of the mean of squared gradients.
        #[serde(default = "default_beta2")]
        beta2: f64,
        /// Share of a weight that is subtracted each step, times the rate.
        #[serde(default = "default_adamw_decay")]
        weight_decay: f64,
        /// Whether `weight-decay` also applies to biases and the parameters of normalization
        /// layers.
        #[serde(default)]
        decay_norm_and_bias: bool,
    },
}

impl Default for Optimizer {
    fn default() -> Optimizer {
        Optimizer::Sgd {
            lr: default_sgd_lr(),
            momentum: default_momentum(),
            nesterov: false,
            weight_decay: 0.0,
            decay_norm_and_bias: false,
        }
    }
}

impl Optimizer {
    /// The rate of the schedules `constant` and `step`.
    pub fn lr(&self) -> f64 {
        match *self {
            Optimizer::Sgd { lr, .. }
            | Optimizer::Adam { lr, .. }
            | Optimizer::Adamw { lr, .. } => lr,
        }
    }

    /// The momentum that one-cycle varies: SGD's momentum, Adam's `beta1`.
    pub fn momentum(&self) -> f64 {
        match *self {
            Optimizer::Sgd { momentum, .. } => momentum,
            Optimizer::Adam { beta1, .. } | Optimizer::Adamw { beta1, .. } => beta1,
        }
    }
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

fn default_adamw_decay() -> f64 {
    0.01
}
