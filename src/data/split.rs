//! Divides the images of a data set into training and test images.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::listed;

/// The split that is used if none is named.
pub const DEFAULT: &str = "default";

/// A rule that selects test images. All kinds except `given` divide the images that have labels,
/// whatever the files say.
///
/// Each takes either a share `test`, or `folds`, of which one is the test: the one that `fold`
/// names, or else the run's seed modulo `folds`, so that as many seeds as folds make a
/// cross-validation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum Split {
    /// As the files of the data set divide them.
    Given {},
    /// At random within each class, so that every class has the same share in the test.
    Stratified {
        /// The share of the test images.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        test: Option<f64>,
        /// The number of folds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        folds: Option<u32>,
        /// The fold to test on, from 0.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fold: Option<u32>,
        /// Another seed gives another division.
        #[serde(default)]
        seed: u64,
    },
    /// By a column of the table.
    Column {
        /// The column.
        column: String,
        /// The values of test images in it.
        test: Vec<String>,
    },
    /// At random, but images with the same value in a column stay together, because they are of one
    /// patient, one panel or one day.
    Groups {
        /// The column.
        column: String,
        /// The share of the test images.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        test: Option<f64>,
        /// The number of folds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        folds: Option<u32>,
        /// The fold to test on, from 0.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fold: Option<u32>,
        /// Another seed gives another division.
        #[serde(default)]
        seed: u64,
    },
    /// At random, but consecutive images stay together, for data whose neighbours are similar
    /// without a column that says so.
    Blocks {
        /// The number of images that stay together.
        size: u32,
        /// The share of the test images.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        test: Option<f64>,
        /// The number of folds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        folds: Option<u32>,
        /// The fold to test on, from 0.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fold: Option<u32>,
        /// Another seed gives another division.
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

/// Which images are for the test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Division {
    /// Whether each image is for testing.
    pub(super) is_test: Vec<bool>,
    /// The group that each image is in, if the split keeps groups together.
    pub(super) groups: Option<Vec<u32>>,
}

impl Split {
    /// Divides images with these labels and columns. `run_seed` selects the fold if none is named.
    /// Returns `None` if the files decide.
    pub(super) fn divide(
        &self,
        labels: &[u16],
        columns: &BTreeMap<String, Vec<String>>,
        run_seed: u64,
    ) -> anyhow::Result<Option<Division>> {
        let column = |name: &String| {
            columns.get(name).with_context(|| {
                format!(
                    "there is no column `{name}`, only {}",
                    listed(columns.keys().map(String::as_str))
                )
            })
        };
        let images = labels.len();
        let division = match self {
            Split::Given {} => return Ok(None),
            Split::Stratified { test, folds, fold, seed } => {
                let share = Share::of(*test, *folds, *fold, run_seed);
                Division { is_test: stratified(labels, share, *seed), groups: None }
            }
            Split::Column { column: name, test } => {
                let is_test = column(name)?.iter().map(|cell| test.contains(cell)).collect();
                Division { is_test, groups: None }
            }
            Split::Groups { column: name, test, folds, fold, seed } => {
                let cells = column(name)?;
                let names: BTreeSet<&String> = cells.iter().collect();
                let numbers: BTreeMap<&String, u32> = names.into_iter().zip(0..).collect();
                let groups: Vec<u32> = cells.iter().map(|cell| numbers[cell]).collect();
                let is_test = grouped(&groups, Share::of(*test, *folds, *fold, run_seed), *seed);
                Division { is_test, groups: Some(groups) }
            }
            Split::Blocks { size, test, folds, fold, seed } => {
                let block = |image: usize| u32::try_from(image / *size as usize);
                let groups: Vec<u32> = (0..images).map(block).collect::<Result<_, _>>()?;
                let is_test = grouped(&groups, Share::of(*test, *folds, *fold, run_seed), *seed);
                Division { is_test, groups: Some(groups) }
            }
        };
        let tests = division.is_test.iter().filter(|&&is_test| is_test).count();
        ensure!(tests > 0, "it leaves no test images");
        ensure!(tests < images, "it leaves no training images");
        Ok(Some(division))
    }
}

/// How many images are for testing.
#[derive(Clone, Copy)]
enum Share {
    /// This share of all images.
    Of(f64),
    /// One fold of several.
    Fold { fold: u64, folds: u64 },
}

impl Share {
    fn of(test: Option<f64>, folds: Option<u32>, fold: Option<u32>, run_seed: u64) -> Share {
        match (test, folds) {
            (Some(test), _) => Share::Of(test),
            (None, folds) => {
                let folds = u64::from(folds.unwrap_or(2).max(1));
                Share::Fold { fold: fold.map_or(run_seed % folds, u64::from), folds }
            }
        }
    }
}

/// The sort key of `thing` in a shuffle by `seed`. A digest, so that it is the same on every
/// machine and in every version.
fn shuffle_key(seed: u64, thing: u64) -> [u8; 32] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..].copy_from_slice(&thing.to_le_bytes());
    *blake3::hash(&bytes).as_bytes()
}

fn stratified(labels: &[u16], share: Share, seed: u64) -> Vec<bool> {
    let mut members: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
    for (image, label) in labels.iter().enumerate() {
        members.entry(*label).or_default().push(image);
    }
    let mut is_test = vec![false; labels.len()];
    let mut dealt = 0;
    for mut members in members.into_values() {
        members.sort_by_cached_key(|&image| shuffle_key(seed, image as u64));
        match share {
            Share::Of(test) => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a share of a count is a valid count"
                )]
                let count = (members.len() as f64 * test).round() as usize;
                members.truncate(count);
                for image in members {
                    is_test[image] = true;
                }
            }
            Share::Fold { fold, folds } => {
                // Dealt like cards, continuing from the previous class, so that the sizes of the
                // folds differ by at most one image.
                for image in members {
                    is_test[image] = dealt % folds == fold;
                    dealt += 1;
                }
            }
        }
    }
    is_test
}

/// Assigns whole groups, in a shuffle by `seed`.
fn grouped(groups: &[u32], share: Share, seed: u64) -> Vec<bool> {
    let mut sizes: BTreeMap<u32, usize> = BTreeMap::new();
    for group in groups {
        *sizes.entry(*group).or_default() += 1;
    }
    let mut order: Vec<(u32, usize)> = sizes.into_iter().collect();
    order.sort_by_cached_key(|&(group, _)| shuffle_key(seed, u64::from(group)));
    let mut tests: BTreeSet<u32> = BTreeSet::new();
    match share {
        Share::Of(test) => {
            let wanted = groups.len() as f64 * test;
            let mut count = 0;
            for (group, size) in order {
                // Add a group if that brings the count nearer to the wanted one.
                let (without, with) =
                    ((count as f64 - wanted).abs(), ((count + size) as f64 - wanted).abs());
                if with <= without || tests.is_empty() {
                    tests.insert(group);
                    count += size;
                }
            }
        }
        Share::Fold { fold, folds } => {
            let mut counts: BTreeMap<u64, usize> = (0..folds).map(|fold| (fold, 0)).collect();
            for (group, size) in order {
                let Some((&smallest, _)) =
                    counts.iter().min_by_key(|&(fold, count)| (*count, *fold))
                else {
                    continue;
                };
                *counts.entry(smallest).or_default() += size;
                if smallest == fold {
                    tests.insert(group);
                }
            }
        }
    }
    groups.iter().map(|group| tests.contains(group)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn divide(split: &Split, labels: &[u16], seed: u64) -> Division {
        let cells =
            |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect::<Vec<_>>();
        let panels = (0..labels.len()).map(|image| format!("panel {}", image / 7)).collect();
        let columns = BTreeMap::from([
            (
                "part".to_owned(),
                cells(&["a", "b", "c"]).into_iter().cycle().take(labels.len()).collect(),
            ),
            ("panel".to_owned(), panels),
        ]);
        split.divide(labels, &columns, seed).unwrap().unwrap()
    }

    fn count(division: &Division) -> usize {
        division.is_test.iter().filter(|&&is_test| is_test).count()
    }

    /// Checks that every group is on one side.
    #[track_caller]
    fn check_whole(division: &Division) {
        let mut sides: BTreeMap<u32, bool> = BTreeMap::new();
        for (group, is_test) in division.groups.as_ref().unwrap().iter().zip(&division.is_test) {
            assert_eq!(
                sides.entry(*group).or_insert(*is_test),
                is_test,
                "group {group} is divided"
            );
        }
        assert!(sides.values().any(|side| *side) && sides.values().any(|side| !*side));
    }

    /// Checks that each image is in the test of one of five seeds.
    #[track_caller]
    fn check_folds(split: &Split, labels: &[u16]) {
        let folds: Vec<Division> = (0..5).map(|seed| divide(split, labels, seed)).collect();
        for image in 0..labels.len() {
            assert_eq!(
                folds.iter().filter(|division| division.is_test[image]).count(),
                1,
                "image {image}"
            );
        }
    }

    #[test]
    fn a_stratified_test_has_its_share_of_every_class() {
        let labels: Vec<u16> = (0..200).map(|image| u16::from(image % 10 == 0)).collect();
        let split = Split::Stratified { test: Some(0.2), folds: None, fold: None, seed: 0 };
        let division = divide(&split, &labels, 0);
        let of_class = |class| {
            (0..200).filter(|&image| division.is_test[image] && labels[image] == class).count()
        };
        assert_eq!((of_class(0), of_class(1)), (36, 4));
        assert_eq!(division, divide(&split, &labels, 9), "the run's seed does not matter");
        let other = Split::Stratified { test: Some(0.2), folds: None, fold: None, seed: 1 };
        assert_ne!(division, divide(&other, &labels, 0));
    }

    #[test]
    fn folds_cover_every_image_once() {
        let labels: Vec<u16> = (0..103).map(|image| image % 3).collect();
        let split = Split::Stratified { test: None, folds: Some(5), fold: None, seed: 0 };
        check_folds(&split, &labels);
        assert!((20..=21).contains(&count(&divide(&split, &labels, 2))));
        check_folds(
            &Split::Blocks { size: 4, test: None, folds: Some(5), fold: None, seed: 0 },
            &labels,
        );
        let panel = "panel".to_owned();
        check_folds(
            &Split::Groups { column: panel, test: None, folds: Some(5), fold: None, seed: 0 },
            &labels,
        );
    }

    #[test]
    fn no_group_is_divided() {
        let labels = vec![0; 150];
        for seed in 0..20 {
            let column = "panel".to_owned();
            let division = divide(
                &Split::Groups { column, test: Some(0.3), folds: None, fold: None, seed },
                &labels,
                0,
            );
            check_whole(&division);
            assert!((38..=52).contains(&count(&division)), "{}", count(&division));
            let division = divide(
                &Split::Blocks { size: 60, test: Some(0.3), folds: None, fold: None, seed },
                &labels,
                0,
            );
            check_whole(&division);
        }
        check_whole(&divide(
            &Split::Blocks { size: 9, test: None, folds: Some(3), fold: Some(1), seed: 0 },
            &labels,
            0,
        ));
    }

    #[test]
    fn a_column_can_select_the_test() {
        let split = Split::Column { column: "part".to_owned(), test: vec!["b".to_owned()] };
        assert_eq!(divide(&split, &[0; 4], 0).is_test, [false, true, false, false]);
    }

    #[test]
    fn an_empty_side_is_refused() {
        let error =
            |split: &Split| split.divide(&[0, 0], &BTreeMap::new(), 0).unwrap_err().to_string();
        let block =
            |test| Split::Blocks { size: 9, test: Some(test), folds: None, fold: None, seed: 0 };
        assert_eq!(error(&block(0.5)), "it leaves no training images");
        let few = Split::Stratified { test: Some(0.1), folds: None, fold: None, seed: 0 };
        assert_eq!(error(&few), "it leaves no test images");
        let column = Split::Column { column: "x".to_owned(), test: Vec::new() };
        assert!(error(&column).starts_with("there is no column `x`"));
    }
}
