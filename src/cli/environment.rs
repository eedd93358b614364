//! Reads the process's environment, for commands to pass on as values.
#![expect(
    clippy::disallowed_methods,
    reason = "`cli` reads the environment and the clock for the pure parts"
)]

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};

use labpress::data::fetch::cache_folder;
use labpress::runner::{BUILD, Stop};

/// The value of an environment variable that an experiment depends on.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// The user's home folder, if there is one.
pub(super) fn home() -> Option<PathBuf> {
    std::env::home_dir().filter(|home| home.is_dir())
}

/// The time now.
pub(super) fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// The time now, to the second.
pub(super) fn now_to_the_second() -> jiff::Timestamp {
    let now = now();
    jiff::Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// The user's name in git's configuration for the folder `root`; `None` without git or a name.
pub(super) fn git_user(root: &Path) -> Option<String> {
    git_setting(root, "user.name")
}

/// A setting in git's configuration for the folder `root`, with `~` replaced; `None` without git or
/// the setting.
pub(super) fn git_setting(root: &Path, name: &str) -> Option<String> {
    let arguments = ["config", "--type=path", name];
    let output = Command::new("git").args(arguments).current_dir(root).output().ok()?;
    let value = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !value.is_empty()).then_some(value)
}

/// A clock to measure how long something takes.
pub(super) struct Stopwatch(std::time::Instant);

impl Stopwatch {
    pub(super) fn started() -> Stopwatch {
        Stopwatch(std::time::Instant::now())
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Counts requests to stop, by Ctrl-C or `TERM`: on the first, runs write a checkpoint and exit; on
/// the second, they are killed. Once it is dropped, the signals end the process as usual.
pub(super) struct Interrupts(());

/// The number of requests since counting began.
static ASKED: AtomicUsize = AtomicUsize::new(0);
/// Whether requests are counted.
static IS_COUNTING: AtomicBool = AtomicBool::new(false);

impl Interrupts {
    /// Starts counting. There can be only one at a time.
    pub(super) fn counted() -> io::Result<Interrupts> {
        static SIGNALS: OnceLock<()> = OnceLock::new();
        ASKED.store(0, Ordering::Relaxed);
        IS_COUNTING.store(true, Ordering::Relaxed);
        if SIGNALS.set(()).is_ok() {
            let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
            std::thread::spawn(move || {
                for signal in signals.forever() {
                    ASKED.fetch_add(1, Ordering::Relaxed);
                    if !IS_COUNTING.load(Ordering::Relaxed) {
                        // The signal ends the process.
                        let _ = signal_hook::low_level::emulate_default_handler(signal);
                    }
                }
            });
        }
        Ok(Interrupts(()))
    }

    #[expect(clippy::unused_self, reason = "only valid while counting")]
    pub(super) fn stop(&self) -> Stop {
        match ASKED.load(Ordering::Relaxed) {
            0 => Stop::GoOn,
            1 => Stop::Gently,
            _ => Stop::AtOnce,
        }
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        IS_COUNTING.store(false, Ordering::Relaxed);
    }
}

/// The names of this machine in its network.
pub(super) fn machine_names() -> Vec<String> {
    let uname = rustix::system::uname();
    let Ok(name) = uname.nodename().to_str() else { return Vec::new() };
    vec![name.to_owned(), format!("{name}.local")]
}

/// The number of CPU threads that this process may use.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The folder for data sets.
pub(super) fn data_cache() -> Option<PathBuf> {
    let value = std::env::var_os;
    cache_folder(
        value("LABPRESS_DATA").as_deref(),
        value("XDG_CACHE_HOME").as_deref(),
        value("HOME").as_deref(),
    )
}

/// The program `lab`: `LABPRESS_LAB`, or else next to this program, or else on the `PATH`.
pub(super) fn lab() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("LABPRESS_LAB").filter(|value| !value.is_empty()) {
        return Some(named.into());
    }
    let name = format!("lab{}", std::env::consts::EXE_SUFFIX);
    let own = std::env::current_exe().ok();
    let beside = own.as_deref().and_then(Path::parent).map(|folder| folder.join(&name));
    let on_path = std::env::var_os("PATH");
    let on_path = on_path.iter().flat_map(std::env::split_paths).map(|folder| folder.join(&name));
    beside.into_iter().chain(on_path).find(|path| path.is_file())
}

/// The program with this name on the `PATH`.
pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// How the program that gave `info` was built otherwise than this one, if it was.
pub(super) fn other_build(lab: &Path, info: &serde_json::Value) -> Option<String> {
    let build = info["build"].as_str().unwrap_or("unknown");
    (build != BUILD).then(|| {
        format!(
            "`labpress` and its runner are of different builds: labpress {BUILD}, `{}` {build}",
            lab.display()
        )
    })
}

/// The content of one of labpress's own files; `None` if it cannot be read.
pub(super) fn text(path: &Path) -> Option<String> {
    std::fs::read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// What the program `lab` reports about itself and its machine with `lab info`, or why it does not.
/// It is started once, because that takes a while: it loads libtorch. So `lab` is always the same
/// path, that of [`lab`].
pub(super) fn lab_info(lab: &Path) -> Result<serde_json::Value, String> {
    static INFO: OnceLock<Result<serde_json::Value, String>> = OnceLock::new();
    INFO.get_or_init(|| ask_lab(lab)).clone()
}

fn ask_lab(lab: &Path) -> Result<serde_json::Value, String> {
    let output = Command::new(lab).arg("info").output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("invalid output: {error}"))
}

/// Whether experiments differ from the last commit, with their records.
pub(super) fn has_changed_experiments(root: &Path) -> bool {
    let status = ["status", "--porcelain", "--", "experiments"];
    git(root, &status, None).is_ok_and(|found| !found.is_empty())
}

/// Checks out the folder `folder` of the site at `root` in a git revision to `target`. The error is
/// git's message.
pub(super) fn check_out(
    revision: &str,
    root: &Path,
    folder: &str,
    target: &Path,
) -> Result<(), String> {
    if revision.starts_with('-') {
        return Err("a revision cannot start with a hyphen".to_owned());
    }
    let top = git(root, &["rev-parse", "--show-toplevel"], None)?;
    let inside = git(root, &["rev-parse", "--show-prefix"], None)?;
    let tree = format!("{revision}:{inside}{folder}");
    // A separate index, so that the user's is not touched.
    let index = target.join("index");
    let prefix = format!("--prefix={}/", target.join(folder).display());
    git(Path::new(&top), &["read-tree", &tree], Some(&index))?;
    git(Path::new(&top), &["checkout-index", "--all", &prefix], Some(&index))?;
    Ok(())
}

/// The output of git in one line. The error is the last line of its messages.
fn git(folder: &Path, arguments: &[&str], index: Option<&Path>) -> Result<String, String> {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(arguments);
    if let Some(index) = index {
        command.env("GIT_INDEX_FILE", index);
    }
    let output = command.output().map_err(|error| format!("cannot start `git`: {error}"))?;
    if !output.status.success() {
        let verbosity = String::from_utf8_lossy(&output.stderr);
        return Err(verbosity.trim().lines().last().unwrap_or("git failed").to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}
