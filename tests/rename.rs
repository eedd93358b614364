//! Names are no part of a result: renaming a variant or an experiment keeps what was recorded.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests make, read and panic as they please"
)]

mod support;

use std::collections::BTreeSet;
#[cfg(target_os = "linux")]
use std::process::Command;

use support::{Site, TOY_RUNNER, answer, assert_success, stderr};

const YAML: &str = "experiments/toy/experiment.yml";
const POST: &str = "_posts/2026-01-02-toy.md";

#[track_caller]
fn check(site: &Site, arguments: &[&str], expected: &str) {
    let output = site.labpress(arguments);
    let said = stderr(&output) + &answer(&output);
    assert!(said.contains(expected), "{expected:?} is not in:\n{said}");
}

/// All files that the build made, in one text.
fn built(site: &Site) -> String {
    site.files("public")
        .into_values()
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect()
}

#[test]
fn a_renamed_variant_keeps_its_results_everywhere() {
    let site = Site::with_toy();
    assert_success(&site.labpress(&["build"]));
    assert_success(&site.labpress(&["pin", "2026-01-02-toy"]));
    let before = site.files("experiments/toy/runs");
    site.replace(YAML, "  fast:", "  quick:");
    check(&site, &["run"], "all runs are fresh");
    check(&site, &["status"], "quick    0 1    fresh");
    check(&site, &["why", "toy"], "toy/quick seed 0 is fresh: experiments/toy/runs/fast-s0-");
    check(&site, &["gc"], "nothing to delete");
    check(&site, &["verify", "toy"], "toy/quick seed 1  bit-identical");
    check(&site, &["status"], "quick    0 1    fresh, verified");
    // The pinned post goes on as it was, another shows the variant by its name of today.
    site.write(
        "_posts/2026-01-03-new.md",
        &site.read(POST).replace("toy.fast", "toy.quick").replace("pin:", "was:"),
    );
    assert_success(&site.labpress(&["build", "--locked"]));
    assert!(built(&site).contains("toy,quick,0,"), "the file with the numbers names the variant");
    assert_eq!(site.files("experiments/toy/runs"), before);
    check(&site, &["pin", "2026-01-03-new", "toy"], "4 runs of `toy`");
    check(&site, &["gc", "--delete"], "nothing to delete");
    site.replace(YAML, "rate: 0.5", "rate: 0.6");
    assert_success(&site.labpress(&["run"]));
    check(&site, &["gc"], "nothing to delete");
}

#[test]
fn the_order_of_axes_in_a_grid_costs_nothing() {
    let site = Site::with_toy();
    site.replace(
        YAML,
        "variants:\n  slow: {}\n  fast: {rate: 0.5}\n",
        "grid: {rate: [0.1, 0.5], epochs: [1, 2]}\n",
    );
    assert_success(&site.labpress(&["run"]));
    site.replace(
        YAML,
        "grid: {rate: [0.1, 0.5], epochs: [1, 2]}",
        "grid: {epochs: [2, 1], rate: [0.1, 0.5]}",
    );
    check(&site, &["run"], "all runs are fresh");
    check(&site, &["status"], "epochs-1-rate-0-5");
    check(&site, &["diff", "toy"], "epochs-1-rate-0-5");
}

#[test]
fn what_was_before_a_renamed_variant_is_found_under_its_old_name() {
    let site = Site::with_toy();
    assert_success(&site.labpress(&["run"]));
    site.replace(YAML, "rate: 0.5", "rate: 0.6");
    assert_success(&site.labpress(&["run"]));
    site.replace(YAML, "  fast:", "  quick:");
    let diff = answer(&site.labpress(&["diff", "toy"]));
    let row = diff.lines().find(|line| line.starts_with("quick")).unwrap();
    assert!(!row.contains("unchanged") && !row.contains("new"), "{diff}");
    assert!(!diff.contains("fast"), "{diff}");
}

#[test]
fn what_needs_a_renamed_variant_is_told_its_name_of_today() {
    let site = Site::with_toy();
    assert_success(&site.labpress(&["run"]));
    site.replace(YAML, "  fast:", "  quick:");
    site.write(
        "experiments/above/experiment.yml",
        "title: A\nrunner: {command: [python3, train.py]}\nneeds: [toy]\nparams: {epochs: 1, rate: 1}\n",
    );
    let names = "assert [one['variant'] for one in job['needs']] == ['slow'] * 2 + ['quick'] * 2, job['needs']\nparams, checkpoint";
    site.write("experiments/above/train.py", &TOY_RUNNER.replace("params, checkpoint", names));
    check(&site, &["run"], "1 run recorded");
}

/// A site whose experiment `toy` is shown, pinned, verified and needed by `above`, which `top`
/// needs.
fn tower() -> Site {
    let site = Site::with_toy();
    site.replace(YAML, "seeds: 2", "seeds: 1");
    for (name, needs) in [("above", "[\"toy\"] # toy"), ("top", "\n  - above")] {
        let yaml = format!(
            "title: A\nrunner: {{command: [python3, train.py]}}\nneeds: {needs}\nparams: {{epochs: 1, rate: 1}}\n"
        );
        site.write(&format!("experiments/{name}/experiment.yml"), &yaml);
        site.write(&format!("experiments/{name}/train.py"), TOY_RUNNER);
    }
    site.write(
        "pages/all.md",
        "---\ntitle: \"{% value toy.slow.accuracy %}\"\nlayout: post\n---\n{% raw %}{% value toy.x %}{% endraw %}{% value toy.fast.accuracy \
         - toy.slow.accuracy %} {% chart toy compare metric=\"accuracy\" caption=\"toy toy.fast\" %} {% value above.default.accuracy %}\n",
    );
    site.write(
        "_posts/2026-01-03-above.md",
        "---\ntitle: Above\nlayout: post\n---\n{% value above.default.accuracy %}\n",
    );
    assert_success(&site.labpress(&["build"]));
    assert_success(&site.labpress(&["run"]));
    for arguments in [
        ["pin", "2026-01-02-toy"],
        ["pin", "2026-01-03-above"],
        ["verify", "toy"],
        ["verify", "top"],
    ] {
        assert_success(&site.labpress(&arguments));
    }
    assert_success(&site.labpress(&["build", "--locked"]));
    site
}

/// The site is as `tower` made it, with the name `spire` in place of `toy`.
#[track_caller]
fn check_renamed(site: &Site, was: &Site) {
    assert_success(&site.labpress(&["build", "--locked"]));
    check(site, &["run"], "all runs are fresh");
    let (status, before) =
        (answer(&site.labpress(&["status"])), answer(&was.labpress(&["status"])));
    for word in ["fresh", "verified", "bit-identical"] {
        assert_eq!(
            status.matches(word).count(),
            before.matches(word).count(),
            "{status}\n{before}"
        );
    }
    check(site, &["gc"], "nothing to delete");
    let page = site.read("pages/all.md");
    let expected = was
        .read("pages/all.md")
        .replace("{% value toy.slow", "{% value spire.slow")
        .replace("{% value toy.fast.accuracy - toy.", "{% value spire.fast.accuracy - spire.")
        .replace("{% chart toy ", "{% chart spire ");
    assert_eq!(page, expected);
    let files = |site: &Site| -> BTreeSet<String> {
        site.files("experiments").into_keys().map(|path| path.display().to_string()).collect()
    };
    assert_eq!(files(site).len(), files(was).len());
    assert!(files(site).iter().all(|path| !path.starts_with("toy/")), "{:?}", files(site));
    assert!(!site.path().join(".labpress/mv").exists());
    let yaml = site.read("experiments/above/experiment.yml");
    assert!(yaml.contains("needs: [\"spire\"] # toy"), "{yaml}");
    // The records say what they were given under its new name, too.
    for record in site.files("experiments/above/runs").into_values() {
        let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
        assert!(
            record["given"]["spire"].is_string() && record["given"]["toy"].is_null(),
            "{record}"
        );
    }
}

#[test]
fn an_experiment_is_renamed_with_all_that_names_it() {
    let (site, was) = (tower(), tower());
    let before = site.files(".");
    check(&site, &["mv", "toy", "spire", "--dry-run"], "edit   pages/all.md");
    assert_eq!(site.files("."), before);
    check(&site, &["mv", "toy", "top"], "already exists");
    check(&site, &["mv", "toy", "Spire"], "cannot be the name of an experiment");
    check(&site, &["mv", "toi", "spire"], "there is no experiment `toi`");
    check(&site, &["mv", "toy", "spire"], "rename experiments/toy/ to experiments/spire/");
    check_renamed(&site, &was);
    assert_success(&site.labpress(&["verify"]));
}

#[test]
fn a_renaming_there_and_back_leaves_every_byte() {
    let site = tower();
    let before = site.files("experiments");
    assert_success(&site.labpress(&["mv", "toy", "spire"]));
    assert_success(&site.labpress(&["mv", "spire", "toy"]));
    assert_eq!(site.files("experiments"), before);
}

fn copy(of: &Site) -> Site {
    let site = Site::empty();
    for (path, bytes) in of.files(".") {
        let path = site.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    site
}

/// Every nth step of a renaming is tried.
#[cfg(target_os = "linux")]
const STRIDE: usize = 5;

#[cfg(target_os = "linux")]
#[test]
fn a_renaming_that_is_killed_before_any_step_is_completed_by_the_same_call() {
    let can_kill = ["-o", "/dev/null", "-e", "inject=mkdir:signal=KILL", "true"];
    if !Command::new("strace").args(can_kill).output().is_ok_and(|output| output.status.success()) {
        eprintln!("left out: `strace` cannot be used here");
        return;
    }
    let was = tower();
    let mut kills = 0;
    for step in (1..).step_by(STRIDE) {
        let site = copy(&was);
        let kill = format!(
            "inject=rename,renameat,renameat2,unlink,unlinkat,rmdir:signal=KILL:when={step}"
        );
        let mut strace = Command::new("strace");
        strace.args([
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            "trace=rename,renameat,renameat2,unlink,unlinkat,rmdir",
        ]);
        strace
            .args(["-e", &kill])
            .arg(site.command(&[]).get_program())
            .args(["mv", "toy", "spire"]);
        let killed = !strace.current_dir(site.path()).output().unwrap().status.success();
        let build = site.labpress(&["build", "--locked"]);
        let said = stderr(&build);
        assert!(
            build.status.success() || said.contains("hint: run `labpress mv toy spire` again"),
            "{step}: {said}"
        );
        if killed && (site.path().join("experiments/toy").exists() || !build.status.success()) {
            assert_success(&site.labpress(&["mv", "toy", "spire"]));
        }
        check_renamed(&site, &was);
        if !killed {
            break;
        }
        kills += 1;
    }
    assert!(kills * STRIDE > 20, "{kills}");
}
