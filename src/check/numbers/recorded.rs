//! Finds the recorded results that a typed number is equal to after rounding.

use std::collections::BTreeSet;

use super::token::{Number, Unit as Written};
use crate::experiment::results::{ExperimentResults, Results, VariantResults};
use crate::figure::number::Unit;
use crate::liquid;
use crate::recipe::Metric;

/// How many tags a hint proposes.
const MOST_TAGS: usize = 3;

/// The numbers of all records.
pub(super) struct Recorded<'a> {
    numbers: Vec<OfVariant<'a>>,
}

/// The mean of a number over the seeds of a variant, and the single ones.
struct OfVariant<'a> {
    experiment: &'a str,
    variant: &'a str,
    metric: &'a str,
    is_share: bool,
    mean: f64,
    of_seeds: Vec<(u64, f64)>,
}

impl<'a> Recorded<'a> {
    /// The numbers of these results.
    pub(super) fn of(results: &Results<'a>) -> Recorded<'a> {
        let of = |of: &ExperimentResults<'a>| -> Vec<OfVariant<'a>> {
            of.variants.iter().flat_map(|variant| numbers(of, variant)).collect()
        };
        Recorded { numbers: results.experiments.values().flat_map(of).collect() }
    }

    /// The experiments that the tags of a text name.
    pub(super) fn named_in(&self, text: &str) -> BTreeSet<&'a str> {
        let tags = liquid::tags(text);
        let names = |name: &str| {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
            let names_it =
                |arguments: &str| arguments.split(|c| !is_name(c)).any(|word| word == name);
            tags.iter().any(|(_, arguments, _)| names_it(arguments))
        };
        let experiments: BTreeSet<&str> = self.numbers.iter().map(|of| of.experiment).collect();
        experiments.into_iter().filter(|name| names(name)).collect()
    }

    /// The tags that show this number: of metrics that `prose` names before others, and means
    /// before single runs. Experiments that the post does not name count only if the number has so
    /// many digits that it is not equal by chance.
    pub(super) fn tags(&self, number: &Number, prose: &str, named: &BTreeSet<&str>) -> Vec<String> {
        let words = prose.to_lowercase();
        let mut found: Vec<(bool, bool, String)> = Vec::new();
        for of in &self.numbers {
            let OfVariant { experiment, variant, metric, .. } = of;
            if !named.contains(experiment) && number.digits < 4 {
                continue;
            }
            let name = metric.rsplit('.').next().unwrap_or(metric).replace(['-', '_'], " ");
            let is_unnamed = !words.contains(&name);
            if number.says(of.mean, of.is_share) {
                let tag = format!("{{% value {experiment}.{variant}.{metric} %}}");
                found.push((is_unnamed, false, tag));
            } else if let Some((seed, _)) =
                of.of_seeds.iter().find(|(_, value)| number.says(*value, of.is_share))
            {
                let tag = format!("{{% value {experiment}.{variant}.{metric} seed={seed} %}}");
                found.push((is_unnamed, true, tag));
            }
        }
        if found.is_empty() && number.unit == Written::Points {
            found.extend(self.differences(number, named).map(|tag| (false, false, tag)));
        }
        found.sort();
        // A worse match adds only noise.
        let best = found.first().map(|(is_unnamed, is_single, _)| (*is_unnamed, *is_single));
        let same =
            found.into_iter().filter(|(unnamed, single, _)| Some((*unnamed, *single)) == best);
        same.map(|(_, _, tag)| tag).take(MOST_TAGS).collect()
    }

    /// The tags that show this number as a difference of two variants of a named experiment.
    fn differences<'s>(
        &'s self,
        number: &'s Number,
        named: &'s BTreeSet<&str>,
    ) -> impl Iterator<Item = String> + 's {
        let of_named =
            self.numbers.iter().filter(|of| named.contains(of.experiment) && of.is_share);
        of_named.clone().flat_map(move |a| {
            let others = of_named.clone().filter(move |b| {
                let is_same = a.experiment == b.experiment && a.metric == b.metric;
                let difference = a.mean - b.mean;
                is_same && difference > 0.0 && number.says(difference, true)
            });
            others.map(move |b| {
                format!(
                    "{{% value {0}.{1}.{2} - {0}.{3}.{2} %}}",
                    a.experiment, a.variant, a.metric, b.variant
                )
            })
        })
    }
}

fn numbers<'a>(
    of: &ExperimentResults<'a>,
    variant: &VariantResults<'a>,
) -> impl Iterator<Item = OfVariant<'a>> {
    let names: BTreeSet<&'a str> =
        variant.records.iter().flat_map(|record| record.number_names()).collect();
    let experiment = of.experiment;
    let records = variant.records.clone();
    let name = variant.variant.name.as_str();
    names.into_iter().filter_map(move |metric| {
        let of_seed = |record: &&crate::experiment::record::Record| {
            Some((record.seed, record.number(metric)?))
        };
        let of_seeds: Vec<(u64, f64)> = records.iter().filter_map(of_seed).collect();
        let sum: f64 = of_seeds.iter().map(|(_, value)| value).sum();
        let mean = sum / of_seeds.len() as f64;
        let known: Option<&Metric> = experiment.metrics.get(metric);
        let is_share = Unit::of(known) == Unit::Share;
        let experiment = experiment.name.as_str();
        let found = OfVariant { experiment, variant: name, metric, is_share, mean, of_seeds };
        (!found.of_seeds.is_empty()).then_some(found)
    })
}

impl Number {
    /// Whether the number is `value` rounded to as many digits. A share may be typed as a part of 1,
    /// too.
    fn says(&self, value: f64, is_share: bool) -> bool {
        let is_scaled = matches!(self.unit, Written::Percent | Written::Points);
        if is_scaled && !is_share || matches!(self.unit, Written::Size) {
            return false;
        }
        let value = if is_scaled { value * 100.0 } else { value };
        // Rounds half away from zero, as people do; the slack is for 0.125 and the like.
        let unit = 10_f64.powi(-i32::try_from(self.decimals).unwrap_or(0));
        (value - self.value).abs() <= unit / 2.0 * (1.0 + 1e-9)
    }

    /// Whether so many digits are hardly equal to a result by chance.
    pub(super) fn is_telling(&self) -> bool {
        let is_scaled = matches!(self.unit, Written::Percent | Written::Points);
        self.decimals > 0 && self.digits >= if is_scaled { 2 } else { 3 }
    }
}
