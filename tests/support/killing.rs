//! Killing labpress and its runners, and looking at what is left.

use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::{Site, paths};

/// Starts labpress and keeps what it says.
pub fn start(site: &Site, arguments: &[&str]) -> Child {
    site.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The runners that labpress has started and that live: the children of their supervisors.
pub fn runners(labpress: &Child) -> Vec<u32> {
    supervisors(labpress).into_iter().flat_map(children).collect()
}

/// The supervisors that labpress has started and that live.
pub fn supervisors(labpress: &Child) -> Vec<u32> {
    children(labpress.id())
}

/// The processes that one has started and that live, from /proc: whichever of its threads started
/// them.
fn children(process: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let children =
        tasks.map(|task| std::fs::read_to_string(task.path().join("children")).unwrap_or_default());
    children
        .flat_map(|ids| ids.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<_>>())
        .collect()
}

/// All processes that this one and those that it started have started, and that live.
pub fn descendants(process: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let children =
        tasks.map(|task| std::fs::read_to_string(task.path().join("children")).unwrap_or_default());
    let children: Vec<u32> = children
        .flat_map(|ids| ids.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<_>>())
        .collect();
    let further: Vec<u32> = children.iter().flat_map(|child| descendants(*child)).collect();
    children.into_iter().chain(further).collect()
}

/// Kills a process without warning. It may have left just now.
pub fn kill(process: u32) {
    let process = Pid::from_raw(process.try_into().unwrap()).unwrap();
    let _ = kill_process(process, Signal::KILL);
}

/// What the run that is at work has said so far.
pub fn events(site: &Site) -> String {
    let paths = paths(site, ".labpress/runs");
    let path = paths.iter().find(|path| path.ends_with("events.jsonl"));
    path.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default()
}
