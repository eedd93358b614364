//! The index: the page at `/`, split into parts of `paginate` posts.

use tera::Map;

use super::Shared;
use super::page::Part;
use crate::config::{self, Config};
use crate::diagnostic::{Diagnostic, Place};
use crate::post::permalink::{Address, address};
use crate::value::{Value, set};

/// The file that is the index.
pub(super) const FILE: &str = "index.html";

/// The parts of the index, the newest posts first; one with all posts if it is not split.
pub(super) fn parts(site: &Shared<'_>) -> Result<Vec<Part>, Diagnostic> {
    let posts = &site.posts;
    let per_page = site.config.paginate.unwrap_or(usize::MAX).min(posts.len()).max(1);
    let total = posts.len().div_ceil(per_page).max(1);
    let addresses: Vec<Address> =
        (1..=total).map(|number| part_address(site.config, number)).collect::<Result<_, _>>()?;
    let url =
        |number: usize| number.checked_sub(1).and_then(|index| addresses.get(index)).map(|part| part.url.as_str());
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

/// The first part is `/`, the others are where `paginate_path` says.
fn part_address(config: &Config, number: usize) -> Result<Address, Diagnostic> {
    if number == 1 {
        return Ok(Address { url: "/".to_owned(), file: FILE.to_owned() });
    }
    let path = config.paginate_path.replace(":num", &number.to_string());
    // A last part without an ending is a folder, as in Jekyll.
    let path = if path.ends_with('/') || path.ends_with(".html") { path } else { path + "/" };
    address(&path).map_err(|reason| {
        let message = format!("`paginate_path` cannot be an address: {reason}");
        Diagnostic::new(Place::file(config::PATH), message).hint("write `paginate_path: /page/:num/`")
    })
}
