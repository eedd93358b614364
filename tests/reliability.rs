//! Errors are injected, and nothing is lost: docs/reliability.md is the table of them.
//!
//! `LABPRESS_KILLS=1000 cargo test --test reliability` kills more often. What needs strace,
//! faketime or the right to mount is skipped, with a line on standard error, where these are missing.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "a test starts programs and looks at files")]
#![expect(clippy::print_stderr, reason = "a test that could not be done says so")]

mod support;

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use labpress::experiment::record;
use snapbox::data::Inline;
use snapbox::str;
use support::killing::{events, kill, runners, start, supervisors};
use support::whole::{assert_same, assert_swept, assert_whole, left};
use support::{Site, answer, assert_success, check, has_checkpoint, records, stderr};

/// Ends at once, so that most of the time is labpress's own; counts how often it was started.
const RUNNER: &str = r#"
set -e
echo "$LABPRESS_RUN" >>../../.started
echo '{"kept": true}' >"$LABPRESS_RUN/table.json"
{
    echo '{"event":"start","environment":{"device":"none"}}'
    echo '{"event":"metric","name":"valid.accuracy","step":1,"value":0.5}'
    echo '{"event":"metric","name":"accuracy","value":0.30000000000000004}'
    echo '{"event":"artifact","name":"table","path":"table.json","kind":"table"}'
    echo '{"event":"done"}'
} >>"$LABPRESS_RUN/events.jsonl"
"#;
const YAML: &str = "experiments/quick/experiment.yml";

/// A site with one run, and a post that shows it.
fn quick() -> Site {
    let site = Site::empty();
    site.write(
        "_layouts/post.html",
        "<!doctype html>\n<title>{{ page.title }}</title>\n{{ content | safe }}\n",
    );
    let post =
        "---\ntitle: Quick\nlayout: post\n---\nIt gets {% value quick.default.accuracy %}.\n";
    site.write("_posts/2026-01-02-quick.md", post);
    site.write(YAML, "title: Quick\nrunner: {command: [sh, run.sh], inputs: [run.sh]}\n");
    site.write("experiments/quick/run.sh", RUNNER);
    site
}

/// What a build of a site that nothing happened to leaves.
fn undisturbed() -> BTreeMap<String, Vec<u8>> {
    let site = quick();
    assert_success(&site.labpress(&["build"]));
    let left = left(&site);
    assert_eq!(
        (records(&site, "quick").len(), site.files("experiments/quick/files").len()),
        (1, 1)
    );
    left
}

/// Checks that a site is whole after an error and that the next build, without one, makes it what it
/// would have been.
#[track_caller]
fn assert_nothing_lost(site: &Site, expected: &BTreeMap<String, Vec<u8>>, when: &str) {
    assert_whole(site, when);
    let output = site.labpress(&["build"]);
    assert!(output.status.success(), "{when}: {}", stderr(&output));
    assert_same(&left(site), expected, when);
    assert_swept(site, when);
}

/// Whether the program can be used here.
fn is_here(program: &str, arguments: &[&str]) -> bool {
    let tried =
        Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let is_here = tried.is_ok_and(|status| status.success());
    if !is_here {
        eprintln!("left out: `{program}` cannot be used here");
    }
    is_here
}

/// A command that is disturbed, and the site it is given.
struct Work {
    arguments: &'static [&'static str],
    site: fn() -> Site,
}

const BUILD: Work = Work { arguments: &["build"], site: quick };
const RUN: Work = Work { arguments: &["run", "--force"], site: built };
const PIN: Work = Work { arguments: &["pin", "2026-01-02-quick"], site: built };
const GC: Work = Work { arguments: &["gc", "--delete"], site: outdated };
const IMPORT: Work = Work { arguments: &["import", "."], site: jekyll };

fn built() -> Site {
    let site = quick();
    assert_success(&site.labpress(&["build"]));
    site
}

/// A site with things of every kind that nothing refers to: two records and the file and object
/// that they share, a pin, a log, and the folder of a run that failed.
fn outdated() -> Site {
    let site = quick();
    let runner = RUNNER.replace("\"kept\": true", "\"kept\": false");
    site.write("experiments/quick/run.sh", &format!("echo said\n{runner}"));
    site.replace(YAML, "title: Quick\n", "title: Quick\nseeds: 2\n");
    assert_success(&site.labpress(&["build"]));
    assert_success(&site.labpress(&["pin", "2026-01-02-quick"]));
    assert_success(&site.labpress(&["pin", "2026-01-02-quick", "--remove"]));
    site.write("experiments/quick/run.sh", "exit 1");
    assert!(!site.labpress(&["run"]).status.success());
    site.write("experiments/quick/run.sh", RUNNER);
    site.replace(YAML, "seeds: 2\n", "");
    assert_success(&site.labpress(&["build"]));
    let listed = answer(&site.labpress(&["gc"]));
    for kind in ["pin", "record", "file", "object", "run", "log"] {
        assert!(listed.lines().any(|line| line.starts_with(kind)), "{kind}: {listed}");
    }
    site
}

/// A blog that has not been imported.
fn jekyll() -> Site {
    let site = quick();
    site.write("_config.yml", "title: Test\nurl: https://example.org\ndestination: public\n");
    site.write(
        "_layouts/post.html",
        "<!doctype html>\n<title>{{ page.title }}</title>\n{{ content }}\n",
    );
    assert_success(&site.labpress(&["build"]));
    site
}

/// What is done to the nth call of a kind that each thread makes, see strace's `inject`.
#[derive(Clone, Copy)]
struct Error {
    calls: &'static str,
    done: &'static str,
    /// Whether it is done to all calls that follow, too.
    goes_on: bool,
    /// How many times further on the next call is that it is tried at.
    stride: usize,
}

/// All ways in which a file or folder comes to be, changes or goes.
const CHANGES: &str = "rename,renameat,renameat2,fsync,fdatasync,mkdir,mkdirat,unlink,unlinkat,rmdir,fchmod,ftruncate,\
    copy_file_range,sendfile,write";
/// All ways in which something is opened.
const OPENINGS: &str = "openat,dup,pipe2,socketpair";
/// All ways in which a disk is used.
const USES: &str = "openat,read,pread64,getdents64,statx,newfstatat,rename,renameat,renameat2,fsync,fdatasync,mkdir,\
    mkdirat,unlink,unlinkat,rmdir,fchmod,ftruncate,copy_file_range,sendfile,write,flock";

const KILL: Error = Error { calls: CHANGES, done: "signal=KILL", goes_on: false, stride: 2 };
const FULL: Error = Error { calls: CHANGES, done: "error=ENOSPC", goes_on: true, stride: 4 };
const BROKEN: Error = Error { calls: USES, done: "error=EIO", goes_on: false, stride: 4 };
const TOO_MANY_FILES: Error =
    Error { calls: OPENINGS, done: "error=EMFILE", goes_on: false, stride: 4 };

/// Runs labpress with an error at the nth call of a kind. `None` if it does not make so many.
fn disturbed(
    site: &Site,
    arguments: &[&str],
    error: Error,
    call: &str,
    number: usize,
) -> Option<Output> {
    let program = site.command(&[]).get_program().to_owned();
    let trace = tempfile::NamedTempFile::new().unwrap();
    let goes_on = if error.goes_on { "+" } else { "" };
    // An end in time is part of what is checked.
    let mut strace = Command::new("timeout");
    strace.args(["-s", "KILL", "120", "strace", "-f", "-qq", "-o"]).arg(trace.path());
    strace.args([
        "-e",
        &format!("trace={call}"),
        "-e",
        &format!("inject={call}:{}:when={number}{goes_on}", error.done),
    ]);
    let output = strace.arg(program).args(arguments).current_dir(site.path()).output().unwrap();
    assert_ne!(output.status.code(), Some(137), "it hangs with {} at {call} {number}", error.done);
    let traced = String::from_utf8_lossy(&std::fs::read(trace.path()).unwrap()).into_owned();
    (traced.contains("(INJECTED)") || traced.contains("killed by SIGKILL")).then_some(output)
}

/// Disturbs a command at the nth call of every kind of an error, each time on a new site: n = 1, 3,
/// 7, 15, … by the error's stride, or with `LABPRESS_KILLS` 1 to 8 and then an eighth further each
/// time, until it makes no more calls. Returns how often it was disturbed.
#[track_caller]
fn check_every_call(work: &Work, error: Error) -> Option<usize> {
    if !is_here("strace", &["-o", "/dev/null", "-e", "inject=mkdir:signal=KILL", "true"]) {
        return None;
    }
    let next = |number| {
        if std::env::var_os("LABPRESS_KILLS").is_some() {
            number + 1 + number / 8
        } else {
            number * error.stride + 1
        }
    };
    let (before, undisturbed) = ((work.site)(), (work.site)());
    assert_success(&undisturbed.labpress(work.arguments));
    assert_success(&undisturbed.labpress(&["build"]));
    let expected = left(&undisturbed);
    let mut times = 0;
    for call in error.calls.split(',') {
        for number in std::iter::successors(Some(1), |number| Some(next(*number))) {
            let site = before.copy();
            let Some(output) = disturbed(&site, work.arguments, error, call, number) else {
                break;
            };
            times += 1;
            let when = format!(
                "after `labpress {}` with {} at {call} {number}, which said: {}",
                work.arguments.join(" "),
                error.done,
                stderr(&output)
            );
            assert!(!stderr(&output).contains("panicked"), "{when}");
            assert_whole(&site, &when);
            let status = site.labpress(&["status"]);
            assert!(status.status.success(), "{}{when}", stderr(&status));
            let build = site.labpress(&["build"]);
            assert!(build.status.success(), "{}{when}", stderr(&build));
            let again = site.labpress(work.arguments);
            assert!(again.status.success(), "{}{when}", stderr(&again));
            assert_nothing_lost(&site, &expected, &when);
        }
    }
    eprintln!("labpress {}: {} at {times} calls", work.arguments.join(" "), error.done);
    Some(times)
}

#[track_caller]
fn check_disturbed(error: Error, works: &[Work]) {
    for work in works {
        let times = check_every_call(work, error);
        assert!(times.is_none_or(|times| times > 3), "{times:?}");
    }
}

#[test]
fn killed_before_any_change_of_a_file_nothing_is_lost() {
    check_disturbed(KILL, &[BUILD, RUN, PIN, GC, IMPORT]);
}

#[test]
fn with_a_disk_that_is_full_from_any_change_on_nothing_is_lost() {
    check_disturbed(FULL, &[BUILD, RUN, GC, IMPORT]);
}

#[test]
fn with_a_broken_disk_at_any_use_nothing_is_lost() {
    check_disturbed(BROKEN, &[BUILD, RUN, GC, IMPORT]);
}

#[test]
fn with_too_many_open_files_at_any_opening_nothing_is_lost() {
    check_disturbed(TOO_MANY_FILES, &[BUILD, RUN, GC, IMPORT]);
}

#[test]
fn killed_at_any_moment_around_a_commit_nothing_is_lost() {
    let kills = std::env::var("LABPRESS_KILLS").map_or(20, |kills| kills.parse().unwrap());
    let expected = undisturbed();
    let mut killed = 0;
    for number in 1_u64.. {
        let site = quick();
        let mut labpress = site.command(&["build"]).stderr(Stdio::null()).spawn().unwrap();
        // From 0 to 60 ms, without rhythm and the same every time.
        let moment = Duration::from_micros(number * 26_309 % 60_000);
        std::thread::sleep(moment);
        killed += usize::from(labpress.try_wait().unwrap().is_none());
        labpress.kill().unwrap();
        labpress.wait().unwrap();
        assert_nothing_lost(&site, &expected, &format!("killed after {moment:?}"));
        if killed == kills {
            break;
        }
    }
}

/// The one record of the site: its path and its bytes.
fn one_record(site: &Site) -> (String, Vec<u8>) {
    let (file, bytes) = site.files("experiments/quick/runs").into_iter().next().unwrap();
    (format!("experiments/quick/runs/{}", file.display()), bytes)
}

#[test]
fn every_flipped_bit_of_a_record_that_changes_its_meaning_is_found() {
    let site = quick();
    assert_success(&site.labpress(&["run"]));
    let (path, bytes) = one_record(&site);
    let right = record::parse(&path, std::str::from_utf8(&bytes).unwrap()).unwrap();
    let (mut found, mut same) = (0, 0);
    for place in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[place / 8] ^= 1 << (place % 8);
        // What is no text is told apart when the site is read.
        match std::str::from_utf8(&flipped).map(|text| record::parse(&path, text)) {
            // Such as 0.30000000000000004 and 0.30000000000000005, which are one number.
            Ok(Ok(record)) => {
                assert_eq!(record, right, "bit {place}");
                same += 1;
            }
            Ok(Err(_)) | Err(_) => found += 1,
        }
    }
    assert!(found > 6000 && same < 10, "{found} found, {same} the same");
}

/// Checks that a damaged record is named by a build, which leaves the pages alone, and made again
/// by `labpress run`.
#[track_caller]
fn check_damaged_record(damage: impl FnOnce(&mut Vec<u8>), expected: Inline) {
    let site = quick();
    assert_success(&site.labpress(&["build"]));
    let before = left(&site);
    let pages = site.files("public");
    let (path, mut bytes) = one_record(&site);
    damage(&mut bytes);
    std::fs::write(site.path().join(&path), bytes).unwrap();
    check(&site, &["build", "--locked"], expected);
    // A build that may run something has the same error, and no other.
    let output = site.labpress(&["build"]);
    assert_eq!(output.status.code(), Some(1));
    let error = stderr(&output).replace("nothing was written because of 1 error\n", "");
    assert!(stderr(&site.labpress(&["build", "--locked"])).contains(&error), "{error}");
    assert_eq!(site.files("public"), pages);
    assert_success(&site.labpress(&["run"]));
    assert_nothing_lost(&site, &before, "after the record was damaged");
}

#[test]
fn a_flipped_bit_in_a_record_is_reported_and_the_run_re_run() {
    check_damaged_record(
        |record| {
            let place = record.windows(4).position(|four| four == b"0000").unwrap();
            record[place] ^= 1;
        },
        str![[r#"
$ labpress build --locked
[stderr]
error: `quick` has no results
 --> _posts/2026-01-02-quick.md:5:18
hint: run `labpress run quick` and commit its records

error: the record was altered: its content does not match its digest
 --> experiments/quick/runs/default-s0-[DIGEST].json
hint: restore it from git, or delete it and run `labpress run quick` to recreate it

nothing was written because of 2 errors
[exit status 1]

"#]],
    );
}

#[test]
fn a_record_that_is_not_text_is_reported_and_the_run_re_run() {
    check_damaged_record(
        |record| record[5] ^= 0x80,
        str![[r#"
$ labpress build --locked
[stderr]
error: `quick` has no results
 --> _posts/2026-01-02-quick.md:5:18
hint: run `labpress run quick` and commit its records

error: is not valid UTF-8 at byte 5
 --> experiments/quick/runs/default-s0-[DIGEST].json
hint: save it as UTF-8

nothing was written because of 2 errors
[exit status 1]

"#]],
    );
}

#[test]
fn a_truncated_record_is_reported_and_the_run_re_run() {
    check_damaged_record(
        |record| record.truncate(record.len() / 2),
        str![[r#"
$ labpress build --locked
[stderr]
error: `quick` has no results
 --> _posts/2026-01-02-quick.md:5:18
hint: run `labpress run quick` and commit its records

error: the record is damaged: EOF while parsing a value
 --> experiments/quick/runs/default-s0-[DIGEST].json:15:15
hint: restore it from git, or delete it and run `labpress run quick` to recreate it

nothing was written because of 2 errors
[exit status 1]

"#]],
    );
}

#[test]
fn a_merge_conflict_in_a_record_is_reported_and_the_run_re_run() {
    check_damaged_record(
        |record| drop(record.splice(2..2, *b"<<<<<<< HEAD\n")),
        str![[r#"
$ labpress build --locked
[stderr]
error: `quick` has no results
 --> _posts/2026-01-02-quick.md:5:18
hint: run `labpress run quick` and commit its records

error: the record has an unresolved merge conflict
 --> experiments/quick/runs/default-s0-[DIGEST].json:2:1
hint: restore it from git, or delete it and run `labpress run quick` to recreate it

nothing was written because of 2 errors
[exit status 1]

"#]],
    );
}

#[test]
fn a_flipped_bit_in_a_needed_object_is_found_and_the_run_re_run() {
    let site = quick();
    let reader = RUNNER.replace(
        "echo '{\"kept\"",
        "grep -q '\"kept\": true' ../../.labpress/objects/*/* || exit 9\necho '{\"kept\"",
    );
    site.write("experiments/reader/run.sh", &reader);
    site.write(
        "experiments/reader/experiment.yml",
        "title: R\nrunner: {command: [sh, run.sh], inputs: [run.sh]}\nneeds: [quick]\n",
    );
    assert_success(&site.labpress(&["run", "quick"]));
    let (object, content) = site.files(".labpress/objects").into_iter().next().unwrap();
    let object = site.path().join(".labpress/objects").join(object);
    let mut bytes = content.clone();
    bytes[3] ^= 1;
    std::fs::write(&object, bytes).unwrap();
    check(
        &site,
        &["run", "reader"],
        str![[r#"
$ labpress run reader
[stderr]
stale quick/default seed 0: its artifact `table` is needed and damaged: `[SITE]/.labpress/objects/5e/f060368ff58cd9ea535e4ba343b96c215d301327ac86e10952d887371f0e2f`
stale reader/default seed 0: no result is recorded
start quick/default seed 0
done  quick/default seed 0 accuracy 0.3000
start reader/default seed 0
done  reader/default seed 0 accuracy 0.3000
2 runs recorded in [TIME]
[exit status 0]

"#]],
    );
    assert_eq!(std::fs::read(&object).unwrap(), content);
    assert_whole(&site, "after the run was re-run");
}

#[test]
fn a_missing_runner_is_reported_and_the_other_runs_continue() {
    let site = quick();
    site.write(
        "experiments/lost/experiment.yml",
        "title: Lost\nrunner: {command: [no-such-program]}\n",
    );
    check(
        &site,
        &["run", "--jobs", "1"],
        str![[r#"
$ labpress run --jobs 1
[stderr]
stale lost/default seed 0: no result is recorded
stale quick/default seed 0: no result is recorded
start lost/default seed 0
FAIL  lost/default seed 0: cannot start `no-such-program`: No such file or directory (os error 2)
start quick/default seed 0
done  quick/default seed 0 accuracy 0.3000
1 run recorded in [TIME]
1 run without a result
[exit status 1]

"#]],
    );
    assert_eq!(records(&site, "quick").len(), 1);
    assert!(records(&site, "lost").is_empty());
    site.write("experiments/lost/run.sh", RUNNER);
    site.replace("experiments/lost/experiment.yml", "[no-such-program]", "[sh, run.sh]");
    check(
        &site,
        &["run"],
        str![[r#"
$ labpress run
[stderr]
stale lost/default seed 0: no result is recorded
start lost/default seed 0
done  lost/default seed 0 accuracy 0.3000, copied from an identical run
1 run recorded in [TIME]
[exit status 0]

"#]],
    );
}

#[test]
fn with_the_clock_moved_back_what_is_recorded_stays_fresh() {
    if !is_here("faketime", &["2001-01-01", "true"]) {
        return;
    }
    let site = quick();
    let back = |arguments: &[&str]| {
        let program = site.command(&[]).get_program().to_owned();
        Command::new("faketime")
            .arg("2001-01-01")
            .arg(program)
            .args(arguments)
            .current_dir(site.path())
            .output()
            .unwrap()
    };
    // Posts of today are of the future then. `contains` because durations are odd under faketime.
    assert_success(&site.labpress(&["build"]));
    let before = left(&site);
    let output = back(&["build", "--future"]);
    assert_success(&output);
    assert!(stderr(&output).contains("0 files written"), "{}", stderr(&output));
    assert!(left(&site) == before);
    site.replace(YAML, "title: Quick\n", "title: Quick\nparams: {rate: 1}\n");
    assert_success(&back(&["run"]));
    site.replace(YAML, "params: {rate: 1}\n", "");
    let output = back(&["run"]);
    assert!(stderr(&output).contains("all runs are fresh"), "{}", stderr(&output));
    assert_eq!(records(&site, "quick").len(), 2);
}

/// How often the runner was started.
fn starts(site: &Site) -> usize {
    site.read(".started").lines().count()
}

/// The user `nobody`.
const NOBODY: u32 = 65_534;

#[test]
fn a_result_that_could_not_be_recorded_in_a_read_only_folder_is_recorded_later_without_a_run() {
    let site = quick();
    let runs = site.path().join("experiments/quick/runs");
    std::fs::create_dir_all(&runs).unwrap();
    std::fs::set_permissions(&runs, std::fs::Permissions::from_mode(0o555)).unwrap();
    let mut command = site.command(&["run"]);
    // For root nothing is read-only, so somebody else does it.
    if std::fs::metadata(site.path()).unwrap().uid() == 0 {
        give(site.path(), NOBODY);
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = match command.output() {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            return eprintln!("left out: `nobody` cannot start labpress here");
        }
        output => output.unwrap(),
    };
    assert_eq!(output.status.code(), Some(1));
    // The message names a temporary file.
    let expected = "cannot write `";
    assert!(
        stderr(&output).contains(expected) && stderr(&output).contains("Permission denied"),
        "{}",
        stderr(&output)
    );
    assert!(records(&site, "quick").is_empty());
    std::fs::set_permissions(&runs, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_success(&site.labpress(&["run"]));
    assert_eq!((records(&site, "quick").len(), starts(&site)), (1, 1));
}

/// Makes somebody the owner of all that is under `folder`.
fn give(folder: &Path, owner: u32) {
    for entry in walkdir::WalkDir::new(folder) {
        chown(entry.unwrap().path(), Some(owner), Some(owner)).unwrap();
    }
}

#[test]
fn a_full_disk_is_reported_and_labpress_continues_when_there_is_room() {
    if !is_here("unshare", &["--mount", "mount", "-t", "tmpfs", "none", "/mnt"]) {
        return;
    }
    let site = quick();
    site.write(
        "full-disk.sh",
        r#"
        set -e
        mkdir ../disk-$$
        mount -t tmpfs -o size=128k none ../disk-$$
        cp -r . ../disk-$$
        cd ../disk-$$
        cat /dev/zero >ballast 2>/dev/null || true
        set +e
        "$1" run
        echo "full: $?"
        ls experiments/quick/runs 2>/dev/null
        rm ballast
        "$1" build >/dev/null 2>&1
        echo "with room: $?"
        ls experiments/quick/runs
        cd /
        umount "$OLDPWD" && rmdir "$OLDPWD"
        "#,
    );
    let program = site.command(&[]).get_program().to_owned();
    let mut unshare = Command::new("unshare");
    let output = unshare
        .args(["--mount", "sh", "full-disk.sh"])
        .arg(program)
        .current_dir(site.path())
        .output()
        .unwrap();
    let record = records(&built(), "quick").into_keys().next().unwrap();
    assert_eq!(
        answer(&output),
        format!("full: 1\nwith room: 0\n{record}\n"),
        "{}",
        stderr(&output)
    );
    // Which write is the first that fails depends on the sizes of blocks.
    assert!(stderr(&output).contains("No space left on device"), "{}", stderr(&output));
}

/// A run of the toy, which tells each number once, killed after its first checkpoint; and the path
/// of what it has said.
fn killed_toy() -> (Site, String) {
    let site = Site::with_toy();
    let yaml = support::TOY_EXPERIMENT
        .replace("rate: 0.1", "rate: 0.1, seconds: 0.1")
        .replace("seeds: 2", "seeds: 1");
    site.write("experiments/toy/experiment.yml", &yaml.replace("  fast: {rate: 0.5}\n", ""));
    let labpress = start(&site, &["run"]);
    while !has_checkpoint(&site) {
        std::thread::sleep(Duration::from_millis(2));
    }
    runners(&labpress).into_iter().for_each(kill);
    assert!(!labpress.wait_with_output().unwrap().status.success(), "it was killed too late");
    let runs = site.files(".labpress/runs");
    let events = runs.keys().find(|path| path.ends_with("events.jsonl")).unwrap();
    let path = format!(".labpress/runs/{}", events.display());
    (site, path)
}

/// Checks that a run whose events were damaged while it was interrupted ends in the record of one
/// that was not.
#[track_caller]
fn check_damaged_events(damage: impl FnOnce(&str) -> String) {
    let recorded = |site: &Site| {
        assert_success(&site.labpress(&["run"]));
        records(site, "toy")
    };
    let (whole, _) = killed_toy();
    let (site, path) = killed_toy();
    site.write(&path, &damage(&site.read(&path)));
    assert_eq!(recorded(&site), recorded(&whole));
}

#[test]
fn a_line_of_events_that_was_cut_is_made_again() {
    check_damaged_events(|events| events.to_owned() + r#"{"event":"metric","na"#);
}

#[test]
fn with_a_damaged_line_of_events_the_run_starts_over() {
    check_damaged_events(|events| events.replace("valid.accuracy", "valid\u{0}accuracy"));
}

#[test]
fn a_run_that_failed_after_it_said_done_does_not_become_a_result() {
    let site = quick();
    site.write("experiments/quick/run.sh", &format!("{RUNNER}exit 3\n"));
    for _ in 0..2 {
        check(
            &site,
            &["run"],
            str![[r#"
$ labpress run
[stderr]
stale quick/default seed 0: no result is recorded
start quick/default seed 0
FAIL  quick/default seed 0 exited with status 3; its log is empty ([SITE]/.labpress/runs/quick/default-s0-[DIGEST]/log.txt)
0 runs recorded in [TIME]
1 run without a result
[exit status 1]

"#]],
        );
    }
    assert_eq!((records(&site, "quick").len(), starts(&site)), (0, 2));
}

/// Whom to kill while the runner is at work.
#[derive(Clone, Copy, PartialEq)]
enum Victim {
    Labpress,
    /// Then nobody learns how the runner exits.
    LabpressAndSupervisor,
}

/// Kills after the runner has said `done`, and lets it exit with `status` afterwards. Then runs
/// labpress again, and returns how that went, whether there is a record and how often the runner
/// was started.
#[track_caller]
fn after_a_kill_before_the_exit(victim: Victim, status: u8) -> (Output, usize, usize) {
    let site = quick();
    let waits = "while ! [ -e ../../.go ]; do sleep 0.01; done";
    site.write("experiments/quick/run.sh", &format!("{RUNNER}{waits}\nexit {status}\n"));
    let mut labpress = start(&site, &["run"]);
    while !events(&site).contains("done") {
        assert!(labpress.try_wait().unwrap().is_none(), "it has ended");
        std::thread::sleep(Duration::from_millis(2));
    }
    let supervisors = supervisors(&labpress);
    kill(labpress.id());
    labpress.wait().unwrap();
    if victim == Victim::LabpressAndSupervisor {
        supervisors.into_iter().for_each(kill);
    }
    site.write(".go", "");
    let output = site.labpress(&["run"]);
    (output, records(&site, "quick").len(), starts(&site))
}

#[test]
fn a_run_that_fails_after_labpress_was_killed_does_not_become_a_result() {
    let (output, records, starts) = after_a_kill_before_the_exit(Victim::Labpress, 3);
    // It says whether it had to wait for the run, which depends on who is faster.
    assert!(stderr(&output).contains("exited with status 3"), "{}", stderr(&output));
    assert_eq!((output.status.code(), records, starts), (Some(1), 0, 2));
}

#[test]
fn a_run_that_succeeds_after_labpress_was_killed_is_recorded_without_another_start() {
    let (output, records, starts) = after_a_kill_before_the_exit(Victim::Labpress, 0);
    assert_success(&output);
    assert_eq!((records, starts), (1, 1));
}

#[test]
fn a_run_with_an_unknown_exit_status_is_re_run() {
    let (output, records, starts) = after_a_kill_before_the_exit(Victim::LabpressAndSupervisor, 0);
    assert_success(&output);
    assert_eq!((records, starts), (1, 2));
}

#[test]
fn a_process_that_a_run_leaves_behind_is_ended_with_it() {
    let site = quick();
    // In a session of its own, without a parent, with the run's lock as its standard input.
    let leaves = "setsid sh -c 'sleep 300 & echo $! >../../.left' &\nwhile ! [ -s ../../.left ]; do sleep 0.01; done";
    site.write("experiments/quick/run.sh", &format!("{RUNNER}{leaves}\nexit 1\n"));
    for _ in 0..2 {
        check(
            &site,
            &["run"],
            str![[r#"
$ labpress run
[stderr]
stale quick/default seed 0: no result is recorded
start quick/default seed 0
FAIL  quick/default seed 0 exited with status 1; its log is empty ([SITE]/.labpress/runs/quick/default-s0-[DIGEST]/log.txt)
0 runs recorded in [TIME]
1 run without a result
[exit status 1]

"#]],
        );
        let left = site.read(".left");
        assert!(
            !Path::new(&format!("/proc/{}", left.trim())).exists(),
            "process {left} is still running"
        );
        std::fs::remove_file(site.path().join(".left")).unwrap();
    }
}

/// Waits until labpress has written this to standard error, and returns the line.
fn said(labpress: &mut std::process::Child, expected: &str) -> String {
    use std::io::BufRead as _;
    let lines = std::io::BufReader::new(labpress.stderr.as_mut().unwrap()).lines();
    lines.map(Result::unwrap).find(|line| line.contains(expected)).unwrap()
}

fn terminate(process: &std::process::Child) {
    rustix::process::kill_process(
        rustix::process::Pid::from_child(process),
        rustix::process::Signal::TERM,
    )
    .unwrap();
}

#[test]
fn who_holds_the_lock_of_a_run_is_named_and_waiting_for_it_can_be_stopped() {
    let site = quick();
    site.write("experiments/quick/run.sh", "exit 1\n");
    site.labpress(&["run"]);
    let stem = std::fs::read_dir(site.path().join(".labpress/runs/quick"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let lock = std::fs::File::options().write(true).open(stem.path().join("lock")).unwrap();
    lock.lock().unwrap();
    let mut labpress = start(&site, &["run"]);
    let line = said(&mut labpress, "waiting for it to end");
    assert!(line.contains(&format!("process {} (`", std::process::id())), "{line}");
    terminate(&labpress);
    assert_eq!(labpress.wait().unwrap().code(), Some(1));
}

#[test]
fn who_holds_the_lock_of_the_site_is_named_and_waiting_for_it_can_be_stopped() {
    let site = quick();
    site.write(
        "experiments/quick/run.sh",
        &format!("{RUNNER}while ! [ -e ../../.go ]; do sleep 0.01; done\n"),
    );
    let mut first = start(&site, &["run"]);
    while !events(&site).contains("done") {
        std::thread::sleep(Duration::from_millis(2));
    }
    let mut second = start(&site, &["run"]);
    let line = said(&mut second, "waiting for it to finish");
    assert!(line.contains(&format!("process {} (`", first.id())), "{line}");
    terminate(&second);
    assert!(!second.wait().unwrap().success());
    site.write(".go", "");
    assert!(first.wait().unwrap().success());
}
