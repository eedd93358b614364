//! What each built-in recipe accepts: its parameters, their defaults and bounds, its revision and
//! its metrics.
//!
//! Both programs need this: `labpress` to check an experiment and to fingerprint it, `lab` to
//! train. The training itself is in `crates/lab/`.

pub mod image_classification;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a number is to be shown and read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Metric {
    /// Which way is better.
    #[serde(default)]
    pub goal: Option<Goal>,
    /// `%` shows a share of 1 as per cent; anything else is written behind the number.
    #[serde(default)]
    pub unit: Option<String>,
    /// How far a rerun may be off before `labpress verify` calls it different, as the number is
    /// recorded: 0.005 is half a per cent. Left out, it follows from the spread over the seeds.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub tolerance: Option<f64>,
}

/// Which way a number is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// More is better.
    Max,
    /// Less is better.
    Min,
}
