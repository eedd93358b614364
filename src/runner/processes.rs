//! What `/proc` reports about processes: their children, their memory, and which of them hold the
//! lock of a file. Without `/proc`, nothing is found.
#![expect(clippy::disallowed_methods, reason = "`runner` watches processes by /proc")]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where the file of this program is, even if it was replaced since the program started.
pub fn this_program() -> io::Result<PathBuf> {
    let own = Path::new("/proc/self/exe");
    if own.exists() { Ok(own.to_owned()) } else { std::env::current_exe() }
}

/// The children of a process, whichever of its threads started them.
pub(super) fn children(process: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = threads
        .map(|thread| fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    lists
        .flat_map(|list| {
            list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<u32>>()
        })
        .collect()
}

/// Everything that a process has started, directly or indirectly.
pub(super) fn descendants(process: u32) -> Vec<u32> {
    let mut found = children(process);
    let mut next = 0;
    while let Some(&process) = found.get(next) {
        found.extend(children(process));
        next += 1;
    }
    found
}

/// The resident memory of a process, in bytes.
pub(super) fn resident_bytes(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let kibibytes = status.lines().find_map(|line| {
        line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    });
    kibibytes.unwrap_or(0) * 1024
}

/// Kills a process. It may have ended just now.
#[cfg(unix)]
pub(super) fn kill(process: u32) {
    if let Some(process) = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
    }
}

#[cfg(not(unix))]
pub(super) fn kill(_: u32) {}

/// Which processes hold the lock of the file at `path`, for messages: ``process 12 (`python3
/// train.py`)``.
pub fn holders(path: &Path) -> Option<String> {
    let path = path.canonicalize().ok()?;
    let mut holders = Vec::new();
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let Some(id) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        // The files of other users' processes cannot be read.
        let mut files = fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten();
        let is_holder = files.any(|file| {
            let holds = || fs::read_to_string(process.path().join("fdinfo").join(file.file_name()));
            fs::read_link(file.path()).is_ok_and(|target| target == path)
                && holds().is_ok_and(|facts| facts.contains("FLOCK"))
        });
        if is_holder {
            holders.push((id, command_line(&process.path())));
        }
    }
    holders.sort_unstable();
    let phrases: Vec<String> =
        holders.into_iter().map(|(id, command)| format!("process {id} (`{command}`)")).collect();
    (!phrases.is_empty()).then(|| phrases.join(", "))
}

/// The command line of a process, truncated after 60 characters.
fn command_line(process: &Path) -> String {
    let bytes = fs::read(process.join("cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).trim_end_matches('\0').replace('\0', " ");
    let mut shown: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    if text.chars().nth(60).is_some() {
        shown.push('…');
    }
    shown
}
