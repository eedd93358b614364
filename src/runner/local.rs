//! The executor of this machine: one thread and one child process a run.
#![expect(clippy::disallowed_methods, reason = "`runner` starts processes and waits by the clock")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use labpress_runner::protocol::{Job, JobData, Needed};

use super::child::{self, Launch};
use super::collect::Collected;
use super::executor::{Executor, Finished, NeededResult, Slots, Task};
use super::sources::Sources;
use super::{NoResult, RunEvent, Stop, trace};
use crate::digest::Digest;
use crate::experiment::spec::{ExperimentData, Runner, Weights};
use crate::store::{Store, open_inside};

/// How long [`Executor::poll`] waits for a run to end.
const POLL: Duration = Duration::from_millis(50);

/// Where things are on this machine.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The site's folder.
    pub root: PathBuf,
    /// Where artifacts and the folders of runs are kept.
    pub store: Store,
    /// The folder of each data set that the runs need, by name.
    pub data: BTreeMap<String, PathBuf>,
    /// The program `lab`; `None` if it was not found.
    pub lab: Option<PathBuf>,
    /// The program `strace`, if the files that commands open are to be traced; see [`trace`].
    pub strace: Option<PathBuf>,
}

/// Runs on this machine.
pub struct Local {
    machine: Arc<Machine>,
    slots: Slots,
    /// Whether the runs are to continue, shared with their threads.
    stop: Arc<Mutex<Stop>>,
    sender: SyncSender<(usize, Message)>,
    receiver: Receiver<(usize, Message)>,
    /// The runs that have been started and not cleaned up.
    tasks: BTreeMap<usize, Arc<Task>>,
}

/// What the thread of a run reports.
enum Message {
    Event(RunEvent<'static>),
    /// The last one.
    Ended(std::thread::Result<Result<Finished, NoResult>>),
}

impl Local {
    /// An executor without any runs yet.
    pub fn new(machine: Machine, slots: Slots) -> Local {
        // Bounded, so that a runner that never stops reporting waits for the reader instead of
        // filling the memory.
        let (sender, receiver) = sync_channel(1024);
        Local {
            machine: Arc::new(machine),
            slots,
            stop: Arc::new(Mutex::new(Stop::GoOn)),
            sender,
            receiver,
            tasks: BTreeMap::new(),
        }
    }
}

impl Executor for Local {
    fn slots(&self) -> Slots {
        self.slots
    }

    fn start(&mut self, number: usize, task: Task) {
        let task = Arc::new(task);
        self.tasks.insert(number, Arc::clone(&task));
        let (machine, stop) = (Arc::clone(&self.machine), Arc::clone(&self.stop));
        let sender = self.sender.clone();
        std::thread::spawn(move || {
            // Nobody listens any more only if labpress is about to exit.
            let send = |message| drop(sender.send((number, message)));
            let stop = || *stop.lock().unwrap_or_else(PoisonError::into_inner);
            let mut watch = |event| send(Message::Event(event));
            let ended = catch_unwind(AssertUnwindSafe(|| machine.run(&task, &stop, &mut watch)));
            send(Message::Ended(ended));
        });
    }

    fn poll(
        &mut self,
        watch: &mut dyn FnMut(usize, RunEvent<'_>),
    ) -> Vec<(usize, Result<Finished, NoResult>)> {
        let until = Instant::now() + POLL;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.receiver.recv_timeout(left) {
                Ok((number, Message::Event(event))) => watch(number, event),
                Ok((number, Message::Ended(ended))) => {
                    let ended = ended.unwrap_or_else(|panic| resume_unwind(panic));
                    if ended.is_err() {
                        self.tasks.remove(&number);
                    }
                    return vec![(number, ended)];
                }
                Err(_) => return Vec::new(),
            }
        }
    }

    fn stop(&mut self, stop: Stop) {
        *self.stop.lock().unwrap_or_else(PoisonError::into_inner) = stop;
    }

    fn clean_up(&mut self, number: usize) {
        let Some(task) = self.tasks.remove(&number) else { return };
        let Task { experiment, stem, .. } = &*task;
        let (store, folder) = (&self.machine.store, self.machine.run_folder(&task));
        store.keep_log(&folder.join(child::LOG_FILE), experiment.as_str(), stem);
        if self.machine.strace.is_some() {
            let trace = format!("{stem}.trace");
            store.keep_log(&folder.join(trace::FILE), experiment.as_str(), &trace);
        }
        store.remove_run_folder(&folder);
    }
}

impl Machine {
    /// Does a run from start to end, and puts its artifacts into the store.
    fn run(
        &self,
        task: &Task,
        stop: &dyn Fn() -> Stop,
        watch: &mut dyn FnMut(RunEvent<'static>),
    ) -> Result<Finished, NoResult> {
        let sources = Sources::of(task, self);
        let checked = sources.check().map_err(|changed| {
            NoResult::Skipped(format!("{changed} since labpress read the site: run it again"))
        })?;
        let folder = self.run_folder(task);
        let collected = child::run(&self.launch(task, &folder)?, stop, watch)?;
        if let Err(changed) = sources.check_again(&checked) {
            let reason = format!(
                "has a result that is not recorded, since it is unknown what it has read: {changed}"
            );
            return Err(child::fail(&folder, reason));
        }
        let objects = self.put_artifacts(&collected, &folder, stop).map_err(|error| {
            if error.kind() == io::ErrorKind::Interrupted {
                let reason = "was asked to stop before its artifacts were stored".to_owned();
                return NoResult::Interrupted(child::failure(&folder, reason));
            }
            error.into()
        })?;
        Ok(Finished { collected, objects })
    }

    fn put_artifacts(
        &self,
        collected: &Collected,
        folder: &Path,
        stop: &dyn Fn() -> Stop,
    ) -> io::Result<BTreeMap<String, (Digest, u64)>> {
        let stop = || stop() == Stop::AtOnce;
        let objects = collected.artifacts.iter().map(|(name, (path, _))| {
            let mut source = open_inside(folder, path)?;
            let object = self.store.objects.put(&mut source, &stop).map_err(|error| {
                let message = format!("cannot store the artifact `{name}`: {error}");
                io::Error::new(error.kind(), message)
            })?;
            Ok((name.clone(), object))
        });
        objects.collect()
    }

    pub(super) fn experiment_folder(&self, task: &Task) -> PathBuf {
        self.root.join("experiments").join(task.experiment.as_str())
    }

    fn run_folder(&self, task: &Task) -> PathBuf {
        self.store.run_folder(task.experiment.as_str(), &task.stem)
    }

    /// The child process that does a run in `folder`.
    pub fn launch(&self, task: &Task, folder: &Path) -> io::Result<Launch> {
        let command: Vec<OsString> = match &task.runner {
            Runner::Lab { .. } => {
                let lab = self.lab.as_ref();
                vec![lab.ok_or_else(|| io::Error::other("the program `lab` was not found"))?.into()]
            }
            Runner::Command { command, .. } => {
                let strace = self.strace.iter().flat_map(|strace| trace::command(strace, folder));
                strace.chain(command.iter().map(OsString::from)).collect()
            }
            // Not planned by any command.
            Runner::Imported { .. } => {
                return Err(io::Error::other("the results of another program cannot be repeated"));
            }
        };
        Ok(Launch {
            command,
            working_folder: self.experiment_folder(task),
            run_folder: folder.to_owned(),
            limits: task.limits.clone(),
            job: self.job(task)?,
        })
    }

    /// The task with the paths of this machine.
    pub fn job(&self, task: &Task) -> io::Result<Job> {
        let data = task.data.as_ref().map(|data| {
            Ok::<_, io::Error>(JobData {
                name: data.name.clone(),
                folder: self.data_folder(data)?.to_owned(),
                declaration: serde_json::to_value(&data.set).map_err(io::Error::other)?,
            })
        });
        let weights = task.weights.as_ref().map(|weights| match weights {
            Weights::Published { data, file } => {
                Ok::<_, io::Error>(self.data_folder(data)?.join(file))
            }
            Weights::File { path, .. } => Ok(self.root.join(path)),
        });
        Ok(Job {
            seed: task.seed,
            recipe: match &task.runner {
                Runner::Lab { recipe, .. } => Some(recipe.clone()),
                Runner::Command { .. } | Runner::Imported { .. } => None,
            },
            params: task.params.clone(),
            data: data.transpose()?,
            weights: weights.transpose()?,
            needs: task.needs.iter().map(|needed| self.needed(needed)).collect(),
            device: task.device,
            threads: task.limits.threads,
            smoke: task.smoke,
            ..Job::default()
        })
    }

    fn data_folder(&self, data: &ExperimentData) -> io::Result<&Path> {
        self.data.get(&data.name).map(PathBuf::as_path).ok_or_else(|| {
            io::Error::other(format!("the data set `{}` is not on this machine", data.name))
        })
    }

    fn needed(&self, result: &NeededResult) -> Needed {
        let path =
            |(name, digest): (&String, &Digest)| (name.clone(), self.store.objects.path(*digest));
        Needed {
            experiment: result.experiment.to_string(),
            variant: result.variant.to_string(),
            seed: result.seed,
            metrics: result.metrics.clone(),
            artifacts: result.artifacts.iter().map(path).collect(),
        }
    }
}
