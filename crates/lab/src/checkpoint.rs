//! The state of a run on disk, from which it resumes and arrives at the same result.
//!
//! `checkpoint/` holds two files: the tensors, and `state.json`, which names them with their digest
//! and is renamed into place last. So a run killed at any moment leaves the old state or the new
//! one. There is no fsync: files damaged by a power cut have a different digest, and the run starts
//! over.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use labpress::digest::Digest;
use serde::{Deserialize, Serialize};
use tch::{Tensor, no_grad};

const STATE_FILE: &str = "state.json";

/// The state of a run between two steps, without its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct State {
    /// The digest of what the run does; a checkpoint of a different run is useless.
    pub(crate) job: Digest,
    /// Steps done.
    pub(crate) step: u64,
    /// The sum of the losses of all images in the current epoch.
    pub(crate) loss_sum: f64,
    /// How many of these images were classified correctly.
    pub(crate) correct: i64,
    /// Time spent on steps.
    pub(crate) seconds: f64,
    /// The metrics of the epochs that are done, in the order they were reported.
    pub(crate) points: Vec<Point>,
    /// The result of the learning-rate finder, if it was requested and is done.
    #[serde(default)]
    pub(crate) found: Option<Found>,
    /// The best epoch so far, if early stopping is on; its weights are among the tensors.
    #[serde(default)]
    pub(crate) best: Option<Best>,
}

impl State {
    /// The state of a run that has not started.
    pub(crate) fn at_start(job: Digest) -> State {
        State {
            job,
            step: 0,
            loss_sum: 0.0,
            correct: 0,
            seconds: 0.0,
            points: Vec::new(),
            found: None,
            best: None,
        }
    }
}

/// The result of the learning-rate finder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Found {
    /// The rate that it suggests.
    pub(crate) rate: f64,
    /// Rising rates, each with its smoothed loss.
    pub(crate) curve: Vec<[f64; 2]>,
}

/// The epoch with the best value of the watched metric.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Best {
    /// The epoch, from 1.
    pub(crate) epoch: u64,
    /// Its value.
    pub(crate) value: f64,
}

/// A metric of an epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Point {
    /// `train.loss`…
    pub(crate) name: String,
    /// The epoch, from 1.
    pub(crate) epoch: u64,
    /// Its value.
    pub(crate) value: f64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    state: State,
    tensors: String,
    digest: Digest,
}

/// Writes a checkpoint, which replaces the previous one.
#[expect(clippy::disallowed_methods, reason = "a runner writes its own checkpoints")]
pub(crate) fn save(
    folder: &Path,
    state: &State,
    tensors: &[(String, Tensor)],
) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    let name = format!("step-{}.safetensors", state.step);
    let path = folder.join(&name);
    write_tensors(&path, tensors)?;
    let saved = Saved {
        state: state.clone(),
        tensors: name.clone(),
        digest: Digest::of(&fs::read(&path)?),
    };
    let new = folder.join("state.json.new");
    fs::write(&new, serde_json::to_vec(&saved)?)?;
    fs::rename(&new, folder.join(STATE_FILE))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() != STATE_FILE && entry.file_name() != name.as_str() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Reads the checkpoint of the run `job` and copies its tensors into those with the same names.
///
/// # Errors
///
/// If there is none, or it is damaged or belongs to another run. No tensor was changed then.
#[expect(clippy::disallowed_methods, reason = "a runner reads its own checkpoints")]
pub(crate) fn restore(
    folder: &Path,
    job: &Digest,
    tensors: &[(String, Tensor)],
) -> anyhow::Result<State> {
    let text = fs::read(folder.join(STATE_FILE)).context("there is no checkpoint")?;
    let saved: Saved = serde_json::from_slice(&text).context("the checkpoint is damaged")?;
    ensure!(saved.state.job == *job, "the checkpoint belongs to another run");
    let path = folder.join(&saved.tensors);
    let bytes = fs::read(&path).context("the checkpoint's tensors are missing")?;
    ensure!(Digest::of(&bytes) == saved.digest, "the checkpoint is damaged");
    let read: BTreeMap<String, Tensor> = Tensor::read_safetensors(&path)?.into_iter().collect();
    let same = |(name, tensor): &(String, Tensor)| {
        read.get(name).is_some_and(|read| read.size() == tensor.size())
    };
    ensure!(
        read.len() == tensors.len() && tensors.iter().all(same),
        "the checkpoint is of another net"
    );
    no_grad(|| {
        for (name, tensor) in tensors {
            tensor.shallow_clone().copy_(&read[name]);
        }
    });
    Ok(saved.state)
}

/// Writes tensors as a safetensors file.
pub(crate) fn write_tensors(path: &Path, tensors: &[(String, Tensor)]) -> anyhow::Result<()> {
    let on_cpu: Vec<(&str, Tensor)> = tensors
        .iter()
        .map(|(name, tensor)| {
            (name.as_str(), tensor.detach().to_device(tch::Device::Cpu).contiguous())
        })
        .collect();
    Tensor::write_safetensors(&on_cpu, path)
        .with_context(|| format!("cannot write `{}`", path.display()))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "these tests inspect the files on disk")]
mod tests {
    use super::*;

    fn state(step: u64) -> State {
        let points = vec![Point { name: "train.loss".to_owned(), epoch: 1, value: 0.1 + 0.2 }];
        let best = Some(Best { epoch: 1, value: 0.7 });
        let found = Some(Found { rate: 0.1, curve: vec![[0.1, 2.0 / 3.0]] });
        State {
            job: Digest::of(b"job"),
            step,
            loss_sum: 1.0 / 3.0,
            correct: 7,
            seconds: 0.5,
            points,
            found,
            best,
        }
    }

    fn tensors(values: &[f32]) -> Vec<(String, Tensor)> {
        vec![("a".to_owned(), Tensor::from_slice(values))]
    }

    /// Saves a checkpoint, damages it, and checks why it is refused.
    #[track_caller]
    fn check_refused(job: &[u8], damage: impl FnOnce(&Path), expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        save(folder.path(), &state(3), &tensors(&[1.0, 2.0])).unwrap();
        damage(folder.path());
        let into = tensors(&[0.0, 0.0]);
        let error = restore(folder.path(), &Digest::of(job), &into).expect_err("it is damaged");
        assert_eq!(error.to_string(), expected);
        assert_eq!(into[0].1, Tensor::from_slice(&[0.0_f32, 0.0]));
    }

    #[test]
    fn the_last_checkpoint_is_restored_bit_for_bit() {
        let folder = tempfile::tempdir().unwrap();
        save(folder.path(), &state(3), &tensors(&[1.0, 2.0])).unwrap();
        save(folder.path(), &state(4), &tensors(&[0.1, f32::MIN_POSITIVE])).unwrap();
        let into = tensors(&[0.0, 0.0]);
        assert_eq!(restore(folder.path(), &Digest::of(b"job"), &into).unwrap(), state(4));
        assert_eq!(into[0].1, Tensor::from_slice(&[0.1, f32::MIN_POSITIVE]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_checkpoint_of_another_run_is_refused() {
        check_refused(b"other", |_| {}, "the checkpoint belongs to another run");
    }

    #[test]
    fn damaged_tensors_are_refused() {
        let damage = |folder: &Path| {
            let path = folder.join("step-3.safetensors");
            let mut bytes = fs::read(&path).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(path, bytes).unwrap();
        };
        check_refused(b"job", damage, "the checkpoint is damaged");
    }

    #[test]
    fn a_damaged_or_missing_state_is_refused() {
        let cut = |folder: &Path| fs::write(folder.join(STATE_FILE), b"{").unwrap();
        check_refused(b"job", cut, "the checkpoint is damaged");
        check_refused(
            b"job",
            |folder| fs::remove_file(folder.join(STATE_FILE)).unwrap(),
            "there is no checkpoint",
        );
    }
}
