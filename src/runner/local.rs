//! Starts a runner on this machine as a child process and follows it to its end.
#![expect(clippy::disallowed_methods, reason = "`runner` starts processes and reads what they write")]

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use super::Stop;
use super::collect::{Collected, collect, event};
use super::guard::Guard;
use super::protocol::{CHECKPOINT_FOLDER, EVENTS_FILE, Event, INTERRUPTED, JOB_FILE, Job, RUN_FOLDER_VARIABLE};
use crate::digest::pretty;
use crate::experiment::spec::Limits;
use crate::store::{lock_file, named};

/// The file with what the runner wrote to its standard output and standard error.
pub const LOG_FILE: &str = "log.txt";
/// The file with the reason why the last try failed.
const FAILURE_FILE: &str = "failure.txt";
/// How often a running child is looked at, at most and at least. In between, after another eighth of the time that it
/// has run so far, so that short runs are not made longer and long ones cost nothing.
const LOOK_EVERY: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(50)];
/// How much of the log's end is shown on failure.
const LOG_LINES: usize = 20;

/// A child process to start.
#[derive(Debug, Clone)]
pub struct Launch<'a> {
    /// Program and arguments.
    pub command: Vec<OsString>,
    /// The folder it works in.
    pub working_folder: PathBuf,
    /// The run's own folder, `LABPRESS_RUN`.
    pub run_folder: &'a Path,
    /// What it may use. A child that uses more is killed.
    pub limits: Limits,
    /// What it is to do. Whether to resume is found out here.
    pub job: Job,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// With a result.
    Done(Collected),
    /// Without one; trying again starts from the beginning.
    Failed(Failure),
    /// Without one; trying again goes on from the last checkpoint.
    Interrupted(Failure),
}

/// Why a run has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A phrase such as ``left with status 1``.
    pub reason: String,
    /// The last lines of its log.
    pub log_end: String,
    /// The whole log.
    pub log: PathBuf,
}

/// What is learnt of a run while it goes on.
#[derive(Debug, Clone, Copy)]
pub enum Heard<'a> {
    /// The runner said something.
    Event(&'a Event),
    /// It and what it started take this many bytes of memory.
    Memory(u64),
}

/// Runs the child to its end, and calls `watch` with each event as it comes, and with the memory it takes.
///
/// A run of the same folder that a killed labpress left behind is waited for, and its result taken if it has one.
/// The error is of this machine (the program is not there, the disk is full), not of the run.
pub fn run(launch: &Launch<'_>, stop: &dyn Fn() -> Stop, watch: &mut dyn FnMut(Heard<'_>)) -> io::Result<Ended> {
    let folder = launch.run_folder;
    let lock = lock_file(&folder.join("lock"))?;
    if lock.try_lock().is_err() {
        watch(Heard::Event(&Event::Note {
            text: "a process that a killed labpress left behind is doing it: waiting for its end".to_owned(),
        }));
        lock.lock().map_err(|error| named(&error, "cannot lock", folder))?;
    }
    if let Some(collected) = finished_before(folder) {
        return Ok(Ended::Done(collected));
    }
    let resume = has_checkpoint(folder) && has_whole_events(folder);
    prepare(launch, resume)?;
    let mut tail = Tail::of(&folder.join(EVENTS_FILE))?;
    // What was said before an interruption is part of the result, and no news. All its lines were read then.
    let _ = tail.follow(&mut |_| {})?;
    let mut child = command(launch, resume, lock)?.spawn().map_err(|error| {
        let program = launch.command.first().map(|program| program.to_string_lossy().into_owned());
        io::Error::new(error.kind(), format!("cannot start `{}`: {error}", program.unwrap_or_default()))
    })?;
    let mut guard = Guard::of(&child, launch);
    loop {
        let status = child.try_wait()?;
        if let Err(reason) = tail.follow(&mut |event| watch(Heard::Event(event)))? {
            guard.kill(&mut child)?;
            return failed(folder, format!("wrote a line that is no event: {reason}"));
        }
        if let Some(status) = status {
            return ended(folder, &tail.events, status);
        }
        if let Some(bytes) = guard.measured_memory() {
            watch(Heard::Memory(bytes));
        }
        if let Some(reason) = guard.broken_limit() {
            guard.kill(&mut child)?;
            return failed(folder, reason);
        }
        guard.pass_on(stop());
        let [often, seldom] = LOOK_EVERY;
        std::thread::sleep((guard.elapsed() / 8).clamp(often, seldom));
    }
}

/// The result of a run that ended well while no labpress was there to take it. One that failed after it said `done` has
/// none.
fn finished_before(folder: &Path) -> Option<Collected> {
    if folder.join(FAILURE_FILE).exists() {
        return None;
    }
    let mut tail = Tail::of(&folder.join(EVENTS_FILE)).ok()?;
    tail.follow(&mut |_| {}).ok()?.ok()?;
    collect(&tail.events).ok()
}

fn has_checkpoint(folder: &Path) -> bool {
    let mut entries = fs::read_dir(folder.join(CHECKPOINT_FOLDER)).into_iter().flatten();
    entries.next().is_some()
}

/// Whether all that an interrupted run has said can be read. If not, a number may be lost that it will not tell again.
fn has_whole_events(folder: &Path) -> bool {
    let lines = whole_lines(&folder.join(EVENTS_FILE));
    String::from_utf8(lines).is_ok_and(|lines| lines.lines().all(|line| line.is_empty() || event(line).is_ok()))
}

fn prepare(launch: &Launch<'_>, resume: bool) -> io::Result<()> {
    let folder = launch.run_folder;
    let cannot_write = |error: &io::Error| named(error, "cannot write to", folder);
    if !resume {
        remove_checkpoint(folder)?;
    }
    fs::create_dir_all(folder.join(CHECKPOINT_FOLDER)).map_err(|error| cannot_write(&error))?;
    if let Err(error) = fs::remove_file(folder.join(FAILURE_FILE))
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(cannot_write(&error));
    }
    let job = Job { resume, ..launch.job.clone() };
    let job = serde_json::to_value(&job).expect("a job is texts, numbers and lists");
    fs::write(folder.join(JOB_FILE), pretty(&job)).map_err(|error| cannot_write(&error))?;
    let events = if resume { whole_lines(&folder.join(EVENTS_FILE)) } else { Vec::new() };
    fs::write(folder.join(EVENTS_FILE), events).map_err(|error| cannot_write(&error))
}

/// What a killed runner wrote, without the line that it did not finish.
fn whole_lines(path: &Path) -> Vec<u8> {
    let mut bytes = fs::read(path).unwrap_or_default();
    let end = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    bytes.truncate(end);
    bytes
}

fn command(launch: &Launch<'_>, resume: bool, lock: File) -> io::Result<Command> {
    let log = launch.run_folder.join(LOG_FILE);
    // A run that goes on from a checkpoint keeps the log of how it came there.
    let log = File::options()
        .create(true)
        .write(true)
        .append(resume)
        .truncate(!resume)
        .open(&log)
        .map_err(|error| named(&error, "cannot write", &log))?;
    let (program, arguments) = launch.command.split_first().ok_or_else(|| io::Error::other("the command is empty"))?;
    let mut command = Command::new(program);
    let threads = launch.job.threads.to_string();
    command
        .args(arguments)
        .current_dir(&launch.working_folder)
        .env(RUN_FOLDER_VARIABLE, launch.run_folder)
        // Two runs whose OpenMP threads spin while they wait were 7 to 16 times slower than one after the other.
        .env("OMP_WAIT_POLICY", "PASSIVE")
        .envs(
            ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"]
                .map(|name| (name, &threads)),
        )
        // The lock goes along as standard input, so that it is held as long as the child lives, even if labpress is
        // killed: nobody starts a second run in the same folder.
        .stdin(Stdio::from(lock))
        .stdout(log.try_clone()?)
        .stderr(log);
    Guard::prepare(&mut command);
    Ok(command)
}

/// What a child that left with `status` has achieved.
fn ended(folder: &Path, events: &[Event], status: ExitStatus) -> io::Result<Ended> {
    match status.code() {
        Some(0) => match collect(events) {
            Ok(collected) => Ok(Ended::Done(collected)),
            Err(reason) => failed(folder, reason),
        },
        Some(INTERRUPTED) => Ok(Ended::Interrupted(failure(folder, "was asked to leave".to_owned()))),
        Some(code) => failed(folder, format!("left with status {code}")),
        None => Ok(Ended::Interrupted(failure(folder, format!("was killed ({status})")))),
    }
}

/// A failure for good: what it left is no base to go on from.
fn failed(folder: &Path, reason: String) -> io::Result<Ended> {
    remove_checkpoint(folder)?;
    let note = folder.join(FAILURE_FILE);
    fs::write(&note, &reason).map_err(|error| named(&error, "cannot write", &note))?;
    Ok(Ended::Failed(failure(folder, reason)))
}

/// Makes a failure of a run that ended well: its result is not to be taken, now or later.
pub(super) fn discard(folder: &Path, reason: String) -> io::Result<Failure> {
    match failed(folder, reason)? {
        Ended::Failed(failure) | Ended::Interrupted(failure) => Ok(failure),
        Ended::Done(_) => unreachable!("a failure has no result"),
    }
}

fn remove_checkpoint(folder: &Path) -> io::Result<()> {
    let checkpoint = folder.join(CHECKPOINT_FOLDER);
    match fs::remove_dir_all(&checkpoint) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(named(&error, "cannot remove", &checkpoint)),
        _ => Ok(()),
    }
}

/// Why the last try of a run failed, if it did.
pub fn failure_before(folder: &Path) -> Option<Failure> {
    let reason = fs::read_to_string(folder.join(FAILURE_FILE)).ok()?;
    Some(failure(folder, reason))
}

fn failure(folder: &Path, reason: String) -> Failure {
    let log = folder.join(LOG_FILE);
    let text = fs::read(&log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let log_end = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
    Failure { reason, log_end, log }
}

/// A file that grows, read line by line.
struct Tail {
    file: File,
    unfinished: Vec<u8>,
    events: Vec<Event>,
}

impl Tail {
    fn of(path: &Path) -> io::Result<Tail> {
        let file = File::open(path).map_err(|error| named(&error, "cannot read", path))?;
        Ok(Tail { file, unfinished: Vec::new(), events: Vec::new() })
    }

    /// Reads what came since. The inner error is a line that is no event.
    fn follow(&mut self, watch: &mut dyn FnMut(&Event)) -> io::Result<Result<(), String>> {
        self.file.read_to_end(&mut self.unfinished)?;
        while let Some(newline) = self.unfinished.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.unfinished.drain(..=newline).collect();
            let line = String::from_utf8_lossy(&line);
            if line.trim().is_empty() {
                continue;
            }
            match event(line.trim()) {
                Ok(event) => {
                    watch(&event);
                    self.events.push(event);
                }
                Err(reason) => return Ok(Err(reason)),
            }
        }
        Ok(Ok(()))
    }
}
