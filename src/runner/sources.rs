//! Checks that what a run reads still matches its fingerprint: the inputs of its program, its
//! weights, its data.
//!
//! A fingerprint is made when the site is read, which may be hours before the run starts. So the
//! files are checked again right before the start and right before the result is recorded. If
//! anything differs from the fingerprint, or was written in between, it is unknown what the program
//! has read, and nothing is recorded.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::executor::Task;
use super::local::Machine;
use crate::data::fetch;
use crate::digest::Digest;
use crate::experiment::spec::{ExperimentData, Runner, Weights};
use crate::inputs::program;

/// What one run reads, and where it is.
pub(super) struct Sources<'a> {
    folder: PathBuf,
    runner: &'a Runner,
    weights: Option<(&'a str, PathBuf, Digest)>,
    data: Vec<(&'a ExperimentData, &'a Path)>,
}

/// When each file was last written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Checked(BTreeMap<String, Option<SystemTime>>);

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

    /// Checks everything, or returns what differs from the fingerprint.
    pub(super) fn check(&self) -> Result<Checked, String> {
        let mut times = BTreeMap::new();
        if let Runner::Command { patterns, inputs: digests, .. } = self.runner {
            let now = program::gather(&self.folder, patterns.as_deref())
                .map_err(|error| error.message)?;
            if let Some(difference) = program::difference(digests, &now) {
                return Err(difference);
            }
            times.extend(
                now.into_iter()
                    .map(|(path, input)| (format!("the input `{path}`"), input.modified)),
            );
        }
        if let Some((path, on_disk, digest)) = &self.weights {
            let now = program::read(on_disk)
                .map_err(|error| format!("the weights `{path}` cannot be read: {error}"))?;
            if now.digest != *digest {
                return Err(format!("the weights `{path}` were changed"));
            }
            times.insert(format!("the weights `{path}`"), now.modified);
        }
        match self.data.iter().find(|(data, folder)| !fetch::is_whole(folder, &data.set)) {
            Some((data, _)) => {
                Err(format!("the data set `{}` in the cache was changed", data.name))
            }
            None => Ok(Checked(times)),
        }
    }

    /// Checks everything again, or returns what has changed since, even if it was changed back.
    pub(super) fn check_again(&self, before: &Checked) -> Result<(), String> {
        let now = self.check()?;
        let written = now.0.iter().find(|(what, modified)| before.0.get(*what) != Some(modified));
        written.map_or(Ok(()), |(what, _)| {
            Err(format!("{what} was written meanwhile, even if with the same content"))
        })
    }
}
