//! The pictures in pages: with width and height, so that nothing moves while they load, loaded when
//! they come into view, and in several sizes, so that a phone does not load the picture for a large
//! screen. `images` in the configuration.
//!
//! The file of a picture is published turned and without the notes of its camera. Pictures on other
//! hosts, drawings and the pictures of figures are left alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use unicode_normalization::UnicodeNormalization;

use super::{Made, Shared, memo};
use crate::config::Config;
use crate::diagnostic::{Diagnostic, Place};
use crate::digest::Digest;
use crate::html::{self, escaped, unescaped};
use crate::images::{self, Decoded};
use crate::inputs::Inputs;
use crate::liquid::Read;
use crate::output::{Content, Output};
use crate::path;
use crate::permalink::percent_decoded;
use crate::post::{Blog, PageKind, StaticFile};
use crate::slug;
use crate::store::cache::Cache;
use crate::text::Located;
use crate::url::{has_scheme, inside};

/// The folder of pictures in other sizes.
const FOLDER: &str = "sized";

/// The pictures of a site.
pub(super) struct Images<'a> {
    config: &'a Config,
    inputs: &'a Inputs,
    cache: &'a Cache,
    /// The files that are published unchanged or turned, by address without `/` in front.
    files: BTreeMap<&'a str, &'a StaticFile>,
    /// The addresses again, by their composed form (NFC), where that differs or is needed.
    composed: BTreeMap<String, &'a str>,
    /// What was found out about each file, by path.
    known: Mutex<BTreeMap<&'a str, Option<Arc<Sizes>>>>,
}

/// A picture and its sizes.
struct Sizes {
    width: u32,
    height: u32,
    /// The width and the file of each size.
    others: Vec<(u32, String, Content)>,
}

/// A page with its pictures, the files they need, and what they were made from.
pub(super) struct WithImages {
    pub(super) html: String,
    pub(super) files: Vec<Made>,
    pub(super) reads: BTreeSet<Read>,
}

impl<'a> Images<'a> {
    pub(super) fn new(
        config: &'a Config,
        inputs: &'a Inputs,
        cache: &'a Cache,
        blog: &'a Blog<'_>,
    ) -> Images<'a> {
        let is_on = config.images.is_on;
        let files = blog.files.iter().filter(|file| is_on && file.is_written);
        let files: BTreeMap<&str, &StaticFile> =
            files.map(|file| (file.address.file.as_str(), file)).collect();
        let is_other = |path: &&&str| !path.is_ascii();
        let composed = files.keys().filter(is_other).map(|path| (path.nfc().collect(), *path));
        let composed = composed.collect();
        Images { config, inputs, cache, files, composed, known: Mutex::default() }
    }

    /// The page at `url` with its pictures.
    pub(super) fn of_page(&self, html: String, url: &str) -> WithImages {
        let (mut files, mut reads) = (Vec::new(), BTreeSet::new());
        if !self.config.images.is_on || !html.contains("<img") {
            return WithImages { html, files, reads };
        }
        let (mut written, mut end) = (String::new(), 0);
        for (at, tag) in html::placed_tags(&html) {
            let Some(source) = source(&tag).filter(|source| !is_elsewhere(source)) else {
                continue;
            };
            let source = unescaped(source);
            let Some((file, address)) = self.found(&source, url) else {
                // It may be added.
                reads.insert(Read::Heads("static_files".to_owned()));
                continue;
            };
            reads.insert(Read::Image(file.path.clone()));
            let Some(sizes) = self.sizes(file) else { continue };
            let added = self.added(&tag, file, &sizes, &mut files);
            written.push_str(&html[end..at]);
            write(&tag, address.as_deref(), &added, &mut written);
            end = at + tag.text.len();
        }
        if end == 0 {
            return WithImages { html, files, reads };
        }
        written.push_str(&html[end..]);
        WithImages { html: written, files, reads }
    }

    /// The attributes to add to the tag of a picture, with a space in front of each.
    fn added(
        &self,
        tag: &html::Tag<'_>,
        file: &StaticFile,
        sizes: &Sizes,
        files: &mut Vec<Made>,
    ) -> String {
        let has = |name| tag.value(name).is_some();
        let mut added = String::new();
        let mut add = |name: &str, value: &str| {
            let _ = write!(added, " {name}=\"{value}\"");
        };
        if !has("width") && !has("height") {
            add("width", &sizes.width.to_string());
            add("height", &sizes.height.to_string());
        }
        if !has("loading") {
            add("loading", "lazy");
            if !has("decoding") {
                add("decoding", "async");
            }
        }
        if has("srcset") || sizes.others.is_empty() {
            return added;
        }
        let root = |path: &str| {
            slug::part_encoded(&format!("{}/{path}", self.config.base_url)).replace(',', "%2C")
        };
        let mut candidates = Vec::new();
        for (width, path, content) in &sizes.others {
            candidates.push(format!("{} {width}w", escaped(&root(path))));
            files.push(Made::of(path.as_str(), content.clone()));
        }
        let is_largest_there = sizes.others.iter().any(|(width, ..)| *width == sizes.width);
        if !is_largest_there {
            candidates.push(format!("{} {}w", escaped(&root(&file.address.file)), sizes.width));
        }
        add("srcset", &candidates.join(", "));
        if !has("sizes") {
            let own = tag.value("width").and_then(|width| width.parse().ok());
            let shown = own.unwrap_or(sizes.width.min(768));
            let default = format!("(max-width: {shown}px) 100vw, {shown}px");
            add("sizes", &escaped(self.config.images.sizes.as_deref().unwrap_or(&default)));
        }
        added
    }

    /// The file that an address in the page at `url` leads to, and the right address if the page has
    /// another one: file systems write `é` in two ways, and names may contain `%`.
    fn found(&self, source: &str, url: &str) -> Option<(&'a StaticFile, Option<String>)> {
        let path = path_of(source, url, self.config)?;
        let decoded = percent_decoded(&path);
        let encoded = |file: &str| {
            format!("{}/{}", self.config.base_url, slug::part_encoded(file).replace('?', "%3F"))
        };
        if let Some(file) = self.files.get(decoded.as_str()) {
            // A `%` that encodes nothing must be encoded itself.
            let is_valid = !decoded.contains('%');
            return Some((file, (!is_valid).then(|| encoded(&decoded))));
        }
        if let Some(file) = self.files.get(path.as_str()) {
            return Some((file, Some(encoded(&path))));
        }
        let composed: String = decoded.nfc().collect();
        let known = self.composed.get(&composed)?;
        Some((self.files.get(known)?, Some(encoded(known))))
    }

    /// A picture and its sizes; `None` if the file is none, or is damaged.
    fn sizes(&self, file: &'a StaticFile) -> Option<Arc<Sizes>> {
        if !images::is_picture(&file.path) {
            return None;
        }
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sizes) = known().get(file.path.as_str()) {
            return sizes.clone();
        }
        let sizes = self.made(file).map(Arc::new);
        known().insert(&file.path, sizes.clone());
        sizes
    }

    fn made(&self, file: &StaticFile) -> Option<Sizes> {
        let bytes = self.inputs.bytes(&file.path)?;
        let header = images::header(&bytes)?;
        let mut sizes = Sizes { width: header.width, height: header.height, others: Vec::new() };
        if !header.is_scalable {
            return Some(sizes);
        }
        let options = &self.config.images;
        let target = images::target(&bytes, options.quality)?;
        let mut widths: Vec<u32> =
            options.widths.iter().copied().filter(|&width| width < header.width).collect();
        if target == images::Target::WebP && !bytes.starts_with(b"RIFF") {
            // The same picture may take fewer bytes as WebP.
            widths.push(header.width);
        }
        let digest = Digest::of(&bytes);
        // Decoded once, and only if one of the sizes is not in the cache.
        let decoded = std::cell::OnceCell::new();
        for width in widths {
            let key = [
                b"size".as_slice(),
                images::VERSION.as_bytes(),
                digest.as_bytes(),
                &width.to_le_bytes(),
                &[options.quality],
            ];
            let key = memo::key(key);
            let content = self.cache.content(key, target.ending(), || {
                let picture: &Option<Decoded> = decoded.get_or_init(|| Decoded::of(&bytes));
                let encoded = picture.as_ref().map(|one| {
                    if width == header.width {
                        one.encoded(target)
                    } else {
                        one.resized(width).encoded(target)
                    }
                });
                // A size that is not smaller is not worth having.
                let encoded = encoded.and_then(Result::ok).unwrap_or_default();
                if encoded.len() < bytes.len() { encoded } else { Vec::new() }
            });
            if let Some(content) = content {
                let name = crate::path::stem(crate::path::file_name(&file.address.file));
                let name = slug::slugify(name.trim_end_matches('.'));
                let path =
                    format!("{FOLDER}/{name}-{}-{width}.{}", digest.short(), target.ending());
                sizes.others.push((width, path, content));
            }
        }
        sizes.others.sort_by_key(|(width, ..)| *width);
        Some(sizes)
    }

    /// The content of a file that is published: a picture without the notes of its camera.
    pub(super) fn published(
        config: &Config,
        inputs: &Inputs,
        cache: &Cache,
        path: &str,
    ) -> Option<Content> {
        if !config.images.is_on || !images::is_picture(path) {
            return None;
        }
        let digest = inputs.file_digest(path)?;
        let key = memo::key([b"clean".as_slice(), images::VERSION.as_bytes(), digest.as_bytes()]);
        let clean = || inputs.bytes(path).and_then(|bytes| images::cleaned(&bytes));
        cache.content(key, crate::path::ending(path), || clean().unwrap_or_default())
    }
}

/// Writes the tag of a picture with its right address and more attributes.
fn write(tag: &html::Tag<'_>, address: Option<&str>, added: &str, written: &mut String) {
    let mut start = String::new();
    tag.write(&mut start, |attribute| {
        let is_source = attribute.name.eq_ignore_ascii_case("src");
        Some(match address {
            Some(address) if is_source => escaped(address),
            _ => attribute.value.to_owned(),
        })
    });
    let end = if start.ends_with("/>") { " />" } else { ">" };
    let start = start.strip_suffix(end.trim_start()).unwrap_or(&start).trim_end();
    written.extend([start, added, end]);
}

/// The address in the tag of a picture.
fn source<'a>(tag: &html::Tag<'a>) -> Option<&'a str> {
    if tag.is("img") && !tag.is_end { tag.value("src") } else { None }
}

/// The path that an address in the page at `url` leads to, still encoded. `None` outside the site.
pub(super) fn path_of(address: &str, url: &str, config: &Config) -> Option<String> {
    let address = address.split(['?', '#']).next().unwrap_or_default();
    let path = match address.strip_prefix('/') {
        Some(_) => inside(&config.base_url, address)?.to_owned(),
        None => format!("{}{address}", &url[..=url.rfind('/').unwrap_or(0)]),
    };
    let end = if path.ends_with('/') { "/" } else { "" };
    Some(path::joined(&path) + end)
}

/// Whether an address leads away from the site, or contains the picture itself.
fn is_elsewhere(source: &str) -> bool {
    source.is_empty() || has_scheme(source)
}

/// The addresses of the pictures of the site in a body.
pub(super) fn sources(html: &str) -> Vec<String> {
    if !html.contains("<img") {
        return Vec::new();
    }
    let sources = html::tags_that_start(html, "<img");
    let sources = sources.filter_map(|tag| tag.value("src").map(unescaped));
    sources.filter(|source| !is_elsewhere(source)).collect()
}

/// The same without those that are only in a comment or the like.
pub(super) fn shown(html: &str) -> Vec<String> {
    if !html.contains("<img") {
        return Vec::new();
    }
    let sources = html::placed_tags(html).filter_map(|(_, tag)| source(&tag).map(unescaped));
    sources.filter(|source| !is_elsewhere(source)).collect()
}

/// An error for each picture in the bodies of documents and pages that is not in the built site. A
/// build warns of them, and `build --locked` fails.
pub(super) fn missing(site: &Shared<'_>, output: &Output) -> Vec<Diagnostic> {
    let mut missing = Vec::new();
    if !site.config.images.is_on {
        return missing;
    }
    for (post, rendered) in site.documents() {
        if post.is_written {
            let url = &post.address.url;
            let found = missing_among(site, output, &rendered.body.summary.images, url);
            let content = || shown(rendered.content().as_str().unwrap_or_default());
            let shown = if found.is_empty() { Vec::new() } else { content() };
            let found = found.into_iter().filter(|source| shown.contains(source));
            missing.extend(found.map(|source| error(post.body, source)));
        }
    }
    for page in &site.blog.pages {
        let Some(body) = site.pages.body(page) else { continue };
        let found = missing_among(site, output, &body.images, &page.address.url);
        // A template also shows the pictures of posts, at other addresses.
        let is_own = |source: &&String| {
            page.kind == PageKind::Markdown || written_at(page.body, source).is_some()
        };
        missing.extend(found.into_iter().filter(is_own).map(|source| error(page.body, source)));
    }
    missing
}

/// Those of the pictures that the page at `url` shows that are not in the built site.
fn missing_among<'i>(
    site: &Shared<'_>,
    output: &Output,
    images: &'i [String],
    url: &str,
) -> Vec<&'i String> {
    let is_missing = |source: &&String| {
        let Some(path) = path_of(source, url, site.config) else { return false };
        output.file(&percent_decoded(&path)).is_none() && site.images.found(source, url).is_none()
    };
    images.iter().filter(is_missing).collect()
}

fn error(body: Located<'_>, source: &str) -> Diagnostic {
    let message = format!("there is no picture `{source}` in the site");
    let place =
        written_at(body, source).map_or_else(|| Place::file(body.path), |at| body.place(at));
    Diagnostic::new(place, message)
        .hint("correct the address, or add the file; an address that starts with `/` starts at the site's root")
}

/// Where the source of a document or a page names the address.
pub(super) fn written_at(body: Located<'_>, source: &str) -> Option<usize> {
    let written = [source.to_owned(), percent_decoded(source)];
    written.iter().find_map(|source| body.text.find(source.as_str()))
}
