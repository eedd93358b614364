//! Runs a runner as a child process, from start to end.
#![expect(
    clippy::disallowed_methods,
    reason = "`runner` starts processes and reads what they write"
)]

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use labpress_runner::protocol::{
    CHECKPOINT_FOLDER, EVENTS_FILE, Event, INTERRUPTED, JOB_FILE, Job, PROCESS_VARIABLE,
    RUN_FOLDER_VARIABLE,
};

use super::collect::{Collected, collect};
use super::guard::Guard;
use super::supervisor::{self, Exit};
use super::tail::Tail;
use super::{Failure, NoResult, RunEvent, Stop, processes};
use crate::digest::pretty;
use crate::experiment::spec::Limits;
use crate::store::{lock_file, named, open_inside};

/// The file with what the runner wrote to its standard output and standard error.
pub(crate) const LOG_FILE: &str = "log.txt";
/// The file with the reason why the last try failed.
const FAILURE_FILE: &str = "failure.txt";
/// The shortest and the longest pause between two looks at a running child. In between, the pause is
/// an eighth of the time it has been running, so that short runs are not delayed and long ones cost
/// nothing.
const PAUSE: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(50)];
/// How many lines of the log's end are shown on failure.
const LOG_LINES: usize = 20;
/// How many bytes of the log's end are read for that.
const LOG_BYTES: u64 = 64 * 1024;
/// How many characters of a log line are shown.
const LOG_WIDTH: usize = 400;

/// A child process to start.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Program and arguments.
    pub command: Vec<OsString>,
    /// The folder it works in.
    pub working_folder: PathBuf,
    /// The run's own folder, `LABPRESS_RUN`.
    pub run_folder: PathBuf,
    /// What it may use. A child that uses more is killed.
    pub limits: Limits,
    /// What it is to do. [`run`] decides by itself whether to resume.
    pub job: Job,
}

/// Runs the child to its end, and passes to `watch` each event when it is reported, and the memory
/// that it takes.
///
/// If a killed labpress left a child behind that is still at work in the same folder, waits for it,
/// and takes its result if it has one.
pub fn run(
    launch: &Launch,
    stop: &dyn Fn() -> Stop,
    watch: &mut dyn FnMut(RunEvent<'static>),
) -> Result<Collected, NoResult> {
    let folder = &launch.run_folder;
    let lock_path = folder.join("lock");
    let lock = lock_file(&lock_path)?;
    if let Some(holders) = wait_for(&lock, &lock_path, stop, watch)? {
        let reason = format!("was asked to stop while it waited for {holders}");
        return Err(NoResult::Interrupted(failure(folder, reason)));
    }
    // What was reported before an interruption is part of the result, but not news.
    let mut tail = Tail::of(&folder.join(EVENTS_FILE))?;
    let is_whole = tail.read_all()?.is_ok();
    let (exit, has_failed) = (Exit::read(folder), folder.join(FAILURE_FILE).exists());
    if (exit == Some(Exit::Code(0)) || has_diverged(&tail.events))
        && is_whole
        && !has_failed
        && let Ok(collected) = result(folder, &tail.events)
    {
        return Ok(collected);
    }
    // If the exit status is unknown, because labpress and the supervisor were killed or the power
    // failed, it is unknown whether the run succeeded. So it is if a line cannot be read: the number
    // in it may never be reported again.
    let can_resume =
        !has_failed && matches!(exit, None | Some(Exit::Code(INTERRUPTED) | Exit::Killed(_)));
    let resume = can_resume && is_whole && has_checkpoint(folder);
    prepare(launch, resume)?;
    tail.truncate(resume)?;
    let mut child = command(launch, resume, lock)?.spawn().map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("cannot start labpress itself as the supervisor of a run: {error}"),
        )
    })?;
    let mut guard = Guard::of(&child, launch);
    let status = loop {
        // Before the last events are read.
        let status = child.try_wait()?;
        match tail.follow(&mut |event| watch(RunEvent::Reported(event.clone())))? {
            Err(reason) => {
                guard.kill(&mut child)?;
                return Err(fail(folder, reason));
            }
            // There is more than was read at once.
            Ok(is_at_end) if !is_at_end && status.is_some() => continue,
            Ok(_) => {}
        }
        if has_diverged(&tail.events) {
            // Whatever it does after that is not part of the result.
            guard.kill(&mut child)?;
            return result(folder, &tail.events).map_err(|reason| fail(folder, reason));
        }
        if let Some(status) = status {
            break status;
        }
        if let Some(bytes) = guard.measured_memory() {
            watch(RunEvent::Memory(bytes));
        }
        if let Some(reason) = guard.exceeded_limit() {
            guard.kill(&mut child)?;
            return Err(fail(folder, reason));
        }
        guard.pass_on(stop());
        pause(guard.elapsed());
    };
    // If the supervisor was killed, the runner may still be running.
    guard.end_group();
    if let Some(reason) = guard.exceeded_disk_limit() {
        return Err(fail(folder, reason));
    }
    ended(folder, &tail.events, status)
}

/// Waits for the lock of a run and takes it. If it is asked to stop before, returns the processes
/// that hold the lock.
fn wait_for(
    lock: &File,
    path: &Path,
    stop: &dyn Fn() -> Stop,
    watch: &mut dyn FnMut(RunEvent<'static>),
) -> io::Result<Option<String>> {
    let started = Instant::now();
    let mut holders = None;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(None),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(named(&error, "cannot lock", path)),
        }
        let holders = holders.get_or_insert_with(|| {
            let holders = processes::holders(path).unwrap_or_else(|| "a process".to_owned());
            let text = format!(
                "{holders} of an earlier try is still running in the run's folder: waiting for it to end"
            );
            watch(RunEvent::Reported(Event::Note { text }));
            holders
        });
        if matches!(stop(), Stop::Gently | Stop::AtOnce) {
            return Ok(Some(std::mem::take(holders)));
        }
        pause(started.elapsed());
    }
}

fn pause(elapsed: Duration) {
    let [shortest, longest] = PAUSE;
    std::thread::sleep((elapsed / 8).clamp(shortest, longest));
}

/// The result of a run that exited with status 0, or what is missing from it.
fn result(folder: &Path, events: &[Event]) -> Result<Collected, String> {
    let collected = collect(events)?;
    for (name, (path, _)) in &collected.artifacts {
        open_inside(folder, path)
            .map_err(|error| format!("reported the artifact `{name}`, and {error}"))?;
    }
    Ok(collected)
}

fn has_checkpoint(folder: &Path) -> bool {
    let mut entries = fs::read_dir(folder.join(CHECKPOINT_FOLDER)).into_iter().flatten();
    entries.next().is_some()
}

fn prepare(launch: &Launch, resume: bool) -> io::Result<()> {
    let folder = &launch.run_folder;
    let cannot_write = |error: &io::Error| named(error, "cannot write to", folder);
    if !resume {
        remove_checkpoint(folder)?;
    }
    fs::create_dir_all(folder.join(CHECKPOINT_FOLDER)).map_err(|error| cannot_write(&error))?;
    // Before the failure, so that a power cut never leaves an old status without it.
    Exit::forget(folder).map_err(|error| cannot_write(&error))?;
    if let Err(error) = fs::remove_file(folder.join(FAILURE_FILE))
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(cannot_write(&error));
    }
    let job = Job { resume, ..launch.job.clone() };
    let job = serde_json::to_value(&job).expect("a job consists of strings, numbers and lists");
    fs::write(folder.join(JOB_FILE), pretty(&job)).map_err(|error| cannot_write(&error))
}

fn command(launch: &Launch, resume: bool, lock: File) -> io::Result<Command> {
    let log = launch.run_folder.join(LOG_FILE);
    // A resumed run keeps the log of what it did before.
    let log = File::options()
        .create(true)
        .write(true)
        .append(resume)
        .truncate(!resume)
        .open(&log)
        .map_err(|error| named(&error, "cannot write", &log))?;
    let (program, arguments) =
        launch.command.split_first().ok_or_else(|| io::Error::other("the command is empty"))?;
    let mut command = supervisor::command(&launch.run_folder, program, arguments)?;
    let threads = launch.job.threads.to_string();
    command
        .current_dir(&launch.working_folder)
        .env(RUN_FOLDER_VARIABLE, &launch.run_folder)
        .env(PROCESS_VARIABLE, std::process::id().to_string())
        // With threads that spin while they wait, two runs side by side were 7 to 16 times slower
        // than one after the other.
        .env("OMP_WAIT_POLICY", "PASSIVE")
        .envs(
            ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"]
                .map(|name| (name, &threads)),
        )
        // The lock is passed on as standard input and is therefore held as long as the child lives,
        // even if labpress is killed: no second run is started in the same folder.
        .stdin(Stdio::from(lock))
        .stdout(log.try_clone()?)
        .stderr(log);
    Guard::prepare(&mut command);
    Ok(command)
}

/// The result of a run whose supervisor exited with `status`, or why there is none.
fn ended(folder: &Path, events: &[Event], status: ExitStatus) -> Result<Collected, NoResult> {
    let interrupted = |reason| Err(NoResult::Interrupted(failure(folder, reason)));
    match Exit::read(folder) {
        Some(Exit::Code(0)) => result(folder, events).map_err(|reason| fail(folder, reason)),
        Some(Exit::Code(INTERRUPTED)) => interrupted("was asked to stop".to_owned()),
        Some(Exit::Code(code)) => Err(fail(folder, format!("exited with status {code}"))),
        Some(Exit::Killed(how)) => interrupted(format!("was killed ({how})")),
        Some(Exit::NotStarted(why)) => Err(io::Error::other(why).into()),
        None if status.code().is_none() => interrupted(format!("was killed ({status})")),
        None => interrupted(
            "ended, but its exit status could not be written: is the disk full?".to_owned(),
        ),
    }
}

/// Whether the last event is that the run diverged, or a number that is not finite.
fn has_diverged(events: &[Event]) -> bool {
    matches!(events.last(), Some(Event::Diverged(_)))
}

/// Makes the run a failure for good, so that neither its result nor its checkpoint is used later.
pub(super) fn fail(folder: &Path, reason: String) -> NoResult {
    let note = folder.join(FAILURE_FILE);
    let noted = remove_checkpoint(folder).and_then(|()| {
        fs::write(&note, &reason).map_err(|error| named(&error, "cannot write", &note))
    });
    match noted {
        Ok(()) => NoResult::Failed(failure(folder, reason)),
        Err(error) => NoResult::Broken(error),
    }
}

fn remove_checkpoint(folder: &Path) -> io::Result<()> {
    let checkpoint = folder.join(CHECKPOINT_FOLDER);
    match fs::remove_dir_all(&checkpoint) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(named(&error, "cannot remove", &checkpoint))
        }
        _ => Ok(()),
    }
}

/// Why the last try of a run failed, if it did.
pub fn failure_before(folder: &Path) -> Option<Failure> {
    let reason = match fs::read_to_string(folder.join(FAILURE_FILE)) {
        Ok(reason) if reason.is_empty() => "failed when the disk was full".to_owned(),
        Ok(reason) => reason,
        Err(_) => match Exit::read(folder)? {
            Exit::NotStarted(why) => why,
            Exit::Code(_) | Exit::Killed(_) => return None,
        },
    };
    Some(failure(folder, reason))
}

pub(super) fn failure(folder: &Path, reason: String) -> Failure {
    let log = folder.join(LOG_FILE);
    // A log that cannot be read counts as empty.
    let log_end = log_end(&log).unwrap_or_default();
    Failure { reason, log_end, log }
}

/// The last lines of a log, however long it is. Of a line that was overwritten again and again, as
/// progress bars do, the last state.
fn log_end(path: &Path) -> io::Result<String> {
    let mut log = File::open(path)?;
    let start = log.metadata()?.len().saturating_sub(LOG_BYTES);
    log.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    log.take(LOG_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    // The first line is incomplete.
    let text =
        if start == 0 { &text } else { text.split_once('\n').map_or(&*text, |(_, rest)| rest) };
    let shown = |line: &str| {
        let line = line.trim_end_matches('\r');
        let line = line.rsplit_once('\r').map_or(line, |(_, last)| last);
        let mut shown: String = line.chars().take(LOG_WIDTH).collect();
        if shown.len() < line.len() {
            shown.push('…');
        }
        shown
    };
    let lines: Vec<&str> = text.split('\n').collect();
    let lines = lines.strip_suffix(&[""]).unwrap_or(&lines);
    Ok(lines[lines.len().saturating_sub(LOG_LINES)..]
        .iter()
        .map(|line| shown(line))
        .collect::<Vec<_>>()
        .join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_log_end(log: &str, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(LOG_FILE), log).unwrap();
        assert_eq!(failure(folder.path(), String::new()).log_end, expected);
    }

    #[test]
    fn the_last_lines_of_a_log_are_shown_however_long_it_is() {
        check_log_end("", "");
        check_log_end("a\n\nb", "a\n\nb");
        let last: Vec<String> = (81..=100).map(|line| format!("line {line}")).collect();
        let lines: String = (1..=100).map(|line| format!("line {line}\n")).collect();
        check_log_end(&lines, &last.join("\n"));
        check_log_end(&("x".repeat(1 << 20) + "\nthe end\n"), "the end");
    }

    #[test]
    fn the_last_state_of_an_overwritten_line_is_shown() {
        check_log_end("epoch 1\repoch 2\repoch 3\nfailed\r\n", "epoch 3\nfailed");
    }

    #[test]
    fn a_long_log_line_is_truncated() {
        check_log_end(&"ü".repeat(500), &("ü".repeat(400) + "…"));
    }
}
