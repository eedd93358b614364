//! Dates of the last change from git: `last_modified_at: git`.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests start git and panic")]

mod support;

use std::path::Path;
use std::process::Command;

use snapbox::str;
use support::{Site, answer, assert_success, check};

const OLD: &str = "_posts/2026-01-02-old.md";
const NEW: &str = "_posts/2026-01-03-new.md";

fn git(folder: &Path, date: &str, arguments: &[&str]) {
    let done = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=A", "-c", "user.email=a@example.org"])
        .args(arguments)
        .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_SYSTEM", "/dev/null")])
        .envs([("GIT_COMMITTER_DATE", date), ("GIT_AUTHOR_DATE", date)])
        .output()
        .unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn commit(site: &Site, date: &str) {
    git(site.path(), date, &["add", "--all"]);
    git(site.path(), date, &["commit", "--quiet", "--message", "change"]);
}

/// A site in a folder of a repository, with two posts that were committed on the evening of the
/// older one's day.
fn committed() -> Site {
    let site = Site::empty();
    site.write(
        "_config.yml",
        "title: T\nurl: https://example.org\npermalink: /:title/\nlast_modified_at: git\n",
    );
    site.write(
        "_layouts/post.html",
        "<!DOCTYPE html><title>x</title>{{ page.last_modified_at | default(value='unchanged') }}",
    );
    site.write(OLD, "---\ntitle: Old\nlayout: post\n---\nText.\n");
    site.write(NEW, "---\ntitle: New\nlayout: post\n---\nText.\n");
    site.write(".gitignore", "public/\n.labpress/\n");
    git(site.path(), "", &["init", "--quiet"]);
    commit(&site, "2026-01-02T20:00:00Z");
    site
}

#[track_caller]
fn check_dates(site: &Site, old: &str, new: &str) {
    assert_success(&site.labpress(&["build"]));
    let date = |name: &str| {
        let page = site.read(&format!("public/{name}/index.html"));
        page.rsplit("</title>").next().unwrap().trim().to_owned()
    };
    assert_eq!([date("old"), date("new")], [old, new]);
}

#[test]
fn a_post_has_the_date_of_the_last_commit_that_changed_it() {
    let site = committed();
    check_dates(&site, "unchanged", "unchanged");
    site.write(OLD, "---\ntitle: Old\nlayout: post\n---\nText, corrected.\n");
    // Not committed yet.
    check_dates(&site, "unchanged", "unchanged");
    commit(&site, "2026-02-01T10:00:00Z");
    check_dates(&site, "2026-02-01 10:00:00 +0000", "unchanged");
    let sitemap = site.read("public/sitemap.xml");
    assert!(sitemap.contains("/old/</loc><lastmod>2026-02-01T10:00:00+00:00"), "{sitemap}");
    assert!(sitemap.contains("/new/</loc><lastmod>2026-01-03T00:00:00+00:00"), "{sitemap}");
    let feed = site.read("public/feed.xml");
    assert!(feed.contains("<updated>2026-02-01T10:00:00+00:00</updated>"), "{feed}");
    let unchanged =
        answer(&site.labpress(&["build"])) + &support::stderr(&site.labpress(&["build"]));
    assert!(unchanged.contains("0 files written"), "{unchanged}");
}

#[test]
fn a_commit_alone_changes_what_is_built() {
    let site = committed();
    check_dates(&site, "unchanged", "unchanged");
    // Amended: the files stay as they are.
    let date = "2026-03-01T10:00:00Z";
    git(site.path(), date, &["commit", "--quiet", "--amend", "--message", "other", "--date", date]);
    check_dates(&site, "2026-03-01 10:00:00 +0000", "2026-03-01 10:00:00 +0000");
}

#[test]
fn front_matter_wins() {
    let site = committed();
    site.write(OLD, "---\ntitle: Old\nlayout: post\nlast_modified_at: 2026-01-05\n---\nText.\n");
    commit(&site, "2026-02-01T10:00:00Z");
    site.write(NEW, "---\ntitle: New\nlayout: post\nlast_modified_at: false\n---\nText.\n");
    commit(&site, "2026-02-02T10:00:00Z");
    check_dates(&site, "2026-01-05", "false");
}

#[test]
fn a_shallow_clone_is_refused() {
    let site = committed();
    site.write(OLD, "---\ntitle: Old\nlayout: post\n---\nText, corrected.\n");
    commit(&site, "2026-02-01T10:00:00Z");
    let folder = tempfile::tempdir().unwrap();
    let from = format!("file://{}", site.path().display());
    git(folder.path(), "", &["clone", "--quiet", "--depth=1", &from, "clone"]);
    let clone = Site::at(folder.path().join("clone"));
    check(
        &clone,
        &["build"],
        str![[r#"
$ labpress build
[stderr]
error: this clone is shallow: the commits that changed most files are not in it
 --> _config.yml:4:1
hint: fetch all of it: `git fetch --unshallow`; in GitHub Actions, `fetch-depth: 0` for `actions/checkout`; on GitLab, `GIT_DEPTH: 0`; or remove `last_modified_at: git`

nothing was written because of 1 error
[exit status 1]

"#]],
    );
}

#[test]
fn a_folder_that_is_no_repository_is_refused() {
    let site = committed();
    std::fs::remove_dir_all(site.path().join(".git")).unwrap();
    check(
        &site,
        &["build"],
        str![[r#"
$ labpress build
[stderr]
error: cannot read dates of changes from git: not a git repository (or any of the parent directories): .git
 --> _config.yml:4:1
hint: build in a clone of the repository, with git installed, or remove `last_modified_at: git`

nothing was written because of 1 error
[exit status 1]

"#]],
    );
}
