//! Converts images to the wanted shape and keeps them on disk, so that only the first run decodes
//! them.
//!
//! `FOLDER/decoded/IMAGES8-SIZE-CHANNELS.images` holds a line of JSON, the [`Head`], and then the
//! pixels of all images. It is written atomically, under a lock, and mapped into memory: concurrent
//! runs share it, and unused parts are not read. If the folder is read-only, images are decoded
//! into memory every time.
#![expect(
    clippy::disallowed_methods,
    reason = "`data::read` keeps decoded images in the cache folder"
)]

use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Listing, Raw};
use crate::data::DataSet;
use crate::data::images::{Pixels, Wanted};
use crate::data::picture::{self, Header, Picture};
use crate::digest::Digest;

/// Increases when the same files are decoded to other pixels.
const REVISION: u32 = 1;
/// How many images are decoded before they are written, which limits memory.
const AT_ONCE: usize = 512;

/// All images of a data set, in the wanted shape.
pub(super) struct Decoded {
    pub(super) listing: Listing,
    pub(super) pixels: Pixels,
    pub(super) channels: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// The first line of a file of decoded images.
#[derive(Serialize, Deserialize)]
struct Head {
    revision: u32,
    images: Digest,
    channels: usize,
    rows: usize,
    columns: usize,
    listing: Listing,
}

impl Head {
    /// The number of bytes of pixels that follow; `None` if it overflows.
    fn pixels(&self) -> Option<u64> {
        let factors = [self.channels, self.rows, self.columns, self.listing.count()];
        factors.into_iter().try_fold(1_u64, |product, factor| product.checked_mul(factor as u64))
    }
}

/// The images of `set`, from the file that holds them in the wanted shape, or else from `read`.
pub(super) fn decoded(
    folder: &Path,
    set: &DataSet,
    wanted: &Wanted<'_>,
    read: &dyn Fn() -> anyhow::Result<(Listing, Raw)>,
) -> anyhow::Result<Decoded> {
    let images = set.images_digest();
    let path = path(folder, &images, wanted);
    if let Some(decoded) = opened(&path, &images) {
        return Ok(decoded);
    }
    // One process decodes, others that want the same images wait for it. If no lock can be created,
    // neither can the file.
    let lock = path.parent().and_then(|folder| {
        // Not `create_dir_all`: without a data set, there is nothing to keep.
        if let Err(error) = fs::create_dir(folder)
            && error.kind() != ErrorKind::AlreadyExists
        {
            return None;
        }
        let lock = File::create(path.with_extension("lock")).ok()?;
        lock.lock().ok().map(|()| lock)
    });
    if let Some(decoded) = lock.as_ref().and_then(|_| opened(&path, &images)) {
        return Ok(decoded);
    }
    let (listing, raw) = read()?;
    let Header { channels, rows, columns } = shape(&raw, wanted)?;
    let head = Head { revision: REVISION, images, channels, rows, columns, listing };
    if lock.is_some()
        && let Some(mut file) = new_file(&path)
    {
        match written(&mut file, &head, &raw) {
            Ok(()) => {
                let kept =
                    file.into_inner().map_err(std::io::IntoInnerError::into_error)?.persist(&path);
                if let Some(decoded) = kept.ok().and_then(|_| opened(&path, &images)) {
                    return Ok(decoded);
                }
            }
            Err(Error::Images(error)) => return Err(error),
            // The disk may be full; memory may still be enough.
            Err(Error::Disk) => {}
        }
    }
    let mut pixels = Vec::new();
    match shaped(&raw, &head, &mut |part| {
        pixels.extend_from_slice(part);
        Ok(())
    }) {
        Ok(()) => {
            Ok(Decoded { listing: head.listing, pixels: pixels.into(), channels, rows, columns })
        }
        Err(Error::Images(error)) => Err(error),
        Err(Error::Disk) => unreachable!("memory does not fail like a disk"),
    }
}

fn path(folder: &Path, images: &Digest, wanted: &Wanted<'_>) -> PathBuf {
    let size = wanted.image_size.map_or("as-is".to_owned(), |size| format!("{size}px"));
    let channels = wanted.channels.map_or("as-is".to_owned(), |channels| channels.to_string());
    folder.join("decoded").join(format!("{}-{size}-{channels}.images", images.short()))
}

/// The images in the file at `path`; `None` if it is missing or incomplete.
fn opened(path: &Path, images: &Digest) -> Option<Decoded> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    let mut head_length = [0; 8];
    file.read_exact(&mut head_length).ok()?;
    let head_length = u64::from_le_bytes(head_length);
    let start = head_length.checked_add(8).filter(|&start| start <= length)?;
    let mut head = vec![0; usize::try_from(head_length).ok()?];
    file.read_exact(&mut head).ok()?;
    let head: Head = serde_json::from_slice(&head).ok()?;
    let is_whole = head.revision == REVISION
        && head.images == *images
        && start.checked_add(head.pixels()?)? == length;
    let pixels = if is_whole {
        Pixels::mapped(&file, usize::try_from(start).ok()?).ok()?
    } else {
        return None;
    };
    let Head { channels, rows, columns, listing, .. } = head;
    Some(Decoded { listing, pixels, channels, rows, columns })
}

/// A temporary file next to `path`; `None` if it cannot be created.
fn new_file(path: &Path) -> Option<BufWriter<tempfile::NamedTempFile>> {
    let folder = path.parent()?;
    // Leftovers of killed processes. The lock covers only this file, so others are left alone.
    let prefix = format!(".{}-", path.file_name()?.to_string_lossy());
    for entry in fs::read_dir(folder).ok()?.filter_map(Result::ok) {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            let _ = fs::remove_file(entry.path());
        }
    }
    let file = tempfile::Builder::new().prefix(&prefix).tempfile_in(folder).ok()?;
    Some(BufWriter::with_capacity(1 << 20, file))
}

/// Why images were not written.
enum Error {
    /// Decoding failed.
    Images(anyhow::Error),
    /// Writing failed.
    Disk,
}

impl From<std::io::Error> for Error {
    fn from(_: std::io::Error) -> Error {
        Error::Disk
    }
}

fn written(
    file: &mut BufWriter<tempfile::NamedTempFile>,
    head: &Head,
    raw: &Raw,
) -> Result<(), Error> {
    let text = serde_json::to_vec(head).map_err(|error| Error::Images(error.into()))?;
    file.write_all(&(text.len() as u64).to_le_bytes())?;
    file.write_all(&text)?;
    shaped(raw, head, &mut |part| file.write_all(part))?;
    file.flush()?;
    // After a crash of the machine, the file must be complete or absent.
    file.get_ref().as_file().sync_all()?;
    Ok(())
}

/// The shape that all images are converted to.
fn shape(raw: &Raw, wanted: &Wanted<'_>) -> anyhow::Result<Header> {
    if let (Some(size), Some(channels)) = (wanted.image_size, wanted.channels) {
        let (size, channels) = (size as usize, channels as usize);
        return Ok(Header { channels, rows: size, columns: size });
    }
    let (channels, rows, columns) = match raw {
        Raw::Bytes { channels, rows, columns, .. } => (*channels, *rows, *columns),
        Raw::Files(files) => {
            let header = |path: &PathBuf| picture::header(&bytes(path)?).with_context(|| at(path));
            let headers: Vec<Header> =
                files.par_iter().map(header).collect::<anyhow::Result<_>>()?;
            let first = headers.first().context("it has no images")?;
            let size = |header: &Header| (header.rows, header.columns);
            let other = headers.iter().position(|header| size(header) != size(first));
            if let (Some(other), None) = (other, wanted.image_size) {
                let other_size = size(&headers[other]);
                anyhow::bail!(
                    "its images have different sizes: `{}` has {}×{} pixels, `{}` has {}×{}; set `image-size`",
                    files[0].display(),
                    first.columns,
                    first.rows,
                    files[other].display(),
                    other_size.1,
                    other_size.0,
                );
            }
            let channels = headers.iter().map(|header| header.channels).max().unwrap_or(1);
            (channels, first.rows, first.columns)
        }
    };
    let channels = wanted.channels.map_or(channels, |channels| channels as usize);
    let size = wanted.image_size.map(|size| size as usize);
    Ok(Header { channels, rows: size.unwrap_or(rows), columns: size.unwrap_or(columns) })
}

/// Passes the pixels of all images in the shape of `head` to `take`, a few images at a time.
fn shaped(
    raw: &Raw,
    head: &Head,
    take: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
) -> Result<(), Error> {
    let fitting = |picture: Picture| {
        let is_square = head.rows == head.columns;
        let has_size = picture.rows == head.rows && picture.columns == head.columns;
        let picture = if has_size || !is_square { picture } else { picture.squared(head.rows) };
        picture.with_channels(head.channels).pixels
    };
    match raw {
        Raw::Bytes { pixels, channels, rows, columns } => {
            if (*channels, *rows, *columns) == (head.channels, head.rows, head.columns) {
                return Ok(take(pixels)?);
            }
            let (channels, rows, columns) = (*channels, *rows, *columns);
            let size = (channels * rows * columns).max(1);
            for part in pixels.chunks(size * AT_ONCE) {
                let shaped: Vec<Vec<u8>> = part
                    .par_chunks_exact(size)
                    .map(|image| {
                        fitting(Picture { pixels: image.to_vec(), channels, rows, columns })
                    })
                    .collect();
                shaped.iter().try_for_each(|image| take(image))?;
            }
        }
        Raw::Files(files) => {
            let size = head.channels * head.rows * head.columns;
            let image = |path: &PathBuf| {
                let picture = picture::decoded(&bytes(path)?).with_context(|| at(path))?;
                let pixels = fitting(picture);
                ensure!(
                    pixels.len() == size,
                    "`{}` differs in size from the others",
                    path.display()
                );
                Ok(pixels)
            };
            for part in files.chunks(AT_ONCE) {
                let shaped: Vec<Vec<u8>> = part
                    .par_iter()
                    .map(image)
                    .collect::<anyhow::Result<_>>()
                    .map_err(Error::Images)?;
                shaped.iter().try_for_each(|image| take(image))?;
            }
        }
    }
    Ok(())
}

fn at(path: &Path) -> String {
    format!("cannot decode `{}`", path.display())
}

fn bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))
}
