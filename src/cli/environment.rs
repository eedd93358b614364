//! What a command takes from the process's environment, read here and passed on as values.
#![expect(clippy::disallowed_methods, reason = "`cli` reads the environment and the clock for the pure parts")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::data::fetch::cache_folder;

/// The value of an environment variable that an experiment depends on.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// The time now.
pub(super) fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// A clock for telling how long something took.
pub(super) struct Stopwatch(std::time::Instant);

impl Stopwatch {
    pub(super) fn started() -> Stopwatch {
        Stopwatch(std::time::Instant::now())
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// How many CPU threads this process may use.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The folder that data sets are kept in.
pub(super) fn data_cache() -> Option<PathBuf> {
    let value = std::env::var_os;
    cache_folder(value("LABPRESS_DATA").as_deref(), value("XDG_CACHE_HOME").as_deref(), value("HOME").as_deref())
}

/// The program `lab`: what `LABPRESS_LAB` names, else beside this program, else on the `PATH`.
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

/// What the program at `lab` says of itself and its machine: one line of JSON. The error says why it does not.
pub(super) fn lab_info(lab: &Path) -> Result<serde_json::Value, String> {
    let output = Command::new(lab).arg("info").output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("its answer cannot be read: {error}"))
}
