//! `labpress build`: runs what is stale, then writes the site.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use super::destination::{Destination, Place};
use super::environment::{Stopwatch, now};
use super::runs::{Verbosity, Wanted, Work, do_runs, wanted};
use super::site::{self, Site};
use super::{Error, counted, dry_run, duration, events, report, report_waiting, terms};
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

pub(super) fn build(root: &Path, options: &Options) -> Result<(), Error> {
    let stopwatch = Stopwatch::started();
    let work = &options.work;
    let root = site::root(root)?;
    let store = Store::of(&root);
    // What runs nothing changes nothing in the site, which may be read-only.
    let _lock =
        if work.dry_run || options.locked { None } else { Some(store.lock(report_waiting)?) };
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
    let config = config.map_err(|errors| Error::Errors(with_others(errors, &site)))?;
    let destination = destination.expect("it is there where the configuration could be read");
    destination.check_sources(&site.source)?;
    let shown = shown(&config, options);
    let mut warnings = config.warnings.clone();
    let output = rendered(&site, &config, &shown, &mut warnings);
    let report_warnings = |warnings: &[Diagnostic]| {
        for warning in warnings {
            work.verbosity().report(format_args!("{warning}\n"));
        }
    };
    report_warnings(&warnings);
    if work.dry_run {
        return would_build(output.err(), &site, work);
    }
    let output = match output {
        Err(errors) if !options.locked && only_results_lack(&errors) => {
            let warnings_now = std::cell::RefCell::new(Vec::new());
            let render = |site: &Site| {
                let mut found = Vec::new();
                let output = rendered(site, &config, &shown, &mut found);
                warnings_now.replace(found);
                output
            };
            let output = with_runs_done(&mut site, errors, read, &render, work)?;
            let mut warnings_now = warnings_now.into_inner();
            warnings_now.retain(|warning| !warnings.contains(warning));
            report_warnings(&warnings_now);
            output
        }
        Err(errors) if !options.locked => Err(without_what_runs_mend(errors)),
        rendered => rendered.map_err(once_for_each_experiment),
    };
    let destination = &destination.path;
    let waiting = || {
        report(format_args!(
            "another labpress is writing to `{}`: waiting for it to end",
            destination.display()
        ))
    };
    let output = output.map_err(Error::Errors)?;
    terms::check(&output, &site)?;
    let written = destination::write(&output, destination, waiting)?;
    let destination = shown_path(destination, &root);
    if work.verbosity() == Verbosity::Json {
        events::say(&events::of_written(written, &destination));
    }
    work.verbosity().report(format_args!(
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
    mut errors: Vec<Diagnostic>,
    read: impl Fn() -> Result<Site, Error>,
    rendered: &dyn Fn(&Site) -> Result<Output, Vec<Diagnostic>>,
    work: &Work,
) -> Result<Result<Output, Vec<Diagnostic>>, Error> {
    let most = 1 + site.experiments.len();
    for _ in 0..most {
        let planned = plan(&site.experiments, &site.records);
        let left_out = do_runs(&needed(&planned, &errors, site), site, work, None)?;
        *site = read()?;
        match rendered(site) {
            Err(more) if left_out == 0 && only_results_lack(&more) => errors = more,
            rendered => return Ok(rendered),
        }
    }
    Ok(Err(errors))
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
) -> Result<Destination<'a>, Error> {
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
fn would_build(errors: Option<Vec<Diagnostic>>, site: &Site, work: &Work) -> Result<(), Error> {
    let planned = plan(&site.experiments, &site.records);
    let wanted = match errors {
        Some(errors) if only_results_lack(&errors) => needed(&planned, &errors, site),
        Some(errors) => return Err(Error::Errors(errors)),
        None => Wanted::default(),
    };
    dry_run::report(&planned, &wanted, site, work);
    Ok(())
}

/// The runs that mend the errors.
fn needed<'a>(planned: &[PlannedRun<'a>], errors: &[Diagnostic], site: &Site) -> Wanted<'a> {
    let is_lacking = |run: &PlannedRun<'_>| {
        errors.iter().any(|error| error.lacking_experiment() == Some(run.experiment.name.as_str()))
    };
    wanted(planned, &is_lacking, false, &Store::of(&site.results))
}

/// What the site as it is now lacks of results: the errors of a build that runs nothing.
pub(super) fn lacking_now(site: &Site) -> Result<Vec<Diagnostic>, Error> {
    let config = config::read(site.source.text(config::PATH)).map_err(Error::Errors)?;
    let errors =
        rendered(site, &config, &as_configured(&config), &mut Vec::new()).err().unwrap_or_default();
    Ok(errors.into_iter().filter(|error| error.lacking_experiment().is_some()).collect())
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
    let (blog, mut errors) = post::read(&site.source, config, shown);
    warnings.extend_from_slice(&site.warnings);
    warnings.extend_from_slice(&blog.warnings);
    warnings.extend(pages::warnings(&site.source, config, &blog));
    let planned = plan(&site.experiments, &site.records);
    let pins = post::pins::read(&blog, &site.source, &site.experiments, &site.records);
    let pins = pins.map_err(|found| errors.extend(found)).unwrap_or_default();
    let results = Results::of(&site.experiments, &planned, &site.verifications)
        .with_files(site.source.result_files())
        .with_pins(&pins);
    warnings.extend(results.warnings());
    let output = pages::build(&site.source, config, &blog, &results)
        .map_err(|found| errors.extend(found))
        .ok();
    let output = output
        .filter(|_| errors.is_empty() && site.errors.is_empty())
        .ok_or_else(|| with_others(errors, site))?;
    Ok(pages::smoke::marked(output, &results).keeping(&config.keep_files))
}

/// The errors with the first of those that the lack of one experiment's results makes, and how many
/// more there are.
fn once_for_each_experiment(errors: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for experiment in errors.iter().filter_map(Diagnostic::lacking_experiment) {
        *counts.entry(experiment.to_owned()).or_insert(0) += 1;
    }
    let once = errors.into_iter().filter_map(|error| match error.lacking_experiment() {
        Some(experiment) => {
            counts.remove(experiment).map(|count| error.and_at_more_places(count - 1))
        }
        None => Some(error),
    });
    once.collect()
}

/// The errors of posts and pages together with those of experiments and records, in order of place.
/// That a post refers to an experiment whose own file has errors is no error of the post.
fn with_others(mut errors: Vec<Diagnostic>, site: &Site) -> Vec<Diagnostic> {
    let is_broken = |name: &str| {
        let folder = format!("experiments/{name}/");
        site.errors.iter().any(|error| error.place().path.starts_with(&folder))
    };
    errors.retain(|error| !error.unknown_experiment().is_some_and(is_broken));
    errors.extend_from_slice(&site.errors);
    errors.sort();
    errors.dedup();
    errors
}

/// The errors that the author has to mend: where there are others, that results lack is not told,
/// because the next build does those runs, or because the lack is a consequence of an experiment or
/// a record that cannot be read.
fn without_what_runs_mend(mut errors: Vec<Diagnostic>) -> Vec<Diagnostic> {
    if !only_results_lack(&errors) {
        errors.retain(|error| error.lacking_experiment().is_none());
    }
    errors
}

/// Whether all that keeps the site from being built are runs that can be done.
fn only_results_lack(errors: &[Diagnostic]) -> bool {
    errors.iter().all(|error| error.lacking_experiment().is_some())
}

/// A path for a message: short where it is in the site.
fn shown_path(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
