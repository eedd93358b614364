//! Real training that is killed ends in the same record as training that is not: numbers, series
//! and artifacts.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../../tests/support/mod.rs"]
mod support;

use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use support::killing::{events, kill, runners};
use support::{Site, assert_success, records};

/// Has everything that a checkpoint must hold: BatchNorm's buffers, Adam's moments, a schedule,
/// augmentation, the numbers so far. Long enough to be killed in its midst again and again.
const YAML: &str = "title: Digits
recipe: image-classification
data: digits
device: cpu
seeds: [3]
params:
  epochs: 12
  batch-size: 32
  train-images: 800
  model: {kind: convnet, widths: [16, 32], batch-norm: true}
  optimizer: {kind: adam}
  schedule: {kind: one-cycle, max-lr: 0.01}
  augment: {crop-padding: 1}
";

fn site() -> Site {
    let site = Site::empty();
    site.write("experiments/net/experiment.yml", YAML);
    site
}

fn training(site: &Site) -> Child {
    let mut command = site.command(&["run"]);
    command
        .env("LABPRESS_LAB", env!("CARGO_BIN_EXE_lab"))
        .env("LABPRESS_DATA", env!("CARGO_TARGET_TMPDIR"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Trains to the end and returns the one record.
#[track_caller]
fn recorded(site: &Site) -> Value {
    assert_success(&training(site).wait_with_output().unwrap());
    let records = records(site, "net");
    assert_eq!(records.len(), 1);
    records.into_values().next().unwrap()
}

/// The last epoch that the run has reported; 0 before the first.
fn epoch(site: &Site) -> u64 {
    let events = events(site);
    let points = events.lines().filter(|line| line.contains("valid.accuracy"));
    let step = |line| serde_json::from_str::<Value>(line).ok()?["step"].as_u64();
    points.filter_map(step).max().unwrap_or(0)
}

/// Whom to kill.
#[derive(Clone, Copy)]
enum Victim {
    /// The program `lab`: labpress sees it and leaves.
    Lab,
    /// labpress: `lab` sees it, writes a checkpoint and leaves.
    Labpress,
}

/// Kills in the midst of the epoch after each of `epochs`, one after the other, and checks that the
/// last try makes the record of a run that was never killed.
#[track_caller]
fn check_killed(victim: Victim, epochs: [u64; 5]) {
    let expected = recorded(&site());
    assert_eq!(expected["series"]["valid.accuracy"].as_array().unwrap().len(), 12);
    assert!(expected["artifacts"].as_array().unwrap().len() > 1);

    let site = site();
    for after in epochs {
        let mut labpress = training(&site);
        while epoch(&site) < after {
            assert!(labpress.try_wait().unwrap().is_none(), "it ended before epoch {after}");
            sleep(Duration::from_millis(2));
        }
        // Somewhere in the next epoch, without rhythm and the same every time.
        sleep(Duration::from_millis(after * 37 % 50));
        match victim {
            Victim::Lab => runners(&labpress).into_iter().for_each(kill),
            Victim::Labpress => kill(labpress.id()),
        }
        assert!(!labpress.wait().unwrap().success(), "it was killed too late, after epoch {after}");
        assert!(records(&site, "net").is_empty());
    }
    assert_eq!(recorded(&site), expected);
}

#[test]
fn training_whose_process_is_killed_five_times_ends_in_the_same_record() {
    check_killed(Victim::Lab, [1, 3, 4, 8, 10]);
}

#[test]
fn training_whose_labpress_is_killed_five_times_ends_in_the_same_record() {
    check_killed(Victim::Labpress, [2, 3, 5, 6, 9]);
}
