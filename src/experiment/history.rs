//! Earlier results, and what has changed since.
//!
//! Records of runs that differ only in their seed belong together: they have the same
//! [configuration](super::fingerprint::Fingerprint::configuration). The earlier results of a
//! variant are those of its newest older configuration. One that was abandoned after some of its
//! seeds is ignored if there is a complete one.

use std::collections::{BTreeMap, BTreeSet};

use super::record::Record;
use crate::digest::Digest;
use crate::stats::{Estimate, Summary, combined};

/// Records by variant, in order of seed.
pub type Recorded<'a> = BTreeMap<&'a str, Vec<&'a Record>>;

/// The change of a number of a variant.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    /// Name of the variant.
    pub variant: String,
    /// Name of the number.
    pub metric: String,
    /// The earlier number, over the seeds.
    pub before: Option<Summary>,
    /// The present number.
    pub after: Option<Summary>,
    /// The verdict on the change.
    pub verdict: Verdict,
}

/// The verdict on a difference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// Both sides are the same records.
    Unchanged,
    /// The number is on one side only.
    OneSided,
    /// Runs diverged, this many before and after; the means are of the other runs.
    Diverged(usize, usize),
    /// There is a difference, but no interval, because one side has a single seed.
    Single(Estimate),
    /// The interval of the difference, after minus before, contains 0: it may be chance.
    Within(Estimate),
    /// The interval of the difference does not contain 0.
    Beyond(Estimate),
}

/// Groups records by the variant given with each, in order of seed.
pub fn recorded<'a>(records: impl IntoIterator<Item = (&'a str, &'a Record)>) -> Recorded<'a> {
    let mut recorded = Recorded::new();
    for (variant, record) in records {
        recorded.entry(variant).or_default().push(record);
    }
    for records in recorded.values_mut() {
        records.sort_by_key(|record| record.seed);
    }
    recorded
}

/// A record with the variant that it was recorded for.
fn by_own_variant(record: &Record) -> (&str, &Record) {
    (record.variant.as_str(), record)
}

/// The results before `present`, the fresh records of an experiment, among all its `records`: for
/// each variant, those of the newest older configuration, or the present ones if there is none.
/// Earlier results of a renamed variant are those under any name in its present records.
pub fn before<'a>(
    present: &Recorded<'a>,
    records: impl IntoIterator<Item = &'a Record>,
) -> Recorded<'a> {
    let mut before = present.clone();
    let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (&variant, records) in present {
        for name in records.iter().map(|record| record.variant.as_str()).chain([variant]) {
            names.entry(name).or_default().insert(variant);
        }
    }
    let now_named = |record: &'a Record| {
        let own = by_own_variant(record);
        let variants = names.get(own.0).cloned().unwrap_or_else(|| BTreeSet::from([own.0]));
        variants.into_iter().map(move |variant| (variant, record))
    };
    for (variant, records) in recorded(records.into_iter().flat_map(now_named)) {
        let now = of_variant(present, variant);
        let seeds: BTreeSet<u64> = now.iter().map(|record| record.seed).collect();
        let configurations: BTreeSet<Digest> =
            now.iter().map(|record| record.fingerprint.configuration()).collect();
        let mut older: BTreeMap<Digest, Vec<&Record>> = BTreeMap::new();
        for record in records {
            older.entry(record.fingerprint.configuration()).or_default().push(record);
        }
        older.retain(|configuration, _| !configurations.contains(configuration));
        let rank = |records: &Vec<&Record>| {
            let has_seed = |record: &&&Record| seeds.contains(&record.seed);
            (
                records.iter().filter(has_seed).count(),
                records.iter().map(|record| record.finished).max(),
            )
        };
        if let Some(newest) = older.into_values().max_by_key(rank) {
            before.insert(variant, newest);
        }
    }
    before
}

/// The records of every configuration with a record whose fingerprint starts with `prefix`, hex
/// digits.
pub fn of_fingerprint<'a>(prefix: &str, records: &[&'a Record]) -> Recorded<'a> {
    let named =
        records.iter().filter(|record| record.fingerprint.digest().to_string().starts_with(prefix));
    let configurations: BTreeSet<(&str, Digest)> =
        named.map(|record| (record.variant.as_str(), record.fingerprint.configuration())).collect();
    let is_of_one = |record: &&&Record| {
        configurations.contains(&(record.variant.as_str(), record.fingerprint.configuration()))
    };
    recorded(records.iter().filter(is_of_one).map(|record| by_own_variant(record)))
}

/// The changes from `before` to `after`, of each variant and each of its metrics, in order of name.
/// For runs that have only series, of the last values of those.
pub fn moved(before: &Recorded<'_>, after: &Recorded<'_>) -> Vec<Moved> {
    let variants: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
    let numbers_of = |variant: &str| {
        let (before, after) = (of_variant(before, variant), of_variant(after, variant));
        let metrics = metrics(before.iter().chain(after).copied());
        metrics
            .into_iter()
            .map(|metric| moved_number(variant, &metric, before, after))
            .collect::<Vec<_>>()
    };
    variants.into_iter().flat_map(numbers_of).collect()
}

fn of_variant<'r, 'a>(recorded: &'r Recorded<'a>, variant: &str) -> &'r [&'a Record] {
    recorded.get(variant).map_or(&[], Vec::as_slice)
}

fn metrics<'r>(records: impl Iterator<Item = &'r Record> + Clone) -> BTreeSet<String> {
    let results: BTreeSet<String> =
        records.clone().flat_map(|record| record.metrics.keys().cloned()).collect();
    if results.is_empty() {
        records.flat_map(|record| record.series.keys().cloned()).collect()
    } else {
        results
    }
}

fn moved_number(variant: &str, metric: &str, before: &[&Record], after: &[&Record]) -> Moved {
    let summary = |records: &[&Record]| {
        let values: Vec<f64> = records.iter().filter_map(|record| record.number(metric)).collect();
        Summary::of(&values)
    };
    let (old, new) = (summary(before), summary(after));
    let diverged =
        |records: &[&Record]| records.iter().filter(|record| record.diverged.is_some()).count();
    let verdict = match (old, new) {
        _ if before == after => Verdict::Unchanged,
        _ if diverged(before) + diverged(after) > 0 => {
            Verdict::Diverged(diverged(before), diverged(after))
        }
        (Some(old), Some(new)) => judged(combined(&[(1.0, new), (-1.0, old)])),
        _ => Verdict::OneSided,
    };
    Moved {
        variant: variant.to_owned(),
        metric: metric.to_owned(),
        before: old,
        after: new,
        verdict,
    }
}

fn judged(difference: Estimate) -> Verdict {
    match difference.half_width {
        None => Verdict::Single(difference),
        Some(half_width) if difference.value.abs() > half_width => Verdict::Beyond(difference),
        Some(_) => Verdict::Within(difference),
    }
}

impl Verdict {
    /// The difference, after minus before, if there are two numbers that can differ.
    pub fn difference(self) -> Option<Estimate> {
        match self {
            Verdict::Unchanged | Verdict::OneSided | Verdict::Diverged(..) => None,
            Verdict::Single(difference)
            | Verdict::Within(difference)
            | Verdict::Beyond(difference) => Some(difference),
        }
    }

    /// Whether the difference is beyond the spread over the seeds; `None` if unknown.
    pub fn is_beyond(self) -> Option<bool> {
        match self {
            Verdict::Beyond(_) => Some(true),
            Verdict::Within(_) | Verdict::Unchanged => Some(false),
            Verdict::Single(_) | Verdict::OneSided | Verdict::Diverged(..) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Name;
    use crate::experiment::fingerprint::Fingerprint;

    fn record(seed: u64, rate: f64, minute: u32, accuracy: f64) -> Record {
        let fingerprint =
            serde_json::json!({"seed": {"value": seed}, "params.rate": {"value": rate}});
        let fingerprint: Fingerprint = serde_json::from_value(fingerprint).unwrap();
        Record {
            format: 1,
            experiment: Name::nearest_to("toy"),
            variant: Name::nearest_to("fast"),
            seed,
            fingerprint,
            given: BTreeMap::new(),
            environment: BTreeMap::new(),
            finished: format!("2026-11-23T14:{minute:02}:00Z").parse().unwrap(),
            metrics: BTreeMap::from([("accuracy".to_owned(), accuracy)]),
            timing: BTreeMap::new(),
            series: BTreeMap::new(),
            artifacts: Vec::new(),
            diverged: None,
            imported: None,
        }
    }

    fn own(records: &[Record]) -> Recorded<'_> {
        recorded(records.iter().map(by_own_variant))
    }

    #[test]
    fn a_renamed_variant_has_the_history_of_its_old_name() {
        let older = [record(0, 0.2, 3, 0.2)];
        let now = [record(0, 0.4, 4, 0.4)];
        let all: Vec<&Record> = older.iter().chain(&now).collect();
        let present = recorded(now.iter().map(|record| ("faster", record)));
        assert_eq!(before(&present, all), recorded(older.iter().map(|record| ("faster", record))));
    }

    #[track_caller]
    fn check(before: &[f64], after: &[f64], expected: Option<bool>) {
        let records = |values: &[f64], rate| -> Vec<Record> {
            values.iter().zip(0..).map(|(&value, seed)| record(seed, rate, 0, value)).collect()
        };
        let (before, after) = (records(before, 0.1), records(after, 0.2));
        let moved = moved(&own(&before), &own(&after));
        assert_eq!(moved[0].verdict.is_beyond(), expected, "{:?}", moved[0].verdict);
    }

    #[test]
    fn a_difference_larger_than_its_interval_is_beyond_the_spread() {
        check(&[0.50, 0.51, 0.52], &[0.60, 0.61, 0.62], Some(true));
        check(&[0.50, 0.51, 0.52], &[0.51, 0.52, 0.53], Some(false));
        check(&[0.5, 0.5], &[0.6, 0.6], Some(true));
        check(&[0.5, 0.5], &[0.5, 0.5], Some(false));
    }

    #[test]
    fn single_seeds_have_no_verdict() {
        check(&[0.5], &[0.6, 0.7], None);
        check(&[], &[0.6, 0.7], None);
    }

    #[test]
    fn before_is_the_newest_complete_configuration() {
        let oldest = [record(0, 0.1, 1, 0.1), record(1, 0.1, 2, 0.1)];
        let older = [record(0, 0.2, 3, 0.2), record(1, 0.2, 4, 0.2)];
        let given_up = [record(0, 0.3, 5, 0.3)];
        let now = [record(0, 0.4, 0, 0.4), record(1, 0.4, 0, 0.4)];
        let all: Vec<&Record> =
            [&oldest[..], &older, &given_up, &now].into_iter().flatten().collect();
        let present = own(&now);
        assert_eq!(before(&present, all.iter().copied()), own(&older));
        assert_eq!(before(&present, &now), present);
        let prefix = oldest[1].fingerprint.digest().short();
        assert_eq!(of_fingerprint(&prefix, &all), own(&oldest));
    }
}
