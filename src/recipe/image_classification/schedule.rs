//! Schedules of the learning rate.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A learning-rate schedule, by kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum Schedule {
    /// The optimizer's rate throughout.
    Constant {},
    /// The optimizer's rate, multiplied by a factor every few epochs (PyTorch's `StepLR`).
    Step {
        /// Epochs between two changes.
        every: u32,
        /// What the rate is multiplied by.
        #[serde(default = "default_factor")]
        factor: f64,
    },
    /// Up to `max-lr` linearly, then down along half a cosine (Loshchilov and Hutter 2016, arXiv
    /// 1608.03983; the warm-up: Goyal et al. 2017, arXiv 1706.02677). The optimizer's own rate is
    /// not used.
    Cosine {
        /// The highest rate, or `find`.
        max_lr: Rate,
        /// Share of the steps with a rising rate.
        #[serde(default)]
        warm_up: f64,
        /// The final rate as a share of `max-lr`.
        #[serde(default)]
        last: f64,
    },
    /// Up to `max-lr` and down again, each along half a cosine, while the momentum (Adam's `beta1`)
    /// goes down and up (Smith and Topin 2017, arXiv 1708.07120; Smith 2018, arXiv 1803.09820;
    /// PyTorch's `OneCycleLR`). The optimizer's own rate is not used.
    OneCycle {
        /// The highest rate, or `find`.
        max_lr: Rate,
        /// Share of the steps with a rising rate.
        #[serde(default = "default_warm_up")]
        warm_up: f64,
        /// `max-lr` is this many times the first rate.
        #[serde(default = "default_div")]
        div: f64,
        /// The first rate is this many times the last.
        #[serde(default = "default_final_div")]
        final_div: f64,
        /// The momentum at the highest rate; `None` is 0.1 less than `momentum-high`, at least 0.
        #[serde(default)]
        momentum_low: Option<f64>,
        /// The momentum at the start and at the end; `None` is the optimizer's own.
        #[serde(default)]
        momentum_high: Option<f64>,
    },
}

fn default_factor() -> f64 {
    0.1
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

impl Schedule {
    /// The highest rate of schedules that have one of their own.
    pub fn max_lr(&self) -> Option<Rate> {
        match *self {
            Schedule::Constant {} | Schedule::Step { .. } => None,
            Schedule::Cosine { max_lr, .. } | Schedule::OneCycle { max_lr, .. } => Some(max_lr),
        }
    }

    /// Whether the rate is found by a test before training.
    pub fn has_rate_to_find(&self) -> bool {
        self.max_lr() == Some(Rate::Find)
    }

    /// The same schedule with another highest rate.
    #[must_use]
    pub fn up_to(mut self, rate: f64) -> Schedule {
        match &mut self {
            Schedule::Constant {} | Schedule::Step { .. } => {}
            Schedule::Cosine { max_lr, .. } | Schedule::OneCycle { max_lr, .. } => {
                *max_lr = Rate::Of(rate);
            }
        }
        self
    }
}

/// A learning rate, or a request to find one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// This rate.
    Of(f64),
    /// What the learning-rate finder suggests (Smith 2015, arXiv 1506.01186): the run starts with a
    /// short training at rising rates, whose weights are discarded.
    Find,
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Rate::Of(rate) => serializer.serialize_f64(*rate),
            Rate::Find => serializer.serialize_str("find"),
        }
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Rate, D::Error> {
        struct Written;

        impl Visitor<'_> for Written {
            type Value = Rate;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a learning rate or `find`")
            }

            fn visit_f64<E: de::Error>(self, rate: f64) -> Result<Rate, E> {
                Ok(Rate::Of(rate))
            }

            fn visit_u64<E: de::Error>(self, rate: u64) -> Result<Rate, E> {
                Ok(Rate::Of(rate as f64))
            }

            fn visit_i64<E: de::Error>(self, rate: i64) -> Result<Rate, E> {
                Ok(Rate::Of(rate as f64))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Rate, E> {
                if text == "find" {
                    Ok(Rate::Find)
                } else {
                    Err(E::invalid_value(de::Unexpected::Str(text), &self))
                }
            }
        }

        deserializer.deserialize_any(Written)
    }
}

impl JsonSchema for Rate {
    fn schema_name() -> Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A learning rate, or `find`: what the learning-rate finder suggests.",
            "anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"const": "find"}]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(written: &str, expected: Result<Rate, &str>) {
        let read = serde_yaml::from_str::<Rate>(written).map_err(|error| error.to_string());
        assert_eq!(read, expected.map_err(str::to_owned));
    }

    #[test]
    fn a_rate_is_a_number_or_find() {
        check("0.1", Ok(Rate::Of(0.1)));
        check("1", Ok(Rate::Of(1.0)));
        check("find", Ok(Rate::Find));
        check(
            "search",
            Err("invalid value: string \"search\", expected a learning rate or `find`"),
        );
    }

    #[test]
    fn a_rate_survives_a_round_trip() {
        assert_eq!(serde_json::to_string(&[Rate::Of(0.1), Rate::Find]).unwrap(), "[0.1,\"find\"]");
    }
}
