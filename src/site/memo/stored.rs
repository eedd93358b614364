//! A memo as bytes, to be kept between builds.
//!
//! It has neither the content of documents nor that of pages (except what is searched of the few that
//! are not documents), so it is small beside the site: what
//! the last build wrote is still in the destination, and a body whose content is needed for a page
//! that changed is rendered again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{KnownBody, KnownPage, Memo, Reads};
use crate::digest::Digest;
use crate::inputs::mark::Mark;
use crate::output::Content;
use crate::site::Made;
use crate::site::page;
use crate::site::post::{Body, Summary};

#[derive(Serialize, Deserialize)]
struct Stored {
    base: Option<Digest>,
    bodies: Vec<(String, StoredBody)>,
    /// What pages have read: most have read the same.
    reads: Vec<Reads>,
    pages: Vec<(String, Page)>,
}

#[derive(Serialize, Deserialize)]
struct StoredBody {
    file: Digest,
    date: Timestamp,
    reads: Reads,
    summary: Summary,
}

#[derive(Serialize, Deserialize)]
struct Page {
    source: String,
    shown: String,
    key: Digest,
    /// Its place in the list of all reads.
    reads: usize,
    files: Vec<File>,
}

#[derive(Serialize, Deserialize)]
struct File {
    path: String,
    digest: Digest,
    from: Option<String>,
    experiments: BTreeSet<String>,
    body: Option<page::Body>,
}

impl Memo {
    /// The memo as bytes, without what needs results that are missing.
    pub fn to_bytes(&self) -> Vec<u8> {
        let bodies: BTreeMap<&String, &KnownBody> =
            self.bodies.iter().filter(|(_, known)| known.body.needs.is_empty()).collect();
        let body = |(path, known): (&String, &KnownBody)| {
            let KnownBody { file, date, reads, body } = known;
            let (reads, summary) = (reads.clone(), body.summary.clone());
            (path.clone(), StoredBody { file: *file, date: *date, reads, summary })
        };
        let pages: BTreeMap<&String, &KnownPage> =
            self.pages.iter().map(|(path, page)| (path, &**page)).collect();
        let mut reads = BTreeMap::new();
        for page in pages.values() {
            let next = reads.len();
            reads.entry(&page.reads).or_insert(next);
        }
        let pages: Vec<(&String, &KnownPage)> = pages.into_iter().collect();
        let page = |(path, page): &(&String, &KnownPage)| {
            Some(((*path).clone(), Page::new(page, reads[&page.reads])?))
        };
        let pages = pages.par_iter().filter_map(page).collect();
        let mut in_order: Vec<(usize, &Arc<Reads>)> =
            reads.iter().map(|(reads, place)| (*place, *reads)).collect();
        in_order.sort_by_key(|(place, _)| *place);
        let stored = Stored {
            base: self.base,
            bodies: bodies.into_iter().map(body).collect(),
            reads: in_order.into_iter().map(|(_, reads)| reads.to_vec()).collect(),
            pages,
        };
        postcard::to_allocvec(&stored).unwrap_or_default()
    }

    /// The memo that bytes were made from; `None` if they are not those of a memo. Pages are in it
    /// if all their files are still in the destination: `mark` returns their marks.
    pub fn from_bytes(bytes: &[u8], mark: impl Fn(&str) -> Option<Mark> + Sync) -> Option<Memo> {
        let stored: Stored = postcard::from_bytes(bytes).ok()?;
        let reads: Vec<Arc<Reads>> = stored.reads.into_iter().map(Arc::new).collect();
        let body = |(path, StoredBody { file, date, reads, summary })| {
            let body = Arc::new(Body::summed_up(summary));
            (path, KnownBody { file, date, reads, body })
        };
        let bodies = stored.bodies.into_iter().map(body);
        let page =
            |(path, page): (String, Page)| Some((path, Arc::new(page.known(&reads, &mark)?)));
        let pages = stored.pages.into_par_iter().filter_map(page).collect::<HashMap<_, _>>();
        Some(Memo { base: stored.base, bodies: bodies.collect(), pages, ..Memo::default() })
    }
}

impl Page {
    fn new(page: &KnownPage, reads: usize) -> Option<Page> {
        let file = |made: &Made| {
            let digest = made.content.digest();
            let Made { path, from, experiments, needs, warnings, body, .. } = made;
            let (path, from, experiments) = (path.clone(), from.clone(), experiments.clone());
            let body = body.as_deref().cloned();
            let file = File { path, digest, from, experiments, body };
            (needs.is_empty() && warnings.is_empty()).then_some(file)
        };
        Some(Page {
            source: page.source.clone(),
            shown: page.shown.clone().into_owned(),
            key: page.key,
            reads,
            files: page.files.iter().map(file).collect::<Option<_>>()?,
        })
    }

    fn known(
        self,
        reads: &[Arc<Reads>],
        mark: &impl Fn(&str) -> Option<Mark>,
    ) -> Option<KnownPage> {
        let Page { source, shown, key, reads: place, files } = self;
        let made = |File { path, digest, from, experiments, body }: File| {
            let content = Content::AsWritten { mark: mark(&path)?, digest };
            Some(Made { from, experiments, body: body.map(Arc::new), ..Made::of(path, content) })
        };
        let files = files.into_iter().map(made).collect::<Option<_>>()?;
        Some(KnownPage {
            source,
            shown: shown.into(),
            key,
            reads: reads.get(place)?.clone(),
            files,
        })
    }
}
