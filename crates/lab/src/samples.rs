//! Selects the images that a run trains, validates and tests on, and stores them on the device.

use anyhow::{bail, ensure};
use labpress::data::images::Images;
use labpress::recipe::image_classification::{ClassWeights, Params};
use tch::{Device, Kind, Tensor};

use super::random::{Purpose, generator, shuffled};

/// Indices of images in the training split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// To train on.
    pub(crate) train: Vec<usize>,
    /// To validate on.
    pub(crate) valid: Vec<usize>,
}

/// Shuffles the training split by the seed. Images are held out from its end: of each class in
/// proportion to its share, or whole groups if images come in groups that must stay together. The
/// first of the rest are trained on.
pub(crate) fn chosen(
    images: &Images,
    classes: usize,
    params: &Params,
    seed: u64,
) -> anyhow::Result<Chosen> {
    let count = images.labels.len();
    let valid = params.valid_images.map_or(count.div_ceil(10), |images| images as usize);
    let is_enough = count.saturating_sub(valid) >= 2;
    ensure!(
        is_enough,
        "`valid-images` sets {valid} images aside, but the training split has only {count}; \
         lower it"
    );
    let order = shuffled(&mut generator(seed, Purpose::Split), count);
    let order: Vec<usize> = order.into_iter().map(|index| index as usize).collect();
    let is_aside = match &images.groups {
        Some(groups) => set_aside_by_groups(&order, groups, valid),
        None => set_aside_by_class(&order, &images.labels, classes, valid),
    };
    let (valid, mut train): (Vec<usize>, Vec<usize>) =
        order.iter().partition(|&&index| is_aside[index]);
    ensure!(
        train.len() >= 2,
        "only {} images are left to learn from; lower `valid-images`",
        train.len()
    );
    if let Some(wanted) = params.train_images {
        let (wanted, left) = (wanted as usize, train.len());
        ensure!(
            wanted <= left,
            "`train-images` is {wanted}, but the training split has {count} images, of which {} \
             are set aside; at most \
             {left} are left",
            valid.len(),
        );
        train.truncate(wanted);
    }
    if let Some(wanted) = params.labels_per_class {
        train = first_of_each_class(&train, &images.labels, classes, wanted as usize)?;
    }
    Ok(Chosen { train, valid })
}

/// Marks the last images of each class, in proportion to its share of `wanted` (by the largest
/// remainders).
fn set_aside_by_class(order: &[usize], labels: &[u16], classes: usize, wanted: usize) -> Vec<bool> {
    let mut left = vec![0_usize; classes];
    for &label in labels {
        left[usize::from(label)] += 1;
    }
    let total = labels.len();
    let mut quotas: Vec<usize> = left.iter().map(|count| count * wanted / total).collect();
    let mut by_remainder: Vec<usize> = (0..classes).collect();
    by_remainder.sort_by_key(|&class| std::cmp::Reverse(left[class] * wanted % total));
    let missing = wanted - quotas.iter().sum::<usize>();
    by_remainder.into_iter().take(missing).for_each(|class| quotas[class] += 1);
    let mut is_aside = vec![false; total];
    for &index in order.iter().rev() {
        let quota = &mut quotas[usize::from(labels[index])];
        if *quota > 0 {
            *quota -= 1;
            is_aside[index] = true;
        }
    }
    is_aside
}

/// Marks the images of the last groups until there are at least `wanted`.
fn set_aside_by_groups(order: &[usize], groups: &[u32], wanted: usize) -> Vec<bool> {
    let mut is_aside = vec![false; groups.len()];
    let mut marked = 0;
    for &last in order.iter().rev() {
        if marked >= wanted {
            break;
        }
        if !is_aside[last] {
            for index in (0..groups.len()).filter(|&index| groups[index] == groups[last]) {
                is_aside[index] = true;
                marked += 1;
            }
        }
    }
    is_aside
}

/// The first `wanted` images of each class, in their order.
fn first_of_each_class(
    train: &[usize],
    labels: &[u16],
    classes: usize,
    wanted: usize,
) -> anyhow::Result<Vec<usize>> {
    let mut found = vec![0; classes];
    let is_wanted = |&index: &usize| {
        let found: &mut usize = &mut found[usize::from(labels[index])];
        *found += 1;
        *found <= wanted
    };
    let first: Vec<usize> = train.iter().copied().filter(is_wanted).collect();
    if let Some(class) = found.iter().position(|&found| found < wanted) {
        bail!(
            "`labels-per-class` is {wanted}, but of class {class} only {} images are left; lower it",
            found[class]
        );
    }
    Ok(first)
}

/// Inputs and labels, on the device.
#[derive(Debug)]
pub(crate) struct Samples {
    pub(crate) inputs: Inputs,
    /// `[image]`, as 64-bit numbers.
    pub(crate) labels: Tensor,
}

/// The input of the trained part of a net.
#[derive(Debug)]
pub(crate) enum Inputs {
    /// Images as bytes, `[image, channel, row, column]`, for the whole net.
    Images(Tensor),
    /// The features of images, computed by the body of a net, as floats, `[image, feature]`, for
    /// its head.
    Features(Tensor),
}

/// Returns the images at `indices` as bytes, `[image, channel, row, column]`.
pub(crate) fn pixels(images: &Images, indices: &[usize], device: Device) -> Tensor {
    let shape =
        [indices.len(), images.channels, images.rows, images.columns].map(|length| length as i64);
    let pixels = images.gathered(indices.iter().copied());
    Tensor::from_data_size(&pixels, &shape, Kind::Uint8).to_device(device)
}

impl Samples {
    /// The images at `indices`.
    pub(crate) fn of(images: &Images, indices: &[usize], device: Device) -> Samples {
        let label = |&index: &usize| images.labels.get(index).map_or(0, |&label| i64::from(label));
        let labels: Vec<i64> = indices.iter().map(label).collect();
        Samples {
            inputs: Inputs::Images(pixels(images, indices, device)),
            labels: Tensor::from_slice(&labels).to_device(device),
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.labels.numel()
    }

    /// The same images with `size` rows and columns, resized bilinearly with antialiasing. Features
    /// have no size and stay as they are.
    pub(crate) fn resized(&self, size: u32) -> Samples {
        let to = [i64::from(size); 2];
        let resize = |part: &Tensor| {
            let resized =
                part.to_kind(Kind::Float).internal_upsample_bilinear2d_aa(to, false, None, None);
            resized.round().clamp(0.0, 255.0).to_kind(Kind::Uint8)
        };
        let inputs = match &self.inputs {
            Inputs::Images(images) => {
                let parts: Vec<Tensor> = images.split(1024, 0).iter().map(resize).collect();
                Inputs::Images(Tensor::cat(&parts, 0))
            }
            Inputs::Features(features) => Inputs::Features(features.shallow_clone()),
        };
        Samples { inputs, labels: self.labels.shallow_clone() }
    }

    /// The weight of each class, `[class]`; `None` if all count the same. A class without images
    /// has weight 0.
    pub(crate) fn class_weights(&self, weights: ClassWeights, classes: usize) -> Option<Tensor> {
        match weights {
            ClassWeights::None => None,
            ClassWeights::Balanced => {
                let counts =
                    self.labels.bincount(None::<Tensor>, classes as i64).to_kind(Kind::Float);
                let weights = (&counts * classes as f64).reciprocal() * self.count() as f64;
                Some(weights.where_self(&counts.gt(0), &counts))
            }
        }
    }
}

/// How bytes are converted to the inputs of a net: `(byte - mean) / deviation`, by channel.
#[derive(Debug)]
pub(crate) struct Scale {
    /// `[1, channel, 1, 1]`.
    mean: Tensor,
    deviation: Tensor,
}

impl Scale {
    /// The numbers that a net was trained with.
    pub(crate) fn given((mean, deviation): (f64, f64), device: Device) -> Scale {
        Scale::by_channel(&[(mean, deviation)], device)
    }

    /// Mean and standard deviation of the training images; summed as whole numbers, so that they
    /// are exact in any order.
    pub(crate) fn of(images: &Images, indices: &[usize], device: Device) -> Scale {
        let plane = images.rows * images.columns;
        let count = (indices.len() * plane) as f64;
        let of_channel = |channel: usize| {
            let (mut sum, mut squares) = (0_u64, 0_u64);
            for &index in indices {
                for &pixel in &images.image(index)[channel * plane..(channel + 1) * plane] {
                    sum += u64::from(pixel);
                    squares += u64::from(u32::from(pixel) * u32::from(pixel));
                }
            }
            let mean = sum as f64 / count;
            let variance = squares as f64 / count - mean * mean;
            // Images of a single colour have no deviation.
            (mean, if variance > 0.0 { variance.sqrt() } else { 1.0 })
        };
        let channels: Vec<(f64, f64)> = (0..images.channels).map(of_channel).collect();
        Scale::by_channel(&channels, device)
    }

    fn by_channel(channels: &[(f64, f64)], device: Device) -> Scale {
        let tensor = |number: fn(&(f64, f64)) -> f64| {
            let numbers: Vec<f32> = channels.iter().map(|channel| number(channel) as f32).collect();
            Tensor::from_slice(&numbers).view([1, -1, 1, 1]).to_device(device)
        };
        Scale { mean: tensor(|channel| channel.0), deviation: tensor(|channel| channel.1) }
    }

    pub(crate) fn normalized(&self, pixels: &Tensor) -> Tensor {
        (pixels.to_kind(Kind::Float) - &self.mean) / &self.deviation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(labels: &[u16], groups: Option<Vec<u32>>) -> Images {
        let pixels: Vec<u8> = (0_u8..).take(labels.len() * 2).collect();
        Images {
            pixels: pixels.into(),
            labels: labels.to_vec(),
            ids: None,
            groups,
            channels: 1,
            rows: 1,
            columns: 2,
        }
    }

    fn count_by_class(chosen: &[usize], labels: &[u16], classes: u16) -> Vec<usize> {
        (0..classes)
            .map(|class| chosen.iter().filter(|&&index| labels[index] == class).count())
            .collect()
    }

    #[test]
    fn images_are_held_out_in_proportion_to_their_classes() {
        let labels: Vec<u16> = (0..100).map(|index| u16::from(index % 4 == 0)).collect();
        let params = Params { valid_images: Some(10), train_images: Some(50), ..Params::default() };
        let Chosen { train, valid } = chosen(&images(&labels, None), 2, &params, 7).unwrap();
        // 7.5 and 2.5: the first class of equal remainders has one more.
        assert_eq!(count_by_class(&valid, &labels, 2), [8, 2]);
        assert_eq!(train.len(), 50);
        assert!(train.iter().all(|index| !valid.contains(index)));
        let other = chosen(&images(&labels, None), 2, &params, 8).unwrap();
        assert_ne!(other.train, train);
    }

    #[test]
    fn a_number_of_labels_of_each_class_is_taken() {
        let labels: Vec<u16> = (0..60).map(|index| index % 3).collect();
        let params = Params { labels_per_class: Some(5), ..Params::default() };
        let Chosen { train, .. } = chosen(&images(&labels, None), 3, &params, 1).unwrap();
        assert_eq!(count_by_class(&train, &labels, 3), [5, 5, 5]);
        let params = Params { labels_per_class: Some(19), ..Params::default() };
        let error = chosen(&images(&labels, None), 3, &params, 1).unwrap_err().to_string();
        let expected = "`labels-per-class` is 19, but of class 0 only 18 images are left; lower it";
        assert_eq!(error, expected);
    }

    #[test]
    fn groups_stay_together() {
        let groups: Vec<u32> = (0..60).map(|index| index / 6).collect();
        let params = Params { valid_images: Some(10), ..Params::default() };
        let Chosen { train, valid } =
            chosen(&images(&[0; 60], Some(groups.clone())), 1, &params, 3).unwrap();
        assert_eq!(valid.len(), 12);
        assert!(
            train.iter().all(|&index| valid.iter().all(|&other| groups[index] != groups[other]))
        );
    }

    #[test]
    fn a_scale_makes_mean_zero_and_deviation_one() {
        let images = images(&[0, 1, 2], None);
        let scale = Scale::of(&images, &[0, 1], Device::Cpu);
        let normalized = scale.normalized(&Tensor::from_slice(&[0_u8, 1, 2, 3]).view([2, 1, 1, 2]));
        assert!(f64::try_from(normalized.mean(Kind::Float)).unwrap().abs() < 1e-6);
        assert!((f64::try_from(normalized.std(false)).unwrap() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn rare_classes_count_more() {
        let samples = Samples::of(&images(&[0, 0, 0, 1], None), &[0, 1, 2, 3], Device::Cpu);
        let weights = samples.class_weights(ClassWeights::Balanced, 3).unwrap();
        let expected = Tensor::from_slice(&[4.0_f32 / 9.0, 4.0 / 3.0, 0.0]);
        assert!(f64::try_from((weights - expected).abs().max()).unwrap() < 1e-6);
        assert!(samples.class_weights(ClassWeights::None, 3).is_none());
    }
}
