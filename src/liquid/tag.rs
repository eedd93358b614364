//! Tags that the site adds to those of Liquid and Jekyll: a table from name to renderer.

use std::collections::BTreeMap;

use super::{Environment, Expanded};
use crate::diagnostic::{Diagnostic, Place};
use crate::value::Value;

/// Renders tags.
pub trait Tag: Sync {
    /// Returns the output of a tag, with markers for embeds in `expanded`, which also collects
    /// everything else that the page needs.
    fn render(&self, call: &Call<'_, '_>, expanded: &mut Expanded) -> Result<String, Diagnostic>;

    /// Whether the tag is a block, which ends with `endNAME`.
    fn is_block(&self, _name: &str) -> bool {
        false
    }

    /// Whether the tag also works inside of formulas and code in a line, where no other Liquid does.
    fn is_for_literals(&self, _name: &str) -> bool {
        false
    }
}

/// A tag in a text: `{% NAME ARGUMENTS %}`.
pub struct Call<'c, 'e> {
    /// Its name.
    pub name: &'c str,
    /// The text after its name.
    pub arguments: &'c str,
    /// Where the arguments start.
    pub place: Place,
    /// What is between the tag and its end, expanded; `None` if it is not a block.
    pub content: Option<&'c str>,
    /// The path of the page's file, even inside an include.
    pub page: &'c str,
    /// Returns the value of a variable: `page`, `site` and so on; nil if there is none.
    pub variable: &'c dyn Fn(&str) -> Value,
    /// Everything that bodies of the site can refer to.
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

    /// The renderer of a tag.
    pub(super) fn get(&self, name: &str) -> Option<&'a dyn Tag> {
        self.0.get(name).copied()
    }
}
