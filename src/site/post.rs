//! Renders posts and other documents, and their pages.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use tera::Map;
use tera::value::Key;

use super::memo::{self, Body, Memo, Present};
use super::values::{Listed, Sites};
use super::{
    Files, Made, Shared, card, excerpt, images, in_parallel, linked_data, redirect, twin, values,
};
use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::digest::Digest;
use crate::errors::Errors;
use crate::experiment::results::Need;
use crate::figure;
use crate::liquid::{self, Environment, Expanded, Read};
use crate::markdown::{self, Rendered};
use crate::plugin::relative_links;
use crate::post::{Blog, Collection, Post, front_matter::FrontMatter};
use crate::site::layouts::Layouts;
use crate::text::Located;
use crate::value::{self, Value, set};
use kramdown::text::word_count;

/// How many words are read in a minute.
const WORDS_PER_MINUTE: usize = 220;
/// How many Chinese or Japanese characters are read in a minute.
const CHARACTERS_PER_MINUTE: usize = 400;

/// A post with its body rendered.
#[derive(Debug, Clone)]
pub(super) struct RenderedPost {
    /// As templates see it, without its neighbours.
    pub(super) value: Value,
    /// Its title as plain text.
    pub(super) title: String,
    /// Its description as plain text.
    pub(super) description: Option<String>,
    /// The files of its figures, by path.
    pub(super) files: Vec<(String, Vec<u8>)>,
    /// Its body as Markdown with all values, if the site publishes that.
    pub(super) markdown: Option<String>,
    /// The addresses of the site's pictures in its body.
    pub(super) images: Vec<String>,
    /// The experiments whose results it shows.
    pub(super) experiments: BTreeSet<String>,
    /// The missing results that it shows.
    pub(super) needs: Vec<Need>,
    /// What its body and its title depend on besides its own file.
    pub(super) reads: BTreeSet<Read>,
    /// Equal for equal documents.
    pub(super) identity: Digest,
}

/// All documents with their bodies rendered.
pub(super) struct RenderedBlog {
    /// The posts, the newest first.
    pub(super) posts: Vec<Arc<RenderedPost>>,
    /// The documents of each of the other collections.
    pub(super) collections: Vec<Vec<Arc<RenderedPost>>>,
}

impl RenderedBlog {
    /// The missing results that documents show.
    pub(super) fn needs(&self) -> Vec<Need> {
        self.all().flat_map(|post| post.needs.iter().cloned()).collect()
    }

    /// The experiments that documents show, by the path of their source.
    pub(super) fn experiments(&self, blog: &Blog<'_>) -> BTreeMap<String, BTreeSet<String>> {
        let shown = blog.documents().zip(self.all());
        let shown = shown.filter(|(_, shown)| !shown.experiments.is_empty());
        shown.map(|(post, shown)| (post.body.path.to_owned(), shown.experiments.clone())).collect()
    }

    /// The identities of all documents.
    pub(super) fn identities(&self) -> impl Iterator<Item = Digest> {
        self.all().map(|post| post.identity)
    }

    fn all(&self) -> impl Iterator<Item = &RenderedPost> {
        self.posts.iter().chain(self.collections.iter().flatten()).map(|post| &**post)
    }

    /// The values of all documents, as templates list them.
    pub(super) fn listed(&self) -> Listed {
        let values = |posts: &[Arc<RenderedPost>]| {
            posts.iter().map(|post| post.value.clone()).collect::<Vec<Value>>()
        };
        Listed {
            posts: values(&self.posts),
            collections: self.collections.iter().map(|posts| values(posts)).collect(),
        }
    }
}

/// What a body is rendered from, besides its own file.
pub(super) struct Around<'a> {
    pub(super) config: &'a Config,
    pub(super) data: &'a Value,
    pub(super) environment: &'a Environment<'a>,
    pub(super) options: &'a markdown::Options,
    /// The site by digests, to find what can be taken from `memo`.
    pub(super) present: Present<'a>,
    /// An earlier rendering.
    pub(super) memo: Option<&'a Memo>,
}

/// Renders the bodies of all posts and other documents. Also returns them for the next memo, and
/// all errors.
pub(super) fn render_all(
    blog: &Blog<'_>,
    around: &Around<'_>,
) -> (RenderedBlog, HashMap<String, Body>, Vec<Diagnostic>) {
    use rayon::prelude::*;

    let variables = LazyLock::new(|| Variables::new(blog, around));
    let (mut errors, mut bodies) = (Errors::default(), HashMap::new());
    let mut render_list = |posts: &[Post<'_>], collection: Option<usize>| {
        let rendered: Vec<(Result<Body, Arc<RenderedPost>>, Errors)> = posts
            .par_iter()
            .enumerate()
            .map(|(index, post)| {
                let before = index.checked_sub(1).and_then(|before| posts.get(before));
                let neighbours = || memo::of_neighbours([before, posts.get(index + 1)]);
                let digest = |read: &Read| around.present.digest(read, post.body.path, neighbours);
                if let Some(known) = around.memo.and_then(|memo| memo.body(post, digest)) {
                    return (Ok(known), Errors::default());
                }
                let has_tags = liquid::has_tags(post.body.text);
                let variables = if has_tags { variables.of(collection, index) } else { Vec::new() };
                let (rendered, errors) = render(post, around, &variables);
                // One with errors is not remembered.
                let rendered = if errors.is_empty() {
                    Ok(Body::new(post, rendered, digest))
                } else {
                    Err(Arc::new(rendered))
                };
                (rendered, errors)
            })
            .collect();
        let mut kept = Vec::with_capacity(posts.len());
        for ((rendered, found), post) in rendered.into_iter().zip(posts) {
            errors.extend(found.into_sorted());
            kept.push(match rendered {
                Ok(body) => {
                    let rendered = body.post.clone();
                    bodies.insert(post.body.path.to_owned(), body);
                    rendered
                }
                Err(rendered) => rendered,
            });
        }
        kept
    };
    let posts = render_list(&blog.posts, None);
    let lists = blog.collections.iter().enumerate();
    let collections = lists.map(|(at, one)| render_list(&one.documents, Some(at))).collect();
    (RenderedBlog { posts, collections }, bodies, errors.into_sorted())
}

/// What bodies with tags can name: `site` and `page`, made when the first of them is rendered.
struct Variables {
    listed: Listed,
    sites: Sites,
}

impl Variables {
    fn new(blog: &Blog<'_>, around: &Around<'_>) -> Variables {
        let unrendered = |post: &Post<'_>| {
            let description = post.front.description.as_deref();
            Value::from(values::unrendered_post(post, &post.title, description))
        };
        let of_collection =
            |one: &Collection<'_>| one.documents.iter().map(unrendered).collect::<Vec<_>>();
        let listed = Listed {
            posts: blog.posts.iter().map(unrendered).collect(),
            collections: blog.collections.iter().map(of_collection).collect(),
        };
        let site = values::site_for_liquid(around.config, blog, &listed, around.data);
        Variables { sites: Sites::new(&site, &listed.posts), listed }
    }

    /// The variables for the body at `index` of a collection; `None` stands for the posts.
    fn of(&self, collection: Option<usize>, index: usize) -> Vec<(&'static str, Value)> {
        let (listed, order) = match collection {
            None => (&self.listed.posts, Order::NewestFirst),
            Some(at) => (&self.listed.collections[at], Order::AsListed),
        };
        let page = with_neighbours(listed, index, order, Clone::clone);
        let site = self.sites.of(collection.is_none().then_some(index)).clone();
        vec![("site", site), ("page", page)]
    }
}

/// Renders a body. One with errors is left empty, so that pages that list the post can still be
/// rendered to find their errors.
fn render(
    post: &Post<'_>,
    around: &Around<'_>,
    variables: &[(&str, Value)],
) -> (RenderedPost, Errors) {
    let Around { config, environment, options, .. } = *around;
    let mut errors = Errors::default();
    let (mut experiments, mut needs, mut reads) = (BTreeSet::new(), Vec::new(), BTreeSet::new());
    let mut plain_text = |text: &str, key| {
        let expanded = errors.take(plain_text(text, key, &post.front, environment))?;
        experiments.extend(expanded.experiments);
        needs.extend(expanded.needs);
        reads.extend(expanded.reads);
        Some(expanded.embeds.as_text(&expanded.text))
    };
    let title = plain_text(&post.title, "title").unwrap_or_else(|| post.title.clone());
    let description = post.front.description.as_deref();
    let description = description.and_then(|text| plain_text(text, "description"));
    let expanded = errors.take(liquid::expand(post.body, variables, environment));
    let mut expanded = expanded.unwrap_or_default();
    if post.is_markdown && relative_links::is_wanted(config, true) {
        expanded.text = relative_links::resolved(&expanded.text, &post.relative_path, environment);
        // A link may lead to any file.
        expanded.reads.insert(Read::WholeSite);
    }
    let rendered = to_html(&expanded, !post.is_markdown, options);
    let markdown = (config.markdown_pages && post.is_markdown).then(|| twin::body(&expanded));
    let images = if config.images.is_on { images::sources(&rendered.html) } else { Vec::new() };
    let mut map = values::unrendered_post(post, &title, description.as_deref());
    set_rendered(&mut map, &rendered);
    let separator = post.front.excerpt_separator.as_deref().unwrap_or(&config.excerpt_separator);
    if post.front.excerpt.is_none() && !separator.is_empty() {
        let is_missing = post.is_without_blank_lines && separator.contains('\n');
        let html = match excerpt::cut(post.body, separator).filter(|_| !is_missing) {
            Some(text) => {
                let body = Located { text: &text, ..post.body };
                let expanded = errors.take(liquid::expand(body, variables, environment));
                let expanded = expanded.unwrap_or_default();
                let html = to_html(&expanded, !post.is_markdown, options).html;
                reads.extend(expanded.reads);
                html.into()
            }
            None => map.get(&Key::Str("content")).cloned().unwrap_or_else(Value::none),
        };
        set(&mut map, "excerpt", html);
    }
    experiments.extend(expanded.experiments);
    needs.extend(expanded.needs);
    reads.extend(expanded.reads);
    let post = RenderedPost {
        value: Value::from(map),
        title,
        description,
        files: expanded.files,
        markdown,
        images,
        experiments,
        needs,
        reads,
        identity: post.digest,
    };
    (post, errors)
}

/// Expands a string from the front matter if it has figures; otherwise returns it unchanged,
/// because Jekyll expands nothing there.
fn plain_text(
    text: &str,
    key: &'static str,
    front: &FrontMatter<'_>,
    environment: &Environment<'_>,
) -> Result<Expanded, Vec<Diagnostic>> {
    let body = Located { path: front.yaml.path, text, lines_above: 0 };
    if !figure::has_figures(text) {
        return Ok(Expanded { text: text.to_owned(), ..Expanded::default() });
    }
    let expanded = liquid::expand(body, &[], environment);
    expanded.map_err(|errors| errors.into_iter().map(|error| error.at(front.place(key))).collect())
}

/// The HTML of an expanded body.
pub(super) fn to_html(expanded: &Expanded, is_html: bool, options: &markdown::Options) -> Rendered {
    if !is_html {
        return markdown::render(&expanded.text, &expanded.embeds, options);
    }
    let html = expanded.embeds.in_html(&expanded.text);
    let text = crate::html::without_html(&html);
    Rendered { html, toc: Vec::new(), text }
}

/// Sets the keys that come from a rendered body: `content`, `toc`, `words`, `reading_minutes`.
pub(super) fn set_rendered(map: &mut Map, rendered: &Rendered) {
    let words = word_count(&rendered.text);
    set(map, "content", rendered.html.as_str());
    let headings = values::headings(&rendered.toc);
    // Front matter may say `toc: true`.
    value::set_default(map, "headings", headings.clone());
    value::set_default(map, "toc", headings);
    set(map, "words", words);
    set(map, "reading_minutes", reading_minutes(words, &rendered.text));
}

/// How long it takes to read a text, in minutes. Chinese and Japanese have no spaces between words,
/// so that their characters are counted instead.
fn reading_minutes(words: usize, text: &str) -> usize {
    let is_wide = |c: &char| matches!(c, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}');
    // Cheaper than decoding every character of a text that has none.
    let may_have_some = text.bytes().any(|byte| byte > 0xE2);
    let characters = if may_have_some { text.chars().filter(is_wide).count() } else { 0 };
    let seconds = words * 60 / WORDS_PER_MINUTE + characters * 60 / CHARACTERS_PER_MINUTE;
    seconds.div_ceil(60).max(1)
}

/// How a list of documents is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    NewestFirst,
    AsListed,
}

/// The document at `index` of a list, with `previous` (for posts, the older one) and `next` (the
/// newer one).
fn with_neighbours<T>(
    posts: &[T],
    index: usize,
    order: Order,
    value: impl Fn(&T) -> Value,
) -> Value {
    let mut map = super::entries(&value(&posts[index]));
    let (before, after) =
        (index.checked_sub(1).and_then(|before| posts.get(before)), posts.get(index + 1));
    let (previous, next) = match order {
        Order::NewestFirst => (after, before),
        Order::AsListed => (before, after),
    };
    if let Some(previous) = previous {
        set(&mut map, "previous", value(previous));
    }
    if let Some(next) = next {
        set(&mut map, "next", value(next));
    }
    Value::from(map)
}

impl RenderedPost {
    /// Its body as HTML.
    pub(super) fn content(&self) -> Value {
        value::entry(&self.value, "content").cloned().unwrap_or_else(Value::none)
    }

    /// Adds the note about pinned results above the body.
    #[must_use]
    pub(super) fn below(self: Arc<Self>, note: &str) -> Arc<RenderedPost> {
        if note.is_empty() {
            return self;
        }
        let mut map = super::entries(&self.value);
        set(&mut map, "content", format!("{note}{}", value::as_text(&self.content())));
        let identity = memo::key([&self.identity.as_bytes()[..], note.as_bytes()]);
        Arc::new(RenderedPost { value: Value::from(map), identity, ..(*self).clone() })
    }
}

/// The pages of posts and of documents that have one, with the files of their figures.
pub(super) fn files(site: &Shared<'_>, layouts: &Layouts<'_>) -> Files {
    let mut errors = Errors::default();
    let posts = of_list(site, layouts, &site.blog.posts, &site.posts, Order::NewestFirst);
    let mut files = errors.take(posts).unwrap_or_default();
    for (collection, rendered) in site.blog.collections.iter().zip(&site.collections) {
        let documents = of_list(site, layouts, &collection.documents, rendered, Order::AsListed);
        files.extend(errors.take(documents).unwrap_or_default());
    }
    errors.finish(files)
}

fn of_list(
    site: &Shared<'_>,
    layouts: &Layouts<'_>,
    posts: &[Post<'_>],
    rendered: &[Arc<RenderedPost>],
    order: Order,
) -> Files {
    in_parallel(posts, |index, post| {
        if !post.is_written {
            return Ok(Vec::new());
        }
        if let Some(files) =
            redirect::instead(site, layouts, &post.front, &post.address.url, &post.address.file)
        {
            return files;
        }
        let layout = post.front.layout.as_deref();
        let before = index.checked_sub(1).and_then(|before| rendered.get(before));
        let shown = [Some(&rendered[index]), before, rendered.get(index + 1)];
        let shown = shown.map(|post| post.map_or(&[][..], |post| post.identity.as_bytes()));
        // The newest posts have other related posts than the rest.
        let of_posts = (order == Order::NewestFirst).then_some(index);
        let related = site.sites.number(of_posts).to_le_bytes();
        let parts = of_posts.filter(|_| site.config.compat.has_theme_keys);
        let parts =
            parts.map(|index| site.structure.parts(index, site.blog, &site.posts, site.config));
        let of_parts = parts.as_ref().map_or(&[][..], |parts| parts.key.as_bytes());
        let fonts = site.fonts_key();
        let key = memo::key(shown.into_iter().chain([&related[..], of_parts, fonts.as_bytes()]));
        let file = &post.address.file;
        let shown = "the document, those before and after it, and its related posts";
        site.pages.page(file, post.body.path, (shown, key), || {
            let mut page = with_neighbours(rendered, index, order, |post| post.value.clone());
            let rendered = &rendered[index];
            let mut with = Vec::new();
            if let Some(parts) = parts {
                let mut map = super::entries(&page);
                parts.values.into_iter().for_each(|(key, value)| set(&mut map, key, value));
                if let Some(value) = card::value(site, post, rendered) {
                    set(&mut map, "card", value);
                    with.extend(card::made(site, index));
                }
                if let Some((url, file)) = twin::of_post(site, index) {
                    set(&mut map, "markdown_url", url);
                    with.push(file);
                }
                let data = linked_data::of_post(site, index, &map);
                set(&mut map, "json_ld", data);
                page = Value::from(map);
            }
            let site_value = site.sites.of(of_posts).clone();
            let variables = [("site", site_value), ("page", page.clone())];
            let place = || post.front.place("layout");
            let made = layouts.render(layout, rendered.content(), &variables, place)?;
            let figures = rendered.files.iter().cloned().chain(made.files);
            let figures = figures.map(|(path, bytes)| Made::new(path, bytes).from(post.body.path));
            let html = site.finished(made.text, file, &super::entries(&page));
            let images::WithImages { html, files, reads } =
                site.images.of_page(html, &post.address.url);
            with.extend(files);
            let page =
                Made { needs: made.needs, ..Made::new(file.clone(), html).from(post.body.path) };
            Ok((std::iter::once(page).chain(figures).chain(with).collect(), &made.reads | &reads))
        })
    })
}
