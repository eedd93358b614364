//! The list of tags, and a page for each tag; where there are layouts for them.

use std::collections::BTreeMap;

use tera::Map;

use super::post::RenderedPost;
use super::{Files, Made, Shared, in_parallel};
use crate::diagnostic::Place;
use crate::post::{Blog, slug};
use crate::site::layouts::Layouts;
use crate::value::{Value, set};

/// A tag and its posts.
#[derive(Debug)]
pub(super) struct Tag {
    /// As the newest post writes it.
    pub(super) name: String,
    slug: String,
    /// Indices into the list of posts, the newest first.
    posts: Vec<usize>,
}

/// All tags in order of name. Tags that would be at one address are one tag.
pub(super) fn tags(blog: &Blog<'_>) -> Vec<Tag> {
    let mut tags: BTreeMap<String, Tag> = BTreeMap::new();
    for (index, post) in blog.posts.iter().enumerate() {
        for name in &post.front.tags {
            let slug = slug::slugify(name);
            // A name of punctuation only still needs an address.
            let slug = if slug.is_empty() { slug::percent_encoded(name).replace(['/', '%', '.'], "-") } else { slug };
            let tag = tags.entry(slug.clone());
            let tag = tag.or_insert_with(|| Tag { name: name.clone(), slug, posts: Vec::new() });
            if tag.posts.last() != Some(&index) {
                tag.posts.push(index);
            }
        }
    }
    let mut tags: Vec<Tag> = tags.into_values().collect();
    tags.sort_by_cached_key(|tag| (tag.name.to_lowercase(), tag.slug.clone()));
    tags
}

impl Tag {
    /// As templates see it: `name`, `slug`, `url`, `posts`.
    pub(super) fn value(&self, posts: &[RenderedPost]) -> Value {
        let mut map = Map::new();
        set(&mut map, "name", self.name.as_str());
        set(&mut map, "slug", self.slug.as_str());
        set(&mut map, "url", self.url());
        set(&mut map, "posts", self.posts.iter().map(|&index| posts[index].value.clone()).collect::<Vec<_>>());
        Value::from(map)
    }

    fn url(&self) -> String {
        slug::percent_encoded(&format!("/tags/{}/", self.slug))
    }

    fn file(&self) -> String {
        format!("tags/{}/index.html", self.slug)
    }
}

/// Pages of tags in the layout `tag`, and their list in the layout `tags`; not where the author has a page of his own.
pub(super) fn files(site: &Shared<'_>, layouts: &Layouts<'_>) -> Files {
    const LIST: &str = "tags/index.html";
    let mut files = Vec::new();
    if layouts.has("tag") {
        files = in_parallel(&site.tags, |_, tag| {
            if site.taken.contains(&tag.file()) {
                return Ok(Vec::new());
            }
            let mut page = Map::new();
            set(&mut page, "title", tag.name.as_str());
            set(&mut page, "tag", tag.name.as_str());
            set(&mut page, "url", tag.url());
            set(&mut page, "posts", tag.posts.iter().map(|&index| site.posts[index].value.clone()).collect::<Vec<_>>());
            rendered(site, layouts, "tag", page, tag.file())
        })?;
    }
    if layouts.has("tags") && !site.tags.is_empty() && !site.taken.contains(LIST) {
        let mut page = Map::new();
        set(&mut page, "title", "Tags");
        set(&mut page, "url", "/tags/");
        files.extend(rendered(site, layouts, "tags", page, LIST.to_owned())?);
    }
    Ok(files)
}

fn rendered(site: &Shared<'_>, layouts: &Layouts<'_>, layout: &str, page: Map, path: String) -> Files {
    let variables = [("site", site.value.clone()), ("page", Value::from(page))];
    let place = || Place::file(format!("_layouts/{layout}.html"));
    let page = layouts.render(Some(layout), String::new(), &variables, place)?;
    let figures = page.files.into_iter().map(|(path, bytes)| Made::new(path, bytes));
    Ok(std::iter::once(Made::new(path, page.text)).chain(figures).collect())
}

impl Shared<'_> {
    /// Addresses of the pages of tags that are made.
    pub(super) fn tag_urls(&self) -> impl Iterator<Item = String> {
        self.tags.iter().map(Tag::url)
    }
}
