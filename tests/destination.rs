//! What a build may write to, remove and publish: it deletes nothing that it did not make, and no
//! file of the author's gets into the site by accident.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests make, read and panic as they please"
)]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;

use support::{Site, assert_success, stderr};

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

fn build(site: &Site, arguments: &[&str]) -> Output {
    let mut command = site.command(&[&["build"], arguments].concat());
    command.current_dir(site.path().join("site")).env("HOME", site.path()).output().unwrap()
}

/// All files, without what labpress keeps for itself.
fn files(site: &Site) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = site.files("");
    files.retain(|path, _| !path.starts_with("site/.labpress"));
    files
}

/// The build is refused with these words, and nothing on disk is changed.
#[track_caller]
fn check_refused(site: &Site, arguments: &[&str], expected: &str) {
    let before = files(site);
    let output = build(site, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?} was accepted: {}", stderr(&output));
    assert!(stderr(&output).contains(expected), "{arguments:?}: {}", stderr(&output));
    assert!(files(site) == before, "{arguments:?} touched files");
}

const REFUSED: [(&str, &str); 29] = [
    (".", "it is the site's own folder"),
    ("./.", "it is the site's own folder"),
    ("src/..", "it is the site's own folder"),
    ("gone/..", "it is the site's own folder"),
    ("../site/", "it is the site's own folder"),
    ("..", "it contains the site itself"),
    ("../.", "it contains the site itself"),
    ("/", "it contains the site itself"),
    ("_posts", "a folder for source files"),
    ("./_posts/", "a folder for source files"),
    ("_posts/new", "a folder for source files"),
    ("_POSTS", "a folder for source files"),
    ("_layouts", "a folder for source files"),
    ("_includes", "a folder for source files"),
    ("_data", "a folder for source files"),
    ("_sass", "a folder for source files"),
    ("_drafts", "a folder for source files"),
    ("_theme", "a folder for source files"),
    ("_other", "a folder for source files"),
    ("experiments", "a folder for source files"),
    ("experiments/x", "a folder for source files"),
    ("Experiments", "a folder for source files"),
    ("assets", "a folder for source files"),
    ("src", "a folder for source files"),
    (".git", "a folder for source files"),
    (".labpress", "a folder for source files"),
    (".github/", "a folder for source files"),
    ("pages/out", "it is inside `pages`, which contains files of the site"),
    ("notes.txt", "it is a file"),
];

#[test]
fn no_folder_of_the_author_is_taken_for_a_destination_on_the_command_line() {
    let site = site();
    for (folder, expected) in REFUSED {
        check_refused(&site, &["-d", folder], expected);
        check_refused(&site, &["--locked", "-d", folder], expected);
        check_refused(&site, &["--smoke", "-d", folder], expected);
    }
    let absolute = site.path().join("site").display().to_string();
    check_refused(&site, &["-d", &absolute], "it is the site's own folder");
    check_refused(&site, &["-d", &format!("{absolute}/_posts")], "a folder for source files");
    for folder in ["thesis", "pages", "../site/thesis"] {
        check_refused(&site, &["-d", folder], "contains files that labpress did not write");
    }
}

#[test]
fn no_folder_of_the_author_is_taken_for_a_destination_in_the_configuration() {
    let site = site();
    let configured =
        REFUSED.iter().filter(|(folder, _)| !folder.contains("..") && !folder.starts_with('/'));
    for (folder, expected) in configured {
        site.write(
            "site/_config.yml",
            &format!("title: T\nurl: https://example.org\ndestination: {folder}\n"),
        );
        check_refused(&site, &[], expected);
        check_refused(&site, &[], "--> _config.yml:3:1");
    }
    for folder in ["..", "src/..", "/", "/tmp/x"] {
        site.write(
            "site/_config.yml",
            &format!("url: https://example.org\ndestination: {folder}\n"),
        );
        check_refused(&site, &[], "is not a folder inside the site\n --> _config.yml:2:1");
    }
    site.write("site/_config.yml", "url: https://example.org\ndestination: thesis\n");
    check_refused(&site, &[], "contains files that labpress did not write: `thesis.tex`");
}

#[test]
fn the_home_folder_is_not_a_destination() {
    let site = site();
    site.write("site/x", "");
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().display().to_string();
    let mut command = site.command(&["build", "-d", &folder]);
    let output =
        command.current_dir(site.path().join("site")).env("HOME", home.path()).output().unwrap();
    assert!(stderr(&output).contains("it contains your home folder"), "{}", stderr(&output));
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn links_to_folders_of_the_author_are_seen_through() {
    use std::os::unix::fs::symlink;
    let site = site();
    let public = site.path().join("site/public");
    for (target, expected) in [
        ("..", "it contains the site itself"),
        (".", "it is the site's own folder"),
        ("_posts", "a folder for source files"),
        ("thesis", "contains files that labpress did not write"),
        ("nowhere", "is a broken link"),
    ] {
        symlink(target, &public).unwrap();
        check_refused(&site, &[], expected);
        check_refused(&site, &["--locked"], expected);
        check_refused(&site, &["-d", "public/"], expected);
        std::fs::remove_file(&public).unwrap();
    }
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
    let output = build(&site, &[]);
    assert!(stderr(&output).contains("1 removed in public"), "{}", stderr(&output));
    assert!(!site.path().join("site/public/notes.txt").exists());
    assert_eq!(site.read("site/public/CNAME"), "example.org");
    site.write("site/CNAME", "other.org");
    check_refused(&site, &[], "labpress did not write `CNAME`");
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
    check_refused(&site, &[], "is reached through more than 10 nested links");
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
        "is not a regular file but a pipe, a socket or a device\n --> pipe.txt",
    );
    std::fs::remove_file(site.path().join("site/pipe.txt")).unwrap();
    let config = site.path().join("site/_config.yml");
    std::fs::remove_file(&config).unwrap();
    mkfifoat(CWD, &config, Mode::RUSR).unwrap();
    check_refused(&site, &[], "_config.yml`: not a regular file");
    std::fs::remove_file(&config).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &config).unwrap();
    check_refused(&site, &[], "_config.yml`: not a regular file");
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
        "is a file of the data set `pictures`, which must not be published\n --> pages/img/copy.png",
    );
    site.write(
        "site/experiments/data/other.yml",
        "redistribute: false\nsources: [{kind: folder, path: thesis}]\n",
    );
    check_refused(&site, &[], "missing field `title`\n --> experiments/data/other.yml:1:1");
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
