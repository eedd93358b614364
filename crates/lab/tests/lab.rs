//! The program `lab` as labpress meets it: a folder with `run.json` goes in, `events.jsonl` comes
//! out.
//!
//! Everything here trains on `digits`, in seconds and on one thread.
#![expect(
    clippy::disallowed_methods,
    reason = "these tests start a program and look at what it leaves on disk"
)]
#![expect(clippy::unwrap_used, reason = "what goes wrong here is to end the test")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::Duration;

use labpress::data::{DataSet, built_in, fetch};
use labpress::recipe::image_classification::NAME;
use labpress::yaml::Yaml;
use labpress_runner::protocol::{
    ArtifactKind, CHECKPOINT_FOLDER, Device, EVENTS_FILE, Event, INTERRUPTED, JOB_FILE, Job,
    JobData, RUN_FOLDER_VARIABLE,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A run's folder, with the data set beside it.
struct Run {
    folder: TempDir,
}

impl Run {
    fn new(params: Value) -> Run {
        let folder = tempfile::tempdir().unwrap();
        let declaration =
            DataSet::parse(&Yaml::file("digits.yml", built_in("digits").unwrap())).unwrap();
        let data =
            fetch::fetch("digits", &declaration, &folder.path().join("data"), &mut |_| {}).unwrap();
        let declaration = serde_json::to_value(declaration).unwrap();
        Run::of(folder, JobData { name: "digits".to_owned(), folder: data, declaration }, params)
    }

    /// A run in `folder` on a data set that is there.
    fn of(folder: TempDir, data: JobData, params: Value) -> Run {
        let run = Run { folder };
        run.write_job(&Job {
            seed: 3,
            recipe: Some(NAME.to_owned()),
            params,
            data: Some(data),
            device: Device::Cpu,
            ..Job::default()
        });
        run
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write_job(&self, job: &Job) {
        fs::write(self.path().join(JOB_FILE), serde_json::to_vec(job).unwrap()).unwrap();
    }

    fn edit_job(&self, edit: impl FnOnce(&mut Value)) {
        let path = self.path().join(JOB_FILE);
        let mut job: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        edit(&mut job);
        fs::write(path, serde_json::to_vec(&job).unwrap()).unwrap();
    }

    /// Does what labpress does before it starts an interrupted run again.
    fn prepare_to_resume(&self) {
        self.edit_job(|job| job["resume"] = json!(true));
        fs::remove_file(self.path().join(EVENTS_FILE)).unwrap();
    }

    fn start(&self) -> Child {
        lab(self.path()).spawn().unwrap()
    }

    /// Runs to the end; returns the exit status and the log.
    fn finish(&self) -> (ExitStatus, String) {
        let output = lab(self.path()).output().unwrap();
        (output.status, String::from_utf8(output.stderr).unwrap())
    }

    #[track_caller]
    fn finish_well(&self) {
        let (status, log) = self.finish();
        assert!(status.success(), "{status}: {log}");
    }

    /// The lines of `events.jsonl` that are whole.
    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path().join(EVENTS_FILE)).unwrap_or_default();
        text.split_inclusive('\n')
            .filter_map(|line| line.strip_suffix('\n'))
            .map(str::to_owned)
            .collect()
    }

    fn events(&self) -> Vec<Event> {
        self.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The lines with numbers that a rerun must repeat bit for bit.
    fn numbers(&self) -> Vec<String> {
        let is_number = |event: &Event| matches!(event, Event::Metric { timing: false, .. });
        self.lines()
            .into_iter()
            .filter(|line| is_number(&serde_json::from_str(line).unwrap()))
            .collect()
    }

    fn notes(&self) -> Vec<String> {
        let note = |event| match event {
            Event::Note { text } => Some(text),
            _ => None,
        };
        self.events().into_iter().filter_map(note).collect()
    }

    /// Waits until `count` numbers have been reported.
    #[track_caller]
    fn wait_for_numbers(&self, count: usize) {
        for _ in 0..6000 {
            if self.numbers().len() >= count {
                return;
            }
            sleep(Duration::from_millis(5));
        }
        panic!("in 30 s there were only {} numbers", self.numbers().len());
    }
}

fn lab(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command
        .env(RUN_FOLDER_VARIABLE, folder)
        .env("OMP_NUM_THREADS", "1")
        .stderr(Stdio::piped())
        .stdout(Stdio::null());
    command
}

/// A run with everything that a checkpoint must hold: BatchNorm's buffers, Adam's moments, a
/// schedule, augmentation. Long enough to be killed in its midst.
fn long() -> Value {
    json!({
        "epochs": 12, "batch-size": 32, "train-images": 800,
        "model": {"kind": "convnet", "widths": [16, 32], "batch-norm": true},
        "optimizer": {"kind": "adam"},
        "schedule": {"kind": "one-cycle", "max-lr": 0.01},
        "augment": {"crop-padding": 1},
    })
}

/// The number of metrics of the epochs and of the whole run that `long()` reports.
const NUMBERS_OF_LONG: usize = 12 * 5 + 8;

#[test]
fn a_run_reports_its_progress_its_results_and_its_end() {
    let run =
        Run::new(json!({"epochs": 3, "batch-size": 64, "model": {"kind": "mlp", "hidden": [64]}}));
    run.finish_well();
    let events = run.events();

    let Some(Event::Start { environment, steps: Some(steps) }) = events.first() else {
        panic!("it begins with {:?}", events.first());
    };
    assert_eq!(environment["device"], "cpu");
    assert_eq!(environment["threads"], "1");
    assert!(environment["libtorch"].starts_with("2.11.0"));
    assert_eq!(events.last(), Some(&Event::Done));
    assert!(events.contains(&Event::Progress { step: *steps, of: *steps }));

    let metrics = |wanted: &str| {
        let value = |event: &Event| match event {
            Event::Metric { name, step, value, .. } if name == wanted => Some((*step, *value)),
            _ => None,
        };
        events.iter().filter_map(value).collect::<Vec<_>>()
    };
    for name in ["train.loss", "train.accuracy", "valid.loss", "valid.accuracy"] {
        let epochs: Vec<Option<u64>> = metrics(name).into_iter().map(|(epoch, _)| epoch).collect();
        assert_eq!(epochs, [Some(1), Some(2), Some(3)], "{name}");
    }
    let [(None, accuracy)] = metrics("accuracy")[..] else { panic!("there is not one accuracy") };
    assert!(accuracy > 0.8, "it learns: {accuracy}");
    assert_eq!(metrics("parameters"), [(None, f64::from(64 * 64 + 64 + 64 * 10 + 10))]);
    assert!(metrics("seconds")[0].1 > 0.0 && metrics("images-per-second")[0].1 > 0.0);

    let artifact = |wanted: &str| {
        let path = |event: &Event| match event {
            Event::Artifact { name, path, .. } if name == wanted => Some(run.path().join(path)),
            _ => None,
        };
        events.iter().find_map(path).expect("it is reported")
    };
    assert!(artifact("weights").is_file());
    let confusion: Value =
        serde_json::from_slice(&fs::read(artifact("confusion")).unwrap()).unwrap();
    let count = |row: usize, column: usize| confusion["counts"][row][column].as_u64().unwrap();
    let right: u64 = (0..10).map(|class| count(class, class)).sum();
    let all: u64 = (0..100).map(|cell| count(cell / 10, cell % 10)).sum();
    assert_eq!(all, 360);
    assert!((right as f64 / all as f64 - accuracy).abs() < 1e-12, "its diagonal is the accuracy");
}

#[test]
fn the_same_run_gives_the_same_bits_and_survives_being_killed() {
    let whole = Run::new(long());
    whole.finish_well();
    let expected = whole.numbers();
    assert_eq!(expected.len(), NUMBERS_OF_LONG);

    let again = Run::new(long());
    again.finish_well();
    assert_eq!(again.numbers(), expected, "a second training");

    // Killed without warning in two epochs, one after the other.
    let killed = Run::new(long());
    for numbers in [6, 27] {
        let mut child = killed.start();
        killed.wait_for_numbers(numbers);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(killed.numbers().len() < NUMBERS_OF_LONG, "it was killed too late");
        killed.prepare_to_resume();
    }
    killed.finish_well();
    assert_eq!(killed.numbers(), expected, "killed twice");
    assert!(killed.notes()[0].starts_with("going on after step "), "{:?}", killed.notes());
    let weights = |run: &Run| fs::read(run.path().join("weights.safetensors")).unwrap();
    assert!(weights(&killed) == weights(&whole), "the weights are the same too");

    // Asked to stop within an epoch.
    let stopped = Run::new(long());
    let child = stopped.start();
    stopped.wait_for_numbers(9);
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(INTERRUPTED),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(stopped.notes()[0].starts_with("stopped after step "), "{:?}", stopped.notes());
    stopped.prepare_to_resume();
    stopped.finish_well();
    assert_eq!(stopped.numbers(), expected, "asked to stop");
}

/// A run with the state that good practice adds: averaged weights, the best weights, a rate that
/// was found, groups of layers that begin to learn later, mixed images.
fn rich() -> Value {
    json!({
        "epochs": 9, "batch-size": 32, "train-images": 400, "valid-images": 100,
        "model": {"kind": "convnet", "widths": [16, 32], "batch-norm": true},
        "tuning": {"kind": "gradual", "block-epochs": 2},
        "optimizer": {"kind": "adamw"},
        "schedule": {"kind": "one-cycle", "max-lr": "find"},
        "loss": {"label-smoothing": 0.1, "class-weights": "balanced"},
        "clip-norm": 1.0, "ema": 0.9, "mixup": 0.2, "cutmix": 1.0,
        "augment": {"rotate": 5.0, "translate": 0.1},
        "early-stopping": {"metric": "valid.accuracy", "patience": 9},
        "channels-last": true,
    })
}

#[test]
fn a_run_with_all_state_survives_being_killed_and_stopped() {
    let whole = Run::new(rich());
    whole.finish_well();
    let (broken, expected) = (Run::new(rich()), whole.numbers());
    for numbers in [6, 22] {
        let mut child = broken.start();
        broken.wait_for_numbers(numbers);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(broken.numbers().len() < expected.len(), "it was killed too late");
        broken.prepare_to_resume();
    }
    broken.finish_well();
    assert_eq!(broken.numbers(), expected);
}

/// The last value of each number of a run.
fn results(run: &Run) -> std::collections::BTreeMap<String, f64> {
    let number = |event| match event {
        Event::Metric { name, value, .. } => Some((name, value)),
        _ => None,
    };
    run.events().into_iter().filter_map(number).collect()
}

#[test]
fn only_the_head_of_a_frozen_net_learns() {
    let run = Run::new(json!({
        "epochs": 20, "train-images": 500, "model": {"kind": "convnet", "widths": [32, 64], "batch-norm": true},
        "tuning": {"kind": "frozen"}, "optimizer": {"kind": "adamw", "lr": 0.02}, "tta": {"shift": 1}, "ema": 0.9,
        "test-images": 100,
    }));
    run.finish_well();
    let accuracy = results(&run)["accuracy"];
    assert!(accuracy > 0.4, "random features tell some digits apart: {accuracy}");
}

#[test]
fn early_stopping_takes_the_best_weights_and_ends_before_the_last_epoch() {
    let run = Run::new(json!({
        "epochs": 200, "train-images": 100, "model": {"kind": "mlp", "hidden": [64]},
        "optimizer": {"kind": "sgd", "lr": 0.2}, "early-stopping": {"patience": 2},
    }));
    run.finish_well();
    let results = results(&run);
    let losses: Vec<f64> = run
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Metric { name, value, .. } if name == "valid.loss" => Some(value),
            _ => None,
        })
        .collect();
    let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let best = losses.iter().position(|loss| *loss <= least).unwrap() + 1;
    assert_eq!(results["best-epoch"].to_string(), best.to_string());
    assert_eq!(losses.len(), best + 2);
    assert!(
        run.notes().iter().any(|note| note.ends_with(&format!("epoch {best} was the best"))),
        "{:?}",
        run.notes()
    );
}

#[test]
fn a_suggested_rate_is_reported_with_its_curve() {
    let run = Run::new(json!({
        "epochs": 2, "train-images": 500, "schedule": {"kind": "cosine", "max-lr": "find", "warm-up": 0.2},
        "progressive": [{"epochs": 1, "image-size": 8}], "precision": "bf16",
        "model": {"kind": "convnet", "widths": [16], "batch-norm": true},
    }));
    run.finish_well();
    let curve: Value =
        serde_json::from_slice(&fs::read(run.path().join("lr-curve.json")).unwrap()).unwrap();
    let results = results(&run);
    assert_eq!(curve["marks"][0]["x"].as_f64(), Some(results["suggested-lr"]));
    assert!((1e-5..1.0).contains(&results["max-lr"]), "{}", results["max-lr"]);
}

/// A PNG of one colour.
fn png(colour: [u8; 3], side: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Rgb);
    let pixels = colour.repeat((side * side) as usize);
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    bytes
}

/// Puts a competition as Kaggle lays it out into `folder`: reds and blues with a table, and three
/// more to tell apart.
fn write_competition(folder: &Path) {
    fs::create_dir_all(folder.join("train")).unwrap();
    fs::create_dir_all(folder.join("test")).unwrap();
    let colour = |number: u8| {
        if number.is_multiple_of(2) { [200 + number, 10, 20] } else { [20, 10, 200 + number] }
    };
    let row = |number| format!("a{number},{},2026\n", if number % 2 == 0 { "red" } else { "blue" });
    let table = "id,label,taken\n".to_owned() + &(0..40).map(row).collect::<String>();
    for number in 0..40 {
        fs::write(folder.join(format!("train/a{number}.png")), png(colour(number), 10)).unwrap();
    }
    fs::write(folder.join("train.csv"), table).unwrap();
    // The order is that of the sample, not of the names; sizes may differ, for `image-size` makes
    // them one.
    fs::write(folder.join("sample_submission.csv"), "image_id,label\nz3,red\nz1,red\nz2,red\n")
        .unwrap();
    for (name, number, side) in [("z1", 1, 8), ("z2", 2, 9), ("z3", 3, 12)] {
        fs::write(folder.join(format!("test/{name}.png")), png(colour(number), side)).unwrap();
    }
}

#[test]
fn a_competition_of_kaggle_becomes_a_submission() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("data");
    let inbox = fetch::inbox("colours", &cache);
    write_competition(&inbox);
    let digest = |name: &str| fetch::sha256(&inbox.join(name)).unwrap();
    let text = format!(
        "title: Colours\nlicence: none\nhomepage: https://www.kaggle.com/c/colours\n\
         citation: none\n\
         classes: [blue, red]\n\
         format:\n  kind: table\n\
         \x20 labelled: {{file: train.csv, image: {{column: id, folder: train, extension: \
         .png}}}}\n\
         \x20 label: {{column: label}}\n\
         \x20 unlabelled: {{file: sample_submission.csv, image: {{column: image_id, folder: \
         test, extension: .png}}}}\n\
         files:\n\
         \x20 train.csv: {{sha256: {}}}\n  sample_submission.csv: {{sha256: {}}}\n\
         \x20 train: {{folder: true, sha256: {}}}\n  test: {{folder: true, sha256: {}}}\n\
         sources: [{{kind: kaggle, competition: colours}}]\n\
         splits: {{default: {{kind: stratified, test: 0.25}}}}\n",
        digest("train.csv"),
        digest("sample_submission.csv"),
        digest("train"),
        digest("test"),
    );
    let declaration = DataSet::parse(&Yaml::file("colours.yml", &text))
        .unwrap_or_else(|errors| panic!("{errors:?}"));

    // Nothing is there yet: it is said what to do.
    let elsewhere = folder.path().join("elsewhere");
    let error =
        fetch::fetch("colours", &declaration, &elsewhere, &mut |_| {}).unwrap_err().to_string();
    let error = error.replace(&elsewhere.display().to_string(), "CACHE");
    assert!(error.contains("accept them at https://www.kaggle.com/c/colours, then run"), "{error}");
    assert!(
        error.contains("`kaggle competitions download -c colours -p CACHE/downloads/colours`"),
        "{error}"
    );

    let data = fetch::fetch("colours", &declaration, &cache, &mut |_| {}).unwrap();
    let declaration = serde_json::to_value(declaration).unwrap();
    let data = JobData { name: "colours".to_owned(), folder: data, declaration };
    let params = json!({
        "epochs": 10, "batch-size": 8, "image-size": 8, "valid-images": 6, "images": true,
        "model": {"kind": "mlp", "hidden": [8]},
    });
    let run = Run::of(folder, data, params);
    run.finish_well();
    let submission = fs::read_to_string(run.path().join("submission.csv")).unwrap();
    assert_eq!(submission, "image_id,label\nz3,blue\nz1,blue\nz2,red\n");
    let images: Vec<String> = run
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Artifact { name, path, kind: ArtifactKind::Image } => {
                assert!(fs::read(run.path().join(path)).unwrap().starts_with(b"\x89PNG"), "{name}");
                Some(name)
            }
            _ => None,
        })
        .collect();
    assert_eq!(images, ["worst", "most-confused"]);
}

#[test]
fn a_damaged_checkpoint_is_noted_and_the_run_starts_over() {
    let run = Run::new(json!({"epochs": 1}));
    run.finish_well();
    let expected = run.numbers();
    run.prepare_to_resume();
    fs::write(run.path().join(CHECKPOINT_FOLDER).join("state.json"), b"{\"state\":").unwrap();
    run.finish_well();
    assert_eq!(
        run.notes(),
        ["the checkpoint is damaged: EOF while parsing a value at line 1 column 9; starting over"]
    );
    assert_eq!(run.numbers(), expected);
}

#[test]
fn a_run_whose_parent_dies_exits() {
    let run = Run::new(json!({"epochs": 100_000}));
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "\"$0\" & wait", env!("CARGO_BIN_EXE_lab")])
        .env(RUN_FOLDER_VARIABLE, run.path());
    let mut shell = shell.stderr(Stdio::null()).spawn().unwrap();
    run.wait_for_numbers(1);
    shell.kill().unwrap();
    shell.wait().unwrap();
    let is_stopped = || run.notes().iter().any(|note| note.starts_with("stopped after step "));
    let has_left = (0..1000).any(|_| {
        sleep(Duration::from_millis(10));
        is_stopped()
    });
    assert!(has_left, "it trains on");
}

/// Checks that a run fails with one clear line and no `done`.
#[track_caller]
fn check_fails(edit: impl FnOnce(&mut Value), expected: &str) {
    let run = Run::new(json!({"epochs": 1}));
    run.edit_job(edit);
    let (status, log) = run.finish();
    assert_eq!(status.code(), Some(1), "{log}");
    assert_eq!(log.replace(&run.path().display().to_string(), "RUN"), format!("lab: {expected}\n"));
    assert!(!run.events().contains(&Event::Done));
}

#[test]
fn errors_of_a_job_are_one_clear_line() {
    check_fails(
        |job| job["protocol"] = json!(2),
        "`RUN/run.json` has protocol version 2, but this runner supports 1: build it and \
         `labpress` from \
         the same source",
    );
    check_fails(
        |job| job["recipe"] = json!("soup"),
        "unknown recipe `soup`; expected `image-classification`",
    );
    check_fails(
        |job| job["device"] = json!("tpu"),
        "`RUN/run.json` is not a valid job: unknown variant `tpu`, expected one of `auto`, \
         `cpu`, `cuda`",
    );
    check_fails(|job| job["params"] = json!({"epochs": 0}), "`epochs` must be at least 1");
    let shift = "`tta.shift` must be less than the images' side, 8";
    check_fails(|job| job["params"] = json!({"tta": {"shift": 8}}), shift);
    check_fails(
        |job| job["params"] = json!({"model": {"kind": "convnet", "widths": [4, 4, 4, 4]}}),
        "images of 8×8 pixels are too small for 4 blocks that halve them each; give `widths` \
         fewer entries",
    );
    check_fails(
        |job| job["data"]["folder"] = json!("/nowhere"),
        "cannot read the data set `digits`: cannot read `/nowhere/digits.csv.gz`: No such file \
         or directory (os error 2)",
    );
}

#[test]
fn a_missing_job_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let output = lab(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.starts_with("lab: cannot read `") && log.ends_with("(os error 2)\n"), "{log}");
}

#[test]
fn info_is_one_line_of_json() {
    let output = Command::new(env!("CARGO_BIN_EXE_lab")).arg("info").output().unwrap();
    assert!(output.status.success());
    let info: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(info["libtorch"].as_str().unwrap().starts_with("2.11.0"));
    assert_eq!(info["devices"][0], "cpu");
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 1);
}

#[test]
fn an_invalid_picture_is_an_error_before_anything_is_downloaded() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("a.png");
    std::fs::write(&picture, "GIF").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    let output =
        command.arg("classify").arg(&picture).env("LABPRESS_DATA", folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let expected = format!(
        "lab: cannot read the picture `{}`: neither a PNG nor a JPEG file\n",
        picture.display()
    );
    assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
}
