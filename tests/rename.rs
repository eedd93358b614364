//! Names are no part of a result: renaming a variant or an experiment keeps what was recorded.

#![allow(
    clippy::disallowed_methods,
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests make, read and panic as they please"
)]

mod support;

use std::collections::BTreeSet;
#[cfg(target_os = "linux")]
use std::process::Command;

use snapbox::str;
use support::{Site, TOY_RUNNER, assert_success, check, stderr};

const YAML: &str = "experiments/toy/experiment.yml";
const POST: &str = "_posts/2026-01-02-toy.md";

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
    check(
        &site,
        &["run", "--jobs", "1"],
        str![[r#"
$ labpress run --jobs 1
[stderr]
all runs are fresh
[exit status 0]

"#]],
    );
    check(
        &site,
        &["status"],
        str![[r#"
$ labpress status
EXPERIMENT  VARIANT  SEEDS  STATE  AGE  TIME
toy  slow  0 1  fresh  [TIME]  [TIME] per run
toy  quick  0 1  fresh  [TIME]  [TIME] per run
[exit status 0]

"#]],
    );
    check(
        &site,
        &["why", "toy"],
        str![[r#"
$ labpress why toy
toy/slow seed 0 is fresh: experiments/toy/runs/slow-s0-[DIGEST].json
toy/slow seed 1 is fresh: experiments/toy/runs/slow-s1-[DIGEST].json
toy/quick seed 0 is fresh: experiments/toy/runs/fast-s0-[DIGEST].json
toy/quick seed 1 is fresh: experiments/toy/runs/fast-s1-[DIGEST].json
[exit status 0]

"#]],
    );
    check(
        &site,
        &["gc"],
        str![[r#"
$ labpress gc
[stderr]
nothing to delete: every file is referred to
[exit status 0]

"#]],
    );
    check(
        &site,
        &["verify", "toy", "--jobs", "1"],
        str![[r#"
$ labpress verify toy --jobs 1
RUN  VERDICT  DIFFERENCE
toy/slow seed 0  bit-identical  -
toy/slow seed 1  bit-identical  -
toy/quick seed 0  bit-identical  -
toy/quick seed 1  bit-identical  -
[stderr]
verifying 4 runs: each is re-run from the beginning
start toy/slow seed 0
done  toy/slow seed 0 accuracy 23.1 %  [TIME]
start toy/slow seed 1
done  toy/slow seed 1 accuracy 56.5 %  [TIME]
start toy/quick seed 0
done  toy/quick seed 0 accuracy 60.0 %  [TIME]
start toy/quick seed 1
done  toy/quick seed 1 accuracy 71.4 %  [TIME]
4 runs re-run in [TIME]: commit experiments/NAME/verifications/
[exit status 0]

"#]],
    );
    check(
        &site,
        &["status"],
        str![[r#"
$ labpress status
EXPERIMENT  VARIANT  SEEDS  STATE  AGE  TIME
toy  slow  0 1  fresh, verified [DATE] (bit-identical)  [TIME]  [TIME] per run
toy  quick  0 1  fresh, verified [DATE] (bit-identical)  [TIME]  [TIME] per run
[exit status 0]

"#]],
    );
    // The pinned post goes on as it was, another shows the variant by its name of today.
    site.write(
        "_posts/2026-01-03-new.md",
        &site.read(POST).replace("toy.fast", "toy.quick").replace("pin:", "was:"),
    );
    assert_success(&site.labpress(&["build", "--locked"]));
    assert!(built(&site).contains("toy,quick,0,"), "the file with the numbers names the variant");
    assert_eq!(site.files("experiments/toy/runs"), before);
    check(
        &site,
        &["pin", "2026-01-03-new", "toy"],
        str![[r#"
$ labpress pin 2026-01-03-new toy
[stderr]
4 runs of `toy` in experiments/toy/pins/[DIGEST].json: commit it with the post
pinned the current results of `toy` in _posts/2026-01-03-new.md ([DIGEST])
[exit status 0]

"#]],
    );
    check(
        &site,
        &["gc", "--delete"],
        str![[r#"
$ labpress gc --delete
[stderr]
nothing to delete: every file is referred to
[exit status 0]

"#]],
    );
    site.replace(YAML, "rate: 0.5", "rate: 0.6");
    assert_success(&site.labpress(&["run"]));
    check(
        &site,
        &["gc"],
        str![[r#"
$ labpress gc
[stderr]
nothing to delete: every file is referred to
[exit status 0]

"#]],
    );
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
    check(
        &site,
        &["run", "--jobs", "1"],
        str![[r#"
$ labpress run --jobs 1
[stderr]
all runs are fresh
[exit status 0]

"#]],
    );
    check(
        &site,
        &["status"],
        str![[r#"
$ labpress status
EXPERIMENT  VARIANT  SEEDS  STATE  AGE  TIME
toy  epochs-2-rate-0-1  0 1  fresh  [TIME]  [TIME] per run
toy  epochs-2-rate-0-5  0 1  fresh  [TIME]  [TIME] per run
toy  epochs-1-rate-0-1  0 1  fresh  [TIME]  [TIME] per run
toy  epochs-1-rate-0-5  0 1  fresh  [TIME]  [TIME] per run
[exit status 0]

"#]],
    );
    check(
        &site,
        &["diff", "toy"],
        str![[r#"
$ labpress diff toy
`toy` since the earlier results: means with 95 % intervals, or both numbers of two runs

VARIANT            METRIC    BEFORE                AFTER                 DIFFERENCE  BEYOND THE SPREAD OVER SEEDS
epochs-1-rate-0-1  accuracy  9.1, 52.4 % (2 runs)  9.1, 52.4 % (2 runs)  -           unchanged
epochs-1-rate-0-5  accuracy  33, 60 % (2 runs)     33, 60 % (2 runs)     -           unchanged
epochs-2-rate-0-1  accuracy  17, 55 % (2 runs)     17, 55 % (2 runs)     -           unchanged
epochs-2-rate-0-5  accuracy  50, 67 % (2 runs)     50, 67 % (2 runs)     -           unchanged
[exit status 0]

"#]],
    );
}

#[test]
fn what_was_before_a_renamed_variant_is_found_under_its_old_name() {
    let site = Site::with_toy();
    assert_success(&site.labpress(&["run"]));
    site.replace(YAML, "rate: 0.5", "rate: 0.6");
    assert_success(&site.labpress(&["run"]));
    site.replace(YAML, "  fast:", "  quick:");
    check(
        &site,
        &["diff", "toy"],
        str![[r#"
$ labpress diff toy
`toy` since the earlier results: means with 95 % intervals, or both numbers of two runs

VARIANT  METRIC    BEFORE             AFTER              DIFFERENCE  BEYOND THE SPREAD OVER SEEDS
quick    accuracy  60, 71 % (2 runs)  64, 74 % (2 runs)  +3.3 pp     no
slow     accuracy  23, 57 % (2 runs)  23, 57 % (2 runs)  -           unchanged
[exit status 0]

"#]],
    );
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
    check(
        &site,
        &["run", "--jobs", "1"],
        str![[r#"
$ labpress run --jobs 1
[stderr]
stale above/default seed 0: no result is recorded
start above/default seed 0
done  above/default seed 0 accuracy 0.5000  [TIME]
1 run recorded in [TIME]
[exit status 0]

"#]],
    );
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
    check(
        site,
        &["run", "--jobs", "1"],
        str![[r#"
$ labpress run --jobs 1
[stderr]
all runs are fresh
[exit status 0]

"#]],
    );
    check(
        site,
        &["status"],
        str![[r#"
$ labpress status
EXPERIMENT  VARIANT  SEEDS  STATE  AGE  TIME
above  default  0  fresh  [TIME]  [TIME] per run
spire  slow  0  fresh, verified [DATE] (bit-identical)  [TIME]  [TIME] per run
spire  fast  0  fresh, verified [DATE] (bit-identical)  [TIME]  [TIME] per run
top  default  0  fresh, verified [DATE] (bit-identical)  [TIME]  [TIME] per run
[exit status 0]

"#]],
    );
    check(
        site,
        &["gc"],
        str![[r#"
$ labpress gc
[stderr]
nothing to delete: every file is referred to
[exit status 0]

"#]],
    );
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
    check(
        &site,
        &["mv", "toy", "spire", "--dry-run"],
        str![[r#"
$ labpress mv toy spire --dry-run
rename experiments/toy/ to experiments/spire/
write  experiments/above/pins/[DIGEST].json
write  experiments/above/runs/default-s0-[DIGEST].json
write  experiments/spire/pins/[DIGEST].json
write  experiments/spire/runs/fast-s0-[DIGEST].json
write  experiments/spire/runs/slow-s0-[DIGEST].json
write  experiments/spire/verifications/fast-s0-[DIGEST]-[MOMENT].json
write  experiments/spire/verifications/slow-s0-[DIGEST]-[MOMENT].json
write  experiments/top/runs/default-s0-[DIGEST].json
write  experiments/top/verifications/default-s0-[DIGEST]-[MOMENT].json
remove experiments/above/runs/default-s0-[DIGEST].json
remove experiments/top/runs/default-s0-[DIGEST].json
remove experiments/top/verifications/default-s0-[DIGEST]-[MOMENT].json
remove experiments/above/pins/[DIGEST].json
remove experiments/spire/pins/[DIGEST].json
edit   _posts/2026-01-02-toy.md
edit   _posts/2026-01-03-above.md
edit   experiments/above/experiment.yml
edit   pages/all.md
[stderr]
14 changes: nothing was written
[exit status 0]

"#]],
    );
    assert_eq!(site.files("."), before);
    check(
        &site,
        &["mv", "toy", "top"],
        str![[r#"
$ labpress mv toy top
[stderr]
error: already exists
 --> experiments/top
hint: choose another name

`labpress mv` failed because of 1 error
[exit status 1]

"#]],
    );
    check(
        &site,
        &["mv", "toy", "Spire"],
        str![[r#"
$ labpress mv toy Spire
[stderr]
error: `Spire` cannot be the name of an experiment
 --> experiments/Spire
hint: use lowercase letters, digits and hyphens, such as `from-scratch`

`labpress mv` failed because of 1 error
[exit status 1]

"#]],
    );
    check(
        &site,
        &["mv", "toi", "spire"],
        str![[r#"
$ labpress mv toi spire
[stderr]
error: there is no experiment `toi`
 --> experiments/
hint: did you mean `top`?

`labpress mv` failed because of 1 error
[exit status 1]

"#]],
    );
    check(
        &site,
        &["mv", "toy", "spire"],
        str![[r#"
$ labpress mv toy spire
rename experiments/toy/ to experiments/spire/
write  experiments/above/pins/[DIGEST].json
write  experiments/above/runs/default-s0-[DIGEST].json
write  experiments/spire/pins/[DIGEST].json
write  experiments/spire/runs/fast-s0-[DIGEST].json
write  experiments/spire/runs/slow-s0-[DIGEST].json
write  experiments/spire/verifications/fast-s0-[DIGEST]-[MOMENT].json
write  experiments/spire/verifications/slow-s0-[DIGEST]-[MOMENT].json
write  experiments/top/runs/default-s0-[DIGEST].json
write  experiments/top/verifications/default-s0-[DIGEST]-[MOMENT].json
remove experiments/above/runs/default-s0-[DIGEST].json
remove experiments/top/runs/default-s0-[DIGEST].json
remove experiments/top/verifications/default-s0-[DIGEST]-[MOMENT].json
remove experiments/above/pins/[DIGEST].json
remove experiments/spire/pins/[DIGEST].json
edit   _posts/2026-01-02-toy.md
edit   _posts/2026-01-03-above.md
edit   experiments/above/experiment.yml
edit   pages/all.md
[stderr]
renamed `toy` to `spire` with all results: commit experiments/ and the changed posts
[exit status 0]

"#]],
    );
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
        // Which errors a half renamed site has depends on the step.
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
