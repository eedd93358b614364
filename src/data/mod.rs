//! Data sets: what their declarations say, and how their bytes come onto this machine.
//!
//! A declaration is `experiments/data/NAME.yml`. Two are built in, so that a first experiment needs none:
//! `digits` and `fashion-mnist`. The content digest of a data set is that of its declared file digests, so an
//! experiment's fingerprint can be computed where the data are not; [`fetch`] makes the files present and checks them.

pub mod fetch;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::diagnostic::Diagnostic;
use crate::digest::Digest;
use crate::yaml::Yaml;

/// A data set as `experiments/data/NAME.yml` declares it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DataSet {
    /// Its name for readers.
    pub title: String,
    /// Under which terms it may be used.
    pub licence: String,
    /// Where it comes from, for people.
    pub homepage: String,
    /// How to cite it.
    pub citation: String,
    /// Names of the classes, in the order of their labels.
    pub classes: Vec<String>,
    /// How its files hold images and labels.
    pub format: Format,
    /// The files, by name in the data folder.
    pub files: BTreeMap<String, DataFile>,
    /// Where the files can be had, tried in this order.
    pub sources: Vec<DataSource>,
}

/// How the files of a data set hold images and labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Format {
    /// The format of MNIST: `idx3` images and `idx1` labels, one pair of files a split, gzipped or not.
    Idx {
        /// Images and labels to learn from.
        train: IdxPair,
        /// Images and labels to test on.
        test: IdxPair,
    },
    /// One gzipped CSV: a row an image, its pixels from left to right and top to bottom, its label last.
    CsvPixels {
        /// The file.
        file: String,
        /// Rows and columns of an image.
        shape: [u32; 2],
        /// The value of a white pixel, at most 255; black is 0.
        white: u32,
        /// How many of the last rows are the test split.
        test_rows: u32,
    },
}

/// The two files of a split in the idx format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdxPair {
    /// File with the images.
    pub images: String,
    /// File with the labels.
    pub labels: String,
}

/// One file of a data set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataFile {
    /// SHA-256 of its content, in hex; of a `.gz` file, of the unpacked content, because packers write other headers.
    pub sha256: String,
}

/// A place that files of a data set can be had from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum DataSource {
    /// A package of Debian, fetched with `apt-get download` and unpacked by `dpkg-deb`, never installed.
    Debian {
        /// The package.
        package: String,
        /// The folder in it that holds the files.
        folder: String,
    },
    /// The files at `BASE/NAME`, fetched with `curl`.
    Url {
        /// What stands before the file names, starting with `https://`.
        base: String,
    },
    /// A file that labpress carries inside itself.
    BuiltIn {},
}

/// The declarations that labpress brings along, by name.
const BUILT_IN: [(&str, &str); 2] = [
    ("digits", include_str!("../../experiments/data/digits.yml")),
    ("fashion-mnist", include_str!("../../experiments/data/fashion-mnist.yml")),
];

/// The declaration of a data set that labpress brings along: the text of its YAML.
pub fn built_in(name: &str) -> Option<&'static str> {
    BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The names that [`built_in`] knows, in order.
pub fn built_in_names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

impl DataSet {
    /// Reads and checks a declaration.
    pub fn parse(yaml: Yaml<'_>) -> Result<DataSet, Diagnostic> {
        let set: DataSet = yaml.parse()?;
        match set.fault() {
            Some(Fault { keys, message, hint }) => {
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                Err(Diagnostic::new(yaml.place(&keys), message).hint(hint))
            }
            None => Ok(set),
        }
    }

    /// The digest of what the data mean to a run: the format, the classes and the digests of the files. Titles,
    /// licences and where the files come from are not in it.
    ///
    /// It is the BLAKE3 digest of the canonical JSON ([`crate::digest::canonical`]) of
    /// `{"classes": [NAME…], "files": {NAME: SHA256…}, "format": {…}}`.
    pub fn digest(&self) -> Digest {
        let files: BTreeMap<&str, &str> =
            self.files.iter().map(|(name, file)| (name.as_str(), file.sha256.as_str())).collect();
        Digest::of_value(&json!({"classes": self.classes, "files": files, "format": self.format}))
    }

    /// What is wrong with the declaration, the first in the order of its keys.
    fn fault(&self) -> Option<Fault> {
        self.fault_of_classes()
            .or_else(|| self.fault_of_format())
            .or_else(|| self.files.iter().find_map(|(name, file)| fault_of_file(name, file)))
            .or_else(|| self.fault_of_sources())
    }

    fn fault_of_classes(&self) -> Option<Fault> {
        if self.classes.len() < 2 {
            return Some(fault(&["classes"], "a data set needs at least two classes", "name each class once"));
        }
        let twice = (1..self.classes.len()).find(|&index| self.classes[..index].contains(&self.classes[index]))?;
        let message = format!("the class `{}` stands twice", self.classes[twice]);
        Some(fault(&["classes", &twice.to_string()], message, "name each class once, in the order of their labels"))
    }

    fn fault_of_format(&self) -> Option<Fault> {
        let missing = |keys: &[&str], file: &str| {
            let message = format!("`{file}` is not among the `files`");
            (!self.files.contains_key(file)).then(|| fault(keys, message, "add it to `files` with its `sha256`"))
        };
        match &self.format {
            Format::Idx { train, test } => missing(&["format", "train", "images"], &train.images)
                .or_else(|| missing(&["format", "train", "labels"], &train.labels))
                .or_else(|| missing(&["format", "test", "images"], &test.images))
                .or_else(|| missing(&["format", "test", "labels"], &test.labels)),
            Format::CsvPixels { file, shape, white, test_rows } => missing(&["format", "file"], file)
                .or_else(|| {
                    let is_empty = shape.contains(&0);
                    is_empty.then(|| fault(&["format", "shape"], "an image needs rows and columns", "such as `[8, 8]`"))
                })
                .or_else(|| {
                    let is_byte = (1..=255).contains(white);
                    let hint = "the value of a white pixel; black is 0";
                    (!is_byte).then(|| fault(&["format", "white"], "`white` must be from 1 to 255", hint))
                })
                .or_else(|| {
                    let hint = "how many of the last rows are for the test";
                    (*test_rows == 0).then(|| fault(&["format", "test-rows"], "`test-rows` must be above 0", hint))
                }),
        }
    }

    fn fault_of_sources(&self) -> Option<Fault> {
        if self.sources.is_empty() {
            let hint = "such as `- {kind: url, base: \"https://…\"}`";
            return Some(fault(&["sources"], "the data set has no source", hint));
        }
        self.sources.iter().enumerate().find_map(|(index, source)| {
            let index = index.to_string();
            match source {
                DataSource::Debian { package, .. } if !is_debian_name(package) => {
                    let message = format!("`{package}` is no name of a Debian package");
                    let hint = "lowercase letters, digits and `+-.`, such as `dataset-fashion-mnist`";
                    Some(fault(&["sources", &index, "package"], message, hint))
                }
                DataSource::Debian { folder, .. } if !is_inner_path(folder) => {
                    let message = format!("`{folder}` is no folder inside a package");
                    let hint = "a path without `/` at its start and without `..`, such as `usr/share/datasets`";
                    Some(fault(&["sources", &index, "folder"], message, hint))
                }
                DataSource::Url { base } if !base.starts_with("https://") => {
                    let message = format!("`{base}` does not start with `https://`");
                    Some(fault(&["sources", &index, "base"], message, "give the folder that holds the files"))
                }
                DataSource::Debian { .. } | DataSource::Url { .. } | DataSource::BuiltIn {} => None,
            }
        })
    }
}

/// A fault of a declaration, and the keys that lead to it.
struct Fault {
    keys: Vec<String>,
    message: String,
    hint: String,
}

fn fault(keys: &[&str], message: impl Into<String>, hint: &str) -> Fault {
    Fault { keys: keys.iter().map(|&key| key.to_owned()).collect(), message: message.into(), hint: hint.to_owned() }
}

fn fault_of_file(name: &str, file: &DataFile) -> Option<Fault> {
    // The name becomes a file in the cache folder, so it must not lead out of it.
    let is_plain = is_inner_path(name) && !name.contains('/') && !name.starts_with('.');
    if !is_plain {
        let message = format!("`{name}` is no plain file name");
        return Some(fault(&["files", name], message, "a name without `/` that does not start with a dot"));
    }
    let is_sha256 = file.sha256.len() == 64 && file.sha256.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    let hint = format!(
        "64 lowercase hex digits, of the unpacked content: `{} {name} | sha256sum`",
        if name.ends_with(".gz") { "zcat" } else { "cat" }
    );
    (!is_sha256).then(|| fault(&["files", name, "sha256"], format!("the digest of `{name}` is no SHA-256"), &hint))
}

fn is_debian_name(name: &str) -> bool {
    let is_known = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.bytes().next().is_some_and(is_known) && name.bytes().all(|c| is_known(c) || b"+-.".contains(&c))
}

/// Whether a path leads to something below the folder it is seen from.
fn is_inner_path(path: &str) -> bool {
    !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
title: Small
licence: none
homepage: https://example.org
citation: none
classes: [a, b]
format: {kind: csv-pixels, file: small.csv, shape: [1, 2], white: 4, test-rows: 1}
files:
  small.csv: {sha256: 0000000000000000000000000000000000000000000000000000000000000000}
sources: [{kind: url, base: "https://example.org/data"}]
"#;

    fn parse(text: &str) -> Result<DataSet, Diagnostic> {
        DataSet::parse(Yaml::file("small.yml", text))
    }

    /// Checks what is said about [`SMALL`] after an edit.
    #[track_caller]
    fn check_error(from: &str, to: &str, expected: &str) {
        assert!(SMALL.contains(from), "`{from}` is not in the example");
        assert_eq!(parse(&SMALL.replace(from, to)).expect_err("it is wrong").to_string(), expected);
    }

    #[test]
    fn the_built_in_declarations_are_whole() {
        for name in built_in_names() {
            let set = parse(built_in(name).expect("it is built in")).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(set.classes.len(), 10, "{name}");
        }
        assert_eq!(built_in("nothing"), None);
    }

    #[test]
    fn a_declaration_survives_the_way_to_the_runner() {
        let set = parse(built_in("fashion-mnist").expect("it is built in")).expect("it is whole");
        let text = serde_json::to_string(&set).expect("it has only text keys");
        assert_eq!(serde_json::from_str::<DataSet>(&text).expect("it was just written"), set);
    }

    #[test]
    fn the_digest_is_of_what_the_bytes_mean() {
        let digest = parse(SMALL).expect("it is whole").digest();
        let same = |from: &str, to: &str| parse(&SMALL.replace(from, to)).expect("it is whole").digest() == digest;
        assert!(same("title: Small", "title: Other"));
        assert!(same("licence: none", "licence: MIT"));
        assert!(same("https://example.org/data", "https://example.org/elsewhere"));
        assert!(!same("[a, b]", "[b, a]"));
        assert!(!same("white: 4", "white: 5"));
        assert!(!same("sha256: 00", "sha256: 01"));
    }

    #[test]
    fn a_class_named_twice_is_a_fault() {
        check_error(
            "[a, b]",
            "[a, b, a]",
            "error: the class `a` stands twice\n --> small.yml:6:17\nhint: name each class once, in the order of their labels",
        );
    }

    #[test]
    fn a_format_names_only_declared_files() {
        check_error(
            "file: small.csv,",
            "file: large.csv,",
            "error: `large.csv` is not among the `files`\n --> small.yml:7:28\nhint: add it to `files` with its `sha256`",
        );
    }

    #[test]
    fn a_file_name_stays_in_the_folder() {
        check_error(
            "file: small.csv, shape: [1, 2], white: 4, test-rows: 1}\nfiles:\n  small.csv",
            "file: ../x, shape: [1, 2], white: 4, test-rows: 1}\nfiles:\n  ../x",
            "error: `../x` is no plain file name\n --> small.yml:9:3\nhint: a name without `/` that does not start with a dot",
        );
    }

    #[test]
    fn a_digest_has_64_digits() {
        check_error(
            "sha256: 00",
            "sha256: x0",
            "error: the digest of `small.csv` is no SHA-256\n --> small.yml:9:15\nhint: 64 lowercase hex digits, of the \
             unpacked content: `cat small.csv | sha256sum`",
        );
    }

    #[test]
    fn a_source_is_checked() {
        check_error(
            "{kind: url, base: \"https://example.org/data\"}",
            "{kind: url, base: \"-o/etc/passwd\"}",
            "error: `-o/etc/passwd` does not start with `https://`\n --> small.yml:10:23\nhint: give the folder that holds \
             the files",
        );
        check_error(
            "{kind: url, base: \"https://example.org/data\"}",
            "{kind: debian, package: a, folder: ../../etc}",
            "error: `../../etc` is no folder inside a package\n --> small.yml:10:38\nhint: a path without `/` at its start \
             and without `..`, such as `usr/share/datasets`",
        );
    }
}
