//! Expands Liquid in bodies, before Markdown: Jekyll's tags and filters, and the site's own tags.
//!
//! This is our own interpreter. The crate `liquid` rejects unknown filters and keys, which Jekyll
//! accepts, copies every value it looks up (all posts, for each `site.posts`), stops at the first
//! error, reports no location for errors at run time, and panics on a number of 20 digits.
//!
//! It behaves as Liquid 4 in Jekyll 4.3, except for the differences in `docs/jekyll.md`.
//!
//! `token` splits a text at its tags, `expression` parses their contents, [`parse`](mod@parse)
//! builds a tree that borrows from the text, `render` walks it, with `scope` for variables,
//! `compare` for truth and order, `weight` for limits, `files` for tags that name other files,
//! `code` for `highlight`; `filters` has the filters. A text is parsed once, however often it is
//! rendered.

mod code;
mod compare;
mod expression;
mod files;
mod filters;
mod parse;
mod render;
mod scope;
mod tag;
#[cfg(test)]
mod tests;
mod token;
mod weight;

pub use self::tag::{Call, Tag, Tags};

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::OnceLock;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::config::LiquidOptions;
use crate::diagnostic::{Diagnostic, Place, listed, nearest};
use crate::experiment::evidence::Evidence;
use crate::experiment::results::Need;
use crate::inputs::Inputs;
use crate::markdown::{Dialect, literal};
use crate::text::Located;
use crate::time::Date;
use crate::value::Value;
use kramdown::embed::{Embeds, without_marker_characters};

use self::token::Literals;

/// Everything that bodies of a site can refer to.
pub struct Environment<'a> {
    /// Files of `_includes`.
    pub includes: Includes<'a>,
    /// The tags that the site adds to those of Liquid and Jekyll.
    pub tags: &'a Tags<'a>,
    /// `url` of the configuration, without a slash at its end.
    pub url: &'a str,
    /// `baseurl` of the configuration: empty, or with a leading slash and no trailing one.
    pub base_url: &'a str,
    /// The time zone of displayed dates.
    pub zone: &'a TimeZone,
    /// URLs of posts by file name without extension, `2026-01-31-title`, for `post_url`.
    pub post_urls: BTreeMap<String, String>,
    /// URLs of everything by source path, for `link`.
    pub urls: BTreeMap<String, String>,
    /// Renders Markdown to HTML, for `markdownify`.
    pub markdown: &'a (dyn Fn(&str) -> String + Sync),
    /// The files of the site, for `include_relative`.
    pub inputs: &'a Inputs,
    /// Options for Liquid in `_config.yml`.
    pub options: &'a LiquidOptions,
    /// The date of `now`: a build does not read the clock, so it is `site.time`, the date of the
    /// newest post.
    pub now: Option<Date>,
    /// The Markdown dialect of the site: `highlight` makes fenced blocks for `CommonMark`, HTML for
    /// kramdown.
    pub dialect: Dialect,
    /// Whether code is highlighted.
    pub highlight: bool,
}

impl Environment<'_> {
    /// The address of the post that `post_url` finds for `name`.
    pub(crate) fn post_url(&self, name: &str) -> Option<&str> {
        let url = self.post_urls.get(name).or_else(|| {
            // As in Jekyll, a post can also be given by its date and title, in any folder and
            // spelling.
            let wanted = files::dated(name)?;
            let mut urls = self.post_urls.iter();
            urls.find(|(known, _)| files::dated(known).as_ref() == Some(&wanted))
                .map(|(_, url)| url)
        });
        url.map(String::as_str)
    }

    /// The address of the file at `path`.
    pub(crate) fn url_of(&self, path: &str) -> Option<&str> {
        self.urls.get(path).map(String::as_str)
    }
}

/// A text that is parsed once, when it is first needed, and rendered many times.
#[derive(Debug)]
pub struct Template<'a> {
    body: Located<'a>,
    parsed: OnceLock<parse::Parsed<'a>>,
}

impl<'a> Template<'a> {
    /// Wraps a text without parsing it.
    pub fn new(body: Located<'a>) -> Template<'a> {
        Template { body, parsed: OnceLock::new() }
    }

    /// The errors of the text itself, without rendering it.
    pub fn errors(&self, environment: &Environment<'_>) -> Vec<Diagnostic> {
        errors(self.parsed(), self.body, environment)
    }

    /// Renders the template; `variables` are as for [`expand`]. Returns all errors of the text, or,
    /// if there are none, all errors of rendering.
    pub fn render(
        &self,
        variables: &[(&str, Value)],
        environment: &Environment<'_>,
    ) -> Result<Expanded, Vec<Diagnostic>> {
        let errors = self.errors(environment);
        if !errors.is_empty() {
            return Err(errors);
        }
        render::render(self.body, &self.parsed().nodes, variables, environment)
    }

    fn parsed(&self) -> &parse::Parsed<'a> {
        self.parsed.get_or_init(|| parse::parse(self.body.text, Literals::NONE))
    }
}

/// The errors of a parsed text: those of the parser, and unknown tags.
fn errors(
    parsed: &parse::Parsed<'_>,
    body: Located<'_>,
    environment: &Environment<'_>,
) -> Vec<Diagnostic> {
    let wrong = parsed.custom.iter().filter_map(|&(tag, at, is_block)| {
        if environment.options.tags.contains_key(tag) {
            return None;
        }
        match environment.tags.get(tag) {
            None => Some(unknown_tag(tag, body.place(at), environment)),
            Some(known) => match (known.is_block(tag), is_block) {
                (false, true) => Some(not_a_block(tag, body.place(at))),
                (true, false) => Some(unclosed(tag, body.place(at))),
                _ => None,
            },
        }
    });
    let mut errors: Vec<Diagnostic> =
        parsed.errors.iter().map(|error| error.clone().diagnostic(body)).chain(wrong).collect();
    errors.sort();
    errors.dedup();
    errors
}

fn unknown_tag(tag: &str, place: Place, environment: &Environment<'_>) -> Diagnostic {
    let others = environment.options.tags.keys().map(String::as_str).filter(|known| *known != tag);
    let mut known: Vec<&str> = others.collect();
    known.extend(parse::TAGS);
    for name in environment.tags.names() {
        known.push(name);
    }
    known.sort_unstable();
    known.dedup();
    let hint = match nearest(tag, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("expected one of {}.", listed(known)),
    };
    let hint = format!(
        "{hint} For the tag of a plugin, write an include and name it in `_config.yml`: `liquid: {{tags: {{{tag}: \
         {tag}.html}}}}`"
    );
    Diagnostic::new(place, format!("unknown tag `{tag}`")).hint(hint)
}

fn unclosed(tag: &str, place: Place) -> Diagnostic {
    Diagnostic::new(place, format!("the block `{tag}` is not closed"))
        .hint(format!("write `{{% end{tag} %}}` at its end"))
}

fn not_a_block(tag: &str, place: Place) -> Diagnostic {
    Diagnostic::new(place, format!("the tag `{tag}` is not a block"))
        .hint(format!("remove `{{% end{tag} %}}`"))
}

/// Something outside of a text and its front matter that its expansion depends on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Read {
    /// A key of the variable `site`.
    Site(String),
    /// A key of `site`, without what is made of the bodies of documents.
    Heads(String),
    /// This many of `site.posts`, from the newest on, and the number of all.
    Newest(usize),
    /// The variable `site` as a whole.
    WholeSite,
    /// The documents before and after the page: `page.previous` and `page.next`.
    Neighbours,
    /// A text file of the site.
    File(String),
    /// The address that `post_url` finds for a name.
    PostUrl(String),
    /// The address that `link` finds for a path.
    Url(String),
    /// What a wikilink to a name finds.
    Wikilink(String),
    /// The results of an experiment.
    Results(String),
    /// The time of the build.
    Now,
    /// A picture of the site.
    Image(String),
}

impl fmt::Display for Read {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Read::Site(key) => write!(out, "site.{key}"),
            Read::Heads(key) => write!(out, "site.{key}, without bodies"),
            Read::Newest(count) => write!(out, "the first {count} of site.posts"),
            Read::WholeSite => out.write_str("site, as a whole"),
            Read::Neighbours => {
                out.write_str("the front matter of the documents before and after it")
            }
            Read::File(path) | Read::Image(path) => out.write_str(path),
            Read::PostUrl(name) => write!(out, "the address of the post {name}"),
            Read::Url(path) => write!(out, "the address of {path}"),
            Read::Wikilink(name) => write!(out, "the target of [[{name}]]"),
            Read::Results(name) => write!(out, "the results of {name}"),
            Read::Now => out.write_str("the time of the build"),
        }
    }
}

/// An expanded body, and what its tags have made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expanded {
    /// Markdown, with a marker for each figure.
    pub text: String,
    /// The figures.
    pub embeds: Embeds,
    /// Files of the site that belong to the figures, by path.
    pub files: Vec<(String, Vec<u8>)>,
    /// The experiments whose results the figures show.
    pub experiments: BTreeSet<String>,
    /// Results that figures need.
    pub needs: Vec<Need>,
    /// What the text says about results.
    pub evidence: Vec<Evidence>,
    /// What the text depends on.
    pub reads: BTreeSet<Read>,
    /// Problems that do not prevent the build.
    pub warnings: Vec<Diagnostic>,
    /// Claims that fail: errors, but the text is whole.
    pub failed: Vec<Diagnostic>,
}

/// Where in a body Liquid works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Everywhere, as in Jekyll.
    Everywhere,
    /// Outside of code and formulas, where braces are the author's own. `raw` blocks and tags that
    /// are [for literals](Tag::is_for_literals) work there, too.
    Prose,
    /// Nowhere: the author writes about Liquid.
    Nowhere,
}

/// Expands a body. `variables` are `site`, `page` and so on.
///
/// Returns all errors of the text, or, if there are none, all errors of rendering.
pub fn expand(
    body: Located<'_>,
    variables: &[(&str, Value)],
    environment: &Environment<'_>,
    reach: Reach,
) -> Result<Expanded, Vec<Diagnostic>> {
    if reach == Reach::Nowhere || !has_tags(body.text) {
        let text = without_marker_characters(body.text).into_owned();
        return Ok(Expanded { text, ..Expanded::default() });
    }
    if reach == Reach::Everywhere {
        return Template::new(body).render(variables, environment);
    }
    let is_allowed =
        |name: &str| environment.tags.get(name).is_some_and(|tag| tag.is_for_literals(name));
    let found = literal::literals(body.text);
    let literals = Literals { found: &found, is_allowed: &is_allowed };
    let parsed = OnceLock::from(parse::parse(body.text, literals));
    Template { body, parsed }.render(variables, environment)
}

/// Whether the text contains anything to expand.
pub(crate) fn has_tags(text: &str) -> bool {
    let mut braces = text.match_indices('{');
    braces.any(|(at, _)| matches!(text.as_bytes().get(at + 1), Some(b'{' | b'%')))
}

/// The name, arguments and the offset of the arguments of each tag of a text, in order, except
/// those in comments and raw text.
pub(crate) fn tags(text: &str) -> Vec<(&str, &str, usize)> {
    let tokens = token::tokens(text, Literals::NONE, &mut Vec::new()).into_iter();
    let tags = tokens.filter_map(|token| match token {
        token::Token::Tag { name, arguments, arguments_at, .. } => {
            Some((name, arguments, arguments_at))
        }
        _ => None,
    });
    tags.collect()
}

/// Whether a tag starts a block, which ends with `endNAME`.
pub(crate) fn is_block(name: &str) -> bool {
    parse::is_block(name)
}

/// Files of `_includes`, each parsed when it is first needed, because some may be in another
/// template language.
#[derive(Debug, Default)]
pub struct Includes<'a>(BTreeMap<&'a str, Template<'a>>);

impl<'a> Includes<'a> {
    /// The files by path, `_includes/NAME`, with their contents.
    pub fn new(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Includes<'a> {
        let includes = files.into_iter().map(|(path, text)| {
            let name = path.strip_prefix("_includes/").unwrap_or(path);
            (name, Template::new(Located { path, text, lines_above: 0 }))
        });
        Includes(includes.collect())
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().copied()
    }
}

/// An error in a text, by byte offset.
#[derive(Debug, Clone)]
struct Error {
    at: usize,
    message: String,
    hint: Option<String>,
}

impl Error {
    fn diagnostic(self, body: Located<'_>) -> Diagnostic {
        let diagnostic = Diagnostic::new(body.place(self.at), self.message);
        match self.hint {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        }
    }
}
