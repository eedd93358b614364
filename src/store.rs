//! What labpress keeps on disk for itself: `.labpress/` in the site's folder, which git ignores by
//! a `.gitignore` in it.
//!
//! | path | is |
//! |---|---|
//! | `lock` | held while a build or a run changes anything |
//! | `objects/AB/CDEF…` | every artifact of every run, by the digest of its content |
//! | `runs/EXPERIMENT/STEM/` | the working folder of a run that has not ended well yet |
//! | `logs/EXPERIMENT/STEM.log` | what a run that ended well has said |
//! | `sheets/` | contact sheets of data sets |
//! | `smoke/` | what `--smoke` made: results that never enter the site, and pages that are never published |
//! | `verify/` | a store of its own, for runs that are done again to compare them |
//! | `tmp/` | files on their way to their place |
//!
//! Every file is written whole or not at all: to `tmp/`, synced, then renamed.
#![expect(
    clippy::disallowed_methods,
    reason = "`store` is one of the few modules that touch the disk"
)]

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::path;

/// How a kept object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    /// It is there and matches its digest.
    Intact,
    /// It was never kept, or was removed.
    Missing,
    /// It is there, and is not what was kept, or cannot be read.
    Damaged,
}

/// The folder `.labpress` of a site.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// A file on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInfo {
    /// Its path, from the site's root.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// When it was last changed.
    pub modified: jiff::Timestamp,
}

impl Store {
    /// The store of the site at `root`. Nothing is made before it is needed.
    pub fn of(root: &Path) -> Store {
        Store { root: root.to_owned() }
    }

    fn folder(&self) -> PathBuf {
        self.root.join(".labpress")
    }

    /// The folder `.labpress`, which is made if it is not there, and which git ignores.
    pub fn made_folder(&self) -> io::Result<PathBuf> {
        let folder = self.folder();
        let cannot_make = |error: &io::Error| named(error, "cannot make", &folder);
        if folder.is_symlink() && !folder.join("lock").is_file() {
            // Much is removed from it in time, so it must not be a folder of somebody else's.
            let is_ours = |name: &str| name == ".gitignore" || name.starts_with(".tmp");
            let mut names = fs::read_dir(&folder)
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.file_name());
            if names.any(|name| !is_ours(&name.to_string_lossy())) {
                let message = format!(
                    "`{}` is a link to a folder that labpress did not make\nhint: remove the link, or let it lead to an \
                     empty folder",
                    folder.display()
                );
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
            }
        }
        fs::create_dir_all(&folder).map_err(|error| cannot_make(&error))?;
        let ignore = folder.join(".gitignore");
        // Who is killed here leaves it empty, and the next completes it.
        if fs::metadata(&ignore).map_or(true, |about| about.len() == 0) {
            fs::write(&ignore, "*\n").map_err(|error| named(&error, "cannot write", &ignore))?;
        }
        Ok(folder)
    }

    /// Waits for the right to change things, and holds it until the returned value is dropped or
    /// the process ends. `waiting` is called once with the lock's file, if another process has it.
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
        let within = |store: &str| self.folder().join(store).join(".labpress");
        for folder in [self.folder(), within("smoke/results"), within("verify")] {
            // What cannot be removed only takes room.
            let _ = fs::remove_dir_all(folder.join("tmp"));
        }
    }

    /// The working folder of a run: `stem` is unique within the experiment.
    pub fn run_folder(&self, experiment: &str, stem: &str) -> PathBuf {
        self.folder().join("runs").join(experiment).join(stem)
    }

    /// Keeps a copy of what `source` reads under the digest of its content, unless `stop` says that
    /// it is to be given up. Returns the digest and the size. It is read once: what is kept is what
    /// was hashed, even if it changes meanwhile.
    pub fn add_object(
        &self,
        source: &mut impl Read,
        stop: &dyn Fn() -> bool,
    ) -> io::Result<(Digest, u64)> {
        let tmp = self.folder().join("tmp");
        let cannot_write = |error: &io::Error| named(error, "cannot write to", &tmp);
        fs::create_dir_all(&tmp).map_err(|error| cannot_write(&error))?;
        let mut written =
            tempfile::NamedTempFile::new_in(&tmp).map_err(|error| cannot_write(&error))?;
        let mut hasher = blake3::Hasher::new();
        let mut chunk = vec![0; 1 << 20];
        loop {
            if stop() {
                return Err(io::Error::new(
                    io::ErrorKind::Interrupted,
                    "labpress was asked to stop",
                ));
            }
            let count = match source.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            hasher.update(&chunk[..count]);
            written.write_all(&chunk[..count]).map_err(|error| cannot_write(&error))?;
        }
        let (digest, bytes) = (Digest::from(hasher.finalize()), hasher.count());
        if self.object(digest) != Object::Intact {
            self.persist(written, &self.object_path(digest))?;
        }
        Ok((digest, bytes))
    }

    /// Whether an object was kept, and still is what it was: its content is read.
    pub fn object(&self, digest: Digest) -> Object {
        let mut hasher = blake3::Hasher::new();
        match File::open(self.object_path(digest))
            .and_then(|file| hasher.update_reader(file).map(drop))
        {
            Ok(()) if Digest::from(hasher.finalize()) == digest => Object::Intact,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Object::Missing,
            Ok(()) | Err(_) => Object::Damaged,
        }
    }

    /// Where the object with this digest lies, if it was kept.
    pub fn object_path(&self, digest: Digest) -> PathBuf {
        let hex = digest.to_string();
        self.folder().join("objects").join(&hex[..2]).join(&hex[2..])
    }

    /// Writes a copy of a kept object to `path`, from the site's root, if it is not there already.
    pub fn copy_object(&self, digest: Digest, path: &str) -> io::Result<()> {
        let object = self.object_path(digest);
        let bytes = fs::read(&object).map_err(|error| named(&error, "cannot read", &object))?;
        if Digest::of(&bytes) != digest {
            return Err(io::Error::other(format!("`{}` is damaged: delete it", object.display())));
        }
        let target = self.root.join(path);
        if fs::read(&target).is_ok_and(|there| there == bytes) {
            Ok(())
        } else {
            self.write(path, &bytes)
        }
    }

    /// Where the log of a run that ended well is kept.
    pub fn log_path(&self, experiment: &str, stem: &str) -> PathBuf {
        self.folder().join("logs").join(experiment).join(format!("{stem}.log"))
    }

    /// Moves a run's log to where it is kept. One that says nothing is not.
    pub fn keep_log(&self, log: &Path, experiment: &str, stem: &str) {
        if fs::metadata(log).is_ok_and(|log| log.len() == 0) {
            return;
        }
        let kept = self.log_path(experiment, stem);
        // A log that cannot be kept is no reason to lose the result.
        let _ =
            kept.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::rename(log, &kept));
    }

    /// Removes the working folder of a run whose record is written.
    pub fn remove_run_folder(&self, folder: &Path) {
        // What cannot be removed only takes room: the record decides that the run is done.
        let _ = self.remove_folder(folder);
    }

    /// The scratch place, emptied: a folder for a store of its own, none of whose runs and records
    /// are the site's. Only the holder of the lock uses it.
    pub fn empty_scratch(&self) -> io::Result<PathBuf> {
        let scratch = self.folder().join("verify");
        match fs::remove_dir_all(&scratch) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(named(&error, "cannot empty", &scratch))
            }
            _ => Ok(scratch),
        }
    }

    /// Removes the scratch place, see [`Store::empty_scratch`].
    pub fn remove_scratch(&self) {
        // What cannot be removed only takes room until the place is used again.
        let _ = fs::remove_dir_all(self.folder().join("verify"));
    }

    /// The text of a file of the site, byte for byte.
    pub fn text(&self, path: &str) -> io::Result<String> {
        let path = self.root.join(path);
        fs::read_to_string(&path).map_err(|error| named(&error, "cannot read", &path))
    }

    /// All files under a folder of the site, in order of path; none if there is no such folder.
    pub fn files_under(&self, folder: &str) -> io::Result<Vec<FileInfo>> {
        let walk = walkdir::WalkDir::new(self.root.join(folder)).sort_by_file_name();
        let mut files = Vec::new();
        for entry in walk {
            let entry = match entry {
                Ok(entry) if entry.file_type().is_dir() => continue,
                Ok(entry) => entry,
                Err(error)
                    if error
                        .io_error()
                        .is_some_and(|error| error.kind() == io::ErrorKind::NotFound) =>
                {
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let about = entry.metadata()?;
            let path = path::of_disk(&self.root, entry.path());
            // A file system that keeps no times has nothing that is known to be old.
            let modified =
                about.modified().ok().and_then(|time| jiff::Timestamp::try_from(time).ok());
            files.push(FileInfo {
                path,
                bytes: about.len(),
                modified: modified.unwrap_or(jiff::Timestamp::MAX),
            });
        }
        Ok(files)
    }

    /// Removes files of the site, and folders with all that is in them; each is there whole or
    /// gone. When this returns they stay gone, whatever happens to the machine.
    pub fn remove_all<'a>(&self, paths: impl Iterator<Item = &'a str>) -> io::Result<()> {
        let mut folders = BTreeSet::new();
        for path in paths {
            let path = self.root.join(path);
            let removed =
                if path.is_dir() { self.remove_folder(&path) } else { fs::remove_file(&path) };
            removed.map_err(|error| named(&error, "cannot remove", &path))?;
            folders.extend(path.parent().map(Path::to_owned));
        }
        folders.iter().try_for_each(|folder| sync_folder(folder))
    }

    /// Moves a folder to `tmp/` and removes it there: half of it may be left, but not where
    /// somebody would use it.
    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        let tmp = self.folder().join("tmp");
        fs::create_dir_all(&tmp)?;
        let doomed = tempfile::tempdir_in(&tmp)?;
        fs::rename(folder, doomed.path().join("removed"))?;
        doomed.close()
    }

    /// Gives a folder of the site another name. Both paths are from the site's root, in the same
    /// folder.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (self.root.join(from), self.root.join(to));
        fs::rename(&from, &to).map_err(|error| named(&error, "cannot rename", &from))?;
        // The name itself must survive a power cut, too.
        sync_folder(to.parent().unwrap_or(&self.root))
    }

    /// Whether a process is at work in the folder of a run, even one that a killed labpress left
    /// behind.
    pub fn is_running(&self, folder: &Path) -> bool {
        File::open(folder.join("lock")).is_ok_and(|lock| lock.try_lock().is_err())
    }

    /// Writes a file of the site whole or not at all. `path` is from the site's root. For the
    /// holder of the lock: what anybody else has in `tmp/` may be swept away.
    pub fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.write_with(&self.root.join(path), |file| file.write_all(bytes))
    }

    fn write_with(
        &self,
        path: &Path,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<()> {
        let cannot_write = |error: &io::Error| named(error, "cannot write", path);
        let tmp = self.folder().join("tmp");
        fs::create_dir_all(&tmp).map_err(|error| cannot_write(&error))?;
        let mut written =
            tempfile::NamedTempFile::new_in(&tmp).map_err(|error| cannot_write(&error))?;
        fill(written.as_file_mut()).map_err(|error| cannot_write(&error))?;
        self.persist(written, path)
    }

    /// Moves a file that was written whole to its place.
    fn persist(&self, written: tempfile::NamedTempFile, path: &Path) -> io::Result<()> {
        let cannot_write = |error: &io::Error| named(error, "cannot write", path);
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder).map_err(|error| cannot_write(&error))?;
        make_readable(written.as_file()).map_err(|error| cannot_write(&error))?;
        written.as_file().sync_all().map_err(|error| cannot_write(&error))?;
        written.persist(path).map_err(|error| cannot_write(&error.error))?;
        // The name itself must survive a power cut, too.
        sync_folder(folder).map_err(|error| cannot_write(&error))
    }
}

/// Makes sure that the names in a folder survive a power cut.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| named(&error, "cannot sync", folder))
}

/// The right to change things, see [`Store::lock`].
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Opens the file at `path` to be locked, and makes it if it is not there.
pub fn lock_file(path: &Path) -> io::Result<File> {
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

/// Opens a plain file that lies in `folder`, by its path from there. Pipes and devices, which may
/// never end, and links to files elsewhere are refused.
pub fn open_inside(folder: &Path, path: &str) -> io::Result<File> {
    let refused =
        |why: &str| io::Error::new(io::ErrorKind::InvalidInput, format!("`{path}` {why}"));
    let whole = folder.join(path);
    let cannot_read = |error: io::Error| named(&error, "cannot read", &whole);
    let target = whole.canonicalize().map_err(cannot_read)?;
    if !target.starts_with(folder.canonicalize().map_err(cannot_read)?) {
        return Err(refused(
            "is a link to a file outside of the run's folder: copy the file instead",
        ));
    }
    // Before it is opened, which would wait for the other end of a pipe.
    if !fs::metadata(&target).map_err(cannot_read)?.is_file() {
        return Err(refused("is not a plain file"));
    }
    File::open(&target).map_err(cannot_read)
}

/// Temporary files are made for their owner alone; results are for everybody who may read the site.
#[cfg(unix)]
fn make_readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_: &File) -> io::Result<()> {
    Ok(())
}

/// The error with what was tried and on which file.
pub fn named(error: &io::Error, tried: &str, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{tried} `{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_content_is_kept_once_under_its_digest() {
        let site = tempfile::tempdir().unwrap();
        let store = Store::of(site.path());
        let (digest, bytes) = store.add_object(&mut &b"weights"[..], &|| false).unwrap();
        assert_eq!(store.add_object(&mut &b"weights"[..], &|| false).unwrap(), (digest, bytes));
        assert_eq!((digest, bytes), (Digest::of(b"weights"), 7));
        assert_eq!(fs::read_to_string(store.object_path(digest)).unwrap(), "weights");
    }

    #[test]
    fn a_damaged_object_counts_as_lost_and_is_mended_by_the_next_run_that_makes_it() {
        let site = tempfile::tempdir().unwrap();
        let store = Store::of(site.path());
        let (digest, _) = store.add_object(&mut &b"weights"[..], &|| false).unwrap();
        fs::write(store.object_path(digest), "weighty").unwrap();
        assert_eq!(store.object(digest), Object::Damaged);
        let error = store.copy_object(digest, "b").unwrap_err();
        assert!(error.to_string().contains("is damaged"), "{error}");
        store.add_object(&mut &b"weights"[..], &|| false).unwrap();
        assert_eq!(store.object(digest), Object::Intact);
    }

    #[test]
    fn an_object_that_is_given_up_leaves_nothing() {
        let site = tempfile::tempdir().unwrap();
        let store = Store::of(site.path());
        let asked = std::cell::Cell::new(0);
        let stop = || asked.replace(asked.get() + 1) == 3;
        let error = store.add_object(&mut io::repeat(0), &stop).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Interrupted);
        assert_eq!(store.files_under(".labpress").unwrap(), []);
    }

    #[cfg(unix)]
    #[test]
    fn only_a_plain_file_in_the_folder_is_opened() {
        let site = tempfile::tempdir().unwrap();
        let folder = site.path().join("run");
        fs::create_dir(&folder).unwrap();
        fs::write(site.path().join("secret"), "").unwrap();
        fs::write(folder.join("plain"), "").unwrap();
        let link = |target: &str, name: &str| {
            std::os::unix::fs::symlink(target, folder.join(name)).unwrap()
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
                opened(path)
                    .unwrap_err()
                    .contains("is a link to a file outside of the run's folder")
            );
        }
        assert_eq!(opened("pipe").unwrap_err(), "`pipe` is not a plain file");
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
    fn a_folder_of_somebody_elses_is_not_taken_through_a_link() {
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
    fn a_second_lock_waits_and_says_so() {
        let site = tempfile::tempdir().unwrap();
        let store = Store::of(site.path());
        let first = store.lock(|_| panic!("nobody else has it")).unwrap();
        std::thread::scope(|threads| {
            let (say, said) = std::sync::mpsc::channel();
            let second = threads.spawn(|| {
                let say = say;
                store.lock(|_| say.send(()).unwrap()).map(drop)
            });
            said.recv().unwrap();
            drop(first);
            second.join().unwrap().unwrap();
        });
    }

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let site = tempfile::tempdir().unwrap();
        let store = Store::of(site.path());
        store.write("a/b.json", b"old").unwrap();
        let error = store
            .write_with(&site.path().join("a/b.json"), |_| Err(io::Error::other("disk full")))
            .unwrap_err();
        assert!(error.to_string().ends_with("disk full"), "{error}");
        assert_eq!(fs::read(site.path().join("a/b.json")).unwrap(), b"old");
    }
}
