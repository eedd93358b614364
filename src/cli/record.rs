//! `labpress record`: makes records of results that another program has recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde_json::Value;

use super::table::table;
use super::{Error, answer, counted, environment, report, site};
use labpress::diagnostic::{Diagnostic, Place};
use labpress::experiment::Name;
use labpress::experiment::name_rule;
use labpress::experiment::record::Record;
use labpress::experiment::spec::{Experiment, Format, Variant};
use labpress::imported::{self, Files, Run};
use labpress::site::Site;
use labpress::store::Store;

#[derive(Args)]
pub(super) struct Options {
    /// The experiment, which is created if there is none
    #[arg(value_name = "NAME", value_parser = name)]
    name: Name,
    /// The file or folder with the results
    #[arg(long, value_name = "PATH")]
    from: PathBuf,
    /// What the files are, if there are several kinds
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    format: Option<Format>,
    /// The title of a new experiment [default: its name]
    #[arg(long, value_name = "TITLE")]
    title: Option<String>,
    /// All runs are of this variant
    #[arg(long, value_name = "V", value_parser = name, conflicts_with = "variant_from")]
    variant: Option<Name>,
    /// The parameter or column whose value is the variant; can be given several times
    #[arg(long, value_name = "PARAM")]
    variant_from: Vec<String>,
    /// The seed, if there is only one run of each variant
    #[arg(long, value_name = "S", conflicts_with = "seed_from")]
    seed: Option<u64>,
    /// The parameter or column that is the seed [default: `seed`, `random_seed` or the like]
    #[arg(long, value_name = "PARAM")]
    seed_from: Option<String>,
    /// The column of a table that counts steps [default: `step`, `epoch` or the like]
    #[arg(long, value_name = "COLUMN")]
    step: Option<String>,
    /// A column of a table with numbers that are parameters; can be given several times
    #[arg(long = "param", value_name = "COLUMN")]
    params: Vec<String>,
    /// Print what would be recorded, without recording it
    #[arg(long, short = 'n')]
    dry_run: bool,
}

fn name(text: &str) -> Result<Name, String> {
    Name::new(text).ok_or_else(|| name_rule(text).to_owned())
}

fn format(text: &str) -> Result<Format, String> {
    let found = Format::ALL.into_iter().find(|format| format.as_str() == text);
    found.ok_or_else(|| {
        let names: Vec<&str> = Format::ALL.iter().map(|format| format.as_str()).collect();
        format!("expected one of {}", names.join(", "))
    })
}

/// The most bytes that are read, of all files together.
const MOST_BYTES: u64 = 2 << 30;

pub(super) fn record(root: &Path, options: &Options) -> Result<(), Error> {
    let root = site::root(root)?;
    let store = Store::of(&root);
    let _lock = if options.dry_run { None } else { Some(store.lock(super::report_waiting)?) };
    let site = site::read(&root)?;
    let (format, files) = files(options)?;
    let (runs, left_out) = imported::read(format, &files, &options.mapping()).map_err(one)?;
    for run in &left_out {
        report(format_args!("left out `{}`: {}", shown(&run.source), run.reason));
    }
    if runs.is_empty() {
        let message = "no run has ended there";
        return Err(one(Diagnostic::new(Place::file(options.from.display().to_string()), message)));
    }
    let path = format!("experiments/{}/experiment.yml", options.name);
    let is_new = site.inputs.text(&path).is_none();
    let text = is_new.then(|| new_experiment(options, format, &runs));
    let site = match &text {
        Some(text) => {
            let Site { config, config_errors, inputs, .. } = site;
            let inputs = inputs.with(&path, text.as_str());
            Site::parse((config, config_errors), inputs, &environment::variable)
        }
        None => site,
    };
    let experiment = site.experiment(options.name.as_str()).map_err(Error::Errors)?;
    let records = records(experiment, format, &runs)?;
    report_runs(&runs);
    let counted = counted(records.len(), "run");
    if options.dry_run {
        report(format_args!("{counted} would be recorded in experiments/{}/runs/", options.name));
        return Ok(());
    }
    if let Some(text) = text {
        store.site.write(&path, text.as_bytes())?;
        report(format_args!("{path}: its title, question and metrics are yours to write"));
    }
    for record in &records {
        store.site.write(&record.path(), record.to_text().as_bytes())?;
    }
    report(format_args!("{counted} recorded in experiments/{}/runs/: commit them", options.name));
    Ok(())
}

fn one(error: Diagnostic) -> Error {
    Error::Errors(vec![error])
}

/// A path in what was imported, for messages.
fn shown(source: &str) -> &str {
    if source.is_empty() { "." } else { source }
}

impl Options {
    fn mapping(&self) -> imported::Options {
        imported::Options {
            variant: self.variant.clone(),
            variant_from: self.variant_from.clone(),
            seed: self.seed,
            seed_from: self.seed_from.clone(),
            step: self.step.clone(),
            params: self.params.clone(),
        }
    }
}

/// The files of the one format that was asked for or found.
#[expect(
    clippy::disallowed_methods,
    reason = "the results may be anywhere, also outside of the site"
)]
fn files(options: &Options) -> Result<(Format, Files), Error> {
    let from = &options.from;
    let missing = || format!("cannot read `{}`", from.display());
    let mut paths: BTreeMap<Format, Vec<(String, PathBuf)>> = BTreeMap::new();
    if fs::metadata(from).with_context(missing)?.is_file() {
        let name = from.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let format = options.format.or_else(|| imported::format_of(&name));
        paths.entry(format.ok_or_else(|| nothing(from))?).or_default().push((name, from.clone()));
    } else {
        for entry in walkdir::WalkDir::new(from).sort_by_file_name() {
            let entry = entry.with_context(missing)?;
            let inner = entry.path().strip_prefix(from).unwrap_or(entry.path());
            let parts: Vec<_> = inner.iter().map(|part| part.to_string_lossy()).collect();
            let name = parts.join("/");
            // Files that runs have logged, and runs that were deleted.
            if parts.iter().any(|part| matches!(&**part, "artifacts" | ".trash")) {
                continue;
            }
            if let Some(format) = imported::format_of(&name).filter(|_| entry.file_type().is_file())
            {
                paths.entry(format).or_default().push((name, entry.into_path()));
            }
        }
    }
    let found: Vec<Format> = paths.keys().copied().collect();
    let format = match (options.format, &found[..]) {
        (Some(format), _) if paths.contains_key(&format) => format,
        (None, [only]) => *only,
        // Its runs keep other files beside the log.
        (None, found) if found.contains(&Format::Wandb) => Format::Wandb,
        (None, [_, ..]) => {
            let names: Vec<&str> = found.iter().map(|format| format.as_str()).collect();
            let message = format!("the folder has several kinds of results: {}", names.join(", "));
            let error = Diagnostic::new(Place::file(from.display().to_string()), message);
            return Err(one(
                error.hint("choose one with `--format`, or name a file or an inner folder")
            ));
        }
        _ => return Err(nothing(from)),
    };
    let mut files = Files::new();
    let mut bytes = 0;
    for (name, path) in paths.remove(&format).unwrap_or_default() {
        let cannot = || format!("cannot read `{}`", path.display());
        bytes += fs::metadata(&path).with_context(cannot)?.len();
        if bytes > MOST_BYTES {
            return Err(
                anyhow::anyhow!("the files in `{}` have more than 2 GiB", from.display()).into()
            );
        }
        files.insert(name, fs::read(&path).with_context(cannot)?);
    }
    Ok((format, files))
}

fn nothing(from: &Path) -> Error {
    let error = Diagnostic::new(
        Place::file(from.display().to_string()),
        "there are no results that labpress can read",
    );
    one(error.hint(
        "expected .csv, .tsv or .jsonl files, event files of TensorBoard, a folder `mlruns` of MLflow, or \
         run-….wandb files",
    ))
}

/// The text of `experiment.yml` for the runs.
fn new_experiment(options: &Options, format: Format, runs: &[Run]) -> String {
    let json = |value: &Value| value.to_string();
    let title = options.title.clone().unwrap_or_else(|| options.name.to_string());
    let seeds: BTreeSet<u64> = runs.iter().map(|run| run.seed).collect();
    let mut variants: BTreeMap<&Name, (&BTreeMap<String, Value>, BTreeSet<u64>)> = BTreeMap::new();
    for run in runs {
        variants.entry(&run.variant).or_insert((&run.params, BTreeSet::new())).1.insert(run.seed);
    }
    let lacks: BTreeMap<&str, Vec<u64>> = variants
        .iter()
        .map(|(name, (_, own))| (name.as_str(), seeds.difference(own).copied().collect::<Vec<_>>()))
        .filter(|(_, lacks)| !lacks.is_empty())
        .collect();
    let mut text = format!("title: {}\n", json(&title.into()));
    text.push_str("# Results of another program, which `labpress record` has imported. They cannot be repeated here.\n");
    // Writing to a `String` cannot fail.
    let _ = writeln!(text, "runner:\n  imported: {}", format.as_str());
    if !lacks.is_empty() {
        text.push_str("  lacks:\n");
        for (name, seeds) in lacks {
            let _ = writeln!(text, "    {name}: {}", json(&seeds.into()));
        }
    }
    let _ = writeln!(text, "seeds: {}", json(&seeds.into_iter().collect::<Vec<_>>().into()));
    text.push_str("variants:\n");
    for (name, (params, _)) in variants {
        let params: Vec<String> =
            params.iter().map(|(name, value)| format!("{}: {value}", key(name))).collect();
        let _ = writeln!(text, "  {}: {{{}}}", key(name.as_str()), params.join(", "));
    }
    let names: BTreeSet<&str> = runs.iter().flat_map(Run::number_names).collect();
    let goals: Vec<(&str, &str)> =
        names.into_iter().filter_map(|name| Some((name, goal(name)?))).collect();
    if !goals.is_empty() {
        text.push_str("# Which way is better, judging by the names.\nmetrics:\n");
        for (name, goal) in goals {
            let _ = writeln!(text, "  {}: {{goal: {goal}}}", key(name));
        }
    }
    text
}

/// A key of YAML, in quotes if it could be anything but a string without them.
fn key(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    let is_word = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    if is_plain && !is_word.contains(&text.to_ascii_lowercase().as_str()) {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

/// Which way a number is better, by the last part of its name.
fn goal(name: &str) -> Option<&'static str> {
    let last = name.rsplit(['.', '/']).next()?.to_ascii_lowercase();
    let has = |words: &[&str]| last.split(['_', '-']).any(|word| words.contains(&word));
    match () {
        () if has(&["loss", "error", "perplexity", "mse", "mae", "rmse"]) => Some("min"),
        () if has(&["accuracy", "acc", "f1", "auc", "auroc", "precision", "recall"]) => Some("max"),
        () => None,
    }
}

/// The records of the runs in the experiment, or what the experiment lacks.
fn records(experiment: &Experiment, format: Format, runs: &[Run]) -> Result<Vec<Record>, Error> {
    let place = || Place::file(&experiment.path);
    if experiment.runner.imported_from() != Some(format) {
        let message = format!(
            "`{}` is not an experiment of results from {}",
            experiment.name,
            format.title()
        );
        let hint =
            format!("choose another name, or write `runner: {{imported: {}}}`", format.as_str());
        return Err(one(Diagnostic::new(place(), message).hint(hint)));
    }
    let now = environment::now_to_the_second();
    let mut errors = Vec::new();
    let mut records = Vec::new();
    for run in runs {
        match variant_of(experiment, run) {
            Ok(variant) => records.push(imported::record(experiment, variant, run, now)),
            Err((message, hint)) => errors.push(Diagnostic::new(place(), message).hint(hint)),
        }
    }
    errors.dedup();
    if errors.is_empty() { Ok(records) } else { Err(Error::Errors(errors)) }
}

/// The variant of a run, or what is wrong and what to do.
fn variant_of<'e>(experiment: &'e Experiment, run: &Run) -> Result<&'e Variant, (String, String)> {
    let params = Value::Object(run.params.clone().into_iter().collect());
    let (name, seed) = (&run.variant, run.seed);
    let variant = experiment.variants.iter().find(|variant| variant.name == *name);
    let Some(variant) = variant else {
        let hint = format!("add `{name}: {params}` to `variants`");
        return Err((format!("`{}` has no variant `{name}`", experiment.name), hint));
    };
    if !experiment.seeds.contains(&seed) {
        let hint =
            format!("add {seed} to `seeds`, and to `lacks` of `runner` for variants without it");
        return Err((format!("`{}` has no seed {seed}", experiment.name), hint));
    }
    if !experiment.has_run(variant, seed) {
        let hint = format!("remove {seed} from `lacks`");
        return Err((format!("`{name}` is declared to lack seed {seed}"), hint));
    }
    if variant.params != params {
        let message = format!("the parameters of `{name}` are not those of the run: {params}");
        return Err((
            message,
            "change them, or choose another variant with `--variant`".to_owned(),
        ));
    }
    Ok(variant)
}

/// Prints which run became what.
fn report_runs(runs: &[Run]) {
    let row = |run: &Run| {
        vec![
            run.variant.to_string(),
            run.seed.to_string(),
            shown(&run.source).to_owned(),
            run.contents(),
        ]
    };
    let rows: Vec<Vec<String>> = runs.iter().map(row).collect();
    answer(&table(&["VARIANT", "SEED", "FROM", "HAS"], &rows));
}
