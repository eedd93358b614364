//! Turns blocks with their text into the document tree: parses the spans, resolves attribute lists,
//! numbers footnotes.

use std::cell::{Cell, RefCell};

use crate::abbreviation;
use crate::attributes::{List, parse_list};
use crate::block::{Block, BlockKind, Context, Section};
use crate::embed::Embeds;
use crate::entity;
use crate::headings::text_without_embeds;
use crate::html::escape_attribute;
use crate::html_tag::Content;
use crate::ids::{Counts, plain_slug};
use crate::rouge;
use crate::span;
use crate::tree::{Alignment, Attributes, Document, Footnote, Kind, Node, Settings};

/// Makes the document from the blocks and the definitions of a text.
pub(super) fn document(blocks: Vec<Block>, mut context: Context<'_>) -> Document {
    context.definitions.complete();
    let texts = std::mem::take(&mut context.definitions.footnotes);
    let finisher =
        Finisher { context: &context, has_contents: Cell::new(false), ids: RefCell::default() };
    let mut blocks = finisher.nodes(blocks, Place::default());
    let mut unnumbered: Vec<_> = texts
        .into_iter()
        .map(|(name, text)| {
            // An attribute list of a definition is parsed, but has no effect.
            let mut attributes = Attributes::default();
            attributes.set("role", "doc-endnote");
            Some(Footnote {
                name,
                attributes,
                blocks: finisher.nodes(text.blocks, Place::default().deeper(3)),
                references: 0,
            })
        })
        .collect();
    let mut numbers = vec![None; unnumbered.len()];
    let mut footnotes = Vec::new();
    number(&mut blocks, &mut numbers, &mut unnumbered, &mut footnotes);
    // Footnotes may refer to footnotes.
    let mut at = 0;
    while at < footnotes.len() {
        let mut inside: Vec<Node> = std::mem::take(&mut footnotes[at].blocks);
        number(&mut inside, &mut numbers, &mut unnumbered, &mut footnotes);
        footnotes[at].blocks = inside;
        at += 1;
    }
    let options = &context.options;
    for footnote in &mut footnotes {
        footnote.name.insert_str(0, &options.footnote_prefix);
    }
    let settings = Settings {
        first_footnote: options.footnote_nr,
        back_link: options.footnote_backlink.clone(),
        toc_levels: Some(options.toc_levels.clone()),
    };
    Document { blocks, footnotes, settings }
}

/// Numbers footnotes in the order of the references to them, and moves these footnotes to
/// `footnotes`.
fn number(
    nodes: &mut [Node],
    numbers: &mut [Option<usize>],
    unnumbered: &mut [Option<Footnote>],
    footnotes: &mut Vec<Footnote>,
) {
    for node in nodes {
        if let Kind::FootnoteReference { footnote, occurrence } = &mut node.kind {
            if numbers[*footnote].is_none() {
                numbers[*footnote] = Some(footnotes.len());
                footnotes.extend(unnumbered[*footnote].take());
            }
            if let Some(number) = numbers[*footnote] {
                *footnote = number;
                *occurrence = footnotes[number].references;
                footnotes[number].references += 1;
            }
        }
        number(&mut node.children, numbers, unnumbered, footnotes);
    }
}

/// The place of a block in the tree.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    depth: usize,
    /// Whether it is inside an HTML element, where the rules of the GFM parser do not apply.
    in_element: bool,
}

impl Place {
    fn deeper(self, levels: usize) -> Place {
        Place { depth: self.depth + levels, ..self }
    }
}

struct Finisher<'c> {
    context: &'c Context<'c>,
    /// Whether the place of the table of contents has been found.
    has_contents: Cell<bool>,
    /// The ids of headings without GFM.
    ids: RefCell<Counts>,
}

impl Finisher<'_> {
    fn nodes(&self, blocks: Vec<Block>, place: Place) -> Vec<Node> {
        let mut nodes = Vec::with_capacity(blocks.len());
        for block in blocks {
            self.add(block, place, &mut nodes);
        }
        nodes
    }

    /// Adds what a block becomes, usually one node.
    fn add(&self, block: Block, place: Place, nodes: &mut Vec<Node>) {
        let Block { kind, list, children } = block;
        let node = match kind {
            // Blanks and definitions are not visible; the parts of a table are made with it.
            BlockKind::Blank { .. }
            | BlockKind::EndMarker
            | BlockKind::AfterList
            | BlockKind::Definition(_)
            | BlockKind::Section(_)
            | BlockKind::Row
            | BlockKind::Cell { .. } => return,
            BlockKind::Paragraph { text, bare: true } | BlockKind::SpanText { text } => {
                return nodes.extend(self.spans(&text, place));
            }
            BlockKind::Paragraph { text, bare: false } => self.paragraph(&text, &list, place),
            BlockKind::RawText { text } => {
                Node::new(Kind::Html { html: entity::escaped(&text), block: false })
            }
            BlockKind::Html { html } => Node::new(Kind::Html { html, block: true }),
            BlockKind::Heading { level, text, id } => self.heading(level, &text, id, &list, place),
            BlockKind::Term { text } => {
                self.node(Kind::Term, self.spans(&text, place.deeper(1)), &list)
            }
            BlockKind::Table { alignments } => {
                self.node(Kind::Table, self.sections(children, &alignments, place), &list)
            }
            BlockKind::Element { name, mut attributes, content, closed } => {
                attributes.merge(&self.attributes(&list));
                if closed && content == Content::Raw {
                    closed_element(&name, &attributes)
                } else {
                    self.element(name, attributes, content, children, place)
                }
            }
            BlockKind::Code { language, text } => self.code(language, text, &list),
            BlockKind::Math { tex } => {
                // TeX shares a line with the spans around it, which here are the TeX of other
                // blocks.
                if nodes.last().is_some_and(|last| !last.kind.is_block()) {
                    nodes.push(Node::text("\n"));
                }
                if self.context.options.math_engine {
                    self.node(Kind::Math { tex, display: true }, Vec::new(), &list)
                } else {
                    let kind = Kind::Element { name: "div".to_owned(), block: true };
                    let mut node =
                        self.node(kind, vec![Node::text(format!("$$\n{tex}\n$$"))], &list);
                    node.attributes.prepend_class("kdmath");
                    node
                }
            }
            BlockKind::Rule => self.node(Kind::Rule, Vec::new(), &list),
            // Only the first such list of the document; others stay lists.
            BlockKind::List { ordered }
                if list.refers_to("toc") && !self.has_contents.replace(true) =>
            {
                self.node(Kind::TableOfContents { ordered }, Vec::new(), &list)
            }
            BlockKind::List { .. } if list.refers_to("footnotes") => Node::new(Kind::Footnotes),
            BlockKind::List { ordered } => {
                self.container(Kind::List { start: ordered.then_some(1) }, children, &list, place)
            }
            BlockKind::Quote => self.container(Kind::BlockQuote, children, &list, place),
            BlockKind::Item { task } => self.container(Kind::Item { task }, children, &list, place),
            BlockKind::DefinitionList => {
                let mut node = self.container(Kind::DefinitionList, children, &list, place);
                let prefix = list.references.iter().find_map(|word| word.strip_prefix("auto_ids"));
                if let Some(prefix) =
                    prefix.map(|prefix| prefix.strip_prefix('-').unwrap_or(prefix))
                {
                    set_ids_of_terms(&mut node, prefix);
                }
                node
            }
            BlockKind::DefinitionItem => self.container(Kind::Definition, children, &list, place),
        };
        nodes.push(node);
    }

    fn container(&self, kind: Kind, children: Vec<Block>, list: &List, place: Place) -> Node {
        self.node(kind, self.nodes(children, place.deeper(1)), list)
    }

    fn node(&self, kind: Kind, children: Vec<Node>, list: &List) -> Node {
        Node { kind, attributes: self.attributes(list), children }
    }

    fn attributes(&self, list: &List) -> Attributes {
        list.resolved(&self.context.definitions.attribute_lists)
    }

    fn spans(&self, text: &str, place: Place) -> Vec<Node> {
        let mut nodes = span::spans(text, self.context, place.depth, place.in_element);
        if text.contains('`') {
            name_languages(&mut nodes, &self.context.options.default_lang);
        }
        abbreviation::mark(nodes, self.context)
    }

    /// A paragraph, or a figure if it is an image with the word `standalone` in its attribute list.
    fn paragraph(&self, text: &str, list: &List, place: Place) -> Node {
        let attributes = self.attributes(list);
        let mut children = self.spans(text, place.deeper(1));
        match children.as_mut_slice() {
            [image] if image.kind == Kind::Image && is_standalone(text) => {
                figure(std::mem::replace(image, Node::text("")), attributes)
            }
            _ => Node { kind: Kind::Paragraph, attributes, children },
        }
    }

    fn heading(
        &self,
        level: u8,
        text: &str,
        id: Option<String>,
        list: &List,
        place: Place,
    ) -> Node {
        let level = level.saturating_add_signed(self.context.options.header_offset).clamp(1, 6);
        let mut node = self.node(Kind::Heading { level }, self.spans(text, place.deeper(1)), list);
        // Without GFM, the id is made from the source text, including marks and addresses of links.
        let options = &self.context.options;
        let needs_id = options.auto_ids && !options.gfm && node.attributes.value("id").is_none();
        let made = || {
            self.ids
                .borrow_mut()
                .id(&plain_slug(&Embeds::default().as_text(text)), &options.auto_id_prefix)
        };
        if let Some(id) = id.or_else(|| needs_id.then(made)) {
            node.attributes.set("id", id);
        }
        node
    }

    /// Code; an attribute list may name its language as a class.
    fn code(&self, language: Option<String>, text: String, list: &List) -> Node {
        let mut attributes = self.attributes(list);
        let default =
            Some(&self.context.options.default_lang).filter(|language| *language != "plaintext");
        let language = take_language(&mut attributes).or(language).or_else(|| default.cloned());
        match language {
            Some(language) if !rouge::is_known(&language) => {
                let mut code = Node::with_children(
                    Kind::Element { name: "code".to_owned(), block: false },
                    vec![Node::text(text)],
                );
                code.attributes.set("class", format!("language-{language}"));
                let mut pre = Node::with_children(
                    Kind::Element { name: "pre".to_owned(), block: true },
                    vec![code],
                );
                pre.attributes = attributes;
                pre
            }
            language => {
                Node { kind: Kind::CodeBlock { language, text }, attributes, children: Vec::new() }
            }
        }
    }

    fn element(
        &self,
        name: String,
        attributes: Attributes,
        content: Content,
        children: Vec<Block>,
        place: Place,
    ) -> Node {
        let inside = Place { in_element: true, ..place.deeper(1) };
        let mut children = self.nodes(children, inside);
        if content == Content::Raw {
            // Inside raw HTML, all white space is kept: nothing is put on lines of its own.
            for child in &mut children {
                match &mut child.kind {
                    Kind::Element { block, .. } | Kind::Html { block, .. } => *block = false,
                    _ => {}
                }
            }
        }
        let mut node = Node::with_children(Kind::Element { name, block: true }, children);
        node.attributes = attributes;
        node
    }

    fn sections(
        &self,
        sections: Vec<Block>,
        alignments: &[Option<Alignment>],
        place: Place,
    ) -> Vec<Node> {
        let sections = sections.into_iter().filter_map(|section| {
            let BlockKind::Section(kind) = section.kind else { return None };
            let rows = section.children.into_iter().map(|row| {
                let cells = row.children.into_iter().enumerate().filter_map(|(column, cell)| {
                    let BlockKind::Cell { text } = cell.kind else { return None };
                    let alignment = alignments.get(column).copied().flatten();
                    let spans = if text.is_empty() {
                        vec![Node::text("\u{a0}")]
                    } else {
                        self.spans(&text, place.deeper(4))
                    };
                    Some(Node::with_children(
                        Kind::Cell { header: kind == Section::Head, alignment },
                        spans,
                    ))
                });
                Node::with_children(Kind::Row, cells.collect())
            });
            let kind = match kind {
                Section::Head => Kind::TableHead,
                Section::Body => Kind::TableBody,
                Section::Foot => Kind::TableFoot,
            };
            Some(Node::with_children(kind, rows.collect()))
        });
        sections.collect()
    }
}

/// `<name />`, as in the source: in HTML, that is different from an element without content.
fn closed_element(name: &str, attributes: &Attributes) -> Node {
    let mut html = format!("<{name}");
    for (name, value) in attributes.iter() {
        html.push(' ');
        html.push_str(name);
        html.push_str("=\"");
        escape_attribute(&mut html, value);
        html.push('"');
    }
    html.push_str(" />");
    Node::new(Kind::Html { html, block: true })
}

/// Gives an id to each term that has none.
fn set_ids_of_terms(definitions: &mut Node, prefix: &str) {
    for term in definitions.children.iter_mut().filter(|node| node.kind == Kind::Term) {
        if term.attributes.value("id").is_none() {
            let text = text_without_embeds(&term.children);
            term.attributes.set("id", format!("{prefix}{}", plain_slug(&text)));
        }
    }
}

/// Adds the classes that Jekyll gives to code in a line.
fn name_languages(nodes: &mut [Node], default: &str) {
    for node in nodes {
        if let Kind::Code(_) = node.kind {
            let language =
                take_language(&mut node.attributes).unwrap_or_else(|| default.to_owned());
            let own = node.attributes.value("class").map_or(String::new(), |own| format!(" {own}"));
            let wrapper = if rouge::is_known(&language) { " highlighter-rouge" } else { "" };
            node.attributes.set("class", format!("language-{language}{own}{wrapper}"));
        }
        name_languages(&mut node.children, default);
    }
}

/// Removes the language from the classes: `language-x`.
fn take_language(attributes: &mut Attributes) -> Option<String> {
    let classes = attributes.value("class")?;
    let language =
        classes.split_whitespace().find_map(|class| class.strip_prefix("language-"))?.to_owned();
    let others: Vec<&str> =
        classes.split_whitespace().filter(|class| !class.starts_with("language-")).collect();
    let others = others.join(" ");
    if others.is_empty() {
        attributes.remove("class");
    } else {
        attributes.set("class", others);
    }
    Some(language)
}

/// Whether the attribute list at the end of the text says `standalone`.
fn is_standalone(text: &str) -> bool {
    let list = text.rsplit_once("{:").and_then(|(_, list)| list.strip_suffix('}'));
    list.is_some_and(|list| parse_list(list).refers_to("standalone"))
}

/// An image with its alternative text as its caption. The class and the id of the image move to the
/// figure.
fn figure(mut image: Node, mut attributes: Attributes) -> Node {
    for name in ["class", "id"] {
        if attributes.value(name).is_none()
            && let Some(value) = image.attributes.remove(name)
        {
            attributes.set(name, value);
        }
    }
    let caption = Node::text(image.attributes.value("alt").unwrap_or_default());
    let caption = Node::with_children(
        Kind::Element { name: "figcaption".to_owned(), block: true },
        vec![caption],
    );
    let kind = Kind::Element { name: "figure".to_owned(), block: true };
    Node { kind, attributes, children: vec![image, caption] }
}
