//! Pictures of the site as readers get them: turned as their camera says, without what else the
//! camera noted, and in smaller sizes.
//!
//! Works on bytes only. Which pictures a site has, and where pages show them, is
//! [`site`](crate::site)'s part.

use std::io::Cursor;

use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::codecs::png::{CompressionType, FilterType, PngDecoder, PngEncoder};
use image::codecs::webp::{WebPDecoder, WebPEncoder};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageResult, Limits};
use img_parts::jpeg::{Jpeg, markers};
use img_parts::png::Png;
use img_parts::webp::WebP;
use img_parts::{Bytes, ImageEXIF};

/// The part of every key of a cache that says how pictures are made. To be changed with the way.
pub(crate) const VERSION: &str = "1";

/// The most pixels of a picture that is decoded: a decompression bomb takes less than 400 MB.
const MOST_PIXELS: u64 = 1 << 26;
/// The quality of a JPEG that is turned, which should not lose anything visible.
const BEST_QUALITY: u8 = 92;

/// The formats that are read, by the first bytes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Jpeg,
    Png,
    WebP,
}

/// What the header of a picture says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Its size as it is shown, which is after it is turned.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Whether it can be made smaller: it does not move, and is not too large to be decoded.
    pub(crate) is_scalable: bool,
}

/// Whether a file may be a picture, by its name.
pub(crate) fn is_picture(path: &str) -> bool {
    let ending = crate::path::ending(path);
    ["jpg", "jpeg", "png", "webp"].iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// Reads the header; `None` if it is not a picture, or a damaged one.
pub(crate) fn header(bytes: &[u8]) -> Option<Header> {
    let is_moving = match format(bytes)? {
        Format::Jpeg => false,
        Format::Png => PngDecoder::new(Cursor::new(bytes)).ok()?.is_apng().ok()?,
        Format::WebP => WebPDecoder::new(Cursor::new(bytes)).ok()?.has_animation(),
    };
    let mut decoder = decoder(bytes)?;
    let (width, height) = decoder.dimensions();
    let is_scalable = !is_moving && u64::from(width) * u64::from(height) <= MOST_PIXELS;
    let turns = is_turned(decoder.orientation().unwrap_or(Orientation::NoTransforms));
    let (width, height) = if turns { (height, width) } else { (width, height) };
    Some(Header { width, height, is_scalable })
}

/// The same picture, turned as its camera says and without its other notes: where it was taken, when
/// and with what. `None` if it has none, so that the file can stay as it is. Pixels change only if it
/// has to be turned; the colour profile is kept.
pub(crate) fn cleaned(bytes: &[u8]) -> Option<Vec<u8>> {
    let orientation = decoder(bytes)?.orientation().unwrap_or(Orientation::NoTransforms);
    let has_pixels = header(bytes).is_some_and(|header| header.is_scalable);
    if orientation != Orientation::NoTransforms && has_pixels {
        let format = match format(bytes)? {
            Format::Jpeg => Target::Jpeg(BEST_QUALITY),
            Format::Png => Target::Png,
            Format::WebP => Target::WebP,
        };
        return Decoded::of(bytes)?.encoded(format).ok();
    }
    let whole = Bytes::copy_from_slice(bytes);
    let without = match format(bytes)? {
        Format::Jpeg => {
            let mut jpeg = Jpeg::from_bytes(whole).ok()?;
            let is_note =
                |marker: u8| [markers::APP1, markers::APP13, markers::COM].contains(&marker);
            jpeg.segments_mut().retain(|segment| !is_note(segment.marker()));
            jpeg.encoder().bytes()
        }
        Format::Png => {
            let mut png = Png::from_bytes(whole).ok()?;
            let notes = [*b"tEXt", *b"zTXt", *b"iTXt", *b"eXIf", *b"tIME"];
            png.chunks_mut().retain(|chunk| !notes.contains(&chunk.kind()));
            png.encoder().bytes()
        }
        Format::WebP => {
            let mut webp = WebP::from_bytes(whole).ok()?;
            webp.set_exif(None);
            webp.remove_chunks_by_id(*b"XMP ");
            webp.encoder().bytes()
        }
    };
    // Nothing was left out, or what the parser does not know would be lost.
    (without.len() < bytes.len() && header(&without).is_some()).then(|| without.to_vec())
}

/// What a picture is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Jpeg(u8),
    Png,
    /// Without loss.
    WebP,
}

/// The format for smaller sizes of a picture: what loses pixels anyway stays JPEG, everything else
/// becomes lossless WebP. `None` if it is not a picture.
pub(crate) fn target(bytes: &[u8], quality: u8) -> Option<Target> {
    Some(match format(bytes)? {
        Format::Jpeg => Target::Jpeg(quality),
        Format::Png | Format::WebP => Target::WebP,
    })
}

impl Target {
    /// The ending of a file's name.
    pub(crate) fn ending(self) -> &'static str {
        match self {
            Target::Jpeg(_) => "jpg",
            Target::Png => "png",
            Target::WebP => "webp",
        }
    }
}

/// A decoded picture, turned, with its colour profile.
pub(crate) struct Decoded {
    image: DynamicImage,
    profile: Option<Vec<u8>>,
}

impl Decoded {
    /// Decodes a picture; `None` if it is damaged or too large.
    pub(crate) fn of(bytes: &[u8]) -> Option<Decoded> {
        let mut decoder = decoder(bytes)?;
        decoder.set_limits(limits()).ok()?;
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let profile = decoder.icc_profile().ok().flatten();
        let mut image = DynamicImage::from_decoder(decoder).ok()?;
        image.apply_orientation(orientation);
        Some(Decoded { image, profile })
    }

    /// The picture, `width` pixels wide.
    pub(crate) fn resized(&self, width: u32) -> Decoded {
        let (from_width, from_height) = (self.image.width(), self.image.height());
        let height = u64::from(from_height) * u64::from(width) / u64::from(from_width.max(1));
        let height = u32::try_from(height).unwrap_or(u32::MAX).max(1);
        let filter = image::imageops::FilterType::Lanczos3;
        let image = self.image.resize_exact(width, height, filter);
        Decoded { image, profile: self.profile.clone() }
    }

    /// The bytes of the picture in a format. Samples of 16 bits keep their upper 8.
    pub(crate) fn encoded(&self, target: Target) -> ImageResult<Vec<u8>> {
        let mut bytes = Vec::new();
        let image = match (target, self.image.color().has_alpha()) {
            (Target::Jpeg(_), _) if self.image.color().has_color() => self.image.to_rgb8().into(),
            (Target::Jpeg(_), _) => self.image.to_luma8().into(),
            (_, true) => DynamicImage::from(self.image.to_rgba8()),
            (_, false) => self.image.to_rgb8().into(),
        };
        match target {
            Target::Jpeg(quality) => {
                let encoder = JpegEncoder::new_with_quality(&mut bytes, quality);
                self.write(encoder, &image)?;
            }
            Target::Png => {
                let (best, filter) = (CompressionType::Best, FilterType::Adaptive);
                self.write(PngEncoder::new_with_quality(&mut bytes, best, filter), &image)?;
            }
            Target::WebP => self.write(WebPEncoder::new_lossless(&mut bytes), &image)?,
        }
        Ok(bytes)
    }

    fn write(&self, mut encoder: impl ImageEncoder, image: &DynamicImage) -> ImageResult<()> {
        if let Some(profile) = &self.profile {
            // A format without profiles shows the colours as they are.
            let _ = encoder.set_icc_profile(profile.clone());
        }
        image.write_with_encoder(encoder)
    }
}

fn format(bytes: &[u8]) -> Option<Format> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some(Format::Png),
        [0xFF, 0xD8, 0xFF, ..] => Some(Format::Jpeg),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Format::WebP),
        _ => None,
    }
}

fn decoder(bytes: &[u8]) -> Option<Box<dyn ImageDecoder + '_>> {
    let cursor = Cursor::new(bytes);
    Some(match format(bytes)? {
        Format::Jpeg => Box::new(JpegDecoder::new(cursor).ok()?),
        Format::Png => Box::new(PngDecoder::with_limits(cursor, limits()).ok()?),
        Format::WebP => Box::new(WebPDecoder::new(cursor).ok()?),
    })
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_PIXELS * 8);
    limits
}

fn is_turned(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of 3 × 2 pixels: red at the top left, otherwise black.
    fn picture() -> Decoded {
        let mut image = image::RgbImage::new(3, 2);
        image.put_pixel(0, 0, image::Rgb([255, 0, 0]));
        Decoded { image: image.into(), profile: None }
    }

    /// The JPEG of a picture, 30 × 20 pixels, with an orientation and a note.
    fn photo(orientation: u8) -> Vec<u8> {
        let large = picture().image.resize_exact(30, 20, image::imageops::FilterType::Nearest);
        let bytes = Decoded { image: large, profile: None }.encoded(Target::Jpeg(90)).unwrap();
        let exif = [
            b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(),
            &[orientation, 0, 0, 0, 0, 0, 0, 0],
        ];
        let mut jpeg = Jpeg::from_bytes(bytes.into()).unwrap();
        jpeg.set_exif(Some(exif.concat().into()));
        let comment = Bytes::from_static(b"at home");
        let segment = img_parts::jpeg::JpegSegment::new_with_contents(markers::COM, comment);
        jpeg.segments_mut().insert(1, segment);
        jpeg.encoder().bytes().to_vec()
    }

    fn has(bytes: &[u8], text: &[u8]) -> bool {
        bytes.windows(text.len()).any(|window| window == text)
    }

    fn size(bytes: &[u8]) -> (u32, u32) {
        let header = header(bytes).expect("it is a picture");
        (header.width, header.height)
    }

    #[test]
    fn a_photo_is_turned_and_loses_its_notes() {
        let photo = photo(6);
        assert!(has(&photo, b"Exif") && has(&photo, b"at home"));
        assert_eq!(size(&photo), (20, 30));
        let cleaned = cleaned(&photo).expect("it is to be turned");
        assert!(!has(&cleaned, b"Exif") && !has(&cleaned, b"at home"));
        assert_eq!(size(&cleaned), (20, 30));
        let turned = Decoded::of(&cleaned).unwrap().image.to_rgb8();
        assert!(turned.get_pixel(17, 3)[0] > 200, "red is at the top right");
    }

    #[test]
    fn an_upright_photo_keeps_its_pixels() {
        let photo = photo(1);
        let cleaned = cleaned(&photo).expect("it has notes");
        assert!(!has(&cleaned, b"Exif") && !has(&cleaned, b"at home"));
        let pixels = |bytes: &[u8]| Decoded::of(bytes).unwrap().image.into_bytes();
        assert_eq!(pixels(&cleaned), pixels(&photo));
        assert_eq!(super::cleaned(&cleaned), None);
    }

    #[test]
    fn pictures_without_loss_lose_their_notes_only() {
        let mut png = Png::from_bytes(picture().encoded(Target::Png).unwrap().into()).unwrap();
        let note = img_parts::png::PngChunk::new(*b"tEXt", Bytes::from_static(b"Author\0Ann"));
        png.chunks_mut().insert(1, note);
        let png = png.encoder().bytes();
        assert!(!has(&cleaned(&png).expect("it has a note"), b"Ann"));
        let mut webp = WebP::from_bytes(picture().encoded(Target::WebP).unwrap().into()).unwrap();
        webp.set_exif(Some(Bytes::from_static(b"II*\0secret")));
        let webp = webp.encoder().bytes();
        let cleaned = cleaned(&webp).expect("it has a note");
        assert!(!has(&cleaned, b"secret"));
        assert_eq!(size(&cleaned), (3, 2));
    }

    #[test]
    fn a_picture_is_made_smaller() {
        let small = Decoded::of(&photo(1)).unwrap().resized(15);
        for target in [Target::Jpeg(80), Target::WebP] {
            assert_eq!(size(&small.encoded(target).unwrap()), (15, 10));
        }
    }

    #[test]
    fn damaged_files_are_left_alone() {
        let photo = photo(6);
        for length in 0..photo.len() {
            let _ = (header(&photo[..length]), cleaned(&photo[..length]));
        }
        assert_eq!((header(b"text"), cleaned(b"text")), (None, None));
    }
}
