//! The posts by year and month.

use tera::Map;

use crate::post::Blog;
use crate::site::post::{Detail, RenderedPost};
use crate::value::{Value, set};

/// A year and its posts.
#[derive(Debug)]
pub(in crate::site) struct Year {
    pub(in crate::site) number: i16,
    /// Indices into the list of posts, the newest first.
    pub(in crate::site) posts: Vec<usize>,
    /// Its months with posts, the newest first.
    pub(in crate::site) months: Vec<Month>,
}

/// A month and its posts.
#[derive(Debug)]
pub(in crate::site) struct Month {
    pub(in crate::site) year: i16,
    /// From 1 to 12.
    pub(in crate::site) number: i8,
    /// Indices into the list of posts, the newest first.
    pub(in crate::site) posts: Vec<usize>,
}

/// The years with posts, the newest first.
pub(super) fn years(blog: &Blog<'_>) -> Vec<Year> {
    let mut years: Vec<Year> = Vec::new();
    for (index, post) in blog.posts.iter().enumerate() {
        let date = post.date.civil();
        let (year, month) = (date.year(), date.month());
        if years.last().is_none_or(|last| last.number != year) {
            years.push(Year { number: year, posts: Vec::new(), months: Vec::new() });
        }
        let last = years.last_mut().expect("one was just added");
        last.posts.push(index);
        if last.months.last().is_none_or(|last| last.number != month) {
            last.months.push(Month { year, number: month, posts: Vec::new() });
        }
        last.months.last_mut().expect("one was just added").posts.push(index);
    }
    years
}

impl Year {
    pub(in crate::site) fn url(&self) -> String {
        format!("/{:04}/", self.number)
    }

    /// As templates see it: `year`, `url`, `posts`, `months`.
    pub(super) fn value(&self, posts: &[RenderedPost<'_>], detail: Detail) -> Value {
        let mut map = Map::new();
        set(&mut map, "year", i64::from(self.number));
        set(&mut map, "url", self.url());
        set(&mut map, "posts", values(&self.posts, posts, detail));
        let months = self.months.iter().map(|month| month.value(posts, detail)).collect::<Vec<_>>();
        set(&mut map, "months", months);
        Value::from(map)
    }
}

impl Month {
    pub(in crate::site) fn first_day(&self) -> String {
        format!("{:04}-{:02}-01", self.year, self.number)
    }

    pub(in crate::site) fn url(&self) -> String {
        format!("/{:04}/{:02}/", self.year, self.number)
    }

    /// As templates see it: `month`, `url`, `posts`, and `date`, its first day.
    fn value(&self, posts: &[RenderedPost<'_>], detail: Detail) -> Value {
        let mut map = Map::new();
        set(&mut map, "month", i64::from(self.number));
        set(&mut map, "date", self.first_day());
        set(&mut map, "url", self.url());
        set(&mut map, "posts", values(&self.posts, posts, detail));
        Value::from(map)
    }
}

fn values(indices: &[usize], posts: &[RenderedPost<'_>], detail: Detail) -> Vec<Value> {
    indices.iter().map(|&index| posts[index].value(detail)).collect()
}
