//! One version of the built site: its files, and when each of them last changed.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::time::SystemTime;

use crate::output::{Content, Output};
use crate::path;
use crate::site::{Built, Source, Unpublished};

/// A version of the built site. The first one with files has the number 1.
#[derive(Debug, Default)]
pub(super) struct Version {
    pub(super) number: u64,
    output: Output,
    /// The version in which each file got its present content, for those that have changed since the
    /// first one.
    changed_at: BTreeMap<String, u64>,
    /// What is known about files that are copied, to see when they change.
    stamps: BTreeMap<String, Option<Stamp>>,
    sources: Vec<Source>,
    /// The source that each file had last, since sources began to move.
    moved: BTreeMap<String, String>,
    /// Where sources went whose files were renamed.
    renamed: BTreeMap<String, String>,
    /// `baseurl`: `""` or `/blog`.
    pub(super) base_url: String,
    /// The address of the published site, with `baseurl`; empty if there is none.
    pub(super) published_url: String,
}

/// What tells that a file on disk has changed.
type Stamp = (u64, Option<SystemTime>);

/// What a preview has at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// This file of the built site.
    File(String),
    /// A folder, whose address ends with a slash.
    Folder,
    /// Nothing.
    Nothing,
}

impl Version {
    /// The next version, after this one.
    pub(super) fn next(&self, mut built: Built, base_url: &str, url: &str) -> Version {
        let number = self.number + 1;
        let sources = std::mem::take(&mut built.sources);
        let output = built.into_shown();
        let stamps: BTreeMap<String, Option<Stamp>> = output
            .files()
            .filter_map(|(path, content)| match content {
                Content::CopyOf(on_disk) => Some((path.to_owned(), stamp(on_disk).ok())),
                Content::Bytes(_) | Content::AsWritten { .. } => None,
            })
            .collect();
        let mut changed_at = self.changed_at.clone();
        if number > 1 {
            let mut before = self.output.files().peekable();
            for (path, content) in output.files() {
                while before.next_if(|(other, _)| *other < path).is_some() {}
                let is_same = before.next_if_eq(&(path, content)).is_some()
                    && self.stamps.get(path) == stamps.get(path);
                if !is_same {
                    changed_at.insert(path.to_owned(), number);
                }
            }
        }
        let (mut moved, mut renamed) = (self.moved.clone(), self.renamed.clone());
        if !is_same_list(&self.sources, &sources) {
            let left = self.sources.iter();
            moved.extend(left.map(|source| (source.file.clone(), source.path.clone())));
            for (from, to) in renames(&self.sources, &sources) {
                renamed.remove(&to);
                renamed.insert(from, to);
            }
        }
        let base_url = base_url.trim_end_matches('/').to_owned();
        let published_url = if url.is_empty() {
            String::new()
        } else {
            format!("{}{base_url}", url.trim_end_matches('/'))
        };
        Version {
            number,
            output,
            changed_at,
            stamps,
            sources,
            moved,
            renamed,
            base_url,
            published_url,
        }
    }

    /// What is at a decoded path of an address, which starts with a slash: what GitHub Pages and
    /// most other hosts have there.
    pub(super) fn find(&self, path: &str) -> Found {
        let Some(path) = path.strip_prefix(&self.base_url).and_then(|path| path.strip_prefix('/'))
        else {
            return Found::Nothing;
        };
        let file = |path: String| self.output.file(&path).map(|_| path);
        if path.is_empty() || path.ends_with('/') {
            return file(format!("{path}index.html")).map_or(Found::Nothing, Found::File);
        }
        match file(path.to_owned()).or_else(|| file(format!("{path}.html"))) {
            Some(file) => Found::File(file),
            None if file(format!("{path}/index.html")).is_some() => Found::Folder,
            None => Found::Nothing,
        }
    }

    /// The content of a file.
    pub(super) fn content(&self, file: &str) -> Option<&Content> {
        self.output.file(file)
    }

    /// The version in which a file got its present content.
    pub(super) fn changed_at(&self, file: &str) -> Option<u64> {
        self.output.file(file)?;
        Some(self.changed_at.get(file).copied().unwrap_or(1))
    }

    /// All files except pages that changed after a version, with the version in which they did.
    pub(super) fn changed_since(&self, number: u64) -> impl Iterator<Item = (&str, u64)> {
        let files = self.output.files().map(|(path, _)| path).filter(|path| !is_page(path));
        let changed = files.filter_map(|path| Some((path, self.changed_at(path)?)));
        changed.filter(move |(_, at)| *at > number)
    }

    /// The address, with `baseurl`, of what used to be at a decoded path, if it is elsewhere now.
    pub(super) fn moved(&self, path: &str) -> Option<String> {
        let inside = path.strip_prefix(&self.base_url)?.strip_prefix('/')?;
        let names = if inside.is_empty() || inside.ends_with('/') {
            vec![format!("{inside}index.html")]
        } else {
            vec![inside.to_owned(), format!("{inside}.html"), format!("{inside}/index.html")]
        };
        if names.iter().any(|name| self.sources.iter().any(|source| source.file == *name)) {
            return None;
        }
        let mut source = names.iter().find_map(|name| self.moved.get(name))?;
        while let Some(to) = self.renamed.get(source) {
            source = to;
        }
        let now = self.sources.iter().find(|now| now.path == *source)?;
        Some(format!("{}{}", self.base_url, now.url))
    }

    /// The addresses, with `baseurl`, of what a build would leave out, and why.
    pub(super) fn unpublished(&self) -> impl Iterator<Item = (String, Unpublished)> {
        self.sources.iter().filter_map(|source| {
            Some((format!("{}{}", self.base_url, source.url), source.unpublished?))
        })
    }

    /// Why a build would leave a file out, if it would.
    pub(super) fn why_unpublished(&self, file: &str) -> Option<Unpublished> {
        self.sources.iter().find(|source| source.file == file)?.unpublished
    }
}

/// Whether a file is a page that a browser shows.
pub(super) fn is_page(file: &str) -> bool {
    file.ends_with(".html") || file.ends_with(".htm")
}

fn stamp(path: &Path) -> io::Result<Stamp> {
    let about = std::fs::metadata(path)?;
    Ok((about.len(), about.modified().ok()))
}

/// Whether the same sources are at the same places.
fn is_same_list(before: &[Source], now: &[Source]) -> bool {
    let is_same =
        |(one, other): (&Source, &Source)| one.path == other.path && one.file == other.file;
    before.len() == now.len() && before.iter().zip(now).all(is_same)
}

/// The sources that were renamed: gone ones with the same name apart from its date, or the only one
/// that is gone if only one is new.
fn renames<'s>(before: &'s [Source], now: &'s [Source]) -> Vec<(String, String)> {
    let paths = |sources: &'s [Source]| -> BTreeSet<&'s str> {
        sources.iter().map(|source| source.path.as_str()).collect()
    };
    let (before, now) = (paths(before), paths(now));
    let gone: Vec<&str> = before.difference(&now).copied().collect();
    let new: Vec<&str> = now.difference(&before).copied().collect();
    if let ([gone], [new]) = (&gone[..], &new[..]) {
        return vec![((*gone).to_owned(), (*new).to_owned())];
    }
    let same_name = |gone: &str| new.iter().find(|new| name(new) == name(gone));
    gone.iter()
        .filter_map(|gone| Some(((*gone).to_owned(), (*same_name(gone)?).to_owned())))
        .collect()
}

/// The name of a post without its date and its extension.
fn name(path: &str) -> &str {
    let stem = path::stem(path::file_name(path));
    let is_date = |c: char| c.is_ascii_digit() || c == '-';
    let name = stem.trim_start_matches(is_date);
    if name.is_empty() { stem } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(files: &[(&str, &str)], sources: &[(&str, &str)], after: &Version) -> Version {
        let sources = sources.iter().map(|(path, url)| Source {
            path: (*path).to_owned(),
            url: (*url).to_owned(),
            file: url.trim_start_matches('/').to_owned(),
            unpublished: None,
            is_unlisted: false,
        });
        let mut output = Output::default();
        for (path, text) in files {
            output.add(*path, Content::Bytes(text.as_bytes().into())).unwrap();
        }
        let built = Built::of(output, sources.collect());
        after.next(built, "/blog", "https://example.org/")
    }

    #[test]
    fn addresses_are_found_as_hosts_find_them() {
        let files = ["index.html", "a.html", "b/index.html", "c/d.txt", "404.html"];
        let site = version(&files.map(|file| (file, "")), &[], &Version::default());
        let cases = [
            ("/blog/", Found::File("index.html".to_owned())),
            ("/blog/a.html", Found::File("a.html".to_owned())),
            ("/blog/a", Found::File("a.html".to_owned())),
            ("/blog/b/", Found::File("b/index.html".to_owned())),
            ("/blog/b", Found::Folder),
            ("/blog/c", Found::Nothing),
            ("/blog/c/", Found::Nothing),
            ("/blog/../a.html", Found::Nothing),
            ("/blog//a.html", Found::Nothing),
            ("/a.html", Found::Nothing),
            ("/blogs/a.html", Found::Nothing),
            ("", Found::Nothing),
        ];
        for (path, expected) in cases {
            assert_eq!(site.find(path), expected, "{path}");
        }
    }

    #[test]
    fn each_file_knows_when_it_changed() {
        let first = version(&[("a.html", "1"), ("b.css", "1")], &[], &Version::default());
        let second = version(&[("a.html", "1"), ("b.css", "2"), ("c.html", "")], &[], &first);
        let at: Vec<_> = ["a.html", "b.css", "c.html"].map(|file| second.changed_at(file)).to_vec();
        assert_eq!(at, [Some(1), Some(2), Some(2)]);
        assert_eq!(second.changed_since(1).collect::<Vec<_>>(), [("b.css", 2)]);
    }

    #[test]
    fn a_post_is_followed_to_its_new_address() {
        let old = [("_posts/2026-01-02-a.md", "/a.html"), ("_posts/2026-01-02-b.md", "/b.html")];
        let first = version(&[], &old, &Version::default());
        assert_eq!(first.moved("/blog/a.html"), None);
        // Another permalink, and another date in the file's name.
        let new = [("_posts/2026-01-02-a.md", "/c.html"), ("_posts/2026-01-03-b.md", "/d.html")];
        let second = version(&[], &new, &first);
        assert_eq!(second.moved("/blog/a"), Some("/blog/c.html".to_owned()));
        assert_eq!(second.moved("/blog/b.html"), Some("/blog/d.html".to_owned()));
        let third = version(&[], &old, &second);
        assert_eq!(third.moved("/blog/a.html"), None);
        assert_eq!(third.moved("/blog/d.html"), Some("/blog/b.html".to_owned()));
    }
}
