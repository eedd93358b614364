//! Renders posts and other documents, and their pages.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tera::Map;

use super::memo::{self, KnownBody, Memo, Present};
use super::values::{Listed, Sites};
use super::wikilinks::Wikilinks;
use super::{
    Files, Made, Shared, card, excerpt, images, in_parallel, linked_data, links, redirect, twin,
    values,
};
use crate::config::Config;
use crate::diagnostic::{Diagnostic, Place};
use crate::digest::Digest;
use crate::errors::Errors;
use crate::experiment::evidence::Evidence;
use crate::experiment::results::Need;
use crate::figure;
use crate::liquid::{self, Environment, Expanded, Reach, Read};
use crate::markdown::{self, Dialect, Heading, Problem, Rendered};
use crate::plugin::{self, relative_links};
use crate::post::{Blog, Collection, Post, front_matter::FrontMatter};
use crate::site::layouts::Layouts;
use crate::text::Located;
use crate::value::{self, Value, set};
use kramdown::text::word_count;

/// How many words are read in a minute.
const WORDS_PER_MINUTE: usize = 220;
/// How many Chinese or Japanese characters are read in a minute.
const CHARACTERS_PER_MINUTE: usize = 400;

/// How much of a document a template sees, each with all before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Detail {
    /// Everything that is not made of its body.
    #[default]
    Head,
    /// `words` and `reading_minutes`.
    Length,
    /// `excerpt`.
    Excerpt,
    /// `content` and `toc`.
    Whole,
}

/// A document with its body rendered, or as an earlier rendering left it: then the body is rendered
/// when a page needs it.
pub(super) struct RenderedPost<'a> {
    post: &'a Post<'a>,
    list: List,
    index: usize,
    bodies: &'a Bodies<'a>,
    pub(super) body: Arc<Body>,
    /// What is put above the body.
    note: String,
    /// Equal for equal documents.
    identity: Digest,
    /// Equal for documents that differ in their bodies only.
    head: Digest,
    /// The document as templates see it, without its neighbours, by [`Detail`].
    values: [OnceLock<Value>; 4],
}

/// What is made of the body of a document and of the strings in its front matter.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) summary: Summary,
    whole: OnceLock<Whole>,
    /// The missing results that it shows.
    pub(super) needs: Vec<Need>,
    /// What it says about results; empty for a body that is remembered.
    pub(super) evidence: Vec<Evidence>,
    /// Problems that do not prevent the build. A body with some is not remembered, so that every
    /// build reports them.
    pub(super) warnings: Vec<Diagnostic>,
}

/// What is kept of a body between builds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Summary {
    /// The document's title as plain text.
    pub(super) title: String,
    /// Its description as plain text.
    pub(super) description: Option<String>,
    /// The addresses of the site's pictures in its body.
    pub(super) images: Vec<String>,
    /// The addresses on the site that its body links to.
    pub(super) links: Vec<String>,
    length: Length,
    excerpt: Excerpt,
    /// The experiments whose results it shows.
    pub(super) experiments: BTreeSet<String>,
}

/// The excerpt of a document.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Excerpt {
    /// That of the front matter, or none.
    Given,
    /// The whole content.
    Content,
    /// This HTML.
    Cut(#[serde(with = "value::text")] Value),
}

/// The rest of a body.
#[derive(Debug)]
struct Whole {
    content: Value,
    toc: Vec<Heading>,
    /// The files of its figures, by path.
    files: Vec<(String, Vec<u8>)>,
    /// The body as Markdown with all values, if the site publishes that.
    markdown: Option<String>,
}

/// All documents with their bodies rendered.
pub(super) struct RenderedBlog<'a> {
    /// The posts, the newest first.
    pub(super) posts: Vec<RenderedPost<'a>>,
    /// The documents of each of the other collections.
    pub(super) collections: Vec<Vec<RenderedPost<'a>>>,
}

impl<'a> RenderedBlog<'a> {
    /// The missing results that documents show.
    pub(super) fn needs(&self) -> Vec<Need> {
        self.all().flat_map(|post| post.body.needs.iter().cloned()).collect()
    }

    /// What documents say about results.
    pub(super) fn evidence(&self) -> Vec<Evidence> {
        self.all().flat_map(|post| post.body.evidence.iter().cloned()).collect()
    }

    /// The experiments that documents show, by the path of their source.
    pub(super) fn experiments(&self) -> BTreeMap<String, BTreeSet<String>> {
        let shown = self.all().map(|post| (post.post.body.path, &post.body.summary.experiments));
        let shown = shown.filter(|(_, experiments)| !experiments.is_empty());
        shown.map(|(path, experiments)| (path.to_owned(), experiments.clone())).collect()
    }

    /// The warnings of all documents.
    pub(super) fn warnings(&self) -> Vec<Diagnostic> {
        self.all().flat_map(|post| post.body.warnings.iter().cloned()).collect()
    }

    /// The identities of all documents: as a whole, and without their bodies.
    pub(super) fn identities(&self) -> impl Iterator<Item = (Digest, Digest)> {
        self.all().map(|post| (post.identity(Detail::Whole), post.identity(Detail::Head)))
    }

    /// The documents with their bodies, the posts first.
    pub(super) fn documents(&self) -> impl Iterator<Item = (&'a Post<'a>, &Body)> {
        self.all().map(|post| (post.post, &*post.body))
    }

    fn all(&self) -> impl Iterator<Item = &RenderedPost<'a>> {
        self.posts.iter().chain(self.collections.iter().flatten())
    }
}

/// What a body is rendered from, besides its own file.
pub(super) struct Around<'a> {
    pub(super) config: &'a Config,
    pub(super) data: &'a Value,
    pub(super) environment: &'a Environment<'a>,
    pub(super) options: &'a markdown::Options,
    /// What wikilinks find, if they are on.
    pub(super) wikilinks: Option<&'a Wikilinks<'a>>,
    /// The site by digests, to find what can be taken from `memo`.
    pub(super) present: Present<'a>,
    /// An earlier rendering.
    pub(super) memo: Option<&'a Memo>,
}

/// Renders bodies.
pub(super) struct Bodies<'a> {
    blog: &'a Blog<'a>,
    around: Around<'a>,
    variables: OnceLock<Variables>,
}

/// A list of documents: the posts, or a collection by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    Posts,
    Collection(usize),
    /// Posts that are in no list, so that none has neighbours.
    Unlisted(usize),
}

impl<'a> Bodies<'a> {
    pub(super) fn new(blog: &'a Blog<'a>, around: Around<'a>) -> Bodies<'a> {
        Bodies { blog, around, variables: OnceLock::new() }
    }

    /// Renders the bodies of all posts and other documents, except those that the memo has. Also
    /// returns them for the next memo, and all errors.
    pub(super) fn render_all(
        &'a self,
    ) -> (RenderedBlog<'a>, HashMap<String, KnownBody>, Vec<Diagnostic>) {
        let (mut errors, mut known) = (Errors::default(), HashMap::new());
        let mut render_list = |list: List| {
            let posts = self.posts(list);
            let rendered: Vec<(RenderedPost<'a>, Option<KnownBody>, Errors)> =
                (0..posts.len()).into_par_iter().map(|index| self.rendered(list, index)).collect();
            let mut kept = Vec::with_capacity(posts.len());
            for (post, body, found) in rendered {
                errors.extend(found.into_sorted());
                known.extend(body.map(|body| (post.post.body.path.to_owned(), body)));
                kept.push(post);
            }
            kept
        };
        let posts = render_list(List::Posts);
        let lists = self.blog.collections.iter().enumerate();
        let lists = lists.map(|(at, collection)| {
            if collection.is_listed() { List::Collection(at) } else { List::Unlisted(at) }
        });
        let collections = lists.map(render_list).collect();
        (RenderedBlog { posts, collections }, known, errors.into_sorted())
    }

    fn posts(&self, list: List) -> &'a [Post<'a>] {
        match list {
            List::Posts => &self.blog.posts,
            List::Collection(at) | List::Unlisted(at) => &self.blog.collections[at].documents,
        }
    }

    /// The document at `index` of a list, and its body for the next memo, unless it has errors or
    /// warnings.
    fn rendered(
        &'a self,
        list: List,
        index: usize,
    ) -> (RenderedPost<'a>, Option<KnownBody>, Errors) {
        let posts = self.posts(list);
        let post = &posts[index];
        let before = index.checked_sub(1).and_then(|before| posts.get(before));
        let neighbours = || memo::of_neighbours([before, posts.get(index + 1)]);
        let digest = |read: &Read| self.around.present.digest(read, post.body.path, neighbours);
        let known = self.around.memo.and_then(|memo| memo.body(post, digest));
        let (body, known, errors) = if let Some(known) = known {
            (known.body.clone(), Some(known), Errors::default())
        } else {
            let (body, reads, errors) = self.render(list, index);
            let body = Arc::new(body);
            let known = || KnownBody::new(post, body.clone(), memo::digested(reads, digest));
            let known = errors.is_empty().then(known);
            (body, known, errors)
        };
        let identity = known.as_ref().map_or(post.digest, |known| known.identity(post));
        let known = known.filter(|_| body.warnings.is_empty());
        let texts = [Some(&body.summary.title), body.summary.description.as_ref()];
        let texts = texts.map(|text| text.map_or(&[][..], |text| text.as_bytes()));
        let head = memo::key([&post.head_digest().as_bytes()[..]].into_iter().chain(texts));
        let (note, values) = (String::new(), Default::default());
        let bodies = self;
        (
            RenderedPost { post, list, index, bodies, body, note, identity, head, values },
            known,
            errors,
        )
    }

    fn render(&self, list: List, index: usize) -> (Body, BTreeSet<Read>, Errors) {
        let post = &self.posts(list)[index];
        let variables = if liquid::has_tags(post.body.text) {
            let variables = || Variables::new(self.blog, &self.around);
            self.variables.get_or_init(variables).of(list, index)
        } else {
            Vec::new()
        };
        render(post, &self.around, &variables)
    }
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
        let mut site = values::base(around.config, blog, around.data);
        site.extend(values::lists(around.config, blog, &listed));
        Variables { sites: Sites::new(&Value::from(site), &listed.posts), listed }
    }

    /// The variables for the body at `index` of a list.
    fn of(&self, list: List, index: usize) -> Vec<(&'static str, Value)> {
        let listed = match list {
            List::Posts => &self.listed.posts,
            List::Collection(at) | List::Unlisted(at) => &self.listed.collections[at],
        };
        let page = with_neighbours(listed, index, list, Clone::clone, Clone::clone);
        let site = self.sites.of((list == List::Posts).then_some(index)).clone();
        vec![("site", site), ("page", page)]
    }
}

/// Renders a body. Also returns what the body and the title depend on besides their own file. A body
/// with errors is left empty, so that pages that list the post can still be rendered to find their
/// errors.
fn render(
    post: &Post<'_>,
    around: &Around<'_>,
    variables: &[(&str, Value)],
) -> (Body, BTreeSet<Read>, Errors) {
    let Around { config, environment, options, wikilinks, .. } = *around;
    let options = &*in_language(options, &post.front, config);
    let mut errors = Errors::default();
    let (mut experiments, mut needs, mut reads) = (BTreeSet::new(), Vec::new(), BTreeSet::new());
    let (mut evidence, mut warnings) = (Vec::new(), Vec::new());
    let mut plain_text = |text: &str, key| {
        let expanded = errors.take(plain_text(text, key, &post.front, environment))?;
        experiments.extend(expanded.experiments);
        needs.extend(expanded.needs);
        reads.extend(expanded.reads);
        evidence.extend(expanded.evidence);
        warnings.extend(expanded.warnings);
        errors.extend(expanded.failed);
        Some(expanded.embeds.as_text(&expanded.text))
    };
    let title = plain_text(&post.title, "title").unwrap_or_else(|| post.title.clone());
    let description = post.front.description.as_deref();
    let description = description.and_then(|text| plain_text(text, "description"));
    let claims = claims(&post.front, config);
    for claim in claims.iter().flatten() {
        plain_text(claim, "claims");
    }
    errors.take(claims);
    let reach = reach(&post.front, post.is_markdown, config);
    let expanded = errors.take(liquid::expand(post.body, variables, environment, reach));
    let mut expanded = expanded.unwrap_or_default();
    errors.extend(std::mem::take(&mut expanded.failed));
    warnings.append(&mut expanded.warnings);
    evidence.append(&mut expanded.evidence);
    if post.is_markdown && relative_links::is_wanted(config, true) {
        expanded.text = relative_links::resolved(&expanded.text, &post.relative_path, environment);
        // A link may lead to any file.
        expanded.reads.insert(Read::WholeSite);
    }
    let wikilinks = wikilinks.filter(|_| post.is_markdown);
    let replace = |expanded: &mut Expanded| {
        wikilinks.map_or_else(Vec::new, |links| links.replace(expanded, post.body.path))
    };
    let mut problems = replace(&mut expanded);
    let rendered = to_html(&expanded, !post.is_markdown, options);
    problems.extend_from_slice(&rendered.problems);
    let (found, less) = located(&problems, post.body, config);
    errors.extend(found);
    errors.extend(rendered.errors.iter().cloned());
    reads.extend(reads_of(&rendered, options));
    warnings.extend(less);
    let separator = post.front.excerpt_separator.as_deref().unwrap_or(&config.excerpt_separator);
    let excerpt = if post.front.excerpt.is_some() || separator.is_empty() {
        Excerpt::Given
    } else {
        let is_missing = post.is_without_blank_lines && separator.contains('\n');
        match excerpt::cut(post.body, separator).filter(|_| !is_missing) {
            Some(text) => {
                let body = Located { text: &text, ..post.body };
                let expanded = errors.take(liquid::expand(body, variables, environment, reach));
                let mut expanded = expanded.unwrap_or_default();
                replace(&mut expanded);
                let html = to_html(&expanded, !post.is_markdown, options).html;
                reads.extend(expanded.reads);
                Excerpt::Cut(Value::from(&*plugin::feed::without_notes(&html)))
            }
            None => Excerpt::Content,
        }
    };
    let markdown = twin::has_markdown(config, post).then(|| twin::body(&expanded));
    experiments.extend(expanded.experiments);
    needs.extend(expanded.needs);
    reads.extend(expanded.reads);
    let length = Length::of(&rendered.text);
    let images = if config.images.is_on { images::sources(&rendered.html) } else { Vec::new() };
    let links = links::sources(&rendered.html);
    let summary = Summary { title, description, images, links, length, excerpt, experiments };
    let content = Value::from(rendered.html);
    let whole = Whole { content, toc: rendered.toc, files: expanded.files, markdown };
    (Body { summary, whole: whole.into(), needs, evidence, warnings }, reads, errors)
}

/// The claims in front matter, each as the tag that checks it: `claims: ["A > B"]`, or with the
/// sentence that the claim is about, `claims: [{claim: "A > B", text: "A won"}]`.
fn claims(front: &FrontMatter<'_>, config: &Config) -> Result<Vec<String>, Vec<Diagnostic>> {
    let listed = front.value("claims").filter(|_| config.compat.extends_markdown);
    let Some(listed) = listed else { return Ok(Vec::new()) };
    let tag = |claim: &Value| {
        let field = |name| value::entry(claim, name).and_then(Value::as_str);
        let expression = claim.as_str().or_else(|| field("claim"))?;
        let text = field("text").unwrap_or(expression);
        Some(format!("{{% claim {expression} %}}{text}{{% endclaim %}}"))
    };
    let tags = listed.as_array().and_then(|claims| claims.iter().map(tag).collect());
    tags.ok_or_else(|| {
        let message = "`claims` must be a list of comparisons";
        let hint =
            "write `claims: [\"A > B\"]`, or `claims: [{claim: \"A > B\", text: \"A won\"}]`";
        vec![Diagnostic::new(front.place("claims"), message).hint(hint)]
    })
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
    let placed = |found: Vec<Diagnostic>| {
        found.into_iter().map(|one| one.at(front.place(key))).collect::<Vec<_>>()
    };
    let mut expanded = liquid::expand(body, &[], environment, Reach::Everywhere).map_err(placed)?;
    expanded.warnings = placed(expanded.warnings);
    expanded.failed = placed(expanded.failed);
    for evidence in &mut expanded.evidence {
        evidence.place = front.place(key);
    }
    Ok(expanded)
}

/// The HTML of an expanded body.
pub(super) fn to_html(expanded: &Expanded, is_html: bool, options: &markdown::Options) -> Rendered {
    if !is_html {
        return markdown::render(&expanded.text, &expanded.embeds, options);
    }
    let html = expanded.embeds.in_html(&expanded.text);
    let text = crate::html::without_html(&html);
    Rendered { html, text, ..Rendered::default() }
}

/// The options for a body in the language of its front matter.
pub(super) fn in_language<'o>(
    options: &'o markdown::Options,
    front: &FrontMatter<'_>,
    config: &Config,
) -> Cow<'o, markdown::Options> {
    let language = front.value("lang").and_then(Value::as_str);
    let is_other = |language: &&str| options.extended && *language != config.language;
    match language.filter(is_other) {
        Some(language) => {
            Cow::Owned(markdown::Options { language: language.to_owned(), ..options.clone() })
        }
        None => Cow::Borrowed(options),
    }
}

/// What the HTML of a body depends on, besides the body: the bibliography, if it may cite.
pub(super) fn reads_of(
    rendered: &Rendered,
    options: &markdown::Options,
) -> impl Iterator<Item = Read> {
    let bibliography = options.bibliography.iter().filter(|_| rendered.may_cite);
    let paths = bibliography.flat_map(|bibliography| bibliography.paths());
    paths.map(|path| Read::File(path.to_owned()))
}

/// Where Liquid works in a text: not in code and formulas of CommonMark, unless the front matter or
/// the configuration asks for it, and nowhere with Jekyll's `render_with_liquid: false`.
pub(super) fn reach(front: &FrontMatter<'_>, is_markdown: bool, config: &Config) -> Reach {
    if front.value("render_with_liquid").and_then(Value::as_bool) == Some(false) {
        return Reach::Nowhere;
    }
    let asked = front.value("liquid").and_then(|liquid| value::entry(liquid, "code"));
    let asked = asked.and_then(Value::as_bool).unwrap_or(config.liquid.code);
    if is_markdown && config.markdown == Dialect::CommonMark && !asked {
        Reach::Prose
    } else {
        Reach::Everywhere
    }
}

/// The errors in the Markdown of a body, and the warnings: in a blog from Jekyll, all are warnings.
pub(super) fn located(
    problems: &[Problem],
    body: Located<'_>,
    config: &Config,
) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
    let located = problems.iter().map(|problem| {
        // What comes from an include or a tag is not in the body.
        let place = if let Some(start) = body.text.find(&problem.source) {
            body.place(start + problem.at)
        } else {
            let line = problem.source.lines().next().unwrap_or_default();
            body.text.find(line).map_or_else(|| Place::file(body.path), |at| body.place(at))
        };
        let found = Diagnostic::new(place, problem.message.clone());
        match &problem.hint {
            Some(hint) => found.hint(hint.clone()),
            None => found,
        }
    });
    if config.compat.is_lenient {
        (Vec::new(), located.map(Diagnostic::into_warning).collect())
    } else {
        (located.collect(), Vec::new())
    }
}

/// Sets the keys that come from a rendered body: `content`, `toc`, `words`, `reading_minutes`.
pub(super) fn set_rendered(map: &mut Map, content: Value, toc: &[Heading], length: Length) {
    set(map, "content", content);
    set_headings(map, toc);
    set_length(map, length);
}

fn set_headings(map: &mut Map, toc: &[Heading]) {
    let headings = values::headings(toc);
    // Front matter may say `toc: true`.
    value::set_default(map, "headings", headings.clone());
    value::set_default(map, "toc", headings);
}

fn set_length(map: &mut Map, Length { words, minutes }: Length) {
    set(map, "words", words);
    set(map, "reading_minutes", minutes);
}

/// How long a text is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Length {
    words: usize,
    /// How long it takes to read.
    minutes: usize,
}

impl Length {
    pub(super) fn of(text: &str) -> Length {
        let words = word_count(text);
        Length { words, minutes: reading_minutes(words, text) }
    }
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

/// The document at `index` of a list, with `previous` (for posts, the older one) and `next` (the
/// newer one). `value` makes the value of a document, and `neighbour` that of another one.
fn with_neighbours<T>(
    documents: &[T],
    index: usize,
    list: List,
    value: impl Fn(&T) -> Value,
    neighbour: impl Fn(&T) -> Value,
) -> Value {
    let mut map = super::entries(&value(&documents[index]));
    let (before, after) =
        (index.checked_sub(1).and_then(|before| documents.get(before)), documents.get(index + 1));
    let (previous, next) = match list {
        List::Posts => (after, before),
        List::Collection(_) => (before, after),
        List::Unlisted(_) => (None, None),
    };
    if let Some(previous) = previous {
        set(&mut map, "previous", neighbour(previous));
    }
    if let Some(next) = next {
        set(&mut map, "next", neighbour(next));
    }
    Value::from(map)
}

impl Body {
    /// The body that an earlier build has summed up.
    pub(super) fn summed_up(summary: Summary) -> Body {
        Body {
            summary,
            whole: OnceLock::new(),
            needs: Vec::new(),
            evidence: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

impl<'a> RenderedPost<'a> {
    /// The document as templates see it, without its neighbours. It may have more than `detail`
    /// asks for.
    pub(super) fn value(&self, detail: Detail) -> Value {
        let Body { summary, .. } = &*self.body;
        let detail = match (detail, &summary.excerpt) {
            (Detail::Excerpt, Excerpt::Content) => Detail::Whole,
            (detail, _) => detail,
        };
        let make = || {
            let (title, description) = (&summary.title, summary.description.as_deref());
            let mut map = values::unrendered_post(self.post, title, description);
            if detail == Detail::Whole {
                set(&mut map, "content", self.content());
                set_headings(&mut map, &self.whole().toc);
            }
            if detail >= Detail::Length {
                set_length(&mut map, summary.length);
            }
            match &summary.excerpt {
                Excerpt::Cut(html) if detail >= Detail::Excerpt => {
                    set(&mut map, "excerpt", html.clone());
                }
                // Without the note above it.
                Excerpt::Content if detail == Detail::Whole => {
                    set(&mut map, "excerpt", self.whole().content.clone());
                }
                _ => {}
            }
            Value::from(map)
        };
        self.values[detail as usize].get_or_init(make).clone()
    }

    /// Its body as HTML.
    pub(super) fn content(&self) -> Value {
        let content = &self.whole().content;
        if self.note.is_empty() {
            return content.clone();
        }
        Value::from(format!("{}{}", self.note, value::as_text(content)))
    }

    /// The files of its figures, by path.
    pub(super) fn files(&self) -> &[(String, Vec<u8>)] {
        &self.whole().files
    }

    /// Its body as Markdown with all values, if the site publishes that.
    pub(super) fn markdown(&self) -> Option<&str> {
        self.whole().markdown.as_deref()
    }

    fn whole(&self) -> &Whole {
        // What an earlier build has summed up had no errors, and nothing has changed since.
        self.body.whole.get_or_init(|| {
            let (body, _, _) = self.bodies.render(self.list, self.index);
            body.whole.into_inner().expect("it was rendered")
        })
    }

    /// Equal for documents that are equal as far as `detail` shows them.
    pub(super) fn identity(&self, detail: Detail) -> Digest {
        if detail == Detail::Head { self.head } else { self.identity }
    }

    /// The same with a note above the body.
    #[must_use]
    pub(super) fn below(self, note: String) -> RenderedPost<'a> {
        if note.is_empty() {
            return self;
        }
        let identity = memo::key([&self.identity.as_bytes()[..], note.as_bytes()]);
        RenderedPost { note, identity, ..self }
    }
}

/// The pages of posts and of documents that have one, with the files of their figures.
pub(super) fn files(site: &Shared<'_>, layouts: &Layouts<'_>) -> Files {
    let mut errors = Errors::default();
    let mut files = errors.take(of_list(site, layouts, &site.posts)).unwrap_or_default();
    for collection in &site.collections {
        files.extend(errors.take(of_list(site, layouts, collection)).unwrap_or_default());
    }
    errors.finish(files)
}

fn of_list(site: &Shared<'_>, layouts: &Layouts<'_>, documents: &[RenderedPost<'_>]) -> Files {
    in_parallel(documents, |index, document| {
        let post = document.post;
        if !post.is_written {
            return Ok(Vec::new());
        }
        if let Some(files) =
            redirect::instead(site, layouts, &post.front, &post.address.url, &post.address.file)
        {
            return files;
        }
        let layout = post.front.layout.as_deref();
        let wanted = layouts.wanted(layout);
        let own = document.identity(Detail::Whole);
        let before = index.checked_sub(1).and_then(|before| documents.get(before));
        let others = [before, documents.get(index + 1)];
        let others = others.map(|post| post.map(|post| post.identity(wanted.detail)));
        // The newest posts have other related posts than the rest.
        let of_posts = (document.list == List::Posts).then_some(index);
        let related = Sites::number(of_posts).to_le_bytes();
        let structure = of_posts.filter(|_| site.config.compat.has_theme_keys);
        let of_structure =
            structure.map(|index| site.structure.key(index, &site.posts, wanted.detail));
        let of_structure = of_structure.as_ref().map_or(&[][..], |key| key.as_bytes());
        let fonts = site.fonts_key();
        let shown = [Some(own)].into_iter().chain(others);
        let shown = shown.map(|one| one.unwrap_or(Digest::of(&[])));
        let backlinks = site.backlinks.key(&post.address);
        let key = memo::key_of(&[&related, of_structure, fonts.as_bytes(), &backlinks], shown);
        let file = &post.address.file;
        let shown = "the document, those before and after it, and its related posts";
        site.pages.page(file, post.body.path, (shown, key), || {
            let whole = |post: &RenderedPost<'_>| post.value(Detail::Whole);
            let neighbour = |post: &RenderedPost<'_>| post.value(wanted.detail);
            let mut page = with_neighbours(documents, index, document.list, whole, neighbour);
            let mut with = Vec::new();
            if let Some(backlinks) = site.backlinks.to(&post.address) {
                let mut map = super::entries(&page);
                set(&mut map, "backlinks", backlinks);
                page = Value::from(map);
            }
            if let Some(index) = structure {
                let mut map = super::entries(&page);
                map.extend(site.structure.values(index, site, wanted.detail));
                if let Some(value) = card::value(site, post, document) {
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
            let variables = [("site", site.site(wanted, of_posts)), ("page", page.clone())];
            let place = || post.front.place("layout");
            let made = layouts.render(layout, document.content(), &variables, place)?;
            let figures = document.files().iter().cloned().chain(made.files);
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
