//! From posts and pages to the files of the site.
//!
//! Bodies are rendered first, in parallel; then the values that templates see are built once and
//! shared; then pages are written, in parallel. One file for each kind of page.

mod data;
mod excerpt;
mod feed;
mod filters;
mod ids;
mod index;
mod layouts;
mod page;
mod pinned;
mod plugins;
mod post;
mod redirect;
pub mod sass;
mod sitemap;
pub mod smoke;
mod tags;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use rayon::prelude::*;
use tera::Map;

use self::layouts::Layouts;
use self::post::{RenderedBlog, RenderedPost};
use self::sass::Sass;
use self::tags::Tag;
use self::values::Sites;
use crate::config::{self, Config, TemplateLanguage};
use crate::diagnostic::{Diagnostic, Place};
use crate::experiment::results::Results;
use crate::liquid::{Environment, Includes};
use crate::markdown;
use crate::output::{Content, Output};
use crate::plugin;
use crate::post::{Blog, Post};
use crate::source::Source;
use crate::value::{self, Value};
use kramdown::embed::Embeds;

/// Builds all files of the site. Reports all errors of the stage that has any: layouts and bodies
/// first, then pages.
pub fn build(
    source: &Source,
    config: &Config,
    blog: &Blog<'_>,
    results: &Results<'_>,
) -> Result<Output, Vec<Diagnostic>> {
    let options = markdown_options(config);
    let markdownify = |text: &str| markdown::render(text, &Embeds::default(), &options).html;
    let environment = environment(source, config, blog, results, &markdownify);
    let mut errors = Vec::new();
    let layouts = Layouts::read(source, config, blog, &environment)
        .map_err(|found| errors.extend(found))
        .ok();
    let data = data::read(source, config)
        .map_err(|found| errors.extend(found))
        .unwrap_or_else(|()| Value::none());
    let posts = post::render_all(blog, config, &data, &environment, &options)
        .map_err(|found| errors.extend(found))
        .ok();
    let is_flawless = errors.is_empty();
    let layouts = layouts.map(|(layouts, missing)| {
        errors.extend(missing);
        layouts
    });
    let (Some(layouts), Some(rendered), true) = (layouts, posts, is_flawless) else {
        return Err(sorted(errors));
    };
    let tags = tags::tags(blog);
    let posts = pinned::noted(rendered.posts, blog, config, results);
    let site = Shared::new(config, blog, RenderedBlog { posts, ..rendered }, tags, &data, source);
    let mut parts = vec![
        post::files(&site, &layouts),
        page::files(&site, &layouts, &environment, &options),
        redirect::files(&site, &layouts),
    ];
    match config.templates {
        TemplateLanguage::Tera => {
            parts.push(tags::files(&site, &layouts));
            parts.push(Ok(feed::files(&site)));
            parts.push(Ok(sitemap::files(&site)));
        }
        // What is made beside the author's own pages, the blog says by naming plugins.
        TemplateLanguage::Liquid => parts.push(Ok(plugins::files(&site, &environment))),
    }
    let mut made = Vec::new();
    for part in parts {
        match part {
            Ok(files) => made.extend(files),
            Err(found) => errors.extend(found),
        }
    }
    let output = gathered(source, config, blog, made, &mut errors);
    if errors.is_empty() { Ok(output) } else { Err(sorted(errors)) }
}

/// What the author should know of a site without errors: layouts that are not there, where Jekyll
/// goes on without, and plugins whose work labpress does not do.
pub fn warnings(source: &Source, config: &Config, blog: &Blog<'_>) -> Vec<Diagnostic> {
    let mut warnings = layouts::warnings(source, config, blog);
    let place = |key| Config::place(source.text(config::PATH), key);
    warnings.extend(plugin::missing(config).into_iter().map(|(key, name)| {
        let message = format!("labpress does not do what the plugin `{name}` does: what it adds to the site will be missing");
        let hint = "a tag of it can be an include: `liquid: {tags: {TAG: FILE.html}}`; take it out of the list if nothing is missed";
        Diagnostic::new(place(key), message).hint(hint)
    }));
    let theme = config.value("theme").and_then(Value::as_str).filter(|theme| !theme.is_empty());
    if let Some(theme) = theme.filter(|_| config.templates == TemplateLanguage::Liquid)
        && source.texts_under("_layouts/").next().is_none()
    {
        let message =
            format!("the files of the theme `{theme}` are not here: pages will stand in no layout");
        let hint =
            format!("copy them to `_theme`: `cp -r \"$(bundle info {theme} --path)\" _theme`");
        warnings.push(Diagnostic::new(place("theme"), message).hint(hint));
    }
    sorted(warnings.into_iter().map(Diagnostic::as_warning).collect())
}

/// The experiments whose results the post shows, by name. Reports all errors of the post.
pub fn experiments_shown(
    source: &Source,
    config: &Config,
    blog: &Blog<'_>,
    results: &Results<'_>,
    post: &Post<'_>,
) -> Result<BTreeSet<String>, Vec<Diagnostic>> {
    let options = markdown_options(config);
    let markdownify = |text: &str| markdown::render(text, &Embeds::default(), &options).html;
    let environment = environment(source, config, blog, results, &markdownify);
    let data = data::read(source, config)?;
    let alone = Blog { posts: vec![post.clone()], ..Blog::default() };
    let rendered = post::render_all(&alone, config, &data, &environment, &options)?;
    Ok(rendered.posts.into_iter().flat_map(|post| post.experiments).collect())
}

fn environment<'a>(
    source: &'a Source,
    config: &'a Config,
    blog: &Blog<'_>,
    results: &'a Results<'a>,
    markdown: &'a (dyn Fn(&str) -> String + Sync),
) -> Environment<'a> {
    Environment {
        includes: Includes::new(source.texts_under("_includes/")),
        results,
        url: &config.url,
        base_url: &config.base_url,
        zone: &config.zone,
        post_urls: post_urls(blog),
        urls: urls(blog),
        markdown,
        source,
        options: &config.liquid,
        // The moment of the build would make every build another one; a blog from Jekyll means it.
        now: if config.is_from_jekyll() {
            blog.now.clone()
        } else {
            blog.posts.iter().map(|post| &post.date).max().cloned()
        },
        dialect: config.markdown,
        highlight: config.highlight,
    }
}

/// A file of the site, and the file that it is made from.
struct Made {
    path: String,
    bytes: Vec<u8>,
    from: Option<String>,
}

impl Made {
    fn new(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Made {
        Made { path: path.into(), bytes: bytes.into(), from: None }
    }
}

type Files = Result<Vec<Made>, Vec<Diagnostic>>;

/// What all pages share: values that are complete, and read only.
struct Shared<'a> {
    config: &'a Config,
    blog: &'a Blog<'a>,
    posts: Vec<RenderedPost>,
    /// The documents of the other collections.
    collections: Vec<Vec<RenderedPost>>,
    tags: Vec<Tag>,
    /// The addresses that the author's own pages and files have, for what is made only where there
    /// is none.
    taken: BTreeSet<String>,
    /// `site` as layouts see it, and pages that are templates.
    value: Value,
    /// The same for each post, with the posts that are related to it.
    sites: Sites,
    /// `site` as Liquid bodies see it: tags and categories by name.
    liquid_value: Value,
    /// The address of the feed, if there is one.
    feed: Option<String>,
    /// The paths of the files that go to the site as they are.
    files: Vec<String>,
    /// The site's style sheets in Sass.
    sass: Sass<'a>,
}

impl<'a> Shared<'a> {
    fn new(
        config: &'a Config,
        blog: &'a Blog<'a>,
        rendered: RenderedBlog,
        tags: Vec<Tag>,
        data: &Value,
        source: &'a Source,
    ) -> Shared<'a> {
        let pages = blog.pages.iter().map(|page| page.address.file.clone());
        let files =
            blog.files.iter().filter(|file| file.is_written).map(|file| file.address.file.clone());
        let plain = blog.plain.iter().map(|(path, _)| (*path).to_owned());
        let files: Vec<String> = files.chain(plain).collect();
        let taken: BTreeSet<String> = pages.chain(files.iter().cloned()).collect();
        let feed = feed::address(config, &taken);
        let sass = Sass::new(source, config);
        let listed = rendered.listed();
        let mut liquid_value = values::site_for_liquid(config, blog, &listed, data);
        let mut map = entries(&liquid_value);
        value::set_default(&mut map, "tag_urls", tags::urls(blog, &tags));
        if let Some(feed) = feed.as_deref().filter(|_| !config.is_from_jekyll()) {
            value::set(&mut map, "feed", feed);
        }
        liquid_value = Value::from(map);
        let RenderedBlog { posts, collections } = rendered;
        let value = match config.templates {
            TemplateLanguage::Tera => values::site_for_tera(&liquid_value, &posts, &tags),
            TemplateLanguage::Liquid => liquid_value.clone(),
        };
        let sites = Sites::new(&value, &listed.posts);
        Shared {
            config,
            blog,
            posts,
            collections,
            tags,
            taken,
            value,
            sites,
            liquid_value,
            feed,
            files,
            sass,
        }
    }
}

impl Shared<'_> {
    /// Does to the file at `path` what plugins do to whole pages.
    fn finished(&self, text: String, path: &str, page: &Map) -> String {
        let is_touched =
            self.config.templates == TemplateLanguage::Liquid && path.ends_with(".html");
        if is_touched {
            plugin::finished(text, &Value::from(page.clone()), self.config)
        } else {
            text
        }
    }
}

fn markdown_options(config: &Config) -> markdown::Options {
    markdown::Options {
        dialect: config.markdown,
        kramdown: config.kramdown.clone(),
        highlight: config.highlight,
        stops: !config.is_from_jekyll(),
        ..markdown::Options::default()
    }
}

/// Addresses of posts by the name that `post_url` gives them: with the folders in and above
/// `_posts`, or without.
fn post_urls(blog: &Blog<'_>) -> BTreeMap<String, String> {
    let named = blog.posts.iter().flat_map(|post| {
        let name = post.relative_path.replace("_posts/", "").replace("_drafts/", "");
        let name = name.rfind('.').map_or(name.as_str(), |dot| &name[..dot]).to_owned();
        let short = name.rsplit('/').next().unwrap_or(&name).to_owned();
        [short, name].map(|name| (name, post.address.url.clone()))
    });
    named.collect()
}

/// Addresses of documents, pages and static files by path, for `link`.
fn urls(blog: &Blog<'_>) -> BTreeMap<String, String> {
    let pages = blog.pages.iter().map(|page| (page.body.path.to_owned(), page.address.url.clone()));
    let documents =
        blog.documents().map(|post| (post.relative_path.clone(), post.address.url.clone()));
    let files = blog.files.iter().map(|file| (file.path.clone(), file.address.url.clone()));
    files.chain(pages).chain(documents).collect()
}

/// Puts all files together; two that differ at one path are an error, but in a blog from Jekyll,
/// where reading it has warned of them and the first of `made` stays.
fn gathered(
    source: &Source,
    config: &Config,
    blog: &Blog<'_>,
    made: Vec<Made>,
    errors: &mut Vec<Diagnostic>,
) -> Output {
    let mut output = Output::default();
    for (path, text) in &blog.plain {
        let added = output.add(*path, Content::Bytes(text.as_bytes().to_vec()));
        debug_assert!(added.is_ok(), "paths of a source differ");
    }
    let on_disk: BTreeMap<&str, &PathBuf> =
        source.statics().map(|(path, file)| (path, &file.on_disk)).collect();
    for file in blog.files.iter().filter(|file| file.is_written) {
        let Some(on_disk) = on_disk.get(file.path.as_str()) else { continue };
        if output.add(&file.address.file, Content::CopyOf((*on_disk).clone())).is_err()
            && !config.is_from_jekyll()
        {
            let message =
                format!("would replace another file of the site, `{}`", file.address.file);
            errors.push(Diagnostic::new(Place::file(&file.path), message));
        }
    }
    for Made { path, bytes, from } in made {
        let content = Content::Bytes(bytes);
        if output.file(&path) == Some(&content) {
            continue;
        }
        if output.add(path.clone(), content).is_err() && !config.is_from_jekyll() {
            let place = Place::file(from.unwrap_or_else(|| path.clone()));
            errors.push(Diagnostic::new(
                place,
                format!("would replace another file of the site, `{path}`"),
            ));
        }
    }
    if let Some((outer, inner)) = output.file_in_a_file() {
        let message = format!("lies in the folder `{outer}`, which is a file of the site as well");
        errors.push(
            Diagnostic::new(Place::file(inner), message).hint("change one of the two addresses"),
        );
    }
    output
}

fn sorted(mut errors: Vec<Diagnostic>) -> Vec<Diagnostic> {
    errors.sort();
    errors.dedup();
    errors
}

/// Makes many files in parallel; reports the errors of all.
fn in_parallel<T: Sync>(items: &[T], make: impl Fn(usize, &T) -> Files + Sync) -> Files {
    let parts: Vec<Files> =
        items.par_iter().enumerate().map(|(index, item)| make(index, item)).collect();
    let (mut files, mut errors) = (Vec::with_capacity(items.len()), Vec::new());
    for part in parts {
        match part {
            Ok(part) => files.extend(part),
            Err(found) => errors.extend(found),
        }
    }
    if errors.is_empty() { Ok(files) } else { Err(errors) }
}

/// A copy of a map's entries, which share what they hold with it.
fn entries(value: &Value) -> Map {
    value.as_map().cloned().unwrap_or_default()
}
