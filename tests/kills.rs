//! labpress is killed, or its disk loses power, at random moments of all that it does, and nothing
//! is lost.
//!
//! `LABPRESS_KILLS=1000` and `LABPRESS_CUTS=100` do it more often, `LABPRESS_SEED=7` otherwise: the
//! seed decides what is done and when, though not how far labpress has come by then. Cutting the
//! power needs the right to mount a disk and is left out, with a line that says so, where that is
//! missing.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "a test starts programs and looks at files")]
#![expect(
    clippy::print_stderr,
    reason = "a test that could not be done says so, and how often it did what"
)]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::killing::{descendants, kill};
use support::random::{Random, number_of};
use support::whole::{assert_same, assert_swept, assert_whole, left};
use support::{Site, TOY_EXPERIMENT, TOY_RUNNER, assert_success, copy_folder, stderr};

/// Reports its parameter as its result, and in a file.
const QUICK_RUNNER: &str = r#"
set -e
rate=$(sed -n 's/.*"rate": *\([0-9.]*\).*/\1/p' "$LABPRESS_RUN/run.json")
echo "{\"kept\": $rate}" >"$LABPRESS_RUN/table.json"
sleep 0.02
{
    echo '{"event":"start","environment":{"device":"none"}}'
    echo "{\"event\":\"metric\",\"name\":\"accuracy\",\"value\":$rate}"
    echo '{"event":"artifact","name":"table","path":"table.json","kind":"table"}'
    echo '{"event":"done"}'
} >>"$LABPRESS_RUN/events.jsonl"
"#;
const QUICK_EXPERIMENT: &str = "title: Quick\nrunner: {command: [sh, run.sh], inputs: [run.sh]}\nseeds: 2\nparams: {rate: 0.5}\n";
const CONFIG: &str = "title: Test\nurl: https://example.org\ndestination: public\n";
const LAYOUT: &str = "<!doctype html>\n<title>{{ page.title }}</title>\n{{ content }}\n";
const POSTS: [(&str, &str, &str); 2] = [
    (
        "_posts/2026-01-02-toy.md",
        "toy",
        "Fast gets {% value toy.fast.accuracy %}.\n\n{% chart toy curves %}\n",
    ),
    (
        "_posts/2026-01-03-quick.md",
        "quick",
        "It gets {% value quick.default.accuracy %}, from {% value above.default.accuracy %}.\n",
    ),
];

/// A site whose runs take some hundredths of a second: one in Python with checkpoints, one in the
/// shell, and one that needs the latter.
fn fill(site: &Site) {
    site.write("_config.yml", CONFIG);
    site.write("_layouts/post.html", LAYOUT);
    site.write("image.svg", "<svg>0</svg>");
    for (path, name, body) in POSTS {
        site.write(path, &post(name, body));
    }
    site.write(
        "experiments/toy/experiment.yml",
        &TOY_EXPERIMENT.replace("rate: 0.1", "rate: 0.1, seconds: 0.01"),
    );
    site.write("experiments/toy/train.py", &toy_runner());
    site.write("experiments/quick/experiment.yml", QUICK_EXPERIMENT);
    site.write("experiments/quick/run.sh", QUICK_RUNNER);
    let above =
        QUICK_EXPERIMENT.replace("Quick", "Above").replace("seeds: 2", "seeds: 1\nneeds: [quick]");
    site.write("experiments/above/experiment.yml", &above);
    site.write("experiments/above/run.sh", QUICK_RUNNER);
}

/// The toy's runner as the protocol asks for it where power may fail: its checkpoint is on the disk
/// before it gets its name, and a run that is resumed reports again what it has reported before.
fn toy_runner() -> String {
    let synced = "with open(temporary, 'w') as file: file.write(str(epoch)); file.flush(); os.fsync(file.fileno())";
    let again = "for epoch in range(1, first):\n        \
        say(\"metric\", name=\"valid.accuracy\", step=epoch, value=1 - 1 / (1 + epoch * params[\"rate\"] + job[\"seed\"]))\n    \
        for epoch in range(first";
    let runner = TOY_RUNNER
        .replace("temporary.write_text(str(epoch))", synced)
        .replace("for epoch in range(first", again);
    assert!(runner.contains(synced) && runner.contains(again));
    runner
}

fn post(name: &str, body: &str) -> String {
    format!("---\ntitle: {name}\nlayout: post\n---\n{body}")
}

/// What is done while it is interrupted, with how often of a hundred times.
const WORK: [(usize, &[&str]); 11] = [
    (22, &["build", "--json"]),
    (8, &["run", "--json"]),
    (12, &["run", "--json", "--force"]),
    (8, &["pin", "2026-01-02-toy"]),
    (4, &["pin", "2026-01-03-quick", "quick"]),
    (4, &["pin", "2026-01-02-toy", "--remove"]),
    (4, &["pin", "2026-01-03-quick", "--remove"]),
    (14, &["gc", "--delete"]),
    (10, &["verify"]),
    (8, &["import", "."]),
    (6, &["build", "--json", "--smoke"]),
];

/// Somebody works at the site: changes a parameter, prose, a picture, or goes back to what was
/// before the import.
fn edit(site: &Site, random: &mut Random) {
    let rate = *random.one_of(&["0.1", "0.2", "0.5"]);
    match random.below(6) {
        0 => {
            let yaml = TOY_EXPERIMENT.replace("rate: 0.1", "rate: 0.1, seconds: 0.01");
            site.write(
                "experiments/toy/experiment.yml",
                &yaml.replace("fast: {rate: 0.5}", &format!("fast: {{rate: {rate}}}")),
            );
        }
        1 => site.write("experiments/quick/experiment.yml", &QUICK_EXPERIMENT.replace("0.5", rate)),
        2 => {
            let (path, ..) = *random.one_of(&POSTS);
            site.write(path, &(site.read(path) + "More.\n"));
        }
        3 => site.write("image.svg", &format!("<svg>{}</svg>", random.below(10))),
        _ => site.write("_config.yml", CONFIG),
    }
}

/// A labpress at work, whose standard output and error are files.
struct Working {
    labpress: Child,
    arguments: Vec<&'static str>,
    said: [File; 2],
}

impl Working {
    fn start(site: &Site, arguments: &[&'static str]) -> Working {
        let said = [(); 2].map(|()| tempfile::tempfile().unwrap());
        let [out, error] = said.each_ref().map(|file| Stdio::from(file.try_clone().unwrap()));
        let labpress =
            site.command(arguments).stdin(Stdio::null()).stdout(out).stderr(error).spawn().unwrap();
        Working { labpress, arguments: arguments.to_vec(), said }
    }

    /// Kills it, and with it what it has started if `with_runners`. Returns whether it was still at
    /// work.
    fn kill(&mut self, with_runners: bool) -> bool {
        let was_at_work = self.labpress.try_wait().unwrap().is_none();
        let started = if with_runners { descendants(self.labpress.id()) } else { Vec::new() };
        self.labpress.kill().unwrap();
        started.into_iter().for_each(kill);
        self.labpress.wait().unwrap();
        was_at_work
    }

    /// What it wrote to standard output and to standard error.
    fn said(&mut self) -> [String; 2] {
        self.said.each_mut().map(|file| {
            use std::io::Seek as _;
            let mut bytes = Vec::new();
            file.rewind().unwrap();
            file.read_to_end(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        })
    }
}

/// What is known of a site that is interrupted again and again.
struct Trial {
    random: Random,
    /// What each record said when it was first seen.
    first: BTreeMap<String, Value>,
    /// What was done, for the message of a failure.
    history: String,
    /// How often each command was interrupted.
    interrupted: BTreeMap<String, usize>,
    rounds: usize,
    builds: usize,
}

impl Trial {
    fn from_seed(seed: u64) -> Trial {
        Trial {
            random: Random::from_seed(seed),
            first: BTreeMap::new(),
            history: format!("seed {seed}"),
            interrupted: BTreeMap::new(),
            rounds: 0,
            builds: 0,
        }
    }

    /// Edits the site perhaps, and starts one labpress or two.
    fn start(&mut self, site: &Site) -> Vec<Working> {
        let random = &mut self.random;
        if random.is_within(40) {
            edit(site, random);
        }
        let mut drawn = random.below(WORK.iter().map(|(often, _)| often).sum());
        let work = WORK.iter().find(|(often, _)| {
            let is_it = drawn < *often;
            drawn = drawn.saturating_sub(*often);
            is_it
        });
        let (_, arguments) = work.unwrap();
        let both = if random.is_within(8) {
            vec![*arguments, &["build", "--json"]]
        } else {
            vec![*arguments]
        };
        both.into_iter().map(|arguments| Working::start(site, arguments)).collect()
    }

    /// Waits for a moment that is soon, later or late.
    fn wait(&mut self) {
        let most = *self.random.one_of(&[40, 120, 500]);
        std::thread::sleep(Duration::from_millis(self.random.below(most) as u64));
    }

    fn count(&mut self, working: &Working, how: &str) {
        let command =
            working.arguments.iter().filter(|word| **word != "--json" && !word.starts_with("2026"));
        let command = command.copied().collect::<Vec<_>>().join(" ");
        let _ = write!(self.history, "\n{} {how}", working.arguments.join(" "));
        *self.interrupted.entry(command).or_default() += 1;
    }

    /// Checks that nothing is half, damaged or another than it was; nothing that was there `before`
    /// is lost; and what was reported as done is there.
    #[track_caller]
    fn check(&mut self, site: &Site, before: &BTreeMap<String, Value>, working: &mut [Working]) {
        self.rounds += 1;
        let history: Vec<&str> = self.history.lines().rev().take(12).collect();
        let when = format!("after, the last first:\n{}", history.join("\n"));
        let records = assert_whole(site, &when);
        for (path, record) in &records {
            let first = self.first.entry(path.clone()).or_insert_with(|| record.clone());
            assert_eq!(record, first, "{path} says something else, {when}");
        }
        let collects = working.iter().any(|one| one.arguments[0] == "gc");
        for one in working {
            let [out, error] = one.said();
            assert!(!error.contains("panicked"), "{error}{when}");
            if collects {
                continue;
            }
            for path in before.keys() {
                assert!(records.contains_key(path), "{path} is lost, {when}");
            }
            let events = out.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let is_real = !one.arguments.contains(&"--smoke");
            for event in events.filter(|event| {
                is_real && event["event"] == "ended" && event["outcome"] == "recorded"
            }) {
                let path = event["record"].as_str().unwrap();
                assert!(records.contains_key(path), "{path} was reported and is not there, {when}");
            }
            for (post, ..) in
                POSTS.iter().filter(|(post, ..)| error.contains(&format!("{post} is pinned")))
            {
                assert!(
                    site.read(post).contains("\npin: "),
                    "{post} was reported to be pinned, {when}"
                );
            }
        }
        let config = site.read("_config.yml");
        let imported = config.strip_prefix(CONFIG).unwrap_or_else(|| panic!("{config}{when}"));
        assert!(
            imported.is_empty() || imported.ends_with("\ntemplates: liquid\n"),
            "{config}{when}"
        );
        for (path, name, body) in POSTS {
            let text = site.read(path);
            let unpinned: String = text
                .lines()
                .filter(|line| !line.starts_with("pin: "))
                .map(|line| format!("{line}\n"))
                .collect();
            let more =
                unpinned.strip_prefix(&post(name, body)).map(|more| more.replace("More.\n", ""));
            assert_eq!(more.as_deref(), Some(""), "{path}: {text}{when}");
        }
        let status = site.labpress(&["status"]);
        assert!(status.status.success(), "{}{when}", stderr(&status));
    }

    /// Checks that a build makes of the site what it makes of a clean copy of it, and that it
    /// leaves nothing temporary.
    #[track_caller]
    fn check_build(&mut self, site: &Site) {
        self.builds += 1;
        let when = &self.history;
        let build = site.labpress(&["build"]);
        assert!(build.status.success(), "{}{when}", stderr(&build));
        assert_swept(site, when);
        let copy = site.copy();
        for made in [".labpress", "public"] {
            std::fs::remove_dir_all(copy.path().join(made)).unwrap();
        }
        let build = copy.labpress(&["build", "--locked"]);
        assert!(build.status.success(), "{}{when}", stderr(&build));
        assert_same(&left(site), &left(&copy), when);
        self.history.clear();
    }

    fn report(&self, what: &str, times: u64, since: Instant) {
        let commands: Vec<String> =
            self.interrupted.iter().map(|(command, times)| format!("{command} {times}")).collect();
        eprintln!(
            "{times} {what} in {} rounds, {} records, {} builds compared, {} s: {}",
            self.rounds,
            self.first.len(),
            self.builds,
            since.elapsed().as_secs(),
            commands.join(", ")
        );
    }
}

#[test]
fn killed_at_any_moment_of_anything_nothing_is_lost() {
    let (kills, seed) = (number_of("LABPRESS_KILLS", 25), number_of("LABPRESS_SEED", 1));
    let (mut trial, mut killed, since) = (Trial::from_seed(seed), 0, Instant::now());
    let site = Site::empty();
    fill(&site);
    assert_success(&site.labpress(&["build"]));
    while killed < kills {
        let before = assert_whole(&site, "before");
        let mut working = trial.start(&site);
        trial.wait();
        for one in &mut working {
            let with_runners = trial.random.is_within(30);
            let was_at_work = one.kill(with_runners);
            killed += u64::from(was_at_work);
            if was_at_work {
                trial.count(one, if with_runners { "killed with its runners" } else { "killed" });
            }
        }
        trial.check(&site, &before, &mut working);
        if trial.rounds % 4 == 0 {
            trial.check_build(&site);
        }
    }
    trial.check_build(&site);
    trial.report("kills", killed, since);
}

/// A disk of its own: a file with a file system, which is mounted.
struct Disk {
    folder: tempfile::TempDir,
}

/// Cuts the power when it is given a line: what the file system has not written yet is lost
/// (`FS_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH`).
const CUT: &str = "
import fcntl, os, struct, sys
disk = os.open(sys.argv[1], os.O_RDONLY)
print('ready', flush=True)
sys.stdin.readline()
fcntl.ioctl(disk, 0x8004587D, struct.pack('I', 2))
";

impl Disk {
    /// Makes a disk, or returns why that is impossible here.
    fn new() -> Option<Disk> {
        let disk = Disk { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(disk.mounted()).unwrap();
        File::create(disk.image()).unwrap().set_len(64 << 20).unwrap();
        let mut mkfs = Command::new("mkfs.ext4");
        mkfs.args(["-q", "-J", "size=4"]).arg(disk.image());
        let is_made = mkfs.status().is_ok_and(|status| status.success()) && disk.mount("defaults");
        if !is_made {
            eprintln!("left out: no ext4 disk can be made and mounted here");
        }
        is_made.then_some(disk)
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    fn mounted(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    fn mount(&self, options: &str) -> bool {
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "ext4", "-o", &format!("loop,{options}")])
            .arg(self.image())
            .arg(self.mounted());
        mount.status().is_ok_and(|status| status.success())
    }

    /// Takes the disk away from everybody. What was killed just now may hold it for a moment.
    fn unmount(&self) {
        for _ in 0..100 {
            let unmounted =
                Command::new("umount").arg(self.mounted()).stderr(Stdio::null()).status().unwrap();
            if unmounted.success() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{} is still in use", self.mounted().display());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ =
            Command::new("umount").arg("--lazy").arg(self.mounted()).stderr(Stdio::null()).status();
    }
}

/// What will cut the power of the disk that is mounted at `folder`.
fn cutter(folder: &Path) -> Child {
    let mut cutter = Command::new("python3");
    let mut cutter = cutter
        .args(["-c", CUT])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = [0; 6];
    cutter.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
    cutter
}

#[test]
fn with_the_power_cut_at_any_moment_of_anything_nothing_is_lost() {
    let (cuts, seed) = (number_of("LABPRESS_CUTS", 6), number_of("LABPRESS_SEED", 1));
    let Some(disk) = Disk::new() else {
        return;
    };
    let (mut trial, mut cut, since) = (Trial::from_seed(seed), 0, Instant::now());
    let site = Site::at(disk.mounted().join("site"));
    let filled = Site::empty();
    fill(&filled);
    assert_success(&filled.labpress(&["build"]));
    std::fs::create_dir(site.path()).unwrap();
    copy_folder(filled.path(), site.path());
    while cut < cuts {
        let before = assert_whole(&site, "before");
        let mut working = trial.start(&site);
        // What an author has saved is not labpress's to keep.
        assert!(
            Command::new("sync")
                .arg("--file-system")
                .arg(disk.mounted())
                .status()
                .unwrap()
                .success()
        );
        let mut cutter = cutter(&disk.mounted());
        trial.wait();
        let are_at_work: Vec<bool> =
            working.iter_mut().map(|one| one.labpress.try_wait().unwrap().is_none()).collect();
        cutter.stdin.take().unwrap().write_all(b"cut\n").unwrap();
        assert!(cutter.wait().unwrap().success(), "the power cannot be cut");
        for (one, was_at_work) in working.iter_mut().zip(are_at_work) {
            one.kill(true);
            if was_at_work {
                trial.count(one, "without power");
            }
            cut += u64::from(was_at_work);
        }
        disk.unmount();
        let options = *trial.random.one_of(&["defaults", "data=writeback,noauto_da_alloc"]);
        assert!(disk.mount(options), "the disk cannot be mounted again");
        trial.check(&site, &before, &mut working);
        if trial.rounds % 3 == 0 {
            trial.check_build(&site);
        }
    }
    trial.check_build(&site);
    trial.report("cuts", cut, since);
}
