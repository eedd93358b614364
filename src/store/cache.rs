//! Files that take long to make, such as pictures in other sizes, by the digest of everything that
//! they are made from: `.labpress/cache/made/KEY-DIGEST.ENDING`, where the second digest is that of
//! the content. So a file that was cut or changed does not match its own name, and is made again.
//!
//! Nothing depends on what is in the folder: without it, a build only takes longer. It is kept below
//! [`MOST_BYTES`] by removing what no build has used for the longest time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Store, atomic};
use crate::digest::Digest;
use crate::output::Content;

/// How many bytes the folder keeps that the last build did not use.
const MOST_BYTES: u64 = 512 << 20;

/// The cache of a site. Clones share what they know.
#[derive(Debug, Clone, Default)]
pub struct Cache {
    disk: Option<Disk>,
    known: Arc<Mutex<Known>>,
}

/// The folder of a cache on disk.
#[derive(Debug, Clone)]
struct Disk {
    store: Store,
    is_written: bool,
}

/// What this process knows of the files.
#[derive(Debug, Default)]
struct Known {
    /// The files in the folder by key, once it was listed.
    listed: Option<BTreeMap<String, PathBuf>>,
    /// What was read or made.
    contents: BTreeMap<String, Option<Content>>,
}

impl Cache {
    /// The cache of the site at `root`, which is written only if `is_written`. The default cache
    /// keeps everything in memory.
    pub fn of(root: &Path, is_written: bool) -> Cache {
        let disk = Disk { store: Store::of(root), is_written };
        Cache { disk: Some(disk), known: Arc::default() }
    }

    /// The file for `key`: the one that is kept, or what `make` makes, which depends on `key` alone.
    /// Where possible, it is a copy of the file in the cache. `None` if what was made is empty, which
    /// stands for nothing.
    pub(crate) fn content(
        &self,
        key: Digest,
        ending: &str,
        make: impl FnOnce() -> Vec<u8>,
    ) -> Option<Content> {
        let key = key.to_string()[..32].to_owned();
        if let Some(content) = self.kept(&key) {
            return content;
        }
        let bytes = make();
        let written = self.written(&key, ending, &bytes).map(Content::CopyOf);
        let is_empty = bytes.is_empty();
        let content = written.unwrap_or_else(|| Content::Bytes(bytes.into()));
        let content = Some(content).filter(|_| !is_empty);
        self.known().contents.insert(key, content.clone());
        content
    }

    /// What is kept for a key, if it is what was made.
    #[expect(clippy::option_option, reason = "that there is nothing is kept also")]
    fn kept(&self, key: &str) -> Option<Option<Content>> {
        let path = {
            let mut known = self.known();
            if let Some(content) = known.contents.get(key) {
                return Some(content.clone());
            }
            let disk = self.disk.as_ref()?;
            known.listed.get_or_insert_with(|| disk.listed()).get(key)?.clone()
        };
        let bytes = fs::read(&path).ok()?;
        if path.file_stem()?.to_str()?.strip_prefix(key)?[1..]
            != Digest::of(&bytes).to_string()[..32]
        {
            return None;
        }
        let content = Some(Content::CopyOf(path)).filter(|_| !bytes.is_empty());
        self.known().contents.insert(key.to_owned(), content.clone());
        Some(content)
    }

    /// Writes a file to the folder and returns its path; `None` if that is not wanted or possible.
    fn written(&self, key: &str, ending: &str, bytes: &[u8]) -> Option<PathBuf> {
        let disk = self.disk.as_ref().filter(|disk| disk.is_written)?;
        let name = format!("{key}-{}.{ending}", &Digest::of(bytes).to_string()[..32]);
        let path = disk.folder().join(name);
        let tmp = disk.store.made_folder().ok()?.join("tmp");
        let mut file = atomic::new_file(&tmp).ok()?;
        file.write_all(bytes).ok()?;
        atomic::make_readable(file.as_file()).ok()?;
        atomic::persist_unsynced(file, &path).ok()?;
        Some(path)
    }

    /// Removes what no build has used for the longest time, until the folder is small enough. What
    /// this process has used is kept.
    pub fn sweep(&self) {
        let Some(disk) = self.disk.as_ref().filter(|disk| disk.is_written) else { return };
        let known = self.known();
        if known.contents.is_empty() {
            return;
        }
        let used: BTreeSet<&PathBuf> = known
            .contents
            .values()
            .filter_map(|content| match content {
                Some(Content::CopyOf(path)) => Some(path),
                Some(Content::Bytes(_) | Content::AsWritten { .. }) | None => None,
            })
            .collect();
        let mut others = Vec::new();
        for entry in fs::read_dir(disk.folder()).into_iter().flatten().flatten() {
            let (path, about) = (entry.path(), entry.metadata());
            if let Ok(about) = about
                && !used.contains(&path)
            {
                others.push((about.modified().ok(), about.len(), path));
            }
        }
        others.sort();
        let mut bytes: u64 = others.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, size, path) in others {
            if bytes <= MOST_BYTES {
                break;
            }
            let _ = fs::remove_file(path);
            bytes -= size;
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk {
    fn folder(&self) -> PathBuf {
        self.store.folder.join("cache/made")
    }

    /// The files of the folder, by key.
    fn listed(&self) -> BTreeMap<String, PathBuf> {
        let entries = fs::read_dir(self.folder()).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path());
        paths.filter_map(|path| Some((key_of(&path)?, path))).collect()
    }
}

/// The key in the name of a file of the cache.
fn key_of(path: &Path) -> Option<String> {
    let (key, digest) = path.file_stem()?.to_str()?.split_once('-')?;
    let is_hex = |text: &str| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hex(key) && is_hex(digest)).then(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(site: &tempfile::TempDir) -> PathBuf {
        site.path().join(".labpress/cache/made")
    }

    /// What a new process gets, and whether it had to make it.
    fn get(site: &tempfile::TempDir, is_written: bool) -> (Vec<u8>, bool) {
        let mut is_made = false;
        let cache = Cache::of(site.path(), is_written);
        let content = cache.content(Digest::of(b"key"), "png", || {
            is_made = true;
            b"picture".to_vec()
        });
        let bytes = match content.expect("it is not empty") {
            Content::Bytes(bytes) => bytes.to_vec(),
            Content::CopyOf(path) => fs::read(path).unwrap(),
            Content::AsWritten { .. } => unreachable!("a cache makes none"),
        };
        (bytes, is_made)
    }

    #[test]
    fn what_is_kept_is_not_made_again() {
        let site = tempfile::tempdir().unwrap();
        assert_eq!(get(&site, true), (b"picture".to_vec(), true));
        assert_eq!(get(&site, true), (b"picture".to_vec(), false));
        assert_eq!(fs::read_to_string(site.path().join(".labpress/.gitignore")).unwrap(), "*\n");
    }

    #[test]
    fn that_there_is_nothing_is_kept_also() {
        let site = tempfile::tempdir().unwrap();
        for is_first in [true, false] {
            let mut is_made = false;
            let cache = Cache::of(site.path(), true);
            let content = cache.content(Digest::of(b"none"), "png", || {
                is_made = true;
                Vec::new()
            });
            assert_eq!((content, is_made), (None, is_first));
        }
    }

    #[test]
    fn a_cache_that_is_only_read_writes_nothing() {
        let site = tempfile::tempdir().unwrap();
        assert_eq!(get(&site, false), (b"picture".to_vec(), true));
        assert!(!site.path().join(".labpress").exists());
    }

    #[test]
    fn a_damaged_file_is_made_again() {
        let site = tempfile::tempdir().unwrap();
        get(&site, true);
        let path = fs::read_dir(folder(&site)).unwrap().next().unwrap().unwrap().path();
        for damaged in [&b"pictur"[..], b"", b"qicture", b"picture more"] {
            fs::write(&path, damaged).unwrap();
            assert_eq!(get(&site, true), (b"picture".to_vec(), true));
        }
        fs::write(folder(&site).join("other"), "x").unwrap();
        assert_eq!(get(&site, true), (b"picture".to_vec(), false));
    }

    #[test]
    fn only_what_is_unused_is_removed() {
        let site = tempfile::tempdir().unwrap();
        let cache = Cache::of(site.path(), true);
        cache.content(Digest::of(b"key"), "png", || b"picture".to_vec());
        let large = fs::File::create(folder(&site).join("large")).unwrap();
        large.set_len(MOST_BYTES + 1).unwrap();
        cache.sweep();
        assert!(!folder(&site).join("large").exists());
        assert_eq!(get(&site, true), (b"picture".to_vec(), false));
    }
}
