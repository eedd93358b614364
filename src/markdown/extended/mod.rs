//! What labpress adds to Markdown in both dialects, as passes over the document tree: callouts,
//! figures, tabs, options of code blocks, cross references, links of bare addresses and side notes.
//!
//! A blog from Jekyll has none of it, because its HTML is to stay Jekyll's. The features and their
//! markup are documented in `docs/writing.md`.

pub(super) mod abbreviation;
mod autolink;
mod callout;
mod code;
mod image;
mod label;
mod note;
mod tabs;
mod task;
mod words;

use std::borrow::Cow;

use super::highlight;
use super::{Options, Problem};
use kramdown::embed::Embeds;
use kramdown::tree::{Document, Kind, Node};

pub(super) use self::abbreviation::Abbreviations;

/// The attribute in which the parser leaves the info string of a fence after the language.
pub(super) const INFO: &str = "info";

/// Applies all passes except [`side_notes`]. Returns what is wrong with the text.
pub(super) fn apply(
    document: &mut Document,
    embeds: &mut Cow<'_, Embeds>,
    abbreviations: &Abbreviations,
    options: &Options,
) -> Vec<Problem> {
    let words = words::of(&options.language);
    each_part(document, &mut |nodes| {
        callout::mark(nodes, words);
        image::frame(nodes, options);
        task::mark(nodes);
        tabs::group(nodes);
        code::write(nodes, options);
    });
    let problems = label::number(document, embeds, words);
    each_part(document, &mut |nodes| {
        abbreviations.mark(nodes);
        autolink::mark(nodes);
    });
    problems
}

/// Puts short footnotes beside their references. What is there twice must not count as text twice,
/// so this comes last.
pub(super) fn side_notes(document: &mut Document) {
    note::place(document);
}

/// Calls `change` with the blocks of the text and of each footnote.
fn each_part(document: &mut Document, change: &mut impl FnMut(&mut Vec<Node>)) {
    change(&mut document.blocks);
    for footnote in &mut document.footnotes {
        change(&mut footnote.blocks);
    }
}

/// An element of HTML with these classes.
fn element(name: &str, block: bool, class: &str, children: Vec<Node>) -> Node {
    let mut node = Node::with_children(Kind::Element { name: name.to_owned(), block }, children);
    if !class.is_empty() {
        node.attributes.set("class", class);
    }
    node
}

fn is_element(node: &Node, wanted: &str) -> bool {
    matches!(&node.kind, Kind::Element { name, .. } if name == wanted)
}

fn is_space(node: &Node) -> bool {
    match &node.kind {
        Kind::SoftBreak | Kind::HardBreak => true,
        Kind::Text(text) => text.trim().is_empty(),
        _ => false,
    }
}
