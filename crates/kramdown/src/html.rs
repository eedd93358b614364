//! Writes the document tree as HTML.
//!
//! The HTML follows the conventions of Jekyll (kramdown with Rouge), because themes and their CSS
//! expect them: blocks on lines of their own, indented by two spaces per level, `<br />`,
//! `div.language-x.highlighter-rouge` around code, `div.footnotes`, `\(…\)` and `\[…\]` around TeX.
//!
//! All text and all attribute values are escaped here. [`Kind::Html`] is written unchanged.
//!
//! ```
//! use kramdown::{Options, embed::Embeds, html};
//!
//! fn highlight(out: &mut String, language: &str, code: &str) {
//!     out.push_str(&format!("<span class=\"{language}\">"));
//!     html::escape_text(out, code);
//!     out.push_str("</span>");
//! }
//!
//! let embeds = Embeds::default();
//! let mut context = html::Context::new(&embeds);
//! context.highlight = Some(highlight);
//! let document = kramdown::parse("```rust\n1 < 2\n```\n", &Options::default());
//! assert!(html::document(&document, context).contains("<span class=\"rust\">1 &lt; 2\n</span>"));
//! ```

use std::fmt::Write;

use crate::embed::{Embed, Embeds};
use crate::tree::{Alignment, Attributes, Document, Footnote, Kind, Node, Settings};

/// Appends highlighted code to the first argument, as HTML. The second argument is the language,
/// the third the code.
pub type Highlight = fn(&mut String, &str, &str);

/// What the HTML depends on besides the tree.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Context<'a> {
    /// The embeds that [`Kind::Embed`] refers to.
    pub embeds: &'a Embeds,
    /// Highlights code; `None` leaves it plain.
    pub highlight: Option<Highlight>,
    /// The class of the `<pre>` around blocks of code.
    pub code_class: &'a str,
    /// Whether blocks of code and tables, which may be wider than the page, can be focused and so
    /// scrolled by keyboard.
    pub focusable: bool,
}

impl<'a> Context<'a> {
    /// A context with these embeds that writes HTML like Jekyll's, without highlighting.
    pub fn new(embeds: &'a Embeds) -> Context<'a> {
        Context { embeds, highlight: None, code_class: "highlight", focusable: false }
    }
}

/// The HTML of a whole document, with footnotes at its end.
pub fn document(document: &Document, context: Context<'_>) -> String {
    let (footnotes, settings) = (&document.footnotes, &document.settings);
    let mut writer = Writer::new(context, footnotes, settings);
    writer.blocks(&document.blocks, 0);
    writer.endnotes();
    writer.out
}

/// The HTML of nodes on one line, without an element around them. References to footnotes are
/// omitted, because the footnotes are elsewhere.
pub fn inline(nodes: &[Node], context: Context<'_>) -> String {
    let settings = Settings::default();
    let mut writer = Writer::new(context, &[], &settings);
    writer.spans(nodes);
    writer.out
}

/// Appends `text` to `out` with `&`, `<` and `>` escaped, for use between tags.
pub fn escape_text(out: &mut String, text: &str) {
    escape(out, text, memchr::memchr3_iter(b'&', b'<', b'>', text.as_bytes()));
}

/// Appends `value` to `out` with `&`, `<`, `>` and `"` escaped, for use between double quotes.
pub fn escape_attribute(out: &mut String, value: &str) {
    let special = value.bytes().enumerate();
    let special = special.filter(|(_, byte)| matches!(byte, b'&' | b'<' | b'>' | b'"'));
    escape(out, value, special.map(|(at, _)| at));
}

/// Appends the text with the characters at the places `special` escaped.
fn escape(out: &mut String, text: &str, special: impl Iterator<Item = usize>) {
    let mut written = 0;
    for at in special {
        out.push_str(&text[written..at]);
        out.push_str(match text.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            _ => "&quot;",
        });
        written = at + 1;
    }
    out.push_str(&text[written..]);
}

/// Elements without content and end tag.
const VOID: [&str; 13] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr",
];

/// Elements in which white space matters, or which contain no HTML.
const VERBATIM: [&str; 4] = ["pre", "script", "style", "textarea"];

/// How the content of a container is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// Blocks, separated by empty lines.
    Blocks,
    /// Parts such as items of a list or rows of a table, line by line.
    Parts,
}

struct Writer<'a> {
    out: String,
    context: Context<'a>,
    footnotes: &'a [Footnote],
    settings: &'a Settings,
    /// Whether the footnotes are already written, at the place that the document sets.
    has_endnotes: bool,
}

impl<'a> Writer<'a> {
    fn new(context: Context<'a>, footnotes: &'a [Footnote], settings: &'a Settings) -> Writer<'a> {
        Writer { out: String::new(), context, footnotes, settings, has_endnotes: false }
    }

    /// Writes siblings, each on lines of its own. Adjacent spans share a line.
    fn blocks(&mut self, nodes: &[Node], indent: usize) {
        self.sequence(nodes, indent, Inside::Blocks);
    }

    fn sequence(&mut self, nodes: &[Node], indent: usize, inside: Inside) {
        let mut rest = nodes;
        let mut is_first = true;
        while let Some(first) = rest.first() {
            if !is_first && inside == Inside::Blocks {
                self.out.push('\n');
            }
            is_first = false;
            if self.is_block(first) {
                self.block(first, indent);
                rest = &rest[1..];
            } else {
                let run = self.run_of_spans(rest);
                self.indent(indent);
                self.spans(&rest[..run]);
                self.out.push('\n');
                rest = &rest[run..];
            }
        }
    }

    fn run_of_spans(&self, nodes: &[Node]) -> usize {
        nodes.iter().position(|node| self.is_block(node)).unwrap_or(nodes.len())
    }

    fn is_block(&self, node: &Node) -> bool {
        match node.kind {
            Kind::Embed(number) => self.embed(number).is_some_and(|embed| embed.block),
            _ => node.kind.is_block(),
        }
    }

    fn block(&mut self, node: &Node, indent: usize) {
        let attributes = &node.attributes;
        match &node.kind {
            Kind::Paragraph => self.line("p", node, indent),
            Kind::Heading { level } => {
                self.line(HEADINGS[usize::from(*level).clamp(1, 6) - 1], node, indent);
            }
            Kind::Term => self.line("dt", node, indent),
            Kind::BlockQuote => {
                self.container("blockquote", attributes, &node.children, indent, Inside::Blocks);
            }
            Kind::CodeBlock { language, text } => {
                self.code_block(language.as_deref(), text, attributes, indent);
            }
            Kind::List { start } => self.list(*start, node, indent),
            Kind::Item { task } => self.item(*task, node, indent),
            Kind::DefinitionList => {
                self.container("dl", attributes, &node.children, indent, Inside::Parts);
            }
            Kind::Definition => self.mixed("dd", attributes, "", &node.children, indent),
            Kind::Rule => {
                self.indent(indent);
                self.void("hr", attributes);
                self.out.push('\n');
            }
            Kind::Table => self.table(attributes, &node.children, indent),
            Kind::TableHead => {
                self.container("thead", attributes, &node.children, indent, Inside::Parts);
            }
            Kind::TableBody => {
                self.container("tbody", attributes, &node.children, indent, Inside::Parts);
            }
            Kind::TableFoot => {
                self.container("tfoot", attributes, &node.children, indent, Inside::Parts);
            }
            Kind::Row => self.container("tr", attributes, &node.children, indent, Inside::Parts),
            Kind::Cell { header, alignment } => self.cell(*header, *alignment, node, indent),
            Kind::TableOfContents { ordered } => self.table_of_contents(*ordered, node, indent),
            Kind::Footnotes => self.endnotes(),
            Kind::Element { name, .. } => self.block_element(name, node, indent),
            Kind::Html { html, .. } => {
                self.out.push_str(html);
                if !html.ends_with('\n') {
                    self.out.push('\n');
                }
            }
            Kind::Embed(number) => {
                if let Some(embed) = self.embed(*number) {
                    self.out.push_str(&embed.html);
                    self.out.push('\n');
                }
            }
            Kind::Math { .. }
            | Kind::Text(_)
            | Kind::Code(_)
            | Kind::Emphasis
            | Kind::Strong
            | Kind::Strikethrough
            | Kind::Link
            | Kind::Image
            | Kind::SoftBreak
            | Kind::HardBreak
            | Kind::FootnoteReference { .. }
            | Kind::Abbreviation(_) => self.span(node),
        }
    }

    /// Writes an element that only contains spans.
    fn line(&mut self, name: &str, node: &Node, indent: usize) {
        self.indent(indent);
        self.open(name, &node.attributes);
        self.spans(&node.children);
        self.close(name);
        self.out.push('\n');
    }

    fn container(
        &mut self,
        name: &str,
        attributes: &Attributes,
        nodes: &[Node],
        indent: usize,
        inside: Inside,
    ) {
        self.indent(indent);
        self.open(name, attributes);
        self.out.push('\n');
        self.sequence(nodes, indent + 2, inside);
        self.indent(indent);
        self.close(name);
        self.out.push('\n');
    }

    /// Writes an element that contains spans, blocks, or spans and then blocks. `start` is HTML
    /// before them.
    fn mixed(
        &mut self,
        name: &str,
        attributes: &Attributes,
        start: &str,
        nodes: &[Node],
        indent: usize,
    ) {
        let run = self.run_of_spans(nodes);
        self.indent(indent);
        self.open(name, attributes);
        self.out.push_str(start);
        self.spans(&nodes[..run]);
        if run < nodes.len() {
            if run == 0 || !self.out.ends_with('\n') {
                self.out.push('\n');
            }
            // An empty line separates a paragraph from the text before it, but not a list.
            if run > 0 && matches!(nodes[run].kind, Kind::Paragraph) {
                self.out.push('\n');
            }
            self.blocks(&nodes[run..], indent + 2);
            self.indent(indent);
        }
        self.close(name);
        self.out.push('\n');
    }

    fn list(&mut self, start: Option<u64>, node: &Node, indent: usize) {
        let is_task_list =
            node.children.iter().any(|item| matches!(item.kind, Kind::Item { task: Some(_) }));
        let name = if start.is_some() { "ol" } else { "ul" };
        let first_number = start.filter(|&start| start != 1);
        if !is_task_list && first_number.is_none() {
            return self.container(name, &node.attributes, &node.children, indent, Inside::Parts);
        }
        let mut attributes = node.attributes.clone();
        if is_task_list {
            attributes.prepend_class("task-list");
        }
        if let Some(number) = first_number {
            attributes.set("start", number.to_string());
        }
        self.container(name, &attributes, &node.children, indent, Inside::Parts);
    }

    fn item(&mut self, task: Option<bool>, node: &Node, indent: usize) {
        let Some(done) = task else {
            return self.mixed("li", &node.attributes, "", &node.children, indent);
        };
        let checkbox = if done {
            r#"<input type="checkbox" class="task-list-item-checkbox" disabled="disabled" checked="checked" />"#
        } else {
            r#"<input type="checkbox" class="task-list-item-checkbox" disabled="disabled" />"#
        };
        let mut attributes = node.attributes.clone();
        attributes.prepend_class("task-list-item");
        match node.children.split_first() {
            // In a loose list, the box is inside the first paragraph, before its text.
            Some((first, rest)) if first.kind == Kind::Paragraph => {
                self.indent(indent);
                self.open("li", &attributes);
                self.out.push('\n');
                self.indent(indent + 2);
                self.open("p", &first.attributes);
                self.out.push_str(checkbox);
                self.spans(&first.children);
                self.close("p");
                self.out.push('\n');
                if !rest.is_empty() {
                    self.out.push('\n');
                    self.blocks(rest, indent + 2);
                }
                self.indent(indent);
                self.close("li");
                self.out.push('\n');
            }
            _ => self.mixed("li", &attributes, checkbox, &node.children, indent),
        }
    }

    fn cell(&mut self, header: bool, alignment: Option<Alignment>, node: &Node, indent: usize) {
        let name = if header { "th" } else { "td" };
        self.indent(indent);
        match alignment {
            None => self.open(name, &node.attributes),
            Some(alignment) => {
                let style = match alignment {
                    Alignment::Left => "text-align: left",
                    Alignment::Center => "text-align: center",
                    Alignment::Right => "text-align: right",
                };
                let mut attributes = node.attributes.clone();
                match attributes.value("style").map(|own| format!("{style}; {own}")) {
                    Some(both) => attributes.set("style", both),
                    None => attributes.set("style", style),
                }
                self.open(name, &attributes);
            }
        }
        for child in &node.children {
            match child.kind {
                // A cell may contain blocks, and so embeds that are blocks.
                Kind::Embed(number) => {
                    let html = self.embed(number).map_or("", |embed| embed.html.as_str());
                    self.out.push_str(html);
                }
                _ => self.span(child),
            }
        }
        self.close(name);
        self.out.push('\n');
    }

    fn table(&mut self, attributes: &Attributes, rows: &[Node], indent: usize) {
        if self.context.focusable {
            self.indent(indent);
            self.out.push_str("<div class=\"table-scroll\" tabindex=\"0\">\n");
        }
        self.container("table", attributes, rows, indent, Inside::Parts);
        if self.context.focusable {
            self.indent(indent);
            self.out.push_str("</div>\n");
        }
    }

    fn table_of_contents(&mut self, ordered: bool, node: &Node, indent: usize) {
        if node.children.is_empty() {
            return;
        }
        let name = if ordered { "ol" } else { "ul" };
        let mut attributes = node.attributes.clone();
        if attributes.value("id").is_none() {
            attributes.set("id", "markdown-toc");
        }
        self.container(name, &attributes, &node.children, indent, Inside::Parts);
    }

    fn block_element(&mut self, name: &str, node: &Node, indent: usize) {
        if VOID.contains(&name) {
            self.indent(indent);
            self.void(name, &node.attributes);
            self.out.push('\n');
        } else if VERBATIM.contains(&name) {
            self.line(name, node, indent);
        } else {
            self.mixed(name, &node.attributes, "", &node.children, indent);
        }
    }

    fn code_block(
        &mut self,
        language: Option<&str>,
        text: &str,
        attributes: &Attributes,
        indent: usize,
    ) {
        let language = language.unwrap_or("plaintext");
        let own_class =
            attributes.value("class").map_or(String::new(), |class| format!("{class} "));
        let mut attributes = attributes.clone();
        attributes.set("class", format!("language-{language} {own_class}highlighter-rouge"));
        self.indent(indent);
        self.open("div", &attributes);
        self.out.push_str(r#"<div class="highlight"><pre class=""#);
        escape_attribute(&mut self.out, self.context.code_class);
        self.out.push_str(if self.context.focusable {
            "\" tabindex=\"0\"><code>"
        } else {
            "\"><code>"
        });
        match self.context.highlight {
            Some(highlight) => highlight(&mut self.out, language, text),
            None => escape_text(&mut self.out, text),
        }
        self.out.push_str("</code></pre></div></div>\n");
    }

    fn spans(&mut self, nodes: &[Node]) {
        for node in nodes {
            self.span(node);
        }
    }

    fn span(&mut self, node: &Node) {
        let attributes = &node.attributes;
        match &node.kind {
            Kind::Text(text) => escape_text(&mut self.out, text),
            Kind::Code(text) => self.code(text, attributes),
            Kind::Emphasis => self.pair("em", node),
            Kind::Strong => self.pair("strong", node),
            Kind::Strikethrough => self.pair("del", node),
            Kind::Link => self.pair("a", node),
            Kind::Image => self.void("img", attributes),
            Kind::SoftBreak => self.out.push('\n'),
            Kind::HardBreak => {
                self.void("br", attributes);
                self.out.push('\n');
            }
            Kind::Math { tex, display } => self.math(tex, *display, attributes),
            Kind::Abbreviation(text) => {
                self.open("abbr", attributes);
                escape_text(&mut self.out, text);
                self.close("abbr");
            }
            Kind::FootnoteReference { footnote, occurrence } => {
                self.footnote_reference(*footnote, *occurrence, attributes);
            }
            Kind::Element { name, .. } if VOID.contains(&name.as_str()) => {
                self.void(name, attributes);
            }
            Kind::Element { name, .. } => self.pair(name, node),
            Kind::Html { html, .. } => self.out.push_str(html),
            Kind::Embed(number) => {
                let Some(embed) = self.context.embeds.numbered(*number) else { return };
                // A block inside a line would end the paragraph around it, so its text is written.
                if embed.block {
                    escape_text(&mut self.out, &embed.text);
                } else {
                    self.out.push_str(&embed.html);
                }
            }
            Kind::Paragraph
            | Kind::Heading { .. }
            | Kind::BlockQuote
            | Kind::CodeBlock { .. }
            | Kind::List { .. }
            | Kind::Item { .. }
            | Kind::DefinitionList
            | Kind::Term
            | Kind::Definition
            | Kind::Rule
            | Kind::Table
            | Kind::TableHead
            | Kind::TableBody
            | Kind::TableFoot
            | Kind::Row
            | Kind::Cell { .. }
            | Kind::TableOfContents { .. }
            | Kind::Footnotes => self.block(node, 0),
        }
    }

    fn pair(&mut self, name: &str, node: &Node) {
        self.open(name, &node.attributes);
        self.spans(&node.children);
        self.close(name);
    }

    /// Writes code in a line. It is highlighted if its class names a language.
    fn code(&mut self, text: &str, attributes: &Attributes) {
        self.open("code", attributes);
        let classes = attributes.value("class").unwrap_or_default();
        let language = classes.split(' ').find_map(|class| class.strip_prefix("language-"));
        match self.context.highlight.zip(language) {
            Some((highlight, language)) => highlight(&mut self.out, language, text),
            None => escape_text(&mut self.out, text),
        }
        self.close("code");
    }

    /// Writes TeX for MathJax, in an element if it has attributes.
    fn math(&mut self, tex: &str, display: bool, attributes: &Attributes) {
        let (open, close, name) = match (display, attributes.is_empty()) {
            (true, _) => ("\\[", "\\]", "div"),
            (false, true) => ("\\(", "\\)", "span"),
            (false, false) => ("$", "$", "span"),
        };
        if !attributes.is_empty() {
            self.open(name, attributes);
        }
        self.out.push_str(open);
        escape_text(&mut self.out, tex);
        self.out.push_str(close);
        if !attributes.is_empty() {
            self.close(name);
        }
    }

    fn footnote_reference(&mut self, footnote: usize, occurrence: usize, attributes: &Attributes) {
        let Some(note) = self.footnotes.get(footnote) else { return };
        self.out.push_str("<sup id=\"fnref:");
        self.footnote_id(&note.name, occurrence);
        self.out.push('"');
        self.attributes(attributes);
        self.out.push_str("><a href=\"#fn:");
        self.footnote_id(&note.name, 0);
        self.out.push_str("\" class=\"footnote\" rel=\"footnote\"");
        // If the tree gives the role to the <sup>, as kramdown before 2.5 does, it is already
        // there.
        if attributes.value("role").is_none() {
            self.out.push_str(" role=\"doc-noteref\"");
        }
        write!(self.out, ">{}</a></sup>", footnote + self.settings.first_footnote)
            .expect("a string takes all that is written");
    }

    fn footnote_id(&mut self, name: &str, occurrence: usize) {
        escape_attribute(&mut self.out, name);
        if occurrence > 0 {
            write!(self.out, ":{occurrence}").expect("a string takes all that is written");
        }
    }

    fn endnotes(&mut self) {
        if self.footnotes.is_empty() || std::mem::replace(&mut self.has_endnotes, true) {
            return;
        }
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out.push_str("<div class=\"footnotes\" role=\"doc-endnotes\">\n  <ol");
        if self.settings.first_footnote != 1 {
            write!(self.out, " start=\"{}\"", self.settings.first_footnote)
                .expect("a string takes all that is written");
        }
        self.out.push_str(">\n");
        for note in self.footnotes {
            self.endnote(note);
        }
        self.out.push_str("  </ol>\n</div>\n");
    }

    fn endnote(&mut self, note: &Footnote) {
        self.out.push_str("    <li id=\"fn:");
        self.footnote_id(&note.name, 0);
        self.out.push('"');
        self.attributes(&note.attributes);
        self.out.push_str(">\n");
        if self.settings.back_link.is_empty() {
            self.blocks(&note.blocks, 6);
            return self.out.push_str("    </li>\n");
        }
        let (last, before) = match note.blocks.split_last() {
            Some((last, before)) if last.kind == Kind::Paragraph => (Some(last), before),
            _ => (None, note.blocks.as_slice()),
        };
        self.blocks(before, 6);
        if !before.is_empty() {
            self.out.push('\n');
        }
        self.out.push_str("      ");
        match last {
            Some(paragraph) => {
                self.open("p", &paragraph.attributes);
                self.spans(&paragraph.children);
                self.out.push(NO_BREAK_SPACE);
            }
            None => self.out.push_str("<p>"),
        }
        self.back_links(note);
        self.out.push_str("</p>\n    </li>\n");
    }

    fn back_links(&mut self, note: &Footnote) {
        let back_link = self.settings.back_link.as_str();
        for occurrence in 0..note.references.max(1) {
            if occurrence > 0 {
                self.out.push(NO_BREAK_SPACE);
            }
            self.out.push_str("<a href=\"#fnref:");
            self.footnote_id(&note.name, occurrence);
            self.out.push_str("\" class=\"reversefootnote\" role=\"doc-backlink\">");
            // kramdown writes its arrow like this.
            if back_link == "↩" {
                self.out.push_str("&#8617;");
            } else {
                escape_text(&mut self.out, back_link);
            }
            if occurrence > 0 {
                write!(self.out, "<sup>{}</sup>", occurrence + 1)
                    .expect("a string takes all that is written");
            }
            self.out.push_str("</a>");
        }
    }

    fn open(&mut self, name: &str, attributes: &Attributes) {
        self.out.push('<');
        self.out.push_str(name);
        self.attributes(attributes);
        self.out.push('>');
    }

    fn close(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    fn void(&mut self, name: &str, attributes: &Attributes) {
        self.out.push('<');
        self.out.push_str(name);
        self.attributes(attributes);
        self.out.push_str(" />");
    }

    fn attributes(&mut self, attributes: &Attributes) {
        for (name, value) in attributes.iter() {
            // kramdown counts headings without letters, but does not write their empty id.
            if name == "id" && value.is_empty() {
                continue;
            }
            self.out.push(' ');
            self.out.push_str(name);
            self.out.push_str("=\"");
            escape_attribute(&mut self.out, value);
            self.out.push('"');
        }
    }

    fn indent(&mut self, indent: usize) {
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    fn embed(&self, number: usize) -> Option<&'a Embed> {
        self.context.embeds.numbered(number)
    }
}

/// Keeps the arrow on the line of the last word.
const NO_BREAK_SPACE: char = '\u{a0}';

const HEADINGS: [&str; 6] = ["h1", "h2", "h3", "h4", "h5", "h6"];
