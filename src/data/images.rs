//! Decoded images with their labels, ready for training.

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::sync::Arc;

use super::picture::{self, Picture};

/// Which images of a data set are wanted, and how.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Name of a split that the data set declares, or [`DEFAULT`](super::split::DEFAULT).
    pub split: &'a str,
    /// The seed of the run: it selects the fold of a split that has `folds` but no `fold`.
    pub seed: u64,
    /// Rows and columns to resize the images to; `None` leaves them as they are.
    pub image_size: Option<u32>,
    /// 1 (grey) or 3 (red, green, blue); `None` takes 3 if any image has colours.
    pub channels: Option<u32>,
}

/// The parts of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splits {
    /// Training images.
    pub train: Images,
    /// Test images.
    pub test: Images,
    /// Images without labels, whose classes are to be predicted.
    pub unlabelled: Option<Images>,
}

/// Images of one size, with their labels, names and groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    /// `[image, channel, row, column]`.
    pub pixels: Pixels,
    /// One label per image, below the number of classes; empty if there are none.
    pub labels: Vec<u16>,
    /// The name of each image in predictions and submissions; `None` if they have none.
    pub ids: Option<Vec<String>>,
    /// The group of each image, which must stay together; `None` if the split has no groups.
    pub groups: Option<Vec<u32>>,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Rows of an image.
    pub rows: usize,
    /// Columns of an image.
    pub columns: usize,
}

impl Images {
    /// One picture (PNG or JPEG) in red, green and blue, prepared as for a net trained on
    /// `ImageNet`: its central `size` rows and columns.
    ///
    /// # Errors
    ///
    /// Fails if the bytes are not a complete picture, or have too many pixels.
    pub fn of_picture(bytes: &[u8], size: u32) -> anyhow::Result<Images> {
        let middle = picture::decoded(bytes)?.with_channels(3).middle(size as usize);
        let Picture { pixels, channels, rows, columns } = middle;
        Ok(Images {
            pixels: pixels.into(),
            labels: Vec::new(),
            ids: None,
            groups: None,
            channels,
            rows,
            columns,
        })
    }

    /// How many bytes an image has.
    #[must_use]
    pub fn size(&self) -> usize {
        self.channels * self.rows * self.columns
    }

    /// How many images there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.pixels.len() / self.size().max(1)
    }

    /// The pixels of image `index`.
    #[must_use]
    pub fn image(&self, index: usize) -> &[u8] {
        &self.pixels[index * self.size()..][..self.size()]
    }

    /// The pixels of the images at `indices`, one after the other. Reads only these from a large
    /// data set.
    pub fn gathered(&self, indices: impl IntoIterator<Item = usize>) -> Vec<u8> {
        let indices = indices.into_iter();
        let mut pixels = Vec::with_capacity(indices.size_hint().0 * self.size());
        for index in indices {
            pixels.extend_from_slice(self.image(index));
        }
        pixels
    }
}

/// Bytes of pixels, in memory or in a mapped file. Clones share them.
#[derive(Clone)]
pub struct Pixels {
    whole: Arc<Whole>,
    range: Range<usize>,
}

enum Whole {
    Memory(Vec<u8>),
    File(memmap2::Mmap),
}

impl Whole {
    fn bytes(&self) -> &[u8] {
        match self {
            Whole::Memory(bytes) => bytes,
            Whole::File(bytes) => bytes,
        }
    }
}

impl Pixels {
    /// The bytes in `range`.
    ///
    /// # Panics
    ///
    /// Panics if the range is out of bounds.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Pixels {
        assert!(
            range.start <= range.end && range.end <= self.range.len(),
            "the range is within bounds"
        );
        Pixels {
            whole: Arc::clone(&self.whole),
            range: self.range.start + range.start..self.range.start + range.end,
        }
    }
}

impl Pixels {
    /// The bytes of `file` from `start` on, mapped into memory.
    #[expect(
        unsafe_code,
        reason = "mapping a file is unsafe; the comment says why this one is sound"
    )]
    pub(super) fn mapped(file: &File, start: usize) -> io::Result<Pixels> {
        // SAFETY: the bytes of a map must not change while it exists. Only labpress creates these
        // files, in its own cache folder, under another name until they are complete; none is ever
        // written again, and one that is replaced or removed stays alive until it is unmapped. Any
        // bytes are valid pixels.
        let bytes = unsafe { memmap2::Mmap::map(file) }?;
        let range = start.min(bytes.len())..bytes.len();
        Ok(Pixels { range, whole: Arc::new(Whole::File(bytes)) })
    }
}

impl From<Vec<u8>> for Pixels {
    fn from(bytes: Vec<u8>) -> Pixels {
        Pixels { range: 0..bytes.len(), whole: Arc::new(Whole::Memory(bytes)) }
    }
}

impl Deref for Pixels {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.whole.bytes()[self.range.clone()]
    }
}

impl PartialEq for Pixels {
    fn eq(&self, other: &Pixels) -> bool {
        self[..] == other[..]
    }
}

impl Eq for Pixels {}

impl fmt::Debug for Pixels {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} bytes of pixels", self.len())
    }
}
