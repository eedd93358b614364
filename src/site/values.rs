//! The values that templates see: `site`, posts, pages.

use std::collections::BTreeMap;

use tera::Map;
use tera::value::Key;

use crate::config::Config;
use crate::markdown::Heading;
use crate::path::stem;
use crate::plugin;
use crate::post::{Blog, Page, Post, StaticFile};
use crate::value::{Value, as_text, entry, map_of_yaml, set, set_default};

/// The value of a post, or of another document, before its body is rendered: what Liquid bodies see
/// in `site.posts`, and the base of what layouts see.
pub(super) fn unrendered_post(post: &Post<'_>, title: &str, description: Option<&str>) -> Map {
    let mut map = post.front.values.clone();
    // A title that is a number stays a number.
    if post.front.title.is_none() || title != post.title || post.title.is_empty() {
        set(&mut map, "title", title);
    }
    if let Some(description) = description {
        set(&mut map, "description", description);
    }
    let path = post.relative_path.as_str();
    let name = path.rsplit('/').next().unwrap_or(path);
    set(&mut map, "date", post.date.to_string());
    set(&mut map, "slug", post.slug.as_str());
    set(&mut map, "url", post.address.url.as_str());
    set(&mut map, "id", id(post));
    set(&mut map, "path", path);
    set(&mut map, "relative_path", path);
    set(&mut map, "collection", post.collection.as_str());
    set_default(&mut map, "name", name);
    set_default(&mut map, "ext", &name[stem(name).len()..]);
    if post.collection == "posts" {
        set(&mut map, "draft", path.split('/').any(|folder| folder == "_drafts"));
    }
    map
}

/// The folder of the document's address, followed by its slug.
fn id(post: &Post<'_>) -> String {
    let url = post.address.url.trim_end_matches('/');
    let folder = url.rfind('/').map_or("", |slash| &url[..slash]);
    format!("{folder}/{}", post.slug)
}

/// A page as templates see it.
pub(super) fn page(page: &Page<'_>, url: &str, config: &Config) -> Map {
    let mut map = page.front.values.clone();
    if config.compat.has_theme_keys {
        set_default(&mut map, "title", "");
    }
    let path = page.body.path;
    let folder = &url[..=url.rfind('/').unwrap_or(0)];
    set_default(&mut map, "path", path);
    set(&mut map, "url", url);
    set(&mut map, "name", path.rsplit('/').next().unwrap_or(path));
    set(&mut map, "dir", folder);
    map
}

/// A file that is copied, as templates see it.
fn file(file: &StaticFile) -> Value {
    let mut map = file.values.clone();
    let name = file.path.rsplit('/').next().unwrap_or(&file.path);
    set(&mut map, "path", format!("/{}", file.path));
    set(&mut map, "name", name);
    set(&mut map, "basename", stem(name).trim_end_matches('.'));
    set(&mut map, "extname", &name[stem(name).len()..]);
    if let Some(collection) = &file.collection {
        set(&mut map, "collection", collection.as_str());
    }
    Value::from(map)
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

/// The values of everything that templates can list.
pub(super) struct Listed {
    /// The posts, the newest first.
    pub(super) posts: Vec<Value>,
    /// The documents of each of the other collections.
    pub(super) collections: Vec<Vec<Value>>,
}

/// The keys of `site` that are lists, for Liquid, where as in Jekyll `tags` and `categories` are maps
/// from names to posts.
pub(super) fn lists(config: &Config, blog: &Blog<'_>, listed: &Listed) -> Map {
    let mut map = Map::new();
    let pages: Vec<Value> = blog.pages.iter().map(|page| with_content(page, config)).collect();
    let is_html = |page: &&Page<'_>| {
        let file = page.address.file.as_str();
        [".html", ".htm", ".xhtml"].iter().any(|end| file.ends_with(end))
            || page.address.url.ends_with('/')
    };
    let html = blog
        .pages
        .iter()
        .zip(&pages)
        .filter(|(page, _)| is_html(page))
        .map(|(_, value)| value.clone());
    set(&mut map, "html_pages", html.collect::<Vec<_>>());
    set(&mut map, "pages", pages);
    let files: Vec<Value> = blog.files.iter().map(file).collect();
    set(&mut map, "collections", collections(blog, listed, &files));
    set(&mut map, "static_files", files);
    let oldest_first = || listed.posts.iter().rev().cloned();
    let of_collections = blog.collections.iter().zip(&listed.collections);
    let of_collections = of_collections.filter(|(collection, _)| collection.is_listed());
    let in_collections =
        of_collections.clone().flat_map(|(_, documents)| documents.iter().cloned());
    let documents = oldest_first().chain(in_collections);
    set(&mut map, "documents", documents.collect::<Vec<_>>());
    set(&mut map, "tags", map_of(by_name(&listed.posts, "tags")));
    set(&mut map, "categories", map_of(by_name(&listed.posts, "categories")));
    set(&mut map, "posts", listed.posts.clone());
    for (collection, documents) in of_collections {
        map.insert(Key::from(collection.settings.label.clone()), Value::from(documents.clone()));
    }
    map
}

/// A page in the list of all pages, with its source as `content`.
fn with_content(one: &Page<'_>, config: &Config) -> Value {
    let mut map = page(one, &one.address.url, config);
    set(&mut map, "content", one.body.text);
    Value::from(map)
}

/// `site.collections`, in order of name, the posts among them.
fn collections(blog: &Blog<'_>, listed: &Listed, files: &[Value]) -> Vec<Value> {
    let value = |label: &str, mut map: Map, output: bool, documents: Vec<Value>| {
        let of_it = blog
            .files
            .iter()
            .zip(files)
            .filter(|(file, _)| file.collection.as_deref() == Some(label));
        set(&mut map, "label", label);
        set(&mut map, "output", output);
        set(&mut map, "docs", documents);
        set(&mut map, "files", of_it.map(|(_, value)| value.clone()).collect::<Vec<_>>());
        set(&mut map, "relative_directory", format!("_{label}"));
        set(&mut map, "directory", format!("_{label}"));
        (label.to_owned(), Value::from(map))
    };
    let mut values: Vec<(String, Value)> = blog
        .collections
        .iter()
        .zip(&listed.collections)
        .filter(|(collection, _)| collection.is_listed())
        .map(|(collection, documents)| {
            let settings = &collection.settings;
            value(&settings.label, settings.values.clone(), settings.output, documents.clone())
        })
        .collect();
    values.push(value("posts", Map::new(), true, listed.posts.iter().rev().cloned().collect()));
    values.sort_by(|(a, _), (b, _)| a.cmp(b));
    values.into_iter().map(|(_, value)| value).collect()
}

/// `site` for each of the posts: with `related_posts`, the ten newest others.
pub(super) struct Sites {
    /// For all posts that are not among the newest.
    others: Value,
    newest: Vec<Value>,
}

impl Sites {
    /// How many posts are related.
    const RELATED: usize = 10;

    pub(super) fn new(site: &Value, posts: &[Value]) -> Sites {
        let with_related = |own: Option<usize>| {
            let newest = posts
                .iter()
                .enumerate()
                .take(Self::RELATED + 1)
                .filter(|(index, _)| Some(*index) != own);
            let related: Vec<Value> =
                newest.map(|(_, post)| post.clone()).take(Self::RELATED).collect();
            let mut map = super::entries(site);
            set(&mut map, "related_posts", if posts.len() > 1 { related } else { Vec::new() });
            Value::from(map)
        };
        let newest =
            (0..posts.len().min(Self::RELATED)).map(|index| with_related(Some(index))).collect();
        Sites { others: with_related(None), newest }
    }

    /// For the post at `index`; `None` stands for documents that are not posts.
    pub(super) fn of(&self, index: Option<usize>) -> &Value {
        index.and_then(|index| self.newest.get(index)).unwrap_or(&self.others)
    }

    /// Which of the values that is: equal numbers, equal values.
    pub(super) fn number(index: Option<usize>) -> usize {
        index.unwrap_or(usize::MAX).min(Self::RELATED)
    }
}

/// The keys of `site` that are not lists.
pub(super) fn base(config: &Config, blog: &Blog<'_>, data: &Value) -> Map {
    let mut map = config.values.clone();
    if config.compat.has_theme_keys {
        set(&mut map, "title", config.title.as_str());
        set(&mut map, "description", config.description.as_str());
        set(&mut map, "url", config.url.as_str());
        set(&mut map, "baseurl", config.base_url.as_str());
        set(&mut map, "lang", config.language.as_str());
    }
    set(&mut map, "data", data.clone());
    if let Some(now) = &blog.now {
        set(&mut map, "time", now.to_string());
    }
    if let Some(github) = plugin::github::metadata(config) {
        set(&mut map, "github", github);
    }
    map
}

fn map_of(entries: impl IntoIterator<Item = (String, Vec<Value>)>) -> Map {
    entries.into_iter().map(|(name, posts)| (Key::from(name), Value::from(posts))).collect()
}

/// Posts grouped by the names in their list at `key`. The names are in the order of their first
/// use, from the oldest post on.
fn by_name(posts: &[Value], key: &'static str) -> Vec<(String, Vec<Value>)> {
    let mut groups: Vec<(String, Vec<Value>)> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for post in posts.iter().rev() {
        for name in entry(post, key).and_then(Value::as_array).unwrap_or_default() {
            let name = as_text(name);
            let place = *places.entry(name.clone()).or_insert(groups.len());
            if place == groups.len() {
                groups.push((name, Vec::new()));
            }
            groups[place].1.push(post.clone());
        }
    }
    for (_, posts) in &mut groups {
        posts.reverse();
    }
    groups
}

/// A layout's own front matter as templates see it.
pub(super) fn layout(front: &serde_yaml::Mapping) -> Value {
    Value::from(map_of_yaml(front))
}
