//! What the last build into a folder was made from, so that a build for which nothing has changed
//! reads the site's files and no more.
//!
//! A build is kept as the digest of everything that it depends on, beside the size, time and inode
//! of each file that it wrote. If all of them are the same, the folder is already what the build
//! would make it. As in git, a file that was written just before it was looked at is not trusted
//! by its time, because a later change could leave it the same: it is kept by its digest.
//!
//! A file that cannot be read, or that is from another version of labpress, counts as no build.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::atomic;
use crate::digest::Digest;
use crate::inputs::{LIST, is_same_content, open_file};
use crate::output::{Content, Output};

/// How old a file must be for its time to be trusted, in nanoseconds: longer than the clock of any
/// file system ticks, except FAT's.
const OLD_ENOUGH: i128 = 50_000_000;

/// How many files about builds of a site are kept: two for each folder that it is built into.
const MOST_FILES: usize = 16;

/// What pages were made from, by their files and the names of the parts.
pub type Origins = BTreeMap<String, BTreeMap<String, String>>;

/// A build, and the files that it wrote.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastBuild {
    /// The folder that it wrote to.
    folder: PathBuf,
    /// The digest of everything that it was made from, except for the time.
    state: Digest,
    /// From when on the same state gives another site.
    until: Option<Timestamp>,
    /// What it wrote, by path in the folder.
    files: BTreeMap<String, Mark>,
    /// The files that it copied, by path in the folder, with their sources.
    copies: BTreeMap<String, PathBuf>,
}

/// How to recognize a file without reading it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    size: u64,
    /// When it was last changed, in nanoseconds since 1970.
    changed: i128,
    inode: u64,
    /// The digest of its content, if its time cannot be trusted.
    digest: Option<Digest>,
}

impl LastBuild {
    /// The file that holds the last build into `folder` of the site at `root`.
    fn path(root: &Path, folder: &Path) -> PathBuf {
        let name = Digest::of(folder.as_os_str().as_encoded_bytes()).short();
        root.join(".labpress/cache/builds").join(format!("{name}.json"))
    }

    /// Whether `folder` is already what a build of the site at `root` would make it, and how many
    /// files are in it. `state` is the digest of everything that the build depends on.
    pub fn holds(root: &Path, folder: &Path, state: Digest, now: Timestamp) -> Option<usize> {
        let text = fs::read_to_string(LastBuild::path(root, folder)).ok()?;
        let last: LastBuild = serde_json::from_str(&text).ok()?;
        let is_same = last.folder == folder
            && last.state == state
            && last.until.is_none_or(|until| now < until);
        if !is_same {
            return None;
        }
        let files: Vec<(&String, &Mark)> = last.files.iter().collect();
        let are_same = files.par_iter().all(|(path, mark)| mark.is_of(&folder.join(path)));
        let mut copies = last.copies.iter();
        let mut are_copied = || {
            copies
                .all(|(path, source)| is_same_content(source, &folder.join(path)).unwrap_or(false))
        };
        // The list of files is not one of the site's files.
        (are_same && are_copied()).then(|| last.files.len() - 1)
    }

    /// What the pages in `folder` were made from at the last build: by the path of a page, the names
    /// of the parts with the first digits of their digests.
    pub fn origins(root: &Path, folder: &Path) -> Origins {
        let text = fs::read_to_string(LastBuild::path(root, folder).with_extension("pages")).ok();
        text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// Keeps a build that wrote `output` to `folder`, and what its pages were made from.
    pub fn keep(
        root: &Path,
        folder: &Path,
        state: Digest,
        until: Option<Timestamp>,
        output: &Output,
        origins: &Origins,
    ) -> io::Result<()> {
        let now = SystemTime::now();
        let paths: Vec<&str> = output.files().map(|(path, _)| path).chain([LIST]).collect();
        let mark = |path: &&str| Ok(((*path).to_owned(), Mark::of(&folder.join(path), now)?));
        let files: Vec<(String, Mark)> = paths.par_iter().map(mark).collect::<io::Result<_>>()?;
        let copies = output.files().filter_map(|(path, content)| match content {
            Content::CopyOf(source) => Some((path.to_owned(), source.clone())),
            Content::Bytes(_) => None,
        });
        let last = LastBuild {
            folder: folder.to_owned(),
            state,
            until,
            files: files.into_iter().collect(),
            copies: copies.collect(),
        };
        let path = LastBuild::path(root, folder);
        write(&path.with_extension("pages"), origins)?;
        write(&path, &last)?;
        remove_oldest(path.parent().unwrap_or(root))
    }
}

/// Replaces a file. Not synced: after a power cut, one that is not complete counts as absent.
fn write(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_string(value).map_err(io::Error::other)?;
    let mut file = atomic::new_file(path.parent().unwrap_or(path))?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

/// Removes the oldest builds that are kept, if there are too many.
fn remove_oldest(builds: &Path) -> io::Result<()> {
    let mut kept = Vec::new();
    for entry in fs::read_dir(builds)? {
        let entry = entry?;
        kept.push((entry.metadata()?.modified()?, entry.path()));
    }
    kept.sort();
    let too_many = kept.len().saturating_sub(MOST_FILES);
    kept[..too_many].iter().try_for_each(|(_, path)| fs::remove_file(path))
}

impl Mark {
    fn of(path: &Path, now: SystemTime) -> io::Result<Mark> {
        let about = fs::symlink_metadata(path)?;
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let now = i128::try_from(now.as_nanos()).unwrap_or_default();
        let is_old = now - changed(&about) > OLD_ENOUGH;
        let digest = if is_old { None } else { Some(digest(path)?) };
        Ok(Mark { size: about.len(), changed: changed(&about), inode: inode(&about), digest })
    }

    fn is_of(&self, path: &Path) -> bool {
        let Ok(about) = fs::symlink_metadata(path) else { return false };
        let is_same = about.is_file()
            && (about.len(), changed(&about), inode(&about))
                == (self.size, self.changed, self.inode);
        is_same && self.digest.is_none_or(|known| digest(path).is_ok_and(|now| now == known))
    }
}

fn digest(path: &Path) -> io::Result<Digest> {
    let mut content = Vec::new();
    open_file(path)?.read_to_end(&mut content)?;
    Ok(Digest::of(&content))
}

/// When the file was last changed in any way, which unlike the time of its content nobody can set.
#[cfg(unix)]
fn changed(about: &Metadata) -> i128 {
    use std::os::unix::fs::MetadataExt;
    i128::from(about.ctime()) * 1_000_000_000 + i128::from(about.ctime_nsec())
}

#[cfg(not(unix))]
fn changed(about: &Metadata) -> i128 {
    let since =
        about.modified().ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.and_then(|since| i128::try_from(since.as_nanos()).ok()).unwrap_or_default()
}

#[cfg(unix)]
fn inode(about: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(about)
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: &str = "public";

    struct Built {
        site: tempfile::TempDir,
    }

    impl Built {
        /// A site that was built into its folder, from the state "a" until 2030.
        fn new() -> Built {
            let site = tempfile::tempdir().unwrap();
            let built = Built { site };
            fs::create_dir(built.folder()).unwrap();
            fs::write(built.site.path().join("picture.png"), "picture").unwrap();
            let mut output = Output::default();
            output.add("index.html", Content::Bytes(b"page".as_slice().into())).unwrap();
            let picture = built.site.path().join("picture.png");
            output.add("picture.png", Content::CopyOf(picture)).unwrap();
            crate::destination::write(&output, &built.folder(), || ()).unwrap();
            let until = Some("2030-01-01T00:00:00Z".parse().unwrap());
            let origins = Origins::default();
            let root = built.site.path();
            LastBuild::keep(root, &built.folder(), Digest::of(b"a"), until, &output, &origins)
                .unwrap();
            built
        }

        fn folder(&self) -> PathBuf {
            self.site.path().join(FOLDER)
        }

        fn cache(&self) -> PathBuf {
            LastBuild::path(self.site.path(), &self.folder())
        }

        fn holds_at(&self, state: &[u8], now: &str) -> Option<usize> {
            let now = now.parse().unwrap();
            LastBuild::holds(self.site.path(), &self.folder(), Digest::of(state), now)
        }

        fn holds(&self) -> bool {
            self.holds_at(b"a", "2029-01-01T00:00:00Z").is_some()
        }
    }

    #[test]
    fn a_build_holds_for_its_state_and_its_time() {
        let built = Built::new();
        assert_eq!(built.holds_at(b"a", "2029-01-01T00:00:00Z"), Some(2));
        assert_eq!(built.holds_at(b"b", "2029-01-01T00:00:00Z"), None);
        assert_eq!(built.holds_at(b"a", "2030-01-01T00:00:00Z"), None);
    }

    #[test]
    fn a_build_does_not_hold_if_its_files_were_changed() {
        let changes: [fn(&Path); 5] = [
            |folder| fs::write(folder.join("index.html"), "epag").unwrap(),
            |folder| fs::remove_file(folder.join("index.html")).unwrap(),
            |folder| fs::write(folder.join("picture.png"), "erutcip").unwrap(),
            |folder| fs::write(folder.join("../picture.png"), "another").unwrap(),
            |folder| fs::remove_file(folder.join(LIST)).unwrap(),
        ];
        for (at, change) in changes.into_iter().enumerate() {
            let built = Built::new();
            assert!(built.holds());
            change(&built.folder());
            assert!(!built.holds(), "change {at}");
        }
    }

    #[test]
    fn a_damaged_or_foreign_cache_counts_as_no_build() {
        let built = Built::new();
        let text = fs::read(built.cache()).unwrap();
        for length in 0..text.len() {
            fs::write(built.cache(), &text[..length]).unwrap();
            assert!(!built.holds(), "cut at {length}");
        }
        for at in 0..text.len() {
            let mut flipped = text.clone();
            flipped[at] ^= 1;
            fs::write(built.cache(), flipped).unwrap();
            // A time further in the future, or a name of a file, may be flipped without harm.
            if built.holds() {
                assert_eq!(fs::read(built.folder().join("index.html")).unwrap(), b"page");
            }
        }
        let other = Built::new();
        fs::copy(other.cache(), built.cache()).unwrap();
        assert!(!built.holds());
    }

    #[test]
    fn only_a_few_builds_are_kept() {
        let built = Built::new();
        for number in 0..20 {
            let folder = built.site.path().join(format!("public-{number}"));
            fs::create_dir(&folder).unwrap();
            let (output, origins) = (Output::default(), Origins::default());
            crate::destination::write(&output, &folder, || ()).unwrap();
            let state = Digest::of(b"a");
            LastBuild::keep(built.site.path(), &folder, state, None, &output, &origins).unwrap();
        }
        let kept = fs::read_dir(built.cache().parent().unwrap()).unwrap().count();
        assert_eq!(kept, MOST_FILES);
    }
}
