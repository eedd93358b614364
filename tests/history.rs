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
use support::{Site, answer, assert_success, check, stderr};

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

nothing was written because of 1 error
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

nothing was written because of 1 error
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

nothing was written because of 1 error
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

nothing was written because of 1 error
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

nothing was written because of 1 error
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

nothing was written because of 1 error
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

/// The lines of a text without runs of white space.
fn squeezed(text: &str) -> String {
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n").collect()
}

#[test]
fn diff_says_what_moved_and_whether_beyond_the_spread() {
    let site = Site::with_toy();
    // Seeds 100 and up make little of a difference, so that a change of rate is beyond their
    // spread.
    site.replace(YAML, "seeds: 2", "seeds: [100, 101]");
    succeed(&site, &["run"]);
    site.replace(YAML, "fast: {rate: 0.5}", "fast: {rate: 500}");
    let text = succeed(&site, &["diff", "toy"]);
    assert!(text.contains("2 runs without a current result: run `labpress run toy`"), "{text}");
    succeed(&site, &["run"]);
    let text = squeezed(&succeed(&site, &["diff", "toy"]));
    assert!(text.contains("`toy` since the earlier results"), "{text}");
    assert!(text.contains("fast accuracy 99.024, 99.034 % (2 runs) 99.93754, "), "{text}");
    assert!(
        text.lines().any(|line| line.starts_with("fast accuracy") && line.ends_with(" pp yes")),
        "{text}"
    );
    assert!(
        text.lines()
            .any(|line| line.starts_with("slow accuracy") && line.ends_with(" - unchanged")),
        "{text}"
    );
    let text = succeed(&site, &["diff", "toy", "--format", "md"]);
    let row = "| fast | accuracy | 99.024, 99.034 % (2 runs) | 99.93754, ";
    assert!(text.contains("|---|---|---:|---:|---:|---|\n") && text.contains(row), "{text}");
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
    for before in [id(&site), "HEAD".to_owned(), fingerprint.clone()] {
        let text = squeezed(&succeed(&site, &["diff", &before, "toy"]));
        assert!(
            text.contains("fast accuracy 60, 71 % (2 runs) 75, 80 % (2 runs) +11.8 pp"),
            "{before}: {text}"
        );
        assert!(text.contains(" pp no\n"), "{before}: {text}");
        assert_eq!(text.contains("\nslow accuracy "), before != fingerprint, "{before}: {text}");
    }
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

nothing was written because of 1 error
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
    let text = succeed(&site, &["gc", "--delete"]);
    assert!(text.contains("nothing to delete"), "{text}");
}

#[test]
fn gc_lists_with_sizes_and_deletes_only_when_asked() {
    let site = pinned();
    succeed(&site, &["pin", POST, "--remove"]);
    succeed(&site, &["run"]);
    let before = site.files("");
    let listed = succeed(&site, &["gc"]);
    assert_eq!(site.files(""), before);
    for kind in ["record", "pin", "file", "object"] {
        let lines = listed.lines().filter(|line| line.starts_with(kind));
        let lines: Vec<&str> =
            lines.filter(|line| line.ends_with(" B") || line.ends_with(" kB")).collect();
        assert_eq!(lines.len(), if kind == "record" { 2 } else { 1 }, "{kind}: {listed}");
    }
    assert!(listed.contains("5 unreferenced items, "), "{listed}");
    let kept = succeed(&site, &["gc", "--keep-days", "1", "--delete"]);
    assert!(kept.contains("nothing to delete"), "{kept}");
    let deleted = succeed(&site, &["gc", "--delete"]);
    assert!(deleted.contains("5 unreferenced items deleted, "), "{deleted}");
    assert_eq!(site.files("").len(), before.len() - 5);
    succeed(&site, &["build", "--locked"]);
    check_page(&site, &[NEW], &[]);
    let text = succeed(&site, &["gc"]);
    assert!(text.contains("nothing to delete"), "{text}");
}

#[test]
fn gc_keeps_what_a_pin_needs_and_removes_what_came_between() {
    let site = pinned();
    succeed(&site, &["run"]);
    site.replace(YAML, "rate: 1}", "rate: 2}");
    succeed(&site, &["run"]);
    let listed = succeed(&site, &["gc", "--delete"]);
    assert_eq!(listed.matches("experiments/toy/runs/fast-").count(), 2, "{listed}");
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
    let text = succeed(&site, &["gc", "--delete"]);
    assert!(text.contains("nothing to delete"), "{text}");
    assert!(succeed(&site, &["why", "toy"]).contains("the net caught fire"));
    site.replace(YAML, ", fail-at: 2", "");
    let text = succeed(&site, &["gc", "--delete"]);
    assert_eq!(text.matches(".labpress/runs/toy/fast-").count(), 2, "{text}");
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
    for command in [&["build"][..], &["build", "--locked"], &["status"], &["run", "--force"]] {
        let text = succeed(&site, command);
        assert_eq!(
            text.matches(&format!(" --> {file}\nhint: no page shows this record")).count(),
            2,
            "{text}"
        );
        assert!(
            text.contains("warning: the file is missing: `experiments/toy/runs/fast-s0-"),
            "{text}"
        );
    }
    let deleted = succeed(&site, &["gc", "--delete"]);
    assert_eq!(deleted.lines().filter(|line| line.starts_with("record ")).count(), 2, "{deleted}");
    assert!(!succeed(&site, &["build"]).contains("warning"));
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

nothing was written because of 2 errors
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

nothing was written because of 2 errors
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

nothing was written because of 2 errors
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

nothing was written because of 1 error
[exit status 1]

"#]],
    );
    assert_eq!(site.files("experiments/toy/runs").len(), 4);
}
