//! `labpress publish`: what gets onto a branch or into a folder, and what stays as it is.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests make, read and panic as they please"
)]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use snapbox::data::Inline;
use snapbox::str;
use support::{Site, assert_success};

const POST: &str = "_posts/2026-01-01-post.md";

/// A site in a repository, with a bare one as its remote.
struct Published {
    site: Site,
    remote: PathBuf,
    folder: tempfile::TempDir,
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let done = Command::new("git")
        .current_dir(folder)
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim_end().to_owned()
}

impl Published {
    fn new() -> Published {
        let site = Site::empty();
        site.write("_config.yml", "title: T\nurl: https://example.org\npermalink: /:title/\n");
        site.write("_layouts/post.html", "<!DOCTYPE html><title>x</title>\n{{ content | safe }}\n");
        site.write(POST, "---\nlayout: post\ntitle: Post\n---\nText.\n");
        site.write("_posts/2026-01-02-other.md", "---\nlayout: post\ntitle: Other\n---\nText.\n");
        site.write(".gitignore", "public/\n.labpress/\n");
        let folder = tempfile::tempdir().unwrap();
        let remote = folder.path().join("remote.git");
        git(folder.path(), &["init", "--quiet", "--bare", "remote.git"]);
        let root = site.path();
        git(root, &["init", "--quiet", "--initial-branch=main"]);
        git(root, &["config", "user.name", "A"]);
        git(root, &["config", "user.email", "a@example.org"]);
        git(root, &["remote", "add", "origin", remote.to_str().unwrap()]);
        let published = Published { site, remote, folder };
        published.commit();
        published
    }

    fn commit(&self) {
        git(self.site.path(), &["add", "--all"]);
        git(self.site.path(), &["commit", "--quiet", "--message", "x"]);
    }

    fn labpress(&self, arguments: &[&str]) -> Command {
        let mut command = self.site.command(arguments);
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        command
    }

    #[track_caller]
    fn check(&self, arguments: &[&str], expected: Inline) {
        let said = support::said_by(&self.site, &mut self.labpress(arguments));
        let said = said.replace(self.folder.path().to_str().unwrap(), "[FOLDER]");
        support::check_text(said, expected);
    }

    /// The files on a branch of the remote repository.
    fn files(&self, branch: &str) -> BTreeMap<String, String> {
        let names = git(&self.remote, &["ls-tree", "-r", "--name-only", branch]);
        let content = |name: &str| git(&self.remote, &["show", &format!("{branch}:{name}")]);
        names.lines().map(|name| (name.to_owned(), content(name))).collect()
    }

    fn commits(&self, branch: &str) -> usize {
        git(&self.remote, &["rev-list", "--count", branch]).parse().unwrap()
    }

    /// Puts a file onto a branch as people do.
    fn add_by_hand(&self, branch: &str, path: &str, text: &str) {
        let clone = self.folder.path().join("clone");
        let _ = std::fs::remove_dir_all(&clone);
        let is_there = Command::new("git")
            .current_dir(&self.remote)
            .args(["rev-parse", "--verify", "--quiet", branch])
            .output()
            .unwrap();
        git(self.folder.path(), &["clone", "--quiet", "--no-checkout", "remote.git", "clone"]);
        let from = format!("origin/{branch}");
        let start: &[&str] = if is_there.status.success() {
            &["checkout", "--quiet", "-B", branch, &from]
        } else {
            &["checkout", "--quiet", "--orphan", branch]
        };
        git(&clone, start);
        std::fs::write(clone.join(path), text).unwrap();
        git(&clone, &["add", "--all"]);
        git(&clone, &["-c", "user.name=B", "-c", "user.email=b@example.org", "commit", "-qm", "x"]);
        git(&clone, &["push", "--quiet", "origin", branch]);
    }
}

#[test]
fn a_site_is_published_and_then_only_what_changed() {
    let published = Published::new();
    published.check(
        &["publish", "--dry-run"],
        str![[r#"
$ labpress publish --dry-run
added    .labpress-files
added    .nojekyll
added    feed.json
added    feed.xml
added    other/index.html
added    post/index.html
added    robots.txt
added    sitemap.xml
[stderr]
8 files would be added, 0 changed, 0 removed on the branch `gh-pages` of `origin`
[exit status 0]

"#]],
    );
    assert_eq!(git(&published.remote, &["branch", "--list"]), "", "a dry run publishes nothing");
    let objects = || published.site.files(".git/objects");
    let before = objects();
    assert_success(&published.labpress(&["publish", "-n"]).output().unwrap());
    assert!(before == objects(), "a dry run writes no objects");
    published.check(
        &["publish"],
        str![[r#"
$ labpress publish
added    .labpress-files
added    .nojekyll
added    feed.json
added    feed.xml
added    other/index.html
added    post/index.html
added    robots.txt
added    sitemap.xml
[stderr]
8 files added, 0 changed, 0 removed on the branch `gh-pages` of `origin`
[exit status 0]

"#]],
    );
    assert_success(&published.site.labpress(&["build", "--locked"]));
    let built = published.site.files("public").into_iter().map(|(path, bytes)| {
        let path = path.to_str().unwrap();
        let path = path.strip_prefix("public/").unwrap_or(path).to_owned();
        (path, String::from_utf8(bytes).unwrap().trim_end().to_owned())
    });
    let mut built: BTreeMap<String, String> = built.collect();
    built.insert(".nojekyll".to_owned(), String::new());
    assert_eq!(published.files("gh-pages"), built);
    published.check(
        &["publish"],
        str![[r#"
$ labpress publish
[stderr]
nothing to publish: this site is on the branch `gh-pages` of `origin`
[exit status 0]

"#]],
    );
    assert_eq!(published.commits("gh-pages"), 1);
    published.site.replace(POST, "Text.", "More text.");
    published.commit();
    published.check(
        &["publish"],
        str![[r#"
$ labpress publish
changed  feed.json
changed  feed.xml
changed  post/index.html
[stderr]
0 files added, 3 changed, 0 removed on the branch `gh-pages` of `origin`
[exit status 0]

"#]],
    );
    assert_eq!(published.commits("gh-pages"), 2);
    std::fs::remove_file(published.site.path().join(POST)).unwrap();
    published.commit();
    published.check(
        &["publish"],
        str![[r#"
$ labpress publish
changed  .labpress-files
changed  feed.json
changed  feed.xml
removed  post/index.html
changed  sitemap.xml
[stderr]
0 files added, 4 changed, 1 removed on the branch `gh-pages` of `origin`
[exit status 0]

"#]],
    );
}

#[test]
fn the_work_tree_and_the_index_stay_as_they_are() {
    let published = Published::new();
    published.site.write("staged.md", "---\n---\nx\n");
    git(published.site.path(), &["add", "staged.md"]);
    let state = || {
        let root = published.site.path();
        let names = git(root, &["diff", "--cached", "--name-only"]);
        (names, git(root, &["rev-parse", "HEAD"]), git(root, &["branch", "--all"]))
    };
    let (names, head, branches) = state();
    assert_success(&published.labpress(&["publish", "--allow-dirty"]).output().unwrap());
    let after = state();
    assert_eq!((after.0, after.1), (names, head));
    // git itself notes where the remote branch is.
    assert_eq!(after.2.replace("\n  remotes/origin/gh-pages", ""), branches);
}

#[test]
fn what_people_put_on_the_branch_is_kept() {
    let published = Published::new();
    assert_success(&published.labpress(&["publish"]).output().unwrap());
    published.add_by_hand("gh-pages", "CNAME", "blog.example.org\n");
    published.site.replace(POST, "Text.", "More text.");
    published.commit();
    assert_success(&published.labpress(&["publish"]).output().unwrap());
    assert_eq!(published.files("gh-pages")["CNAME"], "blog.example.org");
    assert_eq!(published.commits("gh-pages"), 3);
}

#[test]
fn a_branch_that_labpress_did_not_make_is_refused() {
    let published = Published::new();
    published.add_by_hand("gh-pages", "thesis.tex", "x\n");
    published.check(&["publish"], str![[r#"
$ labpress publish
[stderr]
error: labpress did not publish what is on `gh-pages`, and the site does not have 1 of its files, such as `thesis.tex`
hint: name another branch, or pass --replace to remove them
[exit status 1]

"#]]);
    assert_eq!(published.commits("gh-pages"), 1);
    published.check(
        &["publish", "--replace"],
        str![[r#"
$ labpress publish --replace
added    .labpress-files
added    .nojekyll
added    feed.json
added    feed.xml
added    other/index.html
added    post/index.html
added    robots.txt
added    sitemap.xml
removed  thesis.tex
[stderr]
8 files added, 0 changed, 1 removed on the branch `gh-pages` of `origin`
[exit status 0]

"#]],
    );
    assert!(!published.files("gh-pages").contains_key("thesis.tex"));
}

#[test]
fn a_site_that_nobody_could_build_again_is_refused() {
    let published = Published::new();
    published.site.replace(POST, "Text.", "Uncommitted text.");
    published.check(
        &["publish"],
        str![[r#"
$ labpress publish
[stderr]
error: `_posts/2026-01-01-post.md` differs from the last commit
hint: commit first, or pass --allow-dirty
[exit status 1]

"#]],
    );
    assert_success(&published.labpress(&["publish", "--allow-dirty"]).output().unwrap());
    published.site.write(POST, "---\nlayout: post\n---\n{% value no.such.thing %}\n");
    published.commit();
    published.check(
        &["publish"],
        str![[r#"
$ labpress publish
[stderr]
error: unknown experiment `no`
 --> _posts/2026-01-01-post.md:4:10
hint: write `experiments/NAME/experiment.yml` first: the site has no experiments

`labpress publish` failed because of 1 error
[exit status 1]

"#]],
    );
    assert_eq!(published.commits("gh-pages"), 1);
}

#[test]
fn git_must_be_set_up() {
    let published = Published::new();
    let root = published.site.path();
    published.check(
        &["publish", "--branch", "main"],
        str![[r#"
$ labpress publish --branch main
[stderr]
error: `main` is the branch of the site's sources
hint: publish to a branch of its own, such as `gh-pages`
[exit status 1]

"#]],
    );
    published.check(&["publish", "--remote", "nowhere"], str![[r#"
$ labpress publish --remote nowhere
[stderr]
error: cannot read the remote repository `nowhere`: `git ls-remote` failed: fatal: 'nowhere' does not appear to be a git repository
fatal: Could not read from remote repository.

Please make sure you have the correct access rights
and the repository exists.
[exit status 1]

"#]]);
    git(root, &["config", "--unset", "user.email"]);
    published.check(
        &["publish"],
        str![[r#"
$ labpress publish
[stderr]
error: git does not know who commits
hint: run `git config user.name NAME` and `git config user.email ADDRESS`
[exit status 1]

"#]],
    );
    std::fs::remove_dir_all(root.join(".git")).unwrap();
    let mut command = published.labpress(&["publish"]);
    command.env("GIT_CEILING_DIRECTORIES", root.parent().unwrap());
    let said = support::said_by(&published.site, &mut command);
    support::check_text(
        said.replace(root.to_str().unwrap(), "[SITE]"),
        str![[r#"
$ labpress publish
[stderr]
error: `[SITE]` is not in a git repository
hint: run `git init` there, or publish to a folder: `labpress publish --folder DIR`
[exit status 1]

"#]],
    );
}

#[test]
fn a_folder_gets_what_changed_and_keeps_what_is_there() {
    let published = Published::new();
    published.site.write("_config.yml", "title: T\npublish: {folder: ../served}\n");
    let parent = tempfile::tempdir().unwrap();
    let site = Site::at(parent.path().join("site"));
    support::copy_folder(published.site.path(), site.path());
    let check = |arguments: &[&str], expected: Inline| {
        let said = support::said(&site, arguments);
        let folder = parent.path().canonicalize().unwrap();
        support::check_text(said.replace(folder.to_str().unwrap(), "[FOLDER]"), expected);
    };
    check(
        &["publish", "--allow-dirty", "--dry-run"],
        str![[r#"
$ labpress publish --allow-dirty --dry-run
added    2026/01/01/post.html
added    2026/01/02/other.html
[stderr]
2 files would be added, 0 changed, 0 removed in `[FOLDER]/served`
[exit status 0]

"#]],
    );
    assert!(!parent.path().join("served").exists());
    assert_success(&site.labpress(&["publish", "--allow-dirty"]));
    std::fs::write(parent.path().join("served/mine.txt"), "x").unwrap();
    std::fs::remove_file(site.path().join(POST)).unwrap();
    check(
        &["publish", "--allow-dirty"],
        str![[r#"
$ labpress publish --allow-dirty
removed  2026/01/01/post.html
[stderr]
0 files added, 0 changed, 1 removed in `[FOLDER]/served`
[exit status 0]

"#]],
    );
    assert!(parent.path().join("served/mine.txt").exists());
    check(
        &["publish", "--allow-dirty", "--folder", "_posts"],
        str![[r#"
$ labpress publish --allow-dirty --folder _posts
[stderr]
error: cannot build into `[SITE]/_posts`: `_posts` is a folder for source files
hint: choose a folder for the built site only, such as `public`
[exit status 1]

"#]],
    );
}
