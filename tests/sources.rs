//! The code, the weights and the data that a number was made with are those in its fingerprint.

#![allow(
    clippy::disallowed_methods,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "tests make, read and panic as they please"
)]

mod support;

use std::process::{Command, Stdio};
use std::time::Duration;

use snapbox::str;
use support::{Site, assert_success, check, check_command, check_text, said, transcript};

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
    let arguments = ["run", "--jobs", "1"];
    let mut labpress = site.command(&arguments);
    let labpress = labpress.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !site.path().join("started").exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    git(&site, &["checkout", "-q", "other"]);
    site.write("go", "");
    let output = labpress.wait_with_output().unwrap();
    check_text(
        transcript(&site, &arguments, &output),
        str![[r#"
$ labpress run --jobs 1
[stderr]
stale toy/default seeds 0 1 2: no result is recorded
start toy/default seed 0
FAIL  toy/default seed 0 has a result that is not recorded, since it is unknown what it has read: the input `train.py` was changed; its log is empty ([SITE]/.labpress/runs/toy/default-s0-[DIGEST]/log.txt)
start toy/default seed 1
skip  toy/default seed 1: the input `train.py` was changed since labpress read the site: run it again
start toy/default seed 2
skip  toy/default seed 2: the input `train.py` was changed since labpress read the site: run it again
0 runs recorded in [TIME]
3 runs without a result
[exit status 1]

"#]],
    );
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
    let runs = [edit, make, remove, write_again].map(|also| {
        let site = site(", inputs: ['*.py']", also);
        site.write("experiments/toy/helper.py", "x = 1");
        let run = said(&site, &["run"]);
        assert_eq!(record_count(&site), 0, "{also}");
        site.write("experiments/toy/helper.py", "x = 1");
        let _ = std::fs::remove_file(site.path().join("experiments/toy/new.py"));
        let why = said(&site, &["why", "toy"]);
        // The result that was not recorded is not taken later, either.
        assert_eq!(site.labpress(&["run"]).status.code(), Some(1));
        assert_eq!(record_count(&site), 0, "{also}");
        format!("{also}\n{run}{why}")
    });
    check_text(
        runs.join("\n"),
        str![[r#"
pathlib.Path('helper.py').write_text('x = 2')
$ labpress run
[stderr]
stale toy/default seed 0: no result is recorded
start toy/default seed 0
FAIL  toy/default seed 0 has a result that is not recorded, since it is unknown what it has read: the input `helper.py` was changed; its log is empty ([SITE]/.labpress/runs/toy/default-s0-[DIGEST]/log.txt)
0 runs recorded in [TIME]
1 run without a result
[exit status 1]
$ labpress why toy
toy/default seed 0 is missing: no result is recorded
    the last try failed: it has a result that is not recorded, since it is unknown what it has read: the input `helper.py` was changed; log: [SITE]/.labpress/runs/toy/default-s0-[DIGEST]/log.txt
[exit status 0]

pathlib.Path('new.py').write_text('x = 2')
$ labpress run
[stderr]
stale toy/default seed 0: no result is recorded
start toy/default seed 0
FAIL  toy/default seed 0 has a result that is not recorded, since it is unknown what it has read: `new.py` is new and matches `inputs`; its log is empty ([SITE]/.labpress/runs/toy/default-s0-[DIGEST]/log.txt)
0 runs recorded in [TIME]
1 run without a result
[exit status 1]
$ labpress why toy
toy/default seed 0 is missing: no result is recorded
    the last try failed: it has a result that is not recorded, since it is unknown what it has read: `new.py` is new and matches `inputs`; log: [SITE]/.labpress/runs/toy/default-s0-[DIGEST]/log.txt
[exit status 0]

pathlib.Path('helper.py').unlink()
$ labpress run
[stderr]
stale toy/default seed 0: no result is recorded
start toy/default seed 0
FAIL  toy/default seed 0 has a result that is not recorded, since it is unknown what it has read: the input `helper.py` was removed; its log is empty ([SITE]/.labpress/runs/toy/default-s0-[DIGEST]/log.txt)
0 runs recorded in [TIME]
1 run without a result
[exit status 1]
$ labpress why toy
toy/default seed 0 is missing: no result is recorded
    the last try failed: it has a result that is not recorded, since it is unknown what it has read: the input `helper.py` was removed; log: [SITE]/.labpress/runs/toy/default-s0-[DIGEST]/log.txt
[exit status 0]

time.sleep(0.05); pathlib.Path('helper.py').write_text('x = 1')
$ labpress run
[stderr]
stale toy/default seed 0: no result is recorded
start toy/default seed 0
FAIL  toy/default seed 0 has a result that is not recorded, since it is unknown what it has read: the input `helper.py` was written meanwhile, even if with the same content; its log is empty ([SITE]/.labpress/runs/toy/default-s0-[DIGEST]/log.txt)
0 runs recorded in [TIME]
1 run without a result
[exit status 1]
$ labpress why toy
toy/default seed 0 is missing: no result is recorded
    the last try failed: it has a result that is not recorded, since it is unknown what it has read: the input `helper.py` was written meanwhile, even if with the same content; log: [SITE]/.labpress/runs/toy/default-s0-[DIGEST]/log.txt
[exit status 0]

"#]],
    );
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
    let mut run = site.command(&["run"]);
    check_command(
        &site,
        run.env("LABPRESS_DATA", site.path().join("cache")),
        str![[r#"
$ labpress run
[stderr]
stale toy/default seed 0: no result is recorded
data set `tiny`: fetching it from the folder `pixels`
start toy/default seed 0
FAIL  toy/default seed 0 has a result that is not recorded, since it is unknown what it has read: the data set `tiny` in the cache was changed; its log is empty ([SITE]/.labpress/runs/toy/default-s0-[DIGEST]/log.txt)
0 runs recorded in [TIME]
1 run without a result
[exit status 1]

"#]],
    );
    assert_eq!(record_count(&site), 0);
}

/// Records results and makes a change; returns what labpress says of the results then.
#[track_caller]
fn why_after(site: &Site, change: impl Fn()) -> String {
    assert_success(&site.labpress(&["run"]));
    let fresh = said(site, &["why", "toy"]);
    check_text(
        fresh.clone(),
        str![[r#"
$ labpress why toy
toy/default seed 0 is fresh: experiments/toy/runs/default-s0-[DIGEST].json
[exit status 0]

"#]],
    );
    change();
    let changed = said(site, &["why", "toy"]);
    if changed == fresh { "fresh\n".to_owned() } else { changed }
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
        let changes = files.map(|file| {
            let path = format!("experiments/toy/{file}");
            let text = site.read(&path) + "b: 2\n";
            why_after(&site, || site.write(&path, &text))
        });
        let text = std::fs::read_to_string(&shared).unwrap() + "1";
        let linked = why_after(&site, || std::fs::write(&shared, &text).unwrap());
        check_text(
            changes.concat() + &linked,
            str![[r#"
$ labpress why toy
toy/default seed 0 is stale, since experiments/toy/runs/default-s0-[DIGEST].json:
    inputs.config.yml changed from [DIGEST] to [DIGEST]
[exit status 0]
$ labpress why toy
toy/default seed 0 is stale, since experiments/toy/runs/default-s0-[DIGEST].json:
    inputs.config.yaml changed from [DIGEST] to [DIGEST]
[exit status 0]
$ labpress why toy
toy/default seed 0 is stale, since experiments/toy/runs/default-s0-[DIGEST].json:
    inputs.lib/files/x changed from [DIGEST] to [DIGEST]
[exit status 0]
$ labpress why toy
toy/default seed 0 is stale, since experiments/toy/runs/default-s0-[DIGEST].json:
    inputs.lib/runs/a-s0-[DIGEST].json changed from [DIGEST] to [DIGEST]
[exit status 0]
$ labpress why toy
toy/default seed 0 is stale, since experiments/toy/runs/default-s0-[DIGEST].json:
    inputs.runs/own.json changed from [DIGEST] to [DIGEST]
[exit status 0]
$ labpress why toy
toy/default seed 0 is stale, since experiments/toy/runs/default-s0-[DIGEST].json:
    inputs.files/own.txt changed from [DIGEST] to [DIGEST]
[exit status 0]
$ labpress why toy
toy/default seed 0 is stale, since experiments/toy/runs/default-s0-[DIGEST].json:
    inputs.pins/x changed from [DIGEST] to [DIGEST]
[exit status 0]
$ labpress why toy
toy/default seed 0 is stale, since experiments/toy/runs/default-s0-[DIGEST].json:
    inputs..conf changed from [DIGEST] to [DIGEST]
[exit status 0]
$ labpress why toy
toy/default seed 0 is stale, since experiments/toy/runs/default-s0-[DIGEST].json:
    inputs.left-out/x changed from [DIGEST] to [DIGEST]
[exit status 0]
$ labpress why toy
toy/default seed 0 is stale, since experiments/toy/runs/default-s0-[DIGEST].json:
    inputs.a.secret changed from [DIGEST] to [DIGEST]
[exit status 0]
$ labpress why toy
toy/default seed 0 is stale, since experiments/toy/runs/default-s0-[DIGEST].json:
    inputs.backup~ changed from [DIGEST] to [DIGEST]
[exit status 0]
$ labpress why toy
toy/default seed 0 is stale, since experiments/toy/runs/default-s0-[DIGEST].json:
    inputs.conf/experiment.yml changed from [DIGEST] to [DIGEST]
[exit status 0]
$ labpress why toy
toy/default seed 0 is stale, since experiments/toy/runs/default-s0-[DIGEST].json:
    inputs.helper.py changed from [DIGEST] to [DIGEST]
[exit status 0]

"#]],
        );
    }
}

#[test]
fn without_inputs_every_file_counts_and_none_where_the_list_is_empty() {
    let all = site("", "");
    let edited = why_after(&all, || all.write(CODE, &code(2, "")));
    let all = site("", "");
    let added = why_after(&all, || all.write("experiments/toy/new.py", ""));
    check_text(
        edited + &added,
        str![[r#"
$ labpress why toy
toy/default seed 0 is stale, since experiments/toy/runs/default-s0-[DIGEST].json:
    inputs.train.py changed from [DIGEST] to [DIGEST]
[exit status 0]
$ labpress why toy
toy/default seed 0 is stale, since experiments/toy/runs/default-s0-[DIGEST].json:
    inputs.new.py is new: [DIGEST]
[exit status 0]

"#]],
    );
    // What the experiment asks is no part of its code.
    assert_eq!(why_after(&all, || all.replace(YAML, "title: Toy", "title: Another")), "fresh\n");
    let none = site(", inputs: []", "");
    assert_eq!(why_after(&none, || none.write(CODE, &code(2, ""))), "fresh\n");
}

#[test]
fn line_ends_of_texts_are_no_part_of_the_code() {
    let site = site("", "");
    site.write("experiments/toy/data.bin", "\0\n");
    let with_windows_ends = site.read(CODE).replace('\n', "\r\n");
    assert_eq!(why_after(&site, || site.write(CODE, &with_windows_ends)), "fresh\n");
    let why = why_after(&site, || site.write("experiments/toy/data.bin", "\0\r\n"));
    check_text(
        why,
        str![[r#"
$ labpress why toy
toy/default seed 0 is stale, since experiments/toy/runs/default-s0-[DIGEST].json:
    inputs.data.bin changed from [DIGEST] to [DIGEST]
[exit status 0]

"#]],
    );
}

#[cfg(unix)]
#[test]
fn what_cannot_be_an_input_is_an_error_that_names_it() {
    let site = site("", "");
    std::os::unix::fs::symlink("nowhere", site.path().join("experiments/toy/link.py")).unwrap();
    check(
        &site,
        &["build"],
        str![[r#"
$ labpress build
[stderr]
error: `link.py` matches `inputs` but is a link to a file that does not exist
 --> experiments/toy/experiment.yml:2:1
hint: remove `link.py`, or list the files that the program reads in `inputs`: without it, every file of the folder counts

nothing was written because of 1 error
[exit status 1]

"#]],
    );
}

#[test]
fn a_run_receives_nothing_that_is_not_in_its_fingerprint() {
    let names = "assert not {'experiment', 'variant'} & set(job), job";
    let site = site("", names);
    assert_success(&site.labpress(&["run"]));
}
