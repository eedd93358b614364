//! An error in someone's file: what is wrong, where, and how to fix it.
//!
//! A build collects all diagnostics and shows them together. Anything else (a full disk, a program
//! that does not start) is an [`std::io::Error`] or [`anyhow::Error`] instead.

use std::fmt;

/// A place in a file of the site. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Path from the site's root, with `/` between parts.
    pub path: String,
    /// `None` if the error is about the whole file, for example because it is missing.
    pub position: Option<Position>,
}

/// A line and a column, both counted from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Position {
    /// Returns the position of byte `offset` of `text`. An offset past the end or inside a
    /// character is moved back to the nearest valid one.
    pub fn at(text: &str, offset: usize) -> Position {
        let before = &text[..text.floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// Returns this position moved down by `lines`: the number of lines above the text it was found
    /// in.
    #[must_use]
    pub fn down(self, lines: usize) -> Position {
        Position { line: self.line + lines, ..self }
    }
}

impl Place {
    /// The whole file `path`.
    pub fn file(path: impl Into<String>) -> Place {
        Place { path: path.into(), position: None }
    }

    /// One position in the file `path`.
    pub fn new(path: impl Into<String>, position: Position) -> Place {
        Place { path: path.into(), position: Some(position) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some(Position { line, column }) => write!(out, "{}:{line}:{column}", self.path),
            None => write!(out, "{}", self.path),
        }
    }
}

/// An error in an input file. Ordered by place, then by text, so that a report is the same on every
/// machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    place: Place,
    message: String,
    hint: Option<String>,
    is_warning: bool,
}

impl Diagnostic {
    /// An error at `place`. The message is a lowercase phrase without a full stop; code and paths in
    /// backticks.
    pub fn new(place: Place, message: impl Into<String>) -> Diagnostic {
        Diagnostic { place, message: message.into(), hint: None, is_warning: false }
    }

    /// Adds what the author can do: a command to run, or the edit to make.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hint = Some(hint.into());
        self
    }

    /// Adds "did you mean `near`?" as the hint, if one of `known` is near to `given`; otherwise
    /// lists them.
    #[must_use]
    pub fn hint_nearest<'a>(
        self,
        given: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Diagnostic {
        let known: Vec<&str> = known.into_iter().collect();
        match nearest(given, known.iter().copied()) {
            Some(near) => self.hint(format!("did you mean `{near}`?")),
            None if known.is_empty() => self,
            None => self.hint(format!("expected one of {}", listed(known))),
        }
    }

    /// The same as a warning, which does not prevent the build.
    #[must_use]
    pub(crate) fn into_warning(self) -> Diagnostic {
        Diagnostic { is_warning: true, ..self }
    }

    /// The same error at another place, for text that was taken out of a file.
    #[must_use]
    pub fn at(self, place: Place) -> Diagnostic {
        Diagnostic { place, ..self }
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the author can do, if known.
    pub fn hinted(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Where the error is.
    pub fn place(&self) -> &Place {
        &self.place
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_warning { "warning" } else { "error" };
        write!(out, "{kind}: {}\n --> {}", self.message, self.place)?;
        match &self.hint {
            Some(hint) => write!(out, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

/// Returns the candidate most similar to `given`, or `None` if none is similar enough to be what
/// the author meant.
pub fn nearest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A third of the letters may differ: `epoks` finds `epochs`, `colour` does not find `loss`.
    let limit = given.chars().count().div_ceil(3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(given, candidate), candidate))
        .filter(|&(distance, _)| distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Removes the place at the end of serde's message, which is not the place in the file.
pub(crate) fn without_place(message: &str) -> &str {
    message.rfind(" at line ").map_or(message, |cut| &message[..cut])
}

/// Returns the names in backticks, separated by commas, for a message.
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_message_place_and_hint() {
        let place = Place::new("_posts/a.md", Position { line: 7, column: 12 });
        let diagnostic = Diagnostic::new(place, "unknown key `epoks`")
            .hint_nearest("epoks", ["epochs", "seeds"]);
        assert_eq!(
            diagnostic.to_string(),
            "error: unknown key `epoks`\n --> _posts/a.md:7:12\nhint: did you mean `epochs`?"
        );
    }

    #[test]
    fn lists_the_known_names_when_none_is_near() {
        let diagnostic = Diagnostic::new(Place::file("a.yml"), "unknown key `zzz`")
            .hint_nearest("zzz", ["epochs", "seeds"]);
        assert!(diagnostic.to_string().ends_with("hint: expected one of `epochs`, `seeds`"));
    }

    #[test]
    fn columns_count_characters_not_bytes() {
        let text = "ab\nécole: x";
        assert_eq!(
            Position::at(text, text.find('x').expect("it is there")),
            Position { line: 2, column: 8 }
        );
    }
}
