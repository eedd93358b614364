//! `labpress why`: for each run of an experiment, what has changed since it was recorded; for a page,
//! what it is made from, and what of that has changed since the last build.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use clap::Args;

use super::{Error, answer, build, site};
use labpress::experiment::plan::{PlannedRun, RunState, plan};
use labpress::runner::child;
use labpress::site::{Site, Source};
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

/// What the page that `name` names is made from; `None` if there is no such page.
fn page(site: &Site, name: &str) -> Result<Option<String>, Error> {
    let shown = build::as_configured(&site.config);
    let built = site.render(&shown);
    let is_named = |source: &&Source| {
        let url = source.url.trim_matches('/');
        [source.path.as_str(), &source.file, url].contains(&name.trim_matches('/'))
    };
    let source = built.sources.iter().find(is_named);
    let index = format!("{}/index.html", name.trim_matches('/'));
    let named = if built.memo.origin(&index).is_some() { &index } else { name };
    let file = source.map_or(named, |source| &source.file);
    let Some(origin) = built.memo.origin(file) else {
        let Some(source) = source else { return Ok(None) };
        if !built.errors.is_empty() {
            return Err(Error::Errors(built.errors));
        }
        let (file, path) = (&source.file, &source.path);
        return Ok(Some(format!("{file} is made from {path} in every build\n")));
    };
    let root = site.inputs.root();
    let destination = root.join(&site.config.destination);
    let before = LastBuild::origins(root, &destination).remove(file);
    let mut text = format!("{file} is made from\n");
    for name in origin.parts.keys() {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "    {name}");
    }
    let Some(before) = before else {
        text.push_str("the last build did not write it\n");
        return Ok(Some(text));
    };
    let now: BTreeMap<&str, String> =
        origin.parts.iter().map(|(name, digest)| (name.as_str(), digest.short())).collect();
    let before: BTreeMap<&str, &String> =
        before.iter().map(|(name, digest)| (name.as_str(), digest)).collect();
    let names: BTreeSet<&str> = now.keys().chain(before.keys()).copied().collect();
    let changed: Vec<&str> =
        names.into_iter().filter(|name| now.get(name) != before.get(name).copied()).collect();
    text.push_str(match changed.is_empty() {
        true => "nothing of that has changed since the last build\n",
        false => "since the last build, these have changed:\n",
    });
    for name in changed {
        let _ = writeln!(text, "    {name}");
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
