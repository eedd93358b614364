//! Renders Markdown: text → document tree, by dialect → passes over the tree → HTML.
//!
//! Each dialect has a parser that makes a [document tree](kramdown::tree): that of the package
//! `kramdown`, or [`commonmark`]. The rest is shared and part of `kramdown`: ids of headings,
//! embeds, the table of contents, and the writer of HTML.

mod attributes;
pub mod citation;
mod commonmark;
mod extended;
pub(crate) mod highlight;
pub(crate) mod literal;
mod math;
pub(crate) mod prose;
mod scan;
pub(crate) mod wikilink;

use self::citation::Bibliography;
use self::extended::Abbreviations;
pub use self::math::Math;
use crate::diagnostic::Diagnostic;

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::sync::Arc;

use kramdown::embed::{self, Embeds};
use kramdown::tree::Document;
use kramdown::{headings, html, text};
use serde::{Deserialize, Serialize};

/// The dialect of Markdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// CommonMark with GitHub's extensions, the default for new blogs.
    CommonMark,
    /// kramdown, as Jekyll sets it up.
    Kramdown,
}

/// How Markdown is rendered: the settings in `_config.yml`, the same for a whole site except for the language.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Options {
    /// The dialect.
    pub dialect: Dialect,
    /// How TeX is written.
    pub math: Math,
    /// Whether straight quotes, `--` and `...` become typographic ones.
    pub smart_punctuation: bool,
    /// Whether code is highlighted.
    pub highlight: bool,
    /// Whether blocks of code and tables, which may be wider than the page, can be focused and so
    /// scrolled by keyboard. Off for blogs from Jekyll, to keep Jekyll's HTML.
    pub stops: bool,
    /// Whether the text may use what labpress adds to Markdown: callouts, figures, cross references
    /// and so on. Off for blogs from Jekyll.
    pub extended: bool,
    /// What the text can cite.
    pub bibliography: Option<Arc<Bibliography>>,
    /// The language of the text, as an HTML language code.
    pub language: String,
    /// The levels of headings in the table of contents.
    pub toc_levels: RangeInclusive<u8>,
    /// The options of kramdown only.
    pub kramdown: kramdown::Options,
}

impl Default for Options {
    fn default() -> Options {
        let dialect = Dialect::CommonMark;
        let kramdown = kramdown::Options::default();
        Options {
            dialect,
            math: Math::Delimiters,
            smart_punctuation: true,
            highlight: true,
            stops: true,
            extended: false,
            bibliography: None,
            language: String::new(),
            toc_levels: 1..=6,
            kramdown,
        }
    }
}

/// Rendered Markdown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The HTML, with footnotes at its end.
    pub html: String,
    /// The headings as a tree.
    pub toc: Vec<Heading>,
    /// The plain text without footnotes, a line for each block.
    pub text: String,
    /// What is wrong with the text, in order.
    pub problems: Vec<Problem>,
    /// What is wrong with the bibliography.
    pub errors: Vec<Diagnostic>,
    /// Whether it depends on the bibliography.
    pub may_cite: bool,
}

/// An error in Markdown. Its place is that of `source` in the author's text, because tags are
/// expanded before Markdown is parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The piece of the text that is wrong.
    pub source: String,
    /// The offset of the error in it.
    pub at: usize,
    /// What is wrong.
    pub message: String,
    /// What the author can do.
    pub hint: Option<String>,
}

/// A heading in the table of contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heading {
    /// The level of the heading, 1 to 6.
    pub level: u8,
    /// Its id.
    pub id: String,
    /// Its text as HTML that is allowed inside a link.
    pub html: String,
    /// Its text as plain text.
    pub text: String,
    /// The headings below it.
    pub children: Vec<Heading>,
}

/// Renders Markdown. Its markers are replaced with `embeds`; it must not contain any that the
/// author typed (see [`embed::without_marker_characters`]).
pub fn render(text: &str, embeds: &Embeds, options: &Options) -> Rendered {
    let mut embeds = Cow::Borrowed(embeds);
    let (text, taken) = options.take_out_math(text, &mut embeds);
    let (text, abbreviations) = match options.dialect {
        Dialect::CommonMark if options.extended => Abbreviations::take_out(text),
        _ => (text, Abbreviations::default()),
    };
    let text = &*text;
    let mut document = parse(text, options);
    // Set before markers are replaced: a rerun may change a number, but must not break links to its
    // heading.
    match options.dialect {
        Dialect::CommonMark => headings::set_unique_ids(&mut document),
        Dialect::Kramdown => headings::set_ids(&mut document, &options.kramdown),
    }
    if embed::has_marker(text) {
        embed::resolve(&mut document, &embeds);
    }
    let mut problems = Vec::new();
    if let (Some(taken), Math::MathMl { macros }) = (taken, &options.math) {
        problems.extend(math::set(&mut document, &mut embeds, &taken, macros));
        // A formula that is a block ends the paragraph that it is in.
        embed::resolve(&mut document, &embeds);
    }
    if options.extended {
        problems.extend(extended::apply(&mut document, &mut embeds, &abbreviations, options));
    }
    let may_cite = options.bibliography.is_some() && citation::may_cite(text);
    let mut errors = Vec::new();
    if let Some(bibliography) = options.bibliography.as_ref().filter(|_| may_cite) {
        let (found, of_files) =
            citation::cite(&mut document, &mut embeds, bibliography, &options.language);
        problems.extend(found);
        errors.extend(of_files);
    }
    let embeds = &*embeds;
    let plain_text = text::plain_text(&document, embeds);
    if options.extended {
        extended::side_notes(&mut document);
    }
    let levels = document.settings.toc_levels.as_ref().unwrap_or(&options.toc_levels);
    let entries = headings::contents(&document, levels);
    headings::place_contents(&mut document, &entries);
    let mut context = html::Context::new(embeds);
    context.highlight = options.highlight.then_some(match options.dialect {
        Dialect::CommonMark => highlight::write,
        Dialect::Kramdown => highlight::write_like_rouge,
    });
    context.focusable = options.stops;
    if options.dialect == Dialect::Kramdown {
        context.code_class = &options.kramdown.code_class;
    }
    Rendered {
        html: html::document(&document, context),
        toc: entries.into_iter().map(|entry| heading(entry, context)).collect(),
        text: plain_text,
        problems,
        errors,
        may_cite,
    }
}

/// Renders text that must stay on one line, such as a title or a caption: what would start a block
/// is text.
pub(crate) fn render_inline(text: &str, embeds: &Embeds, options: &Options) -> String {
    let mut embeds = Cow::Borrowed(embeds);
    let (text, taken) = options.take_out_math(text, &mut embeds);
    let text = &*text;
    let mut paragraph = match options.dialect {
        Dialect::CommonMark => commonmark::parse_inline(text, commonmark_options(options)),
        Dialect::Kramdown => kramdown::parse_inline(text, &options.kramdown),
    };
    if embed::has_marker(text) {
        embed::resolve_inline(&mut paragraph, &embeds);
    }
    if let (Some(taken), Math::MathMl { macros }) = (taken, &options.math) {
        math::set_inline(&mut paragraph, &mut embeds, &taken, macros);
    }
    html::inline(&paragraph, html::Context::new(&embeds))
}

impl Options {
    /// Takes formulas out of a text that its dialect's parser does not know; `None` if formulas are
    /// not rendered.
    fn take_out_math<'t>(
        &self,
        text: &'t str,
        embeds: &mut Cow<'_, Embeds>,
    ) -> (Cow<'t, str>, Option<math::TakenOut>) {
        match self.math {
            Math::MathMl { .. } => {
                let (text, taken) = math::take_out(text, embeds, self.dialect);
                (text, Some(taken))
            }
            Math::Delimiters | Math::Off => (text.into(), None),
        }
    }
}

fn parse(text: &str, options: &Options) -> Document {
    match options.dialect {
        Dialect::CommonMark => commonmark::parse(text, commonmark_options(options)),
        Dialect::Kramdown => kramdown::parse(text, &options.kramdown),
    }
}

fn commonmark_options(options: &Options) -> commonmark::Options {
    // Those that become MathML are taken out before.
    let math = options.math == Math::Delimiters;
    commonmark::Options {
        math,
        smart_punctuation: options.smart_punctuation,
        keeps_info: options.extended,
    }
}

fn heading(entry: headings::Entry, context: html::Context<'_>) -> Heading {
    Heading {
        level: entry.level,
        id: entry.id,
        html: html::inline(&entry.title, context),
        text: text::inline_text(&entry.title, context.embeds),
        children: entry.children.into_iter().map(|child| heading(child, context)).collect(),
    }
}

#[cfg(test)]
mod tests;
