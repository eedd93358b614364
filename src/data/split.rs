//! How the images of a data set are divided into those to learn from and those to test on.

use serde::{Deserialize, Serialize};

/// The split that is taken where none is named.
pub const DEFAULT: &str = "default";

/// A rule by which images are for the test. All but `given` divide the images that have labels, whatever the files say.
///
/// Each takes either a share `test`, or `folds`, of which one is the test: the one that `fold` names, else the run's seed
/// modulo `folds`, so that as many seeds as folds are a cross-validation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Split {
    /// As the files of the data set divide them.
    Given {},
    /// At random, each class by itself, so that every class has the same share in the test.
    Stratified {
        /// The share of the test.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        test: Option<f64>,
        /// How many folds there are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        folds: Option<u32>,
        /// The fold that is the test, from 0.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fold: Option<u32>,
        /// Another number gives another division.
        #[serde(default)]
        seed: u64,
    },
    /// By what stands in a column of the table.
    Column {
        /// The column.
        column: String,
        /// What stands in it where an image is for the test.
        test: Vec<String>,
    },
    /// At random, but images with the same value in a column stay together, since they are of one patient, one panel or
    /// one day.
    Groups {
        /// The column.
        column: String,
        /// The share of the test.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        test: Option<f64>,
        /// How many folds there are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        folds: Option<u32>,
        /// The fold that is the test, from 0.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fold: Option<u32>,
        /// Another number gives another division.
        #[serde(default)]
        seed: u64,
    },
    /// At random, but images that follow each other stay together, where neighbours are alike and no column says which.
    Blocks {
        /// How many images stay together.
        size: u32,
        /// The share of the test.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        test: Option<f64>,
        /// How many folds there are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        folds: Option<u32>,
        /// The fold that is the test, from 0.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fold: Option<u32>,
        /// Another number gives another division.
        #[serde(default)]
        seed: u64,
    },
}

impl Split {
    /// The keys `test`, `folds` and `fold`; `None` if this kind has none.
    pub(super) fn share(&self) -> Option<(Option<f64>, Option<u32>, Option<u32>)> {
        match *self {
            Split::Given {} | Split::Column { .. } => None,
            Split::Stratified { test, folds, fold, .. }
            | Split::Groups { test, folds, fold, .. }
            | Split::Blocks { test, folds, fold, .. } => Some((test, folds, fold)),
        }
    }
}
