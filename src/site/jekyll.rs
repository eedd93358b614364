//! `site` and pages as Jekyll's layouts see them, for blogs whose templates are Liquid.
//!
//! What the configuration says stays as it is written there: a key that is not given is nil, where labpress's own
//! templates see a default.

use tera::Map;
use tera::value::Key;

use super::index::Index;
use super::post::RenderedPost;
use super::values;
use crate::config::Config;
use crate::post::{Blog, Page};
use crate::value::{Value, entry, set, set_default};

/// How many posts `site.related_posts` has.
const RELATED: usize = 10;

/// `site`, from what labpress's templates see.
pub(super) fn site(map: Map, config: &Config, blog: &Blog<'_>, index: Option<&Index>) -> Value {
    let mut map = map;
    for key in ["title", "description", "url", "baseurl", "lang", "feed"] {
        match config.values.get(&Key::Str(key)) {
            Some(value) => drop(map.insert(Key::Str(key), value.clone())),
            None => drop(map.shift_remove(&Key::Str(key))),
        }
    }
    let newest = blog.posts.iter().map(|post| &post.date).max();
    if let Some(newest) = newest {
        // The clock would make every build another one.
        set_default(&mut map, "time", newest.to_string());
    }
    let pages = pages(blog, index);
    let is_html = |page: &&Value| {
        entry(page, "url").and_then(Value::as_str).is_some_and(|url| url.ends_with('/') || url.ends_with(".html"))
    };
    set(&mut map, "html_pages", pages.iter().filter(is_html).cloned().collect::<Vec<_>>());
    set(&mut map, "pages", pages);
    Value::from(map)
}

/// All pages in order of their names, as Jekyll has them; the later parts of the index at the end.
fn pages(blog: &Blog<'_>, index: Option<&Index>) -> Vec<Value> {
    let mut pages: Vec<&Page<'_>> = blog.pages.iter().collect();
    pages.sort_by_key(|page| page.body.path.rsplit('/').next());
    let later = index
        .into_iter()
        .flat_map(|index| index.parts.iter().skip(1).map(|part| Value::from(page(&blog.pages[index.page], &part.url))));
    pages.into_iter().map(|one| Value::from(page(one, &one.address.url))).chain(later).collect()
}

/// A page: without a title if it gives none, and with the folder of its address.
pub(super) fn page(page: &Page<'_>, url: &str) -> Map {
    let mut map = values::page(page, url);
    if page.front.title.is_none() {
        map.shift_remove(&Key::Str("title"));
    }
    let folder = url.rfind('/').map_or("/", |slash| &url[..=slash]);
    set_default(&mut map, "dir", folder);
    map
}

/// `site` for the post at `index`: with the newest posts beside it as `related_posts`.
pub(super) fn site_of_post(site: &Value, posts: &[RenderedPost], index: usize) -> Value {
    let others = posts.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, post)| post.value.clone());
    let mut map = super::entries(site);
    set(&mut map, "related_posts", others.take(RELATED).collect::<Vec<_>>());
    Value::from(map)
}
