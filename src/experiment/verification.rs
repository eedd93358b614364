//! The result of re-running a recorded run from the start: a committed JSON file next to the
//! record.
//!
//! `experiments/NAME/verifications/VARIANT-sSEED-FINGERPRINT8-DATE.json`. A record can have many,
//! and failed ones are also kept and shown. A verification names its record by digest, so a
//! re-created record starts without one.
//!
//! # Tolerance
//!
//! Numbers that are not bit-identical agree if they differ by at most a tolerance. `experiment.yml`
//! can state it (`metrics: {accuracy: {tolerance: 0.005}}`), also for a series of that name.
//! Otherwise it is three standard deviations over the seeds of the variant; at a step of a series,
//! the deviation of that step or the one pooled over all steps (the root of the mean of the
//! squares), whichever is larger, because a few seeds may agree at a step by chance. If a rerun had
//! only its configuration in common with the record, as when a GPU sums in another order each time,
//! the difference of the two would have √2 times that deviation and stay within the tolerance in 97
//! of 100 cases. So numbers within tolerance confirm the conclusions of a post, but not the bits;
//! numbers outside are more than chance. A hundred-thousandth of the recorded number is always
//! allowed, for rounding; for a single seed it is the whole tolerance.
//!
//! Times and speeds are never compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Name;
use super::environment::Environment;
use super::record::Record;
use super::sealed;
use crate::diagnostic::{Diagnostic, Place};
use crate::digest::Digest;
use crate::recipe::Metric;
use crate::stats::Summary;

/// The version of the format that this labpress reads and writes.
pub const FORMAT: u32 = 1;

/// How many standard deviations over the seeds a rerun may deviate.
const DEVIATIONS: f64 = 3.0;
/// The fraction of a number that is always allowed: the rounding of some thousand sums in single
/// precision.
const ROUNDING: f64 = 1e-5;

/// The result of re-running a recorded run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Verification {
    /// [`FORMAT`].
    pub format: u32,
    /// Name of the experiment.
    pub experiment: Name,
    /// Name of the variant.
    pub variant: Name,
    /// Seed of the run.
    pub seed: u64,
    /// Digest of the fingerprint of the record.
    pub fingerprint: Digest,
    /// Digest of the record.
    pub record: Digest,
    /// When the rerun ended, in UTC to the second.
    pub date: jiff::Timestamp,
    /// The user's name in git; `unknown` if there is none.
    pub by: String,
    /// The environment, as the rerun reported it; empty if it failed.
    pub environment: Environment,
    /// Its outcome.
    pub outcome: Outcome,
}

/// The outcome of a rerun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Outcome {
    /// All numbers are bit-identical.
    BitIdentical(Numbers),
    /// All numbers are within their tolerance, but not all are bit-identical.
    WithinTolerance(Numbers),
    /// At least one number is outside its tolerance, or only on one side.
    Different(Numbers),
    /// The rerun failed.
    Failed {
        /// The reason: `exited with status 1`.
        reason: String,
    },
}

/// The numbers of a record and its rerun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Numbers {
    /// Each result, by name.
    pub metrics: BTreeMap<String, Compared>,
    /// For each series, the step with the worst agreement; the last one of several.
    pub series: BTreeMap<String, Compared>,
    /// Names of the artifacts whose bytes differ. Not part of the verdict: an image may contain its
    /// date.
    pub other_artifacts: BTreeSet<String>,
}

/// A number in a record and in its rerun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Compared {
    /// The step, in a series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
    /// The recorded number; `None` if there is none.
    pub recorded: Option<f64>,
    /// The rerun's number; `None` if there is none.
    pub rerun: Option<f64>,
    /// How much they may differ.
    pub tolerance: f64,
    /// Their agreement.
    pub agreement: Agreement,
}

/// The agreement of two numbers; lower is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Agreement {
    /// Bit-identical.
    BitIdentical,
    /// They differ by at most the tolerance.
    WithinTolerance,
    /// They differ by more, or there is only one.
    Different,
}

/// Compares a record with its rerun. `declared` are the experiment's metrics, `of_variant` the
/// records of all seeds of the variant, from which undeclared tolerances are derived.
pub fn compare(
    record: &Record,
    rerun: &Record,
    declared: &BTreeMap<String, Metric>,
    of_variant: &[&Record],
) -> Outcome {
    let stated = |name: &str| declared.get(name).and_then(|metric| metric.tolerance);
    let metrics = names(&record.metrics, &rerun.metrics).map(|name| {
        let spread =
            spread(of_variant.iter().filter_map(|record| record.metrics.get(name)).copied());
        let pair = (record.metrics.get(name).copied(), rerun.metrics.get(name).copied());
        (name.clone(), compared(None, pair, stated(name), spread))
    });
    let series = names(&record.series, &rerun.series).filter_map(|name| {
        let deviations = deviations(of_variant.iter().filter_map(|record| record.series.get(name)));
        let pooled = pooled(&deviations);
        let spread = |step: &u64| deviations.get(step).copied().unwrap_or(0.0).max(pooled);
        let points = |of: &Record| {
            of.series.get(name).into_iter().flatten().copied().collect::<BTreeMap<u64, f64>>()
        };
        let (recorded, rerun) = (points(record), points(rerun));
        let steps: BTreeSet<u64> = recorded.keys().chain(rerun.keys()).copied().collect();
        let pair = |step: &u64| (recorded.get(step).copied(), rerun.get(step).copied());
        let all =
            steps.iter().map(|step| compared(Some(*step), pair(step), stated(name), spread(step)));
        all.max_by(Compared::by_distance).map(|furthest| (name.clone(), furthest))
    });
    let numbers = Numbers {
        metrics: metrics.collect(),
        series: series.collect(),
        other_artifacts: other_artifacts(record, rerun),
    };
    // Numbers up to a divergence say nothing about the final ones.
    let is_same_end = record.diverged == rerun.diverged;
    let of_end = (!is_same_end).then_some(Agreement::Different);
    match numbers.all().map(|(_, compared)| compared.agreement).chain(of_end).max() {
        Some(Agreement::Different) => Outcome::Different(numbers),
        Some(Agreement::WithinTolerance) => Outcome::WithinTolerance(numbers),
        Some(Agreement::BitIdentical) | None => Outcome::BitIdentical(numbers),
    }
}

fn names<'a, T>(
    a: &'a BTreeMap<String, T>,
    b: &'a BTreeMap<String, T>,
) -> impl Iterator<Item = &'a String> {
    a.keys().chain(b.keys()).collect::<BTreeSet<_>>().into_iter()
}

/// Standard deviation over the seeds; 0 if unknown.
fn spread(values: impl Iterator<Item = f64>) -> f64 {
    Summary::of(&values.collect::<Vec<_>>()).and_then(|summary| summary.deviation).unwrap_or(0.0)
}

/// Standard deviation over the seeds at each step that more than one seed has.
fn deviations<'a>(series: impl Iterator<Item = &'a Vec<(u64, f64)>>) -> BTreeMap<u64, f64> {
    let mut of_step: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for (step, value) in series.flatten() {
        of_step.entry(*step).or_default().push(*value);
    }
    let deviation = |values: &[f64]| Summary::of(values).and_then(|summary| summary.deviation);
    of_step.into_iter().filter_map(|(step, values)| Some((step, deviation(&values)?))).collect()
}

/// The pooled deviation of all steps; 0 if there are none.
fn pooled(deviations: &BTreeMap<u64, f64>) -> f64 {
    let largest = deviations.values().copied().fold(0.0, f64::max);
    if largest == 0.0 {
        return 0.0;
    }
    // Relative to the largest, squares neither overflow nor underflow.
    let squares: f64 = deviations.values().map(|deviation| (deviation / largest).powi(2)).sum();
    largest * (squares / deviations.len() as f64).sqrt()
}

fn compared(
    step: Option<u64>,
    pair: (Option<f64>, Option<f64>),
    stated: Option<f64>,
    spread: f64,
) -> Compared {
    let (recorded, rerun) = pair;
    let derived =
        || (DEVIATIONS * spread).max(ROUNDING * recorded.unwrap_or(0.0).abs()).min(f64::MAX);
    let tolerance = stated.unwrap_or_else(derived);
    let agreement = match pair {
        (Some(recorded), Some(rerun)) if recorded.to_bits() == rerun.to_bits() => {
            Agreement::BitIdentical
        }
        (Some(recorded), Some(rerun)) if (recorded - rerun).abs() <= tolerance => {
            Agreement::WithinTolerance
        }
        _ => Agreement::Different,
    };
    Compared { step, recorded, rerun, tolerance, agreement }
}

fn other_artifacts(record: &Record, rerun: &Record) -> BTreeSet<String> {
    let of = |record: &Record| -> BTreeSet<(String, Digest)> {
        record.artifacts.iter().map(|artifact| (artifact.name.clone(), artifact.digest)).collect()
    };
    of(record).symmetric_difference(&of(rerun)).map(|(name, _)| name.clone()).collect()
}

impl Compared {
    /// The difference of the two; `None` if there is only one.
    pub fn distance(&self) -> Option<f64> {
        Some((self.recorded? - self.rerun?).abs())
    }

    /// Orders from best to worst agreement.
    fn by_distance(&self, other: &Compared) -> std::cmp::Ordering {
        let distance = |of: &Compared| of.distance().unwrap_or(f64::INFINITY);
        self.agreement.cmp(&other.agreement).then(distance(self).total_cmp(&distance(other)))
    }
}

impl Numbers {
    /// The numbers of all metrics and series, with their names.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Compared)> {
        self.metrics.iter().chain(&self.series).map(|(name, compared)| (name.as_str(), compared))
    }
}

impl Outcome {
    /// Whether the rerun confirms the record.
    pub fn is_good(&self) -> bool {
        matches!(self, Outcome::BitIdentical(_) | Outcome::WithinTolerance(_))
    }

    /// The compared numbers; `None` if the rerun failed.
    pub fn numbers(&self) -> Option<&Numbers> {
        match self {
            Outcome::BitIdentical(numbers)
            | Outcome::WithinTolerance(numbers)
            | Outcome::Different(numbers) => Some(numbers),
            Outcome::Failed { .. } => None,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Outcome::BitIdentical(_) => "bit-identical",
            Outcome::WithinTolerance(_) => "within tolerance",
            Outcome::Different(_) => "different",
            Outcome::Failed { .. } => "failed",
        })
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Agreement::BitIdentical => "bit-identical",
            Agreement::WithinTolerance => "within tolerance",
            Agreement::Different => "different",
        })
    }
}

impl Verification {
    /// The verification of `record` by a rerun.
    pub fn of(
        record: &Record,
        outcome: Outcome,
        environment: Environment,
        by: &str,
        date: jiff::Timestamp,
    ) -> Self {
        Verification {
            format: FORMAT,
            experiment: record.experiment.clone(),
            variant: record.variant.clone(),
            seed: record.seed,
            fingerprint: record.fingerprint.digest(),
            record: record.digest(),
            date,
            by: by.to_owned(),
            environment,
            outcome,
        }
    }

    /// Where it belongs, from the site's root.
    pub fn path(&self) -> String {
        let run = format!("{}-s{}-{}", self.variant, self.seed, self.fingerprint.short());
        format!("{}{run}-{}.json", folder(&self.experiment), self.date.strftime("%Y%m%dT%H%M%SZ"))
    }

    /// The text of its file.
    pub fn to_text(&self) -> String {
        sealed::text(self)
    }

    /// Its day, in UTC.
    fn day(&self) -> String {
        self.date.strftime("%Y-%m-%d").to_string()
    }
}

/// The folder of an experiment's verifications, from the site's root.
fn folder(experiment: &str) -> String {
    format!("experiments/{experiment}/verifications/")
}

/// Whether a verification belongs at `path`.
pub fn is_path(path: &str) -> bool {
    let inside = path.strip_prefix("experiments/").and_then(|inside| inside.split_once('/'));
    inside.is_some_and(|(_, rest)| rest.starts_with("verifications/") && rest.ends_with(".json"))
}

/// Parses a verification and checks its digest and its path.
pub fn parse(path: &str, text: &str) -> Result<Verification, Diagnostic> {
    let hint = "restore it from git, or delete it and run `labpress verify` again";
    let kind = sealed::Kind { name: "verification", format: FORMAT, hint: Some(hint.to_owned()) };
    let verification: Verification = sealed::parse(path, text, &kind)?;
    if verification.path() != path {
        let message = format!("the verification belongs at `{}`", verification.path());
        return Err(kind.error(Place::file(path), message));
    }
    Ok(verification)
}

/// Verifications by the experiment, variant and seed of their run.
pub type ByRun<'a> = BTreeMap<(&'a str, &'a str, u64), Vec<&'a Verification>>;

/// Groups verifications by run.
pub fn by_run(verifications: &[Verification]) -> ByRun<'_> {
    let mut by_run = ByRun::new();
    for one in verifications {
        by_run.entry((&one.experiment, &one.variant, one.seed)).or_default().push(one);
    }
    by_run
}

/// The verifications of a record, in order of date.
pub fn of_record<'a>(record: &Record, verifications: &ByRun<'a>) -> Vec<&'a Verification> {
    let key: (&str, &str, u64) = (&record.experiment, &record.variant, record.seed);
    let mut of_run: Vec<&Verification> = verifications.get(&key).cloned().unwrap_or_default();
    if !of_run.is_empty() {
        let digest = record.digest();
        of_run.retain(|one| one.record == digest);
        of_run.sort_by_key(|one| one.date);
    }
    of_run
}

/// The state of runs in phrases: `2 of 3 runs verified 2026-11-23 (bit-identical)`, `1 of 3 runs
/// different when rerun 2026-11-24`. `runs` are the verifications of each run's record in order of
/// date, as [`of_record`] returns them. Empty if there are none.
pub fn phrases(runs: &[Vec<&Verification>]) -> Vec<String> {
    let verified = newest(runs, |one| one.outcome.is_good());
    let all_identical = verified.iter().all(|one| matches!(one.outcome, Outcome::BitIdentical(_)));
    let different = newest(runs, |one| matches!(one.outcome, Outcome::Different(_)));
    let failed = newest(runs, |one| matches!(one.outcome, Outcome::Failed { .. }));
    let how = if all_identical { "bit-identical" } else { "within tolerance" };
    let phrases = [
        days_of(&verified)
            .map(|days| format!("{}verified {days} ({how})", share(verified.len(), runs.len()))),
        days_of(&different).map(|days| {
            format!("{}different when rerun {days}", share(different.len(), runs.len()))
        }),
        days_of(&failed)
            .map(|days| format!("{}failed when rerun {days}", share(failed.len(), runs.len()))),
    ];
    phrases.into_iter().flatten().collect()
}

/// The newest matching verification of each run that has one.
fn newest<'a>(
    runs: &[Vec<&'a Verification>],
    is_of_sort: fn(&Verification) -> bool,
) -> Vec<&'a Verification> {
    runs.iter()
        .filter_map(|of_run| of_run.iter().rev().find(|one| is_of_sort(one)).copied())
        .collect()
}

/// `2026-11-23`, or `2026-11-20 to 2026-11-23`; `None` if there are none.
fn days_of(verifications: &[&Verification]) -> Option<String> {
    let days: BTreeSet<String> = verifications.iter().map(|one| one.day()).collect();
    let (first, last) = (days.first()?, days.last()?);
    Some(if first == last { first.clone() } else { format!("{first} to {last}") })
}

fn share(count: usize, of: usize) -> String {
    if count == of { String::new() } else { format!("{count} of {of} runs ") }
}

/// A seeded random sample of `count` of `runs`, in their order; all of them if there are fewer. The
/// same runs, count and seed give the same sample on every machine.
pub fn sample<T>(runs: Vec<T>, label: impl Fn(&T) -> String, count: usize, seed: u64) -> Vec<T> {
    // The runs whose labels have the lowest digests: as good as random, and one more run in the
    // experiment changes at most one of the sample.
    let mut lots: Vec<(Digest, usize)> = runs
        .iter()
        .enumerate()
        .map(|(index, run)| (Digest::of(format!("{seed} {}", label(run)).as_bytes()), index))
        .collect();
    lots.sort_unstable();
    lots.truncate(count);
    let drawn: BTreeSet<usize> = lots.into_iter().map(|(_, index)| index).collect();
    runs.into_iter()
        .enumerate()
        .filter(|(index, _)| drawn.contains(index))
        .map(|(_, run)| run)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::fingerprint::Fingerprint;
    use crate::experiment::record;

    /// A record with one metric and one series of three steps.
    fn record(seed: u64, accuracy: f64, loss: [f64; 3]) -> Record {
        Record {
            format: 1,
            experiment: Name::nearest_to("spiral"),
            variant: Name::nearest_to("plain"),
            seed,
            fingerprint: Fingerprint::from(BTreeMap::new()),
            given: BTreeMap::new(),
            environment: BTreeMap::new(),
            finished: "2026-11-23T14:05:00Z".parse().unwrap(),
            metrics: [("accuracy".to_owned(), accuracy)].into(),
            timing: [("seconds".to_owned(), accuracy)].into(),
            series: [("loss".to_owned(), (1..).zip(loss).collect())].into(),
            artifacts: Vec::new(),
            diverged: None,
            imported: None,
        }
    }

    const LOSS: [f64; 3] = [0.5, 0.3, 0.2];

    /// Compares the record of seed 0, accuracy 0.9, with its rerun. The seeds' accuracies are 0.9,
    /// 0.91 and 0.92, so that their deviation is 0.01; so is that of their losses, pooled: √((0.01²
    /// + 0.01² + 0.01²) / 3).
    fn outcome(accuracy: f64, loss: [f64; 3], stated: Option<f64>) -> Outcome {
        let more = |loss: [f64; 3], by: f64| loss.map(|loss| loss + by);
        let all = [
            record(0, 0.9, LOSS),
            record(1, 0.91, more(LOSS, 0.01)),
            record(2, 0.92, more(LOSS, 0.02)),
        ];
        let metric = Metric { tolerance: stated, ..Metric::default() };
        let declared = [("accuracy".to_owned(), metric)].into();
        compare(&all[0], &record(0, accuracy, loss), &declared, &all.iter().collect::<Vec<_>>())
    }

    #[track_caller]
    fn check(accuracy: f64, loss: [f64; 3], stated: Option<f64>, expected: &str) {
        assert_eq!(outcome(accuracy, loss, stated).to_string(), expected);
    }

    #[test]
    fn times_do_not_affect_bit_identity() {
        check(0.9, LOSS, None, "bit-identical");
        let mut slower = record(0, 0.9, LOSS);
        slower.timing.insert("seconds".to_owned(), 1e9);
        let outcome = compare(&record(0, 0.9, LOSS), &slower, &BTreeMap::new(), &[]);
        assert_eq!(outcome.to_string(), "bit-identical");
    }

    #[test]
    fn three_deviations_over_the_seeds_are_tolerated() {
        check(0.9 + 0.029, LOSS, None, "within tolerance");
        check(0.9 - 0.031, LOSS, None, "different");
        check(0.9, [0.5, 0.3, 0.229], None, "within tolerance");
        check(0.9, [0.5, 0.331, 0.2], None, "different");
    }

    #[test]
    fn a_step_may_vary_more_but_not_less_than_the_pooled_deviation() {
        // Deviations are 0.1 at the first step and 0 at the others: pooled 0.1 / √3, three times
        // that is 0.173.
        let all = [0.4, 0.5, 0.6].map(|first| record(0, 0.9, [first, 0.3, 0.2]));
        let verdict = |loss| {
            compare(
                &all[1],
                &record(0, 0.9, loss),
                &BTreeMap::new(),
                &all.iter().collect::<Vec<_>>(),
            )
            .to_string()
        };
        assert_eq!(verdict([0.79, 0.3, 0.2]), "within tolerance");
        assert_eq!(verdict([0.81, 0.3, 0.2]), "different");
        assert_eq!(verdict([0.5, 0.46, 0.2]), "within tolerance");
        assert_eq!(verdict([0.5, 0.48, 0.2]), "different");
    }

    #[test]
    fn a_stated_tolerance_replaces_the_derived_one() {
        check(0.9 + 0.029, LOSS, Some(0.001), "different");
        check(0.9 + 0.05, LOSS, Some(0.1), "within tolerance");
        check(0.9 + 1e-12, LOSS, Some(0.0), "different");
    }

    #[test]
    fn only_rounding_is_tolerated_for_a_single_seed() {
        let alone = record(0, 0.9, LOSS);
        let verdict = |accuracy| {
            compare(&alone, &record(0, accuracy, LOSS), &BTreeMap::new(), &[&alone]).to_string()
        };
        assert_eq!(verdict(0.900_008), "within tolerance");
        assert_eq!(verdict(0.900_01), "different");
    }

    #[test]
    fn a_number_on_one_side_only_is_different() {
        let mut other = record(0, 0.9, LOSS);
        other.metrics.insert("recall".to_owned(), 0.5);
        let all = [record(0, 0.9, LOSS)];
        assert_eq!(compare(&all[0], &other, &BTreeMap::new(), &[]).to_string(), "different");
        assert_eq!(compare(&other, &all[0], &BTreeMap::new(), &[]).to_string(), "different");
        other = record(0, 0.9, LOSS);
        other.series.get_mut("loss").unwrap().pop();
        assert_eq!(compare(&all[0], &other, &BTreeMap::new(), &[]).to_string(), "different");
    }

    #[test]
    fn a_rerun_that_diverges_differently_is_different() {
        let diverged = |step| {
            let diverged = labpress_runner::protocol::Diverged {
                metric: "loss".to_owned(),
                step: Some(step),
                value: None,
            };
            Record { diverged: Some(diverged), ..record(0, 0.9, LOSS) }
        };
        let verdict = |a: &Record, b: &Record| compare(a, b, &BTreeMap::new(), &[]).to_string();
        assert_eq!(verdict(&diverged(4), &diverged(4)), "bit-identical");
        assert_eq!(verdict(&diverged(4), &diverged(5)), "different");
        assert_eq!(verdict(&record(0, 0.9, LOSS), &diverged(4)), "different");
    }

    #[test]
    fn the_worst_step_of_a_series_is_kept() {
        let outcome = outcome(0.9, [0.51, 0.32, 0.2], None);
        let furthest = &outcome.numbers().unwrap().series["loss"];
        assert_eq!(
            (furthest.step, furthest.recorded, furthest.rerun),
            (Some(2), Some(0.3), Some(0.32))
        );
    }

    #[test]
    fn artifacts_with_other_bytes_are_listed_without_a_verdict() {
        let artifact = |content: &[u8]| record::Artifact {
            name: "table".to_owned(),
            kind: "table".into(),
            digest: Digest::of(content),
            bytes: 1,
            file: None,
        };
        let with = |content| Record { artifacts: vec![artifact(content)], ..record(0, 0.9, LOSS) };
        let outcome = compare(&with(b"a"), &with(b"b"), &BTreeMap::new(), &[]);
        assert_eq!(outcome.to_string(), "bit-identical");
        assert_eq!(
            outcome.numbers().unwrap().other_artifacts,
            BTreeSet::from(["table".to_owned()])
        );
    }

    fn verification(seed: u64, outcome: Outcome, day: &str) -> Verification {
        let date = format!("{day}T10:00:00Z").parse().unwrap();
        Verification::of(&record(seed, 0.9, LOSS), outcome, Environment::new(), "Ada", date)
    }

    #[test]
    fn a_verification_survives_a_round_trip() {
        for outcome in
            [outcome(0.1 + 0.2, LOSS, None), Outcome::Failed { reason: "out of memory".to_owned() }]
        {
            let verification = verification(0, outcome, "2026-11-23");
            assert_eq!(parse(&verification.path(), &verification.to_text()).unwrap(), verification);
        }
    }

    #[test]
    fn a_verification_belongs_to_one_version_of_its_record() {
        let all = [verification(0, outcome(0.9, LOSS, None), "2026-11-23")];
        let all = by_run(&all);
        assert_eq!(of_record(&record(0, 0.9, LOSS), &all).len(), 1);
        assert_eq!(of_record(&record(1, 0.9, LOSS), &all).len(), 0, "another seed");
        assert_eq!(of_record(&record(0, 0.8, LOSS), &all).len(), 0, "re-created");
    }

    #[track_caller]
    fn check_phrases(runs: &[&[(&str, Outcome)]], expected: &str) {
        let of_run = |of_run: &&[(&str, Outcome)]| {
            of_run.iter().map(|(day, outcome)| verification(0, outcome.clone(), day)).collect()
        };
        let runs: Vec<Vec<Verification>> = runs.iter().map(of_run).collect();
        let runs: Vec<Vec<&Verification>> =
            runs.iter().map(|of_run| of_run.iter().collect()).collect();
        assert_eq!(phrases(&runs).join("; "), expected);
    }

    #[test]
    fn phrases_count_the_runs_in_each_state() {
        let (same, near) = (outcome(0.9, LOSS, None), outcome(0.901, LOSS, None));
        let (other, failed) =
            (outcome(0.5, LOSS, None), Outcome::Failed { reason: "out of memory".to_owned() });
        check_phrases(&[&[], &[]], "");
        check_phrases(&[&[("2026-11-23", same.clone())]], "verified 2026-11-23 (bit-identical)");
        check_phrases(
            &[&[("2026-11-23", same.clone())], &[("2026-11-25", near)], &[]],
            "2 of 3 runs verified 2026-11-23 to 2026-11-25 (within tolerance)",
        );
        check_phrases(
            &[&[("2026-11-23", other), ("2026-11-24", same)], &[("2026-11-25", failed)]],
            "1 of 2 runs verified 2026-11-24 (bit-identical); 1 of 2 runs different when rerun 2026-11-23; \
             1 of 2 runs failed when rerun 2026-11-25",
        );
    }

    #[test]
    fn a_sample_is_repeatable_ordered_and_depends_on_its_seed() {
        let drawn = |count, seed| sample((0..100).collect(), ToString::to_string, count, seed);
        assert_eq!(drawn(5, 1), drawn(5, 1));
        assert_ne!(drawn(5, 1), drawn(5, 2));
        assert!(drawn(5, 1).is_sorted() && drawn(5, 1).len() == 5);
        assert_eq!(drawn(1000, 1), (0..100).collect::<Vec<_>>());
    }
}
