//! The interface between the scheduler, which decides when runs start, and where they run.
//!
//! The scheduler ([`run_all`](super::run_all)) knows only [`Executor`]. A [`Task`] describes a run
//! without any path: the executor finds data, weights and the results of other runs on its machine.
//! [`Local`](super::local::Local) is the executor of this machine.

use std::collections::BTreeMap;

use labpress_runner::protocol::Device;
use serde_json::Value;

use super::collect::Collected;
use super::{NoResult, RunEvent, Stop};
use crate::digest::Digest;
use crate::experiment::Name;
use crate::experiment::spec::{Experiment, ExperimentData, Limits, Runner, Variant, Weights};

/// Where runs are done.
pub trait Executor {
    /// How much may run at once.
    fn slots(&self) -> Slots;

    /// Starts a run. `number` is what [`poll`](Executor::poll) calls it.
    fn start(&mut self, number: usize, task: Task);

    /// Waits for a moment, or until a run ends. Passes what happens to the runs to `watch` and
    /// returns those that have ended, each once.
    fn poll(
        &mut self,
        watch: &mut dyn FnMut(usize, RunEvent<'_>),
    ) -> Vec<(usize, Result<Finished, NoResult>)>;

    /// Tells the runs whether to continue. Called again and again.
    fn stop(&mut self, stop: Stop);

    /// Removes what is left of a finished run, except its log. To be called when its record is
    /// written, since nothing can be recorded after that.
    fn clean_up(&mut self, number: usize);
}

/// How much may run at once.
#[derive(Debug, Clone, Copy)]
pub struct Slots {
    /// How many CPU threads all runs together may use.
    pub cores: usize,
    /// How many runs; `None` is as many as there are cores for.
    pub jobs: Option<usize>,
}

/// What one run is to do, without any path of this machine: data sets, weights and results of other
/// runs are given by name and digest.
#[derive(Debug, Clone)]
pub struct Task {
    /// The experiment. Its program starts in its folder.
    pub experiment: Name,
    /// The name of the run in files, unique within the experiment.
    pub stem: String,
    /// What trains.
    pub runner: Runner,
    /// The variant's parameters with all defaults filled in.
    pub params: Value,
    /// All randomness of the run comes from it.
    pub seed: u64,
    /// The data set.
    pub data: Option<ExperimentData>,
    /// The weights that the net starts with.
    pub weights: Option<Weights>,
    /// The results of the experiments that it needs.
    pub needs: Vec<NeededResult>,
    /// The device to run on.
    pub device: Device,
    /// What it may use.
    pub limits: Limits,
    /// Whether it only has to show that it works.
    pub smoke: bool,
}

/// The result of another run that a run may use.
#[derive(Debug, Clone)]
pub struct NeededResult {
    /// Its experiment.
    pub experiment: Name,
    /// Its variant.
    pub variant: Name,
    /// Its seed.
    pub seed: u64,
    /// Its results, by name.
    pub metrics: BTreeMap<String, f64>,
    /// The files it made, by name, as objects of the store.
    pub artifacts: BTreeMap<String, Digest>,
}

/// What a run that ended well has made.
#[derive(Debug)]
pub struct Finished {
    /// What it reported.
    pub collected: Collected,
    /// The object of each artifact, by name, with its size in bytes. All of them are in the store.
    pub objects: BTreeMap<String, (Digest, u64)>,
}

impl Task {
    /// The run of `variant` with `seed`, which is called `stem` in files, without what it needs.
    pub fn of(experiment: &Experiment, variant: &Variant, seed: u64, stem: String) -> Task {
        Task {
            experiment: experiment.name.clone(),
            stem,
            runner: experiment.runner.clone(),
            params: variant.params.clone(),
            seed,
            data: experiment.data.clone(),
            weights: variant.weights.clone(),
            needs: Vec::new(),
            device: experiment.device.map_or(Device::Auto, Device::from),
            limits: experiment.limits.clone(),
            smoke: experiment.smoke,
        }
    }

    /// The data sets that have to be present: its own, and that of published weights.
    pub fn data_sets(&self) -> impl Iterator<Item = &ExperimentData> {
        self.data.iter().chain(self.weights.as_ref().and_then(Weights::data))
    }
}
