//! Keeps a child process within its limits, and forwards requests to stop to it.
//!
//! The child is a [`supervisor`](super::supervisor) that leads its own process group. Processes it
//! starts are therefore stopped together with it, and Ctrl-C on the terminal reaches only labpress,
//! which asks its children to exit. A process that leaves the group, or whose parent exits, is still
//! a descendant of the supervisor.
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
/// How often the size of a run's folder is measured, unless measuring takes long.
const MEASURE_DISK_EVERY: Duration = Duration::from_secs(1);

/// Watches one child.
pub(super) struct Guard {
    process: u32,
    limits: Limits,
    started: Instant,
    measured: Instant,
    /// Its memory when it was last measured, in bytes.
    memory: u64,
    folder: PathBuf,
    disk_due: Instant,
    /// The size of the run's folder when it was last measured, in bytes.
    disk: u64,
    passed_on: Stop,
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
            passed_on: Stop::GoOn,
        }
    }

    /// How long the child has been running.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The memory of the child and its descendants, in bytes; `None` if it was measured very
    /// recently.
    pub(super) fn measured_memory(&mut self) -> Option<u64> {
        if self.measured.elapsed() < MEASURE_EVERY {
            return None;
        }
        self.measured = Instant::now();
        self.memory =
            processes::descendants(self.process).into_iter().map(processes::resident_bytes).sum();
        Some(self.memory)
    }

    /// The limit that the child exceeds, as the reason for its failure. Memory is compared as it was
    /// when it was last measured.
    pub(super) fn exceeded_limit(&mut self) -> Option<String> {
        if let Some(time) = self.limits.time.filter(|&time| self.elapsed() > time) {
            return Some(format!(
                "took longer than its limit of {} s (`limits: {{time}}`)",
                time.as_secs()
            ));
        }
        if let Some(memory) = self.limits.memory.filter(|&memory| self.memory > memory) {
            let (used, memory) = (mebibytes(self.memory), mebibytes(memory));
            return Some(format!(
                "used {used} MiB of memory, more than its limit of {memory} MiB \
                 (`limits: {{memory}}`)"
            ));
        }
        if Instant::now() < self.disk_due {
            return None;
        }
        self.exceeded_disk_limit()
    }

    /// Measures the run's folder now and returns its limit if it is exceeded, as the reason for a
    /// failure.
    pub(super) fn exceeded_disk_limit(&mut self) -> Option<String> {
        let started = Instant::now();
        self.disk = bytes_on_disk(&self.folder);
        self.disk_due = Instant::now() + MEASURE_DISK_EVERY.max(started.elapsed() * 20);
        (self.disk > self.limits.disk).then(|| {
            let (used, disk) = (mebibytes(self.disk), mebibytes(self.limits.disk));
            format!(
                "wrote {used} MiB to its folder, including its log, more than its limit of \
                 {disk} MiB (`limits: {{disk}}`)"
            )
        })
    }

    /// Forwards a request to stop to the child, once.
    pub(super) fn pass_on(&mut self, stop: Stop) {
        if stop == self.passed_on {
            return;
        }
        self.passed_on = stop;
        match stop {
            Stop::GoOn | Stop::StartNoMore => {}
            Stop::Gently => signal(self.process, Signal::Terminate),
            Stop::AtOnce => signal(self.process, Signal::Kill),
        }
    }

    /// Kills the child and everything it started, and waits for it.
    pub(super) fn kill(&self, child: &mut Child) -> io::Result<()> {
        signal(self.process, Signal::Kill);
        // For systems without process groups.
        let _ = child.kill();
        child.wait().map(drop)
    }

    /// Kills what is left of the process group after the supervisor has exited.
    pub(super) fn end_group(&self) {
        signal_group(self.process, Signal::Kill);
    }
}

fn mebibytes(bytes: u64) -> u64 {
    bytes / (1 << 20)
}

/// How much disk space a folder takes.
fn bytes_on_disk(folder: &Path) -> u64 {
    // What is removed meanwhile takes none.
    let entries = walkdir::WalkDir::new(folder).into_iter().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|about| disk_space(&about)).sum()
}

#[cfg(unix)]
fn disk_space(about: &std::fs::Metadata) -> u64 {
    // A sparse file takes less than its length.
    std::os::unix::fs::MetadataExt::blocks(about) * 512
}

#[cfg(not(unix))]
fn disk_space(about: &std::fs::Metadata) -> u64 {
    about.len()
}

#[derive(Clone, Copy)]
enum Signal {
    Terminate,
    Kill,
}

/// Sends a signal to the process group of a running supervisor.
fn signal(process: u32, signal: Signal) {
    if let Signal::Kill = signal {
        // Also those that have left the group. Once the supervisor is gone they are no longer its
        // descendants.
        processes::descendants(process).into_iter().for_each(processes::kill);
    }
    signal_group(process, signal);
}

#[cfg(unix)]
fn signal_group(process: u32, signal: Signal) {
    let group = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    let signal = match signal {
        Signal::Terminate => rustix::process::Signal::TERM,
        Signal::Kill => rustix::process::Signal::KILL,
    };
    if let Some(group) = group {
        // It may have exited just now.
        let _ = rustix::process::kill_process_group(group, signal);
    }
}

#[cfg(not(unix))]
fn signal_group(_: u32, _: Signal) {}
