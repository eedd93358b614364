//! The binary format of CIFAR: image after image, each its label and then a plane of bytes per
//! channel.

use std::path::Path;

use anyhow::{Context, ensure};

use super::{Listing, Raw, content};

pub(super) fn read(
    folder: &Path,
    train: &[String],
    test: &[String],
    shape: [u32; 3],
    label_bytes: usize,
) -> anyhow::Result<(Listing, Raw)> {
    let [channels, rows, columns] = shape.map(|length| length as usize);
    let size = channels.checked_mul(rows).and_then(|size| size.checked_mul(columns));
    let size = size.context("its images are too large")?;
    let mut listing = Listing::default();
    let mut pixels = Vec::new();
    for file in train {
        append(&content(folder, file)?, size, label_bytes, &mut listing.labels, &mut pixels)
            .with_context(|| format!("invalid batch of images `{file}`"))?;
    }
    listing.test_begins = Some(listing.labels.len());
    for file in test {
        append(&content(folder, file)?, size, label_bytes, &mut listing.labels, &mut pixels)
            .with_context(|| format!("invalid batch of images `{file}`"))?;
    }
    Ok((listing, Raw::Bytes { pixels, channels, rows, columns }))
}

fn append(
    bytes: &[u8],
    size: usize,
    label_bytes: usize,
    labels: &mut Vec<u16>,
    pixels: &mut Vec<u8>,
) -> anyhow::Result<()> {
    let record = size + label_bytes;
    ensure!(
        bytes.len().is_multiple_of(record),
        "{} bytes are not a multiple of {record}",
        bytes.len()
    );
    for image in bytes.chunks_exact(record) {
        labels.push(u16::from(image[label_bytes - 1]));
        pixels.extend_from_slice(&image[label_bytes..]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::check_error;
    use super::*;

    #[test]
    fn a_batch_holds_labels_and_pixels() {
        let (mut labels, mut pixels) = (Vec::new(), Vec::new());
        append(&[7, 1, 10, 20, 7, 2, 30, 40], 2, 2, &mut labels, &mut pixels).unwrap();
        assert_eq!((labels, pixels), (vec![1, 2], vec![10, 20, 30, 40]));
    }

    #[test]
    fn a_truncated_batch_is_refused() {
        let result = append(&[1, 10, 20, 2, 30], 2, 1, &mut Vec::new(), &mut Vec::new());
        check_error(result, "5 bytes are not a multiple of 3");
    }
}
