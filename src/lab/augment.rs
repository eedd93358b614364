//! Random changes to a batch of images.

use labpress::recipe::image_classification::Augment;
use rand_chacha::ChaCha8Rng;
use tch::{Kind, Tensor};

use super::random;

/// Returns a batch of images (`[image, channel, row, column]`, black is 0), each changed at random.
pub(crate) fn augmented(images: Tensor, augment: &Augment, generator: &mut ChaCha8Rng) -> Tensor {
    let images = if augment.flip { flipped(&images, generator) } else { images };
    match augment.crop_padding {
        0 => images,
        padding => cropped(&images, i64::from(padding), generator),
    }
}

/// Mirrors each image left to right or leaves it, with equal chances.
fn flipped(images: &Tensor, generator: &mut ChaCha8Rng) -> Tensor {
    let is_flipped: Vec<bool> = (0..images.size()[0]).map(|_| random::below(generator, 2) == 1).collect();
    let is_flipped = Tensor::from_slice(&is_flipped).to_device(images.device()).view([-1, 1, 1, 1]);
    images.flip([3]).where_self(&is_flipped, images)
}

/// Pads every image with black and crops it back to its size at a place of its own.
fn cropped(images: &Tensor, padding: i64, generator: &mut ChaCha8Rng) -> Tensor {
    let size = images.size();
    let (count, rows, columns) = (size[0], size[2], size[3]);
    let device = images.device();
    // Two times the padding fits, since a `u32` became an `i64`.
    let places = 2 * padding as u64 + 1;
    let mut offsets = || {
        let offsets: Vec<i64> = (0..count).map(|_| random::below(generator, places) as i64).collect();
        Tensor::from_slice(&offsets).to_device(device)
    };
    let row_offsets = offsets().view([count, 1, 1]);
    let column_offsets = offsets().view([count, 1, 1]);
    let range = |length| Tensor::arange(length, (Kind::Int64, device));
    let image = range(count).view([count, 1, 1]);
    let row = row_offsets + range(rows).view([1, rows, 1]);
    let column = column_offsets + range(columns).view([1, 1, columns]);
    let padded = images.constant_pad_nd([padding, padding, padding, padding]);
    // Indexing around the channels puts them last.
    padded.index(&[Some(image), None, Some(row), Some(column)]).permute([0, 3, 1, 2]).contiguous()
}

#[cfg(test)]
mod tests {
    use super::super::random::{Purpose, generator};
    use super::*;

    fn images() -> Tensor {
        Tensor::arange_start(1, 2 * 8 * 9 + 1, (Kind::Uint8, tch::Device::Cpu)).view([8, 2, 3, 3])
    }

    fn at_step(augment: &Augment, step: u64) -> Tensor {
        augmented(images(), augment, &mut generator(7, Purpose::Augment { step }))
    }

    #[test]
    fn the_same_step_makes_the_same_changes() {
        let augment = Augment { flip: true, crop_padding: 2, ..Augment::default() };
        assert_eq!(at_step(&augment, 3), at_step(&augment, 3));
        assert_ne!(at_step(&augment, 3), at_step(&augment, 4));
    }

    #[test]
    fn a_flip_mirrors_some_images_whole_and_leaves_the_others() {
        let flipped = at_step(&Augment { flip: true, ..Augment::default() }, 0);
        let mirrored = (0..8)
            .filter(|&image| {
                let (before, after) = (images().get(image), flipped.get(image));
                assert!(after == before || after == before.flip([2]), "image {image} is neither");
                after != before
            })
            .count();
        assert!((1..8).contains(&mirrored), "{mirrored} of 8 are mirrored");
    }

    #[test]
    fn a_crop_is_a_window_of_the_padded_image() {
        let cropped = at_step(&Augment { crop_padding: 1, ..Augment::default() }, 0);
        assert_eq!(cropped.size(), images().size());
        let padded = images().constant_pad_nd([1, 1, 1, 1]);
        for image in 0..8 {
            let window = |row, column| padded.get(image).narrow(1, row, 3).narrow(2, column, 3);
            let is_window = (0..9).any(|place| window(place / 3, place % 3) == cropped.get(image));
            assert!(is_window, "image {image} is no window");
        }
        assert_ne!(cropped, images());
    }
}
