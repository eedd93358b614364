//! All files of a built site as one value. [`destination`](crate::destination) writes it to a
//! folder.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::digest::Digest;
use crate::inputs::mark::Mark;
use crate::path;
use crate::permalink::percent_decoded;

/// All files of the built site, by path with `/` between parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    files: BTreeMap<String, Content>,
    /// Files and folders to keep even if the site does not have them.
    kept: Vec<String>,
}

/// The content of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// These bytes.
    Bytes(Arc<[u8]>),
    /// A copy of a file on this machine, which is never entirely in memory.
    CopyOf(PathBuf),
    /// What the last build wrote into the destination, where it still is.
    AsWritten {
        /// The file in the destination.
        mark: Mark,
        /// What it was made from, see [`digest`](Content::digest).
        digest: Digest,
    },
}

impl Content {
    /// Whether two files that were made have the same bytes.
    pub(crate) fn is_same(&self, other: &Content) -> bool {
        match (self, other) {
            (Content::AsWritten { .. }, _) | (_, Content::AsWritten { .. }) => {
                self.digest() == other.digest()
            }
            (one, other) => one == other,
        }
    }

    /// The digest of its bytes, or of the path that it is copied from: the name of a copy that was
    /// made depends on its content.
    pub fn digest(&self) -> Digest {
        match self {
            Content::Bytes(bytes) => Digest::of(bytes),
            Content::CopyOf(path) => Digest::of(path.as_os_str().as_encoded_bytes()),
            Content::AsWritten { digest, .. } => *digest,
        }
    }
}

impl Output {
    /// Adds a file. If the path is taken, keeps the old file and returns the new one.
    pub fn add(&mut self, path: impl Into<String>, content: Content) -> Result<(), Content> {
        match self.files.entry(path.into()) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(content);
                Ok(())
            }
            std::collections::btree_map::Entry::Occupied(_) => Err(content),
        }
    }

    /// Rewrites the bytes of each file that is not a copy with `change`, which gets the path and
    /// the bytes.
    #[must_use]
    pub(crate) fn map_bytes(mut self, change: impl Fn(&str, &[u8]) -> Vec<u8>) -> Output {
        for (path, content) in &mut self.files {
            if let Content::Bytes(bytes) = content {
                *bytes = change(path, bytes).into();
            }
        }
        self
    }

    /// Sets files and folders to keep in the destination even if the site does not have them.
    #[must_use]
    pub(crate) fn keeping(mut self, paths: &[String]) -> Output {
        self.kept = paths
            .iter()
            .map(|path| path.trim_matches('/').to_owned())
            .filter(|path| !path.is_empty())
            .collect();
        self
    }

    /// Whether the file or folder at `path` is kept even if the site does not have it.
    pub fn keeps(&self, path: &str) -> bool {
        let is_in = |kept: &str| {
            path.strip_prefix(kept).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.kept.iter().any(|kept| is_in(kept))
    }

    /// The file at `path`.
    pub fn file(&self, path: &str) -> Option<&Content> {
        self.files.get(path)
    }

    /// The path of the file that a static host answers an address with, given from the root of the
    /// site, still encoded; `None` if there is none.
    pub(crate) fn served(&self, address: &str) -> Option<String> {
        let path = percent_decoded(&path::joined(address));
        let is_there = |file: &String| self.file(file).is_some() || self.keeps(file);
        let index =
            if path.is_empty() { "index.html".to_owned() } else { format!("{path}/index.html") };
        if path.is_empty() || address.ends_with('/') {
            return Some(index).filter(is_there);
        }
        let page = format!("{path}.html");
        [path, index, page].into_iter().find(is_there)
    }

    /// All files in order of path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Content)> {
        self.files.iter().map(|(path, content)| (path.as_str(), content))
    }

    /// The number of files.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are no files.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The first file inside a path that is a file: `a/b` if there is a file `a`.
    pub(crate) fn file_in_a_file(&self) -> Option<(&str, &str)> {
        self.files.keys().find_map(|path| {
            let folder = path::folders(path).find(|folder| self.files.contains_key(*folder))?;
            Some((folder, path.as_str()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_inside_a_file_is_found() {
        let output = |paths: &[&str]| {
            let mut output = Output::default();
            for path in paths {
                output.add(*path, Content::Bytes(Arc::default())).expect("the paths differ");
            }
            output
        };
        assert_eq!(output(&["a", "a.html", "a/b"]).file_in_a_file(), Some(("a", "a/b")));
        assert_eq!(output(&["a", "ab/c"]).file_in_a_file(), None);
    }
}
