//! Random changes to a batch of images, and copies of it for test-time augmentation.
//!
//! All numbers are drawn on the host from the run's own generator, so that a run is the same
//! everywhere; the images stay on their device. Changes that move pixels (flips, crop, affine) are
//! combined into one map from the pixels of the new image to those of the old one, which one
//! operation applies.

use labpress::recipe::image_classification::{Augment, Tta};
use rand_chacha::ChaCha8Rng;
use tch::{IndexOp, Kind, Tensor};

use super::random;

/// The share of each colour in a grey: ITU-R BT.601, rounded as in torchvision.
const GREY: [f32; 3] = [0.2989, 0.587, 0.114];
/// The brightest value.
const WHITE: f64 = 255.0;
/// `grid_sampler`'s constants for bilinear interpolation and a border of zeros.
const BILINEAR: i64 = 0;
const ZEROS: i64 = 0;

/// Returns a batch of images (`[image, channel, row, column]`, bytes, black is 0), each changed at
/// random. The result is bytes if pixels only move by whole steps, otherwise floats in the same
/// range.
pub(crate) fn augmented(images: Tensor, augment: &Augment, generator: &mut ChaCha8Rng) -> Tensor {
    let moves = Moves::drawn(augment, &images, generator);
    let images = if is_affine(augment) {
        let maps: Vec<Map> =
            moves.iter().map(|moves| moves.map(augment, &images, generator)).collect();
        resampled(&images.to_kind(Kind::Float), &maps)
    } else if augment.flip || augment.flip_vertical || augment.crop_padding > 0 {
        moved(&images, i64::from(augment.crop_padding), &moves)
    } else {
        images
    };
    let images = recoloured(images, augment, generator);
    match augment.cutout {
        0 => images,
        side => cut_out(&images, i64::from(side), generator),
    }
}

fn is_affine(augment: &Augment) -> bool {
    [augment.rotate, augment.scale, augment.translate, augment.shear]
        .iter()
        .any(|&amount| amount != 0.0)
}

/// How an image is flipped and cropped.
#[derive(Debug, Clone, Copy, Default)]
struct Moves {
    is_flipped: bool,
    is_flipped_vertically: bool,
    /// Where the crop starts in the padded image.
    row: i64,
    column: i64,
}

impl Moves {
    fn drawn(augment: &Augment, images: &Tensor, generator: &mut ChaCha8Rng) -> Vec<Moves> {
        let mut all = vec![Moves::default(); images.size()[0] as usize];
        if augment.flip {
            for moves in &mut all {
                moves.is_flipped = random::below(generator, 2) == 1;
            }
        }
        if augment.flip_vertical {
            for moves in &mut all {
                moves.is_flipped_vertically = random::below(generator, 2) == 1;
            }
        }
        if augment.crop_padding > 0 {
            let places = 2 * u64::from(augment.crop_padding) + 1;
            for moves in &mut all {
                moves.row = random::below(generator, places) as i64;
            }
            for moves in &mut all {
                moves.column = random::below(generator, places) as i64;
            }
        }
        all
    }

    /// These moves, followed by a random affine change, as one map.
    fn map(&self, augment: &Augment, images: &Tensor, generator: &mut ChaCha8Rng) -> Map {
        let (rows, columns) = (images.size()[2] as f64, images.size()[3] as f64);
        let mut within = |most: f64| f64::from(random::symmetric(generator)) * most;
        let affine = Map::affine(Affine {
            degrees: within(augment.rotate),
            scale: 1.0 + within(augment.scale),
            shear: within(augment.shear),
            right: within(augment.translate) * columns,
            down: within(augment.translate) * rows,
        });
        let padding = i64::from(augment.crop_padding);
        let sign = |is_flipped: bool| if is_flipped { -1.0 } else { 1.0 };
        let (horizontal, vertical) = (sign(self.is_flipped), sign(self.is_flipped_vertically));
        let [[xx, xy, x], [yx, yy, y]] = affine.0;
        let (x, y) = (x + (self.column - padding) as f64, y + (self.row - padding) as f64);
        Map([
            [horizontal * xx, horizontal * xy, horizontal * x],
            [vertical * yx, vertical * yy, vertical * y],
        ])
    }
}

/// An affine change about the centre of the image: shear, scale, rotation, then a shift.
#[derive(Debug, Clone, Copy)]
struct Affine {
    /// Clockwise.
    degrees: f64,
    /// The factor by which the image grows.
    scale: f64,
    /// Degrees along the rows.
    shear: f64,
    /// Pixels.
    right: f64,
    /// Pixels.
    down: f64,
}

/// Where a pixel of the new image comes from: rows x and y, columns x, y and 1, in pixels from the
/// centre.
#[derive(Debug, Clone, Copy)]
struct Map([[f64; 3]; 2]);

impl Map {
    /// The inverse of a change, as torchvision's `affine` defines it.
    fn affine(change: Affine) -> Map {
        let (sin, cos) = change.degrees.to_radians().sin_cos();
        let tan = change.shear.to_radians().tan();
        // The change is scale × [[cos, -cos tan - sin], [sin, -sin tan + cos]], whose determinant
        // is scale².
        let (xx, xy) = ((cos - sin * tan) / change.scale, (cos * tan + sin) / change.scale);
        let (yx, yy) = (-sin / change.scale, cos / change.scale);
        let (right, down) = (change.right, change.down);
        Map([[xx, xy, -xx * right - xy * down], [yx, yy, -yx * right - yy * down]])
    }
}

/// Applies its map to each image, with bilinear interpolation. Outside the image is black.
fn resampled(images: &Tensor, maps: &[Map]) -> Tensor {
    let size = images.size();
    let (rows, columns) = (size[2] as f64, size[3] as f64);
    // `affine_grid` counts from -1 to 1 over rows and over columns.
    let numbers: Vec<f32> = maps
        .iter()
        .flat_map(|Map([[xx, xy, x], [yx, yy, y]])| {
            [*xx, xy * rows / columns, 2.0 * x / columns, yx * columns / rows, *yy, 2.0 * y / rows]
        })
        .map(|number| number as f32)
        .collect();
    let maps = Tensor::from_slice(&numbers).view([size[0], 2, 3]).to_device(images.device());
    let grid = Tensor::affine_grid_generator(&maps, size, false);
    images.grid_sampler(&grid, BILINEAR, ZEROS, false)
}

/// Pads every image with black, flips it, and crops it back to its size.
fn moved(images: &Tensor, padding: i64, moves: &[Moves]) -> Tensor {
    let size = images.size();
    let (count, channels, rows, columns) = (size[0], size[1], size[2], size[3]);
    let device = images.device();
    // A flip reads a line from its other end: the start and the direction.
    let line = |length: i64, offset: i64, is_flipped: bool| {
        if is_flipped { (length + 2 * padding - 1 - offset, -1) } else { (offset, 1) }
    };
    let lines: Vec<[i64; 4]> = moves
        .iter()
        .map(|moves| {
            let (row, row_step) = line(rows, moves.row, moves.is_flipped_vertically);
            let (column, column_step) = line(columns, moves.column, moves.is_flipped);
            [row, row_step, column, column_step]
        })
        .collect();
    let lines = Tensor::from_slice(lines.as_flattened()).view([count, 4, 1, 1]).to_device(device);
    let part = |index: i64| lines.narrow(1, index, 1);
    let range = |length: i64| Tensor::arange(length, (Kind::Int64, device));
    let row = part(0) + part(1) * range(rows).view([1, 1, rows, 1]);
    let column = part(2) + part(3) * range(columns).view([1, 1, 1, columns]);
    let (image, channel) =
        (range(count).view([count, 1, 1, 1]), range(channels).view([1, channels, 1, 1]));
    let padded =
        if padding > 0 { images.constant_pad_nd([padding; 4]) } else { images.shallow_clone() };
    padded.index(&[Some(image), Some(channel), Some(row), Some(column)])
}

/// Changes brightness, contrast and saturation of each image by its own factors, in this order, as
/// torchvision defines them for floats.
fn recoloured(images: Tensor, augment: &Augment, generator: &mut ChaCha8Rng) -> Tensor {
    let Augment { brightness, contrast, saturation, .. } = *augment;
    if brightness == 0.0 && contrast == 0.0 && saturation == 0.0 {
        return images;
    }
    let mut images = images.to_kind(Kind::Float);
    let mut factors = |amount: f64| {
        let factors =
            (0..images.size()[0]).map(|_| 1.0 + random::symmetric(generator) * amount as f32);
        Tensor::from_slice(&factors.collect::<Vec<f32>>())
            .view([-1, 1, 1, 1])
            .to_device(images.device())
    };
    let [brightness, contrast, saturation] =
        [brightness, contrast, saturation].map(|amount| (amount != 0.0).then(|| factors(amount)));
    if let Some(factor) = brightness {
        images = brightened(&images, &factor);
    }
    if let Some(factor) = contrast {
        images = contrasted(&images, &factor);
    }
    match saturation {
        Some(factor) if images.size()[1] == 3 => saturated(&images, &factor),
        _ => images,
    }
}

fn brightened(images: &Tensor, factor: &Tensor) -> Tensor {
    (images * factor).clamp(0.0, WHITE)
}

/// Moves all pixels away from, or towards, the image's mean grey.
fn contrasted(images: &Tensor, factor: &Tensor) -> Tensor {
    let mean = grey(images).mean_dim([1, 2, 3].as_slice(), true, Kind::Float);
    mean.lerp_tensor(images, factor).clamp(0.0, WHITE)
}

/// Moves all pixels away from, or towards, their grey.
fn saturated(images: &Tensor, factor: &Tensor) -> Tensor {
    grey(images).lerp_tensor(images, factor).clamp(0.0, WHITE)
}

/// The images in grey, as one channel.
fn grey(images: &Tensor) -> Tensor {
    if images.size()[1] != 3 {
        return images.mean_dim([1].as_slice(), true, Kind::Float);
    }
    let shares = Tensor::from_slice(&GREY).view([1, 3, 1, 1]).to_device(images.device());
    (images * shares).sum_dim_intlist([1].as_slice(), true, Kind::Float)
}

/// Blackens a square in each image. Its centre is anywhere in the image.
fn cut_out(images: &Tensor, side: i64, generator: &mut ChaCha8Rng) -> Tensor {
    let shape = images.size();
    let (count, rows, columns) = (shape[0], shape[2], shape[3]);
    let mut starts = |length: i64| {
        let starts = (0..count).map(|_| random::below(generator, length as u64) as i64 - side / 2);
        Tensor::from_slice(&starts.collect::<Vec<i64>>())
            .view([count, 1, 1, 1])
            .to_device(images.device())
    };
    let is_inside = |starts: &Tensor, shape: [i64; 4], length: i64| {
        let places = Tensor::arange(length, (Kind::Int64, images.device())).view(shape) - starts;
        places.ge(0).logical_and(&places.lt(side))
    };
    let (row_starts, column_starts) = (starts(rows), starts(columns));
    let in_rows = is_inside(&row_starts, [1, 1, rows, 1], rows);
    let in_columns = is_inside(&column_starts, [1, 1, 1, columns], columns);
    images.masked_fill(&in_rows.logical_and(&in_columns), 0)
}

/// How images were mixed: the loss is `share` of that for their own labels, plus the rest of that
/// for the labels of their partners.
#[derive(Debug)]
pub(crate) struct Mix {
    /// For each image of the batch, the index of the one it was mixed with.
    pub(crate) partners: Tensor,
    /// The share of the original image.
    pub(crate) share: f64,
}

/// Mixes each image of a batch of floats with another: by blending (mixup: Zhang et al. 2017, arXiv
/// 1710.09412) or by pasting a rectangle (CutMix: Yun et al. 2019, arXiv 1905.04899). `mixup` and
/// `cutmix` are the parameters of the beta distribution that the share is drawn from; if both are
/// given, each batch uses one of the two with equal probability.
pub(crate) fn mixed(
    images: Tensor,
    mixup: Option<f64>,
    cutmix: Option<f64>,
    generator: &mut ChaCha8Rng,
) -> (Tensor, Option<Mix>) {
    let is_cutmix = match (mixup, cutmix) {
        (None, None) => return (images, None),
        (Some(_), Some(_)) => random::below(generator, 2) == 1,
        (_, cutmix) => cutmix.is_some(),
    };
    let size = images.size();
    let partners = Tensor::from_slice(&random::shuffled(generator, size[0] as usize))
        .to_device(images.device());
    let others = images.index_select(0, &partners);
    let alpha = if is_cutmix { cutmix } else { mixup };
    let share = random::beta(generator, alpha.unwrap_or(1.0));
    if is_cutmix {
        let (rows, columns) = (size[2], size[3]);
        let rectangle = Rectangle::drawn(share, rows, columns, generator);
        let inside = |images: &Tensor| {
            let Rectangle { top, bottom, left, right } = rectangle;
            images.i((.., .., top..bottom, left..right))
        };
        let pasted = images.copy();
        inside(&pasted).copy_(&inside(&others));
        (pasted, Some(Mix { partners, share: 1.0 - rectangle.area() / (rows * columns) as f64 }))
    } else {
        (images.lerp(&others, 1.0 - share), Some(Mix { partners, share }))
    }
}

/// Rows from `top` to `bottom` and columns from `left` to `right`, ends excluded.
#[derive(Debug, Clone, Copy)]
struct Rectangle {
    top: i64,
    bottom: i64,
    left: i64,
    right: i64,
}

impl Rectangle {
    /// A rectangle with the image's aspect ratio and all but `share` of its area. Its centre is
    /// anywhere in the image; what is outside is cut off.
    fn drawn(share: f64, rows: i64, columns: i64, generator: &mut ChaCha8Rng) -> Rectangle {
        let side = (1.0 - share).sqrt();
        let mut range = |length: i64| {
            let half = (length as f64 * side) as i64 / 2;
            let middle = random::below(generator, length as u64) as i64;
            ((middle - half).max(0), (middle + half).min(length))
        };
        let ((top, bottom), (left, right)) = (range(rows), range(columns));
        Rectangle { top, bottom, left, right }
    }

    fn area(self) -> f64 {
        ((self.bottom - self.top) * (self.right - self.left)) as f64
    }
}

/// The copies of a batch of floats that are evaluated together: the batch itself, shifted, and
/// flipped.
pub(crate) fn views(images: &Tensor, tta: &Tta) -> Vec<Tensor> {
    let mut views = vec![images.shallow_clone()];
    if tta.shift > 0 {
        let (rows, columns) = (images.size()[2], images.size()[3]);
        let shift = i64::from(tta.shift);
        let padded = images.reflection_pad2d([shift; 4]);
        views.extend(
            [2 * shift, 0]
                .map(|start| padded.i((.., .., start..start + rows, start..start + columns))),
        );
    }
    for (is_wanted, dimension) in [(tta.flip, 3), (tta.flip_vertical, 2)] {
        if is_wanted {
            let flipped: Vec<Tensor> = views.iter().map(|view| view.flip([dimension])).collect();
            views.extend(flipped);
        }
    }
    views
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::super::random::{Purpose, generator};
    use super::*;

    fn images() -> Tensor {
        Tensor::arange_start(1, 2 * 8 * 9 + 1, (Kind::Uint8, Device::Cpu)).view([8, 2, 3, 3])
    }

    fn at_step(augment: &Augment, step: u64) -> Tensor {
        augmented(images(), augment, &mut generator(7, Purpose::Augment { step }))
    }

    /// Checks that each image became one of its `candidates`, and that some images were changed.
    #[track_caller]
    fn check_each(augment: &Augment, candidates: impl Fn(&Tensor) -> Vec<Tensor>) {
        let changed = at_step(augment, 0);
        assert_eq!(changed.size(), images().size());
        for image in 0..8 {
            let is_candidate = candidates(&images().get(image)).contains(&changed.get(image));
            assert!(is_candidate, "image {image} became {}", changed.get(image));
        }
        assert_ne!(changed, images());
    }

    fn close(found: &Tensor, expected: &Tensor, tolerance: f64) -> bool {
        f64::try_from((found - expected).abs().max()).unwrap() <= tolerance
    }

    #[test]
    fn the_same_step_makes_the_same_changes() {
        let few = Augment { flip: true, crop_padding: 2, ..Augment::default() };
        let all = Augment {
            flip: true,
            flip_vertical: true,
            crop_padding: 1,
            rotate: 10.0,
            scale: 0.1,
            translate: 0.1,
            shear: 5.0,
            brightness: 0.2,
            contrast: 0.2,
            saturation: 0.2,
            cutout: 1,
        };
        for augment in [few, all] {
            assert_eq!(at_step(&augment, 3), at_step(&augment, 3));
            assert_ne!(at_step(&augment, 3), at_step(&augment, 4));
        }
        assert_eq!(at_step(&Augment::default(), 3), images());
    }

    #[test]
    fn flips_mirror_some_images_whole_and_leave_the_others() {
        let flip = Augment { flip: true, ..Augment::default() };
        check_each(&flip, |image| vec![image.shallow_clone(), image.flip([2])]);
        let vertical = Augment { flip_vertical: true, ..Augment::default() };
        check_each(&vertical, |image| vec![image.shallow_clone(), image.flip([1])]);
        let count =
            (0..8).filter(|&image| at_step(&flip, 0).get(image) != images().get(image)).count();
        assert!((1..8).contains(&count), "{count} of 8 are mirrored");
    }

    #[test]
    fn a_crop_is_a_window_of_the_padded_and_flipped_image() {
        let windows = |image: &Tensor| {
            let padded = image.constant_pad_nd([1, 1, 1, 1]);
            (0..9)
                .map(|place| padded.narrow(1, place / 3, 3).narrow(2, place % 3, 3))
                .collect::<Vec<_>>()
        };
        check_each(&Augment { crop_padding: 1, ..Augment::default() }, windows);
        let flipped_too =
            |image: &Tensor| windows(image).into_iter().chain(windows(&image.flip([2]))).collect();
        check_each(&Augment { crop_padding: 1, flip: true, ..Augment::default() }, flipped_too);
    }

    #[test]
    fn the_identity_map_makes_the_same_moves() {
        let augment =
            Augment { flip: true, flip_vertical: true, crop_padding: 1, ..Augment::default() };
        let moves =
            Moves::drawn(&augment, &images(), &mut generator(0, Purpose::Augment { step: 0 }));
        let maps: Vec<Map> = moves
            .iter()
            .map(|moves| {
                moves.map(&augment, &images(), &mut generator(0, Purpose::Augment { step: 0 }))
            })
            .collect();
        let by_map = resampled(&images().to_kind(Kind::Float), &maps);
        assert!(close(&by_map, &moved(&images(), 1, &moves).to_kind(Kind::Float), 1e-2));
    }

    #[test]
    fn a_quarter_turn_and_a_shift_move_whole_pixels() {
        let map = |change: Affine| vec![Map::affine(change); 8];
        let images = images().to_kind(Kind::Float);
        let still = Affine { degrees: 0.0, scale: 1.0, shear: 0.0, right: 0.0, down: 0.0 };
        // Clockwise: rows become columns, the first the last.
        let turned = resampled(&images, &map(Affine { degrees: 90.0, ..still }));
        assert!(close(&turned, &images.transpose(2, 3).flip([3]), 1e-3), "{turned}");
        let shifted = resampled(&images, &map(Affine { right: 1.0, ..still }));
        assert!(
            close(&shifted, &images.constant_pad_nd([1, 0]).narrow(3, 0, 3), 1e-3),
            "{shifted}"
        );
    }

    #[test]
    fn a_cutout_blackens_a_square() {
        let cut = at_step(&Augment { cutout: 2, ..Augment::default() }, 0);
        let is_black = cut.eq(0);
        // No pixel was black before, and both channels are cut at the same place.
        assert_eq!(is_black.select(1, 0), is_black.select(1, 1));
        let counts = is_black.select(1, 0).sum_dim_intlist([1, 2].as_slice(), false, Kind::Int64);
        let counts: Vec<i64> = counts.try_into().unwrap();
        assert!(counts.iter().all(|count| [1, 2, 4].contains(count)), "{counts:?}");
        assert!(cut.eq_tensor(&images()).logical_or(&is_black).all() == Tensor::from(true));
    }

    #[test]
    fn colours_stay_between_black_and_white() {
        let augment =
            Augment { brightness: 0.9, contrast: 0.9, saturation: 0.9, ..Augment::default() };
        let images =
            Tensor::arange_start(0, 8 * 3 * 10, (Kind::Uint8, Device::Cpu)).view([8, 3, 2, 5]);
        let changed = augmented(images, &augment, &mut generator(1, Purpose::Augment { step: 0 }));
        assert!(f64::try_from(changed.min()).unwrap() >= 0.0);
        assert!(f64::try_from(changed.max()).unwrap() <= 255.0);
    }

    #[test]
    fn a_blended_image_is_the_weighted_mean_with_its_partner() {
        let images = images().to_kind(Kind::Float);
        let (faded, mix) =
            mixed(images.copy(), Some(0.4), None, &mut generator(0, Purpose::Augment { step: 0 }));
        let Mix { partners, share } = mix.expect("mixup was asked for");
        let expected = &images * share + images.index_select(0, &partners) * (1.0 - share);
        assert!((0.0..=1.0).contains(&share));
        assert!(close(&faded, &expected, 1e-3));
        assert_ne!(faded, images);
    }

    #[test]
    fn a_pasted_rectangle_has_the_area_that_the_share_says() {
        let images = Tensor::arange(4 * 2 * 100, (Kind::Float, Device::Cpu)).view([4, 2, 10, 10]);
        for step in 0..5 {
            let (pasted, mix) =
                mixed(images.copy(), None, Some(1.0), &mut generator(3, Purpose::Augment { step }));
            let Mix { partners, share } = mix.expect("cutmix was asked for");
            for image in 0..4 {
                let partner = i64::try_from(partners.get(image)).unwrap();
                if partner == image {
                    continue;
                }
                let is_own = pasted.get(image).eq_tensor(&images.get(image));
                let is_others = pasted.get(image).eq_tensor(&images.get(partner));
                assert!(is_own.logical_or(&is_others).all() == Tensor::from(true));
                let own = f64::try_from(is_own.to_kind(Kind::Double).mean(Kind::Double)).unwrap();
                assert!(
                    (own - share).abs() < 1e-6,
                    "{own} of the image is its own, {share} is said"
                );
            }
        }
    }

    #[test]
    fn by_default_nothing_is_mixed() {
        let (same, mix) =
            mixed(images(), None, None, &mut generator(0, Purpose::Augment { step: 0 }));
        assert_eq!(same, images());
        assert!(mix.is_none());
    }

    #[test]
    fn views_are_shifted_and_flipped() {
        let images = images().to_kind(Kind::Float);
        let count = |tta: &Tta| views(&images, tta).len();
        assert_eq!(count(&Tta::default()), 1);
        assert_eq!(count(&Tta { flip: true, flip_vertical: true, shift: 1 }), 12);
        let shifted = views(&images, &Tta { shift: 1, ..Tta::default() });
        // Up and left: the second row and column come first. Then down and right.
        assert_eq!(shifted[1].i((.., .., ..2, ..2)), images.i((.., .., 1.., 1..)));
        assert_eq!(shifted[2].i((.., .., 1.., 1..)), images.i((.., .., ..2, ..2)));
        let flipped = views(&images, &Tta { flip: true, ..Tta::default() });
        assert_eq!(flipped[1], images.flip([3]));
    }

    #[track_caller]
    fn check_as_torchvision(
        what: &str,
        case: &serde_json::Value,
        found: &Tensor,
        expected: &Tensor,
    ) {
        assert!(
            close(found, expected, 1e-3),
            "{what} of {case}: {found}, torchvision has {expected}"
        );
    }

    /// The numbers are torchvision's, written by `tests/reference/reference.py`.
    #[test]
    fn affine_and_colour_changes_are_those_of_torchvision() {
        let reference: serde_json::Value =
            serde_json::from_str(include_str!("../tests/reference/augmentations.json")).unwrap();
        let tensor = |value: &serde_json::Value| {
            let numbers: Vec<f32> = serde_json::from_value(value.clone()).unwrap();
            Tensor::from_slice(&numbers).view([1, -1, 6, 8])
        };
        let image = tensor(&reference["image"]);
        let number = |case: &serde_json::Value, name: &str| case[name].as_f64().unwrap();
        let affine = reference["affine"].as_array().unwrap();
        for case in affine {
            let map = Map::affine(Affine {
                degrees: number(case, "degrees"),
                scale: number(case, "scale"),
                shear: number(case, "shear"),
                right: number(case, "right"),
                down: number(case, "down"),
            });
            check_as_torchvision(
                "affine",
                case,
                &resampled(&image, &[map]),
                &tensor(&case["image"]),
            );
        }
        let colour = reference["colour"].as_array().unwrap();
        for case in colour {
            let factor = Tensor::from_slice(&[number(case, "factor") as f32]).view([1, 1, 1, 1]);
            let grey_image = image.narrow(1, 0, 1);
            for (name, found) in [
                ("brightness", brightened(&image, &factor)),
                ("contrast", contrasted(&image, &factor)),
                ("contrast-of-grey", contrasted(&grey_image, &factor)),
                ("saturation", saturated(&image, &factor)),
            ] {
                check_as_torchvision(name, case, &found, &tensor(&case[name]));
            }
        }
        assert_eq!((affine.len(), colour.len()), (7, 3));
    }
}
