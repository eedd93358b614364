//! What a declaration may say of how the files of a data set hold images and labels.

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
    /// The format of MNIST: `idx3` images and `idx1` labels, one pair of files a split, gzipped or
    /// not.
    Idx {
        /// Images and labels to learn from.
        train: IdxPair,
        /// Images and labels to test on.
        test: IdxPair,
    },
    /// One gzipped CSV: a row an image, its pixels from left to right and top to bottom, its label
    /// last.
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
    /// The binary format of CIFAR: image after image, each its label and then a plane of bytes a
    /// channel.
    Batches {
        /// Files with the images to learn from, in order.
        train: Vec<String>,
        /// Files with the images to test on, in order.
        test: Vec<String>,
        /// Channels, rows and columns of an image.
        shape: [u32; 3],
        /// How many bytes stand before the pixels; the last of them is the label. CIFAR-10 has 1,
        /// CIFAR-100 has 2.
        #[serde(default = "default_label_bytes")]
        label_bytes: u32,
    },
    /// A table with a row an image: where the image is, what it shows, and what else is known of
    /// it.
    Table {
        /// The rows that have labels.
        labelled: Box<Table>,
        /// From which column the class of an image follows.
        label: Label,
        /// Images without labels, whose classes are to be predicted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unlabelled: Option<Box<Table>>,
    },
    /// Folders of PNG and JPEG files: one folder a class, named like the class.
    ImageFolder {
        /// The folder with the folders of the classes.
        train: String,
        /// Another such folder, to test on; left out, `splits` says which images are for the test.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        test: Option<String>,
        /// A folder of images without labels, whose classes are to be predicted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unlabelled: Option<String>,
        /// Names of the classes' folders, in the order of `classes`, where they are not the names
        /// of the classes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        folders: Option<Vec<String>>,
    },
    /// No images: the weights of a trained net, or what belongs to them.
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

/// A text file with a row an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Table {
    /// The file.
    pub file: String,
    /// What stands between its cells.
    #[serde(default, skip_serializing_if = "is_default")]
    pub separator: Separator,
    /// The names of its columns, where its first row does not have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// Where the image of a row is.
    pub image: ImagePath,
}

/// What stands between the cells of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Separator {
    /// A comma; cells may stand in double quotes.
    #[default]
    Comma,
    /// A semicolon; cells may stand in double quotes.
    Semicolon,
    /// A tab; cells may stand in double quotes.
    Tab,
    /// Any number of spaces and tabs.
    Whitespace,
}

/// How the path of an image follows from a cell: `FOLDER/CELL.EXTENSION`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ImagePath {
    /// The column. What stands in it is the name of the image in predictions and submissions, too.
    pub column: String,
    /// The folder that the cells are seen from; left out, it is the data set's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// What the cells lack at their end, such as `.jpg`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
}

/// How the class of an image follows from a cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Label {
    /// The column.
    pub column: String,
    /// What stands in it for each class, in the order of `classes`; left out, it is their names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
    /// Rising numbers between the classes, one fewer than there are: a cell is a number, and the
    /// class is how many of these it is above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<Vec<f64>>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
