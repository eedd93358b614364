//! Numbers of published posts that move are told to readers.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests make, read and panic as they please"
)]

mod support;

use std::process::Command;

use snapbox::str;
use support::{Site, assert_success, check};

const POST: &str = "_posts/2026-01-02-toy.md";

fn git(site: &Site, arguments: &[&str]) {
    let done = Command::new("git")
        .current_dir(site.path())
        .args(["-c", "user.name=A", "-c", "user.email=a@example.org"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A site with a committed post that shows committed results, in the built-in theme.
fn published() -> Site {
    let site = Site::with_toy();
    std::fs::remove_dir_all(site.path().join("_layouts")).unwrap();
    site.replace("experiments/toy/experiment.yml", "seeds: 2", "seeds: 3");
    site.write(
        POST,
        "---\ntitle: A toy\nlayout: post\n---\nFast gets {% value toy.fast.accuracy %}, slow \
         {% value toy.slow.accuracy format=\"0 %\" %}.\n",
    );
    site.write(".gitignore", "public/\n.labpress/\n");
    assert_success(&site.labpress(&["build"]));
    git(&site, &["init", "--quiet"]);
    commit(&site);
    site
}

fn commit(site: &Site) {
    git(site, &["add", "--all"]);
    git(site, &["commit", "--quiet", "--message", "x"]);
}

/// The corrections without their day, which is today.
fn corrections(site: &Site) -> String {
    let text = site.read("_data/corrections.yml");
    regex::Regex::new(r"\d{4}-\d\d-\d\d'?\n").unwrap().replace_all(&text, "[DAY]\n").into_owned()
}

#[test]
fn a_number_that_moves_is_corrected_once() {
    let site = published();
    site.replace("experiments/toy/experiment.yml", "rate: 0.5", "rate: 0.6");
    check(
        &site,
        &["build", "--jobs", "1"],
        str![[r#"
$ labpress build --jobs 1
[stderr]
stale toy/fast seeds 0 1 2: params.rate changed from 0.5 to 0.6
start toy/fast seed 0
done  toy/fast seed 0 accuracy 64.3 %  [TIME]
start toy/fast seed 1
done  toy/fast seed 1 accuracy 73.7 %  [TIME]
start toy/fast seed 2
done  toy/fast seed 2 accuracy 79.2 %  [TIME]
3 runs recorded in [TIME]
1 number moved in 1 published post: `_data/corrections.yml` tells readers; commit it
10 files written, 37 unchanged, 2 removed in public ([TIME])
[exit status 0]

"#]],
    );
    snapbox::assert_data_eq!(
        corrections(&site),
        str![[r#"
# Numbers of published posts that moved. `labpress build` adds what has changed since the last
# commit; commit this file, so that readers see it.
_posts/2026-01-02-toy.md:
- date: [DAY]
  number: toy.fast.accuracy
  from: 70 ± 22 %
  to: 72 ± 19 %
  why: 'fast: params.rate changed from 0.5 to 0.6'

"#]]
    );
    let page = site.read("public/2026/01/02/toy.html").replace('\u{a0}', " ");
    assert!(page.contains("<del>70 ± 22 %</del>"), "{page}");
    let feed = site.read("public/feed.xml");
    assert!(!feed.contains("<updated>2026-01-02"), "the feed is as new as the correction: {feed}");
    // Another try before the commit does not make a second one.
    let once = site.read("_data/corrections.yml");
    site.replace("experiments/toy/experiment.yml", "rate: 0.6", "rate: 0.7");
    assert_success(&site.labpress(&["build"]));
    assert_eq!(site.read("_data/corrections.yml").matches("number:").count(), 1);
    site.replace("experiments/toy/experiment.yml", "rate: 0.7", "rate: 0.6");
    assert_success(&site.labpress(&["build"]));
    assert_eq!(site.read("_data/corrections.yml"), once);
    // After it, it does.
    commit(&site);
    site.replace("experiments/toy/experiment.yml", "rate: 0.6", "rate: 0.7");
    assert_success(&site.labpress(&["build"]));
    assert_eq!(site.read("_data/corrections.yml").matches("number:").count(), 2);
    let locked = site.read("public/2026/01/02/toy.html");
    assert_success(&site.labpress(&["build", "--locked"]));
    assert_eq!(site.read("public/2026/01/02/toy.html"), locked);
}

#[test]
fn results_that_come_back_leave_no_correction() {
    let site = published();
    site.replace("experiments/toy/experiment.yml", "rate: 0.5", "rate: 0.6");
    assert_success(&site.labpress(&["build"]));
    site.replace("experiments/toy/experiment.yml", "rate: 0.6", "rate: 0.5");
    assert_success(&site.labpress(&["build"]));
    assert!(!corrections(&site).contains("number:"));
}

#[test]
fn what_is_not_published_is_not_corrected() {
    for front in ["date: 2100-01-01", "published: false", "pinned"] {
        let site = published();
        if front == "pinned" {
            assert_success(&site.labpress(&["pin", POST]));
        } else {
            site.replace(POST, "title: A toy", &format!("title: A toy\n{front}"));
        }
        commit(&site);
        site.replace("experiments/toy/experiment.yml", "rate: 0.5", "rate: 0.6");
        assert_success(&site.labpress(&["run"]));
        assert_success(&site.labpress(&["build"]));
        assert!(!site.path().join("_data/corrections.yml").exists(), "{front}");
    }
}

#[test]
fn a_file_that_is_not_ours_stays() {
    let site = published();
    site.write("_data/corrections.yml", "- mine\n");
    commit(&site);
    site.replace("experiments/toy/experiment.yml", "rate: 0.5", "rate: 0.6");
    assert_success(&site.labpress(&["run"]));
    check(
        &site,
        &["build"],
        str![[r#"
$ labpress build
[stderr]
error: `_data/corrections.yml` is not a list of corrections, so numbers that moved cannot be added
hint: labpress keeps them in that file; give yours another name
[exit status 1]

"#]],
    );
    assert_eq!(site.read("_data/corrections.yml"), "- mine\n");
}

#[test]
fn diff_tells_what_a_site_says_now() {
    let site = published();
    site.replace(POST, "Fast gets", "{% claim toy.fast.accuracy > 60 % in all seeds %}Much{% endclaim %}.{% chart toy curves %} Fast gets");
    site.replace("experiments/toy/experiment.yml", "rate: 0.5", "rate: 5");
    assert_success(&site.labpress(&["build"]));
    commit(&site);
    site.replace("experiments/toy/experiment.yml", "rate: 5", "rate: 4");
    assert_success(&site.labpress(&["build"]));
    check(
        &site,
        &["diff"],
        str![[r#"
$ labpress diff
since HEAD: 1 number moved, 0 claims turned; figures: 0 identical, 0 cosmetic, 1 changed

_posts/2026-01-02-toy.md:5  toy.fast.accuracy
  94.1 ± 0.9 %
  92.8 ± 1.3 %

_posts/2026-01-02-toy.md  toy/curves: changed

toy: fast: params.rate changed from 5 to 4
[exit status 0]

"#]],
    );
    check(
        &site,
        &["diff", "--format", "md"],
        str![[r#"
$ labpress diff --format md
<!-- labpress diff -->
**labpress** since HEAD: 1 number moved, 0 claims turned; figures: 0 identical, 0 cosmetic, 1 changed

| number | before | after | where |
|---|---|---|---|
| `toy.fast.accuracy` | 94.1 ± 0.9 % | 92.8 ± 1.3 % | `_posts/2026-01-02-toy.md:5` |

- changed: `toy/curves` in `_posts/2026-01-02-toy.md`

<details><summary>What changed in the experiments</summary>

- toy: fast: params.rate changed from 5 to 4

</details>
[exit status 0]

"#]],
    );
    check(
        &site,
        &["diff", "--since", "HEAD~1", "--format", "json"],
        str![[r#"
$ labpress diff --since HEAD~1 --format json
{
  "causes": ["toy: fast: params.rate changed from 0.5 to 4"],
  "claims": [],
  "figures": {
    "changed": [],
    "cosmetic": [],
    "identical": 0
  },
  "numbers": [
    {
      "after": {
        "found": "mean of 3 seeds, 95 % interval ± 1.3 %; toy.fast.accuracy",
        "shown": "92.8 ± 1.3 %",
        "verdict": null
      },
      "before": {
        "found": "mean of 3 seeds, 95 % interval ± 22 %; toy.fast.accuracy",
        "shown": "70 ± 22 %",
        "verdict": null
      },
      "expression": "toy.fast.accuracy",
      "line": 5,
      "path": "_posts/2026-01-02-toy.md"
    }
  ],
  "since": "HEAD~1"
}
[exit status 0]

"#]],
    );
    check(
        &site,
        &["diff", "--since", "nothing"],
        str![[r#"
$ labpress diff --since nothing
[stderr]
error: cannot read the site of `nothing`: fatal: Not a valid object name nothing:
[exit status 1]

"#]],
    );
}
