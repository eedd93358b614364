//! Where in the author's files something on a page comes from.

use crate::diagnostic::{Place, Position};
use crate::inputs::Inputs;
use crate::roles::Role;
use crate::site::Source;

/// The files that pages are made from.
pub(super) struct Places<'a> {
    pub(super) inputs: &'a Inputs,
}

impl Places<'_> {
    /// The place of the first of `texts` that the source of a page contains, or else a template of
    /// the site. Without any, the source, or the page itself.
    pub(super) fn find(&self, source: Option<&Source>, file: &str, texts: &[&str]) -> Place {
        let own = source.and_then(|source| {
            let path = source.path.as_str();
            in_text(path, self.inputs.text(path)?, texts)
        });
        let in_templates = || {
            let mut templates = self.inputs.texts().filter(|(_, text)| {
                matches!(text.role, Role::Layout | Role::Include | Role::Data | Role::Config)
            });
            templates.find_map(|(path, text)| in_text(path, &text.text, texts))
        };
        let whole = || Place::file(source.map_or(file, |source| &source.path));
        own.or_else(in_templates).unwrap_or_else(whole)
    }
}

/// The place of the first of `wanted` that a text contains.
fn in_text(path: &str, text: &str, wanted: &[&str]) -> Option<Place> {
    let mut wanted = wanted.iter().filter(|wanted| !wanted.is_empty());
    let at = wanted.find_map(|wanted| whole(text, wanted))?;
    Some(Place::new(path, Position::at(text, at)))
}

/// Where a text contains another one that is not a part of a longer address or word.
fn whole(text: &str, wanted: &str) -> Option<usize> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '/' | '-' | '_' | '.');
    let is_whole = |at: &usize| {
        let (before, after) = (&text[..*at], &text[at + wanted.len()..]);
        let starts = wanted.starts_with('/') && before.ends_with(is_part);
        let ends = wanted.ends_with(is_part) && after.starts_with(is_part);
        !starts && !ends
    };
    text.match_indices(wanted).map(|(at, _)| at).find(is_whole)
}
