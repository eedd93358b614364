//! Makes ids unique on pages that show several full posts: each post has its own `#fn:1`, and an id
//! may occur only once in a page.
//!
//! A repeated id starts a new part of the page, because another post begins there. Ids in every
//! part except the first get a number, and so do that part's links to them. All other ids are the
//! author's and are left alone.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::html::{Attribute, Tag, Token, tokens, with_tags};

/// Renames repeated ids of headings and footnotes.
pub(super) fn unique(html: &str) -> Cow<'_, str> {
    let names = names(html);
    if names.is_empty() {
        return Cow::Borrowed(html);
    }
    let mut parts = Parts::default();
    Cow::Owned(with_tags(html, |tag, written| {
        parts.enter(tag);
        tag.write(written, |attribute| {
            let other_name = |id: &str| names.get(&(parts.part, id)).cloned();
            Some(renamed(tag, attribute, other_name).unwrap_or_else(|| attribute.value.to_owned()))
        });
    }))
}

/// The new names of repeated ids, by part and id. The first occurrence keeps its name.
fn names(html: &str) -> BTreeMap<(usize, &str), String> {
    let mut parts = Parts::default();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut repeated: Vec<(usize, &str)> = Vec::new();
    for token in tokens(html) {
        let Token::Tag(tag) = token else { continue };
        parts.enter(&tag);
        let Some(id) = tag.value("id").filter(|_| !tag.is_end) else { continue };
        if !seen.insert(id) && is_ours(&tag, id) {
            repeated.push((parts.part, id));
        }
    }
    let mut used: BTreeSet<String> = seen.iter().map(|&id| id.to_owned()).collect();
    let mut names = BTreeMap::new();
    for (part, id) in repeated {
        let mut names_of_part =
            (part + 1..=part + 1 + used.len()).map(|number| format!("{id}-{number}"));
        let name = names_of_part.find(|name| !used.contains(name)).expect(
            "there are more candidates \
                than used names",
        );
        used.insert(name.clone());
        names.insert((part, id), name);
    }
    names
}

/// The new value of an attribute that is a renamed id or a link to one.
fn renamed(
    tag: &Tag<'_>,
    attribute: &Attribute<'_>,
    named: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    match attribute.name.to_ascii_lowercase().as_str() {
        "id" if is_ours(tag, attribute.value) => named(attribute.value),
        "href" => named(attribute.value.strip_prefix('#')?).map(|name| format!("#{name}")),
        _ => None,
    }
}

/// Whether labpress generated the id: for a heading, a term, a footnote or a table of contents.
fn is_ours(tag: &Tag<'_>, id: &str) -> bool {
    const ELEMENTS: [&str; 7] = ["h1", "h2", "h3", "h4", "h5", "h6", "dt"];
    let starts = ["fn:", "fnref:", "markdown-toc"];
    ELEMENTS.iter().any(|name| tag.is(name)) || starts.iter().any(|start| id.starts_with(start))
}

/// The current part of the page, and the ids seen in it so far.
#[derive(Default)]
struct Parts<'a> {
    part: usize,
    ids: BTreeSet<&'a str>,
}

impl<'a> Parts<'a> {
    /// Starts the next part if the current one already has the tag's id.
    fn enter(&mut self, tag: &Tag<'a>) {
        let Some(id) = tag.value("id").filter(|id| !tag.is_end && is_ours(tag, id)) else { return };
        if !self.ids.insert(id) {
            self.part += 1;
            self.ids = BTreeSet::from([id]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(html: &str, expected: &str) {
        assert_eq!(unique(html), expected);
    }

    #[test]
    fn each_post_keeps_its_links_to_its_own_footnotes_and_headings() {
        let post = "<h1 id=\"same\">Same</h1><p>x<sup id=\"fnref:1\"><a \
                    href=\"#fn:1\">1</a></sup> <a \
                    href=\"#same\">up</a></p><li id=\"fn:1\">n <a href=\"#fnref:1\">back</a></li>";
        let second = post
            .replace("same", "same-2")
            .replace("fn:1", "fn:1-2")
            .replace("fnref:1", "fnref:1-2");
        check(&format!("{post}<hr>{post}"), &format!("{post}<hr>{second}"));
    }

    #[test]
    fn a_used_name_is_skipped() {
        check(
            "<h1 id=a>1</h1><h1 id=\"a-2\">2</h1><h1 id=\"a\">3</h1><h1 id=\"a\">4</h1>",
            "<h1 id=a>1</h1><h1 id=\"a-2\">2</h1><h1 id=\"a-3\">3</h1><h1 id=\"a-4\">4</h1>",
        );
    }

    #[test]
    fn ids_of_the_author_and_unrepeated_ids_are_left_alone() {
        for html in [
            "<div id=\"x\"></div><div id=\"x\"></div>",
            "<h1 id=\"a\"></h1><h2 id=\"b\"></h2><a href=\"#a\">a</a>",
        ] {
            assert!(matches!(unique(html), Cow::Borrowed(same) if same == html));
        }
    }
}
