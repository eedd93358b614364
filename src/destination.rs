//! Makes a destination folder equal to an [`Output`], and removes only files that labpress wrote
//! there.
//!
//! The file [`LIST`] in the folder names every file that labpress wrote, and only those are ever
//! removed or replaced. During a build it names both the old and the new files, so that the next
//! build cleans up after one that was killed at any moment. Other files are kept; if one is in the
//! way of a page, or a folder without a list is not empty, nothing is touched and the error says
//! what to do.
//!
//! Only files that differ are written, each atomically: a browser or a copying program sees either
//! the old or the new file during a build. Links inside the folder are never followed. Concurrent
//! builds into one folder wait for each other: they lock the list.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::inputs::{LIST, is_same_content, open_file};
use crate::output::{Content, Output};
use crate::path;
use crate::store::named;

/// The prefix of temporary files. They are in the folder of their target, because renaming a file
/// to another folder is several times as slow.
const TEMPORARY: &str = ".labpress-tmp-";

/// The result of [`write`](fn@write).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Files that were created or replaced.
    pub written: usize,
    /// Files that were already up to date.
    pub unchanged: usize,
    /// Files that were removed.
    pub removed: usize,
}

/// What writing a site changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// The path of the file.
    pub path: String,
    /// How it changes.
    pub kind: ChangeKind,
}

/// How a file changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// It was not there.
    Added,
    /// It has another content.
    Changed,
    /// It is not there any more.
    Removed,
}

/// What [`write`](fn@write) would change in the folder `dir`, in order of path.
pub fn compare(output: &Output, dir: &Path) -> io::Result<Vec<Change>> {
    let mut changes = Vec::new();
    for (path, content) in output.files() {
        let on_disk = dir.join(path);
        let kind = match is_there(&on_disk)? {
            false => ChangeKind::Added,
            true if !is_equal(&on_disk, content)? => ChangeKind::Changed,
            true => continue,
        };
        changes.push(Change { path: path.to_owned(), kind });
    }
    for path in List::read(dir)?.into_iter().flatten() {
        let is_gone = output.file(&path).is_none() && !output.keeps(&path);
        if is_gone && is_there(&dir.join(&path))? {
            changes.push(Change { path, kind: ChangeKind::Removed });
        }
    }
    changes.sort();
    Ok(changes)
}

/// Makes the folder `dir` equal to `output`, except for files that labpress did not write. Calls
/// `waiting` once if another build into the same folder has to finish first.
pub fn write(output: &Output, dir: &Path, waiting: impl FnOnce()) -> io::Result<Written> {
    if let Some((path, _)) = output.files().find(|(path, _)| !is_inner_path(path)) {
        let message =
            format!("`{path}` is not a valid path in the destination: change the permalink");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    if List::read(dir)?.is_none() {
        // Check before writing even the list into somebody else's folder.
        Folder::read(output, dir, None)?.check(output)?;
    }
    make_folder(dir)?;
    let mut list = List::lock(dir, waiting)?;
    let folder = Folder::read(output, dir, List::read(dir)?)?;
    folder.check(output)?;
    folder.make_equal(output, &mut list)
}

/// Whether a path leads to a file inside the folder, except labpress's and git's own files.
fn is_inner_path(path: &str) -> bool {
    let mut parts = path.split('/');
    let is_plain = |part: &str| {
        !matches!(part, "" | "." | "..")
            && !part.eq_ignore_ascii_case(".git")
            && !part.starts_with(TEMPORARY)
    };
    // On other systems, a backslash is an ordinary character.
    let has_separator = cfg!(windows) && path.contains('\\');
    !path.starts_with(".labpress-") && !path.contains('\0') && !has_separator && parts.all(is_plain)
}

/// The list of files that labpress wrote, locked against other builds into the same folder.
struct List<'a> {
    dir: &'a Path,
    /// The current list file, locked.
    file: File,
}

/// The content of the file.
#[derive(Serialize, Deserialize)]
struct Listed {
    about: String,
    files: BTreeSet<String>,
}

/// The paths in a list file.
pub(crate) fn listed_in(list: &[u8]) -> serde_json::Result<BTreeSet<String>> {
    Ok(serde_json::from_slice::<Listed>(list)?.files)
}

const ABOUT: &str = "Files that labpress wrote to this folder. \
                     It removes those that the site no longer has, and no others.";

impl<'a> List<'a> {
    /// The listed paths; `None` if labpress has not written to the folder yet.
    fn read(dir: &Path) -> io::Result<Option<BTreeSet<String>>> {
        let path = dir.join(LIST);
        if !is_there(&path)? {
            return Ok(None);
        }
        let mut text = String::new();
        open_file(&path)
            .and_then(|mut file| file.read_to_string(&mut text))
            .map_err(|error| named(&error, "cannot read", &path))?;
        // A build that was killed before it wrote anything leaves an empty list.
        if text.is_empty() {
            return Ok(None);
        }
        let listed: Listed = serde_json::from_str(&text).map_err(|error| {
            let message = format!(
                "cannot read `{}`, the list of files that labpress wrote: {error}\n\
                 hint: restore it, or delete the folder `{}` if nothing in it is yours",
                path.display(),
                dir.display()
            );
            io::Error::new(io::ErrorKind::InvalidData, message)
        })?;
        Ok(Some(listed.files))
    }

    /// Waits until no other build writes to the folder.
    fn lock(dir: &'a Path, waiting: impl FnOnce()) -> io::Result<List<'a>> {
        let path = dir.join(LIST);
        let cannot_lock = |error: &io::Error| named(error, "cannot lock", &path);
        let mut waiting = Some(waiting);
        loop {
            // Not a link or a pipe: opening one would create a file elsewhere, or block.
            is_there(&path)?;
            let file =
                File::options().create(true).truncate(false).read(true).write(true).open(&path);
            let file = file.map_err(|error| named(&error, "cannot write", &path))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    waiting.take().into_iter().for_each(|waiting| waiting());
                    file.lock().map_err(|error| cannot_lock(&error))?;
                }
                Err(TryLockError::Error(error)) => return Err(cannot_lock(&error)),
            }
            // The previous holder may have replaced the file.
            let held = file
                .try_clone()
                .and_then(same_file::Handle::from_file)
                .map_err(|error| cannot_lock(&error))?;
            match same_file::Handle::from_path(&path) {
                Ok(present) if present == held => return Ok(List { dir, file }),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(cannot_lock(&error)),
            }
        }
    }

    /// Replaces the list durably: it must survive a power cut if any of the files do.
    #[expect(clippy::disallowed_methods, reason = "only `destination` writes to the site's folder")]
    fn replace(&mut self, files: BTreeSet<String>) -> io::Result<()> {
        let path = self.dir.join(LIST);
        let listed = Listed { about: ABOUT.to_owned(), files };
        let text = serde_json::to_string_pretty(&listed).expect("strings are JSON") + "\n";
        let written = temporary_file(self.dir).and_then(|mut file| {
            // Locked before the rename, so that the list is never unlocked.
            file.as_file().lock()?;
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            self.file = file.persist(&path)?;
            File::open(self.dir)?.sync_all()
        });
        written.map_err(|error| named(&error, "cannot write", &path))
    }
}

/// Whether there is a regular file at the path. Anything else is an error.
fn is_there(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_file() => Ok(true),
        Ok(_) => {
            Err(io::Error::other(format!("`{}` is not a regular file: delete it", path.display())))
        }
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(false)
        }
        Err(error) => Err(named(&error, "cannot read", path)),
    }
}

/// A new file in `folder`, to be renamed to its final name when it is complete.
fn temporary_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    // Temporary files are private to their owner; pages get the permissions of the user's `umask`.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    /// A link, or anything else.
    Other,
}

/// The state of the destination before a build.
struct Folder<'a> {
    dir: &'a Path,
    /// Its content, except for hidden names at its top that are in neither the list nor the output.
    present: BTreeMap<String, Kind>,
    /// The files that labpress wrote; `None` if there is no list.
    listed: Option<BTreeSet<String>>,
    /// Leftovers of a killed build.
    temporary: Vec<PathBuf>,
    /// The folders of the output's files.
    needed: BTreeSet<&'a str>,
}

impl<'a> Folder<'a> {
    fn read(
        output: &'a Output,
        dir: &'a Path,
        listed: Option<BTreeSet<String>>,
    ) -> io::Result<Folder<'a>> {
        let top = |path: &str| path.split('/').next().unwrap_or(path).to_owned();
        let known =
            output.files().map(|(path, _)| path).chain(listed.iter().flatten().map(String::as_str));
        let hidden: BTreeSet<String> =
            known.filter(|path| path.starts_with('.')).map(top).collect();
        // Such as `.git` and `.nojekyll`.
        let is_looked_at = |entry: &walkdir::DirEntry| {
            let name = entry.file_name().to_string_lossy();
            entry.depth() != 1
                || !name.starts_with('.')
                || name.starts_with(TEMPORARY)
                || hidden.contains(name.as_ref())
        };
        let (mut present, mut temporary) = (BTreeMap::new(), Vec::new());
        let is_new =
            fs::symlink_metadata(dir).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        let entries = (!is_new).then(|| {
            walkdir::WalkDir::new(dir).min_depth(1).into_iter().filter_entry(is_looked_at)
        });
        for entry in entries.into_iter().flatten() {
            let entry = entry.map_err(|error| {
                io::Error::other(format!("cannot read `{}`: {error}", dir.display()))
            })?;
            let kind = match entry.file_type() {
                kind if kind.is_dir() => Kind::Folder,
                kind if kind.is_file() => Kind::File,
                _ => Kind::Other,
            };
            if kind == Kind::File && entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                temporary.push(entry.into_path());
                continue;
            }
            // A name that is not Unicode gets replacement characters, so that it is in no list and
            // no output.
            present.insert(path::of_disk(dir, entry.path()), kind);
        }
        let needed = output.files().flat_map(|(path, _)| path::folders(path)).collect();
        Ok(Folder { dir, present, listed, temporary, needed })
    }

    fn is_listed(&self, path: &str) -> bool {
        self.listed.as_ref().is_some_and(|listed| listed.contains(path))
    }

    /// Returns an error if a file would be lost that labpress did not write, or if the folder
    /// belongs to somebody else.
    fn check(&self, output: &Output) -> io::Result<()> {
        let mut foreign = Vec::new();
        for (path, kind) in self.present.iter().filter(|(_, kind)| **kind != Kind::Folder) {
            let content = output.file(path);
            let is_kept = content.is_none() && output.keeps(path);
            if self.is_listed(path) && !is_kept {
                continue;
            }
            let is_foreign = if let Some(content) = content {
                *kind != Kind::File || !is_equal(&self.dir.join(path), content)?
            } else {
                let is_in_the_way =
                    self.needed.contains(path.as_str()) || lies_in_a_file(path, output);
                is_in_the_way || self.listed.is_none() && !is_kept
            };
            if is_foreign {
                foreign.push(path.as_str());
            }
        }
        let Some(first) = foreign.first() else {
            return Ok(());
        };
        let shown = match foreign.len() {
            1 => format!("`{first}`"),
            2 => format!("`{first}` and 1 more file"),
            count => format!("`{first}` and {} more files", count - 1),
        };
        let dir = self.dir.display();
        let message = if self.listed.is_none() {
            format!(
                "the folder `{dir}` contains files that labpress did not write: {shown}\n\
                 hint: choose another folder with `destination` in _config.yml or \
                 `--destination`, or empty this one yourself"
            )
        } else {
            format!(
                "labpress did not write {shown} in `{dir}` and will not replace it\n\
                 hint: move or delete it"
            )
        };
        Err(io::Error::new(io::ErrorKind::AlreadyExists, message))
    }

    /// Writes, replaces and removes files, after [`check`](Folder::check) has succeeded.
    fn make_equal(self, output: &Output, list: &mut List<'_>) -> io::Result<Written> {
        for left in &self.temporary {
            remove(left)?;
        }
        let listed = self.listed.as_ref();
        let is_made = |path: &str| output.file(path).is_some();
        let is_present =
            |path: &str| self.present.get(path).is_some_and(|kind| *kind != Kind::Folder);
        let (kept, stale): (Vec<&str>, Vec<&str>) = listed
            .into_iter()
            .flatten()
            .map(String::as_str)
            .filter(|path| !is_made(path) && is_present(path))
            .partition(|path| output.keeps(path));
        let after: BTreeSet<String> =
            output.files().map(|(path, _)| path).chain(kept).map(str::to_owned).collect();
        if listed.is_none_or(|listed| !after.is_subset(listed)) {
            list.replace(
                after.iter().cloned().chain(stale.iter().copied().map(str::to_owned)).collect(),
            )?;
        }
        let (in_the_way, left): (Vec<&str>, Vec<&str>) = self.in_the_way(output, stale);
        self.clear_the_way(output, &in_the_way)?;
        for folder in
            self.needed.iter().filter(|folder| self.present.get(**folder) != Some(&Kind::Folder))
        {
            // Sorted, so a folder precedes its content.
            make_folder(&self.dir.join(folder))?;
        }
        let files: Vec<(&str, &Content)> = output.files().collect();
        let is_written: Vec<bool> = files
            .par_iter()
            .map(|(path, content)| self.write_if_changed(path, content))
            .collect::<io::Result<_>>()?;
        for path in &left {
            remove(&self.dir.join(path))?;
        }
        self.remove_empty_folders(output)?;
        if listed != Some(&after) {
            list.replace(after)?;
        }
        let written = is_written.iter().filter(|&&is_written| is_written).count();
        Ok(Written {
            written,
            unchanged: is_written.len() - written,
            removed: in_the_way.len() + left.len(),
        })
    }

    /// Divides old files into those that conflict with new ones, and the rest. Conflicts are a file
    /// where a folder must be, one in a folder where a file must be, and a name that differs only
    /// in a way that some systems ignore.
    fn in_the_way<'p>(&self, output: &Output, stale: Vec<&'p str>) -> (Vec<&'p str>, Vec<&'p str>) {
        if stale.is_empty() {
            return (stale, Vec::new());
        }
        let new: BTreeSet<String> = output.files().map(|(path, _)| path.to_lowercase()).collect();
        stale.into_iter().partition(|path| {
            self.needed.contains(path)
                || lies_in_a_file(path, output)
                || new.contains(&path.to_lowercase())
        })
    }

    /// Removes conflicting files, and folders where a file must be.
    fn clear_the_way(&self, output: &Output, in_the_way: &[&str]) -> io::Result<()> {
        for path in in_the_way {
            remove(&self.dir.join(path))?;
        }
        let is_file_now = |path: &str| output.file(path).is_some() || lies_in_a_file(path, output);
        let mut folders = self
            .present
            .iter()
            .rev()
            .filter(|(path, kind)| **kind == Kind::Folder && is_file_now(path));
        folders.try_for_each(|(path, _)| remove_empty_folder(&self.dir.join(path)))
    }

    /// Removes folders of listed files that are now empty.
    fn remove_empty_folders(&self, output: &Output) -> io::Result<()> {
        let of_files = self.listed.iter().flatten().flat_map(|path| path::folders(path));
        let is_needed = |folder: &str| {
            let is_file_now = output.file(folder).is_some() || lies_in_a_file(folder, output);
            is_file_now || self.needed.contains(folder) || output.keeps(folder)
        };
        let is_left =
            |folder: &&str| self.present.get(*folder) == Some(&Kind::Folder) && !is_needed(folder);
        let left: BTreeSet<&str> = of_files.filter(is_left).collect();
        // In reverse, so that the content of a folder precedes it.
        left.iter().rev().try_for_each(|folder| remove_empty_folder(&self.dir.join(folder)))
    }

    /// Writes a file unless its content is already the same. Returns whether it was written.
    fn write_if_changed(&self, path: &str, content: &Content) -> io::Result<bool> {
        let on_disk = self.dir.join(path);
        if self.present.get(path) == Some(&Kind::File) && is_equal(&on_disk, content)? {
            return Ok(false);
        }
        let folder = on_disk.parent().unwrap_or(self.dir);
        let written =
            temporary_file(folder).map_err(|error| named(&error, "cannot write", &on_disk));
        let mut file = written?;
        let filled = match content {
            Content::Bytes(bytes) => file.write_all(bytes),
            Content::CopyOf(from) => {
                let mut source =
                    open_file(from).map_err(|error| named(&error, "cannot read", from))?;
                io::copy(&mut source, &mut file).map(drop)
            }
            Content::AsWritten { .. } => Err(io::Error::other(
                "it was changed or removed while the site was built: build it again",
            )),
        };
        filled
            .and_then(|()| file.persist(&on_disk).map(drop).map_err(|error| error.error))
            .map_err(|error| named(&error, "cannot write", &on_disk))?;
        Ok(true)
    }
}

/// Whether one of the path's parent folders has to be a file.
fn lies_in_a_file(path: &str, output: &Output) -> bool {
    path::folders(path).any(|folder| output.file(folder).is_some())
}

#[expect(clippy::disallowed_methods, reason = "only `destination` writes to the site's folder")]
fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path).map_err(|error| named(&error, "cannot create the folder", path))
}

#[expect(clippy::disallowed_methods, reason = "only `destination` writes to the site's folder")]
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(named(&error, "cannot remove", path))
        }
        _ => Ok(()),
    }
}

fn remove_empty_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir(path) {
        Err(error)
            if !matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty
            ) =>
        {
            Err(named(&error, "cannot remove", path))
        }
        _ => Ok(()),
    }
}

/// Whether the file at `path` has the same content. Ignores file times, which many tools set
/// arbitrarily.
fn is_equal(path: &Path, content: &Content) -> io::Result<bool> {
    let bytes = match content {
        Content::Bytes(bytes) => bytes,
        Content::CopyOf(from) => return is_same_content(from, path),
        Content::AsWritten { mark, .. } => return Ok(mark.is_of(path)),
    };
    let mut present = Vec::with_capacity(bytes.len());
    let is_equal = open_file(path).and_then(|mut file| {
        Ok(file.metadata()?.len() == bytes.len() as u64
            && file.read_to_end(&mut present).is_ok()
            && present == **bytes)
    });
    is_equal.map_err(|error| named(&error, "cannot read", path))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests read the written files")]
mod tests {
    use super::*;

    fn output(files: &[(&str, &str)]) -> Output {
        let mut output = Output::default();
        for (path, text) in files {
            output.add(*path, Content::Bytes(text.as_bytes().into())).expect("the paths differ");
        }
        output
    }

    /// The content of the folder, without the list.
    fn listing(dir: &Path) -> String {
        let walk = walkdir::WalkDir::new(dir).min_depth(1).sort_by_file_name();
        let entries = walk.into_iter().map(|entry| {
            let entry = entry.expect("it can be read");
            let path = entry.path().strip_prefix(dir).expect("inside").display().to_string();
            match entry.file_type() {
                kind if kind.is_dir() => path + "/",
                kind if kind.is_symlink() => path + "@",
                _ => format!("{path}={}", fs::read_to_string(entry.path()).expect("text")),
            }
        });
        entries.filter(|entry| !entry.starts_with(LIST)).collect::<Vec<_>>().join(" ")
    }

    fn listed(dir: &Path) -> String {
        let listed = List::read(dir).expect("it can be read").unwrap_or_default();
        listed.into_iter().collect::<Vec<_>>().join(" ")
    }

    fn write_to(dir: &Path, files: &[(&str, &str)]) -> (usize, usize, usize) {
        let Written { written, unchanged, removed } =
            write(&output(files), dir, || ()).unwrap_or_else(|error| panic!("{error}"));
        (written, unchanged, removed)
    }

    /// Checks that the build is refused with this message, and that the folder does not change.
    #[track_caller]
    fn check_refused(dir: &Path, files: &[(&str, &str)], expected: &str) {
        let list = || fs::read_to_string(dir.join(LIST)).ok();
        let before = (listing(dir), list());
        let error = write(&output(files), dir, || ()).expect_err("it is refused").to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!((listing(dir), list()), before);
    }

    #[test]
    fn a_second_write_touches_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let files = [("index.html", "a"), ("p/q/index.html", "b")];
        assert_eq!(write_to(dir.path(), &files), (2, 0, 0));
        assert_eq!(listing(dir.path()), "index.html=a p/ p/q/ p/q/index.html=b");
        assert_eq!(listed(dir.path()), "index.html p/q/index.html");
        let modified = |path: &str| {
            fs::metadata(dir.path().join(path)).expect("there").modified().expect("a time")
        };
        let times = || ["", LIST, "index.html"].map(modified);
        let before = times();
        assert_eq!(write_to(dir.path(), &files), (0, 2, 0));
        assert_eq!(times(), before);
    }

    #[test]
    fn only_what_labpress_wrote_is_removed() {
        let dir = tempfile::tempdir().expect("a folder");
        write_to(
            dir.path(),
            &[("a/b/c.html", "x"), ("a/d.html", "y"), (".well-known/x", "z"), ("e.html", "")],
        );
        for path in [".gitkeep", "CNAME", "a/mine", ".well-known/mine"] {
            fs::write(dir.path().join(path), "").expect("it can be written");
        }
        assert_eq!(write_to(dir.path(), &[("e.html", "")]), (0, 1, 3));
        assert_eq!(
            listing(dir.path()),
            ".gitkeep= .well-known/ .well-known/mine= CNAME= a/ a/mine= e.html="
        );
        assert_eq!(listed(dir.path()), "e.html");
    }

    #[test]
    fn a_folder_with_other_files_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("thesis.tex"), "years").expect("it can be written");
        fs::write(dir.path().join("page.html"), "other").expect("it can be written");
        let files = [("index.html", "a"), ("page.html", "b")];
        check_refused(
            dir.path(),
            &files,
            "contains files that labpress did not write: `page.html` and 1 more file",
        );
        fs::remove_file(dir.path().join("thesis.tex")).expect("it is there");
        check_refused(
            dir.path(),
            &files,
            "contains files that labpress did not write: `page.html`\nhint: choose",
        );
        fs::write(dir.path().join("page.html"), "b").expect("it can be written");
        assert_eq!(write_to(dir.path(), &files), (1, 1, 0));
        assert_eq!(listed(dir.path()), "index.html page.html");
    }

    #[test]
    fn files_of_the_author_are_not_replaced() {
        let dir = tempfile::tempdir().expect("a folder");
        write_to(dir.path(), &[("a", "x")]);
        fs::write(dir.path().join("CNAME"), "mine").expect("it can be written");
        let expected = "did not write `CNAME`";
        check_refused(dir.path(), &[("a", "x"), ("CNAME", "new")], expected);
        check_refused(dir.path(), &[("CNAME/a", "")], expected);
        fs::create_dir(dir.path().join("b")).expect("it can be made");
        fs::write(dir.path().join("b/mine"), "").expect("it can be written");
        check_refused(dir.path(), &[("b", "")], "did not write `b/mine`");
        assert_eq!(write_to(dir.path(), &[("CNAME", "mine")]), (0, 1, 1));
    }

    #[test]
    fn files_to_keep_are_kept() {
        let dir = tempfile::tempdir().expect("a folder");
        write_to(dir.path(), &[("a/b", "x"), ("ab", "y"), ("c", "z")]);
        let output = output(&[("d", "w")]).keeping(&["a/".to_owned(), "c".to_owned()]);
        write(&output, dir.path(), || ()).expect("it can be written");
        assert_eq!(listing(dir.path()), "a/ a/b=x c=z d=w");
    }

    #[test]
    fn kept_files_do_not_prevent_a_build() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("mine"), "").expect("it can be written");
        let output = output(&[("d", "w")]).keeping(&["mine".to_owned()]);
        write(&output, dir.path(), || ()).expect("it can be written");
        assert_eq!(listing(dir.path()), "d=w mine=");
    }

    #[test]
    fn files_and_folders_can_swap() {
        let dir = tempfile::tempdir().expect("a folder");
        write_to(dir.path(), &[("a", "file"), ("b/c/d", "x")]);
        write_to(dir.path(), &[("a/d", "y"), ("b", "file")]);
        assert_eq!(listing(dir.path()), "a/ a/d=y b=file");
    }

    #[cfg(unix)]
    #[test]
    fn links_and_pipes_are_never_followed() {
        use std::os::unix::fs::symlink;
        let (dir, outside) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        fs::write(outside.path().join("x"), "mine").expect("it can be written");
        write_to(dir.path(), &[("a", "1"), ("b/x", "2"), ("p", "3")]);
        // Files that labpress wrote may have been replaced by a link, a link to a folder, or a
        // pipe.
        fs::remove_file(dir.path().join("a")).expect("it is there");
        symlink(outside.path().join("x"), dir.path().join("a")).expect("a link");
        fs::remove_file(dir.path().join("p")).expect("it is there");
        rustix::fs::mkfifoat(rustix::fs::CWD, dir.path().join("p"), rustix::fs::Mode::RUSR)
            .expect("a pipe");
        write_to(dir.path(), &[("a", "1"), ("b/x", "2"), ("p", "3")]);
        assert_eq!(listing(dir.path()), "a=1 b/ b/x=2 p=3");
        fs::remove_dir_all(dir.path().join("b")).expect("it is there");
        for link in ["b", ".well-known"] {
            symlink(outside.path(), dir.path().join(link)).expect("a link");
            check_refused(
                dir.path(),
                &[(&format!("{link}/x"), "new")],
                &format!("did not write `{link}`"),
            );
        }
        assert_eq!(write_to(dir.path(), &[]), (0, 0, 2));
        assert_eq!(
            (listing(dir.path()).as_str(), listing(outside.path()).as_str()),
            (".well-known@ b@", "x=mine")
        );
    }

    #[cfg(unix)]
    #[test]
    fn the_list_must_be_a_regular_file() {
        let (dir, outside) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let link = dir.path().join(LIST);
        std::os::unix::fs::symlink(outside.path().join("new"), &link).expect("a link");
        check_refused(dir.path(), &[("a", "")], "is not a regular file: delete it");
        fs::remove_file(&link).expect("it is there");
        fs::write(&link, "{").expect("it can be written");
        let error = write(&output(&[]), dir.path(), || ()).expect_err("it is refused").to_string();
        assert!(
            error.contains("the list of files that labpress wrote")
                && error.contains("hint: restore it"),
            "{error}"
        );
        assert_eq!(listing(outside.path()), "");
    }

    #[test]
    fn leftovers_of_a_killed_build_are_removed() {
        let dir = tempfile::tempdir().expect("a folder");
        // One was killed when the folder had no file yet, ...
        fs::write(dir.path().join(LIST), "").expect("it can be written");
        write_to(dir.path(), &[("a", "1"), (".b/c", "2")]);
        // ... and one with new, old and temporary files, and an empty folder.
        let mut list = List::lock(dir.path(), || ()).expect("nobody holds it");
        list.replace(["a", ".b/c", "new/d", "gone/e"].map(str::to_owned).into())
            .expect("it can be written");
        drop(list);
        for folder in ["new", "gone"] {
            fs::create_dir_all(dir.path().join(folder)).expect("it can be made");
        }
        fs::write(dir.path().join("new/d"), "3").expect("it can be written");
        for folder in ["", ".b", "gone"] {
            fs::write(dir.path().join(folder).join(TEMPORARY.to_owned() + "x"), "")
                .expect("it can be written");
        }
        assert_eq!(write_to(dir.path(), &[("a", "1")]), (0, 1, 2));
        assert_eq!((listing(dir.path()).as_str(), listed(dir.path()).as_str()), ("a=1", "a"));
    }

    #[test]
    fn names_that_look_temporary_are_ordinary_names() {
        let dir = tempfile::tempdir().expect("a folder");
        let files = [
            ("x.html", "page"),
            ("x.html.labpress-new", "mine"),
            ("x.html.tmp", "mine"),
            ("a\\b", ""),
        ];
        assert_eq!(write_to(dir.path(), &files), (4, 0, 0));
        assert_eq!(write_to(dir.path(), &files), (0, 4, 0));
        assert_eq!(
            listing(dir.path()),
            "a\\b= x.html=page x.html.labpress-new=mine x.html.tmp=mine"
        );
    }

    #[test]
    fn paths_outside_the_folder_and_reserved_ones_are_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        for path in [
            "../x",
            "/x",
            "a//b",
            "",
            LIST,
            ".labpress-tmp-x",
            "a/.labpress-tmp-x/b",
            ".git/config",
            "a/.GIT/x",
        ] {
            let error = write(&output(&[("ok", ""), (path, "x")]), dir.path(), || ())
                .expect_err(path)
                .to_string();
            assert!(error.contains(&format!("`{path}` is not a valid path")), "{error}");
        }
        assert!(!dir.path().join(LIST).exists());
        assert_eq!(listing(dir.path()), "");
    }

    #[test]
    fn copies_are_compared_by_content() {
        let (dir, from) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let picture = from.path().join("p.png");
        let write_at_epoch = |path: &Path, text: &str| {
            fs::write(path, text).expect("it can be written");
            let file = File::options().write(true).open(path).expect("it is there");
            file.set_modified(std::time::UNIX_EPOCH).expect("its time can be set");
        };
        write_at_epoch(&picture, "pixels");
        let mut output = Output::default();
        output.add("p.png", Content::CopyOf(picture.clone())).expect("it is the first");
        let counts = || {
            write(&output, dir.path(), || ()).map(|written| (written.written, written.unchanged))
        };
        assert_eq!(counts().expect("it can be written"), (1, 0));
        assert_eq!(counts().expect("it can be written"), (0, 1));
        write_at_epoch(&picture, "PIXELS");
        write_at_epoch(&dir.path().join("p.png"), "pixels");
        assert_eq!(counts().expect("it can be written"), (1, 0));
        assert_eq!(listing(dir.path()), "p.png=PIXELS");
    }

    #[test]
    fn builds_into_one_folder_take_turns() {
        let dir = tempfile::tempdir().expect("a folder");
        let first =
            List::lock(dir.path(), || panic!("nobody else has it")).expect("nobody holds it");
        std::thread::scope(|threads| {
            let (say, said) = std::sync::mpsc::channel();
            let dir = dir.path();
            let second = threads.spawn(move || {
                write(&output(&[("a", "2")]), dir, || say.send(()).expect("it listens"))
            });
            said.recv().expect("it waits");
            let mut first = first;
            // The second also waits after the first has replaced the list.
            first.replace(BTreeSet::from(["b".to_owned()])).expect("it can be written");
            fs::write(dir.join("b"), "1").expect("it can be written");
            drop(first);
            second.join().expect("no panic").expect("it can be written");
        });
        assert_eq!((listing(dir.path()).as_str(), listed(dir.path()).as_str()), ("a=2", "a"));
    }
}
