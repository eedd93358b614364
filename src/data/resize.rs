//! Resizes images as Pillow and torchvision do: bilinear or bicubic, with antialiasing.
//!
//! When an image shrinks, the filter is widened to cover all pixels that fall into one; without
//! that, fine lines such as cracks would appear or vanish depending on their position. Weights are
//! integers of 22 bits, and sums are rounded to bytes after each direction, rows first, so that the
//! result is bit-identical to Pillow's.

/// Fractional bits of a weight: the weighted sum of bytes does not overflow.
const PRECISION: u32 = 32 - 8 - 2;

/// How a pixel is computed from those around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filter {
    Bilinear,
    /// Keys' cubic convolution with a = -0.5.
    Bicubic,
}

impl Filter {
    /// How far it reaches to each side, in pixels.
    fn support(self) -> f64 {
        match self {
            Filter::Bilinear => 1.0,
            Filter::Bicubic => 2.0,
        }
    }

    /// The weight of a pixel at this distance, below the support.
    fn weight(self, distance: f64) -> f64 {
        let x = distance.abs();
        match self {
            Filter::Bilinear => (1.0 - x).max(0.0),
            Filter::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Filter::Bicubic if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            Filter::Bicubic => 0.0,
        }
    }
}

/// Resizes a plane of `rows` × `columns` bytes to `to_rows` × `to_columns`.
pub(crate) fn resized(
    plane: &[u8],
    [rows, columns]: [usize; 2],
    [to_rows, to_columns]: [usize; 2],
    filter: Filter,
) -> Vec<u8> {
    let narrow = if columns == to_columns {
        plane.to_vec()
    } else {
        let weights = Weights::of(columns, to_columns, filter);
        let mut narrow = Vec::with_capacity(rows * to_columns);
        for row in plane.chunks_exact(columns.max(1)) {
            narrow.extend(weights.outputs().map(|(first, weights)| {
                let inputs = &row[first..first + weights.len()];
                byte(
                    inputs
                        .iter()
                        .zip(weights)
                        .map(|(&input, &weight)| i32::from(input) * weight)
                        .sum(),
                )
            }));
        }
        narrow
    };
    if rows == to_rows {
        return narrow;
    }
    let weights = Weights::of(rows, to_rows, filter);
    let mut resized = Vec::with_capacity(to_rows * to_columns);
    let mut sums = vec![0; to_columns];
    for (first, weights) in weights.outputs() {
        sums.fill(0);
        for (row, &weight) in narrow[first * to_columns..].chunks_exact(to_columns).zip(weights) {
            for (sum, &input) in sums.iter_mut().zip(row) {
                *sum += i32::from(input) * weight;
            }
        }
        resized.extend(sums.iter().map(|&sum| byte(sum)));
    }
    resized
}

/// The central square of a plane: its side and its bytes.
pub(crate) fn centre_square(plane: &[u8], [rows, columns]: [usize; 2]) -> (usize, Vec<u8>) {
    let side = rows.min(columns);
    (side, cut(plane, columns, [(rows - side) / 2, (columns - side) / 2], side))
}

/// The square of `side` rows and columns that begins at this row and column.
pub(crate) fn cut(plane: &[u8], columns: usize, [top, left]: [usize; 2], side: usize) -> Vec<u8> {
    let rows = plane.chunks_exact(columns.max(1)).skip(top).take(side);
    rows.flat_map(|row| &row[left..left + side]).copied().collect()
}

/// A sum of weighted bytes, rounded to a byte.
#[expect(clippy::cast_sign_loss, reason = "it is clamped to the range of a byte")]
fn byte(sum: i32) -> u8 {
    ((sum + (1 << (PRECISION - 1))) >> PRECISION).clamp(0, 255) as u8
}

/// For each output, its inputs and their weights.
struct Weights {
    firsts: Vec<(usize, usize)>,
    weights: Vec<i32>,
}

impl Weights {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "places in an image and weights of at most 22 bits"
    )]
    fn of(length: usize, to_length: usize, filter: Filter) -> Weights {
        let scale = length as f64 / to_length as f64;
        // Filters are widened, never narrowed.
        let wide = scale.max(1.0);
        let support = filter.support() * wide;
        let (mut firsts, mut weights) = (Vec::with_capacity(to_length), Vec::new());
        for output in 0..to_length {
            let centre = (output as f64 + 0.5) * scale;
            let first = (centre - support + 0.5).max(0.0) as usize;
            let end = ((centre + support + 0.5) as usize).min(length);
            let weight = |input: usize| filter.weight((input as f64 - centre + 0.5) / wide);
            let sum: f64 = (first..end).map(weight).sum();
            let fixed = |input| (weight(input) / sum * f64::from(1 << PRECISION)).round() as i32;
            weights.extend((first..end).map(fixed));
            firsts.push((first, end - first));
        }
        Weights { firsts, weights }
    }

    fn outputs(&self) -> impl Iterator<Item = (usize, &[i32])> {
        let mut rest = &self.weights[..];
        self.firsts.iter().map(move |&(first, count)| {
            let (weights, others) = rest.split_at(count);
            rest = others;
            (first, weights)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pattern with edges, slopes and single dots.
    fn pattern(rows: usize, columns: usize) -> Vec<u8> {
        let pixel = |place: usize| {
            ((place / columns) * 37 + (place % columns) * 101 + place * place % 7 * 29) % 256
        };
        (0..rows * columns).map(|place| u8::try_from(pixel(place)).unwrap()).collect()
    }

    // Pillow's results for the pattern, from `tests/reference/resize.py`.
    const SHRUNK: [u8; 6] = [139, 135, 152, 144, 167, 149];
    const SHRUNK_BICUBIC: [u8; 6] = [135, 138, 157, 142, 168, 147];
    const GROWN: [u8; 20] =
        [0, 52, 130, 89, 62, 24, 73, 147, 101, 71, 71, 114, 180, 126, 90, 95, 135, 196, 138, 99];
    const GROWN_BICUBIC: [u8; 20] =
        [0, 41, 124, 88, 54, 18, 67, 144, 102, 64, 69, 117, 182, 128, 85, 95, 143, 202, 142, 95];

    #[track_caller]
    fn check(from: [usize; 2], to: [usize; 2], filter: Filter, expected: &[u8]) {
        assert_eq!(resized(&pattern(from[0], from[1]), from, to, filter), expected);
    }

    #[test]
    fn an_image_shrinks_as_in_pillow() {
        check([7, 5], [3, 2], Filter::Bilinear, &SHRUNK);
        check([7, 5], [3, 2], Filter::Bicubic, &SHRUNK_BICUBIC);
    }

    #[test]
    fn an_image_grows_as_in_pillow() {
        check([2, 3], [4, 5], Filter::Bilinear, &GROWN);
        check([2, 3], [4, 5], Filter::Bicubic, &GROWN_BICUBIC);
    }

    #[test]
    fn an_image_of_one_colour_keeps_it() {
        for filter in [Filter::Bilinear, Filter::Bicubic] {
            for to in [1, 2, 3, 64, 100] {
                let found = resized(&[255; 900], [30, 30], [to, to], filter);
                assert!(found.iter().all(|&pixel| pixel == 255), "{filter:?} {to}");
            }
        }
    }

    #[test]
    fn the_middle_is_cropped() {
        assert_eq!(centre_square(&[1, 2, 3, 4, 5, 6, 7, 8], [2, 4]), (2, vec![2, 3, 6, 7]));
        assert_eq!(centre_square(&[1, 2, 3], [3, 1]), (1, vec![2]));
    }
}
