//! The program as its user sees it: messages, exit codes, and what is on disk afterwards.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests make, read and panic as they please"
)]

mod support;

use std::process::{Output, Stdio};

use support::{Site, TOY_POST, answer, assert_success, stderr};

const POST: &str = "_posts/2026-01-02-toy.md";
const PAGE: &str = "public/2026/01/02/toy.html";
const YAML: &str = "experiments/toy/experiment.yml";

/// A site that was built once.
fn built() -> Site {
    let site = Site::with_toy();
    assert_success(&site.labpress(&["build"]));
    site
}

/// The build fails with these errors, in this order, and leaves `public/` as it was.
#[track_caller]
fn check_errors(site: &Site, arguments: &[&str], expected: &[&str]) {
    let before = site.files("public");
    let output = site.labpress(arguments);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let mut rest = said.as_str();
    for error in expected {
        let found = rest
            .find(error)
            .unwrap_or_else(|| panic!("{error:?} is not, or not here, in:\n{said}"));
        rest = &rest[found + error.len()..];
    }
    assert!(!said.contains("panicked"), "{said}");
    assert!(site.files("public") == before, "public/ was touched");
}

fn trained(output: &Output) -> usize {
    stderr(output).matches("done  ").count()
}

#[test]
fn a_build_trains_once_and_then_writes_nothing() {
    let site = Site::with_toy();
    let first = site.labpress(&["build"]);
    assert_success(&first);
    assert_eq!(trained(&first), 4);
    let page = site.read(PAGE);
    assert!(page.contains("<svg") && page.contains("<table"), "{page}");
    let before = site.files("public");
    let second = site.labpress(&["build"]);
    assert_eq!(trained(&second), 0);
    assert!(stderr(&second).starts_with("0 files written"), "{}", stderr(&second));
    assert!(site.files("public") == before);
}

#[test]
fn a_sentence_retrains_nothing_and_a_parameter_only_its_variant() {
    let site = built();
    site.replace(POST, "Fast gets", "The fast one gets");
    let edited = site.labpress(&["build"]);
    assert_eq!(trained(&edited), 0);
    assert!(site.read(PAGE).contains("The fast one gets"));
    site.replace(YAML, "rate: 0.5", "rate: 0.9");
    let retrained = site.labpress(&["build"]);
    assert_success(&retrained);
    assert_eq!(trained(&retrained), 2);
    assert!(
        stderr(&retrained)
            .contains("stale toy/fast seeds 0 1: params.rate changed from 0.5 to 0.9")
    );
}

#[test]
fn an_experiment_that_no_post_shows_is_not_run_by_a_build() {
    let site = Site::with_toy();
    site.write("experiments/unseen/experiment.yml", &site.read(YAML));
    site.write("experiments/unseen/train.py", &site.read("experiments/toy/train.py"));
    let output = site.labpress(&["build"]);
    assert_success(&output);
    assert!(!stderr(&output).contains("unseen"), "{}", stderr(&output));
}

#[test]
fn a_locked_build_needs_no_runner_and_says_what_is_stale() {
    let site = built();
    let copy = site.files("public");
    std::fs::remove_dir_all(site.path().join(".labpress")).unwrap();
    std::fs::remove_dir_all(site.path().join("public")).unwrap();
    assert_success(&site.labpress(&["build", "--locked"]));
    assert!(site.files("public") == copy);
    site.replace(YAML, "rate: 0.5", "rate: 0.9");
    check_errors(
        &site,
        &["build", "--locked"],
        &[
            "error: the results of `toy` are",
            "params.rate changed from 0.5 to 0.9",
            "--> _posts/2026-01-02-toy.md:5:20",
            "hint: run `labpress run toy` and commit its records",
        ],
    );
}

#[test]
fn all_errors_are_shown_together_before_anything_runs() {
    let site = built();
    site.replace(YAML, "rate: 0.5", "rate: 0.9");
    site.write("_posts/2026-13-01-no-date.md", "---\ntitle: A\n---\n");
    site.write("_posts/2026-01-05-layout.md", "---\nlayout: pots\n---\n");
    site.write(
        "_posts/2026-01-06-tag.md",
        "---\nlayout: post\n---\n{% value tyo.fast.accuracy %} {% value toy.fast.acuracy %}\n",
    );
    site.write(
        "experiments/second/experiment.yml",
        "title: T\nrecipe: image-classification\ndata: digits\nparams: {epoks: 3}\n",
    );
    check_errors(
        &site,
        &["build"],
        &[
            "_posts/2026-01-05-layout.md:2",
            "did you mean `post`?",
            "error: unknown experiment `tyo`",
            "did you mean `toy`?",
            "error: unknown key `epoks`\n --> experiments/second/experiment.yml:4:10\n\
             hint: did you mean `epochs`?",
        ],
    );
    let output = site.labpress(&["build"]);
    assert_eq!(trained(&output), 0);
    assert!(stderr(&output).contains("2026-13-01"), "{}", stderr(&output));
}

#[test]
fn an_unknown_metric_names_the_nearest() {
    let site = built();
    site.write(POST, &TOY_POST.replace("toy.fast.accuracy", "toy.fast.acuracy"));
    check_errors(
        &site,
        &["build"],
        &["`acuracy`", "--> _posts/2026-01-02-toy.md:5:29", "`accuracy`"],
    );
}

#[test]
fn two_posts_at_one_address_are_both_named() {
    let site = built();
    site.write(
        "_posts/2026-01-02-other.md",
        "---\nlayout: post\npermalink: /2026/01/02/toy.html\n---\n",
    );
    check_errors(&site, &["build"], &["has the same address as `_posts/2026-01-02-other.md`"]);
}

#[test]
fn an_altered_record_is_an_error_of_a_build_and_made_again_by_a_run() {
    let site = built();
    let path = site.files("experiments/toy/runs").into_keys().next().unwrap();
    let path = format!("experiments/toy/runs/{}", path.display());
    let number =
        site.read(&path).lines().find(|line| line.contains("\"accuracy\"")).unwrap().to_owned();
    site.replace(&path, &number, "    \"accuracy\": 0.99,");
    check_errors(
        &site,
        &["build"],
        &[
            "error: the record was altered: its content does not match its digest",
            &format!("--> {path}"),
            "delete it and run `labpress run toy` to recreate it",
        ],
    );
    let again = site.labpress(&["run", "toy"]);
    assert_success(&again);
    assert_eq!(trained(&again), 1);
    assert_success(&site.labpress(&["build"]));
}

#[test]
fn a_failed_run_keeps_the_site_as_it_was() {
    let site = built();
    site.replace(YAML, "rate: 0.5", "rate: 0.5, fail-at: 2");
    check_errors(
        &site,
        &["build"],
        &["FAIL  toy/fast seed", "| the net caught fire", "2 runs without a result"],
    );
}

#[test]
fn two_builds_at_once_do_not_harm_each_other() {
    let site = Site::with_toy();
    let start = || site.command(&["build"]).stderr(Stdio::piped()).spawn().unwrap();
    let both = [start(), start()].map(|labpress| labpress.wait_with_output().unwrap());
    both.iter().for_each(assert_success);
    assert_eq!(both.iter().map(trained).sum::<usize>(), 4);
    assert!(both.iter().any(|output| stderr(output).contains("waiting for it to finish")));
}

#[test]
fn a_folder_that_is_no_site_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::empty();
    let output = site.labpress(&["build", "--source", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("not a labpress site: no `_config.yml` or `_posts` in"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn status_why_and_doctor_answer_on_standard_output() {
    let site = built();
    let status = answer(&site.labpress(&["status"]));
    let first: Vec<&str> = status.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(first[..5], ["toy", "slow", "0", "1", "fresh"], "{status}");
    let why = answer(&site.labpress(&["why", "toy"]));
    assert!(why.starts_with("toy/slow seed 0 is fresh: experiments/toy/runs/slow-s0-"), "{why}");
    let doctor = answer(&site.labpress(&["doctor"]));
    assert!(doctor.contains("cores") && doctor.contains("lab"), "{doctor}");
}

#[test]
fn a_new_experiment_is_read_by_editors_and_by_labpress() {
    let site = Site::empty();
    assert_success(&site.labpress(&["new", "experiment", "first"]));
    let first = site.read("experiments/first/experiment.yml");
    assert!(
        first.starts_with("# yaml-language-server: $schema=../experiment.schema.json\n"),
        "{first}"
    );
    assert_eq!(
        site.read("experiments/experiment.schema.json"),
        include_str!("../docs/schema/experiment.schema.json")
    );
    assert!(answer(&site.labpress(&["status"])).contains("first       large    0 1 2  missing"));
    let again = site.labpress(&["new", "experiment", "first"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains("already exists"), "{}", stderr(&again));
    assert_eq!(site.labpress(&["new", "experiment", "../x"]).status.code(), Some(1));
}

#[test]
fn a_new_post_is_built() {
    let site = Site::with_toy();
    assert_success(&site.labpress(&["new", "post", "What I \"learnt\": a: b"]));
    let path = site
        .files("_posts")
        .into_keys()
        .find(|path| path.to_string_lossy().ends_with("-what-i-learnt-a-b.md"));
    let text = site.read(&format!("_posts/{}", path.unwrap().display()));
    assert_eq!(text, "---\nlayout: post\ntitle: \"What I \\\"learnt\\\": a: b\"\n---\n\n");
    assert_success(&site.labpress(&["build"]));
}

#[test]
fn a_jekyll_blog_whose_configuration_cannot_be_read_is_left_as_it_is() {
    let site = Site::empty();
    site.write("_config.yml", "title: [T");
    site.write("_posts/2020-01-02-a.md", "a");
    let refused = site.labpress(&["import", &site.path().display().to_string()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(answer(&refused).contains("_config.yml is unchanged"), "{}", answer(&refused));
    assert_eq!(site.read("_config.yml"), "title: [T");
}

#[test]
fn a_jekyll_blog_is_imported_by_one_line_and_then_builds() {
    let site = Site::empty();
    site.write(
        "_config.yml",
        "title: Old blog # since 2012\nplugins: [jekyll-feed, jekyll-scholar]",
    );
    site.write("_layouts/post.html", "<h1>{{ page.title | upcase }}</h1>{{ content }}");
    site.write(
        "_posts/2020-01-02-a.md",
        "---\ntitle: A\nlayout: post\n---\n\"Hi\" {% cite knuth %}\n",
    );
    let folder = site.path().display().to_string();
    let import =
        |arguments: &[&str]| site.labpress(&[&["import", folder.as_str()], arguments].concat());

    let tried = import(&["--dry-run"]);
    assert!(answer(&tried).contains("would append `templates: liquid`"), "{}", answer(&tried));
    assert!(!site.read("_config.yml").contains("templates"));

    let refused = import(&[]);
    let report = answer(&refused);
    assert_eq!(refused.status.code(), Some(1));
    for part in [
        "jekyll-feed     built in",
        "jekyll-scholar  not supported",
        "tags: {cite: cite.html}",
        "posts",
        "a.md:5:6",
    ] {
        assert!(report.contains(part), "{part:?} is not in:\n{report}");
    }
    let config = site.read("_config.yml");
    assert!(
        config.starts_with("title: Old blog # since 2012\n")
            && config.ends_with("\ntemplates: liquid\n")
    );

    site.write("_includes/cite.html", "[{{ include.arguments }}]");
    site.write("_config.yml", &format!("{config}liquid: {{tags: {{cite: cite.html}}}}\n"));
    let accepted = import(&[]);
    assert_success(&accepted);
    assert!(answer(&accepted).contains("nothing to do"), "{}", answer(&accepted));
    assert_success(&site.labpress(&["build"]));
    assert_eq!(site.read("_site/2020/01/02/a.html"), "<h1>A</h1><p>“Hi” [knuth]</p>\n");
}
