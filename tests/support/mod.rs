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

/// What a command says, whole: its exit status, standard output and standard error. What differs
/// from run to run is redacted.
pub fn said(site: &Site, arguments: &[&str]) -> String {
    let output = site.command(arguments).env("COLUMNS", "100").output().unwrap();
    let stderr = match stderr(&output) {
        text if text.is_empty() => text,
        text => format!("[stderr]\n{text}"),
    };
    let text = format!(
        "$ labpress {}\n{}{stderr}[exit status {}]\n",
        arguments.join(" "),
        answer(&output),
        output.status.code().unwrap_or(-1)
    );
    redacted(&text, site)
}

/// The text without folders, times and digests.
fn redacted(text: &str, site: &Site) -> String {
    let root = site.path().canonicalize().unwrap();
    let text = text.replace(&root.display().to_string(), "[SITE]");
    let time = regex::Regex::new(r"(?-u)\b\d+(\.\d+)? m?s\b").unwrap();
    let moment = regex::Regex::new(r"(?-u)\b\d{4}-\d\d-\d\dT[0-9:.]+Z").unwrap();
    let digest = regex::Regex::new(r"(?-u)\b[0-9a-f]{8}([0-9a-f]{56})?\b").unwrap();
    let text = time.replace_all(&text, "[TIME]");
    let text = moment.replace_all(&text, "[MOMENT]");
    // Eight decimal digits may be a number.
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mark = |found: &regex::Captures<'_>| match &found[0] {
        digits if is_number(digits) => digits.to_owned(),
        _ => "[DIGEST]".to_owned(),
    };
    digest.replace_all(&text, mark).into_owned()
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
