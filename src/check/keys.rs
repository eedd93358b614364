//! Misspelt keys of front matter, and misspelt values of keys that are true or false.

use std::collections::BTreeSet;

use super::{Found, Rule};
use crate::diagnostic::{Diagnostic, nearest};
use crate::inputs::Inputs;
use crate::post::Blog;
use crate::post::front_matter::{FrontMatter, KEYS, SWITCHES};
use crate::roles::Role;

/// Checks the front matter of all documents and pages.
pub(super) fn check(blog: &Blog<'_>, inputs: &Inputs, found: &mut Found<'_>) {
    let named = named_in_templates(inputs);
    let fronts = blog.documents().map(|document| &document.front);
    for front in fronts.chain(blog.pages.iter().map(|page| &page.front)) {
        for (key, value) in &front.values {
            let Some(key) = key.as_str() else { continue };
            if !KEYS.contains(&key) && !named.contains(key) {
                unknown(front, key, found);
            } else if SWITCHES.contains(&key)
                && let Some(text) = value.as_str()
            {
                switch(front, key, text, found);
            }
        }
    }
}

/// A key that labpress does not know and no template names, but that is almost one.
fn unknown(front: &FrontMatter<'_>, key: &str, found: &mut Found<'_>) {
    let Some(near) = nearest(key, KEYS.iter().copied()) else { return };
    let message = format!("nothing reads the key `{key}`");
    let place = front.place(key);
    // Defaults are not at a place of this file.
    if place.position.is_some() {
        let error = Diagnostic::new(place, message).hint(format!("did you mean `{near}`?"));
        found.add_to_source(Rule::Key, error);
    }
}

/// A string that is almost `true` or `false`.
fn switch(front: &FrontMatter<'_>, key: &str, text: &str, found: &mut Found<'_>) {
    let Some(near) = nearest(&text.to_lowercase(), ["true", "false"]) else { return };
    let message = format!("`{key}` is the text `{text}`");
    let hint = format!("did you mean `{key}: {near}`?");
    found.add_to_source(Rule::Key, Diagnostic::new(front.place(key), message).hint(hint));
}

/// All words that templates and bodies read from a value: those behind a dot and in brackets.
fn named_in_templates(inputs: &Inputs) -> BTreeSet<&str> {
    let is_template =
        |role: &Role| matches!(role, Role::Layout | Role::Include | Role::Page | Role::Post);
    let texts = inputs.texts().filter(|(_, text)| is_template(&text.role));
    let mut named = BTreeSet::new();
    for (_, text) in texts.filter(|(_, text)| text.text.contains("{{") || text.text.contains("{%"))
    {
        for start in [".", "[\"", "['"] {
            for (at, _) in text.text.match_indices(start) {
                let word = &text.text[at + start.len()..];
                let end = word.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-')));
                named.insert(&word[..end.unwrap_or(word.len())]);
            }
        }
    }
    named
}
