//! What its user controls about runs: which are done, how long they may take, what is told of them,
//! at which scale, and what is found out when something on disk is not as it was.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests make, read and panic as they please"
)]

mod support;

use support::{Site, TOY_RUNNER, answer, assert_success, stderr};

const YAML: &str = "experiments/toy/experiment.yml";

#[track_caller]
fn check(site: &Site, arguments: &[&str], status: i32, expected: &[&str]) {
    let output = site.labpress(arguments);
    let said = stderr(&output) + &answer(&output);
    for part in expected {
        assert!(said.contains(part), "{part:?} is not in:\n{said}");
    }
    assert_eq!(output.status.code(), Some(status), "{said}");
}

/// The records there are, without their fingerprints: `slow-s0`.
fn recorded(site: &Site) -> Vec<String> {
    let files = site.files("experiments/toy/runs").into_keys();
    files.map(|path| path.to_str().unwrap().rsplit_once('-').unwrap().0.to_owned()).collect()
}

/// Flips one bit in the middle of a file.
fn flip_a_bit(path: &std::path::Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn one_variant_and_one_seed_can_be_run() {
    let site = Site::with_toy();
    check(&site, &["run", "toy", "--variant", "fast", "--seed", "1"], 0, &["1 run recorded"]);
    assert_eq!(recorded(&site), ["fast-s1"]);
    check(&site, &["run", "--seed", "0", "--jobs", "1"], 0, &["2 runs recorded"]);
    check(
        &site,
        &["run", "toy", "--variant", "fst"],
        1,
        &["`toy` has no variant `fst`", "did you mean `fast`?"],
    );
    check(&site, &["run", "toy", "--seed", "2"], 1, &["`toy` has no seed 2", "the seeds are 0, 1"]);
    check(&site, &["run", "toi"], 1, &["did you mean `toy`?"]);
}

#[test]
fn what_is_fresh_runs_again_when_it_is_forced() {
    let site = Site::with_toy();
    assert_success(&site.labpress(&["run"]));
    check(&site, &["run", "--variant", "fast"], 0, &["all runs are fresh"]);
    let forced =
        &["stale toy/fast seeds 0 1: it is fresh, and `--force` repeats it", "2 runs recorded"];
    check(&site, &["run", "--variant", "fast", "--force"], 0, forced);
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
    let expected = [
        "toy/slow seed 0  fresh    -",
        "toy/slow seed 2  missing  run, about",
        "toy/fast seed 0  stale    run, about",
        "params.fail-at is new: 1, params.rate changed from 0.5 to 0.6",
        "toy/fast seed 2  failed   run, about",
        "no result is recorded; the last try exited with status 1",
        "3 runs would be done, in about",
    ];
    check(&site, &["build", "--dry-run"], 0, &expected);
    check(&site, &["run", "--dry-run"], 0, &expected);
    check(
        &site,
        &["run", "-n", "--variant", "slow"],
        0,
        &["toy/slow seed 2  missing  run", "1 run would be done"],
    );
    // A post that shows nothing needs nothing.
    site.write("_posts/2026-01-02-toy.md", "---\ntitle: A toy\n---\nNothing.\n");
    check(&site, &["build", "-n"], 0, &["toy/fast seed 0  stale    -", "0 runs would be done"]);
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
    let left = "left  toy/fast seeds 0 1: it takes about 3 min 20 s and would end after 10 min";
    check(
        &site,
        &["run", "--budget", "7m", "--jobs", "1"],
        1,
        &[left, "2 runs recorded", "2 runs left out"],
    );
    check(&site, &["build", "--budget", "1m"], 1, &["left  toy/fast", "the results of `toy` are"]);
    check(&site, &["build", "-n", "--budget", "1m"], 0, &["left out", "0 runs would be done"]);
    check(&site, &["build", "--budget", "15m"], 0, &["2 runs recorded", "written"]);
    check(&site, &["run", "--budget", "soon"], 2, &["expected a time such as"]);
}

#[test]
fn leaving_out_what_the_site_does_not_need_is_no_failure() {
    let site = long();
    site.replace(YAML, "epochs: 3", "epochs: 6");
    site.write("_posts/2026-01-02-toy.md", "---\ntitle: A toy\nlayout: post\n---\nNothing.\n");
    check(&site, &["run", "--budget", "1m"], 0, &["left  toy/slow seeds 0 1"]);
}

#[test]
fn a_used_up_budget_starts_no_more_runs() {
    let site = Site::with_toy();
    site.replace(YAML, "rate: 0.1", "rate: 0.1, seconds: 0.5");
    check(&site, &["run", "--budget", "1s", "--jobs", "1"], 1, &["the budget is used up"]);
    assert!(!recorded(&site).is_empty());
}

#[test]
fn quiet_tells_only_what_went_wrong() {
    let site = Site::with_toy();
    let output = site.labpress(&["build", "--quiet"]);
    assert_success(&output);
    assert_eq!(stderr(&output) + &answer(&output), "");
    site.replace(YAML, "fast: {rate: 0.5}", "fast: {rate: 0.5, fail-at: 2}");
    check(
        &site,
        &["build", "--quiet"],
        1,
        &["FAIL  toy/fast seed 0 exited with status 1", "| the net caught fire"],
    );
}

#[test]
fn verbose_tells_every_number() {
    let site = Site::with_toy();
    check(
        &site,
        &["run", "-v"],
        0,
        &["toy/slow seed 0 device none", "epoch 2/3  valid.accuracy", "artifact table"],
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
    check(&site, &["run", "--smoke", "-v"], 0, &["4 runs recorded at toy scale", "epoch 1/3"]);
    assert!(recorded(&site).is_empty());
    check(&site, &["run", "--smoke"], 0, &["all runs are fresh"]);
    check(&site, &["status"], 0, &["missing"]);
    site.replace(
        "experiments/toy/train.py",
        "first = 1",
        "raise SystemExit(\"broken\")\nfirst = 1",
    );
    check(&site, &["run", "--smoke"], 1, &["| broken", "4 runs without a result"]);
    // What has its results needs no smoke.
    site.replace("experiments/toy/train.py", "raise SystemExit(\"broken\")\n", "");
    assert_success(&site.labpress(&["run"]));
    check(&site, &["run", "--smoke"], 0, &["all runs are fresh"]);
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
        1,
        &["a smoke build must not be published"],
    );
    check(
        &site,
        &["build", "--smoke", "-d", "./x/../public/y"],
        1,
        &["a smoke build must not be published"],
    );
    check(&site, &["build", "--smoke"], 0, &["written", ".labpress/smoke/public"]);
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
    assert!(site.files("experiments/toy/runs").is_empty() && site.files("public").is_empty());
    // The real build takes nothing of it.
    check(&site, &["build"], 0, &["4 runs recorded", "written"]);
    assert!(!page("public").contains("labpress-smoke"));
    // With all results there, a smoke build shows the real ones, and has nothing to mark.
    check(&site, &["build", "--smoke"], 0, &["written"]);
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
        1,
        &["the file was altered", &file, "run `labpress run toy`"],
    );
    // It counts as missing, and is made again together with its record.
    assert_success(&site.labpress(&["run"]));
    assert_eq!(site.read(&file), good);
    std::fs::remove_file(site.path().join(&file)).unwrap();
    let record = site.files("experiments/toy/runs").into_keys().next_back().unwrap();
    flip_a_bit(&site.path().join("experiments/toy/runs").join(&record));
    site.replace(YAML, "fast: {rate: 0.5}", "fast: {rate: 0.6}");
    let record = record.to_str().unwrap();
    check(
        &site,
        &["build", "--locked"],
        1,
        &["the file is missing", record, "`toy`", "nothing was written"],
    );
    check(&site, &["build"], 1, &["the file is missing", record]);
    // What is fresh is made again; the file of a record that nothing shows now is not, and comes
    // from git.
    assert_success(&site.labpress(&["run"]));
    check(&site, &["build", "--locked"], 0, &["warning: the file is missing"]);
    site.write(&file, &good);
    assert_success(&site.labpress(&["build"]));
    check(&site, &["build", "--locked"], 0, &["unchanged"]);
}

#[test]
fn an_altered_record_is_an_error_even_where_no_post_shows_it_and_a_stale_one_is_not() {
    let site = Site::with_toy();
    assert_success(&site.labpress(&["run"]));
    site.write("_posts/2026-01-02-toy.md", "---\ntitle: A toy\nlayout: post\n---\nNothing.\n");
    site.replace(YAML, "rate: 0.5", "rate: 0.6");
    assert_success(&site.labpress(&["build", "--locked"]));
    let record = site.files("experiments/toy/runs").into_keys().next().unwrap();
    flip_a_bit(&site.path().join("experiments/toy/runs").join(&record));
    check(&site, &["build", "--locked"], 1, &[record.to_str().unwrap()]);
}

#[test]
fn a_damaged_object_that_another_run_needs_is_named_and_made_again() {
    let site = Site::with_toy();
    site.write(
        "experiments/above/experiment.yml",
        "title: Above\nrunner: {command: [python3, train.py], inputs: [train.py]}\nneeds: [toy]\n\
         params: {epochs: 1, rate: 1}\n",
    );
    site.write("experiments/above/train.py", TOY_RUNNER);
    assert_success(&site.labpress(&["run", "toy"]));
    let (object, content) = site.files(".labpress/objects").into_iter().next().unwrap();
    let object = site.path().join(".labpress/objects").join(object);
    flip_a_bit(&object);
    check(
        &site,
        &["run", "above"],
        0,
        &["its artifact `table` is needed and damaged", "done  above/default seed 0"],
    );
    assert_eq!(std::fs::read(&object).unwrap(), content);
}

#[test]
fn a_runner_that_is_not_there_is_named() {
    let site = Site::with_toy();
    site.replace(YAML, "[python3, train.py]", "[no-such-program, train.py]");
    check(
        &site,
        &["run"],
        1,
        &["FAIL  toy/slow seed 0: cannot start `no-such-program`", "4 runs without a result"],
    );
    site.replace(YAML, "no-such-program", "python3");
    assert_success(&site.labpress(&["run"]));
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
    assert!(stderr(&output).contains("ermission denied"), "{}", stderr(&output));
    assert_eq!(site.files("experiments"), before);
    assert_success(&site.labpress(&["run"]));
}

/// A file system of its own size at a folder; unmounted when dropped.
#[cfg(target_os = "linux")]
struct SmallDisk(std::path::PathBuf);

#[cfg(target_os = "linux")]
impl SmallDisk {
    fn at(folder: std::path::PathBuf, size: &str) -> Option<SmallDisk> {
        std::fs::create_dir_all(&folder).unwrap();
        let options = format!("size={size}");
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(&folder)
            .output();
        mount.is_ok_and(|output| output.status.success()).then_some(SmallDisk(folder))
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_named_and_nothing_is_lost() {
    let site = Site::with_toy();
    assert_success(&site.labpress(&["run", "--variant", "slow"]));
    let before = site.files("experiments");
    std::fs::remove_dir_all(site.path().join(".labpress")).unwrap();
    let Some(disk) = SmallDisk::at(site.path().join(".labpress"), "64k") else {
        eprintln!("skipped: only root can mount a small disk");
        return;
    };
    std::fs::write(disk.0.join("ballast"), vec![0; 44 << 10]).unwrap();
    let output = site.labpress(&["run", "--jobs", "1"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("No space left on device"), "{}", stderr(&output));
    assert_eq!(site.files("experiments"), before);
    drop(disk);
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
        check(&site, &["run", "--trace"], 0, &["strace is not installed"]);
        return;
    }
    let expected = [
        "the runner reads `experiments/toy/rates.json`, which is not among its inputs",
        "add `rates.json` to `inputs`",
        "the runner reads `notes.txt`",
        "the results are recorded despite 2 errors",
    ];
    check(&site, &["run", "--trace"], 1, &expected);
    check(&site, &["run", "--trace"], 0, &["all runs are fresh", "add `--force`"]);
    site.replace("experiments/toy/train.py", "; open('../../notes.txt').read()", "");
    site.replace(YAML, "inputs: [train.py]", "inputs: [train.py, \"*.json\"]");
    check(&site, &["run", "--trace"], 0, &["4 runs recorded"]);
}
