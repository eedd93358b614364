//! Splits code into tokens with Rouge's classes, for the languages that most blogs are about.
//!
//! [`language`] finds a table, [`Language::read`] reads code by it. The tables are in `languages`,
//! a file for each language or family; [`engine`] says how they are read.

mod engine;
mod languages;
mod pattern;
#[cfg(test)]
mod tests;

pub(crate) use engine::Language;

/// Returns the language of this name, in lowercase.
pub(crate) fn language(name: &str) -> Option<&'static Language> {
    languages::ALL.iter().find(|language| language.names.contains(&name)).copied()
}

/// The names of each language, the usual one first.
pub(crate) fn names() -> impl Iterator<Item = &'static [&'static str]> {
    languages::ALL.iter().map(|language| language.names)
}
