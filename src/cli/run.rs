//! `labpress run`: does the stale runs of experiments.

use std::path::Path;

use clap::Args;

use super::runs::{do_runs, wanted};
use super::{Jobs, Trouble, site, tell};
use crate::experiment::plan::{PlannedRun, plan};
use crate::experiment::record::Record;
use crate::experiment::spec::Experiment;
use crate::experiment::verification;
use crate::store::Store;

#[derive(Args)]
pub(super) struct Options {
    /// The experiments to run [default: all]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    jobs: Jobs,
}

pub(super) fn run(root: &Path, Options { names, jobs }: &Options) -> Result<(), Trouble> {
    let root = site::root(root)?;
    let _lock = Store::of(&root).lock(super::tell_waiting)?;
    let site = site::read(&root)?;
    let experiments: Vec<&Experiment> = match &names[..] {
        [] => site.experiments.iter().collect(),
        names => names.iter().map(|name| site.experiment(name)).collect::<Result<_, _>>()?,
    };
    // A damaged record is made again, a damaged verification says nothing; a fault anywhere else must be mended first.
    let is_of_result = |path: &str| path.contains("/runs/") || verification::is_path(path);
    let (damaged, faults): (Vec<_>, Vec<_>) =
        site.faults.iter().cloned().partition(|fault| is_of_result(&fault.place().path));
    if !faults.is_empty() {
        return Err(Trouble::Faults(faults));
    }
    for fault in &damaged {
        tell(format_args!("{fault}\n"));
    }
    let planned = plan(&site.experiments, &site.records);
    let fresh: Vec<&Record> = planned.iter().filter_map(PlannedRun::fresh).collect();
    let stale: Vec<PlannedRun<'_>> = wanted(&planned, &experiments, &site.root);
    if stale.is_empty() {
        tell(format_args!("all runs are fresh"));
        return Ok(());
    }
    do_runs(&stale, &fresh, &site.root, *jobs)
}
