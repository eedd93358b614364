//! kramdown in Rust: the Markdown dialect of Jekyll blogs, with its GFM parser as Jekyll sets it
//! up.
//!
//! ```
//! let html = kramdown::to_html("A *short*{: .lead} text", &kramdown::Options::default());
//! assert_eq!(html, "<p>A <em class=\"lead\">short</em> text</p>\n");
//! ```
//!
//! [`to_html`] does everything. To inspect or change a document, [`parse`] it into a
//! [document tree](tree), give its headings ids with [`headings::set_ids`], and write it with
//! [`html::document`]. [Embeds](embed) insert HTML of your own anywhere in the text, and
//! [`html::Context::highlight`] colours code.
//!
//! ```
//! use kramdown::tree::{Kind, Node};
//! use kramdown::{Options, embed::Embeds, headings, html};
//!
//! let options = Options::default();
//! let mut document = kramdown::parse("# One\n\nTwo.\n", &options);
//! document.blocks.push(Node::with_children(Kind::Paragraph, vec![Node::text("Three & four.")]));
//! headings::set_ids(&mut document, &options);
//! let html = html::document(&document, html::Context::new(&Embeds::default()));
//! assert_eq!(html, "<h1 id=\"one\">One</h1>\n\n<p>Two.</p>\n\n<p>Three &amp; four.</p>\n");
//! ```
//!
//! The grammar is that of kramdown 2.4, worked out from its documentation and by running it; none
//! of its code is used. Every string is a valid document: what is not valid syntax is text. Nodes
//! nest at most [`MAX_DEPTH`](tree::MAX_DEPTH) levels deep, and parsing takes linear time: a search
//! that failed is not repeated, and attempts at spans that turn out to be text draw on a budget
//! that is proportional to the length of the text.

// How it works: the block parser cuts the text into blocks (`block`) and collects what is defined
// anywhere in it (`definitions`): links, footnotes, abbreviations, attribute lists. Then, with all
// definitions known, the span parser reads the text of each block, and `finish` makes the tree.
//
// | file | contents |
// |---|---|
// | `scan` | what a line is: blank, indented, the end of a lazy paragraph |
// | `block` | which block starts here; paragraphs, headings, quotes, code, rules, display math |
// | `list`, `definition_list`, `table` | the blocks that have parts |
// | `html_tag`, `html_block` | HTML tags; elements between blocks, and the Markdown inside them |
// | `extension` | `{:…}` and `{::…}` between blocks |
// | `definitions` | `[id]: url`, `[^id]: text`, `*[abbr]: text` |
// | `span` | which span starts here; text, code, math, escapes, line breaks |
// | `emphasis`, `link`, `html_span`, `quotes`, `entity`, `abbreviation` | the other spans |
// | `finish` | blocks with their text → the document tree |
// | `attributes` | attribute lists |
// | `tree` | the document tree |
// | `embed`, `markers` | HTML of the caller, and its markers in the text |
// | `ids`, `headings` | ids of headings by kramdown's rules and by GitHub's; the table of contents |
// | `html`, `text` | document tree → HTML or plain text |
// | `rouge` | the languages of code that Rouge knows |
// | `smart` | typographic quotes and dashes alone |

#![forbid(unsafe_code)]

mod abbreviation;
pub mod attributes;
mod block;
mod definition_list;
mod definitions;
pub mod embed;
mod emphasis;
mod entity;
mod extension;
mod finish;
pub mod headings;
pub mod html;
mod html_block;
mod html_span;
mod html_tag;
mod ids;
mod link;
mod list;
mod markers;
mod quotes;
mod rouge;
mod scan;
mod smart;
mod span;
mod table;
#[cfg(test)]
mod tests;
pub mod text;
pub mod tree;

use std::ops::RangeInclusive;

use embed::Embeds;
pub use smart::smart;
use tree::{Document, Node};

/// The options of kramdown that affect its HTML. The defaults are those of Jekyll.
///
/// ```
/// let mut options = kramdown::Options::default();
/// options.hard_wrap = true;
/// assert_eq!(kramdown::to_html("a\nb", &options), "<p>a<br />\nb</p>\n");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
#[non_exhaustive]
pub struct Options {
    /// Whether the rules of GFM apply (`input: GFM`): blocks that end a paragraph without a blank
    /// line, indented fences, `~~`, task lists, backslashes that break lines.
    pub gfm: bool,
    /// Whether each line end inside a paragraph is a line break.
    pub hard_wrap: bool,
    /// The replacements of quotes: single left and right, double left and right.
    pub smart_quotes: [String; 4],
    /// Whether text in HTML elements between blocks is Markdown even without `markdown="1"`.
    pub parse_block_html: bool,
    /// Whether text in HTML elements inside a line is Markdown.
    pub parse_span_html: bool,
    /// Whether headings without an id get one from their text.
    pub auto_ids: bool,
    /// A prefix of the ids made from headings.
    pub auto_id_prefix: String,
    /// The replacements of `...`, `---`, `--`, `<<` and `>>`, in this order.
    pub typographic_symbols: [String; 5],
    /// The levels of headings in the table of contents.
    pub toc_levels: RangeInclusive<u8>,
    /// A number to add to the level of each heading.
    pub header_offset: i8,
    /// The number of the first footnote.
    pub footnote_nr: usize,
    /// A prefix of the names of footnotes in ids.
    pub footnote_prefix: String,
    /// The text of the link from a footnote back to the text; empty for no link.
    pub footnote_backlink: String,
    /// Whether TeX is written for MathJax, in `\\(…\\)` and `\\[…\\]`, or in elements of class
    /// `kdmath`.
    pub math_engine: bool,
    /// The language of code that does not name one.
    pub default_lang: String,
    /// The class of the `<pre>` around blocks of code.
    pub code_class: String,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            gfm: true,
            hard_wrap: false,
            smart_quotes: ["‘", "’", "“", "”"].map(str::to_owned),
            parse_block_html: false,
            parse_span_html: true,
            auto_ids: true,
            auto_id_prefix: String::new(),
            typographic_symbols: ["…", "—", "–", "«", "»"].map(str::to_owned),
            toc_levels: 1..=6,
            header_offset: 0,
            footnote_nr: 1,
            footnote_prefix: String::new(),
            footnote_backlink: "↩".to_owned(),
            math_engine: true,
            default_lang: "plaintext".to_owned(),
            code_class: "highlight".to_owned(),
        }
    }
}

impl Options {
    /// Sets the option with kramdown's own name `name` to `value`, as written in `_config.yml`. An
    /// option in a mapping has a name such as `syntax_highlighter_opts.default_lang`, and the items
    /// of a list are separated by commas. Returns whether the option was set: `false` if the name
    /// or the value is unknown.
    ///
    /// ```
    /// let mut options = kramdown::Options::default();
    /// assert!(options.set("toc_levels", "2..3"));
    /// assert_eq!(options.toc_levels, 2..=3);
    /// assert!(!options.set("toc_level", "2"));
    /// ```
    pub fn set(&mut self, name: &str, value: &str) -> bool {
        let switch = match name {
            "auto_ids" => &mut self.auto_ids,
            "hard_wrap" => &mut self.hard_wrap,
            "parse_block_html" => &mut self.parse_block_html,
            "parse_span_html" => &mut self.parse_span_html,
            _ => return self.set_text(name, value),
        };
        match value {
            "true" => *switch = true,
            "false" => *switch = false,
            _ => return false,
        }
        true
    }

    fn set_text(&mut self, name: &str, value: &str) -> bool {
        match (name, value) {
            ("input", "GFM") => self.gfm = true,
            ("input", "kramdown" | "Kramdown") => self.gfm = false,
            ("auto_id_prefix", prefix) => prefix.clone_into(&mut self.auto_id_prefix),
            ("toc_levels", levels) => match levels_named(levels) {
                Some(levels) => self.toc_levels = levels,
                None => return false,
            },
            ("header_offset", levels) => match levels.parse() {
                Ok(levels) => self.header_offset = levels,
                Err(_) => return false,
            },
            ("footnote_nr", number) => match number.parse() {
                Ok(number) => self.footnote_nr = number,
                Err(_) => return false,
            },
            ("footnote_prefix", prefix) => prefix.clone_into(&mut self.footnote_prefix),
            ("footnote_backlink", "&8617;") => "↩".clone_into(&mut self.footnote_backlink),
            ("footnote_backlink", text) => text.clone_into(&mut self.footnote_backlink),
            ("math_engine", engine) => {
                self.math_engine = !matches!(engine, "" | "~" | "null" | "nil");
            }
            ("syntax_highlighter_opts.default_lang", language) => {
                language.clone_into(&mut self.default_lang);
            }
            (
                "syntax_highlighter_opts.block.css_class" | "syntax_highlighter_opts.css_class",
                class,
            ) => {
                class.clone_into(&mut self.code_class);
            }
            (name, symbol) if name.starts_with("typographic_symbols.") => {
                let at = ["hellip", "mdash", "ndash", "laquo", "raquo"]
                    .iter()
                    .position(|known| name.ends_with(known));
                match at {
                    Some(at) => symbol.clone_into(&mut self.typographic_symbols[at]),
                    None => return false,
                }
            }
            ("smart_quotes", names) => match quotes_named(names) {
                Some(quotes) => self.smart_quotes = quotes,
                None => return false,
            },
            _ => return false,
        }
        true
    }
}

/// `1..3`, `2,3` or `2`.
fn levels_named(text: &str) -> Option<RangeInclusive<u8>> {
    let numbers: Option<Vec<u8>> = text
        .split(['.', ','])
        .filter(|part| !part.is_empty())
        .map(|part| part.trim().parse().ok())
        .collect();
    let numbers = numbers?;
    Some(*numbers.iter().min()?..=*numbers.iter().max()?)
}

/// Four quotes from the names of their character references: `lsquo,rsquo,ldquo,rdquo`.
fn quotes_named(names: &str) -> Option<[String; 4]> {
    let quotes: Option<Vec<String>> = names
        .split(',')
        .map(|name| {
            entity::reference(&format!("&{};", name.trim())).map(|(quote, _)| quote.to_string())
        })
        .collect();
    quotes?.try_into().ok()
}

/// Converts Markdown to HTML, with ids of headings and tables of contents.
///
/// ```
/// let html = kramdown::to_html("## Say *hi*\n", &kramdown::Options::default());
/// assert_eq!(html, "<h2 id=\"say-hi\">Say <em>hi</em></h2>\n");
/// ```
pub fn to_html(text: &str, options: &Options) -> String {
    let embeds = Embeds::default();
    let mut document = parse(text, options);
    headings::set_ids(&mut document, options);
    let levels = document.settings.toc_levels.clone().unwrap_or_else(|| options.toc_levels.clone());
    let entries = headings::contents(&document, &levels);
    headings::place_contents(&mut document, &entries);
    let context = html::Context { code_class: &options.code_class, ..html::Context::new(&embeds) };
    html::document(&document, context)
}

/// Parses Markdown into a document tree. Every string is a valid document.
///
/// ```
/// use kramdown::tree::Kind;
///
/// let document = kramdown::parse("> A quote", &kramdown::Options::default());
/// assert_eq!(document.blocks[0].kind, Kind::BlockQuote);
/// assert_eq!(document.blocks[0].children[0].kind, Kind::Paragraph);
/// ```
pub fn parse(text: &str, options: &Options) -> Document {
    let text = scan::normalised(text);
    let mut context = block::Context::new(options);
    let blocks = block::blocks(&text, &mut context, 0);
    finish::document(blocks, context)
}

/// Parses Markdown that must stay on one line, such as a title: what would start a block is text.
///
/// ```
/// use kramdown::{Options, embed::Embeds, html};
///
/// let title = kramdown::parse_inline("1. *First*", &Options::default());
/// let html = html::inline(&title, html::Context::new(&Embeds::default()));
/// assert_eq!(html, "1. <em>First</em>");
/// ```
pub fn parse_inline(text: &str, options: &Options) -> Vec<Node> {
    let text = scan::normalised(text);
    span::spans(text.trim(), &block::Context::new(options), 0, false)
}

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
