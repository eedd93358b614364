//! Draws grids of images with captions as a PNG: contact sheets of data sets, or the worst
//! predictions of a net.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use super::resize::{Filter, resized};

/// A sheet: a heading, and images in rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// The title at the top in bold; empty for none.
    pub title: String,
    /// Lines below the title; empty for none.
    pub subtitle: String,
    /// The images.
    pub rows: Vec<Row>,
}

/// A row of images.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// The heading at the left in bold, such as a class; empty for none.
    pub heading: String,
    /// Text below the heading, such as the number of images.
    pub note: String,
    /// The images.
    pub tiles: Vec<Tile>,
}

/// An image with its caption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// Its pixels, plane after plane.
    pub pixels: Vec<u8>,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Its rows.
    pub rows: usize,
    /// Its columns.
    pub columns: usize,
    /// The lines of its caption.
    pub caption: Vec<(String, Tone)>,
}

/// The meaning of a text, which determines its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Neutral.
    Plain,
    /// Less important.
    Faint,
    /// Correct.
    Good,
    /// Wrong.
    Bad,
}

impl Tone {
    fn colour(self) -> Colour {
        match self {
            Tone::Plain => INK,
            Tone::Faint => FAINT,
            Tone::Good => [0x1A, 0x7F, 0x37],
            Tone::Bad => [0xC0, 0x2B, 0x2B],
        }
    }
}

type Colour = [u8; 3];

const PAPER: Colour = [0xFF, 0xFF, 0xFF];
const INK: Colour = [0x1F, 0x23, 0x28];
const FAINT: Colour = [0x6A, 0x73, 0x7D];
const EDGE: Colour = [0xD0, 0xD7, 0xDE];

/// Pixels around the sheet and between its rows.
const MARGIN: usize = 16;
/// Pixels between tiles.
const GAP: usize = 8;
/// Height of a line of text in pixels.
const LINE: usize = 17;
/// Small images are enlarged to about this many pixels, by an integer factor so that their pixels
/// stay square.
const SMALL: usize = 72;
/// Larger images are shrunk to this many.
const LARGE: usize = 128;

/// Distributes tiles over rows of `columns`.
#[must_use]
pub fn grid(tiles: Vec<Tile>, columns: usize) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (index, tile) in tiles.into_iter().enumerate() {
        if index % columns.max(1) == 0 {
            rows.push(Row::default());
        }
        rows.last_mut().expect("one was just added").tiles.push(tile);
    }
    rows
}

impl Sheet {
    /// The sheet as a PNG.
    #[must_use]
    pub fn png(&self) -> Vec<u8> {
        self.canvas(LARGE).png()
    }

    /// The sheet as a PNG of at most `limit` bytes if possible, with fewer colours and then with
    /// smaller images.
    #[must_use]
    pub fn png_within(&self, limit: usize) -> Vec<u8> {
        let mut smallest = self.png();
        for large in [LARGE, 96, 80, 64, 48] {
            let canvas = self.canvas(large);
            for colours in [256, 128, 64] {
                if smallest.len() <= limit {
                    return smallest;
                }
                let bytes = canvas.palette_png(colours);
                if bytes.len() < smallest.len() {
                    smallest = bytes;
                }
            }
        }
        smallest
    }

    fn canvas(&self, large: usize) -> Canvas {
        let rows: Vec<Vec<Drawn<'_>>> = self
            .rows
            .iter()
            .map(|row| row.tiles.iter().map(|tile| Drawn::of(tile, large)).collect())
            .collect();
        let drawn = || rows.iter().flatten();
        let caption = drawn()
            .flat_map(|drawn| &drawn.tile.caption)
            .map(|(line, _)| width(line))
            .max()
            .unwrap_or(0);
        let widest = drawn().map(|drawn| drawn.columns).max().unwrap_or(0);
        // A caption may be half as wide again as its image; a longer one is cut.
        let cell = widest.max(caption.min((widest * 3 / 2).max(14 * width("x"))));
        let heading = self
            .rows
            .iter()
            .flat_map(|row| [width(&row.heading), width(&row.note)])
            .max()
            .unwrap_or(0);
        let indent = if heading > 0 { heading + 2 * GAP } else { 0 };

        let most = rows.iter().map(Vec::len).max().unwrap_or(0);
        let tiles_width = (most * (cell + GAP)).saturating_sub(GAP);
        let title = self.title.lines().map(|line| (line, FontWeight::Bold, INK));
        let lines =
            title.chain(self.subtitle.lines().map(|line| (line, FontWeight::Regular, FAINT)));
        let lines: Vec<(&str, FontWeight, Colour)> = lines.collect();
        let text_width = lines.iter().map(|(line, ..)| width(line)).max().unwrap_or(0);
        let columns = 2 * MARGIN + (indent + tiles_width).max(text_width);
        let heights: Vec<usize> = rows
            .iter()
            .map(|row| {
                row.iter()
                    .map(|drawn| drawn.rows + drawn.tile.caption.len() * LINE + 4)
                    .max()
                    .unwrap_or(0)
            })
            .map(|height| height.max(if heading > 0 { 2 * LINE } else { 0 }))
            .collect();
        let top = MARGIN + lines.len() * LINE + if lines.is_empty() { 0 } else { GAP };
        let height = top + heights.iter().map(|height| height + GAP).sum::<usize>() + MARGIN
            - GAP.min(MARGIN);

        let mut canvas = Canvas::blank(columns, height);
        for (number, (line, weight, colour)) in lines.into_iter().enumerate() {
            canvas.text(MARGIN, MARGIN + number * LINE, line, weight, colour);
        }
        let mut y = top;
        for ((row, drawn), height) in self.rows.iter().zip(&rows).zip(heights) {
            let tile_rows = drawn.iter().map(|drawn| drawn.rows).max().unwrap_or(0);
            let middle = y + (tile_rows / 2).saturating_sub(LINE);
            canvas.text(MARGIN, middle, &row.heading, FontWeight::Bold, INK);
            canvas.text(MARGIN, middle + LINE, &row.note, FontWeight::Regular, FAINT);
            for (index, drawn) in drawn.iter().enumerate() {
                let x = MARGIN + indent + index * (cell + GAP);
                canvas.image(x, y, drawn);
                for (number, (line, tone)) in drawn.tile.caption.iter().enumerate() {
                    let line = cut(line, cell / width("x").max(1));
                    canvas.text(
                        x,
                        y + drawn.rows + 2 + number * LINE,
                        &line,
                        FontWeight::Regular,
                        tone.colour(),
                    );
                }
            }
            y += height + GAP;
        }
        canvas
    }
}

/// A tile in the size that it is drawn in.
struct Drawn<'a> {
    tile: &'a Tile,
    pixels: Vec<u8>,
    rows: usize,
    columns: usize,
}

impl<'a> Drawn<'a> {
    fn of(tile: &'a Tile, large: usize) -> Drawn<'a> {
        let longest = tile.rows.max(tile.columns).max(1);
        let (rows, columns, pixels) = if longest > large {
            let shrunk = |length: usize| (length * large / longest).max(1);
            let (rows, columns) = (shrunk(tile.rows), shrunk(tile.columns));
            let planes = tile.pixels.chunks_exact((tile.rows * tile.columns).max(1));
            let pixels = planes.flat_map(|plane| {
                resized(plane, [tile.rows, tile.columns], [rows, columns], Filter::Bilinear)
            });
            (rows, columns, pixels.collect())
        } else {
            let times = (SMALL.min(large) / longest).max(1);
            let (rows, columns) = (tile.rows * times, tile.columns * times);
            let planes = tile.pixels.chunks_exact((tile.rows * tile.columns).max(1));
            let blown_up = |plane: &[u8]| -> Vec<u8> {
                (0..rows * columns)
                    .map(|place| {
                        plane[place / columns / times * tile.columns + place % columns / times]
                    })
                    .collect()
            };
            (rows, columns, planes.flat_map(blown_up).collect())
        };
        Drawn { tile, pixels, rows, columns }
    }

    fn colour(&self, row: usize, column: usize) -> Colour {
        let size = self.rows * self.columns;
        let place = row * self.columns + column;
        let of_channel =
            |channel: usize| self.pixels.get(channel * size + place).copied().unwrap_or(0);
        match self.tile.channels {
            3 => [of_channel(0), of_channel(1), of_channel(2)],
            _ => [of_channel(0); 3],
        }
    }
}

/// The width of a text in pixels.
fn width(text: &str) -> usize {
    text.chars().count() * get_raster_width(FontWeight::Regular, RasterHeight::Size16)
}

/// The first characters of a text, at most this many.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let start: String = text.chars().take(most.saturating_sub(2)).collect();
    format!("{}..", start.trim_end())
}

/// Pixels to draw on, red, green and blue, row by row.
struct Canvas {
    pixels: Vec<u8>,
    columns: usize,
    rows: usize,
}

impl Canvas {
    fn blank(columns: usize, rows: usize) -> Canvas {
        Canvas { pixels: PAPER.repeat(columns * rows), columns, rows }
    }

    /// The pixel at a position; `None` outside.
    fn at(&mut self, x: usize, y: usize) -> Option<&mut [u8]> {
        let is_inside = x < self.columns && y < self.rows;
        let start = (y * self.columns + x) * 3;
        if is_inside { self.pixels.get_mut(start..start + 3) } else { None }
    }

    fn set(&mut self, x: usize, y: usize, colour: Colour) {
        if let Some(pixel) = self.at(x, y) {
            pixel.copy_from_slice(&colour);
        }
    }

    fn image(&mut self, x: usize, y: usize, drawn: &Drawn<'_>) {
        for row in 0..drawn.rows {
            for column in 0..drawn.columns {
                self.set(x + column, y + row, drawn.colour(row, column));
            }
        }
        // A border of one pixel, so that the edge of a white image can be seen.
        for column in 0..drawn.columns + 2 {
            self.set(x + column - 1, y - 1, EDGE);
            self.set(x + column - 1, y + drawn.rows, EDGE);
        }
        for row in 0..drawn.rows {
            self.set(x - 1, y + row, EDGE);
            self.set(x + drawn.columns, y + row, EDGE);
        }
    }

    fn text(&mut self, x: usize, y: usize, text: &str, weight: FontWeight, colour: Colour) {
        let step = get_raster_width(weight, RasterHeight::Size16);
        for (index, letter) in text.chars().enumerate() {
            let letter = plain(letter);
            let Some(raster) = get_raster(letter, weight, RasterHeight::Size16)
                .or_else(|| get_raster('?', weight, RasterHeight::Size16))
            else {
                continue;
            };
            for (row, strengths) in raster.rows().enumerate() {
                for (column, &strength) in strengths.iter().enumerate() {
                    if let Some(pixel) = self.at(x + index * step + column, y + row) {
                        for (byte, ink) in pixel.iter_mut().zip(colour) {
                            *byte = mixed(*byte, ink, strength);
                        }
                    }
                }
            }
        }
    }

    fn png(&self) -> Vec<u8> {
        encoded(&self.pixels, self.columns, self.rows, png::ColorType::Rgb, None)
    }

    /// As a PNG of at most `colours` colours.
    fn palette_png(&self, colours: usize) -> Vec<u8> {
        let (palette, places) = palette(&self.pixels, colours);
        encoded(&places, self.columns, self.rows, png::ColorType::Indexed, Some(palette))
    }
}

/// A substitute for a letter that the font lacks.
fn plain(letter: char) -> char {
    match letter {
        '–' | '—' | '−' => '-',
        '’' | '‘' => '\'',
        '“' | '”' => '"',
        '→' => '>',
        '…' => '.',
        letter => letter,
    }
}

fn mixed(paper: u8, ink: u8, strength: u8) -> u8 {
    let (paper, ink, strength) = (u32::from(paper), u32::from(ink), u32::from(strength));
    u8::try_from((paper * (255 - strength) + ink * strength + 127) / 255).unwrap_or(u8::MAX)
}

fn encoded(
    data: &[u8],
    columns: usize,
    rows: usize,
    kind: png::ColorType,
    palette: Option<Vec<u8>>,
) -> Vec<u8> {
    let side = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side(columns), side(rows));
    encoder.set_color(kind);
    encoder.set_compression(png::Compression::High);
    let is_indexed = palette.is_some();
    encoder.set_filter(if is_indexed { png::Filter::NoFilter } else { png::Filter::Adaptive });
    if let Some(palette) = palette {
        encoder.set_palette(palette);
    }
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(data)?;
        writer.finish()
    });
    written.expect("writing to a vector cannot fail, and the data have the size in the header");
    bytes
}

/// A palette for an image by median cut: the box of colours with the widest side is halved until
/// there are enough. Also returns each pixel's index in the palette.
fn palette(pixels: &[u8], colours: usize) -> (Vec<u8>, Vec<u8>) {
    // The colours that occur, with five bits per channel, and their counts and sums.
    let key = |pixel: &[u8]| {
        (usize::from(pixel[0] >> 3) << 10)
            | (usize::from(pixel[1] >> 3) << 5)
            | usize::from(pixel[2] >> 3)
    };
    let mut bins = vec![Bin::default(); 1 << 15];
    for pixel in pixels.chunks_exact(3) {
        let bin = &mut bins[key(pixel)];
        bin.count += 1;
        for (sum, &byte) in bin.sums.iter_mut().zip(pixel) {
            *sum += u64::from(byte);
        }
    }
    let used: Vec<usize> = (0..bins.len()).filter(|&index| bins[index].count > 0).collect();
    let mut boxes: Vec<Vec<usize>> = vec![used];
    while boxes.len() < colours {
        let spread = |members: &[usize]| {
            (0..3)
                .map(|channel| {
                    let values = members.iter().map(|&index| bins[index].mean(channel));
                    let (low, high) = values
                        .fold((255, 0), |(low, high), value| (value.min(low), value.max(high)));
                    (u64::from(u8::saturating_sub(high, low)), channel)
                })
                .max()
                .unwrap_or_default()
        };
        let count = |members: &[usize]| members.iter().map(|&index| bins[index].count).sum::<u64>();
        let widest = (0..boxes.len()).max_by_key(|&index| {
            // Wide boxes first, weighted by their number of pixels.
            spread(&boxes[index]).0 * count(&boxes[index]).isqrt()
        });
        let Some(widest) = widest.filter(|&index| boxes[index].len() > 1) else { break };
        let (_, channel) = spread(&boxes[widest]);
        let mut members = std::mem::take(&mut boxes[widest]);
        members.sort_by_key(|&index| (bins[index].mean(channel), index));
        let half = count(&members) / 2;
        let mut seen = 0;
        let cut = members
            .iter()
            .position(|&index| {
                seen += bins[index].count;
                seen > half
            })
            .unwrap_or(0);
        let rest = members.split_off(cut.clamp(1, members.len() - 1));
        boxes[widest] = members;
        boxes.push(rest);
    }
    let mut palette = Vec::with_capacity(boxes.len() * 3);
    let mut place_of = vec![0_u8; 1 << 15];
    for (place, members) in boxes.iter().enumerate() {
        let all = members.iter().fold(Bin::default(), |mut all, &index| {
            all.count += bins[index].count;
            for (sum, more) in all.sums.iter_mut().zip(bins[index].sums) {
                *sum += more;
            }
            all
        });
        palette.extend((0..3).map(|channel| all.mean(channel)));
        for &index in members {
            place_of[index] = u8::try_from(place).unwrap_or(u8::MAX);
        }
    }
    (palette, pixels.chunks_exact(3).map(|pixel| place_of[key(pixel)]).collect())
}

/// Pixels of nearly the same colour.
#[derive(Clone, Copy, Default)]
struct Bin {
    count: u64,
    sums: [u64; 3],
}

impl Bin {
    fn mean(&self, channel: usize) -> u8 {
        u8::try_from(self.sums[channel] / self.count.max(1)).unwrap_or(u8::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::super::picture::decoded;
    use super::*;

    fn tile(value: u8, caption: &str) -> Tile {
        let caption = vec![(caption.to_owned(), Tone::Good)];
        Tile { pixels: vec![value; 36], channels: 1, rows: 6, columns: 6, caption }
    }

    fn sheet(tiles: Vec<Tile>) -> Sheet {
        Sheet { title: "Title".to_owned(), subtitle: String::new(), rows: grid(tiles, 3) }
    }

    #[test]
    fn small_images_are_enlarged() {
        let picture = decoded(&sheet(vec![tile(10, "a"), tile(77, "b")]).png()).unwrap();
        // 72 pixels of six each, in each of three channels. Letters may also have that grey.
        let ours: Vec<u8> = picture.pixels.iter().copied().filter(|&pixel| pixel == 77).collect();
        assert!(ours.len() >= 3 * 72 * 72);
        assert_eq!(picture.channels, 3);
    }

    #[test]
    fn tiles_are_arranged_in_rows() {
        let rows = sheet((0..7).map(|value| tile(value, "")).collect()).rows;
        assert_eq!(rows.iter().map(|row| row.tiles.len()).collect::<Vec<_>>(), [3, 3, 1]);
    }

    #[test]
    fn an_empty_sheet_is_a_valid_picture() {
        assert!(
            decoded(
                &Sheet { title: String::new(), subtitle: String::new(), rows: Vec::new() }.png()
            )
            .is_ok()
        );
        let empty =
            Tile { pixels: Vec::new(), channels: 3, rows: 0, columns: 0, caption: Vec::new() };
        assert!(decoded(&sheet(vec![empty]).png()).is_ok());
    }

    #[test]
    fn fewer_colours_make_a_smaller_file() {
        let noisy = |seed: usize| Tile {
            pixels: (0..3 * 64 * 64)
                .map(|place| blake3::hash(&(place * 31 + seed).to_le_bytes()).as_bytes()[0])
                .collect(),
            channels: 3,
            rows: 64,
            columns: 64,
            caption: Vec::new(),
        };
        let sheet = sheet((0..9).map(noisy).collect());
        let (whole, small) = (sheet.png(), sheet.png_within(50_000));
        assert!(whole.len() > 50_000 && small.len() <= 50_000, "{} {}", whole.len(), small.len());
        assert!(decoded(&small).is_ok());
    }

    #[test]
    fn few_colours_are_kept_exactly() {
        let pixels = [[255, 0, 0], [0, 255, 0], [255, 0, 0]].concat();
        let (palette, places) = palette(&pixels, 256);
        let colours: Vec<&[u8]> =
            places.iter().map(|&place| &palette[usize::from(place) * 3..][..3]).collect();
        assert_eq!(colours.concat(), pixels);
    }
}
