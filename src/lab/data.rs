//! Reads the files of a data set into memory.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use labpress::data::{DataSet, Format, IdxPair};
use labpress::runner::protocol::JobData;

/// Images of one channel with their labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Images {
    /// Image after image, each from left to right and top to bottom.
    pub(crate) pixels: Vec<u8>,
    /// One label an image, below the number of classes.
    pub(crate) labels: Vec<u8>,
    /// Rows of an image.
    pub(crate) rows: usize,
    /// Columns of an image.
    pub(crate) columns: usize,
}

/// The two splits of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Splits {
    /// To learn from.
    pub(crate) train: Images,
    /// To test on.
    pub(crate) test: Images,
}

/// Reads the data set of a job.
pub(crate) fn read(data: &JobData) -> anyhow::Result<Splits> {
    let splits = read_format(&data.folder, &data.declaration)
        .with_context(|| format!("cannot read the data set `{}`", data.name))?;
    let classes = data.declaration.classes.len();
    for images in [&splits.train, &splits.test] {
        if let Some(label) = images.labels.iter().find(|&&label| usize::from(label) >= classes) {
            bail!("the data set `{}` has the label {label}, but only {classes} classes", data.name);
        }
    }
    let same_shape = (splits.train.rows, splits.train.columns) == (splits.test.rows, splits.test.columns);
    ensure!(same_shape, "the images of the data set `{}` have one size in train, another in test", data.name);
    Ok(splits)
}

fn read_format(folder: &Path, set: &DataSet) -> anyhow::Result<Splits> {
    match &set.format {
        Format::Idx { train, test } => Ok(Splits { train: read_idx(folder, train)?, test: read_idx(folder, test)? }),
        Format::CsvPixels { file, shape: [rows, columns], white, test_rows } => {
            let text = String::from_utf8(content(folder, file)?).with_context(|| format!("`{file}` is no text"))?;
            let images = csv_images(&text, *rows as usize, *columns as usize, *white)
                .with_context(|| format!("`{file}` is no CSV of pixels"))?;
            let count = images.labels.len();
            let train = count
                .checked_sub(*test_rows as usize)
                .with_context(|| format!("`{file}` has {count} rows, {test_rows} are declared to be the test"))?;
            Ok(Splits { train: images.part(0, train), test: images.part(train, count) })
        }
    }
}

impl Images {
    /// The images from number `start` to before `end`.
    fn part(&self, start: usize, end: usize) -> Images {
        let size = self.rows * self.columns;
        Images {
            pixels: self.pixels[start * size..end * size].to_vec(),
            labels: self.labels[start..end].to_vec(),
            ..*self
        }
    }
}

fn read_idx(folder: &Path, pair: &IdxPair) -> anyhow::Result<Images> {
    let parsed = |file: &str, dimensions| {
        idx(&content(folder, file)?, dimensions).with_context(|| format!("`{file}` is no idx file"))
    };
    let (shape, pixels) = parsed(&pair.images, 3)?;
    let (count, labels) = parsed(&pair.labels, 1)?;
    ensure!(shape[0] == count[0], "`{}` has {} images, `{}` {} labels", pair.images, shape[0], pair.labels, count[0]);
    Ok(Images { pixels, labels, rows: shape[1], columns: shape[2] })
}

/// Reads a file whole, unpacked if its name ends with `.gz`.
#[expect(clippy::disallowed_methods, reason = "a runner reads its data itself")]
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

/// Reads the idx format of MNIST: two zero bytes, the kind of number (8: a byte), the number of dimensions, each
/// dimension as a big-endian `u32`, then the numbers.
fn idx(bytes: &[u8], dimensions: usize) -> anyhow::Result<(Vec<usize>, Vec<u8>)> {
    let header = 4 + 4 * dimensions;
    ensure!(bytes.len() >= header, "it is too short");
    let begins_well = bytes[..3] == [0, 0, 8] && usize::from(bytes[3]) == dimensions;
    ensure!(begins_well, "it does not begin as one with {dimensions} dimensions of bytes");
    let shape: Vec<usize> = bytes[4..header]
        .chunks_exact(4)
        .map(|four| four.iter().fold(0, |number, &byte| number << 8 | usize::from(byte)))
        .collect();
    let size = shape.iter().try_fold(1_usize, |size, &length| size.checked_mul(length));
    let content = &bytes[header..];
    ensure!(size == Some(content.len()), "it declares the shape {shape:?}, but holds {} numbers", content.len());
    Ok((shape, content.to_vec()))
}

/// Reads one image a line: its pixels, from 0 to `white`, then its label.
fn csv_images(text: &str, rows: usize, columns: usize, white: u32) -> anyhow::Result<Images> {
    let mut images = Images { pixels: Vec::new(), labels: Vec::new(), rows, columns };
    for (index, line) in text.lines().enumerate() {
        let numbers: Vec<u8> = line
            .split(',')
            .map(|number| number.trim().parse().with_context(|| format!("line {}: `{number}`", index + 1)))
            .collect::<Result<_, _>>()?;
        let expected = rows * columns + 1;
        ensure!(numbers.len() == expected, "line {}: {} numbers instead of {expected}", index + 1, numbers.len());
        let (label, pixels) = numbers.split_last().expect("it has at least one number");
        let is_in_range = pixels.iter().all(|&pixel| u32::from(pixel) <= white);
        ensure!(is_in_range, "line {}: a pixel is above {white}", index + 1);
        images.pixels.extend_from_slice(pixels);
        images.labels.push(*label);
    }
    Ok(images)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_error<T: std::fmt::Debug>(result: anyhow::Result<T>, expected: &str) {
        assert_eq!(format!("{:#}", result.expect_err("it is wrong")), expected);
    }

    #[test]
    fn idx_gives_shape_and_numbers() {
        let bytes = [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 10, 20, 30, 40];
        assert_eq!(idx(&bytes, 3).unwrap(), (vec![1, 2, 2], vec![10, 20, 30, 40]));
    }

    #[test]
    fn a_broken_idx_is_refused() {
        check_error(idx(&[0, 0, 8], 1), "it is too short");
        check_error(idx(&[0, 0, 9, 1, 0, 0, 0, 0], 1), "it does not begin as one with 1 dimensions of bytes");
        check_error(idx(&[0, 0, 8, 1, 0, 0, 0, 2, 7], 1), "it declares the shape [2], but holds 1 numbers");
        let huge = [&[0, 0, 8, 3][..], &[255; 12]].concat();
        assert!(idx(&huge, 3).is_err());
    }

    #[test]
    fn csv_gives_pixels_and_labels() {
        let images = csv_images("0,4,1\n2,3,0\n", 1, 2, 4).unwrap();
        assert_eq!(images, Images { pixels: vec![0, 4, 2, 3], labels: vec![1, 0], rows: 1, columns: 2 });
        assert_eq!(images.part(1, 2), Images { pixels: vec![2, 3], labels: vec![0], rows: 1, columns: 2 });
    }

    #[test]
    fn a_broken_csv_is_refused_with_its_line() {
        check_error(csv_images("0,4,1\n2,0\n", 1, 2, 4), "line 2: 2 numbers instead of 3");
        check_error(csv_images("0,5,1\n", 1, 2, 4), "line 1: a pixel is above 4");
        check_error(csv_images("0,x,1\n", 1, 2, 4), "line 1: `x`: invalid digit found in string");
    }
}
