//! What a rendering leaves for the next one, so that only what changed is rendered again.
//!
//! A body is kept beside the digests of everything that it was made from, as a record is kept
//! beside its fingerprint: its own file, and what its expansion [read](Read). It is used again
//! while each of them has the same digest. Everything else that a body depends on (the
//! configuration, the options of the build) is in the memo's *base*, and a memo with another base
//! is empty.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::post::RenderedPost;
use crate::config;
use crate::digest::Digest;
use crate::experiment::results::Results;
use crate::inputs::Inputs;
use crate::liquid::{Environment, Read};
use crate::post::{self as posts, Blog, Post, Shown};
use crate::roles::Role;

/// What a rendering leaves for the next one.
#[derive(Debug, Default)]
pub struct Memo {
    base: Option<Digest>,
    pub(super) documents: posts::Memo,
    bodies: BTreeMap<String, Body>,
}

/// A rendered body, and the digests of what it was made from.
#[derive(Debug)]
pub(super) struct Body {
    file: Digest,
    reads: Vec<(Read, Digest)>,
    post: Arc<RenderedPost>,
}

impl Memo {
    /// The memo itself, if it was made with the same configuration and options; otherwise an empty
    /// one.
    pub(super) fn with_base(&self, base: Digest) -> Option<&Memo> {
        (self.base == Some(base)).then_some(self)
    }

    /// The memo of a rendering.
    pub(super) fn new(base: Digest, blog: &Blog<'_>, bodies: BTreeMap<String, Body>) -> Memo {
        Memo { base: Some(base), documents: blog.memo.clone(), bodies }
    }

    /// The rendered body of a document, if nothing that it was made from has changed.
    pub(super) fn body(
        &self,
        post: &Post<'_>,
        digest: impl Fn(&Read) -> Digest,
    ) -> Option<(Arc<RenderedPost>, Body)> {
        let known = self.bodies.get(post.body.path)?;
        let is_same = known.file == post.digest
            && known.reads.iter().all(|(read, known)| digest(read) == *known);
        is_same.then(|| {
            let Body { file, reads, post } = known;
            (post.clone(), Body { file: *file, reads: reads.clone(), post: post.clone() })
        })
    }
}

impl Body {
    pub(super) fn new(
        post: &Post<'_>,
        rendered: &Arc<RenderedPost>,
        digest: impl Fn(&Read) -> Digest,
    ) -> Body {
        let reads = rendered.reads.iter().map(|read| (read.clone(), digest(read))).collect();
        Body { file: post.digest, reads, post: rendered.clone() }
    }
}

/// The digest of everything that all bodies depend on.
pub(super) fn base(inputs: &Inputs, shown: &Shown) -> Digest {
    let mut hasher = blake3::Hasher::new();
    let Shown { drafts, future, unpublished, now: _ } = shown;
    hasher.update(&[*drafts, *future, *unpublished].map(u8::from));
    hasher.update(inputs.text(config::PATH).unwrap_or_default().as_bytes());
    // Plugins choose default layouts among these.
    for (path, _) in inputs.of(Role::Layout) {
        add(&mut hasher, path.as_bytes());
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
    contents: OnceLock<Digest>,
    data: OnceLock<Digest>,
    of_results: Mutex<BTreeMap<String, Digest>>,
}

impl<'a> Present<'a> {
    pub(super) fn new(
        inputs: &'a Inputs,
        blog: &'a Blog<'a>,
        results: &'a Results<'a>,
        environment: &'a Environment<'a>,
    ) -> Present<'a> {
        Present {
            inputs,
            blog,
            results,
            environment,
            contents: OnceLock::new(),
            data: OnceLock::new(),
            of_results: Mutex::default(),
        }
    }

    /// The digest of what a document reads. `neighbours` are those before and after it.
    pub(super) fn digest(
        &self,
        read: &Read,
        post: &Post<'_>,
        neighbours: [Option<&Post<'_>>; 2],
    ) -> Digest {
        match read {
            Read::Site(key) => self.of_site(key),
            Read::WholeSite => self.of_parts(&[self.contents(), self.data(), self.now()]),
            Read::Neighbours => {
                let mut hasher = blake3::Hasher::new();
                for neighbour in neighbours {
                    add_document(&mut hasher, neighbour);
                }
                hasher.finalize().into()
            }
            Read::File(path) => of_text(self.inputs.text(path)),
            Read::PostUrl(name) => of_text(self.environment.post_url(name)),
            Read::Url(path) => of_text(self.environment.url_of(path)),
            Read::Results(name) => self.of_results(name, post.body.path),
            Read::Now => self.now(),
        }
    }

    /// The digest of a key of `site`.
    fn of_site(&self, key: &str) -> Digest {
        let is_collection =
            |label: &str| self.blog.collections.iter().any(|one| one.settings.label == label);
        match key {
            "data" => self.data(),
            "time" => self.now(),
            "posts" | "documents" | "tags" | "categories" | "collections" | "pages"
            | "html_pages" | "static_files" | "related_posts" => self.contents(),
            key if is_collection(key) => self.contents(),
            // From the configuration, which is in the base.
            _ => Digest::of(&[]),
        }
    }

    /// The digest of all documents, pages and files, with the bodies of those that have one.
    fn contents(&self) -> Digest {
        *self.contents.get_or_init(|| {
            let mut hasher = blake3::Hasher::new();
            for post in self.blog.documents() {
                add_document(&mut hasher, Some(post));
            }
            for page in &self.blog.pages {
                add(&mut hasher, page.body.path.as_bytes());
                add(&mut hasher, self.inputs.text(page.body.path).unwrap_or_default().as_bytes());
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
        let now: Vec<Digest> =
            now.map(|now| of_text(now.as_ref().map(ToString::to_string).as_deref())).to_vec();
        self.of_parts(&now)
    }

    fn of_parts(&self, parts: &[Digest]) -> Digest {
        let text: String = parts.iter().map(Digest::to_string).collect();
        Digest::of(text.as_bytes())
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

fn of_text(text: Option<&str>) -> Digest {
    // No text has this first byte.
    text.map_or_else(|| Digest::of(&[0xFF]), |text| Digest::of(text.as_bytes()))
}

fn add_document(hasher: &mut blake3::Hasher, post: Option<&Post<'_>>) {
    match post {
        Some(post) => {
            add(hasher, post.body.path.as_bytes());
            add(hasher, post.digest.to_string().as_bytes());
        }
        None => add(hasher, &[]),
    }
}
