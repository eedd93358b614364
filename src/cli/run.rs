//! `labpress run`: does the stale runs of experiments.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;

use super::runs::{Wanted, Work, do_runs, wanted};
use super::{Error, build, dry_run, environment, report, site};
use labpress::diagnostic::{Diagnostic, Place, nearest};
use labpress::experiment::plan::{PlannedRun, plan};
use labpress::experiment::spec::{Experiment, Runner};
use labpress::experiment::verification;
use labpress::runner::trace;
use labpress::site::Site;
use labpress::store::Store;
use labpress::yaml::Yaml;

#[derive(Args)]
pub(super) struct Options {
    /// The experiments to run [default: all]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Run only this variant; can be given several times
    #[arg(long = "variant", value_name = "V")]
    variants: Vec<String>,
    /// Run only this seed; can be given several times
    #[arg(long = "seed", value_name = "S")]
    seeds: Vec<u64>,
    /// Also repeat fresh runs
    #[arg(long, short)]
    force: bool,
    /// Report files of the site that commands read without declaring them in `inputs` (needs strace)
    #[arg(long)]
    trace: bool,
    #[command(flatten)]
    work: Work,
}

pub(super) fn run(root: &Path, options: &Options) -> Result<(), Error> {
    let work = &options.work;
    let root = site::root(root)?;
    let store = Store::of(&root);
    let _lock = if work.dry_run { None } else { Some(store.lock(super::report_waiting)?) };
    let site = site::read(&root)?;
    for name in &options.names {
        site.experiment(name).map_err(Error::Errors)?;
    }
    // A run recreates damaged records and their files, and a damaged verification is ignored; every
    // other error must be fixed first.
    let is_made_by_runs = |error: &Diagnostic| {
        let path = &error.place().path;
        let is_of_result =
            path.contains("/runs/") || path.contains("/files/") || verification::is_path(path);
        path.starts_with("experiments/") && is_of_result
    };
    let (damaged, errors): (Vec<_>, Vec<_>) =
        site.errors.iter().cloned().partition(is_made_by_runs);
    if !errors.is_empty() {
        return Err(Error::Errors(errors));
    }
    check_selection(options, &site)?;
    for error in damaged.iter().chain(&site.warnings) {
        report(format_args!("{error}\n"));
    }
    let site = if work.smoke {
        site::at_toy_scale(site, &|experiment| options.force && options.asks_for(experiment))?
    } else {
        site
    };
    let planned = plan(&site.experiments, &site.records);
    let is_asked = |run: &PlannedRun<'_>| options.asks_for_run(run, work.smoke);
    let wanted = wanted(&planned, &is_asked, options.force, &Store::of(&site.results));
    if work.dry_run {
        let shown = |run: &&PlannedRun<'_>| {
            is_asked(run) || wanted.runs.iter().any(|wanted| wanted == *run)
        };
        let shown: Vec<PlannedRun<'_>> = planned.iter().filter(shown).cloned().collect();
        dry_run::report(&shown, &wanted, &site, work);
        return Ok(());
    }
    let lacking = planned.iter().filter(|run| is_asked(run) && run.fresh().is_none());
    let lacking = lacking
        .filter(|run| run.experiment.runner.imported_from().is_some())
        .map(PlannedRun::label);
    let lacking: Vec<String> = lacking.collect();
    if let [first, ..] = &lacking[..] {
        report(format_args!(
            "{} cannot be done, such as {first}: another program did them, and `labpress record` \
             imports them",
            super::counted(lacking.len(), "run")
        ));
    }
    if wanted.runs.is_empty() && !lacking.is_empty() {
        return Err(Error::RunsWithoutResult(lacking.len()));
    }
    if wanted.runs.is_empty() {
        work.verbosity().report(format_args!("all runs are fresh"));
        if options.trace {
            report(format_args!("nothing was traced: add `--force` to repeat fresh runs"));
        }
        return Ok(());
    }
    let strace = if options.trace { strace() } else { None };
    let traced = strace.is_some();
    let done = do_runs(&wanted, &site, work, strace);
    let undeclared = if traced { undeclared(&wanted, &site) } else { Vec::new() };
    if !undeclared.is_empty() {
        if let Err(error) = done {
            super::report_error(&error, "run");
        }
        return Err(Error::Undeclared(undeclared));
    }
    let done = done?;
    if done.left_out == 0 {
        return Ok(());
    }
    let site = site.with_records(done.records)?;
    let needs = site.render(&build::as_configured(&site.config)).needs;
    if needs.is_empty() { Ok(()) } else { Err(Error::LeftOut(done.left_out)) }
}

impl Options {
    fn asks_for(&self, experiment: &Experiment) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| name == experiment.name.as_str())
    }

    /// Whether a run is asked for. With `--smoke`, only runs at toy scale are.
    fn asks_for_run(&self, run: &PlannedRun<'_>, smoke: bool) -> bool {
        let of_variant = self.variants.is_empty()
            || self.variants.iter().any(|name| name == run.variant.name.as_str());
        let of_seed = self.seeds.is_empty() || self.seeds.contains(&run.seed);
        self.asks_for(run.experiment) && of_variant && of_seed && run.experiment.smoke == smoke
    }
}

/// Checks that the variants and seeds exist in at least one of the selected experiments.
fn check_selection(options: &Options, site: &Site) -> Result<(), Error> {
    let experiments: Vec<&Experiment> =
        site.experiments.iter().filter(|experiment| options.asks_for(experiment)).collect();
    let (place, whose) = match &experiments[..] {
        [only] => (Place::file(&only.path), format!("`{}`", only.name)),
        _ => (Place::file("experiments/"), "none of the experiments".to_owned()),
    };
    let lacks = |what: String| match &experiments[..] {
        [_] => format!("{whose} has no {what}"),
        _ => format!("{whose} has the {what}"),
    };
    let variants: BTreeSet<&str> = experiments
        .iter()
        .flat_map(|experiment| experiment.variants.iter().map(|variant| variant.name.as_str()))
        .collect();
    let seeds: BTreeSet<u64> =
        experiments.iter().flat_map(|experiment| experiment.seeds.iter().copied()).collect();
    let unknown_variant =
        options.variants.iter().find(|variant| !variants.contains(variant.as_str()));
    if let Some(unknown) = unknown_variant {
        let error = Diagnostic::new(place, lacks(format!("variant `{unknown}`")));
        return Err(Error::Errors(vec![error.hint_nearest(unknown, variants)]));
    }
    if let Some(unknown) = options.seeds.iter().find(|seed| !seeds.contains(seed)) {
        let known: Vec<String> = seeds.iter().map(u64::to_string).collect();
        let near =
            nearest(&unknown.to_string(), known.iter().map(String::as_str)).map(str::to_owned);
        let hint = near.map_or_else(String::new, |near| format!("the nearest is `{near}`; "));
        let error = Diagnostic::new(place, lacks(format!("seed {unknown}")));
        return Err(Error::Errors(vec![
            error.hint(format!("{hint}the seeds are {}", known.join(", "))),
        ]));
    }
    Ok(())
}

/// The program `strace`. Prints a note if it is not installed.
fn strace() -> Option<PathBuf> {
    let strace = environment::on_path("strace");
    if strace.is_none() {
        report(format_args!(
            "strace is not installed, so nothing is traced: `apt-get install strace` (Linux only)"
        ));
    }
    strace
}

/// The files that runs read without their experiments declaring them, according to `strace`. Reads
/// the saved logs of runs that succeeded, and the folders of those that did not.
fn undeclared(wanted: &Wanted<'_>, site: &Site) -> Vec<Diagnostic> {
    let store = Store::of(&site.results);
    let mut errors = Vec::new();
    for run in
        wanted.runs.iter().filter(|run| matches!(run.experiment.runner, Runner::Command { .. }))
    {
        let experiment = run.experiment;
        let stem = run.stem();
        let kept = store.log_path(experiment.name.as_str(), &format!("{stem}.trace"));
        let unfinished = store.run_folder(experiment.name.as_str(), &stem).join(trace::FILE);
        let text =
            environment::text(&kept).or_else(|| environment::text(&unfinished)).unwrap_or_default();
        let folder = site.inputs.root().join("experiments").join(experiment.name.as_str());
        let yaml =
            Yaml::file(&experiment.path, site.inputs.text(&experiment.path).unwrap_or_default());
        errors.extend(trace::undeclared(
            experiment,
            &trace::files_read(&text, &folder),
            site.inputs.root(),
            &yaml,
        ));
    }
    errors.sort();
    errors.dedup();
    errors
}
