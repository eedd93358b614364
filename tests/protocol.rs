//! The page for authors of runners, docs/protocol.md, is true: its programs run, and its list of
//! events is the whole list.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "a test reads files and the environment")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use labpress::runner::collect::event;
use labpress_runner::protocol::{Diverged, Event, NotFinite};
use support::killing::{kill, runners, start};
use support::{Site, assert_success, has_checkpoint, records};

fn page() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/protocol.md")).unwrap()
}

/// The code of the page's first fence of this language.
fn fence(language: &str) -> String {
    let page = page();
    let (_, rest) = page.split_once(&format!("\n```{language}\n")).unwrap();
    rest.split_once("\n```\n").unwrap().0.to_owned() + "\n"
}

/// The page's experiment with one run, long enough to be killed in its midst.
fn site(command: &str, flips: u32) -> Site {
    let site = Site::empty();
    let yaml = fence("yaml")
        .replace("[python3, coin.py]", command)
        .replace("flips: 1000", &format!("flips: {flips}"));
    let yaml = yaml.replace("seeds: 3", "seeds: 1").replace("  fair: {}\n", "");
    site.write("experiments/coin/experiment.yml", &yaml);
    site.write("experiments/coin/coin.py", &fence("python"));
    site
}

/// A site whose run was killed after its first checkpoint.
#[track_caller]
fn killed(command: &str, flips: u32) -> Site {
    let site = site(command, flips);
    let labpress = start(&site, &["run"]);
    while !has_checkpoint(&site) {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    runners(&labpress).into_iter().for_each(kill);
    let output = labpress.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "it was killed too late");
    site
}

/// Checks that a run that is killed half-way resumes and ends with the record of one that is
/// not.
#[track_caller]
fn check_resumes(command: &str, flips: u32) {
    let recorded = |site: &Site| {
        assert_success(&site.labpress(&["run"]));
        records(site, "coin").into_values().next().unwrap()
    };
    let expected = recorded(&site(command, flips));
    assert_eq!(expected["series"]["share"].as_array().unwrap().len(), 20);
    assert!(expected["metrics"]["error"].as_f64().unwrap() < 0.2, "{expected}");
    assert_eq!(expected["artifacts"][0]["name"], "shares");
    assert_eq!(recorded(&killed(command, flips)), expected);

    // It did resume from its checkpoint: what is altered there is in the result.
    let site = killed(command, flips);
    let runs = site.files(".labpress/runs");
    let path = runs.keys().find(|path| path.ends_with("checkpoint/state.json")).unwrap();
    let path = format!(".labpress/runs/{}", path.display());
    let mut state: serde_json::Value = serde_json::from_str(&site.read(&path)).unwrap();
    state["shares"][0] = 0.125.into();
    site.write(&path, &state.to_string());
    assert_eq!(recorded(&site)["series"]["share"][0][1], 0.125);
}

#[test]
fn the_python_runner_of_the_page_resumes_to_the_same_record() {
    check_resumes("[python3, coin.py]", 200_000);
}

/// Cargo builds the examples before it runs all tests, but not for `--test protocol` alone.
fn coin() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let coin = test.parent().unwrap().with_file_name("examples").join("coin");
    assert!(
        coin.exists(),
        "{} is not there: run `cargo build --package labpress-runner --example coin`",
        coin.display()
    );
    coin
}

#[test]
fn the_rust_runner_of_the_page_resumes_to_the_same_record() {
    check_resumes(&format!("[{:?}]", coin()), 20_000_000);
}

#[test]
fn the_rust_runner_of_the_page_is_the_example() {
    assert_eq!(fence("rust"), include_str!("../crates/labpress-runner/examples/coin.rs"));
}

#[test]
fn the_lines_of_the_page_are_events_of_every_kind() {
    let kinds: BTreeSet<&str> =
        fence("json").lines().map(|line| kind(&event(line).unwrap())).collect();
    assert_eq!(kinds, all().iter().map(kind).collect());
}

/// One of each kind, with all that it can have.
fn all() -> [Event; 7] {
    let text = || "x".to_owned();
    [
        Event::Start { environment: BTreeMap::from([(text(), text())]), steps: Some(1) },
        Event::Progress { step: 1, of: 2 },
        Event::Metric { name: text(), step: Some(1), value: 1.5, timing: true },
        Event::Note { text: text() },
        Event::Artifact { name: text(), path: text(), kind: text().into() },
        Event::Diverged(Diverged { metric: text(), step: Some(1), value: Some(NotFinite::NaN) }),
        Event::Done,
    ]
}

/// Stops compiling when there is another kind: then it belongs in [`all`] and on the page.
fn kind(event: &Event) -> &'static str {
    match event {
        Event::Start { .. } => "start",
        Event::Progress { .. } => "progress",
        Event::Metric { .. } => "metric",
        Event::Note { .. } => "note",
        Event::Artifact { .. } => "artifact",
        Event::Diverged(_) => "diverged",
        Event::Done => "done",
    }
}

/// The rows of the page's table: event, key, whether it is needed.
fn listed() -> BTreeSet<(String, String, bool)> {
    let page = page();
    let (_, table) = page.split_once("| event | key | | is |\n|---|---|---|---|\n").unwrap();
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    let cells = |row: &str| {
        row.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect::<Vec<_>>()
    };
    rows.map(cells)
        .map(|cells| (cells[1].clone(), cells[2].clone(), cells[3] == "needed"))
        .collect()
}

#[test]
fn the_keys_of_the_page_are_those_of_the_events_and_those_called_needed_are() {
    let mut found = BTreeSet::new();
    for one in all() {
        let whole = serde_json::to_value(&one).unwrap();
        let keys: Vec<&String> =
            whole.as_object().unwrap().keys().filter(|key| *key != "event").collect();
        for key in &keys {
            let mut without = whole.clone();
            without.as_object_mut().unwrap().remove(*key);
            let is_needed = event(&without.to_string()).is_err();
            found.insert((kind(&one).to_owned(), (*key).clone(), is_needed));
        }
        if keys.is_empty() {
            found.insert((kind(&one).to_owned(), String::new(), false));
        }
        assert_eq!(event(&whole.to_string()).unwrap(), one);
    }
    assert_eq!(listed(), found);
}
