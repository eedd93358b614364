//! What labpress keeps on disk for itself: `.labpress/` in the site's folder, which git ignores
//! because of a `.gitignore` in it.
//!
//! | path | is |
//! |---|---|
//! | `lock` | held while a build or a run changes anything |
//! | `objects/AB/CDEF…` | every artifact of every run, by the digest of its content |
//! | `runs/EXPERIMENT/STEM/` | the working folder of a run that has no record yet |
//! | `logs/EXPERIMENT/STEM.log` | the log of a run that has a record |
//! | `cache/` | what can be made again: the last builds, and files that take long to make |
//! | `sheets/` | contact sheets of data sets |
//! | `smoke/` | what `--smoke` made: results that never enter the site, and pages that are never published |
//! | `verify/` | a store of its own, for runs that are repeated to compare them |
//! | `tmp/` | files that are being written |
//!
//! Every file is complete or absent: it is written to `tmp/`, synced and renamed. [`Objects`] keeps
//! what runs made, by digest; [`SiteFiles`] writes the site's own files.
#![expect(
    clippy::disallowed_methods,
    reason = "`store` is one of the few modules that touch the disk"
)]

mod atomic;
pub mod cache;
pub mod last_build;
mod objects;
mod site_files;

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

pub use self::objects::{ObjectState, Objects};
pub use self::site_files::{FileInfo, SiteFiles};

/// The folder `.labpress` of a site, and the site's own files.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
    /// What runs made.
    pub objects: Objects,
    /// The files of the site.
    pub site: SiteFiles,
}

impl Store {
    /// The store of the site at `root`. Nothing is created before it is needed.
    pub fn of(root: &Path) -> Store {
        let folder = root.join(".labpress");
        let tmp = folder.join("tmp");
        Store {
            objects: Objects::new(folder.join("objects"), tmp.clone()),
            site: SiteFiles::new(root.to_owned(), tmp),
            folder,
        }
    }

    /// Creates the folder `.labpress` if it does not exist, and makes git ignore it.
    fn made_folder(&self) -> io::Result<PathBuf> {
        let folder = &self.folder;
        if folder.is_symlink() && !folder.join("lock").is_file() {
            // Files are removed from it over time, so it must not be somebody else's folder.
            let is_ours = |name: &str| name == ".gitignore" || name.starts_with(".tmp");
            let mut names =
                fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
            if names.any(|name| !is_ours(&name.to_string_lossy())) {
                let message = format!(
                    "`{}` is a link to a folder that labpress did not make\n\
                     hint: remove the link, or point it to an empty folder",
                    folder.display()
                );
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
            }
        }
        fs::create_dir_all(folder).map_err(|error| named(&error, "cannot make", folder))?;
        let ignore = folder.join(".gitignore");
        // A process that is killed here leaves it empty, and the next one completes it.
        if fs::metadata(&ignore).map_or(true, |about| about.len() == 0) {
            fs::write(&ignore, "*\n").map_err(|error| named(&error, "cannot write", &ignore))?;
        }
        Ok(folder.clone())
    }

    /// Waits for the right to change things, and holds it until the returned value is dropped or
    /// the process ends. `waiting` is called once with the lock's file if another process has it.
    pub fn lock(&self, waiting: impl FnOnce(&Path)) -> io::Result<Lock> {
        let path = self.made_folder()?.join("lock");
        let file = lock_file(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                waiting(&path);
                file.lock().map_err(|error| named(&error, "cannot lock", &path))?;
            }
            Err(TryLockError::Error(error)) => return Err(named(&error, "cannot lock", &path)),
        }
        self.sweep();
        Ok(Lock { _file: file })
    }

    /// Removes what killed processes left in `tmp/`, and in that of the stores for smoke results
    /// and for `verify`. Only the holder of the lock writes there.
    fn sweep(&self) {
        let within = |store: &str| self.folder.join(store).join(".labpress");
        for folder in [self.folder.clone(), within("smoke/results"), within("verify")] {
            // What cannot be removed only takes up space.
            let _ = fs::remove_dir_all(folder.join("tmp"));
        }
    }

    /// The working folder of a run: `stem` is unique within the experiment.
    pub fn run_folder(&self, experiment: &str, stem: &str) -> PathBuf {
        self.folder.join("runs").join(experiment).join(stem)
    }

    /// Where the log of a run that has a record is kept.
    pub fn log_path(&self, experiment: &str, stem: &str) -> PathBuf {
        self.folder.join("logs").join(experiment).join(format!("{stem}.log"))
    }

    /// Moves a run's log to where it is kept, unless it is empty.
    pub(crate) fn keep_log(&self, log: &Path, experiment: &str, stem: &str) {
        if fs::metadata(log).is_ok_and(|log| log.len() == 0) {
            return;
        }
        let kept = self.log_path(experiment, stem);
        // A log that cannot be kept is no reason to lose the result.
        let _ =
            kept.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::rename(log, &kept));
    }

    /// Removes the working folder of a run whose record is written.
    pub(crate) fn remove_run_folder(&self, folder: &Path) {
        // What cannot be removed only takes up space: the record decides that the run is done.
        let _ = self.site.remove_folder(folder);
    }

    /// Whether a process is at work in the folder of a run, even one that a killed labpress left
    /// behind.
    pub fn is_running(&self, folder: &Path) -> bool {
        File::open(folder.join("lock")).is_ok_and(|lock| lock.try_lock().is_err())
    }

    /// Empties the scratch folder and returns it: for a store of its own, separate from the runs
    /// and records of the site. Only for the holder of the lock.
    pub fn empty_scratch(&self) -> io::Result<PathBuf> {
        let scratch = self.folder.join("verify");
        match fs::remove_dir_all(&scratch) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(named(&error, "cannot empty", &scratch))
            }
            _ => Ok(scratch),
        }
    }

    /// What a command remembered under a name; `None` if nothing is there.
    pub fn remembered(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.folder.join("cache").join(name)).ok()
    }

    /// Remembers something until the cache is removed. It must not matter whether it is there.
    pub fn remember(&self, name: &str, content: &[u8]) -> io::Result<()> {
        self.made_folder()?;
        let mut file = atomic::new_file(&self.folder.join("tmp"))?;
        file.write_all(content)?;
        atomic::persist_unsynced(file, &self.folder.join("cache").join(name))
    }

    /// Removes the scratch folder, see [`Store::empty_scratch`].
    pub fn remove_scratch(&self) {
        // What cannot be removed only takes up space until the folder is used again.
        let _ = fs::remove_dir_all(self.folder.join("verify"));
    }
}

/// The right to change things, see [`Store::lock`].
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Opens the file at `path` to be locked, and creates it if it does not exist.
pub(crate) fn lock_file(path: &Path) -> io::Result<File> {
    let cannot_open = |error: &io::Error| named(error, "cannot open", path);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| cannot_open(&error))?;
    }
    File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .map_err(|error| cannot_open(&error))
}

/// Opens a regular file in `folder`, by its path from there. Pipes and devices, which may never
/// end, and links to files elsewhere are refused.
pub(crate) fn open_inside(folder: &Path, path: &str) -> io::Result<File> {
    let refused =
        |why: &str| io::Error::new(io::ErrorKind::InvalidInput, format!("`{path}` {why}"));
    let whole = folder.join(path);
    let cannot_read = |error: io::Error| named(&error, "cannot read", &whole);
    let target = whole.canonicalize().map_err(cannot_read)?;
    if !target.starts_with(folder.canonicalize().map_err(cannot_read)?) {
        return Err(refused("is a link to a file outside the run's folder: copy the file instead"));
    }
    // Before it is opened, which would wait for the other end of a pipe.
    if !fs::metadata(&target).map_err(cannot_read)?.is_file() {
        return Err(refused("is not a regular file"));
    }
    File::open(&target).map_err(cannot_read)
}

/// The error with what was tried and on which file.
pub fn named(error: &io::Error, tried: &str, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{tried} `{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn only_a_regular_file_in_the_folder_is_opened() {
        let site = tempfile::tempdir().unwrap();
        let folder = site.path().join("run");
        fs::create_dir(&folder).unwrap();
        fs::write(site.path().join("secret"), "").unwrap();
        fs::write(folder.join("plain"), "").unwrap();
        let link = |target: &str, name: &str| {
            std::os::unix::fs::symlink(target, folder.join(name)).unwrap();
        };
        link("plain", "inside");
        link("../secret", "outside");
        link("/dev/zero", "device");
        assert!(
            std::process::Command::new("mkfifo")
                .arg(folder.join("pipe"))
                .status()
                .unwrap()
                .success()
        );
        let opened = |path| open_inside(&folder, path).map(drop).map_err(|error| error.to_string());
        assert_eq!(opened("plain"), Ok(()));
        assert_eq!(opened("inside"), Ok(()));
        for path in ["outside", "device"] {
            assert!(
                opened(path).unwrap_err().contains("is a link to a file outside the run's folder")
            );
        }
        assert_eq!(opened("pipe").unwrap_err(), "`pipe` is not a regular file");
        assert!(opened("none").unwrap_err().contains("No such file"));
    }

    #[test]
    fn the_folder_is_ignored_by_git() {
        let site = tempfile::tempdir().unwrap();
        drop(Store::of(site.path()).lock(|_| ()).unwrap());
        assert_eq!(fs::read_to_string(site.path().join(".labpress/.gitignore")).unwrap(), "*\n");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_somebody_elses_folder_is_refused() {
        let (site, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(elsewhere.path(), site.path().join(".labpress")).unwrap();
        fs::create_dir(elsewhere.path().join("tmp")).unwrap();
        let error = Store::of(site.path()).lock(|_| ()).unwrap_err().to_string();
        assert!(error.contains("is a link to a folder that labpress did not make"), "{error}");
        assert!(elsewhere.path().join("tmp").is_dir());
        fs::remove_dir(elsewhere.path().join("tmp")).unwrap();
        for _ in 0..2 {
            drop(Store::of(site.path()).lock(|_| ()).unwrap());
        }
    }

    #[test]
    fn a_second_lock_waits_and_reports_it() {
        let site = tempfile::tempdir().unwrap();
        let store = Store::of(site.path());
        let first = store.lock(|_| panic!("nobody else has it")).unwrap();
        std::thread::scope(|threads| {
            let (sender, receiver) = std::sync::mpsc::channel();
            let second = threads.spawn(|| {
                let sender = sender;
                store.lock(|_| sender.send(()).unwrap()).map(drop)
            });
            receiver.recv().unwrap();
            drop(first);
            second.join().unwrap().unwrap();
        });
    }
}
