//! For runners in Rust: reads the job of a run and reports its events.
//!
//! ```no_run
//! use labpress_runner::reporter::Run;
//!
//! let mut run = Run::from_environment()?;
//! let flips = run.job.params["flips"].as_u64().unwrap_or(100);
//! run.start([("device", "cpu")], Some(flips))?;
//! run.result("heads", 0.5)?;
//! run.done()?;
//! # Ok::<(), std::io::Error>(())
//! ```
#![expect(
    clippy::disallowed_methods,
    reason = "a runner reads its job, writes its events and reads the clock"
)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::protocol::{
    ArtifactKind, CHECKPOINT_FOLDER, Diverged, EVENTS_FILE, Event, JOB_FILE, Job,
    RUN_FOLDER_VARIABLE, VERSION,
};

/// Progress is reported at most this often.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// The run that this process does.
#[derive(Debug)]
pub struct Run {
    /// What the run has to do.
    pub job: Job,
    folder: PathBuf,
    events: File,
    progress_shown: Option<Instant>,
}

impl Run {
    /// The run that the environment variable `LABPRESS_RUN` names.
    pub fn from_environment() -> io::Result<Run> {
        let folder = std::env::var_os(RUN_FOLDER_VARIABLE).ok_or_else(|| {
            io::Error::other(format!(
                "{RUN_FOLDER_VARIABLE} is not set: this program is started by `labpress run`"
            ))
        })?;
        Run::in_folder(Path::new(&folder))
    }

    /// The run in the folder `folder`.
    pub fn in_folder(folder: &Path) -> io::Result<Run> {
        let job = job(&folder.join(JOB_FILE))?;
        let path = folder.join(EVENTS_FILE);
        let events = File::options().create(true).append(true).open(&path);
        let events = events.map_err(|error| named(&error, "cannot write", &path))?;
        Ok(Run { job, folder: folder.to_owned(), events, progress_shown: None })
    }

    /// The folder for the run's own files, including its artifacts.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder whose content survives an interruption.
    pub fn checkpoints(&self) -> PathBuf {
        self.folder.join(CHECKPOINT_FOLDER)
    }

    /// Reports an event in a single write, so that readers rarely see a partial line.
    pub fn report(&mut self, event: &Event) -> io::Result<()> {
        let line = serde_json::to_string(event).map_err(io::Error::other)? + "\n";
        self.events.write_all(line.as_bytes())
    }

    /// Reports the environment of the run, and how many steps it will take if that is known. The
    /// first event.
    pub fn start<K: Into<String>, V: Into<String>>(
        &mut self,
        environment: impl IntoIterator<Item = (K, V)>,
        steps: Option<u64>,
    ) -> io::Result<()> {
        let environment: BTreeMap<String, String> =
            environment.into_iter().map(|(name, fact)| (name.into(), fact.into())).collect();
        self.report(&Event::Start { environment, steps })
    }

    /// Whether it is time to report progress again. If so, the caller is expected to do it.
    pub fn is_progress_due(&mut self) -> bool {
        let now = Instant::now();
        let is_due = self.progress_shown.is_none_or(|shown| now - shown >= PROGRESS_INTERVAL);
        if is_due {
            self.progress_shown = Some(now);
        }
        is_due
    }

    /// Reports that `step` of `of` steps are done.
    pub fn progress(&mut self, step: u64, of: u64) -> io::Result<()> {
        self.report(&Event::Progress { step, of })
    }

    /// Reports a number of an epoch, which counts from 1.
    pub fn point(&mut self, name: &str, epoch: u64, value: f64) -> io::Result<()> {
        self.report(&Event::Metric {
            name: name.to_owned(),
            step: Some(epoch),
            value,
            timing: false,
        })
    }

    /// Reports a result of the whole run.
    pub fn result(&mut self, name: &str, value: f64) -> io::Result<()> {
        self.report(&Event::Metric { name: name.to_owned(), step: None, value, timing: false })
    }

    /// Reports a duration or a speed.
    pub fn timing(&mut self, name: &str, value: f64) -> io::Result<()> {
        self.report(&Event::Metric { name: name.to_owned(), step: None, value, timing: true })
    }

    /// Reports a line of text for the terminal.
    pub fn note(&mut self, text: impl Into<String>) -> io::Result<()> {
        self.report(&Event::Note { text: text.into() })
    }

    /// Reports a file of the result, at `path` inside the run's folder.
    pub fn artifact(
        &mut self,
        name: &str,
        path: &str,
        kind: impl Into<ArtifactKind>,
    ) -> io::Result<()> {
        self.report(&Event::Artifact {
            name: name.to_owned(),
            path: path.to_owned(),
            kind: kind.into(),
        })
    }

    /// Reports that the metric `name` is no longer finite, at `step` if it is a series. The last
    /// event.
    pub fn diverged(mut self, name: &str, step: Option<u64>) -> io::Result<()> {
        self.report(&Event::Diverged(Diverged { metric: name.to_owned(), step, value: None }))
    }

    /// Reports that the run has succeeded. The last event.
    pub fn done(mut self) -> io::Result<()> {
        self.report(&Event::Done)
    }
}

fn job(path: &Path) -> io::Result<Job> {
    let text = fs::read_to_string(path).map_err(|error| named(&error, "cannot read", path))?;
    let invalid = |what: String| io::Error::other(format!("`{}` {what}", path.display()));
    let job: Value =
        serde_json::from_str(&text).map_err(|error| invalid(format!("is not JSON: {error}")))?;
    // First, because another version may have changed everything else.
    match job["protocol"].as_u64() {
        Some(version) if version == u64::from(VERSION) => {}
        version => {
            let version =
                version.map_or_else(|| "unknown".to_owned(), |version| version.to_string());
            return Err(invalid(format!(
                "has protocol version {version}, but this runner supports {VERSION}: build it and \
                 `labpress` from the same source"
            )));
        }
    }
    serde_json::from_value(job).map_err(|error| invalid(format!("is not a valid job: {error}")))
}

fn named(error: &io::Error, tried: &str, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{tried} `{}`: {error}", path.display()))
}
