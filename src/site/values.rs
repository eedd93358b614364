//! What templates see: `site`, posts, pages.

use std::collections::BTreeMap;

use tera::Map;
use tera::value::Key;

use super::post::RenderedPost;
use super::tags::Tag;
use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::markdown::Heading;
use crate::post::{Blog, Page, Post};
use crate::source::Source;
use crate::value::{Value, entry, map_of_yaml, of_yaml, set, set_default};
use crate::yaml::Yaml;

/// What is known of a post before its body is rendered: `site.posts` of Liquid bodies, and the base of what layouts see.
pub(super) fn unrendered_post(post: &Post<'_>, title: &str, description: Option<&str>) -> Map {
    let mut map = post.front.values.clone();
    set(&mut map, "title", title);
    if let Some(description) = description {
        set(&mut map, "description", description);
    }
    set(&mut map, "date", post.date.to_string());
    set(&mut map, "slug", post.slug.as_str());
    set(&mut map, "url", post.address.url.as_str());
    set(&mut map, "id", post.address.url.trim_end_matches(".html").trim_end_matches('/'));
    set(&mut map, "path", post.body.path);
    set(&mut map, "tags", post.front.tags.clone());
    set(&mut map, "categories", post.front.categories.clone());
    set(&mut map, "collection", "posts");
    set(&mut map, "draft", post.body.path.starts_with("_drafts/"));
    map
}

/// A page as templates see it.
pub(super) fn page(page: &Page<'_>, url: &str) -> Map {
    let mut map = page.front.values.clone();
    set_default(&mut map, "title", "");
    set(&mut map, "url", url);
    set(&mut map, "path", page.body.path);
    let name = page.body.path.rsplit('/').next().unwrap_or(page.body.path);
    set(&mut map, "name", name);
    map
}

/// A table of contents as nested maps with `level`, `id`, `html`, `text` and `children`.
pub(super) fn headings(headings: &[Heading]) -> Value {
    let value = |heading: &Heading| {
        let mut map = Map::new();
        set(&mut map, "level", i64::from(heading.level));
        set(&mut map, "id", heading.id.as_str());
        set(&mut map, "html", heading.html.as_str());
        set(&mut map, "text", heading.text.as_str());
        set(&mut map, "children", self::headings(&heading.children));
        Value::from(map)
    };
    Value::from(headings.iter().map(value).collect::<Vec<_>>())
}

/// `site` for layouts: the configuration, `posts`, `pages`, `tags`, `categories`, `data`.
pub(super) fn site(
    config: &Config,
    blog: &Blog<'_>,
    posts: &[RenderedPost],
    tags: &[Tag],
    data: &Value,
    feed: Option<&str>,
) -> Value {
    let mut map = base(config, data);
    set(&mut map, "posts", posts.iter().map(|post| post.value.clone()).collect::<Vec<Value>>());
    set(&mut map, "pages", blog.pages.iter().map(|one| Value::from(page(one, &one.address.url))).collect::<Vec<_>>());
    set(&mut map, "tags", tags.iter().map(|tag| tag.value(posts)).collect::<Vec<_>>());
    let categories = by_name(posts, "categories").into_iter().map(|(name, posts)| {
        let mut category = Map::new();
        set(&mut category, "name", name);
        set(&mut category, "posts", posts);
        Value::from(category)
    });
    set(&mut map, "categories", categories.collect::<Vec<_>>());
    if let Some(feed) = feed {
        set(&mut map, "feed", feed);
    }
    Value::from(map)
}

/// `site` for Liquid bodies, where as in Jekyll `tags` and `categories` are maps from names to posts.
pub(super) fn site_for_liquid(config: &Config, site: &Value, posts: &[RenderedPost], tags: &[Tag]) -> Value {
    let mut map = super::entries(site);
    let values: Vec<Value> = posts.iter().map(|post| post.value.clone()).collect();
    let tags = tags.iter().map(|tag| (tag.name.clone(), tag.posts_of(&values)));
    set(&mut map, "tags", map_of(tags));
    set(&mut map, "categories", map_of(by_name(posts, "categories")));
    set_default(&mut map, "title", config.title.as_str());
    Value::from(map)
}

/// `site` for the bodies of posts: their contents are not there yet.
pub(super) fn site_for_bodies(config: &Config, posts: Vec<Value>, data: &Value) -> Value {
    let mut map = base(config, data);
    set(&mut map, "posts", posts);
    Value::from(map)
}

fn base(config: &Config, data: &Value) -> Map {
    let mut map = config.values.clone();
    set(&mut map, "title", config.title.as_str());
    set(&mut map, "description", config.description.as_str());
    set(&mut map, "url", config.url.as_str());
    set(&mut map, "baseurl", config.base_url.as_str());
    set(&mut map, "lang", config.language.as_str());
    set(&mut map, "data", data.clone());
    map
}

fn map_of(entries: impl IntoIterator<Item = (String, Vec<Value>)>) -> Map {
    entries.into_iter().map(|(name, posts)| (Key::from(name), Value::from(posts))).collect()
}

/// Posts by each of the names in their list at `key`, in order of name.
fn by_name(posts: &[RenderedPost], key: &'static str) -> BTreeMap<String, Vec<Value>> {
    let mut groups: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for post in posts {
        let names = entry(&post.value, key).and_then(Value::as_array).unwrap_or_default();
        for name in names.iter().filter_map(Value::as_str) {
            groups.entry(name.to_owned()).or_default().push(post.value.clone());
        }
    }
    groups
}

/// `site.data`: the YAML files of `_data`, by path without ending.
pub(super) fn data(source: &Source) -> Result<Value, Vec<Diagnostic>> {
    let (mut root, mut faults) = (Map::new(), Vec::new());
    for (path, text) in source.texts_under("_data/") {
        let Some(name) = [".yml", ".yaml", ".json"].iter().find_map(|ending| path.strip_suffix(ending)) else {
            continue;
        };
        // JSON is YAML.
        match Yaml::file(path, text).parse::<serde_yaml::Value>() {
            Ok(yaml) => insert(&mut root, name.trim_start_matches("_data/"), of_yaml(&yaml)),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(Value::from(root)) } else { Err(faults) }
}

fn insert(map: &mut Map, path: &str, value: Value) {
    match path.split_once('/') {
        None => drop(map.insert(Key::from(path.to_owned()), value)),
        Some((folder, rest)) => {
            let key = Key::from(folder.to_owned());
            let mut inner = map.get(&key).map(super::entries).unwrap_or_default();
            insert(&mut inner, rest, value);
            map.insert(key, Value::from(inner));
        }
    }
}

/// A layout's own front matter as templates see it.
pub(super) fn layout(front: &serde_yaml::Mapping) -> Value {
    Value::from(map_of_yaml(front))
}
