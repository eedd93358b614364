//! The dialect CommonMark: events of pulldown-cmark → document tree.
//!
//! With GitHub's tables, footnotes, strikethrough, task lists and alerts, TeX between dollars,
//! curly quotes, `{#id}` after headings, definition lists, and kramdown's attribute lists (see
//! [`attributes`](super::attributes)).

use std::collections::BTreeMap;

use pulldown_cmark as cmark;
use pulldown_cmark::{BlockQuoteKind, CodeBlockKind, CowStr, Event, LinkType, Tag, TagEnd};

use super::attributes::{Found, Lists, Piece};
use super::extended::INFO;
use kramdown::tree::{Alignment, Attributes, Document, Footnote, Kind, MAX_DEPTH, Node};

/// The parts of the dialect that can be turned off.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    /// Whether dollars enclose TeX.
    pub(super) math: bool,
    /// Whether straight quotes, `--` and `...` become typographic ones.
    pub(super) smart_punctuation: bool,
    /// Whether blocks of code keep what follows the language, as the attribute [`INFO`].
    pub(super) keeps_info: bool,
}

/// Parses Markdown into a document tree.
pub(super) fn parse(text: &str, options: Options) -> Document {
    let (text, lists) = Lists::take_out(text);
    let mut builder = Builder { keeps_info: options.keeps_info, ..Builder::new(&lists) };
    for event in cmark::Parser::new_ext(&text, extensions(options)) {
        builder.event(event);
    }
    builder.document()
}

/// Parses text that must stay on one line (a title, a caption): what would start a block is text.
/// Line ends are spaces.
pub(super) fn parse_inline(text: &str, options: Options) -> Vec<Node> {
    // No block starts with this. Because it is punctuation, emphasis and quotes can start after it.
    const START: &str = "\u{FDD3};";
    let line = format!("{START}{}", text.replace(['\n', '\r'], " ").trim());
    let mut document = parse(&line, options);
    document.blocks.truncate(1);
    let mut nodes = document.blocks.pop().map(|block| block.children).unwrap_or_default();
    if let Some(Kind::Text(text)) = nodes.first_mut().map(|node| &mut node.kind) {
        *text = text.trim_start_matches(START).to_owned();
    }
    nodes
}

/// The extensions of the parser.
pub(super) fn extensions(options: Options) -> cmark::Options {
    let mut extensions = cmark::Options::ENABLE_TABLES
        | cmark::Options::ENABLE_FOOTNOTES
        | cmark::Options::ENABLE_STRIKETHROUGH
        | cmark::Options::ENABLE_TASKLISTS
        | cmark::Options::ENABLE_HEADING_ATTRIBUTES
        | cmark::Options::ENABLE_DEFINITION_LIST
        | cmark::Options::ENABLE_GFM;
    extensions.set(cmark::Options::ENABLE_MATH, options.math);
    extensions.set(cmark::Options::ENABLE_SMART_PUNCTUATION, options.smart_punctuation);
    extensions
}

/// How deep containers may nest; the content of deeper ones is flattened. The levels up to
/// [`MAX_DEPTH`] are left to what a container contains: the body of a table, a row, a cell, its
/// text.
const DEEPEST: usize = MAX_DEPTH - 4;

/// Builds a tree from the events of the parser.
struct Builder<'a> {
    lists: &'a Lists,
    keeps_info: bool,
    root: Frame,
    /// The nodes that are open, outermost first.
    open: Vec<Frame>,
    /// The number of open tags that did not become nodes because they are too deep.
    too_deep: usize,
    /// The alignments of the columns of the current table.
    alignments: Vec<cmark::Alignment>,
    footnotes: Footnotes,
}

/// A node under construction.
struct Frame {
    kind: Open,
    attributes: Attributes,
    children: Vec<Node>,
    /// The attributes of the next block.
    for_next: Option<Attributes>,
    /// The number of the last defined footnote, if no block came after it.
    last_footnote: Option<usize>,
}

/// What a [`Frame`] becomes.
enum Open {
    Node(Kind),
    FootnoteDefinition(String),
}

#[derive(Default)]
struct Footnotes {
    /// Numbers by name.
    numbers: BTreeMap<String, usize>,
    /// Names as first written, and definitions, by number.
    known: Vec<(String, Option<Definition>)>,
}

#[derive(Default)]
struct Definition {
    attributes: Attributes,
    blocks: Vec<Node>,
}

impl Frame {
    fn new(kind: Open, attributes: Attributes) -> Frame {
        Frame { kind, attributes, children: Vec::new(), for_next: None, last_footnote: None }
    }

    /// Whether it may contain a formula on a line of its own.
    fn may_hold_blocks(&self) -> bool {
        matches!(self.kind, Open::Node(Kind::Paragraph | Kind::Item { .. } | Kind::Definition))
    }
}

impl<'a> Builder<'a> {
    fn new(lists: &'a Lists) -> Builder<'a> {
        Builder {
            lists,
            keeps_info: false,
            root: Frame::new(Open::Node(Kind::Paragraph), Attributes::default()),
            open: Vec::new(),
            too_deep: 0,
            alignments: Vec::new(),
            footnotes: Footnotes::default(),
        }
    }

    fn document(self) -> Document {
        let mut blocks = self.root.children;
        if self.footnotes.known.is_empty() {
            return Document::new(blocks, Vec::new());
        }
        let footnotes = numbered(&mut blocks, self.footnotes.known);
        Document::new(blocks, footnotes)
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text),
            Event::Code(code) => self.add(Node::new(Kind::Code(self.restored(code)))),
            Event::InlineMath(tex) => self.add(math(self.restored(tex), false)),
            Event::DisplayMath(tex) => {
                let tex = self.restored(tex).trim().to_owned();
                let may_be_set_off = self.top().may_hold_blocks();
                self.add(math(tex, may_be_set_off));
            }
            Event::Html(html) => self.html(html),
            Event::InlineHtml(html) => match self.lists.in_comment(&html) {
                Some(list) => self.top().attributes.merge(&list.attributes),
                None => self.add(Node::new(Kind::Html { html: self.restored(html), block: false })),
            },
            Event::FootnoteReference(name) => {
                let footnote = self.footnotes.number(&self.lists.restored(&name));
                self.add(Node::new(Kind::FootnoteReference { footnote, occurrence: 0 }));
            }
            Event::SoftBreak => self.add(Node::new(Kind::SoftBreak)),
            Event::HardBreak => self.add(Node::new(Kind::HardBreak)),
            Event::Rule => self.add(Node::new(Kind::Rule)),
            Event::TaskListMarker(done) => self.tick(done),
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph => self.open(Kind::Paragraph),
            Tag::Heading { level, id, classes, attrs } => {
                let mut attributes = Attributes::default();
                if let Some(id) = id {
                    attributes.set("id", self.restored(id));
                }
                for class in classes {
                    attributes.add_class(&self.lists.restored(&class));
                }
                for (name, value) in attrs.into_iter().filter(|(name, _)| is_attribute_name(name)) {
                    let value =
                        value.map(|value| self.lists.restored(&value).trim_matches('"').to_owned());
                    attributes.set(name.into_string(), value.unwrap_or_default());
                }
                self.open_with(Open::Node(Kind::Heading { level: level as u8 }), attributes);
            }
            Tag::BlockQuote(alert) => self.block_quote(alert),
            Tag::CodeBlock(kind) => {
                let (language, options) = match &kind {
                    CodeBlockKind::Fenced(info) => language(&self.lists.restored(info)),
                    CodeBlockKind::Indented => (None, String::new()),
                };
                let mut attributes = Attributes::default();
                if self.keeps_info && !options.is_empty() {
                    attributes.set(INFO, options);
                }
                let kind = Kind::CodeBlock { language, text: String::new() };
                self.open_with(Open::Node(kind), attributes);
            }
            Tag::HtmlBlock => self.open(Kind::Html { html: String::new(), block: true }),
            Tag::List(start) => self.open(Kind::List { start }),
            Tag::Item => self.open(Kind::Item { task: None }),
            Tag::FootnoteDefinition(name) => {
                let name = self.restored(name);
                self.open_with(Open::FootnoteDefinition(name), Attributes::default());
            }
            Tag::DefinitionList => self.open(Kind::DefinitionList),
            Tag::DefinitionListTitle => self.open(Kind::Term),
            Tag::DefinitionListDefinition => self.open(Kind::Definition),
            Tag::Table(alignments) => {
                self.alignments = alignments;
                self.open(Kind::Table);
            }
            Tag::TableHead => self.open(Kind::TableHead),
            Tag::TableRow => self.open(Kind::Row),
            Tag::TableCell => {
                let column = self.top().children.len();
                let alignment = self.alignments.get(column).copied().and_then(alignment);
                let header = matches!(self.top().kind, Open::Node(Kind::TableHead));
                self.open(Kind::Cell { header, alignment });
            }
            Tag::Strong => self.open(Kind::Strong),
            Tag::Strikethrough => self.open(Kind::Strikethrough),
            Tag::Link { link_type, dest_url, title, .. } => {
                let address = self.restored(dest_url);
                let address = if link_type == LinkType::Email {
                    format!("mailto:{address}")
                } else {
                    address
                };
                let attributes = self.target("href", &address, title);
                self.open_with(Open::Node(Kind::Link), attributes);
            }
            Tag::Image { dest_url, title, .. } => {
                let address = self.restored(dest_url);
                let attributes = self.target("src", &address, title);
                self.open_with(Open::Node(Kind::Image), attributes);
            }
            // The last three are extensions that are not enabled.
            Tag::Emphasis | Tag::Superscript | Tag::Subscript | Tag::MetadataBlock(_) => {
                self.open(Kind::Emphasis);
            }
        }
    }

    fn end(&mut self, tag: TagEnd) {
        if self.too_deep > 0 {
            self.too_deep -= 1;
            return;
        }
        let Some(frame) = self.open.pop() else { return };
        let Frame { kind, attributes, mut children, .. } = frame;
        match (tag, kind) {
            (_, Open::FootnoteDefinition(name)) => {
                let number = self.footnotes.number(&name);
                let known = &mut self.footnotes.known[number].1;
                known.get_or_insert(Definition { attributes, blocks: children });
                self.top().last_footnote = Some(number);
            }
            (TagEnd::Paragraph, Open::Node(kind)) => {
                set_off_math(&mut children);
                match <[Node; 1]>::try_from(children) {
                    Ok([only @ Node { kind: Kind::Math { display: true, .. }, .. }]) => {
                        self.add(only);
                    }
                    Ok(only) => self.add(Node { kind, attributes, children: only.into() }),
                    Err(children) => self.add(Node { kind, attributes, children }),
                }
            }
            (TagEnd::Item | TagEnd::DefinitionListDefinition, Open::Node(kind)) => {
                set_off_math(&mut children);
                self.add(Node { kind, attributes, children });
            }
            (TagEnd::HtmlBlock, Open::Node(Kind::Html { html, .. })) => self.end_html(&html),
            (TagEnd::Table, Open::Node(kind)) => {
                let rows = children.split_off(children.len().min(1));
                if !rows.is_empty() {
                    children.push(Node::with_children(Kind::TableBody, rows));
                }
                self.add(Node { kind, attributes, children });
            }
            (TagEnd::TableHead, Open::Node(kind)) => {
                let children = vec![Node::with_children(Kind::Row, children)];
                self.add(Node { kind, attributes, children });
            }
            (TagEnd::Image, Open::Node(kind)) => self.end_image(kind, attributes, &children),
            (_, Open::Node(kind)) => self.add(Node { kind, attributes, children }),
        }
    }

    /// Opens a quote. GitHub's alerts (`> [!NOTE]`) get a class and a first line with their kind.
    fn block_quote(&mut self, alert: Option<BlockQuoteKind>) {
        let (class, title) = match alert {
            None => return self.open(Kind::BlockQuote),
            Some(BlockQuoteKind::Note) => ("note", "Note"),
            Some(BlockQuoteKind::Tip) => ("tip", "Tip"),
            Some(BlockQuoteKind::Important) => ("important", "Important"),
            Some(BlockQuoteKind::Warning) => ("warning", "Warning"),
            Some(BlockQuoteKind::Caution) => ("caution", "Caution"),
        };
        let mut attributes = Attributes::default();
        attributes.set("class", format!("markdown-alert markdown-alert-{class}"));
        self.open_with(Open::Node(Kind::BlockQuote), attributes);
        let mut line = Node::with_children(Kind::Paragraph, vec![Node::text(title)]);
        line.attributes.set("class", "markdown-alert-title");
        self.add(line);
    }

    /// Adds a block of raw HTML, or applies the attribute list that it represents.
    fn end_html(&mut self, html: &str) {
        if let Some(list) = self.lists.in_comment(html) {
            return self.block_list(list);
        }
        let html = self.lists.restored(html).into_owned();
        self.add(Node::new(Kind::Html { html, block: true }));
    }

    fn end_image(&mut self, kind: Kind, mut attributes: Attributes, children: &[Node]) {
        let title = attributes.remove("title");
        attributes.set("alt", alternative_text(children));
        if let Some(title) = title {
            attributes.set("title", title);
        }
        self.add(Node { kind, attributes, children: Vec::new() });
    }

    fn open(&mut self, kind: Kind) {
        self.open_with(Open::Node(kind), Attributes::default());
    }

    fn open_with(&mut self, kind: Open, attributes: Attributes) {
        if self.too_deep > 0 || self.open.len() >= DEEPEST {
            self.too_deep += 1;
        } else {
            self.open.push(Frame::new(kind, attributes));
        }
    }

    fn top(&mut self) -> &mut Frame {
        self.open.last_mut().unwrap_or(&mut self.root)
    }

    fn add(&mut self, mut node: Node) {
        let top = self.top();
        top.last_footnote = None;
        if let Some(attributes) = top.for_next.take() {
            node.attributes.merge(&attributes);
        }
        top.children.push(node);
    }

    fn text(&mut self, text: &str) {
        let lists = self.lists;
        let literal = match &mut self.top().kind {
            Open::Node(Kind::CodeBlock { text, .. } | Kind::Html { html: text, .. }) => Some(text),
            _ => None,
        };
        if let Some(literal) = literal {
            return literal.push_str(&lists.restored(text));
        }
        for piece in lists.pieces(text) {
            match piece {
                Piece::Text(text) => self.plain_text(text),
                Piece::List(list) => self.span_list(list),
            }
        }
    }

    fn plain_text(&mut self, text: &str) {
        let children = &mut self.top().children;
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            prices_are_text(children);
        }
        match children.last_mut().map(|node| &mut node.kind) {
            Some(Kind::Text(before)) => before.push_str(text),
            Some(_) => children.push(Node::text(text)),
            // A space is only possible after the attribute list of an item.
            None => children.push(Node::text(text.trim_start())),
        }
    }

    fn html(&mut self, html: CowStr<'_>) {
        let lists = self.lists;
        match &mut self.top().kind {
            // Lists in it are restored at its end, when it turns out to be more than one list.
            Open::Node(Kind::Html { html: before, .. }) => before.push_str(&html),
            // A block that was too deep to be opened.
            _ if lists.in_comment(&html).is_some() => {}
            _ => {
                let html = self.restored(html);
                self.add(Node::new(Kind::Html { html, block: false }));
            }
        }
    }

    fn tick(&mut self, done: bool) {
        if self.too_deep > 0 {
            return;
        }
        let item = self.open.iter_mut().rev().find_map(|frame| match &mut frame.kind {
            Open::Node(Kind::Item { task }) => Some(task),
            _ => None,
        });
        if let Some(task) = item {
            *task = Some(done);
        }
    }

    /// Adds the attributes of a list inside a line to the span before it. A list at the start of an
    /// item belongs to the item; any other is text.
    fn span_list(&mut self, list: &Found) {
        let top = self.top();
        match top.children.last_mut() {
            Some(before) if takes_attributes(&before.kind) => {
                before.attributes.merge(&list.attributes);
            }
            Some(_) => self.plain_text(list.source()),
            None => match self.item_at_start() {
                Some(item) => item.attributes.merge(&list.attributes),
                None => self.plain_text(list.source()),
            },
        }
    }

    /// The open item, if it is still empty.
    fn item_at_start(&mut self) -> Option<&mut Frame> {
        let is_paragraph = matches!(self.open.last()?.kind, Open::Node(Kind::Paragraph));
        let depth = if is_paragraph { 2 } else { 1 };
        let index = self.open.len().checked_sub(depth)?;
        let frame = &mut self.open[index];
        let is_item =
            matches!(frame.kind, Open::Node(Kind::Item { .. })) && frame.children.is_empty();
        is_item.then_some(frame)
    }

    /// Adds the attributes of a list on a line of its own to the block right above it, or if there
    /// is none, to the next one.
    fn block_list(&mut self, list: &Found) {
        if self.too_deep > 0 {
            return;
        }
        let footnotes = &mut self.footnotes.known;
        let top = self.open.last_mut().unwrap_or(&mut self.root);
        if !list.after_blank {
            let footnote = top.last_footnote.and_then(|number| footnotes[number].1.as_mut());
            if let Some(footnote) = footnote {
                return footnote.attributes.merge(&list.attributes);
            }
            match top.children.last_mut() {
                Some(block) if block.kind.is_block() => {
                    block.attributes.merge(&list.attributes);
                    if let (Kind::List { start }, true) = (&block.kind, list.is_toc) {
                        block.kind = Kind::TableOfContents { ordered: start.is_some() };
                        block.children.clear();
                    }
                    return;
                }
                // The text of an item may have no paragraph.
                Some(_) => return top.attributes.merge(&list.attributes),
                None => {}
            }
        }
        if !list.attributes.is_empty() {
            top.for_next.get_or_insert_default().merge(&list.attributes);
        }
    }

    fn target(&self, name: &'static str, address: &str, title: CowStr<'_>) -> Attributes {
        let mut attributes = Attributes::default();
        attributes.set(name, encoded(address));
        if !title.is_empty() {
            attributes.set("title", self.restored(title));
        }
        attributes
    }

    fn restored(&self, text: CowStr<'_>) -> String {
        match self.lists.restored(&text) {
            std::borrow::Cow::Owned(restored) => restored,
            std::borrow::Cow::Borrowed(_) => text.into_string(),
        }
    }
}

impl Footnotes {
    /// The number of the footnote with this name, which is not case-sensitive.
    fn number(&mut self, name: &str) -> usize {
        *self.numbers.entry(name.to_lowercase()).or_insert_with(|| {
            // The name becomes part of an id, which cannot contain spaces.
            self.known.push((name.replace(char::is_whitespace, "-"), None));
            self.known.len() - 1
        })
    }
}

/// Numbers footnotes in the order of the first references to them, first from the text, then from
/// each other. Footnotes without references are dropped.
fn numbered(blocks: &mut [Node], mut known: Vec<(String, Option<Definition>)>) -> Vec<Footnote> {
    let mut order = Order { places: vec![None; known.len()], numbers: Vec::new() };
    order.number(blocks);
    let mut next = 0;
    while let Some(&(number, _)) = order.numbers.get(next) {
        if let Some(definition) = &mut known[number].1 {
            order.number(&mut definition.blocks);
        }
        next += 1;
    }
    let footnote = |(number, references): (usize, usize)| {
        let (name, definition) = std::mem::take(&mut known[number]);
        let Definition { attributes, blocks } = definition.unwrap_or_default();
        Footnote { name, attributes, blocks, references }
    };
    order.numbers.into_iter().map(footnote).collect()
}

struct Order {
    /// The index in `numbers` of each footnote, by its number while parsing.
    places: Vec<Option<usize>>,
    /// In order: the number of a footnote while parsing, and the number of references to it.
    numbers: Vec<(usize, usize)>,
}

impl Order {
    fn number(&mut self, nodes: &mut [Node]) {
        for node in nodes {
            if let Kind::FootnoteReference { footnote, occurrence } = &mut node.kind {
                let place = *self.places[*footnote].get_or_insert_with(|| {
                    self.numbers.push((*footnote, 0));
                    self.numbers.len() - 1
                });
                let references = &mut self.numbers[place].1;
                *occurrence = *references;
                *references += 1;
                *footnote = place;
            }
            self.number(&mut node.children);
        }
    }
}

/// Keeps formulas between `$$` as blocks only if they are on lines of their own. Within a sentence,
/// `$$` is kramdown's syntax for inline TeX.
fn set_off_math(nodes: &mut [Node]) {
    let is_break = |node: Option<&Node>| {
        node.is_none_or(|node| node.kind.is_block() || is_line_end(&node.kind))
    };
    for index in 0..nodes.len() {
        let alone = is_break(index.checked_sub(1).map(|before| &nodes[before]))
            && is_break(nodes.get(index + 1));
        if let Kind::Math { display, .. } = &mut nodes[index].kind {
            *display &= alone;
        }
    }
}

/// Turns a formula right before a digit back into text: `$5-$6` are two prices.
fn prices_are_text(nodes: &mut Vec<Node>) {
    let Some(Kind::Math { tex, display: false }) = nodes.last().map(|node| &node.kind) else {
        return;
    };
    let text = format!("${tex}$");
    nodes.pop();
    match nodes.last_mut().map(|node| &mut node.kind) {
        Some(Kind::Text(before)) => before.push_str(&text),
        _ => nodes.push(Node::text(text)),
    }
}

fn is_line_end(kind: &Kind) -> bool {
    matches!(kind, Kind::SoftBreak | Kind::HardBreak)
}

fn math(tex: String, display: bool) -> Node {
    Node::new(Kind::Math { tex, display })
}

/// Whether an attribute list right after a node of this kind belongs to it.
fn takes_attributes(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Link
            | Kind::Image
            | Kind::Code(_)
            | Kind::Emphasis
            | Kind::Strong
            | Kind::Strikethrough
    )
}

/// The language in the info string of a fence, which is its first word, without the braces or commas
/// that some tools append; and what follows.
fn language(info: &str) -> (Option<String>, String) {
    let info = info.trim_start();
    let inside = info.trim_start_matches(['{', '.']);
    let end = inside
        .find(|c: char| c.is_whitespace() || matches!(c, '{' | '}' | ',' | '='))
        .unwrap_or(inside.len());
    // Options alone: `{2,4-6}` or `title="a"`.
    let is_list_of_lines =
        info.starts_with('{') && inside.starts_with(|c: char| c.is_ascii_digit());
    if is_list_of_lines || inside[end..].starts_with('=') {
        return (None, info.to_owned());
    }
    ((end > 0).then(|| inside[..end].to_owned()), inside[end..].trim().to_owned())
}

fn alignment(alignment: cmark::Alignment) -> Option<Alignment> {
    match alignment {
        cmark::Alignment::None => None,
        cmark::Alignment::Left => Some(Alignment::Left),
        cmark::Alignment::Center => Some(Alignment::Center),
        cmark::Alignment::Right => Some(Alignment::Right),
    }
}

fn is_attribute_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':' | '.'))
}

/// Percent-encodes what is not allowed in an address. What the author has encoded is kept, and so
/// are letters beyond ASCII, which browsers encode themselves.
fn encoded(address: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let is_safe = |byte: u8| !(byte <= b' ' || byte == 0x7f || b"\"<>\\^`{|}".contains(&byte));
    if address.bytes().all(is_safe) {
        return address.to_owned();
    }
    let mut encoded = String::with_capacity(address.len() + 8);
    for letter in address.chars() {
        match u8::try_from(letter) {
            Ok(byte) if !byte.is_ascii() || is_safe(byte) => encoded.push(letter),
            Ok(byte) => {
                encoded.push('%');
                encoded.push(char::from(HEX[usize::from(byte >> 4)]));
                encoded.push(char::from(HEX[usize::from(byte & 15)]));
            }
            Err(_) => encoded.push(letter),
        }
    }
    encoded
}

/// The plain text between the brackets of an image.
fn alternative_text(nodes: &[Node]) -> String {
    let mut text = String::new();
    for node in nodes {
        match &node.kind {
            Kind::Text(piece) | Kind::Code(piece) | Kind::Math { tex: piece, .. } => {
                text.push_str(piece);
            }
            Kind::SoftBreak | Kind::HardBreak => text.push(' '),
            Kind::Image => text.push_str(node.attributes.value("alt").unwrap_or_default()),
            _ => text.push_str(&alternative_text(&node.children)),
        }
    }
    text
}
