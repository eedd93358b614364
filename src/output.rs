//! Everything that a build makes, as one value, and the one function that makes a folder equal to it.
//!
//! Only files that differ are touched, each whole or not at all: a browser or a copying program that looks while a
//! build writes sees the old file or the new one. Files that are made no longer are removed; names that start with a
//! dot at the top of the folder (`.git`, `.gitkeep`, `.nojekyll`) are the author's and stay. Links inside of the folder
//! are never followed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::source::site_path;

/// All files of the built site, by path with `/` between parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    files: BTreeMap<String, Content>,
    /// What stays though nothing makes it: files, and folders with all in them.
    kept: Vec<String>,
}

/// What a file of the site holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The bytes of a file on this machine, which are never in memory as a whole.
    CopyOf(PathBuf),
}

/// What [`write`](fn@write) has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Files that were made or replaced.
    pub written: usize,
    /// Files that were right already.
    pub unchanged: usize,
    /// Files that are made no longer.
    pub removed: usize,
}

impl Output {
    /// Adds a file. If there is one at this path already, that one stays and the new one is given back.
    pub fn add(&mut self, path: impl Into<String>, content: Content) -> Result<(), Content> {
        match self.files.entry(path.into()) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(content);
                Ok(())
            }
            std::collections::btree_map::Entry::Occupied(_) => Err(content),
        }
    }

    /// Replaces the bytes of each file that is not a copy of another by what `change` makes of its path and them.
    #[must_use]
    pub fn map_bytes(mut self, change: impl Fn(&str, Vec<u8>) -> Vec<u8>) -> Output {
        for (path, content) in &mut self.files {
            if let Content::Bytes(bytes) = content {
                *bytes = change(path, std::mem::take(bytes));
            }
        }
        self
    }

    /// The same, with files and folders that stay in the site's folder though nothing makes them.
    #[must_use]
    pub fn keeping(mut self, paths: &[String]) -> Output {
        self.kept =
            paths.iter().map(|path| path.trim_matches('/').to_owned()).filter(|path| !path.is_empty()).collect();
        self
    }

    /// The file at `path`.
    pub fn file(&self, path: &str) -> Option<&Content> {
        self.files.get(path)
    }

    /// All files in order of path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Content)> {
        self.files.iter().map(|(path, content)| (path.as_str(), content))
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The first file that lies in what another file is: `a` and `a/b`.
    pub fn file_in_a_file(&self) -> Option<(&str, &str)> {
        self.files.keys().find_map(|path| {
            let folder = folders(path).find(|folder| self.files.contains_key(*folder))?;
            Some((folder, path.as_str()))
        })
    }
}

/// Makes the folder `dir` equal to `output`.
pub fn write(output: &Output, dir: &Path) -> io::Result<Written> {
    if let Some(path) = output.files.keys().find(|path| !stays_inside(path)) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("`{path}` would leave the site's folder")));
    }
    make_folder(dir)?;
    let needed: BTreeSet<&str> = output.files.keys().flat_map(|path| folders(path)).collect();
    let present = present(dir)?;
    let mut removed = clear_the_way(output, dir, &needed, &present)?;
    for folder in needed.iter().filter(|folder| present.get(**folder) != Some(&Kind::Folder)) {
        // Sorted, so a folder comes before what is in it.
        make_folder(&dir.join(folder))?;
    }
    let is_written: Vec<bool> = output
        .files
        .par_iter()
        .map(|(path, content)| write_if_changed(&dir.join(path), content))
        .collect::<io::Result<_>>()?;
    removed += remove_the_rest(output, dir, &needed, &present)?;
    let written = is_written.iter().filter(|&&is_written| is_written).count();
    Ok(Written { written, unchanged: is_written.len() - written, removed })
}

/// The folders that a path lies in, the outermost first.
fn folders(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(slash, _)| &path[..slash])
}

fn stays_inside(path: &str) -> bool {
    !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | "..")) && !path.contains(['\\', '\0'])
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    /// A link, or something else that is neither.
    Other,
}

/// What is in the folder now, without what is the author's.
fn present(dir: &Path) -> io::Result<BTreeMap<String, Kind>> {
    let mut present = BTreeMap::new();
    let walk = walkdir::WalkDir::new(dir).min_depth(1).into_iter();
    let is_ours =
        |entry: &walkdir::DirEntry| entry.depth() != 1 || !entry.file_name().as_encoded_bytes().starts_with(b".");
    for entry in walk.filter_entry(is_ours) {
        let entry = entry.map_err(|error| io::Error::other(format!("cannot read `{}`: {error}", dir.display())))?;
        let kind = match entry.file_type() {
            kind if kind.is_dir() => Kind::Folder,
            kind if kind.is_file() => Kind::File,
            _ => Kind::Other,
        };
        // A name that is no Unicode is none of ours either; its path with marks in it will not be found, and it stays.
        present.insert(site_path(dir, entry.path()), kind);
    }
    Ok(present)
}

/// Removes what stands where a file or a folder must be and is not one. Returns how many files.
fn clear_the_way(
    output: &Output,
    dir: &Path,
    needed: &BTreeSet<&str>,
    present: &BTreeMap<String, Kind>,
) -> io::Result<usize> {
    let mut removed = 0;
    for (path, kind) in present {
        let is_in_the_way = match kind {
            Kind::Folder => output.files.contains_key(path),
            Kind::File => needed.contains(path.as_str()),
            Kind::Other => needed.contains(path.as_str()) || output.files.contains_key(path),
        };
        if is_in_the_way {
            removed += remove(&dir.join(path), *kind)?;
        }
    }
    Ok(removed)
}

/// Removes the files that are made no longer, and the folders that become empty by it.
fn remove_the_rest(
    output: &Output,
    dir: &Path,
    needed: &BTreeSet<&str>,
    present: &BTreeMap<String, Kind>,
) -> io::Result<usize> {
    let mut removed = 0;
    // Backwards, so that what is in a folder comes before it.
    for (path, kind) in present.iter().rev() {
        let is_made = output.files.contains_key(path) || needed.contains(path.as_str());
        let lies_in_a_file = folders(path).any(|folder| output.files.contains_key(folder));
        let is_kept = output
            .kept
            .iter()
            .any(|kept| path.strip_prefix(kept.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
        if is_made || is_kept || lies_in_a_file {
            continue;
        }
        match kind {
            Kind::Folder => remove_empty_folder(&dir.join(path))?,
            Kind::File | Kind::Other => removed += remove(&dir.join(path), *kind)?,
        }
    }
    Ok(removed)
}

#[expect(clippy::disallowed_methods, reason = "`output` is the one writer of the site's folder")]
fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path).map_err(|error| with_path("make", path, &error))
}

#[expect(clippy::disallowed_methods, reason = "`output` is the one writer of the site's folder")]
fn remove(path: &Path, kind: Kind) -> io::Result<usize> {
    let removed = match kind {
        Kind::Folder => fs::remove_dir_all(path),
        Kind::File | Kind::Other => fs::remove_file(path),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(with_path("remove", path, &error)),
        _ => Ok(1),
    }
}

fn remove_empty_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir(path) {
        Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty) => {
            Err(with_path("remove", path, &error))
        }
        _ => Ok(()),
    }
}

/// Writes a file unless it holds the same already. Returns whether it did.
fn write_if_changed(path: &Path, content: &Content) -> io::Result<bool> {
    match content {
        Content::Bytes(bytes) => {
            if holds(path, bytes).map_err(|error| with_path("read", path, &error))? {
                return Ok(false);
            }
            replace(path, |file| io::Write::write_all(file, bytes))?;
        }
        Content::CopyOf(from) => {
            if is_copy(path, from).map_err(|error| with_path("read", from, &error))? {
                return Ok(false);
            }
            copy(path, from)?;
        }
    }
    Ok(true)
}

#[expect(clippy::disallowed_methods, reason = "`output` compares with what is in the site's folder")]
fn holds(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if file.metadata()?.len() != bytes.len() as u64 {
        return Ok(false);
    }
    let mut present = Vec::with_capacity(bytes.len());
    file.read_to_end(&mut present)?;
    Ok(present == bytes)
}

/// Whether `path` is a copy of `from`: same size, and same time, which [`copy`] hands on, or same bytes.
#[expect(clippy::disallowed_methods, reason = "`output` compares with what is in the site's folder")]
fn is_copy(path: &Path, from: &Path) -> io::Result<bool> {
    let wanted = fs::metadata(from)?;
    let present = match fs::metadata(path) {
        Ok(present) => present,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if wanted.len() != present.len() {
        return Ok(false);
    }
    if wanted.modified()? == present.modified()? {
        return Ok(true);
    }
    let (mut wanted, mut present) = (File::open(from)?, File::open(path)?);
    let (mut left, mut right) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let (read, other) = (fill(&mut wanted, &mut left)?, fill(&mut present, &mut right)?);
        if left[..read] != right[..other] {
            return Ok(false);
        }
        if read == 0 {
            return Ok(true);
        }
    }
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

#[expect(clippy::disallowed_methods, reason = "`output` is the one writer of the site's folder")]
fn copy(path: &Path, from: &Path) -> io::Result<()> {
    let mut source = File::open(from).map_err(|error| with_path("read", from, &error))?;
    let modified = source.metadata().and_then(|metadata| metadata.modified());
    replace(path, |file| {
        io::copy(&mut source, file)?;
        match modified {
            Ok(modified) => file.set_modified(modified),
            Err(_) => Ok(()),
        }
    })
}

/// Writes a new file beside `path` and puts it in its place.
#[expect(clippy::disallowed_methods, reason = "`output` is the one writer of the site's folder")]
fn replace(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let name = path.file_name().expect("paths of an output have a name").to_string_lossy();
    // Not hidden: a build that was killed leaves it, and the next one removes it with all that is not made.
    let beside = path.with_file_name(format!("{name}.labpress-new"));
    let written = File::create(&beside).and_then(|mut file| fill(&mut file)).and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&beside);
        with_path("write", path, &error)
    })
}

fn with_path(what: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {what} `{}`: {error}", path.display()))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests look at what was written")]
mod tests {
    use super::*;

    fn output(files: &[(&str, &str)]) -> Output {
        let mut output = Output::default();
        for (path, text) in files {
            output.add(*path, Content::Bytes(text.as_bytes().to_vec())).expect("the paths differ");
        }
        output
    }

    fn listing(dir: &Path) -> String {
        let walk = walkdir::WalkDir::new(dir).min_depth(1).sort_by_file_name();
        let entries = walk.into_iter().map(|entry| {
            let entry = entry.expect("it can be read");
            let path = entry.path().strip_prefix(dir).expect("inside").display().to_string();
            if entry.file_type().is_dir() {
                path + "/"
            } else {
                format!("{path}={}", fs::read_to_string(entry.path()).expect("text"))
            }
        });
        entries.collect::<Vec<_>>().join(" ")
    }

    fn counts(output: &Output, dir: &Path) -> (usize, usize, usize) {
        let Written { written, unchanged, removed } = write(output, dir).expect("it can be written");
        (written, unchanged, removed)
    }

    #[test]
    fn the_folder_becomes_equal_and_then_nothing_is_touched() {
        let dir = tempfile::tempdir().expect("a folder");
        let first = output(&[("index.html", "a"), ("p/q/index.html", "b")]);
        assert_eq!(counts(&first, dir.path()), (2, 0, 0));
        assert_eq!(listing(dir.path()), "index.html=a p/ p/q/ p/q/index.html=b");
        let modified = |path: &str| fs::metadata(dir.path().join(path)).expect("there").modified().expect("a time");
        let before = modified("index.html");
        assert_eq!(counts(&first, dir.path()), (0, 2, 0));
        assert_eq!(modified("index.html"), before);
    }

    #[test]
    fn what_is_made_no_longer_goes_and_what_is_hidden_stays() {
        let dir = tempfile::tempdir().expect("a folder");
        write(&output(&[("a/b/c.html", "x"), ("d.html", "y")]), dir.path()).expect("it can be written");
        fs::write(dir.path().join(".gitkeep"), "").expect("it can be written");
        fs::write(dir.path().join("e.html.labpress-new"), "half").expect("it can be written");
        assert_eq!(counts(&output(&[("d.html", "z")]), dir.path()), (1, 0, 2));
        assert_eq!(listing(dir.path()), ".gitkeep= d.html=z");
    }

    #[test]
    fn what_is_to_be_kept_stays() {
        let dir = tempfile::tempdir().expect("a folder");
        write(&output(&[("a/b", "x"), ("ab", "y"), ("c", "z")]), dir.path()).expect("it can be written");
        let output = output(&[("d", "w")]).keeping(&["a/".to_owned(), "c".to_owned()]);
        write(&output, dir.path()).expect("it can be written");
        assert_eq!(listing(dir.path()), "a/ a/b=x c=z d=w");
    }

    #[test]
    fn files_and_folders_change_places() {
        let dir = tempfile::tempdir().expect("a folder");
        write(&output(&[("a", "file"), ("b/c", "x")]), dir.path()).expect("it can be written");
        write(&output(&[("a/d", "y"), ("b", "file")]), dir.path()).expect("it can be written");
        assert_eq!(listing(dir.path()), "a/ a/d=y b=file");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_replaced_and_never_followed() {
        let dir = tempfile::tempdir().expect("a folder");
        let outside = tempfile::tempdir().expect("a folder");
        fs::write(outside.path().join("x"), "mine").expect("it can be written");
        std::os::unix::fs::symlink(outside.path(), dir.path().join("a")).expect("a link");
        std::os::unix::fs::symlink(outside.path().join("x"), dir.path().join("b")).expect("a link");
        std::os::unix::fs::symlink(outside.path(), dir.path().join("c")).expect("a link");
        write(&output(&[("a/x", "new"), ("b", "new")]), dir.path()).expect("it can be written");
        assert_eq!(listing(outside.path()), "x=mine");
        assert_eq!(listing(dir.path()), "a/ a/x=new b=new");
    }

    #[test]
    fn a_path_that_leaves_the_folder_writes_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        for path in ["../x", "/x", "a//b", ""] {
            assert!(write(&output(&[("ok", ""), (path, "x")]), dir.path()).is_err(), "{path}");
        }
        assert_eq!(listing(dir.path()), "");
    }

    #[test]
    fn copies_are_made_once() {
        let (dir, from) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let picture = from.path().join("p.png");
        fs::write(&picture, "pixels").expect("it can be written");
        let mut output = Output::default();
        output.add("p.png", Content::CopyOf(picture.clone())).expect("it is the first");
        assert_eq!(counts(&output, dir.path()), (1, 0, 0));
        assert_eq!(counts(&output, dir.path()), (0, 1, 0));
        fs::write(&picture, "PIXELS").expect("it can be written");
        let file = File::options().write(true).open(&picture).expect("it is there");
        file.set_modified(std::time::UNIX_EPOCH).expect("its time can be set");
        assert_eq!(counts(&output, dir.path()), (1, 0, 0));
        assert_eq!(listing(dir.path()), "p.png=PIXELS");
    }

    #[test]
    fn a_file_in_a_file_is_found() {
        assert_eq!(output(&[("a", ""), ("a.html", ""), ("a/b", "")]).file_in_a_file(), Some(("a", "a/b")));
        assert_eq!(output(&[("a", ""), ("ab/c", "")]).file_in_a_file(), None);
    }
}
