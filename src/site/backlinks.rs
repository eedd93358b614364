//! Backlinks: which pages link to a page (`backlinks: true` in `_config.yml`).
//!
//! The links of documents are found in their rendered bodies and kept with them, so those of
//! documents that did not change cost nothing. The bodies of pages are rendered later, with their
//! layouts: of pages, the links in their Markdown count.

use std::collections::{BTreeMap, BTreeSet};

use super::images;
use super::post::RenderedBlog;
use super::wikilinks::Wikilinks;
use crate::config::Config;
use crate::markdown::wikilink;
use crate::path::{self, file_name, stem};
use crate::permalink::{Address, percent_decoded};
use crate::post::{Blog, Page, PageKind};
use crate::url::has_scheme;
use crate::value::{Value, json, set};

/// The pages that link to each page, by its place in the site.
#[derive(Default)]
pub(super) struct Backlinks(BTreeMap<String, Vec<Value>>);

impl Backlinks {
    /// The backlinks of a site; none if they are off. The newest posts come first, then other
    /// documents, then pages.
    pub(super) fn of(
        config: &Config,
        blog: &Blog<'_>,
        rendered: &RenderedBlog<'_>,
        wikilinks: Option<&Wikilinks<'_>>,
    ) -> Backlinks {
        let mut backlinks = Backlinks::default();
        if !config.backlinks {
            return backlinks;
        }
        let of_documents =
            rendered.documents().filter(|(post, _)| post.is_written && !post.front.unlisted);
        for (post, body) in of_documents {
            let mut value = tera::Map::new();
            set(&mut value, "title", body.summary.title.as_str());
            set(&mut value, "url", post.address.url.as_str());
            if post.is_dated {
                set(&mut value, "date", post.date.to_string());
            }
            backlinks.add(&Value::from(value), &body.summary.links, &post.address, config);
        }
        for page in blog.pages.iter().filter(|page| page.kind == PageKind::Markdown) {
            let links = links_of_page(page, wikilinks);
            let title = page.front.title.as_deref();
            let mut value = tera::Map::new();
            set(&mut value, "title", title.unwrap_or_else(|| stem(file_name(page.body.path))));
            set(&mut value, "url", page.address.url.as_str());
            backlinks.add(&Value::from(value), &links, &page.address, config);
        }
        backlinks
    }

    /// Adds the links of the page at `own`.
    fn add(&mut self, value: &Value, links: &[String], own: &Address, config: &Config) {
        let places = links.iter().filter_map(|link| place(link, &own.url, config));
        let places: BTreeSet<String> = places.collect();
        for place in places.into_iter().filter(|place| *place != place_of(own)) {
            self.0.entry(place).or_default().push(value.clone());
        }
    }

    /// The pages that link to the page at an address, if there are any.
    pub(super) fn to(&self, address: &Address) -> Option<Vec<Value>> {
        self.0.get(&place_of(address)).cloned()
    }

    /// Equal for equal backlinks of a page.
    pub(super) fn key(&self, address: &Address) -> Vec<u8> {
        self.to(address).map_or_else(Vec::new, |values| json(&Value::from(values)).into_bytes())
    }
}

fn links_of_page(page: &Page<'_>, wikilinks: Option<&Wikilinks<'_>>) -> Vec<String> {
    let found = wikilink::links(page.body.text);
    let by_name = wikilinks.map_or_else(Vec::new, |links| links.urls(&found.wikilinks));
    found.destinations.into_iter().chain(by_name).collect()
}

fn place_of(address: &Address) -> String {
    normal(&address.url)
}

/// Where a link in the page at `url` leads in the site: one text for all ways to write it. `None`
/// outside the site.
fn place(link: &str, url: &str, config: &Config) -> Option<String> {
    let inside = match link.strip_prefix(config.url.as_str()).filter(|_| !config.url.is_empty()) {
        Some(inside) if inside.starts_with('/') => inside,
        _ if has_scheme(link) => return None,
        _ => link,
    };
    if inside.is_empty() || inside.starts_with(['?', '#']) {
        return None;
    }
    images::path_of(inside, url, config).map(|path| normal(&path))
}

/// A path without `.`, `..`, encoded letters, `index.html` and slashes at its ends.
fn normal(path: &str) -> String {
    let path = path::joined(path);
    let folder = path.strip_suffix("index.html");
    let folder = folder.filter(|folder| folder.is_empty() || folder.ends_with('/'));
    percent_decoded(folder.unwrap_or(&path).trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_pages_however_they_are_written() {
        let config = Config::for_tests("url: https://example.org\nbaseurl: /blog\n");
        let place = |link| place(link, "/2026/a/", &config);
        let expected = Some("2026/é".to_owned());
        for link in [
            "/blog/2026/%C3%A9/",
            "/blog/2026/é/index.html#x",
            "https://example.org/blog/2026/é?q",
            "../é/",
        ] {
            assert_eq!(place(link), expected, "{link}");
        }
        for link in ["https://other.org/2026/é/", "/2026/é/", "mailto:a@b", "#x", ""] {
            assert_eq!(place(link), None, "{link}");
        }
    }
}
