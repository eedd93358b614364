//! A finished page, and what the rules look at in it.

use std::collections::BTreeMap;

use crate::html::{self, Tag, placed_tags, unescaped};
use crate::site::Source;

/// A finished page.
pub(super) struct Page<'a> {
    /// Its path in the built site.
    pub(super) file: &'a str,
    /// The path of its address: `/about/` for `about/index.html`.
    pub(super) url: String,
    /// Where it comes from, if it has a source of its own.
    pub(super) source: Option<&'a Source>,
    /// Whether the author wrote the HTML as it is.
    pub(super) is_copy: bool,
    /// All of it.
    pub(super) html: &'a str,
    /// Its tags, each with the byte that it starts at.
    pub(super) tags: Vec<(usize, Tag<'a>)>,
    /// How often each id occurs.
    pub(super) ids: BTreeMap<String, usize>,
    /// What it links to and what it shows.
    pub(super) links: Vec<Link>,
    /// Whether browsers go on to another page at once.
    pub(super) is_redirect: bool,
}

/// An address in a page.
pub(super) struct Link {
    /// The address, unescaped.
    pub(super) address: String,
    /// Whether a reader follows it; otherwise the page needs it.
    pub(super) is_followed: bool,
}

impl<'a> Page<'a> {
    /// Takes a page apart.
    pub(super) fn parse(
        file: &'a str,
        html: &'a str,
        source: Option<&'a Source>,
        is_copy: bool,
    ) -> Page<'a> {
        let tags: Vec<(usize, Tag<'a>)> = placed_tags(html).collect();
        let (mut ids, mut links) = (BTreeMap::new(), Vec::new());
        let mut is_redirect = false;
        for (_, tag) in tags.iter().filter(|(_, tag)| !tag.is_end) {
            let name = tag.value("name").filter(|_| tag.is("a"));
            if let Some(id) = tag.value("id").or(name).filter(|id| !id.is_empty()) {
                *ids.entry(unescaped(id)).or_insert(0) += 1;
            }
            let says = |name, value| {
                tag.value(name).is_some_and(|given| given.eq_ignore_ascii_case(value))
            };
            is_redirect |= tag.is("meta") && says("http-equiv", "refresh");
            add_links(tag, &mut links);
        }
        let url = format!("/{}", file.strip_suffix("index.html").unwrap_or(file));
        Page { file, url, source, is_copy, html, tags, ids, links, is_redirect }
    }

    /// The text of the element that starts with this tag, without tags and unescaped.
    pub(super) fn text_of(&self, at: usize) -> String {
        let (start, tag) = &self.tags[at];
        let inside = start + tag.text.len();
        let mut open = 0_usize;
        let end = self.tags[at + 1..].iter().find(|(_, next)| {
            if next.is(tag.name) && next.is_end && open == 0 {
                return true;
            }
            if next.is(tag.name) {
                open = if next.is_end { open - 1 } else { open + 1 };
            }
            false
        });
        let end = end.map_or(self.html.len(), |(end, _)| *end);
        unescaped(&html::without_html(&self.html[inside..end]))
    }
}

fn add_links(tag: &Tag<'_>, links: &mut Vec<Link>) {
    let mut add = |address: &str, is_followed| {
        links.push(Link { address: unescaped(address).trim().to_owned(), is_followed });
    };
    let is_followed = tag.is("a") || tag.is("area");
    for name in ["href", "src", "poster"] {
        if let Some(address) = tag.value(name) {
            add(address, is_followed);
        }
    }
    if let Some(candidates) = tag.value("srcset") {
        let addresses = candidates.split(", ").filter_map(|one| one.split_whitespace().next());
        addresses.for_each(|address| add(address.trim_end_matches(','), false));
    }
    let property = tag.value("property").or_else(|| tag.value("name")).filter(|_| tag.is("meta"));
    if matches!(property, Some("og:image" | "twitter:image"))
        && let Some(address) = tag.value("content")
    {
        add(address, false);
    }
}
