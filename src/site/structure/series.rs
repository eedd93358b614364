//! Series: posts that are read in order, from `series: NAME` in their front matter.
//!
//! The order is that of `series_order`, then that of the dates. `_data/series.yml` may say more
//! about a series: `description`, and `parts`, how many it will have.

use tera::Map;

use super::groups::{self, Group, Kind};
use super::texts;
use crate::config::Config;
use crate::post::{Blog, Post};
use crate::site::post::{Detail, RenderedPost};
use crate::value::{Value, entry, set};

/// The series of the posts, the one with the newest post first.
pub(super) fn of(blog: &Blog<'_>, config: &Config, data: &Value) -> Vec<Group> {
    let name = |post: &Post<'_>| texts(post.front.value("series")).into_iter().take(1).collect();
    let mut series = groups::by_names(blog, Kind::Series, config.compat.spells_out_slugs, name);
    for one in &mut series {
        one.about = super::about(entry(data, "series"), &one.name);
        one.posts.reverse();
        one.posts.sort_by_key(|&index| order(&blog.posts[index]));
    }
    series.sort_by_key(|one| one.posts.iter().min().copied());
    series
}

/// The post's own number; those without one come last.
fn order(post: &Post<'_>) -> i64 {
    post.front
        .value("series_order")
        .and_then(Value::as_i128)
        .map_or(i64::MAX, |order| i64::try_from(order).unwrap_or(i64::MAX))
}

/// How many parts the series has, or will have if its data says so.
pub(super) fn total(series: &Group) -> usize {
    let parts = series.about.get(&tera::value::Key::Str("parts")).and_then(Value::as_i128);
    let parts = parts.and_then(|parts| usize::try_from(parts).ok()).unwrap_or(0);
    parts.max(series.posts.len())
}

/// `page.series` of the post at `index`: the series, the place of the post in it, and the parts
/// before and after it.
pub(super) fn of_post(
    series: &Group,
    index: usize,
    posts: &[RenderedPost<'_>],
    detail: Detail,
) -> Value {
    let at = series.posts.iter().position(|&post| post == index).unwrap_or(0);
    let mut map = crate::site::entries(&series.value(posts, detail));
    set(&mut map, "position", at + 1);
    let neighbour = |at: Option<usize>| at.and_then(|at| series.posts.get(at));
    let value = |&index: &usize| posts[index].value(detail);
    set(&mut map, "previous", neighbour(at.checked_sub(1)).map(value));
    set(&mut map, "next", neighbour(Some(at + 1)).map(value));
    Value::from(map)
}

/// Adds the keys that only series have: `count` of the parts there are and `total`.
pub(super) fn set_values(map: &mut Map, series: &Group) {
    set(map, "count", series.posts.len());
    set(map, "total", total(series));
}
