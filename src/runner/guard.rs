//! Keeps a child process within its limits, and passes on to it that it should stop.
//!
//! The child is a [`supervisor`](super::supervisor), the leader of a process group of its own, so
//! that what it starts in turn is stopped with it, and Ctrl-C on the terminal reaches labpress
//! alone, which asks the children to leave. What leaves the group, or whose parent ends, still
//! descends from the supervisor.
#![expect(
    clippy::disallowed_methods,
    reason = "`runner` watches processes, by the clock and by /proc"
)]

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::child::Launch;
use super::{Stop, processes};
use crate::experiment::spec::Limits;

/// How often a child's memory is measured.
const MEASURE_EVERY: Duration = Duration::from_millis(250);
/// How often the size of a run's folder is measured, unless that takes long.
const MEASURE_DISK_EVERY: Duration = Duration::from_secs(1);

/// Watches over one child.
pub(super) struct Guard {
    process: u32,
    limits: Limits,
    started: Instant,
    measured: Instant,
    /// The memory it took when it was last measured, in bytes.
    memory: u64,
    folder: PathBuf,
    disk_due: Instant,
    /// The size of the run's folder when it was last measured, in bytes.
    disk: u64,
    told: Stop,
}

impl Guard {
    /// Makes the child that `command` will start the leader of a process group.
    pub(super) fn prepare(command: &mut Command) {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
    }

    /// The guard of a child that was just started.
    pub(super) fn of(child: &Child, launch: &Launch) -> Guard {
        let now = Instant::now();
        Guard {
            process: child.id(),
            limits: launch.limits.clone(),
            started: now,
            measured: now,
            memory: 0,
            folder: launch.run_folder.clone(),
            disk_due: now + MEASURE_DISK_EVERY,
            disk: 0,
            told: Stop::GoOn,
        }
    }

    /// How long the child has been at work.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The memory that the child and what it started take, in bytes; `None` if it was measured just
    /// before.
    pub(super) fn measured_memory(&mut self) -> Option<u64> {
        if self.measured.elapsed() < MEASURE_EVERY {
            return None;
        }
        self.measured = Instant::now();
        self.memory =
            processes::descendants(self.process).into_iter().map(processes::resident_bytes).sum();
        Some(self.memory)
    }

    /// The limit that the child has broken, as the reason for its failure. Of memory, when it was
    /// last measured.
    pub(super) fn broken_limit(&mut self) -> Option<String> {
        if let Some(time) = self.limits.time.filter(|&time| self.elapsed() > time) {
            return Some(format!(
                "took longer than its limit of {} s (`limits: {{time}}`)",
                time.as_secs()
            ));
        }
        if let Some(memory) = self.limits.memory.filter(|&memory| self.memory > memory) {
            let (used, memory) = (mebibytes(self.memory), mebibytes(memory));
            return Some(format!(
                "took {used} MiB of memory, more than its limit of {memory} MiB (`limits: {{memory}}`)"
            ));
        }
        if Instant::now() < self.disk_due {
            return None;
        }
        self.broken_disk_limit()
    }

    /// The limit of the size of the run's folder, measured now, if it is broken, as the reason for
    /// a failure.
    pub(super) fn broken_disk_limit(&mut self) -> Option<String> {
        let started = Instant::now();
        self.disk = bytes_on_disk(&self.folder);
        self.disk_due = Instant::now() + MEASURE_DISK_EVERY.max(started.elapsed() * 20);
        (self.disk > self.limits.disk).then(|| {
            let (used, disk) = (mebibytes(self.disk), mebibytes(self.limits.disk));
            format!("wrote {used} MiB into its folder, its log included, more than its limit of {disk} MiB (`limits: {{disk}}`)")
        })
    }

    /// Tells the child, once, what labpress was told.
    pub(super) fn pass_on(&mut self, stop: Stop) {
        if stop == self.told {
            return;
        }
        self.told = stop;
        match stop {
            Stop::GoOn | Stop::StartNoMore => {}
            Stop::Gently => signal(self.process, Signal::Leave),
            Stop::AtOnce => signal(self.process, Signal::Die),
        }
    }

    /// Kills the child and all that it started, and waits for its end.
    pub(super) fn kill(&self, child: &mut Child) -> io::Result<()> {
        signal(self.process, Signal::Die);
        // Where there are no process groups.
        let _ = child.kill();
        child.wait().map(drop)
    }

    /// Kills what is left of the process group after the supervisor has ended.
    pub(super) fn end_group(&self) {
        signal_group(self.process, Signal::Die);
    }
}

fn mebibytes(bytes: u64) -> u64 {
    bytes / (1 << 20)
}

/// How much room a folder takes.
fn bytes_on_disk(folder: &Path) -> u64 {
    // What goes away meanwhile takes none.
    let entries = walkdir::WalkDir::new(folder).into_iter().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|about| room(&about)).sum()
}

#[cfg(unix)]
fn room(about: &std::fs::Metadata) -> u64 {
    // A file with holes takes less than its length.
    std::os::unix::fs::MetadataExt::blocks(about) * 512
}

#[cfg(not(unix))]
fn room(about: &std::fs::Metadata) -> u64 {
    about.len()
}

#[derive(Clone, Copy)]
enum Signal {
    Leave,
    Die,
}

/// Sends a signal to the process group of a supervisor that lives.
fn signal(process: u32, signal: Signal) {
    if let Signal::Die = signal {
        // Those that have left the group as well. Later they would no longer descend from the
        // supervisor.
        processes::descendants(process).into_iter().for_each(processes::kill);
    }
    signal_group(process, signal);
}

#[cfg(unix)]
fn signal_group(process: u32, signal: Signal) {
    let group = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    let signal = match signal {
        Signal::Leave => rustix::process::Signal::TERM,
        Signal::Die => rustix::process::Signal::KILL,
    };
    if let Some(group) = group {
        // It may have left just now.
        let _ = rustix::process::kill_process_group(group, signal);
    }
}

#[cfg(not(unix))]
fn signal_group(_: u32, _: Signal) {}
