//! The idx format of MNIST.

use std::path::Path;

use anyhow::{Context, ensure};

use super::{Listing, Raw, content};
use crate::data::format::IdxPair;

pub(super) fn read(
    folder: &Path,
    train: &IdxPair,
    test: &IdxPair,
) -> anyhow::Result<(Listing, Raw)> {
    let (shape, mut pixels, mut labels) = pair(folder, train)?;
    let (test_shape, test_pixels, test_labels) = pair(folder, test)?;
    ensure!(shape == test_shape, "training and test images differ in size");
    let test_begins = Some(labels.len());
    pixels.extend(test_pixels);
    labels.extend(test_labels);
    let labels = labels.into_iter().map(u16::from).collect();
    let [rows, columns] = shape;
    Ok((
        Listing { labels, test_begins, ..Listing::default() },
        Raw::Bytes { pixels, channels: 1, rows, columns },
    ))
}

/// Rows and columns, pixels and labels of the files of a split.
fn pair(folder: &Path, pair: &IdxPair) -> anyhow::Result<([usize; 2], Vec<u8>, Vec<u8>)> {
    let parsed = |file: &str, dimensions| {
        idx(content(folder, file)?, dimensions)
            .with_context(|| format!("invalid idx file `{file}`"))
    };
    let (shape, pixels) = parsed(&pair.images, 3)?;
    let (count, labels) = parsed(&pair.labels, 1)?;
    ensure!(
        shape[0] == count[0],
        "`{}` has {} images, `{}` {} labels",
        pair.images,
        shape[0],
        pair.labels,
        count[0]
    );
    Ok(([shape[1], shape[2]], pixels, labels))
}

/// Reads the idx format of MNIST: two zero bytes, the kind of number (8: a byte), the number of
/// dimensions, each dimension as a big-endian `u32`, then the numbers.
fn idx(mut bytes: Vec<u8>, dimensions: usize) -> anyhow::Result<(Vec<usize>, Vec<u8>)> {
    let header = 4 + 4 * dimensions;
    ensure!(bytes.len() >= header, "it is too short");
    let begins_well = bytes[..3] == [0, 0, 8] && usize::from(bytes[3]) == dimensions;
    ensure!(begins_well, "it has no header for {dimensions} dimensions of bytes");
    let shape: Vec<usize> = bytes[4..header]
        .chunks_exact(4)
        .map(|four| four.iter().fold(0, |number, &byte| number << 8 | usize::from(byte)))
        .collect();
    let size = shape.iter().try_fold(1_usize, |size, &length| size.checked_mul(length));
    let numbers = bytes.len() - header;
    ensure!(size == Some(numbers), "the header says {shape:?}, but {numbers} numbers follow");
    bytes.drain(..header);
    Ok((shape, bytes))
}

#[cfg(test)]
mod tests {
    use super::super::check_error;
    use super::*;

    #[test]
    fn idx_holds_shape_and_numbers() {
        let bytes = vec![0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 10, 20, 30, 40];
        assert_eq!(idx(bytes, 3).unwrap(), (vec![1, 2, 2], vec![10, 20, 30, 40]));
    }

    #[test]
    fn an_invalid_idx_is_refused() {
        check_error(idx(vec![0, 0, 8], 1), "it is too short");
        check_error(
            idx(vec![0, 0, 9, 1, 0, 0, 0, 0], 1),
            "it has no header for 1 dimensions of bytes",
        );
        check_error(
            idx(vec![0, 0, 8, 1, 0, 0, 0, 2, 7], 1),
            "the header says [2], but 1 numbers follow",
        );
        let huge = [&[0, 0, 8, 3][..], &[255; 12]].concat();
        assert!(idx(huge, 3).is_err());
    }
}
