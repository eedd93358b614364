//! `{% figure EXPERIMENT artifact="…" variant="…" seed=0 %}`: an image that a run wrote.

use super::artifact;
use super::in_words;
use super::parts::{Content, File, Parts};
use super::request::Request;
use crate::diagnostic::Diagnostic;

/// How to write the tag.
pub(super) const USAGE: &str = "write `{% figure EXPERIMENT artifact=\"NAME\" variant=\"VARIANT\" \
                                seed=0 caption=\"…\" %}`";

/// Makes the parts of `{% figure EXPERIMENT artifact="…" %}`.
pub(super) fn image<'r>(request: &Request<'r>) -> Result<Parts<'r>, Diagnostic> {
    let arguments = request.arguments;
    arguments.allow_options(&["alt", "artifact", "caption", "id", "seed", "variant"])?;
    let Some(name) = request.option("artifact") else {
        let error = arguments.error_of_all("a figure needs the artifact that it shows");
        return Err(error.hint(USAGE));
    };
    let of = artifact::the_variant(request)?;
    let run = artifact::run(request, of)?;
    let committed = artifact::committed(request, name, of.variant, run.record)?;
    committed.expect_kind("image")?;
    let Some((ending, (width, height))) = format_and_size(committed.content) else {
        return Err(committed.error("it is neither a PNG nor a JPEG image"));
    };
    let subject = in_words(name);
    let of_run = format!("the run of {} with seed {}", of.variant.title, run.record.seed);
    let alternative = match request.option("alt") {
        Some(alternative) => alternative.to_owned(),
        None => format!("Image “{subject}” from {of_run}"),
    };
    Ok(Parts {
        request: *request,
        subject,
        content: Content::Image { width, height, alternative },
        note: format!("From {of_run}."),
        file: File { name: name.to_owned(), ending, bytes: committed.content.to_vec() },
        runs: vec![run],
    })
}

/// The file name extension of an image by its content, and its width and height; `None` if it is
/// neither PNG nor JPEG.
fn format_and_size(bytes: &[u8]) -> Option<(&'static str, (u32, u32))> {
    png_size(bytes).map(|size| ("png", size)).or_else(|| jpeg_size(bytes).map(|size| ("jpg", size)))
}

/// The size in the header that is the first chunk of any PNG (ISO/IEC 15948, 11.2.2).
fn png_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let header = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n")?.get(8..16)?;
    let (width, height) = header.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*width), u32::from_be_bytes(*height.first_chunk()?)))
}

/// The size in the frame header of a JPEG (ISO/IEC 10918-1, B.2.2).
fn jpeg_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut rest = bytes.strip_prefix(b"\xff\xd8")?;
    loop {
        let [0xff, marker, after @ ..] = rest else { return None };
        let length = usize::from(u16::from_be_bytes(*after.first_chunk()?));
        // SOF0 to SOF15, except three numbers that mean something else.
        let is_frame = matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc);
        if is_frame {
            let &[height_high, height_low, width_high, width_low] =
                after.get(3..7)?.first_chunk::<4>()?;
            let size = |high, low| u32::from(u16::from_be_bytes([high, low]));
            return Some((size(width_high, width_low), size(height_high, height_low)));
        }
        rest = after.get(length.max(2)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_from_headers() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x40\0\0\0\xc8\x08\x02\0\0\0";
        assert_eq!(format_and_size(png), Some(("png", (320, 200))));
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x0b\x08\0\xc8\x01\x40\x01";
        assert_eq!(format_and_size(jpeg), Some(("jpg", (320, 200))));
        for half in [&png[..20], &jpeg[..12], b"", b"<svg>", b"\xff\xd8\xff\xe0\0\0"] {
            assert_eq!(format_and_size(half), None);
        }
    }
}
