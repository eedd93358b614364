//! Which files of the site a command reads, according to `strace`: for `labpress run --trace`.
//!
//! A file that a command reads without declaring it in `inputs` can change without making its
//! results stale.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostic;
use crate::experiment::spec::{Experiment, Runner};
use crate::yaml::Yaml;

/// The file in the run's folder that `strace` writes to.
pub const FILE: &str = "trace.txt";

/// What precedes a command that is to be traced.
pub(crate) fn command(strace: &Path, run_folder: &Path) -> impl Iterator<Item = OsString> + use<> {
    // `-y` writes the path of each file that was opened, whatever folder it was opened from.
    let options = ["-f", "-qq", "-y", "-s", "4096", "-e", "trace=open,openat,openat2,execve", "-o"];
    let file = run_folder.join(FILE).into_os_string();
    let options = options.into_iter().map(OsString::from);
    std::iter::once(strace.as_os_str().to_owned()).chain(options).chain([file, "--".into()])
}

/// The files that were read or started as a program, according to a trace. Relative paths are from
/// `working_folder`.
pub fn files_read(trace: &str, working_folder: &Path) -> BTreeSet<PathBuf> {
    trace.lines().filter_map(file_read).map(|path| working_folder.join(path)).collect()
}

/// The file that one line of a trace is about: `42 openat(AT_FDCWD</site>, "a.py", O_RDONLY) =
/// 3</site/a.py>`.
fn file_read(line: &str) -> Option<PathBuf> {
    let (call, result) = line.rsplit_once(" = ")?;
    if call.contains("execve(") {
        let program = call.split_once("execve(\"")?.1.split_once('"')?.0;
        return (result == "0").then(|| PathBuf::from(program));
    }
    let only_written = call.contains("O_WRONLY") || call.contains("O_DIRECTORY");
    let path = result.split_once('<')?.1.strip_suffix('>')?;
    (!only_written).then(|| PathBuf::from(path))
}

/// One error for each file under `root`, the site's folder, that was read but is not an input. Files
/// in `.labpress/` were given to the run by labpress, and those compiled by Python belong to files
/// that are declared.
pub fn undeclared(
    experiment: &Experiment,
    read: &BTreeSet<PathBuf>,
    root: &Path,
    yaml: &Yaml<'_>,
) -> Vec<Diagnostic> {
    let Runner::Command { inputs, .. } = &experiment.runner else { return Vec::new() };
    let own = format!("experiments/{}/", experiment.name);
    // A link among the inputs also declares its target.
    let targets: BTreeSet<PathBuf> =
        inputs.keys().filter_map(|input| root.join(&own).join(input).canonicalize().ok()).collect();
    let inside = read.iter().filter(|path| !targets.contains(*path)).filter_map(|path| {
        let parts: Option<Vec<&str>> =
            path.strip_prefix(root).ok()?.iter().map(|part| part.to_str()).collect();
        parts.map(|parts| {
            parts.into_iter().filter(|part| *part != ".").collect::<Vec<_>>().join("/")
        })
    });
    let is_undeclared = |path: &String| {
        let is_given =
            path.is_empty() || path.starts_with(".labpress/") || path.contains("__pycache__/");
        !is_given && !path.strip_prefix(&own).is_some_and(|inside| inputs.contains_key(inside))
    };
    inside
        .filter(is_undeclared)
        .map(|path| {
            let error = Diagnostic::new(
                yaml.place(&["runner", "inputs"]),
                format!("the runner reads `{path}`, which is not among its inputs"),
            );
            match path.strip_prefix(&own) {
                Some(inside) => error
                    .hint(format!("add `{inside}` to `inputs`, so that a change to it is noticed")),
                None => error.hint(
                    "add a link to it to the experiment's folder and declare the link: inputs \
                     must be in that folder",
                ),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Option<&str>) {
        assert_eq!(file_read(line), expected.map(PathBuf::from));
    }

    #[test]
    fn files_opened_for_reading_count() {
        check(
            r#"7 openat(AT_FDCWD</s>, "a b.py", O_RDONLY|O_CLOEXEC) = 3</s/a b.py>"#,
            Some("/s/a b.py"),
        );
        check(
            r#"7 execve("./train.sh", ["./train.sh"], 0x7ffd /* 4 vars */) = 0"#,
            Some("./train.sh"),
        );
    }

    #[test]
    fn missing_files_and_files_only_written_do_not() {
        check(
            r#"7 openat(AT_FDCWD</s>, "a", O_RDONLY) = -1 ENOENT (No such file or directory)"#,
            None,
        );
        check(r#"7 openat(AT_FDCWD</s>, "a", O_WRONLY|O_CREAT, 0666) = 3</s/a>"#, None);
        check(r#"7 openat(AT_FDCWD</s>, ".", O_RDONLY|O_DIRECTORY) = 3</s>"#, None);
        check(
            r#"7 execve("./train.sh", ["./train.sh"], 0x7ffd /* 4 vars */) = -1 EACCES (x)"#,
            None,
        );
        check("+++ exited with 0 +++", None);
    }
}
