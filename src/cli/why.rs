//! `labpress why`: for each run of an experiment, what has changed since it was recorded.

use std::fmt::Write as _;
use std::path::Path;

use clap::Args;

use super::{Error, answer, site};
use labpress::experiment::plan::{PlannedRun, RunState, plan};
use labpress::runner::child;
use labpress::store::Store;

#[derive(Args)]
pub(super) struct Options {
    /// The experiment
    name: String,
}

pub(super) fn why(root: &Path, Options { name }: &Options) -> Result<(), Error> {
    let site = site::read(&site::root(root)?)?;
    if !site.errors.is_empty() {
        return Err(Error::Errors(site.errors));
    }
    let experiment = site.experiment(name).map_err(Error::Errors)?;
    let store = Store::of(site.inputs.root());
    let mut text = String::new();
    // All of them: a run can be stale because of an experiment that it needs.
    let planned = plan(&site.experiments, &site.records);
    for run in planned.iter().filter(|run| run.experiment.name == experiment.name) {
        explain(run, &store, &mut text);
    }
    answer(&text);
    Ok(())
}

fn explain(run: &PlannedRun<'_>, store: &Store, text: &mut String) {
    let heading = format!("{} ", run.label());
    // Writing to a `String` cannot fail.
    let _ = match &run.state {
        RunState::Fresh(record) => {
            let diverged =
                run.diverged().map_or(String::new(), |diverged| format!("; it {diverged}"));
            writeln!(text, "{heading}is fresh: {}{diverged}", record.path())
        }
        RunState::Missing => writeln!(text, "{heading}is missing: no result is recorded"),
        RunState::Stale { record, changed } => {
            let _ = writeln!(text, "{heading}is stale, since {}:", record.path());
            changed.iter().try_for_each(|changed| writeln!(text, "    {changed}"))
        }
    };
    let stem = run.stem();
    let folder = store.run_folder(run.experiment.name.as_str(), &stem);
    if let (None, Some(failure)) = (run.fresh(), child::failure_before(&folder)) {
        let _ = writeln!(
            text,
            "    the last try failed: it {}; log: {}",
            failure.reason,
            failure.log.display()
        );
        for line in failure.log_end.lines() {
            let _ = writeln!(text, "    | {line}");
        }
    }
}
