//! From a body's Markdown to its HTML: text → document tree, by dialect → passes over the tree → HTML.
//!
//! A dialect is one parser that makes a [`tree::Document`]. Everything after the parser is shared.

pub mod embed;
pub mod highlight;
pub mod html;
pub mod kramdown;
pub mod tree;
