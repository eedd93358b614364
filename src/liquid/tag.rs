//! Tags that the site adds to those of Liquid and Jekyll: a table from name to what it does.

use std::collections::BTreeMap;

use super::{Environment, Expanded};
use crate::diagnostic::{Diagnostic, Place};
use crate::value::Value;

/// Renders tags.
pub trait Tag: Sync {
    /// Returns what the page shows for a tag; markers in it stand for embeds of `expanded`, which
    /// also takes everything that the page needs beside its text.
    fn render(&self, call: &Call<'_, '_>, expanded: &mut Expanded) -> Result<String, Diagnostic>;
}

/// A tag in a text: `{% NAME ARGUMENTS %}`.
pub struct Call<'c, 'e> {
    /// Its name.
    pub name: &'c str,
    /// What follows its name.
    pub arguments: &'c str,
    /// Where the arguments start.
    pub place: Place,
    /// The path of the page's file, whatever the page includes.
    pub page: &'c str,
    /// The value of a variable: `page`, `site` and the like; nil if there is none.
    pub variable: &'c dyn Fn(&str) -> Value,
    /// What every body of the site may refer to.
    pub environment: &'c Environment<'e>,
}

/// Tags by name.
#[derive(Default)]
pub struct Tags<'a>(BTreeMap<&'static str, &'a dyn Tag>);

impl<'a> Tags<'a> {
    /// Adds names that `tag` renders.
    #[must_use]
    pub fn with(mut self, names: impl IntoIterator<Item = &'static str>, tag: &'a dyn Tag) -> Self {
        self.0.extend(names.into_iter().map(|name| (name, tag)));
        self
    }

    /// All names, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    /// What renders the tag.
    pub(super) fn get(&self, name: &str) -> Option<&'a dyn Tag> {
        self.0.get(name).copied()
    }
}
