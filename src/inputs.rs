//! The inputs of a build, read once, as one ordered value.
//!
//! Only this module reads the site's folder. Text files (posts, layouts, YAML, records) are kept
//! with their content; static files (images, fonts) only with their path on disk and their size, so
//! that a blog with gigabytes of pictures is never held in memory. The code of experiments is
//! digested on request: `inputs` of each experiment says which files belong to it. Tests create
//! inputs with [`Inputs::with`].

mod commits;
pub mod mark;
pub(crate) mod program;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jiff::Timestamp;
use rayon::prelude::*;

use self::commits::Commits;
use crate::config::Config;
use crate::data;
use crate::diagnostic::{Diagnostic, Place};
use crate::digest::Digest;
use crate::path;
use crate::roles::{Known, Role, Roles};
use crate::theme;

/// All inputs of a build, by path from the site's root with `/` between parts.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    roles: Roles,
    texts: BTreeMap<String, Text>,
    statics: BTreeMap<String, StaticFile>,
    /// The folder that was read; `None` for inputs that were not read from disk.
    root: Option<PathBuf>,
    /// The weights digested so far, by path: several variants may start from the same file.
    weights: Arc<Mutex<BTreeMap<String, Digest>>>,
    artifacts: BTreeMap<String, Artifact>,
    unreadable: Vec<Diagnostic>,
    /// Where files are whose path in the build differs: those of a theme, and of folders that
    /// `_config.yml` names.
    origins: BTreeMap<String, String>,
    /// Whether the site uses the built-in theme.
    has_built_in_theme: bool,
    /// When files were last changed by commits, if the site asks for it.
    commits: Arc<Commits>,
}

/// A text file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Its role in the build.
    pub role: Role,
    /// Its content, with all line ends normalized to `\n` and without a byte order mark.
    pub text: String,
    /// The digest of `text` and of its line ends: equal for equal files.
    pub digest: Digest,
    /// Whether all lines of the file have Windows line ends, so that `\n\n` does not occur.
    pub has_windows_ends: bool,
}

impl Text {
    fn new(role: Role, text: String) -> Text {
        let has_returns = text.contains('\r');
        let has_windows_ends = has_returns && text.contains("\r\n") && !text.contains("\n\n");
        let text = normalized(text);
        let mut hasher = blake3::Hasher::new();
        hasher.update(text.as_bytes());
        if has_windows_ends {
            hasher.update(b"\r");
        }
        Text { role, digest: hasher.finalize().into(), text, has_windows_ends }
    }
}

/// A file that is copied to the site unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticFile {
    /// Its role in the build: [`Role::Page`] or [`Role::Document`].
    pub role: Role,
    /// Its path on this machine.
    pub on_disk: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// The digest of its content, once it was needed.
    pub(crate) digest: LazyDigest,
}

impl StaticFile {
    fn new(role: Role, on_disk: PathBuf, bytes: u64) -> StaticFile {
        StaticFile { role, on_disk, bytes, digest: LazyDigest::default() }
    }
}

/// A digest that is computed when it is needed. It says nothing more about a file, so all are equal.
#[derive(Clone, Default)]
pub(crate) struct LazyDigest(Arc<OnceLock<Option<Digest>>>);

impl Deref for LazyDigest {
    type Target = OnceLock<Option<Digest>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl PartialEq for LazyDigest {
    fn eq(&self, _: &LazyDigest) -> bool {
        true
    }
}

impl Eq for LazyDigest {}

impl fmt::Debug for LazyDigest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("LazyDigest")
    }
}

/// A file that belongs to a record. Its content is kept unless it is too large to be committed.
#[derive(Debug, Clone)]
struct Artifact {
    digest: Digest,
    bytes: Option<Vec<u8>>,
}

/// A change to one file of the site, by its path from the site's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The file now has this content.
    Written(String, Vec<u8>),
    /// The file was removed.
    Removed(String),
}

/// What a [`Change`] affects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Nothing that the build reads.
    None,
    /// No input, but a file in the folder of an experiment: its program may consist of it.
    Program,
    /// One input with this role.
    Input(Role),
    /// Which files are read, or under which path: the whole site has to be read again.
    Everything,
}

impl Inputs {
    /// No files yet; `roles` decides what those are that are added.
    pub fn of_roles(roles: Roles) -> Inputs {
        Inputs { roles, ..Inputs::default() }
    }

    /// Adds the dates of commits, if the configuration asks for them: runs git.
    #[must_use]
    pub fn with_commits(self, config: &Config) -> Inputs {
        let commits = Arc::new(Commits::read(self.root(), config));
        Inputs { commits, ..self }
    }

    /// When the file at `path` was last changed by a commit; `None` also if the site does not ask.
    pub(crate) fn committed(&self, path: &str) -> Option<Timestamp> {
        self.commits.times.get(self.origin(path)).copied()
    }

    /// Why dates of commits are missing.
    pub(crate) fn commits_error(&self) -> Option<&Diagnostic> {
        self.commits.error.as_ref()
    }

    /// Adds a text file, or replaces it.
    #[must_use]
    pub fn with(mut self, path: impl Into<String>, text: impl Into<String>) -> Inputs {
        let path = path.into();
        let text = Text::new(self.roles.role(&path), text.into());
        self.texts.insert(path, text);
        self
    }

    /// The content of the text file at `path`.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(|text| text.text.as_str())
    }

    /// The digest of the text file at `path`.
    pub(crate) fn digest(&self, path: &str) -> Option<Digest> {
        self.texts.get(path).map(|text| text.digest)
    }

    /// All text files, in order of path.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &Text)> {
        self.texts.iter().map(|(path, text)| (path.as_str(), text))
    }

    /// The path and content of all text files with a role, in order of path.
    pub fn of(&self, role: Role) -> impl Iterator<Item = (&str, &str)> {
        let of_role = self.texts().filter(move |(_, text)| text.role == role);
        of_role.map(|(path, text)| (path, text.text.as_str()))
    }

    /// All static files, in order of path.
    pub fn statics(&self) -> impl Iterator<Item = (&str, &StaticFile)> {
        self.statics.iter().map(|(path, file)| (path.as_str(), file))
    }

    /// The content of the file at `path` that is not text; `None` if it cannot be read.
    pub(crate) fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        read_bytes(&self.statics.get(path)?.on_disk).ok()
    }

    /// The digest of that content. A file is read once for it.
    pub(crate) fn file_digest(&self, path: &str) -> Option<Digest> {
        let file = self.statics.get(path)?;
        let digest = || read_bytes(&file.on_disk).ok().map(|bytes| Digest::of(&bytes));
        *file.digest.get_or_init(digest)
    }

    /// Whether the site uses the built-in theme.
    pub fn has_built_in_theme(&self) -> bool {
        self.has_built_in_theme
    }

    /// Whether the text at `path` is that of the built-in theme.
    pub(crate) fn is_built_in(&self, path: &str) -> bool {
        self.has_built_in_theme && theme::is_origin(self.origin(path))
    }

    /// The files of the built-in theme that are copied to the site, unless it has others at their
    /// paths.
    pub(crate) fn built_in_assets(&self) -> impl Iterator<Item = &'static theme::ThemeFile> {
        let files = if self.has_built_in_theme { theme::FILES } else { &[] };
        files.iter().filter(|file| file.text().is_none())
    }

    /// Whether the site's own files use the built-in theme.
    fn uses_built_in_theme(&self) -> bool {
        let is_own = |path: &str| self.texts.contains_key(path) && !self.is_built_in(path);
        let layouts = self.of(Role::Layout).filter(|(path, _)| is_own(path));
        let layouts: Vec<&str> = layouts.map(|(_, text)| text).collect();
        theme::is_used(self.roles.built_in_theme(), &layouts, is_own)
    }

    /// Adds the built-in theme, if the site uses it: all of its files that the site does not have
    /// itself. [`read`] has done so.
    #[must_use]
    pub fn with_built_in_theme(mut self) -> Inputs {
        self.has_built_in_theme = self.uses_built_in_theme();
        let files = theme::FILES.iter().filter(|_| self.has_built_in_theme);
        for (file, text) in files.filter_map(|file| Some((file, file.text()?))) {
            if !self.texts.contains_key(file.path) && !self.statics.contains_key(file.path) {
                let text = Text::new(self.roles.role(file.path), text.to_owned());
                self.texts.insert(file.path.to_owned(), text);
                self.origins.insert(file.path.to_owned(), file.origin());
            }
        }
        self
    }

    /// Applies a change to one file. The result is the same as reading the whole site again.
    pub fn apply(&mut self, change: Change) -> Effect {
        let (Change::Written(at, _) | Change::Removed(at)) = &change;
        let at = at.clone();
        let replaced = self.replace(&at, |role, path, roles, on_disk| {
            Ok(match change {
                Change::Written(_, bytes) => Some(input(role, path, roles, on_disk, &bytes)),
                Change::Removed(_) => None,
            })
        });
        replaced.expect("the content is given, so nothing is read")
    }

    /// Reads a file again that may have changed on disk, by its path from the site's root. The
    /// result is the same as reading the whole site again.
    pub fn reread(&mut self, at: &str) -> io::Result<Effect> {
        let on_disk = self.root().join(at);
        match on_disk.symlink_metadata() {
            // The rules for links need the whole walk.
            Ok(about) if !about.is_file() => return Ok(Effect::Everything),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(self.apply(Change::Removed(at.to_owned())));
            }
            Err(error) => return Err(with_path(&error, &on_disk)),
        }
        self.replace(at, |role, path, roles, on_disk| {
            read_input(role, path, roles, on_disk).map(Some)
        })
    }

    /// The paths of all inputs in these folders, all by their paths from the site's root.
    pub fn paths_in(&self, folders: &BTreeSet<&str>) -> Vec<String> {
        let paths = self.texts.keys().chain(self.statics.keys()).chain(self.artifacts.keys());
        let unreadable = self.unreadable.iter().map(|error| &error.place().path);
        let origins = paths.chain(unreadable).map(|path| self.origin(path));
        let inside =
            origins.filter(|path| path::folders(path).any(|folder| folders.contains(folder)));
        inside.map(str::to_owned).collect()
    }

    /// Whether files in a folder may be inputs, by the folder's path from the site's root.
    pub fn is_folder_read(&self, folder: &str) -> bool {
        let is_read = |folder: &str| match self.roles.known_as(folder) {
            Known::As(path) | Known::OfTheme(path) => {
                !self.roles.is_left_out(&path, true)
                    && (self.roles.is_included(&path, true)
                        || !is_destination(&self.root().join(folder)))
            }
            Known::OnTheWay => true,
            Known::Not => false,
        };
        path::folders(folder).chain([folder]).all(is_read)
    }

    /// Replaces the file at a path with what `make` reads; `None` removes it.
    fn replace(
        &mut self,
        at: &str,
        make: impl FnOnce(&Role, &str, &Roles, PathBuf) -> io::Result<Option<Input>>,
    ) -> io::Result<Effect> {
        let path = match self.roles.known_as(at) {
            Known::As(path) if self.roles.is_reached(&path) => path.into_owned(),
            Known::OfTheme(_) => return Ok(Effect::Everything),
            Known::As(_) | Known::OnTheWay | Known::Not => return Ok(Effect::None),
        };
        let role = self.roles.role(&path);
        let is_of_theme = self.origins.get(&path).is_some_and(|origin| origin != at);
        if matches!(role, Role::Config | Role::DataSet) || is_of_theme {
            return Ok(Effect::Everything);
        }
        if role == Role::LeftOut {
            let is_in_experiments = path.starts_with("experiments/");
            self.weights.lock().unwrap_or_else(PoisonError::into_inner).remove(&path);
            return Ok(if is_in_experiments { Effect::Program } else { Effect::None });
        }
        let new = make(&role, &path, &self.roles, self.root().join(at))?;
        let before = (self.texts.remove(&path), self.statics.remove(&path));
        let artifact = self.artifacts.remove(&path).map(|artifact| artifact.digest);
        let errors: Vec<Diagnostic> =
            self.unreadable.extract_if(.., |error| error.place().path == path).collect();
        let is_removed = new.is_none();
        if let Some(input) = new {
            self.insert(path.clone(), input);
        }
        let is_replaced = is_removed && theme::file(&path).is_some();
        if is_replaced
            || role == Role::Layout && self.uses_built_in_theme() != self.has_built_in_theme
        {
            return Ok(Effect::Everything);
        }
        let is_as_before = self.texts.get(&path) == before.0.as_ref()
            // The content of a static file is unknown.
            && !self.statics.contains_key(&path)
            && before.1.is_none()
            && self.artifacts.get(&path).map(|artifact| artifact.digest) == artifact
            && self.unreadable.iter().filter(|error| error.place().path == path).eq(&errors);
        Ok(if is_as_before { Effect::None } else { Effect::Input(role) })
    }

    fn insert(&mut self, path: String, input: Input) {
        match input {
            Input::Text(text) => drop(self.texts.insert(path, text)),
            Input::Static(file) => drop(self.statics.insert(path, file)),
            Input::Artifact(file) => drop(self.artifacts.insert(path, file)),
            Input::NotText(diagnostic) => self.unreadable.push(diagnostic),
            Input::None => {}
        }
    }

    /// The files of an experiment's program with their digests; see [`program`].
    pub fn inputs(
        &self,
        experiment: &str,
        patterns: Option<&[String]>,
    ) -> Result<BTreeMap<String, Digest>, program::InputError> {
        let root = self.root.as_deref().unwrap_or(Path::new("/nonexistent"));
        let found = program::gather(&root.join("experiments").join(experiment), patterns)?;
        Ok(found.into_iter().map(|(path, input)| (path, input.digest)).collect())
    }

    /// The digest of a weights file below `experiments/`; `None` if the file does not exist.
    pub fn weights(&self, path: &str) -> Option<Digest> {
        let is_below = path.starts_with("experiments/")
            && !path.split('/').any(|part| matches!(part, "" | "." | ".."));
        let on_disk = self.root.as_ref().filter(|_| is_below)?.join(path);
        let mut known = self.weights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(digest) = known.get(path) {
            return Some(*digest);
        }
        let digest = program::read(&on_disk).ok()?.digest;
        known.insert(path.to_owned(), digest);
        Some(digest)
    }

    /// The digest of a record's file: `experiments/NAME/files/…`.
    pub fn artifact(&self, path: &str) -> Option<Digest> {
        self.artifacts.get(path).map(|file| file.digest)
    }

    /// The digests of all records' files, in order of path.
    pub(crate) fn artifact_digests(&self) -> impl Iterator<Item = (&str, Digest)> {
        self.artifacts.iter().map(|(path, file)| (path.as_str(), file.digest))
    }

    /// The contents of all records' files that are small enough to be committed, in order of path.
    pub fn artifacts(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.artifacts
            .iter()
            .filter_map(|(path, file)| Some((path.as_str(), file.bytes.as_deref()?)))
    }

    /// Adds the records' files of another site. Equal paths mean equal contents.
    #[must_use]
    pub(crate) fn with_artifacts_of(mut self, other: Inputs) -> Inputs {
        self.artifacts.extend(other.artifacts);
        self
    }

    /// Reads records' files that were written since, by path relative to the folder `root`.
    pub(crate) fn read_artifacts(&mut self, root: &Path, paths: &[String]) -> io::Result<()> {
        for path in paths {
            let input = read_artifact(&root.join(path))?;
            self.insert(path.clone(), input);
        }
        Ok(())
    }

    /// The path on disk, from the site's root, of the file that the build knows as `path`.
    pub fn origin<'a>(&'a self, path: &'a str) -> &'a str {
        self.origins.get(path).map_or(path, String::as_str)
    }

    /// The diagnostic with its file's path on disk.
    pub fn at_origin(&self, diagnostic: Diagnostic) -> Diagnostic {
        let place = diagnostic.place();
        match self.origins.get(&place.path) {
            Some(origin) => {
                let place = Place { path: origin.clone(), position: place.position };
                diagnostic.at(place)
            }
            None => diagnostic,
        }
    }

    /// Whether any file of the build is in the folder, given by its path from the site's root.
    pub fn has_files_in(&self, folder: &str) -> bool {
        let paths = self.texts.keys().chain(self.statics.keys()).chain(self.artifacts.keys());
        let is_in =
            |path: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        paths.map(|path| self.origin(path)).any(is_in)
    }

    /// The folder that was read; empty for inputs that were not read from disk.
    pub fn root(&self) -> &Path {
        self.root.as_deref().unwrap_or(Path::new(""))
    }

    /// Errors for files that should be text but are not, and for what is not a regular file.
    pub fn unreadable(&self) -> &[Diagnostic] {
        &self.unreadable
    }
}

/// Reads the files of the site at `root` that its [`Roles`] select.
///
/// Line ends become `\n` and byte order marks are dropped, so that a checkout on Windows builds the
/// same bytes. Folders of data sets and folders with a built site are skipped.
pub fn read(root: &Path, roles: &Roles) -> io::Result<Inputs> {
    let roles = &roles.clone().without(data_folders(root)?);
    let (mut found, mut of_theme, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
    let mut links = Links::of(root, roles)?;
    // A link is read as its target if that is inside the site; walkdir detects links to a parent
    // folder.
    let walk = walkdir::WalkDir::new(root).follow_links(true).sort_by_file_name().into_iter();
    let is_read = |entry: &walkdir::DirEntry| {
        if entry.depth() == 0 {
            return true;
        }
        let is_folder = entry.file_type().is_dir();
        let is_of_the_site = match roles.known_as(&path::of_disk(root, entry.path())) {
            Known::As(path) | Known::OfTheme(path) => {
                let is_built =
                    || is_folder && is_destination(entry.path()) && !roles.is_included(&path, true);
                !roles.is_left_out(&path, is_folder) && !is_built()
            }
            Known::OnTheWay => is_folder,
            Known::Not => false,
        };
        is_of_the_site && links.may_follow(entry)
    };
    for entry in walk.filter_entry(is_read) {
        let entry = match entry {
            Ok(entry) => entry,
            // Ignore dangling and circular links.
            Err(error) if error.path().is_some_and(Path::is_symlink) => continue,
            Err(error) => {
                let path = error.path().unwrap_or(root).display().to_string();
                return Err(io::Error::other(format!("cannot read `{path}`: {error}")));
            }
        };
        if entry.file_type().is_dir() {
            continue;
        }
        let at = path::of_disk(root, entry.path());
        let (path, found) = match roles.known_as(&at) {
            Known::As(path) => (path.into_owned(), &mut found),
            Known::OfTheme(path) => (path.into_owned(), &mut of_theme),
            Known::OnTheWay | Known::Not => continue,
        };
        if entry.file_type().is_file() {
            found.push((path, at, entry.into_path()));
        } else if roles.role(&path) != Role::LeftOut {
            let message = "is not a regular file but a pipe, a socket or a device";
            unreadable.push(
                Diagnostic::new(Place::file(at), message).hint("remove it, or add it to `exclude`"),
            );
        }
    }
    unreadable.extend(links.too_many);
    let own: BTreeSet<String> = found.iter().map(|(path, ..)| path.clone()).collect();
    found.extend(of_theme.into_iter().filter(|(path, ..)| !own.contains(path)));
    let moved = found.iter().filter(|(path, at, _)| path != at);
    let origins = moved.map(|(path, at, _)| (path.clone(), at.clone())).collect();
    let found: Vec<_> =
        found.into_iter().map(|(path, _, on_disk)| (roles.role(&path), path, on_disk)).collect();
    let read: Vec<(String, Input)> = found
        .into_par_iter()
        .filter(|(role, ..)| *role != Role::LeftOut)
        .map(|(role, path, on_disk)| Ok((read_input(&role, &path, roles, on_disk)?, path)))
        .map(|read: io::Result<_>| read.map(|(input, path)| (path, input)))
        .collect::<io::Result<_>>()?;
    let mut inputs = Inputs {
        roles: roles.clone(),
        origins,
        root: Some(root.to_owned()),
        unreadable,
        ..Inputs::default()
    };
    for (path, input) in read {
        inputs.insert(path, input);
    }
    Ok(inputs.with_built_in_theme())
}

/// Decides which links are followed, so that a file that the rules leave out is not read by another
/// name.
struct Links<'a> {
    /// The folder that is walked.
    walked: &'a Path,
    /// The same folder without links.
    root: PathBuf,
    roles: &'a Roles,
    /// The linked folders that the walk is inside, the outermost first.
    inside: Vec<PathBuf>,
    /// How often each folder was reached through links.
    visits: BTreeMap<PathBuf, usize>,
    too_many: Option<Diagnostic>,
}

/// How often a folder may be reached through links. Folders with two links each to the next one
/// double the number of paths at every step.
const MAX_VISITS: usize = 1000;
/// How many linked folders may be nested.
const MAX_NESTED: usize = 10;

impl Links<'_> {
    fn of<'a>(walked: &'a Path, roles: &'a Roles) -> io::Result<Links<'a>> {
        let root = walked.canonicalize().map_err(|error| with_path(&error, walked))?;
        Ok(Links {
            walked,
            root,
            roles,
            inside: Vec::new(),
            visits: BTreeMap::new(),
            too_many: None,
        })
    }

    /// Whether the entry is reached without links, or would also be read at its real path. Must be
    /// called in the order of the walk.
    fn may_follow(&mut self, entry: &walkdir::DirEntry) -> bool {
        while self.inside.pop_if(|folder| !entry.path().starts_with(folder)).is_some() {}
        if !entry.path_is_symlink() && self.inside.is_empty() {
            return true;
        }
        if self.too_many.is_some() {
            return false;
        }
        let Ok(target) = entry.path().canonicalize() else {
            return false;
        };
        if !target.starts_with(&self.root) {
            return false;
        }
        let is_folder = entry.file_type().is_dir();
        let (link, path) =
            (path::of_disk(self.walked, entry.path()), path::of_disk(&self.root, &target));
        let is_in_experiments = link.starts_with("experiments/");
        let is_draft = link.split('/').any(|part| part == "_drafts");
        if !is_in_experiments && !self.is_read_there(&path, is_folder, is_draft) {
            return false;
        }
        if !is_folder {
            return true;
        }
        let visits = self.visits.entry(target).or_default();
        *visits += 1;
        if *visits > MAX_VISITS || self.inside.len() == MAX_NESTED {
            let message = format!(
                "is reached through more than {MAX_NESTED} nested links, or through links more \
                 than \
                 {MAX_VISITS} times"
            );
            let hint = "remove links to folders that contain links";
            self.too_many = Some(Diagnostic::new(Place::file(path), message).hint(hint));
            return false;
        }
        if entry.path_is_symlink() {
            self.inside.push(entry.path().to_owned());
        }
        true
    }

    /// Whether the rules allow reading `path`. A draft may be read only as a draft.
    fn is_read_there(&self, path: &str, is_folder: bool, is_draft: bool) -> bool {
        let folders = path::folders(path).map(|folder| (folder, true));
        let mut parts = folders.chain([(path, is_folder)]);
        let is_read = parts.all(|(path, is_folder)| match self.roles.known_as(path) {
            Known::As(path) | Known::OfTheme(path) => !self.roles.is_left_out(&path, is_folder),
            Known::OnTheWay => true,
            Known::Not => false,
        });
        is_read && (is_draft || !path.split('/').any(|part| part == "_drafts"))
    }
}

/// The folders that declarations of data sets name. Their data are never published.
#[expect(clippy::disallowed_methods, reason = "`inputs` is the one reader of the site's folder")]
fn data_folders(root: &Path) -> io::Result<Vec<String>> {
    let folder = root.join("experiments/data");
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(&folder).into_iter().flatten() {
        let name = entry.map_err(|error| with_path(&error, &folder))?.file_name();
        if let Some(name) = name.to_str().filter(|name| name.ends_with(".yml")) {
            let text = read_one(root, &format!("experiments/data/{name}"))?.unwrap_or_default();
            folders.extend(data::folders(&text));
        }
    }
    Ok(folders)
}

/// Reads one file of the site; `None` if it does not exist. For `_config.yml`, which says what to
/// leave out.
pub fn read_one(root: &Path, path: &str) -> io::Result<Option<String>> {
    let on_disk = root.join(path);
    match read_bytes(&on_disk) {
        Ok(bytes) => Ok(Some(normalized(String::from_utf8_lossy(&bytes).into_owned()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The file in a destination that lists what labpress wrote there.
pub(crate) const LIST: &str = ".labpress-files";

/// Whether labpress has written a site to the folder `dir`.
pub(crate) fn is_destination(dir: &Path) -> bool {
    dir.join(LIST).is_file()
}

/// Whether two regular files have the same content.
pub fn is_same_content(one: &Path, other: &Path) -> io::Result<bool> {
    let open = |path: &Path| open_file(path).map_err(|error| with_path(&error, path));
    let fill = |file: &mut File, path: &Path, buffer: &mut Vec<u8>| {
        buffer.clear();
        file.take(1 << 16).read_to_end(buffer).map_err(|error| with_path(&error, path))
    };
    let (mut left, mut right) = (open(one)?, open(other)?);
    if left.metadata()?.len() != right.metadata()?.len() {
        return Ok(false);
    }
    let (mut of_left, mut of_right) = (Vec::new(), Vec::new());
    loop {
        let read = fill(&mut left, one, &mut of_left)?;
        fill(&mut right, other, &mut of_right)?;
        if of_left != of_right || read == 0 {
            return Ok(of_left == of_right);
        }
    }
}

/// Opens a regular file for reading. Anything else is an error, since reading a pipe or a device
/// may never end.
#[expect(clippy::disallowed_methods, reason = "`inputs` is the one reader of the site's folder")]
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    let not_regular = || io::Error::new(io::ErrorKind::InvalidInput, "not a regular file");
    if !std::fs::metadata(path)?.is_file() {
        return Err(not_regular());
    }
    let mut options = File::options();
    #[cfg(unix)]
    {
        // If it has become a pipe in the meantime, do not wait for a writer.
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    let file = options.read(true).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(not_regular()) }
}

fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = open_file(path).and_then(|mut file| {
        bytes.reserve(usize::try_from(file.metadata()?.len()).unwrap_or(0));
        file.read_to_end(&mut bytes)
    });
    read.map_err(|error| with_path(&error, path))?;
    Ok(bytes)
}

/// The input that a file is read as.
enum Input {
    Text(Text),
    Static(StaticFile),
    Artifact(Artifact),
    /// An error: the file should be text but is not.
    NotText(Diagnostic),
    /// Ignored: some other file next to posts or parts.
    None,
}

/// How much of a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// All of it, as text.
    Text,
    /// Its digest, and its content unless it is large.
    Artifact,
    /// Only its size.
    Size,
}

/// How much to read of a file that starts with these bytes. Pages and documents are read as text if
/// they have front matter, or are style sheets, which others may import.
fn extent(role: &Role, path: &str, roles: &Roles, start: &[u8]) -> Extent {
    match role {
        Role::Artifact => Extent::Artifact,
        Role::Page | Role::Document(_) => {
            let is_bare = *role == Role::Page && roles.may_be_bare(path);
            if is_sass(path) || is_bare || starts_with_front_matter(start) {
                Extent::Text
            } else {
                Extent::Size
            }
        }
        _ => Extent::Text,
    }
}

fn is_sass(path: &str) -> bool {
    path.ends_with(".scss") || path.ends_with(".sass")
}

/// The input for a file with this content.
fn input(role: &Role, path: &str, roles: &Roles, on_disk: PathBuf, content: &[u8]) -> Input {
    match extent(role, path, roles, content) {
        Extent::Text => text(role, path, roles, on_disk, content.to_vec()),
        Extent::Artifact => Input::Artifact(Artifact {
            digest: Digest::of(content),
            bytes: (content.len() as u64 <= COMMITTED_UP_TO).then(|| content.to_vec()),
        }),
        Extent::Size => {
            let bytes = content.len() as u64;
            Input::Static(StaticFile::new(role.clone(), on_disk, bytes))
        }
    }
}

fn read_input(role: &Role, path: &str, roles: &Roles, on_disk: PathBuf) -> io::Result<Input> {
    if *role == Role::Artifact {
        return read_artifact(&on_disk);
    }
    let named = |error: io::Error| with_path(&error, &on_disk);
    let mut file = open_file(&on_disk).map_err(named)?;
    let size = file.metadata().map_err(named)?.len();
    let mut content = Vec::new();
    if matches!(role, Role::Page | Role::Document(_)) {
        (&mut file).take(FRONT_MATTER_START).read_to_end(&mut content).map_err(named)?;
        if extent(role, path, roles, &content) == Extent::Size {
            return Ok(Input::Static(StaticFile::new(role.clone(), on_disk, size)));
        }
    }
    content.reserve(usize::try_from(size).unwrap_or(0).saturating_sub(content.len()));
    file.read_to_end(&mut content).map_err(named)?;
    Ok(text(role, path, roles, on_disk, content))
}

/// The input for a file that should be text. If it is not, that is an error only where text is
/// required.
fn text(role: &Role, path: &str, roles: &Roles, on_disk: PathBuf, content: Vec<u8>) -> Input {
    let size = content.len() as u64;
    let error = match String::from_utf8(content) {
        Ok(text) => return Input::Text(Text::new(role.clone(), text)),
        Err(error) => error,
    };
    let is_bare_page = *role == Role::Page && !starts_with_front_matter(error.as_bytes());
    match role {
        // It is an error only if another file includes it.
        Role::Part => Input::None,
        // A picture among the posts.
        Role::Post | Role::Draft if !roles.is_markdown(path) && !path.ends_with(".html") => {
            Input::None
        }
        Role::Page if is_bare_page && !is_sass(path) => {
            Input::Static(StaticFile::new(role.clone(), on_disk, size))
        }
        _ => {
            let offset = error.utf8_error().valid_up_to();
            let message = format!("is not valid UTF-8 at byte {offset}");
            Input::NotText(Diagnostic::new(Place::file(path), message).hint("save it as UTF-8"))
        }
    }
}

/// Artifacts up to this size in bytes are committed with the record, so that a clone can show them;
/// checkpoints never are.
pub const COMMITTED_UP_TO: u64 = 64 * 1024;

/// How many bytes are needed to see whether a file starts with front matter.
const FRONT_MATTER_START: u64 = 64;

/// Whether a file starts with the line `---`, which makes any file a page.
fn starts_with_front_matter(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let after = bytes.strip_prefix(b"---").unwrap_or_default();
    matches!(after.iter().find(|byte| !matches!(byte, b' ' | b'\t')), Some(b'\n' | b'\r'))
}

fn read_artifact(on_disk: &Path) -> io::Result<Input> {
    let named = |error: io::Error| with_path(&error, on_disk);
    let mut file = open_file(on_disk).map_err(named)?;
    let mut bytes = Vec::new();
    (&mut file).take(COMMITTED_UP_TO + 1).read_to_end(&mut bytes).map_err(named)?;
    if bytes.len() as u64 > COMMITTED_UP_TO {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&bytes).update_reader(file).map_err(named)?;
        return Ok(Input::Artifact(Artifact { digest: hasher.finalize().into(), bytes: None }));
    }
    Ok(Input::Artifact(Artifact { digest: Digest::of(&bytes), bytes: Some(bytes) }))
}

fn with_path(error: &io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("cannot read `{}`: {error}", path.display()))
}

fn normalized(text: String) -> String {
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    };
    // Classic Mac OS ends lines with `\r` alone.
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that applying a change gives the same as reading the site again, and its effect.
    #[track_caller]
    #[expect(clippy::disallowed_methods, reason = "the test changes files on disk")]
    fn check(path: &str, content: Option<&[u8]>, effect: &Effect) {
        let site = tempfile::tempdir().unwrap();
        let files: [(&str, &[u8]); 10] = [
            (
                "_config.yml",
                b"collections: [docs]\nexclude: [secret]\nplugins: [jekyll-readme-index]\n",
            ),
            ("_posts/2026-01-02-a.md", b"---\ntitle: A\n---\r\nText.\r\n"),
            ("_layouts/post.html", b"{{ content }}"),
            ("_docs/a.md", b"---\n---\nA"),
            ("page.md", b"---\n---\nPage"),
            ("bare.md", b"Bare"),
            ("image.png", b"\x89PNG"),
            ("experiments/x/experiment.yml", b"title: X\n"),
            ("experiments/x/files/0123abcd-a.csv", b"a,b\n"),
            ("experiments/x/runs/a-s0-0123abcd.json", b"{}"),
        ];
        let write = |path: &str, content: &[u8]| {
            let path = site.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        };
        for (path, content) in files {
            write(path, content);
        }
        let roles = crate::config::read(std::str::from_utf8(files[0].1).ok()).0.roles;
        let mut applied = read(site.path(), &roles).unwrap();
        let change = if let Some(content) = content {
            write(path, content);
            Change::Written(path.to_owned(), content.to_vec())
        } else {
            std::fs::remove_file(site.path().join(path)).unwrap();
            Change::Removed(path.to_owned())
        };
        let mut reread = applied.clone();
        assert_eq!(applied.apply(change), *effect, "{path}");
        assert_eq!(reread.reread(path).unwrap(), *effect, "{path}");
        assert_eq!(format!("{applied:#?}"), format!("{reread:#?}"), "{path}");
        if *effect != Effect::Everything {
            let read_again = read(site.path(), &roles).unwrap();
            assert_eq!(format!("{applied:#?}"), format!("{read_again:#?}"), "{path}");
        }
    }

    #[test]
    fn applying_a_change_gives_the_same_as_reading_again() {
        let docs = || Role::Document("docs".into());
        let cases: [(&str, Option<&[u8]>, Effect); 18] = [
            ("_posts/2026-01-02-a.md", Some(b"---\ntitle: B\n---\n"), Effect::Input(Role::Post)),
            (
                "_posts/2026-01-02-a.md",
                Some(b"---\ntitle: A\n---\nText.\n"),
                Effect::Input(Role::Post),
            ),
            ("_posts/2026-01-02-a.md", None, Effect::Input(Role::Post)),
            ("_posts/2026-01-03-new.md", Some(b"New"), Effect::Input(Role::Post)),
            ("_posts/2026-01-03-bad.md", Some(b"\xff"), Effect::Input(Role::Post)),
            ("_layouts/post.html", Some(b"{{ content }}"), Effect::None),
            ("_docs/a.md", Some(b"no front matter"), Effect::Input(docs())),
            ("_docs/b.png", Some(b"\x89"), Effect::Input(docs())),
            ("page.md", Some(b"no front matter"), Effect::Input(Role::Page)),
            ("bare.md", Some(b"\xff\xfe"), Effect::Input(Role::Page)),
            ("image.png", Some(b"---\n---\nA page"), Effect::Input(Role::Page)),
            ("image.png", None, Effect::Input(Role::Page)),
            ("experiments/x/files/0123abcd-a.csv", Some(b"a,c\n"), Effect::Input(Role::Artifact)),
            ("experiments/x/runs/a-s0-0123abcd.json", None, Effect::Input(Role::Record)),
            ("secret/a.md", Some(b"---\n---\n"), Effect::None),
            ("experiments/x/train.py", Some(b"print()"), Effect::Program),
            ("_config.yml", Some(b"title: Other\n"), Effect::Everything),
            ("experiments/data/set.yml", Some(b"title: Set\n"), Effect::Everything),
        ];
        for (path, content, effect) in cases {
            check(path, content, &effect);
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test changes files on disk")]
    fn a_change_to_what_replaces_the_built_in_theme_needs_the_whole_site() {
        let site = tempfile::tempdir().unwrap();
        std::fs::create_dir(site.path().join("_posts")).unwrap();
        std::fs::write(site.path().join("_posts/2026-01-02-a.md"), "A").unwrap();
        let roles = crate::config::read(None).0.roles;
        let inputs = read(site.path(), &roles).unwrap();
        assert!(inputs.has_built_in_theme() && inputs.is_built_in("_includes/footer.html"));
        let effect = |path: &str, text: &str| {
            inputs.clone().apply(Change::Written(path.to_owned(), text.as_bytes().to_vec()))
        };
        assert_eq!(effect("_includes/footer.html", "Mine"), Effect::Everything);
        assert_eq!(effect("_layouts/own.html", "{{ content }}"), Effect::Everything);
        let of_theme = "---\nlayout: post\n---\n{{ content }}";
        assert_eq!(effect("_layouts/own.html", of_theme), Effect::Input(Role::Layout));
        let replaced = inputs.clone().with("_includes/footer.html", "Mine");
        let mut replaced = Inputs { origins: BTreeMap::new(), ..replaced };
        let removed = Change::Removed("_includes/footer.html".to_owned());
        assert_eq!(replaced.apply(removed), Effect::Everything);
    }
}
