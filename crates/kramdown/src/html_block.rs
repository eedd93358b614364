//! HTML elements between blocks.
//!
//! The content of an element is HTML up to the tag that closes it, even across blank lines. With
//! the attribute `markdown="1"` (or `block`, or `span`) it is Markdown.

use crate::block::{Block, BlockKind, Found, MAX_BLOCK_DEPTH, Parser};
use crate::html_tag::{self, Content, OpenTag};
use crate::scan::{self, line_length, unindented};

impl Parser<'_, '_, '_> {
    /// A comment, an element, or the tag that closes the element `enclosing`.
    pub(super) fn html(&mut self, blocks: &mut Vec<Block>, enclosing: Option<&str>) -> Found {
        // A comment must start in the first column; otherwise it is part of a paragraph.
        if let Some(length) = self.comment_length(self.rest()) {
            let html = self.rest()[..length].to_owned();
            self.position += length;
            self.skip_line_end();
            // An attribute list before it stays pending.
            blocks.push(Block::new(BlockKind::Html { html }));
            return Found::Block;
        }
        let line_start = self.position;
        let start = unindented(self.rest());
        self.position = self.text.len() - start.len();
        if let Some(tag) = html_tag::open_tag(start)
            .filter(|tag| !html_tag::is_span(&tag.name.to_ascii_lowercase()))
        {
            let default = if self.context.options.parse_block_html {
                html_tag::default_content(&tag.name)
            } else {
                Content::Raw
            };
            // What follows a script on its line counts as a line of its own, even if it is only the
            // line end.
            let is_verbatim = is_verbatim(&tag.name);
            let element = self.element(tag, default, self.depth);
            if !is_verbatim {
                self.skip_line_end();
            }
            blocks.push(element);
            return Found::Block;
        }
        match html_tag::close_tag(start) {
            Some((name, length)) if enclosing == Some(name.as_str()) => {
                self.position += length;
                Found::ElementEnd
            }
            _ => {
                self.position = line_start;
                Found::Nothing
            }
        }
    }

    fn skip_line_end(&mut self) {
        let rest = self.rest();
        // White space before anything else is its indentation.
        if scan::is_blank_line(rest) {
            self.position += line_length(rest);
        }
    }

    /// The length of the comment that starts here.
    fn comment_length(&mut self, text: &str) -> Option<usize> {
        let inside = text.strip_prefix("<!--").filter(|_| !self.vain.comment)?;
        let found = inside.find("-->").map(|length| length + 7);
        self.vain.comment = found.is_none();
        found
    }

    /// The length of the processing instruction that starts here.
    fn instruction_length(&mut self, text: &str) -> Option<usize> {
        let inside = text.strip_prefix("<?").filter(|_| !self.vain.instruction)?;
        let found = inside.find("?>").map(|length| length + 4);
        self.vain.instruction = found.is_none();
        found
    }

    /// Parses an element after its opening tag. `content` is how its content is parsed unless its
    /// attributes say otherwise.
    fn element(&mut self, tag: OpenTag<'_>, content: Content, depth: usize) -> Block {
        let list = self.pending.take().unwrap_or_default();
        let OpenTag { name, attributes, closed, length } = tag;
        self.position += length;
        let mut attributes = html_tag::attributes(attributes, html_tag::is_known(&name));
        let content = match attributes.remove("markdown").as_deref() {
            Some("0") => Content::Raw,
            Some("1") => html_tag::default_content(&name),
            Some("block") => Content::Blocks,
            Some("span") => Content::Spans,
            _ => content,
        };
        let content = if depth + 1 < MAX_BLOCK_DEPTH { content } else { Content::Raw };
        let children = if closed || html_tag::is_void(&name) {
            Vec::new()
        } else if is_verbatim(&name) {
            vec![Block::new(BlockKind::Html { html: self.until_close(&name).to_owned() })]
        } else {
            self.inside(&name, content, depth)
        };
        Block { kind: BlockKind::Element { name, attributes, content, closed }, list, children }
    }

    fn inside(&mut self, name: &str, content: Content, depth: usize) -> Vec<Block> {
        match content {
            Content::Raw => self.raw_children(name, depth + 1),
            Content::Spans => {
                let text = self.until_close(name).to_owned();
                vec![Block::new(BlockKind::SpanText { text })]
            }
            Content::Blocks => {
                self.skip_line_end();
                let outer = std::mem::replace(&mut self.depth, depth + 1);
                let mut blocks = Vec::new();
                self.run(&mut blocks, Some(name));
                self.depth = outer;
                blocks
            }
        }
    }

    /// Consumes the text up to and including the tag that closes the element, and returns it
    /// without the tag; the rest of the text if there is none.
    fn until_close(&mut self, name: &str) -> &str {
        let rest = self.rest();
        let (at, length) = html_tag::find_close(rest, name).unwrap_or((rest.len(), 0));
        self.position += at + length;
        &rest[..at]
    }

    /// The content of a raw element: text and other elements. Closing tags without an opening tag
    /// are text.
    fn raw_children(&mut self, name: &str, depth: usize) -> Vec<Block> {
        let mut children = Vec::new();
        while self.position < self.text.len() {
            let rest = self.rest();
            let length = rest.find('<').unwrap_or(rest.len());
            add_text(&mut children, &rest[..length]);
            self.position += length;
            let rest = &rest[length..];
            if let Some(length) =
                self.comment_length(rest).or_else(|| self.instruction_length(rest))
            {
                self.position += length;
                children.push(Block::new(BlockKind::Html { html: rest[..length].to_owned() }));
                continue;
            }
            if let Some(tag) = html_tag::open_tag(rest).filter(|_| depth < MAX_BLOCK_DEPTH) {
                let element = self.element(tag, Content::Raw, depth);
                children.push(element);
                continue;
            }
            let length = match html_tag::close_tag(rest) {
                Some((closed, length)) if closed == name => {
                    self.position += length;
                    return children;
                }
                Some((_, length)) => length,
                None => rest.len().min(1),
            };
            add_text(&mut children, &rest[..length]);
            self.position += length;
        }
        children
    }
}

/// Elements whose content is not HTML.
fn is_verbatim(name: &str) -> bool {
    name == "script" || name == "style"
}

fn add_text(children: &mut Vec<Block>, text: &str) {
    match children.last_mut().map(|last| &mut last.kind) {
        _ if text.is_empty() => {}
        Some(BlockKind::RawText { text: known }) => known.push_str(text),
        _ => children.push(Block::new(BlockKind::RawText { text: text.to_owned() })),
    }
}
