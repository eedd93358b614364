//! A site as a value: its configuration, its experiments and their records.
//!
//! Posts and pages are read when the site is rendered, because the caller chooses which of them are
//! shown.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use super::sass::{self, Compiler};
use crate::config::Config;
use crate::diagnostic::{Diagnostic, Place};
use crate::experiment::Name;
use crate::experiment::pin::{self, Pin};
use crate::experiment::plan::{PlannedRun, plan};
use crate::experiment::record::{self, Damage, Record};
use crate::experiment::spec::{self, Experiment};
use crate::experiment::verification::{self, Verification};
use crate::inputs::{Change, Inputs};
use crate::post::front_matter;
use crate::roles::Role;
use crate::store::cache::Cache;

/// A site as it was read.
pub struct Site {
    /// The configuration, with the defaults for invalid values.
    pub config: Config,
    /// The errors in the configuration.
    pub config_errors: Vec<Diagnostic>,
    /// Its files.
    pub inputs: Inputs,
    /// Its experiments without errors, in order of name.
    pub experiments: Vec<Experiment>,
    /// The records of all runs.
    pub records: Vec<Record>,
    /// The verdicts of re-runs on the records.
    pub verifications: Vec<Verification>,
    /// What runs at work have reported so far, in the form of records. Only a preview has any:
    /// figures show it, marked, and the results are still missing.
    pub provisional: Vec<Record>,
    /// The errors in its experiments, records and verifications.
    pub errors: Vec<Diagnostic>,
    /// The damage to records that nothing refers to any more.
    pub warnings: Vec<Diagnostic>,
    /// The folder that new results are written to: the site's, or that of smoke results.
    pub results: PathBuf,
    /// Compiles style sheets. By default in this process; the caller may set another way.
    pub compile_sass: Compiler,
    /// Keeps what takes long to make. By default in memory; the caller may set one on disk.
    pub cache: Cache,
}

impl Site {
    /// Parses the experiments and records among the files of a site. `environment` gives the values
    /// of environment variables that experiments depend on.
    pub fn parse(
        (config, config_errors): (Config, Vec<Diagnostic>),
        inputs: Inputs,
        environment: spec::Environment<'_>,
    ) -> Site {
        let (experiments, mut errors) = spec::parse_all(&inputs, environment);
        let Found { records, incomplete, errors: damaged } = records(&inputs);
        errors.extend(damaged);
        let (verifications, damaged) = verifications(&inputs);
        errors.extend(damaged);
        let mut site = Site {
            config,
            config_errors,
            results: inputs.root().to_owned(),
            inputs,
            experiments,
            records,
            verifications,
            provisional: Vec::new(),
            errors,
            warnings: Vec::new(),
            compile_sass: sass::in_this_process,
            cache: Cache::default(),
        };
        site.judge_incomplete(incomplete);
        site
    }

    /// The experiment with this name; otherwise the errors in its file, or an error that suggests
    /// the nearest name.
    pub fn experiment(&self, name: &str) -> Result<&Experiment, Vec<Diagnostic>> {
        let named = self.experiments.iter().find(|experiment| experiment.name.as_str() == name);
        named.ok_or_else(|| {
            let folder = format!("experiments/{name}/");
            let own = self.errors.iter().filter(|error| error.place().path.starts_with(&folder));
            let own: Vec<Diagnostic> = own.cloned().collect();
            if !own.is_empty() {
                return own;
            }
            let known = self.experiments.iter().map(|experiment| experiment.name.as_str());
            let message = format!("there is no experiment `{name}`");
            vec![Diagnostic::new(Place::file("experiments/"), message).hint_nearest(name, known)]
        })
    }

    /// The names of the experiments whose files have errors.
    pub(super) fn unreadable(&self) -> impl Iterator<Item = &str> {
        let names = self.inputs.of(Role::Experiment).filter_map(|(path, _)| {
            path.strip_prefix("experiments/")?.strip_suffix("/experiment.yml")
        });
        names.filter(|name| self.experiments.iter().all(|known| known.name.as_str() != *name))
    }

    /// Adds the records of runs that finished since the site was read; they replace older records
    /// of the same runs. Also reads the records' files.
    pub fn with_records(mut self, records: Vec<Record>) -> io::Result<Site> {
        let mut written = BTreeSet::new();
        for record in &records {
            let files: Vec<String> = record.file_paths().collect();
            self.inputs.read_artifacts(&self.results, &files)?;
            if self.results == self.inputs.root() {
                let text = record.to_text().into_bytes();
                self.inputs.apply(Change::Written(record.path(), text));
            }
            written.extend(files);
            written.insert(record.path());
        }
        self.errors.retain(|error| !written.contains(&error.place().path));
        self.records.retain(|known| !written.contains(&known.path()));
        self.records.extend(records);
        Ok(self)
    }

    /// Puts every experiment at toy scale that is not fresh or is selected by `is_asked`, and those
    /// that it needs. Their records are in `smoke`, the files of the folder `results`; all other
    /// experiments keep their own.
    #[must_use]
    pub fn at_toy_scale(
        mut self,
        is_asked: &dyn Fn(&Experiment) -> bool,
        smoke: Inputs,
        results: PathBuf,
    ) -> Site {
        let planned = plan(&self.experiments, &self.records);
        let is_stale = |run: &&PlannedRun<'_>| run.fresh().is_none() || is_asked(run.experiment);
        let mut toys: BTreeSet<Name> =
            planned.iter().filter(is_stale).map(|run| run.experiment.name.clone()).collect();
        loop {
            let needing =
                self.experiments.iter().filter(|experiment| toys.contains(&experiment.name));
            let needs: BTreeSet<Name> =
                needing.flat_map(|experiment| experiment.needs.keys().cloned()).collect();
            if needs.is_subset(&toys) {
                break;
            }
            toys.extend(needs);
        }
        // There is nothing to run.
        let imported = self.experiments.iter().filter(|one| one.runner.imported_from().is_some());
        let imported: BTreeSet<&Name> = imported.map(|experiment| &experiment.name).collect();
        toys.retain(|name| !imported.contains(name));
        for experiment in &mut self.experiments {
            if toys.contains(&experiment.name) {
                *experiment = experiment.at_toy_scale();
            }
        }
        // A damaged smoke record is silently run again: nothing depends on it.
        let Found { records: mut at_toy_scale, incomplete, .. } = records(&smoke);
        at_toy_scale.retain(|record| incomplete.iter().all(|(path, _)| record.path() != *path));
        let is_toy = |record: &Record| toys.contains(&record.experiment);
        self.records.retain(|record| !is_toy(record));
        self.records.extend(at_toy_scale.into_iter().filter(is_toy));
        self.inputs = self.inputs.with_artifacts_of(smoke);
        self.results = results;
        self
    }

    /// The paths of the records that something refers to: the current version of an experiment, one
    /// of the `pins`, or a verification.
    pub fn records_referred_to(&self, pins: &[Pin]) -> BTreeSet<String> {
        let planned = plan(&self.experiments, &self.records);
        let fresh = planned.iter().filter_map(PlannedRun::fresh).map(Record::path);
        let verified: Vec<&str> = self
            .inputs
            .of(Role::Verification)
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
    pub fn pins(&self) -> Result<Vec<Pin>, Vec<Diagnostic>> {
        let (mut named, mut errors) = (BTreeSet::new(), Vec::new());
        for (path, text) in self.inputs.texts() {
            let is_page =
                matches!(text.role, Role::Post | Role::Draft | Role::Document(_) | Role::Page);
            let Some((yaml, _)) = front_matter::split(path, &text.text).filter(|_| is_page) else {
                continue;
            };
            let kind = match path.split('/').next() {
                Some("_posts") => "posts",
                Some("_drafts") => "drafts",
                _ => "pages",
            };
            let scope =
                front_matter::Scope { path, kinds: &[kind], is_document: false, categories: &[] };
            match front_matter::read(yaml, scope, &self.config) {
                Ok((front, found)) => {
                    named.extend(front.pin.iter().cloned());
                    errors.extend(found);
                }
                Err(error) => errors.push(error),
            }
        }
        let mut pins = Vec::new();
        for path in named.iter().map(|(experiment, id)| pin::path(experiment, id)) {
            match self.inputs.text(&path).map(|text| pin::parse(&path, text)) {
                Some(Ok(pin)) => pins.push(pin),
                Some(Err(error)) => errors.push(error),
                None => {}
            }
        }
        if errors.is_empty() { Ok(pins) } else { Err(errors) }
    }

    /// Judges records whose files are missing. If something refers to the record, that is an error,
    /// and the record itself counts as missing. If nothing does, as after a killed `gc`, nothing is
    /// lost.
    fn judge_incomplete(&mut self, incomplete: Vec<(String, Vec<Diagnostic>)>) {
        if incomplete.is_empty() {
            return;
        }
        // If pins cannot be read, a post may show any record.
        let pins = if self.config_errors.is_empty() { self.pins().ok() } else { None };
        let referred = pins.map(|pins| self.records_referred_to(&pins));
        let planned = plan(&self.experiments, &self.records);
        let fresh: BTreeSet<String> =
            planned.iter().filter_map(PlannedRun::fresh).map(Record::path).collect();
        for (path, missing) in incomplete {
            if referred.as_ref().is_some_and(|referred| !referred.contains(&path)) {
                let hint = "no page shows this record: remove it with `labpress gc --delete`";
                self.warnings.extend(missing.into_iter().map(|one| one.hint(hint).into_warning()));
                continue;
            }
            self.records.retain(|record| record.path() != path);
            let hint = "restore it from git: the experiment has changed since, so no run can \
                        reproduce it";
            let is_made_again = fresh.contains(&path);
            self.errors.extend(
                missing.into_iter().map(|one| if is_made_again { one } else { one.hint(hint) }),
            );
        }
        self.errors.sort();
    }
}

/// The records that were found, and their errors.
struct Found {
    /// All records whose files, as far as they exist, are what the run produced.
    records: Vec<Record>,
    /// The paths of records with missing files, and an error for each file.
    incomplete: Vec<(String, Vec<Diagnostic>)>,
    /// The errors in the others.
    errors: Vec<Diagnostic>,
}

fn records(inputs: &Inputs) -> Found {
    let (mut records, mut incomplete, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for (path, text) in inputs.of(Role::Record) {
        match record::parse(path, text) {
            Ok(record) => {
                let Damage { missing, altered } =
                    record::damaged_files(&record, |path| inputs.artifact(path));
                if altered.is_empty() {
                    records.push(record);
                    incomplete.extend((!missing.is_empty()).then(|| (path.to_owned(), missing)));
                } else {
                    // A record with an altered file counts as missing.
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

fn verifications(inputs: &Inputs) -> (Vec<Verification>, Vec<Diagnostic>) {
    let mut verifications = Vec::new();
    let mut errors = Vec::new();
    for (path, text) in inputs.of(Role::Verification) {
        match verification::parse(path, text) {
            Ok(verification) => verifications.push(verification),
            Err(error) => errors.push(error),
        }
    }
    (verifications, errors)
}
