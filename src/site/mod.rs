//! Builds a site: [`Site::parse`] turns its files into a value, and [`Site::render`] turns that
//! into the files of the built site.
//!
//! Bodies are rendered first, in parallel. Then the values that templates see are built once and
//! shared, and pages are rendered from them, in parallel. Each kind of page has a module.
//!
//! Nothing stops at the first error. Missing results are not errors but *needs*: the page shows a
//! placeholder, and the caller decides whether to run the experiment, show the page or fail.

mod attested;
mod backlinks;
mod card;
mod citing;
mod data;
mod drawing;
mod excerpt;
mod feed;
mod filters;
mod ids;
mod images;
mod index;
mod layouts;
mod linked_data;
mod links;
mod memo;
mod page;
mod parse;
mod pinned;
mod plugins;
mod post;
mod redirect;
pub mod sass;
mod search;
mod site_value;
mod sitemap;
mod smoke;
mod structure;
mod twin;
mod values;
mod wikilinks;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use rayon::prelude::*;
use tera::Map;

pub use self::memo::{Memo, Origin};
pub use self::parse::Site;

use self::backlinks::Backlinks;
use self::images::Images;
use self::layouts::Layouts;
use self::memo::{PageMemo, Present};
use self::post::{Bodies, RenderedBlog, RenderedPost};
use self::sass::Sass;
use self::site_value::SiteValue;
use self::structure::Structure;
use self::wikilinks::Wikilinks;
use crate::config::{self, Config};
use crate::diagnostic::{Diagnostic, Place};
use crate::digest::Digest;
use crate::errors::Errors;
use crate::experiment::evidence::Evidence;
use crate::experiment::plan::plan;
use crate::experiment::results::{Need, Results};
use crate::figure::{self, FigureTags, Surroundings};
use crate::inputs::Inputs;
use crate::liquid::{Environment, Includes, Tags};
use crate::markdown;
use crate::output::{Content, Output};
use crate::permalink::Address;
use crate::plugin;
use crate::post::front_matter::FrontMatter;
use crate::post::{self as posts, Blog, Post, Shown, StaticFile, pins};
use crate::raster::Fonts;
use crate::roles::Role;
use crate::store::cache::Cache;
use crate::time::Date;
use crate::timings::span;
use crate::value::Value;
use kramdown::embed::Embeds;

/// A rendered site. It is complete only without errors and needs.
#[derive(Debug, Default)]
pub struct Built {
    output: Output,
    /// The missing results that pages show.
    pub needs: Vec<Need>,
    /// The errors in the site, in order of place.
    pub errors: Vec<Diagnostic>,
    /// Problems that do not prevent the build.
    pub warnings: Vec<Diagnostic>,
    /// Those of them that prevent a build that must be complete, as errors: pictures that the site
    /// does not have.
    pub missing: Vec<Diagnostic>,
    /// What posts and pages say about results, in order of place; only of those that were rendered.
    pub evidence: Vec<Evidence>,
    /// The experiments that posts and pages show, by the path of their source.
    pub experiments: BTreeMap<String, BTreeSet<String>>,
    /// What the next rendering can take from this one.
    pub memo: Memo,
    /// When the same site starts to be rendered differently; `None` for never.
    pub until: Option<Timestamp>,
    /// The posts, documents and pages with a source.
    pub sources: Vec<Source>,
}

/// Where a post, a document or a page comes from, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The path of its source on disk, from the site's root.
    pub path: String,
    /// Its address on the host without `baseurl`: `/2026/01/31/title/`.
    pub url: String,
    /// Its file in the built site.
    pub file: String,
    /// Why a build without options would leave it out, if it would.
    pub unpublished: Option<Unpublished>,
    /// Whether no list, feed or sitemap has it.
    pub is_unlisted: bool,
}

impl Source {
    /// Whether this is its source, its file in the built site or its address.
    pub fn is_named(&self, name: &str) -> bool {
        let url = self.url.trim_matches('/');
        [self.path.as_str(), &self.file, url].contains(&name.trim_matches('/'))
    }
}

/// Why something is not published yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unpublished {
    /// It is a draft.
    Draft,
    /// Its date is in the future.
    Future,
    /// Its front matter says `published: false`.
    Hidden,
}

impl Built {
    /// The files that were made, with placeholders for missing results.
    pub(crate) fn into_shown(self) -> Output {
        self.output
    }

    /// A built site of these files.
    #[cfg(test)]
    pub(crate) fn of(output: Output, sources: Vec<Source>) -> Built {
        Built { output, sources, ..Built::default() }
    }

    /// Warns of each file that differs from that in `fresh`, the same site rendered from nothing. A
    /// step that is not deterministic, or a read that was not noted, would be the cause.
    pub(crate) fn checked_against(mut self, fresh: &Built) -> Built {
        let files = self.output.files().chain(fresh.output.files());
        let paths: BTreeSet<&str> = files.map(|(path, _)| path).collect();
        let differs = |path: &&str| self.output.file(path) != fresh.output.file(path);
        let warning = |path: &str| {
            let message = "differs from the same file of a build from nothing";
            let hint = "report this as a bug of labpress, with the site if possible";
            Diagnostic::new(Place::file(path), message).hint(hint).into_warning()
        };
        let warnings: Vec<Diagnostic> = paths.into_iter().filter(differs).map(warning).collect();
        self.warnings.extend(warnings);
        self
    }

    /// The files of the built site, even if there are errors, for comparison only.
    pub fn unchecked_output(&self) -> &Output {
        &self.output
    }

    /// The files of the built site, or all errors including missing results.
    pub fn into_output(self) -> Result<Output, Vec<Diagnostic>> {
        let mut errors = Errors::from(self.errors);
        errors.extend(Need::errors(&self.needs));
        errors.finish(self.output)
    }
}

impl Site {
    /// Renders all pages that `shown` selects. Reads and writes nothing.
    pub fn render(&self, shown: &Shown) -> Built {
        self.render_again(shown, &Memo::default())
    }

    /// As [`render`](Site::render), but takes from an earlier rendering what has not changed since.
    pub fn render_again(&self, shown: &Shown, memo: &Memo) -> Built {
        let _span = span("render the site");
        let at_origin = |found: Vec<Diagnostic>| -> Vec<Diagnostic> {
            found.into_iter().map(|one| self.inputs.at_origin(one)).collect()
        };
        let built = self.rendered(shown, memo);
        Built {
            errors: Errors::from(at_origin(built.errors)).into_sorted(),
            warnings: at_origin(built.warnings),
            missing: at_origin(built.missing),
            ..built
        }
    }

    /// The digest of everything that the rendered site depends on, except for the time and the
    /// contents of the files that are copied.
    pub fn state(&self, shown: &Shown) -> Digest {
        memo::state(self, shown)
    }

    /// Renders the pages; diagnostics name files by their path in the build.
    fn rendered(&self, shown: &Shown, memo: &Memo) -> Built {
        let Site { config, inputs, .. } = self;
        if !self.config_errors.is_empty() {
            let errors = self.config_errors.iter().chain(&self.errors).cloned().collect();
            return Built { errors, ..Built::default() };
        }
        let base = memo::base(inputs, shown);
        let memo = memo.with_base(base);
        let no_documents = posts::Memo::default();
        let documents = memo.map_or(&no_documents, |memo| &memo.documents);
        let (blog, found) = {
            let _span = span("read front matter");
            posts::read_with(inputs, config, shown, documents)
        };
        let mut errors = Errors::from(found);
        errors.extend(self.errors.iter().cloned());
        let planned = plan(&self.experiments, &self.records);
        let pins = pins::read(&blog, inputs, &self.experiments, &self.records);
        let pins = errors.take(pins).unwrap_or_default();
        let results = Results::of(&self.experiments, &planned, &self.verifications)
            .with_provisional(&planned, &self.provisional)
            .with_replaced(&self.records)
            .with_recorded(&self.records)
            .with_files(inputs.artifacts())
            .with_unreadable(self.unreadable())
            .with_pins(&pins);
        let mut warnings = [config.warnings.as_slice(), &self.warnings, &blog.warnings].concat();
        warnings.extend(site_warnings(inputs, config, &blog));
        warnings.extend(results.warnings());
        let pages = Pages {
            inputs,
            config,
            blog: &blog,
            results: &results,
            compile_sass: self.compile_sass,
            cache: &self.cache,
            base,
            memo,
        };
        let built = pages.render(errors);
        warnings.extend(built.warnings);
        let output = smoke::marked(built.output, &results).keeping(&config.keep_files);
        let until = if config.compat.reads_clock { Some(shown.now) } else { blog.until };
        Built { output, warnings, until, ..built }
    }
}

/// Everything that pages are rendered from.
struct Pages<'s> {
    inputs: &'s Inputs,
    config: &'s Config,
    blog: &'s Blog<'s>,
    results: &'s Results<'s>,
    compile_sass: sass::Compiler,
    cache: &'s Cache,
    base: Digest,
    memo: Option<&'s Memo>,
}

impl Pages<'_> {
    /// Renders all pages and adds their errors to `errors`.
    fn render(&self, mut errors: Errors) -> Built {
        let Pages { inputs, config, blog, results, .. } = *self;
        let options = markdown::Options {
            bibliography: citing::bibliography(inputs, config),
            ..markdown_options(config)
        };
        errors.extend(citing::missing(inputs, config));
        errors.extend(missing_mermaid(inputs, config));
        let markdownify = |text: &str| markdown::render(text, &Embeds::default(), &options).html;
        let in_a_line = |text: &str| markdown::render_inline(text, &Embeds::default(), &options);
        let author = config.author().unwrap_or_else(|| config.title.clone());
        let site_url = format!("{}{}", config.url, config.base_url);
        let surroundings = Surroundings {
            base_url: &config.base_url,
            site_url: &site_url,
            author: &author,
            markdown: &in_a_line,
        };
        let figures = FigureTags { results, surroundings };
        let tags =
            Tags::default().with(figure::TAGS, &figures).with(plugin::TAGS, &plugin::PluginTags);
        let citing = citing::CitingTags { config };
        let tags =
            if config.compat.extends_markdown { tags.with(citing::TAGS, &citing) } else { tags };
        let environment = environment(inputs, config, blog, &tags, &markdownify);
        let layouts = errors.take(Layouts::read(inputs, config, blog, &environment));
        let layouts = layouts.map(|(layouts, missing)| {
            errors.extend(missing);
            layouts
        });
        let data = errors.take(data::read(inputs, config));
        // Without data, templates would report errors that are not theirs.
        let layouts = layouts.filter(|_| data.is_some());
        let data = data.unwrap_or_else(Value::none);
        let wikilinks = Wikilinks::of(blog, config, &options);
        let wikilinks = wikilinks.as_ref();
        let bodies = Bodies::new(
            blog,
            post::Around {
                config,
                data: &data,
                environment: &environment,
                options: &options,
                wikilinks,
                present: Present::new(inputs, blog, results, &environment, wikilinks),
                memo: self.memo,
            },
        );
        let (rendered, known, found) = {
            let _span = span("render bodies");
            bodies.render_all()
        };
        errors.extend(found);
        let memo = Memo::new(self.base, blog, known);
        let mut said = Built {
            needs: rendered.needs(),
            warnings: rendered.warnings(),
            evidence: rendered.evidence(),
            experiments: rendered.experiments(),
            ..Built::default()
        };
        let posts = pinned::noted(rendered.posts, blog, config, results);
        let structure = Structure::of(blog, config, &data, is_named(inputs, "related"));
        let rendered = RenderedBlog { posts, ..rendered };
        let site = Shared::new(self, rendered, structure, (&data, wikilinks), &environment);
        let mut made = Vec::new();
        let Some(layouts) = layouts else {
            errors.extend(page::errors(&site, &environment));
            let errors = errors.into_sorted();
            return Built { errors, memo: memo.with_pages_of(self.memo), ..said };
        };
        for part in parts(&site, &layouts, &environment, &options) {
            made.extend(errors.take(part).unwrap_or_default());
        }
        said.take_from(&mut made);
        let output = gathered(self, made, &mut errors);
        let mut missing = images::missing(&site, &output);
        // Pages with errors are not there to be linked to.
        if errors.is_empty() {
            missing.extend(links::missing(&site, &output));
        }
        let errors = errors.into_sorted();
        said.warnings.extend(card::warnings(&site));
        said.warnings.extend(missing.iter().cloned().map(Diagnostic::into_warning));
        said.warnings = Errors::from(said.warnings).into_sorted();
        said.evidence.sort_by(|one, other| one.place.cmp(&other.place));
        let memo = if errors.is_empty() {
            memo.with_pages(site.pages)
        } else {
            memo.with_pages_of(self.memo)
        };
        let sources = sources(inputs, config, blog);
        Built { output, errors, missing, memo, sources, ..said }
    }
}

impl Built {
    /// Takes what files say beside their content.
    fn take_from(&mut self, made: &mut [Made]) {
        for file in made {
            self.needs.append(&mut file.needs);
            self.warnings.append(&mut file.warnings);
            self.evidence.append(&mut file.evidence);
            if let Some(from) = file.from.as_ref().filter(|_| !file.experiments.is_empty()) {
                self.experiments.entry(from.clone()).or_default().append(&mut file.experiments);
            }
        }
    }
}

/// The files of the site, by the kinds of pages.
fn parts(
    site: &Shared<'_>,
    layouts: &Layouts<'_>,
    environment: &Environment<'_>,
    options: &markdown::Options,
) -> Vec<Files> {
    let _span = span("make pages");
    let mut parts = vec![
        post::files(site, layouts),
        page::files(site, layouts, environment, options),
        redirect::files(site, layouts),
    ];
    if site.config.compat.generates_pages {
        parts.push(structure::pages::files(site, layouts));
        parts.push(Ok(feed::files(site)));
        parts.push(Ok(sitemap::files(site, layouts)));
        parts.push(Ok(twin::list(site)));
        parts.push(search::files(site, layouts));
    } else {
        parts.push(Ok(plugins::files(site, environment)));
    }
    parts
}

/// The sources of all documents and pages.
fn sources(inputs: &Inputs, config: &Config, blog: &Blog<'_>) -> Vec<Source> {
    let source = |path: &str, address: &Address, front: &FrontMatter<'_>, unpublished| Source {
        path: inputs.origin(path).to_owned(),
        url: address.url.clone(),
        file: address.file.clone(),
        unpublished,
        is_unlisted: front.unlisted,
    };
    let hidden = |front: &FrontMatter<'_>| {
        (!front.published && !config.unpublished).then_some(Unpublished::Hidden)
    };
    let is_future = |post: &Post<'_>| {
        let now = blog.now.as_ref().map(Date::timestamp);
        !config.future && now.is_some_and(|now| post.date.timestamp() > now)
    };
    let is_draft = |path: &str| {
        let is_in_drafts = path.split('/').rev().skip(1).any(|folder| folder == "_drafts");
        is_in_drafts && !config.show_drafts
    };
    let documents = blog.documents().filter(|post| post.is_written).map(|post| {
        let unpublished = match post.body.path {
            path if is_draft(path) => Some(Unpublished::Draft),
            _ if is_future(post) => Some(Unpublished::Future),
            _ => hidden(&post.front),
        };
        source(post.body.path, &post.address, &post.front, unpublished)
    });
    let pages = blog.pages.iter();
    let pages =
        pages.map(|page| source(page.body.path, &page.address, &page.front, hidden(&page.front)));
    documents.chain(pages).collect()
}

/// Warns of missing layouts, where Jekyll continues without them, and of plugins that labpress does
/// not replace.
fn site_warnings(inputs: &Inputs, config: &Config, blog: &Blog<'_>) -> Vec<Diagnostic> {
    let mut warnings = layouts::warnings(inputs, config, blog);
    let place = |key| Config::place(inputs.text(config::PATH), key);
    warnings.extend(plugin::missing(config).into_iter().map(|(key, name)| {
        let message = format!(
            "the plugin `{name}` is not supported: what it adds to the site \
                               will be missing"
        );
        let hint = "replace a tag of it with an include, `liquid: {tags: {TAG: FILE.html}}`, or \
                    remove it from the list if the site does not need it";
        Diagnostic::new(place(key), message).hint(hint)
    }));
    let theme = config.value("theme").and_then(Value::as_str).filter(|theme| !theme.is_empty());
    if let Some(theme) = theme.filter(|_| config.compat.has_plugins)
        && inputs.of(Role::Layout).next().is_none()
    {
        let message =
            format!("the files of the theme `{theme}` are missing: pages will have no layout");
        let hint =
            format!("copy them to `_theme`: `cp -r \"$(bundle info {theme} --path)\" _theme`");
        warnings.push(Diagnostic::new(place("theme"), message).hint(hint));
    }
    Errors::from(warnings.into_iter().map(Diagnostic::into_warning).collect::<Vec<_>>())
        .into_sorted()
}

/// An error if the file that draws diagrams is missing.
fn missing_mermaid(inputs: &Inputs, config: &Config) -> Option<Diagnostic> {
    let path = config.mermaid.as_deref()?;
    let file = path.trim_start_matches('/');
    if inputs.text(file).is_some() || inputs.statics().any(|(path, _)| path == file) {
        return None;
    }
    let place = Config::place(inputs.text(config::PATH), "mermaid");
    let error = Diagnostic::new(place, format!("there is no file `{path}`"));
    Some(error.hint("save `dist/mermaid.min.js` of the npm package `mermaid` there"))
}

fn environment<'a>(
    inputs: &'a Inputs,
    config: &'a Config,
    blog: &Blog<'_>,
    tags: &'a Tags<'a>,
    markdown: &'a (dyn Fn(&str) -> String + Sync),
) -> Environment<'a> {
    Environment {
        includes: Includes::new(inputs.of(Role::Include)),
        tags,
        url: &config.url,
        base_url: &config.base_url,
        zone: &config.zone,
        post_urls: post_urls(blog),
        urls: urls(blog),
        markdown,
        inputs,
        options: &config.liquid,
        now: if config.compat.reads_clock {
            blog.now.clone()
        } else {
            blog.posts.iter().map(|post| &post.date).max().cloned()
        },
        dialect: config.markdown,
        highlight: config.highlight,
    }
}

/// A generated file, and the path of its source.
#[derive(Debug, Clone)]
struct Made {
    path: String,
    content: Content,
    from: Option<String>,
    /// The experiments whose results it shows.
    experiments: BTreeSet<String>,
    /// The missing results that it shows.
    needs: Vec<Need>,
    /// What it says about results.
    evidence: Vec<Evidence>,
    /// Problems in its source that do not prevent the build.
    warnings: Vec<Diagnostic>,
    /// What is kept of the body of a page that is not a document.
    body: Option<Arc<page::Body>>,
}

impl Made {
    fn new(path: impl Into<String>, bytes: impl AsRef<[u8]>) -> Made {
        Made::of(path, Content::Bytes(bytes.as_ref().into()))
    }

    fn of(path: impl Into<String>, content: Content) -> Made {
        Made {
            path: path.into(),
            content,
            from: None,
            experiments: BTreeSet::new(),
            needs: Vec::new(),
            evidence: Vec::new(),
            warnings: Vec::new(),
            body: None,
        }
    }

    /// The same file with its source at `path`.
    fn from(self, path: &str) -> Made {
        Made { from: Some(path.to_owned()), ..self }
    }
}

type Files = Result<Vec<Made>, Vec<Diagnostic>>;

/// What all pages share. Complete and read-only.
struct Shared<'a> {
    config: &'a Config,
    blog: &'a Blog<'a>,
    posts: Vec<RenderedPost<'a>>,
    /// The documents of the other collections.
    collections: Vec<Vec<RenderedPost<'a>>>,
    structure: Structure,
    /// What wikilinks find, if they are on.
    wikilinks: Option<&'a Wikilinks<'a>>,
    /// Which pages link to which.
    backlinks: Backlinks,
    /// The posts as feeds have them.
    feed_items: feed::Items,
    /// Whether a template links the feeds of groups.
    links_feeds: bool,
    /// The paths of the author's own documents, pages and files. Nothing is generated in their
    /// place.
    taken: BTreeSet<String>,
    /// `site` as templates and bodies see it.
    site: SiteValue,
    /// The paths of files that are copied unchanged.
    files: Vec<String>,
    /// The site's style sheets in Sass.
    sass: Sass<'a>,
    /// The results that figures show.
    results: &'a Results<'a>,
    /// The pages of an earlier rendering.
    pages: PageMemo<'a>,
    /// The pictures in pages.
    images: Images<'a>,
    /// What takes long to make.
    cache: &'a Cache,
    inputs: &'a Inputs,
    /// The fonts of pictures.
    fonts: OnceLock<Fonts>,
}

impl<'a> Shared<'a> {
    /// All documents with their bodies, the posts first.
    fn documents<'s>(&'s self) -> impl Iterator<Item = (&'s Post<'a>, &'s RenderedPost<'a>)> {
        let collections = self.blog.collections.iter().zip(&self.collections);
        let others = collections.flat_map(|(one, rendered)| one.documents.iter().zip(rendered));
        self.blog.posts.iter().zip(&self.posts).chain(others)
    }

    fn new(
        pages: &Pages<'a>,
        rendered: RenderedBlog<'a>,
        structure: Structure,
        (data, wikilinks): (&'a Value, Option<&'a Wikilinks<'a>>),
        environment: &'a Environment<'a>,
    ) -> Shared<'a> {
        let Pages { inputs, config, blog, results, compile_sass, memo, cache, .. } = *pages;
        let present = Present::new(inputs, blog, results, environment, wikilinks);
        let pages = blog.pages.iter().map(|page| page.address.file.clone());
        let files =
            blog.files.iter().filter(|file| file.is_written).map(|file| file.address.file.clone());
        let plain = blog.plain.iter().map(|(path, _)| (*path).to_owned());
        let files: Vec<String> = files.chain(plain).collect();
        let documents = blog.documents().filter(|post| post.is_written);
        let documents = documents.map(|post| post.address.file.clone());
        let taken = pages.chain(documents).chain(files.iter().cloned()).collect();
        let feed = feed::address(config, &taken);
        let known = PageMemo::new(memo, present, rendered.identities(), feed.as_deref());
        let sass = Sass::new(inputs, config, compile_sass);
        let has_search = config.search && inputs.text("_layouts/search.html").is_some();
        let search = has_search.then_some("/search/");
        let backlinks = Backlinks::of(config, blog, &rendered, wikilinks);
        let RenderedBlog { posts, collections } = rendered;
        let site = SiteValue::new(config, blog, data, &structure, (feed.as_deref(), search));
        Shared {
            config,
            blog,
            posts,
            collections,
            structure,
            wikilinks,
            backlinks,
            feed_items: std::iter::repeat_with(OnceLock::new).take(blog.posts.len()).collect(),
            links_feeds: is_named(inputs, "page.feed"),
            taken,
            site,
            files,
            sass,
            results,
            pages: known,
            images: Images::new(config, inputs, cache, blog),
            cache,
            inputs,
            fonts: OnceLock::new(),
        }
    }
}

impl Shared<'_> {
    /// The fonts of pictures: those of the program, and those that `picture_fonts` names.
    fn fonts(&self) -> &Fonts {
        self.fonts.get_or_init(|| {
            let own: Vec<Vec<u8>> = self
                .config
                .picture_fonts
                .iter()
                .filter_map(|path| self.inputs.bytes(path))
                .collect();
            if own.is_empty() { Fonts::built_in() } else { Fonts::with(&own) }
        })
    }

    /// Equal for equal fonts of pictures.
    fn fonts_key(&self) -> String {
        let digests = self.config.picture_fonts.iter().map(|path| self.inputs.file_digest(path));
        digests.map(|digest| format!("{digest:?}")).collect()
    }

    /// Applies the plugins that change finished pages.
    fn finished(&self, text: String, path: &str, page: &Map) -> String {
        let is_touched = self.config.compat.has_plugins && path.ends_with(".html");
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
        math: config.math.clone(),
        extended: config.compat.extends_markdown,
        language: config.language.clone(),
        highlight: config.highlight,
        stops: config.compat.has_keyboard_stops,
        ..markdown::Options::default()
    }
}

/// Addresses of posts by the name that `post_url` takes: with or without the folders in and above
/// `_posts`.
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

/// Gathers all files. Two different files at one path are an error, except in a blog from Jekyll:
/// there, reading it has already warned, and the first of `made` is kept.
fn gathered(pages: &Pages<'_>, made: Vec<Made>, errors: &mut Errors) -> Output {
    let Pages { inputs, config, blog, cache, .. } = *pages;
    let mut output = Output::default();
    for (path, text) in &blog.plain {
        let added = output.add(*path, Content::Bytes(text.as_bytes().into()));
        debug_assert!(added.is_ok(), "paths in a source are unique");
    }
    let on_disk: BTreeMap<&str, &PathBuf> =
        inputs.statics().map(|(path, file)| (path, &file.on_disk)).collect();
    let written: Vec<&StaticFile> = blog.files.iter().filter(|file| file.is_written).collect();
    let turned: Vec<Option<Content>> = written
        .par_iter()
        .map(|file| Images::published(config, inputs, cache, &file.path))
        .collect();
    for (file, turned) in written.into_iter().zip(turned) {
        let Some(on_disk) = on_disk.get(file.path.as_str()) else { continue };
        let content = turned.unwrap_or_else(|| Content::CopyOf((*on_disk).clone()));
        if output.add(&file.address.file, content).is_err() && !config.compat.is_lenient {
            let message =
                format!("would replace another file of the site, `{}`", file.address.file);
            errors.push(Diagnostic::new(Place::file(&file.path), message));
        }
    }
    for Made { path, content, from, .. } in made {
        if output.file(&path).is_some_and(|file| file.is_same(&content)) {
            continue;
        }
        if output.add(path.clone(), content).is_err() && !config.compat.is_lenient {
            let place = Place::file(from.unwrap_or_else(|| path.clone()));
            errors.push(Diagnostic::new(
                place,
                format!("would replace another file of the site, `{path}`"),
            ));
        }
    }
    for file in inputs.built_in_assets() {
        // The site's own file at the path is used instead.
        let _ = output.add(file.path, Content::Bytes(file.bytes.into()));
    }
    if let Some((outer, inner)) = output.file_in_a_file() {
        let message = format!("is in the folder `{outer}`, which is also a file of the site");
        errors.push(
            Diagnostic::new(Place::file(inner), message).hint("change one of the two addresses"),
        );
    }
    output
}

/// Whether a layout or an include has a word.
fn is_named(inputs: &Inputs, word: &str) -> bool {
    inputs.of(Role::Layout).chain(inputs.of(Role::Include)).any(|(_, text)| text.contains(word))
}

/// Calls `make` for all items in parallel and reports the errors of all.
fn in_parallel<T: Sync>(items: &[T], make: impl Fn(usize, &T) -> Files + Sync) -> Files {
    let parts: Vec<Files> =
        items.par_iter().enumerate().map(|(index, item)| make(index, item)).collect();
    let (mut files, mut errors) = (Vec::with_capacity(items.len()), Errors::default());
    for part in parts {
        files.extend(errors.take(part).unwrap_or_default());
    }
    errors.finish(files)
}

/// A copy of a map's entries. Their values are shared, not copied.
fn entries(value: &Value) -> Map {
    value.as_map().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(page: &str) -> Built {
        let mut output = Output::default();
        output.add("same.html", Content::Bytes(b"same".as_slice().into())).expect("it is new");
        output.add("page.html", Content::Bytes(page.as_bytes().into())).expect("it is new");
        Built::of(output, Vec::new())
    }

    #[test]
    fn a_rendering_that_differs_from_a_fresh_one_is_noticed() {
        let warnings = |memo, fresh| built(memo).checked_against(&built(fresh)).warnings;
        assert_eq!(warnings("a", "a"), []);
        let places: Vec<String> =
            warnings("a", "b").iter().map(|warning| warning.place().path.clone()).collect();
        assert_eq!(places, ["page.html"]);
    }
}
