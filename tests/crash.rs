//! Killing labpress at any moment loses nothing: every record is whole or absent, and the next call
//! completes.

mod support;

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::time::Duration;

use support::{Site, assert_success, records, stderr};

/// How often labpress is killed while it is at work.
const KILLS: u32 = 20;
/// How the line begins that names who is waited for.
const WAITS: &str = "another labpress is running in this site";

/// Moments from 0 to 400 ms that are spread without rhythm and the same every time.
fn moments() -> impl Iterator<Item = Duration> {
    (1..500).map(|number| Duration::from_millis(number * 263 % 400))
}

fn toy() -> Site {
    let site = Site::with_toy();
    site.replace("experiments/toy/experiment.yml", "rate: 0.1", "rate: 0.1, seconds: 0.03");
    site
}

#[test]
fn killing_labpress_at_any_moment_leaves_every_record_whole_or_absent() {
    let undisturbed = toy();
    assert_success(&undisturbed.labpress(&["run"]));
    let expected = records(&undisturbed, "toy");
    assert_eq!(expected.len(), 4);

    let mut site = toy();
    let mut kills = 0;
    for moment in moments() {
        let mut labpress = site.command(&["run"]).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(moment);
        kills += u32::from(labpress.try_wait().unwrap().is_none());
        labpress.kill().unwrap();
        labpress.wait().unwrap();
        for (path, record) in records(&site, "toy") {
            assert_eq!(record, expected[&path], "{path} after being killed at {moment:?}");
        }
        if kills == KILLS {
            break;
        }
        if records(&site, "toy").len() == expected.len() {
            site = toy();
        }
    }
    assert_eq!(kills, KILLS, "labpress was always done before it could be killed");
    assert_success(&site.labpress(&["run"]));
    assert_eq!(records(&site, "toy"), expected);
}

#[test]
fn killing_a_run_costs_only_what_came_after_its_last_checkpoint() {
    let site = toy();
    site.replace("experiments/toy/experiment.yml", "seeds: 2", "seeds: 1");
    site.replace("experiments/toy/experiment.yml", "  fast: {rate: 0.5}\n", "");
    site.replace(
        "experiments/toy/train.py",
        "temporary.rename(checkpoint)",
        "temporary.rename(checkpoint); killed(epoch)",
    );
    // Kills itself after the second epoch, once.
    site.replace(
        "experiments/toy/train.py",
        "params, checkpoint =",
        "def killed(epoch):\n    if epoch == 2 and not job['resume']:\n        os.kill(os.getpid(), 9)\nparams, checkpoint =",
    );
    let first = site.labpress(&["run"]);
    assert_eq!(first.status.code(), Some(1));
    assert!(
        stderr(&first).contains("the next try resumes from its last checkpoint"),
        "{}",
        stderr(&first)
    );
    let second = site.labpress(&["run"]);
    assert_success(&second);
    assert!(
        stderr(&second).contains("epoch 3/3") && !stderr(&second).contains("epoch 2/3"),
        "{}",
        stderr(&second)
    );
    let record = records(&site, "toy").into_values().next().unwrap();
    assert_eq!(record["series"]["valid.accuracy"].as_array().unwrap().len(), 3);
}

#[test]
fn two_at_once_do_each_run_once_and_the_second_reports_that_it_waits() {
    for command in ["run", "build"] {
        let site = toy();
        let start = || site.command(&[command]).stderr(Stdio::piped()).spawn().unwrap();
        let both = [start(), start()].map(|labpress| labpress.wait_with_output().unwrap());
        both.iter().for_each(assert_success);
        // Their lines come in any order, and the one that waits names the other by its number.
        let talks: Vec<String> = both.iter().map(stderr).collect();
        let count =
            |part: &str| -> usize { talks.iter().map(|talk| talk.matches(part).count()).sum() };
        let counts = [WAITS, "4 runs recorded", "\ndone  "].map(count);
        assert_eq!(counts, [1, 1, 4], "{talks:?}");
        assert_eq!(records(&site, "toy").len(), 4);
    }
}

#[test]
fn every_command_that_writes_waits_for_the_one_that_is_at_work() {
    let commands: [&[&str]; 10] = [
        &["import", "."],
        &["new", "post", "Another"],
        &["new", "experiment", "another"],
        &["run", "--force"],
        &["build"],
        &["verify"],
        &["pin", "2026-01-02-toy"],
        &["gc", "--delete"],
        &["mv", "toy", "toys"],
        &["data", "show", "digits"],
    ];
    let built = Site::with_toy();
    assert_success(&built.labpress(&["build"]));
    built.replace("_config.yml", "title: Test", "title: Another\ndestination: public");
    for arguments in commands {
        let site = built.copy();
        let before = site.files("");
        let lock =
            std::fs::File::options().write(true).open(site.path().join(".labpress/lock")).unwrap();
        lock.lock().unwrap();
        let mut command = site.command(arguments);
        let mut labpress =
            command.env("LABPRESS_DATA", built.path()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(labpress.stderr.take().unwrap());
        let mut line = String::new();
        if arguments[0] == "data" {
            said.read_line(&mut String::new()).unwrap(); // what is fetched
        }
        // Reading until the expected line would wait forever for one that has changed.
        said.read_line(&mut line).unwrap();
        assert!(line.starts_with(WAITS), "{arguments:?}: {line}");
        assert_eq!(site.files(""), before, "{arguments:?} wrote while another was at work");
        drop(lock);
        said.read_to_string(&mut line).unwrap();
        // The layout is in Tera, so that what is imported does not build.
        let is_import = arguments[0] == "import";
        assert!(labpress.wait().unwrap().success() || is_import, "{arguments:?}: {line}");
        if !matches!(arguments[0], "gc") {
            assert_ne!(site.files(""), before, "{arguments:?} writes nothing");
        }
    }
}
