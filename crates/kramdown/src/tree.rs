//! The document tree, which [`parse`](crate::parse) makes and [`html`](crate::html) writes. Parsers
//! of other dialects can also make it.
//!
//! ```
//! use kramdown::tree::{Kind, Node};
//!
//! /// The addresses of all links.
//! fn links<'a>(nodes: &'a [Node], found: &mut Vec<&'a str>) {
//!     for node in nodes {
//!         if node.kind == Kind::Link {
//!             found.extend(node.attributes.value("href"));
//!         }
//!         links(&node.children, found);
//!     }
//! }
//!
//! let document = kramdown::parse("- [a](/a)\n- *[b](/b)*\n", &kramdown::Options::default());
//! let mut found = Vec::new();
//! links(&document.blocks, &mut found);
//! assert_eq!(found, ["/a", "/b"]);
//! ```
//!
//! Nodes nest at most [`MAX_DEPTH`] levels deep, so that recursion over a tree is safe. A parser
//! flattens what is deeper.

use std::borrow::Cow;
use std::ops::RangeInclusive;

/// How deep nodes may nest: far deeper than in any prose, but not deep enough for hostile input to
/// overflow the stack.
pub const MAX_DEPTH: usize = 100;

/// A whole document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Document {
    /// Blocks from top to bottom.
    pub blocks: Vec<Node>,
    /// Footnotes in the order of the first references to them.
    pub footnotes: Vec<Footnote>,
    /// How footnotes and the table of contents are written.
    pub settings: Settings,
}

/// How the parts of a document that are made by the writer look.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// The number of the first footnote.
    pub first_footnote: usize,
    /// The text of the link from a footnote back to the text; empty for no link.
    pub back_link: String,
    /// The levels of headings in the table of contents, if the document sets them.
    pub toc_levels: Option<RangeInclusive<u8>>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { first_footnote: 1, back_link: "↩".to_owned(), toc_levels: None }
    }
}

/// The definition of a footnote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footnote {
    /// Its name in the source, without brackets and caret.
    pub name: String,
    /// The attributes of the definition.
    pub attributes: Attributes,
    /// Its blocks.
    pub blocks: Vec<Node>,
    /// The number of references to it, at least one.
    pub references: usize,
}

/// A block or span, with what is inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Its HTML attributes, from attribute lists and from passes over the tree.
    pub attributes: Attributes,
    /// What is inside it, in order. Empty for kinds that contain text themselves.
    pub children: Vec<Node>,
}

/// What a [`Node`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    // Blocks
    /// `<p>`.
    Paragraph,
    /// `<h1>` to `<h6>`.
    Heading {
        /// 1 to 6.
        level: u8,
    },
    /// `<blockquote>`.
    BlockQuote,
    /// Preformatted code.
    CodeBlock {
        /// The language, as the author writes it.
        language: Option<String>,
        /// The code, including its last line end.
        text: String,
    },
    /// `<ul>`, or `<ol>` if it has a first number.
    List {
        /// The first number of an ordered list.
        start: Option<u64>,
    },
    /// `<li>`.
    Item {
        /// In a task list, whether it is ticked.
        task: Option<bool>,
    },
    /// `<dl>`.
    DefinitionList,
    /// `<dt>`.
    Term,
    /// `<dd>`.
    Definition,
    /// `<hr>`.
    Rule,
    /// `<table>`; its children are heads, bodies and feet.
    Table,
    /// `<thead>`.
    TableHead,
    /// `<tbody>`.
    TableBody,
    /// `<tfoot>`.
    TableFoot,
    /// `<tr>`.
    Row,
    /// `<th>` or `<td>`.
    Cell {
        /// Whether it is a `<th>`.
        header: bool,
        /// How its text is aligned.
        alignment: Option<Alignment>,
    },
    /// The place of the table of contents.
    TableOfContents {
        /// Whether it is an `<ol>`.
        ordered: bool,
    },

    // Blocks or spans
    /// An HTML element with Markdown inside it.
    Element {
        /// Its name.
        name: String,
        /// Whether it is a block, and so written on lines of its own.
        block: bool,
    },
    /// HTML that is written unchanged.
    Html {
        /// The HTML.
        html: String,
        /// Whether it is a block.
        block: bool,
    },
    /// TeX between dollars.
    Math {
        /// The TeX.
        tex: String,
        /// Whether it is displayed as a block.
        display: bool,
    },
    /// HTML of the caller: the number of an [`Embed`](crate::embed::Embed).
    Embed(usize),

    /// The place of the footnotes, if it is not the end.
    Footnotes,
    // Spans
    /// Plain text, with all replacements (quotes, dashes, entities) already made. Not escaped.
    Text(String),
    /// `<code>`.
    Code(String),
    /// `<em>`.
    Emphasis,
    /// `<strong>`.
    Strong,
    /// `<del>`.
    Strikethrough,
    /// `<a>`. `href` and `title` are among the attributes.
    Link,
    /// `<img>`. `src`, `alt` and `title` are among the attributes.
    Image,
    /// A line end in the source without meaning.
    SoftBreak,
    /// `<br>`.
    HardBreak,
    /// The superscript number that refers to a footnote.
    FootnoteReference {
        /// The index of the footnote in [`Document::footnotes`].
        footnote: usize,
        /// The index of this reference among all to the footnote.
        occurrence: usize,
    },
    /// `<abbr>`. `title` is among the attributes.
    Abbreviation(String),
}

impl Kind {
    /// Whether it is a block, written on lines of its own. For an [`Embed`](Kind::Embed) the tree
    /// does not know; this returns `false`.
    pub fn is_block(&self) -> bool {
        match self {
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
            | Kind::Footnotes => true,
            Kind::Element { block, .. } | Kind::Html { block, .. } => *block,
            Kind::Math { .. }
            | Kind::Embed(_)
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
            | Kind::Abbreviation(_) => false,
        }
    }
}

/// How a table cell's text is aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alignment {
    /// To the left.
    Left,
    /// In the middle.
    Center,
    /// To the right.
    Right,
}

impl Document {
    /// A document with these blocks and footnotes.
    pub fn new(blocks: Vec<Node>, footnotes: Vec<Footnote>) -> Document {
        Document { blocks, footnotes, settings: Settings::default() }
    }
}

impl Node {
    /// A node without attributes and children.
    pub fn new(kind: Kind) -> Node {
        Node { kind, attributes: Attributes::default(), children: Vec::new() }
    }

    /// A node without attributes.
    pub fn with_children(kind: Kind, children: Vec<Node>) -> Node {
        Node { kind, attributes: Attributes::default(), children }
    }

    /// Plain text.
    pub fn text(text: impl Into<String>) -> Node {
        Node::new(Kind::Text(text.into()))
    }
}

/// HTML attributes in the order in which they were first set. Values are not escaped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes(Vec<(Cow<'static, str>, String)>);

impl Attributes {
    /// The value of `name`.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Sets `name`. If it is already set, it keeps its position.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// Adds a class after the others.
    pub fn add_class(&mut self, class: &str) {
        let class = match self.value("class") {
            Some(classes) if !classes.is_empty() => format!("{classes} {class}"),
            _ => class.to_owned(),
        };
        self.set("class", class);
    }

    /// Adds a class before the others.
    pub fn prepend_class(&mut self, class: &str) {
        let class = match self.value("class") {
            Some(classes) if !classes.is_empty() => format!("{class} {classes}"),
            _ => class.to_owned(),
        };
        self.set("class", class);
    }

    /// Joins the lines of each value.
    pub(crate) fn put_on_one_line(&mut self) {
        for (_, value) in &mut self.0 {
            if value.contains('\n') {
                let lines: Vec<&str> = value.split('\n').filter(|line| !line.is_empty()).collect();
                *value = lines.join(" ");
            }
        }
    }

    /// Adds all of `other`: classes are joined, everything else is replaced.
    pub fn merge(&mut self, other: &Attributes) {
        for (name, value) in &other.0 {
            if name == "class" { self.add_class(value) } else { self.set(name.clone(), value) }
        }
    }

    /// Removes `name` and returns its value.
    pub fn remove(&mut self, name: &str) -> Option<String> {
        let index = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(index).1)
    }

    /// Whether there are no attributes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_str()))
    }
}
