//! `labpress status`: a table with the state of every experiment.

use std::collections::BTreeMap;
use std::path::Path;

use super::machine::Machine;
use super::table::table;
use super::{Error, answer, duration, environment, report, site};
use labpress::experiment::environment::drift;
use labpress::experiment::plan::{PlannedRun, RunState, plan};
use labpress::experiment::verification::{self, ByRun};
use labpress::runner::{Failure, child};
use labpress::store::Store;

/// The maximum length of a failure's reason and of a log's last line, in characters.
const WIDEST_REASON: usize = 160;
const WIDEST_LINE: usize = 80;
/// How many seeds of a variant are listed individually.
const SEEDS_LISTED: usize = 20;

pub(super) fn status(root: &Path) -> Result<(), Error> {
    let site = site::read(&site::root(root)?)?;
    let store = Store::of(site.inputs.root());
    let planned = plan(&site.experiments, &site.records);
    let of_variant = planned.chunk_by(|a, b| {
        a.experiment.name == b.experiment.name && a.variant.name == b.variant.name
    });
    let machine = Machine::of(&planned);
    let mut drifts = Drifts::default();
    let verifications = verification::by_run(&site.verifications);
    let mut rows: Vec<Vec<String>> = Vec::new();
    for runs in of_variant {
        let is_drifted = drifts.add(runs, &machine);
        rows.push(row(runs, is_drifted, &verifications, &store));
    }
    if rows.is_empty() && site.errors.is_empty() {
        report(format_args!(
            "there are no experiments: create one with `labpress new experiment NAME`"
        ));
    } else if !rows.is_empty() {
        answer(&table(&["EXPERIMENT", "VARIANT", "SEEDS", "STATE", "AGE", "TIME"], &rows));
        drifts.report();
    }
    for warning in &site.warnings {
        report(format_args!("{warning}\n"));
    }
    if site.errors.is_empty() { Ok(()) } else { Err(Error::Errors(site.errors)) }
}

fn row(
    runs: &[PlannedRun<'_>],
    is_drifted: bool,
    verifications: &ByRun<'_>,
    store: &Store,
) -> Vec<String> {
    let seeds: Vec<String> = runs.iter().map(|run| run.seed.to_string()).collect();
    let seeds = match &seeds[..] {
        [first, .., last] if seeds.len() > SEEDS_LISTED => {
            format!("{first} … {last} ({})", seeds.len())
        }
        _ => seeds.join(" "),
    };
    let records: Vec<_> = runs.iter().filter_map(PlannedRun::fresh).collect();
    let age = records.iter().map(|record| record.finished).max().map(|finished| {
        let seconds = environment::now().duration_since(finished).as_secs_f64();
        duration(seconds)
    });
    let times: Vec<f64> =
        records.iter().filter_map(|record| record.timing.get("seconds").copied()).collect();
    let time = (!times.is_empty())
        .then(|| format!("{} per run", duration(times.iter().sum::<f64>() / times.len() as f64)));
    let verifications: Vec<_> =
        records.iter().map(|record| verification::of_record(record, verifications)).collect();
    let drifted = is_drifted.then(|| "drifted".to_owned());
    let facts = drifted.into_iter().chain(verification::phrases(&verifications));
    vec![
        runs[0].experiment.name.to_string(),
        runs[0].variant.name.to_string(),
        seeds,
        std::iter::once(state(runs, store)).chain(facts).collect::<Vec<_>>().join(", "),
        age.unwrap_or_else(|| "-".to_owned()),
        time.unwrap_or_else(|| "-".to_owned()),
    ]
}

/// `fresh`, or how many are in which state: `2 stale (params.epochs changed from 3 to 4), 1
/// missing`.
fn state(runs: &[PlannedRun<'_>], store: &Store) -> String {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for run in runs {
        let state = run_state(run, store);
        match counts.iter_mut().find(|(known, _)| *known == state) {
            Some((_, count)) => *count += 1,
            None => counts.push((state, 1)),
        }
    }
    match &counts[..] {
        [(state, _)] => state.clone(),
        _ => counts
            .iter()
            .map(|(state, count)| format!("{count} {state}"))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

fn run_state(run: &PlannedRun<'_>, store: &Store) -> String {
    let stem = run.stem();
    let folder = store.run_folder(run.experiment.name.as_str(), &stem);
    match (&run.state, child::failure_before(&folder)) {
        (RunState::Fresh(record), _) => run.diverged().unwrap_or_else(|| {
            if record.imported.is_some() { "imported" } else { "fresh" }.to_owned()
        }),
        (_, Some(failure)) => format!("failed ({})", in_short(&failure)),
        (RunState::Stale { changed, .. }, None) => match &changed[..] {
            [only] => format!("stale ({only})"),
            parts => format!("stale ({} parts changed)", parts.len()),
        },
        (RunState::Missing, None) => "missing".to_owned(),
    }
}

/// Why a run failed, and the last line of its log.
fn in_short(failure: &Failure) -> String {
    let last = failure
        .log_end
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default()
        .trim();
    let reason: String =
        failure.reason.lines().next().unwrap_or_default().chars().take(WIDEST_REASON).collect();
    let end = last.char_indices().nth(WIDEST_LINE).map(|(end, _)| end);
    match end {
        _ if last.is_empty() => reason,
        None => format!("{reason}: {last}"),
        Some(end) => format!("{reason}: {}…", &last[..end]),
    }
}

/// The variants that were run in another environment, by the difference.
#[derive(Default)]
struct Drifts {
    variants: BTreeMap<String, Vec<String>>,
}

impl Drifts {
    /// Adds the runs of a variant. Returns whether any of their records drifted.
    fn add(&mut self, runs: &[PlannedRun<'_>], machine: &Machine) -> bool {
        let facts = machine.facts(runs[0].experiment);
        let mut changes: Vec<String> = runs
            .iter()
            .filter_map(PlannedRun::fresh)
            .map(|record| drift(&record.environment, &facts))
            .filter(|changed| !changed.is_empty())
            .map(|changed| changed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
            .collect();
        changes.sort();
        changes.dedup();
        let is_drifted = !changes.is_empty();
        let variant = format!("{}/{}", runs[0].experiment.name, runs[0].variant.name);
        for change in changes {
            self.variants.entry(change).or_default().push(variant.clone());
        }
        is_drifted
    }

    fn report(&self) {
        for (change, variants) in &self.variants {
            answer(&format!(
                "\ndrifted: recorded in another environment: {change}\n    {}",
                variants.join(" ")
            ));
        }
    }
}
