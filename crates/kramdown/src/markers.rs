//! Replaces markers with their embeds, everywhere in a document.

use crate::embed::{self, Embeds, Piece};
use crate::tree::{Document, Kind, Node};

/// Replaces all markers in `document`.
///
/// In text, a marker becomes a [`Kind::Embed`]. Where only text is allowed (code, TeX, attributes),
/// it becomes the embed's plain text; in raw HTML, its HTML. An embed that is a block ends the
/// paragraph that it is in, because HTML has no blocks in paragraphs; if it is alone in the
/// paragraph, it replaces it.
pub fn resolve(document: &mut Document, embeds: &Embeds) {
    resolve_siblings(&mut document.blocks, embeds);
    for footnote in &mut document.footnotes {
        as_text(&mut footnote.name, embeds);
        resolve_siblings(&mut footnote.blocks, embeds);
    }
}

/// Replaces all markers in nodes on one line.
pub fn resolve_inline(nodes: &mut Vec<Node>, embeds: &Embeds) {
    resolve_siblings(nodes, embeds);
}

fn resolve_siblings(nodes: &mut Vec<Node>, embeds: &Embeds) {
    let mut has_splits = false;
    for node in &mut *nodes {
        resolve_attributes(node, embeds);
        match &mut node.kind {
            Kind::Html { html, .. } if embed::has_marker(html) => *html = embeds.in_html(html),
            Kind::CodeBlock { language, text } => {
                as_text(text, embeds);
                if let Some(language) = language {
                    as_text(language, embeds);
                }
            }
            Kind::Math { tex, .. } if embed::has_marker(tex) => *tex = embeds.in_tex(tex),
            Kind::Code(text) | Kind::Abbreviation(text) => as_text(text, embeds),
            _ => {}
        }
        resolve_siblings(&mut node.children, embeds);
        has_splits |= is_split(node, embeds);
    }
    if !has_splits {
        return;
    }
    let mut resolved = Vec::with_capacity(nodes.len() + 1);
    for node in nodes.drain(..) {
        match &node.kind {
            _ if !is_split(&node, embeds) => resolved.push(node),
            Kind::Text(text) => {
                resolved.extend(embed::pieces(text).map(|piece| match piece {
                    Piece::Text(text) => Node::text(text),
                    Piece::Embed(number) => Node::new(Kind::Embed(number)),
                }));
            }
            _ => resolved.extend(without_blocks(node, embeds)),
        }
    }
    *nodes = resolved;
}

/// Whether a node becomes several: a text with markers, or a paragraph with blocks in it.
fn is_split(node: &Node, embeds: &Embeds) -> bool {
    match &node.kind {
        Kind::Text(text) => embed::has_marker(text),
        Kind::Paragraph => node.children.iter().any(|child| is_block_embed(child, embeds)),
        _ => false,
    }
}

/// Splits a paragraph at the embeds in it that are blocks.
fn without_blocks(paragraph: Node, embeds: &Embeds) -> Vec<Node> {
    let attributes = paragraph.attributes;
    let mut parts: Vec<Node> = Vec::new();
    for child in paragraph.children {
        if is_block_embed(&child, embeds) {
            let has_attributes = !attributes.is_empty();
            parts.push(if has_attributes {
                let name = "div".to_owned();
                let attributes = attributes.clone();
                Node {
                    kind: Kind::Element { name, block: true },
                    attributes,
                    children: vec![child],
                }
            } else {
                child
            });
        } else {
            match parts.last_mut() {
                Some(part) if part.kind == Kind::Paragraph => part.children.push(child),
                _ => parts.push(Node {
                    kind: Kind::Paragraph,
                    attributes: attributes.clone(),
                    children: vec![child],
                }),
            }
        }
    }
    for part in &mut parts {
        trim(&mut part.children);
    }
    parts.retain(|part| part.kind != Kind::Paragraph || !part.children.is_empty());
    parts
}

fn trim(nodes: &mut Vec<Node>) {
    let start = nodes.iter().take_while(|node| is_space(node)).count();
    nodes.drain(..start);
    let end = nodes.iter().rev().take_while(|node| is_space(node)).count();
    nodes.truncate(nodes.len() - end);
    if let Some(Kind::Text(text)) = nodes.first_mut().map(|node| &mut node.kind) {
        *text = text.trim_start().to_owned();
    }
    if let Some(Kind::Text(text)) = nodes.last_mut().map(|node| &mut node.kind) {
        text.truncate(text.trim_end().len());
    }
}

fn is_block_embed(node: &Node, embeds: &Embeds) -> bool {
    match node.kind {
        Kind::Embed(number) => embeds.numbered(number).is_some_and(|embed| embed.block),
        _ => false,
    }
}

fn is_space(node: &Node) -> bool {
    match &node.kind {
        Kind::SoftBreak | Kind::HardBreak => true,
        Kind::Text(text) => text.trim().is_empty(),
        _ => false,
    }
}

fn resolve_attributes(node: &mut Node, embeds: &Embeds) {
    let marked: Vec<(String, String)> = node
        .attributes
        .iter()
        .filter(|(_, value)| embed::has_marker(value))
        .map(|(name, value)| (name.to_owned(), embeds.as_text(value)))
        .collect();
    for (name, value) in marked {
        node.attributes.set(name, value);
    }
}

fn as_text(text: &mut String, embeds: &Embeds) {
    if embed::has_marker(text) {
        *text = embeds.as_text(text);
    }
}
