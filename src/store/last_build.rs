//! What the last build into a folder was made from, so that the next one makes only what has
//! changed, and one for which nothing has changed reads the site's files and no more.
//!
//! A build is kept as the digest of everything that it depends on, beside the mark of each file
//! that it wrote. If all of them are the same, the folder is already what the build would make it.
//! Beside it is the memo of the build, as bytes: this module does not know what is in them.
//!
//! Each file starts with the digest of the rest. One that is damaged, or that is from another
//! version of labpress, counts as absent.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::atomic;
use crate::digest::Digest;
use crate::inputs::mark::Mark;
use crate::inputs::{LIST, is_same_content};
use crate::output::{Content, Output};

/// How many files about builds of a site are kept: two for each folder that it is built into.
const MOST_FILES: usize = 16;

/// A build, and the files that it wrote.
#[derive(Debug, Serialize, Deserialize)]
pub struct LastBuild {
    /// The folder that it wrote to.
    folder: PathBuf,
    /// The digest of everything that it was made from, except for the time. `None` if it must be
    /// made again in any case, because of what it said.
    state: Option<Digest>,
    /// From when on the same state gives another site.
    until: Option<Timestamp>,
    /// What it wrote, by path in the folder.
    files: BTreeMap<String, Mark>,
    /// The files that it copied, by path in the folder, with their sources.
    copies: BTreeMap<String, PathBuf>,
    /// The digest of its memo.
    memo: Digest,
}

impl LastBuild {
    /// The file that holds the last build into `folder` of the site at `root`.
    fn path(root: &Path, folder: &Path) -> PathBuf {
        let name = Digest::of(folder.as_os_str().as_encoded_bytes()).short();
        root.join(".labpress/cache/builds").join(format!("{name}.build"))
    }

    /// The last build of the site at `root` into `folder`.
    pub fn read(root: &Path, folder: &Path) -> Option<LastBuild> {
        let (_, bytes) = read(&LastBuild::path(root, folder))?;
        let last: LastBuild = postcard::from_bytes(&bytes).ok()?;
        (last.folder == folder).then_some(last)
    }

    /// The folder that it wrote to.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// How many files are in the folder, if it is already what a build would make it. `state` is
    /// the digest of everything that the build depends on.
    pub fn holds(&self, state: Digest, now: Timestamp) -> Option<usize> {
        let is_same = self.state == Some(state) && self.until.is_none_or(|until| now < until);
        if !is_same {
            return None;
        }
        let files: Vec<(&String, &Mark)> = self.files.iter().collect();
        let are_same = files.par_iter().all(|(path, mark)| mark.is_of(&self.folder.join(path)));
        let is_copied = |(path, source): (&String, &PathBuf)| {
            is_same_content(source, &self.folder.join(path)).unwrap_or(false)
        };
        // The list of files is not one of the site's files.
        (are_same && self.copies.iter().all(is_copied)).then(|| self.files.len() - 1)
    }

    /// The memo that the build left.
    pub fn memo(&self, root: &Path) -> Option<Vec<u8>> {
        let path = LastBuild::path(root, &self.folder).with_extension("memo");
        read(&path).filter(|(digest, _)| *digest == self.memo).map(|(_, memo)| memo)
    }

    /// The mark of a file that the build wrote, if the file is still the same.
    pub fn mark(&self, path: &str) -> Option<&Mark> {
        self.files.get(path).filter(|mark| mark.is_of(&self.folder.join(path)))
    }

    /// Keeps a build of the site at `root` that wrote `output` to `folder`, and its memo. `state` is
    /// `None` if the next build has to be made in any case.
    pub fn keep(
        root: &Path,
        folder: &Path,
        state: Option<Digest>,
        until: Option<Timestamp>,
        output: &Output,
        memo: &[u8],
    ) -> io::Result<()> {
        let known = |path: &str| match output.file(path) {
            Some(Content::AsWritten { mark, .. }) if mark.has_old_time() => Some(mark.clone()),
            _ => None,
        };
        let mark = |path: &&str| {
            let mark = known(path).map_or_else(|| Mark::of(&folder.join(path)), Ok)?;
            Ok(((*path).to_owned(), mark))
        };
        let paths: Vec<&str> = output.files().map(|(path, _)| path).chain([LIST]).collect();
        let files: Vec<(String, Mark)> = paths.par_iter().map(mark).collect::<io::Result<_>>()?;
        let copies = output.files().filter_map(|(path, content)| match content {
            Content::CopyOf(source) => Some((path.to_owned(), source.clone())),
            Content::Bytes(_) | Content::AsWritten { .. } => None,
        });
        let path = LastBuild::path(root, folder);
        let last = LastBuild {
            folder: folder.to_owned(),
            state,
            until,
            files: files.into_iter().collect(),
            copies: copies.collect(),
            memo: write(root, &path.with_extension("memo"), memo)?,
        };
        write(root, &path, &postcard::to_allocvec(&last).map_err(io::Error::other)?)?;
        remove_oldest(path.parent().unwrap_or(root))
    }
}

/// The content of a file with its digest, if it is complete.
fn read(path: &Path) -> Option<(Digest, Vec<u8>)> {
    let (mut written, mut content) = ([0; 32], Vec::new());
    let mut file = File::open(path).ok()?;
    file.read_exact(&mut written).ok()?;
    file.read_to_end(&mut content).ok()?;
    let digest = Digest::of(&content);
    (written == *digest.as_bytes()).then_some((digest, content))
}

/// Replaces a file of the site at `root` and returns the digest of its content. Not synced: after a power cut, one that is
/// not complete counts as absent.
fn write(root: &Path, path: &Path, content: &[u8]) -> io::Result<Digest> {
    let digest = Digest::of(content);
    let mut file = atomic::new_file(&root.join(".labpress/tmp"))?;
    file.write_all(digest.as_bytes())?;
    file.write_all(content)?;
    atomic::persist_unsynced(file, path)?;
    Ok(digest)
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

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: &str = "public";
    const MEMO: &[u8] = b"what the next build can take from this one";

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
            let (root, state) = (built.site.path(), Some(Digest::of(b"a")));
            LastBuild::keep(root, &built.folder(), state, until, &output, MEMO).unwrap();
            built
        }

        fn folder(&self) -> PathBuf {
            self.site.path().join(FOLDER)
        }

        fn cache(&self) -> PathBuf {
            LastBuild::path(self.site.path(), &self.folder())
        }

        fn last(&self) -> Option<LastBuild> {
            LastBuild::read(self.site.path(), &self.folder())
        }

        fn holds_at(&self, state: &[u8], now: &str) -> Option<usize> {
            self.last()?.holds(Digest::of(state), now.parse().unwrap())
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
        let is_there = || built.last().is_some_and(|last| last.memo(built.site.path()).is_some());
        assert!(is_there());
        for file in [built.cache(), built.cache().with_extension("memo")] {
            let content = fs::read(&file).unwrap();
            for length in 0..content.len() {
                fs::write(&file, &content[..length]).unwrap();
                assert!(!is_there(), "{} cut at {length}", file.display());
            }
            for at in 0..content.len() {
                let mut flipped = content.clone();
                flipped[at] ^= 1;
                fs::write(&file, flipped).unwrap();
                assert!(!is_there(), "{} flipped at {at}", file.display());
            }
            fs::write(&file, content).unwrap();
        }
        assert!(is_there());
        // Of another folder, and the memo of another build.
        let other = Built::new();
        fs::copy(other.cache(), built.cache()).unwrap();
        assert!(built.last().is_none());
        let (root, folder, output) = (built.site.path(), built.folder(), Output::default());
        LastBuild::keep(root, &folder, None, None, &output, b"another").unwrap();
        let memo = built.cache().with_extension("memo");
        fs::copy(other.cache().with_extension("memo"), memo).unwrap();
        assert!(built.last().is_some() && !is_there());
    }

    #[test]
    fn only_files_that_are_as_written_have_a_mark() {
        let built = Built::new();
        let last = built.last().unwrap();
        assert!(last.mark("index.html").is_some());
        assert!(last.mark("other.html").is_none());
        fs::write(built.folder().join("index.html"), "mine").unwrap();
        assert!(last.mark("index.html").is_none());
    }

    #[test]
    fn only_a_few_builds_are_kept() {
        let built = Built::new();
        for number in 0..20 {
            let folder = built.site.path().join(format!("public-{number}"));
            fs::create_dir(&folder).unwrap();
            let output = Output::default();
            crate::destination::write(&output, &folder, || ()).unwrap();
            LastBuild::keep(built.site.path(), &folder, None, None, &output, MEMO).unwrap();
        }
        let kept = fs::read_dir(built.cache().parent().unwrap()).unwrap().count();
        assert_eq!(kept, MOST_FILES);
    }
}
