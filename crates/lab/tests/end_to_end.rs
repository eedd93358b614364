//! A site from its first training to a change of a sentence, with real training on `digits`.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../../tests/support/mod.rs"]
mod support;

use std::process::Output;

use support::records;
use support::{Site, assert_success, stderr};

const YAML: &str = "experiments/net/experiment.yml";
const POST: &str = "_posts/2026-01-02-net.md";

fn site() -> Site {
    let site = Site::empty();
    site.write(
        "_layouts/post.html",
        "<!doctype html>\n<title>{{ page.title }}</title>\n{{ content | safe }}\n",
    );
    site.write(POST, "---\ntitle: Net\nlayout: post\n---\nA small net gets {% value net.small.accuracy %} right.\n");
    site.write(
        YAML,
        "title: Net\nrecipe: image-classification\ndata: digits\ndevice: cpu\nseeds: 2\n\
        params: {epochs: 2, model: {kind: mlp, hidden: [32]}}\nvariants:\n  small: {}\n  large: {model: {hidden: [64]}}\n",
    );
    site
}

fn labpress(site: &Site, arguments: &[&str]) -> Output {
    let mut command = site.command(arguments);
    command
        .env("LABPRESS_LAB", env!("CARGO_BIN_EXE_lab"))
        .env("LABPRESS_DATA", env!("CARGO_TARGET_TMPDIR"));
    command.output().unwrap()
}

/// Builds as on a machine that can run nothing.
fn locked(site: &Site) -> Output {
    let mut command = site.command(&["build", "--locked"]);
    command.env("LABPRESS_LAB", "/nowhere/lab").env("PATH", "").output().unwrap()
}

/// The build says these parts. Its whole output has numbers of real training, which differ between
/// processors.
#[track_caller]
fn check_build(site: &Site, expected: &[&str]) -> String {
    let output = labpress(site, &["build"]);
    assert_success(&output);
    let stderr = stderr(&output);
    for part in expected {
        assert!(stderr.contains(part), "{part:?} is not in:\n{stderr}");
    }
    stderr
}

fn page(site: &Site) -> String {
    let pages = site.files("public");
    let page = pages
        .iter()
        .find(|(path, _)| path.ends_with("net.html") || path.ends_with("net/index.html"));
    String::from_utf8(page.unwrap().1.clone()).unwrap()
}

/// The number that the page shows.
fn shown(site: &Site) -> f64 {
    let page = page(site);
    let (_, value) = page.split_once("<data class=\"labpress-value\" value=\"").unwrap();
    value.split_once('"').unwrap().0.parse().unwrap()
}

/// The mean accuracy over the seeds of a variant.
fn accuracy(site: &Site, variant: &str) -> f64 {
    let records = records(site, "net");
    let of_variant = records.values().filter(|record| record["variant"] == variant);
    let accuracies: Vec<f64> =
        of_variant.map(|record| record["metrics"]["accuracy"].as_f64().unwrap()).collect();
    accuracies.iter().sum::<f64>() / accuracies.len() as f64
}

#[test]
fn a_site_is_trained_once_and_then_only_what_changed() {
    let site = site();
    check_build(&site, &["stale net/small seeds 0 1: no result is recorded", "4 runs recorded"]);
    let accuracy = accuracy(&site, "small");
    assert!(accuracy > 0.5, "it learns: {accuracy}");
    assert!(
        (shown(&site) - accuracy).abs() < 1e-9,
        "{} is shown, {accuracy} is right",
        shown(&site)
    );

    let before = site.files("experiments");
    let stderr = check_build(&site, &["0 files written"]);
    assert!(!stderr.contains("recorded"), "{stderr}");

    site.replace(POST, "A small net", "Our small net");
    let stderr = check_build(&site, &[]);
    assert!(!stderr.contains("stale") && !stderr.contains("recorded"), "{stderr}");
    assert!(page(&site).contains("Our small net"));
    assert_eq!(site.files("experiments"), before);
    assert_success(&locked(&site));

    site.replace(YAML, "large: {model", "large: {epochs: 3, model");
    let output = locked(&site);
    assert_eq!(output.status.code(), Some(1));
    let reason = "the results of `net` are stale: params.epochs changed from 2 to 3";
    assert!(support::stderr(&output).contains(reason), "{}", support::stderr(&output));
    let stderr = check_build(
        &site,
        &["stale net/large seeds 0 1: params.epochs changed from 2 to 3", "2 runs recorded"],
    );
    assert!(!stderr.contains("net/small"), "{stderr}");
    assert_success(&locked(&site));
}

#[test]
fn two_trainings_from_scratch_differ_in_nothing_but_times() {
    let [first, second] = [site(), site()].map(|site| {
        assert_success(&labpress(&site, &["build"]));
        (records(&site, "net"), site.files("experiments/net/files"), site.files("public"))
    });
    assert_eq!(first.0.len(), 4);
    assert!(first == second);
}
