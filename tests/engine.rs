//! The experiment engine as its user sees it: what runs, in which order, how often, and how it
//! ends.

#![allow(
    clippy::disallowed_methods,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "tests make, read and panic as they please, and snapshots are long"
)]

mod support;

use std::process::Stdio;
use std::time::Duration;

use labpress::runner::BUILD;
use snapbox::str;
use support::{
    Site, TOY_RUNNER, answer, assert_success, check, check_command, has_checkpoint, stderr,
};

const YAML: &str = "experiments/toy/experiment.yml";

#[test]
fn a_second_run_trains_nothing_and_an_edit_retrains_only_what_it_touches() {
    let site = Site::with_toy();
    check(
        &site,
        &["run", "--jobs", "1"],
        str![[r#"
$ labpress run --jobs 1
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
[exit status 0]

"#]],
    );
    check(
        &site,
        &["run"],
        str![[r#"
$ labpress run
[stderr]
all runs are fresh
[exit status 0]

"#]],
    );
    site.replace(YAML, "rate: 0.5", "rate: 0.6");
    check(
        &site,
        &["run", "--jobs", "1"],
        str![[r#"
$ labpress run --jobs 1
[stderr]
stale toy/fast seeds 0 1: params.rate changed from 0.5 to 0.6
start toy/fast seed 0
done  toy/fast seed 0 accuracy 64.3 %  [TIME]
start toy/fast seed 1
done  toy/fast seed 1 accuracy 73.7 %  [TIME]
2 runs recorded in [TIME]
[exit status 0]

"#]],
    );
    site.replace(YAML, "title: A toy", "title: Another title # and a comment");
    check(
        &site,
        &["run"],
        str![[r#"
$ labpress run
[stderr]
all runs are fresh
[exit status 0]

"#]],
    );
    site.replace("experiments/toy/train.py", "import json", "import json # edited");
    check(
        &site,
        &["why", "toy"],
        str![[r#"
$ labpress why toy
toy/slow seed 0 is stale, since experiments/toy/runs/slow-s0-[DIGEST].json:
    inputs.train.py changed from [DIGEST] to [DIGEST]
toy/slow seed 1 is stale, since experiments/toy/runs/slow-s1-[DIGEST].json:
    inputs.train.py changed from [DIGEST] to [DIGEST]
toy/fast seed 0 is stale, since experiments/toy/runs/fast-s0-[DIGEST].json:
    inputs.train.py changed from [DIGEST] to [DIGEST]
toy/fast seed 1 is stale, since experiments/toy/runs/fast-s1-[DIGEST].json:
    inputs.train.py changed from [DIGEST] to [DIGEST]
[exit status 0]

"#]],
    );
}

#[test]
fn a_failed_run_shows_its_log_and_does_not_stop_the_others() {
    let site = Site::with_toy();
    site.replace(YAML, "fast: {rate: 0.5}", "fast: {rate: 0.5, fail-at: 2}");
    // Both fail in the same way.
    check(
        &site,
        &["run", "--jobs", "1"],
        str![[r#"
$ labpress run --jobs 1
[stderr]
stale toy/slow seeds 0 1: no result is recorded
stale toy/fast seeds 0 1: no result is recorded
start toy/slow seed 0
done  toy/slow seed 0 accuracy 23.1 %  [TIME]
start toy/slow seed 1
done  toy/slow seed 1 accuracy 56.5 %  [TIME]
start toy/fast seed 0
FAIL  toy/fast seed 0 exited with status 1; the last 1 line of its log ([SITE]/.labpress/runs/toy/fast-s0-[DIGEST]/log.txt):
      | the net caught fire
start toy/fast seed 1
FAIL  toy/fast seed 1 exited with status 1; its log ends like that of toy/fast seed 0 ([SITE]/.labpress/runs/toy/fast-s1-[DIGEST]/log.txt)
2 runs recorded in [TIME]
2 runs without a result
[exit status 1]

"#]],
    );
    check(
        &site,
        &["status"],
        str![[r#"
$ labpress status
EXPERIMENT  VARIANT  SEEDS  STATE  AGE  TIME
toy  slow  0 1  fresh  [TIME]  [TIME] per run
toy  fast  0 1  failed (exited with status 1: the net caught fire)  -  -
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
    assert_success(&site.labpress(&["run"]));
}

/// A site whose runs of the variant `fast` diverge: it reports NaN as Python's `json.dumps` writes
/// it, and would go on.
fn with_diverging() -> Site {
    let site = Site::with_toy();
    let diverges = r#"say("metric", name="loss", step=2, value=float("nan")), time.sleep(600)"#;
    let ends = format!(r#"({diverges}) if params["rate"] == 0.5 else say("done")"#);
    let runner = TOY_RUNNER.replace(r#"say("done")"#, &ends);
    site.write("experiments/toy/train.py", &runner);
    site
}

#[test]
fn a_run_that_diverges_is_recorded_once_and_shown() {
    let site = with_diverging();
    site.write(
        "_posts/2026-01-01-a.md",
        "---\ntitle: A\n---\n{% value toy.fast.accuracy %}\n\n{% chart toy compare %}\n",
    );
    check(
        &site,
        &["run", "--jobs", "1"],
        str![[r#"
$ labpress run --jobs 1
[stderr]
stale toy/slow seeds 0 1: no result is recorded
stale toy/fast seeds 0 1: no result is recorded
start toy/slow seed 0
done  toy/slow seed 0 accuracy 23.1 %  [TIME]
start toy/slow seed 1
done  toy/slow seed 1 accuracy 56.5 %  [TIME]
start toy/fast seed 0
done  toy/fast seed 0 diverged: `loss` became NaN at step 2
start toy/fast seed 1
done  toy/fast seed 1 diverged: `loss` became NaN at step 2
4 runs recorded in [TIME], 2 of them diverged
[exit status 0]

"#]],
    );
    check(
        &site,
        &["status"],
        str![[r#"
$ labpress status
EXPERIMENT  VARIANT  SEEDS  STATE  AGE  TIME
toy  slow  0 1  fresh  [TIME]  [TIME] per run
toy  fast  0 1  diverged: `loss` became NaN at step 2  [TIME]  [TIME] per run
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
toy/fast seed 0 is fresh: experiments/toy/runs/fast-s0-[DIGEST].json; it diverged: `loss` became NaN at step 2
toy/fast seed 1 is fresh: experiments/toy/runs/fast-s1-[DIGEST].json; it diverged: `loss` became NaN at step 2
[exit status 0]

"#]],
    );
    check(
        &site,
        &["run"],
        str![[r#"
$ labpress run
[stderr]
all runs are fresh
[exit status 0]

"#]],
    );
    check(
        &site,
        &["run", "--dry-run"],
        str![[r#"
$ labpress run --dry-run
RUN              STATE     THEN  WHY
toy/slow seed 0  fresh     -
toy/slow seed 1  fresh     -
toy/fast seed 0  diverged  -     diverged: `loss` became NaN at step 2
toy/fast seed 1  diverged  -     diverged: `loss` became NaN at step 2
0 runs would be done
[exit status 0]

"#]],
    );
    assert_success(&site.labpress(&["build", "--locked"]));
    let page = site
        .files("public")
        .into_values()
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(page.into_iter().any(|page| page.contains(">all 2 seeds diverged</span>")));
    check(
        &site,
        &["run", "--force", "--variant", "fast", "--seed", "0", "--jobs", "1"],
        str![[r#"
$ labpress run --force --variant fast --seed 0 --jobs 1
[stderr]
stale toy/fast seed 0: it diverged: `loss` became NaN at step 2, and `--force` repeats it
start toy/fast seed 0
done  toy/fast seed 0 diverged: `loss` became NaN at step 2
1 run recorded in [TIME], 1 of them diverged
[exit status 0]

"#]],
    );
    site.write("experiments/toy/train.py", TOY_RUNNER);
    check(
        &site,
        &["run", "--jobs", "1"],
        str![[r#"
$ labpress run --jobs 1
[stderr]
stale toy/slow seeds 0 1: inputs.train.py changed from [DIGEST] to [DIGEST]
stale toy/fast seeds 0 1: inputs.train.py changed from [DIGEST] to [DIGEST]
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

#[test]
fn a_runner_may_report_that_it_diverged_and_leave_as_it_likes() {
    let site = Site::with_toy();
    let said = r#"say("diverged", metric="loss", step=7); sys.exit(3)"#;
    let runner = TOY_RUNNER.replace(r#"say("done")"#, said);
    site.write("experiments/toy/train.py", &format!("import sys\n{runner}"));
    check(
        &site,
        &["run", "--jobs", "1"],
        str![[r#"
$ labpress run --jobs 1
[stderr]
stale toy/slow seeds 0 1: no result is recorded
stale toy/fast seeds 0 1: no result is recorded
start toy/slow seed 0
done  toy/slow seed 0 diverged: `loss` became NaN or infinite at step 7
start toy/slow seed 1
done  toy/slow seed 1 diverged: `loss` became NaN or infinite at step 7
start toy/fast seed 0
done  toy/fast seed 0 diverged: `loss` became NaN or infinite at step 7
start toy/fast seed 1
done  toy/fast seed 1 diverged: `loss` became NaN or infinite at step 7
4 runs recorded in [TIME], 4 of them diverged
[exit status 0]

"#]],
    );
}

#[test]
fn a_run_that_needs_a_diverged_run_is_skipped_with_the_reason() {
    let site = with_diverging();
    with_needing(&site);
    check(
        &site,
        &["run", "above", "--jobs", "1"],
        str![[r#"
$ labpress run above --jobs 1
[stderr]
stale above/default seed 0: no result is recorded
stale toy/slow seeds 0 1: no result is recorded
stale toy/fast seeds 0 1: no result is recorded
start toy/slow seed 0
done  toy/slow seed 0 accuracy 23.1 %  [TIME]
start toy/slow seed 1
done  toy/slow seed 1 accuracy 56.5 %  [TIME]
start toy/fast seed 0
done  toy/fast seed 0 diverged: `loss` became NaN at step 2
start toy/fast seed 1
done  toy/fast seed 1 diverged: `loss` became NaN at step 2
skip  above/default seed 0: toy/fast seed 0, which it needs, diverged: `loss` became NaN at step 2
4 runs recorded in [TIME], 2 of them diverged
1 run without a result
[exit status 1]

"#]],
    );
    check(
        &site,
        &["run", "above", "--jobs", "1"],
        str![[r#"
$ labpress run above --jobs 1
[stderr]
stale above/default seed 0: no result is recorded
skip  above/default seed 0: toy/fast seed 0, which it needs, diverged: `loss` became NaN at step 2
0 runs recorded in [TIME]
1 run without a result
[exit status 1]

"#]],
    );
}

#[test]
fn a_grid_makes_variants() {
    let site = Site::with_toy();
    site.replace(
        YAML,
        "variants:\n  slow: {}\n  fast: {rate: 0.5}\n",
        "grid: {rate: [0.1, 0.5], epochs: [1, 2], exclude: [{rate: 0.1, epochs: 1}]}\n",
    );
    check(
        &site,
        &["run", "--jobs", "1"],
        str![[r#"
$ labpress run --jobs 1
[stderr]
stale toy/rate-0-1-epochs-2 seeds 0 1: no result is recorded
stale toy/rate-0-5-epochs-1 seeds 0 1: no result is recorded
stale toy/rate-0-5-epochs-2 seeds 0 1: no result is recorded
start toy/rate-0-1-epochs-2 seed 0
done  toy/rate-0-1-epochs-2 seed 0 accuracy 16.7 %  [TIME]
start toy/rate-0-1-epochs-2 seed 1
done  toy/rate-0-1-epochs-2 seed 1 accuracy 54.5 %  [TIME]
start toy/rate-0-5-epochs-1 seed 0
done  toy/rate-0-5-epochs-1 seed 0 accuracy 33.3 %  [TIME]
start toy/rate-0-5-epochs-1 seed 1
done  toy/rate-0-5-epochs-1 seed 1 accuracy 60.0 %  [TIME]
start toy/rate-0-5-epochs-2 seed 0
done  toy/rate-0-5-epochs-2 seed 0 accuracy 50.0 %  [TIME]
start toy/rate-0-5-epochs-2 seed 1
done  toy/rate-0-5-epochs-2 seed 1 accuracy 66.7 %  [TIME]
6 runs recorded in [TIME]
[exit status 0]

"#]],
    );
    check(
        &site,
        &["status"],
        str![[r#"
$ labpress status
EXPERIMENT  VARIANT  SEEDS  STATE  AGE  TIME
toy  rate-0-1-epochs-2  0 1  fresh  [TIME]  [TIME] per run
toy  rate-0-5-epochs-1  0 1  fresh  [TIME]  [TIME] per run
toy  rate-0-5-epochs-2  0 1  fresh  [TIME]  [TIME] per run
[exit status 0]

"#]],
    );
}

/// A second experiment, whose runner reads the artifacts of the first.
fn with_needing(site: &Site) {
    site.write(
        "experiments/above/experiment.yml",
        "title: Above\nrunner: {command: [python3, train.py], inputs: [train.py]}\nneeds: [toy]\nparams: {epochs: 1, rate: 1}\n",
    );
    let reads = "needed = [json.loads(pathlib.Path(one['artifacts']['table']).read_text())['rate'] for one in job['needs']]\nparams, checkpoint";
    let runner = TOY_RUNNER.replace("params, checkpoint", reads);
    let runner = runner.replace(
        r#"say("done")"#,
        r#"say("metric", name="needed", value=sum(needed)); say("done")"#,
    );
    site.write("experiments/above/train.py", &runner);
}

#[test]
fn what_is_needed_runs_first_and_its_artifacts_are_given() {
    let site = Site::with_toy();
    with_needing(&site);
    // `above` stands first in order of name, and waits.
    check(
        &site,
        &["run", "above", "--jobs", "1"],
        str![[r#"
$ labpress run above --jobs 1
[stderr]
stale above/default seed 0: no result is recorded
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
start above/default seed 0
done  above/default seed 0 accuracy 0.5000  [TIME]
5 runs recorded in [TIME]
[exit status 0]

"#]],
    );
    let files = site.files("experiments/above/runs");
    let record = String::from_utf8(files.into_values().next().unwrap()).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    assert_eq!(record["metrics"]["needed"], 2.0 * 0.1 + 2.0 * 0.5);
}

#[test]
fn a_run_that_needs_a_failed_run_is_skipped_with_the_reason() {
    let site = Site::with_toy();
    with_needing(&site);
    site.replace(YAML, "fast: {rate: 0.5}", "fast: {rate: 0.5, fail-at: 1}");
    check(
        &site,
        &["run", "above", "--jobs", "1"],
        str![[r#"
$ labpress run above --jobs 1
[stderr]
stale above/default seed 0: no result is recorded
stale toy/slow seeds 0 1: no result is recorded
stale toy/fast seeds 0 1: no result is recorded
start toy/slow seed 0
done  toy/slow seed 0 accuracy 23.1 %  [TIME]
start toy/slow seed 1
done  toy/slow seed 1 accuracy 56.5 %  [TIME]
start toy/fast seed 0
FAIL  toy/fast seed 0 exited with status 1; the last 1 line of its log ([SITE]/.labpress/runs/toy/fast-s0-[DIGEST]/log.txt):
      | the net caught fire
start toy/fast seed 1
FAIL  toy/fast seed 1 exited with status 1; its log ends like that of toy/fast seed 0 ([SITE]/.labpress/runs/toy/fast-s1-[DIGEST]/log.txt)
skip  above/default seed 0: toy/fast seed 0, which it needs, has no result
2 runs recorded in [TIME]
3 runs without a result
[exit status 1]

"#]],
    );
}

#[test]
fn in_a_clone_without_artifacts_needed_runs_are_re_run() {
    let site = Site::with_toy();
    with_needing(&site);
    assert_success(&site.labpress(&["run", "toy"]));
    std::fs::remove_dir_all(site.path().join(".labpress")).unwrap();
    check(
        &site,
        &["run", "above", "--jobs", "1"],
        str![[r#"
$ labpress run above --jobs 1
[stderr]
stale above/default seed 0: no result is recorded
stale toy/slow seeds 0 1: its artifacts are needed and not on this machine
stale toy/fast seeds 0 1: its artifacts are needed and not on this machine
start toy/slow seed 0
done  toy/slow seed 0 accuracy 23.1 %  [TIME]
start toy/slow seed 1
done  toy/slow seed 1 accuracy 56.5 %  [TIME]
start toy/fast seed 0
done  toy/fast seed 0 accuracy 60.0 %  [TIME]
start toy/fast seed 1
done  toy/fast seed 1 accuracy 71.4 %  [TIME]
start above/default seed 0
done  above/default seed 0 accuracy 0.5000  [TIME]
5 runs recorded in [TIME]
[exit status 0]

"#]],
    );
}

#[test]
fn pictures_of_data_that_must_not_be_handed_on_are_not_committed() {
    let site = Site::with_toy();
    site.write("pixels/tiny.csv", "0,1,0\n1,0,1\n");
    let sha256 = labpress::data::fetch::sha256(&site.path().join("pixels/tiny.csv")).unwrap();
    let declaration = format!(
        "title: Tiny\nlicence: for our eyes\nhomepage: none\ncitation: none\nclasses: [a, b]\n\
         format: {{kind: csv-pixels, file: tiny.csv, shape: [1, 2], white: 1, test-rows: 1}}\n\
         files: {{tiny.csv: {{sha256: {sha256}}}}}\nsources: [{{kind: folder, path: pixels}}]\n"
    );
    site.replace("experiments/toy/train.py", r#"kind="table")"#, r#"kind="image")"#);
    site.replace(YAML, "seeds: 2", "seeds: 1\ndata: tiny");
    for (may_be, committed) in [("", 2), ("redistribute: false\n", 0)] {
        site.write("experiments/data/tiny.yml", &(declaration.clone() + may_be));
        let mut command = site.command(&["run", "--force"]);
        assert_success(&command.env("LABPRESS_DATA", site.path().join("cache")).output().unwrap());
        assert_eq!(site.files("experiments/toy/files").len(), committed, "{may_be}");
        // Either way they can be looked at here.
        assert!(!site.files(".labpress/objects").is_empty());
        std::fs::remove_dir_all(site.path().join("experiments/toy/files")).unwrap_or_default();
    }
}

#[test]
fn runs_that_are_the_same_are_trained_once() {
    let site = Site::with_toy();
    site.replace(YAML, "fast: {rate: 0.5}", "fast: {rate: 0.5}\n  also-fast: {rate: 0.5}");
    check(
        &site,
        &["run", "--jobs", "1"],
        str![[r#"
$ labpress run --jobs 1
[stderr]
stale toy/slow seeds 0 1: no result is recorded
stale toy/fast seeds 0 1: no result is recorded
stale toy/also-fast seeds 0 1: no result is recorded
start toy/slow seed 0
done  toy/slow seed 0 accuracy 23.1 %  [TIME]
start toy/slow seed 1
done  toy/slow seed 1 accuracy 56.5 %  [TIME]
start toy/fast seed 0
done  toy/fast seed 0 accuracy 60.0 %  [TIME]
start toy/fast seed 1
done  toy/fast seed 1 accuracy 71.4 %  [TIME]
start toy/also-fast seed 0
done  toy/also-fast seed 0 accuracy 60.0 %  [TIME], copied from an identical run
start toy/also-fast seed 1
done  toy/also-fast seed 1 accuracy 71.4 %  [TIME], copied from an identical run
6 runs recorded in [TIME]
[exit status 0]

"#]],
    );
    assert_eq!(site.files("experiments/toy/runs").len(), 6);
    check(
        &site,
        &["run"],
        str![[r#"
$ labpress run
[stderr]
all runs are fresh
[exit status 0]

"#]],
    );
}

#[test]
fn a_run_that_breaks_a_limit_is_a_failure_with_that_reason() {
    let site = Site::with_toy();
    site.replace(YAML, "rate: 0.1", "rate: 0.1, seconds: 5");
    site.replace(YAML, "seeds: 2", "seeds: 1\nlimits: {time: 1s}");
    check(
        &site,
        &["run", "--jobs", "1"],
        str![[r#"
$ labpress run --jobs 1
[stderr]
stale toy/slow seed 0: no result is recorded
stale toy/fast seed 0: no result is recorded
start toy/slow seed 0
FAIL  toy/slow seed 0 took longer than its limit of 1 s (`limits: {time}`); its log is empty ([SITE]/.labpress/runs/toy/slow-s0-[DIGEST]/log.txt)
start toy/fast seed 0
FAIL  toy/fast seed 0 took longer than its limit of 1 s (`limits: {time}`); its log is empty ([SITE]/.labpress/runs/toy/fast-s0-[DIGEST]/log.txt)
0 runs recorded in [TIME]
2 runs without a result
[exit status 1]

"#]],
    );
    assert!(site.files("experiments/toy/runs").is_empty());
    check(
        &site,
        &["status"],
        str![[r#"
$ labpress status
EXPERIMENT  VARIANT  SEEDS  STATE                                                          AGE  TIME
toy         slow     0      failed (took longer than its limit of 1 s (`limits: {time}`))  -    -
toy         fast     0      failed (took longer than its limit of 1 s (`limits: {time}`))  -    -
[exit status 0]

"#]],
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_that_takes_too_much_memory_is_a_failure_with_that_reason() {
    let site = Site::with_toy();
    site.replace(YAML, "seeds: 2", "seeds: 1\nlimits: {memory: 100MiB}");
    site.replace(
        "experiments/toy/train.py",
        "say(\"start\"",
        "ballast = b'x' * (200 << 20); time.sleep(2); say(\"start\"",
    );
    check(
        &site,
        &["run", "--jobs", "1"],
        str![[r#"
$ labpress run --jobs 1
[stderr]
stale toy/slow seed 0: no result is recorded
stale toy/fast seed 0: no result is recorded
start toy/slow seed 0
FAIL  toy/slow seed 0 used [SIZE] of memory, more than its limit of 100 MiB (`limits: {memory}`); its log is empty ([SITE]/.labpress/runs/toy/slow-s0-[DIGEST]/log.txt)
start toy/fast seed 0
FAIL  toy/fast seed 0 used [SIZE] of memory, more than its limit of 100 MiB (`limits: {memory}`); its log is empty ([SITE]/.labpress/runs/toy/fast-s0-[DIGEST]/log.txt)
0 runs recorded in [TIME]
2 runs without a result
[exit status 1]

"#]],
    );
    assert!(site.files("experiments/toy/runs").is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn memory_of_a_process_that_has_left_its_parent_counts() {
    let site = Site::with_toy();
    site.replace(YAML, "seeds: 2", "seeds: 1\nlimits: {memory: 100MiB}");
    site.replace(YAML, "  fast: {rate: 0.5}\n", "");
    site.write(
        "experiments/toy/eater.py",
        "import time; ballast = b'x' * (200 << 20); time.sleep(20)\n",
    );
    let eats = "import subprocess; subprocess.run('setsid python3 eater.py & exit', shell=True); time.sleep(10); ";
    site.replace("experiments/toy/train.py", "say(\"start\"", &format!("{eats}say(\"start\""));
    check(
        &site,
        &["run", "--jobs", "1"],
        str![[r#"
$ labpress run --jobs 1
[stderr]
stale toy/slow seed 0: no result is recorded
start toy/slow seed 0
FAIL  toy/slow seed 0 used [SIZE] of memory, more than its limit of 100 MiB (`limits: {memory}`); its log is empty ([SITE]/.labpress/runs/toy/slow-s0-[DIGEST]/log.txt)
0 runs recorded in [TIME]
1 run without a result
[exit status 1]

"#]],
    );
    assert!(site.files("experiments/toy/runs").is_empty());
}

#[test]
fn a_run_that_writes_too_much_is_a_failure_with_that_reason() {
    let site = Site::with_toy();
    site.replace(YAML, "seeds: 2", "seeds: 1\nlimits: {disk: 1MiB}");
    site.replace(
        "experiments/toy/train.py",
        "say(\"start\"",
        "print('x' * (2 << 20), flush=True); say(\"start\"",
    );
    check(
        &site,
        &["run", "--jobs", "1"],
        str![[r#"
$ labpress run --jobs 1
[stderr]
stale toy/slow seed 0: no result is recorded
stale toy/fast seed 0: no result is recorded
start toy/slow seed 0
FAIL  toy/slow seed 0 wrote [SIZE] to its folder, including its log, more than its limit of 1 MiB (`limits: {disk}`); its log is empty ([SITE]/.labpress/runs/toy/slow-s0-[DIGEST]/log.txt)
start toy/fast seed 0
FAIL  toy/fast seed 0 wrote [SIZE] to its folder, including its log, more than its limit of 1 MiB (`limits: {disk}`); its log is empty ([SITE]/.labpress/runs/toy/fast-s0-[DIGEST]/log.txt)
0 runs recorded in [TIME]
2 runs without a result
[exit status 1]

"#]],
    );
    assert!(site.files("experiments/toy/runs").is_empty());
}

#[cfg(unix)]
#[test]
fn an_artifact_that_is_not_a_regular_file_of_the_run_fails_it_and_is_not_stored() {
    let site = Site::with_toy();
    site.replace(YAML, "seeds: 2", "seeds: 1");
    site.replace(YAML, "  fast: {rate: 0.5}\n", "");
    site.write("secret.json", "{}");
    let table = "(folder / \"table.json\").write_text(json.dumps(params))";
    let runner = site.read("experiments/toy/train.py");
    for (made, expected) in [
        (
            "os.mkfifo(folder / 'table.json')",
            str![[r#"
$ labpress run
[stderr]
stale toy/slow seed 0: no result is recorded
start toy/slow seed 0
FAIL  toy/slow seed 0 reported the artifact `table`, and `table.json` is not a regular file; its log is empty ([SITE]/.labpress/runs/toy/slow-s0-[DIGEST]/log.txt)
0 runs recorded in [TIME]
1 run without a result
[exit status 1]

"#]],
        ),
        (
            "(folder / 'table.json').mkdir()",
            str![[r#"
$ labpress run
[stderr]
stale toy/slow seed 0: no result is recorded
start toy/slow seed 0
FAIL  toy/slow seed 0 reported the artifact `table`, and `table.json` is not a regular file; its log is empty ([SITE]/.labpress/runs/toy/slow-s0-[DIGEST]/log.txt)
0 runs recorded in [TIME]
1 run without a result
[exit status 1]

"#]],
        ),
        (
            "(folder / 'table.json').symlink_to('/dev/zero')",
            str![[r#"
$ labpress run
[stderr]
stale toy/slow seed 0: no result is recorded
start toy/slow seed 0
FAIL  toy/slow seed 0 reported the artifact `table`, and `table.json` is a link to a file outside the run's folder: copy the file instead; its log is empty ([SITE]/.labpress/runs/toy/slow-s0-[DIGEST]/log.txt)
0 runs recorded in [TIME]
1 run without a result
[exit status 1]

"#]],
        ),
        (
            "(folder / 'table.json').symlink_to(os.path.abspath('../../secret.json'))",
            str![[r#"
$ labpress run
[stderr]
stale toy/slow seed 0: no result is recorded
start toy/slow seed 0
FAIL  toy/slow seed 0 reported the artifact `table`, and `table.json` is a link to a file outside the run's folder: copy the file instead; its log is empty ([SITE]/.labpress/runs/toy/slow-s0-[DIGEST]/log.txt)
0 runs recorded in [TIME]
1 run without a result
[exit status 1]

"#]],
        ),
        (
            "None",
            str![[r#"
$ labpress run
[stderr]
stale toy/slow seed 0: no result is recorded
start toy/slow seed 0
FAIL  toy/slow seed 0 reported the artifact `table`, and cannot read `[SITE]/.labpress/runs/toy/slow-s0-[DIGEST]/table.json`: No such file or directory (os error 2); its log is empty ([SITE]/.labpress/runs/toy/slow-s0-[DIGEST]/log.txt)
0 runs recorded in [TIME]
1 run without a result
[exit status 1]

"#]],
        ),
    ] {
        site.write("experiments/toy/train.py", &runner.replace(table, made));
        check(&site, &["run"], expected);
        assert!(
            site.files("experiments/toy/runs").is_empty()
                && site.files(".labpress/objects").is_empty()
        );
    }
    // A link within the folder is as good as its target.
    let linked = "(folder / 'x.json').write_text(json.dumps(params)); (folder / 'table.json').symlink_to('x.json')";
    site.write("experiments/toy/train.py", &runner.replace(table, linked));
    assert_success(&site.labpress(&["run"]));
}

#[test]
fn what_is_needed_is_given_as_it_is_written_whatever_ended_first() {
    let site = Site::with_toy();
    // `slow` comes first as it is written, and ends last; its seeds go backwards.
    site.replace(YAML, "seeds: 2", "seeds: [1, 0]");
    site.replace(YAML, "slow: {}", "slow: {seconds: 0.2}");
    with_needing(&site);
    let order = "(pathlib.Path('../../.order')).write_text(' '.join(f\"{n['variant']}-{n['seed']}\" for n in job['needs']))";
    site.replace("experiments/above/train.py", "needed = [", &format!("{order}\nneeded = ["));
    assert_success(&site.labpress(&["run", "toy", "--variant", "fast"]));
    assert_success(&site.labpress(&["run"]));
    assert_eq!(site.read(".order"), "slow-1 slow-0 fast-1 fast-0");
}

#[test]
fn a_need_made_again_with_other_numbers_makes_its_dependents_stale() {
    let site = Site::with_toy();
    with_needing(&site);
    site.replace(
        "experiments/toy/train.py",
        "say(\"done\")",
        "say(\"metric\", name=\"drawn\", value=float(open('../../.drawn').read())); say(\"done\")",
    );
    site.write(".drawn", "1");
    assert_success(&site.labpress(&["run"]));
    assert_success(&site.labpress(&["run", "--force", "toy"]));
    check(
        &site,
        &["run"],
        str![[r#"
$ labpress run
[stderr]
all runs are fresh
[exit status 0]

"#]],
    );
    site.write(".drawn", "2");
    assert_success(&site.labpress(&["run", "--force", "toy"]));
    check(
        &site,
        &["status"],
        str![[r#"
$ labpress status
EXPERIMENT  VARIANT  SEEDS  STATE  AGE  TIME
above  default  0  stale (the results of `toy` changed from [DIGEST] to [DIGEST])  -  -
toy  slow  0 1  fresh  [TIME]  [TIME] per run
toy  fast  0 1  fresh  [TIME]  [TIME] per run
[exit status 0]

"#]],
    );
    check(
        &site,
        &["why", "above"],
        str![[r#"
$ labpress why above
above/default seed 0 is stale, since experiments/above/runs/default-s0-[DIGEST].json:
    the results of `toy` changed from [DIGEST] to [DIGEST]
[exit status 0]

"#]],
    );
    check(
        &site,
        &["run", "--jobs", "1"],
        str![[r#"
$ labpress run --jobs 1
[stderr]
stale above/default seed 0: the results of `toy` changed from [DIGEST] to [DIGEST]
start above/default seed 0
done  above/default seed 0 accuracy 0.5000  [TIME]
1 run recorded in [TIME]
[exit status 0]

"#]],
    );
    check(
        &site,
        &["run"],
        str![[r#"
$ labpress run
[stderr]
all runs are fresh
[exit status 0]

"#]],
    );
}

#[cfg(unix)]
#[test]
fn asked_to_stop_labpress_asks_its_runs_and_they_go_on_later() {
    let site = Site::with_toy();
    site.replace(YAML, "rate: 0.1", "rate: 0.1, seconds: 0.3");
    site.replace(
        "experiments/toy/train.py",
        "params, checkpoint",
        "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(75))\nparams, checkpoint",
    );
    let labpress = site.command(&["run", "--jobs", "2"]).stderr(Stdio::piped()).spawn().unwrap();
    while !has_checkpoint(&site) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let process = rustix::process::Pid::from_child(&labpress);
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    let output = labpress.wait_with_output().unwrap();
    let said = stderr(&output);
    // Which of the runs is stopped first, and after which epoch, depends on time.
    assert_eq!(said.matches("stop  toy/").count(), 2, "{said}");
    assert_eq!(said.matches("labpress was asked to stop").count(), 2, "{said}");
    assert_success(&site.labpress(&["run"]));
}

#[test]
fn times_of_files_decide_nothing() {
    let site = Site::with_toy();
    assert_success(&site.labpress(&["run"]));
    for (path, bytes) in site.files("experiments") {
        // Written again as a checkout does: the same content, another time.
        std::fs::write(site.path().join("experiments").join(path), bytes).unwrap();
    }
    check(
        &site,
        &["run"],
        str![[r#"
$ labpress run
[stderr]
all runs are fresh
[exit status 0]

"#]],
    );
}

#[test]
fn one_more_seed_is_one_more_run() {
    let site = Site::with_toy();
    assert_success(&site.labpress(&["run"]));
    site.replace(YAML, "seeds: 2", "seeds: 3");
    check(
        &site,
        &["run", "--jobs", "1"],
        str![[r#"
$ labpress run --jobs 1
[stderr]
stale toy/slow seed 2: no result is recorded
stale toy/fast seed 2: no result is recorded
start toy/slow seed 2
done  toy/slow seed 2 accuracy 69.7 %  [TIME]
start toy/fast seed 2
done  toy/fast seed 2 accuracy 77.8 %  [TIME]
2 runs recorded in [TIME]
[exit status 0]

"#]],
    );
}

#[test]
fn a_declared_environment_variable_counts_and_no_other() {
    let site = Site::with_toy();
    site.replace(YAML, "inputs: [train.py]", "inputs: [train.py], env: [PRECISION]");
    let run = || site.command(&["run", "--jobs", "1"]);
    check_command(
        &site,
        run().env("PRECISION", "full"),
        str![[r#"
$ labpress run --jobs 1
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
[exit status 0]

"#]],
    );
    check_command(
        &site,
        run().env("PRECISION", "full").env("OTHER", "1"),
        str![[r#"
$ labpress run --jobs 1
[stderr]
all runs are fresh
[exit status 0]

"#]],
    );
    check_command(
        &site,
        run().env("PRECISION", "half"),
        str![[r#"
$ labpress run --jobs 1
[stderr]
stale toy/slow seeds 0 1: env.PRECISION changed from full to half
stale toy/fast seeds 0 1: env.PRECISION changed from full to half
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

#[test]
fn a_record_contains_neither_the_user_nor_the_folder() {
    let site = Site::with_toy();
    assert_success(
        &site
            .command(&["run"])
            .env("USER", "ada-lovelace")
            .env("HOSTNAME", "analytical-engine")
            .output()
            .unwrap(),
    );
    for bytes in site.files("experiments/toy/runs").into_values() {
        let record = String::from_utf8(bytes).unwrap();
        for private in ["ada-lovelace", "analytical-engine", site.path().to_str().unwrap()] {
            assert!(!record.contains(private), "{private} is in {record}");
        }
    }
}

#[test]
fn seeds_that_change_nothing_are_warned_of() {
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
    site.write("experiments/toy/train.py", &TOY_RUNNER.replace(r#"job["seed"]"#, "1"));
    check(
        &site,
        &["build", "--jobs", "1"],
        str![[r#"
$ labpress build --jobs 1
[stderr]
stale toy/slow seeds 0 1: inputs.train.py changed from [DIGEST] to [DIGEST]
stale toy/fast seeds 0 1: inputs.train.py changed from [DIGEST] to [DIGEST]
start toy/slow seed 0
done  toy/slow seed 0 accuracy 56.5 %  [TIME]
start toy/slow seed 1
done  toy/slow seed 1 accuracy 56.5 %  [TIME]
start toy/fast seed 0
done  toy/fast seed 0 accuracy 71.4 %  [TIME]
start toy/fast seed 1
done  toy/fast seed 1 accuracy 71.4 %  [TIME]
4 runs recorded in [TIME]
warning: all seeds of `slow`, `fast` gave exactly the same numbers
 --> experiments/toy/experiment.yml
hint: derive all randomness from the `seed` in `run.json`; if the experiment has no randomness, write `seeds: 1`

8 files written, 2 unchanged, 5 removed in public ([TIME])
[exit status 0]

"#]],
    );
    check(
        &site,
        &["build", "--locked"],
        str![[r#"
$ labpress build --locked
[stderr]
warning: all seeds of `slow`, `fast` gave exactly the same numbers
 --> experiments/toy/experiment.yml
hint: derive all randomness from the `seed` in `run.json`; if the experiment has no randomness, write `seeds: 1`

0 files written, 10 unchanged, 0 removed in public ([TIME])
[exit status 0]

"#]],
    );
    site.replace(YAML, "seeds: 2", "seeds: 1");
    check(
        &site,
        &["build", "--jobs", "1"],
        str![[r#"
$ labpress build --jobs 1
[stderr]
8 files written, 2 unchanged, 5 removed in public ([TIME])
[exit status 0]

"#]],
    );
}

/// A program in place of `lab` whose build is `build`, and which cannot train.
#[cfg(unix)]
fn lab_of_build(site: &Site, build: &str) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;
    site.write(
        ".labpress/lab",
        &format!("#!/bin/sh\n[ \"$1\" = info ] && echo '{{\"build\": \"{build}\"}}'\n"),
    );
    let lab = site.path().join(".labpress/lab");
    std::fs::set_permissions(&lab, std::fs::Permissions::from_mode(0o755)).unwrap();
    lab
}

#[cfg(unix)]
#[test]
fn a_runner_of_another_build_is_warned_of_before_it_trains() {
    let site = Site::empty();
    site.write(
        "experiments/net/experiment.yml",
        "title: Net\nrecipe: image-classification\ndata: digits\nvariants: {small: {}}\n",
    );
    let outputs = |build: &str| {
        let lab = lab_of_build(&site, build);
        ["run", "doctor"].map(|command| {
            let mut command = site.command(&[command]);
            command.env("LABPRESS_LAB", &lab).env("LABPRESS_DATA", site.path().join("data"));
            let output = command.output().unwrap();
            stderr(&output) + &answer(&output)
        })
    };
    // `doctor` says much of this machine.
    let warning = "`labpress` and its runner are of different builds: labpress ";
    for output in outputs("0.0.0+old") {
        assert!(output.contains(warning), "{output}");
        assert!(output.contains(BUILD) && output.contains("lab` 0.0.0+old"), "{output}");
        assert!(output.contains("`make lab` builds"), "{output}");
    }
    for output in outputs(BUILD) {
        assert!(!output.contains(warning), "{output}");
    }
}
