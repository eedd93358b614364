//! Side notes: a copy of each short footnote beside its reference, for the margin of wide screens
//! and to be shown on hover and focus. Feeds leave it out.

use super::element;
use kramdown::tree::{Document, Footnote, Kind, Node};

/// The class of a side note.
pub(crate) const CLASS: &str = "sidenote";

/// Adds a side note after the first reference to each footnote of one paragraph.
pub(super) fn place(document: &mut Document) {
    let Document { blocks, footnotes, settings, .. } = document;
    if !footnotes.is_empty() {
        place_in(blocks, footnotes, settings.first_footnote);
    }
}

fn place_in(nodes: &mut Vec<Node>, footnotes: &[Footnote], first: usize) {
    let mut at = 0;
    while at < nodes.len() {
        let note = match &nodes[at].kind {
            // A heading is also in the table of contents, and a cell has no margin.
            Kind::Heading { .. } | Kind::Table | Kind::Link => None,
            Kind::FootnoteReference { footnote, occurrence: 0 } => {
                footnotes.get(*footnote).and_then(|note| side_note(note, footnote + first))
            }
            _ => {
                place_in(&mut nodes[at].children, footnotes, first);
                None
            }
        };
        if let Some(note) = note {
            at += 1;
            nodes.insert(at, note);
        }
        at += 1;
    }
}

/// A copy of a footnote that consists of one paragraph: only spans are allowed in a paragraph.
fn side_note(footnote: &Footnote, number: usize) -> Option<Node> {
    let [paragraph] = footnote.blocks.as_slice() else { return None };
    if paragraph.kind != Kind::Paragraph {
        return None;
    }
    let mut children = copies(&paragraph.children);
    let number = element("span", false, "sidenote-number", vec![Node::text(number.to_string())]);
    children.insert(0, Node::text(" "));
    children.insert(0, number);
    let mut note = element("span", false, CLASS, children);
    note.attributes.set("role", "note");
    Some(note)
}

/// Copies without ids and references, which must be unique.
fn copies(nodes: &[Node]) -> Vec<Node> {
    let nodes = nodes.iter().filter(|node| !matches!(node.kind, Kind::FootnoteReference { .. }));
    let copy = |node: &Node| {
        let mut copy = Node { children: copies(&node.children), ..node.clone() };
        copy.attributes.remove("id");
        copy
    };
    nodes.map(copy).collect()
}
