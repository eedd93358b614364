//! Random changes to images.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Random changes to each training image, drawn anew every epoch from the run's seed. They are
/// applied in this order, except that shear, scale, rotation and shift are one transformation;
/// pixels from outside the image are black.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Augment {
    /// Mirrors half of the images left to right.
    pub flip: bool,
    /// Mirrors half of the images top to bottom.
    pub flip_vertical: bool,
    /// Pads by this many black pixels on each side, then crops back at a random place (He et al.
    /// 2015, arXiv 1512.03385).
    pub crop_padding: u32,
    /// Turns by up to this many degrees either way.
    pub rotate: f64,
    /// Makes larger or smaller by up to this share: 0.1 is from 0.9 to 1.1 times.
    pub scale: f64,
    /// Shifts by up to this share of the image's rows and columns.
    pub translate: f64,
    /// Shears by up to this many degrees along the rows.
    pub shear: f64,
    /// Multiplies all pixels by up to this share more or less.
    pub brightness: f64,
    /// Multiplies the distance of all pixels from the image's mean by up to this share more or
    /// less.
    pub contrast: f64,
    /// Multiplies the distance of all pixels from their grey by up to this share more or less. Grey
    /// images stay the same.
    pub saturation: f64,
    /// Blackens a square with sides of this many pixels at a random place, possibly partly outside
    /// the image (DeVries and Taylor 2017, arXiv 1708.04552).
    pub cutout: u32,
}

/// Test-time augmentation: an image's probabilities are the mean over the image and its modified
/// copies (Krizhevsky et al. 2012 did so with flips and crops).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Tta {
    /// With the image mirrored left to right.
    pub flip: bool,
    /// With the image mirrored top to bottom.
    pub flip_vertical: bool,
    /// With the image shifted by this many pixels up and left, and down and right, the border
    /// repeated by mirroring (Jordan 2024, arXiv 2404.00498).
    pub shift: u32,
}

impl Tta {
    /// Whether test images are not modified.
    pub fn is_none(&self) -> bool {
        *self == Tta::default()
    }
}
