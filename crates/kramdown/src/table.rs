//! Tables: lines with bars, between boundaries.

use crate::block::{Block, BlockKind, Parser, Section, is_ascii_space};
use crate::html_tag;
use crate::scan::{self, count, line, unindented};
use crate::tree::Alignment;

/// A table while its lines are parsed.
#[derive(Default)]
struct Table {
    sections: Vec<Block>,
    /// Rows that are not yet in a section.
    rows: Vec<Block>,
    alignments: Vec<Option<Alignment>>,
    has_foot: bool,
}

impl Parser<'_, '_, '_> {
    /// Rows of cells, with lines of dashes between the head and the bodies and of equals signs
    /// before the foot. Every line must have a bar that is not in code, and a boundary must follow.
    pub(super) fn table(&mut self, blocks: &mut Vec<Block>) -> bool {
        let first = line(self.rest());
        if !first.contains('|') || !has_bar(first) || !self.is_after_boundary(blocks) {
            return false;
        }
        // A pending attribute list is lost if this turns out not to be a table.
        let waiting = self.pending.take().unwrap_or_default();
        let starts_with_bar = unindented(first).starts_with('|');
        let mut table = Table::default();
        let mut rest = self.rest();
        if is_line_of(first, b'-') {
            rest = &rest[first.len()..];
        }
        while has_bar(line(rest)) {
            let line = line(rest);
            if is_line_of(line, b'-') {
                table.separate(line);
            } else if is_line_of(line, b'=') {
                table.start_foot();
            } else {
                match row(line, starts_with_bar) {
                    Some(row) => table.rows.push(row),
                    None => return false,
                }
            }
            rest = &rest[line.len()..];
        }
        if !rest.is_empty() && !scan::is_boundary(rest) {
            return false;
        }
        let text = &self.rest()[..self.rest().len() - rest.len()];
        if text.contains(['`', '<']) && !has_bars_outside_of_spans(text) {
            return false;
        }
        let Some(children) = table.finished() else { return false };
        self.position = self.text.len() - rest.len();
        let columns = children
            .iter()
            .flat_map(|section| &section.children)
            .map(|row| row.children.len())
            .max();
        table.alignments.truncate(columns.unwrap_or(0));
        blocks.push(Block {
            kind: BlockKind::Table { alignments: table.alignments },
            list: waiting,
            children,
        });
        true
    }
}

impl Table {
    /// A line of dashes. The first one below rows ends the head and aligns the columns.
    fn separate(&mut self, line: &str) {
        if self.rows.is_empty() {
            return;
        }
        if self.alignments.is_empty() && !self.has_foot {
            self.end_section(Section::Head);
            self.alignments = alignments(line);
        } else if !self.has_foot {
            self.end_section(Section::Body);
        }
    }

    fn start_foot(&mut self) {
        if !self.rows.is_empty() {
            self.end_section(Section::Body);
        }
        self.has_foot = true;
    }

    fn end_section(&mut self, section: Section) {
        let rows = std::mem::take(&mut self.rows);
        self.sections.push(Block::with_children(BlockKind::Section(section), rows));
    }

    /// All sections, with each row as long as the longest; `None` without a body.
    fn finished(&mut self) -> Option<Vec<Block>> {
        if !self.rows.is_empty() {
            self.end_section(if self.has_foot { Section::Foot } else { Section::Body });
        }
        let mut sections = std::mem::take(&mut self.sections);
        let rows = || sections.iter().flat_map(|section| &section.children);
        let columns = rows().map(|row| row.children.len()).max().unwrap_or(0);
        // Filling up many rows to the length of a long one must not make far more cells than were
        // written.
        let cells: usize = rows().map(|row| row.children.len()).sum();
        let columns =
            if columns.saturating_mul(rows().count()) > 1000 + 100 * cells { 0 } else { columns };
        for row in sections.iter_mut().flat_map(|section| &mut section.children) {
            while row.children.len() < columns {
                row.children.push(Block::new(BlockKind::Cell { text: String::new() }));
            }
        }
        sections
            .iter()
            .any(|section| section.kind == BlockKind::Section(Section::Body))
            .then_some(sections)
    }
}

/// Whether the line has a bar without a backslash before it.
fn has_bar(line: &str) -> bool {
    let bytes = line.as_bytes();
    bytes.iter().enumerate().any(|(at, &byte)| byte == b'|' && (at == 0 || bytes[at - 1] != b'\\'))
}

/// Whether the line is a separator: dashes (or equals signs) with bars, pluses, colons and white
/// space.
fn is_line_of(line: &str, mark: u8) -> bool {
    let allowed =
        |byte: u8| byte == mark || matches!(byte, b'+' | b'|' | b':' | b' ' | b'\t' | b'\n');
    line.bytes().all(allowed) && line.bytes().any(|byte| byte == mark)
}

/// The alignments of the columns, one for each run of dashes, by the colons next to it.
fn alignments(line: &str) -> Vec<Option<Alignment>> {
    let bytes = line.as_bytes();
    let mut alignments = Vec::new();
    let mut at = 0;
    while let Some(start) =
        bytes[at..].iter().position(|&byte| byte == b'-').map(|found| at + found)
    {
        let end = start + count(&line[start..], |byte| byte == b'-');
        let left = start > at && bytes[start - 1] == b':';
        let right = bytes.get(end) == Some(&b':');
        alignments.push(match (left, right) {
            (true, true) => Some(Alignment::Center),
            (true, false) => Some(Alignment::Left),
            (false, true) => Some(Alignment::Right),
            (false, false) => None,
        });
        at = end + usize::from(right);
    }
    alignments
}

/// Splits a line into cells at its bars; `None` if all of them are in code.
fn row(line: &str, starts_with_bar: bool) -> Option<Block> {
    let mut cells = cells(line.trim_matches(is_ascii_space))?;
    if starts_with_bar
        && cells.first().is_some_and(|cell| cell.trim_matches(is_ascii_space).is_empty())
    {
        cells.remove(0);
    }
    if cells.last().is_some_and(|cell| cell.trim_matches(is_ascii_space).is_empty()) {
        cells.pop();
    }
    let cells = cells.iter().map(|cell| {
        let text = cell.trim_matches(is_ascii_space).to_owned();
        Block::new(BlockKind::Cell { text })
    });
    Some(Block::with_children(BlockKind::Row, cells.collect()))
}

/// The texts between the bars that are neither in code nor after a backslash.
fn cells(line: &str) -> Option<Vec<String>> {
    let mut cells = Vec::new();
    let mut cell = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(['|', '`', '<', '\\']) {
        cell.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = match rest.as_bytes()[0] {
            b'|' => {
                cells.push(std::mem::take(&mut cell));
                rest = &rest[1..];
                continue;
            }
            b'\\' if rest[1..].starts_with('|') => {
                cell.push('|');
                rest = &rest[2..];
                continue;
            }
            b'\\' => {
                1 + rest[1..]
                    .chars()
                    .next()
                    .filter(char::is_ascii_punctuation)
                    .map_or(0, char::len_utf8)
            }
            b'`' => code_span_length(rest, cell.is_empty() || cell.ends_with(' ')),
            _ => code_element_length(rest),
        };
        cell.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    cell.push_str(rest);
    let is_row = !cells.is_empty();
    cells.push(cell);
    is_row.then_some(cells)
}

/// The length of the code between backticks, or that of the backticks if nothing ends them.
fn code_span_length(text: &str, after_space: bool) -> usize {
    let ticks = count(text, |byte| byte == b'`');
    let inside = &text[ticks..];
    if ticks == 1 && after_space && inside.bytes().next().is_some_and(scan::is_space) {
        return 1;
    }
    inside.find(&text[..ticks]).map_or(ticks, |length| ticks + length + ticks)
}

/// The length of a `<code>` element, or that of the angle bracket if it is not one.
fn code_element_length(text: &str) -> usize {
    const END: &str = "</code>";
    let found = text.strip_prefix("<code").and_then(|_| text.find(END));
    found.map_or(1, |at| at + END.len())
}

/// Whether each line has a bar that is neither in code nor in an HTML element, which may span
/// several lines.
fn has_bars_outside_of_spans(text: &str) -> bool {
    let text = text.trim_end_matches('\n');
    let mut at = 0;
    let mut has_bar = false;
    let mut unclosed = usize::MAX;
    while let Some(found) = text[at..].find(['|', '\n', '`', '<', '\\']) {
        at += found;
        let rest = &text[at..];
        at += match rest.as_bytes()[0] {
            b'|' => {
                has_bar = true;
                1
            }
            b'\n' if !has_bar => return false,
            b'\n' => {
                has_bar = false;
                1
            }
            b'`' => {
                let ticks = count(rest, |byte| byte == b'`');
                let after_space = text[..at].bytes().next_back().is_none_or(scan::is_space);
                let length =
                    if ticks < unclosed { code_span_length(rest, after_space) } else { ticks };
                if length == ticks && !after_space {
                    unclosed = unclosed.min(ticks);
                }
                let line_ends = rest[..length].matches('\n').count();
                if line_ends > usize::from(has_bar) {
                    return false;
                }
                has_bar &= line_ends == 0;
                length
            }
            b'<' => element_length(rest),
            _ => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        };
    }
    has_bar
}

/// The length of the span element that starts here; up to the end of the text if it is not closed.
fn element_length(text: &str) -> usize {
    match html_tag::open_tag(text) {
        Some(tag)
            if html_tag::is_block(&tag.name) || html_tag::is_void(&tag.name) || tag.closed =>
        {
            tag.length
        }
        Some(tag) => {
            html_tag::find_close(text, &tag.name).map_or(text.len(), |(at, length)| at + length)
        }
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_in_code_or_after_a_backslash_do_not_split() {
        let split = |line| cells(line).map(|cells| cells.join("/"));
        assert_eq!(split("a | `b|c` | d"), Some("a / `b|c` / d".to_owned()));
        assert_eq!(split("a\\|b|c"), Some("a|b/c".to_owned()));
        assert_eq!(split("<code>a|b</code>|c"), Some("<code>a|b</code>/c".to_owned()));
        assert_eq!(split("`a|b`"), None);
    }

    #[test]
    fn colons_next_to_dashes_align() {
        use Alignment::{Center, Left, Right};
        assert_eq!(alignments("|:-|-:|:-:|-|\n"), [Some(Left), Some(Right), Some(Center), None]);
        assert_eq!(alignments("+---+:---\n"), [None, Some(Left)]);
    }
}
