//! Marks abbreviations in text.

use crate::block::Context;
use crate::scan::is_word_byte;
use crate::tree::{Kind, Node};

/// Splits text at defined abbreviations that are whole words, preferring the longest.
pub(super) fn mark(nodes: Vec<Node>, context: &Context<'_>) -> Vec<Node> {
    if context.definitions.abbreviations.is_empty() {
        return nodes;
    }
    let mut marked = Vec::with_capacity(nodes.len());
    for mut node in nodes {
        if let Kind::Text(text) = &node.kind {
            split(text, context, &mut marked);
        } else {
            node.children = mark(node.children, context);
            marked.push(node);
        }
    }
    marked
}

fn split(text: &str, context: &Context<'_>, into: &mut Vec<Node>) {
    let mut written = 0;
    let mut at = 0;
    while at < text.len() {
        match found(text, at, context) {
            Some(node) => {
                if written < at {
                    into.push(Node::text(&text[written..at]));
                }
                let Kind::Abbreviation(name) = &node.kind else { break };
                at += name.len();
                written = at;
                into.push(node);
            }
            None => at += text[at..].chars().next().map_or(1, char::len_utf8),
        }
    }
    if written < text.len() {
        into.push(Node::text(&text[written..]));
    }
}

/// The abbreviation that starts at this byte.
fn found(text: &str, at: usize, context: &Context<'_>) -> Option<Node> {
    let definitions = &context.definitions;
    let after_word = text.as_bytes()[..at].last().is_some_and(|&byte| is_word_byte(byte));
    if after_word {
        return None;
    }
    let rest = &text[at..];
    let (name, abbreviation) = definitions.abbreviation_lengths.iter().find_map(|&length| {
        let name = rest
            .get(..length)
            .filter(|_| !rest.as_bytes().get(length).copied().is_some_and(is_word_byte))?;
        definitions.abbreviations.get_key_value(name)
    })?;
    let mut node = Node::new(Kind::Abbreviation(name.clone()));
    node.attributes = abbreviation.list.resolved(&definitions.attribute_lists);
    if !abbreviation.title.is_empty() {
        node.attributes.set("title", abbreviation.title.clone());
    }
    Some(node)
}
