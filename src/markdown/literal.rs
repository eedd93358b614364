//! Finds code and formulas in the source of Markdown, before Liquid expands it.

use std::ops::Range;

use pulldown_cmark as cmark;

use super::{Dialect, commonmark, scan};

/// A piece of code or a formula.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Literal {
    /// All of it, with its delimiters.
    pub(crate) range: Range<usize>,
    /// Whether it is a block of code.
    pub(crate) is_code_block: bool,
}

/// The code and the formulas of a text, in order. They are found by the rules of CommonMark, which
/// for kramdown differ only in rare cases.
pub(crate) fn literals(text: &str) -> Vec<Literal> {
    let options = commonmark::Options { math: false, smart_punctuation: false, keeps_info: false };
    let events = cmark::Parser::new_ext(text, commonmark::extensions(options)).into_offset_iter();
    let found = events.filter_map(|(event, range)| {
        let is_code_block = match event {
            cmark::Event::Start(cmark::Tag::CodeBlock(_)) => true,
            cmark::Event::Code(_) => false,
            _ => return None,
        };
        Some(Literal { range, is_code_block })
    });
    let mut found: Vec<Literal> = found.collect();
    if text.contains(['\\', '$']) {
        let others = scan::formulas(text, Dialect::CommonMark).into_iter();
        found.extend(others.map(|formula| Literal { range: formula.range, is_code_block: false }));
        found.sort_by_key(|literal| literal.range.start);
    }
    found
}

/// The piece at byte `at`.
pub(crate) fn literal_at(literals: &[Literal], at: usize) -> Option<&Literal> {
    let after = literals.partition_point(|literal| literal.range.start <= at);
    literals[..after].iter().rev().take(2).find(|literal| literal.range.contains(&at))
}
