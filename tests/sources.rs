//! The code, the weights and the data that a number was made with are those in its fingerprint.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests make, read and panic as they please"
)]

mod support;

use std::process::{Command, Stdio};
use std::time::Duration;

use support::{Site, assert_success, stderr};

const YAML: &str = "experiments/toy/experiment.yml";
const CODE: &str = "experiments/toy/train.py";

/// Code that reports `value` after it has done `also`.
fn code(value: u32, also: &str) -> String {
    format!(
        "import json, os, pathlib, time\nfolder = pathlib.Path(os.environ['LABPRESS_RUN'])\n\
         job = json.loads((folder / 'run.json').read_text())\n{also}\n\
         with open(folder / 'events.jsonl', 'a') as events:\n    \
         for event in [dict(event='start', environment={{}}), dict(event='metric', name='m', value={value}), dict(event='done')]:\n        \
         print(json.dumps(event), file=events)\n"
    )
}

fn site(runner: &str, also: &str) -> Site {
    let site = Site::empty();
    site.write(YAML, &format!("title: Toy\nrunner: {{command: [python3, train.py]{runner}}}\n"));
    site.write(CODE, &code(1, also));
    site
}

fn record_count(site: &Site) -> usize {
    site.files("experiments/toy/runs").len()
}

/// The numbers of all records.
fn recorded(site: &Site) -> Vec<serde_json::Value> {
    let records = site.files("experiments/toy/runs").into_values();
    let records = records.map(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).unwrap());
    records.map(|record| record["metrics"]["m"].clone()).collect()
}

fn git(site: &Site, arguments: &[&str]) {
    let identity =
        ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"];
    let output = Command::new("git")
        .args(identity)
        .args(arguments)
        .current_dir(site.path())
        .output()
        .unwrap();
    assert_success(&output);
}

#[test]
fn a_branch_that_is_checked_out_in_the_midst_of_a_build_leaves_no_record() {
    // Each run waits until it may continue.
    let wait = "site = pathlib.Path('../..')\n(site / 'started').touch()\nwhile not (site / 'go').exists():\n    time.sleep(0.01)";
    let site = site(", inputs: [train.py]", wait);
    site.replace(YAML, "title", "seeds: 3\ntitle");
    git(&site, &["init", "-q"]);
    git(&site, &["add", "."]);
    git(&site, &["commit", "-qm", "one"]);
    git(&site, &["checkout", "-qb", "other"]);
    site.write(CODE, &code(2, wait));
    git(&site, &["commit", "-qam", "two"]);
    git(&site, &["checkout", "-q", "main"]);
    let labpress = site.command(&["run", "--jobs", "1"]).stderr(Stdio::piped()).spawn().unwrap();
    while !site.path().join("started").exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    git(&site, &["checkout", "-q", "other"]);
    site.write("go", "");
    let output = labpress.wait_with_output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.matches("the input `train.py` was changed").count(), 3, "{said}");
    assert_eq!(record_count(&site), 0);
    git(&site, &["checkout", "-q", "main"]);
    assert_success(&site.labpress(&["run"]));
    assert_eq!(recorded(&site), [1.0, 1.0, 1.0]);
}

#[test]
fn a_run_whose_input_is_written_meanwhile_leaves_no_record() {
    let edit = "pathlib.Path('helper.py').write_text('x = 2')";
    let make = "pathlib.Path('new.py').write_text('x = 2')";
    let remove = "pathlib.Path('helper.py').unlink()";
    let write_again = "time.sleep(0.05); pathlib.Path('helper.py').write_text('x = 1')";
    for (also, expected) in [
        (edit, "the input `helper.py` was changed"),
        (make, "`new.py` is new and matches `inputs`"),
        (remove, "the input `helper.py` was removed"),
        (write_again, "the input `helper.py` was written meanwhile, even if with the same content"),
    ] {
        let site = site(", inputs: ['*.py']", also);
        site.write("experiments/toy/helper.py", "x = 1");
        let output = site.labpress(&["run"]);
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
        assert_eq!((output.status.code(), record_count(&site)), (Some(1), 0), "{also}");
        site.write("experiments/toy/helper.py", "x = 1");
        let _ = std::fs::remove_file(site.path().join("experiments/toy/new.py"));
        let why = support::answer(&site.labpress(&["why", "toy"]));
        assert!(why.contains(expected), "{why}");
        // The result that was not recorded is not taken later, either.
        assert_eq!(site.labpress(&["run"]).status.code(), Some(1));
        assert_eq!(record_count(&site), 0, "{also}");
    }
}

#[test]
fn a_run_whose_data_change_meanwhile_leaves_no_record() {
    let site = site(
        ", inputs: [train.py]",
        "file = pathlib.Path(job['data']['folder']) / 'tiny.csv'\nfile.chmod(0o644); file.write_text('9,9,9\\n')",
    );
    site.write("pixels/tiny.csv", "0,1,0\n1,0,1\n");
    let sha256 = labpress::data::fetch::sha256(&site.path().join("pixels/tiny.csv")).unwrap();
    site.write(
        "experiments/data/tiny.yml",
        &format!(
            "title: Tiny\nlicence: for all\nhomepage: none\ncitation: none\nclasses: [a, b]\n\
             format: {{kind: csv-pixels, file: tiny.csv, shape: [1, 2], white: 1, test-rows: 1}}\n\
             files: {{tiny.csv: {{sha256: {sha256}}}}}\nsources: [{{kind: folder, path: pixels}}]\n"
        ),
    );
    site.replace(YAML, "title", "data: tiny\ntitle");
    let output =
        site.command(&["run"]).env("LABPRESS_DATA", site.path().join("cache")).output().unwrap();
    assert!(
        stderr(&output).contains("the data set `tiny` in the cache was changed"),
        "{}",
        stderr(&output)
    );
    assert_eq!(record_count(&site), 0);
}

#[track_caller]
fn check_stale_after(site: &Site, change: impl Fn(), part: &str) {
    assert_success(&site.labpress(&["run"]));
    let fresh = support::answer(&site.labpress(&["why", "toy"]));
    assert!(fresh.contains("is fresh"), "{fresh}");
    change();
    let why = support::answer(&site.labpress(&["why", "toy"]));
    assert!(why.contains(part), "{part:?} is not in:\n{why}");
}

#[cfg(unix)]
#[test]
fn every_file_that_matches_is_an_input() {
    let outside = tempfile::tempdir().unwrap();
    let shared = outside.path().join("shared.py");
    std::fs::write(&shared, "x = 1").unwrap();
    for inputs in ["", ", inputs: ['**']"] {
        let site = site(inputs, "");
        site.write("_config.yml", "exclude: [experiments/toy/left-out, '*.secret']\n");
        let files = [
            "config.yml",
            "config.yaml",
            "lib/files/x",
            "lib/runs/a-s0-0123abcd.json",
            "runs/own.json",
            "files/own.txt",
            "pins/x",
            ".conf",
            "left-out/x",
            "a.secret",
            "backup~",
            "conf/experiment.yml",
        ];
        for file in files {
            site.write(&format!("experiments/toy/{file}"), "a: 1\n");
        }
        let link = site.path().join("experiments/toy/helper.py");
        std::os::unix::fs::symlink(&shared, &link).unwrap();
        for file in files {
            let path = format!("experiments/toy/{file}");
            let text = site.read(&path) + "b: 2\n";
            check_stale_after(
                &site,
                || site.write(&path, &text),
                &format!("inputs.{file} changed from"),
            );
        }
        let text = std::fs::read_to_string(&shared).unwrap() + "1";
        check_stale_after(
            &site,
            || std::fs::write(&shared, &text).unwrap(),
            "inputs.helper.py changed from",
        );
    }
}

#[test]
fn without_inputs_every_file_counts_and_none_where_the_list_is_empty() {
    let all = site("", "");
    check_stale_after(&all, || all.write(CODE, &code(2, "")), "inputs.train.py changed from");
    let all = site("", "");
    check_stale_after(&all, || all.write("experiments/toy/new.py", ""), "inputs.new.py is new");
    // What the experiment asks is no part of its code.
    check_stale_after(&all, || all.replace(YAML, "title: Toy", "title: Another"), "is fresh");
    let none = site(", inputs: []", "");
    check_stale_after(&none, || none.write(CODE, &code(2, "")), "is fresh");
}

#[test]
fn line_ends_of_texts_are_no_part_of_the_code() {
    let site = site("", "");
    site.write("experiments/toy/data.bin", "\0\n");
    let with_windows_ends = site.read(CODE).replace('\n', "\r\n");
    check_stale_after(&site, || site.write(CODE, &with_windows_ends), "is fresh");
    check_stale_after(
        &site,
        || site.write("experiments/toy/data.bin", "\0\r\n"),
        "inputs.data.bin changed from",
    );
}

#[cfg(unix)]
#[test]
fn what_cannot_be_an_input_is_an_error_that_names_it() {
    let site = site("", "");
    std::os::unix::fs::symlink("nowhere", site.path().join("experiments/toy/link.py")).unwrap();
    let output = site.labpress(&["build"]);
    let expected = "error: `link.py` matches `inputs` but is a link to a file that does not exist\n --> \
        experiments/toy/experiment.yml:2:1\nhint: remove `link.py`, or list the files that the program reads in `inputs`";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_run_receives_nothing_that_is_not_in_its_fingerprint() {
    let names = "assert not {'experiment', 'variant'} & set(job), job";
    let site = site("", names);
    assert_success(&site.labpress(&["run"]));
}
