//! The program as its user sees it: messages, exit codes, and what is on disk afterwards.

#![allow(
    clippy::disallowed_methods,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "tests make, read and panic as they please"
)]

mod support;

use snapbox::data::Inline;
use snapbox::str;
use support::{Site, TOY_POST, answer, assert_success, check};

const POST: &str = "_posts/2026-01-02-toy.md";
const PAGE: &str = "public/2026/01/02/toy.html";
const YAML: &str = "experiments/toy/experiment.yml";

/// A site that was built once.
fn built() -> Site {
    let site = Site::with_toy();
    assert_success(&site.labpress(&["build"]));
    site
}

/// The build says this, and leaves `public/` as it was.
#[track_caller]
fn check_errors(site: &Site, arguments: &[&str], expected: Inline) {
    let before = site.files("public");
    check(site, arguments, expected);
    assert!(site.files("public") == before, "public/ was touched");
}

#[test]
fn a_build_trains_once_and_then_writes_nothing() {
    let site = Site::with_toy();
    check(
        &site,
        &["build", "--jobs", "1"],
        str![[r#"
$ labpress build --jobs 1
[stderr]
stale toy/slow seeds 0 1: no result is recorded
stale toy/fast seeds 0 1: no result is recorded
start toy/slow seed 0
done  toy/slow seed 0 accuracy 23.1 %  [TIME]
start toy/slow seed 1
done  toy/slow seed 1 accuracy 56.5 %  [TIME]
start toy/fast seed 0
done  toy/fast seed 0 accuracy 60.0 %  [TIME]
start toy/fast seed 1
done  toy/fast seed 1 accuracy 71.4 %  [TIME]
4 runs recorded in [TIME]
10 files written, 0 unchanged, 0 removed in public ([TIME])
[exit status 0]

"#]],
    );
    let page = site.read(PAGE);
    assert!(page.contains("<svg") && page.contains("<table"), "{page}");
    let before = site.files("public");
    check(
        &site,
        &["build"],
        str![[r#"
$ labpress build
[stderr]
0 files written, 10 unchanged, 0 removed in public ([TIME])
[exit status 0]

"#]],
    );
    assert!(site.files("public") == before);
}

#[test]
fn a_sentence_retrains_nothing_and_a_parameter_only_its_variant() {
    let site = built();
    site.replace(POST, "Fast gets", "The fast one gets");
    check(
        &site,
        &["build"],
        str![[r#"
$ labpress build
[stderr]
3 files written, 7 unchanged, 0 removed in public ([TIME])
[exit status 0]

"#]],
    );
    assert!(site.read(PAGE).contains("The fast one gets"));
    site.replace(YAML, "rate: 0.5", "rate: 0.9");
    check(
        &site,
        &["build", "--jobs", "1"],
        str![[r#"
$ labpress build --jobs 1
[stderr]
stale toy/fast seeds 0 1: params.rate changed from 0.5 to 0.9
start toy/fast seed 0
done  toy/fast seed 0 accuracy 73.0 %  [TIME]
start toy/fast seed 1
done  toy/fast seed 1 accuracy 78.7 %  [TIME]
2 runs recorded in [TIME]
8 files written, 2 unchanged, 5 removed in public ([TIME])
[exit status 0]

"#]],
    );
}

#[test]
fn an_experiment_that_no_post_shows_is_not_run_by_a_build() {
    let site = Site::with_toy();
    site.write("experiments/unseen/experiment.yml", &site.read(YAML));
    site.write("experiments/unseen/train.py", &site.read("experiments/toy/train.py"));
    check(
        &site,
        &["build", "--jobs", "1"],
        str![[r#"
$ labpress build --jobs 1
[stderr]
stale toy/slow seeds 0 1: no result is recorded
stale toy/fast seeds 0 1: no result is recorded
start toy/slow seed 0
done  toy/slow seed 0 accuracy 23.1 %  [TIME]
start toy/slow seed 1
done  toy/slow seed 1 accuracy 56.5 %  [TIME]
start toy/fast seed 0
done  toy/fast seed 0 accuracy 60.0 %  [TIME]
start toy/fast seed 1
done  toy/fast seed 1 accuracy 71.4 %  [TIME]
4 runs recorded in [TIME]
10 files written, 0 unchanged, 0 removed in public ([TIME])
[exit status 0]

"#]],
    );
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
        str![[r#"
$ labpress build --locked
[stderr]
error: the results of `toy` are stale: params.rate changed from 0.5 to 0.9 (and 2 more places)
 --> _posts/2026-01-02-toy.md:5:20
hint: run `labpress run toy` and commit its records

nothing was written because of 1 error
[exit status 1]

"#]],
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
        &["build", "--jobs", "1"],
        str![[r#"
$ labpress build --jobs 1
[stderr]
error: there is no layout `pots`
 --> _posts/2026-01-05-layout.md:2:1
hint: did you mean `post`?

error: unknown experiment `tyo`
 --> _posts/2026-01-06-tag.md:4:10
hint: did you mean `toy`?

error: the file name does not start with a date
 --> _posts/2026-13-01-no-date.md
hint: name it `_posts/2026-01-31-some-title.md`, or move it to `_drafts`

error: unknown key `epoks`
 --> experiments/second/experiment.yml:4:10
hint: did you mean `epochs`?

nothing was written because of 4 errors
[exit status 1]

"#]],
    );
}

#[test]
fn an_unknown_metric_names_the_nearest() {
    let site = built();
    site.write(POST, &TOY_POST.replace("toy.fast.accuracy", "toy.fast.acuracy"));
    check_errors(
        &site,
        &["build", "--jobs", "1"],
        str![[r#"
$ labpress build --jobs 1
[stderr]
error: unknown metric `acuracy` of `toy`
 --> _posts/2026-01-02-toy.md:5:29
hint: did you mean `accuracy`? expected one of `accuracy`, `seconds`, `valid.accuracy`

nothing was written because of 1 error
[exit status 1]

"#]],
    );
}

#[test]
fn two_posts_at_one_address_are_both_named() {
    let site = built();
    site.write(
        "_posts/2026-01-02-other.md",
        "---\nlayout: post\npermalink: /2026/01/02/toy.html\n---\n",
    );
    check_errors(
        &site,
        &["build", "--jobs", "1"],
        str![[r#"
$ labpress build --jobs 1
[stderr]
error: would replace another file of the site, `2026/01/02/toy.html`
 --> _posts/2026-01-02-other.md

error: has the same address as `_posts/2026-01-02-other.md`: `/2026/01/02/toy.html`
 --> _posts/2026-01-02-toy.md
hint: give one of them a `permalink:` of its own

nothing was written because of 2 errors
[exit status 1]

"#]],
    );
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
        &["build", "--jobs", "1"],
        str![[r#"
$ labpress build --jobs 1
[stderr]
error: the record was altered: its content does not match its digest
 --> experiments/toy/runs/fast-s0-[DIGEST].json
hint: restore it from git, or delete it and run `labpress run toy` to recreate it

nothing was written because of 1 error
[exit status 1]

"#]],
    );
    check(
        &site,
        &["run", "toy", "--jobs", "1"],
        str![[r#"
$ labpress run toy --jobs 1
[stderr]
error: the record was altered: its content does not match its digest
 --> experiments/toy/runs/fast-s0-[DIGEST].json
hint: restore it from git, or delete it and run `labpress run toy` to recreate it

stale toy/fast seed 0: no result is recorded
start toy/fast seed 0
done  toy/fast seed 0 accuracy 60.0 %  [TIME]
1 run recorded in [TIME]
[exit status 0]

"#]],
    );
    assert_success(&site.labpress(&["build"]));
}

#[test]
fn a_failed_run_keeps_the_site_as_it_was() {
    let site = built();
    site.replace(YAML, "rate: 0.5", "rate: 0.5, fail-at: 2");
    check_errors(
        &site,
        &["build", "--jobs", "1"],
        str![[r#"
$ labpress build --jobs 1
[stderr]
stale toy/fast seeds 0 1: params.fail-at is new: 2
start toy/fast seed 0
FAIL  toy/fast seed 0 exited with status 1; the last 1 line of its log ([SITE]/.labpress/runs/toy/fast-s0-[DIGEST]/log.txt):
      | the net caught fire
start toy/fast seed 1
FAIL  toy/fast seed 1 exited with status 1; its log ends like that of toy/fast seed 0 ([SITE]/.labpress/runs/toy/fast-s1-[DIGEST]/log.txt)
0 runs recorded in [TIME]
2 runs without a result
[exit status 1]

"#]],
    );
}

#[test]
fn status_why_and_doctor_answer_on_standard_output() {
    let site = built();
    check(
        &site,
        &["status"],
        str![[r#"
$ labpress status
EXPERIMENT  VARIANT  SEEDS  STATE  AGE  TIME
toy  slow  0 1  fresh  [TIME]  [TIME] per run
toy  fast  0 1  fresh  [TIME]  [TIME] per run
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
toy/fast seed 0 is fresh: experiments/toy/runs/fast-s0-[DIGEST].json
toy/fast seed 1 is fresh: experiments/toy/runs/fast-s1-[DIGEST].json
[exit status 0]

"#]],
    );
    // This says much of the machine.
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
    check(
        &site,
        &["status"],
        str![[r#"
$ labpress status
EXPERIMENT  VARIANT  SEEDS  STATE    AGE  TIME
first       small    0 1 2  missing  -    -
first       large    0 1 2  missing  -    -
[exit status 0]

"#]],
    );
    check(
        &site,
        &["new", "experiment", "first"],
        str![[r#"
$ labpress new experiment first
[stderr]
error: already exists
 --> experiments/first/experiment.yml
hint: edit it, or choose another name

`labpress new` failed because of 1 error
[exit status 1]

"#]],
    );
    check(
        &site,
        &["new", "experiment", "../x"],
        str![[r#"
$ labpress new experiment ../x
[stderr]
error: `../x` cannot be the name of an experiment
 --> experiments/../x/experiment.yml
hint: use lowercase letters, digits and hyphens, such as `from-scratch`

`labpress new` failed because of 1 error
[exit status 1]

"#]],
    );
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
    let front = "layout: post\ntitle: \"What I \\\"learnt\\\": a: b\"\ndescription:\ntags: []\n";
    assert_eq!(text, format!("---\n{front}---\n\n"));
    assert_success(&site.labpress(&["build"]));
}

#[test]
fn a_new_site_builds_from_its_records() {
    let parent = Site::empty();
    assert_success(&parent.labpress(&["new", "site", "blog", "--title", "A \"blog\": mine"]));
    assert_success(&parent.labpress(&["-s", "blog", "build", "--locked"]));
    assert!(
        parent.read("blog/public/index.html").contains("<title>A &quot;blog&quot;: mine</title>")
    );
    let posts = parent.files("blog/public");
    let post = posts.iter().find(|(path, _)| path.ends_with("first-post/index.html"));
    let post = String::from_utf8_lossy(post.expect("the first post is published").1).into_owned();
    assert!(post.contains("class=\"labpress-value\"") && post.contains("<svg"), "{post}");
    check(
        &parent,
        &["new", "site", "blog"],
        str![[r#"
$ labpress new site blog
[stderr]
error: `blog` is not empty
hint: choose another folder, or add what is missing there with `labpress --source blog init`
[exit status 1]

"#]],
    );
    for arguments in [["page", "Now & then"], ["data", "birds"], ["experiment", "depth"]] {
        assert_success(&parent.labpress(&["-s", "blog", "new", arguments[0], arguments[1]]));
    }
    assert_success(&parent.labpress(&["-s", "blog", "build", "--locked"]));
    assert!(parent.read("blog/public/now-then/index.html").contains("<h1>Now &amp; then</h1>"));
}

#[test]
fn a_new_data_set_has_the_images_of_a_folder() {
    let site = Site::empty();
    for (class, color) in [("cats", "red"), ("dogs", "blue")] {
        site.write(&format!("pictures/animals/{class}/{color}.png"), color);
    }
    assert_success(&site.labpress(&["new", "data", "animals", "--from", "pictures/animals"]));
    let yaml = site.read("experiments/data/animals.yml");
    assert!(yaml.contains("classes: [\"cats\", \"dogs\"]\n"), "{yaml}");
    assert!(yaml.contains("format: {kind: image-folder, train: animals}\n"), "{yaml}");
    assert!(yaml.contains("- {kind: folder, path: pictures}\n"), "{yaml}");
    let digest = answer(&site.labpress(&["data", "digest", "pictures/animals"]));
    assert!(digest.starts_with("{folder: true, sha256: "), "{digest}");
    assert!(yaml.contains(&format!("  animals: {digest}")), "{yaml}");
    // The declaration is valid, and the digest is that of the folder.
    for command in ["fetch", "check"] {
        let mut command = site.command(&["data", command, "animals"]);
        assert_success(&command.env("LABPRESS_DATA", site.path().join("cache")).output().unwrap());
    }
    for (from, expected) in [
        ("pictures", "`pictures` has no folders for at least two classes"),
        ("nowhere", "cannot read `nowhere`"),
        ("..", "`..` is not in the site's folder"),
    ] {
        let refused = site.labpress(&["new", "data", "other", "--from", from]);
        let message = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && message.contains(expected), "{message}");
    }
    assert!(!site.path().join("experiments/data/other.yml").exists());
}

#[test]
fn missing_pictures_in_posts_and_pages_are_named() {
    let site = Site::empty();
    site.write("_posts/2026-01-02-a.md", "---\ntitle: A\n---\n![a](/gone.png)\n");
    site.write("about.md", "---\ntitle: About\npermalink: /about/\n---\n![b](lost.png)\n");
    site.write("list.html", "---\ntitle: List\n---\n<img src=\"/none.png\" alt=\"\">\n");
    let expected = [
        "there is no picture `/gone.png` in the site\n --> _posts/2026-01-02-a.md:4:6",
        "there is no picture `lost.png` in the site\n --> about.md:5:6",
        "there is no picture `/none.png` in the site\n --> list.html:4:11",
    ];
    // The second build takes the pages from the memo of the first.
    for title in ["One", "Two"] {
        site.write("_posts/2026-01-03-b.md", &format!("---\ntitle: {title}\n---\nB\n"));
        let built = site.labpress(&["build"]);
        assert!(built.status.success());
        let warnings = String::from_utf8_lossy(&built.stderr).into_owned();
        for expected in expected {
            assert!(warnings.contains(&format!("warning: {expected}")), "{warnings}");
        }
    }
    let locked = site.labpress(&["build", "--locked"]);
    let errors = String::from_utf8_lossy(&locked.stderr).into_owned();
    assert!(
        !locked.status.success() && errors.contains(&format!("error: {}", expected[1])),
        "{errors}"
    );
    site.write("about/lost.png", "");
    site.write("gone.png", "");
    site.write("none.png", "");
    assert_success(&site.labpress(&["build", "--locked"]));
}

#[test]
fn init_overwrites_nothing() {
    let site = Site::empty();
    site.write("_config.yml", "title: Mine\n");
    site.write("_posts/2026-01-02-a.md", "A *post* without front matter.\n");
    check(
        &site,
        &["init"],
        str![[r#"
$ labpress init
[stderr]
.gitattributes
.github/workflows/pages.yml
.gitignore
.gitlab-ci.yml
about.md
5 files written; existing files are unchanged
[exit status 0]

"#]],
    );
    assert_eq!(site.read("_config.yml"), "title: Mine\n");
    assert_success(&site.labpress(&["build"]));
    assert!(site.read("public/2026/01/02/a.html").contains("<em>post</em>"));
}

#[test]
fn a_file_of_the_theme_is_replaced_by_one_of_the_site() {
    let site = Site::empty();
    site.write("_config.yml", "title: T\n");
    site.write("_posts/2026-01-02-a.md", "Text.\n");
    check(
        &site,
        &["theme", "eject", "_layouts/post.html", "_includes/foter.html"],
        str![[r#"
$ labpress theme eject _layouts/post.html _includes/foter.html
[stderr]
error: the built-in theme has no file `_includes/foter.html`
 --> _includes/foter.html
hint: did you mean `_includes/footer.html`?

`labpress theme` failed because of 1 error
[exit status 1]

"#]],
    );
    check(
        &site,
        &["theme", "eject", "_includes/footer.html"],
        str![[r#"
$ labpress theme eject _includes/footer.html
[stderr]
_includes/footer.html
_config.yml: added `theme: labpress`
[exit status 0]

"#]],
    );
    site.write("_includes/footer.html", "<footer>Mine</footer>");
    assert_success(&site.labpress(&["build"]));
    let page = site.read("public/2026/01/02/a.html");
    assert!(page.contains("<footer>Mine</footer>") && page.contains("site-header"), "{page}");
    site.write("_layouts/post.html", "{% include \"head.html\" %}{{ nothing.here }}");
    check_errors(
        &site,
        &["build"],
        str![[r#"
$ labpress build
[stderr]
error: variable `t` is not defined. Available variables: content, description, layout, name, page, site, title
 --> built-in theme: _includes/head.html:33:81

nothing was written because of 1 error
[exit status 1]

"#]],
    );
}

#[test]
fn a_jekyll_blog_whose_configuration_cannot_be_read_is_left_as_it_is() {
    let site = Site::empty();
    site.write("_config.yml", "title: [T");
    site.write("_posts/2020-01-02-a.md", "a");
    check(
        &site,
        &["import", "."],
        str![[r#"
$ labpress import .
[SITE]

_config.yml is unchanged, because it is invalid

errors
  _config.yml
    4:1 did not find expected ',' or ']' while parsing a flow sequence
[stderr]
1 error to fix before it builds
[exit status 1]

"#]],
    );
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
    check(
        &site,
        &["import", ".", "--dry-run"],
        str![[r#"
$ labpress import . --dry-run
[SITE]

_config.yml: would append `templates: liquid`

found
  posts              1
  layouts            1

plugins
  jekyll-feed     built in
  jekyll-scholar  not supported; its tags can be includes, see `tags`

unknown tags
  TAG   TIMES  FIRST
  cite  1      _posts/2020-01-02-a.md:5:6
  Write an include for each (it sees `include.arguments`, `include.words` and named arguments),
  and list them in _config.yml:

    liquid:
      tags: {cite: cite.html}
[stderr]
1 error to fix before it builds
[exit status 1]

"#]],
    );
    assert!(!site.read("_config.yml").contains("templates"));

    check(
        &site,
        &["import", "."],
        str![[r#"
$ labpress import .
[SITE]

_config.yml: appended `templates: liquid`

found
  posts              1
  layouts            1

plugins
  jekyll-feed     built in
  jekyll-scholar  not supported; its tags can be includes, see `tags`

unknown tags
  TAG   TIMES  FIRST
  cite  1      _posts/2020-01-02-a.md:5:6
  Write an include for each (it sees `include.arguments`, `include.words` and named arguments),
  and list them in _config.yml:

    liquid:
      tags: {cite: cite.html}
[stderr]
1 error to fix before it builds
[exit status 1]

"#]],
    );
    let config = site.read("_config.yml");
    assert!(
        config.starts_with("title: Old blog # since 2012\n")
            && config.ends_with("\ntemplates: liquid\n")
    );

    site.write("_includes/cite.html", "[{{ include.arguments }}]");
    site.write("_config.yml", &format!("{config}liquid: {{tags: {{cite: cite.html}}}}\n"));
    check(
        &site,
        &["import", "."],
        str![[r#"
$ labpress import .
[SITE]

nothing to do: _config.yml already sets `templates`

found
  posts              1
  layouts            1
  includes           1

plugins
  jekyll-feed     built in
  jekyll-scholar  not supported; its tags can be includes, see `tags`

The blog builds: `labpress build --source .`
[exit status 0]

"#]],
    );
    assert_success(&site.labpress(&["build"]));
    assert_eq!(site.read("_site/2020/01/02/a.html"), "<h1>A</h1><p>“Hi” [knuth]</p>\n");
}

#[test]
fn timings_change_nothing_in_the_site_and_name_its_parts() {
    let site = built();
    let before = site.files("public");
    let output = site.labpress(&["build", "--locked", "--timings"]);
    assert_success(&output);
    assert_eq!(site.files("public"), before);
    let trace: serde_json::Value =
        serde_json::from_str(&site.read(".labpress/timings.json")).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let parts: std::collections::BTreeSet<&str> =
        events.iter().map(|event| event["name"].as_str().unwrap()).collect();
    for part in ["build", "draw figures", "parse the site", "read files", "write files"] {
        assert!(parts.contains(part), "{parts:?}");
    }
    // The parts are in the order of their times.
    for part in parts {
        assert!(support::stderr(&output).lines().any(|line| line.starts_with(part)), "{part}");
    }
    assert_success(&site.labpress(&["build", "--locked", "--timings=trace.json"]));
    assert!(site.path().join("trace.json").is_file());
}

#[test]
fn shells_and_manuals_know_every_command() {
    let site = Site::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = answer(&site.labpress(&["completions", shell]));
        assert!(script.contains("publish") && script.contains("dry-run"), "{script}");
    }
    assert_success(&site.labpress(&["man", "manual"]));
    let pages: Vec<_> = site.files("manual").into_keys().collect();
    let has = |name: &str| pages.iter().any(|page| page.ends_with(name));
    assert!(has("labpress.1") && has("labpress-data-fetch.1"), "{pages:?}");
    assert!(!has("labpress-sass.1"), "hidden commands are not in the manual");
    let page = site.read("manual/labpress-publish.1");
    assert!(page.starts_with(".ie") && page.contains("labpress\\-publish"), "{page}");
    let version = answer(&site.labpress(&["--version"]));
    assert!(version.contains("\nbuild: ") && version.contains("\ntarget: "), "{version}");
}

#[test]
fn a_reference_to_a_figure_does_not_keep_its_experiment_from_running() {
    let site = Site::with_toy();
    site.write(
        POST,
        "---\ntitle: A toy\nlayout: post\n---\nSee [@fig:curves].\n\n{% chart toy curves id=\"fig:curves\" %}\n",
    );
    assert_success(&site.labpress(&["build", "--quiet"]));
    let page = site.read(PAGE);
    assert!(page.contains("<a href=\"#fig:curves\" class=\"ref\">Figure\u{a0}1</a>"), "{page}");
}

#[test]
fn a_link_to_nothing_is_a_warning_and_an_error_with_locked() {
    let site = Site::empty();
    site.write("_layouts/post.html", "<!doctype html>\n{{ content | safe }}\n");
    site.write("_posts/2026-01-01-a.md", "---\nlayout: post\n---\n[Two](/2026/01/02/b.html), [gone](/gone/), [out](https://example.com/x), [here](#x).\n<!-- [no](/commented/) <a href=\"/commented/\"> -->\n");
    site.write(
        "_posts/2026-01-02-b.md",
        "---\nlayout: post\n---\n[One](a.html), [file](/data.csv).\n",
    );
    site.write("page.md", "---\nlayout: post\n---\n[Up](../nowhere)\n");
    site.write("data.csv", "a\n");
    check(
        &site,
        &["build"],
        str![[r#"
$ labpress build
[stderr]
warning: the link `/gone/` leads to nothing
 --> _posts/2026-01-01-a.md:4:35
hint: correct the address, or remove the link; `labpress check` lists similar addresses

warning: the link `a.html` leads to nothing
 --> _posts/2026-01-02-b.md:4:7
hint: correct the address, or remove the link; `labpress check` lists similar addresses

warning: the link `../nowhere` leads to nothing
 --> page.md:4:6
hint: correct the address, or remove the link; `labpress check` lists similar addresses

8 files written, 0 unchanged, 0 removed in public ([TIME])
[exit status 0]

"#]],
    );
    check(
        &site,
        &["build", "--locked"],
        str![[r#"
$ labpress build --locked
[stderr]
error: the link `/gone/` leads to nothing
 --> _posts/2026-01-01-a.md:4:35
hint: correct the address, or remove the link; `labpress check` lists similar addresses

error: the link `a.html` leads to nothing
 --> _posts/2026-01-02-b.md:4:7
hint: correct the address, or remove the link; `labpress check` lists similar addresses

error: the link `../nowhere` leads to nothing
 --> page.md:4:6
hint: correct the address, or remove the link; `labpress check` lists similar addresses

nothing was written because of 3 errors
[exit status 1]

"#]],
    );
    // Nothing of these has changed, but what they link to has.
    site.write("gone.md", "---\npermalink: /gone/\n---\nx\n");
    site.write("_posts/2026-01-02-b.md", "---\nlayout: post\npermalink: /moved/\n---\nText.\n");
    check(
        &site,
        &["build"],
        str![[r#"
$ labpress build
[stderr]
warning: the link `/2026/01/02/b.html` leads to nothing
 --> _posts/2026-01-01-a.md:4:7
hint: correct the address, or remove the link; `labpress check` lists similar addresses

warning: the link `../nowhere` leads to nothing
 --> page.md:4:6
hint: correct the address, or remove the link; `labpress check` lists similar addresses

5 files written, 4 unchanged, 1 removed in public ([TIME])
[exit status 0]

"#]],
    );
}
