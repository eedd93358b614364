//! Decodes PNG and JPEG files within strict limits.
//!
//! Transparency and EXIF orientation are ignored, and 16-bit samples lose their lower 8 bits, as in
//! Pillow's `convert`.

use std::io::Cursor;

use anyhow::{Context, bail, ensure};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::resize::{Filter, centre_square, cut, resized};

/// The maximum number of rows or columns of a picture.
const MAX_SIDE: usize = 32_768;
/// The maximum number of pixels of a picture: a decompression bomb takes less than 400 MB.
const MAX_PIXELS: usize = 1 << 26;

/// A decoded picture: plane after plane, 1 (grey) or 3 (red, green, blue).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) pixels: Vec<u8>,
    pub(crate) channels: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

/// The header of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) channels: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

enum Kind {
    Png,
    Jpeg,
}

/// The kind of a picture by its first bytes, whatever the file's name.
fn kind(bytes: &[u8]) -> anyhow::Result<Kind> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Ok(Kind::Png),
        [0xFF, 0xD8, 0xFF, ..] => Ok(Kind::Jpeg),
        _ => bail!("neither a PNG nor a JPEG file"),
    }
}

/// Reads only the header.
pub(crate) fn header(bytes: &[u8]) -> anyhow::Result<Header> {
    match kind(bytes)? {
        Kind::Png => {
            let mut decoder = png_decoder(bytes);
            let header = decoder.read_header_info().context("invalid or truncated PNG")?;
            let is_grey = matches!(
                header.color_type,
                png::ColorType::Grayscale | png::ColorType::GrayscaleAlpha
            );
            checked(header.width as usize, header.height as usize, is_grey)
        }
        Kind::Jpeg => {
            let mut decoder = JpegDecoder::new_with_options(Cursor::new(bytes), jpeg_options());
            decoder
                .decode_headers()
                .map_err(|error| anyhow::anyhow!("invalid or truncated JPEG: {error:?}"))?;
            let (columns, rows) = decoder.dimensions().context("it has no size")?;
            checked(columns, rows, decoder.input_colorspace() == Some(ColorSpace::Luma))
        }
    }
}

fn checked(columns: usize, rows: usize, is_grey: bool) -> anyhow::Result<Header> {
    let is_bounded = rows <= MAX_SIDE && columns <= MAX_SIDE && rows * columns <= MAX_PIXELS;
    ensure!(is_bounded, "{columns}×{rows} pixels are more than the limit of {MAX_PIXELS}");
    ensure!(rows > 0 && columns > 0, "it has no pixels");
    Ok(Header { channels: if is_grey { 1 } else { 3 }, rows, columns })
}

/// Decodes a PNG or JPEG.
pub(crate) fn decoded(bytes: &[u8]) -> anyhow::Result<Picture> {
    // Check the size before allocating memory for it.
    let header = header(bytes)?;
    let (interleaved, samples) = match kind(bytes)? {
        Kind::Png => png_samples(bytes)?,
        Kind::Jpeg => {
            let space = if header.channels == 1 { ColorSpace::Luma } else { ColorSpace::RGB };
            let options = jpeg_options().jpeg_set_out_colorspace(space);
            let mut decoder = JpegDecoder::new_with_options(Cursor::new(bytes), options);
            let pixels = decoder
                .decode()
                .map_err(|error| anyhow::anyhow!("invalid or truncated JPEG: {error:?}"))?;
            (pixels, header.channels)
        }
    };
    let Header { channels, rows, columns } = header;
    ensure!(interleaved.len() == rows * columns * samples, "truncated data");
    let pixels = if samples == 1 {
        interleaved
    } else {
        let plane = |channel| interleaved.chunks_exact(samples).map(move |pixel| pixel[channel]);
        (0..channels).flat_map(plane).collect()
    };
    Ok(Picture { pixels, channels, rows, columns })
}

fn png_decoder(bytes: &[u8]) -> png::Decoder<Cursor<&[u8]>> {
    let limits = png::Limits { bytes: 4 * MAX_PIXELS };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    decoder
}

/// The samples of all pixels, one pixel after the other, and the number of samples per pixel.
fn png_samples(bytes: &[u8]) -> anyhow::Result<(Vec<u8>, usize)> {
    let mut reader = png_decoder(bytes).read_info().context("invalid or truncated PNG")?;
    let size = reader.output_buffer_size().context("it is too large")?;
    let mut samples = vec![0; size];
    let frame = reader.next_frame(&mut samples).context("invalid or truncated PNG")?;
    samples.truncate(frame.buffer_size());
    Ok((samples, frame.color_type.samples()))
}

fn jpeg_options() -> DecoderOptions {
    DecoderOptions::default()
        .set_max_width(MAX_SIDE)
        .set_max_height(MAX_SIDE)
        .set_strict_mode(false)
}

impl Picture {
    /// This picture with this number of channels: grey is repeated, colours are weighted by their
    /// brightness.
    pub(crate) fn with_channels(self, channels: usize) -> Picture {
        let pixels = match (self.channels, channels) {
            (1, 3) => self.pixels.repeat(3),
            (3, 1) => grey(&self.pixels),
            _ => return self,
        };
        Picture { pixels, channels, ..self }
    }

    /// The central square of this picture, resized to `size` rows and columns.
    pub(crate) fn squared(self, size: usize) -> Picture {
        if self.rows == size && self.columns == size {
            return self;
        }
        let planes = self.pixels.chunks_exact(self.rows * self.columns);
        let pixels = planes
            .flat_map(|plane| {
                let (length, square) = centre_square(plane, [self.rows, self.columns]);
                resized(&square, [length, length], [size, size], Filter::Bilinear)
            })
            .collect();
        Picture { pixels, channels: self.channels, rows: size, columns: size }
    }

    /// Prepares a picture as for the evaluation of a net trained on `ImageNet`: resizes its short
    /// side to 8/7 of `size`, bicubically, and crops the central `size` rows and columns (256 and
    /// 224 in torchvision's reference scripts, whose rounding this follows).
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "places in a picture"
    )]
    pub(crate) fn middle(self, size: usize) -> Picture {
        let (short, wide) = (self.rows.min(self.columns), size * 8 / 7);
        let to = [self.rows, self.columns].map(|length| wide * length / short);
        let start = to.map(|length| ((length - size) as f64 / 2.0).round_ties_even() as usize);
        let planes = self.pixels.chunks_exact(self.rows * self.columns);
        let pixels = planes
            .flat_map(|plane| {
                cut(
                    &resized(plane, [self.rows, self.columns], to, Filter::Bicubic),
                    to[1],
                    start,
                    size,
                )
            })
            .collect();
        Picture { pixels, channels: self.channels, rows: size, columns: size }
    }
}

/// The brightness of planes of red, green and blue by ITU-R BT.601, in Pillow's integer arithmetic.
fn grey(planes: &[u8]) -> Vec<u8> {
    let size = planes.len() / 3;
    let (red, rest) = planes.split_at(size);
    let (green, blue) = rest.split_at(size);
    let weighed = |((red, green), blue): ((&u8, &u8), &u8)| {
        let sum = u32::from(*red) * 19_595
            + u32::from(*green) * 38_470
            + u32::from(*blue) * 7_471
            + 0x8000;
        u8::try_from(sum >> 16).unwrap_or(u8::MAX)
    };
    red.iter().zip(green).zip(blue).map(weighed).collect()
}

/// Writes rows of pixels as a PNG: `samples` is 1 (grey) or 3 (red, green, blue).
#[cfg(test)]
pub(crate) fn png_of(pixels: &[u8], samples: usize, columns: u32, rows: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, columns, rows);
    encoder.set_color(if samples == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb });
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grey JPEG of 8×8 pixels of the value 128, by Pillow.
    const JPEG: &[u8] = include_bytes!("../../tests/data/grey.jpg");

    #[test]
    fn a_png_is_decoded_to_planes() {
        let picture = decoded(&png_of(&[1, 2, 3, 4, 5, 6], 3, 2, 1)).unwrap();
        assert_eq!(
            picture,
            Picture { pixels: vec![1, 4, 2, 5, 3, 6], channels: 3, rows: 1, columns: 2 }
        );
        assert_eq!(decoded(&png_of(&[7, 8], 1, 1, 2)).unwrap().pixels, [7, 8]);
    }

    #[test]
    fn the_middle_is_seven_eighths_of_the_short_side() {
        // 8/7 of 28 is 32, so 96 by 32 pixels are cropped to their middle, whose left half is
        // black.
        let half = |column: usize| if column < 192 { 0 } else { 255 };
        let pixels = (0..128).flat_map(|_| (0..384).map(half)).collect();
        let middle = Picture { pixels, channels: 1, rows: 128, columns: 384 }.middle(28);
        let row = |row: usize| &middle.pixels[row * 28..][..28];
        assert_eq!((middle.rows, middle.columns, middle.pixels.len()), (28, 28, 28 * 28));
        assert_eq!((row(0), row(27)), (row(13), row(13)));
        assert_eq!((row(0)[0], row(0)[10], row(0)[17], row(0)[27]), (0, 0, 255, 255));
    }

    #[test]
    fn a_jpeg_keeps_its_channels() {
        let picture = decoded(JPEG).unwrap();
        assert_eq!((picture.channels, picture.rows, picture.columns), (1, 8, 8));
        assert!(
            picture.pixels.iter().all(|pixel| pixel.abs_diff(128) <= 1),
            "{:?}",
            picture.pixels
        );
    }

    #[test]
    fn grey_and_colours_are_converted_to_each_other() {
        let picture = decoded(&png_of(&[255, 0, 0, 0, 255, 0], 3, 2, 1)).unwrap();
        assert_eq!(picture.with_channels(1).pixels, [76, 150]);
        let grey = decoded(&png_of(&[7, 8], 1, 2, 1)).unwrap();
        assert_eq!(grey.with_channels(3).pixels, [7, 8, 7, 8, 7, 8]);
    }

    #[test]
    fn a_wide_picture_loses_its_sides() {
        let picture = decoded(&png_of(&[9, 1, 1, 9], 1, 4, 1)).unwrap();
        assert_eq!(picture.squared(1).pixels, [1]);
    }

    #[test]
    fn damaged_pictures_are_refused() {
        let whole = png_of(&[1, 2, 3, 4, 5, 6], 3, 2, 1);
        for end in 0..whole.len() - 12 {
            assert!(decoded(&whole[..end]).is_err(), "{end} bytes");
        }
        for end in 0..JPEG.len() / 2 {
            // The decoder decides what to make of half a JPEG; it only has to return.
            let _ = decoded(&JPEG[..end]);
        }
        assert_eq!(decoded(b"GIF89a").unwrap_err().to_string(), "neither a PNG nor a JPEG file");
    }

    #[test]
    fn a_huge_picture_is_refused_by_its_header() {
        let mut bomb = png_of(&[0], 1, 1, 1);
        bomb[16..24].copy_from_slice(&[0, 0, 255, 255, 0, 0, 255, 255]);
        let checksum = crc(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&checksum.to_be_bytes());
        let error = decoded(&bomb).unwrap_err().to_string();
        assert_eq!(error, "65535×65535 pixels are more than the limit of 67108864");
    }

    /// CRC-32 of a PNG chunk.
    fn crc(bytes: &[u8]) -> u32 {
        let mut hasher = flate2::Crc::new();
        hasher.update(bytes);
        hasher.sum()
    }
}
