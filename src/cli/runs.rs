//! Does the stale runs of a plan and tells how they went: for `build` and `run`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context as _;

use super::environment::{self, Interrupts, Stopwatch, cores};
use super::progress::Progress;
use super::{Jobs, Trouble, counted, duration, tell};
use crate::data::fetch;
use crate::experiment::Name;
use crate::experiment::plan::PlannedRun;
use crate::experiment::record::Record;
use crate::experiment::spec::{Experiment, Runner};
use crate::runner::{Setup, Stop, has_artifacts, run_all};
use crate::store::Store;

/// Does the runs, with progress on standard error. Those that fail do not stop the others; that any did is an error.
/// `fresh` are the records that need no run.
pub(super) fn do_runs(runs: &[PlannedRun<'_>], fresh: &[&Record], root: &Path, jobs: Jobs) -> Result<(), Trouble> {
    tell_reasons(runs);
    let interrupts = Interrupts::counted()?;
    let stop = || interrupts.stop();
    let setup = setup(runs, root, jobs, &stop)?;
    let stopwatch = Stopwatch::started();
    let mut progress = Progress::of(runs);
    let outcomes = run_all(runs, fresh, &setup, &mut |number, update| progress.update(number, &update));
    progress.end();
    let recorded = outcomes.iter().filter(|outcome| outcome.record().is_some()).count();
    tell(format_args!("{} recorded in {}", counted(recorded, "run"), duration(stopwatch.elapsed().as_secs_f64())));
    match outcomes.len() - recorded {
        0 => Ok(()),
        lacking => Err(Trouble::LackingRuns(lacking)),
    }
}

/// What the runs need to know of this machine. Data sets that are not here are fetched.
pub(super) fn setup<'a>(
    runs: &[PlannedRun<'_>],
    root: &Path,
    Jobs { jobs }: Jobs,
    stop: &'a (dyn Fn() -> Stop + Sync),
) -> Result<Setup<'a>, Trouble> {
    let needs_lab = runs.iter().any(|run| matches!(run.experiment.runner, Runner::Lab { .. }));
    let lab = environment::lab();
    if needs_lab && lab.is_none() {
        let runs = if runs.len() == 1 { "1 run has".to_owned() } else { format!("{} runs have", runs.len()) };
        return Err(anyhow::anyhow!(
            "{runs} to be trained, and the program `lab` was not found\n\
            hint: `make lab` builds it; `labpress build --locked` builds from the committed results alone"
        )
        .into());
    }
    let on_gpu = needs_lab && lab.as_deref().is_some_and(|lab| has_gpu(lab) && runs.iter().any(may_use_gpu));
    Ok(Setup {
        root: root.to_owned(),
        results: root.to_owned(),
        lab,
        data: data_folders(runs)?,
        cores: cores(),
        // Runs on one GPU gain nothing from each other's company, and may not fit into its memory together.
        jobs: jobs.map(usize::from).or(on_gpu.then_some(1)),
        stop,
    })
}

fn may_use_gpu(run: &PlannedRun<'_>) -> bool {
    run.experiment.device != Some(crate::experiment::spec::Device::Cpu)
}

fn has_gpu(lab: &Path) -> bool {
    environment::lab_info(lab).is_ok_and(|info| info["cuda"] == true)
}

/// Makes the data sets of the runs present and returns the folder of each.
fn data_folders(runs: &[PlannedRun<'_>]) -> Result<BTreeMap<String, std::path::PathBuf>, Trouble> {
    let mut folders = BTreeMap::new();
    for data in runs.iter().filter_map(|run| run.experiment.data.as_ref()) {
        if folders.contains_key(&data.name) {
            continue;
        }
        let cache =
            environment::data_cache().context("there is no folder for data sets: set LABPRESS_DATA, or HOME")?;
        let folder = fetch::fetch(&data.name, &data.set, &cache, &mut |line| tell(format_args!("{line}")))?;
        folders.insert(data.name.clone(), folder);
    }
    Ok(folders)
}

/// The runs that have to be done for the results of `experiments`: their own, and those of all that they need.
///
/// A fresh run that a stale one needs is done again where its artifacts are not on this machine, as in a new clone.
pub(super) fn wanted<'a>(planned: &[PlannedRun<'a>], experiments: &[&Experiment], root: &Path) -> Vec<PlannedRun<'a>> {
    let store = Store::of(root);
    let mut wanted: BTreeSet<&Name> = experiments.iter().map(|experiment| &experiment.name).collect();
    let mut needed: BTreeSet<&Name> = BTreeSet::new();
    loop {
        let is_stale = |run: &&PlannedRun<'a>| {
            let lacks_artifacts = |record| needed.contains(&run.experiment.name) && !has_artifacts(record, &store);
            wanted.contains(&run.experiment.name) && run.fresh().is_none_or(lacks_artifacts)
        };
        let stale: Vec<&PlannedRun<'a>> = planned.iter().filter(is_stale).collect();
        let needs: BTreeSet<&Name> = stale.iter().flat_map(|run| run.experiment.needs.keys()).collect();
        if needs.is_subset(&needed) {
            return stale.into_iter().cloned().collect();
        }
        wanted.extend(&needs);
        needed.extend(&needs);
    }
}

/// Says which runs are done and why: one line for those of a variant that have the same reason.
fn tell_reasons(runs: &[PlannedRun<'_>]) {
    let alike = |a: &PlannedRun<'_>, b: &PlannedRun<'_>| {
        a.experiment.name == b.experiment.name && a.variant.name == b.variant.name && a.reason() == b.reason()
    };
    for runs in runs.chunk_by(alike) {
        let seeds: Vec<String> = runs.iter().map(|run| run.seed.to_string()).collect();
        let [run, ..] = runs else { continue };
        let (experiment, variant) = (&run.experiment.name, &run.variant.name);
        let seeds = format!("{} {}", if runs.len() == 1 { "seed" } else { "seeds" }, seeds.join(" "));
        tell(format_args!(
            "stale {experiment}/{variant} {seeds}: {}",
            run.reason().unwrap_or_else(|| "its artifacts are needed and not on this machine".to_owned())
        ));
    }
}
