//! The object store: contents by their digest. What it offers is what a store on another machine
//! could also offer: put, get and whether an object is there.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::PathBuf;

use super::{atomic, named};
use crate::digest::Digest;

/// Contents by their digest.
#[derive(Debug, Clone)]
pub struct Objects {
    folder: PathBuf,
    tmp: PathBuf,
}

/// Whether an object can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectState {
    /// It is there and matches its digest.
    Intact,
    /// It was never stored, or was removed.
    Missing,
    /// It is there but differs from what was stored, or cannot be read.
    Damaged,
}

impl Objects {
    pub(super) fn new(folder: PathBuf, tmp: PathBuf) -> Objects {
        Objects { folder, tmp }
    }

    /// Stores what `source` reads, unless `stop` becomes true. Returns its digest and its size in
    /// bytes. It is read once, so that what is stored is what was hashed even if it changes
    /// meanwhile.
    pub fn put(
        &self,
        source: &mut impl Read,
        stop: &dyn Fn() -> bool,
    ) -> io::Result<(Digest, u64)> {
        let cannot_write = |error: &io::Error| named(error, "cannot write to", &self.tmp);
        let mut written = atomic::new_file(&self.tmp).map_err(|error| cannot_write(&error))?;
        let mut hasher = blake3::Hasher::new();
        let mut chunk = vec![0; 1 << 20];
        loop {
            if stop() {
                let message = "labpress was asked to stop";
                return Err(io::Error::new(io::ErrorKind::Interrupted, message));
            }
            let count = match source.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            hasher.update(&chunk[..count]);
            written.write_all(&chunk[..count]).map_err(|error| cannot_write(&error))?;
        }
        let (digest, bytes) = (Digest::from(hasher.finalize()), hasher.count());
        if self.state(digest) != ObjectState::Intact {
            atomic::persist(written, &self.path(digest))?;
        }
        Ok((digest, bytes))
    }

    /// The content of an object.
    pub(crate) fn get(&self, digest: Digest) -> io::Result<Vec<u8>> {
        let path = self.path(digest);
        let bytes = fs::read(&path).map_err(|error| named(&error, "cannot read", &path))?;
        if Digest::of(&bytes) == digest {
            Ok(bytes)
        } else {
            Err(io::Error::other(format!("`{}` is damaged: delete it", path.display())))
        }
    }

    /// Whether an object is there and unchanged: its content is read.
    pub fn state(&self, digest: Digest) -> ObjectState {
        let mut hasher = blake3::Hasher::new();
        match File::open(self.path(digest)).and_then(|file| hasher.update_reader(file).map(drop)) {
            Ok(()) if Digest::from(hasher.finalize()) == digest => ObjectState::Intact,
            Err(error) if error.kind() == io::ErrorKind::NotFound => ObjectState::Missing,
            Ok(()) | Err(_) => ObjectState::Damaged,
        }
    }

    /// Where an object is, if it was stored.
    pub fn path(&self, digest: Digest) -> PathBuf {
        let hex = digest.to_string();
        self.folder.join(&hex[..2]).join(&hex[2..])
    }
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::*;

    #[test]
    fn the_same_content_is_stored_once_under_its_digest() {
        let site = tempfile::tempdir().unwrap();
        let Store { objects, .. } = Store::of(site.path());
        let (digest, bytes) = objects.put(&mut &b"weights"[..], &|| false).unwrap();
        assert_eq!(objects.put(&mut &b"weights"[..], &|| false).unwrap(), (digest, bytes));
        assert_eq!((digest, bytes), (Digest::of(b"weights"), 7));
        assert_eq!(fs::read_to_string(objects.path(digest)).unwrap(), "weights");
    }

    #[test]
    fn a_damaged_object_is_replaced_by_the_next_run_that_makes_it() {
        let site = tempfile::tempdir().unwrap();
        let Store { objects, .. } = Store::of(site.path());
        let (digest, _) = objects.put(&mut &b"weights"[..], &|| false).unwrap();
        fs::write(objects.path(digest), "weighty").unwrap();
        assert_eq!(objects.state(digest), ObjectState::Damaged);
        let error = objects.get(digest).unwrap_err();
        assert!(error.to_string().contains("is damaged"), "{error}");
        objects.put(&mut &b"weights"[..], &|| false).unwrap();
        assert_eq!(objects.state(digest), ObjectState::Intact);
        assert_eq!(objects.get(digest).unwrap(), b"weights");
    }

    #[test]
    fn an_interrupted_put_leaves_nothing() {
        let site = tempfile::tempdir().unwrap();
        let store = Store::of(site.path());
        let asked = std::cell::Cell::new(0);
        let stop = || asked.replace(asked.get() + 1) == 3;
        let error = store.objects.put(&mut io::repeat(0), &stop).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Interrupted);
        assert_eq!(store.site.files_under(".labpress").unwrap(), []);
    }
}
