//! The plain text of a document, for excerpts, search, word counts and ids of headings.
//!
//! ```
//! use kramdown::{Options, embed::Embeds, text};
//!
//! let document = kramdown::parse("# One\n\n*Two* &amp; three.\n", &Options::default());
//! assert_eq!(text::plain_text(&document, &Embeds::default()), "One\nTwo & three.");
//! ```

use crate::embed::Embeds;
use crate::tree::{Document, Kind, Node};

/// The text of a whole document without footnotes, markup and alternative text: a line for each
/// block.
pub fn plain_text(document: &Document, embeds: &Embeds) -> String {
    let mut text = String::new();
    for node in &document.blocks {
        write(&mut text, node, embeds);
    }
    text.truncate(text.trim_end().len());
    text
}

/// The text of nodes on one line.
pub fn inline_text(nodes: &[Node], embeds: &Embeds) -> String {
    let mut text = String::new();
    for node in nodes {
        write(&mut text, node, embeds);
    }
    text
}

/// The number of words in plain text: of parts between white space.
///
/// ```
/// assert_eq!(kramdown::text::word_count("One, two\u{a0}three\n"), 3);
/// ```
pub fn word_count(text: &str) -> usize {
    let bytes = text.as_bytes();
    // White space beyond ASCII starts with one of four bytes.
    let some = memchr::memchr3_iter(0xC2, 0xE2, 0xE3, bytes);
    let mut wide = some.chain(memchr::memchr_iter(0xE1, bytes));
    if wide.any(|at| text[at..].starts_with(char::is_whitespace)) {
        return text.split_whitespace().count();
    }
    let is_space = |byte: u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let Some((&first, rest)) = bytes.split_first() else { return 0 };
    // Counted in bytes, at most as many as fit, because compilers make that fast.
    let starts = bytes.chunks(255).zip(rest.chunks(255)).map(|(before, after)| {
        let pairs = before.iter().zip(after);
        let starts = pairs.map(|(&before, &after)| u8::from(is_space(before) & !is_space(after)));
        usize::from(starts.sum::<u8>())
    });
    usize::from(!is_space(first)) + starts.sum::<usize>()
}

fn write(out: &mut String, node: &Node, embeds: &Embeds) {
    match &node.kind {
        Kind::Text(text) | Kind::Code(text) | Kind::Abbreviation(text) => out.push_str(text),
        Kind::Math { tex, .. } => out.push_str(tex),
        Kind::SoftBreak | Kind::HardBreak => out.push(' '),
        Kind::Embed(number) => {
            if let Some(embed) = embeds.numbered(*number) {
                out.push_str(&embed.text);
                if embed.block {
                    end_line(out);
                }
            }
        }
        Kind::CodeBlock { text, .. } => {
            end_line(out);
            out.push_str(text);
        }
        Kind::Html { html, block } => {
            if *block {
                let mut text = String::new();
                write_html_text(&mut text, html);
                for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
                    end_line(out);
                    out.push_str(line);
                }
            } else {
                write_html_text(out, html);
            }
        }
        // The headings themselves are written elsewhere.
        Kind::TableOfContents { .. } | Kind::Footnotes => return,
        Kind::Cell { .. } => {
            for child in &node.children {
                write(out, child, embeds);
            }
            out.push(' ');
            return;
        }
        _ if node.kind.is_block() => end_line(out),
        _ => {}
    }
    for child in &node.children {
        write(out, child, embeds);
    }
    if node.kind.is_block() {
        end_line(out);
    }
}

fn end_line(out: &mut String) {
    out.truncate(out.trim_end_matches(' ').len());
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
}

/// Writes what is visible of raw HTML: without tags, comments, scripts and styles, and with
/// references replaced by their characters.
fn write_html_text(out: &mut String, html: &str) {
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        write_decoded(out, &rest[..at]);
        let from = &rest[at..];
        let end = if from.starts_with("<!--") {
            from.find("-->").map(|at| at + 3)
        } else if let Some(name) =
            ["script", "style"].into_iter().find(|name| starts_with_tag(from, name))
        {
            let close = format!("</{name}");
            let close_at = (0..from.len())
                .find(|&at| starts_without_case(&from.as_bytes()[at..], close.as_bytes()));
            close_at.and_then(|at| from[at..].find('>').map(|end| at + end + 1))
        } else if from[1..]
            .starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'))
        {
            from.find('>').map(|at| at + 1)
        } else {
            out.push('<');
            Some(1)
        };
        // What is not closed hides everything after it, as in a browser.
        rest = end.map_or("", |end| &from[end..]);
    }
    write_decoded(out, rest);
}

fn starts_with_tag(html: &str, name: &str) -> bool {
    starts_without_case(&html.as_bytes()[1..], name.as_bytes())
}

fn starts_without_case(text: &[u8], start: &[u8]) -> bool {
    text.get(..start.len()).is_some_and(|same| same.eq_ignore_ascii_case(start))
}

fn write_decoded(out: &mut String, text: &str) {
    const ENTITIES: [(&str, &str); 6] = [
        ("&nbsp;", " "),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ];
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let from = &rest[at..];
        let (letter, length) = ENTITIES
            .iter()
            .find(|(entity, _)| from.starts_with(entity))
            .map_or(("&", 1), |(entity, letter)| (*letter, entity.len()));
        out.push_str(letter);
        rest = &from[length..];
    }
    out.push_str(rest);
}
