//! Emphasis: `*light*`, `**strong**`, `~~struck~~`.

use crate::scan;
use crate::span::{Inside, Spans, Stop};
use crate::tree::{Kind, Node};

impl Spans<'_, '_> {
    /// One or two `*` or `_`. Without a closing delimiter, they are text.
    ///
    /// `_` does not open inside a word. Emphasis cannot be inside emphasis of the same strength at
    /// any depth. Two marks without an end may be one mark and text.
    pub(super) fn emphasis(&mut self, nodes: &mut Vec<Node>) -> bool {
        let rest = self.rest();
        let mark = rest.as_bytes()[0];
        let strong = rest.as_bytes().get(1) == Some(&mark);
        let length = if strong { 2 } else { 1 };
        let after = &rest[length..];
        let nested = if strong { self.inside.strong } else { self.inside.emphasis };
        let in_word = mark == b'_' && self.is_after_word();
        let before_space = after.bytes().next().is_some_and(scan::is_space);
        if nested || in_word || before_space || !self.may_try() {
            self.take_text(nodes, length);
            return true;
        }
        let found = self.emphasized(mark, strong).or_else(|| {
            let as_light = strong && !self.inside.directly_emphasis;
            as_light.then(|| self.emphasized(mark, false)).flatten()
        });
        match found {
            Some(node) => self.push(nodes, node),
            None => self.take_text(nodes, length),
        }
        true
    }

    /// Whether a word ends right before, with or without a hyphen after it.
    fn is_after_word(&self) -> bool {
        let before = &self.text[..self.position];
        before.strip_suffix('-').unwrap_or(before).ends_with(char::is_alphabetic)
    }

    /// Parses emphasis of this strength that starts here; consumes nothing if it has no end.
    fn emphasized(&mut self, mark: u8, strong: bool) -> Option<Node> {
        let start = self.position;
        let length = if strong { 2 } else { 1 };
        self.position += length;
        let inside = Inside {
            emphasis: self.inside.emphasis || !strong,
            strong: self.inside.strong || strong,
            directly_emphasis: !strong,
            ..self.inside
        };
        let (children, found) = self.nested(inside, Stop::Emphasis { mark, strong });
        if !found {
            self.position = start;
            return None;
        }
        self.position += length;
        let kind = if strong { Kind::Strong } else { Kind::Emphasis };
        Some(Node::with_children(kind, children))
    }

    /// Whether emphasis ends here. It does not end after a space, light emphasis does not end at
    /// two marks, which belong to strong emphasis, and `_` does not end inside a word.
    pub(super) fn ends_emphasis(&self, mark: u8, strong: bool, nodes: &[Node]) -> bool {
        let rest = self.rest();
        // Three stand for any number, so that a long row of marks is not counted again at each
        // mark.
        let marks = rest.bytes().take(3).take_while(|&byte| byte == mark).count();
        let length = if strong { 2 } else { 1 };
        if marks < length || (!strong && marks == 2) || nodes.is_empty() || self.is_after_space() {
            return false;
        }
        mark != b'_' || !rest[length..].starts_with(char::is_alphanumeric)
    }

    /// `~~text~~`, up to the next two tildes that are not after a space, whatever they are in.
    pub(super) fn strikethrough(&mut self, nodes: &mut Vec<Node>) -> bool {
        let Some(text) = self.rest().strip_prefix("~~").filter(|_| self.may_try()) else {
            return false;
        };
        let Some(length) = struck_length(text) else {
            self.budget = self.budget.saturating_sub(text.len().min(MAX_STRUCK));
            return false;
        };
        let end = self.position + 2 + length;
        self.position += 2;
        let children = self.nested_up_to(end);
        self.position = end + 2;
        self.push(nodes, Node::with_children(Kind::Strikethrough, children));
        true
    }
}

/// The length of the struck text: up to the first `~~` after a character that is neither a space
/// nor a tilde.
fn struck_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_mark = |byte: u8| scan::is_space(byte) || byte == b'~';
    if bytes.first().is_none_or(|&first| is_mark(first)) {
        return None;
    }
    (1..bytes.len().min(MAX_STRUCK))
        .find(|&at| bytes[at..].starts_with(b"~~") && !is_mark(bytes[at - 1]))
}

/// How many bytes are searched for the end of struck text: no paragraph is that long.
const MAX_STRUCK: usize = 10_000;
