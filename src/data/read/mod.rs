//! Makes images of the files of a data set.
//!
//! Every format is read into the same two values: a [`Listing`] of all images in one order, and their pixels. What comes
//! after, shaping and splitting, knows no formats.

mod batches;
mod csv_pixels;
mod idx;

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context, bail, ensure};

use super::DataSet;
use super::format::Format;
use super::images::{Images, Pixels, Splits, Wanted};
use super::split;

/// What is known of the images of a data set but their pixels. First come the images with labels, then those without.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Listing {
    /// The labels of the images that have one.
    labels: Vec<u16>,
    /// Where among them the test begins, if the files say so.
    test_begins: Option<usize>,
    /// How many images without labels come after.
    unlabelled: usize,
    /// The name of each image, with and without label.
    ids: Option<Vec<String>>,
}

/// The pixels of all images of a [`Listing`], in its order.
struct Raw {
    pixels: Vec<u8>,
    channels: usize,
    rows: usize,
    columns: usize,
}

/// Reads the data set `name`, whose files are in `folder`.
pub fn read(name: &str, folder: &Path, set: &DataSet, wanted: &Wanted<'_>) -> anyhow::Result<Splits> {
    let (listing, raw) = read_format(folder, set).with_context(|| format!("cannot read the data set `{name}`"))?;
    let classes = set.classes.len();
    if let Some(label) = listing.labels.iter().find(|&&label| usize::from(label) >= classes) {
        bail!("the data set `{name}` has the label {label}, but only {classes} classes");
    }
    let shaped = shaped(raw, wanted)?;
    let test_begins = match (wanted.split, listing.test_begins) {
        (split::DEFAULT, Some(test_begins)) => test_begins,
        (name, _) => bail!("the split `{name}` cannot be made yet"),
    };
    let images = |range: std::ops::Range<usize>| Images {
        pixels: shaped.pixels.part(range.start * shaped.size()..range.end * shaped.size()),
        labels: listing.labels.get(range.clone()).unwrap_or_default().to_vec(),
        ids: listing.ids.as_ref().map(|ids| ids[range].to_vec()),
        groups: None,
        channels: shaped.channels,
        rows: shaped.rows,
        columns: shaped.columns,
    };
    let labelled = listing.labels.len();
    Ok(Splits {
        train: images(0..test_begins),
        test: images(test_begins..labelled),
        unlabelled: (listing.unlabelled > 0).then(|| images(labelled..labelled + listing.unlabelled)),
    })
}

fn read_format(folder: &Path, set: &DataSet) -> anyhow::Result<(Listing, Raw)> {
    match &set.format {
        Format::Idx { train, test } => idx::read(folder, train, test),
        Format::CsvPixels { file, shape, white, test_rows } => {
            csv_pixels::read(folder, file, *shape, *white, *test_rows as usize)
        }
        Format::Batches { train, test, shape, label_bytes } => {
            batches::read(folder, train, test, *shape, *label_bytes as usize)
        }
        Format::Weights { .. } => bail!("it holds the weights of a net, no images"),
        Format::Table { .. } | Format::ImageFolder { .. } => bail!("this format cannot be read yet"),
    }
}

/// Images of the size and with the channels that are wanted.
struct Shaped {
    pixels: Pixels,
    channels: usize,
    rows: usize,
    columns: usize,
}

impl Shaped {
    fn size(&self) -> usize {
        self.channels * self.rows * self.columns
    }
}

fn shaped(raw: Raw, wanted: &Wanted<'_>) -> anyhow::Result<Shaped> {
    let Raw { pixels, channels, rows, columns } = raw;
    if let Some(size) = wanted.image_size {
        ensure!((rows, columns) == (size as usize, size as usize), "images cannot be resized yet");
    }
    let (pixels, channels) = match wanted.channels {
        Some(3) if channels == 1 => {
            let images = pixels.chunks_exact((rows * columns).max(1));
            (images.flat_map(|image| [image, image, image]).flatten().copied().collect(), 3)
        }
        Some(wanted) if wanted as usize != channels => bail!("{channels} channels cannot be made {wanted} yet"),
        _ => (pixels, channels),
    };
    Ok(Shaped { pixels: pixels.into(), channels, rows, columns })
}

/// Reads a file whole, unpacked if its name ends with `.gz`.
#[expect(clippy::disallowed_methods, reason = "`data::read` reads the files that `data::fetch` put into the cache")]
fn content(folder: &Path, file: &str) -> anyhow::Result<Vec<u8>> {
    let path = folder.join(file);
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    if !file.ends_with(".gz") {
        return Ok(bytes);
    }
    let mut unpacked = Vec::new();
    flate2::read::MultiGzDecoder::new(&bytes[..])
        .read_to_end(&mut unpacked)
        .with_context(|| format!("cannot unpack `{}`", path.display()))?;
    Ok(unpacked)
}

/// Checks what a reader says of broken input.
#[cfg(test)]
#[track_caller]
fn check_error<T>(result: anyhow::Result<T>, expected: &str) {
    let Err(error) = result else { panic!("it is wrong") };
    assert_eq!(format!("{error:#}"), expected);
}
