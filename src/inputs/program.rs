//! The files of an experiment's program: those in its folder that its patterns match.
//!
//! Only the patterns decide. YAML, hidden files, files that `exclude` in `_config.yml` names and
//! links out of the site count like any other file. A match that cannot be read as a file is an
//! error; it is never skipped. Only these are not matched by wildcards:
//!
//! - `experiment.yml`: its effect on a run is in the parameters;
//! - what labpress wrote to `runs/`, `files/`, `pins/` and `verifications/` directly in the folder,
//!   recognized by its name;
//! - [litter](is_litter): what programs and editors leave behind. A pattern that names it
//!   (`target/*.rs`) does match.
//!
//! Text files are digested with `\n` for each `\r\n`, so that a checkout on Windows has the same
//! fingerprint. A file is text if it is valid UTF-8 without NUL characters; all others are digested
//! byte for byte.
#![expect(clippy::disallowed_methods, reason = "`inputs` is the one reader of the site's folder")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use globset::{GlobBuilder, GlobMatcher};
use rayon::prelude::*;

use crate::digest::Digest;
use crate::roles;

/// An input file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Input {
    /// The digest of its content.
    pub digest: Digest,
    /// When it was last modified, if the file system knows.
    pub modified: Option<SystemTime>,
}

/// Why inputs could not be collected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputError {
    /// The index of the pattern that causes it.
    pub pattern: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// The files in `folder` that match any of the patterns, by path relative to it with `/` between
/// parts. Without patterns, all files count.
pub(crate) fn gather(
    folder: &Path,
    patterns: Option<&[String]>,
) -> Result<BTreeMap<String, Input>, InputError> {
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    match patterns {
        None => {
            let everything = Pattern::new("**").map_err(|message| everything_error(message, ""))?;
            everything
                .find(folder, &mut found)
                .map_err(|(message, path)| everything_error(message, &path))?;
        }
        Some(patterns) => {
            for (index, text) in patterns.iter().enumerate() {
                let error = |message: String, hint: String| {
                    Err(InputError { pattern: Some(index), message, hint })
                };
                let before = found.len();
                let pattern = match Pattern::new(text) {
                    Ok(pattern) => pattern,
                    Err(message) => return error(message, PATTERN_HINT.to_owned()),
                };
                let mut of_pattern = BTreeMap::new();
                if let Err((message, _)) = pattern.find(folder, &mut of_pattern) {
                    return error(
                        message,
                        "remove it, or write a pattern that does not match it".to_owned(),
                    );
                }
                if of_pattern.is_empty() && found.len() == before {
                    let name = folder.file_name().unwrap_or_default().to_string_lossy();
                    let message = format!("no file in `experiments/{name}/` matches `{text}`");
                    let is_folder = pattern.is_literal() && folder.join(&pattern.base).is_dir();
                    return error(
                        message,
                        if is_folder {
                            format!(
                                "it is a folder: write `{}/**` for all files in it",
                                text.trim_end_matches('/')
                            )
                        } else {
                            PATTERN_HINT.to_owned()
                        },
                    );
                }
                found.extend(of_pattern);
            }
        }
    }
    let digested = found.into_par_iter().map(|(path, on_disk)| {
        let input = read(&on_disk).map_err(|error| InputError {
            pattern: None,
            message: format!("the input `{path}` cannot be read: {error}"),
            hint: "make it readable, or leave it out of `inputs`".to_owned(),
        })?;
        Ok((path, input))
    });
    digested.collect()
}

const PATTERN_HINT: &str =
    "inputs are paths or patterns relative to the experiment's folder, and must match a file";

fn everything_error(message: String, path: &str) -> InputError {
    let hint = if path.is_empty() { String::new() } else { format!("remove `{path}`, or ") };
    let hint = format!(
        "{hint}list the files that the program reads in `inputs`: without it, every file of the \
         folder counts"
    );
    InputError { pattern: None, message, hint }
}

/// The digest of a file's content, and when it was last modified.
pub(crate) fn read(path: &Path) -> io::Result<Input> {
    let file = super::open_file(path)?;
    let modified = file.metadata()?.modified().ok();
    Ok(Input { digest: content_digest(file)?, modified })
}

/// The digest of a content, where `\r\n` in text counts as `\n`.
fn content_digest(mut content: impl Read) -> io::Result<Digest> {
    let mut as_it_is = blake3::Hasher::new();
    // `None` as soon as the content is not text.
    let mut as_text = Some(blake3::Hasher::new());
    // The last part read. It starts with what the previous part left over: a `\r`, or the start of
    // a character.
    let mut part = vec![0; 1 << 16];
    let mut held = 0;
    loop {
        let length = content.read(&mut part[held..])?;
        as_it_is.update(&part[held..held + length]);
        let Some(text) = &mut as_text else {
            if length == 0 {
                break;
            }
            continue;
        };
        let filled = &part[..held + length];
        let whole = match std::str::from_utf8(filled) {
            _ if filled.contains(&0) => None,
            Ok(_) if length > 0 && filled.ends_with(b"\r") => Some(filled.len() - 1),
            Ok(_) => Some(filled.len()),
            Err(error) => {
                Some(error.valid_up_to()).filter(|_| length > 0 && error.error_len().is_none())
            }
        };
        held = 0;
        if let Some(whole) = whole {
            update_with_newlines(text, &filled[..whole]);
            held = filled.len() - whole;
            part.copy_within(whole..whole + held, 0);
        } else {
            as_text = None;
        }
        if length == 0 {
            break;
        }
    }
    Ok(as_text.unwrap_or(as_it_is).finalize().into())
}

fn update_with_newlines(hasher: &mut blake3::Hasher, text: &[u8]) {
    let mut rest = text;
    while let Some(at) = rest.windows(2).position(|pair| pair == b"\r\n") {
        hasher.update(&rest[..at]);
        rest = &rest[at + 1..];
    }
    hasher.update(rest);
}

/// One entry of `inputs`.
struct Pattern {
    /// The leading parts without wildcards.
    base: PathBuf,
    /// How many parts may follow; `None` for any number.
    depth: Option<usize>,
    matcher: GlobMatcher,
    /// All parts.
    parts: Vec<String>,
}

impl Pattern {
    fn new(text: &str) -> Result<Pattern, String> {
        let parts: Vec<&str> = text.split('/').filter(|part| *part != ".").collect();
        if parts.first() == Some(&"") || parts.contains(&"..") || Path::new(text).is_absolute() {
            return Err(format!(
                "`{text}` is outside the experiment's folder: put a link to it into the folder, \
                 and name the link"
            ));
        }
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let matcher = GlobBuilder::new(&parts.join("/"))
            .literal_separator(true)
            .build()
            .map_err(|error| format!("`{text}` is not a pattern: {}", error.kind()))?
            .compile_matcher();
        let base = parts.iter().take_while(|part| !part.contains(['*', '?', '[', '{', '\\']));
        let base: Vec<&str> = base.copied().collect();
        // Braces may contain slashes.
        let is_deep = parts.iter().any(|part| part.contains("**") || part.contains('{'));
        let depth = (!is_deep).then(|| parts.len() - base.len());
        let base = base.iter().collect();
        Ok(Pattern { base, depth, matcher, parts: parts.into_iter().map(str::to_owned).collect() })
    }

    fn is_literal(&self) -> bool {
        self.depth == Some(0)
    }

    fn names(&self, part: &str) -> bool {
        self.parts.iter().any(|own| own == part)
    }

    /// Adds the files in `folder` that match. The error is a message and the path that it is about.
    fn find(
        &self,
        folder: &Path,
        found: &mut BTreeMap<String, PathBuf>,
    ) -> Result<(), (String, String)> {
        let start = folder.join(&self.base);
        if fs::symlink_metadata(&start).is_err() {
            return Ok(());
        }
        let walk = walkdir::WalkDir::new(&start).follow_links(true).sort_by_file_name();
        let walk = walk.max_depth(self.depth.unwrap_or(usize::MAX)).into_iter();
        let inside = |path: &Path| path.strip_prefix(folder).unwrap_or(path).to_owned();
        let is_looked_at = |entry: &walkdir::DirEntry| {
            let name = entry.file_name().to_string_lossy();
            entry.depth() == 0 || !is_litter(entry) || self.names(&name)
        };
        for entry in walk.filter_entry(is_looked_at) {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) => {
                    let path = inside(entry.path());
                    if !self.matcher.is_match(&path) || self.passes_over(&path) {
                        continue;
                    }
                    let name = slashed(&path)?;
                    if !entry.file_type().is_file() {
                        let message =
                            format!("`{name}` matches `inputs` but is not a regular file");
                        return Err((message, name));
                    }
                    found.insert(name, entry.into_path());
                }
                Err(error) => {
                    let path = inside(error.path().unwrap_or(&start));
                    let is_link = error.path().is_some_and(Path::is_symlink);
                    // Anything in an unreadable folder may match, so only links are skipped here.
                    if is_link && (!self.matcher.is_match(&path) || self.passes_over(&path)) {
                        continue;
                    }
                    let name = slashed(&path)?;
                    let is_missing = error
                        .io_error()
                        .is_some_and(|error| error.kind() == io::ErrorKind::NotFound);
                    let problem = match error.io_error() {
                        None => "is a circular link".to_owned(),
                        Some(_) if is_link && is_missing => {
                            "is a link to a file that does not exist".to_owned()
                        }
                        Some(error) => format!("cannot be read: {error}"),
                    };
                    return Err((format!("`{name}` matches `inputs` but {problem}"), name));
                }
            }
        }
        Ok(())
    }

    /// Whether a matching file does not count: what labpress wrote, and `experiment.yml` unless it
    /// is named.
    fn passes_over(&self, path: &Path) -> bool {
        path == Path::new("experiment.yml") && !self.is_literal()
            || roles::made_by_labpress(&path.to_string_lossy().replace('\\', "/")).is_some()
    }
}

/// The path with `/` between its parts.
fn slashed(path: &Path) -> Result<String, (String, String)> {
    let parts: Option<Vec<&str>> = path.iter().map(|part| part.to_str()).collect();
    parts.map(|parts| parts.join("/")).ok_or_else(|| {
        let shown = path.to_string_lossy().into_owned();
        (format!("the name of `{shown}` matches `inputs` but is not UTF-8: rename the file"), shown)
    })
}

/// What programs and editors leave in a folder and is clearly not part of a program: Python
/// bytecode, version control, caches marked by a `CACHEDIR.TAG`, such as Cargo's `target/`,
/// environments and installed packages, desktop metadata, and editors' lock and swap files. Backup
/// copies (`x~`) do count.
fn is_litter(entry: &walkdir::DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    if entry.file_type().is_dir() {
        let names =
            ["__pycache__", ".git", ".hg", ".svn", ".jj", ".ipynb_checkpoints", "node_modules"];
        let is_cache = || {
            let mut start = [0; CACHE_TAG.len()];
            let tag = File::open(entry.path().join("CACHEDIR.TAG"));
            tag.and_then(|mut tag| tag.read_exact(&mut start)).is_ok() && start == *CACHE_TAG
        };
        return names.contains(&&*name) || is_cache() || entry.path().join("pyvenv.cfg").is_file();
    }
    let is_swap = name.starts_with('.')
        && [".swp", ".swo", ".swx"].iter().any(|ending| name.ends_with(ending));
    is_swap || name.starts_with(".#") || matches!(&*name, ".git" | ".DS_Store" | "Thumbs.db")
}

/// The start of a `CACHEDIR.TAG`, see <https://bford.info/cachedir/>.
const CACHE_TAG: &[u8; 43] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// Describes how the inputs differ from what they were; `None` if they do not.
pub(crate) fn difference(
    before: &BTreeMap<String, Digest>,
    now: &BTreeMap<String, Input>,
) -> Option<String> {
    let paths: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    paths.into_iter().find_map(|path| match (before.get(path), now.get(path)) {
        (Some(before), Some(now)) => {
            (*before != now.digest).then(|| format!("the input `{path}` was changed"))
        }
        (Some(_), None) => Some(format!("the input `{path}` was removed")),
        (None, _) => Some(format!("`{path}` is new and matches `inputs`")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        folder
    }

    #[track_caller]
    fn check(files: &[&str], patterns: Option<&[&str]>, expected: &[&str]) {
        let folder = folder(files);
        let patterns = patterns
            .map(|patterns| patterns.iter().map(|&text| text.to_owned()).collect::<Vec<_>>());
        let found = gather(folder.path(), patterns.as_deref()).unwrap();
        assert_eq!(found.into_keys().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn only_patterns_decide() {
        check(&["a.py", "b.yml", ".c", "d/e.yaml"], Some(&["*"]), &[".c", "a.py", "b.yml"]);
        check(&["a.py", "b.yml", ".c", "d/e.yaml"], Some(&["./**/*.y*ml"]), &["b.yml", "d/e.yaml"]);
        check(
            &["lib/files/x", "runs/x.py", "pins/deadbeef.py"],
            Some(&["**"]),
            &["lib/files/x", "pins/deadbeef.py", "runs/x.py"],
        );
        check(&["a", "b"], Some(&[]), &[]);
        check(&["[a].py"], Some(&["[[]a].py"]), &["[a].py"]);
    }

    #[test]
    fn records_and_the_declaration_are_not_inputs() {
        let made = [
            "experiment.yml",
            "files/0123abcd-table.json",
            "pins/0123abcd.json",
            "runs/a-b-s10-0123abcd.json",
            "verifications/a-s0-0123abcd-2026-01-01.json",
        ];
        check(&[&made[..], &["x"]].concat(), None, &["x"]);
        check(&[&made[..], &["x"]].concat(), Some(&["**"]), &["x"]);
        check(&made, Some(&["experiment.yml"]), &["experiment.yml"]);
    }

    #[test]
    fn litter_counts_only_where_it_is_named() {
        let litter = ["__pycache__/a.pyc", "lib/.git/config", ".x.swp", "venv/pyvenv.cfg", "x~"];
        check(&litter, None, &["x~"]);
        check(&litter, Some(&["__pycache__/*"]), &["__pycache__/a.pyc"]);
        let folder = folder(&["target/x", "src/target/y"]);
        fs::write(folder.path().join("target/CACHEDIR.TAG"), [CACHE_TAG, &b"\n"[..]].concat())
            .unwrap();
        assert_eq!(
            gather(folder.path(), None).unwrap().into_keys().collect::<Vec<_>>(),
            ["src/target/y"]
        );
    }

    #[track_caller]
    fn check_error(folder: &Path, patterns: Option<&[&str]>, expected: &str) {
        let patterns = patterns
            .map(|patterns| patterns.iter().map(|&text| text.to_owned()).collect::<Vec<_>>());
        let error = gather(folder, patterns.as_deref()).unwrap_err();
        assert!(error.message.contains(expected), "{error:?}");
    }

    #[test]
    fn a_pattern_outside_the_folder_or_without_matches_is_an_error() {
        let folder = folder(&["lib/a.py"]);
        check_error(folder.path(), Some(&["b.py"]), "matches `b.py`");
        check_error(folder.path(), Some(&["lib"]), "matches `lib`");
        check_error(folder.path(), Some(&["../b.py"]), "is outside the experiment's folder");
        check_error(folder.path(), Some(&["/etc/passwd"]), "is outside the experiment's folder");
        check_error(folder.path(), Some(&["[a"]), "is not a pattern");
    }

    #[cfg(unix)]
    #[test]
    fn a_match_that_cannot_be_an_input_is_an_error() {
        use std::os::unix::ffi::OsStrExt;
        use std::os::unix::fs::symlink;
        let dangling = folder(&["a"]);
        symlink("nowhere", dangling.path().join("b.py")).unwrap();
        check_error(
            dangling.path(),
            None,
            "`b.py` matches `inputs` but is a link to a file that does not exist",
        );
        check_error(dangling.path(), Some(&["b.py"]), "is a link to a file that does not exist");
        let names = |patterns: &[&str]| {
            let patterns: Vec<String> = patterns.iter().map(|&text| text.to_owned()).collect();
            gather(dangling.path(), Some(&patterns)).unwrap().into_keys().collect::<Vec<_>>()
        };
        assert_eq!(names(&["[a]"]), ["a"]);
        let circle = folder(&["a"]);
        symlink(".", circle.path().join("b")).unwrap();
        check_error(circle.path(), None, "`b` matches `inputs` but is a circular link");
        let device = folder(&["a"]);
        symlink("/dev/null", device.path().join("b")).unwrap();
        check_error(device.path(), Some(&["*"]), "`b` matches `inputs` but is not a regular file");
        let not_utf8 = folder(&["a"]);
        fs::write(not_utf8.path().join(std::ffi::OsStr::from_bytes(b"b\xff.py")), "").unwrap();
        check_error(not_utf8.path(), None, "is not UTF-8");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_counts_by_its_target() {
        let outside = folder(&["shared/helper.py"]);
        let inside = folder(&["a.py"]);
        std::os::unix::fs::symlink(outside.path().join("shared"), inside.path().join("lib"))
            .unwrap();
        let before = gather(inside.path(), None).unwrap();
        assert_eq!(before.keys().collect::<Vec<_>>(), ["a.py", "lib/helper.py"]);
        fs::write(outside.path().join("shared/helper.py"), "other").unwrap();
        let digests = before.into_iter().map(|(path, input)| (path, input.digest)).collect();
        let now = gather(inside.path(), None).unwrap();
        assert_eq!(difference(&digests, &now).unwrap(), "the input `lib/helper.py` was changed");
    }

    #[track_caller]
    fn check_digest(content: &[u8], same_as: &[u8]) {
        assert_eq!(
            content_digest(content).unwrap(),
            Digest::of(same_as),
            "{}",
            content.escape_ascii()
        );
    }

    #[test]
    fn line_ends_are_normalized_in_text_only() {
        check_digest(b"", b"");
        check_digest(b"a\r\nb\r\n", b"a\nb\n");
        check_digest(b"a\rb\r", b"a\rb\r");
        check_digest(b"a\r\r\n", b"a\r\n");
        check_digest("é\r\n".as_bytes(), "é\n".as_bytes());
        check_digest(b"a\0\r\n", b"a\0\r\n");
        check_digest(b"a\xff\r\n", b"a\xff\r\n");
        check_digest(b"\xc3", b"\xc3");
        check_digest(b"a\r\n\xc3", b"a\r\n\xc3");
    }

    #[test]
    fn line_ends_are_normalized_across_buffer_boundaries() {
        for before in (1 << 16) - 3..=(1 << 16) + 1 {
            let text = "x".repeat(before) + "é\r\n\r" + &"y".repeat(1 << 16) + "\r\n";
            check_digest(text.as_bytes(), text.replace("\r\n", "\n").as_bytes());
            let mut bytes = text.into_bytes();
            bytes.push(0);
            check_digest(&bytes, &bytes);
        }
    }
}
