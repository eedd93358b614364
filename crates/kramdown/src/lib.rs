//! kramdown in Rust: the Markdown that Jekyll blogs are written in, with its GFM parser as Jekyll
//! sets it up.
//!
//! ```
//! let html = kramdown::to_html("A *short*{: .lead} text", &kramdown::Options::default());
//! assert_eq!(html, "<p>A <em class=\"lead\">short</em> text</p>\n");
//! ```
//!
//! [`to_html`] does all of it. A program that wants to look at a text, or change it, parses it to a
//! [document tree](tree), gives its headings [`ids`], and writes it with [`html::document`]. It can
//! put HTML of its own anywhere in a text with [embeds](embed), and color code with
//! [`html::Context::highlight`].
//!
//! Parsing takes two steps. The block parser cuts a text into [blocks](block) and gathers what is
//! [defined](definitions) anywhere in it (links, footnotes, abbreviations, attribute lists); then
//! the span parser reads each block's own text, now that all definitions are known, and both make
//! the document tree.
//!
//! | file | answers |
//! |---|---|
//! | `scan` | what a line is: blank, indented, the end of a lazy paragraph |
//! | `block` | which block starts here; paragraphs, headings, quotes, code, rules, display math |
//! | `list`, `definition_list`, `table` | the blocks that have parts |
//! | `html_tag`, `html_block` | what a tag is; elements among blocks, and what Markdown means inside them |
//! | `extension` | `{:…}` and `{::…}` among blocks |
//! | `definitions` | `[id]: url`, `[^id]: text`, `*[abbr]: text` |
//! | `span` | which span starts here; text, code, math, escapes, line breaks |
//! | `emphasis`, `link`, `html_span`, `quotes`, `entity`, `abbreviation` | the spans that have rules of their own |
//! | `finish` | blocks with their text → the document tree |
//! | `attributes` | attribute lists |
//! | `tree` | the document tree |
//! | `embed`, `markers` | HTML of the calling program, and its markers in a text |
//! | `ids`, `headings` | ids of headings, by kramdown's rules and by GitHub's; the table of contents |
//! | `html`, `text` | document tree → HTML, or plain text |
//! | `rouge` | which languages of code are known |
//! | `smart` | typographic quotes and dashes alone |
//!
//! The grammar is kramdown's, found from its documentation and by trying the program; the code is
//! not. Everything is linear in the length of the text: a search that failed is not made again,
//! nesting ends at [`MAX_DEPTH`](tree::MAX_DEPTH), and spans that are tried in vain cost from a
//! budget that grows with the text.

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
pub mod ids;
mod link;
mod list;
pub mod markers;
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

/// What `_config.yml` may set under `kramdown`, as far as it changes how a text is read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own in `_config.yml`")]
pub struct Options {
    /// Whether the GFM rules hold (`input: GFM`): blocks that end a paragraph without a blank line,
    /// indented fences, `~~`, task lists, a backslash that breaks a line.
    pub gfm: bool,
    /// Whether each line end inside of a paragraph is a line break.
    pub hard_wrap: bool,
    /// What quotes become: single left and right, double left and right.
    pub smart_quotes: [String; 4],
    /// Whether the text in HTML elements among blocks is Markdown even without `markdown="1"`.
    pub parse_block_html: bool,
    /// Whether the text in HTML elements in a line is Markdown.
    pub parse_span_html: bool,
    /// Whether headings without an id get one from their text.
    pub auto_ids: bool,
    /// What goes before the ids made from headings.
    pub auto_id_prefix: String,
    /// What replaces `...`, `---`, `--`, `<<`, `>>`, in this order.
    pub typographic_symbols: [String; 5],
    /// The levels of headings in the table of contents.
    pub toc_levels: RangeInclusive<u8>,
    /// How many levels lower headings are than their text says.
    pub header_offset: i8,
    /// The number of the first footnote.
    pub footnote_nr: usize,
    /// What goes before the names of footnotes in ids.
    pub footnote_prefix: String,
    /// What the link from a footnote back to the text says; empty for no link.
    pub footnote_backlink: String,
    /// Whether TeX is written for MathJax, in `\\(…\\)` and `\\[…\\]`, or in elements of class
    /// `kdmath`.
    pub math_engine: bool,
    /// The language of code that names none.
    pub default_lang: String,
    /// The class of the `<pre>` around blocks of code.
    pub code_class: String,
}

impl Default for Options {
    /// Jekyll's.
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
    /// Sets an option by kramdown's name for it, to a value as it is written in `_config.yml`;
    /// those in a map are named `syntax_highlighter_opts.default_lang`, and the items of a list
    /// have commas between. False if the name or the value means nothing here; then nothing
    /// changes.
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
                self.math_engine = !matches!(engine, "" | "~" | "null" | "nil")
            }
            ("syntax_highlighter_opts.default_lang", language) => {
                language.clone_into(&mut self.default_lang)
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

/// Renders a text as HTML: parses it, gives ids to its headings, fills in its table of contents.
pub fn to_html(text: &str, options: &Options) -> String {
    let embeds = Embeds::default();
    let mut document = parse(text, options);
    ids::set(&mut document, options);
    let levels = document.settings.toc_levels.clone().unwrap_or_else(|| options.toc_levels.clone());
    let entries = headings::contents(&document, &levels);
    headings::place_contents(&mut document, &entries);
    let code_class = &options.code_class;
    html::document(
        &document,
        html::Context { embeds: &embeds, highlight: None, code_class, stops: false },
    )
}

/// Parses a body. Any text is some document: what is no valid syntax is text.
pub fn parse(text: &str, options: &Options) -> Document {
    let text = scan::normalised(text);
    let mut context = block::Context::new(options.clone());
    let blocks = block::blocks(&text, &mut context, 0);
    finish::document(blocks, context)
}

/// Parses a text that stays in one line, such as a title: what would start a block is text.
pub fn parse_inline(text: &str, options: &Options) -> Vec<Node> {
    let text = scan::normalised(text);
    span::spans(text.trim(), &block::Context::new(options.clone()), 0, false)
}
