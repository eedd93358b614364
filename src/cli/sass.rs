//! Compiles style sheets in separate processes, which the system kills when they use too much time
//! or memory.
//!
//! The hidden command reads a [`Job`] from standard input and writes its result to standard output.
//! It is part of this program, so that nothing else has to be installed.
#![expect(clippy::disallowed_methods, reason = "`cli` starts the process, because `site` must not")]

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use super::Error;
use labpress::runner::processes;
use labpress::site::sass::{Compiled, Job};

/// The name of the command.
pub(super) const COMMAND: &str = "compile-sass";

/// Compiles a style sheet in another process. The error says why the process failed.
pub(super) fn in_a_process(job: &Job) -> Result<Compiled, String> {
    let text = serde_json::to_vec(job).map_err(|error| error.to_string())?;
    let failed = |error: std::io::Error| format!("cannot start the Sass compiler: {error}");
    let mut child = Command::new(processes::this_program().map_err(failed)?)
        .args([COMMAND, &job.limits.seconds.to_string(), &job.limits.bytes.to_string()])
        // Otherwise mimalloc reserves 1 GiB of address space at once, which is all of the limit.
        .env("MIMALLOC_ARENA_RESERVE", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    // If it exits before it has read everything, its exit status says why.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(&text));
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("the Sass compiler failed: {error}"));
    }
    let last_words = String::from_utf8_lossy(&output.stderr);
    Err(if last_words.contains("overflowed its stack") {
        "expressions or blocks nest too deep for the Sass compiler".to_owned()
    } else if last_words.contains("memory allocation") {
        format!(
            "the Sass compiler needs more than {} MiB of memory for this style sheet",
            job.limits.bytes >> 20
        )
    } else {
        format!("the Sass compiler needs more than {} s for this style sheet", job.limits.seconds)
    })
}

/// Runs the command: compiles the style sheet from standard input within limits.
pub(super) fn answer_job(seconds: u64, bytes: u64) -> Result<(), Error> {
    limit(seconds, bytes)?;
    let mut text = Vec::new();
    std::io::stdin().read_to_end(&mut text)?;
    let job: Job = serde_json::from_slice(&text)?;
    serde_json::to_writer(std::io::stdout().lock(), &job.compiled())?;
    Ok(())
}

/// Makes the system kill this process at its limits. On systems that cannot limit memory, only time
/// is limited.
fn limit(seconds: u64, bytes: u64) -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let at = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::Core, at(0))?;
    setrlimit(Resource::Cpu, at(seconds))?;
    // macOS refuses a limit below the memory that is already mapped.
    let _ = setrlimit(Resource::As, at(bytes));
    Ok(())
}
