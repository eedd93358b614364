//! Files that are complete or absent, whatever happens to the process or the machine.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

use super::named;

/// An empty file in the folder `tmp`, which is created if it does not exist.
pub(super) fn new_file(tmp: &Path) -> io::Result<NamedTempFile> {
    fs::create_dir_all(tmp)?;
    NamedTempFile::new_in(tmp)
}

/// Moves a file that is completely written to `path`.
pub(super) fn persist(written: NamedTempFile, path: &Path) -> io::Result<()> {
    let cannot_write = |error: &io::Error| named(error, "cannot write", path);
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder).map_err(|error| cannot_write(&error))?;
    make_readable(written.as_file()).map_err(|error| cannot_write(&error))?;
    written.as_file().sync_all().map_err(|error| cannot_write(&error))?;
    written.persist(path).map_err(|error| cannot_write(&error.error))?;
    // The name itself must also survive a power cut.
    sync_folder(folder).map_err(|error| cannot_write(&error))
}

/// Moves a file to `path` that may be lost or damaged in a power cut, such as one of a cache.
pub(super) fn persist_unsynced(written: NamedTempFile, path: &Path) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
    written.persist(path)?;
    Ok(())
}

/// Makes sure that the names in a folder survive a power cut.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| named(&error, "cannot sync", folder))
}

/// Makes a temporary file, which only its owner can read, readable for everybody who may read the
/// site.
#[cfg(unix)]
pub(super) fn make_readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
pub(super) fn make_readable(_: &File) -> io::Result<()> {
    Ok(())
}
