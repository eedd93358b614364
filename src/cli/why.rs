//! `labpress why`: for each run of an experiment, what has changed since it was recorded; for a page,
//! what it is made from, and what of that has changed since the last build.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use clap::Args;

use super::build;
use super::{Error, answer, site};
use labpress::experiment::plan::{PlannedRun, RunState, plan};
use labpress::inputs::mark::Mark;
use labpress::runner::child;
use labpress::site::{Memo, Site};
use labpress::store::Store;
use labpress::store::last_build::LastBuild;

#[derive(Args)]
pub(super) struct Options {
    /// An experiment, or a page: its source, its file in the built site or its address
    name: String,
}

pub(super) fn why(root: &Path, Options { name }: &Options) -> Result<(), Error> {
    let site = site::read(&site::root(root)?)?;
    if !site.errors.is_empty() {
        return Err(Error::Errors(site.errors));
    }
    let experiment = match site.experiment(name) {
        Ok(experiment) => experiment,
        Err(errors) => match page(&site, name)? {
            Some(text) => {
                answer(&text);
                return Ok(());
            }
            None => return Err(Error::Errors(errors)),
        },
    };
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

/// Explains what a page is made from; `None` if no page has this name.
fn page(site: &Site, name: &str) -> Result<Option<String>, Error> {
    let shown = build::as_configured(&site.config);
    let built = site.render(&shown);
    let source = built.sources.iter().find(|source| source.is_named(name));
    let index = format!("{}/index.html", name.trim_matches('/'));
    let of_folder = if built.memo.origin(&index).is_some() { &index } else { name };
    let file = source.map_or(of_folder, |source| &source.file);
    let Some(origin) = built.memo.origin(file) else {
        let Some(source) = source else { return Ok(None) };
        if !built.errors.is_empty() {
            return Err(Error::Errors(built.errors));
        }
        let (file, path) = (&source.file, &source.path);
        return Ok(Some(format!("{file} is made from {path} in every build\n")));
    };
    let root = site.inputs.root();
    let last = LastBuild::read(root, &root.join(&site.config.destination));
    // Pages count whether they are still in the destination or not.
    let memo = last.and_then(|last| Memo::from_bytes(&last.memo(root)?, |_| Some(Mark::default())));
    let before = memo.and_then(|memo| memo.origin(file)).map(|origin| origin.parts);
    let now = origin.parts;
    let mut text = format!("{file} is made from\n");
    for part in now.keys() {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "    {}", site.inputs.origin(part));
    }
    let Some(before) = before else {
        return Ok(Some(text + "the last build did not write it\n"));
    };
    let parts: BTreeSet<&String> = now.keys().chain(before.keys()).collect();
    let changed: Vec<&String> =
        parts.into_iter().filter(|&part| now.get(part) != before.get(part)).collect();
    if changed.is_empty() {
        return Ok(Some(text + "nothing of that has changed since the last build\n"));
    }
    text.push_str("since the last build, these have changed:\n");
    for part in changed {
        let _ = writeln!(text, "    {}", site.inputs.origin(part));
    }
    Ok(Some(text))
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
