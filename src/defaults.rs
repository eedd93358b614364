//! `defaults` in `_config.yml`: default front matter of files.

use std::collections::VecDeque;

use globset::{GlobBuilder, GlobMatcher};
use serde_yaml::{Mapping, Value};

use crate::fields::{Fields, add_missing};

/// Front matter for all files in a scope.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// The prefix of the files' paths; empty for all files.
    path: String,
    /// The path as a glob, if it contains a star.
    glob: Option<GlobMatcher>,
    /// `posts`, `pages`, `drafts` or a collection; `None` for all.
    kind: Option<String>,
    values: Mapping,
}

/// Parses `defaults`. An invalid set is an error and does not affect the others.
pub(crate) fn read(fields: &mut Fields<'_>) -> Vec<Defaults> {
    const HINT: &str =
        "write `defaults: [{scope: {path: \"\", type: posts}, values: {layout: post}}]`";
    match fields.value("defaults").cloned() {
        None => Vec::new(),
        Some(Value::Sequence(sets)) => {
            let read: Vec<Option<Defaults>> = sets.iter().map(one).collect();
            if read.iter().any(Option::is_none) {
                fields.error("defaults", "a set of `defaults` has no `values`", HINT);
            }
            read.into_iter().flatten().collect()
        }
        Some(_) => {
            fields.error("defaults", "`defaults` must be a list", HINT);
            Vec::new()
        }
    }
}

fn one(set: &Value) -> Option<Defaults> {
    let values = set.get("values")?.as_mapping()?.clone();
    let scope =
        |key: &str| set.get("scope").and_then(|scope| scope.get(key)).and_then(Value::as_str);
    let path = scope("path").unwrap_or("").to_owned();
    let glob = path
        .contains('*')
        .then(|| GlobBuilder::new(&path).literal_separator(true).build().ok())
        .flatten();
    let kind = scope("type").map(|kind| match kind {
        "post" | "page" | "draft" => format!("{kind}s"),
        kind => kind.to_owned(),
    });
    Some(Defaults { path, glob: glob.map(|glob| glob.compile_matcher()), kind, values })
}

impl Defaults {
    fn is_for(&self, path: &str, kinds: &[&str]) -> bool {
        let is_inside = match &self.glob {
            // The glob matches the file or one of its parent folders.
            Some(glob) => {
                let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
                ends.into_iter().any(|end| glob.is_match(&path[..end]))
            }
            None => path.starts_with(&self.path),
        };
        is_inside && self.kind.as_deref().is_none_or(|kind| kinds.contains(&kind))
    }

    /// Whether these take precedence over the ones with the highest precedence so far.
    fn count_more_than(&self, other: &Defaults) -> bool {
        let length = |defaults: &Defaults| defaults.path.trim_start_matches('/').len();
        match length(self).cmp(&length(other)) {
            std::cmp::Ordering::Equal => self.kind.is_some() || other.kind.is_none(),
            order => order.is_gt(),
        }
    }
}

/// The defaults of the file at `path` (in collections, relative to their folder) with one of the
/// kinds. As in Jekyll, a longer path takes precedence, then a type, then a later set; a set with
/// lower precedence than the previous one has lower precedence than all.
pub(crate) fn of_file(sets: &[Defaults], path: &str, kinds: &[&str]) -> Mapping {
    let mut ordered: VecDeque<&Defaults> = VecDeque::new();
    for set in sets.iter().filter(|set| set.is_for(path, kinds)) {
        if ordered.front().is_none_or(|most| set.count_more_than(most)) {
            ordered.push_front(set);
        } else {
            ordered.push_back(set);
        }
    }
    let mut values = Mapping::new();
    for set in ordered {
        add_missing(&mut values, &set.values, false);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Yaml;

    const SETS: &str = "defaults:\n\
        - {scope: {path: ''}, values: {a: all, n: {x: 1}}}\n\
        - {scope: {path: '', type: posts}, values: {a: posts, n: {y: 2}}}\n\
        - {scope: {path: notes}, values: {a: notes}}\n\
        - {scope: {path: 'x/*/z'}, values: {a: glob}}\n\
        - {scope: {path: '', type: page}, values: {a: pages}}\n";

    #[track_caller]
    fn check(path: &str, kinds: &[&str], expected: &str) {
        let mut fields = Fields::read(Yaml::file("_config.yml", SETS)).expect("valid YAML");
        let values = of_file(&read(&mut fields), path, kinds);
        assert_eq!(values.get("a").and_then(Value::as_str), Some(expected));
    }

    #[test]
    fn longer_paths_take_precedence_then_types() {
        check("b.png", &[], "all");
        check("_posts/a.md", &["posts"], "posts");
        check("notes/a.md", &["pages"], "notes");
        check("notes-of-mine.md", &["pages"], "notes");
        check("b.md", &["pages"], "pages");
        check("x/y/z/a.md", &["pages"], "glob");
        check("x/y/w/z/a.md", &["pages"], "pages");
    }

    #[test]
    fn mappings_are_merged() {
        let mut fields = Fields::read(Yaml::file("_config.yml", SETS)).expect("valid YAML");
        let values = of_file(&read(&mut fields), "_posts/a.md", &["posts"]);
        assert_eq!(serde_yaml::to_string(&values["n"]).expect("it can be written"), "y: 2\nx: 1\n");
    }
}
