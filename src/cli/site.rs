//! Reads a site for a command: its source, its experiments and their records.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::{Error, environment, mv};
use crate::config::{self, Config};
use crate::diagnostic::{Diagnostic, Place};
use crate::experiment::Name;
use crate::experiment::pin::{self, Pin};
use crate::experiment::plan::{PlannedRun, plan};
use crate::experiment::record::{self, Damage, Record};
use crate::experiment::spec::{self, Experiment};
use crate::experiment::verification::{self, Verification};
use crate::post::front_matter;
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
    pub(super) errors: Vec<Diagnostic>,
    /// What is wrong with records that nothing refers to any more.
    pub(super) warnings: Vec<Diagnostic>,
}

impl Site {
    /// The experiment with this name; else what is wrong with its file, or an error that names the
    /// nearest.
    pub(super) fn experiment(&self, name: &str) -> Result<&Experiment, Error> {
        let named = self.experiments.iter().find(|experiment| experiment.name.as_str() == name);
        named.ok_or_else(|| {
            let folder = format!("experiments/{name}/");
            let own: Vec<Diagnostic> = self
                .errors
                .iter()
                .filter(|error| error.place().path.starts_with(&folder))
                .cloned()
                .collect();
            if !own.is_empty() {
                return Error::Errors(own);
            }
            let known = self.experiments.iter().map(|experiment| experiment.name.as_str());
            let error = Diagnostic::new(
                Place::file("experiments/"),
                format!("there is no experiment `{name}`"),
            );
            Error::Errors(vec![error.hint_nearest(name, known)])
        })
    }

    /// The paths of the records that something refers to: an experiment as it is written today, one
    /// of the `pins`, a verification.
    pub(super) fn records_referred_to(&self, pins: &[Pin]) -> BTreeSet<String> {
        let planned = plan(&self.experiments, &self.records);
        let fresh = planned.iter().filter_map(PlannedRun::fresh).map(Record::path);
        let verified: Vec<&str> = self
            .source
            .texts_under("experiments/")
            .filter(|(path, _)| verification::is_path(path))
            .filter_map(|(path, _)| path.rsplit('/').next())
            .collect();
        let is_verified = |record: &&Record| {
            let stem = record::file_stem(&record.variant, record.seed, &record.fingerprint);
            verified
                .iter()
                .any(|name| name.strip_prefix(&stem).is_some_and(|rest| rest.starts_with('-')))
        };
        let verified = self.records.iter().filter(is_verified).map(Record::path);
        let pinned = pins
            .iter()
            .flat_map(|pin| pin.records(&self.records))
            .filter_map(Result::ok)
            .map(Record::path);
        fresh.chain(pinned).chain(verified).collect()
    }

    /// The pins of all posts, drafts and pages, shown or not.
    pub(super) fn pins(&self, config: &Config) -> Result<Vec<Pin>, Vec<Diagnostic>> {
        let (mut named, mut errors) = (BTreeSet::new(), Vec::new());
        for (path, text) in
            self.source.texts_under("").filter(|(path, _)| !path.starts_with("experiments/"))
        {
            let Some((yaml, _)) = front_matter::split(path, text) else {
                continue;
            };
            let kind = match path.split('/').next() {
                Some("_posts") => "posts",
                Some("_drafts") => "drafts",
                _ => "pages",
            };
            let scope =
                front_matter::Scope { path, kinds: &[kind], is_document: false, categories: &[] };
            match front_matter::read(yaml, scope, config) {
                Ok((front, found)) => {
                    named.extend(front.pin);
                    errors.extend(found);
                }
                Err(error) => errors.push(error),
            }
        }
        let mut pins = Vec::new();
        for path in named.iter().map(|(experiment, id)| pin::path(experiment, id)) {
            match self.source.text(&path).map(|text| pin::parse(&path, text)) {
                Some(Ok(pin)) => pins.push(pin),
                Some(Err(error)) => errors.push(error),
                None => {}
            }
        }
        if errors.is_empty() { Ok(pins) } else { Err(errors) }
    }

    /// Decides what it means that files of records are missing: where something refers to the
    /// record, it is an error, and the record counts as missing, too. Where nothing does, as after
    /// a `gc` that was killed, nothing is lost.
    fn judge_incomplete(
        &mut self,
        incomplete: Vec<(String, Vec<Diagnostic>)>,
        config: Option<&str>,
    ) {
        if incomplete.is_empty() {
            return;
        }
        // While pins cannot be read, any record may be one that a post shows.
        let pins = config::read(config).and_then(|config| self.pins(&config));
        let referred = pins.ok().map(|pins| self.records_referred_to(&pins));
        let planned = plan(&self.experiments, &self.records);
        let fresh: BTreeSet<String> =
            planned.iter().filter_map(PlannedRun::fresh).map(Record::path).collect();
        for (path, missing) in incomplete {
            if referred.as_ref().is_some_and(|referred| !referred.contains(&path)) {
                let hint = "nothing shows that record: `labpress gc --delete` removes it";
                self.warnings.extend(missing.into_iter().map(|one| one.hint(hint).as_warning()));
                continue;
            }
            self.records.retain(|record| record.path() != path);
            let hint = "restore it from git: the experiment has changed since, so that no run makes it again";
            let is_made_again = fresh.contains(&path);
            self.errors.extend(
                missing.into_iter().map(|one| if is_made_again { one } else { one.hint(hint) }),
            );
        }
        self.errors.sort();
    }
}

/// Finds the site at `folder`: its absolute path.
pub(super) fn root(folder: &Path) -> Result<PathBuf, Error> {
    let root =
        folder.canonicalize().with_context(|| format!("cannot read `{}`", folder.display()))?;
    let marks = [config::PATH, "_posts", "_layouts", "experiments"];
    if marks.iter().any(|mark| root.join(mark).exists()) {
        return Ok(root);
    }
    let message =
        format!("`{}` is no site: it has neither `_config.yml` nor `_posts`", root.display());
    Err(anyhow::anyhow!("{message}\nhint: go to the site's folder, or name it with `--source DIR`")
        .into())
}

/// Reads the site at `root`, as [`root`] found it.
pub(super) fn read(root: &Path) -> Result<Site, Error> {
    read_without(root, None)
}

/// The same, without a folder that the site is written to, given by its path from the root.
pub(super) fn read_without(root: &Path, destination: Option<&str>) -> Result<Site, Error> {
    let config = source::read_one(root, config::PATH)?;
    read_by(root, config.as_deref(), destination)
}

/// Reads the site at `root` by the rules that a configuration gives: that of the site, or one that
/// it is to get.
pub(super) fn read_with(root: &Path, config: Option<&str>) -> Result<Site, Error> {
    read_by(root, config, None)
}

fn read_by(root: &Path, config: Option<&str>, destination: Option<&str>) -> Result<Site, Error> {
    mv::check_unfinished(root)?;
    let source = source::read(root, &Roles::of_config(config).without(destination))?;
    let (experiments, mut errors) = spec::parse_all(&source, &environment::variable);
    let Found { records, incomplete, errors: damaged } = records(&source);
    errors.extend(damaged);
    let (verifications, damaged) = verifications(&source);
    errors.extend(damaged);
    let (root, results, warnings) = (root.to_owned(), root.to_owned(), Vec::new());
    let mut site =
        Site { root, results, source, experiments, records, verifications, errors, warnings };
    site.judge_incomplete(incomplete, config);
    Ok(site)
}

/// The folder of a site that smoke results are in, as if it were a site of its own.
fn smoke_folder(root: &Path) -> PathBuf {
    root.join(".labpress/smoke/results")
}

/// The folder that a smoke build is written to. It is hidden, so that nothing publishes it by
/// accident.
pub(super) fn smoke_destination(root: &Path) -> PathBuf {
    root.join(".labpress/smoke/public")
}

/// The site with every experiment at toy scale that is not fresh, or is asked for, and with those
/// that it needs. What is at toy scale has smoke results; all the rest has its own.
pub(super) fn at_toy_scale(
    mut site: Site,
    is_asked: &dyn Fn(&Experiment) -> bool,
) -> Result<Site, Error> {
    let planned = plan(&site.experiments, &site.records);
    let is_stale = |run: &&PlannedRun<'_>| run.fresh().is_none() || is_asked(run.experiment);
    let mut toys: BTreeSet<Name> =
        planned.iter().filter(is_stale).map(|run| run.experiment.name.clone()).collect();
    loop {
        let needing = site.experiments.iter().filter(|experiment| toys.contains(&experiment.name));
        let needs: BTreeSet<Name> =
            needing.flat_map(|experiment| experiment.needs.keys().cloned()).collect();
        if needs.is_subset(&toys) {
            break;
        }
        toys.extend(needs);
    }
    for experiment in
        site.experiments.iter_mut().filter(|experiment| toys.contains(&experiment.name))
    {
        *experiment = experiment.at_toy_scale();
    }
    let results = smoke_folder(&site.root);
    let source = if results.exists() {
        source::read(&results, &Roles::default())?
    } else {
        Source::default()
    };
    // A damaged smoke record is made again without a word: nothing rests on it.
    let Found { records: mut smoke, incomplete, .. } = records(&source);
    smoke.retain(|record| incomplete.iter().all(|(path, _)| record.path() != *path));
    let is_toy = |record: &Record| toys.iter().any(|name| name.as_str() == record.experiment);
    site.records.retain(|record| !is_toy(record));
    site.records.extend(smoke.into_iter().filter(is_toy));
    site.source = site.source.with_result_files_of(source);
    Ok(Site { results, ..site })
}

/// What was found where records belong.
struct Found {
    /// All that are what a run produced.
    records: Vec<Record>,
    /// Paths of those of them that lack files, and which.
    incomplete: Vec<(String, Vec<Diagnostic>)>,
    /// What is wrong with the others.
    errors: Vec<Diagnostic>,
}

fn records(source: &Source) -> Found {
    let (mut records, mut incomplete, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for (path, text) in source
        .texts_under("experiments/")
        .filter(|(path, _)| path.ends_with(".json") && path.contains("/runs/"))
    {
        match record::parse(path, text) {
            Ok(record) => {
                let Damage { missing, altered } =
                    record::damaged_files(&record, |path| source.result_file(path));
                if altered.is_empty() {
                    records.push(record);
                    incomplete.extend((!missing.is_empty()).then(|| (path.to_owned(), missing)));
                } else {
                    // A record with a file that is not what the run made counts as missing.
                    errors.extend(altered.into_iter().chain(missing));
                }
            }
            Err(error) => errors.push(error),
        }
    }
    errors.sort();
    errors.dedup();
    Found { records, incomplete, errors }
}

fn verifications(source: &Source) -> (Vec<Verification>, Vec<Diagnostic>) {
    let mut verifications = Vec::new();
    let mut errors = Vec::new();
    for (path, text) in
        source.texts_under("experiments/").filter(|(path, _)| verification::is_path(path))
    {
        match verification::parse(path, text) {
            Ok(verification) => verifications.push(verification),
            Err(error) => errors.push(error),
        }
    }
    (verifications, errors)
}
