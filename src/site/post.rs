//! Pages of posts.

use std::collections::BTreeSet;

use tera::Map;

use super::{Files, Made, Shared, in_parallel, values};
use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::liquid::{self, Body, Environment, Expanded};
use crate::markdown::{self, Rendered};
use crate::post::{Blog, Post, front_matter::FrontMatter};
use crate::site::layouts::Layouts;
use crate::value::{self, Value, set};

/// How many words a reader reads in a minute.
const WORDS_PER_MINUTE: usize = 220;

/// A post with its body rendered.
#[derive(Debug)]
pub(super) struct RenderedPost {
    /// As templates see it, without its neighbours.
    pub(super) value: Value,
    /// Its title as plain text.
    pub(super) title: String,
    /// Its description as plain text.
    pub(super) description: Option<String>,
    /// Its body as HTML.
    pub(super) content: String,
    /// Files of its figures, by path.
    pub(super) files: Vec<(String, Vec<u8>)>,
    /// The experiments whose results it shows.
    pub(super) experiments: BTreeSet<String>,
}

/// Renders the bodies of all posts.
pub(super) fn render_all(
    blog: &Blog<'_>,
    config: &Config,
    data: &Value,
    environment: &Environment<'_>,
    options: &markdown::Options,
) -> Result<Vec<RenderedPost>, Vec<Diagnostic>> {
    use rayon::prelude::*;

    let unrendered: Vec<Value> = blog
        .posts
        .iter()
        .map(|post| {
            let description = post.front.description.as_deref();
            Value::from(values::unrendered_post(post, &post.title, description))
        })
        .collect();
    let site = values::site_for_bodies(config, unrendered.clone(), data);
    let rendered: Vec<Result<RenderedPost, Vec<Diagnostic>>> = blog
        .posts
        .par_iter()
        .enumerate()
        .map(|(index, post)| {
            let page = with_neighbours(&unrendered, index, Clone::clone);
            render(post, config, &[("site", site.clone()), ("page", page)], environment, options)
        })
        .collect();
    let (mut posts, mut faults) = (Vec::with_capacity(rendered.len()), Vec::new());
    for post in rendered {
        match post {
            Ok(post) => posts.push(post),
            Err(found) => faults.extend(found),
        }
    }
    if faults.is_empty() { Ok(posts) } else { Err(faults) }
}

fn render(
    post: &Post<'_>,
    config: &Config,
    variables: &[(&str, Value)],
    environment: &Environment<'_>,
    options: &markdown::Options,
) -> Result<RenderedPost, Vec<Diagnostic>> {
    let mut faults = Vec::new();
    let mut keep = |found: Vec<Diagnostic>| faults.extend(found);
    let mut experiments = BTreeSet::new();
    let mut plain_text = |text: &str, key| {
        let expanded = plain_text(text, key, &post.front, environment)?;
        experiments.extend(expanded.experiments);
        Ok::<_, Vec<Diagnostic>>(expanded.embeds.as_text(&expanded.text))
    };
    let title = plain_text(&post.title, "title").map_err(&mut keep).ok();
    let description = post.front.description.as_deref();
    let description = description.map(|text| plain_text(text, "description"));
    let description = description.transpose().map_err(&mut keep).ok();
    let expanded = liquid::expand(post.body, variables, environment).map_err(&mut keep).ok();
    let (Some(title), Some(description), Some(expanded)) = (title, description, expanded) else {
        return Err(faults);
    };
    let is_html = post.body.path.ends_with(".html");
    let rendered = to_html(&expanded, is_html, options);
    let mut map = values::unrendered_post(post, &title, description.as_deref());
    set_rendered(&mut map, &rendered);
    if post.front.excerpt.is_none() {
        let excerpt = excerpt(&expanded, is_html, &config.excerpt_separator, options);
        set(&mut map, "excerpt", excerpt);
    }
    experiments.extend(expanded.experiments);
    let value = Value::from(map);
    Ok(RenderedPost { value, title, description, content: rendered.html, files: expanded.files, experiments })
}

/// A text of the front matter with its tags expanded, if it has any; else as it is, because Jekyll expands nothing there.
fn plain_text(
    text: &str,
    key: &'static str,
    front: &FrontMatter<'_>,
    environment: &Environment<'_>,
) -> Result<Expanded, Vec<Diagnostic>> {
    let body = Body { path: front.yaml.path, text, lines_above: 0 };
    if !liquid::has_figures(text) {
        return Ok(Expanded { text: text.to_owned(), ..Expanded::default() });
    }
    let expanded = liquid::expand(body, &[], environment);
    expanded.map_err(|faults| faults.into_iter().map(|fault| fault.at(front.place(key))).collect())
}

/// The HTML of an expanded body.
pub(super) fn to_html(expanded: &Expanded, is_html: bool, options: &markdown::Options) -> Rendered {
    if !is_html {
        return markdown::render(&expanded.text, &expanded.embeds, options);
    }
    let html = expanded.embeds.in_html(&expanded.text);
    let text = liquid::without_html(&html);
    Rendered { html, toc: Vec::new(), text }
}

/// Sets what a rendered body gives: `content`, `toc`, `words`, `reading_minutes`.
pub(super) fn set_rendered(map: &mut Map, rendered: &Rendered) {
    let words = rendered.text.split_whitespace().count();
    set(map, "content", rendered.html.as_str());
    value::set_default(map, "toc", values::headings(&rendered.toc));
    set(map, "words", words);
    set(map, "reading_minutes", words.div_ceil(WORDS_PER_MINUTE).max(1));
}

/// What stands above the separator, rendered for itself.
fn excerpt(expanded: &Expanded, is_html: bool, separator: &str, options: &markdown::Options) -> String {
    let text = expanded.text.trim_start();
    let text = if separator.is_empty() { text } else { text.split(separator).next().unwrap_or(text) };
    let excerpt = Expanded { text: text.to_owned(), embeds: expanded.embeds.clone(), ..Expanded::default() };
    to_html(&excerpt, is_html, options).html
}

/// The post at `index` of a list that begins with the newest, with `previous` (the older) and `next` (the newer).
fn with_neighbours<T>(posts: &[T], index: usize, value: impl Fn(&T) -> Value) -> Value {
    let mut map = super::entries(&value(&posts[index]));
    if let Some(previous) = posts.get(index + 1) {
        set(&mut map, "previous", value(previous));
    }
    if let Some(next) = index.checked_sub(1).and_then(|next| posts.get(next)) {
        set(&mut map, "next", value(next));
    }
    Value::from(map)
}

impl RenderedPost {
    /// The same with the note above its body that says which of its results are pinned.
    #[must_use]
    pub(super) fn below(self, note: &str) -> RenderedPost {
        if note.is_empty() {
            return self;
        }
        let content = format!("{note}{}", self.content);
        let mut map = super::entries(&self.value);
        set(&mut map, "content", content.as_str());
        RenderedPost { value: Value::from(map), content, ..self }
    }
}

/// The page of each post, and the files of its figures.
pub(super) fn files(site: &Shared<'_>, layouts: &Layouts<'_>) -> Files {
    in_parallel(&site.blog.posts, |index, post| {
        let rendered = &site.posts[index];
        let page = with_neighbours(&site.posts, index, |post| post.value.clone());
        let variables = [("site", site.seen_by_post(index)), ("page", page.clone())];
        let place = || post.front.place("layout");
        let made = layouts.render(post.front.layout.as_deref(), rendered.content.clone(), &variables, place)?;
        let from = Some(post.body.path.to_owned());
        let figures = rendered.files.iter().cloned().chain(made.files);
        let figures = figures.map(|(path, bytes)| Made { path, bytes, from: from.clone() });
        let html = site.finished(made.text, &post.address.file, &super::entries(&page));
        let page = Made { path: post.address.file.clone(), bytes: html.into_bytes(), from: from.clone() };
        Ok(std::iter::once(page).chain(figures).collect())
    })
}
