//! What runs are doing that were started beside the preview: for the status line of open pages, and
//! for charts that grow while runs are at work.

use std::sync::mpsc::Sender;

use serde_json::{Value, json};

use super::Wake;
use crate::experiment::record::Record;

/// The runs that were started beside the preview.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Runs {
    /// Those at work: which, and how far they are.
    pub running: Vec<String>,
    /// How many are waiting to be started.
    pub waiting: usize,
    /// Those that ended without a result: which, and why.
    pub failed: Vec<String>,
    /// What the runs at work have reported so far, in the form of records. It is shown as
    /// provisional, and nowhere recorded.
    pub provisional: Vec<Record>,
}

impl Runs {
    /// `2 running, 3 waiting, 1 failed`; `None` if there are no runs.
    pub fn summary(&self) -> Option<String> {
        let counts = [
            (self.running.len(), "running"),
            (self.waiting, "waiting"),
            (self.failed.len(), "failed"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        let counts: Vec<String> = counts.map(|(count, word)| format!("{count} {word}")).collect();
        (!counts.is_empty()).then(|| counts.join(", "))
    }

    /// What open pages are told.
    pub(super) fn message(&self) -> Value {
        let line = |failed: bool| move |text: &String| json!({"text": text, "failed": failed});
        let lines = self.running.iter().map(line(false)).chain(self.failed.iter().map(line(true)));
        match self.summary() {
            Some(summary) => json!({"summary": summary, "lines": lines.collect::<Vec<_>>()}),
            None => Value::Null,
        }
    }
}

/// Tells a session what runs are doing.
#[derive(Clone)]
pub struct Reporter(pub(super) Sender<Wake>);

impl Reporter {
    /// Replaces what the session knows.
    pub fn report(&self, runs: Runs) {
        // The session may have ended.
        let _ = self.0.send(Wake::Runs(runs));
    }
}
