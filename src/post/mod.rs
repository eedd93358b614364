//! Reads posts, pages and collections: from files to checked values with an address, a date and a
//! body.
//!
//! Bodies stay unrendered here: [`liquid`](crate::liquid) and [`markdown`](crate::markdown) come
//! later.

mod collections;
pub mod corrections;
pub mod front_matter;
pub mod pin_edit;
pub(crate) mod pins;
mod plugins;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rayon::prelude::*;

use self::corrections::Corrections;
use self::front_matter::{FrontMatter, Keys, Scope};
use crate::config::{CollectionSettings, Config};
use crate::diagnostic::{Diagnostic, Place};
use crate::digest::Digest;
use crate::inputs::{Inputs, Text};
use crate::path;
use crate::permalink::{Address, DocumentParts, document_address, page_address, static_address};
use crate::roles::Role;
use crate::text::Located;
use crate::time::Date;
use crate::yaml::Yaml;

/// A post, a draft, or a document of another collection.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own")]
pub struct Post<'a> {
    /// Its front matter.
    pub front: FrontMatter<'a>,
    /// What its name and front matter say. Shared with the [memo](Memo).
    pub head: Arc<Head>,
    /// The digest of its file.
    pub digest: Digest,
    /// Whether it becomes a page. Some documents exist only for templates.
    pub is_written: bool,
    /// Whether its text is Markdown.
    pub is_markdown: bool,
    /// Its body.
    pub body: Located<'a>,
    /// Whether Jekyll sees no blank line in the text, because it looks for `\n\n` and the file has
    /// Windows line ends.
    pub is_without_blank_lines: bool,
    /// Whether reading it again gives the same: it has no errors, and a date other than the time of
    /// the build.
    is_memorable: bool,
}

impl Post<'_> {
    /// The digest of everything except its body: of what templates see in a list of documents.
    pub(crate) fn head_digest(&self) -> Digest {
        let mut hasher = blake3::Hasher::new();
        let dates = [&self.date, self.modified()];
        let [date, modified] = dates.map(|date| date.timestamp().as_nanosecond().to_le_bytes());
        let parts = [self.body.path, self.front.yaml.text, &self.title, &self.address.url];
        for part in parts.map(str::as_bytes).into_iter().chain([&date[..], &modified]) {
            hasher.update(&part.len().to_le_bytes());
            hasher.update(part);
        }
        hasher.finalize().into()
    }
}

impl Deref for Post<'_> {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.head
    }
}

/// What the name and the front matter of a document say about it.
#[derive(Debug, Clone)]
pub struct Head {
    /// The collection that it belongs to: `posts` or another one.
    pub collection: String,
    /// Its path relative to the folder of all collections.
    pub relative_path: String,
    /// Its title, made from its name if it has none. May contain tags.
    pub title: String,
    /// When it was published; the time of the build if it has no date.
    pub date: Date,
    /// Whether it has a date, in its name or its front matter.
    pub is_dated: bool,
    /// Its name: that of its file without date and extension, unless its front matter sets another.
    pub slug: String,
    /// Its address.
    pub address: Address,
}

/// The documents of an earlier reading, so that only those that changed are read again. Valid only
/// with the same configuration and the same [`Shown`], except for its time.
#[derive(Debug, Clone, Default)]
pub struct Memo(HashMap<String, Remembered>);

/// A document of an earlier reading.
#[derive(Debug, Clone)]
struct Remembered {
    digest: Digest,
    keys: Arc<Keys>,
    head: Arc<Head>,
}

/// A collection other than the posts.
#[derive(Debug, Clone)]
pub struct Collection<'a> {
    /// Its settings in the configuration.
    pub settings: CollectionSettings,
    /// Its documents, in order.
    pub documents: Vec<Post<'a>>,
}

impl Post<'_> {
    /// When it was last changed: `last_modified_at`, by default its date.
    pub(crate) fn modified(&self) -> &Date {
        self.front.modified.as_ref().unwrap_or(&self.date)
    }
}

impl<'a> Collection<'a> {
    /// The posts that have a page but are in no list: a collection without a name.
    fn of_unlisted(documents: Vec<Post<'a>>) -> Collection<'a> {
        let settings = CollectionSettings {
            label: String::new(),
            output: true,
            permalink: String::new(),
            sort_by: None,
            order: Vec::new(),
            values: tera::Map::new(),
        };
        Collection { settings, documents }
    }

    /// Whether templates can list its documents.
    pub(crate) fn is_listed(&self) -> bool {
        !self.settings.label.is_empty()
    }
}

/// A page: a file with front matter outside folders that begin with an underscore.
#[derive(Debug, Clone)]
pub struct Page<'a> {
    /// Its front matter.
    pub front: FrontMatter<'a>,
    /// Its address.
    pub address: Address,
    /// How its body is written.
    pub kind: PageKind,
    /// Its body.
    pub body: Located<'a>,
}

/// A file that is copied to the site unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticFile {
    /// Its path from the site's root.
    pub path: String,
    /// The collection that it belongs to.
    pub collection: Option<String>,
    /// Its address.
    pub address: Address,
    /// Whether it is published.
    pub is_written: bool,
    /// Its default front matter, as templates see it.
    pub values: tera::Map,
}

/// How the body of a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageKind {
    /// Liquid and Markdown, like a post.
    Markdown,
    /// A template, like a layout.
    Template,
    /// A template that renders to Sass, which is compiled to CSS.
    Sass,
}

/// Everything in a site that becomes pages or files.
#[derive(Debug, Clone, Default)]
pub struct Blog<'a> {
    /// Posts, the newest first.
    pub posts: Vec<Post<'a>>,
    /// The other collections in order of name.
    pub collections: Vec<Collection<'a>>,
    /// Pages in order of file name.
    pub pages: Vec<Page<'a>>,
    /// Text files without front matter, which are copied unchanged: path and text.
    pub plain: Vec<(&'a str, &'a str)>,
    /// Files that are not text, in order of path.
    pub files: Vec<StaticFile>,
    /// The time of the build; `None` only if nothing was read.
    pub now: Option<Date>,
    /// Problems that do not prevent the build.
    pub warnings: Vec<Diagnostic>,
    /// For the next reading.
    pub memo: Memo,
    /// When the same files start to give a different blog: the date of the first post in the future,
    /// or the time of the build if a document has no date of its own.
    pub until: Option<Timestamp>,
}

/// What is shown in addition to what the configuration says.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// The time of the build: later posts are in the future. Given by the caller, so that a build
    /// reads no clock.
    pub now: Timestamp,
    /// Whether to show drafts.
    pub drafts: bool,
    /// Whether to show posts from the future.
    pub future: bool,
    /// Whether to show posts with `published: false`.
    pub unpublished: bool,
}

impl Shown {
    /// Shows what is published by `now`.
    pub fn at(now: Timestamp) -> Shown {
        Shown { now, drafts: false, future: false, unpublished: false }
    }
}

/// Reads all posts, pages and collections, and returns all errors. A blog with errors must not be
/// published, but it contains what could be read, so that later stages can report their errors
/// also. In a blog from Jekyll, an error that Jekyll ignores is a warning, and a post that cannot
/// be read is left out.
pub fn read<'a>(inputs: &'a Inputs, config: &Config, shown: &Shown) -> (Blog<'a>, Vec<Diagnostic>) {
    read_with(inputs, config, shown, &Memo::default())
}

/// As [`read`], but takes documents that have not changed from `memo`.
pub(crate) fn read_with<'a>(
    inputs: &'a Inputs,
    config: &Config,
    shown: &Shown,
    memo: &Memo,
) -> (Blog<'a>, Vec<Diagnostic>) {
    let corrections = inputs.text(corrections::PATH).and_then(Corrections::parse);
    let corrected = corrections.unwrap_or_default().days(&config.zone);
    let reader = Reader { inputs, config, shown, memo, corrected, until: Mutex::default() };
    let mut findings: Vec<Diagnostic> = inputs.unreadable().to_vec();
    findings.extend(inputs.commits_error().cloned());
    let posts = reader.posts(inputs, &mut findings);
    let mut collections = reader.collections(inputs, &mut findings);
    let (unlisted, posts): (Vec<_>, Vec<_>) =
        posts.into_iter().partition(|post| post.front.unlisted && config.compat.extends_markdown);
    if !unlisted.is_empty() {
        collections.push(Collection::of_unlisted(unlisted));
    }
    let files = reader.files(inputs, &mut findings);
    let (pages, plain) = reader.pages(inputs, &files, &mut findings);
    let pages = without_replaced(pages, &plain, &files, inputs);
    let now = Some(Date::of_timestamp(shown.now, &config.zone));
    let mut blog = Blog { posts, collections, pages, plain, files, now, ..Blog::default() };
    blog.memo = Memo::of(&blog);
    blog.until = reader.until.into_inner().unwrap_or_else(PoisonError::into_inner);
    plugins::complete(&mut blog, inputs, config);
    findings.extend(addresses_used_twice(&blog));
    if config.compat.is_lenient {
        findings.sort();
        blog.warnings = findings.into_iter().map(Diagnostic::into_warning).collect();
        return (blog, Vec::new());
    }
    (blog, findings)
}

impl<'a> Blog<'a> {
    /// The posts and the documents of all other collections.
    pub(crate) fn documents(&self) -> impl Iterator<Item = &Post<'a>> {
        self.posts
            .iter()
            .chain(self.collections.iter().flat_map(|collection| &collection.documents))
    }

    /// The source path and address of everything that becomes a page: documents, then pages.
    pub fn addresses(&self) -> impl Iterator<Item = (&'a str, &Address)> {
        let documents = self.documents().filter(|document| document.is_written);
        let documents = documents.map(|document| (document.body.path, &document.address));
        documents.chain(self.pages.iter().map(|page| (page.body.path, &page.address)))
    }
}

/// Reads files as the configuration and the options say.
struct Reader<'r> {
    inputs: &'r Inputs,
    config: &'r Config,
    shown: &'r Shown,
    memo: &'r Memo,
    /// The day of the last correction of a post, by path.
    corrected: BTreeMap<String, Date>,
    until: Mutex<Option<Timestamp>>,
}

impl Memo {
    fn of(blog: &Blog<'_>) -> Memo {
        let memorable = blog.documents().filter(|document| document.is_memorable);
        let remembered = memorable.map(|document| {
            let (keys, head) = (document.front.keys.clone(), document.head.clone());
            let remembered = Remembered { digest: document.digest, keys, head };
            (document.body.path.to_owned(), remembered)
        });
        Memo(remembered.collect())
    }
}

/// What was read from a file, and its errors. `None` if it is not shown or is not a post.
type Read<T> = (Option<T>, Vec<Diagnostic>);

fn wrong<T>(error: Diagnostic) -> Read<T> {
    (None, vec![error])
}

impl Reader<'_> {
    fn posts<'a>(&self, inputs: &'a Inputs, findings: &mut Vec<Diagnostic>) -> Vec<Post<'a>> {
        let with_drafts = self.shown.drafts || self.config.show_drafts;
        let files: Vec<(&str, &Text)> = inputs
            .texts()
            .filter(|(_, text)| text.role == Role::Post || text.role == Role::Draft && with_drafts)
            .collect();
        let read: Vec<Read<Post<'a>>> = files
            .into_par_iter()
            .map(|(path, text)| self.post(path, text, text.role == Role::Draft))
            .collect();
        let mut posts = gathered(read, findings);
        posts.sort_by(|a, b| (&b.date, &b.relative_path).cmp(&(&a.date, &a.relative_path)));
        posts.truncate(self.config.limit_posts.unwrap_or(usize::MAX));
        posts
    }

    fn post<'a>(&self, path: &'a str, text: &'a Text, is_draft: bool) -> Read<Post<'a>> {
        let name = path::file_name(path);
        let is_text = self.config.roles.is_markdown(path)
            || [".html", ".htm", ".textile"].iter().any(|end| path.ends_with(end));
        if !is_draft && dated_name(path::stem(name)).is_none() {
            // Other files in the folder are not posts.
            return if is_text { wrong(undated(path)) } else { (None, Vec::new()) };
        }
        if is_draft && !name.contains('.') {
            return (None, Vec::new());
        }
        let kinds: &[&str] = if is_draft { &["posts", "drafts"] } else { &["posts"] };
        let (post, errors) = self.document(path, text, "posts", kinds);
        let is_future = |post: &Post<'_>| {
            post.date.timestamp() > self.shown.now && !(self.config.future || self.shown.future)
        };
        (post.filter(|post| !is_future(post)), errors)
    }

    /// Reads a document of a collection; `None` if it is not published.
    fn document<'a>(
        &self,
        path: &'a str,
        text: &'a Text,
        label: &str,
        kinds: &[&str],
    ) -> Read<Post<'a>> {
        let config = self.config;
        let (yaml, body) = match self.front_matter_and_body(path, &text.text) {
            Ok(split) => split,
            Err(error) => return wrong(error),
        };
        let digest = self.digest(path, text);
        let known = self.memo.0.get(path).filter(|known| known.digest == digest);
        if let Some(Remembered { keys, head, .. }) = known {
            let front = FrontMatter { yaml, keys: keys.clone() };
            return (Some(self.with_body(front, head.clone(), body, text)), Vec::new());
        }
        let relative_path = config.roles.inside_collections(path);
        let of_folders = folder_categories(relative_path);
        let scope =
            Scope { path: relative_path, kinds, is_document: true, categories: &of_folders };
        let (front, mut errors) = match front_matter::read(yaml, scope, config) {
            Ok(read) => read,
            Err(error) => return wrong(error),
        };
        if !(front.published || config.unpublished || self.shown.unpublished) {
            return (None, errors);
        }
        let name = path::stem(path::file_name(path));
        let (named_date, name) = match dated_name(name) {
            Some((date, rest)) => (Some(date), rest),
            None => (None, name),
        };
        let name = name.trim_end_matches('.');
        let date = match (front.date.clone(), named_date) {
            (Some(date), _) => date,
            (None, Some(named)) => match Date::parse(named, &config.zone) {
                Some(date) => date,
                None => return wrong(undated(path)),
            },
            (None, None) => Date::of_timestamp(self.shown.now, &config.zone),
        };
        let is_dated = named_date.is_some() || front.value("date").is_some();
        let slug = front.slug.clone().unwrap_or_else(|| name.to_owned());
        let is_markdown = config.roles.is_markdown(path);
        let output_ending = output_ending(path, is_markdown);
        let settings = config.collections.iter().find(|settings| settings.label == label);
        let pattern = settings.map_or(&config.post_permalink, |settings| &settings.permalink);
        let inside = relative_path.split_once('/').map_or("", |(_, inside)| inside);
        let inside_stem = format!(
            "/{}",
            inside.strip_suffix(path::file_name(path)).unwrap_or("").to_owned()
                + path::stem(path::file_name(path))
        );
        let parts = DocumentParts {
            date: &date,
            slug: &slug,
            categories: &front.categories,
            collection: label,
            path: inside_stem.trim_end_matches('.'),
            name: path::stem(path::file_name(path)),
            ending: &output_ending,
        };
        let address = match document_address(front.permalink.as_deref(), pattern, parts) {
            Ok(address) => address,
            Err(reason) => {
                errors.push(bad_address(
                    &front,
                    front.permalink.as_deref().unwrap_or(pattern),
                    &reason,
                ));
                return (None, errors);
            }
        };
        let committed = self.committed(path).filter(|time| !is_dated || time.is_later_day(&date));
        let front = front.modified_by_default(committed);
        let front = front.modified_at_least(self.corrected.get(path));
        let title = front.title.clone().unwrap_or_else(|| titled(name));
        let head = Head {
            collection: label.to_owned(),
            relative_path: relative_path.to_owned(),
            title,
            date,
            is_dated,
            slug,
            address,
        };
        let mut post = self.with_body(front, Arc::new(head), body, text);
        post.is_memorable = errors.is_empty() && is_dated;
        (Some(post), errors)
    }

    /// The digest of a document: of its file, and of the dates that its commits and corrections
    /// give it.
    fn digest(&self, path: &str, text: &Text) -> Digest {
        let corrected = self.corrected.get(path).map(Date::timestamp);
        let times = [self.inputs.committed(path), corrected];
        if times == [None, None] {
            return text.digest;
        }
        let times = times.map(|time| time.map_or(i64::MIN, Timestamp::as_second).to_le_bytes());
        Digest::of(&[&text.digest.as_bytes()[..], &times.concat()].concat())
    }

    /// When the file at `path` was last changed by a commit.
    fn committed(&self, path: &str) -> Option<Date> {
        self.inputs.committed(path).map(|time| Date::of_timestamp(time, &self.config.zone))
    }

    /// A document with this head.
    fn with_body<'a>(
        &self,
        front: FrontMatter<'a>,
        head: Arc<Head>,
        body: Located<'a>,
        text: &Text,
    ) -> Post<'a> {
        let config = self.config;
        let date = head.date.timestamp();
        let is_shown_by_now = config.future || self.shown.future || date <= self.shown.now;
        if !is_shown_by_now || !head.is_dated {
            let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
            *until = Some(until.map_or(date, |until| until.min(date)));
        }
        let settings = config.collections.iter().find(|known| known.label == head.collection);
        Post {
            front,
            head,
            digest: self.digest(body.path, text),
            is_written: is_shown_by_now && settings.is_none_or(|settings| settings.output),
            is_markdown: config.roles.is_markdown(body.path),
            body,
            is_without_blank_lines: config.compat.needs_unix_blank_lines && text.has_windows_ends,
            is_memorable: true,
        }
    }

    fn pages<'a>(
        &self,
        inputs: &'a Inputs,
        files: &[StaticFile],
        findings: &mut Vec<Diagnostic>,
    ) -> Pages<'a> {
        let (mut pages, mut plain, mut added) = (Vec::new(), Vec::new(), Vec::new());
        for (path, text) in inputs.of(Role::Page) {
            let split = match front_matter::split(path, text) {
                None if is_unclosed(text) && self.config.compat.is_lenient => {
                    Some(without_front_matter(path, text))
                }
                None if plugins::is_page_without_front_matter(path, self.config) => {
                    if !plugins::is_original_removed(self.config) {
                        plain.push((path, text));
                    }
                    let (yaml, body) = without_front_matter(path, text);
                    let (page, errors) = self.page(yaml, body);
                    added.extend(page);
                    findings.extend(errors);
                    continue;
                }
                split => split,
            };
            let Some((yaml, body)) = split else {
                plain.push((path, text));
                continue;
            };
            let (page, errors) = self.page(yaml, body);
            pages.extend(page);
            findings.extend(errors);
        }
        pages.sort_by_key(|page: &Page<'_>| (path::file_name(page.body.path), page.body.path));
        // Pages added by plugins come last.
        pages.extend(added);
        let mut read = (pages, plain);
        self.add_readmes(&mut read, files, findings);
        read
    }

    fn page<'a>(&self, yaml: Yaml<'a>, body: Located<'a>) -> Read<Page<'a>> {
        self.page_at(yaml, body, None)
    }

    /// Reads a page. Without a permalink of its own it gets `permalink`.
    fn page_at<'a>(
        &self,
        yaml: Yaml<'a>,
        body: Located<'a>,
        permalink: Option<&str>,
    ) -> Read<Page<'a>> {
        let config = self.config;
        let scope =
            Scope { path: body.path, kinds: &["pages"], is_document: false, categories: &[] };
        let (front, mut errors) = match front_matter::read(yaml, scope, config) {
            Ok(read) => read,
            Err(error) => return wrong(error),
        };
        if !(front.published || config.unpublished || self.shown.unpublished) {
            return (None, errors);
        }
        let is_markdown = config.roles.is_markdown(body.path);
        let kind = match path::ending(body.path) {
            _ if is_markdown => PageKind::Markdown,
            "scss" | "sass" => PageKind::Sass,
            _ => PageKind::Template,
        };
        let front = front.modified_by_default(self.committed(body.path));
        let own = front.permalink.as_deref().or(permalink);
        match page_address(
            own,
            &config.permalink,
            body.path,
            &output_ending(body.path, is_markdown),
        ) {
            Ok(address) => (Some(Page { front, address, kind, body }), errors),
            Err(reason) => {
                errors.push(bad_address(&front, own.unwrap_or(body.path), &reason));
                (None, errors)
            }
        }
    }

    fn front_matter_and_body<'a>(
        &self,
        path: &'a str,
        text: &'a str,
    ) -> Result<(Yaml<'a>, Located<'a>), Diagnostic> {
        match front_matter::split(path, text) {
            Some(split) => Ok(split),
            None if is_unclosed(text) && !self.config.compat.is_lenient => {
                let error = Diagnostic::new(
                    Located { path, text, lines_above: 0 }.place(0),
                    "the front matter is not closed",
                );
                Err(error.hint("add a line `---` below it"))
            }
            None => Ok(without_front_matter(path, text)),
        }
    }
}

/// The pages without those of the built-in theme whose address the site has a page or file for.
fn without_replaced<'a>(
    pages: Vec<Page<'a>>,
    plain: &[(&str, &str)],
    files: &[StaticFile],
    inputs: &Inputs,
) -> Vec<Page<'a>> {
    if !inputs.has_built_in_theme() {
        return pages;
    }
    let (built_in, own): (Vec<Page<'a>>, Vec<Page<'a>>) =
        pages.into_iter().partition(|page| inputs.is_built_in(page.body.path));
    let is_free = |page: &Page<'_>| {
        let file = page.address.file.as_str();
        own.iter().all(|page| page.address.file != file)
            && plain.iter().all(|(path, _)| *path != file)
            && files.iter().all(|one| one.address.file != file)
    };
    let kept: Vec<Page<'a>> = built_in.into_iter().filter(is_free).collect();
    let mut pages = own;
    pages.extend(kept);
    pages
}

type Pages<'a> = (Vec<Page<'a>>, Vec<(&'a str, &'a str)>);

/// Collects what was read; all errors go to `findings`.
fn gathered<T>(read: Vec<Read<T>>, findings: &mut Vec<Diagnostic>) -> Vec<T> {
    let mut gathered = Vec::with_capacity(read.len());
    for (one, errors) in read {
        gathered.extend(one);
        findings.extend(errors);
    }
    gathered
}

fn is_unclosed(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.trim_end() == "---")
}

fn without_front_matter<'a>(path: &'a str, text: &'a str) -> (Yaml<'a>, Located<'a>) {
    (Yaml::new(path, "", 0), Located { path, text, lines_above: 0 })
}

/// The extension of the file that is generated from the one at `path`.
fn output_ending(path: &str, is_markdown: bool) -> String {
    match path::ending(path) {
        _ if is_markdown => ".html".to_owned(),
        "scss" | "sass" => ".css".to_owned(),
        "" => String::new(),
        other => format!(".{other}"),
    }
}

/// The folders above `_posts` or `_drafts`.
fn folder_categories(relative_path: &str) -> Vec<&str> {
    let folders =
        relative_path.split('/').take_while(|part| !matches!(*part, "_posts" | "_drafts"));
    let is_in_posts = relative_path.split('/').any(|part| matches!(part, "_posts" | "_drafts"));
    if is_in_posts { folders.collect() } else { Vec::new() }
}

fn bad_address(front: &FrontMatter<'_>, pattern: &str, reason: &str) -> Diagnostic {
    let message = format!("invalid permalink `{pattern}`: {reason}");
    Diagnostic::new(front.place("permalink"), message).hint("write `permalink: /some/path/`")
}

fn undated(path: &str) -> Diagnostic {
    let message = "the file name does not start with a date";
    Diagnostic::new(Place::file(path), message)
        .hint("name it `_posts/2026-01-31-some-title.md`, or move it to `_drafts`")
}

/// Splits `2026-1-31-some-title` into its date and the rest.
fn dated_name(name: &str) -> Option<(&str, &str)> {
    let mut dashes = name.match_indices('-').map(|(at, _)| at);
    let third = dashes.nth(2)?;
    let mut parts = name[..third].split('-');
    let mut is_number = |lengths: std::ops::RangeInclusive<usize>| {
        parts.next().is_some_and(|part| {
            lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    (is_number(2..=4) && is_number(1..=2) && is_number(1..=2))
        .then(|| (&name[..third], &name[third + 1..]))
}

/// `some-title` → `Some Title`, Jekyll's title for a document without one.
fn titled(slug: &str) -> String {
    let capitalized = |word: &str| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().to_string() + &letters.as_str().to_lowercase())
            .unwrap_or_default()
    };
    slug.trim_end_matches('-').split('-').map(capitalized).collect::<Vec<_>>().join(" ")
}

fn addresses_used_twice(blog: &Blog<'_>) -> Vec<Diagnostic> {
    let mut files = HashSet::new();
    // Hardly any blog has two, and sorting all addresses takes a while.
    if blog.addresses().all(|(_, address)| files.insert(address.file.to_lowercase())) {
        return Vec::new();
    }
    let mut owners: BTreeMap<String, &str> = BTreeMap::new();
    let mut errors = Vec::new();
    let mut addresses: Vec<(&str, &Address)> = blog.addresses().collect();
    addresses.sort_unstable();
    for (path, address) in addresses {
        // On many file systems, names that differ only in case are the same file.
        if let Some(other) = owners.insert(address.file.to_lowercase(), path) {
            let message = format!("has the same address as `{other}`: `{}`", address.url);
            errors.push(
                Diagnostic::new(Place::file(path), message)
                    .hint("give one of them a `permalink:` of its own"),
            );
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blog_text(inputs: &Inputs, config: &str) -> String {
        let now = "2026-06-01T00:00:00Z".parse().expect("it is a timestamp");
        let (blog, errors) = read(inputs, &Config::for_tests(config), &Shown::at(now));
        if errors.is_empty() {
            let posts = blog
                .posts
                .iter()
                .map(|post| format!("{} {} {}", post.address.url, post.date, post.title));
            let pages =
                blog.pages.iter().map(|page| format!("{} {:?}", page.address.url, page.kind));
            posts.chain(pages).collect::<Vec<_>>().join("\n")
        } else {
            errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        }
    }

    #[track_caller]
    fn check(files: &[(&str, &str)], config: &str, expected: &str) {
        let inputs =
            files.iter().fold(Inputs::default(), |inputs, (path, text)| inputs.with(*path, *text));
        assert_eq!(blog_text(&inputs, config), expected);
    }

    #[test]
    fn posts_come_newest_first_with_titles_from_their_names() {
        check(
            &[
                ("_posts/2026-01-05-hello-world.md", ""),
                ("_posts/notes/2026-2-6-b.markdown", "---\ntitle: B\n---\n"),
            ],
            "permalink: pretty",
            "/2026/02/06/b/ 2026-02-06 00:00:00 +0000 B\n\
             /2026/01/05/hello-world/ 2026-01-05 00:00:00 +0000 Hello World",
        );
    }

    #[test]
    fn the_date_in_the_front_matter_overrides_that_in_the_name() {
        let post = "---\ndate: 2026-03-04 05:06:07 +0100\n---\n";
        check(
            &[("_posts/2026-01-05-a.md", post)],
            "",
            "/2026/03/04/a.html 2026-03-04 04:06:07 +0000 A",
        );
    }

    #[test]
    fn future_and_unpublished_posts_and_drafts_are_left_out() {
        let files = [
            ("_posts/2026-12-01-a.md", ""),
            ("_posts/2026-01-01-b.md", "---\npublished: false\n---\n"),
            ("_drafts/c.md", ""),
        ];
        check(&files, "", "");
        check(&files, "future: true", "/2026/12/01/a.html 2026-12-01 00:00:00 +0000 A");
        check(&files, "unpublished: true", "/2026/01/01/b.html 2026-01-01 00:00:00 +0000 B");
        check(&files, "show_drafts: true", "/2026/06/01/c.html 2026-06-01 00:00:00 +0000 C");
    }

    #[test]
    fn errors_in_all_files_are_reported_at_once() {
        check(
            &[
                ("_posts/2026-01-01-a.md", "---\ndate: soon\n---\n"),
                ("_posts/b.md", ""),
                ("c.md", "---\nlayout: [1]\n---\n"),
            ],
            "",
            "error: `soon` is not a date\n --> _posts/2026-01-01-a.md:2:1\n\
             hint: write it as `2026-01-31` or \
             `2026-01-31 18:30:00 +0100`\n\
             error: the file name does not start with a date\n --> _posts/b.md\nhint: name it \
             `_posts/2026-01-31-some-title.md`, or move it to `_drafts`\n\
             error: `layout` must be a string, not a list\n --> c.md:2:1\n\
             hint: write `layout: some text`",
        );
    }

    #[test]
    fn an_invalid_date_has_its_place() {
        check(
            &[("_posts/2026-01-01-a.md", "---\ntitle: A\ndate: 2026-02-32\n---\n")],
            "",
            "error: `2026-02-32` is not a date\n --> _posts/2026-01-01-a.md:3:1\n\
             hint: write it as `2026-01-31` or \
             `2026-01-31 18:30:00 +0100`",
        );
    }

    #[test]
    fn two_files_with_the_same_address_are_both_named() {
        check(
            &[
                ("_posts/2026-01-01-a.md", "---\npermalink: /x/\n---\n"),
                ("x/index.html", "---\n---\n"),
            ],
            "",
            "error: has the same address as `_posts/2026-01-01-a.md`: `/x/`\n --> x/index.html\n\
             hint: give one of them \
             a `permalink:` of its own",
        );
    }

    #[test]
    fn defaults_apply_within_their_scope() {
        let config =
            "defaults: [{scope: {path: '', type: posts}, values: {permalink: '/p/:slug/'}}]";
        check(
            &[("_posts/2026-01-01-a.md", ""), ("b.md", "---\n---\n")],
            config,
            "/p/a/ 2026-01-01 00:00:00 +0000 A\n/b.html Markdown",
        );
    }

    #[test]
    fn unclosed_front_matter_is_an_error() {
        check(
            &[("_posts/2026-01-01-a.md", "---\ntitle: x\n")],
            "",
            "error: the front matter is not closed\n --> _posts/2026-01-01-a.md:1:1\n\
             hint: add a line `---` below it",
        );
    }
}
