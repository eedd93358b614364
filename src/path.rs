//! Paths of a site, with `/` between parts, and the names in them.

use std::path::Path;

/// The last part of a path.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A file's name without its extension, which starts at the last dot unless only dots precede it.
pub(crate) fn stem(name: &str) -> &str {
    name.rfind('.')
        .filter(|&dot| name[..dot].contains(|c| c != '.'))
        .map_or(name, |dot| &name[..dot])
}

/// The extension of a file's name without the dot; empty if it has none.
pub(crate) fn ending(path: &str) -> &str {
    let name = file_name(path);
    name[stem(name).len()..].trim_start_matches('.')
}

/// The path of a folder without `.` and superfluous slashes.
pub(crate) fn plain(path: &str) -> String {
    path.split('/').filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/")
}

/// The path relative to `folder`, if it is that folder or inside it.
pub(crate) fn inside_of<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    if folder.is_empty() {
        return Some(path);
    }
    let rest = path.strip_prefix(folder)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

/// The parent folders of a path, the outermost first.
pub fn folders(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(slash, _)| &path[..slash])
}

/// The path relative to `root`, which must contain it, with `/` between parts. What is not Unicode
/// in a name is replaced.
pub fn of_disk(root: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(root).expect("walked from root");
    inside.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// A path without `.` and `..`, and without slashes at its ends.
pub(crate) fn joined(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
