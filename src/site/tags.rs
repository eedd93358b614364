//! The list of tags and a page for each tag, if there are layouts for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tera::Map;
use tera::value::Key;

use super::post::RenderedPost;
use super::{Files, Made, Shared, in_parallel, memo};
use crate::diagnostic::{Diagnostic, Place};
use crate::liquid::Read;
use crate::post::Blog;
use crate::site::layouts::Layouts;
use crate::slug;
use crate::value::{Value, set};

/// A tag and its posts.
#[derive(Debug)]
pub(super) struct Tag {
    /// As it is spelled in the newest post.
    pub(super) name: String,
    slug: String,
    /// Indices into the list of posts, the newest first.
    posts: Vec<usize>,
}

/// All tags in order of name. Names that differ only in case, spaces and hyphens are one tag.
pub(super) fn tags(blog: &Blog<'_>) -> Vec<Tag> {
    let mut tags: BTreeMap<String, Tag> = BTreeMap::new();
    for (index, post) in blog.posts.iter().enumerate() {
        for name in &post.front.tags {
            let tag = tags.entry(key(name));
            let tag = tag.or_insert_with(|| Tag {
                name: name.clone(),
                slug: String::new(),
                posts: Vec::new(),
            });
            if tag.posts.last() != Some(&index) {
                tag.posts.push(index);
            }
        }
    }
    let slugs = slugs(tags.keys().map(String::as_str));
    let mut tags: Vec<Tag> =
        tags.into_iter().map(|(key, tag)| Tag { slug: slugs[&key].clone(), ..tag }).collect();
    tags.sort_by_cached_key(|tag| (tag.name.to_lowercase(), tag.slug.clone()));
    tags
}

/// The key that all names of one tag share.
fn key(name: &str) -> String {
    let words = name
        .split(|c: char| c.is_whitespace() || c == '-' || c == '_')
        .filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

/// The slug of each tag: Jekyll's, unless several tags share it. Of those, the one that is spelled
/// like the slug keeps it, and the others spell out their punctuation: `c`, `c-sharp`,
/// `c-plus-plus`.
fn slugs<'k>(keys: impl Iterator<Item = &'k str>) -> BTreeMap<String, String> {
    let mut by_slug: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for key in keys {
        let slug = slug::slugify(key);
        // A name of nothing but punctuation still needs an address.
        let slug = if slug.is_empty() {
            slug::percent_encoded(key).replace(['/', '%', '.'], "-")
        } else {
            slug
        };
        by_slug.entry(slug).or_default().push(key);
    }
    let mut taken: BTreeSet<String> = by_slug.keys().cloned().collect();
    let mut slugs = BTreeMap::new();
    for (slug, keys) in by_slug {
        let is_shared = keys.len() > 1;
        for key in keys {
            let own = if is_shared && key != slug {
                free(&spelled_out(key), &mut taken)
            } else {
                slug.clone()
            };
            slugs.insert(key.to_owned(), own);
        }
    }
    slugs
}

/// The slug of a name with words for its punctuation.
fn spelled_out(key: &str) -> String {
    let mut words = String::new();
    for c in key.chars() {
        match c {
            '+' => words.push_str("-plus-"),
            '#' => words.push_str("-sharp-"),
            '&' => words.push_str("-and-"),
            '.' => words.push_str("-dot-"),
            '/' => words.push_str("-slash-"),
            '*' => words.push_str("-star-"),
            c => words.push(c),
        }
    }
    slug::slugify(&words)
}

/// Takes the slug, with a number appended if it is already taken.
fn free(slug: &str, taken: &mut BTreeSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{slug}-{number}"));
    let free = std::iter::once(slug.to_owned()).chain(numbered).find(|slug| !taken.contains(slug));
    let free = free.expect("there are more numbers than tags");
    taken.insert(free.clone());
    free
}

/// The address of each name that posts use for a tag, without `baseurl`.
pub(super) fn urls(blog: &Blog<'_>, tags: &[Tag]) -> Map {
    let by_key: BTreeMap<String, &Tag> = tags.iter().map(|tag| (key(&tag.name), tag)).collect();
    let names: BTreeSet<&String> = blog.posts.iter().flat_map(|post| &post.front.tags).collect();
    let urls = names
        .into_iter()
        .filter_map(|name| Some((Key::from(name.clone()), by_key.get(&key(name))?.url())));
    urls.map(|(name, url)| (name, Value::from(url))).collect()
}

impl Tag {
    /// As templates see it: `name`, `slug`, `url`, `posts`.
    pub(super) fn value(&self, posts: &[Arc<RenderedPost>]) -> Value {
        let mut map = Map::new();
        set(&mut map, "name", self.name.as_str());
        set(&mut map, "slug", self.slug.as_str());
        set(&mut map, "url", self.url());
        set(
            &mut map,
            "posts",
            self.posts.iter().map(|&index| posts[index].value.clone()).collect::<Vec<_>>(),
        );
        Value::from(map)
    }

    fn url(&self) -> String {
        slug::percent_encoded(&format!("/tags/{}/", self.slug))
    }

    fn file(&self) -> String {
        format!("tags/{}/index.html", self.slug)
    }
}

/// The pages of tags, in the layout `tag`, and their list, in the layout `tags`, unless the author
/// has such a page.
pub(super) fn files(site: &Shared<'_>, layouts: &Layouts<'_>) -> Files {
    const LIST: &str = "tags/index.html";
    let mut files = Vec::new();
    if layouts.has("tag") {
        files = in_parallel(&site.tags, |_, tag| {
            if site.taken.contains(&tag.file()) {
                return Ok(Vec::new());
            }
            let posts = || tag.posts.iter().map(|&index| &site.posts[index]);
            let url = tag.url();
            let own = [tag.name.as_bytes(), url.as_bytes()];
            let shown = posts().map(|post| &post.identity.as_bytes()[..]);
            let file = tag.file();
            let key = memo::key(own.into_iter().chain(shown));
            site.pages.page(&file, "", ("the posts with the tag", key), || {
                let mut page = Map::new();
                set(&mut page, "title", tag.name.as_str());
                set(&mut page, "tag", tag.name.as_str());
                set(&mut page, "url", url.as_str());
                set(&mut page, "posts", posts().map(|post| post.value.clone()).collect::<Vec<_>>());
                rendered(site, layouts, "tag", page, &file)
            })
        })?;
    }
    if layouts.has("tags") && !site.tags.is_empty() && !site.taken.contains(LIST) {
        let mut page = Map::new();
        set(&mut page, "title", "Tags");
        set(&mut page, "url", "/tags/");
        files.extend(rendered(site, layouts, "tags", page, LIST)?.0);
    }
    Ok(files)
}

fn rendered(
    site: &Shared<'_>,
    layouts: &Layouts<'_>,
    layout: &str,
    page: Map,
    path: &str,
) -> Result<(Vec<Made>, BTreeSet<Read>), Vec<Diagnostic>> {
    let variables = [("site", site.value.clone()), ("page", Value::from(page))];
    let place = || Place::file(format!("_layouts/{layout}.html"));
    let page = layouts.render(Some(layout), Value::from(""), &variables, place)?;
    let figures = page.files.into_iter().map(|(path, bytes)| Made::new(path, bytes));
    let made = Made::new(path, super::ids::unique(&page.text).as_bytes());
    Ok((std::iter::once(made).chain(figures).collect(), page.reads))
}

impl Shared<'_> {
    /// The addresses of all tags.
    pub(super) fn tag_urls(&self) -> impl Iterator<Item = String> {
        self.tags.iter().map(Tag::url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &[&str], expected: &[(&str, &str)]) {
        let keys: Vec<String> = names.iter().map(|name| key(name)).collect();
        let found = slugs(keys.iter().map(String::as_str));
        let found: Vec<(&str, &str)> =
            found.iter().map(|(key, slug)| (key.as_str(), slug.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn tags_with_the_same_slug_have_addresses_of_their_own() {
        check(&["C", "C#", "c++"], &[("c", "c"), ("c#", "c-sharp"), ("c++", "c-plus-plus")]);
        check(
            &["C#", "c++", "c plus plus"],
            &[("c#", "c-sharp"), ("c++", "c-plus-plus-2"), ("c-plus-plus", "c-plus-plus")],
        );
        check(&["a!", "a?"], &[("a!", "a-2"), ("a?", "a-3")]);
    }

    #[test]
    fn a_tag_with_a_unique_slug_keeps_it() {
        check(&["C++"], &[("c++", "c")]);
        check(
            &["Deep Learning", "deep-learning", "deep_learning"],
            &[("deep-learning", "deep-learning")],
        );
        check(&["!!!", "Größe"], &[("!!!", "!!!"), ("größe", "größe")]);
    }
}
