//! The arguments of commands that select a run of an experiment.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Args;
use labpress::config;
use labpress::data::fetch::{cache_folder, fetch};
use labpress::experiment::Name;
use labpress::experiment::spec::{Experiment, Runner, Variant, parse_all};
use labpress::inputs::{self, Inputs};
use labpress::runner::executor::Task;
use labpress::runner::local::Machine;
use labpress::store::Store;

/// A run that a command is about.
#[derive(Debug, Args)]
pub(crate) struct Wish {
    /// The `experiment.yml` of the experiment.
    experiment: PathBuf,
    /// The variant [default: the first].
    #[arg(long)]
    variant: Option<String>,
    /// The seed [default: the first].
    #[arg(long)]
    seed: Option<u64>,
    /// How many CPU threads the run may use [default: as in the experiment].
    #[arg(long)]
    threads: Option<usize>,
    /// The folder for the results [default: one in `.labpress/by-hand/` beside `experiments/`].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// A selected run.
pub(crate) struct Asked {
    /// Title of the experiment.
    pub(crate) title: String,
    pub(crate) variant: Name,
    pub(crate) task: Task,
    pub(crate) machine: Machine,
    /// The folder for the results, which exists.
    pub(crate) folder: PathBuf,
}

impl Wish {
    /// Reads the experiment, downloads its data, and creates the folder for the results. Downloads
    /// are reported to `say`.
    #[expect(
        clippy::disallowed_methods,
        reason = "the command line makes the folder for the results"
    )]
    pub(crate) fn asked(&self, say: &mut dyn FnMut(&str)) -> anyhow::Result<Asked> {
        let (root, experiment) = experiment(&self.experiment)?;
        if !matches!(experiment.runner, Runner::Lab { .. }) {
            bail!(
                "`{}` has its own runner: `labpress run {}` starts it",
                experiment.path,
                experiment.name
            );
        }
        let variant = variant(&experiment, self.variant.as_deref())?;
        let seed = self.seed.or(experiment.seeds.first().copied()).unwrap_or(0);
        let name = format!("{}-{}-s{seed}", experiment.name, variant.name);
        let mut task = Task::of(&experiment, variant, seed, name.clone());
        task.limits.threads = self.threads.unwrap_or(task.limits.threads);
        ensure!(task.data.is_some(), "the recipe requires a data set");
        let cache = cache()?;
        let mut folders = BTreeMap::new();
        for data in task.data_sets() {
            folders.insert(data.name.clone(), fetch(&data.name, &data.set, &cache, say)?);
        }
        let lab = std::env::current_exe().context("cannot find the path of `lab`")?;
        let machine =
            Machine { store: Store::of(&root), root, data: folders, lab: Some(lab), strace: None };
        let by_hand = || machine.root.join(".labpress/by-hand").join(name);
        let folder = self.out.clone().unwrap_or_else(by_hand);
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create `{}`", folder.display()))?;
        let folder =
            folder.canonicalize().with_context(|| format!("cannot read `{}`", folder.display()))?;
        let (title, variant) = (experiment.title.clone(), variant.name.clone());
        Ok(Asked { title, variant, task, machine, folder })
    }
}

/// The folder in which downloaded files are kept.
#[expect(clippy::disallowed_methods, reason = "the environment names the folder")]
pub(crate) fn cache() -> anyhow::Result<PathBuf> {
    let value = |name: &str| std::env::var_os(name);
    let (named, xdg, home) = (value("LABPRESS_DATA"), value("XDG_CACHE_HOME"), value("HOME"));
    cache_folder(named.as_deref(), xdg.as_deref(), home.as_deref())
        .context("no folder for data sets: set LABPRESS_DATA or HOME")
}

/// Reads an experiment: as part of a site if it is in `experiments/NAME/` of one, otherwise on its
/// own, with the built-in data sets. Also returns the folder of the site or of the experiment.
#[expect(clippy::disallowed_methods, reason = "the command line reads the experiment")]
fn experiment(path: &Path) -> anyhow::Result<(PathBuf, Experiment)> {
    let path = path.canonicalize().with_context(|| format!("cannot read `{}`", path.display()))?;
    let folder = path.parent().context("the path of an experiment has no folder")?;
    let name = folder.file_name().and_then(OsStr::to_str).unwrap_or("experiment").to_owned();
    let site =
        folder.parent().filter(|folder| folder.file_name() == Some(OsStr::new("experiments")));
    let (root, inputs) = match site.and_then(Path::parent) {
        Some(root) if path.ends_with("experiment.yml") => {
            let (config, _) = config::read(inputs::read_one(root, config::PATH)?.as_deref());
            (root.to_owned(), inputs::read(root, &config.roles)?)
        }
        _ => {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read `{}`", path.display()))?;
            (
                folder.to_owned(),
                Inputs::default().with(format!("experiments/{name}/experiment.yml"), text),
            )
        }
    };
    let own = format!("experiments/{name}/experiment.yml");
    let variable = |name: &str| std::env::var(name).ok();
    let (experiments, errors) = parse_all(&inputs, &variable);
    if let Some(found) = experiments.into_iter().find(|experiment| experiment.path == own) {
        return Ok((root, found));
    }
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    bail!("cannot read `{}`\n{}", path.display(), errors.join("\n"))
}

fn variant<'a>(experiment: &'a Experiment, name: Option<&str>) -> anyhow::Result<&'a Variant> {
    let mut variants = experiment.variants.iter();
    let found = match name {
        None => variants.next(),
        Some(name) => variants.find(|variant| variant.name.as_str() == name),
    };
    found.with_context(|| {
        let names: Vec<&str> =
            experiment.variants.iter().map(|variant| variant.name.as_str()).collect();
        format!(
            "unknown variant `{}`; expected one of {}",
            name.unwrap_or_default(),
            names.join(", ")
        )
    })
}
