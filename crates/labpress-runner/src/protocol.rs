//! The runner protocol, version 1: the files that labpress and a running experiment exchange.
//!
//! labpress starts the runner as a child process in the experiment's folder, with
//! `LABPRESS_RUN=DIR` in its environment. `DIR/run.json` holds one [`Job`]. The runner appends one
//! [`Event`] a line to `DIR/events.jsonl`: `start` first, `done` last. If it exits with status 0
//! after `done`, the run has succeeded; its standard output and standard error are its log.
//! `diverged` in place of `done`, or a metric that is not finite, ends the run as diverged, which is
//! also a result: labpress kills the process and records what was reported before.
//!
//! `DIR/checkpoint/` survives an interruption: when `resume` is true the runner continues from it
//! and arrives at the same result. Events may then be reported twice; the later one with the same
//! name and step counts. `TERM` asks the runner to write a checkpoint and exit with status
//! [`INTERRUPTED`]. Exiting with that status or by a signal is an interruption; anything else is a
//! failure, after which the next try starts from the beginning.
//!
//! The types serve both ends: labpress, the built-in `lab` and other runners in Rust.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the protocol that this labpress supports.
pub const VERSION: u32 = 1;
/// The environment variable with the path of the run's folder.
pub const RUN_FOLDER_VARIABLE: &str = "LABPRESS_RUN";
/// The environment variable with the process id of the labpress that started the run.
pub const PROCESS_VARIABLE: &str = "LABPRESS_PROCESS";
/// The file with the [`Job`].
pub const JOB_FILE: &str = "run.json";
/// The file that the runner appends its [`Event`]s to.
pub const EVENTS_FILE: &str = "events.jsonl";
/// The folder whose content survives an interruption.
pub const CHECKPOINT_FOLDER: &str = "checkpoint";

/// The exit status of a runner that was asked to stop and can be resumed (`EX_TEMPFAIL` of BSD's
/// sysexits).
pub const INTERRUPTED: i32 = 75;

/// What one run has to do. Everything that can change a number is part of the run's fingerprint.
/// The names of its experiment and variant are not, so that renaming keeps results: a run does not
/// know them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Job {
    /// [`VERSION`]; a runner rejects any other.
    pub protocol: u32,
    /// All randomness of the run comes from it.
    pub seed: u64,
    /// The recipe, for the built-in runner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<String>,
    /// The variant's parameters with all defaults filled in.
    pub params: Value,
    /// The data set, if the experiment names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<JobData>,
    /// The file with the weights that the net starts with, an absolute path; only for the built-in
    /// runner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<PathBuf>,
    /// The results of the experiments that it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Needed>,
    /// The device to run on.
    pub device: Device,
    /// How many CPU threads the run may use.
    pub threads: usize,
    /// Whether `checkpoint/` holds a state to continue from.
    #[serde(default)]
    pub resume: bool,
    /// Whether the run only has to show that it works, in a few seconds: a runner then trains for one
    /// epoch on a few samples. A runner that ignores this does the whole run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub smoke: bool,
}

/// A job with seed 0, one thread and no parameters, for the tests of a runner.
impl Default for Job {
    fn default() -> Job {
        Job {
            protocol: VERSION,
            seed: 0,
            recipe: None,
            params: Value::Null,
            data: None,
            weights: None,
            needs: Vec::new(),
            device: Device::Auto,
            threads: 1,
            resume: false,
            smoke: false,
        }
    }
}

/// The device that a run uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Device {
    /// The GPU if there is one, otherwise the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// The NVIDIA GPU; it is an error if there is none.
    Cuda,
}

impl FromStr for Device {
    type Err = String;

    fn from_str(name: &str) -> Result<Device, String> {
        match name {
            "auto" => Ok(Device::Auto),
            "cpu" => Ok(Device::Cpu),
            "cuda" => Ok(Device::Cuda),
            _ => Err("expected one of `auto`, `cpu`, `cuda`".to_owned()),
        }
    }
}

/// The result of another run that a run may use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Needed {
    /// Name of its experiment.
    pub experiment: String,
    /// Name of its variant.
    pub variant: String,
    /// Its seed.
    pub seed: u64,
    /// Its results, by name.
    pub metrics: BTreeMap<String, f64>,
    /// Its files by name, as absolute paths. They must not be changed.
    pub artifacts: BTreeMap<String, PathBuf>,
}

/// The data set of a run, which labpress has downloaded and checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct JobData {
    /// Name of the data set.
    pub name: String,
    /// Folder with its files, an absolute path.
    pub folder: PathBuf,
    /// Its declaration, with the keys of the YAML file that declares it.
    pub declaration: Value,
}

/// One line of `events.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// The first line: where it runs, and how many steps it will take.
    Start {
        /// Facts that can change a number but are not part of the experiment: `device`, `libtorch`,
        /// `cpu`, `threads`…
        environment: BTreeMap<String, String>,
        /// Steps of the whole run, in the unit that `progress` counts.
        #[serde(default)]
        steps: Option<u64>,
    },
    /// How far the run is.
    Progress {
        /// Steps done.
        step: u64,
        /// The total number of steps.
        of: u64,
    },
    /// A number. With a `step` (an epoch, from 1) it is a point of a series, otherwise a result of the
    /// run.
    Metric {
        /// `accuracy`, `train.loss`…
        name: String,
        /// The epoch, or another unit that the series counts in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<u64>,
        /// A finite number. A metric that is not finite is read as [`Event::Diverged`].
        value: f64,
        /// Whether the number is a duration or a speed, which no re-run reproduces bit for bit.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        timing: bool,
    },
    /// A line of text for the terminal.
    Note {
        /// The line.
        text: String,
    },
    /// A file that is part of the result.
    Artifact {
        /// Its name in posts, such as `confusion`.
        name: String,
        /// Its path inside the run's folder.
        path: String,
        /// Its kind.
        kind: ArtifactKind,
    },
    /// The last line of a run whose numbers are no longer finite.
    Diverged(Diverged),
    /// The last line of a run that succeeded.
    Done,
}

/// The kind of an artifact. A runner may use kinds that posts cannot show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum ArtifactKind {
    /// `confusion-matrix`: a JSON file with the counts of a confusion matrix.
    ConfusionMatrix,
    /// `checkpoint`: weights. Never committed.
    Checkpoint,
    /// `curve`: a JSON file with one or more curves.
    Curve,
    /// `image`: a picture.
    Image,
    /// `table`: a CSV file.
    Table,
    /// Any other kind.
    Other(String),
}

impl ArtifactKind {
    /// Its name in files.
    pub fn as_str(&self) -> &str {
        match self {
            ArtifactKind::ConfusionMatrix => "confusion-matrix",
            ArtifactKind::Checkpoint => "checkpoint",
            ArtifactKind::Curve => "curve",
            ArtifactKind::Image => "image",
            ArtifactKind::Table => "table",
            ArtifactKind::Other(name) => name,
        }
    }
}

impl From<String> for ArtifactKind {
    fn from(name: String) -> ArtifactKind {
        match name.as_str() {
            "confusion-matrix" => ArtifactKind::ConfusionMatrix,
            "checkpoint" => ArtifactKind::Checkpoint,
            "curve" => ArtifactKind::Curve,
            "image" => ArtifactKind::Image,
            "table" => ArtifactKind::Table,
            _ => ArtifactKind::Other(name),
        }
    }
}

impl From<&str> for ArtifactKind {
    fn from(name: &str) -> ArtifactKind {
        name.to_owned().into()
    }
}

impl From<ArtifactKind> for String {
    fn from(kind: ArtifactKind) -> String {
        kind.as_str().to_owned()
    }
}

/// Which number of a run stopped being finite, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Diverged {
    /// Name of the number.
    pub metric: String,
    /// The epoch, or another unit that the series counts in; `None` for a result of the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
    /// What it became; `None` if the runner does not report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<NotFinite>,
}

/// A number that is not finite, by its name in Python and JavaScript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum NotFinite {
    /// Not a number.
    #[serde(rename = "NaN")]
    NaN,
    /// Greater than every number.
    #[serde(rename = "Infinity")]
    Infinity,
    /// Less than every number.
    #[serde(rename = "-Infinity")]
    NegativeInfinity,
}

impl Diverged {
    /// ``diverged: `loss` became NaN at step 300``, where `step` is the unit that the series of the run
    /// count in.
    pub fn phrase(&self, step: &str) -> String {
        format!("diverged: `{}` {}", self.metric, self.fate(step))
    }

    /// The same for readers: `loss became NaN at step 300`.
    pub fn became(&self, step: &str) -> String {
        format!("{} {}", self.metric, self.fate(step))
    }

    fn fate(&self, step: &str) -> String {
        let became = match self.value {
            None => "became NaN or infinite",
            Some(NotFinite::NaN) => "became NaN",
            Some(NotFinite::Infinity) => "became infinite",
            Some(NotFinite::NegativeInfinity) => "became minus infinite",
        };
        let at = self.step.map_or(String::new(), |at| format!(" at {step} {at}"));
        format!("{became}{at}")
    }
}
