//! Folders of pictures: one folder per class.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use walkdir::WalkDir;

use super::{Listing, Raw};

pub(super) fn read(
    folder: &Path,
    class_folders: &[String],
    train: &str,
    test: Option<&str>,
    unlabelled: Option<&str>,
) -> anyhow::Result<(Listing, Raw)> {
    let mut listing = Listing { ids: Some(Vec::new()), ..Listing::default() };
    let mut files = Vec::new();
    for (part, is_test) in [(Some(train), false), (test, true)] {
        let Some(part) = part else { continue };
        if is_test {
            listing.test_begins = Some(listing.labels.len());
        }
        for (class, class_folder) in class_folders.iter().enumerate() {
            let found = pictures(&folder.join(part).join(class_folder), &folder.join(part))?;
            ensure!(
                !found.is_empty(),
                "the folder `{part}/{class_folder}` has no PNG or JPEG files"
            );
            let class = u16::try_from(class).context("there are too many classes")?;
            listing.labels.extend(found.iter().map(|_| class));
            listing.add(found, &mut files);
        }
    }
    if let Some(part) = unlabelled {
        let found = pictures(&folder.join(part), &folder.join(part))?;
        listing.unlabelled = found.len();
        listing.add(found, &mut files);
    }
    Ok((listing, Raw::Files(files)))
}

impl Listing {
    fn add(&mut self, found: Vec<(String, PathBuf)>, files: &mut Vec<PathBuf>) {
        for (id, file) in found {
            self.ids.get_or_insert_default().push(id);
            files.push(file);
        }
    }
}

/// The pictures in a folder and its subfolders, in order of their paths, each with its path
/// relative to `above`.
fn pictures(folder: &Path, above: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name() {
        let entry =
            entry.with_context(|| format!("cannot read the folder `{}`", folder.display()))?;
        let extension =
            entry.path().extension().unwrap_or_default().to_string_lossy().to_lowercase();
        if entry.file_type().is_file() && matches!(extension.as_str(), "png" | "jpg" | "jpeg") {
            let id = entry
                .path()
                .strip_prefix(above)
                .unwrap_or(entry.path())
                .to_string_lossy()
                .into_owned();
            found.push((id, entry.into_path()));
        }
    }
    Ok(found)
}
