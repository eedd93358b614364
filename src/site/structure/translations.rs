//! Posts and pages in several languages: those with the same `ref` (or `translationKey`) in front
//! matter are the same text, each in its `lang`.

use std::collections::BTreeMap;

use tera::Map;

use super::groups::{Group, Kind};
use super::text_at;
use crate::config::Config;
use crate::post::Blog;
use crate::post::front_matter::FrontMatter;
use crate::value::{Value, set};

/// The language of a document: its own, or the site's.
pub(super) fn language(front: &FrontMatter<'_>, config: &Config) -> String {
    text_at(&front.values, "lang").unwrap_or_else(|| config.language.clone())
}

/// The name that all versions of a text share.
fn name(front: &FrontMatter<'_>) -> Option<String> {
    ["ref", "translationKey"].into_iter().find_map(|key| text_at(&front.values, key))
}

/// For each post with versions in other languages, all of them and itself, in order of language.
pub(super) fn of_posts(blog: &Blog<'_>, config: &Config) -> BTreeMap<usize, Vec<usize>> {
    versions(blog.posts.iter().map(|post| &post.front), config)
}

/// The same for pages.
pub(super) fn of_pages(blog: &Blog<'_>, config: &Config) -> BTreeMap<usize, Vec<usize>> {
    versions(blog.pages.iter().map(|page| &page.front), config)
}

fn versions<'f, 'y: 'f>(
    fronts: impl Iterator<Item = &'f FrontMatter<'y>>,
    config: &Config,
) -> BTreeMap<usize, Vec<usize>> {
    let mut by_name: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for (index, front) in fronts.enumerate() {
        if let Some(name) = name(front) {
            by_name.entry(name).or_default().entry(language(front, config)).or_insert(index);
        }
    }
    let groups = by_name.into_values().filter(|versions| versions.len() > 1);
    let groups = groups.map(|versions| versions.into_values().collect::<Vec<usize>>());
    groups.flat_map(|group| group.clone().into_iter().map(move |at| (at, group.clone()))).collect()
}

/// The languages of the posts, that of the site first; empty if there is only one.
pub(super) fn languages(blog: &Blog<'_>, config: &Config) -> Vec<Group> {
    let mut by_language: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, post) in blog.posts.iter().enumerate() {
        by_language.entry(language(&post.front, config)).or_default().push(index);
    }
    if by_language.len() < 2 {
        return Vec::new();
    }
    let group = |(language, posts): (String, Vec<usize>)| Group {
        posts,
        ..Group::new(Kind::Language, &language)
    };
    let mut languages: Vec<Group> = by_language.into_iter().map(group).collect();
    languages.sort_by_key(|one| one.name != config.language);
    languages
}

/// `page.translations`: the versions of a post with `lang`, `title` and `url`.
pub(super) fn of_versions(versions: &[usize], blog: &Blog<'_>, config: &Config) -> Value {
    let version = |&index: &usize| {
        let post = &blog.posts[index];
        version(&language(&post.front, config), &post.title, &post.address.url)
    };
    Value::from(versions.iter().map(version).collect::<Vec<_>>())
}

/// The same for pages.
pub(super) fn of_page_versions(versions: &[usize], blog: &Blog<'_>, config: &Config) -> Value {
    let version = |&index: &usize| {
        let page = &blog.pages[index];
        let title = page.front.title.as_deref().unwrap_or_default();
        version(&language(&page.front, config), title, &page.address.url)
    };
    Value::from(versions.iter().map(version).collect::<Vec<_>>())
}

fn version(language: &str, title: &str, url: &str) -> Value {
    let mut map = Map::new();
    set(&mut map, "lang", language);
    set(&mut map, "title", title);
    set(&mut map, "url", url);
    Value::from(map)
}
