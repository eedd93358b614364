//! Decodes the files of a data set to images.
//!
//! Every format is read into the same two values: a [`Listing`] of all images in one order, and
//! [`Raw`] pixels or the pictures that hold them. The rest does not depend on the format:
//! [`decoded`] converts the images and keeps them on disk, and the split divides them.

mod batches;
mod csv_pixels;
mod decoded;
mod idx;
mod image_folder;
pub(super) mod table;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};

use self::decoded::Decoded;
use super::DataSet;
use super::format::Format;
use super::images::{Images, Pixels, Splits, Wanted};
use super::split::{DEFAULT, Division, Split};
use crate::diagnostic::listed;

/// Everything about the images of a data set except their pixels. Images with labels come first,
/// then those without.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Listing {
    /// The labels of the images that have one.
    labels: Vec<u16>,
    /// The index of the first test image, if the files have a test split.
    test_begins: Option<usize>,
    /// The number of images without labels that follow.
    unlabelled: usize,
    /// The name of each image, with and without label.
    ids: Option<Vec<String>>,
    /// Other columns of the images with labels, by name.
    columns: BTreeMap<String, Vec<String>>,
}

impl Listing {
    fn count(&self) -> usize {
        self.labels.len() + self.unlabelled
    }
}

/// The pixels of all images of a [`Listing`], in its order.
enum Raw {
    /// Pixels of images of one size, plane after plane.
    Bytes { pixels: Vec<u8>, channels: usize, rows: usize, columns: usize },
    /// PNG and JPEG files.
    Files(Vec<PathBuf>),
}

/// Reads the data set `name`, whose files are in `folder`. Decoded images are kept next to them, so
/// only the first call for the same images is slow.
pub fn read(
    name: &str,
    folder: &Path,
    set: &DataSet,
    wanted: &Wanted<'_>,
) -> anyhow::Result<Splits> {
    let at_set = || format!("cannot read the data set `{name}`");
    let decoded = decoded::decoded(folder, set, wanted, &|| listing_and_raw(folder, set))
        .with_context(at_set)?;
    let at_split = || format!("cannot make the split `{}` of the data set `{name}`", wanted.split);
    let division = division(set, &decoded.listing, wanted).with_context(at_split)?;
    Ok(splits(&decoded, &division))
}

/// Reads the files of `set` by its format.
fn listing_and_raw(folder: &Path, set: &DataSet) -> anyhow::Result<(Listing, Raw)> {
    let (listing, raw) = match &set.format {
        Format::Idx { train, test } => idx::read(folder, train, test),
        Format::CsvPixels { file, shape, white, test_rows } => {
            csv_pixels::read(folder, file, *shape, *white, *test_rows as usize)
        }
        Format::Batches { train, test, shape, label_bytes } => {
            batches::read(folder, train, test, *shape, *label_bytes as usize)
        }
        Format::Table { labelled, label, unlabelled } => {
            table::read(folder, &set.classes, labelled, label, unlabelled.as_deref())
        }
        Format::ImageFolder { train, test, unlabelled, folders } => {
            let folders = folders.as_deref().unwrap_or(&set.classes);
            image_folder::read(folder, folders, train, test.as_deref(), unlabelled.as_deref())
        }
        Format::Weights { .. } => bail!("it holds the weights of a net, not images"),
    }?;
    let classes = set.classes.len();
    if let Some(label) = listing.labels.iter().find(|&&label| usize::from(label) >= classes) {
        bail!("it has label {label}, but only {classes} classes");
    }
    ensure!(!listing.labels.is_empty(), "it has no images");
    Ok((listing, raw))
}

/// Which images are for testing, and which are kept together.
fn division(set: &DataSet, listing: &Listing, wanted: &Wanted<'_>) -> anyhow::Result<Division> {
    let given = Split::Given {};
    let split = match set.splits.get(wanted.split) {
        Some(split) => split,
        None if wanted.split == DEFAULT => &given,
        None => {
            let known = set.splits.keys().map(String::as_str).chain([DEFAULT]);
            bail!("it declares only {}", listed(known.collect::<std::collections::BTreeSet<_>>()))
        }
    };
    if let Some(division) = split.divide(&listing.labels, &listing.columns, wanted.seed)? {
        return Ok(division);
    }
    let test_begins =
        listing.test_begins.context("the files do not say which images are for testing")?;
    let images = listing.labels.len();
    ensure!(test_begins > 0, "it leaves no training images");
    ensure!(test_begins < images, "it leaves no test images");
    Ok(Division { is_test: (0..images).map(|image| image >= test_begins).collect(), groups: None })
}

fn splits(decoded: &Decoded, division: &Division) -> Splits {
    let labelled = 0..decoded.listing.labels.len();
    let of = |wanted: bool| {
        labelled.clone().filter(|&image| division.is_test[image] == wanted).collect::<Vec<_>>()
    };
    let images = |indices: &[usize]| decoded.images(indices, division.groups.as_deref());
    let unlabelled: Vec<usize> = (labelled.end..decoded.listing.count()).collect();
    Splits {
        train: images(&of(false)),
        test: images(&of(true)),
        unlabelled: (!unlabelled.is_empty()).then(|| images(&unlabelled)),
    }
}

impl Decoded {
    /// The images at `indices`. A contiguous range is not copied.
    fn images(&self, indices: &[usize], groups: Option<&[u32]>) -> Images {
        let size = self.channels * self.rows * self.columns;
        let pixels = if let Some(range) = range(indices) {
            self.pixels.part(range.start * size..range.end * size)
        } else {
            let images = indices.iter().map(|&index| &self.pixels[index * size..][..size]);
            Pixels::from(images.flatten().copied().collect::<Vec<u8>>())
        };
        let chosen = |labels: &[u16]| {
            indices.iter().filter_map(|&index| labels.get(index)).copied().collect()
        };
        Images {
            pixels,
            labels: chosen(&self.listing.labels),
            ids: self
                .listing
                .ids
                .as_ref()
                .map(|ids| indices.iter().map(|&index| ids[index].clone()).collect()),
            groups: groups.map(|groups| {
                indices.iter().filter_map(|&index| groups.get(index)).copied().collect()
            }),
            channels: self.channels,
            rows: self.rows,
            columns: self.columns,
        }
    }
}

/// The range of ascending numbers, if it is contiguous.
fn range(indices: &[usize]) -> Option<Range<usize>> {
    let (first, last) = (*indices.first()?, *indices.last()?);
    (last - first + 1 == indices.len()).then_some(first..last + 1)
}

/// Reads a whole file, unpacked if its name ends with `.gz`.
#[expect(
    clippy::disallowed_methods,
    reason = "`data::read` reads the files that `data::fetch` put into the cache"
)]
fn content(folder: &Path, file: &str) -> anyhow::Result<Vec<u8>> {
    let path = folder.join(file);
    let bytes =
        std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    if !file.ends_with(".gz") {
        return Ok(bytes);
    }
    let mut unpacked = Vec::new();
    flate2::read::MultiGzDecoder::new(&bytes[..])
        .read_to_end(&mut unpacked)
        .with_context(|| format!("cannot unpack `{}`", path.display()))?;
    Ok(unpacked)
}

/// Checks the error for invalid input.
#[cfg(test)]
#[track_caller]
fn check_error<T>(result: anyhow::Result<T>, expected: &str) {
    let Err(error) = result else { panic!("it is wrong") };
    assert_eq!(format!("{error:#}"), expected);
}

#[cfg(test)]
mod tests;
