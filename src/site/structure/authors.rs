//! The authors of posts, from `author` or `authors` in front matter.
//!
//! A post names an author by key or by name; `_data/authors.yml`, or `authors` in the configuration,
//! may say more about each: `name`, `url`, `email`, `bio`, `avatar` and whatever a theme shows. A
//! post without an author is by the site's `author`.

use std::collections::BTreeMap;

use tera::Map;
use tera::value::Key;

use super::groups::{self, Group, Kind};
use super::{about, text_at};
use crate::config::Config;
use crate::post::{Blog, Post};
use crate::value::{self, Value, entry, set};

/// The authors that have pages, and those of each post. If no post names an author, no author has a
/// page.
pub(super) fn of(blog: &Blog<'_>, config: &Config, data: &Value) -> (Vec<Group>, Vec<Vec<Value>>) {
    let known = entry(data, "authors").or_else(|| config.value("authors"));
    let of_site = named(config.value("author"), known);
    let is_named = blog.posts.iter().any(|post| !own(post, known).is_empty());
    let of_post = |post: &Post<'_>| {
        let own = own(post, known);
        if own.is_empty() { of_site.clone() } else { own }
    };
    let maps: Vec<Vec<Map>> = blog.posts.iter().map(of_post).collect();
    let name = |map: &Map| text_at(map, "name").unwrap_or_default();
    let mut abouts: BTreeMap<String, &Map> = BTreeMap::new();
    for map in maps.iter().flatten() {
        abouts.entry(groups::key(&name(map))).or_insert(map);
    }
    let mut groups = Vec::new();
    if is_named {
        let names = maps.iter().map(|maps| maps.iter().map(name).collect());
        groups = groups::by_lists(names, Kind::Author, config.compat.spells_out_slugs);
        for group in &mut groups {
            group.about.clone_from(abouts[&groups::key(&group.name)]);
        }
    }
    let urls: BTreeMap<String, String> =
        groups.iter().map(|group| (groups::key(&group.name), group.url())).collect();
    // The page of an author is at `url`; an address elsewhere is their `website`.
    let value = |map: &Map| {
        let mut map = with_website(map.clone());
        if let Some(url) = urls.get(&groups::key(&name(&map))) {
            set(&mut map, "url", url.as_str());
        }
        Value::from(map)
    };
    let of_posts = maps.iter().map(|maps| maps.iter().map(value).collect()).collect();
    for group in &mut groups {
        group.about = with_website(std::mem::take(&mut group.about));
    }
    (groups, of_posts)
}

/// The authors that the front matter of a post names.
fn own(post: &Post<'_>, known: Option<&Value>) -> Vec<Map> {
    let authors = named(post.front.value("authors"), known);
    if authors.is_empty() { named(post.front.value("author"), known) } else { authors }
}

/// The authors at a key: names, or maps with a `name`, one or a list.
fn named(value: Option<&Value>, known: Option<&Value>) -> Vec<Map> {
    let Some(value) = value.filter(|value| !value::is_nil(value)) else { return Vec::new() };
    let list = value.as_array().unwrap_or(std::slice::from_ref(value));
    let author = |author: &Value| {
        if let Some(map) = author.as_map() {
            return text_at(map, "name").map(|_| map.clone());
        }
        let key = value::as_text(author);
        let mut map = about(known, &key);
        value::set_default(&mut map, "name", key.as_str());
        (author.as_bool().is_none() && !key.is_empty()).then_some(map)
    };
    list.iter().filter_map(author).collect()
}

/// The same, with the address of the author's own site, which Jekyll's themes call `uri` or `url`,
/// at `website`.
fn with_website(mut map: Map) -> Map {
    let website = ["website", "uri", "url"].into_iter().find_map(|key| text_at(&map, key));
    map.shift_remove(&Key::Str("url"));
    if let Some(website) = website {
        set(&mut map, "website", website);
    }
    map
}
