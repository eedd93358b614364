//! What labpress says, whole: the help of every command, and what a wrong site or a wrong command
//! line gives. Wording is read in review: `SNAPSHOTS=overwrite cargo test --test messages` writes
//! `tests/messages/`, and the difference shows what users will see.

mod support;

use support::Site;

const POST: &str = "_posts/2026-01-02-a.md";
const YAML: &str = "experiments/toy/experiment.yml";

/// Runs labpress in a site and compares what it says with `tests/messages/NAME.txt`.
#[track_caller]
fn check(name: &str, site: &Site, arguments: &[&str]) {
    let path = format!("{}/tests/messages/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let expected = snapbox::Data::read_from(std::path::Path::new(&path), None);
    support::check(site, arguments, expected);
}

/// Builds a site with these files, each of them wrong in one way.
#[track_caller]
fn check_build(name: &str, files: &[(&str, &str)]) {
    check(name, &site(files), &["build"]);
}

fn site(files: &[(&str, &str)]) -> Site {
    let site = Site::empty();
    site.write("_layouts/post.html", "{{ content | safe }}\n");
    for (path, text) in files {
        site.write(path, text);
    }
    site
}

/// Builds a site with a post with this body.
#[track_caller]
fn check_body(name: &str, body: &str) {
    check_build(name, &[(POST, &format!("---\nlayout: post\n---\n{body}\n"))]);
}

/// Builds a site with an experiment that this declares.
#[track_caller]
fn check_experiment(name: &str, yaml: &str) {
    check_build(name, &[(YAML, yaml)]);
}

/// Builds the toy site, recorded, with its post's tags replaced by this one.
#[track_caller]
fn check_tag(name: &str, tag: &str) {
    let site = Site::with_toy();
    support::assert_success(&site.labpress(&["run", "--quiet"]));
    site.write("_posts/2026-01-02-toy.md", &format!("---\nlayout: post\n---\nSee {tag}.\n"));
    check(name, &site, &["build", "--locked"]);
}

#[test]
fn help() {
    let site = Site::empty();
    check("help", &site, &["--help"]);
    let commands: [&[&str]; 24] = [
        &["publish"],
        &["completions"],
        &["man"],
        &["build"],
        &["check"],
        &["serve"],
        &["run"],
        &["new"],
        &["new", "post"],
        &["new", "experiment"],
        &["import"],
        &["status"],
        &["why"],
        &["verify"],
        &["pin"],
        &["diff"],
        &["gc"],
        &["mv"],
        &["data"],
        &["data", "list"],
        &["data", "fetch"],
        &["data", "check"],
        &["schema"],
        &["doctor"],
    ];
    for command in commands {
        check(&format!("help-{}", command.join("-")), &site, &[command, &["--help"]].concat());
    }
}

#[test]
fn wrong_command_lines() {
    let site = Site::with_toy();
    check("arguments-unknown-command", &site, &["biuld"]);
    check("arguments-unknown-option", &site, &["build", "--lokced"]);
    check("arguments-conflict", &site, &["build", "--locked", "--smoke"]);
    check("arguments-budget", &site, &["run", "--budget", "soon"]);
    check("arguments-no-site", &site, &["--source", "experiments/toy", "build"]);
    check("arguments-unknown-experiment", &site, &["run", "tyo"]);
    check("arguments-unknown-variant", &site, &["run", "toy", "--variant", "fats"]);
    check("arguments-unknown-seed", &site, &["run", "toy", "--seed", "7"]);
    check("arguments-unknown-post", &site, &["pin", "2026-01-02-tyo"]);
    check("arguments-name", &site, &["new", "experiment", "My Nets"]);
    check("arguments-there-already", &site, &["new", "experiment", "toy"]);
    check("arguments-destination-root", &site, &["build", "--destination", "."]);
    check("arguments-destination-source", &site, &["build", "--destination", "_posts"]);
    check("arguments-nothing-to-verify", &site, &["verify", "toy"]);
    check("arguments-mv-unknown", &site, &["mv", "tyo", "top"]);
    check("arguments-data-unknown", &site, &["data", "fetch", "mnits"]);
}

#[test]
fn wrong_configurations() {
    for (name, text) in [
        ("config-syntax", "title: [a\n"),
        ("config-types", "title: {a: b}\npaginate: ten\nfuture: [1]\n"),
        ("config-url", "url: example.org\ntimezone: Europe/Pariss\n"),
        ("config-templates", "templates: handlebars\nmarkdown: rst\n"),
        ("config-destination", "destination: ../elsewhere\n"),
        ("config-limits", "limits: {template-steps: many, steps: 3}\n"),
    ] {
        check_build(name, &[("_config.yml", text)]);
    }
}

#[test]
fn wrong_posts_and_pages() {
    for (name, path, text) in [
        ("post-front-matter-open", POST, "---\ntitle: A\nText.\n"),
        ("post-front-matter-quote", POST, "---\ntitle: \"A\ntags: [a]\n---\n"),
        ("post-front-matter-types", POST, "---\ntitle: [a]\ndate: soon\nlayout: {a: b}\n---\n"),
        ("post-date", "_posts/hello.md", "---\ntitle: A\n---\n"),
        ("post-bad-date", POST, "---\ndate: 2026-02-32\n---\n"),
        ("post-layout", POST, "---\nlayout: pots\n---\n"),
        ("post-permalink", POST, "---\npermalink: [a]\n---\n"),
        ("post-pin", POST, "---\npin: {toy: 01234567}\n---\n"),
        ("page-template", "index.html", "---\n---\n{% for post in site.posts %}{{ post.title }\n"),
        ("page-template-variable", "index.html", "---\n---\n{{ site.titel | upper }}\n"),
        ("layout-loop", "_layouts/a.html", "---\nlayout: a\n---\n{{ content }}\n"),
        ("data-file", "_data/people.yml", "- name: A\n  age: [\n"),
        ("style-sheet", "style.scss", "---\n---\na { color: $undefined; }\n"),
    ] {
        check_build(name, &[(path, text)]);
    }
    check_build(
        "post-same-address",
        &[
            (POST, "---\npermalink: /x/\n---\n"),
            ("_posts/2026-01-03-b.md", "---\npermalink: /x/\n---\n"),
        ],
    );
}

#[test]
fn wrong_tags() {
    check_body("liquid-unknown-tag", "{% inclde a.html %}");
    check_body("liquid-unclosed", "{% if page.title %}\n{{ page.title");
    check_body("liquid-include", "{% include nothing.html %}");
    check_body("liquid-post-url", "{% post_url 2026-01-02-b %}");
    check_body("liquid-filter", "{{ 3 | divided_by: 0 }}");
    check_body("figure-no-experiments", "{% value toy.fast.accuracy %}");
    check_tag("figure-unknown-experiment", "{% value tyo.fast.accuracy %}");
    check_tag("figure-unknown-variant", "{% value toy.fats.accuracy %}");
    check_tag("figure-unknown-metric", "{% value toy.fast.acuracy %}");
    check_tag("figure-unknown-kind", "{% chart toy curvs %}");
    check_tag("figure-unknown-option", "{% table toy captoin=\"x\" %}");
    check_tag("figure-too-many-words", "{% table toy fast slow %}");
    check_tag("figure-artifact", "{% figure toy artifact=\"picture\" variant=fast seed=0 %}");
}

#[test]
fn wrong_experiments() {
    const RUNNER: &str = "title: T\nrunner: {command: [python3, train.py], inputs: []}\n";
    for (name, yaml) in [
        ("experiment-unknown-key", "title: T\nrunner: {command: [a]}\nsedes: 2\n"),
        ("experiment-no-runner", "title: T\n"),
        ("experiment-runner", "title: T\nrunner: python3 train.py\n"),
        ("experiment-recipe", "title: T\nrecipe: image-clasification\ndata: digits\n"),
        ("experiment-data", "title: T\nrecipe: image-classification\ndata: digts\n"),
        (
            "experiment-parameter",
            "title: T\nrecipe: image-classification\ndata: digits\nparams: {epoks: 3, model: {kind: mpl}}\n",
        ),
    ] {
        check_experiment(name, yaml);
    }
    for (name, yaml) in [
        ("experiment-seeds", "seeds: [0, 1, 0]\n"),
        ("experiment-limits", "limits: {time: soon, memory: 3 bytes, threads: 0}\n"),
        ("experiment-inputs", "needs: [nothing]\n"),
        ("experiment-not-finite", "params: {rate: .nan}\n"),
        ("experiment-metric", "metrics: {accuracy: {goal: up}}\n"),
        ("experiment-variant-name", "variants: {My Net: {}}\n"),
    ] {
        check_experiment(name, &format!("{RUNNER}{yaml}"));
    }
    let files =
        [("experiments/data/set.yml", "title: Set\nformat: {kind: idx}\nclasses: [a, a]\n")];
    check_build("data-set", &files);
}

#[test]
fn results() {
    let site = Site::with_toy();
    check("results-missing", &site, &["build", "--locked"]);
    support::assert_success(&site.labpress(&["run", "--quiet"]));
    site.replace(YAML, "rate: 0.5", "rate: 0.25");
    check("results-stale", &site, &["build", "--locked"]);
    site.replace(YAML, "rate: 0.25", "rate: 0.5");
    let records = site.files("experiments/toy/runs");
    let record = records.keys().next().expect("it was recorded");
    let record = format!("experiments/toy/runs/{}", record.display());
    let text = site.read(&record);
    site.write(&record, &text.replacen("\"accuracy\":0.", "\"accuracy\":0.1", 1));
    check("results-altered", &site, &["build", "--locked"]);
}

/// Six errors of six kinds: none hides another.
#[test]
fn independent_errors_are_reported_by_one_build() {
    check_build(
        "six-errors",
        &[
            (POST, "---\nlayout: post\n---\n{% include missing-in-a-post.html %}\n"),
            ("page.md", "---\nlayout: post\n---\n{% include missing-in-a-page.html %}\n"),
            (
                YAML,
                "title: T\nrecipe: unknown\ndata: unknown\nseeds: [1, 1]\nlimits: {time: soon}\n",
            ),
        ],
    );
}
