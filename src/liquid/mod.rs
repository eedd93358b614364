//! Expands Liquid in bodies, before Markdown: Jekyll's tags and filters, and our own tags for figures.
//!
//! An interpreter of our own. The crate `liquid` was tried first: it refuses unknown filters and unknown keys, which
//! Jekyll lets pass, copies every value it looks up (all posts, for each `site.posts`), stops at the first fault, has no
//! place for what goes wrong while it runs, and panics on a number of 20 digits.
//!
//! [`parse`](mod@parse) makes a tree that borrows from the text, `render` walks it, `filters` holds the filters.

mod filters;
mod parse;
mod render;
#[cfg(test)]
mod tests;

pub(crate) use self::filters::{absolute_url, escaped, has_scheme, relative_url, unescaped, without_html};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use jiff::tz::TimeZone;

use crate::diagnostic::{Diagnostic, Place, Position};
use crate::experiment::results::Results;
use crate::markdown::embed::{Embeds, without_marker_characters};
use crate::value::Value;

/// A text of a file, with the place where it starts.
#[derive(Debug, Clone, Copy)]
pub struct Body<'a> {
    /// Path of the file, from the site's root.
    pub path: &'a str,
    /// The text.
    pub text: &'a str,
    /// How many lines of the file stand above it.
    pub lines_above: usize,
}

impl Body<'_> {
    /// The place of byte `offset` of the text.
    pub fn place(&self, offset: usize) -> Place {
        Place::new(self.path, Position::at(self.text, offset).down(self.lines_above))
    }
}

/// What every body of a site may refer to.
pub struct Environment<'a> {
    /// Files of `_includes`.
    pub includes: Includes<'a>,
    /// Results that figures are made of.
    pub results: &'a Results<'a>,
    /// `url` of the configuration, without a slash at its end.
    pub url: &'a str,
    /// `baseurl` of the configuration: empty, or with a slash at its start and none at its end.
    pub base_url: &'a str,
    /// The time zone that dates are shown in.
    pub zone: &'a TimeZone,
    /// Addresses of posts by file name without ending, `2026-01-31-title`, for `post_url`.
    pub post_urls: BTreeMap<String, String>,
    /// Addresses of everything by path of its source, for `link`.
    pub urls: BTreeMap<String, String>,
    /// Turns Markdown into HTML, for `markdownify`.
    pub markdown: &'a (dyn Fn(&str) -> String + Sync),
}

/// A body without Liquid in it, and what its tags have made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expanded {
    /// Markdown, with a marker where a figure stands.
    pub text: String,
    /// The figures.
    pub embeds: Embeds,
    /// Files of the site that belong to the figures, by path.
    pub files: Vec<(String, Vec<u8>)>,
    /// The experiments whose results the figures show.
    pub experiments: BTreeSet<String>,
}

/// Expands a body. `variables` are `site`, `page` and the like.
///
/// Reports all faults of the text; only when there is none is it run, and then all faults of running are reported.
pub fn expand(
    body: Body<'_>,
    variables: &[(&str, Value)],
    environment: &Environment<'_>,
) -> Result<Expanded, Vec<Diagnostic>> {
    let text = without_marker_characters(body.text);
    if !text.contains("{{") && !text.contains("{%") {
        return Ok(Expanded { text: text.into_owned(), ..Expanded::default() });
    }
    let body = Body { text: &text, ..body };
    let (nodes, faults) = parse::parse(&text);
    if !faults.is_empty() {
        return Err(faults.into_iter().map(|fault| fault.diagnostic(body)).collect());
    }
    render::render(body, &nodes, variables, environment)
}

/// Whether a text holds one of our own tags, [`TAGS`](crate::figure::TAGS).
pub fn has_figures(text: &str) -> bool {
    parse::has_figures(text)
}

/// Files of `_includes`, each parsed when it is first needed: layouts in another language may lie among them.
#[derive(Debug, Default)]
pub struct Includes<'a>(BTreeMap<&'a str, Template<'a>>);

/// A text that is parsed once, when it is first needed, and run many times. Its file holds no marker of figures.
#[derive(Debug)]
pub struct Template<'a> {
    body: Body<'a>,
    parsed: OnceLock<(Vec<parse::Node<'a>>, Vec<Fault>)>,
}

impl<'a> Includes<'a> {
    /// Takes the files by path, `_includes/NAME`, with their texts.
    pub fn new(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Includes<'a> {
        let includes = files.into_iter().map(|(path, text)| {
            let name = path.strip_prefix("_includes/").unwrap_or(path);
            (name, Template::new(Body { path, text, lines_above: 0 }))
        });
        Includes(includes.collect())
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().copied()
    }
}

impl<'a> Template<'a> {
    /// Takes a text, and does not parse it yet.
    pub fn new(body: Body<'a>) -> Template<'a> {
        Template { body, parsed: OnceLock::new() }
    }

    /// What is wrong with the text itself.
    pub fn faults(&self) -> Vec<Diagnostic> {
        self.parsed().1.iter().map(|fault| fault.clone().diagnostic(self.body)).collect()
    }

    /// Runs the template; `variables` are as for [`expand`]. Reports all faults of the text; only when there is none is
    /// it run, and then all faults of running are reported.
    pub fn render(
        &self,
        variables: &[(&str, Value)],
        environment: &Environment<'_>,
    ) -> Result<Expanded, Vec<Diagnostic>> {
        let (nodes, faults) = self.parsed();
        if faults.is_empty() { render::render(self.body, nodes, variables, environment) } else { Err(self.faults()) }
    }

    fn parsed(&self) -> &(Vec<parse::Node<'a>>, Vec<Fault>) {
        self.parsed.get_or_init(|| parse::parse(self.body.text))
    }
}

/// A fault in a text, by byte offset.
#[derive(Debug, Clone)]
struct Fault {
    at: usize,
    message: String,
    hint: Option<String>,
}

impl Fault {
    fn diagnostic(self, body: Body<'_>) -> Diagnostic {
        let diagnostic = Diagnostic::new(body.place(self.at), self.message);
        match self.hint {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        }
    }
}
