//! Predicts how long runs will take from similar runs, and which of them fit into a budget.

use std::collections::{BTreeMap, BTreeSet};

use super::fingerprint::{Fingerprint, Part};
use super::plan::PlannedRun;
use super::record::Record;

/// Predicts how long runs take from recorded runs.
pub struct Predictor<'a> {
    /// Times of runs in seconds with their epochs, by experiment and variant.
    times: BTreeMap<&'a str, BTreeMap<&'a str, Vec<Took>>>,
    /// Predictions for variants without recorded times, by experiment and epochs.
    of_experiment: BTreeMap<(&'a str, Option<u64>), Option<f64>>,
}

/// The time of a run in seconds, and its epochs.
type Took = (f64, Option<f64>);

impl<'a> Predictor<'a> {
    /// Predicts from these records.
    pub fn of(records: &'a [Record]) -> Predictor<'a> {
        let mut times: BTreeMap<&str, BTreeMap<&str, Vec<Took>>> = BTreeMap::new();
        for record in records {
            if let Some(seconds) =
                record.timing.get("seconds").copied().filter(|seconds| *seconds >= 0.0)
            {
                let of_variant = times
                    .entry(&record.experiment)
                    .or_default()
                    .entry(&record.variant)
                    .or_default();
                of_variant.push((seconds, epochs(&record.fingerprint)));
            }
        }
        Predictor { times, of_experiment: BTreeMap::new() }
    }

    /// The expected time of a run in seconds: the median of the recorded times (`seconds`) of its
    /// variant, or else of its experiment, scaled by `epochs` if both have that parameter. `None`
    /// if no such time is recorded.
    pub fn seconds(&mut self, run: &PlannedRun<'_>) -> Option<f64> {
        let present = epochs(&run.fingerprint);
        let scaled = |&(seconds, then): &Took| {
            seconds * present.zip(then).map_or(1.0, |(now, then)| now / then)
        };
        let (&experiment, times) = self.times.get_key_value(run.experiment.name.as_str())?;
        if let Some(of_variant) = times.get(run.variant.name.as_str()) {
            return median(of_variant.iter().map(scaled).collect());
        }
        let key = (experiment, present.map(f64::to_bits));
        *self
            .of_experiment
            .entry(key)
            .or_insert_with(|| median(times.values().flatten().map(scaled).collect()))
    }
}

/// The parameter `epochs` of a fingerprint, if it is above 0.
fn epochs(fingerprint: &Fingerprint) -> Option<f64> {
    let (_, part) = fingerprint.parts().find(|(name, _)| *name == "params.epochs")?;
    match part {
        Part::Value(value) => value.as_f64().filter(|epochs| *epochs > 0.0),
        Part::Digest(_) => None,
    }
}

/// The median, the lower of two; `None` if empty.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len().checked_sub(1)? / 2).copied()
}

/// The prediction for one run of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// How long it takes; `None` if no similar run is recorded.
    pub seconds: Option<f64>,
    /// The runs of the list that must end before it starts.
    pub needs: Vec<usize>,
}

/// Whether a run fits into the budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fit {
    /// It fits, and is expected to end after this many seconds.
    Ends(f64),
    /// It would end after this many seconds, too late.
    TooLong(f64),
    /// It needs this run, which does not fit.
    NeedsLeftOut(usize),
}

/// Fits runs into a budget of seconds, with `slots` at once: each, in order, is assigned to the
/// slot that is free first, and left out if it would not end in time; a later, shorter one may
/// still fit. Without a budget all fit.
///
/// A run of unknown length counts as instantaneous, since only its first record can tell its
/// length.
pub fn fit(runs: &[Expected], slots: usize, budget: Option<f64>) -> Vec<Fit> {
    let mut free_at = vec![0.0; slots.max(1)];
    let mut fits: Vec<Option<Fit>> = vec![None; runs.len()];
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); runs.len()];
    for (number, run) in runs.iter().enumerate() {
        run.needs.iter().for_each(|&need| needed_by[need].push(number));
    }
    let mut lacking: Vec<usize> = runs.iter().map(|run| run.needs.len()).collect();
    let mut ready: BTreeSet<usize> =
        (0..runs.len()).filter(|&number| lacking[number] == 0).collect();
    // Runs in a cycle of needs never get ready.
    while let Some(number) = ready.pop_first() {
        fits[number] = Some(fit_one(&runs[number], &fits, &mut free_at, budget));
        for &other in &needed_by[number] {
            lacking[other] -= 1;
            if lacking[other] == 0 {
                ready.insert(other);
            }
        }
    }
    fits.into_iter()
        .enumerate()
        .map(|(number, fit)| fit.unwrap_or(Fit::NeedsLeftOut(number)))
        .collect()
}

fn fit_one(run: &Expected, fits: &[Option<Fit>], free_at: &mut [f64], budget: Option<f64>) -> Fit {
    let mut ready_at: f64 = 0.0;
    for &need in &run.needs {
        match fits[need] {
            Some(Fit::Ends(end)) => ready_at = ready_at.max(end),
            Some(Fit::TooLong(_) | Fit::NeedsLeftOut(_)) | None => return Fit::NeedsLeftOut(need),
        }
    }
    let slot =
        (0..free_at.len()).min_by(|&a, &b| free_at[a].total_cmp(&free_at[b])).unwrap_or_default();
    let end = free_at[slot].max(ready_at) + run.seconds.unwrap_or(0.0);
    if budget.is_some_and(|budget| end > budget) {
        return Fit::TooLong(end);
    }
    free_at[slot] = end;
    Fit::Ends(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Name;
    use crate::experiment::plan::plan;
    use crate::experiment::record;
    use crate::experiment::spec::{Experiment, parse_all};
    use crate::inputs::Inputs;

    fn experiment(epochs: u32) -> Experiment {
        let text = format!(
            "title: T\nrunner: {{command: [train]}}\nparams: {{epochs: {epochs}}}\nvariants: {{a: {{}}, b: {{}}}}\n"
        );
        let (mut experiments, _) =
            parse_all(&Inputs::default().with("experiments/toy/experiment.yml", text), &|_| None);
        experiments.remove(0)
    }

    fn took(variant: &str, epochs: u32, seconds: f64) -> Record {
        let experiment = experiment(epochs);
        let run = &plan([&experiment], &[])[0];
        Record {
            format: record::FORMAT,
            experiment: Name::nearest_to("toy"),
            variant: Name::nearest_to(variant),
            seed: 0,
            fingerprint: run.fingerprint.clone(),
            given: BTreeMap::new(),
            environment: BTreeMap::new(),
            finished: jiff::Timestamp::UNIX_EPOCH,
            metrics: BTreeMap::new(),
            timing: BTreeMap::from([("seconds".to_owned(), seconds)]),
            series: BTreeMap::new(),
            artifacts: Vec::new(),
            diverged: None,
            imported: None,
        }
    }

    /// The prediction for the variant `a` with 10 epochs.
    #[track_caller]
    fn check(records: &[Record], expected: Option<f64>) {
        let experiment = experiment(10);
        assert_eq!(Predictor::of(records).seconds(&plan([&experiment], &[])[0]), expected);
    }

    #[test]
    fn a_prediction_is_the_median_of_the_variant() {
        check(
            &[took("b", 10, 99.0), took("a", 10, 4.0), took("a", 10, 5.0), took("a", 10, 60.0)],
            Some(5.0),
        );
    }

    #[test]
    fn a_variant_without_times_uses_those_of_its_experiment() {
        check(&[took("b", 10, 99.0)], Some(99.0));
        check(&[], None);
    }

    #[test]
    fn twice_the_epochs_take_twice_the_time() {
        check(&[took("a", 5, 3.0)], Some(6.0));
    }

    #[track_caller]
    fn check_fit(runs: &[(Option<f64>, &[usize])], slots: usize, budget: f64, expected: &[Fit]) {
        let runs: Vec<Expected> = runs
            .iter()
            .map(|(seconds, needs)| Expected { seconds: *seconds, needs: needs.to_vec() })
            .collect();
        assert_eq!(fit(&runs, slots, Some(budget)), expected);
    }

    #[test]
    fn runs_that_do_not_fit_are_left_out_and_shorter_ones_are_not() {
        let runs: [(Option<f64>, &[usize]); 3] =
            [(Some(5.0), &[]), (Some(9.0), &[]), (Some(4.0), &[])];
        check_fit(&runs, 1, 10.0, &[Fit::Ends(5.0), Fit::TooLong(14.0), Fit::Ends(9.0)]);
        check_fit(&runs, 2, 10.0, &[Fit::Ends(5.0), Fit::Ends(9.0), Fit::Ends(9.0)]);
    }

    #[test]
    fn a_run_starts_after_its_needs_and_is_left_out_with_them() {
        let runs: [(Option<f64>, &[usize]); 2] = [(Some(1.0), &[1]), (Some(5.0), &[])];
        check_fit(&runs, 2, 10.0, &[Fit::Ends(6.0), Fit::Ends(5.0)]);
        check_fit(&runs, 2, 4.0, &[Fit::NeedsLeftOut(1), Fit::TooLong(5.0)]);
    }

    #[test]
    fn a_run_of_unknown_length_fits() {
        check_fit(&[(None, &[])], 1, 0.0, &[Fit::Ends(0.0)]);
    }
}
