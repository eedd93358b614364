//! Publishes a built site as a commit on a branch of a git repository, as static hosts expect it.
//!
//! The work tree, the index and the branches of the repository stay as they are: the tree is made in
//! an index of its own, and the commit is pushed as an object. Only files that an earlier publication
//! listed are removed from the branch, so `CNAME` and what else people put there is kept.
#![expect(
    clippy::disallowed_methods,
    reason = "`publish` starts git, and writes to its own folder"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use crate::destination::{self, Change, ChangeKind, listed_in};
use crate::inputs::LIST;
use crate::output::Output;

/// The branch that a site is published to.
#[derive(Debug, Clone)]
pub struct Branch<'a> {
    /// The folder of the site, in a work tree.
    pub root: &'a Path,
    /// The name or the address of the remote repository.
    pub remote: &'a str,
    /// The name of the branch.
    pub name: &'a str,
    /// Whether files that labpress did not publish are removed, except `CNAME`.
    pub replaces: bool,
}

/// Files that hosts read, and that belong to the author even on a branch that is replaced.
const KEPT: [&str; 1] = ["CNAME"];

/// Files that say nothing about who made a branch.
const HARMLESS: [&str; 4] = ["CNAME", ".nojekyll", "README.md", ".gitattributes"];

/// The files of the site that differ from the last commit; `None` outside of a repository. The folder
/// of the built site does not count.
pub fn uncommitted(root: &Path, destination: &str) -> Option<Vec<String>> {
    let excluded = format!(":(exclude){}", destination.trim_matches('/'));
    let status = Command::new("git")
        .current_dir(root)
        .env("GIT_OPTIONAL_LOCKS", "0")
        .args(["status", "--porcelain", "-z", "--untracked-files=normal", "--", "."])
        .arg(excluded)
        .stdin(Stdio::null())
        .output()
        .ok()
        .filter(|done| done.status.success())?;
    let text = String::from_utf8_lossy(&status.stdout).into_owned();
    let entries = text.split('\0').filter(|entry| entry.len() > 3);
    Some(entries.map(|entry| entry[3..].to_owned()).collect())
}

/// A publication that is ready.
pub struct Prepared<'a> {
    branch: Branch<'a>,
    /// The folder of temporary files, among them the index.
    scratch: TempDir,
    /// For a trial, the folder of the repository's objects: new ones are written to the scratch
    /// folder.
    objects: Option<PathBuf>,
    /// The commit that the branch is at.
    before: Option<String>,
    /// The tree of the site.
    tree: String,
    /// What changes, by path.
    pub changes: Vec<Change>,
}

impl<'a> Branch<'a> {
    /// Compares the site with what the branch has now. With `is_trial`, nothing is written to the
    /// repository.
    pub fn prepare(self, output: &Output, is_trial: bool) -> anyhow::Result<Prepared<'a>> {
        let scratch = tempfile::tempdir()?;
        let mut prepared = Prepared {
            branch: self,
            scratch,
            objects: None,
            before: None,
            tree: String::new(),
            changes: Vec::new(),
        };
        prepared.check()?;
        if is_trial {
            let path = ["rev-parse", "--path-format=absolute", "--git-path", "objects"];
            prepared.objects = Some(prepared.text(&path)?.into());
            std::fs::create_dir(prepared.scratch.path().join("objects"))?;
        }
        prepared.before = prepared.fetched()?;
        let entries = prepared.entries(output)?;
        prepared.tree = prepared.tree_of(&entries)?;
        prepared.changes = prepared.compared()?;
        Ok(prepared)
    }
}

impl Prepared<'_> {
    /// Refuses what would fail later or do harm.
    fn check(&self) -> anyhow::Result<()> {
        let Branch { name, .. } = self.branch;
        if self.git(&["rev-parse", "--git-dir"], b"").is_err() {
            bail!(
                "`{}` is not in a git repository\n\
                 hint: run `git init` there, or publish to a folder: `labpress publish --folder DIR`",
                self.branch.root.display()
            );
        }
        if !self.has_identity() {
            bail!(
                "git does not know who commits\n\
                 hint: run `git config user.name NAME` and `git config user.email ADDRESS`"
            );
        }
        if self.text(&["symbolic-ref", "--quiet", "--short", "HEAD"]).is_ok_and(|now| now == name) {
            bail!(
                "`{name}` is the branch of the site's sources\n\
                 hint: publish to a branch of its own, such as `gh-pages`"
            );
        }
        self.git(&["check-ref-format", &format!("refs/heads/{name}")], b"")
            .map(|_| ())
            .with_context(|| format!("`{name}` is not a name for a branch"))
    }

    fn has_identity(&self) -> bool {
        let is_set =
            |variable: &str| std::env::var_os(variable).is_some_and(|value| !value.is_empty());
        let of = |who: &str, key: &str| {
            is_set(&format!("GIT_{who}_{key}"))
                || self.text(&["config", &format!("user.{}", key.to_lowercase())]).is_ok()
        };
        let all = ["AUTHOR", "COMMITTER"];
        all.iter().all(|who| of(who, "NAME") && (of(who, "EMAIL") || is_set("EMAIL")))
    }

    /// The commit that the branch is at, with its objects.
    fn fetched(&self) -> anyhow::Result<Option<String>> {
        let Branch { remote, name, .. } = self.branch;
        let reference = format!("refs/heads/{name}");
        let listed = self
            .text(&["ls-remote", remote, &reference])
            .with_context(|| format!("cannot read the remote repository `{remote}`"))?;
        let Some(commit) = listed.split_whitespace().next().map(str::to_owned) else {
            return Ok(None);
        };
        if self.git(&["cat-file", "-e", &format!("{commit}^{{tree}}")], b"").is_err() {
            let fetch =
                ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", remote, &reference];
            self.git(&fetch, b"").with_context(|| format!("cannot fetch `{name}`"))?;
        }
        Ok(Some(commit))
    }

    /// The files of the new tree, each with its mode and object.
    fn entries(&self, output: &Output) -> anyhow::Result<BTreeMap<String, String>> {
        let before = self.files_before()?;
        let folder = self.scratch.path().join("site");
        destination::write(output, &folder, || {})?;
        let no_jekyll = output.file(".nojekyll").is_none();
        if no_jekyll {
            // GitHub would leave out files whose name starts with an underscore.
            std::fs::write(folder.join(".nojekyll"), "")?;
        }
        let added = [LIST, ".nojekyll"].into_iter().take(if no_jekyll { 2 } else { 1 });
        let paths: Vec<&str> = output.files().map(|(path, _)| path).chain(added).collect();
        let on_disk = |path: &&str| format!("{}\n", folder.join(path).display());
        let list: String = paths.iter().map(on_disk).collect();
        let hash = ["hash-object", "-w", "--no-filters", "--stdin-paths"];
        let objects = String::from_utf8(self.git(&hash, list.as_bytes())?)?;
        let objects = objects.lines().map(|object| format!("100644 {object}"));
        let mut entries: BTreeMap<String, String> =
            paths.iter().map(|path| (*path).to_owned()).zip(objects).collect();
        let listed = match before.get(LIST).and_then(|entry| entry.split(' ').nth(1)) {
            Some(list) => Some(listed_in(&self.git(&["cat-file", "blob", list], b"")?)?),
            None => None,
        };
        let others: Vec<&String> =
            before.keys().filter(|path| !entries.contains_key(*path)).collect();
        let is_foreign = |path: &&&String| !HARMLESS.contains(&path.as_str());
        let foreign: Vec<_> = others.iter().filter(is_foreign).collect();
        if let (None, false, Some(first)) = (&listed, self.branch.replaces, foreign.first()) {
            bail!(
                "labpress did not publish what is on `{}`, and the site does not have {} of its files, \
                 such as `{first}`\n\
                 hint: name another branch, or pass --replace to remove them",
                self.branch.name,
                foreign.len()
            );
        }
        let is_removed = |path: &str| {
            let is_ours = listed.as_ref().is_some_and(|listed: &BTreeSet<_>| listed.contains(path));
            is_ours || self.branch.replaces && !KEPT.contains(&path)
        };
        for path in others.into_iter().filter(|path| !is_removed(path)) {
            entries.insert(path.clone(), before[path].clone());
        }
        Ok(entries)
    }

    /// The files on the branch, each with its mode and object.
    fn files_before(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let Some(before) = &self.before else { return Ok(BTreeMap::new()) };
        let listed = self.git(&["ls-tree", "-r", "-z", "--full-tree", before], b"")?;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        let entry = |line: &str| {
            let (entry, path) = line.split_once('\t')?;
            let mut parts = entry.split(' ');
            let (mode, _kind, object) = (parts.next()?, parts.next()?, parts.next()?);
            Some((path.to_owned(), format!("{mode} {object}")))
        };
        Ok(listed.split('\0').filter_map(entry).collect())
    }

    fn tree_of(&self, entries: &BTreeMap<String, String>) -> anyhow::Result<String> {
        let lines: String =
            entries.iter().map(|(path, entry)| format!("{entry}\t{path}\0")).collect();
        self.git(&["update-index", "-z", "--index-info"], lines.as_bytes())?;
        self.text(&["write-tree"])
    }

    fn compared(&self) -> anyhow::Result<Vec<Change>> {
        let before = match &self.before {
            Some(before) => before.clone(),
            None => self.text(&["hash-object", "-t", "tree", "-w", "--stdin"])?,
        };
        let diff = ["diff-tree", "-r", "-z", "--no-renames", "--name-status", &before, &self.tree];
        let diff = self.git(&diff, b"")?;
        let diff = String::from_utf8_lossy(&diff).into_owned();
        let parts: Vec<&str> = diff.split('\0').collect();
        let change = |pair: &[&str]| {
            let kind = match *pair.first()? {
                "A" => ChangeKind::Added,
                "D" => ChangeKind::Removed,
                _ => ChangeKind::Changed,
            };
            Some(Change { kind, path: (*pair.get(1)?).to_owned() })
        };
        Ok(parts.chunks(2).filter_map(change).collect())
    }

    /// Commits the site on the branch of the remote repository.
    pub fn publish(&self, title: &str) -> anyhow::Result<()> {
        let Branch { remote, name, .. } = self.branch;
        let title = if title.is_empty() { "the site" } else { title };
        let source = match self.text(&["rev-parse", "--verify", "--quiet", "HEAD"]) {
            Ok(commit) => format!(" from {commit}"),
            Err(_) => String::new(),
        };
        let version = env!("CARGO_PKG_VERSION");
        let message = format!("Publish {title}\n\nBuilt by labpress {version}{source}.\n");
        let mut arguments = vec!["commit-tree", self.tree.as_str()];
        if let Some(before) = &self.before {
            arguments.extend(["-p", before.as_str()]);
        }
        let commit = String::from_utf8(self.git(&arguments, message.as_bytes())?)?;
        let target = format!("{}:refs/heads/{name}", commit.trim());
        self.git(&["push", "--quiet", remote, &target], b"").map(|_| ()).with_context(|| {
            format!(
                "cannot push to `{name}` of `{remote}`: if someone has published in between, \
                 publish again"
            )
        })
    }

    /// What git answers, without the line end.
    fn text(&self, arguments: &[&str]) -> anyhow::Result<String> {
        Ok(String::from_utf8_lossy(&self.git(arguments, b"")?).trim_end().to_owned())
    }

    /// Runs git with an index of its own.
    fn git(&self, arguments: &[&str], input: &[u8]) -> anyhow::Result<Vec<u8>> {
        let scratch = self.scratch.path();
        let mut git = Command::new("git");
        git.current_dir(self.branch.root)
            .args(arguments)
            .env("LC_ALL", "C")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_INDEX_FILE", scratch.join("index"));
        if let Some(objects) = &self.objects {
            git.env("GIT_OBJECT_DIRECTORY", scratch.join("objects"))
                .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", objects);
        }
        let mut child = git
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start git: install it (`apt install git`)")?;
        let mut stdin = child.stdin.take();
        let written = std::thread::scope(|scope| {
            // git may write before it has read everything.
            let writer =
                scope.spawn(move || stdin.take().map_or(Ok(()), |mut to| to.write_all(input)));
            let done = child.wait_with_output();
            (writer.join().expect("writing does not panic"), done)
        });
        let (written, done) = (written.0, written.1?);
        if !done.status.success() {
            let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
            bail!("`git {}` failed: {said}", arguments[0]);
        }
        written?;
        Ok(done.stdout)
    }
}
