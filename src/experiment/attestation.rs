//! An attestation: the list of the records that a post shows, for somebody to sign.
//!
//! `experiments/signatures/POST.json`, committed, with the signature beside it in `POST.json.sig`. It
//! names each record by path and digest, and each artifact by digest; the same records give the same
//! bytes. Works on values only: keys and signatures are `cli::signatures`' part.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::record::Record;
use crate::diagnostic::{Diagnostic, Place};
use crate::digest::{Digest, pretty};

/// The version of the format that this labpress reads and writes.
const FORMAT: u32 = 1;

/// The folder of attestations and signatures, from the site's root.
pub const FOLDER: &str = "experiments/signatures";

/// The records that a post shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Attestation {
    format: u32,
    /// The path of the post's source.
    pub post: String,
    /// By path.
    records: BTreeMap<String, Attested>,
}

/// A record as it was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Attested {
    digest: Digest,
    /// The digests of the files that the run made, by name.
    artifacts: BTreeMap<String, Digest>,
}

impl Attestation {
    /// The attestation of a post that shows these records.
    pub fn of<'a>(post: &str, records: impl IntoIterator<Item = &'a Record>) -> Attestation {
        let attested = |record: &Record| {
            let artifacts = record.artifacts.iter();
            let artifacts =
                artifacts.map(|artifact| (artifact.name.clone(), artifact.digest)).collect();
            (record.path(), Attested { digest: record.digest(), artifacts })
        };
        let records = records.into_iter().map(attested).collect();
        Attestation { format: FORMAT, post: post.to_owned(), records }
    }

    /// How many records it lists.
    pub fn record_count(&self) -> usize {
        self.records.len()
    }

    /// Where it belongs, from the site's root.
    pub fn path(&self) -> String {
        path(&self.post)
    }

    /// The content of its file, which is what is signed.
    pub fn to_text(&self) -> String {
        pretty(&serde_json::to_value(self).expect("keys are strings and there are no numbers"))
    }

    /// What differs between the records that were `signed` and those that the post shows now, which
    /// are these: an error for each record.
    pub fn differences(&self, signed: &Attestation) -> Vec<Diagnostic> {
        let post = &self.post;
        let error = |message: String, restore: &str| {
            let hint = format!(
                "{restore}; if the change is meant, check the results and run `labpress attest {post}`"
            );
            Diagnostic::new(Place::file(post), message).hint(hint)
        };
        if signed.post != *post {
            let message = format!("`{}` is the signature of `{}`", self.path(), signed.post);
            let hint = format!("run `labpress attest {post}`");
            return vec![Diagnostic::new(Place::file(post), message).hint(hint)];
        }
        let mut errors = Vec::new();
        for (path, attested) in &self.records {
            match signed.records.get(path) {
                Some(signed) if signed == attested => {}
                Some(_) => errors.push(error(
                    format!("the record `{path}` is not the one that was signed"),
                    "restore it from git",
                )),
                None => errors.push(error(
                    format!("the record `{path}` was not signed with this post"),
                    "remove the record if it is not yours",
                )),
            }
        }
        for path in signed.records.keys().filter(|path| !self.records.contains_key(*path)) {
            errors.push(error(
                format!("the record `{path}` was signed and the post no longer shows it"),
                "restore it, or the experiment, from git",
            ));
        }
        errors
    }
}

/// Where the attestation of the post with this source belongs, from the site's root.
pub fn path(post: &str) -> String {
    let name = post.strip_prefix("_posts/").unwrap_or(post).replace('/', "--");
    format!("{FOLDER}/{name}.json")
}

/// Parses the attestation of a post.
pub fn parse(post: &str, text: &str) -> Result<Attestation, Diagnostic> {
    let damaged = |what: String| {
        let hint = format!("restore it from git, or run `labpress attest {post}` again");
        Diagnostic::new(Place::file(path(post)), format!("the attestation {what}")).hint(hint)
    };
    let found: Attestation =
        serde_json::from_str(text).map_err(|error| damaged(format!("is damaged: {error}")))?;
    if found.format != FORMAT {
        let format = found.format;
        return Err(damaged(format!("has format {format}, but this labpress reads {FORMAT}")));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posts_in_folders_have_files_of_their_own() {
        assert_eq!(path("_posts/2026-01-02-a.md"), "experiments/signatures/2026-01-02-a.md.json");
        assert_eq!(path("notes/a.md"), "experiments/signatures/notes--a.md.json");
    }

    #[test]
    fn a_damaged_attestation_is_an_error() {
        let error = parse("_posts/a.md", "{").unwrap_err().to_string();
        assert!(error.starts_with("error: the attestation is damaged: EOF"), "{error}");
        let later = "{\"format\": 2, \"post\": \"a\", \"records\": {}}";
        let error = parse("_posts/a.md", later).unwrap_err().to_string();
        assert!(error.contains("has format 2, but this labpress reads 1"), "{error}");
    }
}
