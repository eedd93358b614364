//! Reads, writes, renames and removes files of a site. Paths are from the site's root.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{atomic, named};
use crate::path;

/// The files of a site. Only the holder of the store's lock may write: what others have in `tmp/`
/// may be removed.
#[derive(Debug, Clone)]
pub struct SiteFiles {
    root: PathBuf,
    tmp: PathBuf,
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

impl SiteFiles {
    pub(super) fn new(root: PathBuf, tmp: PathBuf) -> SiteFiles {
        SiteFiles { root, tmp }
    }

    /// The text of a file, byte for byte.
    pub fn text(&self, path: &str) -> io::Result<String> {
        let path = self.root.join(path);
        fs::read_to_string(&path).map_err(|error| named(&error, "cannot read", &path))
    }

    /// All files under a folder, in order of path; none if there is no such folder.
    pub fn files_under(&self, folder: &str) -> io::Result<Vec<FileInfo>> {
        let walk = walkdir::WalkDir::new(self.root.join(folder)).sort_by_file_name();
        let is_gone = |error: &walkdir::Error| {
            error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
        };
        let mut files = Vec::new();
        for entry in walk {
            let entry = match entry {
                Ok(entry) if entry.file_type().is_dir() => continue,
                Ok(entry) => entry,
                Err(error) if is_gone(&error) => continue,
                Err(error) => return Err(error.into()),
            };
            let about = entry.metadata()?;
            // Where the file system keeps no times, nothing is known to be old.
            let modified =
                about.modified().ok().and_then(|time| jiff::Timestamp::try_from(time).ok());
            files.push(FileInfo {
                path: path::of_disk(&self.root, entry.path()),
                bytes: about.len(),
                modified: modified.unwrap_or(jiff::Timestamp::MAX),
            });
        }
        Ok(files)
    }

    /// Writes a file: afterwards it has the new content, or the old one if this fails.
    pub fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.write_with(&self.root.join(path), |file| file.write_all(bytes))
    }

    /// Writes a file unless it has this content already.
    pub(crate) fn write_if_changed(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        if fs::read(self.root.join(path)).is_ok_and(|present| present == bytes) {
            return Ok(());
        }
        self.write(path, bytes)
    }

    fn write_with(
        &self,
        path: &Path,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<()> {
        let cannot_write = |error: &io::Error| named(error, "cannot write", path);
        let mut written = atomic::new_file(&self.tmp).map_err(|error| cannot_write(&error))?;
        fill(written.as_file_mut()).map_err(|error| cannot_write(&error))?;
        atomic::persist(written, path)
    }

    /// Renames a folder. Both paths have the same parent.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (self.root.join(from), self.root.join(to));
        fs::rename(&from, &to).map_err(|error| named(&error, "cannot rename", &from))?;
        // The name itself must also survive a power cut.
        atomic::sync_folder(to.parent().unwrap_or(&self.root))
    }

    /// Removes files, and folders with their content; each is complete or gone. When this returns
    /// they stay gone, whatever happens to the machine.
    pub fn remove_all<'a>(&self, paths: impl Iterator<Item = &'a str>) -> io::Result<()> {
        let mut folders = BTreeSet::new();
        for path in paths {
            let path = self.root.join(path);
            let removed =
                if path.is_dir() { self.remove_folder(&path) } else { fs::remove_file(&path) };
            removed.map_err(|error| named(&error, "cannot remove", &path))?;
            folders.extend(path.parent().map(Path::to_owned));
        }
        folders.iter().try_for_each(|folder| atomic::sync_folder(folder))
    }

    /// Moves a folder to `tmp/` and removes it there: if that is interrupted, a part of it may be
    /// left, but not where anything would use it.
    pub(super) fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(&self.tmp)?;
        let doomed = tempfile::tempdir_in(&self.tmp)?;
        fs::rename(folder, doomed.path().join("removed"))?;
        doomed.close()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let root = tempfile::tempdir().unwrap();
        let Store { site, .. } = Store::of(root.path());
        site.write("a/b.json", b"old").unwrap();
        let error = site
            .write_with(&root.path().join("a/b.json"), |_| Err(io::Error::other("disk full")))
            .unwrap_err();
        assert!(error.to_string().ends_with("disk full"), "{error}");
        assert_eq!(fs::read(root.path().join("a/b.json")).unwrap(), b"old");
    }
}
