//! The document tree: what a post's body is after parsing, whatever the dialect.
//!
//! Both dialects make it, the passes over it (heading ids, table of contents, highlighting) work on
//! it, and one writer turns it into HTML. Nodes nest at most [`MAX_DEPTH`] deep, so that walking a
//! tree by recursion is safe; a parser puts what is deeper into the deepest node allowed.

use std::ops::RangeInclusive;

/// How deep nodes may nest. Prose does not come near it; hostile input must not overflow the stack.
pub const MAX_DEPTH: usize = 100;

/// A whole body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// Blocks from top to bottom.
    pub blocks: Vec<Node>,
    /// Footnotes in the order in which they are first referred to.
    pub footnotes: Vec<Footnote>,
    /// How footnotes and the table of contents are shown.
    pub settings: Settings,
}

/// How parts of a document are shown that are made when it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The number of the first footnote.
    pub first_footnote: usize,
    /// What the link from a footnote back to the text says; empty for no link.
    pub back_link: String,
    /// The levels of headings in the table of contents, if the document says so.
    pub toc_levels: Option<RangeInclusive<u8>>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { first_footnote: 1, back_link: "↩".to_owned(), toc_levels: None }
    }
}

/// A footnote's definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footnote {
    /// The name it has in the source, without brackets and caret.
    pub name: String,
    /// Attributes given to the definition.
    pub attributes: Attributes,
    /// Its blocks.
    pub blocks: Vec<Node>,
    /// How many times the text refers to it, at least once.
    pub references: usize,
}

/// One block or span, with what is inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Its HTML attributes, from attribute lists and from passes over the tree.
    pub attributes: Attributes,
    /// What is inside, in order. Empty for the kinds that hold text themselves.
    pub children: Vec<Node>,
}

/// What a [`Node`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        /// The language as the author names it.
        language: Option<String>,
        /// The code, with its last line end.
        text: String,
    },
    /// `<ul>`, or `<ol>` if it has a first number.
    List {
        /// The first number of an ordered list.
        start: Option<u64>,
    },
    /// `<li>`.
    Item {
        /// Of a task list: whether it is ticked.
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
    /// The place where the table of contents goes.
    TableOfContents {
        /// Whether it is an `<ol>`.
        ordered: bool,
    },

    // Blocks or spans
    /// An HTML element that the parser has opened, so that Markdown inside it is Markdown.
    Element {
        /// Its name.
        name: String,
        /// Whether it stands among blocks (and is written on lines of its own) or in a line.
        block: bool,
    },
    /// HTML that goes through as it is.
    Html {
        /// The HTML.
        html: String,
        /// Whether it stands among blocks.
        block: bool,
    },
    /// TeX between dollars.
    Math {
        /// The TeX.
        tex: String,
        /// Whether it is shown as a block of its own.
        display: bool,
    },
    /// What one of labpress's own tags stands for: the number given to
    /// [`Embeds::marker`](crate::embed::Embeds).
    Embed(usize),

    /// The place of the footnotes, where it is not the end.
    Footnotes,
    // Spans
    /// Plain text, with all replacements (quotes, dashes, entities) made. Not escaped.
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
    /// A line end in the source that means nothing.
    SoftBreak,
    /// `<br>`.
    HardBreak,
    /// The raised number that refers to [`Document::footnotes`].
    FootnoteReference {
        /// Which footnote, from 0.
        footnote: usize,
        /// Which of the references to it, from 0.
        occurrence: usize,
    },
    /// `<abbr>`; its `title` is among the attributes.
    Abbreviation(String),
}

impl Kind {
    /// Whether it stands among blocks, on lines of its own. An [`Embed`](Kind::Embed) does if what
    /// it stands for does, which the tree does not know: `false`.
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

/// HTML attributes in the order in which they were first given. Values are not escaped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes(Vec<(String, String)>);

impl Attributes {
    /// The value of `name`.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Sets `name`, in its old place if it was there.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// Adds a class behind those that are there.
    pub fn add_class(&mut self, class: &str) {
        let class = match self.value("class") {
            Some(classes) if !classes.is_empty() => format!("{classes} {class}"),
            _ => class.to_owned(),
        };
        self.set("class", class);
    }

    /// Adds a class before those that are there.
    pub fn prepend_class(&mut self, class: &str) {
        let class = match self.value("class") {
            Some(classes) if !classes.is_empty() => format!("{class} {classes}"),
            _ => class.to_owned(),
        };
        self.set("class", class);
    }

    /// Makes each value one line.
    pub fn put_on_one_line(&mut self) {
        for (_, value) in &mut self.0 {
            if value.contains('\n') {
                let lines: Vec<&str> = value.split('\n').filter(|line| !line.is_empty()).collect();
                *value = lines.join(" ");
            }
        }
    }

    /// Adds all of `other`: classes are joined, everything else is replaced.
    pub fn merge(&mut self, other: &Attributes) {
        for (name, value) in other.iter() {
            if name == "class" { self.add_class(value) } else { self.set(name, value) }
        }
    }

    /// Takes `name` out.
    pub fn remove(&mut self, name: &str) -> Option<String> {
        let index = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(index).1)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Name and value of each, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}
