//! Reads a site for a command: its source, its experiments and their records.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::{Trouble, environment};
use crate::config;
use crate::diagnostic::{Diagnostic, Place};
use crate::experiment::Name;
use crate::experiment::plan::{PlannedRun, plan};
use crate::experiment::record::{self, Record};
use crate::experiment::spec::{self, Experiment};
use crate::experiment::verification::{self, Verification};
use crate::roles::Roles;
use crate::source::{self, Source};

/// A site as it was read.
pub(super) struct Site {
    /// Its folder, an absolute path.
    pub(super) root: PathBuf,
    /// The folder that results of its experiments go to: its own, or that of smoke results.
    pub(super) results: PathBuf,
    pub(super) source: Source,
    pub(super) experiments: Vec<Experiment>,
    pub(super) records: Vec<Record>,
    pub(super) verifications: Vec<Verification>,
    /// What is wrong with its experiments, records and verifications.
    pub(super) faults: Vec<Diagnostic>,
}

impl Site {
    /// The experiment with this name, or a fault that names the nearest.
    pub(super) fn experiment(&self, name: &str) -> Result<&Experiment, Trouble> {
        let named = self.experiments.iter().find(|experiment| experiment.name.as_str() == name);
        named.ok_or_else(|| {
            let known = self.experiments.iter().map(|experiment| experiment.name.as_str());
            let fault = Diagnostic::new(Place::file("experiments/"), format!("there is no experiment `{name}`"));
            Trouble::Faults(vec![fault.hint_nearest(name, known)])
        })
    }
}

/// Finds the site at `folder`: its absolute path.
pub(super) fn root(folder: &Path) -> Result<PathBuf, Trouble> {
    let root = folder.canonicalize().with_context(|| format!("cannot read `{}`", folder.display()))?;
    let marks = [config::PATH, "_posts", "_layouts", "experiments"];
    if marks.iter().any(|mark| root.join(mark).exists()) {
        return Ok(root);
    }
    let message = format!("`{}` is no site: it has neither `_config.yml` nor `_posts`", root.display());
    Err(anyhow::anyhow!("{message}\nhint: go to the site's folder, or name it with `--source DIR`").into())
}

/// Reads the site at `root`, as [`root`] found it.
pub(super) fn read(root: &Path) -> Result<Site, Trouble> {
    let config = source::read_one(root, config::PATH)?;
    read_with(root, config.as_deref())
}

/// Reads the site at `root` by the rules that a configuration gives: that of the site, or one that it is to get.
pub(super) fn read_with(root: &Path, config: Option<&str>) -> Result<Site, Trouble> {
    let source = source::read(root, &Roles::of_config(config))?;
    let (experiments, mut faults) = spec::parse_all(&source, &environment::variable);
    let (records, damaged) = records(&source);
    faults.extend(damaged);
    let (verifications, damaged) = verifications(&source);
    faults.extend(damaged);
    Ok(Site { root: root.to_owned(), results: root.to_owned(), source, experiments, records, verifications, faults })
}

/// The folder of a site that smoke results are in, as if it were a site of its own.
fn smoke_folder(root: &Path) -> PathBuf {
    root.join(".labpress/smoke/results")
}

/// The folder that a smoke build is written to. It is hidden, so that nothing publishes it by accident.
pub(super) fn smoke_destination(root: &Path) -> PathBuf {
    root.join(".labpress/smoke/public")
}

/// The site with every experiment at toy scale that is not fresh, or is asked for, and with those that it needs. What
/// is at toy scale has smoke results; all the rest has its own.
pub(super) fn at_toy_scale(mut site: Site, is_asked: &dyn Fn(&Experiment) -> bool) -> Result<Site, Trouble> {
    let planned = plan(&site.experiments, &site.records);
    let is_stale = |run: &&PlannedRun<'_>| run.fresh().is_none() || is_asked(run.experiment);
    let mut toys: BTreeSet<Name> = planned.iter().filter(is_stale).map(|run| run.experiment.name.clone()).collect();
    loop {
        let needing = site.experiments.iter().filter(|experiment| toys.contains(&experiment.name));
        let needs: BTreeSet<Name> = needing.flat_map(|experiment| experiment.needs.keys().cloned()).collect();
        if needs.is_subset(&toys) {
            break;
        }
        toys.extend(needs);
    }
    for experiment in site.experiments.iter_mut().filter(|experiment| toys.contains(&experiment.name)) {
        *experiment = experiment.at_toy_scale();
    }
    let results = smoke_folder(&site.root);
    // A damaged smoke record is made again without a word: nothing rests on it.
    let source = if results.exists() { source::read(&results, &Roles::default())? } else { Source::default() };
    let smoke = records(&source).0;
    let is_toy = |record: &Record| toys.iter().any(|name| name.as_str() == record.experiment);
    site.records.retain(|record| !is_toy(record));
    site.records.extend(smoke.into_iter().filter(is_toy));
    site.source = site.source.with_result_files_of(source);
    Ok(Site { results, ..site })
}

fn records(source: &Source) -> (Vec<Record>, Vec<Diagnostic>) {
    let mut records = Vec::new();
    let mut faults = Vec::new();
    for (path, text) in
        source.texts_under("experiments/").filter(|(path, _)| path.ends_with(".json") && path.contains("/runs/"))
    {
        match record::parse(path, text) {
            Ok(record) => {
                let damaged = record::damaged_files(&record, |path| source.result_file(path));
                // A record with a file that is not what the run made counts as missing.
                if damaged.is_empty() {
                    records.push(record);
                }
                faults.extend(damaged);
            }
            Err(fault) => faults.push(fault),
        }
    }
    faults.sort();
    faults.dedup();
    (records, faults)
}

fn verifications(source: &Source) -> (Vec<Verification>, Vec<Diagnostic>) {
    let mut verifications = Vec::new();
    let mut faults = Vec::new();
    for (path, text) in source.texts_under("experiments/").filter(|(path, _)| verification::is_path(path)) {
        match verification::parse(path, text) {
            Ok(verification) => verifications.push(verification),
            Err(fault) => faults.push(fault),
        }
    }
    (verifications, faults)
}
