//! The index: the page that lists the posts, split into parts of `paginate` posts.

use tera::Map;

use super::page::Part;
use super::post::RenderedPost;
use crate::config::{self, Config, TemplateLanguage};
use crate::diagnostic::{Diagnostic, Place};
use crate::post::Blog;
use crate::post::permalink::{Address, address};
use crate::value::{Value, entry, is_nil, set};

/// The file that is the index of a site whose templates are Tera.
const FILE: &str = "index.html";

/// The page that lists the posts, in parts.
pub(super) struct Index {
    /// Which of the site's pages it is.
    pub(super) page: usize,
    /// Its parts, the newest posts first.
    pub(super) parts: Vec<Part>,
}

/// The index, if the site has one: one part with all posts if it is not split.
pub(super) fn index(config: &Config, blog: &Blog<'_>, posts: &[RenderedPost]) -> Result<Option<Index>, Diagnostic> {
    let is_liquid = config.templates == TemplateLanguage::Liquid;
    let page = if is_liquid { paginated(config, blog) } else { at_root(blog) };
    let is_hidden = |post: &&RenderedPost| {
        is_liquid
            && entry(&post.value, "hidden").is_some_and(|hidden| !is_nil(hidden) && hidden.as_bool() != Some(false))
    };
    let posts: Vec<&RenderedPost> = posts.iter().filter(|post| !is_hidden(post)).collect();
    match page {
        // As in Jekyll, where there are no posts there is no paginator.
        Some(_) if is_liquid && posts.is_empty() => Ok(None),
        Some(page) => Ok(Some(Index { page, parts: parts(config, &blog.pages[page].address, &posts)? })),
        None => Ok(None),
    }
}

fn at_root(blog: &Blog<'_>) -> Option<usize> {
    blog.pages.iter().position(|page| page.address.file == FILE)
}

/// The page that jekyll-paginate takes: of the files `index.html` in the folder of `paginate_path` and those around it,
/// the one with the longest path.
fn paginated(config: &Config, blog: &Blog<'_>) -> Option<usize> {
    config.paginate?;
    let path = pattern(config);
    let folder = path.trim_matches('/').rsplit_once('/').map_or("", |(folder, _)| folder);
    let is_candidate = |path: &str| {
        let inside = path.strip_suffix("index.html").filter(|inside| inside.is_empty() || inside.ends_with('/'));
        inside.is_some_and(|inside| format!("{folder}/").starts_with(inside))
    };
    let candidates = blog.pages.iter().enumerate().filter(|(_, page)| is_candidate(page.body.path));
    candidates.max_by_key(|(_, page)| page.body.path.len()).map(|(index, _)| index)
}

/// `paginate_path`; what it is by default, the template language says.
fn pattern(config: &Config) -> &str {
    let is_jekyll = config.templates == TemplateLanguage::Liquid && config.value("paginate_path").is_none();
    if is_jekyll { "/page:num" } else { &config.paginate_path }
}

fn parts(config: &Config, first: &Address, posts: &[&RenderedPost]) -> Result<Vec<Part>, Diagnostic> {
    let per_page = config.paginate.unwrap_or(usize::MAX).min(posts.len()).max(1);
    let per_page = config.paginate.filter(|_| config.templates == TemplateLanguage::Liquid).unwrap_or(per_page);
    let total = posts.len().div_ceil(per_page).max(1);
    let addresses: Vec<Address> =
        (1..=total).map(|number| part_address(config, first, number)).collect::<Result<_, _>>()?;
    let url = |number: usize| {
        let part = number.checked_sub(1).and_then(|index| addresses.get(index))?;
        // Jekyll's paths are as `paginate_path` has them, with or without a slash at the end.
        let is_as_given = number > 1 && config.templates == TemplateLanguage::Liquid;
        Some(if is_as_given { filled(config, number) } else { part.url.clone() })
    };
    let part = |number: usize| {
        let shown = posts.iter().skip((number - 1) * per_page).take(per_page).map(|post| post.value.clone());
        let (previous, next) = (number - 1, if number < total { number + 1 } else { 0 });
        let mut map = Map::new();
        set(&mut map, "posts", shown.collect::<Vec<Value>>());
        set(&mut map, "page", number);
        set(&mut map, "per_page", per_page);
        set(&mut map, "total_posts", posts.len());
        set(&mut map, "total_pages", total);
        set(&mut map, "previous_page", (previous > 0).then_some(previous));
        set(&mut map, "previous_page_path", url(previous));
        set(&mut map, "next_page", (next > 0).then_some(next));
        set(&mut map, "next_page_path", url(next));
        let Address { url, file } = addresses[number - 1].clone();
        Part { paginator: Value::from(map), url, file }
    };
    Ok((1..=total).map(part).collect())
}

/// The path of a later part.
fn filled(config: &Config, number: usize) -> String {
    let path = pattern(config).replace(":num", &number.to_string());
    if path.starts_with('/') { path } else { format!("/{path}") }
}

/// The first part is where the page is, the others are where `paginate_path` says.
fn part_address(config: &Config, first: &Address, number: usize) -> Result<Address, Diagnostic> {
    if number == 1 {
        return Ok(first.clone());
    }
    let path = filled(config, number);
    // A last part without an ending is a folder, as in Jekyll.
    let path = if path.ends_with('/') || path.ends_with(".html") { path } else { path + "/" };
    address(&path).map_err(|reason| {
        let message = format!("`paginate_path` cannot be an address: {reason}");
        Diagnostic::new(Place::file(config::PATH), message).hint("write `paginate_path: /page/:num/`")
    })
}
