//! What a rendering leaves for the next one, so that only what changed is rendered again.
//!
//! A body is kept beside the digests of everything that it was made from, as a record is kept
//! beside its fingerprint: its own file, and what its expansion [read](Read). It is used again
//! while each of them has the same digest. Everything else that a body depends on (the
//! configuration, the options of the build) is in the memo's *base*, and a memo with another base
//! is empty.
//!
//! The same holds for pages made from a layout: they are kept beside the identities of the
//! documents that they show, and what their templates read. Liquid notes what it reads; for Tera,
//! that is every template that a template may use, and every key of `site` that they name.
//!
//! `stored` makes bytes of a memo, for the next build.

mod stored;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jiff::Timestamp;

use super::page;
use super::post::{Body, Detail};
use super::wikilinks::Wikilinks;
use super::{Files, Made, Site};
use crate::config;
use crate::diagnostic::Diagnostic;
use crate::digest::Digest;
use crate::experiment::plan::plan;
use crate::experiment::record::Record;
use crate::experiment::results::Results;
use crate::inputs::Inputs;
use crate::liquid::{Environment, Read};
use crate::post::{self as posts, Blog, Page, Post, Shown};
use crate::roles::Role;

/// The program by its sources: another version may render the same site differently.
const PROGRAM: &str = env!("LABPRESS_SOURCES");

/// What a rendering leaves for the next one.
#[derive(Debug, Default)]
pub struct Memo {
    base: Option<Digest>,
    pub(super) documents: posts::Memo,
    bodies: HashMap<String, KnownBody>,
    pages: HashMap<String, Arc<KnownPage>>,
}

/// What something was made from, with digests.
type Reads = Vec<(Read, Digest)>;

/// The files of a page, and the digests of what it was made from.
#[derive(Debug)]
struct KnownPage {
    /// The path of its source; empty if it has none.
    source: String,
    /// What `key` is the digest of.
    shown: Cow<'static, str>,
    key: Digest,
    reads: Arc<Reads>,
    files: Vec<Made>,
}

/// What a page was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The path of its source; empty if it has none.
    pub source: String,
    /// Everything that it was made from, with digests.
    pub parts: BTreeMap<String, Digest>,
}

/// A rendered body, and the digests of what it was made from.
#[derive(Debug, Clone)]
pub(super) struct KnownBody {
    file: Digest,
    /// Its date, which is the time of the build if it has none of its own.
    date: Timestamp,
    reads: Reads,
    pub(super) body: Arc<Body>,
}

impl Memo {
    /// The memo itself, if it was made with the same configuration and options.
    pub(super) fn with_base(&self, base: Digest) -> Option<&Memo> {
        (self.base == Some(base)).then_some(self)
    }

    /// The memo of a rendering.
    pub(super) fn new(base: Digest, blog: &Blog<'_>, bodies: HashMap<String, KnownBody>) -> Memo {
        Memo { base: Some(base), documents: blog.memo.clone(), bodies, pages: HashMap::new() }
    }

    /// The same, with the pages of a rendering.
    pub(super) fn with_pages(self, pages: PageMemo<'_>) -> Memo {
        let made = pages.made.into_inner().unwrap_or_else(PoisonError::into_inner);
        Memo { pages: made, ..self }
    }

    /// The same, with the pages of an earlier memo: those of a rendering with errors are incomplete.
    pub(super) fn with_pages_of(self, earlier: Option<&Memo>) -> Memo {
        Memo { pages: earlier.map(|memo| memo.pages.clone()).unwrap_or_default(), ..self }
    }

    /// What a page was made from, by the path of its file in the site; `None` for a page that is
    /// made in every build.
    pub fn origin(&self, file: &str) -> Option<Origin> {
        let page = self.pages.get(file)?;
        let of_body = self.bodies.get(&page.source).map(|body| {
            let source = (page.source.clone(), body.file);
            let reads = body.reads.iter().map(|(read, digest)| (read.to_string(), *digest));
            std::iter::once(source).chain(reads)
        });
        let of_page = page.reads.iter().map(|(read, digest)| (read.to_string(), *digest));
        let of_all = self.base.map(|base| {
            ("_config.yml, the options of the build, and this version of labpress".to_owned(), base)
        });
        let mut parts: BTreeMap<String, Digest> = of_body.into_iter().flatten().collect();
        parts.extend(of_page.chain(of_all).chain([(page.shown.clone().into_owned(), page.key)]));
        Some(Origin { source: page.source.clone(), parts })
    }

    /// The paths of the files of all pages that have an [origin](Memo::origin), in order.
    pub fn pages(&self) -> BTreeSet<&str> {
        self.pages.keys().map(String::as_str).collect()
    }

    /// The rendered body of a document, if nothing that it was made from has changed.
    pub(super) fn body(
        &self,
        post: &Post<'_>,
        digest: impl Fn(&Read) -> Digest,
    ) -> Option<KnownBody> {
        let known = self.bodies.get(post.body.path)?;
        let is_same = known.file == post.digest
            && known.date == post.date.timestamp()
            && known.reads.iter().all(|(read, known)| digest(read) == *known);
        is_same.then(|| known.clone())
    }
}

/// The pages of an earlier rendering, and those of the present one.
pub(super) struct PageMemo<'a> {
    earlier: Option<&'a Memo>,
    present: Present<'a>,
    made: Mutex<HashMap<String, Arc<KnownPage>>>,
}

impl<'a> PageMemo<'a> {
    /// `documents` are the identities of all documents, the posts first, as a whole and without
    /// their bodies; `feed` is the address of the site's feed.
    pub(super) fn new(
        earlier: Option<&'a Memo>,
        present: Present<'a>,
        documents: impl Iterator<Item = (Digest, Digest)>,
        feed: Option<&str>,
    ) -> PageMemo<'a> {
        let (whole, heads): (Vec<Digest>, Vec<Digest>) = documents.unzip();
        let of_all = |documents: &[Digest]| of_digests(&[&[present.heads()], documents].concat());
        let (contents, heads) = (of_all(&whole).into(), of_all(&heads).into());
        let newest = whole;
        let present = Present { contents, heads, newest, feed: of_text(feed), ..present };
        PageMemo { earlier, present, made: Mutex::default() }
    }

    /// The files of the page at `file`: those of the earlier rendering, if it had the same `key`
    /// and nothing that the page read has changed; otherwise what `make` makes, with what it read.
    /// `source` is the path of the page's source, and `shown` says what `key` is the digest of.
    pub(super) fn page(
        &self,
        file: &str,
        source: &str,
        (shown, key): (&'static str, Digest),
        make: impl FnOnce() -> Result<(Vec<Made>, BTreeSet<Read>), Vec<Diagnostic>>,
    ) -> Files {
        let digest = |read: &Read| self.present.digest(read, source, || Digest::of(&[]));
        let earlier = self.earlier.and_then(|memo| memo.pages.get(file));
        let is_same = |known: &&Arc<KnownPage>| {
            known.key == key && known.reads.iter().all(|(read, known)| digest(read) == *known)
        };
        let page = if let Some(known) = earlier.filter(is_same) {
            known.clone()
        } else {
            let (files, reads) = make()?;
            let (source, shown) = (source.to_owned(), shown.into());
            let reads = Arc::new(digested(reads, digest));
            Arc::new(KnownPage { source, shown, key, reads, files })
        };
        let files = page.files.clone();
        let mut known = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(file.to_owned(), page);
        Ok(files)
    }

    /// What is kept of the body of a page of this rendering; `None` if it has errors.
    pub(super) fn body(&self, page: &Page<'_>) -> Option<Arc<page::Body>> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let known = made.get(&page.address.file)?;
        let is_own = known.source == page.body.path;
        known.files.iter().find_map(|made| made.body.clone()).filter(|_| is_own)
    }
}

/// The digest of digests and other parts.
pub(super) fn key<'k>(parts: impl IntoIterator<Item = &'k [u8]>) -> Digest {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        add(&mut hasher, part);
    }
    hasher.finalize().into()
}

/// The digest of documents, by their identities, and of other parts.
pub(super) fn key_of(own: &[&[u8]], documents: impl IntoIterator<Item = Digest>) -> Digest {
    let documents: Vec<Digest> = documents.into_iter().collect();
    let documents = documents.iter().map(|document| &document.as_bytes()[..]);
    key(own.iter().copied().chain(documents))
}

/// What something has read, with the digest of each.
pub(super) fn digested(reads: BTreeSet<Read>, digest: impl Fn(&Read) -> Digest) -> Reads {
    let with_digest = |read: Read| {
        let digest = digest(&read);
        (read, digest)
    };
    reads.into_iter().map(with_digest).collect()
}

impl KnownBody {
    /// The rendered body of a document, with what it was made from.
    pub(super) fn new(post: &Post<'_>, body: Arc<Body>, reads: Reads) -> KnownBody {
        KnownBody { file: post.digest, date: post.date.timestamp(), reads, body }
    }

    /// Equal for documents that are rendered from the same.
    pub(super) fn identity(&self, post: &Post<'_>) -> Digest {
        let mut hasher = blake3::Hasher::new();
        add(&mut hasher, post.body.path.as_bytes());
        hasher.update(post.digest.as_bytes());
        hasher.update(&post.date.timestamp().as_nanosecond().to_le_bytes());
        for (_, digest) in &self.reads {
            hasher.update(digest.as_bytes());
        }
        hasher.finalize().into()
    }
}

/// The digest of everything that all bodies depend on.
pub(super) fn base(inputs: &Inputs, shown: &Shown) -> Digest {
    let mut hasher = blake3::Hasher::new();
    add(&mut hasher, PROGRAM.as_bytes());
    let Shown { drafts, future, unpublished, now: _ } = shown;
    hasher.update(&[*drafts, *future, *unpublished].map(u8::from));
    hasher.update(inputs.text(config::PATH).unwrap_or_default().as_bytes());
    // Plugins choose default layouts among these.
    for (path, _) in inputs.of(Role::Layout) {
        add(&mut hasher, path.as_bytes());
    }
    // A page without a bibliography leaves citations as they are.
    for (path, _) in inputs.of(Role::Bibliography) {
        add(&mut hasher, path.as_bytes());
    }
    hasher.finalize().into()
}

/// The digest of everything that a rendered site depends on, except for the time and the contents
/// of the files that are copied.
pub(super) fn state(site: &Site, shown: &Shown) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(base(&site.inputs, shown).as_bytes());
    for (path, text) in site.inputs.texts() {
        add(&mut hasher, path.as_bytes());
        hasher.update(text.digest.as_bytes());
        if let Some(committed) = site.inputs.committed(path) {
            hasher.update(&committed.as_second().to_le_bytes());
        }
    }
    if let Some(error) = site.inputs.commits_error() {
        add(&mut hasher, error.to_string().as_bytes());
    }
    let are_images_made = site.config.images.is_on;
    for (path, _) in site.inputs.statics() {
        add(&mut hasher, path.as_bytes());
        if are_images_made && crate::images::is_picture(path) {
            add(&mut hasher, format!("{:?}", site.inputs.file_digest(path)).as_bytes());
        }
    }
    for (path, digest) in site.inputs.artifact_digests() {
        add(&mut hasher, path.as_bytes());
        hasher.update(digest.as_bytes());
    }
    // Whether a record is fresh also depends on programs, data sets and the environment.
    for run in plan(&site.experiments, &site.records) {
        hasher.update(run.fingerprint.digest().as_bytes());
        add(&mut hasher, format!("{:?}", run.fresh().map(Record::path)).as_bytes());
    }
    hasher.finalize().into()
}

fn add(hasher: &mut blake3::Hasher, part: &[u8]) {
    hasher.update(&part.len().to_le_bytes());
    hasher.update(part);
}

/// The site as it is now, by digests. Each is computed when it is first needed.
pub(super) struct Present<'a> {
    inputs: &'a Inputs,
    blog: &'a Blog<'a>,
    results: &'a Results<'a>,
    environment: &'a Environment<'a>,
    wikilinks: Option<&'a Wikilinks<'a>>,
    /// Of all documents, pages and files.
    contents: OnceLock<Digest>,
    /// The same without the bodies of documents. Bodies see nothing else of other documents.
    heads: OnceLock<Digest>,
    /// Of the posts, the newest first.
    newest: Vec<Digest>,
    data: OnceLock<Digest>,
    names: OnceLock<Digest>,
    files: OnceLock<Digest>,
    /// Of the address of the feed.
    feed: Digest,
    of_results: Mutex<BTreeMap<String, Digest>>,
}

impl<'a> Present<'a> {
    pub(super) fn new(
        inputs: &'a Inputs,
        blog: &'a Blog<'a>,
        results: &'a Results<'a>,
        environment: &'a Environment<'a>,
        wikilinks: Option<&'a Wikilinks<'a>>,
    ) -> Present<'a> {
        Present {
            inputs,
            blog,
            results,
            environment,
            wikilinks,
            contents: OnceLock::new(),
            heads: OnceLock::new(),
            newest: Vec::new(),
            data: OnceLock::new(),
            names: OnceLock::new(),
            files: OnceLock::new(),
            feed: of_text(None),
            of_results: Mutex::default(),
        }
    }

    /// The digest of what the page at the source `path` reads. `neighbours` returns that of the
    /// documents before and after it.
    pub(super) fn digest(
        &self,
        read: &Read,
        path: &str,
        neighbours: impl FnOnce() -> Digest,
    ) -> Digest {
        match read {
            Read::Site(key) => self.of_site(key, Detail::Whole),
            Read::Heads(key) => self.of_site(key, Detail::Head),
            Read::Newest(count) => {
                let number = Digest::of(&self.blog.posts.len().to_le_bytes());
                let newest = self.newest.iter().take((*count).min(self.blog.posts.len()));
                of_digests(&newest.copied().chain([number]).collect::<Vec<_>>())
            }
            Read::WholeSite => of_digests(&[self.contents(), self.data(), self.now()]),
            Read::Neighbours => neighbours(),
            Read::File(path) => self.inputs.digest(path).unwrap_or_else(|| of_text(None)),
            Read::PostUrl(name) => of_text(self.environment.post_url(name)),
            Read::Url(path) => of_text(self.environment.url_of(path)),
            Read::Wikilink(name) => {
                of_text(self.wikilinks.and_then(|links| links.found(name)).as_deref())
            }
            Read::Results(name) => self.of_results(name, path),
            Read::Now => self.now(),
            Read::Image(path) => {
                of_text(self.inputs.file_digest(path).map(|one| one.to_string()).as_deref())
            }
        }
    }

    /// The digest of a key of `site`.
    fn of_site(&self, key: &str, detail: Detail) -> Digest {
        match key {
            "data" => self.data(),
            "time" => self.now(),
            "tag_urls" | "category_urls" => self.names(),
            "feed" => self.feed,
            "static_files" => self.files(),
            "authors" | "series" => of_digests(&[self.of_lists(detail), self.data()]),
            key if is_list(key, self.blog) => self.of_lists(detail),
            // From the configuration, which is in the base.
            _ => Digest::of(&[]),
        }
    }

    /// The digest of the names of all tags and categories.
    fn names(&self) -> Digest {
        *self.names.get_or_init(|| {
            let fronts = self.blog.posts.iter().map(|post| &post.front);
            let names = fronts.flat_map(|front| [&front.tags, &front.categories]);
            let names: BTreeSet<&String> = names.flatten().collect();
            key(names.into_iter().map(String::as_bytes))
        })
    }

    /// The digest of the list of files that are copied.
    fn files(&self) -> Digest {
        let files = || key(self.blog.files.iter().map(|file| file.path.as_bytes()));
        *self.files.get_or_init(files)
    }

    fn of_lists(&self, detail: Detail) -> Digest {
        match detail {
            Detail::Head => self.heads(),
            _ => self.contents(),
        }
    }

    /// The digest of all documents, pages and files.
    fn contents(&self) -> Digest {
        *self.contents.get_or_init(|| self.heads())
    }

    /// The digest of all documents without their bodies, and of pages and files.
    fn heads(&self) -> Digest {
        *self.heads.get_or_init(|| {
            let mut hasher = blake3::Hasher::new();
            for post in self.blog.documents() {
                hasher.update(post.head_digest().as_bytes());
            }
            for page in &self.blog.pages {
                add(&mut hasher, page.body.path.as_bytes());
                add(&mut hasher, self.inputs.text(page.body.path).unwrap_or_default().as_bytes());
                let modified = page.front.modified.as_ref().map(ToString::to_string);
                add(&mut hasher, modified.unwrap_or_default().as_bytes());
            }
            for file in &self.blog.files {
                add(&mut hasher, file.path.as_bytes());
            }
            hasher.finalize().into()
        })
    }

    fn data(&self) -> Digest {
        *self.data.get_or_init(|| {
            let mut hasher = blake3::Hasher::new();
            for (path, text) in self.inputs.of(Role::Data) {
                add(&mut hasher, path.as_bytes());
                add(&mut hasher, text.as_bytes());
            }
            hasher.finalize().into()
        })
    }

    fn now(&self) -> Digest {
        let now = [&self.environment.now, &self.blog.now];
        of_digests(&now.map(|now| of_text(now.as_ref().map(ToString::to_string).as_deref())))
    }

    /// The digest of the results of an experiment that the page at `path` shows.
    fn of_results(&self, name: &str, path: &str) -> Digest {
        let is_pinned = self.results.pinned.contains_key(path);
        let mut known = self.of_results.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(digest) = known.get(name).filter(|_| !is_pinned) {
            return *digest;
        }
        let digest = self.results.shown_in(path).digest(name);
        if !is_pinned {
            known.insert(name.to_owned(), digest);
        }
        digest
    }
}

/// Whether a key of `site` is a list of documents, pages or files, or is made of one.
pub(super) fn is_list(key: &str, blog: &Blog<'_>) -> bool {
    let known = [
        "posts",
        "documents",
        "tags",
        "categories",
        "collections",
        "pages",
        "html_pages",
        "static_files",
        "related_posts",
        "authors",
        "series",
        "archive",
        "languages",
    ];
    known.contains(&key) || blog.collections.iter().any(|one| one.settings.label == key)
}

/// The digest of the documents before and after one, as bodies see them.
pub(super) fn of_neighbours(neighbours: [Option<&Post<'_>>; 2]) -> Digest {
    let digest = |post: Option<&Post<'_>>| post.map_or(of_text(None), Post::head_digest);
    of_digests(&neighbours.map(digest))
}

fn of_digests(parts: &[Digest]) -> Digest {
    key(parts.iter().map(|part| &part.as_bytes()[..]))
}

fn of_text(text: Option<&str>) -> Digest {
    // No text has this first byte.
    text.map_or_else(|| Digest::of(&[0xFF]), |text| Digest::of(text.as_bytes()))
}
