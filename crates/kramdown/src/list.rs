//! Lists.
//!
//! An item consists of the text after its marker and every line that is lazy or indented as far as
//! that text. Its text is collected without the indentation and then parsed as blocks of its own.

use crate::attributes::{List, parse_list};
use crate::block::{self, Block, BlockKind, Parser, is_ascii_space};
use crate::html_tag;
use crate::scan::{self, line_length};

/// An item while its lines are collected.
struct Item {
    list: List,
    /// Texts that are parsed one after another. A nested list starts a new one, so that it is not a
    /// lazy line.
    parts: Vec<String>,
}

impl Parser<'_, '_, '_> {
    /// `*`, `+` or `-` items, or numbered ones.
    pub(super) fn list(&mut self, blocks: &mut Vec<Block>) -> bool {
        let Some(first) = scan::list_marker(self.rest(), 3) else { return false };
        let waiting = self.pending.take().unwrap_or_default();
        let (items, ended) = self.items(first.ordered);
        let mut list = Block::new(BlockKind::List { ordered: first.ordered });
        list.list = waiting;
        for item in items {
            let mut children = Vec::new();
            for part in &item.parts {
                self.item_blocks(part, &mut children);
            }
            list.children.push(Block {
                kind: BlockKind::Item { task: None },
                list: item.list,
                children,
            });
        }
        let last_blank = settle(&mut list.children, ended);
        if self.context.options.gfm {
            mark_tasks(&mut list);
        }
        blocks.push(list);
        blocks.extend(last_blank.filter(|_| !ended));
        true
    }

    /// Collects all items, and says whether a `^` ended the list.
    fn items(&mut self, ordered: bool) -> (Vec<Item>, bool) {
        let mut items: Vec<Item> = Vec::new();
        let mut indentation = 4;
        let mut after_blank = false;
        let mut nested = false;
        while self.position < self.text.len() {
            let rest = self.rest();
            if after_blank && scan::is_rule(rest) {
                break;
            }
            if scan::is_end_marker(rest) {
                self.position += line_length(rest);
                return (items, true);
            }
            let marker = scan::list_marker(rest, (indentation - 1).min(3))
                .filter(|marker| marker.ordered == ordered);
            if let Some(marker) = marker {
                let (text, list, column) = self.first_line(marker.length);
                nested = scan::list_marker(&text, 3).is_some();
                indentation = column;
                items.push(Item { list, parts: vec![text] });
                after_blank = false;
                continue;
            }
            let Some(item) = items.last_mut() else { break };
            let part = item.parts.last_mut().expect("an item starts with one part");
            if scan::is_blank_line(rest) {
                let length = scan::blank_lines(rest);
                part.push_str(&rest[..length]);
                self.position += length;
                nested = true;
                after_blank = true;
                continue;
            }
            let belongs =
                is_indented_by(rest, indentation) || !after_blank && is_lazy(rest, indentation);
            if !belongs {
                break;
            }
            let length = line_length(rest);
            let line = with_spaces(&rest[..length]);
            match strip_spaces(&line, indentation) {
                Some(text) if !nested && scan::list_marker(text, 3).is_some() => {
                    nested = true;
                    item.parts.push(text.to_owned());
                }
                Some(text) => part.push_str(text),
                None if nested && scan::list_marker(&line, 3).is_some() => {
                    // Too deep for a list: a lazy line is text, even if it looks like an item.
                    part.extend(std::iter::repeat_n(' ', indentation + 4));
                    part.push_str(&line);
                }
                None => part.push_str(&line),
            }
            self.position += length;
            after_blank = false;
        }
        (items, false)
    }

    /// Reads the line with the marker of an item: the text after it, the attribute list that the
    /// text may start with, and the column of the text.
    pub(super) fn first_line(&mut self, marker: usize) -> (String, List, usize) {
        let rest = self.rest();
        let line = &rest[marker..line_length(rest)];
        self.position += marker + line.len();
        let (list, text) = leading_list(line);
        let is_empty = text.trim_matches(is_ascii_space).is_empty();
        let column = if is_empty { 4 } else { marker + width(line, marker) };
        (text.trim_start_matches(is_ascii_space).to_owned(), list, column)
    }

    /// Parses a part of an item after those that are already parsed.
    fn item_blocks(&mut self, text: &str, blocks: &mut Vec<Block>) {
        let before = std::mem::take(blocks);
        *blocks = block::blocks_after(before, text, self.context, self.depth + 2);
    }
}

/// The attribute list at the start of an item's text, and the text after it.
pub(super) fn leading_list(text: &str) -> (List, &str) {
    let start = text.trim_start_matches(is_ascii_space);
    match start.strip_prefix("{:").and_then(scan::attribute_list) {
        Some((list, after)) => (parse_list(list), after.trim_start_matches(is_ascii_space)),
        None => (List::default(), text),
    }
}

/// The width of the white space at the start of the text, if it starts after `before` columns.
fn width(text: &str, before: usize) -> usize {
    let mut column = before;
    for byte in text.bytes() {
        match byte {
            b' ' => column += 1,
            b'\t' => column += 4 - column % 4,
            _ => break,
        }
    }
    column - before
}

/// Whether the line is indented by this many columns, where a tab may replace four spaces.
pub(super) fn is_indented_by(text: &str, columns: usize) -> bool {
    let mut rest = text;
    for _ in 0..columns / 4 {
        if !scan::is_indented(rest) {
            return false;
        }
        rest = scan::without_indentation(rest);
    }
    scan::is_indented(rest)
        || rest.bytes().take(columns % 4).take_while(|&byte| byte == b' ').count() == columns % 4
}

/// Whether a line that is not indented may still belong to the item: it is neither an attribute
/// list nor the tag of a block element.
pub(super) fn is_lazy(text: &str, columns: usize) -> bool {
    let spaces = text.bytes().take(columns.min(3)).take_while(|&byte| byte == b' ').count();
    let start = &text[spaces..];
    let is_tag = start.starts_with('<') && html_tag::ends_lazy(start);
    !is_tag && !scan::is_attribute_line(start)
}

/// The line with four spaces for each tab at its start.
pub(super) fn with_spaces(line: &str) -> std::borrow::Cow<'_, str> {
    let tabs = scan::count(line, |byte| byte == b'\t');
    if tabs == 0 { line.into() } else { (" ".repeat(4 * tabs) + &line[tabs..]).into() }
}

/// The line without this many spaces, if it starts with them.
pub(super) fn strip_spaces(line: &str, columns: usize) -> Option<&str> {
    let spaces = line.bytes().take(columns).take_while(|&byte| byte == b' ').count();
    (spaces == columns).then(|| &line[columns..])
}

/// Decides in which items the first paragraph is bare, and removes blank lines at the ends of
/// items. Returns those of the last item.
///
/// A paragraph is bare if no blank line follows it in its item. A blank line after the last item
/// may belong to the list, so the last item follows the others: its paragraph is kept only if all
/// of theirs are.
fn settle(items: &mut [Block], ended: bool) -> Option<Block> {
    let count = items.len();
    let mut some_before_bare = count == 1;
    let mut last_blank = None;
    for (index, item) in items.iter_mut().enumerate() {
        let is_last = index + 1 == count;
        let children = &mut item.children;
        let starts_with_paragraph = children.first().is_some_and(Block::is_paragraph);
        if starts_with_paragraph
            && children.len() > 1
            && children[1].kind == BlockKind::AfterList
            && children[0].list != List::default()
        {
            children.remove(1);
        }
        let blank_follows = children.get(1).is_some_and(Block::is_blank);
        let only_blank_at_end = is_last && children.len() == 2 && !ended;
        let bare = starts_with_paragraph
            && (!blank_follows || only_blank_at_end)
            && (!is_last || some_before_bare);
        if bare {
            let is_followed = children.len() > 1 && !blank_follows;
            children[0].make_bare(is_followed);
        }
        some_before_bare |= bare || !starts_with_paragraph;
        last_blank =
            if children.last().is_some_and(Block::is_blank) { children.pop() } else { None };
    }
    last_blank
}

/// Turns `[ ]` and `[x]` at the start of items into check boxes. Items after the first such item
/// also get the class of tasks.
fn mark_tasks(list: &mut Block) {
    let mut after_task = false;
    for item in &mut list.children {
        let Some(Block { kind: BlockKind::Paragraph { text, .. }, .. }) = item.children.first_mut()
        else {
            continue;
        };
        let done = match text.as_bytes() {
            [b'[', b' ', b']', space, ..] if scan::is_space(*space) => Some(false),
            [b'[', b'x' | b'X', b']', space, ..] if scan::is_space(*space) => Some(true),
            _ => None,
        };
        if done.is_some() {
            let rest = text[3..].trim_start_matches(is_ascii_space).to_owned();
            *text = rest;
            after_task = true;
        } else if after_task {
            item.list.attributes.prepend_class("task-list-item");
        }
        item.kind = BlockKind::Item { task: done };
    }
}
