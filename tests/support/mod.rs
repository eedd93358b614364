//! What the tests of the whole program share: a site in a temporary folder, and the program run in
//! it.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "every test program uses its own part of this, and tests make, read and panic as they please"
)]

#[cfg(target_os = "linux")]
pub mod killing;
pub mod random;
#[cfg(unix)]
pub mod serving;
pub mod whole;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A site in a folder of its own, which is removed with it.
pub struct Site {
    path: PathBuf,
    _folder: Option<tempfile::TempDir>,
}

/// A runner that needs no more than Python: it "trains" for as many epochs as it is told, keeps a
/// checkpoint, and its numbers depend on parameters and seed alone.
pub const TOY_RUNNER: &str = r#"
import json, os, pathlib, time

folder = pathlib.Path(os.environ["LABPRESS_RUN"])
job = json.loads((folder / "run.json").read_text())
params, checkpoint = job["params"], folder / "checkpoint" / "epoch"
first = 1 + int(checkpoint.read_text()) if job["resume"] and checkpoint.exists() else 1
with open(folder / "events.jsonl", "a") as events:
    def say(event, **facts):
        print(json.dumps({"event": event, **facts}), file=events, flush=True)
    say("start", environment={"device": "none"}, steps=params["epochs"])
    for epoch in range(first, params["epochs"] + 1):
        time.sleep(params.get("seconds", 0))
        say("metric", name="valid.accuracy", step=epoch, value=1 - 1 / (1 + epoch * params["rate"] + job["seed"]))
        temporary = checkpoint.with_suffix(".tmp")
        temporary.write_text(str(epoch))
        temporary.rename(checkpoint)
        if params.get("fail-at") == epoch:
            raise SystemExit("the net caught fire")
    (folder / "table.json").write_text(json.dumps(params))
    say("artifact", name="table", path="table.json", kind="table")
    say("metric", name="accuracy", value=1 - 1 / (1 + params["epochs"] * params["rate"] + job["seed"]))
    say("metric", name="seconds", value=time.process_time(), timing=True)
    say("done")
"#;

/// An experiment that [`TOY_RUNNER`] runs.
pub const TOY_EXPERIMENT: &str = r#"title: A toy
runner: {command: [python3, train.py], inputs: [train.py]}
seeds: 2
params: {epochs: 3, rate: 0.1}
variants:
  slow: {}
  fast: {rate: 0.5}
metrics: {accuracy: {goal: max, unit: "%"}, valid.accuracy: {goal: max, unit: "%"}}
"#;

/// A post that shows it.
pub const TOY_POST: &str = "---\ntitle: A toy\nlayout: post\n---\nFast gets {% value toy.fast.accuracy %}.\n\n{% chart toy curves %}\n\n{% table toy %}\n";

impl Site {
    pub fn empty() -> Site {
        let site = Site::without_files();
        site.write("_config.yml", "title: Test\nurl: https://example.org\n");
        site
    }

    /// A site with one post that shows one experiment.
    pub fn with_toy() -> Site {
        let site = Site::empty();
        site.write(
            "_layouts/post.html",
            "<!doctype html>\n<title>{{ page.title }}</title>\n{{ content | safe }}\n",
        );
        site.write("_posts/2026-01-02-toy.md", TOY_POST);
        site.write("experiments/toy/experiment.yml", TOY_EXPERIMENT);
        site.write("experiments/toy/train.py", TOY_RUNNER);
        site
    }

    fn without_files() -> Site {
        let folder = tempfile::tempdir().unwrap();
        Site { path: folder.path().to_owned(), _folder: Some(folder) }
    }

    /// The site in a folder that is somebody else's.
    pub fn at(path: PathBuf) -> Site {
        Site { path, _folder: None }
    }

    /// The same site in another folder, `.labpress` and all.
    pub fn copy(&self) -> Site {
        let copy = Site::without_files();
        copy_folder(self.path(), copy.path());
        copy
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path().join(path))
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub fn replace(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{path} does not hold {from}");
        self.write(path, &text.replace(from, to));
    }

    pub fn labpress(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(arguments)
            .current_dir(self.path())
            .env_remove("LABPRESS_LAB")
            .env_remove("LABPRESS_DATA");
        command
    }

    /// All files under `folder` with their contents, by path from there.
    pub fn files(&self, folder: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let root = self.path().join(folder);
        let files = walkdir::WalkDir::new(&root).into_iter().filter_map(Result::ok);
        files
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| {
                (
                    entry.path().strip_prefix(&root).unwrap().to_owned(),
                    std::fs::read(entry.path()).unwrap(),
                )
            })
            .collect()
    }
}

/// Copies all that is in a folder.
pub fn copy_folder(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).min_depth(1) {
        let entry = entry.unwrap();
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(target).unwrap();
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The program `labpress`. Cargo names it to tests of its own package; other packages of the
/// workspace find it where a build of the workspace puts it.
fn program() -> PathBuf {
    if let Some(program) = option_env!("CARGO_BIN_EXE_labpress") {
        return program.into();
    }
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("labpress");
    assert!(program.exists(), "`{}` is missing: run `cargo build` first", program.display());
    program
}

/// Runs labpress in a site and compares what it says with a snapshot; see [`said`].
///
/// `SNAPSHOTS=overwrite cargo test` writes snapshots that are `str![]` into the test. Runs that are
/// done at the same time end in any order: a test that does several says `--jobs 1`.
#[track_caller]
pub fn check(site: &Site, arguments: &[&str], expected: impl snapbox::IntoData) {
    check_command(site, &mut site.command(arguments), expected);
}

/// The same for a command that [`Site::command`] made, with another environment.
#[track_caller]
pub fn check_command(site: &Site, command: &mut Command, expected: impl snapbox::IntoData) {
    check_text(said_by(site, command), expected);
}

/// Compares a text with a snapshot.
#[track_caller]
pub fn check_text(text: String, expected: impl snapbox::IntoData) {
    snapbox::Assert::new().action_env(snapbox::assert::DEFAULT_ACTION_ENV).eq(text, expected.raw());
}

/// What a command says, whole: its exit status, standard output and standard error. What differs
/// from run to run is redacted, and the lines about single epochs are left out unless it is asked
/// to be verbose.
pub fn said(site: &Site, arguments: &[&str]) -> String {
    said_by(site, &mut site.command(arguments))
}

/// The same for a command that [`Site::command`] made.
pub fn said_by(site: &Site, command: &mut Command) -> String {
    let output = command.env("COLUMNS", "100").output().unwrap();
    let arguments: Vec<_> = command.get_args().map(std::ffi::OsStr::to_string_lossy).collect();
    transcript(site, &arguments, &output)
}

/// The same for a command that has ended.
pub fn transcript(site: &Site, arguments: &[impl AsRef<str>], output: &Output) -> String {
    let arguments: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
    let stderr = match stderr(output) {
        text if text.is_empty() => text,
        text => format!("[stderr]\n{text}"),
    };
    let text = format!(
        "$ labpress {}\n{}{stderr}[exit status {}]\n",
        arguments.join(" "),
        answer(output),
        output.status.code().unwrap_or(-1)
    );
    let is_verbose = arguments.iter().any(|argument| matches!(*argument, "-v" | "--verbose"));
    redacted(&if is_verbose { text } else { without_epochs(&text) }, site)
}

fn without_epochs(text: &str) -> String {
    let epoch = regex::Regex::new(r"(?m)^      [^ \n]+ seed [0-9]+ epoch .*\n").unwrap();
    epoch.replace_all(text, "").into_owned()
}

/// The text without folders, times and digests.
fn redacted(text: &str, site: &Site) -> String {
    let root = site.path().canonicalize().unwrap();
    let mut text = text.replace(&root.display().to_string(), "[SITE]");
    for (pattern, mark) in [
        (r"\b\d{4}-\d\d-\d\dT[0-9:.]+Z", "[MOMENT]"),
        (r"\b\d{8}T\d{6}Z", "[MOMENT]"),
        (r"\b(verified|rerun) \d{4}-\d\d-\d\d\b", "$1 [DATE]"),
        (r"\bseconds \d+\.\d+\b", "seconds [TIME]"),
        // A limit is what the test says, and no test takes minutes: they are predicted.
        (r"\b(?<kept>limit of |\d+ min )?\d+(\.\d+)? m?s\b", "[TIME]"),
        (r"\b(?<kept>limit of )?\d+ MiB\b", "[SIZE]"),
        (r"\b\d+(\.\d)? k?B\b", "[SIZE]"),
        (r"\b[0-9a-f]{64}\b", "[DIGEST]"),
        // Eight decimal digits may be a number.
        (r#"([-(/`"]|from |to |new: )\d{8}\b"#, "$1[DIGEST]"),
        (r"\b((?<kept>\d{8})|[0-9a-f]{8})\b", "[DIGEST]"),
    ] {
        let pattern = regex::Regex::new(&format!("(?-u){pattern}")).unwrap();
        let replaced = pattern.replace_all(&text, |found: &regex::Captures<'_>| {
            let mut replaced = String::new();
            match found.name("kept") {
                Some(_) => replaced.push_str(&found[0]),
                None => found.expand(mark, &mut replaced),
            }
            replaced
        });
        text = replaced.into_owned();
    }
    if text.contains("[TIME]") || text.contains("[SIZE]") { narrowed(&text) } else { text }
}

/// The text with two spaces between the columns of tables, whose widths depend on the times and
/// sizes in them.
fn narrowed(text: &str) -> String {
    let gap = regex::Regex::new(r"([^ \n])   +").unwrap();
    gap.replace_all(text, "$1  ").into_owned()
}

/// What a program wrote to standard error.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a program wrote to standard output.
pub fn answer(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
pub fn assert_success(output: &Output) {
    assert!(output.status.success(), "{}\n{}", answer(output), stderr(output));
}

/// The record without what no rerun repeats: when it was made, how long it took, and so its own
/// digest.
pub fn repeatable(record: &str) -> serde_json::Value {
    let mut record: serde_json::Value = serde_json::from_str(record).unwrap();
    for key in ["finished", "timing", "digest"] {
        record.as_object_mut().unwrap().remove(key);
    }
    record
}

/// The records of an experiment without what no rerun repeats, by file name.
pub fn records(site: &Site, experiment: &str) -> BTreeMap<String, serde_json::Value> {
    let files = site.files(&format!("experiments/{experiment}/runs"));
    let text = |bytes| String::from_utf8(bytes).unwrap();
    files
        .into_iter()
        .map(|(path, bytes)| (path.display().to_string(), repeatable(&text(bytes))))
        .collect()
}

/// The files under a folder in which a run is at work: some may go away at any moment.
fn paths(site: &Site, folder: &str) -> Vec<PathBuf> {
    let entries =
        walkdir::WalkDir::new(site.path().join(folder)).into_iter().filter_map(Result::ok);
    entries.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
}

/// Whether a run has a checkpoint.
pub fn has_checkpoint(site: &Site) -> bool {
    let is_in_checkpoint =
        |path: &PathBuf| path.parent().is_some_and(|folder| folder.ends_with("checkpoint"));
    paths(site, ".labpress/runs").iter().any(is_in_checkpoint)
}
