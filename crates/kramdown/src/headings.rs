//! Ids of headings, and tables of contents.
//!
//! An id is made by the rule of GitHub and of Jekyll (kramdown's GFM parser): the letters, digits,
//! `_`, `-` and spaces of the text, in lower case and with `-` for spaces, followed by `-1`, `-2`
//! if the id is already taken.
//!
//! ```
//! use kramdown::{Options, headings, text};
//! use kramdown::embed::Embeds;
//!
//! let options = Options::default();
//! let mut document = kramdown::parse("# One\n\n## *Two*\n", &options);
//! headings::set_ids(&mut document, &options);
//! let contents = headings::contents(&document, &(1..=6));
//! assert_eq!(contents[0].children[0].id, "two");
//! assert_eq!(text::inline_text(&contents[0].children[0].title, &Embeds::default()), "Two");
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use crate::embed::{Embeds, has_marker};
pub use crate::ids::set_ids;
use crate::text::inline_text;
use crate::tree::{Document, Kind, Node};

/// A heading in the table of contents.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The level of the heading, 1 to 6.
    pub level: u8,
    /// Its id.
    pub id: String,
    /// Its text, without links and footnotes, so that it can be inside a link.
    pub title: Vec<Node>,
    /// The headings below it.
    pub children: Vec<Entry>,
}

/// Gives an id to each heading that has none, as GitHub does: unlike those of [`set_ids`], the ids
/// are unique and differ from all explicit ids.
pub fn set_unique_ids(document: &mut Document) {
    let mut ids = Ids { used: BTreeSet::new(), counts: BTreeMap::new() };
    visit(document, &mut |node| ids.used.extend(node.attributes.value("id").map(str::to_owned)));
    visit_mut(document, &mut |node| {
        let needs_id =
            matches!(node.kind, Kind::Heading { .. }) && node.attributes.value("id").is_none();
        if needs_id {
            let id = ids.next(slug(&text_without_embeds(&node.children)));
            node.attributes.set("id", id);
        }
    });
}

/// The plain text of nodes without embeds and the white space around them: for ids.
pub(super) fn text_without_embeds(nodes: &[Node]) -> String {
    let none = Embeds::default();
    let text = inline_text(nodes, &none);
    if !has_marker(&text) {
        return text;
    }
    none.as_text(&text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The headings of these levels as a tree, without those of class `no_toc` or without an id.
pub fn contents(document: &Document, levels: &RangeInclusive<u8>) -> Vec<Entry> {
    let mut entries = Vec::new();
    visit(document, &mut |node| {
        let Kind::Heading { level } = node.kind else { return };
        let Some(id) = node.attributes.value("id") else { return };
        let classes = node.attributes.value("class").unwrap_or_default();
        let is_left_out = classes.split_ascii_whitespace().any(|class| class == "no_toc");
        if levels.contains(&level) && !is_left_out {
            let title = without_links(&node.children);
            insert(&mut entries, Entry { level, id: id.to_owned(), title, children: Vec::new() });
        }
    });
    entries
}

/// Fills in the tables of contents of a document. They may nest deeper than the nodes of a parser,
/// by two for each level of headings.
pub fn place_contents(document: &mut Document, entries: &[Entry]) {
    let mut is_first = true;
    visit_mut(document, &mut |node| {
        if let Kind::TableOfContents { ordered } = node.kind {
            // kramdown derives the ids in the list from the id of the list.
            let id = node.attributes.value("id").unwrap_or("markdown-toc");
            node.children = items(entries, ordered, is_first.then_some(id));
            is_first = false;
        }
    });
}

/// Makes an id from text. It is empty if the text contains no letter or digit.
pub fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for letter in text.chars().flat_map(char::to_lowercase) {
        match letter {
            ' ' | '\t' | '-' => slug.push('-'),
            _ if is_word_character(letter) => slug.push(letter),
            _ => {}
        }
    }
    slug
}

/// Whether the character is a word character of Unicode: a letter, mark, digit or connector. Those
/// that only join others, as in emoji, are not word characters to Ruby.
fn is_word_character(c: char) -> bool {
    let is_joiner = matches!(c, '\u{200C}' | '\u{200D}');
    let is_beyond_ascii =
        || !c.is_ascii() && !is_joiner && regex_syntax::try_is_word_character(c).unwrap_or(false);
    c.is_ascii_alphanumeric() || c == '_' || is_beyond_ascii()
}

struct Ids {
    used: BTreeSet<String>,
    counts: BTreeMap<String, usize>,
}

impl Ids {
    fn next(&mut self, slug: String) -> String {
        let slug = if slug.is_empty() { "section".to_owned() } else { slug };
        let count = self.counts.entry(slug.clone()).or_default();
        loop {
            let id = if *count == 0 { slug.clone() } else { format!("{slug}-{count}") };
            *count += 1;
            if self.used.insert(id.clone()) {
                return id;
            }
        }
    }
}

/// Adds `entry` below the last entry of a lower level, at the right edge of the tree.
fn insert(entries: &mut Vec<Entry>, entry: Entry) {
    match entries.last_mut() {
        Some(last) if last.level < entry.level => insert(&mut last.children, entry),
        _ => entries.push(entry),
    }
}

fn items(entries: &[Entry], ordered: bool, list_id: Option<&str>) -> Vec<Node> {
    entries
        .iter()
        .map(|entry| {
            let mut link = Node::with_children(Kind::Link, entry.title.clone());
            link.attributes.set("href", format!("#{}", entry.id));
            if let Some(list_id) = list_id {
                link.attributes.set("id", format!("{list_id}-{}", entry.id));
            }
            let mut children = vec![link];
            if !entry.children.is_empty() {
                let kind = Kind::List { start: ordered.then_some(1) };
                children.push(Node::with_children(kind, items(&entry.children, ordered, list_id)));
            }
            Node::with_children(Kind::Item { task: None }, children)
        })
        .collect()
}

fn without_links(nodes: &[Node]) -> Vec<Node> {
    let mut kept = Vec::with_capacity(nodes.len());
    for node in nodes {
        match node.kind {
            Kind::FootnoteReference { .. } => {}
            Kind::Link => kept.extend(without_links(&node.children)),
            _ => {
                let mut node = Node { children: without_links(&node.children), ..node.clone() };
                // An id must be unique in a page.
                node.attributes.remove("id");
                kept.push(node);
            }
        }
    }
    kept
}

fn visit(document: &Document, seen: &mut impl FnMut(&Node)) {
    fn walk(nodes: &[Node], seen: &mut impl FnMut(&Node)) {
        for node in nodes {
            seen(node);
            walk(&node.children, seen);
        }
    }
    walk(&document.blocks, seen);
    for footnote in &document.footnotes {
        walk(&footnote.blocks, seen);
    }
}

fn visit_mut(document: &mut Document, seen: &mut impl FnMut(&mut Node)) {
    fn walk(nodes: &mut [Node], seen: &mut impl FnMut(&mut Node)) {
        for node in nodes {
            seen(node);
            walk(&mut node.children, seen);
        }
    }
    walk(&mut document.blocks, seen);
    for footnote in &mut document.footnotes {
        walk(&mut footnote.blocks, seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_slug(text: &str, expected: &str) {
        assert_eq!(slug(text), expected);
    }

    fn heading(level: u8, text: &str) -> Node {
        Node::with_children(Kind::Heading { level }, vec![Node::text(text)])
    }

    #[track_caller]
    fn check_ids(blocks: Vec<Node>, expected: &[&str]) {
        let mut document = Document { blocks, ..Document::default() };
        set_unique_ids(&mut document);
        let ids: Vec<_> =
            document.blocks.iter().filter_map(|node| node.attributes.value("id")).collect();
        assert_eq!(ids, expected);
    }

    #[test]
    fn slugs_are_those_of_kramdown() {
        check_slug("Ünïcode “quotes” 1.5 it’s — dash_x", "ünïcode-quotes-15-its--dash_x");
        check_slug("½ ² Ⅷ", "--ⅷ");
        check_slug("tab\tx  two", "tab-x--two");
        check_slug("e\u{301}cole", "e\u{301}cole");
        check_slug("a\u{200D}b 🏊\u{FE0F}", "ab-\u{FE0F}");
        check_slug("!!!", "");
    }

    #[test]
    fn repeated_headings_are_numbered() {
        check_ids(
            vec![heading(1, "foo"), heading(2, "Foo"), heading(3, "foo")],
            &["foo", "foo-1", "foo-2"],
        );
    }

    #[test]
    fn no_id_occurs_twice() {
        let mut given = heading(2, "other");
        given.attributes.set("id", "foo");
        check_ids(vec![heading(1, "foo-1"), heading(1, "foo"), given], &["foo-1", "foo-2", "foo"]);
    }

    #[test]
    fn a_heading_without_letters_is_a_section() {
        check_ids(vec![heading(1, "!!!"), heading(1, "???")], &["section", "section-1"]);
    }

    #[test]
    fn entries_nest_by_level_even_when_levels_are_skipped() {
        let blocks = vec![
            heading(2, "a"),
            heading(4, "b"),
            heading(3, "c"),
            heading(1, "d"),
            heading(6, "e"),
        ];
        let mut document = Document { blocks, ..Document::default() };
        set_unique_ids(&mut document);
        let shape = |entries: &[Entry]| -> String {
            fn write(entries: &[Entry]) -> String {
                let entries =
                    entries.iter().map(|entry| format!("{}({})", entry.id, write(&entry.children)));
                entries.collect::<Vec<_>>().join(" ")
            }
            write(entries)
        };
        assert_eq!(shape(&contents(&document, &(1..=5))), "a(b() c()) d()");
        assert_eq!(shape(&contents(&document, &(1..=6))), "a(b() c()) d(e())");
    }
}
