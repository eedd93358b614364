//! Abbreviations, `*[HTML]: HyperText Markup Language`, for CommonMark; kramdown has its own.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::super::scan;
use kramdown::tree::{Kind, Node};

/// The abbreviations of a text with their meanings.
#[derive(Debug, Default)]
pub(in super::super) struct Abbreviations(BTreeMap<String, String>);

impl Abbreviations {
    /// Takes the definitions out of a text: lines outside of code.
    pub(in super::super) fn take_out(text: Cow<'_, str>) -> (Cow<'_, str>, Abbreviations) {
        let mut found = Abbreviations::default();
        if !text.starts_with("*[") && !text.contains("\n*[") {
            return (text, found);
        }
        let mut kept = String::with_capacity(text.len());
        let mut at = 0;
        while at < text.len() {
            let end = scan::end_of_fence(&text, at).unwrap_or_else(|| {
                text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1)
            });
            let line = &text[at..end];
            at = end;
            match definition(line) {
                Some((name, meaning)) => {
                    found.0.insert(name.to_owned(), meaning.to_owned());
                    // The line stays, so that places and paragraphs do.
                    kept.push('\n');
                }
                None => kept.push_str(line),
            }
        }
        (kept.into(), found)
    }

    /// Marks abbreviations that are whole words, preferring the longest.
    pub(super) fn mark(&self, nodes: &mut Vec<Node>) {
        if self.0.is_empty() {
            return;
        }
        let mut marked = Vec::with_capacity(nodes.len());
        for mut node in nodes.drain(..) {
            if let Kind::Text(text) = &node.kind {
                self.split(text, &mut marked);
            } else {
                self.mark(&mut node.children);
                marked.push(node);
            }
        }
        *nodes = marked;
    }

    fn split(&self, text: &str, into: &mut Vec<Node>) {
        let mut written = 0;
        let mut after_word = false;
        let mut letters = text.char_indices();
        while let Some((at, letter)) = letters.next() {
            let found = Some(&text[at..]).filter(|_| !after_word).and_then(|rest| self.at(rest));
            after_word = letter.is_alphanumeric();
            let Some((name, meaning)) = found else { continue };
            if written < at {
                into.push(Node::text(&text[written..at]));
            }
            let mut node = Node::new(Kind::Abbreviation(name.to_owned()));
            node.attributes.set("title", meaning);
            into.push(node);
            written = at + name.len();
            while letters.clone().next().is_some_and(|(next, _)| next < written) {
                letters.next();
            }
            after_word = true;
        }
        if written < text.len() {
            into.push(Node::text(&text[written..]));
        }
    }

    fn at(&self, rest: &str) -> Option<(&str, &str)> {
        let is_whole = |name: &str| {
            rest.strip_prefix(name).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        };
        let names = self.0.iter().filter(|(name, _)| is_whole(name));
        let longest = names.max_by_key(|(name, _)| name.len());
        longest.map(|(name, meaning)| (name.as_str(), meaning.as_str()))
    }
}

fn definition(line: &str) -> Option<(&str, &str)> {
    let (name, meaning) = line.strip_prefix("*[")?.split_once("]:")?;
    let name = name.trim();
    (!name.is_empty()).then(|| (name, meaning.trim()))
}
