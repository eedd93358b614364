//! `labpress verify` as its user sees it: what it compares, what it leaves, and where the verdicts
//! show.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test may remove files and panic"
)]

mod support;

use support::{Site, answer, assert_success, stderr};

const YAML: &str = "experiments/toy/experiment.yml";
const RUNNER: &str = "experiments/toy/train.py";
const VERIFICATIONS: &str = "experiments/toy/verifications";

/// A site whose runner depends on something it does not declare: the file `noise`. Its runs are
/// recorded with noise 0.
fn site() -> Site {
    let site = Site::with_toy();
    let noise = "noise = float(pathlib.Path('noise').read_text())\nparams, checkpoint";
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

#[track_caller]
fn check(site: &Site, arguments: &[&str], is_success: bool, expected: &[&str]) {
    let output = site.labpress(arguments);
    let said = answer(&output) + &stderr(&output);
    assert_eq!(output.status.success(), is_success, "{said}");
    for part in expected {
        assert!(said.contains(part), "{part:?} is not in:\n{said}");
    }
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
    check(&site, &["verify"], true, &["toy/fast seed 1  bit-identical  -", "4 runs re-run in"]);
    assert_eq!(site.files("experiments/toy/runs"), records, "the records are not touched");
    assert!(site.files(".labpress/verify").is_empty() && site.files(".labpress/runs").is_empty());
    assert_eq!(site.files(VERIFICATIONS).len(), 4);
    let (day, verification) = first_verification(&site);
    assert_eq!(verification["outcome"]["verdict"], "bit-identical");
    assert_eq!(verification["environment"]["device"], "none");
    let metrics = &verification["outcome"]["metrics"];
    assert_eq!(metrics["accuracy"]["recorded"], metrics["accuracy"]["rerun"]);
    assert!(metrics.get("seconds").is_none(), "times are not compared");
    check(&site, &["status"], true, &[&format!("fresh, verified {day} (bit-identical)")]);
    check(&site, &["build", "--locked"], true, &[]);
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
        check(&site, &["verify", "toy", "--sample", "1"], true, &["1 run re-run"]);
    }
    assert_eq!(site.files(VERIFICATIONS).len(), 3);
}

#[test]
fn numbers_within_a_stated_tolerance_are_confirmed() {
    let site = with_noise("0.004");
    site.replace(YAML, "{accuracy: {goal: max,", "{accuracy: {tolerance: 0.005, goal: max,");
    check(&site, &["verify"], true, &["toy/slow seed 0  within tolerance  accuracy was 0.23"]);
    check(&site, &["status"], true, &["fresh, verified", "(within tolerance)"]);
}

#[test]
fn numbers_beyond_the_tolerance_are_different_kept_and_shown() {
    let site = with_noise("0.006");
    site.replace(YAML, "{accuracy: {goal: max,", "{accuracy: {tolerance: 0.005, goal: max,");
    let expected = ["toy/slow seed 0  different", "tolerance 5.00e-3", "4 runs did not reproduce"];
    check(&site, &["verify"], false, &expected);
    let (day, verification) = first_verification(&site);
    assert_eq!(verification["outcome"]["metrics"]["accuracy"]["agreement"], "different");
    assert_eq!(verification["outcome"]["series"]["valid.accuracy"]["agreement"], "bit-identical");
    check(&site, &["status"], true, &[&format!("fresh, different when rerun {day}")]);
    check(&site, &["build", "--locked"], true, &[]);
    let page = site.read("public/2026/01/02/toy.html");
    assert!(page.contains(&format!("Different when rerun {day}.")), "{page}");
    site.write("experiments/toy/noise", "0");
    check(&site, &["verify", "--sample", "1"], true, &[]);
    check(
        &site,
        &["status"],
        true,
        &["1 of 2 runs verified", &format!("different when rerun {day}")],
    );
}

#[test]
fn an_invalid_tolerance_is_rejected() {
    let site = Site::with_toy();
    site.replace(YAML, "{accuracy: {goal: max,", "{accuracy: {tolerance: -1, goal: max,");
    check(&site, &["status"], false, &["`tolerance` must be a number from 0", "experiment.yml:8:"]);
}

#[test]
fn a_rerun_that_fails_is_a_verdict() {
    let site = with_noise("fire");
    check(
        &site,
        &["verify", "--sample", "1"],
        false,
        &["failed", "exited with status 1", "1 run did not come out"],
    );
    let (day, verification) = first_verification(&site);
    assert_eq!(verification["outcome"]["verdict"], "failed");
    assert_eq!(verification["outcome"]["reason"], "exited with status 1");
    check(&site, &["status"], true, &[&format!("fresh, 1 of 2 runs failed when rerun {day}")]);
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
        &["verify"],
        false,
        &["4 runs not verified: no fresh result is recorded", "there is nothing to verify"],
    );
}

#[test]
fn a_verification_altered_by_hand_is_found() {
    let site = with_noise("1");
    check(&site, &["verify", "--sample", "1"], false, &[]);
    let path = site.files(VERIFICATIONS).into_keys().next().unwrap();
    let path = format!("{VERIFICATIONS}/{}", path.display());
    site.replace(&path, "\"different\"", "\"bit-identical\"");
    let error =
        format!("the verification was altered: its content does not match its digest\n --> {path}");
    check(&site, &["build", "--locked"], false, &[&error]);
    check(&site, &["status"], false, &[&error]);
    check(&site, &["run"], true, &[&error, "all runs are fresh"]);
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
    check(&site, &["run"], true, &[]);
    check(&site, &["verify"], true, &["above/default seed 0  bit-identical", "5 runs re-run"]);
    std::fs::remove_dir_all(site.path().join(".labpress/objects")).unwrap();
    check(
        &site,
        &["verify"],
        true,
        &["1 run not verified: artifacts that `above` needs are not on", "4 runs re-run"],
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
    check(&site, &["run"], true, &["all runs are fresh"]);
    let expected = ["fresh, drifted", "os changed from plan9 to ", "    toy/slow toy/fast"];
    check(&site, &["status"], true, &expected);
    std::fs::remove_file(site.path().join("experiments/toy/runs").join(slow_record(&site)))
        .unwrap();
    assert_success(&site.command(&["run"]).env("OS_NAME", std::env::consts::OS).output().unwrap());
    check(&site, &["build", "--locked"], true, &[]);
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
