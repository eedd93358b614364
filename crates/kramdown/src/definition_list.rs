//! Definition lists: lines of terms, then `: definition`.

use crate::attributes::List;
use crate::block::{self, Block, BlockKind, Parser};
use crate::list::{is_indented_by, is_lazy, leading_list, strip_spaces, with_spaces};
use crate::scan::{self, line_length};

/// A definition while its lines are collected.
struct Definition {
    list: List,
    text: String,
    /// Whether a blank line precedes it, which makes its text a paragraph.
    spaced: bool,
}

impl Parser<'_, '_, '_> {
    /// The definitions of the paragraph before them. Each of its lines is a term.
    pub(super) fn definition_list(&mut self, blocks: &mut Vec<Block>) -> bool {
        if scan::definition_marker(self.rest(), 3).is_none() {
            return false;
        }
        let Some((terms, spaced)) = take_terms(blocks) else { return false };
        let mut list = Block::new(BlockKind::DefinitionList);
        let BlockKind::Paragraph { text, .. } = &terms.kind else { return false };
        list.children.extend(text.split('\n').map(|line| {
            let (attributes, text) = leading_list(line);
            Block { list: attributes, ..Block::new(BlockKind::Term { text: text.to_owned() }) }
        }));
        list.list = terms.list;
        let mut last_blank = None;
        for definition in self.definitions(spaced) {
            let mut children = block::blocks(&definition.text, self.context, self.depth + 2);
            if children.is_empty() {
                last_blank = None;
            } else {
                last_blank = if children.last().is_some_and(Block::is_blank) {
                    children.pop()
                } else {
                    None
                };
            }
            let is_followed = children.len() > 1;
            if let Some(first) = children.first_mut().filter(|_| !definition.spaced) {
                first.make_bare(is_followed);
            }
            list.children.push(Block {
                kind: BlockKind::DefinitionItem,
                list: definition.list,
                children,
            });
        }
        add_list(blocks, list);
        blocks.extend(last_blank);
        true
    }

    fn definitions(&mut self, spaced: bool) -> Vec<Definition> {
        let mut definitions: Vec<Definition> = Vec::new();
        let mut indentation = 4;
        let mut spaced = spaced;
        let mut after_blank = false;
        while self.position < self.text.len() {
            let rest = self.rest();
            if let Some(marker) = scan::definition_marker(rest, (indentation - 1).min(3)) {
                let (text, list, column) = self.first_line(marker);
                indentation = column;
                definitions.push(Definition { list, text, spaced });
                spaced = false;
                after_blank = false;
                continue;
            }
            let Some(definition) = definitions.last_mut().filter(|_| !scan::is_end_marker(rest))
            else {
                break;
            };
            if scan::is_blank_line(rest) {
                let length = scan::blank_lines(rest);
                definition.text.push_str(&rest[..length]);
                self.position += length;
                spaced = true;
                after_blank = true;
                continue;
            }
            if !is_indented_by(rest, indentation) && (after_blank || !is_lazy(rest, indentation)) {
                break;
            }
            let length = line_length(rest);
            let line = with_spaces(&rest[..length]);
            definition.text.push_str(strip_spaces(&line, indentation).unwrap_or(&line));
            self.position += length;
            spaced = false;
            after_blank = false;
        }
        definitions
    }
}

/// Removes the paragraph before the definitions from the blocks, and says whether a blank line was
/// in between.
fn take_terms(blocks: &mut Vec<Block>) -> Option<(Block, bool)> {
    let spaced = match blocks.as_slice() {
        [.., last] if last.is_paragraph() => false,
        [.., paragraph, Block { kind: BlockKind::Blank { single: true }, .. }]
            if paragraph.is_paragraph() =>
        {
            true
        }
        _ => return None,
    };
    if spaced {
        blocks.pop();
    }
    blocks.pop().map(|terms| (terms, spaced))
}

/// Adds a definition list, or continues the one right before it.
fn add_list(blocks: &mut Vec<Block>, list: Block) {
    let is_list = |block: &Block| block.kind == BlockKind::DefinitionList;
    if let [.., before, blank] = blocks.as_slice()
        && is_list(before)
        && blank.is_blank()
    {
        blocks.pop();
    }
    match blocks.last_mut().filter(|last| is_list(last)) {
        Some(before) => before.children.extend(list.children),
        None => blocks.push(list),
    }
}
