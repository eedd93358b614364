//! Every input of a build, read once, as one ordered value.
//!
//! The only reader of the site's folder. Texts (posts, layouts, YAML, records) are held with their
//! content; static files (images, fonts) by their place on disk and their size only, so that a blog
//! with gigabytes of pictures is never in memory. The code of experiments is digested when it is
//! asked for: `inputs` of each experiment says which files it is. Tests build a `Source` by hand
//! with [`Source::with`].

pub mod inputs;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use crate::data;
use crate::destination::is_destination;
use crate::diagnostic::{Diagnostic, Place};
use crate::digest::Digest;
use crate::experiment::record::COMMITTED_UP_TO;
use crate::roles::{Known, Role, Roles};

/// All inputs of a build, by path from the site's root with `/` between parts.
#[derive(Debug, Clone, Default)]
pub struct Source {
    texts: BTreeMap<String, String>,
    statics: BTreeMap<String, StaticFile>,
    /// The folder that was read; `None` if the source was made by hand.
    root: Option<PathBuf>,
    /// The weights digested so far, by path: several variants may begin with the same.
    weights: Arc<Mutex<BTreeMap<String, Digest>>>,
    results: BTreeMap<String, ResultFile>,
    unreadable: Vec<Diagnostic>,
    /// Texts that had the line ends of Windows throughout.
    from_windows: BTreeSet<String>,
    /// Where files lie whose path in the build is another: those of a theme, and of folders that
    /// `_config.yml` names.
    origins: BTreeMap<String, String>,
}

/// A file that goes to the site as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticFile {
    /// Where it lies on this machine.
    pub on_disk: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
}

/// A file that lies beside a record. Its content is held unless it is too large to be committed.
#[derive(Debug, Clone)]
struct ResultFile {
    digest: Digest,
    bytes: Option<Vec<u8>>,
}

impl Source {
    /// Adds a text file, or replaces it.
    #[must_use]
    pub fn with(mut self, path: impl Into<String>, text: impl Into<String>) -> Source {
        self.insert(path.into(), text.into());
        self
    }

    fn insert(&mut self, path: String, text: String) {
        if text.contains("\r\n") && !text.contains("\n\n") {
            self.from_windows.insert(path.clone());
        }
        self.texts.insert(path, normalized(text));
    }

    /// The content of the text file at `path`.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// Whether no blank line of the text follows a mere `\n`. [`text`](Source::text) has `\n` only,
    /// whatever the file has.
    pub fn has_windows_ends(&self, path: &str) -> bool {
        self.from_windows.contains(path)
    }

    /// All text files whose path starts with `prefix`, in order of path.
    pub fn texts_under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.texts
            .range(prefix.to_owned()..)
            .take_while(move |(path, _)| path.starts_with(prefix))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// All static files, in order of path.
    pub fn statics(&self) -> impl Iterator<Item = (&str, &StaticFile)> {
        self.statics.iter().map(|(path, file)| (path.as_str(), file))
    }

    /// The files that the program of an experiment is made of, with the digests of their contents;
    /// see [`inputs`].
    pub fn inputs(
        &self,
        experiment: &str,
        patterns: Option<&[String]>,
    ) -> Result<BTreeMap<String, Digest>, inputs::InputError> {
        let root = self.root.as_deref().unwrap_or(Path::new("/nonexistent"));
        let found = inputs::gather(&root.join("experiments").join(experiment), patterns)?;
        Ok(found.into_iter().map(|(path, input)| (path, input.digest)).collect())
    }

    /// The digest of a file of weights below `experiments/`; `None` if there is none.
    pub fn weights(&self, path: &str) -> Option<Digest> {
        let is_below = path.starts_with("experiments/")
            && !path.split('/').any(|part| matches!(part, "" | "." | ".."));
        let on_disk = self.root.as_ref().filter(|_| is_below)?.join(path);
        let mut known = self.weights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(digest) = known.get(path) {
            return Some(*digest);
        }
        let digest = inputs::read(&on_disk).ok()?.digest;
        known.insert(path.to_owned(), digest);
        Some(digest)
    }

    /// The digest of a file that lies beside a record: `experiments/NAME/files/…`.
    pub fn result_file(&self, path: &str) -> Option<Digest> {
        self.results.get(path).map(|file| file.digest)
    }

    /// The contents of all files that lie beside records and are small enough to be committed, in
    /// order of path.
    pub fn result_files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.results.iter().filter_map(|(path, file)| Some((path.as_str(), file.bytes.as_deref()?)))
    }

    /// The same, with the files beside the records of another site, whose paths are the same only
    /// for the same content.
    #[must_use]
    pub fn with_result_files_of(mut self, other: Source) -> Source {
        self.results.extend(other.results);
        self
    }

    /// Where the file lies that the build knows by `path`.
    pub fn origin<'a>(&'a self, path: &'a str) -> &'a str {
        self.origins.get(path).map_or(path, String::as_str)
    }

    /// The diagnostic with the path at which its file lies.
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

    /// Whether any file of the build lies in a folder, which is named by its path from the site's
    /// root.
    pub fn has_files_in(&self, folder: &str) -> bool {
        let paths = self.texts.keys().chain(self.statics.keys()).chain(self.results.keys());
        let is_in =
            |path: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        paths.map(|path| self.origin(path)).any(is_in)
    }

    /// The folder that was read; empty if the source was made by hand.
    pub fn root(&self) -> &Path {
        self.root.as_deref().unwrap_or(Path::new(""))
    }

    /// Reads files that were written beside records since, by their paths from the folder `root`.
    pub fn read_results(&mut self, root: &Path, paths: &[String]) -> io::Result<()> {
        for path in paths {
            if let Input::Result(file, _) = read_result(path, &root.join(path))? {
                self.results.insert(path.clone(), file);
            }
        }
        Ok(())
    }

    /// Files that should be text and are not, and what is not a file at all.
    pub fn unreadable(&self) -> &[Diagnostic] {
        &self.unreadable
    }
}

/// Reads the site at `root`, as far as its [`Roles`] say.
///
/// Line ends become `\n` and a byte order mark is dropped, so that a checkout on Windows builds the
/// same bytes. Left out are folders of data sets, and folders that a site was written to.
pub fn read(root: &Path, roles: &Roles) -> io::Result<Source> {
    let roles = &roles.clone().without(data_folders(root)?);
    let (mut found, mut of_theme, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
    let mut links = Links::of(root, roles)?;
    // A link is read as what it leads to, if that lies in the site; walkdir sees when it leads back
    // to where it is.
    let walk = walkdir::WalkDir::new(root).follow_links(true).sort_by_file_name().into_iter();
    let is_read = |entry: &walkdir::DirEntry| {
        if entry.depth() == 0 {
            return true;
        }
        let is_folder = entry.file_type().is_dir();
        let is_of_the_site = match roles.known_as(&site_path(root, entry.path())) {
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
            // A link that leads nowhere or in a circle is no file.
            Err(error) if error.path().is_some_and(Path::is_symlink) => continue,
            Err(error) => {
                let path = error.path().unwrap_or(root).display().to_string();
                return Err(io::Error::other(format!("cannot read `{path}`: {error}")));
            }
        };
        if entry.file_type().is_dir() {
            continue;
        }
        let at = site_path(root, entry.path());
        let (path, found) = match roles.known_as(&at) {
            Known::As(path) => (path.into_owned(), &mut found),
            Known::OfTheme(path) => (path.into_owned(), &mut of_theme),
            Known::OnTheWay | Known::Not => continue,
        };
        if entry.file_type().is_file() {
            found.push((path, at, entry.into_path()));
        } else if roles.role(&path) != Role::LeftOut {
            let message = "is not a regular file, but a pipe, a socket or a device";
            unreadable.push(
                Diagnostic::new(Place::file(at), message)
                    .hint("remove it, or name it under `exclude`"),
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
        .filter_map(|(role, path, on_disk)| match role {
            Role::Text => Some(read_text(&path, &on_disk).map(|input| (path, input))),
            // Nobody has asked for it yet, so that it is no error if it is no text.
            Role::Part => match read_text(&path, &on_disk) {
                Ok(Input::NotText(_)) => None,
                input => Some(input.map(|input| (path, input))),
            },
            Role::Post | Role::Draft => read_post(&path, &on_disk, roles)
                .map(|input| input.map(|input| (path, input)))
                .transpose(),
            Role::Page if roles.may_be_bare(&path) => match read_text(&path, &on_disk) {
                Ok(Input::NotText(_)) => {
                    Some(read_entry(&path, on_disk).map(|input| (path, input)))
                }
                input => Some(input.map(|input| (path, input))),
            },
            Role::Page | Role::InCollection(_) => {
                Some(read_entry(&path, on_disk).map(|input| (path, input)))
            }
            Role::Result => Some(read_result(&path, &on_disk).map(|input| (path, input))),
            Role::LeftOut => None,
        })
        .collect::<io::Result<_>>()?;
    let mut source = Source { origins, root: Some(root.to_owned()), ..gathered(read) };
    source.unreadable.extend(unreadable);
    Ok(source)
}

/// The links that are followed, so that nothing is read by another name that the rules leave out by
/// its own.
struct Links<'a> {
    /// The folder that is walked.
    walked: &'a Path,
    /// The same folder without links.
    root: PathBuf,
    roles: &'a Roles,
    /// Folders that are links and that the walk is in, the outermost first.
    inside: Vec<PathBuf>,
    /// How often a folder was reached through links.
    visits: BTreeMap<PathBuf, usize>,
    too_many: Option<Diagnostic>,
}

/// How often a folder may be reached through links. Folders that each link to the next twice double
/// at every step.
const MAX_VISITS: usize = 1000;
/// How many links may lead to each other.
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

    /// Whether the entry is reached without links, or would be read where it really lies. Asked in
    /// the order of the walk.
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
        let (link, path) = (site_path(self.walked, entry.path()), site_path(&self.root, &target));
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
                "is reached through more than {MAX_NESTED} links that lead to each other, or through links more than \
                 {MAX_VISITS} times"
            );
            let hint = "remove links in folders that lead to folders with links";
            self.too_many = Some(Diagnostic::new(Place::file(path), message).hint(hint));
            return false;
        }
        if entry.path_is_symlink() {
            self.inside.push(entry.path().to_owned());
        }
        true
    }

    /// Whether the rules let the build read what lies at `path`, and publish it if it is a draft.
    fn is_read_there(&self, path: &str, is_folder: bool, is_draft: bool) -> bool {
        let folders = crate::output::folders(path).map(|folder| (folder, true));
        let mut parts = folders.chain([(path, is_folder)]);
        let is_read = parts.all(|(path, is_folder)| match self.roles.known_as(path) {
            Known::As(path) | Known::OfTheme(path) => !self.roles.is_left_out(&path, is_folder),
            Known::OnTheWay => true,
            Known::Not => false,
        });
        is_read && (is_draft || !path.split('/').any(|part| part == "_drafts"))
    }
}

/// The folders of the site that declarations of data sets name: data are never published.
#[expect(clippy::disallowed_methods, reason = "`source` is the one reader of the site's folder")]
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

/// Reads one file of the site, or `None` if there is no such file. For `_config.yml`, which says
/// what to leave out.
pub fn read_one(root: &Path, path: &str) -> io::Result<Option<String>> {
    let on_disk = root.join(path);
    match read_bytes(&on_disk) {
        Ok(bytes) => Ok(Some(normalized(String::from_utf8_lossy(&bytes).into_owned()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether two regular files hold the same bytes.
pub(crate) fn is_same_content(one: &Path, other: &Path) -> io::Result<bool> {
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

/// Opens a regular file to read it. Anything else is an error, since a pipe or a device may never
/// end.
#[expect(clippy::disallowed_methods, reason = "`source` is the one reader of the site's folder")]
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    let not_regular = || io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
    if !std::fs::metadata(path)?.is_file() {
        return Err(not_regular());
    }
    let mut options = File::options();
    #[cfg(unix)]
    {
        // If it has become a pipe in between, opening it does not wait for somebody who writes.
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

enum Input {
    Text(String),
    Static(StaticFile),
    /// The text is of JSON only.
    Result(ResultFile, Option<String>),
    NotText(Diagnostic),
}

fn gathered(read: Vec<(String, Input)>) -> Source {
    let mut source = Source::default();
    for (path, input) in read {
        match input {
            Input::Text(text) => source.insert(path, text),
            Input::Static(file) => drop(source.statics.insert(path, file)),
            Input::Result(file, text) => {
                source.texts.extend(text.map(|text| (path.clone(), text)));
                source.results.insert(path, file);
            }
            Input::NotText(diagnostic) => source.unreadable.push(diagnostic),
        }
    }
    source
}

fn read_text(path: &str, on_disk: &Path) -> io::Result<Input> {
    let bytes = read_bytes(on_disk)?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Input::Text(text),
        Err(error) => {
            let offset = error.utf8_error().valid_up_to();
            let message = format!("is not UTF-8 text: byte {offset} cannot be read");
            Input::NotText(Diagnostic::new(Place::file(path), message).hint("save it as UTF-8"))
        }
    })
}

/// A post; or `None`, if it is a picture that lies among them.
fn read_post(path: &str, on_disk: &Path, roles: &Roles) -> io::Result<Option<Input>> {
    let is_surely_text = roles.is_markdown(path) || path.ends_with(".html");
    Ok(match read_text(path, on_disk)? {
        Input::NotText(_) if !is_surely_text => None,
        input => Some(input),
    })
}

/// A text if it has front matter, or is a style sheet that others may import; else a static file,
/// of which no more is read than its first bytes.
fn read_entry(path: &str, on_disk: PathBuf) -> io::Result<Input> {
    let is_sass = path.ends_with(".scss") || path.ends_with(".sass");
    if is_sass { read_text(path, &on_disk) } else { read_static(path, on_disk) }
}

fn read_static(path: &str, on_disk: PathBuf) -> io::Result<Input> {
    let mut start = Vec::new();
    let file = open_file(&on_disk).map_err(|error| with_path(&error, &on_disk))?;
    let bytes = file.metadata().map_err(|error| with_path(&error, &on_disk))?.len();
    file.take(FRONT_MATTER_START)
        .read_to_end(&mut start)
        .map_err(|error| with_path(&error, &on_disk))?;
    if starts_with_front_matter(&start) {
        return read_text(path, &on_disk);
    }
    Ok(Input::Static(StaticFile { on_disk, bytes }))
}

/// How many bytes tell whether a file starts with front matter.
const FRONT_MATTER_START: u64 = 64;

/// Whether a file starts with the line `---`, which makes a page of any file.
fn starts_with_front_matter(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let after = bytes.strip_prefix(b"---").unwrap_or_default();
    matches!(after.iter().find(|byte| !matches!(byte, b' ' | b'\t')), Some(b'\n' | b'\r'))
}

fn read_result(path: &str, on_disk: &Path) -> io::Result<Input> {
    let cannot_read = |error: io::Error| with_path(&error, on_disk);
    let mut file = open_file(on_disk).map_err(cannot_read)?;
    let mut bytes = Vec::new();
    (&mut file).take(COMMITTED_UP_TO + 1).read_to_end(&mut bytes).map_err(cannot_read)?;
    if bytes.len() as u64 > COMMITTED_UP_TO {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&bytes).update_reader(file).map_err(cannot_read)?;
        return Ok(Input::Result(
            ResultFile { digest: hasher.finalize().into(), bytes: None },
            None,
        ));
    }
    let text = if path.ends_with(".json") { String::from_utf8(bytes.clone()).ok() } else { None };
    Ok(Input::Result(
        ResultFile { digest: Digest::of(&bytes), bytes: Some(bytes) },
        text.map(normalized),
    ))
}

fn with_path(error: &io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("cannot read `{}`: {error}", path.display()))
}

fn normalized(text: String) -> String {
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    };
    // An old Mac ends lines with `\r` alone.
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text }
}

/// The path of something under `root`, from there, with `/` between parts. A name that is no
/// Unicode gets marks in it.
pub(crate) fn site_path(root: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(root).expect("walked from root");
    inside.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
