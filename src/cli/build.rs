//! `labpress build`: runs stale experiments, then writes the site.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use super::destination::{Destination, Place};
use super::environment::{Stopwatch, now};
use super::runs::{Verbosity, Wanted, Work, do_runs, wanted};
use super::{
    Error, counted, dry_run, duration, events, report, report_waiting, site, terms, timings,
};
use labpress::config::{self, Config};
use labpress::destination::{self, Written};
use labpress::diagnostic::Diagnostic;
use labpress::experiment::plan::{PlannedRun, plan};
use labpress::experiment::results::Need;
use labpress::inputs;
use labpress::post::Shown;
use labpress::site::{Built, Memo, Origin, Site};
use labpress::store::Store;
use labpress::store::cache::Cache;
use labpress::store::last_build::{LastBuild, Origins};
use labpress::timings::{span, start};

#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct Options {
    /// Where to write the site [default: `destination` in _config.yml, or public]
    #[arg(long, short = 'd', value_name = "DIR")]
    destination: Option<PathBuf>,
    /// Run nothing; fail if a result that a post shows is stale, missing or altered
    #[arg(long, conflicts_with_all = ["dry_run", "budget", "smoke"])]
    locked: bool,
    /// Also build drafts
    #[arg(long, short = 'D')]
    drafts: bool,
    /// Also build posts dated in the future
    #[arg(long)]
    future: bool,
    /// Also build posts with `published: false`
    #[arg(long)]
    unpublished: bool,
    /// Print where the time went, and write a trace for browsers to FILE [default:
    /// .labpress/timings.json]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "the option, and its value")]
    timings: Option<Option<PathBuf>>,
    #[command(flatten)]
    work: Work,
}

pub(super) fn build(root: &Path, options: &Options) -> Result<(), Error> {
    let Some(trace) = &options.timings else { return build_site(root, options) };
    start();
    let built = {
        let _span = span("build");
        build_site(root, options)
    };
    let in_site = || root.join(timings::PATH);
    timings::print_and_write(&trace.clone().unwrap_or_else(in_site))?;
    built
}

fn build_site(root: &Path, options: &Options) -> Result<(), Error> {
    let stopwatch = Stopwatch::started();
    let work = &options.work;
    let root = site::root(root)?;
    let store = Store::of(&root);
    // Without runs, nothing in the site changes, and it may be read-only.
    let _lock =
        if work.dry_run || options.locked { None } else { Some(store.lock(report_waiting)?) };
    let written_config = inputs::read_one(&root, config::PATH)?;
    let config = config::read(written_config.as_deref());
    let place = Place { root: &root, config: written_config.as_deref().unwrap_or("") };
    let destination =
        if config.1.is_empty() { Some(destination(place, &config.0, options)?) } else { None };
    let left_out = destination.as_ref().and_then(|destination| destination.path_in_site.as_deref());
    let site = site::read_with(&root, config, left_out)?;
    let site = Site { cache: Cache::of(&root, !work.dry_run && !options.locked), ..site };
    let site = if work.smoke { site::at_toy_scale(site, &|_| false)? } else { site };
    if let Some(destination) = &destination {
        destination.check_sources(&site.inputs)?;
    }
    let shown = shown(&site.config, options);
    let state = (!work.smoke && !work.dry_run).then(|| site.state(&shown));
    if let (Some(state), Some(destination)) = (state, &destination)
        && let Some(files) = LastBuild::holds(&root, &destination.path, state, shown.now)
    {
        let written = Written { unchanged: files, ..Written::default() };
        report_written(written, &shown_path(&destination.path, &root), &stopwatch, work);
        std::mem::forget(site);
        return Ok(());
    }
    let mut built = site.render(&shown);
    if options.locked && !built.missing.is_empty() {
        let mut errors = std::mem::take(&mut built.errors);
        errors.append(&mut built.missing);
        built.warnings.retain(|one| errors.iter().all(|error| error.place() != one.place()));
        errors.sort();
        built.errors = errors;
    }
    report_warnings(&built.warnings, work);
    if work.dry_run {
        return would_build(built, &site, work);
    }
    let is_silent = built.warnings.is_empty() && built.needs.is_empty();
    let (site, mut built) =
        if options.locked { (site, built) } else { with_runs_done(site, built, &shown, work)? };
    let (until, memo) = (built.until, std::mem::take(&mut built.memo));
    let output = built.into_output().map_err(Error::Errors)?;
    let destination = &destination.expect("the configuration has no errors").path;
    let waiting = || {
        report(format_args!(
            "another labpress is writing to `{}`: waiting for it to finish",
            destination.display()
        ));
    };
    terms::check(&output, &site)?;
    let written = {
        let _span = span("write files");
        destination::write(&output, destination, waiting)?
    };
    site.cache.sweep();
    if let Some(state) = state.filter(|_| is_silent && !options.locked) {
        // Without it, only the next build is slower.
        let _ = LastBuild::keep(&root, destination, state, until, &output, &origins(&memo));
    }
    let destination = shown_path(destination, &root);
    // Freeing a large site takes a while, and the program ends here.
    std::mem::forget((output, memo, site));
    report_written(written, &destination, &stopwatch, work);
    Ok(())
}

/// What all pages were made from, for `labpress why`.
fn origins(memo: &Memo) -> Origins {
    let pages = memo.pages().into_iter();
    pages.filter_map(|page| Some((page.to_owned(), short(memo.origin(page)?)))).collect()
}

/// The parts of a page by name, with the first digits of their digests.
pub(super) fn short(origin: Origin) -> BTreeMap<String, String> {
    origin.parts.into_iter().map(|(name, digest)| (name, digest.short())).collect()
}

fn report_written(written: Written, destination: &str, stopwatch: &Stopwatch, work: &Work) {
    if work.verbosity() == Verbosity::Json {
        events::write(&events::of_written(written, destination));
    }
    work.verbosity().report(format_args!(
        "{} written, {} unchanged, {} removed in {destination} ({})",
        counted(written.written, "file"),
        written.unchanged,
        written.removed,
        duration(stopwatch.elapsed().as_secs_f64())
    ));
}

/// Does the runs that the site needs and renders it again, until it needs none: results that differ
/// from earlier ones make dependent runs stale.
fn with_runs_done(
    mut site: Site,
    mut built: Built,
    shown: &Shown,
    work: &Work,
) -> Result<(Site, Built), Error> {
    let mut warnings = built.warnings.clone();
    for _ in 0..=site.experiments.len() {
        if !built.errors.is_empty() {
            // The next build does those runs.
            built.needs.clear();
        }
        if built.needs.is_empty() {
            break;
        }
        let planned = plan(&site.experiments, &site.records);
        let done = {
            let _span = span("run experiments");
            do_runs(&needed(&planned, &built.needs, &site), &site, work, None)?
        };
        site = site.with_records(done.records)?;
        built = site.render_again(shown, &built.memo);
        let new = built.warnings.iter().filter(|warning| !warnings.contains(warning)).cloned();
        let new: Vec<Diagnostic> = new.collect();
        report_warnings(&new, work);
        warnings.extend(new);
        if done.left_out > 0 {
            break;
        }
    }
    Ok((site, built))
}

fn report_warnings(warnings: &[Diagnostic], work: &Work) {
    for warning in warnings {
        work.verbosity().report(format_args!("{warning}\n"));
    }
}

/// Which posts are built.
fn shown(config: &Config, options: &Options) -> Shown {
    let configured = as_configured(config);
    Shown {
        drafts: options.drafts || configured.drafts,
        future: options.future || configured.future,
        unpublished: options.unpublished || configured.unpublished,
        ..configured
    }
}

/// Which posts are built by default.
pub(super) fn as_configured(config: &Config) -> Shown {
    Shown {
        now: now(),
        drafts: config.show_drafts,
        future: config.future,
        unpublished: config.unpublished,
    }
}

/// Where the site is written. A smoke build is never written to the site's own destination.
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

/// Reports the state of all runs, and which of them the site needs.
fn would_build(built: Built, site: &Site, work: &Work) -> Result<(), Error> {
    if !built.errors.is_empty() {
        return Err(Error::Errors(built.errors));
    }
    let planned = plan(&site.experiments, &site.records);
    dry_run::report(&planned, &needed(&planned, &built.needs, site), site, work);
    Ok(())
}

/// The runs whose results are missing.
fn needed<'a>(planned: &[PlannedRun<'a>], needs: &[Need], site: &Site) -> Wanted<'a> {
    let is_needed =
        |run: &PlannedRun<'_>| needs.iter().any(|need| need.experiment == run.experiment.name);
    wanted(planned, &is_needed, false, &Store::of(&site.results))
}

/// A path for a message: relative to the site if it is inside.
fn shown_path(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
