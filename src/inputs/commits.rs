//! When each file of a site was last changed by a commit, as git says: `last_modified_at: git` in
//! `_config.yml`.
//!
//! Changes that are not committed do not count, so that the answer depends on the repository alone:
//! a build reads no clock.
#![expect(clippy::disallowed_methods, reason = "`inputs` reads the site, and git is the only way")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use jiff::Timestamp;

use crate::config::{self, Config};
use crate::diagnostic::Diagnostic;

/// The key in `_config.yml`.
const KEY: &str = "last_modified_at";
/// What begins the line of a commit; no path does.
const COMMIT: char = '\u{1}';

/// The time of the last commit that changed each file, by its path on disk from the site's root.
#[derive(Debug, Clone, Default)]
pub(crate) struct Commits {
    pub(crate) times: BTreeMap<String, Timestamp>,
    /// Why there are none.
    pub(crate) error: Option<Diagnostic>,
}

impl Commits {
    /// Reads the commits of the site at `root`, if its configuration asks for them.
    pub(super) fn read(root: &Path, config: &Config) -> Commits {
        if !config.dates_from_git {
            return Commits::default();
        }
        match times(root) {
            Ok(times) => Commits { times, error: None },
            Err((message, hint)) => {
                let text = super::read_one(root, config::PATH).ok().flatten();
                let place = Config::place(text.as_deref(), KEY);
                let error = Diagnostic::new(place, message).hint(hint);
                Commits { times: BTreeMap::new(), error: Some(error) }
            }
        }
    }
}

/// What prevents it, and what to do.
type Refusal = (String, String);

fn times(root: &Path) -> Result<BTreeMap<String, Timestamp>, Refusal> {
    let without = format!("or remove `{KEY}: git`");
    let shallow = git(root, &["rev-parse", "--is-shallow-repository"]).map_err(|reason| {
        let hint = format!("build in a clone of the repository, with git installed, {without}");
        (format!("cannot read dates of changes from git: {reason}"), hint)
    })?;
    if shallow.trim() == "true" {
        let hint = format!(
            "fetch all of it: `git fetch --unshallow`; in GitHub Actions, `fetch-depth: 0` for \
             `actions/checkout`; on GitLab, `GIT_DEPTH: 0`; {without}"
        );
        let message = "this clone is shallow: the commits that changed most files are not in it";
        return Err((message.to_owned(), hint));
    }
    if git(root, &["rev-parse", "--quiet", "--verify", "HEAD"]).is_err() {
        return Ok(BTreeMap::new());
    }
    let format = format!("--format={COMMIT}%ct");
    let log = [
        "-c",
        "log.showSignature=false",
        "-c",
        "log.diffMerges=off",
        "log",
        "-z",
        &format,
        "--name-only",
        "--no-renames",
        "--relative",
        "--",
        ".",
    ];
    let log = git(root, &log).map_err(|reason| {
        (format!("git cannot list the commits: {reason}"), format!("repair it, {without}"))
    })?;
    Ok(of_log(&log))
}

/// The newest time of each path in the output of `git log`, which has the newest commits first.
fn of_log(log: &str) -> BTreeMap<String, Timestamp> {
    let (mut times, mut time) = (BTreeMap::new(), None);
    for part in log.split('\0') {
        let part = part.trim_start_matches('\n');
        if let Some(seconds) = part.strip_prefix(COMMIT) {
            let seconds = seconds.trim().parse().ok();
            time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
        } else if let Some(time) = time.filter(|_| !part.is_empty()) {
            times.entry(part.to_owned()).or_insert(time);
        }
    }
    times
}

/// The output of git; the error is the last line of its messages.
fn git(root: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new("git");
    command.arg("-C").arg(root).args(arguments);
    let output = command.output().map_err(|error| format!("cannot start `git`: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let messages = String::from_utf8_lossy(&output.stderr);
    let last = messages.trim().lines().last().unwrap_or("it failed");
    Err(last.trim_start_matches("fatal: ").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_commit_of_each_file_counts() {
        let log = "\u{1}20\0\n_posts/é \n.md\0about.md\0\0\u{1}10\0\nabout.md\0b.md\0\0\u{1}5\0";
        let times = of_log(log);
        let times: Vec<(&str, i64)> =
            times.iter().map(|(path, time)| (path.as_str(), time.as_second())).collect();
        assert_eq!(times, [("_posts/é \n.md", 20), ("about.md", 20), ("b.md", 10)]);
    }
}
