//! Chooses the folder that a build writes to, and refuses unsuitable ones whatever they contain.
//!
//! [`destination`](labpress::destination) decides which files in a folder may be removed.

use std::path::{Component, Path, PathBuf};

use super::{Error, environment, site};
use labpress::config::{self, Config};
use labpress::diagnostic::Diagnostic;
use labpress::inputs::Inputs;
use labpress::path;
use labpress::roles::Roles;
use labpress::yaml::Yaml;

/// The folder of a site, with links resolved, and the content of its `_config.yml`.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) root: &'a Path,
    pub(super) config: &'a str,
}

/// A folder that a build may write to.
pub(super) struct Destination<'a> {
    /// Its path, with links resolved.
    pub(super) path: PathBuf,
    /// Its path from the site's root, if it is inside the site.
    pub(super) path_in_site: Option<String>,
    place: Place<'a>,
    /// The path given on the command line; `None` if it is from the configuration.
    given: Option<&'a Path>,
}

impl<'a> Place<'a> {
    /// The folder that the command line names.
    pub(super) fn given(self, given: &'a Path, roles: &Roles) -> Result<Destination<'a>, Error> {
        self.destination(given, Some(given), roles)
    }

    /// The folder that the configuration names, or the default.
    pub(super) fn configured(self, config: &Config) -> Result<Destination<'a>, Error> {
        self.destination(Path::new(&config.destination), None, &config.roles)
    }

    /// The folder for smoke builds.
    pub(super) fn smoke(self) -> Result<Destination<'a>, Error> {
        let path = site::smoke_destination(self.root);
        let path = resolved(self.root, &path).map_err(|reason| self.refusal(None, &reason))?;
        Ok(Destination { path, path_in_site: None, place: self, given: None })
    }

    fn destination(
        self,
        path: &Path,
        given: Option<&'a Path>,
        roles: &Roles,
    ) -> Result<Destination<'a>, Error> {
        let refusal = |reason: String| self.refusal(given, &reason);
        let path = resolved(self.root, path).map_err(refusal)?;
        let path_in_site = self.path_in_site(&path);
        let reason = match path_in_site.as_deref() {
            Some("") => Some("it is the site's own folder".to_owned()),
            Some(path) if roles.is_for_sources(path) => {
                Some(format!("`{path}` is a folder for source files"))
            }
            _ if holds(&path, self.root) => Some("it contains the site itself".to_owned()),
            _ if environment::home().is_some_and(|home| holds(&path, &home)) => {
                Some("it contains your home folder".to_owned())
            }
            _ if path.components().any(|part| part.as_os_str() == ".git") => {
                Some("it contains git's own files".to_owned())
            }
            _ if path.exists() && !path.is_dir() => Some("it is a file".to_owned()),
            _ => None,
        };
        match reason {
            Some(reason) => Err(refusal(reason)),
            None => Ok(Destination { path, path_in_site, place: self, given }),
        }
    }

    /// The path from the site's root. Compares folders, not names, because some systems ignore
    /// case.
    fn path_in_site(self, path: &Path) -> Option<String> {
        let root = path.ancestors().find(|folder| is_same(folder, self.root))?;
        Some(path::of_disk(root, path))
    }

    fn refusal(self, given: Option<&Path>, reason: &str) -> Error {
        let hint = "choose a folder for the built site only, such as `public`";
        if let Some(given) = given {
            let message = format!("cannot build into `{}`: {reason}", given.display());
            return anyhow::anyhow!("{message}\nhint: {hint}").into();
        }
        let place = Yaml::file(config::PATH, self.config).place(&["destination"]);
        let message = format!("cannot build into the destination: {reason}");
        Error::Errors(vec![Diagnostic::new(place, message).hint(hint)])
    }
}

impl Destination<'_> {
    /// Refuses a smoke build into the destination of the real one.
    pub(super) fn check_smoke(&self, configured: &str) -> Result<(), Error> {
        let Ok(real) = resolved(self.place.root, Path::new(configured)) else {
            return Ok(());
        };
        if !self.path.starts_with(&real) && !real.starts_with(&self.path) {
            return Ok(());
        }
        let message = format!(
            "cannot build into `{configured}`, the site's own destination: \
             a smoke build must not be published\n\
             hint: omit `--destination`, or name another folder"
        );
        Err(anyhow::anyhow!(message).into())
    }

    /// Refuses a folder among files of the site.
    pub(super) fn check_sources(&self, inputs: &Inputs) -> Result<(), Error> {
        let folders = self.path_in_site.iter().flat_map(|path| path::folders(path));
        for folder in folders {
            if inputs.has_files_in(folder) {
                let reason = format!("it is inside `{folder}`, which contains files of the site");
                return Err(self.place.refusal(self.given, &reason));
            }
        }
        Ok(())
    }
}

/// Resolves `..` and links in a path. Parts that do not exist are kept as written.
fn resolved(root: &Path, path: &Path) -> Result<PathBuf, String> {
    let mut resolved = PathBuf::new();
    for part in root.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(resolved.pop()),
            part => resolved.push(part),
        }
        if resolved.is_symlink() {
            let dangling = |_| format!("`{}` is a broken link", resolved.display());
            resolved = resolved.canonicalize().map_err(dangling)?;
        }
    }
    Ok(resolved)
}

/// Whether `inner` is the folder or inside it.
fn holds(folder: &Path, inner: &Path) -> bool {
    inner.ancestors().any(|outer| is_same(outer, folder))
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other || same_file::is_same_file(one, other).unwrap_or(false)
}
