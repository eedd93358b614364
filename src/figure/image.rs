//! `{% figure EXPERIMENT artifact="…" variant="…" seed=0 %}`: an image that a run made.

use super::arguments::Arguments;
use super::artifact;
use super::complete;
use super::html::{escaped, id_attribute};
use super::provenance::provenance;
use super::{Figure, Undrawn};
use crate::experiment::results::Results;
use kramdown::embed::Embed;

/// Makes the figure of the tag `figure`.
pub(super) fn image(
    arguments: &Arguments<'_>,
    results: &Results<'_>,
    base_url: &str,
) -> Result<Figure, Undrawn> {
    arguments.allow_options(&["alt", "artifact", "caption", "id", "seed", "variant"])?;
    let usage = "write `{% figure EXPERIMENT artifact=\"NAME\" variant=\"VARIANT\" seed=0 caption=\"…\" %}`";
    let of_experiment = match arguments.words() {
        [experiment] => complete(arguments, *experiment, results)?,
        [_, more, ..] => {
            return Err(arguments
                .error(*more, format!("`{}` is one word too many", more.text))
                .hint(usage)
                .into());
        }
        [] => {
            return Err(arguments.error_of_all("a figure needs an experiment").hint(usage).into());
        }
    };
    let Some(name) = arguments.option("artifact") else {
        return Err(arguments
            .error_of_all("a figure needs the artifact that it shows")
            .hint(usage)
            .into());
    };
    let of = artifact::the_variant(arguments, of_experiment)?;
    let record = artifact::record(arguments, of, of_experiment)?;
    let committed = artifact::committed(arguments, name.text, (of.variant, record), results)?;
    committed.expect_kind(arguments, &["image"])?;
    let Some((ending, (width, height))) = format_and_size(committed.content) else {
        return Err(committed.error(arguments, "it is neither a PNG nor a JPEG image").into());
    };

    let run = format!("the run of {} with seed {}", of.variant.title, record.seed);
    let caption = arguments.option("caption").map_or_else(
        || format!("{}: {}", of_experiment.experiment.title, super::in_words(name.text)),
        |caption| caption.text.to_owned(),
    );
    let alternative = match arguments.option("alt") {
        Some(alternative) => alternative.text.to_owned(),
        None => format!("Image “{}” from {run}", super::in_words(name.text)),
    };
    let experiment = of_experiment.experiment.name.as_str();
    let path = format!(
        "figures/{experiment}/{}-{}.{ending}",
        name.text,
        committed.artifact.digest.short()
    );
    let shown = artifact::of_run(of, record);
    let note = format!("From {run}.") + &provenance(&[&shown]);
    let html = format!(
        "<div class=\"labpress-figure\"{}>\n<figure>\n\
         <img class=\"labpress-image\" src=\"{}/{}\" width=\"{width}\" height=\"{height}\" alt=\"{}\" loading=\"lazy\">\n\
         <figcaption>{}<br><span class=\"labpress-note\">{}</span></figcaption>\n</figure>\n</div>",
        id_attribute(arguments.option("id").map(|id| id.text)),
        escaped(base_url.trim_end_matches('/')),
        escaped(&path),
        escaped(&alternative),
        escaped(&caption),
        escaped(&note),
    );
    let bytes = committed.content.to_vec();
    Ok(Figure { embed: Embed { html, text: caption, block: true }, files: vec![(path, bytes)] })
}

/// The ending of an image's file by its content, and its width and height; `None` if it is no PNG
/// or JPEG.
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
        // SOF0 to SOF15; three of those numbers mean something else.
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
