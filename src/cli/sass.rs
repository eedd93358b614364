//! Compiles style sheets in processes of their own, which the system ends when they take too much
//! time or memory.
//!
//! The hidden command reads a [`Job`] from standard input and answers with what became of it. It is
//! this program itself, so that nothing else has to be installed.
#![expect(clippy::disallowed_methods, reason = "`cli` starts the process that `site` may not")]

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use super::Error;
use crate::runner::processes;
use crate::site::sass::{Compiled, Job};

/// The name of the command.
pub(super) const COMMAND: &str = "compile-sass";

/// Compiles a style sheet in another process. An error says why it did not come to its end.
pub(super) fn in_a_process(job: &Job) -> Result<Compiled, String> {
    let text = serde_json::to_vec(job).map_err(|error| error.to_string())?;
    let failed = |error: std::io::Error| format!("the Sass compiler cannot be started: {error}");
    let mut child = Command::new(processes::this_program().map_err(failed)?)
        .args([COMMAND, &job.limits.seconds.to_string(), &job.limits.bytes.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    // One that ends before it has read all says why by how it ends.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(&text));
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("the Sass compiler failed: {error}"));
    }
    let last_words = String::from_utf8_lossy(&output.stderr);
    Err(if last_words.contains("overflowed its stack") {
        "this style sheet nests expressions or blocks too deep for the Sass compiler".to_owned()
    } else if last_words.contains("memory allocation") {
        format!(
            "this style sheet takes the Sass compiler more than {} MiB of memory",
            job.limits.bytes >> 20
        )
    } else {
        format!("this style sheet takes the Sass compiler more than {} s", job.limits.seconds)
    })
}

/// The command: compiles the style sheet that standard input holds, within limits.
pub(super) fn answer_job(seconds: u64, bytes: u64) -> Result<(), Error> {
    limit(seconds, bytes)?;
    let mut text = Vec::new();
    std::io::stdin().read_to_end(&mut text)?;
    let job: Job = serde_json::from_slice(&text)?;
    serde_json::to_writer(std::io::stdout().lock(), &job.compiled())?;
    Ok(())
}

/// Lets the system end this process at its limits. Where it cannot limit memory, time alone counts.
fn limit(seconds: u64, bytes: u64) -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let at = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::Core, at(0))?;
    setrlimit(Resource::Cpu, at(seconds))?;
    // macOS refuses a limit below what is mapped already.
    let _ = setrlimit(Resource::As, at(bytes));
    Ok(())
}
