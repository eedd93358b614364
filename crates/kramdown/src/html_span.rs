//! HTML inside a line.

use crate::entity;
use crate::html_tag::{self, Content, OpenTag};
use crate::span::{Inside, Spans, Stop};
use crate::tree::{Kind, Node};

impl Spans<'_, '_> {
    /// A comment or an element. Tags of elements that are not allowed inside a line and closing
    /// tags without an opening tag are text. An unclosed element continues up to the end of the
    /// text.
    pub(super) fn html(&mut self, nodes: &mut Vec<Node>) -> bool {
        if let Some(length) = self.comment_length() {
            let html = self.rest()[..length].to_owned();
            self.position += length;
            self.push(nodes, Node::new(Kind::Html { html, block: false }));
            return true;
        }
        if let Some((_, length)) = html_tag::close_tag(self.rest()) {
            self.take_text(nodes, length);
            return true;
        }
        let Some(tag) = html_tag::open_tag(self.rest()) else { return self.take_bracket(nodes) };
        if html_tag::is_block(&tag.name) || self.depth + 2 >= crate::tree::MAX_DEPTH {
            self.take_text(nodes, tag.length);
        } else {
            let node = self.element(tag);
            self.push(nodes, node);
        }
        true
    }

    /// A bracket that could have started a tag is a text of its own; any other is left to other
    /// rules.
    fn take_bracket(&mut self, nodes: &mut Vec<Node>) -> bool {
        let next = self.rest()[1..].chars().next();
        let looks_like_tag = next.is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | '/'));
        if looks_like_tag {
            self.take_text(nodes, 1);
        }
        looks_like_tag
    }

    fn element(&mut self, tag: OpenTag<'_>) -> Node {
        self.position += tag.length;
        let mut attributes = html_tag::attributes(tag.attributes, html_tag::is_known(&tag.name));
        attributes.put_on_one_line();
        let is_raw = html_tag::default_content(&tag.name) == Content::Raw;
        let raw = match attributes.remove("markdown").as_deref() {
            Some("0") => true,
            Some("1") => is_raw,
            Some("span" | "block") => false,
            _ => is_raw || self.raw || !self.context.options.parse_span_html,
        };
        let children = if tag.closed || html_tag::is_void(&tag.name) {
            Vec::new()
        } else {
            self.children(&tag.name, raw)
        };
        let mut node =
            Node::with_children(Kind::Element { name: tag.name, block: false }, children);
        node.attributes = attributes;
        node
    }

    fn children(&mut self, name: &str, raw: bool) -> Vec<Node> {
        let outer = std::mem::replace(&mut self.raw, raw);
        let inside = Inside { directly_emphasis: false, element: true, ..self.inside };
        let (mut children, found) = self.nested(inside, Stop::Element { name: name.to_owned() });
        self.raw = outer;
        if found {
            self.position += html_tag::closes(self.rest(), name).unwrap_or(0);
        }
        if raw {
            keep_references(&mut children);
        }
        children
    }
}

/// Text in raw HTML is HTML: its character references are kept.
fn keep_references(nodes: &mut [Node]) {
    for node in nodes {
        if let Kind::Text(text) = &node.kind {
            node.kind = Kind::Html { html: entity::escaped(text), block: false };
        }
    }
}
