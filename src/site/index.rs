//! The index: the page that lists posts, split into parts of `paginate` posts.

use tera::Map;

use super::page::Part;
use super::post::{Detail, RenderedPost};
use super::{Shared, memo};
use crate::config::{self, Config};
use crate::diagnostic::{Diagnostic, Place};
use crate::permalink::{Address, address};
use crate::post::{Blog, Page, Post};
use crate::value::{self, Value, set};

/// The page to split: the deepest page called `index` in a folder above `paginate_path`. Without
/// `paginate`, the page at `/` has a single part, except in a blog from Jekyll, whose pages test
/// for a paginator.
pub(super) fn page<'b, 'a>(config: &Config, blog: &'b Blog<'a>) -> Option<&'b Page<'a>> {
    if config.paginate.is_none() {
        return blog
            .pages
            .iter()
            .find(|page| !config.compat.paginates_as_jekyll && page.address.file == "index.html");
    }
    let parts = config.paginate_path.trim_matches('/');
    let folder = parts.rfind('/').map_or("", |slash| &parts[..slash]);
    let is_above = |page: &&Page<'_>| {
        let (of_page, name) = page.body.path.rsplit_once('/').unwrap_or(("", page.body.path));
        let is_index = name == "index.html"
            || !config.compat.paginates_as_jekyll && page.address.file.ends_with("index.html");
        let is_above =
            of_page.is_empty() || folder == of_page || folder.starts_with(&format!("{of_page}/"));
        is_index && name.starts_with("index.") && is_above
    };
    blog.pages.iter().filter(is_above).max_by_key(|page| page.body.path.matches('/').count())
}

/// The parts of the index `page`, the newest posts first; a single part with all posts if it is not
/// split. Posts with `hidden: true` are left out.
pub(super) fn parts(
    site: &Shared<'_>,
    page: &Page<'_>,
    detail: Detail,
) -> Result<Vec<Part>, Diagnostic> {
    let is_hidden = |post: &Post<'_>| {
        post.front
            .value("hidden")
            .is_some_and(|hidden| hidden.as_bool() != Some(false) && !value::is_nil(hidden))
    };
    let posts = site.posts.iter().zip(&site.blog.posts);
    let posts: Vec<&RenderedPost<'_>> =
        posts.filter(|(_, post)| !is_hidden(post)).map(|(rendered, _)| rendered).collect();
    let per_page = site.config.paginate.unwrap_or(usize::MAX).min(posts.len()).max(1);
    let total = posts.len().div_ceil(per_page).max(1);
    let addresses: Vec<Address> = (1..=total)
        .map(|number| part_address(site.config, page, number))
        .collect::<Result<_, _>>()?;
    let path = |number: usize| {
        let address = number.checked_sub(1).and_then(|index| addresses.get(index))?;
        // Jekyll's paths end in a slash only if `paginate_path` does.
        let keeps_slash = number == 1
            || !site.config.compat.paginates_as_jekyll
            || site.config.paginate_path.ends_with('/');
        Some(if keeps_slash { address.url.as_str() } else { address.url.trim_end_matches('/') })
    };
    let part = |number: usize| {
        let shown = || posts.iter().skip((number - 1) * per_page).take(per_page);
        let (previous, next) = (number - 1, if number < total { number + 1 } else { 0 });
        let mut map = Map::new();
        set(&mut map, "posts", shown().map(|post| post.value(detail)).collect::<Vec<Value>>());
        set(&mut map, "page", number);
        set(
            &mut map,
            "per_page",
            site.config
                .paginate
                .filter(|_| site.config.compat.paginates_as_jekyll)
                .unwrap_or(per_page),
        );
        set(&mut map, "total_posts", posts.len());
        set(&mut map, "total_pages", total);
        set(&mut map, "previous_page", (previous > 0).then_some(previous));
        set(&mut map, "previous_page_path", path(previous));
        set(&mut map, "next_page", (next > 0).then_some(next));
        set(&mut map, "next_page_path", path(next));
        let Address { url, file } = addresses[number - 1].clone();
        let numbers = [number, posts.len(), total].map(usize::to_le_bytes);
        let numbers: Vec<&[u8]> = numbers.iter().map(|number| &number[..]).collect();
        let key = memo::key_of(&numbers, shown().map(|post| post.identity(detail)));
        Part { paginator: Value::from(map), url, file, key }
    };
    Ok((1..=total).map(part).collect())
}

/// The first part is the page itself; the addresses of the others come from `paginate_path`.
fn part_address(config: &Config, page: &Page<'_>, number: usize) -> Result<Address, Diagnostic> {
    if number == 1 {
        return Ok(page.address.clone());
    }
    let path = config.paginate_path.replace(":num", &number.to_string());
    // As in Jekyll, a path without a file extension is a folder.
    let path = if path.ends_with('/') || path.ends_with(".html") { path } else { path + "/" };
    address(&path, ".html").map_err(|reason| {
        let message = format!("invalid `paginate_path`: {reason}");
        Diagnostic::new(Place::file(config::PATH), message)
            .hint("write `paginate_path: /page/:num/`")
    })
}
