//! `labpress build`: runs what is stale, then writes the site.

use std::path::{Path, PathBuf};

use clap::Args;

use super::environment::{Stopwatch, now};
use super::runs::{do_runs, wanted};
use super::site::{self, Site};
use super::{Jobs, Trouble, counted, duration, tell, tell_waiting};
use crate::config::{self, Config};
use crate::diagnostic::Diagnostic;
use crate::experiment::plan::{PlannedRun, plan};
use crate::experiment::record::Record;
use crate::experiment::results::Results;
use crate::experiment::spec::Experiment;
use crate::output::{self, Output};
use crate::store::Store;
use crate::{post, site as pages};

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
    let config =
        config::read(site.source.text(config::PATH)).map_err(|faults| Trouble::Faults(with_others(faults, &site)))?;
    let shown = post::Options {
        now: now(),
        drafts: options.drafts || config.show_drafts,
        future: options.future || config.future,
        unpublished: options.unpublished || config.unpublished,
    };
    let output = match rendered(&site, &config, &shown) {
        Err(faults) if !options.locked && only_results_lack(&faults) => {
            let planned = plan(&site.experiments, &site.records);
            let fresh: Vec<&Record> = planned.iter().filter_map(PlannedRun::fresh).collect();
            do_runs(&wanted(&planned, &lacking(&site, &faults), &root), &fresh, &root, options.jobs)?;
            rendered(&site::read(&root)?, &config, &shown)
        }
        rendered => rendered,
    };
    let destination = root.join(options.destination.as_deref().unwrap_or(Path::new(&config.destination)));
    let written = output::write(&output.map_err(Trouble::Faults)?, &destination)?;
    tell(format_args!(
        "{} written, {} unchanged, {} removed in {} ({})",
        counted(written.written, "file"),
        written.unchanged,
        written.removed,
        shown_path(&destination, &root),
        duration(stopwatch.elapsed().as_secs_f64())
    ));
    Ok(())
}

/// All files of the site, or everything that is wrong with it.
fn rendered(site: &Site, config: &Config, shown: &post::Options) -> Result<Output, Vec<Diagnostic>> {
    let blog = post::read(&site.source, config, shown).map_err(|faults| with_others(faults, site))?;
    let planned = plan(&site.experiments, &site.records);
    let pins = post::pins::read(&blog, &site.source, &site.experiments, &site.records);
    let pins = pins.map_err(|faults| with_others(faults, site))?;
    let results = Results::of(&site.experiments, &planned).with_pins(&pins);
    let output = pages::build(&site.source, config, &blog, &results).map_err(|faults| with_others(faults, site))?;
    if site.faults.is_empty() { Ok(output) } else { Err(site.faults.clone()) }
}

/// The faults of one stage together with those of experiments and records, in order of place.
fn with_others(mut faults: Vec<Diagnostic>, site: &Site) -> Vec<Diagnostic> {
    faults.extend_from_slice(&site.faults);
    faults.sort();
    faults.dedup();
    faults
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

/// A path for a message: short where it is in the site.
fn shown_path(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
