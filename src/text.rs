//! Text with its place in a file.

use crate::diagnostic::{Place, Position};

/// A part of a file, and where it starts.
#[derive(Debug, Clone, Copy)]
pub struct Located<'a> {
    /// Path of the file, from the site's root.
    pub path: &'a str,
    /// The text.
    pub text: &'a str,
    /// How many lines of the file are above it.
    pub lines_above: usize,
}

impl Located<'_> {
    /// The place of byte `offset` of the text.
    pub fn place(&self, offset: usize) -> Place {
        Place::new(self.path, Position::at(self.text, offset).down(self.lines_above))
    }
}
