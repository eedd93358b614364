//! What each built-in recipe accepts: its parameters, their defaults and bounds, its revision and
//! its metrics.
//!
//! Both programs need this: `labpress` to check experiments and compute fingerprints, `lab` to
//! train. The training itself is in `crates/lab/`.

pub mod image_classification;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a number is displayed and interpreted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Metric {
    /// Which way is better.
    #[serde(default)]
    pub goal: Option<Goal>,
    /// `%` displays a share of 1 as per cent; anything else is written after the number.
    #[serde(default)]
    pub unit: Option<String>,
    /// How far a rerun may deviate before `labpress verify` calls it different, in units of the
    /// recorded number: 0.005 is half a per cent. If omitted, it is derived from the spread over
    /// the seeds.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub tolerance: Option<f64>,
}

/// Which way a number is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// Higher is better.
    Max,
    /// Lower is better.
    Min,
}
