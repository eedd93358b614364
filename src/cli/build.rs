//! `labpress build`: runs what is stale, then writes the site.

use std::path::{Path, PathBuf};

use clap::Args;

use super::environment::{Stopwatch, now};
use super::runs::{do_runs, wanted};
use super::site::{self, Site};
use super::{Jobs, Trouble, counted, duration, tell, tell_waiting};
use crate::diagnostic::Diagnostic;
use crate::experiment::plan::{PlannedRun, plan};
use crate::experiment::results::Results;
use crate::output::{self, Output};
use crate::store::Store;

#[derive(Args)]
pub(super) struct Options {
    /// Where the site goes [default: `destination` of _config.yml, else public]
    #[arg(long, short = 'd', value_name = "DIR")]
    destination: Option<PathBuf>,
    /// Run nothing: fail if a result that a post shows is stale, missing or altered
    #[arg(long)]
    locked: bool,
    /// Build posts of _drafts, too
    #[arg(long, short = 'D')]
    drafts: bool,
    /// Build posts dated in the future, too
    #[arg(long)]
    future: bool,
    /// Build posts with `published: false`, too
    #[arg(long)]
    unpublished: bool,
    #[command(flatten)]
    jobs: Jobs,
}

pub(super) fn build(root: &Path, options: &Options) -> Result<(), Trouble> {
    let stopwatch = Stopwatch::started();
    let root = site::root(root)?;
    let _lock = Store::of(&root).lock(tell_waiting)?;
    let site = site::read(&root)?;
    let output = match output_of(&site, options) {
        Ok(output) => output,
        Err(faults) if !options.locked && only_results_lack(&faults) => {
            let planned = plan(&site.experiments, &site.records);
            let fresh: Vec<&Record> = planned.iter().filter_map(PlannedRun::fresh).collect();
            do_runs(&wanted(&planned, &lacking(&site, &faults), &root), &fresh, &root, options.jobs)?;
            output_of(&site::read(&root)?, options).map_err(Trouble::Faults)?
        }
        Err(faults) => return Err(Trouble::Faults(faults)),
    };
    let destination = root.join(options.destination.as_deref().unwrap_or(&site.destination));
    let written = output::write(&output, &destination)?;
    tell(format_args!(
        "{} written, {} unchanged, {} removed in {} ({})",
        counted(written.written, "file"),
        written.unchanged,
        written.removed,
        destination.display(),
        duration(stopwatch.elapsed().as_secs_f64())
    ));
    Ok(())
}

/// Whether all that keeps the site from being built are runs that can be done.
fn only_results_lack(faults: &[Diagnostic]) -> bool {
    faults.iter().all(|fault| fault.lacking_experiment().is_some())
}

/// The experiments that the faults are about.
fn lacking<'a>(site: &'a Site, faults: &[Diagnostic]) -> Vec<&'a Experiment> {
    let is_lacking = |name: &str| faults.iter().any(|fault| fault.lacking_experiment() == Some(name));
    site.experiments.iter().filter(|experiment| is_lacking(experiment.name.as_str())).collect()
}
