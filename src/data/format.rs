//! Formats of data sets: how their files hold images and labels.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the files of a data set hold images and labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum Format {
    /// The format of MNIST: `idx3` images and `idx1` labels, one pair of files per split, gzipped
    /// or not.
    Idx {
        /// Training images and labels.
        train: IdxPair,
        /// Test images and labels.
        test: IdxPair,
    },
    /// One gzipped CSV file with one row per image: its pixels from left to right and top to
    /// bottom, then its label.
    CsvPixels {
        /// The file.
        file: String,
        /// Rows and columns of an image.
        shape: [u32; 2],
        /// The value of a white pixel, at most 255; black is 0.
        white: u32,
        /// How many rows at the end are the test split.
        test_rows: u32,
    },
    /// The binary format of CIFAR: image after image, each its label and then a plane of bytes per
    /// channel.
    Batches {
        /// Files with the training images, in order.
        train: Vec<String>,
        /// Files with the test images, in order.
        test: Vec<String>,
        /// Channels, rows and columns of an image.
        shape: [u32; 3],
        /// How many bytes precede the pixels; the last of them is the label. CIFAR-10 has 1,
        /// CIFAR-100 has 2.
        #[serde(default = "default_label_bytes")]
        label_bytes: u32,
    },
    /// A table with one row per image: where the image is, what it shows, and what else is known
    /// about it.
    Table {
        /// The table of images with labels.
        labelled: Box<Table>,
        /// The column that determines the class of an image.
        label: Label,
        /// Images without labels, whose classes are to be predicted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unlabelled: Option<Box<Table>>,
    },
    /// Folders of PNG and JPEG files: one folder per class, named like the class.
    ImageFolder {
        /// The folder that contains the folders of the classes.
        train: String,
        /// Another such folder, with the test images; if omitted, `splits` says which images are
        /// for testing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        test: Option<String>,
        /// A folder of images without labels, whose classes are to be predicted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unlabelled: Option<String>,
        /// Names of the classes' folders, in the order of `classes`, if they differ from the names
        /// of the classes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        folders: Option<Vec<String>>,
    },
    /// No images: the weights of a trained net, or files that belong to them.
    Weights {
        /// The file.
        file: String,
    },
}

fn default_label_bytes() -> u32 {
    1
}

/// The two files of a split in the idx format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdxPair {
    /// File with the images.
    pub images: String,
    /// File with the labels.
    pub labels: String,
}

/// A text file with one row per image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Table {
    /// The file.
    pub file: String,
    /// What separates its cells.
    #[serde(default, skip_serializing_if = "is_default")]
    pub separator: Separator,
    /// The names of its columns, if its first row does not have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// Where the image of a row is.
    pub image: ImagePath,
}

/// What separates the cells of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Separator {
    /// A comma; cells may be in double quotes.
    #[default]
    Comma,
    /// A semicolon; cells may be in double quotes.
    Semicolon,
    /// A tab; cells may be in double quotes.
    Tab,
    /// Any number of spaces and tabs.
    Whitespace,
}

/// How the path of an image is made from a cell: `FOLDER/CELL.EXTENSION`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ImagePath {
    /// The column. Its value is also the name of the image in predictions and submissions.
    pub column: String,
    /// The folder that the cells are relative to; if omitted, it is the data set's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// An ending to append to the cells, such as `.jpg`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
}

/// How the class of an image is determined by a cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Label {
    /// The column.
    pub column: String,
    /// The value of each class in the column, in the order of `classes`; if omitted, the names of
    /// the classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
    /// Ascending numbers between the classes, one fewer than there are: a cell is a number, and its
    /// class is the number of thresholds below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<Vec<f64>>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
