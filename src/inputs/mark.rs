//! How to recognize a file without reading it.
//!
//! As in git, a file that was written just before it was looked at is not trusted by its time,
//! because a later change could leave it the same: it is kept by its digest.
#![expect(clippy::disallowed_methods, reason = "the age of a file is found by the clock")]

use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::open_file;
use crate::digest::Digest;

/// How old a file must be for its time to be trusted, in nanoseconds: longer than the clock of any
/// file system ticks, except FAT's.
const OLD_ENOUGH: i128 = 50_000_000;

/// The size, time and inode of a file; those of no file by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    size: u64,
    /// When it was last changed, in nanoseconds since 1970.
    changed: i128,
    inode: u64,
    /// The digest of its content, if its time cannot be trusted.
    digest: Option<Digest>,
}

impl Mark {
    /// The mark of the file at `path`.
    pub fn of(path: &Path) -> io::Result<Mark> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let now = i128::try_from(now.as_nanos()).unwrap_or_default();
        let about = fs::symlink_metadata(path)?;
        let is_old = now - changed(&about) > OLD_ENOUGH;
        let digest = if is_old { None } else { Some(digest(path)?) };
        Ok(Mark { size: about.len(), changed: changed(&about), inode: inode(&about), digest })
    }

    /// Whether the file at `path` is still the one that was marked.
    pub fn is_of(&self, path: &Path) -> bool {
        let Ok(about) = fs::symlink_metadata(path) else { return false };
        let is_same = about.is_file()
            && (about.len(), changed(&about), inode(&about))
                == (self.size, self.changed, self.inode);
        is_same && self.digest.is_none_or(|known| digest(path).is_ok_and(|now| now == known))
    }

    /// Whether the file's time suffices to recognize it.
    pub fn has_old_time(&self) -> bool {
        self.digest.is_none()
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
