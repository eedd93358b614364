//! The small process between labpress and a runner, which outlives labpress if that is killed.
//!
//! It writes the runner's exit status to the run's folder, so that the next labpress knows whether
//! the run succeeded even if nobody waited for it, and it kills whatever the runner has started and
//! left behind. It is labpress itself, started as `labpress supervise FOLDER PROGRAM ARGUMENTS…`.
//! Its standard input is the run's lock, which the runner inherits.
#![expect(
    clippy::disallowed_methods,
    reason = "`runner` starts processes and reads what they write"
)]

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus};

use super::processes;
use labpress_runner::protocol::INTERRUPTED;

/// The first argument of a supervisor.
const SUBCOMMAND: &str = "supervise";
/// The file with the [`Exit`] of the run's last try. Absent while it is running, and if the
/// supervisor was killed.
const EXIT_FILE: &str = "exit.txt";

/// How the process of a runner ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Exit {
    /// With this status.
    Code(i32),
    /// By a signal, described in words.
    Killed(String),
    /// It could not be started, for this reason.
    NotStarted(String),
}

impl Exit {
    fn of(status: ExitStatus) -> Exit {
        status.code().map_or_else(|| Exit::Killed(status.to_string()), Exit::Code)
    }

    fn to_text(&self) -> String {
        match self {
            Exit::Code(code) => format!("exited {code}\n"),
            Exit::Killed(how) => format!("killed {how}\n"),
            Exit::NotStarted(why) => format!("not-started {why}\n"),
        }
    }

    fn parse(text: &str) -> Option<Exit> {
        // Without its line end it is incomplete.
        match text.strip_suffix('\n')?.split_once(' ')? {
            ("exited", code) => code.parse().ok().map(Exit::Code),
            ("killed", how) => Some(Exit::Killed(how.to_owned())),
            ("not-started", why) => Some(Exit::NotStarted(why.to_owned())),
            _ => None,
        }
    }

    /// How the last try of the run in `folder` ended; `None` if that is unknown.
    pub(super) fn read(folder: &Path) -> Option<Exit> {
        Exit::parse(&fs::read_to_string(folder.join(EXIT_FILE)).ok()?)
    }

    /// Forgets how the last try ended.
    pub(super) fn forget(folder: &Path) -> io::Result<()> {
        match fs::remove_file(folder.join(EXIT_FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn write(&self, folder: &Path) -> io::Result<()> {
        let written = folder.join("exit.txt.new");
        fs::write(&written, self.to_text())?;
        fs::rename(written, folder.join(EXIT_FILE))
    }
}

/// A command that starts `program` under a supervisor, for the run in `folder`.
pub(super) fn command(
    folder: &Path,
    program: &OsStr,
    arguments: &[OsString],
) -> io::Result<Command> {
    let mut command = Command::new(processes::this_program()?);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::arg0(&mut command, "labpress");
    command.arg(SUBCOMMAND).arg(folder).arg(program).args(arguments);
    Ok(command)
}

/// Supervises a runner if this process was started for that, otherwise returns `None`. Every program
/// that calls [`child::run`](super::child::run) must call this first.
#[must_use]
pub fn main_if_supervisor() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != SUBCOMMAND {
        return None;
    }
    let (folder, program) = (arguments.next()?, arguments.next()?);
    let exit = supervised(Command::new(&program).args(arguments)).unwrap_or_else(|error| {
        Exit::NotStarted(format!("cannot start `{}`: {error}", program.to_string_lossy()))
    });
    // Without the file the status is unknown, and the run is resumed from its checkpoint.
    let written = exit.write(Path::new(&folder));
    let code = match exit {
        Exit::Code(code) => u8::try_from(code).unwrap_or(1),
        Exit::Killed(_) => u8::try_from(INTERRUPTED).unwrap_or(1),
        Exit::NotStarted(_) => 1,
    };
    Some(ExitCode::from(if written.is_ok() { code } else { 1 }))
}

/// Runs the command to its end, and then kills everything it has left behind.
#[cfg(unix)]
fn supervised(command: &mut Command) -> io::Result<Exit> {
    use std::os::unix::process::ExitStatusExt;
    use std::sync::{Arc, atomic::AtomicBool};

    use rustix::process::{Pid, WaitOptions, wait};

    // Processes whose parent has exited become children of this one, so that none is lost.
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    // These signals are sent to the whole process group and meant for the runner. Unlike an ignored
    // signal, a handler is reset when a program starts.
    for signal in
        [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT, signal_hook::consts::SIGHUP]
    {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
    }
    let child = Pid::from_child(&command.spawn()?);
    let exit = loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((process, status))) if process == child => {
                break Exit::of(ExitStatus::from_raw(status.as_raw()));
            }
            // Another process that the runner left behind.
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    };
    #[cfg(target_os = "linux")]
    loop {
        for process in super::processes::children(std::process::id()) {
            super::processes::kill(process);
        }
        if wait(WaitOptions::empty()).is_err_and(|error| error != rustix::io::Errno::INTR) {
            break;
        }
    }
    Ok(exit)
}

#[cfg(not(unix))]
fn supervised(command: &mut Command) -> io::Result<Exit> {
    command.status().map(Exit::of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_status_can_be_read_back_and_a_partial_one_is_unknown() {
        let all = [Exit::Code(0), Exit::Code(75), Exit::Killed("signal: 9 (SIGKILL)".to_owned())];
        for exit in all.into_iter().chain([Exit::NotStarted("cannot start `a b`".to_owned())]) {
            assert_eq!(Exit::parse(&exit.to_text()), Some(exit));
        }
        for text in ["", "exited 1", "exited x\n", "killed\n"] {
            assert_eq!(Exit::parse(text), None, "{text:?}");
        }
    }
}
