//! Writes a run's events for labpress to follow.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use labpress::runner::protocol::{EVENTS_FILE, Event};

/// Progress is told at most this often.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// The open `events.jsonl` of a run.
#[derive(Debug)]
pub(crate) struct Recorder {
    file: File,
    progress_told: Option<Instant>,
}

impl Recorder {
    /// Opens `events.jsonl` in the run's folder to write at its end.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Recorder> {
        let path = folder.join(EVENTS_FILE);
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("cannot write `{}`", path.display()))?;
        Ok(Recorder { file, progress_told: None })
    }

    /// Appends one event as a line of its own, in a single write, so that a reader never sees half of one for long.
    pub(crate) fn tell(&mut self, event: &Event) -> anyhow::Result<()> {
        let line = serde_json::to_string(event)? + "\n";
        self.file.write_all(line.as_bytes()).with_context(|| format!("cannot write `{EVENTS_FILE}`"))
    }

    /// Says whether it is time to tell the progress again, and if so remembers that it was told.
    #[expect(clippy::disallowed_methods, reason = "how often progress is told is a matter of the clock")]
    pub(crate) fn is_progress_due(&mut self) -> bool {
        let now = Instant::now();
        let is_due = self.progress_told.is_none_or(|told| now - told >= PROGRESS_INTERVAL);
        if is_due {
            self.progress_told = Some(now);
        }
        is_due
    }

    /// Appends a number that belongs to an epoch (`step`, from 1) or to the whole run.
    pub(crate) fn metric(&mut self, name: &str, step: Option<u64>, value: f64) -> anyhow::Result<()> {
        self.tell(&Event::Metric { name: name.to_owned(), step, value, timing: false })
    }

    /// Appends a duration or a speed.
    pub(crate) fn timing(&mut self, name: &str, value: f64) -> anyhow::Result<()> {
        self.tell(&Event::Metric { name: name.to_owned(), step: None, value, timing: true })
    }

    /// Appends a line for whoever watches.
    pub(crate) fn note(&mut self, text: impl Into<String>) -> anyhow::Result<()> {
        self.tell(&Event::Note { text: text.into() })
    }

    /// Appends a file of the result, at `path` under the run's folder.
    pub(crate) fn artifact(&mut self, name: &str, path: &str, kind: &str) -> anyhow::Result<()> {
        self.tell(&Event::Artifact { name: name.to_owned(), path: path.to_owned(), kind: kind.to_owned() })
    }
}
