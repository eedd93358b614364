//! `labpress verify`: re-runs recorded runs from the beginning, in a scratch folder, and reports
//! whether they reproduce.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use super::environment::{self, Interrupts, Stopwatch};
use super::progress::Progress;
use super::runs::{Forecast, Verbosity, data_folders, jobs, setup};
use super::site;
use super::table::table;
use super::{Error, Jobs, answer, build, counted, duration, report, signatures};
use labpress::errors::Errors;
use labpress::experiment::environment::Environment;
use labpress::experiment::plan::{PlannedRun, plan};
use labpress::experiment::record::Record;
use labpress::experiment::spec::Experiment;
use labpress::experiment::verification::{self, Agreement, Compared, Verification};
use labpress::runner::{NoResult, Outcome, RunEvent, Stop, lost_artifact, run_all};
use labpress::site::Site;
use labpress::store::Store;

#[derive(Args)]
pub(super) struct Options {
    /// The experiments to verify [default: all]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Verify only a random sample of this many runs
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    sample: Option<u32>,
    /// Seed of the sample: the same seed gives the same runs
    #[arg(long, value_name = "S", default_value_t = 0, requires = "sample")]
    seed: u64,
    /// Run nothing; check that the results of each post are signed by somebody in FILE [default:
    /// experiments/allowed_signers]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, conflicts_with_all = ["names", "sample", "jobs"])]
    #[expect(clippy::option_option, reason = "the option, and its value")]
    signatures: Option<Option<PathBuf>>,
    #[command(flatten)]
    jobs: Jobs,
}

pub(super) fn verify(root: &Path, options: &Options) -> Result<(), Error> {
    let root = site::root(root)?;
    if let Some(signers) = &options.signatures {
        return verify_signatures(&root, signers.as_deref());
    }
    let store = Store::of(&root);
    let _lock = store.lock(super::report_waiting)?;
    let site = site::read(&root)?;
    if !site.errors.is_empty() {
        return Err(Error::Errors(site.errors));
    }
    let planned = plan(&site.experiments, &site.records);
    let runs = chosen(&site, &planned, &store, options)?;
    let data = data_folders(&runs, &root)?;
    let interrupts = Interrupts::counted()?;
    let stop = || interrupts.stop();
    let scratch = Store::of(&store.empty_scratch()?);
    let at_once = jobs(&runs, options.jobs);
    let mut setup = setup(&runs, &site, scratch, data, at_once, None, &stop)?;
    let stopwatch = Stopwatch::started();
    report(format_args!(
        "verifying {}: each is re-run from the beginning",
        counted(runs.len(), "run")
    ));
    let by = environment::git_user(&root).unwrap_or_else(|| "unknown".to_owned());
    let mut done: Vec<Verification> = Vec::new();
    // One experiment at a time, so that it is given recorded results, not those of other reruns.
    for runs in runs.chunk_by(|a, b| a.experiment.name == b.experiment.name) {
        let mut unwritten: Option<io::Error> = None;
        let forecast = Forecast::at_most(at_once, runs, &site.records, None);
        let mut progress = Progress::of(runs, forecast, Verbosity::Usual);
        run_all(runs, &needed(runs, &planned), &mut setup, &mut |number, event| {
            if let RunEvent::Ended(outcome) = &event
                && let Some(verification) = verdict(&runs[number], outcome, &planned, &by, &stop)
            {
                let verification = with_own_path(verification, &site);
                match store.site.write(&verification.path(), verification.to_text().as_bytes()) {
                    Ok(()) => done.push(verification),
                    Err(error) => unwritten = Some(error),
                }
            }
            progress.update(number, &event);
        });
        progress.end();
        if let Some(error) = unwritten {
            return Err(error.into());
        }
    }
    report_table(&runs, &done);
    let took = duration(stopwatch.elapsed().as_secs_f64());
    report(format_args!(
        "{} re-run in {took}: commit experiments/NAME/verifications/",
        counted(done.len(), "run")
    ));
    let unconfirmed = done.iter().filter(|verification| !verification.outcome.is_good()).count();
    match (unconfirmed, runs.len() - done.len()) {
        (0, 0) => {
            store.remove_scratch();
            Ok(())
        }
        (0, lacking) => Err(Error::RunsWithoutResult(lacking)),
        (unconfirmed, _) => Err(Error::Unconfirmed(unconfirmed)),
    }
}

/// Prints who signed the results of each post. Posts without a signature are listed; they are errors
/// only for `labpress build --require-signature`.
fn verify_signatures(root: &Path, signers: Option<&Path>) -> Result<(), Error> {
    let site = site::read(root)?;
    let shown = build::as_configured(&site.config);
    let built = site.render(&shown);
    let attestations = site.attestations(&shown, &built);
    let mut errors = Errors::from(built.errors);
    let default = root.join(signatures::SIGNERS);
    let signers = signers.unwrap_or(&default);
    let (mut rows, mut signed) = (Vec::new(), 0);
    for (post, attestation) in &attestations {
        let records = counted(attestation.record_count(), "record");
        let state = if signatures::is_signed(attestation, root)? {
            match signatures::check(attestation, root, signers)? {
                Ok(by) => {
                    signed += 1;
                    format!("signed by {by}")
                }
                Err(found) => {
                    errors.extend(found);
                    "INVALID".to_owned()
                }
            }
        } else {
            "not signed".to_owned()
        };
        rows.push(vec![post.clone(), records, state]);
    }
    if !rows.is_empty() {
        answer(&table(&["POST", "RECORDS", "SIGNATURE"], &rows));
    }
    errors.finish(()).map_err(Error::Errors)?;
    if signed == 0 {
        return Err(anyhow::anyhow!(
            "no post has a signature\nhint: authors sign with `labpress attest`"
        )
        .into());
    }
    report(format_args!("{} of {} signed", signed, counted(rows.len(), "post")));
    Ok(())
}

/// The runs to verify: those asked for that are fresh and possible on this machine, or a sample.
fn chosen<'a>(
    site: &'a Site,
    planned: &[PlannedRun<'a>],
    store: &Store,
    options: &Options,
) -> Result<Vec<PlannedRun<'a>>, Error> {
    let experiments: Vec<&Experiment> = match &options.names[..] {
        [] => site.experiments.iter().collect(),
        names => names
            .iter()
            .map(|name| site.experiment(name).map_err(Error::Errors))
            .collect::<Result<_, _>>()?,
    };
    let is_asked = |run: &&PlannedRun<'_>| {
        experiments.iter().any(|experiment| experiment.name == run.experiment.name)
    };
    let (imported, own): (Vec<&PlannedRun<'a>>, Vec<_>) = planned
        .iter()
        .filter(is_asked)
        .partition(|run| run.experiment.runner.imported_from().is_some());
    if !imported.is_empty() {
        report(format_args!(
            "{} not verified: their results were imported, and labpress cannot repeat them",
            counted(imported.len(), "run")
        ));
    }
    let (fresh, stale): (Vec<&PlannedRun<'a>>, Vec<_>) =
        own.into_iter().partition(|run| run.fresh().is_some());
    if !stale.is_empty() {
        report(format_args!(
            "{} not verified: no fresh result is recorded",
            counted(stale.len(), "run")
        ));
    }
    let (possible, lacking): (Vec<_>, Vec<_>) =
        fresh.into_iter().partition(|run| needs_are_here(run, planned, store));
    if let [run, ..] = &lacking[..] {
        let name = &run.experiment.name;
        report(format_args!(
            "{} not verified: artifacts that `{name}` needs are not on this machine",
            counted(lacking.len(), "run")
        ));
    }
    if possible.is_empty() {
        return Err(anyhow::anyhow!(
            "there is nothing to verify\nhint: `labpress status` shows the state of all runs"
        )
        .into());
    }
    let all = possible.into_iter().cloned().collect();
    Ok(match options.sample {
        Some(count) => verification::sample(all, PlannedRun::label, count as usize, options.seed),
        None => all,
    })
}

fn needs_are_here(run: &PlannedRun<'_>, planned: &[PlannedRun<'_>], store: &Store) -> bool {
    let mut needed =
        planned.iter().filter(|other| run.experiment.needs.contains_key(&other.experiment.name));
    needed.all(|other| other.fresh().is_some_and(|record| lost_artifact(record, store).is_none()))
}

/// The fresh runs that the runs need.
fn needed<'a>(runs: &[PlannedRun<'a>], planned: &[PlannedRun<'a>]) -> Vec<PlannedRun<'a>> {
    let needs: BTreeSet<_> = runs.iter().flat_map(|run| run.experiment.needs.keys()).collect();
    let is_needed =
        |run: &&PlannedRun<'_>| needs.contains(&run.experiment.name) && run.fresh().is_some();
    planned.iter().filter(is_needed).cloned().collect()
}

/// The verdict of a rerun on the record; `None` if there is none because somebody stopped it or it
/// could not be started.
fn verdict(
    run: &PlannedRun<'_>,
    outcome: &Outcome,
    planned: &[PlannedRun<'_>],
    by: &str,
    stop: &dyn Fn() -> Stop,
) -> Option<Verification> {
    let record = run.fresh()?;
    let is_of_variant = |other: &&PlannedRun<'_>| {
        other.experiment.name == run.experiment.name && other.variant.name == run.variant.name
    };
    let of_variant: Vec<&Record> =
        planned.iter().filter(is_of_variant).filter_map(PlannedRun::fresh).collect();
    let (outcome, environment) = match outcome {
        Ok(recorded) => {
            let rerun = recorded.record();
            let outcome =
                verification::compare(record, rerun, &run.experiment.metrics, &of_variant);
            (outcome, rerun.environment.clone())
        }
        // Nobody asked it to stop: it was killed, for lack of memory for example.
        Err(NoResult::Interrupted(failure)) if stop() == Stop::GoOn => {
            (failed(&failure.reason), Environment::new())
        }
        Err(NoResult::Failed(failure)) => (failed(&failure.reason), Environment::new()),
        Err(NoResult::Interrupted(_) | NoResult::Skipped(_) | NoResult::Broken(_)) => return None,
    };
    Some(Verification::of(record, outcome, environment, by, environment::now_to_the_second()))
}

fn failed(reason: &str) -> verification::Outcome {
    verification::Outcome::Failed { reason: reason.to_owned() }
}

/// Dates a second verification within the same second one second later, so that neither overwrites
/// the other.
fn with_own_path(mut verification: Verification, site: &Site) -> Verification {
    while site.inputs.text(&verification.path()).is_some() {
        verification.date += jiff::SignedDuration::from_secs(1);
    }
    verification
}

/// Prints a table of the verdicts, one row per run.
fn report_table(runs: &[PlannedRun<'_>], done: &[Verification]) {
    let row = |run: &PlannedRun<'_>| {
        let record = run.fresh()?.digest();
        let verification = done.iter().find(|verification| verification.record == record)?;
        Some(vec![run.label(), verification.outcome.to_string(), detail(&verification.outcome)])
    };
    let rows: Vec<Vec<String>> = runs.iter().filter_map(row).collect();
    if !rows.is_empty() {
        answer(&table(&["RUN", "VERDICT", "DIFFERENCE"], &rows));
    }
}

/// The number that deviates most: `accuracy was 0.75, is 0.76, tolerance 0.005; and 1 more`.
fn detail(outcome: &verification::Outcome) -> String {
    let Some(numbers) = outcome.numbers() else {
        let verification::Outcome::Failed { reason } = outcome else { return "-".to_owned() };
        return reason.clone();
    };
    let agreement = numbers.all().map(|(_, compared)| compared.agreement).max();
    let is_worst = |compared: &Compared| {
        compared.agreement > Agreement::BitIdentical && Some(compared.agreement) == agreement
    };
    let mut worst: Vec<(&str, &Compared)> =
        numbers.all().filter(|(_, compared)| is_worst(compared)).collect();
    // Relative to the tolerance, since metrics of different magnitudes are not comparable otherwise.
    let part =
        |compared: &Compared| compared.distance().unwrap_or(f64::INFINITY) / compared.tolerance;
    worst.sort_by(|(_, a), (_, b)| part(b).total_cmp(&part(a)));
    let mut phrases: Vec<String> = Vec::new();
    if let Some((name, compared)) = worst.first() {
        let shown = |value: Option<f64>| {
            value.map_or_else(|| "nothing".to_owned(), |value| value.to_string())
        };
        let step = compared.step.map(|step| format!(" at step {step}")).unwrap_or_default();
        phrases.push(format!(
            "{name}{step} was {}, is {}, tolerance {:.2e}",
            shown(compared.recorded),
            shown(compared.rerun),
            compared.tolerance
        ));
    }
    if worst.len() > 1 {
        phrases.push(format!("and {} more", worst.len() - 1));
    }
    if !numbers.other_artifacts.is_empty() {
        let names: Vec<&str> = numbers.other_artifacts.iter().map(String::as_str).collect();
        phrases.push(format!("different bytes in {}", names.join(", ")));
    }
    if phrases.is_empty() { "-".to_owned() } else { phrases.join("; ") }
}
