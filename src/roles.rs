//! Decides what each file of the site is for, by its path and `_config.yml`: Jekyll's rules, plus
//! our folder of experiments.
//!
//! Works on paths only: reading files is [`inputs`](crate::inputs)' part.

use std::borrow::Cow;
use std::sync::Arc;

use serde_yaml::{Mapping, Value};

use crate::compat::Compat;
use crate::path;
use crate::theme;

/// The path of the configuration.
pub const CONFIG: &str = "_config.yml";

/// What a file is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// The configuration.
    Config,
    /// A layout.
    Layout,
    /// An include.
    Include,
    /// A data file.
    Data,
    /// What pages can cite, and the style of citations.
    Bibliography,
    /// A part of a style sheet, in `_sass`.
    Sass,
    /// Text that is only included by others: parts of style sheets and scripts whose name, or whose
    /// folder's name, begins with an underscore.
    Part,
    /// A post: a file in any folder `_posts`.
    Post,
    /// A draft: a file in any folder `_drafts`.
    Draft,
    /// A file of the collection with this name: a document if it has front matter, otherwise a
    /// static file.
    Document(Arc<str>),
    /// A page if it has front matter, otherwise a static file.
    Page,
    /// The declaration of an experiment.
    Experiment,
    /// The declaration of a data set.
    DataSet,
    /// The record of a run.
    Record,
    /// A pin: the results that a post keeps showing.
    Pin,
    /// The verdict of a re-run.
    Verification,
    /// A file of a record.
    Artifact,
    /// Nothing.
    LeftOut,
}

/// The path by which the build knows a file or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known<'p> {
    /// This one.
    As(Cow<'p, str>),
    /// This one, unless the site has its own file there.
    OfTheme(Cow<'p, str>),
    /// None, but files inside the folder have one.
    OnTheWay,
    /// None: it is not part of the site.
    Not,
}

/// The rules of a site.
#[derive(Debug, Clone)]
pub struct Roles {
    /// Jekyll's patterns. A path that starts with one is also excluded.
    exclude: Vec<String>,
    include: Vec<String>,
    /// Files and folders at the root that are never read: the destination and those of other tools.
    ours: Vec<String>,
    collections_dir: String,
    collections: Vec<Arc<str>>,
    markdown_endings: Vec<String>,
    /// The folder of the site relative to that of `_config.yml`; empty if they are the same.
    source: String,
    /// The folder with the theme's files.
    theme: String,
    /// Whether Markdown without front matter may become a page.
    has_bare_pages: bool,
    /// Folders that replace `_layouts`, `_includes` and `_data`.
    folders: Vec<(String, &'static str)>,
    /// When the site uses the built-in theme.
    built_in_theme: theme::Use,
    /// The files that `bibliography` and `citation_style` name.
    bibliography: Vec<String>,
}

/// What Jekyll excludes unless `include` names it.
const JEKYLL_EXCLUDES: [&str; 10] = [
    ".sass-cache",
    ".jekyll-cache",
    "gemfiles",
    "Gemfile",
    "Gemfile.lock",
    "node_modules",
    "vendor/bundle/",
    "vendor/cache/",
    "vendor/gems/",
    "vendor/ruby/",
];
/// Folders with text files that the build reads and never publishes unchanged.
const TEXT_FOLDERS: [&str; 4] = ["_layouts", "_includes", "_data", "_sass"];
/// The folders that are read from a theme.
const THEME_FOLDERS: [&str; 5] = ["_layouts", "_includes", "_sass", "_data", "assets"];
/// Folders at the root that a site is never written to, even if they are empty.
const SOURCE_FOLDERS: [&str; 3] = ["experiments", "src", "assets"];
/// Plugins that make Markdown without front matter a page.
const BARE_PAGES: [&str; 3] =
    ["jekyll-optional-front-matter", "jekyll-readme-index", "github-pages"];
/// The first characters of names that are not published.
const SPECIAL: [char; 4] = ['.', '_', '#', '~'];

impl Default for Roles {
    fn default() -> Roles {
        let roles = Roles::of(&Mapping::new(), &Compat::LABPRESS);
        Roles { built_in_theme: theme::Use::Never, ..roles }
    }
}

impl Roles {
    /// The rules set in `_config.yml`. Invalid values are ignored here, because the configuration
    /// is checked elsewhere.
    pub(crate) fn of(config: &Mapping, compat: &Compat) -> Roles {
        let texts = |key: &str| -> Vec<String> {
            match config.get(key) {
                Some(Value::Sequence(items)) => {
                    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
                }
                Some(Value::String(text)) => vec![text.clone()],
                _ => Vec::new(),
            }
        };
        let text = |key: &str| config.get(key).and_then(Value::as_str);
        let mut include = texts("include");
        if config.get("include").is_none() {
            include.push(".htaccess".to_owned());
        }
        let mut ours: Vec<String> = compat.excludes.iter().map(|name| (*name).to_owned()).collect();
        let destination = match config.get("destination") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Bool(switch)) => switch.to_string(),
            _ => compat.destination.to_owned(),
        };
        ours.push(path::plain(&destination));
        ours.retain(|name| !include.contains(name));
        let exclude = texts("exclude").into_iter().chain(JEKYLL_EXCLUDES.map(str::to_owned));
        let exclude = exclude.filter(|pattern| !include.contains(pattern)).collect();
        let folder = |key: &str| {
            let folder = text(key)?.trim_start_matches("./").trim_matches('/');
            (!folder.is_empty() && folder != "." && !folder.starts_with(".."))
                .then(|| folder.to_owned())
        };
        let folders =
            [("layouts_dir", "_layouts"), ("includes_dir", "_includes"), ("data_dir", "_data")];
        let folders = folders.into_iter().filter_map(|(key, kind)| Some((folder(key)?, kind)));
        let folders = folders.filter(|(folder, kind)| folder != kind).collect();
        let plugins = [texts("plugins"), texts("gems")].concat();
        let has_bare_pages =
            BARE_PAGES.iter().any(|name| plugins.iter().any(|plugin| plugin == name));
        let markdown_endings =
            text("markdown_ext").unwrap_or("markdown,mkdown,mkdn,mkd,md").split(',');
        let named = if compat.extends_markdown {
            [texts("bibliography"), texts("citation_style")].concat()
        } else {
            Vec::new()
        };
        let bibliography = named.iter().map(|path| path::plain(path)).collect();
        Roles {
            exclude,
            include,
            ours,
            collections_dir: text("collections_dir").unwrap_or("").trim_matches('/').to_owned(),
            collections: collection_names(config.get("collections")),
            markdown_endings: markdown_endings.map(|ending| ending.trim().to_lowercase()).collect(),
            source: folder("source").unwrap_or_default(),
            theme: folder("theme_dir").unwrap_or_else(|| "_theme".to_owned()),
            has_bare_pages,
            folders,
            built_in_theme: match config.get("theme") {
                _ if !compat.has_built_in_theme => theme::Use::Never,
                None | Some(Value::Null) => theme::Use::WhereNeeded,
                Some(Value::String(name)) if name == theme::NAME => theme::Use::Always,
                Some(_) => theme::Use::Never,
            },
            bibliography,
        }
    }

    /// When the site uses the built-in theme.
    pub(crate) fn built_in_theme(&self) -> theme::Use {
        self.built_in_theme
    }

    /// Whether the file is read as text even without front matter, because a plugin makes it a
    /// page.
    pub(crate) fn may_be_bare(&self, path: &str) -> bool {
        self.has_bare_pages && self.is_markdown(path)
    }

    /// The path by which the build knows `path`. All later stages use that one.
    pub(crate) fn known_as<'p>(&self, path: &'p str) -> Known<'p> {
        if path == CONFIG || path == "experiments" || path.starts_with("experiments/") {
            return Known::As(path.into());
        }
        let Some(inside) = path::inside_of(path, &self.source) else {
            let is_on_the_way = path::inside_of(&self.source, path).is_some();
            return if is_on_the_way { Known::OnTheWay } else { Known::Not };
        };
        if inside.is_empty() {
            return Known::OnTheWay;
        }
        let is_ours = self.ours.iter().any(|ours| ours == path);
        let is_other_config = inside.len() < path.len() && inside == CONFIG;
        if is_ours || is_other_config {
            return Known::Not;
        }
        if let Some(file) = path::inside_of(inside, &self.theme) {
            let is_read =
                THEME_FOLDERS.iter().any(|folder| path::inside_of(file, folder).is_some());
            return match file {
                "" => Known::OnTheWay,
                file if is_read => Known::OfTheme(file.into()),
                _ => Known::Not,
            };
        }
        for (folder, kind) in &self.folders {
            match path::inside_of(inside, folder) {
                Some("") => return Known::As((*kind).into()),
                Some(file) => return Known::As(format!("{kind}/{file}").into()),
                None if path::inside_of(folder, inside).is_some() => return Known::OnTheWay,
                None if path::inside_of(inside, kind).is_some() => return Known::Not,
                None => {}
            }
        }
        Known::As(inside.into())
    }

    /// Whether a folder, by its path from the site's root, is for source files: hidden folders,
    /// those that begin with an underscore, those of experiments, code, assets and the theme, and
    /// those that the configuration names. Ignores case, because some file systems do.
    pub fn is_for_sources(&self, path: &str) -> bool {
        let path = path.to_lowercase();
        let is_named_so = |(at, part): (usize, &str)| {
            part.starts_with('.') || part.starts_with('_') && !(at == 0 && part == "_site")
        };
        let inside =
            path::inside_of(&path, &self.source.to_lowercase()).unwrap_or(&path).to_owned();
        let names = [self.theme.as_str(), self.collections_dir.as_str()];
        let configured =
            names.into_iter().chain(self.folders.iter().map(|(folder, _)| folder.as_str()));
        let mut known =
            configured.chain(SOURCE_FOLDERS).filter(|name| !name.is_empty()).map(str::to_lowercase);
        let is_related = |name: &str| {
            [&path, &inside].iter().any(|path| {
                path::inside_of(path, name).is_some() || path::inside_of(name, path).is_some()
            })
        };
        let holds_the_source = path::inside_of(&self.source.to_lowercase(), &path).is_some();
        holds_the_source
            || inside.split('/').enumerate().any(is_named_so)
            || known.any(|name| is_related(&name))
    }

    /// The same rules, with more files or folders at the root left out.
    #[must_use]
    pub fn without(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Roles {
        let names = names.into_iter().map(Into::into);
        self.ours.extend(names.filter(|name| !self.include.contains(name)));
        self
    }

    /// Whether nothing at or below the path is read. Must be called from the root downwards.
    pub(crate) fn is_left_out(&self, path: &str, is_folder: bool) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        // These are left out even if `include` names them.
        if matches!(name, ".git" | ".labpress") || name.starts_with(".labpress-") {
            return true;
        }
        if self.ours.iter().any(|ours| ours == path) {
            return true;
        }
        let is_special = name.starts_with(SPECIAL) || name.ends_with('~');
        if is_special && self.is_known_special(path, is_folder) {
            return false;
        }
        // Any folder that begins with an underscore may contain parts.
        if is_folder && name.starts_with('_') {
            return self.exclude.iter().any(|pattern| matches(pattern, path, true));
        }
        if !is_folder && (self.is_hidden(path) || name.starts_with('_') && is_part(name)) {
            return !is_part(name) || name.starts_with(['.', '#', '~']);
        }
        let is_special = match path.split_once('/') {
            // Names of layouts and includes may start with any other character.
            Some(("experiments", _)) => name.starts_with('.'),
            Some((root, _)) if TEXT_FOLDERS.contains(&root) => name.starts_with('.'),
            _ => is_special,
        };
        let is_included = self.is_included(path, is_folder)
            // The parent folders of what is included must be read.
            || is_folder && self.include.iter().any(|pattern| pattern.trim_start_matches('/').starts_with(&format!("{path}/")));
        let is_excluded = self
            .exclude
            .iter()
            .any(|pattern| matches(pattern, self.seen_by_exclude(path), is_folder));
        !is_included && (is_excluded || is_special)
    }

    /// Whether neither the file at the path nor any folder above it is left out.
    pub(crate) fn is_reached(&self, path: &str) -> bool {
        path::folders(path).all(|folder| !self.is_left_out(folder, true))
            && !self.is_left_out(path, false)
    }

    /// Whether the path is in a folder that begins with an underscore and is neither known nor
    /// included.
    fn is_hidden(&self, path: &str) -> bool {
        let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
        folders
            .filter(|folder| folder.rsplit('/').next().is_some_and(|name| name.starts_with('_')))
            .any(|folder| {
                let root = folder.split('/').next().unwrap_or(folder);
                let is_text = TEXT_FOLDERS.contains(&root) || root == "experiments";
                !is_text && !self.is_known_special(folder, true) && !self.is_included(folder, true)
            })
    }

    /// Whether `include` names the path. Its patterns apply to names; those with a slash, to paths.
    pub(crate) fn is_included(&self, path: &str, is_folder: bool) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        let is_path = |pattern: &str| pattern.trim_matches('/').contains('/');
        self.include
            .iter()
            .any(|pattern| matches(pattern, if is_path(pattern) { path } else { name }, is_folder))
    }

    /// The path that `exclude` applies to: for documents, relative to the folder of all
    /// collections.
    fn seen_by_exclude<'p>(&self, path: &'p str) -> &'p str {
        let inside = self.inside_collections(path);
        if inside.starts_with('_') { inside } else { path }
    }

    fn is_known_special(&self, path: &str, is_folder: bool) -> bool {
        if !is_folder {
            return path == CONFIG;
        }
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let is_at_root = parent.is_empty() && TEXT_FOLDERS.contains(&name);
        let is_dated = matches!(name, "_posts" | "_drafts")
            && !parent.split('/').any(|part| part.starts_with('_'));
        let is_posts = is_dated
            && (self.collections_dir.is_empty() || path.starts_with(&self.collections_dir));
        let is_collection = parent == self.collections_dir
            && name
                .strip_prefix('_')
                .is_some_and(|name| self.collections.iter().any(|known| **known == *name));
        is_at_root || is_posts || is_collection
    }

    /// The path relative to the folder of all collections.
    pub(crate) fn inside_collections<'p>(&self, path: &'p str) -> &'p str {
        let inside = if self.collections_dir.is_empty() {
            None
        } else {
            path.strip_prefix(&self.collections_dir)
        };
        inside.and_then(|rest| rest.strip_prefix('/')).unwrap_or(path)
    }

    /// The role of the file at `path`, which must not be left out.
    pub fn role(&self, path: &str) -> Role {
        if path == CONFIG {
            return Role::Config;
        }
        if let Some(inside) = path.strip_prefix("experiments/") {
            return role_in_experiments(inside);
        }
        if self.bibliography.iter().any(|named| named == path) {
            return Role::Bibliography;
        }
        let mut folders = path.split('/').rev().skip(1);
        match folders.find(|folder| matches!(*folder, "_posts" | "_drafts")) {
            Some("_posts") => return Role::Post,
            Some(_) => return Role::Draft,
            None => {}
        }
        let (root, inside) = self.inside_collections(path).split_once('/').unwrap_or(("", path));
        let label = root.strip_prefix('_');
        let label =
            label.and_then(|label| self.collections.iter().find(|known| ***known == *label));
        if let Some(label) = label {
            return Role::Document(label.clone());
        }
        match path.split('/').next().unwrap_or(path) {
            "_layouts" => Role::Layout,
            "_includes" => Role::Include,
            "_sass" => Role::Sass,
            "_data" => {
                let is_data = ["yml", "yaml", "json", "csv", "tsv"]
                    .contains(&path::ending(inside).to_lowercase().as_str());
                match path::ending(inside) {
                    _ if is_data => Role::Data,
                    "bib" => Role::Bibliography,
                    _ => Role::LeftOut,
                }
            }
            _ if is_part(inside) && self.is_hidden(path) => Role::Part,
            _ => {
                let name = path.rsplit('/').next().unwrap_or(path);
                let is_named_so =
                    name.starts_with('_') && is_part(name) && !self.is_included(path, false);
                if is_named_so { Role::Part } else { Role::Page }
            }
        }
    }

    /// Whether the file is Markdown, by its extension.
    pub(crate) fn is_markdown(&self, path: &str) -> bool {
        let ending = path::ending(path).to_lowercase();
        self.markdown_endings.contains(&ending)
    }

    /// The names of collections, in the order of the configuration.
    pub fn collections(&self) -> impl Iterator<Item = &str> {
        self.collections.iter().map(|name| &**name)
    }
}

/// The names in `collections`, a list or a map, except `posts`.
fn collection_names(collections: Option<&Value>) -> Vec<Arc<str>> {
    let names: Vec<&str> = match collections {
        Some(Value::Sequence(names)) => names.iter().filter_map(Value::as_str).collect(),
        Some(Value::Mapping(mapping)) => mapping.keys().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    names.into_iter().filter(|name| *name != "posts").map(Arc::from).collect()
}

/// In an experiment's folder, only `experiment.yml` and what labpress wrote is read here.
/// Everything else may belong to its program, which [`inputs`](crate::inputs::program) collects.
fn role_in_experiments(inside: &str) -> Role {
    let Some((folder, file)) = inside.split_once('/') else { return Role::LeftOut };
    if let Some(role) = made_by_labpress(file) {
        role
    } else if file == "experiment.yml" || file.ends_with("/experiment.yml") {
        Role::Experiment
    } else if folder == "data" && (file.ends_with(".yml") || file.ends_with(".yaml")) {
        Role::DataSet
    } else {
        Role::LeftOut
    }
}

/// The role of a file that labpress wrote to an experiment's folder, by its path in that folder;
/// `None` if labpress did not write it.
pub(crate) fn made_by_labpress(path: &str) -> Option<Role> {
    let (folder, name) = path.split_once('/').filter(|(_, name)| !name.contains('/'))?;
    let is_id = |text: &str| {
        text.len() == 8 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    // `VARIANT-sSEED-FINGERPRINT8`.
    let is_run = |stem: &str| {
        let mut parts = stem.rsplitn(3, '-');
        let (id, seed, variant) = (parts.next(), parts.next(), parts.next());
        let is_seed =
            |seed: &str| !seed.is_empty() && seed.bytes().all(|byte| byte.is_ascii_digit());
        id.is_some_and(is_id)
            && seed.and_then(|seed| seed.strip_prefix('s')).is_some_and(is_seed)
            && variant.is_some_and(|variant| !variant.is_empty())
    };
    let stem = || name.strip_suffix(".json");
    let (role, is_named_so) = match folder {
        "runs" => (Role::Record, stem().is_some_and(is_run)),
        "pins" => (Role::Pin, stem().is_some_and(is_id)),
        "files" => (
            Role::Artifact,
            name.split_once('-').is_some_and(|(id, rest)| is_id(id) && !rest.is_empty()),
        ),
        "verifications" => (
            Role::Verification,
            stem().is_some_and(|stem| stem.match_indices('-').any(|(at, _)| is_run(&stem[..at]))),
        ),
        _ => return None,
    };
    is_named_so.then_some(role)
}

/// Whether other files may include a file of this name: style sheets with `@import`, others with
/// `include_relative`.
fn is_part(name: &str) -> bool {
    let endings = [
        "scss", "sass", "css", "js", "html", "htm", "md", "markdown", "svg", "txt", "xml", "json",
        "liquid",
    ];
    endings.contains(&path::ending(name))
}

/// Whether a pattern of `exclude` or `include` matches a path: as a glob whose `*` also matches
/// slashes, or as a prefix.
fn matches(pattern: &str, path: &str, is_folder: bool) -> bool {
    let pattern = pattern.trim_start_matches("./").trim_start_matches('/');
    let is_this_folder = is_folder && pattern.strip_suffix('/') == Some(path);
    !pattern.is_empty()
        && (path.starts_with(pattern)
            || is_this_folder
            || is_glob_for(pattern.as_bytes(), path.as_bytes()))
}

/// Whether a glob matches the whole text. Takes at most length × length steps.
fn is_glob_for(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut in_text) = (0, 0);
    // Where to resume when what follows a star did not match.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let step = match pattern.get(at) {
            Some(b'*') => {
                retry = Some((at + 1, in_text));
                at += 1;
                continue;
            }
            None if in_text == text.len() => return true,
            Some(_) if in_text < text.len() => one_character(&pattern[at..], text[in_text]),
            _ => None,
        };
        match (step, retry) {
            (Some(length), _) => {
                at += length;
                in_text += 1;
            }
            (None, Some((after_star, from))) if from < text.len() => {
                retry = Some((after_star, from + 1));
                (at, in_text) = (after_star, from + 1);
            }
            (None, _) => return false,
        }
    }
}

/// How much of the pattern matches the character; `None` if it does not match.
fn one_character(pattern: &[u8], character: u8) -> Option<usize> {
    match pattern[0] {
        b'?' => Some(1),
        b'\\' if pattern.len() > 1 => (pattern[1] == character).then_some(2),
        b'[' => {
            let end = pattern.iter().skip(2).position(|&byte| byte == b']')? + 2;
            let set = &pattern[1..end];
            let (is_inverse, set) = match set {
                [b'!' | b'^', rest @ ..] => (true, rest),
                set => (false, set),
            };
            let mut is_in = false;
            let mut rest = set;
            while let [first, tail @ ..] = rest {
                if let [b'-', last, after @ ..] = tail {
                    is_in |= (*first..=*last).contains(&character);
                    rest = after;
                } else {
                    is_in |= *first == character;
                    rest = tail;
                }
            }
            (is_in != is_inverse).then_some(end + 1)
        }
        byte => (byte == character).then_some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn of_config(text: &str) -> Roles {
        config::read(Some(text)).0.roles
    }

    #[track_caller]
    fn check(config: &str, read: &[&str], left_out: &[&str]) {
        let roles = of_config(config);
        for path in read {
            assert!(roles.is_reached(path), "`{path}` is read");
        }
        for path in left_out {
            assert!(!roles.is_reached(path), "`{path}` is left out");
        }
    }

    #[test]
    fn hidden_and_backup_files_are_left_out() {
        check(
            "",
            &[
                "a.md",
                "b/c.png",
                ".htaccess",
                "_posts/a.md",
                "x/_drafts/b.md",
                "_layouts/a/b.html",
                "_data/x/y.yml",
            ],
            &[
                ".env",
                "_other/a.png",
                "#a.md#",
                "~a",
                "b.md~",
                "x/_y/.z.md",
                ".git/config",
                "_layouts/.x",
            ],
        );
    }

    #[test]
    fn default_exclusions_apply() {
        check(
            "destination: out",
            &["publications.md", "vendored.md", "a/vendor/b.js"],
            &[
                "Gemfile",
                "Gemfile.lock",
                "node_modules/a/b.js",
                "vendor/x.js",
                "public/a.html",
                "target/a",
                "out/x",
                "_site/x",
            ],
        );
        check(
            "templates: liquid",
            &["public/a.css", "vendor/x.js"],
            &["vendor/bundle/x.rb", "_site/x"],
        );
    }

    #[test]
    fn patterns_are_prefixes_and_globs() {
        check(
            "exclude: [README, '*.tmp', drafts/, 'a/*/c']",
            &["x.md", "drafts.md", "b/README.md"],
            &["README.md", "x/y.tmp", "drafts/x.md", "a/b/c", "a/b/d/c"],
        );
        check(
            "include: [_pages, Gemfile, .well-known]",
            &["_pages/a.md", "Gemfile", ".well-known/x"],
            &[".htaccess", "_x/a"],
        );
        check("include: [vendor]", &["vendor/x.js"], &["vendor/bundle/x"]);
    }

    #[test]
    fn roles_depend_on_the_folder() {
        let roles = of_config("collections: {docs: {output: true}, posts: {}}\n");
        let expected = [
            ("_config.yml", Role::Config),
            ("_layouts/a.html", Role::Layout),
            ("_data/a.png", Role::LeftOut),
            ("_data/a.CSV", Role::Data),
            ("_posts/2026-01-01-a.md", Role::Post),
            ("a/b/_posts/c/2026-01-01-a.md", Role::Post),
            ("a/_drafts/b.md", Role::Draft),
            ("_docs/a/b.md", Role::Document("docs".into())),
            ("docs/a.md", Role::Page),
            ("a.png", Role::Page),
            ("js/_part.js", Role::Part),
            ("_other/a.md", Role::Part),
            ("experiments/x/experiment.yml", Role::Experiment),
            ("experiments/data/x.yml", Role::DataSet),
            ("experiments/x/runs/a-s0-0123abcd.json", Role::Record),
            ("experiments/x/files/0123abcd-a.png", Role::Artifact),
            ("experiments/x/run.py", Role::LeftOut),
            ("experiments/x/config.yml", Role::LeftOut),
            ("experiments/x/lib/runs/a-s0-0123abcd.json", Role::LeftOut),
            ("experiments/x/files/a.png", Role::LeftOut),
        ];
        for (path, role) in expected {
            assert_eq!(roles.role(path), role, "{path}");
        }
    }

    #[test]
    fn collections_may_have_a_folder_of_their_own() {
        let config = "collections_dir: all\ncollections: [docs]\n";
        check(
            config,
            &["all/_docs/a.md", "all/_posts/a.md", "all/x/_posts/a.md"],
            &["_docs/a.png", "_posts/a.png"],
        );
        let roles = of_config(config);
        assert_eq!(roles.role("all/_docs/a.md"), Role::Document("docs".into()));
        assert_eq!(roles.inside_collections("all/_docs/a.md"), "_docs/a.md");
    }

    #[track_caller]
    fn check_known(config: &str, expected: &[(&str, &str)]) {
        let roles = of_config(config);
        for (path, known) in expected {
            let found = match roles.known_as(path) {
                Known::As(path) => path.into_owned(),
                Known::OfTheme(path) => format!("theme {path}"),
                Known::OnTheWay => "on the way".to_owned(),
                Known::Not => "not".to_owned(),
            };
            assert_eq!(found, *known, "{path}");
        }
    }

    #[test]
    fn files_of_a_theme_count_as_those_of_the_site() {
        let expected = [
            ("_theme", "on the way"),
            ("_theme/_layouts/a.html", "theme _layouts/a.html"),
            ("_theme/assets/a.css", "theme assets/a.css"),
            ("_theme/README.md", "not"),
            ("_themes/a", "_themes/a"),
        ];
        check_known("", &expected);
        check_known(
            "theme_dir: parts/minima",
            &[("parts", "parts"), ("parts/minima/_sass/a.scss", "theme _sass/a.scss")],
        );
    }

    #[test]
    fn the_site_and_its_parts_may_be_in_other_folders() {
        let expected = [
            ("templates", "_layouts"),
            ("templates/a/b.html", "_layouts/a/b.html"),
            ("_layouts/a.html", "not"),
            ("src", "on the way"),
            ("src/data/a.yml", "_data/a.yml"),
            ("src/x.md", "on the way"),
        ];
        check_known("layouts_dir: ./templates/\ndata_dir: src/data", &expected[..5]);
        let expected = [
            ("_config.yml", "_config.yml"),
            ("docs", "on the way"),
            ("docs/_posts/a.md", "_posts/a.md"),
            ("docs/_config.yml", "not"),
            ("README.md", "not"),
            ("experiments/a/experiment.yml", "experiments/a/experiment.yml"),
        ];
        check_known("source: docs", &expected);
    }

    #[test]
    fn a_glob_with_many_stars_is_not_exponential() {
        let (pattern, text) = ("*a".repeat(2_000), "a".repeat(1_999));
        assert!(!is_glob_for(pattern.as_bytes(), text.as_bytes()));
        assert!(is_glob_for(b"[a-c]?*\\*", b"bx/y*"));
        assert!(!is_glob_for(b"[!a-c]", b"b"));
    }
}
