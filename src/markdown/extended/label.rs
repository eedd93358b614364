//! Numbers figures, tables, equations, listings and sections that have a label, and refers to them.
//!
//! A label is an id with a prefix: `fig:curves`. `[@fig:curves]` and `{% ref fig:curves %}`, which
//! writes the same, become a link `Figure 2`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::super::Problem;
use super::words::Words;
use super::{element, is_element};
use crate::diagnostic::{listed, nearest};
use crate::html::{escaped, placed_tags};
use kramdown::embed::{Embed, Embeds};
use kramdown::tree::{Document, Kind, Node};

/// The prefixes, each with the index of its word in [`Words::labels`].
const PREFIXES: [(&str, usize); 7] =
    [("fig", 0), ("tbl", 1), ("tab", 1), ("eq", 2), ("lst", 3), ("code", 3), ("sec", 4)];

/// The index of the word for a label.
fn kind_of(label: &str) -> Option<usize> {
    let (prefix, name) = label.split_once([':', '-'])?;
    let kind = PREFIXES.iter().find(|(known, _)| *known == prefix).map(|(_, kind)| *kind);
    // An id such as `sec-tion` is a label only with a colon.
    kind.filter(|_| !name.is_empty() && label.as_bytes()[prefix.len()] == b':')
}

/// The numbers of labels.
struct Labels<'w> {
    words: &'w Words,
    counts: [usize; 5],
    /// What a reference shows, by label.
    known: BTreeMap<String, String>,
}

/// Numbers all labels, and turns references into links.
pub(super) fn number(
    document: &mut Document,
    embeds: &mut Cow<'_, Embeds>,
    words: &Words,
) -> Vec<Problem> {
    let mut labels = Labels { words, counts: [0; 5], known: BTreeMap::new() };
    super::each_part(document, &mut |nodes| labels.number(nodes, embeds));
    let mut problems = Vec::new();
    super::each_part(document, &mut |nodes| labels.refer(nodes, &mut problems));
    problems
}

impl Labels<'_> {
    /// The number of a label as text: `Figure 2`; for a section, its title.
    fn next(&mut self, label: &str, kind: usize) -> String {
        self.counts[kind] += 1;
        let shown = format!("{}\u{a0}{}", self.words.labels[kind], self.counts[kind]);
        self.known.insert(label.to_owned(), shown.clone());
        shown
    }

    fn number(&mut self, nodes: &mut [Node], embeds: &mut Cow<'_, Embeds>) {
        for node in nodes {
            if let Kind::Embed(number) = node.kind {
                self.number_embed(node, number, embeds);
                continue;
            }
            let label = node.attributes.value("id").map(str::to_owned);
            let label = label.and_then(|label| Some((kind_of(&label)?, label)));
            if let Kind::Table = node.kind {
                self.frame_table(node, label);
                continue;
            }
            if let Some((kind, label)) = label {
                match (&node.kind, kind) {
                    (Kind::Heading { .. }, _) => {
                        let title = kramdown::text::inline_text(&node.children, embeds);
                        self.known.insert(label, title);
                    }
                    (Kind::Html { .. }, _) => {}
                    (_, 2) => {
                        self.next(&label, kind);
                        let number = Node::text(format!("({})", self.counts[kind]));
                        node.attributes.prepend_class("equation");
                        node.children.push(element("span", true, "equation-number", vec![number]));
                    }
                    _ => {
                        let shown = self.next(&label, kind);
                        let is_caption = |node: &Node| is_element(node, "figcaption");
                        let is_figure = is_element(node, "figure");
                        if is_figure && !node.children.iter().any(is_caption) {
                            node.children.push(element("figcaption", true, "", Vec::new()));
                        }
                        let caption = node.children.iter_mut().find(|node| is_caption(node));
                        if let Some(caption) = caption {
                            start(caption, &shown);
                        }
                    }
                }
            }
            if let Kind::Html { html, block: true } = &mut node.kind {
                self.number_html(html);
            }
            self.number(&mut node.children, embeds);
        }
    }

    /// Numbers a figure of an experiment by its option `id`.
    fn number_embed(&mut self, node: &mut Node, number: usize, embeds: &mut Cow<'_, Embeds>) {
        let Some(embed) = embeds.numbered(number).filter(|embed| embed.block) else { return };
        let mut html = embed.html.clone();
        if self.number_html(&mut html) {
            let embed = Embed { html, ..embed.clone() };
            node.kind = Kind::Embed(embeds.to_mut().add(embed));
        }
    }

    /// Numbers HTML with a label. Returns whether it has changed.
    fn number_html(&mut self, html: &mut String) -> bool {
        // A figure that is provisional is inside of an element that says so.
        let ids = || placed_tags(html).filter_map(|(_, tag)| tag.value("id"));
        let label = ids().find_map(|id| Some((kind_of(id)?, id.to_owned())));
        let Some((kind, label)) = label else { return false };
        let shown = self.next(&label, kind);
        let caption = placed_tags(html)
            .find(|(_, tag)| !tag.is_end && (tag.is("figcaption") || tag.is("caption")));
        let Some(at) = caption.map(|(at, tag)| at + tag.text.len()) else { return false };
        let number = format!("<span class=\"caption-number\">{}:</span> ", escaped(&shown));
        html.insert_str(at, &number);
        true
    }

    /// Puts a table with a label or a caption into a figure.
    fn frame_table(&mut self, node: &mut Node, label: Option<(usize, String)>) {
        let caption = node.attributes.remove("caption");
        if caption.is_none() && label.is_none() {
            return;
        }
        let text = caption.map(Node::text).into_iter().collect();
        let mut caption = element("figcaption", true, "", text);
        let mut table = std::mem::replace(node, Node::text(""));
        let id = table.attributes.remove("id");
        if let Some((kind, label)) = label {
            let shown = self.next(&label, kind);
            start(&mut caption, &shown);
        }
        *node = element("figure", true, "table", vec![caption, table]);
        if let Some(id) = id {
            node.attributes.set("id", id);
        }
    }

    /// Turns references in text into links.
    fn refer(&self, nodes: &mut Vec<Node>, problems: &mut Vec<Problem>) {
        let mut at = 0;
        while at < nodes.len() {
            self.refer(&mut nodes[at].children, problems);
            let referred = match &nodes[at].kind {
                Kind::Text(text) if text.contains("[@") => self.split(text, problems),
                _ => None,
            };
            match referred {
                Some(nodes_of_text) => {
                    let count = nodes_of_text.len();
                    nodes.splice(at..=at, nodes_of_text);
                    at += count;
                }
                None => at += 1,
            }
        }
    }

    fn split(&self, text: &str, problems: &mut Vec<Problem>) -> Option<Vec<Node>> {
        let mut found = Vec::new();
        let mut written = 0;
        for (at, _) in text.match_indices("[@") {
            let inside = &text[at + 2..];
            let Some((label, _)) = inside.split_once(']') else { continue };
            let Some(kind) = kind_of(label).filter(|_| at >= written) else { continue };
            found.push(Node::text(&text[written..at]));
            written = at + label.len() + 3;
            let shown = self.known.get(label).cloned().unwrap_or_else(|| {
                problems.push(self.unknown(label));
                // An excerpt lacks what follows it.
                self.words.labels[kind].to_owned()
            });
            let mut link = Node::with_children(Kind::Link, vec![Node::text(shown)]);
            link.attributes.set("href", format!("#{label}"));
            link.attributes.set("class", "ref");
            found.push(link);
        }
        if found.is_empty() {
            return None;
        }
        found.push(Node::text(&text[written..]));
        found.retain(|node| node.kind != Kind::Text(String::new()));
        Some(found)
    }

    fn unknown(&self, label: &str) -> Problem {
        let known = self.known.keys().map(String::as_str);
        let hint = match nearest(label, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if self.known.is_empty() => {
                format!(
                    "give a figure, table or equation the id: `{{: #{label}}}`, or `id=\"{label}\"` in a tag"
                )
            }
            None => format!("expected one of {}", listed(known)),
        };
        let message = format!("nothing on this page has the label `{label}`");
        Problem { source: label.to_owned(), at: 0, message, hint: Some(hint) }
    }
}

/// Starts a caption with a number.
fn start(caption: &mut Node, shown: &str) {
    let is_alone = caption.children.is_empty();
    let text = if is_alone { shown.to_owned() } else { format!("{shown}:") };
    caption.children.insert(0, element("span", false, "caption-number", vec![Node::text(text)]));
    if !is_alone {
        caption.children.insert(1, Node::text(" "));
    }
}
