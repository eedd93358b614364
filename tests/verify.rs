//! `labpress verify` as its user sees it: what it compares, what it leaves, and where the verdicts
//! show.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test may remove files and panic"
)]

mod support;

use snapbox::str;
use support::{Site, answer, assert_success, check, check_text, said};

const YAML: &str = "experiments/toy/experiment.yml";
const RUNNER: &str = "experiments/toy/train.py";
const VERIFICATIONS: &str = "experiments/toy/verifications";

/// A site whose runner depends on something it does not declare: the file `noise`. Its runs are
/// recorded with noise 0.
fn site() -> Site {
    let site = Site::with_toy();
    let noise = "noise = pathlib.Path('noise').read_text()\n\
        if noise == 'fire': raise SystemExit('the noise is fire')\n\
        noise = float(noise)\nparams, checkpoint";
    site.replace(RUNNER, "params, checkpoint", noise);
    site.replace(RUNNER, "name=\"accuracy\", value=1", "name=\"accuracy\", value=noise + 1");
    site.write("experiments/toy/noise", "0");
    assert_success(&site.labpress(&["run"]));
    site
}

fn with_noise(noise: &str) -> Site {
    let site = site();
    site.write("experiments/toy/noise", noise);
    site
}

/// The day on which the only or first verification was made, and its content.
fn first_verification(site: &Site) -> (String, serde_json::Value) {
    let (path, content) = site.files(VERIFICATIONS).into_iter().next().unwrap();
    let path = path.to_string_lossy().into_owned();
    let date = path.strip_suffix("Z.json").unwrap().rsplit('-').next().unwrap();
    let day = format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..8]);
    (day, serde_json::from_slice(&content).unwrap())
}

#[test]
fn reproduced_runs_are_shown_as_bit_identical() {
    let site = site();
    let records = site.files("experiments/toy/runs");
    check(
        &site,
        &["verify", "--jobs", "1"],
        str![[r#"
$ labpress verify --jobs 1
RUN  VERDICT  DIFFERENCE
toy/slow seed 0  bit-identical  -
toy/slow seed 1  bit-identical  -
toy/fast seed 0  bit-identical  -
toy/fast seed 1  bit-identical  -
[stderr]
verifying 4 runs: each is re-run from the beginning
start toy/slow seed 0
done  toy/slow seed 0 accuracy 23.1 %  [TIME]
start toy/slow seed 1
done  toy/slow seed 1 accuracy 56.5 %  [TIME]
start toy/fast seed 0
done  toy/fast seed 0 accuracy 60.0 %  [TIME]
start toy/fast seed 1
done  toy/fast seed 1 accuracy 71.4 %  [TIME]
4 runs re-run in [TIME]: commit experiments/NAME/verifications/
[exit status 0]

"#]],
    );
    assert_eq!(site.files("experiments/toy/runs"), records, "the records are not touched");
    assert!(site.files(".labpress/verify").is_empty() && site.files(".labpress/runs").is_empty());
    assert_eq!(site.files(VERIFICATIONS).len(), 4);
    let (day, verification) = first_verification(&site);
    assert_eq!(verification["outcome"]["verdict"], "bit-identical");
    assert_eq!(verification["environment"]["device"], "none");
    let metrics = &verification["outcome"]["metrics"];
    assert_eq!(metrics["accuracy"]["recorded"], metrics["accuracy"]["rerun"]);
    assert!(metrics.get("seconds").is_none(), "times are not compared");
    check(
        &site,
        &["status"],
        str![[r#"
$ labpress status
EXPERIMENT  VARIANT  SEEDS  STATE  AGE  TIME
toy  slow  0 1  fresh, verified [DATE] (bit-identical)  [TIME]  [TIME] per run
toy  fast  0 1  fresh, verified [DATE] (bit-identical)  [TIME]  [TIME] per run
[exit status 0]

"#]],
    );
    check(
        &site,
        &["build", "--locked"],
        str![[r#"
$ labpress build --locked
[stderr]
10 files written, 0 unchanged, 0 removed in public ([TIME])
[exit status 0]

"#]],
    );
    let page = site.read("public/2026/01/02/toy.html");
    assert_eq!(
        page.matches(&format!("Verified {day} (bit-identical). Made with device none.")).count(),
        2,
        "{page}"
    );
}

#[test]
fn verifications_gather_and_none_takes_the_place_of_another() {
    let site = site();
    for _ in 0..3 {
        check(
            &site,
            &["verify", "toy", "--sample", "1", "--seed", "1", "--jobs", "1"],
            str![[r#"
$ labpress verify toy --sample 1 --seed 1 --jobs 1
RUN  VERDICT  DIFFERENCE
toy/fast seed 1  bit-identical  -
[stderr]
verifying 1 run: each is re-run from the beginning
start toy/fast seed 1
done  toy/fast seed 1 accuracy 71.4 %  [TIME]
1 run re-run in [TIME]: commit experiments/NAME/verifications/
[exit status 0]

"#]],
        );
    }
    assert_eq!(site.files(VERIFICATIONS).len(), 3);
}

#[test]
fn numbers_within_a_stated_tolerance_are_confirmed() {
    let site = with_noise("0.004");
    site.replace(YAML, "{accuracy: {goal: max,", "{accuracy: {tolerance: 0.005, goal: max,");
    check(
        &site,
        &["verify", "--jobs", "1"],
        str![[r#"
$ labpress verify --jobs 1
RUN  VERDICT  DIFFERENCE
toy/slow seed 0  within tolerance  accuracy was 0.23076923076923084, is 0.23476923076923084, tolerance 5.00e-3
toy/slow seed 1  within tolerance  accuracy was 0.5652173913043478, is 0.5692173913043478, tolerance 5.00e-3
toy/fast seed 0  within tolerance  accuracy was 0.6, is 0.604, tolerance 5.00e-3
toy/fast seed 1  within tolerance  accuracy was 0.7142857142857143, is 0.7182857142857143, tolerance 5.00e-3
[stderr]
verifying 4 runs: each is re-run from the beginning
start toy/slow seed 0
done  toy/slow seed 0 accuracy 23.5 %  [TIME]
start toy/slow seed 1
done  toy/slow seed 1 accuracy 56.9 %  [TIME]
start toy/fast seed 0
done  toy/fast seed 0 accuracy 60.4 %  [TIME]
start toy/fast seed 1
done  toy/fast seed 1 accuracy 71.8 %  [TIME]
4 runs re-run in [TIME]: commit experiments/NAME/verifications/
[exit status 0]

"#]],
    );
    check(
        &site,
        &["status"],
        str![[r#"
$ labpress status
EXPERIMENT  VARIANT  SEEDS  STATE  AGE  TIME
toy  slow  0 1  fresh, verified [DATE] (within tolerance)  [TIME]  [TIME] per run
toy  fast  0 1  fresh, verified [DATE] (within tolerance)  [TIME]  [TIME] per run
[exit status 0]

"#]],
    );
}

#[test]
fn numbers_beyond_the_tolerance_are_different_kept_and_shown() {
    let site = with_noise("0.006");
    site.replace(YAML, "{accuracy: {goal: max,", "{accuracy: {tolerance: 0.005, goal: max,");
    check(
        &site,
        &["verify", "--jobs", "1"],
        str![[r#"
$ labpress verify --jobs 1
RUN  VERDICT  DIFFERENCE
toy/slow seed 0  different  accuracy was 0.23076923076923084, is 0.23676923076923084, tolerance 5.00e-3
toy/slow seed 1  different  accuracy was 0.5652173913043478, is 0.5712173913043478, tolerance 5.00e-3
toy/fast seed 0  different  accuracy was 0.6, is 0.606, tolerance 5.00e-3
toy/fast seed 1  different  accuracy was 0.7142857142857143, is 0.7202857142857143, tolerance 5.00e-3
[stderr]
verifying 4 runs: each is re-run from the beginning
start toy/slow seed 0
done  toy/slow seed 0 accuracy 23.7 %  [TIME]
start toy/slow seed 1
done  toy/slow seed 1 accuracy 57.1 %  [TIME]
start toy/fast seed 0
done  toy/fast seed 0 accuracy 60.6 %  [TIME]
start toy/fast seed 1
done  toy/fast seed 1 accuracy 72.0 %  [TIME]
4 runs re-run in [TIME]: commit experiments/NAME/verifications/
4 runs did not reproduce
[exit status 1]

"#]],
    );
    let (day, verification) = first_verification(&site);
    assert_eq!(verification["outcome"]["metrics"]["accuracy"]["agreement"], "different");
    assert_eq!(verification["outcome"]["series"]["valid.accuracy"]["agreement"], "bit-identical");
    check(
        &site,
        &["status"],
        str![[r#"
$ labpress status
EXPERIMENT  VARIANT  SEEDS  STATE  AGE  TIME
toy  slow  0 1  fresh, different when rerun [DATE]  [TIME]  [TIME] per run
toy  fast  0 1  fresh, different when rerun [DATE]  [TIME]  [TIME] per run
[exit status 0]

"#]],
    );
    check(
        &site,
        &["build", "--locked"],
        str![[r#"
$ labpress build --locked
[stderr]
10 files written, 0 unchanged, 0 removed in public ([TIME])
[exit status 0]

"#]],
    );
    let page = site.read("public/2026/01/02/toy.html");
    assert!(page.contains(&format!("Different when rerun {day}.")), "{page}");
    site.write("experiments/toy/noise", "0");
    check(
        &site,
        &["verify", "--sample", "1", "--seed", "1", "--jobs", "1"],
        str![[r#"
$ labpress verify --sample 1 --seed 1 --jobs 1
RUN  VERDICT  DIFFERENCE
toy/fast seed 1  bit-identical  -
[stderr]
verifying 1 run: each is re-run from the beginning
start toy/fast seed 1
done  toy/fast seed 1 accuracy 71.4 %  [TIME]
1 run re-run in [TIME]: commit experiments/NAME/verifications/
[exit status 0]

"#]],
    );
    check(
        &site,
        &["status"],
        str![[r#"
$ labpress status
EXPERIMENT  VARIANT  SEEDS  STATE  AGE  TIME
toy  slow  0 1  fresh, different when rerun [DATE]  [TIME]  [TIME] per run
toy  fast  0 1  fresh, 1 of 2 runs verified [DATE] (bit-identical), different when rerun [DATE]  [TIME]  [TIME] per run
[exit status 0]

"#]],
    );
}

#[test]
fn an_invalid_tolerance_is_rejected() {
    let site = Site::with_toy();
    site.replace(YAML, "{accuracy: {goal: max,", "{accuracy: {tolerance: -1, goal: max,");
    check(
        &site,
        &["status"],
        str![[r#"
$ labpress status
[stderr]
error: `tolerance` must be a number from 0
 --> experiments/toy/experiment.yml:8:22

`labpress status` failed because of 1 error
[exit status 1]

"#]],
    );
}

#[test]
fn a_rerun_that_fails_is_a_verdict() {
    let site = with_noise("fire");
    check(
        &site,
        &["verify", "--sample", "1", "--seed", "1", "--jobs", "1"],
        str![[r#"
$ labpress verify --sample 1 --seed 1 --jobs 1
RUN  VERDICT  DIFFERENCE
toy/fast seed 1  failed  exited with status 1
[stderr]
verifying 1 run: each is re-run from the beginning
start toy/fast seed 1
FAIL  toy/fast seed 1 exited with status 1; the last 1 line of its log ([SITE]/.labpress/verify/.labpress/runs/toy/fast-s1-[DIGEST]/log.txt):
      | the noise is fire
1 run re-run in [TIME]: commit experiments/NAME/verifications/
1 run did not reproduce
[exit status 1]

"#]],
    );
    let (_, verification) = first_verification(&site);
    assert_eq!(verification["outcome"]["verdict"], "failed");
    assert_eq!(verification["outcome"]["reason"], "exited with status 1");
    check(
        &site,
        &["status"],
        str![[r#"
$ labpress status
EXPERIMENT  VARIANT  SEEDS  STATE  AGE  TIME
toy  slow  0 1  fresh  [TIME]  [TIME] per run
toy  fast  0 1  fresh, 1 of 2 runs failed when rerun [DATE]  [TIME]  [TIME] per run
[exit status 0]

"#]],
    );
}

#[test]
fn a_sample_is_drawn_by_its_seed() {
    let site = site();
    let drawn = |seed: &str| {
        let output = site.labpress(&["verify", "--sample", "2", "--seed", seed]);
        assert_success(&output);
        answer(&output)
    };
    assert_eq!(drawn("1"), drawn("1"));
    assert_eq!(drawn("1").lines().count(), 3, "a heading and two runs");
    assert!((2..10).any(|seed| drawn(&seed.to_string()) != drawn("1")));
}

#[test]
fn stale_runs_are_not_verified() {
    let site = Site::with_toy();
    check(
        &site,
        &["verify", "--jobs", "1"],
        str![[r#"
$ labpress verify --jobs 1
[stderr]
4 runs not verified: no fresh result is recorded
error: there is nothing to verify
hint: `labpress status` shows the state of all runs
[exit status 1]

"#]],
    );
}

#[test]
fn a_verification_altered_by_hand_is_found() {
    let site = with_noise("1");
    check(
        &site,
        &["verify", "--sample", "1", "--seed", "1", "--jobs", "1"],
        str![[r#"
$ labpress verify --sample 1 --seed 1 --jobs 1
RUN  VERDICT  DIFFERENCE
toy/fast seed 1  different  accuracy was 0.7142857142857143, is 1.7142857142857144, tolerance 2.42e-1
[stderr]
verifying 1 run: each is re-run from the beginning
start toy/fast seed 1
done  toy/fast seed 1 accuracy 171.4 %  [TIME]
1 run re-run in [TIME]: commit experiments/NAME/verifications/
1 run did not reproduce
[exit status 1]

"#]],
    );
    let path = site.files(VERIFICATIONS).into_keys().next().unwrap();
    let path = format!("{VERIFICATIONS}/{}", path.display());
    site.replace(&path, "\"different\"", "\"bit-identical\"");
    check(
        &site,
        &["build", "--locked"],
        str![[r#"
$ labpress build --locked
[stderr]
error: the verification was altered: its content does not match its digest
 --> experiments/toy/verifications/fast-s1-[DIGEST]-[MOMENT].json
hint: restore it from git, or delete it and run `labpress verify` again

nothing was written because of 1 error
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
toy  fast  0 1  fresh  [TIME]  [TIME] per run
[stderr]
error: the verification was altered: its content does not match its digest
 --> experiments/toy/verifications/fast-s1-[DIGEST]-[MOMENT].json
hint: restore it from git, or delete it and run `labpress verify` again

`labpress status` failed because of 1 error
[exit status 1]

"#]],
    );
    check(
        &site,
        &["run"],
        str![[r#"
$ labpress run
[stderr]
error: the verification was altered: its content does not match its digest
 --> experiments/toy/verifications/fast-s1-[DIGEST]-[MOMENT].json
hint: restore it from git, or delete it and run `labpress verify` again

all runs are fresh
[exit status 0]

"#]],
    );
}

#[test]
fn what_is_needed_is_taken_from_its_records() {
    let site = site();
    site.write(
        "experiments/above/experiment.yml",
        "title: Above\nrunner: {command: [python3, train.py], inputs: [train.py]}\nneeds: [toy]\nparams: {epochs: 1, rate: 1}\n",
    );
    let needed =
        "print(len(job['needs']), job['needs'][0]['artifacts']['table'])\nparams, checkpoint";
    site.write(
        "experiments/above/train.py",
        &support::TOY_RUNNER.replace("params, checkpoint", needed),
    );
    check(
        &site,
        &["run", "--jobs", "1"],
        str![[r#"
$ labpress run --jobs 1
[stderr]
stale above/default seed 0: no result is recorded
start above/default seed 0
done  above/default seed 0 accuracy 0.5000  [TIME]
1 run recorded in [TIME]
[exit status 0]

"#]],
    );
    check(
        &site,
        &["verify", "--jobs", "1"],
        str![[r#"
$ labpress verify --jobs 1
RUN  VERDICT  DIFFERENCE
above/default seed 0  bit-identical  -
toy/slow seed 0  bit-identical  -
toy/slow seed 1  bit-identical  -
toy/fast seed 0  bit-identical  -
toy/fast seed 1  bit-identical  -
[stderr]
verifying 5 runs: each is re-run from the beginning
start above/default seed 0
done  above/default seed 0 accuracy 0.5000  [TIME]
start toy/slow seed 0
done  toy/slow seed 0 accuracy 23.1 %  [TIME]
start toy/slow seed 1
done  toy/slow seed 1 accuracy 56.5 %  [TIME]
start toy/fast seed 0
done  toy/fast seed 0 accuracy 60.0 %  [TIME]
start toy/fast seed 1
done  toy/fast seed 1 accuracy 71.4 %  [TIME]
5 runs re-run in [TIME]: commit experiments/NAME/verifications/
[exit status 0]

"#]],
    );
    std::fs::remove_dir_all(site.path().join(".labpress/objects")).unwrap();
    check(
        &site,
        &["verify", "--jobs", "1"],
        str![[r#"
$ labpress verify --jobs 1
RUN  VERDICT  DIFFERENCE
toy/slow seed 0  bit-identical  -
toy/slow seed 1  bit-identical  -
toy/fast seed 0  bit-identical  -
toy/fast seed 1  bit-identical  -
[stderr]
1 run not verified: artifacts that `above` needs are not on this machine
verifying 4 runs: each is re-run from the beginning
start toy/slow seed 0
done  toy/slow seed 0 accuracy 23.1 %  [TIME]
start toy/slow seed 1
done  toy/slow seed 1 accuracy 56.5 %  [TIME]
start toy/fast seed 0
done  toy/fast seed 0 accuracy 60.0 %  [TIME]
start toy/fast seed 1
done  toy/fast seed 1 accuracy 71.4 %  [TIME]
4 runs re-run in [TIME]: commit experiments/NAME/verifications/
[exit status 0]

"#]],
    );
}

#[test]
fn a_record_made_elsewhere_has_drifted_and_stays() {
    let site = Site::with_toy();
    site.replace(
        RUNNER,
        "{\"device\": \"none\"}",
        "{\"device\": \"none\", \"os\": os.environ.get(\"OS_NAME\", \"plan9\")}",
    );
    assert_success(&site.labpress(&["run"]));
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
    // The name of this system is not the same everywhere.
    let status = said(&site, &["status"]).replace(std::env::consts::OS, "[OS]");
    check_text(
        status,
        str![[r#"
$ labpress status
EXPERIMENT  VARIANT  SEEDS  STATE  AGE  TIME
toy  slow  0 1  fresh, drifted  [TIME]  [TIME] per run
toy  fast  0 1  fresh, drifted  [TIME]  [TIME] per run

drifted: recorded in another environment: os changed from plan9 to [OS]
    toy/slow toy/fast
[exit status 0]

"#]],
    );
    std::fs::remove_file(site.path().join("experiments/toy/runs").join(slow_record(&site)))
        .unwrap();
    assert_success(&site.command(&["run"]).env("OS_NAME", std::env::consts::OS).output().unwrap());
    check(
        &site,
        &["build", "--locked"],
        str![[r#"
$ labpress build --locked
[stderr]
10 files written, 0 unchanged, 0 removed in public ([TIME])
[exit status 0]

"#]],
    );
    let page = site.read("public/2026/01/02/toy.html");
    let note = format!(
        "Runs were made on 2 kinds of machine, which differ in os ({}, plan9).",
        std::env::consts::OS
    );
    assert_eq!(page.matches(&note).count(), 2, "{page}");
}

fn slow_record(site: &Site) -> std::path::PathBuf {
    site.files("experiments/toy/runs")
        .into_keys()
        .find(|path| path.to_string_lossy().starts_with("slow-s0"))
        .unwrap()
}
