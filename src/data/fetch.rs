//! Makes the files of a data set present on this machine, checked against their digests.
//!
//! The files of data set NAME lie in `CACHE/NAME-DIGEST8/`, where every checkout shares them. The folder appears whole
//! or not at all: files are fetched into a temporary one beside it, checked, and renamed. `checked.json` in it, written
//! last, remembers size and time of every checked file, so that a later call only looks at the folder; a file that
//! changed since is checked again and, if damaged, fetched again.
#![expect(clippy::disallowed_methods, reason = "`data::fetch` fills the cache folder and starts the clients it needs")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::UNIX_EPOCH;

use anyhow::{Context, anyhow, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::DataSet;
use super::origin::DataSource;

/// The files that [`DataSource::BuiltIn`] stands for, by name.
const BUILT_IN_FILES: [(&str, &[u8]); 1] = [("digits.csv.gz", include_bytes!("../../experiments/data/digits.csv.gz"))];

/// The file that remembers what was checked.
const MARKER: &str = "checked.json";

/// Returns the folder for data sets: `LABPRESS_DATA` if it is set, else `labpress/data` in `XDG_CACHE_HOME`, else in
/// `~/.cache`. The arguments are the values of `LABPRESS_DATA`, `XDG_CACHE_HOME` and `HOME`; `None` if none helps.
pub fn cache_folder(data: Option<&OsStr>, xdg_cache: Option<&OsStr>, home: Option<&OsStr>) -> Option<PathBuf> {
    let set = |value: Option<&OsStr>| value.filter(|value| !value.is_empty()).map(PathBuf::from);
    // The specification has programs ignore a relative XDG_CACHE_HOME.
    let user_cache =
        set(xdg_cache).filter(|folder| folder.is_absolute()).or_else(|| set(home).map(|home| home.join(".cache")));
    set(data).or_else(|| user_cache.map(|cache| cache.join("labpress").join("data")))
}

/// Whether the files of `set` are under `cache` and were checked.
pub fn is_present(name: &str, set: &DataSet, cache: &Path) -> bool {
    is_checked(&folder(name, set, cache), set)
}

fn folder(name: &str, set: &DataSet, cache: &Path) -> PathBuf {
    cache.join(format!("{name}-{}", set.files_digest().short()))
}

/// Makes the files of `set` present under `cache` and returns their folder. What it does beyond looking is told to
/// `say`, a line at a time.
///
/// Two processes that want the same data set do not fetch it twice: the second waits.
///
/// # Errors
///
/// When no source gave the files: the message has the reason for each, and what to do.
pub fn fetch(name: &str, set: &DataSet, cache: &Path, say: &mut dyn FnMut(&str)) -> anyhow::Result<PathBuf> {
    let folder = folder(name, set, cache);
    if is_checked(&folder, set) {
        return Ok(folder);
    }
    fs::create_dir_all(cache).with_context(|| format!("cannot make the folder `{}`", cache.display()))?;
    let _lock = locked(&folder.with_extension("lock"), name, say)?;
    if is_checked(&folder, set) {
        return Ok(folder);
    }
    if folder.exists() {
        match check(&folder, set) {
            Ok(()) => {
                remember(&folder, set)?;
                return Ok(folder);
            }
            Err(fault) => say(&format!("data set `{name}`: {fault:#}; fetching it again")),
        }
    }
    let prefix = format!(".{name}-{}-", set.files_digest().short());
    remove_leftovers(cache, &prefix);
    let new = tempfile::Builder::new()
        .prefix(&prefix)
        .tempdir_in(cache)
        .with_context(|| format!("cannot make a folder in `{}`", cache.display()))?;
    get_from_first(name, set, new.path(), &folder, say)?;
    remember(new.path(), set)?;
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove `{}`", folder.display()))?;
    }
    fs::rename(new.path(), &folder).with_context(|| format!("cannot move the data set to `{}`", folder.display()))?;
    Ok(folder)
}

/// Removes what calls left that were killed. The lock says that nobody is at work in it, and what cannot be removed is
/// in nobody's way.
fn remove_leftovers(cache: &Path, prefix: &str) {
    let entries = fs::read_dir(cache).into_iter().flatten().filter_map(Result::ok);
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix)) {
        let _ = fs::remove_dir_all(entry.path());
    }
}

/// Takes the lock, which is given back when the file is closed, also by the death of the process.
fn locked(path: &Path, name: &str, say: &mut dyn FnMut(&str)) -> anyhow::Result<File> {
    let lock = File::create(path).with_context(|| format!("cannot make `{}`", path.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            say(&format!("data set `{name}`: waiting for another labpress that is fetching it"));
            lock.lock().with_context(|| format!("cannot lock `{}`", path.display()))?;
            Ok(lock)
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock `{}`", path.display())),
    }
}

/// Fetches the files into `into` from the first source that gives them whole.
fn get_from_first(
    name: &str,
    set: &DataSet,
    into: &Path,
    folder: &Path,
    say: &mut dyn FnMut(&str),
) -> anyhow::Result<()> {
    let mut faults = Vec::new();
    for source in &set.sources {
        let title = match source {
            DataSource::Debian { package, .. } => format!("the Debian package `{package}`"),
            DataSource::Url { base } => format!("`{base}`"),
            DataSource::BuiltIn {} => "labpress itself".to_owned(),
            _ => "a package".to_owned(),
        };
        say(&format!("data set `{name}`: fetching it from {title}"));
        let got = match source {
            DataSource::Debian { package, folder } => from_debian(package, folder, set, into),
            DataSource::Url { base } => from_url(base, set, into),
            DataSource::BuiltIn {} => from_built_in(set, into),
            _ => bail!("it cannot be fetched yet"),
        };
        match got.and_then(|()| check(into, set)) {
            Ok(()) => return Ok(()),
            Err(fault) => {
                let fault = format!("{title}: {fault:#}");
                say(&format!("data set `{name}`: {fault}"));
                faults.push(fault);
            }
        }
    }
    let names: Vec<&str> = set.files.keys().map(String::as_str).collect();
    bail!(
        "cannot get the data set `{name}`\n  {}\nhint: put {} (from {}) into `{}` yourself and try again; labpress \
         checks them",
        faults.join("\n  "),
        crate::diagnostic::listed(names),
        set.homepage,
        folder.display(),
    )
}

fn from_built_in(set: &DataSet, into: &Path) -> anyhow::Result<()> {
    for name in set.files.keys() {
        let (_, bytes) = BUILT_IN_FILES
            .iter()
            .find(|(known, _)| known == name)
            .ok_or_else(|| anyhow!("labpress brings no file `{name}`"))?;
        fs::write(into.join(name), bytes)?;
    }
    Ok(())
}

/// Fetches and unpacks the package without installing it. Works for every user: where apt has no package lists, they
/// are fetched into the temporary folder and the system's are left alone.
fn from_debian(package: &str, folder: &str, set: &DataSet, into: &Path) -> anyhow::Result<()> {
    let work = tempfile::Builder::new().prefix(".apt-").tempdir_in(into)?;
    let quick = ["-qq", "-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=20", "-o", "APT::Sandbox::User="];
    let download = ["download", package];
    if let Err(first) = run(Command::new("apt-get").args(quick).args(download).current_dir(&work)) {
        if first.downcast_ref::<io::Error>().is_some() {
            return Err(first);
        }
        let own = |key: &str, folder: &str| -> anyhow::Result<String> {
            let folder = work.path().join(folder);
            fs::create_dir_all(folder.join("partial"))?;
            Ok(format!("{key}={}", folder.display()))
        };
        let (lists, archives) = (own("Dir::State::Lists", "lists")?, own("Dir::Cache::Archives", "archives")?);
        let apart = ["-o", &lists, "-o", &archives, "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache="];
        run(Command::new("apt-get").args(quick).args(apart).arg("update").current_dir(&work))?;
        run(Command::new("apt-get").args(quick).args(apart).args(download).current_dir(&work))?;
    }
    let package_file = fs::read_dir(&work)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension() == Some(OsStr::new("deb")))
        .ok_or_else(|| anyhow!("`apt-get download {package}` left no package file"))?;
    let unpacked = work.path().join("unpacked");
    run(Command::new("dpkg-deb").arg("--extract").arg(&package_file).arg(&unpacked))?;
    for name in set.files.keys() {
        let from = unpacked.join(folder).join(name);
        // `symlink_metadata`: a link in the package could lead anywhere.
        let is_file = fs::symlink_metadata(&from).is_ok_and(|metadata| metadata.is_file());
        if !is_file {
            bail!("the package holds no file `{folder}/{name}`");
        }
        fs::rename(&from, into.join(name))?;
    }
    Ok(())
}

fn from_url(base: &str, set: &DataSet, into: &Path) -> anyhow::Result<()> {
    for name in set.files.keys() {
        let url = format!("{}/{name}", base.trim_end_matches('/'));
        let mut curl = Command::new("curl");
        curl.args(["--fail", "--location", "--silent", "--show-error", "--proto", "=https"]);
        curl.args(["--retry", "2", "--connect-timeout", "20", "--url", &url, "--output"]).arg(into.join(name));
        run(&mut curl)?;
    }
    Ok(())
}

/// Runs a client to its end. Where it failed, the error is the last line that it wrote; an [`io::Error`] is at the root
/// if it could not be started at all.
fn run(command: &mut Command) -> anyhow::Result<()> {
    let program = command.get_program().display().to_string();
    let output = command.env("LC_ALL", "C").stdin(Stdio::null()).output().map_err(|error| {
        let missing = error.kind() == io::ErrorKind::NotFound;
        let message =
            if missing { format!("`{program}` is not installed") } else { format!("cannot start `{program}`") };
        anyhow::Error::new(error).context(message)
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing").trim();
    bail!("`{program}` failed ({}): {last}", output.status)
}

/// Checks the content of every file.
fn check(folder: &Path, set: &DataSet) -> anyhow::Result<()> {
    for (name, declared) in &set.files {
        let found = content_sha256(&folder.join(name)).with_context(|| format!("`{name}` cannot be read"))?;
        if found != declared.sha256 {
            bail!("`{name}` has the SHA-256 {found}, declared is {}", declared.sha256);
        }
    }
    Ok(())
}

/// SHA-256 of a file's content in hex; of a `.gz` file, of the unpacked content.
fn content_sha256(path: &Path) -> io::Result<String> {
    let file = io::BufReader::new(File::open(path)?);
    let mut content: Box<dyn Read> = match path.extension() {
        Some(extension) if extension == "gz" => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        _ => Box::new(file),
    };
    let mut hasher = Sha256::new();
    let mut part = vec![0; 1 << 16];
    loop {
        match content.read(&mut part)? {
            0 => break,
            length => hasher.update(&part[..length]),
        }
    }
    let digest = hasher.finalize();
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(u32::from);
    Ok(digits.map(|digit| char::from_digit(digit, 16).expect("it is below 16")).collect())
}

/// What is remembered of a checked file: enough to see that it was touched since.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Checked {
    sha256: String,
    bytes: u64,
    modified_ns: u128,
}

impl Checked {
    fn of(path: &Path, sha256: &str) -> io::Result<Checked> {
        let metadata = fs::metadata(path)?;
        let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Checked { sha256: sha256.to_owned(), bytes: metadata.len(), modified_ns: modified.as_nanos() })
    }
}

fn checked_files(folder: &Path, set: &DataSet) -> io::Result<BTreeMap<String, Checked>> {
    set.files.iter().map(|(name, file)| Ok((name.clone(), Checked::of(&folder.join(name), &file.sha256)?))).collect()
}

/// Writes the marker, whole or not at all.
fn remember(folder: &Path, set: &DataSet) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(&checked_files(folder, set)?)?;
    let new = folder.join(format!(".{MARKER}.new"));
    fs::write(&new, text)?;
    fs::rename(&new, folder.join(MARKER))?;
    Ok(())
}

fn is_checked(folder: &Path, set: &DataSet) -> bool {
    let remembered = fs::read_to_string(folder.join(MARKER))
        .ok()
        .and_then(|text| serde_json::from_str::<BTreeMap<String, Checked>>(&text).ok());
    remembered.is_some_and(|remembered| checked_files(folder, set).is_ok_and(|present| present == remembered))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Yaml;

    fn digits() -> DataSet {
        let text = super::super::built_in("digits").expect("it is built in");
        DataSet::parse(Yaml::file("digits.yml", text)).expect("it is whole")
    }

    /// Fetches `set` as `digits` into `cache`; returns the folder or the error, and how many lines were said.
    fn fetch_said(set: &DataSet, cache: &Path) -> (anyhow::Result<PathBuf>, usize) {
        let mut lines = 0;
        let result = fetch("digits", set, cache, &mut |_| lines += 1);
        (result, lines)
    }

    #[test]
    fn a_data_set_is_fetched_once() {
        let cache = tempfile::tempdir().unwrap();
        let leftover = cache.path().join(format!(".digits-{}-killed", digits().files_digest().short()));
        fs::create_dir(&leftover).unwrap();
        let (folder, said) = fetch_said(&digits(), cache.path());
        assert!(folder.unwrap().join("digits.csv.gz").is_file());
        assert_eq!(said, 1);
        assert!(!leftover.exists(), "what a killed call left is removed");
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
        assert_eq!(fs::read(&file).unwrap(), BUILT_IN_FILES[0].1);
    }

    #[test]
    fn files_put_there_by_hand_are_taken_when_they_are_right() {
        let cache = tempfile::tempdir().unwrap();
        let set = digits();
        let folder = cache.path().join(format!("digits-{}", set.files_digest().short()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("digits.csv.gz"), BUILT_IN_FILES[0].1).unwrap();
        assert_eq!(fetch_said(&set, cache.path()).1, 0);
        assert!(folder.join(MARKER).is_file());
    }

    #[test]
    fn a_source_that_gives_other_bytes_is_refused_and_named() {
        let cache = tempfile::tempdir().unwrap();
        let mut set = digits();
        set.files.get_mut("digits.csv.gz").unwrap().sha256 = "0".repeat(64);
        let error = fetch_said(&set, cache.path()).0.unwrap_err().to_string();
        assert!(error.contains("labpress itself: `digits.csv.gz` has the SHA-256 6ebb3d2f"), "{error}");
        assert!(error.contains("hint: put `digits.csv.gz` (from https://archive.ics.uci.edu/"), "{error}");
        // Nothing but the lock is left.
        let left: Vec<_> = fs::read_dir(cache.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn the_next_source_is_tried() {
        let cache = tempfile::tempdir().unwrap();
        let mut set = digits();
        // Nothing listens on port 1, and where curl is missing that is a failed source too.
        set.sources.insert(0, DataSource::Url { base: "https://127.0.0.1:1".to_owned() });
        let (folder, said) = fetch_said(&set, cache.path());
        folder.unwrap();
        assert_eq!(said, 3);
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run(&mut Command::new("labpress-no-such-program")).unwrap_err();
        assert!(format!("{error:#}").starts_with("`labpress-no-such-program` is not installed"));
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
