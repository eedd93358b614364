//! `labpress build`: runs what is stale, then writes the site.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use super::destination::{Destination, Place};
use super::environment::{Stopwatch, now};
use super::runs::{Talk, Wanted, Work, do_runs, wanted};
use super::site::{self, Site};
use super::{Trouble, counted, dry_run, duration, events, tell, tell_waiting, terms};
use crate::config::{self, Config};
use crate::destination;
use crate::diagnostic::Diagnostic;
use crate::experiment::plan::{PlannedRun, plan};
use crate::experiment::results::Results;
use crate::output::Output;
use crate::store::Store;
use crate::{post, site as pages, source};

#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct Options {
    /// Where the site goes [default: `destination` of _config.yml, else public]
    #[arg(long, short = 'd', value_name = "DIR")]
    destination: Option<PathBuf>,
    /// Run nothing: fail if a result that a post shows is stale, missing or altered
    #[arg(long, conflicts_with_all = ["dry_run", "budget", "smoke"])]
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
    work: Work,
}

pub(super) fn build(root: &Path, options: &Options) -> Result<(), Trouble> {
    let stopwatch = Stopwatch::started();
    let work = &options.work;
    let root = site::root(root)?;
    let store = Store::of(&root);
    // What runs nothing changes nothing in the site, which may be read-only.
    let _lock = if work.dry_run || options.locked { None } else { Some(store.lock(tell_waiting)?) };
    let written_config = source::read_one(&root, config::PATH)?;
    let config = config::read(written_config.as_deref());
    let place = Place { root: &root, config: written_config.as_deref().unwrap_or("") };
    let destination =
        config.as_ref().ok().map(|config| destination(place, config, options)).transpose()?;
    let destination_path =
        destination.as_ref().and_then(|destination| destination.path_in_site.clone());
    let read = || {
        let site = site::read_without(&root, destination_path.as_deref())?;
        if work.smoke { site::at_toy_scale(site, &|_| false) } else { Ok(site) }
    };
    let mut site = read()?;
    let config = config.map_err(|faults| Trouble::Faults(with_others(faults, &site)))?;
    let destination = destination.expect("it is there where the configuration could be read");
    destination.check_sources(&site.source)?;
    let shown = shown(&config, options);
    let mut warnings = config.warnings.clone();
    let output = rendered(&site, &config, &shown, &mut warnings);
    let tell_warnings = |warnings: &[Diagnostic]| {
        for warning in warnings {
            work.talk().tell(format_args!("{warning}\n"));
        }
    };
    tell_warnings(&warnings);
    if work.dry_run {
        return would_build(output.err(), &site, work);
    }
    let output = match output {
        Err(faults) if !options.locked && only_results_lack(&faults) => {
            let warnings_now = std::cell::RefCell::new(Vec::new());
            let render = |site: &Site| {
                let mut found = Vec::new();
                let output = rendered(site, &config, &shown, &mut found);
                warnings_now.replace(found);
                output
            };
            let output = with_runs_done(&mut site, faults, read, &render, work)?;
            let mut warnings_now = warnings_now.into_inner();
            warnings_now.retain(|warning| !warnings.contains(warning));
            tell_warnings(&warnings_now);
            output
        }
        Err(faults) if !options.locked => Err(without_what_runs_mend(faults)),
        rendered => rendered.map_err(once_for_each_experiment),
    };
    let destination = &destination.path;
    let waiting = || {
        tell(format_args!(
            "another labpress is writing to `{}`: waiting for it to end",
            destination.display()
        ))
    };
    let output = output.map_err(Trouble::Faults)?;
    terms::check(&output, &site)?;
    let written = destination::write(&output, destination, waiting)?;
    let destination = shown_path(destination, &root);
    if work.talk() == Talk::Json {
        events::say(&events::of_written(written, &destination));
    }
    work.talk().tell(format_args!(
        "{} written, {} unchanged, {} removed in {destination} ({})",
        counted(written.written, "file"),
        written.unchanged,
        written.removed,
        duration(stopwatch.elapsed().as_secs_f64())
    ));
    Ok(())
}

/// Does the runs that the site lacks, and renders it again: until no result is lacking, because
/// results that come out otherwise than before make stale what was made from them.
fn with_runs_done(
    site: &mut Site,
    mut faults: Vec<Diagnostic>,
    read: impl Fn() -> Result<Site, Trouble>,
    rendered: &dyn Fn(&Site) -> Result<Output, Vec<Diagnostic>>,
    work: &Work,
) -> Result<Result<Output, Vec<Diagnostic>>, Trouble> {
    let most = 1 + site.experiments.len();
    for _ in 0..most {
        let planned = plan(&site.experiments, &site.records);
        let left_out = do_runs(&needed(&planned, &faults, site), site, work, None)?;
        *site = read()?;
        match rendered(site) {
            Err(more) if left_out == 0 && only_results_lack(&more) => faults = more,
            rendered => return Ok(rendered),
        }
    }
    Ok(Err(faults))
}

/// What of posts is built.
fn shown(config: &Config, options: &Options) -> post::Options {
    let configured = as_configured(config);
    post::Options {
        drafts: options.drafts || configured.drafts,
        future: options.future || configured.future,
        unpublished: options.unpublished || configured.unpublished,
        ..configured
    }
}

/// What of posts is built where the command line says nothing.
pub(super) fn as_configured(config: &Config) -> post::Options {
    post::Options {
        now: now(),
        drafts: config.show_drafts,
        future: config.future,
        unpublished: config.unpublished,
    }
}

/// Where the site goes. A smoke build never goes to where the real one does.
fn destination<'a>(
    place: Place<'a>,
    config: &Config,
    options: &'a Options,
) -> Result<Destination<'a>, Trouble> {
    match &options.destination {
        Some(given) => {
            let destination = place.given(given, &config.roles)?;
            if options.work.smoke {
                destination.check_smoke(&config.destination)?;
            }
            Ok(destination)
        }
        None if options.work.smoke => place.smoke(),
        None => place.configured(config),
    }
}

/// Says how the runs stand, and which of them the site needs.
fn would_build(faults: Option<Vec<Diagnostic>>, site: &Site, work: &Work) -> Result<(), Trouble> {
    let planned = plan(&site.experiments, &site.records);
    let wanted = match faults {
        Some(faults) if only_results_lack(&faults) => needed(&planned, &faults, site),
        Some(faults) => return Err(Trouble::Faults(faults)),
        None => Wanted::default(),
    };
    dry_run::tell(&planned, &wanted, site, work);
    Ok(())
}

/// The runs that mend the faults.
fn needed<'a>(planned: &[PlannedRun<'a>], faults: &[Diagnostic], site: &Site) -> Wanted<'a> {
    let is_lacking = |run: &PlannedRun<'_>| {
        faults.iter().any(|fault| fault.lacking_experiment() == Some(run.experiment.name.as_str()))
    };
    wanted(planned, &is_lacking, false, &Store::of(&site.results))
}

/// What the site as it is now lacks of results: the faults of a build that runs nothing.
pub(super) fn lacking_now(site: &Site) -> Result<Vec<Diagnostic>, Trouble> {
    let config = config::read(site.source.text(config::PATH)).map_err(Trouble::Faults)?;
    let faults =
        rendered(site, &config, &as_configured(&config), &mut Vec::new()).err().unwrap_or_default();
    Ok(faults.into_iter().filter(|fault| fault.lacking_experiment().is_some()).collect())
}

/// All files of the site, or everything that is wrong with it.
pub(super) fn rendered(
    site: &Site,
    config: &Config,
    shown: &post::Options,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Output, Vec<Diagnostic>> {
    let at_origin =
        |found: Vec<Diagnostic>| found.into_iter().map(|one| site.source.at_origin(one)).collect();
    let mut told = Vec::new();
    let output = made(site, config, shown, &mut told).map_err(at_origin);
    warnings.extend::<Vec<Diagnostic>>(at_origin(told));
    output
}

/// The same, with files named as the build knows them.
fn made(
    site: &Site,
    config: &Config,
    shown: &post::Options,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Output, Vec<Diagnostic>> {
    let (blog, mut faults) = post::read(&site.source, config, shown);
    warnings.extend_from_slice(&site.warnings);
    warnings.extend_from_slice(&blog.warnings);
    warnings.extend(pages::warnings(&site.source, config, &blog));
    let planned = plan(&site.experiments, &site.records);
    let pins = post::pins::read(&blog, &site.source, &site.experiments, &site.records);
    let pins = pins.map_err(|found| faults.extend(found)).unwrap_or_default();
    let results = Results::of(&site.experiments, &planned, &site.verifications)
        .with_files(site.source.result_files())
        .with_pins(&pins);
    warnings.extend(results.warnings());
    let output = pages::build(&site.source, config, &blog, &results)
        .map_err(|found| faults.extend(found))
        .ok();
    let output = output
        .filter(|_| faults.is_empty() && site.faults.is_empty())
        .ok_or_else(|| with_others(faults, site))?;
    Ok(pages::smoke::marked(output, &results).keeping(&config.keep_files))
}

/// The errors with the first of those that the lack of one experiment's results makes, and how many
/// more there are.
fn once_for_each_experiment(faults: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for experiment in faults.iter().filter_map(Diagnostic::lacking_experiment) {
        *counts.entry(experiment.to_owned()).or_insert(0) += 1;
    }
    let once = faults.into_iter().filter_map(|fault| match fault.lacking_experiment() {
        Some(experiment) => {
            counts.remove(experiment).map(|count| fault.and_at_more_places(count - 1))
        }
        None => Some(fault),
    });
    once.collect()
}

/// The faults of posts and pages together with those of experiments and records, in order of place.
/// That a post refers to an experiment whose own file has errors is no error of the post.
fn with_others(mut faults: Vec<Diagnostic>, site: &Site) -> Vec<Diagnostic> {
    let is_broken = |name: &str| {
        let folder = format!("experiments/{name}/");
        site.faults.iter().any(|fault| fault.place().path.starts_with(&folder))
    };
    faults.retain(|fault| !fault.unknown_experiment().is_some_and(is_broken));
    faults.extend_from_slice(&site.faults);
    faults.sort();
    faults.dedup();
    faults
}

/// The faults that the author has to mend: where there are others, that results lack is not told,
/// because the next build does those runs, or because the lack is a consequence of an experiment or
/// a record that cannot be read.
fn without_what_runs_mend(mut faults: Vec<Diagnostic>) -> Vec<Diagnostic> {
    if !only_results_lack(&faults) {
        faults.retain(|fault| fault.lacking_experiment().is_none());
    }
    faults
}

/// Whether all that keeps the site from being built are runs that can be done.
fn only_results_lack(faults: &[Diagnostic]) -> bool {
    faults.iter().all(|fault| fault.lacking_experiment().is_some())
}

/// A path for a message: short where it is in the site.
fn shown_path(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
