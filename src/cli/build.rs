//! `labpress build`: runs what is stale, then writes the site.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;

use super::environment::{Stopwatch, now};
use super::runs::do_runs;
use super::site::{self, Site};
use super::{Jobs, Trouble, counted, duration, tell};
use crate::config::Config;
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
    let root = &site::root(root)?;
    let _lock = Store::of(root).lock(tell_waiting)?;
    let output = match rendered(&site::read(root)?, options) {
        Err(Trouble::Faults(faults)) if !options.locked && faults.iter().all(|fault| fault.lacking_experiment().is_some()) => {
            run_lacking(&site::read(root)?, &faults, options)?;
            rendered(&site::read(root)?, options)?
        }
        rendered => rendered?,
    };
    let destination = destination(&site::read(root)?, options);
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
