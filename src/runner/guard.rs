//! Keeps a child process within its limits, and passes on to it that it should stop.
//!
//! The child is the leader of a process group of its own, so that what it starts in turn is stopped with it, and Ctrl-C
//! on the terminal reaches labpress alone, which asks the children to leave.
#![expect(clippy::disallowed_methods, reason = "`runner` watches processes, by the clock and by /proc")]

use std::io;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::Stop;
use super::local::Launch;
use crate::experiment::spec::Limits;

/// How often a child's memory is measured.
const MEASURE_EVERY: Duration = Duration::from_millis(250);

/// Watches over one child.
pub(super) struct Guard {
    process: u32,
    limits: Limits,
    started: Instant,
    measured: Instant,
    /// The memory it took when it was last measured, in bytes.
    memory: u64,
    told: Stop,
}

impl Guard {
    /// Makes the child that `command` will start the leader of a process group.
    pub(super) fn prepare(command: &mut Command) {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
    }

    /// The guard of a child that was just started.
    pub(super) fn of(child: &Child, launch: &Launch<'_>) -> Guard {
        let now = Instant::now();
        Guard {
            process: child.id(),
            limits: launch.limits.clone(),
            started: now,
            measured: now,
            memory: 0,
            told: Stop::GoOn,
        }
    }

    /// How long the child has been at work.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The memory that the child and what it started take, in bytes; `None` if it was measured just before.
    pub(super) fn measured_memory(&mut self) -> Option<u64> {
        if self.measured.elapsed() < MEASURE_EVERY {
            return None;
        }
        self.measured = Instant::now();
        self.memory = resident_bytes(self.process);
        Some(self.memory)
    }

    /// The limit that the child has broken, as the reason for its failure. Of memory, when it was last measured.
    pub(super) fn broken_limit(&self) -> Option<String> {
        if let Some(time) = self.limits.time.filter(|&time| self.elapsed() > time) {
            return Some(format!("took longer than its limit of {} s (`limits: {{time}}`)", time.as_secs()));
        }
        let memory = self.limits.memory?;
        let mebibytes = |bytes: u64| bytes / (1 << 20);
        (self.memory > memory).then(|| {
            let (used, memory) = (mebibytes(self.memory), mebibytes(memory));
            format!("took {used} MiB of memory, more than its limit of {memory} MiB (`limits: {{memory}}`)")
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
}

#[derive(Clone, Copy)]
enum Signal {
    Leave,
    Die,
}

#[cfg(unix)]
fn signal(process: u32, signal: Signal) {
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
fn signal(_: u32, _: Signal) {}

/// The resident memory of a process and its descendants, from `/proc`; 0 where there is none.
fn resident_bytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let kibibytes =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    let of_children: u64 = children.split_whitespace().filter_map(|child| child.parse().ok()).map(resident_bytes).sum();
    kibibytes.unwrap_or(0) * 1024 + of_children
}
