//! What happens to results of the past: posts hold on to them by pins, `diff` compares with them,
//! `gc` removes what nothing refers to.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may panic, delete files and call git"
)]

mod support;

use std::process::Command;

use snapbox::str;
use support::{Site, answer, assert_success, check, check_text, said, stderr};

const YAML: &str = "experiments/toy/experiment.yml";
const POST: &str = "_posts/2026-01-02-toy.md";
const PAGE: &str = "public/2026/01/02/toy.html";
/// `{% value toy.fast.accuracy %}` with a rate of 0.5 (seeds 0 and 1): 1 − 1 / (1 + 3 · 0.5 +
/// seed).
const OLD: &str = "value=\"0.6571428571428571\"";
/// The same with a rate of 1.
const NEW: &str = "value=\"0.775\"";

/// A site whose post is built, pinned, and then outdated by a faster rate.
fn pinned() -> Site {
    let site = Site::with_toy();
    succeed(&site, &["build"]);
    succeed(&site, &["pin", "2026-01-02-toy"]);
    site.replace(YAML, "fast: {rate: 0.5}", "fast: {rate: 1}");
    site
}

#[track_caller]
fn succeed(site: &Site, arguments: &[&str]) -> String {
    let output = site.labpress(arguments);
    assert_success(&output);
    answer(&output) + &stderr(&output)
}

#[track_caller]
fn check_page(site: &Site, expected: &[&str], absent: &[&str]) {
    let page = site.read(PAGE);
    for part in expected {
        assert!(page.contains(part), "{part:?} is not in:\n{page}");
    }
    for part in absent {
        assert!(!page.contains(part), "{part:?} is in:\n{page}");
    }
}

fn id(site: &Site) -> String {
    let pins = site.files("experiments/toy/pins");
    pins.into_keys().next().unwrap().file_stem().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn a_pinned_post_shows_the_old_numbers_and_asks_for_no_run() {
    let site = pinned();
    let front = format!("---\ntitle: A toy\nlayout: post\npin: {{toy: \"{}\"}}\n---\n", id(&site));
    assert!(site.read(POST).starts_with(&front), "{}", site.read(POST));
    succeed(&site, &["build", "--locked"]);
    check_page(
        &site,
        &[OLD, "labpress-pinned", "results of <em>A toy</em> as of"],
        &[NEW, "Newer results"],
    );
    succeed(&site, &["run"]);
    succeed(&site, &["build", "--locked"]);
    check_page(&site, &[OLD, "Newer results exist in <code>experiments/toy</code>"], &[NEW]);
}

#[test]
fn newer_results_are_linked_where_a_post_shows_them() {
    let site = pinned();
    site.write(
        "_posts/2026-01-03-new.md",
        "---\ntitle: New & better\n---\n{% value toy.fast.accuracy %}\n",
    );
    succeed(&site, &["build"]);
    check_page(
        &site,
        &[OLD, "Newer results exist: <a href=\"/2026/01/03/new.html\">New &amp; better</a>."],
        &[NEW],
    );
    assert!(site.read("public/2026/01/03/new.html").contains(NEW));
}

#[test]
fn without_its_pin_a_post_shows_the_new_numbers() {
    let site = pinned();
    succeed(&site, &["pin", POST, "toy", "--remove"]);
    assert_eq!(site.read(POST), support::TOY_POST);
    check(
        &site,
        &["build", "--locked"],
        str![[r#"
$ labpress build --locked
[stderr]
error: the results of `toy` are stale: params.rate changed from 0.5 to 1 (and 2 more places)
 --> _posts/2026-01-02-toy.md:5:20
hint: run `labpress run toy` and commit its records

nothing was written because of 1 error
[exit status 1]

"#]],
    );
    succeed(&site, &["build"]);
    check_page(&site, &[NEW], &[OLD, "labpress-pinned"]);
}

#[test]
fn a_pin_survives_edits_of_prose_titles_units_and_variants() {
    let site = pinned();
    site.replace(POST, "Fast gets", "The fast variant gets");
    site.replace(YAML, "title: A toy", "title: Another");
    site.replace(YAML, "accuracy: {goal: max, unit: \"%\"}, ", "");
    site.replace(YAML, "  fast: {rate: 1}\n", "  other: {rate: 2}\n");
    succeed(&site, &["build", "--locked"]);
    check_page(
        &site,
        &["The fast variant gets", OLD, "<em>A toy</em>", "accuracy (%)"],
        &["Another", ">other<"],
    );
}

#[test]
fn pinning_again_takes_the_results_of_today() {
    let site = pinned();
    let first = id(&site);
    check(
        &site,
        &["pin", POST],
        str![[r#"
$ labpress pin _posts/2026-01-02-toy.md
[stderr]
error: the results of `toy` are stale: params.rate changed from 0.5 to 1
 --> _posts/2026-01-02-toy.md
hint: run `labpress run toy` and commit its records

`labpress pin` failed because of 1 error
[exit status 1]

"#]],
    );
    check(
        &site,
        &["pin", POST, "toy"],
        str![[r#"
$ labpress pin _posts/2026-01-02-toy.md toy
[stderr]
error: the results of `toy` are stale: params.rate changed from 0.5 to 1
 --> _posts/2026-01-02-toy.md
hint: run `labpress run toy` and commit its records

`labpress pin` failed because of 1 error
[exit status 1]

"#]],
    );
    succeed(&site, &["run"]);
    succeed(&site, &["pin", POST]);
    assert!(!site.read(POST).contains(&first));
    succeed(&site, &["build", "--locked"]);
    check_page(&site, &[NEW, "labpress-pinned"], &[OLD, "Newer results"]);
}

#[test]
fn a_pin_that_is_not_complete_is_an_error_with_its_place() {
    let site = pinned();
    let record = site.files("experiments/toy/runs").into_keys().next().unwrap();
    let record = format!("experiments/toy/runs/{}", record.display());
    std::fs::remove_file(site.path().join(&record)).unwrap();
    check(
        &site,
        &["build", "--jobs", "1"],
        str![[r#"
$ labpress build --jobs 1
[stderr]
error: the pinned results of `toy` are incomplete: there is no file `experiments/toy/runs/fast-s0-[DIGEST].json`
 --> _posts/2026-01-02-toy.md:4:7
hint: restore it from git, or remove the pin with `labpress pin _posts/2026-01-02-toy.md toy --remove`

nothing was written because of 1 error
[exit status 1]

"#]],
    );
    check(
        &site,
        &["build", "--locked"],
        str![[r#"
$ labpress build --locked
[stderr]
error: the pinned results of `toy` are incomplete: there is no file `experiments/toy/runs/fast-s0-[DIGEST].json`
 --> _posts/2026-01-02-toy.md:4:7
hint: restore it from git, or remove the pin with `labpress pin _posts/2026-01-02-toy.md toy --remove`

error: the results of `toy` are incomplete: toy/fast seed 0 is missing: no result is recorded; toy/fast seed 1 is stale: params.rate changed from 0.5 to 1 (and 2 more places)
 --> _posts/2026-01-02-toy.md:6:20
hint: run `labpress run toy` and commit its records

nothing was written because of 2 errors
[exit status 1]

"#]],
    );
    let pin = format!("experiments/toy/pins/{}.json", id(&site));
    site.replace(&pin, "A toy", "A boy");
    check(
        &site,
        &["build", "--jobs", "1"],
        str![[r#"
$ labpress build --jobs 1
[stderr]
error: the pin was altered: its content does not match the digest in its name
 --> experiments/toy/pins/[DIGEST].json
hint: restore it from git, or pin the post again

nothing was written because of 1 error
[exit status 1]

"#]],
    );
    std::fs::remove_file(site.path().join(&pin)).unwrap();
    check(
        &site,
        &["build", "--jobs", "1"],
        str![[r#"
$ labpress build --jobs 1
[stderr]
error: unknown pin `[DIGEST]` of `toy`: there is no file `experiments/toy/pins/[DIGEST].json`
 --> _posts/2026-01-02-toy.md:4:7
hint: restore it from git, or remove the pin with `labpress pin _posts/2026-01-02-toy.md toy --remove`

nothing was written because of 1 error
[exit status 1]

"#]],
    );
    site.replace(POST, "pin: {toy", "pin: {tay");
    check(
        &site,
        &["build", "--jobs", "1"],
        str![[r#"
$ labpress build --jobs 1
[stderr]
error: unknown experiment `tay`
 --> _posts/2026-01-02-toy.md:4:7
hint: did you mean `toy`?

nothing was written because of 1 error
[exit status 1]

"#]],
    );
}

#[test]
fn what_cannot_be_pinned_says_why() {
    let site = Site::with_toy();
    check(
        &site,
        &["pin", "2026-01-02-tay"],
        str![[r#"
$ labpress pin 2026-01-02-tay
[stderr]
error: is not a post of this site
 --> 2026-01-02-tay
hint: expected one of `_posts/2026-01-02-toy.md`

`labpress pin` failed because of 1 error
[exit status 1]

"#]],
    );
    check(
        &site,
        &["pin", POST, "tay"],
        str![[r#"
$ labpress pin _posts/2026-01-02-toy.md tay
[stderr]
error: there is no experiment `tay`
 --> experiments/
hint: did you mean `toy`?

`labpress pin` failed because of 1 error
[exit status 1]

"#]],
    );
    check(
        &site,
        &["pin", POST, "--remove", "toy"],
        str![[r#"
$ labpress pin _posts/2026-01-02-toy.md --remove toy
[stderr]
error: does not pin `toy`
 --> _posts/2026-01-02-toy.md

`labpress pin` failed because of 1 error
[exit status 1]

"#]],
    );
    site.replace(POST, "layout: post", "pin: true");
    succeed(&site, &["build"]);
    check(
        &site,
        &["pin", POST],
        str![[r#"
$ labpress pin _posts/2026-01-02-toy.md
[stderr]
4 runs of `toy` in experiments/toy/pins/[DIGEST].json: commit it with the post
error: cannot edit `pin` in this front matter
 --> _posts/2026-01-02-toy.md
hint: add `pin: {toy: "[DIGEST]"}` by hand

`labpress pin` failed because of 1 error
[exit status 1]

"#]],
    );
}

#[test]
fn a_page_can_be_pinned_too() {
    let site = Site::with_toy();
    site.write("about.md", "---\ntitle: About\n---\n{% value toy.fast.accuracy %}\n");
    succeed(&site, &["build"]);
    succeed(&site, &["pin", "about.md", "toy"]);
    site.replace(YAML, "fast: {rate: 0.5}", "fast: {rate: 1}");
    succeed(&site, &["build"]);
    let page = site.read("public/about.html");
    assert!(
        page.contains(OLD)
            && page.contains("Newer results exist: <a href=\"/2026/01/02/toy.html\">"),
        "{page}"
    );
    check_page(&site, &[NEW], &["labpress-pinned"]);
}

#[test]
fn diff_says_what_moved_and_whether_beyond_the_spread() {
    let site = Site::with_toy();
    // Seeds 100 and up make little of a difference, so that a change of rate is beyond their
    // spread.
    site.replace(YAML, "seeds: 2", "seeds: [100, 101]");
    succeed(&site, &["run"]);
    site.replace(YAML, "fast: {rate: 0.5}", "fast: {rate: 500}");
    check(
        &site,
        &["diff", "toy"],
        str![[r#"
$ labpress diff toy
`toy` since the earlier results: means with 95 % intervals, or both numbers of two runs

VARIANT  METRIC    BEFORE                     AFTER                      DIFFERENCE  BEYOND THE SPREAD OVER SEEDS
fast     accuracy  99.024, 99.034 % (2 runs)  -                          -           gone
slow     accuracy  99.013, 99.022 % (2 runs)  99.013, 99.022 % (2 runs)  -           unchanged
[stderr]
2 runs without a current result: run `labpress run toy`
[exit status 0]

"#]],
    );
    succeed(&site, &["run"]);
    check(
        &site,
        &["diff", "toy"],
        str![[r#"
$ labpress diff toy
`toy` since the earlier results: means with 95 % intervals, or both numbers of two runs

VARIANT  METRIC    BEFORE                     AFTER                          DIFFERENCE  BEYOND THE SPREAD OVER SEEDS
fast     accuracy  99.024, 99.034 % (2 runs)  99.93754, 99.93758 % (2 runs)  +0.91 pp    yes
slow     accuracy  99.013, 99.022 % (2 runs)  99.013, 99.022 % (2 runs)      -           unchanged
[exit status 0]

"#]],
    );
    check(
        &site,
        &["diff", "toy", "--format", "md"],
        str![[r#"
$ labpress diff toy --format md
`toy` since the earlier results: means with 95 % intervals, or both numbers of two runs

| variant | metric | before | after | difference | beyond the spread over seeds |
|---|---|---:|---:|---:|---|
| fast | accuracy | 99.024, 99.034 % (2 runs) | 99.93754, 99.93758 % (2 runs) | +0.91 pp | yes |
| slow | accuracy | 99.013, 99.022 % (2 runs) | 99.013, 99.022 % (2 runs) | - | unchanged |
[exit status 0]

"#]],
    );
    let json: serde_json::Value =
        serde_json::from_str(&answer(&site.labpress(&["diff", "toy", "--format", "json"])))
            .unwrap();
    let fast = &json["moved"][0];
    assert_eq!(
        (&fast["variant"], &fast["beyond-spread"], &fast["before"]["n"]),
        (&"fast".into(), &true.into(), &2.into())
    );
    let difference =
        fast["after"]["mean"].as_f64().unwrap() - fast["before"]["mean"].as_f64().unwrap();
    assert_eq!(fast["difference"]["value"], difference);
    assert_eq!(
        (&json["moved"][1]["unchanged"], &json["moved"][1]["difference"]),
        (&true.into(), &().into())
    );
}

#[test]
fn diff_compares_with_a_pin_a_fingerprint_or_a_revision() {
    let site = pinned();
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=A", "-c", "user.email=a@example.org"])
            .args(arguments)
            .current_dir(site.path());
        assert_success(&git.output().unwrap());
    };
    site.replace(YAML, "rate: 1}", "rate: 0.5}");
    site.write(".gitignore", "public\n.labpress\n");
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message", "first"]);
    let records = site.files("experiments/toy/runs");
    let fast = records.keys().find(|path| path.to_str().unwrap().starts_with("fast-s0-")).unwrap();
    let fingerprint =
        fast.file_stem().unwrap().to_str().unwrap().rsplit('-').next().unwrap().to_owned();
    site.replace(YAML, "rate: 0.5}", "rate: 1}");
    succeed(&site, &["run"]);
    check(
        &site,
        &["diff", &id(&site), "toy"],
        str![[r#"
$ labpress diff [DIGEST] toy
`toy` since pin [DIGEST]: means with 95 % intervals, or both numbers of two runs

VARIANT  METRIC    BEFORE             AFTER              DIFFERENCE  BEYOND THE SPREAD OVER SEEDS
fast     accuracy  60, 71 % (2 runs)  75, 80 % (2 runs)  +11.8 pp    no
slow     accuracy  23, 57 % (2 runs)  23, 57 % (2 runs)  -           unchanged
[exit status 0]

"#]],
    );
    check(
        &site,
        &["diff", "HEAD", "toy"],
        str![[r#"
$ labpress diff HEAD toy
`toy` since revision HEAD: means with 95 % intervals, or both numbers of two runs

VARIANT  METRIC    BEFORE             AFTER              DIFFERENCE  BEYOND THE SPREAD OVER SEEDS
fast     accuracy  60, 71 % (2 runs)  75, 80 % (2 runs)  +11.8 pp    no
slow     accuracy  23, 57 % (2 runs)  23, 57 % (2 runs)  -           unchanged
[exit status 0]

"#]],
    );
    check(
        &site,
        &["diff", &fingerprint, "toy"],
        str![[r#"
$ labpress diff [DIGEST] toy
`toy` since fingerprint [DIGEST]: means with 95 % intervals, or both numbers of two runs

VARIANT  METRIC    BEFORE             AFTER              DIFFERENCE  BEYOND THE SPREAD OVER SEEDS
fast     accuracy  60, 71 % (2 runs)  75, 80 % (2 runs)  +11.8 pp    no
[exit status 0]

"#]],
    );
    check(
        &site,
        &["diff", "no-such-branch", "toy"],
        str![[r#"
$ labpress diff no-such-branch toy
[stderr]
error: `no-such-branch` is neither a pin nor a fingerprint of the experiment, and not a git revision: fatal: Not a valid object name no-such-branch:experiments
[exit status 1]

"#]],
    );
    check(
        &site,
        &["diff", "tay"],
        str![[r#"
$ labpress diff tay
[stderr]
error: there is no experiment `tay`
 --> experiments/
hint: did you mean `toy`?

`labpress diff` failed because of 1 error
[exit status 1]

"#]],
    );
    let status = Command::new("git")
        .args(["status", "--porcelain"])
        .current_dir(site.path())
        .output()
        .unwrap();
    let status = String::from_utf8(status.stdout).unwrap();
    assert!(
        !status.lines().any(|line| line.starts_with(['A', 'D', 'M'])),
        "the index was touched:\n{status}"
    );
}

#[test]
fn on_a_clean_site_there_is_nothing_to_collect() {
    let site = pinned();
    succeed(&site, &["run"]);
    check(
        &site,
        &["gc", "--delete"],
        str![[r#"
$ labpress gc --delete
[stderr]
nothing to delete: every file is referred to
[exit status 0]

"#]],
    );
}

#[test]
fn gc_lists_with_sizes_and_deletes_only_when_asked() {
    let site = pinned();
    succeed(&site, &["pin", POST, "--remove"]);
    succeed(&site, &["run"]);
    let before = site.files("");
    check(
        &site,
        &["gc"],
        str![[r#"
$ labpress gc
KIND  PATH  SIZE
object  .labpress/objects/3c/f478533cf8814467ad01ebcd5210d1bb6bf2e65be99fb0606a2a4a6b14b131  [SIZE]
file  experiments/toy/files/[DIGEST]-table.json  [SIZE]
pin  experiments/toy/pins/[DIGEST].json  [SIZE]
record  experiments/toy/runs/fast-s0-[DIGEST].json  [SIZE]
record  experiments/toy/runs/fast-s1-[DIGEST].json  [SIZE]
[stderr]
5 unreferenced items, [SIZE]: delete them with `labpress gc --delete`
[exit status 0]

"#]],
    );
    assert_eq!(site.files(""), before);
    check(
        &site,
        &["gc", "--keep-days", "1", "--delete"],
        str![[r#"
$ labpress gc --keep-days 1 --delete
[stderr]
nothing to delete: every file is referred to
[exit status 0]

"#]],
    );
    check(
        &site,
        &["gc", "--delete"],
        str![[r#"
$ labpress gc --delete
KIND  PATH  SIZE
object  .labpress/objects/3c/f478533cf8814467ad01ebcd5210d1bb6bf2e65be99fb0606a2a4a6b14b131  [SIZE]
file  experiments/toy/files/[DIGEST]-table.json  [SIZE]
pin  experiments/toy/pins/[DIGEST].json  [SIZE]
record  experiments/toy/runs/fast-s0-[DIGEST].json  [SIZE]
record  experiments/toy/runs/fast-s1-[DIGEST].json  [SIZE]
[stderr]
5 unreferenced items deleted, [SIZE]
[exit status 0]

"#]],
    );
    assert_eq!(site.files("").len(), before.len() - 5);
    succeed(&site, &["build", "--locked"]);
    check_page(&site, &[NEW], &[]);
    check(
        &site,
        &["gc"],
        str![[r#"
$ labpress gc
[stderr]
nothing to delete: every file is referred to
[exit status 0]

"#]],
    );
}

#[test]
fn gc_keeps_what_a_pin_needs_and_removes_what_came_between() {
    let site = pinned();
    succeed(&site, &["run"]);
    site.replace(YAML, "rate: 1}", "rate: 2}");
    succeed(&site, &["run"]);
    check(
        &site,
        &["gc", "--delete"],
        str![[r#"
$ labpress gc --delete
KIND  PATH  SIZE
object  .labpress/objects/3a/99a4bdb41db5df12b7a407bf59df5c29bcc3788e435c09d78a8f74496225f9  [SIZE]
file  experiments/toy/files/[DIGEST]-table.json  [SIZE]
record  experiments/toy/runs/fast-s0-[DIGEST].json  [SIZE]
record  experiments/toy/runs/fast-s1-[DIGEST].json  [SIZE]
[stderr]
4 unreferenced items deleted, [SIZE]
[exit status 0]

"#]],
    );
    assert_eq!(site.files("experiments/toy/runs").len(), 6);
    succeed(&site, &["build", "--locked"]);
    check_page(&site, &[OLD, "Newer results"], &[NEW]);
}

#[test]
fn gc_keeps_failed_and_unfinished_runs_of_today_and_what_authors_made() {
    let site = Site::with_toy();
    site.replace(YAML, "fast: {rate: 0.5}", "fast: {rate: 0.5, fail-at: 2}");
    site.write("experiments/toy/files/mine.txt", "by hand");
    assert_eq!(site.labpress(&["run"]).status.code(), Some(1));
    check(
        &site,
        &["gc", "--delete"],
        str![[r#"
$ labpress gc --delete
[stderr]
nothing to delete: every file is referred to
[exit status 0]

"#]],
    );
    check(
        &site,
        &["why", "toy"],
        str![[r#"
$ labpress why toy
toy/slow seed 0 is fresh: experiments/toy/runs/slow-s0-[DIGEST].json
toy/slow seed 1 is fresh: experiments/toy/runs/slow-s1-[DIGEST].json
toy/fast seed 0 is missing: no result is recorded
    the last try failed: it exited with status 1; log: [SITE]/.labpress/runs/toy/fast-s0-[DIGEST]/log.txt
    | the net caught fire
toy/fast seed 1 is missing: no result is recorded
    the last try failed: it exited with status 1; log: [SITE]/.labpress/runs/toy/fast-s1-[DIGEST]/log.txt
    | the net caught fire
[exit status 0]

"#]],
    );
    site.replace(YAML, ", fail-at: 2", "");
    check(
        &site,
        &["gc", "--delete"],
        str![[r#"
$ labpress gc --delete
KIND  PATH  SIZE
run  .labpress/runs/toy/fast-s0-[DIGEST]  [SIZE]
run  .labpress/runs/toy/fast-s1-[DIGEST]  [SIZE]
[stderr]
2 unreferenced items deleted, [SIZE]
[exit status 0]

"#]],
    );
}

/// A site with two records of an older configuration and their file, and what of these is listed by
/// `gc`.
fn outdated() -> (Site, String) {
    let site = pinned();
    succeed(&site, &["pin", POST, "--remove"]);
    succeed(&site, &["build"]);
    let listed = succeed(&site, &["gc"]);
    let file = listed.lines().find_map(|line| line.strip_prefix("file ")).unwrap();
    let file = file.split_whitespace().next().unwrap().to_owned();
    (site, file)
}

#[test]
fn a_missing_file_of_a_record_that_nothing_shows_is_a_warning() {
    let (site, file) = outdated();
    std::fs::remove_file(site.path().join(&file)).unwrap();
    let commands =
        [&["build"][..], &["build", "--locked"], &["status"], &["run", "--force", "--jobs", "1"]];
    check_text(
        commands.map(|arguments| said(&site, arguments)).join("\n"),
        str![[r#"
$ labpress build
[stderr]
warning: the file is missing: `experiments/toy/runs/fast-s0-[DIGEST].json` refers to it
 --> experiments/toy/files/[DIGEST]-table.json
hint: no page shows this record: remove it with `labpress gc --delete`

warning: the file is missing: `experiments/toy/runs/fast-s1-[DIGEST].json` refers to it
 --> experiments/toy/files/[DIGEST]-table.json
hint: no page shows this record: remove it with `labpress gc --delete`

0 files written, 10 unchanged, 0 removed in public ([TIME])
[exit status 0]

$ labpress build --locked
[stderr]
warning: the file is missing: `experiments/toy/runs/fast-s0-[DIGEST].json` refers to it
 --> experiments/toy/files/[DIGEST]-table.json
hint: no page shows this record: remove it with `labpress gc --delete`

warning: the file is missing: `experiments/toy/runs/fast-s1-[DIGEST].json` refers to it
 --> experiments/toy/files/[DIGEST]-table.json
hint: no page shows this record: remove it with `labpress gc --delete`

0 files written, 10 unchanged, 0 removed in public ([TIME])
[exit status 0]

$ labpress status
EXPERIMENT  VARIANT  SEEDS  STATE  AGE  TIME
toy  slow  0 1  fresh  [TIME]  [TIME] per run
toy  fast  0 1  fresh  [TIME]  [TIME] per run
[stderr]
warning: the file is missing: `experiments/toy/runs/fast-s0-[DIGEST].json` refers to it
 --> experiments/toy/files/[DIGEST]-table.json
hint: no page shows this record: remove it with `labpress gc --delete`

warning: the file is missing: `experiments/toy/runs/fast-s1-[DIGEST].json` refers to it
 --> experiments/toy/files/[DIGEST]-table.json
hint: no page shows this record: remove it with `labpress gc --delete`

[exit status 0]

$ labpress run --force --jobs 1
[stderr]
warning: the file is missing: `experiments/toy/runs/fast-s0-[DIGEST].json` refers to it
 --> experiments/toy/files/[DIGEST]-table.json
hint: no page shows this record: remove it with `labpress gc --delete`

warning: the file is missing: `experiments/toy/runs/fast-s1-[DIGEST].json` refers to it
 --> experiments/toy/files/[DIGEST]-table.json
hint: no page shows this record: remove it with `labpress gc --delete`

stale toy/slow seeds 0 1: it is fresh, and `--force` repeats it
stale toy/fast seeds 0 1: it is fresh, and `--force` repeats it
start toy/slow seed 0
done  toy/slow seed 0 accuracy 23.1 %  [TIME]
start toy/slow seed 1
done  toy/slow seed 1 accuracy 56.5 %  [TIME]
start toy/fast seed 0
done  toy/fast seed 0 accuracy 75.0 %  [TIME]
start toy/fast seed 1
done  toy/fast seed 1 accuracy 80.0 %  [TIME]
4 runs recorded in [TIME]
[exit status 0]

"#]],
    );
    check(
        &site,
        &["gc", "--delete"],
        str![[r#"
$ labpress gc --delete
KIND  PATH  SIZE
object  .labpress/objects/3c/f478533cf8814467ad01ebcd5210d1bb6bf2e65be99fb0606a2a4a6b14b131  [SIZE]
pin  experiments/toy/pins/[DIGEST].json  [SIZE]
record  experiments/toy/runs/fast-s0-[DIGEST].json  [SIZE]
record  experiments/toy/runs/fast-s1-[DIGEST].json  [SIZE]
[stderr]
4 unreferenced items deleted, [SIZE]
[exit status 0]

"#]],
    );
    check(
        &site,
        &["build"],
        str![[r#"
$ labpress build
[stderr]
6 files written, 4 unchanged, 3 removed in public ([TIME])
[exit status 0]

"#]],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "it holds the whole output of several commands")]
fn a_missing_file_of_a_record_that_something_shows_is_an_error() {
    let by_experiment = |site: &Site| site.replace(YAML, "fast: {rate: 1}", "fast: {rate: 0.5}");
    let by_verification = |site: &Site| {
        by_experiment(site);
        succeed(site, &["verify", "toy"]);
        site.replace(YAML, "fast: {rate: 0.5}", "fast: {rate: 1}");
    };
    let by_draft = |site: &Site| {
        by_experiment(site);
        succeed(site, &["pin", POST]);
        site.replace(YAML, "fast: {rate: 0.5}", "fast: {rate: 1}");
        std::fs::create_dir(site.path().join("_drafts")).unwrap();
        std::fs::rename(site.path().join(POST), site.path().join("_drafts/toy.md")).unwrap();
    };
    for (refer, build, gc) in [
        (
            &by_experiment as &dyn Fn(&Site),
            str![[r#"
$ labpress build --locked
[stderr]
error: the results of `toy` are stale: params.rate changed from 1 to 0.5 (and 2 more places)
 --> _posts/2026-01-02-toy.md:5:20
hint: run `labpress run toy` and commit its records

error: the file is missing: `experiments/toy/runs/fast-s0-[DIGEST].json` refers to it
 --> experiments/toy/files/[DIGEST]-table.json
hint: restore it from git, or delete the record and run `labpress run toy` to recreate both

error: the file is missing: `experiments/toy/runs/fast-s1-[DIGEST].json` refers to it
 --> experiments/toy/files/[DIGEST]-table.json
hint: restore it from git, or delete the record and run `labpress run toy` to recreate both

nothing was written because of 3 errors
[exit status 1]

"#]],
            str![[r#"
$ labpress gc --delete
[stderr]
error: the file is missing: `experiments/toy/runs/fast-s0-[DIGEST].json` refers to it
 --> experiments/toy/files/[DIGEST]-table.json
hint: restore it from git, or delete the record and run `labpress run toy` to recreate both

error: the file is missing: `experiments/toy/runs/fast-s1-[DIGEST].json` refers to it
 --> experiments/toy/files/[DIGEST]-table.json
hint: restore it from git, or delete the record and run `labpress run toy` to recreate both

`labpress gc` failed because of 2 errors
[exit status 1]

"#]],
        ),
        (
            &by_verification,
            str![[r#"
$ labpress build --locked
[stderr]
error: the file is missing: `experiments/toy/runs/fast-s0-[DIGEST].json` refers to it
 --> experiments/toy/files/[DIGEST]-table.json
hint: restore it from git: the experiment has changed since, so no run can reproduce it

error: the file is missing: `experiments/toy/runs/fast-s1-[DIGEST].json` refers to it
 --> experiments/toy/files/[DIGEST]-table.json
hint: restore it from git: the experiment has changed since, so no run can reproduce it

nothing was written because of 2 errors
[exit status 1]

"#]],
            str![[r#"
$ labpress gc --delete
[stderr]
error: the file is missing: `experiments/toy/runs/fast-s0-[DIGEST].json` refers to it
 --> experiments/toy/files/[DIGEST]-table.json
hint: restore it from git: the experiment has changed since, so no run can reproduce it

error: the file is missing: `experiments/toy/runs/fast-s1-[DIGEST].json` refers to it
 --> experiments/toy/files/[DIGEST]-table.json
hint: restore it from git: the experiment has changed since, so no run can reproduce it

`labpress gc` failed because of 2 errors
[exit status 1]

"#]],
        ),
        (
            &by_draft,
            str![[r#"
$ labpress build --locked
[stderr]
error: the file is missing: `experiments/toy/runs/fast-s0-[DIGEST].json` refers to it
 --> experiments/toy/files/[DIGEST]-table.json
hint: restore it from git: the experiment has changed since, so no run can reproduce it

error: the file is missing: `experiments/toy/runs/fast-s1-[DIGEST].json` refers to it
 --> experiments/toy/files/[DIGEST]-table.json
hint: restore it from git: the experiment has changed since, so no run can reproduce it

nothing was written because of 2 errors
[exit status 1]

"#]],
            str![[r#"
$ labpress gc --delete
[stderr]
error: the file is missing: `experiments/toy/runs/fast-s0-[DIGEST].json` refers to it
 --> experiments/toy/files/[DIGEST]-table.json
hint: restore it from git: the experiment has changed since, so no run can reproduce it

error: the file is missing: `experiments/toy/runs/fast-s1-[DIGEST].json` refers to it
 --> experiments/toy/files/[DIGEST]-table.json
hint: restore it from git: the experiment has changed since, so no run can reproduce it

`labpress gc` failed because of 2 errors
[exit status 1]

"#]],
        ),
    ] {
        let (site, file) = outdated();
        refer(&site);
        std::fs::remove_file(site.path().join(&file)).unwrap();
        check(&site, &["build", "--locked"], build);
        check(&site, &["gc", "--delete"], gc);
    }
}

#[test]
fn gc_deletes_nothing_while_something_cannot_be_read() {
    let site = pinned();
    site.write("_drafts/half.md", "---\npin: {toy: [\n---\n");
    check(
        &site,
        &["gc", "--delete"],
        str![[r#"
$ labpress gc --delete
[stderr]
error: did not find expected node content while parsing a flow node
 --> _drafts/half.md:3:1

`labpress gc` failed because of 1 error
[exit status 1]

"#]],
    );
    assert_eq!(site.files("experiments/toy/runs").len(), 4);
}
