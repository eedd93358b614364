//! Unpacks archives: extracts the wanted files into a folder, safely.
//!
//! An archive is untrusted. It cannot write outside the folder: names that lead out of it are
//! errors, links and devices are skipped. Its unpacked size is limited to a multiple of its own
//! size.
#![expect(
    clippy::disallowed_methods,
    reason = "`data::fetch` fills the cache folder and unpacks archives into it"
)]

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::is_inner_path;

/// An archive may unpack to this many times its own size…
const MAX_RATIO: u64 = 200;
/// …and to this many bytes in any case.
const FREE_BYTES: u64 = 1 << 28;

/// A kind of archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `.zip`, also `.whl`.
    Zip,
    /// `.tar`.
    Tar,
    /// `.tar.gz`, `.tgz`.
    TarGz,
}

impl Kind {
    /// The kind of a file name, by its ending.
    pub(super) fn of(name: &str) -> Option<Kind> {
        let known = [
            (".zip", Kind::Zip),
            (".whl", Kind::Zip),
            (".tar", Kind::Tar),
            (".tar.gz", Kind::TarGz),
            (".tgz", Kind::TarGz),
        ];
        known.into_iter().find(|(end, _)| name.ends_with(end)).map(|(_, kind)| kind)
    }
}

/// Extracts `names`, files or folders in `folder` of the archive at `path` (empty for its top),
/// into `into`.
pub(super) fn unpack(path: &Path, folder: &str, names: &[&str], into: &Path) -> anyhow::Result<()> {
    let file_name = path.file_name().unwrap_or_default().to_string_lossy();
    let kind = Kind::of(&file_name)
        .with_context(|| format!("`{file_name}` is not a `.zip`, `.tar` or `.tar.gz` file"))?;
    let file = File::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
    let size = file.metadata()?.len();
    let mut left = FREE_BYTES.max(size.saturating_mul(MAX_RATIO));
    let file = BufReader::new(file);
    let broken = || format!("cannot unpack `{file_name}`");
    match kind {
        Kind::Zip => {
            let mut zip = zip::ZipArchive::new(file).with_context(broken)?;
            for index in 0..zip.len() {
                let mut entry = zip.by_index(index).with_context(broken)?;
                let name = entry.name().with_context(broken)?.into_owned();
                if let Some(target) = target(&name, folder, names, into)?
                    && entry.is_file()
                    && !entry.is_symlink()
                {
                    write(&mut entry, &target, &mut left).with_context(broken)?;
                }
            }
        }
        Kind::Tar => untar(file, folder, names, into, &mut left).with_context(broken)?,
        Kind::TarGz => {
            untar(flate2::bufread::MultiGzDecoder::new(file), folder, names, into, &mut left)
                .with_context(broken)?;
        }
    }
    Ok(())
}

fn untar(
    bytes: impl Read,
    folder: &str,
    names: &[&str],
    into: &Path,
    left: &mut u64,
) -> anyhow::Result<()> {
    for entry in tar::Archive::new(bytes).entries()? {
        let mut entry = entry?;
        let Some(name) = entry.path()?.to_str().map(str::to_owned) else { continue };
        // Regular files only: a link could lead anywhere.
        let is_file = entry.header().entry_type().is_file();
        if let Some(target) = target(&name, folder, names, into)?.filter(|_| is_file) {
            write(&mut entry, &target, left)?;
        }
    }
    Ok(())
}

/// Where a file of an archive is extracted to; `None` if it is not wanted.
fn target(
    name: &str,
    folder: &str,
    names: &[&str],
    into: &Path,
) -> anyhow::Result<Option<PathBuf>> {
    let name = name.strip_prefix("./").unwrap_or(name).trim_end_matches('/');
    let inner = match folder {
        "" => Some(name),
        folder => name.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')),
    };
    let is_wanted = |inner: &&str| {
        names.iter().any(|name| {
            inner.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    let Some(inner) = inner.filter(is_wanted) else { return Ok(None) };
    if !is_inner_path(inner) {
        bail!("`{name}` leads out of the archive");
    }
    Ok(Some(into.join(inner)))
}

fn write(content: &mut impl Read, target: &Path, left: &mut u64) -> anyhow::Result<()> {
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file =
        File::create(target).with_context(|| format!("cannot create `{}`", target.display()))?;
    let written = io::copy(&mut content.take(*left + 1), &mut file)?;
    *left = left
        .checked_sub(written)
        .context("its content is far larger than an archive of its size should hold")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn tgz(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            // Written directly, because the crate refuses names outside the archive.
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            tar.append(&header, *content).unwrap();
        }
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&tar.into_inner().unwrap()).unwrap();
        gz.finish().unwrap()
    }

    fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        for (name, content) in files {
            zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    /// Extracts `names` from the folder `data`. Returns the extracted files, or the error.
    fn unpacked(name: &str, bytes: &[u8], names: &[&str]) -> Result<Vec<String>, String> {
        let work = tempfile::tempdir().unwrap();
        let (package, into) = (work.path().join(name), work.path().join("into"));
        fs::write(&package, bytes).unwrap();
        fs::create_dir(&into).unwrap();
        unpack(&package, "data", names, &into).map_err(|error| format!("{error:#}"))?;
        assert!(!work.path().join("out").exists(), "a file was written outside");
        let files =
            walkdir::WalkDir::new(&into).sort_by_file_name().into_iter().map(Result::unwrap);
        let files = files.filter(|entry| entry.file_type().is_file());
        Ok(files
            .map(|entry| entry.path().strip_prefix(&into).unwrap().display().to_string())
            .collect())
    }

    #[test]
    fn only_wanted_files_are_extracted() {
        let files: [(&str, &[u8]); 4] = [
            ("data/images/a.png", b"a"),
            ("data/imagesx", b"x"),
            ("data/labels.csv", b"l"),
            ("other", b"o"),
        ];
        for (name, bytes) in [("a.tgz", tgz(&files)), ("a.whl", zip(&files))] {
            assert_eq!(
                unpacked(name, &bytes, &["images", "labels.csv"]).unwrap(),
                ["images/a.png", "labels.csv"]
            );
        }
    }

    #[test]
    fn nothing_is_written_outside_the_folder() {
        for evil in ["data/images/../../out", "data/images//out", "data/images/..\\out"] {
            let error = unpacked("a.tgz", &tgz(&[(evil, b"x")]), &["images"]).unwrap_err();
            assert!(error.ends_with("leads out of the archive"), "{error}");
            let error = unpacked("a.zip", &zip(&[(evil, b"x")]), &["images"]).unwrap_err();
            assert!(error.ends_with("leads out of the archive"), "{error}");
        }
    }

    #[test]
    fn a_bomb_is_refused() {
        let zeros = vec![0; usize::try_from(FREE_BYTES).unwrap() + 1];
        let error = unpacked("a.tgz", &tgz(&[("data/images/a", &zeros)]), &["images"]).unwrap_err();
        assert!(
            error.ends_with("its content is far larger than an archive of its size should hold"),
            "{error}"
        );
    }

    #[test]
    fn a_damaged_archive_is_refused() {
        for (name, bytes) in [("a.tgz", &b"no"[..]), ("a.zip", b"PK\x03\x04"), ("a.tar", &[1; 700])]
        {
            assert!(
                unpacked(name, bytes, &["images"])
                    .unwrap_err()
                    .starts_with(&format!("cannot unpack `{name}`"))
            );
        }
        assert_eq!(
            unpacked("a.rar", b"", &[]).unwrap_err(),
            "`a.rar` is not a `.zip`, `.tar` or `.tar.gz` file"
        );
    }
}
