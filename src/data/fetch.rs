//! Fetches the files of a data set and checks them against their digests.
//!
//! The files of data set NAME are in `CACHE/NAME-DIGEST8/`, where every checkout shares them. The
//! folder appears complete or not at all: files are fetched into a temporary one next to it,
//! checked, and renamed. `checked.json`, written last, has the size, times and inode number of
//! every checked file, so that a later call only has to list the folder; a file that has changed
//! since is checked again and, if damaged, fetched again.
#![expect(clippy::disallowed_methods, reason = "`data::fetch` fills the cache folder")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context, bail};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{DataFile, DataSet, clients};

/// The file that says what was checked.
const MARKER: &str = "checked.json";

/// Returns the folder for data sets: `LABPRESS_DATA` if it is set, else `labpress/data` in
/// `XDG_CACHE_HOME`, else in `~/.cache`. The arguments are the values of `LABPRESS_DATA`,
/// `XDG_CACHE_HOME` and `HOME`; `None` if none of them is set.
#[must_use]
pub fn cache_folder(
    data: Option<&OsStr>,
    xdg_cache: Option<&OsStr>,
    home: Option<&OsStr>,
) -> Option<PathBuf> {
    let set = |value: Option<&OsStr>| value.filter(|value| !value.is_empty()).map(PathBuf::from);
    // The specification says to ignore a relative XDG_CACHE_HOME.
    let user_cache = set(xdg_cache)
        .filter(|folder| folder.is_absolute())
        .or_else(|| set(home).map(|home| home.join(".cache")));
    set(data).or_else(|| user_cache.map(|cache| cache.join("labpress").join("data")))
}

/// Whether the files of `set` are in `cache` and were checked.
#[must_use]
pub fn is_present(name: &str, set: &DataSet, cache: &Path) -> bool {
    is_checked(&folder(name, set, cache), set)
}

/// Whether `cache` has a folder for `set`, complete or not.
#[must_use]
pub fn is_there(name: &str, set: &DataSet, cache: &Path) -> bool {
    folder(name, set, cache).is_dir()
}

/// The folder for the files of `set` in `cache`, whether or not it exists.
#[must_use]
pub fn folder(name: &str, set: &DataSet, cache: &Path) -> PathBuf {
    cache.join(format!("{name}-{}", set.files_digest().short()))
}

/// Where data sets are kept and found.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// The folder that [`cache_folder`] gives.
    pub cache: &'a Path,
    /// The root of the site; `None` outside a site.
    pub site: Option<&'a Path>,
}

/// A progress report of fetching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchEvent<'a> {
    /// What is being done, or what went wrong.
    Line(&'a str),
    /// The progress of a download.
    Bytes {
        /// Bytes received.
        done: u64,
        /// Bytes in total, if known.
        of: Option<u64>,
    },
}

/// Receives progress reports.
pub type Say<'a> = dyn FnMut(FetchEvent<'_>) + 'a;

/// Fetches the files of `set` into `cache` unless they are there, and returns their folder, as
/// [`fetch_from`] does. Calls `say` with each line of progress.
///
/// # Errors
///
/// Fails if no source had the files. The message has the reason for each, and what to do.
pub fn fetch(
    name: &str,
    set: &DataSet,
    cache: &Path,
    say: &mut dyn FnMut(&str),
) -> anyhow::Result<PathBuf> {
    fetch_from(name, set, Places { cache, site: None }, &mut |event| {
        if let FetchEvent::Line(line) = event {
            say(line);
        }
    })
}

/// Fetches the files of `set` into the cache unless they are there, and returns their folder.
///
/// Of two processes that want the same data set, the second waits for the first.
///
/// # Errors
///
/// Fails if no source had the files. The message has the reason for each, and what to do.
pub fn fetch_from(
    name: &str,
    set: &DataSet,
    places: Places<'_>,
    say: &mut Say<'_>,
) -> anyhow::Result<PathBuf> {
    let cache = places.cache;
    let folder = folder(name, set, cache);
    if is_checked(&folder, set) {
        return Ok(folder);
    }
    fs::create_dir_all(cache)
        .with_context(|| format!("cannot create the folder `{}`", cache.display()))?;
    let _lock = match locked(&folder.with_extension("lock"), name, say) {
        // A read-only cache, copied from another machine.
        Err(_) if folder.is_dir() && check(&folder, set).is_ok() => return Ok(folder),
        lock => lock?,
    };
    if is_checked(&folder, set) {
        return Ok(folder);
    }
    if folder.exists() {
        match check(&folder, set) {
            Ok(()) => {
                remember(&folder, set)?;
                return Ok(folder);
            }
            Err(error) => {
                say(FetchEvent::Line(&format!("data set `{name}`: {error:#}; fetching it again")));
            }
        }
    }
    let prefix = format!(".{name}-{}-", set.files_digest().short());
    remove_leftovers(cache, &prefix);
    let new = tempfile::Builder::new()
        .prefix(&prefix)
        .tempdir_in(cache)
        .with_context(|| format!("cannot create a folder in `{}`", cache.display()))?;
    get_from_first(name, set, new.path(), &folder, places, say)?;
    remember(new.path(), set)?;
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot remove `{}`", folder.display()))?;
    }
    fs::rename(new.path(), &folder)
        .with_context(|| format!("cannot move the data set to `{}`", folder.display()))?;
    Ok(folder)
}

/// Checks the files of `set` against their digests again, ignoring earlier checks, and returns
/// their folder.
///
/// # Errors
///
/// Fails if a file is missing or has another digest.
pub fn check_again(name: &str, set: &DataSet, cache: &Path) -> anyhow::Result<PathBuf> {
    let folder = folder(name, set, cache);
    check(&folder, set)?;
    remember(&folder, set)?;
    Ok(folder)
}

/// The size of a data set in `cache` in bytes, including its decoded images.
pub fn bytes(name: &str, set: &DataSet, cache: &Path) -> u64 {
    let entries = walkdir::WalkDir::new(folder(name, set, cache))
        .follow_links(true)
        .into_iter()
        .filter_map(Result::ok);
    entries
        .filter_map(|entry| entry.metadata().ok())
        .filter(fs::Metadata::is_file)
        .map(|metadata| metadata.len())
        .sum()
}

/// The files of `set` in a folder, with their sizes.
pub fn files_in<'a>(
    set: &'a DataSet,
    folder: &'a Path,
) -> impl Iterator<Item = (PathBuf, u64)> + 'a {
    let walks =
        set.files.keys().map(|name| walkdir::WalkDir::new(folder.join(name)).follow_links(true));
    let entries =
        walks.flatten().filter_map(Result::ok).filter(|entry| entry.file_type().is_file());
    entries.filter_map(|entry| Some((entry.path().to_owned(), entry.metadata().ok()?.len())))
}

/// Removes leftovers of killed calls. The lock guarantees that nobody uses them, and those that
/// cannot be removed do no harm.
fn remove_leftovers(cache: &Path, prefix: &str) {
    let entries = fs::read_dir(cache).into_iter().flatten().filter_map(Result::ok);
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix)) {
        let _ = fs::remove_dir_all(entry.path());
    }
}

/// Takes the lock. It is released when the file is closed, also if the process dies.
fn locked(path: &Path, name: &str, say: &mut Say<'_>) -> anyhow::Result<File> {
    let lock = File::create(path).with_context(|| format!("cannot create `{}`", path.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            say(FetchEvent::Line(&format!(
                "data set `{name}`: waiting for another labpress that is fetching it"
            )));
            lock.lock().with_context(|| format!("cannot lock `{}`", path.display()))?;
            Ok(lock)
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock `{}`", path.display()))
        }
    }
}

/// Fetches the files into `into` from the first source that has them all.
fn get_from_first(
    name: &str,
    set: &DataSet,
    into: &Path,
    folder: &Path,
    places: Places<'_>,
    say: &mut Say<'_>,
) -> anyhow::Result<()> {
    let inbox = inbox(name, places.cache);
    let (mut errors, mut commands) = (Vec::new(), Vec::new());
    for source in &set.sources {
        let title = clients::title(source);
        let size = set.download.as_ref().map(|size| format!(" ({size})")).unwrap_or_default();
        say(FetchEvent::Line(&format!("data set `{name}`: fetching it from {title}{size}")));
        let wanted = clients::Wanted { name, set, into, inbox: &inbox, places };
        let got = clients::get(source, &wanted, say);
        match got.and_then(|()| check(into, set)) {
            Ok(()) => return Ok(()),
            Err(error) => {
                let error = format!("{title}: {error:#}");
                say(FetchEvent::Line(&format!("data set `{name}`: {error}")));
                errors.push(error);
                commands.extend(clients::command(source, &inbox));
            }
        }
        // Files of two sources must not be mixed.
        fs::remove_dir_all(into)?;
        fs::create_dir(into)?;
    }
    let by_command = match &commands[..] {
        [] => String::new(),
        commands => format!(
            "run {} on a machine with network access, copy the files to `{}`, and try again; or ",
            commands.iter().map(|command| format!("`{command}`")).collect::<Vec<_>>().join(" or "),
            inbox.display()
        ),
    };
    let names = crate::diagnostic::listed(set.files.keys().map(String::as_str));
    bail!(
        "cannot fetch the data set `{name}`\n  {}\nhint: {by_command}put {names} (from {}) into \
         `{}` yourself and try again; labpress checks them",
        errors.join("\n  "),
        set.homepage,
        folder.display(),
    )
}

/// The folder where users put packages that labpress cannot download itself.
#[must_use]
pub fn inbox(name: &str, cache: &Path) -> PathBuf {
    cache.join("downloads").join(name)
}

/// Checks the content of every file.
fn check(folder: &Path, set: &DataSet) -> anyhow::Result<()> {
    for (name, declared) in &set.files {
        let path = folder.join(name);
        let found = if declared.folder { folder_sha256(&path) } else { Ok(content_sha256(&path)?) };
        let found = found.with_context(|| format!("cannot read `{name}`"))?;
        if found != declared.sha256 {
            bail!("`{name}` has the SHA-256 digest {found}, but {} is declared", declared.sha256);
        }
    }
    Ok(())
}

/// The digest to declare for a file, or for a folder of files.
pub fn sha256(path: &Path) -> anyhow::Result<String> {
    if path.is_dir() { folder_sha256(path) } else { Ok(content_sha256(path)?) }
}

/// SHA-256 of the output of `sha256sum` for all files of a folder, in order of their paths: `find .
/// -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum`.
fn folder_sha256(folder: &Path) -> anyhow::Result<String> {
    let files = files(folder)?;
    let line = |(name, path): &(String, PathBuf)| {
        // `sha256sum` escapes these characters.
        anyhow::ensure!(
            !name.contains(['\\', '\n', '\r']),
            "the file name `{}` contains a backslash or a line break",
            name.escape_debug()
        );
        let digest = content_sha256_as_is(path).with_context(|| format!("`{}`", path.display()))?;
        Ok(format!("{digest}  {name}\n"))
    };
    let lines: Vec<String> = files.par_iter().map(line).collect::<anyhow::Result<_>>()?;
    let mut hasher = Sha256::new();
    for line in &lines {
        hasher.update(line);
    }
    Ok(hex(&hasher.finalize()))
}

/// All files in a folder and the folders in it, in order of their paths from it.
fn files(folder: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(folder).follow_links(true) {
        let entry = entry?;
        if entry.file_type().is_file() {
            let name = entry.path().strip_prefix(folder).unwrap_or(entry.path());
            let name =
                name.to_str().with_context(|| format!("`{}` is not UTF-8", name.display()))?;
            files.push((name.to_owned(), entry.into_path()));
        }
    }
    files.sort();
    Ok(files)
}

fn hex(digest: &[u8]) -> String {
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(u32::from);
    digits.map(|digit| char::from_digit(digit, 16).expect("it is below 16")).collect()
}

fn content_sha256_as_is(path: &Path) -> io::Result<String> {
    sha256_of(&mut File::open(path)?)
}

/// SHA-256 of a file's content in hex; of a `.gz` file, of the unpacked content.
fn content_sha256(path: &Path) -> io::Result<String> {
    let file = io::BufReader::new(File::open(path)?);
    let mut content: Box<dyn Read> = match path.extension() {
        Some(extension) if extension == "gz" => {
            Box::new(flate2::bufread::MultiGzDecoder::new(file))
        }
        _ => Box::new(file),
    };
    sha256_of(&mut content)
}

fn sha256_of(content: &mut dyn Read) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut part = vec![0; 1 << 16];
    loop {
        match content.read(&mut part)? {
            0 => break,
            length => hasher.update(&part[..length]),
        }
    }
    Ok(hex(&hasher.finalize()))
}

/// The state of a checked file or folder: enough to see that it was touched since.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Checked {
    sha256: String,
    /// Size in bytes.
    bytes: u64,
    /// A digest of path, size, times and inode number of each file. A file's change time cannot be
    /// set, and a file that was moved into place has another inode number.
    state: crate::digest::Digest,
}

impl Checked {
    fn of(path: &Path, file: &DataFile) -> anyhow::Result<Checked> {
        let files = if file.folder { files(path)? } else { vec![(String::new(), path.to_owned())] };
        let (mut bytes, mut state) = (0, blake3::Hasher::new());
        for (name, path) in files {
            let metadata = fs::metadata(path)?;
            bytes += metadata.len();
            let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            let line = format!(
                "{name:?} {} {} {:?}\n",
                metadata.len(),
                modified.as_nanos(),
                changed(&metadata)
            );
            state.update(line.as_bytes());
        }
        Ok(Checked { sha256: file.sha256.clone(), bytes, state: state.finalize().into() })
    }
}

/// The change time of a file in seconds and nanoseconds, and its inode number.
#[cfg(unix)]
fn changed(metadata: &fs::Metadata) -> (i64, i64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.ctime(), metadata.ctime_nsec(), metadata.ino())
}

#[cfg(not(unix))]
fn changed(_: &fs::Metadata) -> (i64, i64, u64) {
    (0, 0, 0)
}

fn checked_files(folder: &Path, set: &DataSet) -> anyhow::Result<BTreeMap<String, Checked>> {
    set.files
        .iter()
        .map(|(name, file)| Ok((name.clone(), Checked::of(&folder.join(name), file)?)))
        .collect()
}

/// Writes the marker atomically.
fn remember(folder: &Path, set: &DataSet) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(&checked_files(folder, set)?)?;
    let new = folder.join(format!(".{MARKER}.new"));
    fs::write(&new, text)?;
    fs::rename(&new, folder.join(MARKER))?;
    Ok(())
}

/// Whether the files of `set` in `folder` are unchanged since they were last checked.
pub(crate) fn is_whole(folder: &Path, set: &DataSet) -> bool {
    is_checked(folder, set) || check(folder, set).is_ok()
}

fn is_checked(folder: &Path, set: &DataSet) -> bool {
    let remembered = fs::read_to_string(folder.join(MARKER))
        .ok()
        .and_then(|text| serde_json::from_str::<BTreeMap<String, Checked>>(&text).ok());
    remembered.is_some_and(|remembered| {
        checked_files(folder, set).is_ok_and(|present| present == remembered)
    })
}

#[cfg(test)]
mod tests {
    use super::super::origin::DataSource;
    use super::*;
    use crate::yaml::Yaml;

    fn digits() -> DataSet {
        let text = super::super::built_in("digits").expect("it is built in");
        DataSet::parse(&Yaml::file("digits.yml", text)).expect("it is whole")
    }

    /// Fetches `set` as `digits` into `cache`; returns the folder or the error, and the number of
    /// progress lines.
    fn fetch_said(set: &DataSet, cache: &Path) -> (anyhow::Result<PathBuf>, usize) {
        let mut lines = 0;
        let result = fetch("digits", set, cache, &mut |_| lines += 1);
        (result, lines)
    }

    #[test]
    fn a_data_set_is_fetched_once() {
        let cache = tempfile::tempdir().unwrap();
        let leftover =
            cache.path().join(format!(".digits-{}-killed", digits().files_digest().short()));
        fs::create_dir(&leftover).unwrap();
        let (folder, said) = fetch_said(&digits(), cache.path());
        assert!(folder.unwrap().join("digits.csv.gz").is_file());
        assert_eq!(said, 1);
        assert!(!leftover.exists(), "leftovers of a killed call are removed");
        assert_eq!(fetch_said(&digits(), cache.path()).1, 0);
    }

    #[test]
    fn a_damaged_file_is_fetched_again() {
        let cache = tempfile::tempdir().unwrap();
        let file = fetch_said(&digits(), cache.path()).0.unwrap().join("digits.csv.gz");
        fs::write(&file, b"damaged").unwrap();
        let (folder, said) = fetch_said(&digits(), cache.path());
        folder.unwrap();
        assert_eq!(said, 2);
        assert_eq!(fs::read(&file).unwrap(), clients::BUILT_IN_FILES[0].1);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_replaced_by_one_of_the_same_size_and_time_is_checked_again() {
        let cache = tempfile::tempdir().unwrap();
        let file = fetch_said(&digits(), cache.path()).0.unwrap().join("digits.csv.gz");
        let (bytes, modified) =
            (fs::read(&file).unwrap(), fs::metadata(&file).unwrap().modified().unwrap());
        let mut other = bytes.clone();
        other[100] ^= 1;
        fs::write(&file, other).unwrap();
        File::options().append(true).open(&file).unwrap().set_modified(modified).unwrap();
        assert!(!is_whole(file.parent().unwrap(), &digits()));
        fetch_said(&digits(), cache.path()).0.unwrap();
        assert_eq!(fs::read(&file).unwrap(), bytes);
    }

    #[test]
    fn correct_files_put_there_by_hand_are_used() {
        let cache = tempfile::tempdir().unwrap();
        let set = digits();
        let folder = cache.path().join(format!("digits-{}", set.files_digest().short()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("digits.csv.gz"), clients::BUILT_IN_FILES[0].1).unwrap();
        assert_eq!(fetch_said(&set, cache.path()).1, 0);
        assert!(folder.join(MARKER).is_file());
    }

    #[test]
    fn a_source_with_other_bytes_is_refused_and_named() {
        let cache = tempfile::tempdir().unwrap();
        let mut set = digits();
        set.files.get_mut("digits.csv.gz").unwrap().sha256 = "0".repeat(64);
        let error = fetch_said(&set, cache.path()).0.unwrap_err().to_string();
        assert!(
            error.contains("labpress itself: `digits.csv.gz` has the SHA-256 digest 6ebb3d2f"),
            "{error}"
        );
        assert!(
            error.contains("hint: put `digits.csv.gz` (from https://archive.ics.uci.edu/"),
            "{error}"
        );
        // Only the lock is left.
        let left: Vec<_> =
            fs::read_dir(cache.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn the_next_source_is_tried() {
        let cache = tempfile::tempdir().unwrap();
        let mut set = digits();
        // Nothing listens on port 1, and a missing curl also counts as a failed source.
        set.sources.insert(0, DataSource::Url { base: "https://127.0.0.1:1".to_owned() });
        let (folder, said) = fetch_said(&set, cache.path());
        folder.unwrap();
        assert_eq!(said, 3);
    }

    #[test]
    fn the_cache_folder_follows_the_environment() {
        let folder = |data: &str, xdg: &str, home: &str| {
            cache_folder(Some(OsStr::new(data)), Some(OsStr::new(xdg)), Some(OsStr::new(home)))
        };
        assert_eq!(folder("/d", "/x", "/h"), Some(PathBuf::from("/d")));
        assert_eq!(folder("", "/x", "/h"), Some(PathBuf::from("/x/labpress/data")));
        assert_eq!(folder("", "relative", "/h"), Some(PathBuf::from("/h/.cache/labpress/data")));
        assert_eq!(cache_folder(None, None, None), None);
    }
}
