//! Draws SVG as PNG, for where SVG is not shown: in feed readers, in mail and on social cards.
//!
//! Text is drawn with fonts of the program, or of the site, and never with those of the system, so
//! that the same SVG gives the same bytes on every machine.

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb::Database};

/// The part of every key of a cache that says how pictures are drawn. To be changed with the
/// drawing.
pub(crate) const VERSION: &str = "1";

/// Inter, subset to Latin, Greek and Cyrillic letters: `Inter-LICENSE.txt`.
const INTER: [&[u8]; 2] = [include_bytes!("Inter-400.ttf"), include_bytes!("Inter-600.ttf")];
/// The family of the program's fonts.
pub(crate) const FAMILY: &str = "Inter";
/// The widest and highest picture in pixels.
const MOST_PIXELS: f32 = 8_192.0;

/// The fonts that text is drawn with.
#[derive(Debug, Clone)]
pub(crate) struct Fonts(Arc<Database>);

impl Fonts {
    /// The fonts of the program.
    pub(crate) fn built_in() -> Fonts {
        static FONTS: LazyLock<Fonts> = LazyLock::new(|| Fonts::with(&[]));
        FONTS.clone()
    }

    /// The fonts of the program and others, which are used for what the program's lack. Those that
    /// cannot be read are left out.
    pub(crate) fn with(others: &[Vec<u8>]) -> Fonts {
        let mut fonts = Database::new();
        for font in INTER {
            fonts.load_font_data(font.to_vec());
        }
        for font in others {
            fonts.load_font_data(font.clone());
        }
        for set in [Database::set_sans_serif_family, Database::set_serif_family] {
            set(&mut fonts, FAMILY);
        }
        Fonts(Arc::new(fonts))
    }

    /// The characters of the text that no font has.
    pub(crate) fn missing(&self, text: &str) -> Vec<char> {
        let mut missing: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
        missing.sort_unstable();
        missing.dedup();
        for face in self.0.faces() {
            self.0.with_face_data(face.id, |data, index| {
                let Ok(font) = skrifa::FontRef::from_index(data, index) else { return };
                let map = skrifa::MetadataProvider::charmap(&font);
                missing.retain(|c| map.map(*c).is_none());
            });
        }
        missing
    }

    /// How wide the text is at a font size of 1, in the program's semibold font.
    pub(crate) fn width(&self, text: &str) -> f32 {
        let mut width = 0.0;
        let widest = self.0.faces().filter(|face| face.weight.0 >= 600).chain(self.0.faces());
        let faces: Vec<_> = widest.map(|face| face.id).collect();
        for c in text.chars() {
            let advance = faces.iter().find_map(|id| {
                self.0.with_face_data(*id, |data, index| {
                    let font = skrifa::FontRef::from_index(data, index).ok()?;
                    let glyph = skrifa::MetadataProvider::charmap(&font).map(c)?;
                    let size = skrifa::instance::Size::new(1.0);
                    let location = skrifa::instance::LocationRef::default();
                    let metrics = skrifa::MetadataProvider::glyph_metrics(&font, size, location);
                    metrics.advance_width(glyph)
                })?
            });
            width += advance.unwrap_or(1.0);
        }
        width
    }
}

/// The drawing as a PNG that is `width` pixels wide, without transparency. An error is a phrase.
pub(crate) fn png(svg: &str, width: u32, fonts: &Fonts) -> Result<Vec<u8>, String> {
    let options =
        Options { font_family: FAMILY.to_owned(), fontdb: fonts.0.clone(), ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(|error| error.to_string())?;
    let size = tree.size();
    let scale = width as f32 / size.width();
    let height = (size.height() * scale).round();
    if width as f32 > MOST_PIXELS || !(1.0..=MOST_PIXELS).contains(&height) {
        return Err(format!("it would be {width} × {height} pixels"));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    let mut pixels = Pixmap::new(width, height as u32).ok_or("it has no pixels")?;
    pixels.fill(resvg::tiny_skia::Color::WHITE);
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    encoded(&pixels).map_err(|error| error.to_string())
}

fn encoded(pixels: &Pixmap) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, pixels.width(), pixels.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header()?;
    let rgb: Vec<u8> =
        pixels.data().chunks_exact(4).flat_map(|pixel| &pixel[..3]).copied().collect();
    writer.write_image_data(&rgb)?;
    writer.finish()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_becomes_a_picture_with_text() {
        let svg = |text: &str| {
            format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 40 20\"><text y=\"15\">\
                 {text}</text></svg>"
            )
        };
        let of = |text| png(&svg(text), 80, &Fonts::built_in()).expect("it can be drawn");
        assert_eq!(of("a"), of("a"));
        assert_ne!(of("a"), of("b"));
        let decoded = png::Decoder::new(std::io::Cursor::new(of("a"))).read_info();
        let info = decoded.expect("it is a PNG").info().clone();
        assert_eq!((info.width, info.height), (80, 40));
        assert!(png("<svg", 80, &Fonts::built_in()).is_err());
    }

    #[test]
    fn letters_without_a_glyph_are_known() {
        assert_eq!(Fonts::built_in().missing("Größe ± 2 % → Ω Ж"), Vec::<char>::new());
        assert_eq!(Fonts::built_in().missing("a 中 b"), ['中']);
    }
}
