//! What a run reads and can change while labpress is at work: the inputs of its program, its
//! weights, its data.
//!
//! The fingerprint of a run is taken when the site is read, hours before the run starts, perhaps.
//! So these are looked at again right before the start and right before the result is recorded.
//! Where anything is not what the fingerprint says, or was written in between, nobody knows what
//! the program has read, and nothing is recorded.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::executor::Task;
use super::local::Machine;
use crate::data::fetch;
use crate::digest::Digest;
use crate::experiment::spec::{ExperimentData, Runner, Weights};
use crate::source::inputs;

/// What one run reads, and where it lies.
pub(super) struct Sources<'a> {
    folder: PathBuf,
    runner: &'a Runner,
    weights: Option<(&'a str, PathBuf, Digest)>,
    data: Vec<(&'a ExperimentData, &'a Path)>,
}

/// When each file was last written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen(BTreeMap<String, Option<SystemTime>>);

impl<'a> Sources<'a> {
    pub(super) fn of(task: &'a Task, machine: &'a Machine) -> Sources<'a> {
        let file = task.weights.as_ref().and_then(|weights| match weights {
            Weights::File { path, digest } => {
                Some((path.as_str(), machine.root.join(path), *digest))
            }
            Weights::Published { .. } => None,
        });
        Sources {
            folder: machine.experiment_folder(task),
            runner: &task.runner,
            weights: file,
            data: task
                .data_sets()
                .filter_map(|data| Some((data, machine.data.get(&data.name)?.as_path())))
                .collect(),
        }
    }

    /// Looks at all of it. The error says what is not as the fingerprint has it.
    pub(super) fn look(&self) -> Result<Seen, String> {
        let mut seen = BTreeMap::new();
        if let Runner::Command { patterns, inputs: digests, .. } = self.runner {
            let now =
                inputs::gather(&self.folder, patterns.as_deref()).map_err(|error| error.message)?;
            if let Some(difference) = inputs::difference(digests, &now) {
                return Err(difference);
            }
            seen.extend(
                now.into_iter()
                    .map(|(path, input)| (format!("the input `{path}`"), input.modified)),
            );
        }
        if let Some((path, on_disk, digest)) = &self.weights {
            let now = inputs::read(on_disk)
                .map_err(|error| format!("the weights `{path}` cannot be read: {error}"))?;
            if now.digest != *digest {
                return Err(format!("the weights `{path}` were changed"));
            }
            seen.insert(format!("the weights `{path}`"), now.modified);
        }
        match self.data.iter().find(|(data, folder)| !fetch::is_whole(folder, &data.set)) {
            Some((data, _)) => {
                Err(format!("the data set `{}` in the cache was changed", data.name))
            }
            None => Ok(Seen(seen)),
        }
    }

    /// Looks at all of it again. The error says what changed since, even if it is again what it
    /// was.
    pub(super) fn look_again(&self, before: &Seen) -> Result<(), String> {
        let now = self.look()?;
        let written = now.0.iter().find(|(what, modified)| before.0.get(*what) != Some(modified));
        written.map_or(Ok(()), |(what, _)| {
            Err(format!("{what} was written, if only with the same content"))
        })
    }
}
