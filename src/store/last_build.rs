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
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::atomic;
use crate::digest::Digest;
use crate::inputs::{LIST, is_same_content, open_file};
use crate::output::{Content, Output};

/// How old a file must be for its time to be trusted: longer than the clock of any file system
/// ticks, except FAT's.
const OLD_ENOUGH: Duration = Duration::from_millis(50);

/// How many builds of a site are kept, each into a folder of its own.
const MOST_BUILDS: usize = 8;

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
    changed: u128,
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

    /// Keeps a build that wrote `output` to `folder`.
    pub fn keep(
        root: &Path,
        folder: &Path,
        state: Digest,
        until: Option<Timestamp>,
        output: &Output,
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
        let text = serde_json::to_string(&last).map_err(io::Error::other)?;
        let path = LastBuild::path(root, folder);
        let builds = path.parent().unwrap_or(root);
        // Not synced: after a power cut, a file that is not complete counts as no build.
        let mut file = atomic::new_file(builds)?;
        file.write_all(text.as_bytes())?;
        file.persist(&path)?;
        remove_oldest(builds)
    }
}

/// Removes the oldest builds that are kept, if there are too many.
fn remove_oldest(builds: &Path) -> io::Result<()> {
    let mut kept = Vec::new();
    for entry in fs::read_dir(builds)? {
        let entry = entry?;
        kept.push((entry.metadata()?.modified()?, entry.path()));
    }
    kept.sort();
    let too_many = kept.len().saturating_sub(MOST_BUILDS);
    kept[..too_many].iter().try_for_each(|(_, path)| fs::remove_file(path))
}

impl Mark {
    fn of(path: &Path, now: SystemTime) -> io::Result<Mark> {
        let about = fs::symlink_metadata(path)?;
        let is_old = about
            .modified()
            .is_ok_and(|changed| now.duration_since(changed).is_ok_and(|age| age > OLD_ENOUGH));
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

fn changed(about: &Metadata) -> u128 {
    let since =
        about.modified().ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.unwrap_or_default().as_nanos()
}

#[cfg(unix)]
fn inode(about: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(about)
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}
