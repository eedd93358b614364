//! Ids of headings, by kramdown's rules.
//!
//! Equal ids are counted, but explicit ids are ignored: an id may occur twice. Inside HTML
//! elements, kramdown's older rule applies instead of that of the GFM parser. Without GFM, `finish`
//! sets the ids.

use crate::Options;
use crate::headings::{slug, text_without_embeds};
use crate::tree::{Document, Kind, Node};
use std::collections::BTreeMap;

/// Gives an id to each heading that has none, by kramdown's rules. An id may be empty; then the
/// writer omits it. An id may also occur twice: see
/// [`set_unique_ids`](crate::headings::set_unique_ids).
pub fn set_ids(document: &mut Document, options: &Options) {
    if !options.auto_ids {
        return;
    }
    let mut ids = Ids { options, gfm: Counts::default(), plain: Counts::default() };
    ids.walk(&mut document.blocks, options.gfm);
    for footnote in &mut document.footnotes {
        ids.walk(&mut footnote.blocks, options.gfm);
    }
}

struct Ids<'a> {
    options: &'a Options,
    gfm: Counts,
    plain: Counts,
}

/// How often one of the rules has already made each id.
#[derive(Debug, Default)]
pub(super) struct Counts(BTreeMap<String, usize>);

impl Counts {
    /// The id, with a number if it is already taken.
    pub(super) fn id(&mut self, slug: &str, prefix: &str) -> String {
        let before = *self.0.entry(slug.to_owned()).and_modify(|count| *count += 1).or_default();
        if before == 0 { format!("{prefix}{slug}") } else { format!("{prefix}{slug}-{before}") }
    }
}

impl Ids<'_> {
    fn walk(&mut self, nodes: &mut [Node], gfm: bool) {
        for node in nodes {
            match node.kind {
                Kind::Heading { .. } if node.attributes.value("id").is_none() => {
                    let id = self.id(&text_without_embeds(&node.children), gfm);
                    node.attributes.set("id", id);
                }
                Kind::Element { .. } => self.walk(&mut node.children, false),
                _ => self.walk(&mut node.children, gfm),
            }
        }
    }

    fn id(&mut self, text: &str, gfm: bool) -> String {
        let (slug, counts) =
            if gfm { (slug(text), &mut self.gfm) } else { (plain_slug(text), &mut self.plain) };
        counts.id(&slug, &self.options.auto_id_prefix)
    }
}

/// kramdown's own rule: ASCII letters, digits, spaces (as `-`) and `-`, starting with the first
/// letter.
pub(super) fn plain_slug(text: &str) -> String {
    let text = text.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    let kept = text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-'));
    let slug: String = kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect();
    if slug.is_empty() { "section".to_owned() } else { slug }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let options = Options { parse_block_html: true, ..Options::default() };
        let mut document = crate::parse(text, &options);
        set_ids(&mut document, &options);
        let mut ids = Vec::new();
        gather(&document.blocks, &mut ids);
        assert_eq!(ids, expected);
    }

    fn gather(nodes: &[Node], ids: &mut Vec<String>) {
        for node in nodes {
            if let Kind::Heading { .. } = node.kind {
                ids.push(node.attributes.value("id").unwrap_or("none").to_owned());
            }
            gather(&node.children, ids);
        }
    }

    #[test]
    fn repeated_headings_are_counted_regardless_of_explicit_ids() {
        check("# a\n# a\n# a-1\n# b {#a}\n", &["a", "a-1", "a-1", "a"]);
    }

    #[test]
    fn a_heading_without_letters_has_no_id_and_the_next_one_a_number() {
        check("# !\n# ?\n", &["", "-1"]);
    }

    #[test]
    fn in_html_elements_the_older_rule_applies() {
        check("# 2: é x\n<div>\n# 2: é x\n# 2\n</div>\n", &["2-é-x", "x", "section"]);
    }
}
