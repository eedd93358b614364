//! `labpress build`: runs stale experiments, then writes the site.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;

use super::destination::{Destination, Place};
use super::environment::{Stopwatch, now};
use super::runs::{Verbosity, Wanted, Work, do_runs, wanted};
use super::{
    Error, corrections, counted, dry_run, duration, events, report, report_waiting, signatures,
    site, terms, timings,
};
use labpress::config::{self, Config};
use labpress::destination::{self, Written};
use labpress::diagnostic::Diagnostic;
use labpress::experiment::plan::{PlannedRun, plan};
use labpress::experiment::results::Need;
use labpress::inputs;
use labpress::post::Shown;
use labpress::site::{Built, Memo, Site};
use labpress::store::Store;
use labpress::store::cache::Cache;
use labpress::store::last_build::LastBuild;
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
    /// Also fail if the results of a post are not signed by somebody in FILE [default:
    /// experiments/allowed_signers]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, requires = "locked")]
    #[expect(clippy::option_option, reason = "the option, and its value")]
    require_signature: Option<Option<PathBuf>>,
    /// Fail on warnings, such as claims that the results do not decide
    #[arg(long)]
    strict: bool,
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
    // A smoke build shows other results than the last build did.
    let is_of_site = !work.smoke && !work.dry_run && options.require_signature.is_none();
    let state = is_of_site.then(|| site.state(&shown));
    let last = destination.as_ref().filter(|_| is_of_site);
    let last = last.and_then(|destination| LastBuild::read(&root, &destination.path));
    if let (Some(state), Some(last)) = (state, &last)
        && let Some(files) = last.holds(state, shown.now)
    {
        let written = Written { unchanged: files, ..Written::default() };
        report_written(written, &shown_path(last.folder(), &root), &stopwatch, work);
        std::mem::forget(site);
        return Ok(());
    }
    let memo = last.as_ref().and_then(|last| memo_of(last, &root)).unwrap_or_default();
    let mut built = site.render_again(&shown, &memo);
    if options.locked {
        built = locked(built);
    }
    if let Some(signers) = &options.require_signature {
        let attestations = site.attestations(&shown, &built);
        let signers = signers.clone().unwrap_or_else(|| root.join(signatures::SIGNERS));
        for attestation in attestations.values() {
            if let Err(errors) = signatures::check(attestation, &root, &signers)? {
                built.errors.extend(errors);
            }
        }
        built.errors.sort();
    }
    report_warnings(&built.warnings, work);
    if work.dry_run {
        return would_build(built, &site, work);
    }
    // Runs change the records, so that the state is no longer what the site was made from.
    let is_repeatable = built.warnings.is_empty() && built.needs.is_empty();
    let (site, built) =
        if options.locked { (site, built) } else { with_runs_done(site, built, &shown, work)? };
    let (site, mut built) = if is_of_site && !options.locked {
        corrections::noted(&root, &store, (site, built), &shown, work)?
    } else {
        (site, built)
    };
    if options.strict && !built.warnings.is_empty() {
        let warnings = counted(built.warnings.len(), "warning");
        return Err(anyhow!("nothing was written because of {warnings} and --strict").into());
    }
    let (until, built_memo) = (built.until, std::mem::take(&mut built.memo));
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
    if is_of_site && !options.locked {
        let _span = span("keep the build");
        // The next build has to warn again. Without what is kept, it is only slower.
        let state = state.filter(|_| is_repeatable);
        let _ = LastBuild::keep(&root, destination, state, until, &output, &built_memo.to_bytes());
    }
    let destination = shown_path(destination, &root);
    // Freeing a large site takes a while, and the program ends here.
    std::mem::forget((output, memo, built_memo, site));
    report_written(written, &destination, &stopwatch, work);
    Ok(())
}

/// A site that must be complete: what is missing are errors instead of warnings.
pub(super) fn locked(mut built: Built) -> Built {
    if !built.missing.is_empty() {
        built.errors.append(&mut built.missing);
        let errors = &built.errors;
        built.warnings.retain(|one| errors.iter().all(|error| error.place() != one.place()));
        built.errors.sort();
    }
    built
}

/// The memo of the last build.
fn memo_of(last: &LastBuild, root: &Path) -> Option<Memo> {
    let _span = span("read the memo");
    Memo::from_bytes(&last.memo(root)?, |path| last.mark(path).cloned())
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
        let imported: Vec<Need> =
            built.needs.iter().filter(|need| need.is_imported).cloned().collect();
        if !imported.is_empty() {
            return Err(Error::Errors(Need::errors(&imported)));
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
