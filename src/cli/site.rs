//! Reads a site for a command: its source, its experiments and their records.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::{Trouble, environment};
use crate::config;
use crate::diagnostic::{Diagnostic, Place};
use crate::experiment::record::{self, Record};
use crate::experiment::spec::{self, Experiment};
use crate::experiment::verification::{self, Verification};
use crate::source::{self, Exclude, Source};

/// A site as it was read.
pub(super) struct Site {
    /// Its folder, an absolute path.
    pub(super) root: PathBuf,
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
    let source = source::read(root, &exclude(config.as_deref())?)?;
    let (experiments, mut faults) = spec::parse_all(&source, &environment::variable);
    let (records, damaged) = records(&source);
    faults.extend(damaged);
    let (verifications, damaged) = verifications(&source);
    faults.extend(damaged);
    Ok(Site { root: root.to_owned(), source, experiments, records, verifications, faults })
}

fn exclude(config: Option<&str>) -> Result<Exclude, Trouble> {
    let patterns = config::excluded(config);
    Exclude::new(patterns.iter().map(String::as_str)).map_err(|(pattern, reason)| {
        let place = crate::yaml::Yaml::file(config::PATH, config.unwrap_or_default()).place(&["exclude"]);
        Trouble::Faults(vec![Diagnostic::new(place, format!("`{pattern}` is no pattern: {reason}"))])
    })
}

fn records(source: &Source) -> (Vec<Record>, Vec<Diagnostic>) {
    let mut records = Vec::new();
    let mut faults = Vec::new();
    for (path, text) in
        source.texts_under("experiments/").filter(|(path, _)| path.ends_with(".json") && path.contains("/runs/"))
    {
        match record::parse(path, text) {
            Ok(record) => records.push(record),
            Err(fault) => faults.push(fault),
        }
    }
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
