//! `labpress record`: results of other programs, from files that these programs have written
//! (`tests/reference/imports.py`).

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests make, read and panic as they please"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use labpress::experiment::spec::Format;
use labpress::imported::{self, Files, Options};
use serde_json::{Value, json};
use support::{Site, answer, assert_success, records, stderr};

fn imports(tool: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/imports").join(tool)
}

/// Records what is in a folder or a file as the experiment `nets`.
fn record(site: &Site, from: &Path, more: &[&str]) -> std::process::Output {
    let from = from.to_string_lossy().into_owned();
    site.labpress(&[&["record", "nets", "--from", &from], more].concat())
}

/// The three epochs of each run in `tests/reference/imports.py`.
fn losses(variant: &str, seed: u64) -> Value {
    let start = if variant == "adam" { 0.5 } else { 1.0 };
    let of = f64::from(u32::try_from(seed).unwrap()) / 64.0;
    json!([[1, start + of], [2, start / 2.0 + of], [3, start / 4.0 + of]])
}

#[track_caller]
fn check_tool(tool: &str, accuracy: bool, params: &[(&str, &str, Value)]) {
    let site = Site::empty();
    assert_success(&record(&site, &imports(tool), &[]));
    let found = records(&site, "nets");
    assert_eq!(found.len(), 4);
    for record in found.values() {
        let (variant, seed) =
            (record["variant"].as_str().unwrap(), record["seed"].as_u64().unwrap());
        assert_eq!(record["series"]["valid.loss"], losses(variant, seed), "{record}");
        assert_eq!(record["imported"]["from"], tool);
        if accuracy {
            assert_eq!(
                record["metrics"]["accuracy"],
                0.75 + if seed == 1 { 1.0 / 64.0 } else { 0.0 }
            );
        }
        for (name, param, value) in params.iter().filter(|(name, ..)| *name == variant) {
            assert_eq!(record["fingerprint"][format!("params.{param}")]["value"], *value, "{name}");
        }
        assert!(record["fingerprint"].get("params.seed").is_none(), "{record}");
    }
    check_shown(&site);
}

/// Posts show the results, with their origin, and nothing tries to repeat them.
#[track_caller]
fn check_shown(site: &Site) {
    site.write(
        "_posts/2026-01-02-a.md",
        "---\ntitle: x\npermalink: /x/\n---\n{% value nets.adam.valid.loss %}\n\n{% chart nets curves y=\"valid.loss\" %}\n\n{% table nets %}\n",
    );
    assert_success(&site.labpress(&["build", "--locked"]));
    let page = site.read("public/x/index.html");
    assert!(page.matches("not run by labpress").count() >= 2, "{page}");
    assert!(answer(&site.labpress(&["status"])).contains("imported"));
    let verified = site.labpress(&["verify"]);
    assert!(stderr(&verified).contains("4 runs not verified: their results were imported"));
    assert!(stderr(&site.labpress(&["run", "--force"])).contains("all runs are fresh"));
}

#[test]
fn scalars_of_tensorboard_are_recorded_and_shown() {
    check_tool("tensorboard", false, &[]);
}

#[test]
fn runs_of_mlflow_are_recorded_and_shown() {
    let params = [("adam", "lr", json!(0.001)), ("sgd", "optimizer", json!("sgd"))];
    check_tool("mlflow", true, &params);
}

#[test]
fn runs_of_wandb_are_recorded_and_shown() {
    let params = [("adam", "optimizer.lr", json!(0.001)), ("sgd", "optimizer.name", json!("sgd"))];
    check_tool("wandb", true, &params);
}

#[test]
fn a_parameter_can_be_the_variant() {
    let site = Site::empty();
    assert_success(&record(&site, &imports("wandb"), &["--variant-from", "optimizer.lr"]));
    let names: Vec<Value> =
        records(&site, "nets").values().map(|record| record["variant"].clone()).collect();
    assert_eq!(names, ["lr-0-001", "lr-0-001", "lr-0-1", "lr-0-1"]);
}

/// What is recorded of a table: `VARIANT SEED METRICS SERIES`.
#[track_caller]
fn check_table(file: &str, table: &str, more: &[&str], expected: &[&str]) -> Site {
    let site = Site::empty();
    site.write(file, table);
    assert_success(&record(&site, &site.path().join(file), more));
    let found: Vec<String> = records(&site, "nets")
        .values()
        .map(|record| {
            let [variant, seed, metrics, series] =
                ["variant", "seed", "metrics", "series"].map(|key| record[key].to_string());
            format!("{variant} {seed} {metrics} {series}")
        })
        .collect();
    assert_eq!(found, expected);
    site
}

#[test]
fn a_row_of_a_table_can_be_a_run() {
    let table = "variant,seed,accuracy,lr\nadam,0,0.5,0.1\nadam,1,0.75,0.1\nsgd,0,0.25,0.2\n";
    let site = check_table(
        "t.csv",
        table,
        &["--param", "lr"],
        &[
            r#""adam" 0 {"accuracy":0.5} {}"#,
            r#""adam" 1 {"accuracy":0.75} {}"#,
            r#""sgd" 0 {"accuracy":0.25} {}"#,
        ],
    );
    let experiment = site.read("experiments/nets/experiment.yml");
    assert!(experiment.contains("  lacks:\n    sgd: [1]\n"), "{experiment}");
    assert!(experiment.contains("  adam: {lr: 0.1}\n"), "{experiment}");
    site.write("_posts/2026-01-02-a.md", "---\ntitle: x\n---\n{% table nets %}\n");
    assert_success(&site.labpress(&["build", "--locked"]));
}

#[test]
fn rows_of_a_table_can_be_steps() {
    let table =
        "{\"epoch\": 1, \"train\": {\"loss\": 0.5}}\n{\"epoch\": 2, \"train\": {\"loss\": 0.25}}\n";
    let expected = [r#""sgd" 3 {"train.loss":0.25} {"train.loss":[[1,0.5],[2,0.25]]}"#];
    check_table("sgd_seed3.jsonl", table, &[], &expected);
}

#[test]
fn a_number_that_is_not_finite_makes_a_run_diverge() {
    let table = "{\"step\": 1, \"loss\": 0.5}\n{\"step\": 2, \"loss\": NaN}\n{\"step\": 3, \"loss\": 0.5}\n";
    let site = check_table("sgd.jsonl", table, &[], &[r#""sgd" 0 {} {"loss":[[1,0.5]]}"#]);
    let found = records(&site, "nets");
    let expected = json!({"metric": "loss", "step": 2, "value": "NaN"});
    assert_eq!(found.values().next().unwrap()["diverged"], expected);
}

#[track_caller]
fn check_error(file: &str, table: &str, more: &[&str], expected: &str) {
    let site = Site::empty();
    site.write(file, table);
    let done = record(&site, &site.path().join(file), more);
    assert_eq!(done.status.code(), Some(1));
    assert!(stderr(&done).contains(expected), "{}", stderr(&done));
    assert!(!site.path().join("experiments").exists(), "nothing is recorded");
}

#[test]
fn errors_in_tables_have_a_place() {
    check_error(
        "t.csv",
        "seed,loss\n0,1\n1\n",
        &[],
        "the row has 1 cells, but the header has 2\n --> t.csv:3:1",
    );
    check_error("t.jsonl", "{\"loss\": 1}\n{\"los", &[], " --> t.jsonl:2:");
    check_error("t.csv", "loss\n1\n2\n", &[], "several rows belong to the same run");
    check_error("t.csv", "step,loss\n1.5,2\n", &[], "`1.5` is not a step");
    check_error("t.csv", "loss\n1\n", &["--step", "lss"], "there is no column `lss`");
    check_error("t.txt", "loss\n1\n", &[], "there are no results that labpress can read");
}

/// The files of a tool's runs.
fn files(tool: &str) -> Files {
    let root = imports(tool);
    let entries = walkdir::WalkDir::new(&root).into_iter().map(|entry| entry.unwrap().into_path());
    let paths = entries.filter(|path| path.is_file());
    let named = paths.map(|path| {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
        (name, fs::read(path).unwrap())
    });
    named.collect()
}

/// One file, with each bit of it changed in turn.
#[track_caller]
fn check_damage(format: Format, tool: &str, from: usize) {
    let all = files(tool);
    let (name, bytes) = all.first_key_value().unwrap();
    for at in from..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            let files = Files::from([(name.clone(), damaged)]);
            let found = imported::read(format, &files, &Options::default());
            assert!(found.is_err(), "byte {at}, bit {bit}: {found:?}");
        }
    }
    let whole = imported::read(format, &all, &Options::default()).unwrap().0.len();
    assert_eq!(whole, 4);
}

#[test]
fn every_changed_bit_is_noticed() {
    check_damage(Format::Tensorboard, "tensorboard", 0);
    check_damage(Format::Wandb, "wandb", 7);
}

#[test]
fn a_cut_file_is_an_error_with_its_offset() {
    for (format, tool) in [(Format::Tensorboard, "tensorboard"), (Format::Wandb, "wandb")] {
        let all = files(tool);
        let (name, bytes) = all.first_key_value().unwrap();
        for length in 1..bytes.len() {
            let files = Files::from([(name.clone(), bytes[..length].to_owned())]);
            // Between two records, a shorter file is whole; a run of W&B then lacks its end.
            if let Err(error) = imported::read(format, &files, &Options::default()) {
                let message = error.message();
                assert!(
                    message.contains("at byte ") || message.contains("no numbers"),
                    "{message}"
                );
            }
        }
        let files = Files::from([(name.clone(), bytes[..bytes.len() - 1].to_owned())]);
        let error = imported::read(format, &files, &Options::default()).unwrap_err();
        assert!(error.message().contains("the file is cut inside a record"), "{error}");
    }
    let mut all = files("mlflow");
    let metric = all.keys().find(|path| path.ends_with("metrics/valid/loss")).unwrap().clone();
    all.get_mut(&metric).unwrap().pop();
    let error = imported::read(Format::Mlflow, &all, &Options::default()).unwrap_err();
    assert!(error.message().contains("its last line has no end"), "{error}");
}

#[test]
fn a_missing_imported_run_stops_the_build() {
    let site = Site::empty();
    assert_success(&record(&site, &imports("mlflow"), &[]));
    site.write("_posts/2026-01-02-a.md", "---\ntitle: x\n---\n{% value nets.adam.accuracy %}\n");
    let path = records(&site, "nets").into_keys().next().unwrap();
    fs::remove_file(site.path().join("experiments/nets/runs").join(path)).unwrap();
    let built = site.labpress(&["build"]);
    assert_eq!(built.status.code(), Some(1));
    assert!(stderr(&built).contains("`labpress record nets --from PATH`"), "{}", stderr(&built));
    let run = site.labpress(&["run"]);
    assert_eq!(run.status.code(), Some(1));
    assert!(stderr(&run).contains("1 run cannot be done"), "{}", stderr(&run));
}

#[test]
fn an_experiment_says_what_it_lacks_for_further_runs() {
    let site = Site::empty();
    site.write("a.csv", "variant,seed,loss\nadam,0,1\n");
    site.write("b.csv", "variant,seed,loss\nsgd,0,1\nadam,1,1\n");
    assert_success(&record(&site, &site.path().join("a.csv"), &[]));
    let done = record(&site, &site.path().join("b.csv"), &[]);
    assert_eq!(done.status.code(), Some(1));
    let said = stderr(&done);
    assert!(
        said.contains("`nets` has no variant `sgd`") && said.contains("add 1 to `seeds`"),
        "{said}"
    );
    assert_eq!(records(&site, "nets").len(), 1);
}
