//! Claims in posts: what holds is marked, what is undecided warns, what fails stops the build.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests make, read and panic as they please"
)]

mod support;

use snapbox::str;
use support::{Site, assert_success, check};

const POST: &str = "_posts/2026-01-02-toy.md";

/// The toy experiment with three seeds, and a post that claims this of it.
fn site(claim: &str) -> Site {
    let site = Site::with_toy();
    site.replace("experiments/toy/experiment.yml", "seeds: 2", "seeds: 3");
    let claim = format!("{{% claim {claim} %}}Fast steps *win*{{% endclaim %}}");
    site.write(POST, &format!("---\ntitle: A toy\nlayout: post\n---\n{claim}.\n"));
    site
}

#[test]
fn a_claim_that_holds_is_marked() {
    let site = site("toy.fast.accuracy > toy.slow.accuracy in all seeds");
    assert_success(&site.labpress(&["build", "--strict"]));
    let page = site.read("public/2026/01/02/toy.html");
    let shown = page.split("<p>").nth(1).unwrap().split("</p>").next().unwrap();
    snapbox::assert_data_eq!(
        shown,
        str![[
            r#"<span class="labpress-claim">Fast steps <em>win</em> <span class="labpress-verdict labpress-holds" tabindex="0" title="holds: so it is in all 3 seeds" role="img" aria-label="holds: so it is in all 3 seeds">✓</span></span>."#
        ]]
    );
}

#[test]
fn a_claim_that_fails_stops_the_build_and_says_what_changed() {
    let site = site("toy.fast.accuracy > toy.slow.accuracy in all seeds");
    assert_success(&site.labpress(&["build"]));
    site.replace("experiments/toy/experiment.yml", "rate: 0.5", "rate: 0.05");
    let before = site.files("public");
    check(
        &site,
        &["build", "--jobs", "1"],
        str![[r#"
$ labpress build --jobs 1
[stderr]
stale toy/fast seeds 0 1 2: params.rate changed from 0.5 to 0.05
start toy/fast seed 0
done  toy/fast seed 0 accuracy 13.0 %  [TIME]
start toy/fast seed 1
done  toy/fast seed 1 accuracy 53.5 %  [TIME]
start toy/fast seed 2
done  toy/fast seed 2 accuracy 68.3 %  [TIME]
3 runs recorded in [TIME]
error: the claim “Fast steps *win*” fails: so it is not in seeds 0, 1, 2 of 3
 --> _posts/2026-01-02-toy.md:5:10
hint: it asserts `toy.fast.accuracy > toy.slow.accuracy in all seeds`. With the earlier results it held: so it is in all 3 seeds. Since then, `toy.fast`: params.rate changed from 0.5 to 0.05. Correct the sentence, or find out what changed: `labpress diff toy`

nothing was written because of 1 error
[exit status 1]

"#]],
    );
    assert!(before == site.files("public"), "nothing is written");
    check(
        &site,
        &["build", "--locked"],
        str![[r#"
$ labpress build --locked
[stderr]
error: the claim “Fast steps *win*” fails: so it is not in seeds 0, 1, 2 of 3
 --> _posts/2026-01-02-toy.md:5:10
hint: it asserts `toy.fast.accuracy > toy.slow.accuracy in all seeds`. With the earlier results it held: so it is in all 3 seeds. Since then, `toy.fast`: params.rate changed from 0.5 to 0.05. Correct the sentence, or find out what changed: `labpress diff toy`

nothing was written because of 1 error
[exit status 1]

"#]],
    );
}

#[test]
fn an_undecided_claim_warns_and_readers_see_it() {
    let site = site("toy.fast.accuracy > toy.slow.accuracy");
    assert_success(&site.labpress(&["run"]));
    check(
        &site,
        &["build", "--strict"],
        str![[r#"
$ labpress build --strict
[stderr]
warning: the claim “Fast steps *win*” is undecided: the difference is +20 ± 52 pp (Welch's t-test, n = 3, p = 0.28), which may be chance
 --> _posts/2026-01-02-toy.md:5:10
hint: run more seeds: so many find a difference of 70 pp in 80 % of cases

error: nothing was written because of 1 warning and --strict
[exit status 1]

"#]],
    );
    check(
        &site,
        &["build"],
        str![[r#"
$ labpress build
[stderr]
warning: the claim “Fast steps *win*” is undecided: the difference is +20 ± 52 pp (Welch's t-test, n = 3, p = 0.28), which may be chance
 --> _posts/2026-01-02-toy.md:5:10
hint: run more seeds: so many find a difference of 70 pp in 80 % of cases

5 files written, 0 unchanged, 0 removed in public ([TIME])
[exit status 0]

"#]],
    );
    assert!(site.read("public/2026/01/02/toy.html").contains("(undecided: "));
    // It is said again as long as it is undecided.
    check(
        &site,
        &["build"],
        str![[r#"
$ labpress build
[stderr]
warning: the claim “Fast steps *win*” is undecided: the difference is +20 ± 52 pp (Welch's t-test, n = 3, p = 0.28), which may be chance
 --> _posts/2026-01-02-toy.md:5:10
hint: run more seeds: so many find a difference of 70 pp in 80 % of cases

0 files written, 5 unchanged, 0 removed in public ([TIME])
[exit status 0]

"#]],
    );
}

#[test]
fn claims_in_front_matter_are_checked() {
    let site = site("toy.fast.accuracy > toy.slow.accuracy in all seeds");
    site.write(
        POST,
        "---\ntitle: A toy\nlayout: post\nclaims:\n- toy.fast.accuracy < toy.slow.accuracy in all seeds\n\
         - {claim: toy.fast.accuracy > 2 %, text: Some}\n---\nText.\n",
    );
    assert_success(&site.labpress(&["run"]));
    check(
        &site,
        &["build", "--locked"],
        str![[r#"
$ labpress build --locked
[stderr]
error: the claim “toy.fast.accuracy < toy.slow.accuracy in all seeds” fails: so it is not in seeds 0, 1, 2 of 3
 --> _posts/2026-01-02-toy.md:4:1
hint: it asserts `toy.fast.accuracy < toy.slow.accuracy in all seeds`. Correct the sentence, or find out what changed: `labpress diff toy`

nothing was written because of 1 error
[exit status 1]

"#]],
    );
    site.replace(POST, "- toy.fast.accuracy <", "- 1\n- toy.fast.accuracy <");
    check(
        &site,
        &["build", "--locked"],
        str![[r#"
$ labpress build --locked
[stderr]
error: `claims` must be a list of comparisons
 --> _posts/2026-01-02-toy.md:4:1
hint: write `claims: ["A > B"]`, or `claims: [{claim: "A > B", text: "A won"}]`

nothing was written because of 1 error
[exit status 1]

"#]],
    );
}

#[test]
fn a_claim_is_a_block_in_one_paragraph() {
    let site = site("toy.fast.accuracy > 1 %");
    assert_success(&site.labpress(&["run"]));
    site.replace(POST, "{% endclaim %}", "");
    check(
        &site,
        &["build", "--locked"],
        str![[r#"
$ labpress build --locked
[stderr]
error: the block `claim` is not closed
 --> _posts/2026-01-02-toy.md:5:1
hint: write `{% endclaim %}` at its end

nothing was written because of 1 error
[exit status 1]

"#]],
    );
    site.replace(POST, "Fast steps", "Fast\n\nsteps{% endclaim %}");
    check(
        &site,
        &["build", "--locked"],
        str![[r#"
$ labpress build --locked
[stderr]
error: the block `claim` is not closed
 --> _posts/2026-01-02-toy.md:5:1
hint: write `{% endclaim %}` at its end

error: a claim spans several paragraphs
 --> _posts/2026-01-02-toy.md:5:10
hint: end it with `{% endclaim %}` in the paragraph in which it starts

nothing was written because of 2 errors
[exit status 1]

"#]],
    );
}

#[test]
fn review_walks_through_claims_and_numbers() {
    let site = site("toy.fast.accuracy > toy.slow.accuracy in all seeds");
    site.replace(POST, "*win*", "*win* with {% value toy.fast.accuracy %}");
    assert_success(&site.labpress(&["run"]));
    check(
        &site,
        &["review", "2026-01-02-toy"],
        str![[r#"
$ labpress review 2026-01-02-toy
_posts/2026-01-02-toy.md: 1 claim and 1 number

1/2  line 5: claim, holds
      “Fast steps *win* with 70 ± 22 %”
      toy.fast.accuracy > toy.slow.accuracy in all seeds
      so it is in all 3 seeds
      results: toy

2/2  line 5: number
      70 ± 22 %
      toy.fast.accuracy
      mean of 3 seeds, 95 % interval ± 22 %; toy.fast.accuracy
      results: toy
[exit status 0]

"#]],
    );
    check(
        &site,
        &["review", "nothing"],
        str![[r#"
$ labpress review nothing
[stderr]
error: there is no post or page `nothing`
hint: write the path of its source, such as `_posts/2026-01-31-title.md`
[exit status 1]

"#]],
    );
    check(
        &site,
        &["review", POST, "--html"],
        str![[r#"
$ labpress review _posts/2026-01-02-toy.md --html
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Review of _posts/2026-01-02-toy.md</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}li{margin:0 0 1.5rem}q,output{font-size:1.15em}code{font-size:.9em}p{margin:.2rem 0}.undecided,.fails{font-weight:bold}</style>
</head>
<body>
<h1>Review</h1>
<p>_posts/2026-01-02-toy.md: 1 claim and 1 number</p>
<ol>
<li class="holds">
<p>line 5: claim, holds</p>
<p><q>Fast steps *win* with 70 ± 22 %</q></p>
<p><code>toy.fast.accuracy &gt; toy.slow.accuracy in all seeds</code></p>
<p>so it is in all 3 seeds</p>
<p>Results: toy</p>
</li>
<li class="number">
<p>line 5: number</p>
<p><output>70 ± 22 %</output></p>
<p><code>toy.fast.accuracy</code></p>
<p>mean of 3 seeds, 95 % interval ± 22 %; toy.fast.accuracy</p>
<p>Results: toy</p>
</li>
</ol>
</body>
</html>
[exit status 0]

"#]],
    );
}
