//! Finds the prose in the source of Markdown: what its author wrote as text, without code, formulas,
//! tags, HTML and addresses.

use std::ops::Range;

use pulldown_cmark as cmark;

use super::literal::literals;
use super::{Dialect, commonmark, scan};

/// The prose of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prose {
    /// As long as the source, byte by byte; all that is not prose is spaces.
    pub(crate) text: String,
    /// Paragraphs, headings and cells of tables, in order.
    pub(crate) blocks: Vec<Block>,
}

/// A piece of prose whose sentences belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// Where it is.
    pub(crate) range: Range<usize>,
    /// For a cell of a table, the head of its column.
    pub(crate) head: Option<String>,
}

/// Blocks of Liquid whose content is not prose.
const OPAQUE: [&str; 4] = ["comment", "highlight", "raw", "capture"];

/// The prose of a source, by the rules of CommonMark, which for kramdown differ only in rare cases.
pub(crate) fn prose(source: &str) -> Prose {
    let visible = without_liquid(source);
    let mut shown = vec![b' '; visible.len()];
    let mut blocks = Vec::new();
    let (mut start, mut cell, mut heads) = (None, None, Vec::new());
    let mut hidden = 0;
    let options = commonmark::Options { math: false, smart_punctuation: false, keeps_info: false };
    let events = cmark::Parser::new_ext(&visible, commonmark::extensions(options));
    for (event, range) in events.into_offset_iter() {
        match event {
            cmark::Event::Start(cmark::Tag::CodeBlock(_) | cmark::Tag::MetadataBlock(_)) => {
                hidden += 1;
            }
            cmark::Event::End(cmark::TagEnd::CodeBlock | cmark::TagEnd::MetadataBlock(_)) => {
                hidden -= 1;
            }
            cmark::Event::Start(cmark::Tag::TableHead) => (heads, cell) = (Vec::new(), None),
            cmark::Event::Start(cmark::Tag::TableRow) => cell = Some(0),
            cmark::Event::Start(cmark::Tag::TableCell) => start = Some(range.start),
            cmark::Event::Start(
                cmark::Tag::Paragraph | cmark::Tag::Heading { .. } | cmark::Tag::Item,
            ) => {
                if let Some(from) = start.replace(range.start) {
                    blocks.push(Block { range: from..range.start, head: None });
                }
            }
            cmark::Event::Text(_) if hidden == 0 => {
                start.get_or_insert(range.start);
                shown[range.clone()].copy_from_slice(&visible.as_bytes()[range]);
            }
            cmark::Event::End(cmark::TagEnd::TableCell) => {
                let from = start.take().unwrap_or(range.start);
                match &mut cell {
                    None => heads.push(visible[range.clone()].to_owned()),
                    Some(column) => {
                        let head = heads.get(*column).cloned();
                        blocks.push(Block { range: from..range.end, head });
                        *column += 1;
                    }
                }
            }
            cmark::Event::End(cmark::TagEnd::Table) => cell = None,
            cmark::Event::End(
                cmark::TagEnd::Paragraph | cmark::TagEnd::Heading(_) | cmark::TagEnd::Item,
            ) => {
                if let Some(from) = start.take() {
                    blocks.push(Block { range: from..range.end, head: None });
                }
            }
            _ => {}
        }
    }
    for literal in literals(&visible).into_iter().map(|literal| literal.range) {
        shown[literal].fill(b' ');
    }
    for formula in scan::formulas(&visible, Dialect::CommonMark) {
        shown[formula.range].fill(b' ');
    }
    // Only whole events are shown, and those begin and end between characters.
    let text = without_addresses(String::from_utf8(shown).unwrap_or_default());
    blocks.retain(|block| !text[block.range.clone()].trim().is_empty());
    Prose { text, blocks }
}

/// The source with tags, outputs and attribute lists as spaces, line ends kept.
fn without_liquid(source: &str) -> String {
    let mut text = source.to_owned();
    for (open, close) in [("{%", "%}"), ("{{", "}}"), ("{:", "}"), ("{#", "}"), ("[@", "]")] {
        let mut from = 0;
        while let Some(at) = text[from..].find(open).map(|at| from + at) {
            let Some(length) = text[at..].find(close) else { break };
            let mut end = at + length + close.len();
            let name = text[at + open.len()..end].trim_start_matches(['-', ' ']);
            let name = name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
            if open == "{%" && OPAQUE.contains(&name) {
                let closing = format!("end{name}");
                end = text[end..].find(&closing).map_or(end, |length| end + length);
                end = text[end..].find(close).map_or(end, |length| end + length + close.len());
            }
            blank(&mut text, at..end);
            from = end;
        }
    }
    text
}

/// The text with addresses as spaces.
fn without_addresses(mut text: String) -> String {
    let mut from = 0;
    while let Some(at) = text[from..].find("://").map(|at| from + at) {
        let start = text[..at].rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
        let start = text.ceil_char_boundary(start);
        let length = text[at..].find(char::is_whitespace).unwrap_or(text.len() - at);
        blank(&mut text, start..at + length);
        from = at + length;
    }
    text
}

/// Replaces what is in `range` by as many spaces, and keeps line ends.
fn blank(text: &mut String, range: Range<usize>) {
    let spaces: String =
        text[range.clone()].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
    text.replace_range(range, &spaces);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &[&str]) {
        let Prose { text, blocks } = prose(source);
        assert_eq!(text.len(), source.len());
        let shown = |block: &Block| {
            let words: Vec<&str> = text[block.range.clone()].split_whitespace().collect();
            block.head.as_ref().map_or(String::new(), |head| format!("{}: ", head.trim()))
                + &words.join(" ")
        };
        assert_eq!(blocks.iter().map(shown).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn code_formulas_tags_and_addresses_are_not_prose() {
        check(
            "A `b 1` and $x = 2$ [c](/2024/) {% value a.b.c %} https://x.org/3 *d*.\n",
            &["A and c d ."],
        );
        check("A.\n\n```\nx = 1\n```\n\n    y = 2\n\n<!-- 3 -->\nB.\n", &["A.", "B."]);
        check("{% highlight py %}\nx = 1\n{% endhighlight %}\n\nÄ [@he2016].\n", &["Ä ."]);
    }

    #[test]
    fn cells_know_the_head_of_their_column() {
        check(
            "| net | accuracy |\n|---|---|\n| big | 91.2 |\n| small | 90.1 |\n",
            &["net: big", "accuracy: 91.2", "net: small", "accuracy: 90.1"],
        );
    }

    #[test]
    fn each_item_of_a_list_is_a_block() {
        check("- One.\n- Two.\n  - Three.\n", &["One.", "Two.", "Three."]);
    }
}
