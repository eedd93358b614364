//! What its user controls about runs: which are done, how long they may take, what is told of them,
//! at which scale, and what is found out when something on disk is not as it was.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "tests make, read and panic as they please, and snapshots are long"
)]

mod support;

use std::path::Path;

use snapbox::str;
use support::{Site, answer, assert_success, check, stderr};

const YAML: &str = "experiments/toy/experiment.yml";

/// The records there are, without their fingerprints: `slow-s0`.
fn recorded(site: &Site) -> Vec<String> {
    let files = site.files("experiments/toy/runs").into_keys();
    files.map(|path| path.to_str().unwrap().rsplit_once('-').unwrap().0.to_owned()).collect()
}

/// Says in a record that its run ended a century earlier.
fn alter(site: &Site, record: &Path) {
    let path = format!("experiments/toy/runs/{}", record.display());
    site.replace(&path, "\"finished\": \"20", "\"finished\": \"19");
}

#[test]
fn one_variant_and_one_seed_can_be_run() {
    let site = Site::with_toy();
    check(
        &site,
        &["run", "toy", "--variant", "fast", "--seed", "1", "--jobs", "1"],
        str![[r#"
$ labpress run toy --variant fast --seed 1 --jobs 1
[stderr]
stale toy/fast seed 1: no result is recorded
start toy/fast seed 1
done  toy/fast seed 1 accuracy 71.4 %  [TIME]
1 run recorded in [TIME]
[exit status 0]

"#]],
    );
    assert_eq!(recorded(&site), ["fast-s1"]);
    check(
        &site,
        &["run", "--seed", "0", "--jobs", "1"],
        str![[r#"
$ labpress run --seed 0 --jobs 1
[stderr]
stale toy/slow seed 0: no result is recorded
stale toy/fast seed 0: no result is recorded
start toy/slow seed 0
done  toy/slow seed 0 accuracy 23.1 %  [TIME]
start toy/fast seed 0
done  toy/fast seed 0 accuracy 60.0 %  [TIME]
2 runs recorded in [TIME]
[exit status 0]

"#]],
    );
    check(
        &site,
        &["run", "toy", "--variant", "fst"],
        str![[r#"
$ labpress run toy --variant fst
[stderr]
error: `toy` has no variant `fst`
 --> experiments/toy/experiment.yml
hint: did you mean `fast`?

`labpress run` failed because of 1 error
[exit status 1]

"#]],
    );
    check(
        &site,
        &["run", "toy", "--seed", "2"],
        str![[r#"
$ labpress run toy --seed 2
[stderr]
error: `toy` has no seed 2
 --> experiments/toy/experiment.yml
hint: the nearest is `0`; the seeds are 0, 1

`labpress run` failed because of 1 error
[exit status 1]

"#]],
    );
    check(
        &site,
        &["run", "toi"],
        str![[r#"
$ labpress run toi
[stderr]
error: there is no experiment `toi`
 --> experiments/
hint: did you mean `toy`?

`labpress run` failed because of 1 error
[exit status 1]

"#]],
    );
}

#[test]
fn what_is_fresh_runs_again_when_it_is_forced() {
    let site = Site::with_toy();
    assert_success(&site.labpress(&["run"]));
    check(
        &site,
        &["run", "--variant", "fast"],
        str![[r#"
$ labpress run --variant fast
[stderr]
all runs are fresh
[exit status 0]

"#]],
    );
    check(
        &site,
        &["run", "--variant", "fast", "--force", "--jobs", "1"],
        str![[r#"
$ labpress run --variant fast --force --jobs 1
[stderr]
stale toy/fast seeds 0 1: it is fresh, and `--force` repeats it
start toy/fast seed 0
done  toy/fast seed 0 accuracy 60.0 %  [TIME]
start toy/fast seed 1
done  toy/fast seed 1 accuracy 71.4 %  [TIME]
2 runs recorded in [TIME]
[exit status 0]

"#]],
    );
    assert_eq!(recorded(&site).len(), 4);
}

#[test]
fn a_dry_run_says_how_each_run_stands_and_does_nothing() {
    let site = Site::with_toy();
    assert_success(&site.labpress(&["build"]));
    site.replace(YAML, "fast: {rate: 0.5}", "fast: {rate: 0.6, fail-at: 1}");
    site.replace(YAML, "seeds: 2", "seeds: [0, 2]");
    site.labpress(&["run", "--variant", "fast", "--seed", "2"]);
    let before = site.files("");
    check(
        &site,
        &["build", "--dry-run"],
        str![[r#"
$ labpress build --dry-run
RUN  STATE  THEN  WHY
toy/slow seed 0  fresh  -
toy/slow seed 2  missing  run, about [TIME]  no result is recorded
toy/fast seed 0  stale  run, about [TIME]  params.fail-at is new: 1, params.rate changed from 0.5 to 0.6
toy/fast seed 2  failed  run, about [TIME]  no result is recorded; the last try exited with status 1
3 runs would be done, in about [TIME]
[exit status 0]

"#]],
    );
    check(
        &site,
        &["run", "--dry-run"],
        str![[r#"
$ labpress run --dry-run
RUN  STATE  THEN  WHY
toy/slow seed 0  fresh  -
toy/slow seed 2  missing  run, about [TIME]  no result is recorded
toy/fast seed 0  stale  run, about [TIME]  params.fail-at is new: 1, params.rate changed from 0.5 to 0.6
toy/fast seed 2  failed  run, about [TIME]  no result is recorded; the last try exited with status 1
3 runs would be done, in about [TIME]
[exit status 0]

"#]],
    );
    check(
        &site,
        &["run", "-n", "--variant", "slow"],
        str![[r#"
$ labpress run -n --variant slow
RUN  STATE  THEN  WHY
toy/slow seed 0  fresh  -
toy/slow seed 2  missing  run, about [TIME]  no result is recorded
1 run would be done, in about [TIME]
[exit status 0]

"#]],
    );
    // A post that shows nothing needs nothing.
    site.write("_posts/2026-01-02-toy.md", "---\ntitle: A toy\n---\nNothing.\n");
    check(
        &site,
        &["build", "-n"],
        str![[r#"
$ labpress build -n
RUN              STATE    THEN  WHY
toy/slow seed 0  fresh    -
toy/slow seed 2  missing  -     no result is recorded
toy/fast seed 0  stale    -     params.fail-at is new: 1, params.rate changed from 0.5 to 0.6
toy/fast seed 2  failed   -     no result is recorded; the last try exited with status 1
0 runs would be done
[exit status 0]

"#]],
    );
    site.write("_posts/2026-01-02-toy.md", support::TOY_POST);
    assert_eq!(site.files(""), before);
}

/// A toy whose runs say that they took 100 s.
fn long() -> Site {
    let site = Site::with_toy();
    site.replace("experiments/toy/train.py", "value=time.process_time()", "value=100");
    assert_success(&site.labpress(&["run"]));
    site
}

#[test]
fn a_budget_holds_what_fits_and_says_what_it_left() {
    let site = long();
    site.replace(YAML, "epochs: 3", "epochs: 6");
    check(
        &site,
        &["run", "--budget", "7m", "--jobs", "1"],
        str![[r#"
$ labpress run --budget 7m --jobs 1
[stderr]
stale toy/slow seeds 0 1: params.epochs changed from 3 to 6
left  toy/fast seeds 0 1: it takes about 3 min 20 s and would end after 10 min 00 s, beyond the budget of 7 min 00 s
start toy/slow seed 0
done  toy/slow seed 0 accuracy 37.5 %  [TIME]
start toy/slow seed 1
done  toy/slow seed 1 accuracy 61.5 %  [TIME]
2 runs recorded in [TIME]
2 runs left out, and the site needs their results
[exit status 1]

"#]],
    );
    check(
        &site,
        &["build", "--budget", "1m", "--jobs", "1"],
        str![[r#"
$ labpress build --budget 1m --jobs 1
[stderr]
left  toy/fast seeds 0 1: it takes about 3 min 20 s and would end after 3 min 20 s, beyond the budget of [TIME]
error: the results of `toy` are stale: params.epochs changed from 3 to 6 (and 2 more places)
 --> _posts/2026-01-02-toy.md:5:20
hint: run `labpress run toy` and commit its records

nothing was written because of 1 error
[exit status 1]

"#]],
    );
    check(
        &site,
        &["build", "-n", "--budget", "1m"],
        str![[r#"
$ labpress build -n --budget 1m
RUN  STATE  THEN  WHY
toy/slow seed 0  fresh  -
toy/slow seed 1  fresh  -
toy/fast seed 0  stale  left out  it takes about 3 min 20 s and would end after 3 min 20 s, beyond the budget of [TIME]
toy/fast seed 1  stale  left out  it takes about 3 min 20 s and would end after 3 min 20 s, beyond the budget of [TIME]
0 runs would be done
[exit status 0]

"#]],
    );
    check(
        &site,
        &["build", "--budget", "15m", "--jobs", "1"],
        str![[r#"
$ labpress build --budget 15m --jobs 1
[stderr]
stale toy/fast seeds 0 1: params.epochs changed from 3 to 6
start toy/fast seed 0
done  toy/fast seed 0 accuracy 75.0 %  [TIME]
start toy/fast seed 1
done  toy/fast seed 1 accuracy 80.0 %  [TIME]
2 runs recorded in [TIME]
10 files written, 0 unchanged, 0 removed in public ([TIME])
[exit status 0]

"#]],
    );
    check(
        &site,
        &["run", "--budget", "soon"],
        str![[r#"
$ labpress run --budget soon
[stderr]
error: invalid value 'soon' for '--budget <TIME>': expected a time such as `90s`, `15m` or `2h`

For more information, try '--help'.
[exit status 2]

"#]],
    );
}

#[test]
fn leaving_out_what_the_site_does_not_need_is_no_failure() {
    let site = long();
    site.replace(YAML, "epochs: 3", "epochs: 6");
    site.write("_posts/2026-01-02-toy.md", "---\ntitle: A toy\nlayout: post\n---\nNothing.\n");
    check(
        &site,
        &["run", "--budget", "1m", "--jobs", "1"],
        str![[r#"
$ labpress run --budget 1m --jobs 1
[stderr]
left  toy/slow seeds 0 1: it takes about 3 min 20 s and would end after 3 min 20 s, beyond the budget of [TIME]
left  toy/fast seeds 0 1: it takes about 3 min 20 s and would end after 3 min 20 s, beyond the budget of [TIME]
[exit status 0]

"#]],
    );
}

#[test]
fn a_used_up_budget_starts_no_more_runs() {
    let site = Site::with_toy();
    site.replace(YAML, "rate: 0.1", "rate: 0.1, seconds: 0.5");
    check(
        &site,
        &["run", "--budget", "1s", "--jobs", "1"],
        str![[r#"
$ labpress run --budget 1s --jobs 1
[stderr]
stale toy/slow seeds 0 1: no result is recorded
stale toy/fast seeds 0 1: no result is recorded
start toy/slow seed 0
done  toy/slow seed 0 accuracy 23.1 %  [TIME]
skip  toy/slow seed 1: the budget is used up
skip  toy/fast seed 0: the budget is used up
skip  toy/fast seed 1: the budget is used up
1 run recorded in [TIME]
3 runs without a result
[exit status 1]

"#]],
    );
    assert!(!recorded(&site).is_empty());
}

#[test]
fn quiet_tells_only_what_went_wrong() {
    let site = Site::with_toy();
    check(
        &site,
        &["build", "--quiet"],
        str![[r#"
$ labpress build --quiet
[exit status 0]

"#]],
    );
    site.replace(YAML, "fast: {rate: 0.5}", "fast: {rate: 0.5, fail-at: 2}");
    check(
        &site,
        &["build", "--quiet", "--jobs", "1"],
        str![[r#"
$ labpress build --quiet --jobs 1
[stderr]
FAIL  toy/fast seed 0 exited with status 1; the last 1 line of its log ([SITE]/.labpress/runs/toy/fast-s0-[DIGEST]/log.txt):
      | the net caught fire
FAIL  toy/fast seed 1 exited with status 1; its log ends like that of toy/fast seed 0 ([SITE]/.labpress/runs/toy/fast-s1-[DIGEST]/log.txt)
2 runs without a result
[exit status 1]

"#]],
    );
}

#[test]
fn verbose_tells_every_number() {
    let site = Site::with_toy();
    check(
        &site,
        &["run", "-v", "--jobs", "1"],
        str![[r#"
$ labpress run -v --jobs 1
[stderr]
stale toy/slow seeds 0 1: no result is recorded
stale toy/fast seeds 0 1: no result is recorded
start toy/slow seed 0
      toy/slow seed 0 device none
      toy/slow seed 0 epoch 1/3  valid.accuracy 9.1 %
      toy/slow seed 0 epoch 2/3  valid.accuracy 16.7 %
      toy/slow seed 0 epoch 3/3  valid.accuracy 23.1 %
      toy/slow seed 0 artifact table: table.json
      toy/slow seed 0 accuracy 23.1 %
      toy/slow seed 0 seconds [TIME]
done  toy/slow seed 0 accuracy 23.1 %  [TIME]
start toy/slow seed 1
      toy/slow seed 1 device none
      toy/slow seed 1 epoch 1/3  valid.accuracy 52.4 %
      toy/slow seed 1 epoch 2/3  valid.accuracy 54.5 %
      toy/slow seed 1 epoch 3/3  valid.accuracy 56.5 %
      toy/slow seed 1 artifact table: table.json
      toy/slow seed 1 accuracy 56.5 %
      toy/slow seed 1 seconds [TIME]
done  toy/slow seed 1 accuracy 56.5 %  [TIME]
start toy/fast seed 0
      toy/fast seed 0 device none
      toy/fast seed 0 epoch 1/3  valid.accuracy 33.3 %
      toy/fast seed 0 epoch 2/3  valid.accuracy 50.0 %
      toy/fast seed 0 epoch 3/3  valid.accuracy 60.0 %
      toy/fast seed 0 artifact table: table.json
      toy/fast seed 0 accuracy 60.0 %
      toy/fast seed 0 seconds [TIME]
done  toy/fast seed 0 accuracy 60.0 %  [TIME]
start toy/fast seed 1
      toy/fast seed 1 device none
      toy/fast seed 1 epoch 1/3  valid.accuracy 60.0 %
      toy/fast seed 1 epoch 2/3  valid.accuracy 66.7 %
      toy/fast seed 1 epoch 3/3  valid.accuracy 71.4 %
      toy/fast seed 1 artifact table: table.json
      toy/fast seed 1 accuracy 71.4 %
      toy/fast seed 1 seconds [TIME]
done  toy/fast seed 1 accuracy 71.4 %  [TIME]
4 runs recorded in [TIME]
[exit status 0]

"#]],
    );
}

#[test]
fn json_is_one_event_a_line() {
    let site = Site::with_toy();
    site.replace(YAML, "fast: {rate: 0.5}", "fast: {rate: 0.5, fail-at: 2}");
    let output = site.labpress(&["run", "--json"]);
    assert_eq!(stderr(&output), "2 runs without a result\n");
    let answer = answer(&output);
    let events: Vec<serde_json::Value> =
        answer.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events[0]["event"], "plan");
    assert_eq!(events[0]["runs"][2]["variant"], "fast");
    let of_kind =
        |kind: &str| events.iter().filter(|event| event["event"] == kind).collect::<Vec<_>>();
    assert_eq!(of_kind("started").len(), 4);
    let outcomes: Vec<(u64, &str)> = of_kind("ended")
        .into_iter()
        .map(|event| (event["run"].as_u64().unwrap(), event["outcome"].as_str().unwrap()))
        .collect();
    assert!(
        outcomes.contains(&(0, "recorded")) && outcomes.contains(&(3, "failed")),
        "{outcomes:?}"
    );
    assert!(of_kind("runner").iter().any(|event| event["said"]["name"] == "valid.accuracy"));
    let last = events.last().unwrap();
    assert_eq!((&last["event"], &last["recorded"]), (&"runs-ended".into(), &2.into()));
}

#[test]
fn the_log_of_a_run_is_kept() {
    let site = Site::with_toy();
    site.replace(
        "experiments/toy/train.py",
        "say(\"done\")",
        "say(\"done\"); print(\"all is well\")",
    );
    assert_success(&site.labpress(&["run"]));
    let logs = site.files(".labpress/logs/toy");
    assert_eq!(logs.len(), 4);
    assert!(logs.into_values().all(|log| log == b"all is well\n"));
    assert!(site.files(".labpress/runs").is_empty());
}

/// A toy whose runner takes a single epoch when it is told to.
fn shrinking() -> Site {
    let site = Site::with_toy();
    site.replace(
        "experiments/toy/train.py",
        "first = 1",
        "if job.get(\"smoke\"): params[\"epochs\"] = 1\nfirst = 1",
    );
    site
}

#[test]
fn a_smoke_run_shows_that_it_works_and_enters_no_record() {
    let site = shrinking();
    check(
        &site,
        &["run", "--smoke", "-v", "--jobs", "1"],
        str![[r#"
$ labpress run --smoke -v --jobs 1
[stderr]
stale toy/slow seeds 0 1: no result is recorded
stale toy/fast seeds 0 1: no result is recorded
start toy/slow seed 0
      toy/slow seed 0 device none
      toy/slow seed 0 epoch 1/3  valid.accuracy 9.1 %
      toy/slow seed 0 artifact table: table.json
      toy/slow seed 0 accuracy 9.1 %
      toy/slow seed 0 seconds [TIME]
done  toy/slow seed 0 accuracy 9.1 %  [TIME]
start toy/slow seed 1
      toy/slow seed 1 device none
      toy/slow seed 1 epoch 1/3  valid.accuracy 52.4 %
      toy/slow seed 1 artifact table: table.json
      toy/slow seed 1 accuracy 52.4 %
      toy/slow seed 1 seconds [TIME]
done  toy/slow seed 1 accuracy 52.4 %  [TIME]
start toy/fast seed 0
      toy/fast seed 0 device none
      toy/fast seed 0 epoch 1/3  valid.accuracy 33.3 %
      toy/fast seed 0 artifact table: table.json
      toy/fast seed 0 accuracy 33.3 %
      toy/fast seed 0 seconds [TIME]
done  toy/fast seed 0 accuracy 33.3 %  [TIME]
start toy/fast seed 1
      toy/fast seed 1 device none
      toy/fast seed 1 epoch 1/3  valid.accuracy 60.0 %
      toy/fast seed 1 artifact table: table.json
      toy/fast seed 1 accuracy 60.0 %
      toy/fast seed 1 seconds [TIME]
done  toy/fast seed 1 accuracy 60.0 %  [TIME]
4 runs recorded at toy scale in [TIME]
[exit status 0]

"#]],
    );
    assert!(recorded(&site).is_empty());
    check(
        &site,
        &["run", "--smoke"],
        str![[r#"
$ labpress run --smoke
[stderr]
all runs are fresh
[exit status 0]

"#]],
    );
    check(
        &site,
        &["status"],
        str![[r#"
$ labpress status
EXPERIMENT  VARIANT  SEEDS  STATE    AGE  TIME
toy         slow     0 1    missing  -    -
toy         fast     0 1    missing  -    -
[exit status 0]

"#]],
    );
    site.replace(
        "experiments/toy/train.py",
        "first = 1",
        "raise SystemExit(\"broken\")\nfirst = 1",
    );
    check(
        &site,
        &["run", "--smoke", "--jobs", "1"],
        str![[r#"
$ labpress run --smoke --jobs 1
[stderr]
stale toy/slow seeds 0 1: inputs.train.py changed from [DIGEST] to [DIGEST]
stale toy/fast seeds 0 1: inputs.train.py changed from [DIGEST] to [DIGEST]
start toy/slow seed 0
FAIL  toy/slow seed 0 exited with status 1; the last 1 line of its log ([SITE]/.labpress/smoke/results/.labpress/runs/toy/slow-s0-[DIGEST]/log.txt):
      | broken
start toy/slow seed 1
FAIL  toy/slow seed 1 exited with status 1; its log ends like that of toy/slow seed 0 ([SITE]/.labpress/smoke/results/.labpress/runs/toy/slow-s1-[DIGEST]/log.txt)
start toy/fast seed 0
FAIL  toy/fast seed 0 exited with status 1; its log ends like that of toy/slow seed 0 ([SITE]/.labpress/smoke/results/.labpress/runs/toy/fast-s0-[DIGEST]/log.txt)
start toy/fast seed 1
FAIL  toy/fast seed 1 exited with status 1; its log ends like that of toy/slow seed 0 ([SITE]/.labpress/smoke/results/.labpress/runs/toy/fast-s1-[DIGEST]/log.txt)
0 runs recorded at toy scale in [TIME]
4 runs without a result
[exit status 1]

"#]],
    );
    // What has its results needs no smoke.
    site.replace("experiments/toy/train.py", "raise SystemExit(\"broken\")\n", "");
    assert_success(&site.labpress(&["run"]));
    check(
        &site,
        &["run", "--smoke"],
        str![[r#"
$ labpress run --smoke
[stderr]
all runs are fresh
[exit status 0]

"#]],
    );
}

#[test]
fn a_smoke_build_is_marked_and_is_not_written_to_where_the_site_goes() {
    let site = shrinking();
    site.write(
        "_layouts/post.html",
        "<!doctype html>\n<body class=\"a\">{{ content | safe }}</body>\n",
    );
    check(
        &site,
        &["build", "--smoke", "-d", "public"],
        str![[r#"
$ labpress build --smoke -d public
[stderr]
error: cannot build into `public`, the site's own destination: a smoke build must not be published
hint: omit `--destination`, or name another folder
[exit status 1]

"#]],
    );
    check(
        &site,
        &["build", "--smoke", "-d", "./x/../public/y"],
        str![[r#"
$ labpress build --smoke -d ./x/../public/y
[stderr]
error: cannot build into `public`, the site's own destination: a smoke build must not be published
hint: omit `--destination`, or name another folder
[exit status 1]

"#]],
    );
    check(
        &site,
        &["build", "--smoke", "--jobs", "1"],
        str![[r#"
$ labpress build --smoke --jobs 1
[stderr]
stale toy/slow seeds 0 1: no result is recorded
stale toy/fast seeds 0 1: no result is recorded
start toy/slow seed 0
done  toy/slow seed 0 accuracy 9.1 %  [TIME]
start toy/slow seed 1
done  toy/slow seed 1 accuracy 52.4 %  [TIME]
start toy/fast seed 0
done  toy/fast seed 0 accuracy 33.3 %  [TIME]
start toy/fast seed 1
done  toy/fast seed 1 accuracy 60.0 %  [TIME]
4 runs recorded at toy scale in [TIME]
10 files written, 0 unchanged, 0 removed in .labpress/smoke/public ([TIME])
[exit status 0]

"#]],
    );
    let page = |folder: &str| {
        let pages = site.files(folder).into_iter();
        let mut pages = pages.filter(|(path, _)| path.to_str().unwrap().ends_with("toy.html"));
        String::from_utf8(pages.next().unwrap().1).unwrap()
    };
    let marked = page(".labpress/smoke/public");
    assert!(marked.contains("<body class=\"a\"><div class=\"labpress-smoke\""), "{marked}");
    assert!(marked.contains("the numbers of toy come from toy-scale runs"), "{marked}");
    let feed = site.read(".labpress/smoke/public/feed.xml");
    assert!(feed.contains(">Smoke build, not for publication: Test<"), "{feed}");
    let feed = site.read(".labpress/smoke/public/feed.json");
    assert!(feed.contains("\"title\":\"Smoke build, not for publication: Test\""), "{feed}");
    assert!(site.files("experiments/toy/runs").is_empty() && site.files("public").is_empty());
    // The real build takes nothing of it.
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
    assert!(!page("public").contains("labpress-smoke"));
    // With all results there, a smoke build shows the real ones, and has nothing to mark.
    check(
        &site,
        &["build", "--smoke", "--jobs", "1"],
        str![[r#"
$ labpress build --smoke --jobs 1
[stderr]
8 files written, 2 unchanged, 5 removed in .labpress/smoke/public ([TIME])
[exit status 0]

"#]],
    );
    assert!(!page(".labpress/smoke/public").contains("labpress-smoke"));
}

#[test]
fn locked_names_all_that_is_stale_missing_or_altered() {
    let site = Site::with_toy();
    assert_success(&site.labpress(&["build"]));
    assert_success(&site.labpress(&["build", "--locked"]));
    let file = site.files("experiments/toy/files").into_keys().next().unwrap();
    let file = format!("experiments/toy/files/{}", file.display());
    let good = site.read(&file);
    site.write(&file, &good.replace("rate", "ratf"));
    check(
        &site,
        &["build", "--locked"],
        str![[r#"
$ labpress build --locked
[stderr]
error: the results of `toy` are incomplete: toy/fast seed 0 is missing: no result is recorded; toy/fast seed 1 is missing: no result is recorded (and 2 more places)
 --> _posts/2026-01-02-toy.md:5:20
hint: run `labpress run toy` and commit its records

error: the file was altered: it is not what `experiments/toy/runs/fast-s0-[DIGEST].json` refers to
 --> experiments/toy/files/[DIGEST]-table.json
hint: restore it from git, or delete the record and run `labpress run toy` to recreate both

error: the file was altered: it is not what `experiments/toy/runs/fast-s1-[DIGEST].json` refers to
 --> experiments/toy/files/[DIGEST]-table.json
hint: restore it from git, or delete the record and run `labpress run toy` to recreate both

nothing was written because of 3 errors
[exit status 1]

"#]],
    );
    // It counts as missing, and is made again together with its record.
    assert_success(&site.labpress(&["run"]));
    assert_eq!(site.read(&file), good);
    std::fs::remove_file(site.path().join(&file)).unwrap();
    let record = site.files("experiments/toy/runs").into_keys().next_back().unwrap();
    alter(&site, &record);
    site.replace(YAML, "fast: {rate: 0.5}", "fast: {rate: 0.6}");
    check(
        &site,
        &["build", "--locked"],
        str![[r#"
$ labpress build --locked
[stderr]
warning: the file is missing: `experiments/toy/runs/fast-s0-[DIGEST].json` refers to it
 --> experiments/toy/files/[DIGEST]-table.json
hint: no page shows this record: remove it with `labpress gc --delete`

warning: the file is missing: `experiments/toy/runs/fast-s1-[DIGEST].json` refers to it
 --> experiments/toy/files/[DIGEST]-table.json
hint: no page shows this record: remove it with `labpress gc --delete`

error: the results of `toy` are incomplete: toy/slow seed 1 is missing: no result is recorded; toy/fast seed 0 is stale: params.rate changed from 0.5 to 0.6; toy/fast seed 1 is stale: params.rate changed from 0.5 to 0.6 (and 2 more places)
 --> _posts/2026-01-02-toy.md:5:20
hint: run `labpress run toy` and commit its records

error: the record was altered: its content does not match its digest
 --> experiments/toy/runs/slow-s1-[DIGEST].json
hint: restore it from git, or delete it and run `labpress run toy` to recreate it

nothing was written because of 2 errors
[exit status 1]

"#]],
    );
    check(
        &site,
        &["build", "--jobs", "1"],
        str![[r#"
$ labpress build --jobs 1
[stderr]
warning: the file is missing: `experiments/toy/runs/fast-s0-[DIGEST].json` refers to it
 --> experiments/toy/files/[DIGEST]-table.json
hint: no page shows this record: remove it with `labpress gc --delete`

warning: the file is missing: `experiments/toy/runs/fast-s1-[DIGEST].json` refers to it
 --> experiments/toy/files/[DIGEST]-table.json
hint: no page shows this record: remove it with `labpress gc --delete`

error: the record was altered: its content does not match its digest
 --> experiments/toy/runs/slow-s1-[DIGEST].json
hint: restore it from git, or delete it and run `labpress run toy` to recreate it

nothing was written because of 1 error
[exit status 1]

"#]],
    );
    // What is fresh is made again; the file of a record that nothing shows now is not, and comes
    // from git.
    assert_success(&site.labpress(&["run"]));
    check(
        &site,
        &["build", "--locked"],
        str![[r#"
$ labpress build --locked
[stderr]
warning: the file is missing: `experiments/toy/runs/fast-s0-[DIGEST].json` refers to it
 --> experiments/toy/files/[DIGEST]-table.json
hint: no page shows this record: remove it with `labpress gc --delete`

warning: the file is missing: `experiments/toy/runs/fast-s1-[DIGEST].json` refers to it
 --> experiments/toy/files/[DIGEST]-table.json
hint: no page shows this record: remove it with `labpress gc --delete`

8 files written, 2 unchanged, 5 removed in public ([TIME])
[exit status 0]

"#]],
    );
    site.write(&file, &good);
    assert_success(&site.labpress(&["build"]));
    check(
        &site,
        &["build", "--locked"],
        str![[r#"
$ labpress build --locked
[stderr]
0 files written, 10 unchanged, 0 removed in public ([TIME])
[exit status 0]

"#]],
    );
}

#[test]
fn an_altered_record_is_an_error_even_where_no_post_shows_it_and_a_stale_one_is_not() {
    let site = Site::with_toy();
    assert_success(&site.labpress(&["run"]));
    site.write("_posts/2026-01-02-toy.md", "---\ntitle: A toy\nlayout: post\n---\nNothing.\n");
    site.replace(YAML, "rate: 0.5", "rate: 0.6");
    assert_success(&site.labpress(&["build", "--locked"]));
    let record = site.files("experiments/toy/runs").into_keys().next().unwrap();
    alter(&site, &record);
    check(
        &site,
        &["build", "--locked"],
        str![[r#"
$ labpress build --locked
[stderr]
error: the record was altered: its content does not match its digest
 --> experiments/toy/runs/fast-s0-[DIGEST].json
hint: restore it from git, or delete it and run `labpress run toy` to recreate it

nothing was written because of 1 error
[exit status 1]

"#]],
    );
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_is_named_and_nothing_is_lost() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;

    let site = Site::with_toy();
    assert_success(&site.labpress(&["run", "--seed", "0"]));
    let before = site.files("experiments");
    let set = |folder: &str, mode| {
        std::fs::set_permissions(site.path().join(folder), std::fs::Permissions::from_mode(mode))
            .unwrap();
    };
    set("", 0o755);
    let mut command = site.command(&["run"]);
    if std::fs::metadata(site.path()).unwrap().uid() == 0 {
        // Nothing is read-only for root: be nobody, who may write nowhere in the site.
        command.uid(65534).gid(65534);
    } else {
        set(".labpress", 0o555);
        set("experiments/toy/runs", 0o555);
    }
    let output = command.output();
    set("experiments/toy/runs", 0o755);
    set(".labpress", 0o755);
    let Ok(output) = output else {
        eprintln!("skipped: another user cannot start the program where it lies");
        return;
    };
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    // Which file is the first that cannot be written depends on the user.
    assert!(stderr(&output).contains("ermission denied"), "{}", stderr(&output));
    assert_eq!(site.files("experiments"), before);
    assert_success(&site.labpress(&["run"]));
}

#[cfg(target_os = "linux")]
#[test]
fn a_trace_names_files_that_are_read_and_not_declared() {
    let site = Site::with_toy();
    site.write("experiments/toy/rates.json", "{}");
    site.write("notes.txt", "shared");
    site.replace(
        "experiments/toy/train.py",
        "params, checkpoint",
        "open('rates.json').read(); open('../../notes.txt').read()\nparams, checkpoint",
    );
    if std::process::Command::new("strace").arg("--version").output().is_err() {
        let output = site.labpress(&["run", "--trace"]);
        assert!(stderr(&output).contains("strace is not installed"), "{}", stderr(&output));
        return;
    }
    check(
        &site,
        &["run", "--trace", "--jobs", "1"],
        str![[r#"
$ labpress run --trace --jobs 1
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
error: the runner reads `experiments/toy/rates.json`, which is not among its inputs
 --> experiments/toy/experiment.yml:2:40
hint: add `rates.json` to `inputs`, so that a change to it is noticed

error: the runner reads `notes.txt`, which is not among its inputs
 --> experiments/toy/experiment.yml:2:40
hint: add a link to it to the experiment's folder and declare the link: inputs must be in that folder

the results are recorded despite 2 errors
[exit status 1]

"#]],
    );
    check(
        &site,
        &["run", "--trace"],
        str![[r#"
$ labpress run --trace
[stderr]
all runs are fresh
nothing was traced: add `--force` to repeat fresh runs
[exit status 0]

"#]],
    );
    site.replace("experiments/toy/train.py", "; open('../../notes.txt').read()", "");
    site.replace(YAML, "inputs: [train.py]", "inputs: [train.py, \"*.json\"]");
    check(
        &site,
        &["run", "--trace", "--jobs", "1"],
        str![[r#"
$ labpress run --trace --jobs 1
[stderr]
stale toy/slow seeds 0 1: inputs.rates.json is new: [DIGEST], inputs.train.py changed from [DIGEST] to [DIGEST]
stale toy/fast seeds 0 1: inputs.rates.json is new: [DIGEST], inputs.train.py changed from [DIGEST] to [DIGEST]
start toy/slow seed 0
done  toy/slow seed 0 accuracy 23.1 %  [TIME]
start toy/slow seed 1
done  toy/slow seed 1 accuracy 56.5 %  [TIME]
start toy/fast seed 0
done  toy/fast seed 0 accuracy 60.0 %  [TIME]
start toy/fast seed 1
done  toy/fast seed 1 accuracy 71.4 %  [TIME]
4 runs recorded in [TIME]
[exit status 0]

"#]],
    );
}
