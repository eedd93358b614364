//! Notices changes on disk: by events of the system, or by looking again and again where there are
//! none.
//!
//! Only folders that the site is read from are watched. Events say *where* something may have
//! changed; whether it did is decided by content, in [`Preview`](super::preview::Preview).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant, SystemTime};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::Wake;
use super::preview::Changed;
use crate::inputs::Inputs;
use crate::path;

/// How often files are looked at where there are no events.
const POLL_EVERY: Duration = Duration::from_millis(500);
/// A file that was modified this recently may change again without its time changing.
const YOUNG: Duration = Duration::from_secs(2);

/// How changes are noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watching {
    /// By events of the system.
    Events,
    /// By looking at all files regularly, for this reason.
    Polling(String),
}

/// Watches the folders of a site.
pub(super) struct Watcher {
    root: PathBuf,
    how: How,
    /// Whether the site contains links, so that a change in one place may change another.
    has_links: bool,
}

enum How {
    Events {
        watcher: RecommendedWatcher,
        /// The folders that are watched, by path from the root.
        folders: BTreeSet<String>,
    },
    Polling {
        reason: String,
        seen: BTreeMap<String, Seen>,
        next: Instant,
    },
}

/// What is known about a file that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    bytes: u64,
    modified: Option<SystemTime>,
    /// Whether it may have changed since without looking different.
    is_young: bool,
}

impl Watcher {
    /// Starts to watch. `wake` is sent what changes. With `polls`, no events are used.
    pub(super) fn start(inputs: &Inputs, polls: bool, wake: Sender<Wake>) -> Watcher {
        let root = inputs.root().to_owned();
        let reason = if polls {
            Some("`--poll` was given".to_owned())
        } else {
            without_events(&root).map(|kind| format!("{kind} reports no changes"))
        };
        if let Some(reason) = reason {
            return Watcher::polling(inputs, reason);
        }
        match Watcher::with_events(inputs, wake) {
            Ok(watcher) => watcher,
            Err(error) => Watcher::polling(inputs, reason_of(&error)),
        }
    }

    fn with_events(inputs: &Inputs, wake: Sender<Wake>) -> notify::Result<Watcher> {
        let root = inputs.root().to_owned();
        let of_event = root.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if let Some(changed) = changed_by(event, &of_event) {
                // The session that would receive it may have ended.
                let _ = wake.send(Wake::Changed(changed));
            }
        })?;
        let how = How::Events { watcher, folders: BTreeSet::new() };
        let mut watcher = Watcher { root, how, has_links: false };
        watcher.watch_all(inputs)?;
        Ok(watcher)
    }

    fn polling(inputs: &Inputs, reason: String) -> Watcher {
        let root = inputs.root().to_owned();
        let how = How::Polling { reason, seen: BTreeMap::new(), next: Instant::now() };
        let mut watcher = Watcher { root, how, has_links: false };
        watcher.poll(inputs);
        watcher
    }

    /// How changes are noticed.
    pub(super) fn watching(&self) -> Watching {
        match &self.how {
            How::Events { .. } => Watching::Events,
            How::Polling { reason, .. } => Watching::Polling(reason.clone()),
        }
    }

    /// Prepares for what changed: watches new folders and adds the files in them. Afterwards, no
    /// file can change unnoticed.
    pub(super) fn follow(&mut self, changed: Changed, inputs: &Inputs) -> Changed {
        let Changed::Paths(mut paths) = changed else {
            if let Err(error) = self.watch_all(inputs) {
                *self = Watcher::polling(inputs, reason_of(&error));
            }
            return Changed::Everything;
        };
        if let How::Events { watcher, folders } = &mut self.how {
            let gone = |folder: &&String| {
                paths.iter().any(|path| path::inside_of(folder, path).is_some())
                    && !self.root.join(folder).is_dir()
            };
            let gone: Vec<String> = folders.iter().filter(gone).cloned().collect();
            for folder in gone {
                // The system has stopped watching a folder that no longer exists.
                let _ = watcher.unwatch(&self.root.join(&folder));
                folders.remove(&folder);
            }
            let new = paths.iter().filter(|path| is_real_folder(&self.root.join(path)));
            let new: Vec<String> = new.cloned().collect();
            for folder in new {
                if let Err(error) = self.watch(&folder, inputs) {
                    *self = Watcher::polling(inputs, reason_of(&error));
                    return Changed::Everything;
                }
                // What was created before the folder was watched.
                let (files, _) = walk(&self.root, &folder, inputs);
                paths.extend(files);
            }
        }
        if self.has_links && !paths.is_empty() {
            return Changed::Everything;
        }
        Changed::Paths(paths)
    }

    /// How long to wait until files have to be looked at; `None` if events report changes.
    pub(super) fn wait(&self) -> Option<Duration> {
        match &self.how {
            How::Events { .. } => None,
            How::Polling { next, .. } => Some(next.saturating_duration_since(Instant::now())),
        }
    }

    /// Looks at all files, if it is time to, and returns what has changed since the last time.
    pub(super) fn poll(&mut self, inputs: &Inputs) -> Changed {
        let How::Polling { seen, next, .. } = &mut self.how else {
            return Changed::Paths(BTreeSet::new());
        };
        let start = Instant::now();
        if start < *next {
            return Changed::Paths(BTreeSet::new());
        }
        let (files, has_links) = walk(&self.root, "", inputs);
        self.has_links = has_links;
        let now = SystemTime::now();
        let look = |path: &String| {
            let about = self.root.join(path).metadata().ok()?;
            let modified = about.modified().ok();
            let is_young = modified
                .is_none_or(|at| now.duration_since(at).is_ok_and(|age| age < YOUNG) || at > now);
            Some((path.clone(), Seen { bytes: about.len(), modified, is_young }))
        };
        let looked: BTreeMap<String, Seen> = files.iter().filter_map(look).collect();
        let is_changed = |path: &String| seen.get(path) != looked.get(path);
        let mut paths: BTreeSet<String> =
            looked.keys().filter(|path| is_changed(path)).cloned().collect();
        paths.extend(seen.keys().filter(|path| !looked.contains_key(*path)).cloned());
        *seen = looked;
        *next = Instant::now() + POLL_EVERY.max(start.elapsed() * 4);
        if self.has_links && !paths.is_empty() {
            return Changed::Everything;
        }
        Changed::Paths(paths)
    }

    fn watch_all(&mut self, inputs: &Inputs) -> notify::Result<()> {
        self.has_links = false;
        self.watch("", inputs)
    }

    /// Watches a folder and the folders in it.
    fn watch(&mut self, folder: &str, inputs: &Inputs) -> notify::Result<()> {
        let How::Events { watcher, folders } = &mut self.how else { return Ok(()) };
        if !cfg!(target_os = "linux") {
            // Elsewhere, a folder is watched with all that is in it.
            if folders.insert(String::new()) {
                watcher.watch(&self.root, RecursiveMode::Recursive)?;
            }
            return Ok(());
        }
        // A folder is watched before its content is listed, so that nothing is missed in between.
        let mut waiting = vec![folder.to_owned()];
        while let Some(folder) = waiting.pop() {
            if !folder.is_empty() && !inputs.is_folder_read(&folder) {
                continue;
            }
            match watcher.watch(&self.root.join(&folder), RecursiveMode::NonRecursive) {
                Ok(()) => drop(folders.insert(folder.clone())),
                // It was removed in the meantime.
                Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => continue,
                Err(error) => return Err(error),
            }
            for entry in std::fs::read_dir(self.root.join(&folder)).into_iter().flatten().flatten()
            {
                let inside = joined(&folder, &entry.file_name().to_string_lossy());
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => waiting.push(inside),
                    Ok(kind) if kind.is_symlink() => {
                        self.has_links = true;
                        waiting.extend(
                            target(&self.root, &inside).filter(|target| !folders.contains(target)),
                        );
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// The folder, by its path from the root, in which the target of a link changes.
fn target(root: &Path, link: &str) -> Option<String> {
    let real = root.join(link).canonicalize().ok()?;
    let folder = if real.is_dir() { real.as_path() } else { real.parent()? };
    folder.starts_with(root).then(|| path::of_disk(root, folder))
}

/// The files in a folder that may be inputs, by path from the root, and whether any is a link.
fn walk(root: &Path, folder: &str, inputs: &Inputs) -> (BTreeSet<String>, bool) {
    let (mut files, mut has_links) = (BTreeSet::new(), false);
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        if !folder.is_empty() && !inputs.is_folder_read(&folder) {
            continue;
        }
        for entry in std::fs::read_dir(root.join(&folder)).into_iter().flatten().flatten() {
            let inside = joined(&folder, &entry.file_name().to_string_lossy());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => waiting.push(inside),
                Ok(kind) => {
                    has_links |= kind.is_symlink();
                    files.insert(inside);
                }
                Err(_) => {}
            }
        }
    }
    (files, has_links)
}

fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

fn is_real_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|about| about.is_dir())
}

/// What an event says has changed, if anything.
fn changed_by(event: notify::Result<notify::Event>, root: &Path) -> Option<Changed> {
    let Ok(event) = event else { return Some(Changed::Everything) };
    if event.need_rescan() {
        return Some(Changed::Everything);
    }
    // Reading a file, as we do, changes nothing.
    if matches!(event.kind, EventKind::Access(_)) {
        return None;
    }
    let inside = event.paths.iter().filter(|path| path.starts_with(root) && *path != root);
    let paths: BTreeSet<String> = inside.map(|path| path::of_disk(root, path)).collect();
    (!paths.is_empty()).then_some(Changed::Paths(paths))
}

fn reason_of(error: &notify::Error) -> String {
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => {
            "the system's limit of watched folders is reached (`fs.inotify.max_user_watches`)"
                .to_owned()
        }
        _ => format!("the system cannot report changes: {error}"),
    }
}

/// The kind of file system the folder is on, if it does not report all changes: those that another
/// machine makes, or the host of a virtual machine.
#[cfg(target_os = "linux")]
fn without_events(root: &Path) -> Option<&'static str> {
    // From `linux/magic.h`, and from the sources of those that are not in it.
    let kind = rustix::fs::statfs(root).ok()?.f_type;
    match u32::try_from(kind & 0xFFFF_FFFF).ok()? {
        0x6969 => Some("NFS"),
        0xFF53_4D42 | 0xFE53_4D42 | 0x517B => Some("a Windows share"),
        // WSL mounts the drives of Windows so.
        0x0102_1997 => Some("a 9p mount, such as a drive of Windows in WSL,"),
        // Docker Desktop mounts folders of the host so.
        0x6573_5546 => Some("a FUSE mount, such as a folder of the host in a container,"),
        0x786F_4256 => Some("a shared folder of VirtualBox"),
        0x7C7C_6673 => Some("a shared folder of Parallels"),
        0x00C3_6400 => Some("Ceph"),
        0x5346_414F => Some("AFS"),
        _ => None,
    }
}

#[cfg(not(target_os = "linux"))]
fn without_events(_: &Path) -> Option<&'static str> {
    None
}

/// Waits until git has finished writing a working tree, if it is writing the one that `root` is in.
/// Gives up on a lock that a killed git left behind.
pub(super) fn wait_for_git(root: &Path, abandoned: &mut Option<SystemTime>) {
    let Some(lock) = git_lock(root) else { return };
    let start = Instant::now();
    while let Ok(about) = lock.symlink_metadata() {
        let modified = about.modified().ok();
        if modified == *abandoned && modified.is_some() {
            return;
        }
        if start.elapsed() > Duration::from_secs(10) {
            *abandoned = modified;
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The file that git creates while it changes the working tree that `root` is in.
fn git_lock(root: &Path) -> Option<PathBuf> {
    let git = root.ancestors().map(|folder| folder.join(".git")).find(|git| git.exists())?;
    if git.is_dir() {
        return Some(git.join("index.lock"));
    }
    // In a further working tree, a file names the folder.
    let text = std::fs::read_to_string(&git).ok()?;
    let folder = text.trim().strip_prefix("gitdir: ")?;
    Some(git.parent()?.join(folder).join("index.lock"))
}
