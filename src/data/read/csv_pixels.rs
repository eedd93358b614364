//! Small images as a table of numbers: one row per image, its label last.

use std::path::Path;

use anyhow::{Context, ensure};

use super::{Listing, Raw, content};

pub(super) fn read(
    folder: &Path,
    file: &str,
    [rows, columns]: [u32; 2],
    white: u32,
    test_rows: usize,
) -> anyhow::Result<(Listing, Raw)> {
    let text = String::from_utf8(content(folder, file)?)
        .with_context(|| format!("`{file}` is not UTF-8"))?;
    let (rows, columns) = (rows as usize, columns as usize);
    let size = rows.checked_mul(columns).context("its images are too large")?;
    let (pixels, labels) = csv_images(&text, size, white)
        .with_context(|| format!("invalid CSV of pixels `{file}`"))?;
    let count = labels.len();
    let test_begins = count.checked_sub(test_rows).with_context(|| {
        format!("`{file}` has {count} rows, but {test_rows} are declared to be test rows")
    })?;
    let listing = Listing { labels, test_begins: Some(test_begins), ..Listing::default() };
    Ok((listing, Raw::Bytes { pixels, channels: 1, rows, columns }))
}

/// Reads one image per line: its pixels, from 0 to `white`, then its label.
fn csv_images(text: &str, size: usize, white: u32) -> anyhow::Result<(Vec<u8>, Vec<u16>)> {
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        let numbers: Vec<u8> = line
            .split(',')
            .map(|number| {
                number.trim().parse().with_context(|| format!("line {}: `{number}`", index + 1))
            })
            .collect::<Result<_, _>>()?;
        let found = numbers.len();
        ensure!(
            found == size + 1,
            "line {}: found {found} numbers, expected {}",
            index + 1,
            size + 1
        );
        let (label, image) = numbers.split_last().expect("it has at least one number");
        let is_in_range = image.iter().all(|&pixel| u32::from(pixel) <= white);
        ensure!(is_in_range, "line {}: a pixel is above {white}", index + 1);
        pixels.extend_from_slice(image);
        labels.push(u16::from(*label));
    }
    Ok((pixels, labels))
}

#[cfg(test)]
mod tests {
    use super::super::check_error;
    use super::*;

    #[test]
    fn csv_holds_pixels_and_labels() {
        assert_eq!(csv_images("0,4,1\n2,3,0\n", 2, 4).unwrap(), (vec![0, 4, 2, 3], vec![1, 0]));
    }

    #[test]
    fn an_invalid_csv_is_refused_with_its_line() {
        check_error(csv_images("0,4,1\n2,0\n", 2, 4), "line 2: found 2 numbers, expected 3");
        check_error(csv_images("0,5,1\n", 2, 4), "line 1: a pixel is above 4");
        check_error(csv_images("0,x,1\n", 2, 4), "line 1: `x`: invalid digit found in string");
    }
}
