//! Data sets: their declarations, fetching their files, and decoding these to images.
//!
//! A declaration is `experiments/data/NAME.yml`. Some are built in, so that a first experiment
//! needs none ([`built_in_names`]). The content digest of a data set is computed from the declared
//! digests of its files, so an experiment's fingerprint does not need the files and does not depend
//! on their source. [`fetch`] fetches and checks the files, [`read`] decodes them.

mod archive;
mod check;
mod clients;
pub mod fetch;
pub mod format;
pub mod images;
pub mod origin;
mod picture;
pub mod read;
mod resize;
pub mod sheet;
pub mod split;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::format::Format;
use self::origin::DataSource;
use self::split::Split;
use crate::diagnostic::Diagnostic;
use crate::digest::Digest;
use crate::yaml::Yaml;

/// A data set as `experiments/data/NAME.yml` declares it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DataSet {
    /// Its name as shown to readers.
    pub title: String,
    /// The terms under which it may be used.
    pub licence: String,
    /// Whether its pictures may be committed and published with a site. If `false`, pictures in
    /// results are kept out of `experiments/NAME/files/`.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub redistribute: bool,
    /// Where it comes from, for people.
    pub homepage: String,
    /// How to cite it.
    pub citation: String,
    /// How many images there are, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<u32>,
    /// How much there is to download, for people: `31 MB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download: Option<String>,
    /// Names of the classes, in the order of their labels.
    pub classes: Vec<String>,
    /// How its files hold images and labels.
    pub format: Format,
    /// The files, by name in the data folder.
    pub files: BTreeMap<String, DataFile>,
    /// Where the files can be fetched from, tried in this order.
    pub sources: Vec<DataSource>,
    /// Ways to divide the images into training and test images, by name; `default` is used if an
    /// experiment names none. If nothing is declared, the files determine the default.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub splits: BTreeMap<String, Split>,
}

/// One file of a data set, or one folder of files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataFile {
    /// SHA-256 in hex: of a file's content; of a `.gz` file's unpacked content, because packers
    /// write different headers; of the output of `sha256sum` for the files of a folder, in order of
    /// their paths.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: String,
    /// Whether it is a folder.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub folder: bool,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_yes(redistribute: &bool) -> bool {
    *redistribute
}

/// The built-in declarations, by name.
const BUILT_IN: [(&str, &str); 5] = [
    ("cifar-10", include_str!("../../experiments/data/cifar-10.yml")),
    ("digits", include_str!("../../experiments/data/digits.yml")),
    ("fashion-mnist", include_str!("../../experiments/data/fashion-mnist.yml")),
    ("mnist", include_str!("../../experiments/data/mnist.yml")),
    ("solar-cells", include_str!("../../experiments/data/solar-cells.yml")),
];

/// The YAML of a built-in declaration.
#[must_use]
pub fn built_in(name: &str) -> Option<&'static str> {
    BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The names that [`built_in`] knows, in order.
pub fn built_in_names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// The built-in declarations of published weights, by the name of the net, and that of the names of
/// their classes.
const WEIGHTS: [(&str, &str); 4] = [
    ("efficientnet-lite0", include_str!("weights/efficientnet-lite0.yml")),
    ("efficientnet-lite1", include_str!("weights/efficientnet-lite1.yml")),
    ("efficientnet-lite2", include_str!("weights/efficientnet-lite2.yml")),
    (IMAGENET_NAMES, include_str!("weights/imagenet-names.yml")),
];

/// The name of `ImageNet`'s class names for [`published_weights`].
pub const IMAGENET_NAMES: &str = "imagenet-names";

/// The published weights of a net, declared as a data set, and their file; `None` if labpress knows
/// none.
#[must_use]
pub fn published_weights(name: &str) -> Option<(DataSet, String)> {
    let (_, text) = WEIGHTS.iter().find(|(known, _)| *known == name)?;
    let set = DataSet::parse(&Yaml::file("weights.yml", text)).expect("a test parses all of them");
    let Format::Weights { file } = &set.format else { unreachable!("a test parses all of them") };
    let file = file.clone();
    Some((set, file))
}

/// The JSON Schema of a declaration.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(DataSet).to_value();
    schema["title"] = "labpress data set".into();
    schema
}

/// The folders of the site that the YAML of a declaration names as sources. Lenient, because they
/// are needed before the declaration is checked.
pub(crate) fn folders(text: &str) -> Vec<String> {
    let declaration: serde_yaml::Value = serde_yaml::from_str(text).unwrap_or_default();
    let sources =
        declaration.get("sources").and_then(serde_yaml::Value::as_sequence).into_iter().flatten();
    let folder = |source: &serde_yaml::Value| {
        let path = source
            .get("path")
            .filter(|_| source.get("kind").is_some_and(|kind| kind == "folder"))?
            .as_str()?;
        Some(path.trim_start_matches("./").trim_end_matches('/').to_owned())
    };
    sources.filter_map(folder).filter(|path| !path.is_empty()).collect()
}

impl DataSet {
    /// Parses and checks a declaration. The errors are in order of their places.
    pub fn parse(yaml: &Yaml<'_>) -> Result<DataSet, Vec<Diagnostic>> {
        let set: DataSet = yaml.parse().map_err(|error| vec![error])?;
        check::check(&set, yaml)?;
        Ok(set)
    }

    /// The digest of everything that affects a run: the format, the classes and the digests of the
    /// files, but not titles, licences and sources.
    ///
    /// It is the BLAKE3 digest of the canonical JSON ([`crate::digest::canonical`]) of `{"classes":
    /// [NAME…], "files": {NAME: SHA256…}, "format": {…}, "splits": {…}}`, without `splits` if there
    /// are none.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut value =
            json!({"classes": self.classes, "files": self.file_digests(), "format": self.format});
        if !self.splits.is_empty() {
            value["splits"] = json!(self.splits);
        }
        Digest::of_value(&value)
    }

    /// The digest of the files only, however a declaration interprets them.
    #[must_use]
    pub(crate) fn files_digest(&self) -> Digest {
        Digest::of_value(&json!({"files": self.file_digests()}))
    }

    /// The digest of everything that affects the images and their order: all of [`DataSet::digest`]
    /// except the splits.
    #[must_use]
    pub(crate) fn images_digest(&self) -> Digest {
        Digest::of_value(
            &json!({"classes": self.classes, "files": self.file_digests(), "format": self.format}),
        )
    }

    fn file_digests(&self) -> BTreeMap<&str, &str> {
        self.files.iter().map(|(name, file)| (name.as_str(), file.sha256.as_str())).collect()
    }
}

/// Whether a relative path leads to something inside its folder.
fn is_inner_path(path: &str) -> bool {
    !path.is_empty()
        && !path.contains(['\\', '\0'])
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
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

    fn parse(text: &str) -> Result<DataSet, Vec<Diagnostic>> {
        DataSet::parse(&Yaml::file("small.yml", text))
    }

    /// Checks the errors of [`SMALL`] after an edit.
    #[track_caller]
    fn check_error(from: &str, to: &str, expected: &str) {
        assert!(SMALL.contains(from), "the example has no `{from}`");
        let errors = parse(&SMALL.replace(from, to)).expect_err("it is wrong");
        let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(shown.join("\n"), expected);
    }

    #[test]
    fn the_built_in_declarations_are_valid() {
        for name in built_in_names() {
            let set = parse(built_in(name).expect("it is built in"))
                .unwrap_or_else(|errors| panic!("{errors:?}"));
            assert_eq!(set.classes.len(), if name == "solar-cells" { 2 } else { 10 }, "{name}");
        }
        assert_eq!(built_in("nothing"), None);
    }

    #[test]
    fn the_declarations_of_published_weights_are_valid() {
        for (name, _) in WEIGHTS {
            let (set, file) = published_weights(name).expect("it is built in");
            assert!(set.files.contains_key(&file), "{name}");
        }
        assert_eq!(published_weights("resnet18"), None);
    }

    #[test]
    fn a_declaration_survives_a_round_trip_through_json() {
        let set = parse(built_in("fashion-mnist").expect("it is built in")).expect("it is valid");
        let text = serde_json::to_string(&set).expect("all keys are strings");
        assert_eq!(serde_json::from_str::<DataSet>(&text).expect("it was just written"), set);
    }

    #[test]
    fn the_digest_covers_what_affects_a_run() {
        let digest = parse(SMALL).expect("it is valid").digest();
        let same = |from: &str, to: &str| {
            parse(&SMALL.replace(from, to)).expect("it is valid").digest() == digest
        };
        assert!(same("title: Small", "title: Other"));
        assert!(same("licence: none", "licence: MIT"));
        assert!(same("https://example.org/data", "https://example.org/elsewhere"));
        assert!(!same("[a, b]", "[b, a]"));
        assert!(!same("white: 4", "white: 5"));
        assert!(!same("sha256: 00", "sha256: 01"));
    }

    #[test]
    fn a_duplicate_class_is_an_error() {
        check_error(
            "[a, b]",
            "[a, b, a]",
            "error: duplicate class `a`\n --> small.yml:6:17\n\
             hint: list each class once, in the order of the labels",
        );
    }

    #[test]
    fn files_of_a_format_must_be_declared() {
        check_error(
            "file: small.csv,",
            "file: large.csv,",
            "error: `large.csv` is missing from `files`\n --> small.yml:7:28\n\
             hint: add it to `files` with its `sha256`",
        );
    }

    #[test]
    fn a_file_name_stays_in_the_folder() {
        check_error(
            "file: small.csv, shape: [1, 2], white: 4, test-rows: 1}\nfiles:\n  small.csv",
            "file: ../x, shape: [1, 2], white: 4, test-rows: 1}\nfiles:\n  ../x",
            "error: invalid file name `../x`\n --> small.yml:9:3\n\
             hint: use a name without `/` that does not start with a dot",
        );
    }

    #[test]
    fn an_invalid_digest_is_an_error() {
        check_error(
            "sha256: 00",
            "sha256: x0",
            "error: invalid SHA-256 digest of `small.csv`\n --> small.yml:9:15\n\
             hint: use the 64 lowercase hex digits of the unpacked content: \
             `cat small.csv | sha256sum`",
        );
    }

    #[test]
    fn sources_are_checked() {
        check_error(
            "{kind: url, base: \"https://example.org/data\"}",
            "{kind: url, base: \"-o/etc/passwd\"}",
            "error: `-o/etc/passwd` does not start with `https://`\n --> small.yml:10:23\n\
             hint: give the folder that holds the files",
        );
        check_error(
            "{kind: url, base: \"https://example.org/data\"}",
            "{kind: debian, package: a, folder: ../../etc}",
            "error: `../../etc` is not a folder inside a package\n --> small.yml:10:38\n\
             hint: use a relative path without `..`, such as `usr/share/datasets`",
        );
        check_error(
            "{kind: url, base: \"https://example.org/data\"}",
            "{kind: kaggle, folder: x}",
            "error: sources: `kaggle` needs either a `competition` or a `dataset`, \
             as in its address: `dogs-vs-cats`, `owner/name`\n --> small.yml:10:10",
        );
        let kaggle = |source: &str| {
            parse(&SMALL.replace("kind: url, base: \"https://example.org/data\"", source))
        };
        for source in ["kind: kaggle, competition: cats", "kind: kaggle, dataset: ada/cats"] {
            let set = kaggle(source).unwrap();
            let json = serde_json::to_value(&set.sources[0]).unwrap();
            assert_eq!(json.as_object().unwrap().len(), 2, "{json}");
            assert_eq!(serde_json::from_value::<DataSource>(json).unwrap(), set.sources[0]);
        }
    }

    #[test]
    fn independent_errors_are_reported_together() {
        check_error(
            "[a, b]\nformat: {kind: csv-pixels, file: small.csv, shape: [1, 2], white: 4",
            "[a, b, b]\nformat: {kind: csv-pixels, file: large.csv, shape: [1, 0], white: 0",
            "error: duplicate class `b`\n --> small.yml:6:17\n\
             hint: list each class once, in the order of the labels\n\
             error: `large.csv` is missing from `files`\n --> small.yml:7:28\n\
             hint: add it to `files` with its `sha256`\n\
             error: an image needs rows and columns\n --> small.yml:7:45\n\
             hint: such as `[8, 8]`\n\
             error: `white` must be from 1 to 255\n --> small.yml:7:60\n\
             hint: set it to the value of a white pixel; black is 0",
        );
    }
}
