//! What a build may write to, remove and publish: it deletes nothing that it did not make, and no
//! file of the author's gets into the site by accident.

#![allow(
    clippy::disallowed_methods,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "tests make, read and panic as they please"
)]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use snapbox::str;
use support::{Site, assert_success, check_command, check_text, said_by};

/// A site of one page in the folder `site` of a temporary one, with files of the author's beside
/// it.
fn site() -> Site {
    let site = Site::empty();
    for (path, text) in [
        ("keep.txt", "beside"),
        ("site/_config.yml", "title: T\nurl: https://example.org\n"),
        ("site/_layouts/post.html", "{{ content | safe }}"),
        ("site/_posts/2026-01-02-a.md", "---\ntitle: A\nlayout: post\n---\nText.\n"),
        ("site/_drafts/idea.md", "---\ntitle: Draft\n---\nsecret\n"),
        ("site/_other/x.html", "part"),
        ("site/notes.txt", "precious"),
        ("site/pages/img/a.png", "pixels"),
        ("site/experiments/x/notes.md", "n"),
        ("site/assets/style.css", "a{}"),
        ("site/src/main.rs", "fn main() {}"),
        ("site/.git/config", "[core]"),
        ("site/.github/x.yml", "on: push"),
        ("site/.env", "TOKEN=secret"),
        ("site/thesis/thesis.tex", "years of work"),
    ] {
        site.write(path, text);
    }
    site
}

fn build_command(site: &Site, arguments: &[&str]) -> Command {
    let mut command = site.command(&[&["build"], arguments].concat());
    command.current_dir(site.path().join("site")).env("HOME", site.path());
    command
}

fn build(site: &Site, arguments: &[&str]) -> Output {
    build_command(site, arguments).output().unwrap()
}

/// All files, without what labpress keeps for itself.
fn files(site: &Site) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = site.files("");
    files.retain(|path, _| !path.starts_with("site/.labpress"));
    files
}

/// Returns what a build says that is refused and changes nothing on disk.
#[track_caller]
fn refused(site: &Site, arguments: &[&str]) -> String {
    let before = files(site);
    let said = said_by(site, &mut build_command(site, arguments));
    assert!(said.ends_with("[exit status 1]\n"), "{said}");
    assert!(files(site) == before, "{arguments:?} touched files");
    said
}

#[track_caller]
fn check_refused(site: &Site, arguments: &[&str], expected: impl snapbox::IntoData) {
    check_text(refused(site, arguments), expected);
}

const REFUSED: [&str; 29] = [
    ".",
    "./.",
    "src/..",
    "gone/..",
    "../site/",
    "..",
    "../.",
    "/",
    "_posts",
    "./_posts/",
    "_posts/new",
    "_POSTS",
    "_layouts",
    "_includes",
    "_data",
    "_sass",
    "_drafts",
    "_theme",
    "_other",
    "experiments",
    "experiments/x",
    "Experiments",
    "assets",
    "src",
    ".git",
    ".labpress",
    ".github/",
    "pages/out",
    "notes.txt",
];

#[test]
fn no_folder_of_the_author_is_taken_for_a_destination_on_the_command_line() {
    let site = site();
    let absolute = site.path().join("site").display().to_string();
    let posts = format!("{absolute}/_posts");
    let folders = [&absolute, &posts, "thesis", "pages", "../site/thesis"];
    let builds = REFUSED.into_iter().chain(folders).map(|folder| {
        let said = refused(&site, &["-d", folder]);
        for option in ["--locked", "--smoke"] {
            let same = said.replace("build -d", &format!("build {option} -d"));
            assert_eq!(refused(&site, &[option, "-d", folder]), same);
        }
        said
    });
    check_text(
        builds.collect::<Vec<_>>().join("\n"),
        str![[r#"
$ labpress build -d .
[stderr]
error: cannot build into `.`: it is the site's own folder
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d ./.
[stderr]
error: cannot build into `./.`: it is the site's own folder
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d src/..
[stderr]
error: cannot build into `src/..`: it is the site's own folder
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d gone/..
[stderr]
error: cannot build into `gone/..`: it is the site's own folder
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d ../site/
[stderr]
error: cannot build into `../site/`: it is the site's own folder
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d ..
[stderr]
error: cannot build into `..`: it contains the site itself
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d ../.
[stderr]
error: cannot build into `../.`: it contains the site itself
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d /
[stderr]
error: cannot build into `/`: it contains the site itself
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d _posts
[stderr]
error: cannot build into `_posts`: `_posts` is a folder for source files
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d ./_posts/
[stderr]
error: cannot build into `./_posts/`: `_posts` is a folder for source files
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d _posts/new
[stderr]
error: cannot build into `_posts/new`: `_posts/new` is a folder for source files
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d _POSTS
[stderr]
error: cannot build into `_POSTS`: `_POSTS` is a folder for source files
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d _layouts
[stderr]
error: cannot build into `_layouts`: `_layouts` is a folder for source files
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d _includes
[stderr]
error: cannot build into `_includes`: `_includes` is a folder for source files
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d _data
[stderr]
error: cannot build into `_data`: `_data` is a folder for source files
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d _sass
[stderr]
error: cannot build into `_sass`: `_sass` is a folder for source files
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d _drafts
[stderr]
error: cannot build into `_drafts`: `_drafts` is a folder for source files
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d _theme
[stderr]
error: cannot build into `_theme`: `_theme` is a folder for source files
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d _other
[stderr]
error: cannot build into `_other`: `_other` is a folder for source files
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d experiments
[stderr]
error: cannot build into `experiments`: `experiments` is a folder for source files
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d experiments/x
[stderr]
error: cannot build into `experiments/x`: `experiments/x` is a folder for source files
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d Experiments
[stderr]
error: cannot build into `Experiments`: `Experiments` is a folder for source files
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d assets
[stderr]
error: cannot build into `assets`: `assets` is a folder for source files
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d src
[stderr]
error: cannot build into `src`: `src` is a folder for source files
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d .git
[stderr]
error: cannot build into `.git`: `.git` is a folder for source files
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d .labpress
[stderr]
error: cannot build into `.labpress`: `.labpress` is a folder for source files
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d .github/
[stderr]
error: cannot build into `.github/`: `.github` is a folder for source files
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d pages/out
[stderr]
error: cannot build into `pages/out`: it is inside `pages`, which contains files of the site
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d notes.txt
[stderr]
error: cannot build into `notes.txt`: it is a file
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d [SITE]/site
[stderr]
error: cannot build into `[SITE]/site`: it is the site's own folder
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d [SITE]/site/_posts
[stderr]
error: cannot build into `[SITE]/site/_posts`: `_posts` is a folder for source files
hint: choose a folder for the built site only, such as `public`
[exit status 1]

$ labpress build -d thesis
[stderr]
error: the folder `[SITE]/site/thesis` contains files that labpress did not write: `thesis.tex`
hint: choose another folder with `destination` in _config.yml or `--destination`, or empty this one yourself
[exit status 1]

$ labpress build -d pages
[stderr]
error: the folder `[SITE]/site/pages` contains files that labpress did not write: `img/a.png`
hint: choose another folder with `destination` in _config.yml or `--destination`, or empty this one yourself
[exit status 1]

$ labpress build -d ../site/thesis
[stderr]
error: the folder `[SITE]/site/thesis` contains files that labpress did not write: `thesis.tex`
hint: choose another folder with `destination` in _config.yml or `--destination`, or empty this one yourself
[exit status 1]

"#]],
    );
}

#[test]
fn no_folder_of_the_author_is_taken_for_a_destination_in_the_configuration() {
    let site = site();
    let builds = REFUSED.into_iter().chain(["/tmp/x", "thesis"]).map(|folder| {
        site.write(
            "site/_config.yml",
            &format!("title: T\nurl: https://example.org\ndestination: {folder}\n"),
        );
        format!("destination: {folder}\n{}", refused(&site, &[]))
    });
    check_text(
        builds.collect::<Vec<_>>().join("\n"),
        str![[r#"
destination: .
$ labpress build
[stderr]
error: cannot build into the destination: it is the site's own folder
 --> _config.yml:3:1
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]

destination: ./.
$ labpress build
[stderr]
error: cannot build into the destination: it is the site's own folder
 --> _config.yml:3:1
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]

destination: src/..
$ labpress build
[stderr]
error: the destination `src/..` is not a folder inside the site
 --> _config.yml:3:1
hint: write `destination: public`, or give `--destination` on the command line

nothing was written because of 1 error
[exit status 1]

destination: gone/..
$ labpress build
[stderr]
error: the destination `gone/..` is not a folder inside the site
 --> _config.yml:3:1
hint: write `destination: public`, or give `--destination` on the command line

nothing was written because of 1 error
[exit status 1]

destination: ../site/
$ labpress build
[stderr]
error: the destination `../site/` is not a folder inside the site
 --> _config.yml:3:1
hint: write `destination: public`, or give `--destination` on the command line

nothing was written because of 1 error
[exit status 1]

destination: ..
$ labpress build
[stderr]
error: the destination `..` is not a folder inside the site
 --> _config.yml:3:1
hint: write `destination: public`, or give `--destination` on the command line

nothing was written because of 1 error
[exit status 1]

destination: ../.
$ labpress build
[stderr]
error: the destination `../.` is not a folder inside the site
 --> _config.yml:3:1
hint: write `destination: public`, or give `--destination` on the command line

nothing was written because of 1 error
[exit status 1]

destination: /
$ labpress build
[stderr]
error: the destination `/` is not a folder inside the site
 --> _config.yml:3:1
hint: write `destination: public`, or give `--destination` on the command line

nothing was written because of 1 error
[exit status 1]

destination: _posts
$ labpress build
[stderr]
error: cannot build into the destination: `_posts` is a folder for source files
 --> _config.yml:3:1
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]

destination: ./_posts/
$ labpress build
[stderr]
error: cannot build into the destination: `_posts` is a folder for source files
 --> _config.yml:3:1
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]

destination: _posts/new
$ labpress build
[stderr]
error: cannot build into the destination: `_posts/new` is a folder for source files
 --> _config.yml:3:1
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]

destination: _POSTS
$ labpress build
[stderr]
error: cannot build into the destination: `_POSTS` is a folder for source files
 --> _config.yml:3:1
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]

destination: _layouts
$ labpress build
[stderr]
error: cannot build into the destination: `_layouts` is a folder for source files
 --> _config.yml:3:1
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]

destination: _includes
$ labpress build
[stderr]
error: cannot build into the destination: `_includes` is a folder for source files
 --> _config.yml:3:1
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]

destination: _data
$ labpress build
[stderr]
error: cannot build into the destination: `_data` is a folder for source files
 --> _config.yml:3:1
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]

destination: _sass
$ labpress build
[stderr]
error: cannot build into the destination: `_sass` is a folder for source files
 --> _config.yml:3:1
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]

destination: _drafts
$ labpress build
[stderr]
error: cannot build into the destination: `_drafts` is a folder for source files
 --> _config.yml:3:1
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]

destination: _theme
$ labpress build
[stderr]
error: cannot build into the destination: `_theme` is a folder for source files
 --> _config.yml:3:1
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]

destination: _other
$ labpress build
[stderr]
error: cannot build into the destination: `_other` is a folder for source files
 --> _config.yml:3:1
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]

destination: experiments
$ labpress build
[stderr]
error: cannot build into the destination: `experiments` is a folder for source files
 --> _config.yml:3:1
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]

destination: experiments/x
$ labpress build
[stderr]
error: cannot build into the destination: `experiments/x` is a folder for source files
 --> _config.yml:3:1
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]

destination: Experiments
$ labpress build
[stderr]
error: cannot build into the destination: `Experiments` is a folder for source files
 --> _config.yml:3:1
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]

destination: assets
$ labpress build
[stderr]
error: cannot build into the destination: `assets` is a folder for source files
 --> _config.yml:3:1
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]

destination: src
$ labpress build
[stderr]
error: cannot build into the destination: `src` is a folder for source files
 --> _config.yml:3:1
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]

destination: .git
$ labpress build
[stderr]
error: cannot build into the destination: `.git` is a folder for source files
 --> _config.yml:3:1
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]

destination: .labpress
$ labpress build
[stderr]
error: cannot build into the destination: `.labpress` is a folder for source files
 --> _config.yml:3:1
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]

destination: .github/
$ labpress build
[stderr]
error: cannot build into the destination: `.github` is a folder for source files
 --> _config.yml:3:1
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]

destination: pages/out
$ labpress build
[stderr]
error: cannot build into the destination: it is inside `pages`, which contains files of the site
 --> _config.yml:3:1
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]

destination: notes.txt
$ labpress build
[stderr]
error: cannot build into the destination: it is a file
 --> _config.yml:3:1
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]

destination: /tmp/x
$ labpress build
[stderr]
error: the destination `/tmp/x` is not a folder inside the site
 --> _config.yml:3:1
hint: write `destination: public`, or give `--destination` on the command line

nothing was written because of 1 error
[exit status 1]

destination: thesis
$ labpress build
[stderr]
error: the folder `[SITE]/site/thesis` contains files that labpress did not write: `thesis.tex`
hint: choose another folder with `destination` in _config.yml or `--destination`, or empty this one yourself
[exit status 1]

"#]],
    );
}

#[test]
fn the_home_folder_is_not_a_destination() {
    let site = site();
    site.write("site/x", "");
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().display().to_string();
    let mut command = site.command(&["build", "-d", &folder]);
    command.current_dir(site.path().join("site")).env("HOME", home.path());
    check_text(
        said_by(&site, &mut command).replace(&folder, "[HOME]"),
        str![[r#"
$ labpress build -d [HOME]
[stderr]
error: cannot build into `[HOME]`: it contains your home folder
hint: choose a folder for the built site only, such as `public`
[exit status 1]

"#]],
    );
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn links_to_folders_of_the_author_are_seen_through() {
    use std::os::unix::fs::symlink;
    let site = site();
    let public = site.path().join("site/public");
    let builds = ["..", ".", "_posts", "thesis", "nowhere"].map(|target| {
        symlink(target, &public).unwrap();
        let builds = [&[][..], &["--locked"], &["-d", "public/"]];
        let said = builds.map(|arguments| refused(&site, arguments)).concat();
        std::fs::remove_file(&public).unwrap();
        format!("public -> {target}\n{said}")
    });
    check_text(
        builds.join("\n"),
        str![[r#"
public -> ..
$ labpress build
[stderr]
error: cannot build into the destination: it contains the site itself
 --> _config.yml
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]
$ labpress build --locked
[stderr]
error: cannot build into the destination: it contains the site itself
 --> _config.yml
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]
$ labpress build -d public/
[stderr]
error: cannot build into `public/`: it contains the site itself
hint: choose a folder for the built site only, such as `public`
[exit status 1]

public -> .
$ labpress build
[stderr]
error: cannot build into the destination: it is the site's own folder
 --> _config.yml
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]
$ labpress build --locked
[stderr]
error: cannot build into the destination: it is the site's own folder
 --> _config.yml
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]
$ labpress build -d public/
[stderr]
error: cannot build into `public/`: it is the site's own folder
hint: choose a folder for the built site only, such as `public`
[exit status 1]

public -> _posts
$ labpress build
[stderr]
error: cannot build into the destination: `_posts` is a folder for source files
 --> _config.yml
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]
$ labpress build --locked
[stderr]
error: cannot build into the destination: `_posts` is a folder for source files
 --> _config.yml
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]
$ labpress build -d public/
[stderr]
error: cannot build into `public/`: `_posts` is a folder for source files
hint: choose a folder for the built site only, such as `public`
[exit status 1]

public -> thesis
$ labpress build
[stderr]
error: the folder `[SITE]/site/thesis` contains files that labpress did not write: `thesis.tex`
hint: choose another folder with `destination` in _config.yml or `--destination`, or empty this one yourself
[exit status 1]
$ labpress build --locked
[stderr]
error: the folder `[SITE]/site/thesis` contains files that labpress did not write: `thesis.tex`
hint: choose another folder with `destination` in _config.yml or `--destination`, or empty this one yourself
[exit status 1]
$ labpress build -d public/
[stderr]
error: the folder `[SITE]/site/thesis` contains files that labpress did not write: `thesis.tex`
hint: choose another folder with `destination` in _config.yml or `--destination`, or empty this one yourself
[exit status 1]

public -> nowhere
$ labpress build
[stderr]
error: cannot build into the destination: `[SITE]/site/public` is a broken link
 --> _config.yml
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]
$ labpress build --locked
[stderr]
error: cannot build into the destination: `[SITE]/site/public` is a broken link
 --> _config.yml
hint: choose a folder for the built site only, such as `public`

nothing was written because of 1 error
[exit status 1]
$ labpress build -d public/
[stderr]
error: cannot build into `public/`: `[SITE]/site/public` is a broken link
hint: choose a folder for the built site only, such as `public`
[exit status 1]

"#]],
    );
    // As the system reads it, this is not the site's own folder.
    symlink("../elsewhere/out", &public).unwrap();
    std::fs::create_dir_all(site.path().join("elsewhere/out")).unwrap();
    assert_success(&build(&site, &["-d", "public/../built"]));
    assert!(site.path().join("elsewhere/built/notes.txt").is_file());
}

#[test]
fn a_destination_is_emptied_of_what_was_built_and_of_nothing_else() {
    let site = site();
    assert_success(&build(&site, &[]));
    site.write("site/public/CNAME", "example.org");
    site.write("site/public/.nojekyll", "");
    std::fs::remove_file(site.path().join("site/notes.txt")).unwrap();
    check_command(
        &site,
        &mut build_command(&site, &[]),
        str![[r#"
$ labpress build
[stderr]
0 files written, 9 unchanged, 1 removed in public ([TIME])
[exit status 0]

"#]],
    );
    assert!(!site.path().join("site/public/notes.txt").exists());
    assert_eq!(site.read("site/public/CNAME"), "example.org");
    site.write("site/CNAME", "other.org");
    check_refused(
        &site,
        &[],
        str![[r#"
$ labpress build
[stderr]
error: labpress did not write `CNAME` in `[SITE]/site/public` and will not replace it
hint: move or delete it
[exit status 1]

"#]],
    );
}

#[test]
fn what_was_built_is_never_part_of_a_site() {
    let site = site();
    let built = |folder: &str, arguments: &[&str]| {
        assert_success(&build(&site, arguments));
        let mut files = site.files(&format!("site/{folder}"));
        files.remove(Path::new(".labpress-files"));
        files
    };
    let expected = built("public", &[]);
    for folder in ["out", "./deep//out/", "1"] {
        for _ in 0..2 {
            assert!(built(folder, &["-d", folder]) == expected, "-d {folder}");
        }
        assert!(built("public", &[]) == expected, "after -d {folder}");
    }
    for folder in ["a/./b", "2", "true"] {
        site.write(
            "site/_config.yml",
            &format!("title: T\nurl: https://example.org\ndestination: {folder}\n"),
        );
        for _ in 0..2 {
            assert!(built(folder, &[]) == expected, "destination: {folder}");
        }
    }
}

#[cfg(unix)]
#[test]
fn links_inside_the_site_publish_only_what_is_published_anyway() {
    use std::os::unix::fs::symlink;
    let site = site();
    for (target, link) in [
        (".git", "gitdir"),
        (".env", "env.txt"),
        ("_drafts", "drafts"),
        ("_drafts/idea.md", "idea.md"),
        ("thesis", "thesis-link"),
        ("pages/img", "pictures"),
        ("notes.txt", "copy.txt"),
    ] {
        symlink(target, site.path().join("site").join(link)).unwrap();
    }
    symlink("../_drafts/idea.md", site.path().join("site/_posts/2026-01-03-idea.md")).unwrap();
    site.write(
        "site/_config.yml",
        "title: T\nurl: https://example.org\nexclude: [thesis/thesis.tex]\n",
    );
    assert_success(&build(&site, &[]));
    let published = site.files("site/public");
    let names: Vec<String> = published.keys().map(|path| path.display().to_string()).collect();
    assert!(
        names.contains(&"pictures/a.png".to_owned()) && names.contains(&"copy.txt".to_owned()),
        "{names:?}"
    );
    for secret in ["gitdir", "env", "idea", "draft", "thesis"] {
        assert!(!names.iter().any(|name| name.contains(secret)), "{secret}: {names:?}");
    }
}

#[cfg(unix)]
#[test]
fn links_in_folders_that_double_at_every_step_are_refused() {
    let site = site();
    for step in 0..20 {
        site.write(&format!("site/l{step}/f.txt"), "x");
        for name in ["a", "b"] {
            let link = site.path().join(format!("site/l{step}/{name}"));
            std::os::unix::fs::symlink(format!("../l{}", step + 1), link).unwrap();
        }
    }
    site.write("site/l20/f.txt", "x");
    check_refused(
        &site,
        &[],
        str![[r#"
$ labpress build
[stderr]
error: is reached through more than 10 nested links, or through links more than 1000 times
 --> l11
hint: remove links to folders that contain links

nothing was written because of 1 error
[exit status 1]

"#]],
    );
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_are_refused_and_never_read() {
    use rustix::fs::{CWD, Mode, mkfifoat};
    let site = site();
    mkfifoat(CWD, site.path().join("site/pipe.txt"), Mode::RUSR).unwrap();
    check_refused(
        &site,
        &[],
        str![[r#"
$ labpress build
[stderr]
error: is not a regular file but a pipe, a socket or a device
 --> pipe.txt
hint: remove it, or add it to `exclude`

nothing was written because of 1 error
[exit status 1]

"#]],
    );
    std::fs::remove_file(site.path().join("site/pipe.txt")).unwrap();
    let config = site.path().join("site/_config.yml");
    std::fs::remove_file(&config).unwrap();
    mkfifoat(CWD, &config, Mode::RUSR).unwrap();
    check_refused(
        &site,
        &[],
        str![[r#"
$ labpress build
[stderr]
error: cannot read `[SITE]/site/_config.yml`: not a regular file
[exit status 1]

"#]],
    );
    std::fs::remove_file(&config).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &config).unwrap();
    check_refused(
        &site,
        &[],
        str![[r#"
$ labpress build
[stderr]
error: cannot read `[SITE]/site/_config.yml`: not a regular file
[exit status 1]

"#]],
    );
}

#[cfg(unix)]
#[test]
fn a_name_with_a_backslash_is_published() {
    let site = site();
    site.write("site/a\\b.txt", "x");
    assert_success(&build(&site, &[]));
    assert_eq!(site.read("site/public/a\\b.txt"), "x");
}

#[cfg(target_os = "linux")]
#[test]
fn a_locked_build_leaves_the_site_alone() {
    let site = site();
    assert_success(&build(&site, &["--locked", "-d", "../elsewhere"]));
    assert!(!site.path().join("site/.labpress").exists());
    assert!(site.path().join("elsewhere/notes.txt").is_file());
}

/// A declaration of pictures in `pictures/train`, of which there is one.
const PICTURES: &str = "title: Pictures\nlicence: mine\nhomepage: https://example.org\ncitation: none\n\
    redistribute: false\nclasses: [a, b]\nformat: {kind: image-folder, train: train}\n\
    files: {train: {folder: true, sha256: 0000000000000000000000000000000000000000000000000000000000000000}}\n\
    sources: [{kind: folder, path: pictures}]\nsplits: {default: {kind: stratified, test: 0.2}}\n";

#[test]
fn data_sets_are_not_published() {
    let site = site();
    site.write("site/experiments/data/pictures.yml", PICTURES);
    site.write("site/pictures/train/a/1.png", "a picture");
    assert_success(&build(&site, &[]));
    assert!(!site.path().join("site/public/pictures").exists());
    site.write("site/pages/img/copy.png", "a picture");
    check_refused(
        &site,
        &[],
        str![[r#"
$ labpress build
[stderr]
error: is a file of the data set `pictures`, which must not be published
 --> pages/img/copy.png
hint: remove it, or add it to `exclude`; the data set has `redistribute: false`

nothing was written because of 1 error
[exit status 1]

"#]],
    );
    site.write(
        "site/experiments/data/other.yml",
        "redistribute: false\nsources: [{kind: folder, path: thesis}]\n",
    );
    check_refused(
        &site,
        &[],
        str![[r#"
$ labpress build
[stderr]
error: missing field `title`
 --> experiments/data/other.yml:1:1

nothing was written because of 1 error
[exit status 1]

"#]],
    );
    std::fs::remove_file(site.path().join("site/experiments/data/other.yml")).unwrap();
    site.write(
        "site/experiments/data/pictures.yml",
        &PICTURES.replace("redistribute: false\n", ""),
    );
    site.write("site/_config.yml", "title: T\nurl: https://example.org\ninclude: [pictures]\n");
    assert_success(&build(&site, &[]));
    assert_eq!(site.read("site/public/pictures/train/a/1.png"), "a picture");
}

#[test]
fn a_large_file_beside_records_is_known_by_its_digest() {
    let site = site();
    let large = std::fs::File::create(site.path().join("site/experiments/x/large")).unwrap();
    large.set_len(1 << 20).unwrap();
    std::fs::create_dir(site.path().join("site/experiments/x/files")).unwrap();
    std::fs::rename(
        site.path().join("site/experiments/x/large"),
        site.path().join("site/experiments/x/files/0123abcd-large.bin"),
    )
    .unwrap();
    let root = site.path().join("site");
    let inputs = labpress::inputs::read(&root, &labpress::roles::Roles::default()).unwrap();
    assert_eq!(
        inputs.artifact("experiments/x/files/0123abcd-large.bin"),
        Some(labpress::digest::Digest::of(&vec![0; 1 << 20]))
    );
    assert_eq!(inputs.artifacts().count(), 0);
}
