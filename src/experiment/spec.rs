//! Parses Parses `experiments/NAME/experiment.yml`: strict YAML → a checked [`Experiment`] with all
//! defaults filled in.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use labpress_runner::protocol;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_yaml::Mapping;

use super::grid::{self, Combination};
use super::{Name, is_windows_device, name_rule, needs};
use crate::data::{self, DataSet};
use crate::diagnostic::{Diagnostic, Place, listed};
use crate::digest::Digest;
use crate::errors::Errors;
use crate::inputs::Inputs;
use crate::recipe::Metric;
use crate::recipe::image_classification::{self, Model, Pretrained};
use crate::roles::Role;
use crate::stats::Pairing;
use crate::yaml::{self, Yaml};

/// A question with its data, its variants and its seeds.
#[derive(Debug, Clone, PartialEq)]
pub struct Experiment {
    /// Its name, which is also that of its folder.
    pub name: Name,
    /// The path of its `experiment.yml`.
    pub path: String,
    /// Its title as shown to readers.
    pub title: String,
    /// The question that it answers.
    pub question: Option<String>,
    /// How its parameters were chosen, and on which data, for readers.
    pub selection: Option<String>,
    /// The runner.
    pub runner: Runner,
    /// The data set that it trains on.
    pub data: Option<ExperimentData>,
    /// The seeds of each variant's runs, without duplicates.
    pub seeds: Vec<u64>,
    /// Its variants in written order, at least one.
    pub variants: Vec<Variant>,
    /// How its numbers are displayed and whether higher or lower is better, by name.
    pub metrics: BTreeMap<String, Metric>,
    /// The device that it requires; `None` uses a GPU if there is one.
    pub device: Option<Device>,
    /// The experiments whose artifacts are inputs of this one, with a digest of everything that
    /// their results depend on.
    pub needs: BTreeMap<Name, Digest>,
    /// Which runs of two variants belong together when they are compared.
    pub pairing: Pairing,
    /// The limits of each of its runs.
    pub limits: Limits,
    /// Whether it runs at toy scale, as a smoke test; see [`Experiment::at_toy_scale`].
    pub smoke: bool,
}

impl Experiment {
    /// The experiment at toy scale, for smoke tests of a few seconds per run. A recipe's parameters
    /// are reduced; a command has to reduce its own (`smoke` in its
    /// [job](labpress_runner::protocol::Job)). The results have other fingerprints.
    #[must_use]
    pub fn at_toy_scale(&self) -> Experiment {
        let mut toy = Experiment { smoke: true, ..self.clone() };
        if matches!(toy.runner, Runner::Lab { .. }) {
            for variant in &mut toy.variants {
                variant.params = image_classification::at_toy_scale(&variant.params);
            }
        }
        toy
    }

    /// The unit of the steps of its series.
    pub fn step_name(&self) -> &'static str {
        match self.runner {
            Runner::Lab { .. } => "epoch",
            Runner::Command { .. } | Runner::Imported { .. } => "step",
        }
    }

    /// Whether it has a run of the variant with the seed. It has all, unless it was imported without
    /// some.
    pub fn has_run(&self, variant: &Variant, seed: u64) -> bool {
        match &self.runner {
            Runner::Lab { .. } | Runner::Command { .. } => true,
            Runner::Imported { lacks, .. } => {
                lacks.get(&variant.name).is_none_or(|seeds| !seeds.contains(&seed))
            }
        }
    }
}

/// The limits of a run. Not part of the fingerprint: a limit may end a run, but does not change its
/// numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// CPU threads.
    pub threads: usize,
    /// Time from start to end. A run that takes longer fails.
    pub time: Option<Duration>,
    /// Bytes of resident memory of all its processes. A run that uses more fails.
    pub memory: Option<u64>,
    /// Bytes on disk: its log, events, checkpoints and artifacts together. A run that uses more
    /// fails.
    pub disk: u64,
}

/// The program that trains an experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runner {
    /// The built-in program `lab`.
    Lab {
        /// Name of the recipe.
        recipe: String,
        /// The recipe's revision, see [`image_classification::REVISION`].
        revision: u32,
    },
    /// Any program that speaks the [protocol].
    Command {
        /// Program and arguments.
        command: Vec<String>,
        /// The patterns of its files, as declared by the experiment; `None` is every file of the
        /// folder.
        patterns: Option<Vec<String>>,
        /// Those files, by path in the experiment's folder, with the digests of their contents.
        inputs: BTreeMap<String, Digest>,
        /// The environment variables that it depends on, with their values; `None` if not set.
        environment: BTreeMap<String, Option<String>>,
    },
    /// None: another program did the runs, and `labpress record` made records of its files.
    Imported {
        /// The kind of files.
        from: Format,
        /// The seeds that variants have no run of.
        lacks: BTreeMap<Name, Vec<u64>>,
    },
}

/// The files of other programs that results can be imported from.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// A table with a header.
    Csv,
    /// A JSON object on each line.
    Jsonl,
    /// Event files of TensorBoard.
    Tensorboard,
    /// A folder `mlruns/` of MLflow.
    Mlflow,
    /// Logs of Weights & Biases that were written offline.
    Wandb,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 5] =
        [Format::Csv, Format::Jsonl, Format::Tensorboard, Format::Mlflow, Format::Wandb];

    /// Its name in files and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Jsonl => "jsonl",
            Format::Tensorboard => "tensorboard",
            Format::Mlflow => "mlflow",
            Format::Wandb => "wandb",
        }
    }

    /// Its name for readers.
    pub fn title(self) -> &'static str {
        match self {
            Format::Csv | Format::Jsonl => "a table",
            Format::Tensorboard => "TensorBoard",
            Format::Mlflow => "MLflow",
            Format::Wandb => "Weights & Biases",
        }
    }
}

impl Runner {
    /// Where its results were imported from; `None` if labpress can do the runs.
    pub fn imported_from(&self) -> Option<Format> {
        match self {
            Runner::Lab { .. } | Runner::Command { .. } => None,
            Runner::Imported { from, .. } => Some(*from),
        }
    }

    /// Which of its runs belong together unless an experiment says otherwise. Those of `lab` with the
    /// same seed have the same split, images in the same order, and the same changes to them.
    pub fn pairing(&self) -> Pairing {
        match self {
            Runner::Lab { .. } => Pairing::BySeed,
            Runner::Command { .. } | Runner::Imported { .. } => Pairing::None,
        }
    }
}

/// The data set of an experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct ExperimentData {
    /// Its name.
    pub name: String,
    /// Its declaration.
    pub set: DataSet,
    /// The digest of its content, from the declaration.
    pub digest: Digest,
}

/// One named configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// Its name.
    pub name: Name,
    /// Its name as shown to readers.
    pub title: String,
    /// Its parameters, with all defaults filled in.
    pub params: Value,
    /// Its pretrained weights; `None` is random initialization.
    pub weights: Option<Weights>,
}

/// A file of trained weights.
#[derive(Debug, Clone, PartialEq)]
pub enum Weights {
    /// Published weights.
    Published {
        /// The data set that contains them.
        data: Box<ExperimentData>,
        /// Their file in it.
        file: String,
    },
    /// A file of the site.
    File {
        /// Its path in the site.
        path: String,
        /// The digest of its content.
        digest: Digest,
    },
}

impl Weights {
    /// The digest of everything in them that affects a run.
    pub fn digest(&self) -> Digest {
        match self {
            Weights::Published { data, .. } => data.digest,
            Weights::File { digest, .. } => *digest,
        }
    }

    /// The data set that has to be fetched for them.
    pub fn data(&self) -> Option<&ExperimentData> {
        match self {
            Weights::Published { data, .. } => Some(data),
            Weights::File { .. } => None,
        }
    }
}

/// A device that an experiment requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Device {
    /// The processor.
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
}

impl Device {
    /// Its name in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Device::Cpu => "cpu",
            Device::Cuda => "cuda",
        }
    }
}

impl From<Device> for protocol::Device {
    fn from(device: Device) -> protocol::Device {
        match device {
            Device::Cpu => protocol::Device::Cpu,
            Device::Cuda => protocol::Device::Cuda,
        }
    }
}

/// An experiment as written in `experiments/NAME/experiment.yml`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "labpress experiment")]
struct Written {
    /// Its title as shown to readers.
    title: String,
    /// The question that it answers.
    question: Option<String>,
    /// How the parameters were chosen, and on which data, for readers: "the rate with the best
    /// accuracy on 1,000 images set aside".
    selection: Option<String>,
    /// The runner: `lab`, a command, or none for results that were imported.
    #[serde(default = "lab")]
    #[schemars(with = "WrittenRunner")]
    runner: serde_yaml::Value,
    /// The recipe, for the runner `lab`: `image-classification`.
    recipe: Option<String>,
    /// The data set: a name in `experiments/data/`, or `digits` or `fashion-mnist`.
    data: Option<String>,
    /// The seeds of each variant's runs, or their number.
    #[serde(default = "one_seed")]
    #[schemars(with = "WrittenSeeds")]
    seeds: serde_yaml::Value,
    /// Parameters that all variants share.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Value>")]
    params: Mapping,
    /// Variants by name, each with parameters that override the shared ones and, optionally, a
    /// `title`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Option<BTreeMap<String, Value>>>")]
    variants: Mapping,
    /// How numbers are displayed and whether higher or lower is better, by name.
    #[serde(default)]
    metrics: BTreeMap<String, Metric>,
    /// The device that the experiment requires; if omitted, a GPU is used if there is one.
    device: Option<Device>,
    /// The limits of each run.
    #[serde(default)]
    limits: WrittenLimits,
    /// Parameters with lists of values: every combination is a variant. `exclude` and `include`
    /// remove and add combinations.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Vec<Value>>")]
    grid: Mapping,
    /// Whether runs of different variants with the same seed share the order of the data, the split
    /// or the fold, so that figures compare them in pairs. By default, those of `lab` do, and those
    /// of a command do not.
    paired: Option<bool>,
    /// Experiments whose artifacts are inputs of this one.
    #[serde(default)]
    needs: Vec<String>,
}

/// The forms of `runner`, for the schema.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(
    dead_code,
    reason = "only its schema is used: untagged enums have poor error messages, \
              so the value is parsed by hand"
)]
enum WrittenRunner {
    Named(RunnerName),
    Command(CommandRunner),
    Imported(NoRunner),
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
#[expect(dead_code, reason = "only its schema is used")]
enum RunnerName {
    Lab,
}

/// The forms of `seeds`, for the schema.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum WrittenSeeds {
    Count(u64),
    List(Vec<u64>),
}

/// The JSON Schema of `experiment.yml`, for editors.
pub fn schema() -> Value {
    schemars::schema_for!(Written).to_value()
}

/// A program that speaks the runner protocol.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct CommandRunner {
    /// Program and arguments, started in the experiment's folder.
    command: Vec<String>,
    /// The files of the program: paths and patterns relative to the experiment's folder. A change
    /// makes results stale. If omitted, these are all files of the folder; `[]` is none.
    inputs: Option<Vec<String>>,
    /// Environment variables that its results depend on.
    #[serde(default)]
    env: Vec<String>,
}

/// Results of another program, which labpress cannot repeat.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct NoRunner {
    /// The files that `labpress record` has read.
    imported: Format,
    /// Runs that do not exist: variants with seeds.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Vec<u64>>")]
    lacks: BTreeMap<Name, Vec<u64>>,
}

/// The limits of a run.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct WrittenLimits {
    /// CPU threads; 1 if omitted.
    threads: Option<usize>,
    /// Time from start to end: `90s`, `10m`, `2h`.
    time: Option<String>,
    /// Resident memory of all its processes: `512MiB`, `8GiB`.
    memory: Option<String>,
    /// Log, events, checkpoints and artifacts together: `512MiB`, `8GiB`; 16 GiB if omitted.
    disk: Option<String>,
}

fn lab() -> serde_yaml::Value {
    "lab".into()
}

fn one_seed() -> serde_yaml::Value {
    1.into()
}

/// The value of an environment variable, for the experiments that declare to depend on it.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Parses all experiments of a site, in order of name, and returns the errors of all files.
pub fn parse_all(
    files: &Inputs,
    environment: Environment<'_>,
) -> (Vec<Experiment>, Vec<Diagnostic>) {
    let (mut parsed, mut invalid) = (Vec::new(), Vec::new());
    let mut errors = Errors::default();
    for (path, text) in files.of(Role::Experiment) {
        let Some(folder) =
            path.strip_prefix("experiments/").and_then(|rest| rest.strip_suffix("/experiment.yml"))
        else {
            continue;
        };
        // A file with this name may be an input of an experiment that has its own.
        let outer =
            folder.split_once('/').map(|(outer, _)| format!("experiments/{outer}/experiment.yml"));
        if outer.is_some_and(|outer| files.text(&outer).is_some()) {
            continue;
        }
        match errors.take(parse(folder, &Yaml::file(path, text), files, environment)) {
            Some(experiment) => parsed.push(experiment),
            None => invalid.push(folder),
        }
    }
    for (path, _) in files.of(Role::DataSet) {
        let name =
            path.rsplit('/').next().and_then(|file| file.strip_suffix(".yml")).unwrap_or_default();
        if is_windows_device(name) {
            let message = format!("`{name}` cannot be the name of a data set");
            errors.push(Diagnostic::new(Place::file(path), message).hint(name_rule(name)));
        }
    }
    let (experiments, errors_of_needs) = needs::resolved(parsed, &invalid, files);
    errors.extend(errors_of_needs);
    (experiments, errors.into_sorted())
}

/// Parses the experiment in `folder`.
///
/// Also returns the names of the experiments it needs, whose digests are known only when all
/// experiments are parsed.
fn parse(
    folder: &str,
    yaml: &Yaml<'_>,
    files: &Inputs,
    environment: Environment<'_>,
) -> Result<(Experiment, Vec<String>), Vec<Diagnostic>> {
    let is_reserved = folder == "data";
    let name = Name::new(folder).filter(|_| !is_reserved).ok_or_else(|| {
        let message = format!("`{folder}` cannot be the name of an experiment");
        vec![Diagnostic::new(Place::file(yaml.path), message).hint(name_rule(folder))]
    })?;
    let written: Written = yaml.parse().map_err(|error| vec![error])?;
    let mut errors = Errors::default();
    let runner = errors.take(runner(&written, &name, yaml, files, environment));
    let data = written.data.as_ref().map(|name| data(name, yaml, files)).transpose();
    let data = errors.take(data);
    let seeds = errors.take(seeds(&written.seeds, yaml));
    let limits = errors.take(limits(&written.limits, yaml));
    let metrics = errors.take(metrics(runner.as_ref(), &written.metrics, yaml));
    let parameters = errors.take(finite(&written, yaml));
    let variants = parameters
        .and(runner.as_ref())
        .and_then(|runner| errors.take(variants(&written, runner, yaml, files)));
    if matches!(runner, Some(Runner::Lab { .. })) && written.data.is_none() {
        let built_in = listed(data::built_in_names());
        let error = Diagnostic::new(Place::file(yaml.path), "the recipe requires a data set");
        errors
            .push(error.hint(format!("add `data: NAME`, such as one of the built-in {built_in}")));
    }
    let (Some(runner), Some(data), Some(seeds), Some(variants), Some(limits), Some(metrics)) =
        (runner, data, seeds, variants, limits, metrics)
    else {
        return Err(errors.into_sorted());
    };
    let runs = variants.len() * seeds.len();
    if runs > MOST_RUNS {
        let (variants, seeds) = (variants.len(), seeds.len());
        let message = format!(
            "{variants} variants with {seeds} seeds each are {runs} runs, more than {MOST_RUNS}"
        );
        let hint = "use fewer seeds, a smaller grid, or several experiments";
        errors.push(Diagnostic::new(yaml.place(&["seeds"]), message).hint(hint));
    }
    let pairing = match written.paired {
        Some(true) => Pairing::BySeed,
        Some(false) => Pairing::None,
        None => runner.pairing(),
    };
    let experiment = Experiment {
        name,
        path: yaml.path.to_owned(),
        title: written.title,
        question: written.question,
        selection: written.selection,
        metrics,
        runner,
        data,
        seeds,
        variants,
        device: written.device,
        needs: BTreeMap::new(),
        pairing,
        limits,
        smoke: false,
    };
    errors.finish((experiment, written.needs))
}

/// Checks that all parameters are finite numbers.
fn finite(written: &Written, yaml: &Yaml<'_>) -> Result<(), Vec<Diagnostic>> {
    let mut errors = Errors::default();
    for (key, values) in
        [("params", &written.params), ("variants", &written.variants), ("grid", &written.grid)]
    {
        if let Some(keys) = not_finite(&serde_yaml::Value::Mapping(values.clone())) {
            let keys: Vec<&str> =
                std::iter::once(key).chain(keys.iter().map(String::as_str)).collect();
            let message = "a parameter must be a finite number, as in JSON";
            let hint = "put quotes around it if the program reads it as a string, or use `null`";
            errors.push(Diagnostic::new(yaml.place(&keys), message).hint(hint));
        }
    }
    errors.finish(())
}

fn runner(
    written: &Written,
    name: &Name,
    yaml: &Yaml<'_>,
    files: &Inputs,
    environment: Environment<'_>,
) -> Result<Runner, Diagnostic> {
    match (&written.runner, &written.recipe) {
        (serde_yaml::Value::String(lab), Some(recipe)) if lab == "lab" => {
            if recipe != image_classification::NAME {
                let message = format!("unknown recipe `{recipe}`");
                return Err(Diagnostic::new(yaml.place(&["recipe"]), message)
                    .hint_nearest(recipe, [image_classification::NAME]));
            }
            Ok(Runner::Lab { recipe: recipe.clone(), revision: image_classification::REVISION })
        }
        (serde_yaml::Value::String(lab), None) if lab == "lab" => {
            let message = "the runner `lab` requires a recipe";
            Err(Diagnostic::new(Place::file(yaml.path), message)
                .hint(format!("add `recipe: {}`", image_classification::NAME)))
        }
        (serde_yaml::Value::Mapping(runner), None) if runner.contains_key("imported") => {
            let NoRunner { imported: from, lacks } = serde_yaml::from_value(written.runner.clone())
                .map_err(|error| yaml::invalid_yaml(yaml.place(&["runner"]), &error.to_string()))?;
            Ok(Runner::Imported { from, lacks })
        }
        (serde_yaml::Value::Mapping(_), None) => {
            command_runner(&written.runner, name, yaml, files, environment)
        }
        (serde_yaml::Value::Mapping(_), Some(_)) => {
            Err(Diagnostic::new(yaml.place(&["recipe"]), "`recipe` is only for the runner `lab`")
                .hint("remove `recipe`, or use `runner: lab`"))
        }
        _ => Err(Diagnostic::new(
            yaml.place(&["runner"]),
            "`runner` must be `lab` or a map with a `command`",
        )
        .hint(
            "write `runner: lab`, \
                 or `runner: {command: [python3, train.py], inputs: [train.py]}`",
        )),
    }
}

fn command_runner(
    written: &serde_yaml::Value,
    name: &Name,
    yaml: &Yaml<'_>,
    files: &Inputs,
    environment: Environment<'_>,
) -> Result<Runner, Diagnostic> {
    let CommandRunner { command, inputs: patterns, env } = serde_yaml::from_value(written.clone())
        .map_err(|error| yaml::invalid_yaml(yaml.place(&["runner"]), &error.to_string()))?;
    if command.is_empty() {
        return Err(Diagnostic::new(yaml.place(&["runner", "command"]), "`command` is empty"));
    }
    let inputs = files.inputs(name.as_str(), patterns.as_deref()).map_err(|error| {
        let index = error.pattern.map(|index| index.to_string());
        let keys: Vec<&str> = ["runner", "inputs"].into_iter().chain(index.as_deref()).collect();
        Diagnostic::new(yaml.place(&keys), error.message).hint(error.hint)
    })?;
    let environment = env.into_iter().map(|name| (name.clone(), environment(&name))).collect();
    Ok(Runner::Command { command, patterns, inputs, environment })
}

fn data(name: &str, yaml: &Yaml<'_>, files: &Inputs) -> Result<ExperimentData, Vec<Diagnostic>> {
    let path = format!("experiments/data/{name}.yml");
    let Some(text) = files.text(&path).or_else(|| data::built_in(name)) else {
        let mut known: Vec<&str> = data::built_in_names().collect();
        known.extend(
            files.of(Role::DataSet).filter_map(|(path, _)| {
                path.strip_prefix("experiments/data/")?.strip_suffix(".yml")
            }),
        );
        known.sort_unstable();
        known.dedup();
        let message = format!("unknown data set `{name}`");
        let error = Diagnostic::new(yaml.place(&["data"]), message);
        return Err(vec![error.hint_nearest(name, known)]);
    };
    let set = DataSet::parse(&Yaml::file(&path, text))?;
    let digest = set.digest();
    Ok(ExperimentData { name: name.to_owned(), set, digest })
}

/// A list of seeds, or their number: `3` is 0, 1 and 2.
fn seeds(written: &serde_yaml::Value, yaml: &Yaml<'_>) -> Result<Vec<u64>, Diagnostic> {
    let error = |message: &str| {
        Diagnostic::new(yaml.place(&["seeds"]), message)
            .hint("write a list such as `[0, 1, 2]`, or a number of seeds such as `3`")
    };
    let seeds: Vec<u64> = match written {
        serde_yaml::Value::Number(count) => match count.as_u64() {
            Some(count @ 1..=10_000) => (0..count).collect(),
            _ => return Err(error("`seeds` must be from 1 to 10000")),
        },
        serde_yaml::Value::Sequence(items) => items
            .iter()
            .map(serde_yaml::Value::as_u64)
            .collect::<Option<_>>()
            .ok_or_else(|| error("seeds must be whole numbers from 0"))?,
        _ => return Err(error("`seeds` must be a list or a number")),
    };
    if seeds.is_empty() {
        return Err(error("`seeds` is empty"));
    }
    let mut seen = BTreeSet::new();
    match seeds.iter().find(|seed| !seen.insert(**seed)) {
        Some(duplicate) => Err(error(&format!("duplicate seed {duplicate}"))),
        None => Ok(seeds),
    }
}

fn variants(
    written: &Written,
    runner: &Runner,
    yaml: &Yaml<'_>,
    files: &Inputs,
) -> Result<Vec<Variant>, Vec<Diagnostic>> {
    let only = Mapping::from_iter([("default".into(), serde_yaml::Value::Null)]);
    let named = if written.variants.is_empty() { &only } else { &written.variants };
    let combinations = grid::combinations(&written.grid, yaml).map_err(|error| vec![error])?;
    let mut checked = Vec::new();
    // An error in the shared parameters occurs in every variant.
    let mut errors = Errors::default();
    for (name, own) in named {
        for combination in &combinations {
            let found = variant(name, own, combination, written, runner, yaml, files);
            checked.extend(errors.take(found));
        }
    }
    errors.extend(same_name(&checked, yaml));
    errors.finish(checked)
}

/// Two combinations of a grid can have the same name, as for the values `0.1` and `0-1`.
fn same_name(variants: &[Variant], yaml: &Yaml<'_>) -> Option<Diagnostic> {
    let mut seen = BTreeSet::new();
    let twice = variants.iter().find(|variant| !seen.insert(&variant.name))?;
    Some(Diagnostic::new(
        yaml.place(&["grid"]),
        format!("duplicate variant `{}` in the grid", twice.name),
    ))
}

fn variant(
    name: &serde_yaml::Value,
    own: &serde_yaml::Value,
    combination: &Combination,
    written: &Written,
    runner: &Runner,
    yaml: &Yaml<'_>,
    files: &Inputs,
) -> Result<Variant, Vec<Diagnostic>> {
    let one = |diagnostic| vec![diagnostic];
    let key = name.as_str().unwrap_or_default();
    let name = Name::new(key).ok_or_else(|| {
        let message = format!("`{key}` cannot be the name of a variant");
        one(Diagnostic::new(yaml.place(&["variants", key]), message).hint(name_rule(key)))
    })?;
    let mut own = match own {
        serde_yaml::Value::Mapping(own) => own.clone(),
        serde_yaml::Value::Null => Mapping::new(),
        _ => {
            let message = format!("the variant `{name}` must be a map of parameters");
            return Err(one(Diagnostic::new(yaml.place(&["variants", name.as_str()]), message)));
        }
    };
    let title = match own.remove("title") {
        Some(serde_yaml::Value::String(title)) => title,
        Some(_) => {
            return Err(one(Diagnostic::new(
                yaml.place(&["variants", name.as_str(), "title"]),
                "`title` must be a string",
            )));
        }
        None => name.to_string(),
    };
    let merged =
        serde_yaml::Value::Mapping(overlaid(&overlaid(&written.params, &own), &combination.params));
    let (params, weights) = match runner {
        Runner::Lab { .. } => {
            let params = lab_params(merged, &name, yaml)?;
            let weights = weights(&params.model, &name, yaml, files).map_err(one)?;
            (
                serde_json::to_value(&params).expect("parameters are numbers, strings and lists"),
                weights,
            )
        }
        Runner::Command { .. } | Runner::Imported { .. } => {
            let params = serde_json::to_value(&merged).map_err(|error| {
                one(Diagnostic::new(
                    yaml.place(&["variants", name.as_str()]),
                    format!("the parameters cannot be converted to JSON: {error}"),
                ))
            })?;
            (params, None)
        }
    };
    let is_only = written.variants.is_empty();
    let (name, title) = match (written.grid.is_empty(), is_only) {
        (true, _) => (name, title),
        (false, true) => (combination.name.clone(), combination.title.clone()),
        (false, false) => (
            Name::nearest_to(&format!("{name}-{}", combination.name)),
            format!("{title}, {}", combination.title),
        ),
    };
    Ok(Variant { name, title, params, weights })
}

/// The shared parameters, overridden by a variant's own. Maps are merged key by key, but a map with
/// another `kind` replaces the whole map: parameters of an `mlp` mean nothing to a `convnet`.
fn overlaid(shared: &Mapping, own: &Mapping) -> Mapping {
    let mut merged = shared.clone();
    for (key, value) in own {
        let value = match (merged.get(key), value) {
            (Some(serde_yaml::Value::Mapping(old)), serde_yaml::Value::Mapping(new))
                if is_same_kind(old, new) =>
            {
                serde_yaml::Value::Mapping(overlaid(old, new))
            }
            _ => value.clone(),
        };
        merged.insert(key.clone(), value);
    }
    merged
}

fn is_same_kind(old: &Mapping, new: &Mapping) -> bool {
    new.get("kind").is_none_or(|kind| old.get("kind") == Some(kind))
}

fn lab_params(
    merged: serde_yaml::Value,
    variant: &Name,
    yaml: &Yaml<'_>,
) -> Result<image_classification::Params, Vec<Diagnostic>> {
    let place = |keys: &[&str]| param_place(variant, keys, yaml);
    let params: image_classification::Params =
        serde_path_to_error::deserialize(merged).map_err(|error| {
            let path: Vec<String> = error.path().iter().map(ToString::to_string).collect();
            let mut keys: Vec<&str> = path.iter().map(String::as_str).collect();
            let message = error.inner().to_string();
            // The unknown key itself, if the path ends at the map that contains it.
            let unknown =
                message.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
            if let Some(unknown) = unknown.filter(|unknown| keys.last() != Some(unknown)) {
                keys.push(unknown);
            }
            vec![yaml::invalid_yaml(place(&keys), &message)]
        })?;
    let errors: Vec<Diagnostic> = params
        .out_of_bounds()
        .into_iter()
        .map(|error| {
            Diagnostic::new(
                place(&error.keys),
                format!("`{}` {}", error.keys.join("."), error.rule),
            )
        })
        .collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(params)
}

/// The pretrained weights of a net.
fn weights(
    model: &Model,
    variant: &Name,
    yaml: &Yaml<'_>,
    files: &Inputs,
) -> Result<Option<Weights>, Diagnostic> {
    let error = |message: String| {
        Diagnostic::new(param_place(variant, &["model", "pretrained"], yaml), message)
            .hint("give the path of a `.safetensors` file in the site's folder `experiments/`")
    };
    match model.pretrained() {
        None => Ok(None),
        Some(Pretrained::Imagenet) => {
            let kind = model.kind();
            let (set, file) = data::published_weights(kind)
                .ok_or_else(|| error(format!("there are no published weights for `{kind}`")))?;
            let digest = set.digest();
            let data = ExperimentData { name: format!("{kind}-weights"), set, digest };
            Ok(Some(Weights::Published { data: Box::new(data), file }))
        }
        Some(Pretrained::File(path)) => {
            let digest = files.weights(path);
            let digest =
                digest.ok_or_else(|| error(format!("there is no weights file `{path}`")))?;
            Ok(Some(Weights::File { path: path.clone(), digest }))
        }
    }
}

/// The keys that lead to the first number that is infinite or NaN.
fn not_finite(value: &serde_yaml::Value) -> Option<Vec<String>> {
    let below = |key: String, value| {
        let mut keys = not_finite(value)?;
        keys.insert(0, key);
        Some(keys)
    };
    match value {
        serde_yaml::Value::Number(number) => {
            number.as_f64().filter(|number| !number.is_finite()).map(|_| Vec::new())
        }
        serde_yaml::Value::Sequence(items) => {
            items.iter().enumerate().find_map(|(index, item)| below(index.to_string(), item))
        }
        serde_yaml::Value::Mapping(map) => map
            .iter()
            .find_map(|(key, value)| below(key.as_str().unwrap_or_default().to_owned(), value)),
        serde_yaml::Value::Tagged(tagged) => not_finite(&tagged.value),
        serde_yaml::Value::Null | serde_yaml::Value::Bool(_) | serde_yaml::Value::String(_) => None,
    }
}

/// The place of a variant's parameter: in the variant if it is there, or else among the shared
/// ones.
fn param_place(variant: &Name, keys: &[&str], yaml: &Yaml<'_>) -> Place {
    let under = |parents: &[&str]| {
        let keys: Vec<&str> = parents.iter().chain(keys).copied().collect();
        (yaml.depth(&keys).saturating_sub(parents.len()), yaml.place(&keys))
    };
    let (own_depth, own) = under(&["variants", variant.as_str()]);
    let (shared_depth, shared) = under(&["params"]);
    if shared_depth > own_depth { shared } else { own }
}

fn limits(written: &WrittenLimits, yaml: &Yaml<'_>) -> Result<Limits, Vec<Diagnostic>> {
    let error = |key: &str, message: String| Diagnostic::new(yaml.place(&["limits", key]), message);
    let read = |key: &str, text: &Option<String>, units: &[(&str, u64)], example: &str| {
        let Some(text) = text else { return Ok(None) };
        match quantity(text, units) {
            Some(0) => Err(error(key, format!("`{key}` must be above 0"))),
            Some(quantity) => Ok(Some(quantity)),
            None => Err(error(key, format!("invalid value `{text}` for `{key}`"))
                .hint(format!("write {example}"))),
        }
    };
    let mut errors = Errors::default();
    if written.threads == Some(0) {
        errors.push(error("threads", "`threads` must be at least 1".to_owned()));
    }
    let size = "`512MiB` or `8GiB`";
    let time = errors.take(read("time", &written.time, TIME_UNITS, "`90s`, `10m` or `2h`"));
    let memory = errors.take(read("memory", &written.memory, MEMORY_UNITS, size));
    let disk = errors.take(read("disk", &written.disk, MEMORY_UNITS, size));
    let limits = Limits {
        // One thread per run and as many runs at once as there are cores: small nets gain little
        // from a second thread, and the bits of a result do not depend on how many other runs
        // happened to be stale.
        threads: written.threads.unwrap_or(1),
        time: time.flatten().map(Duration::from_secs),
        memory: memory.flatten(),
        // Enough for the checkpoints of large nets, and an end to a log that is written in an
        // endless loop.
        disk: disk.flatten().unwrap_or(16 << 30),
    };
    errors.finish(limits)
}

/// The maximum number of runs of an experiment: each has its own file, and every command reads all
/// of them.
const MOST_RUNS: usize = 100_000;

/// Units of time, in seconds.
pub const TIME_UNITS: &[(&str, u64)] = &[("s", 1), ("m", 60), ("min", 60), ("h", 3600)];
const MEMORY_UNITS: &[(&str, u64)] = &[
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

/// Parses a whole number with one of the units: `10m`, `8 GiB`.
pub fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// The recipe's own metrics, overridden by those that the experiment declares.
fn metrics(
    runner: Option<&Runner>,
    written: &BTreeMap<String, Metric>,
    yaml: &Yaml<'_>,
) -> Result<BTreeMap<String, Metric>, Vec<Diagnostic>> {
    let mut metrics = match runner {
        Some(Runner::Lab { .. }) => image_classification::metrics(),
        Some(Runner::Command { .. } | Runner::Imported { .. }) | None => BTreeMap::new(),
    };
    let mut errors = Errors::default();
    for (name, Metric { goal, unit, tolerance }) in written {
        if tolerance.is_some_and(|tolerance| !tolerance.is_finite() || tolerance < 0.0) {
            let place = yaml.place(&["metrics", name, "tolerance"]);
            errors.push(Diagnostic::new(place, "`tolerance` must be a number from 0"));
        }
        let metric = metrics.entry(name.clone()).or_default();
        metric.goal = goal.or(metric.goal);
        metric.unit = unit.clone().or_else(|| metric.unit.take());
        metric.tolerance = *tolerance;
    }
    errors.finish(metrics)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::experiment::fingerprint::Fingerprint;

    const SPIRAL: &str = "title: Spirals\nrecipe: image-classification\ndata: digits\nseeds: [0, 1]\n\
        params: {epochs: 8, optimizer: {kind: sgd, lr: 0.1}}\nvariants:\n  plain: {}\n  \
        wide: {title: Wide net, model: {kind: mlp, hidden: [512]}}\n";

    fn parsed(yaml: &str) -> Result<Experiment, Vec<Diagnostic>> {
        let files = Inputs::default().with("experiments/spiral/experiment.yml", yaml);
        let (mut experiments, errors) =
            parse_all(&files, &|name| (name == "HOME").then(|| "/home/ada".to_owned()));
        if errors.is_empty() { Ok(experiments.remove(0)) } else { Err(errors) }
    }

    #[track_caller]
    fn check_error(from: &str, to: &str, expected: &str) {
        assert!(SPIRAL.contains(from), "the example has no `{from}`");
        let errors = parsed(&SPIRAL.replacen(from, to, 1)).unwrap_err();
        let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(shown.join("\n\n"), expected);
    }

    /// Checks which parts of the first run's fingerprint change with an edit.
    #[track_caller]
    fn check_changed(from: &str, to: &str, expected: &[&str]) {
        assert!(SPIRAL.contains(from), "the example has no `{from}`");
        let first = |yaml: &str| {
            let experiment = parsed(yaml).unwrap();
            Fingerprint::of(&experiment, &experiment.variants[0], experiment.seeds[0])
        };
        let changed = first(SPIRAL).changed_since(&first(&SPIRAL.replacen(from, to, 1)));
        assert_eq!(changed.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn variants_override_shared_parameters() {
        let experiment = parsed(SPIRAL).unwrap();
        let [plain, wide] = &experiment.variants[..] else { panic!("two variants") };
        assert_eq!((plain.title.as_str(), wide.title.as_str()), ("plain", "Wide net"));
        assert_eq!(wide.params["model"]["hidden"], serde_json::json!([512]));
        assert_eq!(wide.params["epochs"], 8);
        assert_eq!(wide.params["optimizer"]["lr"], 0.1);
    }

    #[test]
    fn another_kind_replaces_the_whole_map() {
        let yaml = SPIRAL.replace("  plain: {}", "  plain: {optimizer: {kind: adam}}");
        let plain = &parsed(&yaml).unwrap().variants[0];
        assert_eq!(plain.params["optimizer"]["lr"], 0.001);
    }

    #[test]
    fn published_weights_are_part_of_the_fingerprint() {
        let weights =
            data::published_weights("efficientnet-lite0").expect("it is built in").0.digest();
        check_changed(
            "  plain: {}",
            "  plain: {model: {kind: efficientnet-lite0, pretrained: imagenet}}",
            &[
                "params.model.hidden was [128] and is gone",
                "params.model.kind changed from mlp to efficientnet-lite0",
                "params.model.pretrained is new: imagenet",
                &format!("weights is new: {}", weights.short()),
            ],
        );
        let scratch =
            parsed(&SPIRAL.replace("  plain: {}", "  plain: {model: {kind: efficientnet-lite0}}"))
                .unwrap();
        assert_eq!(scratch.variants[0].weights, None);
    }

    #[test]
    fn missing_weights_are_reported_where_they_are_named() {
        check_error(
            "  plain: {}",
            "  plain:\n    model: {kind: resnet18, pretrained: experiments/body.safetensors}",
            "error: there is no weights file `experiments/body.safetensors`\n --> \
             experiments/spiral/experiment.yml:8:29\n\
             hint: give the path of a `.safetensors` file in the site's folder `experiments/`",
        );
    }

    #[test]
    fn too_many_runs_are_refused() {
        let grid = (0..1000).map(|number| number.to_string()).collect::<Vec<_>>().join(", ");
        let yaml = format!(
            "title: T\nrunner: {{command: [train]}}\nseeds: 101\ngrid: {{rate: [{grid}]}}\n"
        );
        let files = Inputs::default().with("experiments/toy/experiment.yml", yaml);
        let (_, errors) = parse_all(&files, &|_| None);
        let message = "1000 variants with 101 seeds each are 101000 runs, more than 100000";
        assert!(errors[0].to_string().contains(message), "{errors:?}");
    }

    #[test]
    fn independent_errors_are_reported_together() {
        let yaml = "title: Spirals\nrecipe: image-clasification\ndata: digit\nseeds: [0, 0]\n\
            limits: {time: soon}\n";
        let errors = parsed(yaml).unwrap_err();
        let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
        expect![[r#"
            error: unknown recipe `image-clasification`
             --> experiments/spiral/experiment.yml:2:1
            hint: did you mean `image-classification`?
            error: unknown data set `digit`
             --> experiments/spiral/experiment.yml:3:1
            hint: did you mean `digits`?
            error: duplicate seed 0
             --> experiments/spiral/experiment.yml:4:1
            hint: write a list such as `[0, 1, 2]`, or a number of seeds such as `3`
            error: invalid value `soon` for `time`
             --> experiments/spiral/experiment.yml:5:10
            hint: write `90s`, `10m` or `2h`"#]]
        .assert_eq(&shown.join("\n"));
    }

    #[test]
    fn seeds_can_be_a_number() {
        assert_eq!(parsed(&SPIRAL.replace("[0, 1]", "3")).unwrap().seeds, [0, 1, 2]);
    }

    #[test]
    fn an_unknown_key_suggests_the_nearest() {
        check_error(
            "seeds",
            "seedz",
            "error: unknown key `seedz`\n --> experiments/spiral/experiment.yml:4:1\n\
             hint: did you mean `seeds`?",
        );
    }

    #[test]
    fn an_unknown_parameter_is_reported_where_it_is_written() {
        let expected = "error: unknown key `epoch`\n --> experiments/spiral/experiment.yml:5:10\n\
                        hint: did you mean `epochs`?";
        check_error("epochs", "epoch", expected);
    }

    #[test]
    fn an_unknown_parameter_of_a_kind_is_reported_where_it_is_written() {
        let expected = "error: unknown key `hiden`\n --> experiments/spiral/experiment.yml:8:46\n\
                        hint: did you mean `hidden`?";
        check_error("hidden", "hiden", expected);
    }

    #[test]
    fn a_parameter_out_of_bounds_is_reported_where_it_is_written() {
        let expected =
            "error: `optimizer.lr` must be above 0\n --> experiments/spiral/experiment.yml:5:44";
        check_error("lr: 0.1", "lr: -1", expected);
    }

    #[test]
    fn an_unknown_data_set_suggests_the_nearest() {
        let expected = "error: unknown data set `digit`\n --> experiments/spiral/experiment.yml:3:1\n\
                        hint: did you mean `digits`?";
        check_error("data: digits", "data: digit", expected);
    }

    #[test]
    fn a_missing_input_is_named() {
        let yaml = "title: T\nrunner:\n  command: [python3, train.py]\n  inputs: [train.py]\n";
        let error = parsed(yaml).unwrap_err()[0].to_string();
        let expected = "error: no file in `experiments/spiral/` matches `train.py`\n \
                        --> experiments/spiral/experiment.yml:4:12\n";
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn changed_parts_of_the_fingerprint_are_named() {
        check_changed("epochs: 8", "epochs: 12", &["params.epochs changed from 8 to 12"]);
        check_changed("lr: 0.1", "lr: 0.2", &["params.optimizer.lr changed from 0.1 to 0.2"]);
        check_changed("[0, 1]", "[7, 1]", &["seed changed from 0 to 7"]);
        check_changed("seeds", "device: cpu\nseeds", &["device is new: cpu"]);
        check_changed(
            "plain: {}",
            "plain: {augment: {flip: true}}",
            &["params.augment.flip changed from false to true"],
        );
    }

    #[test]
    fn changes_outside_the_fingerprint_leave_results_fresh() {
        check_changed("title: Spirals", "# two arms\ntitle: Two spirals\nquestion: Why?", &[]);
        check_changed(
            "epochs: 8, optimizer: {kind: sgd, lr: 0.1}",
            "optimizer: {lr: 1.0e-1, kind: sgd}, epochs: 8",
            &[],
        );
        check_changed("[0, 1]", "[0, 1, 2]", &[]);
        check_changed("seeds", "limits: {threads: 2}\nseeds", &[]);
        check_changed("seeds", "paired: false\nseeds", &[]);
        check_changed("epochs: 8", "epochs: 8, batch-size: 64", &[]);
    }

    #[test]
    fn toy_scale_reduces_a_recipe_and_changes_the_fingerprint() {
        let experiment = parsed(SPIRAL).unwrap();
        let toy = experiment.at_toy_scale();
        let fingerprint =
            |experiment: &Experiment| Fingerprint::of(experiment, &experiment.variants[0], 0);
        let changed = fingerprint(&experiment).changed_since(&fingerprint(&toy));
        let changed: Vec<String> = changed.iter().map(ToString::to_string).collect();
        let expected = [
            "params.epochs changed from 8 to 1",
            "params.test-images changed from null to 256",
            "params.train-images changed from null to 256",
            "params.valid-images changed from null to 64",
            "smoke is new: true",
        ];
        assert_eq!(changed, expected);
    }

    #[test]
    fn a_non_finite_parameter_is_reported_where_it_is_written() {
        let hint = "put quotes around it if the program reads it as a string, or use `null`";
        for (number, from, at) in [(".nan", "lr: 0.1", "5:44"), ("-.inf", "hidden: [512]", "8:46")]
        {
            let key = from.split(':').next().unwrap();
            let expected = format!(
                "error: a parameter must be a finite number, as in JSON\n \
                 --> experiments/spiral/experiment.yml:{at}\nhint: {hint}"
            );
            check_error(from, &format!("{key}: {number}"), &expected);
        }
        let grid = "title: T\nrunner: {command: [train], inputs: []}\ngrid: {rate: [1, .inf]}\n";
        assert_eq!(
            parsed(grid).unwrap_err()[0].place().to_string(),
            "experiments/spiral/experiment.yml:3:18"
        );
    }

    #[test]
    fn merge_keys_are_not_parameters() {
        let yaml = "title: T\nrunner: {command: [train], inputs: []}\nparams: {a: 1}\n\
            variants:\n  slow: &slow {rate: 0.1, b: {c: 1}}\n  fast: {<<: *slow, rate: 0.5}\n";
        let fast = &parsed(yaml).unwrap().variants[1];
        assert_eq!(fast.params, serde_json::json!({"a": 1, "rate": 0.5, "b": {"c": 1}}));
    }

    #[test]
    fn names_that_windows_reserves_for_devices_are_refused() {
        let files = |path: &str, variant: &str| {
            let yaml = format!(
                "title: T\nrunner: {{command: [train], inputs: []}}\nvariants: {{{variant}: {{}}}}\n"
            );
            Inputs::default().with(path, yaml)
        };
        let said = |files: Inputs| {
            parse_all(&files, &|_| None).1.first().map(ToString::to_string).unwrap_or_default()
        };
        assert_eq!(said(files("experiments/com/experiment.yml", "con-1")), "");
        for name in ["con", "aux", "nul", "prn", "com1", "lpt9"] {
            let experiment = said(files(&format!("experiments/{name}/experiment.yml"), "plain"));
            assert!(
                experiment.contains("cannot be the name of an experiment")
                    && experiment.contains("Windows")
            );
            let variant = said(files("experiments/toy/experiment.yml", name));
            assert!(
                variant.contains("cannot be the name of a variant") && variant.contains("Windows"),
                "{variant}"
            );
            let data = said(Inputs::default().with(format!("experiments/data/{name}.yml"), ""));
            assert!(
                data.contains("cannot be the name of a data set") && data.contains("Windows"),
                "{data}"
            );
        }
        assert!(said(Inputs::default().with("experiments/data/con.2.yml", "")).contains("Windows"));
    }

    #[test]
    fn errors_of_all_variants_are_reported() {
        let yaml = SPIRAL
            .replace("plain: {}", "plain: {epochs: 0, batch-size: 1}")
            .replace("[512]", "[0]");
        let errors: Vec<String> =
            parsed(&yaml).unwrap_err().iter().map(|error| error.place().to_string()).collect();
        let path = "experiments/spiral/experiment.yml";
        assert_eq!(
            errors,
            [format!("{path}:7:11"), format!("{path}:7:22"), format!("{path}:8:46")]
        );
    }
}
